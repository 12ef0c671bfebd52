package sonata_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/client"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
)

func TestABuyerOrdersReportsTroubleAndPaysInBothReleases(t *testing.T) {
	ordered(t, func(t *testing.T, w *orderWorld) {
		ctx, c := context.Background(), w.buyer(w.release)
		contact := func(role string) wire.Contact {
			return wire.Contact{Role: role, Name: "B", Number: "+39", Email: "b@bravo.example", Address: &wire.Fielded{City: "Milano"}}
		}
		var contacts []wire.Contact
		for _, role := range []string{"buyerProductOrderItemContact", "buyerImplementationContact", "buyerTechnicalContact"} {
			contacts = append(contacts, contact(role))
		}
		_, items := askedItems()
		q := must(c.CreateQuote(ctx, wire.Quote{Level: wire.Firm, Instant: true, Items: items})).Value
		item := wire.OrderItem{ID: "1", Action: wire.Add, Product: items[0].Product, RequestedTerm: items[0].Term, Requested: w.clock.now().Add(day), BillingAccount: &wire.Ref{ID: "BA-1"}, Contacts: contacts,
			QuoteItem: &wire.QuoteItemRef{QuoteID: q.ID, ID: "1"}, Coordinated: []wire.Coordinated{{Delay: wire.Duration{Amount: 1, Units: "months"}, Dependency: "startToStart", ItemID: "1"}}}
		w.desk.set(func() {
			w.desk.progress = all(wire.InProgress)
			w.desk.reschedule = func(wire.Order, wire.Reschedule) (sonata.Consent, error) {
				return sonata.Consent{Charges: []wire.ChargeItem{charge(true, "5")}}, nil
			}
			w.desk.cancel = func(wire.Order, wire.CancelOrder) (sonata.Consent, error) {
				return sonata.Consent{}, fault.New(fault.Refused, "too late", "wait")
			}
		})
		o := must(c.CreateOrder(ctx, wire.Order{Contacts: []wire.Contact{contact("productOrderContact")}, Items: []wire.OrderItem{item}})).Value
		if x := o.Items[0]; o.State != wire.Acknowledged || x.RequestedTerm.Duration.Units == "calendarMonths" || x.Product.Place[1].Place.ID != "Caldera-1" || x.Coordinated[0].Delay.Units != "months" {
			t.Errorf("the order is %+v", o)
		}
		w.work()
		if x := must(c.UpdateOrder(ctx, o.ID, wire.OrderUpdate{ProjectID: "P", Items: []wire.OrderItemUpdate{{ID: "1", BuyerPON: "PON"}}})).Value; x.ProjectID != "P" || x.Items[0].BuyerPON != "PON" {
			t.Errorf("changed it is %+v", x)
		}
		date := must(c.Reschedule(ctx, wire.Reschedule{Item: wire.OrderItemRef{OrderID: o.ID, ItemID: "1"}, Requested: w.clock.now().Add(2 * day)})).Value
		w.work()
		if x := must(c.Rescheduling(ctx, date.ID)).Value; x.State != wire.TaskCharge {
			t.Errorf("it is %+v", x)
		}
		charges := must(c.Charges(ctx, client.Filter{"productOrderId": o.ID})).Items
		ch := must(c.Charge(ctx, charges[0].ID)).Value
		if ch.Items[0].Period.Units != "months" || ch.Reschedule.ID != date.ID || !exact(ch.Items[0].Price.Untaxed, 5_000_000) {
			t.Errorf("the charge is %+v", ch)
		}
		if x := must(c.AnswerCharge(ctx, ch.ID, wire.ChargeAnswer{Items: []wire.ChargeItemAnswer{{ID: "1", Accepted: wire.ChargeAccepted}}})).Value; x.State != wire.Completed {
			t.Errorf("the charge is %+v", x)
		}
		w.work()
		gone := must(c.CancelOrder(ctx, wire.CancelOrder{Order: wire.OrderRef{ID: o.ID}, ReasonType: "technical", Contacts: []wire.Contact{contact("cancelProductOrderContact")}})).Value
		w.work()
		if x := must(c.Cancellation(ctx, gone.ID)).Value; x.State != wire.Rejected || x.Denied != "too late" {
			t.Errorf("it is %+v", x)
		}
		if n := len(must(c.Cancellations(ctx, nil)).Items) + len(must(c.Reschedulings(ctx, nil)).Items); n != 2 {
			t.Errorf("%d requests are listed", n)
		}
		w.desk.set(func() { w.desk.progress = all(wire.Completed) })
		if err := w.server.WakeOrder(ctx, buyerOf(w.release), "ALPHA", o.ID); err != nil {
			t.Fatal(err)
		}
		w.work()
		if o = must(c.Order(ctx, o.ID)).Value; o.State != wire.Completed || len(must(c.Orders(ctx, client.Filter{"state": wire.Completed})).Items) != 1 {
			t.Errorf("the order is %+v", o)
		}
		p := must(c.Product(ctx, o.Items[0].Product.ID)).Value
		if p.Status != wire.ProductActive || p.Prices[1].Period.Units != "months" || p.Terms[0].Duration.Units == "calendarMonths" || p.Place[len(p.Place)-1].Place.ID != "Caldera-1" {
			t.Errorf("the product is %+v", p)
		}
		if n := len(must(c.Products(ctx, client.Filter{"productOrderId": o.ID})).Items); n != 1 {
			t.Errorf("%d products are listed", n)
		}

		ticket := must(c.CreateTicket(ctx, wire.Ticket{Description: "dark", Impact: "down", Priority: "high", Severity: "minor", Type: "assistance", Contacts: []wire.Contact{contact("reporterContact")},
			Entity: []wire.RelatedEntity{{ID: p.ID, Type: "Product", Role: "product"}}})).Value
		must(c.UpdateTicket(ctx, ticket.ID, wire.TicketUpdate{Priority: "low"}))
		for _, status := range []string{wire.InProgress, wire.TicketResolved} {
			if err := w.server.UpdateTicket(ctx, buyerOf(w.release), "ALPHA", ticket.ID, sonata.TicketUpdate{Status: status}); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.ReopenTicket(ctx, ticket.ID, "still"); err != nil {
			t.Error(err)
		}
		if err := c.CloseTicket(ctx, ticket.ID); fault.CodeOf(err) != fault.Refused {
			t.Errorf("closing a reopened one: %v", err)
		}
		if err := c.CancelTicket(ctx, ticket.ID); fault.CodeOf(err) != fault.Refused {
			t.Errorf("cancelling a reopened one: %v", err)
		}
		if x := must(c.Ticket(ctx, ticket.ID)).Value; x.Status != wire.TicketReopened || x.Priority != "low" || len(must(c.Tickets(ctx, nil)).Items) != 1 {
			t.Errorf("the ticket is %+v", x)
		}
		if _, err := c.Incident(ctx, "none"); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("no incident: %v", err)
		}
		must(c.Incidents(ctx, nil))

		b := must(w.server.IssueBill(ctx, buyerOf(w.release), "ALPHA", wire.Bill{BillNo: "1", Cycle: "monthly", Account: wire.Ref{ID: "BA-1"}}, []wire.BillItem{
			{Type: wire.Recurring, Description: "a", Product: wire.Ref{ID: p.ID}, Untaxed: eur("1.5"), Quantity: "1", Rate: eur("1.5"), Unit: "month"},
			{Type: wire.UsageBased, Description: "b", Product: wire.Ref{ID: p.ID}, Untaxed: eur("2.5"), Quantity: "0.25", Rate: eur("10"), Unit: "Gbit"},
		}))
		if x := must(c.Bill(ctx, b.ID)).Value; !exact(x.AmountDue, 4_000_000) || len(must(c.Bills(ctx, nil)).Items) != 1 {
			t.Errorf("the bill is %+v", x)
		}
		half := eur("1")
		if x := must(c.DisputeBillItem(ctx, b.Items[1].ID, wire.BillAnswer{Reason: "half", Claimed: &half})).Value; x.State != wire.BillDisputed || x.Bilateral.Dispute.Reason != "half" {
			t.Errorf("the line is %+v", x)
		}
		must(c.AcceptBill(ctx, b.ID))
		if err := w.server.ResolveDispute(ctx, buyerOf(w.release), "ALPHA", b.Items[1].ID, wire.BillResolution{State: wire.BillPaymentDue, Reason: "it was used"}, false); err != nil {
			t.Fatal(err)
		}
		must(c.ResolveBillItem(ctx, b.Items[1].ID, true, ""))
		must(c.PayBillItem(ctx, b.Items[1].ID, wire.BillAnswer{Reference: "P-1"}))
		if x := must(c.PayBill(ctx, b.ID, wire.BillAnswer{Reference: "P-2"})).Value; x.State != wire.BillSettled || !exact(x.Remaining, 0) || len(x.Payments) != 2 {
			t.Errorf("the bill is %+v", x)
		}
		if x := must(c.BillItem(ctx, b.Items[0].ID)).Value; x.State != wire.BillSettled || x.Bilateral.Accepted.IsZero() {
			t.Errorf("the line is %+v", x)
		}
		var pdf bytes.Buffer
		if err := c.BillDocument(ctx, b.ID, &pdf); err != nil || !bytes.HasPrefix(pdf.Bytes(), []byte("%PDF-")) {
			t.Errorf("the document: %v", err)
		}
	})
}
