// Package invoice holds billing periods and what is claimed for them: the
// invoice as both sides know it, and its immutable document (MEF 114 [R58],
// [R65]-[R72], [R78]-[R81]).
package invoice

import (
	"fmt"
	"strings"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// Period is one billing interval of one order: how far it has come. It is
// identified by order and interval (MEF 114 [R58]).
type Period struct {
	Order      string          `cbor:"1,keyasint" json:"order"`
	Interval   usage.Interval  `cbor:"2,keyasint" json:"interval"`
	Direction  usage.Direction `cbor:"3,keyasint" json:"direction"` // from the buyer to the seller
	Agreement  string          `cbor:"4,keyasint" json:"agreement"`
	Terms      canon.Hash      `cbor:"5,keyasint" json:"terms"` // the version that holds for the interval
	State      PeriodState     `cbor:"6,keyasint" json:"state"`
	Requested  party.Code      `cbor:"7,keyasint" json:"requested_by"`
	Seller     Side            `cbor:"8,keyasint" json:"seller"`
	Buyer      Side            `cbor:"9,keyasint" json:"buyer"`
	Opened     uint32          `cbor:"10,keyasint,omitempty" json:"opened"`               // disputes, ever
	Waiting    uint32          `cbor:"11,keyasint,omitempty" json:"waiting"`              // of them with the rules: records or outcomes are awaited
	Open       uint32          `cbor:"12,keyasint,omitempty" json:"open"`                 // of them not yet resolved
	Unsettled  uint32          `cbor:"13,keyasint,omitempty" json:"unsettled"`            // invoices that are not settled
	Invoices   []string        `cbor:"14,keyasint,omitempty" json:"invoices"`             // oldest first
	Stage      string          `cbor:"15,keyasint,omitempty" json:"stage,omitempty"`      // what Deadline is for
	Deadline   int64           `cbor:"16,keyasint,omitempty" json:"deadline,omitempty"`   // block time, ms UTC; 0: none
	Version    uint32          `cbor:"17,keyasint,omitempty" json:"version,omitempty"`    // the last that a note made or offered, from 2; 0: it was rated once
	Correcting uint32          `cbor:"18,keyasint,omitempty" json:"correcting,omitempty"` // parts of a correction that are in, while others are awaited
	Bill       canon.Hash      `cbor:"19,keyasint,omitzero" json:"bill,omitzero"`         // of a period of products
}

// Side is what one side has done in a period.
type Side struct {
	Statement canon.Hash `cbor:"1,keyasint,omitzero" json:"statement,omitzero"` // root of its statement; zero: none yet
	Parts     uint32     `cbor:"2,keyasint,omitempty" json:"parts,omitempty"`   // of the statement, that are in
	Of        uint32     `cbor:"3,keyasint,omitempty" json:"of,omitempty"`      // parts that it has
	Lines     uint32     `cbor:"4,keyasint,omitempty" json:"lines,omitempty"`
	Records   uint64     `cbor:"5,keyasint,omitempty" json:"records,omitempty"`   // calls under the statement
	Unrated   uint64     `cbor:"6,keyasint,omitempty" json:"unrated,omitempty"`   // calls that no row prices: a named exception, never priced zero
	Delivered canon.Hash `cbor:"7,keyasint,omitzero" json:"delivered,omitzero"`   // file with the records of the differing lines, by its own claim
	Confirmed bool       `cbor:"8,keyasint,omitempty" json:"confirmed,omitempty"` // the other side has it
	Outcome   canon.Hash `cbor:"9,keyasint,omitzero" json:"outcome,omitzero"`     // its outcome of the comparison; zero: not all parts are in
	Compared  Compared   `cbor:"10,keyasint,omitzero" json:"compared,omitzero"`
}

// Compared is how far a side's outcome of the comparison is in.
type Compared struct {
	Parts uint32 `cbor:"1,keyasint" json:"parts"`
	Of    uint32 `cbor:"2,keyasint" json:"of"`
	Lines uint32 `cbor:"3,keyasint" json:"lines"`
}

// Complete reports whether all parts of the side's statement are in.
func (s Side) Complete() bool { return s.Of > 0 && s.Parts == s.Of }

// Invoice is a claim of the seller on the buyer for one period and currency:
// where it stands. What it says is in its Document.
type Invoice struct {
	ID        string         `cbor:"1,keyasint" json:"id"`
	Order     string         `cbor:"2,keyasint" json:"order"`
	Interval  usage.Interval `cbor:"3,keyasint" json:"interval"`
	Agreement string         `cbor:"4,keyasint" json:"agreement"`
	Seller    party.Code     `cbor:"5,keyasint" json:"seller"`
	Buyer     party.Code     `cbor:"6,keyasint" json:"buyer"`
	Currency  money.Currency `cbor:"7,keyasint" json:"currency"`
	Number    uint32         `cbor:"8,keyasint" json:"number"`                      // of its period, from 1
	Follows   string         `cbor:"9,keyasint,omitempty" json:"follows,omitempty"` // the invoice that it supplements
	Document  canon.Hash     `cbor:"10,keyasint" json:"document"`                   // SHA-256 of the document's canonical bytes
	Total     money.Micro    `cbor:"11,keyasint" json:"total"`                      // of the lines that are not open
	Open      money.Micro    `cbor:"12,keyasint,omitempty" json:"open"`             // the seller's claim on the lines that are
	OpenLines uint32         `cbor:"13,keyasint,omitempty" json:"open_lines"`
	Tolerated money.Micro    `cbor:"14,keyasint,omitempty" json:"tolerated,omitempty"` // differences below the threshold, accepted
	Method    string         `cbor:"15,keyasint" json:"method"`
	Issued    int64          `cbor:"16,keyasint" json:"issued"` // block time, ms UTC
	Due       int64          `cbor:"17,keyasint" json:"due"`    // ms UTC
	State     State          `cbor:"18,keyasint" json:"state"`
	Accepted  party.Act      `cbor:"19,keyasint,omitzero" json:"accepted,omitzero"`
	// Obligation is where the total is to be paid, or was netted.
	Obligation string `cbor:"20,keyasint,omitempty" json:"obligation,omitempty"`
	Paid       bool   `cbor:"21,keyasint,omitempty" json:"paid,omitempty"`      // the total is discharged
	Deadline   int64  `cbor:"22,keyasint,omitempty" json:"deadline,omitempty"`  // for the buyer's word, or for the netting of what is final; block time, ms UTC
	Escalated  uint32 `cbor:"23,keyasint,omitempty" json:"escalated,omitempty"` // deadlines that passed without it
	Objected   uint32 `cbor:"24,keyasint,omitempty" json:"objected,omitempty"`  // parts of the buyer's objections that are in, while others are awaited
	Note       Note   `cbor:"25,keyasint,omitempty" json:"note,omitempty"`
	Version    uint32 `cbor:"26,keyasint,omitempty" json:"version,omitempty"` // of the rated period, that a note makes; 0: no note
	Why        string `cbor:"27,keyasint,omitempty" json:"why,omitempty"`     // a note was rejected
	// For is the obligation by whose payment the note came to be: early or late. It
	// corrects no line.
	For string `cbor:"28,keyasint,omitempty" json:"for,omitempty"`
}

// Note says that an invoice corrects what was invoiced before, and which way
// (MEF 114 [D21]).
type Note string

// The notes.
const (
	Credit Note = "credit" // the seller gives back: the total is below zero
	Debit  Note = "debit"  // the seller claims more, or as much by other lines
)

// NoteOf gives the note that comes to a total.
func NoteOf(total money.Micro) Note {
	if total < 0 {
		return Credit
	}
	return Debit
}

// Payable reports whether the total is final and waits to be paid or netted
// (MEF 114 [R82]).
func (i Invoice) Payable() bool {
	return (i.State == Final || i.State == Partial) && i.Obligation == "" && !i.Paid
}

// Binding reports whether the buyer has accepted the invoice, or a dispute was
// decided by it, and no line of it is open.
func (i Invoice) Binding() bool { return i.State == Final || i.State == Settled }

// Payer is who owes the total: of a credit note the seller.
func (i Invoice) Payer() party.Code {
	if i.Total < 0 {
		return i.Seller
	}
	return i.Buyer
}

// Payee is whom the total is owed to.
func (i Invoice) Payee() party.Code {
	if i.Total < 0 {
		return i.Buyer
	}
	return i.Seller
}

// Size is what is owed, whoever owes it.
func (i Invoice) Size() money.Micro { return max(i.Total, -i.Total) }

// Document is an invoice as it was issued. Its canonical bytes are what proofs
// show and what exports are compared with.
type Document struct {
	ID        string          `cbor:"1,keyasint" json:"id"`
	Seller    party.Code      `cbor:"2,keyasint" json:"seller"`
	Buyer     party.Code      `cbor:"3,keyasint" json:"buyer"`
	Direction usage.Direction `cbor:"4,keyasint" json:"direction"`
	Interval  usage.Interval  `cbor:"5,keyasint" json:"interval"`
	Order     string          `cbor:"6,keyasint" json:"order"`
	Agreement string          `cbor:"7,keyasint" json:"agreement"`
	Terms     canon.Hash      `cbor:"8,keyasint" json:"terms"`
	Number    uint32          `cbor:"9,keyasint" json:"number"`
	Follows   string          `cbor:"10,keyasint,omitempty" json:"follows,omitempty"`
	Currency  money.Currency  `cbor:"11,keyasint" json:"currency"`
	Lines     []Line          `cbor:"12,keyasint" json:"lines"`
	Total     money.Micro     `cbor:"13,keyasint" json:"total"`          // of the agreed lines
	Open      money.Micro     `cbor:"14,keyasint,omitempty" json:"open"` // claimed on the open ones
	Method    string          `cbor:"15,keyasint" json:"method"`
	Issued    int64           `cbor:"16,keyasint" json:"issued"` // block time, ms UTC
	Due       int64           `cbor:"17,keyasint" json:"due"`    // ms UTC
	Note      Note            `cbor:"18,keyasint,omitempty" json:"note,omitempty"`
	Version   uint32          `cbor:"19,keyasint,omitempty" json:"version,omitempty"` // of the rated period, that the note makes
	Why       string          `cbor:"20,keyasint,omitempty" json:"why,omitempty"`     // the note corrects
	Volume    []VolumeLine    `cbor:"21,keyasint,omitempty" json:"volume,omitempty"`  // by the order of the terms; they count in the total
	// Items are charges for products; a document has lines of calls or items.
	Items []Item `cbor:"22,keyasint,omitempty" json:"items,omitempty"`
}

// AllOpen reports whether nothing of the document is owed while so many of its
// lines are open.
func (d Document) AllOpen(open uint32) bool {
	return open > 0 && open == uint32(len(d.Lines)) && len(d.Volume) == 0
}

// VolumeKind says what a line without usage is for.
type VolumeKind string

// The kinds.
const (
	Discount  VolumeKind = "discount"  // below zero: what the document's own lines earn
	CatchUp   VolumeKind = "catch-up"  // what lines that were invoiced before earn by it, or earn no more
	Early     VolumeKind = "early"     // below zero: what a payment within the days of the discount earns; of a note alone
	Late      VolumeKind = "late"      // the interest on a payment that was late; of a note alone
	Shortfall VolumeKind = "shortfall" // what a window that is over falls short of its commitment; below zero: that much was charged too much
)

// VolumeLine is what a term about volume or about payment adds to an invoice: a
// line without usage. It follows from what is agreed, so nobody disputes it by
// itself.
type VolumeLine struct {
	Name    string         `cbor:"1,keyasint" json:"name"` // of the term
	Kind    VolumeKind     `cbor:"2,keyasint" json:"kind"`
	Window  usage.Interval `cbor:"3,keyasint" json:"window"`                   // in which lines are counted
	Seconds uint64         `cbor:"4,keyasint" json:"seconds"`                  // billed, that the window has counted with this document
	Charges money.Micro    `cbor:"5,keyasint" json:"charges"`                  // likewise, before any discount
	Tier    uint32         `cbor:"6,keyasint,omitempty" json:"tier,omitempty"` // the highest that the window has reached, from 1; 0: none
	Amount  money.Micro    `cbor:"7,keyasint" json:"amount"`
}

// LineState says whether a line counts in the total.
type LineState string

// The states of a line at issue.
const (
	Agreed LineState = "agreed" // by both statements, by the seller's alone (after-invoice), or by a decision
	Open   LineState = "open"   // named with the seller's claim; follows on a supplementary invoice
	// Reversed is a line that a note takes back: as it was invoiced, but for the
	// amount, which is below zero.
	Reversed LineState = "reversed"
)

// Line is the calls of one rate version in one period.
type Line struct {
	Row           uint32         `cbor:"1,keyasint" json:"row"`
	Adjusts       usage.Interval `cbor:"2,keyasint,omitzero" json:"adjusts,omitzero"` // the earlier period of late records
	Rate          rating.Row     `cbor:"3,keyasint" json:"rate"`
	Calls         uint64         `cbor:"4,keyasint" json:"calls"`
	RawMillis     uint64         `cbor:"5,keyasint" json:"raw_millis"`
	BilledSeconds uint64         `cbor:"6,keyasint" json:"billed_seconds"`
	Amount        money.Micro    `cbor:"7,keyasint" json:"amount"`
	State         LineState      `cbor:"8,keyasint" json:"state"`
	Dispute       string         `cbor:"9,keyasint,omitempty" json:"dispute,omitempty"` // that is open on it, or decided it
	Reason        usage.Reason   `cbor:"10,keyasint,omitempty" json:"reason,omitempty"` // why it adjusts, as its statement says
}

// ID gives the readable id of an invoice: seller, buyer, interval, order,
// currency and number. It is safe as a file name.
func ID(seller, buyer party.Code, order string, i usage.Interval, c money.Currency, number uint32) string {
	from, to, _ := strings.Cut(i.String(), "/")
	compact := strings.NewReplacer("-", "", ":", "")
	return fmt.Sprintf("%s-%s-%s-%s-%s-%s-%d", seller, buyer, order, compact.Replace(from), compact.Replace(to), c, number)
}
