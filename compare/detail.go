package compare

import (
	"bufio"
	"cmp"
	"container/heap"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/lateral-network/lateral/trade/habit"
	"github.com/lateral-network/lateral/trade/usage"
)

// diff is a call on which the two sides differ, or that one of them has alone or
// twice. A side that lacks it has line 0.
type diff struct {
	a, b        call
	mine, yours spot   // by our sheet and by theirs
	home        uint32 // our row for the number, theirs where we have none
	causes      uint32 // bit by place in the list
	other       uint32 // the line of the other side's record that shows the cause, or of the row that a duplicate repeats; 0: none
}

// newDiff is a call that one side has alone, or twice.
func newDiff(s side, c call, at spot, home, causes, other uint32) diff {
	d := diff{mine: spot{line: nothing}, yours: spot{line: nothing}, home: home, causes: causes, other: other}
	if s == ours {
		d.a, d.mine = c, at
	} else {
		d.b, d.yours = c, at
	}
	return d
}

func (d *diff) has(cause uint8) bool { return d.causes&(1<<cause) != 0 }

// way is the direction of the call.
func (d *diff) way() usage.Way {
	if d.a.line != 0 {
		return d.a.way
	}
	return d.b.way
}

// at is the time that orders a call among others.
func (d *diff) at() int64 {
	if d.a.line != 0 {
		return d.a.start
	}
	return d.b.start
}

func (d *diff) order(e *diff) int {
	return cmp.Or(cmp.Compare(d.at(), e.at()), cmp.Compare(d.a.line, e.a.line), cmp.Compare(d.b.line, e.b.line))
}

// detail is what is kept of calls for those who want to look at them: the sums
// of each day, and the calls that differ, sorted by time. What does not fit
// memory goes to a temporary file.
type detail struct {
	cells map[cellKey]*[2]cell
	diffs []diff
	most  int // of diffs in memory
	runs  []*run

	unrated [2]map[rewritten]*unrated
}

// unrated is successful calls that nothing would have rated as their numbers were
// written.
type unrated struct {
	calls uint64
	lines map[lineKey]*sum // that rate them with the rule
}

// withoutRule notes a call whose number a rule changes, for those who want to see the
// calls.
func (p *parts) withoutRule(s side, c *call, r numberRule, to dest) error {
	if p.detail == nil || !c.success() {
		return nil
	}
	if c.dest.form() == 0 && p.price.spot(s, c, c.start, c.duration).line != nothing {
		return nil
	}
	k := rewritten{class{c.trunk, c.dest.form()}, r}
	at := p.detail.unrated[s][k]
	if at == nil {
		at = &unrated{lines: map[lineKey]*sum{}}
		if p.detail.unrated[s] == nil {
			p.detail.unrated[s] = map[rewritten]*unrated{}
		}
		p.detail.unrated[s][k] = at
	}
	at.calls++
	right := *c
	right.dest = to
	spot := p.price.spot(s, &right, c.start, c.duration)
	if spot.line == nothing {
		return nil
	}
	line := lineKey{spot.period, spot.line}
	if at.lines[line] == nil {
		at.lines[line] = &sum{}
	}
	return p.ladder.countIn(at.lines[line], spot)
}

func (u *unrated) add(o *unrated) {
	u.calls += o.calls
	for k, v := range o.lines {
		if u.lines[k] == nil {
			u.lines[k] = &sum{}
		}
		u.lines[k].add(*v)
	}
}

// shifted counts calls by trunk whose clock is off.
type shifted [2]map[uint16]uint64

func (h *shifted) count(s side, trunk uint16) {
	if h[s] == nil {
		h[s] = map[uint16]uint64{}
	}
	h[s][trunk]++
}

func (h *shifted) merge(o *shifted) {
	for s := range h {
		for t, n := range o[s] {
			if h[s] == nil {
				h[s] = map[uint16]uint64{}
			}
			h[s][t] += n
		}
	}
}

// cellKey is a row's calls of one day (UTC). A call that both sides have stands
// at our time and under our row, so that both are side by side.
type cellKey struct {
	home uint32 // our row, theirs where we have none; nothing: no row at all
	line uint32 // that prices the call; nothing: calls without a price
	day  int32  // since 1970
	way  usage.Way
}

// cell is one side's calls.
type cell struct {
	sum
	raw uint64 // ms
}

// keptDiffs bounds the calls that a goroutine keeps in memory.
const keptDiffs = 1 << 19

func newDetail(most int) *detail { return &detail{cells: map[cellKey]*[2]cell{}, most: most} }

const dayMillis = 86_400_000

// add counts a call that stands at a time (ms) under our row, called home.
func (d *detail) add(l *ladder, s side, c *call, when int64, home uint32, at spot) error {
	k := cellKey{home, at.line, int32(habit.FloorDiv(when, dayMillis)), c.way}
	cells := d.cells[k]
	if cells == nil {
		cells = &[2]cell{}
		d.cells[k] = cells
	}
	cells[s].raw += uint64(c.duration)
	if at.line == nothing {
		cells[s].calls++
		return nil
	}
	return l.countIn(&cells[s].sum, at)
}

// both counts a call that both sides have for those who want to see it.
func (p *parts) both(a, b *call, mine, yours spot) error {
	if p.detail == nil {
		return nil
	}
	home := homeOf(mine, yours)
	if err := p.detail.add(p.ladder, ours, a, a.start, home, mine); err != nil {
		return err
	}
	return p.detail.add(p.ladder, theirs, b, a.start, home, yours)
}

// homeOf is our row of a call, or theirs where we have none.
func homeOf(mine, yours spot) uint32 {
	if mine.line == nothing {
		return yours.line
	}
	return mine.line
}

// show keeps a call that one side alone has for those who want to see it. line is
// that of the other side's record which explains it, 0 when there is none.
func (p *parts) show(s side, c call, at spot, causes uint32, line uint32) error {
	if p.detail == nil {
		return nil
	}
	home := at.line
	if s == theirs && !p.c.lines.shared() {
		home = homeOf(p.price.spot(ours, &c, c.start, c.duration), at)
	}
	if err := p.detail.add(p.ladder, s, &c, c.start, home, at); err != nil {
		return err
	}
	return p.detail.keep(newDiff(s, c, at, home, causes, line))
}

// repeated keeps a row that repeats another, which no sum counts.
func (p *parts) repeated(s side, i int, at spot) error {
	if p.detail == nil {
		return nil
	}
	return p.detail.keep(newDiff(s, p.twice[s][i], at, at.line, 1<<atDuplicate, p.firsts[s][i]))
}

// keep takes a call that differs.
func (d *detail) keep(v diff) error {
	d.diffs = append(d.diffs, v)
	if len(d.diffs) < d.most {
		return nil
	}
	return d.spill()
}

func (d *detail) sort() { slices.SortFunc(d.diffs, func(a, b diff) int { return a.order(&b) }) }

// spill writes what is in memory to a file, in order.
func (d *detail) spill() error {
	d.sort()
	f, err := os.CreateTemp("", "lateral-compare-")
	if err != nil {
		return fmt.Errorf("making a temporary file: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return fmt.Errorf("making a temporary file: %w", err)
	}
	if _, err := f.Write(bytesOf(d.diffs)); err != nil {
		f.Close()
		return fmt.Errorf("writing a temporary file: %w", err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		f.Close()
		return fmt.Errorf("writing a temporary file: %w", err)
	}
	d.runs = append(d.runs, &run{file: f, calls: len(d.diffs), in: bufio.NewReaderSize(f, 1<<20)})
	d.diffs = d.diffs[:0]
	return nil
}

func (d *detail) merge(o *detail) {
	for k, v := range o.cells {
		at := d.cells[k]
		if at == nil {
			d.cells[k] = v
			continue
		}
		for s := range at {
			at[s].add(v[s].sum)
			at[s].raw += v[s].raw
		}
	}
	for s := range o.unrated {
		if d.unrated[s] == nil {
			d.unrated[s] = map[rewritten]*unrated{}
		}
		for k, u := range o.unrated[s] {
			if at := d.unrated[s][k]; at != nil {
				at.add(u)
			} else {
				d.unrated[s][k] = u
			}
		}
	}
	d.diffs = append(d.diffs, o.diffs...)
	d.runs = append(d.runs, o.runs...)
}

// count is how many calls are kept.
func (d *detail) count() int {
	n := len(d.diffs)
	for _, r := range d.runs {
		n += r.calls
	}
	return n
}

func (d *detail) close() {
	for _, r := range d.runs {
		if r.file != nil {
			r.file.Close() // it has no name: nothing is left behind
		}
	}
	d.runs = nil
}

// run is calls in order: from a file, or from memory.
type run struct {
	file   *os.File
	calls  int // in the file
	in     io.Reader
	rest   []diff
	head   diff
	buffer [1]diff
}

// next moves to the next call; false at the end.
func (r *run) next() (bool, error) {
	if r.file == nil {
		if len(r.rest) == 0 {
			return false, nil
		}
		r.head, r.rest = r.rest[0], r.rest[1:]
		return true, nil
	}
	if _, err := io.ReadFull(r.in, bytesOf(r.buffer[:])); err != nil {
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		return false, fmt.Errorf("reading a temporary file: %w", err)
	}
	r.head = r.buffer[0]
	return true, nil
}

type runHeap []*run

func (h runHeap) Len() int           { return len(h) }
func (h runHeap) Less(i, j int) bool { return h[i].head.order(&h[j].head) < 0 }
func (h runHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *runHeap) Push(r any)        { *h = append(*h, r.(*run)) }
func (h *runHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// inOrder hands on all calls by time. It can be called again.
func (d *detail) inOrder(each func(*diff) error) error {
	d.sort()
	h := runHeap{}
	for _, r := range append(slices.Clone(d.runs), &run{rest: d.diffs}) {
		if r.file != nil {
			if _, err := r.file.Seek(0, io.SeekStart); err != nil {
				return fmt.Errorf("reading a temporary file: %w", err)
			}
			r.in = bufio.NewReaderSize(r.file, 1<<20)
		}
		ok, err := r.next()
		if err != nil {
			return err
		}
		if ok {
			h = append(h, r)
		}
	}
	heap.Init(&h)
	for len(h) > 0 {
		r := h[0]
		if err := each(&r.head); err != nil {
			return err
		}
		ok, err := r.next()
		if err != nil {
			return err
		}
		if ok {
			heap.Fix(&h, 0)
		} else {
			heap.Pop(&h)
		}
	}
	return nil
}
