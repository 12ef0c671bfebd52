package buying

import (
	"context"
	"strconv"
	"time"

	"github.com/lateral-network/lateral/api/sonata/client"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/mesh"
)

// contact gives the carrier's contact in roles.
func (b *Broker) contact(roles ...string) (out []wire.Contact) {
	c := b.o.Contact
	if c.Name == "" {
		c.Name = string(b.o.Carrier)
	}
	if c.Email == "" {
		c.Email = "lateral@" + string(b.o.Carrier) + ".invalid"
	}
	if c.Phone == "" {
		c.Phone = "+0"
	}
	for _, r := range roles {
		out = append(out, wire.Contact{Role: r, Name: c.Name, Email: c.Email, Number: c.Phone})
	}
	return out
}

// qualifyAt asks a neighbour whether an inquiry can be served. What is not said
// in time, or not in a form that can be used, is nothing.
func (b *Broker) qualifyAt(ctx context.Context, enni int, m mesh.Qualify) mesh.Message {
	n := &b.o.Neighbours[enni]
	none := mesh.Qualified{ID: m.ID}
	unused := none
	if m.Header != nil {
		unused.Left = m.Header.Asks
	}
	if n.Seller == nil {
		unused.Complete = true
		return unused
	}
	p, err := b.productOf(n, &m.Inquiry)
	if err != nil {
		return unused
	}
	ctx = client.WithHeader(ctx, request(m.Header, &m.Inquiry, mesh.ID{}))
	a, err := n.Seller.CreateQualification(ctx, wire.POQ{ExternalID: m.ID.String(), Instant: true, Contacts: b.contact(wire.BuyerContact),
		Items: []wire.POQItem{{ID: "1", Action: wire.Add, Product: p}}})
	if err != nil || len(a.Value.Items) != 1 {
		b.lost(n, "qualification", err)
		none.Complete = refused(err) // it will not say anything else
		return none
	}
	item := &a.Value.Items[0]
	if len(item.Offers) > 0 {
		q, err := decodeOffers(item.Offers, m.ID)
		if err != nil {
			b.lost(n, "qualification", err)
			return none
		}
		return q
	}
	// A foreign seller names no price here, says nothing of what is beyond it, and
	// knows nothing of asks.
	none = unused
	none.Complete = true
	if item.Confidence == wire.GreenConfidence || item.Confidence == wire.YellowConfidence {
		until := b.o.Now().Add(time.Minute)
		if g := item.Guaranteed; g.After(b.o.Now()) && g.Before(until) {
			until = g
		}
		none.Items = []mesh.Item{{Ref: idOf("foreign", m.ID.String()), Until: until.UnixMilli(), Offer: mesh.Offer{Availability: mesh.Whole}}}
	}
	return none
}

// refused reports whether a seller has refused, and would again.
func refused(err error) bool {
	switch fault.CodeOf(err) {
	case "", fault.Unavailable, fault.Unknown, fault.Busy, fault.NotYet:
		return false
	}
	return true
}

func (b *Broker) lost(n *Neighbour, what string, err error) {
	if err != nil && fault.CodeOf(err) != fault.Unknown {
		b.o.Log.Info("a neighbour did not answer an inquiry", "partner", n.Partner, "what", what, "err", err)
	}
}

// quoteAt asks a neighbour for a firm price.
func (b *Broker) quoteAt(ctx context.Context, enni int, m mesh.AskQuote) mesh.Message {
	n := &b.o.Neighbours[enni]
	none := mesh.Quoted{ID: m.ID}
	if n.Seller == nil {
		return none
	}
	p, err := b.productOf(n, &m.Inquiry)
	if err != nil {
		return none
	}
	item := wire.QuoteItem{ID: "1", Action: wire.Add, Product: p}
	item.Term, item.RequestedInterval = termOf(&m.Inquiry, b.now())
	ctx = client.WithHeader(ctx, request(m.Header, &m.Inquiry, m.Item))
	a, err := n.Seller.CreateQuote(ctx, wire.Quote{ExternalID: m.ID.String(), Instant: true, Level: wire.Firm,
		Contacts: b.contact(wire.BuyerContact), Items: []wire.QuoteItem{item}})
	if err != nil {
		b.lost(n, "quote", err)
		return none
	}
	if a.Value.State != wire.Orderable || len(a.Value.Proofs) != 1 {
		// Only what is signed can be ordered on a Bilateral and sold on.
		b.lost(n, "quote", fault.Newf(mesh.CodeBadQuote, "ask the seller to sign its quotes", "the quote is %.40s and has %d proofs", a.Value.State, len(a.Value.Proofs)))
		return none
	}
	s, err := b.read(n, &m.Inquiry, "", a.Value.Proofs[0].Signed)
	if err != nil {
		b.o.Log.Warn("a neighbour's quote is not used", "partner", n.Partner, "err", err)
		return none
	}
	if s.Quote.ID != quoteID(n.Partner, a.Value.ID) {
		b.o.Log.Warn("a neighbour's quote is not used: it is signed under another id", "partner", n.Partner, "quote", a.Value.ID)
		return none
	}
	none.Quote = s
	return none
}

// termOf gives the term of an inquiry, and when it is to begin, as the standard
// asks for them.
func termOf(q *mesh.Inquiry, now int64) (*wire.Term, *wire.Duration) {
	var begin *wire.Duration
	if in := q.Window.From - now; in > 0 {
		begin = &wire.Duration{Amount: (in + 999) / 1000, Units: "seconds"}
	}
	switch {
	case q.Window.To != 0:
		s := max((q.Window.To-max(q.Window.From, now))/1000, 1)
		return &wire.Term{Name: "timed", Duration: wire.Duration{Amount: s, Units: "seconds"}, End: wire.EndOfTermDisconnect}, begin
	case q.Months != 0:
		return &wire.Term{Name: strconv.FormatUint(uint64(q.Months), 10) + " months", Duration: wire.Duration{Amount: int64(q.Months), Units: "months"},
			End: wire.EndOfTermRoll, Roll: &wire.Duration{Amount: 1, Units: "months"}}, begin
	}
	return nil, begin
}
