package fraud

import (
	"cmp"
	"slices"
)

// What a cell must have at least to be raised.
const (
	leastCalls  = 20 // that a signal is about
	leastTimes  = 3  // as many as expected
	leastLoops  = 5  // calls that loop
	dominated   = 4  // a destination with more than 3/4 of all calls has no others to be compared with
	peak        = 4  // the busiest cycle has at most so many times the calls of the mean
	shownRows   = 10
	weightOfAll = 100 // calls of the pair that a destination's own habits weigh against
)

// Judge looks at all cells of some destinations, each of which is there with all
// its traces. tally has counted these traces, and may know what was usual
// before; past gives what was counted of a place before. The
// signals come by place, cycle and kind, whatever the order of traces was.
func Judge(traces []Trace, tally *Tally, past func(place uint32) Calls) []Signal {
	j := judge{tally: tally}
	var out []Signal
	for place := range j.places(traces) {
		calls := past(place.number)
		calls.add(place.calls)
		for _, c := range place.cells {
			out = j.cell(out, c, calls)
		}
	}
	return out
}

type judge struct {
	tally  *Tally
	hashes []uint16
}

// group is the traces of one place that are in cells with enough calls.
type group struct {
	number uint32
	calls  Calls // of all its cells
	cells  [][]Trace
}

// places groups traces. Most cells have too few calls to be raised: they are
// counted, not put in order.
func (j *judge) places(traces []Trace) func(func(group) bool) {
	index, places := newTable(len(traces)), newTable(1024)
	counts := make([]uint32, 0, 1024) // by cell
	of := make([]uint32, len(traces)) // the cell of each
	var calls []Calls                 // by place
	for i := range traces {
		t := &traces[i]
		at := index.of(uint64(t.Place)<<32 | uint64(t.Cycle))
		if int(at) == len(counts) {
			counts = append(counts, 0)
		}
		counts[at]++
		of[i] = at
		if at = places.of(uint64(t.Place)); int(at) == len(calls) {
			calls = append(calls, Calls{})
		}
		calls[at].count(t.Flags)
	}
	var busy []Trace
	for i := range traces {
		if counts[of[i]] >= leastCalls || traces[i].Flags&looped != 0 && counts[of[i]] >= leastLoops {
			busy = append(busy, traces[i])
		}
	}
	slices.SortFunc(busy, func(a, b Trace) int {
		return cmp.Or(cmp.Compare(a.Place, b.Place), cmp.Compare(a.Cycle, b.Cycle), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return func(yield func(group) bool) {
		for from := 0; from < len(busy); {
			p := group{number: busy[from].Place, calls: calls[places.of(uint64(busy[from].Place))]}
			for from < len(busy) && busy[from].Place == p.number {
				to := from + 1
				for to < len(busy) && busy[to].Place == p.number && busy[to].Cycle == busy[from].Cycle {
					to++
				}
				p.cells = append(p.cells, busy[from:to])
				from = to
			}
			if !yield(p) {
				return
			}
		}
	}
}

// table numbers keys in the order in which they are met.
type table struct {
	keys []uint64
	at   []uint32 // number + 1; 0: free
	next uint32
}

// newTable makes a table for so many keys; it grows when there are more.
func newTable(keys int) *table {
	size := 16
	for size < 2*keys {
		size *= 2
	}
	return &table{keys: make([]uint64, size), at: make([]uint32, size)}
}

func (t *table) of(key uint64) uint32 {
	if 2*int(t.next) >= len(t.at) {
		larger := newTable(len(t.at))
		for i, n := range t.at {
			if n > 0 {
				larger.put(t.keys[i], n)
			}
		}
		larger.next = t.next
		*t = *larger
	}
	return t.find(key)
}

// put puts a key in that is not there, with its number + 1.
func (t *table) put(key uint64, n uint32) {
	mask := uint64(len(t.at) - 1)
	h := key * 0x9e3779b97f4a7c15
	i := (h ^ h>>32) & mask
	for t.at[i] != 0 {
		i = (i + 1) & mask
	}
	t.keys[i], t.at[i] = key, n
}

func (t *table) find(key uint64) uint32 {
	mask := uint64(len(t.at) - 1)
	h := key * 0x9e3779b97f4a7c15
	i := (h ^ h>>32) & mask
	for t.at[i] != 0 {
		if t.keys[i] == key {
			return t.at[i] - 1
		}
		i = (i + 1) & mask
	}
	t.next++
	t.keys[i], t.at[i] = key, t.next
	return t.next - 1
}

// cell judges the calls of one cell; calls are all of its place, those of the cell
// among them.
func (j *judge) cell(out []Signal, traces []Trace, calls Calls) []Signal {
	first := len(out)
	pair := &j.tally.Pairs[Way(traces[0].Place)]
	var own Calls
	for i := range traces {
		own.count(traces[i].Flags)
	}
	part, whole := j.usual(pair, calls, j.tally.now[Way(traces[0].Place)].of(traces[0].Cycle))
	// What is usual is what the destination has in all other cells. One that is new,
	// or has hardly any, may have what a destination of the pair has.
	before := max(calls.All-own.All, pair.Calls.All/max(pair.Destinations, 1))
	expected := share(before, part, whole)
	left := own.All
	raise := func(kind Kind, expected, excess uint64, in func(*Trace) bool) {
		s := j.signal(kind, traces, in)
		s.Of, s.Expected, s.Severity = own.All, expected, severity(excess)
		out = append(out, s)
	}
	grown := func(n, expected, all uint64) bool {
		return n >= leastCalls && n >= leastTimes*expected && unusual(n, all+n, part, whole)
	}

	loops := uint64(0)
	for i := range traces {
		if traces[i].Flags&looped != 0 {
			loops++
		}
	}
	if loops >= leastLoops {
		raise(Loop, 0, loops, func(t *Trace) bool { return t.Flags&looped != 0 })
		left -= loops
	}

	// Shares of calls that are short, and of answered ones, the destination's own
	// and those of all others together.
	others := pair.Calls
	isShort := func(t *Trace) bool { return t.Flags&short != 0 }
	isBrief := func(t *Trace) bool { return t.Flags&(answered|short) == answered|short }
	flood := false
	for _, v := range []struct {
		n, of          uint64 // in the cell
		usual, usualOf uint64 // in the destination's other cells
		all, allOf     uint64 // of the pair
		in             func(*Trace) bool
	}{
		{own.Short, own.All, calls.Short - own.Short, calls.All - own.All, others.Short, others.All, isShort},
		{own.Brief, own.Answered, calls.Brief - own.Brief, calls.Answered - own.Answered, others.Brief, others.Answered, isBrief},
	} {
		if flood || v.n < leastCalls {
			continue
		}
		habit, habitOf := v.usual+share(weightOfAll, v.all, v.allOf), v.usualOf+weightOfAll
		want := share(expected, habit, habitOf)
		if unusual(v.n, v.of, habit, habitOf) && v.n >= leastTimes*want && j.gathered(traces, v.in) {
			flood = true
			raise(ShortFlood, want, v.n-want, v.in)
			left -= min(left, v.n-want)
		}
	}
	if !flood {
		if from, n := j.band(pair, traces, own.Answered); n > 0 {
			in := func(t *Trace) bool { return t.Flags&answered != 0 && (t.Band == from || t.Band == from+1) }
			want := share(own.Answered, pair.Bands[from]+pair.Bands[from+1], max(pair.Calls.Answered, 1))
			if n*5 >= own.All*4 && n >= leastTimes*want && !j.gathered(traces, in) {
				raise(FalseAnswer, want, n-want, in)
				left -= min(left, n-want)
			}
		}
	}
	if grown(left, expected, before) {
		raise(Growth, expected, left-expected, func(*Trace) bool { return true })
		out[len(out)-1].Calls = own.All
	}
	slices.SortFunc(out[first:], func(a, b Signal) int {
		return cmp.Compare(slices.Index(Kinds, a.Kind), slices.Index(Kinds, b.Kind))
	})
	return out
}

// usual gives the share of all calls of a destination that should be in a cycle,
// as a fraction: that of all calls of the pair, and at least an even one by time,
// because a destination in another time zone is busy when others sleep. One that
// has nearly all calls is measured by time alone.
func (j *judge) usual(pair *Pair, calls Calls, cycle uint64) (part, whole uint64) {
	part, whole = cycle, pair.Calls.All
	cycles := max(pair.Cycles, 1)
	switch {
	case calls.All > whole/dominated*(dominated-1):
		part, whole = peak, cycles
	case mulLess(part, cycles, 1, whole):
		part, whole = 1, cycles
	}
	return min(part, whole), whole
}

// gathered reports whether calls are by few callers or to few ranges of numbers:
// a quarter as many as calls, at most.
func (j *judge) gathered(traces []Trace, in func(*Trace) bool) bool {
	origins, n := j.distinct(traces, in, func(t *Trace) uint16 { return t.Origin })
	ranges, _ := j.distinct(traces, in, func(t *Trace) uint16 { return t.Range })
	return origins*4 <= n || ranges*4 <= n
}

func (j *judge) distinct(traces []Trace, in func(*Trace) bool, of func(*Trace) uint16) (distinct, calls uint64) {
	j.hashes = j.hashes[:0]
	for i := range traces {
		if in(&traces[i]) {
			j.hashes = append(j.hashes, of(&traces[i]))
		}
	}
	calls = uint64(len(j.hashes))
	slices.Sort(j.hashes)
	return uint64(len(slices.Compact(j.hashes))), calls
}

// band finds the two neighbouring bands with the most answered calls, if these
// are more than chance would put there.
func (j *judge) band(pair *Pair, traces []Trace, all uint64) (from uint8, calls uint64) {
	if all < leastCalls {
		return 0, 0
	}
	var counts [bands + 1]uint64
	for i := range traces {
		if traces[i].Flags&answered != 0 {
			counts[traces[i].Band]++
		}
	}
	for b := range bands - 1 {
		if n := counts[b] + counts[b+1]; n > calls {
			from, calls = uint8(b), n
		}
	}
	// Usual is at least one in a hundred.
	usual := max(pair.Bands[from]+pair.Bands[from+1], pair.Calls.Answered/100+1)
	if calls < leastCalls || !unusual(calls, all, min(usual, pair.Calls.Answered), pair.Calls.Answered) {
		return 0, 0
	}
	return from, calls
}

// signal gathers what people look at first of the calls that a signal is about.
func (j *judge) signal(kind Kind, traces []Trace, in func(*Trace) bool) Signal {
	s := Signal{Kind: kind, Place: traces[0].Place, Cycle: traces[0].Cycle}
	trunks := map[uint16]uint64{}
	for i := range traces {
		t := &traces[i]
		if !in(t) {
			continue
		}
		s.Calls++
		if len(s.Sample) < shownRows {
			s.Sample = append(s.Sample, Row{t.File, t.Line})
		}
		trunks[t.Trunk]++
	}
	most := uint64(0)
	for t, n := range trunks {
		if n > most || n == most && t < s.Trunk {
			s.Trunk, most = t, n
		}
	}
	s.OneTrunk = 2*most > s.Calls
	s.Origins, _ = j.distinct(traces, in, func(t *Trace) uint16 { return t.Origin })
	return s
}
