package clearing

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/exchange"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/usage"
)

func faultCode(err error) fault.Code { return fault.CodeOf(err) }

// row is a call of the test's day, from ALPHA to BRAVO unless it goes back.
func row(id, start string, ms int) string {
	return call_(id, "41440000001", "12125550100", "2026-11-02T"+start+"Z", ms, "ALPHA", "BRAVO")
}

func back(id, start string, ms int) string {
	return call_(id, "41440000001", "12125550100", "2026-11-02T"+start+"Z", ms, "BRAVO", "ALPHA")
}

// take imports calls into a side's book.
func (s *side) take(rows ...string) Import {
	s.w.t.Helper()
	in, err := s.desk.ImportUsage(s.w.context(), "calls.csv", "", strings.NewReader(header+strings.Join(rows, "")))
	s.w.must(err)
	return in
}

// through closes both sides' periods.
func (w *world) through(clock string) {
	w.t.Helper()
	for _, s := range w.sides {
		w.must(s.desk.CloseThrough(w.context(), at(w.t, clock)))
	}
}

// quiet waits until neither desk has anything to do and both have the same
// state.
func (w *world) quiet() {
	w.t.Helper()
	still := 0
	w.until("both desks are quiet and have one state", func() bool {
		a, b := w.sides[0], w.sides[1]
		if !a.desk.Busy() && !b.desk.Busy() && a.channel.Root() == b.channel.Root() {
			still++
		} else {
			still = 0
		}
		return still > 5
	})
}

// totals gives both sides' totals, which are the same.
func (w *world) totals() string {
	w.t.Helper()
	var out [2]string
	for i, s := range w.sides {
		s.view(func(v trade.View) {
			w.must(trade.CheckJournal(v))
			totals, err := v.Totals()
			w.must(err)
			out[i] = fmt.Sprint(totals)
		})
	}
	if out[0] != out[1] {
		w.t.Fatalf("totals differ: %s and %s", out[0], out[1])
	}
	return out[0]
}

// settled waits until an amount is invoiced and settled in the direction
// ALPHA>BRAVO, without anything open.
func (w *world) settled(want string) {
	w.t.Helper()
	for _, s := range w.sides {
		w.until("everything is settled at "+want, func() (ok bool) {
			s.view(func(v trade.View) {
				totals, err := v.Totals()
				w.must(err)
				for _, x := range totals {
					if x.Direction.From == "ALPHA" {
						ok = x.Invoiced.String() == want && x.Settled == x.Invoiced && x.Disputed == 0
					}
				}
			})
			return ok
		})
	}
}

// disputes lists all disputes.
func (s *side) disputes() (out []dispute.Dispute) {
	s.view(func(v trade.View) {
		for x := range v.Disputes() {
			out = append(out, x)
		}
	})
	return out
}

func (s *side) period(direction usage.Direction, p usage.Interval) (out invoice.Period, ok bool) {
	s.view(func(v trade.View) {
		for o := range v.Orders() {
			if o.Buyer == direction.From {
				for x := range v.Periods(o.ID) {
					if x.Interval == p {
						out, ok = x, true
					}
				}
			}
		}
	})
	return out, ok
}

var forth = usage.Direction{From: "ALPHA", To: "BRAVO"}

func (s *side) problem(code fault.Code) (Problem, bool) {
	for _, p := range s.desk.Problems() {
		if p.Code == code {
			return p, true
		}
	}
	return Problem{}, false
}

// Calls whose end lies within the start tolerance of an edge follow the
// seller's record into its period, in both directions, with a withheld origin
// too, and whether a side closes its periods at once or one by one.
func TestTheBuyersCallFollowsTheSellersOverAnEdge(t *testing.T) {
	t.Parallel()
	for _, by := range []agreement.PeriodBy{agreement.ByEnd, agreement.ByStart} {
		w := newWorld(t, func(x *agreement.Terms) { x.PeriodBy = by })
		w.sheets(rates)
		// Whichever moment decides lies on either side of an edge at the two.
		early, late := "59:58", "00:01"
		if by == agreement.ByEnd {
			early, late = "58:58", "59:01" // and a minute long
		}
		hidden := func(id, start string) string {
			return call_(id, "", "12125550100", "2026-11-02T"+start+"Z", 60_000, "ALPHA", "BRAVO")
		}
		hour := func(h int, clock string) string {
			if by == agreement.ByStart && clock == late {
				h++
			}
			return fmt.Sprintf("%02d:%s", h, clock)
		}
		w.sides[0].take(row("1", hour(9, early), 60_000), back("2", hour(10, late), 60_000), hidden("3", hour(11, early)))
		w.sides[1].take(row("1", hour(9, late), 60_000), back("2", hour(10, early), 60_000), row("3", hour(11, late), 60_000))
		for _, clock := range []string{"09:00:00", "10:00:00", "11:00:00", "12:00:00", "14:00:00"} {
			w.must(w.sides[0].desk.CloseThrough(w.context(), at(t, clock)))
		}
		w.must(w.sides[1].desk.CloseThrough(w.context(), at(t, "14:00:00")))
		w.settled("0.200000")
		w.quiet()
		if d := w.sides[0].disputes(); len(d) != 0 {
			t.Errorf("by %s: calls at an edge were disputed: %+v", by, d)
		}
		if _, ok := w.sides[0].period(forth, span(t, "09:00:00", "10:00:00")); ok {
			t.Errorf("by %s: the buyer's call stayed in its own period", by)
		}
	}
}

// Where rates begin, change and end a call is priced by the row valid at its start
// by the seller's record, in both directions and wherever in its period it lies.
// Where only one of the two records finds a row, the buyer's call follows before
// the statements; where they find two rows, the lines differ and the agreed rule
// decides. No person is asked, and a restart changes nothing.
func TestTheSellersStartPricesACallWhereRatesBeginChangeAndEnd(t *testing.T) {
	t.Parallel()
	for _, by := range []agreement.PeriodBy{agreement.ByEnd, agreement.ByStart} {
		w := newWorld(t, func(x *agreement.Terms) { x.PeriodBy = by })
		w.sheets(`destination,prefix,rate,currency,unit_seconds,minimum_seconds,increment_seconds,valid_from,valid_to
New,1,0.10,USD,60,1,1,2026-11-02T10:20:00Z,
Dearer,44,0.20,USD,60,1,1,2026-01-01T00:00:00Z,
Dearer,44,0.40,USD,60,1,1,2026-11-02T10:20:00Z,
Old,49,0.80,USD,60,1,1,2026-01-01T00:00:00Z,2026-11-02T10:20:00Z
`)
		a, b := w.sides[0], w.sides[1]
		const before, after = "10:19:59", "10:20:01"
		both := func(to string, seconds int, buyer, seller string) {
			call := func(start, from, until string) string {
				return call_(to+from, "41440000001", to, "2026-11-02T"+start+"Z", seconds*1000, from, until)
			}
			a.take(call(buyer, "ALPHA", "BRAVO"), call(seller, "BRAVO", "ALPHA"))
			b.take(call(seller, "ALPHA", "BRAVO"), call(buyer, "BRAVO", "ALPHA"))
		}
		// No two of a line have one length: what is missing would show.
		both("12125550101", 60, before, after)  // 0.10
		both("12125550102", 120, after, before) // no rate
		both("44125550101", 60, before, after)  // 0.40
		both("44125550102", 120, after, before) // 0.40
		both("49125550101", 60, before, after)  // no rate
		both("49125550102", 120, after, before) // 1.60
		a.restart()
		w.through("11:00:00")
		w.settled("2.500000")
		w.quiet()
		for _, s := range w.sides {
			lines := map[string]int{}
			for _, x := range s.disputes() {
				if x.Decision == nil || x.Decision.How != dispute.ByRule {
					t.Errorf("by %s: %s has a dispute that no rule decided: %+v", by, s.code, x)
				}
				s.view(func(v trade.View) {
					o, _ := v.Order(x.Order)
					r, _ := v.Row(usage.Direction{From: o.Buyer, To: o.Seller}, "voice", x.Row)
					lines[r.Rate.Destination]++
				})
			}
			if want := (map[string]int{"Dearer": 4}); !maps.Equal(lines, want) {
				t.Errorf("by %s: %s has disputes of %v, want %v: both rates of the destination, in both directions", by, s.code, lines, want)
			}
			for _, x := range s.desk.Exceptions() {
				if to := x.Destination.String(); to != "12125550102" && to != "49125550101" {
					t.Errorf("by %s: %s has an exception %+v where the seller's record finds a row", by, s.code, x)
				}
			}
		}
		if got := w.totals(); strings.Count(got, "2.500000") != 4 {
			t.Errorf("by %s: totals %s, want 2.50 invoiced and settled in both directions", by, got)
		}
	}
}

// A partner whose edges never come holds periods up for half the deadline, and
// no longer; a restart does not shorten it.
func TestPeriodsAreStatedWithoutThePartnersEdgesInTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.sheets(rates)
	a, b := w.sides[0], w.sides[1]
	b.shy.Store(true)
	a.take(row("1", "10:00:00", 60_000))
	b.take(row("1", "10:00:00", 60_000))
	w.through("11:00:00")
	p := span(t, "10:00:00", "11:00:00")
	w.until("the period is requested and BRAVO has stated", func() bool {
		x, ok := a.period(forth, p)
		return ok && x.Seller.Complete()
	})
	a.restart()
	w.until("ALPHA has looked and waits for edges", func() bool {
		a.desk.mu.Lock()
		defer a.desk.mu.Unlock()
		return !a.desk.looking && len(a.desk.held) == 1
	})
	if x, _ := a.period(forth, p); x.Buyer.Complete() {
		t.Fatal("ALPHA stated without edges before half of the deadline")
	}
	w.pass(31 * time.Minute)
	w.settled("0.100000")
}

// [R64]: a record that comes after its period was closed is an adjustment of
// the next one, on both sides, and is priced by the row of its own time.
func TestLateRecordsAreAdjustmentsOnBothSides(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.sheets(`destination,prefix,rate,currency,unit_seconds,minimum_seconds,increment_seconds,valid_from,valid_to
World,1,0.10,USD,60,1,1,2026-01-01T00:00:00Z,
World,1,0.20,USD,60,1,1,2026-11-02T10:30:00Z,
`)
	for _, s := range w.sides {
		s.take(row("1", "10:00:00", 60_000))
	}
	w.through("11:00:00")
	w.settled("0.100000")
	for _, s := range w.sides {
		s.take(row("2", "10:10:00", 60_000), row("3", "10:40:00", 60_000))
		sum, err := s.desk.Summary()
		w.must(err)
		if sum.Late != 2 {
			t.Fatalf("%d calls wait, want 2", sum.Late)
		}
	}
	w.sides[1].restart()
	w.through("12:00:00") // no call of its own: the period is stated for the late ones
	w.settled("0.400000")
	w.quiet()
	if d := w.sides[0].disputes(); len(d) != 0 {
		t.Fatalf("late records of both were disputed: %+v", d)
	}
	p, _ := w.sides[0].period(forth, span(t, "11:00:00", "12:00:00"))
	w.sides[0].view(func(v trade.View) {
		for _, id := range p.Invoices {
			doc, _ := v.Document(id)
			for _, l := range doc.Lines {
				if l.Adjusts != span(t, "10:00:00", "11:00:00") || l.Reason != usage.Late {
					t.Errorf("a line adjusts %s because %q, want the old period by name, and late", l.Adjusts, l.Reason)
				}
			}
		}
	})
}

// When only one side is late the agreed rules decide: what the buyer alone has
// is not charged, what the seller alone has is beyond 2% and goes to people.
func TestALateRecordOfOneSideIsDecidedByTheRules(t *testing.T) {
	t.Parallel()
	for i, want := range []dispute.State{dispute.Resolved, dispute.Manual} {
		w := newWorld(t, nil)
		w.sheets(rates)
		for _, s := range w.sides {
			s.take(row("1", "10:00:00", 60_000))
		}
		w.through("11:00:00")
		w.settled("0.100000")
		w.sides[i].take(row("2", "10:10:00", 60_000))
		w.through("12:00:00")
		w.until("the line is decided", func() bool {
			d := w.sides[0].disputes()
			return len(d) == 1 && d[0].State == want
		})
		d := w.sides[0].disputes()[0]
		if d.Adjusts != span(t, "10:00:00", "11:00:00") || d.Reason != usage.Late {
			t.Errorf("the dispute is about %s because %q, want the adjusted period, and late", d.Adjusts, d.Reason)
		}
	}
}

// What partner and destination a line is for decides how it is settled: one
// destination is split in half, another is countered by the buyer's node at once,
// with the evidence that both hold, and the seller's delegate accepts.
func TestARuleSplitsOneDestinationAndCountersAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(x *agreement.Terms) {
		x.Rule = agreement.Source{Text: `seller != "BRAVO" || kind != "duration" ? "manual" : destination == "Germany" && rate == 50000000 && currency == "USD" ? "split"
: destination_calls == 2 && destination_seconds == 240 ? "counter" : "manual"`}
	})
	w.sheets(rates)
	german := func(ms int) string {
		return call_("3", "41440000001", "4930123456", "2026-11-02T10:20:00Z", ms, "ALPHA", "BRAVO")
	}
	a, b := w.sides[0], w.sides[1]
	a.take(row("1", "10:00:00", 60_000), row("2", "10:10:00", 60_000), german(60_000))
	b.take(row("1", "10:00:00", 60_000), row("2", "10:10:00", 180_000), german(90_000))
	w.through("11:00:00")
	w.until("one line is split, and for the other there is an offer", func() bool {
		d := b.disputes()
		return len(d) == 2 && d[1].State == dispute.Resolved && d[0].State == dispute.Proposed
	})
	d := b.disputes()
	if x := d[1].Decision; x.How != dispute.ByRule || x.Calls != 1 || x.BilledSeconds != 75 {
		t.Errorf("the call to Germany is decided as %+v", x)
	}
	offer := d[0].Proposal
	if offer.Calls != 2 || offer.BilledSeconds != 120 || offer.Act.By != "ALPHA" || d[0].Why != counters || d[0].Evidence.IsZero() {
		t.Fatalf("the offer is %+v, because %q, by %s", offer, d[0].Why, d[0].Evidence)
	}
	for _, s := range w.sides {
		line, ok, err := s.desk.decided(d[0])
		if err != nil || !ok || line.Root != d[0].Evidence {
			t.Errorf("%s has the evidence %s, the offer names %s: %v", s.code, line.Root, d[0].Evidence, err)
		}
	}
	// Another rule is tried on the same records, and changes nothing.
	x, err := b.desk.Try(d[0].ID, agreement.Source{Text: `destination == "World" ? "split" : "none"`})
	if err != nil || len(x.Calls) != 1 || x.Calls[0].Answer != "split" || x.Calls[0].Facts.Gap != 120 || x.Calls[0].Facts.Buyer != "ALPHA" || x.Outcome.Open || x.Outcome.BilledSeconds != 180 {
		t.Errorf("the trial gives %+v, %v", x, err)
	}
	// So it is on all lines of a span, with the money of what came out beside it.
	always, never := func(int64) bool { return true }, func(int64) bool { return false }
	r, err := b.desk.Replay(t.Context(), agreement.Source{Text: `destination == "World" ? "manual" : "buyer"`}, always)
	if err != nil || r.Lines != 2 || r.Manual != 1 || r.Calls["buyer"] != 1 || r.Calls["manual"] != 1 || len(r.Sample) != 2 || len(r.Sums) != 1 {
		t.Fatalf("the replay gives %+v, %v", r, err)
	}
	// Germany: 90 s claimed, 60 expected, 75 came out, 60 by the rule, at 0.05 a minute; World: 240 s claimed at 0.10, open and left to people.
	if s := r.Sums[0]; s.Lines != 2 || s.Claimed != 475_000 || s.Expected != 250_000 || s.Decided != 62_500 || s.Open != 400_000 || s.Rule != 50_000 || s.Manual != 400_000 {
		t.Errorf("the replay comes to %+v", s)
	}
	if r, err := b.desk.Replay(t.Context(), agreement.DefaultRule(), never); err != nil || r.Periods != 0 || r.Lines != 0 {
		t.Errorf("a replay of no period gives %+v, %v", r, err)
	}
	if _, err := b.desk.Replay(t.Context(), agreement.Source{Text: `1`}, always); faultCode(err) != agreement.CodeBadRule {
		t.Errorf("a replay of a rule that is none: %v", err)
	}
	if _, err := b.desk.Try(d[0].ID, agreement.Source{Text: `1`}); faultCode(err) != agreement.CodeBadRule {
		t.Errorf("a rule that is none: %v", err)
	}
	if _, err := b.desk.Try("none", agreement.DefaultRule()); faultCode(err) != fault.NotFound {
		t.Errorf("a dispute that is none: %v", err)
	}
	b.do(trade.NewCommand(trade.KindDisputeAccept, trade.DisputeAccept{Verdicts: []trade.Verdict{{Dispute: d[0].ID, Calls: 2, BilledSeconds: 120}}}))
	w.settled("0.262500") // 120 s at 0.10 and 75 s at 0.05 a minute
}

// A counter-offer is made once: what people refused stays refused, over a
// restart too.
func TestARefusedCounterOfferIsNotMadeAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(x *agreement.Terms) { x.Rule = agreement.Source{Text: `"counter"`} })
	w.sheets(rates)
	a, b := w.sides[0], w.sides[1]
	a.denied.Store(true) // what the delegate does not sign is a problem that passes
	b.take(row("1", "10:00:00", 60_000))
	a.take(row("0", "09:00:00", 1000))
	b.take(row("0", "09:00:00", 1000))
	w.through("11:00:00")
	w.until("the buyer's delegate is asked", func() bool { return a.tries.Load() > 0 })
	a.denied.Store(false)
	is := func(want dispute.State) func() bool {
		return func() bool {
			for _, s := range w.sides {
				if d := s.disputes(); len(d) != 1 || d[0].State != want {
					return false
				}
			}
			return true
		}
	}
	w.until("there is an offer", is(dispute.Proposed))
	d := b.disputes()[0]
	if d.Proposal.Calls != 0 || d.Proposal.BilledSeconds != 0 {
		t.Errorf("the offer is %+v, want nothing of a call that the seller alone has", d.Proposal)
	}
	b.do(trade.NewCommand(trade.KindDisputeReject, trade.DisputeReject{Disputes: []string{d.ID}}))
	w.until("it is refused", is(dispute.Manual))
	a.restart()
	w.quiet()
	if !is(dispute.Manual)() {
		t.Error("the offer was made again")
	}
}

// price has a sheet for ALPHA>BRAVO accepted that holds from the day's beginning
// on, or later.
func (w *world) price(from, csv string) {
	w.t.Helper()
	a, b := w.sides[0], w.sides[1]
	p, err := b.desk.ProposeSheet(w.context(), forth, at(w.t, from), strings.NewReader(csv))
	w.must(err)
	w.until("the proposal is here", func() (ok bool) {
		a.view(func(v trade.View) { _, ok = v.Sheet(p.ID) })
		return ok && a.blobs.Has(p.File)
	})
	w.must(a.desk.AcceptSheet(w.context(), p.ID))
	w.quiet() // both desks have heard of it
}

// A sheet that is accepted later and begins before periods that were invoiced
// changes nothing by itself. The seller rates a period again on request: what
// differs is a credit note, both versions stay to be seen with their rates, and
// what a dispute has decided stays as decided. A dearer sheet makes a debit note.
func TestAPeriodIsRatedAgainBesideItsFirstVersion(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(x *agreement.Terms) { x.Rule = agreement.Source{Text: `"lower"`} })
	w.sheets(rates)
	a, b := w.sides[0], w.sides[1]
	german := func(ms int) string {
		return call_("3", "41440000001", "4930123456", "2026-11-02T10:20:00Z", ms, "ALPHA", "BRAVO")
	}
	a.take(row("1", "10:00:00", 60_000), row("2", "10:30:00", 120_000), german(60_000))
	b.take(row("1", "10:00:00", 60_000), row("2", "10:30:00", 120_000), german(64_000))
	w.through("11:00:00")
	w.settled("0.350000")
	p, _ := a.period(forth, span(t, "10:00:00", "11:00:00"))
	correct := func() (Correction, error) {
		return b.desk.Correct(w.context(), p.Order, p.Interval.From, "the sheet of November was wrong")
	}
	if _, err := correct(); faultCode(err) != CodeUnchanged {
		t.Fatalf("rated again without another sheet: %v", err)
	}
	w.price("00:00:00", strings.ReplaceAll(rates, "World,1,0.10,", "World,1,0.07,"))
	if x, _ := a.period(forth, p.Interval); len(x.Invoices) != len(p.Invoices) || x.State != invoice.PeriodClosed {
		t.Fatalf("a sheet alone has changed the period: %+v", x)
	}
	if _, err := a.desk.Correct(w.context(), p.Order, p.Interval.From, "x"); faultCode(err) != fault.Forbidden {
		t.Fatalf("the buyer rates again: %v", err)
	}
	if _, err := b.desk.Correct(w.context(), p.Order, 1, "x"); faultCode(err) != fault.NotFound {
		t.Fatalf("a period that is none: %v", err)
	}
	b.restart()
	accept := func(c Correction, note invoice.Note, total string) {
		t.Helper()
		if len(c.Notes) != 1 || len(c.Decided) != 1 {
			t.Fatalf("%+v, want one note, and the decided line by name", c)
		}
		w.quiet()
		var inv invoice.Invoice
		a.view(func(v trade.View) { inv, _ = v.Invoice(c.Notes[0]) })
		if inv.Note != note || inv.Total.String() != total || inv.State != invoice.Issued {
			t.Fatalf("%+v, want a %s note of %s, for people to answer", inv, note, total)
		}
		a.do(trade.NewCommand(trade.KindInvoiceAccept, trade.InvoiceAccept{ID: inv.ID, Document: inv.Document}))
	}
	c, err := correct()
	w.must(err)
	accept(c, invoice.Credit, "-0.090000") // 180 s at 0.03 a minute less
	w.settled("0.260000")
	if _, err := correct(); faultCode(err) != CodeUnchanged {
		t.Fatalf("rated again by the same sheet: %v", err)
	}
	w.price("00:00:01", strings.ReplaceAll(rates, "World,1,0.10,USD,60,1,1,", "World,1,0.12,USD,60,60,60,"))
	c, err = correct()
	w.must(err)
	accept(c, invoice.Debit, "0.150000") // 180 s at 0.12 a minute, for 0.07
	w.settled("0.410000")
	for _, s := range w.sides {
		x, _ := s.period(forth, p.Interval)
		s.view(func(v trade.View) {
			for version, want := range map[uint32]string{1: "0.300000", 2: "0.210000", 3: "0.360000", 0: "0.360000"} {
				lines := v.Rated(x, version)
				i := slices.IndexFunc(lines, func(l invoice.Line) bool { return l.Rate.Destination == "World" })
				if len(lines) != 2 || i < 0 || lines[i].Amount.String() != want || lines[i].Calls != 2 {
					t.Errorf("%s: version %d is %+v, want %s for two calls", s.code, version, lines, want)
				}
			}
			if x.State != invoice.PeriodClosed || x.Version != 3 {
				t.Errorf("%s: the period is %s in version %d", s.code, x.State, x.Version)
			}
		})
	}
	w.price("00:00:02", strings.ReplaceAll(rates, "World,1,0.10,USD", "World,1,0.10,EUR"))
	if _, err := correct(); faultCode(err) != fault.Conflict {
		t.Fatalf("another currency: %v", err)
	}
	w.price("00:00:03", "destination,prefix,rate,currency,unit_seconds,minimum_seconds,increment_seconds,valid_from,valid_to\nGermany,49,0.05,USD,60,30,6,2026-01-01T00:00:00Z,\n")
	if _, err := correct(); faultCode(err) != rating.CodeNoRate {
		t.Fatalf("a sheet without a price: %v", err)
	}
}

// A correction of more lines than an envelope takes comes in parts that name each
// line once.
func TestALargeCorrectionComesInParts(t *testing.T) {
	c := trade.InvoiceCorrect{Currency: "USD", Why: "x"}
	for i := range uint32(2000) {
		c.Reversed = append(c.Reversed, trade.LineRef{Row: 1999 - i})
		c.Lines = append(c.Lines, usage.Line{Row: 5000 + i, Calls: 1 << 40, RawMillis: 1 << 50, BilledSeconds: 1 << 40, Root: canon.Hash{1}, Adjusts: span(t, "10:00:00", "11:00:00"), Reason: usage.Corrected})
	}
	refs, lines := 0, 0
	parts := inNoteParts(c)
	for i, p := range parts {
		if p.Part != uint32(i+1) || int(p.Of) != len(parts) || p.Why != c.Why || p.Currency != c.Currency {
			t.Errorf("part %d is %d of %d", i, p.Part, p.Of)
		}
		if n := len(canon.Must(p)); n > maxPart+200 {
			t.Errorf("part %d has %d bytes", i, n)
		}
		for j, r := range p.Reversed {
			if r.Row != uint32(refs+j) {
				t.Fatalf("row %d stands where %d should", r.Row, refs+j)
			}
		}
		refs, lines = refs+len(p.Reversed), lines+len(p.Lines)
	}
	if refs != 2000 || lines != 2000 {
		t.Errorf("%d lines are taken back and %d put in", refs, lines)
	}
	if one := inNoteParts(trade.InvoiceCorrect{Lines: c.Lines[:3]}); len(one) != 1 || one[0].Of != 0 {
		t.Errorf("a small one is %d parts", len(one))
	}
}

// Live periods close by themselves after their grace, and a late record goes
// into the next one without anybody.
func TestLivePeriodsCloseByThemselves(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(x *agreement.Terms) { x.PastPeriods, x.GraceMillis, x.Cycle = false, 2000, "1m" })
	w.sheets(rates)
	begin := w.now().Truncate(time.Minute)
	live := func(id string, after time.Duration) string {
		return call_(id, "41440000001", "12125550100", begin.Add(after).UTC().Format(time.RFC3339Nano), 1000, "ALPHA", "BRAVO")
	}
	for _, s := range w.sides {
		s.take(live("1", 30*time.Second))
	}
	w.pass(time.Minute + 3*time.Second)
	w.settled("0.001667")
	for _, s := range w.sides {
		s.take(live("2", 40*time.Second))
	}
	w.pass(time.Minute)
	w.settled("0.003334")
	if d := w.sides[0].disputes(); len(d) != 0 {
		t.Fatalf("disputes: %+v", d)
	}
}

// A clock that jumps ahead closes nothing that still runs: the ledger's time
// has to confirm it.
func TestAClockThatJumpsAheadClosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(x *agreement.Terms) { x.PastPeriods, x.GraceMillis, x.Cycle = false, 2000, "1h" })
	w.sheets(rates)
	a := w.sides[0]
	start := w.now().UTC().Add(-time.Second)
	a.take(call_("1", "41440000001", "12125550100", start.Format(time.RFC3339Nano), 1000, "ALPHA", "BRAVO"))
	a.jump.Store(int64(24 * time.Hour / time.Millisecond))
	w.until("the ledger says that the period is not over", func() bool {
		_, ok := a.problem(fault.NotYet)
		return ok
	})
	a.desk.mu.Lock()
	through := a.desk.through
	a.desk.mu.Unlock()
	if through > w.now().Add(time.Minute).UnixMilli() {
		t.Fatalf("periods were closed through %s", usage.Stamp(through))
	}
	a.jump.Store(0)
}

// compare: after-invoice: the invoice comes as the seller states, the buyer
// accepts only after the comparison, differences within the thresholds stand,
// those beyond are decided and follow on a supplementary invoice.
func TestAfterInvoiceComparesBeforeTheBuyerAccepts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(x *agreement.Terms) {
		x.Compare = agreement.AfterInvoice
		x.LineThreshold = []money.Amount{{Currency: "USD", Micro: 5_000}}
		x.OpenThreshold = []money.Amount{{Currency: "USD", Micro: 6_000}}
	})
	w.sheets(rates)
	a, b := w.sides[0], w.sides[1]
	// 10: 3 s (0.005) apart, tolerated. 11: the same again is beyond the
	// cumulated threshold while the first is open; the rule takes the lower.
	a.take(row("1", "10:00:00", 60_000), row("2", "11:00:00", 60_000))
	b.take(row("1", "10:00:00", 63_000), row("2", "11:00:00", 63_000))
	b.shy.Store(true) // the buyer waits with its statement
	w.through("12:00:00")
	issued := func() (n int) {
		a.view(func(v trade.View) {
			for i := range v.Invoices("") {
				if i.State == invoice.Issued {
					n++
				}
			}
		})
		return n
	}
	w.until("both periods are invoiced", func() bool { return issued() == 2 })
	if n := issued(); n != 2 {
		t.Fatalf("%d invoices wait for the comparison, want both", n)
	}
	// Nothing is paid yet: the first period must be open when the second is
	// compared, or its difference does not count any more.
	a.auto.Net = false
	a.restart()
	w.pass(31 * time.Minute)
	both := func(want invoice.PeriodState) func() bool {
		return func() bool {
			x, ok := a.period(forth, span(t, "10:00:00", "11:00:00"))
			y, ok2 := a.period(forth, span(t, "11:00:00", "12:00:00"))
			return ok && ok2 && x.State == want && y.State == want
		}
	}
	w.until("both periods are compared", both(invoice.PeriodAgreed))
	a.auto.Net = true
	a.restart()
	w.until("both periods are closed", both(invoice.PeriodClosed))
	w.quiet()
	d := a.disputes()
	if len(d) != 1 || d[0].Decision == nil || d[0].Decision.How != dispute.ByRule || d[0].Decision.BilledSeconds != 60 {
		t.Fatalf("disputes: %+v, want the second line at the lower figure", d)
	}
	w.settled("0.205000") // 63 s tolerated + 60 s decided
}

// A partner that never states: its deadline passes and the lines go to people,
// or the one statement stands, as agreed. What it would have stated later is
// named, and billed nowhere.
func TestAPartnerThatNeverStates(t *testing.T) {
	t.Parallel()
	for _, outcome := range []agreement.Outcome{agreement.Manual, agreement.StatedStands} {
		w := newWorld(t, func(x *agreement.Terms) { x.Deadlines[1].Outcome = outcome })
		w.sheets(rates)
		a, b := w.sides[0], w.sides[1]
		a.take(row("1", "10:00:00", 60_000))
		b.take(row("1", "10:00:00", 60_000), row("2", "10:20:00", 60_000))
		b.halt()
		w.must(a.desk.CloseThrough(w.context(), at(t, "11:00:00")))
		w.pass(31 * time.Minute)
		w.until("ALPHA has stated", func() bool {
			x, ok := a.period(forth, span(t, "10:00:00", "11:00:00"))
			return ok && x.Buyer.Complete()
		})
		w.pass(62 * time.Minute)
		w.until("the deadline has its outcome", func() bool {
			x, _ := a.period(forth, span(t, "10:00:00", "11:00:00"))
			return x.State == invoice.PeriodAgreed || x.State == invoice.PeriodReconciling && x.Open == 1 && x.Waiting == 0
		})
		b.start()
		w.must(b.desk.CloseThrough(w.context(), at(t, "11:00:00")))
		w.until("BRAVO names what it has missed", func() bool { return len(b.desk.Exceptions()) == 2 })
		for _, x := range b.desk.Exceptions() {
			if x.Code != CodeMissed {
				t.Errorf("%+v, want %s", x, CodeMissed)
			}
		}
		if outcome == agreement.StatedStands {
			w.settled("0.100000")
		}
		w.quiet()
		if p := b.desk.Problems(); len(p) != 0 {
			t.Errorf("problems: %+v", p)
		}
	}
}

// [CR21]: who does not deliver the records that it committed to cannot use its
// claim; nor can who delivers what does not fit the root.
func TestRecordsThatAreNotDeliveredCannotBeUsed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		who      int // side that does not deliver
		altered  bool
		decision dispute.How
		seconds  uint64
	}{
		{"the seller is silent", 1, false, dispute.ByDeadline, 60},
		{"the buyer is silent", 0, false, dispute.ByDeadline, 180},
		{"the seller's records do not fit", 1, true, dispute.ByRule, 0},
		{"the buyer's records do not fit", 0, true, dispute.ByRule, 180},
		{"the seller says that it delivered", 1, false, "", 0},
	} {
		w := newWorld(t, nil)
		w.sheets(rates)
		silent := w.sides[c.who]
		w.sides[0].take(row("1", "10:00:00", 60_000))
		w.sides[1].take(row("1", "10:00:00", 60_000), row("2", "10:30:00", 120_000))
		switch {
		case c.decision == "":
			silent.forge = func(kind string, data []byte) []byte {
				if kind == kindRecords {
					return nil
				}
				return data
			}
		default:
			silent.mute.Store(true)
		}
		w.through("11:00:00")
		if c.altered { // salts of another secret do not fit what was stated
			w.until("the lines differ", func() bool {
				_, ok := silent.problem(fault.Unavailable)
				return ok
			})
			silent.halt()
			silent.secret++
			silent.mute.Store(false)
			silent.start()
		} else {
			w.until("the other side has delivered", func() bool {
				x, ok := w.sides[0].period(forth, span(t, "10:00:00", "11:00:00"))
				return ok && (!x.Seller.Delivered.IsZero() || !x.Buyer.Delivered.IsZero())
			})
			if c.decision == "" { // it names a file that nobody has, and confirms the other's
				w.until("one delivery is confirmed and the other named", func() bool {
					x, _ := w.sides[0].period(forth, span(t, "10:00:00", "11:00:00"))
					return x.Buyer.Confirmed && !x.Seller.Confirmed && !x.Seller.Delivered.IsZero()
				})
			}
			w.pass(62 * time.Minute)
		}
		w.until(c.name+": the line is decided", func() bool {
			d := w.sides[0].disputes()
			return len(d) == 1 && d[0].State != dispute.Awaiting
		})
		d := w.sides[0].disputes()[0]
		if c.decision == "" && d.State == dispute.Manual {
			continue // it is not clear who did not deliver: people decide
		}
		if d.Decision.How != c.decision || d.Decision.BilledSeconds != c.seconds {
			t.Errorf("%s: decided %s at %d s, want %s at %d s", c.name, d.Decision.How, d.Decision.BilledSeconds, c.decision, c.seconds)
		}
	}
}

// A period that was requested too early for both sides lapses, is requested
// again and settles: nothing of it is missed.
func TestAPeriodThatLapsedIsRequestedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.sheets(rates)
	hour := span(t, "10:00:00", "11:00:00")
	for _, s := range w.sides {
		s.take(row("1", "10:00:00", 60_000))
	}
	w.sides[0].do(trade.NewCommand(trade.KindRatingRequest, trade.RatingRequest{Period: trade.PeriodRef{Order: "V-2", Interval: hour}}))
	p, _ := w.sides[0].period(forth, hour)
	w.pass(8 * 24 * time.Hour)
	w.until("the period is requested again", func() bool {
		again, _ := w.sides[0].period(forth, hour)
		return again.State == invoice.PeriodRequested && again.Deadline > p.Deadline
	})
	w.through("11:00:00")
	w.settled("0.100000")
	for _, s := range w.sides {
		if x := s.desk.Exceptions(); len(x) != 0 {
			t.Errorf("%s misses calls: %+v", s.code, x)
		}
	}
}

// A desk that does not confirm what its node has taken in gains nothing: the
// node's receipt is shown instead, also after a restart.
func TestTheReceiptOfANodeConfirmsADelivery(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.sheets(rates)
	a, b := w.sides[0], w.sides[1]
	a.take(row("1", "10:00:00", 60_000))
	b.take(row("1", "10:00:00", 60_000), row("2", "10:30:00", 120_000))
	a.mute.Store(true) // delivers nothing ...
	b.forge = func(kind string, data []byte) []byte {
		if kind == kindRecords {
			return nil // ... and its desk never hears of the file that its node signs for
		}
		return data
	}
	w.through("11:00:00")
	hour := span(t, "10:00:00", "11:00:00")
	var p periodRecord
	w.until("BRAVO has named its delivery", func() bool {
		p, _ = b.period(forth, hour)
		return !p.Seller.Delivered.IsZero()
	})
	key := trade.PeriodKey(p.Order, p.Interval)
	data, err := b.blobs.Get(p.Seller.Delivered)
	w.must(err)
	file := store.Info{Hash: p.Seller.Delivered, Size: int64(len(data))}
	sent := exchange.Transfer{From: b.keys.node.Public(), To: a.keys.node.Public(),
		Meta: exchange.Meta{Kind: kindRecords, Channel: w.id, Subject: key, Hash: file.Hash, Size: file.Size}}
	w.must(b.desk.Receipted(kindRecords, key, file, trade.DeliveryReceipt{From: sent.From, To: sent.To,
		Signature: a.keys.node.Sign("lateral/exchange/receipt/1", canon.Must(sent))}))
	b.restart()
	w.pass(11 * time.Second)
	w.until("the delivery is confirmed", func() bool {
		p, _ = b.period(forth, hour)
		return p.Seller.Confirmed
	})
	w.pass(62 * time.Minute)
	w.until("the line is decided", func() bool {
		d := b.disputes()
		return len(d) == 1 && d[0].State == dispute.Resolved
	})
	if d := b.disputes()[0].Decision; d.How != dispute.ByDeadline || d.BilledSeconds != 180 {
		t.Errorf("decided %s at %d s, want the seller's 180 s by the deadline", d.How, d.BilledSeconds)
	}
}

// Import: nothing is lost before an agreement, the same file twice does
// nothing, calls of an earlier file are duplicates, and files of nothing count.
func TestImportsAddUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	a := w.sides[0]
	first := a.take(row("1", "10:00:00", 60_000), row("1", "10:00:00", 60_000), "bad\n")
	if first.Read != 3 || first.Accepted != 1 || first.Duplicate != 1 || first.Rejected != 1 || len(first.Rejects) != 1 || first.Rejects[0].Line != 4 {
		t.Fatalf("%+v", first)
	}
	if again := a.take(row("1", "10:00:00", 60_000), row("1", "10:00:00", 60_000), "bad\n"); !again.Repeated || again.Number != 1 {
		t.Fatalf("the same file again: %+v", again)
	}
	if over := a.take(row("9", "10:00:00", 60_000), row("2", "10:10:00", 60_000)); over.Accepted != 1 || over.Duplicate != 1 {
		t.Fatalf("a file that overlaps: %+v", over)
	}
	if none := a.take(strings.ReplaceAll(row("3", "10:20:00", 60_000), "success", "fail")); none.Accepted != 1 {
		t.Fatalf("failed calls: %+v", none)
	}
	if empty := a.take(); empty.Read != 0 || empty.Repeated {
		t.Fatalf("an empty file: %+v", empty)
	}
	if _, err := a.desk.ImportUsage(w.context(), "x", "", strings.NewReader("no header\n")); err == nil {
		t.Fatal("a file without a header was imported")
	}
	before, err := a.desk.Summary()
	w.must(err)
	a.restart()
	after, err := a.desk.Summary()
	w.must(err)
	if before.Read != 6 || fmt.Sprint(before) != fmt.Sprint(after) || len(a.desk.Imports()) != 4 {
		t.Fatalf("%+v before and %+v after a restart", before, after)
	}
}

// A file of another system is read by its profile, which is kept with the import:
// after a restart the file reads alike. Parquet is read where the file lies.
func TestFilesOfOtherSystemsAreImported(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	a := w.sides[0]
	master := `"","12125550100","12125550199","x","","PJSIP/alpha-1a","PJSIP/bravo-1b","Dial","","2026-11-02 11:00:00","2026-11-02 11:00:00","2026-11-02 11:01:00",60,60,"ANSWERED","D","1.1",""` + "\n" +
		`"","12125550100","12125550199","x","","PJSIP/alpha-1a","PJSIP/bravo-1b","Dial","","2026-02-30 11:00:00","","2026-11-02 11:01:00",60,0,"BUSY","D","1.2",""` + "\n"
	if _, err := a.desk.ImportUsage(w.context(), "Master.csv", "", strings.NewReader(master)); faultCode(err) != voice.CodeBadHeader {
		t.Fatalf("%v, want the format to be asked for", err)
	}
	if _, err := a.desk.ImportUsage(w.context(), "Master.csv", "format: csv\n", strings.NewReader(master)); faultCode(err) != voice.CodeBadProfile {
		t.Fatalf("%v, want the profile to be refused", err)
	}
	in, err := a.desk.ImportUsage(w.context(), "Master.csv", "asterisk in Europe/Berlin", strings.NewReader(master))
	w.must(err)
	if in.Read != 2 || in.Accepted != 1 || in.Rejected != 1 || in.Rejects[0].Code != voice.CodeBadTime || in.Rejects[0].Line != 2 || !strings.Contains(in.Format, "zone: Europe/Berlin") {
		t.Fatalf("%+v", in)
	}
	var table bytes.Buffer
	_, err = voice.Convert(strings.NewReader(header+row("1", "10:00:00", 60_000)+row("2", "10:10:00", 60_000)), nil, nil, voice.NewTableWriter(&table), nil)
	w.must(err)
	in, err = a.desk.ImportUsage(w.context(), "calls.parquet", "", &table)
	w.must(err)
	if in.Read != 2 || in.Accepted != 2 || in.Format != "" {
		t.Fatalf("%+v", in)
	}
	before, err := a.desk.Summary()
	w.must(err)
	a.restart()
	after, err := a.desk.Summary()
	w.must(err)
	if before.Accepted != 3 || fmt.Sprint(before) != fmt.Sprint(after) {
		t.Fatalf("%+v before and %+v after a restart", before, after)
	}
}

// A call_id of an earlier import with other content is refused by that import
// and its line, and stays refused after a restart: it is never billed twice.
func TestAnIDOfAnEarlierImportIsNotTakenAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.sheets(rates)
	a, b := w.sides[0], w.sides[1]
	b.take(row("1", "10:00:00", 60_000), row("2", "10:10:00", 60_000))
	a.take(row("1", "10:00:00", 60_000))
	for range 2 {
		in := a.take(row("1", "10:00:00", 61_000), row("9", "10:00:00", 60_000), row("2", "10:10:00", 60_000))
		if in.Accepted != 1 || in.Duplicate != 1 || in.Rejected != 1 {
			t.Fatalf("%+v, want one row accepted, one duplicate and one refused", in)
		}
		if !in.Repeated {
			r := in.Rejects[0]
			if r.Code != voice.CodeSameID || r.Line != 2 || !strings.Contains(r.Detail, "line 2 of import 1 (calls.csv)") {
				t.Fatalf("%+v, want the earlier import and its line by name", r)
			}
		}
		a.restart()
	}
	if in := a.take(row("2", "10:10:00", 62_000)); in.Rejected != 1 || !strings.Contains(in.Rejects[0].Detail, "line 4 of import 2 (calls.csv)") {
		t.Fatalf("%+v, want a refusal by the second import", in)
	}
	w.through("11:00:00")
	w.settled("0.200000")
	w.quiet()
	if d := a.disputes(); len(d) != 0 {
		t.Fatalf("disputes: %+v", d)
	}
}

func TestAnImportBeforeAnAgreementIsRefusedByName(t *testing.T) {
	t.Parallel()
	w := newWorldWithout(t)
	_, err := w.sides[0].desk.ImportUsage(w.context(), "x", "", strings.NewReader(header))
	if faultCode(err) != CodeNoAgreement {
		t.Fatalf("%v, want %s", err, CodeNoAgreement)
	}
	if err := w.sides[0].desk.CloseThrough(w.context(), at(t, "10:00:00")); faultCode(err) != CodeNoAgreement {
		t.Fatalf("%v, want %s", err, CodeNoAgreement)
	}
}

// An import whose records are gone from the archive is named, and the rest of the desk runs on.
func TestADamagedImportIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	a := w.sides[0]
	a.take(row("1", "10:00:00", 60_000))
	kept, err := a.desk.Archive()
	w.must(err)
	w.must(a.blobs.Erase(kept[0].File))
	a.restart()
	w.until("the import is named", func() bool {
		p, ok := a.problem(CodeLost)
		return ok && strings.Contains(p.Detail, "calls.csv") && p.Remedy != ""
	})
}

// Without its sheet a side cannot tell which calls lie where rates begin or end:
// it closes nothing, says so, and goes on when the file is back.
func TestASheetThatIsGoneIsNamedBeforePeriodsClose(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.sheets(rates)
	a := w.sides[0]
	for _, s := range w.sides {
		s.take(row("1", "10:00:00", 60_000))
	}
	var id string
	a.view(func(v trade.View) {
		for o := range v.Orders() {
			if o.Buyer == a.code {
				id = o.Sheet
			}
		}
	})
	var sheet trade.Sheet
	a.view(func(v trade.View) { sheet, _ = v.Sheet(id) })
	w.must(a.blobs.Erase(sheet.File))
	a.restart()
	if err := a.desk.CloseThrough(w.context(), at(t, "11:00:00")); faultCode(err) != fault.NotFound {
		t.Fatalf("closed without a sheet: %v", err)
	}
	if p, ok := a.problem(fault.NotFound); !ok || p.Subject != "usage/"+forth.String() {
		t.Fatalf("problems %+v, want the direction by name", a.desk.Problems())
	}
	_, err := a.blobs.Put(strings.NewReader(rates))
	w.must(err)
	w.through("11:00:00")
	w.settled("0.100000")
	w.quiet()
	if p := a.desk.Problems(); len(p) != 0 {
		t.Errorf("problems: %+v", p)
	}
}

// A call with no rate is a named exception, and stays one after a restart.
func TestACallWithNoRateIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.sheets(rates)
	for _, s := range w.sides {
		s.take(call_("1", "41440000001", "8612345", "2026-11-02T10:00:00Z", 1000, "ALPHA", "BRAVO"), row("2", "10:10:00", 60_000))
	}
	w.through("11:00:00")
	w.settled("0.100000")
	for range 2 {
		if x := w.sides[0].desk.Exceptions(); len(x) != 1 || x[0].Line != 2 || x[0].Import != 1 || x[0].Code != "no-rate" {
			t.Fatalf("%+v, want line 2 of import 1", x)
		}
		w.sides[0].restart()
		w.must(w.sides[0].desk.CloseThrough(w.context(), at(t, "11:00:00")))
	}
}

// Calls without a rate are billed, once, when a sheet prices them that is
// accepted after their period was stated: as an adjustment of the next one, on
// both sides, over restarts too.
func TestALaterSheetPricesCallsWithoutARate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.sheets(rates)
	a, b := w.sides[0], w.sides[1]
	for _, s := range w.sides {
		s.take(call_("1", "41440000001", "8612345", "2026-11-02T10:00:00Z", 60_000, "ALPHA", "BRAVO"), row("2", "10:10:00", 60_000),
			call_("3", "41440000001", "3912345", "2026-11-02T10:20:00Z", 60_000, "ALPHA", "BRAVO"))
	}
	w.through("11:00:00")
	w.settled("0.100000")
	w.until("both name two calls", func() bool { return len(a.desk.Exceptions()) == 2 && len(b.desk.Exceptions()) == 2 })
	p, err := b.desk.ProposeSheet(w.context(), forth, at(t, "00:00:00"), strings.NewReader(rates+"China,86,0.20,USD,60,1,1,2026-01-01T00:00:00Z,\n"))
	w.must(err)
	w.until("the proposal is here", func() (ok bool) {
		a.view(func(v trade.View) { _, ok = v.Sheet(p.ID) })
		return ok && a.blobs.Has(p.File)
	})
	w.must(a.desk.AcceptSheet(w.context(), p.ID))
	only := func() bool {
		for _, s := range w.sides {
			if x := s.desk.Exceptions(); len(x) != 1 || x[0].Line != 4 {
				return false
			}
		}
		return true
	}
	w.until("the other call alone is named", only)
	a.restart()
	w.until("the same after a restart", only)
	for _, s := range w.sides {
		s.take(row("4", "11:10:00", 60_000))
	}
	w.through("12:00:00")
	w.settled("0.400000")
	b.restart()
	for _, s := range w.sides {
		s.take(row("5", "12:10:00", 60_000))
	}
	w.through("13:00:00")
	w.settled("0.500000")
	w.until("the other call alone is named", only)
	if d := a.disputes(); len(d) != 0 {
		t.Fatalf("disputes: %+v", d)
	}
	x, _ := a.period(forth, span(t, "11:00:00", "12:00:00"))
	adjusts := 0
	a.view(func(v trade.View) {
		for _, id := range x.Invoices {
			doc, _ := v.Document(id)
			for _, l := range doc.Lines {
				if l.Adjusts == span(t, "10:00:00", "11:00:00") && l.Reason == usage.Repriced {
					adjusts++
				}
			}
		}
	})
	if adjusts != 1 {
		t.Fatalf("%d lines adjust the old period, want one", adjusts)
	}
}

// A later sheet supersedes from its own beginning, its rows are numbered on,
// and a gap in it is not filled by the earlier one.
func TestALaterSheetSupersedes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.sheets(rates)
	a, b := w.sides[0], w.sides[1]
	p, err := b.desk.ProposeSheet(w.context(), forth, at(t, "10:30:00"), strings.NewReader(`destination,prefix,rate,currency,unit_seconds,minimum_seconds,increment_seconds,valid_from,valid_to
World,1,0.40,USD,60,1,1,2026-01-01T00:00:00Z,
New York,1212,0.30,USD,60,1,1,2026-01-01T00:00:00Z,2026-11-02T10:40:00Z
`))
	w.must(err)
	w.until("the proposal is here", func() (ok bool) {
		a.view(func(v trade.View) { _, ok = v.Sheet(p.ID) })
		return ok && a.blobs.Has(p.File)
	})
	w.must(a.desk.AcceptSheet(w.context(), p.ID))
	for _, s := range w.sides {
		s.take(row("1", "10:29:00", 60_000), row("2", "10:31:00", 60_000), row("3", "10:41:00", 60_000))
	}
	w.through("11:00:00")
	w.settled("0.800000") // 0.10 by the old sheet, 0.30, and 0.40 by the shorter prefix
}

// Without a netting clause each invoice is owed and paid by itself; a payment
// that the payee declines is left to people.
func TestWithoutNettingEachInvoiceIsPaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(x *agreement.Terms) { x.Netting = false })
	w.sheets(rates)
	b := w.sides[1]
	b.auto.Pay = false
	b.restart()
	for _, s := range w.sides {
		s.take(row("1", "10:00:00", 60_000))
	}
	w.through("11:00:00")
	var ob settlement.Obligation
	advised := func() bool {
		b.view(func(v trade.View) {
			for ob = range v.Obligations() {
			}
		})
		return ob.State == settlement.Advised
	}
	w.until("the payment is advised", advised)
	b.do(trade.NewCommand(trade.KindPaymentDecline, trade.PaymentAnswer{Obligation: ob.ID, Amount: ob.Amount, Why: "no such money"}))
	w.until("ALPHA asks for a person", func() bool {
		_, ok := w.sides[0].problem(CodeDeclined)
		return ok
	})
	w.sides[0].restart()
	w.until("ALPHA still asks for a person", func() bool {
		_, ok := w.sides[0].problem(CodeDeclined)
		return ok
	})
	w.sides[0].do(trade.NewCommand(trade.KindPaymentAdvise, trade.PaymentAdvise{Obligation: ob.ID, Amount: settlement.Payable(ob.Left()), Method: ob.Method, Reference: "again", PaidAt: 1}))
	b.auto.Pay = true
	b.restart()
	w.settled("0.100000")
	w.quiet()
	if p := w.sides[0].desk.Problems(); len(p) != 0 {
		t.Fatalf("a solved problem is still listed: %+v", p)
	}
}

// debt gives the only obligation of the pair, as a side has it.
func (s *side) debt() (out settlement.Obligation) {
	s.view(func(v trade.View) {
		for out = range v.Obligations() {
		}
	})
	return out
}

// oneDebt has ALPHA's desk pay BRAVO for one call; what BRAVO answers is said by hand.
func oneDebt(t *testing.T) (w *world, a, b *side) {
	t.Helper()
	w = newWorld(t, func(x *agreement.Terms) { x.Netting = false })
	w.sheets(rates)
	a, b = w.sides[0], w.sides[1]
	b.auto.Pay = false
	b.restart()
	for _, s := range w.sides {
		s.take(row("1", "10:00:00", 60_000))
	}
	w.through("11:00:00")
	return w, a, b
}

// The ledger takes a reference once, so what is left after a part is paid under
// another than the whole would have been.
func TestWhatIsLeftAfterAPartByHandIsPaidUnderAReferenceOfItsOwn(t *testing.T) {
	t.Parallel()
	w, a, b := oneDebt(t)
	advised := func(reference string) settlement.Obligation {
		t.Helper()
		w.until(reference+" is advised", func() bool {
			o := b.debt()
			return o.State == settlement.Advised && o.Payment.Reference == reference
		})
		return b.debt()
	}
	answer := func(kind trade.Kind, o settlement.Obligation) {
		t.Helper()
		b.do(trade.NewCommand(kind, trade.PaymentAnswer{Obligation: o.ID, Amount: money.Amount{Currency: "USD", Micro: o.Payment.Whole}, Why: "no such money"}))
	}
	w.until("the debt is there", func() bool { return b.debt().ID != "" })
	id := b.debt().ID
	part := func(reference string) {
		t.Helper()
		a.do(trade.NewCommand(trade.KindPaymentAdvise, trade.PaymentAdvise{Obligation: id, Amount: money.Amount{Currency: "USD", Micro: 40000}, Method: "bank-transfer", Reference: reference, PaidAt: 1}))
		answer(trade.KindPaymentReceipt, advised(reference))
	}
	answer(trade.KindPaymentDecline, advised("LATERAL "+id))
	w.until("ALPHA asks for a person", func() bool {
		_, ok := a.problem(CodeDeclined)
		return ok
	})
	part("by hand")
	rest := advised("LATERAL " + id + " 2")
	if rest.Payment.Whole != 60000 {
		t.Errorf("of USD 0.10, 0.04 are paid, and the desk pays %s", rest.Payment.Whole)
	}
	// It is advised once as well, and a desk that starts again knows it.
	answer(trade.KindPaymentDecline, rest)
	w.until("ALPHA asks for a person again", func() bool {
		p, ok := a.problem(CodeDeclined)
		return ok && strings.Contains(p.Detail, "USD 0.060000")
	})
	a.restart()
	w.until("ALPHA still asks for a person", func() bool {
		_, ok := a.problem(CodeDeclined)
		return ok
	})
	part("by hand, again")
	answer(trade.KindPaymentReceipt, advised("LATERAL "+id+" 3"))
	w.settled("0.100000")
	w.quiet()
	if p := a.desk.Problems(); len(p) != 0 {
		t.Fatalf("a solved problem is still listed: %+v", p)
	}
}

// On a busy machine the payee's decline was looked at before the desk knew that
// its own advice had ended: nobody looked at the debt again, and no person was
// ever asked.
func TestADeclineThatOvertakesTheEndOfItsAdviceIsTold(t *testing.T) {
	t.Parallel()
	w, a, b := oneDebt(t)
	w.until("the debt is advised", func() bool { return b.debt().State == settlement.Advised })
	o := b.debt()
	action, key := actAdvise+o.ID, trade.ObligationKey(o.ID)
	w.until("ALPHA knows that it has advised", func() bool {
		a.desk.mu.Lock()
		defer a.desk.mu.Unlock()
		return a.desk.advised[o.ID] && !a.desk.waiting[action]
	})
	ends := make(chan struct{})
	if !a.desk.attempt(context.Background(), action, key, func() func(context.Context) error {
		return func(context.Context) error { <-ends; return nil }
	}) {
		t.Fatal("the advice cannot be on its way again")
	}
	b.do(trade.NewCommand(trade.KindPaymentDecline, trade.PaymentAnswer{Obligation: o.ID, Amount: money.Amount{Currency: "USD", Micro: o.Payment.Whole}, Why: "no such money"}))
	w.until("ALPHA has looked at the decline", func() bool {
		a.desk.mu.Lock()
		defer a.desk.mu.Unlock()
		return a.desk.overtaken[action] == key
	})
	close(ends)
	w.until("ALPHA asks for a person", func() bool {
		_, ok := a.problem(CodeDeclined)
		return ok
	})
}

// A payment run and the desk cannot both pay a debt: what is to be paid by a bank
// the desk leaves alone, and it confirms no money that no statement has shown.
func TestWhatTheTreasuryPaysTheDeskLeavesAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(x *agreement.Terms) { x.Netting = false })
	w.sheets(rates)
	a, b := w.sides[0], w.sides[1]
	for _, s := range w.sides {
		s.banked = []string{"bank-transfer"}
		s.restart()
		s.take(row("1", "10:00:00", 60_000))
	}
	w.through("11:00:00")
	w.until("the debt is there", func() bool { return b.debt().ID != "" && a.debt().ID != "" })
	w.quiet()
	o := a.debt()
	if o.State != settlement.Owed {
		t.Fatalf("the debt is %s: the desk pays what a bank is to pay", o.State)
	}
	a.do(trade.NewCommand(trade.KindPaymentAdvise, trade.PaymentAdvise{Obligation: o.ID, Amount: settlement.Payable(o.Left()), Method: o.Method, Reference: "RF1", PaidAt: 1}))
	w.quiet()
	if o = b.debt(); o.State != settlement.Advised {
		t.Fatalf("the debt is %s: the desk confirms money that it has not seen", o.State)
	}
	b.do(trade.NewCommand(trade.KindPaymentReceipt, trade.PaymentAnswer{Obligation: o.ID, Amount: money.Amount{Currency: "USD", Micro: o.Payment.Whole}}))
	w.settled("0.100000")
}

// Equal claims net to zero and settle without a payment. A netting that became
// stale is rejected and proposed anew.
func TestNettingToZeroAndStaleNettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.sheets(rates)
	a, b := w.sides[0], w.sides[1]
	b.auto.Net = false
	b.restart()
	for _, s := range w.sides {
		s.take(row("1", "10:00:00", 60_000), back("2", "10:00:00", 60_000), row("3", "11:00:00", 60_000), back("4", "11:00:00", 60_000))
	}
	w.through("12:00:00")
	var n settlement.Netting
	w.until("ALPHA has proposed to net", func() bool {
		b.view(func(v trade.View) {
			for n = range v.Nettings() {
			}
		})
		return n.State == settlement.NettingProposed
	})
	payer := a
	if len(ownOf(a, n.Invoices)) == 0 {
		payer = b
	}
	payer.do(trade.NewCommand(trade.KindObligationOpen, trade.ObligationOpen{Invoices: ownOf(payer, n.Invoices)[:1]}))
	b.auto.Net = true
	b.restart()
	w.settled("0.200000")
	b.view(func(v trade.View) {
		states := map[settlement.NettingState]int{}
		for n := range v.Nettings() {
			states[n.State]++
		}
		if states[settlement.NettingRejected] == 0 || states[settlement.NettingAccepted] == 0 {
			t.Errorf("nettings %v, want the stale one rejected and another accepted", states)
		}
	})
}

// A side whose desk is silent cannot put off payment: the other one proposes to
// net, and when that is not answered by the due time, what is due is owed.
func TestASilentSideDoesNotHoldPaymentUp(t *testing.T) {
	t.Parallel()
	for silent := range 2 {
		w := newWorld(t, nil)
		w.sheets(rates)
		s, other := w.sides[silent], w.sides[1-silent]
		for _, x := range w.sides {
			x.auto.Net = false
			x.restart()
			x.take(row("1", "10:00:00", 60_000), back("2", "10:00:00", 120_000))
		}
		w.through("11:00:00")
		w.final(2)
		s.halt()
		other.auto.Net = true
		other.restart()
		w.pass(courtesy*time.Millisecond + time.Second)
		w.until(string(other.code)+" proposes to net", func() (ok bool) {
			other.view(func(v trade.View) {
				for n := range v.Nettings() {
					ok = n.Proposer == other.code && n.State == settlement.NettingProposed && len(n.Invoices) == 2
				}
			})
			return ok
		})
		w.pass(31 * 24 * time.Hour)
		w.until("both invoices are owed", func() bool {
			n := 0
			other.view(func(v trade.View) {
				for range v.Obligations() {
					n++
				}
			})
			return n == 2
		})
		s.auto.Net = true
		s.start()
		w.settled("0.100000")
	}
}

// ownOf lists those of invoices that a side has to pay.
func ownOf(s *side, ids []string) (out []string) {
	s.view(func(v trade.View) {
		for _, id := range ids {
			if i, ok := v.Invoice(id); ok && i.Buyer == s.code {
				out = append(out, id)
			}
		}
	})
	return out
}

// [R60]: under a suspended order nothing is rated; its calls wait, by name, and
// go on when it is resumed.
func TestCallsUnderASuspendedOrderWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.sheets(rates)
	a := w.sides[0]
	var id string
	w.until("the order stands", func() bool {
		id = orderID(a, forth)
		return id != ""
	})
	a.do(trade.NewCommand(trade.KindOrderSuspend, trade.OrderAnswer{ID: id}))
	for _, s := range w.sides {
		s.take(row("1", "10:00:00", 60_000), back("2", "10:00:00", 60_000))
	}
	w.through("11:00:00")
	w.until("the order is named", func() bool {
		p, ok := a.problem(trade.CodeOrderState)
		return ok && p.Remedy != ""
	})
	w.until("the other direction does not wait", func() bool {
		x, ok := a.period(forth.Back(), span(t, "10:00:00", "11:00:00"))
		return ok && x.State == invoice.PeriodClosed
	})
	a.do(trade.NewCommand(trade.KindOrderResume, trade.OrderAnswer{ID: id}))
	w.settled("0.100000")
	w.quiet()
	for _, s := range w.sides {
		if p := s.desk.Problems(); len(p) != 0 {
			t.Errorf("%s: a solved problem is still listed: %+v", s.code, p)
		}
	}
}

func orderID(s *side, d usage.Direction) (id string) {
	s.view(func(v trade.View) {
		x, _ := v.Standing(d, "voice")
		id = x.Order
	})
	return id
}

// [R24]: after the agreement ends, what was used under it is still cleared, by
// a node that was restarted too.
func TestATerminatedAgreementIsClearedToTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.sheets(rates)
	a, b := w.sides[0], w.sides[1]
	for _, s := range w.sides {
		s.take(row("1", "10:00:00", 60_000))
	}
	w.pass(24 * 365 * time.Hour) // well after the test's day
	b.do(trade.NewCommand(trade.KindAgreementEnd, trade.AgreementEnd{ID: "MSA-1"}))
	a.restart()
	b.restart()
	w.through("11:00:00")
	w.settled("0.100000")
}

// Periods that begin with an amendment follow its cycle; late records name the
// period of the cycle that held.
func TestAnAmendmentChangesTheCycle(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.sheets(rates)
	a, b := w.sides[0], w.sides[1]
	for _, s := range w.sides {
		s.take(row("1", "10:00:00", 60_000), row("2", "12:10:00", 60_000))
	}
	w.through("11:00:00")
	w.settled("0.100000")
	var terms agreement.Terms
	a.view(func(v trade.View) { terms, _ = v.TermsAt("MSA-1", 0) })
	terms.Cycle = "15m"
	a.do(trade.NewCommand(trade.KindAgreementAmend, trade.AgreementAmend{ID: "MSA-1", From: at(t, "12:00:00"), Terms: terms}))
	b.do(trade.NewCommand(trade.KindAgreementAccept, trade.AgreementAnswer{ID: "MSA-1", Terms: terms.Hash()}))
	for _, s := range w.sides {
		s.take(row("3", "10:20:00", 60_000))
	}
	w.through("12:30:00")
	w.settled("0.300000")
	if x, ok := a.period(forth, span(t, "12:00:00", "12:15:00")); !ok || x.Open != 0 {
		t.Fatalf("%+v, want a period of the new cycle", x)
	}
	w.quiet()
	if d := a.disputes(); len(d) != 0 {
		t.Fatalf("disputes: %+v", d)
	}
}

// A command that the channel refuses is listed with code and remedy, is not
// sent in a hot loop, and goes from the list when it is solved.
func TestARefusedCommandIsListedUntilItIsSolved(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.sheets(rates)
	a := w.sides[0]
	for _, s := range w.sides {
		s.take(row("1", "10:00:00", 60_000))
	}
	a.denied.Store(true)
	w.through("11:00:00")
	w.until("the denial is listed", func() bool {
		p, ok := a.problem(fault.Forbidden)
		return ok && p.Remedy != "" && p.Tries > 2
	})
	if tries := a.tries.Load(); tries > 30 {
		t.Fatalf("%d tries", tries)
	}
	a.denied.Store(false)
	w.settled("0.100000")
	w.until("nothing is listed any more", func() bool { return len(a.desk.Problems()) == 0 })
}

// limit sets how much a side's delegate may sign for, in millionths of a USD.
func (s *side) limit(micro money.Micro) {
	s.do(trade.NewCommand(trade.KindDelegateAdd, trade.DelegateAdd{
		Key: s.keys.delegate.Public(), Name: "robot", Roles: []party.Role{party.Contracts, party.Orders, party.Disputes, party.Finance},
		Limits: []money.Amount{{Currency: "USD", Micro: micro}},
	}))
}

// final waits until a number of invoices wait to be netted or paid.
func (w *world) final(n int) {
	w.t.Helper()
	for _, s := range w.sides {
		w.until(fmt.Sprintf("%d invoices are final", n), func() bool {
			got := 0
			s.view(func(v trade.View) {
				for i := range v.Invoices("") {
					if i.Payable() {
						got++
					}
				}
			})
			return got == n
		})
	}
}

// [R4], [R6]: what is beyond the limit of a delegate is listed, and goes on by
// itself when the limit is raised.
func TestASettlementBeyondALimitGoesOnWhenItIsRaised(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.sheets(rates)
	a := w.sides[0]
	for _, s := range w.sides {
		s.auto.Net = false
		s.restart()
		s.take(row("1", "10:00:00", 60_000))
	}
	w.through("11:00:00")
	w.final(1)
	a.limit(50_000)
	for _, s := range w.sides {
		s.auto.Net = true
		s.restart()
	}
	w.until("the limit is named again and again", func() bool {
		p, ok := a.problem(trade.CodeBeyondLimit)
		return ok && p.Tries > 2 && p.Remedy != ""
	})
	a.limit(1e15)
	w.settled("0.100000")
	w.until("nothing is listed any more", func() bool { return len(a.desk.Problems()) == 0 })
}

// Invoices whose sum is beyond a limit are settled in parts; one that is beyond
// it by itself is listed, and holds no other up.
func TestASettlementBeyondALimitIsMadeInParts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.sheets(rates)
	a := w.sides[0]
	for _, s := range w.sides {
		s.auto.Net = false
		s.restart()
		s.take(row("1", "10:00:00", 60_000), row("2", "11:00:00", 600_000), row("3", "12:00:00", 60_000), row("4", "13:00:00", 60_000))
	}
	w.through("14:00:00")
	w.final(4)
	a.limit(150_000)
	for _, s := range w.sides {
		s.auto.Net = true
		s.restart()
	}
	w.until("three of four invoices are paid and the limit is named", func() (ok bool) {
		paid := 0
		a.view(func(v trade.View) {
			for i := range v.Invoices("") {
				if i.Paid {
					paid++
				}
			}
		})
		_, ok = a.problem(trade.CodeBeyondLimit)
		return ok && paid == 3
	})
	a.limit(1e15)
	w.settled("1.300000")
}

// A delegate who signs nothing while invoices wait is listed.
func TestASettlementThatNobodySignsIsListed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.sheets(rates)
	a := w.sides[0]
	for _, s := range w.sides {
		s.auto.Net = false
		s.restart()
		s.take(row("1", "10:00:00", 60_000))
	}
	w.through("11:00:00")
	w.final(1)
	a.denied.Store(true)
	a.auto.Net = true
	a.restart()
	w.until("the denial is listed", func() bool {
		p, ok := a.problem(fault.Forbidden)
		return ok && p.Subject == settleSubject && p.Tries > 2
	})
	w.sides[1].auto.Net = true
	w.sides[1].restart()
	a.denied.Store(false)
	w.settled("0.100000")
}

// Live edges are shown so late that the partner's record of a call is in, which
// may end a start tolerance after ours: in the next period, and imported when
// the period of our record has closed.
func TestALiveCallMeetsThePartnersOverAnEdge(t *testing.T) {
	t.Parallel()
	tolerance := 60 * time.Second // long, so that a slow machine is in time
	w := newWorld(t, func(x *agreement.Terms) {
		x.PastPeriods, x.GraceMillis, x.Cycle, x.StartTolerance = false, 2000, "15m", tolerance.Milliseconds()
	})
	w.sheets(rates)
	a, b := w.sides[0], w.sides[1]
	edge := w.now().Truncate(15 * time.Minute).Add(30 * time.Minute)
	w.pass(edge.Add(-time.Minute).Sub(w.now()))
	ends := func(at time.Time) string {
		return call_("1", "41440000001", "12125550100", at.Add(-time.Minute).UTC().Format(time.RFC3339Nano), 60_000, "ALPHA", "BRAVO")
	}
	a.take(ends(edge.Add(-500 * time.Millisecond)))
	w.pass(edge.Add(3400 * time.Millisecond).Sub(w.now()))
	for _, s := range w.sides {
		w.until("the period is closed", func() bool {
			s.desk.mu.Lock()
			defer s.desk.mu.Unlock()
			return s.desk.through == edge.UnixMilli()
		})
		if known := s.desk.known(); known >= edge.UnixMilli() {
			t.Fatalf("%s may state the period before its edges are shown", s.code)
		}
	}
	b.take(ends(edge.Add(2400 * time.Millisecond)))
	b.restart() // what is closed and not shown yet is shown after a restart
	w.pass(tolerance)
	w.until("both have met at the edge", func() bool {
		met := 0
		for _, s := range w.sides {
			s.desk.mu.Lock()
			if s.desk.met == edge.UnixMilli() {
				met++
			}
			s.desk.mu.Unlock()
		}
		return met == 2
	})
	w.pass(15 * time.Minute)
	w.settled("0.100000")
	if d := a.disputes(); len(d) != 0 {
		t.Fatalf("a call at a live edge was disputed: %+v", d)
	}
	a.view(func(v trade.View) {
		for o := range v.Orders() {
			for p := range v.Periods(o.ID) {
				if p.Interval.From != edge.UnixMilli() && p.Buyer.Records+p.Seller.Records > 0 {
					t.Errorf("the call was stated in %s, want the seller's period alone", p.Interval)
				}
			}
		}
	})
}

// A clock that was ahead when edges were shown, and is set back, does not
// lengthen the wait for the partner's.
func TestAClockThatIsSetBackDoesNotLengthenTheWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(x *agreement.Terms) { x.Deadlines[0].Millis, x.Deadlines[1].Millis = 2000, 2000 })
	w.sheets(rates)
	a, b := w.sides[0], w.sides[1]
	b.shy.Store(true)
	for _, s := range w.sides {
		s.take(row("1", "10:00:00", 60_000))
	}
	a.jump.Store((24 * time.Hour).Milliseconds())
	w.must(a.desk.CloseThrough(w.context(), at(t, "11:00:00")))
	a.jump.Store(0)
	a.restart()
	w.until("ALPHA goes on", func() bool { return a.desk.known() == at(t, "11:00:00") })
}

// By hand too, a live period cannot be closed before it is over: all calls that
// come would be late.
func TestALivePeriodIsNotClosedBeforeItIsOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(x *agreement.Terms) { x.PastPeriods, x.GraceMillis, x.Cycle = false, 2000, "1h" })
	a := w.sides[0]
	for _, ahead := range []time.Duration{0, time.Hour, 100 * 365 * 24 * time.Hour} {
		err := a.desk.CloseThrough(w.context(), w.now().Add(ahead).UnixMilli())
		if faultCode(err) != fault.NotYet || fault.Of(err).Field != "through" {
			t.Fatalf("%s ahead: %v, want not-yet", ahead, err)
		}
	}
	a.take(call_("1", "41440000001", "12125550100", w.now().UTC().Format(time.RFC3339Nano), 1, "ALPHA", "BRAVO"))
	if n := a.desk.book.Late(); n != 0 {
		t.Fatalf("%d calls are late", n)
	}
	w.must(a.desk.CloseThrough(w.context(), w.now().Add(-time.Hour).UnixMilli()))
}

// Days of an agreement's zone, over the end of summer time: the day with 25
// hours takes the calls of all of them, an edge at local midnight is met, and a
// late record adjusts that day.
func TestDaysOfAZoneAreClearedOverTheEndOfSummerTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(x *agreement.Terms) { x.Zone, x.Cycle = "Europe/Berlin", "1d" })
	w.sheets(rates)
	a, b := w.sides[0], w.sides[1]
	ms := func(utc string) int64 {
		x, err := time.Parse(time.RFC3339, "2026-10-"+utc+"Z")
		w.must(err)
		return x.UnixMilli()
	}
	ends := func(id, utc string) string {
		return call_(id, "41440000001", "12125550100", time.UnixMilli(ms(utc)-60_000).UTC().Format(time.RFC3339), 60_000, "ALPHA", "BRAVO")
	}
	before := usage.Interval{From: ms("23T22:00:00"), To: ms("24T22:00:00")}
	long := usage.Interval{From: ms("24T22:00:00"), To: ms("25T23:00:00")}
	after := usage.Interval{From: ms("25T23:00:00"), To: ms("26T23:00:00")}
	for i, s := range w.sides {
		edge := []string{"25T22:59:58", "25T23:00:01"}[i] // ours before midnight, the seller's after it
		s.take(ends("1", "24T21:30:00"), ends("2", "24T22:30:00"), ends("3", "25T22:30:00"), ends("4", edge), ends("5", "26T10:00:00"))
		w.must(s.desk.CloseThrough(w.context(), long.To))
	}
	w.settled("0.300000")
	b.restart()
	for _, s := range w.sides {
		s.take(ends("6", "25T00:30:00"))
		w.must(s.desk.CloseThrough(w.context(), after.To))
	}
	w.settled("0.600000")
	w.quiet()
	if d := a.disputes(); len(d) != 0 {
		t.Fatalf("disputes: %+v", d)
	}
	for p, want := range map[usage.Interval]uint64{before: 1, long: 2, after: 3} {
		x, ok := a.period(forth, p)
		if !ok || x.Buyer.Records != want || x.Seller.Records != want {
			t.Errorf("%s: %d and %d calls, want %d", p, x.Buyer.Records, x.Seller.Records, want)
		}
	}
	x, _ := a.period(forth, after)
	a.view(func(v trade.View) {
		adjusts := 0
		for _, id := range x.Invoices {
			doc, _ := v.Document(id)
			for _, l := range doc.Lines {
				if l.Adjusts == long {
					adjusts++
				}
			}
		}
		if adjusts != 1 {
			t.Errorf("%d lines adjust the long day, want one", adjusts)
		}
	})
}

// Periods and directions do not wait for each other: commands of many share
// envelopes.
func TestCommandsOfManyPeriodsShareEnvelopes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(x *agreement.Terms) { x.Cycle = "1m" })
	w.sheets(rates)
	const periods = 60
	for _, s := range w.sides {
		var rows []string
		for i := range periods {
			rows = append(rows, row(fmt.Sprint("f", i), fmt.Sprintf("10:%02d:10", i), 1000), back(fmt.Sprint("b", i), fmt.Sprintf("10:%02d:20", i), 1000))
		}
		s.take(rows...)
	}
	w.through("11:00:00")
	w.until("all is paid", func() bool {
		paid := 0
		w.sides[0].view(func(v trade.View) {
			for i := range v.Invoices("") {
				if i.Paid {
					paid++
				}
			}
		})
		return paid == 2*periods
	})
	w.quiet()
	var end channel.Cursor
	w.must(w.sides[0].channel.View(func(v channel.View) error {
		end = v.Cursor
		return nil
	}))
	envelopes, commands := map[trade.Kind]int{}, map[trade.Kind]int{}
	directions := 0 // envelopes that state periods of both
	for e, err := range w.sides[0].channel.Events(w.context(), 0) {
		w.must(err)
		seen := map[trade.Kind]bool{}
		orders := map[string]bool{}
		for _, o := range e.Outcomes {
			commands[o.Kind]++
			seen[o.Kind] = true
			if o.Kind == trade.KindUsageState {
				for _, ev := range o.Events {
					orders[strings.Split(ev.Subject, "/")[1]] = true
				}
			}
		}
		for k := range seen {
			envelopes[k]++
		}
		if len(orders) > 1 {
			directions++
		}
		if e.Next >= end {
			break
		}
	}
	for _, k := range []trade.Kind{trade.KindUsageState, trade.KindInvoiceAccept} {
		if commands[k] < 2*periods || 2*envelopes[k] > commands[k] {
			t.Errorf("%d commands %s in %d envelopes", commands[k], k, envelopes[k])
		}
	}
	if directions == 0 {
		t.Error("no envelope states periods of both directions")
	}
}

// A refusal that came because the partner was faster is no problem, however late
// it is noted; one of a step that the record still wants stays.
func TestAProblemGoesWithTheStateThatItWasAbout(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.sheets(rates)
	a := w.sides[0]
	for _, s := range w.sides {
		s.take(row("1", "10:00:00", 60_000))
	}
	before := a.desk.stateOf("order/none")
	w.through("11:00:00")
	w.settled("0.100000")
	w.quiet()
	var key string
	a.view(func(v trade.View) {
		for k := range v.Scan(trade.PeriodPrefix) {
			key = k
		}
	})
	late := fault.New(fault.Conflict, "rating of the period was requested before", "nothing")
	a.desk.failAt("request/"+key, key, before, late)
	if p := a.desk.Problems(); len(p) != 0 {
		t.Errorf("what the record has left behind is listed: %+v", p)
	}
	a.desk.failAt("tick/"+key, key, a.desk.stateOf(key), late)
	if p := a.desk.Problems(); len(p) != 1 || p[0].Needs != "" {
		t.Errorf("what the record still wants is not listed: %+v", p)
	}
}
