package selling

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/line/connectivity"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
)

// CheckQuote refuses what no quote could be about.
func (s *Shop) CheckQuote(_ context.Context, p sonata.Party, q wire.Quote) error {
	now := s.now().UnixMilli()
	var faults []error
	for i := range q.Items {
		item, path := &q.Items[i], itemPath(quoteItems, i)
		_, err := s.read(p, path+"/product", item.Action, item.Product)
		_, bad := s.termOf(path, item, now)
		faults = append(faults, err, bad)
	}
	return errors.Join(faults...)
}

// Quote prices each item. What is firm is reserved until the quote expires, all
// of it or nothing, and signed.
func (s *Shop) Quote(ctx context.Context, p sonata.Party, q wire.Quote) (sonata.QuoteAnswer, error) {
	// A quote that is asked again, because the node went down while it was being
	// answered, has been seen by nobody: what was reserved for it is let go.
	if err := s.withdraw(q.ID); err != nil {
		return sonata.QuoteAnswer{}, err
	}
	now := s.now()
	a := sonata.QuoteAnswer{Level: q.Level, Until: now.Add(s.o.QuoteFor)}
	unable := false
	for i := range q.Items {
		// Nothing is reserved behind what cannot be had.
		r, proof, err := s.quoteItem(ctx, p, &q, i, q.Level == wire.Firm && !unable, now, &a.Until)
		if err != nil {
			return a, errors.Join(err, s.withdraw(q.ID))
		}
		unable = unable || len(r.Errors) > 0
		a.Items = append(a.Items, r)
		if proof != nil {
			a.Proofs = append(a.Proofs, *proof)
		}
	}
	if unable {
		return a, s.withdraw(q.ID)
	}
	return a, nil
}

// quoteItem prices an item; a firm one is reserved and, for a member of the
// network, signed. What neighbours sell may be good for a shorter time than until.
func (s *Shop) quoteItem(ctx context.Context, p sonata.Party, q *wire.Quote, i int, firm bool, at time.Time, until *time.Time) (r wire.QuoteResult, _ *wire.Proof, _ error) {
	item, path, now := &q.Items[i], itemPath(quoteItems, i), at.UnixMilli()
	unable := func(err error) (wire.QuoteResult, *wire.Proof, error) {
		return wire.QuoteResult{Errors: []wire.TerminationError{{Code: "otherIssue", PropertyPath: path + "/product", Value: fault.Of(err).Detail}}}, nil, nil
	}
	w, err := s.read(p, path+"/product", item.Action, item.Product)
	if err != nil {
		return r, nil, err
	}
	t, err := s.termOf(path, item, now)
	if err != nil {
		return r, nil, err
	}
	bought := func() (wire.QuoteResult, *wire.Proof, error) {
		r, b, err := s.beyondQuote(ctx, p, q, i, w, t)
		if fault.CodeOf(err) == catalog.CodeUnfit {
			return unable(err)
		} else if err != nil {
			return r, nil, err
		}
		if b.Until.Before(*until) {
			*until = b.Until
		}
		return r, &wire.Proof{Item: item.ID, Signed: b.Proof}, nil
	}
	if firm && s.speaks(p) {
		return bought()
	}
	o, err := s.find(w, p.Buyer, t.from, t.to, now)
	if fault.CodeOf(err) == catalog.CodeUnfit {
		if firm && s.o.Neighbours != nil {
			return bought()
		}
		return unable(err)
	} else if err != nil {
		return r, nil, err
	}
	if r.Prices, err = pricesOf(&o.Answer); err != nil {
		return r, nil, err
	}
	interval := lead(int64(o.From), now)
	r.Interval = &interval
	r.Terms = termsOf(item.Term, t.months, &o.Answer)
	if !firm {
		return r, nil, nil
	}
	// Until here nothing was taken: whoever reserves first has it.
	id, err := s.nextHold(q.ID, i)
	if err != nil {
		return r, nil, err
	}
	_, err = s.catalog.Reserve(catalog.Claim{ID: id, Offering: o.Offering, Inquiry: o.inquiry, Expires: catalog.Time(until.UnixMilli()), For: quoteName(q, i)}, now)
	switch fault.CodeOf(err) {
	case "":
	case catalog.CodeNoCapacity, catalog.CodeUnfit, fault.NotFound:
		return unable(told(err))
	default:
		return r, nil, err
	}
	signed, err := s.sign(p, q, i, w, o, t, until.UnixMilli())
	if err != nil || signed == nil {
		return r, nil, err
	}
	return r, &wire.Proof{Item: item.ID, Signed: signed}, nil
}

// termsOf writes the term of an answer, of which there is at most one: the one
// that was asked for, or else the usual one where something is said of it.
func termsOf(asked *wire.Term, months uint32, a *catalog.Answer) []wire.Term {
	text := promised(a, months)
	switch {
	case asked != nil:
		t := *asked
		if text != "" {
			t.Description = text
		}
		return []wire.Term{t}
	case text == "":
		return nil
	}
	return []wire.Term{{Name: usualTerm, Description: text, Duration: wire.Duration{Amount: int64(months), Units: "months"}, End: wire.EndOfTermRoll, Roll: &wire.Duration{Amount: 1, Units: "months"}}}
}

// quoteName is a quote's id where it is ordered; an item of several has its
// place in it.
func quoteName(q *wire.Quote, i int) string {
	if len(q.Items) == 1 {
		return q.ID
	}
	return fmt.Sprintf("%s/%d", q.ID, i+1)
}

// sign gives the signed quote of an item, which orders embed byte for byte; nil
// for a buyer that is no member of the network and has no Bilateral.
func (s *Shop) sign(p sonata.Party, q *wire.Quote, i int, w want, o offer, t term, until int64) ([]byte, error) {
	buyer := party.Code(p.Buyer)
	if buyer.Validate() != nil {
		return nil, nil
	}
	spec, err := connectivity.Line{}.Spec(w.payload.Bytes())
	if err != nil {
		return nil, fault.Of(err).In(itemPath(quoteItems, i) + "/product/productConfiguration")
	}
	of := product.Offer{Line: spec.Line, Type: spec.Type, Configuration: spec.Configuration, Prices: o.Prices, Pieces: 1,
		Term: product.Term{Months: t.months}, Guarantees: o.Guarantees}
	if t.months > 0 {
		of.Term.Early = o.Early
	}
	if slices.ContainsFunc(o.Prices, func(p rating.Price) bool { return p.Kind == rating.Distance }) {
		of.Metres = o.Metres
	}
	leg := order.Leg{Name: o.Offering, Own: true, Latency: o.Latency, Availability: uint64(o.Availability), Metres: o.Metres}
	quote := order.Quote{ID: quoteName(q, i), Buyer: buyer, Seller: s.o.Carrier, Action: order.Add, Offer: of, Until: until, Held: until, Legs: []order.Leg{leg}}
	if t.to != 0 { // what was reserved is for that time alone
		quote.From, quote.To = int64(o.From), int64(o.To)
	}
	return quote.Sign(s.o.Key()).Encode(), nil
}

// Withdrawn frees what a quote that has ended had reserved. What an order rests
// on stays.
func (s *Shop) Withdrawn(_ context.Context, _ sonata.Party, id, _ string) error {
	return s.withdraw(id)
}

// holdName is the id of a reservation for an item of a quote. A quote that was
// answered anew has another for each time.
func holdName(quote string, item, again int) string {
	return fmt.Sprintf("%s.%d.%d", quote, item+1, again)
}

// nextHold gives an id that no reservation for the item has.
func (s *Shop) nextHold(quote string, item int) (string, error) {
	for again := 0; ; again++ {
		id := holdName(quote, item, again)
		if _, err := s.catalog.Hold(id); fault.CodeOf(err) == fault.NotFound {
			return id, nil
		} else if err != nil {
			return "", err
		}
	}
}

// Reservations gives what is reserved for a quote and not over, in the order of
// its items.
func (s *Shop) Reservations(quote string) (out []catalog.Hold) {
	now := s.now().UnixMilli()
	for item := 0; ; item++ {
		for again := 0; ; again++ {
			h, err := s.catalog.Hold(holdName(quote, item, again))
			if err != nil && again == 0 {
				return out
			} else if err != nil {
				break
			}
			if h.State.Takes() && (h.State != catalog.Reserved || int64(h.Expires) > now) {
				out = append(out, h)
			}
		}
	}
}

func (s *Shop) withdraw(quote string) error {
	if s.o.Neighbours != nil {
		s.o.Neighbours.Withdrawn(quote)
	}
	var all error
	for _, h := range s.Reservations(quote) {
		all = errors.Join(all, s.catalog.Withdraw(h.ID, s.now().UnixMilli()))
	}
	return all
}
