package canon

import (
	"bytes"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/fault"
)

type sample struct {
	Name  string `cbor:"1,keyasint"`
	N     int64  `cbor:"2,keyasint,omitempty"`
	Hash  Hash   `cbor:"3,keyasint"`
	Inner []byte `cbor:"4,keyasint,omitempty"`
}

func TestOneValueHasOneEncoding(t *testing.T) {
	in := sample{Name: "a", N: -1, Hash: Sum("t"), Inner: []byte{1}}
	data := Must(in)
	var out sample
	if err := Decode(data, &out); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(Must(out), data) {
		t.Fatal("encode, decode, encode changed the bytes")
	}
}

func TestDecodeRefusesEveryOtherEncoding(t *testing.T) {
	for name, data := range map[string][]byte{
		"empty":             {},
		"trailing byte":     append(Must(sample{}), 0),
		"unknown key":       {0xa1, 0x09, 0x01},
		"long integer":      {0xa1, 0x02, 0x18, 0x01},
		"indefinite map":    {0xbf, 0xff},
		"duplicate key":     {0xa2, 0x02, 0x01, 0x02, 0x01},
		"tag":               {0xc1, 0x01},
		"missing field":     {0xa1, 0x01, 0x61, 0x61},
		"unsorted keys":     append([]byte{0xa3, 0x03, 0x58, 0x20}, append(make([]byte, 32), 0x01, 0x60, 0x02, 0x01)...),
		"huge declared map": {0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	} {
		t.Run(name, func(t *testing.T) {
			var out sample
			if err := Decode(data, &out); fault.CodeOf(err) != fault.Invalid {
				t.Fatalf("got %v, want code invalid", err)
			}
		})
	}
}

func TestSumSeparatesTagsAndParts(t *testing.T) {
	seen := map[Hash]string{}
	for name, h := range map[string]Hash{
		"ab":   Sum("t", []byte("ab")),
		"a,b":  Sum("t", []byte("a"), []byte("b")),
		"tag":  Sum("u", []byte("ab")),
		"none": Sum("t"),
	} {
		if other, ok := seen[h]; ok {
			t.Fatalf("%s and %s collide", name, other)
		}
		seen[h] = name
	}
}

// The vectors are what SHA-256 gives for the length-prefixed parts; whoever
// changes one changes every hash on every ledger.
func TestSumGoldenVectors(t *testing.T) {
	for _, c := range []struct {
		tag   string
		parts []string
		want  string
	}{
		{"lateral/test", []string{"abc"}, "92c336754733da3af7c57c395b7c5e05c288da5c0b773766ccf00b62c3cded62"},
		{"lateral/test", nil, "91df8b2b37ec02a5fe0906b8cb5e7053633ffe6ece099d839696f02b73bf851d"},
	} {
		var parts [][]byte
		for _, p := range c.parts {
			parts = append(parts, []byte(p))
		}
		if got := Sum(c.tag, parts...).String(); got != c.want {
			t.Errorf("Sum(%q, %q) = %s, want %s", c.tag, c.parts, got, c.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(Must(sample{Name: "x"}))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s sample
		if Decode(data, &s) == nil && !bytes.Equal(Must(s), data) {
			t.Fatal("accepted a second encoding")
		}
	})
}

// A hash has one text: what is read in capitals is printed in small letters.
func FuzzHashText(f *testing.F) {
	f.Add(Sum("t").String())
	f.Add(strings.ToUpper(Sum("t").String()))
	f.Add(strings.Repeat("g", 64))
	f.Fuzz(func(t *testing.T, s string) {
		h, err := ParseHash(s)
		if err != nil {
			if fault.CodeOf(err) != fault.Invalid {
				t.Fatalf("code of %v", err)
			}
			return
		}
		if h.String() != strings.ToLower(s) {
			t.Fatalf("%q is printed %q", s, h)
		}
	})
}
