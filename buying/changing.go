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
)

// A change goes over the same neighbours as the service: each hop asks the one
// that it buys of for another price of the product that it has there, and adds its
// own leg. It is ordered as a new revision, all of the chain or nothing; until it
// is accepted, the service stays as it is.

// Change gives a firm price for a service with another bandwidth, bit/s. Order
// takes it. Codes: not-found, conflict, offering-unfit.
func (b *Broker) Change(ctx context.Context, id mesh.ID, bandwidth uint64) (Offer, error) {
	b.mu.Lock()
	o, ok := b.cascade.Order(id)
	b.mu.Unlock()
	switch {
	case !ok || o.Up >= 0:
		return Offer{}, errNoService
	case bandwidth == 0:
		return Offer{}, fault.New(fault.Invalid, "the change names no bandwidth", "give it in bit/s").In("bandwidth")
	}
	s, err := b.requote(ctx, &o, func(q mesh.Inquiry) mesh.Inquiry {
		q.Bandwidth = bandwidth
		return q
	}, mesh.ID{}, "")
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
	s, err := b.requote(ctx, &o, func(mesh.Inquiry) mesh.Inquiry { return a.inquiry }, a.name, a.product)
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
func (b *Broker) requote(ctx context.Context, o *mesh.Order, change func(mesh.Inquiry) mesh.Inquiry, name mesh.ID, product string) (mesh.Supply, error) {
	b.mu.Lock()
	if o.Current == nil || o.End != nil || o.Next.Stage != mesh.Accepted && o.Next.Stage != mesh.Released {
		b.mu.Unlock()
		return mesh.Supply{}, fault.New(fault.Conflict, "the service is not in service, or a change of it is under way", "wait until it is in service")
	}
	old := b.supplies[o.Current.Quote]
	b.mu.Unlock()
	asked := change(old.Asked)
	was := old.Asked
	was.Bandwidth, was.MaxLatency, was.MinAvailability = asked.Bandwidth, asked.MaxLatency, asked.MinAvailability
	if asked != was {
		return mesh.Supply{}, fault.New(catalog.CodeUnfit, "only the bandwidth of a service can be changed", "order the new service, then end the old one")
	}
	s := mesh.Supply{ENNI: old.ENNI, Asked: asked, Changes: o.Current.Quote}
	q := mesh.Quote{ID: name, Seller: string(b.o.Carrier), Buyer: old.Sold.Quote.Buyer, Inquiry: asked.Hash(), Currency: asked.Currency, Months: asked.Months,
		Availability: mesh.Whole, Until: b.now() + b.o.Limits.QuoteFor}
	if old.Rest != nil {
		rest := *old.Rest
		rest.Bandwidth = asked.Bandwidth
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

// compose prices own legs and what is bought together. The lock is held.
func (b *Broker) compose(o *mesh.Order, old, s *mesh.Supply, q *mesh.Quote) error {
	var own mesh.Price
	add := func(l mesh.Leg) {
		q.Legs = append(q.Legs, l)
		q.Latency += l.Latency
		q.Availability = mesh.Both(q.Availability, l.Availability)
	}
	for _, was := range old.Own {
		now, err := b.ownAgain(&was, &s.Asked, s.Changes)
		if err != nil {
			return err
		}
		s.Own = append(s.Own, now)
		if own.Once, err = own.Once.Add(now.Price.Once); err == nil {
			own.Each, err = own.Each.Add(now.Price.Each)
		}
		if err != nil {
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
		return errNone
	}
	return nil
}

// ownAgain gives an own leg with another bandwidth.
func (b *Broker) ownAgain(was *mesh.OwnLeg, asked *mesh.Inquiry, changes mesh.ID) (mesh.OwnLeg, error) {
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
		return nil, errNone
	}
	s, err := b.read(n, rest, name, a.Value.Proofs[0].Signed)
	if err == nil && s.Quote.ID != quoteID(n.Partner, a.Value.ID) {
		err = fault.Newf(mesh.CodeBadQuote, "tell the neighbour; its quote is not used", "the quote of %s is signed under another id", n.Partner)
	}
	return s, err
}
