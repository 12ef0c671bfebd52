package fraud

import "math/bits"

// Pair is what is known of all calls of one way.
type Pair struct {
	Calls        Calls         `cbor:"1,keyasint"`
	Bands        [bands]uint64 `cbor:"2,keyasint"` // answered calls by duration
	Cycles       uint64        `cbor:"3,keyasint"` // with a call
	Destinations uint64        `cbor:"4,keyasint"` // with a call
}

// Pairs is both ways of a pair.
type Pairs [2]Pair

func (p *Pairs) add(t *Trace) {
	w := &p[Way(t.Place)]
	w.Calls.count(t.Flags)
	if t.Flags&answered != 0 {
		w.Bands[t.Band]++
	}
}

// Tally counts the calls that are judged, on top of what was known before. Those
// of several goroutines are merged.
type Tally struct {
	Pairs
	now  [2]cycles
	seen []uint64 // a bit for each place
}

// Add counts a call.
func (a *Tally) Add(t *Trace) {
	a.Pairs.add(t)
	a.now[Way(t.Place)].add(t.Cycle, 1)
	at := int(t.Place / 64)
	if at >= len(a.seen) {
		a.seen = append(a.seen, make([]uint64, at+1-len(a.seen))...)
	}
	a.seen[at] |= 1 << (t.Place % 64)
}

// Merge adds what another has counted.
func (a *Tally) Merge(o *Tally) {
	for w := range a.Pairs {
		p, q := &a.Pairs[w], &o.Pairs[w]
		p.Calls.add(q.Calls)
		for i, n := range q.Bands {
			p.Bands[i] += n
		}
		p.Cycles += q.Cycles
		p.Destinations += q.Destinations
		for c, n := range o.now[w].all {
			a.now[w].add(c, n)
		}
	}
	if more := len(o.seen) - len(a.seen); more > 0 {
		a.seen = append(a.seen, make([]uint64, more)...)
	}
	for i, set := range o.seen {
		a.seen[i] |= set
	}
}

// Close counts cycles and destinations when all calls are there. known reports
// whether a place had calls before.
func (a *Tally) Close(known func(place uint32) bool) {
	for w := range a.Pairs {
		for range a.now[w].all {
			a.Pairs[w].Cycles++
		}
	}
	for i, set := range a.seen {
		for ; set != 0; set &= set - 1 {
			if p := uint32(i*64 + bits.TrailingZeros64(set)); !known(p) {
				a.Pairs[Way(p)].Destinations++
			}
		}
	}
}

// cycles counts calls by cycle: most cycles lie near each other.
type cycles struct {
	from  uint32 // of near
	near  []uint64
	apart map[uint32]uint64
}

// reach is how many cycles are near, about four years of hours.
const reach = 1 << 15

func (c *cycles) add(cycle uint32, n uint64) {
	if c.near == nil {
		c.from = cycle - min(cycle, reach/8)
		c.near = make([]uint64, 1, reach/4)
	}
	at := cycle - c.from
	if cycle < c.from || at >= reach {
		if c.apart == nil {
			c.apart = map[uint32]uint64{}
		}
		c.apart[cycle] += n
		return
	}
	if int(at) >= len(c.near) {
		c.near = append(c.near, make([]uint64, int(at)+1-len(c.near))...)
	}
	c.near[at] += n
}

// of gives the calls of a cycle.
func (c *cycles) of(cycle uint32) uint64 {
	if at := cycle - c.from; cycle >= c.from && at < uint32(len(c.near)) {
		return c.near[at]
	}
	return c.apart[cycle]
}

// all gives the cycles with a call, in no order.
func (c *cycles) all(yield func(uint32, uint64) bool) {
	for i, n := range c.near {
		if n > 0 && !yield(c.from+uint32(i), n) {
			return
		}
	}
	for cycle, n := range c.apart {
		if !yield(cycle, n) {
			return
		}
	}
}
