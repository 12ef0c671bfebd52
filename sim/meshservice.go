package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/line/connectivity"
	"github.com/lateral-network/lateral/mesh"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// course is how the service goes on from the moment at which it is active at every
// hop until it has ended there. All moments are ms UTC.
type course struct {
	cycle, granule usage.Calendar
	begins, ends   int64          // the first hop's activation; the end that the customer names
	breach         usage.Interval // in which the far end's line fails
	apart          usage.Interval // in which the two sides of each hop measure traffic a little apart
	metered        []int          // charges and credits that follow from each hop's measurements
	lines          []uint64       // availability of each carrier's own line as quoted, along the chain; millionths
}

// plan lays out the service: a breach in the first whole granule, a difference in
// the next one, and the end in the middle of the next billing period, so that the
// first bill and the last are both for a part of a month.
func (m *meshRun) plan(ctx context.Context, chain []leg, at []*wire.Service) (c course, err error) {
	for _, x := range []struct {
		length string
		to     *usage.Calendar
	}{{m.pace.cycle(), &c.cycle}, {m.pace.granule(), &c.granule}} {
		cycle, err := usage.ParseCycle(x.length)
		if err != nil {
			return c, err
		}
		if *x.to, err = cycle.Calendar(); err != nil {
			return c, err
		}
	}
	whole := int64(0) // from when on all is there
	for i := range chain {
		traffic, err := chain[i].traffic(ctx)
		if err != nil {
			return c, err
		}
		line := int64(chain[i].seen[0].Activated)
		if c.begins == 0 || line < c.begins {
			c.begins = line
		}
		whole = max(whole, line, int64(traffic[0].Activated))
	}
	for _, s := range at {
		for _, l := range s.Offer.Legs {
			if l.Own {
				c.lines = append(c.lines, l.Availability)
			}
		}
	}
	c.breach = c.granule.Next(c.granule.At(whole))
	c.apart = c.granule.Next(c.breach)
	c.ends = c.cycle.At(whole).To + m.pace.span(5).Milliseconds()
	return c, nil
}

// failed is the availability of the far end's line in the granule in which it
// breaches what was promised, millionths.
const failed = 870_000

// available is what is measured at a hop: the lines of all carriers behind it
// together, each of which is down for half of the time that it may be. The hop is
// that of the carrier at a place in the chain with the next.
func (c *course) available(hop int, i usage.Interval) uint64 {
	const ppb = mesh.Whole / 1_000_000
	sum := uint64(mesh.Whole)
	for n, quoted := range c.lines {
		if n <= hop {
			continue
		}
		line := quoted + (1_000_000-quoted)/2
		if n == len(c.lines)-1 && i == c.breach {
			line = failed
		}
		sum = mesh.Both(sum, line*ppb)
	}
	return sum / ppb
}

// carried is what a side of a hop counts, octets: 100 Mbit/s for two hours at a
// load that changes. The buyer's counters show a little less in one granule.
func (c *course) carried(buyer bool, i usage.Interval) uint64 {
	const full = 2 * 3600 * 100_000_000 / 8
	length := i.To - i.From
	octets := full / 100 * uint64(55+i.From/length%7*5)
	if buyer && i == c.apart {
		octets -= octets / 2_500
	}
	return octets
}

// readings is a file of what one side of a hop has measured of its products in a
// granule.
func (c *course) readings(hop int, buyer bool, i usage.Interval, service, traffic *wire.Product) string {
	var b strings.Builder
	row := func(p *wire.Product, metric string, value uint64) {
		if from, to := int64(p.Activated), int64(p.Ends); from != 0 && from < i.To && (to == 0 || to > i.From) {
			fmt.Fprintf(&b, "%s,%s,%s,%s,%d\n", p.ID, usage.Stamp(i.From), usage.Stamp(i.To), metric, value)
		}
	}
	row(service, string(rating.Availability), c.available(hop, i))
	row(traffic, scheduleTraffic, c.carried(buyer, i))
	return b.String()
}

// trafficID is the id of the session in which traffic of a service goes over an
// interconnection, chosen by its buyer.
func trafficID(l *leg) string { return "traffic-" + l.enni.ID }

// session has each buyer open, or close, the traffic over its interconnection by an
// order of its own, and waits until both sides see that.
func (m *meshRun) session(ctx context.Context, chain []leg, action order.Action, from int64, state product.State) error {
	if err := together(chain, func(l leg) error {
		o := wire.PlaceOrder{ID: trafficID(&l) + "-" + string(action), Kind: order.Product, Agreement: "MSA-1", Line: connectivity.Name, From: wire.Time(from),
			Product: &wire.ProductRequest{Action: action, ID: trafficID(&l)}}
		if action == order.Add {
			o.Product.Schedule, o.Value = scheduleTraffic, []money.Amount{{Currency: "EUR", Micro: 1e9}}
		}
		if err := m.again(ctx, "traffic to be ordered", func() error {
			_, err := l.pair[0].product.PlaceOrder(ctx, o, o.ID)
			return err
		}); err != nil {
			return fmt.Errorf("%s orders traffic of %s: %w", l.pair[0].me, l.pair[1].me, err)
		}
		return nil
	}); err != nil {
		return err
	}
	return m.until(ctx, "traffic to be "+string(state), func() (bool, error) {
		for i := range chain {
			of, err := chain[i].traffic(ctx)
			if err != nil || of[0].State != state || of[1].State != state {
				return false, err
			}
		}
		return true, nil
	})
}

// again does something until it is known to be done: what it does twice is done
// once.
func (m *meshRun) again(ctx context.Context, what string, f func() error) error {
	return m.until(ctx, what, func() (bool, error) {
		err := f()
		if fault.CodeOf(err) == fault.Unknown && ctx.Err() == nil {
			return false, nil
		}
		return err == nil, err
	})
}

// traffic gives the session of a hop, as both sides have it.
func (l *leg) traffic(ctx context.Context) (of [2]wire.Product, err error) {
	for side, d := range l.pair {
		p, err := d.auditor.Product(ctx, trafficID(l))
		if fault.CodeOf(err) == fault.NotFound { // it has not come yet
			return of, nil
		}
		if err != nil {
			return of, err
		}
		of[side] = p
	}
	return of, nil
}

// served lets the service last: both sides of each hop import what they measure,
// granule by granule, and the customer ends it. It returns when all of that is
// agreed on and the last billing period is over.
func (m *meshRun) served(ctx context.Context, service string, chain []leg, c *course) ([]leg, error) {
	i := c.granule.At(c.begins)
	// The customer says that it ends a granule before it does.
	for ; i.To < c.ends; i = c.granule.Next(i) {
		if err := m.measure(ctx, chain, c, i); err != nil {
			return nil, err
		}
	}
	m.say("%s ends the service for %s", m.buyer(), usage.Stamp(c.ends))
	if err := m.again(ctx, "the end to be taken", func() error {
		_, err := m.manager.EndService(ctx, service, wire.EndService{At: wire.Time(c.ends)})
		return err
	}); err != nil {
		return nil, fmt.Errorf("ending: %w", err)
	}
	if err := m.session(ctx, chain, order.Delete, c.ends, product.Terminated); err != nil {
		return nil, err
	}
	if err := m.until(ctx, "the service to end", func() (ok bool, err error) {
		chain, ok, err = m.legs(ctx)
		return ok && all(chain, product.Terminated), err
	}); err != nil {
		return nil, err
	}
	m.say("ended at every hop")
	for _, l := range chain {
		c.ends = max(c.ends, int64(l.seen[0].Ends))
	}
	for ; i.From < c.ends; i = c.granule.Next(i) {
		if err := m.measure(ctx, chain, c, i); err != nil {
			return nil, err
		}
	}
	c.metered = make([]int, len(chain))
	if err := m.until(ctx, "the measurements to be agreed", func() (bool, error) {
		for i := range chain {
			all, err := m.measurements(ctx, &chain[i])
			if err != nil || slices.ContainsFunc(all, isOpen) {
				return false, err
			}
			traffic, err := chain[i].traffic(ctx)
			if err != nil || len(all) < c.granules(&chain[i].seen[0])+c.granules(&traffic[0]) {
				return false, err
			}
			c.metered[i] = c.granules(&traffic[0]) + 1 // for the breach
		}
		return true, nil
	}); err != nil {
		return nil, err
	}
	return chain, sleep(ctx, time.Until(time.UnixMilli(c.cycle.At(c.ends-1).To)))
}

func isOpen(x wire.Measurement) bool { return x.State != usage.MeasurementAgreed }

// granules counts those in which a product was delivered.
func (c *course) granules(p *wire.Product) (n int) {
	for i := c.granule.At(int64(p.Activated)); i.From < int64(p.Ends); i = c.granule.Next(i) {
		n++
	}
	return n
}

// measurements gives what is measured of the products of a hop, as its buyer has
// it.
func (m *meshRun) measurements(ctx context.Context, l *leg) (out []wire.Measurement, err error) {
	for _, id := range []string{l.seen[0].ID, trafficID(l)} {
		some, err := client.Collect(l.pair[0].auditor.Measurements(ctx, client.Filter{"product": id}))
		if err != nil {
			return nil, err
		}
		out = append(out, some...)
	}
	return out, nil
}

// measure imports what a granule has shown at both sides of each hop, when it is
// over.
func (m *meshRun) measure(ctx context.Context, chain []leg, c *course, i usage.Interval) error {
	if err := sleep(ctx, time.Until(time.UnixMilli(i.To))); err != nil {
		return err
	}
	return together(chain, func(l leg) error {
		hop := slices.IndexFunc(chain, func(x leg) bool { return x.enni == l.enni })
		traffic, err := l.traffic(ctx)
		if err != nil {
			return err
		}
		for side, d := range l.pair {
			rows := c.readings(hop, side == 0, i, &l.seen[side], &traffic[side])
			var in wire.ImportedReadings
			err := m.again(ctx, "readings to be imported", func() (err error) {
				in, err = d.engineer.ImportReadings(ctx, strings.NewReader("product,from,to,metric,value\n"+rows))
				return err
			})
			if err == nil && in.Rejected > 0 && in.Rejects[0].Code != fault.Conflict { // else they are stated already
				err = fault.Newf(in.Rejects[0].Code, "report this", "%s", in.Rejects[0].Detail).In(in.Rejects[0].Field)
			}
			if err != nil {
				return fmt.Errorf("%s imports readings of %s: %w", d.me, i, err)
			}
		}
		return nil
	})
}

// services gives what each carrier of the chain has of the service, in its own
// node's words.
func (m *meshRun) services(ctx context.Context, chain []leg) ([]*wire.Service, error) {
	codes := []party.Code{m.buyer()}
	for _, l := range chain {
		codes = append(codes, l.pair[1].me)
	}
	out := make([]*wire.Service, len(codes))
	return out, together(codes, func(code party.Code) error {
		c, err := m.net.Client(code, api.ProductManager)
		if err != nil {
			return err
		}
		defer c.Close()
		all, err := client.Collect(c.Services(ctx, nil))
		if err != nil {
			return err
		}
		if len(all) != 1 {
			return fault.Newf(fault.Internal, "report this", "%s has %d services and not one", code, len(all))
		}
		out[slices.Index(codes, code)] = &all[0]
		return nil
	})
}

// tellMeasured puts what both sides have agreed on into words, where it is worth
// a line: they differed, or it earns a credit.
func (d *desk) tellMeasured(ctx context.Context, subject string) (p wire.Product, line string) {
	id, from, _ := strings.Cut(subject, "/")
	ms, err := strconv.ParseInt(from, 10, 64)
	if err != nil {
		return p, ""
	}
	x, errMeasured := d.auditor.Measurement(ctx, id, wire.Time(ms))
	p, err = d.auditor.Product(ctx, id)
	if errors.Join(err, errMeasured) != nil {
		return p, ""
	}
	for _, f := range x.Figures {
		if f.Seller == nil || f.Buyer == nil || f.Counts == nil {
			continue
		}
		if *f.Seller != *f.Buyer {
			return p, fmt.Sprintf("agreed     %s: %s counted %d, %s %d; %d counts", f.Name, p.Seller, *f.Seller, p.Buyer, *f.Buyer, *f.Counts)
		}
		if promised := promisedOf(&p); f.Name == string(rating.Availability) && *f.Counts < promised {
			return p, fmt.Sprintf("agreed     %s %d of %d promised: a credit is due", f.Name, *f.Counts, promised)
		}
	}
	return p, ""
}

// promisedOf gives the availability that a product is promised with, millionths.
func promisedOf(p *wire.Product) uint64 {
	if len(p.Phases) == 0 || len(p.Phases[0].Offer.Guarantees) == 0 {
		return 0
	}
	return p.Phases[0].Offer.Guarantees[0].Tiers[0].Beyond
}
