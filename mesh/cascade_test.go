package mesh

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/money"
)

// chain is carriers in a row, each of which buys of the next: eNNI 0 leads to
// the buyer, eNNI 1 to the seller. It is a value: the explorer copies it.
type chain struct {
	saved    []map[ID]Order
	held     []map[uint64]bool // revisions for which the own leg is taken
	serving  []uint64          // revision that is billed; 0: none
	flying   []flight
	crashes  int  // that may still happen
	faults   int  // likewise: a refusal or a lapse
	refuse   int  // at this carrier, if faults is above 0
	building bool // the refusal is of delivery
	lapses   bool
}

type flight struct {
	to   int
	enni int // -1: an answer of the carrier's own network
	m    any
}

type ownAnswer struct {
	order ID
	rev   uint64
	built bool
}

// soldBy is the quotes of one carrier of the chain: one for each revision.
type soldBy struct{ node, nodes int }

func quoteOf(node int, rev uint64) ID { return ID{byte(node + 1), byte(rev)} }

func (s soldBy) Supply(q ID) (Supply, int, bool) {
	if q[0] != byte(s.node+1) {
		return Supply{}, -1, false
	}
	out := Supply{Sold: Signed{Quote: Quote{ID: q, Until: 1 << 50, Months: uint32(12 * (s.node + 1)), Price: Price{Each: money.Micro(1_000_000 * (10 - s.node))}}}}
	if s.node == s.nodes-1 {
		return out, -1, true
	}
	out.Bought = &Signed{Quote: Quote{ID: quoteOf(s.node+1, uint64(q[1])), Until: 1 << 50}}
	return out, 1, true
}

const (
	chainNow   = 1_000
	chainUntil = 1_000_000
)

var chainOrder = ID{0xaa}

func newChain(nodes int) *chain {
	c := &chain{saved: make([]map[ID]Order, nodes), held: make([]map[uint64]bool, nodes), serving: make([]uint64, nodes)}
	for i := range nodes {
		c.saved[i], c.held[i] = map[ID]Order{}, map[uint64]bool{}
	}
	return c
}

func (c *chain) copy() *chain {
	d := *c
	d.saved, d.held = slices.Clone(c.saved), slices.Clone(c.held)
	for i := range d.saved {
		d.saved[i], d.held[i] = maps.Clone(c.saved[i]), maps.Clone(c.held[i])
	}
	d.serving, d.flying = slices.Clone(c.serving), slices.Clone(c.flying)
	return &d
}

func (c *chain) secret(node int) [32]byte { return canon.Sum("test", []byte{byte(node)}) }

// with wakes a carrier as it is and lets f use it.
func (c *chain) with(node int, f func(*Cascade) []Effect) []Effect {
	k := &Cascade{quotes: soldBy{node, len(c.saved)}, orders: map[ID]*Order{}, below: map[exchange]*Order{}, secret: c.secret(node), now: chainNow}
	for _, o := range c.saved[node] {
		k.put(o.clone())
	}
	return f(k)
}

// apply does a carrier's effects.
func (c *chain) apply(node int, effects []Effect) {
	for _, e := range effects {
		switch e := e.(type) {
		case Save:
			c.saved[node][e.Order.ID] = e.Order
		case Send:
			if e.ENNI == 0 {
				c.flying = append(c.flying, flight{node - 1, 1, e.Message})
			} else {
				c.flying = append(c.flying, flight{node + 1, 0, e.Message})
			}
		case Hold:
			c.held[node][e.Rev.Number] = true
			c.flying = append(c.flying, flight{node, -1, ownAnswer{e.Order, e.Rev.Number, false}})
		case Build:
			c.flying = append(c.flying, flight{node, -1, ownAnswer{e.Order, e.Rev.Number, true}})
		case Free:
			delete(c.held[node], e.Rev)
		case Start:
			c.serving[node] = e.Rev
		case Stop:
			c.serving[node] = 0
		}
	}
}

// effects gives what a carrier does about what arrives.
func (c *chain) effects(f flight) []Effect {
	return c.with(f.to, func(k *Cascade) []Effect {
		if f.enni >= 0 {
			return k.Receive(chainNow, f.enni, f.m)
		}
		a := f.m.(ownAnswer)
		ok := true
		if c.faults > 0 && !c.lapses && c.refuse == f.to && c.building == a.built {
			c.faults--
			ok = false
			if !a.built {
				delete(c.held[f.to], a.rev)
			}
		}
		if a.built {
			return k.Built(chainNow, a.order, a.rev, ok)
		}
		return k.Held(chainNow, a.order, a.rev, ok)
	})
}

// crash does some effects of a carrier, and starts it again from its records.
func (c *chain) crash(node int, effects []Effect, done int, lost bool) {
	c.apply(node, effects[:done])
	c.flying = slices.DeleteFunc(c.flying, func(f flight) bool { return f.to == node && (f.enni < 0 || lost) })
	_, effects = NewCascade(chainNow, c.secret(node), soldBy{node, len(c.saved)}, slices.Collect(maps.Values(c.saved[node])))
	c.apply(node, effects)
}

// repeat lets everybody say again what has no answer.
func (c *chain) repeat() {
	for node := range c.saved {
		c.apply(node, c.with(node, func(k *Cascade) []Effect { k.again = 1; return k.Tick(chainNow) }))
	}
}

func (c *chain) place(t *testing.T, rev uint64) {
	c.apply(0, c.with(0, func(k *Cascade) []Effect {
		out, err := k.Place(chainNow, chainOrder, quoteOf(0, rev), chainUntil)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}))
}

// lapse lets time end what is only reserved when nothing moves any more: a
// reservation that arrived after its own release, say.
func (c *chain) lapse() (any bool) {
	for node := range c.saved {
		for _, o := range c.saved[node] {
			if o.Next.Stage == Reserving || o.Next.Stage == Reserved {
				c.apply(node, c.with(node, func(k *Cascade) []Effect { return k.Tick(o.Next.Until) }))
				any = true
			}
		}
	}
	return any
}

// key names the state.
func (c *chain) key() string {
	var b strings.Builder
	for i := range c.saved {
		for _, o := range c.saved[i] {
			b.Write(canon.Must(o))
		}
		fmt.Fprint(&b, "|", slices.Sorted(maps.Keys(c.held[i])), c.serving[i], "|")
	}
	flying := make([]string, len(c.flying))
	for i, f := range c.flying {
		flying[i] = fmt.Sprintf("%d %d %T%v", f.to, f.enni, f.m, f.m)
	}
	slices.Sort(flying)
	fmt.Fprint(&b, flying, c.crashes, c.faults)
	return b.String()
}

// verdict checks a state in which nothing moves any more.
func (c *chain) verdict(old uint64) error {
	want := c.serving[0]
	for i := range c.saved {
		if c.serving[i] != want {
			return fmt.Errorf("carriers bill revisions %v", c.serving)
		}
		for rev := range c.held[i] {
			if rev != want && rev != old {
				return fmt.Errorf("carrier %d still holds revision %d", i, rev)
			}
		}
		if want != 0 && !c.held[i][want] {
			return fmt.Errorf("carrier %d bills revision %d and has not held it", i, want)
		}
		for _, o := range c.saved[i] {
			if !o.settled() {
				return fmt.Errorf("carrier %d is left %s", i, o.Next.Stage)
			}
		}
	}
	return nil
}

// explorer goes through all orders in which messages can arrive, with a crash
// before or after any effect and a fault anywhere, and looks at every end.
type explorer struct {
	seen    map[string]bool
	old     uint64 // revision in service before
	ends    map[uint64]int
	failure error
}

func (x *explorer) explore(c *chain) {
	if x.failure != nil {
		return
	}
	key := c.key()
	if x.seen[key] {
		return
	}
	x.seen[key] = true
	if len(c.flying) == 0 {
		d := c.copy()
		d.repeat()
		if len(d.flying) > 0 || d.lapse() {
			x.explore(d)
		} else {
			x.failure = d.verdict(x.old)
			x.ends[d.serving[0]]++
		}
	}
	tried := map[string]bool{}
	for i, f := range c.flying {
		name := fmt.Sprintf("%d %d %T%v", f.to, f.enni, f.m, f.m)
		if tried[name] {
			continue
		}
		tried[name] = true
		d := c.copy()
		d.flying = slices.Delete(d.flying, i, i+1)
		effects := d.effects(f)
		e := d.copy()
		e.apply(f.to, effects)
		x.explore(e)
		if c.crashes > 0 {
			for done := range len(effects) + 1 {
				for _, lost := range []bool{false, true} {
					e := d.copy()
					e.crashes--
					e.crash(f.to, effects, done, lost)
					x.explore(e)
				}
			}
		}
	}
	if c.lapses && c.faults > 0 {
		for node := range c.saved {
			for id, o := range c.saved[node] {
				if s := o.Next.Stage; s == Reserving || s == Reserved || node == 0 && s == Ordered {
					d := c.copy()
					d.faults--
					d.apply(node, d.with(node, func(k *Cascade) []Effect { return k.Tick(k.orders[id].Next.Until) }))
					x.explore(d)
				}
			}
		}
	}
}

func explore(t *testing.T, c *chain, old uint64) *explorer {
	t.Helper()
	x := &explorer{seen: map[string]bool{}, old: old, ends: map[uint64]int{}}
	x.explore(c)
	if x.failure != nil {
		t.Fatal(x.failure)
	}
	t.Logf("%d states, ends by revision in service: %v", len(x.seen), x.ends)
	return x
}

// settle delivers in sequence until nothing moves.
func (c *chain) settle() {
	for range 1000 {
		if len(c.flying) == 0 {
			if c.repeat(); len(c.flying) == 0 {
				return
			}
		}
		f := c.flying[0]
		c.flying = c.flying[1:]
		c.apply(f.to, c.effects(f))
	}
	panic("the chain never settles")
}

func TestAnOrderComesIntoServiceAtAllCarriersInEveryOrderOfMessages(t *testing.T) {
	c := newChain(5)
	c.place(t, 1)
	if x := explore(t, c, 0); len(x.ends) != 1 || x.ends[1] == 0 {
		t.Errorf("ends are %v", x.ends)
	}
}

func TestADeathAtAnyStepAndInAnyOrderOfMessagesLeavesAllOrNothing(t *testing.T) {
	for _, nodes := range []int{2, 3, 4} {
		c := newChain(nodes)
		c.crashes = 1
		c.place(t, 1)
		if x := explore(t, c, 0); len(x.ends) != 1 || x.ends[1] == 0 {
			t.Errorf("a node that starts again at once ends the order otherwise: %v", x.ends)
		}
	}
}

// Four hops, killed before and after every single effect of every carrier, with
// what was on the way to it lost or not.
func TestAKillAtEveryStepOfFourHopsComesToTheSameEnd(t *testing.T) {
	for kill := 0; ; kill++ {
		more := false
		for _, lost := range []bool{false, true} {
			c, at := newChain(5), 0
			c.place(t, 1)
			for len(c.flying) > 0 {
				f := c.flying[0]
				c.flying = c.flying[1:]
				effects := c.effects(f)
				if at <= kill && kill <= at+len(effects) {
					more = true
					c.crash(f.to, effects, kill-at, lost)
				} else {
					c.apply(f.to, effects)
				}
				at += len(effects) + 1
			}
			c.settle()
			if err := c.verdict(0); err != nil || c.serving[0] != 1 {
				t.Fatalf("killed at %d, messages lost %v: %v, in service %v", kill, lost, err, c.serving)
			}
		}
		if !more {
			t.Logf("%d kills", kill)
			if kill < 50 {
				t.Error("too few steps: does the chain run at all?")
			}
			return
		}
	}
}

func TestARefusalAnywhereReleasesEverything(t *testing.T) {
	for nodes := 2; nodes <= 3; nodes++ {
		for at := range nodes {
			for _, building := range []bool{false, true} {
				c := newChain(nodes)
				c.faults, c.refuse, c.building, c.crashes = 1, at, building, 1
				c.place(t, 1)
				if x := explore(t, c, 0); x.ends[0] == 0 {
					t.Errorf("a refusal at %d of %d leaves %v", at, nodes, x.ends)
				}
			}
		}
	}
}

func TestAReservationThatLapsesAtAnyMomentLeavesAllOrNothing(t *testing.T) {
	for nodes := 2; nodes <= 4; nodes++ {
		c := newChain(nodes)
		c.faults, c.lapses = 1, true
		if nodes < 4 {
			c.crashes = 1
		}
		c.place(t, 1)
		if x := explore(t, c, 0); x.ends[0] == 0 || x.ends[1] == 0 {
			t.Errorf("with %d carriers not both ends were reached: %v", nodes, x.ends)
		}
	}
}

// inService is a chain whose first revision is accepted everywhere.
func inService(t *testing.T, nodes int) *chain {
	c := newChain(nodes)
	c.place(t, 1)
	c.settle()
	if c.serving[nodes-1] != 1 {
		t.Fatalf("in service are %v", c.serving)
	}
	return c
}

func TestAChangeThatFailsLeavesWhatWasInService(t *testing.T) {
	for at := range 3 {
		c := inService(t, 3)
		c.faults, c.refuse, c.crashes = 1, at, 1
		c.place(t, 2)
		x := explore(t, c, 1)
		if x.ends[1] == 0 {
			t.Errorf("a refusal at %d leaves %v", at, x.ends)
		}
	}
}

func TestAChangeReplacesTheServiceAtAllCarriers(t *testing.T) {
	c := inService(t, 3)
	c.crashes = 1
	c.place(t, 2)
	if x := explore(t, c, 1); len(x.ends) != 1 || x.ends[2] == 0 {
		t.Errorf("ends are %v", x.ends)
	}
}

func TestATerminationReachesAllCarriersWhoeverDies(t *testing.T) {
	c := inService(t, 4)
	c.crashes = 1
	c.apply(0, c.with(0, func(k *Cascade) []Effect { return k.Finish(chainNow, chainOrder, chainNow) }))
	if x := explore(t, c, 1); len(x.ends) != 1 || x.ends[0] == 0 {
		t.Errorf("ends are %v", x.ends)
	}
}

func TestATerminationEndsAChangeThatIsUnderWay(t *testing.T) {
	c := inService(t, 3)
	c.place(t, 2)
	c.apply(0, c.with(0, func(k *Cascade) []Effect { return k.Finish(chainNow, chainOrder, chainNow) }))
	if x := explore(t, c, 1); len(x.ends) != 1 || x.ends[0] == 0 {
		t.Errorf("ends are %v", x.ends)
	}
}

func TestEachHopOwesForItsOwnTerm(t *testing.T) {
	c := inService(t, 3)
	c.apply(0, c.with(0, func(k *Cascade) []Effect { return k.Finish(chainNow, chainOrder, chainNow+3*month) }))
	c.settle()
	// Terms of 12, 24 and 36 months at 10, 9 and 8 a month; four have begun.
	for i, want := range []money.Micro{8 * 10_000_000, 20 * 9_000_000, 32 * 8_000_000} {
		for _, o := range c.saved[i] {
			if o.End == nil || o.End.Exit != want || !o.End.Below {
				t.Errorf("carrier %d ends with %+v, want %s", i, o.End, want)
			}
		}
	}
}

func TestADownstreamReservationEndsFirst(t *testing.T) {
	c := newChain(4)
	c.place(t, 1)
	c.settle()
	last := int64(1 << 60)
	for i := range c.saved {
		for _, o := range c.saved[i] {
			if o.Next.Until >= last {
				t.Errorf("carrier %d holds until %d, its buyer until %d", i, o.Next.Until, last)
			}
			last = o.Next.Until
		}
	}
}

// An own customer's order that is to be delivered later is not given up before.
func TestAnOrderWithALaterDateMayTakeLonger(t *testing.T) {
	for later, want := range map[int64]Stage{0: Releasing, 1000: Ordered, -1000: Releasing} {
		sold := soldBy{0, 3}
		s, _, _ := sold.Supply(quoteOf(0, 1))
		o := Order{ID: chainOrder, Up: -1, Down: 1, Next: &Revision{Number: 1, Quote: s.Sold.Quote.ID, Stage: Ordered, Until: chainUntil}}
		c, _ := NewCascade(chainNow, [32]byte{1}, sold, []Order{o})
		c.Extend(chainNow, chainOrder, chainUntil+later)
		c.Tick(chainUntil)
		if o, _ := c.Order(chainOrder); o.Next.Stage != want {
			t.Errorf("%d ms later, at the old time it is %s, want %s", later, o.Next.Stage, want)
		}
	}
}

func TestAnOrderOnAQuoteThatIsUnknownOrExpiredIsRefused(t *testing.T) {
	k, _ := NewCascade(chainNow, [32]byte{}, soldBy{1, 3}, nil)
	out := k.Receive(chainNow, 0, Reserve{ID: ID{1}, Rev: 1, Quote: quoteOf(2, 1), Time: 1000})
	if s, ok := out[0].(Send); !ok || s.Message.(Standing).Stage != Released {
		t.Errorf("an unknown quote gives %v", out)
	}
	out = k.Receive(1<<51, 0, Reserve{ID: ID{2}, Rev: 1, Quote: quoteOf(1, 1), Time: 1000})
	if s, ok := out[0].(Send); !ok || s.Message.(Standing).Stage != Released {
		t.Errorf("an expired quote gives %v", out)
	}
	if _, err := k.Place(chainNow, ID{3}, quoteOf(2, 1), chainUntil); err == nil {
		t.Error("a customer's order on an unknown quote is placed")
	}
}

// Whoever drives a cascade keeps one time at which to wake it. What is due later than
// that is asked for again, or it would be forgotten.
func TestATickSaysWhenTheNextIsDue(t *testing.T) {
	c, _ := NewCascade(chainNow, [32]byte{1}, soldBy{0, 2}, nil)
	if _, err := c.Place(chainNow, chainOrder, quoteOf(0, 1), chainUntil); err != nil {
		t.Fatal(err)
	}
	wakes := func(effects []Effect) (at int64) {
		for _, e := range effects {
			if w, ok := e.(Wake); ok && (at == 0 || w.At < at) {
				at = w.At
			}
		}
		return at
	}
	if at := wakes(c.Tick(chainNow + 1)); at != chainUntil {
		t.Errorf("held by nobody yet, it wakes at %d, want %d", at, chainUntil)
	}
	c.Held(chainNow+1, chainOrder, 1, true) // the neighbour is asked, and says nothing
	if at := wakes(c.Tick(chainNow + 2)); at <= chainNow || at > chainNow+2+repeat {
		t.Errorf("with a message that has no answer it wakes at %d", at)
	}
}
