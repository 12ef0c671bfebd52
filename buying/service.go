package buying

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/mesh"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
)

// Request is an inquiry of the carrier itself, or for its customer.
type Request struct {
	Product         string // @type
	A, Z            string // ids of places
	Bandwidth       uint64 // bit/s
	From, To        int64  // ms since 1970; 0: at once, without end
	Months          uint32 // of committed term
	Period          string // for which a price that recurs is, like 1h; "": a month
	Currency        money.Currency
	MaxLatency      uint64 // µs; 0: any
	MinAvailability uint32 // millionths; 0: any
	Ceiling         money.Micro
	Rule            string         // CEL: the lowest wins; "": the price
	Attributes      map[string]any // of the configuration, by the product's schema
	Hours           uint32         // of a month in which a session is expected to be open; above 0 it is capacity that stands
	Hops, Asks      int            // budgets; 0: the node's
	Time            time.Duration
	By              string // who asks; for people
}

// Answer is what an inquiry has found.
type Answer struct {
	ID           mesh.ID
	Asked        bool // neighbours were
	Best         *Offer
	Alternatives []Offer
	// How long finding took, and then the firm prices.
	Inquiry, Quotes time.Duration
}

// Offer is a firm quote that the carrier can order by, or sell.
type Offer struct {
	Quote        mesh.ID
	Currency     money.Currency
	Price        mesh.Price
	Period       string // that Price.Each is for
	Months       uint32
	Latency      uint64 // µs
	Availability uint64 // millionths
	Until        int64  // ms since 1970
	Legs         []OfferLeg
	// Seller is of whom the rest is bought, "" where all legs are own. What the own legs
	// cost, what the neighbour asks for its part and the mark-up on it are the price.
	Seller party.Code
	Own    mesh.Price
	Bought mesh.Price
	Markup mesh.Price
	Proof  []byte // the neighbour's signed quote
}

// OfferLeg is one stretch: an own one, with its name, or all that is bought.
type OfferLeg struct {
	Name         string
	Own          bool
	Latency      uint64 // µs
	Availability uint64 // millionths
}

// Inquire finds the best ways to serve an inquiry, with firm prices. Codes:
// bad-inquiry, bad-rule, unknown-place, busy, not-yet.
func (b *Broker) Inquire(ctx context.Context, r Request) (Answer, error) {
	choice, err := mesh.NewChoice(r.Rule)
	if err != nil {
		return Answer{}, fault.Of(err).In("rule")
	}
	if r.Currency == "" {
		r.Currency = b.o.Currency
	}
	for field, id := range map[string]string{"a": r.A, "z": r.Z} {
		if _, ok := b.o.Catalog.Places().Get(id); !ok {
			return Answer{}, fault.Newf("unknown-place", "name a place by its id; lateral catalog place list shows them", "no place has the id %.80q", id).In(field)
		}
	}
	if r.From == 0 {
		r.From = b.now()
	}
	if r.To != 0 && r.To <= b.now() {
		return Answer{}, fault.New(mesh.CodeBadInquiry, "the time is over", "name a time to come").In("to")
	}
	q := mesh.Inquiry{Product: r.Product, A: b.place(r.A), Z: b.place(r.Z), Bandwidth: r.Bandwidth, Window: mesh.Window{From: r.From, To: r.To}, Months: r.Months, Hours: r.Hours,
		Currency: r.Currency, MaxLatency: r.MaxLatency, MinAvailability: uint64(r.MinAvailability) * perMillionth, MaxPrice: uint64(r.Ceiling)}
	if r.Period != mesh.Month {
		q.Period = r.Period
	}
	if len(r.Attributes) > 0 {
		if q.Attributes, err = with(&q, r.Attributes, b.o.Catalog.Schemas()); err != nil {
			return Answer{}, err
		}
	}
	began := b.o.Now()
	c := make(chan mesh.Result, 1)
	b.mu.Lock()
	id, effects, err := b.node.Ask(b.now(), mesh.Request{Inquiry: q, Choice: choice, Hops: r.Hops, Asks: r.Asks, Time: r.Time.Milliseconds()})
	if err == nil {
		b.results[id] = c
	}
	b.doLocked(func(int64) []mesh.Effect { return effects })
	b.mu.Unlock()
	if err != nil {
		return Answer{}, err
	}
	select {
	case res := <-c:
		a := b.answerOf(id, res, began)
		return a, b.keepInquiry(Inquired{At: began.UnixMilli(), Request: r, Answer: a})
	case <-ctx.Done():
		b.do(func(now int64) []mesh.Effect {
			delete(b.results, id)
			return b.node.Stop(now, id)
		})
		return Answer{}, fault.New(fault.NotYet, "the neighbours have not answered yet", "ask again").Because(ctx.Err())
	}
}

func (b *Broker) answerOf(id mesh.ID, res mesh.Result, began time.Time) Answer {
	a := Answer{ID: id, Asked: res.Asked}
	end := b.o.Now()
	found := end
	if res.Found != 0 {
		found = time.UnixMilli(max(res.Found, began.UnixMilli()))
	}
	a.Inquiry, a.Quotes = max(found.Sub(began), 0), max(end.Sub(found), 0)
	b.mu.Lock()
	defer b.mu.Unlock()
	if res.Best != nil {
		o := b.offer(res.Best)
		a.Best = &o
	}
	for i := range res.Alternatives {
		a.Alternatives = append(a.Alternatives, b.offer(&res.Alternatives[i]))
	}
	if len(a.Alternatives) > 0 {
		for q := range b.rivals {
			if s, ok := b.supplies[q]; !ok || s.Sold.Quote.Until < b.now() {
				delete(b.rivals, q)
			}
		}
		all := []mesh.ID{a.Best.Quote}
		for _, o := range a.Alternatives {
			all = append(all, o.Quote)
		}
		for _, q := range all {
			b.rivals[q] = all
		}
	}
	return a
}

// offer shows a quote to the carrier's people. The lock is held.
func (b *Broker) offer(s *mesh.Signed) Offer {
	q := &s.Quote
	o := Offer{Quote: q.ID, Currency: q.Currency, Price: q.Price, Months: q.Months, Latency: q.Latency, Availability: q.Availability / perMillionth, Until: q.Until}
	for _, l := range q.Legs {
		x := OfferLeg{Own: l.OnNet, Latency: l.Latency, Availability: l.Availability / perMillionth}
		if l.OnNet {
			x.Name = b.legName(&l, b.o.Carrier)
		}
		o.Legs = append(o.Legs, x)
	}
	x, ok := b.supplies[q.ID]
	o.Period = x.Asked.ChargePeriod()
	if ok && x.Bought != nil {
		o.Seller, o.Bought, o.Proof = party.Code(x.Bought.Quote.Seller), x.Bought.Quote.Price, x.Bought.Proof
	}
	for _, l := range x.Own {
		p := &l.Price
		o.Own = mesh.Price{Once: o.Own.Once + p.Once, Each: o.Own.Each + p.Each, Hour: o.Own.Hour + p.Hour} // parts of a price that was added up before
	}
	o.Markup = mesh.Price{Once: o.Price.Once - o.Own.Once - o.Bought.Once, Each: o.Price.Each - o.Own.Each - o.Bought.Each, Hour: o.Price.Hour - o.Own.Hour - o.Bought.Hour}
	return o
}

// Service is an order in the mesh as this carrier has it: of its own customer, or
// of a partner, with what it buys for it.
type Service struct {
	ID      mesh.ID
	Stage   mesh.Stage
	Ended   int64 // ms since 1970; 0: it has not
	Why     string
	Offer   Offer
	Product string     // @type
	A, Z    string     // ids of places
	Since   int64      // in service, ms since 1970
	Until   int64      // of a timed one
	Buyer   party.Code // "": the carrier's own customer
	Sold    string     // product on the Bilateral with the buyer
	Seller  party.Code // "": all legs are own
	Bought  string     // product on the Bilateral with the seller
	Build   bool       // own legs wait for people to deliver them
	Exit    money.Micro
	// Until it is in service: when what is bought is to be delivered (ms since 1970), and
	// the other date that was asked for last; nil: none was.
	Begins int64
	Date   *order.Wish
	// Allowed is what the carrier may do now: build, withdraw, change, reschedule, end,
	// open a session.
	Allowed []string
}

// errNoService says that there is no such service.
var errNoService = fault.New(fault.NotFound, "there is no such service here", "look it up in the list")

// service shows an order. The lock is held.
func (b *Broker) service(o *mesh.Order) Service {
	r := o.Next
	if o.Current != nil && (r.Stage == mesh.Released || r.Stage == mesh.Accepted) {
		r = o.Current
	}
	s := Service{ID: o.ID, Stage: r.Stage, Why: o.Next.Why, Since: r.Since, Build: b.builds[revision{o.ID, r.Number}]}
	if s.Build && r.Stage == mesh.Delivered {
		s.Why = b.objection(o, revision{o.ID, r.Number})
	}
	if x, ok := b.supplies[r.Quote]; ok {
		s.Offer = b.offer(&x.Sold)
		s.Product, s.A, s.Z, s.Until = x.Asked.Product, x.Asked.A.ID, x.Asked.Z.ID, x.Asked.Window.To
	}
	if o.End != nil {
		s.Ended, s.Exit = o.End.At, o.End.Exit
		if s.Until != 0 { // a timed service ends at its time, whenever that is noticed
			s.Ended = min(s.Ended, s.Until)
		}
	}
	if o.Up >= 0 {
		s.Buyer = b.o.Neighbours[o.Up].Partner
		for k, id := range b.items {
			if k.order == o.ID && k.number == r.Number {
				s.Sold = b.productOfItem(o.Up, id)
			}
		}
	}
	if o.Down >= 0 {
		s.Seller, s.Bought = b.o.Neighbours[o.Down].Partner, productName(o.Below)
		if x := b.open[s.Seller]; x != nil && o.Current == nil {
			if it, ok := b.item(x, orderName(o.Below, r.Number)); ok {
				s.Begins, s.Date = it.Start, lastWish(&it)
			}
		}
	}
	s.Allowed = b.allowed(o, s.Build)
	return s
}

// allowed gives what may be done with a service now. What is sold to a partner is the
// partner's to change. The lock is held.
func (b *Broker) allowed(o *mesh.Order, build bool) []string {
	own, stage := o.Up < 0, o.Next.Stage
	serves := o.Current != nil && o.End == nil
	tries := o.Current == nil && stage != mesh.Accepted && stage != mesh.Releasing && stage != mesh.Released
	settled := stage == mesh.Accepted || stage == mesh.Released
	out := []string{}
	for _, x := range []struct {
		step string
		can  bool
	}{
		{"build", build},
		{"withdraw", (own || build) && tries},
		{"reschedule", own && tries && stage == mesh.Ordered && o.Down >= 0},
		{"change", own && serves && settled && len(b.running(o.ID)) == 0},
		{"end", own && serves},
		{"open", own && b.stands(o) == nil},
	} {
		if x.can {
			out = append(out, x.step)
		}
	}
	return out
}

func (b *Broker) productOfItem(enni int, id string) string {
	x := b.open[b.o.Neighbours[enni].Partner]
	if x == nil {
		return ""
	}
	it, _ := b.item(x, id)
	return it.Request.Product
}

// Services lists all services, the newest first.
func (b *Broker) Services() []Service {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []Service
	for _, o := range b.cascade.Orders() {
		if !b.isSession(&o) {
			out = append(out, b.service(&o))
		}
	}
	slices.SortStableFunc(out, func(x, y Service) int { return cmp.Compare(y.Offer.Until, x.Offer.Until) })
	return out
}

// Service gives one. Code: not-found.
func (b *Broker) Service(id mesh.ID) (Service, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o, ok := b.cascade.Order(id)
	if !ok {
		return Service{}, errNoService
	}
	return b.service(&o), nil
}

// Order orders what a quote offers, for the carrier or its customer: a service,
// which has the quote's id, or the change of one. The same order again is the same. Codes: not-found,
// quote-expired, bad-mesh-order.
func (b *Broker) Order(quote mesh.ID) (Service, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	id := quote
	s, ok := b.supplies[quote]
	if s.Changes != (mesh.ID{}) {
		for _, o := range b.cascade.Orders() {
			if o.Current != nil && o.Up < 0 && (o.Current.Quote == s.Changes || o.Current.Quote == quote) {
				id = o.ID
			}
		}
	}
	if o, ok := b.cascade.Order(id); ok && (s.Changes == (mesh.ID{}) || o.Next.Quote == quote) {
		return b.service(&o), nil
	}
	switch {
	case s.Changes != (mesh.ID{}) && len(b.running(id)) > 0:
		return Service{}, fault.New(fault.Conflict, "a session of the service is open", "close it, then order the change").In("quote")
	case !ok || s.Sold.Quote.Buyer != "":
		return Service{}, fault.New(fault.NotFound, "there is no such quote for an own customer", "ask for one").In("quote")
	case s.Sold.Quote.Until <= b.now():
		return Service{}, fault.New("quote-expired", "the quote has expired", "ask for another").In("quote")
	}
	until := max(s.Asked.Window.From, b.now()) + b.o.DeliverFor.Milliseconds()
	if to := b.supplies[s.Changes].Asked.Window.To; to != 0 {
		until = min(until, to) // what is over is not prolonged
	}
	var effects []mesh.Effect
	var err error
	b.doLocked(func(now int64) []mesh.Effect {
		effects, err = b.cascade.Place(now, id, quote, until)
		return effects
	})
	if err != nil {
		return Service{}, err
	}
	o, ok := b.cascade.Order(id)
	if !ok {
		return Service{}, fault.New(fault.Refused, "the order was refused", "ask for another quote")
	}
	return b.service(&o), nil
}

// Withdraw gives up a service that is not accepted yet. Code: not-found,
// wrong-state.
func (b *Broker) Withdraw(id mesh.ID) (Service, error) {
	return b.change(id, func(o *mesh.Order) error {
		if o.Current != nil || o.Next.Stage == mesh.Accepted {
			return fault.New(fault.Conflict, "the service is delivered and accepted", "end it")
		}
		return nil
	}, func(now int64) []mesh.Effect { return b.cascade.Withdraw(now, id) })
}

// End ends a service, at a time (ms since 1970; 0: now). Codes: not-found,
// conflict.
func (b *Broker) End(id mesh.ID, at int64) (Service, error) {
	return b.change(id, func(o *mesh.Order) error {
		if o.Current == nil {
			return fault.New(fault.Conflict, "the service is not in service", "withdraw it")
		}
		return nil
	}, func(now int64) []mesh.Effect {
		at := max(at, now)
		return append(b.closeAll(now, id, at), b.cascade.Finish(now, id, at)...)
	})
}

// change does something to a service if that is allowed.
func (b *Broker) change(id mesh.ID, may func(*mesh.Order) error, do step) (Service, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o, ok := b.cascade.Order(id)
	if !ok {
		return Service{}, errNoService
	}
	if err := may(&o); err != nil {
		return b.service(&o), err
	}
	if o.Up >= 0 && !b.builds[revision{id, o.Next.Number}] {
		return b.service(&o), fault.New(fault.Conflict, "the service is a partner's", "act on its order on the Bilateral")
	}
	b.doLocked(do)
	o, _ = b.cascade.Order(id)
	return b.service(&o), nil
}
