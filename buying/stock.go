package buying

import (
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/mesh"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// ends is where something of a type is sold, at premises or at an eNNI.
type ends struct {
	kind string // @type
	spot catalog.Spot
}

// sellable is what of a catalogue the mesh asks all the time.
type sellable struct {
	ends   map[ends]bool
	places []string // ids, at premises
}

// read takes what the catalogue sells between two places now.
func (s *sellable) read(c *catalog.Catalog) {
	s.ends, s.places = map[ends]bool{}, nil
	seen := map[string]bool{}
	for _, e := range catalog.List[catalog.Offering](c) {
		spec, err := catalog.Get[catalog.Specification](c, e.Item.Specification)
		if err != nil || e.State != catalog.Launched && e.State != catalog.Active || e.Item.PartOnly {
			continue
		}
		for _, l := range e.Item.Legs {
			for _, x := range []catalog.End{l.A, l.Z} {
				s.ends[ends{spec.Item.Type, catalog.Spot{Place: x.Place, Neighbour: x.Neighbour}}] = true
				if x.Neighbour == "" && !seen[x.Place] {
					seen[x.Place] = true
					s.places = append(s.places, x.Place)
				}
			}
		}
	}
}

// stock is the carrier's catalogue as the mesh asks it. The broker's lock is held.
type stock struct{ b *Broker }

func (s stock) Serves(product string, p *mesh.Place) bool {
	spot, ok := s.b.spot(p)
	return ok && s.b.sellable.ends[ends{product, spot}]
}

func (s stock) Places() []string { return s.b.sellable.places }

// most bounds the own offers for one stretch.
const most = 8

func (s stock) Offers(q *mesh.Inquiry) (out []mesh.OwnLeg) {
	in, ok := s.b.inquiry(q)
	if !ok {
		return nil
	}
	found, err := s.b.o.Catalog.Search(in, most, s.b.now())
	if err != nil {
		return nil
	}
	for _, m := range found.Matches {
		if leg, ok := ownLeg(q, &m.Answer); ok {
			out = append(out, leg)
		}
	}
	return out
}

// inquiry asks the catalogue what the mesh asks. Bounds are the mesh's to check.
func (b *Broker) inquiry(q *mesh.Inquiry) (in catalog.Inquiry, ok bool) {
	a, fine := b.spot(&q.A)
	z, good := b.spot(&q.Z)
	if !fine || !good {
		return in, false
	}
	in = catalog.Inquiry{Type: q.Product, A: a, Z: z, Bandwidth: q.Bandwidth, To: catalog.Time(q.Window.To)}
	// What was wanted at once when it was asked is wanted as soon as it can be had.
	if q.Window.From > b.now() {
		in.From = catalog.Time(q.Window.From)
	}
	return in, true
}

// ownLeg gives an answer of the catalogue as a leg. One in another currency, or
// with a price by what nobody knows beforehand, is none.
func ownLeg(q *mesh.Inquiry, a *catalog.Answer) (mesh.OwnLeg, bool) {
	if a.Cost.Total.Currency != q.Currency || len(a.Cost.ByUse) > 0 {
		return mesh.OwnLeg{}, false
	}
	cost, prices, hour := a.Cost, a.Prices, money.Micro(0)
	if q.Hours != 0 {
		var ok bool
		var err error
		if prices, hour, ok = ofSessions(a); !ok {
			return mesh.OwnLeg{}, false
		}
		if cost, err = catalog.Estimate(prices, a.Bandwidth, a.Metres, int64(a.From), int64(a.To)); err != nil {
			return mesh.OwnLeg{}, false
		}
	}
	price := mesh.Price{Once: cost.Total.Micro, Hour: hour}
	if q.Window.To == 0 {
		// Of a service without end: what is due once, and what a whole charge period
		// costs, the next one.
		dates, err := usage.Cycle{Length: q.ChargePeriod()}.Calendar()
		if err != nil {
			return mesh.OwnLeg{}, false
		}
		next := dates.Next(dates.At(int64(a.From)))
		whole, err := catalog.Estimate(prices, a.Bandwidth, a.Metres, next.From, next.To)
		if err != nil {
			return mesh.OwnLeg{}, false
		}
		once := money.Micro(0)
		for _, c := range cost.Charges {
			if c.Kind == rating.OneTime {
				once += c.Amount.Micro // a part of a total that did not overflow
			}
		}
		price = mesh.Price{Once: once, Each: whole.Total.Micro, Hour: hour}
		for _, c := range whole.Charges {
			if c.Kind == rating.OneTime {
				price.Each -= c.Amount.Micro
			}
		}
	}
	leg := mesh.Leg{From: q.A.ID, To: q.Z.ID, OnNet: true, Latency: a.Latency, Availability: uint64(a.Availability) * perMillionth}
	return mesh.OwnLeg{Leg: leg, Price: price, Of: a.Offering}, true
}

// ofSessions parts the prices of what stands: what is due in any case, and what an
// hour of a session costs. False: there is no price of time, or one that depends on
// more than the time.
func ofSessions(a *catalog.Answer) (fixed []rating.Price, hour money.Micro, ok bool) {
	for i := range a.Prices {
		p := &a.Prices[i]
		if !p.Kind.Used() {
			fixed = append(fixed, *p)
			continue
		}
		each := uint64(1)
		if p.Kind == rating.Bandwidth {
			each = a.Bandwidth
		}
		if len(p.Tiers) > 0 || p.Commitment != 0 || p.Minimum != 0 || p.Increment > 1 || each > rating.MaxQuantity/3600 {
			return nil, 0, false
		}
		c, err := p.Rate.Times(3600*each, p.Unit, money.HalfUp)
		if err == nil {
			hour, err = hour.Add(c)
		}
		if err != nil {
			return nil, 0, false
		}
		ok = true
	}
	return fixed, hour, ok
}

// perMillionth is how many parts per billion a millionth is.
const perMillionth = mesh.Whole / 1_000_000

// Hold reserves what a leg of a quote for a neighbour takes.
func (s stock) Hold(q *mesh.Quote, leg mesh.OwnLeg, asked *mesh.Inquiry) bool {
	err := s.b.holdFor(q, mesh.ID{}, leg, asked)
	if err != nil {
		s.b.o.Log.Info("a quote is not given: its own leg cannot be held", "buyer", q.Buyer, "err", err)
	}
	return err == nil
}

// holdFor reserves a leg of a quote for a neighbour, within what a buyer may hold
// without ordering it.
func (b *Broker) holdFor(q *mesh.Quote, changes mesh.ID, leg mesh.OwnLeg, asked *mesh.Inquiry) error {
	if held := b.o.Catalog.Waiting(q.Buyer, b.now()); len(held) >= b.o.MostHeld {
		return fault.Newf(fault.Refused, "order by them, decline them, or wait until they expire", "%s holds %d firm quotes, and no more may be held at a time", q.Buyer, len(held))
	}
	return b.reserve(q, changes, leg, asked, q.Until)
}

// holdName is the id of the reservation for a quote.
func holdName(quote mesh.ID) string { return "mesh-" + quote.String() }

// reserve takes capacity for a quote, in the place of what the quote that it
// changes has. The same again gives the same.
func (b *Broker) reserve(quote *mesh.Quote, changes mesh.ID, leg mesh.OwnLeg, asked *mesh.Inquiry, until int64) error {
	q := *asked
	q.A.ID, q.Z.ID = leg.Leg.From, leg.Leg.To
	in, ok := b.inquiry(&q)
	if !ok {
		return nil
	}
	if changes != (mesh.ID{}) {
		in.Instead = holdName(changes)
	}
	_, err := b.o.Catalog.Reserve(catalog.Claim{ID: holdName(quote.ID), Offering: leg.Of, Inquiry: in, Expires: catalog.Time(until), For: quote.ID.String(), Buyer: quote.Buyer}, b.now())
	return err
}
