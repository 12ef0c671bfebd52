package compare

import (
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"
)

// shelf holds values by part, in blocks that are written once, so that tens of
// millions of them move little and the garbage collector has nothing to look
// at. Beyond its budget the full blocks go to a file. Values are put by one
// writer for each goroutine and then taken out part by part.
type shelf[T any] struct {
	parts   int
	budget  *budget
	writers []*shelfWriter[T]
}

// budget is what all shelves may hold in memory, bytes.
type budget struct {
	most int64
	used atomic.Int64
}

// Sizes: a value is first put into a small row of its part, all of which stay in
// the cache, and goes from there to its block.
const (
	stageBytes  = 256
	blockBytes  = 16 * stageBytes
	arenaBlocks = 2048
)

type shelfWriter[T any] struct {
	shelf  *shelf[T]
	stage  []T
	staged []uint8
	tails  [][]T // the block that each part is filling
	full   [][]block[T]
	spill  *os.File
	end    int64 // of spill
	arena  []T   // memory for the next blocks
}

// block is a full block: in memory, or in the spill file at an offset.
type block[T any] struct {
	values []T
	at     int64
}

func sizeOf[T any]() int {
	var v T
	return int(unsafe.Sizeof(v))
}

func stageLen[T any]() int { return stageBytes / sizeOf[T]() }
func blockLen[T any]() int { return blockBytes / stageBytes * stageLen[T]() }

func newShelf[T any](parts int, b *budget) *shelf[T] { return &shelf[T]{parts: parts, budget: b} }

// writer makes a writer for one goroutine. All writers are made before any is
// used.
func (s *shelf[T]) writer() *shelfWriter[T] {
	w := &shelfWriter[T]{shelf: s, stage: make([]T, s.parts*stageLen[T]()), staged: make([]uint8, s.parts), tails: make([][]T, s.parts), full: make([][]block[T], s.parts)}
	s.writers = append(s.writers, w)
	return w
}

func (w *shelfWriter[T]) put(part uint32, v T) error {
	n, size := int(w.staged[part]), stageLen[T]()
	w.stage[int(part)*size+n] = v
	if n++; n < size {
		w.staged[part] = uint8(n)
		return nil
	}
	w.staged[part] = 0
	return w.move(part, size)
}

// move takes n staged values of a part to its block.
func (w *shelfWriter[T]) move(part uint32, n int) error {
	tail := w.tails[part]
	if tail == nil {
		size := blockLen[T]()
		if len(w.arena) < size {
			w.arena = newArena[T](arenaBlocks * size)
			w.shelf.budget.used.Add(arenaBlocks * blockBytes)
		}
		tail, w.arena = w.arena[:0:size], w.arena[size:]
	}
	at := int(part) * stageLen[T]()
	tail = append(tail, w.stage[at:at+n]...)
	if len(tail) < cap(tail) {
		w.tails[part] = tail
		return nil
	}
	w.tails[part] = nil
	if b := w.shelf.budget; b.used.Load() <= b.most {
		w.full[part] = append(w.full[part], block[T]{values: tail})
		return nil
	}
	if err := w.spilled(part, tail); err != nil {
		return err
	}
	w.tails[part] = tail[:0]
	return nil
}

func bytesOf[T any](v []T) []byte {
	if len(v) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), len(v)*sizeOf[T]())
}

// spilled writes a full block to the file.
func (w *shelfWriter[T]) spilled(part uint32, values []T) error {
	if w.spill == nil {
		f, err := os.CreateTemp("", "lateral-compare-")
		if err != nil {
			return fmt.Errorf("making a temporary file: %w", err)
		}
		// Without a name it is gone with the process, however that ends.
		if err := os.Remove(f.Name()); err != nil {
			f.Close()
			return fmt.Errorf("making a temporary file: %w", err)
		}
		w.spill = f
	}
	data := bytesOf(values)
	if _, err := w.spill.WriteAt(data, w.end); err != nil {
		return fmt.Errorf("writing a temporary file: %w", err)
	}
	w.full[part] = append(w.full[part], block[T]{at: w.end})
	w.end += int64(len(data))
	return nil
}

// take appends all values of a part to a buffer. Many may take at once, when no
// writer puts any more.
func (s *shelf[T]) take(part int, to []T) ([]T, error) {
	err := s.each(part, func(values []T) error {
		to = append(to, values...)
		return nil
	})
	return to, err
}

// each hands on all values of a part, some at a time. They are for reading, and
// only until the function returns. Many may do so at once, when no writer puts
// any more.
func (s *shelf[T]) each(part int, f func([]T) error) error {
	var spilled []T
	for _, w := range s.writers {
		for _, b := range w.full[part] {
			values := b.values
			if values == nil {
				if spilled == nil {
					spilled = make([]T, blockLen[T]())
				}
				if _, err := w.spill.ReadAt(bytesOf(spilled), b.at); err != nil {
					return fmt.Errorf("reading a temporary file: %w", err)
				}
				values = spilled
			}
			if err := f(values); err != nil {
				return err
			}
		}
		at := part * stageLen[T]()
		for _, values := range [2][]T{w.tails[part], w.stage[at : at+int(w.staged[part])]} {
			if err := f(values); err != nil {
				return err
			}
		}
	}
	return nil
}

// drop gives all memory and files back.
func (s *shelf[T]) drop() {
	for _, w := range s.writers {
		if w.spill != nil {
			w.spill.Close() // it has no name: nothing is left behind
		}
	}
	s.writers = nil // with them, all blocks
}
