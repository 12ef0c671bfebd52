package sim

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/rail"
	"github.com/lateral-network/lateral/rail/bank"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
)

// sandboxBank is the bank at which carriers of a sandbox have an account in each
// currency, and who issues tokens another one for what stands behind them. Money
// goes in and out by files of ISO 20022 alone.
type sandboxBank struct {
	*bank.Bank

	mu    sync.Mutex
	files int
}

const bankBIC = "SANDCHZZ"

// bankAccount is a carrier's account in a currency, and reserveAccount the issuer's
// for what stands behind the token of one.
func bankAccount(code party.Code, c money.Currency) rail.Account {
	return rail.Account{Other: string(code) + string(c), Currency: c}
}

func reserveAccount(c money.Currency) rail.Account {
	return rail.Account{Other: "RESERVE" + string(c), Currency: c}
}

// openBank opens the accounts of some carriers, with as much on each at first. The
// first issues tokens.
func openBank(codes []party.Code, currencies []money.Currency, begin int64) (*sandboxBank, error) {
	b, err := bank.New(bank.Options{BIC: bankBIC, Name: "Sandbox Bank", Now: func() time.Time { return time.Now().UTC() }})
	if err != nil {
		return nil, err
	}
	for _, c := range currencies {
		for _, code := range codes {
			account := bankAccount(code, c)
			if err := b.Open(account, holder(code)); err != nil {
				return nil, err
			}
			if err := b.Deposit(account.String(), rail.Money{Currency: c, Minor: begin}); err != nil {
				return nil, err
			}
			if _, err := b.Notice(account.String()); err != nil { // of its own deposit
				return nil, err
			}
		}
		if err := b.Open(reserveAccount(c), rail.Party{Name: "Reserve of " + string(codes[0])}); err != nil {
			return nil, err
		}
	}
	return &sandboxBank{Bank: b}, nil
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
func (b *sandboxBank) pay(from rail.Account, payer rail.Party, all []moved) error {
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
func (b *sandboxBank) told(account rail.Account, awaited []rail.Item) (paid map[string]rail.Money, notice []byte, err error) {
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

// remittance is one payment for all that a carrier owes another in a currency, in
// whole coins.
type remittance struct {
	by, to    *desk
	debts     []string
	amount    money.Amount
	reference string // as the bank shows it
}

// remit makes the payment of what is left of debts. ok is false when that is less
// than a coin.
func remit(by, to *desk, debts []wire.Obligation) (x *remittance, ok bool) {
	x = &remittance{by: by, to: to, amount: money.Amount{Currency: debts[0].Amount.Currency}}
	for _, o := range debts {
		x.debts = append(x.debts, o.ID)
		x.amount.Micro += o.Left
	}
	slices.Sort(x.debts)
	x.amount = settlement.Payable(x.amount)
	x.reference = rail.CreditorReference(fmt.Sprintf("%s>%s %v", by.me, to.me, x.debts))
	return x, x.amount.Micro > 0
}

// remitted pays by one file of the payer's.
func (b *sandboxBank) remitted(payer party.Code, list []*remittance) error {
	var all []moved
	for _, x := range list {
		coins, _, err := rail.Payable(x.amount)
		if err != nil {
			return err
		}
		all = append(all, moved{id: x.reference, to: bankAccount(x.to.me, x.amount.Currency), payee: holder(x.to.me), amount: coins})
	}
	if err := b.pay(bankAccount(payer, list[0].amount.Currency), holder(payer), all); err != nil {
		return fmt.Errorf("paying what %s owes: %w", payer, err)
	}
	return nil
}

// advise tells the payee of a payment.
func (n *Network) advise(ctx context.Context, x *remittance) error {
	err := n.retried(ctx, "a payment to be advised", func() error {
		_, err := x.by.finance.AdviseAll(ctx, wire.AdviseAll{Obligations: x.debts, Amount: x.amount, Method: methodBank, Reference: x.reference, PaidAt: wire.Time(time.Now().UnixMilli())})
		if fault.CodeOf(err) == fault.Conflict || fault.CodeOf(err) == trade.CodeState { // it had been advised, and the answer was lost
			return nil
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("advising what %s has paid: %w", x.by.me, err)
	}
	return nil
}

// received has a payee compare its bank's notice with what it was advised of, and
// confirm what has come.
func (n *Network) received(ctx context.Context, b *sandboxBank, account rail.Account, advised []*remittance) error {
	var awaited []rail.Item
	for _, x := range advised {
		awaited = append(awaited, rail.Item{ID: x.reference, Owed: x.amount, Payer: bankAccount(x.by.me, x.amount.Currency)})
	}
	paid, _, err := b.told(account, awaited)
	if err != nil {
		return err
	}
	if len(paid) != len(awaited) {
		return fault.Newf(fault.Internal, "report this", "the notice of %s tells of %d payments, and %d are awaited", account, len(paid), len(awaited))
	}
	for _, x := range advised {
		if err := n.poll(ctx, "a payment to be confirmed", func() (bool, error) {
			o, err := x.to.auditor.Obligation(ctx, x.debts[0])
			if err != nil || o.State == settlement.Settled {
				return err == nil, err
			}
			if o.State == settlement.Advised {
				_, err = x.to.finance.Confirm(ctx, x.debts[0], wire.Confirm{Amount: x.amount})
			}
			if err == nil {
				err = sleep(ctx, 100*time.Millisecond)
			}
			return false, err
		}); err != nil {
			return fmt.Errorf("confirming what %s got from %s: %w", x.to.me, x.by.me, err)
		}
	}
	return nil
}

// payOver pays over the bank all that one owes another in a currency now, by one
// file; paid says whether there was something. The payee confirms what has come.
func (n *Network) payOver(ctx context.Context, b *sandboxBank, by, to *desk, c money.Currency) (paid bool, err error) {
	var due []wire.Obligation
	for _, state := range []settlement.State{settlement.Owed, settlement.Overdue} { // what is due at once is overdue in a moment
		some, err := client.Collect(by.auditor.Obligations(ctx, client.Filter{"state": string(state)}))
		if err != nil {
			return false, err
		}
		due = append(due, some...)
	}
	due = slices.DeleteFunc(due, func(o wire.Obligation) bool { return o.Payer != by.me || o.Amount.Currency != c })
	due = due[:min(len(due), 2000)]
	if len(due) == 0 {
		return false, nil
	}
	x, ok := remit(by, to, due)
	if !ok {
		return false, nil // until more is owed
	}
	if err := b.remitted(by.me, []*remittance{x}); err != nil {
		return false, err
	}
	if err := n.advise(ctx, x); err != nil {
		return true, err
	}
	return true, n.received(ctx, b, bankAccount(to.me, c), []*remittance{x})
}
