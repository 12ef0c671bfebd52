package channel

import (
	"context"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/ledger/local"
	"github.com/lateral-network/lateral/proof"
	"github.com/lateral-network/lateral/trade"
)

// verify checks a document as a third party does.
func (p *pair) verify(t testing.TB, doc []byte) proof.Verified {
	t.Helper()
	got, err := proof.Verify(doc, proof.Trust{Certificate: func(cert []byte) (uint64, canon.Hash, int64, error) {
		height, root, at, err := local.VerifyCertificate(p.n.net, cert)
		return uint64(height), root, at, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// anchor does what a desk does when a period closes: it asks for both heads,
// posts its own when the partner does not answer, and begins again.
func (p *pair) anchor(ctx context.Context, b *Bilateral) error {
	waiting, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	_, err := b.Anchor(waiting)
	if fault.CodeOf(err) != fault.NotYet {
		return err
	}
	return b.AnchorAlone(ctx)
}

// A partner that does not answer cannot keep a head from being shown, and the
// traffic that goes on does not start its time anew.
func TestASilentPartnersHeadBecomesUncontested(t *testing.T) {
	p := tradePair(t, nil)
	submit(t, p.left, record(1))
	p.attest(t)
	ctx := timeout(t)
	if _, err := p.left.Anchor(ctx); err != nil {
		t.Fatal(err)
	}
	p.b.stop()
	submit(t, p.left, record(2))
	eventually(t, "our head is on the ledger", func() bool {
		p.a.clock.advance(attestWithin)
		return p.left.Unattested() > 0
	})
	for i := range byte(3) {
		if err := p.anchor(ctx, p.left); err != nil && fault.CodeOf(err) != fault.NotYet {
			t.Fatal(err)
		}
		for j := range keptTrees {
			submit(t, p.left, record(10+i*keptTrees+byte(j)))
		}
		p.n.clock.advance(25 * time.Second)
	}
	if err := p.anchor(ctx, p.left); err != nil {
		t.Fatalf("the same claim after its time: %v", err)
	}
	eventually(t, "the head counts", func() bool { return len(p.left.Anchors()) > 1 })
	if a := p.left.Anchors()[0]; a.Kind != proof.Uncontested || len(a.Heads) != 1 {
		t.Fatalf("the anchor is %s", a.Kind)
	}
	doc, err := p.left.Prove(ctx, trade.FileKey(canon.Hash{2, 1}))
	if err != nil {
		t.Fatal(err)
	}
	if got := p.verify(t, doc); got.Kind != proof.Uncontested {
		t.Errorf("the proof rests on a head that is %s", got.Kind)
	}
	// The partner comes back: an anchor of both replaces it.
	p.b.start()
	p.right = find(t, p.b, p.left.ID())
	p.attest(t)
	a, err := p.right.Anchor(ctx)
	if err != nil || a.Kind != proof.Attested {
		t.Errorf("the anchor of both is %s, %v", a.Kind, err)
	}
}

func TestAClaimIsAnsweredByBothHeads(t *testing.T) {
	p := tradePair(t, nil)
	submit(t, p.left, record(1))
	p.level(t)
	eventually(t, "our head is on the ledger", func() bool {
		p.a.clock.advance(attestWithin)
		return p.left.Unattested() > 0
	})
	if err := p.left.AnchorAlone(timeout(t)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the partner answers with both heads", func() bool {
		for _, a := range p.left.Anchors() {
			if a.Kind == proof.Attested {
				return true
			}
		}
		return false
	})
	if _, ok := p.claim(t, p.left); ok {
		t.Error("the claim waits although it is answered")
	}
	if err := p.left.AnchorAlone(timeout(t)); err != nil {
		t.Errorf("there is nothing to claim any more: %v", err)
	}
}

func (p *pair) claim(t testing.TB, by *Bilateral) (a proof.Anchor, ok bool) {
	t.Helper()
	if err := p.a.Omni().View(func(v View) error {
		a, ok = by.m.law.Claim(v, by.ID(), by.mine)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return a, ok
}

func TestALyingClaimIsContested(t *testing.T) {
	p := tradePair(t, nil)
	submit(t, p.left, record(1))
	p.attest(t)
	p.b.stop()
	for name, lie := range map[string]func() proof.Head{
		"another root": func() proof.Head {
			h := must(p.left.r.headAt(p.left.snapshot().Size))
			h.Root = canon.Sum("another")
			return h
		},
		"a log that is longer than ours": func() proof.Head {
			v := p.left.snapshot()
			return proof.Head{Channel: v.ID, Size: v.Size + 2, Position: uint64(v.Position) + 1, Root: canon.Sum("longer")}
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := contests(t, p)
			submit(t, p.a.Omni(), p.n.law.Confirm(p.left.ID())) // refused; makes blocks
			submit(t, p.a.Omni(), p.n.law.Confirm(p.left.ID()))
			h := lie()
			p.forgePublic(t, p.n.law.Anchor(proof.NewUncontested(h.Sign(p.right.s.Load().key, uint8(p.right.mine))), nil))
			eventually(t, "the claim is contested", func() bool {
				_, waits := p.claim(t, p.right)
				return !waits && contests(t, p) == before+1
			})
			if _, ok := p.a.alarms.find(CodeDiverged); !ok {
				t.Error("no alarm")
			}
			if len(p.left.Anchors()) > 0 {
				t.Error("a lying anchor is kept")
			}
		})
	}
}

// contests counts the claims that were contested.
func contests(t testing.TB, p *pair) (n int) {
	t.Helper()
	if err := p.a.Omni().View(func(v View) error {
		for range v.Scan("contest/" + p.left.ID().String()) {
			n++
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

// forgePublic sends commands on the Omnilateral with BRAVO's channel key, whose
// node is down.
func (p *pair) forgePublic(t testing.TB, cmds ...trade.Command) {
	t.Helper()
	key := p.right.s.Load().key
	e := ledger.Envelope{Header: ledger.Header{Version: 1, Chain: p.n.net.ChainID, Sender: key.Public(),
		Sequence: p.a.omni.last(lane{sender: key.Public()}) + 1}, Payload: must(pack(batch{Commands: cmds}, 0))}
	e.Sign(key)
	if _, err := p.n.ledger.Submit(timeout(t), e); err != nil {
		t.Fatal(err)
	}
}
