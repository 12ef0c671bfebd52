package clearing

import (
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
// the hour.
func (w *world) agreeProducts() {
	w.t.Helper()
	a, b := w.sides[0], w.sides[1]
	terms := agreement.Defaults()
	terms.PastPeriods, terms.GraceMillis = true, 0
	clause := agreement.DefaultProduct("annex", string(connectivity.Name))
	clause.Schedules = []agreement.Schedule{{Name: "app", Type: "urn:app", Prices: []rating.Price{
		{Name: "session", Kind: rating.Time, Currency: "USD", Rate: 1e9, Unit: 60}}}}
	terms.Products = []agreement.ProductTerms{clause}
	signed := "as in the signed document"
	a.do(trade.NewCommand(trade.KindAgreementPropose, trade.AgreementPropose{
		ID: "MSA-P", Type: agreement.MSA, Lines: []product.Line{connectivity.Name}, Terms: terms,
		Legal: agreement.Legal{Document: canon.Sum("document"), GoverningLaw: signed, Jurisdiction: signed, Indemnity: signed, Liability: signed,
			ForceMajeure: signed, Taxes: signed, Term: signed, Obligations: signed, Definitions: signed},
	}))
	b.do(trade.NewCommand(trade.KindAgreementAccept, trade.AgreementAnswer{ID: "MSA-P", Terms: terms.Hash()}))
}

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
func (w *world) opens(id string, until int64) {
	w.t.Helper()
	a := w.sides[0]
	r := order.Request{Action: order.Add, Product: id, Schedule: "app", Until: until}
	a.view(func(v trade.View) { r.Offer, _ = v.Scheduled("MSA-P", connectivity.Name, "app", w.now().UnixMilli()) })
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
	account := invoice.Account{Agreement: "MSA-P", Seller: "BRAVO"}
	a.do(trade.NewCommand(trade.KindBillRequest, trade.BillRequest{Account: account, Interval: hour}))
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
		for _, p := range s.desk.Problems() {
			t.Errorf("%s: %+v", s.code, p)
		}
	}
}
