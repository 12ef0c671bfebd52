package node

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/ledger/comet"
	"github.com/lateral-network/lateral/trade"
)

// A configuration that is understood is understood again when it is written.
func FuzzConfig(f *testing.F) {
	f.Add([]byte("carrier: ALPHA\ndata: data\nkeys: k\npassphrase: p\nfollow:\n    - {name: one, key: \"\", address: 'x:1'}\n"))
	f.Add([]byte("validator: {name: one, p2p: ':1', follow: ':2', peers: []}\nlog: {level: debug, format: json}\nautomatic: {rate: true}\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parseConfig(data)
		if err != nil {
			return
		}
		_ = c.Validate() // says what is wrong, and does no more
		text, err := yaml.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseConfig(text)
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		if second, err := yaml.Marshal(again); err != nil || !bytes.Equal(text, second) {
			t.Errorf("%v:\n%s\nbecomes\n%s", err, text, second)
		}
	})
}

// A genesis document that is understood has a hash and is judged.
func FuzzGenesis(f *testing.F) {
	f.Add([]byte(`{"network":{"name":"test"},"members":[],"validators":[],"start":0}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var doc trade.GenesisDocument
		if parseJSON(data, &doc) != nil {
			return
		}
		if doc.Hash() != doc.Hash() || len(genesisBytes(doc)) == 0 {
			t.Error("the document has no hash")
		}
		one, errOne := trade.Genesis(doc)
		two, errTwo := trade.Genesis(doc)
		if !reflect.DeepEqual(one, two) || (errOne == nil) != (errTwo == nil) {
			t.Errorf("the same document gives %v and %v", errOne, errTwo)
		}
	})
}

// A network file that is understood is taken by the driver or refused.
func FuzzNetwork(f *testing.F) {
	f.Add([]byte(`{"driver":"comet","chain_id":"test-00000000000000000000000000000000","genesis":"` + string(bytes.Repeat([]byte("0"), 64)) +
		`","validators":[{"name":"one","key":"` + string(bytes.Repeat([]byte("1"), 64)) + `","power":1}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var n ledger.Network
		if parseJSON(data, &n) != nil {
			return
		}
		if doc, err := comet.GenesisDoc(n, time.Unix(0, 0)); err == nil && len(doc.Validators) != len(n.Validators) {
			t.Errorf("of %d validators %d are taken", len(n.Validators), len(doc.Validators))
		}
	})
}
