package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/node"
	"github.com/lateral-network/lateral/rail"
	"github.com/lateral-network/lateral/rail/bank"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/token"
	"github.com/lateral-network/lateral/treasury"
)

// Treasurers of a sandbox that lives: two at each carrier. One makes payment runs of what
// has been owed for a while, the other approves them and takes the file to the bank; what
// the bank tells they hand in at the nodes. What is younger is left to people, who find
// it under payments.

const (
	// leftToPeople is for how long.
	leftToPeople = 10 * time.Minute
	// runEvery is how often a treasurer looks at what is owed.
	runEvery = 20 * time.Second
	maker    = "sandbox maker"
	checker  = "sandbox checker"
)

// bankOf is what a carrier's node knows of the sandbox's bank.
func bankOf(code party.Code, currencies []money.Currency) node.Bank {
	b := node.Bank{Holder: holder(code).Name}
	for _, c := range currencies {
		b.Accounts = append(b.Accounts, node.BankAccount{Number: bankAccount(code, c).Other, BIC: bankBIC, Currency: c})
	}
	return b
}

// treasurers are those of all carriers.
type treasurers struct {
	s     *sandbox
	bank  *sandboxBank
	units []money.Currency
	all   map[party.Code]*treasurer
}

// treasurer is the two of one carrier.
type treasurer struct {
	code           party.Code
	maker, checker *client.Client
	partners       []party.Code
	carried        []string       // runs that are not at the bank yet
	mail           chan bank.Told // from the bank, that the node has not taken yet
}

// hire gives each carrier its treasurers, and has them agree on where partners are
// paid.
func (m *meshRun) hire(ctx context.Context, s *sandbox) (*treasurers, error) {
	t := &treasurers{s: s, bank: m.money.bank, units: m.units, all: map[party.Code]*treasurer{}}
	for _, code := range m.net.o.Carriers {
		x := &treasurer{code: code, mail: make(chan bank.Told, 1<<10)}
		for _, pair := range m.pairs {
			for side, d := range pair {
				if d.me == code {
					x.partners = append(x.partners, pair[1-side].me)
				}
			}
		}
		t.all[code] = x
	}
	return t, together(m.net.o.Carriers, func(code party.Code) error {
		x := t.all[code]
		admin, err := m.net.Client(code, api.Administrator)
		if err != nil {
			return err
		}
		defer admin.Close()
		for name, to := range map[string]**client.Client{maker: &x.maker, checker: &x.checker} {
			a, err := admin.AddAccess(ctx, wire.Access{Name: name, Role: string(api.Finance)})
			if err != nil {
				return fmt.Errorf("letting the %s of %s in: %w", name, code, err)
			}
			*to = client.New("http://"+m.net.byName[string(code)].conf.API.Listen, a.Text)
		}
		return t.know(ctx, code)
	})
}

// know has a carrier's treasurers put the accounts of its partners in force: one
// proposes, the other compares. It may be done again.
func (t *treasurers) know(ctx context.Context, code party.Code) error {
	x := t.all[code]
	for _, partner := range x.partners {
		for _, c := range t.units {
			account := bankAccount(partner, c).Other
			if _, err := x.maker.ProposePayee(ctx, wire.ProposePayee{Partner: partner, Currency: c, Name: holder(partner).Name, Other: account, BIC: bankBIC}); err != nil {
				return fmt.Errorf("%s proposing the account of %s: %w", code, partner, err)
			}
			if _, err := x.checker.ApprovePayee(ctx, wire.AnswerPayee{Partner: partner, Currency: c, Account: account}); err != nil {
				return fmt.Errorf("%s approving the account of %s: %w", code, partner, err)
			}
		}
	}
	return nil
}

// work has a carrier's treasurers pay until ctx ends.
func (t *treasurers) work(ctx context.Context, code party.Code) {
	x, said := t.all[code], ""
	for sleep(ctx, runEvery) == nil {
		err := t.pay(ctx, x)
		if err == nil || passes(err) || ctx.Err() != nil {
			continue
		}
		if text := fault.Of(err).Error(); text != said { // once, not each time
			said = text
			t.s.news.tell("alarm", code, "%-18s %s: %s", "not paid by bank", code, text)
		}
	}
}

// pay makes a run in each currency of what has been owed for a while, and takes what
// runs there are to the bank.
func (t *treasurers) pay(ctx context.Context, x *treasurer) error {
	for _, c := range t.units {
		until := time.Now().Add(liveDue*24*time.Hour - leftToPeople)
		r, err := x.maker.CreatePaymentRun(ctx, wire.CreateRun{Account: bankAccount(x.code, c).Other, Until: wire.Time(until.UnixMilli())})
		switch {
		case err == nil:
			x.carried = append(x.carried, r.ID)
		case fault.CodeOf(err) != fault.Refused: // that is said when nothing is to be paid
			return err
		}
	}
	var failed error
	x.carried = slices.DeleteFunc(x.carried, func(id string) bool {
		done, err := t.carry(ctx, x, id)
		failed = errors.Join(failed, err)
		return done
	})
	return failed
}

// carry takes a run as far as the bank; done says that nothing is left to do for it.
func (t *treasurers) carry(ctx context.Context, x *treasurer, id string) (done bool, err error) {
	r, err := x.checker.PaymentRun(ctx, id)
	if err != nil {
		return fault.CodeOf(err) == fault.NotFound, err // the node has been rebuilt
	}
	if r.State == string(treasury.Proposed) {
		if r, err = x.checker.ApprovePaymentRun(ctx, id); err != nil {
			if passes(err) {
				return false, err
			}
			// What it pays has changed meanwhile.
			_, err = x.maker.CancelPaymentRun(ctx, id)
			return err == nil, err
		}
	}
	if r.State == string(treasury.Cancelled) {
		return true, nil
	}
	file, err := x.checker.ExportPaymentRun(ctx, id)
	if err != nil {
		return false, err
	}
	answer, err := t.bank.Submit(file)
	if err != nil {
		return true, fmt.Errorf("handing %s to the bank: %w", id, err)
	}
	x.mail <- bank.Told{Name: "pacs.002-" + id + ".xml", Data: answer}
	told := []rail.Account{{Other: r.From}}
	for _, p := range r.Payments {
		told = append(told, rail.Account{Other: p.To})
	}
	for _, a := range told {
		if err := t.tell(a.Other); err != nil {
			return true, err
		}
	}
	t.s.news.tell("payment", x.code, "%-18s %s %s", "paid by bank", x.code, id)
	return true, nil
}

// tell brings what the bank tells of an account to whose it is.
func (t *treasurers) tell(number string) error {
	for code, x := range t.all {
		for _, c := range t.units {
			if bankAccount(code, c).Other != number {
				continue
			}
			notice, err := t.bank.Notice(number)
			if err == nil && notice != nil {
				x.mail <- bank.Told{Name: "camt.054-" + number + ".xml", Data: notice}
			}
			return err
		}
	}
	return nil
}

// post hands a carrier's node what the bank tells, in order, until ctx ends; what it
// does not take now it takes when it is back.
func (t *treasurers) post(ctx context.Context, code party.Code) {
	x := t.all[code]
	for {
		var f bank.Told
		select {
		case <-ctx.Done():
			return
		case f = <-x.mail:
		}
		for {
			_, err := x.checker.ImportBankFile(ctx, f.Name, f.Data)
			if err == nil || ctx.Err() != nil {
				break
			}
			if !passes(err) {
				t.s.news.tell("alarm", code, "%-18s %s: %s", "not taken", f.Name, fault.Of(err).Error())
				break
			}
			if sleep(ctx, batch) != nil {
				return
			}
		}
	}
}

// refillBelow is what is left of a deposit when its carrier buys and locks as much
// again as at first.
const refillBelow = liveLocked / 2

// refill keeps the deposits of the carrier that pays by token filled until ctx ends.
func (m *meshRun) refill(ctx context.Context, s *sandbox) {
	said := ""
	for sleep(ctx, time.Minute) == nil {
		for _, pair := range m.pairs {
			for side, d := range pair {
				if d.me != m.buyer() {
					continue
				}
				for _, u := range m.depositors()[pair[1-side].me] {
					err := m.topUp(ctx, d, u)
					if err == nil || passes(err) || ctx.Err() != nil {
						continue
					}
					if text := fault.Of(err).Error(); text != said {
						said = text
						s.news.tell("alarm", d.me, "%-18s %s: %s", "deposit not filled", d.me, text)
					}
				}
			}
		}
	}
}

// topUp fills the deposit for a partner when less than half of what was locked at first
// is left: its carrier buys tokens over the bank, or takes what it has of them.
func (m *meshRun) topUp(ctx context.Context, d *desk, u money.Currency) error {
	code := token.CodeOf(u)
	mine, err := d.ours(ctx)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(mine, func(x wire.Deposit) bool { return x.Amount.Token == code && x.State == token.Locked })
	if at < 0 {
		return nil // somebody has taken it back
	}
	if mine[at].Ours >= refillBelow {
		return nil
	}
	buyer := m.money.holders[slices.IndexFunc(m.money.holders, func(p *purse) bool { return p.code == d.me })]
	has, err := buyer.holds(ctx, code)
	if err != nil {
		return err
	}
	if has[settlement.Available] < liveLocked {
		if err := m.money.sell(ctx, d.me, token.Amount{Token: code, Micro: liveLocked}, money.Amount{Currency: u, Micro: liveLocked}); err != nil {
			return fmt.Errorf("buying %s: %w", code, err)
		}
	}
	if _, err := d.finance.TopUpDeposit(ctx, wire.TopUpDeposit{Deposit: mine[at].ID, Amount: token.Amount{Token: code, Micro: liveLocked}}); err != nil {
		return fmt.Errorf("filling the deposit of %s for %s: %w", d.me, d.partner, err)
	}
	m.say("%s has locked %s %s more for %s", d.me, liveLocked, code, d.partner)
	return nil
}
