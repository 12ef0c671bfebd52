package usage

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
)

// Codes of a delivery that cannot be used.
const (
	// CodeBadDelivery says that a file of delivered calls is not in its one form.
	CodeBadDelivery fault.Code = "bad-delivery"
	// CodeNotCommitted says that delivered calls do not fit the line that was
	// stated.
	CodeNotCommitted fault.Code = "not-committed"
)

// Salt hides a call from those who know its root and guess its numbers.
type Salt [16]byte

// Call is one call of a line as it is delivered to the partner: what is
// compared, and the salt under which it was committed. Its numbers are hidden:
// who has the call knows them, and nobody else gets them.
type Call struct {
	Start       int64 // ms since 1970 UTC
	Duration    uint32
	Origin      Hidden
	Destination Hidden
	Salt        Salt
}

// callSize is the length of a call's bytes: start, destination, origin (8 each,
// big endian), duration (4), salt (16). It is fixed, so one call has one
// encoding, and its leaf fits one block of SHA-256.
const callSize = 8 + 8 + 8 + 4 + 16

// Order is the canonical order of calls inside a line: start, destination,
// origin, duration. The salt does not count.
func (c Call) Order(d Call) int {
	if c.Start != d.Start {
		return cmp.Compare(c.Start, d.Start)
	}
	return cmp.Or(cmp.Compare(c.Destination, d.Destination), cmp.Compare(c.Origin, d.Origin), cmp.Compare(c.Duration, d.Duration))
}

// appendTo appends the call's fixed bytes, which are the leaf of its line's
// tree.
func (c *Call) appendTo(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(c.Start))
	b = binary.BigEndian.AppendUint64(b, uint64(c.Destination))
	b = binary.BigEndian.AppendUint64(b, uint64(c.Origin))
	b = binary.BigEndian.AppendUint32(b, c.Duration)
	return append(b, c.Salt[:]...)
}

func callFrom(b []byte) Call {
	return Call{
		Start:       int64(binary.BigEndian.Uint64(b)),
		Destination: Hidden(binary.BigEndian.Uint64(b[8:])),
		Origin:      Hidden(binary.BigEndian.Uint64(b[16:])),
		Duration:    binary.BigEndian.Uint32(b[24:]),
		Salt:        Salt(b[28:]),
	}
}

// Leaf is the RFC 6962 hash of the call in its line's tree. It names the call
// to those who hold it and tells nothing to others.
func (c *Call) Leaf() canon.Hash {
	var b [callSize]byte
	return merkle.LeafHash(c.appendTo(b[:0]))
}

// Slot says which line of which statement calls belong to.
type Slot struct {
	Direction Direction `cbor:"1,keyasint"`
	Period    Interval  `cbor:"2,keyasint"`          // of the statement
	Adjusts   Interval  `cbor:"3,keyasint,omitzero"` // of the line
	Row       uint32    `cbor:"4,keyasint"`
}

// tagSalts separates the key of a line's salts from all other uses of a secret.
const tagSalts = "lateral/usage/salts/1"

// Commit salts the calls of a line, which must be in canonical order, and gives
// the line that commits to them. Salts derive from the secret, the slot and the
// index, so the same calls give the same line again; a secret is 32 random
// bytes that only this carrier has. billed gives the billed seconds of a
// duration (rating.Row.Billed). Code: [CodeBadDelivery] for calls out of order.
func Commit(secret []byte, s Slot, calls []Call, billed func(duration uint32) uint32) (Line, error) {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(tagSalts))
	mac.Write(canon.Must(s))
	salts := hmac.New(sha256.New, mac.Sum(nil))
	var sum [sha256.Size]byte
	for i := range calls {
		salts.Reset()
		salts.Write(binary.BigEndian.AppendUint64(sum[:0], uint64(i)))
		calls[i].Salt = Salt(salts.Sum(sum[:0]))
	}
	return lineOf(s, calls, billed)
}

// lineOf computes the line that salted calls make.
func lineOf(s Slot, calls []Call, billed func(uint32) uint32) (Line, error) {
	l := Line{Row: s.Row, Adjusts: s.Adjusts, Calls: uint64(len(calls))}
	var root merkle.Root
	var leaf [callSize]byte
	for i := range calls {
		if i > 0 && calls[i-1].Order(calls[i]) > 0 {
			return Line{}, fault.Newf(CodeBadDelivery, "order calls by start, destination, origin, duration", "call %d of the line is out of order", i)
		}
		l.RawMillis += uint64(calls[i].Duration)
		l.BilledSeconds += uint64(billed(calls[i].Duration))
		root.Add(calls[i].appendTo(leaf[:0]))
	}
	l.Root = root.Sum()
	return l, nil
}

// Delivery is the calls of one line on their way to the partner. It is sealed
// before it leaves.
type Delivery struct {
	Slot  Slot
	Calls []Call // in canonical order
}

// wireDelivery is a delivery's canonical CBOR: the calls are one byte string of
// fixed-length entries, since there may be millions.
type wireDelivery struct {
	Slot  Slot   `cbor:"1,keyasint"`
	Calls []byte `cbor:"2,keyasint"`
}

// Encode gives the delivery's one canonical form.
func (d *Delivery) Encode() []byte {
	w := wireDelivery{d.Slot, make([]byte, 0, len(d.Calls)*callSize)}
	for i := range d.Calls {
		w.Calls = d.Calls[i].appendTo(w.Calls)
	}
	return canon.Must(w)
}

// DecodeDelivery reads what Encode wrote. Codes: invalid (not canonical CBOR),
// [CodeBadDelivery] (numbers, order or period impossible).
func DecodeDelivery(data []byte) (*Delivery, error) {
	bad := func(format string, args ...any) error {
		return fault.Newf(CodeBadDelivery, "ask the partner to send the delivery again", format, args...)
	}
	var w wireDelivery
	if err := canon.Decode(data, &w); err != nil {
		return nil, err
	}
	if len(w.Calls)%callSize != 0 {
		return nil, bad("%d bytes are no whole number of calls", len(w.Calls))
	}
	if err := w.Slot.Period.Validate(); err != nil {
		return nil, err
	}
	if !w.Slot.Adjusts.IsZero() {
		if err := w.Slot.Adjusts.Validate(); err != nil {
			return nil, err
		}
	}
	d := &Delivery{Slot: w.Slot, Calls: make([]Call, len(w.Calls)/callSize)}
	for i := range d.Calls {
		c := callFrom(w.Calls[i*callSize:])
		switch {
		case c.Destination == 0 || !c.Destination.possible() || !c.Origin.possible():
			return nil, bad("call %d has a number that is not hidden, or none that was called", i)
		case c.Start < earliest || c.Start > latest-int64(^uint32(0)):
			return nil, bad("call %d starts at no possible time", i)
		case i > 0 && d.Calls[i-1].Order(c) > 0:
			return nil, bad("call %d is out of order", i)
		}
		d.Calls[i] = c
	}
	return d, nil
}

// CheckDelivery refuses calls that are not exactly those that the line commits
// to: another slot, another root, count, raw or billed seconds. billed is that
// of the line's rate version. Code: [CodeNotCommitted].
func CheckDelivery(s Slot, stated Line, d *Delivery, billed func(duration uint32) uint32) error {
	refuse := func(field, format string, args ...any) error {
		return fault.Newf(CodeNotCommitted, "the sender must deliver the records that it committed to; without them it cannot use the line", format, args...).In(field)
	}
	if d.Slot != s || stated.Row != s.Row || stated.Adjusts != s.Adjusts {
		return refuse("slot", "the delivery is for another line")
	}
	got, err := lineOf(s, d.Calls, billed)
	switch {
	case err != nil:
		return err
	case got.Calls != stated.Calls:
		return refuse("calls", "%d calls were delivered and %d stated", got.Calls, stated.Calls)
	case got.RawMillis != stated.RawMillis:
		return refuse("raw_millis", "the delivered calls last %d ms and %d were stated", got.RawMillis, stated.RawMillis)
	case got.BilledSeconds != stated.BilledSeconds:
		return refuse("billed_seconds", "the delivered calls bill %d s and %d were stated", got.BilledSeconds, stated.BilledSeconds)
	case got.Root != stated.Root:
		return refuse("root", "the delivered calls have root %s and %s was stated", got.Root, stated.Root)
	}
	return nil
}
