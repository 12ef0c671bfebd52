package compare

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"sync/atomic"
)

// Block is a stretch of time in which one side lacks all calls of a trunk.
type Block struct {
	Missing string `json:"missing"` // the side that lacks them: ours or theirs
	Trunk   string `json:"trunk"`   // of the side that has them
	From    int64  `json:"-"`       // ms UTC: first call
	To      int64  `json:"-"`       // ms UTC: last call
	Calls   uint64 `json:"calls"`
}

// leastBlock is how many calls in a row must be missing to make a block.
const leastBlock = 5

// timeline is the calls of one trunk, or of all trunks of a side, that the other
// side lacks, in time order, and whether a call that it has lies between two of
// them.
type timeline struct {
	side   side
	trunk  uint16
	whole  bool // of the side
	calls  []*lone
	total  uint64          // successful calls of the trunk, those included
	broken []atomic.Uint32 // broken[i]: a call that both have begins between calls i-1 and i
	from   int64
	width  int64
	dense  []bool  // by stretch of time: so many calls are missing there that it may be a block
	at     []int32 // by stretch of time: first call in it or later
}

// stretches is how finely a timeline is looked at.
const stretches = 1 << 14

// sparse is how thin missing calls may lie and still make a block, in parts of
// the calls that the trunk has on average: at night it has fewer.
const sparse = 20

func newTimeline(calls []*lone, total uint64, whole bool) *timeline {
	t := &timeline{side: calls[0].side, trunk: calls[0].trunk, whole: whole, calls: calls, total: total, broken: make([]atomic.Uint32, len(calls)+1), from: calls[0].start,
		at: make([]int32, stretches+1), dense: make([]bool, stretches+1)}
	span := calls[len(calls)-1].start - t.from
	t.width = max(1, span/stretches+1)
	n := 0
	for i := range t.at {
		for n < len(calls) && calls[n].start < t.from+int64(i)*t.width {
			n++
		}
		t.at[i] = int32(n)
	}
	// Where calls are missing as rarely as they do by chance nothing is looked
	// at: that is nearly everywhere.
	limit := leastBlock * sparse * span / int64(max(total, 1))
	if uint64(len(calls)) >= total {
		return t // the other side lacks all
	}
	for i := range len(calls) - leastBlock + 1 {
		first, last := calls[i].start, calls[i+leastBlock-1].start
		if last-first <= limit {
			for k := (first - t.from) / t.width; k <= (last-t.from)/t.width; k++ {
				t.dense[k] = true
			}
		}
	}
	thin := make([]int, len(t.dense)+1) // stretches before that are not looked at
	for k, dense := range t.dense {
		thin[k+1] = thin[k]
		if !dense {
			thin[k+1]++
		}
	}
	for i := 1; i < len(calls); i++ {
		if thin[(calls[i].start-t.from)/t.width+1] > thin[(calls[i-1].start-t.from)/t.width] {
			t.broken[i].Store(1)
		}
	}
	return t
}

// stretch is a piece of time, both ends included, ms UTC.
type stretch struct{ from, to int64 }

// noTime is one without any time in it.
var noTime = stretch{math.MaxInt64, math.MinInt64}

// busy gives the stretches in which any of the timelines looks at calls, in order
// and apart.
func busy(all []*timeline) (out []stretch) {
	for _, t := range all {
		for k, dense := range t.dense {
			if dense {
				from := t.from + int64(k)*t.width
				out = append(out, stretch{from, from + t.width - 1})
			}
		}
	}
	slices.SortFunc(out, func(a, b stretch) int { return cmp.Compare(a.from, b.from) })
	n := 0
	for i, s := range out {
		if i > 0 && s.from <= out[n-1].to+1 {
			out[n-1].to = max(out[n-1].to, s.to)
			continue
		}
		out[n] = s
		n++
	}
	return out[:n]
}

// meets reports whether a stretch and one of a list have a moment in common.
func (s stretch) meets(list []stretch) bool {
	i, _ := slices.BinarySearchFunc(list, s.from, func(o stretch, from int64) int { return cmp.Compare(o.to, from) })
	return i < len(list) && list[i].from <= s.to
}

// saw notes the start of a call. It is safe for use by many.
func (t *timeline) saw(start int64) {
	k := (start - t.from) / t.width
	if start < t.from || k >= stretches || !t.dense[k] {
		return
	}
	i := int(t.at[k])
	for i < len(t.calls) && t.calls[i].start < start {
		i++
	}
	if i < len(t.calls) && t.calls[i].start == start {
		return // one of those that the other side lacks, or at its side
	}
	if t.broken[i].Load() == 0 {
		t.broken[i].Store(1)
	}
}

// blocks tells calls that are missing in a block from single ones. see shows
// timelines all successful calls of their trunks.
func (c *comparison) blocks(f *found, see func([]*timeline) error) ([]Block, map[*lone]bool, error) {
	slices.SortFunc(f.lone, func(a, b lone) int {
		return cmp.Or(cmp.Compare(a.side, b.side), cmp.Compare(a.trunk, b.trunk), cmp.Compare(a.start, b.start), cmp.Compare(a.line, b.line))
	})
	block := map[*lone]bool{}
	var out []Block
	// First each trunk by itself; then what is left of a side, for an outage of
	// all its trunks may leave few calls on each.
	for _, whole := range []bool{false, true} {
		all := f.timelines(whole, block)
		if err := see(all); err != nil {
			return nil, nil, err
		}
		for _, t := range all {
			for i, n := range t.runs {
				if !t.isBlock(n) {
					continue
				}
				b := Block{(1 - t.side).String(), "", t.calls[i].start, t.calls[i+n-1].start, uint64(n)}
				if !whole {
					b.Trunk = c.files[t.side].trunks.name(t.trunk)
				}
				out = append(out, b)
				for _, l := range t.calls[i : i+n] {
					block[l] = true
				}
			}
		}
	}
	// Trunks are numbered as the files are read.
	slices.SortFunc(out, func(a, b Block) int {
		return cmp.Or(cmp.Compare(a.Missing, b.Missing), cmp.Compare(a.From, b.From), cmp.Compare(a.Trunk, b.Trunk))
	})
	return out, block, nil
}

// isolate puts calls that the other side lacks, in a block or single, on the
// ladder.
func (c *comparison) isolate(f *found, workers int) ([]Block, error) {
	out, block, err := c.blocks(f, func(all []*timeline) error { return c.see(all, workers) })
	if err != nil {
		return nil, err
	}
	for i := range f.lone {
		l := &f.lone[i]
		cause := uint8(atMissingRandom)
		if block[l] {
			cause = atMissingBlock
			if c.blocked[l.side] == nil {
				c.blocked[l.side] = newLineSet(c.files[l.side].last)
			}
			c.blocked[l.side].add(l.line)
		}
		if err := f.ladder.lacks(l, cause); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// lacks counts a call that one side lacks.
func (l *ladder) lacks(one *lone, cause uint8) error {
	l.calls[cause]++
	from, to := spot{line: nothing}, one.spot
	if one.side == theirs {
		from, to = to, from
	}
	return l.move(cause, from, to)
}

// isBlock reports whether so many missing calls in a row are no chance: with as
// many calls missing as there are, evenly spread, it would happen less than once
// in a hundred files.
func (t *timeline) isBlock(n int) bool {
	if n < leastBlock {
		return false
	}
	share := float64(len(t.calls)) / float64(max(t.total, uint64(len(t.calls))))
	if share == 1 {
		return true
	}
	// A block is itself most of what is missing, so the share without it is
	// what chance has.
	share = float64(len(t.calls)-n) / float64(max(1, t.total-uint64(n)))
	return float64(t.total)*math.Pow(share, float64(n)) < 0.01
}

// timelines makes those of each trunk, or of each side, leaving out calls that
// are in a block.
func (f *found) timelines(whole bool, block map[*lone]bool) (all []*timeline) {
	var calls []*lone
	for i := range f.lone {
		l := &f.lone[i]
		if !block[l] {
			calls = append(calls, l)
		}
	}
	if whole {
		slices.SortStableFunc(calls, func(a, b *lone) int { return cmp.Or(cmp.Compare(a.side, b.side), cmp.Compare(a.start, b.start)) })
	}
	for len(calls) > 0 {
		n, total := 1, uint64(0)
		for n < len(calls) && calls[n].side == calls[0].side && (whole || calls[n].trunk == calls[0].trunk) {
			n++
		}
		for trunk, count := range f.trunks[calls[0].side] {
			if whole || uint16(trunk) == calls[0].trunk {
				total += uint64(count)
			}
		}
		if n >= leastBlock {
			all = append(all, newTimeline(calls[:n], total, whole))
		}
		calls = calls[n:]
	}
	return all
}

// timelines finds the timeline of a side on which a call is looked for.
type timelines struct {
	byTrunk []*timeline
	whole   *timeline
	any     bool
}

func timelinesOf(s side, all []*timeline, trunks int) timelines {
	out := timelines{byTrunk: make([]*timeline, trunks)}
	for _, t := range all {
		switch {
		case t.side != s || !slices.Contains(t.dense, true):
		case t.whole:
			out.whole = t
		default:
			out.byTrunk[t.trunk], out.any = t, true
		}
	}
	return out
}

func (t *timelines) none() bool { return !t.any && t.whole == nil }

func (t *timelines) of(trunk uint16) *timeline {
	if t.whole != nil {
		return t.whole
	}
	return t.byTrunk[trunk]
}

// narrow leaves those stretches to be looked at in which there may still be a
// block, as far as calls were seen.
func (t *timeline) narrow() {
	clear(t.dense)
	for i, n := range t.runs {
		if t.isBlock(n) {
			from, to := t.calls[i].start, t.calls[i+n-1].start
			for k := (from - t.from) / t.width; k <= (to-t.from)/t.width; k++ {
				t.dense[k] = true
			}
		}
	}
}

// runs goes through the calls that are missing in a row: the place of the first,
// and how many.
func (t *timeline) runs(yield func(int, int) bool) {
	for i := 0; i < len(t.calls); {
		end := i + 1
		for end < len(t.calls) && t.broken[end].Load() == 0 {
			end++
		}
		if !yield(i, end-i) {
			return
		}
		i = end
	}
}

// see shows the timelines the successful calls of their trunks, as far as they
// look at any. Those of a few parts end nearly all runs, and the others are then
// looked at only where a run is left.
func (c *comparison) see(all []*timeline, workers int) error {
	for _, s := range []side{ours, theirs} {
		look := sight{c: c, file: c.files[s], side: s, lines: timelinesOf(s, all, len(c.files[s].trunks.list))}
		mine := slices.DeleteFunc(slices.Clone(all), func(t *timeline) bool { return t.side != s })
		parts := 1 << look.file.bits
		for from, to := 0, parts/16; from < parts; from, to = to, min(parts, 4*to) {
			if look.when = busy(mine); len(look.when) == 0 {
				break
			}
			if err := look.parts(from, to, workers); err != nil {
				return err
			}
			for _, t := range mine {
				t.narrow()
			}
		}
	}
	return nil
}

// sight is what the calls of a side are shown to.
type sight struct {
	c     *comparison
	file  *file
	side  side
	lines timelines
	when  []stretch // any of them looks at
}

// parts shows the calls of some parts.
func (l *sight) parts(from, to, workers int) error {
	var (
		mu     sync.Mutex
		failed error
	)
	each(workers, to-from, func() func(int) {
		return func(n int) {
			if err := l.part(from + n); err != nil {
				mu.Lock()
				failed = err
				mu.Unlock()
			}
		}
	})
	return failed
}

func (l *sight) part(n int) error {
	spans, ruled := l.file.spans[n], l.c.ruled[l.side] != nil
	return l.file.calls.each(n, func(calls []call) error {
		in := spans[0]
		spans = spans[1:]
		if !in.meets(l.when) {
			return nil
		}
		for i := range calls {
			call := &calls[i]
			if t := l.lines.of(call.trunk); t != nil && call.success() && (call.dest.form() == 0 || ruled) {
				t.saw(call.start)
			}
		}
		return nil
	})
}
