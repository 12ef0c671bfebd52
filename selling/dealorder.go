package selling

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/line/connectivity"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
)

// Milestones of an item.
const (
	milestoneOrdered = "ordered" // the seller has accepted it
	milestoneTested  = "tested"  // there is an acceptance test record
)

// maxExternal is the longest external id that an order on a Bilateral can bear,
// with the place of an item among several.
const maxExternal = 24

const (
	orderItems = "productOrderItem"
	onIt       = "say it on the Bilateral with your own node"
)

// AcceptOrder refuses what could never be found on the buyer's Bilateral, or is
// not what stands there already.
func (d *Deals) AcceptOrder(_ context.Context, p sonata.Party, o wire.Order) error {
	if _, ok := d.o.Bilateral(party.Code(p.Buyer)); !ok {
		return fault.Newf(fault.Refused, "open a Bilateral with "+p.Seller+" first: what is ordered stands on it",
			"%s has no open Bilateral with %s, on which an order stands", p.Buyer, p.Seller)
	}
	switch last := orderID(o.ExternalID, len(o.Items), len(o.Items)-1); {
	case o.ExternalID == "":
		return fault.New(sonata.CodeMissingProperty, "the order does not say which order on the Bilateral it is", "send the id of that order").In("externalId")
	case !party.Plain(last, maxExternal):
		return fault.Newf(sonata.CodeBadFormat, "use letters, digits, '.', '_' and '-', beginning with a letter or digit, 24 at most with the number of an item",
			"no order on a Bilateral can have the id %.64q", last).In("externalId")
	}
	var faults []error
	err := d.view(party.Code(p.Buyer), func(v trade.View) error {
		for i := range o.Items {
			path := orderItems + "." + strconv.Itoa(i)
			if err := d.acceptItem(v, p, &o, i, path); err != nil {
				faults = append(faults, err)
			}
		}
		return nil
	})
	return errors.Join(append(faults, err)...)
}

func (d *Deals) acceptItem(v trade.View, p sonata.Party, o *wire.Order, i int, path string) error {
	item, id := &o.Items[i], orderID(o.ExternalID, len(o.Items), i)
	it, there := v.Item(id)
	if there {
		if err := d.fits(p, it, item); err != nil {
			return fault.Of(err).In(path)
		}
		switch it.State {
		case order.ItemRejected, order.ItemFailed, order.ItemCancelled:
			return fault.Newf(fault.Refused, "order anew, under another id", "the order %s on the Bilateral is %s", id, it.State).In(path)
		}
	}
	if q := item.QuoteItem; q != nil {
		if err := d.sameAsQuoted(item, path); err != nil {
			return err
		}
		for _, h := range d.shop.Reservations(q.QuoteID) {
			if h.Order == "" || there && quotedBy(it) == q.QuoteID || ofOrder(o, h.Order) {
				continue
			}
			return fault.Newf(fault.Refused, "have it quoted again", "another order has used the quote").In(path + ".quoteItem.quoteId")
		}
	} else if item.Action == wire.Add {
		if _, err := d.shop.read(p, "/"+strings.ReplaceAll(path, ".", "/")+"/product", item.Action, item.Product); err != nil {
			return err
		}
	}
	if item.Action == wire.Add {
		return nil
	}
	has, ok := v.Product(item.Product.ID)
	switch {
	case !ok || has.Seller != party.Code(p.Seller):
		return fault.Newf(sonata.CodeReferenceUnknown, "look the id up in the inventory", "there is no product %.64q on the Bilateral", item.Product.ID).In(path + ".product.id")
	case has.Order != "" && has.Order != id:
		return fault.Newf(fault.Refused, "wait until it is finished", "the order %s about the product is under way on the Bilateral", has.Order).In(path + ".product.id")
	}
	return nil
}

// ofOrder reports whether an order on the Bilateral is an item of a Sonata order.
func ofOrder(o *wire.Order, id string) bool {
	for i := range o.Items {
		if orderID(o.ExternalID, len(o.Items), i) == id {
			return true
		}
	}
	return false
}

func quotedBy(it order.Item) string {
	quote, _ := quoteItemOf(it.Quoted)
	return quote
}

// sameAsQuoted refuses an item whose configuration is not the quoted one.
func (d *Deals) sameAsQuoted(item *wire.OrderItem, path string) error {
	if item.Quoted == nil || item.Action == wire.Delete {
		return nil
	}
	asked, err := configuration(item.Product)
	if err != nil {
		return fault.Of(err).In(path + ".product.productConfiguration")
	}
	if quoted, err := configuration(item.Quoted.Product); err != nil || quoted != asked {
		return fault.New(fault.Invalid, "the configuration is not the one that was quoted", "order what was quoted, or have this quoted").In(path + ".product.productConfiguration")
	}
	return nil
}

// configuration names what is configured, as an order on a Bilateral does.
func configuration(p wire.Product) (canon.Hash, error) {
	spec, err := connectivity.Line{}.Spec(p.Configuration.Bytes())
	return spec.Configuration, err
}

// fits says whether an order on the Bilateral is what an item of a Sonata order
// asks for.
func (d *Deals) fits(p sonata.Party, it order.Item, item *wire.OrderItem) error {
	differs := func(what string) error {
		return fault.Newf(fault.Refused, "order the same by both, or take another id", "the order %s on the Bilateral has another %s", it.ID, what)
	}
	switch {
	case string(it.Buyer) != p.Buyer || string(it.Seller) != p.Seller:
		return differs("buyer")
	case string(it.Request.Action) != item.Action:
		return differs("action")
	case item.QuoteItem != nil && item.Action != wire.Delete && quotedBy(it) != item.QuoteItem.QuoteID: // an end is ordered without one
		return differs("quote")
	case item.Action != wire.Add && it.Request.Product != item.Product.ID:
		return differs("product")
	}
	if item.Action == wire.Delete {
		return nil
	}
	if asked, err := configuration(item.Product); err != nil || asked != it.Spec.Configuration {
		return differs("configuration")
	}
	return nil
}

// placed is an order on the Bilateral that an item of a Sonata order is; none
// yet: there is false.
type placed struct {
	order.Item
	there bool
}

// placedOf finds the orders of a Sonata order. Code: refused when one is not what
// the Sonata order asks for.
func (d *Deals) placedOf(p sonata.Party, o *wire.Order) ([]placed, error) {
	all := make([]placed, len(o.Items))
	err := d.view(party.Code(p.Buyer), func(v trade.View) error {
		for i := range o.Items {
			all[i].Item, all[i].there = v.Item(orderID(o.ExternalID, len(o.Items), i))
			if all[i].there {
				if err := d.fits(p, all[i].Item, &o.Items[i]); err != nil {
					return fault.Of(err).In(orderItems + "." + strconv.Itoa(i))
				}
			}
		}
		return nil
	})
	if fault.CodeOf(err) == fault.NotFound { // the Bilateral is not open any more
		return all, nil
	}
	return all, err
}

// OrderProgress says how far the orders on the Bilateral are. An item that is not
// there yet is waited for.
func (d *Deals) OrderProgress(_ context.Context, p sonata.Party, o wire.Order) (out sonata.OrderProgress, err error) {
	all, err := d.placedOf(p, &o)
	if err != nil {
		return out, err
	}
	latest := o.Date.Add(d.o.Wait)
	waits := d.shop.now().Before(latest)
	begun, undecided := o.State != wire.Acknowledged, false
	for _, x := range all {
		switch {
		case !x.there:
			undecided = undecided || waits
		case x.State == order.ItemAcknowledged:
			undecided = true
		case x.State != order.ItemRejected:
			begun = true
		}
	}
	for i, x := range all {
		item := &o.Items[i]
		if !x.there || x.State == order.ItemRejected {
			why := x.Why
			if !x.there {
				why = fmt.Sprintf("the order %s was not placed on the Bilateral in time", orderID(o.ExternalID, len(o.Items), i))
			}
			ip := sonata.ItemProgress{}
			switch {
			case !x.there && waits, !begun && undecided:
				// The order is refused as a whole, so the others are waited for.
			case begun:
				ip = ended(wire.Failed, why)
			default:
				ip = ended(wire.Rejected, why)
			}
			out.Items = append(out.Items, ip)
			continue
		}
		ip, err := d.itemProgress(item, x.Item)
		if err != nil {
			return out, err
		}
		out.Items = append(out.Items, ip)
		key := func(n int) string { return item.ID + "/" + strconv.Itoa(n) }
		for n := range x.Charges {
			out.Answered = append(out.Answered, sonata.ChargeAnswered{Key: key(n), Accepted: true})
		}
		for n, said := range x.Wishes {
			if said.Charged {
				out.Answered = append(out.Answered, sonata.ChargeAnswered{Key: wishKey(item.ID, n), Accepted: said.Outcome == order.WishAccepted})
			}
		}
		switch {
		case x.Wish != nil: // what is charged for another date is asked for with that
		case x.State == order.ItemHeld && x.Asked != nil:
			out.Charges = append(out.Charges, d.charge(key(len(x.Charges)), item.ID, x.Item))
		case x.State == order.ItemFailed:
			out.Answered = append(out.Answered, sonata.ChargeAnswered{Key: key(len(x.Charges))})
		}
	}
	if waits && slices.ContainsFunc(all, func(x placed) bool { return !x.there }) {
		out.Again = latest
	}
	return out, nil
}

func ended(state, why string) sonata.ItemProgress {
	return sonata.ItemProgress{State: state, Reason: why, Errors: []wire.TerminationError{{Code: "otherIssue", Value: cmp.Or(why, "no reason was given")}}}
}

// itemProgress shows an order on the Bilateral that the seller has not rejected.
func (d *Deals) itemProgress(item *wire.OrderItem, it order.Item) (ip sonata.ItemProgress, err error) {
	switch it.State {
	case order.ItemAcknowledged:
	case order.ItemInProgress, order.ItemHeld, order.ItemCancelling, order.ItemModifying:
		ip.State = wire.InProgress
	case order.ItemCompleted:
		ip.State = wire.Completed
	case order.ItemFailed:
		ip = ended(wire.Failed, it.Why)
	case order.ItemCancelled:
		ip = ended(wire.Cancelled, it.Why)
	}
	if ip.State == "" {
		return ip, nil
	}
	at := func(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
	ip.Expected = item.Requested
	if start := at(it.Start); start.After(ip.Expected) || moved(&it) {
		ip.Expected = start
	}
	if it.Accepted.Time != 0 {
		ip.Milestones = append(ip.Milestones, wire.Milestone{Name: milestoneOrdered, Date: at(it.Accepted.Time)})
	}
	if x := it.Delivery; x != nil && !x.Record.IsZero() {
		var totals []string
		for _, t := range x.Totals {
			totals = append(totals, fmt.Sprintf("%s %d", t.Metric, t.Value))
		}
		ip.Milestones = append(ip.Milestones, wire.Milestone{Name: milestoneTested, Date: at(x.By.Time), Note: strings.Join(append(totals, "record "+x.Record.String()), ", ")})
	}
	if it.Request.Action == order.Delete {
		return ip, nil
	}
	if it.Request.Action == order.Add {
		ip.Product = it.Request.Product
	}
	if o := item.Product.Offering; o != nil {
		if e, err := catalog.Get[catalog.Offering](d.shop.catalog, o.ID); err == nil {
			ip.Specification = &wire.Ref{ID: e.Item.Specification}
		}
	}
	if item.Quoted == nil {
		x := &it.Request.Offer
		ip.Prices, err = pricesOf(x.Prices, x.Pieces, x.Metres)
	}
	return ip, err
}

// charge shows what an order is held for.
func (d *Deals) charge(key, item string, it order.Item) sonata.ChargeRequest {
	text := it.Asked.Price
	if it.Asked.Why != "" {
		text += ": " + it.Asked.Why
	}
	category := "other"
	if it.Wish != nil && it.Wish.Expedite {
		category = "expedite"
	}
	return sonata.ChargeRequest{Key: key, Item: item, Until: time.UnixMilli(it.Deadline).UTC(), Items: []wire.ChargeItem{{
		Activity: "new", Blocking: true, Category: category, Type: wire.NonRecurring, Price: wire.Price{Untaxed: wire.MoneyOf(it.Asked.Amount)},
		Notes: []wire.Note{{ID: "1", Author: string(it.Seller), Date: d.shop.now(), Source: "seller", Text: text}}}}}
}

// CancelOrder consents when the buyer has cancelled on the Bilateral and the
// seller has agreed there, and waits for the seller.
func (d *Deals) CancelOrder(_ context.Context, p sonata.Party, o wire.Order, _ wire.CancelOrder) (c sonata.Consent, err error) {
	all, err := d.placedOf(p, &o)
	if err != nil {
		return c, err
	}
	waits := false
	for _, x := range all {
		switch n := len(x.History); {
		case !x.there, x.State == order.ItemCancelled, x.State == order.ItemRejected, x.State == order.ItemFailed && len(all) > 1:
		case x.State == order.ItemCancelling:
			waits = true
		case n > 1 && x.State == order.ItemInProgress && x.History[n-2].State == string(order.ItemCancelling):
			return c, fault.Newf(fault.Refused, "let it be delivered", "the seller keeps to the order: %s", cmp.Or(x.Why, "no reason was given"))
		case x.State == order.ItemAcknowledged || x.State == order.ItemInProgress && x.Delivery == nil || x.State == order.ItemHeld || x.State == order.ItemModifying:
			return c, fault.Newf(fault.Refused, onIt, "the order %s on the Bilateral is not cancelled: its buyer's node says that there", x.ID)
		default:
			return c, fault.Newf(fault.Refused, "end the product instead", "the order %s on the Bilateral is %s", x.ID, x.State)
		}
	}
	if waits {
		return c, fault.New(fault.NotYet, "the seller has not answered the cancellation on the Bilateral", "ask again later")
	}
	return c, nil
}

// AnswerCharge lets the buyer's answer stand that its node has given on the
// Bilateral, and lets a charge wait that is not answered there.
func (d *Deals) AnswerCharge(_ context.Context, p sonata.Party, o wire.Order, c wire.Charge, answers []wire.ChargeItemAnswer) error {
	all, err := d.placedOf(p, &o)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(o.Items, func(x wire.OrderItem) bool { return c.Item != nil && x.ID == c.Item.ItemID })
	if i < 0 || !all[i].there {
		return nil
	}
	x := all[i]
	said := wire.ChargeAccepted
	if n := len(x.Wishes); x.State == order.ItemFailed || c.Reschedule != nil && n > 0 && x.Wishes[n-1].Outcome != order.WishAccepted {
		said = wire.ChargeRefused
	}
	switch {
	case len(answers) == 0 && x.State == order.ItemHeld:
		return fault.New(fault.NotYet, "the charge is not answered on the Bilateral", "ask again later")
	case len(answers) == 0:
		return nil
	case x.State == order.ItemHeld:
		return fault.Newf(fault.Conflict, onIt+": lateral order accept, or reject", "the charge of order %s is not answered on the Bilateral, and only the buyer's node can do that", x.ID)
	case slices.ContainsFunc(answers, func(a wire.ChargeItemAnswer) bool { return a.Accepted != said }):
		return fault.Newf(fault.Conflict, "look at the order on the Bilateral", "the charge of order %s was %s on the Bilateral", x.ID, said)
	}
	return nil
}

// ChargeAnswered has nothing to do: the answer came from the Bilateral.
func (d *Deals) ChargeAnswered(context.Context, sonata.Party, wire.Charge) error { return nil }

// inventory shows a product of the Bilateral as the inventory has it.
func (d *Deals) inventory(p product.Instance, it order.Item) (x wire.InventoryProduct, err error) {
	x = wire.InventoryProduct{ID: p.ID, ExternalID: it.ID, Start: time.UnixMilli(p.Activated()).UTC(), Status: settled(p.State),
		OrderItems: []wire.OrderItemRef{{OrderID: it.ID, ItemID: "1"}}}
	if p.Account != "" {
		x.BillingAccount = &wire.Ref{ID: p.Account}
	}
	if p.State == product.Terminated {
		x.Terminated = time.UnixMilli(p.Ends).UTC()
	}
	if len(it.Payload) > 0 {
		if x.Configuration, err = wire.Parse(it.Payload); err != nil {
			return x, err
		}
	}
	ph := p.Phases[len(p.Phases)-1]
	x.Prices, err = pricesOf(ph.Offer.Prices, ph.Offer.Pieces, ph.Offer.Metres)
	return x, err
}
