package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/rail"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/treasury"
)

// Bank is the carrier's banks. Partners' accounts are not here: two persons
// change them, by lateral payment account.
type Bank struct {
	// Accounts are the carrier's own. Payments leave from them, and statements of
	// no other are taken in.
	Accounts []BankAccount `yaml:"accounts,omitempty"`
	// Holder is the company's name as its bank knows it; default: the carrier's code.
	Holder string `yaml:"holder,omitempty"`
	// Methods are the ways of paying of agreements that mean a bank; default:
	// bank-transfer.
	Methods []string `yaml:"methods,omitempty"`
	// FourEyes has payments that are advised, confirmed or declined by hand wait
	// for a second person too. Payment runs always do.
	FourEyes bool `yaml:"four_eyes,omitempty"`
}

// BankAccount is one account.
type BankAccount struct {
	IBAN     string         `yaml:"iban,omitempty"`
	Number   string         `yaml:"number,omitempty"` // of an account that has no IBAN
	BIC      string         `yaml:"bic,omitempty"`    // of its bank
	Currency money.Currency `yaml:"currency,omitempty"`
}

// used reports whether the node has anything to do with a bank.
func (b Bank) used() bool { return len(b.Accounts) > 0 || b.FourEyes }

// methods gives the ways of paying that mean a bank; none without an account.
func (b Bank) methods() []string {
	switch {
	case len(b.Accounts) == 0:
		return nil
	case len(b.Methods) > 0:
		return b.Methods
	}
	return []string{"bank-transfer"}
}

func (b Bank) validate(c Config) error {
	var all []error
	bad := func(field, detail, remedy string) {
		all = append(all, fault.New(fault.Invalid, detail, remedy).In("bank."+field))
	}
	if b.used() && c.Carrier == "" {
		bad("accounts", "a mere validator pays nobody", "leave it out, or name a carrier")
	}
	if slices.Contains(b.Methods, trade.MethodToken) {
		bad("methods", "no bank moves tokens", "leave it out: the node pays by token out of deposits")
	}
	if len(b.Holder) > 70 {
		bad("holder", "the name is longer than 70 bytes", "write it as the bank does")
	}
	seen := map[string]bool{}
	for i, a := range b.Accounts {
		at := fmt.Sprintf("accounts.%d", i)
		number := a.account().String()
		switch {
		case (a.IBAN == "") == (a.Number == ""):
			bad(at, "an account has an IBAN, or a number of another kind", "give one of them")
		case seen[number]:
			bad(at, "the account stands twice", "name each once")
		}
		seen[number] = true
		if a.IBAN != "" {
			if err := rail.IBAN(a.IBAN); err != nil {
				all = append(all, fault.Of(err).In("bank."+at+".iban"))
			}
		}
		if a.BIC != "" {
			if err := rail.BIC(a.BIC); err != nil {
				all = append(all, fault.Of(err).In("bank."+at+".bic"))
			}
		}
		if a.Currency != "" {
			if _, err := a.Currency.MinorUnits(); err != nil {
				all = append(all, fault.Of(err).In("bank."+at+".currency"))
			}
		}
	}
	return errors.Join(all...)
}

func (a BankAccount) account() rail.Account {
	return rail.Account{IBAN: a.IBAN, Other: a.Number, Currency: a.Currency}
}

// openBank brings the treasury back.
func (n *Node) openBank() (err error) {
	b := n.config.Bank
	if n.member == nil || !b.used() {
		return nil
	}
	o := treasury.Options{Me: n.config.Carrier, Name: b.Holder, Methods: b.methods(), FourEyes: b.FourEyes, Store: n.store.Node(),
		Channels: n.bankChannels, Submit: n.submitPayment, Now: time.Now, Log: n.log,
		Bound: func(partner party.Code, o settlement.Obligation) (bool, error) {
			d, ok := n.Desk(partner)
			if !ok {
				return false, fault.Newf(fault.NotYet, "try again in a moment", "the desk of the Bilateral with %s is not open yet", partner)
			}
			return d.Bound(o)
		}}
	if o.Name == "" {
		o.Name = string(n.config.Carrier)
	}
	for _, a := range b.Accounts {
		o.Accounts = append(o.Accounts, treasury.Own{Account: a.account(), BIC: a.BIC})
	}
	n.treasury, err = treasury.Open(o)
	return err
}

// inUse gives the Bilaterals that take payments, one for each partner.
func (n *Node) inUse() map[party.Code]*channel.Bilateral {
	out := map[party.Code]*channel.Bilateral{}
	for _, b := range n.member.Bilaterals() {
		if s := b.State(); s == channel.StateOpen || s == channel.StateDiverged {
			out[party.Code(b.Partner())] = b
		}
	}
	return out
}

func (n *Node) bankChannels() (all []treasury.Channel) {
	for partner, b := range n.inUse() {
		all = append(all, treasury.Channel{Partner: partner, View: func(f func(trade.Records) error) error {
			return b.View(func(v channel.View) error { return f(v) })
		}})
	}
	return all
}

// paymentWait is how long the treasury waits for one command; what has not come
// by then is looked for again.
const paymentWait = time.Minute

func (n *Node) submitPayment(ctx context.Context, partner party.Code, kind trade.Kind, body any) error {
	b, ok := n.inUse()[partner]
	if !ok {
		return fault.Newf(fault.NotYet, "wait until the channel is open", "there is no open Bilateral with %s", partner)
	}
	c, err := n.sign(b.ID(), trade.NewCommand(kind, body))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, paymentWait)
	defer cancel()
	out, err := b.Submit(ctx, c)
	if err != nil {
		return err
	}
	return channel.FirstErr(out)
}

// runBank tells partners of payments until ctx ends.
func (n *Node) runBank(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-n.member.Ready():
	}
	return n.treasury.Work(ctx)
}
