package native

import (
	"context"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/line"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/usage"
)

// orders registers orders: standing ones, and those about one product. No two
// have one id.
func (s *server) orders() {
	const at = "/v1/bilaterals/{partner}/orders"
	get(s, at, "list-orders", tagOrders, "Orders of both sides", s.listOrders)
	get(s, at+"/{id}", "get-order", tagOrders, "One order", func(_ context.Context, in *IDPath) (*reply[wire.Order], error) {
		b, err := s.with(in.Partner)
		if err != nil {
			return nil, err
		}
		w, err := s.orderNow(b, in.ID)
		return answer(w), err
	})
	post(s, at, "place-order", tagOrders, "Order from the partner", s.placeOrder)
	for _, m := range []struct {
		path, id, summary string
		kind              trade.Kind
	}{
		{"accept", "accept-order", "Accept an order of the partner; about a product also the charge, test record, other date or cancellation that waits", trade.KindOrderAccept},
		{"reject", "reject-order", "Reject an order of the partner; about a product also the charge, test record, other date or cancellation that waits", trade.KindOrderReject},
		{"suspend", "suspend-order", "Suspend a standing order", trade.KindOrderSuspend},
		{"resume", "resume-order", "Resume a suspended order", trade.KindOrderResume},
		{"terminate", "end-order", "End a standing order; usage up to its end is still billed", trade.KindOrderTerminate},
		{"cancel", "cancel-order", "Cancel an order about a product; once the seller has accepted it, the seller is asked", trade.KindOrderCancel},
		{"fail", "fail-order", "Say that what was ordered cannot be delivered", trade.KindOrderFail},
	} {
		post(s, at+"/{id}/"+m.path, m.id, tagOrders, m.summary, func(ctx context.Context, in *struct {
			IDPath
			Body wire.Answer
		}) (*reply[wire.Done[wire.Order]], error) {
			return s.changeOrder(ctx, in.IDPath, m.kind, trade.OrderAnswer{ID: in.ID, Why: in.Body.Why})
		})
	}
	post(s, at+"/{id}/charge", "charge-order", tagOrders, "Ask the buyer for a charge without which the order does not go on", func(ctx context.Context, in *struct {
		IDPath
		Body wire.AskCharge
	}) (*reply[wire.Done[wire.Order]], error) {
		return s.changeOrder(ctx, in.IDPath, trade.KindOrderCharge, trade.OrderCharge{ID: in.ID, Name: in.Body.Name, Amount: in.Body.Amount, Why: in.Body.Why})
	})
	post(s, at+"/{id}/reschedule", "reschedule-order", tagOrders, "Ask the seller of an order that it has accepted for another date, or for haste", func(ctx context.Context, in *struct {
		IDPath
		Body wire.RescheduleOrder
	}) (*reply[wire.Done[wire.Order]], error) {
		return s.changeOrder(ctx, in.IDPath, trade.KindOrderReschedule, trade.OrderReschedule{ID: in.ID, Start: int64(in.Body.Start), Expedite: in.Body.Expedite})
	})
	post(s, at+"/{id}/deliver", "deliver-order", tagOrders, "Say that what was ordered is delivered: it is billed from then on", func(ctx context.Context, in *struct {
		IDPath
		Body wire.DeliverOrder
	}) (*reply[wire.Done[wire.Order]], error) {
		at := int64(in.Body.At)
		if at == 0 {
			b, err := s.with(in.Partner)
			if err != nil {
				return nil, err
			}
			if at, err = blockTime(b); err != nil {
				return nil, err
			}
		}
		return s.changeOrder(ctx, in.IDPath, trade.KindOrderDeliver, trade.OrderDeliver{ID: in.ID, At: at, Record: in.Body.Record, Totals: in.Body.Totals})
	})
}

func (s *server) listOrders(_ context.Context, in *struct {
	PartnerPath
	PageQuery
	Kind      order.Kind `query:"kind" enum:"standing,product" default:"standing" doc:"Standing orders, or those about products."`
	State     string     `query:"state" maxLength:"40" doc:"As the orders show it."`
	Direction string     `query:"direction" doc:"FROM>TO: from the buyer to the seller."`
	Product   string     `query:"product" maxLength:"40" doc:"About this product."`
}) (*reply[api.Page[wire.Order]], error) {
	b, err := s.with(in.Partner)
	if err != nil {
		return nil, err
	}
	wanted := func(w wire.Order) (wire.Order, bool) {
		return w, (in.State == "" || in.State == w.State) && (in.Direction == "" || in.Direction == w.Direction.String()) &&
			(in.Product == "" || w.Product != nil && w.Product.ID == in.Product)
	}
	if in.Kind == order.Product {
		return list(b, trade.ItemPrefix, in.PageQuery, func(_ string, it order.Item) (wire.Order, bool) { return wanted(s.shownItem(it)) })
	}
	return list(b, trade.OrderPrefix, in.PageQuery, func(_ string, o order.Order) (wire.Order, bool) { return wanted(s.shownOrder(o)) })
}

// orderNow reads an order of either kind.
func (s *server) orderNow(b Bilateral, id string) (wire.Order, error) {
	it, err := record[order.Item](b, trade.ItemKey(id), "order "+clipped(id))
	if fault.CodeOf(err) != fault.NotFound {
		return s.shownItem(it), err
	}
	o, err := record[order.Order](b, trade.OrderKey(id), "order "+clipped(id))
	return s.shownOrder(o), err
}

func (s *server) changeOrder(ctx context.Context, at IDPath, kind trade.Kind, body any) (*reply[wire.Done[wire.Order]], error) {
	b, err := s.with(at.Partner)
	if err != nil {
		return nil, err
	}
	o, err := s.submit(ctx, b, kind, body)
	if err != nil {
		return nil, err
	}
	w, err := s.orderNow(b, at.ID)
	return answer(wire.Done[wire.Order]{Record: w, Receipt: receipt(o)}), err
}

// blockTime is the time of the last block that this node has executed, ms UTC.
func blockTime(c Channel) (ms int64, err error) {
	err = c.View(func(v channel.View) error {
		ms = v.Time
		return nil
	})
	return ms, err
}

func (s *server) placeOrder(ctx context.Context, in *struct {
	PartnerPath
	RetryHeader
	Body wire.PlaceOrder
}) (*reply[wire.Done[wire.Order]], error) {
	b, err := s.with(in.Partner)
	if err != nil {
		return nil, err
	}
	p := in.Body
	if p.ID, err = chosen(p.ID, in.Key, "O-", 24); err != nil {
		return nil, err
	}
	body := trade.OrderPlace{ID: p.ID, Kind: p.Kind, Agreement: p.Agreement, Sheet: p.Sheet, Line: p.Line, Payload: p.Payload, From: int64(p.From), Value: p.Value}
	if p.Kind != order.Product {
		return create(ctx, s, b, in.Key, trade.KindOrderPlace, body, trade.OrderKey(p.ID), "order "+clipped(p.ID), s.shownOrder, func(o order.Order) party.Act { return o.Placed })
	}
	if body.Request, err = requested(b, &p); err != nil {
		return nil, err
	}
	body.From = int64(p.From)
	return create(ctx, s, b, in.Key, trade.KindOrderPlace, body, trade.ItemKey(p.ID), "order "+clipped(p.ID), s.shownItem, func(it order.Item) party.Act { return it.Placed })
}

// requested gives what an order about a product asks for, with the offer that its
// quote says or its schedule makes. An order repeats it so that nobody orders
// what is not offered. Times that the order leaves out are those of the quote.
func requested(b Bilateral, p *wire.PlaceOrder) (*order.Request, error) {
	w := p.Product
	if w == nil {
		return nil, fault.New(fault.Invalid, "it is not said what is asked for of which product", "fill product in").In("product")
	}
	r := &order.Request{Action: w.Action, Product: w.ID, Quote: w.Quote, Schedule: w.Schedule, Standing: w.Standing, Until: int64(w.Until), Test: w.Test, Reserved: int64(w.Reserved), Account: w.Account}
	var err error
	switch {
	case r.Action == order.Delete || r.Bases() != 1:
		return r, nil // an end has no offer; what else is wrong, the state machine says
	case len(r.Quote) > 0:
		var s order.SignedQuote
		if s, err = order.OpenQuote(r.Quote); err != nil {
			return nil, fault.Of(err).In("product.quote")
		}
		r.Offer = s.Quote.Offer
		if p.From == 0 {
			p.From = wire.Time(s.Quote.From)
		}
		if r.Until == 0 {
			r.Until = s.Quote.To
		}
	case r.Standing != "":
		if r.Offer, err = ofSession(b, r.Standing); err != nil {
			return nil, err
		}
	default:
		if r.Offer, err = scheduled(b, p); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// ofSession gives what a session of a product is offered at now.
func ofSession(b Bilateral, standing string) (o product.Offer, err error) {
	there := false
	err = b.View(func(v channel.View) error {
		o, there = trade.View{Records: v}.Session(standing, v.Time)
		return nil
	})
	if err == nil && !there {
		err = fault.Newf(fault.NotFound, "look at the products that you have", "no product %s stands of which sessions are opened", clipped(standing)).In("product.standing")
	}
	return o, err
}

// scheduled gives the offer that a schedule makes of what is ordered.
func scheduled(b Bilateral, p *wire.PlaceOrder) (o product.Offer, err error) {
	there := false
	err = b.View(func(v channel.View) error {
		o, there = trade.View{Records: v}.Scheduled(p.Agreement, p.Line, p.Product.Schedule, v.Time)
		return nil
	})
	if err == nil && !there {
		err = fault.Newf(fault.NotFound, "look at the products in the agreement's terms", "agreement %s has no schedule %s for the line %s", clipped(p.Agreement), p.Product.Schedule, p.Line).In("product.schedule")
	}
	if err != nil {
		return o, err
	}
	o.Pieces, o.Metres = max(1, p.Product.Pieces), p.Product.Metres
	for _, l := range line.All() {
		if l.Name() != p.Line || len(p.Payload) == 0 {
			continue
		}
		spec, err := l.Spec(p.Payload)
		if err != nil {
			return o, fault.Of(err).In("payload")
		}
		o.Configuration = spec.Configuration
	}
	return o, nil
}

// products registers the inventory of both sides.
func (s *server) products() {
	const at = "/v1/bilaterals/{partner}/products"
	get(s, at, "list-products", tagOrders, "Products that one side has of the other", func(_ context.Context, in *struct {
		PartnerPath
		PageQuery
		State     product.State `query:"state" enum:"pendingActive,active,active.pendingChange,suspended,pendingTerminate,suspendedPendingTerminate,terminated,cancelled"`
		Direction string        `query:"direction" doc:"FROM>TO: from the buyer to the seller."`
		Held      bool          `query:"held" doc:"Only those that are delivered and have not ended."`
	}) (*reply[api.Page[wire.Product]], error) {
		b, err := s.with(in.Partner)
		if err != nil {
			return nil, err
		}
		return list(b, trade.ProductPrefix, in.PageQuery, func(_ string, p product.Instance) (wire.Product, bool) {
			w := s.shownProduct(p)
			return w, (in.State == "" || in.State == p.State) && (in.Direction == "" || in.Direction == w.Direction.String()) && (!in.Held || p.State.Held())
		})
	})
	get(s, at+"/{id}", "get-product", tagOrders, "One product with what it was from when on", func(_ context.Context, in *IDPath) (*reply[wire.Product], error) {
		b, err := s.with(in.Partner)
		if err != nil {
			return nil, err
		}
		p, err := record[product.Instance](b, trade.ProductKey(in.ID), "product "+clipped(in.ID))
		return answer(s.shownProduct(p)), err
	})
	for _, m := range []struct {
		path, summary string
		kind          trade.Kind
	}{
		{"suspend", "Suspend a product of the partner's: nothing is charged meanwhile", trade.KindProductSuspend},
		{"resume", "Resume a suspended product", trade.KindProductResume},
	} {
		post(s, at+"/{id}/"+m.path, m.path+"-product", tagOrders, m.summary, func(ctx context.Context, in *struct {
			IDPath
			Body wire.Answer
		}) (*reply[wire.Done[wire.Product]], error) {
			b, err := s.with(in.Partner)
			if err != nil {
				return nil, err
			}
			return change(ctx, s, b, m.kind, trade.ProductAnswer{ID: in.ID, Why: in.Body.Why}, trade.ProductKey(in.ID), "product "+clipped(in.ID), s.shownProduct)
		})
	}
}

// self is the carrier whose node this is.
func (s *server) self() party.Code {
	if s.Member == nil {
		return ""
	}
	return party.Code(s.Member.Code())
}

func (s *server) shownItem(it order.Item) wire.Order {
	r := it.Request
	w := wire.Order{ID: it.ID, Kind: order.Product, Agreement: it.Agreement, Buyer: it.Buyer, Seller: it.Seller, Direction: usage.Direction{From: it.Buyer, To: it.Seller},
		Line: it.Spec.Line, Name: it.Spec.Name, From: wire.Time(it.Start), State: string(it.State), Placed: act(it.Placed), Accepted: done(it.Accepted), Value: it.Value, Why: it.Why,
		Product: &wire.OrderedProduct{Action: r.Action, ID: r.Product, Clause: it.Clause, Quoted: it.Quoted, Schedule: r.Schedule, Standing: r.Standing, Until: wire.Time(r.Until), Tested: it.Tested,
			Reserved: wire.Time(r.Reserved), Account: r.Account, Deadline: wire.Time(it.Deadline), Asked: it.Asked, Charges: it.Charges, History: moved(it.History),
			Offer: r.Offer, Payload: it.Payload},
		Allowed: it.Allowed(s.self())}
	w.Product.Expedite = it.Expedite
	if it.Wish != nil {
		x := shownWish(*it.Wish)
		w.Product.Wish = &x
	}
	for _, x := range it.Wishes {
		w.Product.Wishes = append(w.Product.Wishes, shownWish(x))
	}
	if d := it.Delivery; d != nil {
		w.Product.Delivery = &wire.Delivery{At: wire.Time(d.At), Record: d.Record, Totals: d.Totals, By: act(d.By), Confirmed: done(d.Confirmed)}
	}
	return w
}

func shownWish(x order.Wish) wire.Wish {
	return wire.Wish{Start: wire.Time(x.Start), Expedite: x.Expedite, Asked: act(x.Asked), Outcome: x.Outcome, Charged: x.Charged, Why: x.Why, Answered: done(x.Answered)}
}

func moved(all []product.Moved) []wire.Moved {
	out := make([]wire.Moved, len(all))
	for i, m := range all {
		out[i] = wire.Moved{State: m.State, Time: wire.Time(m.Time)}
	}
	return out
}

func (s *server) shownProduct(p product.Instance) wire.Product {
	w := wire.Product{ID: p.ID, Agreement: p.Agreement, Buyer: p.Buyer, Seller: p.Seller, Direction: usage.Direction{From: p.Buyer, To: p.Seller}, Name: p.Name, State: p.State,
		Order: p.Order, OrderedBy: p.OrderedBy, Clause: p.Clause, Account: p.Account, Activated: wire.Time(p.Activated()), Committed: wire.Time(p.Committed),
		Ends: wire.Time(p.Ends), EndedBy: p.EndedBy, Billed: wire.Time(p.Billed), Open: p.Open, Deadline: wire.Time(p.Deadline), Standing: p.Standing, Due: p.Due, History: moved(p.History),
		Allowed: p.Allowed(s.self())}
	for _, x := range p.Paused {
		w.Paused = append(w.Paused, wire.Pause{From: wire.Time(x.From), To: wire.Time(x.To)})
	}
	for _, x := range p.Phases {
		w.Phases = append(w.Phases, wire.Phase{From: wire.Time(x.From), Order: x.Order, Offer: x.Offer})
	}
	return w
}
