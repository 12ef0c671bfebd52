package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/settlement"
)

// nettingCommand is "lateral netting".
type nettingCommand struct {
	List    nettingList    `cmd:"" op:"list-nettings" help:"List nettings." eg:"" eg:"--state proposed"`
	Show    nettingShow    `cmd:"" op:"get-netting" help:"Show a netting with its sums." eg:"N00000001"`
	Propose nettingPropose `cmd:"" op:"propose-netting" role:"finance" help:"Propose to offset final invoices of both sides." eg:"INVOICE INVOICE" eg:"--payable"`
	Accept  nettingAccept  `cmd:"" op:"accept-netting" role:"finance" help:"Accept a netting of the partner." eg:"N00000001"`
	Reject  nettingReject  `cmd:"" op:"reject-netting" role:"finance" help:"Reject a netting of the partner." eg:"N00000001"`
}

type nettingList struct {
	many
	State string `placeholder:"STATE" help:"proposed, accepted or rejected."`
}

func (c nettingList) Run(ctx context.Context, n *remote) error {
	return list(ctx, n, c.many, "id state proposer invoices accepted", func(p *client.Partner) iter.Seq2[wire.Netting, error] {
		return p.Nettings(ctx, client.Filter{"state": c.State})
	})
}

// oneNetting is a command about one netting.
type oneNetting struct {
	one
	ID string `arg:"" help:"Id of the netting."`
}

type nettingShow struct{ oneNetting }

func (c nettingShow) Run(ctx context.Context, n *remote) error {
	return ask(ctx, n, c.one, func(p *client.Partner) (wire.Netting, error) { return p.Netting(ctx, c.ID) })
}

// invoices names the invoices that a command is about.
type invoices struct {
	Invoices []string `arg:"" optional:"" name:"invoice" help:"Ids of final invoices."`
	Payable  bool     `help:"All that wait to be paid or netted."`
}

// ids gives the invoices that are meant.
func (i invoices) ids(ctx context.Context, p *client.Partner) ([]string, error) {
	if i.Payable == (len(i.Invoices) > 0) {
		return nil, usageError{errors.New("name invoices, or take all that wait with --payable")}
	}
	ids := i.Invoices
	if i.Payable {
		for inv, err := range p.Invoices(ctx, client.Filter{"payable": "true"}) {
			if err != nil {
				return nil, err
			}
			ids = append(ids, inv.ID)
		}
	}
	return ids, nil
}

type nettingPropose struct {
	one
	invoices
}

func (c nettingPropose) Run(ctx context.Context, n *remote) error {
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Netting], error) {
		ids, err := c.ids(ctx, p)
		if err != nil {
			return wire.Done[wire.Netting]{}, err
		}
		return p.ProposeNetting(ctx, ids)
	})
}

type nettingAccept struct{ oneNetting }

func (c nettingAccept) Run(ctx context.Context, n *remote) error {
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Netting], error) { return p.AnswerNetting(ctx, c.ID, true) })
}

type nettingReject struct{ oneNetting }

func (c nettingReject) Run(ctx context.Context, n *remote) error {
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Netting], error) { return p.AnswerNetting(ctx, c.ID, false) })
}

// obligationCommand is "lateral obligation".
type obligationCommand struct {
	List    obligationList    `cmd:"" op:"list-obligations" help:"List debts." eg:"--state owed" eg:"--payer ALPHA --all" eg:"--age days_1_30"`
	Show    obligationShow    `cmd:"" op:"get-obligation" help:"Show a debt with its payment and receipt." eg:"N00000001-EUR"`
	Open    obligationOpen    `cmd:"" op:"open-obligations" role:"finance" help:"Make final invoices due one by one, without netting." eg:"INVOICE" eg:"--payable"`
	Advise  obligationAdvise  `cmd:"" op:"advise-payment" role:"finance" help:"Say that this carrier has paid." eg:"N00000001-EUR --reference 'E2E 4711'" eg:"N00000001-EUR --amount EUR:360.02 --method bank-transfer --reference 'E2E 4711' --paid 2026-11-20T10:00:00Z"`
	Confirm obligationConfirm `cmd:"" op:"confirm-payment" role:"finance" help:"Confirm that the money came." eg:"N00000001-EUR"`
	Pay     obligationPay     `cmd:"" op:"get-payable,advise-payments" role:"finance" help:"Say that this carrier has paid several debts together, whole." eg:"N00000001-EUR N00000002-EUR --reference 'E2E 4712'"`
	Hold    obligationHold    `cmd:"" op:"hold-payment" role:"finance" help:"Hold a payment that is advised: it is not final while it is held." eg:"N00000001-EUR --why 'A name on a list.'"`
	Release obligationRelease `cmd:"" op:"release-payment" role:"finance" help:"Let a payment go that this carrier holds." eg:"N00000001-EUR --why 'Another company of that name.'"`
	Decline obligationDecline `cmd:"" op:"decline-payment" role:"finance" help:"Say that no such money came." eg:"N00000001-EUR --why 'Nothing by the 25th.'"`
}

type obligationList struct {
	many
	State    string `placeholder:"STATE" help:"owed, overdue, advised, held or settled."`
	Payer    string `placeholder:"CODE" help:"Owed by this side."`
	Currency string `placeholder:"CODE" help:"In this currency, like EUR."`
	Age      string `placeholder:"AGE" help:"not_due, days_1_30, days_31_60, days_61_90 or over_90: what is left is that old."`
}

func (c obligationList) Run(ctx context.Context, n *remote) error {
	return list(ctx, n, c.many, "id state payer payee amount left due late deadline", func(p *client.Partner) iter.Seq2[wire.Obligation, error] {
		return p.Obligations(ctx, client.Filter{"state": c.State, "payer": c.Payer, "currency": c.Currency, "age": c.Age})
	})
}

// oneObligation is a command about one debt.
type oneObligation struct {
	one
	ID string `arg:"" help:"Id of the obligation."`
}

type obligationShow struct{ oneObligation }

func (c obligationShow) Run(ctx context.Context, n *remote) error {
	return ask(ctx, n, c.one, func(p *client.Partner) (wire.Obligation, error) { return p.Obligation(ctx, c.ID) })
}

type obligationOpen struct {
	one
	invoices
}

func (c obligationOpen) Run(ctx context.Context, n *remote) error {
	code, err := c.code(ctx, n)
	if err != nil {
		return err
	}
	p := n.api.With(code)
	ids, err := c.ids(ctx, p)
	if err != nil {
		return err
	}
	o, err := p.OpenObligations(ctx, ids)
	return shown(n, wire.Opened{Obligations: o}, err)
}

// agreed gives an amount that was named, or that of the payment that is advised, or
// what has to be paid now.
func (c oneObligation) agreed(ctx context.Context, p *client.Partner, named amount) (money.Amount, wire.Obligation, error) {
	o, err := p.Obligation(ctx, c.ID)
	switch {
	case err != nil:
		return money.Amount{}, o, err
	case named.Currency != "":
		return money.Amount(named), o, nil
	case o.State == settlement.Advised && o.Payment != nil:
		return money.Amount{Currency: o.Amount.Currency, Micro: o.Payment.Whole}, o, nil
	case o.Payable != nil:
		return *o.Payable, o, nil
	}
	return o.Amount, o, nil
}

type obligationAdvise struct {
	oneObligation
	Amount    amount    `placeholder:"EUR:AMOUNT" help:"What was paid; default: what is left, less a discount, in whole coins."`
	Method    string    `placeholder:"METHOD" help:"How; default: as agreed."`
	Reference string    `required:"" help:"As the bank shows it."`
	Paid      wire.Time `placeholder:"TIME" help:"When, RFC 3339; default: now."`
}

func (c obligationAdvise) Run(ctx context.Context, n *remote) error {
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Obligation], error) {
		a, o, err := c.agreed(ctx, p, c.Amount)
		if err != nil {
			return wire.Done[wire.Obligation]{}, err
		}
		x := wire.Advise{Amount: a, Method: c.Method, Reference: c.Reference, PaidAt: c.Paid}
		if x.Method == "" {
			x.Method = o.Method
		}
		if x.PaidAt == 0 {
			x.PaidAt = wire.Time(time.Now().Truncate(time.Second).UnixMilli())
		}
		return p.Advise(ctx, c.ID, x)
	})
}

// answerPayment is a command of the payee.
type answerPayment struct {
	oneObligation
	Amount amount `placeholder:"EUR:AMOUNT" help:"What it is about; default: the payment that is advised."`
	Why    string `help:"Reason, for the partner."`
}

func (c answerPayment) answer(ctx context.Context, n *remote, send func(*client.Partner, wire.Confirm) (wire.Done[wire.Obligation], error)) error {
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Obligation], error) {
		a, _, err := c.agreed(ctx, p, c.Amount)
		if err != nil {
			return wire.Done[wire.Obligation]{}, err
		}
		return send(p, wire.Confirm{Amount: a, Why: c.Why})
	})
}

type obligationConfirm struct{ answerPayment }

func (c obligationConfirm) Run(ctx context.Context, n *remote) error {
	return c.answer(ctx, n, func(p *client.Partner, a wire.Confirm) (wire.Done[wire.Obligation], error) {
		return p.Confirm(ctx, c.ID, a)
	})
}

type obligationDecline struct{ answerPayment }

func (c obligationDecline) Run(ctx context.Context, n *remote) error {
	return c.answer(ctx, n, func(p *client.Partner, a wire.Confirm) (wire.Done[wire.Obligation], error) {
		return p.Decline(ctx, c.ID, a)
	})
}

type obligationPay struct {
	one
	IDs       []string  `arg:"" name:"obligation" help:"Ids of the debts."`
	Amount    amount    `placeholder:"EUR:AMOUNT" help:"What was paid; default: what they come to now, in whole coins, less discounts."`
	Method    string    `placeholder:"METHOD" help:"How; default: as agreed."`
	Reference string    `required:"" help:"As the bank shows it."`
	Paid      wire.Time `placeholder:"TIME" help:"When, RFC 3339; default: now."`
}

func (c obligationPay) Run(ctx context.Context, n *remote) error {
	code, err := c.code(ctx, n)
	if err != nil {
		return err
	}
	p := n.api.With(code)
	x := wire.AdviseAll{Obligations: c.IDs, Amount: money.Amount(c.Amount), Method: c.Method, Reference: c.Reference, PaidAt: c.Paid}
	if x.Method == "" || x.Amount.Currency == "" {
		pays, err := p.Payable(ctx, c.IDs, c.Method)
		if err != nil {
			return err
		}
		x.Method = pays.Method
		if x.Amount.Currency == "" {
			x.Amount = pays.Amount
		}
	}
	if x.PaidAt == 0 {
		x.PaidAt = wire.Time(time.Now().Truncate(time.Second).UnixMilli())
	}
	o, err := p.AdviseAll(ctx, x)
	return shown(n, o, err)
}

// holding is a command of compliance about a payment.
type holding struct {
	oneObligation
	Why string `required:"" help:"Reason, for both sides."`
}

func (c holding) do(ctx context.Context, n *remote, hold bool) error {
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Obligation], error) { return p.Hold(ctx, c.ID, hold, c.Why) })
}

type obligationHold struct{ holding }

func (c obligationHold) Run(ctx context.Context, n *remote) error { return c.do(ctx, n, true) }

type obligationRelease struct{ holding }

func (c obligationRelease) Run(ctx context.Context, n *remote) error { return c.do(ctx, n, false) }

// creditCommand is "lateral credit".
type creditCommand struct {
	Show creditShow `cmd:"" op:"get-credit" help:"Show score, payment history, exposure and allocation of both sides, as an order would be asked now." eg:"" eg:"BRAVO --json"`
}

type creditShow struct{ named }

func (c creditShow) Run(ctx context.Context, n *remote) error {
	code, err := c.which().code(ctx, n)
	if err != nil {
		return err
	}
	all, err := n.api.With(code).Credit(ctx)
	if err != nil || n.json {
		return shown(n, all, err)
	}
	if err := writeList(n.out, all.Credit, "payer agreement currency state exposure allocation available score history_days invoices beyond terms"); err != nil {
		return err
	}
	fmt.Fprintln(n.out)
	return writeList(n.out, all.Credit, "payer currency parts.measured parts.accrued parts.expected parts.ordered parts.billed parts.set_off parts.deposits deposit at_risk ceiling")
}

// journalCommand is "lateral journal".
type journalCommand struct {
	List     journalList     `cmd:"" op:"list-journal" help:"List postings, the oldest first." eg:"--all"`
	Export   journalExport   `cmd:"" op:"list-journal" help:"Write own postings as a CSV file for the books, by this carrier's chart of accounts." eg:"--out journal.csv" eg:"--from 2026-11-01T00:00:00Z --to 2026-12-01T00:00:00Z --accounts chart.yaml --out november.csv"`
	Accounts journalAccounts `cmd:"" help:"Print an example of a chart of accounts." eg:""`
}

type journalList struct{ many }

// posting is one line of a journal as the table shows it.
type posting struct {
	Number  uint64      `json:"number"`
	Time    wire.Time   `json:"time"`
	Cause   string      `json:"cause"`
	Subject string      `json:"subject"`
	From    string      `json:"from"`
	To      string      `json:"to"`
	Money   string      `json:"currency"`
	Amount  money.Micro `json:"amount"`
}

func (c journalList) Run(ctx context.Context, n *remote) error {
	read := func(p *client.Partner) iter.Seq2[wire.Journal, error] { return p.Journal(ctx) }
	if n.json {
		return list(ctx, n, c.many, "number", read)
	}
	return list(ctx, n, c.many, "number time cause subject from to currency amount", func(p *client.Partner) iter.Seq2[posting, error] {
		return split(read(p), func(j wire.Journal) (all []posting) {
			for _, x := range j.Postings {
				all = append(all, posting{j.Number, j.Time, j.Cause, j.Subject, fmt.Sprintf("%s %s", x.From.Party, x.From.Purpose),
					fmt.Sprintf("%s %s", x.To.Party, x.To.Purpose), string(x.From.Currency), x.Amount})
			}
			return all
		})
	})
}

// balanceCommand is "lateral balance".
type balanceCommand struct {
	List balanceList `cmd:"" op:"list-balances" help:"List what stands on each account: claims positive, debts negative." eg:""`
}

type balanceList struct{ many }

func (c balanceList) Run(ctx context.Context, n *remote) error {
	columns := "account.party account.purpose account.currency amount"
	return list(ctx, n, c.many, columns, func(p *client.Partner) iter.Seq2[wire.Balance, error] { return p.Balances(ctx) })
}
