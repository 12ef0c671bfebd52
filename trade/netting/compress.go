package netting

import (
	"slices"

	"github.com/lateral-network/lateral/trade/money"
)

// Compress takes off the most that circles of debts allow within the members'
// limits, exactly, and gives the proof of it in the outcome's prices. Codes:
// invalid, unknown-currency, money-overflow.
//
// What is taken off is a circulation: as much of what a member owes as of what
// it is owed. So what stays is a flow that leaves everybody's net position as
// it was, inside the debts that were offered, and the largest circulation is the
// smallest such flow: a flow of least cost where each unit of debt costs one.
func Compress(in Input) (Outcome, error) {
	b, err := open(in)
	if err != nil {
		return Outcome{}, err
	}
	left, prices := b.compress()
	o := b.outcome(ByCirculation, left, nil)
	o.Prices = prices
	return o, nil
}

// bound says whether a member's limit is below what could be taken off anyway.
func bound(most, owes, owed money.Micro) bool { return most > 0 && most < min(owes, owed) }

// compress gives what is left of each edge, and the members' prices.
func (b *book) compress() ([]money.Micro, []Price) {
	// A member whose limit binds stands in the network twice: what it is owed
	// flows in, what it owes flows out, and an arc between the two holds the
	// limit.
	n := len(b.members)
	owes, owed := b.sums()
	in, out := make([]uint32, n), make([]uint32, n)
	nodes := uint32(0)
	for v := range n {
		out[v] = nodes
		nodes++
		in[v] = out[v]
		if bound(b.members[v].Most, owes[v], owed[v]) {
			in[v] = nodes
			nodes++
		}
	}
	arcs := make([]arc, 0, len(b.edges)+int(nodes)-n)
	excess := make([]int64, nodes)
	for v := range n {
		for _, e := range b.edges[b.first[v]:b.first[v+1]] {
			arcs = append(arcs, arc{from: out[v], to: in[e.to], most: int64(e.amount), cost: 1})
		}
		excess[out[v]] += int64(owes[v])
		excess[in[v]] -= int64(owed[v])
		if most := int64(b.members[v].Most); in[v] != out[v] {
			arcs = append(arcs, arc{from: in[v], to: out[v], most: most})
			excess[in[v]] += most
			excess[out[v]] -= most
		}
	}
	flows, potentials := cheapest(int(nodes), arcs, excess)
	left := make([]money.Micro, len(b.edges))
	at := 0
	for v := range n {
		for i := b.first[v]; i < b.first[v+1]; i++ {
			left[i] = money.Micro(flows[at])
			at++
		}
		if in[v] != out[v] {
			at++
		}
	}
	prices := make([]Price, n)
	for v := range n {
		prices[v] = Price{In: potentials[in[v]], Out: potentials[out[v]]}
	}
	return left, prices
}

// Greedy cancels circles one by one as it comes across them, those of two first,
// until none is left: what a simple program does, to compare [Compress] with.
// What stays depends on which circle comes first. Codes: invalid,
// unknown-currency, money-overflow.
func Greedy(in Input) (Outcome, error) {
	b, err := open(in)
	if err != nil {
		return Outcome{}, err
	}
	left := make([]money.Micro, len(b.edges))
	room := make([]money.Micro, len(b.members)) // up to the limit
	for v, m := range b.members {
		if room[v] = m.Most; m.Most == 0 {
			room[v] = b.gross
		}
	}
	for i, e := range b.edges {
		left[i] = e.amount
	}
	for i, e := range b.edges {
		if back, ok := b.find(e.to, e.from); ok && e.from < e.to {
			off := min(e.amount, b.edges[back].amount, room[e.from], room[e.to])
			left[i] -= off
			left[back] -= off
			room[e.from] -= off
			room[e.to] -= off
		}
	}
	next := slices.Clone(b.first[:len(b.members)]) // first edge of each that may be left
	on := make([]bool, len(b.members))             // the way
	var way []int                                  // edges
	for start := range b.members {
		v := uint32(start)
		on[v] = true
		for {
			for next[v] < b.first[v+1] && (left[next[v]] == 0 || room[v] == 0 || room[b.edges[next[v]].to] == 0) {
				next[v]++
			}
			if next[v] == b.first[v+1] { // no circle leads through here any more
				on[v] = false
				if len(way) == 0 {
					break
				}
				last := way[len(way)-1]
				way = way[:len(way)-1]
				v = b.edges[last].from
				next[v]++
				continue
			}
			way = append(way, int(next[v]))
			if v = b.edges[next[v]].to; !on[v] {
				on[v] = true
				continue
			}
			begin := len(way) - 1
			for b.edges[way[begin]].from != v {
				begin--
			}
			off := left[way[begin]]
			for _, i := range way[begin:] {
				off = min(off, left[i], room[b.edges[i].from])
			}
			for _, i := range way[begin:] {
				left[i] -= off
				room[b.edges[i].from] -= off
				on[b.edges[i].from] = false
			}
			on[v] = true
			way = way[:begin]
		}
	}
	return b.outcome(ByCycle, left, nil), nil
}
