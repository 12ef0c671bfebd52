package buying

import (
	"context"
	"slices"
	"time"

	"github.com/lateral-network/lateral/api/sonata/client"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/mesh"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/rating"
)

// A change goes over the same neighbours as the service (what may change: wish.go):
// each hop asks the one
// that it buys of for another price of the product that it has there, and adds its
// own leg. It is ordered as a new revision, all of the chain or nothing; until it
// is accepted, the service stays as it is.

// Change gives a firm price for a service that is changed as wished. Order takes
// it. Codes: not-found, conflict, invalid, bad-payload, offering-unfit.
func (b *Broker) Change(ctx context.Context, id mesh.ID, w Wish) (Offer, error) {
	b.mu.Lock()
	o, ok := b.cascade.Order(id)
	own := ok && o.Up < 0 && !b.isSession(&o)
	b.mu.Unlock()
	if !own {
		return Offer{}, errNoService
	}
	s, err := b.requote(ctx, &o, func(q mesh.Inquiry) (mesh.Inquiry, error) { return w.on(b.o.Catalog.Schemas(), q) }, mesh.ID{}, "")
	if err != nil {
		return Offer{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.offer(&s.Sold), nil
}

// quoteChange gives what a partner is quoted for a change of a product that it has.
func (b *Broker) quoteChange(ctx context.Context, a *askedFor) (*mesh.Signed, error) {
	b.mu.Lock()
	o, ok := b.cascade.Order(soldID(a.buyer, a.product))
	b.mu.Unlock()
	if !ok {
		return nil, errNone
	}
	s, err := b.requote(ctx, &o, func(mesh.Inquiry) (mesh.Inquiry, error) { return a.inquiry, nil }, a.name, a.product)
	if err != nil {
		return nil, err
	}
	return &s.Sold, nil
}

// askedFor is a partner's request for a change.
type askedFor struct {
	buyer   party.Code
	product string
	name    mesh.ID
	inquiry mesh.Inquiry
}

// requote prices a service anew over the same neighbours. change gives the
// inquiry that is wanted now; name and product are what a partner calls the quote
// and what it changes.
func (b *Broker) requote(ctx context.Context, o *mesh.Order, change func(mesh.Inquiry) (mesh.Inquiry, error), name mesh.ID, product string) (mesh.Supply, error) {
	b.mu.Lock()
	if o.Current == nil || o.End != nil || o.Next.Stage != mesh.Accepted && o.Next.Stage != mesh.Released {
		b.mu.Unlock()
		return mesh.Supply{}, fault.New(fault.Conflict, "the service is not in service, or a change of it is under way", "wait until it is in service")
	}
	if len(b.running(o.ID)) > 0 {
		b.mu.Unlock()
		return mesh.Supply{}, fault.New(fault.Conflict, "a session of the service is open", "close it, then ask for the change")
	}
	old := b.supplies[o.Current.Quote]
	b.mu.Unlock()
	asked, err := change(old.Asked)
	if err == nil {
		err = changeable(&old.Asked, &asked, b.now())
	}
	if err != nil {
		return mesh.Supply{}, err
	}
	s := mesh.Supply{ENNI: old.ENNI, Asked: asked, Changes: o.Current.Quote}
	q := mesh.Quote{ID: name, Seller: string(b.o.Carrier), Buyer: old.Sold.Quote.Buyer, Inquiry: asked.Hash(), Currency: asked.Currency, Months: asked.Months,
		Availability: mesh.Whole, Until: b.now() + b.o.Limits.QuoteFor}
	b.mu.Lock()
	err = b.ownLegs(&old, &s)
	b.mu.Unlock()
	if err != nil {
		return s, err
	}
	if old.Rest != nil {
		rest := *old.Rest
		rest.Bandwidth, rest.MaxLatency, rest.MinAvailability = asked.Bandwidth, asked.MaxLatency, asked.MinAvailability
		rest.Attributes, rest.Window.To = asked.Attributes, asked.Window.To
		for _, l := range s.Own {
			if !rest.Take(l.Leg.Latency, l.Leg.Availability) {
				return s, errRoute
			}
		}
		bought, err := b.changeAt(ctx, o, &rest)
		if err != nil {
			return s, err
		}
		s.Bought, s.Rest = bought, &rest
		q.Until = min(q.Until, bought.Quote.Until-b.o.Limits.Skew)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.compose(o, &old, &s, &q); err != nil {
		return s, err
	}
	if q.ID == (mesh.ID{}) {
		q.ID = idOf("change", o.ID.String(), canon.HashOf("lateral/buying/change/1", q).String())
	}
	s.Sold.Quote = q
	if o.Up >= 0 {
		for _, leg := range s.Own {
			if err := b.holdFor(&q, s.Changes, leg, &asked); err != nil {
				return s, errNone.Because(err)
			}
		}
		if s.Sold.Proof = b.sign(&q, &asked, product); s.Sold.Proof == nil {
			return s, errNone
		}
	}
	return s, b.keep([]mesh.Effect{mesh.Keep{Supply: s}})
}

// errRoute says that a service cannot become what is wished where it runs.
var errRoute = fault.New(catalog.CodeUnfit, "the route of the service does not give what is asked for", "order the new service, then end the old one")

// ownLegs prices the own legs of a change. The lock is held.
func (b *Broker) ownLegs(old, s *mesh.Supply) error {
	for _, was := range old.Own {
		now, err := b.ownAgain(&was, &old.Asked, &s.Asked, s.Changes)
		if err != nil {
			return err
		}
		s.Own = append(s.Own, now)
	}
	return nil
}

// compose prices own legs and what is bought together. The lock is held.
func (b *Broker) compose(o *mesh.Order, old, s *mesh.Supply, q *mesh.Quote) error {
	var own mesh.Price
	add := func(l mesh.Leg) {
		q.Legs = append(q.Legs, l)
		q.Latency += l.Latency
		q.Availability = mesh.Both(q.Availability, l.Availability)
	}
	var err error
	for _, now := range s.Own {
		if own, err = own.Add(now.Price); err != nil {
			return err
		}
		add(now.Leg)
	}
	var bought mesh.Price
	if s.Bought != nil {
		x := &s.Bought.Quote
		bought = x.Price
		add(mesh.Leg{From: s.Rest.A.ID, To: s.Rest.Z.ID, Latency: x.Latency, Availability: x.Availability})
	}
	if len(old.Sold.Quote.Legs) == 2 && len(q.Legs) == 2 && !old.Sold.Quote.Legs[0].OnNet {
		slices.Reverse(q.Legs) // as they lie from A to Z
	}
	var ok bool
	if q.Price, ok = b.node.Reprice(o.Up, o.Down, own, bought, &s.Asked); !ok {
		return errNone
	}
	if a := &s.Asked; q.Latency > a.MaxLatency && a.MaxLatency != 0 || q.Availability < a.MinAvailability {
		return errRoute
	}
	return nil
}

// ownAgain gives an own leg as it is wished; what is prolonged costs the time that
// is added, and nothing of what is due once.
func (b *Broker) ownAgain(was *mesh.OwnLeg, old, asked *mesh.Inquiry, changes mesh.ID) (mesh.OwnLeg, error) {
	q := *asked
	q.A.ID, q.Z.ID = was.Leg.From, was.Leg.To
	in, ok := b.inquiry(&q)
	if !ok {
		return mesh.OwnLeg{}, errNone
	}
	in.Instead = holdName(changes)
	a, err := b.o.Catalog.Answer(was.Of, in, b.now())
	if err != nil {
		return mesh.OwnLeg{}, errNone.Because(err)
	}
	leg, ok := ownLeg(&q, &a)
	if !ok {
		return mesh.OwnLeg{}, errNone
	}
	if asked.Window.To != old.Window.To {
		due := slices.DeleteFunc(slices.Clone(a.Prices), func(p rating.Price) bool {
			return p.Kind == rating.OneTime || asked.Hours != 0 && p.Kind.Used()
		})
		cost, err := catalog.Estimate(due, a.Bandwidth, a.Metres, old.Window.To, asked.Window.To)
		if err != nil {
			return mesh.OwnLeg{}, errNone.Because(err)
		}
		leg.Price.Once = cost.Total.Micro
	}
	return leg, nil
}

// changeAt asks the neighbour that is bought of for a price of the change.
func (b *Broker) changeAt(ctx context.Context, o *mesh.Order, rest *mesh.Inquiry) (*mesh.Signed, error) {
	n := &b.o.Neighbours[o.Down]
	if n.Seller == nil {
		return nil, errNone
	}
	p, err := b.productOf(n, rest)
	if err != nil {
		return nil, err
	}
	name := productName(o.Below)
	p.ID, p.Offering = name, nil
	budget := &mesh.Header{Time: b.o.Limits.Time}
	if end, ok := ctx.Deadline(); ok {
		budget.Time = max(min(budget.Time, time.Until(end).Milliseconds()), 0)
	}
	ctx = client.WithHeader(ctx, request(budget, rest, mesh.ID{}))
	a, err := n.Seller.CreateQuote(ctx, wire.Quote{Instant: true, Level: wire.Firm, Contacts: b.contact(wire.BuyerContact),
		Items: []wire.QuoteItem{{ID: "1", Action: wire.Modify, Product: p}}})
	if err != nil {
		return nil, err
	}
	if a.Value.State != wire.Orderable || len(a.Value.Proofs) != 1 {
		return nil, fault.New(catalog.CodeUnfit, "the neighbour does not sell the change where the service runs", "order the new service, then end the old one")
	}
	s, err := b.read(n, rest, name, a.Value.Proofs[0].Signed)
	if err == nil && s.Quote.ID != quoteID(n.Partner, a.Value.ID) {
		err = fault.Newf(mesh.CodeBadQuote, "tell the neighbour; its quote is not used", "the quote of %s is signed under another id", n.Partner)
	}
	return s, err
}
