package native_test

import (
	"slices"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/line/connectivity"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// A product is ordered by the quote that its seller has signed, which alone says
// what is ordered; delivered, billed by each side for itself, and ended.
func TestAProductIsOrderedByItsQuoteAndBilledByBothSides(t *testing.T) {
	w := opened(t)
	ctx := within(t)
	alpha, bravo := w.sides["ALPHA"], w.sides["BRAVO"]
	pm, them := alpha.as(api.ProductManager), bravo.as(api.ProductManager)
	terms := agreement.Defaults()
	// Billed every two seconds, so that the test need not last longer.
	terms.Cycle, terms.GraceMillis, terms.Integration = "2s", 0, agreement.Proof
	terms.Products = []agreement.ProductTerms{agreement.DefaultProduct("annex", string(connectivity.Name))}
	if _, err := pm.ProposeAgreement(ctx, wire.ProposeAgreement{ID: "MSA-P", Type: agreement.MSA, Legal: legal(), Lines: []product.Line{connectivity.Name},
		From: millis("2026-01-01T00:00:00Z"), Terms: terms}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the other side accepts", func() bool {
		_, err := them.AcceptAgreement(ctx, "MSA-P", canon.Hash{})
		return err == nil
	})
	payload := []byte(`{"@type": "urn:wave", "rate": "100G"}`)
	spec := must(connectivity.Line{}.Spec(payload))
	offer := product.Offer{Line: connectivity.Name, Type: "urn:wave", Configuration: spec.Configuration, Pieces: 2,
		Prices: []rating.Price{{Name: "set-up", Kind: rating.OneTime, Currency: "USD", Rate: 250e9, Unit: 1, Event: rating.OnActivation}}}
	quote := order.Quote{ID: "Q-1", Buyer: "ALPHA", Seller: "BRAVO", Action: order.Add, Offer: offer, Until: time.Now().Add(time.Hour).UnixMilli()}.Sign(bravo.keys.node).Encode()
	place := wire.PlaceOrder{Kind: order.Product, Agreement: "MSA-P", Line: connectivity.Name, Payload: payload,
		Product: &wire.ProductRequest{Action: order.Add, ID: "W-1", Quote: quote}}
	placed, err := pm.PlaceOrder(ctx, place, "wave")
	if err != nil || placed.Record.State != "acknowledged" || placed.Record.Product.Quoted != "Q-1" || placed.Record.Product.Offer.Pieces != 2 {
		t.Fatalf("%+v, %v", placed.Record, err)
	}
	if again, err := pm.PlaceOrder(ctx, place, "wave"); err != nil || !again.Repeated || again.Record.ID != placed.Record.ID {
		t.Fatalf("placed again: %+v, %v", again, err)
	}
	place.Payload = []byte(`{"@type": "urn:wave", "rate": "400G"}`)
	if _, err := pm.PlaceOrder(ctx, place, "more"); fault.CodeOf(err) != "quote-mismatch" {
		t.Errorf("another payload than the quoted one gives %v", err)
	}
	// An order that leaves its times out has those of the quote.
	timed := must(order.OpenQuote(quote)).Quote
	timed.ID, timed.From, timed.To = "Q-2", time.Now().Add(time.Hour).UnixMilli(), time.Now().Add(2*time.Hour).UnixMilli()
	tonight := wire.PlaceOrder{Kind: order.Product, Agreement: "MSA-P", Line: connectivity.Name, Product: &wire.ProductRequest{Action: order.Add, ID: "W-2", Quote: timed.Sign(bravo.keys.node).Encode()}}
	if o, err := pm.PlaceOrder(ctx, tonight, "tonight"); err != nil || int64(o.Record.From) != timed.From || int64(o.Record.Product.Until) != timed.To {
		t.Errorf("an order by a quote for a time: %+v, %v", o.Record, err)
	}
	id := placed.Record.ID
	eventually(t, "the seller accepts", func() bool {
		_, err := them.MoveOrder(ctx, id, "accept", "")
		return err == nil
	})
	eventually(t, "the buyer asks for haste", func() bool {
		asked, err := pm.RescheduleOrder(ctx, id, wire.RescheduleOrder{Expedite: true})
		return err == nil && asked.Record.State == "assessingModification" && asked.Record.Product.Wish.Expedite && slices.Equal(asked.Record.Allowed, []order.Step{order.StepCancel})
	})
	eventually(t, "the seller refuses it", func() bool {
		said, err := them.MoveOrder(ctx, id, "reject", "no crew")
		return err == nil && said.Record.Product.Wishes[0].Outcome == order.WishRejected && said.Record.Product.Wishes[0].Why == "no crew" && !said.Record.Product.Expedite
	})
	if _, err := pm.RescheduleOrder(ctx, id, wire.RescheduleOrder{Start: millis("2026-01-01T00:00:00Z")}); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a date that is past gives %v", err)
	}
	delivered, err := them.DeliverOrder(ctx, id, wire.DeliverOrder{Totals: []order.Total{{Metric: "latency", Value: 1200}}})
	if err != nil || delivered.Record.State != "completed" || delivered.Record.Product.Delivery.Totals[0].Value != 1200 {
		t.Fatalf("%+v, %v", delivered.Record, err)
	}
	for _, move := range []string{"suspend", "resume"} {
		if _, err := them.MoveProduct(ctx, "W-1", move, "as planned"); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the buyer has it in its inventory", func() bool {
		all, err := client.Collect(pm.Products(ctx, client.Filter{"held": "true", "direction": "ALPHA>BRAVO"}))
		return err == nil && len(all) == 1 && all[0].State == product.Active && len(all[0].Paused) == 1 && all[0].Paused[0].To != 0 &&
			slices.Equal(all[0].Allowed, []product.Step{product.StepChange, product.StepEnd})
	})

	var due []wire.RequestBill
	eventually(t, "a bill is due", func() bool {
		// A ledger on which nothing happens makes no blocks, and has no time.
		_, err := them.MoveProduct(ctx, "W-1", "resume", "")
		if fault.CodeOf(err) != "wrong-state" {
			t.Fatal(err)
		}
		due, err = client.Collect(alpha.as(api.Finance).DueBills(ctx))
		return err == nil && len(due) == 1
	})
	both := []*client.Partner{alpha.as(api.Finance), bravo.as(api.Finance)}
	if _, err := both[0].RequestBill(ctx, due[0]); fault.CodeOf(err) != fault.Refused {
		t.Errorf("a request where each side generates gives %v", err)
	}
	if _, err := both[0].SubmitBill(ctx, wire.SubmitBill{RequestBill: due[0], Document: canon.Hash{1}}); fault.CodeOf(err) != "bill-mismatch" {
		t.Errorf("another bill gives %v", err)
	}
	for _, p := range both {
		if _, err := p.SubmitBill(ctx, wire.SubmitBill{RequestBill: due[0]}); err != nil {
			t.Fatal(err)
		}
	}
	bill, err := both[1].Bill(ctx, due[0])
	if err != nil || len(bill.Invoices) != 1 || len(bill.Totals) != 1 || bill.Totals[0] != (money.Amount{Currency: "USD", Micro: 500e6}) {
		t.Fatalf("%+v, %v", bill, err)
	}
	items, err := client.Collect(both[1].Items(ctx, bill.Invoices[0]))
	if err != nil || len(items) != 1 || items[0].Price != "set-up" || items[0].Quantity != 2 || items[0].State != invoice.ItemGenerated {
		t.Fatalf("%+v, %v", items, err)
	}
	eventually(t, "the buyer disputes the item", func() bool {
		_, err := both[0].DisputeItems(ctx, bill.Invoices[0], wire.DisputeItems{Items: []wire.ItemObjection{{Number: 1, Amount: 250e6}}, Why: "one piece was ordered"})
		return err == nil
	})
	differing, err := client.Collect(both[0].Differences(ctx, nil))
	if err != nil || len(differing) != 1 || differing[0].Direction != (usage.Direction{From: "ALPHA", To: "BRAVO"}) {
		t.Errorf("%+v, %v", differing, err)
	}
	if bills, err := client.Collect(both[0].Bills(ctx, client.Filter{"seller": "BRAVO"})); err != nil || len(bills) != 1 || bills[0].Document != bill.Document {
		t.Errorf("%+v, %v", bills, err)
	}
	if _, err := pm.PlaceOrder(ctx, wire.PlaceOrder{ID: "E-1", Kind: order.Product, Agreement: "MSA-P", Line: connectivity.Name,
		Product: &wire.ProductRequest{Action: order.Delete, ID: "W-1"}}, ""); err != nil {
		t.Fatal(err)
	}
	waiting, err := client.Collect(pm.Deadlines(ctx, nil))
	if err != nil || !slices.ContainsFunc(waiting, func(d wire.DueRecord) bool { return d.Subject == "item/E-1" && d.Deadline != 0 }) {
		t.Errorf("%+v, %v", waiting, err)
	}
	orders, err := client.Collect(pm.Orders(ctx, client.Filter{"kind": "product", "product": "W-1"}))
	if err != nil || len(orders) != 2 {
		t.Errorf("%+v, %v", orders, err)
	}
}
