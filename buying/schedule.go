package buying

import (
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
)

// Products by a standing schedule of the agreement: an application opens and
// closes them by its own orders, without a quote (ICT-002, steps 1.b and 3.b).
// Where own legs need no work, the seller's node answers by itself, so that what is
// opened is there after a few blocks.

// scheduled reports whether an order is about a product by a schedule.
func (b *Broker) scheduled(partner party.Code, it *order.Item) (yes bool) {
	if it.Request.Action != order.Delete {
		return it.Request.Schedule != ""
	}
	x := b.open[partner]
	if x == nil {
		return false
	}
	err := x.View(func(v channel.View) error {
		t := trade.View{Records: v}
		if p, ok := t.Product(it.Request.Product); ok {
			first, there := t.Item(p.OrderedBy)
			yes = there && first.Request.Schedule != ""
		}
		return nil
	})
	return err == nil && yes
}

// serve accepts such an order and says that it is delivered, when its time has
// come. The lock is held.
func (b *Broker) serve(partner party.Code, it *order.Item) {
	x := b.open[partner]
	if x != nil && it.State == order.ItemModifying {
		b.answerDate(partner, x, it.ID, it.Wish, "") // it waits for any date
		return
	}
	if x == nil || it.State != order.ItemAcknowledged && it.State != order.ItemInProgress || it.Delivery != nil {
		return
	}
	if it.State == order.ItemAcknowledged {
		b.say(partner, x, it.ID, "accept", func(it *order.Item) []trade.Command {
			if it.State != order.ItemAcknowledged {
				return nil
			}
			return commands(trade.KindOrderAccept, trade.OrderAnswer{ID: it.ID})
		})
	}
	b.say(partner, x, it.ID, "deliver", func(it *order.Item) []trade.Command {
		at := max(it.Start, b.blockTime(x))
		if at > b.now() {
			b.later(at, func() { b.lookAt(partner, x, it.ID) })
			return nil
		}
		d := trade.OrderDeliver{ID: it.ID, At: at}
		if it.Request.Action != order.Delete {
			var err error
			if d.Record, err = b.keepRecord(testRecord{Order: it.ID, Product: it.Request.Product, At: at, Schedule: it.Request.Schedule}); err != nil {
				b.undelivered(partner, it.ID, err, func() { b.lookAt(partner, x, it.ID) })
				return nil
			}
		}
		return commands(trade.KindOrderDeliver, d)
	})
}
