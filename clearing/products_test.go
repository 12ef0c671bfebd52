package clearing

import (
	"slices"
	"testing"
	"time"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/line/connectivity"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// agreeProducts signs an agreement on sessions of an app, measured and billed by
// the hour, and on ports.
func (w *world) agreeProducts(change ...func(*agreement.Terms)) {
	w.t.Helper()
	a, b := w.sides[0], w.sides[1]
	terms := agreement.Defaults()
	terms.PastPeriods, terms.GraceMillis, terms.Netting = true, 0, true
	clause := agreement.DefaultProduct("annex", string(connectivity.Name))
	clause.Schedules = []agreement.Schedule{{Name: "app", Type: "urn:app", Prices: []rating.Price{
		{Name: "session", Kind: rating.Time, Currency: "USD", Rate: 1e9, Unit: 60}}},
		{Name: "port", Type: "urn:port", Prices: []rating.Price{
			{Name: "port", Kind: rating.Recurring, Currency: "USD", Rate: 3600e9, Unit: 1, Period: usage.Cycle{Length: "1h"}}}}}
	terms.Products = []agreement.ProductTerms{clause}
	for _, c := range change {
		c(&terms)
	}
	signed := "as in the signed document"
	a.do(trade.NewCommand(trade.KindAgreementPropose, trade.AgreementPropose{
		ID: "MSA-P", Type: agreement.MSA, Lines: []product.Line{connectivity.Name}, Terms: terms,
		Legal: agreement.Legal{Document: canon.Sum("document"), GoverningLaw: signed, Jurisdiction: signed, Indemnity: signed, Liability: signed,
			ForceMajeure: signed, Taxes: signed, Term: signed, Obligations: signed, Definitions: signed},
	}))
	b.do(trade.NewCommand(trade.KindAgreementAccept, trade.AgreementAnswer{ID: "MSA-P", Terms: terms.Hash()}))
}

// account is the one to which all that ALPHA orders here is billed.
var account = invoice.Account{Agreement: "MSA-P", Seller: "BRAVO"}

// delegates registers the delegate of each side, where there is no agreement on
// calls.
func (w *world) delegates() {
	w.t.Helper()
	for _, s := range w.sides {
		s.do(trade.NewCommand(trade.KindDelegateAdd, trade.DelegateAdd{Key: s.keys.delegate.Public(), Name: "robot",
			Roles: []party.Role{party.Contracts, party.Orders, party.Disputes, party.Finance}, Limits: []money.Amount{{Currency: "USD", Micro: 1e15}}}))
	}
}

// opens has a session ordered by the app's schedule; until is when it ends by
// itself, 0: it is open.
func (w *world) opens(id string, until int64) { w.orders(id, "app", until) }

func (w *world) orders(id, schedule string, until int64) {
	w.t.Helper()
	a := w.sides[0]
	r := order.Request{Action: order.Add, Product: id, Schedule: schedule, Until: until}
	// The block that made the agreement may be a moment ahead of the clock.
	w.until("the agreement is in force", func() (ok bool) {
		a.view(func(v trade.View) {
			r.Offer, ok = v.Scheduled("MSA-P", connectivity.Name, schedule, w.now().UnixMilli())
		})
		return ok
	})
	r.Offer.Pieces = 1
	a.do(trade.NewCommand(trade.KindOrderPlace, trade.OrderPlace{ID: "O-" + id, Kind: order.Product, Agreement: "MSA-P", Line: connectivity.Name, Request: &r,
		Value: []money.Amount{{Currency: "USD", Micro: 1e6}}}))
}

// delivers accepts and delivers the order of a session, and gives the moment.
func (w *world) delivers(id string) (at int64) {
	w.t.Helper()
	b := w.sides[1]
	b.do(trade.NewCommand(trade.KindOrderAccept, trade.OrderAnswer{ID: "O-" + id}))
	b.view(func(v trade.View) {
		it, _ := v.Item("O-" + id)
		at = it.Start
	})
	b.do(trade.NewCommand(trade.KindOrderDeliver, trade.OrderDeliver{ID: "O-" + id, At: at}))
	return at
}

// measures states the use of a session in an hour.
func (s *side) measures(id string, hour usage.Interval, used uint64) {
	s.w.t.Helper()
	s.do(trade.NewCommand(trade.KindMeasure, trade.MeasurementState{Product: id, Interval: hour,
		Measured: usage.Measured{Root: canon.Sum("records"), Used: []usage.Figure{{Name: "session", Value: used}}}}))
}

func hourOf(ms int64) usage.Interval {
	from := ms - ms%3_600_000
	return usage.Interval{From: from, To: from + 3_600_000}
}

// An order, a product or a measurement that nobody finishes ends by its deadline,
// although the two have no agreement on calls.
func TestNothingAboutAProductWaitsForEver(t *testing.T) {
	t.Parallel()
	w := newWorldWithout(t)
	w.delegates()
	w.agreeProducts()
	a := w.sides[0]
	w.opens("S-1", 0) // nobody answers
	w.opens("S-2", w.now().Add(2*time.Hour).UnixMilli())
	hour := hourOf(w.delivers("S-2"))
	w.pass(3 * time.Hour)
	w.until("the timed product ends", func() (ended bool) {
		a.view(func(v trade.View) {
			p, _ := v.Product("S-2")
			ended = p.State == product.Terminated
		})
		return ended
	})
	a.measures("S-2", hour, 60) // the other side states nothing
	w.pass(25 * time.Hour)
	w.until("the one statement stands", func() (agreed bool) {
		a.view(func(v trade.View) {
			m, _ := v.Measurement("S-2", hour)
			agreed = m.State == usage.MeasurementAgreed && m.Used[0].How == "deadline"
		})
		return agreed
	})
	w.pass(31 * 24 * time.Hour)
	w.until("the order lapses, and what it held is free", func() (over bool) {
		a.view(func(v trade.View) {
			it, _ := v.Item("O-S-1")
			p, _ := v.Product("S-1")
			over = it.State == order.ItemRejected && p.State == product.Cancelled
		})
		return over
	})
}

// What a product is billed concerns no call of the same hour: its statement is not
// missed, and nobody states calls for the bill.
func TestABillForProductsTouchesNoCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.agreeProducts()
	a, b := w.sides[0], w.sides[1]
	w.opens("S-1", 0)
	hour := hourOf(w.delivers("S-1"))
	a.take(call_("1", "41440000001", "12125550100", time.UnixMilli(hour.From+60_000).UTC().Format(time.RFC3339), 60_000, "ALPHA", "BRAVO"))
	w.pass(2 * time.Hour)
	a.measures("S-1", hour, 120)
	b.measures("S-1", hour, 120)
	w.pass(time.Hour) // those before may have been billed before the hour was measured
	w.until("the buyer's node accepts the bill", func() (accepted bool) {
		b.view(func(v trade.View) {
			for i := range v.Invoices("BRAVO-ALPHA-" + account.Order()) {
				accepted = i.Total == 2e6 && i.State != invoice.Issued
			}
		})
		return accepted
	})
	for _, s := range w.sides {
		if all := s.desk.Exceptions(); len(all) != 0 {
			t.Errorf("%s: %+v", s.code, all)
		}
		// A command that was on its way when the hours passed expired with them;
		// it is signed anew.
		w.until("no problem is left", func() bool { return len(s.desk.Problems()) == 0 })
	}
}

// billed gives the intervals of an account's bills in order, and who asked for each.
func (s *side) billed(a invoice.Account) (out []usage.Interval, by []party.Code) {
	s.view(func(v trade.View) {
		for p := range v.Periods(a.Order()) {
			out, by = append(out, p.Interval), append(by, p.Requested)
		}
	})
	return out, by
}

// spent sums what items of all bills charge a product, and refuses an interval that
// is charged twice.
func (s *side) spent(id string) (sum money.Micro, seconds int64) {
	s.w.t.Helper()
	var charged []usage.Interval
	s.view(func(v trade.View) {
		for p := range v.Periods(account.Order()) {
			for _, inv := range p.Invoices {
				doc, _ := v.Document(inv)
				for _, x := range doc.Items {
					if x.Product != id {
						continue
					}
					i := x.Charge.Interval
					if slices.ContainsFunc(charged, func(x usage.Interval) bool { return x.From < i.To && i.From < x.To }) {
						s.w.t.Errorf("%s is charged again in %s", id, i)
					}
					charged = append(charged, i)
					sum, seconds = sum+x.Charge.Amount.Micro, seconds+(i.To/1000-i.From/1000)
				}
			}
		}
	})
	return sum, seconds
}

// paidThrough waits until the bills of an account reach a moment and nothing of
// them is unpaid.
func (w *world) paidThrough(ms int64) {
	w.t.Helper()
	for _, s := range w.sides {
		w.until("everything is billed and paid", func() (done bool) {
			s.view(func(v trade.View) {
				// A bill that one side alone has submitted has no invoice yet: there is
				// nothing to be paid, and much to wait for.
				done = true
				var last int64
				for p := range v.Periods(account.Order()) {
					last = p.Interval.To
					done = done && p.State != invoice.PeriodRequested && p.State != invoice.PeriodStated
				}
				done = done && last >= ms
				for i := range v.Invoices("BRAVO-ALPHA-" + account.Order()) {
					done = done && i.Paid
				}
			})
			return done
		})
	}
}

// alike refuses bills that leave an interval out or have one twice.
func (s *side) alike(from, to int64) {
	s.w.t.Helper()
	all, _ := s.billed(account)
	if len(all) == 0 || all[0] != hourOf(from) || all[len(all)-1].To < to {
		s.w.t.Fatalf("%s: bills of %v, want all from %s to %s", s.code, all, usage.Stamp(from), usage.Stamp(to))
	}
	for n := 1; n < len(all); n++ {
		if all[n].From != all[n-1].To {
			s.w.t.Errorf("%s: after the bill of %s comes that of %s", s.code, all[n-1], all[n])
		}
	}
}

// What is delivered is billed hour by hour, by the seller's node, accepted, netted
// and paid without anybody, where there is no agreement on calls.
func TestProductsAreBilledAndPaidByThemselves(t *testing.T) {
	t.Parallel()
	w := newWorldWithout(t)
	w.delegates()
	w.agreeProducts()
	w.orders("P-1", "port", 0)
	at := w.delivers("P-1")
	end := hourOf(at).From
	for range 3 {
		end += 3_600_000
		w.pass(max(0, time.UnixMilli(end).Sub(w.now())) + time.Second)
		w.paidThrough(end)
	}
	for _, s := range w.sides {
		all, by := s.billed(account)
		if len(all) != 3 {
			t.Errorf("%s: %d bills for three hours: %v", s.code, len(all), all)
		}
		for n := range by {
			if by[n] != "BRAVO" {
				t.Errorf("%s asked for the bill of %s, and BRAVO's node runs", by[n], all[n])
			}
		}
		s.alike(at, end)
		sum, seconds := s.spent("P-1")
		if want := end/1000 - at/1000; seconds != want || sum != money.Micro(want)*1e6 {
			t.Errorf("%s: %s for %d s, want a dollar for each of %d", s.code, sum, seconds, want)
		}
		for _, p := range s.desk.Problems() {
			t.Errorf("%s: %+v", s.code, p)
		}
	}
}

// Whoever of the two was down, over however many intervals: all of them are billed
// in the end, each once, and the partner's node does not wait for ever.
func TestNoIntervalIsLostWhileNodesAreDown(t *testing.T) {
	t.Parallel()
	w := newWorldWithout(t)
	w.delegates()
	w.agreeProducts()
	a, b := w.sides[0], w.sides[1]
	w.orders("P-1", "port", 0)
	at := w.delivers("P-1")
	b.halt()
	w.pass(2 * time.Hour)
	w.until("the buyer's node asks for the bills", func() bool {
		_, by := a.billed(account)
		return len(by) > 1 && by[0] == "ALPHA"
	})
	b.start()
	w.paidThrough(w.now().Add(-time.Hour).UnixMilli())
	a.halt()
	b.halt()
	w.pass(7 * time.Hour)
	a.start()
	b.start()
	w.paidThrough(w.now().Add(-time.Hour).UnixMilli())
	for _, s := range w.sides {
		s.alike(at, w.now().Add(-time.Hour).UnixMilli())
		all, _ := s.billed(account)
		sum, seconds := s.spent("P-1")
		if want := all[len(all)-1].To/1000 - at/1000; seconds != want || sum != money.Micro(want)*1e6 {
			t.Errorf("%s: %s for %d s, want a dollar for each of %d", s.code, sum, seconds, want)
		}
	}
}

// Until its test record stands nothing is charged for a product, and no bill is
// made for it; afterwards all that was delivered since is.
func TestNothingIsBilledBeforeItIsDelivered(t *testing.T) {
	t.Parallel()
	w := newWorldWithout(t)
	w.delegates()
	w.agreeProducts(func(x *agreement.Terms) { x.Products[0].Test = true })
	a, b := w.sides[0], w.sides[1]
	w.orders("P-1", "port", 0)
	w.orders("P-2", "port", 0) // is never delivered
	for _, id := range []string{"O-P-1", "O-P-2"} {
		b.do(trade.NewCommand(trade.KindOrderAccept, trade.OrderAnswer{ID: id}))
	}
	at := w.now().UnixMilli()
	b.do(trade.NewCommand(trade.KindOrderDeliver, trade.OrderDeliver{ID: "O-P-1", At: at, Record: canon.Sum("record")}))
	w.pass(2 * time.Hour)
	w.quiet()
	time.Sleep(2 * time.Second) // two ticks of either desk, which could ask for a bill
	for _, s := range w.sides {
		if all, _ := s.billed(account); len(all) != 0 {
			t.Fatalf("%s: bills of %v before anything is delivered", s.code, all)
		}
	}
	a.do(trade.NewCommand(trade.KindOrderAccept, trade.OrderAnswer{ID: "O-P-1"}))
	w.paidThrough(w.now().Add(-time.Hour).UnixMilli())
	a.alike(at, w.now().Add(-time.Hour).UnixMilli())
	if sum, _ := a.spent("P-2"); sum != 0 {
		t.Errorf("%s for what was never delivered", sum)
	}
	all, _ := a.billed(account)
	if sum, seconds := a.spent("P-1"); seconds != all[len(all)-1].To/1000-at/1000 || sum != money.Micro(seconds)*1e6 {
		t.Errorf("%s for %d s since %s", sum, seconds, usage.Stamp(at))
	}
}

// Where each side generates the bill, both nodes submit theirs by themselves.
func TestBothNodesSubmitTheirBills(t *testing.T) {
	t.Parallel()
	w := newWorldWithout(t)
	w.delegates()
	w.agreeProducts(func(x *agreement.Terms) { x.Integration = agreement.Proof })
	w.orders("P-1", "port", 0)
	at := w.delivers("P-1")
	w.pass(3 * time.Hour)
	w.paidThrough(w.now().Add(-time.Hour).UnixMilli())
	a := w.sides[0]
	a.alike(at, w.now().Add(-time.Hour).UnixMilli())
	a.view(func(v trade.View) {
		for p := range v.Periods(account.Order()) {
			if !p.Seller.Complete() || !p.Buyer.Complete() {
				t.Errorf("the bill of %s was issued by its deadline: %+v", p.Interval, p)
			}
		}
	})
}

// A node that is to leave bills to people asks for none.
func TestBillsAreLeftToPeopleWhoWantThat(t *testing.T) {
	t.Parallel()
	w := newWorldWithout(t)
	for _, s := range w.sides {
		s.auto = Automatic{Accept: true, Net: true, Pay: true}
		s.restart()
	}
	w.delegates()
	w.agreeProducts()
	w.orders("P-1", "port", 0)
	at := w.delivers("P-1")
	w.pass(2 * time.Hour)
	w.quiet()
	time.Sleep(2 * time.Second) // two ticks of either desk
	a := w.sides[0]
	if all, _ := a.billed(account); len(all) != 0 {
		t.Fatalf("bills of %v that nobody has asked for", all)
	}
	a.do(trade.NewCommand(trade.KindBillRequest, trade.BillRequest{Account: account, Interval: hourOf(at)}))
	w.paidThrough(hourOf(at).To)
}

// Calls of the other direction whose records one side keeps back hold up no
// payment for products.
func TestProductsDoNotWaitForCallsToBeNetted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.sheets(rates)
	w.agreeProducts()
	nets := func(on bool) {
		for _, s := range w.sides {
			s.auto.Net = on
			s.restart()
		}
	}
	nets(false)
	w.orders("P-1", "port", 0)
	hour := hourOf(w.delivers("P-1"))
	w.pass(time.Hour)
	for i, s := range w.sides {
		s.mute.Store(true)
		s.take(call_("1", "41440000001", "12125550100", time.UnixMilli(hour.From+1000).UTC().Format(time.RFC3339), 60_000*(i+1), "BRAVO", "ALPHA"))
		w.must(s.desk.CloseThrough(w.context(), hour.To))
	}
	b := w.sides[1]
	w.until("the call waits for records, and the bill is accepted", func() bool {
		call, _ := b.period(usage.Direction{From: "BRAVO", To: "ALPHA"}, hour)
		var bill invoice.Period
		b.view(func(v trade.View) { bill, _ = v.Period(trade.PeriodRef{Order: account.Order(), Interval: hour}) })
		return call.State == invoice.PeriodReconciling && call.Waiting > 0 && bill.State == invoice.PeriodAgreed
	})
	nets(true)
	w.paidThrough(hour.To)
}
