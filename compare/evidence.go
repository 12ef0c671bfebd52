package compare

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lateral-network/lateral/trade/habit"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// Learned is something that the records of both sides showed, and that was done
// to a side's records before they were compared.
type Learned struct {
	Side   string `json:"side"`  // ours or theirs
	Trunk  string `json:"trunk"` // of the side; empty with plus: of all trunks
	Kind   string `json:"kind"`
	Detail string `json:"detail"`
	Calls  uint64 `json:"calls"`
}

// MarshalJSON gives the times in RFC 3339.
func (b Block) MarshalJSON() ([]byte, error) {
	type plain Block
	return json.Marshal(struct {
		plain
		From string `json:"from"`
		To   string `json:"to"`
	}{plain(b), usage.Stamp(b.From), usage.Stamp(b.To)})
}

// Kinds of what is learned.
const (
	learnedPlus      = "plus"
	learnedZeros     = "00"
	learnedNational  = "national_zero"
	learnedTechnical = "technical_prefix"
	learnedCountry   = "country_code"
	learnedZone      = "time_zone"
	learnedClock     = "clock"
)

// kindOf names a rule for numbers that are written after a form.
func kindOf(form string, r numberRule) string {
	switch {
	case r.stripDigits == 0 && r.addDigits == 0 && habit.International(form):
		return learnedZeros
	case r.stripDigits == 0 && form == "0" && r.addDigits > 0:
		return learnedNational
	case r.stripDigits == 0 && form == "" && r.addDigits > 0:
		return learnedCountry
	}
	return learnedTechnical
}

// describe says what a rule does.
func (r numberRule) describe(form string) string {
	var list []string
	taken := form
	if r.stripDigits > 0 {
		taken += usage.Number(r.strip).String()
	}
	if taken != "" {
		list = append(list, taken+" taken off")
	}
	if r.addDigits > 0 {
		list = append(list, usage.Number(r.add).String()+" put before")
	}
	return strings.Join(list, ", ")
}

// describeClock says how a clock is off.
func describeClock(c habit.Clock) string {
	d := time.Duration(abs(c.Millis)) * time.Millisecond
	if c.Zone {
		sign := "+"
		if c.Millis < 0 {
			sign = "-"
		}
		return fmt.Sprintf("times stand %s%02d:%02d from the other side's", sign, d/time.Hour, d%time.Hour/time.Minute)
	}
	if c.Millis < 0 {
		return fmt.Sprintf("clock %s behind the other side's", d)
	}
	return fmt.Sprintf("clock %s ahead of the other side's", d)
}

// rules are the rules for numbers that changed any, in the order of reports.
func (f *found) rules(c *comparison, s side) []rewritten {
	return slices.SortedFunc(maps.Keys(f.rewritten[s]), func(a, b rewritten) int {
		return cmp.Or(cmp.Compare(c.files[s].trunks.name(a.trunk), c.files[s].trunks.name(b.trunk)),
			cmp.Compare(c.files[s].forms.name(a.form), c.files[s].forms.name(b.form)), a.numberRule.order(b.numberRule))
	})
}

// shown lists what was learned: it is never silent.
func (c *comparison) shown(f *found) []Learned {
	out := []Learned{}
	for _, s := range []side{ours, theirs} {
		in := c.files[s]
		if in.plus > 0 {
			out = append(out, Learned{s.String(), "", learnedPlus, "+ taken off", in.plus})
		}
		for _, k := range f.rules(c, s) {
			form := in.forms.name(k.form)
			out = append(out, Learned{s.String(), in.trunks.name(k.trunk), kindOf(form, k.numberRule), k.numberRule.describe(form), f.rewritten[s][k]})
		}
		for _, t := range c.clocksOf(s) {
			o, kind := c.learned.clocks[s][t], learnedClock
			if o.Zone {
				kind = learnedZone
			}
			out = append(out, Learned{s.String(), in.trunks.name(t), kind, describeClock(o), f.shifted[s][t]})
		}
	}
	return out
}

// clocksOf gives the trunks of a side whose clocks are off, by name.
func (c *comparison) clocksOf(s side) []uint16 {
	return slices.SortedFunc(maps.Keys(c.learned.clocks[s]), func(a, b uint16) int {
		return cmp.Compare(c.files[s].trunks.name(a), c.files[s].trunks.name(b))
	})
}

// Rules by which a duration may have been rounded.
var (
	units = [...]uint32{1, 6, 30, 60} // s
	modes = [...]string{"up", "down", "nearest"}
)

const candidates = len(units) * len(modes)

func rounded(duration uint32, candidate int) uint64 {
	unit := uint64(units[candidate/len(modes)]) * 1000
	d := uint64(duration)
	switch modes[candidate%len(modes)] {
	case "up":
		d += unit - 1
	case "nearest":
		d += unit / 2
	}
	return d / unit * unit
}

// fits counts, for the calls of a trunk whose durations differ, which rule makes
// the trunk's duration of the other side's.
type fits struct {
	calls uint64
	by    [candidates]uint64
}

// skew is how starts differ on a trunk of theirs, ms.
type skew struct {
	calls, sum  int64
	least, most int64
}

// priceMove is a row of theirs in whose place we have another.
type priceMove struct {
	way         usage.Way
	cause       uint8
	yours, mine uint32
}

// learnFrom takes what a call says of all of its kind.
func (w *writing) learnFrom(d *diff) error {
	if d.a.line == 0 || d.b.line == 0 {
		return nil
	}
	if d.has(atDurationRounding) {
		for s, v := range [2]struct{ has, other call }{{d.a, d.b}, {d.b, d.a}} {
			f := w.durations[side(s)][v.has.trunk]
			if f == nil {
				f = &fits{}
				w.durations[side(s)][v.has.trunk] = f
			}
			f.calls++
			for i := range f.by {
				if rounded(v.other.duration, i) == uint64(v.has.duration) {
					f.by[i]++
				}
			}
		}
	}
	if d.has(atClockSkew) {
		apart := d.b.start - d.a.start
		if o := w.c.offset(theirs, d.b.trunk); o.Zone {
			apart -= o.Millis
		}
		k := w.skews[d.b.trunk]
		if k == nil {
			k = &skew{least: apart, most: apart}
			w.skews[d.b.trunk] = k
		}
		k.calls++
		k.sum += apart
		k.least, k.most = min(k.least, apart), max(k.most, apart)
	}
	for _, cause := range []uint8{atDialCode, atRateVersion, atLatePrice, atOriginSurcharge} {
		if !d.has(cause) {
			continue
		}
		k := priceMove{d.way(), cause, d.yours.line, d.mine.line}
		at := w.prices[k]
		if at == nil {
			at = &[2]sideSum{}
			w.prices[k] = at
		}
		for s, v := range [2]spot{d.mine, d.yours} {
			one, err := w.one(v)
			if err != nil {
				return err
			}
			if err := at[s].add(w.f.ladder, v.line, one, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// summaries writes what is to be said of a cause's calls together.
func (w *writing) summaries() error {
	for _, step := range []func() error{w.numbers, w.clocks, w.blocks, w.roundings, w.rows} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// summary writes a file of evidence. Without a row there is none.
func (w *writing) summary(name string, columns []string, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	t, err := w.table("causes/"+name+".csv", "", columns...)
	if err != nil {
		return err
	}
	defer t.discard()
	for _, r := range rows {
		if err := t.put(r...); err != nil {
			return err
		}
	}
	return t.close()
}

// numbers writes how called numbers are written, and what would have gone
// unrated if that had not been seen.
func (w *writing) numbers() error {
	var rows [][]any
	for _, s := range []side{ours, theirs} {
		in := w.c.files[s]
		if in.plus > 0 {
			rows = append(rows, []any{s.String(), nil, learnedPlus, "+", "+ taken off", in.plus, uint64(0), nil, nil, nil})
		}
		for _, k := range w.f.rules(w.c, s) {
			r, form, gone := w.f.rewritten[s][k], in.forms.name(k.form), w.f.detail.unrated[s][k]
			if gone == nil {
				gone = &unrated{}
			}
			head := func() []any {
				return []any{s.String(), in.trunks.name(k.trunk), kindOf(form, k.numberRule), form, k.numberRule.describe(form), r, gone.calls}
			}
			t := newTally(w.c.lines)
			for at, v := range gone.lines {
				t.at(at).add(*v)
			}
			total, err := w.f.ladder.total(t)
			if err != nil {
				return err
			}
			for _, f := range sortedFlows(total) {
				rows = append(rows, append(head(), w.c.pair.Direction(f.way).String(), f.currency, total[f]))
			}
			if len(total) == 0 {
				rows = append(rows, append(head(), nil, nil, nil))
			}
		}
	}
	if len(rows) > 0 {
		w.result.Causes[atNumberFormat].Evidence = "causes/number_format.csv"
	}
	return w.summary("number_format", []string{"side", "trunk", "kind", "written_before", "rule", "calls", "unrated_without_it", "direction", "currency", "amount_without_it"}, rows)
}

// seconds prints ms that may be negative.
func seconds(ms int64) string {
	if ms < 0 {
		return "-" + millis(-ms).String()
	}
	return millis(ms).String()
}

// clocks writes by how much the clocks of trunks are off.
func (w *writing) clocks() error {
	var zones, skews [][]any
	for _, s := range []side{ours, theirs} {
		for _, t := range w.c.clocksOf(s) {
			o := w.c.learned.clocks[s][t]
			row := []any{s.String(), w.c.files[s].trunks.name(t), seconds(o.Millis), describeClock(o), w.f.shifted[s][t]}
			if o.Zone {
				zones = append(zones, row)
			} else {
				skews = append(skews, append(row, nil, nil))
			}
		}
	}
	names := w.c.files[theirs].trunks
	for _, t := range slices.SortedFunc(maps.Keys(w.skews), func(a, b uint16) int { return cmp.Compare(names.name(a), names.name(b)) }) {
		k := w.skews[t]
		skews = append(skews, []any{"theirs", names.name(t), seconds(habit.FloorDiv(k.sum, k.calls)), "mean of the calls that differ", uint64(k.calls), seconds(k.least), seconds(k.most)})
	}
	columns := []string{"side", "trunk", "seconds_ahead", "what", "calls"}
	if err := w.summary("time_zone-summary", columns, zones); err != nil {
		return err
	}
	return w.summary("clock_skew-summary", append(columns, "least_seconds", "most_seconds"), skews)
}

// blocks writes the stretches in which a side lacks all calls of a trunk.
func (w *writing) blocks() error {
	var rows [][]any
	for _, b := range w.result.Blocks {
		rows = append(rows, []any{b.Missing, b.Trunk, stamp(b.From), stamp(b.To), b.Calls})
	}
	return w.summary("missing_block-summary", []string{"missing_at", "trunk", "from", "to", "calls"}, rows)
}

// roundings writes which rule makes one side's durations of the other's.
func (w *writing) roundings() error {
	var rows [][]any
	list := func(s side, trunk string, f *fits) {
		order := make([]int, candidates)
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return -cmp.Compare(f.by[a], f.by[b]) })
		for _, i := range order {
			if f.by[i] > 0 {
				rows = append(rows, []any{s.String(), trunk, modes[i%len(modes)], units[i/len(modes)], f.by[i], f.calls})
			}
		}
	}
	for _, s := range []side{ours, theirs} {
		all := &fits{}
		for _, f := range w.durations[s] {
			all.calls += f.calls
			for i, n := range f.by {
				all.by[i] += n
			}
		}
		list(s, "(all)", all)
		names := w.c.files[s].trunks
		for _, t := range slices.SortedFunc(maps.Keys(w.durations[s]), func(a, b uint16) int { return cmp.Compare(names.name(a), names.name(b)) }) {
			list(s, names.name(t), w.durations[s][t])
		}
	}
	return w.summary("duration_rounding-summary", []string{"side", "trunk", "rounded", "to_seconds", "explains_calls", "of_calls_that_differ"}, rows)
}

// rowOf gives the row of a side's sheet behind a number of a line: theirs that
// says the same as one of ours may be in force at another time.
func (w *writing) rowOf(s side, line uint32) *rating.Row {
	if s == ours || w.c.lines.shared() {
		return w.c.lines.rows[line]
	}
	if w.theirRows == nil {
		w.theirRows = map[uint32]*rating.Row{}
		for way, numbers := range w.c.lines.number[theirs] {
			for i, n := range numbers {
				w.theirRows[n] = w.c.lines.sheets[theirs][way].Row(uint32(i))
			}
		}
	}
	if row := w.theirRows[line]; row != nil {
		return row
	}
	return w.c.lines.rows[line]
}

// rows writes in whose place of our rows theirs stand.
func (w *writing) rows() error {
	byCause := map[uint8][][]any{}
	order := func(a, b priceMove) int {
		return cmp.Or(cmp.Compare(a.cause, b.cause), cmp.Compare(a.way, b.way), cmp.Compare(a.mine, b.mine), cmp.Compare(a.yours, b.yours))
	}
	for _, k := range slices.SortedFunc(maps.Keys(w.prices), order) {
		v := w.prices[k]
		b := both{sides: *v}
		cells := []any{w.c.pair.Direction(k.way).String()}
		for s, n := range [2]uint32{k.mine, k.yours} {
			if n == nothing {
				cells = append(cells, nil, nil, nil, nil, nil, nil, nil, nil, nil)
				continue
			}
			row := w.rowOf(side(s), n)
			var until any
			if row.ValidTo != rating.Open {
				until = stamp(row.ValidTo)
			}
			cells = append(cells, row.Prefix, row.Destination, row.Rate, row.Currency, row.UnitSeconds, row.MinimumSeconds, row.IncrementSeconds, stamp(row.ValidFrom), until)
		}
		var currencies [2]money.Currency
		for s, n := range [2]uint32{k.mine, k.yours} {
			var err error
			if b.amount[s], err = v[s].money.value(); err != nil {
				return err
			}
			if n != nothing {
				currencies[s] = w.c.lines.rows[n].Currency
			}
		}
		cells = append(cells, v[ours].calls, v[ours].seconds, v[theirs].seconds, b.amount[ours], b.amount[theirs])
		if currencies[ours] != "" && currencies[theirs] != "" && currencies[ours] != currencies[theirs] {
			cells = append(cells, nil)
		} else {
			cells = append(cells, b.difference())
		}
		byCause[k.cause] = append(byCause[k.cause], cells)
	}
	columns := []string{"direction"}
	for _, side := range []string{"our_", "their_"} {
		for _, c := range []string{"prefix", "destination", "rate", "currency", "unit_seconds", "minimum_seconds", "increment_seconds", "valid_from", "valid_to"} {
			columns = append(columns, side+c)
		}
	}
	columns = append(columns, "calls", "our_billed_seconds", "their_billed_seconds", "our_amount", "their_amount", "difference")
	for _, cause := range slices.Sorted(maps.Keys(byCause)) {
		if err := w.summary(string(Causes[cause])+"-summary", columns, byCause[cause]); err != nil {
			return err
		}
	}
	return nil
}
