// Package simnet runs the mesh's own code for tens of thousands of carriers in
// one process: an AS-like graph, places and offers by region, links with
// delays, carriers that are slow and carriers that never answer. Everything
// follows from a seed.
package simnet

import (
	"container/heap"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/mesh"
)

// Options say what to simulate.
type Options struct {
	Carriers int
	Pairs    int
	Seed     uint64
	Resale   string   // rule of every carrier; "": resell everything
	Names    []string // of carriers; the rest get numbers of documentation
	Limits   mesh.Limits
	// Compare says whether flooding's best price is computed as well.
	Compare  bool
	Progress func(what string, done, of int)
}

// Pair is what happened to one inquiry.
type Pair struct {
	Found    bool
	Flood    bool  // flooding finds an offer
	Price    int64 // millionths a month
	Best     int64 // flooding's
	Messages int
	Time     int64 // ms, from asking to the answer
}

// Result is what a simulation found.
type Result struct {
	Graph    string
	Pairs    []Pair
	Reach    Reach
	Memory   uint64        // octets in use with all nodes built
	Build    time.Duration // wall time until the first inquiry
	Search   time.Duration // wall time of all inquiries
	Messages map[string]int
}

// Reach is what the carriers tell each other before anybody asks.
type Reach struct {
	Messages int
	Octets   int64
	Largest  int // octets of one message
}

// network is nodes and what is under way between them.
type network struct {
	w      *world
	nodes  []*mesh.Node
	queue  queue
	seq    uint64
	now    int64
	random *rand.Rand
	sent   map[string]int
	total  int
	done   *mesh.Result
	at     int64
}

type event struct {
	at      int64
	seq     uint64
	node    int32
	enni    int32 // -1: a tick
	message mesh.Message
}

type queue []event

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].seq < q[j].seq
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(event)) }
func (q *queue) Pop() any {
	last := len(*q) - 1
	x := (*q)[last]
	(*q)[last] = event{}
	*q = (*q)[:last]
	return x
}

// name tells what kind of message it is.
func name(m mesh.Message) string {
	switch m.(type) {
	case mesh.Qualify:
		return "qualification asked"
	case mesh.Qualified:
		return "qualification answered"
	case mesh.AskQuote:
		return "quote asked"
	case mesh.Quoted:
		return "quote answered"
	case mesh.Cancel:
		return "cancelled"
	}
	return "reach"
}

// carry does what a node wants done.
func (n *network) carry(from int32, effects []mesh.Effect) {
	for _, e := range effects {
		switch e := e.(type) {
		case mesh.Send:
			n.total++
			n.sent[name(e.Message)]++
			link := n.w.edges[from][e.ENNI]
			if n.w.mute[link.to] {
				continue
			}
			n.push(event{at: n.now + n.delay(from, link), node: link.to, enni: link.back, message: e.Message})
		case mesh.Wake:
			n.push(event{at: e.At, node: from, enni: -1})
		case mesh.Done:
			n.done, n.at = &e.Result, n.now
		}
	}
}

func (n *network) push(e event) {
	n.seq++
	e.seq = n.seq
	heap.Push(&n.queue, e)
}

// delay gives how long a message takes, in ms: light in fibre that is half
// as long again as the distance, and an API that takes its time.
func (n *network) delay(from int32, link edge) int64 {
	km := int64(n.w.km[n.w.home[from]][n.w.home[link.to]])
	d := km*3/400 + fastest + n.random.Int64N(60)
	if n.w.sluggish[from] {
		d += 300 + n.random.Int64N(600)
	}
	return d
}

// fastest is how long a message takes at least, in ms.
const fastest = 10

// settle carries what is under way until nothing is. What happens within the
// time of the fastest message cannot depend on what another node does meanwhile,
// so that nodes do it in parallel; what they want done is carried in the order of
// the events, so that a seed decides everything.
func (n *network) settle() {
	var batch []event
	var wanted [][]mesh.Effect
	of := map[int32][]int{} // indices of a node's events
	var nodes []int32
	for len(n.queue) > 0 {
		batch, nodes = batch[:0], nodes[:0]
		clear(of)
		for until := n.queue[0].at + fastest; len(n.queue) > 0 && n.queue[0].at < until; {
			e := heap.Pop(&n.queue).(event)
			if of[e.node] == nil {
				nodes = append(nodes, e.node)
			}
			of[e.node] = append(of[e.node], len(batch))
			batch = append(batch, e)
		}
		wanted = append(wanted[:0], make([][]mesh.Effect, len(batch))...)
		share(len(nodes), func(i int) {
			for _, k := range of[nodes[i]] {
				if e := &batch[k]; e.enni < 0 {
					wanted[k] = n.nodes[e.node].Tick(e.at)
				} else {
					wanted[k] = n.nodes[e.node].Receive(e.at, int(e.enni), e.message)
				}
			}
		})
		for k := range batch {
			n.now = max(n.now, batch[k].at)
			n.carry(batch[k].node, wanted[k])
		}
	}
}

// share does so many tasks on all processors.
func share(tasks int, do func(int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	work := func() {
		for i := int(next.Add(1)) - 1; i < tasks; i = int(next.Add(1)) - 1 {
			do(i)
		}
	}
	for range min(tasks, runtime.GOMAXPROCS(0)) - 1 {
		all.Go(work)
	}
	work()
	all.Wait()
}

// tell lets all carriers tell each other their reach, level by level, without
// delays: each node at the minute of its round.
func (n *network) tell(levels int, progress func(string, int, int)) (r Reach) {
	sizes := map[*mesh.Reach]int{}
	carry := func(c int, effects []mesh.Effect) {
		type heard struct {
			link  edge
			reach *mesh.Reach
		}
		var all []heard
		for len(effects) > 0 || len(all) > 0 {
			for _, e := range effects {
				s, ok := e.(mesh.Send)
				if !ok {
					continue
				}
				reach := s.Message.(*mesh.Reach)
				size, known := sizes[reach]
				if !known {
					size = len(reach.Encode())
					sizes[reach] = size
				}
				r.Messages++
				r.Octets += int64(size)
				r.Largest = max(r.Largest, size)
				all = append(all, heard{n.w.edges[c][s.ENNI], reach})
			}
			effects = nil
			if len(all) > 0 {
				h := all[len(all)-1]
				all = all[:len(all)-1]
				c = int(h.link.to)
				effects = n.nodes[c].Receive(n.now, int(h.link.back), h.reach)
			}
		}
	}
	for round := range levels {
		n.now += 3_600_000
		for c, node := range n.nodes {
			carry(c, node.Announce(n.now))
			if c%1000 == 999 {
				progress("telling reach", round*len(n.nodes)+c+1, levels*len(n.nodes))
			}
		}
	}
	return r
}

// build makes a network.
func build(o Options) (*network, *world, error) {
	if o.Carriers < 20 || o.Carriers > 200_000 {
		return nil, nil, fault.New(fault.Invalid, "a simulation has 20 to 200,000 carriers", "choose a number in between").In("carriers")
	}
	g := grow(o.Carriers, rand.New(rand.NewPCG(o.Seed, 1)))
	names := slices.Clone(o.Names[:min(len(o.Names), o.Carriers)])
	for i := len(names); i < o.Carriers; i++ {
		names = append(names, fmt.Sprintf("AS%d", 4_200_000_000+i)) // private use, RFC 6996
	}
	w := settle(g, names, rand.New(rand.NewPCG(o.Seed, 2)))
	nodes, err := w.nodes(o.Limits, o.Resale)
	if err != nil {
		return nil, nil, err
	}
	return &network{w: w, nodes: nodes, random: rand.New(rand.NewPCG(o.Seed, 3)), sent: map[string]int{}}, w, nil
}

// Run simulates.
func Run(ctx context.Context, o Options) (*Result, error) {
	if o.Pairs < 1 {
		return nil, fault.New(fault.Invalid, "a simulation asks at least one pair", "choose a number").In("pairs")
	}
	progress := o.Progress
	if progress == nil {
		progress = func(string, int, int) {}
	}
	began := time.Now()
	progress("building carriers", 0, o.Carriers)
	n, w, err := build(o)
	if err != nil {
		return nil, err
	}
	out := &Result{Graph: w.graph.String(), Messages: n.sent}
	out.Reach = n.tell(o.Limits.Levels, progress)
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	out.Memory, out.Build = m.HeapAlloc, time.Since(began)

	began = time.Now()
	r := rand.New(rand.NewPCG(o.Seed, 4))
	pairs := make([][3]int32, o.Pairs)
	for i := range pairs {
		pairs[i][0], pairs[i][1], pairs[i][2] = w.pair(r)
	}
	out.Pairs = make([]Pair, o.Pairs)
	var flooding sync.WaitGroup
	if o.Compare {
		rules, err := newRules(o.Resale)
		if err != nil {
			return nil, err
		}
		f := newFlood(w, rules.may)
		flooding.Go(func() {
			for i, p := range pairs {
				if ctx.Err() != nil {
					return
				}
				if best := f.best(p[0], p[1], p[2], o.Limits.Hops); best != none {
					out.Pairs[i].Flood, out.Pairs[i].Best = true, best
				}
			}
		})
	}
	defer flooding.Wait()
	for i, pair := range pairs {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		p := &out.Pairs[i]
		if err := n.ask(pair, p); err != nil {
			return nil, err
		}
		progress("asking", i+1, o.Pairs)
	}
	flooding.Wait()
	out.Search = time.Since(began)
	return out, ctx.Err()
}

// ask lets one carrier ask for a line, an hour after the last: no answer is
// remembered, only how dear neighbours are.
func (n *network) ask(pair [3]int32, p *Pair) error {
	n.now += 3_600_000
	n.total, n.done = 0, nil
	start := n.now
	x := pair[0]
	_, effects, err := n.nodes[x].Ask(n.now, mesh.Request{Inquiry: mesh.Inquiry{Product: Product, A: n.w.places[pair[1]], Z: n.w.places[pair[2]],
		Bandwidth: bandwidth, Window: mesh.Window{From: 1}, Currency: "USD"}})
	if err != nil {
		return err
	}
	n.carry(x, effects)
	n.settle()
	if n.done == nil {
		return fault.New(fault.Internal, "an inquiry did not end", "report this with the seed")
	}
	p.Messages, p.Time = n.total, n.at-start
	if q := n.done.Best; q != nil {
		p.Found, p.Price = true, int64(q.Quote.Price.Each)
	}
	return nil
}

// pair draws a carrier with a place of its own, and a place of another.
func (w *world) pair(r *rand.Rand) (x, a, z int32) {
	site := func() (c, p int32) {
		for {
			c = r.Int32N(int32(len(w.kind)))
			if w.mute[c] {
				continue
			}
			p = w.served[c][len(w.served[c])-1] // sites come after metros
			if int(p) >= len(w.km) {
				return c, p
			}
		}
	}
	for {
		x, a = site()
		if _, z = site(); !w.serves(x, z) {
			return x, a, z
		}
	}
}
