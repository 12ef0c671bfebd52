package sim

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
)

// watch tells what happens on all Bilaterals as it happens, and rouses whoever
// waits for something, until the function that it gives is called.
func (m *meshRun) watch(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	for _, pair := range m.pairs {
		for i, d := range pair {
			all.Go(func() {
				for e, err := range d.auditor.Events(ctx, "") {
					if err != nil {
						continue // the stream is taken up again
					}
					if line := d.tellProduct(ctx, e); i == 0 && line != "" {
						m.say("%s", line)
					}
					select {
					case m.news <- struct{}{}:
					default:
					}
				}
			})
		}
	}
	return func() { cancel(); all.Wait() }
}

// tellProduct puts an event about a product into words; empty for what is not
// worth a line.
func (d *desk) tellProduct(ctx context.Context, e wire.Event) string {
	id := e.Subject[strings.IndexByte(e.Subject, '/')+1:]
	line := func(buyer, seller party.Code, format string, args ...any) string {
		return fmt.Sprintf("%-8s > %-8s %s", buyer, seller, fmt.Sprintf(format, args...))
	}
	switch e.Kind {
	case trade.EventOrderPlaced, trade.EventDeliveryTested, trade.EventDeliveryStands:
		o, err := d.auditor.Order(ctx, id)
		if err != nil || o.Product == nil {
			return ""
		}
		switch e.Kind {
		case trade.EventOrderPlaced:
			if o.Product.Action == order.Delete {
				return line(o.Buyer, o.Seller, "ends       product %s", o.Product.ID)
			}
			return line(o.Buyer, o.Seller, "ordered    product %s, %s", o.Product.ID, priced(&o.Product.Offer))
		case trade.EventDeliveryTested:
			return line(o.Buyer, o.Seller, "delivered  %s", totals(o.Product.Delivery))
		}
		if !o.Product.Tested || o.Product.Action == order.Delete {
			return ""
		}
		return line(o.Buyer, o.Seller, "accepted   the test record stands")
	case trade.EventMeasurementAgreed:
		if p, text := d.tellMeasured(ctx, id); text != "" {
			return line(p.Buyer, p.Seller, "%s", text)
		}
		return ""
	case trade.EventProductMoved:
		if e.Detail == string(product.PendingActive) { // that it is ordered is told
			return ""
		}
		p, err := d.auditor.Product(ctx, id)
		if err != nil {
			return ""
		}
		return line(p.Buyer, p.Seller, "%-10s product %s", e.Detail, p.ID)
	case trade.EventInvoiceIssued, trade.EventInvoiceMoved:
		i, err := d.auditor.Invoice(ctx, id)
		if err != nil {
			return ""
		}
		if e.Kind == trade.EventInvoiceIssued {
			return line(i.Buyer, i.Seller, "billed     %s %s for %s", i.Currency, i.Total, i.Interval)
		}
		return line(i.Buyer, i.Seller, "bill is    %s", e.Detail)
	case trade.EventPaymentAdvised, trade.EventSettled:
		o, err := d.auditor.Obligation(ctx, id)
		if err != nil || o.Payment == nil {
			return ""
		}
		if e.Kind == trade.EventSettled {
			return line(o.Payer, o.Payee, "settled    %s %s have come", o.Amount.Currency, o.Paid)
		}
		return line(o.Payer, o.Payee, "paid       %s %s advised", o.Amount.Currency, o.Payment.Part)
	}
	return ""
}

// totals puts what a test record comes to into words.
func totals(d *wire.Delivery) string {
	if d == nil || len(d.Totals) == 0 {
		return "tested"
	}
	var all []string
	for _, t := range d.Totals {
		all = append(all, fmt.Sprintf("%s %d", t.Metric, t.Value))
	}
	return "tested: " + strings.Join(all, ", ")
}

// priced puts the prices of an offer into words.
func priced(o *product.Offer) string {
	var all []string
	for i := range o.Prices {
		p := &o.Prices[i]
		text := fmt.Sprintf("%s %s", p.Currency, money.Micro(p.Rate/1000))
		switch {
		case p.Kind == rating.Data:
			text += fmt.Sprintf(" for %d octets", p.Unit)
		case p.Period.Length != "":
			text += " each " + p.Period.Length
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

// until waits for a condition; it is asked again when something has happened on
// a Bilateral, and from time to time.
func (m *meshRun) until(ctx context.Context, what string, ok func() (bool, error)) error {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		done, err := ok()
		if done || err != nil && !passes(err) {
			return err
		}
		if err := m.net.Failed(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("waiting for %s: %w", what, ctx.Err()), err)
		case <-m.news:
		case <-tick.C:
		}
	}
}

// leg is one order between two carriers, as both see it.
type leg struct {
	enni *ENNI
	pair [2]*desk // buyer and seller
	seen [2]wire.Product
}

// legs gives what neighbours have of each other now, from the first carrier of
// the chain on. Both sides' nodes are asked; ok is false while one does not know
// of it yet.
func (m *meshRun) legs(ctx context.Context) (chain []leg, ok bool, err error) {
	next := map[party.Code]leg{} // by the buyer
	for i, pair := range m.pairs {
		var seen [2][]wire.Product
		for side, d := range pair {
			if seen[side], err = client.Collect(d.auditor.Products(ctx, nil)); err != nil {
				return nil, false, err
			}
		}
		if len(seen[0]) != len(seen[1]) {
			return nil, false, nil
		}
		for k, p := range seen[0] {
			if p.Clause != clauseLine {
				continue // traffic over the interconnection
			}
			l := leg{enni: &meshENNIs[i], pair: pair, seen: [2]wire.Product{p, seen[1][k]}}
			if p.Buyer != pair[0].me {
				l.pair, l.seen = [2]*desk{pair[1], pair[0]}, [2]wire.Product{seen[1][k], p}
			}
			next[p.Buyer] = l
		}
	}
	for at := m.buyer(); ; {
		l, there := next[at]
		if !there {
			return chain, len(chain) == len(next), nil
		}
		chain = append(chain, l)
		at = l.seen[0].Seller
		delete(next, l.seen[0].Buyer)
		if len(next) == 0 {
			return chain, true, nil
		}
	}
}

// buyer is whose customer asks.
func (m *meshRun) buyer() party.Code { return meshCarriers[0].code }

// all reports whether both sides of all legs see a product in a state.
func all(chain []leg, states ...product.State) bool {
	for _, l := range chain {
		for _, p := range l.seen {
			if !slices.Contains(states, p.State) {
				return false
			}
		}
	}
	return len(chain) > 0
}

// run takes the inquiry through to its settled end.
func (m *meshRun) run(ctx context.Context, r *MeshReport) (err error) {
	before, err := m.messages(ctx)
	if err != nil {
		return err
	}
	defer m.watch(ctx)()
	if err := m.inquire(ctx, r); err != nil {
		return err
	}
	c := clock{time.Now()}
	service, err := m.manager.OrderService(ctx, wire.OrderService{Quote: r.Offer.Quote})
	if err != nil {
		return fmt.Errorf("ordering: %w", err)
	}
	var chain []leg
	if err := m.until(ctx, "the service to be active at every hop", func() (ok bool, err error) {
		if service, err = m.manager.Service(ctx, service.ID); err != nil {
			return false, err
		}
		if service.Why != "" {
			return false, fault.Newf(fault.Refused, "run it again", "the order was released along the chain: %s", service.Why)
		}
		chain, ok, err = m.legs(ctx)
		return ok && all(chain, product.Active), err
	}); err != nil {
		return err
	}
	r.OrderMS = c.lap()
	m.say("active at every hop: %d orders between carriers", len(chain))
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	stop := sync.OnceValue(m.settling(ctx, chain, fail))
	defer func() { err = errors.Join(err, stop()) }()
	at, err := m.services(ctx, chain)
	if err != nil {
		return err
	}
	if err := m.session(ctx, chain, order.Add, 0, product.Active); err != nil {
		return err
	}
	plan, err := m.plan(ctx, chain, at)
	if err != nil {
		return err
	}
	if chain, err = m.served(ctx, service.ID, chain, &plan); err != nil {
		return err
	}
	r.ServiceMS = c.lap()
	if _, err := m.billed(ctx, chain, &plan, "the last bills", func(*wire.Invoice) bool { return true }); err != nil {
		return err
	}
	r.BillMS = c.lap()
	if _, err := m.billed(ctx, chain, &plan, "bills to be accepted", func(i *wire.Invoice) bool { return i.Accepted != nil }); err != nil {
		return err
	}
	r.ReconcileMS = c.lap()
	bills, err := m.billed(ctx, chain, &plan, "bills to be settled", func(i *wire.Invoice) bool { return i.State == invoice.Settled })
	if err != nil {
		return err
	}
	if err := stop(); err != nil {
		return err
	}
	r.SettleMS = c.lap()
	after, err := m.messages(ctx)
	if err != nil {
		return err
	}
	r.Requests, r.Notifications = after.requests-before.requests, after.notifications-before.notifications
	r.Messages = r.Requests + r.Notifications
	if err := m.tellChain(ctx, r, chain, at, bills); err != nil {
		return err
	}
	return m.moneyAgrees(ctx, r, chain)
}

// inquire reads the sentence, and asks for what it says at prices for a month as it
// is in compressed time.
func (m *meshRun) inquire(ctx context.Context, r *MeshReport) error {
	said, err := m.manager.ParseInquiry(ctx, client.Filter{"text": meshInquiry})
	if err != nil {
		return err
	}
	r.Words, r.Inquiry = meshInquiry, said.Inquiry
	if r.Inquiry.Type == "" {
		r.Inquiry.Type = catalog.TypeELine
	}
	m.say("%s is asked: %s", m.buyer(), r.Words)
	found, err := m.manager.Inquire(ctx, wire.Inquire{Type: r.Inquiry.Type, A: r.Inquiry.A.Place, Z: r.Inquiry.Z.Place, Bandwidth: r.Inquiry.Bandwidth,
		To: wire.Time(r.Inquiry.To), Period: m.pace.month(), Latency: r.Inquiry.Latency, Availability: r.Inquiry.Availability, Ceiling: r.Inquiry.Ceiling})
	if err != nil {
		return fmt.Errorf("inquiring: %w", err)
	}
	if found.Best == nil {
		return fault.New(fault.NotFound, "nobody in the mesh has what is asked for", "run it again with --verbose to see the nodes' own log lines")
	}
	r.InquiryMS, r.QuoteMS = int64(found.InquiryMillis), int64(found.QuoteMillis)
	r.Offer, r.Alternatives = offered(found.Best), []Offered{}
	for i := range found.Alternatives {
		r.Alternatives = append(r.Alternatives, offered(&found.Alternatives[i]))
	}
	m.say("the best of %d offers: %s %s, %.1f ms", 1+len(r.Alternatives), r.Offer.Currency, both(&r.Offer), float64(r.Offer.Latency)/1000)
	return nil
}

func offered(o *wire.Offer) Offered {
	return Offered{Quote: o.Quote, Currency: o.Once.Currency, Once: o.Once.Micro, Each: o.Each.Micro, Period: o.Period, Latency: o.Latency, Availability: o.Availability}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// traffic is what carriers have said to each other over Sonata.
type traffic struct{ requests, notifications int }

// messages adds up what all carriers' nodes have counted.
func (m *meshRun) messages(ctx context.Context) (sum traffic, err error) {
	for _, c := range meshCarriers {
		node, err := m.net.Client(c.code, api.Engineer)
		if err != nil {
			return sum, err
		}
		defer node.Close()
		text, err := node.Metrics(ctx)
		if err != nil {
			return sum, err
		}
		lines := bufio.NewScanner(bytes.NewReader(text))
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), "} ")
			n, _ := strconv.ParseFloat(value, 64)
			switch {
			case strings.HasPrefix(name, "lateral_sonata_requests_total{"):
				sum.requests += int(n)
			case strings.HasPrefix(name, "lateral_sonata_notifications_total{"):
				sum.notifications += int(n)
			}
		}
		if err := lines.Err(); err != nil {
			return sum, err
		}
	}
	return sum, nil
}
