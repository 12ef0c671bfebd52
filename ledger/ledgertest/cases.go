package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/ledger"
)

func finalEverywhere(t *testing.T, w *world) {
	ctx, nodes := w.ctx(t), w.all()
	for s := range 3 {
		for n := uint64(1); n <= 3; n++ {
			e := w.envelope(s, n, fmt.Sprintf("content %d of %d", n, s))
			via := nodes[(s+int(n))%len(nodes)]
			p := submit(t, ctx, via, e)
			w.everywhere(t, ctx, nodes, p, e)
		}
	}
}

func idempotent(t *testing.T, w *world) {
	ctx, nodes := w.ctx(t), w.all()
	e := w.envelope(0, 1, "once")
	first := submit(t, ctx, nodes[0], e)
	submit(t, ctx, nodes[0], w.envelope(0, 2, "next"))
	for i, l := range nodes {
		if _, err := at(ctx, l, first); err != nil {
			t.Fatal(err)
		}
		if p := submit(t, ctx, l, e); p != first {
			t.Fatalf("node %d gives %s, the first was %s", i, p, first)
		}
	}
	last := submit(t, ctx, nodes[0], w.envelope(0, 3, "last"))
	count, err := upTo(ctx, nodes[0], last.Height)
	if err != nil {
		t.Fatal(err)
	}
	if count[e.ID()] != 1 {
		t.Fatalf("the envelope stands %d times", count[e.ID()])
	}
}

func sameContent(t *testing.T, w *world) {
	ctx := w.ctx(t)
	e := w.envelope(0, 1, "signed twice")
	again := e
	again.Signature = otherSignature(Sender(w.sender), e)
	if again.Equal(e) || again.ID() != e.ID() || !again.Verify() {
		t.Fatal("the second signature is no other good signature")
	}
	first := submit(t, ctx, w.Ledger(0), e)
	for i, l := range w.all() {
		p, err := l.Submit(ctx, again)
		if err != nil || p != first {
			t.Fatalf("node %d: got %s, %v; want %s", i, p, err, first)
		}
	}
}

func cancelled(t *testing.T, w *world) {
	ctx, nodes := w.ctx(t), w.all()
	for n, l := range nodes {
		e := w.envelope(0, uint64(n+1), "cancelled")
		done, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := l.Submit(done, e); err != nil {
			wantCode(t, err, fault.Unknown)
		}
		p := submit(t, ctx, l, e)
		if again := submit(t, ctx, l, e); again != p {
			t.Fatalf("final at %s and at %s", p, again)
		}
	}
}

func twoContents(t *testing.T, w *world) {
	ctx, nodes := w.ctx(t), w.all()
	for n := uint64(1); n <= 5; n++ {
		a, b := w.envelope(0, n, "one"), w.envelope(0, n, "other")
		type outcome struct {
			e   ledger.Envelope
			p   ledger.Position
			err error
		}
		got := make(chan outcome, 2)
		for i, e := range []ledger.Envelope{a, b} {
			go func() {
				p, err := nodes[i%w.Validators()].Submit(ctx, e)
				got <- outcome{e, p, err}
			}()
		}
		x, y := <-got, <-got
		if x.err != nil {
			x, y = y, x
		}
		if x.err != nil {
			t.Fatalf("neither became final: %v, %v", x.err, y.err)
		}
		wantCode(t, y.err, fault.Refused)
		w.everywhere(t, ctx, nodes, x.p, x.e)
		for _, l := range nodes {
			_, err := l.Submit(ctx, y.e)
			wantCode(t, err, fault.Refused)
		}
	}
}

func gap(t *testing.T, w *world) {
	ctx := w.ctx(t)
	for i, l := range []ledger.Ledger{w.Ledger(0), w.Follow()} {
		_, err := l.Submit(ctx, w.envelope(i, 2, "second"))
		wantCode(t, err, fault.NotYet)
		submit(t, ctx, l, w.envelope(i, 1, "first"))
		submit(t, ctx, l, w.envelope(i, 2, "second"))
		_, err = l.Submit(ctx, w.envelope(i, 7, "seventh"))
		wantCode(t, err, fault.NotYet)
	}
}

// flood submits envelopes of one sender, all at once or in the given order with
// many in flight, and wants each final in the order of its number.
func flood(t *testing.T, w *world, via func(n uint64) ledger.Ledger, order []uint64, pause bool) {
	ctx := w.ctx(t)
	var mu sync.Mutex
	where := map[uint64]ledger.Position{}
	var wait sync.WaitGroup
	for _, n := range order {
		e := w.envelope(0, n, fmt.Sprint("flood ", n))
		started := make(chan struct{})
		wait.Go(func() {
			close(started)
			for {
				p, err := via(n).Submit(ctx, e)
				if fault.CodeOf(err) == fault.NotYet || fault.CodeOf(err) == fault.Busy {
					continue
				}
				if err != nil {
					t.Errorf("%d: %v", n, err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				where[n] = p
				return
			}
		})
		if pause {
			<-started
		}
	}
	wait.Wait()
	for n := uint64(2); n <= uint64(len(order)); n++ {
		if !where[n-1].Before(where[n]) {
			t.Fatalf("%d stands at %s, %d at %s", n-1, where[n-1], n, where[n])
		}
	}
}

func upward(n int) []uint64 {
	out := make([]uint64, n)
	for i := range out {
		out[i] = uint64(i + 1)
	}
	return out
}

func manyInFlight(t *testing.T, w *world) {
	f := w.Follow()
	flood(t, w, func(uint64) ledger.Ledger { return f }, upward(200), true)
}

func outOfOrder(t *testing.T, w *world) {
	order := upward(60)
	for i := 0; i+4 < len(order); i += 5 { // shuffled in a fixed way within a short window
		order[i], order[i+1], order[i+2], order[i+3], order[i+4] = order[i+3], order[i+2], order[i+4], order[i], order[i+1]
	}
	flood(t, w, func(n uint64) ledger.Ledger { return w.Ledger(int(n) % w.Validators()) }, order, false)
}

func invalid(t *testing.T, w *world) {
	ctx := w.ctx(t)
	for name, l := range map[string]ledger.Ledger{"validator": w.Ledger(0), "follower": w.Follow()} {
		t.Run(name, func(t *testing.T) {
			forged := w.envelope(0, 1, "forged")
			forged.Payload = []byte("changed")
			_, err := l.Submit(ctx, forged)
			wantCode(t, err, fault.Invalid)

			stranger := w.envelope(0, 1, "unknown key")
			stranger.Sign(Sender(Senders))
			_, err = l.Submit(ctx, stranger)
			wantCode(t, err, fault.Refused)

			other := w.envelope(0, 1, "other ledger")
			other.Header.Chain = "other-0123"
			other.Sign(Sender(w.sender))
			_, err = l.Submit(ctx, other)
			wantCode(t, err, fault.Refused)

			large := w.envelope(0, 1, "")
			large.Payload = make([]byte, ledger.MaxPayload+1)
			large.Sign(Sender(w.sender))
			_, err = l.Submit(ctx, large)
			wantCode(t, err, fault.Invalid)

			zero := w.envelope(0, 0, "number zero")
			_, err = l.Submit(ctx, zero)
			wantCode(t, err, fault.Invalid)
		})
	}
	full := w.envelope(0, 1, "")
	full.Payload = make([]byte, ledger.MaxPayload)
	full.Sign(Sender(w.sender))
	p := submit(t, ctx, w.Follow(), full)
	w.everywhere(t, ctx, w.all(), p, full)
}

func slowReader(t *testing.T, w *world) {
	ctx := w.ctx(t)
	for i, l := range []ledger.Ledger{w.Ledger(0), w.Follow()} {
		stopped, wake := make(chan struct{}), make(chan struct{})
		seen := make(chan error, 1)
		last := make(chan ledger.Position, 1)
		submit(t, ctx, l, w.envelope(3, uint64(i)+1, "before"))
		go func() {
			first := true
			var until ledger.Position
			for b, err := range l.Blocks(ctx, 1) {
				if err != nil {
					seen <- err
					return
				}
				if first {
					first = false
					close(stopped)
					<-wake
					until = <-last
				}
				if b.Height >= until.Height {
					seen <- nil
					return
				}
			}
		}()
		<-stopped
		// More than every buffer between a ledger and its reader holds.
		payload := string(make([]byte, ledger.MaxPayload))
		var mu sync.Mutex
		var highest ledger.Position
		var sending sync.WaitGroup
		for s := range 3 {
			sending.Go(func() {
				for n := range uint64(6) {
					p, err := l.Submit(ctx, w.envelope(s, 6*uint64(i)+n+1, payload))
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					if highest.Before(p) {
						highest = p
					}
					mu.Unlock()
				}
			})
		}
		sending.Wait()
		close(wake)
		last <- highest
		if err := <-seen; err != nil {
			t.Fatal(err)
		}
	}
}

func certificates(t *testing.T, w *world) {
	ctx, nodes := w.ctx(t), w.all()
	p := submit(t, ctx, nodes[0], w.envelope(0, 1, "certified"))
	var root ledger.Root
	for i, l := range nodes {
		c, err := l.Certified(ctx, p.Height)
		if err != nil {
			t.Fatal(err)
		}
		height, got, when, err := w.VerifyCertificate(w.File(), c.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if height != p.Height || c.Height != p.Height || got != c.Root || when == 0 {
			t.Fatalf("node %d: height %d, root %s, time %d", i, height, got, when)
		}
		if i == 0 {
			root = got
		}
		if got != root {
			t.Fatalf("node %d certifies %s, node 0 %s", i, got, root)
		}
	}
	for i := range w.Validators() {
		if got, ok := w.Machine(i).Root(p.Height); !ok || got != root {
			t.Fatalf("machine %d has root %s, certified is %s", i, got, root)
		}
	}
	b, err := block(ctx, nodes[0], p.Height)
	if err != nil || b.Time == 0 {
		t.Fatal(b.Time, err)
	}
	stranger := w.File()
	stranger.Validators = append([]ledger.Validator{}, stranger.Validators...)
	for i := range stranger.Validators {
		stranger.Validators[i].Key = Sender(Senders + i).Public()
	}
	c, err := nodes[0].Certified(ctx, p.Height)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := w.VerifyCertificate(stranger, c.Bytes); err == nil {
		t.Fatal("another committee's network file accepts the certificate")
	}
	_, err = nodes[0].Certified(ctx, 0)
	wantCode(t, err, fault.Invalid)
}

// flips calls try with data in which one byte has changed, for every byte and
// several changes of it.
func flips(t *testing.T, data []byte, try func([]byte) error) {
	t.Helper()
	for i := range data {
		for _, x := range []byte{0x01, 0x80} {
			data[i] ^= x
			err := try(data)
			data[i] ^= x
			if err == nil {
				t.Fatalf("byte %d of %d changed by %#x is accepted", i, len(data), x)
			}
		}
	}
	for _, cut := range [][]byte{nil, data[:len(data)-1], append(data[:len(data):len(data)], 0)} {
		if try(cut) == nil {
			t.Fatalf("%d bytes of %d are accepted", len(cut), len(data))
		}
	}
	if err := try(data); err != nil {
		t.Fatalf("unchanged: %v", err)
	}
}

func certificateBytes(t *testing.T, w *world) {
	ctx := w.ctx(t)
	p := submit(t, ctx, w.Ledger(0), w.envelope(0, 1, "certified"))
	c, err := w.Ledger(0).Certified(ctx, p.Height)
	if err != nil {
		t.Fatal(err)
	}
	flips(t, c.Bytes, func(b []byte) error {
		_, _, _, err := w.VerifyCertificate(w.File(), b)
		return err
	})
	t.Logf("a certificate has %d bytes", len(c.Bytes))
}

func proofs(t *testing.T, w *world) {
	ctx := w.ctx(t)
	var wait sync.WaitGroup
	where := make([]ledger.Position, 12)
	for s := range 4 { // several in one block, so that the trees have several shapes
		wait.Go(func() {
			for n := range uint64(3) {
				var err error
				if where[s*3+int(n)], err = w.Ledger(0).Submit(ctx, w.envelope(s, n+1, "x")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	f := w.Follow()
	for i, p := range where {
		want := w.envelope(i/3, uint64(i%3)+1, "x")
		for _, l := range []ledger.Ledger{w.Ledger(0), f} {
			proof, err := l.Included(ctx, p)
			if err != nil {
				t.Fatal(err)
			}
			e, at, err := w.VerifyInclusion(w.File(), proof.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			if at != p || proof.Position != p || e.ID() != want.ID() || !e.Equal(proof.Envelope) {
				t.Fatalf("the proof shows %s at %s, want %s at %s", e.ID(), at, want.ID(), p)
			}
		}
	}
	proof, err := f.Included(ctx, where[7])
	if err != nil {
		t.Fatal(err)
	}
	flips(t, proof.Bytes, func(b []byte) error {
		_, _, err := w.VerifyInclusion(w.File(), b)
		return err
	})
	_, err = f.Included(ctx, ledger.Position{Height: where[0].Height, Index: 99999})
	wantCode(t, err, fault.NotFound)
}

func contexts(t *testing.T, w *world) {
	for name, l := range map[string]ledger.Ledger{"validator": w.Ledger(0), "follower": w.Follow()} {
		t.Run(name, func(t *testing.T) {
			const far = 1 << 40
			ends := func(what string, call func(context.Context) error) {
				ctx, cancel := context.WithCancel(t.Context())
				got := make(chan error, 1)
				go func() { got <- call(ctx) }()
				select {
				case err := <-got:
					t.Fatalf("%s did not wait: %v", what, err)
				case <-time.After(50 * time.Millisecond):
				}
				cancel()
				select {
				case err := <-got:
					if !errors.Is(err, context.Canceled) {
						t.Fatalf("%s: %v", what, err)
					}
				case <-time.After(limit):
					t.Fatalf("%s does not end with its context", what)
				}
			}
			ends("Blocks", func(ctx context.Context) error {
				for _, err := range l.Blocks(ctx, far) {
					return err
				}
				return nil
			})
			ends("Certified", func(ctx context.Context) error { _, err := l.Certified(ctx, far); return err })
			ends("Included", func(ctx context.Context) error {
				_, err := l.Included(ctx, ledger.Position{Height: far})
				return err
			})
		})
	}
}

func status(t *testing.T, w *world) {
	ctx := w.ctx(t)
	p := submit(t, ctx, w.Ledger(0), w.envelope(0, 1, "status"))
	for i, l := range w.all() {
		if _, err := at(ctx, l, p); err != nil {
			t.Fatal(err)
		}
		until(t, func() (bool, string) {
			s, err := l.Status(ctx)
			if err != nil {
				t.Fatal(err)
			}
			ok := s.Driver == w.File().Driver && s.ChainID == w.File().ChainID && s.Tip >= p.Height && s.Confirmed >= p.Height &&
				s.Earliest == 1 && s.Validators == w.Validators() && s.Reached == w.Validators() && s.TipTime > 0 && !s.Syncing
			return ok, fmt.Sprintf("node %d: %+v", i, s)
		})
	}
}

// until waits for a condition.
func until(t *testing.T, ok func() (bool, string)) {
	t.Helper()
	for end := time.Now().Add(limit); ; {
		done, what := ok()
		if done {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("waited %s: %s", limit, what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// newKey sends with a key as soon as a follower has seen the block that brings
// it, while a validator, the one that is asked first, lags behind.
func newKey(t *testing.T, w *world) {
	ctx, f := w.ctx(t), w.Follow()
	w.Machine(0).Slow(100 * time.Millisecond)
	defer w.Machine(0).Slow(0)
	for n := range uint64(6) {
		key := Sender(Senders + 100 + int(n))
		p := submit(t, ctx, w.Ledger(w.Validators()-1), w.introduce(n+1, key.Public()))
		if _, err := block(ctx, f, p.Height); err != nil {
			t.Fatal(err)
		}
		e := w.envelope(0, 1, "with a new key")
		e.Sign(key)
		submit(t, ctx, f, e)
	}
}

func stranger(t *testing.T, w *world) {
	ctx := w.ctx(t)
	submit(t, ctx, w.Ledger(0), w.envelope(0, 1, "not for strangers"))
	followed, peered, links := w.Stranger(ctx)
	if followed != 0 || peered != 0 || links != 0 {
		t.Fatalf("a stranger holds %d blocks as follower, %d as peer, and %d links", followed, peered, links)
	}
	submit(t, ctx, w.Ledger(0), w.envelope(0, 2, "the ledger goes on"))
}

// bad sends past a validator that answers badly: asked first, and asked with
// the others because the ledger is slow.
func bad(t *testing.T, w *world, how Misbehaviour) {
	ctx := w.ctx(t)
	f := w.FollowBad(how, true)
	n := uint64(1)
	for ; n <= 3; n++ {
		e := w.envelope(0, n, "to a bad one first")
		p, err := f.Submit(ctx, e)
		for tries := 0; tries < 20 && (fault.CodeOf(err) == fault.Busy || fault.CodeOf(err) == fault.NotYet); tries++ {
			p, err = f.Submit(ctx, e) // as a sender does
		}
		if err != nil {
			t.Fatal(err)
		}
		w.everywhere(t, ctx, w.all(), p, e)
	}
	f = w.FollowBad(how, false)
	for i := range w.Validators() {
		w.Machine(i).Slow(500 * time.Millisecond)
		defer w.Machine(i).Slow(0)
	}
	e := w.envelope(0, n, "to a bad one together with the others")
	w.everywhere(t, ctx, w.all(), submit(t, ctx, f, e), e)
}

// leftOut wants an envelope final that one proposer leaves out of its blocks,
// while others of the same block's time go in.
func leftOut(t *testing.T, w *world) {
	ctx, nodes := w.ctx(t), w.all()
	w.LeaveOut(0, Sender(w.sender).Public())
	for n := uint64(1); n <= 6; n++ { // each validator proposes, the bad one too
		for s := range 2 {
			e := w.envelope(s, n, "left out by one")
			w.everywhere(t, ctx, nodes, submit(t, ctx, w.Ledger(0), e), e)
		}
	}
	agree(t, ctx, w)
}

func liar(t *testing.T, w *world) {
	ctx := w.ctx(t)
	f, alarms := w.FollowLiar()
	e := w.envelope(0, 1, "told falsely")
	p := submit(t, ctx, f, e)
	w.everywhere(t, ctx, append(w.all(), f), p, e)
	c, err := f.Certified(ctx, p.Height)
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := w.Machine(0).Root(p.Height); c.Root != want {
		t.Fatalf("the follower believes root %s, true is %s", c.Root, want)
	}
	proof, err := f.Included(ctx, p)
	if err != nil || proof.Envelope.ID() != e.ID() {
		t.Fatal(proof.Position, err)
	}
	if n := alarms(); n < 4 {
		t.Fatalf("%d alarms were raised, want one each for Submit, Blocks, Certified and Included", n)
	}
}

func idle(t *testing.T, w *world) {
	ctx, l := w.ctx(t), w.Ledger(0)
	submit(t, ctx, l, w.envelope(0, 1, "before"))
	time.Sleep(4 * time.Second) // the idle time is the case
	before := time.Now().UnixMilli()
	p := submit(t, ctx, l, w.envelope(0, 2, "after"))
	after := time.Now().UnixMilli()
	b, err := block(ctx, l, p.Height)
	if err != nil {
		t.Fatal(err)
	}
	// The interval of empty blocks and a slow machine's rounds fit into this;
	// the idle time does not.
	if b.Time < before-2500 || b.Time > after+1000 {
		t.Fatalf("submitted between %d and %d, block time %d: %d ms before", before, after, b.Time, before-b.Time)
	}
}

func restart(t *testing.T, w *world) {
	ctx := w.ctx(t)
	sent := map[uint64]ledger.Position{}
	next := uint64(1)
	send := func(l ledger.Ledger, n int) {
		for range n {
			sent[next] = submit(t, ctx, l, w.envelope(0, next, fmt.Sprint("number ", next)))
			next++
		}
	}
	send(w.Ledger(0), 5)
	for i := range w.Validators() { // one after the other
		w.Stop(i)
		w.Start(i)
		send(w.Ledger(i), 2)
	}
	for i := range w.Validators() { // all at once
		w.Stop(i)
	}
	for i := range w.Validators() {
		w.Start(i)
	}
	for i, l := range w.all() {
		for n, p := range sent {
			if again := submit(t, ctx, l, w.envelope(0, n, fmt.Sprint("number ", n))); again != p {
				t.Fatalf("node %d: number %d was final at %s, now at %s", i, n, p, again)
			}
		}
	}
	send(w.Ledger(0), 2)
	agree(t, ctx, w)
}

// agree wants one root on all machines at a height that all have.
func agree(t *testing.T, ctx context.Context, w *world) {
	t.Helper()
	s, err := w.Ledger(0).Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	c, err := w.Ledger(0).Certified(ctx, s.Tip)
	if err != nil {
		t.Fatal(err)
	}
	for i := range w.Validators() {
		if _, err := w.Ledger(i).Certified(ctx, s.Tip); err != nil {
			t.Fatal(err)
		}
		if root, ok := w.Machine(i).Root(s.Tip); !ok || root != c.Root {
			t.Fatalf("machine %d: root %s at %d, certified is %s", i, root, s.Tip, c.Root)
		}
	}
}

// crash lets one validator's machine fail in a block, before or after it wrote,
// and wants the validator to be whole again after a restart.
func crash(t *testing.T, w *world, when Fault) {
	ctx := w.ctx(t)
	first := w.envelope(0, 1, "before")
	p := submit(t, ctx, w.Ledger(0), first)
	victim := w.Validators() - 1
	other := w.Ledger(0)
	if _, err := block(ctx, w.Ledger(victim), p.Height); err != nil {
		t.Fatal(err)
	}
	w.Machine(victim).Break(func(ledger.Height) Fault { return when })
	e := w.envelope(0, 2, "during")
	got := make(chan error, 1)
	go func() { // with one validator alone this one cannot become final now
		_, err := other.Submit(ctx, e)
		got <- err
	}()
	if err := w.Stopped(ctx, victim); fault.CodeOf(err) != fault.Unavailable {
		t.Fatalf("a broken machine stops the validator with %v", err)
	}
	_, err := w.Ledger(victim).Submit(ctx, w.envelope(1, 1, "to a stopped validator"))
	if err == nil {
		t.Fatal("a stopped validator makes envelopes final")
	}
	if w.Validators() > 1 {
		if err := <-got; err != nil {
			t.Fatalf("the others do not go on: %v", err)
		}
	} else if err := <-got; fault.CodeOf(err) != fault.Unknown {
		t.Fatalf("got %v, want unknown", err)
	}
	w.Stop(victim)
	w.Machine(victim).Break(nil)
	w.Start(victim)
	l := w.Ledger(victim)
	p = submit(t, ctx, l, e)
	w.everywhere(t, ctx, w.all(), p, e)
	submit(t, ctx, l, w.envelope(0, 3, "after"))
	agree(t, ctx, w)
}

func forgetful(t *testing.T, w *world) {
	ctx := w.ctx(t)
	var p ledger.Position
	for n := uint64(1); n <= 6; n++ {
		p = submit(t, ctx, w.Ledger(0), w.envelope(0, n, "kept"))
	}
	for _, to := range []ledger.Height{p.Height - 2, 0} {
		victim := w.Validators() - 1
		if _, err := block(ctx, w.Ledger(victim), p.Height); err != nil {
			t.Fatal(err)
		}
		w.Stop(victim)
		w.Machine(victim).Forget(to)
		w.Start(victim)
		agree(t, ctx, w)
	}
	submit(t, ctx, w.Ledger(0), w.envelope(0, 7, "after"))
	agree(t, ctx, w)
}

func lostIndex(t *testing.T, w *world) {
	ctx := w.ctx(t)
	victim := w.Validators() - 1
	var where []ledger.Position
	for n := uint64(1); n <= 6; n++ {
		where = append(where, submit(t, ctx, w.Ledger(0), w.envelope(0, n, "indexed")))
	}
	if _, err := block(ctx, w.Ledger(victim), where[5].Height); err != nil {
		t.Fatal(err)
	}
	w.Stop(victim)
	w.LoseIndex(victim)
	w.Start(victim)
	for i, p := range where {
		if again := submit(t, ctx, w.Ledger(victim), w.envelope(0, uint64(i)+1, "indexed")); again != p {
			t.Fatalf("number %d was final at %s, now at %s", i+1, p, again)
		}
	}
	submit(t, ctx, w.Ledger(victim), w.envelope(0, 7, "after"))
	agree(t, ctx, w)
}

func pruned(t *testing.T, w *world) {
	ctx := w.ctx(t)
	var p ledger.Position
	for n := uint64(1); n <= 12; n++ {
		p = submit(t, ctx, w.Ledger(0), w.envelope(0, n, "pruned"))
	}
	for i, l := range w.all() {
		until(t, func() (bool, string) {
			s, err := l.Status(ctx)
			if err != nil {
				t.Fatal(err)
			}
			return s.Earliest > 2 && s.Earliest <= s.Tip, fmt.Sprintf("node %d: %+v", i, s)
		})
		_, err := block(ctx, l, 1)
		wantCode(t, err, fault.NotFound)
		// A driver may keep headers longer than blocks, so a certificate may
		// still be there; it is never a wrong one.
		if c, err := l.Certified(ctx, 1); err == nil {
			if h, _, _, err := w.VerifyCertificate(w.File(), c.Bytes); err != nil || h != 1 {
				t.Fatal(h, err)
			}
		} else {
			wantCode(t, err, fault.NotFound)
		}
		_, err = l.Included(ctx, ledger.Position{Height: 1})
		wantCode(t, err, fault.NotFound)
		if _, err := block(ctx, l, p.Height); err != nil {
			t.Fatal(err)
		}
	}
}

func deadProposer(t *testing.T, w *world) {
	ctx := w.ctx(t)
	submit(t, ctx, w.Ledger(1), w.envelope(0, 1, "all alive"))
	w.Stop(0)
	f := w.Follow() // asks the dead one first, as it happens
	n := uint64(2)
	for range 2 * w.Validators() { // each of the others proposes, and the dead one's turn comes
		submit(t, ctx, f, w.envelope(0, n, "one dead"))
		n++
	}
	w.Start(0)
	e := w.envelope(0, n, "all alive again")
	p := submit(t, ctx, w.Ledger(0), e)
	w.everywhere(t, ctx, w.all(), p, e)
	agree(t, ctx, w)
}

func closing(t *testing.T, w *world) {
	ctx := w.ctx(t)
	l := w.Ledger(0)
	submit(t, ctx, l, w.envelope(0, 1, "before"))
	got := make(chan error, 3)
	go func() { // has to wait for number 2
		_, err := l.Submit(ctx, w.envelope(0, 3, "under way"))
		got <- err
	}()
	go func() {
		for _, err := range l.Blocks(ctx, 1<<40) {
			got <- err
			return
		}
	}()
	go func() {
		_, err := l.Certified(ctx, 1<<40)
		got <- err
	}()
	time.Sleep(50 * time.Millisecond)
	for range 2 {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		select {
		case err := <-got:
			if err == nil {
				t.Fatal("a call ended well on a closed ledger")
			}
		case <-time.After(limit):
			t.Fatal("a call does not end with the ledger")
		}
	}
	_, err := l.Submit(ctx, w.envelope(0, 2, "after"))
	wantCode(t, err, fault.Unknown)
}
