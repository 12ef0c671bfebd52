package channel

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
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

// gatedTradePair is a pair under the law of the product with a gate in front of
// ALPHA.
func gatedTradePair(t testing.TB) (*pair, *gate) {
	keys := map[string]*memoryKeys{"ALPHA": newKeys(t), "BRAVO": newKeys(t)}
	n, g := tradeNetwork(t, keys), &gate{}
	p := &pair{n: n, b: n.carrier("BRAVO", keys["BRAVO"], nil)}
	p.a = n.carrier("ALPHA", keys["ALPHA"], func(o *Options) {
		g.Ledger = o.Ledger
		o.Ledger = g
	})
	p.left, p.right = open(t, p.a, p.b)
	return p, g
}

// rotated checks that both sides are at work under fresh keys.
func (p *pair) rotated(t testing.TB, old sign.PublicKey) {
	t.Helper()
	eventually(t, "the channel key is replaced, and the epoch with it", func() bool {
		keys, mine := p.left.Keys()
		p.left.mu.Lock()
		under := p.left.rotation != nil
		p.left.mu.Unlock()
		return keys[mine] != old && !under && p.left.Epoch() == 2 && p.right.Epoch() == 2
	})
	for i, b := range []*Bilateral{p.left, p.right} {
		if err := FirstErr(submit(t, b, record(byte(100+i)))); err != nil {
			t.Error(err)
		}
		if s := b.State(); s != StateOpen {
			t.Errorf("the channel is %s: %v", s, b.Err())
		}
	}
	p.attest(t)
	if _, err := p.left.Anchor(timeout(t)); err != nil {
		t.Error(err)
	}
	c, _ := trade.View{Records: p.b.omni.r.state}.Channel(p.left.ID())
	if len(c.Past) != 1 {
		t.Errorf("the key was replaced %d times", len(c.Past))
	}
	var own trade.BoundSide
	if err := p.right.View(func(v View) error {
		record, _ := trade.View{Records: v}.Bilateral()
		for _, s := range record.Sides {
			if string(s.Member) == p.a.code {
				own = s
			}
		}
		return nil
	}); err != nil || len(own.Keys) != 2 || own.Keys[0] != old {
		t.Errorf("bound to ALPHA: %v, %v", own.Keys, err)
	}
}

func TestAChannelKeyIsReplacedInOneCall(t *testing.T) {
	p := tradePair(t, nil)
	keys, mine := p.left.Keys()
	waiting := p.left.Enqueue(record(1))
	fresh, err := p.left.Rotate(timeout(t))
	if err != nil {
		t.Fatal(err)
	}
	if now, _ := p.left.Keys(); now[mine] != fresh || now[1-mine] != keys[1-mine] {
		t.Errorf("the keys are %v", now)
	}
	if out, err := waiting.Wait(timeout(t)); err != nil || FirstErr(out) != nil {
		t.Errorf("a command of before: %v, %v", out, err)
	}
	p.rotated(t, keys[mine])
	// Keys and ledger are enough to come back.
	p.a.stop()
	if err := os.RemoveAll(p.a.dir); err != nil {
		t.Fatal(err)
	}
	p.a.tune = func(o *Options) { o.Rebuilt = true }
	p.a.start()
	p.left = find(t, p.a, p.right.ID())
	if err := FirstErr(submit(t, p.left, record(2))); err != nil {
		t.Error(err)
	}
	p.attest(t)
}

// No command is lost or done twice while the key under which it goes out is
// replaced.
func TestCommandsGoOnWhileAChannelKeyIsReplaced(t *testing.T) {
	p := tradePair(t, nil)
	keys, mine := p.left.Keys()
	done := make(chan error, 1)
	go func() { _, err := p.left.Rotate(timeout(t)); done <- err }()
	var tickets []*Ticket
	for i := byte(1); ; i++ {
		tickets = append(tickets, p.left.Enqueue(record(i%90)))
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
		default:
			if i < 250 {
				time.Sleep(time.Millisecond)
				continue
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		break
	}
	for i, ticket := range tickets {
		if out, err := ticket.Wait(timeout(t)); err != nil || FirstErr(out) != nil {
			t.Fatalf("command %d: %v, %v", i, out, err)
		}
	}
	p.rotated(t, keys[mine])
}

func TestARotationSurvivesACrashAtEachStep(t *testing.T) {
	private := func(e ledger.Envelope) bool { return !e.Header.Channel.IsZero() }
	public := func(e ledger.Envelope) bool { return e.Header.Channel.IsZero() }
	for _, c := range []struct {
		name  string
		is    func(ledger.Envelope) bool // the envelope at which the node stops; nil: none is sent
		final bool                       // it has got out
	}{
		{"the next key is kept", nil, false},
		{"the announcement is not sent", private, false},
		{"the announcement is final", private, true},
		{"the replacement is not sent", public, false},
		{"the replacement is final", public, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, g := gatedTradePair(t)
			p.attest(t)
			keys, mine := p.left.Keys()
			if c.is == nil {
				if _, err := p.left.successor(); err != nil {
					t.Fatal(err)
				}
			} else {
				stopped, stop := make(chan struct{}), sync.OnceFunc(func() {})
				a := p.a
				stop = sync.OnceFunc(func() { a.cancel(); close(stopped) })
				g.set(func(e ledger.Envelope) error {
					if !c.is(e) {
						return nil
					}
					stop()
					if c.final {
						if _, err := g.Ledger.Submit(context.Background(), e); err != nil {
							t.Error(err)
						}
					}
					return fault.New(fault.Unknown, "the node stops", "later")
				})
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				go p.left.Rotate(ctx) // its answer is lost with the node
				select {
				case <-stopped:
				case <-timeout(t).Done():
					t.Fatal("the step was not reached")
				}
			}
			p.a.stop()
			g.set(nil)
			p.a.start()
			p.left = find(t, p.a, p.right.ID())
			p.rotated(t, keys[mine])
		})
	}
}

// Whoever replaces the key on the Omnilateral first has it announced by the
// node afterwards.
func TestAKeyReplacedBeforeItWasAnnouncedIsAnnounced(t *testing.T) {
	p := tradePair(t, nil)
	keys, mine := p.left.Keys()
	fresh := must(p.a.keys.NewChannel())
	out := must(p.left.public.Load().enqueue(one(p.n.law.Replace(p.left.ID(), p.left.announcement(fresh)))).Wait(timeout(t)))
	if err := FirstErr(out); err != nil {
		t.Fatal(err)
	}
	p.rotated(t, keys[mine])
}

// A member key that is kept off line signs the announcement elsewhere; the
// rotation waits for it and then goes on by itself.
func TestARotationWaitsForAMemberKeyThatIsKeptOffLine(t *testing.T) {
	p := tradePair(t, nil)
	keys, mine := p.left.Keys()
	p.a.keys.mu.Lock()
	offline := p.a.keys.member
	p.a.keys.member = sign.PrivateKey{}
	p.a.keys.mu.Unlock()
	if _, err := p.left.Rotate(timeout(t)); fault.CodeOf(err) != trade.CodeMemberKey || fault.Of(err).Remedy == "" {
		t.Fatalf("without the member key: %v", err)
	}
	a, err := p.left.Announcement()
	if err != nil {
		t.Fatal(err)
	}
	if again := must(p.left.Announcement()); again != a {
		t.Error("asked again, another key comes next")
	}
	binding := must(p.left.Binding())
	if err := FirstErr(submit(t, p.left, p.n.law.Announce(binding, a, offline))); err != nil {
		t.Fatal(err)
	}
	p.rotated(t, keys[mine])
	if now, _ := p.left.Keys(); now[mine] != a.Key {
		t.Error("another key has come than was announced")
	}
}
