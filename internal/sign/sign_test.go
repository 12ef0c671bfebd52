package sign

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/fault"
)

func key(n byte) PrivateKey { return FromSeed([32]byte{n}) }

func TestASignatureIsGoodForItsKeyTagAndMessageOnly(t *testing.T) {
	k, other := key(1), key(2)
	sig := k.Sign("lateral/test", []byte("pay 5"))
	if !Verify(k.Public(), "lateral/test", []byte("pay 5"), sig) {
		t.Fatal("a good signature was refused")
	}
	flipped := sig
	flipped[3] ^= 1
	for name, ok := range map[string]bool{
		"another key":        Verify(other.Public(), "lateral/test", []byte("pay 5"), sig),
		"another tag":        Verify(k.Public(), "lateral/other", []byte("pay 5"), sig),
		"another message":    Verify(k.Public(), "lateral/test", []byte("pay 6"), sig),
		"a flipped bit":      Verify(k.Public(), "lateral/test", []byte("pay 5"), flipped),
		"no signature":       Verify(k.Public(), "lateral/test", []byte("pay 5"), Signature{}),
		"the zero key":       Verify(PublicKey{}, "lateral/test", []byte("pay 5"), sig),
		"tag inside message": Verify(k.Public(), "", []byte("lateral/testpay 5"), sig),
	} {
		if ok {
			t.Errorf("%s was accepted", name)
		}
	}
}

// Ed25519 is deterministic; whoever changes these bytes changes what every
// ledger holds.
func TestSignGoldenVector(t *testing.T) {
	sig := key(1).Sign("lateral/test", []byte("abc"))
	got := hex.EncodeToString(sig[:8]) + "…" + hex.EncodeToString(sig[56:])
	const want = "92cbc04b9adcecb6…d211df297cab0706"
	if got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
}

func TestABatchAgreesWithSingleChecks(t *testing.T) {
	var b Batch
	var want []bool
	for i := range 70 {
		k := key(byte(i % 7))
		msg := fmt.Appendf(nil, "command %d", i)
		sig := k.Sign("lateral/test", msg)
		if i%11 == 5 {
			sig[40] ^= 1
		}
		b.Add(k.Public(), "lateral/test", msg, sig)
		want = append(want, Verify(k.Public(), "lateral/test", msg, sig))
	}
	all, each := b.Verify()
	if all {
		t.Fatal("a batch with bad signatures was called good")
	}
	for i := range want {
		if each[i] != want[i] {
			t.Errorf("entry %d: batch says %v, single says %v", i, each[i], want[i])
		}
	}
	if all, _ := new(Batch).Verify(); !all {
		t.Error("an empty batch has nothing bad in it")
	}
}

// The points of order 1, 2, 4 and 8, and encodings of y beyond the field: with
// such a "key" a signature can be good for many messages.
func TestKeysOfSmallOrderOrTwoEncodingsAreNotRegistered(t *testing.T) {
	for name, text := range map[string]string{
		"identity":           "0100000000000000000000000000000000000000000000000000000000000000",
		"order 2":            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"order 4":            "0000000000000000000000000000000000000000000000000000000000000000",
		"order 8":            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"y = p + 1":          "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"identity, sign bit": "0100000000000000000000000000000000000000000000000000000000000080",
		"y beyond the field": "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"not a point at all": "0200000000000000000000000000000000000000000000000000000000000000",
	} {
		t.Run(name, func(t *testing.T) {
			var p PublicKey
			if err := p.UnmarshalText([]byte(text)); err != nil {
				t.Fatal(err)
			}
			if err := CheckKey(p); fault.CodeOf(err) != fault.Invalid {
				t.Errorf("got %v, want code invalid", err)
			}
		})
	}
	if err := CheckKey(key(9).Public()); err != nil {
		t.Errorf("a proper key was refused: %v", err)
	}
}

func TestAPrivateKeyNeverPrintsItsSeed(t *testing.T) {
	k := key(7)
	seed := k.Seed()
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("key", "k", k)
	for _, text := range []string{fmt.Sprint(k), fmt.Sprintf("%#v", k), fmt.Sprintf("%+v", struct{ K PrivateKey }{k}), log.String()} {
		if strings.Contains(text, hex.EncodeToString(seed[:])) {
			t.Errorf("the seed shows in %q", text)
		}
	}
}

func TestTextFormsAreRead(t *testing.T) {
	k := key(3)
	sig := k.Sign("t", nil)
	text, _ := sig.MarshalText()
	var back Signature
	if err := back.UnmarshalText(text); err != nil || back != sig {
		t.Fatal("a signature did not survive its text form")
	}
	for _, bad := range []string{"", "zz", string(text[:100]), strings.Repeat("g", 128)} {
		if err := back.UnmarshalText([]byte(bad)); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%.10q: got %v, want code invalid", bad, err)
		}
	}
}

// A key and a signature have one text each, and none stands for the other.
func FuzzText(f *testing.F) {
	sig := key(1).Sign("lateral/test", []byte("pay 5"))
	text, err := sig.MarshalText()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add(key(1).Public().String())
	f.Add(strings.ToUpper(key(1).Public().String()))
	f.Fuzz(func(t *testing.T, s string) {
		var p PublicKey
		var sig Signature
		errKey, errSig := p.UnmarshalText([]byte(s)), sig.UnmarshalText([]byte(s))
		if errKey == nil && p.String() != strings.ToLower(s) {
			t.Fatalf("the key %q is printed %q", s, p)
		}
		if errSig == nil {
			if text, err := sig.MarshalText(); err != nil || string(text) != strings.ToLower(s) {
				t.Fatalf("the signature %q is printed %q, %v", s, text, err)
			}
		}
		for _, err := range []error{errKey, errSig} {
			if err != nil && fault.CodeOf(err) != fault.Invalid {
				t.Fatalf("code of %v", err)
			}
		}
		_ = CheckKey(p) // judges any bytes
		if Verify(p, "lateral/test", []byte("pay 6"), sig) && CheckKey(p) == nil {
			t.Fatal("a forged signature is taken")
		}
	})
}
