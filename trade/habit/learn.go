package habit

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/usage"
)

// Call is a call of one's own records, as they write it.
type Call struct {
	Start    int64 // ms UTC
	Duration uint32
	Way      usage.Way
	Trunk    string
	Number   usage.Number // called; withheld: what is written is no E.164 number
	Written  string       // called number as it is written; empty: no rule is learned from it
	Untimed  bool         // its start was read by another clock than is agreed now: it says nothing of clocks
	Row      Row
}

// Row is where a call stands in own records.
type Row struct {
	Import uint32
	Line   uint32 // the header being line 1
}

// Shown is a call that the partner has shown of its own records.
type Shown struct {
	Way usage.Way
	usage.Call
}

// Habit is how a trunk's records are off, and what says so.
type Habit struct {
	Normalisation agreement.Normalisation // of own records; the carrier is left out
	Calls         uint32                  // that say so
	Shown         uint32                  // those of them that the partner has
	Of            uint32                  // of the trunk that were looked at
	Sample        []Row                   // the first of the calls
}

// Bounds of what is looked at, so that a partner who shows much, or a file with
// much in it, costs no more than a second or two.
const (
	mostTried  = 4_000 // calls whose number is tried in other ways
	mostAlike  = 64    // calls of the partner to one number that are looked at
	mostSample = 5
	mostHead   = 6 // digits of a technical prefix
	leastTail  = 7 // digits that are left of a number
)

type place struct {
	way    usage.Way
	number usage.Hidden
}

type rule struct{ trunk, strip, add string }

// said is calls that say the same.
type said struct {
	calls, shown uint32
	sample       []Row
}

func (s *said) add(c *Call, shown bool) {
	s.calls++
	if shown {
		s.shown++
	}
	if len(s.sample) < mostSample {
		s.sample = append(s.sample, c.Row)
	}
}

// learner holds what has been seen of own calls beside the partner's.
type learner struct {
	hider     *usage.Hider
	hidden    map[usage.Number]usage.Hidden
	tolerance int64 // ms between two starts of a call
	theirs    []Shown
	at        map[place][]int32 // into theirs
	met       []bool            // of theirs: with an own call at its time and number
	starts    [2][]int32        // into theirs, by way and start
	rules     map[rule]*said
	clocks    map[string]Votes
	apart     map[string]*said // by trunk: calls that have a partner at another time alone
	voters    map[*Call]bool   // those calls
}

// Learn finds habits in own calls. Starts of the same call may be tolerance ms
// apart. A rule for numbers needs calls whose number, put right by it, is that of
// the partner's call at the same time; only the international prefix 00 speaks for
// itself. A clock needs calls to equal numbers at other times.
func Learn(own []Call, theirs []Shown, hider *usage.Hider, tolerance int64) []Habit {
	l := &learner{hider: hider, hidden: map[usage.Number]usage.Hidden{}, tolerance: tolerance, theirs: theirs, at: map[place][]int32{}, met: make([]bool, len(theirs)),
		rules: map[rule]*said{}, clocks: map[string]Votes{}, apart: map[string]*said{}, voters: map[*Call]bool{}}
	for i := range theirs {
		k := place{theirs[i].Way, theirs[i].Destination}
		l.at[k] = append(l.at[k], int32(i))
		w := theirs[i].Way & 1
		l.starts[w] = append(l.starts[w], int32(i))
	}
	for w := range l.starts {
		slices.SortStableFunc(l.starts[w], func(a, b int32) int { return cmp.Compare(theirs[a].Start, theirs[b].Start) })
	}
	var lone []*Call
	for i := range own {
		if own[i].Number == usage.Withheld || !l.meets(&own[i]) {
			lone = append(lone, &own[i])
		}
	}
	tried := 0
	for _, c := range lone {
		switch {
		case c.Number != usage.Withheld && l.away(c):
		case c.Written != "" && tried < mostTried && (c.Number == usage.Withheld || l.beside(c)):
			tried++
			l.try(c)
		}
	}
	return l.decide(own)
}

func (l *learner) hide(n usage.Number) usage.Hidden {
	h, ok := l.hidden[n]
	if !ok {
		h = l.hider.Hide(n)
		l.hidden[n] = h
	}
	return h
}

// alike gives the partner's calls to a number.
func (l *learner) alike(w usage.Way, n usage.Number) []int32 {
	list := l.at[place{w, l.hide(n)}]
	return list[:min(len(list), mostAlike)]
}

// near reports whether two starts may be of one call.
func (l *learner) near(ms int64) bool { return -l.tolerance <= ms && ms <= l.tolerance }

func apart(c *Call, t *Shown) (starts, durations int64) {
	return c.Start - t.Start, int64(c.Duration) - int64(t.Duration)
}

// meets reports whether the partner has a call at its time and number.
func (l *learner) meets(c *Call) (found bool) {
	for _, i := range l.alike(c.Way, c.Number) {
		if starts, _ := apart(c, &l.theirs[i]); l.near(starts) {
			l.met[i], found = true, true
		}
	}
	return found
}

// away notes at which other times the partner has calls to its number.
func (l *learner) away(c *Call) (found bool) {
	for _, i := range l.alike(c.Way, c.Number) {
		if starts, durations := apart(c, &l.theirs[i]); !l.met[i] && Apart(starts, durations) {
			l.vote(c.Trunk, starts)
			found = true
		}
	}
	if found {
		l.off(c)
	}
	return found
}

func (l *learner) vote(trunk string, ms int64) {
	if l.clocks[trunk] == nil {
		l.clocks[trunk] = Votes{}
	}
	l.clocks[trunk].Add(ms)
}

// off notes a call that has a partner at another time.
func (l *learner) off(c *Call) {
	if l.apart[c.Trunk] == nil {
		l.apart[c.Trunk] = &said{}
	}
	l.apart[c.Trunk].add(c, true)
	l.voters[c] = true
}

// beside reports whether the partner has a call at its time to another number,
// with a duration like its own.
func (l *learner) beside(c *Call) bool {
	list := l.starts[c.Way&1]
	i, _ := slices.BinarySearchFunc(list, c.Start-l.tolerance, func(i int32, ms int64) int { return cmp.Compare(l.theirs[i].Start, ms) })
	for ; i < len(list) && l.theirs[list[i]].Start <= c.Start+l.tolerance; i++ {
		if _, durations := apart(c, &l.theirs[list[i]]); !l.met[list[i]] && -Durations <= durations && durations <= Durations {
			return true
		}
	}
	return false
}

// try looks for the number of the partner's call that a rule makes of one's own.
func (l *learner) try(c *Call) {
	evident := rule{}
	for strip, add := range ways(c.Written) {
		n, ok := usage.ParseNumber([]byte(add + c.Written[len(strip):]))
		if !ok {
			continue
		}
		r := rule{c.Trunk, strip, add}
		if add == "" && strings.TrimPrefix(strip, "+") == "00" && International(strip) && country(n) {
			evident = r
		}
		for _, i := range l.alike(c.Way, n) {
			starts, durations := apart(c, &l.theirs[i])
			same := l.near(starts) && -Durations <= durations && durations <= Durations
			if l.met[i] || !same && (durations != 0 || !OnQuarter(starts)) {
				continue
			}
			if !same && !c.Untimed {
				l.vote(c.Trunk, starts)
				l.off(c)
			}
			l.say(r, c, true)
			return
		}
	}
	if evident.strip != "" {
		l.say(evident, c, false)
	}
}

func (l *learner) say(r rule, c *Call, shown bool) {
	if l.rules[r] == nil {
		l.rules[r] = &said{}
	}
	l.rules[r].add(c, shown)
}

// countries are the assigned country codes.
var countries = func() (out []string) {
	for n := range uint64(1000) {
		if IsCountry(n) {
			out = append(out, strconv.FormatUint(n, 10))
		}
	}
	return out
}()

// country reports whether a number begins with an assigned country code.
func country(n usage.Number) bool {
	s := n.String()
	for k := 1; k <= 3 && k < len(s); k++ {
		if code, _ := strconv.ParseUint(s[:k], 10, 64); IsCountry(code) {
			return true
		}
	}
	return false
}

// ways gives what may stand before a number that should not, and what may be
// missing there: up to six digits too many, or the country, with or without the
// zero that is dialled inside it.
func ways(written string) func(yield func(strip, add string) bool) {
	return func(yield func(strip, add string) bool) {
		digits := strings.TrimPrefix(written, "+")
		sign := len(written) - len(digits)
		if digits == "" || len(digits) > usage.MaxDigits+mostHead || strings.Trim(digits, "0123456789") != "" {
			return
		}
		for k := 1; k <= mostHead && len(digits)-k >= leastTail; k++ {
			if digits[k] != '0' && !yield(written[:sign+k], "") {
				return
			}
		}
		inside := 0
		if digits[0] == '0' {
			inside = 1
		}
		if sign > 0 || digits[inside] == '0' || len(digits)-inside < leastTail-1 {
			return
		}
		for _, code := range countries {
			if !yield(written[:inside], code) {
				return
			}
		}
	}
}

// decide takes what was seen often enough.
func (l *learner) decide(own []Call) (out []Habit) {
	// What calls of the partner were looked for at all.
	from, to := int64(1)<<62, int64(-1)<<62
	for i := range l.theirs {
		from, to = min(from, l.theirs[i].Start-l.tolerance), max(to, l.theirs[i].Start+l.tolerance)
	}
	looked := map[string][]*Call{} // by trunk
	for i := range own {
		if c := &own[i]; c.Number != usage.Withheld && from <= c.Start && c.Start <= to {
			looked[c.Trunk] = append(looked[c.Trunk], c)
		}
	}
	total := map[string]uint32{}
	for r, s := range l.rules {
		total[r.trunk] += s.calls
	}
	taken := map[rule]bool{}
	order := func(a, b rule) int {
		return cmp.Or(cmp.Compare(a.trunk, b.trunk), -cmp.Compare(l.rules[a].calls, l.rules[b].calls), cmp.Compare(a.strip, b.strip), cmp.Compare(a.add, b.add))
	}
	for _, r := range slices.SortedFunc(maps.Keys(l.rules), order) {
		s := l.rules[r]
		head := rule{trunk: r.trunk, strip: r.strip}
		if taken[head] || !Often(s.calls, total[r.trunk], LeastCalls) {
			continue
		}
		// Calls that a rule would change without saying so speak against it: most
		// lines agree, and of those the partner shows nothing.
		begin := uint32(0)
		for _, c := range looked[r.trunk] {
			if strings.HasPrefix(c.Written, r.strip) {
				begin++
			}
		}
		if 4*begin > 5*s.calls {
			continue
		}
		taken[head] = true
		out = append(out, Habit{agreement.Normalisation{Trunk: r.trunk, Kind: agreement.NormaliseNumber, Strip: r.strip, Add: r.add}, s.calls, s.shown, total[r.trunk], s.sample})
	}
	for _, trunk := range slices.Sorted(maps.Keys(l.clocks)) {
		s := l.apart[trunk]
		all := s.calls
		for _, c := range looked[trunk] {
			if !l.voters[c] {
				all++
			}
		}
		clock, calls, ok := l.clocks[trunk].Clock(all)
		if !ok || l.near(clock.Millis) {
			continue
		}
		calls = min(calls, s.calls)
		out = append(out, Habit{agreement.Normalisation{Trunk: trunk, Kind: agreement.NormaliseClock, Offset: clock.Millis}, calls, calls, all, s.sample})
	}
	return out
}
