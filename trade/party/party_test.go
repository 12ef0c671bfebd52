package party

import (
	"bytes"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/money"
)

func key(b byte) sign.PrivateKey { return sign.FromSeed([32]byte{b}) }

func application() Application {
	return Application{Code: "ALPHA", LegalName: "Alpha Telecom Ltd", Country: "CH", Exchange: "alpha.example:9000", Sealing: make([]byte, sealingSize),
		Aliases: []Alias{{"OCN", "1234"}, {"TADIG", "CHEAA"}}}
}

func TestAnApplicationIsCheckedInAllItsParts(t *testing.T) {
	sign3 := func(a Application) Signed { return a.Sign(key(1), key(2), key(3)) }
	for _, c := range []struct {
		name, field string
		code        fault.Code
		make        func() Signed
	}{
		{"good", "", "", func() Signed { return sign3(application()) }},
		{"no code", "code", fault.Invalid, func() Signed { a := application(); a.Code = ""; return sign3(a) }},
		{"a slash in the code", "code", fault.Invalid, func() Signed { a := application(); a.Code = "A/B"; return sign3(a) }},
		{"no name", "legal_name", fault.Invalid, func() Signed { a := application(); a.LegalName = ""; return sign3(a) }},
		{"no address", "exchange", fault.Invalid, func() Signed { a := application(); a.Exchange = ""; return sign3(a) }},
		{"country in small letters", "country", fault.Invalid, func() Signed { a := application(); a.Country = "ch"; return sign3(a) }},
		{"an alias twice", "aliases", fault.Invalid, func() Signed { a := application(); a.Aliases = append(a.Aliases, a.Aliases[0]); return sign3(a) }},
		{"an alias with a slash", "aliases", fault.Invalid, func() Signed { a := application(); a.Aliases[0].Value = "1/2"; return sign3(a) }},
		{"a short sealing key", "sealing", fault.Invalid, func() Signed { a := application(); a.Sealing = a.Sealing[1:]; return sign3(a) }},
		{"one key in two roles", "member", fault.Invalid, func() Signed { return application().Sign(key(1), key(1), key(3)) }},
		{"a node key of small order", "node", fault.Invalid, func() Signed { s := sign3(application()); s.Application.Node = sign.PublicKey{1}; return s }},
		{"changed after signing", "member", fault.Refused, func() Signed { s := sign3(application()); s.Application.Country = "DE"; return s }},
		{"recovery not signed", "recovery", fault.Refused, func() Signed { s := sign3(application()); s.Recovery = sign.Signature{}; return s }},
	} {
		err := c.make().Validate()
		if fault.CodeOf(err) != c.code || err != nil && fault.Of(err).Field != c.field {
			t.Errorf("%s: %v, want code %q in field %q", c.name, err, c.code, c.field)
		}
	}
}

// Signatures are checked against the key valid at that height (IDN-09).
func TestKeysCountAtTheirHeights(t *testing.T) {
	m := Member{Members: []Key{{key(1).Public(), 0, 10}, {key(2).Public(), 10, 0}},
		Sealing: []SealingKey{{[]byte{1}, 0, 10}, {[]byte{2}, 5, 0}}}
	for _, c := range []struct {
		key    byte
		height uint64
		want   bool
	}{{1, 0, true}, {1, 9, true}, {1, 10, false}, {2, 9, false}, {2, 10, true}, {3, 10, false}} {
		if m.MemberKey(key(c.key).Public(), c.height) != c.want {
			t.Errorf("key %d at %d: not %v", c.key, c.height, c.want)
		}
	}
	for height, want := range map[uint64]int{0: 1, 5: 2, 9: 2, 10: 1} {
		if got := len(m.SealingKeys(height)); got != want {
			t.Errorf("%d sealing keys at %d, want %d", got, height, want)
		}
	}
}

func TestLimitsAreOneForEachCurrency(t *testing.T) {
	for name, c := range map[string]struct {
		limits []money.Amount
		ok     bool
	}{
		"none":     {nil, true},
		"two":      {[]money.Amount{{Currency: "USD", Micro: 1}, {Currency: "EUR", Micro: 0}}, true},
		"twice":    {[]money.Amount{{Currency: "USD", Micro: 1}, {Currency: "USD", Micro: 2}}, false},
		"negative": {[]money.Amount{{Currency: "USD", Micro: -1}}, false},
		"unknown":  {[]money.Amount{{Currency: "XYZ", Micro: 1}}, false},
	} {
		if (CheckLimits(c.limits) == nil) != c.ok {
			t.Errorf("%s: accepted is not %v", name, c.ok)
		}
	}
}

// An applicant writes the application. What is taken is what its keys signed.
func FuzzSigned(f *testing.F) {
	good := canon.Must(application().Sign(key(1), key(2), key(3)))
	f.Add(good)
	other := application()
	other.Code, other.Aliases = "A/B", nil
	f.Add(canon.Must(other.Sign(key(1), key(1), key(1))))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s Signed
		if canon.Decode(data, &s) != nil {
			return
		}
		switch code := fault.CodeOf(s.Validate()); code {
		case "":
			if !bytes.Equal(data, good) {
				t.Fatalf("an application was taken that nobody signed: %+v", s.Application)
			}
		case fault.Invalid, fault.Refused:
		default:
			t.Fatalf("code %q", code)
		}
	})
}
