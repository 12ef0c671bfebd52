package sonata_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/sonatatest"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
)

// till hears what buyers say of bills.
type till struct {
	*desk
	said   []sonata.BillAnswered
	refuse error
}

func (t *till) BillAnswered(_ context.Context, _ sonata.Party, a sonata.BillAnswered) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.said = append(t.said, a)
	return t.refuse
}

// billed runs a test in both releases, in a world with a delivered product.
func billed(t *testing.T, f func(t *testing.T, w *billWorld)) {
	ordered(t, func(t *testing.T, w *orderWorld) {
		order := w.order("", w.addItem("1", ""))
		w.work()
		b := &billWorld{orderWorld: w, orderID: order, own: "/sb/v1"}
		b.product = w.get("/productOrder/" + order).Get("productOrderItem").Items[0].Get("product").Get("id").Text()
		b.base = w.release.Base(wire.Billing)
		f(t, b)
	})
}

type billWorld struct {
	*orderWorld
	orderID string
	product string
	own     string
}

// issue issues a bill of lines of 10.10, 20.20 and so on, with 10 % of tax.
func (w *billWorld) issue(no string, lines int) wire.Bill {
	w.t.Helper()
	now := w.clock.now()
	period := wire.TimePeriod{Start: now.AddDate(0, -1, 0), End: now}
	var items []wire.BillItem
	for i := range lines {
		items = append(items, wire.BillItem{Type: wire.Recurring, Description: fmt.Sprintf("line %d", i+1), Period: period, Product: wire.Ref{ID: w.product}, Untaxed: eur(wire.Decimal(fmt.Sprintf("%d0.%d0", i+1, i+1))),
			Taxes: []wire.BillItemTax{{Category: "country", Rate: "10", Amount: eur(wire.Decimal(fmt.Sprintf("%d.0%d", i+1, i+1)))}}, Unit: "month", Quantity: "1", Rate: eur("10.1")})
	}
	b, err := w.server.IssueBill(context.Background(), buyerOf(w.release), "ALPHA", wire.Bill{BillNo: no, Cycle: "monthly", Period: period, Account: wire.Ref{ID: "BA-1"}}, items)
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

func (w *billWorld) bill(id string) wire.Value {
	w.t.Helper()
	a := w.must(200, ask{partner: w.partner, path: w.base + "/customerBill/" + id})
	if len(a.body.Items) != 1 {
		w.t.Fatalf("the bill is no array of one: %s", a.text)
	}
	return a.body.Items[0]
}

func (w *billWorld) line(id string) wire.Value {
	w.t.Helper()
	return w.must(200, ask{partner: w.partner, path: w.base + "/customerBillItem/" + id}).body.Items[0]
}

// say is a call of our own on a bill or an item.
func (w *billWorld) say(status int, path, body string) answer {
	w.t.Helper()
	return w.must(status, ask{partner: w.partner, path: w.own + path, body: body})
}

// states gives the state of a bill and of its items.
func (w *billWorld) states(b wire.Bill) string {
	w.t.Helper()
	all := w.bill(b.ID).Get("state").Text()
	for _, ref := range b.Items {
		all += " " + w.line(ref.ID).Get("state").Text()
	}
	return all
}

func digits(v wire.Value, name string) string {
	return string(v.Get(name).Get("value").Bytes())
}

func TestABillLeadsFromTheOrderOverTheProductToItsLine(t *testing.T) {
	billed(t, func(t *testing.T, w *billWorld) {
		w.in = w.newInbox()
		w.must(201, ask{partner: w.partner, path: w.base + "/hub", body: `{"callback":"` + w.in.url + `"}`})
		w.run()
		b := w.issue("2026-11", 2)
		shown := w.bill(b.ID)
		if digits(shown, "taxExcludedAmount") != "30.3" || digits(shown, "taxIncludedAmount") != "33.33" || digits(shown, "remainingAmount") != "33.33" || shown.Get("state").Text() != "generated" {
			t.Errorf("the bill is %s", shown.Bytes())
		}
		line := w.line(shown.Get("customerBillItem").Items[0].Get("id").Text())
		order := w.must(200, ask{partner: w.partner, path: w.release.Base(wire.Ordering) + "/productOrder/" + line.Get("productOrderItem").Get("productOrderId").Text()})
		if order.body.Get("productOrderItem").Items[0].Get("product").Get("id").Text() != line.Get("product").Get("id").Text() {
			t.Errorf("the line is %s", line.Bytes())
		}
		for _, q := range []string{"state=generated", "category=normal", "billingAccount.id=BA-1", "billingPeriod.startDateTime.lt=2026-11-01T00:00:00Z", "billingPeriod.endDateTime.gt=2026-11-01T00:00:00Z"} {
			if list := w.must(200, ask{partner: w.partner, path: w.base + "/customerBill?" + q}); len(list.body.Items) != 1 {
				t.Errorf("%s: %s", q, list.text)
			}
		}
		if list := w.must(200, ask{partner: w.partner, path: w.base + "/customerBill?billingPeriod.endDateTime.lt=2026-11-01T00:00:00Z"}); list.text != "[]" {
			t.Errorf("the list is %s", list.text)
		}
		url := shown.Get("billDocument").Get("url").Text()
		pdf := w.document(strings.TrimPrefix(url, sonatatest.Host))
		if !strings.HasPrefix(pdf, "%PDF-") || !strings.Contains(pdf, "33.33 EUR") || !strings.Contains(pdf, "Bill 2026-11") {
			t.Errorf("the document is %.60q", pdf)
		}
		until(t, "it is told", func() bool { return len(w.in.all()) == 1 })
		w.say(200, "/customerBill/"+b.ID+"/pay", `{"reference":"SWIFT-1","amount":{"unit":"EUR","value":33.33},"paymentMethod":"wireTransfer"}`)
		until(t, "it is told", func() bool { return len(w.in.all()) == 2 })
		if n := w.in.all()[1]; n.Type != "customerBillStateChangeEvent" || w.release == wire.Kylie && n.Event.Of.State != "settled" {
			t.Errorf("the notification is %+v", n)
		}
		if shown := w.bill(b.ID); digits(shown, "remainingAmount") != "0" || len(shown.Get("appliedPayment").Items) != 1 {
			t.Errorf("the bill is %s", shown.Bytes())
		}
	})
}

// document gets a bill's document, which is no JSON.
func (w *billWorld) document(path string) string {
	w.t.Helper()
	return w.raw(w.partner, path)
}

func TestADisputeGoesThroughTheStatesOfTheStandard(t *testing.T) {
	billed(t, func(t *testing.T, w *billWorld) {
		b := w.issue("1", 4)
		resolve := func(i int, r wire.BillResolution, agreed bool) error {
			return w.server.ResolveDispute(context.Background(), buyerOf(w.release), "ALPHA", b.Items[i].ID, r, agreed)
		}
		item := func(i int) string { return "/customerBillItem/" + b.Items[i].ID }
		for i := range 3 {
			w.say(200, item(i)+"/dispute", `{"reason":"not delivered","claimedAmount":{"unit":"EUR","value":1}}`)
		}
		if got := w.states(b); got != "paymentDue disputeBeingInvestigated disputeBeingInvestigated disputeBeingInvestigated generated" {
			t.Errorf("it is %s", got)
		}
		w.say(200, item(3)+"/accept", `{}`)
		w.say(409, item(3)+"/dispute", `{"reason":"late"}`)
		w.say(409, item(0)+"/pay", `{"reference":"x"}`)
		w.say(409, item(0)+"/resolve", `{"accept":true}`)
		ten := eur("10")
		for i, r := range []wire.BillResolution{{State: "withdrawn"}, {State: wire.BillCredit, Amount: &ten}, {State: wire.BillPaymentDue, Reason: "it was"}} {
			if err := resolve(i, r, false); err != nil {
				t.Fatal(err)
			}
		}
		if got := w.states(b); got != "paymentDue withDrawn credit disputeBeingInvestigated generated" {
			t.Errorf("it is %s", got)
		}
		w.say(200, item(2)+"/resolve", `{"accept":false,"reason":"no"}`)
		if got := w.line(b.Items[2].ID).Get("state").Text(); got != wire.BillDisputed {
			t.Errorf("it is %s", got)
		}
		if err := resolve(2, wire.BillResolution{State: wire.BillPaymentDue}, false); err != nil {
			t.Fatal(err)
		}
		w.say(200, item(2)+"/resolve", `{"accept":true}`)
		// 111.1 less 11.11 withdrawn and 10 credited.
		shown := w.bill(b.ID)
		if digits(shown, "credits") != "21.11" || digits(shown, "remainingAmount") != "89.99" || digits(shown, "taxIncludedAmount") != "111.1" {
			t.Errorf("the bill is %s", shown.Bytes())
		}
		if r := w.say(422, "/customerBill/"+b.ID+"/pay", `{"reference":"x","amount":{"unit":"EUR","value":90}}`); r.propertyPath() != "/amount" {
			t.Errorf("another amount: %s", r.text)
		}
		w.say(200, item(1)+"/pay", `{"reference":"P-1"}`)
		if got := w.states(b); got != "paymentDue withDrawn settled paymentDue generated" {
			t.Errorf("it is %s", got)
		}
		w.say(200, "/customerBill/"+b.ID+"/pay", `{"reference":"P-2"}`)
		if got := w.states(b); got != "settled withDrawn settled settled settled" || digits(w.bill(b.ID), "remainingAmount") != "0" {
			t.Errorf("it is %s, open %s", got, digits(w.bill(b.ID), "remainingAmount"))
		}
		w.say(409, "/customerBill/"+b.ID+"/pay", `{"reference":"P-3"}`)
		var said []string
		for _, a := range w.till.said {
			said = append(said, a.Say)
		}
		if got := strings.Join(said, " "); got != "dispute dispute dispute accept resolve resolve pay pay" {
			t.Errorf("the seller heard %s", got)
		}
	})
}

func TestWhatTheSellerRefusesIsNotNoted(t *testing.T) {
	billed(t, func(t *testing.T, w *billWorld) {
		b := w.issue("1", 1)
		w.till.refuse = fault.New(fault.Refused, "the time to object is over", "pay").In("reason")
		if r := w.say(422, "/customerBillItem/"+b.Items[0].ID+"/dispute", `{"reason":"x"}`); r.code() != "otherIssue" {
			t.Errorf("the refusal is %s", r.text)
		}
		if got := w.states(b); got != "generated generated" {
			t.Errorf("it is %s", got)
		}
	})
}

func TestNothingIsBilledThatWasNotDelivered(t *testing.T) {
	billed(t, func(t *testing.T, w *billWorld) {
		w.desk.set(func() { w.desk.progress = all(wire.InProgress) })
		w.base = w.release.Base(wire.Ordering)
		order := w.order("", w.addItem("1", ""))
		w.work()
		issue := func(x wire.BillItem, b wire.Bill) error {
			x.Untaxed, x.Quantity, x.Rate = eur("1"), "1", eur("1")
			b.BillNo = "1"
			_, err := w.server.IssueBill(context.Background(), buyerOf(w.release), "ALPHA", b, []wire.BillItem{x})
			return err
		}
		for name, c := range map[string]struct {
			err  error
			code fault.Code
		}{
			"not delivered":    {issue(wire.BillItem{OrderItem: wire.OrderItemRef{OrderID: order, ItemID: "1"}}, wire.Bill{}), fault.Refused},
			"no such product":  {issue(wire.BillItem{Product: wire.Ref{ID: "x"}}, wire.Bill{}), sonata.CodeReferenceUnknown},
			"of another order": {issue(wire.BillItem{Product: wire.Ref{ID: w.product}, OrderItem: wire.OrderItemRef{OrderID: order, ItemID: "1"}}, wire.Bill{}), sonata.CodeReferenceUnknown},
			"another sum":      {issue(wire.BillItem{Product: wire.Ref{ID: w.product}}, wire.Bill{AmountDue: eur("2")}), fault.Invalid},
			"to nobody that is known": {func() error {
				_, err := w.server.IssueBill(context.Background(), "X", "ALPHA", wire.Bill{}, nil)
				return err
			}(), fault.NotFound},
		} {
			if fault.CodeOf(c.err) != c.code {
				t.Errorf("%s: %v, want %s", name, c.err, c.code)
			}
		}
		w.base = w.release.Base(wire.Billing)
		if list := w.must(200, ask{partner: w.partner, path: w.base + "/customerBill"}); list.text != "[]" {
			t.Errorf("there are bills: %s", list.text)
		}
	})
}
