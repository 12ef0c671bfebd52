package channel

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/proof"
	"github.com/lateral-network/lateral/trade"
)

// How a sender fills and sends envelopes. With nothing in flight a command
// leaves at once; while something is, commands gather until an envelope is
// worth sending or the flight has landed.
const (
	worthSending   = 64 << 10 // bytes of commands that make an envelope while others are in flight
	maxFlight      = 16       // envelopes of one sender in flight
	maxFlightBytes = 4 << 20  // bytes of them
	maxQueueBytes  = 64 << 20 // bytes of commands that wait
	firstBackoff   = 20 * time.Millisecond
	lastBackoff    = 2 * time.Second
)

// stream numbers, signs and sends what one key says in one channel.
type stream struct {
	m    *Member
	lane lane
	key  sign.PrivateKey
	b    *Bilateral // whose seal it uses; nil on the Omnilateral

	wake chan struct{} // one token: look again

	// filling is held while an envelope is made, and to change resting. It is
	// taken before a Bilateral's mu.
	filling sync.Mutex

	// mu guards what follows. It is taken after a Bilateral's mu, never before.
	mu          sync.Mutex
	queue       []queued
	queueBytes  int
	flight      []*flight // by number
	flightBytes int
	next        uint64   // number of the next envelope; 0 until the member has caught up
	err         error    // why nothing is sent any more
	last        []queued // what goes out all the same while the stream rests
	resting     bool     // the key is about to be replaced: what is queued waits for the next one
}

// queued is one command that waits.
type queued struct {
	cmd    trade.Command
	size   int
	ticket *Ticket
	place  int // of the command in its ticket
}

// flight is one envelope between the outbox and its execution here.
type flight struct {
	envelope ledger.Envelope
	id       canon.Hash
	commands []queued
	landed   chan struct{} // closed when it is executed here
}

func newStream(m *Member, l lane, key sign.PrivateKey, b *Bilateral) *stream {
	return &stream{m: m, lane: l, key: key, b: b, wake: make(chan struct{}, 1)}
}

func (s *stream) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// commandSize is about what a command takes in a batch.
func commandSize(c trade.Command) int {
	n := len(c.Kind) + len(c.Body) + 16
	if c.Authorization != nil {
		n += 160
	}
	return n
}

func (s *stream) enqueue(cmds []trade.Command) *Ticket {
	t := &Ticket{done: make(chan struct{}), outcomes: make([]Outcome, len(cmds)), waiting: len(cmds)}
	if len(cmds) == 0 {
		close(t.done)
		return t
	}
	fail := func(err error) *Ticket {
		t.outcomes, t.err = nil, err
		close(t.done)
		return t
	}
	if s == nil {
		return fail(fault.New(fault.Forbidden, "this node has no key to send with in the channel", "use the node that owns the channel's key"))
	}
	total := 0
	for i, c := range cmds {
		n := commandSize(c)
		if n > fillTarget {
			return fail(fmt.Errorf("command %d (%s): %w", i, c.Kind, tooBig(n)))
		}
		total += n
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.err != nil:
		return fail(s.err)
	case s.queueBytes+total > maxQueueBytes:
		return fail(fault.New(fault.Busy, "too many commands wait to be sent", "wait for earlier ones, then send again"))
	}
	for i, c := range cmds {
		n := commandSize(c)
		s.queue = append(s.queue, queued{c, n, t, i})
	}
	s.queueBytes += total
	s.poke()
	return t
}

// rest sends nothing more and waits until all that was in flight is executed
// here. What is queued waits for resume, or for the stream of the next key.
// Codes: not-yet when ctx ends first, and why the stream has failed.
func (s *stream) rest(ctx context.Context) error {
	s.setResting(true)
	for {
		tick := s.m.ticked()
		s.mu.Lock()
		left, err := len(s.flight), s.err
		s.mu.Unlock()
		if err != nil || left == 0 {
			return err
		}
		select {
		case <-tick:
		case <-ctx.Done():
			return fault.New(fault.NotYet, "what this node has sent is not final yet", "wait, then ask again").Because(ctx.Err())
		}
	}
}

// resume ends a rest.
func (s *stream) resume() {
	s.setResting(false)
	s.poke()
}

// setResting waits for the envelope that is being made.
func (s *stream) setResting(yes bool) {
	s.filling.Lock()
	defer s.filling.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resting = yes
}

// sendLast sends a command although the stream rests: the one by which its key
// is replaced.
func (s *stream) sendLast(c trade.Command) *Ticket {
	t := &Ticket{done: make(chan struct{}), outcomes: make([]Outcome, 1), waiting: 1}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		t.end(0, Outcome{}, s.err)
		return t
	}
	s.last = append(s.last, queued{c, commandSize(c), t, 0})
	s.poke()
	return t
}

// inherit takes over what waits in the stream of a key that was replaced. What
// is in flight there may still become final, or never. old.filling is held, so
// that no command is both in an envelope of the old key and here.
func (s *stream) inherit(old *stream) {
	old.mu.Lock()
	queue, bytes := old.queue, old.queueBytes
	old.queue, old.queueBytes = nil, 0
	old.failLocked(fault.New(CodeKeyReplaced, "the channel key was replaced", "send the command again"))
	old.mu.Unlock()
	old.poke()
	s.mu.Lock()
	s.queue, s.queueBytes = append(queue, s.queue...), bytes+s.queueBytes
	s.mu.Unlock()
}

// start lets the stream send: last is the highest number that is final, and
// pending what the outbox holds beyond it.
func (s *stream) start(ctx context.Context, last uint64, pending []ledger.Envelope) {
	s.mu.Lock()
	s.next = last + 1
	for _, e := range pending {
		if e.Header.Sequence <= last {
			continue
		}
		f := &flight{envelope: e, id: e.ID(), landed: make(chan struct{})}
		s.flight = append(s.flight, f)
		s.flightBytes += len(e.Payload)
		s.next = e.Header.Sequence + 1
		s.m.go_(func() { s.send(ctx, f) })
	}
	s.mu.Unlock()
	s.m.go_(func() { s.run(ctx) })
}

// run fills envelopes until ctx ends or the outbox fails.
func (s *stream) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			s.fail(fault.New(fault.Unknown, "the node is stopping", "look for the command's effect when it runs again").Because(ctx.Err()))
			return
		case <-s.wake:
		}
		for {
			f, err := s.fill()
			if err != nil {
				if s.fail(err) {
					s.m.raise(Alarm{Channel: s.lane.channel, Code: fault.CodeOf(err), Detail: "nothing more can be sent: " + err.Error(), Remedy: fault.Of(err).Remedy})
				}
				return
			}
			if f == nil {
				break
			}
			s.m.go_(func() { s.send(ctx, f) })
		}
	}
}

// fill makes the next envelope and puts it into the outbox; nil when there is
// nothing to send now.
func (s *stream) fill() (*flight, error) {
	s.filling.Lock()
	defer s.filling.Unlock()
	var seal sealing // of the Omnilateral
	if s.b != nil {
		var ok bool
		if seal, ok = s.b.sealing(); !ok {
			return nil, nil
		}
	}
	cmds, number, err := s.take(seal.commands())
	if err != nil || number == 0 {
		return nil, err
	}
	var notes []note
	var head *proof.Head
	if s.b != nil {
		notes, head = s.b.takeNotes(len(cmds) > 0)
	}
	if len(cmds) == 0 && len(notes) == 0 {
		return nil, nil
	}
	b := batch{Notes: notes, Commands: make([]trade.Command, len(cmds))}
	for i, q := range cmds {
		b.Commands[i] = q.cmd
	}
	e := ledger.Envelope{Header: ledger.Header{Version: 1, Chain: s.m.chain, Channel: s.lane.channel, Sender: s.lane.sender, Sequence: number}}
	if err := seal.close(&e, b, s.m.random); err != nil {
		if len(cmds) == 0 {
			return nil, err
		}
		// One command that has no encoding must not hold up the others.
		s.end(cmds, err)
		if s.b != nil {
			s.b.returnNotes(notes)
		}
		s.poke()
		return nil, nil
	}
	e.Sign(s.key)
	if err := s.m.outbox.add(e, head); err != nil {
		s.end(cmds, err)
		return nil, err
	}
	f := &flight{envelope: e, id: e.ID(), commands: cmds, landed: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	s.flight = append(s.flight, f)
	s.flightBytes += len(e.Payload)
	if s.err != nil { // it failed meanwhile; the envelope goes with the next start
		s.unknownLocked(s.err)
		return nil, s.err
	}
	return f, nil
}

// take takes the commands of the next envelope off the queue, if one is worth
// sending, and gives the envelope's number; 0 while nothing may be sent. While
// the stream rests only what goes out all the same is taken, and nothing else
// may be sent.
func (s *stream) take(commands bool) (cmds []queued, number uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, 0, s.err
	}
	from := &s.queue
	if s.resting {
		if from = &s.last; len(s.last) == 0 {
			return nil, 0, nil
		}
	}
	room := len(s.flight) < maxFlight && s.flightBytes < maxFlightBytes
	due := len(s.flight) == 0 || s.queueBytes >= worthSending
	if !room || !due || !commands {
		return nil, s.next, nil
	}
	size := 0
	for len(*from) > len(cmds) && len(cmds) < maxCommands && s.next > 0 {
		q := (*from)[len(cmds)]
		if size += q.size; size > fillTarget && len(cmds) > 0 {
			break
		}
		cmds = append(cmds, q)
		if from == &s.queue {
			s.queueBytes -= q.size
		}
	}
	*from = append([]queued(nil), (*from)[len(cmds):]...)
	return cmds, s.next, nil
}

// end ends commands that are in no queue any more and cannot be sent.
func (s *stream) end(cmds []queued, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, q := range cmds {
		q.ticket.end(q.place, Outcome{}, err)
	}
}

// passing are the answers after which the same bytes may still become final.
// Any other is the ledger's or the law's last word on them.
var passing = []fault.Code{fault.Busy, fault.Unknown, fault.NotYet, fault.Unavailable}

// send gives one envelope to the ledger until it is executed here: the same
// bytes each time.
func (s *stream) send(ctx context.Context, f *flight) {
	wait := firstBackoff
	for {
		_, err := s.m.ledger.Submit(ctx, f.envelope)
		code := fault.CodeOf(err)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil || code == fault.Conflict:
			return // it is final; its execution ends the flight
		case !slices.Contains(passing, code) && !s.early(err):
			if s.replaced() {
				return // the stream of the new key takes over what waits
			}
			if s.m.omni.last(s.lane) < f.envelope.Header.Sequence && s.fail(err) {
				s.m.raise(Alarm{Channel: s.lane.channel, Code: code, Detail: "the ledger refuses an envelope of this node: " + err.Error(), Remedy: fault.Of(err).Remedy})
			}
			return
		}
		s.m.metrics.Resent(s.lane.channel, code)
		select {
		case <-f.landed:
			return
		case <-ctx.Done():
			return
		case <-s.m.clock.After(wait):
		}
		wait = min(2*wait, lastBackoff)
	}
}

// replaced reports whether the key of this stream has been replaced, and the
// member is about to go over to the new one.
func (s *stream) replaced() bool {
	for _, b := range s.m.Bilaterals() {
		if b.s.Load() != s && b.public.Load() != s {
			continue
		}
		replaced := false
		err := s.m.omni.View(func(v View) error {
			o, ok := s.m.law.Opening(v, b.r.id)
			replaced = ok && o.Keys[b.mine] != s.lane.sender
			return nil
		})
		return err == nil && replaced
	}
	return false
}

// early reports whether the ledger refuses as unknown a key that may send here:
// this node has executed a block that the validators asked did not have yet,
// or will soon execute the one that took the key away.
func (s *stream) early(refusal error) bool {
	if code := fault.CodeOf(refusal); code != fault.Unauthorized && code != fault.NotFound {
		return false
	}
	err := s.m.omni.View(func(v View) error {
		_, err := s.m.law.Admit(v, s.lane.channel, s.lane.sender, uint64(v.Height)+1, v.Time)
		return err
	})
	return err == nil
}

// landed ends the flight of a number that has been executed here.
func (s *stream) landed(v verdict, entry *Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	number := v.envelope.Header.Sequence
	if len(s.flight) == 0 || s.flight[0].envelope.Header.Sequence != number {
		if s.next > 0 && number >= s.next {
			s.foreign(number)
		}
		return // sent before a restart, and settled by it
	}
	f := s.flight[0]
	s.flight = s.flight[1:]
	s.flightBytes -= len(f.envelope.Payload)
	close(f.landed)
	defer s.poke()
	switch {
	case f.id != v.id:
		s.foreign(number)
		for _, q := range f.commands {
			q.ticket.end(q.place, Outcome{}, s.err)
		}
		return
	case entry == nil: // notes alone, or the channel has stopped here
		err := fault.New(fault.Unknown, "the envelope is final and was not executed here, because the channel has stopped on this node",
			"repair the channel and look for the commands' effect")
		for _, q := range f.commands {
			q.ticket.end(q.place, Outcome{}, err)
		}
		return
	case entry.Code != "":
		err := fault.New(CodeUnreadable, "the envelope could not be read on the ledger", "send the commands again; report it if it happens again")
		for _, q := range f.commands {
			q.ticket.end(q.place, Outcome{}, err)
		}
		return
	}
	for i, q := range f.commands {
		q.ticket.end(q.place, entry.Outcomes[i], nil)
	}
}

// foreign stops the stream because of an envelope under its key that it has not
// made. mu is held.
func (s *stream) foreign(number uint64) {
	err := fault.New(CodeOutboxBehind, "another envelope became final under a number of this node's key",
		"find the other process that signs with the key, and replace the key")
	if s.failLocked(err) {
		s.m.raise(Alarm{Channel: s.lane.channel, Code: err.Code, Height: s.m.omni.mark.Height,
			Detail: fmt.Sprintf("envelope %d of key %s is not one of this node's", number, s.lane.sender.Short()), Remedy: err.Remedy})
	}
}

// end records what became of one command.
func (t *Ticket) end(place int, o Outcome, err error) {
	if t.waiting == 0 {
		return
	}
	if err != nil && t.err == nil {
		t.err = err
	}
	o.Command = place
	t.outcomes[place] = o
	if t.waiting--; t.waiting == 0 {
		if t.err != nil {
			t.outcomes = nil
		}
		close(t.done)
	}
}

// fail ends everything that waits, and reports whether it is the first
// failure. What is in flight may still be executed.
func (s *stream) fail(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failLocked(err)
}

func (s *stream) failLocked(err error) (first bool) {
	first = s.err == nil
	if first {
		s.err = err
	}
	for _, q := range append(s.queue, s.last...) {
		q.ticket.end(q.place, Outcome{}, err)
	}
	s.queue, s.queueBytes, s.last = nil, 0, nil
	s.unknownLocked(err)
	return first
}

// unknownLocked ends what is in flight: nobody here will see what becomes of
// it.
func (s *stream) unknownLocked(err error) {
	why := fault.Of(err)
	unknown := fault.Newf(fault.Unknown, "look for its effect before sending it again",
		"the command may still be executed; nothing more is sent: %s (%s)", why.Detail, why.Code).Because(err)
	for _, f := range s.flight {
		for _, q := range f.commands {
			q.ticket.end(q.place, Outcome{}, unknown)
		}
		f.commands = nil
	}
}
