package native

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/rail"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/treasury"
)

// bank gives what pays over this carrier's banks. Code: not-found.
func (s *server) bank() (*treasury.Desk, error) {
	if s.Treasury == nil {
		return nil, fault.New(fault.NotFound, "this node has no bank", "set bank.accounts in its configuration")
	}
	return s.Treasury, nil
}

// RunPath names a payment run.
type RunPath struct {
	ID string `path:"id" maxLength:"40" doc:"Id of the run."`
}

// ExceptionPath names an exception.
type ExceptionPath struct {
	ID string `path:"id" maxLength:"40" doc:"Id of the exception."`
}

// payments registers payment runs and what banks tell.
func (s *server) payments() {
	s.payees()
	s.runs()
	s.bankFiles()
}

// bankOf registers an operation of the treasury.
func bankOf[I, O any](s *server, method, path, id, summary string, f func(ctx context.Context, d *treasury.Desk, by string, in *I) (O, error)) {
	add(s, operation(method, "/v1/payments"+path, id, tagSettlement, summary), func(ctx context.Context, in *I) (*reply[O], error) {
		d, err := s.bank()
		if err != nil {
			return nil, err
		}
		out, err := f(ctx, d, api.ActorOf(ctx).Name, in)
		if err != nil {
			return nil, err
		}
		return answer(out), nil
	})
}

func (s *server) payees() {
	const at = "/accounts"
	get(s, "/v1/payments/own-accounts", "list-own-accounts", tagSettlement, "This carrier's own bank accounts", func(_ context.Context, in *struct{ PageQuery }) (*reply[api.Page[wire.OwnAccount]], error) {
		d, err := s.bank()
		if err != nil {
			return nil, err
		}
		return cut(d.Own(), in.wanted(), func(a treasury.Own) wire.OwnAccount {
			return wire.OwnAccount{Account: a.Account.String(), BIC: a.BIC, Currency: a.Account.Currency}
		})
	})
	get(s, "/v1/payments"+at, "list-payees", tagSettlement, "Where partners are paid", func(_ context.Context, in *struct{ PageQuery }) (*reply[api.Page[wire.Payee]], error) {
		d, err := s.bank()
		if err != nil {
			return nil, err
		}
		return cut(d.Payees(), in.wanted(), shownPayee)
	})
	bankOf(s, http.MethodPost, at, "propose-payee", "Have a partner paid to another account, once another person approves it", func(_ context.Context, d *treasury.Desk, by string, in *struct{ Body wire.ProposePayee }) (wire.Payee, error) {
		b := in.Body
		p, err := d.ProposePayee(by, b.Partner, b.Currency, treasury.PayeeAccount{Name: b.Name, Account: rail.Account{IBAN: b.IBAN, Other: b.Other}, BIC: b.BIC})
		return shownPayee(p), err
	})
	for _, m := range []struct {
		path, id, summary string
		approve           bool
	}{
		{"/approve", "approve-payee", "Put the account in force that another person has proposed", true},
		{"/reject", "reject-payee", "Drop a proposed account", false},
	} {
		bankOf(s, http.MethodPost, at+m.path, m.id, m.summary, func(_ context.Context, d *treasury.Desk, by string, in *struct{ Body wire.AnswerPayee }) (wire.Payee, error) {
			p, err := d.AnswerPayee(by, in.Body.Partner, in.Body.Currency, in.Body.Account, m.approve)
			return shownPayee(p), err
		})
	}
}

func (s *server) runs() {
	get(s, "/v1/payments/due", "list-due-payments", tagSettlement, "What this carrier owes and may pay by a bank", func(_ context.Context, in *struct {
		PageQuery
		Partner  party.Code     `query:"partner" maxLength:"32"`
		Currency money.Currency `query:"currency" maxLength:"4"`
	}) (*reply[api.Page[wire.DuePayment]], error) {
		d, err := s.bank()
		if err != nil {
			return nil, err
		}
		w := treasury.Which{Currency: in.Currency}
		if in.Partner != "" {
			w.Partners = []party.Code{in.Partner}
		}
		all, err := d.Due(w)
		if err != nil {
			return nil, err
		}
		return cut(all, in.wanted(), shownDue)
	})
	get(s, "/v1/payments/carried", "list-carried", tagSettlement, "What the next obligation to each partner takes up: of those before, less than a minor unit", func(_ context.Context, in *struct{ PageQuery }) (*reply[api.Page[wire.CarriedRest]], error) {
		d, err := s.bank()
		if err != nil {
			return nil, err
		}
		all, err := d.Carried()
		if err != nil {
			return nil, err
		}
		return cut(all, in.wanted(), func(c treasury.Carried) wire.CarriedRest {
			return wire.CarriedRest{Partner: c.Partner, Amount: c.Amount}
		})
	})
	get(s, "/v1/payments/runs", "list-payment-runs", tagSettlement, "Payment runs, the newest first", func(_ context.Context, in *struct {
		PageQuery
		State string `query:"state" enum:"proposed,approved,ordered,by-hand,cancelled"`
	}) (*reply[api.Page[wire.PaymentRun]], error) {
		d, err := s.bank()
		if err != nil {
			return nil, err
		}
		all := []treasury.Run{}
		for _, r := range d.Runs() {
			if in.State == "" || in.State == string(r.State) {
				all = append(all, r)
			}
		}
		return cut(all, in.wanted(), func(r treasury.Run) wire.PaymentRun { return shownRun(d, r) })
	})
	bankOf(s, http.MethodPost, "/runs", "create-payment-run", "Make a run of what is due: one payment for each payee and currency", func(_ context.Context, d *treasury.Desk, by string, in *struct{ Body wire.CreateRun }) (wire.PaymentRun, error) {
		b := in.Body
		if _, err := time.Parse(time.DateOnly, string(b.Execute)); b.Execute != "" && err != nil {
			return wire.PaymentRun{}, fault.New(fault.Invalid, "the day is none", "write it like 2026-11-30").In("execute")
		}
		r, err := d.CreateRun(by, b.Account, b.Execute, treasury.Which{Partners: b.Partners, Currency: b.Currency, Until: int64(b.Until)})
		return shownRun(d, r), err
	})
	bankOf(s, http.MethodGet, "/runs/{id}", "get-payment-run", "One run with its payments", func(_ context.Context, d *treasury.Desk, _ string, in *RunPath) (wire.PaymentRun, error) {
		r, err := d.Run(in.ID)
		return shownRun(d, r), err
	})
	bankOf(s, http.MethodPost, "/runs/{id}/approve", "approve-payment-run", "Approve a run that another person has made", func(_ context.Context, d *treasury.Desk, by string, in *RunPath) (wire.PaymentRun, error) {
		r, err := d.ApproveRun(by, in.ID)
		return shownRun(d, r), err
	})
	bankOf(s, http.MethodPost, "/runs/{id}/cancel", "cancel-payment-run", "Drop a run that is not exported", func(_ context.Context, d *treasury.Desk, by string, in *RunPath) (wire.PaymentRun, error) {
		r, err := d.CancelRun(by, in.ID)
		return shownRun(d, r), err
	})
	op := operation(http.MethodPost, "/v1/payments/runs/{id}/export", "export-payment-run", tagSettlement, "The payment file (pain.001) of an approved run; its payments count as ordered. Again: the same bytes")
	op.Parameters = []*huma.Param{{Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}, Description: "Id of the run."}}
	s.raw(op, "application/xml", "The file.", func(w http.ResponseWriter, r *http.Request) {
		d, err := s.bank()
		var data []byte
		if err == nil {
			data, err = d.ExportRun(api.ActorOf(r.Context()).Name, r.PathValue("id"))
		}
		s.give(w, r, "application/xml", data, err)
	})
}

// bankFiles registers what banks tell, and what people decide about it.
func (s *server) bankFiles() {
	op := operation(http.MethodPost, "/v1/payments/files", "import-bank-file", tagSettlement, "Take in a file of a bank: pacs.002, camt.053 or camt.054; the same file again does nothing")
	op.MaxBodyBytes = rail.MaxBytes + 1
	add(s, op, func(ctx context.Context, in *struct {
		Name    string `query:"name" maxLength:"200" doc:"Of the file, for people."`
		RawBody []byte `contentType:"application/xml"`
	}) (*reply[wire.BankIntake], error) {
		d, err := s.bank()
		if err != nil {
			return nil, err
		}
		x, err := d.Import(api.ActorOf(ctx).Name, in.Name, in.RawBody)
		if err != nil {
			return nil, err
		}
		return answer(shownIntake(x)), nil
	})
	get(s, "/v1/payments/files", "list-bank-files", tagSettlement, "Files of banks that were taken in, the newest first", func(_ context.Context, in *struct{ PageQuery }) (*reply[api.Page[wire.BankIntake]], error) {
		d, err := s.bank()
		if err != nil {
			return nil, err
		}
		return cut(d.Files(), in.wanted(), shownIntake)
	})
	get(s, "/v1/payments/received", "list-received", tagSettlement, "Money that came in for what others owe", func(_ context.Context, in *struct {
		PageQuery
		All bool `query:"all" doc:"What is confirmed, too."`
	}) (*reply[api.Page[wire.ReceivedMoney]], error) {
		d, err := s.bank()
		if err != nil {
			return nil, err
		}
		return cut(d.Received(in.All), in.wanted(), func(r treasury.Received) wire.ReceivedMoney { return shownReceived(d, r) })
	})
	const at = "/exceptions"
	get(s, "/v1/payments"+at, "list-payment-exceptions", tagSettlement, "What banks told and people must decide, the oldest first", func(_ context.Context, in *struct {
		PageQuery
		All bool `query:"all" doc:"What is decided, too."`
	}) (*reply[api.Page[wire.PaymentException]], error) {
		d, err := s.bank()
		if err != nil {
			return nil, err
		}
		return cut(d.Exceptions(in.All), in.wanted(), shownPaymentException)
	})
	bankOf(s, http.MethodPost, at+"/{id}/resolve", "resolve-payment", "Propose what is to become of an exception", func(_ context.Context, d *treasury.Desk, by string, in *struct {
		ExceptionPath
		Body wire.ResolvePayment
	}) (wire.PaymentException, error) {
		r := treasury.Decision{Action: treasury.Action(in.Body.Action), Why: in.Body.Why}
		for _, t := range in.Body.Obligations {
			r.Obligations = append(r.Obligations, treasury.Target(t))
		}
		x, err := d.Resolve(by, in.ID, r)
		return shownPaymentException(x), err
	})
	bankOf(s, http.MethodPost, at+"/{id}/approve", "approve-resolution", "Carry out what another person has proposed for an exception", func(_ context.Context, d *treasury.Desk, by string, in *ExceptionPath) (wire.PaymentException, error) {
		x, err := d.ApproveResolution(by, in.ID)
		return shownPaymentException(x), err
	})
}

// byHand does what a person says about a payment of obligations, with another
// person's word when the node's configuration asks for it.
func (s *server) byHand(ctx context.Context, partner party.Code, ids []string, kind trade.Kind, digest canon.Hash, do func() error) (waits bool, err error) {
	if s.Treasury == nil {
		return false, do()
	}
	all := make([]treasury.Target, len(ids))
	for i, id := range ids {
		all[i] = treasury.Target{Partner: partner, Obligation: id}
	}
	return s.Treasury.Manual(api.ActorOf(ctx).Name, kind, all, digest, do)
}

// payByHand brings a person's command about the payment of one obligation.
func (s *server) payByHand(ctx context.Context, at IDPath, kind trade.Kind, digest canon.Hash, body any) (*reply[wire.Done[wire.Obligation]], error) {
	var out *reply[wire.Done[wire.Obligation]]
	waits, err := s.byHand(ctx, at.Partner, []string{at.ID}, kind, digest, func() (err error) {
		out, err = s.changeObligation(ctx, at, kind, body)
		return err
	})
	if err != nil || !waits {
		return out, err
	}
	b, err := s.with(at.Partner)
	if err != nil {
		return nil, err
	}
	o, err := obligationRecord(b, at.ID)
	return answer(wire.Done[wire.Obligation]{Record: o, Waits: true}), err
}

func person(s treasury.Step) wire.Person { return wire.Person{By: s.By, Time: wire.Time(s.At)} }

func personOr(s treasury.Step) *wire.Person {
	if s == (treasury.Step{}) {
		return nil
	}
	p := person(s)
	return &p
}

// sixPlaces gives a bank's amount in six decimals. It was read, so it has a currency
// with coins.
func sixPlaces(m rail.Money) money.Amount {
	a, err := m.Amount()
	if err != nil {
		return money.Amount{Currency: m.Currency}
	}
	return a
}

func shownPayee(p treasury.Payee) wire.Payee {
	account := func(a *treasury.PayeeAccount) *wire.PayeeAccount {
		if a == nil {
			return nil
		}
		return &wire.PayeeAccount{Name: a.Name, Account: a.Account.String(), BIC: a.BIC, Proposed: person(a.Proposed), Approved: personOr(a.Approved)}
	}
	return wire.Payee{Partner: p.Partner, Currency: p.Currency, InForce: account(p.InForce), Proposed: account(p.Proposed)}
}

func shownDue(x treasury.Due) wire.DuePayment {
	return wire.DuePayment{Partner: x.Partner, Obligation: x.Obligation, State: string(x.State), Due: wire.Time(x.Due), Owed: x.Owed, Discount: x.Discount, Pays: x.Pays, Carried: x.Carried,
		Method: x.Method, Reference: x.Reference, Run: x.Run, Why: x.Why}
}

func shownRun(d *treasury.Desk, r treasury.Run) wire.PaymentRun {
	w := wire.PaymentRun{ID: r.ID, State: string(r.State), From: r.From.String(), Execute: r.Execute, Message: r.Message, Totals: []money.Amount{}, Payments: []wire.BankPayment{},
		Created: person(r.Created), Approved: personOr(r.Approved), Exported: personOr(r.Exported), Cancelled: personOr(r.Cancelled), SHA256: r.SHA256}
	totals, err := r.Totals()
	if err == nil {
		w.Totals = totals
	}
	for _, p := range r.Payments {
		x := wire.BankPayment{EndToEnd: p.EndToEnd, Partner: p.Partner, Amount: sixPlaces(p.Amount), To: p.Account.String(), Name: p.Name, State: string(p.State), Status: p.Status,
			Reason: p.Reason, BankReference: p.BankReference, Paid: wire.Time(p.PaidAt), Lines: []wire.PaymentLine{},
			Carried: money.Amount{Currency: p.Amount.Currency, Micro: p.Carried}}
		for _, l := range p.Lines {
			line := wire.PaymentLine{Obligation: l.Obligation, Owed: l.Owed, Pays: sixPlaces(l.Pays), Reference: l.Reference}
			if p.State == treasury.Booked {
				line.Problem = d.Problem(treasury.Target{Partner: p.Partner, Obligation: l.Obligation})
			}
			x.Lines = append(x.Lines, line)
		}
		w.Payments = append(w.Payments, x)
	}
	return w
}

func shownIntake(x treasury.Intake) wire.BankIntake {
	w := wire.BankIntake{ID: x.ID, Kind: string(x.Kind), Name: x.Name, SHA256: x.SHA256, Imported: person(x.Step), Repeated: x.Repeated, Lines: []wire.BankTold{}, Passed: x.Passed}
	for _, l := range x.Lines {
		t := wire.BankTold{Outcome: l.Outcome, Amount: l.Amount, EndToEnd: l.EndToEnd, Did: l.Did, Exception: l.Exception}
		if x.Kind != rail.Pacs002 {
			if t.Direction = "out"; l.Credit {
				t.Direction = "in"
			}
		}
		w.Lines = append(w.Lines, t)
	}
	return w
}

func shownReceived(d *treasury.Desk, r treasury.Received) wire.ReceivedMoney {
	return wire.ReceivedMoney{Partner: r.Partner, Obligation: r.Obligation, Amount: sixPlaces(r.Amount), State: string(r.State), Time: wire.Time(r.At), Evidence: bankEvidence(r.Evidence),
		Problem: d.Problem(r.Target)}
}

func shownPaymentException(x treasury.Exception) wire.PaymentException {
	w := wire.PaymentException{ID: x.ID, State: string(x.State), Kind: x.Kind, Detail: x.Detail, Reason: x.Reason, Can: []string{}, Named: targets(x.Named), Alike: targets(x.Alike),
		Excess: x.Excess, Run: x.Run, EndToEnd: x.EndToEnd, Evidence: bankEvidence(x.Evidence), File: x.File, Raised: wire.Time(x.Raised), Approved: personOr(x.Approved)}
	if !x.Evidence.Amount.IsZero() {
		w.Amount = sixPlaces(x.Evidence.Amount)
	}
	for _, a := range x.Can() {
		w.Can = append(w.Can, string(a))
	}
	if r := x.Decision; r != nil {
		w.Decision = &wire.PaymentDecision{Action: string(r.Action), Obligations: targets(r.Obligations), Why: r.Why, Proposed: person(r.Step)}
	}
	return w
}

func bankEvidence(e rail.Evidence) wire.BankEvidence {
	w := wire.BankEvidence{Message: e.File, Account: e.Account, Entry: e.Entry, Payment: e.Payment, BankReference: e.BankReference, EndToEnd: e.EndToEndID,
		Transaction: e.TransactionID, Booked: e.Booked, Payer: e.Payer, References: e.References, By: string(e.By)}
	if e.Entry > 0 {
		if w.Direction = "out"; e.Credit {
			w.Direction = "in"
		}
	}
	return w
}

func targets(all []treasury.Target) (out []wire.PaymentTarget) {
	for _, t := range all {
		out = append(out, wire.PaymentTarget(t))
	}
	return out
}
