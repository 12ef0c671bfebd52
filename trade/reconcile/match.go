package reconcile

import (
	"cmp"
	"slices"
)

// item is a record as matching sees it. Numbers are opaque: equal values are
// equal numbers.
type item struct {
	flow     uint64 // direction and destination
	origin   uint64 // withheld when the record does not know it
	start    int64  // ms
	duration uint32 // ms
	index    uint32 // of the caller's record
}

// withheld is the origin that is equal to any other.
const withheld = 0

// canonical orders the items of one side and flow: two that are the same in all stand
// as the caller numbers them.
func (a *item) canonical(b *item) int {
	return cmp.Or(a.order(b), cmp.Compare(a.index, b.index))
}

// order is the order of the items of a flow: by time first, and never by where a
// record stood in its file.
func (a *item) order(b *item) int {
	if a.start != b.start {
		return cmp.Compare(a.start, b.start)
	}
	return cmp.Or(cmp.Compare(a.duration, b.duration), cmp.Compare(a.origin, b.origin))
}

// sameNumbers holds inside a flow.
func (a *item) sameNumbers(b *item) bool {
	return a.origin == b.origin || a.origin == withheld || b.origin == withheld
}

// match pairs items of two sides by the rule of the package and hands each pair
// to found. It reorders its arguments.
func match(ours, theirs []item, tolerance int64, found func(ours, theirs uint32)) {
	byFlow := func(a, b item) int {
		if a.flow != b.flow {
			return cmp.Compare(a.flow, b.flow)
		}
		return a.canonical(&b)
	}
	slices.SortFunc(ours, byFlow)
	slices.SortFunc(theirs, byFlow)
	m := matcher{tolerance: tolerance, found: found}
	for len(ours) > 0 && len(theirs) > 0 {
		flow := ours[0].flow
		if c := cmp.Compare(flow, theirs[0].flow); c < 0 {
			ours = ours[run(ours, sameFlow):]
			continue
		} else if c > 0 {
			theirs = theirs[run(theirs, sameFlow):]
			continue
		}
		n, k := run(ours, sameFlow), run(theirs, sameFlow)
		m.flow(ours[:n], theirs[:k])
		ours, theirs = ours[n:], theirs[k:]
	}
}

func sameFlow(a, b *item) bool   { return a.flow == b.flow }
func sameCall(a, b *item) bool   { return a.start == b.start && a.duration == b.duration }
func sameOrigin(a, b *item) bool { return a.origin == b.origin }

// run counts the items at the head that are like the first.
func run(items []item, like func(a, b *item) bool) int {
	n := 1
	for n < len(items) && like(&items[0], &items[n]) {
		n++
	}
	return n
}

// matcher holds what the steps of a match share.
type matcher struct {
	tolerance int64
	found     func(ours, theirs uint32)
	cells     []cell // of the last alignment, used again
}

func (m *matcher) pair(a, b *item) { m.found(a.index, b.index) }

// flow matches the items of one direction and destination, which are in order.
func (m *matcher) flow(ours, theirs []item) {
	ours, theirs = m.exact(ours, theirs)
	if len(ours) == 0 || len(theirs) == 0 {
		return
	}
	hidden := func(i item) bool { return i.origin == withheld }
	if !slices.ContainsFunc(ours, hidden) && !slices.ContainsFunc(theirs, hidden) {
		m.byOrigin(ours, theirs, m.bursts)
		return
	}
	m.bursts(ours, theirs)
}

// byOrigin hands on, origin by origin, the items of both sides that have it.
func (m *matcher) byOrigin(ours, theirs []item, next func(ours, theirs []item)) {
	split := func(a, b item) int {
		if a.origin != b.origin {
			return cmp.Compare(a.origin, b.origin)
		}
		return a.canonical(&b)
	}
	slices.SortFunc(ours, split)
	slices.SortFunc(theirs, split)
	for len(ours) > 0 && len(theirs) > 0 {
		n, k := run(ours, sameOrigin), run(theirs, sameOrigin)
		switch cmp.Compare(ours[0].origin, theirs[0].origin) {
		case -1:
			ours = ours[n:]
		case 1:
			theirs = theirs[k:]
		default:
			next(ours[:n], theirs[:k])
			ours, theirs = ours[n:], theirs[k:]
		}
	}
}

// exact pairs items with equal numbers, start and duration and gives the rest,
// in order.
func (m *matcher) exact(ours, theirs []item) (restOurs, restTheirs []item) {
	for len(ours) > 0 && len(theirs) > 0 {
		n, k := run(ours, sameCall), run(theirs, sameCall)
		switch {
		case sameCall(&ours[0], &theirs[0]):
			a, b := m.exactRun(ours[:n], theirs[:k])
			restOurs, restTheirs = append(restOurs, a...), append(restTheirs, b...)
			ours, theirs = ours[n:], theirs[k:]
		case cmp.Or(cmp.Compare(ours[0].start, theirs[0].start), cmp.Compare(ours[0].duration, theirs[0].duration)) < 0:
			restOurs, ours = append(restOurs, ours[:n]...), ours[n:]
		default:
			restTheirs, theirs = append(restTheirs, theirs[:k]...), theirs[k:]
		}
	}
	return append(restOurs, ours...), append(restTheirs, theirs...)
}

// exactRun pairs as many as possible of items that have start and duration in
// common: equal known origins first, then a withheld origin with a known one,
// which wastes no withheld one, then the withheld ones that are left.
func (m *matcher) exactRun(ours, theirs []item) (restOurs, restTheirs []item) {
	hiddenOurs, knownOurs := cutHidden(ours)
	hiddenTheirs, knownTheirs := cutHidden(theirs)
	var leftOurs, leftTheirs []item
	for len(knownOurs) > 0 && len(knownTheirs) > 0 {
		switch cmp.Compare(knownOurs[0].origin, knownTheirs[0].origin) {
		case 0:
			m.pair(&knownOurs[0], &knownTheirs[0])
			knownOurs, knownTheirs = knownOurs[1:], knownTheirs[1:]
		case -1:
			leftOurs, knownOurs = append(leftOurs, knownOurs[0]), knownOurs[1:]
		default:
			leftTheirs, knownTheirs = append(leftTheirs, knownTheirs[0]), knownTheirs[1:]
		}
	}
	leftOurs, leftTheirs = append(leftOurs, knownOurs...), append(leftTheirs, knownTheirs...)
	zip := func(a, b []item) ([]item, []item) {
		n := min(len(a), len(b))
		for i := range n {
			m.pair(&a[i], &b[i])
		}
		return a[n:], b[n:]
	}
	leftOurs, hiddenTheirs = zip(leftOurs, hiddenTheirs)
	hiddenOurs, leftTheirs = zip(hiddenOurs, leftTheirs)
	hiddenOurs, hiddenTheirs = zip(hiddenOurs, hiddenTheirs)
	return slices.Concat(hiddenOurs, leftOurs), slices.Concat(hiddenTheirs, leftTheirs)
}

// cutHidden splits items of a run, ordered by origin, into those with withheld
// origin and the others.
func cutHidden(items []item) (hidden, known []item) {
	n := 0
	for n < len(items) && items[n].origin == withheld {
		n++
	}
	return items[:n], items[n:]
}

// bursts cuts the items of one flow, which are in order, where no two can be
// inside the tolerance, and matches each burst by itself.
func (m *matcher) bursts(ours, theirs []item) {
	for len(ours) > 0 && len(theirs) > 0 {
		n, k := 0, 0
		last := min(ours[0].start, theirs[0].start)
		for {
			if n < len(ours) && ours[n].start-last <= m.tolerance {
				last = max(last, ours[n].start)
				n++
			} else if k < len(theirs) && theirs[k].start-last <= m.tolerance {
				last = max(last, theirs[k].start)
				k++
			} else {
				break
			}
		}
		if n > 0 && k > 0 {
			m.burst(ours[:n], theirs[:k])
		}
		ours, theirs = ours[n:], theirs[k:]
	}
}

// Limits on the size of one burst. Beyond them it is matched in parts, alike on
// both sides: such bursts have thousands of calls to one number from withheld
// origins within seconds of each other.
const (
	maxCells = 4 << 20
	maxMixed = 256 // ours × theirs, where some origins are withheld and others differ
)

// burst matches items that time may connect.
func (m *matcher) burst(ours, theirs []item) {
	if !mixed(ours, theirs) {
		m.align(ours, theirs)
		return
	}
	if len(ours)*len(theirs) <= maxMixed {
		m.assign(ours, theirs)
		return
	}
	m.staged(ours, theirs)
}

// mixed reports whether one of ours and one of theirs have numbers that differ.
func mixed(ours, theirs []item) bool {
	known := func(items []item) (first uint64, several bool) {
		for i := range items {
			switch o := items[i].origin; {
			case o == withheld || o == first:
			case first == withheld:
				first = o
			default:
				return first, true
			}
		}
		return first, false
	}
	a, manyOurs := known(ours)
	b, manyTheirs := known(theirs)
	return a != withheld && b != withheld && (manyOurs || manyTheirs || a != b)
}

// staged matches a mixed burst that is too large to weigh as a whole: equal
// known origins first, then known with withheld ones, then the withheld ones.
func (m *matcher) staged(ours, theirs []item) {
	paired := [2]map[uint32]bool{{}, {}}
	report := m.found
	stage := matcher{tolerance: m.tolerance, found: func(a, b uint32) {
		paired[0][a], paired[1][b] = true, true
		report(a, b)
	}}
	left := func(items []item, side int, hidden bool) (out []item) {
		for _, i := range items {
			if (i.origin == withheld) == hidden && !paired[side][i.index] {
				out = append(out, i)
			}
		}
		return out
	}
	stage.byOrigin(left(ours, 0, false), left(theirs, 1, false), stage.bursts)
	// The two following stages have no item in common, so neither comes first.
	stage.bursts(left(ours, 0, false), left(theirs, 1, true))
	stage.bursts(left(ours, 0, true), left(theirs, 1, false))
	stage.bursts(left(ours, 0, true), left(theirs, 1, true))
}
