package channel

import (
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger/local"
	"github.com/lateral-network/lateral/proof"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/party"
)

// tradePair is a pair under the law of the product.
func tradePair(t testing.TB, tune func(*Options)) *pair {
	keys := map[string]*memoryKeys{"ALPHA": newKeys(t), "BRAVO": newKeys(t), "CARGO": newKeys(t)}
	n := tradeNetwork(t, keys)
	p := &pair{n: n, a: n.carrier("ALPHA", keys["ALPHA"], tune), b: n.carrier("BRAVO", keys["BRAVO"], tune)}
	p.left, p.right = open(t, p.a, p.b)
	return p
}

func tradeNetwork(t testing.TB, keys map[string]*memoryKeys) *network {
	n := &network{t: t, dir: t.TempDir(), clock: &blockClock{at: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}, law: Trade(trade.New())}
	n.key = sign.FromSeed([32]byte{1})
	n.net = local.Network("test", n.key.Public())
	g := trade.GenesisDocument{Network: trade.DefaultNetwork("test"), Validators: []trade.Validator{{Name: "local", Key: n.key.Public(), Power: 1}}}
	for _, code := range []string{"ALPHA", "BRAVO", "CARGO"} {
		if keys[code] == nil {
			continue
		}
		public := keys[code].sealing[0].Public()
		g.Members = append(g.Members, party.Application{
			Code: party.Code(code), LegalName: code + " Ltd", Country: "CH", Exchange: "localhost:1", Sealing: public.Bytes(),
		}.Sign(keys[code].member, keys[code].node, must(sign.Generate(nil))))
	}
	n.genesis = canon.Must(g)
	n.start()
	t.Cleanup(n.stop)
	return n
}

func record(id byte) trade.Command {
	return trade.NewCommand(trade.KindDocumentRecord, trade.DocumentRecord{Hash: canon.Hash{id, 1}, Kind: "contract", Size: 7})
}

func TestTheLawOfTheProductOpensBindsAndProves(t *testing.T) {
	p := tradePair(t, nil)
	for _, o := range submit(t, p.left, record(1), record(2)) {
		if o.Err() != nil {
			t.Fatal(o.Err())
		}
	}
	p.attest(t)
	ctx := timeout(t)
	a, err := p.left.Anchor(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if a.Position < uint64(p.left.Position()) {
		t.Errorf("the anchor is of position %d, the channel at %d", a.Position, p.left.Position())
	}
	key := trade.FileKey(canon.Hash{1, 1})
	doc, err := p.left.Prove(ctx, key)
	if err != nil {
		t.Fatal(err)
	}
	check := proof.Trust{Certificate: func(cert []byte) (uint64, canon.Hash, int64, error) {
		height, root, at, err := local.VerifyCertificate(p.n.net, cert)
		return uint64(height), root, at, err
	}}
	got, err := proof.Verify(doc, check)
	if err != nil {
		t.Fatal(err)
	}
	if got.Key != key || got.Kind != proof.Attested {
		t.Errorf("proven: %+v", got)
	}
	// A record of the Omnilateral is proven by the same root, and that there is none.
	keys := []string{trade.ChannelKey(p.left.ID()), "token/USDt"}
	doc, err = p.left.m.ProvePublic(ctx, keys)
	if err != nil {
		t.Fatal(err)
	}
	public, ok := proof.ReadPublic(doc)
	if !ok {
		t.Fatal("the document about the Omnilateral is not read")
	}
	if v, err := public.Verify(check); err != nil || len(v.Records[keys[0]]) == 0 || v.Records[keys[1]] != nil || v.Height == 0 {
		t.Errorf("proven of the Omnilateral: %+v, %v", v, err)
	}
	// The other side proves it too, from an anchor that it did not post.
	eventually(t, "the anchor is known on the other side", func() bool { return len(p.right.Anchors()) > 0 })
	if _, err := p.right.Prove(ctx, key); err != nil {
		t.Error(err)
	}
	// A second anchor extends the first.
	submit(t, p.right, record(3))
	p.attest(t)
	b, err := p.right.Anchor(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if b.Position <= a.Position {
		t.Errorf("the second anchor is of position %d after %d", b.Position, a.Position)
	}
}

// What stands although a command is refused is in the state of every replica.
func TestTheNumberOfARefusedChangeOfKeysIsUsed(t *testing.T) {
	p := tradePair(t, nil)
	gone := must(sign.Generate(nil)).Public()
	cmd := trade.NewCommand(trade.KindKeyRotate, trade.KeyRotate{Member: "ALPHA", RevokeNode: &gone})
	cmd = trade.Authorize(cmd, p.a.keys.member, p.n.net.ChainID, canon.Hash{}, p.n.clock.now().UnixMilli()+3_600_000, canon.Sum("number"))
	for i, c := range []struct {
		from *carrier
		want fault.Code
	}{{p.a, fault.NotFound}, {p.b, trade.CodeAuthorizationReplayed}} {
		if got := fault.CodeOf(submit(t, c.from.Omni(), cmd)[0].Err()); got != c.want {
			t.Errorf("sent %d times: %q, want %q", i+1, got, c.want)
		}
	}
	eventually(t, "both replicas have one root", func() bool { return p.a.Omni().Root() == p.b.Omni().Root() })
}
