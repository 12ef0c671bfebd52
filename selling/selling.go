// Package selling answers LSO Sonata from a carrier's own catalogue: addresses,
// sites, what is for sale, availability, prices, qualifications and quotes; and
// from its Bilaterals: orders, the inventory and bills. It owns what of the
// catalogue a partner may see, and what a firm quote reserves and proves; it owns
// neither the catalogue, nor what is agreed, nor the protocol.
//
// What a buyer is shown of an offering is [catalog.Answer] and no more: links,
// free capacity, parts, margins and other neighbours stay here.
package selling

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/party"
)

// Options are what a shop is made of.
type Options struct {
	Catalog *catalog.Catalog
	Carrier party.Code
	// Key gives the node key of the moment, which signs firm quotes.
	Key func() sign.PrivateKey
	// Products are what buyers have; nil: nothing that could be changed or ended.
	Products Products
	// MostHeld is how many firm quotes that reserve something a buyer may hold at a
	// time; 0: 100.
	MostHeld int
	// QuoteFor is how long a quote is good, and what it needs reserved; 0: 15
	// minutes.
	QuoteFor time.Duration
	// Neighbours is asked for what is not sold here, and by buyers that speak for
	// others; nil: nobody is.
	Neighbours Neighbours
	Now        func() time.Time // nil: the clock
	Log        *slog.Logger     // nil discards
}

// Shop sells what is in a catalogue.
type Shop struct {
	o       Options
	catalog *catalog.Catalog
	now     func() time.Time

	firm      sync.Mutex                 // guards answering
	answering map[string]map[string]bool // ids of firm quotes that are being answered, by buyer

	mu    sync.Mutex // guards turns
	turns []catalog.Turn
	wake  chan struct{} // holds one: there are turns
}

// New makes a shop.
func New(o Options) *Shop {
	if o.QuoteFor == 0 {
		o.QuoteFor = 15 * time.Minute
	}
	if o.MostHeld == 0 {
		o.MostHeld = 100
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Shop{o: o, catalog: o.Catalog, now: o.Now, answering: map[string]map[string]bool{}, wake: make(chan struct{}, 1)}
	o.Catalog.Watch(s.turned)
	return s
}

// Seller gives the shop as package sonata takes it.
func (s *Shop) Seller() sonata.Seller {
	return sonata.Seller{Addresses: s, Sites: s, Catalog: s, Discovery: s, Qualifier: s, Quoter: s}
}

// Tell tells subscribers of a change, as [sonata.Server.CatalogChanged] does.
type Tell func(ctx context.Context, event, id, state string, sees func(buyer string) bool) error

// turned keeps what has changed until Run tells it.
func (s *Shop) turned(turns []catalog.Turn) {
	s.mu.Lock()
	s.turns = append(s.turns, turns...)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run tells partners of offerings that have changed, until ctx ends. What it
// cannot tell now it tells later, in the same order. What changes in the moment
// in which the node ends is not told: a partner looks the catalogue up.
func (s *Shop) Run(ctx context.Context, tell Tell) error {
	retry := time.NewTicker(time.Second)
	defer retry.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		case <-retry.C:
		}
		s.mu.Lock()
		turns := s.turns
		s.turns = nil
		s.mu.Unlock()
		for i, t := range turns {
			event, state := eventOf(t)
			if event == "" {
				continue
			}
			if err := tell(ctx, event, t.Offering, state, func(buyer string) bool { return s.sees(t.Offering, buyer) }); err != nil {
				s.o.Log.Warn("partners cannot be told of a change of the catalogue", "offering", t.Offering, "err", err)
				s.mu.Lock()
				s.turns = append(slices.Clone(turns[i:]), s.turns...)
				s.mu.Unlock()
				break
			}
		}
	}
}

// eventOf gives the notification of a change, in kylie's words; "": partners see
// nothing of it.
func eventOf(t catalog.Turn) (event, state string) {
	switch {
	case !public(t.After):
		return "", ""
	case !public(t.Before):
		return "productOfferingCreateEvent", ""
	case t.Before != t.After:
		return "productOfferingStateChangeEvent", string(t.After)
	case t.Anew:
		return "productOfferingAttributeValueChangeEvent", ""
	}
	return "", ""
}

// public reports whether partners see an offering in a state: not what is being
// tested or was rejected, nor what is over.
func public(s catalog.State) bool {
	switch s {
	case catalog.Active, catalog.Launched, catalog.OnHold, catalog.EndOfSale, catalog.EndOfSupport:
		return true
	}
	return false
}

// sees reports whether a buyer may see an offering.
func (s *Shop) sees(offering, buyer string) bool {
	e, err := catalog.Get[catalog.Offering](s.catalog, offering)
	return err == nil && shown(&e, buyer)
}

// shown reports whether a buyer may see an offering: one that it could have at
// some place. Where other neighbours are interconnected is their affair.
func shown(e *catalog.Entry[catalog.Offering], buyer string) bool {
	o := &e.Item
	if !public(e.State) || o.PartOnly {
		return false
	}
	c := o.Coverage
	return len(c.Places)+len(c.Countries)+len(c.Circles) > 0 || slices.ContainsFunc(o.Legs, func(l catalog.Leg) bool { return open(l, buyer) })
}

// open reports whether both ends of a leg are at premises or at an eNNI with the
// buyer.
func open(l catalog.Leg, buyer string) bool {
	for _, e := range []catalog.End{l.A, l.Z} {
		if e.Neighbour != "" && string(e.Neighbour) != buyer {
			return false
		}
	}
	return true
}
