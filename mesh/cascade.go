package mesh

import (
	"encoding/binary"
	"maps"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
)

// Stage is how far a carrier has come with one revision of an order: the first
// one adds the service, later ones change it.
type Stage string

// The stages. Who acts next stands beside each.
const (
	Reserving Stage = "reserving" // this carrier: hold its own leg; then the neighbour that it buys of
	Reserved  Stage = "reserved"  // the buyer: confirm, or let it lapse
	Ordered   Stage = "ordered"   // the neighbour, then this carrier: deliver
	Delivered Stage = "delivered" // the buyer: accept. This carrier cannot go back any more
	Accepted  Stage = "accepted"  // nobody: the service is billed
	Releasing Stage = "releasing" // the neighbour: release as well
	Released  Stage = "released"  // nobody: nothing is held
)

// stages is every move of a revision; what is not here is refused. The buyer's
// acceptance is the one point at which an order counts: before it, whoever fails
// makes all release.
var stages = map[Stage][]Stage{
	Reserving: {Reserved, Releasing},
	Reserved:  {Ordered, Releasing},
	Ordered:   {Delivered, Releasing},
	Delivered: {Accepted, Releasing},
	Releasing: {Released},
}

// Revision is one try to add or change a service.
type Revision struct {
	Number uint64 `cbor:"1,keyasint" json:"number"` // from 1
	Quote  ID     `cbor:"2,keyasint" json:"quote"`  // that this carrier gave
	Stage  Stage  `cbor:"3,keyasint" json:"stage"`
	Until  int64  `cbor:"4,keyasint" json:"until"`                     // ms since 1970: reservation; of a customer's order: delivery
	Held   bool   `cbor:"5,keyasint" json:"held"`                      // the own leg is
	Built  bool   `cbor:"6,keyasint" json:"built"`                     // the own leg is delivered
	Below  Stage  `cbor:"7,keyasint" json:"below"`                     // what the neighbour has said last
	Since  int64  `cbor:"9,keyasint,omitempty" json:"since,omitempty"` // ms since 1970: in service
	Why    string `cbor:"8,keyasint,omitempty" json:"why,omitempty"`   // it was released
}

// Order is a carrier's own durable record of one order: whom it sells to, whom
// it buys of. It is never sent.
type Order struct {
	ID      ID        `cbor:"1,keyasint" json:"id"`                          // as the buyer calls it
	Up      int       `cbor:"2,keyasint" json:"up"`                          // eNNI of the buyer, or -1
	Down    int       `cbor:"3,keyasint" json:"down"`                        // eNNI of the neighbour that is bought of, or -1
	Below   ID        `cbor:"4,keyasint" json:"below"`                       // as the neighbour is told to call it
	Current *Revision `cbor:"5,keyasint,omitempty" json:"current,omitempty"` // in service
	Next    *Revision `cbor:"6,keyasint,omitempty" json:"next,omitempty"`    // being tried, or the last that failed
	End     *End      `cbor:"7,keyasint,omitempty" json:"end,omitempty"`
}

// End is a service's termination.
type End struct {
	At    int64       `cbor:"1,keyasint" json:"at"`    // ms since 1970
	Exit  money.Micro `cbor:"2,keyasint" json:"exit"`  // what the buyer owes for the rest of the term
	Below bool        `cbor:"3,keyasint" json:"below"` // the neighbour has ended too
}

// Messages of an order. The buyer repeats its own until it has an answer; the
// seller answers each with how far it is, and says so by itself when it gets
// further.
type (
	// Reserve asks to hold what a quote offers for a time.
	Reserve struct {
		ID    ID
		Rev   uint64
		Quote ID
		Time  int64 // ms
	}
	// Confirm orders it.
	Confirm struct {
		ID  ID
		Rev uint64
	}
	// Accept says that the service was delivered end to end.
	Accept struct {
		ID  ID
		Rev uint64
	}
	// Release gives it back.
	Release struct {
		ID  ID
		Rev uint64
	}
	// Terminate ends a service.
	Terminate struct {
		ID ID
		At int64
	}
	// Standing is the seller's answer: how far it is.
	Standing struct {
		ID    ID
		Rev   uint64
		Stage Stage
		Why   string
	}
	// Terminated answers Terminate.
	Terminated struct {
		ID   ID
		Exit money.Micro
	}
)

// Effects of orders, beside Send and Wake.
type (
	// Save writes an order durably, before anything that follows is done.
	Save struct{ Order Order }
	// Hold reserves the own legs of a revision; the answer is [Cascade.Held].
	// Doing it twice does no harm.
	Hold struct {
		Order ID
		Rev   Revision
	}
	// Build delivers the own legs; the answer is [Cascade.Built].
	Build struct {
		Order ID
		Rev   Revision
	}
	// Free gives back what Hold and Build of a revision have taken.
	Free struct {
		Order ID
		Rev   uint64
	}
	// Start puts a revision into service, from when it is billed. Like Stop and
	// Free it may come again after the carrier has died.
	Start struct {
		Order ID
		Rev   uint64
		At    int64
	}
	// Stop takes the service away.
	Stop struct {
		Order ID
		At    int64
	}
)

// Quotes finds a quote that this carrier has given, with the eNNI over which the
// rest of it is bought, -1 for none.
type Quotes interface {
	Supply(quote ID) (s Supply, down int, ok bool)
}

// Cascade is one carrier's part of all orders. Like a [Node] it is driven from
// outside; its durable records are all it needs to go on after it has died.
type Cascade struct {
	quotes Quotes
	orders map[ID]*Order
	below  map[exchange]*Order // by what the neighbour that is bought of calls them
	secret [32]byte
	count  uint64
	now    int64
	out    []Effect
	again  int64 // when to repeat what has no answer
}

// repeat is after how long the buyer repeats itself, in ms.
const repeat = 5_000

// NewCascade begins with the orders that were saved; the secret is fresh at each
// start. What it returns is what was left to do.
func NewCascade(now int64, secret [32]byte, quotes Quotes, saved []Order) (*Cascade, []Effect) {
	c := &Cascade{quotes: quotes, orders: map[ID]*Order{}, below: map[exchange]*Order{}, secret: secret, now: now}
	for _, o := range saved {
		c.put(o.clone())
	}
	for _, o := range c.sorted() {
		// It may have died after it wrote this and before it was done.
		if o.open() {
			c.do(Wake{o.Next.Until})
		}
		if o.Next.Stage == Released {
			c.do(Free{o.ID, o.Next.Number})
		}
		if o.End != nil {
			c.do(Stop{o.ID, o.End.At})
		} else if o.Current != nil {
			c.do(Start{o.ID, o.Current.Number, o.Current.Since})
		}
		c.next(o)
	}
	return c, c.done()
}

func (c *Cascade) put(o *Order) {
	c.orders[o.ID] = o
	if o.Down >= 0 {
		c.below[exchange{o.Down, o.Below}] = o
	}
}

func (c *Cascade) sorted() []*Order {
	return slices.SortedFunc(maps.Values(c.orders), func(a, b *Order) int { return slices.Compare(a.ID[:], b.ID[:]) })
}

func (o *Order) clone() *Order {
	c := *o
	if o.Current != nil {
		r := *o.Current
		c.Current = &r
	}
	if o.Next != nil {
		r := *o.Next
		c.Next = &r
	}
	if o.End != nil {
		e := *o.End
		c.End = &e
	}
	return &c
}

// Order gives the record of an order.
func (c *Cascade) Order(id ID) (Order, bool) {
	o := c.orders[id]
	if o == nil {
		return Order{}, false
	}
	return *o.clone(), true
}

// Orders gives the records of all orders, by id.
func (c *Cascade) Orders() (out []Order) {
	for _, o := range c.sorted() {
		out = append(out, *o.clone())
	}
	return out
}

// Below gives the order that the neighbour at an eNNI knows by an id.
func (c *Cascade) Below(enni int, id ID) (Order, bool) {
	o := c.below[exchange{enni, id}]
	if o == nil {
		return Order{}, false
	}
	return *o.clone(), true
}

func (c *Cascade) do(e Effect)   { c.out = append(c.out, e) }
func (c *Cascade) save(o *Order) { c.do(Save{*o.clone()}) }

func (c *Cascade) done() []Effect {
	out := c.out
	c.out = nil
	return out
}

// CodeBadOrder says that an order cannot be placed or changed as asked.
const CodeBadOrder fault.Code = "bad-mesh-order"

// Place orders what a quote to a customer of the carrier offers; with the id of
// an order in service it changes that. It ends accepted or released, by until.
func (c *Cascade) Place(now int64, id, quote ID, until int64) ([]Effect, error) {
	c.now = max(c.now, now)
	if _, _, ok := c.quotes.Supply(quote); !ok {
		return nil, fault.New(CodeBadOrder, "the order names a quote that was not given here", "ask for a quote first")
	}
	rev := uint64(1)
	if o := c.orders[id]; o != nil {
		if o.Current == nil || o.End != nil || !o.settled() {
			return nil, fault.New(CodeBadOrder, "this order cannot be changed now", "wait until it is in service and no change of it is under way")
		}
		rev = o.Next.Number + 1
	}
	c.reserve(-1, Reserve{ID: id, Rev: rev, Quote: quote, Time: until - c.now})
	return c.done(), nil
}

// Extend lets a customer's order that is being delivered take until a later time: it
// was agreed to deliver it then.
func (c *Cascade) Extend(now int64, id ID, until int64) []Effect {
	c.now = max(c.now, now)
	if o := c.orders[id]; o != nil && o.Up < 0 && o.Next.Stage == Ordered && until > o.Next.Until {
		o.Next.Until = until
		c.save(o)
		c.do(Wake{until})
	}
	return c.done()
}

// Withdraw gives up an order, or a change, that is not accepted yet.
func (c *Cascade) Withdraw(now int64, id ID) []Effect {
	c.now = max(c.now, now)
	if o := c.orders[id]; o != nil && o.Up < 0 && o.open() {
		c.release(o, "withdrawn")
	}
	return c.done()
}

// Finish ends a customer's service.
func (c *Cascade) Finish(now int64, id ID, at int64) []Effect {
	c.now = max(c.now, now)
	if o := c.orders[id]; o != nil && o.Up < 0 {
		c.terminate(o, at)
	}
	return c.done()
}

// settled tells whether nothing is left to do for the last revision, here or at
// the neighbour.
func (o *Order) settled() bool {
	return o.Next.Stage == Released || o.Next.Stage == Accepted && (o.Down < 0 || o.Next.Below == Accepted)
}

// open tells whether a revision is being tried.
func (o *Order) open() bool {
	return o.Next != nil && o.Next.Stage != Accepted && o.Next.Stage != Released && o.Next.Stage != Releasing
}

// Receive takes a message of the neighbour at an eNNI.
func (c *Cascade) Receive(now int64, enni int, m Message) []Effect {
	c.now = max(c.now, now)
	switch m := m.(type) {
	case Reserve:
		c.reserve(enni, m)
	case Confirm:
		c.fromBuyer(enni, m.ID, m.Rev, func(o *Order) {
			if o.Next.Stage == Reserved {
				c.order(o)
			}
		})
	case Accept:
		c.fromBuyer(enni, m.ID, m.Rev, func(o *Order) {
			if o.Next.Stage == Delivered {
				c.accept(o)
			}
		})
	case Release:
		c.fromBuyer(enni, m.ID, m.Rev, func(o *Order) {
			if o.open() {
				c.release(o, "the buyer has released it")
			}
		})
	case Terminate:
		o := c.orders[m.ID]
		if o == nil || o.Up != enni || o.Current == nil {
			c.do(Send{enni, Terminated{ID: m.ID}})
			break
		}
		c.terminate(o, m.At)
		c.do(Send{enni, Terminated{m.ID, o.End.Exit}})
	case Standing:
		c.standing(enni, m)
	case Terminated:
		if o := c.below[exchange{enni, m.ID}]; o != nil && o.End != nil && !o.End.Below {
			o.End.Below = true
			c.save(o)
		}
	}
	return c.done()
}

// fromBuyer does what a buyer wants, if it is about the revision that is tried,
// and answers with how far that is.
func (c *Cascade) fromBuyer(enni int, id ID, rev uint64, do func(*Order)) {
	o := c.orders[id]
	if o == nil || o.Up != enni || o.Next == nil || o.Next.Number != rev {
		c.do(Send{enni, Standing{ID: id, Rev: rev, Stage: Released, Why: "it is not known here"}})
		return
	}
	before := o.Next.Stage
	do(o)
	if o.Next.Stage == before { // else it was told already
		c.tell(o)
	}
}

// tell says to the buyer how far the revision is.
func (c *Cascade) tell(o *Order) {
	if o.Up < 0 {
		return
	}
	s := o.Next.Stage
	if s == Releasing {
		s = Released // what the neighbour still has to do is no matter of the buyer's
	}
	c.do(Send{o.Up, Standing{o.ID, o.Next.Number, s, o.Next.Why}})
}

// move goes to a stage and saves it. What the stage asks for is done by next.
func (c *Cascade) move(o *Order, to Stage) {
	if !slices.Contains(stages[o.Next.Stage], to) {
		panic("mesh: an order moves from " + string(o.Next.Stage) + " to " + string(to))
	}
	o.Next.Stage = to
	c.save(o)
}

func (c *Cascade) reserve(enni int, m Reserve) {
	o := c.orders[m.ID]
	if o != nil && (o.Up != enni || o.Next != nil && m.Rev <= o.Next.Number) {
		c.fromBuyer(enni, m.ID, m.Rev, func(*Order) {}) // a repetition, or a late one
		return
	}
	refuse := func(why string) {
		if enni >= 0 {
			c.do(Send{enni, Standing{ID: m.ID, Rev: m.Rev, Stage: Released, Why: why}})
		}
	}
	s, down, ok := c.quotes.Supply(m.Quote)
	switch {
	case !ok:
		refuse("the quote was not given here")
		return
	case s.Sold.Quote.Until <= c.now:
		refuse("the quote has expired")
		return
	case o == nil && m.Rev != 1, o != nil && (o.Current == nil || o.End != nil || !o.settled()):
		refuse("the service cannot be changed now")
		return
	case o != nil && o.Down != down:
		refuse("a change does not go over another neighbour: order the new service, then end the old one")
		return
	}
	if o == nil {
		c.count++
		o = &Order{ID: m.ID, Up: enni, Down: down}
		if down >= 0 {
			var more [8]byte
			binary.BigEndian.PutUint64(more[:], c.count)
			o.Below = derive(c.secret[:], "lateral/mesh/order/1", more[:])
		}
		c.put(o)
	}
	o.Next = &Revision{Number: m.Rev, Quote: m.Quote, Stage: Reserving, Until: c.now + max(m.Time, 0)}
	c.save(o)
	c.do(Wake{o.Next.Until})
	c.next(o)
}

// next does what the stage of a revision asks for; doing it again does no harm.
func (c *Cascade) next(o *Order) {
	r := o.Next
	if r == nil {
		return
	}
	send := func(m Message) {
		c.do(Send{o.Down, m})
		if c.again == 0 {
			c.again = c.now + repeat
			c.do(Wake{c.again})
		}
	}
	switch r.Stage {
	case Reserving:
		s, _, ok := c.quotes.Supply(r.Quote)
		switch {
		case !ok:
			c.release(o, "the quote is not kept any more")
		case !r.Held:
			c.do(Hold{o.ID, *r})
		case o.Down >= 0:
			// The neighbour's reservation ends first: what it gives up is given up here too.
			left := r.Until - c.now
			if left -= max(left/8, 500); left > 0 {
				send(Reserve{ID: o.Below, Rev: r.Number, Quote: s.Bought.Quote.ID, Time: left})
			}
		}
	case Ordered:
		switch {
		case o.Down >= 0 && r.Below != Delivered:
			send(Confirm{o.Below, r.Number})
		case !r.Built:
			c.do(Build{o.ID, *r})
		}
	case Reserved:
		if o.Up < 0 {
			c.order(o)
		}
	case Delivered:
		if o.Up < 0 {
			c.accept(o)
		}
	case Accepted:
		if o.Down >= 0 && r.Below != Accepted {
			send(Accept{o.Below, r.Number})
		}
	case Releasing:
		c.do(Free{o.ID, r.Number})
		if o.Down >= 0 && r.Below != Released {
			send(Release{o.Below, r.Number})
		} else {
			c.move(o, Released)
		}
	}
	// A neighbour that has not heard of the acceptance has no service to end.
	if e := o.End; e != nil && !e.Below && o.Down >= 0 && (r.Stage != Accepted || r.Below == Accepted) {
		send(Terminate{o.Below, e.At})
	}
}

// Held says whether the own legs of a revision could be held.
func (c *Cascade) Held(now int64, id ID, rev uint64, ok bool) []Effect {
	c.now = max(c.now, now)
	o := c.orders[id]
	switch {
	case o == nil || o.Next == nil || o.Next.Number != rev || o.Next.Stage != Reserving || o.Next.Held:
	case !ok:
		c.release(o, "there is no capacity")
	default:
		o.Next.Held = true
		if o.Down >= 0 {
			c.save(o)
			c.next(o)
			break
		}
		c.reserved(o)
	}
	return c.done()
}

// reserved goes on when all that is needed from here to the far end is held.
func (c *Cascade) reserved(o *Order) {
	c.move(o, Reserved)
	c.tell(o)
	c.next(o)
}

// order makes a reservation an order.
func (c *Cascade) order(o *Order) {
	c.move(o, Ordered)
	c.tell(o)
	c.next(o)
}

// Built says whether the own legs could be delivered and have passed their test.
func (c *Cascade) Built(now int64, id ID, rev uint64, ok bool) []Effect {
	c.now = max(c.now, now)
	o := c.orders[id]
	switch {
	case o == nil || o.Next == nil || o.Next.Number != rev || o.Next.Stage != Ordered || o.Next.Built:
	case !ok:
		c.release(o, "it could not be delivered")
	default:
		o.Next.Built = true
		c.move(o, Delivered)
		c.tell(o)
		c.next(o)
	}
	return c.done()
}

// accept puts a revision into service.
func (c *Cascade) accept(o *Order) {
	o.Next.Since = c.now
	r := *o.Next
	r.Stage = Accepted
	o.Current = &r
	c.move(o, Accepted)
	c.do(Start{o.ID, r.Number, c.now})
	c.tell(o)
	c.next(o)
}

// release gives a revision up, here and below. What was in service stays.
func (c *Cascade) release(o *Order, why string) {
	o.Next.Why = why
	c.move(o, Releasing)
	c.tell(o)
	c.next(o)
}

// standing takes what the neighbour that is bought of says.
func (c *Cascade) standing(enni int, m Standing) {
	o := c.below[exchange{enni, m.ID}]
	if o == nil || o.Next == nil || o.Next.Number != m.Rev {
		return
	}
	r := o.Next
	switch {
	case m.Stage == Released && r.Stage == Releasing:
		r.Below = Released
		c.move(o, Released)
	case m.Stage == Released && o.open():
		r.Below = Released
		c.release(o, "the neighbour has refused it: "+m.Why[:min(len(m.Why), maxText)])
	case m.Stage == Reserved && r.Stage == Reserving && r.Held:
		c.reserved(o)
	case m.Stage == Delivered && r.Stage == Ordered && r.Below != Delivered:
		r.Below = Delivered
		c.save(o)
		c.next(o)
	case m.Stage == Accepted && r.Stage == Accepted && r.Below != Accepted:
		r.Below = Accepted
		c.save(o)
		c.next(o)
	}
}

// terminate ends a service; a change of it that is under way is given up.
func (c *Cascade) terminate(o *Order, at int64) {
	if o.Current == nil || o.End != nil {
		return
	}
	if o.open() {
		c.release(o, "the service has ended")
	}
	at = max(at, c.now)
	exit := money.Micro(0)
	if s, _, ok := c.quotes.Supply(o.Current.Quote); ok {
		exit = ExitCharge(&s.Sold.Quote, o.Current.Since, at)
	}
	o.End = &End{At: at, Exit: exit, Below: o.Down < 0}
	c.save(o)
	c.do(Stop{o.ID, at})
	c.next(o)
}

// month is a month of a committed term, in ms: a twelfth of 365 days.
const month = 365 * 86_400_000 / 12

// ExitCharge is what a service owes that ends before its term: its price of each
// month that is left, the one that has begun not counted. Both sides of a quote
// compute it, each hop for its own: a buyer's term may end before its seller's.
func ExitCharge(q *Quote, began, at int64) money.Micro {
	used := uint32(max(at-began, 0)/month) + 1
	if used >= q.Months {
		return 0
	}
	charge, err := q.Price.Each.Mul(int64(q.Months - used))
	if err != nil {
		return 0
	}
	return charge
}

// Tick gives up what has lapsed and repeats what has no answer.
func (c *Cascade) Tick(now int64) []Effect {
	c.now = max(c.now, now)
	repeating := c.again != 0 && c.now >= c.again
	if repeating {
		c.again = 0
	}
	for _, o := range c.sorted() {
		if r := o.Next; r != nil && c.now >= r.Until {
			switch {
			case r.Stage == Reserving, r.Stage == Reserved:
				c.release(o, "the reservation has lapsed")
				continue
			case o.Up < 0 && r.Stage == Ordered:
				c.release(o, "it was not delivered in time")
				continue
			}
		}
		if repeating {
			c.next(o)
		}
	}
	c.wake()
	return c.done()
}

// wake asks to be ticked when the next thing is due: whoever drives a cascade may
// have forgotten what it asked for before.
func (c *Cascade) wake() {
	at := c.again
	for _, o := range c.orders {
		r := o.Next
		if waits := r.Stage == Reserving || r.Stage == Reserved || o.Up < 0 && r.Stage == Ordered; waits && (at == 0 || r.Until < at) {
			at = r.Until
		}
	}
	if at != 0 {
		c.do(Wake{at})
	}
}
