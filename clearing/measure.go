package clearing

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/usage"
)

// Measurements of products. When an interval is over, the desk states what the
// meter has of it, as soon as that is all of it; what people propose is accepted
// when it is what this side has stated.

// CodeNoReading says that an interval of a product cannot be stated, because the
// meter lacks something of it.
const CodeNoReading fault.Code = "reading-missing"

// measuresSubject stands for the measurements of all products.
const measuresSubject = "measurements"

// metering is how far the intervals of a product are stated. Only the desk's own
// work uses it.
type metering struct {
	next int64            // the beginning of the interval to look at next; ms UTC
	at   int64            // when there is something to look at; ms UTC
	kept int              // intervals looked at since next was kept
	open []usage.Interval // before next, without our statement; oldest first
}

// Bounds of what the desk has in mind of a product. What is beyond them is looked
// at again when readings of it come.
const (
	maxOpenIntervals = 100  // that lack readings
	maxLookedAt      = 1000 // intervals in one look at the channel
	keepMeteredEvery = 64   // intervals
)

// meteredRecord says from where on the intervals of a product are looked at.
type meteredRecord struct {
	From int64 `cbor:"1,keyasint"` // ms UTC
}

// measure states what is there of intervals that are over.
func (d *Desk) measure(ctx context.Context) error {
	if !d.o.Automatic.Measure {
		return nil
	}
	now := d.o.Now() - clockGap
	d.mu.Lock()
	fresh := d.metered
	d.metered = map[string][]int64{}
	d.mu.Unlock()
	for id := range fresh {
		d.meter(id)
	}
	if now < d.measureAt {
		return nil
	}
	d.measureAt = math.MaxInt64
	var all error
	for _, id := range slices.Sorted(maps.Keys(d.meters)) {
		m := d.meters[id]
		if now >= m.at {
			if err := d.measureProduct(ctx, id, fresh[id], now); err != nil {
				all = errors.Join(all, fmt.Errorf("measuring %s: %w", id, err))
				m.at = now + 1000
			}
		}
		d.measureAt = min(d.measureAt, m.at)
	}
	return all
}

// meter has a product looked at.
func (d *Desk) meter(id string) {
	if !d.o.Automatic.Measure {
		return
	}
	if d.meters[id] == nil {
		d.meters[id] = &metering{}
	}
	d.meters[id].at, d.measureAt = 0, 0
}

// openInterval is an interval without our statement.
type openInterval struct {
	trade.Metering
	alone bool // the partner's statement has become what counts
}

// measureProduct looks at the intervals of a product that are over and have no
// statement of ours, and at those of which something is fresh.
func (d *Desk) measureProduct(ctx context.Context, id string, fresh []int64, now int64) error {
	m := d.meters[id]
	if m.next == 0 {
		from, _, err := stored[meteredRecord](d, "metered/"+id)
		if err != nil {
			return err
		}
		m.next = from.From
	}
	var all []openInterval
	var stated []usage.Interval // by us, and of which nothing is needed any more
	err := d.o.Channel.View(func(v view) error {
		t := trade.View{Records: v}
		p, found := t.Product(id)
		if m.at = math.MaxInt64; !found || p.Activated() == 0 {
			return nil // its events will be heard
		}
		look := func(ms int64) (x trade.Metering, err error) {
			if x, err = t.Metering(p, ms); err != nil || len(x.Held) == 0 || len(x.Used)+len(x.Service) == 0 || max(x.From, x.Interval.To) > now {
				return x, err
			}
			r, _ := t.Measurement(id, x.Interval)
			agreed := r.State == usage.MeasurementAgreed
			switch {
			case d.ownMeasured(&p, &r) != nil:
				stated = append(stated, x.Interval)
			case !agreed || !billedAll(r): // people can still object to what stands
				all = append(all, openInterval{x, agreed})
			}
			return x, nil
		}
		again := map[int64]bool{}
		for _, i := range m.open {
			again[i.From] = true
		}
		for _, ms := range fresh {
			if x, err := t.Metering(p, ms); err != nil {
				return err
			} else if x.Interval.From < m.next {
				again[x.Interval.From] = true
			}
		}
		for _, ms := range slices.Sorted(maps.Keys(again)) {
			if _, err := look(ms); err != nil {
				return err
			}
		}
		m.next = max(m.next, p.Activated())
		for n := 0; p.Ends == 0 || m.next < p.Ends; n++ {
			if n == maxLookedAt {
				m.at = 0
				d.rouse()
				break
			}
			x, err := look(m.next)
			if err != nil {
				return err
			}
			if m.at = max(x.From, x.Interval.To); m.at > now {
				break
			}
			m.next, m.at, m.kept = x.Interval.To, math.MaxInt64, m.kept+1
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, i := range stated {
		if err := d.table().drop(id, i); err != nil {
			return err
		}
	}
	return d.stateMeasured(ctx, id, m, all, now)
}

// billedAll reports whether all that counts of a measurement is on a bill.
func billedAll(r usage.Measurement) bool {
	open := func(c usage.Counted) bool { return !c.Billed }
	return !slices.ContainsFunc(r.Used, open) && !slices.ContainsFunc(r.Service, open)
}

// stateMeasured states the intervals that the meter has all of, and tells people
// of the oldest that it lacks something of, once half of the time for a second
// statement is over.
func (d *Desk) stateMeasured(ctx context.Context, id string, m *metering, all []openInterval, now int64) error {
	m.open = m.open[:0]
	lacking := 0
	var problem *fault.Error
	var about string
	for _, x := range all {
		m.open = append(m.open, x.Interval)
		key := trade.MeasurementKey(id, x.Interval)
		var missing []string
		if !x.alone {
			if d.underWay("measure/" + key) {
				continue
			}
			got, lacks, err := d.o.Meter.Measured(id, x.Metering)
			if err != nil && problem == nil {
				problem, about = fault.Of(err), key
			}
			if missing = lacks; err == nil && len(missing) == 0 {
				records, err := d.blob(got.Records)
				if err != nil {
					return err
				}
				d.act(ctx, "measure/"+key, key, trade.NewCommand(trade.KindMeasure, trade.MeasurementState{Product: id, Interval: x.Interval,
					Measured: usage.Measured{Root: records.Hash, Used: got.Used, Service: got.Service}}))
				continue
			}
		}
		lacking++
		late := x.From + (x.Late-x.From)/2
		switch {
		case problem != nil:
		case now < late:
			m.at = min(m.at, late)
		case x.alone:
			problem, about = fault.Newf(CodeNoReading, "compare it with your own records; dispute the bill if it is wrong",
				"%s has gone on in %s by the partner's statement alone: this side has stated nothing in time", id, x.Interval), key
		default:
			problem, about = fault.Newf(CodeNoReading, "import the readings (lateral measurement import), or state what was measured (lateral measurement state)",
				"nothing can be stated of %s in %s: there is no reading of %s", id, x.Interval, strings.Join(missing, ", ")), key
		}
	}
	if drop := lacking - maxOpenIntervals; drop > 0 {
		d.o.Log.Warn("the oldest intervals of a product wait until readings of them come", "product", id, "intervals", drop)
		m.open = slices.Delete(m.open, 0, drop)
	}
	if problem != nil {
		d.fail("meter/"+id, about, problem)
	} else {
		d.solved("meter/" + id)
	}
	if m.kept < keepMeteredEvery {
		return nil
	}
	m.kept = 0
	from := m.next
	if len(m.open) > 0 {
		from = m.open[0].From
	}
	return d.keep("metered/"+id, canon.Must(meteredRecord{from}))
}

// measurement goes on with a measurement: what the partner proposes is accepted
// when it is what this side has stated.
func (d *Desk) measurement(ctx context.Context, key string) error {
	id := measuredProduct(key)
	if err := d.product(id); err != nil || !d.o.Automatic.Measure {
		return err
	}
	d.meter(id)
	var p product.Instance
	var r usage.Measurement
	err := d.o.Channel.View(func(v view) (err error) {
		p, _, _ = get[product.Instance](v, trade.ProductKey(id))
		r, _, err = get[usage.Measurement](v, key)
		return err
	})
	own := d.ownMeasured(&p, &r)
	if err != nil || r.State != usage.MeasurementProposed || r.Proposal.Act.By == d.o.Me || own == nil {
		return err
	}
	ours := func(proposed, stated []usage.Figure) bool {
		return !slices.ContainsFunc(proposed, func(f usage.Figure) bool { return !slices.Contains(stated, f) })
	}
	if !ours(r.Proposal.Used, own.Used) || !ours(r.Proposal.Service, own.Service) {
		return nil
	}
	c, err := d.o.Authorize(trade.NewCommand(trade.KindMeasureAccept, trade.MeasurementPropose{Product: id, Interval: r.Interval,
		Used: r.Proposal.Used, Service: r.Proposal.Service}), party.Disputes)
	if err != nil {
		return err
	}
	d.act(ctx, "accept/"+key, key, c)
	return nil
}
