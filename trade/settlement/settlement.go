// Package settlement holds who owes whom, the offsetting of debts, and their
// discharge: balanced postings between accounts, nettings, obligations and
// payments (MEF 114 [R82]-[R89], [O4], [CR22], [CR23], [CD2]).
package settlement

import (
	"cmp"
	"slices"
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
)

// Purpose says what a balance stands for. Claims are positive, debts negative.
type Purpose string

// The purposes, in the order in which value moves through them.
const (
	Invoiced Purpose = "invoiced" // issued, not yet accepted
	Disputed Purpose = "disputed" // claimed on open lines
	Final    Purpose = "final"    // accepted, binding
	Due      Purpose = "due"      // agreed for settlement
	Transit  Purpose = "transit"  // advised by the payer, not yet confirmed
	Cash     Purpose = "cash"     // paid outside, confirmed by the payee
	Netted   Purpose = "netted"   // taken off by rounds: over all Bilaterals of a member, what it was paid by their positions
	Carried  Purpose = "carried"  // below the smallest coin, until the payer's next debt takes it up
)

// The purposes of accounts on the Omnilateral, where tokens are. Nobody owes
// there what he does not have: none of them falls below zero, except Issued and
// Outside, from which everything comes.
const (
	Available Purpose = "available" // the party's to use
	Held      Purpose = "held"      // promised: posted or given back
	Escrow    Purpose = "escrow"    // promised to whoever shows a key
	Deposit   Purpose = "deposit"   // locked, so that two may pay each other in private
	Fee       Purpose = "fee"       // set aside for, or taken as, fees
	Tax       Purpose = "tax"       // set aside for taxes
	Issued    Purpose = "issued"    // the issuer's debt to all holders: less than zero by the supply
	Outside   Purpose = "outside"   // where a reserve came from: less than zero by the reserve

	// Round and Unclaimed are accounts of nobody: what a change of several locks has
	// taken and not put back yet, which is nothing at its end; and what is left in
	// closed locks for partners whom nobody knows.
	Round     Purpose = "round"
	Unclaimed Purpose = "unclaimed"

	reserve = "reserve-"
)

// Reserve is the purpose of what an issuer keeps at banks behind one token. Each
// token has its own: what covers one covers no other.
func Reserve(token string) Purpose { return Purpose(reserve + token) }

// Covered reports whether an account of the purpose may not fall below zero.
func (p Purpose) Covered() bool {
	switch p {
	case Available, Held, Escrow, Deposit, Fee, Tax, Round, Unclaimed:
		return true
	}
	return strings.HasPrefix(string(p), reserve)
}

// Account is where value stands: one party, purpose and currency. On the
// Omnilateral the currency may be the code of a token.
type Account struct {
	Party    party.Code     `cbor:"1,keyasint" json:"party"`
	Purpose  Purpose        `cbor:"2,keyasint" json:"purpose"`
	Currency money.Currency `cbor:"3,keyasint" json:"currency"`
}

// Posting moves an amount of zero or more from one account to another of the
// same currency.
type Posting struct {
	From   Account     `cbor:"1,keyasint" json:"from"`
	To     Account     `cbor:"2,keyasint" json:"to"`
	Amount money.Micro `cbor:"3,keyasint" json:"amount"`
}

// Journal is the postings of one command. It is balanced because each posting
// is.
type Journal struct {
	Number   uint64    `cbor:"1,keyasint" json:"number"` // from 1
	Cause    string    `cbor:"2,keyasint" json:"cause"`  // kind of the command
	Subject  string    `cbor:"3,keyasint" json:"subject"`
	Postings []Posting `cbor:"4,keyasint" json:"postings"`
	Height   uint64    `cbor:"5,keyasint" json:"height"`
	Time     int64     `cbor:"6,keyasint" json:"time"` // of the block, ms UTC
}

// Move is a posting that shifts a claim of the seller on the buyer from one
// purpose to another, on both sides: two postings.
func Move(seller, buyer party.Code, c money.Currency, from, to Purpose, amount money.Micro) []Posting {
	return []Posting{
		{Account{seller, from, c}, Account{seller, to, c}, amount},
		{Account{buyer, to, c}, Account{buyer, from, c}, amount},
	}
}

// Claim is a posting that gives the seller a claim on the buyer. With the two
// exchanged it takes the claim back.
func Claim(seller, buyer party.Code, c money.Currency, p Purpose, amount money.Micro) Posting {
	return Posting{Account{buyer, p, c}, Account{seller, p, c}, amount}
}

// Sum is the gross debts both ways in one currency, or in one and of one due date,
// and their net.
type Sum struct {
	Currency money.Currency `cbor:"1,keyasint" json:"currency"`
	Gross    [2]money.Micro `cbor:"2,keyasint" json:"gross"`                     // owed to the first and to the second member, in byte order of their codes
	Net      money.Micro    `cbor:"3,keyasint" json:"net"`                       // of both, never negative
	Payer    party.Code     `cbor:"4,keyasint,omitempty" json:"payer,omitempty"` // empty when the net is zero
	Payee    party.Code     `cbor:"5,keyasint,omitempty" json:"payee,omitempty"`
	Day      int64          `cbor:"6,keyasint,omitempty" json:"day,omitempty"` // on which they are due: its beginning, ms UTC; 0: any
}

// Claimed is an amount that one member may claim.
type Claimed struct {
	Payee  party.Code
	Amount money.Amount
	Day    int64 // as in Sum
}

// Net offsets claims between two members, one sum for each currency in byte
// order, and in it for each day. The codes are in byte order. Code: money-overflow,
// invalid.
func Net(members [2]party.Code, claims []Claimed) ([]Sum, error) {
	var sums []Sum
	for _, c := range claims {
		side := 0
		switch c.Payee {
		case members[0]:
		case members[1]:
			side = 1
		default:
			return nil, fault.Newf(fault.Invalid, "net claims between the two members only", "%s is no member of this channel", c.Payee)
		}
		at, there := slices.BinarySearchFunc(sums, c, func(s Sum, c Claimed) int {
			return cmp.Or(cmp.Compare(s.Currency, c.Amount.Currency), cmp.Compare(s.Day, c.Day))
		})
		if !there {
			sums = slices.Insert(sums, at, Sum{Currency: c.Amount.Currency, Day: c.Day})
		}
		g, err := sums[at].Gross[side].Add(c.Amount.Micro)
		if err != nil {
			return nil, err
		}
		sums[at].Gross[side] = g
	}
	for i := range sums {
		s := &sums[i]
		net, err := s.Gross[0].Sub(s.Gross[1])
		if err != nil {
			return nil, err
		}
		switch {
		case net > 0:
			s.Net, s.Payee, s.Payer = net, members[0], members[1]
		case net < 0:
			if s.Net, err = net.Neg(); err != nil {
				return nil, err
			}
			s.Payee, s.Payer = members[1], members[0]
		}
	}
	return sums, nil
}

// Netting is the offsetting of final invoices, several periods at once.
type Netting struct {
	ID       string       `cbor:"1,keyasint" json:"id"`
	Proposer party.Code   `cbor:"2,keyasint" json:"proposer"`
	Invoices []string     `cbor:"3,keyasint" json:"invoices"`
	Sums     []Sum        `cbor:"4,keyasint" json:"sums"`
	State    NettingState `cbor:"5,keyasint" json:"state"`
	Proposed party.Act    `cbor:"6,keyasint" json:"proposed"`
	Accepted party.Act    `cbor:"7,keyasint,omitzero" json:"accepted,omitzero"`
	Deadline int64        `cbor:"8,keyasint,omitempty" json:"deadline,omitempty"` // for the answer; block time, ms UTC
}

// Obligation is the agreed amount that one member owes the other (MEF 114
// [R86]).
type Obligation struct {
	ID       string       `cbor:"1,keyasint" json:"id"`
	Netting  string       `cbor:"2,keyasint,omitempty" json:"netting,omitempty"` // that it came from
	Invoices []string     `cbor:"3,keyasint" json:"invoices"`                    // settled together or not at all
	Payer    party.Code   `cbor:"4,keyasint" json:"payer"`
	Payee    party.Code   `cbor:"5,keyasint" json:"payee"`
	Amount   money.Amount `cbor:"6,keyasint" json:"amount"`
	Method   string       `cbor:"7,keyasint" json:"method"`
	Due      int64        `cbor:"8,keyasint" json:"due"` // ms UTC
	State    State        `cbor:"9,keyasint" json:"state"`
	Late     bool         `cbor:"10,keyasint,omitempty" json:"late,omitempty"`
	Payment  Payment      `cbor:"11,keyasint,omitzero" json:"payment,omitzero"`
	Receipt  party.Act    `cbor:"12,keyasint,omitzero" json:"receipt,omitzero"`
	Deadline int64        `cbor:"13,keyasint,omitempty" json:"deadline,omitempty"` // for advice or receipt; block time, ms UTC
	Passed   uint32       `cbor:"14,keyasint,omitempty" json:"passed,omitempty"`
	Paid     money.Micro  `cbor:"15,keyasint,omitempty" json:"paid,omitempty"`     // that the payee has
	Carried  money.Micro  `cbor:"16,keyasint,omitempty" json:"carried,omitempty"`  // to the payer's next obligation: less than a coin
	Brought  money.Micro  `cbor:"17,keyasint,omitempty" json:"brought,omitempty"`  // from those before; part of Amount
	Credited money.Micro  `cbor:"18,keyasint,omitempty" json:"credited,omitempty"` // by a note, for early payment
	Hold     Hold         `cbor:"19,keyasint,omitzero" json:"hold,omitzero"`       // of a payment that is held
	Round    canon.Hash   `cbor:"20,keyasint,omitzero" json:"round,omitzero"`      // of netting, into which it was offered last
	Netted   money.Micro  `cbor:"21,keyasint,omitempty" json:"netted,omitempty"`   // that rounds have taken off
}

// Left is what is still to be paid: Amount less what was paid, netted, credited and carried.
func (o Obligation) Left() money.Amount {
	left := o.Amount
	if o.State == Settled {
		left.Micro = 0
	} else {
		left.Micro -= o.Paid + o.Netted + o.Credited + o.Carried // parts of Amount
	}
	return left
}

// Payment is the payer's word that it has paid (MEF 114 [R87], [R88]).
type Payment struct {
	Method    string      `cbor:"1,keyasint" json:"method"`
	Reference string      `cbor:"2,keyasint" json:"reference"` // as the bank shows it
	PaidAt    int64       `cbor:"3,keyasint" json:"paid_at"`   // ms UTC, by the payer's word
	Act       party.Act   `cbor:"4,keyasint" json:"act"`
	Whole     money.Micro `cbor:"5,keyasint,omitempty" json:"whole,omitempty"` // the payment, that may be for several obligations
	Part      money.Micro `cbor:"6,keyasint,omitempty" json:"part,omitempty"`  // of it for this one
}

// Hold is what keeps a payment from being final.
type Hold struct {
	Act  party.Act `cbor:"1,keyasint" json:"act"`
	Why  string    `cbor:"2,keyasint" json:"why"`
	Left int64     `cbor:"3,keyasint" json:"left_millis"` // of the deadline that stands still
}

// Remittance is one payment outside the ledger, for one obligation or several. It
// is received as a whole or not at all.
type Remittance struct {
	Payer     party.Code   `cbor:"1,keyasint" json:"payer"`
	Reference string       `cbor:"2,keyasint" json:"reference"` // as the bank shows it; no two payments of a payer have the same
	Method    string       `cbor:"3,keyasint" json:"method"`
	PaidAt    int64        `cbor:"4,keyasint" json:"paid_at"` // ms UTC, by the payer's word
	Amount    money.Amount `cbor:"5,keyasint" json:"amount"`
	Parts     []Part       `cbor:"6,keyasint" json:"parts"`
	Advised   party.Act    `cbor:"7,keyasint" json:"advised"`
	Received  party.Act    `cbor:"8,keyasint,omitzero" json:"received,omitzero"`
}

// Part is what of a payment is for an obligation.
type Part struct {
	Obligation string      `cbor:"1,keyasint" json:"obligation"`
	Amount     money.Micro `cbor:"2,keyasint" json:"amount"`
}

// Lay lays a payment on debts, in their order: on each what is left of it, and on
// the last ones less where the payment is of whole coins and the debts are not. The
// amount is not more than the debts.
func Lay(amount money.Micro, debts []Part) []Part {
	parts := make([]Part, len(debts))
	for i, d := range debts {
		parts[i] = Part{d.Obligation, min(amount, d.Amount)}
		amount -= parts[i].Amount
	}
	return parts
}

// Payable gives what of an amount can be paid in coins: all of it in a currency
// that has none.
func Payable(a money.Amount) money.Amount {
	if c, err := a.Coins(); err == nil {
		return c
	}
	return a
}
