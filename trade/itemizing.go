package trade

import (
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/usage"
)

// Disputes of items. A buyer disputes items of a bill for products and accepts
// the others; people decide what each comes to, and that follows on an invoice of
// its own, as it is with lines of calls.

// BillDispute disputes items of a bill and accepts the others.
type BillDispute struct {
	ID       string          `cbor:"1,keyasint" json:"id"`
	Document canon.Hash      `cbor:"2,keyasint" json:"document"` // that was read
	Items    []ItemObjection `cbor:"3,keyasint" json:"items"`    // by number, ascending
	Why      string          `cbor:"4,keyasint" json:"why"`
	Evidence canon.Hash      `cbor:"5,keyasint,omitzero" json:"evidence,omitzero"`
}

// ItemObjection is an item that the buyer disputes, with what it expects.
type ItemObjection struct {
	Number uint32      `cbor:"1,keyasint" json:"number"`
	Amount money.Micro `cbor:"2,keyasint" json:"amount"`
}

func billDispute(t *tx, c BillDispute) error {
	inv, err := t.invoiceOf(c.ID, c.Document)
	if err != nil {
		return err
	}
	doc, _ := get[invoice.Document](t, DocumentKey(inv.ID))
	if len(doc.Items) == 0 {
		return invalid("id", "the invoice is for calls", "dispute its lines with invoice.dispute")
	}
	if len(c.Items) == 0 || len(c.Items) > maxVerdicts {
		return invalid("items", "a dispute is of 1 to 1024 items", "name them, or accept the invoice")
	}
	if c.Why == "" {
		return invalid("why", "the dispute gives no reason", "say what is wrong")
	}
	if err := checkWhy(c.Why); err != nil {
		return err
	}
	b := t.billingOf(inv)
	line, _ := party.LimitIn(b.terms.LineThreshold, inv.Currency)
	for i, o := range c.Items {
		if i > 0 && o.Number <= c.Items[i-1].Number {
			return invalid("items", "the items are not in order", "sort them by number, each once")
		}
		item, ok := itemOf(doc, o.Number)
		if !ok {
			return notFound("items", "item of the bill with the number", itoa(int(o.Number)))
		}
		claimed := item.Charge.Amount.Micro
		apart, err := max(claimed, o.Amount).Sub(min(claimed, o.Amount))
		if err != nil {
			return fault.Of(err).In("items")
		}
		if apart <= line.Micro {
			return fault.Newf(CodeBelowThreshold, "accept the item", "the difference on item %d is within the agreed threshold", o.Number).In("items")
		}
		t.openItem(&b, inv, item, o.Amount, c)
		if err := t.withdraw(&inv, claimed, settlement.Invoiced); err != nil {
			return err
		}
	}
	act, err := t.authorize(t.agreementTerms(inv.Agreement), money.Amount{Currency: inv.Currency, Micro: max(0, inv.Total)})
	if err != nil {
		return err
	}
	if err := b.move(invoice.PeriodReopen); err != nil {
		return err
	}
	if inv.OpenLines == uint32(len(doc.Items)) {
		inv.State, _ = inv.State.Next(invoice.Dispute)
		inv.Accepted, inv.Deadline = act, 0
		t.emit(EventInvoiceMoved, InvoiceKey(inv.ID), string(inv.State))
		t.put(InvoiceKey(inv.ID), inv)
	} else if err := t.accepted(&inv, &b, act); err != nil {
		return err
	}
	t.save(b)
	return nil
}

func itemOf(doc invoice.Document, number uint32) (invoice.Item, bool) {
	for _, i := range doc.Items {
		if i.Number == number {
			return i, true
		}
	}
	return invoice.Item{}, false
}

// openItem opens the dispute of an item.
func (t *tx) openItem(b *billing, inv invoice.Invoice, item invoice.Item, expected money.Micro, c BillDispute) {
	b.period.Opened++
	b.period.Open++
	x := dispute.Dispute{ID: itemDispute(inv, item.Number), Order: inv.Order, Interval: inv.Interval, Row: item.Number, Product: item.Product, Currency: inv.Currency,
		Seller: dispute.Figures{Amount: item.Charge.Amount.Micro}, Buyer: dispute.Figures{Amount: expected}, Invoice: inv.ID, State: dispute.Manual,
		Opened: t.ctx.Block.Time, By: t.own, Why: c.Why, Evidence: c.Evidence, Deadline: t.until(b.terms, agreement.StageDecision)}
	t.put(DisputeKey(x.ID), x)
	t.emit(EventDisputeOpened, DisputeKey(x.ID), string(x.State))
}

// resolveItems decides items of one bill together: each is taken off the invoice
// that names it, and what it comes to is on one more invoice for each currency.
// It saves the period.
func (t *tx) resolveItems(b billing, decided []resolution) error {
	items, follows := map[money.Currency][]invoice.Item{}, map[money.Currency]string{}
	for _, r := range decided {
		d := r.dispute
		follows[d.Currency] = d.Invoice
		inv, _ := get[invoice.Invoice](t, InvoiceKey(d.Invoice))
		open, err := inv.Open.Sub(d.Seller.Amount)
		if err != nil {
			return err
		}
		inv.Open, inv.OpenLines = open, inv.OpenLines-1
		t.claim(inv.ID, inv.Buyer, inv.Seller, inv.Currency, settlement.Disputed, d.Seller.Amount)
		t.put(InvoiceKey(inv.ID), inv)
		if amount := d.Proposal.Amount; amount != 0 {
			doc, _ := get[invoice.Document](t, DocumentKey(d.Invoice))
			item, _ := itemOf(doc, d.Row)
			item.Charge.Amount.Micro, item.Dispute = amount, d.ID
			items[d.Currency] = append(items[d.Currency], item)
		}
	}
	ids := map[money.Currency]string{}
	for _, c := range currencies(items) {
		var err error
		if ids[c], err = t.issueItems(&b, c, items[c], follows[c], true); err != nil {
			return err
		}
	}
	for _, r := range decided {
		if err := t.closeItem(&b, r, ids[r.dispute.Currency]); err != nil {
			return err
		}
	}
	for _, c := range currencies(follows) {
		if err := t.lastOpen(follows[c], &b); err != nil {
			return err
		}
	}
	if b.period.Open == 0 && b.period.State == invoice.PeriodReconciling {
		if err := b.move(invoice.PeriodDecide); err != nil {
			return err
		}
		t.emit(EventPeriodDecided, b.key, "")
	}
	t.finish(&b)
	t.save(b)
	return nil
}

// closeItem records what came out for one item.
func (t *tx) closeItem(b *billing, r resolution, billed string) error {
	d := r.dispute
	next, ok := d.State.Next(dispute.Accept)
	if !ok {
		return wrongState("dispute", d.ID, string(d.State), "a decision")
	}
	amount := d.Proposal.Amount
	if amount == 0 {
		billed = ""
	}
	b.period.Open--
	d.State, d.Proposal, d.Deadline = next, nil, 0
	d.Decision = &dispute.Decision{Amount: amount, How: r.how, Invoice: billed, Proposed: r.proposed, Accepted: r.accepted,
		Height: t.ctx.Block.Height, Time: t.ctx.Block.Time}
	t.put(DisputeKey(d.ID), d)
	t.emit(EventDisputeResolved, DisputeKey(d.ID), string(r.how))
	return nil
}

// itemDispute names the dispute of an item.
func itemDispute(inv invoice.Invoice, number uint32) string {
	return dispute.ID(inv.Order, inv.Interval, number, usage.Interval{})
}

// ItemState gives an item's state in the words of Sonata.
func (v View) ItemState(inv invoice.Invoice, item invoice.Item) invoice.ItemState {
	d, disputed := v.Dispute(itemDispute(inv, item.Number))
	if !disputed || item.Dispute != "" {
		return item.Sonata(&inv, false, nil)
	}
	if d.Decision == nil {
		return item.Sonata(&inv, true, nil)
	}
	if d.Decision.Amount == item.Charge.Amount.Micro { // it is on the invoice that follows
		if next, ok := v.Invoice(d.Decision.Invoice); ok {
			return item.Sonata(&next, false, nil)
		}
	}
	return item.Sonata(&inv, true, &d.Decision.Amount)
}
