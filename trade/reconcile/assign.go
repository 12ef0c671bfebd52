package reconcile

import "math"

// assign matches a small burst in which some origins are withheld and others
// differ, so that no order of the items shows the best matching. The earliest
// item that is left is paired if it is in any best matching, with the earliest
// partner that it has there.
func (m *matcher) assign(ours, theirs []item) {
	a := assignment{ours: ours, theirs: theirs, tolerance: m.tolerance,
		goneOurs: make([]bool, len(ours)), goneTheirs: make([]bool, len(theirs))}
	best := a.best()
	i, j := 0, 0
	for best.pairs > 0 {
		for i < len(ours) && a.goneOurs[i] {
			i++
		}
		for j < len(theirs) && a.goneTheirs[j] {
			j++
		}
		if i == len(ours) || j == len(theirs) {
			return
		}
		mine := ours[i].order(&theirs[j]) <= 0
		if mine {
			a.goneOurs[i] = true
		} else {
			a.goneTheirs[j] = true
		}
		partners := len(theirs)
		if !mine {
			partners = len(ours)
		}
		for k := range partners {
			x, y, gone := i, k, a.goneTheirs
			if !mine {
				x, y, gone = k, j, a.goneOurs
			}
			if gone[k] || !a.possible(x, y) {
				continue
			}
			gone[k] = true
			if rest := a.best(); rest.plus(gap(&ours[x], &theirs[y])) == best {
				m.pair(&ours[x], &theirs[y])
				best = rest
				break
			}
			gone[k] = false
		}
	}
}

// assignment is a burst and which of its items are settled.
type assignment struct {
	ours, theirs         []item
	tolerance            int64
	goneOurs, goneTheirs []bool
}

func (a *assignment) possible(i, j int) bool {
	return a.ours[i].sameNumbers(&a.theirs[j]) && gap(&a.ours[i], &a.theirs[j]) <= a.tolerance
}

// best is the value of the best matching of what is not settled: shortest
// augmenting paths, one pair more each round (Bellman and Ford; bursts are
// small).
func (a *assignment) best() cell {
	partner := make([]int, len(a.theirs)) // of each of theirs, -1 none
	for j := range partner {
		partner[j] = -1
	}
	paired := make([]bool, len(a.ours))
	dist, via := make([]int64, len(a.theirs)), make([]int, len(a.theirs))
	var total cell
	for {
		// dist[j] is the least that a path from a free one of ours to
		// theirs[j] adds to the sum; it enters j from via[j].
		for j := range dist {
			dist[j], via[j] = math.MaxInt64, -1
		}
		for changed := true; changed; {
			changed = false
			for i := range a.ours {
				if a.goneOurs[i] {
					continue
				}
				base := int64(0)
				if paired[i] {
					j := indexOf(partner, i)
					if dist[j] == math.MaxInt64 {
						continue
					}
					base = dist[j] - gap(&a.ours[i], &a.theirs[j])
				}
				for j := range a.theirs {
					if a.goneTheirs[j] || partner[j] == i || !a.possible(i, j) {
						continue
					}
					if d := base + gap(&a.ours[i], &a.theirs[j]); d < dist[j] {
						dist[j], via[j], changed = d, i, true
					}
				}
			}
		}
		end := -1
		for j := range a.theirs {
			if partner[j] < 0 && dist[j] < math.MaxInt64 && (end < 0 || dist[j] < dist[end]) {
				end = j
			}
		}
		if end < 0 {
			return total
		}
		total = total.plus(dist[end])
		for j := end; ; {
			i := via[j]
			before := -1
			if paired[i] {
				before = indexOf(partner, i)
			}
			partner[j] = i
			if before < 0 {
				paired[i] = true
				break
			}
			partner[before] = -1
			j = before
		}
	}
}

func indexOf(s []int, v int) int {
	for i := range s {
		if s[i] == v {
			return i
		}
	}
	return -1
}
