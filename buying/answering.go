package buying

import (
	"context"
	"time"

	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/mesh"
	"github.com/lateral-network/lateral/selling"
	"github.com/lateral-network/lateral/trade/party"
)

// errNone says that there is nothing for a buyer.
var errNone = fault.New(catalog.CodeUnfit, "it is not to be had", "ask for something else")

// begin gives the eNNI, the budget and the inquiry of a question.
func (b *Broker) begin(a *selling.Ask) (enni int, id mesh.ID, h *mesh.Header, q mesh.Inquiry, item mesh.ID, err error) {
	h, q, item, knowing, err := asked(a.Header)
	if err != nil {
		return 0, id, nil, q, item, err
	}
	place := a.Wanted.A.Place
	if a.Wanted.A.Neighbour == "" && a.Wanted.Z.Neighbour != "" {
		place = a.Wanted.Z.Place
	}
	enni, ok := b.neighbour(party.Code(a.Buyer), place)
	if !ok {
		return 0, id, nil, q, item, errNone
	}
	if !knowing {
		h = nil
		q = b.inquired(enni, a)
		if err := q.Validate(); err != nil {
			return 0, id, nil, q, item, errNone
		}
	} else if q.Product != a.Wanted.Type || q.Bandwidth != a.Wanted.Bandwidth {
		return 0, id, nil, q, item, fault.New(CodeBadInquired, "the header with the inquiry is not what the body asks for", "send both alike")
	}
	if id, ok = parseID(a.ID); !ok {
		id, h = idOf("foreign", a.Buyer, a.ID), nil
	}
	if q.Attributes != "" {
		if err := fit(&q, b.o.Catalog.Schemas()); err != nil {
			return 0, id, nil, q, item, err
		}
	}
	return enni, id, h, q, item, nil
}

// inquired is the inquiry of a buyer that does not know the mesh.
func (b *Broker) inquired(enni int, a *selling.Ask) mesh.Inquiry {
	n := b.o.Neighbours[enni]
	place := func(s catalog.Spot) mesh.Place {
		if s.Neighbour == n.Partner && s.Place == n.Place {
			return b.enniPlace(n)
		}
		return b.place(s.Place)
	}
	q := mesh.Inquiry{Product: a.Wanted.Type, A: place(a.Wanted.A), Z: place(a.Wanted.Z), Bandwidth: a.Wanted.Bandwidth, Months: a.Months, Currency: b.o.Currency,
		Window: mesh.Window{From: int64(a.Wanted.From), To: int64(a.Wanted.To)}}
	if q.Window.From == 0 {
		q.Window.From = b.now()
	}
	return q
}

// wait hands a partner's message to the mesh and waits for what it is answered.
func (b *Broker) wait(ctx context.Context, enni int, id mesh.ID, m mesh.Message) (mesh.Message, error) {
	c := make(chan mesh.Message, 1)
	x := exchange{enni, id}
	b.mu.Lock()
	b.waiting[x] = append(b.waiting[x], c)
	b.doLocked(func(now int64) []mesh.Effect { return b.node.Receive(now, enni, m) })
	b.mu.Unlock()
	select {
	case a := <-c:
		return a, nil
	case <-ctx.Done():
		b.do(func(now int64) []mesh.Effect {
			delete(b.waiting, x)
			return b.node.Receive(now, enni, mesh.Cancel{ID: id})
		})
		return nil, fault.New(fault.NotYet, "the neighbours have not answered in time", "ask again").Because(ctx.Err())
	}
}

// Qualify answers a partner's qualification from own legs and what neighbours
// sell. Code: offering-unfit when nothing is there.
func (b *Broker) Qualify(ctx context.Context, a selling.Ask) (selling.Found, error) {
	enni, id, h, q, _, err := b.begin(&a)
	if err != nil {
		return selling.Found{}, err
	}
	m, err := b.wait(ctx, enni, id, mesh.Qualify{ID: id, Header: h, Inquiry: q})
	if err != nil {
		return selling.Found{}, err
	}
	out := m.(mesh.Qualified)
	return selling.Found{Offers: encodeOffers(out), Any: len(out.Items) > 0, Knowing: selling.Knows(a.Header), Earliest: max(q.Window.From, b.now())}, nil
}

// Quote gives a partner a firm price. Code: offering-unfit when there is none.
func (b *Broker) Quote(ctx context.Context, a selling.Ask) (selling.Quoted, error) {
	enni, id, h, q, item, err := b.begin(&a)
	if err != nil {
		return selling.Quoted{}, err
	}
	name := quoteID(b.o.Carrier, a.Name)
	b.mu.Lock()
	b.names[name] = a.Name
	b.mu.Unlock()
	var s *mesh.Signed
	if a.Product != "" {
		s, err = b.quoteChange(ctx, &askedFor{party.Code(a.Buyer), a.Product, name, q})
	} else {
		var m mesh.Message
		if m, err = b.wait(ctx, enni, id, mesh.AskQuote{ID: id, Header: h, Inquiry: q, Item: item, Name: name}); err == nil {
			s = m.(mesh.Quoted).Quote
		}
	}
	b.mu.Lock()
	delete(b.names, name)
	b.mu.Unlock()
	if err != nil {
		return selling.Quoted{}, err
	}
	if s == nil || s.Proof == nil {
		return selling.Quoted{}, errNone
	}
	shown := prices(s.Quote.Price, s.Quote.Currency, q.ChargePeriod(), dueOf(a.Product, &q))
	if q.Hours != 0 {
		shown = append(shown, sessionPrices(s.Quote.Price, s.Quote.Currency)...)
	}
	return selling.Quoted{Prices: shown, Proof: s.Proof, Until: time.UnixMilli(s.Quote.Until), Knowing: selling.Knows(a.Header)}, nil
}

// Withdrawn frees what a quote that has ended had reserved, here and beyond.
func (b *Broker) Withdrawn(name string) {
	b.do(func(int64) []mesh.Effect {
		b.letGo(quoteID(b.o.Carrier, name))
		return nil
	})
}

// letGo frees what a quote needs that no order rests on. The lock is held.
func (b *Broker) letGo(quote mesh.ID) {
	s, ok := b.supplies[quote]
	if !ok || b.ordered(quote) {
		return
	}
	if err := b.o.Catalog.Withdraw(holdName(quote), b.now()); err != nil {
		b.o.Log.Warn("a reservation cannot be freed; it expires by itself", "err", err)
	}
	b.decline(&s)
}
