package mesh

import (
	"container/heap"
	"encoding/binary"
	"slices"

	"github.com/lateral-network/lateral/fault"
)

// ENNI is one interconnection with a neighbour.
type ENNI struct {
	ID       string // as both partners call it
	Partner  string // code of the carrier at the other side
	Place    Place
	Relation Relation // what the partner is to us
	Terms    *Terms   // our rules for what we buy over it
	Link     [32]byte // secret of the two nodes, for tags; zero: the partner is no node of Lateral
	Silent   bool     // tell it no reach
}

// Limits are what a node spends on inquiries. Times are in milliseconds.
type Limits struct {
	Hops     int   // asks in a row, of an inquiry that begins here; no other may have more
	Asks     int   // asks in all, likewise
	Time     int64 // until an inquiry that begins here ends, likewise
	Items    int   // offers in one answer
	Quotes   int   // firm quotes asked for at once, for an inquiry that begins here
	Searches int   // open at once
	Cache    int   // answers kept
	CacheFor int64 // an answer is used again for so long at most
	NoFor    int64 // the same of an answer that nothing is there
	KeepFor  int64 // offers may be quoted for so long after they were sent
	QuoteFor int64 // a quote of own legs is firm for so long
	Skew     int64 // by which a partner's clock may be off
	Levels   int   // of the reach that is told; 0: none
	Every    int64 // reach is told at most so often
	Flood    bool  // ask everybody, whatever is known of them: to measure against
}

// DefaultLimits are those of a node that is not told otherwise.
func DefaultLimits() Limits {
	return Limits{Hops: 4, Asks: 480, Time: 4_900, Items: 4, Quotes: 3, Searches: 10_000, Cache: 10_000, CacheFor: 60_000, NoFor: 30_000,
		KeepFor: 30_000, QuoteFor: 600_000, Skew: 2_000, Levels: 2, Every: 60_000}
}

// Config is what a node is made of.
type Config struct {
	Carrier   string
	Catalogue Catalogue
	ENNIs     []ENNI
	Secret    [32]byte // fresh at each start: ids and tags follow from it
	// Prove makes a quote for a neighbour provable: it gives the bytes that the
	// neighbour is shown. nil: quotes are not signed.
	Prove  func(q *Quote, asked *Inquiry) []byte
	Limits Limits
}

// Messages between neighbours. How they are spelled on the wire is the matter of
// the API that carries them: a product offering qualification and a quote of
// LSO Sonata, both instant.
type (
	// Qualify asks whether an inquiry can be served.
	Qualify struct {
		ID      ID
		Header  *Header // nil from a buyer that sends none
		Inquiry Inquiry
	}
	// Qualified answers it. No items: it cannot, and Complete says that this is
	// so within the hops that were allowed, not for want of time or asks. Left is
	// how many of the asks that were allowed were not made.
	Qualified struct {
		ID       ID
		Items    []Item
		Complete bool
		Left     int
	}
	// AskQuote asks for a firm price of an item, or, without one, of the cheapest
	// way to serve the inquiry.
	AskQuote struct {
		ID      ID
		Header  *Header
		Inquiry Inquiry
		Item    ID
		Name    ID // that the quote shall have; zero: the seller makes one
	}
	// Quoted answers it; without a quote there is none. Whoever reads it from the
	// wire has verified its proof.
	Quoted struct {
		ID    ID
		Quote *Signed
	}
	// Cancel ends an exchange whose answer is not needed any more.
	Cancel struct{ ID ID }
)

// Message is one of the above, or a [*Reach].
type Message any

// Item is what may be quoted: an indication, not an offer.
type Item struct {
	Ref    ID
	Offer  Offer
	Priced bool  // false: the seller names prices in quotes only
	Until  int64 // ms since 1970
}

// Effects are what a node wants done, in this order.
type (
	// Send gives a message to the neighbour at an eNNI, by its index.
	Send struct {
		ENNI    int
		Message Message
	}
	// Keep writes a record durably, before anything that follows is done.
	Keep struct{ Supply Supply }
	// Wake calls Tick at a time.
	Wake struct{ At int64 }
	// Done ends an inquiry that began here.
	Done struct {
		ID     ID
		Result Result
	}
	// Complain reports what a neighbour did wrong.
	Complain struct {
		ENNI int
		Why  error
	}
)

// Effect is one of the above.
type Effect any

// Result is what an inquiry found.
type Result struct {
	Best         *Signed // nil: nothing was found
	Alternatives []Signed
	Asked        bool  // neighbours were asked
	Found        int64 // ms since 1970: from when on firm prices were asked for
}

// Node takes part in the mesh for one carrier. It is not safe for use by many at
// once. It has no clock and starts nothing: time comes with each call, in
// milliseconds since 1970, and what it wants done is what the call returns.
type Node struct {
	c       Config
	links   []link
	count   uint64
	now     int64
	effects []Effect
	timers  timers

	searches  map[Tag]*search // by the tag that was seen, and those that follow from it
	exchanges map[exchange]*asker
	offered   map[ID]offered // by the reference of an item that was sent
	asks      map[ID]*ask
	firms     map[ID]*firm // by the id of what was asked downstream
	quoting   map[exchange]*firm
	cache     map[cacheKey]cached
	resell    map[resaleKey]bool
	prints    []Print // of the own places
	told      int64   // when reach was told last
	stale     bool    // reach has changed since
	dear      dearness
}

type link struct {
	ENNI
	reach *Reach // what the partner told
	sent  *Reach // what it was told
	dear  dearness
}

type exchange struct {
	enni int
	id   ID
}

type offered struct {
	asker *asker
	way   way
}

type resaleKey struct {
	terms       *Terms
	buyer, sell Relation
}

// New makes a node. It panics on an eNNI without terms.
func New(c Config) *Node {
	n := &Node{c: c, links: make([]link, len(c.ENNIs)), prints: prints(c.Catalogue.Places())}
	for i, e := range c.ENNIs {
		if e.Terms == nil {
			panic("mesh: an eNNI has no terms")
		}
		n.links[i].ENNI = e
	}
	n.c.ENNIs = nil
	return n
}

// id gives a fresh id.
func (n *Node) id() ID {
	n.count++
	var more [8]byte
	binary.BigEndian.PutUint64(more[:], n.count)
	return derive(n.c.Secret[:], infoID, more[:])
}

// Join gives the secret of a link with a partner that has turned out to be a
// node of Lateral: from now on tags to it are hidden with it, and it is told the
// reach.
func (n *Node) Join(now int64, enni int, link [32]byte) []Effect {
	n.expire(now)
	n.links[enni].Link, n.links[enni].sent = link, nil
	n.announce()
	return n.done()
}

// mask hides or shows a tag on a link. A partner without a key gets what looks
// random to it.
func (n *Node) mask(enni int, t Tag, id ID) Tag {
	key := &n.links[enni].Link
	if *key == [32]byte{} {
		key = &n.c.Secret
	}
	return t.Mask(key[:], id)
}

func (n *Node) do(e Effect)                  { n.effects = append(n.effects, e) }
func (n *Node) send(enni int, m Message)     { n.do(Send{enni, m}) }
func (n *Node) complain(enni int, why error) { n.do(Complain{enni, why}) }

// done gives what has come together, and begins anew.
func (n *Node) done() []Effect {
	out := n.effects
	n.effects = nil
	return out
}

// Receive takes a message of the neighbour at an eNNI.
func (n *Node) Receive(now int64, enni int, m Message) []Effect {
	n.expire(now)
	switch m := m.(type) {
	case Qualify:
		n.qualify(enni, m)
	case Qualified:
		n.qualified(enni, m)
	case AskQuote:
		n.askQuote(enni, m)
	case Quoted:
		n.quoted(enni, m)
	case Cancel:
		n.cancel(exchange{enni, m.ID})
	case *Reach:
		n.learn(enni, m)
	}
	return n.done()
}

// Tick does what is due.
func (n *Node) Tick(now int64) []Effect {
	n.expire(now)
	return n.done()
}

// A timer runs once; what is not due any more is left out by what it calls.
type timer struct {
	at  int64
	run func()
}

type timers []timer

func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].at < t[j].at }
func (t timers) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }
func (t *timers) Push(x any)        { *t = append(*t, x.(timer)) }
func (t *timers) Pop() any {
	last := len(*t) - 1
	x := (*t)[last]
	(*t)[last] = timer{}
	*t = (*t)[:last]
	return x
}

func (n *Node) after(at int64, run func()) {
	heap.Push(&n.timers, timer{at, run})
	n.do(Wake{at})
}

// expire moves the clock on; it never goes back.
func (n *Node) expire(now int64) {
	n.now = max(n.now, now)
	for len(n.timers) > 0 && n.timers[0].at <= n.now {
		heap.Pop(&n.timers).(timer).run()
	}
}

// may says whether what eNNI seller offers may be sold to a buyer.
func (n *Node) may(buyer side, seller int, product string, bandwidth uint64) bool {
	l := &n.links[seller]
	if !l.Terms.fixed {
		return l.Terms.resell(buyer, side{l.Partner, l.Relation}, product, bandwidth)
	}
	key := resaleKey{l.Terms, buyer.is, l.Relation}
	yes, known := n.resell[key]
	if !known {
		yes = l.Terms.resell(side{is: buyer.is}, side{is: l.Relation}, "", 0)
		if n.resell == nil {
			n.resell = map[resaleKey]bool{}
		}
		n.resell[key] = yes
	}
	return yes
}

// Announce tells all neighbours where this carrier can be asked for, those
// excepted that know it already.
func (n *Node) Announce(now int64) []Effect {
	n.expire(now)
	n.announce()
	return n.done()
}

// Changed says that the catalogue has other places now.
func (n *Node) Changed(now int64) []Effect {
	n.expire(now)
	n.prints = prints(n.c.Catalogue.Places())
	n.plan()
	return n.done()
}

// plan tells the reach anew, once what was told last is old enough.
func (n *Node) plan() {
	if n.stale {
		return
	}
	n.stale = true
	n.after(max(n.now, n.told+n.c.Limits.Every), func() {
		if n.stale {
			n.announce()
		}
	})
}

func (n *Node) announce() {
	n.stale, n.told = false, n.now
	if n.c.Limits.Levels == 0 {
		return
	}
	same := map[Relation]*Reach{}
	for i := range n.links {
		l := &n.links[i]
		if l.Silent || l.Link == [32]byte{} {
			continue
		}
		// Rules that depend on the relations alone give one reach for all
		// partners of a relation.
		r, all := same[l.Relation], true
		if r == nil {
			if r, all = n.reachFor(side{l.Partner, l.Relation}); all {
				same[l.Relation] = r
			}
		}
		if l.sent != r && !l.sent.Equal(r) {
			l.sent = r
			n.send(i, r)
		}
	}
}

// reachFor unites the own places and what may be sold on to a buyer; all says
// that every buyer of its relation gets the same. A rule that depends on what
// is bought counts as permitting: the inquiry will tell.
func (n *Node) reachFor(buyer side) (r *Reach, all bool) {
	r, all = &Reach{Levels: [][]Print{n.prints}}, true
	for level := 1; level < min(n.c.Limits.Levels, maxLevels); level++ {
		var union []Print
		for i := range n.links {
			l := &n.links[i]
			if l.reach == nil || len(l.reach.Levels) < level {
				continue
			}
			if !l.Terms.fixed {
				all = false
				if !l.Terms.resale.Uses("product") && !l.Terms.resale.Uses("bandwidth") && !n.may(buyer, i, "", 0) {
					continue
				}
			} else if !n.may(buyer, i, "", 0) {
				continue
			}
			union = append(union, l.reach.Levels[level-1]...)
		}
		slices.Sort(union)
		union = slices.Clip(slices.Compact(union))
		r.Levels = append(r.Levels, union[:min(len(union), maxPrints)])
	}
	return r, all
}

// learn keeps what a neighbour tells.
func (n *Node) learn(enni int, r *Reach) {
	if len(r.Levels) > maxLevels || slices.ContainsFunc(r.Levels, func(l []Print) bool { return len(l) > maxPrints || !slices.IsSorted(l) }) {
		n.complain(enni, fault.New(CodeBadReach, "this is no reach of version 1", "send levels of sorted prints, at most 4 and 524,288 each"))
		return
	}
	l := &n.links[enni]
	if l.reach.Equal(r) {
		return
	}
	old := l.reach
	l.reach = r
	// Only what is told on makes others listen.
	for i := range n.c.Limits.Levels - 1 {
		if old == nil || i >= len(r.Levels) || i >= len(old.Levels) || !slices.Equal(r.Levels[i], old.Levels[i]) {
			n.plan()
			return
		}
	}
}
