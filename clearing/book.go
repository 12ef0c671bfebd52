package clearing

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// Codes of a carrier's own usage.
const (
	// CodeStated says that a period was stated before: a statement is made once.
	CodeStated fault.Code = "period-stated"
	// CodeLost says that an import which a statement rests on is not there, or
	// cannot be read.
	CodeLost fault.Code = "import-lost"
	// CodeTooLong says that a call began longer before its period than the
	// agreement's longest call: the channel takes no price of that time.
	CodeTooLong fault.Code = "call-too-long"
	// CodeMissed says that a call was not stated by the deadline of its period,
	// and so cannot be used.
	CodeMissed fault.Code = "statement-missed"
)

// Book is one side's own call records of one pair: what was imported, which
// period each call belongs to, and which calls have been stated. It holds no
// file and writes nothing: a [Desk] feeds it and keeps its manifests, and can
// build it again from imports and manifests at any time.
//
// It lets go of imports whose calls are over for good ([Book.seal]).
//
// A call is stated exactly once: in its own period, or, when it came after that
// period was closed, as an adjustment in a later one that was still open then.
type Book struct {
	pair usage.Pair

	mu       sync.Mutex   // guards all below
	hider    *usage.Hider // of the pair's numbers
	schedule schedule
	batches  map[uint32]*usage.Batch
	closed   map[uint32]int64        // by import: periods that end by then were closed when it came; ms UTC
	open     map[Slot][]call         // not stated yet, by the period they belong to
	stated   map[Slot]bool           // by a statement, or passed without ours
	late     map[usage.Way]lateness  // came after their own period was closed
	freed    map[call]int64          // named as unrated before, with a price now: periods that ended by then were closed when it came; ms UTC
	moments  map[call]rating.Moment  // where the partner's record decides, as its edges showed
	through  int64                   // periods that end by then are over for good; ms UTC
	gone     map[uint32]bool         // imports that are sealed: their calls are over, their records not here
	pins     map[uint32]int          // how many look at the records of an import now ...
	recalled map[uint32]*usage.Batch // ... which stand here while they do, if it is sealed
	sums     sums                    // what the imports come to that were looked at for it
}

// lateness is late calls by what decides which statement takes them: so that one
// of thousands of periods need not look at each call.
type lateness map[late][]call

// late is where and when calls came late.
type late struct {
	of   usage.Interval // the period that they belong to
	came int64          // periods that end by then were closed; ms UTC
}

// carried reports whether such calls can be adjustments of a period's statement:
// they belong to an earlier one, and came while this one was open.
func (l late) carried(p usage.Interval) bool { return l.of.To <= p.From && l.came < p.To }

// Slot is one period in one direction.
type Slot struct {
	Way    usage.Way
	Period usage.Interval
}

// call names one of our own records: the import that it came with, and its
// place there.
type call struct {
	Import uint32 `cbor:"1,keyasint"`
	Index  uint32 `cbor:"2,keyasint"`
}

// Manifest is what a statement consists of: for each line the records behind
// it. It is written before the statement is sent, so that after a crash the
// same statement is made again and the same records can be delivered.
type Manifest struct {
	Way     usage.Way      `cbor:"1,keyasint"`
	Period  usage.Interval `cbor:"2,keyasint"`
	Lines   []manifestLine `cbor:"3,keyasint"`
	Unrated []call         `cbor:"4,keyasint,omitempty"` // calls that no row prices: named, never priced
	Missed  []call         `cbor:"5,keyasint,omitempty"` // calls of a period that went on without our statement
	Outside []call         `cbor:"6,keyasint,omitempty"` // calls that the order does not cover: named, never priced
	Free    []call         `cbor:"7,keyasint,omitempty"` // calls that cost nothing where each call on a line has a fee
}

type manifestLine struct {
	Row     uint32         `cbor:"1,keyasint"`
	Adjusts usage.Interval `cbor:"2,keyasint,omitzero"`
	Calls   []call         `cbor:"3,keyasint"` // in canonical order
	Reason  usage.Reason   `cbor:"4,keyasint,omitempty"`
}

// calls goes through all calls of a manifest.
func (m *Manifest) calls(yield func(call) bool) {
	for _, l := range m.Lines {
		for _, c := range l.Calls {
			if !yield(c) {
				return
			}
		}
	}
	for _, calls := range [][]call{m.Unrated, m.Missed, m.Outside, m.Free} {
		for _, c := range calls {
			if !yield(c) {
				return
			}
		}
	}
}

// newBook makes an empty book. key hides numbers from who does not have them.
func newBook(pair usage.Pair, s schedule, key [32]byte) *Book {
	return &Book{
		pair: pair, schedule: s, hider: usage.NewHider(key[:]), batches: map[uint32]*usage.Batch{}, closed: map[uint32]int64{},
		open: map[Slot][]call{}, stated: map[Slot]bool{}, late: map[usage.Way]lateness{usage.Forth: {}, usage.Back: {}}, freed: map[call]int64{},
		moments: map[call]rating.Moment{}, gone: map[uint32]bool{}, pins: map[uint32]int{}, recalled: map[uint32]*usage.Batch{},
	}
}

// Add takes the records of an import, none of which came before. Calls of periods that end at
// or before closed (ms UTC) come late.
func (b *Book) Add(number uint32, batch *usage.Batch, closed int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.batches[number], b.closed[number] = batch, closed
	for i := range batch.Records {
		r := &batch.Records[i]
		c := call{number, uint32(i)}
		at := b.slot(c)
		switch {
		case r.Result != usage.Success:
		case at.Period.To <= closed:
			b.putLate(c)
		default:
			b.place(c, at)
		}
	}
}

// record gives our record of a call. A sealed one must be pinned and recalled.
func (b *Book) record(c call) *usage.Record {
	batch := b.batches[c.Import]
	if batch == nil {
		batch = b.recalled[c.Import]
	}
	return &batch.Records[c.Index]
}

// closedTo reports whether a slot takes no more calls. The lock is held.
func (b *Book) closedTo(at Slot) bool { return at.Period.To <= b.through || b.stated[at] }

// start is when a call began, by the record that decides. The lock is held.
func (b *Book) start(c call) int64 {
	if m, ok := b.moments[c]; ok {
		return m.Start
	}
	return b.record(c).Start
}

// slot is where a call belongs, by the record that decides. The lock is held.
func (b *Book) slot(c call) Slot {
	r := b.record(c)
	m, ok := b.moments[c]
	if !ok {
		m = rating.Moment{Start: r.Start, Duration: r.Duration}
	}
	return Slot{r.Way, b.schedule.period(b.schedule.moment(m.Start, m.Duration))}
}

// place puts a call where it will be stated. The lock is held.
func (b *Book) place(c call, at Slot) {
	if b.closedTo(at) {
		b.putLate(c)
		return
	}
	b.open[at] = append(b.open[at], c)
}

// lateAt tells where a call stands among the late ones, if it is one. The lock
// is held.
func (b *Book) lateAt(c call) (usage.Way, late) {
	at := b.slot(c)
	came, ok := b.freed[c]
	if !ok {
		came = b.closed[c.Import]
	}
	return at.Way, late{at.Period, came}
}

// putLate makes a call late. The lock is held.
func (b *Book) putLate(c call) {
	w, l := b.lateAt(c)
	b.late[w][l] = append(b.late[w][l], c)
}

// Amend takes another schedule: calls that are not stated yet move to the
// periods that they belong to under it.
func (b *Book) Amend(s schedule) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.schedule = s
	b.sums = sums{} // calls belong to other periods
	open := b.open
	b.open = map[Slot][]call{}
	for _, at := range slices.SortedFunc(maps.Keys(open), compareSlots) {
		for _, c := range open[at] {
			b.place(c, b.slot(c))
		}
	}
	late := b.late
	b.late = map[usage.Way]lateness{usage.Forth: {}, usage.Back: {}}
	for _, all := range late {
		for _, calls := range all {
			for _, c := range calls {
				b.putLate(c)
			}
		}
	}
}

// Restore takes the calls that manifests name out of the open ones. All imports
// and what followed the partner's records come before it. Code: import-lost.
func (b *Book) Restore(manifests []Manifest) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	gone := map[call]bool{}
	for _, m := range manifests {
		for c := range m.calls {
			if b.gone[c.Import] {
				continue
			}
			if batch := b.batches[c.Import]; batch == nil || int(c.Index) >= len(batch.Records) {
				return fault.Newf(CodeLost, "restore the node's data from a backup",
					"the statement of %s rests on import %d, which is not here as it was", m.Period, c.Import)
			}
			gone[c] = true
		}
	}
	// A call need not be open in the period that states it: it may have been
	// late. So all slots are looked through.
	for at := range b.open {
		b.drop(at, gone)
	}
	b.dropLate(gone)
	for _, m := range manifests {
		b.close(Slot{m.Way, m.Period})
	}
	return nil
}

// Close takes the calls that a manifest names out of the open ones and marks its
// period as stated.
func (b *Book) Close(m Manifest) {
	b.mu.Lock()
	defer b.mu.Unlock()
	gone := map[call]bool{}
	for c := range m.calls {
		gone[c] = true
	}
	at := Slot{m.Way, m.Period}
	b.drop(at, gone)
	b.dropLate(gone)
	b.close(at)
}

// drop takes calls out of an open slot. The lock is held.
func (b *Book) drop(at Slot, gone map[call]bool) {
	if rest := slices.DeleteFunc(b.open[at], func(c call) bool { return gone[c] }); len(rest) > 0 {
		b.open[at] = rest
	} else {
		delete(b.open, at)
	}
}

// dropLate takes calls out of the late ones. The lock is held.
func (b *Book) dropLate(gone map[call]bool) {
	type place struct {
		way usage.Way
		late
	}
	seen := map[place]bool{}
	for c := range gone {
		w, l := b.lateAt(c)
		if seen[place{w, l}] {
			continue
		}
		seen[place{w, l}] = true
		if rest := slices.DeleteFunc(b.late[w][l], func(c call) bool { return gone[c] }); len(rest) > 0 {
			b.late[w][l] = rest
		} else {
			delete(b.late[w], l)
		}
	}
}

// close marks a slot as stated; what is still open in it is late. The lock is
// held.
func (b *Book) close(at Slot) {
	b.stated[at] = true
	for _, c := range b.open[at] {
		b.putLate(c)
	}
	delete(b.open, at)
}

// release makes calls late that a statement would have had as adjustments, but
// was not made.
func (b *Book) release(calls []call) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range calls {
		b.putLate(c)
	}
}

// priced splits a manifest in two: what stays of it, and those of its calls
// without a rate that have one now.
func (b *Book) priced(m Manifest, prices Prices) (rest Manifest, found []call) {
	b.mu.Lock()
	defer b.mu.Unlock()
	rest, rest.Unrated = m, nil
	for _, c := range m.Unrated {
		if b.gone[c.Import] {
			rest.Unrated = append(rest.Unrated, c)
			continue
		}
		r := b.record(c)
		if _, ok := prices.Find(r.Destination, r.Origin, b.start(c)); ok && prices.Ordered(r.Destination) && !b.tooLong(c, m.Period) {
			found = append(found, c)
		} else {
			rest.Unrated = append(rest.Unrated, c)
		}
	}
	return rest, found
}

// free makes calls late that have got a price when periods that end by closed
// (ms UTC) were closed.
func (b *Book) free(f freedRecord) {
	b.freeing(f)
	b.release(f.Calls)
}

// freeing notes when calls got a price, before they are late.
func (b *Book) freeing(f freedRecord) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range f.Calls {
		b.freed[c] = f.Closed
	}
}

// near lists the open calls of a direction that may have another period, or a
// rate on one side only, by the partner's record of them, in canonical order:
// those within the tolerance of an edge after from and up to through, and of
// those that lie between the two, the ones that have a row at some starts within
// the tolerance of theirs and none at others.
func (b *Book) near(w usage.Way, from, through int64, rates *tariff) []call {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []call
	for at, calls := range b.open {
		if at.Way != w || at.Period.To <= from {
			continue
		}
		for _, c := range calls {
			r := b.record(c)
			m := b.schedule.moment(r.Start, r.Duration)
			apart := b.schedule.at(m).terms.StartTolerance
			if b.schedule.near(m, from, through) ||
				from <= m && m < through && rates.pricedInPart(r.Destination, r.Origin, r.Start-apart, r.Start+apart) {
				out = append(out, c)
			}
		}
	}
	b.sort(out)
	return out
}

// unled lists, of calls, those for which no record of the partner decides.
func (b *Book) unled(calls []call) []call {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.DeleteFunc(calls, func(c call) bool {
		_, led := b.moments[c]
		return led
	})
}

// meets reports whether a record that the partner has shown is compared with
// ours between two moments: it lies there, or near an edge after from and up to
// through. Why it was shown is not asked; its number is hidden.
func (b *Book) meets(start int64, duration uint32, from, through int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	m := b.schedule.moment(start, duration)
	return from <= m && m < through || b.schedule.near(m, from, through)
}

// follow moves an open call to where the partner's record of it lies.
func (b *Book) follow(c call, m rating.Moment) {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := b.slot(c)
	was := len(b.open[before])
	w, l := b.lateAt(c)
	waits := slices.Contains(b.late[w][l], c)
	if waits {
		b.dropLate(map[call]bool{c: true})
	}
	b.moments[c] = m
	after := b.slot(c)
	if waits {
		b.putLate(c)
	}
	if before == after {
		return
	}
	b.drop(before, map[call]bool{c: true})
	if len(b.open[before]) < was { // it was still open
		b.place(c, after)
	}
}

// Due lists the slots that are to be stated once all periods that end by
// through are closed, in order: those with calls, and where late calls have no
// other period to go into, the last period that ends by then.
func (b *Book) Due(through int64) []Slot {
	b.mu.Lock()
	defer b.mu.Unlock()
	var due []Slot
	latest := map[usage.Way]int64{}
	for at := range b.open {
		if at.Period.To <= through {
			due = append(due, at)
			latest[at.Way] = max(latest[at.Way], at.Period.From)
		}
	}
	for w, all := range b.late {
		last := Slot{w, b.schedule.last(through)}
		if len(all) == 0 || b.closedTo(last) || latest[w] == last.Period.From {
			continue
		}
		for l := range all {
			if l.carried(last.Period) {
				due = append(due, last)
				break
			}
		}
	}
	slices.SortFunc(due, compareSlots)
	return due
}

func compareSlots(a, b Slot) int {
	return cmp.Or(cmp.Compare(a.Period.From, b.Period.From), cmp.Compare(a.Period.To, b.Period.To), cmp.Compare(a.Way, b.Way))
}

// Late counts the calls that wait to be stated as adjustments.
func (b *Book) Late() (calls uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, all := range b.late {
		for _, late := range all {
			calls += uint64(len(late))
		}
	}
	return calls
}

// Prices says which rate version prices a call, and what it bills.
type Prices interface {
	Find(destination, origin usage.Number, start int64) (row uint32, ok bool)
	Row(row uint32) *rating.Row
	Ordered(destination usage.Number) bool
}

// Draft makes the manifest of a slot: all its open calls, and the late ones of
// its direction that came while it was open, each under the rate version that
// prices it. The book stays as it is until Close. Code: period-stated.
func (b *Book) Draft(at Slot, prices Prices) (Manifest, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stated[at] {
		return Manifest{}, fault.Newf(CodeStated, "late records go into the next open period as adjustments", "%s was stated before", at.Period)
	}
	calls := slices.Clone(b.open[at])
	for l, late := range b.late[at.Way] {
		if l.carried(at.Period) {
			calls = append(calls, late...)
		}
	}
	return b.price(at, calls, prices), nil
}

// Reprice makes the manifest of a slot again from the same calls, for a
// statement that the channel refused.
func (b *Book) Reprice(m Manifest, prices Prices) Manifest {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.price(Slot{m.Way, m.Period}, slices.Collect(m.calls), prices)
}

// Rate makes the lines of a manifest again for which which says yes, from the same
// calls, by the prices of now. The book stays as it is.
func (b *Book) Rate(m Manifest, which func(manifestLine) bool, prices Prices) Manifest {
	b.mu.Lock()
	defer b.mu.Unlock()
	var calls []call
	for _, l := range m.Lines {
		if which(l) {
			calls = append(calls, l.Calls...)
		}
	}
	return b.price(Slot{m.Way, m.Period}, calls, prices)
}

// price puts calls under the rate versions that price them. The lock is held.
func (b *Book) price(at Slot, calls []call, prices Prices) Manifest {
	m := Manifest{Way: at.Way, Period: at.Period}
	type key struct {
		adjusts usage.Interval
		row     uint32
	}
	lines := map[key][]call{}
	reasons := map[key][]usage.Reason{}
	for _, c := range calls {
		var k key
		if of := b.slot(c).Period; of != at.Period {
			k.adjusts = b.schedule.adjusted(at.Period, of)
		}
		r := b.record(c)
		if !prices.Ordered(r.Destination) {
			m.Outside = append(m.Outside, c)
			continue
		}
		var ok bool
		if k.row, ok = prices.Find(r.Destination, r.Origin, b.start(c)); !ok || b.tooLong(c, at.Period) {
			m.Unrated = append(m.Unrated, c)
			continue
		}
		if r.Duration == 0 && prices.Row(k.row).Free(0) {
			m.Free = append(m.Free, c)
			continue
		}
		lines[k] = append(lines[k], c)
		if !k.adjusts.IsZero() {
			reasons[k] = append(reasons[k], b.reason(c))
		}
	}
	for k, calls := range lines {
		b.sort(calls)
		l := manifestLine{Row: k.row, Adjusts: k.adjusts, Calls: calls}
		for _, r := range []usage.Reason{usage.Repriced, usage.Corrected, usage.Late} {
			if slices.Contains(reasons[k], r) {
				l.Reason = r
			}
		}
		m.Lines = append(m.Lines, l)
	}
	slices.SortFunc(m.Lines, func(x, y manifestLine) int {
		return usage.Line{Row: x.Row, Adjusts: x.Adjusts}.Order(usage.Line{Row: y.Row, Adjusts: y.Adjusts})
	})
	b.sort(m.Unrated)
	b.sort(m.Outside)
	b.sort(m.Free)
	return m
}

// reason says why a call is stated in a later period than its own. The lock is
// held.
func (b *Book) reason(c call) usage.Reason {
	if _, freed := b.freed[c]; freed {
		return usage.Repriced
	}
	r := b.record(c)
	own := b.schedule.period(b.schedule.moment(r.Start, r.Duration))
	if _, led := b.moments[c]; led && own != b.slot(c).Period && own.To > b.closed[c.Import] {
		return usage.Corrected // by its own record it came in time
	}
	return usage.Late
}

// tooLong reports whether a call began before the moments for which the channel
// takes rows in the statement of a period. The lock is held.
func (b *Book) tooLong(c call, statement usage.Interval) bool {
	return b.start(c) < b.schedule.at(statement.From).earliest(b.slot(c).Period)
}

// Miss makes the manifest of a slot whose period has gone on without our
// statement: its calls are named, and stated nowhere.
func (b *Book) Miss(at Slot) Manifest {
	b.mu.Lock()
	defer b.mu.Unlock()
	m := Manifest{Way: at.Way, Period: at.Period, Missed: slices.Clone(b.open[at])}
	b.sort(m.Missed)
	return m
}

// sort puts calls into the canonical order of a line. The lock is held.
func (b *Book) sort(calls []call) {
	slices.SortFunc(calls, func(x, y call) int {
		r, s := b.record(x), b.record(y)
		c := cmp.Compare(r.Start, s.Start)
		if c == 0 { // rarely: hiding numbers takes its time
			c = b.hider.Call(r).Order(b.hider.Call(s))
		}
		if c == 0 { // equal in all that is compared: keep a fixed order
			c = cmp.Or(cmp.Compare(x.Import, y.Import), cmp.Compare(x.Index, y.Index))
		}
		return c
	})
}

// calls gives the deliverable calls of a manifest's line, without salts.
func (b *Book) calls(l manifestLine) []usage.Call {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]usage.Call, len(l.Calls))
	for i, c := range l.Calls {
		out[i] = b.hider.Call(b.record(c))
	}
	return out
}

// numbers gives those of the calls of a manifest's line, in its order.
func (b *Book) numbers(l manifestLine) []numbers {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]numbers, len(l.Calls))
	for i, c := range l.Calls {
		r := b.record(c)
		out[i] = numbers{r.Origin, r.Destination}
	}
	return out
}

// Commit gives the lines of a manifest with the calls behind each, salted from
// a secret: the same each time.
func (b *Book) Commit(m Manifest, prices Prices, secret []byte) ([]usage.Line, [][]usage.Call, error) {
	lines := make([]usage.Line, len(m.Lines))
	all := make([][]usage.Call, len(m.Lines))
	for i, l := range m.Lines {
		slot := usage.Slot{Direction: b.pair.Direction(m.Way), Period: m.Period, Adjusts: l.Adjusts, Row: l.Row}
		all[i] = b.calls(l)
		var err error
		if lines[i], err = usage.Commit(secret, slot, all[i], prices.Row(l.Row).Billed); err != nil {
			return nil, nil, err
		}
		lines[i].Reason = l.Reason
	}
	return lines, all, nil
}

// exceptions names the calls of a manifest that are billed nowhere, sealed ones
// left out. unpriced says why a call has no price.
func (b *Book) exceptions(m Manifest, unpriced func(destination, origin usage.Number, start int64) fault.Code) []Exception {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]Exception, 0, len(m.Unrated)+len(m.Missed))
	name := func(c call, code fault.Code) {
		r := b.record(c)
		out = append(out, Exception{Direction: b.pair.Direction(r.Way), Period: m.Period, Import: c.Import, Line: r.Line,
			Destination: r.Destination, Start: r.Start, Code: code})
	}
	here := func(calls []call) []call {
		return slices.DeleteFunc(slices.Clone(calls), func(c call) bool { return b.gone[c.Import] })
	}
	for _, c := range here(m.Unrated) {
		r := b.record(c)
		code := unpriced(r.Destination, r.Origin, b.start(c))
		if b.tooLong(c, m.Period) {
			code = CodeTooLong
		}
		name(c, code)
	}
	for _, c := range here(m.Missed) {
		name(c, CodeMissed)
	}
	for _, c := range here(m.Outside) {
		name(c, trade.CodeNotOrdered)
	}
	return out
}
