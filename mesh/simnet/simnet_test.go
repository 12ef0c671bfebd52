package simnet

import (
	"context"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/mesh"
)

// The computed best price is what messages to everybody find, or better: they
// lose what comes to a node over a longer way than the first.
func TestComputedFloodingIsWhatMessagesFind(t *testing.T) {
	same, found := 0, 0
	for seed := uint64(1); seed <= 2; seed++ {
		for hops := 2; hops <= 4; hops++ {
			limits := mesh.DefaultLimits()
			limits.Flood, limits.Hops, limits.Time = true, hops, 20_000
			r, err := Run(context.Background(), Options{Carriers: 120, Pairs: 20, Seed: seed, Limits: limits, Compare: true})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range r.Pairs {
				if p.Found && (!p.Flood || p.Price < p.Best) {
					t.Errorf("seed %d, %d hops: messages find %d, computed is %d", seed, hops, p.Price, p.Best)
				}
				if p.Flood {
					found++
				}
				if p.Flood && p.Found && p.Price == p.Best {
					same++
				}
			}
		}
	}
	if found == 0 || same < found*8/10 {
		t.Errorf("%d of %d best prices are found by messages", same, found)
	}
}

func TestDirectedSearchFindsWhatFloodingFindsForFewMessages(t *testing.T) {
	r, err := Run(context.Background(), Options{Carriers: 1_000, Pairs: 100, Seed: 1, Limits: mesh.DefaultLimits(), Compare: true})
	if err != nil {
		t.Fatal(err)
	}
	flooded, found := 0, 0
	for _, p := range r.Pairs {
		if p.Messages > 1_000 || p.Time > 5_000 {
			t.Errorf("an inquiry takes %d messages and %d ms", p.Messages, p.Time)
		}
		if p.Flood {
			flooded++
			if p.Found {
				found++
			}
		}
	}
	if flooded == 0 || found < flooded*99/100 {
		t.Errorf("%d of %d are found", found, flooded)
	}
}

func TestASeedGivesTheSameSimulationEachTime(t *testing.T) {
	run := func(seed uint64) []Pair {
		r, err := Run(context.Background(), Options{Carriers: 300, Pairs: 20, Seed: seed, Resale: mesh.ValleyFree, Limits: mesh.DefaultLimits(), Compare: true})
		if err != nil {
			t.Fatal(err)
		}
		return r.Pairs
	}
	if a := run(7); !reflect.DeepEqual(a, run(7)) || reflect.DeepEqual(a, run(8)) {
		t.Error("the seed does not decide what happens")
	}
}

// The shape that the growth model promises at its published size.
func TestTheGraphGrowsAsPublished(t *testing.T) {
	g := grow(10_000, rand.New(rand.NewPCG(1, 1)))
	var providers, peers, count [4]float64
	for c, edges := range g.edges {
		k := g.kind[c]
		count[k]++
		for _, e := range edges {
			switch e.is {
			case itsProvider:
				providers[k]++
			case itsPeer:
				peers[k]++
			}
			if back := g.edges[e.to][e.back]; back.to != int32(c) || back.is != itsProvider-e.is {
				t.Fatal("an eNNI differs at its two ends")
			}
		}
	}
	if count[Middle] != 1500 || count[Content] != 500 || providers[Tier1] != 0 {
		t.Errorf("kinds are %v, providers of T %v", count, providers[Tier1])
	}
	for kind, want := range map[Kind]float64{Middle: 4.5, Content: 3.5, Customer: 1.5} {
		if got := providers[kind] / count[kind]; got < want*0.85 || got > want*1.15 {
			t.Errorf("carriers of kind %d have %.2f providers, want about %.2f", kind, got, want)
		}
	}
	if peers[Customer] != 0 {
		t.Error("stubs have peers")
	}
}

func TestWhatCannotBeSimulatedIsRefused(t *testing.T) {
	for _, o := range []Options{{Carriers: 5, Pairs: 1}, {Carriers: 1 << 20, Pairs: 1}, {Carriers: 100}} {
		if _, err := Run(context.Background(), o); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
