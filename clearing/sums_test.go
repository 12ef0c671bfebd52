package clearing

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/lateral-network/lateral/trade/usage"
)

// someCalls gives calls of a day, some without a price, some that failed.
func someCalls(t testing.TB, rng *rand.Rand, n int) *usage.Batch {
	t.Helper()
	in := &usage.Batch{}
	for range n {
		in.Records = append(in.Records, usage.Record{Start: at(t, "00:00:00") + rng.Int64N(86_400_000), Duration: uint32(rng.IntN(300_000)), Origin: 491,
			Destination: usage.Number(11 + rng.IntN(4)), Way: usage.Way(rng.IntN(2)), Result: usage.Result(rng.IntN(2))})
	}
	return in
}

// Whatever comes, is sealed, priced anew or moved to other periods: what the book keeps of
// its sums is what one gets by looking at every call anew.
func TestKeptSumsAreThoseOfAllCalls(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	tariffs := []*tariff{nil, aTariff(t, map[string][][3]string{"": {{"12", "", ""}}}), aTariff(t, map[string][][3]string{"": {{"12", "", "12:00:00"}, {"13", "", ""}}})}
	schedules := []schedule{phases(t, nil, "", "1h"), phases(t, nil, "", "15m", "10:00:00", "1h")}
	b := newBook(usage.PairOf("ALPHA", "BRAVO"), schedules[0], [32]byte{})
	next := uint32(1)
	for step := range 300 {
		switch rng.IntN(5) {
		case 0, 1:
			b.Add(next, someCalls(t, rng, rng.IntN(30)), 0)
			next++
		case 2:
			if n := 1 + rng.Uint32N(next); b.idle(n) {
				over := map[call]bool{}
				for i := range b.batches[n].Records {
					over[call{n, uint32(i)}] = true
				}
				for at := range b.open {
					b.drop(at, over)
				}
				b.seal(n, 0)
			}
		case 3:
			if rng.IntN(4) == 0 {
				b.Amend(schedules[rng.IntN(len(schedules))])
			}
		}
		by := [2]*tariff{tariffs[1+rng.IntN(8)/7], tariffs[rng.IntN(8)/7]} // mostly the same
		got, want := b.sumsOfAll(by), newSums(by)
		for n := range b.batches {
			b.count(&want, n, true)
		}
		if !maps.Equal(got.lines, want.lines) || !maps.Equal(got.periods, want.periods) {
			t.Fatalf("seed %d, step %d: %s\nwant %s", seed, step, fmt.Sprint(got.lines, got.periods), fmt.Sprint(want.lines, want.periods))
		}
	}
}

// BenchmarkSummary sums an hour of 15-second periods with a million calls, of which all
// were summed before, and none.
func BenchmarkSummary(b *testing.B) {
	rates := aTariff(b, map[string][][3]string{"": {{"11", "", ""}, {"12", "", ""}, {"13", "", ""}, {"14", "", ""}}})
	book := newBook(usage.PairOf("ALPHA", "BRAVO"), phases(b, nil, "", "15s"), [32]byte{})
	book.Add(1, someCalls(b, rand.New(rand.NewPCG(1, 1)), 1_000_000), 0)
	for _, c := range []struct {
		name string
		kept bool
	}{{"kept", true}, {"anew", false}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if !c.kept {
					book.sums = sums{}
				}
				book.sumsOfAll([2]*tariff{rates, rates})
			}
		})
	}
}
