package rating

import (
	"cmp"
	"math"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/usage"
)

// CodeTooMuch says that a sum of calls or seconds left its range, or a batch
// has more periods or records than can be counted.
const CodeTooMuch fault.Code = "too-much-usage"

// Terms is what an agreement says about rating.
type Terms struct {
	Sheets   [2]*Sheet // by usage.Way of the batch's pair; both may be one
	Calendar usage.Calendar
	By       usage.By
	Rounding money.Rounding // empty: half-up
}

// Unpriced is the Row of a call that is not charged: it failed, has no billed
// second under a row with a connect fee, or has no price and is among the
// exceptions.
const Unpriced uint32 = math.MaxUint32

// Priced is what rating makes of one record.
type Priced struct {
	Row     uint32 // rate version, index in the sheet of its way; or Unpriced
	Seconds uint32 // billed
	Period  uint32 // index into Rated.Periods
}

// Exception is a successful call that could not be priced.
type Exception struct {
	Record uint32 // index into the batch's records
	Code   fault.Code
}

// Moment replaces start and duration of a record where its period and rate
// version are chosen: the buyer's call follows the seller's record of it.
type Moment struct {
	Start    int64
	Duration uint32
}

// Rated is a batch with a price version, billed seconds and period for each
// record.
type Rated struct {
	Batch      *usage.Batch
	Terms      Terms
	Periods    []usage.Interval // those with a record, ascending
	Calls      []Priced         // one for each of Batch.Records
	Exceptions []Exception
}

// Rate finds period, rate version and billed seconds of each record. moved
// names records that follow another moment than their own; it may be nil.
// Codes: [CodeTooMuch], invalid for terms without a sheet.
func Rate(b *usage.Batch, t Terms, moved map[uint32]Moment) (*Rated, error) {
	if t.Sheets[0] == nil || t.Sheets[1] == nil {
		return nil, fault.New(fault.Invalid, "a direction has no rate sheet", "agree on a sheet for both directions").In("sheets")
	}
	if t.Rounding == "" {
		t.Rounding = money.HalfUp
	}
	if err := t.Rounding.Validate(); err != nil {
		return nil, err
	}
	if len(b.Records) >= math.MaxUint32 {
		return nil, fault.New(CodeTooMuch, "a batch of more than 4 billion records", "split the file")
	}
	r := &Rated{Batch: b, Terms: t, Calls: make([]Priced, len(b.Records))}
	periods := periods{calendar: t.Calendar, index: map[int64]uint32{}}
	for i := range b.Records {
		rec := &b.Records[i]
		at := Moment{rec.Start, rec.Duration}
		if len(moved) > 0 {
			if m, ok := moved[uint32(i)]; ok {
				at = m
			}
		}
		p := Priced{Row: Unpriced, Period: periods.at(t.By.Moment(at.Start, at.Duration))}
		if rec.Result == usage.Success {
			sheet := t.Sheets[rec.Way&1]
			if row, ok := sheet.Find(rec.Destination, rec.Origin, at.Start); !ok {
				r.Exceptions = append(r.Exceptions, Exception{uint32(i), sheet.Unpriced(rec.Destination, rec.Origin, at.Start)})
			} else if rec.Duration > 0 || !sheet.rows[row].Free(0) {
				v := &sheet.index.versions[row]
				p.Row, p.Seconds = row, billed(rec.Duration, v.minimum, v.increment)
			}
		}
		r.Calls[i] = p
	}
	var place []uint32
	r.Periods, place = periods.sorted()
	for i := range r.Calls {
		r.Calls[i].Period = place[r.Calls[i].Period]
	}
	return r, nil
}

// periods numbers periods as they are met.
type periods struct {
	calendar usage.Calendar
	index    map[int64]uint32 // by beginning
	met      []usage.Interval
	last     uint32 // period of the last record: the next one is often in it
}

func (p *periods) at(ms int64) uint32 {
	if len(p.met) > 0 && p.met[p.last].Contains(ms) {
		return p.last
	}
	i := p.calendar.At(ms)
	n, ok := p.index[i.From]
	if !ok {
		n = uint32(len(p.met))
		p.index[i.From] = n
		p.met = append(p.met, i)
	}
	p.last = n
	return n
}

// sorted gives the periods in order, and the place of each number in it.
func (p *periods) sorted() (in []usage.Interval, place []uint32) {
	order := make([]uint32, len(p.met))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int { return cmp.Compare(p.met[a].From, p.met[b].From) })
	place = make([]uint32, len(order))
	for i, n := range order {
		in = append(in, p.met[n])
		place[n] = uint32(i)
	}
	return in, place
}

// Group is the calls of one line: one rate version in one period and
// direction.
type Group struct {
	Way           usage.Way
	Period        uint32 // index into Rated.Periods
	Row           uint32
	Calls         uint64
	RawMillis     uint64
	BilledSeconds uint64
	Records       []uint32 // indexes into the batch, in canonical order; nil from Totals
}

// Totals sums the priced calls by line, in the order of direction, period and
// row, without naming the records.
func (r *Rated) Totals() []Group {
	groups, _ := r.total()
	return groups
}

// Groups is Totals with the records of each line.
func (r *Rated) Groups() []Group {
	groups, calls := r.total()
	all := make([]uint32, len(calls))
	for i := range calls {
		all[i] = calls[i].index
	}
	records := r.Batch.Records
	order := func(a, b uint32) int {
		x, y := &records[a], &records[b]
		if x.Start != y.Start {
			return cmp.Compare(x.Start, y.Start)
		}
		return cmp.Or(cmp.Compare(x.Destination, y.Destination), cmp.Compare(x.Origin, y.Origin), cmp.Compare(x.Duration, y.Duration))
	}
	for i := range groups {
		n := groups[i].Calls
		groups[i].Records, all = all[:n:n], all[n:]
		if !slices.IsSortedFunc(groups[i].Records, order) {
			slices.SortFunc(groups[i].Records, order)
		}
	}
	return groups
}

// total sums by line and gives the priced calls in the order of lines.
func (r *Rated) total() (groups []Group, calls []keyed) {
	priced := 0
	for i := range r.Calls {
		if r.Calls[i].Row != Unpriced {
			priced++
		}
	}
	calls = make([]keyed, 0, priced)
	for i := range r.Calls {
		if c := &r.Calls[i]; c.Row != Unpriced {
			calls = append(calls, keyed{lineKey(uint8(r.Batch.Records[i].Way), c.Period, c.Row), uint32(i)})
		}
	}
	calls = sortByKey(calls)
	lines := 0
	for i := range calls {
		if i == 0 || calls[i].key != calls[i-1].key {
			lines++
		}
	}
	groups = make([]Group, 0, lines)
	for i := range calls {
		c, rec := &r.Calls[calls[i].index], &r.Batch.Records[calls[i].index]
		if i == 0 || calls[i].key != calls[i-1].key {
			groups = append(groups, Group{Way: rec.Way & 1, Period: c.Period, Row: c.Row})
		}
		g := &groups[len(groups)-1]
		g.Calls++
		g.RawMillis += uint64(rec.Duration)
		g.BilledSeconds += uint64(c.Seconds)
	}
	return groups, calls
}

// Slot says which line of which statement a group is, when it adjusts nothing.
func (r *Rated) Slot(g *Group) usage.Slot {
	return usage.Slot{Direction: r.Batch.Pair.Direction(g.Way), Period: r.Periods[g.Period], Row: g.Row}
}

// Take gives the calls of a group for [usage.Commit] and delivery.
func (r *Rated) Take(g *Group, h *usage.Hider) []usage.Call {
	calls := make([]usage.Call, len(g.Records))
	for i, n := range g.Records {
		calls[i] = h.Call(&r.Batch.Records[n])
	}
	slices.SortFunc(calls, usage.Call.Order)
	return calls
}

// Charge prices a group by the rounding of the terms. Code:
// [money.CodeOverflow].
func (r *Rated) Charge(g *Group) (money.Amount, error) {
	row := r.Terms.Sheets[g.Way].Row(g.Row)
	m, err := row.Charge(g.Calls, g.BilledSeconds, r.Terms.Rounding)
	return money.Amount{Currency: row.Currency, Micro: m}, err
}
