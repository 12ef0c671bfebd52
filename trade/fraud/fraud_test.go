package fraud

import (
	"encoding/hex"
	"math"
	"math/big"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/usage"
)

const hour = int64(3_600_000)

func seeded(t testing.TB) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

func TestLogarithmsAreThoseOfMathematics(t *testing.T) {
	random := seeded(t)
	for i := range 10_000 {
		x := random.Uint64() >> random.IntN(64)
		if i == 0 || x == 0 {
			x = 1
		}
		if got, want := float64(log2(x))/(1<<fraction), math.Log2(float64(x)); math.Abs(got-want) > 1e-6 {
			t.Fatalf("log2 of %d is %v, want %v", x, got, want)
		}
	}
}

// What is called unusual is at most as likely as is promised, by an exact sum of
// the binomial distribution.
func TestWhatIsUnusualIsAsRareAsItIsCalled(t *testing.T) {
	limit := new(big.Rat).SetFrac64(1, 1<<rare)
	random := seeded(t)
	raised := 0
	for range 300 {
		n, whole := 1+random.Uint64N(120), 2+random.Uint64N(2000)
		part := 1 + random.Uint64N(whole-1)
		k := uint64(1)
		for k <= n && !unusual(k, n, part, whole) {
			k++
		}
		if k > n {
			continue
		}
		raised++
		p := new(big.Rat).SetFrac64(int64(part), int64(whole))
		q := new(big.Rat).Sub(big.NewRat(1, 1), p)
		power := func(x *big.Rat, e uint64) *big.Rat {
			m := new(big.Int).SetUint64(e)
			return new(big.Rat).SetFrac(new(big.Int).Exp(x.Num(), m, nil), new(big.Int).Exp(x.Denom(), m, nil))
		}
		sum := new(big.Rat)
		for i := k; i <= n; i++ {
			term := new(big.Rat).SetInt(new(big.Int).Binomial(int64(n), int64(i)))
			sum.Add(sum, term.Mul(term, power(p, i)).Mul(term, power(q, n-i)))
		}
		if sum.Cmp(limit) > 0 {
			v, _ := sum.Float64()
			t.Errorf("%d of %d with chance %d/%d is called unusual and has %g", k, n, part, whole, v)
		}
	}
	if raised < 50 {
		t.Errorf("only %d cases", raised)
	}
	for _, c := range [][4]uint64{{0, 10, 1, 2}, {5, 10, 1, 2}, {10, 10, 2, 2}, {1, 1, 3, 2}, {1 << 40, 1 << 41, 1 << 40, 1 << 41}} {
		if unusual(c[0], c[1], c[2], c[3]) {
			t.Errorf("%v is called unusual", c)
		}
	}
	if !unusual(1<<40, 1<<41, 1<<38, 1<<41) {
		t.Error("large counts are never unusual")
	}
}

// traffic makes ordinary calls: so many an hour to each destination.
type traffic struct {
	*rand.Rand
	line uint32
	out  []Trace
}

func (x *traffic) call(place uint32, at int64, edit func(*usage.Record)) {
	x.line++
	r := usage.Record{Start: at, Origin: usage.Number(1e10 + x.Uint64N(9e10)), Destination: usage.Number(49e10 + x.Uint64N(1e10)), Line: x.line, Way: Way(place)}
	if x.IntN(10) < 3 {
		r.Result = usage.NoAnswer
	} else {
		r.Duration = uint32(-math.Log(1-x.Float64()) * 180_000)
	}
	loops := false
	if edit != nil {
		edit(&r)
	}
	x.out = append(x.out, TraceOf(hour, &r, place, loops))
}

func (x *traffic) hours(from, to int64, destinations uint32, each int) {
	for h := from; h < to; h++ {
		for d := range destinations {
			for range each {
				x.call(PlaceOf(d, usage.Forth), h*hour+x.Int64N(hour), nil)
			}
		}
	}
}

func judged(traces []Trace) []Signal {
	var a Tally
	for i := range traces {
		a.Add(&traces[i])
	}
	a.Close(func(uint32) bool { return false })
	return Judge(traces, &a, func(uint32) Calls { return Calls{} })
}

func kinds(signals []Signal) (out []Kind) {
	for _, s := range signals {
		out = append(out, s.Kind)
	}
	return out
}

func TestEachKindOfFloodIsToldFromTheOthers(t *testing.T) {
	number := usage.Number(4_911_122_233_300)
	for _, c := range []struct {
		name string
		want []Kind
		n    int
		edit func(i int, r *usage.Record)
	}{
		{"nothing", nil, 0, nil},
		{"a busy hour", nil, 10, nil},
		{"growth", []Kind{Growth}, 100, nil},
		{"one ring by few callers", []Kind{ShortFlood}, 100, func(i int, r *usage.Record) {
			r.Origin, r.Result, r.Duration = usage.Number(491511+i%3), usage.NoAnswer, 0
		}},
		{"seconds to one range", []Kind{ShortFlood}, 100, func(i int, r *usage.Record) {
			r.Destination, r.Result, r.Duration = number+usage.Number(i%100), usage.Success, uint32(1000+i*20)
		}},
		{"false answers", []Kind{FalseAnswer}, 100, func(i int, r *usage.Record) { r.Result, r.Duration = usage.Success, uint32(9_000+i*5) }},
		{"an outage", []Kind{Growth}, 100, func(_ int, r *usage.Record) { r.Result, r.Duration = usage.Fail, 0 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := traffic{Rand: seeded(t)}
			x.hours(1000, 1100, 20, 4)
			for i := range c.n {
				x.call(PlaceOf(3, usage.Forth), 1050*hour+x.Int64N(hour), func(r *usage.Record) {
					if c.edit != nil {
						c.edit(i, r)
					}
				})
			}
			got := judged(x.out)
			if !slices.Equal(kinds(got), c.want) {
				t.Fatalf("found %+v, want %v", got, c.want)
			}
			if len(got) > 0 && (got[0].Cycle != 1050 || got[0].Place != 6 || got[0].Calls < 100 || got[0].Severity != Low && got[0].Severity != Medium || len(got[0].Sample) != shownRows) {
				t.Errorf("found %+v", got[0])
			}
		})
	}
}

// A destination that has a pair's traffic to itself has nothing to be compared
// with but its own other hours: those of the night are no reason for an alarm.
func TestASingleDestinationIsMeasuredByTime(t *testing.T) {
	for _, c := range []struct{ more, want int }{{0, 0}, {60, 0}, {2000, 1}} {
		x := traffic{Rand: seeded(t)}
		for h := int64(1000); h < 1200; h++ {
			x.hours(h, h+1, 1, []int{2, 30, 45}[h%3])
		}
		for range c.more {
			x.call(0, 1150*hour+x.Int64N(hour), nil)
		}
		if got := judged(x.out); len(got) != c.want {
			t.Errorf("%d calls more: %+v", c.more, got)
		}
	}
}

// Where others sleep, a destination on the other side of the world is busy.
func TestAnotherTimeZoneIsNoGrowth(t *testing.T) {
	x := traffic{Rand: seeded(t)}
	for h := int64(1000); h < 1240; h++ {
		others, other := 12, 2
		if h%24 < 6 {
			others, other = 1, 30
		}
		x.hours(h, h+1, 20, others)
		for range other {
			x.call(PlaceOf(99, usage.Forth), h*hour+x.Int64N(hour), nil)
		}
	}
	if got := judged(slices.Clone(x.out)); len(got) > 0 {
		t.Errorf("raised %+v", got[0])
	}
	for range 100 {
		x.call(PlaceOf(99, usage.Forth), 1202*hour+x.Int64N(hour), nil)
	}
	if got := judged(x.out); len(got) != 1 || got[0].Cycle != 1202 {
		t.Errorf("a flood on top: %+v", got)
	}
}

func TestADestinationThatIsNewHasWhatOthersHave(t *testing.T) {
	x := traffic{Rand: seeded(t)}
	x.hours(1000, 1050, 20, 30)
	for range 35 { // as many as the others
		x.call(PlaceOf(99, usage.Forth), 1049*hour+x.Int64N(hour), nil)
	}
	if got := judged(slices.Clone(x.out)); len(got) > 0 {
		t.Errorf("a new destination like others is raised: %+v", got)
	}
	for range 300 {
		x.call(PlaceOf(99, usage.Forth), 1049*hour+x.Int64N(hour), nil)
	}
	if got := kinds(judged(x.out)); !slices.Equal(got, []Kind{Growth}) {
		t.Errorf("a new destination with ten times the calls of others is %v", got)
	}
}

func TestCallsThatComeBackAreFound(t *testing.T) {
	at := func(origin, destination usage.Number, start int64, w usage.Way) Passage {
		return Passage{origin, destination, start, w}
	}
	calls := []Passage{
		at(1, 2, 1000, usage.Forth), at(1, 2, 1300, usage.Back), at(1, 2, 1600, usage.Forth), // back and forth
		at(1, 2, 900_000, usage.Back),                            // much later
		at(3, 4, 1000, usage.Forth), at(3, 4, 1200, usage.Forth), // redialled
		at(5, 6, 1000, usage.Back), at(6, 5, 1100, usage.Forth), // called back
		at(0, 7, 1000, usage.Forth), at(0, 7, 1000, usage.Back), // nobody knows who
		at(8, 9, 6001, usage.Back), at(8, 9, 1000, usage.Forth), // too late
		at(8, 10, 6000, usage.Back), at(8, 10, 1000, usage.Forth),
	}
	random := seeded(t)
	order := random.Perm(len(calls))
	shuffled := make([]Passage, len(calls))
	for i, j := range order {
		shuffled[i] = calls[j]
	}
	found := map[int]bool{}
	Returns(shuffled, func(p *Passage) Passage { return *p }, func(i int) { found[order[i]] = true })
	if want := map[int]bool{0: true, 1: true, 2: true, 12: true, 13: true}; !reflect.DeepEqual(found, want) {
		t.Errorf("found %v, want %v", found, want)
	}
}

func TestTheOrderOfCallsAndOfMergingDoesNotMatter(t *testing.T) {
	x := traffic{Rand: seeded(t)}
	x.hours(1000, 1040, 10, 6)
	x.hours(1020, 1021, 2, 200)
	x.call(6, 900_000*hour, nil) // far from all others
	x.call(7, 3*hour, nil)
	want := judged(slices.Clone(x.out))
	if len(want) == 0 {
		t.Fatal("nothing found")
	}
	x.Shuffle(len(x.out), func(i, j int) { x.out[i], x.out[j] = x.out[j], x.out[i] })
	var parts [3]Tally
	for i := range x.out {
		parts[x.IntN(3)].Add(&x.out[i])
	}
	parts[0].Merge(&parts[1])
	parts[2].Merge(&parts[0])
	parts[2].Close(func(uint32) bool { return false })
	if got := Judge(x.out, &parts[2], func(uint32) Calls { return Calls{} }); !reflect.DeepEqual(got, want) {
		t.Errorf("found %+v\nwant %+v", got, want)
	}
}

// feed gives a state calls hour by hour, in so many pieces each.
func feed(s *State, x *traffic, from, to int64, each, pieces int) (all []Signal) {
	for h := from; h < to; h++ {
		x.out = x.out[:0]
		x.hours(h, h+1, 20, each)
		for p := range pieces {
			all = append(all, s.Take(x.out[p*len(x.out)/pieces:(p+1)*len(x.out)/pieces])...)
		}
	}
	return all
}

func newStateOf(destinations int) *State {
	s := NewState(hour)
	for i := range destinations {
		s.Destination(string(rune('a' + i)))
	}
	return s
}

// Calls of one cycle come in several imports: no one of them has a flood, all
// together have.
func TestAFloodThatComesInPiecesIsRaisedBeforeItsCycleIsOver(t *testing.T) {
	s, x := newStateOf(20), &traffic{Rand: seeded(t)}
	if got := feed(s, x, 1000, 1100, 4, 3); len(got) > 0 {
		t.Fatalf("ordinary traffic: %+v", got)
	}
	at := -1
	for piece := range 10 {
		x.out = x.out[:0]
		for range 8 {
			x.call(6, 1100*hour+x.Int64N(hour), nil)
		}
		open := s.open // a restart between any two
		s, _ = DecodeState(s.Encode())
		s.Reopen(open)
		if !s.Open(1100*hour) || s.Open(1050*hour) {
			t.Error("the wrong hours are open")
		}
		if got := s.Take(x.out); len(got) > 0 && at < 0 {
			at = piece
			if got[0].Kind != Growth || got[0].Cycle != 1100 {
				t.Errorf("raised %+v", got[0])
			}
		}
	}
	if at < 1 || at > 8 {
		t.Errorf("raised with piece %d", at)
	}
	// It teaches little: the same again is as unusual.
	x.out = x.out[:0]
	feed(s, x, 1101, 1103, 4, 1)
	x.out = x.out[:0]
	for range 80 {
		x.call(6, 1103*hour+x.Int64N(hour), nil)
	}
	if got := s.Take(x.out); len(got) != 1 {
		t.Errorf("the second flood: %+v", got)
	}
}

func TestAStateComesBackAsItWas(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	a, x := newStateOf(20), &traffic{Rand: random}
	a.Trunk("T1")
	feed(a, x, 1000, 1020, 4, 2)
	b, err := DecodeState(a.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(a.kept, b.kept) || b.Trunk("T1") != 1 || b.Destination("c") != 2 || b.Destination("new") != 20 {
		t.Error("the state is another")
	}
	if _, err := DecodeState(canon.Must(kept{Version: 2, Cycle: hour})); fault.CodeOf(err) != fault.Corrupt {
		t.Errorf("another version: %v", err)
	}
	// The encoding does not change.
	const golden = "ebb4963b0a95fa08"
	if sum := canon.Sum("test", a.Encode()); hex.EncodeToString(sum[:8]) != golden {
		t.Errorf("the encoding has the hash %x", sum[:8])
	}
}

func TestAStateDoesNotGrowWithTheCallsAndForgets(t *testing.T) {
	s, x := newStateOf(20), &traffic{Rand: seeded(t)}
	feed(s, x, 1000, 1050, 4, 1)
	size := len(s.Encode())
	feed(s, x, 1050, 2500, 4, 1)
	if more := len(s.Encode()) - size; more > 2000 {
		t.Errorf("grows by %d bytes", more)
	}
	if n := s.Pairs[0].Cycles; n > uint64(window/hour) || n < uint64(window/hour/2) {
		t.Errorf("knows %d cycles", n)
	}
	if own, all := s.Calls[3][0].All, s.Pairs[0].Calls.All; own*30 < all || own*10 > all {
		t.Errorf("a twentieth of %d calls is %d", all, own)
	}
}

func BenchmarkTrace(b *testing.B) {
	r := usage.Record{Start: 1_793_577_600_123, Origin: 4915112345678, Destination: 4930123456, Duration: 61_000, Line: 7}
	var a Tally
	for b.Loop() {
		t := TraceOf(hour, &r, 12, false)
		a.Add(&t)
	}
}

// BenchmarkJudge reports ns for each call of a month of 300 destinations.
func BenchmarkJudge(b *testing.B) {
	x := traffic{Rand: rand.New(rand.NewPCG(1, 2))}
	x.hours(1000, 1720, 300, 2)
	var a Tally
	for i := range x.out {
		a.Add(&x.out[i])
	}
	a.Close(func(uint32) bool { return false })
	buffer := make([]Trace, len(x.out))
	for b.Loop() {
		copy(buffer, x.out)
		if got := Judge(buffer, &a, func(uint32) Calls { return Calls{} }); len(got) > 0 {
			b.Fatal(got)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(x.out)), "ns/call")
}
