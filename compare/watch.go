package compare

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
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

// shownSignals is how many signals are told one by one in text.
const shownSignals = 20

// WriteSignals writes signals for people, those with the most calls first.
func WriteSignals(w io.Writer, signals []Signal) error {
	if len(signals) == 0 {
		return nil
	}
	most := slices.Clone(signals)
	slices.SortStableFunc(most, func(a, b Signal) int { return cmp.Compare(b.Calls, a.Calls) })
	fmt.Fprintln(w, "looks like fraud in our records")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range most[:min(len(most), shownSignals)] {
		line := uint32(0)
		if len(s.Lines) > 0 {
			line = s.Lines[0]
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%d calls, %d expected\t%d callers\tfrom line %d\n", s.Kind, s.Direction, s.Destination, usage.Stamp(s.Period.From), s.Calls, s.Expected, s.Origins, line)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if more := len(most) - shownSignals; more > 0 {
		if _, err := fmt.Fprintf(w, "  and %d more\n", more); err != nil {
			return err
		}
	}
	return nil
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

// loop finds our calls of a part that go to the other carrier and come back.
func (p *parts) loop() {
	clear(p.loops)
	fraud.Returns(p.calls[ours], func(c *call) fraud.Passage {
		return fraud.Passage{Origin: usage.Number(c.origin), Destination: c.dest.number(), Start: c.start, Way: c.way}
	}, func(i int) {
		if p.loops == nil {
			p.loops = map[int]bool{}
		}
		p.loops[i] = true
	})
}

// unanswered leaves the trace of a call of ours that costs nothing.
func (p *parts) unanswered(i uint32) error {
	c, line := &p.calls[ours][i], nothing
	if row, ok := p.c.lines.sheets[ours][c.way].Find(c.dest.number(), usage.Number(c.origin), c.start); ok {
		line = p.c.lines.first[ours][c.way] + row
	}
	return p.trace(i, c, line)
}

// trace leaves the trace of a call of ours with its line on our bill.
func (p *parts) trace(i uint32, c *call, line uint32) error {
	if p.watch == nil {
		return nil
	}
	var n uint32
	if line != nothing {
		n = p.watch.place[line]
	} else {
		head := c.dest.number()
		for head.Digits() > unpriced {
			head /= 10
		}
		n = uint32(len(p.watch.names)) + uint32(head)
	}
	r := usage.Record{Start: c.start, Origin: usage.Number(c.origin), Destination: c.dest.number(), Duration: c.duration, Line: c.line, Trunk: uint32(c.trunk), Way: c.way, Result: c.result}
	t := fraud.TraceOf(p.watch.cycle, &r, fraud.PlaceOf(n, c.way), len(p.loops) > 0 && p.loops[int(i)])
	p.traffic.Add(&t)
	return p.traces.put(partOf(t.Place, watchBits), t)
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
