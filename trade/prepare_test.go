package trade

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"reflect"
	"regexp"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
)

// Every command that somebody signs can be prepared, read and signed elsewhere,
// and comes back as if it had been signed here.
func TestEveryCommandThatIsSignedCanBePrepared(t *testing.T) {
	for k, r := range rules() {
		if _, ok := forms[k]; ok != (r.need != nodeAlone) {
			t.Errorf("%s can be prepared: %v", k, ok)
		}
	}
	for k := range forms {
		n := 0
		v := reflect.New(reflect.TypeOf(bodies[k]))
		fill(v.Elem(), &n)
		body := canon.Must(v.Elem().Interface())
		shown, err := ShowBody(k, body)
		if err != nil || !reflect.DeepEqual(shown, v.Elem().Interface()) {
			t.Errorf("%s shows %+v, %v", k, shown, err)
		}
		p := Prepared{testChain, testChannel, k, body, 77, canon.Sum("n")}
		want := p.Sign(key("one"))
		// A device that knows nothing of Lateral signs the message.
		m := p.Message()
		s := sign.Signature(ed25519.Sign(key("one").Standard(), m[:]))
		got, err := p.Signed(key("one").Public(), s)
		if err != nil || !bytes.Equal(canon.Must(got), canon.Must(want)) {
			t.Errorf("%s: %v", k, err)
		}
		if _, err := p.Signed(key("two").Public(), s); fault.CodeOf(err) != CodeAuthorizationForged {
			t.Errorf("%s under another's key: %v", k, err)
		}
		p.Nonce[0]++
		if _, err := p.Signed(key("one").Public(), s); fault.CodeOf(err) != CodeAuthorizationForged {
			t.Errorf("%s with another number: %v", k, err)
		}
	}
}

func TestABodyIsReadFromJSON(t *testing.T) {
	member := key("m").Public()
	for name, c := range map[string]struct {
		kind Kind
		text string
		want any
		code fault.Code
	}{
		"an underscore": {KindKeyRotate, `{"member":"ALPHA","new_member":"` + member.String() + `"}`, KeyRotate{Member: "ALPHA", NewMember: &member}, ""},
		"a vote":        {KindMemberVouch, `{"member":"CHARLIE","by":"ALPHA"}`, MemberVote{"CHARLIE", "ALPHA"}, ""},
		"a stray field": {KindMemberVouch, `{"member":"CHARLIE","on":"ALPHA"}`, nil, fault.Invalid},
		"a wrong type":  {KindMemberVouch, `{"member":7}`, nil, fault.Invalid},
		"a bad key":     {KindDelegateRevoke, `{"key":"zz"}`, nil, fault.Invalid},
		"a node's own":  {KindTick, `{}`, nil, fault.Invalid},
	} {
		var fields map[string]any
		if err := json.Unmarshal([]byte(c.text), &fields); err != nil {
			t.Fatal(err)
		}
		got, err := EncodeBody(c.kind, fields)
		if fault.CodeOf(err) != c.code || err == nil && !bytes.Equal(got, canon.Must(c.want)) {
			t.Errorf("%s: %x, %v", name, got, err)
		}
	}
}

// Whatever JSON somebody writes for a body, it is refused or becomes one body,
// which is shown as it was written; and whatever body is to be signed, it is
// shown as it is or refused.
func FuzzForms(f *testing.F) {
	for k := range forms {
		n := 0
		v := reflect.New(reflect.TypeOf(bodies[k]))
		fill(v.Elem(), &n)
		text, err := json.Marshal(v.Elem().Interface())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(k), text, canon.Must(v.Elem().Interface()))
	}
	f.Add("tick", []byte(`{}`), []byte{})
	f.Fuzz(func(t *testing.T, kind string, text, body []byte) {
		k := Kind(kind)
		show := func(body []byte) bool {
			shown, err := ShowBody(k, body)
			if err != nil {
				if code := fault.CodeOf(err); code != fault.Invalid {
					t.Fatalf("%s: code %q", kind, code)
				}
				return false
			}
			if !bytes.Equal(canon.Must(shown), body) {
				t.Fatalf("%s: %+v is shown for another body", kind, shown)
			}
			// What has no JSON, such as an interval that ends before it begins, is
			// refused by a code when it is printed, and so is not signed.
			if _, err := json.Marshal(shown); err != nil && fault.CodeOf(err) == fault.Internal {
				t.Fatalf("%s: what is shown has no JSON: %v", kind, err)
			}
			return true
		}
		show(body)
		var fields map[string]any
		if json.Unmarshal(text, &fields) != nil {
			return
		}
		made, err := EncodeBody(k, fields)
		if err != nil {
			if code := fault.CodeOf(err); code == "" || code == fault.Internal {
				t.Fatalf("%s: code of %v", kind, err)
			}
			return
		}
		if !show(made) {
			t.Fatalf("%s: what was made of %s cannot be shown", kind, text)
		}
	})
}

// A signature that was made elsewhere counts for the command that it was made
// for, and for no other.
func FuzzPrepared(f *testing.F) {
	good := Prepared{testChain, testChannel, KindTick, canon.Must(Tick{"order/V-1"}), 77, canon.Sum("n")}
	one, signed := key("one").Public(), good.Sign(key("one")).Authorization.Signature
	seed := func(p Prepared) {
		f.Add(p.Chain, p.Channel[:], string(p.Kind), p.Body, p.Expires, p.Nonce[:], one[:], signed[:])
	}
	seed(good)
	good.Expires++
	seed(good)
	good.Expires--
	f.Fuzz(func(t *testing.T, chain string, channel []byte, kind string, body []byte, expires int64, nonce, k, s []byte) {
		p := Prepared{Chain: chain, Kind: Kind(kind), Body: body, Expires: expires}
		var of sign.PublicKey
		var by sign.Signature
		copy(p.Channel[:], channel)
		copy(p.Nonce[:], nonce)
		copy(of[:], k)
		copy(by[:], s)
		c, err := p.Signed(of, by)
		if err != nil {
			if fault.CodeOf(err) != CodeAuthorizationForged {
				t.Fatalf("code of %v", err)
			}
			return
		}
		if p.Message() != good.Message() || of != one {
			t.Fatalf("a command is taken that its key never signed: %+v", c)
		}
	})
}

// Who is to sign a command reads it in the words in which it is prepared, and
// its limits, dates and keys with it.
func TestABodyIsShownInTheWordsInWhichItIsPrepared(t *testing.T) {
	plain := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	var words func(where string, v any)
	words = func(where string, v any) {
		switch x := v.(type) {
		case map[string]any:
			for name, v := range x {
				if !plain.MatchString(name) {
					t.Errorf("%s shows a field %q", where, name)
				}
				words(where+"."+name, v)
			}
		case []any:
			for _, v := range x {
				words(where, v)
			}
		}
	}
	for k := range forms {
		n := 0
		v := reflect.New(reflect.TypeOf(bodies[k]))
		fill(v.Elem(), &n)
		body := canon.Must(v.Elem().Interface())
		shown, err := ShowBody(k, body)
		if err != nil {
			t.Fatal(k, err)
		}
		text, err := json.Marshal(shown)
		if err != nil {
			continue // filled by chance with what has no JSON; it is not signed
		}
		var fields map[string]any
		if err := json.Unmarshal(text, &fields); err != nil {
			t.Fatal(k, err)
		}
		words(string(k), fields)
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber() // large numbers stay what they are
		clear(fields)
		if err := d.Decode(&fields); err != nil {
			t.Fatal(k, err)
		}
		if again, err := EncodeBody(k, fields); err != nil || !bytes.Equal(again, body) {
			t.Errorf("%s: what is shown, %s, is prepared as another body: %v", k, text, err)
		}
	}
}
