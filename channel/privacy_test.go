package channel

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/store"
)

// everything gives all that a store holds of a channel, one piece each.
func everything(t testing.TB, c *store.Channel) (out [][]byte) {
	t.Helper()
	add := func(err error, parts ...[]byte) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, bytes.Join(parts, []byte{0}))
	}
	for r, err := range c.Scan("") {
		add(err, []byte(r.Key), r.Value)
	}
	for e, err := range c.Events(0) {
		add(err, e.Data)
	}
	for e, err := range c.Leaves(0) {
		add(err, e.Data)
	}
	for _, name := range []string{indexLanes, indexEnvelopes, indexEvidence, indexEpochs} {
		for r, err := range c.ScanIndex(name, "") {
			add(err, []byte(r.Key), r.Value)
		}
	}
	for _, name := range []string{metaBlock, metaUsage, metaProtocol, metaInvitation, metaPosition} {
		v, ok, err := c.Meta(name)
		if ok || err != nil {
			add(err, v)
		}
	}
	return out
}

// What a third carrier keeps of a pair: nothing that they said, and nothing
// that names both. The channel's records on the Omnilateral name the opener.
func TestAnOutsidersStoreHoldsNothingOfAPair(t *testing.T) {
	keys := map[string]*memoryKeys{"ALPHA": newKeys(t), "BRAVO": newKeys(t), "CARGO": newKeys(t)}
	n := tradeNetwork(t, keys)
	p := &pair{n: n, a: n.carrier("ALPHA", keys["ALPHA"], nil), b: n.carrier("BRAVO", keys["BRAVO"], nil)}
	outsider := n.carrier("CARGO", keys["CARGO"], nil)
	p.left, p.right = open(t, p.a, p.b)
	submit(t, p.left, record(0x51))
	submit(t, p.right, record(0x52))
	p.attest(t)
	if _, err := p.left.Anchor(timeout(t)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the outsider has all blocks", func() bool { h, _ := outsider.Height(); return h == outsider.tip() })
	if len(outsider.Bilaterals()) != 0 {
		t.Fatal("the outsider has the channel")
	}
	outsider.stop()
	db, err := store.Open(filepath.Join(outsider.dir, "store"), store.Options{MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ids, err := db.Channels()
	if err != nil || len(ids) != 1 || !ids[0].IsZero() {
		t.Fatalf("the outsider keeps channels %v, %v", ids, err)
	}
	pieces := everything(t, db.Channel(canon.Hash{}))
	ledgerFile, err := os.ReadFile(filepath.Join(n.dir, "ledger"))
	if err != nil {
		t.Fatal(err)
	}
	pieces = append(pieces, ledgerFile)

	id := p.left.ID()
	mine := p.left.keys
	node := [2]string{"ALPHA", "BRAVO"}
	nodeKey, memberKey := keys["BRAVO"].node.Public(), keys["BRAVO"].member.Public()
	sealing := keys["BRAVO"].sealing[0].Public()
	doc := canon.Hash{0x51, 1}
	found := 0
	for _, piece := range pieces {
		for _, secret := range [][]byte{doc[:], []byte(doc.String()), []byte("contract")} {
			if bytes.Contains(piece, secret) {
				t.Errorf("plaintext of the pair in %.80q", piece)
			}
		}
		about := bytes.Contains(piece, id[:]) || bytes.Contains(piece, []byte(id.String())) ||
			bytes.Contains(piece, mine[0][:]) || bytes.Contains(piece, mine[1][:])
		if !about || len(piece) == len(ledgerFile) {
			continue
		}
		found++
		for _, name := range [][]byte{[]byte(node[1]), nodeKey[:], memberKey[:], sealing.Bytes(), []byte(nodeKey.String()), []byte(memberKey.String())} {
			if bytes.Contains(piece, name) {
				t.Errorf("a record of the channel names the partner: %.120q", piece)
			}
		}
	}
	if found < 8 {
		t.Errorf("only %d pieces are about the channel: the test looks in the wrong place", found)
	}
}

// The ledger itself keeps the envelopes: of those in the channel's id nothing
// can be read but the header.
func TestEnvelopesOfAPairAreSealedAndPadded(t *testing.T) {
	p := tradePair(t, nil)
	submit(t, p.left, record(0x51))
	p.attest(t)
	tip := p.a.tip()
	seen, plain := 0, 0
	for b, err := range Before(tip+1, p.n.ledger.Blocks(timeout(t), 1)) {
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range b.Envelopes {
			if e.Header.Channel != p.left.ID() {
				continue
			}
			seen++
			if step(len(e.Payload)) != len(e.Payload) {
				t.Errorf("a payload of %d bytes is off the size steps", len(e.Payload))
			}
			if e.Header.Epoch == 0 {
				plain++
				content, err := unpack(e.Payload, 0)
				if err != nil || len(content.Commands) > 0 {
					t.Errorf("in the open: %+v, %v", content, err)
				}
				continue
			}
			if _, err := unpack(e.Payload, sealOverhead); err == nil {
				t.Error("a sealed payload unpacks without a key")
			}
		}
	}
	if seen < 4 || plain != 2 {
		t.Errorf("%d envelopes, %d in the open (offer and acceptance of the first key)", seen, plain)
	}
}
