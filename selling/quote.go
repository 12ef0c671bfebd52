package selling

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
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
		w, err := s.read(p, path+"/product", item.Action, item.Product)
		_, bad := s.termOf(path, item, w.offering, now)
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
	if q.Level == wire.Firm {
		done, err := s.mayHold(p, &q)
		if err != nil {
			return sonata.QuoteAnswer{}, err
		}
		defer done()
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

// mayHold refuses a firm quote that reserves something for a buyer that holds as
// many as it may. Until done is called the quote counts as one of them, so that no
// lock is held while neighbours are asked. Code: refused.
func (s *Shop) mayHold(p sonata.Party, q *wire.Quote) (done func(), err error) {
	if !slices.ContainsFunc(q.Items, func(x wire.QuoteItem) bool { return x.Action != wire.Delete && !s.ofMesh(p, &x) }) {
		return func() {}, nil
	}
	s.firm.Lock()
	defer s.firm.Unlock()
	held := map[string]bool{}
	maps.Copy(held, s.answering[p.Buyer])
	for _, h := range s.catalog.Waiting(p.Buyer, s.now().UnixMilli()) {
		quote, _, _ := strings.Cut(h.For, "/")
		held[quote] = true
	}
	if len(held) >= s.o.MostHeld {
		return nil, fault.Newf(fault.Refused, "order by them, cancel or decline them, or wait until they expire", "you hold %d firm quotes, and no more may be held at a time", len(held))
	}
	if s.answering[p.Buyer] == nil {
		s.answering[p.Buyer] = map[string]bool{}
	}
	s.answering[p.Buyer][q.ID] = true
	return func() {
		s.firm.Lock()
		defer s.firm.Unlock()
		if delete(s.answering[p.Buyer], q.ID); len(s.answering[p.Buyer]) == 0 {
			delete(s.answering, p.Buyer)
		}
	}, nil
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
	t, err := s.termOf(path, item, w.offering, now)
	if err != nil {
		return r, nil, err
	}
	if item.Action == wire.Delete {
		return s.quoteEnd(p, q, i, w.of, max(t.from, now), firm, now, until.UnixMilli())
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
	if firm && s.ofMesh(p, item) {
		return bought()
	}
	o, err := s.find(w, p.Buyer, t.from, t.to, now)
	if fault.CodeOf(err) == catalog.CodeUnfit {
		if firm && item.Action == wire.Add && s.o.Neighbours != nil {
			return bought()
		}
		return unable(err)
	} else if err != nil {
		return r, nil, err
	}
	o.bind(t.months, w.of, now)
	shown := o.Answer
	if item.Action == wire.Modify {
		shown.Prices = due(shown.Prices)
	}
	if r.Prices, err = pricesOf(shown.Prices, 1, shown.Metres); err != nil {
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
	_, err = s.catalog.Reserve(catalog.Claim{ID: id, Offering: o.Offering, Inquiry: o.inquiry, Expires: catalog.Time(until.UnixMilli()), For: quoteName(q, i), Buyer: p.Buyer}, now)
	switch fault.CodeOf(err) {
	case "":
	case catalog.CodeNoCapacity, catalog.CodeUnfit, fault.NotFound:
		return unable(told(err))
	default:
		return r, nil, err
	}
	quote, err := quoteOf(w, o, t)
	if err != nil {
		return r, nil, fault.Of(err).In(path + "/product/productConfiguration")
	}
	quote.Held = until.UnixMilli()
	return r, s.sign(p, q, i, quote, until.UnixMilli()), nil
}

// quoteEnd says what the end of a product costs at a moment, or with the notice
// that was agreed. The machine charges the same when it ends then.
func (s *Shop) quoteEnd(p sonata.Party, q *wire.Quote, i int, of *owned, at int64, firm bool, now, until int64) (r wire.QuoteResult, _ *wire.Proof, _ error) {
	ph := of.Phases[len(of.Phases)-1]
	if clause, err := of.terms.ClauseFor(string(ph.Offer.Line), ph.Offer.Type); err == nil {
		at = max(at, now+clause.Notice)
	}
	if of.Ends == 0 || at < of.Ends { // else it has ended by itself, as was ordered
		exit, err := of.Exit(at, of.Buyer, of.terms.Rounding.Mode)
		if err != nil {
			return r, nil, err
		}
		for _, c := range exit {
			r.Prices = append(r.Prices, wire.QuotePrice{Name: c.Price, Description: string(c.Kind) + ": " + c.Why, Type: wire.NonRecurring,
				Price: wire.Price{Untaxed: wire.MoneyOf(c.Amount)}})
		}
	}
	interval := lead(at, now)
	if r.Interval = &interval; !firm {
		return r, nil, nil
	}
	return r, s.sign(p, q, i, order.Quote{Action: order.Delete, Item: of.ID, Offer: ph.Offer, From: at}, until), nil
}

// termsOf writes the term of an answer, of which there is at most one: the one
// that was asked for, or else the usual one where something is said of it.
func termsOf(asked *wire.Term, months uint32, a *catalog.Answer) []wire.Term {
	text := promised(a)
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
func (s *Shop) sign(p sonata.Party, q *wire.Quote, i int, quote order.Quote, until int64) *wire.Proof {
	quote.ID, quote.Buyer, quote.Seller, quote.Until = quoteName(q, i), party.Code(p.Buyer), s.o.Carrier, until
	if quote.Buyer.Validate() != nil {
		return nil
	}
	return &wire.Proof{Item: q.Items[i].ID, Signed: quote.Sign(s.o.Key()).Encode()}
}

// quoteOf gives what is quoted of an offer.
func quoteOf(w want, o offer, t term) (quote order.Quote, err error) {
	spec, err := connectivity.Line{}.Spec(w.payload.Bytes())
	if err != nil {
		return quote, err
	}
	of := product.Offer{Line: spec.Line, Type: spec.Type, Configuration: spec.Configuration, Prices: o.Prices, Pieces: 1,
		Term: product.Term{Months: t.months, Early: o.Early}, Guarantees: o.Guarantees}
	if slices.ContainsFunc(o.Prices, func(p rating.Price) bool { return p.Kind == rating.Distance }) {
		of.Metres = o.Metres
	}
	leg := order.Leg{Name: o.Offering, Own: true, Latency: o.Latency, Availability: uint64(o.Availability), Metres: o.Metres}
	quote = order.Quote{Action: order.Add, Offer: of, Legs: []order.Leg{leg}}
	if w.of != nil {
		quote.Action, quote.Item = order.Modify, w.of.ID
	}
	if t.to != 0 { // what was reserved is for that time alone
		quote.From, quote.To = int64(o.From), int64(o.To)
	}
	return quote, nil
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
