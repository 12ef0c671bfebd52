package compare

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
)

// lineSet is a set of lines.
type lineSet []uint64

func newLineSet(last uint32) lineSet { return make(lineSet, last/64+1) }

func (s lineSet) has(line uint32) bool { return s[line/64]&(1<<(line%64)) != 0 }
func (s lineSet) add(line uint32)      { s[line/64] |= 1 << (line % 64) }

// repeated is what the ids of a file's rows decide.
type repeated struct {
	again                 lineSet // repeats an earlier id
	taken                 lineSet // of those, with other content: refused
	duplicates, conflicts uint64
	named                 []conflict // the first of the file
}

// conflict is a row that has the id of an earlier one.
type conflict struct{ line, first uint32 }

// filter tells ids that may not be alone: an id sets one bit, and one that finds
// it set is suspect. It is for use by many at once.
type filter struct {
	bits  []uint64
	shift uint
}

// Sizes of a filter: with 32 bits a row, two in a hundred ids are suspect without
// cause.
const (
	filterBits = 32
	leastBits  = 16
	mostBits   = 32
)

func newFilter(rows int64) *filter {
	n := uint(leastBits)
	for n < mostBits && 1<<n < rows*filterBits {
		n++
	}
	return &filter{newArena[uint64](1 << (n - 6))[:1<<(n-6)], 64 - n}
}

// met notes an id, and reports whether it, or another with the same bit, was met
// before.
func (f *filter) met(id uint64) bool {
	at := id >> f.shift
	bit := uint64(1) << (at & 63)
	return atomic.OrUint64(&f.bits[at>>6], bit)&bit != 0
}

// meeting notes ids for one goroutine. It collects some before it notes them, so
// that their places in the filter, which is larger than the cache, are fetched at
// the same time.
type meeting struct {
	filter *filter
	n      int
	ids    [128]uint64
	again  []uint64
}

func (m *meeting) add(id uint64) {
	m.ids[m.n] = id
	if m.n++; m.n == len(m.ids) {
		m.flush()
	}
}

func (m *meeting) flush() {
	fetched := uint64(0)
	for _, id := range m.ids[:m.n] {
		fetched |= atomic.LoadUint64(&m.filter.bits[id>>m.filter.shift>>6])
	}
	if fetched == 0 && m.n == 0 {
		return
	}
	for _, id := range m.ids[:m.n] {
		if m.filter.met(id) {
			m.again = append(m.again, id)
		}
	}
	m.n = 0
}

// suspects gives the rows with an id that may not be alone, and notes where in
// their parts they are.
func (f *file) suspects(workers int) ([]call, error) {
	slices.Sort(f.again)
	f.again = slices.Compact(f.again)
	if len(f.again) == 0 {
		return nil, nil
	}
	// Nearly all rows are told apart by a small filter, which fits the cache.
	small := newFilter(int64(len(f.again)))
	for _, id := range f.again {
		small.met(id)
	}
	var (
		mu     sync.Mutex
		out    []call
		failed error
	)
	each(workers, 1<<f.bits, func() func(int) {
		var mine []call
		return func(part int) {
			mine = mine[:0]
			place := uint32(0)
			err := f.calls.each(part, func(calls []call) error {
				for i := range calls {
					c := &calls[i]
					place++
					at := c.id >> small.shift
					if small.bits[at>>6]&(1<<(at&63)) == 0 || c.third {
						continue
					}
					if _, ok := slices.BinarySearch(f.again, c.id); ok {
						mine = append(mine, *c)
						f.doubts[part] = append(f.doubts[part], place)
					}
				}
				return nil
			})
			mu.Lock()
			defer mu.Unlock()
			failed = cmp.Or(failed, err)
			out = append(out, mine...)
		}
	})
	slices.SortFunc(out, func(a, b call) int { return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.line, b.line)) })
	return out, failed
}

// judgeIDs finds the rows of a file that repeat an earlier id. A row that is
// refused for its number takes no id. Two ids that are not the same are taken for
// one in fewer than three of a million files of ten million rows.
func (f *file) judgeIDs(l *learned, workers int) (*repeated, error) {
	if !f.judged {
		var err error
		if f.doubtful, err = f.suspects(workers); err != nil {
			return nil, err
		}
		f.judged = true
	}
	out := &repeated{again: newLineSet(f.last), taken: newLineSet(f.last)}
	var first *call
	for i := range f.doubtful {
		c := &f.doubtful[i]
		if c.dest.form() != 0 {
			if _, _, ok := l.number(f.side, c); !ok {
				continue
			}
		}
		switch {
		case first == nil || first.id != c.id:
			first = c
		case first.same(c) && first.trunk == c.trunk && first.text == c.text:
			if plainer(c, first, f.trunks) < 0 {
				first, c = c, first
			}
			out.again.add(c.line)
			out.duplicates++
		default:
			out.again.add(c.line)
			out.taken.add(c.line)
			out.conflicts++
			out.named = append(out.named, conflict{c.line, first.line})
		}
	}
	slices.SortFunc(out.named, func(a, b conflict) int { return cmp.Compare(a.line, b.line) })
	out.named = out.named[:min(len(out.named), named)]
	return out, nil
}
