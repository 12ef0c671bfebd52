package reconcile

import (
	"cmp"
	"fmt"
	"maps"
	"math/bits"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// CodeNotComparable says that two rated batches are not of the same traffic
// under the same terms.
const CodeNotComparable fault.Code = "not-comparable"

// unmatched marks a record without a partner.
const unmatched = ^uint32(0)

// Compare matches the successful calls of two sides and says what differs, how
// often, and what each cause makes in money. Both batches are of the same pair
// and rated by the same sheets. Codes: [CodeNotComparable],
// [money.CodeOverflow], [CodeBadTolerance].
func Compare(ours, theirs *rating.Rated, tol Tolerances) (*Result, error) {
	if err := tol.Validate(); err != nil {
		return nil, err
	}
	if ours.Batch.Pair != theirs.Batch.Pair || ours.Terms.Sheets != theirs.Terms.Sheets || ours.Terms.Rounding != theirs.Terms.Rounding {
		return nil, fault.New(CodeNotComparable, "the two sides are not of one pair of carriers under the same sheets and rounding", "read and rate both files under the same agreement")
	}
	partner := pairUp(ours.Batch.Records, theirs.Batch.Records, tol.StartMillis)
	c := comparison{ours: ours, theirs: theirs, tol: tol, deltas: map[line]*[len(stages)]figures{}, found: map[cause]*Difference{}}
	c.linesOurs, c.linesTheirs = ours.Totals(), theirs.Totals()
	c.periods()
	c.sort(partner)
	if err := c.price(); err != nil {
		return nil, err
	}
	if err := c.duplicates(); err != nil {
		return nil, err
	}
	c.finish()
	return &c.Result, nil
}

// pairUp gives for each of our records the index of its partner, or unmatched.
// Exact pairs with known origins, nearly all of the traffic, are found by hash;
// what is left is matched by order.
func pairUp(ours, theirs []usage.Record, tolerance int64) []uint32 {
	partner := make([]uint32, len(ours))
	taken := make([]bool, len(theirs))
	size := 1 << bits.Len(uint(len(theirs)+len(theirs)/2))
	mask := uint32(size - 1)
	slots := make([]uint32, size) // index + 1; 0 is free
	for i := range theirs {
		if r := &theirs[i]; r.Result == usage.Success && r.Origin != usage.Withheld {
			at := callHash(r) & mask
			for slots[at] != 0 {
				at = (at + 1) & mask
			}
			slots[at] = uint32(i) + 1
		}
	}
	var left, right []item
	for i := range ours {
		partner[i] = unmatched
		r := &ours[i]
		if r.Result != usage.Success {
			continue
		}
		if r.Origin != usage.Withheld {
			for at := callHash(r) & mask; slots[at] != 0; at = (at + 1) & mask {
				j := slots[at] - 1
				if t := &theirs[j]; !taken[j] && t.Start == r.Start && t.Destination == r.Destination &&
					t.Origin == r.Origin && t.Duration == r.Duration && t.Way == r.Way {
					partner[i], taken[j] = j, true
					break
				}
			}
		}
		if partner[i] == unmatched {
			left = append(left, itemOf(r, uint32(i)))
		}
	}
	for j := range theirs {
		if r := &theirs[j]; r.Result == usage.Success && !taken[j] {
			right = append(right, itemOf(r, uint32(j)))
		}
	}
	match(left, right, tolerance, func(i, j uint32) { partner[i] = j })
	return partner
}

// callHash mixes what an exact pair has in common. Its seed is fixed: the result
// does not depend on it, and the records are the carrier's own.
func callHash(r *usage.Record) uint32 {
	hi, lo := bits.Mul64(uint64(r.Start)^0x9e3779b97f4a7c15, uint64(r.Destination)^0xd1b54a32d192ed03)
	hi, lo = bits.Mul64(hi^lo^uint64(r.Origin), uint64(r.Duration)<<1^uint64(r.Way)^0x8cb92ba72f3d8dd7)
	h := hi ^ lo
	return uint32(h ^ h>>32)
}

// A number has at most 50 bits, so the way fits above it.
func itemOf(r *usage.Record, index uint32) item {
	return item{flow: uint64(r.Way)<<63 | uint64(r.Destination), origin: uint64(r.Origin), start: r.Start, duration: r.Duration, index: index}
}

// stages are the steps from their line totals to ours, in the order of causes.
// The last one takes all that is left, so that the amounts add up: also a pair
// that bills the same seconds and differs only in ms, where that puts the two
// records into different periods.
var stages = [...]Cause{OnlyOurs, OnlyTheirs, Skewed, Duration}

const (
	stageOnlyOurs = iota
	stageOnlyTheirs
	stageSkewed
	stageDuration
)

// line is an invoice line: rate version, period, direction.
type line struct {
	way    usage.Way
	period uint32 // in the common numbering
	row    uint32
}

func (a line) order(b line) int {
	return cmp.Or(cmp.Compare(a.way, b.way), cmp.Compare(a.period, b.period), cmp.Compare(a.row, b.row))
}

// cause is where a difference is counted.
type cause struct {
	cause    Cause
	way      usage.Way
	currency money.Currency
}

// comparison is a Compare under way.
type comparison struct {
	Result
	ours, theirs *rating.Rated
	tol          Tolerances

	linesOurs, linesTheirs []rating.Group // of each side alone
	placeOurs, placeTheirs []uint32       // of each side's periods in their common numbering; ascending

	deltas map[line]*[len(stages)]figures // what each stage moves
	found  map[cause]*Difference
}

func orderPeriods(a, b usage.Interval) int { return cmp.Compare(a.From, b.From) }

// periods finds the common numbering of both sides' periods.
func (c *comparison) periods() {
	var all []usage.Interval
	all = append(append(all, c.ours.Periods...), c.theirs.Periods...)
	slices.SortFunc(all, orderPeriods)
	all = slices.Compact(all)
	place := func(own []usage.Interval) []uint32 {
		out := make([]uint32, len(own))
		for i, p := range own {
			n, _ := slices.BinarySearchFunc(all, p, orderPeriods)
			out[i] = uint32(n)
		}
		return out
	}
	c.placeOurs, c.placeTheirs = place(c.ours.Periods), place(c.theirs.Periods)
}

// sort puts every successful call into its bucket.
func (c *comparison) sort(partner []uint32) {
	ours, theirs := c.ours.Batch.Records, c.theirs.Batch.Records
	taken := make([]bool, len(theirs))
	pairs := 0
	for _, j := range partner {
		if j != unmatched {
			pairs++
		}
	}
	c.Pairs = make([]Pair, 0, pairs)
	for i := range ours {
		if ours[i].Result != usage.Success {
			continue
		}
		j := partner[i]
		if j == unmatched {
			c.OnlyOurs = append(c.OnlyOurs, uint32(i))
			c.Counts.OnlyOurs++
			c.count(OnlyOurs, c.ours, uint32(i))
			c.move(stageOnlyOurs, c.lineOurs(uint32(i)), c.ours.Calls[i], +1)
			continue
		}
		taken[j] = true
		c.Pairs = append(c.Pairs, Pair{uint32(i), j})
		c.pair(uint32(i), j)
	}
	for j := range theirs {
		if theirs[j].Result == usage.Success && !taken[j] {
			c.OnlyTheirs = append(c.OnlyTheirs, uint32(j))
			c.Counts.OnlyTheirs++
			c.count(OnlyTheirs, c.theirs, uint32(j))
			c.move(stageOnlyTheirs, c.lineTheirs(uint32(j)), c.theirs.Calls[j], -1)
		}
	}
}

func (c *comparison) pair(i, j uint32) {
	a, b := &c.ours.Batch.Records[i], &c.theirs.Batch.Records[j]
	x, y := c.ours.Calls[i], c.theirs.Calls[j]
	stage := stageDuration
	raw := a.Duration != b.Duration
	// Where one side's start finds no rate, the other's tells what the call is
	// about: without it the same call would seem to bill nothing.
	known, at := c.theirs, j
	billedOurs, billedTheirs := x.Seconds, y.Seconds
	switch {
	case x.Row == rating.Unpriced && y.Row != rating.Unpriced:
		billedOurs = c.theirs.Terms.Sheets[b.Way].Row(y.Row).Billed(a.Duration)
	case y.Row == rating.Unpriced && x.Row != rating.Unpriced:
		known, at = c.ours, i
		billedTheirs = c.ours.Terms.Sheets[a.Way].Row(x.Row).Billed(b.Duration)
	}
	switch {
	case max(billedOurs, billedTheirs)-min(billedOurs, billedTheirs) > c.tol.BilledSeconds:
		c.Counts.Duration++
		c.count(Duration, known, at)
		raw = false
	case a.Start != b.Start:
		stage = stageSkewed
		c.Counts.Skewed++
		c.count(Skewed, known, at)
	default:
		c.Counts.Exact++
	}
	if raw {
		c.Counts.RawOnly++
	}
	if from, to := c.lineTheirs(j), c.lineOurs(i); from != to || x.Seconds != y.Seconds {
		c.move(stage, from, y, -1)
		c.move(stage, to, x, +1)
	}
}

func (c *comparison) lineOurs(i uint32) line {
	p := c.ours.Calls[i]
	return line{c.ours.Batch.Records[i].Way, c.placeOurs[p.Period], p.Row}
}

func (c *comparison) lineTheirs(j uint32) line {
	p := c.theirs.Calls[j]
	return line{c.theirs.Batch.Records[j].Way, c.placeTheirs[p.Period], p.Row}
}

func (c *comparison) move(stage int, l line, p rating.Priced, sign int64) {
	if p.Row == rating.Unpriced {
		return
	}
	d := c.deltas[l]
	if d == nil {
		d = new([len(stages)]figures)
		c.deltas[l] = d
	}
	d[stage].calls += sign
	d[stage].seconds += sign * int64(p.Seconds)
}

// count counts a difference under the currency of the call's rate. What no rate
// prices makes none: such calls are named as exceptions.
func (c *comparison) count(k Cause, side *rating.Rated, i uint32) {
	way := side.Batch.Records[i].Way
	if p := side.Calls[i]; p.Row != rating.Unpriced {
		c.difference(k, way, side.Terms.Sheets[way].Row(p.Row).Currency).Count++
	}
}

func (c *comparison) difference(k Cause, way usage.Way, currency money.Currency) *Difference {
	key := cause{k, way, currency}
	d := c.found[key]
	if d == nil {
		d = &Difference{Cause: k, Direction: c.ours.Batch.Pair.Direction(way), Currency: currency}
		c.found[key] = d
	}
	return d
}

// price sums both sides' lines, and walks each line that differs from their
// total to ours, one cause after the other.
func (c *comparison) price() error {
	if err := c.total(c.ours, c.linesOurs, func(t *Total) *money.Micro { return &t.Ours }); err != nil {
		return err
	}
	if err := c.total(c.theirs, c.linesTheirs, func(t *Total) *money.Micro { return &t.Theirs }); err != nil {
		return err
	}
	for _, l := range slices.SortedFunc(maps.Keys(c.deltas), line.order) {
		row := c.ours.Terms.Sheets[l.way].Row(l.row)
		var left figures
		if own, ok := slices.BinarySearch(c.placeTheirs, l.period); ok {
			left = figuresOf(c.linesTheirs, line{l.way, uint32(own), l.row})
		}
		before, err := left.charge(row, c.ours.Terms.Rounding)
		if err != nil {
			return err
		}
		for stage, delta := range c.deltas[l] {
			if delta == (figures{}) {
				continue
			}
			// Never below zero: what a stage takes away was in their total.
			left.calls += delta.calls
			left.seconds += delta.seconds
			after, err := left.charge(row, c.ours.Terms.Rounding)
			if err != nil {
				return err
			}
			change, err := before.Sub(after)
			if err != nil {
				return err
			}
			if err := addTo(&c.difference(stages[stage], l.way, row.Currency).Amount, change); err != nil {
				return err
			}
			before = after
		}
	}
	return nil
}

// total adds a side's lines up by direction and currency.
func (c *comparison) total(r *rating.Rated, lines []rating.Group, of func(*Total) *money.Micro) error {
	var t *Total
	for i := range lines {
		g := &lines[i]
		amount, err := r.Charge(g)
		if err != nil {
			return fmt.Errorf("totalling row %d of %s: %w", g.Row, r.Batch.Pair.Direction(g.Way), err)
		}
		d := r.Batch.Pair.Direction(g.Way)
		if t == nil || t.Direction != d || t.Currency != amount.Currency {
			at := slices.IndexFunc(c.Totals, func(t Total) bool { return t.Direction == d && t.Currency == amount.Currency })
			if at < 0 {
				at = len(c.Totals)
				c.Totals = append(c.Totals, Total{Direction: d, Currency: amount.Currency})
			}
			t = &c.Totals[at]
		}
		if err := addTo(of(t), amount.Micro); err != nil {
			return err
		}
	}
	return nil
}

// figures is what a line is priced by.
type figures struct{ calls, seconds int64 }

func (f figures) charge(row *rating.Row, r money.Rounding) (money.Micro, error) {
	return row.Charge(uint64(f.calls), uint64(f.seconds), r)
}

// figuresOf finds those of a line among a side's own, which are in order; the
// line's period is in that side's numbering.
func figuresOf(lines []rating.Group, l line) figures {
	at, ok := slices.BinarySearchFunc(lines, l, func(g rating.Group, l line) int { return line{g.Way, g.Period, g.Row}.order(l) })
	if !ok {
		return figures{}
	}
	return figures{int64(lines[at].Calls), int64(lines[at].BilledSeconds)}
}

// duplicates states what the rows that repeat others would have added.
func (c *comparison) duplicates() error {
	for _, side := range []struct {
		rated *rating.Rated
		lines []rating.Group
		sign  int64
	}{{c.ours, c.linesOurs, -1}, {c.theirs, c.linesTheirs, +1}} {
		r := side.rated
		again, err := rating.Rate(&usage.Batch{Pair: r.Batch.Pair, Records: r.Batch.Duplicates}, r.Terms, nil)
		if err != nil {
			return err
		}
		for i := range again.Calls {
			if again.Batch.Records[i].Result == usage.Success {
				c.count(Duplicate, again, uint32(i))
			}
		}
		for _, g := range again.Totals() {
			row := r.Terms.Sheets[g.Way].Row(g.Row)
			var once figures
			if own, ok := slices.BinarySearchFunc(r.Periods, again.Periods[g.Period], orderPeriods); ok {
				once = figuresOf(side.lines, line{g.Way, uint32(own), g.Row})
			}
			without, err := once.charge(row, r.Terms.Rounding)
			if err != nil {
				return err
			}
			with, err := figures{once.calls + int64(g.Calls), once.seconds + int64(g.BilledSeconds)}.charge(row, r.Terms.Rounding)
			if err != nil {
				return err
			}
			// Both are of one sign, so their difference is in range.
			added, err := (with - without).Mul(side.sign)
			if err != nil {
				return err
			}
			if err := addTo(&c.difference(Duplicate, g.Way, row.Currency).Amount, added); err != nil {
				return err
			}
		}
	}
	return nil
}

func addTo(sum *money.Micro, m money.Micro) (err error) {
	*sum, err = sum.Add(m)
	return err
}

// finish puts totals and differences in their order.
func (c *comparison) finish() {
	place := map[Cause]int{OnlyOurs: 0, OnlyTheirs: 1, Skewed: 2, Duration: 3, Duplicate: 4}
	for _, d := range c.found {
		if d.Count > 0 || d.Amount != 0 {
			c.Differences = append(c.Differences, *d)
		}
	}
	slices.SortFunc(c.Differences, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(place[a.Cause], place[b.Cause]), cmp.Compare(a.Direction.From, b.Direction.From), cmp.Compare(a.Currency, b.Currency))
	})
	slices.SortFunc(c.Totals, func(a, b Total) int {
		return cmp.Or(cmp.Compare(a.Direction.From, b.Direction.From), cmp.Compare(a.Currency, b.Currency))
	})
}
