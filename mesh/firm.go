package mesh

import (
	"cmp"
	"slices"

	"github.com/lateral-network/lateral/fault"
)

// A firm is a quote in the making: for a neighbour, or for a customer of the
// carrier.
type firm struct {
	asker    *asker
	to       exchange // the neighbour's; unused for a customer
	name     ID       // of the quote; zero: a fresh one
	tag      Tag
	deadline int64
	ways     []way // still to be tried, best first
	tries    int
	way      way
	ask      ID // what is asked of the neighbour now
	over     bool
	result   *Signed // for a customer
}

// maxTries bounds how many ways a node tries for one quote.
const maxTries = 3

// askQuote takes a neighbour's request for a firm price.
func (n *Node) askQuote(enni int, m AskQuote) {
	x := exchange{enni, m.ID}
	if f := n.quoting[x]; f != nil {
		if f.over {
			n.send(enni, Quoted{ID: m.ID, Quote: f.result})
		}
		return
	}
	f := &firm{to: x, name: m.Name, deadline: n.now + n.c.Limits.Time}
	if m.Header != nil {
		f.deadline = n.now + min(max(m.Header.Time, 0), n.c.Limits.Time)
		f.tag = m.Header.Tag
	}
	if m.Item == (ID{}) {
		a := n.asker(enni, m.ID, m.Header, m.Inquiry)
		if a == nil {
			n.send(enni, Quoted{ID: m.ID})
			return
		}
		f.asker, a.direct = a, f
		n.hold(f)
		// Half of the time is for looking.
		a.deadline = n.now + (a.deadline-n.now)/2
		n.start(a)
		return
	}
	o, ok := n.offered[m.Item]
	if m.Inquiry.MaxPrice = 0; !ok || o.asker.enni != enni || o.asker.inquiry != m.Inquiry {
		n.send(enni, Quoted{ID: m.ID})
		return
	}
	f.asker = o.asker
	// What was named comes first; what serves as well comes after it.
	f.ways = append([]way{o.way}, slices.DeleteFunc(slices.Clone(o.asker.ways), func(w way) bool { return w == o.way })...)
	n.hold(f)
	n.tryNext(f)
}

// hold keeps a neighbour's exchange until its answer is of no use.
func (n *Node) hold(f *firm) {
	if n.quoting == nil {
		n.quoting = map[exchange]*firm{}
	}
	n.quoting[f.to] = f
	n.after(f.deadline, func() { n.end(f) })
	n.after(f.deadline+n.c.Limits.KeepFor, func() { delete(n.quoting, f.to) })
}

// tryNext asks for the next way's firm price.
func (n *Node) tryNext(f *firm) {
	if f.over {
		return
	}
	if f.ways == nil && f.tries == 0 {
		f.ways = f.asker.ways
	}
	left := f.deadline - n.now
	left -= margin(left) / 2 // nothing but the way back is left to do
	if len(f.ways) == 0 || f.tries == maxTries || left < leastTime {
		n.end(f)
		return
	}
	f.way, f.ways = f.ways[0], f.ways[1:]
	f.tries++
	if f.way.ask == nil {
		n.sell(f, f.way.offer, nil)
		return
	}
	k := f.way.ask
	f.ask = n.id()
	if n.firms == nil {
		n.firms = map[ID]*firm{}
	}
	n.firms[f.ask] = f
	tag := f.asker.tag.Next()
	n.send(k.enni, AskQuote{ID: f.ask, Inquiry: k.inquiry, Item: f.way.item.Ref, Header: &Header{Time: left, Tag: n.mask(k.enni, tag, f.ask)}})
}

// quoted takes a neighbour's quote.
func (n *Node) quoted(enni int, m Quoted) {
	f := n.firms[m.ID]
	if f == nil || f.way.ask.enni != enni {
		return // too late, a second answer, or nobody asked
	}
	delete(n.firms, m.ID)
	if f.over {
		return
	}
	if m.Quote == nil {
		n.refused(f)
		return
	}
	if err := n.check(enni, f, m.Quote); err != nil {
		n.complain(enni, err)
		n.refused(f)
		return
	}
	offer, ok := n.sum(f.asker, f.way, m.Quote.Quote.Offer())
	if !ok || !offer.within(&f.asker.inquiry) {
		n.refused(f)
		return
	}
	n.sell(f, offer, m.Quote)
}

// refused goes on after a way has failed. What is remembered of it is wrong.
func (n *Node) refused(f *firm) {
	if k := f.way.ask; k != nil {
		delete(n.cache, cacheKey{k.enni, k.inquiry})
	}
	n.tryNext(f)
}

// check refuses a quote that is not what was asked for. Code: [CodeBadQuote].
func (n *Node) check(enni int, f *firm, s *Signed) error {
	l := &n.links[enni]
	q := &s.Quote
	k := f.way.ask
	bad := func(detail string) error {
		return fault.Newf(CodeBadQuote, "the quote is not used; tell the neighbour", "the quote of %s %s", l.Partner, detail)
	}
	switch {
	case q.Seller != l.Partner || q.Buyer != n.c.Carrier:
		return bad("is between others")
	case q.Inquiry != k.inquiry.Hash():
		return bad("answers another inquiry")
	case q.Currency != k.inquiry.Currency || q.Months != k.inquiry.Months:
		return bad("has another currency or term")
	case !q.Offer().sane() || len(q.Legs) == 0 || len(q.Legs) > maxLegs:
		return bad("offers what no service has")
	case q.Until < n.now+2*n.c.Limits.Skew:
		return bad("has expired")
	case q.Latency > k.inquiry.MaxLatency && k.inquiry.MaxLatency != 0 || q.Availability < k.inquiry.MinAvailability:
		return bad("does not keep the bounds of the inquiry")
	}
	return nil
}

// sell makes the quote; for a neighbour, if what it needs of our own can be held
// as long as it is good.
func (n *Node) sell(f *firm, o Offer, bought *Signed) {
	a, w := f.asker, f.way
	if f.name == (ID{}) {
		f.name = n.id()
	}
	q := Quote{ID: f.name, Seller: n.c.Carrier, Buyer: a.side.code, Inquiry: a.inquiry.Hash(), Tag: f.tag, Currency: a.inquiry.Currency,
		Price: o.Price, Months: a.inquiry.Months, Latency: o.Latency, Availability: o.Availability, Until: n.now + n.c.Limits.QuoteFor}
	supply := Supply{Bought: bought, Asked: a.inquiry}
	if w.own != nil {
		leg := w.own.Leg
		leg.OnNet = true
		q.Legs = append(q.Legs, leg)
		supply.Own = []OwnLeg{*w.own}
	}
	if bought != nil {
		k := w.ask
		q.Legs = append(q.Legs, Leg{From: k.inquiry.A.ID, To: k.inquiry.Z.ID, Latency: bought.Quote.Latency, Availability: bought.Quote.Availability})
		if a.search.turned {
			slices.Reverse(q.Legs)
		}
		// Whoever buys may order until then; the order must still reach the next.
		q.Until = min(q.Until, bought.Quote.Until-n.c.Limits.Skew)
		supply.ENNI = n.links[k.enni].ID
		rest := k.inquiry
		supply.Rest = &rest
	}
	supply.Sold.Quote = q
	if a.enni >= 0 { // a customer's own legs are held once it orders
		if w.own != nil && !n.c.Catalogue.Hold(&q, *w.own, &a.inquiry) {
			n.refused(f)
			return
		}
		if n.c.Prove != nil {
			supply.Sold.Proof = n.c.Prove(&q, &a.inquiry)
		}
	}
	n.do(Keep{supply})
	f.result = &supply.Sold
	n.end(f)
}

// end tells who waits for a quote, or that there is none.
func (n *Node) end(f *firm) {
	if f.over {
		return
	}
	n.drop(f)
	if u := f.asker.user; u != nil {
		n.more(u)
		return
	}
	n.send(f.to.enni, Quoted{ID: f.to.id, Quote: f.result})
}

// drop ends a quote that is not needed.
func (n *Node) drop(f *firm) {
	if f.over {
		return
	}
	f.over = true
	if _, asked := n.firms[f.ask]; asked {
		delete(n.firms, f.ask)
		n.send(f.way.ask.enni, Cancel{f.ask})
	}
}

// A user is a customer of the carrier who has asked.
type user struct {
	asker    *asker
	choice   Choice
	deadline int64
	max      uint64 // price ceiling; 0: none
	chosen   int64  // when firm prices began to be asked for; ms since 1970
	ways     []way  // not quoted yet, best first
	firms    []*firm
	starting bool
	done     bool
}

// Request is an inquiry of the carrier's own customer, or of the carrier itself.
type Request struct {
	Inquiry Inquiry
	Choice  Choice // zero: the cheapest
	// Budgets; 0 stands for the node's own limit, which none can pass.
	Hops, Asks int
	Time       int64
}

// Ask begins an inquiry. The answer is a [Done] with the id.
func (n *Node) Ask(now int64, r Request) (ID, []Effect, error) {
	n.expire(now)
	if err := r.Inquiry.Validate(); err != nil {
		return ID{}, n.done(), err
	}
	l := &n.c.Limits
	within := func(v, limit int) int {
		if v <= 0 {
			return limit
		}
		return min(v, limit)
	}
	time := int64(within(int(r.Time), int(l.Time)))
	id := n.id()
	n.count++
	a := &asker{enni: -1, id: id, side: side{is: Own}, inquiry: r.Inquiry, tag: root(&n.c.Secret, n.count),
		hops: within(r.Hops, l.Hops), asks: within(r.Asks, l.Asks)}
	a.inquiry.MaxPrice = 0
	// Three fifths of the time are for finding, the rest is for firm prices.
	a.deadline = n.now + time*3/5
	u := &user{asker: a, choice: r.Choice, deadline: n.now + time, max: r.Inquiry.MaxPrice}
	a.user = u
	if n.exchanges == nil {
		n.exchanges, n.offered, n.asks = map[exchange]*asker{}, map[ID]offered{}, map[ID]*ask{}
		n.searches = map[Tag]*search{}
	}
	if len(n.exchanges) >= l.Searches {
		return ID{}, n.done(), fault.New(fault.Busy, "too many inquiries are open", "ask again after a while")
	}
	n.exchanges[exchange{-1, id}] = a
	n.after(u.deadline, func() { n.decide(u) })
	n.start(a)
	return id, n.done(), nil
}

// Stop ends an inquiry that began here, without an answer.
func (n *Node) Stop(now int64, id ID) []Effect {
	n.expire(now)
	x := exchange{-1, id}
	if a := n.exchanges[x]; a != nil && !a.user.done {
		a.user.done = true
		n.cancel(x)
		for _, f := range a.user.firms {
			n.drop(f)
		}
	}
	return n.done()
}

// choose asks for firm prices of the best ways.
func (n *Node) choose(a *asker) {
	u := a.user
	if u.done {
		return
	}
	u.chosen = n.now
	for _, w := range a.ways {
		q := a.inquiry
		if q.MaxPrice = u.max; !w.priced || w.offer.within(&q) {
			u.ways = append(u.ways, w)
		}
	}
	slices.SortStableFunc(u.ways, func(x, y way) int {
		if x.priced != y.priced {
			if x.priced {
				return -1
			}
			return 1
		}
		return cmp.Compare(u.score(x.offer), u.score(y.offer))
	})
	// Those on the front are asked for at once, best first. What is behind them
	// waits for a price that turns out higher than it was said.
	ahead := a.front(len(a.ways))
	u.starting = true // a quote of own legs alone ends at once
	for i := 0; i < len(u.ways) && len(u.firms) < n.c.Limits.Quotes; {
		if slices.Contains(ahead, u.ways[i]) {
			n.quote(u, i)
		} else {
			i++
		}
	}
	u.starting = false
	n.more(u)
}

func (u *user) score(o Offer) int64 { return u.choice.score(o, &u.asker.inquiry) }

// quote asks for the firm price of a way.
func (n *Node) quote(u *user, i int) {
	f := &firm{asker: u.asker, deadline: u.deadline, ways: []way{u.ways[i]}}
	u.ways = slices.Delete(u.ways, i, i+1)
	u.firms = append(u.firms, f)
	n.tryNext(f)
}

// maxFirm bounds the firm prices asked for one inquiry.
const maxFirm = 8

// more ends an inquiry, or goes on if what is firm is worse than what was
// indicated elsewhere.
func (n *Node) more(u *user) {
	if u.done || u.starting || slices.ContainsFunc(u.firms, func(f *firm) bool { return !f.over }) {
		return
	}
	best := u.best()
	if len(u.ways) > 0 && len(u.firms) < maxFirm && (best == nil || u.ways[0].priced && u.score(u.ways[0].offer) < u.score(best.Quote.Offer())) {
		n.quote(u, 0)
		return
	}
	n.decide(u)
}

// firm quotes within the price ceiling.
func (u *user) quotes() (out []Signed) {
	q := u.asker.inquiry
	q.MaxPrice = u.max
	for _, f := range u.firms {
		if f.result != nil && f.result.Quote.Offer().within(&q) {
			out = append(out, *f.result)
		}
	}
	slices.SortStableFunc(out, func(x, y Signed) int { return cmp.Compare(u.score(x.Quote.Offer()), u.score(y.Quote.Offer())) })
	return out
}

func (u *user) best() *Signed {
	if q := u.quotes(); len(q) > 0 {
		return &q[0]
	}
	return nil
}

// decide ends an inquiry with what is firm.
func (n *Node) decide(u *user) {
	if u.done {
		return
	}
	u.done = true
	for _, f := range u.firms {
		n.drop(f)
	}
	out := Result{Asked: u.asker.search != nil, Found: u.chosen}
	if q := u.quotes(); len(q) > 0 {
		out.Best = &q[0]
		best := q[0].Quote.ID
		out.Alternatives = slices.DeleteFunc(front(slices.Clone(q), func(s Signed) Offer { return s.Quote.Offer() }, &u.asker.inquiry, len(q)),
			func(s Signed) bool { return s.Quote.ID == best })
	}
	n.do(Done{u.asker.id, out})
}

// Reprice gives what a buyer, -1 for a customer of the carrier, is asked for own
// legs and what the neighbour at another eNNI, -1 for none, asks: how an order
// over the same neighbours is priced anew. False: there is no price.
func (n *Node) Reprice(buyer, seller int, own, bought Price, q *Inquiry) (Price, bool) {
	to := side{is: Own}
	if buyer >= 0 {
		to = side{n.links[buyer].Partner, n.links[buyer].Relation}
	}
	if seller < 0 {
		return own, true
	}
	l := &n.links[seller]
	p, ok := l.Terms.price(own, bought, to, side{l.Partner, l.Relation}, q)
	if !ok {
		return Price{}, false
	}
	_, err := p.Total(q)
	return p, err == nil
}
