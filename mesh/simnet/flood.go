package simnet

import "math"

// flood finds the best price that asking everybody within a number of hops
// could find: the cheapest of all chains, each of which the mesh's rules allow,
// but for one: a chain may pass a carrier twice. So it is at least as good as
// what messages would find, and costs none.
type flood struct {
	w      *world
	may    func(buyer, seller relation) bool // both as the carrier in between sees them
	near   [2][][]hop                        // of each carrier: neighbours that serve the far end in 0, or at most 1, further asks
	marked [2][]int32
}

// hop is what a neighbour asks for the way from an eNNI to the far end.
type hop struct {
	edge  int32
	price int64
}

const none = math.MaxInt64

func newFlood(w *world, may func(buyer, seller relation) bool) *flood {
	f := &flood{w: w, may: may}
	for i := range f.near {
		f.near[i] = make([][]hop, len(w.kind))
	}
	return f
}

// ownCustomer stands for the relation of the carrier's own customers to it: who
// may buy of everybody.
const ownCustomer relation = 255

// best gives the least price of a way from carrier x and its place a to z, and
// none if there is none.
func (f *flood) best(x, a, z int32, hops int) int64 {
	w := f.w
	if w.serves(x, z) {
		return w.leg(x, a, z)
	}
	for i := range f.near {
		for _, c := range f.marked[i] {
			f.near[i][c] = f.near[i][c][:0]
		}
		f.marked[i] = f.marked[i][:0]
	}
	mark := func(i int, c int32, h hop) {
		if len(f.near[i][c]) == 0 {
			f.marked[i] = append(f.marked[i], c)
		}
		f.near[i][c] = append(f.near[i][c], h)
	}
	for _, s := range w.servers[z] {
		if w.mute[s] {
			continue
		}
		for _, e := range w.edges[s] {
			if !w.mute[e.to] && !w.serves(e.to, z) {
				mark(0, e.to, hop{e.back, w.leg(s, e.place, z)})
			}
		}
	}
	if hops > 1 {
		for _, u := range f.marked[0] {
			for _, e := range w.edges[u] {
				if w.mute[e.to] || w.serves(e.to, z) {
					continue
				}
				if p := f.through(0, u, e.place, e.is, e.to); p != none {
					mark(1, e.to, hop{e.back, p})
				}
			}
		}
	}
	return f.ask(x, a, z, hops, ownCustomer, -1)
}

// through gives what carrier u asks for the way from a place to the far end by
// neighbours of which one of the lists tells.
func (f *flood) through(list int, u, place int32, buyer relation, from int32) int64 {
	best := int64(none)
	for _, h := range f.near[list][u] {
		e := &f.w.edges[u][h.edge]
		if e.to == from || !f.may(buyer, e.is) {
			continue
		}
		best = min(best, f.w.marked(u, f.w.leg(u, place, e.place), h.price))
	}
	return best
}

// ask gives what carrier u asks for the way from a place to the far end.
func (f *flood) ask(u, place, z int32, hops int, buyer relation, from int32) int64 {
	w := f.w
	best := int64(none)
	if hops >= 1 {
		best = f.through(0, u, place, buyer, from)
	}
	if hops >= 2 {
		best = min(best, f.through(1, u, place, buyer, from))
	}
	if hops <= 2 {
		return best
	}
	for _, e := range w.edges[u] {
		if e.to == from || w.mute[e.to] || !f.may(buyer, e.is) || w.serves(e.to, z) {
			continue
		}
		if bought := f.ask(e.to, e.place, z, hops-1, w.edges[e.to][e.back].is, u); bought != none {
			best = min(best, w.marked(u, w.leg(u, place, e.place), bought))
		}
	}
	return best
}
