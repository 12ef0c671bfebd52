package selling

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/usage"
)

// Another date of an order. Its buyer's node asks for it on the Bilateral, and
// what is said there is the answer over Sonata.

// wishKey names the charge of an item's wish within the order.
func wishKey(item string, n int) string { return item + "/date/" + strconv.Itoa(n) }

// moved reports whether an order has a beginning that was agreed after it was
// placed.
func moved(it *order.Item) bool {
	return slices.ContainsFunc(it.Wishes, func(w order.Wish) bool { return w.Outcome == order.WishAccepted && w.Start != 0 })
}

// Reschedule shows the seller's word on the Bilateral to what the buyer has asked
// for there, with the charge that it asks for. What is not there yet is waited for.
func (d *Deals) Reschedule(_ context.Context, p sonata.Party, o wire.Order, wish wire.Reschedule) (c sonata.Consent, err error) {
	all, err := d.placedOf(p, &o)
	if err != nil {
		return c, err
	}
	i := slices.IndexFunc(o.Items, func(x wire.OrderItem) bool { return x.ID == wish.Item.ItemID })
	if i < 0 || !all[i].there {
		return c, fault.New(fault.Refused, onIt, "there is no such order on the Bilateral")
	}
	x, start := all[i], int64(0)
	if !wish.Requested.IsZero() {
		start = wish.Requested.UnixMilli()
	}
	n := len(x.Wishes)
	switch {
	case x.Wish != nil && x.Wish.Wants(start, wish.Expedite) && x.State == order.ItemHeld:
		charge := d.charge(wishKey(o.Items[i].ID, n), o.Items[i].ID, x.Item)
		return sonata.Consent{Charges: charge.Items, Until: charge.Until, Key: charge.Key}, nil
	case x.Wish != nil && x.Wish.Wants(start, wish.Expedite):
		return c, fault.New(fault.NotYet, "the seller has not answered another date on the Bilateral", "ask again later")
	case n > 0 && x.Wishes[n-1].Wants(start, wish.Expedite):
		last := &x.Wishes[n-1]
		if last.Outcome == order.WishAccepted {
			return c, nil
		}
		return c, fault.Newf(fault.Refused, "let it be delivered as it was ordered", "another date was %s on the Bilateral: %s", last.Outcome, cmp.Or(last.Why, "no reason was given"))
	case x.Delivery != nil || len(order.ItemTransitions[x.State]) == 0:
		return c, fault.Newf(fault.Refused, "order a change or an end of the product", "the order %s on the Bilateral is delivered or has ended", x.ID)
	case x.State != order.ItemInProgress && x.State != order.ItemModifying && x.State != order.ItemHeld:
		return c, fault.Newf(fault.Refused, "wait until it is inProgress", "the order %s on the Bilateral is %s", x.ID, x.State)
	case start != 0 && start < d.shop.now().UnixMilli():
		return c, fault.New(fault.Refused, "name a later date", "the date is past")
	case (start == 0 || start == x.Start) && (!wish.Expedite || x.Expedite):
		return c, fault.Newf(fault.Refused, "name another date, or ask for haste", "the order %s on the Bilateral is for that date already", x.ID)
	case d.shop.now().Before(wish.Created.Add(d.o.Wait)):
		return c, fault.New(fault.NotYet, "the buyer's node has not asked for another date on the Bilateral", "ask again later")
	}
	return c, fault.Newf(fault.Refused, onIt+": lateral order reschedule", "another date of the order %s was not asked for on the Bilateral in time: its buyer's node does that", x.ID)
}

// tooSoon refuses a date on the Bilateral before which the seller's offering is
// never delivered. Haste is for people: they may do it for a charge.
func (d *Deals) tooSoon(ctx context.Context, partner party.Code, it order.Item) error {
	w := it.Wish
	if d.o.Say == nil || w == nil || it.State != order.ItemModifying || w.Start == 0 || w.Start >= it.Start || w.Expedite {
		return nil
	}
	for _, h := range d.shop.holdsOf(it.Quoted) {
		e, err := catalog.Get[catalog.Offering](d.shop.catalog, h.Offering)
		if err != nil {
			continue // withdrawn since: people see to it
		}
		soonest := w.Asked.Time + int64(e.Item.Term.Lead)*time.Second.Milliseconds()
		if w.Start >= soonest {
			return nil
		}
		why := fmt.Sprintf("it takes until %s at least", usage.Stamp(soonest))
		err = d.o.Say(ctx, partner, trade.NewCommand(trade.KindOrderReject, trade.OrderAnswer{ID: it.ID, Why: why}))
		switch fault.CodeOf(err) {
		case trade.CodeState, fault.Forbidden: // it is answered already, or only people may
			return nil
		}
		return err
	}
	return nil
}
