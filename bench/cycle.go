package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/lateral-network/lateral/compare"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/usage"
)

// How carriers settle, and what they hand over meanwhile.
const (
	CycleLength = 15 * time.Second
	pieces      = 60               // of a cycle: records are handed over four times a second
	meanCall    = 8 * time.Second  // so that half of the calls lie over the edge of a cycle
	horizon     = 90 * time.Second // fourteen calls in a million are longer, and refused
	warmUp      = int(horizon / CycleLength)
)

// CycleResult is how long it took from the end of a cycle until the usage of both
// sides was settled.
type CycleResult struct {
	Machine Machine   `json:"machine"`
	Job     string    `json:"job"`
	Cycles  int       `json:"cycles"`  // that are measured
	Records uint64    `json:"records"` // of those cycles
	Crossed uint64    `json:"crossed"` // of them, records of calls that began in an earlier cycle
	P50     float64   `json:"p50_seconds"`
	P99     float64   `json:"p99_seconds"`
	Longest float64   `json:"longest_seconds"`
	CPU     float64   `json:"cpu_seconds_per_cycle"` // all of the cycle's work
	Close   float64   `json:"cpu_seconds_per_close"`
	Others  float64   `json:"others_cpu_seconds_per_second"`
	Peak    int64     `json:"peak_memory_bytes"`
	Each    []float64 `json:"seconds_each"`
}

// Cycles measures cycle after cycle of traffic through one window: t.Calls new
// calls a side in each. A record is handed over when its call has ended, a quarter
// second's records of both sides at a time. Timed is what is left to do when the
// cycle is over: its last piece is handed over then, read, and the cycle closed.
// What is written differently is learned from a cycle before the first; nothing is
// measured until the window is as full as it gets. t.Span is that of all.
func Cycles(ctx context.Context, t Traffic, cycles int, progress io.Writer) (CycleResult, error) {
	r := CycleResult{Machine: here(), Cycles: cycles}
	if cycles < 1 || t.Calls < 1 {
		return r, fault.New(fault.Invalid, "nothing would be measured", "give at least one cycle and one call")
	}
	all := warmUp + cycles
	t.Span.To = t.Span.From + int64(all)*CycleLength.Milliseconds()
	r.Job = fmt.Sprintf("%s, in each of %d cycles of %s, calls of %s on average", t, cycles, CycleLength, meanCall)
	plan, err := t.Plan()
	if err != nil {
		return r, err
	}
	plan.MeanMillis = uint64(meanCall.Milliseconds())
	w, err := learned(ctx, plan, t.Calls)
	if err != nil {
		return r, err
	}
	g, err := voice.NewGenerator(plan)
	if err != nil {
		return r, err
	}
	a := arrivals{g: g, calls: t.Calls, from: t.Span.From}
	var cpu, closing, others, elapsed time.Duration
	for i := range all {
		if err := ctx.Err(); err != nil {
			return r, err
		}
		cycle, err := a.next()
		if err != nil {
			return r, err
		}
		m := startMeter()
		for n := range pieces - 1 {
			if err := cycle.hand(ctx, w, n); err != nil {
				return r, err
			}
		}
		over := startMeter()
		if err := cycle.hand(ctx, w, pieces-1); err != nil {
			return r, err
		}
		found, err := w.Close(a.from)
		if err != nil {
			return r, err
		}
		took, ownClose, _ := over.read()
		whole, own, busy := m.read()
		if i < warmUp {
			if progress != nil {
				fmt.Fprintf(progress, "filling the window, %d of %d: %.3f s\n", i+1, warmUp, took.Seconds())
			}
			continue
		}
		if progress != nil {
			fmt.Fprintf(progress, "cycle %d of %d: %.3f s\n", i+1-warmUp, cycles, took.Seconds())
		}
		elapsed, cpu, closing, others = elapsed+whole, cpu+own, closing+ownClose, others+time.Duration(busy*float64(whole))
		r.Each = append(r.Each, took.Seconds())
		r.Records += uint64(found.Records.Ours.Read + found.Records.Theirs.Read)
		r.Crossed += cycle.crossed
	}
	sorted := slices.Sorted(slices.Values(r.Each))
	r.P50, r.P99, r.Longest = sorted[cycles/2], sorted[cycles*99/100], sorted[cycles-1]
	r.CPU, r.Close, r.Others, r.Peak = cpu.Seconds()/float64(cycles), closing.Seconds()/float64(cycles), others.Seconds()/elapsed.Seconds(), peakMemory()
	return r, nil
}

// learned makes a window that knows how the plan's carriers write their records.
func learned(ctx context.Context, plan voice.Plan, calls int) (*compare.Window, error) {
	g, err := voice.NewGenerator(plan)
	if err != nil {
		return nil, err
	}
	job := compare.Job{Us: plan.Ours, StartTolerance: 3 * time.Second}
	if err := sheets(g, &job); err != nil {
		return nil, err
	}
	var files [2]bytes.Buffer
	for s := range files {
		files[s].WriteString(voice.UsageHeader + "\n")
	}
	if err := g.Write(&files[0], &files[1], usage.Interval{From: plan.Span.From, To: plan.Span.From + CycleLength.Milliseconds()}, calls); err != nil {
		return nil, err
	}
	for s, name := range sideNames {
		job.Records[s] = input(name, files[s].Bytes())
	}
	return compare.NewWindow(ctx, job, usage.Pair{}, horizon)
}

var sideNames = [2]string{"ours", "theirs"}

func input(name string, text []byte) compare.Input {
	return compare.Input{Name: name, Size: int64(len(text)), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }}
}

// arrivals gives the records of cycle after cycle when their calls have ended.
type arrivals struct {
	g     *voice.Generator
	calls int
	from  int64           // beginning of the next cycle, ms
	later []cycle         // what calls that are under way will leave
	made  [2]bytes.Buffer // the rows of a cycle
}

// cycle is the records that come in a cycle, by side and piece.
type cycle struct {
	rows    [2][pieces][]byte
	crossed uint64
}

// next makes the calls that begin in the next cycle, and gives the records of those
// that end in it. Rows come nearly in the order in which their calls began,
// whatever their clocks say.
func (a *arrivals) next() (cycle, error) {
	to := a.from + CycleLength.Milliseconds()
	for s := range a.made {
		a.made[s].Reset()
	}
	if err := a.g.Write(&a.made[0], &a.made[1], usage.Interval{From: a.from, To: to}, a.calls); err != nil {
		return cycle{}, err
	}
	piece := CycleLength.Milliseconds() / pieces
	for s := range a.made {
		text := a.made[s].Bytes()
		size := int64(len(text))
		for at := 0; at < len(text); {
			row := text[at : at+bytes.IndexByte(text[at:], '\n')+1]
			began := int64(at) * CycleLength.Milliseconds() / size
			at += len(row)
			end := (began + duration(row)) / piece
			n := int(end / pieces)
			for n >= len(a.later) {
				a.later = append(a.later, cycle{})
			}
			c := &a.later[n]
			if c.rows[s][end%pieces] == nil {
				c.rows[s][end%pieces] = []byte(voice.UsageHeader + "\n")
			}
			c.rows[s][end%pieces] = append(c.rows[s][end%pieces], row...)
			if n > 0 {
				c.crossed++
			}
		}
	}
	now := a.later[0]
	a.later, a.from = a.later[1:], to
	return now, nil
}

// duration reads the fifth field of a row, ms.
func duration(row []byte) int64 {
	for range 4 {
		row = row[bytes.IndexByte(row, ',')+1:]
	}
	ms, err := strconv.ParseInt(string(row[:max(0, bytes.IndexByte(row, ','))]), 10, 64)
	if err != nil {
		return 0 // a row that is wrong comes at once
	}
	return ms
}

// hand hands a piece of both sides over.
func (c *cycle) hand(ctx context.Context, w *compare.Window, n int) error {
	for s, name := range sideNames {
		if text := c.rows[s][n]; text != nil {
			if err := w.Read(ctx, compare.Side(s), input(name, text), 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// Text gives the result for people.
func (r CycleResult) Text() string {
	return fmt.Sprintf("machine    %s\njob        %s: %d records in all, %d of calls that began in an earlier cycle\n"+
		"measured   from the end of a cycle, when its last quarter second of records is handed over, to the settled delta of both sides; no network\n"+
		"close      p50 %.3f s, p99 %.3f s, longest %.3f s; CPU %.2f s each\n"+
		"cycle      CPU %.2f s each, all records read, matched and rated (others %.2f of the processors); memory %.2f GiB at its peak\n",
		r.Machine, r.Job, r.Records, r.Crossed, r.P50, r.P99, r.Longest, r.Close, r.CPU, r.Others, float64(r.Peak)/(1<<30))
}
