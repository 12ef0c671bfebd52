package sonata_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
)

func TestAnOrderGoesThroughItsStatesAndEndsInTheInventory(t *testing.T) {
	ordered(t, func(t *testing.T, w *orderWorld) {
		w.listen()
		expected := w.clock.now().Add(2 * day)
		stage := 0
		w.desk.set(func() {
			w.desk.progress = func(o wire.Order) (p sonata.OrderProgress, err error) {
				x := sonata.ItemProgress{State: wire.InProgress, Expected: expected, Prices: priced("9.5").Prices, Specification: &wire.Ref{ID: "line"}}
				if stage++; stage > 1 {
					x.State = wire.Completed
					x.Milestones = []wire.Milestone{{Name: "tested", Date: w.clock.now(), Note: "loss 0"}}
				}
				return sonata.OrderProgress{Items: []sonata.ItemProgress{x}, Again: w.clock.now().Add(time.Hour)}, nil
			}
		})
		a := w.must(201, ask{partner: w.partner, path: w.base + "/productOrder", body: orderBody(`"externalId":"E-1","projectId":"P-1",`, w.addItem("1", ""))})
		if a.body.Get("state").Text() != wire.Acknowledged || !strings.Contains(a.text, configuration) {
			t.Errorf("the answer is %s", a.text)
		}
		id := a.body.Get("id").Text()
		until(t, "it is in progress", func() bool { return w.get("/productOrder/"+id).Get("state").Text() == wire.InProgress })
		item := w.get("/productOrder/" + id).Get("productOrderItem").Items[0]
		if item.Get("expectedCompletionDate").Text() != wire.Time(expected) {
			t.Errorf("expected at %s", item.Get("expectedCompletionDate").Text())
		}
		pid := item.Get("product").Get("id").Text()
		if p := w.product(pid); p.Get("status").Text() != wire.ProductPendingActive {
			t.Errorf("the product is %s", p.Bytes())
		}
		if err := w.server.WakeOrder(context.Background(), buyerOf(w.release), "ALPHA", id); err != nil {
			t.Fatal(err)
		}
		until(t, "it is completed", func() bool { return w.get("/productOrder/"+id).Get("state").Text() == wire.Completed })
		o := w.get("/productOrder/" + id)
		item = o.Get("productOrderItem").Items[0]
		if history(o, "state") != "acknowledged inProgress completed" || history(item, "state") != "acknowledged inProgress completed" || !o.Has("completionDate") || !item.Has("completionDate") {
			t.Errorf("the order is %s", o.Bytes())
		}
		p := w.product(pid)
		if history(p, "status") != "pendingActive active" || p.Get("productOrderItem").Items[0].Get("productOrderId").Text() != id || p.Get("billingAccount").Get("id").Text() != "BA-1" {
			t.Errorf("the product is %s", p.Bytes())
		}
		if !strings.Contains(string(p.Bytes()), configuration) || !strings.Contains(string(p.Bytes()), `"value":9.5`) {
			t.Errorf("the product is %s", p.Bytes())
		}
		until(t, "all is told", func() bool { return len(w.in.all()) >= 6 })
		want := map[string]int{"productOrderStateChangeEvent": 2, "productOrderItemStateChangeEvent": 2, "productSpecificProductOrderItemMilestoneEvent": 1,
			wire.EventPath(w.release, "productOrderItemExpectedCompletionDateSetEvent"): 1}
		got := map[string]int{}
		for _, n := range w.in.all() {
			got[n.Type]++
		}
		if !maps.Equal(got, want) {
			t.Errorf("it was told of %v, want %v", got, want)
		}
	})
}

func TestOrdersChangeAndEndProducts(t *testing.T) {
	ordered(t, func(t *testing.T, w *orderWorld) {
		id := w.order("", w.addItem("1", ""), w.addItem("2", `"productOrderItemRelationship":[{"id":"1","relationshipType":"NEEDS"}],`))
		w.work()
		items := w.get("/productOrder/" + id).Get("productOrderItem").Items
		first, second := items[0].Get("product").Get("id").Text(), items[1].Get("product").Get("id").Text()
		w.desk.set(func() { w.desk.progress = all(wire.InProgress) })
		id = w.order("", w.item("1", wire.Modify, first), w.item("2", wire.Delete, second))
		if got := w.product(first).Get("status").Text() + " " + w.product(second).Get("status").Text(); got != "active.pendingChange pendingTerminate" {
			t.Errorf("they are %s", got)
		}
		if r := w.must(422, ask{partner: w.partner, path: w.base + "/productOrder", body: orderBody("", w.item("1", wire.Delete, first))}); r.code() != "otherIssue" || r.propertyPath() != "/productOrderItem/0/product/id" {
			t.Errorf("a product that waits for an order: %s", r.text)
		}
		w.desk.set(func() { w.desk.progress = all(wire.Completed) })
		w.work()
		w.clock.add(time.Minute)
		w.work()
		p, q := w.product(first), w.product(second)
		if p.Get("status").Text() != wire.ProductActive || !strings.Contains(string(p.Bytes()), `"bandwidth":2`) || len(p.Get("productOrderItem").Items) != 2 {
			t.Errorf("changed: %s", p.Bytes())
		}
		if q.Get("status").Text() != wire.ProductTerminated || !q.Has("terminationDate") {
			t.Errorf("ended: %s", q.Bytes())
		}
		// One that fails leaves the product as it was.
		w.desk.set(func() { w.desk.progress = all(wire.Failed) })
		if err := w.server.SetProductStatus(context.Background(), buyerOf(w.release), "ALPHA", first, wire.ProductSuspended); err != nil {
			t.Fatal(err)
		}
		id = w.order("", w.item("1", wire.Delete, first))
		w.work()
		if p := w.product(first); history(p, "status") != "pendingActive active active.pendingChange active suspended suspendedPendingTerminate suspended" {
			t.Errorf("it went through %s", history(p, "status"))
		}
		if o := w.get("/productOrder/" + id); o.Get("state").Text() != wire.Failed {
			t.Errorf("the order is %s", o.Bytes())
		}
	})
}

func TestACarrierThatQuotesAndThenRefusesRejectsTheOrderWithItsReason(t *testing.T) {
	ordered(t, func(t *testing.T, w *orderWorld) {
		w.listen()
		w.desk.set(func() {
			w.desk.progress = func(o wire.Order) (sonata.OrderProgress, error) {
				return sonata.OrderProgress{}, fault.New(fault.Refused, "the capacity is gone", "ask again").In("productOrderItem.0.product")
			}
		})
		q := w.quote()
		id := w.order("", w.addItem("1", quoteItem(q)), w.addItem("2", ""))
		until(t, "it is rejected", func() bool { return w.get("/productOrder/"+id).Get("state").Text() == wire.Rejected })
		o := w.get("/productOrder/" + id)
		e := o.Get("productOrderItem").Items[0].Get("terminationError").Items[0]
		if e.Get("value").Text() != "the capacity is gone" || e.Get("code").Text() != "otherIssue" {
			t.Errorf("the reason is %s", e.Bytes())
		}
		if list := w.must(200, ask{partner: w.partner, path: w.release.Base(wire.Inventory) + "/product"}); list.text != "[]" {
			t.Errorf("it left a product: %s", list.text)
		}
		until(t, "it is told", func() bool { return len(w.in.all()) >= 3 })
		// Refused at once it is not stored at all.
		w.desk.set(func() {
			w.desk.accept = func(wire.Order) error {
				return fault.New(fault.Refused, "clause 4.2 of the agreement forbids it", "ask for another").In("productOrderItem.0")
			}
		})
		r := w.must(422, ask{partner: w.partner, path: w.base + "/productOrder", body: orderBody(`"externalId":"R",`, w.addItem("1", ""))})
		if r.code() != "otherIssue" || r.propertyPath() != "/productOrderItem/0" || !strings.Contains(r.text, "clause 4.2") {
			t.Errorf("the refusal is %s", r.text)
		}
		if list := w.must(200, ask{partner: w.partner, path: w.base + "/productOrder?externalId=R"}); list.text != "[]" {
			t.Errorf("the list is %s", list.text)
		}
	})
}

// quote gets a firm quote of one item and gives its id.
func (w *orderWorld) quote() string {
	w.t.Helper()
	item := fmt.Sprintf(`{"id":"Q1","action":"add","product":{"productOffering":{"id":"line"},"productConfiguration":%s}}`, configuration)
	a := w.must(201, ask{partner: w.partner, path: w.release.Base(wire.Quoting) + "/quote", body: `{"instantSyncQuote":true,"buyerRequestedQuoteLevel":"firm","quoteItem":[` + item + `]}`})
	return a.body.Get("id").Text()
}

func quoteItem(quote string) string { return `"quoteItem":{"quoteId":"` + quote + `","id":"Q1"},` }

func TestAPriceThatChangesBetweenQuoteAndOrderIsThatOfTheQuote(t *testing.T) {
	ordered(t, func(t *testing.T, w *orderWorld) {
		q := w.quote()
		w.shop.set(func() {
			w.shop.quote = func(x wire.Quote) (sonata.QuoteAnswer, error) {
				return sonata.QuoteAnswer{Until: w.clock.now().Add(time.Hour), Level: x.Level, Items: []wire.QuoteResult{priced("99")}}, nil
			}
		})
		var seen *wire.QuoteItem
		w.desk.set(func() {
			w.desk.accept = func(o wire.Order) error { seen = o.Items[0].Quoted; return nil }
		})
		id := w.order("", w.addItem("1", quoteItem(q)))
		if seen == nil || !exact(seen.Prices[1].Price.Untaxed, 12_345_678) || seen.Prices[1].Period.Units != "months" {
			t.Errorf("the seller saw %+v", seen)
		}
		w.work()
		o := w.get("/productOrder/" + id)
		p := w.product(o.Get("productOrderItem").Items[0].Get("product").Get("id").Text())
		if !strings.Contains(string(p.Bytes()), "12.345678") || strings.Contains(string(p.Bytes()), `"value":99`) {
			t.Errorf("the product costs %s", p.Get("productPrice").Bytes())
		}
		quote := w.must(200, ask{partner: w.partner, path: w.release.Base(wire.Quoting) + "/quote/" + q})
		if quote.body.Get("state").Text() != wire.Accepted {
			t.Errorf("the quote is %s", quote.body.Get("state").Text())
		}
	})
}

func TestAQuoteThatCannotBeOrderedRefusesTheOrder(t *testing.T) {
	ordered(t, func(t *testing.T, w *orderWorld) {
		quotes := w.release.Base(wire.Quoting)
		decline := "/declineQuote"
		if w.release == wire.Grace {
			decline = "/rejectQuote"
		}
		declined, taken := w.quote(), w.quote()
		w.must(200, ask{partner: w.partner, path: quotes + decline, body: `{"quoteId":"` + declined + `"}`})
		w.order("", w.addItem("1", quoteItem(taken)))
		expired := w.quote()
		try := func(name, quote, code, path string, items ...string) {
			t.Helper()
			r := w.must(422, ask{partner: w.partner, path: w.base + "/productOrder", body: orderBody("", items...)})
			if r.code() != code || r.propertyPath() != path {
				t.Errorf("%s: %s", name, r.text)
			}
		}
		at := "/productOrderItem/0/quoteItem/"
		try("a declined one", declined, "otherIssue", at+"quoteId", w.addItem("1", quoteItem(declined)))
		try("none", "x", "referenceNotFound", at+"quoteId", w.addItem("1", quoteItem("x")))
		try("no item of it", expired, "referenceNotFound", at+"id", w.addItem("1", strings.Replace(quoteItem(expired), "Q1", "Q2", 1)))
		try("of another offering", expired, "invalidValue", at+"id", strings.Replace(w.addItem("1", quoteItem(expired)), `{"id":"line"}`, `{"id":"other"}`, 1))
		w.clock.add(2 * time.Hour)
		w.tokens.Clear()
		try("an expired one", expired, "otherIssue", at+"quoteId", w.addItem("1", quoteItem(expired)))
		try("one that was taken and expired", taken, "otherIssue", at+"quoteId", w.addItem("1", quoteItem(taken)))
	})
}

func TestTheSameOrderTwiceIsOneOrder(t *testing.T) {
	ordered(t, func(t *testing.T, w *orderWorld) {
		body := orderBody(`"externalId":"E",`, w.addItem("1", ""))
		first := w.must(201, ask{partner: w.partner, path: w.base + "/productOrder", body: body})
		w.work()
		second := w.must(201, ask{partner: w.partner, path: w.base + "/productOrder", body: body})
		if first.body.Get("id").Text() != second.body.Get("id").Text() || second.body.Get("state").Text() != wire.Completed {
			t.Errorf("it was made again: %s", second.text)
		}
		r := w.must(422, ask{partner: w.partner, path: w.base + "/productOrder", body: orderBody(`"externalId":"E",`, w.addItem("2", ""))})
		if r.propertyPath() != "/externalId" {
			t.Errorf("another order of the same id: %s", r.text)
		}
	})
}

func TestAnItemThatFailsMakesTheOrderPartial(t *testing.T) {
	ordered(t, func(t *testing.T, w *orderWorld) {
		w.desk.set(func() {
			w.desk.progress = func(o wire.Order) (sonata.OrderProgress, error) {
				return sonata.OrderProgress{Items: []sonata.ItemProgress{{State: wire.Completed}, {State: wire.Failed, Reason: "no duct", Errors: []wire.TerminationError{{Code: "otherIssue", Value: "no duct"}}}}}, nil
			}
		})
		id := w.order("", w.addItem("1", ""), w.addItem("2", ""))
		w.work()
		o := w.get("/productOrder/" + id)
		if o.Get("state").Text() != wire.Partial || o.Get("productOrderItem").Items[1].Get("stateChange").Items[2].Get("changeReason").Text() != "no duct" {
			t.Errorf("the order is %s", o.Bytes())
		}
		if p := w.product(o.Get("productOrderItem").Items[1].Get("product").Get("id").Text()); p.Get("status").Text() != wire.Cancelled {
			t.Errorf("the product is %s", p.Bytes())
		}
		// One that is rejected takes the whole order with it.
		w.desk.set(func() {
			w.desk.progress = func(o wire.Order) (sonata.OrderProgress, error) {
				return sonata.OrderProgress{Items: []sonata.ItemProgress{{}, {State: wire.Rejected}}}, nil
			}
		})
		id = w.order("", w.addItem("1", ""), w.addItem("2", ""))
		w.work()
		if o := w.get("/productOrder/" + id); o.Get("state").Text() != wire.Rejected || o.Get("productOrderItem").Items[0].Get("state").Text() != wire.RejectedValidated {
			t.Errorf("the order is %s", o.Bytes())
		}
	})
}

func TestAnOrderIsChangedOnlyWhereItMayBe(t *testing.T) {
	ordered(t, func(t *testing.T, w *orderWorld) {
		w.desk.set(func() { w.desk.progress = all(wire.InProgress) })
		id := w.order(`"externalId":"E",`, w.addItem("1", ""))
		w.work()
		path := w.base + "/productOrder/" + id
		note := `{"id":"n","author":"B","date":"2026-11-02T09:00:00Z","source":"buyer","text":"hello"}`
		patch := `{"externalId":"F","note":[` + note + `],"productOrderItem":[{"id":"1","endCustomerName":"Acme","relatedBuyerPON":"PON","note":[` + note + `]}]}`
		for range 2 { // a note that comes twice is one
			a := w.must(200, ask{partner: w.partner, method: "PATCH", path: path, body: patch})
			if len(a.body.Get("note").Items) != 1 || a.body.Get("externalId").Text() != "F" || a.body.Get("productOrderItem").Items[0].Get("endCustomerName").Text() != "Acme" {
				t.Errorf("the answer is %s", a.text)
			}
		}
		if list := w.must(200, ask{partner: w.partner, path: w.base + "/productOrder?externalId=F"}); len(list.body.Items) != 1 {
			t.Errorf("the list is %s", list.text)
		}
		w.desk.set(func() { w.desk.progress = all(wire.Completed) })
		w.clock.add(time.Minute)
		w.work()
		if r := w.must(409, ask{partner: w.partner, method: "PATCH", path: path, body: patch}); r.code() != "conflict" {
			t.Errorf("one that has ended: %s", r.text)
		}
	})
}

func TestACancelledOrderEndsWhenTheSellerHasEndedIt(t *testing.T) {
	ordered(t, func(t *testing.T, w *orderWorld) {
		w.listen()
		w.desk.set(func() { w.desk.progress = all(wire.InProgress) })
		id := w.order("", w.addItem("1", ""))
		until(t, "it is in progress", func() bool { return w.get("/productOrder/"+id).Get("state").Text() == wire.InProgress })
		cancel := func(reason string) string {
			a := w.must(201, ask{partner: w.partner, path: w.base + "/cancelProductOrder", body: fmt.Sprintf(`{"productOrder":{"productOrderId":%q},"cancellationReason":%q,"cancellationReasonType":"technical","relatedContactInformation":[{"role":"cancelProductOrderContact","name":"B","number":"1","emailAddress":"b@b.example"}]}`, id, reason)})
			return a.body.Get("id").Text()
		}
		w.desk.set(func() {
			w.desk.cancel = func(wire.Order, wire.CancelOrder) (sonata.Consent, error) {
				return sonata.Consent{}, fault.New(fault.Refused, "the ducts are dug", "wait")
			}
		})
		denied := cancel("too dear")
		until(t, "it is refused", func() bool { return w.get("/cancelProductOrder/"+denied).Get("state").Text() == wire.Rejected })
		if c := w.get("/cancelProductOrder/" + denied); c.Get("cancellationDeniedReason").Text() != "the ducts are dug" {
			t.Errorf("the refusal is %s", c.Bytes())
		}
		w.desk.set(func() {
			w.desk.cancel = func(wire.Order, wire.CancelOrder) (sonata.Consent, error) { return sonata.Consent{}, nil }
		})
		done := cancel("too late")
		until(t, "it is cancelled", func() bool { return w.get("/productOrder/"+id).Get("state").Text() == wire.Cancelled })
		o := w.get("/productOrder/" + id)
		if history(o, "state") != "acknowledged inProgress assessingCancellation inProgress assessingCancellation pendingCancellation cancelled" || o.Get("cancellationReason").Text() != "too late" || !o.Has("cancellationDate") {
			t.Errorf("the order is %s", o.Bytes())
		}
		if h := history(o.Get("productOrderItem").Items[0], "state"); h != "acknowledged inProgress pending cancelled" {
			t.Errorf("the item went through %s", h)
		}
		list := w.must(200, ask{partner: w.partner, path: w.base + "/cancelProductOrder?state=done&cancellationReasonType=technical&productOrderId=" + id})
		if len(list.body.Items) != 1 || list.body.Items[0].Get("id").Text() != done {
			t.Errorf("the list is %s", list.text)
		}
		until(t, "it is told", func() bool {
			return slices.ContainsFunc(w.in.all(), func(n sonata.Notification) bool {
				return n.Type == "cancelProductOrderStateChangeEvent" && n.Event.Of.ID == done
			})
		})
	})
}

func TestAChargeHoldsAnItemUntilTheBuyerAnswers(t *testing.T) {
	ordered(t, func(t *testing.T, w *orderWorld) {
		w.listen()
		raise := func(blocking bool) {
			w.desk.set(func() {
				w.desk.progress = func(o wire.Order) (sonata.OrderProgress, error) {
					p, _ := all(wire.InProgress)(o)
					p.Charges = []sonata.ChargeRequest{{Key: "dig", Item: "1", Items: []wire.ChargeItem{charge(blocking, "10"), charge(false, "1")}, Until: w.clock.now().Add(day)}}
					if len(w.desk.charges) > 0 {
						p, _ = all(wire.Completed)(o)
					}
					return p, nil
				}
				w.desk.charges = nil
			})
		}
		waiting := func() (order, charge string) {
			id := w.order("", w.addItem("1", ""), w.addItem("2", ""))
			until(t, "it waits", func() bool { return w.get("/productOrder/"+id).Get("state").Text() == wire.AssessingCharge })
			return id, w.get("/productOrder/" + id).Get("productOrderItem").Items[0].Get("charge").Items[0].Get("id").Text()
		}
		answer := func(item, said string) string {
			return `{"chargeItem":[{"id":"` + item + `","acceptanceIndicator":"` + said + `"}]}`
		}
		raise(true)
		order, id := waiting()
		c := w.get("/charge/" + id)
		if c.Get("productOrderItem").Get("productOrderId").Text() != order || !strings.Contains(string(c.Bytes()), `"value":10`) {
			t.Errorf("the charge is %s", c.Bytes())
		}
		w.must(200, ask{partner: w.partner, method: "PATCH", path: w.base + "/charge/" + id, body: answer("1", "accepted")})
		if r := w.must(409, ask{partner: w.partner, method: "PATCH", path: w.base + "/charge/" + id, body: answer("1", "rejected")}); r.code() != "conflict" {
			t.Errorf("another answer: %s", r.text)
		}
		a := w.must(200, ask{partner: w.partner, method: "PATCH", path: w.base + "/charge/" + id, body: answer("2", "rejected")})
		if a.body.Get("state").Text() != wire.Completed {
			t.Errorf("the charge is %s", a.text)
		}
		until(t, "it is completed", func() bool { return w.get("/productOrder/"+order).Get("state").Text() == wire.Completed })
		if h := history(w.get("/productOrder/"+order), "state"); h != "acknowledged inProgress held.assessingCharge inProgress completed" {
			t.Errorf("the order went through %s", h)
		}
		list := w.must(200, ask{partner: w.partner, path: w.base + "/charge?productOrderItemId=1&productOrderId=" + order + "&creationDate.lt=2030-01-01T00:00:00Z&responseDueDate.gt=2020-01-01T00:00:00Z"})
		if len(list.body.Items) != 1 {
			t.Errorf("the list is %s", list.text)
		}
		// A blocking one that is not answered in time ends the item.
		raise(true)
		order, id = waiting()
		w.clock.add(25 * time.Hour)
		w.tokens.Clear()
		until(t, "time is over", func() bool { return w.get("/charge/"+id).Get("state").Text() == wire.Timeout })
		until(t, "the order ends", func() bool { return w.get("/productOrder/"+order).Get("state").Text() == wire.Partial })
		if h := history(w.get("/productOrder/" + order).Get("productOrderItem").Items[0], "state"); h != "acknowledged inProgress held inProgress failed" {
			t.Errorf("the item went through %s", h)
		}
		// One that the seller takes back leaves it.
		raise(true)
		order, id = waiting()
		if err := w.server.WithdrawCharge(context.Background(), buyerOf(w.release), "ALPHA", id); err != nil {
			t.Fatal(err)
		}
		until(t, "the order ends", func() bool { return w.get("/productOrder/"+order).Get("state").Text() == wire.Completed })
		for _, event := range []string{"chargeCreateEvent", "chargeStateChangeEvent", "chargeTimeoutEvent"} {
			until(t, event+" comes", func() bool {
				return slices.ContainsFunc(w.in.all(), func(n sonata.Notification) bool { return n.Type == event })
			})
		}
	})
}

func TestADateIsChangedAtAPriceOrNot(t *testing.T) {
	ordered(t, func(t *testing.T, w *orderWorld) {
		w.in = w.newInbox()
		w.must(201, ask{partner: w.partner, path: w.base + "/hub", body: `{"callback":"` + w.in.url + `","query":"eventType=modifyProductOrderItemRequestedDeliveryDateStateChangeEvent"}`})
		w.desk.set(func() { w.desk.progress = all(wire.InProgress) })
		id := w.order("", w.addItem("1", ""))
		w.work()
		wish := func(date string) string {
			a := w.must(201, ask{partner: w.partner, path: w.base + "/modifyProductOrderItemRequestedDeliveryDate",
				body: fmt.Sprintf(`{"productOrderItem":{"productOrderId":%q,"productOrderItemId":"1"},"requestedCompletionDate":%q,"expediteIndicator":true}`, id, date)})
			if o := w.get("/productOrder/" + id); o.Get("state").Text() != wire.AssessingModification || o.Get("productOrderItem").Items[0].Get("state").Text() != wire.Pending {
				t.Errorf("the order is %s", o.Bytes())
			}
			w.work()
			return a.body.Get("id").Text()
		}
		state := func(task string) string {
			return w.get("/modifyProductOrderItemRequestedDeliveryDate/" + task).Get("state").Text()
		}
		task := wish("2026-11-04T00:00:00Z")
		item := w.get("/productOrder/" + id).Get("productOrderItem").Items[0]
		if state(task) != wire.Done || item.Get("requestedCompletionDate").Text() != "2026-11-04T00:00:00Z" || !item.Get("expediteAcceptedIndicator").True() || item.Get("state").Text() != wire.InProgress {
			t.Errorf("%s: the item is %s", state(task), item.Bytes())
		}
		w.desk.set(func() {
			w.desk.reschedule = func(wire.Order, wire.Reschedule) (sonata.Consent, error) {
				return sonata.Consent{Charges: []wire.ChargeItem{charge(true, "5")}}, nil
			}
		})
		for said, want := range map[string]string{"accepted": wire.Done, "rejected": wire.TaskDeclined} {
			task := wish("2026-11-03T12:00:00Z")
			if state(task) != wire.TaskCharge {
				t.Fatalf("it is %s", state(task))
			}
			charges := w.get("/productOrder/" + id).Get("productOrderItem").Items[0].Get("charge").Items
			w.must(200, ask{partner: w.partner, method: "PATCH", path: w.base + "/charge/" + charges[len(charges)-1].Get("id").Text(), body: `{"chargeItem":[{"id":"1","acceptanceIndicator":"` + said + `"}]}`})
			if state(task) != want || w.get("/productOrder/"+id).Get("state").Text() != wire.InProgress {
				t.Errorf("%s: it is %s", said, state(task))
			}
			w.work()
		}
		w.desk.set(func() {
			w.desk.reschedule = func(wire.Order, wire.Reschedule) (sonata.Consent, error) {
				return sonata.Consent{}, fault.New(fault.Refused, "no", "wait")
			}
		})
		if task := wish("2026-11-03T13:00:00Z"); state(task) != wire.Rejected {
			t.Errorf("it is %s", state(task))
		}
		list := w.must(200, ask{partner: w.partner, path: w.base + "/modifyProductOrderItemRequestedDeliveryDate?expediteIndicator=true&state=rejected&productOrderId=" + id + "&requestedCompletionDate.gt=2026-11-03T12:30:00Z&creationDate.lt=2030-01-01T00:00:00Z"})
		if len(list.body.Items) != 1 {
			t.Errorf("the list is %s", list.text)
		}
		// done; charged, done; charged, declined; rejected.
		w.run()
		until(t, "all is told", func() bool { return len(w.in.all()) == 6 })
	})
}

func TestASellersMistakeLeavesTheOrderAsItWas(t *testing.T) {
	ordered(t, func(t *testing.T, w *orderWorld) {
		w.desk.set(func() { w.desk.progress = all(wire.InProgress) })
		id := w.order("", w.addItem("1", ""))
		w.work()
		before := string(w.get("/productOrder/" + id).Bytes())
		for name, wrong := range map[string]func(wire.Order) (sonata.OrderProgress, error){
			"no items":            func(wire.Order) (sonata.OrderProgress, error) { return sonata.OrderProgress{}, nil },
			"a state of no item":  all("finished"),
			"rejected when begun": all(wire.Rejected),
			"a charge of no item": func(o wire.Order) (sonata.OrderProgress, error) {
				p, _ := all("")(o)
				p.Charges = []sonata.ChargeRequest{{Key: "k", Item: "9"}}
				return p, nil
			},
			"a period is missing": func(o wire.Order) (sonata.OrderProgress, error) {
				p, _ := all("")(o)
				p.Charges = []sonata.ChargeRequest{{Key: "k", Item: "1", Items: []wire.ChargeItem{{Type: wire.Recurring}}}}
				return p, nil
			},
			"not yet": func(wire.Order) (sonata.OrderProgress, error) {
				return sonata.OrderProgress{}, fault.New(fault.NotYet, "x", "y")
			},
			"it panics": func(wire.Order) (sonata.OrderProgress, error) { panic("on purpose") },
			"its own systems fail": func(wire.Order) (sonata.OrderProgress, error) {
				return sonata.OrderProgress{}, fault.New(fault.Internal, "x", "y")
			},
		} {
			w.desk.set(func() { w.desk.progress = wrong })
			w.clock.add(time.Minute)
			if _, err := w.server.Work(t.Context()); err != nil {
				t.Fatal(err)
			}
			if after := string(w.get("/productOrder/" + id).Bytes()); after != before {
				t.Errorf("%s: the order is %s", name, after)
			}
		}
		w.desk.set(func() { w.desk.progress = all(wire.Completed) })
		w.clock.add(time.Minute)
		w.work()
		if o := w.get("/productOrder/" + id); o.Get("state").Text() != wire.Completed {
			t.Errorf("it does not go on: %s", o.Bytes())
		}
	})
}

func TestACancellationWithAChargeDependsOnTheBuyer(t *testing.T) {
	ordered(t, func(t *testing.T, w *orderWorld) {
		w.desk.set(func() {
			w.desk.progress = all(wire.InProgress)
			w.desk.cancel = func(wire.Order, wire.CancelOrder) (sonata.Consent, error) {
				return sonata.Consent{Charges: []wire.ChargeItem{charge(true, "50")}}, nil
			}
		})
		for said, want := range map[string][2]string{"accepted": {wire.Done, wire.Cancelled}, "rejected": {wire.TaskDeclined, wire.InProgress}} {
			id := w.order("", w.addItem("1", ""))
			w.work()
			a := w.must(201, ask{partner: w.partner, path: w.base + "/cancelProductOrder", body: `{"productOrder":{"productOrderId":"` + id + `"},"relatedContactInformation":[{"role":"cancelProductOrderContact","name":"B","number":"1","emailAddress":"b@b.example"}]}`})
			w.work()
			task := w.get("/cancelProductOrder/" + a.body.Get("id").Text())
			charge := task.Get("charge").Get("id").Text()
			if task.Get("state").Text() != wire.TaskCharge || w.get("/productOrder/" + id).Get("cancellationCharge").Items[0].Get("id").Text() != charge {
				t.Fatalf("the request is %s", task.Bytes())
			}
			w.must(200, ask{partner: w.partner, method: "PATCH", path: w.base + "/charge/" + charge, body: `{"chargeItem":[{"id":"1","acceptanceIndicator":"` + said + `"}]}`})
			w.work()
			if got := [2]string{w.get("/cancelProductOrder/" + a.body.Get("id").Text()).Get("state").Text(), w.get("/productOrder/" + id).Get("state").Text()}; got != want {
				t.Errorf("%s: %v, want %v", said, got, want)
			}
		}
	})
}

func TestOrdersAreListedByEveryFilter(t *testing.T) {
	ordered(t, func(t *testing.T, w *orderWorld) {
		id := w.order(`"externalId":"E","projectId":"P",`, w.addItem("1", ""))
		w.work()
		w.clock.add(time.Hour)
		w.desk.set(func() { w.desk.progress = all(wire.InProgress) })
		w.order(`"externalId":"F",`, w.addItem("1", ""))
		w.work()
		for _, q := range []string{"state=completed", "externalId=E", "projectId=P", "orderDate.lt=2026-11-02T09:30:00Z", "completionDate.gt=2026-11-02T08:00:00Z", "completionDate.lt=2026-11-02T09:30:00Z",
			"itemRequestedCompletionDate.gt=2026-11-05T08:00:00Z&limit=1", "itemExpectedCompletionDate.gt=2026-11-01T00:00:00Z&limit=1"} {
			list := w.must(200, ask{partner: w.partner, path: w.base + "/productOrder?" + q})
			if len(list.body.Items) != 1 || list.body.Items[0].Get("id").Text() != id {
				t.Errorf("%s: %s", q, list.text)
			}
		}
		for _, q := range []string{"cancellationDate.gt=2020-01-01T00:00:00Z", "orderDate.gt=2026-11-03T00:00:00Z", "itemRequestedCompletionDate.lt=2026-11-05T08:00:00Z", "state=held.assessingCharge"} {
			if list := w.must(200, ask{partner: w.partner, path: w.base + "/productOrder?" + q}); list.text != "[]" {
				t.Errorf("%s: %s", q, list.text)
			}
		}
		products := w.release.Base(wire.Inventory) + "/product?"
		site := "geographicSiteId"
		if w.release == wire.Grace {
			site = "geographicalSiteId"
		}
		for _, q := range []string{"status=active", "productOfferingId=line", "externalId=E", site + "=Caldera-1", "relatedProductId=R", "billingAccountId=BA-1", "productOrderId=" + id,
			"startDate.lt=2026-11-02T09:30:00Z", "startDate.gt=2026-11-02T08:00:00Z", "lastUpdateDate.lt=2026-11-02T09:30:00Z"} {
			list := w.must(200, ask{partner: w.partner, path: products + q + "&limit=1"})
			if len(list.body.Items) != 1 || list.body.Items[0].Get("productOrderItem").Items[0].Get("productOrderId").Text() != id {
				t.Errorf("%s: %s", q, list.text)
			}
		}
		if list := w.must(200, ask{partner: w.partner, path: products + "productSpecificationId=none"}); list.text != "[]" {
			t.Errorf("another specification: %s", list.text)
		}
	})
}
