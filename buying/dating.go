package buying

import (
	"cmp"
	"context"
	"time"

	"github.com/lateral-network/lateral/api/sonata/client"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/mesh"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/usage"
)

// Another date of a service that is not delivered goes down the chain as it was
// ordered, on each pair's Bilateral: a hop answers its buyer when its own legs are
// free by then and the hop behind has said yes. One no is the answer of all; what
// was agreed behind a buyer that has given its wish up meanwhile is asked to go
// back. Nothing of it is remembered: both orders, as they stand, say what comes
// next.

// Reschedule asks for another date (ms since 1970; 0: it stays) of an own customer's
// service that is ordered and not delivered, or for haste. The answer comes later,
// on the order with the neighbour. Codes: not-found, conflict, those of the order.
func (b *Broker) Reschedule(ctx context.Context, id mesh.ID, start int64, expedite bool) (Service, error) {
	b.mu.Lock()
	o, ok := b.cascade.Order(id)
	if !ok || o.Up >= 0 {
		b.mu.Unlock()
		return Service{}, errNoService
	}
	s, x, err := b.mayMove(&o, start)
	if err != nil {
		b.mu.Unlock()
		return s, err
	}
	said := make(chan error, 1)
	name, n := orderName(o.Below, o.Next.Number), &b.o.Neighbours[o.Down]
	busy := b.placing[string(n.Partner)+"/"+name+"/date"]
	if !busy {
		b.askDate(n, x, name, start, expedite, func(err error) { said <- err })
		busy = !b.placing[string(n.Partner)+"/"+name+"/date"]
	}
	b.mu.Unlock()
	if busy {
		return s, fault.New(fault.Conflict, "another date cannot be asked for now", "look at the service, and at the log of this node")
	}
	select {
	case err := <-said:
		if err != nil {
			return s, err
		}
		return b.Service(id)
	case <-ctx.Done():
		return s, fault.New(fault.Unknown, "whether another date was asked for is not known yet", "look at the service").Because(ctx.Err())
	}
}

// lastWish gives what was asked for last of an order; nil: nothing was.
func lastWish(it *order.Item) *order.Wish {
	if it.Wish != nil || len(it.Wishes) == 0 {
		return it.Wish
	}
	return &it.Wishes[len(it.Wishes)-1]
}

// mayMove says whether the date of an own customer's service may be another, and
// gives the Bilateral with the neighbour. The lock is held.
func (b *Broker) mayMove(o *mesh.Order, start int64) (s Service, x *channel.Bilateral, err error) {
	s = b.service(o)
	switch {
	case o.Down < 0:
		return s, nil, fault.New(fault.Conflict, "nothing is bought for the service: it has no order whose date could be another", "withdraw it, and order anew")
	case o.Current != nil || o.Next.Stage != mesh.Ordered:
		return s, nil, fault.Newf(fault.Conflict, "ask for another date while it is being delivered", "the service is %s", s.Stage)
	}
	if why := b.notHeld(o, start); why != "" {
		return s, nil, fault.New(fault.Conflict, why, "withdraw it, and order anew")
	}
	if x = b.open[b.o.Neighbours[o.Down].Partner]; x == nil {
		err = fault.New(fault.NotYet, "the Bilateral is not open yet", "wait")
	}
	return s, x, err
}

// notHeld says why own legs cannot be had by a date: they are reserved from a later
// one on. The lock is held.
func (b *Broker) notHeld(o *mesh.Order, start int64) string {
	if start == 0 || len(b.supplies[o.Next.Quote].Own) == 0 {
		return ""
	}
	h, err := b.o.Catalog.Hold(holdName(o.Next.Quote))
	if err != nil || int64(h.From) <= start {
		return ""
	}
	return "what it needs is reserved from " + usage.Stamp(int64(h.From)) + " on"
}

// lookDate answers a partner's wish for another date of what it is sold, as far as
// the hop behind has answered. The lock is held.
func (b *Broker) lookDate(o *mesh.Order) {
	if o.Next == nil || o.Up < 0 {
		return
	}
	id, ok := b.items[revision{o.ID, o.Next.Number}]
	if !ok {
		return
	}
	partner := b.o.Neighbours[o.Up].Partner
	x := b.open[partner]
	if x == nil {
		return
	}
	up, ok := b.item(x, id)
	if !ok {
		return
	}
	if up.State != order.ItemModifying {
		b.goBack(o, &up)
		return
	}
	w := *up.Wish
	if why := b.notHeld(o, w.Start); why != "" {
		b.answerDate(partner, x, id, &w, why)
		return
	}
	if o.Down < 0 {
		b.answerDate(partner, x, id, &w, "")
		return
	}
	n := &b.o.Neighbours[o.Down]
	y := b.open[n.Partner]
	if y == nil {
		return // it is looked at when it opens
	}
	name := orderName(o.Below, o.Next.Number)
	down, ok := b.item(y, name)
	last := order.Wish{}
	if k := len(down.Wishes); k > 0 {
		last = down.Wishes[k-1]
	}
	switch {
	case !ok || down.State == order.ItemAcknowledged || down.State == order.ItemCancelling || down.Wish != nil: // it is looked at when it moves
	case down.State != order.ItemInProgress || down.Delivery != nil:
		b.answerDate(partner, x, id, &w, "what is bought for it is delivered, or has ended")
	case (w.Start == 0 || down.Start == w.Start) && (!w.Expedite || down.Expedite):
		b.answerDate(partner, x, id, &w, "")
	case last.Wants(w.Start, w.Expedite) && last.Asked.Height >= w.Asked.Height:
		b.answerDate(partner, x, id, &w, "behind it: "+cmp.Or(last.Why, string(last.Outcome)))
	default:
		b.askDate(n, y, name, w.Start, w.Expedite, func(err error) {
			switch {
			case err == nil:
			case passes(err) || fault.CodeOf(err) == trade.CodeState: // it has moved meanwhile
				b.again(func() { b.lookAt(partner, x, id) })
			default:
				b.mu.Lock()
				defer b.mu.Unlock()
				b.answerDate(partner, x, id, &w, "behind it: "+fault.Of(err).Detail)
			}
		})
	}
}

// answerDate says yes to a partner's wish, or no with a reason. The lock is held.
func (b *Broker) answerDate(partner party.Code, x *channel.Bilateral, id string, w *order.Wish, why string) {
	if len(why) > maxWhy {
		why = why[:maxWhy]
	}
	b.say(partner, x, id, "date", func(it *order.Item) []trade.Command {
		if it.State != order.ItemModifying || it.Wish.Asked.Command != w.Asked.Command {
			return nil
		}
		if why != "" {
			return commands(trade.KindOrderReject, trade.OrderAnswer{ID: id, Why: why})
		}
		return commands(trade.KindOrderAccept, trade.OrderAnswer{ID: id})
	})
}

// askDate asks a neighbour for another date, on the Bilateral and then on its Sonata
// interface. The lock is held; then is called without it.
func (b *Broker) askDate(n *Neighbour, y *channel.Bilateral, id string, start int64, expedite bool, then func(error)) {
	b.command(n.Partner, y, id, "date", commands(trade.KindOrderReschedule, trade.OrderReschedule{ID: id, Start: start, Expedite: expedite}), func(err error) {
		then(err)
		if err == nil {
			b.postDate(n, id, start, expedite, b.now()+postFor.Milliseconds())
		}
	})
}

// postFor is how long an order may take to be on the seller's Sonata interface: it
// is put there after the Bilateral, by work of its own.
const postFor = time.Minute

// goBack asks the hop behind to go back to the date that its buyer kept, where it
// has agreed to a wish that did not become this carrier's own agreement. The lock is
// held.
func (b *Broker) goBack(o *mesh.Order, up *order.Item) {
	k := len(up.Wishes)
	if k == 0 || o.Next == nil || up.State != order.ItemInProgress || up.Delivery != nil || up.Wishes[k-1].Outcome == order.WishAccepted || o.Down < 0 {
		return
	}
	n, name := &b.o.Neighbours[o.Down], orderName(o.Below, o.Next.Number)
	y := b.open[n.Partner]
	if y == nil {
		return
	}
	down, ok := b.item(y, name)
	kept, j := up.Wishes[k-1], len(down.Wishes)
	if !ok || down.State != order.ItemInProgress || down.Delivery != nil || j == 0 {
		return
	}
	if last := down.Wishes[j-1]; last.Outcome != order.WishAccepted || last.Start == 0 || !last.Wants(kept.Start, kept.Expedite) || last.Asked.Height < kept.Asked.Height {
		return
	}
	// At once is a moment from now: the ledger's clock takes no date that is past.
	b.askDate(n, y, name, max(up.Start, b.blockTime(y)+10_000), false, func(err error) {
		if err != nil {
			b.o.Log.Warn("what is bought for a service keeps another date than it", "partner", n.Partner, "order", name, "err", err)
		}
	})
}

// dateBought follows another date of what is bought: a partner that waits for it is
// answered, a charge that nobody has quoted is declined, and an own customer's
// service may take as long as it then does. The lock is held.
func (b *Broker) dateBought(now int64, partner party.Code, it *order.Item, o *mesh.Order) []mesh.Effect {
	k := len(it.Wishes)
	switch {
	case o.Up >= 0 && it.State == order.ItemHeld && it.Wish != nil:
		if y := b.open[partner]; y != nil {
			b.say(partner, y, it.ID, "date", func(it *order.Item) []trade.Command {
				if it.State != order.ItemHeld || it.Wish == nil {
					return nil
				}
				return commands(trade.KindOrderReject, trade.OrderAnswer{ID: it.ID, Why: "a charge was asked for that was not quoted"})
			})
		}
	case o.Up >= 0:
		b.lookDate(o)
	case k > 0 && it.Wishes[k-1].Outcome == order.WishAccepted && it.Wishes[k-1].Start != 0:
		return b.cascade.Extend(now, o.ID, it.Start+b.o.DeliverFor.Milliseconds())
	}
	return nil
}

// postDate puts another date that is asked for on the Bilateral on the seller's
// Sonata interface as well, when the order is there; until is when that is given up,
// ms since 1970.
func (b *Broker) postDate(n *Neighbour, id string, start int64, expedite bool, until int64) {
	if n.Seller == nil {
		return
	}
	found, err := n.Seller.Orders(b.life, client.Filter{"externalId": id})
	if err == nil && len(found.Items) == 0 && b.now() < until {
		b.again(func() { b.postDate(n, id, start, expedite, until) })
		return
	}
	if err == nil && len(found.Items) > 0 {
		wish := wire.Reschedule{Item: wire.OrderItemRef{OrderID: found.Items[0].ID, ItemID: "1"}, Expedite: expedite}
		if start != 0 {
			wish.Requested = time.UnixMilli(start).UTC()
		}
		_, err = n.Seller.Reschedule(b.life, wish)
	}
	if err != nil && b.life.Err() == nil {
		b.o.Log.Info("the seller's Sonata interface has not taken another date; it stands on the Bilateral", "partner", n.Partner, "order", id, "err", err)
	}
}
