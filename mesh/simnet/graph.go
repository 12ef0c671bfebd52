package simnet

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Kind is what a carrier is in the growth model.
type Kind uint8

// The kinds of A. Elmokashfi, A. Kvalbein, C. Dovrolis, "On the Scalability of
// BGP: The Role of Topology Growth", IEEE JSAC 28(8), 2010.
const (
	Tier1    Kind = iota // T: all peer with each other, no providers
	Middle               // M: transit providers
	Content              // CP: content, access and hosting providers: no customers, peers
	Customer             // C: stubs
)

// regions is the model's number of regions.
const regions = 5

// edge is one eNNI as one of its two carriers sees it.
type edge struct {
	to    int32
	back  int32 // index of the same eNNI at the other carrier
	place int32
	is    relation // what the other carrier is to this one
}

type relation uint8

const (
	itsCustomer relation = iota // the other is a customer
	itsPeer
	itsProvider
)

// graph is who is connected with whom.
type graph struct {
	kind    []Kind
	regions []uint8 // a bit for each
	edges   [][]edge
}

// grow makes a graph of n carriers by the growth model with the parameters of
// its baseline, which are functions of n. Where the model leaves a choice:
// preferential attachment of peers counts one more than each has, so that a
// carrier without peers can be chosen.
func grow(n int, r *rand.Rand) *graph {
	size := float64(n)
	tiers := 4 + r.IntN(3)
	middles := int(math.Round(0.15 * size))
	contents := int(math.Round(0.05 * size))
	dM, dCP, dC := 2+2.5*size/10_000, 2+1.5*size/10_000, 1+5*size/100_000
	pMM, pCPM, pCPCP := 1+2*size/10_000, 0.2+2*size/10_000, 0.05+2*size/100_000
	const tM, tCP, tC = 0.375, 0.375, 0.125

	g := &graph{kind: make([]Kind, n), regions: make([]uint8, n), edges: make([][]edge, n)}
	// ends holds a region's M carriers, once for each eNNI: a draw is
	// preferential attachment. peers holds all M carriers likewise.
	var ends [regions][]int32
	above := make([][]uint64, tiers+middles+contents) // whom a carrier buys transit of, also through others: a bit for each M
	words := (tiers + middles + 63) / 64
	join := func(a, b int32, is relation) {
		i, k := int32(len(g.edges[a])), int32(len(g.edges[b]))
		g.edges[a] = append(g.edges[a], edge{to: b, back: k, is: is})
		g.edges[b] = append(g.edges[b], edge{to: a, back: i, is: itsProvider - is})
		for _, c := range []int32{a, b} {
			if g.kind[c] == Middle {
				for region := range regions {
					if g.regions[c]&(1<<region) != 0 {
						ends[region] = append(ends[region], c)
					}
				}
			}
		}
	}
	joined := func(a, b int32) bool {
		if len(g.edges[a]) > len(g.edges[b]) {
			a, b = b, a
		}
		return slices.ContainsFunc(g.edges[a], func(e edge) bool { return e.to == b })
	}
	// around gives an integer with the given mean, evenly spread from low.
	around := func(low int, mean float64) int {
		high := 2*mean - float64(low)
		v := low + r.IntN(int(high)-low+1)
		if r.Float64() < (high-math.Floor(high))/2 {
			v++
		}
		return v
	}
	place := func(c int32, two float64) {
		g.regions[c] = 1 << r.IntN(regions)
		if r.Float64() < two {
			g.regions[c] |= 1 << r.IntN(regions)
		}
	}
	for a := range int32(tiers) {
		g.kind[a], g.regions[a] = Tier1, 1<<regions-1
		above[a] = make([]uint64, words)
		for b := range a {
			join(a, b, itsPeer)
		}
	}
	// attach gives a carrier its providers.
	attach := func(c int32, degree, tier float64) {
		var tierOptions []int32
		for t := range int32(tiers) {
			tierOptions = append(tierOptions, t)
		}
		var pools [][]int32
		total := 0
		for region := range regions {
			if g.regions[c]&(1<<region) != 0 {
				pools = append(pools, ends[region])
				total += len(ends[region])
			}
		}
		wanted := around(1, degree)
		for range 20 * wanted { // a draw may give one that is joined already
			if wanted == 0 {
				break
			}
			var to int32
			if len(tierOptions) > 0 && (total == 0 || r.Float64() < tier) {
				sum := 0
				for _, t := range tierOptions {
					sum += len(g.edges[t])
				}
				x := r.IntN(sum)
				i := 0
				for x -= len(g.edges[tierOptions[i]]); x >= 0; x -= len(g.edges[tierOptions[i]]) {
					i++
				}
				to = tierOptions[i]
				tierOptions = slices.Delete(tierOptions, i, i+1)
			} else if total > 0 {
				x := r.IntN(total)
				i := 0
				for ; x >= len(pools[i]); i++ {
					x -= len(pools[i])
				}
				to = pools[i][x]
			}
			if to == c || total == 0 && len(tierOptions) == 0 && joined(c, to) || joined(c, to) {
				continue
			}
			join(c, to, itsProvider)
			wanted--
			if int(c) < len(above) {
				above[c][to/64] |= 1 << (to % 64)
				for i, w := range above[to] {
					above[c][i] |= w
				}
			}
		}
	}
	next := int32(tiers)
	for range middles {
		g.kind[next] = Middle
		above[next] = make([]uint64, words)
		place(next, 0.2)
		attach(next, dM, tM)
		next++
	}
	for range contents {
		g.kind[next] = Content
		above[next] = make([]uint64, words)
		place(next, 0.05)
		attach(next, dCP, tCP)
		next++
	}
	for ; int(next) < n; next++ {
		g.kind[next] = Customer
		place(next, 0)
		attach(next, dC, tC)
	}
	buys := func(a, b int32) bool { return int(b) < words*64 && above[a][b/64]&(1<<(b%64)) != 0 }
	// Peers of M: anywhere, by how many peers they have.
	var peers []int32
	first, last := int32(tiers), int32(tiers+middles)
	for m := first; m < last; m++ {
		peers = append(peers, m)
	}
	for m := first; m < last; m++ {
		for range around(0, pMM) {
			for range 20 {
				p := peers[r.IntN(len(peers))]
				if p == m || buys(m, p) || buys(p, m) || joined(m, p) {
					continue
				}
				join(m, p, itsPeer)
				peers = append(peers, m, p)
				break
			}
		}
	}
	// Peers of CP: evenly among those of its region.
	var of [regions][2][]int32
	for c := first; c < last+int32(contents); c++ {
		for region := range regions {
			if g.regions[c]&(1<<region) != 0 {
				i := 0
				if g.kind[c] == Content {
					i = 1
				}
				of[region][i] = append(of[region][i], c)
			}
		}
	}
	for c := last; c < last+int32(contents); c++ {
		var pools [2][]int32
		for region := range regions {
			if g.regions[c]&(1<<region) != 0 {
				pools[0] = append(pools[0], of[region][0]...)
				pools[1] = append(pools[1], of[region][1]...)
			}
		}
		for i, mean := range []float64{pCPM, pCPCP} {
			for range around(0, mean) {
				for range min(20, 4*len(pools[i])) {
					p := pools[i][r.IntN(len(pools[i]))]
					if p == c || i == 0 && buys(c, p) || joined(c, p) {
						continue
					}
					join(c, p, itsPeer)
					break
				}
			}
		}
	}
	return g
}

// String tells the graph's size.
func (g *graph) String() string {
	ends, most := 0, 0
	for _, e := range g.edges {
		ends += len(e)
		most = max(most, len(e))
	}
	return fmt.Sprintf("%d carriers, %d eNNIs, at most %d at one carrier", len(g.kind), ends/2, most)
}
