package compare

import (
	"cmp"
	"maps"
	"math/big"
	"slices"

	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/usage"
)

// sum is the calls of a line.
type sum struct {
	calls, seconds uint64
	micro          money.Micro // of the calls rounded one by one, where the agreement wants that
}

// lineKey is a line of one period.
type lineKey struct{ period, line uint32 }

func (a lineKey) order(b lineKey) int {
	return cmp.Or(cmp.Compare(a.period, b.period), cmp.Compare(a.line, b.line))
}

// byLine holds something for lines: those of period 0 in a row, the others by
// name.
type byLine[T comparable] struct {
	rows   int // how many lines the row has, once it is needed; 0: all are by name
	dense  []T
	sparse map[lineKey]*T
}

// at gives the place of a line.
func (t *byLine[T]) at(k lineKey) *T {
	if k.period == 0 && t.rows > 0 {
		if t.dense == nil {
			t.dense = make([]T, t.rows)
		}
		return &t.dense[k.line]
	}
	at := t.sparse[k]
	if at == nil {
		at = new(T)
		t.sparse[k] = at
	}
	return at
}

// get gives what is there, without making a place.
func (t *byLine[T]) get(k lineKey) (v T) {
	if k.period == 0 && t.dense != nil {
		return t.dense[k.line]
	}
	if at := t.sparse[k]; at != nil {
		v = *at
	}
	return v
}

// each goes through what is not zero, in no order.
func (t *byLine[T]) each(yield func(lineKey, T) bool) {
	var zero T
	for i, v := range t.dense {
		if v != zero && !yield(lineKey{0, uint32(i)}, v) {
			return
		}
	}
	for k, v := range t.sparse {
		if *v != zero && !yield(k, *v) {
			return
		}
	}
}

// tally sums calls by line.
type tally struct{ byLine[sum] }

func newTally(l *lines) *tally {
	return &tally{byLine[sum]{rows: len(l.rows), sparse: map[lineKey]*sum{}}}
}

// all goes through the lines that have calls.
func (t *tally) all(yield func(lineKey, sum) bool) {
	for i, s := range t.dense {
		if s.calls > 0 && !yield(lineKey{0, uint32(i)}, s) {
			return
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(t.sparse), lineKey.order) {
		if !yield(k, *t.sparse[k]) {
			return
		}
	}
}

func (t *tally) merge(o *tally) {
	for k, s := range o.each {
		t.at(k).add(s)
	}
}

func (s *sum) add(o sum) {
	s.calls += o.calls
	s.seconds += o.seconds
	s.micro += o.micro
}

// change is what a step of the ladder does to a line.
type change struct{ calls, seconds, micro int64 }

func (c *change) add(o change) {
	c.calls += o.calls
	c.seconds += o.seconds
	c.micro += o.micro
}

// moves is what the steps do, by step; nil where a step does nothing.
type moves [countCauses]*byLine[change]

// mostDense is how many lines a step may have room for in a row: there are as
// many steps as causes.
const mostDense = 1 << 17

// moved gives the place of a step and a line.
func (l *ladder) moved(step uint8, k lineKey) *change {
	t := l.moves[step]
	if t == nil {
		t = &byLine[change]{sparse: map[lineKey]*change{}}
		if !l.few && len(l.lines.rows) <= mostDense {
			t.rows = len(l.lines.rows)
		}
		l.moves[step] = t
	}
	return t.at(k)
}

func (m *moves) get(step int, k lineKey) change {
	if m[step] == nil {
		return change{}
	}
	return m[step].get(k)
}

// moveKey is a step and a line.
type moveKey struct {
	lineKey
	step uint8
}

// each goes through what the steps do, in no order.
func (m *moves) each(yield func(moveKey, change) bool) {
	for step, t := range m {
		if t == nil {
			continue
		}
		for k, c := range t.each {
			if !yield(moveKey{k, uint8(step)}, c) {
				return
			}
		}
	}
}

// lines gives the lines that a step does anything to, in order.
func (m *moves) lines() []lineKey {
	touched, named := []bool{}, map[lineKey]bool{}
	for _, t := range m {
		if t == nil {
			continue
		}
		touched = append(touched, make([]bool, max(0, len(t.dense)-len(touched)))...)
		for i, c := range t.dense {
			touched[i] = touched[i] || c != (change{})
		}
		for k := range t.sparse {
			named[k] = true
		}
	}
	var out []lineKey
	for i, is := range touched {
		if is {
			out = append(out, lineKey{0, uint32(i)})
		}
	}
	return append(out, slices.SortedFunc(maps.Keys(named), lineKey.order)...)
}

// ladder leads from their bill to ours, cause by cause: it keeps both sides'
// lines and what each step takes from a line or puts there. One goroutine
// writes; several are put together.
type ladder struct {
	lines *lines
	round Rounding
	// factor is what all of a flow's amounts are multiplied by when they are
	// rounded, as their invoice has it; nil: nothing.
	factor map[flow]*big.Rat
	after  Rounding  // of an amount times the factor
	once   bool      // the exact amount is multiplied, not the rounded one
	sides  [2]*tally // each side's own calls, duplicates once
	both   *tally    // calls that stand on one line of both bills alike, until fold
	recent []uint64  // of those in period 0, by line: how many calls, above their seconds; small enough for the cache
	twice  [2]*tally // the duplicates
	odd    *tally    // of theirs: calls whose numbers a learned rule made right
	moves  moves
	few    bool // the calls are so few that no step has room for all lines
	calls  [countCauses]uint64
}

func newLadder(l *lines, r Rounding) *ladder {
	return &ladder{lines: l, round: r, after: r, sides: [2]*tally{newTally(l), newTally(l)}, twice: [2]*tally{newTally(l), newTally(l)}, odd: newTally(l), both: newTally(l), recent: make([]uint64, len(l.rows))}
}

// count adds a call to a tally.
func (l *ladder) count(t *tally, s spot) error {
	if s.line == nothing {
		return nil
	}
	return l.countIn(t.at(lineKey{s.period, s.line}), s)
}

// countIn adds a call that has a line to a sum.
func (l *ladder) countIn(at *sum, s spot) error {
	at.calls++
	at.seconds += uint64(s.seconds)
	if l.round.Per == PerCall {
		m, err := l.round.charge(l.lines.rows[s.line], 1, uint64(s.seconds))
		if err != nil {
			return err
		}
		if at.micro, err = at.micro.Add(m); err != nil {
			return err
		}
	}
	return nil
}

// move has a step take a call from one spot and put it on another. Either may
// be nothing.
func (l *ladder) move(step uint8, from, to spot) error {
	if from == to {
		return nil
	}
	for _, m := range [2]struct {
		spot
		sign int64
	}{{from, -1}, {to, +1}} {
		if m.line == nothing {
			continue
		}
		c := l.moved(step, lineKey{m.period, m.line})
		c.calls += m.sign
		c.seconds += m.sign * int64(m.seconds)
		if l.round.Per == PerCall {
			micro, err := l.round.charge(l.lines.rows[m.line], 1, uint64(m.seconds))
			if err != nil {
				return err
			}
			c.micro += m.sign * int64(micro)
		}
	}
	return nil
}

// secondsBits is where in a recent sum the calls begin.
const secondsBits = 40

// countBoth counts a call that stands on one line of both bills.
func (l *ladder) countBoth(s spot) error {
	if s.period != 0 || l.round.Per == PerCall || s.line == nothing {
		return l.count(l.both, s)
	}
	at := &l.recent[s.line]
	if *at += 1<<secondsBits | uint64(s.seconds); *at&(1<<63|1<<(secondsBits-1)) != 0 {
		l.flush(s.line)
	}
	return nil
}

// flush takes a recent sum to the others, before its seconds reach the calls: one
// call bills fewer than 2^23.
func (l *ladder) flush(line uint32) {
	if l.recent[line] != 0 {
		l.both.at(lineKey{0, line}).add(sum{calls: l.recent[line] >> secondsBits, seconds: l.recent[line] & (1<<secondsBits - 1)})
		l.recent[line] = 0
	}
}

// fold counts for each side what was counted for both.
func (l *ladder) fold() {
	for line := range l.recent {
		l.flush(uint32(line))
	}
	for s := range l.sides {
		l.sides[s].merge(l.both)
	}
	l.both = newTally(l.lines)
}

func (l *ladder) merge(o *ladder) {
	for line := range o.recent {
		o.flush(uint32(line))
	}
	for s := range l.sides {
		l.sides[s].merge(o.sides[s])
		l.twice[s].merge(o.twice[s])
	}
	l.odd.merge(o.odd)
	l.both.merge(o.both)
	for k, c := range o.moves.each {
		l.moved(k.step, k.lineKey).add(c)
	}
	for i, n := range o.calls {
		l.calls[i] += n
	}
}

// flow is a direction and currency, in which amounts add.
type flow struct {
	way      usage.Way
	currency money.Currency
}

// amounts are sums by flow.
type amounts map[flow]money.Micro

func (a amounts) add(f flow, m money.Micro) error {
	v, err := a[f].Add(m)
	if err != nil {
		return err
	}
	a[f] = v
	return nil
}

func (a amounts) plus(o amounts) error {
	for f, m := range o {
		if err := a.add(f, m); err != nil {
			return err
		}
	}
	return nil
}

func (l *ladder) flowOf(line uint32) flow {
	return flow{l.lines.ways[line], l.lines.rows[line].Currency}
}

// value is the amount of a line, times the factor of its flow. Between two steps a
// line may hold less than nothing.
func (l *ladder) value(line uint32, s sum) (money.Micro, error) {
	factor := l.factor[l.flowOf(line)]
	switch {
	case l.round.Per == PerCall:
		return l.after.times(s.micro, factor)
	case factor == nil && int64(s.calls|s.seconds) >= 0:
		return l.round.charge(l.lines.rows[line], s.calls, s.seconds)
	}
	return l.round.taxed(exactSigned(l.lines.rows[line], int64(s.calls), int64(s.seconds)), factor, l.once)
}

// total adds a tally up.
func (l *ladder) total(t *tally) (amounts, error) {
	out := amounts{}
	if l.round.Per == PerInvoice {
		exacts := invoices{}
		for k, s := range t.all {
			exacts.add(l, k, s.calls, s.seconds)
		}
		return exacts.amounts(l)
	}
	for k, s := range t.all {
		m, err := l.value(k.line, s)
		if err != nil {
			return nil, err
		}
		if err := out.add(l.flowOf(k.line), m); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// invoices are exact sums by period and flow.
type invoices map[invoiceKey]*big.Rat

type invoiceKey struct {
	period uint32
	flow
}

func (v invoices) add(l *ladder, k lineKey, calls, seconds uint64) {
	at := invoiceKey{k.period, l.flowOf(k.line)}
	if v[at] == nil {
		v[at] = new(big.Rat)
	}
	v[at].Add(v[at], exact(l.lines.rows[k.line], calls, seconds))
}

func (v invoices) amounts(l *ladder) (amounts, error) {
	out := amounts{}
	for k, exact := range v {
		m, err := l.rounded(k.flow, exact)
		if err != nil {
			return nil, err
		}
		if err := out.add(k.flow, m); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// rounded is an exact amount of a flow, times its factor.
func (l *ladder) rounded(f flow, exact *big.Rat) (money.Micro, error) {
	return l.round.taxed(exact, l.factor[f], l.once)
}

// steps gives what each cause makes: the change of their rounded totals when it
// is removed, in list order. At the end of the steps stand our totals.
func (l *ladder) steps() (out [countCauses]amounts, err error) {
	for i := range out {
		out[i] = amounts{}
	}
	order := l.moves.lines()
	if l.round.Per == PerInvoice {
		return l.invoiceSteps(order)
	}
	for _, k := range order {
		f := l.flowOf(k.line)
		left := l.sides[theirs].get(k)
		before, err := l.value(k.line, left)
		if err != nil {
			return out, err
		}
		for step := range out {
			c := l.moves.get(step, k)
			if c == (change{}) {
				continue
			}
			if err := left.change(c); err != nil {
				return out, err
			}
			after, err := l.value(k.line, left)
			if err != nil {
				return out, err
			}
			diff, err := before.Sub(after)
			if err != nil {
				return out, err
			}
			if err := out[step].add(f, diff); err != nil {
				return out, err
			}
			before = after
		}
		left.arrived(l.sides[ours].get(k))
	}
	return out, nil
}

// change applies a step.
func (s *sum) change(c change) error {
	s.calls += uint64(c.calls)
	s.seconds += uint64(c.seconds)
	micro, err := s.micro.Add(money.Micro(c.micro))
	s.micro = micro
	return err
}

// arrived is for after the last step, which leaves what is ours.
func (s *sum) arrived(ours sum) {
	if s.calls != ours.calls || s.seconds != ours.seconds {
		panic("compare: the steps do not lead to our bill")
	}
}

// invoiceSteps is steps where only the sum of an invoice is rounded.
func (l *ladder) invoiceSteps(order []lineKey) (out [countCauses]amounts, err error) {
	for i := range out {
		out[i] = amounts{}
	}
	exacts := invoices{}
	for k, s := range l.sides[theirs].all {
		exacts.add(l, k, s.calls, s.seconds)
	}
	for step := range out {
		touched := map[invoiceKey]*big.Rat{}
		for _, k := range order {
			c := l.moves.get(step, k)
			if c == (change{}) {
				continue
			}
			at := invoiceKey{k.period, l.flowOf(k.line)}
			if touched[at] == nil {
				touched[at] = new(big.Rat)
			}
			touched[at].Add(touched[at], exactSigned(l.lines.rows[k.line], c.calls, c.seconds))
		}
		for at, diff := range touched {
			if exacts[at] == nil {
				exacts[at] = new(big.Rat)
			}
			before, err := l.rounded(at.flow, exacts[at])
			if err != nil {
				return out, err
			}
			exacts[at].Add(exacts[at], diff)
			after, err := l.rounded(at.flow, exacts[at])
			if err != nil {
				return out, err
			}
			change, err := before.Sub(after)
			if err != nil {
				return out, err
			}
			if err := out[step].add(at.flow, change); err != nil {
				return out, err
			}
		}
	}
	return out, nil
}

// duplicates states what rows that repeat others would have added: theirs to
// their bill, ours to our expectation.
func (l *ladder) duplicates() (amounts, error) {
	out := amounts{}
	for _, s := range []side{ours, theirs} {
		with := newTally(l.lines)
		with.merge(l.sides[s])
		with.merge(l.twice[s])
		most, err := l.total(with)
		if err != nil {
			return nil, err
		}
		once, err := l.total(l.sides[s])
		if err != nil {
			return nil, err
		}
		for f, m := range most {
			added, err := m.Sub(once[f])
			if err != nil {
				return nil, err
			}
			if s == ours {
				added = -added
			}
			if err := out.add(f, added); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}
