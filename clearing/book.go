package clearing

import (
	"hash/maphash"
	"slices"
	"sync"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// Codes of a carrier's own usage.
const (
	// CodeStated says that a period was stated before: a statement is made once.
	CodeStated fault.Code = "period-stated"
	// CodeLost says that an import which a statement rests on is not there.
	CodeLost fault.Code = "import-lost"
)

// Book is one side's own call records of one pair: what was imported, which
// period each call belongs to, and which calls have been stated. It holds no
// file and writes nothing: a [Desk] feeds it and keeps its manifests, and can
// build it again from imports and manifests at any time.
//
// A call is stated exactly once: in its own period, or, when it came after that
// period was stated, as an adjustment in a later one.
type Book struct {
	pair     usage.Pair
	calendar usage.Calendar
	by       usage.By

	mu      sync.Mutex // guards all below
	batches map[uint32]*usage.Batch
	open    map[Slot][]call        // not stated yet, by the period they belong to
	stated  map[Slot]bool          //
	late    map[usage.Way][]adj    // came after their own period was stated
	seen    map[uint64]call        // by a hash of what makes a call the same call
	twins   map[fingerprint]bool   // calls whose hash another call has
	moments map[call]rating.Moment // where the partner's record decides, as its edges showed
	tally   map[Slot]uint64        // records of any result, for "periods with a record"
}

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

// adj is a late call with the period that it belongs to.
type adj struct {
	call call
	of   usage.Interval
}

// fingerprint tells whether a call was imported before, from whatever file.
type fingerprint struct {
	start               int64
	origin, destination usage.Number
	duration            uint32
	way                 usage.Way
	result              usage.Result
}

// Manifest is what a statement consists of: for each line the records behind
// it. It is written before the statement is sent, so that after a crash the
// same statement is made again and the same records can be delivered.
type Manifest struct {
	Way     usage.Way      `cbor:"1,keyasint"`
	Period  usage.Interval `cbor:"2,keyasint"`
	Lines   []manifestLine `cbor:"3,keyasint"`
	Unrated []call         `cbor:"4,keyasint,omitempty"` // calls without a rate: named, never priced
}

type manifestLine struct {
	Row     uint32         `cbor:"1,keyasint"`
	Adjusts usage.Interval `cbor:"2,keyasint,omitzero"`
	Calls   []call         `cbor:"3,keyasint"` // in canonical order
}

// NewBook makes an empty book for a pair with the agreement's calendar.
func NewBook(pair usage.Pair, calendar usage.Calendar, by usage.By) *Book {
	return &Book{
		pair: pair, calendar: calendar, by: by,
		batches: map[uint32]*usage.Batch{}, open: map[Slot][]call{}, stated: map[Slot]bool{},
		late: map[usage.Way][]adj{}, seen: map[uint64]call{}, twins: map[fingerprint]bool{}, moments: map[call]rating.Moment{}, tally: map[Slot]uint64{},
	}
}

// Add takes an import's accepted records. Those that an earlier import already
// brought are left out, moved to the batch's Duplicates, and so counted.
func (b *Book) Add(number uint32, batch *usage.Batch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.batches[number] = batch
	all := batch.Records
	batch.Records = all[:0]
	for _, r := range all {
		if b.known(number, &r, uint32(len(batch.Records))) {
			batch.Duplicates = append(batch.Duplicates, r)
		} else {
			batch.Records = append(batch.Records, r)
		}
	}
	for i := range batch.Records {
		r := &batch.Records[i]
		at := Slot{r.Way, b.calendar.At(b.by.Moment(r.Start, r.Duration))}
		b.tally[at]++
		if r.Result != usage.Success {
			continue
		}
		b.place(call{number, uint32(i)}, at)
	}
}

// known reports whether a call was imported before, and remembers it if not: as
// the call at a place of an import. The lock is held.
func (b *Book) known(number uint32, r *usage.Record, index uint32) bool {
	f := fingerprintOf(r)
	h := maphash.Comparable(hashSeed, f)
	first, hit := b.seen[h]
	switch {
	case !hit:
		b.seen[h] = call{number, index}
		return false
	case fingerprintOf(b.record(first)) == f || b.twins[f]:
		return true
	}
	b.twins[f] = true
	return false
}

var hashSeed = maphash.MakeSeed()

func fingerprintOf(r *usage.Record) fingerprint {
	return fingerprint{r.Start, r.Origin, r.Destination, r.Duration, r.Way, r.Result}
}

// place puts a call where it will be stated. The lock is held.
func (b *Book) place(c call, at Slot) {
	if b.stated[at] {
		b.late[at.Way] = append(b.late[at.Way], adj{c, at.Period})
		return
	}
	b.open[at] = append(b.open[at], c)
}

func (b *Book) record(c call) *usage.Record { return &b.batches[c.Import].Records[c.Index] }

// Restore takes the calls that manifests state out of the open ones. All
// imports come before it.
func (b *Book) Restore(manifests []Manifest) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	gone := map[call]bool{}
	take := func(m Manifest, calls []call) error {
		for _, c := range calls {
			if batch := b.batches[c.Import]; batch == nil || int(c.Index) >= len(batch.Records) {
				return fault.Newf(CodeLost, "restore the node's data from a backup, or import the file again",
					"the statement of %s rests on import %d, which is not here", m.Period, c.Import)
			}
			gone[c] = true
		}
		return nil
	}
	for _, m := range manifests {
		for _, l := range m.Lines {
			if err := take(m, l.Calls); err != nil {
				return err
			}
		}
		if err := take(m, m.Unrated); err != nil {
			return err
		}
	}
	// A call need not be open in the period that states it: a partner's edge may
	// have moved it, or it was late. So all slots are looked through.
	for at, calls := range b.open {
		b.keep(at, slices.DeleteFunc(calls, func(c call) bool { return gone[c] }))
	}
	for w, calls := range b.late {
		b.late[w] = slices.DeleteFunc(calls, func(a adj) bool { return gone[a.call] })
	}
	for _, m := range manifests {
		b.close(Slot{m.Way, m.Period})
	}
	return nil
}

// keep sets what is open in a slot. The lock is held.
func (b *Book) keep(at Slot, calls []call) {
	if len(calls) == 0 {
		delete(b.open, at)
	} else {
		b.open[at] = calls
	}
}

// close marks a slot as stated; what is still open in it is late. The lock is
// held.
func (b *Book) close(at Slot) {
	b.stated[at] = true
	for _, c := range b.open[at] {
		b.late[at.Way] = append(b.late[at.Way], adj{c, at.Period})
	}
	delete(b.open, at)
}

// between reports whether a moment lies within the tolerance of an edge after
// from and up to through.
func (b *Book) between(moment, from, through, tolerance int64) bool {
	p := b.calendar.At(moment)
	return moment-p.From <= tolerance && from < p.From && p.From <= through ||
		p.To-moment <= tolerance && from < p.To && p.To <= through
}

// near lists the open calls of a direction within the tolerance of an edge
// after from and up to through, in canonical order.
func (b *Book) near(w usage.Way, from, through, tolerance int64) []call {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []call
	for at, calls := range b.open {
		if at.Way != w || at.Period.To <= from || at.Period.From > through {
			continue
		}
		for _, c := range calls {
			r := b.record(c)
			if b.between(b.by.Moment(r.Start, r.Duration), from, through, tolerance) {
				out = append(out, c)
			}
		}
	}
	b.sort(out)
	return out
}

// follow moves an open call to where the partner's record of it lies.
func (b *Book) follow(c call, m rating.Moment) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.moments[c] = m
	r := b.record(c)
	own := Slot{r.Way, b.calendar.At(b.by.Moment(r.Start, r.Duration))}
	theirs := Slot{r.Way, b.calendar.At(b.by.Moment(m.Start, m.Duration))}
	if own == theirs {
		return
	}
	before := len(b.open[own])
	b.keep(own, slices.DeleteFunc(b.open[own], func(o call) bool { return o == c }))
	if len(b.open[own]) < before { // it was still open
		b.place(c, theirs)
	}
}

// Due lists, in order of time, the slots with open calls whose periods end at
// or before a moment (ms UTC).
func (b *Book) Due(through int64) []Slot {
	b.mu.Lock()
	defer b.mu.Unlock()
	var due []Slot
	for at := range b.open {
		if at.Period.To <= through {
			due = append(due, at)
		}
	}
	slices.SortFunc(due, compareSlots)
	return due
}

func compareSlots(a, b Slot) int {
	switch {
	case a.Period.From != b.Period.From:
		return int(min(1, max(-1, a.Period.From-b.Period.From)))
	default:
		return int(a.Way) - int(b.Way)
	}
}

// Late reports whether calls of a direction wait to be stated as adjustments.
func (b *Book) Late(w usage.Way) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.late[w]) > 0
}

// Last gives the end of the last period that has a record; 0 without any.
func (b *Book) Last() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	var last int64
	for at := range b.tally {
		last = max(last, at.Period.To)
	}
	return last
}

// Periods lists the distinct periods with a record of any result, in order.
func (b *Book) Periods() []usage.Interval {
	b.mu.Lock()
	defer b.mu.Unlock()
	set := map[usage.Interval]bool{}
	for at := range b.tally {
		set[at.Period] = true
	}
	out := make([]usage.Interval, 0, len(set))
	for i := range set {
		out = append(out, i)
	}
	slices.SortFunc(out, func(a, b usage.Interval) int { return int(min(1, max(-1, a.From-b.From))) })
	return out
}

// Prices says which rate version prices a call, and what it bills.
type Prices interface {
	Find(destination usage.Number, start int64) (row uint32, ok bool)
	Row(row uint32) *rating.Row
}

// State makes the manifest of a slot: all its open calls and the late ones of
// its direction, each under the rate version of the accepted sheet that prices
// it. The slot is closed by it. Code: period-stated.
func (b *Book) State(at Slot, prices Prices) (Manifest, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stated[at] {
		return Manifest{}, fault.Newf(CodeStated, "late records go into the next open period as adjustments", "%s was stated before", at.Period)
	}
	m := Manifest{Way: at.Way, Period: at.Period}
	type key struct {
		adjusts usage.Interval
		row     uint32
	}
	lines := map[key][]call{}
	put := func(c call, of usage.Interval) {
		r := b.record(c)
		start := r.Start
		if m, ok := b.moments[c]; ok {
			start = m.Start
		}
		row, ok := prices.Find(r.Destination, start)
		if !ok {
			m.Unrated = append(m.Unrated, c)
			return
		}
		lines[key{of, row}] = append(lines[key{of, row}], c)
	}
	for _, c := range b.open[at] {
		put(c, usage.Interval{})
	}
	for _, a := range b.late[at.Way] {
		put(a.call, a.of)
	}
	delete(b.open, at)
	delete(b.late, at.Way)
	b.close(at)
	for k, calls := range lines {
		b.sort(calls)
		m.Lines = append(m.Lines, manifestLine{k.row, k.adjusts, calls})
	}
	slices.SortFunc(m.Lines, func(x, y manifestLine) int {
		return usage.Line{Row: x.Row, Adjusts: x.Adjusts}.Order(usage.Line{Row: y.Row, Adjusts: y.Adjusts})
	})
	b.sort(m.Unrated)
	return m, nil
}

// sort puts calls into the canonical order of a line. The lock is held.
func (b *Book) sort(calls []call) {
	slices.SortFunc(calls, func(x, y call) int {
		c := usage.CallOf(b.record(x)).Order(usage.CallOf(b.record(y)))
		if c == 0 { // equal in all that is compared: keep a fixed order
			if c = int(x.Import) - int(y.Import); c == 0 {
				c = int(x.Index) - int(y.Index)
			}
		}
		return c
	})
}

// Calls gives the deliverable calls of a manifest's line, without salts.
func (b *Book) calls(l manifestLine) []usage.Call {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]usage.Call, len(l.Calls))
	for i, c := range l.Calls {
		out[i] = usage.CallOf(b.record(c))
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
	}
	return lines, all, nil
}

// unrated gives the line numbers and imports of calls that no rate prices.
func (b *Book) unrated(m Manifest) []Exception {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]Exception, 0, len(m.Unrated))
	for _, c := range m.Unrated {
		r := b.record(c)
		out = append(out, Exception{Direction: b.pair.Direction(r.Way), Period: m.Period, Import: c.Import, Line: r.Line,
			Destination: r.Destination, Start: r.Start, Code: rating.CodeNoRate})
	}
	return out
}
