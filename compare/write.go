package compare

import (
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/habit"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// kept is what a result needs to be written; see [Job].Detail.
type kept struct {
	c *comparison
	f *found
}

// Close gives up what was kept to be written.
func (r *Result) Close() {
	if r.kept != nil {
		r.kept.f.close()
		r.kept = nil
	}
}

// Write writes the result of a job with Detail into a folder: the waterfall, the
// drill-down and the evidence of each cause, whose paths it notes. Every file is
// there in full or not at all; files of an earlier result are replaced. Codes:
// conflict for a folder of something else; those of a disk.
func (r *Result) Write(ctx context.Context, dir string) error {
	if r.kept == nil {
		return fault.New(fault.Invalid, "nothing was kept of the calls", "compare with Detail")
	}
	f, err := openFolder(dir)
	if err != nil {
		return err
	}
	return r.writeInto(ctx, f)
}

func (r *Result) writeInto(ctx context.Context, f *folder) error {
	defer f.book.file.Close()
	w := &writing{folder: f, kept: r.kept, result: r, ctx: ctx, most: mostIDs}
	for _, step := range []func() error{w.survey, w.summaries, w.remarks, w.volume, w.waterfall, w.totals, w.drill, w.workbook, f.sweep} {
		if err := step(); err != nil {
			return err
		}
	}
	r.elapsed(r.began)
	return nil
}

// writing is a result on its way into a folder.
type writing struct {
	*folder
	*kept
	result *Result
	ctx    context.Context

	most      int // ids that are kept
	wanted    [2]lineSet
	ids       [2]*idTexts
	unnamed   uint64 // lines whose id did not fit
	causes    [countCauses]uint64
	durations map[side]map[uint16]*fits
	skews     map[uint16]*skew
	prices    map[priceMove]*[2]sideSum
	theirRows map[uint32]*rating.Row // by number of line
}

// corrected gives a call's causes, now that blocks are known.
func (w *writing) corrected(d *diff) uint32 {
	s, line := theirs, d.b.line
	if d.b.line == 0 {
		s, line = ours, d.a.line
	}
	if d.has(atMissingRandom) && w.c.blocked[s] != nil && w.c.blocked[s].has(line) {
		return d.causes&^(1<<atMissingRandom) | 1<<atMissingBlock
	}
	return d.causes
}

// survey goes through the calls once: what is to be said of them together, and
// which lines of the files are asked for their ids.
func (w *writing) survey() error {
	for s, f := range w.c.files {
		w.wanted[s] = newLineSet(f.last)
	}
	w.durations = map[side]map[uint16]*fits{ours: {}, theirs: {}}
	w.skews = map[uint16]*skew{}
	w.prices = map[priceMove]*[2]sideSum{}
	err := w.f.detail.inOrder(func(d *diff) error {
		for s, line := range [2]uint32{d.a.line, d.b.line} {
			if line == 0 && !d.has(atDuplicate) {
				line = d.other
			}
			if line != 0 {
				w.wanted[s].add(line)
			}
		}
		causes := w.corrected(d)
		for i := range w.causes {
			w.causes[i] += uint64(causes >> i & 1)
		}
		return w.learnFrom(d)
	})
	if err != nil {
		return err
	}
	for i, n := range w.causes {
		if n > 0 {
			w.result.Causes[i].Evidence = "causes/" + string(Causes[i]) + ".csv"
		}
	}
	for s := range w.ids {
		if w.ids[s], err = w.readIDs(side(s)); err != nil {
			return err
		}
	}
	return nil
}

// Bounds of the ids that are kept of both files.
const (
	mostIDs     = 4_000_000
	mostIDBytes = 256 << 20
)

// idTexts are the ids of some lines.
type idTexts struct {
	lines []uint32
	ends  []uint32 // of texts
	texts []byte
}

func (t *idTexts) of(line uint32) string {
	i, ok := slices.BinarySearch(t.lines, line)
	if !ok {
		return ""
	}
	from := uint32(0)
	if i > 0 {
		from = t.ends[i-1]
	}
	return string(t.texts[from:t.ends[i]])
}

// readIDs reads a file once more for the ids of the wanted lines.
func (w *writing) readIDs(s side) (*idTexts, error) {
	out := &idTexts{}
	if !slices.ContainsFunc(w.wanted[s], func(v uint64) bool { return v != 0 }) {
		return out, nil
	}
	in := w.c.job.Records[s]
	r, err := in.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	done := int64(0)
	c, err := newCutter(r, func(n int) {
		done += int64(n)
		w.c.job.Progress("reading "+in.Name+" again", done, in.Size)
	})
	if err != nil {
		return nil, err
	}
	parser := voice.Parser{Pair: w.c.pair, Zone: in.Zone}
	var row voice.Row
	for {
		p, err := c.next()
		// A file that breaks off was reported when it was first read.
		if err == io.EOF || fault.CodeOf(err) == voice.CodeUnreadable {
			return out, nil
		}
		if err == nil {
			err = w.ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		if p.long {
			continue
		}
		for number, line := range p.lines {
			if number > uint64(w.c.files[s].last) {
				return out, nil
			}
			if !w.wanted[s].has(uint32(number)) {
				continue
			}
			if len(w.ids[ours].kept())+len(out.lines) >= w.most || len(out.texts) > mostIDBytes/2 {
				w.unnamed++
				continue
			}
			switch err := parser.Parse(line, &row); fault.CodeOf(err) {
			case "", voice.CodeBadNumber, voice.CodeThirdCarrier:
				out.lines = append(out.lines, uint32(number))
				out.texts = append(out.texts, row.ID...)
				out.ends = append(out.ends, uint32(len(out.texts)))
			}
		}
		c.done(p)
	}
}

// kept gives the lines that are kept; none of a file that was not read yet.
func (t *idTexts) kept() []uint32 {
	if t == nil {
		return nil
	}
	return t.lines
}

// totals writes the top of the drill-down.
func (w *writing) totals() error {
	t, err := w.table("totals.csv", "totals", append([]string{"direction", "currency", "our_amount", "their_amount", "difference", "explained", "unexplained"}, invoicedColumns...)...)
	if err != nil {
		return err
	}
	defer t.discard()
	type total struct {
		direction string
		currency  money.Currency
	}
	billed := map[total]priced{}
	for k, p := range w.c.billed() {
		at := total{w.c.pair.Direction(k.way).String(), k.currency}
		sum := billed[at]
		billed[at] = priced{sum.calls + p.calls, sum.seconds + p.seconds, sum.amount + p.amount}
	}
	for _, v := range w.result.waterfalls() {
		cells := []any{v.direction, v.currency, v.ours, v.theirs, v.theirs - v.ours, v.explained, v.rest}
		p, ok := billed[total{v.direction, v.currency}]
		if err := t.put(append(cells, p.cells(ok)...)...); err != nil {
			return err
		}
	}
	return t.close()
}

// Columns of what their invoice says; empty without one.
var invoicedColumns = []string{"invoiced_calls", "invoiced_billed_seconds", "invoiced_amount"}

func (p priced) cells(there bool) []any {
	if !there {
		return []any{nil, nil, nil}
	}
	return []any{p.calls, p.seconds, p.amount}
}

// Columns of all levels, after those that name the group.
var levelColumns = []string{"our_calls", "their_calls", "difference_calls", "our_raw_seconds", "their_raw_seconds",
	"our_billed_seconds", "their_billed_seconds", "difference_billed_seconds", "our_amount", "their_amount", "difference"}

func (b *both) cells() []any {
	a, t := &b.sides[ours], &b.sides[theirs]
	return []any{a.calls, t.calls, int64(t.calls - a.calls), millis(a.raw), millis(t.raw), a.seconds, t.seconds, int64(t.seconds - a.seconds),
		b.amount[ours], b.amount[theirs], b.difference()}
}

func dayOf(ms int64) string        { return usage.Stamp(ms)[:len("2006-01-02")] }
func floorTo(ms, unit int64) int64 { return habit.FloorDiv(ms, unit) * unit }

const hourMillis = 3_600_000

// drill writes the levels below the total.
func (w *writing) drill() error {
	if err := w.days(); err != nil {
		return err
	}
	return w.calls()
}

// days writes destinations and their days, from the sums of all calls.
func (w *writing) days() error {
	destinations, err := w.f.detail.level(w.f.ladder, false)
	if err != nil {
		return err
	}
	list, err := destinations.groups()
	if err != nil {
		return err
	}
	byDifference(list)
	t, err := w.table("destinations.csv", "destinations", slices.Concat([]string{"direction", "currency", "destination"}, levelColumns, invoicedColumns)...)
	if err != nil {
		return err
	}
	defer t.discard()
	billed := w.c.billed()
	list = append(list, w.lonely(destinations, billed)...)
	rests := w.result.waterfalls()
	for i := range list {
		b := &list[i]
		direction := w.c.pair.Direction(b.way).String()
		p, there := billed[b.levelKey]
		if err := t.put(slices.Concat([]any{direction, b.currency, b.destination}, b.cells(), p.cells(there))...); err != nil {
			return err
		}
		for n := range rests {
			if r := &rests[n]; r.direction == direction && r.currency == b.currency {
				r.ours -= b.amount[ours]
				r.theirs -= b.amount[theirs]
			}
		}
	}
	// What rounding by line or invoice, or an invoice of theirs, makes of the sum
	// is a row of its own: the column adds up.
	for _, r := range rests {
		if r.ours != 0 || r.theirs != 0 {
			if err := t.put(r.direction, r.currency, "(not by destination)", nil, nil, nil, nil, nil, nil, nil, nil, r.ours, r.theirs, r.theirs-r.ours, nil, nil, nil); err != nil {
				return err
			}
		}
	}
	if err := t.close(); err != nil {
		return err
	}
	if err := w.invoice(); err != nil {
		return err
	}
	days, err := w.f.detail.level(w.f.ladder, true)
	if err != nil {
		return err
	}
	if list, err = days.groups(); err != nil {
		return err
	}
	slices.SortStableFunc(list, func(a, b both) int {
		return cmp.Or(cmp.Compare(a.way, b.way), cmp.Compare(a.currency, b.currency), cmp.Compare(a.destination, b.destination))
	})
	d, err := w.table("days.csv", "days", append([]string{"direction", "currency", "destination", "day"}, levelColumns...)...)
	if err != nil {
		return err
	}
	defer d.discard()
	for i := range list {
		b := &list[i]
		if err := d.put(append([]any{w.c.pair.Direction(b.way).String(), b.currency, b.destination, dayOf(b.when)}, b.cells()...)...); err != nil {
			return err
		}
	}
	return d.close()
}

// lonely gives the rows that no call is behind: destinations that only their
// invoice has, and each side's lines without usage.
func (w *writing) lonely(destinations level, billed map[levelKey]priced) (out []both) {
	rows := map[levelKey]both{}
	for k := range billed {
		if _, ok := destinations[k]; !ok {
			rows[k] = both{levelKey: k}
		}
	}
	for s, extra := range w.result.extra {
		for f, m := range extra {
			k := levelKey{way: f.way, currency: f.currency, destination: notUsage}
			b := rows[k]
			b.levelKey = k
			b.amount[s] = m
			rows[k] = b
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(rows), levelKey.order) {
		out = append(out, rows[k])
	}
	return out
}

// byDifference puts the groups of a direction and currency that differ most first.
func byDifference(list []both) {
	slices.SortStableFunc(list, func(a, b both) int {
		return cmp.Or(cmp.Compare(a.way, b.way), cmp.Compare(a.currency, b.currency), -cmp.Compare(abs(int64(a.difference())), abs(int64(b.difference()))))
	})
}

// callColumns are those of a call; both sides stand beside each other.
var callColumns = func() []string {
	list := []string{"direction", "destination", "day", "hour", "dial_code", "causes", "repeats_line", "originating_number", "destination_number"}
	for _, side := range []string{"our_", "their_"} {
		for _, c := range []string{"line", "call_id", "trunk", "start", "raw_seconds", "billed_seconds", "row", "rate", "amount", "currency"} {
			list = append(list, side+c)
		}
	}
	return append(list, "difference")
}()

// call makes the row of a call.
func (w *writing) call(d *diff, to []any) ([]any, error) {
	c := &d.a
	if c.line == 0 {
		c = &d.b
	}
	key := w.c.lines.key(c.way, d.home, nothing)
	other, repeats := d.other, any(nil)
	if d.has(atDuplicate) {
		other, repeats = 0, d.other
	}
	to = append(to[:0], w.c.pair.Direction(c.way).String(), key.destination, dayOf(d.at()), stamp(floorTo(d.at(), hourMillis)), key.prefix,
		causeNames(w.corrected(d)), repeats, usage.Number(c.origin).String(), c.dest.number().String())
	var amounts [2]money.Micro
	var currencies [2]money.Currency
	for s, v := range [2]struct {
		*call
		spot
	}{{&d.a, d.mine}, {&d.b, d.yours}} {
		if v.call.line == 0 {
			// The record that shows why this side lacks the call.
			if other != 0 {
				to = append(to, other, w.ids[s].of(other), nil, nil, nil, nil, nil, nil, nil, nil)
			} else {
				to = append(to, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil)
			}
			continue
		}
		to = append(to, v.call.line, w.ids[s].of(v.call.line), w.c.files[s].trunks.name(v.trunk), stamp(v.start), millis(v.duration))
		if v.spot.line == nothing {
			to = append(to, nil, nil, nil, nil, nil)
			continue
		}
		row := w.rowOf(side(s), v.spot.line)
		m, err := w.amount(v.spot)
		if err != nil {
			return nil, err
		}
		amounts[s], currencies[s] = m, row.Currency
		to = append(to, v.seconds, row.Prefix+" from "+usage.Stamp(row.ValidFrom), row.Rate, m, row.Currency)
	}
	switch {
	case currencies[ours] != "" && currencies[theirs] != "" && currencies[ours] != currencies[theirs]:
		return append(to, nil), nil // amounts of two currencies do not subtract
	default:
		return append(to, amounts[theirs]-amounts[ours]), nil
	}
}

// amount is what a call costs, rounded by itself to a millionth, or as the
// agreement rounds single calls.
func (w *writing) amount(s spot) (money.Micro, error) {
	r := Rounding{PerCall, money.HalfEven, 6}
	if w.c.job.Rounding.Per == PerCall {
		r = w.c.job.Rounding
	}
	return r.charge(w.c.lines.rows[s.line], 1, uint64(s.seconds))
}

// causeNames lists causes in their order.
func causeNames(causes uint32) string {
	var b strings.Builder
	for i, c := range Causes {
		if causes&(1<<i) != 0 {
			if b.Len() > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(string(c))
		}
	}
	return b.String()
}

// calls writes hours, dial codes and calls where something differs, and each
// cause's calls. The calls come in order of time, so that only one hour's groups
// are in memory.
func (w *writing) calls() (err error) {
	var tables []*table
	open := func(name, title string, columns ...string) (t *table) {
		if err == nil {
			if t, err = w.table(name, title, columns...); err == nil {
				tables = append(tables, t)
			}
		}
		return t
	}
	defer func() {
		for _, t := range tables {
			if err == nil {
				err = t.close()
			}
			t.discard()
		}
	}()
	hours := open("hours.csv", "hours", append([]string{"direction", "currency", "destination", "day", "hour"}, levelColumns...)...)
	codes := open("codes.csv", "dial codes", append([]string{"direction", "currency", "destination", "day", "hour", "dial_code"}, levelColumns...)...)
	all := open("calls.csv", "calls", callColumns...)
	var evidence [countCauses]*table
	for i, n := range w.causes {
		if n > 0 {
			evidence[i] = open(w.result.Causes[i].Evidence, "", callColumns...)
		}
	}
	if err != nil {
		return err
	}
	byHour, byCode := level{}, level{}
	now := int64(0)
	flush := func() error {
		for _, l := range []struct {
			level
			to *table
		}{{byHour, hours}, {byCode, codes}} {
			list, err := l.groups()
			if err != nil {
				return err
			}
			for i := range list {
				b := &list[i]
				cells := []any{w.c.pair.Direction(b.way).String(), b.currency, b.destination, dayOf(b.when), stamp(b.when)}
				if l.to == codes {
					cells = append(cells, b.prefix)
				}
				if err := l.to.put(append(cells, b.cells()...)...); err != nil {
					return err
				}
			}
			clear(l.level)
		}
		return nil
	}
	var cells []any
	n, total := int64(0), int64(w.f.detail.count())
	err = w.f.detail.inOrder(func(d *diff) (err error) {
		if n++; n%(1<<12) == 0 {
			w.c.job.Progress("writing", n, total)
			if err := w.ctx.Err(); err != nil {
				return err
			}
		}
		if at := floorTo(d.at(), hourMillis); at != now {
			if err := flush(); err != nil {
				return err
			}
			now = at
		}
		if !d.has(atDuplicate) {
			if err := w.group(d, now, byHour, byCode); err != nil {
				return err
			}
		}
		if cells, err = w.call(d, cells); err != nil {
			return err
		}
		if err := all.put(cells...); err != nil {
			return err
		}
		for i, t := range evidence {
			if t != nil && w.corrected(d)&(1<<i) != 0 {
				if err := t.put(cells...); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if w.unnamed > 0 {
		w.result.note("the ids of %d calls are left out: there are too many; their lines are given", w.unnamed)
	}
	return flush()
}

// group adds a call to its hour and its dial code there.
func (w *writing) group(d *diff, hour int64, byHour, byCode level) error {
	for s, v := range [2]struct {
		*call
		spot
	}{{&d.a, d.mine}, {&d.b, d.yours}} {
		if v.call.line == 0 {
			continue
		}
		key := w.c.lines.key(v.way, d.home, v.spot.line)
		key.when = hour
		one, err := w.one(v.spot)
		if err != nil {
			return err
		}
		if err := byCode.at(key)[s].add(w.f.ladder, v.spot.line, one, uint64(v.duration)); err != nil {
			return err
		}
		key.prefix = ""
		if err := byHour.at(key)[s].add(w.f.ladder, v.spot.line, one, uint64(v.duration)); err != nil {
			return err
		}
	}
	return nil
}

// one is the sum of one call.
func (w *writing) one(at spot) (s sum, err error) {
	if at.line == nothing {
		return sum{calls: 1}, nil
	}
	err = w.f.ladder.countIn(&s, at)
	return s, err
}

// workbook writes all sheets.
func (w *writing) workbook() error {
	for _, c := range w.book.cut {
		w.result.note("%s", c)
	}
	w.c.job.Progress("writing drilldown.xlsx", 0, 0)
	return errors.Join(w.file("drilldown.xlsx", w.book.write), w.ctx.Err())
}
