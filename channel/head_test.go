package channel

import (
	"context"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/proof"
	"github.com/lateral-network/lateral/trade"
)

// attest moves both clocks until both heads cover everything.
func (p *pair) attest(t testing.TB) {
	t.Helper()
	p.level(t)
	eventually(t, "both members have attested the present position", func() bool {
		p.a.clock.advance(attestWithin)
		p.b.clock.advance(attestWithin)
		return p.left.Attested() == p.left.Position() && p.right.Attested() == p.left.Position()
	})
}

func TestChangesAreAttestedWithinFiveSeconds(t *testing.T) {
	p := newPair(t, networkOptions{})
	submit(t, p.left, put("a", "1"))
	p.level(t)
	at := p.left.Position()
	if p.left.Attested() >= at {
		t.Fatal("attested although no time has passed")
	}
	p.a.clock.advance(attestWithin - time.Millisecond)
	p.b.clock.advance(attestWithin - time.Millisecond)
	if p.left.Attested() >= at {
		t.Fatal("attested before the time has come")
	}
	p.attest(t)
}

func TestAttestingNeedsNoAttesting(t *testing.T) {
	p := newPair(t, networkOptions{})
	submit(t, p.left, put("a", "1"))
	p.attest(t)
	size, tip := p.left.snapshot().Size, p.a.tip()
	for range 5 {
		p.a.clock.advance(attestWithin)
		p.b.clock.advance(attestWithin)
		time.Sleep(10 * time.Millisecond)
	}
	if now := p.left.snapshot().Size; now != size {
		t.Errorf("heads made the block log grow from %d to %d", size, now)
	}
	if now := p.a.tip(); now != tip {
		t.Errorf("heads went on after all was attested: tip %d, then %d", tip, now)
	}
}

func (c *carrier) tip() ledger.Height {
	st, err := c.n.ledger.Status(timeout(c.n.t))
	if err != nil {
		c.n.t.Fatal(err)
	}
	return st.Tip
}

func TestAHeadRidesWithTheNextEnvelope(t *testing.T) {
	p := newPair(t, networkOptions{})
	for i := range 3 {
		submit(t, p.left, put(label(i), "x"))
		submit(t, p.right, put(label(i), "y"))
	}
	p.level(t)
	// No clock has moved: what is attested came with commands.
	if p.left.Attested() == 0 || p.right.Attested() == 0 {
		t.Errorf("attested up to %d and %d without a timer", p.left.Attested(), p.right.Attested())
	}
}

// The time for a head may come while one is leaving with commands. What changes
// then was never signed: a side that says nothing more was waited for for ever.
func TestATimerThatComesTooLateKeepsNoHeadBack(t *testing.T) {
	p := newPair(t, networkOptions{})
	submit(t, p.left, put("a", "1"))
	p.attest(t)
	b := p.right
	b.mu.Lock()
	b.due = true
	b.mu.Unlock()
	submit(t, p.left, put("b", "1"))
	p.attest(t)
}

func TestNobodyWaitsForAHead(t *testing.T) {
	p := newPair(t, networkOptions{})
	p.b.stop()
	for i := range 20 {
		submit(t, p.left, put(label(i), "x"))
	}
	p.a.clock.advance(attestWithin)
	eventually(t, "our head is on the ledger", func() bool { return p.left.Unattested() > 0 })
	if p.left.Attested() >= p.left.Position() {
		t.Error("attested without the partner")
	}
	p.b.start()
	p.right = find(t, p.b, p.left.ID())
	p.attest(t)
	if p.left.Unattested() != 0 {
		t.Error("the partner has answered and still owes a head")
	}
}

func TestALyingHeadIsFoundAtTheExactCommand(t *testing.T) {
	keys := map[string]*memoryKeys{"ALPHA": newKeys(t), "BRAVO": newKeys(t)}
	n := newNetwork(t, networkOptions{}, keys)
	a := n.carrier("ALPHA", keys["ALPHA"], nil)
	b := n.carrier("BRAVO", keys["BRAVO"], func(o *Options) {
		o.Law = toyLaw{lie: func(_ trade.Context, c trade.Command) bool {
			return string(c.Body) == string(put("k0007", "x").Body)
		}}
	})
	p := &pair{n: n, a: a, b: b}
	p.left, p.right = open(t, a, b)
	var wrong Outcome
	for i := range 20 {
		out := submit(t, p.left, put("before", label(i)), put(label(i), "x"), put("after", label(i)))
		if i == 7 {
			wrong = out[1]
		}
	}
	eventually(t, "both members have found the difference", func() bool {
		a.clock.advance(attestWithin)
		b.clock.advance(attestWithin)
		l, ok := p.left.Divergence()
		r, ok2 := p.right.Divergence()
		return ok && ok2 && l.Found && r.Found
	})
	l, _ := p.left.Divergence()
	r, _ := p.right.Divergence()
	if l.Height != r.Height || l.Line != r.Line || l.Low != r.Low {
		t.Errorf("the members name different places: %+v and %+v", l, r)
	}
	if l.Height != uint64(wrong.Position.Height) || l.Line != wrong.Command {
		t.Errorf("found block %d receipt %d, the wrong command is %d at %s", l.Height, l.Line, wrong.Command, wrong.Position)
	}
	if p.left.State() != StateDiverged {
		t.Errorf("state is %s", p.left.State())
	}
	if _, ok := a.alarms.find(CodeDiverged); !ok {
		t.Error("no alarm")
	}
	eventually(t, "the evidence is in the state of both", func() bool {
		_, ok, _ := p.left.Get("ended")
		_, ok2, _ := p.right.Get("ended")
		return ok && ok2
	})
	// From there the channel takes heads and termination, and nothing else.
	out := submit(t, p.left, put("more", "x"), toyCommand("end", 0))
	if fault.CodeOf(out[0].Err()) != CodeDiverged || out[1].Err() != nil {
		t.Errorf("outcomes on a diverged channel: %v and %v", out[0].Err(), out[1].Err())
	}
	if name, err := p.left.Differing(); err != nil || name.Kind != "put" || name.Position != wrong.Position {
		t.Errorf("the differing command is %+v, %v", name, err)
	}
}

// speak sends notes as ALPHA, whose node is down.
func (p *pair) speak(t testing.TB, notes ...note) {
	t.Helper()
	p.forge(t, func(h ledger.Header, k epochKey) ([]byte, uint32) { return sealed(k, h, batch{Notes: notes}), h.Epoch })
}

// headNote is ALPHA's word on a head, signed with a key.
func (p *pair) headNote(h proof.Head, key sign.PrivateKey) note {
	return note{noteHead, canon.Must(h.Sign(key, uint8(p.left.mine)))}
}

func TestEveryHeadIsComparedNotOnlyTheLast(t *testing.T) {
	for name, heads := range map[string]func(p *pair) []proof.Head{
		"a wrong one before a right one": func(p *pair) []proof.Head {
			right := must(p.right.r.headAt(p.right.snapshot().Size))
			wrong := right
			wrong.Root = canon.Sum("wrong")
			return []proof.Head{wrong, right}
		},
		"a wrong one that covers less": func(p *pair) []proof.Head {
			right := must(p.right.r.headAt(p.right.snapshot().Size))
			wrong := must(p.right.r.headAt(right.Size - 1))
			wrong.Root = canon.Sum("wrong")
			return []proof.Head{right, wrong}
		},
		"of a log that is longer": func(p *pair) []proof.Head {
			wrong := must(p.right.r.headAt(p.right.snapshot().Size))
			wrong.Size++
			return []proof.Head{wrong}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, networkOptions{})
			submit(t, p.left, put("a", "1"), put("b", "2"))
			p.attest(t)
			p.a.stop()
			var notes []note
			for _, h := range heads(p) {
				notes = append(notes, p.headNote(h, p.left.s.Load().key))
			}
			p.speak(t, notes...)
			eventually(t, "the wrong head is met with a contradiction", func() bool {
				_, ok := p.b.alarms.find(CodeDiverged)
				return ok
			})
		})
	}
}

func TestAHeadCountsOnlyUnderItsSignersKey(t *testing.T) {
	p := newPair(t, networkOptions{})
	submit(t, p.left, put("a", "1"))
	p.attest(t)
	p.a.stop()
	submit(t, p.right, put("b", "1"))
	last := func() proof.SignedHead {
		p.right.mu.Lock()
		defer p.right.mu.Unlock()
		return p.right.p.Heads[p.left.mine].Signed
	}
	before := last()
	head := must(p.right.r.headAt(p.right.snapshot().Size))
	p.speak(t, p.headNote(head, must(sign.Generate(nil))), note{noteHead, canon.Must(head.Sign(p.right.s.Load().key, uint8(p.right.mine)))})
	if last() != before {
		t.Error("a head that its signer has not signed counts")
	}
	// A contradiction brings the head that it is about, under our signature.
	wrong := head
	wrong.Root = canon.Sum("wrong")
	unsigned := proof.SignedHead{Head: wrong, By: uint8(p.right.mine)}
	empty := proof.Head{Channel: head.Channel}.Sign(p.right.s.Load().key, uint8(p.right.mine))
	for _, c := range []contradiction{
		{unsigned, head.Root},
		{wrong.Sign(must(sign.Generate(nil)), uint8(p.right.mine)), head.Root},
		{wrong.Sign(p.left.s.Load().key, uint8(p.left.mine)), head.Root}, // its own
		{empty, head.Root},
		{head.Sign(p.right.s.Load().key, uint8(p.right.mine)), head.Root}, // no contradiction
	} {
		p.speak(t, note{noteContra, canon.Must(c)})
		if _, ok := p.right.Divergence(); ok {
			t.Fatalf("%+v opens a search", c)
		}
	}
}

// Both heads of an anchor are of this node's log.
func TestAHeadOfAnotherLogIsNotAnchored(t *testing.T) {
	p := newPair(t, networkOptions{})
	submit(t, p.left, put("a", "1"))
	p.level(t)
	head := must(p.left.r.headAt(p.left.snapshot().Size))
	head.Root = canon.Sum("wrong")
	err := p.left.postAnchor(timeout(t), head.Sign(p.right.s.Load().key, uint8(p.right.mine)))
	if fault.CodeOf(err) != CodeDiverged {
		t.Errorf("got %v", err)
	}
}

// A partner that is silent is late from the first head on that it left without
// an answer; our own later heads do not make it look prompt.
func TestASilentPartnerIsLateSinceTheFirstHead(t *testing.T) {
	p := newPair(t, networkOptions{})
	p.attest(t)
	p.b.stop()
	var first int64
	for i := range 2 * maxOpen {
		submit(t, p.left, put(label(i), "x"))
		p.n.clock.advance(time.Minute)
		if now := p.left.Unattested(); first == 0 {
			first = now
		} else if now != first {
			t.Fatalf("after %d heads the partner is late since %d, not since %d", i, now, first)
		}
	}
	if first == 0 {
		t.Fatal("no head was sent")
	}
	p.b.start()
	p.right = find(t, p.b, p.left.ID())
	p.attest(t)
	if got := p.left.Unattested(); got != 0 {
		t.Errorf("the partner has answered and is late since %d", got)
	}
}

func TestAnAnswerCoversWhatItReaches(t *testing.T) {
	var open []openHead
	for size := uint64(1); size <= 2*maxOpen; size++ {
		open = unanswered(open, openHead{size, int64(size)})
	}
	if len(open) != maxOpen || open[0].Time != 1 || open[maxOpen-1].Size != 2*maxOpen {
		t.Errorf("kept: %+v", open)
	}
	if left := answered(open, 3); left[0].Size != 4 || open[0].Size != 1 {
		t.Errorf("after an answer: %+v", left)
	}
	if left := answered(open, 2*maxOpen); len(left) != 0 {
		t.Errorf("after an answer to all: %+v", left)
	}
}

// Nobody waits for a head, but new trade does once it is too far ahead of what
// both have signed. What was signed follows from the log, so that both come to
// the same.
func TestTradeGoesOnUpToTheAgreedExposure(t *testing.T) {
	p := newPair(t, networkOptions{})
	submit(t, p.left, put("a", "1"))
	p.attest(t)
	if out := submit(t, p.left, toyCommand("trade", 0)); out[0].Err() != nil {
		t.Fatalf("below the exposure: %v", out[0].Err())
	}
	p.b.stop()
	var last fault.Code
	for i := 0; last == "" && i < 10; i++ {
		last = fault.CodeOf(submit(t, p.left, toyCommand("trade", 0))[0].Err())
	}
	if last != trade.CodeUnattested {
		t.Fatalf("with a silent partner it ends with %q", last)
	}
	if out := submit(t, p.left, put("b", "1")); out[0].Err() != nil {
		t.Errorf("what is under way does not go on: %v", out[0].Err())
	}
	p.b.start()
	p.right = find(t, p.b, p.left.ID())
	p.attest(t)
	if out := submit(t, p.left, toyCommand("trade", 0)); out[0].Err() != nil {
		t.Errorf("once both have signed: %v", out[0].Err())
	}
	p.level(t)
	// A head that covers less takes nothing back.
	attested := func() uint64 {
		p.right.mu.Lock()
		defer p.right.mu.Unlock()
		return p.right.p.Attested
	}
	before := attested()
	p.a.stop()
	p.speak(t, p.headNote(must(p.right.r.headAt(1)), p.left.s.Load().key))
	if now := attested(); now < before {
		t.Errorf("the attested position fell from %d to %d", before, now)
	}
}

func TestANoteThatPanicsChangesNothingButItsReceipt(t *testing.T) {
	p := newPair(t, networkOptions{})
	p.attest(t)
	d := &bilateralDraft{draft: p.right.r.draft(1, 1, nil), p: p.right.p, keys: p.right.keys} // no channel: it panics
	h := must(p.right.r.headAt(1)).Sign(p.right.s.Load().key, uint8(p.right.mine))
	if code := d.take(p.right.mine, ledger.Position{Height: 1}, note{noteHead, canon.Must(h)}); code != fault.Internal {
		t.Errorf("the receipt is %q", code)
	}
	if d.moved || len(d.heads) > 0 {
		t.Error("something has changed")
	}
	if a, ok := p.b.alarms.find(fault.Internal); !ok || a.Stack == "" {
		t.Error("no alarm")
	}
}

// An auditor asked for the proof of an invoice on the day that it came: no
// anchor was due before its period was settled, and the wait ended in nothing.
func TestAProofThatNoAnchorCoversHasOnePosted(t *testing.T) {
	p := newPair(t, networkOptions{})
	submit(t, p.left, put("a", "1"))
	p.attest(t)
	asked := make(chan error, 8)
	for range cap(asked) {
		go func() {
			_, err := p.left.Prove(timeout(t), "r/a")
			asked <- err
		}()
	}
	for range cap(asked) {
		if err := <-asked; err != nil {
			t.Error(err)
		}
	}
	if all := p.left.Anchors(); len(all) != 1 {
		t.Errorf("%d anchors for what one covers", len(all))
	}
	// What is not there has none posted, nor what the partner has not signed.
	submit(t, p.left, put("b", "1"))
	if _, err := p.left.Prove(timeout(t), "r/c"); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("of no record: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := p.left.Prove(ctx, "r/b"); fault.CodeOf(err) != fault.NotYet {
		t.Errorf("of a record that the partner has not signed: %v", err)
	}
	if all := p.left.Anchors(); len(all) != 1 {
		t.Errorf("%d anchors", len(all))
	}
}
