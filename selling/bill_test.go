package selling_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api/sonata/client"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/usage"
)

// billedMonth has a product ordered, delivered and billed for November.
func billedMonth(t *testing.T, w *world, b *bilateral, c *client.Client) invoice.Invoice {
	t.Helper()
	q := w.placed(b, c)
	made := must(c.CreateOrder(t.Context(), w.orderOf("O-1", q)))
	b.answers("ALPHA", trade.KindOrderAccept, "O-1")
	b.does("ALPHA", trade.KindOrderDeliver, trade.OrderDeliver{ID: "O-1", At: w.ms.Load()})
	becomes(t, c, made.Value.ID, wire.Completed)
	w.ms.Store(time.Date(2026, 12, 3, 0, 0, 0, 0, time.UTC).UnixMilli())
	november := usage.Interval{From: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC).UnixMilli(), To: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC).UnixMilli()}
	b.does("BRAVO", trade.KindBillRequest, trade.BillRequest{Account: invoice.Account{Agreement: "MSA", Seller: "ALPHA"}, Interval: november})
	return b.invoice("")
}

// invoice reads the last invoice of ALPHA, or the one of an id.
func (b *bilateral) invoice(id string) (inv invoice.Invoice) {
	b.t.Helper()
	b.View(func(v trade.View) error {
		for i := range v.Invoices("") {
			if i.Seller == "ALPHA" && (id == "" || i.ID == id) {
				inv = i
			}
		}
		return nil
	})
	if inv.ID == "" {
		b.t.Fatal("there is no invoice")
	}
	return inv
}

func sumOf(t *testing.T, items ...wire.BillItem) (sum money.Micro) {
	t.Helper()
	for _, x := range items {
		sum += must(x.Untaxed.Amount()).Micro
	}
	return sum
}

// items reads the items of a bill.
func itemsOf(t *testing.T, c *client.Client, bill wire.Bill) (all []wire.BillItem) {
	t.Helper()
	for _, ref := range bill.Items {
		all = append(all, must(c.BillItem(t.Context(), ref.ID)).Value)
	}
	return all
}

func TestABillOfTheBilateralIsShownOverSonataUntilItIsPaid(t *testing.T) {
	releases(t, func(t *testing.T, w *world, b *bilateral, c *client.Client) {
		in := w.listen(c, wire.Billing)
		inv := billedMonth(t, w, b, c)
		var bill wire.Bill
		state := func(want string) {
			t.Helper()
			until(t, "the bill is "+want, func() bool {
				a, err := c.Bill(t.Context(), inv.ID)
				bill = a.Value
				return err == nil && bill.State == want
			})
		}
		state(wire.BillGenerated)
		items := itemsOf(t, c, bill)
		if len(items) != 3 || sumOf(t, items...) != inv.Total || must(bill.AmountDue.Amount()).Micro != inv.Total || len(bill.Taxes) != 0 || bill.Cycle != "1mo" {
			t.Errorf("the bill: %+v\n%+v", bill, items)
		}
		if p := bill.Proof; p.Get("document").Text() != inv.Document.String() || p.Get("rules").Text() == "" || p.Get("state").Text() == "" {
			t.Errorf("the proof: %s", p.Bytes())
		}
		kinds := map[string]string{}
		for _, x := range items {
			kinds[x.Description] = x.Type
			if x.Product.ID != "P-1" || x.OrderItem.OrderID == "" || x.ProductName != "hk-mil" || len(x.Taxes) != 0 {
				t.Errorf("the item: %+v", x)
			}
		}
		if kinds["port"] != wire.Recurring || kinds["set-up: activation"] != wire.NonRecurring {
			t.Errorf("the kinds: %v", kinds)
		}
		var paper bytes.Buffer
		if err := c.BillDocument(t.Context(), inv.ID, &paper); err != nil || !bytes.HasPrefix(paper.Bytes(), []byte("%PDF")) {
			t.Errorf("the document: %v", err)
		}
		// Nobody says over Sonata what the buyer's node has not said.
		for name, say := range map[string]func() error{
			"accept": func() error { _, err := c.AcceptBill(t.Context(), inv.ID); return err },
			"pay":    func() error { _, err := c.PayBill(t.Context(), inv.ID, wire.BillAnswer{Reference: "R"}); return err },
			"dispute": func() error {
				_, err := c.DisputeBillItem(t.Context(), items[0].ID, wire.BillAnswer{Reason: "no"})
				return err
			},
			"resolve": func() error { _, err := c.ResolveBillItem(t.Context(), items[0].ID, true, ""); return err },
		} {
			if r := refusal(t, say()); r.Status != 409 {
				t.Errorf("%s: %d %+v", name, r.Status, r.Errors)
			}
		}
		b.does("BRAVO", trade.KindInvoiceAccept, trade.InvoiceAccept{ID: inv.ID, Document: inv.Document})
		until(t, "it is accepted", func() bool {
			x := must(c.BillItem(t.Context(), items[0].ID)).Value
			return !x.Bilateral.Accepted.IsZero() && x.State == wire.BillGenerated
		})
		owed := settlement.Payable(money.Amount{Currency: "EUR", Micro: inv.Total}) // whole cents; the rest is carried
		id := b.invoice(inv.ID).Obligation
		b.does("BRAVO", trade.KindPaymentAdvise, trade.PaymentAdvise{Obligation: id, Amount: owed, Method: inv.Method, Reference: "SWIFT-1", PaidAt: w.ms.Load()})
		b.does("ALPHA", trade.KindPaymentReceipt, trade.PaymentAnswer{Obligation: id, Amount: owed})
		state(wire.BillSettled)
		if must(bill.Remaining.Amount()).Micro != 0 || len(bill.Payments) != 1 || bill.Payments[0].Payment.ID != "SWIFT-1" {
			t.Errorf("the payment: %+v", bill)
		}
		for _, what := range []string{"customerBillCreateEvent", "customerBillStateChangeEvent"} {
			until(t, "the buyer is told "+what, func() bool {
				in.mu.Lock()
				defer in.mu.Unlock()
				return strings.Contains(strings.Join(in.got, " "), what)
			})
		}
	})
}

func TestADisputeOfTheBilateralIsShownOverSonata(t *testing.T) {
	w, b, c := dealt(t, wire.Kylie)
	inv := billedMonth(t, w, b, c)
	var items []wire.BillItem
	until(t, "the bill is there", func() bool {
		a, err := c.Bill(t.Context(), inv.ID)
		if err == nil {
			items = itemsOf(t, c, a.Value)
		}
		return err == nil
	})
	amounts := map[int]money.Micro{}
	for i, x := range items {
		amounts[i] = must(x.Untaxed.Amount()).Micro
	}
	half := amounts[0] / 2
	b.does("BRAVO", trade.KindBillDispute, trade.BillDispute{ID: inv.ID, Document: inv.Document, Why: "not delivered", Items: []trade.ItemObjection{{Number: 1, Amount: 0}, {Number: 2, Amount: 0}}})
	item := func(i int, state string, more func(wire.BillItem) bool) {
		t.Helper()
		var x wire.BillItem
		until(t, "the item is "+state, func() bool {
			x = must(c.BillItem(t.Context(), items[i].ID)).Value
			return x.State == state && more(x)
		})
	}
	item(0, wire.BillDisputed, func(x wire.BillItem) bool { return x.Bilateral.Dispute.Reason == "not delivered" })
	item(2, wire.BillGenerated, func(x wire.BillItem) bool { return !x.Bilateral.Accepted.IsZero() })
	until(t, "the bill is due", func() bool { return must(c.Bill(t.Context(), inv.ID)).Value.State == wire.BillPaymentDue })
	verdicts := []trade.Verdict{
		{Dispute: dispute.ID(inv.Order, inv.Interval, 1, usage.Interval{}), Amount: half},
		{Dispute: dispute.ID(inv.Order, inv.Interval, 2, usage.Interval{}), Amount: 0},
	}
	b.does("ALPHA", trade.KindDisputePropose, trade.DisputePropose{Verdicts: verdicts, Why: "half of it was"})
	item(0, wire.BillDisputed, func(x wire.BillItem) bool {
		r := x.Bilateral.Resolution
		return r != nil && r.State == wire.BillCredit && r.Agreed == nil && must(r.Amount.Amount()).Micro == amounts[0]-half
	})
	if r := refusal(t, func() error { _, err := c.ResolveBillItem(t.Context(), items[0].ID, true, ""); return err }()); r.Status != 409 {
		t.Errorf("agreed over Sonata: %+v", r)
	}
	b.does("BRAVO", trade.KindDisputeAccept, trade.DisputeAccept{Verdicts: verdicts})
	item(0, wire.BillCredit, func(x wire.BillItem) bool { return *x.Bilateral.Resolution.Agreed })
	item(1, wire.BillWithdrawn, func(wire.BillItem) bool { return true })
	// What was decided to be due is on the bill that follows, and on no other.
	next := b.invoice("")
	if next.Follows != inv.ID || next.Total != half {
		t.Fatalf("what follows: %+v", next)
	}
	until(t, "the bill that follows is there", func() bool {
		a, err := c.Bill(t.Context(), next.ID)
		return err == nil && must(a.Value.AmountDue.Amount()).Micro == half && a.Value.RunType == "offCycle"
	})
	until(t, "the first bill is without both", func() bool {
		bill := must(c.Bill(t.Context(), inv.ID)).Value
		return must(bill.AmountDue.Amount()).Micro == amounts[2] && must(bill.Credits.Amount()).Micro == amounts[0]+amounts[1]
	})
	// Shown again, as after a start, nothing changes.
	before := must(c.Bill(t.Context(), inv.ID)).Raw
	if err := w.deals.Repair("BRAVO"); err != nil {
		t.Fatal(err)
	}
	w.deals.Told("BRAVO", trade.InvoiceKey(next.ID))
	if after := must(c.Bill(t.Context(), inv.ID)).Raw; !bytes.Equal(before, after) {
		t.Errorf("%s\n%s", before, after)
	}
}
