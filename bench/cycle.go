package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/lateral-network/lateral/compare"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/usage"
)

// CycleLength is how often carriers settle.
const CycleLength = 15 * time.Second

// CycleResult is how long the usage of a cycle took from its close until both
// sides' records were compared.
type CycleResult struct {
	Machine Machine   `json:"machine"`
	Job     string    `json:"job"`
	Cycles  int       `json:"cycles"`
	Records uint64    `json:"records"` // of all cycles
	P50     float64   `json:"p50_seconds"`
	P99     float64   `json:"p99_seconds"`
	Longest float64   `json:"longest_seconds"`
	CPU     float64   `json:"cpu_seconds_per_cycle"`
	Others  float64   `json:"others_cpu_seconds_per_second"`
	Each    []float64 `json:"seconds_each"`
}

// Cycles measures cycle after cycle of traffic: t.Calls new calls a side in each,
// which stand as CSV in memory when it closes. What is timed is [compare.Run] on
// the two: read, match, rate, find causes, sum up. Nothing is kept from a cycle
// for the next one. t.Span is that of all.
func Cycles(ctx context.Context, t Traffic, cycles int, progress io.Writer) (CycleResult, error) {
	r := CycleResult{Machine: here(), Cycles: cycles}
	if cycles < 1 || t.Calls < 1 {
		return r, fault.New(fault.Invalid, "nothing would be measured", "give at least one cycle and one call")
	}
	t.Span.To = t.Span.From + int64(cycles)*CycleLength.Milliseconds()
	r.Job = fmt.Sprintf("%s, in each of %d cycles of %s", t, cycles, CycleLength)
	plan, err := t.Plan()
	if err != nil {
		return r, err
	}
	g, err := voice.NewGenerator(plan)
	if err != nil {
		return r, err
	}
	job := compare.Job{Us: plan.Ours, StartTolerance: 3 * time.Second}
	if err := sheets(g, &job); err != nil {
		return r, err
	}
	var files [2]bytes.Buffer
	var cpu, others, elapsed time.Duration
	for i := range cycles {
		if err := ctx.Err(); err != nil {
			return r, err
		}
		for s := range files {
			files[s].Reset()
			files[s].WriteString(voice.UsageHeader + "\n")
		}
		from := t.Span.From + int64(i)*CycleLength.Milliseconds()
		if err := g.Write(&files[0], &files[1], usage.Interval{From: from, To: from + CycleLength.Milliseconds()}, t.Calls); err != nil {
			return r, err
		}
		for s, name := range []string{"ours", "theirs"} {
			job.Records[s] = compare.Input{Name: name, Size: int64(files[s].Len()), Open: func() (io.ReadCloser, error) {
				return io.NopCloser(bytes.NewReader(files[s].Bytes())), nil
			}}
		}
		m := startMeter()
		found, err := compare.Run(ctx, job)
		if err != nil {
			return r, err
		}
		took, own, busy := m.read()
		elapsed, cpu, others = elapsed+took, cpu+own, others+time.Duration(busy*float64(took))
		r.Each = append(r.Each, took.Seconds())
		r.Records += found.Records.Ours.Read + found.Records.Theirs.Read
		if progress != nil {
			fmt.Fprintf(progress, "cycle %d of %d: %.3f s\n", i+1, cycles, took.Seconds())
		}
	}
	sorted := slices.Sorted(slices.Values(r.Each))
	r.P50, r.P99, r.Longest = sorted[cycles/2], sorted[cycles*99/100], sorted[cycles-1]
	r.CPU, r.Others = cpu.Seconds()/float64(cycles), others.Seconds()/elapsed.Seconds()
	return r, nil
}

// Text gives the result for people.
func (r CycleResult) Text() string {
	return fmt.Sprintf("machine    %s\njob        %s: %d records in all\nmeasured   reading both sides' CSV from memory, matching, rating and finding causes; no network, nothing kept between cycles\n"+
		"cycle      p50 %.3f s, p99 %.3f s, longest %.3f s; CPU %.2f s each (others %.2f of the processors)\n",
		r.Machine, r.Job, r.Records, r.P50, r.P99, r.Longest, r.CPU, r.Others)
}
