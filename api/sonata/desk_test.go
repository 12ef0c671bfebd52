package sonata_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/sonatatest"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/store/resource"
)

// desk is a seller's order desk in memory. A test tells it what to answer; by
// itself it delivers everything at once.
type desk struct {
	mu         sync.Mutex // guards what follows
	accept     func(wire.Order) error
	progress   func(wire.Order) (sonata.OrderProgress, error)
	cancel     func(wire.Order, wire.CancelOrder) (sonata.Consent, error)
	reschedule func(wire.Order, wire.Reschedule) (sonata.Consent, error)
	answer     func([]wire.ChargeItemAnswer) error
	charges    []wire.Charge
	orders     []wire.Order // whose progress was asked
	tickets    []wire.Ticket
}

func newDesk() *desk {
	d := &desk{}
	d.accept = func(wire.Order) error { return nil }
	d.progress = all(wire.Completed)
	d.answer = func([]wire.ChargeItemAnswer) error { return nil }
	d.cancel = func(wire.Order, wire.CancelOrder) (sonata.Consent, error) { return sonata.Consent{}, nil }
	d.reschedule = func(wire.Order, wire.Reschedule) (sonata.Consent, error) { return sonata.Consent{}, nil }
	return d
}

// all brings every item to a state.
func all(state string) func(wire.Order) (sonata.OrderProgress, error) {
	return func(o wire.Order) (p sonata.OrderProgress, err error) {
		for range o.Items {
			p.Items = append(p.Items, sonata.ItemProgress{State: state})
		}
		if o.State == wire.PendingCancellation {
			for i := range p.Items {
				p.Items[i].State = wire.Cancelled
			}
		}
		return p, nil
	}
}

func (d *desk) AcceptOrder(_ context.Context, _ sonata.Party, o wire.Order) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.accept(o)
}

func (d *desk) OrderProgress(_ context.Context, _ sonata.Party, o wire.Order) (sonata.OrderProgress, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.orders = append(d.orders, o)
	return d.progress(o)
}

func (d *desk) CancelOrder(_ context.Context, _ sonata.Party, o wire.Order, c wire.CancelOrder) (sonata.Consent, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cancel(o, c)
}

func (d *desk) Reschedule(_ context.Context, _ sonata.Party, o wire.Order, r wire.Reschedule) (sonata.Consent, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.reschedule(o, r)
}

func (d *desk) ChargeAnswered(_ context.Context, _ sonata.Party, c wire.Charge) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.charges = append(d.charges, c)
	return nil
}

func (d *desk) AnswerCharge(_ context.Context, _ sonata.Party, _ wire.Order, _ wire.Charge, a []wire.ChargeItemAnswer) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.answer(a)
}

func (d *desk) TakeTicket(_ context.Context, _ sonata.Party, t wire.Ticket) (sonata.TicketView, error) {
	if t.Description == "refuse" {
		return sonata.TicketView{}, fault.New(fault.Refused, "it is not ours", "ask another")
	}
	return sonata.TicketView{Priority: "high"}, nil
}

func (d *desk) TicketSaid(_ context.Context, _ sonata.Party, t wire.Ticket) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tickets = append(d.tickets, t)
	return nil
}

func (d *desk) set(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
}

// buyerOf is the buyer of a release's partner.
func buyerOf(r wire.Release) string {
	return map[wire.Release]string{wire.Kylie: "BRAVO", wire.Grace: "GOLF"}[r]
}

// ordered runs a test in both releases, in a world with an order desk and an
// inbox that hears of everything.
func ordered(t *testing.T, f func(t *testing.T, w *orderWorld)) {
	sonatatest.Need(t)
	for _, r := range wire.Releases {
		t.Run(string(r), func(t *testing.T) {
			s, seller := fullSeller(newClock())
			d := newDesk()
			pay := &till{desk: d}
			seller.Orders, seller.Bills, seller.Troubles = d, pay, d
			w := newWorld(t, seller, func(o *sonata.Options) {
				o.Contact = wire.Contact{Name: "Desk", Number: "+41", Email: "desk@alpha.example"}
			})
			s.now = w.clock.now
			f(t, &orderWorld{world: w, shop: s, desk: d, till: pay, release: r, base: r.Base(wire.Ordering), partner: partnerOf(r)})
		})
	}
}

type orderWorld struct {
	*world
	shop    *shop
	desk    *desk
	till    *till
	release wire.Release
	base    string
	partner string
	in      *inbox
}

// listen subscribes to all events of ordering and delivers from now on.
func (w *orderWorld) listen() {
	w.in = w.newInbox()
	w.must(201, ask{partner: w.partner, path: w.base + "/hub", body: `{"callback":"` + w.in.url + `"}`})
	w.run()
}

// work does what is due until nothing is.
func (w *orderWorld) work() {
	w.t.Helper()
	for range 50 {
		if n := must(w.server.Work(context.Background())); n == 0 {
			return
		}
		due, err := w.store.NextDue(context.Background())
		if err != nil || due.IsZero() || due.After(w.clock.now()) {
			return
		}
	}
	w.t.Fatal("the work does not end")
}

const orderContacts = `[{"role":"productOrderContact","name":"B","number":"+39","emailAddress":"b@bravo.example"}]`

var orderItemContacts = func() string {
	var all []string
	for _, role := range []string{"buyerProductOrderItemContact", "buyerImplementationContact", "buyerTechnicalContact"} {
		all = append(all, fmt.Sprintf(`{"role":%q,"name":"T","number":"+39","emailAddress":"t@bravo.example"}`, role))
	}
	return "[" + strings.Join(all, ",") + "]"
}()

// addItem is an item that adds a line.
func (w *orderWorld) addItem(id, more string) string {
	place := `{"place":{"@type":"GeographicSiteRef","id":"Caldera-1"},"role":"A"}`
	term := `{"name":"y","duration":{"amount":12,"units":"months"},"endOfTermAction":"autoRenew"}`
	if w.release == wire.Grace {
		place, term = `{"@type":"GeographicSiteRef","role":"A","id":"Caldera-1"}`, strings.Replace(term, "months", "calendarMonths", 1)
	}
	return fmt.Sprintf(`{"id":%q,"action":"add","requestedCompletionDate":"2026-11-05T09:00:00Z","billingAccount":{"id":"BA-1"},"relatedContactInformation":%s,"requestedItemTerm":%s,%s`+
		`"product":{"productOffering":{"id":"line"},"productConfiguration":%s,"productRelationship":[{"id":"R","relationshipType":"CONNECTS"}],"place":[%s]}}`,
		id, orderItemContacts, term, more, configuration, place)
}

// item is one that changes or ends a product.
func (w *orderWorld) item(id, action, product string) string {
	more := ""
	if action == wire.Modify {
		term := `{"name":"y","duration":{"amount":1,"units":"years"},"endOfTermAction":"autoRenew"}`
		if w.release == wire.Grace {
			term = `{"name":"y","duration":{"amount":12,"units":"calendarMonths"},"endOfTermAction":"autoRenew"}`
		}
		more = `,"productConfiguration":{"@type":"urn:lateral:line","bandwidth":2}`
		return fmt.Sprintf(`{"id":%q,"action":%q,"requestedCompletionDate":"2026-11-05T09:00:00Z","requestedItemTerm":%s,"relatedContactInformation":%s,"product":{"id":%q%s}}`, id, action, term, orderItemContacts, product, more)
	}
	return fmt.Sprintf(`{"id":%q,"action":%q,"requestedCompletionDate":"2026-11-05T09:00:00Z","relatedContactInformation":%s,"product":{"id":%q}}`, id, action, orderItemContacts, product)
}

func orderBody(more string, items ...string) string {
	return fmt.Sprintf(`{%s"relatedContactInformation":%s,"productOrderItem":[%s]}`, more, orderContacts, strings.Join(items, ","))
}

// order places an order and gives its id.
func (w *orderWorld) order(more string, items ...string) string {
	w.t.Helper()
	return w.must(201, ask{partner: w.partner, path: w.base + "/productOrder", body: orderBody(more, items...)}).body.Get("id").Text()
}

func (w *orderWorld) get(path string) wire.Value {
	w.t.Helper()
	return w.must(200, ask{partner: w.partner, path: w.base + path}).body
}

// history gives the states of an order, or of an item, in their order.
func history(v wire.Value, name string) string {
	var all []string
	for _, x := range v.Get(name + "Change").Items {
		all = append(all, x.Get(name).Text())
	}
	return strings.Join(all, " ")
}

func (w *orderWorld) product(id string) wire.Value {
	w.t.Helper()
	return w.must(200, ask{partner: w.partner, path: w.release.Base(wire.Inventory) + "/product/" + id}).body
}

// scope is where the partner's resources of a kind are.
func (w *orderWorld) scope(kind string) resource.Scope {
	return resource.Scope{Kind: string(w.release) + "/" + kind, Buyer: buyerOf(w.release), Seller: "ALPHA"}
}

func charge(blocking bool, amount wire.Decimal) wire.ChargeItem {
	return wire.ChargeItem{Blocking: blocking, Category: "construction", Type: wire.Recurring, Period: &wire.Duration{Amount: 1, Units: "months"}, Price: wire.Price{Untaxed: eur(amount)}}
}

// raw gets what is no JSON.
func (w *world) raw(partner, path string) string {
	w.t.Helper()
	r := must(http.NewRequest(http.MethodGet, w.url+path, nil))
	r.Header.Set("Authorization", "Bearer "+w.token(partner))
	res := must(w.http.Do(r))
	defer res.Body.Close()
	return string(must(io.ReadAll(res.Body)))
}

const day = 24 * time.Hour
