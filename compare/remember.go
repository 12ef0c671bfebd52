package compare

// slot is what a window remembers of a row: of an id which content it had, of a
// content which call waits for its partner.
type slot struct {
	key  uint64 // 0: free
	val  uint32
	mark uint32 // in the top bits which sides have it, below the start, seconds after the window's epoch
}

// Of a mark.
const (
	sideBits  = 2
	whenSpan  = 1 << (32 - sideBits) // seconds: 34 years
	epochStep = 1000                 // ms
)

func (s *slot) has(x side) bool { return s.mark&(1<<31>>x) != 0 }
func (s *slot) add(x side)      { s.mark |= 1 << 31 >> x }
func (s *slot) when() uint32    { return s.mark & (whenSpan - 1) }

// memory finds slots by their keys, which are hashes already. It is for one
// goroutine.
type memory struct {
	slots []slot
	used  int
}

const leastMemory = 1 << 10

// at gives the slot of a key, a new one where it has none. It is good until the
// next call.
func (m *memory) at(key uint64, when uint32) (s *slot, met bool) {
	if m.used*4 >= len(m.slots)*3 {
		m.rebuild(max(leastMemory, 2*len(m.slots)), 0)
	}
	key = max(key, 1)
	mask := uint64(len(m.slots) - 1)
	for at := key & mask; ; at = (at + 1) & mask {
		switch s := &m.slots[at]; s.key {
		case key:
			return s, true
		case 0:
			m.used++
			*s = slot{key: key, mark: when}
			return s, false
		}
	}
}

// rebuild makes the memory anew, and leaves out what began before.
func (m *memory) rebuild(size int, from uint32) {
	old := m.slots
	m.slots, m.used = make([]slot, size), 0
	mask := uint64(size - 1)
	for i := range old {
		s := &old[i]
		if s.key == 0 || s.when() < from {
			continue
		}
		at := s.key & mask
		for m.slots[at].key != 0 {
			at = (at + 1) & mask
		}
		m.slots[at] = *s
		m.used++
	}
}

// forget leaves out what began before.
func (m *memory) forget(from uint32) {
	if len(m.slots) == 0 {
		return
	}
	left := 0
	for i := range m.slots {
		if s := &m.slots[i]; s.key != 0 && s.when() >= from {
			left++
		}
	}
	size := len(m.slots)
	for size > leastMemory && left*4 < size {
		size /= 2
	}
	m.rebuild(size, from)
}
