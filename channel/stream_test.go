package channel

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
)

// counted gives the sizes of the envelopes of a channel on the ledger.
func counted(t testing.TB, p *pair, from ledger.Height) (sizes []int) {
	for b, err := range Before(p.a.tip()+1, p.n.ledger.Blocks(timeout(t), from)) {
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range b.Envelopes {
			if e.Header.Channel == p.left.ID() && e.Header.Sender == p.left.s.Load().key.Public() {
				sizes = append(sizes, len(e.Payload))
			}
		}
	}
	return sizes
}

func TestAloneACommandLeavesAtOnceAndUnderLoadEnvelopesGrow(t *testing.T) {
	p, g := gatedPair(t)
	from := p.a.tip() + 1
	submit(t, p.left, put("a", "1"))
	if sizes := counted(t, p, from); len(sizes) != 1 || sizes[0] > 1024 {
		t.Errorf("one command travelled as %v", sizes)
	}
	// Hold the flight so that commands gather, as they do on a slow network.
	from = p.a.tip() + 1
	hold := make(chan struct{})
	g.set(func(ledger.Envelope) error { <-hold; return nil })
	noise := make([]byte, 250)
	if err := p.a.random(noise); err != nil {
		t.Fatal(err)
	}
	var tickets []*Ticket
	for i := range 6000 {
		if err := p.a.random(noise); err != nil {
			t.Fatal(err)
		}
		tickets = append(tickets, p.left.Enqueue(put(label(i), string(noise))))
	}
	close(hold)
	for i, ticket := range tickets {
		out, err := ticket.Wait(timeout(t))
		if err != nil || len(out) != 1 || out[0].Err() != nil {
			t.Fatalf("command %d: %v %v", i, out, err)
		}
	}
	sizes := counted(t, p, from)
	total := 0
	for _, n := range sizes {
		total += n
		if n > ledger.MaxPayload {
			t.Errorf("a payload of %d bytes", n)
		}
	}
	if mean := total / len(sizes); mean < worthSending/2 {
		t.Errorf("%d envelopes of %d bytes on average under load", len(sizes), mean)
	}
	p.level(t)
}

func TestBytesInFlightAndWaitingAreBounded(t *testing.T) {
	p, g := gatedPair(t)
	hold := make(chan struct{})
	g.set(func(ledger.Envelope) error { <-hold; return nil })
	defer close(hold)
	big := put("big", strings.Repeat("x", 200<<10))
	var last *Ticket
	for range maxQueueBytes/(200<<10) + maxFlight + 2 {
		last = p.left.Enqueue(big)
	}
	select {
	case <-last.Done():
		if _, err := last.Wait(timeout(t)); fault.CodeOf(err) != fault.Busy {
			t.Errorf("beyond the bound: %v", err)
		}
	default:
		t.Error("everything was taken")
	}
	p.left.s.Load().mu.Lock()
	defer p.left.s.Load().mu.Unlock()
	if p.left.s.Load().flightBytes > maxFlightBytes+ledger.MaxPayload || len(p.left.s.Load().flight) > maxFlight {
		t.Errorf("%d bytes, %d envelopes in flight", p.left.s.Load().flightBytes, len(p.left.s.Load().flight))
	}
}

// A validator that is a block behind does not know a key that this node has
// seen come, and says so in the words for a key that will never be taken.
func TestAnEarlyRefusalDoesNotEndASender(t *testing.T) {
	p, g := gatedPair(t)
	for _, code := range []fault.Code{fault.Unauthorized, fault.NotFound} {
		var mu sync.Mutex
		left := 3
		g.set(func(ledger.Envelope) error {
			mu.Lock()
			defer mu.Unlock()
			if left == 0 {
				return nil
			}
			left--
			return fault.New(code, "this key is not known yet", "")
		})
		submit(t, p.left, put("a", string(code)))
		if left != 0 {
			t.Error("the refusals were not met")
		}
	}
	if a, ok := p.a.alarms.find(fault.Unauthorized); ok {
		t.Errorf("an alarm was raised: %v", a)
	}
	// A refusal of another kind is final, and so is one of a key that is gone.
	g.set(func(ledger.Envelope) error { return fault.New(fault.Forbidden, "never", "") })
	if _, err := p.left.Submit(timeout(t), put("a", "x")); err == nil {
		t.Error("a refused envelope was executed")
	}
}

func TestACommandThatFitsNoEnvelopeIsRefusedAtOnce(t *testing.T) {
	p := newPair(t, networkOptions{})
	if _, err := p.left.Submit(timeout(t), put("a", strings.Repeat("x", fillTarget))); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("got %v", err)
	}
	submit(t, p.left, put("a", "1"))
}

func TestEventsGoOnFromACursor(t *testing.T) {
	p := newPair(t, networkOptions{})
	from := Cursor(p.left.snapshot().Cursor)
	for i := range 5 {
		submit(t, p.left, put(label(i), "x"))
	}
	read := func(b *Bilateral, from Cursor, n int) (keys []string, next Cursor) {
		for e, err := range b.Events(timeout(t), from) {
			if err != nil {
				t.Fatal(err)
			}
			next = e.Next
			for _, o := range e.Outcomes {
				for _, ev := range o.Events {
					keys = append(keys, ev.Subject)
				}
			}
			if len(keys) >= n {
				break
			}
		}
		return keys, next
	}
	first, next := read(p.left, from, 2)
	p.a.stop()
	p.a.start() // the log is durable
	p.left = find(t, p.a, p.right.ID())
	rest := make(chan []string)
	go func() {
		keys, _ := read(p.left, next, 4) // one more than there is: it waits at the tip
		rest <- keys
	}()
	submit(t, p.left, put(label(5), "x"))
	if got := fmt.Sprint(append(first, <-rest...)); got != fmt.Sprint([]string{label(0), label(1), label(2), label(3), label(4), label(5)}) {
		t.Errorf("read %s", got)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for range p.left.Events(ctx, p.left.snapshot().Cursor) {
		t.Error("there is nothing to read")
	}
	for _, err := range p.left.Events(timeout(t), 1<<40) {
		if fault.CodeOf(err) != fault.NotFound {
			t.Errorf("a cursor beyond the end: %v", err)
		}
	}
}

// The clock of this machine decides nothing but when to try again.
func TestAClockThatJumpsChangesNothing(t *testing.T) {
	p := newPair(t, networkOptions{})
	submit(t, p.left, put("a", "1"))
	p.a.clock.advance(1000 * time.Hour)
	submit(t, p.left, put("b", "1"))
	p.n.clock.advance(-time.Hour) // the ledger keeps block time from falling
	submit(t, p.right, put("c", "1"))
	p.a.clock.mu.Lock()
	p.a.clock.wall = func() time.Time { return time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC) }
	p.a.clock.mu.Unlock()
	submit(t, p.left, put("d", "1"))
	p.attest(t)
	last := int64(0)
	for e, err := range p.left.Events(timeout(t), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Time < last {
			t.Errorf("block time falls from %d to %d", last, e.Time)
		}
		last = e.Time
		if e.Next == p.left.snapshot().Cursor {
			break
		}
	}
	if p.left.Epoch() != 1 {
		t.Error("this machine's clock changed the epoch")
	}
}

// versioned is a law that does not know the rules of a channel from some
// command on.
type versioned struct{ toyLaw }

func (versioned) Version(state trade.Records, _ uint64) error {
	if _, ok := state.Get("r/new-rules"); ok {
		return fault.New(trade.CodeVersionUnknown, "rules of another version", "upgrade")
	}
	return nil
}

func TestAChannelOfUnknownRulesStopsAndNoOther(t *testing.T) {
	keys := map[string]*memoryKeys{"ALPHA": newKeys(t), "BRAVO": newKeys(t), "CARGO": newKeys(t)}
	n := newNetwork(t, networkOptions{}, keys)
	a := n.carrier("ALPHA", keys["ALPHA"], func(o *Options) { o.Law = versioned{} })
	b, c := n.carrier("BRAVO", keys["BRAVO"], nil), n.carrier("CARGO", keys["CARGO"], nil)
	ab, _ := open(t, a, b)
	ac, ca := open(t, a, c)
	submit(t, ab, put("new-rules", "2"))
	right := find(t, b, ab.ID())
	submit(t, right, put("x", "1"))
	eventually(t, "the channel is halted", func() bool { return ab.State() == StateHalted })
	if f := fault.Of(ab.Err()); f.Code != trade.CodeVersionUnknown || f.Remedy == "" {
		t.Errorf("halted by %v", ab.Err())
	}
	submit(t, ac, put("y", "1"))
	submit(t, ca, put("z", "1"))
}

func TestABindingWaitsForAMemberKeyThatIsKeptOffLine(t *testing.T) {
	keys := map[string]*memoryKeys{"ALPHA": newKeys(t), "BRAVO": newKeys(t)}
	n := tradeNetwork(t, keys)
	offline := keys["ALPHA"].member
	keys["ALPHA"].member = sign.PrivateKey{}
	a, b := n.carrier("ALPHA", keys["ALPHA"], nil), n.carrier("BRAVO", keys["BRAVO"], nil)
	left, err := tryOpen(timeout(t), a, b)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the node asks for the member key", func() bool { _, ok := a.alarms.find(trade.CodeMemberKey); return ok })
	if left.State() != StateOpening {
		t.Errorf("state is %s", left.State())
	}
	binding, err := left.Binding()
	if err != nil {
		t.Fatal(err)
	}
	if out := submit(t, left, n.law.Bind(binding, offline)); out[0].Err() != nil {
		t.Fatal(out[0].Err())
	}
	if err := left.Await(timeout(t)); err != nil {
		t.Fatal(err)
	}
	if out := submit(t, left, record(1)); out[0].Err() != nil {
		t.Error(out[0].Err())
	}
}

func TestAnInvitationCanBeDeclined(t *testing.T) {
	keys := map[string]*memoryKeys{"ALPHA": newKeys(t), "BRAVO": newKeys(t)}
	n := newNetwork(t, networkOptions{}, keys)
	a := n.carrier("ALPHA", keys["ALPHA"], nil)
	b := n.carrier("BRAVO", keys["BRAVO"], func(o *Options) { o.Accept = func(i Invitation) bool { return i.Opener != "ALPHA" } })
	left, err := tryOpen(timeout(t), a, b)
	if err != nil {
		t.Fatal(err)
	}
	n.clock.advance(2 * time.Hour)
	submit(t, a.Omni(), put("a", "1"))
	if err := left.Await(timeout(t)); fault.CodeOf(err) != fault.Refused {
		t.Errorf("got %v", err)
	}
	if left.State() != StateLapsed || len(b.Bilaterals()) != 0 {
		t.Errorf("state %s", left.State())
	}
}

func TestAnIntroductionIsThePartnersOrNobodys(t *testing.T) {
	keys := map[string]*memoryKeys{"ALPHA": newKeys(t), "BRAVO": newKeys(t), "CARGO": newKeys(t)}
	n := newNetwork(t, networkOptions{}, keys)
	a, b, c := n.carrier("ALPHA", keys["ALPHA"], nil), n.carrier("BRAVO", keys["BRAVO"], nil), n.carrier("CARGO", keys["CARGO"], nil)
	for _, x := range []*carrier{a, b, c} {
		<-x.Ready()
	}
	ours := must(a.Introduce("BRAVO"))
	theirs := must(b.Introduce("ALPHA"))
	forged := theirs
	forged.Key = must(sign.Generate(nil)).Public()
	other := must(c.Introduce("ALPHA"))
	posing := other
	posing.From = "BRAVO"
	posing.Signature = keys["CARGO"].node.Sign(tagIntroduction, posing.message())
	small := theirs
	small.Key = sign.PublicKey{1}
	small.Signature = keys["BRAVO"].node.Sign(tagIntroduction, small.message())
	for name, x := range map[string]struct {
		theirs Introduction
		code   fault.Code
	}{
		"another key":          {forged, fault.Refused},
		"another member":       {other, fault.Invalid},
		"posing as the member": {posing, fault.Unauthorized},
		"for somebody else":    {must(b.Introduce("CARGO")), fault.Invalid},
		"a weak key":           {small, fault.Invalid},
	} {
		if _, err := a.Invite(timeout(t), ours, x.theirs); fault.CodeOf(err) != x.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := a.Introduce("ALPHA"); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a channel with oneself: %v", err)
	}
}

// slowRandom is a random source that waits while it is held: an envelope of a
// Bilateral draws its salt between the queue and the outbox.
type slowRandom struct {
	mu      sync.Mutex
	held    chan struct{} // nil: not held
	waiting chan struct{} // one token for each read that waits
}

func (r *slowRandom) Read(p []byte) (int, error) {
	r.mu.Lock()
	held := r.held
	r.mu.Unlock()
	if held != nil {
		r.waiting <- struct{}{}
		<-held
	}
	return rand.Read(p)
}

// hold makes the next reads wait until release is called.
func (r *slowRandom) hold() (release func()) {
	held := make(chan struct{})
	r.mu.Lock()
	r.held = held
	r.mu.Unlock()
	return func() {
		r.mu.Lock()
		r.held = nil
		r.mu.Unlock()
		close(held)
	}
}

// What happens to a stream while it makes an envelope: the commands in it are
// neither lost nor sent twice.
func TestAStreamThatEndsWhileItMakesAnEnvelope(t *testing.T) {
	start := func(t *testing.T) (*pair, *slowRandom) {
		keys := map[string]*memoryKeys{"ALPHA": newKeys(t), "BRAVO": newKeys(t)}
		r := &slowRandom{waiting: make(chan struct{}, 16)}
		p := &pair{n: newNetwork(t, networkOptions{}, keys)}
		p.a = p.n.carrier("ALPHA", keys["ALPHA"], func(o *Options) { o.Random = r })
		p.b = p.n.carrier("BRAVO", keys["BRAVO"], nil)
		p.left, p.right = open(t, p.a, p.b)
		return p, r
	}
	t.Run("it fails", func(t *testing.T) {
		p, r := start(t)
		release := r.hold()
		in := p.left.Enqueue(put("a", "1"), put("b", "1"))
		<-r.waiting
		behind := p.left.Enqueue(put("c", "1"))
		p.left.s.Load().fail(fault.New(fault.Refused, "a test", "none"))
		release()
		if _, err := in.Wait(timeout(t)); fault.CodeOf(err) != fault.Unknown {
			t.Errorf("commands in the envelope end with %v", err)
		}
		if _, err := behind.Wait(timeout(t)); fault.CodeOf(err) != fault.Refused {
			t.Errorf("commands behind it end with %v", err)
		}
		p.a.stop()
		p.a.start()
		p.left = find(t, p.a, p.right.ID())
		submit(t, p.left, put("d", "1"))
		p.level(t)
		if n := countPuts(t, p.right, "a"); n != 1 {
			t.Errorf("what was in the outbox was executed %d times", n)
		}
	})
	t.Run("its key is replaced", func(t *testing.T) {
		p, r := start(t)
		fresh := must(p.a.keys.NewChannel())
		old := p.left.s.Load()
		release := r.hold()
		in := p.left.Enqueue(put("a", "1"), put("b", "1"))
		<-r.waiting
		behind := p.left.Enqueue(put("c", "1"))
		if _, err := p.left.public.Load().enqueue(one(toyCommand("rotate", fresh.Public()))).Wait(timeout(t)); err != nil {
			t.Fatal(err)
		}
		release()
		eventually(t, "the node goes over to the new key", func() bool { return p.left.s.Load() != old })
		if _, err := in.Wait(timeout(t)); fault.CodeOf(err) != fault.Unknown {
			t.Errorf("commands in an envelope of the old key end with %v", err)
		}
		if out, err := behind.Wait(timeout(t)); err != nil || out[0].Err() != nil {
			t.Errorf("commands behind it: %v, %v", out, err)
		}
		submit(t, p.right, put("d", "1"))
		p.level(t)
		if n := countPuts(t, p.right, "a"); n > 1 {
			t.Errorf("a command was executed %d times", n)
		}
	})
}

// Whoever asks again and again gets the same key: the key file does not grow.
func TestAChannelKeyIsOfferedUntilAnOpeningUsesIt(t *testing.T) {
	keys := map[string]*memoryKeys{"ALPHA": newKeys(t), "BRAVO": newKeys(t), "CARGO": newKeys(t)}
	n := newNetwork(t, networkOptions{}, keys)
	a, b, c := n.carrier("ALPHA", keys["ALPHA"], nil), n.carrier("BRAVO", keys["BRAVO"], nil), n.carrier("CARGO", keys["CARGO"], nil)
	for _, x := range []*carrier{a, b, c} {
		<-x.Ready()
	}
	made := func() int {
		keys["BRAVO"].mu.Lock()
		defer keys["BRAVO"].mu.Unlock()
		return len(keys["BRAVO"].channels)
	}
	ours := must(a.Introduce("BRAVO"))
	theirs := must(b.Answer(ours))
	for i := range 100 {
		if i == 50 { // it stands over a restart
			b.stop()
			b.start()
			<-b.Ready()
		}
		if again := must(b.Answer(ours)); again != theirs {
			t.Fatalf("the introduction changes from %+v to %+v", theirs, again)
		}
	}
	if other := must(b.Answer(must(c.Introduce("BRAVO")))); other.Key == theirs.Key {
		t.Error("two partners are handed the same key")
	}
	if made() != 2 {
		t.Errorf("%d keys were made for two partners", made())
	}
	forged := must(c.Introduce("BRAVO"))
	forged.From = "ALPHA"
	forged.Signature = keys["CARGO"].node.Sign(tagIntroduction, forged.message())
	if _, err := b.Answer(forged); fault.CodeOf(err) != fault.Unauthorized {
		t.Errorf("who poses as another member gets %v", err)
	}

	left, err := a.Invite(timeout(t), ours, theirs)
	if err != nil {
		t.Fatal(err)
	}
	// The partner opens at the same moment, with the same two keys: it is the
	// same channel.
	find(t, b, left.ID())
	if right, err := b.Invite(timeout(t), theirs, ours); err != nil || right.ID() != left.ID() {
		t.Errorf("the second opening gives %v", err)
	}
	for again := range 2 {
		if next := must(b.Answer(must(a.Introduce("BRAVO")))); next.Key == theirs.Key || made() != 3 {
			t.Errorf("after the opening: %d keys, used again: %t", made(), next.Key == theirs.Key)
		}
		if again == 0 {
			b.stop()
			b.start()
			<-b.Ready()
		}
	}
}

func TestOffersToPartnersThatOpenNothingAreBounded(t *testing.T) {
	keys := map[string]*memoryKeys{"ALPHA": newKeys(t), "BRAVO": newKeys(t)}
	n := newNetwork(t, networkOptions{}, keys)
	a, b := n.carrier("ALPHA", keys["ALPHA"], nil), n.carrier("BRAVO", keys["BRAVO"], nil)
	<-a.Ready()
	<-b.Ready()
	ours := must(a.Introduce("BRAVO"))
	for i := range maxOffers {
		must(b.Introduce(fmt.Sprintf("M%d", i)))
	}
	if _, err := b.Answer(ours); fault.CodeOf(err) != fault.Busy {
		t.Errorf("one too many gets %v", err)
	}
	must(b.Introduce("ALPHA")) // BRAVO itself may still open
	must(b.Answer(ours))       // and ALPHA has its key then
}

// A node that has not caught up signs nothing, introductions included.
func TestANodeThatIsNotReadySignsNoIntroduction(t *testing.T) {
	keys := map[string]*memoryKeys{"ALPHA": newKeys(t), "BRAVO": newKeys(t)}
	n := newNetwork(t, networkOptions{}, keys)
	m, err := newMember(Options{Ledger: n.ledger, Store: must(store.Open("m", store.Options{Memory: true, MinFree: 1})),
		Keys: keys["ALPHA"], Code: "ALPHA", ChainID: n.net.ChainID, Genesis: n.genesis, Law: n.law})
	if err != nil {
		t.Fatal(err)
	}
	defer m.db.Close()
	if _, err := m.Introduce("BRAVO"); fault.CodeOf(err) != fault.NotYet {
		t.Errorf("got %v", err)
	}
	if len(keys["ALPHA"].channels) > 0 {
		t.Error("a channel key was made")
	}
}
