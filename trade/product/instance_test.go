package product

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/lateral-network/lateral/trade/usage"
)

func TestAProductIsHeldFromActivationToItsEndButWhereItIsPaused(t *testing.T) {
	p := Instance{Phases: []Phase{{From: 100}, {From: 200}}, Paused: []Pause{{From: 150, To: 160}, {From: 190, To: 210}, {From: 300}}}
	held := func(from, to int64, phase int) Held { return Held{usage.Interval{From: from, To: to}, phase} }
	for _, c := range []struct {
		name string
		ends int64
		span usage.Interval
		want []Held
	}{
		{"all of it", 0, usage.Interval{From: 0, To: 500}, []Held{held(100, 150, 0), held(160, 190, 0), held(210, 300, 1)}},
		{"within a phase", 0, usage.Interval{From: 110, To: 120}, []Held{held(110, 120, 0)}},
		{"before", 0, usage.Interval{From: 0, To: 100}, nil},
		{"while it is paused", 0, usage.Interval{From: 310, To: 400}, nil},
		{"until its end", 180, usage.Interval{From: 0, To: 500}, []Held{held(100, 150, 0), held(160, 180, 0)}},
	} {
		p.Ends = c.ends
		if got := p.Held(c.span); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if p.Activated() != 100 || (&Instance{}).Activated() != 0 {
		t.Error("activation is not the first phase's beginning")
	}
	if ph, ok := p.At(199); !ok || ph.From != 100 {
		t.Error(ph, ok)
	}
	if _, ok := p.At(99); ok {
		t.Error("something holds before activation")
	}
}

// Whatever a span is cut into, the held parts are those of the whole.
func TestHeldPartsAddUp(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	sum := func(hs []Held) (n int64) {
		for _, h := range hs {
			n += h.To - h.From
		}
		return n
	}
	for range 500 {
		var p Instance
		at := r.Int64N(100)
		for range 1 + r.IntN(3) {
			p.Phases = append(p.Phases, Phase{From: at})
			if r.IntN(2) == 0 {
				from := at + r.Int64N(50)
				p.Paused = append(p.Paused, Pause{From: from, To: from + 1 + r.Int64N(20)})
			}
			at += 80
		}
		if r.IntN(2) == 0 {
			p.Ends = r.Int64N(400)
		}
		whole, parts := sum(p.Held(usage.Interval{From: 0, To: 500})), int64(0)
		for from := int64(0); from < 500; {
			to := min(500, from+1+r.Int64N(90))
			parts += sum(p.Held(usage.Interval{From: from, To: to}))
			from = to
		}
		if whole != parts {
			t.Fatalf("%+v: %d, and %d in parts", p, whole, parts)
		}
	}
}

func TestEveryProductComesToAnEnd(t *testing.T) {
	for s := range Transitions {
		reached := map[State]bool{s: true}
		for range Transitions {
			for from := range reached {
				for _, to := range Transitions[from] {
					reached[to] = true
				}
			}
		}
		if !reached[Terminated] && !reached[Cancelled] {
			t.Errorf("from %s no way leads to an end", s)
		}
		if s.Held() == (s == PendingActive) {
			t.Errorf("%s is held: %v", s, s.Held())
		}
	}
	if Terminated.Held() || Cancelled.Held() {
		t.Error("an ended product is held")
	}
}
