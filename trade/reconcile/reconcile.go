// Package reconcile compares what two carriers recorded of the same traffic,
// says what differs and what it costs, and decides the lines on which their
// statements did not agree. Both sides run it on the same input and get the
// same bytes; exchanging the sides mirrors the result.
//
// Two records can be of one call when their directions and numbers are equal:
// the destinations, and the origins unless one of the two is withheld. Pairs
// with equal start and duration are fixed first. Among the rest, pairs lie
// inside the start tolerance, are as many as possible, then have the smallest
// sum of start differences, and among equals the earlier records are paired;
// this keeps time order. Only calls that succeeded take part.
package reconcile

import (
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// Tolerances are what an agreement lets two records of a call differ by.
type Tolerances struct {
	StartMillis   int64  `cbor:"1,keyasint" json:"start_ms"`       // most that two starts are apart; default 3000
	BilledSeconds uint32 `cbor:"2,keyasint" json:"billed_seconds"` // most that billed seconds are apart and still equal; default 0
}

// DefaultTolerances are 3 s between starts and no difference in billed seconds.
var DefaultTolerances = Tolerances{StartMillis: 3000}

// CodeBadTolerance says that a tolerance is negative or longer than an hour.
const CodeBadTolerance fault.Code = "bad-tolerance"

// Validate refuses a start tolerance that is negative or above an hour, with
// code [CodeBadTolerance].
func (t Tolerances) Validate() error {
	if t.StartMillis < 0 || t.StartMillis > 3_600_000 {
		return fault.Newf(CodeBadTolerance, "choose 0 to 3,600,000 ms", "a start tolerance of %d ms cannot be used", t.StartMillis).In("start_ms")
	}
	return nil
}

// Cause names why two sides differ, in the words of the JSON documents.
type Cause string

// The causes, in the order in which their amounts are taken.
const (
	OnlyOurs   Cause = "only_ours"
	OnlyTheirs Cause = "only_theirs"
	Skewed     Cause = "skewed"
	Duration   Cause = "duration"
	Duplicate  Cause = "duplicate" // stands outside the sum
)

// Difference is what one cause makes in one direction and currency, theirs -
// ours.
type Difference struct {
	Cause     Cause           `json:"cause"`
	Direction usage.Direction `json:"direction"`
	Currency  money.Currency  `json:"currency"`
	Count     uint64          `json:"count"` // calls
	Amount    money.Micro     `json:"amount"`
}

// Total is what each side's own records cost in one direction and currency,
// rated alone, duplicates once.
type Total struct {
	Direction usage.Direction `json:"direction"`
	Currency  money.Currency  `json:"currency"`
	Ours      money.Micro     `json:"rated_ours"`
	Theirs    money.Micro     `json:"rated_theirs"`
}

// Counts puts every successful call into one bucket. RawOnly is counted inside
// Exact or Skewed as well: durations differ in ms and not in billed seconds
// beyond the tolerance.
type Counts struct {
	Exact      uint64 `json:"exact"`
	Skewed     uint64 `json:"skewed"`
	Duration   uint64 `json:"duration"`
	RawOnly    uint64 `json:"raw_only"`
	OnlyOurs   uint64 `json:"only_ours"`
	OnlyTheirs uint64 `json:"only_theirs"`
}

// Pair is two records of one call, as indexes into the records of each side.
type Pair struct {
	Ours, Theirs uint32
}

// Result is what Compare finds.
type Result struct {
	Counts      Counts
	Totals      []Total      // by direction, then currency
	Differences []Difference // by cause as listed, direction, currency; those without a call or money left out
	Pairs       []Pair       // in the order of our records
	OnlyOurs    []uint32     // in the order of our records
	OnlyTheirs  []uint32     // in the order of their records
}

// Kind is why a call of a differing line needs a decision.
type Kind string

// The kinds.
const (
	OnlyBuyer  Kind = "only-buyer"  // the buyer alone recorded it
	OnlySeller Kind = "only-seller" // the seller alone recorded it
	Longer     Kind = "duration"    // billed seconds differ beyond the tolerance
	Shifted    Kind = "skewed"      // starts differ, and with them the rate version
)

// Answer is what a rule says about a call.
type Answer string

// The answers. None charges nothing; Manual leaves it to people.
const (
	Seller Answer = "seller"
	Buyer  Answer = "buyer"
	Lower  Answer = "lower"
	None   Answer = "none"
	Manual Answer = "manual"
)

// Case is what a rule may know about a call. Seconds are billed ones.
type Case struct {
	Kind               Kind
	BuyerSeconds       uint64 // 0 when only the seller has the call
	SellerSeconds      uint64 // 0 when only the buyer has the call
	Gap                uint64 // between the two
	StartGap           uint64 // ms between the two starts; 0 when one side alone has the call
	OnlySellerSeconds  uint64 // of all calls to the destination in the period that the seller alone has
	DestinationSeconds uint64 // of all calls to the destination in the period, as the seller states
	Undelivered        bool   // the other side did not deliver what it had committed to
}

// Rules answers cases as the agreement says. It is pure, and the same on both
// sides. What is no answer for the kind of case counts as [Manual].
type Rules interface {
	Answer(Case) Answer
}

// Delivered is what one side delivered of one line, checked against the root
// that it had committed to.
type Delivered struct {
	Row   uint32
	Calls []usage.Call
}

// Input is what Decide decides from: everything about the differing lines of
// one direction and period.
type Input struct {
	Sheet              *rating.Sheet
	Buyer, Seller      []Delivered       // a line that was not delivered is absent
	Rows               []uint32          // rate versions whose lines differ, ascending
	DestinationSeconds map[string]uint64 // billed seconds of the period by destination, as the seller states
	Tolerances         Tolerances
	Rules              Rules // nil: the defaults
	BuyerMissing       bool  // the buyer did not deliver all of its differing lines in time
	SellerMissing      bool  // the seller did not
}

// Decided is what comes out for one differing line.
type Decided struct {
	Row           uint32     `cbor:"1,keyasint"`
	Open          bool       `cbor:"2,keyasint,omitempty"` // people decide; the figures are what stands undisputed
	Calls         uint64     `cbor:"3,keyasint"`
	RawMillis     uint64     `cbor:"4,keyasint"`
	BilledSeconds uint64     `cbor:"5,keyasint"`
	Evidence      []Item     `cbor:"6,keyasint,omitempty"` // what people have to decide, in order
	Root          canon.Hash `cbor:"7,keyasint"`           // over the evidence; zero when there is none
}

// Item is one call that people have to decide. It holds no number: the leaf
// hashes name the delivered records, which both sides hold.
type Item struct {
	Kind          Kind       `cbor:"1,keyasint"`
	BuyerStart    int64      `cbor:"2,keyasint,omitempty"` // ms since 1970 UTC
	BuyerMillis   uint32     `cbor:"3,keyasint,omitempty"`
	BuyerSeconds  uint64     `cbor:"4,keyasint,omitempty"`
	BuyerLeaf     canon.Hash `cbor:"5,keyasint,omitzero"`
	SellerStart   int64      `cbor:"6,keyasint,omitempty"`
	SellerMillis  uint32     `cbor:"7,keyasint,omitempty"`
	SellerSeconds uint64     `cbor:"8,keyasint,omitempty"`
	SellerLeaf    canon.Hash `cbor:"9,keyasint,omitzero"`
}
