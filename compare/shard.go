package compare

import (
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/line/voice"
)

// stage is why a cycle changes what was found.
type stage uint8

// The stages, in the order in which a delta takes them.
const (
	onTime  stage = iota // calls that are settled for the first time, in time
	revised              // a record that came in time says otherwise
	late                 // a record came for a time that was settled
	blocked              // calls that one side lacks are seen to be a block, or none
	countStages
)

// turn is what a stage finds, and what of former findings it takes back.
type turn struct{ plus, minus *parts }

// state of a kept call.
const (
	loose  uint8 = iota // not settled
	single              // settled as one that the other side lacks
	paired              // settled with a partner
	aside               // no successful call of the pair: it only explains others
	gone                // the place is free
)

// held is a call that has no exact partner.
type held struct {
	call    // at the time at which the other side has it
	next    uint32
	partner uint32 // place of the partner
	state   uint8
	side    side
	cause   uint8 // of a single one
	known   bool  // a record of the other side shows the cause
	split   bool  // one of the pair is recorded in parts
	late    bool  // it came late, in this cycle
	had     bool  // what was found of it is taken back, in this cycle
	list    uint8 // of the fresh ones that it is in, at place next; grouped: in none
}

// end of a list of kept calls.
const last = ^uint32(0)

// grouped is a call that is in no list of fresh ones.
const grouped = 2

// peers is the kept calls to one number.
type peers struct {
	head        uint32
	calls       int32 // successful ones of the pair
	dirty, late bool  // in this cycle
}

// verdict is what the ids say of a row.
type verdict uint8

const (
	taken verdict = iota
	twice
	dropped
)

// shard holds the calls to some of the numbers, and some of the ids.
type shard struct {
	w      *Window
	nth    int
	ids    [2]memory // by side
	calls  memory    // by content, as the sides are compared
	own    [2]memory // by content with their own times, where clocks differ
	kept   []held
	free   []uint32
	fresh  [2][]uint32     // kept, in no group: of the last pieces, and of those before
	now    uint8           // of the two, that which new ones go to
	taken  int             // pieces since the two changed places
	groups map[dest]uint32 // place in peers
	peers  []peers
	empty  []uint32 // places in peers
	dirty  []dest
	wait   []dest // groups with calls that are not due
	turns  [countStages]turn
	sorter *parts // matches and explains, and counts nothing
	where  [2][]uint32

	open    [2]uint64         // calls that are not due, by side
	counted map[uint16]uint32 // calls of the piece by trunk
	err     error
}

func newShard(w *Window, nth int) *shard {
	return &shard{w: w, nth: nth, groups: map[dest]uint32{}, sorter: w.c.newParts(), counted: map[uint16]uint32{}}
}

// plus is where a stage counts what is found.
func (h *shard) plus(n stage) *parts {
	if h.turns[n].plus == nil {
		h.turns[n].plus = h.w.c.newParts()
		h.turns[n].plus.ladder.few = true
	}
	return h.turns[n].plus
}

// minus is where a stage counts what is taken back.
func (h *shard) minus(n stage) *parts {
	if h.turns[n].minus == nil {
		h.turns[n].minus = h.w.c.newParts()
		h.turns[n].minus.ladder.few = true
	}
	return h.turns[n].minus
}

// fail keeps the first error.
func (h *shard) fail(err error) {
	if h.err == nil {
		h.err = err
	}
}

// print is a hash of a call's content that nobody can aim at.
func (h *shard) print(c *call) uint64 { return mix(c.hash()^h.w.seeds[0], h.w.seeds[1]) }

var (
	errBeyond = fault.New(CodeBeyondHorizon, "the call began so long ago that the calls of its time are forgotten", "compare the files of that time again, or follow them with a longer horizon")
	errTaken  = &fault.Error{Code: voice.CodeSameID, Field: "call_id", Detail: "an earlier row has the same id with other content", Remedy: "give each call an id of its own"}
)

// judgeIDs finds the rows of a piece that repeat an earlier id, for the ids of this
// shard, and makes numbers what they should be. The first row with an id has it,
// unless its number is refused.
func (h *shard) judgeIDs(s side, calls []call, verdicts []verdict) {
	p := h.plus(onTime)
	for i := range calls {
		c := &calls[i]
		if int(c.id>>32%uint64(len(h.w.shards))) != h.nth {
			continue
		}
		start := c.start - h.w.c.offset(s, c.trunk).Millis
		if start < h.w.edge {
			verdicts[i] = dropped
			if !c.third {
				p.refused[s].add(uint64(c.line), errBeyond)
			}
			continue
		}
		if c.third {
			continue
		}
		was, content := c.dest, uint32(mix(h.print(c), uint64(c.trunk)<<8|uint64(c.text))>>32)
		rule, refused, err := p.right(s, c)
		if err != nil {
			h.fail(err)
			return
		}
		if refused != nil {
			p.refused[s].add(uint64(c.line), refused)
			verdicts[i] = dropped
			continue
		}
		id, met := h.ids[s].at(c.id, h.w.when(start))
		switch {
		case !met:
			id.val = content
			p.rewrote(s, c, was, rule)
		case id.val == content:
			verdicts[i] = twice
		default:
			p.refused[s].add(uint64(c.line), errTaken)
			verdicts[i] = dropped
		}
	}
}

// partBitsOfShards spreads numbers over the shards.
const partBitsOfShards = 12

// patience is how many pieces, of both sides, the exact partner of a call is waited
// for before the call goes to a group.
const patience = 16

// take takes the calls of a piece to the numbers of this shard: nearly all find
// their exact partner, and are rated and done with.
func (h *shard) take(s side, calls []call, verdicts []verdict) {
	w := h.w
	// Calls that have waited for some pieces go to their groups now, so that less
	// is to be done when the cycle is closed.
	if h.taken++; h.taken > patience {
		h.taken, h.now = 0, 1-h.now
		h.sort(h.now)
	}
	for n := range h.turns {
		if p := h.turns[n].plus; p != nil {
			p.calls[ours], p.calls[theirs] = p.calls[ours][:0], p.calls[theirs][:0]
		}
	}
	for i := range calls {
		c := &calls[i]
		if verdicts[i] == dropped || int(partOf(c.dest.tail(), partBitsOfShards))%len(w.shards) != h.nth {
			continue
		}
		c.line += w.base[s]
		if err := h.call(s, c, verdicts[i] == twice); err != nil {
			h.fail(err)
			return
		}
	}
	for n := range h.turns {
		p := h.turns[n].plus
		if p == nil || len(p.calls[ours]) == 0 {
			continue
		}
		p.partner = p.partner[:0]
		for i := range p.calls[ours] {
			p.partner = append(p.partner, uint32(i))
		}
		for _, i := range p.byHead() {
			if err := p.pair(i, i, atDurationRounding); err != nil {
				h.fail(err)
				return
			}
		}
	}
}

// call takes one call.
func (h *shard) call(s side, c *call, again bool) error {
	w := h.w
	p := h.plus(onTime)
	repeat := func() error {
		if !c.success() {
			return nil
		}
		_, err := p.repeat(s, c)
		return err
	}
	if again {
		p.duplicates[s]++
		return repeat()
	}
	if c.third {
		x := w.c.elsewhere(s, *c)
		h.keep(held{call: x, side: s, state: aside, late: w.late(&x)})
		return nil
	}
	offset := w.c.offset(s, c.trunk).Millis
	when := w.when(c.start - offset)
	clocks := w.c.clocks[ours] != nil || w.c.clocks[theirs] != nil
	if clocks {
		if _, met := h.own[s].at(h.print(c), when); met {
			p.duplicates[s]++
			return repeat()
		}
		c.start -= offset
	}
	at, _ := h.calls.at(h.print(c), when)
	if !clocks && at.has(s) {
		p.duplicates[s]++
		return repeat()
	}
	p.accepted[s]++
	if offset != 0 {
		p.shifted.count(s, c.trunk)
	}
	mine := at.has(s)
	at.add(s)
	if !c.success() {
		h.keep(held{call: *c, side: s, state: aside, late: w.late(c)})
		return nil
	}
	isLate := w.late(c)
	h.counted[c.trunk]++
	if c.origin != 0 && at.val != 0 && h.kept[at.val-1].side != s {
		other := at.val - 1
		at.val = 0
		return h.exact(s, c, other, isLate)
	}
	place := h.keep(held{call: *c, side: s, late: isLate})
	if c.origin != 0 && !mine {
		// h.calls has not moved since.
		at.val = place + 1
	}
	return nil
}

// exact settles a call with a kept one of the other side that is the same.
func (h *shard) exact(s side, c *call, other uint32, isLate bool) error {
	k := &h.kept[other]
	n := onTime
	switch {
	case isLate || k.late:
		n = late
	case k.state != loose:
		n = revised
	}
	if err := h.takeBack(other, n); err != nil {
		return err
	}
	p := h.plus(n)
	p.calls[s] = append(p.calls[s], *c)
	p.calls[1-s] = append(p.calls[1-s], k.call)
	h.drop(other, n == late)
	return nil
}

// keep keeps a call.
func (h *shard) keep(k held) uint32 {
	var place uint32
	if n := len(h.free); n > 0 {
		place, h.free = h.free[n-1], h.free[:n-1]
	} else {
		place = uint32(len(h.kept))
		h.kept = append(h.kept, held{})
	}
	list := &h.fresh[h.now]
	k.next, k.list = uint32(len(*list)), h.now
	h.kept[place] = k
	*list = append(*list, place)
	return place
}

// drop gives up a call that has found its exact partner. The others to its number
// are looked at again.
func (h *shard) drop(place uint32, isLate bool) {
	k := &h.kept[place]
	if k.list == grouped {
		k.state = gone // and its place free, when the group is gone through
		h.touch(k.dest, isLate)
		return
	}
	list := h.fresh[k.list]
	moved := list[len(list)-1]
	list[k.next], h.kept[moved].next = moved, k.next
	h.fresh[k.list] = list[:len(list)-1]
	k.state = gone
	h.free = append(h.free, place)
}

// group gives the calls to a number. It is good until the next group is made.
func (h *shard) group(d dest) *peers {
	if n, ok := h.groups[d]; ok {
		return &h.peers[n]
	}
	n := uint32(len(h.peers))
	if k := len(h.empty); k > 0 {
		n, h.empty = h.empty[k-1], h.empty[:k-1]
		h.peers[n] = peers{head: last}
	} else {
		h.peers = append(h.peers, peers{head: last})
	}
	h.groups[d] = n
	return &h.peers[n]
}

// leave gives up an empty group.
func (h *shard) leave(d dest) {
	h.empty = append(h.empty, h.groups[d])
	delete(h.groups, d)
}

// touch has a group looked at when the cycle is closed.
func (h *shard) touch(d dest, isLate bool) {
	g := h.group(d)
	if !g.dirty {
		g.dirty = true
		h.dirty = append(h.dirty, d)
	}
	g.late = g.late || isLate
}

// takeBack takes a settled call's finding back.
func (h *shard) takeBack(place uint32, n stage) error {
	k := &h.kept[place]
	switch k.state {
	case single:
		k.state, k.had = loose, true
		return alone(h.minus(n), k.side, k.call, k.cause, k.known)
	case paired:
		o := &h.kept[k.partner]
		k.state, o.state, k.had, o.had = loose, loose, true, true
		a, b := k, o
		if k.side == theirs {
			a, b = o, k
		}
		h.touch(k.dest, n == late)
		return pairOf(h.minus(n), a.call, b.call, k.split)
	}
	return nil
}

// pairOf counts one pair.
func pairOf(p *parts, a, b call, split bool) error {
	p.calls[ours], p.calls[theirs] = append(p.calls[ours][:0], a), append(p.calls[theirs][:0], b)
	step := uint8(atDurationRounding)
	if split {
		step = atSplitCall
	}
	return p.pair(0, 0, step)
}

// alone counts one call that the other side lacks.
func alone(p *parts, s side, c call, cause uint8, known bool) error {
	p.only[s]++
	p.calls[s] = append(p.calls[s][:0], c)
	return p.alone(s, 0, reason{cause: cause}, known)
}

// sort puts the calls of a list into their groups.
func (h *shard) sort(list uint8) {
	for _, place := range h.fresh[list] {
		k := &h.kept[place]
		g := h.group(k.dest)
		k.next, k.list, g.head = g.head, grouped, place
		if k.state != aside {
			g.calls++
		}
	}
	for _, place := range h.fresh[list] {
		if k := &h.kept[place]; h.group(k.dest).calls > 0 {
			h.touch(k.dest, k.late)
		}
	}
	h.fresh[list] = h.fresh[list][:0]
}

// close settles what is due among the calls to the numbers that something came
// for.
func (h *shard) close() {
	h.sort(h.now)
	h.sort(1 - h.now)
	for _, d := range h.wait {
		h.touch(d, false)
	}
	h.wait, h.open = h.wait[:0], [2]uint64{}
	p := h.sorter
	for s := range p.calls {
		p.calls[s], p.third[s], h.where[s] = p.calls[s][:0], p.third[s][:0], h.where[s][:0]
		p.trunks[s] = longer(p.trunks[s], len(h.w.c.files[s].trunks.list))
	}
	for _, d := range h.dirty {
		h.gather(d)
	}
	p.index(p.calls[theirs])
	p.match()
	split, reasons := p.reasons()
	h.fail(h.settle(split, reasons))
	for _, d := range h.dirty {
		g := h.group(d)
		g.dirty, g.late = false, false
		if g.head == last {
			h.leave(d)
		}
	}
	h.dirty = h.dirty[:0]
}

// gather gives the calls of a group to the sorter.
func (h *shard) gather(d dest) {
	p := h.sorter
	g := h.group(d)
	at := &g.head
	for *at != last {
		place := *at
		k := &h.kept[place]
		if k.state == gone {
			*at = k.next
			g.calls--
			h.free = append(h.free, place)
			continue
		}
		at = &k.next
		if k.third {
			p.third[k.side] = append(p.third[k.side], k.call)
			continue
		}
		p.calls[k.side] = append(p.calls[k.side], k.call)
		h.where[k.side] = append(h.where[k.side], place)
	}
}

// settle lays what the sorter found beside what was found before.
func (h *shard) settle(split split, reasons [2]map[uint32]reason) error {
	p := h.sorter
	type finding struct {
		partner uint32
		state   uint8
		cause   uint8
		known   bool
		split   bool
	}
	// What is found now, by call: loose where nothing is settled yet.
	var now [2][]finding
	for s := range now {
		now[s] = make([]finding, len(p.calls[s]))
	}
	due := func(s side, i uint32) bool {
		return h.w.due(&h.kept[h.where[s][i]].call)
	}
	for i, j := range p.partner {
		if j == none {
			continue
		}
		i := uint32(i)
		a, b := h.where[ours][i], h.where[theirs][j]
		if h.kept[a].state == loose && h.kept[b].state == loose && !due(ours, i) && !due(theirs, j) {
			continue
		}
		now[ours][i] = finding{partner: b, state: paired, split: split.has(i)}
		now[theirs][j] = finding{partner: a, state: paired, split: split.has(i)}
	}
	for _, s := range []side{ours, theirs} {
		for _, i := range p.rest[s] {
			if !due(s, i) {
				continue
			}
			why, known := reasons[s][i]
			now[s][i] = finding{state: single, cause: why.cause, known: known}
		}
	}
	lateIn := func(k *held) bool { return h.group(k.dest).late }
	// First all that does not hold any more is taken back.
	for _, s := range []side{ours, theirs} {
		for i := range now[s] {
			place := h.where[s][i]
			k := &h.kept[place]
			f := now[s][i]
			if k.state == aside || k.state == loose {
				continue
			}
			if k.state == f.state && (f.state == single && k.cause == f.cause && k.known == f.known || f.state == paired && k.partner == f.partner && k.split == f.split) {
				continue
			}
			n := revised
			if lateIn(k) {
				n = late
			}
			if err := h.takeBack(place, n); err != nil {
				return err
			}
		}
	}
	for _, s := range []side{ours, theirs} {
		for i := range now[s] {
			place := h.where[s][i]
			k := &h.kept[place]
			f := now[s][i]
			if k.state != loose {
				continue
			}
			if f.state == loose {
				h.wait = append(h.wait, k.dest)
				h.open[s]++
				continue
			}
			n := onTime
			before, fresh := k.had, k.late
			if f.state == paired {
				o := &h.kept[f.partner]
				before, fresh = before || o.had, fresh || o.late
			}
			switch {
			case fresh || before && lateIn(k):
				n = late
			case before:
				n = revised
			}
			k.state, k.partner, k.cause, k.known, k.split = f.state, f.partner, f.cause, f.known, f.split
			var err error
			if f.state == single {
				err = alone(h.plus(n), s, k.call, f.cause, f.known)
			} else {
				o := &h.kept[f.partner]
				o.state, o.partner, o.split = paired, place, f.split
				err = pairOf(h.plus(n), k.call, o.call, f.split)
			}
			if err != nil {
				return err
			}
		}
	}
	for s := range h.where {
		for _, place := range h.where[s] {
			h.kept[place].late, h.kept[place].had = false, false
		}
	}
	return nil
}

// forget gives up what began before a moment.
func (h *shard) forget(edge, keep int64) {
	from := h.w.when(edge)
	for s := range h.ids {
		h.ids[s].forget(from)
		h.own[s].forget(from)
	}
	h.calls.forget(from)
	old := func(k *held) bool { return k.start < keep }
	for d, n := range h.groups {
		g := &h.peers[n]
		at := &g.head
		for *at != last {
			place := *at
			k := &h.kept[place]
			if old(k) && (k.state == aside || k.state == single || k.state == paired && old(&h.kept[k.partner])) {
				*at = k.next
				if k.state != aside {
					g.calls--
				}
				h.free = append(h.free, place)
				continue
			}
			at = &k.next
		}
		if g.head == last && !g.dirty {
			h.leave(d)
		}
	}
	for _, place := range h.free {
		h.kept[place].state = gone
	}
}
