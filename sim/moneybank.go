package sim

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/rail"
	"github.com/lateral-network/lateral/rail/bank"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
)

// moneyBank is the bank at which all carriers of the sandbox have an account, and
// the issuer a second one for what stands behind its tokens. Money goes in and out
// by files of ISO 20022 alone.
type moneyBank struct {
	*bank.Bank

	mu    sync.Mutex
	files int
}

// bankBegin is what stands on each account at first: 100,000.00.
const bankBegin = 10_000_000

const bankBIC = "SANDCHZZ"

// accountOf is a carrier's account, and reserveAccount the issuer's second one.
func bankAccount(code party.Code) rail.Account {
	return rail.Account{Other: string(code) + "USD", Currency: moneyUnit}
}

var reserveAccount = rail.Account{Other: "RESERVEUSD", Currency: moneyUnit}

func openMoneyBank(codes []party.Code) (*moneyBank, error) {
	b, err := bank.New(bank.Options{BIC: bankBIC, Name: "Sandbox Bank", Now: func() time.Time { return time.Now().UTC() }})
	if err != nil {
		return nil, err
	}
	for _, code := range codes {
		if err := b.Open(bankAccount(code), holder(code)); err != nil {
			return nil, err
		}
		if err := b.Deposit(bankAccount(code).String(), rail.Money{Currency: moneyUnit, Minor: bankBegin}); err != nil {
			return nil, err
		}
		if _, err := b.Notice(bankAccount(code).String()); err != nil { // of its own deposit
			return nil, err
		}
	}
	return &moneyBank{Bank: b}, b.Open(reserveAccount, rail.Party{Name: "Reserve of " + string(codes[0])})
}

func holder(code party.Code) rail.Party { return rail.Party{Name: string(code) + " Telecom"} }

// moved is a payment that a bank makes: the end-to-end id names it.
type moved struct {
	id     string
	to     rail.Account
	payee  rail.Party
	amount rail.Money
}

// pay sends a pain.001 from an account and wants a pacs.002 by which all of it is
// settled.
func (b *moneyBank) pay(from rail.Account, payer rail.Party, all []moved) error {
	b.mu.Lock()
	b.files++
	id := fmt.Sprintf("%s-%d", from.Other, b.files)
	b.mu.Unlock()
	now := time.Now().UTC()
	g := rail.Group{ID: id + "-1", Execute: rail.DateOf(now), Debtor: payer, Account: from, Bank: rail.Agent{BIC: bankBIC}}
	for _, x := range all {
		g.Payments = append(g.Payments, rail.Payment{EndToEndID: x.id, Amount: x.amount, Bank: rail.Agent{BIC: bankBIC}, Creditor: x.payee, Account: x.to})
	}
	order := &rail.Initiation{ID: id, Created: now, Initiator: payer, Groups: []rail.Group{g}}
	file, err := order.Encode()
	if err != nil {
		return err
	}
	answer, err := b.Submit(file)
	if err != nil {
		return err
	}
	report, err := rail.ReadBytes(answer)
	if err != nil {
		return err
	}
	for _, p := range report.Report.Payments {
		if p.Status.Outcome() != rail.OutcomeSettled {
			return fault.Newf(fault.Refused, "report this", "the bank says of the payment %s: %s %v", p.EndToEndID, p.Status, p.Reasons)
		}
	}
	if len(report.Report.Payments) != len(all) {
		return fault.Newf(fault.Internal, "report this", "the bank answers %d payments of %d", len(report.Report.Payments), len(all))
	}
	return nil
}

// told gives what the bank tells of an account since it was asked last, matched
// with what is awaited there, and the notice itself.
func (b *moneyBank) told(account rail.Account, awaited []rail.Item) (paid map[string]rail.Money, notice []byte, err error) {
	if notice, err = b.Notice(account.String()); err != nil || notice == nil {
		return nil, notice, err
	}
	file, err := rail.ReadBytes(notice)
	if err != nil {
		return nil, notice, err
	}
	m, err := rail.NewMatcher(awaited, rail.History{})
	if err != nil {
		return nil, notice, err
	}
	found, err := m.Match(file)
	if err != nil {
		return nil, notice, err
	}
	paid = map[string]rail.Money{}
	for _, f := range found {
		if !f.Evidence.Credit {
			continue // its own payments
		}
		whole, ok := f.Outcome.(rail.Whole)
		if !ok {
			return nil, notice, fault.Newf(fault.Internal, "report this", "the notice %s tells of %s at %s: %s", f.Evidence.File, f.Evidence.EndToEndID, account, f.Outcome.Name())
		}
		for _, a := range whole.Paid {
			paid[a.Item] = a.Paid
		}
	}
	return paid, notice, nil
}

// evidence is a bank's file as acts of the issuer name it.
func evidence(file []byte) canon.Hash { return sha256.Sum256(file) }

// remittance is one payment for all that a carrier owes another.
type remittance struct {
	deal      *dealing
	payer     int // side of the deal
	debts     []string
	amount    money.Micro // of whole coins
	reference string      // as the bank shows it
}

// overBanks pays by files what is left to pay of the debts that banks pay. Who has
// stopped paying sends none.
func (m *moneyRun) overBanks(ctx context.Context, r *MoneyReport) error {
	byPayer := map[party.Code][]*remittance{}
	for _, d := range m.byBank() {
		all, err := m.debts(ctx, d)
		if err != nil {
			return err
		}
		for side := range d.pair {
			x := &remittance{deal: d, payer: side}
			for _, o := range all {
				if owing(&o) && o.Payer == d.code(side) {
					x.debts = append(x.debts, o.ID)
					x.amount += o.Left
				}
			}
			x.amount = settlement.Payable(usd(x.amount)).Micro
			if x.amount == 0 || d.code(side) == m.defaulter().code {
				continue
			}
			slices.Sort(x.debts)
			x.reference = rail.CreditorReference(fmt.Sprintf("%s>%s %s", d.code(side), d.code(1-side), x.debts[0]))
			byPayer[d.code(side)] = append(byPayer[d.code(side)], x)
		}
	}
	files := 0
	for _, code := range slices.Sorted(maps.Keys(byPayer)) {
		var all []moved
		for _, x := range byPayer[code] {
			to := x.deal.code(1 - x.payer)
			coins, _, err := rail.Payable(usd(x.amount))
			if err != nil {
				return err
			}
			all = append(all, moved{id: x.reference, to: bankAccount(to), payee: holder(to), amount: coins})
		}
		if err := m.bank.pay(bankAccount(code), holder(code), all); err != nil {
			return fmt.Errorf("paying what %s owes: %w", code, err)
		}
		files++
		r.Rails.Bank.Payments += len(all)
	}
	all := slices.Concat(slices.Collect(maps.Values(byPayer))...)
	if err := together(all, func(x *remittance) error { return m.advise(ctx, x) }); err != nil {
		return err
	}
	m.say("%d payments by bank, in %d files of pain.001: advised", r.Rails.Bank.Payments, files)
	return m.received(ctx, all)
}

// advise tells the payee of a payment.
func (m *moneyRun) advise(ctx context.Context, x *remittance) error {
	by := x.deal.pair[x.payer]
	err := m.net.retried(ctx, "a payment to be advised", func() error {
		_, err := by.finance.AdviseAll(ctx, wire.AdviseAll{Obligations: x.debts, Amount: usd(x.amount), Method: methodBank, Reference: x.reference, PaidAt: wire.Time(time.Now().UnixMilli())})
		if fault.CodeOf(err) == fault.Conflict { // an answer was lost, and it had been advised
			return nil
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("advising what %s has paid: %w", by.me, err)
	}
	return nil
}

// received has each payee compare its bank's notice with what was advised, and
// confirm what has come.
func (m *moneyRun) received(ctx context.Context, all []*remittance) error {
	return together(m.carriers, func(p *purse) error {
		var awaited []rail.Item
		by := map[string]*remittance{}
		for _, x := range all {
			if x.deal.code(1-x.payer) == p.code {
				awaited = append(awaited, rail.Item{ID: x.reference, Owed: usd(x.amount), Payer: bankAccount(x.deal.code(x.payer))})
				by[x.reference] = x
			}
		}
		paid, _, err := m.bank.told(bankAccount(p.code), awaited)
		if err != nil {
			return err
		}
		if len(paid) != len(awaited) {
			return fault.Newf(fault.Internal, "report this", "%s was told of %d payments, and awaits %d", p.code, len(paid), len(awaited))
		}
		for _, reference := range slices.Sorted(maps.Keys(paid)) {
			x := by[reference]
			payee := x.deal.pair[1-x.payer]
			if err := m.slowly(ctx, "a payment to be confirmed", func() (bool, error) {
				o, err := payee.auditor.Obligation(ctx, x.debts[0])
				if err != nil || o.State != settlement.Advised {
					return err == nil && o.State == settlement.Settled, err
				}
				_, err = payee.finance.Confirm(ctx, x.debts[0], wire.Confirm{Amount: usd(x.amount)})
				return false, err
			}); err != nil {
				return fmt.Errorf("confirming what %s got from %s: %w", p.code, x.deal.code(x.payer), err)
			}
		}
		return nil
	})
}
