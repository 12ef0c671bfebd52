package native

import (
	"strings"
	"time"

	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/clearing"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/usage"
)

// How records are shown. Each function is total: every field of the record is
// in what is shown, or is left out there for a reason that the wire type says.

func act(a party.Act) wire.Act {
	return wire.Act{By: a.By, Key: a.Key, Limit: a.Limit, Command: a.Command, Signature: a.Signature,
		Expires: wire.Time(a.Expires), Nonce: a.Nonce, Height: a.Height, Time: wire.Time(a.Time)}
}

// done gives an act that may not have happened yet.
func done(a party.Act) *wire.Act {
	if a == (party.Act{}) {
		return nil
	}
	w := act(a)
	return &w
}

func receipt(o channel.Outcome) wire.Receipt {
	r := wire.Receipt{Height: uint64(o.Position.Height), Index: o.Position.Index, Command: o.Command, Kind: o.Kind, Code: o.Receipt.Code,
		Field: o.Receipt.Field, By: o.Receipt.Delegate, Limit: o.Receipt.Limit, Writes: o.Writes, Events: o.Events}
	if o.Refusal != nil {
		r.Detail, r.Remedy = o.Refusal.Detail, o.Refusal.Remedy
	}
	return r
}

func keys(in []party.Key) []wire.Key {
	out := make([]wire.Key, len(in))
	for i, k := range in {
		out[i] = wire.Key(k)
	}
	return out
}

func shownMember(m party.Member) wire.Member {
	return wire.Member{Code: m.Code, LegalName: m.LegalName, Country: m.Country, Aliases: m.Aliases, Exchange: m.Exchange,
		Members: keys(m.Members), Nodes: keys(m.Nodes), Recovery: m.Recovery, State: m.State, Since: m.Since, Sponsor: m.Sponsor, Vouchers: m.Vouchers}
}

func shownAnchor(a trade.Anchor) wire.Anchor {
	w := wire.Anchor{Channel: a.Channel, Term: a.Term, Position: a.Position, Kind: a.Kind}
	if len(a.Heads) > 0 {
		w.Size, w.Root = a.Head().Size, a.Head().Root
	}
	return w
}

func version(v agreement.Version) wire.Version {
	return wire.Version{Number: v.Number, From: wire.Time(v.From), Hash: v.Terms, Proposed: act(v.Proposed), Accepted: done(v.Accepted)}
}

func (s *server) shownAgreement(a agreement.Agreement) wire.Agreement {
	w := wire.Agreement{ID: a.ID, Type: a.Type, Proposer: a.Proposer, Legal: a.Legal, Lines: orEmpty(a.Lines), From: wire.Time(a.From), Until: wire.Time(a.Until),
		State: a.State, Versions: make([]wire.Version, len(a.Versions)), Terminated: done(a.Terminated), Ends: wire.Time(a.Ends),
		Allowed: a.Allowed(s.self())}
	for i, v := range a.Versions {
		w.Versions[i] = version(v)
	}
	if a.Pending != nil {
		v := version(*a.Pending)
		w.Pending = &v
	}
	return w
}

func shownDelegate(d party.Delegate) wire.Delegate {
	return wire.Delegate{Key: d.Key, Member: d.Member, Name: d.Name, Roles: orEmpty(d.Roles), Limits: d.Limits, From: d.From, Until: d.Until, Revoked: d.Revoked}
}

// shownSheet shows a sheet with what this side may do about it now.
func (s *server) shownSheet(x trade.Sheet) wire.Sheet {
	w := shownSheet(x)
	for _, e := range []trade.SheetEvent{trade.SheetAcknowledge, trade.SheetAccept, trade.SheetReject, trade.SheetWithdraw} {
		// The seller withdraws, the buyer does the rest.
		seller := string(x.Direction.To) == s.Member.Code()
		if _, can := trade.SheetTransitions[x.State][e]; can && seller == (e == trade.SheetWithdraw) {
			w.Allowed = append(w.Allowed, string(e))
		}
	}
	return w
}

func shownSheet(s trade.Sheet) wire.Sheet {
	return wire.Sheet{Allowed: []string{}, ID: s.ID, Agreement: s.Agreement, Direction: s.Direction, Line: s.Line, Root: s.Root, Rows: s.Rows, File: s.File, Size: s.Size,
		From: wire.Time(s.From), State: s.State, Base: s.Base, Proposed: act(s.Proposed), Acknowledged: done(s.Acknowledged), Accepted: done(s.Accepted), Why: s.Why,
		Raises: s.Raises, Effective: s.State == trade.SheetAccepted && s.From <= time.Now().UnixMilli()}
}

func (s *server) shownOrder(o order.Order) wire.Order {
	return wire.Order{ID: o.ID, Kind: o.Kind, Agreement: o.Agreement, Buyer: o.Buyer, Seller: o.Seller, Direction: usage.Direction{From: o.Buyer, To: o.Seller},
		Line: o.Spec.Line, Name: o.Spec.Name, Scope: o.Spec.Scope, Sheet: o.Sheet, From: wire.Time(o.From), Until: wire.Time(o.Until), State: string(o.State),
		Placed: act(o.Placed), Accepted: done(o.Accepted), Value: o.Value, Why: o.Why, Allowed: o.Allowed(s.self())}
}

func (s *server) shownImport(i clearing.Import) wire.Import {
	w := wire.Import{Number: i.Number, Name: i.Name, File: i.File, Size: i.Size, Read: i.Read, Accepted: i.Accepted, Rejected: i.Rejected,
		Duplicate: i.Duplicate, Format: i.Format, Rejects: i.Rejects, Repeated: i.Repeated, Held: s.hasFile(i.File), Sealed: i.Sealed, Time: wire.Time(i.Time)}
	for _, r := range i.Readings {
		w.Readings = append(w.Readings, wire.Reading{From: wire.Time(r.From), Normalisations: append([]agreement.Normalisation{}, r.Normalisations...)})
	}
	return w
}

func shownKept(k clearing.Kept) wire.Archived {
	return wire.Archived{Day: k.Day, Import: k.Import, Rows: k.Rows, File: k.File, Size: k.Size, Sealed: k.Sealed, Erased: wire.Time(k.Erased)}
}

func shownSummary(s clearing.Summary) wire.Summary {
	w := wire.Summary{Read: s.Read, Accepted: s.Accepted, Rejected: s.Rejected, Duplicate: s.Duplicate, Periods: s.Periods, Last: wire.Time(s.Last),
		Totals: make([]wire.Rated, len(s.Totals))}
	for i, t := range s.Totals {
		w.Totals[i] = wire.Rated(t)
	}
	return w
}

func shownException(e clearing.Exception) wire.Exception {
	return wire.Exception{Direction: e.Direction, Period: e.Period, Import: e.Import, Line: e.Line, Destination: e.Destination.String(),
		Start: wire.Time(e.Start), Code: e.Code}
}

func shownSuggestion(x clearing.Suggestion) wire.Suggestion {
	n := x.Normalisation
	w := wire.Suggestion{ID: x.ID, Agreement: x.Agreement, Carrier: n.Carrier, Trunk: n.Trunk, Kind: n.Kind, Strip: n.Strip, Add: n.Add, OffsetMillis: n.Offset,
		Calls: x.Calls, Shown: x.Shown, Of: x.Of, Sample: make([]wire.SignalRow, len(x.Sample)), From: wire.Time(x.From)}
	for i, r := range x.Sample {
		w.Sample[i] = wire.SignalRow{Import: r.Import, Line: r.Line}
	}
	return w
}

func shownSignal(x clearing.Signal) wire.Signal {
	w := wire.Signal{Number: x.Number, Kind: x.Kind, Severity: x.Severity, Direction: x.Direction, Destination: x.Destination, Trunk: x.Trunk, Period: x.Period,
		Calls: x.Calls, Of: x.Of, Expected: x.Expected, Origins: x.Origins, Sample: make([]wire.SignalRow, len(x.Sample)), Raised: wire.Time(x.Raised),
		State: string(x.State), By: x.By, Why: x.Why, At: wire.Time(x.At)}
	for i, r := range x.Sample {
		w.Sample[i] = wire.SignalRow{Import: r.File, Line: r.Line}
	}
	return w
}

func shownPeriod(p invoice.Period, self party.Code) wire.Period {
	allowed := []string{}
	// What is billed for products has no calls that could be rated again.
	if _, can := p.State.Next(invoice.PeriodCorrect); can && p.Direction.To == self && !strings.HasPrefix(p.Order, invoice.AccountPrefix) {
		allowed = append(allowed, string(invoice.PeriodCorrect))
	}
	return wire.Period{Order: p.Order, Interval: p.Interval, Direction: p.Direction, Agreement: p.Agreement, Terms: p.Terms, State: p.State,
		Requested: p.Requested, Seller: p.Seller, Buyer: p.Buyer, Opened: p.Opened, Waiting: p.Waiting, Open: p.Open,
		Invoices: orEmpty(p.Invoices), Stage: p.Stage, Deadline: wire.Time(p.Deadline), Allowed: allowed}
}

func shownInvoice(i invoice.Invoice) wire.Invoice {
	allowed := []string{}
	for _, e := range []invoice.Event{invoice.Accept, invoice.Dispute, invoice.Reject} {
		if _, can := i.State.Next(e); can && (e != invoice.Reject || i.Note != "") {
			allowed = append(allowed, string(e))
		}
	}
	return wire.Invoice{Allowed: allowed, ID: i.ID, Order: i.Order, Interval: i.Interval, Agreement: i.Agreement, Seller: i.Seller, Buyer: i.Buyer, Currency: i.Currency,
		Number: i.Number, Follows: i.Follows, Document: i.Document, Total: i.Total, Open: i.Open, OpenLines: i.OpenLines, Tolerated: i.Tolerated,
		Method: i.Method, Issued: wire.Time(i.Issued), Due: wire.Time(i.Due), State: i.State, Accepted: done(i.Accepted), Obligation: i.Obligation,
		Paid: i.Paid, Deadline: wire.Time(i.Deadline), Escalated: i.Escalated, Note: i.Note, Version: i.Version, Why: i.Why}
}

func shownDecision(d *dispute.Decision) *wire.Decision {
	if d == nil {
		return nil
	}
	return &wire.Decision{Calls: d.Calls, BilledSeconds: d.BilledSeconds, Amount: d.Amount, How: d.How, Invoice: d.Invoice,
		Proposed: done(d.Proposed), Accepted: done(d.Accepted), Height: d.Height, Time: wire.Time(d.Time)}
}

func shownDispute(d dispute.Dispute) wire.Dispute {
	w := wire.Dispute{ID: d.ID, Order: d.Order, Interval: d.Interval, Row: d.Row, Product: d.Product, Adjusts: d.Adjusts, Reason: d.Reason, Currency: d.Currency, Seller: d.Seller, Buyer: d.Buyer,
		Invoice: d.Invoice, State: d.State, Opened: wire.Time(d.Opened), By: d.By, Why: d.Why, Evidence: d.Evidence,
		Decision: shownDecision(d.Decision), Deadline: wire.Time(d.Deadline), Passed: d.Passed}
	if p := d.Proposal; p != nil {
		w.Proposal = &wire.Proposal{Calls: p.Calls, BilledSeconds: p.BilledSeconds, Amount: p.Amount, Act: act(p.Act)}
	}
	return w
}

func shownWaterfall(x clearing.Waterfall) wire.Waterfall {
	w := wire.Waterfall{Invoice: x.Invoice, Currency: x.Currency, Claimed: x.Claimed, Expected: x.Expected, Steps: make([]wire.WaterfallStep, len(x.Steps))}
	for i, s := range x.Steps {
		w.Steps[i] = wire.WaterfallStep{Cause: string(s.Cause), Amount: s.Amount, Calls: s.Calls, Disputes: make([]wire.CauseDispute, len(s.Disputes))}
		for k, d := range s.Disputes {
			w.Steps[i].Disputes[k] = wire.CauseDispute(d)
		}
	}
	return w
}

func shownLineCall(c clearing.LineCall) wire.LineCall {
	return wire.LineCall{Start: wire.Time(c.Start), RawMillis: uint64(c.RawMillis), BilledSeconds: c.BilledSeconds, Origin: c.Origin.String(), Destination: c.Destination.String(),
		Import: c.Import, Line: c.Line}
}

func shownEvidence(e clearing.Evidence) wire.Evidence {
	call := func(c *clearing.EvidenceCall) *wire.EvidenceCall {
		if c == nil {
			return nil
		}
		return &wire.EvidenceCall{Start: wire.Time(c.Start), RawMillis: uint64(c.RawMillis), BilledSeconds: c.BilledSeconds,
			Origin: c.Origin.String(), Destination: c.Destination.String()}
	}
	w := wire.Evidence{Dispute: e.Dispute, Items: make([]wire.EvidenceItem, len(e.Items))}
	for i, x := range e.Items {
		w.Items[i] = wire.EvidenceItem{Kind: string(x.Kind), Seller: call(x.Seller), Buyer: call(x.Buyer)}
	}
	return w
}

func shownTrial(x clearing.Trial) wire.Trial {
	o := x.Outcome
	w := wire.Trial{Calls: make([]wire.TriedCall, len(x.Calls)),
		Outcome: &wire.Outcome{Manual: o.Open, Figures: wire.Verdict{Calls: o.Calls, BilledSeconds: o.BilledSeconds}}}
	for i, c := range x.Calls {
		w.Calls[i] = wire.TriedCall{Facts: c.Facts, Answer: string(c.Answer)}
	}
	if c := o.Counter; c != nil {
		w.Outcome.Counter = &wire.Verdict{Calls: c.Calls, BilledSeconds: c.BilledSeconds}
	}
	return w
}

func shownReplay(x clearing.Replay) wire.Replay {
	w := wire.Replay{Periods: x.Periods, Lines: x.Lines, Missing: x.Missing, Manual: x.Manual, More: x.More, Answers: map[string]uint64{},
		Sums: make([]wire.Replayed, len(x.Sums)), Calls: make([]wire.TriedCall, len(x.Sample)), Cases: []wire.TriedCall{}}
	for a, n := range x.Calls {
		w.Answers[string(a)] = n
	}
	for i, r := range x.Sums {
		w.Sums[i] = wire.Replayed(r)
	}
	for i, c := range x.Sample {
		w.Calls[i] = wire.TriedCall{Facts: c.Facts, Answer: string(c.Answer)}
	}
	return w
}

func shownNetting(n settlement.Netting) wire.Netting {
	w := wire.Netting{ID: n.ID, Proposer: n.Proposer, Invoices: orEmpty(n.Invoices), Sums: make([]wire.Sum, len(n.Sums)), State: n.State,
		Proposed: act(n.Proposed), Accepted: done(n.Accepted)}
	for i, s := range n.Sums {
		w.Sums[i] = wire.Sum{Currency: s.Currency, Gross: s.Gross[:], Net: s.Net, Payer: s.Payer, Payee: s.Payee}
	}
	return w
}

func shownObligation(o settlement.Obligation) wire.Obligation {
	w := wire.Obligation{ID: o.ID, Netting: o.Netting, Invoices: orEmpty(o.Invoices), Payer: o.Payer, Payee: o.Payee, Amount: o.Amount, Method: o.Method,
		Due: wire.Time(o.Due), State: o.State, Late: o.Late, Receipt: done(o.Receipt), Deadline: wire.Time(o.Deadline), Passed: o.Passed,
		Paid: o.Paid, Netted: o.Netted, Round: o.Round, Credited: o.Credited, Carried: o.Carried, Brought: o.Brought, Left: o.Left().Micro}
	if o.Hold != (settlement.Hold{}) {
		w.Hold = &wire.Hold{Why: o.Hold.Why, Act: act(o.Hold.Act)}
	}
	if o.Payment != (settlement.Payment{}) {
		w.Payment = &wire.Payment{Method: o.Payment.Method, Reference: o.Payment.Reference, PaidAt: wire.Time(o.Payment.PaidAt), Act: act(o.Payment.Act), Whole: o.Payment.Whole, Part: o.Payment.Part}
	}
	return w
}

func shownJournal(j settlement.Journal) wire.Journal {
	return wire.Journal{Number: j.Number, Cause: j.Cause, Subject: j.Subject, Postings: orEmpty(j.Postings), Height: j.Height, Time: wire.Time(j.Time)}
}

func shownCredit(x trade.Trusted) (wire.Credit, error) {
	rest, err := x.Allocation.Sub(x.Total)
	c := wire.Credit{Payer: x.Payer, Payee: x.Payee, Agreement: x.Agreement, Currency: x.Currency, State: x.State, Exposure: x.Total, Allocation: x.Allocation,
		Available: rest, Warn: x.Warn, Beyond: x.Beyond, Score: x.History.Score(), HistoryDays: x.History.Days(), Invoices: len(x.History), Terms: x.Terms.String(),
		Parts: x.Exposure, AtRisk: x.AtRisk, Ceiling: x.Ceiling, Deposit: x.Deposit, History: make([]wire.CreditInvoice, len(x.History))}
	for i, p := range x.History {
		c.History[i] = wire.CreditInvoice{Invoice: p.Invoice, Issued: wire.Time(p.Issued), Due: wire.Time(p.Due), Received: wire.Time(p.Received), Late: p.Late}
	}
	return c, err
}

func shownEntry(e channel.Entry) wire.Entry {
	w := wire.Entry{Cursor: e.Next.String(), Height: uint64(e.Position.Height), Index: e.Position.Index, Time: wire.Time(e.Time), Sender: e.Sender,
		Envelope: e.Envelope, Code: e.Code, Receipts: make([]wire.Receipt, len(e.Outcomes))}
	for i, o := range e.Outcomes {
		o.Position = e.Position
		w.Receipts[i] = receipt(o)
	}
	for _, n := range e.Notes {
		w.Notes = append(w.Notes, wire.Note{Kind: n.Kind, Code: n.Code})
	}
	return w
}

func shownEvent(e channel.Entry, o channel.Outcome, i int, id string) wire.Event {
	ev := o.Events[i]
	return wire.Event{ID: id, Kind: ev.Kind, Subject: ev.Subject, Detail: ev.Detail, Height: uint64(e.Position.Height), Time: wire.Time(e.Time), Command: o.Kind}
}

// orEmpty gives a list that is shown as [] when it is empty.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
