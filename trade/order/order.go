// Package order holds orders: the electronic, authorised request of a buyer
// that everything billed later rests on (MEF 114 [R4]-[R8], [R60], [R69]).
package order

import (
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
)

// Kind says what an order asks for. A standing order covers all usage of a
// product line in one direction while it is in progress.
type Kind string

// Standing is the kind of an order that covers usage as it comes.
const Standing Kind = "standing"

// Order is one order on a Bilateral. In voice the buyer sends the calls and
// the seller terminates them.
type Order struct {
	ID        string       `cbor:"1,keyasint" json:"id"`
	Kind      Kind         `cbor:"2,keyasint" json:"kind"`
	Agreement string       `cbor:"3,keyasint" json:"agreement"`
	Buyer     party.Code   `cbor:"4,keyasint" json:"buyer"`
	Seller    party.Code   `cbor:"5,keyasint" json:"seller"`
	Spec      product.Spec `cbor:"6,keyasint" json:"spec"`
	Payload   []byte       `cbor:"7,keyasint,omitempty" json:"payload,omitempty"` // as the product line reads it
	Sheet     string       `cbor:"8,keyasint,omitempty" json:"sheet,omitempty"`   // the rate sheet in force when it was placed
	From      int64        `cbor:"9,keyasint" json:"from"`                        // ms UTC; usage before it is not covered
	Until     int64        `cbor:"10,keyasint,omitempty" json:"until,omitempty"`  // ms UTC; 0 is open
	State     State        `cbor:"11,keyasint" json:"state"`
	// Placed and Accepted are who authorised it on either side: with the
	// command's bytes in the channel's log they make the order binding.
	Placed   party.Act      `cbor:"12,keyasint" json:"placed"`
	Accepted party.Act      `cbor:"13,keyasint,omitzero" json:"accepted,omitzero"`
	Value    []money.Amount `cbor:"15,keyasint,omitempty" json:"value,omitempty"` // what the buyer expects to be billed for a period
	Why      string         `cbor:"14,keyasint,omitempty" json:"why,omitempty"`   // of a rejection, suspension or end
	// Begins is where the order that stood before has ended (ms UTC; 0: there was
	// none): a period that reaches back before it would be billed twice.
	Begins int64 `cbor:"16,keyasint,omitempty" json:"begins,omitempty"`
	// Deadline is for the seller's answer, or the end of a suspension; block time,
	// ms UTC.
	Deadline int64 `cbor:"17,keyasint,omitempty" json:"deadline,omitempty"`
}
