package compare

import (
	"cmp"
	"slices"
	"sync"
)

// lineSet is a set of lines.
type lineSet []uint64

func newLineSet(last uint32) lineSet { return make(lineSet, last/64+1) }

func (s lineSet) has(line uint32) bool { return s[line/64]&(1<<(line%64)) != 0 }
func (s lineSet) add(line uint32)      { s[line/64] |= 1 << (line % 64) }

// repeated is what the ids of a file's rows decide.
type repeated struct {
	duplicate             lineSet // repeats an earlier id with equal content
	taken                 lineSet // repeats an earlier id with other content: refused
	duplicates, conflicts uint64
	named                 []conflict // the first of the file
}

// conflict is a row that has the id of an earlier one.
type conflict struct{ line, first uint32 }

// judgeIDs finds the rows of a file that repeat an earlier id. accepted says
// which classes of called numbers count: a row that is refused for its number
// takes no id.
func (f *file) judgeIDs(accepted []bool, workers int) (*repeated, error) {
	out := &repeated{duplicate: newLineSet(f.last), taken: newLineSet(f.last)}
	var (
		mu     sync.Mutex
		failed error
	)
	each(workers, 1<<f.bits, func() func(int) {
		var buffer []mark
		var table []uint32
		return func(part int) {
			var err error
			if buffer, err = f.marks.take(part, buffer[:0]); err != nil {
				mu.Lock()
				failed = err
				mu.Unlock()
				return
			}
			dup, con := repeats(buffer, &table, accepted)
			if len(dup)+len(con) == 0 {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			for _, line := range dup {
				out.duplicate.add(line)
			}
			for _, c := range con {
				out.taken.add(c.line)
			}
			out.duplicates += uint64(len(dup))
			out.conflicts += uint64(len(con))
			out.named = append(out.named, con...)
			if len(out.named) > 2*named {
				out.trim()
			}
		}
	})
	out.trim()
	return out, failed
}

func (r *repeated) trim() {
	slices.SortFunc(r.named, func(a, b conflict) int { return cmp.Compare(a.line, b.line) })
	r.named = r.named[:min(len(r.named), named)]
}

// repeats finds, among the marks of a part, the lines that repeat an id.
func repeats(marks []mark, table *[]uint32, accepted []bool) (dup []uint32, con []conflict) {
	size := 1
	for size < len(marks)*2 {
		size *= 2
	}
	if len(*table) < size {
		*table = make([]uint32, size)
	}
	slots := (*table)[:size]
	clear(slots)
	var again []uint32 // marks whose id is not alone, the first of it left out
	for i := range marks {
		m := &marks[i]
		if m.class != 0 && !accepted[m.class] {
			continue
		}
		for at := uint32(m.id) & uint32(size-1); ; at = (at + 1) & uint32(size-1) {
			if slots[at] == 0 {
				slots[at] = uint32(i) + 1
				break
			}
			j := slots[at] - 1
			first := &marks[j]
			if first.id != m.id || first.id2 != m.id2 {
				continue
			}
			if m.line < first.line {
				slots[at] = uint32(i) + 1
				again = append(again, j)
			} else {
				again = append(again, uint32(i))
			}
			break
		}
	}
	for _, i := range again {
		m := &marks[i]
		at := uint32(m.id) & uint32(size-1)
		for marks[slots[at]-1].id != m.id || marks[slots[at]-1].id2 != m.id2 {
			at = (at + 1) & uint32(size-1)
		}
		if first := &marks[slots[at]-1]; first.content == m.content {
			dup = append(dup, m.line)
		} else {
			con = append(con, conflict{m.line, first.line})
		}
	}
	return dup, con
}
