package compare

import (
	"cmp"
	"slices"

	"github.com/lateral-network/lateral/trade/money"
)

// account is one line of both bills, what leads from one to the other, and what of
// it the running totals have.
type account struct {
	lineKey
	sides, twice [2]sum
	moves        []moved // in the order of the steps
	worth        [2]money.Micro
	duplicates   money.Micro
	touched      bool
}

// moved is what a step does to a line.
type moved struct {
	step uint8
	change
	amount money.Micro // theirs - ours
}

// worth is the running totals of a flow.
type worth struct {
	sides      [2]money.Micro
	steps      [countCauses]money.Micro
	duplicates money.Micro
}

// accounts are all lines of a window. Rounded amounts of lines add up, so that only
// lines which a cycle has touched are valued again; where only whole invoices are
// rounded, all are.
type accounts struct {
	lines   *lines
	round   Rounding
	flows   []flow
	flowOf  []uint8    // by line
	dense   []*account // of period 0
	sparse  map[lineKey]*account
	touched []*account
	total   []worth // by flow
	folded  totals  // of invoices that are over
}

func newAccounts(l *lines, r Rounding) *accounts {
	a := &accounts{lines: l, round: r, flowOf: make([]uint8, len(l.rows)), dense: make([]*account, len(l.rows)), sparse: map[lineKey]*account{}, folded: newTotals()}
	for i, row := range l.rows {
		f := flow{l.ways[i], row.Currency}
		n := slices.Index(a.flows, f)
		if n < 0 {
			n = len(a.flows)
			a.flows = append(a.flows, f)
		}
		a.flowOf[i] = uint8(n)
	}
	a.total = make([]worth, len(a.flows))
	return a
}

// at gives the account of a line, to be changed.
func (a *accounts) at(k lineKey) *account {
	var x *account
	if k.period == 0 {
		x = a.dense[k.line]
	} else {
		x = a.sparse[k]
	}
	if x == nil {
		x = &account{lineKey: k}
		if k.period == 0 {
			a.dense[k.line] = x
		} else {
			a.sparse[k] = x
		}
	}
	if !x.touched {
		x.touched = true
		a.touched = append(a.touched, x)
	}
	return x
}

func (s sum) times(sign int64) sum {
	return sum{s.calls * uint64(sign), s.seconds * uint64(sign), s.micro * money.Micro(sign)}
}

// book puts what a ladder has found on the accounts, or with sign -1 takes it off.
func (a *accounts) book(l *ladder, sign int64) {
	for line, n := range l.recent {
		if n != 0 {
			l.flush(uint32(line))
		}
	}
	each := func(t *tally, add func(*account, sum)) {
		for k, s := range t.each {
			add(a.at(k), s.times(sign))
		}
	}
	each(l.both, func(x *account, s sum) {
		x.sides[ours].add(s)
		x.sides[theirs].add(s)
	})
	for n := range l.sides {
		each(l.sides[n], func(x *account, s sum) { x.sides[n].add(s) })
		each(l.twice[n], func(x *account, s sum) { x.twice[n].add(s) })
	}
	for k, c := range l.moves.each {
		x := a.at(k.lineKey)
		i, found := slices.BinarySearchFunc(x.moves, k.step, func(m moved, step uint8) int { return cmp.Compare(m.step, step) })
		if !found {
			x.moves = slices.Insert(x.moves, i, moved{step: k.step})
		}
		m := &x.moves[i]
		m.calls += sign * c.calls
		m.seconds += sign * c.seconds
		m.micro += sign * c.micro
	}
}

// value brings the totals up to the accounts.
func (a *accounts) value() error {
	if a.round.Per != PerInvoice {
		l := &ladder{lines: a.lines, round: a.round}
		for _, x := range a.touched {
			if err := a.revalue(l, x); err != nil {
				return err
			}
		}
	}
	for _, x := range a.touched {
		x.touched = false
	}
	a.touched = a.touched[:0]
	return nil
}

// raise sets an amount, and takes the difference to a total.
func raise(total, at *money.Micro, to money.Micro) error {
	diff, err := to.Sub(*at)
	if err == nil {
		*total, err = total.Add(diff)
	}
	*at = to
	return err
}

func (a *accounts) revalue(l *ladder, x *account) error {
	total := &a.total[a.flowOf[x.line]]
	var worth [2]money.Micro
	for s := range worth {
		if s > 0 && x.sides[s] == x.sides[0] {
			worth[s] = worth[0]
			continue
		}
		var err error
		if worth[s], err = l.value(x.line, x.sides[s]); err != nil {
			return err
		}
	}
	duplicates := money.Micro(0)
	for s, twice := range x.twice {
		if twice == (sum{}) {
			continue
		}
		twice.add(x.sides[s])
		with, err := l.value(x.line, twice)
		if err != nil {
			return err
		}
		if s == int(theirs) {
			duplicates += with - worth[s]
		} else {
			duplicates -= with - worth[s]
		}
	}
	left, before := x.sides[theirs], worth[theirs]
	for i := range x.moves {
		m := &x.moves[i]
		if err := left.change(m.change); err != nil {
			return err
		}
		after, err := l.value(x.line, left)
		if err != nil {
			return err
		}
		if err := raise(&total.steps[m.step], &m.amount, before-after); err != nil {
			return err
		}
		before = after
	}
	left.arrived(x.sides[ours])
	x.moves = slices.DeleteFunc(x.moves, func(m moved) bool { return m.change == (change{}) })
	for s := range worth {
		if err := raise(&total.sides[s], &x.worth[s], worth[s]); err != nil {
			return err
		}
	}
	return raise(&total.duplicates, &x.duplicates, duplicates)
}

// totals gives all amounts.
func (a *accounts) totals() (totals, error) {
	if a.round.Per == PerInvoice {
		out, err := a.ladder(func(uint32) bool { return true }).totals()
		if err == nil {
			err = out.plus(&a.folded)
		}
		return out, err
	}
	out := newTotals()
	for i, w := range a.total {
		f := a.flows[i]
		for s := range w.sides {
			if w.sides[s] != 0 {
				out.sides[s][f] = w.sides[s]
			}
		}
		for n, m := range w.steps {
			if m != 0 {
				out.steps[n][f] = m
			}
		}
		if w.duplicates != 0 {
			out.duplicates[f] = w.duplicates
		}
	}
	return out, nil
}

// all goes through the accounts.
func (a *accounts) all(yield func(*account) bool) {
	for _, x := range a.dense {
		if x != nil && !yield(x) {
			return
		}
	}
	for _, x := range a.sparse {
		if !yield(x) {
			return
		}
	}
}

// ladder is the accounts of some periods in the form in which a comparison has them.
func (a *accounts) ladder(period func(uint32) bool) *ladder {
	l := newLadder(a.lines, a.round)
	l.few = true
	for x := range a.all {
		if !period(x.period) {
			continue
		}
		for s := range x.sides {
			*l.sides[s].at(x.lineKey) = x.sides[s]
			if x.twice[s] != (sum{}) {
				*l.twice[s].at(x.lineKey) = x.twice[s]
			}
		}
		for i := range x.moves {
			*l.moved(x.moves[i].step, x.lineKey) = x.moves[i].change
		}
	}
	return l
}

// fold gives the accounts of periods that are over up, and keeps their amounts.
func (a *accounts) fold(over func(uint32) bool) error {
	if a.round.Per == PerInvoice {
		t, err := a.ladder(over).totals()
		if err == nil {
			err = a.folded.plus(&t)
		}
		if err != nil {
			return err
		}
	}
	if over(0) {
		clear(a.dense)
	}
	for k := range a.sparse {
		if over(k.period) {
			delete(a.sparse, k)
		}
	}
	return nil
}
