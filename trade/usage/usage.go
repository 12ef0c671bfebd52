// Package usage is what was used: one call as a carrier recorded it, the
// periods that calls belong to, and the statement by which a carrier commits to
// a period's records without showing them.
//
// Telephone numbers exist only in [Record]. A [Call], which goes to the partner
// in a sealed file ([Delivery]), has them [Hidden] under a key of the two, and a
// [Line], which goes on the ledger, has a salted root instead.
package usage

import (
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/party"
)

// CodeBadDirection says that a text is not of the form "ALPHA>BRAVO".
const CodeBadDirection fault.Code = "bad-direction"

// Direction is a flow of calls between two carriers: From sends the calls, buys
// and pays; To terminates them and sells. Its text is "ALPHA>BRAVO".
type Direction struct {
	From party.Code `cbor:"1,keyasint"`
	To   party.Code `cbor:"2,keyasint"`
}

// String gives "ALPHA>BRAVO".
func (d Direction) String() string { return string(d.From) + ">" + string(d.To) }

// Back gives the other direction of the same pair.
func (d Direction) Back() Direction { return Direction{d.To, d.From} }

// MarshalText gives "ALPHA>BRAVO".
func (d Direction) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads "ALPHA>BRAVO"; anything else has code [CodeBadDirection].
func (d *Direction) UnmarshalText(text []byte) error {
	from, to, ok := strings.Cut(string(text), ">")
	if !ok || from == "" || to == "" || from == to || strings.Contains(to, ">") {
		return fault.Newf(CodeBadDirection, "write sender and terminator like ALPHA>BRAVO", "%.80q is no direction of calls", text)
	}
	d.From, d.To = party.Code(from), party.Code(to)
	return nil
}

// Pair is two carriers that settle, in byte order of their codes.
type Pair [2]party.Code

// PairOf puts two codes in order.
func PairOf(a, b party.Code) Pair {
	if b < a {
		a, b = b, a
	}
	return Pair{a, b}
}

// Way is a direction inside a pair: Forth is from the first carrier of the pair
// to the second, Back is from the second to the first.
type Way uint8

// The two ways.
const (
	Forth Way = 0
	Back  Way = 1
)

// Direction gives the direction that a way is in this pair.
func (p Pair) Direction(w Way) Direction { return Direction{p[w&1], p[1-w&1]} }

// Way tells which way a direction is, and whether it is one of this pair.
func (p Pair) Way(d Direction) (Way, bool) {
	switch d {
	case Direction{p[0], p[1]}:
		return Forth, true
	case Direction{p[1], p[0]}:
		return Back, true
	}
	return 0, false
}

// Result is how a call ended.
type Result uint8

// The results. Only calls that succeeded are compared and charged.
const (
	Success  Result = 0
	Fail     Result = 1
	NoAnswer Result = 2 // "rna", ring no answer
)

// String gives the word of the call record file.
func (r Result) String() string {
	switch r {
	case Success:
		return "success"
	case Fail:
		return "fail"
	}
	return "rna"
}

// Record is one call as one side recorded it, in 40 bytes without pointers:
// there may be tens of millions in memory.
type Record struct {
	Start       int64  // answer, or set-up if unanswered; ms since 1970 UTC
	Origin      Number // Withheld when empty or not E.164
	Destination Number
	Duration    uint32 // ms; at most 49 days
	Line        uint32 // line of its file, the header being line 1
	Trunk       uint32 // index into Batch.Trunks
	Way         Way    // direction inside the batch's pair
	Result      Result
}

// End is when the call ended, ms since 1970 UTC.
func (r *Record) End() int64 { return r.Start + int64(r.Duration) }

// Reject is a row of a file that was refused, and why.
type Reject struct {
	Line   uint64     `json:"line"`            // the header being line 1
	Field  string     `json:"field,omitempty"` // column, empty when the whole row is meant
	Code   fault.Code `json:"code"`
	Detail string     `json:"detail"`
}

// Batch is what a file of call records held. Read = accepted (Records) +
// Duplicate + Refused, always.
type Batch struct {
	Pair       Pair
	Records    []Record // accepted, in the order of the file
	Duplicates []Record // rows that repeat an accepted one; charged never, compared never
	Rejects    []Reject // rows refused, up to the reader's limit
	Trunks     []string // names that Record.Trunk points to; 0 is "no trunk named"
	Read       uint64   // rows of data
	Refused    uint64   // rows refused, those beyond the limit of Rejects included
	Odd        []Odd    // the first of the calls that succeeded and were refused for their number alone
}

// Odd is a call whose called number is no E.164 number.
type Odd struct {
	Record  // without a destination and a trunk
	Trunk   string
	Written string // the called number, as it was written
}

// Unit is what usage is measured in, for example "second".
type Unit string

// The units.
const (
	Second Unit = "second" // of a call
	Calls  Unit = "call"   // that succeeded
)
