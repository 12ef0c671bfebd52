package wire

import (
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// ProductRequest is what an order about a product asks for. What is offered
// stands in the quote, or follows from the schedule and the order's payload: the
// node fills it in.
type ProductRequest struct {
	Action   order.Action `json:"action" enum:"add,modify,delete"`
	ID       string       `json:"id" minLength:"1" maxLength:"40" doc:"Of the product; chosen by you to add one."`
	Quote    []byte       `json:"quote,omitempty" doc:"The seller's signed quote, byte for byte."`
	Schedule string       `json:"schedule,omitempty" maxLength:"40" doc:"Or the name of standing prices in the agreement."`
	Standing string       `json:"standing,omitempty" maxLength:"40" doc:"Or the id of a product of yours that stands: a session of it is opened."`
	Pieces   uint64       `json:"pieces,omitempty" doc:"By a schedule: how many; absent: one."`
	Metres   uint64       `json:"metres,omitempty" doc:"By a schedule with prices by distance."`
	Until    Time         `json:"until,omitzero" doc:"When what is added ends by itself. Absent: as the quote says, or else it is open."`
	Test     bool         `json:"test,omitempty" doc:"A test record precedes billing, whatever the agreement says."`
	Reserved Time         `json:"reserved,omitzero" doc:"Until when the seller holds what it needs for it."`
	Account  string       `json:"account,omitempty" maxLength:"24" doc:"Of yours, that the product is billed to. Absent: the usual one."`
}

// OrderedProduct is what an order about a product has beside what every order
// has.
type OrderedProduct struct {
	Action   order.Action    `json:"action"`
	ID       string          `json:"id"`
	Clause   string          `json:"clause" doc:"Of the agreement, that allows it."`
	Quoted   string          `json:"quoted,omitempty" doc:"Id of the quote that it is ordered by."`
	Schedule string          `json:"schedule,omitempty" doc:"Name of the schedule that it is ordered by."`
	Standing string          `json:"standing,omitempty" doc:"The product that stands, of which it opens a session."`
	Until    Time            `json:"until,omitzero"`
	Tested   bool            `json:"tested,omitempty" doc:"A test record precedes billing."`
	Reserved Time            `json:"reserved,omitzero"`
	Account  string          `json:"account,omitempty"`
	Deadline Time            `json:"deadline,omitzero" doc:"Until when it waits; then what is agreed happens."`
	Asked    *rating.Charge  `json:"asked,omitempty" doc:"The charge for which it is held."`
	Charges  []rating.Charge `json:"charges,omitempty" doc:"Agreed while it was in progress."`
	Wish     *Wish           `json:"wish,omitempty" doc:"Another date or haste that the buyer has asked for and that waits for an answer."`
	Wishes   []Wish          `json:"wishes,omitempty" doc:"What else the buyer has asked for, oldest first, with what became of it."`
	Expedite bool            `json:"expedite,omitempty" doc:"The seller has agreed to haste."`
	Delivery *Delivery       `json:"delivery,omitempty"`
	History  []Moved         `json:"history" nullable:"false" doc:"Of its states."`
	Offer    product.Offer   `json:"offer"`
	Payload  []byte          `json:"payload,omitempty"`
}

// Delivery is the seller's record that what was ordered is delivered.
type Delivery struct {
	At        Time          `json:"at" doc:"Activation, change or end: it is billed from then on."`
	Record    canon.Hash    `json:"record,omitzero" doc:"Of the acceptance test record."`
	Totals    []order.Total `json:"totals,omitempty" doc:"That the record comes to."`
	By        Act           `json:"by"`
	Confirmed *Act          `json:"confirmed,omitempty" doc:"The buyer's word, or its deadline."`
}

// Moved is a state that something came to, and when.
type Moved struct {
	State string `json:"state"`
	Time  Time   `json:"time"`
}

// AskCharge asks the buyer for a charge without which an order does not go on.
type AskCharge struct {
	Name   string       `json:"name" minLength:"1" maxLength:"80" doc:"As the bill is to show it."`
	Amount money.Amount `json:"amount"`
	Why    string       `json:"why,omitempty" maxLength:"500"`
}

// RescheduleOrder asks for another date of an order, for haste, or for both.
type RescheduleOrder struct {
	Start    Time `json:"start,omitzero" doc:"The earliest delivery from now on; absent: it stays."`
	Expedite bool `json:"expedite,omitempty" doc:"Ask for haste."`
}

// Wish is another date or haste that the buyer of an order has asked for.
type Wish struct {
	Start    Time              `json:"start,omitzero"`
	Expedite bool              `json:"expedite,omitempty"`
	Asked    Act               `json:"asked"`
	Outcome  order.WishOutcome `json:"outcome,omitempty" enum:"accepted,rejected,declined,withdrawn,lapsed" doc:"Absent: it waits."`
	Charged  bool              `json:"charged,omitempty" doc:"The seller has asked for a charge for it."`
	Why      string            `json:"why,omitempty"`
	Answered *Act              `json:"answered,omitempty"`
}

// DeliverOrder says that what was ordered is delivered.
type DeliverOrder struct {
	At     Time          `json:"at,omitzero" doc:"Absent: the time of the last block, and not before the beginning that was asked for."`
	Record canon.Hash    `json:"record,omitzero" doc:"Of the acceptance test record, where a test is agreed."`
	Totals []order.Total `json:"totals,omitempty" doc:"That the record comes to, by metric."`
}

// Product is one product that a buyer has of a seller.
type Product struct {
	ID        string          `json:"id"`
	Agreement string          `json:"agreement"`
	Buyer     party.Code      `json:"buyer"`
	Seller    party.Code      `json:"seller"`
	Direction usage.Direction `json:"direction" doc:"From the buyer to the seller."`
	Name      string          `json:"name"`
	State     product.State   `json:"state"`
	Order     string          `json:"order,omitempty" doc:"In flight."`
	OrderedBy string          `json:"ordered_by" doc:"The order that added it."`
	Clause    string          `json:"clause" doc:"Of the agreement, by which it was ordered."`
	Account   string          `json:"account,omitempty" doc:"Of the buyer, that it is billed to."`
	Activated Time            `json:"activated,omitzero" doc:"From when it is billed."`
	Committed Time            `json:"committed,omitzero" doc:"Until when it is ordered at least."`
	Ends      Time            `json:"ends,omitzero"`
	EndedBy   party.Code      `json:"ended_by,omitempty"`
	Billed    Time            `json:"billed,omitzero" doc:"Until when it is billed."`
	Open      uint32          `json:"open" doc:"Measurements that are not agreed yet."`
	Deadline  Time            `json:"deadline,omitzero" doc:"When a timed one ends."`
	Standing  string          `json:"standing,omitempty" doc:"The product of which this is a session."`
	Paused    []Pause         `json:"paused,omitempty"`
	Due       []rating.Charge `json:"due,omitempty" doc:"For the next bill."`
	Phases    []Phase         `json:"phases,omitempty" doc:"What it was from when on, the oldest first."`
	History   []Moved         `json:"history" nullable:"false" doc:"Of its states."`
	Allowed   []product.Step  `json:"allowed" nullable:"false" doc:"What this side may do about it now: suspend, resume; change and end, which are ordered."`
}

// Phase is what a product is from a moment on.
type Phase struct {
	From  Time          `json:"from"`
	Order string        `json:"order"`
	Offer product.Offer `json:"offer"`
}

// Pause is a time for which a product was suspended.
type Pause struct {
	From Time `json:"from"`
	To   Time `json:"to,omitzero" doc:"Absent: it still is."`
}

// Measurement is what both sides have measured of a product in one interval, and
// what counts of it.
type Measurement struct {
	Product  string                 `json:"product"`
	Interval usage.Interval         `json:"interval"`
	State    usage.MeasurementState `json:"state"`
	Deadline Time                   `json:"deadline,omitzero"`
	Passed   uint32                 `json:"passed,omitempty" doc:"Deadlines that passed without a decision."`
	Why      string                 `json:"why,omitempty"`
	Figures  []Figure               `json:"figures" nullable:"false"`
	Roots    SideHashes             `json:"roots" doc:"Hashes of the records behind them."`
	Proposal *Act                   `json:"proposal,omitempty" doc:"Whose offer waits for an answer."`
	Allowed  []string               `json:"allowed" nullable:"false" doc:"What this side may do about it now: propose, accept, reject."`
}

// SideHashes are a hash of each side; the zero one: it has none.
type SideHashes struct {
	Seller canon.Hash `json:"seller,omitzero"`
	Buyer  canon.Hash `json:"buyer,omitzero"`
}

// Figure is one measured value. What is not there is absent.
type Figure struct {
	Name     string  `json:"name" doc:"Of the price, or the metric of the guarantee."`
	Of       string  `json:"of" enum:"use,service"`
	Seller   *uint64 `json:"seller,omitempty"`
	Buyer    *uint64 `json:"buyer,omitempty"`
	Counts   *uint64 `json:"counts,omitempty" doc:"What counts; absent while it is open."`
	Proposed *uint64 `json:"proposed,omitempty"`
	Decided  string  `json:"decided,omitempty" doc:"rule, people or deadline, where the two differed."`
	Billed   bool    `json:"billed,omitempty"`
}

// ImportedReadings is what became of a file of readings: read = accepted +
// rejected.
type ImportedReadings struct {
	Read     uint64         `json:"read"`
	Accepted uint64         `json:"accepted"`
	Rejected uint64         `json:"rejected"`
	Rejects  []usage.Reject `json:"rejects,omitempty" doc:"The first thousand."`
}

// StateMeasurement is one side's statement of an interval.
type StateMeasurement struct {
	Product  string         `json:"product" minLength:"1" maxLength:"40"`
	Interval usage.Interval `json:"interval" doc:"START/END, of the agreed granularity." example:"2026-11-02T00:00:00Z/2026-11-02T01:00:00Z"`
	Root     canon.Hash     `json:"root" doc:"Of the records; they stay here."`
	Used     []usage.Figure `json:"used,omitempty" doc:"By the name of the price, in its base unit."`
	Service  []usage.Figure `json:"service,omitempty" doc:"By metric of the guarantees."`
}

// ProposeMeasurement offers what counts of the figures that are open, or accepts
// that offer by repeating it. Without figures the offer is accepted as it is.
type ProposeMeasurement struct {
	Used    []usage.Figure `json:"used,omitempty"`
	Service []usage.Figure `json:"service,omitempty"`
	Why     string         `json:"why,omitempty" maxLength:"500" doc:"An offer has a reason."`
}

// RequestBill names a billing period of an account.
type RequestBill struct {
	Agreement string         `json:"agreement"`
	Seller    party.Code     `json:"seller"`
	Account   string         `json:"account,omitempty" maxLength:"24" doc:"Of the buyer. Absent: the usual one."`
	Interval  usage.Interval `json:"interval" doc:"START/END, a period of the agreed cycle." example:"2026-11-01T00:00:00Z/2026-12-01T00:00:00Z"`
}

// SubmitBill is this side's bill, where each side generates it. Without figures
// it is what this node generates.
type SubmitBill struct {
	RequestBill
	Document canon.Hash     `json:"document,omitzero"`
	Rules    canon.Hash     `json:"rules,omitzero"`
	State    canon.Hash     `json:"state,omitzero"`
	Totals   []money.Amount `json:"totals,omitempty"`
}

// Bill is the charges of an account in a billing period.
type Bill struct {
	Agreement string              `json:"agreement"`
	Seller    party.Code          `json:"seller"`
	Account   string              `json:"account,omitempty"`
	Interval  usage.Interval      `json:"interval"`
	Order     string              `json:"order" doc:"Under which its periods and invoices are listed."`
	State     invoice.PeriodState `json:"state,omitempty" doc:"Of its period. Absent: it is not generated, and this is what it would be."`
	Document  canon.Hash          `json:"document" doc:"Names the bill: both sides generate the same."`
	Rules     canon.Hash          `json:"rules" doc:"Of what computes it."`
	From      canon.Hash          `json:"from" doc:"Of what it follows from."`
	Totals    []money.Amount      `json:"totals" nullable:"false"`
	Invoices  []string            `json:"invoices" nullable:"false"`
	Items     []invoice.Item      `json:"items,omitempty" doc:"In the answer for one bill only."`
}

// Item is one charge on a bill, as its invoice has it.
type Item struct {
	Number   uint32            `json:"number" doc:"In its billing period, from 1."`
	Product  string            `json:"product"`
	Price    string            `json:"price" doc:"Its name, or that of the term."`
	Kind     rating.Kind       `json:"kind"`
	Interval usage.Interval    `json:"interval"`
	Quantity uint64            `json:"quantity" doc:"In the base unit of the kind."`
	Amount   money.Amount      `json:"amount" doc:"Below zero: given back."`
	Why      string            `json:"why,omitempty"`
	State    invoice.ItemState `json:"state"`
	Dispute  string            `json:"dispute,omitempty" doc:"That decided it."`
}

// DisputeItems disputes items of a bill and accepts the others.
type DisputeItems struct {
	Document canon.Hash      `json:"document,omitzero" doc:"That was read. Absent: the invoice as it is."`
	Items    []ItemObjection `json:"items" minItems:"1" maxItems:"1024" nullable:"false"`
	Why      string          `json:"why" minLength:"1" maxLength:"500"`
	Evidence canon.Hash      `json:"evidence,omitzero"`
}

// ItemObjection is an item that the buyer disputes, with what it expects.
type ItemObjection struct {
	Number uint32      `json:"number"`
	Amount money.Micro `json:"amount"`
}

// DueRecord is a record whose deadline has passed, or will: a node has the agreed
// outcome applied by itself.
type DueRecord struct {
	Subject  string `json:"subject" doc:"Key of the record, for apply-deadline."`
	Deadline Time   `json:"deadline"`
}
