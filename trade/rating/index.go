package rating

import (
	"cmp"
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
	special  []special
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

// prefix is the rows of one prefix and where to go on when none is for a call.
type prefix struct {
	first, end uint32 // in versions
	shorter    slot   // next shorter prefix, or nothing
	special    uint32 // in special, from 1; 0 when all rows are plain
	version           // of its first row: most have one, which needs no look elsewhere
}

// special is what a prefix needs of which a row has an origin prefix or a band,
// or is blocked. Plain prefixes are not slowed down by it.
type special struct {
	origins []origin // ascending, so that shorter ones come first
	longest int      // digits of the longest of them
}

// origin is the rows of one prefix with one origin prefix; 0: any origin.
type origin struct {
	prefix usage.Number
	rows   []bounded
}

// bounded is what decides whether a row is for a call, beside the time in which
// it is in force.
type bounded struct {
	version uint32
	window  *usage.Window // nil: all of the time
	blocked bool
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
	windows := map[usage.Band]*usage.Window{}
	changes := map[int64]bool{}
	for i := range rows {
		changes[rows[i].ValidFrom], changes[rows[i].ValidTo] = true, true
		x.versions[i] = version{rows[i].ValidFrom, rows[i].ValidTo, rows[i].MinimumSeconds, rows[i].IncrementSeconds}
		if i > 0 && rows[i].Prefix == rows[i-1].Prefix {
			x.prefixes[len(x.prefixes)-1].end++
			if !rows[i].plain() {
				x.prefixes[len(x.prefixes)-1].special = 1
			}
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
		p := prefix{first: uint32(i), end: uint32(i) + 1, version: x.versions[i]}
		if !rows[i].plain() {
			p.special = 1
		}
		x.prefixes = append(x.prefixes, p)
	}
	for i := range x.prefixes {
		if p := &x.prefixes[i]; p.special != 0 {
			x.special = append(x.special, newSpecial(rows, *p, windows))
			p.special = uint32(len(x.special))
		}
	}
	x.changes = slices.Sorted(maps.Keys(changes))
	x.inherit(0, 0)
	x.compact()
	return x
}

// plain reports whether time alone decides which calls the row is for, and it
// has a price for them.
func (r *Row) plain() bool { return r.OriginPrefix == "" && !r.Blocked && r.Band.IsZero() }

// newSpecial takes the rows of a prefix apart by origin. Rows with one band
// share its window.
func newSpecial(rows []Row, p prefix, windows map[usage.Band]*usage.Window) special {
	var s special
	for i := p.first; i < p.end; i++ {
		r := &rows[i]
		from := usage.Withheld
		if r.OriginPrefix != "" {
			from, _ = usage.ParseNumber([]byte(r.OriginPrefix)) // Validate has read it
		}
		if len(s.origins) == 0 || s.origins[len(s.origins)-1].prefix != from {
			s.origins = append(s.origins, origin{prefix: from})
		}
		w, ok := windows[r.Band]
		if !ok {
			w, _ = r.Band.Window() // Validate has read it
			windows[r.Band] = w
		}
		o := &s.origins[len(s.origins)-1]
		o.rows = append(o.rows, bounded{i, w, r.Blocked})
		s.longest = max(s.longest, len(r.OriginPrefix))
	}
	return s
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

// finding is what a search came to.
type finding uint8

const (
	nothing finding = iota // no row is for the call
	priced
	blocked
)

func (x *index) find(number, from usage.Number, start int64) (uint32, finding) {
	row, _, found := x.locate(number, from, start)
	return row, found
}

// locate is find, and gives the version of the row, too.
func (x *index) locate(number, from usage.Number, start int64) (uint32, *version, finding) {
	digits := number.Digits()
	if digits == 0 || digits > usage.MaxDigits {
		return 0, nil, nothing
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
		if p.special != 0 {
			if row, found := x.among(&x.special[p.special-1], from, start); found != nothing {
				return row, &x.versions[row], found
			}
			s = p.shorter
			continue
		}
		if v := &p.version; v.from <= start && start < v.to {
			return p.first, v, priced
		}
		for i := p.first + 1; i < p.end; i++ {
			if v := &x.versions[i]; v.from <= start && start < v.to {
				return i, v, priced
			}
		}
		s = p.shorter
	}
	return 0, nil, nothing
}

// among looks through the rows of one prefix, those with the longest prefix of
// the origin first. A withheld origin, which is 0, has no prefix but the empty
// one.
func (x *index) among(s *special, from usage.Number, start int64) (uint32, finding) {
	digits := from.Digits()
	if digits > usage.MaxDigits {
		from, digits = usage.Withheld, 0
	}
	for n := min(digits, s.longest); n >= 0; n-- {
		head := usage.Number(uint64(from) / moved[usage.MaxDigits-(digits-n)])
		at, ok := slices.BinarySearchFunc(s.origins, head, func(o origin, n usage.Number) int { return cmp.Compare(o.prefix, n) })
		if !ok {
			continue
		}
		for _, r := range s.origins[at].rows {
			v := &x.versions[r.version]
			switch {
			case start < v.from || start >= v.to || r.window != nil && !r.window.Contains(start):
			case r.blocked:
				return r.version, blocked
			default:
				return r.version, priced
			}
		}
	}
	return 0, nothing
}

// pricedInPart reports whether find has a row for some starts from first to last
// and none for others. The answer of find changes only where a row begins or
// ends: nearly always there is no such moment, and nothing is asked.
func (x *index) pricedInPart(number, from usage.Number, first, last int64) bool {
	i, _ := slices.BinarySearch(x.changes, first+1)
	end, _ := slices.BinarySearch(x.changes[i:], last+1)
	inside := x.changes[i : i+end]
	if len(x.special) > 0 {
		// A band of the week begins or ends too. None is as short as a range.
		inside = append(slices.Clone(inside), last)
	}
	if len(inside) == 0 {
		return false
	}
	_, before := x.find(number, from, first)
	for _, at := range inside {
		if _, now := x.find(number, from, at); (now == priced) != (before == priced) {
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
