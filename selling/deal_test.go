package selling_test

import (
	"context"
	"crypto/ed25519"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/client"
	"github.com/lateral-network/lateral/api/sonata/sonatatest"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/line/connectivity"
	"github.com/lateral-network/lateral/store/resource"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
)

// dealt gives a world in which ALPHA and BRAVO have a Bilateral, and BRAVO's
// system.
func dealt(t *testing.T, r wire.Release) (*world, *bilateral, *client.Client) {
	t.Helper()
	sonatatest.Need(t)
	w := newWorld(t, func(w *world) { w.release = r })
	b := newBilateral(t, w)
	return w, b, w.buyer("bravo", r)
}

func releases(t *testing.T, f func(t *testing.T, w *world, b *bilateral, c *client.Client)) {
	for _, r := range wire.Releases {
		t.Run(string(r), func(t *testing.T) {
			w, b, c := dealt(t, r)
			f(t, w, b, c)
		})
	}
}

// quoted gets a firm quote for products.
func quoted(t *testing.T, c *client.Client, products ...wire.Product) wire.Quote {
	t.Helper()
	q, err := c.CreateQuote(t.Context(), firm(products...))
	if err != nil || q.Value.State != wire.Orderable || len(q.Value.Proofs) != len(products) {
		t.Fatalf("quoted: %s %v", q.Raw, err)
	}
	return q.Value
}

func contactAs(role string) wire.Contact {
	return wire.Contact{Role: role, Name: "Desk", Number: "+41", Email: "desk@bravo.example"}
}

// orderOf orders what a quote says over Sonata.
func (w *world) orderOf(external string, q wire.Quote) wire.Order {
	o := wire.Order{ExternalID: external, Contacts: []wire.Contact{contactAs("productOrderContact")}}
	for _, item := range q.Items {
		x := wire.OrderItem{ID: item.ID, Action: wire.Add, Product: item.Product, QuoteItem: &wire.QuoteItemRef{ID: item.ID, QuoteID: q.ID}}
		x.Product.Configuration = must(wire.Parse(item.Product.Configuration.Bytes()))
		o.Items = append(o.Items, w.complete(x))
	}
	return o
}

// complete adds what every item has.
func (w *world) complete(x wire.OrderItem) wire.OrderItem {
	x.Requested = w.now().Add(48 * time.Hour)
	for _, role := range []string{"buyerProductOrderItemContact", "buyerImplementationContact", "buyerTechnicalContact"} {
		x.Contacts = append(x.Contacts, contactAs(role))
	}
	if x.Action == wire.Add {
		x.BillingAccount = &wire.Ref{ID: "BA-1"}
	}
	if x.Action != wire.Delete {
		x.RequestedTerm = &wire.Term{Name: "a year", Duration: wire.Duration{Amount: 12, Units: "months"}, End: wire.EndOfTermRenew}
	}
	return x
}

// place orders on the Bilateral by the signed quote of an item.
func (b *bilateral) place(id, productID string, q wire.Quote, i int, test bool) error {
	signed := must(order.OpenQuote(q.Proofs[i].Signed))
	return b.says("BRAVO", trade.KindOrderPlace, trade.OrderPlace{ID: id, Kind: order.Product, Agreement: "MSA", Line: connectivity.Name,
		Payload: q.Items[i].Product.Configuration.Bytes(), From: b.w.ms.Load(),
		Request: &order.Request{Action: order.Add, Product: productID, Quote: q.Proofs[i].Signed, Offer: signed.Quote.Offer, Test: test}})
}

// does ends the test when a carrier's command is refused.
func (b *bilateral) does(who string, k trade.Kind, body any) {
	b.t.Helper()
	if err := b.says(who, k, body); err != nil {
		b.t.Fatalf("%s %s: %v", who, k, err)
	}
}

func (b *bilateral) answers(who string, k trade.Kind, id string) {
	b.t.Helper()
	b.does(who, k, trade.OrderAnswer{ID: id, Why: "for a reason"})
}

// placed is the quote of a line of which the order O-1 is on the Bilateral.
func (w *world) placed(b *bilateral, c *client.Client) wire.Quote {
	w.t.Helper()
	q := quoted(w.t, c, line("600000000"))
	if err := b.place("O-1", "P-1", q, 0, false); err != nil {
		w.t.Fatal(err)
	}
	return q
}

// underWay is placed, and the order over Sonata that its seller has accepted.
func (w *world) underWay(b *bilateral, c *client.Client) (id string, q wire.Quote) {
	w.t.Helper()
	q = w.placed(b, c)
	id = must(c.CreateOrder(w.t.Context(), w.orderOf("O-1", q))).Value.ID
	b.answers("ALPHA", trade.KindOrderAccept, "O-1")
	becomes(w.t, c, id, wire.InProgress)
	return id, q
}

// becomes waits until a Sonata order has a state, and gives it.
func becomes(t *testing.T, c *client.Client, id, state string) (o wire.Order) {
	t.Helper()
	until(t, "the order is "+state, func() bool {
		a, err := c.Order(t.Context(), id)
		o = a.Value
		if err == nil && o.State != state && strings.Contains("completed failed cancelled rejected partial", o.State) {
			t.Fatalf("the order is %s, not %s: %s", o.State, state, a.Raw)
		}
		return err == nil && o.State == state
	})
	return o
}

// inbox takes notifications.
type inbox struct {
	mu  sync.Mutex
	got []string // type, and state where there is one
}

func (in *inbox) has(what string) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.Contains(in.got, what)
}

// listen subscribes a partner to a function's events.
func (w *world) listen(c *client.Client, f wire.Function) *inbox {
	in := &inbox{}
	store := must(resource.Open(w.t.TempDir(), resource.Options{Now: w.now}))
	w.t.Cleanup(func() { store.Close() })
	l := sonata.NewListener(store, sonata.ListenerOptions{Now: w.now, Keys: func(string) (ed25519.PublicKey, bool) { return nil, false },
		Identify: func(*http.Request) string { return "ALPHA" }, Take: func(_ context.Context, n sonata.Notification) error {
			in.mu.Lock()
			defer in.mu.Unlock()
			in.got = append(in.got, strings.TrimSpace(n.Type+" "+n.Event.Of.State))
			return nil
		}})
	h := httptest.NewServer(l)
	w.t.Cleanup(h.Close)
	must(c.Subscribe(w.t.Context(), f, h.URL))
	return in
}

func TestAnOrderOnTheBilateralIsShownOverSonataFromItsQuoteToItsProduct(t *testing.T) {
	releases(t, func(t *testing.T, w *world, b *bilateral, c *client.Client) {
		ctx := t.Context()
		in := w.listen(c, wire.Ordering)
		q := quoted(t, c, line("600000000"))
		if err := b.place("O-1", "P-1", q, 0, true); err != nil {
			t.Fatal(err)
		}
		made, err := c.CreateOrder(ctx, w.orderOf("O-1", q))
		if err != nil || made.Value.State != wire.Acknowledged {
			t.Fatalf("%s %v", made.Raw, err)
		}
		id := made.Value.ID
		b.does("ALPHA", trade.KindOrderAccept, trade.OrderAnswer{ID: "O-1"})
		o := becomes(t, c, id, wire.InProgress)
		if item := o.Items[0]; item.Product.ID != "P-1" || len(item.Milestones) != 1 || item.Milestones[0].Name != "ordered" || item.Expected.IsZero() {
			t.Errorf("in progress: %+v", item)
		}
		if h := w.shop.Reservations(q.ID); len(h) != 1 || h[0].State != catalog.Confirmed || h[0].Order != "O-1" {
			t.Errorf("reserved: %+v", h)
		}
		b.does("ALPHA", trade.KindOrderDeliver, trade.OrderDeliver{ID: "O-1", At: w.ms.Load(), Record: canon.Sum("test record"),
			Totals: []order.Total{{Metric: "availability", Value: 999_950}, {Metric: "latency", Value: 170_000}}})
		until(t, "it is tested", func() bool {
			a, err := c.Order(ctx, id)
			return err == nil && len(a.Value.Items[0].Milestones) == 2 && strings.Contains(a.Value.Items[0].Milestones[1].Note, "latency 170000")
		})
		if p := must(c.Product(ctx, "P-1")).Value; p.Status != wire.ProductPendingActive {
			t.Errorf("before its test is accepted the product is %s", p.Status)
		}
		b.does("BRAVO", trade.KindOrderAccept, trade.OrderAnswer{ID: "O-1"})
		becomes(t, c, id, wire.Completed)
		p := must(c.Product(ctx, "P-1")).Value
		if p.Status != wire.ProductActive || p.Specification == nil || p.Specification.ID != "e-line" || len(p.Prices) != 3 || p.ExternalID != "O-1" {
			t.Errorf("the product: %+v", p)
		}
		until(t, "its capacity is in use", func() bool {
			h := w.shop.Reservations(q.ID)
			return len(h) == 1 && h[0].State == catalog.InUse
		})
		told := []string{"productOrderStateChangeEvent inProgress", "productOrderStateChangeEvent completed", "productSpecificProductOrderItemMilestoneEvent"}
		if w.release == wire.Grace { // its events name no state
			told = []string{"productOrderStateChangeEvent", "productSpecificProductOrderItemMilestoneEvent"}
		}
		for _, what := range told {
			until(t, "the buyer is told "+what, func() bool { return in.has(what) })
		}
		// Suspended and resumed by the seller, and ended by the buyer.
		b.does("ALPHA", trade.KindProductSuspend, trade.ProductAnswer{ID: "P-1"})
		status := func(want string) {
			t.Helper()
			until(t, "the product is "+want, func() bool { return must(c.Product(ctx, "P-1")).Value.Status == want })
		}
		status(wire.ProductSuspended)
		b.does("ALPHA", trade.KindProductResume, trade.ProductAnswer{ID: "P-1"})
		status(wire.ProductActive)
		b.does("BRAVO", trade.KindOrderPlace, trade.OrderPlace{ID: "E-1", Kind: order.Product, Agreement: "MSA", Line: connectivity.Name, From: w.ms.Load(),
			Request: &order.Request{Action: order.Delete, Product: "P-1"}})
		end := wire.Order{ExternalID: "E-1", Contacts: []wire.Contact{contactAs("productOrderContact")},
			Items: []wire.OrderItem{w.complete(wire.OrderItem{ID: "1", Action: wire.Delete, Product: wire.Product{ID: "P-1"}})}}
		made, err = c.CreateOrder(ctx, end)
		if err != nil {
			t.Fatal(err)
		}
		status(wire.ProductPendingTerminate)
		b.does("ALPHA", trade.KindOrderAccept, trade.OrderAnswer{ID: "E-1"})
		it := b.item("E-1")
		w.ms.Store(max(w.ms.Load(), it.Start))
		b.does("ALPHA", trade.KindOrderDeliver, trade.OrderDeliver{ID: "E-1", At: it.Start})
		becomes(t, c, made.Value.ID, wire.Completed)
		status(wire.ProductTerminated)
		until(t, "its capacity is free", func() bool { return len(w.shop.Reservations(q.ID)) == 0 })
	})
}

func TestWhatComesToNothingOnTheBilateralEndsOverSonataWithItsReason(t *testing.T) {
	for name, c := range map[string]struct {
		accepted bool
		who      string
		kind     trade.Kind
		state    string
	}{
		"rejected":                {false, "ALPHA", trade.KindOrderReject, wire.Rejected},
		"failed":                  {true, "ALPHA", trade.KindOrderFail, wire.Failed},
		"cancelled before it was": {false, "BRAVO", trade.KindOrderCancel, wire.Cancelled},
	} {
		t.Run(name, func(t *testing.T) {
			w, b, buyer := dealt(t, wire.Kylie)
			q := quoted(t, buyer, line("600000000"))
			if err := b.place("O-1", "P-1", q, 0, false); err != nil {
				t.Fatal(err)
			}
			made := must(buyer.CreateOrder(t.Context(), w.orderOf("O-1", q)))
			if c.accepted {
				b.answers("ALPHA", trade.KindOrderAccept, "O-1")
				becomes(t, buyer, made.Value.ID, wire.InProgress)
			}
			b.answers(c.who, c.kind, "O-1")
			o := becomes(t, buyer, made.Value.ID, c.state)
			if last := o.Items[0].StateChange[len(o.Items[0].StateChange)-1]; last.Reason != "for a reason" {
				t.Errorf("the reason: %+v", o.Items[0])
			}
			until(t, "what it had reserved is free", func() bool { return len(w.shop.Reservations(q.ID)) == 0 })
			if p, err := buyer.Products(t.Context(), nil); err != nil || slices.ContainsFunc(p.Items, func(x wire.InventoryProduct) bool { return x.Status != wire.Cancelled }) {
				t.Errorf("the inventory: %+v %v", p.Items, err)
			}
		})
	}
}

func TestAnOrderThatDoesNotComeToTheBilateralIsRejectedAfterAWhile(t *testing.T) {
	w, _, c := dealt(t, wire.Kylie)
	q := quoted(t, c, line("600000000"))
	made := must(c.CreateOrder(t.Context(), w.orderOf("O-1", q)))
	w.ms.Add((9 * time.Minute).Milliseconds())
	w.deals.Told("BRAVO", trade.ItemKey("O-1"))
	if o := must(c.Order(t.Context(), made.Value.ID)).Value; o.State != wire.Acknowledged {
		t.Fatalf("it is %s", o.State)
	}
	w.ms.Add((2 * time.Minute).Milliseconds())
	until(t, "it is rejected", func() bool {
		w.ms.Add(1000) // it may have been put off for some seconds when the time was set
		return must(c.Order(t.Context(), made.Value.ID)).Value.State == wire.Rejected
	})
	o := becomes(t, c, made.Value.ID, wire.Rejected)
	if e := o.Items[0].Errors; len(e) != 1 || !strings.Contains(e[0].Value, "O-1") {
		t.Errorf("the reason: %+v", o.Items[0])
	}
}

func TestAnOrderThatIsSomethingElseOnTheBilateralIsRejected(t *testing.T) {
	w, b, c := dealt(t, wire.Kylie)
	one, other := quoted(t, c, line("300000000")), quoted(t, c, line("200000000"))
	made := must(c.CreateOrder(t.Context(), w.orderOf("O-1", one)))
	if err := b.place("O-1", "P-1", other, 0, false); err != nil {
		t.Fatal(err)
	}
	o := becomes(t, c, made.Value.ID, wire.Rejected)
	if e := o.Items[0].Errors; len(e) == 0 || !strings.Contains(e[0].Value, "another quote") {
		t.Errorf("the reason: %+v", o.Items[0])
	}
}

func TestSeveralItemsAreSeveralOrdersOnTheBilateral(t *testing.T) {
	w, b, c := dealt(t, wire.Kylie)
	q := quoted(t, c, line("300000000"), line("200000000"))
	if err := b.place("O-1.1", "P-1", q, 0, false); err != nil {
		t.Fatal(err)
	}
	made := must(c.CreateOrder(t.Context(), w.orderOf("O-1", q)))
	if err := b.place("O-1.2", "P-2", q, 1, false); err != nil {
		t.Fatal(err)
	}
	b.answers("ALPHA", trade.KindOrderReject, "O-1.2")
	// The first may still be refused too: then the order is, as a whole.
	until(t, "the second's reservation is free", func() bool { return len(w.shop.Reservations(q.ID)) == 1 })
	if o := must(c.Order(t.Context(), made.Value.ID)).Value; o.State != wire.Acknowledged {
		t.Fatalf("it is %s", o.State)
	}
	b.answers("ALPHA", trade.KindOrderAccept, "O-1.1")
	b.does("ALPHA", trade.KindOrderDeliver, trade.OrderDeliver{ID: "O-1.1", At: w.ms.Load()})
	o := becomes(t, c, made.Value.ID, wire.Partial)
	if o.Items[0].State != wire.Completed || o.Items[0].Product.ID != "P-1" || o.Items[1].State != wire.Failed {
		t.Errorf("the items: %+v", o.Items)
	}
}

func TestAChargeIsAnsweredOnTheBilateralOnly(t *testing.T) {
	for name, accepted := range map[string]bool{"accepted": true, "declined": false} {
		t.Run(name, func(t *testing.T) {
			w, b, c := dealt(t, wire.Kylie)
			q := w.placed(b, c)
			id := must(c.CreateOrder(t.Context(), w.orderOf("O-1", q))).Value.ID
			b.answers("ALPHA", trade.KindOrderAccept, "O-1")
			b.does("ALPHA", trade.KindOrderCharge, trade.OrderCharge{ID: "O-1", Name: "digging", Amount: money.Amount{Currency: "EUR", Micro: 7_500_000}, Why: "the road is closed"})
			o := becomes(t, c, id, wire.AssessingCharge)
			charge := must(c.Charge(t.Context(), o.Items[0].Charges[0].ID)).Value
			if x := charge.Items[0]; x.Price.Untaxed.Value != "7.5" || !x.Blocking || !strings.Contains(x.Notes[0].Text, "digging: the road is closed") {
				t.Errorf("the charge: %+v", x)
			}
			_, err := c.AnswerCharge(t.Context(), charge.ID, wire.ChargeAnswer{Items: []wire.ChargeItemAnswer{{ID: "1", Accepted: wire.ChargeAccepted}}})
			if r := refusal(t, err); r.Status != 409 || !strings.Contains(err.Error(), "on the Bilateral") {
				t.Errorf("an answer over Sonata: %v", err)
			}
			if !accepted {
				b.answers("BRAVO", trade.KindOrderReject, "O-1")
				becomes(t, c, id, wire.Failed)
				return
			}
			b.answers("BRAVO", trade.KindOrderAccept, "O-1")
			b.does("ALPHA", trade.KindOrderDeliver, trade.OrderDeliver{ID: "O-1", At: w.ms.Load()})
			becomes(t, c, id, wire.Completed)
			if x := must(c.Charge(t.Context(), charge.ID)).Value; x.State != wire.Completed || x.Items[0].State != wire.AcceptedByBuyer {
				t.Errorf("the charge: %+v", x)
			}
		})
	}
}

func TestACancellationNeedsTheBuyersWordAndTheSellersOnTheBilateral(t *testing.T) {
	w, b, c := dealt(t, wire.Kylie)
	id, q := w.underWay(b, c)
	ask := func() string {
		t.Helper()
		return must(c.CancelOrder(t.Context(), wire.CancelOrder{Order: wire.OrderRef{ID: id}, Contacts: []wire.Contact{contactAs("cancelProductOrderContact")}})).Value.ID
	}
	ends := func(task, state, why string) {
		t.Helper()
		var x wire.CancelOrder
		until(t, "the cancellation is "+state, func() bool {
			x = must(c.Cancellation(t.Context(), task)).Value
			return x.State == state
		})
		if !strings.Contains(x.Denied, why) {
			t.Errorf("denied because %q", x.Denied)
		}
	}
	ends(ask(), wire.Rejected, "its buyer's node says that there")
	b.answers("BRAVO", trade.KindOrderCancel, "O-1")
	becomes(t, c, id, wire.InProgress)
	task := ask()
	becomes(t, c, id, wire.AssessingCancellation)
	b.answers("ALPHA", trade.KindOrderReject, "O-1") // the seller keeps to it
	ends(task, wire.Rejected, "for a reason")
	b.answers("BRAVO", trade.KindOrderCancel, "O-1")
	task = ask()
	b.answers("ALPHA", trade.KindOrderAccept, "O-1")
	ends(task, wire.Done, "")
	becomes(t, c, id, wire.Cancelled)
	until(t, "what it had reserved is free", func() bool { return len(w.shop.Reservations(q.ID)) == 0 })
}

func TestOrdersThatNoBilateralCanBearAreRefused(t *testing.T) {
	w, b, c := dealt(t, wire.Kylie)
	q := quoted(t, c, line("100000000"))
	good := w.orderOf("O-1", q)
	old := quoted(t, c, line("100000000"))
	changed := func(f func(*wire.Order)) wire.Order {
		o := w.orderOf("O-1", q)
		f(&o)
		return o
	}
	refused := func(name string, c *client.Client, o wire.Order, path, what string) {
		t.Helper()
		_, err := c.CreateOrder(t.Context(), o)
		r := refusal(t, err)
		found := slices.ContainsFunc(r.Errors, func(e wire.Error) bool { return e.PropertyPath == path && strings.Contains(e.Reason, what) })
		if r.Status != 422 || !found {
			t.Errorf("%s: %d %+v", name, r.Status, r.Errors)
		}
	}
	refused("a name that no order has", c, changed(func(o *wire.Order) { o.ExternalID = "no order/is called so" }), "/externalId", "no order on a Bilateral")
	refused("another configuration", c, changed(func(o *wire.Order) { o.Items[0].Product.Configuration = line("200000000").Configuration }), "/productOrderItem/0/product/productConfiguration", "not the one that was quoted")
	refused("no contact", c, changed(func(o *wire.Order) { o.Items[0].Contacts = o.Items[0].Contacts[:2] }), "/productOrderItem/0/relatedContactInformation", "buyerTechnicalContact")
	refused("no account", c, changed(func(o *wire.Order) { o.Items[0].BillingAccount = nil }), "/productOrderItem/0/billingAccount", "account")
	refused("no term", c, changed(func(o *wire.Order) { o.Items[0].RequestedTerm = nil }), "/productOrderItem/0/requestedItemTerm", "term")
	refused("an unknown product", c, wire.Order{ExternalID: "O-2", Contacts: good.Contacts, Items: []wire.OrderItem{w.complete(wire.OrderItem{ID: "1", Action: wire.Delete, Product: wire.Product{ID: "P-0"}})}},
		"/productOrderItem/0/product/id", "no product")
	// Without a quote the configuration is checked by its schema.
	bare := changed(func(o *wire.Order) {
		o.Items[0].QuoteItem = nil
		o.Items[0].Product.Configuration = must(wire.Parse([]byte(`{"@type":"` + catalog.TypeELine + `"}`)))
	})
	if _, err := c.CreateOrder(t.Context(), bare); refusal(t, err).Status != 422 || !strings.Contains(refusal(t, err).Errors[0].PropertyPath, "productConfiguration") {
		t.Errorf("a configuration that does not fit its schema: %v", err)
	}
	// One without a Bilateral.
	delta := w.buyer("delta", wire.Kylie)
	theirs := quoted(t, delta, line("100000000"))
	refused("no Bilateral", delta, w.orderOf("O-1", theirs), "", "no open Bilateral")
	refused("another's quote", delta, good, "/productOrderItem/0/quoteItem/quoteId", "no quote")
	// One that another order has used, and one that is over.
	if err := b.place("O-9", "P-9", q, 0, false); err != nil {
		t.Fatal(err)
	}
	b.answers("ALPHA", trade.KindOrderAccept, "O-9")
	until(t, "the reservation is confirmed", func() bool {
		h := w.shop.Reservations(q.ID)
		return len(h) == 1 && h[0].Order == "O-9"
	})
	refused("a used quote", c, good, "/productOrderItem/0/quoteItem/quoteId", "used")
	b.answers("ALPHA", trade.KindOrderFail, "O-9")
	refused("an order that has failed", c, w.orderOf("O-9", q), "/productOrderItem/0", "is failed")
	w.ms.Add((16 * time.Minute).Milliseconds())
	refused("an expired quote", c, w.orderOf("O-3", old), "/productOrderItem/0/quoteItem/quoteId", "")
}

func TestAProductThatWasOrderedOnTheBilateralAloneIsInTheInventory(t *testing.T) {
	w, b, c := dealt(t, wire.Kylie)
	w.placed(b, c)
	b.answers("ALPHA", trade.KindOrderAccept, "O-1")
	b.does("ALPHA", trade.KindOrderDeliver, trade.OrderDeliver{ID: "O-1", At: w.ms.Load()})
	until(t, "it is there", func() bool {
		p, err := c.Product(t.Context(), "P-1")
		return err == nil && p.Value.Status == wire.ProductActive && p.Value.ExternalID == "O-1" && len(p.Value.Prices) == 3
	})
}

// A node that is killed between what happens on the Bilateral and its reservation
// puts that right when it starts: no capacity is lost, none is sold twice.
func TestAReservationIsPutRightWhenTheNodeStarts(t *testing.T) {
	for name, c := range map[string]struct {
		says  []trade.Kind
		state catalog.HoldState // "": free
		late  bool              // the node is down until the reservation is over
		swept bool              // and it was written off
	}{
		"placed":                            {nil, catalog.Reserved, false, false},
		"accepted":                          {[]trade.Kind{trade.KindOrderAccept}, catalog.Confirmed, false, false},
		"accepted, after its time":          {[]trade.Kind{trade.KindOrderAccept}, catalog.Confirmed, true, false},
		"accepted, written off":             {[]trade.Kind{trade.KindOrderAccept}, catalog.Confirmed, true, true},
		"delivered":                         {[]trade.Kind{trade.KindOrderAccept, trade.KindOrderDeliver}, catalog.InUse, false, false},
		"delivered, after its time":         {[]trade.Kind{trade.KindOrderAccept, trade.KindOrderDeliver}, catalog.InUse, true, false},
		"rejected":                          {[]trade.Kind{trade.KindOrderReject}, "", false, false},
		"failed":                            {[]trade.Kind{trade.KindOrderAccept, trade.KindOrderFail}, "", false, false},
		"ended":                             {[]trade.Kind{trade.KindOrderAccept, trade.KindOrderDeliver, trade.KindAgreementEnd}, "", false, false},
		"failed, after it had been written": {[]trade.Kind{trade.KindOrderAccept, trade.KindOrderFail}, "", true, true},
	} {
		t.Run(name, func(t *testing.T) {
			w, b, buyer := dealt(t, wire.Kylie)
			q := quoted(t, buyer, line("600000000"))
			b.deaf = true // killed before it heard of anything
			if err := b.place("O-1", "P-1", q, 0, false); err != nil {
				t.Fatal(err)
			}
			for _, k := range c.says {
				switch k {
				case trade.KindOrderDeliver:
					b.does("ALPHA", k, trade.OrderDeliver{ID: "O-1", At: w.ms.Load()})
				case trade.KindAgreementEnd:
					b.does("ALPHA", k, trade.AgreementEnd{ID: "MSA", Why: "over"})
				default:
					b.answers("ALPHA", k, "O-1")
				}
			}
			if c.late {
				w.ms.Add(time.Hour.Milliseconds())
			}
			if c.swept {
				must(w.catalog.Sweep(w.ms.Load()))
			}
			for again := range 2 {
				if err := w.newDeals().Repair("BRAVO"); err != nil {
					t.Fatal(err)
				}
				var got []catalog.HoldState
				for _, h := range w.shop.Reservations(q.ID) {
					got = append(got, h.State)
				}
				var want []catalog.HoldState
				if c.state != "" {
					want = append(want, c.state)
				}
				if !slices.Equal(got, want) {
					t.Errorf("repair %d: the reservations are %v, want %v", again+1, got, want)
				}
			}
			// What is taken is not sold again, and what is free is.
			second, err := buyer.CreateQuote(t.Context(), firm(line("600000000")))
			if sold := err == nil && second.Value.State == wire.Orderable; sold != (c.state == "") {
				t.Errorf("sold again: %v %v", sold, err)
			}
		})
	}
}

func TestACapacityThatWasSoldMeanwhileIsNotTakenTwice(t *testing.T) {
	w, b, c := dealt(t, wire.Kylie)
	q := quoted(t, c, line("600000000"))
	b.deaf = true
	if err := b.place("O-1", "P-1", q, 0, false); err != nil {
		t.Fatal(err)
	}
	b.answers("ALPHA", trade.KindOrderAccept, "O-1")
	w.ms.Add(time.Hour.Milliseconds())
	other := quoted(t, w.buyer("delta", wire.Kylie), line("600000000"))
	if err := w.newDeals().Repair("BRAVO"); err != nil {
		t.Fatal(err)
	}
	if len(w.shop.Reservations(q.ID)) != 0 || len(w.shop.Reservations(other.ID)) != 1 {
		t.Errorf("%+v %+v", w.shop.Reservations(q.ID), w.shop.Reservations(other.ID))
	}
}

// What nobody heard of, because the node was down, is shown when it starts: the
// clock stands still, so no order is looked at by itself.
func TestWhatHappenedWhileTheNodeWasDownIsShownWhenItStarts(t *testing.T) {
	releases(t, func(t *testing.T, w *world, b *bilateral, c *client.Client) {
		q := quoted(t, c, line("600000000"))
		made := must(c.CreateOrder(t.Context(), w.orderOf("O-1", q)))
		b.deaf = true
		if err := b.place("O-1", "P-1", q, 0, false); err != nil {
			t.Fatal(err)
		}
		b.answers("ALPHA", trade.KindOrderAccept, "O-1")
		b.does("ALPHA", trade.KindOrderDeliver, trade.OrderDeliver{ID: "O-1", At: w.ms.Load()})
		if err := w.deals.Repair("BRAVO"); err != nil {
			t.Fatal(err)
		}
		becomes(t, c, made.Value.ID, wire.Completed)
	})
}
