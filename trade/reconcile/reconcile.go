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
	"github.com/lateral-network/lateral/trade/money"
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
