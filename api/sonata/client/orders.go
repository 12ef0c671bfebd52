package client

import (
	"context"
	"io"
	"net/http"
	"net/url"

	"github.com/lateral-network/lateral/api/sonata/wire"
)

// ownBase is where a Lateral seller has the calls that the standard lacks.
const ownBase = "/sb/v1"

// translate gives how answers become kylie's by a function of package wire.
func (c *Client) translate(from func(wire.Value) wire.Value) func(wire.Value) wire.Value {
	if !c.grace() {
		return nil
	}
	return from
}

// body writes a request that differs in its contacts only.
func (c *Client) body(x any) wire.Value {
	v := wire.ValueOf(x)
	if c.grace() {
		wire.ToGraceContacts(&v)
	}
	return v
}

// CreateOrder orders products. It gets an external id when it has none: the same
// order with the same id may be sent again.
func (c *Client) CreateOrder(ctx context.Context, o wire.Order) (out Answer[wire.Order], err error) {
	if o.ExternalID == "" {
		o.ExternalID = NewExternalID()
	}
	body := wire.ValueOf(o)
	if c.grace() {
		if body, err = wire.ToGraceOrder(body); err != nil {
			return out, err
		}
	}
	return post[wire.Order](ctx, c, wire.Ordering, "/productOrder", body, true, c.translate(wire.FromGraceOrder))
}

// Order gives an order by its id.
func (c *Client) Order(ctx context.Context, id string) (Answer[wire.Order], error) {
	return get[wire.Order](ctx, c, wire.Ordering, "/productOrder/", id, c.translate(wire.FromGraceOrder))
}

// Orders gives a page of orders, in short.
func (c *Client) Orders(ctx context.Context, f Filter) (Page[wire.Order], error) {
	return list[wire.Order](ctx, c, wire.Ordering, "/productOrder", f, nil)
}

// UpdateOrder changes what may be changed of an order.
func (c *Client) UpdateOrder(ctx context.Context, id string, u wire.OrderUpdate) (out Answer[wire.Order], err error) {
	body := wire.ValueOf(u)
	if c.grace() {
		if body, err = wire.ToGraceOrder(body); err != nil {
			return out, err
		}
	}
	return patch[wire.Order](ctx, c, wire.Ordering, "/productOrder/", id, body, c.translate(wire.FromGraceOrder))
}

// patch sends changes. They do no harm when they come twice.
func patch[T any](ctx context.Context, c *Client, f wire.Function, path, id string, body wire.Value, translate func(wire.Value) wire.Value) (out Answer[T], err error) {
	a, err := c.do(ctx, call{function: f, method: http.MethodPatch, path: path + url.PathEscape(id), body: &body, again: true})
	if err != nil {
		return out, err
	}
	return read[T](a, translate)
}

// CancelOrder asks to cancel an order. The seller refuses a second request while
// the first is open, so it is not repeated by itself.
func (c *Client) CancelOrder(ctx context.Context, o wire.CancelOrder) (Answer[wire.CancelOrder], error) {
	return post[wire.CancelOrder](ctx, c, wire.Ordering, "/cancelProductOrder", c.body(o), false, nil)
}

// Cancellation gives a request to cancel by its id.
func (c *Client) Cancellation(ctx context.Context, id string) (Answer[wire.CancelOrder], error) {
	return get[wire.CancelOrder](ctx, c, wire.Ordering, "/cancelProductOrder/", id, nil)
}

// Cancellations gives a page of requests to cancel, in short.
func (c *Client) Cancellations(ctx context.Context, f Filter) (Page[wire.CancelOrder], error) {
	return list[wire.CancelOrder](ctx, c, wire.Ordering, "/cancelProductOrder", f, nil)
}

// Reschedule asks for another date of an item, or for haste. It is not repeated by
// itself, as CancelOrder.
func (c *Client) Reschedule(ctx context.Context, r wire.Reschedule) (Answer[wire.Reschedule], error) {
	return post[wire.Reschedule](ctx, c, wire.Ordering, "/modifyProductOrderItemRequestedDeliveryDate", wire.ValueOf(r), false, nil)
}

// Rescheduling gives a request for another date by its id.
func (c *Client) Rescheduling(ctx context.Context, id string) (Answer[wire.Reschedule], error) {
	return get[wire.Reschedule](ctx, c, wire.Ordering, "/modifyProductOrderItemRequestedDeliveryDate/", id, nil)
}

// Reschedulings gives a page of requests for other dates.
func (c *Client) Reschedulings(ctx context.Context, f Filter) (Page[wire.Reschedule], error) {
	return list[wire.Reschedule](ctx, c, wire.Ordering, "/modifyProductOrderItemRequestedDeliveryDate", f, nil)
}

// Charge gives a charge by its id.
func (c *Client) Charge(ctx context.Context, id string) (Answer[wire.Charge], error) {
	return get[wire.Charge](ctx, c, wire.Ordering, "/charge/", id, c.translate(wire.FromGraceCharge))
}

// Charges gives a page of charges, in short.
func (c *Client) Charges(ctx context.Context, f Filter) (Page[wire.Charge], error) {
	return list[wire.Charge](ctx, c, wire.Ordering, "/charge", f, nil)
}

// AnswerCharge accepts or rejects items of a charge.
func (c *Client) AnswerCharge(ctx context.Context, id string, a wire.ChargeAnswer) (Answer[wire.Charge], error) {
	return patch[wire.Charge](ctx, c, wire.Ordering, "/charge/", id, wire.ValueOf(a), c.translate(wire.FromGraceCharge))
}

// Product gives a product of the inventory by its id.
func (c *Client) Product(ctx context.Context, id string) (Answer[wire.InventoryProduct], error) {
	return get[wire.InventoryProduct](ctx, c, wire.Inventory, "/product/", id, c.translate(wire.FromGraceProduct))
}

// Products gives a page of the inventory, in short.
func (c *Client) Products(ctx context.Context, f Filter) (Page[wire.InventoryProduct], error) {
	return list[wire.InventoryProduct](ctx, c, wire.Inventory, "/product", f, c.translate(wire.FromGraceProduct))
}

// Bill gives a bill by its id.
func (c *Client) Bill(ctx context.Context, id string) (Answer[wire.Bill], error) {
	return get[wire.Bill](ctx, c, wire.Billing, "/customerBill/", id, fromGuide)
}

// Bills gives a page of bills, in short.
func (c *Client) Bills(ctx context.Context, f Filter) (Page[wire.Bill], error) {
	return list[wire.Bill](ctx, c, wire.Billing, "/customerBill", f, nil)
}

// BillItem gives a line of a bill by its id.
func (c *Client) BillItem(ctx context.Context, id string) (Answer[wire.BillItem], error) {
	return get[wire.BillItem](ctx, c, wire.Billing, "/customerBillItem/", id, fromGuide)
}

// fromGuide takes the guides' spelling of a state for the files'.
func fromGuide(v wire.Value) wire.Value {
	if v.Get("state").Text() == "withdrawn" {
		v.Set("state", wire.BillWithdrawn)
	}
	return v
}

// say sends a call of a Lateral seller's own.
func say[T any](ctx context.Context, c *Client, path, id, word string, a wire.BillAnswer) (out Answer[T], err error) {
	body := wire.ValueOf(a)
	if word == "resolve" && !a.Accept {
		body.Set("accept", false)
	}
	res, err := c.do(ctx, call{function: wire.Billing, method: http.MethodPost, base: ownBase, path: path + url.PathEscape(id) + "/" + word, body: &body})
	if err != nil {
		return out, err
	}
	return read[T](res, nil)
}

// AcceptBill accepts every line of a bill of a Lateral seller. An accepted line
// can no longer be disputed.
func (c *Client) AcceptBill(ctx context.Context, id string) (Answer[wire.Bill], error) {
	return say[wire.Bill](ctx, c, "/customerBill/", id, "accept", wire.BillAnswer{})
}

// PayBill says that what can be paid of a bill has been.
func (c *Client) PayBill(ctx context.Context, id string, a wire.BillAnswer) (Answer[wire.Bill], error) {
	return say[wire.Bill](ctx, c, "/customerBill/", id, "pay", a)
}

// AcceptBillItem accepts one line.
func (c *Client) AcceptBillItem(ctx context.Context, id string) (Answer[wire.BillItem], error) {
	return say[wire.BillItem](ctx, c, "/customerBillItem/", id, "accept", wire.BillAnswer{})
}

// DisputeBillItem objects to one line, for a reason.
func (c *Client) DisputeBillItem(ctx context.Context, id string, a wire.BillAnswer) (Answer[wire.BillItem], error) {
	return say[wire.BillItem](ctx, c, "/customerBillItem/", id, "dispute", a)
}

// ResolveBillItem agrees to the seller's answer to a dispute, or does not.
func (c *Client) ResolveBillItem(ctx context.Context, id string, accept bool, reason string) (Answer[wire.BillItem], error) {
	return say[wire.BillItem](ctx, c, "/customerBillItem/", id, "resolve", wire.BillAnswer{Accept: accept, Reason: reason})
}

// PayBillItem says that one line has been paid.
func (c *Client) PayBillItem(ctx context.Context, id string, a wire.BillAnswer) (Answer[wire.BillItem], error) {
	return say[wire.BillItem](ctx, c, "/customerBillItem/", id, "pay", a)
}

// BillDocument writes a bill's document, a PDF of a Lateral seller. Another
// seller's is at the address that its bill names.
func (c *Client) BillDocument(ctx context.Context, id string, into io.Writer) error {
	a, err := c.do(ctx, call{function: wire.Billing, method: http.MethodGet, base: ownBase, path: "/customerBill/" + url.PathEscape(id) + "/document", media: "application/pdf", again: true})
	if err == nil {
		_, err = into.Write(a.raw)
	}
	return err
}

// CreateTicket opens a trouble ticket. It gets an external id when it has none.
func (c *Client) CreateTicket(ctx context.Context, t wire.Ticket) (Answer[wire.Ticket], error) {
	if t.ExternalID == "" {
		t.ExternalID = NewExternalID()
	}
	return post[wire.Ticket](ctx, c, wire.TroubleTicket, "/troubleTicket", c.body(t), true, nil)
}

// Ticket gives a ticket by its id.
func (c *Client) Ticket(ctx context.Context, id string) (Answer[wire.Ticket], error) {
	return get[wire.Ticket](ctx, c, wire.TroubleTicket, "/troubleTicket/", id, nil)
}

// Tickets gives a page of tickets, in short.
func (c *Client) Tickets(ctx context.Context, f Filter) (Page[wire.Ticket], error) {
	return list[wire.Ticket](ctx, c, wire.TroubleTicket, "/troubleTicket", f, nil)
}

// UpdateTicket changes what a buyer may change of a ticket.
func (c *Client) UpdateTicket(ctx context.Context, id string, u wire.TicketUpdate) (Answer[wire.Ticket], error) {
	return patch[wire.Ticket](ctx, c, wire.TroubleTicket, "/troubleTicket/", id, c.body(u), nil)
}

// CancelTicket withdraws a ticket.
func (c *Client) CancelTicket(ctx context.Context, id string) error {
	return c.onTicket(ctx, id, "cancel", nil)
}

// CloseTicket confirms that a resolved ticket is.
func (c *Client) CloseTicket(ctx context.Context, id string) error {
	return c.onTicket(ctx, id, "close", nil)
}

// ReopenTicket says that a resolved ticket is not.
func (c *Client) ReopenTicket(ctx context.Context, id, reason string) error {
	body := wire.ValueOf(map[string]string{"reason": reason})
	return c.onTicket(ctx, id, "reopen", &body)
}

func (c *Client) onTicket(ctx context.Context, id, word string, body *wire.Value) error {
	_, err := c.do(ctx, call{function: wire.TroubleTicket, method: http.MethodPost, path: "/troubleTicket/" + url.PathEscape(id) + "/" + word, body: body})
	return err
}

// Incident gives an incident by its id.
func (c *Client) Incident(ctx context.Context, id string) (Answer[wire.Incident], error) {
	return get[wire.Incident](ctx, c, wire.TroubleTicket, "/incident/", id, nil)
}

// Incidents gives a page of incidents, in short.
func (c *Client) Incidents(ctx context.Context, f Filter) (Page[wire.Incident], error) {
	return list[wire.Incident](ctx, c, wire.TroubleTicket, "/incident", f, nil)
}
