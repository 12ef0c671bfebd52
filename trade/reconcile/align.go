package reconcile

import (
	"slices"
	"sort"
)

// cell is the value of a matching: how many pairs, and the sum of their start
// differences.
type cell struct {
	pairs uint32
	sum   int64
}

func (c cell) better(d cell) bool { return c.pairs > d.pairs || c.pairs == d.pairs && c.sum < d.sum }

func (c cell) plus(gap int64) cell { return cell{c.pairs + 1, c.sum + gap} }

func gap(a, b *item) int64 {
	if a.start > b.start {
		return a.start - b.start
	}
	return b.start - a.start
}

// align matches items that all have equal numbers. Of the best matchings one
// keeps time order, so a table over (next of ours, next of theirs) finds it; a
// row of the table covers those of theirs inside the tolerance alone.
func (m *matcher) align(ours, theirs []item) {
	if len(ours) == 1 && len(theirs) == 1 {
		if gap(&ours[0], &theirs[0]) <= m.tolerance {
			m.pair(&ours[0], &theirs[0])
		}
		return
	}
	t := alignment{ours: ours, theirs: theirs, from: make([]int, len(ours)), to: make([]int, len(ours)), at: make([]int, len(ours))}
	size := 0
	for i := range ours {
		t.from[i] = sort.Search(len(theirs), func(j int) bool { return theirs[j].start >= ours[i].start-m.tolerance })
		t.to[i] = sort.Search(len(theirs), func(j int) bool { return theirs[j].start > ours[i].start+m.tolerance })
		t.at[i] = size
		size += t.to[i] - t.from[i] + 1
	}
	if size > maxCells && len(ours)+len(theirs) > 2 {
		n, k := cut(ours, theirs)
		m.bursts(ours[:n], theirs[:k])
		m.bursts(ours[n:], theirs[k:])
		return
	}
	m.cells = slices.Grow(m.cells[:0], size)[:size]
	t.cells = m.cells
	t.fill()
	t.walk(m)
}

// cut finds where to split a burst: at the widest gap in its middle half, the
// first of equals. Neither side decides it alone.
func cut(ours, theirs []item) (n, k int) {
	total, widest := len(ours)+len(theirs), int64(-1)
	i, j := 0, 0
	last := min(ours[0].start, theirs[0].start)
	for i+j < total {
		next := int64(0)
		fromOurs := j == len(theirs) || i < len(ours) && ours[i].order(&theirs[j]) <= 0
		if fromOurs {
			next = ours[i].start
		} else {
			next = theirs[j].start
		}
		if place := i + j; place > 0 && 4*place >= total && 4*place <= 3*total && next-last > widest {
			widest, n, k = next-last, i, j
		}
		last = next
		if fromOurs {
			i++
		} else {
			j++
		}
	}
	return n, k
}

// alignment is the table of the best values. Row i has a cell for each j from
// from[i] to to[i]: the best matching of ours[i:] with theirs[j:].
type alignment struct {
	ours, theirs []item
	from, to, at []int
	cells        []cell
}

// best is the value of what is left from i and j on.
func (t *alignment) best(i, j int) cell {
	if i == len(t.ours) {
		return cell{}
	}
	// What comes before from[i] is too early for ours[i] and all behind it.
	return t.cells[t.at[i]+max(j, t.from[i])-t.from[i]]
}

func (t *alignment) fill() {
	for i := len(t.ours) - 1; i >= 0; i-- {
		for j := t.to[i]; j >= t.from[i]; j-- {
			c := t.best(i+1, j)
			if j < t.to[i] {
				if skip := t.best(i, j+1); skip.better(c) {
					c = skip
				}
				if pair := t.best(i+1, j+1).plus(gap(&t.ours[i], &t.theirs[j])); pair.better(c) {
					c = pair
				}
			}
			t.cells[t.at[i]+j-t.from[i]] = c
		}
	}
}

// walk takes one best matching out of the table: the earliest item that is left
// is paired if it is in any best one, with the earliest partner that it has
// there.
func (t *alignment) walk(m *matcher) {
	i, j := 0, 0
	for i < len(t.ours) && j < len(t.theirs) {
		best := t.best(i, j)
		if best.pairs == 0 {
			return
		}
		if t.ours[i].order(&t.theirs[j]) <= 0 {
			k := max(j, t.from[i])
			for k < t.to[i] && t.best(i+1, k+1).plus(gap(&t.ours[i], &t.theirs[k])) != best {
				k++
			}
			if k < t.to[i] {
				m.pair(&t.ours[i], &t.theirs[k])
				j = k + 1
			}
			i++
			continue
		}
		for k := i; k < len(t.ours) && gap(&t.ours[k], &t.theirs[j]) <= m.tolerance; k++ {
			if t.best(k+1, j+1).plus(gap(&t.ours[k], &t.theirs[j])) == best {
				m.pair(&t.ours[k], &t.theirs[j])
				i = k + 1
				break
			}
		}
		j++
	}
}
