package catalog

import (
	"cmp"
	"maps"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/rating"
)

// CodeUnfit says that an offering does not answer an inquiry; the detail says
// why.
const CodeUnfit fault.Code = "offering-unfit"

// AnyNeighbour stands for every neighbour.
const AnyNeighbour party.Code = "*"

// Spot is where an inquiry begins or ends: at a customer's premises at a place,
// or at an eNNI: with a neighbour at a place, with a neighbour anywhere, or
// (neighbour *) with any.
type Spot struct {
	Place     string     `cbor:"1,keyasint,omitempty" json:"place,omitempty" doc:"Id of a place."`
	Neighbour party.Code `cbor:"2,keyasint,omitempty" json:"neighbour,omitempty" doc:"Of an eNNI; * stands for any."`
}

// Inquiry asks what can be had.
type Inquiry struct {
	Type         string        `cbor:"1,keyasint,omitempty" json:"type,omitempty" doc:"The @type of the product's payload; absent: any product."`
	A            Spot          `cbor:"2,keyasint" json:"a" doc:"One end, or where a product at one place is wanted."`
	Z            Spot          `cbor:"3,keyasint,omitzero" json:"z,omitzero" doc:"The other end; absent for a product at one place."`
	Bandwidth    uint64        `cbor:"4,keyasint,omitempty" json:"bandwidth,omitempty" doc:"bit/s at least."`
	From         Time          `cbor:"5,keyasint,omitempty" json:"from,omitempty" doc:"Absent: as soon as it can be had."`
	To           Time          `cbor:"6,keyasint,omitempty" json:"to,omitempty" doc:"Absent: without end."`
	Latency      uint64        `cbor:"7,keyasint,omitempty" json:"latency,omitempty" doc:"Microseconds one way at most; 0: any."`
	Availability uint32        `cbor:"8,keyasint,omitempty" json:"availability,omitempty" doc:"Millionths at least: 999900 is 99.99%; 0: any."`
	Ceiling      *money.Amount `cbor:"9,keyasint,omitempty" json:"ceiling,omitempty" doc:"The most that it may cost in all of the time, without an end in its first month."`
	// Instead is for a change of what an order has: its reservation, whose capacity
	// counts as free. How long is left of its time does not matter.
	Instead string `cbor:"10,keyasint,omitempty" json:"instead,omitempty" doc:"Id of a reservation whose place this one takes: what it has counts as free."`
}

// Answer is what a buyer is shown of an offering that answers its inquiry:
// nothing else of the catalogue leaves the node.
type Answer struct {
	Offering      string         `json:"offering"`
	Version       uint32         `json:"version"`
	Name          string         `json:"name"`
	Specification string         `json:"specification"`
	Type          string         `json:"type"`
	A             Spot           `json:"a"`
	Z             Spot           `json:"z,omitzero"`
	Bandwidth     uint64         `json:"bandwidth,omitempty" doc:"bit/s: the least that is sold of what was asked for."`
	From          Time           `json:"from"`
	To            Time           `json:"to,omitempty"`
	Latency       uint64         `json:"latency,omitempty" doc:"Microseconds one way; 0: not said."`
	Availability  uint32         `json:"availability,omitempty" doc:"Millionths; 0: not said."`
	Metres        uint64         `json:"metres,omitempty"`
	Prices        []rating.Price `json:"prices" nullable:"false"`
	Cost          Cost           `json:"cost"`

	Early      uint32             `json:"early,omitempty" doc:"Millionths of the recurring charges left of a term in months, which an end before costs."`
	Guarantees []rating.Guarantee `json:"guarantees,omitempty" doc:"What is given back where it is worse than promised."`
}

// Match is an answer with what only the carrier itself sees of it.
type Match struct {
	Answer    Answer   `json:"answer"`
	Links     []string `json:"links,omitempty" doc:"Whose capacity it takes."`
	Free      uint64   `json:"free,omitempty" doc:"bit/s that are free on them in all of the time."`
	Interface string   `json:"interface,omitempty" doc:"Id of the eNNI at its end Z, or else A."`
	Parts     []Part   `json:"parts,omitempty" doc:"Of a bundle, with their margins."`
}

// Found is what a search gives.
type Found struct {
	Matches []Match        `json:"matches" nullable:"false" doc:"The cheapest first; other currencies stand apart."`
	Passed  map[string]int `json:"passed,omitempty" doc:"Offerings at the places that do not answer, counted by the field that kept them from it."`
	Near    []Nearby       `json:"near,omitempty" doc:"Where nothing answers: ends of what is sold that lie nearest to A and to Z."`
}

// Nearby is an end of what is sold, near an end of an inquiry.
type Nearby struct {
	For       string `json:"for" enum:"a,z" doc:"The end of the inquiry that it is near to."`
	Spot      Spot   `json:"spot"`
	Metres    uint64 `json:"metres"`
	Offerings int    `json:"offerings" doc:"That end there."`
}

// maxNear is how many ends are told near each end of an inquiry.
const maxNear = 6

// near gives the ends of offerings that lie nearest to the ends of an inquiry. The
// lock is held.
func (c *Catalog) near(in *Inquiry) (out []Nearby) {
	sold := map[Spot]int{}
	for _, x := range c.items[KindOffering] {
		if x.item == nil || !x.state().Sold() {
			continue
		}
		o, mine := x.item.(*Offering), map[Spot]bool{}
		if spec := c.items[KindSpecification][o.Specification]; in.Type != "" && (spec == nil || spec.item == nil || spec.item.(*Specification).Type != in.Type) {
			continue
		}
		for _, l := range o.Legs {
			mine[Spot{l.A.Place, l.A.Neighbour}], mine[Spot{l.Z.Place, l.Z.Neighbour}] = true, true
		}
		for _, id := range o.Coverage.Places {
			mine[Spot{Place: id}] = true
		}
		for s := range mine {
			sold[s]++
		}
	}
	for name, end := range map[string]Spot{"a": in.A, "z": in.Z} {
		here, ok := c.places.Get(end.Place)
		if !ok {
			continue
		}
		var some []Nearby
		for s, n := range sold {
			if there, ok := c.places.Get(s.Place); ok {
				some = append(some, Nearby{For: name, Spot: s, Metres: Distance(here, there), Offerings: n})
			}
		}
		slices.SortFunc(some, func(x, y Nearby) int {
			return cmp.Or(cmp.Compare(x.Metres, y.Metres), cmp.Compare(x.Spot.Place, y.Spot.Place), cmp.Compare(x.Spot.Neighbour, y.Spot.Neighbour))
		})
		out = append(out, some[:min(len(some), maxNear)]...)
	}
	slices.SortStableFunc(out, func(x, y Nearby) int { return cmp.Compare(x.For, y.For) })
	return out
}

// Limit of a search when none is given, and the largest.
const (
	usualMatches = 20
	maxMatches   = 1000
)

// Search gives the offerings that answer an inquiry, at most limit of them (0:
// 20). Codes: invalid, [CodeUnknownPlace].
func (c *Catalog) Search(in Inquiry, limit int, now int64) (Found, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if err := c.checkInquiry(&in, now); err != nil {
		return Found{}, err
	}
	if limit <= 0 {
		limit = usualMatches
	}
	out := Found{Matches: []Match{}, Passed: map[string]int{}}
	judge := func(h hit) {
		m, err := c.fit(h, in, now)
		if err != nil {
			out.Passed[fault.Of(err).Field]++
			return
		}
		out.Matches = append(out.Matches, m)
	}
	c.index.find(in, judge)
	slices.SortFunc(out.Matches, func(a, b Match) int {
		x, y := &a.Answer, &b.Answer
		return cmp.Or(cmp.Compare(x.Cost.Total.Currency, y.Cost.Total.Currency), cmp.Compare(x.Cost.Total.Micro, y.Cost.Total.Micro),
			cmp.Compare(x.Latency, y.Latency), cmp.Compare(x.Offering, y.Offering), cmp.Compare(x.A.Place, y.A.Place), cmp.Compare(x.Z.Place, y.Z.Place),
			cmp.Compare(x.Z.Neighbour, y.Z.Neighbour), cmp.Compare(a.Interface, b.Interface))
	})
	out.Matches = out.Matches[:min(limit, maxMatches, len(out.Matches))]
	if len(out.Matches) == 0 {
		out.Near = c.near(&in)
	}
	return out, nil
}

// Answer judges one offering for an inquiry, and gives what a buyer may see of
// the answer. Codes: not-found, invalid, [CodeUnknownPlace], and what keeps the
// offering from answering.
func (c *Catalog) Answer(offering string, in Inquiry, now int64) (Answer, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	x, ok := c.items[KindOffering][offering]
	if !ok || x.item == nil {
		return Answer{}, notThere(KindOffering, offering)
	}
	m, err := c.claimed(x, in, now)
	return m.Answer, err
}

// claimed judges one offering for an inquiry; of several legs the first that
// answers counts. The lock is held.
func (c *Catalog) claimed(x *record, in Inquiry, now int64) (Match, error) {
	if err := c.checkInquiry(&in, now); err != nil {
		return Match{}, fault.Of(err).In("inquiry")
	}
	var best *Match
	why := error(unfit("a", "it is not to be had there"))
	c.index.find(in, func(h hit) {
		if h.of != x || best != nil {
			return
		}
		m, err := c.fit(h, in, now)
		if err != nil {
			why = err
			return
		}
		best = &m
	})
	if best == nil {
		return Match{}, fault.Of(why).In("inquiry")
	}
	return *best, nil
}

func (c *Catalog) checkInquiry(in *Inquiry, now int64) error {
	bad := func(field, detail, remedy string) error { return fault.New(fault.Invalid, detail, remedy).In(field) }
	switch {
	case in.A == Spot{}:
		return bad("a", "the inquiry is for no place", "name one")
	case in.Z == Spot{} && in.A.Place == "":
		return bad("a.place", "the inquiry is for no place", "name one")
	case in.A.Place == "" && in.Z.Place == "":
		return bad("z.place", "neither end is at a place", "name one place at least")
	case in.Type != "" && !validType(in.Type):
		return bad("type", "the type is no URN", "name the $id of a schema, or none")
	case in.From < 0 || in.To < 0:
		return bad("from", "the time is before 1970", "name a later one")
	case in.To != 0 && in.To <= in.From:
		return bad("to", "the time ends before it begins", "correct it")
	case in.To != 0 && int64(in.To) <= now:
		return bad("to", "the time is over", "name a time to come")
	case in.Bandwidth > rating.MaxQuantity:
		return bad("bandwidth", "the bandwidth is out of range", "name bit/s")
	case in.Availability > million:
		return bad("availability", "the availability is above 100%", "name millionths: 999900 is 99.99%")
	}
	for name, s := range map[string]Spot{"a": in.A, "z": in.Z} {
		if s.Place == "" {
			continue
		}
		if _, ok := c.places.Get(s.Place); !ok {
			return fault.Newf(CodeUnknownPlace, "name a place by its id; lateral catalog place list shows them", "no place has the id %.80q", s.Place).In(name + ".place")
		}
	}
	if h, ok := c.holds.byID[in.Instead]; in.Instead != "" && (!ok || !h.State.Takes() || h.lapsed(now)) {
		return fault.Newf(fault.NotFound, "list them with lateral catalog reservation list", "there is no reservation %.80q whose capacity is taken", in.Instead).In("instead")
	}
	if in.Ceiling != nil {
		if err := in.Ceiling.Currency.Validate(); err != nil {
			return fault.Of(err).In("ceiling.currency")
		}
	}
	return nil
}

func unfit(field, detail string) *fault.Error {
	return fault.New(CodeUnfit, detail, "ask for something else, or change the offering").In(field)
}

// hit is an offering at the places of an inquiry.
type hit struct {
	of     *record
	leg    *Leg // nil: a product at one place
	turned bool // the inquiry's A is the leg's Z
}

// fit judges whether an offering answers, with its price. The lock is held.
func (c *Catalog) fit(h hit, in Inquiry, now int64) (Match, error) {
	o := h.of.item.(*Offering)
	spec := c.items[KindSpecification][o.Specification]
	if spec == nil || spec.item == nil {
		return Match{}, unfit("type", "its specification is gone")
	}
	kind := spec.item.(*Specification).Type
	latency, availability, metres, links, face := o.Latency, o.Availability, uint64(0), o.Links, ""
	a, z := in.A, in.Z
	if h.leg != nil {
		l := h.leg
		latency, availability, metres, links = l.Latency, l.Availability, l.Metres, l.Links
		first, last := l.A, l.Z
		if h.turned {
			first, last = last, first
		}
		if face = last.Interface; face == "" {
			face = first.Interface
		}
		if metres == 0 {
			x, _ := c.places.Get(first.Place)
			y, _ := c.places.Get(last.Place)
			metres = Distance(x, y)
		}
		if first.Neighbour != "" || a.Place == "" {
			a = Spot{first.Place, first.Neighbour}
		}
		if last.Neighbour != "" || z.Place == "" {
			z = Spot{last.Place, last.Neighbour}
		}
	}
	from, to := int64(in.From), int64(in.To)
	soonest := now + int64(o.Term.Lead)*1000
	if from == 0 {
		from = soonest
	}
	state := h.of.state()
	switch {
	case !state.Sold():
		return Match{}, unfit("state", "the offering is "+string(state)+" and cannot be ordered")
	case o.PartOnly:
		return Match{}, unfit("part_only", "it is sold within bundles only")
	case in.Type != "" && in.Type != kind:
		return Match{}, unfit("type", "it is another product")
	case in.Latency != 0 && (latency == 0 || latency > in.Latency):
		return Match{}, unfit("latency", "its latency is higher, or not said")
	case in.Availability != 0 && availability < in.Availability:
		return Match{}, unfit("availability", "its availability is lower, or not said")
	case from < soonest:
		return Match{}, unfit("from", "it is not there so soon")
	case to != 0 && to <= from:
		return Match{}, unfit("to", "it is there only when the time is over")
	}
	bandwidth := uint64(0)
	if o.Bandwidth != (Range{}) {
		var ok bool
		if bandwidth, ok = o.Bandwidth.Fit(in.Bandwidth); !ok {
			return Match{}, unfit("bandwidth", "it has not so much bandwidth")
		}
	} else if in.Bandwidth != 0 {
		return Match{}, unfit("bandwidth", "it has no bandwidth")
	}
	if to != 0 {
		if s := uint64(to-from) / 1000; in.Instead == "" && s < o.Term.Min || o.Term.Max != 0 && s > o.Term.Max {
			return Match{}, unfit("term", "it is not sold for so long or so short a time")
		}
	} else if o.Term.Max != 0 {
		return Match{}, unfit("term", "it is not sold without an end")
	}
	if !sold(o.Windows, from, to) {
		return Match{}, unfit("windows", "it is not to be had in all of the time")
	}
	free := uint64(0)
	if len(links) > 0 {
		free = c.free(links, from, to, now, in.Instead)
		if (bandwidth > free || free == 0) && !c.holds.covers(in.Instead, links, bandwidth, to) {
			return Match{}, noCapacity(bandwidth, free)
		}
	}
	prices, err := c.offered(o, now)
	if err != nil {
		return Match{}, err
	}
	cost, err := Estimate(prices, bandwidth, metres, from, to)
	if err != nil {
		return Match{}, fault.Of(err).In("price")
	}
	if x := in.Ceiling; x != nil && (x.Currency != cost.Total.Currency || cost.Total.Micro > x.Micro) {
		return Match{}, unfit("ceiling", "it costs more, or is priced in another currency")
	}
	return Match{
		Answer: Answer{Offering: o.ID, Version: h.of.Current, Name: o.Name, Specification: o.Specification, Type: kind, A: a, Z: z, Bandwidth: bandwidth,
			From: Time(from), To: in.To, Latency: latency, Availability: availability, Metres: metres, Prices: prices, Cost: cost,
			Early: o.Term.Early, Guarantees: o.Guarantees},
		Links: links, Free: free, Interface: face, Parts: o.Parts,
	}, nil
}

// ENNIs gives where launched offerings end at interconnections, each once, by
// neighbour and place: whom a partner's inquiry may be passed on to.
func (c *Catalog) ENNIs() []End {
	c.mu.RLock()
	defer c.mu.RUnlock()
	seen := map[End]bool{}
	for _, x := range c.items[KindOffering] {
		if x.item == nil || !x.state().Sold() {
			continue
		}
		for _, l := range x.item.(*Offering).Legs {
			for _, e := range []End{l.A, l.Z} {
				if e.Neighbour != "" {
					seen[e] = true
				}
			}
		}
	}
	return slices.SortedFunc(maps.Keys(seen), func(a, b End) int {
		return cmp.Or(cmp.Compare(a.Neighbour, b.Neighbour), cmp.Compare(a.Place, b.Place), cmp.Compare(a.Interface, b.Interface))
	})
}

// offered gives the prices of an offering as it can be had now: every part of a
// bundle must still be there. The lock is held.
func (c *Catalog) offered(o *Offering, now int64) ([]rating.Price, error) {
	for _, p := range o.Parts {
		if q := p.Quote; q != nil && q.Until != 0 && now >= int64(q.Until) {
			return nil, unfit("parts", "the quote "+q.ID+" has expired")
		}
	}
	return pricesOf(o, func(p Part) (*Offering, error) {
		x := c.items[KindOffering][p.Offering]
		if x == nil || x.item == nil || !x.state().Sold() {
			return nil, unfit("parts", "the part "+p.Offering+" is not sold")
		}
		if p.Version == 0 || p.Version == x.Current {
			return x.item.(*Offering), nil
		}
		_, item, err := c.read(KindOffering, p.Offering, p.Version)
		if err != nil {
			return nil, err
		}
		return item.(*Offering), nil
	})
}

// index finds the offerings at places.
type index struct {
	places    *Places
	pairs     map[[2]string][]hit // by the places of a leg's ends, the lesser first
	at        map[string][]hit    // by each end's place
	served    *discs[string]      // places whose ends serve what is around them
	radius    map[string]uint64   // their largest radius
	named     map[string][]*record
	countries map[string][]*record
	circles   *discs[circle]
}

type circle struct {
	of *record
	n  int
}

func newIndex(p *Places) *index {
	return &index{places: p, pairs: map[[2]string][]hit{}, at: map[string][]hit{}, served: newDiscs[string](), radius: map[string]uint64{},
		named: map[string][]*record{}, countries: map[string][]*record{}, circles: newDiscs[circle]()}
}

func pair(a, z string) [2]string { return [2]string{min(a, z), max(a, z)} }

func (x *index) put(r *record) {
	if r.item == nil {
		return
	}
	o := r.item.(*Offering)
	for i := range o.Legs {
		l := &o.Legs[i]
		h := hit{of: r, leg: l}
		key := pair(l.A.Place, l.Z.Place)
		x.pairs[key] = append(x.pairs[key], h)
		x.at[l.A.Place] = append(x.at[l.A.Place], h)
		if l.Z.Place != l.A.Place {
			x.at[l.Z.Place] = append(x.at[l.Z.Place], h)
		}
		for _, e := range []End{l.A, l.Z} {
			if p, ok := x.places.Get(e.Place); ok && e.Radius > x.radius[e.Place] {
				x.served.remove(e.Place, disc{p, x.radius[e.Place]})
				x.radius[e.Place] = e.Radius // never made smaller: each leg is looked at by itself
				x.served.put(e.Place, disc{p, e.Radius})
			}
		}
	}
	for _, id := range o.Coverage.Places {
		x.named[id] = append(x.named[id], r)
	}
	for _, id := range o.Coverage.Countries {
		x.countries[id] = append(x.countries[id], r)
	}
	for i, k := range o.Coverage.Circles {
		if p, ok := x.places.Get(k.Place); ok {
			x.circles.put(circle{r, i}, disc{p, k.Radius})
		}
	}
}

func (x *index) remove(r *record) {
	if r.item == nil {
		return
	}
	o := r.item.(*Offering)
	ofIt := func(h hit) bool { return h.of == r }
	for _, l := range o.Legs {
		x.at[l.A.Place] = slices.DeleteFunc(x.at[l.A.Place], ofIt)
		x.at[l.Z.Place] = slices.DeleteFunc(x.at[l.Z.Place], ofIt)
		key := pair(l.A.Place, l.Z.Place)
		x.pairs[key] = slices.DeleteFunc(x.pairs[key], ofIt)
	}
	for _, id := range o.Coverage.Places {
		x.named[id] = slices.DeleteFunc(x.named[id], func(y *record) bool { return y == r })
	}
	for _, id := range o.Coverage.Countries {
		x.countries[id] = slices.DeleteFunc(x.countries[id], func(y *record) bool { return y == r })
	}
	for i, k := range o.Coverage.Circles {
		if p, ok := x.places.Get(k.Place); ok {
			x.circles.remove(circle{r, i}, disc{p, k.Radius})
		}
	}
}

// find calls f with what is at the places of an inquiry, each leg once.
func (x *index) find(in Inquiry, f func(hit)) {
	if in.Z == (Spot{}) {
		x.findAt(in.A, f)
		return
	}
	a, z := in.A, in.Z
	turned := false
	if a.Place == "" { // search from the end that is at a place
		a, z, turned = z, a, true
	}
	judge := func(h hit) {
		switch {
		case x.meets(h.leg.A, a) && x.meets(h.leg.Z, z):
			h.turned = turned
		case x.meets(h.leg.Z, a) && x.meets(h.leg.A, z):
			h.turned = !turned
		default:
			return
		}
		f(h)
	}
	if z.Place == "" {
		seen := map[*Leg]bool{}
		for _, from := range x.near(a) {
			for _, h := range x.at[from] {
				if !seen[h.leg] {
					seen[h.leg] = true
					judge(h)
				}
			}
		}
		return
	}
	seen := map[[2]string]bool{}
	for _, from := range x.near(a) {
		for _, to := range x.near(z) {
			if key := pair(from, to); !seen[key] {
				seen[key] = true
				for _, h := range x.pairs[key] {
					judge(h)
				}
			}
		}
	}
}

// near gives the places at which an end may be that serves a spot.
func (x *index) near(s Spot) []string {
	out := []string{s.Place}
	if p, ok := x.places.Get(s.Place); ok && s.Neighbour == "" {
		x.served.around(p, func(id string) {
			if id != s.Place {
				out = append(out, id)
			}
		})
	}
	return out
}

// meets reports whether an end is what a spot asks for.
func (x *index) meets(e End, s Spot) bool {
	if s.Neighbour != "" {
		return e.Neighbour != "" && (s.Neighbour == AnyNeighbour || s.Neighbour == e.Neighbour) && (s.Place == "" || s.Place == e.Place)
	}
	if e.Neighbour != "" {
		return false
	}
	if e.Place == s.Place {
		return true
	}
	here, ok := x.places.Get(s.Place)
	centre, known := x.places.Get(e.Place)
	return ok && known && e.Radius > 0 && Distance(here, centre) <= e.Radius
}

// findAt calls f with the offerings for one place, each once.
func (x *index) findAt(s Spot, f func(hit)) {
	seen := map[*record]bool{}
	one := func(r *record) {
		if !seen[r] {
			seen[r] = true
			f(hit{of: r})
		}
	}
	p, ok := x.places.Get(s.Place)
	if !ok || s.Neighbour != "" {
		return
	}
	for _, r := range x.named[p.ID] {
		one(r)
	}
	for _, r := range x.countries[p.Country] {
		one(r)
	}
	x.circles.around(p, func(k circle) { one(k.of) })
}
