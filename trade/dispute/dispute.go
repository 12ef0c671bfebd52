// Package dispute holds disputed lines: what each side says of a line on which
// they differ, how far its decision has come, and what came out (MEF 114 [O3],
// [CR21], [D19], [R75]-[R77]).
package dispute

import (
	"fmt"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/usage"
)

// Dispute is one line on which the two sides differ.
type Dispute struct {
	ID       string         `cbor:"1,keyasint" json:"id"`
	Order    string         `cbor:"2,keyasint" json:"order"`
	Interval usage.Interval `cbor:"3,keyasint" json:"interval"`
	Row      uint32         `cbor:"4,keyasint" json:"row"`
	Adjusts  usage.Interval `cbor:"5,keyasint,omitzero" json:"adjusts,omitzero"`
	Currency money.Currency `cbor:"6,keyasint" json:"currency"`
	Seller   Figures        `cbor:"7,keyasint" json:"seller"` // the seller's statement; zero: it states nothing
	Buyer    Figures        `cbor:"8,keyasint" json:"buyer"`
	Invoice  string         `cbor:"9,keyasint,omitempty" json:"invoice,omitempty"` // that names the line as open
	State    State          `cbor:"10,keyasint" json:"state"`
	Opened   int64          `cbor:"11,keyasint" json:"opened"`                       // block time, ms UTC
	By       party.Code     `cbor:"12,keyasint,omitempty" json:"by,omitempty"`       // who opened it on an invoice; empty: the comparison
	Why      string         `cbor:"13,keyasint,omitempty" json:"why,omitempty"`      // the opener's or proposer's reason
	Evidence canon.Hash     `cbor:"14,keyasint,omitzero" json:"evidence,omitzero"`   // file or root behind it
	Proposal *Proposal      `cbor:"15,keyasint,omitempty" json:"proposal,omitempty"` // in state proposed
	Decision *Decision      `cbor:"16,keyasint,omitempty" json:"decision,omitempty"` // in state resolved
	Deadline int64          `cbor:"17,keyasint,omitempty" json:"deadline,omitempty"` // for a decision by people; block time, ms UTC
	Passed   uint32         `cbor:"18,keyasint,omitempty" json:"passed,omitempty"`   // deadlines that passed without one
	Reason   usage.Reason   `cbor:"19,keyasint,omitempty" json:"reason,omitempty"`   // why the line adjusts: the seller's, or the buyer's where the seller has no such line
	Product  string         `cbor:"20,keyasint,omitempty" json:"product,omitempty"`  // it is about an item of a bill for products, whose number is Row
}

// Figures are one side's sums for a line, with what they come to.
type Figures struct {
	Calls         uint64      `cbor:"1,keyasint" json:"calls"`
	RawMillis     uint64      `cbor:"2,keyasint" json:"raw_millis"`
	BilledSeconds uint64      `cbor:"3,keyasint" json:"billed_seconds"`
	Amount        money.Micro `cbor:"4,keyasint" json:"amount"`
	Root          canon.Hash  `cbor:"5,keyasint,omitzero" json:"root,omitzero"` // of the records
}

// Proposal is one side's offer of how to decide a line.
type Proposal struct {
	Calls         uint64      `cbor:"1,keyasint" json:"calls"`
	BilledSeconds uint64      `cbor:"2,keyasint" json:"billed_seconds"`
	Amount        money.Micro `cbor:"3,keyasint" json:"amount"`
	Act           party.Act   `cbor:"4,keyasint" json:"act"`
}

// How says what decided a line.
type How string

// The ways in which a line is decided.
const (
	ByRule     How = "rule"     // both sides' rules gave the same
	ByPeople   How = "people"   // proposed by one side, accepted by the other
	ByDeadline How = "deadline" // the agreement's outcome for a deadline that passed
)

// Decision is what came out: a commercial state change (MEF 114 [R76], [R77]).
type Decision struct {
	Calls         uint64      `cbor:"1,keyasint" json:"calls"`
	BilledSeconds uint64      `cbor:"2,keyasint" json:"billed_seconds"`
	Amount        money.Micro `cbor:"3,keyasint" json:"amount"`
	How           How         `cbor:"4,keyasint" json:"how"`
	Invoice       string      `cbor:"5,keyasint,omitempty" json:"invoice,omitempty"` // that bills it; empty: nothing to bill
	Proposed      party.Act   `cbor:"6,keyasint,omitzero" json:"proposed,omitzero"`
	Accepted      party.Act   `cbor:"7,keyasint,omitzero" json:"accepted,omitzero"`
	Height        uint64      `cbor:"8,keyasint" json:"height"`
	Time          int64       `cbor:"9,keyasint" json:"time"`
}

// ID names the dispute of a line. IDs of one period
// sort as the lines of a statement do.
func ID(order string, i usage.Interval, row uint32, adjusts usage.Interval) string {
	return fmt.Sprintf("%s/%015d/%015d/%010d", order, i.From, adjusts.From, row)
}
