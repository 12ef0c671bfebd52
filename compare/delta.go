package compare

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/usage"
)

// Counts is how the counts of one side's rows change: read = accepted + rejected
// + duplicate.
type Counts struct {
	Read      int64 `json:"read"`
	Accepted  int64 `json:"accepted"`
	Rejected  int64 `json:"rejected"`
	Duplicate int64 `json:"duplicate"`
	Unrated   int64 `json:"unrated"` // settled calls that the side's sheet does not price
	Skipped   int64 `json:"skipped,omitempty"`
}

// Change is by how much a result changes: as in [Result], but signed, since what
// was found before may be taken back.
type Change struct {
	Records struct {
		Ours   Counts `json:"ours"`
		Theirs Counts `json:"theirs"`
	} `json:"records"`
	Matched struct {
		Exact    int64 `json:"exact"`
		Skewed   int64 `json:"skewed"`
		Duration int64 `json:"duration"`
		RawOnly  int64 `json:"raw_only"`
	} `json:"matched"`
	OnlyOurs   int64 `json:"only_ours"`
	OnlyTheirs int64 `json:"only_theirs"`
	Amount     struct {
		Ours        Sums `json:"ours"`
		Theirs      Sums `json:"theirs"`
		Explained   Sums `json:"explained"`
		Unexplained Sums `json:"unexplained"`
	} `json:"amount"`
	Causes []CauseChange `json:"causes"`
}

// CauseChange is by how much a cause's finding changes.
type CauseChange struct {
	Cause    Cause  `json:"cause"`
	Calls    int64  `json:"calls"`
	Amount   Sums   `json:"amount"` // theirs - ours
	Testable bool   `json:"testable"`
	Why      string `json:"why,omitempty"` // it is not testable
}

// Reason says why what was settled changes.
type Reason string

// The reasons.
const (
	// Late is a record that came for a time that was settled: what it changes of
	// earlier findings, and itself.
	Late Reason = "late"
	// Revised is a record that came in time, and is a better partner or shows
	// another cause than what was there when a call of an earlier cycle was
	// settled.
	Revised Reason = "revised"
	// Regrouped is calls that one side lacks and that were taken for single ones,
	// and are now seen to be a block, or the other way round.
	Regrouped Reason = "block"
)

var reasonOf = [countStages]Reason{revised: Revised, late: Late, blocked: Regrouped}

// Adjustment is the part of a delta that changes what was settled.
type Adjustment struct {
	Reason Reason `json:"reason"`
	Change
}

// Refusal is a row that is refused, and where it stands.
type Refusal struct {
	Name string `json:"file,omitempty"`
	usage.Reject
}

// Delta is what a cycle changes. All of it adds up: the change is the usage that
// is settled for the first time and the adjustments.
type Delta struct {
	From  int64 // settled before as far as this, ms UTC; 0: this is the first cycle
	Until int64 // settled now, ms UTC
	Change
	Adjustments []Adjustment
	Open        [2]uint64 // calls without an exact partner that are not due yet, by side
	Blocks      []Block   // as the calls inside the horizon have them now
	Rejects     [2][]Refusal
	Broken      [2][]string // pieces that break off, by side; the rows before count
	Total       Change      // of all cycles together
	Seconds     float64     // from the close to the delta
}

type perSide[T any] struct {
	Ours   T `json:"ours,omitempty"`
	Theirs T `json:"theirs,omitempty"`
}

// MarshalJSON gives the times in RFC 3339.
func (d Delta) MarshalJSON() ([]byte, error) {
	from := ""
	if d.From != 0 {
		from = usage.Stamp(d.From)
	}
	return json.Marshal(struct {
		From  string `json:"from,omitempty"`
		Until string `json:"until"`
		Change
		Adjustments []Adjustment       `json:"adjustments"`
		Open        perSide[uint64]    `json:"open"`
		Blocks      []Block            `json:"blocks"`
		Rejects     perSide[[]Refusal] `json:"rejects"`
		Broken      perSide[[]string]  `json:"broken,omitzero"`
		Total       Change             `json:"total"`
		Seconds     float64            `json:"seconds"`
	}{from, usage.Stamp(d.Until), d.Change, append([]Adjustment{}, d.Adjustments...), perSide[uint64]{d.Open[ours], d.Open[theirs]}, append([]Block{}, d.Blocks...),
		perSide[[]Refusal]{d.Rejects[ours], d.Rejects[theirs]}, perSide[[]string]{d.Broken[ours], d.Broken[theirs]}, d.Total, d.Seconds})
}

// totals are the rounded totals of a ladder.
type totals struct {
	sides      [2]amounts
	steps      [countCauses]amounts
	duplicates amounts
}

func newTotals() totals {
	b := totals{sides: [2]amounts{{}, {}}, duplicates: amounts{}}
	for i := range b.steps {
		b.steps[i] = amounts{}
	}
	return b
}

// plus adds others.
func (b *totals) plus(o *totals) error {
	for s := range b.sides {
		if err := b.sides[s].plus(o.sides[s]); err != nil {
			return err
		}
	}
	for i := range b.steps {
		if err := b.steps[i].plus(o.steps[i]); err != nil {
			return err
		}
	}
	return b.duplicates.plus(o.duplicates)
}

// totals adds a ladder up.
func (l *ladder) totals() (b totals, err error) {
	for s := range b.sides {
		if b.sides[s], err = l.total(l.sides[s]); err != nil {
			return b, err
		}
	}
	if b.steps, err = l.steps(); err != nil {
		return b, err
	}
	b.duplicates, err = l.duplicates()
	return b, err
}

// less takes back what calls were found to be.
func (f *found) less(o *found) {
	f.matched.Exact -= o.matched.Exact
	f.matched.Skewed -= o.matched.Skewed
	f.matched.Duration -= o.matched.Duration
	f.matched.RawOnly -= o.matched.RawOnly
	for s := range f.only {
		f.only[s] -= o.only[s]
		f.unrated[s] -= o.unrated[s]
	}
	for i, n := range o.ladder.calls {
		f.ladder.calls[i] -= n
	}
}

// state is all that a window has found.
type state struct {
	counts  [2]Counts
	matched Matched
	only    [2]uint64
	calls   [countCauses]uint64
	totals
}

// state adds up what is found.
func (w *Window) state() (out state, err error) {
	f := w.sum
	if out.totals, err = w.accounts.totals(); err != nil {
		return out, err
	}
	out.matched, out.only, out.calls = f.matched, f.only, f.ladder.calls
	for s := range out.counts {
		in := w.c.files[s]
		out.counts[s] = Counts{int64(in.read), int64(f.accepted[s]), int64(w.refused[s]), int64(f.duplicates[s]), int64(f.unrated[s]), int64(in.skipped)}
	}
	return out, nil
}

// minus is by how much amounts have changed.
func (a amounts) minus(o amounts) (amounts, error) {
	out := amounts{}
	if err := out.plus(a); err != nil {
		return nil, err
	}
	for f, m := range o {
		if err := out.add(f, -m); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// change is what lies between two states.
func (c *comparison) change(a, b *state) (out Change, err error) {
	for s, at := range []*Counts{&out.Records.Ours, &out.Records.Theirs} {
		x, y := a.counts[s], b.counts[s]
		*at = Counts{y.Read - x.Read, y.Accepted - x.Accepted, y.Rejected - x.Rejected, y.Duplicate - x.Duplicate, y.Unrated - x.Unrated, y.Skipped - x.Skipped}
	}
	out.Matched.Exact = int64(b.matched.Exact - a.matched.Exact)
	out.Matched.Skewed = int64(b.matched.Skewed - a.matched.Skewed)
	out.Matched.Duration = int64(b.matched.Duration - a.matched.Duration)
	out.Matched.RawOnly = int64(b.matched.RawOnly - a.matched.RawOnly)
	out.OnlyOurs, out.OnlyTheirs = int64(b.only[ours]-a.only[ours]), int64(b.only[theirs]-a.only[theirs])
	var sides [2]amounts
	for s := range sides {
		if sides[s], err = b.sides[s].minus(a.sides[s]); err != nil {
			return out, err
		}
	}
	var steps [countCauses]amounts
	for i := range steps {
		if steps[i], err = b.steps[i].minus(a.steps[i]); err != nil {
			return out, err
		}
	}
	explained, open, err := balance(sides[ours], sides[theirs], &steps)
	if err != nil {
		return out, err
	}
	if steps[atDuplicate], err = b.duplicates.minus(a.duplicates); err != nil {
		return out, err
	}
	out.Amount.Ours, out.Amount.Theirs, out.Amount.Explained, out.Amount.Unexplained = c.sums(sides[ours]), c.sums(sides[theirs]), c.sums(explained), c.sums(open)
	for i, cause := range Causes {
		for w := range open {
			if err := steps[i].add(w, 0); err != nil {
				return out, err
			}
		}
		at := CauseChange{Cause: cause, Calls: int64(b.calls[i] - a.calls[i]), Amount: c.sums(steps[i])}
		if at.Testable, at.Why = c.testable(i); b.calls[i] > 0 && i == atOriginSurcharge {
			at.Testable, at.Why = true, ""
		}
		out.Causes = append(out.Causes, at)
	}
	return out, nil
}

// none reports whether nothing changes.
func (c *Change) none() bool {
	for _, x := range c.Causes {
		if x.Calls != 0 {
			return false
		}
	}
	m := c.Matched
	return m.Exact == 0 && m.Skewed == 0 && m.Duration == 0 && m.RawOnly == 0 && c.OnlyOurs == 0 && c.OnlyTheirs == 0 && c.Records == (Change{}).Records
}

// loneKey names a call that the other side lacks.
type loneKey struct {
	side side
	line uint32
}

// standing is such a call and its cause.
type standing struct {
	lone
	cause uint8 // missing_block, missing_random
	n     stage // that found it, in this cycle
	fresh bool
}

// Close settles what can be decided when all records of calls that ended before
// until (ms UTC) have been read, of both sides: calls that ended a start tolerance
// before it, and those that they are pairs with. The others stay open. Codes:
// invalid for a moment before the last one; money-overflow, after which the window
// is of no use.
func (w *Window) Close(until int64) (*Delta, error) {
	began := time.Now()
	for _, s := range []side{ours, theirs} {
		if err := w.flush(s); err != nil {
			return nil, err
		}
	}
	if w.err != nil {
		return nil, w.err
	}
	if w.open && until < w.until {
		return nil, fault.Newf(fault.Invalid, "close cycles in the order of time", "all is settled up to %s already", usage.Stamp(w.until)).In("until")
	}
	d := &Delta{Until: until, Rejects: w.rejects, Broken: w.broken}
	if w.open {
		d.From = w.until
	}
	w.rejects, w.broken = [2][]Refusal{}, [2][]string{}
	w.until, w.edge, w.open = until, until-w.horizon, true
	w.all(func(h *shard) { h.close() })
	for _, h := range w.shards {
		w.err = cmp.Or(w.err, h.err)
		for s := range d.Open {
			d.Open[s] += h.open[s]
		}
	}
	if w.err == nil {
		w.err = w.settle(d)
	}
	if w.err != nil {
		return nil, w.err
	}
	if w.edge-w.swept > w.horizon/sweeps {
		w.sweep = true
	}
	d.Seconds = time.Since(began).Seconds()
	return d, nil
}

// settle puts together what the shards have found.
func (w *Window) settle(d *Delta) error {
	if err := w.missing(d); err != nil {
		return err
	}
	before := w.last
	var zero state
	for n := range countStages {
		any := n == onTime
		for _, h := range w.shards {
			t := &h.turns[n]
			if t.plus != nil {
				for s := range w.sum.trunks {
					w.sum.trunks[s] = longer(w.sum.trunks[s], len(t.plus.trunks[s]))
				}
				w.accounts.book(t.plus.ladder, 1)
				for i, c := range t.plus.ladder.calls {
					w.sum.ladder.calls[i] += c
				}
				w.sum.count(&t.plus.found)
				any = true
			}
			if t.minus != nil {
				w.accounts.book(t.minus.ladder, -1)
				w.sum.less(&t.minus.found)
				any = true
			}
			if n != onTime {
				*t = turn{}
			} else if t.plus != nil {
				t.plus.found = *w.c.newFound()
			}
		}
		if !any {
			continue
		}
		if err := w.accounts.value(); err != nil {
			return err
		}
		after, err := w.state()
		if err != nil {
			return err
		}
		if n != onTime {
			change, err := w.c.change(&w.last, &after)
			if err != nil {
				return err
			}
			if !change.none() {
				d.Adjustments = append(d.Adjustments, Adjustment{reasonOf[n], change})
			}
		}
		w.last = after
	}
	var err error
	if d.Change, err = w.c.change(&before, &w.last); err != nil {
		return err
	}
	d.Total, err = w.c.change(&zero, &w.last)
	return err
}

// missing finds the calls that one side lacks and tells blocks of them from single
// ones.
func (w *Window) missing(d *Delta) error {
	for n := range countStages {
		for _, h := range w.shards {
			if m := h.turns[n].minus; m != nil {
				for _, l := range m.lone {
					k := loneKey{l.side, l.line}
					if err := m.ladder.lacks(&l, w.lones[k].cause); err != nil {
						return err
					}
					delete(w.lones, k)
				}
				m.lone = nil
			}
		}
	}
	for n := range countStages {
		for _, h := range w.shards {
			if p := h.turns[n].plus; p != nil {
				for _, l := range p.lone {
					w.lones[loneKey{l.side, l.line}] = &standing{lone: l, n: n, fresh: true}
				}
				p.lone = nil
			}
		}
	}
	f := &found{trunks: w.trunks}
	for _, l := range w.lones {
		f.lone = append(f.lone, l.lone)
	}
	blocks, in, err := w.c.blocks(f, w.show)
	if err != nil {
		return err
	}
	d.Blocks = blocks
	h := w.shards[0]
	for i := range f.lone {
		l := w.lones[loneKey{f.lone[i].side, f.lone[i].line}]
		cause := uint8(atMissingRandom)
		if in[&f.lone[i]] {
			cause = atMissingBlock
		}
		switch {
		case l.fresh:
			l.fresh = false
			err = h.plus(l.n).ladder.lacks(&l.lone, cause)
		case l.cause != cause:
			if err = h.minus(blocked).ladder.lacks(&l.lone, l.cause); err == nil {
				err = h.plus(blocked).ladder.lacks(&l.lone, cause)
			}
		}
		if err != nil {
			return err
		}
		l.cause = cause
	}
	return nil
}

// show shows timelines when the calls that are remembered began.
func (w *Window) show(all []*timeline) error {
	for s := range w.seen {
		lines := timelinesOf(side(s), all, len(w.c.files[s].trunks.list))
		if lines.none() {
			continue
		}
		each(w.c.workers, len(w.seen[s]), func() func(int) {
			return func(i int) {
				at := &w.seen[s][i]
				for _, c := range at.calls {
					if t := lines.of(c.trunk); t != nil {
						t.saw(at.from + int64(c.after))
					}
				}
			}
		})
	}
	return nil
}

// sweeps is how often memory is swept while a horizon passes.
const sweeps = 4

// forget gives up what began before the horizon: calls that others may need for
// their causes stay for half a horizon more.
func (w *Window) forget() error {
	w.swept, w.sweep = w.edge, false
	keep := w.edge - w.horizon/2
	w.all(func(h *shard) { h.forget(w.edge, keep) })
	for k, l := range w.lones {
		if l.start-w.c.offset(l.side, l.trunk).Millis < keep {
			delete(w.lones, k)
		}
	}
	for s := range w.seen {
		w.seen[s] = slices.DeleteFunc(w.seen[s], func(c seenCalls) bool {
			if c.last >= keep {
				return false
			}
			for t, n := range c.counted {
				w.trunks[s][t] -= n
			}
			return true
		})
	}
	if w.c.lines.whole {
		return nil
	}
	// No record that is still taken can be of a period that is over by then.
	margin := int64(0)
	for s := range w.c.clocks {
		for _, o := range w.c.clocks[s] {
			margin = max(margin, abs(o.Millis))
		}
	}
	return w.accounts.fold(func(n uint32) bool {
		return int(n) < len(w.c.lines.periods) && w.c.lines.periods[n].To <= keep-margin
	})
}

// Text is a delta in one line for people, and a line for each adjustment.
func (d *Delta) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  exact %+d, start differs %+d, seconds differ %+d, only ours %+d, only theirs %+d; theirs - ours %s; total %s; open %d and %d\n",
		usage.Stamp(d.Until), d.Matched.Exact, d.Matched.Skewed, d.Matched.Duration, d.OnlyOurs, d.OnlyTheirs,
		difference(&d.Change), difference(&d.Total), d.Open[ours], d.Open[theirs])
	for _, a := range d.Adjustments {
		fmt.Fprintf(&b, "  of it %s: exact %+d, start differs %+d, seconds differ %+d, only ours %+d, only theirs %+d; theirs - ours %s",
			reasonText[a.Reason], a.Matched.Exact, a.Matched.Skewed, a.Matched.Duration, a.OnlyOurs, a.OnlyTheirs, difference(&a.Change))
		sign := ";"
		for _, x := range a.Causes {
			if x.Calls != 0 {
				fmt.Fprintf(&b, "%s %s %+d", sign, x.Cause, x.Calls)
				sign = ","
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

var reasonText = map[Reason]string{
	Late:      "records that came late",
	Revised:   "earlier calls that newer records show otherwise",
	Regrouped: "missing calls that make a block, or none any more",
}

// difference says what their bill changes by beyond ours, by direction and
// currency.
func difference(c *Change) string {
	var out []string
	var directions []string
	for d := range c.Amount.Theirs {
		directions = append(directions, d)
	}
	for d := range c.Amount.Ours {
		if !slices.Contains(directions, d) {
			directions = append(directions, d)
		}
	}
	slices.Sort(directions)
	for _, d := range directions {
		var currencies []money.Currency
		for _, sums := range []Sums{c.Amount.Theirs, c.Amount.Ours} {
			for x := range sums[d] {
				if !slices.Contains(currencies, x) {
					currencies = append(currencies, x)
				}
			}
		}
		slices.Sort(currencies)
		for _, x := range currencies {
			out = append(out, fmt.Sprintf("%s %s %s", d, x, c.Amount.Theirs[d][x]-c.Amount.Ours[d][x]))
		}
	}
	if len(out) == 0 {
		return "nothing"
	}
	return strings.Join(out, ", ")
}
