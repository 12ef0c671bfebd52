package rating

import (
	"maps"
	"slices"

	"github.com/lateral-network/lateral/trade/usage"
)

// index finds the longest prefix of a number. A table over the first five
// digits leads in one step to a node of the digit tree below; a slot holds the
// node to go on with, or the prefix that ends the search. What is touched for a
// call thus fits the second-level cache for a sheet of 40,000 prefixes.
type index struct {
	heads    []slot // by the first headDigits digits, 10^headDigits of them
	nodes    []node // nodes[0] is the root
	prefixes []prefix
	versions []version
	changes  []int64 // when a version begins or ends; ascending, each once
}

// headDigits is how many digits the table resolves at once.
const headDigits = 5

// slot is one of: a node (positive), nothing (0), or the prefix ^slot
// (negative). The root is never below another node, so 0 is free.
type slot int32

// node is one digit of a prefix: where each next digit leads, and the longest
// prefix that ends at or above the node.
type node struct {
	next [10]slot
	here slot // nothing or a prefix
	_    int32
}

// prefix is the rows of one prefix and where to go on when none is in force.
type prefix struct {
	first, end uint32 // in versions
	shorter    slot   // next shorter prefix, or nothing
}

// version is what is needed of a row for each call: when it is in force and how
// it bills. Rows of a prefix are consecutive and versions stand in the order of
// rows, so a version's index is its row's.
type version struct {
	from, to           int64
	minimum, increment uint32
}

func newIndex(rows []Row) index {
	x := index{nodes: make([]node, 1, 1024), versions: make([]version, len(rows))}
	changes := map[int64]bool{}
	for i := range rows {
		changes[rows[i].ValidFrom], changes[rows[i].ValidTo] = true, true
		x.versions[i] = version{rows[i].ValidFrom, rows[i].ValidTo, rows[i].MinimumSeconds, rows[i].IncrementSeconds}
		if i > 0 && rows[i].Prefix == rows[i-1].Prefix {
			x.prefixes[len(x.prefixes)-1].end++
			continue
		}
		at := int32(0)
		for _, c := range []byte(rows[i].Prefix) {
			if x.nodes[at].next[c-'0'] == 0 {
				x.nodes[at].next[c-'0'] = slot(len(x.nodes))
				x.nodes = append(x.nodes, node{})
			}
			at = int32(x.nodes[at].next[c-'0'])
		}
		x.nodes[at].here = ^slot(len(x.prefixes))
		x.prefixes = append(x.prefixes, prefix{first: uint32(i), end: uint32(i) + 1})
	}
	x.changes = slices.Sorted(maps.Keys(changes))
	x.inherit(0, 0)
	x.compact()
	return x
}

// inherit gives each node the longest prefix that ends at or above it, and each
// prefix its next shorter one.
func (x *index) inherit(at int32, best slot) {
	n := &x.nodes[at]
	if n.here != 0 {
		x.prefixes[^n.here].shorter = best
	} else {
		n.here = best
	}
	for _, s := range n.next {
		if s > 0 {
			x.inherit(int32(s), n.here)
		}
	}
}

// compact replaces each node without children by its prefix, fills empty slots
// with the prefix that holds there, and builds the table of heads.
func (x *index) compact() {
	// Depth first in digit order puts nodes that are used together side by
	// side. Recursion is bounded by the length of a prefix.
	old := x.nodes
	x.nodes = make([]node, 0, len(old)/4+1)
	var move func(at int32) slot
	move = func(at int32) slot {
		leaf := at != 0
		for _, s := range old[at].next {
			leaf = leaf && s == 0
		}
		if leaf {
			return old[at].here
		}
		to := slot(len(x.nodes))
		x.nodes = append(x.nodes, node{here: old[at].here})
		for d, s := range old[at].next {
			if s == 0 {
				s = old[at].here
			} else {
				s = move(int32(s))
			}
			x.nodes[to].next[d] = s
		}
		return to
	}
	move(0)
	x.heads = make([]slot, 0, 100_000)
	var fill func(s slot, depth int)
	fill = func(s slot, depth int) {
		if depth == headDigits {
			x.heads = append(x.heads, s)
			return
		}
		for d := range 10 {
			next := s
			if s > 0 || depth == 0 {
				next = x.nodes[s].next[d]
			}
			fill(next, depth+1)
		}
	}
	fill(0, 0)
}

// topDigit is 10^14: the place of the first digit once a number is moved to
// MaxDigits places, so that all divisors below are constants.
const topDigit = 100_000_000_000_000

func (x *index) find(number usage.Number, start int64) (uint32, bool) {
	digits := number.Digits()
	if digits == 0 || digits > usage.MaxDigits {
		return 0, false
	}
	const rest = topDigit * 10 / 100_000 // 10^(MaxDigits-headDigits)
	left := uint64(number) * moved[digits]
	var s slot
	depth := 0
	if digits >= headDigits {
		s = x.heads[left/rest]
		left = left % rest * 100_000
		depth = headDigits
	} else {
		s = x.nodes[0].next[left/topDigit]
		left = left % topDigit * 10
		depth = 1
	}
	for s > 0 {
		n := &x.nodes[s]
		if depth == digits {
			s = n.here
			break
		}
		s = n.next[left/topDigit]
		left = left % topDigit * 10
		depth++
	}
	for s != 0 {
		p := &x.prefixes[^s]
		for i := p.first; i < p.end; i++ {
			if v := &x.versions[i]; v.from <= start && start < v.to {
				return i, true
			}
		}
		s = p.shorter
	}
	return 0, false
}

// pricedInPart reports whether find has a row for some starts from first to last
// and none for others. The answer of find changes only where a row begins or
// ends: nearly always there is no such moment, and nothing is asked.
func (x *index) pricedInPart(number usage.Number, first, last int64) bool {
	i, _ := slices.BinarySearch(x.changes, first+1)
	inside := x.changes[i:]
	if len(inside) == 0 || inside[0] > last {
		return false
	}
	_, priced := x.find(number, first)
	for _, at := range inside {
		if at > last {
			break
		}
		if _, ok := x.find(number, at); ok != priced {
			return true
		}
	}
	return false
}

// moved[d] moves a number of d digits to MaxDigits places.
var moved = func() (m [usage.MaxDigits + 1]uint64) {
	m[usage.MaxDigits] = 1
	for d := usage.MaxDigits - 1; d >= 0; d-- {
		m[d] = m[d+1] * 10
	}
	return m
}()
