package selling_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/order"
)

var aYear = &wire.Term{Name: "a year", Duration: wire.Duration{Amount: 1, Units: "years"}, End: wire.EndOfTermRoll, Roll: &wire.Duration{Amount: 1, Units: "months"}}

// delivered is a world in which BRAVO has a line of 600 Mbit/s for a year.
func delivered(t *testing.T) (*world, *bilateral) {
	w := newWorld(t)
	b := newBilateral(t, w)
	q := firm(line("600000000"))
	q.Items[0].Term = aYear
	b.deliver("O-1", must(w.buyer("bravo", wire.Kylie).CreateQuote(t.Context(), q)).Value.Proofs[0].Signed)
	return w, b
}

// changed is the line P-1 with another bandwidth, at the places where it is.
func changed(bandwidth string) wire.Product {
	p := line(bandwidth)
	return wire.Product{ID: "P-1", Configuration: p.Configuration}
}

func modify(p wire.Product) wire.Quote {
	q := firm(p)
	q.Items[0].Action = wire.Modify
	return q
}

func end(id string) wire.Quote {
	q := firm(wire.Product{ID: id})
	q.Items[0].Action = wire.Delete
	return q
}

func TestAChangeIsQuotedWhereTheProductIsAndTakesOnlyWhatIsMore(t *testing.T) {
	w, b := delivered(t)
	ctx, bravo, delta := t.Context(), w.buyer("bravo", wire.Kylie), w.buyer("delta", wire.Kylie)
	free := func() uint64 {
		_, n, err := w.catalog.Free("secret-cable", w.ms.Load(), 0, w.ms.Load())
		return must(n, err)
	}
	poq := wire.POQ{Instant: true, Contacts: contact}
	for i, bandwidth := range []string{"1000000000", "100000000"} {
		poq.Items = append(poq.Items, wire.POQItem{ID: fmt.Sprint(i), Action: wire.Modify, Product: changed(bandwidth)})
	}
	if a := must(bravo.CreateQualification(ctx, poq)); a.Value.Items[0].Confidence != wire.GreenConfidence || a.Value.Items[1].Confidence != wire.GreenConfidence {
		t.Errorf("it cannot be changed: %s", a.Raw)
	}
	a := must(bravo.CreateQuote(ctx, modify(changed("900000000"))))
	if a.Value.State != wire.Orderable || len(a.Value.Items[0].Prices) != 2 || strings.Contains(string(a.Raw), "activation") {
		t.Fatalf("the change is quoted as %s", a.Raw)
	}
	if free() != 100_000_000 {
		t.Errorf("%d bit/s are free beside 900 Mbit/s", free())
	}
	if a := must(delta.CreateQuote(ctx, firm(line("200000000")))); a.Value.State != wire.UnableToProvide {
		t.Errorf("what the change needs is sold to another: %s", a.Raw)
	}
	signed := must(order.OpenQuote(a.Value.Proofs[0].Signed)).Quote
	// It sets no new term, and the one that there is may still be ended early.
	if signed.Action != order.Modify || signed.Item != "P-1" || signed.Held == 0 || signed.To != 0 || signed.Offer.Term.Months != 0 || signed.Offer.Term.Early != 500_000 || len(signed.Offer.Prices) != 3 {
		t.Errorf("signed: %+v", signed)
	}
	b.deliver("O-2", a.Value.Proofs[0].Signed)
	if p := b.product("P-1"); len(p.Phases) != 2 || p.Phases[1].Offer.Configuration != signed.Offer.Configuration || free() != 100_000_000 {
		t.Errorf("%+v, and %d bit/s are free", p.Phases, free())
	}
	// The next change is one of the changed product.
	if a = must(bravo.CreateQuote(ctx, modify(changed("100000000")))); a.Value.State != wire.Orderable {
		t.Fatalf("%s", a.Raw)
	}
	b.deliver("O-3", a.Value.Proofs[0].Signed)
	if free() != 900_000_000 {
		t.Errorf("%d bit/s are free beside 100 Mbit/s", free())
	}
}

func TestAChangeThatCannotBeIsRefused(t *testing.T) {
	w, b := delivered(t)
	ctx, bravo, delta := t.Context(), w.buyer("bravo", wire.Kylie), w.buyer("delta", wire.Kylie)
	wants := func(what string, err error, code, path string) {
		t.Helper()
		if err == nil {
			t.Errorf("%s is not refused", what)
			return
		}
		if r := refusal(t, err); r.Status != 422 || r.Errors[0].Code != code || r.Errors[0].PropertyPath != path {
			t.Errorf("%s: %d %+v", what, r.Status, r.Errors)
		}
	}
	const id = "/quoteItem/0/product/id"
	_, err := delta.CreateQuote(ctx, modify(changed("700000000")))
	wants("another buyer's product", err, "referenceNotFound", id)
	_, err = delta.CreateQuote(ctx, end("P-1"))
	wants("the end of another's", err, "referenceNotFound", id)
	_, err = bravo.CreateQuote(ctx, end("P-9"))
	wants("the end of none", err, "referenceNotFound", id)
	_, err = delta.Available(ctx, wire.AvailabilityRequest{Action: wire.Modify, Product: &wire.Ref{ID: "P-1"}})
	wants("a question about another's", err, "referenceNotFound", "/productRef/id")
	moved := changed("700000000")
	moved.Place = line("1").Place
	moved.Place[0].Place.ID = "FRPAR"
	_, err = bravo.CreateQuote(ctx, modify(moved))
	wants("another place", err, "invalidValue", "/quoteItem/0/product/place")
	q := modify(changed("700000000"))
	q.Items[0].Term = &wire.Term{Name: "an hour", Duration: wire.Duration{Amount: 1, Units: "calendarHours"}, End: wire.EndOfTermDisconnect}
	_, err = bravo.CreateQuote(ctx, q)
	wants("an end", err, "invalidValue", "/quoteItem/0/requestedQuoteItemTerm/endOfTermAction")
	if a := must(bravo.CreateQuote(ctx, modify(changed("2000000000")))); a.Value.State != wire.UnableToProvide {
		t.Errorf("more than is sold: %s", a.Raw)
	}
	// The same places, and more to ask there, are no other product.
	moved.Place[0].Place.ID = "ITMIL"
	if a := must(bravo.CreateQuote(ctx, modify(moved))); a.Value.State != wire.Orderable {
		t.Errorf("the same places: %s", a.Raw)
	}
	can := must(bravo.Available(ctx, wire.AvailabilityRequest{Action: wire.Modify, Product: &wire.Ref{ID: "P-1"}}))
	costs := must(bravo.Pricing(ctx, wire.PricingRequest{Action: wire.Modify, Product: &wire.Ref{ID: "P-1"}, Configuration: "hk-mil"}))
	if len(can.Value.Configurations) != 1 || can.Value.Configurations[0].ID != "hk-mil" || len(costs.Value.Prices) != 1 || len(costs.Value.Prices[0].Prices) != 2 {
		t.Errorf("to be had: %s, for %s", can.Raw, costs.Raw)
	}
	b.must("ALPHA.channel", "ALPHA.desk", trade.KindProductSuspend, trade.ProductAnswer{ID: "P-1"})
	_, err = bravo.CreateQuote(ctx, modify(changed("700000000")))
	wants("a suspended product", err, "otherIssue", id)
	if a := must(bravo.CreateQuote(ctx, end("P-1"))); a.Value.State != wire.Orderable || len(a.Value.Items[0].Prices) != 0 {
		t.Errorf("what its seller suspends ends for nothing: %s", a.Raw)
	}
}

func TestAnEndIsQuotedAtWhatTheBilateralChargesForIt(t *testing.T) {
	w, b := delivered(t)
	ctx, bravo := t.Context(), w.buyer("bravo", wire.Kylie)
	w.ms.Add((100 * 24 * time.Hour).Milliseconds())
	holds := len(w.catalog.Holds())
	q := end("P-1")
	q.Items[0].RequestedInterval = &wire.Duration{Amount: 1, Units: "calendarHours"}
	a := must(bravo.CreateQuote(ctx, q))
	if a.Value.State != wire.Orderable || len(w.catalog.Holds()) != holds {
		t.Fatalf("%s, %d reservations", a.Raw, len(w.catalog.Holds()))
	}
	at := w.ms.Load() + 3_600_000
	signed := must(order.OpenQuote(a.Value.Proofs[0].Signed)).Quote
	if signed.Action != order.Delete || signed.Item != "P-1" || signed.From != at || signed.Held != 0 || signed.Offer.Term.Early != 500_000 {
		t.Errorf("signed: %+v", signed)
	}
	before := len(b.product("P-1").Due)
	b.must("BRAVO.channel", "BRAVO.desk", trade.KindOrderPlace, trade.OrderPlace{ID: "O-2", Kind: order.Product, Agreement: "MSA", Line: signed.Offer.Line, From: at,
		Request: &order.Request{Action: order.Delete, Product: "P-1"}})
	b.must("ALPHA.channel", "ALPHA.desk", trade.KindOrderAccept, trade.OrderAnswer{ID: "O-2"})
	w.ms.Store(at)
	b.must("ALPHA.channel", "ALPHA.desk", trade.KindOrderDeliver, trade.OrderDeliver{ID: "O-2", At: at})
	charged := b.product("P-1").Due[before:]
	prices := a.Value.Items[0].Prices
	if len(prices) != 2 || len(charged) != len(prices) {
		t.Fatalf("quoted: %+v, charged: %+v", prices, charged)
	}
	for i, p := range prices {
		if m := wire.MoneyOf(charged[i].Amount); p.Type != wire.NonRecurring || p.Name != charged[i].Price || p.Price.Untaxed != m || !strings.HasPrefix(p.Description, "early-termination") {
			t.Errorf("quoted: %+v, charged: %+v", p, charged[i])
		}
	}
	// What has ended is nothing that could be changed or ended.
	for _, q := range []wire.Quote{end("P-1"), modify(changed("700000000"))} {
		if _, err := bravo.CreateQuote(ctx, q); err == nil || refusal(t, err).Errors[0].Code != "otherIssue" {
			t.Errorf("of an ended product: %v", err)
		}
	}
}

func TestAProductWithItsOwnEndIsNotChanged(t *testing.T) {
	w := newWorld(t)
	b := newBilateral(t, w)
	bravo := w.buyer("bravo", wire.Kylie)
	q := firm(line("600000000"))
	q.Items[0].Term = &wire.Term{Name: "tonight", Duration: wire.Duration{Amount: 2, Units: "calendarHours"}, End: wire.EndOfTermDisconnect}
	a := must(bravo.CreateQuote(t.Context(), q))
	w.ms.Add(60_000) // the lead
	b.deliver("O-1", a.Value.Proofs[0].Signed)
	if p := b.product("P-1"); p.Ends != must(order.OpenQuote(a.Value.Proofs[0].Signed)).Quote.To {
		t.Errorf("it ends at %d", p.Ends)
	}
	_, err := bravo.CreateQuote(t.Context(), modify(changed("700000000")))
	if r := refusal(t, err); r.Status != 422 || r.Errors[0].Code != "otherIssue" {
		t.Errorf("%+v", r)
	}
	if h, ok := w.catalog.HoldOf("O-1"); !ok || h.State != catalog.InUse {
		t.Errorf("its reservation: %+v", h)
	}
}
