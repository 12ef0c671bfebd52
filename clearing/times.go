package clearing

import (
	"slices"
	"sync"
	"time"
)

// times are how long the last steps of a kind took. Its methods may be called at the
// same time.
type times struct {
	mu     sync.Mutex
	recent []time.Duration // a ring
	count  uint64
}

// rememberedTimes is how many steps the figures cover.
const rememberedTimes = 1000

func (t *times) add(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.recent) < rememberedTimes {
		t.recent = append(t.recent, d)
	} else {
		t.recent[t.count%rememberedTimes] = d
	}
	t.count++
}

// Took says how long steps took, from when they were sent until they were final.
type Took struct {
	Count    uint64 // of all of them
	P50, P99 time.Duration
}

func (t *times) took() Took {
	t.mu.Lock()
	all, out := slices.Clone(t.recent), Took{Count: t.count}
	t.mu.Unlock()
	if len(all) > 0 {
		slices.Sort(all)
		out.P50, out.P99 = all[len(all)/2], all[len(all)*99/100]
	}
	return out
}

// PaymentTimes says how long this side's payments out of locks took.
func (d *Desk) PaymentTimes() Took { return d.paid.took() }
