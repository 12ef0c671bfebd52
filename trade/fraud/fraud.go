// Package fraud finds calls that look like fraud in one carrier's own records of
// a pair: destinations that grow suddenly, floods of short calls, false answers
// and loops. A signal says what is unusual and how much so; what it means is for
// people to decide.
//
// Calls are told as [Trace]s, in any order. [Judge] puts those of one
// destination, one way and one cycle of fixed length together, a cell, and
// compares the cell with what was usual: with the destination's share of the
// pair's traffic, with how its calls and those of the pair end, and how long they
// last. The pair's traffic in the same cycle says what the time of day and week
// does to all destinations, so nothing has to be learned of it first. A cell that
// is raised is so unlikely among usual ones that chance alone would raise one in
// a billion: the bound is that of Chernoff and Hoeffding, in integers.
package fraud

import (
	"math/bits"

	"github.com/lateral-network/lateral/trade/usage"
)

// Kind is what a signal is about.
type Kind string

// The kinds.
const (
	Growth      Kind = "destination_growth" // several times the calls that are usual for a destination
	ShortFlood  Kind = "short_flood"        // many calls of a few seconds or none, by few callers or to few ranges
	FalseAnswer Kind = "false_answer"       // nearly all are answered, by many callers, and end after the same time
	Loop        Kind = "loop"               // calls that go to the other carrier and come back within seconds
)

// Kinds are all of them, in the order of reports.
var Kinds = []Kind{Growth, ShortFlood, FalseAnswer, Loop}

// Row is where the record of a call stands: a file, by a number that the caller
// gives to it, and a line.
type Row struct {
	File uint32 `cbor:"1,keyasint"`
	Line uint32 `cbor:"2,keyasint"`
}

// Trace is what is looked at of one call, in 24 bytes without pointers: there may
// be tens of millions.
type Trace struct {
	Place  uint32 // destination and way: 2 × the number that the caller gives to its name + the way
	Cycle  uint32 // since 1970
	File   uint32 // see Row
	Line   uint32
	Origin uint16 // hash
	Range  uint16 // hash of the called number without its last three digits
	Trunk  uint16
	Band   uint8 // of the duration; see bandOf
	Flags  uint8
}

// Flags of a trace.
const (
	answered = 1 << iota
	short    // of less than shortMillis, or not answered
	looped   // the same call is there the other way at nearly the same time
)

// shortMillis is the length below which a call is short.
const shortMillis = 6_000

// PlaceOf puts a destination's number and a way together.
func PlaceOf(destination uint32, w usage.Way) uint32 { return destination<<1 | uint32(w) }

// Way gives the way of a place.
func Way(place uint32) usage.Way { return usage.Way(place & 1) }

// TraceOf makes the trace of a call. cycle is the length of cycles, ms; loops
// says that the call is one of [Returns].
func TraceOf(cycle int64, r *usage.Record, place uint32, loops bool) Trace {
	t := Trace{
		Place: place, Cycle: uint32(r.Start / cycle), Line: r.Line, Origin: fold(uint64(r.Origin)), Range: fold(uint64(r.Destination) / 1000),
		Trunk: uint16(r.Trunk), Band: bandOf(r.Duration),
	}
	if r.Result == usage.Success {
		t.Flags |= answered
	}
	if r.Result != usage.Success || r.Duration < shortMillis {
		t.Flags |= short
	}
	if loops {
		t.Flags |= looped
	}
	return t
}

// fold hashes a number to 16 bits.
func fold(n uint64) uint16 { return uint16(n * 0x9e3779b97f4a7c15 >> 48) }

// bands is the number of bands of durations. A band is a quarter of an octave: it
// ends at most a quarter above its beginning.
const bands = 128

// bandOf gives the band of a duration, ms.
func bandOf(ms uint32) uint8 {
	if ms < 4 {
		return uint8(ms)
	}
	n := bits.Len32(ms)
	return uint8(n<<2 | int(ms>>(n-3)&3))
}

// Calls counts calls by how they ended.
type Calls struct {
	All      uint64 `cbor:"1,keyasint"`
	Answered uint64 `cbor:"2,keyasint,omitempty"`
	Short    uint64 `cbor:"3,keyasint,omitempty"` // not answered, or of less than six seconds
	Brief    uint64 `cbor:"4,keyasint,omitempty"` // of them answered
}

func (c *Calls) count(flags uint8) {
	c.All++
	a, s := uint64(flags&answered), uint64(flags&short)>>1
	c.Answered += a
	c.Short += s
	c.Brief += a & s
}

func (c *Calls) add(o Calls) {
	c.All += o.All
	c.Answered += o.Answered
	c.Short += o.Short
	c.Brief += o.Brief
}

// Signal is something unusual in one cell.
type Signal struct {
	Kind     Kind
	Place    uint32
	Cycle    uint32
	Trunk    uint16 // that carries most of the calls
	OneTrunk bool   // more than half of them
	Calls    uint64 // that the signal is about
	Of       uint64 // all calls of the cell
	Expected uint64 // of such calls in the cell, rounded up
	Origins  uint64 // distinct callers among the calls, about
	Sample   []Row  // the first of the calls
	Severity Severity
}

// Severity orders signals for those who have to look at them.
type Severity string

// The severities, by how many calls are more than expected.
const (
	Low    Severity = "low"    // less than 100
	Medium Severity = "medium" // less than 1,000
	High   Severity = "high"
)

func severity(excess uint64) Severity {
	switch {
	case excess < 100:
		return Low
	case excess < 1000:
		return Medium
	}
	return High
}
