package selling

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
)

// What a firm quote has reserved follows the order that rests on it: accepted, it
// is confirmed for good; delivered, in use; come to nothing or ended, free. Each
// step may be done again, and one that a killed node has not done is done when it
// starts: the order on the Bilateral says which.

// reserve brings the reservation of an order to where the order stands.
func (d *Deals) reserve(partner party.Code, it order.Item) error {
	if it.Quoted == "" || it.Seller != d.shop.o.Carrier {
		return nil
	}
	ended := false
	if it.State == order.ItemCompleted {
		if err := d.view(partner, func(v trade.View) error {
			p, _ := v.Product(it.Request.Product)
			ended = p.State == product.Terminated
			return nil
		}); err != nil {
			return err
		}
	}
	switch it.State {
	case order.ItemAcknowledged:
		return nil // the quote's own time goes on
	case order.ItemRejected, order.ItemFailed, order.ItemCancelled:
		ended = true
	}
	holds := d.shop.holdsOf(it.Quoted)
	if ended {
		return d.free(it, holds)
	}
	h, err := d.hold(it, holds)
	if err != nil || h == nil || it.State != order.ItemCompleted {
		return err
	}
	_, err = d.shop.catalog.MoveHold(h.ID, catalog.Use, it.ID, d.shop.now().UnixMilli())
	return err
}

// free gives back what an order had. What another order has stays.
func (d *Deals) free(it order.Item, holds []catalog.Hold) error {
	for _, h := range holds {
		if !h.State.Takes() || h.Order != "" && h.Order != it.ID {
			continue
		}
		if _, err := d.shop.catalog.MoveHold(h.ID, catalog.Release, it.ID, d.shop.now().UnixMilli()); err != nil && fault.CodeOf(err) != catalog.CodeExpired {
			return err
		}
	}
	return nil
}

// hold confirms what an order needs, and gives it; nil: the quote had reserved
// nothing here, or it is gone.
func (d *Deals) hold(it order.Item, holds []catalog.Hold) (*catalog.Hold, error) {
	now := d.shop.now().UnixMilli()
	var last *catalog.Hold
	for i := range holds {
		h := &holds[i]
		last = h
		switch {
		case h.Order == it.ID && h.State.Takes():
			return h, nil
		case h.State == catalog.Reserved && h.Order == "":
			at := now
			if int64(h.Expires) <= now {
				// The order was accepted in time and this node hears of it late. Whoever
				// had taken the capacity meanwhile would have written off what lapsed.
				at = min(now, it.Accepted.Time)
			}
			confirmed, err := d.shop.catalog.MoveHold(h.ID, catalog.Confirm, it.ID, at)
			if err == nil {
				return &confirmed, nil
			} else if fault.CodeOf(err) != catalog.CodeExpired {
				return nil, err
			}
		}
	}
	if last == nil {
		return nil, nil
	}
	return d.again(it, last, now)
}

// again reserves anew what lapsed before its order was seen.
func (d *Deals) again(it order.Item, h *catalog.Hold, now int64) (*catalog.Hold, error) {
	quote, i := quoteItemOf(it.Quoted)
	id, err := d.shop.nextHold(quote, i)
	if err != nil {
		return nil, err
	}
	in := catalog.Inquiry{A: h.A, Z: h.Z, Bandwidth: h.Bandwidth, To: h.To, Instead: h.Instead}
	_, err = d.shop.catalog.Reserve(catalog.Claim{ID: id, Offering: h.Offering, Inquiry: in, Expires: catalog.Time(now + 60_000), For: it.Quoted, Buyer: h.Buyer}, now)
	switch fault.CodeOf(err) {
	case "":
	case catalog.CodeNoCapacity, catalog.CodeUnfit, fault.NotFound, fault.Invalid:
		// People must see to it: more was sold than there is.
		d.shop.o.Log.Error("an order was accepted whose reservation is gone, and what it needs is not free", "order", it.ID, "reservation", h.ID, "err", err)
		return nil, nil
	default:
		return nil, err
	}
	confirmed, err := d.shop.catalog.MoveHold(id, catalog.Confirm, it.ID, now)
	return &confirmed, err
}

// quoteItemOf reads the name of a signed quote: the quote's id, and the place of
// its item among several.
func quoteItemOf(name string) (quote string, item int) {
	quote, place, several := strings.Cut(name, "/")
	if n, err := strconv.Atoi(place); several && err == nil && n > 0 {
		return quote, n - 1
	}
	return quote, 0
}

// holdsOf gives every reservation that was made for a signed quote, oldest first.
func (s *Shop) holdsOf(name string) (out []catalog.Hold) {
	quote, item := quoteItemOf(name)
	for again := 0; ; again++ {
		h, err := s.catalog.Hold(holdName(quote, item, again))
		if err != nil {
			return out
		}
		if h.For == name {
			out = append(out, h)
		}
	}
}

// orderID is the id that an item of a Sonata order has on the Bilateral: the
// order's external id, with the item's place behind it where there are several.
func orderID(external string, items, i int) string {
	if items == 1 {
		return external
	}
	return fmt.Sprintf("%s.%d", external, i+1)
}

// externals gives the external ids that the Sonata order of an order on the
// Bilateral may have.
func externals(id string) []string {
	all := []string{id}
	if dot := strings.LastIndexByte(id, '.'); dot > 0 {
		if n, err := strconv.Atoi(id[dot+1:]); err == nil && n > 0 {
			all = append(all, id[:dot])
		}
	}
	return all
}
