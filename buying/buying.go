// Package buying lets a carrier buy of its neighbours, and sell on what it buys:
// it asks them over LSO Sonata, keeps what they have quoted and what was quoted
// to others, and carries orders along the chain on each pair's Bilateral. It owns
// the running [mesh.Node] and [mesh.Cascade] of a carrier and their records; what
// is found and chosen, and the order of the steps, is theirs.
//
// On the wire a qualification and a quote are Sonata's own, both instant. Budgets
// and tag travel in the header of package mesh, the exact inquiry in another, and
// offers and proofs in members that a foreign partner ignores (wire.go). A firm
// quote reserves; an order is put on the Bilateral with the signed quote, and the
// same order on the seller's Sonata interface (ordering.go).
package buying

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lateral-network/lateral/api/sonata/client"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/mesh"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
)

// Neighbour is one eNNI: who is at the other side, where, and by which rules it
// is bought of.
type Neighbour struct {
	ENNI     string // as both carriers call it
	Partner  party.Code
	Place    string // id of a place of the catalogue
	Relation mesh.Relation
	Terms    *mesh.Terms
	Silent   bool // tell it no reach
	// Seller is its Sonata interface; nil: nothing is bought of it.
	Seller *client.Client
	// Offerings are its own ids of what it sells of a type of product, for a seller
	// that is no node of Lateral; a type that is not there is asked for by itself.
	Offerings map[string]string
	// Account is what it bills to; empty: the carrier's code.
	Account string
}

// Options are what a Broker is made of. Tell, Hear and Log may be nil.
type Options struct {
	Carrier    party.Code
	Catalog    *catalog.Catalog
	Neighbours []Neighbour
	Currency   money.Currency // of inquiries that name none
	Limits     mesh.Limits
	Deliver    bool // own legs need no work: they are delivered at once
	// MostHeld is how many firm quotes a partner may hold without ordering by them; 0:
	// 100.
	MostHeld int
	// DeliverFor is how long an order may take from the beginning that is asked for;
	// 0: five days.
	DeliverFor time.Duration
	// Credit is the share of an interval's recurring charges, in millionths, that is
	// given back where a service is less available than it was quoted; 0: nothing.
	Credit uint32
	Store  *store.Channel // keyspace of the node
	// Key gives the node key of the moment, which signs quotes.
	Key func() sign.PrivateKey
	// NodeKey reports whether a key is that of a member's node now.
	NodeKey func(member party.Code, k sign.PublicKey) bool
	// Bilateral gives the channel with a partner, once it is open.
	Bilateral func(partner party.Code) (*channel.Bilateral, bool)
	// Authorize adds the signature of the carrier's delegate.
	Authorize func(channel canon.Hash, c trade.Command) (trade.Command, error)
	// Tell hands a partner's node our reach and gives its own.
	Tell    func(ctx context.Context, partner party.Code, reach []byte) ([]byte, error)
	Contact Contact // of orders and inquiries
	// Callback is the address at which the own listener takes sellers'
	// notifications; "": they are not asked for any.
	Callback string
	Now      func() time.Time
	Log      *slog.Logger
}

// Contact is whom a seller asks about an order.
type Contact struct{ Name, Email, Phone string }

// Broker buys and sells on. Methods may be called at the same time.
type Broker struct {
	o       Options
	changed chan struct{}  // holds one: the catalogue has
	work    sync.WaitGroup // what was started for effects
	life    context.Context

	mu        sync.Mutex // guards what follows
	node      *mesh.Node
	cascade   *mesh.Cascade
	secret    [32]byte
	open      map[party.Code]*channel.Bilateral // that are used
	inbox     []step                            // to be done once what is being done is done
	busy      bool
	wakes     []int64 // when to tick, ms since 1970, the soonest first
	rouse     chan struct{}
	waiting   map[exchange][]chan mesh.Message // partners' requests
	asking    map[mesh.ID]context.CancelFunc   // requests to partners
	results   map[mesh.ID]chan mesh.Result
	told      map[int]*mesh.Reach // by eNNI: what it is to know
	supplies  map[mesh.ID]mesh.Supply
	names     map[mesh.ID]string           // what the own interface calls a quote
	items     map[revision]string          // at a buyer's Bilateral: the order that a revision is
	products  map[productKey]bought        // at a seller's Bilateral: the order that a product is of
	sessions  map[mesh.ID]map[mesh.ID]bool // by the service that stands
	placing   map[string]bool              // by partner and order: it is on its way to the ledger
	builds    map[revision]bool            // own legs wait for people
	failed    error                        // a record could not be kept: nothing goes on
	rivals    map[mesh.ID][]mesh.ID        // quotes of one inquiry, by each of them
	inquiries []Inquired                   // of the carrier itself, the oldest first
	forgot    int64                        // when expired quotes were forgotten last, ms since 1970
	sellable  sellable
}

// A step gives the mesh something and takes what it wants done.
type step func(now int64) []mesh.Effect

type exchange struct {
	enni int
	id   mesh.ID
}

type revision struct {
	order  mesh.ID
	number uint64 // 0: the end
}

type productKey struct {
	partner party.Code
	product string
}

// New makes a broker with what it had kept. It does nothing until Run.
func New(o Options) (*Broker, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.DeliverFor == 0 {
		o.DeliverFor = 5 * 24 * time.Hour
	}
	if o.MostHeld == 0 {
		o.MostHeld = 100
	}
	if o.Limits == (mesh.Limits{}) {
		o.Limits = mesh.DefaultLimits()
	}
	b := &Broker{
		o: o, changed: make(chan struct{}, 1), rouse: make(chan struct{}, 1), open: map[party.Code]*channel.Bilateral{}, waiting: map[exchange][]chan mesh.Message{},
		asking: map[mesh.ID]context.CancelFunc{}, names: map[mesh.ID]string{}, results: map[mesh.ID]chan mesh.Result{}, told: map[int]*mesh.Reach{},
		items: map[revision]string{}, products: map[productKey]bought{}, placing: map[string]bool{}, sessions: map[mesh.ID]map[mesh.ID]bool{}, builds: map[revision]bool{}, rivals: map[mesh.ID][]mesh.ID{},
		life: context.Background(),
	}
	rand.Read(b.secret[:]) // never fails (crypto/rand)
	for i, n := range o.Neighbours {
		if _, ok := o.Catalog.Places().Get(n.Place); !ok {
			return nil, fault.Newf(catalog.CodeUnknownPlace, "name a place of the catalogue by its id", "the eNNI %.64q is at no place %.64q", n.ENNI, n.Place)
		}
		if slices.ContainsFunc(o.Neighbours[:i], func(m Neighbour) bool { return m.ENNI == n.ENNI }) {
			return nil, fault.Newf(fault.Invalid, "name each eNNI once", "two eNNIs are called %.64q", n.ENNI)
		}
	}
	orders, err := b.restore()
	if err != nil {
		return nil, err
	}
	if err := b.restoreInquiries(); err != nil {
		return nil, err
	}
	b.sellable.read(o.Catalog)
	b.make()
	var effects []mesh.Effect
	b.cascade, effects = mesh.NewCascade(b.now(), b.secret, supplies{b}, orders)
	b.inbox = append(b.inbox, func(int64) []mesh.Effect { return effects })
	return b, nil
}

func (b *Broker) now() int64 { return b.o.Now().UnixMilli() }

// make makes the node of the mesh. Partners whose Bilateral is open join it: its
// secret hides tags, and they are told the reach.
func (b *Broker) make() {
	c := mesh.Config{Carrier: string(b.o.Carrier), Catalogue: stock{b}, Secret: b.secret, Limits: b.o.Limits, Prove: b.prove}
	for _, n := range b.o.Neighbours {
		e := mesh.ENNI{ID: n.ENNI, Partner: string(n.Partner), Place: b.enniPlace(n), Relation: n.Relation, Terms: n.Terms, Silent: n.Silent || n.Seller == nil}
		c.ENNIs = append(c.ENNIs, e)
	}
	b.node = mesh.New(c)
}

// Run trades until ctx ends.
func (b *Broker) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	b.mu.Lock()
	b.life = ctx
	b.mu.Unlock()
	defer b.work.Wait()
	defer cancel(nil)
	b.do(nil)
	for i := range b.o.Neighbours {
		if n := &b.o.Neighbours[i]; n.Seller != nil && b.o.Callback != "" {
			b.work.Go(func() { b.subscribe(ctx, n) })
		}
	}
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	for {
		b.join(ctx)
		b.mu.Lock()
		wait, failed := time.Hour, b.failed
		if len(b.wakes) > 0 {
			wait = max(time.Duration(b.wakes[0]-b.now())*time.Millisecond, 0)
		}
		b.mu.Unlock()
		if failed != nil {
			return failed
		}
		wake := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-b.rouse:
		case <-look.C:
		case <-b.changed:
			b.do(func(now int64) []mesh.Effect {
				b.sellable.read(b.o.Catalog)
				return b.node.Changed(now)
			})
		case <-wake.C:
			b.tick()
		}
		wake.Stop()
		if ctx.Err() != nil {
			if err := context.Cause(ctx); !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
				return err
			}
			return nil
		}
	}
}

// tick does what is due. Each time that was asked for is kept until it has come:
// nobody asks for it again.
func (b *Broker) tick() {
	b.mu.Lock()
	due, _ := slices.BinarySearch(b.wakes, b.now()+1)
	b.wakes = slices.Delete(b.wakes, 0, due)
	b.mu.Unlock()
	b.do(func(now int64) []mesh.Effect { return b.node.Tick(now) })
	b.do(func(now int64) []mesh.Effect { return b.cascade.Tick(now) })
	b.do(b.overdue)
}

// join takes up Bilaterals that have opened.
func (b *Broker) join(ctx context.Context) {
	for _, n := range b.o.Neighbours {
		b.mu.Lock()
		_, known := b.open[n.Partner]
		b.mu.Unlock()
		if known {
			continue
		}
		x, ok := b.o.Bilateral(n.Partner)
		if !ok {
			continue
		}
		secret := x.Derive("mesh")
		b.do(func(now int64) (out []mesh.Effect) {
			b.open[n.Partner] = x
			for i := range b.o.Neighbours {
				if b.o.Neighbours[i].Partner == n.Partner {
					out = append(out, b.node.Join(now, i, secret)...)
				}
			}
			return out
		})
		b.work.Go(func() { b.follow(ctx, n.Partner, x) })
	}
}

// CatalogChanged says that the catalogue sells something else now. It may be
// called while the catalogue is locked.
func (b *Broker) CatalogChanged() {
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

// do gives the mesh something and does what it wants done. What comes of that at
// once is done after it, in order.
func (b *Broker) do(s step) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.doLocked(s)
}

func (b *Broker) doLocked(s step) {
	if s != nil {
		b.inbox = append(b.inbox, s)
	}
	if b.busy {
		return
	}
	b.busy = true
	defer func() { b.busy = false }()
	for len(b.inbox) > 0 && b.failed == nil {
		next := b.inbox[0]
		b.inbox = b.inbox[1:]
		effects := next(b.now())
		// What is to be kept is durable before anything is said.
		if err := b.keep(effects); err != nil {
			b.failed = err
			b.wakeUp()
			return
		}
		for _, e := range effects {
			b.perform(e)
		}
	}
}

func (b *Broker) wakeUp() {
	select {
	case b.rouse <- struct{}{}:
	default:
	}
}

// wake has tick called at a time.
func (b *Broker) wake(at int64) {
	i, known := slices.BinarySearch(b.wakes, at)
	if known {
		return
	}
	b.wakes = slices.Insert(b.wakes, i, at)
	if i == 0 {
		b.wakeUp()
	}
}

// perform does one effect. The lock is held: what takes time is started.
func (b *Broker) perform(e mesh.Effect) {
	switch e := e.(type) {
	case mesh.Send:
		b.send(e.ENNI, e.Message)
	case mesh.Wake:
		b.wake(e.At)
	case mesh.Done:
		if c := b.results[e.ID]; c != nil {
			delete(b.results, e.ID)
			c <- e.Result
		}
	case mesh.Complain:
		n := b.o.Neighbours[e.ENNI]
		b.o.Log.Warn("a neighbour's answer is not used", "partner", n.Partner, "enni", n.ENNI, "err", e.Why)
	case mesh.Hold:
		b.hold(e)
	case mesh.Build:
		b.buildLegs(e)
	case mesh.Free:
		b.free(e)
	case mesh.Start:
		b.start(e)
	case mesh.Stop:
		b.stop(e)
	}
}

// send gives a message to the neighbour at an eNNI.
func (b *Broker) send(enni int, m mesh.Message) {
	switch m := m.(type) {
	case mesh.Qualify:
		b.ask(m.ID, m.Header, func(ctx context.Context) mesh.Message { return b.qualifyAt(ctx, enni, m) }, enni)
	case mesh.AskQuote:
		b.ask(m.ID, m.Header, func(ctx context.Context) mesh.Message { return b.quoteAt(ctx, enni, m) }, enni)
	case mesh.Cancel:
		if cancel := b.asking[m.ID]; cancel != nil {
			cancel()
		}
	case mesh.Qualified:
		b.answer(exchange{enni, m.ID}, m)
	case mesh.Quoted:
		b.answer(exchange{enni, m.ID}, m)
	case *mesh.Reach:
		b.tell(enni, m)
	default:
		b.carry(enni, m)
	}
}

// ask sends a request to a neighbour and takes its answer, or that there was
// none.
func (b *Broker) ask(id mesh.ID, h *mesh.Header, request func(context.Context) mesh.Message, enni int) {
	ctx, cancel := context.WithTimeout(b.life, time.Duration(h.Time)*time.Millisecond)
	b.asking[id] = cancel
	b.work.Go(func() {
		defer cancel()
		m := request(ctx)
		b.do(func(now int64) []mesh.Effect {
			delete(b.asking, id)
			if m == nil {
				return nil
			}
			return b.node.Receive(now, enni, m)
		})
	})
}

// answer hands what is said to a partner to its request.
func (b *Broker) answer(x exchange, m mesh.Message) {
	for _, c := range b.waiting[x] {
		c <- m
	}
	delete(b.waiting, x)
}

// tell makes a neighbour know our reach, however long that takes; a newer one
// takes its place.
func (b *Broker) tell(enni int, r *mesh.Reach) {
	b.told[enni] = r
	if b.o.Tell == nil {
		return
	}
	n, ctx := b.o.Neighbours[enni], b.life
	b.work.Go(func() {
		wait := time.Second
		for ctx.Err() == nil {
			theirs, err := b.o.Tell(ctx, n.Partner, reachMessage{n.ENNI, r.Encode()}.encode())
			b.mu.Lock()
			newer := b.told[enni] != r
			b.mu.Unlock()
			if err == nil && len(theirs) > 0 {
				_, err = b.Heard(n.Partner, theirs)
			}
			if err == nil || newer {
				return
			}
			select {
			case <-ctx.Done():
			case <-time.After(wait):
				wait = min(2*wait, time.Minute)
			}
		}
	})
}

// Heard takes a partner's reach, and gives what it is to know of ours.
func (b *Broker) Heard(partner party.Code, message []byte) ([]byte, error) {
	m, err := decodeReach(message)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(b.o.Neighbours, func(n Neighbour) bool { return n.ENNI == m.ENNI && n.Partner == partner })
	if i < 0 {
		return nil, fault.Newf(fault.NotFound, "configure the eNNI at both sides", "there is no eNNI %.64q with %s", m.ENNI, partner)
	}
	r, err := mesh.DecodeReach(m.Reach)
	if err != nil {
		return nil, err
	}
	b.do(func(now int64) []mesh.Effect { return b.node.Receive(now, i, r) })
	b.mu.Lock()
	defer b.mu.Unlock()
	if ours := b.told[i]; ours != nil {
		return reachMessage{m.ENNI, ours.Encode()}.encode(), nil
	}
	return nil, nil
}

// subscribe asks a seller to tell of orders, until it does.
func (b *Broker) subscribe(ctx context.Context, n *Neighbour) {
	wait := time.Second
	for ctx.Err() == nil {
		_, err := n.Seller.Subscribe(ctx, wire.Ordering, b.o.Callback)
		if err == nil || refused(err) {
			if err != nil {
				b.o.Log.Warn("a seller does not notify; its orders are followed on the Bilateral", "partner", n.Partner, "err", err)
			}
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
			wait = min(2*wait, time.Minute)
		}
	}
}

// Notified takes a seller's notification about an order: what stands on the
// Bilateral is looked at again, for what it says.
func (b *Broker) Notified(partner party.Code) {
	b.mu.Lock()
	x := b.open[partner]
	b.mu.Unlock()
	if x == nil {
		return
	}
	if err := b.sweep(partner, x); err != nil {
		b.o.Log.Warn("orders cannot be looked at after a notification", "partner", partner, "err", err)
	}
}

// neighbour finds an eNNI with a partner at a place, or, with no place, the
// first one.
func (b *Broker) neighbour(partner party.Code, place string) (int, bool) {
	first := -1
	for i, n := range b.o.Neighbours {
		if n.Partner != partner {
			continue
		}
		if n.Place == place {
			return i, true
		}
		if first < 0 {
			first = i
		}
	}
	return first, first >= 0
}

// enniPrefix begins the ids of places that are eNNIs.
const enniPrefix = "enni/"

// enniPlace is the place of an eNNI in the mesh: one that nobody else names.
func (b *Broker) enniPlace(n Neighbour) mesh.Place {
	p := b.place(n.Place)
	p.ID = enniPrefix + n.ENNI
	return p
}

// place gives a place of the catalogue as the mesh knows it.
func (b *Broker) place(id string) mesh.Place {
	p, ok := b.o.Catalog.Places().Get(id)
	if !ok {
		return mesh.Place{ID: id}
	}
	return mesh.Place{ID: p.ID, Name: p.Name, Country: p.Country, Locode: p.Code, North: int32(p.Latitude) / 10, East: int32(p.Longitude) / 10}
}

// spot gives a place of the mesh as the catalogue knows it. False: it is the eNNI
// of others.
func (b *Broker) spot(p *mesh.Place) (catalog.Spot, bool) {
	id, enni := strings.CutPrefix(p.ID, enniPrefix)
	if !enni {
		return catalog.Spot{Place: p.ID}, true
	}
	for _, n := range b.o.Neighbours {
		if n.ENNI == id {
			return catalog.Spot{Place: n.Place, Neighbour: n.Partner}, true
		}
	}
	return catalog.Spot{}, false
}
