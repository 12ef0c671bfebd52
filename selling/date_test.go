package selling_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api/sonata/client"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
)

// dated is an order that is in progress, whose buyer asks for another date.
type dated struct {
	t  *testing.T
	w  *world
	b  *bilateral
	c  *client.Client
	id string // over Sonata; on the Bilateral it is O-1
}

// datedOrder orders what begins in two days.
func datedOrder(t *testing.T, w *world, b *bilateral, c *client.Client) *dated {
	t.Helper()
	q := quoted(t, c, line("600000000"))
	signed := must(order.OpenQuote(q.Proofs[0].Signed))
	b.does("BRAVO", trade.KindOrderPlace, trade.OrderPlace{ID: "O-1", Kind: order.Product, Agreement: "MSA", Line: "connectivity",
		Payload: q.Items[0].Product.Configuration.Bytes(), From: w.now().Add(48 * time.Hour).UnixMilli(),
		Request: &order.Request{Action: order.Add, Product: "P-1", Quote: q.Proofs[0].Signed, Offer: signed.Quote.Offer}})
	d := &dated{t: t, w: w, b: b, c: c, id: must(c.CreateOrder(t.Context(), w.orderOf("O-1", q))).Value.ID}
	b.answers("ALPHA", trade.KindOrderAccept, "O-1")
	becomes(t, c, d.id, wire.InProgress)
	return d
}

// says asks for another date on the Bilateral.
func (d *dated) says(at time.Time, haste bool) {
	d.t.Helper()
	r := trade.OrderReschedule{ID: "O-1", Expedite: haste}
	if !at.IsZero() {
		r.Start = at.UnixMilli()
	}
	d.b.does("BRAVO", trade.KindOrderReschedule, r)
}

// asks asks for another date over Sonata.
func (d *dated) asks(at time.Time, haste bool) string {
	d.t.Helper()
	a, err := d.c.Reschedule(d.t.Context(), wire.Reschedule{Item: wire.OrderItemRef{OrderID: d.id, ItemID: "1"}, Requested: at, Expedite: haste})
	if err != nil {
		d.t.Fatal(err)
	}
	return a.Value.ID
}

// ends waits until a request has ended, and its order is in progress again.
func (d *dated) ends(task, state string) wire.OrderItem {
	d.t.Helper()
	until(d.t, "the request is "+state, func() bool {
		x := must(d.c.Rescheduling(d.t.Context(), task)).Value
		if x.State != wire.Acknowledged && x.State != wire.TaskCharge && x.State != state {
			d.t.Fatalf("the request is %s, not %s", x.State, state)
		}
		return x.State == state
	})
	return becomes(d.t, d.c, d.id, wire.InProgress).Items[0]
}

func TestAnotherDateIsAskedForOnTheBilateralAndShownOverSonata(t *testing.T) {
	releases(t, func(t *testing.T, w *world, b *bilateral, c *client.Client) {
		in := w.listen(c, wire.Ordering)
		told := func(state string) {
			t.Helper()
			const event = "modifyProductOrderItemRequestedDeliveryDateStateChangeEvent"
			until(t, "the buyer is told of "+state, func() bool {
				return in.has(event+" "+state) || w.release == wire.Grace && in.has(event) // which names no state
			})
		}
		d := datedOrder(t, w, b, c)
		later := w.now().Add(96 * time.Hour)
		d.says(later, false)
		task := d.asks(later, false)
		becomes(t, c, d.id, wire.AssessingModification)
		b.answers("ALPHA", trade.KindOrderAccept, "O-1")
		item := d.ends(task, wire.Done)
		if !item.Requested.Equal(later) || !item.Expected.Equal(later) || item.State != wire.InProgress || item.Expedite {
			t.Errorf("the item: %+v", item)
		}
		told(wire.Done)
		if err := b.says("ALPHA", trade.KindOrderDeliver, trade.OrderDeliver{ID: "O-1", At: w.ms.Load()}); err == nil {
			t.Error("it is delivered before its date")
		}
		// What the seller refuses stays as it was.
		haste := w.now().Add(50 * time.Hour)
		task = d.asks(haste, true) // a moment before it stands on the Bilateral
		d.says(haste, true)
		b.answers("ALPHA", trade.KindOrderReject, "O-1")
		if item = d.ends(task, wire.Rejected); !item.Requested.Equal(later) || item.Expedite || item.ExpediteAccepted {
			t.Errorf("the item: %+v", item)
		}
		told(wire.Rejected)
		w.ms.Store(later.UnixMilli())
		b.does("ALPHA", trade.KindOrderDeliver, trade.OrderDeliver{ID: "O-1", At: w.ms.Load()})
		becomes(t, c, d.id, wire.Completed)
		_, err := c.Reschedule(t.Context(), wire.Reschedule{Item: wire.OrderItemRef{OrderID: d.id, ItemID: "1"}, Requested: w.now().Add(time.Hour)})
		if r := refusal(t, err); r.Status != 422 {
			t.Errorf("another date of what is delivered: %v", err)
		}
	})
}

func TestAnotherDateMayCostWhatTheBuyerAgreesToOnTheBilateral(t *testing.T) {
	releases(t, func(t *testing.T, w *world, b *bilateral, c *client.Client) {
		d := datedOrder(t, w, b, c)
		first := must(c.Order(t.Context(), d.id)).Value.Items[0].Requested
		for _, accepted := range []bool{false, true} {
			soon := w.now().Add(5 * time.Hour)
			d.says(soon, true)
			task := d.asks(soon, true)
			b.does("ALPHA", trade.KindOrderCharge, trade.OrderCharge{ID: "O-1", Name: "haste", Amount: money.Amount{Currency: "EUR", Micro: 75_000_000}, Why: "a night shift"})
			until(t, "the charge is there", func() bool { return must(c.Rescheduling(t.Context(), task)).Value.State == wire.TaskCharge })
			item := must(c.Order(t.Context(), d.id)).Value.Items[0]
			charge := must(c.Charge(t.Context(), item.Charges[len(item.Charges)-1].ID)).Value
			if x := charge.Items[0]; charge.Reschedule.ID != task || x.Price.Untaxed.Value != "75" || x.Category != "expedite" || !x.Blocking {
				t.Errorf("the charge: %+v", charge)
			}
			_, err := c.AnswerCharge(t.Context(), charge.ID, wire.ChargeAnswer{Items: []wire.ChargeItemAnswer{{ID: "1", Accepted: wire.ChargeAccepted}}})
			if r := refusal(t, err); r.Status != 409 || !strings.Contains(err.Error(), "on the Bilateral") {
				t.Errorf("an answer over Sonata: %v", err)
			}
			if !accepted {
				b.answers("BRAVO", trade.KindOrderReject, "O-1")
				if item = d.ends(task, wire.TaskDeclined); !item.Requested.Equal(first) || item.State != wire.InProgress {
					t.Errorf("the item: %+v", item)
				}
			} else {
				b.answers("BRAVO", trade.KindOrderAccept, "O-1")
				if item = d.ends(task, wire.Done); !item.Requested.Equal(soon) || !item.Expedite || !item.ExpediteAccepted {
					t.Errorf("the item: %+v", item)
				}
			}
			if x := must(c.Charge(t.Context(), charge.ID)).Value; x.State != wire.Completed || (x.Items[0].State == wire.AcceptedByBuyer) != accepted {
				t.Errorf("the charge: %+v", x)
			}
		}
		w.ms.Add((5 * time.Hour).Milliseconds())
		b.does("ALPHA", trade.KindOrderDeliver, trade.OrderDeliver{ID: "O-1", At: w.ms.Load()})
		becomes(t, c, d.id, wire.Completed)
		if due := b.product("P-1").Due; len(due) != 2 || due[1].Price != "haste" || due[1].Amount.Micro != 75_000_000 {
			t.Errorf("on the next bill are %+v", due)
		}
	})
}

// A charge for another date that nobody has asked for over Sonata fails no order there.
func TestAnotherDateOfTheBilateralAloneIsTheExpectedOne(t *testing.T) {
	w, b, c := dealt(t, wire.Kylie)
	d := datedOrder(t, w, b, c)
	soon := w.now().Add(5 * time.Hour)
	d.says(soon, true)
	b.does("ALPHA", trade.KindOrderCharge, trade.OrderCharge{ID: "O-1", Name: "haste", Amount: money.Amount{Currency: "EUR", Micro: 75_000_000}})
	b.answers("BRAVO", trade.KindOrderAccept, "O-1")
	until(t, "it is expected sooner", func() bool {
		o := must(c.Order(t.Context(), d.id)).Value
		return o.State == wire.InProgress && o.Items[0].Expected.Equal(soon) && len(o.Items[0].Charges) == 0
	})
}

func TestADateThatNobodyAsksForOnTheBilateralIsRefusedAfterAWhile(t *testing.T) {
	w, b, c := dealt(t, wire.Kylie)
	d := datedOrder(t, w, b, c)
	task := d.asks(w.now().Add(60*time.Hour), false)
	becomes(t, c, d.id, wire.AssessingModification)
	w.ms.Add((11 * time.Minute).Milliseconds())
	d.ends(task, wire.Rejected)
	// Two days after it was placed is when it begins already.
	start := b.item("O-1").Start
	d.ends(d.asks(time.UnixMilli(start).UTC(), false), wire.Rejected)
	d.ends(d.asks(w.now().Add(-time.Hour), false), wire.Rejected)
	// Two requests at a time are one too many.
	d.says(w.now().Add(70*time.Hour), false)
	task = d.asks(w.now().Add(70*time.Hour), false)
	becomes(t, c, d.id, wire.AssessingModification)
	_, err := c.Reschedule(t.Context(), wire.Reschedule{Item: wire.OrderItemRef{OrderID: d.id, ItemID: "1"}, Requested: w.now().Add(80 * time.Hour)})
	if r := refusal(t, err); r.Status != 422 {
		t.Errorf("a second request: %v", err)
	}
	// Cancelled on the Bilateral, it is the request that ends first.
	b.answers("BRAVO", trade.KindOrderCancel, "O-1")
	d.ends(task, wire.Rejected)
	b.answers("ALPHA", trade.KindOrderAccept, "O-1")
	becomes(t, c, d.id, wire.Cancelled)
}

// hk-mil takes a minute from its order: what is sooner the node refuses by itself.
func TestADateBeforeTheOfferingsLeadTimeIsRefusedByTheSellersNode(t *testing.T) {
	w, b, c := dealt(t, wire.Kylie)
	d := datedOrder(t, w, b, c)
	sooner := w.now().Add(59 * time.Second)
	d.says(sooner, false)
	d.ends(d.asks(sooner, false), wire.Rejected)
	if x := b.item("O-1").Wishes; len(x) != 1 || x[0].Outcome != order.WishRejected || !strings.Contains(x[0].Why, "it takes until 2026-11-02T09:01:00Z") {
		t.Errorf("on the Bilateral: %+v", x)
	}
	d.says(w.now().Add(60*time.Second), false) // for people
	until(t, "it was looked at", func() bool { return b.item("O-1").State == order.ItemModifying })
	b.answers("ALPHA", trade.KindOrderAccept, "O-1")
}
