package channel

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade"
)

// contradict is ALPHA's word that a head of BRAVO is not of its log.
func (p *pair) contradict(t testing.TB) (note, uint64) {
	t.Helper()
	p.right.mu.Lock()
	defer p.right.mu.Unlock()
	h := p.right.p.Heads[p.right.mine].Signed
	return note{noteContra, canon.Must(contradiction{h, canon.Sum("not so")})}, h.Head.Size
}

// A node that contradicts what its own log says is named, and nothing stops.
func TestAFalseContradictionIsBlamedOnItsSender(t *testing.T) {
	p := newPair(t, networkOptions{})
	submit(t, p.left, put("a", "1"))
	p.attest(t)
	p.a.stop()
	contra, size := p.contradict(t)
	p.speak(t, contra)
	if _, ok := p.right.Divergence(); !ok {
		t.Fatal("nobody looks for a difference")
	}
	if out := submit(t, p.right, put("b", "1")); out[0].Err() != nil {
		t.Errorf("one word alone parts the channel: %v", out[0].Err())
	}
	p.speak(t, note{noteClaim, canon.Must(must(p.right.r.claimAt(size)))})
	eventually(t, "the dispute is over", func() bool { _, open := p.right.Divergence(); return !open })
	over, ok := p.right.Settled()
	if !ok || over.Blamed == nil || int(*over.Blamed) != p.left.mine {
		t.Errorf("the dispute ended with %+v", over)
	}
	if a, ok := p.b.alarms.find(CodeDiverged); !ok || a.Remedy == "" {
		t.Error("no alarm names the sender")
	}
	got, err := p.b.replay(t, p.right.ID())
	if err != nil || !slices.Equal(got.Blames, []string{"ALPHA"}) {
		t.Errorf("replay blames %v, %v", got.Blames, err)
	}
	// The same word again opens nothing; another one is looked at.
	p.speak(t, contra)
	if _, open := p.right.Divergence(); open {
		t.Error("a contradiction that was found false opens the search again")
	}
	submit(t, p.right, put("c", "1"))
}

// A head that its signer's own log does not have is not blamed on who says so.
func TestAHeadThatIsInNeitherLogIsBlamedOnItsSigner(t *testing.T) {
	p := newPair(t, networkOptions{})
	submit(t, p.left, put("a", "1"))
	p.attest(t)
	p.a.stop()
	wrong := must(p.right.r.headAt(p.right.snapshot().Size))
	right := must(p.right.r.claimAt(wrong.Size))
	wrong.Root = canon.Sum("wrong")
	p.speak(t, p.headNote(wrong, p.left.s.Load().key))
	eventually(t, "the partner says so", func() bool { _, open := p.right.Divergence(); return open })
	p.speak(t, note{noteClaim, canon.Must(right)})
	eventually(t, "the dispute is over", func() bool { _, open := p.right.Divergence(); return !open })
	if over, _ := p.right.Settled(); over.Blamed == nil || int(*over.Blamed) != p.left.mine {
		t.Errorf("the dispute ended with %+v", over)
	}
}

// Who says that a head is wrong and then answers no question is named, and the
// channel has parted by then.
func TestWhoDoesNotAnswerInTheSearchIsNamed(t *testing.T) {
	p := newPair(t, networkOptions{})
	submit(t, p.left, put("a", "1"))
	p.attest(t)
	p.a.stop()
	contra, _ := p.contradict(t)
	p.speak(t, contra)
	eventually(t, "we have answered", func() bool {
		d, _ := p.right.Divergence()
		return d.hasAnswered(p.right.mine)
	})
	p.n.clock.advance(time.Duration(searchWithin) * time.Millisecond)
	eventually(t, "the silent side is named", func() bool {
		p.b.clock.advance(time.Duration(searchWithin) * time.Millisecond)
		d, _ := p.right.Divergence()
		return d.Silent != nil && int(*d.Silent) == p.left.mine
	})
	if p.right.State() != StateDiverged {
		t.Errorf("the channel is %s", p.right.State())
	}
	if out := submit(t, p.right, put("b", "1")); fault.CodeOf(out[0].Err()) != CodeDiverged {
		t.Errorf("a parted channel takes everything: %v", out[0].Err())
	}
	got, err := p.b.replay(t, p.right.ID())
	if err != nil || !slices.Equal(got.Blames, []string{"ALPHA"}) {
		t.Errorf("replay blames %v, %v", got.Blames, err)
	}
	// ALPHA's node comes back: its log is the same, and both sign so.
	p.a.start()
	p.left = find(t, p.a, p.right.ID())
	eventually(t, "the dispute is over", func() bool {
		p.a.clock.advance(attestWithin)
		p.b.clock.advance(attestWithin)
		_, open := p.right.Divergence()
		_, open2 := p.left.Divergence()
		return !open && !open2
	})
	submit(t, p.right, put("c", "1"))
	submit(t, p.left, put("d", "1"))
	p.attest(t)
}

// A node that has computed wrongly is rebuilt, and the channel goes on.
func TestADivergedChannelIsMendedByRebuildingTheWrongSide(t *testing.T) {
	keys := map[string]*memoryKeys{"ALPHA": newKeys(t), "BRAVO": newKeys(t)}
	n := newNetwork(t, networkOptions{}, keys)
	p := &pair{n: n, a: n.carrier("ALPHA", keys["ALPHA"], nil), b: n.carrier("BRAVO", keys["BRAVO"], func(o *Options) {
		o.Law = toyLaw{lie: func(_ trade.Context, c trade.Command) bool {
			return string(c.Body) == string(put("k0002", "x").Body)
		}}
	})}
	p.left, p.right = open(t, p.a, p.b)
	for i := range 5 {
		submit(t, p.left, put(label(i), "x"))
	}
	eventually(t, "the difference is found", func() bool {
		p.a.clock.advance(attestWithin)
		p.b.clock.advance(attestWithin)
		l, _ := p.left.Divergence()
		r, _ := p.right.Divergence()
		return l.Found && r.Found
	})
	p.b.stop()
	if err := os.RemoveAll(filepath.Join(p.b.dir, "store")); err != nil {
		t.Fatal(err)
	}
	p.b.tune = nil
	p.b.start()
	p.right = find(t, p.b, p.left.ID())
	eventually(t, "the dispute is over", func() bool {
		p.a.clock.advance(attestWithin)
		p.b.clock.advance(attestWithin)
		_, open := p.right.Divergence()
		_, open2 := p.left.Divergence()
		return !open && !open2
	})
	p.level(t)
	submit(t, p.left, put("more", "1"))
	submit(t, p.right, put("more", "2"))
	p.attest(t)
	if over, ok := p.left.Settled(); !ok || !over.Found || over.Closed.Height == 0 {
		t.Errorf("the dispute ended with %+v", over)
	}
}
