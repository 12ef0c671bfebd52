package mesh

import (
	"cmp"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
)

// A search is what one inquiry makes this node ask its neighbours. Several may
// wait for it: the inquiry can come over several ways.
type search struct {
	tags   []Tag // under which it is known
	far    Place // the end that this carrier does not serve
	turned bool  // the far end is place A
	whole  bool  // neither end is served: neighbours are asked for all of it
	near   Place // then: the other end
	first  Inquiry
	hops   int // of the first that asked
	askers []*asker
	asks   []*ask
	open   int // asks without an answer
}

// An asker waits for an answer: a neighbour, or a customer of the carrier.
type asker struct {
	enni     int // -1: a customer
	id       ID
	side     side
	inquiry  Inquiry
	tag      Tag // as it stands in the quote
	hops     int
	asks     int // that may still be made for it
	granted  int // that could be made at first
	began    int64
	deadline int64
	search   *search  // nil while only own offers count
	choices  []choice // not asked yet, best first
	heard    int64    // when the last answer came
	hurried  bool     // it is known when it stops waiting
	ways     []way    // how it can be served; filled when it is answered
	answer   *Qualified
	answered bool
	cut      bool  // time or asks did not suffice
	direct   *firm // wants a quote as soon as there is something to quote
	user     *user
}

// A way is one composition that serves an asker.
type way struct {
	own    *OwnLeg // nil: nothing of our own is in it
	ask    *ask    // nil: all of it is our own
	item   Item
	offer  Offer
	priced bool
	until  int64
}

func (w way) total() Offer { return w.offer }

// An ask is an inquiry at one neighbour.
type ask struct {
	search  *search
	enni    int
	id      ID
	inquiry Inquiry
	hops    int
	open    bool
	items   []Item
	guess   int64 // what was expected to be paid for it
	by      *asker
	asks    int  // that it may make
	left    int  // of these, not made, as it says
	full    bool // the answer is complete
}

type cacheKey struct {
	enni    int
	inquiry Inquiry
}

type cached struct {
	items []Item
	hops  int // with which it was asked
	until int64
}

// margin is what a hop keeps of the time that it got: for the way back, and for
// composing.
func margin(left int64) int64 { return min(max(left/5, 50), 500) }

// leastTime is what a neighbour needs to answer at all, in ms.
const leastTime = 50

// qualify takes an inquiry of a neighbour.
func (n *Node) qualify(enni int, m Qualify) {
	x := exchange{enni, m.ID}
	if a := n.exchanges[x]; a != nil {
		if a.answer != nil { // it was lost, or the neighbour asks twice
			n.send(enni, *a.answer)
		}
		return
	}
	a := n.asker(enni, m.ID, m.Header, m.Inquiry)
	if a == nil {
		n.send(enni, Qualified{ID: m.ID})
		return
	}
	n.start(a)
}

// asker makes one, within the own limits, or nil if there are too many or it
// asks what cannot be asked.
func (n *Node) asker(enni int, id ID, h *Header, q Inquiry) *asker {
	l := &n.c.Limits
	q.MaxPrice = 0
	if q.Validate() != nil || len(n.exchanges) >= l.Searches {
		return nil
	}
	a := &asker{enni: enni, id: id, inquiry: q, side: side{n.links[enni].Partner, n.links[enni].Relation}}
	if h == nil {
		// The inquiry begins here, for somebody who does not know budgets.
		n.count++
		a.tag, a.hops, a.asks, a.deadline = root(&n.c.Secret, n.count), l.Hops, l.Asks, n.now+l.Time
	} else {
		a.tag, a.hops, a.asks = n.mask(enni, h.Tag, id), min(max(h.Hops, 0), l.Hops), min(max(h.Asks, 0), l.Asks)
		a.deadline = n.now + min(max(h.Time, 0), l.Time)
	}
	if n.exchanges == nil {
		n.exchanges, n.offered, n.asks = map[exchange]*asker{}, map[ID]offered{}, map[ID]*ask{}
		n.searches = map[Tag]*search{}
	}
	n.exchanges[exchange{enni, id}] = a
	return a
}

// start finds out how to serve an asker.
func (n *Node) start(a *asker) {
	a.began, a.heard, a.granted = n.now, n.now, a.asks
	n.after(a.deadline, func() { n.late(a) })
	n.after(a.deadline+n.c.Limits.KeepFor, func() { n.forget(a) })
	for _, o := range n.c.Catalogue.Offers(&a.inquiry) {
		offer := Offer{o.Price, o.Leg.Latency, o.Leg.Availability}
		if offer.within(&a.inquiry) {
			own := o
			a.ways = append(a.ways, way{own: &own, offer: offer, priced: true, until: n.now + n.c.Limits.QuoteFor})
		}
	}
	if len(a.ways) > 0 || a.hops == 0 {
		n.finish(a, false)
		return
	}
	s := n.recognise(a)
	if s == nil {
		s = n.open(a)
	} else if !s.fits(a) || s.open > 0 && a.hops < s.hops {
		// It has come back to a node that waits for it, or over a longer way to
		// one that asks already: whoever waited here could wait for itself.
		n.finish(a, true)
		return
	}
	s.askers = append(s.askers, a)
	a.search = s
	n.expand(s, a)
	if s.open == 0 {
		n.finish(a, false)
	}
}

// late ends an asker's time. A customer's inquiry that has nothing to ask firm
// prices for has no use of the time for these: it waits for half of that.
func (n *Node) late(a *asker) {
	if a.user == nil || a.answered || a.search == nil || n.offers(a.search, a) {
		n.finish(a, true)
		return
	}
	n.after(n.now+(a.user.deadline-n.now)/2, func() { n.finish(a, true) })
}

// recognise finds the search of an inquiry that has been here before, from
// nearer or farther to its origin.
func (n *Node) recognise(a *asker) *search {
	t := a.tag
	for range a.hops + 1 {
		if s := n.searches[t]; s != nil {
			return s
		}
		t = t.Next()
	}
	return nil
}

// open begins a search.
func (n *Node) open(a *asker) *search {
	q := &a.inquiry
	s := &search{first: *q, hops: a.hops}
	switch {
	case n.c.Catalogue.Serves(q.Product, &q.A):
		s.far = q.Z
	case n.c.Catalogue.Serves(q.Product, &q.Z):
		s.far, s.turned = q.A, true
	default:
		s.far, s.near, s.whole = q.Z, q.A, true
	}
	t := a.tag
	for range a.hops + 1 {
		s.tags = append(s.tags, t)
		n.searches[t] = s
		t = t.Next()
	}
	return s
}

// fits says whether an asker wants what a search looks for.
func (s *search) fits(a *asker) bool {
	q, f := &a.inquiry, &s.first
	far, near := q.Z, q.A
	if s.turned {
		far, near = near, far
	}
	return far.ID == s.far.ID && (!s.whole || near.ID == s.near.ID) &&
		q.Product == f.Product && q.Bandwidth == f.Bandwidth && q.Window == f.Window && q.Months == f.Months && q.Period == f.Period && q.Hours == f.Hours &&
		q.Attributes == f.Attributes && q.Currency == f.Currency
}

// own gives the on-net legs from an asker's near end to an eNNI: none, but true,
// where there is nothing to add.
func (n *Node) own(s *search, a *asker, enni int) ([]OwnLeg, bool) {
	if s.whole {
		return nil, true
	}
	q := a.inquiry
	if s.turned {
		q.A = n.links[enni].Place
	} else {
		q.Z = n.links[enni].Place
	}
	legs := n.c.Catalogue.Offers(&q)
	return legs, len(legs) > 0
}

// rest gives what is asked of the neighbour at an eNNI, after the best own leg
// has taken its part of the bounds. False: nothing is left for it.
func (n *Node) rest(s *search, a *asker, enni int, legs []OwnLeg) (Inquiry, bool) {
	q := a.inquiry
	place := n.links[enni].Place
	switch {
	case s.whole:
		return q, true
	case place.ID == s.far.ID:
		return q, false
	case s.turned:
		q.Z = place
	default:
		q.A = place
	}
	fast, sure := legs[0].Leg.Latency, legs[0].Leg.Availability
	for _, l := range legs[1:] {
		fast, sure = min(fast, l.Leg.Latency), max(sure, l.Leg.Availability)
	}
	ok := q.Take(fast, sure)
	return q, ok
}

// A choice is a neighbour that may be asked.
type choice struct {
	enni  int
	level int // further asks that it needs, as it told; unknown: more than it told
	legs  []OwnLeg
	rank  int64 // what it may cost in the end; lower is better
	guess int64 // what the neighbour may ask
	tie   int64
}

// expand asks neighbours for a search, within an asker's budgets.
func (n *Node) expand(s *search, a *asker) {
	if a.hops <= 0 || a.asks <= 0 {
		return
	}
	a.choices = n.choices(s, a)
	n.spend(s, a)
}

// spend asks as many neighbours as an asker's budget feeds: each needs asks of
// its own to be of use. What is over is shared.
func (n *Node) spend(s *search, a *asker) {
	left := a.deadline - n.now
	if left -= margin(left); left < leastTime {
		return
	}
	var chosen []*ask
	branches := 0
	later := a.choices[:0]
	for _, c := range a.choices {
		cost := 1 + c.level
		if n.c.Limits.Flood {
			cost = 0
		}
		if a.asks < cost {
			later = append(later, c)
			continue
		}
		q, ok := n.rest(s, a, c.enni, c.legs)
		if !ok || s.asked(c.enni) {
			continue
		}
		k := &ask{search: s, by: a, enni: c.enni, inquiry: q, hops: a.hops - 1, guess: c.guess, asks: c.level}
		if c.level == 0 {
			k.hops = 0 // it has what is wanted, or nothing
		}
		s.asks = append(s.asks, k)
		if old, ok := n.cache[cacheKey{k.enni, k.inquiry}]; ok && old.until > n.now &&
			(len(old.items) > 0 && old.hops <= k.hops || len(old.items) == 0 && old.hops >= k.hops) {
			k.items, k.full = old.items, true
			continue
		}
		a.asks -= cost
		if c.level > 0 {
			branches++
		}
		chosen = append(chosen, k)
	}
	a.choices = later
	share := a.asks / max(branches, 1)
	for _, k := range chosen {
		switch {
		case n.c.Limits.Flood:
			k.asks = a.asks
		case k.asks > 0:
			k.asks += share
			a.asks -= share
		}
		n.put(k, left)
	}
}

// put sends an ask.
func (n *Node) put(k *ask, left int64) {
	k.id, k.open = n.id(), true
	n.asks[k.id] = k
	k.search.open++
	n.send(k.enni, Qualify{ID: k.id, Inquiry: k.inquiry,
		Header: &Header{Hops: k.hops, Asks: k.asks, Time: left, Tag: n.mask(k.enni, k.by.tag.Next(), k.id)}})
}

// again gives what neighbours have left to others, for as long as there is no
// offer: first to those that were not asked for want of asks, then to those that
// had too few. One that is asked again goes on where it was.
func (n *Node) again(s *search, a *asker) {
	if a.answered || n.c.Limits.Flood || n.offers(s, a) {
		return
	}
	n.spend(s, a)
	left := a.deadline - n.now
	// While others are open more may come back; a part is enough not to wait for
	// one that never answers.
	if left -= margin(left); left < leastTime || len(a.choices) > 0 || s.open > 0 && a.asks < a.granted/4 {
		return
	}
	var poor []*ask
	for _, k := range s.asks {
		if k.by == a && !k.open && !k.full && k.asks > 0 && k.left <= few && len(k.items) == 0 {
			poor = append(poor, k)
		}
	}
	poor = poor[:min(len(poor), a.asks/(1+few))]
	for i, k := range poor {
		a.asks--
		k.asks, k.left, k.full = a.asks/(len(poor)-i), 0, false
		a.asks -= k.asks
		n.put(k, left)
	}
}

// few asks left are too few for a neighbour to ask others.
const few = 4

// asked says whether a neighbour has been asked.
func (s *search) asked(enni int) bool {
	return slices.ContainsFunc(s.asks, func(k *ask) bool { return k.enni == enni })
}

// offers says whether a neighbour has answered with something for an asker.
func (n *Node) offers(s *search, a *asker) bool {
	return slices.ContainsFunc(s.asks, func(k *ask) bool {
		return len(k.items) > 0 && k.enni != a.enni && n.may(a.side, k.enni, a.inquiry.Product, a.inquiry.Bandwidth)
	})
}

// How long an asker that has an offer waits for others, in ms: at least so long
// for each hop that it has, and from the last answer on at most so long.
const (
	patience = 400
	straggle = 300
)

// hurry ends the waiting of an asker that has an offer when what is still open
// is far behind: one neighbour that does not answer must not cost the time that
// those before this node need for the way back.
func (n *Node) hurry(a *asker) {
	if a.answered || a.hurried || n.c.Limits.Flood || !n.offers(a.search, a) {
		return
	}
	at := min(a.deadline, max(a.heard+min(a.heard-a.began, straggle), a.began+patience*int64(a.hops)))
	if at <= n.now {
		n.finish(a, true)
		return
	}
	a.hurried = true
	n.after(at, func() {
		a.hurried = false
		n.hurry(a)
	})
}

// weighed bounds the neighbours whose price is estimated for one search.
const weighed = 256

// hubs is how many well connected neighbours are asked in any case.
const hubs = 4

// choices tells who may be asked, best first: those who have said that they
// reach the far end, and those who may, beyond what they have said.
func (n *Node) choices(s *search, a *asker) []choice {
	far, near := PrintOf(s.far.ID), Print(0)
	if s.whole {
		near = PrintOf(s.near.ID)
	}
	var known, blind []choice
	for i := range n.links {
		l := &n.links[i]
		if i == a.enni || l.Partner == a.side.code && l.Partner != "" {
			continue
		}
		c := choice{enni: i, level: 1}
		hidden := false
		if r := l.reach; r != nil && !n.c.Limits.Flood {
			level, ok := r.level(far, a.hops-1)
			if ok && s.whole {
				other := 0
				other, ok = r.level(near, a.hops-1)
				level = max(level, other)
			}
			c.level = level
			if !ok {
				if hidden = a.hops-1 >= len(r.Levels); !hidden {
					continue
				}
				c.level = len(r.Levels)
			}
		}
		if s.asked(i) || !n.may(a.side, i, a.inquiry.Product, a.inquiry.Bandwidth) {
			continue
		}
		c.tie = l.Place.Kilometres(&s.far)
		if !s.whole {
			c.tie += l.Place.Kilometres(s.nearOf(a))
		}
		if hidden {
			blind = append(blind, c)
		} else {
			known = append(known, c)
		}
	}
	if n.c.Limits.Flood {
		return n.weigh(s, a, known)
	}
	order := func(x, y choice) int {
		return cmp.Or(cmp.Compare(x.level, y.level), cmp.Compare(x.tie, y.tie), cmp.Compare(n.links[y.enni].reach.size(), n.links[x.enni].reach.size()),
			cmp.Compare(x.enni, y.enni))
	}
	slices.SortFunc(known, order)
	slices.SortFunc(blind, order)
	// The best connected come first, wherever they are: when few ways lead to the
	// far end, one of them knows it.
	large := slices.Clone(blind)
	slices.SortStableFunc(large, func(x, y choice) int {
		return cmp.Compare(n.links[y.enni].reach.size(), n.links[x.enni].reach.size())
	})
	large = large[:min(len(large), hubs)]
	blind = slices.DeleteFunc(blind, func(c choice) bool {
		return slices.ContainsFunc(large, func(h choice) bool { return h.enni == c.enni })
	})
	return append(n.weigh(s, a, large), n.weigh(s, a, append(known[:min(len(known), weighed)], blind[:min(len(blind), weighed)]...))...)
}

// weigh orders choices by what they may cost: the own leg, as it is, and the
// rest as if others asked for it what this carrier would.
func (n *Node) weigh(s *search, a *asker, all []choice) []choice {
	var fix, perKm, shortest, longest int64
	shortest = -1
	var low, high money.Micro
	from := &s.near
	if !s.whole {
		from = s.nearOf(a)
	}
	for i := range all {
		c := &all[i]
		var ok bool
		if c.legs, ok = n.own(s, a, c.enni); !ok {
			c.enni = -1
			continue
		}
		if len(c.legs) == 0 {
			continue
		}
		total, err := c.legs[0].Price.Total(&a.inquiry)
		if err != nil {
			continue
		}
		c.rank = int64(total)
		km := n.links[c.enni].Place.Kilometres(from)
		if shortest < 0 || km < shortest {
			shortest, low = km, total
		}
		if km > longest {
			longest, high = km, total
		}
	}
	if longest > shortest && shortest >= 0 {
		perKm = int64(high-low) / (longest - shortest)
	}
	all = slices.DeleteFunc(all, func(c choice) bool { return c.enni < 0 })
	fix = int64(low) - perKm*max(shortest, 0)
	for i := range all {
		c := &all[i]
		l := &n.links[c.enni]
		c.guess = perKm*l.Place.Kilometres(&s.far) + fix*int64(c.level+1)
		c.rank += c.guess / usual * int64(l.dear.or(n.dear))
	}
	slices.SortStableFunc(all, func(x, y choice) int { return cmp.Compare(x.rank, y.rank) })
	return all
}

// nearOf gives an asker's end that this carrier serves.
func (s *search) nearOf(a *asker) *Place {
	if s.turned {
		return &a.inquiry.Z
	}
	return &a.inquiry.A
}

// dearness is what a neighbour asks compared with what was guessed, as a moving
// mean; usual stands for the same. 0: nothing is known.
type dearness int32

const usual = 1024

func (d dearness) or(other dearness) dearness {
	switch {
	case d != 0:
		return d
	case other != 0:
		return other
	}
	return usual
}

// toward moves the mean by a part of the distance.
func (d dearness) toward(seen int64, part dearness) dearness {
	now := dearness(min(max(seen, 1), 64*usual))
	if d == 0 {
		return now
	}
	return max(d+(now-d)/part, 1)
}

// price learns from an answer how dear the neighbour is, and how dear all are.
func (n *Node) price(k *ask) {
	if k.guess <= 0 {
		return
	}
	for _, i := range k.items {
		if total, err := i.Offer.Price.Total(&k.inquiry); i.Priced && err == nil {
			seen := int64(total) / max(k.guess/usual, 1)
			n.links[k.enni].dear = n.links[k.enni].dear.toward(seen, 4)
			n.dear = n.dear.toward(seen, 16)
			return // the cheapest comes first
		}
	}
}

// maxItems bounds what is read of one answer.
const maxItems = 32

// qualified takes a neighbour's answer.
func (n *Node) qualified(enni int, m Qualified) {
	k := n.asks[m.ID]
	if k == nil || k.enni != enni {
		return // too late to be of use, a second answer, or nobody asked
	}
	delete(n.asks, m.ID)
	bad := len(m.Items) > maxItems
	for _, i := range m.Items[:min(len(m.Items), maxItems)] {
		if !i.Offer.sane() || i.Ref == (ID{}) {
			bad = true
		} else if i.Until > n.now && i.Offer.within(&k.inquiry) {
			k.items = append(k.items, i)
		}
	}
	if bad {
		k.items = nil
		n.complain(enni, fault.New(CodeBadQuote, "a neighbour's answer offers what no service has", "tell the neighbour; its answer is not used"))
	}
	k.full = m.Complete && !bad
	k.left = min(max(m.Left, 0), k.asks)
	n.price(k)
	n.remember(k)
	if k.open {
		n.close(k)
	}
}

// close ends an ask, and the search with the last one.
func (n *Node) close(k *ask) {
	k.open = false
	s := k.search
	s.open--
	k.by.asks += k.left
	for _, a := range s.askers {
		a.heard = n.now
		n.again(s, a)
	}
	for _, a := range slices.Clone(s.askers) {
		if s.open == 0 {
			n.finish(a, false)
		} else {
			n.hurry(a)
		}
	}
}

// remember keeps an answer for the next who asks the same.
func (n *Node) remember(k *ask) {
	l := &n.c.Limits
	c := cached{items: k.items, hops: k.hops, until: n.now + l.CacheFor}
	if len(k.items) == 0 {
		if !k.full {
			return
		}
		c.until = n.now + l.NoFor
	}
	for _, i := range k.items {
		c.until = min(c.until, i.Until-l.Skew)
	}
	if c.until <= n.now || l.Cache == 0 {
		return
	}
	if n.cache == nil {
		n.cache = map[cacheKey]cached{}
	}
	if len(n.cache) >= l.Cache {
		for key, old := range n.cache {
			if old.until <= n.now {
				delete(n.cache, key)
			}
		}
		if len(n.cache) >= l.Cache {
			clear(n.cache)
		}
	}
	n.cache[cacheKey{k.enni, k.inquiry}] = c
}

// finish answers an asker with what there is.
func (n *Node) finish(a *asker, cut bool) {
	if a.answered {
		return
	}
	a.answered = true
	a.cut = a.cut || cut
	if a.search != nil {
		n.compose(a)
		n.unneeded(a.search)
	}
	switch {
	case a.user != nil:
		n.choose(a)
	case a.direct != nil:
		n.tryNext(a.direct)
	default:
		n.answer(a)
	}
}

// compose joins own legs and what neighbours offer.
func (n *Node) compose(a *asker) {
	s := a.search
	a.cut = a.cut || len(a.choices) > 0
	for _, k := range s.asks {
		a.cut = a.cut || k.open || !k.full
		if len(k.items) == 0 || k.enni == a.enni || !n.may(a.side, k.enni, a.inquiry.Product, a.inquiry.Bandwidth) {
			continue
		}
		legs, ok := n.own(s, a, k.enni)
		if !ok {
			continue
		}
		for _, i := range k.items {
			if len(legs) == 0 {
				a.add(n, way{ask: k, item: i})
			}
			for l := range legs {
				a.add(n, way{own: &legs[l], ask: k, item: i})
			}
		}
	}
	slices.SortStableFunc(a.ways, func(x, y way) int {
		switch {
		case x.priced != y.priced && x.priced:
			return -1
		case x.priced != y.priced:
			return 1
		}
		p, _ := x.offer.Price.Total(&a.inquiry)
		q, _ := y.offer.Price.Total(&a.inquiry)
		return cmp.Compare(p, q)
	})
}

// add keeps a way if it keeps the bounds.
func (a *asker) add(n *Node, w way) {
	w.priced, w.until = w.item.Priced, w.item.Until
	var ok bool
	if w.offer, ok = n.sum(a, w, w.item.Offer); !ok {
		return
	}
	if !w.priced {
		w.offer.Price = Price{}
	}
	if w.offer.within(&a.inquiry) {
		a.ways = append(a.ways, w)
	}
}

// sum gives what a way costs and is worth when the neighbour's part is as given.
func (n *Node) sum(a *asker, w way, bought Offer) (Offer, bool) {
	out := Offer{Latency: bought.Latency, Availability: bought.Availability}
	var own Price
	if w.own != nil {
		own = w.own.Price
		out.Latency += w.own.Leg.Latency
		out.Availability = Both(out.Availability, w.own.Leg.Availability)
	}
	l := &n.links[w.ask.enni]
	var ok bool
	out.Price, ok = l.Terms.price(own, bought.Price, a.side, side{l.Partner, l.Relation}, &a.inquiry)
	if !ok {
		return Offer{}, false
	}
	_, err := out.Price.Total(&a.inquiry)
	return out, err == nil
}

// answer tells a neighbour what it could have.
func (n *Node) answer(a *asker) {
	out := Qualified{ID: a.id, Complete: !a.cut, Left: a.asks}
	for _, w := range a.front(n.c.Limits.Items) {
		ref := n.id()
		n.offered[ref] = offered{a, w}
		out.Items = append(out.Items, Item{Ref: ref, Offer: w.offer, Priced: w.priced, Until: min(w.until-n.c.Limits.Skew, n.now+n.c.Limits.KeepFor)})
	}
	a.answer = &out
	n.send(a.enni, out)
}

// front gives the best ways: those without a price come last.
func (a *asker) front(limit int) []way {
	at := slices.IndexFunc(a.ways, func(w way) bool { return !w.priced })
	if at < 0 {
		at = len(a.ways)
	}
	out := front(slices.Clone(a.ways[:at]), way.total, &a.inquiry, limit)
	return append(out, a.ways[at:min(len(a.ways), at+limit-len(out))]...)
}

// cancel ends an exchange for one who does not need it.
func (n *Node) cancel(x exchange) {
	if f := n.quoting[x]; f != nil {
		n.drop(f)
	}
	a := n.exchanges[x]
	if a == nil || a.answered {
		return
	}
	a.answered = true
	if a.search != nil {
		n.unneeded(a.search)
	}
}

// unneeded cancels what is asked for nobody any more.
func (n *Node) unneeded(s *search) {
	if s.open == 0 || slices.ContainsFunc(s.askers, func(a *asker) bool { return !a.answered }) {
		return
	}
	for _, k := range s.asks {
		if k.open {
			n.send(k.enni, Cancel{k.id})
		}
	}
	// Who comes later may ask them again.
	s.asks = slices.DeleteFunc(s.asks, func(k *ask) bool {
		open := k.open
		k.open = false
		return open
	})
	s.open = 0
}

// forget lets go of an asker and, with the last one, of its search.
func (n *Node) forget(a *asker) {
	delete(n.exchanges, exchange{a.enni, a.id})
	if a.answer != nil {
		for _, i := range a.answer.Items {
			delete(n.offered, i.Ref)
		}
	}
	s := a.search
	if s == nil {
		return
	}
	s.askers = slices.DeleteFunc(s.askers, func(o *asker) bool { return o == a })
	if len(s.askers) > 0 {
		return
	}
	for _, t := range s.tags {
		if n.searches[t] == s {
			delete(n.searches, t)
		}
	}
	for _, k := range s.asks {
		delete(n.asks, k.id)
	}
}
