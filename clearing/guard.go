package clearing

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade/fraud"
	"github.com/lateral-network/lateral/trade/usage"
)

// SignalState is what people have made of a signal.
type SignalState string

// The states. Any may follow any other: people may change their mind.
const (
	SignalOpen         SignalState = "open"         // nobody has looked at it
	SignalAcknowledged SignalState = "acknowledged" // somebody sees to it
	SignalDismissed    SignalState = "dismissed"    // it means nothing
)

// Signal is something unusual in own records, and what people made of it. It
// names no subscriber.
type Signal struct {
	Number      uint32          `cbor:"1,keyasint"` // from 1
	Kind        fraud.Kind      `cbor:"2,keyasint"`
	Severity    fraud.Severity  `cbor:"3,keyasint"`
	Direction   usage.Direction `cbor:"4,keyasint"`
	Destination string          `cbor:"5,keyasint"`
	Trunk       string          `cbor:"6,keyasint,omitempty"` // that carries more than half of the calls
	Period      usage.Interval  `cbor:"7,keyasint"`           // the cycle
	Calls       uint64          `cbor:"8,keyasint"`           // that the signal is about
	Of          uint64          `cbor:"9,keyasint"`           // all to the destination in the cycle
	Expected    uint64          `cbor:"10,keyasint"`          // of such calls, rounded up
	Origins     uint64          `cbor:"11,keyasint"`          // distinct callers
	Sample      []fraud.Row     `cbor:"12,keyasint"`          // the first of the calls, by import and line
	Raised      int64           `cbor:"13,keyasint"`          // ms UTC
	State       SignalState     `cbor:"14,keyasint"`
	By          string          `cbor:"15,keyasint,omitempty"` // who has judged it
	Why         string          `cbor:"16,keyasint,omitempty"`
	At          int64           `cbor:"17,keyasint,omitempty"` // when; ms UTC
}

// same reports whether two signals are about the same.
func (s *Signal) same(o *Signal) bool {
	return s.Kind == o.Kind && s.Direction == o.Direction && s.Destination == o.Destination && s.Period == o.Period
}

// guardRecord is what the desk keeps of the search for fraud.
type guardRecord struct {
	Imports uint32 `cbor:"1,keyasint"` // the last one that is in the state
	State   []byte `cbor:"2,keyasint"`
}

// guard looks for fraud in own records. It is used with importing or making
// locked.
type guard struct {
	state *fraud.State
	kept  []byte // of the state, as it was stored last
}

// longestCycle is how long the cycles of the search are at most, ms: shorter
// billing periods are cycles themselves.
const longestCycle = 3_600_000

// cycle is the length of the search's cycles under the terms that hold now.
func (d *Desk) cycle(s schedule) int64 {
	now := d.o.Now()
	p := s.period(now)
	return min(p.To-p.From, longestCycle)
}

// guarding makes the guard from what was kept. Imports that are not in it, or
// whose calls are not learned yet, are told again.
func (d *Desk) guarding(s schedule, book *Book) error {
	cycle := d.cycle(s)
	var r guardRecord
	data, ok, err := d.o.Store.Get(d.prefix + "guard")
	if err != nil {
		return err
	}
	var state *fraud.State
	if ok {
		if err := canon.Decode(data, &r); err != nil {
			return err
		}
		if state, err = fraud.DecodeState(r.State); err != nil {
			d.o.Log.Warn("what is usual is learned anew", "partner", d.o.Partner, "err", err)
		}
	}
	if state == nil || state.Length() != cycle {
		state, r = fraud.NewState(cycle), guardRecord{}
	}
	d.guard = &guard{state, r.State}
	for _, n := range slices.Sorted(maps.Keys(book.batches)) {
		traces := d.traces(n, book.batches[n])
		if n > r.Imports {
			if err := d.search(n, traces); err != nil {
				return err
			}
			continue
		}
		state.Reopen(slices.DeleteFunc(traces, func(t fraud.Trace) bool { return !state.Open(int64(t.Cycle) * cycle) }))
	}
	return nil
}

// unpriced is how many digits tell the destination of a call without a rate.
const unpriced = 3

// traces makes the traces of an import. Calls of the future are left out: one
// wrong clock would make all others late.
func (d *Desk) traces(number uint32, batch *usage.Batch) []fraud.Trace {
	var prices [2]*tariff
	for w := range prices {
		if t, err := d.tariff(usage.Way(w)); err == nil {
			prices[w] = t
		}
	}
	state := d.guard.state
	trunks := make([]uint32, len(batch.Trunks))
	for i, name := range batch.Trunks {
		trunks[i] = state.Trunk(name)
	}
	loops := map[int]bool{}
	fraud.Returns(batch.Records, func(r *usage.Record) fraud.Passage {
		return fraud.Passage{Origin: r.Origin, Destination: r.Destination, Start: r.Start, Way: r.Way}
	}, func(i int) { loops[i] = true })
	type place struct {
		way usage.Way
		row uint32
	}
	places := map[place]uint32{}
	limit := d.o.Now() + (24 * time.Hour).Milliseconds()
	out := make([]fraud.Trace, 0, len(batch.Records))
	for i := range batch.Records {
		r := batch.Records[i]
		if r.Start < 0 || r.Start > limit {
			continue
		}
		var destination uint32
		if row, ok := find(prices[r.Way&1], &r); ok {
			at := place{r.Way, row}
			if destination, ok = places[at]; !ok {
				destination = state.Destination(prices[r.Way&1].Row(row).Destination)
				places[at] = destination
			}
		} else {
			head := r.Destination
			for head.Digits() > unpriced {
				head /= 10
			}
			destination = state.Destination("+" + head.String())
		}
		r.Trunk = trunks[r.Trunk]
		t := fraud.TraceOf(state.Length(), &r, fraud.PlaceOf(destination, r.Way), loops[i])
		t.File = number
		out = append(out, t)
	}
	return out
}

func find(t *tariff, r *usage.Record) (row uint32, ok bool) {
	if t == nil {
		return 0, false
	}
	return t.Find(r.Destination, r.Origin, r.Start)
}

// search looks at an import's traces, and keeps what it raises with what it has
// learned, in one write.
func (d *Desk) search(number uint32, traces []fraud.Trace) error {
	g := d.guard
	found := g.state.Take(traces)
	d.mu.Lock()
	raised := slices.Clone(d.signals)
	d.mu.Unlock()
	var writes []merkle.Write
	for _, x := range found {
		destination, trunk := g.state.Names(x)
		s := Signal{
			Number: uint32(len(raised) + 1), Kind: x.Kind, Severity: x.Severity, Direction: d.pair.Direction(fraud.Way(x.Place)), Destination: destination, Trunk: trunk,
			Period: usage.Interval{From: int64(x.Cycle) * g.state.Length(), To: int64(x.Cycle+1) * g.state.Length()},
			Calls:  x.Calls, Of: x.Of, Expected: x.Expected, Origins: x.Origins, Sample: x.Sample, Raised: d.o.Now(), State: SignalOpen,
		}
		if i := slices.IndexFunc(raised, func(o Signal) bool { return o.same(&s) }); i >= 0 {
			o := &raised[i]
			if o.Calls == s.Calls && o.Of == s.Of {
				continue
			}
			s.Number, s.Raised, s.State, s.By, s.Why, s.At = o.Number, o.Raised, o.State, o.By, o.Why, o.At
			*o = s
		} else {
			raised = append(raised, s)
		}
		writes = append(writes, d.signalWrite(&s))
	}
	// Calls of open cycles are told again after a restart: without news there is
	// nothing to keep.
	if state := g.state.Encode(); len(writes) > 0 || !slices.Equal(state, g.kept) {
		writes = append(writes, merkle.Write{Key: d.prefix + "guard", Value: canon.Must(guardRecord{number, state})})
		g.kept = state
	}
	if len(writes) == 0 {
		return nil
	}
	slices.SortFunc(writes, func(a, b merkle.Write) int { return cmp.Compare(a.Key, b.Key) })
	if err := d.o.Store.Commit(store.Batch{Writes: writes}); err != nil {
		return err
	}
	d.mu.Lock()
	d.signals = raised
	d.mu.Unlock()
	return nil
}

func (d *Desk) signalWrite(s *Signal) merkle.Write {
	return merkle.Write{Key: fmt.Sprintf("%ssignal/%010d", d.prefix, s.Number), Value: canon.Must(*s)}
}

// Signals lists what looks like fraud in own records, the oldest first.
func (d *Desk) Signals() []Signal {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.signals)
}

// JudgeSignal keeps what a person makes of a signal, and why. Code: not-found.
func (d *Desk) JudgeSignal(number uint32, state SignalState, by, why string) (Signal, error) {
	d.importing.Lock()
	defer d.importing.Unlock()
	d.mu.Lock()
	i := slices.IndexFunc(d.signals, func(s Signal) bool { return s.Number == number })
	if i < 0 {
		d.mu.Unlock()
		return Signal{}, fault.Newf(fault.NotFound, "list the signals for their numbers", "there is no signal %d", number).In("number")
	}
	s := d.signals[i]
	d.mu.Unlock()
	s.State, s.By, s.Why, s.At = state, by, why, d.o.Now()
	if err := d.o.Store.Commit(store.Batch{Writes: []merkle.Write{d.signalWrite(&s)}}); err != nil {
		return Signal{}, err
	}
	d.mu.Lock()
	// Only imports and people change the list, one at a time.
	d.signals[i] = s
	d.mu.Unlock()
	return s, nil
}
