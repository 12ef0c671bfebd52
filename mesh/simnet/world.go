package simnet

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/mesh"
	"github.com/lateral-network/lateral/trade/money"
)

// Product is what is asked for in a simulation.
const Product = "urn:lateral:simnet:line"

// bandwidth is what prices are for, in bit/s.
const bandwidth = 100_000_000

// world is the graph with places, offers and prices.
type world struct {
	*graph
	names    []string
	places   []mesh.Place
	index    map[string]int32
	metro    []int32   // of each place: metros are places as well, and come first
	km       [][]int32 // between metros
	served   [][]int32 // of each carrier: its places, sorted
	servers  [][]int32 // of each place: the carriers that serve it
	home     []int32   // of each carrier: a metro
	fix      []int64   // of each carrier: price of a leg, in millionths a month
	rate     []int64   // likewise, for each kilometre
	markup   []int64   // per cent of what it buys
	mute     []bool    // never answers
	sluggish []bool    // answers after a second or more
	bounds   [][2]int32
}

// box is a region's part of the globe, in degrees: north, east, from and to.
var box = [regions][4]float64{
	{28, -122, 48, -70}, {37, -8, 58, 30}, {5, 75, 40, 140}, {-34, -70, 8, -38}, {-30, 5, 15, 45},
}

// metrosOf is the number of metros of each region.
var metrosOf = [regions]int{110, 120, 130, 60, 60}

// settle gives the carriers of a graph places, prices and faults.
func settle(g *graph, names []string, r *rand.Rand) *world {
	n := len(g.kind)
	w := &world{graph: g, names: names, index: map[string]int32{}, served: make([][]int32, n), home: make([]int32, n),
		fix: make([]int64, n), rate: make([]int64, n), markup: make([]int64, n), mute: make([]bool, n), sluggish: make([]bool, n)}
	first := int32(0)
	for region, b := range box {
		count := int32(metrosOf[region])
		w.bounds = append(w.bounds, [2]int32{first, first + count})
		for m := range count {
			north, east := b[0]+r.Float64()*(b[2]-b[0]), b[1]+r.Float64()*(b[3]-b[1])
			w.place(fmt.Sprintf("metro-%d-%d", region, m), int32(north*1e5), int32(east*1e5), first+m)
		}
		first += count
	}
	w.km = make([][]int32, first)
	for a := range first {
		w.km[a] = make([]int32, first)
		for b := range first {
			w.km[a][b] = int32(w.places[a].Kilometres(&w.places[b]))
		}
	}
	// metroIn draws one of a region's metros: large ones, which come first, more often.
	metroIn := func(region int) int32 {
		b := w.bounds[region]
		x := r.Float64()
		return b[0] + int32(x*x*float64(b[1]-b[0]))
	}
	for c := range n {
		var mine []int
		for region := range regions {
			if g.regions[c]&(1<<region) != 0 {
				mine = append(mine, region)
			}
		}
		w.home[c] = metroIn(mine[r.IntN(len(mine))])
		w.served[c] = []int32{w.home[c]}
		each, sites := 0, 0
		switch g.kind[c] {
		case Tier1:
			each, sites = 30, r.IntN(10)
		case Middle:
			each, sites = 2+r.IntN(10), 2+r.IntN(5)
		case Content:
			each, sites = 1+r.IntN(3), 1+r.IntN(2)
		case Customer:
			sites = 1 + r.IntN(3)
		}
		for _, region := range mine {
			for range each {
				w.served[c] = append(w.served[c], metroIn(region))
			}
		}
		for s := range sites {
			m := w.served[c][r.IntN(len(w.served[c]))]
			for m >= first {
				m = w.home[c]
			}
			w.served[c] = append(w.served[c], w.place(names[c]+"-"+strconv.Itoa(s), w.places[m].North+int32(r.IntN(20_000)), w.places[m].East+int32(r.IntN(20_000)), m))
		}
		w.fix[c] = int64(20_000_000 + r.IntN(60_000_000))
		w.rate[c] = int64(80_000 + r.IntN(220_000))
		w.markup[c] = int64(5 + r.IntN(16))
		w.mute[c] = r.IntN(100) == 0
		w.sluggish[c] = r.IntN(50) == 0
	}
	// Three in ten sites are served by a second carrier of the metro as well.
	byHome := make([][]int32, first)
	for c, m := range w.home {
		byHome[m] = append(byHome[m], int32(c))
	}
	for p := first; int(p) < len(w.places); p++ {
		if all := byHome[w.metro[p]]; r.IntN(10) < 3 && len(all) > 0 {
			c := all[r.IntN(len(all))]
			w.served[c] = append(w.served[c], p)
		}
	}
	// An eNNI is where the provider is nearest to its customer's home.
	for c := range n {
		for i := range g.edges[c] {
			e := &g.edges[c][i]
			if e.is == itsCustomer || e.is == itsPeer && int(e.to) < c {
				continue // the other one does it
			}
			at, best := w.home[e.to], int32(1<<30)
			for _, p := range w.served[e.to] {
				if p < first {
					if km := w.km[w.home[c]][p]; km < best {
						at, best = p, km
					}
				}
			}
			e.place = at
			g.edges[e.to][e.back].place = at
		}
	}
	for c := range n {
		for _, e := range g.edges[c] {
			w.served[c] = append(w.served[c], e.place)
		}
		slices.Sort(w.served[c])
		w.served[c] = slices.Clip(slices.Compact(w.served[c]))
	}
	w.servers = make([][]int32, len(w.places))
	for c, all := range w.served {
		for _, p := range all {
			w.servers[p] = append(w.servers[p], int32(c))
		}
	}
	return w
}

func (w *world) place(id string, north, east, metro int32) int32 {
	i := int32(len(w.places))
	w.places = append(w.places, mesh.Place{ID: id, North: north, East: east})
	w.metro = append(w.metro, metro)
	w.index[id] = i
	return i
}

func (w *world) serves(c, place int32) bool {
	_, ok := slices.BinarySearch(w.served[c], place)
	return ok
}

// leg is what a carrier asks for a stretch between two of its places, a month.
func (w *world) leg(c, a, b int32) int64 {
	return w.fix[c] + w.rate[c]*int64(w.km[w.metro[a]][w.metro[b]])
}

// marked is what a carrier asks for an own and a bought part.
func (w *world) marked(c int32, own, bought int64) int64 {
	return own + bought + bought*w.markup[c]/100
}

// catalogue is one carrier's view of the world: its own offers.
type catalogue struct {
	w *world
	c int32
}

func (c catalogue) Serves(product string, p *mesh.Place) bool {
	i, ok := c.w.index[p.ID]
	return ok && c.w.serves(c.c, i)
}

func (c catalogue) Offers(q *mesh.Inquiry) []mesh.OwnLeg {
	a, ok := c.w.index[q.A.ID]
	z, fine := c.w.index[q.Z.ID]
	if !ok || !fine || !c.w.serves(c.c, a) || !c.w.serves(c.c, z) {
		return nil
	}
	km := uint64(c.w.km[c.w.metro[a]][c.w.metro[z]])
	return []mesh.OwnLeg{{
		Leg:   mesh.Leg{From: q.A.ID, To: q.Z.ID, OnNet: true, Latency: 200 + 7*km, Availability: 999_950_000 - 10*min(km, 20_000)},
		Price: mesh.Price{Each: money.Micro(c.w.leg(c.c, a, z))},
	}}
}

func (c catalogue) Places() []string {
	out := make([]string, 0, len(c.w.served[c.c]))
	for _, p := range c.w.served[c.c] {
		out = append(out, c.w.places[p].ID)
	}
	return out
}

// Hold never fails: links are as wide as is wished.
func (c catalogue) Hold(*mesh.Quote, mesh.OwnLeg, *mesh.Inquiry) bool { return true }

var relationNames = [...]mesh.Relation{mesh.Customer, mesh.Peer, mesh.Provider}

// nodes makes the mesh's own node of each carrier.
func (w *world) nodes(limits mesh.Limits, resale string) ([]*mesh.Node, error) {
	terms := map[int64]*mesh.Terms{}
	for percent := int64(5); percent <= 20; percent++ {
		t, err := mesh.NewTerms(resale, fmt.Sprintf("price + bought * %d / 100", percent))
		if err != nil {
			return nil, err
		}
		terms[percent] = t
	}
	out := make([]*mesh.Node, len(w.kind))
	for c := range out {
		ennis := make([]mesh.ENNI, 0, len(w.edges[c]))
		for _, e := range w.edges[c] {
			low, high := min(int32(c), e.to), max(int32(c), e.to)
			ennis = append(ennis, mesh.ENNI{Partner: w.names[e.to], Place: w.places[e.place], Relation: relationNames[e.is],
				Terms: terms[w.markup[c]], Link: linkKey(low, high)})
		}
		out[c] = mesh.New(mesh.Config{Carrier: w.names[c], Catalogue: catalogue{w, int32(c)}, ENNIs: ennis,
			Secret: canon.Sum("lateral/simnet-secret", []byte(w.names[c])), Limits: limits})
	}
	return out, nil
}

// linkKey gives the secret of an eNNI: any 32 bytes that differ will do here.
func linkKey(a, b int32) (k [32]byte) {
	k[0] = 1
	for i := range 4 {
		k[1+i], k[5+i] = byte(a>>(8*i)), byte(b>>(8*i))
	}
	return k
}
