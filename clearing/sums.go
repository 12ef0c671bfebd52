package clearing

import (
	"maps"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/usage"
)

// lineSum counts calls under one row in one period.
type lineSum struct {
	Calls   uint64 `cbor:"3,keyasint"`
	Seconds uint64 `cbor:"4,keyasint"` // billed
}

// lineOf names the calls that are rounded together.
type lineOf struct {
	At  Slot
	Row uint32
}

// sums is what the calls of some imports come to, each by our own record of it.
type sums struct {
	tariffs [2]*tariff
	of      map[uint32]bool           // the imports
	lines   map[lineOf]lineSum        // successful calls that have a price
	periods map[usage.Interval]uint64 // records of any result
}

func newSums(tariffs [2]*tariff) sums {
	return sums{tariffs, map[uint32]bool{}, map[lineOf]lineSum{}, map[usage.Interval]uint64{}}
}

// sumsOf gives what one import comes to, whose records are here.
func (b *Book) sumsOf(number uint32, tariffs [2]*tariff) sums {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := newSums(tariffs)
	b.count(&s, number, true)
	return s
}

// sumsOfAll gives what all imports come to whose records are here. A million calls take
// half a second to rate: while the tariffs are the same each is looked at once.
func (b *Book) sumsOfAll(tariffs [2]*tariff) sums {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sums.tariffs != tariffs || b.sums.of == nil {
		b.sums = newSums(tariffs)
	}
	for n := range b.batches {
		if !b.sums.of[n] {
			b.count(&b.sums, n, true)
		}
	}
	return sums{lines: maps.Clone(b.sums.lines), periods: maps.Clone(b.sums.periods)}
}

// count puts an import into sums, or takes it out of them. The lock is held.
func (b *Book) count(s *sums, number uint32, in bool) {
	step := uint64(1)
	if s.of[number] = in; !in {
		delete(s.of, number)
		step = -step // of unsigned numbers: they wrap around
	}
	for i := range b.batches[number].Records {
		at := b.ownSlot(call{number, uint32(i)})
		if s.periods[at.Period] += step; s.periods[at.Period] == 0 {
			delete(s.periods, at.Period)
		}
		r, t := &b.batches[number].Records[i], s.tariffs[at.Way&1]
		if r.Result != usage.Success || t == nil {
			continue
		}
		row, ok := t.Find(r.Destination, r.Origin, r.Start)
		if !ok || t.Row(row).Free(r.Duration) {
			continue
		}
		l := lineOf{at, row}
		sum := s.lines[l]
		sum.Calls += step
		sum.Seconds += step * uint64(t.Row(row).Billed(r.Duration))
		if s.lines[l] = sum; sum == (lineSum{}) {
			delete(s.lines, l)
		}
	}
}

// bothTariffs gives those of both directions, nil for one without a sheet.
func (d *Desk) bothTariffs() (out [2]*tariff, err error) {
	for _, w := range []usage.Way{usage.Forth, usage.Back} {
		if out[w], err = d.tariff(w); err != nil && fault.CodeOf(err) != CodeNoSheet {
			return out, err
		}
	}
	return out, nil
}
