package selling_test

import (
	"testing"
	"time"

	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/line/connectivity"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/product"
)

// byQuote is an order by a signed quote.
func byQuote(id, item string, signed []byte) trade.OrderPlace {
	q := must(order.OpenQuote(signed)).Quote
	return trade.OrderPlace{ID: id, Kind: order.Product, Agreement: "MSA", Line: connectivity.Name, From: q.From,
		Request: &order.Request{Action: q.Action, Product: item, Quote: signed, Offer: q.Offer, Until: q.To}}
}

func TestACarrierThatQuotesAndThenRefusesChargesNothingAndSellsToOthers(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	b := newBilateral(t, w)
	bravo, delta := w.buyer("bravo", wire.Kylie), w.buyer("delta", wire.Kylie)
	q := must(bravo.CreateQuote(ctx, firm(line("600000000")))).Value
	b.must("BRAVO.channel", "BRAVO.desk", trade.KindOrderPlace, byQuote("O-1", "P-1", q.Proofs[0].Signed))
	b.must("ALPHA.channel", "ALPHA.desk", trade.KindOrderReject, trade.OrderAnswer{ID: "O-1", Why: "no port is free"})
	it := b.item("O-1")
	if p := b.product("P-1"); it.State != order.ItemRejected || it.Why != "no port is free" || p.State != product.Cancelled || len(p.Due) != 0 || p.Activated() != 0 {
		t.Errorf("%+v, %+v", it, p)
	}
	// The quote is used, and its proof that it was given stays.
	if err := b.run("BRAVO.channel", "BRAVO.desk", trade.KindOrderPlace, byQuote("O-2", "P-2", q.Proofs[0].Signed)); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("it is ordered by again: %v", err)
	}
	if err := bravo.DeclineQuote(ctx, wire.QuoteOperation{QuoteID: q.ID}); err != nil {
		t.Fatal(err)
	}
	until(t, "the reservation is free", func() bool { return len(w.shop.Reservations(q.ID)) == 0 })
	if a := must(delta.CreateQuote(ctx, firm(line("900000000")))); a.Value.State != wire.Orderable {
		t.Errorf("to another: %s", a.Raw)
	}
}

func TestAQuotedPriceHoldsUntilTheQuoteExpires(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	b := newBilateral(t, w)
	bravo := w.buyer("bravo", wire.Kylie)
	var before [2]wire.Quote
	for i := range before {
		before[i] = must(bravo.CreateQuote(ctx, firm(line("100000000")))).Value
	}
	o := must(catalog.Get[catalog.Offering](w.catalog, "hk-mil")).Item
	o.Prices[0].Rate = must(money.ParseRate("999"))
	if _, _, err := catalog.Put(w.catalog, o, "pm", w.ms.Load()); err != nil {
		t.Fatal(err)
	}
	dear := must(bravo.CreateQuote(ctx, firm(line("100000000")))).Value
	if got := dear.Items[0].Prices[0].Price.Untaxed.Value; got != "999" {
		t.Errorf("it is quoted at %s now", got)
	}
	if old := must(bravo.Quote(ctx, before[0].ID)).Value; old.Items[0].Prices[0].Price.Untaxed.Value != "250.5" {
		t.Errorf("the old quote says %s", old.Items[0].Prices[0].Price.Untaxed.Value)
	}
	place := byQuote("O-1", "P-1", before[0].Proofs[0].Signed)
	wrong := *place.Request
	wrong.Offer = must(order.OpenQuote(dear.Proofs[0].Signed)).Quote.Offer
	mixed := place
	mixed.Request = &wrong
	if err := b.run("BRAVO.channel", "BRAVO.desk", trade.KindOrderPlace, mixed); fault.CodeOf(err) != trade.CodeQuoteMismatch {
		t.Errorf("another price than the quoted one: %v", err)
	}
	b.must("BRAVO.channel", "BRAVO.desk", trade.KindOrderPlace, place)
	if it := b.item("O-1"); it.Request.Offer.Prices[0].Rate != must(money.ParseRate("250.5")) {
		t.Errorf("it is ordered at %s", it.Request.Offer.Prices[0].Rate)
	}
	w.ms.Store(before[1].ValidFor.End.UnixMilli())
	if err := b.run("BRAVO.channel", "BRAVO.desk", trade.KindOrderPlace, byQuote("O-2", "P-2", before[1].Proofs[0].Signed)); fault.CodeOf(err) != trade.CodeQuoteExpired {
		t.Errorf("it is ordered by when it has expired: %v", err)
	}
}

// A quote is good by the clocks of its seller and of the ledger. What a buyer says
// of times, it has from the quote.
func TestABuyersClockMayBeFiveMinutesOff(t *testing.T) {
	for name, off := range map[string]time.Duration{"slow": -5 * time.Minute, "fast": 5 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			w, ctx := newWorld(t), t.Context()
			b := newBilateral(t, w)
			clock := func() time.Time { return w.now().Add(off) }
			bravo := w.buyerAt("bravo", wire.Kylie, clock)
			// Wanted within four minutes by its own clock: by the seller's that may be over.
			late := firm(line("100000000"))
			late.Instant, late.Requested = false, clock().Add(4*time.Minute)
			late.Items[0].Contacts = []wire.Contact{{Role: "quoteItemTechnicalContact", Name: "Desk", Number: "+41", Email: "desk@bravo.example"}}
			deferred := must(bravo.CreateQuote(ctx, late)).Value
			until(t, "the deferred quote is answered", func() bool {
				return must(bravo.Quote(ctx, deferred.ID)).Value.State == wire.Orderable
			})
			tonight := firm(line("100000000"))
			tonight.Items[0].RequestedInterval = &wire.Duration{Amount: 10, Units: "minutes"}
			tonight.Items[0].Term = &wire.Term{Name: "an hour", Duration: wire.Duration{Amount: 1, Units: "calendarHours"}, End: wire.EndOfTermDisconnect}
			var quotes [2]wire.Quote
			for i := range quotes {
				quotes[i] = must(bravo.CreateQuote(ctx, tonight)).Value
			}
			end := quotes[0].ValidFor.End.UnixMilli()
			// The last moment, though the fast clock says that it is over.
			w.ms.Store(end - 1)
			if state := must(bravo.Quote(ctx, quotes[0].ID)).Value.State; state != wire.Orderable {
				t.Errorf("before its end it is %s", state)
			}
			b.must("BRAVO.channel", "BRAVO.desk", trade.KindOrderPlace, byQuote("O-1", "P-1", quotes[0].Proofs[0].Signed))
			if it := b.item("O-1"); it.Request.Until-it.Start < 3_300_000-1 || it.Request.Until != must(order.OpenQuote(quotes[0].Proofs[0].Signed)).Quote.To {
				t.Errorf("from %d to %d", it.Start, it.Request.Until)
			}
			// Over, though the slow clock says that it is not.
			w.ms.Store(end)
			if err := b.run("BRAVO.channel", "BRAVO.desk", trade.KindOrderPlace, byQuote("O-2", "P-2", quotes[1].Proofs[0].Signed)); fault.CodeOf(err) != trade.CodeQuoteExpired {
				t.Errorf("after its end it is ordered by: %v", err)
			}
		})
	}
}
