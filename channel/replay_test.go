package channel

import (
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade"
)

func (c *carrier) replay(t testing.TB, id canon.Hash) (Replayed, error) {
	return Replay(timeout(t), Options{Keys: c.keys, Code: c.code, ChainID: c.n.net.ChainID, Genesis: c.n.genesis, Law: c.n.law},
		id, Before(c.tip()+1, c.n.ledger.Blocks(timeout(t), 1)))
}

func TestReplayComesToTheSameRoots(t *testing.T) {
	p := newPair(t, networkOptions{})
	submit(t, p.left, put("a", "1"), toyCommand("count", 0))
	p.newEpoch(t)
	submit(t, p.right, put("b", "1"), toyCommand("boom", 0))
	p.attest(t)
	for _, c := range []*carrier{p.a, p.b} {
		got, err := c.replay(t, p.left.ID())
		if err != nil {
			t.Fatal(err)
		}
		if got.Root != p.left.Root() || got.Size != p.left.snapshot().Size || got.Position != p.left.Position() {
			t.Errorf("%s: replay gives %+v", c.code, got)
		}
		if len(got.Wrong) > 0 || got.Heads[0] == 0 || got.Heads[1] == 0 || len(got.Blames) > 0 {
			t.Errorf("%s: heads %v, wrong %v", c.code, got.Heads, got.Wrong)
		}
	}
	if _, err := p.a.replay(t, canon.Hash{3}); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("a channel that is not there: %v", err)
	}
}

func TestReplayShowsWhoSignedWrong(t *testing.T) {
	keys := map[string]*memoryKeys{"ALPHA": newKeys(t), "BRAVO": newKeys(t)}
	n := newNetwork(t, networkOptions{}, keys)
	a := n.carrier("ALPHA", keys["ALPHA"], nil)
	b := n.carrier("BRAVO", keys["BRAVO"], func(o *Options) {
		o.Law = toyLaw{lie: func(_ trade.Context, c trade.Command) bool {
			return string(c.Body) == string(put("k0003", "x").Body)
		}}
	})
	left, right := open(t, a, b)
	for i := range 6 {
		submit(t, left, put(label(i), "x"))
	}
	eventually(t, "the difference is found", func() bool {
		a.clock.advance(attestWithin)
		b.clock.advance(attestWithin)
		d, _ := left.Divergence()
		e, _ := right.Divergence()
		return d.Found && e.Found
	})
	for _, c := range []*carrier{a, b} {
		got, err := c.replay(t, left.ID())
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Blames) != 1 || got.Blames[0] != "BRAVO" {
			t.Errorf("%s blames %v", c.code, got.Blames)
		}
		for _, w := range got.Wrong {
			if w.Member != "BRAVO" {
				t.Errorf("%s calls a head of %s wrong", c.code, w.Member)
			}
		}
		if len(got.Wrong) == 0 {
			t.Errorf("%s finds no wrong head", c.code)
		}
	}
}
