package main

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"path/filepath"
	"strings"
	"time"

	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/rail"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
)

// paymentCommand is "lateral payment".
type paymentCommand struct {
	Due        paymentDue        `cmd:"" op:"list-due-payments,list-carried" help:"List what this carrier owes and may pay by a bank." eg:"" eg:"--partner BRAVO --currency EUR" eg:"--carried"`
	Account    paymentAccount    `cmd:"" help:"Where partners are paid, and the own accounts."`
	Run        paymentRun        `cmd:"" help:"Payment runs: one file for a bank, by two persons."`
	Import     paymentImport     `cmd:"" op:"import-bank-file" role:"finance" help:"Take in files of a bank: pacs.002, camt.053, camt.054. The same file again changes nothing." eg:"statement.xml" eg:"status.xml notice.xml --json"`
	Files      paymentFiles      `cmd:"" op:"list-bank-files" help:"List files of banks that were taken in, the newest first." eg:""`
	Received   paymentReceived   `cmd:"" op:"list-received" help:"List money that came in and waits for the payer's advice." eg:"" eg:"--confirmed"`
	Exceptions paymentExceptions `cmd:"" op:"list-payment-exceptions" help:"List what banks told and people must decide." eg:"" eg:"--closed --json"`
	Resolve    paymentResolve    `cmd:"" op:"resolve-payment,approve-resolution" role:"finance" help:"Decide about an exception: one person proposes, another approves." eg:"X000001 --assign BRAVO:N00000001-EUR --why 'as their mail says'" eg:"X000001 --approve" eg:"X000002 --ignore --why 'interest of the bank'"`
}

type paymentDue struct {
	connection
	paging
	Partner  string `short:"p" placeholder:"CODE" help:"To this partner."`
	Currency string `placeholder:"C" help:"In this currency."`
	Carried  bool   `help:"Show what the ledger carries to the next obligation instead."`
}

func (paymentDue) Help() string {
	return `A bank pays whole minor units of a currency; the rest of an obligation's six decimals is carried and shown. What stands
under "why" is in no run that is made now.`
}

func (c paymentDue) Run(ctx context.Context, n *remote) error {
	if c.Carried {
		return listed(n, c.paging, "partner amount", func(api *client.Client) iter.Seq2[wire.CarriedRest, error] { return api.Carried(ctx) })
	}
	return listed(n, c.paging, "partner obligation state due owed pays carried run why", func(api *client.Client) iter.Seq2[wire.DuePayment, error] {
		return api.DuePayments(ctx, client.Filter{"partner": c.Partner, "currency": c.Currency})
	})
}

type paymentAccount struct {
	List    payeeList    `cmd:"" op:"list-payees" help:"List where partners are paid, and what waits for approval." eg:""`
	Own     payeeOwn     `cmd:"" op:"list-own-accounts" help:"List the carrier's own accounts, from the node's configuration." eg:""`
	Propose payeePropose `cmd:"" op:"propose-payee" role:"finance" help:"Have a partner paid to another account, once another person approves it." eg:"BRAVO --name 'Bravo Networks' --iban GB82WEST12345698765432 --bic WESTGB22" eg:"BRAVO --name 'Bravo Networks' --other 7654321 --currency JPY"`
	Approve payeeApprove `cmd:"" op:"approve-payee" role:"finance" help:"Put the account in force that another person has proposed." eg:"BRAVO GB82WEST12345698765432"`
	Reject  payeeReject  `cmd:"" op:"reject-payee" role:"finance" help:"Drop a proposed account." eg:"BRAVO"`
}

type payeeList struct {
	connection
	paging
}

// payeeRow is one account of a partner on a line.
type payeeRow struct {
	Partner  party.Code     `json:"partner"`
	Currency money.Currency `json:"currency"`
	State    string         `json:"state"`
	Account  string         `json:"account"`
	Name     string         `json:"name"`
	BIC      string         `json:"bic"`
	By       string         `json:"proposed"`
}

func (c payeeList) Run(ctx context.Context, n *remote) error {
	if n.json {
		return listed(n, c.paging, "partner", func(api *client.Client) iter.Seq2[wire.Payee, error] { return api.Payees(ctx) })
	}
	return listed(n, c.paging, "partner currency state account name bic proposed", func(api *client.Client) iter.Seq2[payeeRow, error] {
		return split(api.Payees(ctx), func(p wire.Payee) (all []payeeRow) {
			for state, a := range map[string]*wire.PayeeAccount{"in force": p.InForce, "proposed": p.Proposed} {
				if a != nil {
					all = append(all, payeeRow{p.Partner, p.Currency, state, a.Account, a.Name, a.BIC, a.Proposed.String()})
				}
			}
			if len(all) == 2 && all[0].State == "proposed" {
				all[0], all[1] = all[1], all[0]
			}
			return all
		})
	})
}

type payeeOwn struct {
	connection
	paging
}

func (c payeeOwn) Run(ctx context.Context, n *remote) error {
	return listed(n, c.paging, "account bic currency", func(api *client.Client) iter.Seq2[wire.OwnAccount, error] { return api.OwnAccounts(ctx) })
}

// onePayee is a command about where a partner is paid.
type onePayee struct {
	connection
	Partner  string `arg:"" help:"Member code of the partner."`
	Currency string `placeholder:"C" help:"Of what is paid there; default: all that have no account of their own."`
}

type payeePropose struct {
	onePayee
	Name  string `required:"" placeholder:"TEXT" help:"Holder of the account, as its bank writes it."`
	IBAN  string `name:"iban" placeholder:"IBAN" help:"The account."`
	Other string `placeholder:"NUMBER" help:"The account, when it has no IBAN."`
	BIC   string `name:"bic" placeholder:"BIC" help:"Its bank."`
}

func (payeePropose) Help() string {
	return `Who changes an account changes where money goes. Compare it with the partner's own paper, and ask the partner by a way
that you know from before, not by one that came with the change.`
}

func (c payeePropose) Run(ctx context.Context, n *remote) error {
	p, err := n.api.ProposePayee(ctx, wire.ProposePayee{Partner: party.Code(c.Partner), Currency: money.Currency(c.Currency), Name: c.Name,
		IBAN: strings.ReplaceAll(c.IBAN, " ", ""), Other: c.Other, BIC: c.BIC})
	return shown(n, p, err)
}

type payeeApprove struct {
	onePayee
	Account string `arg:"" help:"The account, as you have compared it."`
}

func (c payeeApprove) Run(ctx context.Context, n *remote) error {
	p, err := n.api.ApprovePayee(ctx, wire.AnswerPayee{Partner: party.Code(c.Partner), Currency: money.Currency(c.Currency), Account: strings.ReplaceAll(c.Account, " ", "")})
	return shown(n, p, err)
}

type payeeReject struct{ onePayee }

func (c payeeReject) Run(ctx context.Context, n *remote) error {
	p, err := n.api.RejectPayee(ctx, wire.AnswerPayee{Partner: party.Code(c.Partner), Currency: money.Currency(c.Currency)})
	return shown(n, p, err)
}

type paymentRun struct {
	List    runList    `cmd:"" op:"list-payment-runs" help:"List payment runs, the newest first." eg:"" eg:"--state proposed"`
	Show    runShow    `cmd:"" op:"get-payment-run" help:"Show a run with its payments." eg:"R000001"`
	Create  runCreate  `cmd:"" op:"create-payment-run" role:"finance" help:"Make a run of what is due: one payment for each payee and currency." eg:"--account DE89370400440532013000" eg:"--account DE89370400440532013000 --due 2026-11-30 --partner BRAVO --on 2026-12-01"`
	Approve runApprove `cmd:"" op:"approve-payment-run" role:"finance" help:"Approve a run that another person has made." eg:"R000001"`
	Cancel  runCancel  `cmd:"" op:"cancel-payment-run" role:"finance" help:"Drop a run that is not exported." eg:"R000001"`
	Export  runExport  `cmd:"" op:"export-payment-run" role:"finance" help:"Write the payment file of an approved run; its payments count as ordered." eg:"R000001 --out pain.xml"`
}

type runList struct {
	connection
	paging
	State string `placeholder:"STATE" help:"proposed, approved, ordered, by-hand or cancelled."`
}

func (c runList) Run(ctx context.Context, n *remote) error {
	return listed(n, c.paging, "id state execute from totals created approved", func(api *client.Client) iter.Seq2[wire.PaymentRun, error] {
		return api.PaymentRuns(ctx, client.Filter{"state": c.State})
	})
}

type runShow struct{ item }

func (c runShow) Run(ctx context.Context, n *remote) error {
	r, err := n.api.PaymentRun(ctx, c.ID)
	return n.run(r, err)
}

// run prints a run with a line for each obligation.
func (n *remote) run(r wire.PaymentRun, err error) error {
	if err != nil || n.json {
		return shown(n, r, err)
	}
	type row struct {
		EndToEnd   string       `json:"end_to_end_id"`
		Partner    party.Code   `json:"partner"`
		State      string       `json:"state"`
		To         string       `json:"to"`
		Obligation string       `json:"obligation"`
		Owed       money.Amount `json:"owed"`
		Pays       money.Amount `json:"pays"`
		Note       string       `json:"note"`
	}
	var rows []row
	for _, p := range r.Payments {
		for _, l := range p.Lines {
			rows = append(rows, row{p.EndToEnd, p.Partner, p.State, p.To, l.Obligation, l.Owed, l.Pays, cmp.Or(l.Problem, p.Reason, p.Status)})
		}
	}
	r.Payments = nil
	if err := writeRecord(n.out, r); err != nil {
		return err
	}
	fmt.Fprintln(n.out)
	return writeList(n.out, rows, "end_to_end_id partner state to obligation owed pays note")
}

type runCreate struct {
	connection
	Account  string    `required:"" placeholder:"IBAN" help:"Own account that pays."`
	Due      rail.Date `placeholder:"DATE" help:"Obligations due by the end of this day, UTC; default: all."`
	On       rail.Date `placeholder:"DATE" help:"Day on which the bank is to pay; default: today."`
	Partner  []string  `short:"p" placeholder:"CODE" help:"To this partner; may be given several times."`
	Currency string    `placeholder:"C" help:"In this currency."`
}

func (runCreate) Help() string {
	return `Takes every obligation that "lateral payment due" lists without a "why". Nothing is ordered before another person approves
the run; until it is exported it can be cancelled. An obligation is in one run only.`
}

func (c runCreate) Run(ctx context.Context, n *remote) error {
	x := wire.CreateRun{Account: strings.ReplaceAll(c.Account, " ", ""), Execute: c.On, Currency: money.Currency(c.Currency)}
	if c.Due != "" {
		day, err := time.Parse(time.DateOnly, string(c.Due))
		if err != nil {
			return usageError{fault.Newf(fault.Invalid, "write a day like 2026-11-30", "--due: %.40q is no day", string(c.Due)).In("due")}
		}
		x.Until = wire.Time(day.AddDate(0, 0, 1).UnixMilli() - 1)
	}
	for _, p := range c.Partner {
		x.Partners = append(x.Partners, party.Code(p))
	}
	r, err := n.api.CreatePaymentRun(ctx, x)
	return n.run(r, err)
}

type runApprove struct{ item }

func (c runApprove) Run(ctx context.Context, n *remote) error {
	r, err := n.api.ApprovePaymentRun(ctx, c.ID)
	return n.run(r, err)
}

type runCancel struct{ item }

func (c runCancel) Run(ctx context.Context, n *remote) error {
	r, err := n.api.CancelPaymentRun(ctx, c.ID)
	return n.run(r, err)
}

type runExport struct {
	item
	out
}

func (runExport) Help() string {
	return `The payments count as ordered before the file is given, so a node that dies in between has forgotten nothing: export
again, the bytes are the same. A bank takes the file's id once.`
}

func (c runExport) Run(ctx context.Context, n *remote) error {
	data, err := n.api.ExportPaymentRun(ctx, c.ID)
	return c.write(n.terminal, data, err)
}

type paymentImport struct {
	connection
	File []string `arg:"" placeholder:"FILE" help:"Files as the bank wrote them; - is standard input."`
	Name string   `placeholder:"NAME" help:"Of the file, for people; default: its own."`
}

func (c paymentImport) Run(ctx context.Context, n *remote) error {
	for _, path := range c.File {
		data, err := n.read(path)
		if err != nil {
			return err
		}
		x, err := n.api.ImportBankFile(ctx, cmp.Or(c.Name, filepath.Base(path)), data)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if n.json {
			if err := n.document(x); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(n.out, "%s: %s %s, %d payments\n", path, x.Kind, x.ID, len(x.Lines))
		if len(x.Lines) > 0 {
			if err := writeList(n.out, x.Lines, "outcome amount direction end_to_end_id did exception"); err != nil {
				return err
			}
		}
		if x.Repeated {
			fmt.Fprintf(n.err, "%s was taken in before, by %s; nothing has changed\n", path, x.Imported)
		}
		if len(x.Passed) > 0 {
			fmt.Fprintf(n.err, "not looked into: %s\n", strings.Join(x.Passed, ", "))
		}
	}
	return nil
}

type paymentFiles struct {
	connection
	paging
}

func (c paymentFiles) Run(ctx context.Context, n *remote) error {
	return listed(n, c.paging, "name kind id imported sha256", func(api *client.Client) iter.Seq2[wire.BankIntake, error] { return api.BankFiles(ctx) })
}

type paymentReceived struct {
	connection
	paging
	Confirmed bool `help:"Also what is confirmed."`
}

func (c paymentReceived) Run(ctx context.Context, n *remote) error {
	return listed(n, c.paging, "partner obligation amount state time evidence.bank_reference problem", func(api *client.Client) iter.Seq2[wire.ReceivedMoney, error] {
		return api.Received(ctx, client.Filter{"all": yes(c.Confirmed)})
	})
}

type paymentExceptions struct {
	connection
	paging
	Closed bool `help:"Also what is decided."`
}

func (c paymentExceptions) Run(ctx context.Context, n *remote) error {
	return listed(n, c.paging, "id state kind amount evidence.direction detail can named alike decision", func(api *client.Client) iter.Seq2[wire.PaymentException, error] {
		return api.PaymentExceptions(ctx, client.Filter{"all": yes(c.Closed)})
	})
}

type paymentResolve struct {
	item
	Assign  []string `placeholder:"PARTNER:OBLIGATION" help:"The money is for this obligation; may be given several times."`
	Return  bool     `help:"The money is paid back at the bank, by hand."`
	Release bool     `help:"A payment came back: its obligations may be paid again."`
	Ignore  bool     `help:"Nothing is done."`
	Approve bool     `help:"Carry out what another person has proposed."`
	Why     string   `placeholder:"TEXT" help:"Reason; needed for all but --approve."`
}

func (paymentResolve) Help() string {
	return `"lateral payment exceptions" says what can be done with each. An assignment needs money that covers the obligations to their
last minor unit; what is more stays the payer's. The evidence stays with the exception for good.`
}

func (c paymentResolve) Run(ctx context.Context, n *remote) error {
	chosen := 0
	for _, is := range []bool{len(c.Assign) > 0, c.Return, c.Release, c.Ignore, c.Approve} {
		if is {
			chosen++
		}
	}
	if chosen != 1 {
		return usageError{fault.New(fault.Invalid, "one thing is done with an exception", "give one of --assign, --return, --release, --ignore, --approve")}
	}
	if c.Approve {
		x, err := n.api.ApproveResolution(ctx, c.ID)
		return shown(n, x, err)
	}
	r := wire.ResolvePayment{Why: c.Why}
	switch {
	case len(c.Assign) > 0:
		r.Action = "assign"
	case c.Return:
		r.Action = "return"
	case c.Release:
		r.Action = "release"
	case c.Ignore:
		r.Action = "ignore"
	}
	if c.Why == "" {
		return usageError{fault.New(fault.Invalid, "there is no reason", "say why with --why").In("why")}
	}
	for _, a := range c.Assign {
		partner, obligation, ok := strings.Cut(a, ":")
		if !ok {
			return usageError{fault.Newf(fault.Invalid, "write it like BRAVO:N00000001-EUR", "--assign: %.80q names no partner and obligation", a).In("assign")}
		}
		r.Obligations = append(r.Obligations, wire.PaymentTarget{Partner: party.Code(partner), Obligation: obligation})
	}
	x, err := n.api.ResolvePayment(ctx, c.ID, r)
	if err == nil && !n.json {
		fmt.Fprintln(n.err, "proposed; it waits for another person")
	}
	return shown(n, x, err)
}
