// Package token holds claims on an issuer that are worth one unit of a currency
// each, and what stands behind them: reserves, a basket of currencies, and rates
// that several sources state. It is arithmetic and tables; who may do what is for
// the state machine (FEATURES SET-10, SET-12 to SET-17).
package token

import (
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
)

// Code names a token: the currency of its unit and a "t", as in "USDt"; "SDRt" is
// worth one XDR.
type Code string

// SDR is the token that is worth one special drawing right.
const SDR Code = "SDRt"

// CodeOf gives the token of a currency.
func CodeOf(c money.Currency) Code {
	if c == money.XDR {
		return SDR
	}
	return Code(c) + "t"
}

// Unit is the currency of which a token is worth one. Code: invalid.
func (c Code) Unit() (money.Currency, error) {
	if c == SDR {
		return money.XDR, nil
	}
	unit, ok := strings.CutSuffix(string(c), "t")
	if u := money.Currency(unit); ok && u != money.XDR && u.Validate() == nil {
		return u, nil
	}
	return "", fault.Newf(fault.Invalid, "write the currency's code and a t, as in USDt, or SDRt", "%.20q is no token", string(c))
}

// Account is the currency under which a token stands on accounts.
func (c Code) Account() money.Currency { return money.Currency(c) }

// Amount is so much of one token.
type Amount struct {
	Token Code        `cbor:"1,keyasint" json:"token"`
	Micro money.Micro `cbor:"2,keyasint" json:"amount"`
}

// String gives "USDt 360.022194".
func (a Amount) String() string { return string(a.Token) + " " + a.Micro.String() }

// Worth is the amount in the token's unit, in which limits are. It is above zero.
// Code: invalid.
func (a Amount) Worth() (money.Amount, error) {
	u, err := a.Token.Unit()
	switch {
	case err != nil:
		return money.Amount{}, fault.Of(err).In("token")
	case a.Micro <= 0:
		return money.Amount{}, fault.Newf(fault.Invalid, "name an amount above zero", "%s is not above zero", a).In("amount")
	}
	return money.Amount{Currency: u, Micro: a.Micro}, nil
}

// Token is one sort of tokens on the network.
type Token struct {
	Code     Code         `cbor:"1,keyasint" json:"code"`
	Issuer   party.Code   `cbor:"2,keyasint" json:"issuer"`
	Cap      money.Micro  `cbor:"3,keyasint" json:"cap"`       // of the supply
	Redeem   int64        `cbor:"4,keyasint" json:"redeem_ms"` // within which the issuer redeems at par
	State    State        `cbor:"5,keyasint" json:"state"`
	Approved []party.Code `cbor:"6,keyasint,omitempty" json:"approved,omitempty"` // members who let it be issued
	Supply   money.Micro  `cbor:"7,keyasint" json:"supply"`
	// Barred are countries whose members take no tokens, ISO 3166-1 alpha-2, in
	// order.
	Barred []string   `cbor:"8,keyasint,omitempty" json:"barred,omitempty"`
	Basket *Basket    `cbor:"9,keyasint,omitempty" json:"basket,omitempty"` // of SDRt: in force, or the last that was
	Next   *Basket    `cbor:"10,keyasint,omitempty" json:"next,omitempty"`  // from its beginning on in its place
	Asked  canon.Hash `cbor:"11,keyasint" json:"-"`                         // the command that asked for it
	// Deadline is when other members must have approved it; block time, ms UTC.
	Deadline int64 `cbor:"12,keyasint,omitempty" json:"deadline,omitempty"`
}

// InForce is the basket at a time; nil: the token is of one currency.
func (t *Token) InForce(now int64) *Basket {
	if t.Next != nil && t.Next.From <= now {
		return t.Next
	}
	return t.Basket
}

// Reserved is an amount of a currency behind a token.
type Reserved = money.Amount

// Needed is what has to be in reserve for a supply at a time, by currency in byte
// order; each rounded up, so that the cover is never short. A basket that is not
// known needs what nobody has. Codes: invalid, money-overflow.
func (t *Token) Needed(supply money.Micro, now int64) ([]Reserved, error) {
	u, err := t.Code.Unit()
	if err != nil {
		return nil, err
	}
	if t.Code != SDR {
		return []Reserved{{Currency: u, Micro: supply}}, nil
	}
	b := t.InForce(now)
	if b == nil {
		return nil, fault.New(CodeNoBasket, "no basket of currencies is in force", "have the issuer's two officers set one")
	}
	return b.Of(supply, money.Up)
}

// Codes of refusals about tokens.
const (
	// CodeNoBasket says that no basket defines the unit at that time.
	CodeNoBasket fault.Code = "no-basket"
	// CodeNoFixing says that too few sources agree on a rate that is fresh.
	CodeNoFixing fault.Code = "no-fixing"
)
