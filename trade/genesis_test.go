package trade

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/party"
)

// Every node reads the document that the chain id names. What it says is taken
// by all in the same way, and no member founds a network that has not signed.
func FuzzGenesis(f *testing.F) {
	doc := GenesisDocument{Network: DefaultNetwork("test"), Members: []party.Signed{application("ALPHA"), application("BRAVO")},
		Validators: []Validator{{"v0", key("v0").Public(), 1}}, Start: base}
	f.Add(canon.Must(doc))
	twice := doc
	twice.Members = []party.Signed{application("ALPHA"), application("ALPHA")}
	f.Add(canon.Must(twice))
	twice.Members, twice.Validators = doc.Members, []Validator{{"v0", key("ALPHA.node").Public(), 1}}
	f.Add(canon.Must(twice))
	f.Add(canon.Must(GenesisDocument{}))
	known := map[party.Code][]byte{}
	for _, s := range doc.Members {
		known[s.Application.Code] = canon.Must(s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var d GenesisDocument
		if canon.Decode(data, &d) != nil {
			return
		}
		one, err := Genesis(d)
		two, other := Genesis(d)
		if !reflect.DeepEqual(one, two) || fault.CodeOf(err) != fault.CodeOf(other) {
			t.Fatalf("the same document gives %v and %v", err, other)
		}
		if err != nil {
			if code := fault.CodeOf(err); code == fault.Internal || len(one) > 0 {
				t.Fatalf("a refusal writes, or has the code %q", code)
			}
			return
		}
		for _, s := range d.Members {
			if !bytes.Equal(known[s.Application.Code], canon.Must(s)) {
				t.Fatalf("a founding member has not signed: %+v", s)
			}
		}
		for i, w := range one {
			if i > 0 && one[i-1].Key >= w.Key {
				t.Fatalf("the records are out of order at %q", w.Key)
			}
		}
	})
}
