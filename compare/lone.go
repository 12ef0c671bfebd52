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

// timeline is the calls of one trunk that the other side lacks, in time order,
// and whether a call that it has lies between two of them.
type timeline struct {
	side   side
	trunk  uint16
	calls  []lone
	broken []atomic.Uint32 // broken[i]: a call that both have begins between calls i-1 and i
	total  uint64          // calls of the trunk, those included
	from   int64
	width  int64
	at     []int32 // by stretch of time: first call in it or later
}

const stretches = 4096

func newTimeline(calls []lone) *timeline {
	t := &timeline{side: calls[0].side, trunk: calls[0].trunk, calls: calls, broken: make([]atomic.Uint32, len(calls)+1), from: calls[0].start}
	t.width = max(1, (calls[len(calls)-1].start-t.from)/stretches+1)
	t.at = make([]int32, stretches+1)
	n := 0
	for i := range t.at {
		for n < len(calls) && calls[n].start < t.from+int64(i)*t.width {
			n++
		}
		t.at[i] = int32(n)
	}
	return t
}

// saw notes the start of a call. It is safe for use by many.
func (t *timeline) saw(start int64) {
	i := 0
	if start > t.from {
		i = int(t.at[min((start-t.from)/t.width, stretches)])
	}
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

// isolate tells calls that are missing in a block from single ones, and puts all
// of them on the ladder.
func (c *comparison) isolate(f *found, workers int) ([]Block, error) {
	slices.SortFunc(f.lone, func(a, b lone) int {
		return cmp.Or(cmp.Compare(a.side, b.side), cmp.Compare(a.trunk, b.trunk), cmp.Compare(a.start, b.start), cmp.Compare(a.line, b.line))
	})
	var lines [2]map[uint16]*timeline
	lines[ours], lines[theirs] = map[uint16]*timeline{}, map[uint16]*timeline{}
	var all []*timeline
	for rest := f.lone; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].side == rest[0].side && rest[n].trunk == rest[0].trunk {
			n++
		}
		if n >= leastBlock {
			t := newTimeline(rest[:n])
			lines[t.side][t.trunk] = t
			all = append(all, t)
		}
		rest = rest[n:]
	}
	if err := c.see(lines, workers); err != nil {
		return nil, err
	}
	block := map[*lone]bool{}
	var out []Block
	for _, t := range all {
		for i := 0; i < len(t.calls); {
			n := i + 1
			for n < len(t.calls) && t.broken[n].Load() == 0 {
				n++
			}
			if t.isBlock(n - i) {
				f := c.files[t.side]
				out = append(out, Block{(1 - t.side).String(), f.trunks.name(t.trunk), t.calls[i].start, t.calls[n-1].start, uint64(n - i)})
				for k := i; k < n; k++ {
					block[&t.calls[k]] = true
				}
			}
			i = n
		}
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
		f.ladder.calls[cause]++
		from, to := spot{line: nothing}, l.spot
		if l.side == theirs {
			from, to = to, from
		}
		if err := f.ladder.move(cause, from, to); err != nil {
			return nil, err
		}
	}
	return out, nil
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

// see shows the timelines all successful calls of their trunks.
func (c *comparison) see(lines [2]map[uint16]*timeline, workers int) error {
	for _, s := range []side{ours, theirs} {
		if len(lines[s]) == 0 {
			continue
		}
		f := c.files[s]
		var (
			mu     sync.Mutex
			failed error
		)
		each(workers, 1<<f.bits, func() func(int) {
			var buffer []call
			totals := map[*timeline]uint64{}
			last, lastTrunk := (*timeline)(nil), -1
			return func(part int) {
				var err error
				if buffer, err = f.calls.take(part, buffer[:0]); err != nil {
					mu.Lock()
					failed = err
					mu.Unlock()
					return
				}
				for i := range buffer {
					call := &buffer[i]
					if !call.success() || call.dest.form() != 0 && len(c.learned.numbers[s]) == 0 {
						continue
					}
					if int(call.trunk) != lastTrunk {
						last, lastTrunk = lines[s][call.trunk], int(call.trunk)
					}
					if last != nil {
						totals[last]++
						last.saw(call.start)
					}
				}
				mu.Lock()
				for t, n := range totals {
					t.total += n
					delete(totals, t)
				}
				mu.Unlock()
			}
		})
		if failed != nil {
			return failed
		}
	}
	return nil
}
