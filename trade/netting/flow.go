package netting

// arc is an edge of a network with a capacity above zero and what one unit of
// flow over it costs: 0 or 1.
type arc struct {
	from, to uint32
	most     int64
	cost     int32
}

// cheapest gives the flow of least cost that carries what some nodes have too
// much (excess above 0) to those that lack as much, and potentials that prove
// it: an arc whose reduced cost, cost + potential(from) − potential(to), is above
// zero is empty, one below zero is full. There is a flow at all: the caller
// knows one, and the sum of excess is zero. Costs are small whole numbers, so that
// potentials are too.
//
// This is the primal-dual method of L. R. Ford and D. R. Fulkerson ("Flows in
// Networks", 1962): the shortest distance from excess to lack grows by stages, and
// in each stage as much as possible flows over shortest ways. Distances come by
// buckets (R. B. Dial, "Algorithm 360", 1969), the flow of a stage by blocking
// flows (E. A. Dinitz, 1970). A distance is at most the number of nodes, which
// bounds the stages whatever the amounts; among carriers there are few.
func cheapest(n int, arcs []arc, excess []int64) (flows []int64, potentials []int32) {
	f := newNetwork(n, arcs, excess)
	for f.shorten() {
		f.admit()
		for f.layer() {
			f.block()
		}
	}
	flows = make([]int64, len(arcs))
	for i, a := range arcs {
		flows[i] = a.most - f.left[f.at[i]]
	}
	return flows, f.potential
}

// network is a flow on its way. Each arc stands in it twice: as itself, with what
// it can still take, and backwards, with what can be taken back.
type network struct {
	n         int
	first     []int32 // of each node's arcs; one more at the end
	to        []int32
	back      []int32 // the same arc the other way
	cost      []int8
	left      []int64
	at        []int32 // of the caller's arcs
	excess    []int64
	potential []int32

	distance []int32
	buckets  [][]int32

	// Of a stage: the arcs without reduced cost.
	start []int32 // of each node's; one more at the end
	tight []int32
	// Of a blocking flow.
	level []int32
	next  []int32 // tight arc of each node that may still lead on
	queue []int32
	way   []int32
}

func newNetwork(n int, arcs []arc, excess []int64) *network {
	f := &network{n: n, first: make([]int32, n+1), to: make([]int32, 2*len(arcs)), back: make([]int32, 2*len(arcs)),
		cost: make([]int8, 2*len(arcs)), left: make([]int64, 2*len(arcs)), at: make([]int32, len(arcs)), excess: excess,
		potential: make([]int32, n), distance: make([]int32, n), start: make([]int32, n+1), level: make([]int32, n), next: make([]int32, n)}
	for _, a := range arcs {
		f.first[a.from+1]++
		f.first[a.to+1]++
	}
	for v := range n {
		f.first[v+1] += f.first[v]
	}
	free := make([]int32, n)
	copy(free, f.first)
	for i, a := range arcs {
		there, here := free[a.from], free[a.to]
		free[a.from]++
		free[a.to]++
		f.to[there], f.back[there], f.cost[there], f.left[there] = int32(a.to), here, int8(a.cost), a.most
		f.to[here], f.back[here], f.cost[here] = int32(a.from), there, -int8(a.cost)
		f.at[i] = there
	}
	return f
}

// shorten finds the distance from excess to the nearest lack, by reduced costs,
// and raises potentials so that it becomes zero; false when nothing is too much
// any more.
func (f *network) shorten() bool {
	for d := range f.buckets {
		f.buckets[d] = f.buckets[d][:0]
	}
	put := func(v, d int32) {
		for int(d) >= len(f.buckets) {
			f.buckets = append(f.buckets, nil)
		}
		f.distance[v] = d
		f.buckets[d] = append(f.buckets[d], v)
	}
	const far = 1 << 30
	some := false
	for v := range f.n {
		f.distance[v] = far
		if f.excess[v] > 0 {
			put(int32(v), 0)
			some = true
		}
	}
	if !some {
		return false
	}
	nearest := int32(far)
	for d := int32(0); d < nearest && int(d) < len(f.buckets); d++ {
		for i := 0; i < len(f.buckets[d]); i++ {
			v := f.buckets[d][i]
			if f.distance[v] != d {
				continue // found nearer since
			}
			if f.excess[v] < 0 {
				nearest = d
				break
			}
			for a := f.first[v]; a < f.first[v+1]; a++ {
				if f.left[a] == 0 {
					continue
				}
				w := f.to[a]
				if by := d + int32(f.cost[a]) + f.potential[v] - f.potential[w]; by < f.distance[w] {
					put(w, by)
				}
			}
		}
	}
	if nearest == far { // the caller broke its word: no flow exists
		return false
	}
	for v := range f.n {
		f.potential[v] += min(f.distance[v], nearest)
	}
	return true
}

// admit lists the arcs without reduced cost, in both directions, full or not.
func (f *network) admit() {
	f.tight = f.tight[:0]
	for v := range int32(f.n) {
		f.start[v] = int32(len(f.tight))
		p := f.potential[v]
		for a := f.first[v]; a < f.first[v+1]; a++ {
			if int32(f.cost[a])+p == f.potential[f.to[a]] {
				f.tight = append(f.tight, a)
			}
		}
	}
	f.start[f.n] = int32(len(f.tight))
}

// layer numbers the nodes by their distance in tight arcs from excess, as far as
// the nearest lack; false when none is reached.
func (f *network) layer() bool {
	f.queue = f.queue[:0]
	for v := range f.n {
		f.level[v] = -1
		if f.excess[v] > 0 {
			f.level[v] = 0
			f.queue = append(f.queue, int32(v))
		}
	}
	reached := int32(-1)
	for i := 0; i < len(f.queue); i++ {
		v := f.queue[i]
		if reached >= 0 && f.level[v] >= reached {
			break
		}
		for _, a := range f.tight[f.start[v]:f.start[v+1]] {
			if w := f.to[a]; f.level[w] < 0 && f.left[a] > 0 {
				f.level[w] = f.level[v] + 1
				f.queue = append(f.queue, w)
				if f.excess[w] < 0 {
					reached = f.level[w]
				}
			}
		}
	}
	return reached >= 0
}

// block sends flow from layer to layer until no such way is left.
func (f *network) block() {
	copy(f.next, f.start[:f.n])
	for source := range int32(f.n) {
		v := source
		f.way = f.way[:0]
		for f.excess[source] > 0 {
			if f.excess[v] < 0 {
				v = f.push(source, v)
				continue
			}
			if f.forward(v) {
				a := f.tight[f.next[v]]
				f.way = append(f.way, a)
				v = f.to[a]
				continue
			}
			if len(f.way) == 0 {
				break
			}
			f.level[v] = -1 // leads nowhere
			last := f.way[len(f.way)-1]
			f.way = f.way[:len(f.way)-1]
			v = f.to[f.back[last]]
			f.next[v]++
		}
	}
}

// forward moves a node's next to a tight arc that leads to the next layer.
func (f *network) forward(v int32) bool {
	for ; f.next[v] < f.start[v+1]; f.next[v]++ {
		if a := f.tight[f.next[v]]; f.left[a] > 0 && f.level[f.to[a]] == f.level[v]+1 {
			return true
		}
	}
	return false
}

// push sends what fits along the way from source to lack, and gives the last node
// of the way that can be gone on from.
func (f *network) push(source, lack int32) int32 {
	amount := min(f.excess[source], -f.excess[lack])
	for _, a := range f.way {
		amount = min(amount, f.left[a])
	}
	f.excess[source] -= amount
	f.excess[lack] += amount
	full := len(f.way)
	for i, a := range f.way {
		f.left[a] -= amount
		f.left[f.back[a]] += amount
		if f.left[a] == 0 {
			full = min(full, i)
		}
	}
	if full == len(f.way) { // the excess is gone, or the lack
		return lack
	}
	v := f.to[f.back[f.way[full]]]
	f.way = f.way[:full]
	return v
}
