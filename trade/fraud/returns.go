package fraud

import (
	"cmp"
	"slices"

	"github.com/lateral-network/lateral/trade/usage"
)

// Passage is what tells that a call comes back: its numbers, its way and when it
// was.
type Passage struct {
	Origin, Destination usage.Number
	Start               int64 // ms
	Way                 usage.Way
}

// soon is how far apart the starts of a call and of the same call on its way
// back are at most, ms.
const soon = 5_000

// nobody is the hash of a call whose origin is withheld.
const nobody = ^uint64(0)

// Returns finds calls that come back, and those that they come back of: between
// the same two numbers, the other way, with starts at most five seconds apart.
// All calls between two numbers are among those given. looped may be told of a
// call twice. A withheld number is nobody's.
func Returns[T any](calls []T, passage func(*T) Passage, looped func(i int)) {
	// Few pairs of numbers go both ways: rough sets of the hashes that go each way
	// find them.
	size := uint64(64)
	for size < 16*uint64(len(calls)) {
		size *= 2
	}
	hashes := make([]uint64, len(calls)) // with the way at the end
	sets := [2][]uint64{make([]uint64, size/64), make([]uint64, size/64)}
	for i := range calls {
		p := passage(&calls[i])
		if p.Origin == usage.Withheld {
			hashes[i] = nobody
			continue
		}
		h := (uint64(p.Origin)*0x9e3779b97f4a7c15 ^ uint64(p.Destination)) * 0xd6e8feb86659fd93
		h = (h ^ h>>32) & (size - 1)
		hashes[i] = h<<1 | uint64(p.Way&1)
		sets[p.Way&1][h/64] |= 1 << (h % 64)
	}
	type met struct {
		Passage
		i int
	}
	var both []met
	for i, h := range hashes {
		if other := sets[1-h&1]; h != nobody && other[(h>>1)/64]>>((h>>1)%64)&1 == 1 {
			both = append(both, met{passage(&calls[i]), i})
		}
	}
	slices.SortFunc(both, func(a, b met) int {
		return cmp.Or(cmp.Compare(a.Destination, b.Destination), cmp.Compare(a.Origin, b.Origin), cmp.Compare(a.Start, b.Start), cmp.Compare(a.Way, b.Way))
	})
	for n := 1; n < len(both); n++ {
		a, b := &both[n-1], &both[n]
		if a.Destination == b.Destination && a.Origin == b.Origin && a.Way != b.Way && b.Start-a.Start <= soon {
			looped(a.i)
			looped(b.i)
		}
	}
}
