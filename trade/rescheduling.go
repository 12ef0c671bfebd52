package trade

import (
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/usage"
)

// Another date. The buyer of an order that is accepted and not delivered may ask
// for another beginning, or for haste. Nothing changes until the seller says yes,
// or the buyer agrees to what the seller charges for it; a no, a charge that is
// declined and a time that has passed leave the order as it was.

// OrderReschedule asks for another date of an order about a product, for haste, or
// for both.
type OrderReschedule struct {
	ID       string `cbor:"1,keyasint" json:"id"`
	Start    int64  `cbor:"2,keyasint,omitempty" json:"start,omitempty"` // ms UTC; 0: the date stays
	Expedite bool   `cbor:"3,keyasint,omitempty" json:"expedite,omitempty"`
}

func orderReschedule(t *tx, b OrderReschedule) error {
	it, err := t.itemOf(b.ID)
	if err != nil {
		return err
	}
	if b.Start < 0 || b.Start > maxMillis {
		return invalid("start", "the date is out of range", "name a time in ms since 1970")
	}
	moved := it
	if b.Start != 0 {
		moved.Start = b.Start
	}
	if end := it.Request.Until; end != 0 && moved.Start >= end {
		return invalid("start", "the order would begin when it has ended", "name a time before "+usage.Stamp(end))
	}
	// A timed product that begins sooner costs more: the delegate may have to bind
	// its side to that.
	worth, err := t.worth(&moved, t.agreementTerms(it.Agreement))
	if err != nil {
		return err
	}
	act, err := t.answers(it, OrderAnswer{ID: b.ID}, it.Buyer, worth...)
	if err != nil {
		return err
	}
	switch {
	case it.State == order.ItemModifying || it.Wish != nil:
		return wrongState("order", it.ID, "waiting for the answer to another date", "asking for one more")
	case it.State == order.ItemInProgress && it.Delivery != nil:
		return wrongState("order", it.ID, "delivered, and its test record waits", "another date")
	case len(it.Wishes) == order.MaxWishes:
		return wrongState("order", it.ID, "moved or asked to be too often", "another date")
	case moved.Start == it.Start && (!b.Expedite || it.Expedite):
		return invalid("start", "the order is as it is asked to be", "name another date, or ask for haste that was not agreed")
	case b.Start != 0 && b.Start < t.ctx.Block.Time:
		return invalid("start", "the date is past", "name a later one")
	}
	if err := t.moveItem(&it, order.ItemReschedule); err != nil {
		return err
	}
	w := order.Wish{Start: b.Start, Expedite: b.Expedite, Asked: act}
	if err := t.fitsWish(it, w); err != nil {
		return err
	}
	it.Wish, it.Resumed = &w, it.Deadline
	it.Deadline = t.until(*t.agreementTerms(it.Agreement), agreement.StageAnswer)
	t.putItem(it)
	return nil
}

// fitsWish refuses a date that is outside what the order rests on: its agreement,
// its quoted time, and the notice of a product's end.
func (t *tx) fitsWish(it order.Item, w order.Wish) error {
	if w.Start == 0 {
		return nil
	}
	a, err := t.inForce("id", it.Agreement, it.Spec.Line)
	if err != nil {
		return err
	}
	r := &it.Request
	switch {
	case a.Until != 0 && w.Start >= a.Until:
		return fault.Newf(CodeNoAgreement, "let the order begin within the agreement", "agreement %s does not cover the order's beginning", a.ID).In("start")
	case r.Action == order.Delete:
		clause := t.clauseOf(it)
		return clause.Noticed(w.Asked.Time, w.Start)
	case len(r.Quote) > 0:
		s, err := order.OpenQuote(r.Quote)
		if err != nil {
			return err // it was read when the order was placed
		}
		if w.Start < s.Quote.From {
			return fault.Newf(CodeQuoteMismatch, "let the order begin within the quoted time", "the quote is for a time from %s on", usage.Stamp(s.Quote.From)).In("start")
		}
	}
	return nil
}

// answerWish lets an order go on when its wish is answered: as the buyer has asked
// where that was accepted, and else as it was.
func (t *tx) answerWish(it order.Item, e order.ItemEvent, outcome order.WishOutcome, why string, act party.Act) error {
	if err := t.moveItem(&it, e); err != nil {
		return err
	}
	w := t.endWish(&it, outcome, why, act)
	if outcome == order.WishAccepted {
		it.Expedite = it.Expedite || w.Expedite
		if w.Start != 0 {
			it.Start, it.Resumed = w.Start, max(w.Start, t.ctx.Block.Time)+t.clauseOf(it).Delivery
		}
	}
	it.Asked = nil
	t.goOn(&it)
	return nil
}

// endWish writes what has become of a wish.
func (t *tx) endWish(it *order.Item, outcome order.WishOutcome, why string, act party.Act) order.Wish {
	w := *it.Wish
	w.Outcome, w.Why, w.Answered = outcome, why, act
	it.Wish, it.Wishes = nil, append(slices.Clone(it.Wishes), w)
	t.emit(EventOrderRescheduled, ItemKey(it.ID), string(outcome))
	return w
}
