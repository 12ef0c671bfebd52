package compare

import (
	"cmp"
	"context"
	"hash/maphash"
	"math"
	"slices"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/habit"
	"github.com/lateral-network/lateral/trade/usage"
)

// CodeBeyondHorizon says that a record came so late that the calls which it
// could be compared with are forgotten.
const CodeBeyondHorizon fault.Code = "beyond-horizon"

// Side says whose records are meant.
type Side = side

// The two sides.
const (
	Ours   = ours
	Theirs = theirs
)

// DefaultHorizon is how long a window remembers calls where nothing else is said.
const DefaultHorizon = 24 * time.Hour

// Window compares the records of two sides while they come in. What can be
// decided is settled by [Window.Close], which gives what changed since the last
// one. What comes for a time that is settled changes what was found: former
// findings are taken back, so that counts and money of a delta are signed.
//
// The sum of all deltas is what [Run] finds in all the records, in the order in
// which they came. It does not depend on how they are cut into pieces and cycles.
// That holds inside the horizon: a record of a call that began before it is
// refused, one that repeats such a record counts again, and a block of missing
// calls is looked for among the calls after it, so that of the two causes
// missing_block and missing_random the sum alone is that of Run. What is written
// differently is learned once, from the records that the job names: a habit that
// shows later is not.
//
// It is not for use by many at once; it shares its work among goroutines itself.
type Window struct {
	c        *comparison
	horizon  int64 // ms
	until    int64 // settled as far as this, ms UTC
	edge     int64 // calls that began before are not taken any more
	swept    int64 // edge when memory was last swept
	sweep    bool  // it is time to
	open     bool  // a cycle was closed before
	epoch    int64 // of marks
	seeds    [2]uint64
	added    [2]*loader // of rows that were added one by one
	base     [2]uint32  // lines before the next piece
	shards   []*shard
	newest   [2]int64 // end of the latest call that was read, ms UTC
	seen     [2][]seenCalls
	trunks   [2][]uint32 // successful calls in seen
	lones    map[loneKey]*standing
	sum      *found // counts of all cycles
	accounts *accounts
	last     state // as the last delta left it
	rejects  [2][]Refusal
	broken   [2][]string
	refused  [2]uint64 // rows
	err      error     // nothing works after it
}

// NewWindow makes a window by a job's rules. Where the job names records, what is
// written differently is learned from them, as [Run] does; they are not compared.
// Else pair says whose traffic it is. A call is remembered for a horizon after its
// beginning, which is longer than the longest call and the longest delay of a
// record together. Codes: those of Run; invalid for what needs all records of a
// period at once: an invoice, discounts by volume, signals and a folder.
func NewWindow(ctx context.Context, job Job, pair usage.Pair, horizon time.Duration) (*Window, error) {
	for _, x := range []struct {
		given bool
		name  string
	}{{job.TheirInvoice != nil, "an invoice"}, {len(job.Volume) > 0, "discounts by volume"}, {job.Signals, "the search for fraud"}, {job.Detail, "a folder of evidence"}} {
		if x.given {
			return nil, fault.Newf(fault.Invalid, "compare the files of the period when it is over", "%s needs all records of a period at once", x.name)
		}
	}
	c, err := newComparison(job)
	if err != nil {
		return nil, err
	}
	if horizon <= c.job.StartTolerance {
		return nil, fault.Newf(fault.Invalid, "name a longer one, like 24h", "calls of the last %s alone would be remembered", horizon).In("horizon")
	}
	history := job.Records[ours].Open != nil && job.Records[theirs].Open != nil
	if history {
		err = c.carriers()
	} else {
		c.pair = pair
		err = c.us()
	}
	if err != nil {
		return nil, err
	}
	if err := c.book(); err != nil {
		return nil, err
	}
	if history {
		err = c.learn(ctx)
	} else {
		c.empty()
	}
	if err != nil {
		return nil, err
	}
	w := &Window{newest: [2]int64{math.MinInt64, math.MinInt64}, c: c, horizon: horizon.Milliseconds(), until: math.MinInt64, edge: math.MinInt64, lones: map[loneKey]*standing{}, sum: c.newFound(), accounts: newAccounts(c.lines, c.job.Rounding)}
	for i := range w.seeds {
		w.seeds[i] = maphash.Comparable(c.files[i].seeds.a, i)
	}
	for i := range c.workers {
		w.shards = append(w.shards, newShard(w, i))
	}
	w.last, err = w.state()
	return w, err
}

// learn reads the job's files for what they show of how numbers and times are
// written, and keeps nothing else of them.
func (c *comparison) learn(ctx context.Context) error {
	if err := c.read(ctx); err != nil {
		return err
	}
	f, err := c.settle(ctx)
	for _, f := range c.files {
		f.calls.drop()
	}
	if err != nil {
		return err
	}
	f.close()
	trunks, forms := [2]*names{c.files[ours].trunks, c.files[theirs].trunks}, [2]*names{c.files[ours].forms, c.files[theirs].forms}
	c.empty()
	for s, f := range c.files {
		f.trunks, f.forms = trunks[s], forms[s]
	}
	c.spread()
	return nil
}

// empty makes files whose rows come as batches.
func (c *comparison) empty() {
	keys := &seeds{maphash.MakeSeed(), maphash.MakeSeed()}
	for s := range c.files {
		c.files[s] = &file{side: side(s), pair: c.pair, trunks: newNames(1<<16, ""), forms: newNames(maxForms, ""), seeds: keys}
	}
}

// Pair is the two carriers.
func (w *Window) Pair() usage.Pair { return w.c.pair }

// Until is the moment up to which calls are settled, ms UTC; ok is false before
// the first close.
func (w *Window) Until() (ms int64, ok bool) { return w.until, w.open }

// Learned says what is done to the records before they are compared.
func (w *Window) Learned() []Learned { return w.c.shown(w.sum) }

// Read takes the records of a piece of a side's records, in any format that [Run]
// reads, whole, with its header. before is how many lines stand before the piece
// in the file that it is of, for naming refused rows; a header that is not of that
// place counts as none. All of the piece is in memory for a while. Codes: those of
// the readers of call records; where a piece breaks off, the rows before count.
func (w *Window) Read(ctx context.Context, s Side, in Input, before int64) error {
	if w.err != nil {
		return w.err
	}
	f := w.c.files[s]
	if err := f.load(ctx, in, w.c.workers, func(int) {}); err != nil {
		f.batch = nil
		return err
	}
	return w.take(s, in.Name, before)
}

// Add takes one row as a parser gave it, with why it is refused, and its line. The
// parser knows the pair. What is added counts from the next Read or Close on.
// Code: too-many-rows.
func (w *Window) Add(s Side, line uint32, row *voice.Row, refused error) error {
	if w.err != nil {
		return w.err
	}
	if w.added[s] == nil {
		w.added[s] = w.c.files[s].loaders(1)[0]
	}
	l := w.added[s]
	l.read++
	if err := l.take(line, row, refused); err != nil || len(l.batch) < addedRows {
		return err
	}
	return w.flush(s)
}

// addedRows is how many single rows are gathered before they are looked at.
const addedRows = 16 << 10

// flush looks at rows that were added one by one.
func (w *Window) flush(s side) error {
	l := w.added[s]
	if l == nil || l.read == 0 {
		return nil
	}
	f := w.c.files[s]
	f.collect([]*loader{l})
	w.added[s] = nil
	return w.take(s, "", 0)
}

// take looks at the batch that a file holds.
func (w *Window) take(s side, name string, before int64) error {
	if w.sweep {
		if w.err = w.forget(); w.err != nil {
			return w.err
		}
	}
	f := w.c.files[s]
	calls := inLines(f.batch)
	f.batch = nil
	w.refuse(s, name, before, &f.refused)
	if f.broken != nil {
		w.broken[s] = append(w.broken[s], fault.Of(f.broken).Detail)
		f.broken = nil
	}
	if len(calls) == 0 {
		return nil
	}
	w.c.spread()
	if w.epoch == 0 {
		w.epoch = calls[0].start - whenSpan/2*epochStep
	}
	if f.last > math.MaxUint32-w.base[s] {
		w.renumber(s)
	}
	w.see(s, calls)
	verdicts := make([]verdict, len(calls)) // all taken
	for _, phase := range []func(*shard){
		func(h *shard) { h.judgeIDs(s, calls, verdicts) },
		func(h *shard) { h.take(s, calls, verdicts) },
	} {
		w.all(phase)
	}
	w.base[s] += f.last
	f.last = 0
	counted := map[uint16]uint32{}
	w.seen[s][len(w.seen[s])-1].counted = counted
	w.trunks[s] = longer(w.trunks[s], len(f.trunks.list))
	for _, h := range w.shards {
		w.err = cmp.Or(w.err, h.err)
		for t, n := range h.counted {
			counted[t] += n
			w.trunks[s][t] += n
		}
		clear(h.counted)
		w.refuse(s, name, before, &h.plus(onTime).refused[s])
	}
	return w.err
}

// longer makes a list at least so long.
func longer(list []uint32, n int) []uint32 {
	if len(list) >= n {
		return list
	}
	return append(list, make([]uint32, n-len(list))...)
}

// inLines puts batches together in the order of their lines.
func inLines(lists [][]call) []call {
	if len(lists) == 1 {
		return lists[0]
	}
	total := 0
	for _, l := range lists {
		total += len(l)
	}
	out := make([]call, 0, total)
	for len(out) < total {
		best := -1
		for i, l := range lists {
			if len(l) > 0 && (best < 0 || l[0].line < lists[best][0].line) {
				best = i
			}
		}
		out = append(out, lists[best][0])
		lists[best] = lists[best][1:]
	}
	return out
}

// all has each shard do its share.
func (w *Window) all(f func(*shard)) {
	each(len(w.shards), len(w.shards), func() func(int) { return func(i int) { f(w.shards[i]) } })
}

// refuse names refused rows by the lines of their file.
func (w *Window) refuse(s side, name string, before int64, r *rejects) {
	for _, x := range r.list {
		if len(w.rejects[s]) == named {
			break
		}
		x.Line = uint64(max(0, int64(x.Line)+before))
		w.rejects[s] = append(w.rejects[s], Refusal{name, x})
	}
	w.refused[s] += r.count
	*r = rejects{}
}

// when gives the mark of a start.
func (w *Window) when(start int64) uint32 {
	return uint32(min(max(habit.FloorDiv(start-w.epoch, epochStep), 1), whenSpan-1))
}

// due reports whether a call is settled: all records that could be its partner
// within the tolerance have been read. All of a window goes by the times at which
// the other side has the calls, whatever a trunk's clock says.
func (w *Window) due(c *call) bool {
	return c.end()+w.c.job.StartTolerance.Milliseconds() <= w.until || c.start < w.edge
}

// late reports whether a call comes for a time that is settled.
func (w *Window) late(c *call) bool { return w.open && w.due(c) }

// renumber makes room for more lines: only their order counts. What is remembered
// of a side is numbered from 1 on.
func (w *Window) renumber(s side) {
	var lines []uint32
	for _, h := range w.shards {
		for i := range h.kept {
			if k := &h.kept[i]; k.state != gone && k.side == s {
				lines = append(lines, k.line)
			}
		}
	}
	slices.Sort(lines)
	number := func(line uint32) uint32 {
		n, _ := slices.BinarySearch(lines, line)
		return uint32(n + 1)
	}
	for _, h := range w.shards {
		for i := range h.kept {
			if k := &h.kept[i]; k.state != gone && k.side == s {
				k.line = number(k.line)
			}
		}
	}
	old := w.lones
	w.lones = map[loneKey]*standing{}
	for k, l := range old {
		if k.side == s {
			l.line = number(l.line)
		}
		w.lones[loneKey{l.side, l.line}] = l
	}
	w.base[s] = uint32(len(lines) + 1)
}

// seenCalls is when the calls of a piece began, for those who look for blocks.
type seenCalls struct {
	from    int64 // ms
	last    int64 // beginning of the last one by a right clock, ms
	calls   []seenCall
	counted map[uint16]uint32 // by trunk: those of them that are no duplicates
}

type seenCall struct {
	after uint32 // ms after from
	trunk uint16
}

// see notes when calls began.
func (w *Window) see(s side, calls []call) {
	var at *seenCalls
	ruled := w.c.ruled[s] != nil
	list := w.seen[s]
	newest := int64(math.MinInt64)
	for i := range calls {
		start := calls[i].start - w.c.offset(s, calls[i].trunk).Millis
		newest, w.newest[s] = max(newest, start), max(w.newest[s], start+int64(calls[i].duration))
	}
	for begin := 0; begin < len(calls); {
		// A piece spans no more than its ms can say.
		from, to := calls[begin].start, calls[begin].start
		end := begin + 1
		for ; end < len(calls); end++ {
			lo, hi := min(from, calls[end].start), max(to, calls[end].start)
			if hi-lo > math.MaxUint32 {
				break
			}
			from, to = lo, hi
		}
		list = append(list, seenCalls{from: from, last: newest})
		at = &list[len(list)-1]
		for i := begin; i < end; i++ {
			if c := &calls[i]; c.success() && (c.dest.form() == 0 || ruled) {
				at.calls = append(at.calls, seenCall{uint32(c.start - from), c.trunk})
			}
		}
		begin = end
	}
	w.seen[s] = list
}
