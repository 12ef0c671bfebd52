package selling

import (
	"context"
	"net/http"
	"time"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/rating"
)

// Neighbours is what this carrier buys of others to sell it on.
type Neighbours interface {
	// Qualify says whether a partner can have something. Code:
	// [catalog.CodeUnfit] when nothing is there.
	Qualify(context.Context, Ask) (Found, error)
	// Quote gives it a firm price. Code: [catalog.CodeUnfit] when there is none.
	Quote(context.Context, Ask) (Quoted, error)
	// Withdrawn tells that a quote, by its name, has ended.
	Withdrawn(quote string)
}

// InquiredHeader is the HTTP header of a request of the mesh.
const InquiredHeader = "Lateral-Inquired"

// Ask is a partner's question about one product, as the own Sonata interface has
// read it.
type Ask struct {
	Buyer  string
	ID     string      // its external id
	Name   string      // of the quote that is to be answered
	Header http.Header // of the request; may be nil
	Wanted catalog.Inquiry
	// Product is what is to be changed, by its id on the Bilateral; "": something is
	// to be added.
	Product string
	Months  uint32 // of committed term
}

// Found is the answer to a qualification.
type Found struct {
	Offers   []byte // for a buyer that knows the mesh
	Any      bool   // it can be had
	Knowing  bool   // the buyer has sent the headers of the mesh
	Earliest int64  // ms since 1970
}

// Quoted is a firm price of what is sold on, or of own legs.
type Quoted struct {
	Prices  []rating.Price
	Proof   []byte
	Until   time.Time
	Knowing bool
}

// Knows reports whether a request has the headers of the mesh: it is answered by
// the mesh alone, which knows the own catalogue as well.
func Knows(h http.Header) bool { return h.Get(InquiredHeader) != "" }

// speaks reports whether a buyer's request is one of the mesh, which knows the
// own catalogue as well.
func (s *Shop) speaks(p sonata.Party) bool { return s.o.Neighbours != nil && Knows(p.Header) }

// ofMesh reports whether the mesh alone answers an item of a quote. What an end
// costs follows from what was sold.
func (s *Shop) ofMesh(p sonata.Party, item *wire.QuoteItem) bool {
	return s.speaks(p) && item.Action != wire.Delete
}

// ask is a question to the neighbours. What the standard's product does not say,
// whether an end is at an eNNI, is taken as at premises.
func (s *Shop) ask(p sonata.Party, id, name string, w want, t term) Ask {
	a := Ask{Buyer: p.Buyer, ID: id, Name: name, Header: p.Header, Months: t.months}
	if all := w.inquiries(p.Buyer, t.from, t.to); len(all) > 0 {
		a.Wanted = all[0]
	}
	if w.of != nil {
		a.Product = w.of.ID
	}
	return a
}

// third is what a buyer is told of who delivers what is bought: nothing.
const third = "another carrier"

// beyond qualifies what neighbours may have.
func (s *Shop) beyond(ctx context.Context, p sonata.Party, id string, w want) (wire.QualificationResult, error) {
	red := wire.QualificationResult{Confidence: wire.RedConfidence, Reason: "it is not to be had there"}
	found, err := s.o.Neighbours.Qualify(ctx, s.ask(p, id, "", w, term{}))
	switch {
	case fault.CodeOf(err) == catalog.CodeUnfit:
		return red, nil
	case err != nil:
		return red, err
	}
	r := red
	if found.Any {
		interval := lead(found.Earliest, s.now().UnixMilli())
		r = wire.QualificationResult{Confidence: wire.GreenConfidence, Interval: &interval, Delivery: offNet, ThirdParty: third}
	}
	if found.Knowing {
		r.Offers = found.Offers
	}
	return r, nil
}

// beyondQuote prices an item by what neighbours ask.
func (s *Shop) beyondQuote(ctx context.Context, p sonata.Party, q *wire.Quote, i int, w want, t term) (r wire.QuoteResult, out Quoted, err error) {
	out, err = s.o.Neighbours.Quote(ctx, s.ask(p, q.ExternalID, quoteName(q, i), w, t))
	if err != nil {
		return r, out, err
	}
	if r.Prices, err = pricesOf(out.Prices, 1, 0); err != nil {
		return r, out, err
	}
	if item := &q.Items[i]; item.Term != nil {
		r.Terms = []wire.Term{*item.Term}
	}
	interval := lead(t.from, s.now().UnixMilli())
	r.Interval = &interval
	return r, out, nil
}
