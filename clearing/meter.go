package clearing

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/usage"
)

// Meter is where a desk has this carrier's own measurements from. Whoever has new
// ones says so with [Desk.Metered].
type Meter interface {
	// Measured gives what was measured of a product in an interval, and what of it is
	// missing still: prices and metrics, by name.
	Measured(product string, x trade.Metering) (m Metered, missing []string, err error)
}

// Metered is what was measured in an interval: all figures, sorted by name, and
// the records that they follow from, of which the partner is told the hash.
type Metered struct {
	Used, Service []usage.Figure
	Records       []byte
}

// reading is what a meter showed of a price or a metric from one moment to
// another.
type reading struct {
	From   int64  `cbor:"1,keyasint"` // ms UTC
	To     int64  `cbor:"2,keyasint"` // ms UTC
	Metric string `cbor:"3,keyasint"`
	Value  uint64 `cbor:"4,keyasint"` // in the base unit of the price or the metric
}

// readings are those that were imported and are in no statement yet. They are a
// [Meter]: sums add up, and what is no sum counts as it was read for the whole
// interval.
type readings struct {
	store  *store.Channel
	prefix string
}

func (t readings) key(product string, r reading) string {
	return fmt.Sprintf("%s%s/%020d/%s", t.prefix, product, r.From, r.Metric)
}

// in gives the readings of a product in an interval, by time and metric.
func (t readings) in(product string, i usage.Interval) (out []reading, err error) {
	for r, err := range t.store.Scan(t.prefix + product + "/") {
		if err != nil {
			return nil, err
		}
		var x reading
		if err := canon.Decode(r.Value, &x); err != nil {
			return nil, err
		}
		if x.From >= i.To {
			break
		}
		if x.From >= i.From {
			out = append(out, x)
		}
	}
	return out, nil
}

// drop forgets the readings of an interval that is stated.
func (t readings) drop(product string, i usage.Interval) error {
	old, err := t.in(product, i)
	if err != nil || len(old) == 0 {
		return err
	}
	return t.replace(product, old, nil)
}

// replace writes readings in the place of others.
func (t readings) replace(product string, old, now []reading) error {
	writes := map[string][]byte{}
	for _, r := range old {
		writes[t.key(product, r)] = nil
	}
	for _, r := range now {
		writes[t.key(product, r)] = canon.Must(r)
	}
	var b store.Batch
	for key, value := range writes {
		b.Writes = append(b.Writes, merkle.Write{Key: key, Value: value})
	}
	slices.SortFunc(b.Writes, func(a, b merkle.Write) int { return strings.Compare(a.Key, b.Key) })
	return t.store.Commit(b)
}

// readingsHead is the header of a file of readings.
var readingsHead = []string{"product", "from", "to", "metric", "value"}

// Measured implements Meter.
func (t readings) Measured(id string, x trade.Metering) (m Metered, missing []string, err error) {
	all, err := t.in(id, x.Interval)
	if err != nil {
		return m, nil, err
	}
	var from []reading // what the figures follow from
	for _, name := range x.Used {
		var rows []reading
		sum := uint64(0)
		for _, r := range all {
			// What was used while the product was not delivered is charged to nobody.
			if r.Metric == name && slices.ContainsFunc(x.Held, func(h product.Held) bool { return r.From < h.To && h.From < r.To }) {
				rows, sum = append(rows, r), sum+r.Value
			}
			if sum > maxFigure {
				return m, nil, fault.Newf(usage.CodeBadStatement, "correct the readings, and import them again", "the readings of %s in %s add up to more than there can be", name, x.Interval).In(name)
			}
		}
		if len(rows) == 0 && slices.Contains(x.Timed, name) {
			for _, r := range held(x.Held, name) {
				rows, sum = append(rows, r), sum+r.Value
			}
		}
		if slices.ContainsFunc(x.Held, func(h product.Held) bool { return !covered(h.Interval, rows) }) {
			missing = append(missing, name)
		}
		m.Used, from = append(m.Used, usage.Figure{Name: name, Value: sum}), append(from, rows...)
	}
	for _, name := range x.Service {
		i := slices.IndexFunc(all, func(r reading) bool { return r.Metric == name && r.From == x.Interval.From && r.To == x.Interval.To })
		if i < 0 {
			missing = append(missing, name)
			continue
		}
		m.Service, from = append(m.Service, usage.Figure{Name: name, Value: all[i].Value}), append(from, all[i])
	}
	var records bytes.Buffer
	w := csv.NewWriter(&records)
	rows := [][]string{readingsHead}
	for _, r := range from {
		rows = append(rows, []string{id, usage.Stamp(r.From), usage.Stamp(r.To), r.Metric, strconv.FormatUint(r.Value, 10)})
	}
	err = w.WriteAll(rows)
	m.Records = records.Bytes()
	return m, missing, err
}

// held gives the time for which a product was held as readings in seconds: a
// session is metered by its opening and its close, as both sides have signed them.
// Parts begin and end at whole seconds, so that intervals add up.
func held(parts []product.Held, metric string) (out []reading) {
	for _, h := range parts {
		out = append(out, reading{From: h.From, To: h.To, Metric: metric, Value: uint64(h.To/1000 - h.From/1000)})
	}
	return out
}

// covered reports whether readings of one metric, by time, leave nothing of a span
// out.
func covered(span usage.Interval, rows []reading) bool {
	at := span.From
	for _, r := range rows {
		if r.From <= at {
			at = max(at, r.To)
		}
	}
	return at >= span.To
}

// maxFigure is the most that a figure can say.
const maxFigure = 1 << 62

// maxMeterFile bounds a file of readings, which is read as a whole before it counts.
const maxMeterFile = 64 << 20

// MeterImport is what became of a file of readings: read = accepted + rejected.
type MeterImport struct {
	Read, Accepted, Rejected uint64
	Rejects                  []usage.Reject // the first thousand
}

// meterSlot is an interval of a product into which readings go.
type meterSlot struct {
	x   trade.Metering
	old []reading // as they are kept
	now []reading // as they will be
}

// ImportReadings takes a file of readings of what this carrier has measured: CSV
// with the columns product, from, to, metric and value, times as in RFC 3339. A
// reading is of one interval of its product; it replaces those of the same metric
// that it overlaps, unless they are stated. Rows that cannot be used are named and
// left out. Codes: invalid, when the file as a whole cannot be read; those of the
// store.
func (d *Desk) ImportReadings(r io.Reader) (in MeterImport, err error) {
	d.metering.Lock()
	defer d.metering.Unlock()
	rest := &io.LimitedReader{R: r, N: maxMeterFile + 1}
	c := csv.NewReader(rest)
	c.FieldsPerRecord, c.TrimLeadingSpace, c.ReuseRecord = -1, true, true
	columns, err := readingColumns(c)
	if err != nil {
		return in, err
	}
	slots := map[string][]*meterSlot{} // by product
	for {
		row, err := c.Read()
		if rest.N == 0 {
			return in, fault.Newf(fault.Invalid, "send it in parts", "the file has more than %d MiB", maxMeterFile>>20)
		}
		if err == io.EOF {
			break
		}
		in.Read++
		reject := func(err error) {
			f := fault.Of(err)
			in.Rejected++
			if len(in.Rejects) < maxShown {
				line, _ := c.FieldPos(0)
				if p, ok := errors.AsType[*csv.ParseError](err); ok {
					line, f = p.StartLine, fault.New(fault.Invalid, "the row cannot be read: "+p.Err.Error(), "correct its quotes")
				}
				in.Rejects = append(in.Rejects, usage.Reject{Line: uint64(line), Field: f.Field, Code: f.Code, Detail: f.Detail})
			}
		}
		if err != nil {
			if _, ok := errors.AsType[*csv.ParseError](err); !ok {
				return in, fault.New(fault.Invalid, "the file breaks off", "send it whole; what it says more than once counts once").Because(err)
			}
			reject(err)
			continue
		}
		id, x, err := readReading(row, columns)
		if err == nil {
			err = d.takeReading(slots, id, x)
		}
		if err != nil {
			reject(err)
			continue
		}
		in.Accepted++
	}
	for id, all := range slots {
		for _, s := range all {
			if err := d.table().replace(id, s.old, s.now); err != nil {
				return in, err
			}
			d.Metered(id, s.x.Interval)
		}
	}
	return in, nil
}

// readingColumns reads the header of a file of readings: where each column is.
func readingColumns(c *csv.Reader) (at [5]int, err error) {
	head, err := c.Read()
	for i, want := range readingsHead {
		at[i] = slices.IndexFunc(head, func(h string) bool {
			return strings.EqualFold(strings.TrimSpace(strings.TrimPrefix(h, "\ufeff")), want)
		})
		if err != nil || at[i] < 0 {
			return at, fault.Newf(fault.Invalid, "begin it with "+strings.Join(readingsHead, ","), "the file has no column %s in its first line", want).In(want)
		}
	}
	return at, nil
}

func readReading(row []string, at [5]int) (id string, x reading, err error) {
	var cells [5]string
	for i := range cells {
		if at[i] >= len(row) {
			return id, x, fault.New(fault.Invalid, "the row has too few columns", "fill it in").In(readingsHead[i])
		}
		cells[i] = strings.TrimSpace(row[at[i]])
	}
	moment := func(i int) int64 {
		ms, e := time.Parse(time.RFC3339, cells[i])
		if e != nil || ms.UnixMilli() < 0 || ms.Year() > 9000 || ms.Nanosecond()%1e6 != 0 {
			err = cmp.Or(err, error(fault.Newf(fault.Invalid, "write it like 2026-11-02T00:00:00Z", "%.40q is no time to the millisecond as in RFC 3339", cells[i]).In(readingsHead[i])))
		}
		return ms.UnixMilli()
	}
	x = reading{From: moment(1), To: moment(2), Metric: cells[3]}
	if err != nil {
		return id, x, err
	}
	if x.From >= x.To {
		return id, x, fault.New(fault.Invalid, "the reading ends where it begins, or before", "correct the times").In("to")
	}
	if x.Value, err = strconv.ParseUint(cells[4], 10, 64); err != nil || x.Value > maxFigure {
		return id, x, fault.Newf(fault.Invalid, "write a whole number in the metric's base unit", "%.40q is no value from 0 to 2^62", cells[4]).In("value")
	}
	return cells[0], x, nil
}

// takeReading puts a reading into its interval, which has to be one of which
// something is measured and that is not stated. Codes: not-found, not-ordered,
// invalid, not-yet, conflict.
func (d *Desk) takeReading(slots map[string][]*meterSlot, id string, x reading) error {
	all := slots[id]
	i := slices.IndexFunc(all, func(s *meterSlot) bool { return s.x.Interval.From <= x.From && x.From < s.x.Interval.To })
	if i < 0 {
		s, err := d.meterSlot(id, x.From)
		if err != nil {
			return err
		}
		i, slots[id] = len(all), append(all, s)
	}
	s := slots[id][i]
	used, service := slices.Contains(s.x.Used, x.Metric), slices.Contains(s.x.Service, x.Metric)
	switch {
	case !used && !service:
		return fault.Newf(fault.NotFound, "name a price of use or a guarantee of the product", "nothing called %.80q is measured of %s", x.Metric, id).In("metric")
	case x.To > s.x.Interval.To:
		return fault.Newf(fault.Invalid, "read it interval by interval", "the reading reaches beyond the interval %s", s.x.Interval).In("to")
	case service && !used && (x.From != s.x.Interval.From || x.To != s.x.Interval.To):
		return fault.Newf(fault.Invalid, "name the one value that holds for the whole interval", "%.80s is no sum, and the reading is of a part of %s", x.Metric, s.x.Interval).In("from")
	case x.To > d.o.Now()+maxAhead:
		return fault.New(fault.NotYet, "the reading is of a time that has not come", "read it when it is over").In("to")
	}
	s.now = slices.DeleteFunc(s.now, func(r reading) bool { return r.Metric == x.Metric && r.From < x.To && x.From < r.To })
	at, _ := slices.BinarySearchFunc(s.now, x, func(a, b reading) int { return cmp.Compare(a.From, b.From) })
	s.now = slices.Insert(s.now, at, x)
	return nil
}

// meterSlot finds the interval of a product that contains a moment, with what was
// read of it.
func (d *Desk) meterSlot(id string, ms int64) (*meterSlot, error) {
	s := &meterSlot{}
	err := d.o.Channel.View(func(v view) (err error) {
		t := trade.View{Records: v}
		p, found := product.Instance{}, false
		if len(id) <= maxProductID {
			p, found = t.Product(id)
		}
		if !found {
			return fault.Newf(fault.NotFound, "name one that one of you has ordered of the other", "there is no product %.40q with %s", id, d.o.Partner).In("product")
		}
		if s.x, err = t.Metering(p, ms); err != nil {
			return err
		}
		if len(s.x.Held) == 0 || len(s.x.Used)+len(s.x.Service) == 0 {
			return fault.Newf(trade.CodeNotOrdered, "leave the row out", "the product %s was not delivered in %s, or nothing of it is measured", id, s.x.Interval).In("from")
		}
		m, _ := t.Measurement(id, s.x.Interval)
		if d.ownMeasured(&p, &m) != nil || m.State == usage.MeasurementAgreed {
			return fault.Newf(fault.Conflict, "propose another figure where the two sides differ", "what was measured of %s in %s is stated, or agreed", id, s.x.Interval).In("from")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.old, err = d.table().in(id, s.x.Interval)
	s.now = slices.Clone(s.old)
	return s, err
}

// maxProductID bounds what is looked up as a product.
const maxProductID = 40

// ownMeasured gives this side's statement of a measurement; nil without one.
func (d *Desk) ownMeasured(p *product.Instance, m *usage.Measurement) *usage.Measured {
	if p.Seller == d.o.Me {
		return m.Seller
	}
	return m.Buyer
}

func (d *Desk) table() readings { return readings{d.o.Store, d.prefix + "reading/"} }

// Metered says that the desk's meter has something new of a product in an
// interval.
func (d *Desk) Metered(product string, i usage.Interval) {
	d.mu.Lock()
	d.metered[product] = append(d.metered[product], i.From)
	d.mu.Unlock()
	d.touch(trade.ProductKey(product))
}
