package sheet

import (
	"cmp"
	"maps"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// Change is what a sheet does to the price of a code.
type Change string

// The changes, those that people look at first coming first.
const (
	Blocked   Change = "blocked"   // had a price, has none any more
	Ended     Change = "ended"     // the row ends and no other of the code follows
	Increase  Change = "increase"  // no part of the price is lower, one is higher
	Mixed     Change = "mixed"     // parts are lower and others higher, or it is in another currency
	Decrease  Change = "decrease"  // no part of the price is higher, one is lower
	New       Change = "new"       // nothing priced the code before
	Unchanged Change = "unchanged" // the same price, whatever else the row says
)

var changes = []Change{Blocked, Ended, Increase, Mixed, Decrease, New, Unchanged}

// Price is what a call costs.
type Price struct {
	Rate             money.Rate     `json:"rate"`
	Currency         money.Currency `json:"currency"`
	UnitSeconds      uint32         `json:"unit_seconds"`
	MinimumSeconds   uint32         `json:"minimum_seconds"`
	IncrementSeconds uint32         `json:"increment_seconds"`
	ConnectFee       money.Rate     `json:"connect_fee,omitzero"`
	Blocked          bool           `json:"blocked,omitempty"`
	Of               string         `json:"of,omitempty"` // the shorter prefix that the price is of
}

// Entry is what a sheet does to one code.
type Entry struct {
	Change       Change      `json:"change"`
	Destination  string      `json:"destination"`
	Prefix       string      `json:"prefix"`
	OriginPrefix string      `json:"origin_prefix,omitempty"`
	Band         *usage.Band `json:"band,omitempty"`
	Old          *Price      `json:"old,omitempty"`
	New          *Price      `json:"new,omitempty"`
	Effective    string      `json:"effective"`
	Short        bool        `json:"short_notice,omitempty"` // sooner than agreed
	Line         uint32      `json:"line,omitempty"`         // of the file

	at int64
}

// Summary counts changes, of a destination or of a whole sheet.
type Summary struct {
	Destination string         `json:"destination,omitempty"`
	Changes     map[Change]int `json:"changes"`
	Short       int            `json:"short_notice,omitempty"`
}

// Diff is what a sheet does to the one in force.
type Diff struct {
	Total        Summary   `json:"total"`
	Destinations []Summary `json:"destinations"`
	Entries      []Entry   `json:"entries"` // by destination, prefix, origin, time
}

// Notice is what an agreement says of how long before it takes effect a change
// has to be received.
type Notice struct {
	Received int64 // ms UTC
	Increase int64 // ms, also for what is blocked or ended
	Decrease int64 // ms
	Short    Short // what becomes of a change that comes too late; empty: refuse
}

// Short is what becomes of a change that comes too late.
type Short string

// The three.
const (
	Refuse Short = "refuse" // the whole sheet
	Later  Short = "later"  // it takes effect when its notice is over
	Accept Short = "accept" // as it is
)

// code is what rows are of that replace each other.
type code struct{ prefix, origin string }

func codeOf(r *rating.Row) code { return code{r.Prefix, r.OriginPrefix} }

// Merge makes the sheet that stands after a file was taken over: current is what
// stands before, nil for nothing. A whole sheet ends every code that it does not
// have, a partial one only those of the destinations that it names. Rows keep
// their past. Codes: rating.CodeShortNotice, those of rating.NewSheet.
func Merge(current *rating.Sheet, in *Import, partial bool, n Notice) (*rating.Sheet, Diff, error) {
	rows, lines := in.Rows, in.Lines
	m := merger{current: current, partial: partial, notice: n}
	if current != nil {
		for i := range current.Rows() {
			r := &current.Rows()[i]
			m.old = append(m.old, r)
		}
	}
	next, diff, err := m.merge(rows, lines)
	if err != nil || diff.Total.Short == 0 {
		return next, diff, err
	}
	switch n.Short {
	case Accept:
		return next, diff, nil
	case Later:
		rows, lines = m.delay(rows, lines, diff)
		return m.merge(rows, lines)
	}
	e := diff.Entries[slices.IndexFunc(diff.Entries, func(e Entry) bool { return e.Short })]
	return nil, diff, fault.Newf(rating.CodeShortNotice, "ask for a later date, or take it as the agreement says: --short-notice later or accept",
		"%d changes take effect sooner than agreed; the first is %s of %s, prefix %s, from %s", diff.Total.Short, e.Change, e.Destination, e.Prefix, e.Effective).In(fieldFrom)
}

type merger struct {
	current *rating.Sheet
	old     []*rating.Row
	partial bool
	notice  Notice
	wait    map[code]int64 // codes that end later than the file says
}

// cut gives the moment at which rows of a code that stood before end; Open when
// the file says nothing of it.
func (m *merger) cut(r *rating.Row, codes map[code]int64, destinations map[string]int64, whole int64) int64 {
	if at, ok := codes[codeOf(r)]; ok {
		return at
	}
	at := rating.Open
	if !m.partial {
		at = whole
	} else if from, ok := destinations[r.Destination]; ok {
		at = from
	}
	return max(at, m.wait[codeOf(r)])
}

func (m *merger) merge(rows []rating.Row, lines []uint32) (*rating.Sheet, Diff, error) {
	var diff Diff
	codes, destinations, whole := map[code]int64{}, map[string]int64{}, rating.Open
	for i := range rows {
		r := &rows[i]
		least := func(at int64, ok bool) int64 {
			if !ok {
				return r.ValidFrom
			}
			return min(at, r.ValidFrom)
		}
		at, ok := codes[codeOf(r)]
		codes[codeOf(r)] = least(at, ok)
		at, ok = destinations[r.Destination]
		destinations[r.Destination] = least(at, ok)
		whole = min(whole, r.ValidFrom)
	}
	var next []rating.Row
	var from []uint32 // lines of the file; 0 for what stood before
	type end struct {
		row *rating.Row
		at  int64
	}
	var ends []end
	before := map[code][]*rating.Row{}
	for _, r := range m.old {
		before[codeOf(r)] = append(before[codeOf(r)], r)
		at := m.cut(r, codes, destinations, whole)
		if _, replaced := codes[codeOf(r)]; !replaced && r.ValidTo > at {
			ends = append(ends, end{r, max(at, r.ValidFrom)})
		}
		if r.ValidFrom >= at {
			continue
		}
		kept := *r
		kept.ValidTo = min(kept.ValidTo, at)
		next, from = append(next, kept), append(from, 0)
	}
	next, from = append(next, rows...), append(from, lines...)
	sheet, err := rating.NewSheet(next, from)
	if err != nil {
		return nil, diff, err
	}
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(compareRows(&rows[a], &rows[b]), cmp.Compare(lines[a], lines[b]))
	})
	var earlier []*rating.Row // rows of the file of one code, in order of time
	for _, i := range order {
		r := &rows[i]
		if len(earlier) > 0 && codeOf(earlier[0]) != codeOf(r) {
			earlier = earlier[:0]
		}
		diff.add(m.entry(r, lines[i], earlier, before[codeOf(r)]))
		earlier = append(earlier, r)
	}
	for i, e := range ends {
		if i > 0 && codeOf(e.row) == codeOf(ends[i-1].row) && e.row.Band == ends[i-1].row.Band {
			continue // what was planned for later
		}
		x := Entry{Change: Ended, Destination: e.row.Destination, Prefix: e.row.Prefix, OriginPrefix: e.row.OriginPrefix, Band: band(e.row), Old: price(e.row, ""), at: e.at}
		dearer := true
		if r := follows(sheet, e.row, e.at); r != nil {
			x.New = price(r, r.Prefix)
			c := compare(e.row, r)
			dearer = c != Decrease && c != Unchanged
		}
		x.Short = dearer && !e.row.Blocked && e.at < m.notice.Received+m.notice.Increase
		diff.add(x)
	}
	diff.finish()
	return sheet, diff, nil
}

// entry tells what a row of the file changes: against the row of the file that
// it follows, else against what priced the code before.
func (m *merger) entry(r *rating.Row, line uint32, earlier, before []*rating.Row) Entry {
	x := Entry{Change: New, Destination: r.Destination, Prefix: r.Prefix, OriginPrefix: r.OriginPrefix, Band: band(r), New: price(r, ""), Line: line, at: r.ValidFrom}
	var old []*rating.Row
	for _, e := range slices.Backward(earlier) {
		if e.Band.Overlaps(r.Band) {
			old = []*rating.Row{e}
			break
		}
	}
	if old == nil {
		for _, o := range before {
			if o.InForce(r.ValidFrom) && o.Band.Overlaps(r.Band) {
				old = append(old, o)
			}
		}
	}
	of := ""
	if old == nil && m.current != nil {
		if o := follows(m.current, r, r.ValidFrom); o != nil {
			old, of = []*rating.Row{o}, o.Prefix
		}
	}
	for i, o := range old {
		// Of several, one for each part of the week, the change counts that
		// people look at first.
		if c := compare(o, r); i == 0 || slices.Index(changes, c) < slices.Index(changes, x.Change) {
			x.Change, x.Old = c, price(o, of)
		}
	}
	notice := int64(0)
	switch x.Change {
	case Increase, Mixed, Blocked:
		notice = m.notice.Increase
	case Decrease:
		notice = m.notice.Decrease
	}
	x.Short = notice > 0 && r.ValidFrom < m.notice.Received+notice
	return x
}

// follows gives the row of a sheet that prices calls to a code at a moment, the
// code itself being a number.
func follows(s *rating.Sheet, r *rating.Row, at int64) *rating.Row {
	to, _ := usage.ParseNumber([]byte(r.Prefix))
	from, _ := usage.ParseNumber([]byte(r.OriginPrefix))
	row, ok := s.Find(to, from, at)
	if !ok {
		return nil
	}
	return s.Row(row)
}

// compare tells what becomes of a price.
func compare(old, next *rating.Row) Change {
	switch {
	case old.Blocked && next.Blocked:
		return Unchanged
	case next.Blocked:
		return Blocked
	case old.Blocked:
		return New
	}
	switch up, down := old.Against(next); {
	case up && down:
		return Mixed
	case up:
		return Increase
	case down:
		return Decrease
	}
	return Unchanged
}

// delay moves what is too soon to the end of its notice. Of rows of a code that
// would have been in force before, the last stays.
func (m *merger) delay(rows []rating.Row, lines []uint32, d Diff) ([]rating.Row, []uint32) {
	late := map[code]int64{}
	for _, e := range d.Entries {
		if e.Short {
			notice := m.notice.Increase
			if e.Change == Decrease {
				notice = m.notice.Decrease
			}
			c := code{e.Prefix, e.OriginPrefix}
			late[c] = max(late[c], m.notice.Received+notice)
		}
	}
	m.wait = late
	type place struct {
		code
		band usage.Band
	}
	moved := map[place]int{}
	var out []rating.Row
	var of []uint32
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return compareRows(&rows[a], &rows[b]) })
	for _, i := range order {
		r := rows[i]
		if at := late[codeOf(&r)]; r.ValidFrom < at {
			if r.ValidTo <= at {
				continue // over before it could begin
			}
			r.ValidFrom = at
			p := place{codeOf(&r), r.Band}
			if n, ok := moved[p]; ok {
				out[n], of[n] = r, lines[i]
				continue
			}
			moved[p] = len(out)
		}
		out, of = append(out, r), append(of, lines[i])
	}
	return out, of
}

func compareRows(a, b *rating.Row) int {
	return cmp.Or(cmp.Compare(a.Prefix, b.Prefix), cmp.Compare(a.OriginPrefix, b.OriginPrefix), cmp.Compare(a.ValidFrom, b.ValidFrom))
}

func band(r *rating.Row) *usage.Band {
	if r.Band.IsZero() {
		return nil
	}
	b := r.Band
	return &b
}

func price(r *rating.Row, of string) *Price {
	return &Price{Rate: r.Rate, Currency: r.Currency, UnitSeconds: r.UnitSeconds, MinimumSeconds: r.MinimumSeconds, IncrementSeconds: r.IncrementSeconds,
		ConnectFee: r.ConnectFee, Blocked: r.Blocked, Of: of}
}

func (d *Diff) add(e Entry) {
	e.Effective = usage.Stamp(e.at)
	d.Entries = append(d.Entries, e)
}

// finish puts entries in order and counts them.
func (d *Diff) finish() {
	slices.SortFunc(d.Entries, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Destination, b.Destination), cmp.Compare(a.Prefix, b.Prefix), cmp.Compare(a.OriginPrefix, b.OriginPrefix),
			cmp.Compare(a.at, b.at), cmp.Compare(a.Line, b.Line))
	})
	d.Total.Changes = map[Change]int{}
	of := map[string]*Summary{}
	for _, e := range d.Entries {
		s := of[e.Destination]
		if s == nil {
			s = &Summary{Destination: e.Destination, Changes: map[Change]int{}}
			of[e.Destination] = s
		}
		for _, s := range []*Summary{&d.Total, s} {
			s.Changes[e.Change]++
			if e.Short {
				s.Short++
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(of)) {
		d.Destinations = append(d.Destinations, *of[name])
	}
}
