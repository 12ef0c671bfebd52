package reconcile

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// pairing is a matching as a list of (ours, theirs) items, in order of time.
type pairing [][2]item

func pairsOf(ours, theirs []item, tolerance int64) pairing {
	byIndex := func(items []item) map[uint32]item {
		m := map[uint32]item{}
		for _, i := range items {
			m[i.index] = i
		}
		return m
	}
	a, b := byIndex(ours), byIndex(theirs)
	var out pairing
	match(slices.Clone(ours), slices.Clone(theirs), tolerance, func(i, j uint32) { out = append(out, [2]item{a[i], b[j]}) })
	return out.sorted()
}

func (p pairing) sorted() pairing {
	slices.SortFunc(p, func(x, y [2]item) int {
		return cmp.Or(cmp.Compare(x[0].flow, y[0].flow), x[0].order(&y[0]), x[1].order(&y[1]))
	})
	return p
}

func (p pairing) mirrored() pairing {
	out := make(pairing, len(p))
	for i := range p {
		out[i] = [2]item{p[i][1], p[i][0]}
	}
	return out.sorted()
}

// text leaves out indexes: two records that are the same in all are one.
func (p pairing) text() string {
	s := ""
	for _, x := range p {
		for _, i := range x {
			s += fmt.Sprintf("%d/%d@%d+%d ", i.flow, i.origin, i.start, i.duration)
		}
		s += "\n"
	}
	return s
}

// brute is the rule of the package, word by word, for small cases: all
// matchings are weighed.
func brute(ours, theirs []item, tolerance int64) pairing {
	var out pairing
	possible := func(a, b *item) bool { return a.flow == b.flow && a.sameNumbers(b) && gap(a, b) <= tolerance }
	// The best matching of some items under a predicate; the earliest item that
	// is left is paired if it is in any best one, with its earliest partner.
	var best func(ours, theirs []item, ok func(a, b *item) bool) cell
	best = func(ours, theirs []item, ok func(a, b *item) bool) cell {
		if len(ours) == 0 {
			return cell{}
		}
		c := best(ours[1:], theirs, ok)
		for j := range theirs {
			if ok(&ours[0], &theirs[j]) {
				if d := best(ours[1:], slices.Concat(theirs[:j], theirs[j+1:]), ok).plus(gap(&ours[0], &theirs[j])); d.better(c) {
					c = d
				}
			}
		}
		return c
	}
	without := func(items []item, i int) []item { return slices.Concat(items[:i], items[i+1:]) }
	take := func(ours, theirs []item, ok func(a, b *item) bool) (restOurs, restTheirs []item) {
		ours, theirs = slices.Clone(ours), slices.Clone(theirs)
		slices.SortFunc(ours, func(a, b item) int { return a.order(&b) })
		slices.SortFunc(theirs, func(a, b item) int { return a.order(&b) })
		for len(ours) > 0 && len(theirs) > 0 {
			now, paired := best(ours, theirs, ok), false
			if ours[0].order(&theirs[0]) <= 0 {
				for j := range theirs {
					if ok(&ours[0], &theirs[j]) && best(ours[1:], without(theirs, j), ok).plus(gap(&ours[0], &theirs[j])) == now {
						out = append(out, [2]item{ours[0], theirs[j]})
						theirs, paired = without(theirs, j), true
						break
					}
				}
				if !paired {
					restOurs = append(restOurs, ours[0])
				}
				ours = ours[1:]
				continue
			}
			for i := range ours {
				if ok(&ours[i], &theirs[0]) && best(without(ours, i), theirs[1:], ok).plus(gap(&ours[i], &theirs[0])) == now {
					out = append(out, [2]item{ours[i], theirs[0]})
					ours, paired = without(ours, i), true
					break
				}
			}
			if !paired {
				restTheirs = append(restTheirs, theirs[0])
			}
			theirs = theirs[1:]
		}
		return append(restOurs, ours...), append(restTheirs, theirs...)
	}
	exact := func(a, b *item) bool { return possible(a, b) && sameCall(a, b) }
	// Among exact pairs, equal origins come before a withheld one.
	ours, theirs = take(ours, theirs, func(a, b *item) bool { return exact(a, b) && a.origin == b.origin && a.origin != withheld })
	// A withheld origin goes to a known one before another withheld one.
	ours, theirs = take(ours, theirs, func(a, b *item) bool { return exact(a, b) && a.origin != b.origin })
	ours, theirs = take(ours, theirs, exact)
	take(ours, theirs, possible)
	return out.sorted()
}

func randomItems(random *rand.Rand, n int, origins, hidden, spread int) []item {
	items := make([]item, n)
	for i := range items {
		items[i] = item{flow: 1 + uint64(random.IntN(2)), origin: 1 + uint64(random.IntN(origins)), start: int64(random.IntN(spread)), duration: uint32(random.IntN(2)), index: uint32(i)}
		if random.IntN(100) < hidden {
			items[i].origin = withheld
		}
	}
	return items
}

func TestMatchingIsThatOfTheRule(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 10))
	for n := range 2500 {
		hidden := []int{0, 20, 50, 100}[n%4]
		spread := 2 + random.IntN(12)
		ours := randomItems(random, random.IntN(7), 1+random.IntN(3), hidden, spread)
		theirs := randomItems(random, random.IntN(7), 1+random.IntN(3), hidden, spread)
		tolerance := int64(random.IntN(4))
		got, want := pairsOf(ours, theirs, tolerance), brute(ours, theirs, tolerance)
		if got.text() != want.text() {
			t.Fatalf("ours %v\ntheirs %v\ntolerance %d\ngot\n%swant\n%s", ours, theirs, tolerance, got.text(), want.text())
		}
	}
}

func TestExchangingTheSidesMirrorsAndShufflingChangesNothing(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 11))
	for n := range 60 {
		hidden := []int{0, 10, 60, 100}[n%4]
		// Dense enough for bursts of every kind, those that are cut included.
		spread := []int{20, 300, 5000}[n%3]
		ours := randomItems(random, 200+random.IntN(200), 1+random.IntN(4), hidden, spread)
		theirs := randomItems(random, 200+random.IntN(200), 1+random.IntN(4), hidden, spread)
		tolerance := int64(random.IntN(8))
		want := pairsOf(ours, theirs, tolerance)
		if got := pairsOf(theirs, ours, tolerance).mirrored(); got.text() != want.text() {
			t.Fatalf("hidden %d, spread %d, tolerance %d: exchanging the sides gave another matching", hidden, spread, tolerance)
		}
		random.Shuffle(len(ours), func(i, j int) { ours[i], ours[j] = ours[j], ours[i] })
		random.Shuffle(len(theirs), func(i, j int) { theirs[i], theirs[j] = theirs[j], theirs[i] })
		if got := pairsOf(ours, theirs, tolerance); got.text() != want.text() {
			t.Fatalf("hidden %d, spread %d, tolerance %d: shuffling gave another matching", hidden, spread, tolerance)
		}
		seen := [2]map[uint32]bool{{}, {}}
		for _, p := range want {
			if seen[0][p[0].index] || seen[1][p[1].index] || p[0].flow != p[1].flow || !p[0].sameNumbers(&p[1]) || gap(&p[0], &p[1]) > tolerance {
				t.Fatalf("%v is no pair", p)
			}
			seen[0][p[0].index], seen[1][p[1].index] = true, true
		}
	}
}

func TestAVeryLargeBurstIsMatchedInPartsAlikeOnBothSides(t *testing.T) {
	random := rand.New(rand.NewPCG(12, 12))
	make := func() []item {
		items := make([]item, 5000)
		for i := range items {
			items[i] = item{flow: 1, start: int64(random.IntN(6000)), duration: uint32(random.IntN(500)), index: uint32(i)}
		}
		return items
	}
	ours, theirs := make(), make()
	want := pairsOf(ours, theirs, 3000)
	if len(want) < 4900 {
		t.Fatalf("only %d pairs of 5000", len(want))
	}
	if pairsOf(theirs, ours, 3000).mirrored().text() != want.text() {
		t.Fatal("exchanging the sides gave another matching")
	}
}
