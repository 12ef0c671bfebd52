package compare

import (
	"cmp"
	"slices"

	"github.com/lateral-network/lateral/trade/usage"
)

// numbers is what two records of one call have in common.
type numbers struct {
	way    usage.Way
	dest   dest
	origin uint64
}

func (c *call) numbers() numbers { return numbers{c.way, c.dest, c.origin} }

// splitUnits are what the durations of parts are rounded up to, ms. Each is a
// multiple of the first; a second is within any tolerance.
var splitUnits = [...]uint32{6_000, 30_000, 60_000}

// split is what a part of the file has of calls that one side has in parts.
type split struct {
	calls map[uint32]bool      // indexes of ours
	pairs []uint32             // of ours: pairs that may be a call and its first part
	after [2]map[numbers][]int // places in rest, in order of time
}

func (s *split) has(i uint32) bool { return len(s.calls) > 0 && s.calls[i] }

// splits finds calls that one side has in parts: a pair whose shorter record is
// followed, without a gap, by calls of the same side to the same number, until
// the longer one ends.
func (p *parts) splits() (out split) {
	if len(p.rest[ours])+len(p.rest[theirs]) == 0 {
		return out
	}
	for s := range out.after {
		out.after[s] = map[numbers][]int{}
		for n, i := range p.rest[s] {
			k := p.calls[s][i].numbers()
			out.after[s][k] = append(out.after[s][k], n)
		}
		for _, list := range out.after[s] {
			slices.SortFunc(list, func(x, y int) int {
				a, b := &p.calls[s][p.rest[s][x]], &p.calls[s][p.rest[s][y]]
				return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.duration, b.duration), cmp.Compare(x, y))
			})
		}
	}
	tolerance := p.c.job.StartTolerance.Milliseconds()
	for i, j := range p.partner {
		if j == none {
			continue
		}
		a, b := &p.calls[ours][i], &p.calls[theirs][j]
		if abs(a.end()-b.end()) <= tolerance && (a.duration == b.duration || a.duration%splitUnits[0] != 0 && b.duration%splitUnits[0] != 0) {
			continue
		}
		if len(out.after[ours][a.numbers()])+len(out.after[theirs][b.numbers()]) > 0 {
			out.pairs = append(out.pairs, uint32(i))
		}
	}
	// What is found must not depend on how the parts were filled, nor on which
	// side is ours.
	slices.SortFunc(out.pairs, func(x, y uint32) int {
		a, b, c, d := &p.calls[ours][x], &p.calls[theirs][p.partner[x]], &p.calls[ours][y], &p.calls[theirs][p.partner[y]]
		return cmp.Or(cmp.Compare(min(a.start, b.start), min(c.start, d.start)), cmp.Compare(max(a.start, b.start), max(c.start, d.start)),
			cmp.Compare(min(a.duration, b.duration), min(c.duration, d.duration)), cmp.Compare(max(a.duration, b.duration), max(c.duration, d.duration)))
	})
	out.calls = map[uint32]bool{}
	for _, i := range out.pairs {
		whole, part, s := &p.calls[ours][i], &p.calls[theirs][p.partner[i]], theirs
		if whole.duration < part.duration {
			whole, part, s = part, whole, ours
		}
		if whole.end()-part.end() <= tolerance {
			continue
		}
		end := part.end()
		var parts []int
		for _, n := range out.after[s][part.numbers()] {
			c := &p.calls[s][p.rest[s][n]]
			if p.gone[s][n] != 0 || c.start < end-tolerance {
				continue
			}
			if c.start > end+tolerance || c.end() > whole.end()+tolerance {
				break
			}
			parts, end = append(parts, n), c.end()
		}
		if len(parts) > 0 && abs(end-whole.end()) <= tolerance {
			out.found(p, i, s, parts, whole)
		}
	}
	return out
}

// found notes that a pair is a whole call of one side and its first part of the
// other, s, and which of its other calls are further parts.
func (t *split) found(p *parts, i uint32, s side, parts []int, whole *call) {
	t.calls[i] = true
	for _, n := range parts {
		p.gone[s][n] = whole.line
	}
}

// rounded finds, among what is left, calls in parts whose durations are rounded
// up, so that a part seems to last beyond the beginning of the next. A call whose
// parts add up by chance without one of them has it added.
func (t *split) rounded(p *parts, known [2]map[uint32]reason) {
	for _, i := range t.pairs {
		for s, n := range [2]uint32{i, p.partner[i]} {
			part, whole := &p.calls[s][n], &p.calls[theirs][p.partner[i]]
			if side(s) == theirs {
				whole = &p.calls[ours][i]
			}
			after := t.after[s][part.numbers()]
			already := p.holds(side(s), after, whole)
			if len(after) == 0 || part.duration%splitUnits[0] != 0 || t.calls[i] && already == 0 {
				continue
			}
			// Of several units the one that leaves fewest calls over.
			var most []int
			for _, unit := range splitUnits {
				if parts := p.chain(side(s), whole, part, after, int64(unit), known[s]); len(parts) > len(most) {
					most = parts
				}
			}
			if len(most) > already && p.holds(side(s), most, whole) == already {
				t.found(p, i, side(s), most, whole)
			}
		}
	}
}

// holds counts those of some calls that were found to be parts of a whole.
func (p *parts) holds(s side, parts []int, whole *call) (n int) {
	for _, k := range parts {
		if p.gone[s][k] == whole.line {
			n++
		}
	}
	return n
}

// chain finds the calls of a side that continue a part until the other side's
// call ends. All durations are multiples of a unit. Each call begins while the
// whole goes on, which one that follows it does not, and the part before lasted
// until then, rounded up.
func (p *parts) chain(s side, whole, part *call, after []int, unit int64, known map[uint32]reason) (parts []int) {
	tolerance := p.c.job.StartTolerance.Milliseconds()
	// Where the whole is rounded as well it may have ended a unit before; a first
	// part that is as long is then the call itself.
	rounded := int64(0)
	if int64(whole.duration)%unit == 0 {
		rounded = unit
	}
	if int64(part.duration)%unit != 0 || rounded > 0 && part.duration >= whole.duration {
		return nil
	}
	last := part
	for _, n := range after {
		i := p.rest[s][n]
		c := &p.calls[s][i]
		if c.start >= whole.end()-tolerance {
			break
		}
		over := last.end() - c.start
		if _, explained := known[i]; explained || p.gone[s][n] != 0 && p.gone[s][n] != whole.line || int64(c.duration)%unit != 0 || c.start <= last.start || over < -tolerance || over >= unit {
			continue
		}
		parts, last = append(parts, n), c
	}
	if over := last.end() - whole.end(); over < -tolerance-rounded || over >= unit+tolerance {
		return nil
	}
	return parts
}
