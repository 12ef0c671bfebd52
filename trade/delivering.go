package trade

import (
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// Delivery. A product is billed from the moment at which it was delivered, and
// where a test was agreed, only once its record stands: the buyer has accepted
// it, or has not objected in time. Until then nothing is charged; afterwards what
// was delivered since is charged too, whichever periods were billed meanwhile.

// OrderDeliver says that what was ordered is delivered. Record is the hash of the
// acceptance test record, which goes from node to node.
type OrderDeliver struct {
	ID     string        `cbor:"1,keyasint" json:"id"`
	At     int64         `cbor:"2,keyasint" json:"at"` // ms UTC
	Record canon.Hash    `cbor:"3,keyasint,omitzero" json:"record,omitzero"`
	Totals []order.Total `cbor:"4,keyasint,omitempty" json:"totals,omitempty"` // of the record, by metric, sorted
}

func orderDeliver(t *tx, b OrderDeliver) error {
	it, err := t.itemOf(b.ID)
	if err != nil {
		return err
	}
	act, err := t.answers(it, OrderAnswer{ID: b.ID}, it.Seller)
	if err != nil {
		return err
	}
	if it.State != order.ItemInProgress || it.Delivery != nil {
		return wrongState("order", it.ID, string(it.State), "delivery")
	}
	switch {
	case b.At > t.ctx.Block.Time:
		return fault.New(fault.NotYet, "the delivery is dated after this block", "send it when it is delivered").In("at")
	case b.At < it.Start:
		return fault.Newf(fault.NotYet, "deliver it when it was asked for", "the order is for %s or later", usage.Stamp(it.Start)).In("at")
	case it.Tested && b.Record.IsZero() && it.Request.Action != order.Delete:
		return invalid("record", "a test record precedes billing, and none is named", "test it, and name the record's hash")
	case len(b.Totals) > 16 || !slices.IsSortedFunc(b.Totals, func(x, y order.Total) int {
		if x.Metric < y.Metric {
			return -1
		}
		return 1
	}):
		return invalid("totals", "the totals are not in order, or too many", "name at most 16, sorted by metric, each once")
	}
	for _, x := range b.Totals {
		if x.Metric == "" || len(x.Metric) > 80 {
			return invalid("totals", "a total has no name", "name its metric")
		}
	}
	if err := t.afterTheLast(it, b.At); err != nil {
		return err
	}
	it.Delivery = &order.Delivery{At: b.At, Record: b.Record, Totals: b.Totals, By: act}
	if !it.Tested || it.Request.Action == order.Delete {
		return t.deliveryStands(it)
	}
	if err := t.moveItem(&it, order.ItemTest); err != nil {
		return err
	}
	clause := t.clauseOf(it)
	it.Resumed, it.Deadline = it.Deadline, t.ctx.Block.Time+clause.Objection
	t.putItem(it)
	t.emit(EventDeliveryTested, ItemKey(it.ID), "")
	return nil
}

// afterTheLast refuses a change that begins before the one before it, or when what
// it would prolong is over.
func (t *tx) afterTheLast(it order.Item, at int64) error {
	p, _ := get[product.Instance](t, ProductKey(it.Request.Product))
	if it.Request.Action == order.Modify && p.Ends != 0 && at >= p.Ends {
		return wrongState("product", p.ID, "over", "a change")
	}
	if n := len(p.Phases); n > 0 && it.Request.Action == order.Modify && at <= p.Phases[n-1].From {
		return invalid("at", "the change begins before what it changes", "name the time at which it was delivered")
	}
	return nil
}

// clauseOf gives the clause that an order or a product rests on, as it is now; the
// default one where an amendment has taken it away.
func (t *tx) clauseOf(it order.Item) agreement.ProductTerms {
	return clauseIn(t.agreementTerms(it.Agreement), it.Clause, string(it.Spec.Line))
}

func clauseIn(terms *agreement.Terms, name, line string) agreement.ProductTerms {
	if p, ok := terms.Named(name); ok {
		return *p
	}
	return agreement.DefaultProduct("default", line)
}

// deliveryStands completes an order: billing goes by its delivery from now on.
func (t *tx) deliveryStands(it order.Item) error {
	if it.State == order.ItemAcknowledged { // the end of a product, which its seller has not answered
		if err := t.moveItem(&it, order.ItemAccept); err != nil {
			return err
		}
	}
	if it.State == order.ItemHeld {
		if err := t.moveItem(&it, order.ItemAgree); err != nil {
			return err
		}
		it.Asked = nil
	}
	if err := t.moveItem(&it, order.ItemDeliver); err != nil {
		return err
	}
	it.Deadline, it.Resumed = 0, 0
	p, _ := get[product.Instance](t, ProductKey(it.Request.Product))
	p.Order = ""
	terms := t.agreementTerms(it.Agreement)
	b := nextBill{t: t, p: &p, mode: terms.Rounding.Mode, zone: terms.Zone}
	if err := t.effect(&it, &b); err != nil {
		return err
	}
	for _, c := range it.Charges {
		b.once(c, it.Delivery.At)
	}
	t.putItem(it)
	t.putProduct(p)
	t.emit(EventDeliveryStands, ItemKey(it.ID), "")
	return nil
}

// effect makes the product what its order has made it.
func (t *tx) effect(it *order.Item, b *nextBill) error {
	p, at := b.p, it.Delivery.At
	if it.Request.Action == order.Delete {
		if err := t.endProduct(p, it.Start, it.Buyer); err != nil {
			return err
		}
		if p.Ends > t.ctx.Block.Time {
			return nil // it ends by its deadline
		}
		return t.moveProduct(p, product.Expire)
	}
	event, due := product.Activate, rating.OnActivation
	if it.Request.Action == order.Modify {
		event, due = product.Settle, rating.OnChange
	}
	if err := t.moveProduct(p, event); err != nil {
		return err
	}
	offer := it.Request.Offer
	committed, err := usage.AddMonths(at, offer.Term.Months, b.zone)
	if err != nil {
		return err
	}
	if err := b.change(product.Phase{From: at, Order: it.ID, Offer: offer}); err != nil {
		return err
	}
	if offer.Term.Months > 0 {
		p.Committed = max(p.Committed, committed)
	}
	if it.Request.Until != 0 {
		p.Ends = max(it.Request.Until, at)
	}
	p.Clause = it.Clause
	return b.due(&offer, due, at)
}

// endProduct sets a product's end, gives back what was billed beyond it, and
// charges what its end costs.
func (t *tx) endProduct(p *product.Instance, at int64, by party.Code) error {
	terms := t.agreementTerms(p.Agreement)
	b := nextBill{t: t, p: p, mode: terms.Rounding.Mode, zone: terms.Zone}
	at = max(at, p.Activated())
	if p.Ends != 0 && p.Ends <= at {
		return nil // its time was over before
	}
	if err := b.end(at); err != nil {
		return err
	}
	p.EndedBy = by
	exit, err := p.Exit(at, by, b.mode)
	p.Due = append(p.Due, exit...)
	return err
}

// nextBill is a product with what is still to be put on its next bill.
type nextBill struct {
	t    *tx
	p    *product.Instance
	mode money.Rounding
	zone string
}

// once puts a charge that was agreed on the next bill, for the moment of the
// event.
func (b *nextBill) once(c rating.Charge, at int64) {
	c.Interval = usage.Interval{From: at, To: at + 1}
	b.p.Due = append(b.p.Due, c)
}

// due puts an offer's charges for an event on the next bill.
func (b *nextBill) due(o *product.Offer, e rating.Event, at int64) error {
	once, err := o.Once(e, at, b.mode)
	b.p.Due = append(b.p.Due, once...)
	return err
}

// change adds a phase. What was billed from its beginning on by the phase before
// is given back and charged by the new one.
func (b *nextBill) change(ph product.Phase) error {
	again := usage.Interval{From: ph.From, To: b.p.Billed}
	if err := b.again(again, -1, "changed before it was billed"); err != nil {
		return err
	}
	b.p.Phases = append(b.p.Phases, ph)
	return b.again(again, 1, "changed before it was billed")
}

// end sets the end, and gives back what was billed beyond it.
func (b *nextBill) end(at int64) error {
	if err := b.again(usage.Interval{From: at, To: b.p.Billed}, -1, "ended before it was billed"); err != nil {
		return err
	}
	b.p.Ends = at
	return nil
}

// again puts the recurring charges of a span on the next bill once more, as they
// are now: with a sign of -1, to be given back.
func (b *nextBill) again(span usage.Interval, sign money.Micro, why string) error {
	if span.From >= span.To || len(b.p.Phases) == 0 {
		return nil
	}
	charges, err := recurring(b.p, span, b.mode)
	if err != nil {
		return err
	}
	for _, c := range charges {
		c.Amount.Micro *= sign // recurring charges are not negative
		c.Why = why
		b.p.Due = append(b.p.Due, c)
	}
	return nil
}

// recurring gives the recurring charges of a product for a span of time, as far
// as it was delivered: by phase and price.
func recurring(p *product.Instance, span usage.Interval, mode money.Rounding) (out []rating.Charge, err error) {
	for _, h := range p.Held(span) {
		o := &p.Phases[h.Phase].Offer
		for i := range o.Prices {
			price := &o.Prices[i]
			if !price.Kind.Fixed() {
				continue
			}
			lines, err := price.Recur(h.Interval, o.Quantity(price.Kind), mode)
			if err != nil {
				return nil, err
			}
			out = append(out, lines...)
		}
	}
	return out, nil
}
