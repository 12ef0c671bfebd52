package habit

import (
	"math/rand/v2"
	"testing"
)

// A clock that is ahead on one side is behind on the other: the same calls say
// either, by the same ms, or nothing.
func TestAClockThatIsAheadIsLearnedLikeOneThatIsBehind(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	learned := 0
	for range 2000 {
		one, two := Votes{}, Votes{}
		n := 3 + random.IntN(12)
		base := int64(random.IntN(7)-3) * []int64{500, 1500, 900_000}[random.IntN(3)]
		for range n {
			ms := base + int64(random.IntN(7)-3)*500
			if random.IntN(4) == 0 {
				ms = int64(random.IntN(20_000) - 10_000)
			}
			one.Add(ms)
			two.Add(-ms)
		}
		a, calls, ok := one.Clock(uint32(n))
		b, others, also := two.Clock(uint32(n))
		if ok != also || ok && (a.Millis != -b.Millis || a.Zone != b.Zone || calls != others) {
			t.Fatalf("%+v of %d calls, %v; exchanged %+v of %d, %v: %v", a, calls, ok, b, others, also, one)
		}
		if ok {
			learned++
		}
	}
	if learned < 500 {
		t.Errorf("only %d clocks were learned", learned)
	}
	both := Votes{}
	for range 3 {
		both.Add(4000)
		both.Add(-4000)
	}
	if c, _, ok := both.Clock(6); ok {
		t.Errorf("as many calls for either way are %+v", c)
	}
}
