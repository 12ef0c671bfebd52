package channel

import (
	"slices"
	"testing"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/proof"
	"github.com/lateral-network/lateral/trade"
)

// twices gives what is on the Omnilateral of heads that were signed twice.
func (p *pair) twices(t testing.TB) (all []trade.Equivocation) {
	t.Helper()
	if err := p.b.Omni().View(func(v View) error {
		all = slices.Collect(trade.View{Records: v}.Equivocations(p.right.ID()))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// A side that signs two heads of one size is shown to everybody by the other
// side, wherever the second one turns up.
func TestWhoSignsTwoHeadsOfOneSizeIsShownOnTheOmnilateral(t *testing.T) {
	for name, second := range map[string]func(p *pair, h proof.Head){
		"on the channel": func(p *pair, h proof.Head) { p.speak(t, p.headNote(h, p.left.s.Load().key)) },
		"on the channel, in one envelope with the first": func(p *pair, h proof.Head) {
			own := must(p.right.r.headAt(p.right.snapshot().Size))
			h.Size, h.Position = own.Size, own.Position
			p.speak(t, p.headNote(own, p.left.s.Load().key), p.headNote(h, p.left.s.Load().key))
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := tradePair(t, nil)
			submit(t, p.left, record(1))
			p.attest(t)
			p.a.stop()
			p.right.mu.Lock()
			h := p.right.p.Heads[p.left.mine].Signed.Head
			p.right.mu.Unlock()
			h.Root = canon.Sum("another")
			second(p, h)
			eventually(t, "the evidence is there", func() bool { return len(p.twices(t)) == 1 })
			e := p.twices(t)[0]
			keys, _ := p.right.Keys()
			if e.Check() != nil || e.Key != keys[p.left.mine] || e.Two.Head.Root != h.Root {
				t.Errorf("the evidence is %+v", e)
			}
			if _, ok := p.b.alarms.find(CodeDiverged); !ok {
				t.Error("no alarm")
			}
		})
	}
}

// Heads of one size that are the same, and those of a log that grows, are no
// evidence.
func TestHeadsOfOneLogAreNoEvidence(t *testing.T) {
	p := tradePair(t, nil)
	for i := range byte(5) {
		submit(t, p.left, record(1+i))
		p.attest(t)
	}
	p.a.stop()
	p.right.mu.Lock()
	h := p.right.p.Heads[p.left.mine].Signed
	p.right.mu.Unlock()
	p.speak(t, note{noteHead, canon.Must(h)})
	submit(t, p.right, record(9))
	p.right.mu.Lock()
	defer p.right.mu.Unlock()
	if got := p.twices(t); len(got) != 0 || len(p.right.p.Twice) != 0 {
		t.Errorf("evidence: %+v", got)
	}
}

// The second head may come as a claim on the Omnilateral, past the channel.
func TestAClaimBesideAnotherHeadOfItsSizeIsShown(t *testing.T) {
	p := tradePair(t, nil)
	submit(t, p.left, record(1))
	p.attest(t)
	p.b.stop()
	p.left.mu.Lock()
	h := p.left.p.Heads[p.right.mine].Signed.Head
	p.left.mu.Unlock()
	h.Root = canon.Sum("another")
	claim := proof.NewUncontested(h.Sign(p.right.s.Load().key, uint8(p.right.mine)))
	p.forgePublic(t, trade.NewCommand(trade.KindAnchorPost, trade.AnchorPost{Anchor: claim}))
	eventually(t, "the evidence is there", func() (there bool) {
		if err := p.a.Omni().View(func(v View) error {
			for e := range (trade.View{Records: v}).Equivocations(p.left.ID()) {
				there = e.Check() == nil && e.Two.Head == h
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return there
	})
}
