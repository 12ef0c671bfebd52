package compare

import (
	"cmp"
	"maps"
	"math/bits"
	"slices"

	"github.com/lateral-network/lateral/trade/habit"
)

// numberRule makes a called number E.164: it takes digits off the head of what
// follows the form, and puts others there.
type numberRule struct {
	strip, add             uint64
	stripDigits, addDigits uint8
}

// apply gives the number that a rule makes of digits, or false when it is not
// for them.
func (r numberRule) apply(digits uint64) (uint64, bool) {
	n := digitsOf(digits)
	rest := n - int(r.stripDigits)
	if rest < tailDigits {
		return 0, false
	}
	if digits/tens[rest] != r.strip {
		return 0, false
	}
	digits %= tens[rest]
	if r.addDigits == 0 {
		// What is left must begin a number itself.
		return digits, digits >= tens[rest-1]
	}
	if rest+int(r.addDigits) > maxDigits {
		return 0, false
	}
	return r.add*tens[rest] + digits, true
}

const maxDigits = 15

var tens = func() (t [20]uint64) {
	t[0] = 1
	for i := 1; i < len(t); i++ {
		t[i] = t[i-1] * 10
	}
	return t
}()

func digitsOf(n uint64) int {
	if n == 0 {
		return 0
	}
	d := bits.Len64(n) * 1233 >> 12
	if n >= tens[d] {
		d++
	}
	return d
}

// learned is what the two sides' records say of how numbers and times are
// written. Number rules stand by trunk and form; see dest.
type learned struct {
	numbers [2]map[class][]numberRule
	clocks  [2]map[uint16]habit.Clock
}

// rule finds the number rule for a call, and the number that it makes.
func (l *learned) number(s side, c *call) (dest, numberRule, bool) {
	for _, r := range l.numbers[s][class{c.trunk, c.dest.form()}] {
		if n, ok := r.apply(c.dest.digits()); ok {
			return dest(n), r, true
		}
	}
	return c.dest, numberRule{}, false
}

// merge takes what is new in another. It reports whether anything was.
func (l *learned) merge(m *learned) (news bool) {
	for s := range l.numbers {
		for k, rules := range m.numbers[s] {
			for _, r := range rules {
				if !slices.Contains(l.numbers[s][k], r) {
					if l.numbers[s] == nil {
						l.numbers[s] = map[class][]numberRule{}
					}
					l.numbers[s][k] = append(l.numbers[s][k], r)
					news = true
				}
			}
			slices.SortFunc(l.numbers[s][k], numberRule.order)
		}
		for t, c := range m.clocks[s] {
			if _, ok := l.clocks[s][t]; !ok {
				if l.clocks[s] == nil {
					l.clocks[s] = map[uint16]habit.Clock{}
				}
				l.clocks[s][t] = c
				news = true
			}
		}
	}
	return news
}

// order puts the rule that takes more digits first.
func (r numberRule) order(s numberRule) int {
	return cmp.Or(-cmp.Compare(r.stripDigits, s.stripDigits), cmp.Compare(r.strip, s.strip), cmp.Compare(r.add, s.add))
}

// learner collects what pairs of calls say that may be one call. It is not for
// use by many at once; several are put together.
type learner struct {
	tolerance int64
	numbers   map[numberVote]uint32
	same      map[seenLead]uint32 // calls that found a partner with the number as it is, by the number's head
	clocks    map[clockVote]habit.Vote
	near      map[trunks]uint32 // calls that found a partner at their time
	apart     map[trunks]uint32 // calls that found one at another time alone
	next      []int32
	heads     []int32
}

type numberVote struct {
	side side
	class
	numberRule
}

type seenLead struct {
	side  side
	trunk uint16
	lead  uint16 // the first four digits
}

// trunks are those of the two records of a call, by side.
type trunks [2]uint16

type clockVote struct {
	trunks
	seconds int32 // theirs - ours
}

func newLearner(tolerance int64) *learner {
	return &learner{tolerance: tolerance, numbers: map[numberVote]uint32{}, same: map[seenLead]uint32{}, clocks: map[clockVote]habit.Vote{}, near: map[trunks]uint32{}, apart: map[trunks]uint32{}}
}

// mostPairs is calls of both sides to numbers with one end; more say nothing.
const mostPairs = 1 << 20

// observe takes the calls of both sides in a part. Only those to numbers of the
// same end are looked at.
func (l *learner) observe(a, b []call) {
	if len(a) == 0 || len(b) == 0 {
		return
	}
	size := 1
	for size < max(len(a), len(b)) {
		size *= 2
	}
	l.heads = append(l.heads[:0], make([]int32, size)...)
	l.next = append(l.next[:0], make([]int32, len(b))...)
	slot := func(c *call) int { return int((c.dest.tail()*2 + uint32(c.way)) * 0x9e3779b1 >> 7 & uint32(size-1)) }
	count := make([]int32, size)
	for j := range b {
		if b[j].success() {
			s := slot(&b[j])
			l.next[j], l.heads[s] = l.heads[s], int32(j)+1
			count[s]++
		}
	}
	var here []int32 // of a, by slot
	if len(a) > 0 {
		here = make([]int32, size)
		for i := range a {
			if a[i].success() {
				here[slot(&a[i])]++
			}
		}
	}
	// A call that has a partner at its own time says nothing of clocks.
	var met [2][]bool
	met[ours], met[theirs] = make([]bool, len(a)), make([]bool, len(b))
	type gap struct {
		calls [2]int32
		ms    int64
	}
	var gaps, unlike []gap // by number as it is, and by another
	// told are calls that have a partner at their own time under some number.
	var told [2][]bool
	told[ours], told[theirs] = make([]bool, len(a)), make([]bool, len(b))
	for i := range a {
		x := &a[i]
		if !x.success() {
			continue
		}
		s := slot(x)
		if int64(here[s])*int64(count[s]) > mostPairs {
			continue
		}
		for j := l.heads[s]; j > 0; j = l.next[j-1] {
			y := &b[j-1]
			if y.way != x.way || y.dest.tail() != x.dest.tail() {
				continue
			}
			apart := y.start - x.start
			near := -l.tolerance <= apart && apart <= l.tolerance
			longer := int64(y.duration) - int64(x.duration)
			alike := -habit.Durations <= longer && longer <= habit.Durations
			// Calls of one caller may be one call although neither their times nor
			// their durations say so.
			within := habit.Apart(apart, longer)
			if y.dest != x.dest {
				switch {
				case alike && near:
					told[ours][i], told[theirs][j-1] = true, true
					l.differ(x, y)
				case longer == 0 && habit.OnQuarter(apart) || within && x.origin == y.origin && x.origin != 0:
					unlike = append(unlike, gap{[2]int32{int32(i), j - 1}, apart})
				}
				continue
			}
			if x.origin != y.origin && x.origin != 0 && y.origin != 0 {
				continue
			}
			switch {
			case near:
				met[ours][i], met[theirs][j-1] = true, true
				l.same[seenLead{ours, x.trunk, lead(x.dest)}]++
				l.same[seenLead{theirs, y.trunk, lead(y.dest)}]++
				l.near[trunks{x.trunk, y.trunk}]++
			case within:
				gaps = append(gaps, gap{[2]int32{int32(i), j - 1}, apart})
			}
		}
	}
	for _, g := range unlike {
		i, j := g.calls[ours], g.calls[theirs]
		if !met[ours][i] && !met[theirs][j] && !told[ours][i] && !told[theirs][j] {
			l.differ(&a[i], &b[j])
		}
	}
	type seen struct {
		side side
		call int32
		trunks
	}
	counted := map[seen]bool{}
	var voters [2]map[trunks]uint32
	voters[ours], voters[theirs] = map[trunks]uint32{}, map[trunks]uint32{}
	for _, g := range gaps {
		if met[ours][g.calls[ours]] || met[theirs][g.calls[theirs]] {
			continue
		}
		t := trunks{a[g.calls[ours]].trunk, b[g.calls[theirs]].trunk}
		k := clockVote{t, habit.Seconds(g.ms)}
		v := l.clocks[k]
		l.clocks[k] = habit.Vote{Calls: v.Calls + 1, Sum: v.Sum + g.ms}
		for s, call := range g.calls {
			if k := (seen{side(s), call, t}); !counted[k] {
				counted[k] = true
				voters[s][t]++
			}
		}
	}
	for t := range voters[ours] {
		l.apart[t] += max(voters[ours][t], voters[theirs][t])
	}
}

// lead is the first four digits of a number.
func lead(d dest) uint16 {
	n := digitsOf(d.digits())
	return uint16(d.digits() / tens[max(n-4, 0)])
}

// differ takes two calls that may be one, under numbers that differ.
func (l *learner) differ(x, y *call) {
	// What the two numbers have in common at their end stays; what is before
	// it is what a rule takes off or puts there.
	a, b := x.dest.digits(), y.dest.digits()
	for a > 0 && b > 0 && a%10 == b%10 {
		a, b = a/10, b/10
	}
	formA, formB := x.dest.form(), y.dest.form()
	mine := func(s side, c *call, strip, add uint64) {
		l.numbers[numberVote{s, class{c.trunk, c.dest.form()}, numberRule{strip, add, uint8(digitsOf(strip)), uint8(digitsOf(add))}}]++
	}
	switch {
	case formA == 0 && formB != 0:
		mine(theirs, y, b, a)
	case formB == 0 && formA != 0:
		mine(ours, x, a, b)
	case formA != 0 || a > 0 && b > 0:
		// Two forms, or numbers that differ: nothing says which is right.
	case a == 0:
		mine(theirs, y, b, 0)
		if habit.IsCountry(b) { // or ours lacks the country
			mine(ours, x, 0, b)
		}
	default:
		mine(ours, x, a, 0)
		if habit.IsCountry(a) {
			mine(theirs, y, 0, a)
		}
	}
}

// add takes what another has seen.
func (l *learner) add(m *learner) {
	for k, n := range m.numbers {
		l.numbers[k] += n
	}
	for k, n := range m.same {
		l.same[k] += n
	}
	for k, v := range m.clocks {
		w := l.clocks[k]
		l.clocks[k] = habit.Vote{Calls: w.Calls + v.Calls, Sum: w.Sum + v.Sum}
	}
	for k, n := range m.near {
		l.near[k] += n
	}
	for k, n := range m.apart {
		l.apart[k] += n
	}
}

// backed takes from a learner that saw one part in so many how many calls find
// their partners as they are: of calls without a partner alone, a few can seem to
// say anything.
func (l *learner) backed(m *learner, parts uint32) {
	for k, n := range m.same {
		l.same[k] += n * parts
	}
	for k, n := range m.near {
		l.near[k] += n * parts
	}
}

// learn decides what was seen often enough, by the names of each side's forms and
// trunks. One call is enough for a form by which a number is written with an
// international prefix.
func (l *learner) learn(forms, trunks [2]*names) *learned {
	out := &learned{clocks: l.judge(trunks)}
	totals := map[numberVote]uint32{} // by side and class
	for k, n := range l.numbers {
		totals[numberVote{side: k.side, class: k.class}] += n
	}
	pure := map[numberVote]uint32{} // by side and class: the most calls of a rule that only takes off, or only puts before
	for k, n := range l.numbers {
		if of := (numberVote{side: k.side, class: k.class}); k.strip == 0 || k.add == 0 {
			pure[of] = max(pure[of], n)
		}
	}
	lacking := map[[2]uint64]bool{} // side, country: what the other side has too much is the country
	// Rules that put a country there come first: they explain the same calls
	// as ones that take it off at the other side.
	for _, k := range slices.SortedFunc(maps.Keys(l.numbers), numberVote.order) {
		if k.form == 0 && k.strip != 0 && lacking[[2]uint64{uint64(1 - k.side), k.strip}] {
			continue
		}
		n, total := l.numbers[k], totals[numberVote{side: k.side, class: k.class}]
		least := uint32(habit.LeastCalls)
		if k.form != 0 && k.strip == 0 && k.add == 0 && habit.International(forms[k.side].name(k.form)) {
			least = 1
		}
		if !habit.Often(n, total, least) {
			continue
		}
		if k.strip != 0 && k.add != 0 && n <= pure[numberVote{side: k.side, class: k.class}] {
			continue // two destinations whose numbers end alike look like one rewritten as the other
		}
		if k.form == 0 && l.plain(k) > n/4 {
			continue // calls with such numbers find their partners as they are
		}
		if k.form == 0 && k.add != 0 {
			lacking[[2]uint64{uint64(k.side), k.add}] = true
		}
		if out.numbers[k.side] == nil {
			out.numbers[k.side] = map[class][]numberRule{}
		}
		out.numbers[k.side][k.class] = append(out.numbers[k.side][k.class], k.numberRule)
	}
	for s := range out.numbers {
		for k := range out.numbers[s] {
			slices.SortFunc(out.numbers[s][k], numberRule.order)
		}
	}
	return out
}

func (k numberVote) order(m numberVote) int {
	return cmp.Or(cmp.Compare(k.stripDigits, m.stripDigits), cmp.Compare(k.side, m.side), cmp.Compare(k.trunk, m.trunk),
		cmp.Compare(k.form, m.form), k.numberRule.order(m.numberRule))
}

// plain counts the calls of a trunk that a rule would change, and that found
// their partner without it.
func (l *learner) plain(k numberVote) (n uint32) {
	for s, calls := range l.same {
		if s.side != k.side || s.trunk != k.trunk {
			continue
		}
		if k.stripDigits == 0 || beginsAlike(uint64(s.lead), k.strip) {
			n += calls
		}
	}
	return n
}

// beginsAlike compares two numbers as far as the shorter goes.
func beginsAlike(a, b uint64) bool {
	n, m := digitsOf(a), digitsOf(b)
	return a/tens[max(n-m, 0)] == b/tens[max(m-n, 0)]
}

// off is a trunk whose clock seems to be off.
type off struct {
	habit.Clock
	more int64 // calls speak for it than against it
	name string
}

// before puts the clock that is told first: the one that more calls speak for than
// against, then the one that is off by less. One trunk of each side may explain the same calls
// equally well, and then nothing says which is off. It is taken for the one with the
// longer name, then the later one in byte order, and of two with one name for the
// one that is ahead: that is the same whichever side is ours.
func (o off) before(p off) int {
	return cmp.Or(-cmp.Compare(o.more, p.more), cmp.Compare(abs(o.Millis), abs(p.Millis)),
		-cmp.Compare(len(o.name), len(p.name)), -cmp.Compare(o.name, p.name), -cmp.Compare(o.Millis, p.Millis))
}

// mostJudged bounds how often what was told is used to tell more.
const mostJudged = 64

// judge finds the trunks of both sides whose clocks are off. Of two of which some
// call has the one on our side and the other on theirs, one alone may explain it:
// the one that comes before is told, and the other judged again without its calls.
// Two that are equal in all are both told.
func (l *learner) judge(trunks [2]*names) (out [2]map[uint16]habit.Clock) {
	for range mostJudged {
		var may [2]map[uint16]off
		for s := range may {
			may[s] = l.clock(side(s), out, trunks[s])
		}
		if len(may[ours])+len(may[theirs]) == 0 {
			break
		}
		var waits [2]map[uint16]bool
		waits[ours], waits[theirs] = map[uint16]bool{}, map[uint16]bool{}
		for k := range l.clocks {
			a, is := may[ours][k.trunks[ours]]
			b, also := may[theirs][k.trunks[theirs]]
			if !is || !also {
				continue
			}
			if first := a.before(b); first < 0 {
				waits[theirs][k.trunks[theirs]] = true
			} else if first > 0 {
				waits[ours][k.trunks[ours]] = true
			}
		}
		for s := range may {
			for t, o := range may[s] {
				if waits[s][t] {
					continue
				}
				if out[s] == nil {
					out[s] = map[uint16]habit.Clock{}
				}
				out[s][t] = o.Clock
			}
		}
	}
	return out
}

// clock finds the trunks of a side whose calls, most of them, have one difference
// from the other side's. Calls of the other side's trunks that are told are left
// out, and so are trunks of its own that are.
func (l *learner) clock(s side, told [2]map[uint16]habit.Clock, trunks *names) map[uint16]off {
	sign := int64(1)
	if s == ours {
		sign = -1
	}
	byTrunk := map[uint16]habit.Votes{}
	near, apart := map[uint16]uint32{}, map[uint16]uint32{}
	open := func(k [2]uint16) bool {
		_, mine := told[s][k[s]]
		_, other := told[1-s][k[1-s]]
		return !mine && !other
	}
	for k, v := range l.clocks {
		if t := k.trunks[s]; open(k.trunks) {
			if byTrunk[t] == nil {
				byTrunk[t] = habit.Votes{}
			}
			byTrunk[t].Put(k.seconds*int32(sign), habit.Vote{Calls: v.Calls, Sum: v.Sum * sign})
		}
	}
	for k, n := range l.near {
		if open(k) {
			near[k[s]] += n
		}
	}
	for k, n := range l.apart {
		if open(k) {
			apart[k[s]] += n
		}
	}
	out := map[uint16]off{}
	for t, votes := range byTrunk {
		// Redials speak for many clocks, some more than once, and putting one right
		// takes their partners from the calls that have them.
		all := near[t] + apart[t]
		c, calls, ok := votes.Clock(all)
		if calls = min(calls, apart[t]); ok && calls >= 3*near[t] {
			out[t] = off{c, 2*int64(calls) - int64(all), trunks.name(t)}
		}
	}
	return out
}

func abs[T int32 | int64](v T) T {
	if v < 0 {
		return -v
	}
	return v
}
