package treasury

import (
	"cmp"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/rail"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
)

// Payee is where a partner is paid: an account for all currencies, or for one.
// Who changes it changes where money goes, so two persons do.
type Payee struct {
	Partner  party.Code     `cbor:"1,keyasint"`
	Currency money.Currency `cbor:"2,keyasint,omitempty"` // empty: all that have no account of their own
	InForce  *PayeeAccount  `cbor:"3,keyasint,omitempty"`
	Proposed *PayeeAccount  `cbor:"4,keyasint,omitempty"`
}

// PayeeAccount is one account and who stands for it.
type PayeeAccount struct {
	Name     string       `cbor:"1,keyasint"` // of the holder
	Account  rail.Account `cbor:"2,keyasint"`
	BIC      string       `cbor:"3,keyasint,omitempty"`
	Proposed Step         `cbor:"4,keyasint"`
	Approved Step         `cbor:"5,keyasint,omitzero"`
}

func (p Payee) key() string { return string(p.Partner) + "/" + string(p.Currency) }

// check refuses what no bank would take.
func (a PayeeAccount) check() error {
	switch {
	case a.Name == "" || len(a.Name) > 70:
		return fault.New(fault.Invalid, "the name of the account's holder is empty or longer than 70 bytes", "write it as its bank does").In("name")
	case (a.Account.IBAN == "") == (a.Account.Other == ""):
		return fault.New(fault.Invalid, "an account has an IBAN, or a number of another kind", "give one of them").In("iban")
	case len(a.Account.Other) > 34:
		return fault.New(fault.Invalid, "the account's number is longer than 34 characters", "write it without spaces").In("other")
	}
	if a.Account.IBAN != "" {
		if err := rail.IBAN(a.Account.IBAN); err != nil {
			return fault.Of(err).In("iban")
		}
	}
	if a.BIC != "" {
		if err := rail.BIC(a.BIC); err != nil {
			return fault.Of(err).In("bic")
		}
	}
	return nil
}

// Payees lists where partners are paid, by partner and currency.
func (d *Desk) Payees() []Payee {
	d.mu.Lock()
	defer d.mu.Unlock()
	return sorted(d.payees)
}

// Own lists the carrier's own accounts.
func (d *Desk) Own() []Own { return slices.Clone(d.o.Accounts) }

// ProposePayee has a partner paid to another account, once another person
// approves it. A proposal that waits is replaced.
func (d *Desk) ProposePayee(by string, partner party.Code, c money.Currency, a PayeeAccount) (Payee, error) {
	if err := partner.Validate(); err != nil {
		return Payee{}, fault.Of(err).In("partner")
	}
	if c != "" {
		if _, err := money.ParseCurrency(string(c)); err != nil {
			return Payee{}, fault.Of(err).In("currency")
		}
	}
	if err := a.check(); err != nil {
		return Payee{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.payees[Payee{Partner: partner, Currency: c}.key()]
	p.Partner, p.Currency = partner, c
	a.Proposed, a.Approved = d.step(by), Step{}
	p.Proposed = &a
	return p, d.keepPayee(p)
}

// AnswerPayee puts a proposed account in force, or drops it. account is what the
// person has compared with the partner's paper: another one is refused.
func (d *Desk) AnswerPayee(by string, partner party.Code, c money.Currency, account string, approve bool) (Payee, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p, ok := d.payees[Payee{Partner: partner, Currency: c}.key()]
	if !ok || p.Proposed == nil {
		return Payee{}, fault.Newf(fault.NotFound, "list them with lateral payment account list", "no account of %.40q waits for an answer", string(partner)).In("partner")
	}
	if !approve {
		p.Proposed = nil
		return p, d.keepPayee(p)
	}
	if err := other(p.Proposed.Proposed, by); err != nil {
		return Payee{}, err
	}
	if account != p.Proposed.Account.String() {
		return Payee{}, fault.Newf(fault.Conflict, "compare the proposed account with the partner's own paper, and name that account", "the account that waits is %s", p.Proposed.Account).In("account")
	}
	a := *p.Proposed
	a.Approved = d.step(by)
	p.InForce, p.Proposed = &a, nil
	return p, d.keepPayee(p)
}

func (d *Desk) keepPayee(p Payee) error {
	c := d.change()
	put(c, d.payees, keyPayee, p.key(), p)
	return c.commit()
}

// payeeOf gives the account that is in force for a partner and currency. The
// lock is held.
func (d *Desk) payeeOf(partner party.Code, c money.Currency) *PayeeAccount {
	own, all := d.payees[Payee{Partner: partner, Currency: c}.key()], d.payees[Payee{Partner: partner}.key()]
	return cmp.Or(own.InForce, all.InForce)
}
