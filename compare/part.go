package compare

import (
	"cmp"
	"slices"

	"github.com/lateral-network/lateral/trade/fraud"
	"github.com/lateral-network/lateral/trade/habit"
	"github.com/lateral-network/lateral/trade/reconcile"
	"github.com/lateral-network/lateral/trade/usage"
)

// Matched puts every successful call that both sides have into one bucket; raw
// durations that differ without the billed ones are counted in RawOnly as well.
type Matched struct {
	Exact    uint64 `json:"exact"`
	Skewed   uint64 `json:"skewed"`
	Duration uint64 `json:"duration"`
	RawOnly  uint64 `json:"raw_only"`
}

// none is no call.
const none = ^uint32(0)

// lone is a call that the other side lacks, and that nothing but its place among
// others explains.
type lone struct {
	start int64
	line  uint32
	spot  spot // on their bill: where it stands, or would
	trunk uint16
	side  side
}

// found is what one goroutine has found in the parts that it was given.
type found struct {
	shifted
	ladder     *ladder
	learner    *learner
	traffic    fraud.Tally
	matched    Matched
	only       [2]uint64
	unrated    [2]uint64 // successful calls that the side's book does not price
	accepted   [2]uint64
	duplicates [2]uint64 // by content, under another id
	refused    [2]rejects
	lone       []lone
	trunks     [2][]uint32             // successful calls by trunk
	rewritten  [2]map[rewritten]uint64 // successful calls whose number a rule made what it is
	detail     *detail                 // nil: nobody wants to see the calls
}

// rewritten is a learned rule and where it was used.
type rewritten struct {
	class
	numberRule
}

// parts works on parts, one after the other, for one goroutine.
type parts struct {
	c     *comparison
	price pricer
	found

	calls   [2][]call   // accepted, duplicates left out
	twice   [2][]call   // duplicates
	firsts  [2][]uint32 // of them: the line that each repeats, for those who want to see the calls
	third   [2][]call
	table   []uint32
	partner []uint32 // of ours: index in theirs
	taken   []bool   // of theirs
	left    [2][]reconcile.Candidate
	rest    [2][]uint32 // indexes of calls without a partner
	gone    [2][]uint32 // of them: the other side's line that they are a part of; 0: none
	prices  map[[2]uint32]uint8
	heads   []headed
	spare   []headed
	order   []uint32
	watch   *watch
	traces  *shelfWriter[fraud.Trace]
	loops   map[int]bool // by index of our call
	err     error
}

// part does all of one part.
func (p *parts) part(n int) {
	if p.err != nil {
		return
	}
	for _, s := range []side{ours, theirs} {
		if p.err = p.gather(n, s); p.err != nil {
			return
		}
	}
	for _, s := range []side{ours, theirs} {
		p.unique(s)
		p.accepted[s] += uint64(len(p.calls[s]))
		p.shift(s)
	}
	p.match()
	if p.watch != nil {
		p.loop()
	}
	p.err = p.judge()
}

// gather takes the calls of a part, with their numbers as they should be.
func (p *parts) gather(n int, s side) (err error) {
	p.calls[s], p.twice[s], p.third[s] = p.calls[s][:0], p.twice[s][:0], p.third[s][:0]
	spans := p.c.files[s].spans[n][:0]
	doubts, place := p.c.files[s].doubts[n], uint32(0)
	err = p.c.files[s].calls.each(n, func(calls []call) error {
		in := noTime
		for i := range calls {
			in.from, in.to = min(in.from, calls[i].start), max(in.to, calls[i].start)
			place++
			doubtful := len(doubts) > 0 && doubts[0] == place
			if doubtful {
				doubts = doubts[1:]
			}
			if err := p.accept(s, calls[i], doubtful); err != nil {
				return err
			}
		}
		spans = append(spans, in)
		return nil
	})
	p.c.files[s].spans[n] = spans
	return err
}

// accept puts one call where it belongs. Only a doubtful one may have an id that
// was met before.
func (p *parts) accept(s side, c call, doubtful bool) error {
	if c.third {
		p.third[s] = append(p.third[s], p.c.elsewhere(s, c))
		return nil
	}
	ids := p.c.ids[s]
	was := c.dest
	rule, refused, err := p.right(s, &c)
	if err != nil {
		return err
	}
	if refused != nil {
		p.refused[s].add(uint64(c.line), refused)
		return nil
	}
	if doubtful && ids.again.has(c.line) {
		if !ids.taken.has(c.line) {
			p.twice[s] = append(p.twice[s], c)
		}
		return nil
	}
	p.calls[s] = append(p.calls[s], c)
	p.rewrote(s, &c, was, rule)
	return nil
}

// elsewhere puts a call under a third carrier's name where the other side has
// it.
func (c *comparison) elsewhere(s side, x call) call {
	if to, _, ok := c.learned.number(s, &x); ok {
		x.dest = to
	}
	x.start -= c.offset(s, x.trunk).Millis
	return x
}

// right makes a call's number what it should be by what was learned. refused says
// why its row does not count.
func (p *parts) right(s side, c *call) (rule numberRule, refused, err error) {
	if ruled := p.c.ruled[s]; c.dest.form() == 0 && (ruled == nil || !ruled[c.trunk]) {
		return rule, nil, nil
	}
	var to dest
	to, rule, c.odd = p.c.learned.number(s, c)
	switch {
	case c.odd:
		err = p.withoutRule(s, c, rule, to)
		c.dest = to
	case c.dest.form() != 0:
		refused = errBadNumber(p.c.files[s].number(c.dest))
	}
	return rule, refused, err
}

// rewrote counts a call whose number a rule made what it is.
func (p *parts) rewrote(s side, c *call, was dest, rule numberRule) {
	if !c.odd || !c.success() {
		return
	}
	if p.rewritten[s] == nil {
		p.rewritten[s] = map[rewritten]uint64{}
	}
	p.rewritten[s][rewritten{class{c.trunk, was.form()}, rule}]++
	p.ladder.calls[atNumberFormat]++
}

// unique keeps one of the calls of a side that are the same. The table then finds
// calls by their hash.
func (p *parts) unique(s side) {
	calls := p.calls[s]
	p.room(len(calls))
	clear(p.table)
	mask := uint32(len(p.table) - 1)
	kept := calls[:0]
	for i := range calls {
		c := calls[i]
		at := uint32(c.hash()) & mask
		for p.table[at] != 0 && !kept[p.table[at]-1].same(&c) {
			at = (at + 1) & mask
		}
		if p.table[at] == 0 {
			kept = append(kept, c)
			p.table[at] = uint32(len(kept))
			continue
		}
		p.duplicates[s]++
		first := &kept[p.table[at]-1]
		if plainer(&c, first, p.c.files[s].trunks) < 0 {
			*first, c = c, *first
		}
		p.twice[s] = append(p.twice[s], c)
	}
	p.calls[s] = kept
	p.firsts[s] = p.firsts[s][:0]
	if p.detail == nil {
		return
	}
	for i := range p.twice[s] {
		c, line := &p.twice[s][i], uint32(0)
		for at := uint32(c.hash()) & mask; p.table[at] != 0; at = (at + 1) & mask {
			if first := &kept[p.table[at]-1]; first.same(c) {
				line = first.line
				break
			}
		}
		p.firsts[s] = append(p.firsts[s], line)
	}
}

// room makes the table large enough for calls.
func (p *parts) room(calls int) {
	size := 1
	for size < 2*calls {
		size *= 2
	}
	if cap(p.table) < size {
		p.table = make([]uint32, size)
	}
	p.table = p.table[:size]
}

// offset is how much a call's start is taken back to be compared.
func (c *comparison) offset(s side, trunk uint16) habit.Clock {
	if c.clocks[s] == nil {
		return habit.Clock{}
	}
	return c.clocks[s][trunk]
}

// spread puts what was learned where each call finds it by its trunk.
func (c *comparison) spread() {
	for s, f := range c.files {
		c.ruled[s], c.clocks[s] = nil, nil
		if len(c.learned.numbers[s]) > 0 {
			c.ruled[s] = make([]bool, len(f.trunks.list))
			for k := range c.learned.numbers[s] {
				c.ruled[s][k.trunk] = true
			}
		}
		if len(c.learned.clocks[s]) > 0 {
			c.clocks[s] = make([]habit.Clock, len(f.trunks.list))
			for t, o := range c.learned.clocks[s] {
				c.clocks[s][t] = o
			}
		}
	}
}

// shift puts the calls of trunks whose clocks are off where the other side has
// them; judge reckons with their own times again.
func (p *parts) shift(s side) {
	if p.c.clocks[s] == nil {
		return
	}
	for i := range p.calls[s] {
		c := &p.calls[s][i]
		if o := p.c.offset(s, c.trunk); o.Millis != 0 {
			c.start -= o.Millis
			p.shifted.count(s, c.trunk)
		}
	}
	p.index(p.calls[s])
	p.twins(s)
}

// alike reports whether two calls are the same in all that counts, and nobody
// wants to look at them: nearly all are.
func (p *parts) alike(i, j uint32) bool {
	a, b := &p.calls[ours][i], &p.calls[theirs][j]
	return a.start == b.start && a.duration == b.duration && a.origin == b.origin && a.plus == b.plus && !a.odd && !b.odd &&
		p.detail == nil && p.c.offset(ours, a.trunk).Millis == 0 && p.c.offset(theirs, b.trunk).Millis == 0
}

// same counts a call of ours for both sides, if both sheets price it alike.
func (p *parts) same(i uint32) (done bool, err error) {
	a := &p.calls[ours][i]
	at := p.price.spot(ours, a, a.start, a.duration)
	if at.line == nothing || !p.c.lines.alike[at.line] {
		return false, nil
	}
	p.matched.Exact++
	if p.watch != nil {
		if err := p.trace(i, a, at.line); err != nil {
			return false, err
		}
	}
	return true, p.ladder.countBoth(at)
}

// own is a call with its own time.
func (p *parts) own(s side, i uint32) call {
	c := p.calls[s][i]
	if p.c.clocks[s] != nil {
		c.start += p.c.offset(s, c.trunk).Millis
	}
	return c
}

// match pairs the successful calls of the part. The table has theirs.
func (p *parts) match() {
	a, b := p.calls[ours], p.calls[theirs]
	p.partner = slices.Grow(p.partner[:0], len(a))[:len(a)]
	p.taken = slices.Grow(p.taken[:0], len(b))[:len(b)]
	clear(p.taken)
	for s := range p.left {
		p.left[s], p.rest[s] = p.left[s][:0], p.rest[s][:0]
	}
	mask := uint32(len(p.table) - 1)
	for i := range a {
		p.partner[i] = none
		c := &a[i]
		if !c.success() {
			continue
		}
		p.trunks[ours][c.trunk]++
		if c.origin != 0 && len(b) > 0 {
			for at := uint32(c.hash()) & mask; p.table[at] != 0; at = (at + 1) & mask {
				if j := p.table[at] - 1; !p.taken[j] && b[j].same(c) {
					p.partner[i], p.taken[j] = j, true
					break
				}
			}
		}
		if p.partner[i] == none {
			p.left[ours] = append(p.left[ours], candidate(c, uint32(i)))
		}
	}
	for j := range b {
		c := &b[j]
		if !c.success() {
			continue
		}
		p.trunks[theirs][c.trunk]++
		if !p.taken[j] {
			p.left[theirs] = append(p.left[theirs], candidate(c, uint32(j)))
		}
	}
	reconcile.Match(p.left[ours], p.left[theirs], p.c.job.StartTolerance.Milliseconds(), func(i, j uint32) { p.partner[i], p.taken[j] = j, true })
	for i := range a {
		if p.partner[i] == none && a[i].success() {
			p.rest[ours] = append(p.rest[ours], uint32(i))
		}
	}
	for j := range b {
		if !p.taken[j] && b[j].success() {
			p.rest[theirs] = append(p.rest[theirs], uint32(j))
		}
	}
	// What is found must not depend on how the parts were filled.
	for s := range p.rest {
		calls := p.calls[s]
		slices.SortFunc(p.rest[s], func(x, y uint32) int { return p.canonical(side(s), &calls[x], &calls[y]) })
	}
}

func candidate(c *call, i uint32) reconcile.Candidate {
	return reconcile.NewCandidate(uint64(c.dest)|uint64(c.way)<<63, c.origin, c.start, c.duration, i)
}

// index makes the table anew.
func (p *parts) index(calls []call) {
	p.room(len(calls))
	clear(p.table)
	mask := uint32(len(p.table) - 1)
	for i := range calls {
		at := uint32(calls[i].hash()) & mask
		for p.table[at] != 0 {
			at = (at + 1) & mask
		}
		p.table[at] = uint32(i) + 1
	}
}

// twins puts calls that are the same only since clocks were put right, so that they
// are of several trunks, into an order that is not that of their file: which of them
// finds a partner hangs on it.
func (p *parts) twins(s side) {
	calls, mask := p.calls[s], uint32(len(p.table)-1)
	var places []uint32
	var group []call
	for i := range calls {
		c := &calls[i]
		if p.c.offset(s, c.trunk).Millis == 0 {
			continue
		}
		places, group = places[:0], group[:0]
		for at := uint32(c.hash()) & mask; p.table[at] != 0; at = (at + 1) & mask {
			if j := p.table[at] - 1; calls[j].same(c) {
				places, group = append(places, j), append(group, calls[j])
			}
		}
		if len(group) < 2 {
			continue
		}
		slices.Sort(places)
		slices.SortFunc(group, func(a, b call) int { return p.canonical(s, &a, &b) })
		for n, j := range places {
			calls[j] = group[n]
		}
	}
}

// canonical is the order of the calls of a side, whatever that of their file: by what
// they say, the clock that is off by less first, and then as they would count.
func (p *parts) canonical(s side, a, b *call) int {
	if n := inTime(a, b); n != 0 {
		return n
	}
	x, y := p.c.offset(s, a.trunk).Millis, p.c.offset(s, b.trunk).Millis
	return cmp.Or(cmp.Compare(abs(x), abs(y)), cmp.Compare(x, y), plainer(a, b, p.c.files[s].trunks))
}

// judge counts everything and says of each call that differs why.
func (p *parts) judge() error {
	for _, s := range []side{ours, theirs} {
		for i := range p.twice[s] {
			if c := &p.twice[s][i]; c.success() {
				at, err := p.repeat(s, c)
				if err != nil {
					return err
				}
				if err := p.repeated(s, i, at); err != nil {
					return err
				}
			}
		}
		p.only[s] += uint64(len(p.rest[s]))
	}
	split, reasons := p.reasons()
	for _, i := range p.byHead() {
		j := p.partner[i]
		if j == none {
			if err := p.unanswered(i); err != nil {
				return err
			}
			continue
		}
		step := uint8(atDurationRounding)
		if split.has(i) {
			step = atSplitCall
		}
		if err := p.pair(i, j, step); err != nil {
			return err
		}
	}
	var rest [2][]call
	for _, s := range []side{ours, theirs} {
		for _, i := range p.rest[s] {
			why, known := reasons[s][i]
			if !known {
				rest[s] = append(rest[s], p.calls[s][i])
			}
			if err := p.alone(s, i, why, known); err != nil {
				return err
			}
		}
	}
	p.learner.observe(rest[ours], rest[theirs])
	return nil
}

// repeat counts a row that repeats another.
func (p *parts) repeat(s side, c *call) (spot, error) {
	p.ladder.calls[atDuplicate]++
	at := p.price.spot(s, c, c.start, c.duration)
	return at, p.ladder.count(p.ladder.twice[s], at)
}

// reasons says of calls that one side lacks why, where anything shows it, and
// which calls are in parts.
func (p *parts) reasons() (split, [2]map[uint32]reason) {
	for s := range p.gone {
		p.gone[s] = slices.Grow(p.gone[s][:0], len(p.rest[s]))[:len(p.rest[s])]
		clear(p.gone[s])
	}
	split := p.splits()
	out := [2]map[uint32]reason{p.explain(ours), p.explain(theirs)}
	split.rounded(p, out)
	for s := range out {
		for n, whole := range p.gone[s] {
			if whole != 0 {
				if out[s] == nil {
					out[s] = map[uint32]reason{}
				}
				out[s][p.rest[s][n]] = reason{atSplitCall, whole}
			}
		}
	}
	return split, out
}

// byHead orders our calls that have a partner, and for the search for fraud those
// that did not succeed, by the first digits of their numbers: the search for prices then finds the same parts of the
// sheet in the cache.
func (p *parts) byHead() []uint32 {
	var counts [2][512]uint32
	p.heads = slices.Grow(p.heads[:0], len(p.partner))
	for i, j := range p.partner {
		if j == none && (p.watch == nil || p.calls[ours][i].success()) {
			continue
		}
		digits := p.calls[ours][i].dest.digits()
		head := uint32(digits * tens[maxDigits-digitsOf(digits)] / (tens[maxDigits] / 100_000))
		p.heads = append(p.heads, headed{head, uint32(i)})
		counts[0][head&511]++
		counts[1][head>>9]++
	}
	p.spare = slices.Grow(p.spare[:0], len(p.heads))[:len(p.heads)]
	from, to := p.heads, p.spare
	for pass := range counts {
		sum := uint32(0)
		for d, n := range counts[pass] {
			counts[pass][d], sum = sum, sum+n
		}
		for _, h := range from {
			d := h.head >> (9 * pass) & 511
			to[counts[pass][d]] = h
			counts[pass][d]++
		}
		from, to = to, from
	}
	p.order = slices.Grow(p.order[:0], len(from))
	for _, h := range from {
		p.order = append(p.order, h.index)
	}
	return p.order
}

// headed is a call and the first five digits of its number.
type headed struct{ head, index uint32 }

// pair walks one call from their bill to ours. durations says which cause it is
// when the durations differ.
func (p *parts) pair(i, j uint32, durations uint8) error {
	if p.alike(i, j) {
		if done, err := p.same(i); done || err != nil {
			return err
		}
	}
	a, b := p.own(ours, i), p.own(theirs, j)
	if a.plus != b.plus && !a.odd && !b.odd {
		p.ladder.calls[atNumberFormat]++
	}
	mine := p.price.spot(ours, &a, a.start, a.duration)
	if err := p.trace(i, &a, mine.line); err != nil {
		return err
	}
	if err := p.tally(ours, mine, false); err != nil {
		return err
	}
	if p.c.lines.shared() && a.start == b.start && a.duration == b.duration && a.origin == b.origin {
		p.matched.Exact++
		if err := p.both(&a, &b, mine, mine); err != nil {
			return err
		}
		return p.tally(theirs, mine, b.odd)
	}
	at := p.price.spot(theirs, &b, b.start, b.duration)
	if err := p.tally(theirs, at, b.odd); err != nil {
		return err
	}
	if err := p.both(&a, &b, mine, at); err != nil {
		return err
	}
	p.bucket(&a, &b, mine, at)
	causes, err := p.walk([2]*call{&a, &b}, [2]spot{mine, at}, durations)
	if err != nil || causes == 0 || p.detail == nil {
		return err
	}
	return p.detail.keep(diff{a: a, b: b, mine: mine, yours: at, home: homeOf(mine, at), causes: causes})
}

// walk leads from their record of a call to ours, by what differs, and gives the
// causes that it meets. durations says which cause it is when the durations differ.
// In between the call is what neither side has: it begins as one side has it, and
// lasts as long as the other has it. Which is which decides what of the money is
// whose where two things that differ make a price together. With two books we begin
// at their record, on their book. With one the way must be the same when the sides
// are exchanged, and begins at the record that the two say.
func (p *parts) walk(records [2]*call, ends [2]spot, durations uint8) (causes uint32, err error) {
	from := theirs
	if p.c.lines.shared() && records[ours].leads(records[theirs]) {
		from = ours
	}
	x, y, here := records[from], records[1-from], ends[from]
	move := func(cause uint8, to spot) {
		causes |= 1 << cause
		if err == nil {
			if at := here; from == ours {
				err = p.ladder.move(cause, to, at) // backwards, from their end
			} else {
				err = p.ladder.move(cause, at, to)
			}
		}
		here = to
	}
	zoned, duration := x.start-p.zone(from, x)+p.zone(1-from, y), x.duration
	if zoned != x.start {
		p.ladder.calls[atTimeZone]++
		move(atTimeZone, p.price.spot(from, x, zoned, duration))
	}
	if y.duration != duration && durations == atSplitCall {
		p.ladder.calls[atSplitCall]++
		duration = y.duration
		move(atSplitCall, p.price.spot(from, x, zoned, duration))
	}
	if y.start != zoned {
		p.ladder.calls[atClockSkew]++
		move(atClockSkew, p.price.spot(from, x, y.start, duration))
	}
	if y.duration != duration {
		before := here.seconds
		move(atDurationRounding, p.price.spot(from, x, y.start, y.duration))
		billed := here.seconds != before
		if !billed && (y.start != zoned || x.origin != y.origin) {
			billed = p.billedApart(records, [2]int64{y.start, zoned}, [2]uint32{y.duration, duration})
		}
		if billed {
			p.ladder.calls[atDurationRounding]++
		}
	}
	if end := ends[1-from]; !here.same(end) {
		cause := p.causeOf(here.line, end.line)
		p.ladder.calls[cause]++
		move(cause, end)
	}
	return causes, err
}

// leads reports whether the walk between two records of a call begins at this one.
// Where one names the caller it does, so that what else differs has the price of the
// call; else where the call lasts longer, and then where it begins earlier.
func (c *call) leads(d *call) bool {
	if c.origin != d.origin {
		return d.origin == 0
	}
	return cmp.Or(-cmp.Compare(c.duration, d.duration), cmp.Compare(c.start, d.start)) < 0
}

// zone is what a call's start is off by where its trunk has another zone, ms.
func (p *parts) zone(s side, c *call) int64 {
	if o := p.c.offset(s, c.trunk); o.Zone {
		return o.Millis
	}
	return 0
}

// billedApart reports whether two durations of a call bill other seconds by the row
// that is in force at either start, for either origin: so exchanging the sides does
// not change what is counted.
func (p *parts) billedApart(records [2]*call, starts [2]int64, durations [2]uint32) bool {
	for _, c := range records {
		for _, start := range starts {
			if p.price.spot(theirs, c, start, durations[0]).seconds != p.price.spot(theirs, c, start, durations[1]).seconds {
				return true
			}
		}
	}
	return false
}

func (p *parts) tally(s side, at spot, odd bool) error {
	if odd && s == theirs {
		if err := p.ladder.count(p.ladder.odd, at); err != nil {
			return err
		}
	}
	if at.line == nothing && !at.free {
		p.unrated[s]++
	}
	return p.ladder.count(p.ladder.sides[s], at)
}

// reprice moves a call from their book to ours.
func (p *parts) reprice(from, to spot) error {
	if from.same(to) {
		return nil
	}
	cause := p.causeOf(from.line, to.line)
	p.ladder.calls[cause]++
	return p.ladder.move(cause, from, to)
}

// bucket counts a pair that is not the same in all.
func (p *parts) bucket(a, b *call, mine, yours spot) {
	// What counts is what each side bills by its own record and book. Where one
	// has no price for the call, the other's row says what both durations bill.
	x, y := mine.seconds, yours.seconds
	switch {
	case mine.line == nothing:
		x = p.c.lines.billed(yours, a.duration)
	case yours.line == nothing:
		y = p.c.lines.billed(mine, b.duration)
	}
	switch {
	case max(x, y)-min(x, y) > p.c.job.SecondsTolerance:
		p.matched.Duration++
		return
	case a.start != b.start:
		p.matched.Skewed++
	default:
		p.matched.Exact++
	}
	if a.duration != b.duration {
		p.matched.RawOnly++
	}
}

// billed is what the row of a spot bills for a duration.
func (l *lines) billed(s spot, duration uint32) uint32 {
	if s.line == nothing {
		return 0
	}
	return l.rows[s.line].Billed(duration)
}

// alone puts a call that the other side lacks on the ladder.
func (p *parts) alone(s side, i uint32, why reason, known bool) error {
	c := p.own(s, i)
	cause := why.cause
	shown := uint32(1) << cause
	if !known {
		shown = 1 << atMissingRandom // or of a block: that is seen when all are known
	}
	if s == theirs {
		at := p.price.spot(theirs, &c, c.start, c.duration)
		if err := p.tally(theirs, at, c.odd); err != nil {
			return err
		}
		zone := p.zone(theirs, &c)
		if zone != 0 {
			shown |= 1 << atTimeZone
		}
		if err := p.show(theirs, c, at, shown, why.line); err != nil {
			return err
		}
		if zone != 0 {
			to := p.price.spot(theirs, &c, c.start-zone, c.duration)
			p.ladder.calls[atTimeZone]++
			if err := p.ladder.move(atTimeZone, at, to); err != nil {
				return err
			}
			at = to
		}
		if known {
			p.explained(cause)
			return p.ladder.move(cause, at, spot{line: nothing})
		}
		p.lone = append(p.lone, lone{c.start, c.line, at, c.trunk, s})
		return nil
	}
	mine := p.price.spot(ours, &c, c.start, c.duration)
	if err := p.trace(i, &c, mine.line); err != nil {
		return err
	}
	if err := p.tally(ours, mine, false); err != nil {
		return err
	}
	first := mine
	if !p.c.lines.shared() {
		first = p.price.spot(theirs, &c, c.start, c.duration)
		if !first.same(mine) {
			shown |= 1 << p.causeOf(first.line, mine.line)
		}
		if err := p.reprice(first, mine); err != nil {
			return err
		}
	}
	// They would have it at their time.
	if zone := p.zone(ours, &c); zone != 0 {
		shown |= 1 << atTimeZone
		to := p.price.spot(theirs, &c, c.start-zone, c.duration)
		p.ladder.calls[atTimeZone]++
		if err := p.ladder.move(atTimeZone, to, first); err != nil {
			return err
		}
		first = to
	}
	if err := p.show(ours, c, mine, shown, why.line); err != nil {
		return err
	}
	if known {
		p.explained(cause)
		return p.ladder.move(cause, spot{line: nothing}, first)
	}
	p.lone = append(p.lone, lone{c.start, c.line, first, c.trunk, s})
	return nil
}

// explained counts a call that one side lacks. The parts of a split call are
// counted with the record that they are parts of.
func (p *parts) explained(cause uint8) {
	if cause != atSplitCall {
		p.ladder.calls[cause]++
	}
}

// wantedBits is of how many bits a number is told by.
const wantedBits = 12

func (d dest) spread() uint64 { return uint64(d) * 0x9e3779b97f4a7c15 >> (64 - wantedBits) }

// reason is why one side lacks a call, and the line of that side's record which
// shows it.
type reason struct {
	cause uint8
	line  uint32
}

// How an answer is raced, and where its other record may be.
const (
	shortAnswer = 4_000   // ms: shorter calls may be answered on one side only
	longestRing = 180_000 // ms from set-up to answer
)

// explain finds, for calls of a side that the other lacks, records of the other
// side that are no successful call of the pair: under a third carrier's name, in
// the other direction, or not answered.
func (p *parts) explain(s side) map[uint32]reason {
	if len(p.rest[s]) == 0 {
		return nil
	}
	tolerance := p.c.job.StartTolerance.Milliseconds()
	type place struct {
		way  usage.Way
		dest dest
	}
	waiting := map[place][]uint32{}
	for n, i := range p.rest[s] {
		if p.gone[s][n] == 0 {
			c := &p.calls[s][i]
			waiting[place{c.way, c.dest}] = append(waiting[place{c.way, c.dest}], i)
		}
	}
	out := map[uint32]reason{}
	// take gives the cause to the call that a record is nearest to.
	take := func(way usage.Way, r *call, cause uint8, from, to int64, fits func(*call) bool) {
		best, at := int64(-1), uint32(0)
		for _, i := range waiting[place{way, r.dest}] {
			c := &p.calls[s][i]
			apart := c.start - r.start
			if _, taken := out[i]; taken || apart < from || apart > to || c.origin != r.origin && c.origin != 0 && r.origin != 0 || !fits(c) {
				continue
			}
			if best < 0 || abs(apart) < best || abs(apart) == best && p.canonical(s, c, &p.calls[s][at]) < 0 {
				best, at = abs(apart), i
			}
		}
		if best >= 0 {
			out[at] = reason{cause, r.line}
		}
	}
	other := 1 - s
	like := func(r *call) func(*call) bool {
		return func(c *call) bool {
			longer := abs(int64(c.duration) - int64(r.duration))
			return longer <= habit.Durations || longer <= habit.SameCall && c.origin == r.origin && c.origin != 0
		}
	}
	byLine := func(a, b call) int { return cmp.Or(inTime(&a, &b), cmp.Compare(a.line, b.line)) }
	third := slices.Clone(p.third[other])
	slices.SortFunc(third, byLine)
	for i := range third {
		if r := &third[i]; r.result == usage.Success {
			take(r.way, r, atWrongPartner, -tolerance, tolerance, like(r))
		}
	}
	for n, i := range p.rest[other] {
		if r := &p.calls[other][i]; p.gone[other][n] == 0 {
			take(1-r.way, r, atWrongPartner, -tolerance, tolerance, like(r))
		}
	}
	// Nearly all unanswered calls go to numbers that no call waits for. Those are
	// told by a few bits, which is cheaper than to look for each.
	var wanted [1 << wantedBits / 64]uint64
	for at := range waiting {
		h := at.dest.spread()
		wanted[h/64] |= 1 << (h % 64)
	}
	var unanswered []call
	for i := range p.calls[other] {
		r := &p.calls[other][i]
		if h := r.dest.spread(); r.result == usage.Success || wanted[h/64]&(1<<(h%64)) == 0 {
			continue
		}
		if len(waiting[place{r.way, r.dest}]) > 0 {
			unanswered = append(unanswered, *r)
		}
	}
	slices.SortFunc(unanswered, byLine)
	for i := range unanswered {
		r := &unanswered[i]
		take(r.way, r, atAnswerRace, -tolerance, longestRing, func(c *call) bool { return c.duration < shortAnswer })
	}
	return out
}
