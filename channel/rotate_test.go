package channel

import (
	"testing"
	"time"

	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/trade"
)

// replace has a side replace its channel key by the toy law's one command.
func (p *pair) replace(t testing.TB, c *carrier, b *Bilateral) sign.PublicKey {
	t.Helper()
	fresh := must(c.keys.NewChannel()).Public()
	out, err := b.public.Load().enqueue(one(toyCommand("rotate", fresh))).Wait(timeout(t))
	if err != nil || out[0].Err() != nil {
		t.Fatal(err, out)
	}
	p.replaced(t, fresh)
	return fresh
}

// replaced waits until both nodes have gone over to a key.
func (p *pair) replaced(t testing.TB, fresh sign.PublicKey) {
	t.Helper()
	eventually(t, "both nodes go over to the new key", func() bool {
		left, _ := p.left.Keys()
		right, _ := p.right.Keys()
		return left == right && (left[0] == fresh || left[1] == fresh)
	})
}

// What was anchored before a channel key was replaced is proven after it, by
// both sides, and what comes after is anchored and proven without anything
// else happening on the channel.
func TestProofsHoldBeforeAndAfterARotation(t *testing.T) {
	p := newPair(t, networkOptions{})
	ctx := timeout(t)
	submit(t, p.left, put("a", "1"))
	p.attest(t)
	if _, err := p.left.Anchor(ctx); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the anchor is known on the other side", func() bool { return len(p.right.Anchors()) > 0 })
	early := must(p.left.Prove(ctx, "r/a"))
	old, _ := p.left.Keys()
	p.replace(t, p.a, p.left)
	for side, b := range map[string]*Bilateral{"who rotated": p.left, "its partner": p.right} {
		doc, err := b.Prove(ctx, "r/a")
		if err != nil {
			t.Fatalf("%s: %v", side, err)
		}
		if got := p.verify(t, doc); len(got.Channel.Past) != 1 || got.Channel.Past[0] != old {
			t.Errorf("%s: the document shows the pairs %v", side, got.Channel.Past)
		}
	}
	if got := p.verify(t, early); string(got.Value) != "1" {
		t.Errorf("the document of before shows %q", got.Value)
	}
	submit(t, p.right, put("b", "2")) // the side that keeps its key
	for side, b := range map[string]*Bilateral{"who rotated": p.left, "its partner": p.right} {
		p.attest(t)
		if _, err := b.Anchor(ctx); err != nil {
			t.Fatalf("%s anchors: %v", side, err)
		}
		doc, err := b.Prove(ctx, "r/b")
		if err != nil {
			t.Fatalf("%s: %v", side, err)
		}
		p.verify(t, doc)
	}
}

// The rotated side signs its head again by itself: its partner can anchor what
// both had attested before.
func TestARotatedSideSignsItsHeadAgain(t *testing.T) {
	for name, restart := range map[string]bool{"as it runs": false, "after a restart": true} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, networkOptions{})
			submit(t, p.left, put("a", "1"))
			p.attest(t)
			fresh := must(p.a.keys.NewChannel()).Public()
			if restart {
				// The node is down when its key is replaced.
				old := p.left.s.Load().key
				p.a.stop()
				p.public(t, old, toyCommand("rotate", fresh))
				p.a.tune = func(o *Options) { o.Rebuilt = true }
				p.a.start()
				p.left = find(t, p.a, p.right.ID())
			} else {
				out := must(p.left.public.Load().enqueue(one(toyCommand("rotate", fresh))).Wait(timeout(t)))
				if err := FirstErr(out); err != nil {
					t.Fatal(err)
				}
			}
			p.replaced(t, fresh)
			if _, err := p.right.Anchor(timeout(t)); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestAnEpochChangesAfterAChannelKeyChange(t *testing.T) {
	p := newPair(t, networkOptions{})
	for want, side := range []func(){
		func() { p.replace(t, p.a, p.left) },
		func() { p.replace(t, p.b, p.right) },
	} {
		side()
		eventually(t, "a new epoch is in force", func() bool {
			return int(p.left.Epoch()) == want+2 && int(p.right.Epoch()) == want+2
		})
	}
	submit(t, p.left, put("a", "1"))
	submit(t, p.right, put("b", "1"))
	p.level(t)
	if e := p.left.Epoch(); e != 3 {
		t.Errorf("two changes of keys have come to epoch %d", e)
	}
}

// An offer is bound to the keys that it was made under. The partner that comes
// to see it after a change of keys answers the next one.
func TestAnOfferMadeUnderOldKeysIsVoid(t *testing.T) {
	p := newPair(t, networkOptions{})
	first, firstCarrier, other := p.left, p.a, p.b
	if p.left.mine != 0 {
		first, firstCarrier, other = p.right, p.b, p.a
	}
	other.stop()
	p.n.clock.advance(24 * time.Hour)
	eventually(t, "a new epoch is offered", func() bool {
		submit(t, first, put("tick", "1"))
		first.mu.Lock()
		defer first.mu.Unlock()
		return first.p.Offers[first.mine] != nil
	})
	fresh := must(firstCarrier.keys.NewChannel()).Public()
	if err := FirstErr(must(first.public.Load().enqueue(one(toyCommand("rotate", fresh))).Wait(timeout(t)))); err != nil {
		t.Fatal(err)
	}
	other.start()
	p.left, p.right = find(t, p.a, first.ID()), find(t, p.b, first.ID())
	eventually(t, "a new epoch is in force", func() bool { return p.left.Epoch() == 2 && p.right.Epoch() == 2 })
	submit(t, p.left, put("a", "1"))
	submit(t, p.right, put("b", "1"))
	p.level(t)
	for _, b := range []*Bilateral{p.left, p.right} {
		if err := b.Err(); err != nil {
			t.Error(err)
		}
	}
	if a, ok := other.alarms.find(CodeUnreadable); ok {
		t.Errorf("the void offer was taken up: %s", a.Detail)
	}
}

func TestAnEpochThatNobodyEndsIsAnAlarm(t *testing.T) {
	p := newPair(t, networkOptions{})
	p.b.stop()
	p.n.clock.advance(24 * time.Hour)
	submit(t, p.left, put("a", "1"))
	if err := p.left.Overdue(); err != nil {
		t.Errorf("after a day: %v", err)
	}
	p.n.clock.advance(2 * time.Hour)
	eventually(t, "the epoch is overdue", func() bool {
		submit(t, p.left, put("a", "2"))
		_, raised := p.a.alarms.find(CodeEpochOverdue)
		return raised && p.left.Overdue() != nil
	})
	p.b.start()
	p.right = find(t, p.b, p.left.ID())
	eventually(t, "the partner answers", func() bool {
		submit(t, p.left, put("tick", "1"))
		return p.left.Epoch() == 2
	})
	if err := p.left.Overdue(); err != nil {
		t.Errorf("with a new epoch: %v", err)
	}
}

// public sends a command on the Omnilateral under a key whose node is down.
func (p *pair) public(t testing.TB, key sign.PrivateKey, cmd trade.Command) {
	t.Helper()
	h := p.n.machine.last(lane{sender: key.Public()})
	e := ledger.Envelope{Header: ledger.Header{Version: 1, Chain: p.n.net.ChainID, Sequence: h + 1}, Payload: must(pack(batch{Commands: one(cmd)}, 0))}
	e.Sign(key)
	if _, err := p.n.ledger.Submit(timeout(t), e); err != nil {
		t.Fatal(err)
	}
}
