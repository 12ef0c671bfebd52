package invoice

import (
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// Item is one charge for a product on a bill.
type Item struct {
	Number  uint32        `cbor:"1,keyasint" json:"number"` // in its billing period, from 1
	Product string        `cbor:"2,keyasint" json:"product"`
	Charge  rating.Charge `cbor:"3,keyasint" json:"charge"`
	State   LineState     `cbor:"4,keyasint" json:"state"`
	Dispute string        `cbor:"5,keyasint,omitempty" json:"dispute,omitempty"` // that decided it
}

// Account is whom and what a bill for products is for: what a buyer has of a
// seller by an agreement, in one billing account of the buyer.
type Account struct {
	Agreement string     `cbor:"1,keyasint" json:"agreement"`
	Seller    party.Code `cbor:"2,keyasint" json:"seller"`
	Name      string     `cbor:"3,keyasint,omitempty" json:"name,omitempty"` // empty: the usual one
}

// AccountPrefix is what the ids under which accounts are billed begin with. No
// order is called so.
const AccountPrefix = "_"

// Order gives the id under which the account's billing periods stand where those
// of calls have their order.
func (a Account) Order() string {
	id := AccountPrefix + a.Agreement + "." + string(a.Seller)
	if a.Name != "" {
		id += "." + a.Name
	}
	return id
}

// Bill is the charges of an account in a billing period, as they follow from
// orders, prices and agreed measurements. Both sides generate the same.
type Bill struct {
	Account  Account        `cbor:"1,keyasint" json:"account"`
	Interval usage.Interval `cbor:"2,keyasint" json:"interval"`
	Rules    canon.Hash     `cbor:"3,keyasint" json:"rules"` // what computes it: the rules' version and the terms
	State    canon.Hash     `cbor:"4,keyasint" json:"state"` // what it follows from: products and measurements
	Items    []Item         `cbor:"5,keyasint" json:"items"`
}

// Hash names the bill.
func (b *Bill) Hash() canon.Hash { return canon.HashOf("lateral/bill/1", b) }

// Totals sums a bill by currency, in their order. Code: [money.CodeOverflow].
func (b *Bill) Totals() ([]money.Amount, error) {
	sums := map[money.Currency]money.Micro{}
	var order []money.Currency
	for _, i := range b.Items {
		a := i.Charge.Amount
		sum, there := sums[a.Currency]
		if !there {
			order = append(order, a.Currency)
		}
		var err error
		if sums[a.Currency], err = sum.Add(a.Micro); err != nil {
			return nil, err
		}
	}
	out := make([]money.Amount, 0, len(order))
	for _, c := range sortedCurrencies(order) {
		out = append(out, money.Amount{Currency: c, Micro: sums[c]})
	}
	return out, nil
}
