package native_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/document"
	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/clearing"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/usage"
)

var limits = []money.Amount{{Currency: "USD", Micro: 1_000_000_000_000}}

const rates = `destination,prefix,rate,currency,unit_seconds,minimum_seconds,increment_seconds,valid_from,valid_to
Germany,49,0.0120,USD,60,0,1,2026-01-01T00:00:00Z,
France,33,0.0240,USD,60,0,1,2026-01-01T00:00:00Z,
`

const callsHeader = "call_id,originating_number,destination_number,start_time,duration_ms,result,carrier_from,carrier_to,trunk\n"

// Two calls on which both agree, one on whose length they differ by more than
// the rule decides, and one that no row prices.
const (
	ours = callsHeader +
		"a1,41443334455,4930123456,2026-02-01T00:10:00Z,60000,success,ALPHA,BRAVO,t1\n" +
		"a2,41443334456,4930123457,2026-02-01T00:20:00Z,120000,success,ALPHA,BRAVO,t1\n" +
		"a3,41443334457,33144556677,2026-02-01T00:30:00Z,60000,success,ALPHA,BRAVO,t1\n" +
		"a4,41443334458,81312345678,2026-02-01T00:40:00Z,60000,success,ALPHA,BRAVO,t1\n" +
		"a5,not,enough\n"
	theirs = callsHeader +
		"b1,41443334455,4930123456,2026-02-01T00:10:00Z,60000,success,ALPHA,BRAVO,u1\n" +
		"b2,41443334456,4930123457,2026-02-01T00:20:00Z,120000,success,ALPHA,BRAVO,u1\n" +
		"b3,41443334457,33144556677,2026-02-01T00:30:00Z,90000,success,ALPHA,BRAVO,u1\n"
)

func legal() agreement.Legal {
	return agreement.Legal{Document: canon.Hash{1}, GoverningLaw: "Swiss", Jurisdiction: "Geneva", Indemnity: "mutual", Liability: "limited",
		ForceMajeure: "usual", Taxes: "each its own", Term: "open", Obligations: "as annexed", Definitions: "as in MEF 114"}
}

func millis(s string) wire.Time {
	return wire.Time(must(time.Parse(time.RFC3339, s)).UnixMilli())
}

// contracted agrees on terms, a sheet and an order, all by the API.
func contracted(t *testing.T, w *world) (order string) {
	t.Helper()
	ctx := within(t)
	alpha, bravo := w.sides["ALPHA"], w.sides["BRAVO"]
	terms, err := alpha.client(api.Clerk).DefaultTerms(ctx)
	if err != nil {
		t.Fatal(err)
	}
	terms.PastPeriods, terms.Netting, terms.GraceMillis = true, false, 0
	pm, them := alpha.as(api.ProductManager), bravo.as(api.ProductManager)
	a, err := pm.ProposeAgreement(ctx, wire.ProposeAgreement{ID: "MSA-1", Type: agreement.MSA, Legal: legal(), Lines: []product.Line{"voice"},
		From: millis("2026-01-01T00:00:00Z"), Terms: terms})
	if err != nil {
		t.Fatal(err)
	}
	if a.Record.State != agreement.Proposed || a.Receipt.Kind != trade.KindAgreementPropose || a.Receipt.Height == 0 {
		t.Fatalf("proposed: %+v", a)
	}
	var read wire.Agreement
	eventually(t, "the other side has the proposal", func() bool {
		read, err = them.Agreement(ctx, "MSA-1")
		return fault.CodeOf(err) != fault.NotFound
	})
	if err != nil || read.Pending == nil || read.Pending.Terms == nil || read.Pending.Terms.Hash() != terms.Hash() {
		t.Fatalf("the other side reads %+v, %v", read.Pending, err)
	}
	if a, err = them.AcceptAgreement(ctx, "MSA-1", read.Pending.Hash); err != nil || a.Record.State != agreement.Active {
		t.Fatalf("accepted: %+v %v", a.Record, err)
	}
	alpha.clear(clearing.Automatic{Rate: true})
	bravo.clear(clearing.Automatic{Rate: true})
	sheet, err := them.ProposeSheet(ctx, usage.Direction{From: "ALPHA", To: "BRAVO"}, 0, strings.NewReader(rates))
	if err != nil {
		t.Fatal(err)
	}
	// The buyer's node may have acknowledged it by now.
	if sheet.Record.Rows != 2 || sheet.Record.State != trade.SheetProposed && sheet.Record.State != trade.SheetAcknowledged {
		t.Fatalf("sheet: %+v", sheet.Record)
	}
	// The buyer's replica may be a block behind, and a refused call gives no sheet.
	proposal := sheet.Record.ID
	eventually(t, "the sheet is acceptable", func() bool {
		sheet, err = pm.AcceptSheet(ctx, proposal)
		return err == nil
	})
	if sheet.Record.State != trade.SheetAccepted || sheet.Receipt.Height == 0 {
		t.Fatalf("sheet: %+v", sheet)
	}
	if data, err := pm.SheetFile(ctx, sheet.Record.ID); err != nil || string(data) != rates {
		t.Fatalf("the sheet's file is %q, %v", data, err)
	}
	place := wire.PlaceOrder{Kind: "standing", Agreement: "MSA-1", Sheet: sheet.Record.ID, Line: "voice", From: millis("2026-01-01T00:00:00Z"),
		Value: []money.Amount{{Currency: "USD", Micro: 100e6}}}
	placed, err := pm.PlaceOrder(ctx, place, "key-1")
	if err != nil || placed.Repeated {
		t.Fatalf("placed: %+v, %v", placed, err)
	}
	again, err := pm.PlaceOrder(ctx, place, "key-1")
	if err != nil || !again.Repeated || again.Record.ID != placed.Record.ID {
		t.Fatalf("placed again: %+v, %v", again, err)
	}
	place.From++
	if _, err := pm.PlaceOrder(ctx, place, "key-1"); fault.CodeOf(err) != fault.Conflict {
		t.Fatalf("another request with the same key gives %v", err)
	}
	var accepted wire.Done[wire.Order]
	eventually(t, "the order is there to be accepted", func() bool {
		accepted, err = them.MoveOrder(ctx, placed.Record.ID, "accept", "")
		return fault.CodeOf(err) != fault.NotFound
	})
	if err != nil || accepted.Record.State != "inProgress" {
		t.Fatalf("order: %+v, %v", accepted.Record, err)
	}
	return placed.Record.ID
}

// TestThePairSettlesByTheAPIAlone goes from nothing to a paid invoice with a
// decided dispute, using the Go client only.
func TestThePairSettlesByTheAPIAlone(t *testing.T) {
	w := opened(t)
	order := contracted(t, w)
	ctx := within(t)
	alpha, bravo := w.sides["ALPHA"], w.sides["BRAVO"]

	// Events are read from the beginning, by one reader that lives through it all.
	heard := listen(t, alpha.as(api.Auditor), "0")

	in, err := alpha.as(api.Engineer).ImportUsage(ctx, "ours.csv", strings.NewReader(ours))
	if err != nil {
		t.Fatal(err)
	}
	if in.Read != 5 || in.Accepted != 4 || in.Rejected != 1 || len(in.Rejects) != 1 || in.Rejects[0].Line != 6 {
		t.Fatalf("imported: %+v", in)
	}
	if in, err := alpha.as(api.Engineer).ImportUsage(ctx, "again.csv", strings.NewReader(ours)); err != nil || !in.Repeated {
		t.Fatalf("the same file again: %+v, %v", in, err)
	}
	if _, err := bravo.as(api.Engineer).ImportUsage(ctx, "theirs.csv", strings.NewReader(theirs)); err != nil {
		t.Fatal(err)
	}
	for _, s := range w.sides {
		if _, err := s.as(api.Engineer).Close(ctx, 0); err != nil {
			t.Fatal(err)
		}
	}
	sum, err := alpha.as(api.Clerk).Summary(ctx)
	if err != nil || sum.Accepted != 4 || len(sum.Totals) != 1 || sum.Totals[0].Amount.String() != "0.060000" {
		t.Fatalf("summary: %+v, %v", sum, err)
	}
	period := usage.Interval{From: int64(millis("2026-02-01T00:00:00Z")), To: int64(millis("2026-02-01T01:00:00Z"))}

	// The line to France differs by 30 s: people decide.
	if today, err := alpha.client(api.Auditor).Today(ctx); err != nil || len(today.Disputes) > 1 { // what follows is told by events
		t.Fatalf("today: %+v, %v", today, err)
	}
	var open []wire.Dispute
	eventually(t, "the differing line waits for people", func() bool {
		open, err = client.Collect(alpha.as(api.Clerk).Disputes(ctx, client.Filter{"people": "true"}))
		return err == nil && len(open) == 1
	})
	d := open[0]
	today, err := alpha.client(api.Auditor).Today(ctx)
	if err != nil || len(today.Disputes) != 1 || today.Disputes[0].Waiting != 1 || today.Disputes[0].Ours != 1 || len(today.Cycles) != 1 || len(today.Cycles[0].States) == 0 ||
		len(today.Rejected) != 1 || today.Rejected[0] != (wire.RejectedRows{Partner: "BRAVO", Rejected: 1}) {
		t.Fatalf("today: %+v, %v", today, err)
	}
	if d.Seller.BilledSeconds != 90 || d.Buyer.BilledSeconds != 60 || d.Order != order || d.Interval != period {
		t.Fatalf("dispute: %+v", d)
	}
	ev, err := alpha.as(api.Clerk).Evidence(ctx, d.ID)
	if err != nil || len(ev.Items) != 1 || ev.Items[0].Seller == nil || ev.Items[0].Buyer == nil ||
		ev.Items[0].Seller.RawMillis != 90000 || ev.Items[0].Buyer.Destination != "33144556677" {
		t.Fatalf("evidence: %+v, %v", ev, err)
	}
	lines, err := client.Collect(alpha.as(api.Auditor).Lines(ctx, order, period, nil))
	if err != nil || len(lines) != 2 {
		t.Fatalf("lines: %+v, %v", lines, err)
	}
	differing, err := client.Collect(alpha.as(api.Auditor).Lines(ctx, order, period, client.Filter{"differing": "true"}))
	if err != nil || len(differing) != 1 || differing[0].Dispute != d.ID {
		t.Fatalf("differing lines: %+v, %v", differing, err)
	}
	diffs, err := client.Collect(alpha.as(api.Auditor).Differences(ctx, client.Filter{"open": "true"}))
	if err != nil || len(diffs) != 1 || diffs[0].Amount.String() != "0.012000" || diffs[0].Direction.String() != "ALPHA>BRAVO" {
		t.Fatalf("differences: %+v, %v", diffs, err)
	}
	exceptions, err := client.Collect(alpha.as(api.Clerk).Exceptions(ctx))
	if err != nil || len(exceptions) != 1 || exceptions[0].Line != 5 {
		t.Fatalf("exceptions: %+v, %v", exceptions, err)
	}

	records := refuseErasing(t, alpha, order, period, in.File)

	first := awaitInvoice(t, alpha, client.Filter{"state": "issued"})
	if first.Total.String() != "0.036000" || first.Open.String() != "0.036000" || first.OpenLines != 1 {
		t.Fatalf("invoice: %+v", first)
	}
	fall, err := alpha.as(api.Clerk).Waterfall(ctx, first.ID)
	if err != nil || fall.Claimed.String() != "0.072000" || fall.Expected.String() != "0.060000" || len(fall.Steps) != 1 || fall.Steps[0].Cause != "duration" ||
		fall.Steps[0].Amount.String() != "-0.012000" || fall.Steps[0].Calls != 1 || len(fall.Steps[0].Disputes) != 1 || fall.Steps[0].Disputes[0].ID != d.ID {
		t.Fatalf("waterfall: %+v, %v", fall, err)
	}
	calls, err := client.Collect(alpha.as(api.Clerk).Calls(ctx, order, period, client.Filter{"row": fmt.Sprint(d.Row)}))
	if err != nil || len(calls) != 1 || calls[0].Destination != "33144556677" || calls[0].BilledSeconds != 60 || calls[0].RawMillis != 60000 {
		t.Fatalf("calls: %+v, %v", calls, err)
	}
	for day, n := range map[string]int{usage.Stamp(period.From)[:10]: 1, "2001-01-01": 0} {
		if calls, err := client.Collect(alpha.as(api.Clerk).Calls(ctx, order, period, client.Filter{"row": fmt.Sprint(d.Row), "day": day})); err != nil || len(calls) != n {
			t.Fatalf("calls of %s: %+v, %v", day, calls, err)
		}
	}
	assigned, err := alpha.as(api.Clerk).AssignDispute(ctx, d.ID, wire.AssignDispute{To: "mara", Why: "your switch"})
	if err != nil || assigned.Assigned == nil || assigned.Assigned.To != "mara" || !slices.Equal(assigned.Allowed, []string{"propose"}) {
		t.Fatalf("assigned: %+v, %v", assigned, err)
	}
	mine, err := client.Collect(alpha.as(api.Clerk).Disputes(ctx, client.Filter{"assigned": "mara"}))
	if err != nil || len(mine) != 1 || mine[0].ID != d.ID {
		t.Fatalf("assigned to mara: %+v, %v", mine, err)
	}
	accepted, err := alpha.as(api.Finance).AcceptInvoice(ctx, first.ID, first.Document)
	if err != nil || accepted.Record.State != invoice.Partial {
		t.Fatalf("accepted: %+v, %v", accepted.Record, err)
	}
	haggle(t, alpha, bravo, d.ID)
	decided, err := bravo.as(api.Clerk).AcceptDecision(ctx, d.ID, &wire.Verdict{Calls: 1, BilledSeconds: 75})
	if err != nil || decided.Record.State != dispute.Resolved || decided.Record.Decision.Amount.String() != "0.030000" {
		t.Fatalf("decided: %+v, %v", decided.Record, err)
	}
	counts, err := alpha.as(api.Auditor).DisputeCounts(ctx)
	if err != nil || counts.Opened != 1 || counts.Manual != 1 || counts.ResolvedAutomatically != 0 {
		t.Fatalf("counts: %+v, %v", counts, err)
	}

	// Both invoices are paid, and the money confirmed.
	eventually(t, "two debts", func() bool {
		all, err := client.Collect(alpha.as(api.Finance).Obligations(ctx, client.Filter{"state": "owed"}))
		return err == nil && len(all) == 2
	})
	for o, err := range alpha.as(api.Finance).Obligations(ctx, client.Filter{"state": "owed"}) {
		if err != nil {
			t.Fatal(err)
		}
		one, err := alpha.as(api.Finance).Obligation(ctx, o.ID)
		if err != nil || one.Payable == nil {
			t.Fatalf("what is to be paid: %+v, %v", one, err)
		}
		paid := *one.Payable // whole cents
		advised, err := alpha.as(api.Finance).Advise(ctx, o.ID, wire.Advise{Amount: paid, Method: o.Method, Reference: "bank " + o.ID, PaidAt: millis("2026-03-01T00:00:00Z")})
		if err != nil || advised.Record.State != settlement.Advised || advised.Record.Payment.Reference != "bank "+o.ID {
			t.Fatalf("advised: %+v, %v", advised.Record, err)
		}
		confirmed, err := bravo.as(api.Finance).Confirm(ctx, o.ID, wire.Confirm{Amount: paid})
		if err != nil || confirmed.Record.State != settlement.Settled {
			t.Fatalf("confirmed: %+v, %v", confirmed.Record, err)
		}
	}
	for _, s := range w.sides { // BRAVO has confirmed; ALPHA's replica hears of it a moment later
		eventually(t, "the period is closed", func() bool {
			p, err := s.as(api.Clerk).Period(ctx, order, period)
			if err != nil || p.State != invoice.PeriodClosed {
				return false
			}
			// The seller alone may rate it again.
			if seller := s.code == p.Direction.To; seller != slices.Equal(p.Allowed, []string{"correct"}) || !seller && len(p.Allowed) > 0 {
				t.Errorf("%s may do %q about a closed period %s", s.code, p.Allowed, p.Direction)
			}
			return true
		})
	}
	for _, s := range w.sides {
		totals, err := s.as(api.Auditor).Totals(ctx)
		if err != nil || len(totals) != 1 || totals[0].Invoiced.String() != "0.066000" || totals[0].Settled != totals[0].Invoiced || totals[0].Disputed != 0 {
			t.Fatalf("totals: %+v, %v", totals, err)
		}
	}
	checkExports(t, alpha, first.ID)
	checkBooks(t, alpha)
	checkErasing(t, alpha, d.ID, records)
	heard.expect("agreement.active", "order.placed", "invoice.issued", "dispute.resolved", "period.closed")
}

func awaitInvoice(t *testing.T, s *side, f client.Filter) (inv wire.Invoice) {
	t.Helper()
	ctx := within(t)
	eventually(t, "an invoice", func() bool {
		all, err := client.Collect(s.as(api.Finance).Invoices(ctx, f))
		if err != nil || len(all) == 0 {
			return false
		}
		inv = all[0]
		return true
	})
	return inv
}

// checkExports sees that JSON, HTML, canonical bytes and proof are of one
// document.
func checkExports(t *testing.T, s *side, id string) {
	t.Helper()
	ctx := within(t)
	p := s.as(api.Finance)
	raw, err := p.InvoiceCanonical(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	for name, get := range map[string]func(context.Context, string) ([]byte, error){"json": p.InvoiceJSON, "html": p.InvoiceHTML} {
		data, err := get(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		canonical, err := document.Parse(data)
		if err != nil || string(canonical) != string(raw) {
			t.Errorf("the %s does not give the canonical bytes: %v", name, err)
		}
	}
	if _, err := p.InvoiceJSON(ctx, "no-such"); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("an unknown invoice gives %v", err)
	}
	if _, err := s.as(api.Engineer).Anchor(ctx); err != nil {
		t.Fatal(err)
	}
	proof, err := p.InvoiceProof(ctx, id)
	if err != nil || !strings.Contains(string(proof), string(raw)) {
		t.Errorf("the proof does not hold the document's bytes: %v", err)
	}
	anchors, err := client.Collect(p.Anchors(ctx))
	if err != nil || len(anchors) == 0 {
		t.Errorf("anchors: %v, %v", anchors, err)
	}
}

// checkBooks reads the lists that remain: journal, balances, log.
func checkBooks(t *testing.T, s *side) {
	t.Helper()
	ctx := within(t)
	p := s.as(api.Auditor)
	balances, err := client.Collect(p.Balances(ctx))
	if err != nil || len(balances) == 0 {
		t.Fatalf("balances: %v, %v", balances, err)
	}
	sums := map[money.Currency]money.Micro{}
	for _, b := range balances {
		if b.Account.Party == "" || b.Account.Purpose == "" {
			t.Errorf("an account without a name: %+v", b)
		}
		sums[b.Account.Currency] += b.Amount
	}
	for c, sum := range sums {
		if sum != 0 {
			t.Errorf("the balances in %s sum to %s", c, sum)
		}
	}
	journal, err := client.Collect(p.Journal(ctx))
	if err != nil || len(journal) == 0 || journal[0].Number != 1 {
		t.Errorf("journal: %v, %v", journal, err)
	}
	log, err := client.Collect(p.Log(ctx, nil))
	if err != nil || len(log) == 0 {
		t.Fatalf("log: %v, %v", log, err)
	}
	short, err := client.Collect(p.Log(ctx, client.Filter{"limit": "3"}))
	if err != nil || len(short) != len(log) {
		t.Errorf("in pages of three the log has %d entries, not %d: %v", len(short), len(log), err)
	}
	orders, err := client.Collect(p.Log(ctx, client.Filter{"kind": "order.place"}))
	if err != nil || len(orders) == 0 || orders[0].Receipts == nil {
		t.Errorf("log of orders: %v, %v", orders, err)
	}
	st, err := s.client(api.Auditor).Status(ctx)
	if err != nil || st.Carrier != s.code || len(st.Bilaterals) != 1 || st.Bilaterals[0].State != "open" || st.Bilaterals[0].Attested == 0 || st.Finality.P99 != 2.5 {
		t.Errorf("status: %+v, %v", st, err)
	}
	metrics, err := s.client(api.Engineer).Metrics(ctx)
	if err != nil || !strings.Contains(string(metrics), `lateral_periods{partner="BRAVO",state="closed"}`) || !strings.Contains(string(metrics), "lateral_api_request_seconds") || !strings.Contains(string(metrics), `lateral_signals{partner="BRAVO",severity="high"} 0`) {
		t.Errorf("metrics lack the periods, the signals or the requests: %v\n%s", err, metrics)
	}
}

// reader collects events in the background.
type reader struct {
	t    *testing.T
	seen chan wire.Event
	all  map[string]bool
	ids  map[string]bool
}

func listen(t *testing.T, p *client.Partner, from string) *reader {
	ctx, cancel := context.WithCancel(context.Background())
	r := &reader{t: t, seen: make(chan wire.Event, 4096), all: map[string]bool{}, ids: map[string]bool{}}
	ended := make(chan struct{})
	t.Cleanup(func() { cancel(); <-ended })
	go func() {
		defer close(ended)
		for e, err := range p.Events(ctx, from) {
			if err != nil {
				if !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				return
			}
			select {
			case r.seen <- e:
			case <-ctx.Done():
				return
			}
		}
	}()
	return r
}

// expect waits until events of all kinds have come, none of them twice.
func (r *reader) expect(kinds ...string) {
	r.t.Helper()
	deadline := time.After(time.Minute)
	for _, k := range kinds {
		for !r.all[k] {
			select {
			case e := <-r.seen:
				if r.ids[e.ID] {
					r.t.Errorf("the event %s came twice", e.ID)
				}
				r.ids[e.ID], r.all[e.Kind] = true, true
			case <-deadline:
				r.t.Fatalf("no event %s came", k)
			}
		}
	}
}

// haggle has two people of ALPHA decide a dispute at once, and each side answer the
// other's offer by one of its own. In the end ALPHA offers 75 seconds.
func haggle(t *testing.T, alpha, bravo *side, id string) {
	t.Helper()
	ctx := t.Context()
	none := ""
	offer := func(s *side, seconds uint64, seen *string) (string, error) {
		x, err := s.as(api.Clerk).ProposeDecision(ctx, id, wire.ProposeDecision{Calls: 1, BilledSeconds: seconds, Why: "so it is", Seen: seen})
		if err != nil {
			return "", err
		}
		return x.Record.Proposal.Act.Command.String(), nil
	}
	hears := func(s *side, command string) {
		t.Helper()
		eventually(t, "the offer", func() bool {
			x, err := s.as(api.Clerk).Dispute(ctx, id)
			return err == nil && x.Proposal != nil && x.Proposal.Act.Command.String() == command && slices.Equal(x.Allowed, []string{"counter", "accept", "reject"})
		})
	}
	first, err := offer(alpha, 70, &none)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := offer(alpha, 60, &none); fault.CodeOf(err) != fault.Conflict {
		t.Fatalf("a colleague who had not seen the offer: %v", err)
	}
	hears(bravo, first)
	if _, err := offer(bravo, 80, nil); fault.CodeOf(err) != fault.Conflict {
		t.Fatalf("an offer over the partner's: %v", err)
	}
	second, err := offer(bravo, 80, &first)
	if err != nil {
		t.Fatal(err)
	}
	hears(alpha, second)
	if _, err := offer(alpha, 75, &second); err != nil {
		t.Fatal(err)
	}
}

// refuseErasing sees that no file is erased while clearing needs it, and gives
// those of the period's delivered records, and the import's, which is archived.
func refuseErasing(t *testing.T, s *side, order string, period usage.Interval, imported canon.Hash) []canon.Hash {
	t.Helper()
	ctx := within(t)
	p, err := s.as(api.Clerk).Period(ctx, order, period)
	if err != nil || p.Seller.Delivered.IsZero() || p.Buyer.Delivered.IsZero() {
		t.Fatalf("the period is %+v, %v", p, err)
	}
	if len(p.Allowed) > 0 {
		t.Errorf("what may be done about a period that is not agreed yet: %q", p.Allowed)
	}
	sheets, err := client.Collect(s.as(api.Clerk).Sheets(ctx, nil))
	if err != nil || len(sheets) != 1 {
		t.Fatalf("sheets: %+v, %v", sheets, err)
	}
	kept, err := client.Collect(s.as(api.Clerk).Archive(ctx))
	if err != nil || len(kept) == 0 || kept[0].Import != 1 || kept[0].Rows == 0 || kept[0].Sealed || kept[0].Erased != 0 {
		t.Fatalf("the archive has %+v, %v", kept, err)
	}
	for day, code := range map[string]fault.Code{kept[0].Day: fault.Refused, "1999-12-31": fault.NotFound, "yesterday": fault.Invalid} {
		if _, err := s.as(api.Administrator).EraseRecords(ctx, day); fault.CodeOf(err) != code || fault.Of(err).Field != "day" {
			t.Errorf("erasing the records of %s gives %v, want %s", day, err, code)
		}
	}
	for name, c := range map[string]struct {
		file canon.Hash
		why  string
	}{
		"the seller's records": {p.Seller.Delivered, "dispute"}, "the buyer's records": {p.Buyer.Delivered, "dispute"},
		"a day of an import": {kept[0].File, "import 1"}, "a sheet": {sheets[0].File, "sheet"},
	} {
		err := s.client(api.Administrator).EraseFile(ctx, c.file)
		if f := fault.Of(err); f.Code != fault.Refused || f.Field != "hash" || f.Remedy == "" || !strings.Contains(f.Detail, c.why) {
			t.Errorf("erasing %s gives %v", name, err)
		}
		if !s.blobs.Has(c.file) {
			t.Errorf("%s is gone", name)
		}
	}
	return []canon.Hash{p.Seller.Delivered, p.Buyer.Delivered, imported}
}

// checkErasing erases what is not needed once a period is closed, and sees that they are
// gone and that it is known who did it.
func checkErasing(t *testing.T, s *side, dispute string, records []canon.Hash) {
	t.Helper()
	ctx := within(t)
	admin := s.client(api.Administrator)
	held := func() bool {
		all, err := client.Collect(s.as(api.Clerk).Imports(ctx))
		if err != nil || len(all) != 1 || all[0].File != records[2] {
			t.Fatalf("imports: %+v, %v", all, err)
		}
		return all[0].Held
	}
	if !held() {
		t.Error("an imported file is said not to be here")
	}
	for _, file := range records {
		if err := admin.EraseFile(ctx, file); err != nil {
			t.Errorf("erasing what is not needed once the period is closed: %v", err)
		}
		if s.blobs.Has(file) {
			t.Error("the file is still there")
		}
		if err := admin.EraseFile(ctx, file); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("erasing a file twice gives %v", err)
		}
		found := false
		for line := range strings.Lines(s.w.logs.String()) {
			found = found || strings.Contains(line, "file erased") && strings.Contains(line, file.String()) && strings.Contains(line, `"who":"the administrator"`)
		}
		if !found {
			t.Error("the log does not tell who erased the file")
		}
	}
	if held() {
		t.Error("an erased file is said to be here")
	}
	ev, err := s.as(api.Clerk).Evidence(ctx, dispute)
	// The numbers are those of this side's own records.
	if err != nil || len(ev.Items) != 1 || ev.Items[0].Buyer == nil || ev.Items[0].Buyer.Destination != "33144556677" {
		t.Errorf("after the erasure the evidence is %+v, %v", ev, err)
	}
}
