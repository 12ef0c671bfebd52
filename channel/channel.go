package channel

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/trade"
)

// Cursor is a place in a channel's event log: the number of the next entry to
// read. Zero is the beginning. Its text form is decimal.
type Cursor uint64

// ParseCursor reads a cursor's text form; the empty text is the beginning.
func ParseCursor(s string) (Cursor, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, fault.New(fault.Invalid, "a cursor is a decimal number", "use the cursor of the last entry that you read").Because(err)
	}
	return Cursor(n), nil
}

// String gives the text form.
func (c Cursor) String() string { return strconv.FormatUint(uint64(c), 10) }

// Entry is one envelope in a channel's event log, with what became of its
// commands. Entries are durable and come in the ledger's order.
type Entry struct {
	Next     Cursor          `cbor:"-" json:"next"` // where to read on after this entry
	Position ledger.Position `cbor:"1,keyasint" json:"position"`
	Time     int64           `cbor:"2,keyasint" json:"time"` // block time, ms UTC
	Sender   sign.PublicKey  `cbor:"3,keyasint" json:"sender"`
	Envelope canon.Hash      `cbor:"4,keyasint" json:"envelope"`                 // id
	Code     fault.Code      `cbor:"5,keyasint,omitempty" json:"code,omitempty"` // unreadable: nothing was executed
	Outcomes []Outcome       `cbor:"6,keyasint,omitempty" json:"outcomes,omitempty"`
	Notes    []NoteOutcome   `cbor:"7,keyasint,omitempty" json:"notes,omitempty"`
}

// NoteOutcome is what became of a message of the channel's own protocol that
// is part of its log: the offer or acceptance of an epoch key.
type NoteOutcome struct {
	Place int        `cbor:"1,keyasint" json:"place"` // among the envelope's notes
	Kind  string     `cbor:"2,keyasint" json:"kind"`
	Code  fault.Code `cbor:"3,keyasint,omitempty" json:"code,omitempty"` // empty: done
}

// Outcome is what became of one command.
type Outcome struct {
	Position ledger.Position `cbor:"-" json:"position"` // of its envelope
	Command  int             `cbor:"1,keyasint" json:"command"`
	Kind     trade.Kind      `cbor:"2,keyasint" json:"kind"`
	Receipt  trade.Receipt   `cbor:"3,keyasint" json:"receipt"`
	Events   []trade.Event   `cbor:"4,keyasint,omitempty" json:"events,omitempty"`
	Refusal  *Refusal        `cbor:"5,keyasint,omitempty" json:"refusal,omitempty"` // nil when done
	Writes   canon.Hash      `cbor:"6,keyasint" json:"writes"`                      // of what it wrote; zero: nothing
}

// Refusal is the wording of a receipt that says no. It is no part of any root.
type Refusal struct {
	Detail string `cbor:"1,keyasint" json:"detail"`
	Remedy string `cbor:"2,keyasint" json:"remedy"`
}

// Err gives a refused command's reason as an error, or nil when it was done.
func (o Outcome) Err() error {
	if o.Receipt.Code == "" {
		return nil
	}
	e := &fault.Error{Code: o.Receipt.Code, Field: o.Receipt.Field, Detail: "the command was refused"}
	if o.Refusal != nil {
		e.Detail, e.Remedy = o.Refusal.Detail, o.Refusal.Remedy
	}
	return e
}

// FirstErr gives the first refusal among outcomes, naming the command.
func FirstErr(out []Outcome) error {
	for _, o := range out {
		if err := o.Err(); err != nil {
			return fmt.Errorf("command %d (%s): %w", o.Command, o.Kind, err)
		}
	}
	return nil
}

// View is a channel's state after one block. It is valid inside the function
// that Channel.View calls, only.
type View struct {
	trade.Records
	ID       canon.Hash
	Position ledger.Height // of the last block that touched the channel; 0 before the first
	Root     canon.Hash    // of the state
	Size     uint64        // leaves in the block log
	Cursor   Cursor        // behind the last event that led to this state
	Height   ledger.Height // last block executed, whether it touched the channel or not
	Time     int64         // its time, ms UTC
}

// ScanAfter is Scan from the first key behind after on, which begins with
// prefix or is empty: how a long list is read piece by piece.
func (v View) ScanAfter(prefix, after string) iter.Seq2[string, []byte] {
	if s, ok := v.Records.(interface {
		ScanAfter(prefix, after string) iter.Seq2[string, []byte]
	}); ok {
		return s.ScanAfter(prefix, after)
	}
	return func(yield func(string, []byte) bool) {
		for key, value := range v.Scan(prefix) {
			if key > after && !yield(key, value) {
				return
			}
		}
	}
}

// ScanBefore is Scan backwards, from the last key before the one that is given on, which
// begins with prefix; if it is empty, from the last of all.
func (v View) ScanBefore(prefix, before string) iter.Seq2[string, []byte] {
	if s, ok := v.Records.(interface {
		ScanBefore(prefix, before string) iter.Seq2[string, []byte]
	}); ok {
		return s.ScanBefore(prefix, before)
	}
	return func(yield func(string, []byte) bool) {
		var keys []string
		values := map[string][]byte{}
		for key, value := range v.Scan(prefix) {
			if before == "" || key < before {
				keys = append(keys, key)
				values[key] = value
			}
		}
		for _, key := range slices.Backward(keys) {
			if !yield(key, values[key]) {
				return
			}
		}
	}
}

// Ticket stands for commands on their way.
type Ticket struct {
	done     chan struct{}
	outcomes []Outcome // readable after done is closed
	err      error     // likewise
	waiting  int       // commands without outcome; owned by the stream
}

// Done is closed when the commands are executed here, or will never be.
func (t *Ticket) Done() <-chan struct{} { return t.done }

// Wait gives what became of the commands, one outcome each in their order. A
// refusal by the state machine is an outcome, not an error. Codes: unreadable
// when the envelope did not open on the ledger, refused when the ledger will
// not take it, unknown when ctx ended first: the commands may still be
// executed.
func (t *Ticket) Wait(ctx context.Context) ([]Outcome, error) {
	select {
	case <-t.done:
		return t.outcomes, t.err
	case <-ctx.Done():
		return nil, fault.New(fault.Unknown, "the commands are on their way", "look for their effect, or wait again").Because(ctx.Err())
	}
}

// Channel is one channel as this member has it: the Omnilateral, or the part
// of a Bilateral that both have in common. All methods may be called at the
// same time.
type Channel struct {
	m *Member
	r *replica
	s atomic.Pointer[stream] // sends for this member; another one once its key is replaced
}

// ID names the channel; zero is the Omnilateral.
func (c *Channel) ID() canon.Hash { return c.r.id }

// Submit sends commands and waits until they are final and executed here. They
// are executed in this order, not all or nothing, and may share envelopes with
// others. Codes: see Ticket.Wait, and invalid for a command that fits no
// envelope.
func (c *Channel) Submit(ctx context.Context, cmds ...trade.Command) ([]Outcome, error) {
	return c.Enqueue(cmds...).Wait(ctx)
}

// Enqueue sends commands and returns at once. Memory bounds what may be under
// way: beyond 64 MiB a ticket ends with busy.
func (c *Channel) Enqueue(cmds ...trade.Command) *Ticket {
	for {
		s := c.s.Load()
		t := s.enqueue(cmds)
		// The key may just have been replaced: the next one's stream takes it.
		if c.s.Load() == s || !t.ended(CodeKeyReplaced) {
			return t
		}
	}
}

// ended reports whether nothing was sent for a reason.
func (t *Ticket) ended(why fault.Code) bool {
	select {
	case <-t.done:
		return fault.CodeOf(t.err) == why
	default:
		return false
	}
}

// View calls f with the state after one block. The state does not move while f
// runs, so f is to be short and must not submit.
func (c *Channel) View(f func(View) error) error { return c.r.view(f) }

// Get gives one record of the present state.
func (c *Channel) Get(key string) (value []byte, ok bool, err error) {
	err = c.View(func(v View) error {
		value, ok = v.Get(key)
		return nil
	})
	return value, ok, err
}

// Position is the height of the last block that touched the channel.
func (c *Channel) Position() ledger.Height {
	c.r.mu.RLock()
	defer c.r.mu.RUnlock()
	return c.r.position
}

// Root is the state root at Position.
func (c *Channel) Root() canon.Hash {
	c.r.mu.RLock()
	defer c.r.mu.RUnlock()
	return c.r.tree.Root()
}

// Events yields the channel's entries from a cursor on and waits at the tip
// until ctx ends. Entries stay; a reader goes on from the Next of the last
// entry that it has dealt with. An error ends it.
func (c *Channel) Events(ctx context.Context, from Cursor) iter.Seq2[Entry, error] {
	return c.r.events(ctx, from)
}
