package channel

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
)

// gate stands in front of a ledger and may keep envelopes from it.
type gate struct {
	ledger.Ledger
	mu     sync.Mutex
	answer func(ledger.Envelope) error // nil lets it through
	seen   []ledger.Envelope
}

func (g *gate) Submit(ctx context.Context, e ledger.Envelope) (ledger.Position, error) {
	g.mu.Lock()
	g.seen = append(g.seen, e)
	answer := g.answer
	g.mu.Unlock()
	if answer != nil {
		if err := answer(e); err != nil {
			return ledger.Position{}, err
		}
	}
	return g.Ledger.Submit(ctx, e)
}

func (g *gate) set(answer func(ledger.Envelope) error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.answer, g.seen = answer, nil
}

func busy(ledger.Envelope) error { return fault.New(fault.Busy, "full", "later") }

// gatedPair puts a gate in front of ALPHA.
func gatedPair(t testing.TB) (*pair, *gate) {
	keys := map[string]*memoryKeys{"ALPHA": newKeys(t), "BRAVO": newKeys(t)}
	p := &pair{n: newNetwork(t, networkOptions{}, keys)}
	g := &gate{}
	p.a = p.n.carrier("ALPHA", keys["ALPHA"], func(o *Options) {
		g.Ledger = o.Ledger
		o.Ledger = g
	})
	p.b = p.n.carrier("BRAVO", keys["BRAVO"], nil)
	p.left, p.right = open(t, p.a, p.b)
	return p, g
}

func TestAfterACrashTheSameBytesGoAgain(t *testing.T) {
	p, g := gatedPair(t)
	g.set(busy) // what is written to the outbox never gets out
	ticket := p.left.Enqueue(put("a", "once"))
	eventually(t, "the envelope is tried", func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		return len(g.seen) > 0
	})
	g.mu.Lock()
	first := g.seen[0]
	g.mu.Unlock()
	p.a.stop()
	if _, err := ticket.Wait(timeout(t)); fault.CodeOf(err) != fault.Unknown {
		t.Errorf("what was under way ends with %v", err)
	}
	g.set(nil)
	p.a.start()
	p.left = find(t, p.a, p.right.ID())
	eventually(t, "the command is executed", func() bool { _, ok, _ := p.right.Get("r/a"); return ok })
	p.level(t)
	g.mu.Lock()
	again := g.seen[0]
	g.mu.Unlock()
	if !first.Equal(again) {
		t.Error("other bytes were sent after the crash")
	}
	if n := countPuts(t, p.right, "a"); n != 1 {
		t.Errorf("the command was executed %d times", n)
	}
	submit(t, p.left, put("b", "2"))
	p.level(t)
}

func countPuts(t testing.TB, b *Bilateral, key string) (n int) {
	t.Helper()
	end := b.snapshot().Cursor
	for e, err := range b.Events(timeout(t), 0) {
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range e.Outcomes {
			for _, ev := range o.Events {
				if ev.Subject == key {
					n++
				}
			}
		}
		if e.Next == end {
			break
		}
	}
	return n
}

func TestBusyAndUnknownAreTriedAgainWithTheSameBytes(t *testing.T) {
	p, g := gatedPair(t)
	answers := []error{fault.New(fault.Busy, "", ""), fault.New(fault.Unknown, "", ""), ledger.NotYet(1, 2), fault.New(fault.Unavailable, "", "")}
	var mu sync.Mutex
	g.set(func(ledger.Envelope) error {
		mu.Lock()
		defer mu.Unlock()
		if len(answers) == 0 {
			return nil
		}
		err := answers[0]
		answers = answers[1:]
		return err
	})
	submit(t, p.left, put("a", "1"))
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.seen) < 5 {
		t.Fatalf("tried %d times", len(g.seen))
	}
	for _, e := range g.seen[1:5] {
		if !e.Equal(g.seen[0]) {
			t.Error("other bytes were sent")
		}
	}
}

// An envelope that became final although its sender was told otherwise.
func TestAnUnknownThatIsFinalIsDone(t *testing.T) {
	p, g := gatedPair(t)
	g.set(func(e ledger.Envelope) error {
		if _, err := g.Ledger.Submit(context.Background(), e); err != nil {
			return err
		}
		return fault.New(fault.Unknown, "the answer was lost", "again")
	})
	if out := submit(t, p.left, put("a", "1")); out[0].Err() != nil {
		t.Error(out[0].Err())
	}
	g.set(nil)
	submit(t, p.left, put("b", "1"))
	p.level(t)
}

func TestARefusalIsToldToTheSubmitter(t *testing.T) {
	p, g := gatedPair(t)
	g.set(func(ledger.Envelope) error { return fault.New(fault.Refused, "not you", "ask") })
	_, err := p.left.Submit(timeout(t), put("a", "1"))
	if c := fault.CodeOf(err); c != fault.Unknown && c != fault.Refused {
		t.Errorf("got %v", err)
	}
	if _, err := p.left.Submit(timeout(t), put("b", "1")); fault.CodeOf(err) != fault.Refused {
		t.Errorf("the next one gets %v", err)
	}
	eventually(t, "an alarm tells it", func() bool { _, ok := p.a.alarms.find(fault.Refused); return ok })
}

// Whatever the law says of an envelope is its last word, but for what passes.
func TestARefusalByTheLawEndsTheTicket(t *testing.T) {
	for _, code := range []fault.Code{trade.CodeInvitationLapsed, trade.CodeMemberInactive, fault.Internal} {
		p, g := gatedPair(t)
		g.set(func(ledger.Envelope) error { return fault.New(code, "not you", "ask") })
		ticket := p.left.Enqueue(put("a", "1"))
		if _, err := ticket.Wait(timeout(t)); fault.CodeOf(err) != fault.Unknown || !strings.Contains(err.Error(), "not you") {
			t.Errorf("%s: the ticket ends with %v", code, err)
		}
		eventually(t, "an alarm tells it", func() bool { _, ok := p.a.alarms.find(code); return ok })
		g.set(nil)
	}
}

func TestOneProcessOwnsASendersKey(t *testing.T) {
	p := newPair(t, networkOptions{})
	db, err := store.Open(t.TempDir(), store.Options{MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = OpenMember(Options{Ledger: p.n.ledger, Store: db, Outbox: filepath.Join(p.a.dir, "outbox"), Keys: p.a.keys,
		Code: "ALPHA", ChainID: p.n.net.ChainID, Genesis: p.n.genesis, Law: p.n.law})
	if f := fault.Of(err); f == nil || f.Code != "directory-in-use" {
		t.Errorf("a second process got %v", err)
	}
}

func TestANodeIsRebuiltFromKeysAndLedgerAlone(t *testing.T) {
	p := newPair(t, networkOptions{})
	submit(t, p.left, put("a", "1"), toyCommand("count", 0))
	submit(t, p.right, put("b", "2"))
	p.newEpoch(t)
	submit(t, p.left, put("c", "3"))
	p.attest(t)
	root, size := p.left.Root(), p.left.snapshot().Size
	p.a.stop()
	if err := os.RemoveAll(p.a.dir); err != nil {
		t.Fatal(err)
	}
	p.a.tune = func(o *Options) { o.Rebuilt = true }
	p.a.start()
	p.left = find(t, p.a, p.right.ID())
	eventually(t, "the rebuilt node has caught up", func() bool { return p.left.snapshot().Size == size })
	if p.left.Root() != root {
		t.Fatal("the rebuilt node has another root")
	}
	submit(t, p.left, put("d", "4"))
	p.attest(t)
}

func TestANodeSignsNothingWhenItsOutboxIsBehindTheLog(t *testing.T) {
	p := newPair(t, networkOptions{})
	submit(t, p.left, put("a", "1"))
	p.level(t)
	p.a.stop()
	if err := os.RemoveAll(filepath.Join(p.a.dir, "outbox")); err != nil {
		t.Fatal(err)
	}
	p.a.start()
	p.left = find(t, p.a, p.right.ID())
	if _, err := p.left.Submit(timeout(t), put("b", "1")); fault.CodeOf(err) != CodeOutboxBehind {
		t.Errorf("got %v", err)
	}
	if a, ok := p.a.alarms.find(CodeOutboxBehind); !ok || a.Remedy == "" {
		t.Error("no alarm")
	}
	if err := p.a.Sending(); err == nil || !strings.Contains(err.Error(), string(CodeOutboxBehind)) {
		t.Errorf("sending: %v", err)
	}
	if err := p.b.Sending(); err != nil {
		t.Errorf("the other side cannot send: %v", err)
	}
	submit(t, p.right, put("c", "1")) // it still follows
	p.level(t)
}

func TestANodeSignsNothingWhenItsStateContradictsWhatItHasSigned(t *testing.T) {
	p := newPair(t, networkOptions{})
	submit(t, p.left, put("a", "1"))
	p.attest(t)
	p.a.stop()
	// A store that was rebuilt by rules that give other results.
	if err := os.RemoveAll(filepath.Join(p.a.dir, "store")); err != nil {
		t.Fatal(err)
	}
	p.a.tune = func(o *Options) {
		o.Law = toyLaw{lie: func(_ trade.Context, c trade.Command) bool { return string(c.Body) == string(put("a", "1").Body) }}
	}
	p.a.start()
	p.left = find(t, p.a, p.right.ID())
	eventually(t, "the channel is halted", func() bool { return p.left.State() == StateHalted })
	if _, err := p.left.Submit(timeout(t), put("b", "1")); fault.CodeOf(err) != CodeSignedOtherwise {
		t.Errorf("got %v", err)
	}
}

func TestANodeGoesNoFurtherThanTheValidatorsRoot(t *testing.T) {
	keys := map[string]*memoryKeys{"ALPHA": newKeys(t), "BRAVO": newKeys(t)}
	n := newNetwork(t, networkOptions{}, keys)
	a := n.carrier("ALPHA", keys["ALPHA"], nil)
	submit(t, a.Omni(), put("a", "1"))
	b := &carrier{n: n, code: "BRAVO", keys: keys["BRAVO"], dir: filepath.Join(n.dir, "b"), tune: func(o *Options) {
		o.Law = toyLaw{lie: func(trade.Context, trade.Command) bool { return true }}
	}}
	b.start()
	defer b.stop()
	select {
	case err := <-b.ended:
		if fault.CodeOf(err) != CodeRootDiffers {
			t.Errorf("ended with %v", err)
		}
		b.ended <- nil
	case <-b.Ready():
		t.Error("it is ready to sign on another root than the validators'")
	case <-timeout(t).Done():
		t.Error("nothing happens")
	}
}

// A crash at any moment: the store is cut back to what was synced, and the
// node goes on from there.
func TestACrashAtAnyMomentLosesNothing(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	keys := map[string]*memoryKeys{"ALPHA": newKeys(t), "BRAVO": newKeys(t)}
	n := newNetwork(t, networkOptions{}, keys)
	disk := vfs.NewCrashableMem()
	a := &carrier{n: n, code: "ALPHA", keys: keys["ALPHA"], dir: filepath.Join(n.dir, "a")}
	a.startOn(t, disk)
	b := n.carrier("BRAVO", keys["BRAVO"], nil)
	p := &pair{n: n, a: a, b: b}
	p.left, p.right = open(t, a, b)
	sent := 0
	for round := range 6 {
		var last *Ticket
		for range 1 + rng.IntN(30) {
			last = p.left.Enqueue(put(label(sent), fmt.Sprint(round)))
			p.right.Enqueue(put("b"+label(sent), fmt.Sprint(round)))
			sent++
		}
		// Every envelope of a ticket that was written to the outbox must become
		// final; wait for some of them, so that the crash comes in between.
		if rng.IntN(2) == 0 {
			if _, err := last.Wait(timeout(t)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Duration(rng.IntN(3000)) * time.Microsecond)
		crashed := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
		a.stop()
		disk = crashed
		a.startOn(t, disk)
		p.left = find(t, a, p.right.ID())
		<-a.Ready()
	}
	submit(t, p.left, put("end", "a"))
	submit(t, p.right, put("end", "b"))
	p.attest(t)
	for i := range sent {
		if n := countPuts(t, p.right, "b"+label(i)); n != 1 {
			t.Fatalf("command %d was executed %d times", i, n)
		}
	}
	a.stop()
}

func (c *carrier) startOn(t *testing.T, disk *vfs.MemFS) {
	t.Helper()
	c.clock = &stepClock{wall: c.n.clock.now}
	db, err := store.Open("store", store.Options{FS: disk, MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	m, err := OpenMember(Options{Ledger: c.n.ledger, Store: db, Outbox: filepath.Join(c.dir, "outbox"), Keys: c.keys, Code: c.code,
		ChainID: c.n.net.ChainID, Genesis: c.n.genesis, Law: c.n.law, Clock: c.clock, Alarm: c.alarms.add})
	if err != nil {
		t.Fatal(err)
	}
	c.Member, c.db = m, db
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel, c.ended = cancel, make(chan error, 1)
	go func() { c.ended <- m.Run(ctx) }()
}

func TestAChangedStoreIsFoundAndRebuilt(t *testing.T) {
	p := newPair(t, networkOptions{})
	submit(t, p.left, put("a", "1"))
	p.attest(t)
	p.a.stop()
	for name, damage := range map[string]store.Batch{
		"a record changed":  {Writes: writesOf("r/a", "2")},
		"a record lost":     {Writes: writesOf("r/a", "")},
		"a record too many": {Writes: writesOf("r/z", "2")},
		"a leaf too many":   {Leaves: [][]byte{{1}}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(p.n.dir, canon.Sum(name).String()[:8])
			if err := os.CopyFS(dir, os.DirFS(filepath.Join(p.a.dir, "store"))); err != nil {
				t.Fatal(err)
			}
			db, err := store.Open(dir, store.Options{MinFree: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if err := db.Channel(p.right.ID()).Commit(damage); err != nil {
				t.Fatal(err)
			}
			o := Options{Ledger: p.n.ledger, Store: db, Outbox: t.TempDir(), Keys: p.a.keys, Code: "ALPHA", ChainID: p.n.net.ChainID, Genesis: p.n.genesis, Law: p.n.law}
			_, err = OpenMember(o)
			if f := fault.Of(err); f == nil || f.Code != fault.Corrupt || f.Remedy == "" {
				t.Errorf("got %v", err)
			}
		})
	}
	if err := os.RemoveAll(filepath.Join(p.a.dir, "store")); err != nil {
		t.Fatal(err)
	}
	p.a.start() // the outbox is there: nothing else is needed
	p.left = find(t, p.a, p.right.ID())
	eventually(t, "the store is rebuilt", func() bool { return p.left.snapshot().Size == p.right.snapshot().Size })
	submit(t, p.left, put("b", "1"))
	p.attest(t)
}

// Another process that signs with this node's key: the node says so and signs
// nothing more, whether an envelope of its own is under way or not.
func TestAnEnvelopeThatAnotherProcessSignedStopsTheStream(t *testing.T) {
	foreign := func(t *testing.T, p *pair) {
		t.Helper()
		s := p.left.s.Load()
		p.left.mu.Lock()
		k := p.left.epochs[p.left.p.Epoch]
		h := ledger.Header{Version: 1, Chain: p.n.net.ChainID, Channel: p.left.ID(), Sender: s.key.Public(), Epoch: p.left.p.Epoch}
		p.left.mu.Unlock()
		h.Sequence = p.b.omni.last(s.lane) + 1
		e := ledger.Envelope{Header: h, Payload: sealed(k, h, batch{Commands: []trade.Command{put("foreign", "1")}})}
		e.Sign(s.key)
		if _, err := p.n.ledger.Submit(timeout(t), e); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("nothing is under way", func(t *testing.T) {
		p, _ := gatedPair(t)
		submit(t, p.left, put("a", "1"))
		p.attest(t)
		foreign(t, p)
		eventually(t, "an alarm tells it", func() bool { _, ok := p.a.alarms.find(CodeOutboxBehind); return ok })
		if _, err := p.left.Submit(timeout(t), put("b", "1")); fault.CodeOf(err) != CodeOutboxBehind {
			t.Errorf("got %v", err)
		}
	})
	t.Run("one of our own is", func(t *testing.T) {
		p, g := gatedPair(t)
		submit(t, p.left, put("a", "1"))
		p.attest(t)
		g.set(busy)
		ticket := p.left.Enqueue(put("b", "1"))
		eventually(t, "the envelope is tried", func() bool {
			g.mu.Lock()
			defer g.mu.Unlock()
			return len(g.seen) > 0
		})
		foreign(t, p)
		eventually(t, "an alarm tells it", func() bool { _, ok := p.a.alarms.find(CodeOutboxBehind); return ok })
		if _, err := ticket.Wait(timeout(t)); fault.CodeOf(err) != CodeOutboxBehind {
			t.Errorf("the command ends with %v", err)
		}
	})
}

// What this node has signed stands on the ledger too: without its outbox it
// still does not sign on a state that contradicts it.
func TestWithoutItsOutboxANodeStillKeepsToWhatItHasSigned(t *testing.T) {
	p := newPair(t, networkOptions{})
	submit(t, p.left, put("a", "1"))
	p.attest(t)
	p.a.stop()
	if err := os.RemoveAll(p.a.dir); err != nil {
		t.Fatal(err)
	}
	p.a.tune = func(o *Options) {
		o.Rebuilt = true
		o.Law = toyLaw{lie: func(_ trade.Context, c trade.Command) bool { return string(c.Body) == string(put("a", "1").Body) }}
	}
	p.a.start()
	p.left = find(t, p.a, p.right.ID())
	eventually(t, "the channel is halted", func() bool { return p.left.State() == StateHalted })
	if fault.CodeOf(p.left.Err()) != CodeSignedOtherwise {
		t.Errorf("halted by %v", p.left.Err())
	}
}
