package compare

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/lateral-network/lateral/trade/fraud"
	"github.com/lateral-network/lateral/trade/usage"
)

// Signal is what looks like fraud among our own records.
type Signal struct {
	Kind        fraud.Kind      `json:"kind"`
	Severity    fraud.Severity  `json:"severity"`
	Direction   usage.Direction `json:"direction"`
	Destination string          `json:"destination"`
	Trunk       string          `json:"trunk,omitempty"` // that carries more than half of the calls
	Period      usage.Interval  `json:"period"`          // the cycle
	Calls       uint64          `json:"calls"`           // that the signal is about
	Of          uint64          `json:"of"`              // all calls to the destination in the cycle
	Expected    uint64          `json:"expected"`        // of such calls, rounded up
	Origins     uint64          `json:"origins"`         // distinct callers
	Lines       []uint32        `json:"lines"`           // the first of the calls in our file
}

// watch gathers the calls of our side for the search for fraud.
type watch struct {
	cycle  int64    // ms
	place  []uint32 // destination by line of our bill
	names  []string // of destinations
	traces *shelf[fraud.Trace]
}

// watchBits is the number of parts that destinations are spread over, in bits.
const watchBits = 8

// newWatch prepares for all calls: of the records' memory traces get a sixth, the
// rest goes to a temporary file.
func (c *comparison) newWatch() *watch {
	w := &watch{cycle: time.Hour.Milliseconds(), place: make([]uint32, len(c.lines.rows))}
	if d, err := time.ParseDuration(c.job.Cycle.Length); err == nil && d < time.Hour {
		w.cycle = d.Milliseconds()
	}
	index := map[string]uint32{}
	for i, r := range c.lines.rows {
		n, ok := index[r.Destination]
		if !ok {
			n = uint32(len(w.names))
			index[r.Destination] = n
			w.names = append(w.names, r.Destination)
		}
		w.place[i] = n
	}
	w.traces = newShelf[fraud.Trace](1<<watchBits, &budget{most: cmp.Or(c.job.Memory, defaultMemory) / 6})
	return w
}

// unpriced is how many digits tell the destination of a call without a price.
const unpriced = 3

// name gives a destination by its number.
func (w *watch) name(n uint32) string {
	if n < uint32(len(w.names)) {
		return w.names[n]
	}
	return "+" + usage.Number(n-uint32(len(w.names))).String()
}

// unseen is the line of a call whose price nobody has looked for.
const unseen = nothing - 1

// notice leaves traces of our calls of a part.
func (p *parts) notice() error {
	w, calls, sheets := p.watch, p.calls[ours], p.c.lines.sheets[ours]
	var loops map[int]bool
	fraud.Returns(calls, func(c *call) fraud.Passage {
		return fraud.Passage{Origin: usage.Number(c.origin), Destination: c.dest.number(), Start: c.start, Way: c.way}
	}, func(i int) {
		if loops == nil {
			loops = map[int]bool{}
		}
		loops[i] = true
	})
	for _, i := range p.byHead(func(i int) bool { return p.lines[i] == unseen }) {
		c := &calls[i]
		p.lines[i] = nothing
		if row, ok := sheets[c.way].Find(c.dest.number(), c.start); ok {
			p.lines[i] = p.c.lines.first[ours][c.way] + row
		}
	}
	for i := range calls {
		c, line := &calls[i], p.lines[i]
		var n uint32
		if line != nothing {
			n = w.place[line]
		} else {
			head := c.dest.number()
			for head.Digits() > unpriced {
				head /= 10
			}
			n = uint32(len(w.names)) + uint32(head)
		}
		r := usage.Record{Start: c.start, Origin: usage.Number(c.origin), Destination: c.dest.number(), Duration: c.duration, Line: c.line, Trunk: uint32(c.trunk), Way: c.way, Result: c.result}
		t := fraud.TraceOf(w.cycle, &r, fraud.PlaceOf(n, c.way), loops[i])
		p.traffic.Add(&t)
		if err := p.traces.put(partOf(t.Place, watchBits), t); err != nil {
			return err
		}
	}
	return nil
}

// signals judges all traces.
func (c *comparison) signals(ctx context.Context, w *watch, tally *fraud.Tally) ([]Signal, error) {
	tally.Close(func(uint32) bool { return false })
	found := make([][]fraud.Signal, 1<<watchBits)
	errs := make([]error, 1<<watchBits)
	each(c.workers, len(found), func() func(int) {
		var buffer []fraud.Trace
		return func(i int) {
			if ctx.Err() != nil {
				return
			}
			if buffer, errs[i] = w.traces.take(i, buffer[:0]); errs[i] == nil {
				found[i] = fraud.Judge(buffer, tally, func(uint32) fraud.Calls { return fraud.Calls{} })
			}
		}
	})
	if err := cmp.Or(append(errs, ctx.Err())...); err != nil {
		return nil, err
	}
	out := []Signal{}
	for _, s := range slices.Concat(found...) {
		x := Signal{
			Kind: s.Kind, Severity: s.Severity, Direction: c.pair.Direction(fraud.Way(s.Place)), Destination: w.name(s.Place >> 1),
			Period: usage.Interval{From: int64(s.Cycle) * w.cycle, To: int64(s.Cycle+1) * w.cycle}, Calls: s.Calls, Of: s.Of, Expected: s.Expected, Origins: s.Origins,
		}
		if s.OneTrunk {
			x.Trunk = c.files[ours].trunks.name(s.Trunk)
		}
		for _, r := range s.Sample {
			x.Lines = append(x.Lines, r.Line)
		}
		out = append(out, x)
	}
	slices.SortFunc(out, func(a, b Signal) int {
		return cmp.Or(cmp.Compare(a.Period.From, b.Period.From), cmp.Compare(a.Destination, b.Destination), cmp.Compare(a.Direction.From, b.Direction.From),
			cmp.Compare(slices.Index(fraud.Kinds, a.Kind), slices.Index(fraud.Kinds, b.Kind)))
	})
	return out, nil
}
