package buying

import (
	"cmp"
	"crypto/rand"
	"slices"
	"time"

	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/line/connectivity"
	"github.com/lateral-network/lateral/mesh"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
)

// Sessions of capacity that stands (ICT-002, steps 1.b and 3.b): an application
// opens and closes them, at the price for an hour that was quoted with the service
// along the chain. A session is an order of the cascade like any other, with nothing
// to find, quote or reserve: on each Bilateral it is a product of its own, by the
// standing prices of the product there, and no person acts. All of the chain opens it
// or nothing; it is charged for the time from its delivery to its close.

// openFor is how long a session may take to open at most.
const openFor = time.Minute

// openUntil is when a session that begins to open now is given up, ms since 1970.
func (b *Broker) openUntil() int64 { return b.now() + min(openFor, b.o.DeliverFor).Milliseconds() }

// Session is one session of a service, as this carrier has it.
type Session struct {
	ID      mesh.ID
	Service mesh.ID
	State   string // opening, open, closing, closed or refused
	Why     string // it was refused
	Opened  int64  // ms since 1970
	Closed  int64  // likewise
	Sold    string // product on the Bilateral with the buyer of the service
	Bought  string // product on the Bilateral with the seller
	begun   int64
}

// The states of a session.
const (
	Opening = "opening"
	Open    = "open"
	Closing = "closing"
	Closed  = "closed"
	Refused = "refused"
)

var errNoSession = fault.New(fault.NotFound, "there is no such session of the service", "look it up in the list")

// session shows an order that is a session. The lock is held.
func (b *Broker) session(o *mesh.Order) Session {
	x := b.supplies[o.Next.Quote]
	s := Session{ID: o.ID, Service: x.Standing, State: Opening, begun: x.Asked.Window.From}
	switch full := b.service(o); {
	case o.End != nil:
		if s.State = Closing; o.End.Below && o.End.At <= b.now() {
			s.State = Closed
		}
		s.Opened, s.Closed, s.Sold, s.Bought = full.Since, full.Ended, full.Sold, full.Bought
	case o.Current != nil:
		s.State, s.Opened, s.Sold, s.Bought = Open, full.Since, full.Sold, full.Bought
	case o.Next.Stage == mesh.Released || o.Next.Stage == mesh.Releasing:
		s.State, s.Why = Refused, o.Next.Why
	}
	return s
}

// isSession reports whether an order is a session. The lock is held.
func (b *Broker) isSession(o *mesh.Order) bool {
	return b.supplies[o.Next.Quote].Standing != mesh.ID{}
}

// running gives the sessions of a service that are open, or being opened. The lock
// is held.
func (b *Broker) running(service mesh.ID) (out []mesh.Order) {
	for id := range b.sessions[service] {
		o, ok := b.cascade.Order(id)
		if ok && o.End == nil && (o.Current != nil || o.Next.Stage != mesh.Released && o.Next.Stage != mesh.Releasing) {
			out = append(out, o)
		}
	}
	return out
}

// stands refuses a service of which nothing can be opened now. The lock is held.
func (b *Broker) stands(o *mesh.Order) error {
	switch {
	case o.Current == nil || o.End != nil:
		return fault.New(fault.Conflict, "the service that stands is not in service", "open sessions of one that is")
	case b.supplies[o.Current.Quote].Asked.Hours == 0:
		return fault.New(fault.Conflict, "the service is no capacity that stands: it has no price for sessions", "inquire with the hours for which sessions are expected, and order that")
	case o.Next.Stage != mesh.Accepted && o.Next.Stage != mesh.Released:
		return fault.New(fault.Conflict, "a change of the service is under way", "open the session when it is in force")
	case len(b.running(o.ID)) > 0:
		return fault.New(fault.Conflict, "a session of the service is open: it has all of the capacity", "close it first, or order more that stands")
	}
	return nil
}

// OpenSession opens a session of a service of this carrier or its customer, along
// the whole chain or not at all. The same key is the same session; "": a fresh one.
// Codes: not-found, conflict.
func (b *Broker) OpenSession(service mesh.ID, key string) (Session, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o, ok := b.cascade.Order(service)
	if !ok || o.Up >= 0 || b.isSession(&o) {
		return Session{}, errNoService
	}
	if key == "" {
		key = rand.Text()
	}
	id := idOf("session", service.String(), key)
	if old, ok := b.cascade.Order(id); ok {
		return b.session(&old), nil
	}
	if err := b.stands(&o); err != nil {
		return Session{}, err
	}
	until := b.openUntil()
	var err error
	b.doLocked(func(int64) []mesh.Effect { return []mesh.Effect{mesh.Keep{Supply: b.supplyOf(&o, id, until)}} })
	b.doLocked(func(now int64) (out []mesh.Effect) {
		out, err = b.cascade.Place(now, id, id, until)
		return out
	})
	if err != nil {
		return Session{}, err
	}
	if o, ok = b.cascade.Order(id); !ok {
		return Session{}, fault.New(fault.Refused, "the session was refused", "open another")
	}
	return b.session(&o), nil
}

// CloseSession closes a session along the chain, or gives up its opening. Closed
// twice it is closed once. Code: not-found.
func (b *Broker) CloseSession(service, id mesh.ID) (Session, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o, ok := b.cascade.Order(id)
	if !ok || o.Up >= 0 || !b.sessions[service][id] {
		return Session{}, errNoSession
	}
	b.doLocked(func(now int64) []mesh.Effect { return b.closing(now, &o, now) })
	o, _ = b.cascade.Order(id)
	return b.session(&o), nil
}

// closing closes a session at a time, or gives up its opening.
func (b *Broker) closing(now int64, o *mesh.Order, at int64) []mesh.Effect {
	if o.Current == nil {
		return b.cascade.Withdraw(now, o.ID)
	}
	return b.cascade.Finish(now, o.ID, at)
}

// closeAll closes the sessions of a service that ends.
func (b *Broker) closeAll(now int64, service mesh.ID, at int64) (out []mesh.Effect) {
	for _, o := range b.running(service) {
		out = append(out, b.closing(now, &o, at)...)
	}
	return out
}

// Sessions lists the sessions of a service, the newest first. Code: not-found.
func (b *Broker) Sessions(service mesh.ID) ([]Session, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.cascade.Order(service); !ok {
		return nil, errNoService
	}
	var out []Session
	for id := range b.sessions[service] {
		if o, ok := b.cascade.Order(id); ok {
			out = append(out, b.session(&o))
		}
	}
	slices.SortFunc(out, func(x, y Session) int {
		return cmp.Or(cmp.Compare(y.begun, x.begun), slices.Compare(x.ID[:], y.ID[:]))
	})
	return out, nil
}

// Session gives one. Code: not-found.
func (b *Broker) Session(service, id mesh.ID) (Session, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o, ok := b.cascade.Order(id)
	if !ok || !b.sessions[service][id] {
		return Session{}, errNoSession
	}
	return b.session(&o), nil
}

// supplyOf is what a session of a service rests on: what the service does, at the
// price for an hour. The lock is held.
func (b *Broker) supplyOf(o *mesh.Order, id mesh.ID, until int64) mesh.Supply {
	old := b.supplies[o.Current.Quote]
	of := func(q mesh.Quote, id mesh.ID) mesh.Quote {
		q.ID, q.Tag, q.Months, q.Price, q.Until = id, mesh.Tag{}, 0, mesh.Price{Hour: q.Price.Hour}, until
		return q
	}
	s := mesh.Supply{Sold: mesh.Signed{Quote: of(old.Sold.Quote, id)}, Own: old.Own, ENNI: old.ENNI, Asked: old.Asked, Standing: o.ID}
	s.Asked.Window.From = b.now()
	if old.Bought != nil {
		rest := *old.Rest
		rest.Window.From = s.Asked.Window.From
		s.Bought, s.Rest = &mesh.Signed{Quote: of(old.Bought.Quote, idOf("session", id.String()))}, &rest
	}
	return s
}

// soldSession keeps what a partner's session rests on. False: its order is refused, or is
// no matter of the mesh. The lock is held.
func (b *Broker) soldSession(partner party.Code, it *order.Item) bool {
	id := soldID(partner, it.Request.Product)
	if _, kept := b.supplies[id]; kept || it.State != order.ItemAcknowledged {
		return kept
	}
	o, ok := b.cascade.Order(soldID(partner, it.Request.Standing))
	if !ok {
		return false // what stands was not sold here by the mesh: people see to it
	}
	if err := b.stands(&o); err != nil {
		b.items[revision{id, 1}] = it.ID
		b.carry(o.Up, mesh.Standing{ID: id, Rev: 1, Stage: mesh.Released, Why: fault.Of(err).Detail})
		return false
	}
	if err := b.keep([]mesh.Effect{mesh.Keep{Supply: b.supplyOf(&o, id, b.openUntil())}}); err != nil {
		b.failed = err
		return false
	}
	return true
}

// sessionPlace makes the order for what is bought for a session.
func (b *Broker) sessionPlace(x *channel.Bilateral, id string, s *mesh.Supply, below mesh.ID) (trade.OrderPlace, error) {
	o, _ := b.cascade.Order(s.Standing)
	r := &order.Request{Action: order.Add, Product: productName(below), Standing: productName(o.Below), Until: s.Rest.Window.To, Test: true}
	place := trade.OrderPlace{ID: id, Kind: order.Product, Line: connectivity.Name, Request: r}
	sells := false
	err := x.View(func(v channel.View) error {
		t := trade.View{Records: v}
		p, _ := t.Product(r.Standing)
		place.Agreement = p.Agreement
		r.Offer, sells = t.Session(r.Standing, v.Time)
		return nil
	})
	if err == nil && !sells {
		err = fault.New(fault.Conflict, "the product that stands is not in service at the seller", "open the session when it is")
	}
	// The buyer expects an hour at least: nobody knows when the application closes it.
	q := &s.Bought.Quote
	place.Value = []money.Amount{{Currency: q.Currency, Micro: max(q.Price.Hour, 1)}}
	return place, err
}
