package order

import (
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
)

// Product is the kind of an order about one product.
const Product Kind = "product"

// Action is what such an order does, in the words of Sonata.
type Action string

// The actions.
const (
	Add    Action = "add"
	Modify Action = "modify"
	Delete Action = "delete"
)

// Request is what an order about a product asks for, beside what every order
// says.
type Request struct {
	Action  Action `cbor:"1,keyasint" json:"action"`
	Product string `cbor:"2,keyasint" json:"product"` // id; chosen by the buyer to add one
	// Quote is the seller's signed quote, byte for byte, by which the product is
	// ordered; or Schedule names the standing prices of the agreement; or Standing
	// the product that stands, by whose prices a session of it is opened.
	Quote    []byte        `cbor:"3,keyasint,omitempty" json:"quote,omitempty"`
	Schedule string        `cbor:"4,keyasint,omitempty" json:"schedule,omitempty"`
	Offer    product.Offer `cbor:"5,keyasint,omitzero" json:"offer,omitzero"`      // to end a product: none
	Until    int64         `cbor:"6,keyasint,omitempty" json:"until,omitempty"`    // of a timed order; ms UTC
	Test     bool          `cbor:"7,keyasint,omitempty" json:"test,omitempty"`     // it is tested before it is billed, whatever the agreement says
	Reserved int64         `cbor:"8,keyasint,omitempty" json:"reserved,omitempty"` // until when the seller's reservation holds; ms UTC
	Account  string        `cbor:"9,keyasint,omitempty" json:"account,omitempty"`  // of the buyer, that the product is billed to; empty: the usual one
	Standing string        `cbor:"10,keyasint,omitempty" json:"standing,omitempty"`
}

// Bases counts by what a request is ordered: one, or none where a product ends.
func (r *Request) Bases() (n int) {
	for _, named := range []bool{len(r.Quote) > 0, r.Schedule != "", r.Standing != ""} {
		if named {
			n++
		}
	}
	return n
}

// Item is an order about one product.
type Item struct {
	ID        string       `cbor:"1,keyasint" json:"id"`
	Agreement string       `cbor:"2,keyasint" json:"agreement"`
	Clause    string       `cbor:"3,keyasint" json:"clause"` // of the agreement, that allows it
	Buyer     party.Code   `cbor:"4,keyasint" json:"buyer"`
	Seller    party.Code   `cbor:"5,keyasint" json:"seller"`
	Spec      product.Spec `cbor:"6,keyasint" json:"spec"`
	Payload   []byte       `cbor:"7,keyasint,omitempty" json:"payload,omitempty"`
	Request   Request      `cbor:"8,keyasint" json:"request"`
	Quoted    string       `cbor:"9,keyasint,omitempty" json:"quoted,omitempty"` // id of the quote
	// Start is when it is to be delivered at the earliest: at once where it is not
	// later than the order.
	Start    int64           `cbor:"10,keyasint" json:"start"` // ms UTC
	State    ItemState       `cbor:"11,keyasint" json:"state"`
	Placed   party.Act       `cbor:"12,keyasint" json:"placed"`
	Accepted party.Act       `cbor:"13,keyasint,omitzero" json:"accepted,omitzero"`
	Value    []money.Amount  `cbor:"14,keyasint,omitempty" json:"value,omitempty"`
	Why      string          `cbor:"15,keyasint,omitempty" json:"why,omitempty"`
	Deadline int64           `cbor:"16,keyasint,omitempty" json:"deadline,omitempty"` // block time, ms UTC
	Delivery *Delivery       `cbor:"17,keyasint,omitempty" json:"delivery,omitempty"`
	Asked    *rating.Charge  `cbor:"18,keyasint,omitempty" json:"asked,omitempty"`    // the charge for which it is held
	Charges  []rating.Charge `cbor:"19,keyasint,omitempty" json:"charges,omitempty"`  // agreed while it was in progress
	History  []product.Moved `cbor:"20,keyasint" json:"history"`                      // of its states
	Tested   bool            `cbor:"21,keyasint,omitempty" json:"tested,omitempty"`   // a test record precedes billing
	Resumed  int64           `cbor:"22,keyasint,omitempty" json:"resumed,omitempty"`  // the deadline to go back to when a charge, cancellation or wish is answered; block time, ms UTC
	Wish     *Wish           `cbor:"23,keyasint,omitempty" json:"wish,omitempty"`     // that waits for an answer
	Wishes   []Wish          `cbor:"24,keyasint,omitempty" json:"wishes,omitempty"`   // that were answered, oldest first
	Expedite bool            `cbor:"25,keyasint,omitempty" json:"expedite,omitempty"` // the seller has agreed to haste
}

// Wish is another date, or haste, that the buyer asks for while its order is
// under way: Sonata's change of an item's requested delivery date.
type Wish struct {
	Start    int64       `cbor:"1,keyasint,omitempty" json:"start,omitempty"` // ms UTC; 0: the date stays
	Expedite bool        `cbor:"2,keyasint,omitempty" json:"expedite,omitempty"`
	Asked    party.Act   `cbor:"3,keyasint" json:"asked"`
	Outcome  WishOutcome `cbor:"4,keyasint,omitempty" json:"outcome,omitempty"` // empty: it waits
	Charged  bool        `cbor:"5,keyasint,omitempty" json:"charged,omitempty"` // the seller has asked for a charge for it
	Why      string      `cbor:"6,keyasint,omitempty" json:"why,omitempty"`     // of a refusal
	Answered party.Act   `cbor:"7,keyasint,omitzero" json:"answered,omitzero"`  // whose word, or the deadline's
}

// WishOutcome is what has become of a wish.
type WishOutcome string

// The outcomes. The order goes on as it was after all but the first.
const (
	WishAccepted  WishOutcome = "accepted"  // by the seller, or by the buyer with its charge
	WishRejected  WishOutcome = "rejected"  // by the seller
	WishDeclined  WishOutcome = "declined"  // by the buyer: its charge
	WishWithdrawn WishOutcome = "withdrawn" // by the buyer: it asks for the cancellation instead
	WishLapsed    WishOutcome = "lapsed"    // not answered in time
)

// Wants reports whether a wish is for a date (ms UTC; 0: the date stays) and for
// haste or not.
func (w *Wish) Wants(start int64, expedite bool) bool {
	return w.Start == start && w.Expedite == expedite
}

// Delivery is the seller's record that a product was delivered: what billing
// rests on.
type Delivery struct {
	At        int64      `cbor:"1,keyasint" json:"at"`                       // activation, change or end; ms UTC
	Record    canon.Hash `cbor:"2,keyasint,omitzero" json:"record,omitzero"` // of the acceptance test record
	Totals    []Total    `cbor:"3,keyasint,omitempty" json:"totals,omitempty"`
	By        party.Act  `cbor:"4,keyasint" json:"by"`
	Confirmed party.Act  `cbor:"5,keyasint,omitzero" json:"confirmed,omitzero"` // the buyer's word, or its deadline
}

// Total is one figure that a test record comes to.
type Total struct {
	Metric string `cbor:"1,keyasint" json:"metric"` // as of a guarantee, or of a kind of use
	Value  uint64 `cbor:"2,keyasint" json:"value"`
}
