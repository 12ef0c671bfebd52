package selling

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
)

// A Bilateral is what deals need of the channel with a partner: what stands on
// it. What is agreed is said there, by each side's own node; deals show it, and
// refuse another date that the catalogue rules out.
type Bilateral interface {
	View(func(trade.View) error) error
}

// DealOptions are what deals are made of.
type DealOptions struct {
	Shop *Shop
	// Bilateral gives the channel with a partner while it is open.
	Bilateral func(partner party.Code) (Bilateral, bool)
	// Wait is for how long an order, or another date of it, may be missing on the
	// Bilateral; 0: 10 minutes.
	Wait time.Duration
	// Say sends a command of the carrier on the Bilateral with a partner and waits
	// until it is executed; nil: what a rule could answer waits for people.
	Say func(ctx context.Context, partner party.Code, c trade.Command) error
}

// Deals answers LSO Sonata about orders, the inventory, bills and tickets, from
// the carrier's Bilaterals. The Bilateral is the truth; a Sonata order is the
// order on it whose id is its external id, and a product of the inventory has the
// id that it has there. It also keeps the reservations of firm quotes as the
// orders that rest on them stand.
type Deals struct {
	o    DealOptions
	shop *Shop

	mu    sync.Mutex // guards what follows
	queue []subject  // what is to be looked at, oldest first
	known map[subject]bool
	wake  chan struct{} // holds one: there is something in the queue
}

// subject is a record on a Bilateral.
type subject struct {
	partner party.Code
	key     string
}

// everything stands for all of a partner's orders that have not ended over
// Sonata.
const everything = ""

// NewDeals makes deals. Let Run run beside the Sonata server, call Repair with
// each Bilateral before it serves, and Told with every event after that.
func NewDeals(o DealOptions) *Deals {
	if o.Wait == 0 {
		o.Wait = 10 * time.Minute
	}
	return &Deals{o: o, shop: o.Shop, known: map[subject]bool{}, wake: make(chan struct{}, 1)}
}

// Seller gives the shop with its deals as package sonata takes it.
func (d *Deals) Seller() sonata.Seller {
	s := d.shop.Seller()
	s.Orders, s.Bills, s.Troubles = d, d, d
	return s
}

// Told takes the subject of an event on the Bilateral with a partner. It never
// waits.
func (d *Deals) Told(partner party.Code, key string) {
	for _, prefix := range []string{trade.ItemPrefix, trade.ProductPrefix, trade.InvoicePrefix, trade.DisputePrefix, trade.ObligationPrefix} {
		if strings.HasPrefix(key, prefix) {
			d.put(subject{partner, key})
		}
	}
}

func (d *Deals) put(s subject) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.known[s] {
		d.known[s] = true
		d.queue = append(d.queue, s)
	}
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// take gives what is to be looked at, and forgets it.
func (d *Deals) take() []subject {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := d.queue
	d.queue = nil
	clear(d.known)
	return all
}

// Repair puts reservations right by what stands on the Bilateral with a partner,
// and has everything else looked at that it says: what was told while the node
// was down, or what it had not done yet when it ended.
func (d *Deals) Repair(partner party.Code) error {
	var items []order.Item
	keys := []string{everything}
	err := d.view(partner, func(v trade.View) error {
		for it := range v.Items() {
			if it.Seller == d.shop.o.Carrier {
				items = append(items, it)
			}
		}
		for p := range v.Products() {
			if p.Seller == d.shop.o.Carrier {
				keys = append(keys, trade.ProductKey(p.ID))
			}
		}
		for i := range v.Invoices("") {
			if i.Seller == d.shop.o.Carrier {
				keys = append(keys, trade.InvoiceKey(i.ID))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, it := range items {
		err = errors.Join(err, d.reserve(partner, it))
	}
	for _, key := range keys {
		d.put(subject{partner, key})
	}
	return err
}

// view reads a Bilateral. Code: not-found while it is not open.
func (d *Deals) view(partner party.Code, f func(trade.View) error) error {
	b, ok := d.o.Bilateral(partner)
	if !ok {
		return fault.Newf(fault.NotFound, "open a Bilateral: lateral bilateral open", "there is no open Bilateral of %s with %s", partner, d.shop.o.Carrier)
	}
	return b.View(f)
}

// Run shows what happens on the Bilaterals over Sonata until ctx ends. What
// cannot be shown now is shown later.
func (d *Deals) Run(ctx context.Context, s *sonata.Server) error {
	retry := time.NewTicker(time.Second)
	defer retry.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.wake:
		case <-retry.C:
		}
		for _, x := range d.take() {
			if err := d.show(ctx, s, x); err != nil && ctx.Err() == nil {
				d.shop.o.Log.Warn("what a Bilateral says cannot be shown over Sonata yet", "partner", x.partner, "subject", x.key, "err", err)
				d.later(x)
			}
		}
	}
}

// later looks at something again with the next tick.
func (d *Deals) later(x subject) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.known[x] {
		d.known[x] = true
		d.queue = append(d.queue, x)
	}
}

// show shows one record.
func (d *Deals) show(ctx context.Context, s *sonata.Server, x subject) error {
	if x.key == everything {
		return s.WakeOpen(ctx, string(x.partner), string(d.shop.o.Carrier))
	}
	switch prefix, id, _ := strings.Cut(x.key, "/"); prefix + "/" {
	case trade.ItemPrefix:
		return d.showOrder(ctx, s, x.partner, id)
	case trade.ProductPrefix:
		return d.showProduct(ctx, s, x.partner, id)
	case trade.InvoicePrefix:
		return d.showBill(ctx, s, x.partner, id)
	}
	ids, err := d.invoicesOf(x.partner, x.key)
	for _, id := range ids {
		err = errors.Join(err, d.showBill(ctx, s, x.partner, id))
	}
	return err
}

// showOrder wakes the Sonata orders that an order on the Bilateral is of.
func (d *Deals) showOrder(ctx context.Context, s *sonata.Server, partner party.Code, id string) error {
	var it order.Item
	if err := d.view(partner, func(v trade.View) error {
		it, _ = v.Item(id)
		return nil
	}); err != nil || it.Seller != d.shop.o.Carrier {
		return err
	}
	err := errors.Join(d.reserve(partner, it), d.tooSoon(ctx, partner, it))
	for _, external := range externals(id) {
		err = errors.Join(err, s.WakeOrders(ctx, string(it.Buyer), string(it.Seller), external))
	}
	return err
}

// showProduct brings a product of the inventory to where it stands without an
// order of Sonata's: suspended, resumed, ended by its time, or ordered by the
// Bilateral alone.
func (d *Deals) showProduct(ctx context.Context, s *sonata.Server, partner party.Code, id string) error {
	var p product.Instance
	var it order.Item
	var changes []order.Item
	if err := d.view(partner, func(v trade.View) error {
		p, _ = v.Product(id)
		it, _ = v.Item(p.OrderedBy)
		for _, ph := range p.Phases {
			if x, ok := v.Item(ph.Order); ok && x.ID != it.ID {
				changes = append(changes, x)
			}
		}
		return nil
	}); err != nil || p.Seller != d.shop.o.Carrier {
		return err
	}
	// What has ended gives back what its changes had, too.
	for _, x := range append(changes, it) {
		if err := d.reserve(partner, x); err != nil {
			return err
		}
	}
	buyer, seller := string(p.Buyer), string(p.Seller)
	has, err := s.ProductStatus(ctx, buyer, seller, id)
	switch {
	case fault.CodeOf(err) == fault.NotFound:
		return d.putProduct(ctx, s, p, it)
	case err != nil:
		return err
	}
	// What waits for an order of Sonata's is led on by that order.
	want := settled(p.State)
	if has == want || has != string(product.Active) && has != string(product.Suspended) {
		return nil
	}
	switch product.State(want) {
	case product.Active, product.Suspended, product.Terminated:
		return s.SetProductStatus(ctx, buyer, seller, id, want)
	}
	return nil
}

// settled gives the status of a product without the order that is under way.
func settled(s product.State) string {
	switch s {
	case product.PendingChange, product.PendingTerminate:
		s = product.Active
	case product.SuspendedPending:
		s = product.Suspended
	}
	return string(s)
}

// putProduct puts a product into the inventory that was ordered on the Bilateral
// alone. Who has no access to this node's Sonata interface has no inventory.
func (d *Deals) putProduct(ctx context.Context, s *sonata.Server, p product.Instance, it order.Item) error {
	if p.Activated() == 0 {
		return nil
	}
	for _, external := range externals(it.ID) {
		if ids, err := s.OrdersOf(ctx, string(p.Buyer), string(p.Seller), external); err != nil || len(ids) > 0 {
			return err
		}
	}
	x, err := d.inventory(p, it)
	if err != nil {
		return err
	}
	if err := s.PutProduct(ctx, string(p.Buyer), string(p.Seller), x); fault.CodeOf(err) != fault.NotFound {
		return err
	}
	return nil
}
