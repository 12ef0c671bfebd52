package sonata_test

import (
	"context"
	"testing"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
)

// Some sellers keep orders somewhere else, where buyers answer too: Sonata shows
// what is said there.

func TestAnOrderShowsWhatItsBuyerHasAnsweredElsewhere(t *testing.T) {
	ordered(t, func(t *testing.T, w *orderWorld) {
		var answered []sonata.ChargeAnswered
		w.desk.set(func() {
			w.desk.progress = func(o wire.Order) (sonata.OrderProgress, error) {
				p, _ := all(wire.InProgress)(o)
				p.Items[0].Product = "P-ELSEWHERE"
				p.Charges = []sonata.ChargeRequest{{Key: "dig", Item: "1", Items: []wire.ChargeItem{charge(true, "10")}, Until: w.clock.now().Add(day)}}
				p.Answered = answered
				return p, nil
			}
			w.desk.answer = func(a []wire.ChargeItemAnswer) error {
				if len(a) == 0 {
					return fault.New(fault.NotYet, "it is not answered there", "wait")
				}
				return fault.New(fault.Conflict, "answer it there", "answer it there")
			}
		})
		id := w.order(`"externalId":"E-9",`, w.addItem("1", ""))
		w.work()
		item := w.get("/productOrder/" + id).Get("productOrderItem").Items[0]
		if item.Get("product").Get("id").Text() != "P-ELSEWHERE" || w.product("P-ELSEWHERE").Get("status").Text() != wire.ProductPendingActive {
			t.Errorf("the product has not the seller's id: %s", item.Bytes())
		}
		path := "/charge/" + item.Get("charge").Items[0].Get("id").Text()
		if r := w.must(409, ask{partner: w.partner, method: "PATCH", path: w.base + path, body: `{"chargeItem":[{"id":"1","acceptanceIndicator":"accepted"}]}`}); r.code() != "conflict" {
			t.Errorf("an answer that the seller refuses: %s", r.text)
		}
		// Its time is over when the seller says so.
		w.clock.add(2 * day)
		w.work()
		if c := w.get(path); c.Get("state").Text() != wire.AwaitingResponse {
			t.Errorf("the charge is %s", c.Bytes())
		}
		w.desk.set(func() { answered = []sonata.ChargeAnswered{{Key: "of another"}, {Key: "dig", Accepted: true}} })
		if err := w.server.WakeOrders(context.Background(), buyerOf(w.release), "ALPHA", "E-9"); err != nil {
			t.Fatal(err)
		}
		w.work()
		if c := w.get(path); c.Get("state").Text() != wire.Completed || c.Get("chargeItem").Items[0].Get("state").Text() != wire.AcceptedByBuyer {
			t.Errorf("the charge is %s", c.Bytes())
		}
		if o := w.get("/productOrder/" + id); o.Get("state").Text() != wire.InProgress {
			t.Errorf("the order is %s", o.Bytes())
		}
		for _, nobody := range [][2]string{{"NOBODY", "E-9"}, {buyerOf(w.release), "E-0"}} {
			if err := w.server.WakeOrders(context.Background(), nobody[0], "ALPHA", nobody[1]); err != nil {
				t.Errorf("%v: %v", nobody, err)
			}
		}
	})
}

func TestACancellationThatWaitsForTheSellerIsWokenWithItsOrder(t *testing.T) {
	ordered(t, func(t *testing.T, w *orderWorld) {
		w.desk.set(func() {
			w.desk.progress = all(wire.InProgress)
			w.desk.cancel = func(wire.Order, wire.CancelOrder) (sonata.Consent, error) {
				return sonata.Consent{}, fault.New(fault.NotYet, "nobody has looked at it", "wait")
			}
		})
		id := w.order(`"externalId":"E-9",`, w.addItem("1", ""))
		w.work()
		task := w.must(201, ask{partner: w.partner, path: w.base + "/cancelProductOrder", body: `{"productOrder":{"productOrderId":"` + id + `"},"relatedContactInformation":[{"role":"cancelProductOrderContact","name":"B","number":"+39","emailAddress":"b@bravo.example"}]}`}).body.Get("id").Text()
		w.work()
		w.desk.set(func() {
			w.desk.cancel = func(wire.Order, wire.CancelOrder) (sonata.Consent, error) { return sonata.Consent{}, nil }
		})
		if err := w.server.WakeOrders(context.Background(), buyerOf(w.release), "ALPHA", "E-9"); err != nil {
			t.Fatal(err)
		}
		// The clock has not moved: only the waking makes it due.
		w.work()
		if o := w.get("/productOrder/" + id); o.Get("state").Text() != wire.Cancelled || w.get("/cancelProductOrder/"+task).Get("state").Text() != wire.Done {
			t.Errorf("the order is %s", o.Bytes())
		}
	})
}

func TestAProductThatWasThereBeforeItsOrderBecomesTheOrders(t *testing.T) {
	ordered(t, func(t *testing.T, w *orderWorld) {
		ctx := context.Background()
		if err := w.server.PutProduct(ctx, buyerOf(w.release), "ALPHA", wire.InventoryProduct{ID: "P-1", Status: wire.ProductActive, Start: w.clock.now()}); err != nil {
			t.Fatal(err)
		}
		if status, err := w.server.ProductStatus(ctx, buyerOf(w.release), "ALPHA", "P-1"); status != wire.ProductActive || err != nil {
			t.Errorf("%s, %v", status, err)
		}
		if _, err := w.server.ProductStatus(ctx, buyerOf(w.release), "ALPHA", "P-0"); fault.CodeOf(err) != fault.NotFound {
			t.Error(err)
		}
		w.desk.set(func() {
			w.desk.progress = func(o wire.Order) (sonata.OrderProgress, error) {
				p, _ := all(wire.Completed)(o)
				p.Items[0].Product = "P-1"
				return p, nil
			}
		})
		id := w.order("", w.addItem("1", ""))
		w.work()
		if p := w.product("P-1"); p.Get("status").Text() != wire.ProductActive || p.Get("productOrderItem").Items[0].Get("productOrderId").Text() != id {
			t.Errorf("the product is %s", p.Bytes())
		}
		for _, status := range []string{wire.ProductSuspended, wire.ProductTerminated} {
			if err := w.server.SetProductStatus(ctx, buyerOf(w.release), "ALPHA", "P-1", status); err != nil {
				t.Fatal(err)
			}
		}
		if p := w.product("P-1"); history(p, "status") != "pendingActive active suspended suspendedPendingTerminate terminated" {
			t.Errorf("it went through %s", history(p, "status"))
		}
	})
}
