// Package bench measures Lateral on the machine at hand: the whole way of a
// command through ledger and channel beside the consensus engine alone, and the
// rating of calls. What was measured when is in docs/benchmarks.md.
package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/lateral-network/lateral/bench/bare"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/ledger/comet"
)

// LedgerOptions say how to measure the ledger. The zero value of each field
// takes its default.
type LedgerOptions struct {
	Runs     int           // of each kind, alternating; default 5; the median counts
	Duration time.Duration // of one measurement; default 10 s
	WarmUp   time.Duration // before each; default 3 s
	InFlight int           // commands on their way, over both members; default 10,000
	Seed     uint64        // of ids, hashes and amounts; default 1
	Signed   bool          // measure commands that each carry a delegate's signature too
	Bare     bool          // measure the engine alone too
	Dir      string        // for the nodes' data; default a temporary one, removed afterwards
	Profile  string        // file for the processor profile of the profiled run; empty: none
	Tuning   comet.Tuning
	Progress io.Writer // a line for each run; nil discards
}

func (o LedgerOptions) withDefaults() (LedgerOptions, error) {
	if o.Runs == 0 {
		o.Runs = 5
	}
	if o.Duration == 0 {
		o.Duration = 10 * time.Second
	}
	if o.WarmUp == 0 {
		o.WarmUp = 3 * time.Second
	}
	if o.InFlight == 0 {
		o.InFlight = 10_000
	}
	if o.Seed == 0 {
		o.Seed = 1
	}
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	if o.Runs < 1 || o.Duration < 0 || o.WarmUp < 0 || o.InFlight < 2 || o.InFlight > 100_000 {
		return o, fault.New(fault.Invalid, "these options cannot be measured", "give at least one run and 2 to 100000 commands in flight")
	}
	return o, nil
}

// LedgerResult is what was measured. Rates are medians over the runs.
type LedgerResult struct {
	Machine  Machine `json:"machine"`
	Runs     int     `json:"runs"`
	Seconds  float64 `json:"seconds_each"`
	InFlight int     `json:"in_flight"`
	Seed     uint64  `json:"seed"`

	Commands Rate  `json:"commands"`
	Signed   *Rate `json:"signed,omitempty"` // every command with a delegate's signature
	Bare     *Rate `json:"bare,omitempty"`   // the engine alone; Size is a transaction's
	// Where the processor time went in one more run of each kind, profiled.
	Parts       []Part `json:"cpu_by_part"`
	SignedParts []Part `json:"signed_cpu_by_part,omitempty"`

	// Ratio is the command bytes a second that Lateral made final and executed,
	// over what the engine alone made final, the median of the pairs of runs.
	Ratio float64 `json:"ratio,omitempty"`
	// RatioPerCPU compares bytes for each second of processor time instead.
	RatioPerCPU float64 `json:"ratio_per_cpu,omitempty"`
	Settings    string  `json:"settings"`
}

// Rate is the median of runs of one kind.
type Rate struct {
	PerSecond      float64   `json:"per_second"`
	Each           []float64 `json:"per_second_each"`
	Size           int       `json:"size"` // bytes of one
	BytesPerSecond float64   `json:"bytes_per_second"`
	P50            float64   `json:"p50_ms"` // submit to executed by its submitter, or to final for the engine alone
	P99            float64   `json:"p99_ms"`
	Longest        float64   `json:"longest_ms,omitempty"`
	CPU            float64   `json:"cpu_seconds_per_second"` // of the whole process
	PerCPU         float64   `json:"per_cpu_second"`
	Others         float64   `json:"others_cpu_seconds_per_second"` // of other processes meanwhile: how quiet it was
	Envelope       int       `json:"envelope_bytes,omitempty"`      // mean payload
	Block          float64   `json:"envelopes_per_block,omitempty"`
	BlockEvery     float64   `json:"block_every_ms,omitempty"`
}

// Machine is where it was measured.
type Machine struct {
	Cores      int       `json:"cores"`
	GoMaxProcs int       `json:"gomaxprocs"`
	Go         string    `json:"go"`
	Platform   string    `json:"platform"`
	Load       string    `json:"load_average"` // before the first run, as the system gives it; empty if unknown
	At         time.Time `json:"at"`
}

func here() Machine {
	m := Machine{Cores: runtime.NumCPU(), GoMaxProcs: runtime.GOMAXPROCS(0), Go: runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH, At: time.Now().UTC().Truncate(time.Second)}
	if data, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load = strings.Join(strings.Fields(string(data))[:3], " ")
	}
	return m
}

// String gives the machine in one line.
func (m Machine) String() string {
	s := fmt.Sprintf("%d cores (GOMAXPROCS %d), %s %s, %s", m.Cores, m.GoMaxProcs, m.Go, m.Platform, m.At.Format(time.RFC3339))
	if m.Load != "" {
		s += ", load average before " + m.Load
	}
	return s
}

// gcPercent is GOGC for all that is measured: six nodes share one heap here, and
// the memory is there.
const gcPercent = 400

// Ledger runs the benchmark. Codes: invalid; unavailable when nothing becomes
// final.
func Ledger(ctx context.Context, o LedgerOptions) (LedgerResult, error) {
	o, err := o.withDefaults()
	if err != nil {
		return LedgerResult{}, err
	}
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	res := LedgerResult{Machine: here(), Runs: o.Runs, Seconds: o.Duration.Seconds(), InFlight: o.InFlight, Seed: o.Seed, Settings: settings(o)}
	var whole, signed, alone []Rate
	var ratios, perCPU []float64
	for i := range o.Runs {
		m, err := o.once(ctx, false, nil)
		if err != nil {
			return res, err
		}
		whole = append(whole, m)
		fmt.Fprintf(o.Progress, "run %d: %s\n", i+1, m.line("commands"))
		if o.Bare {
			b, err := o.alone(ctx, m)
			if err != nil {
				return res, err
			}
			alone, ratios = append(alone, b), append(ratios, m.BytesPerSecond/b.BytesPerSecond)
			perCPU = append(perCPU, m.PerCPU*float64(m.Size)/(b.PerCPU*float64(b.Size)))
			fmt.Fprintf(o.Progress, "run %d: engine alone: %s, ratio %.2f\n", i+1, b.line("transactions"), ratios[i])
		}
		if o.Signed {
			s, err := o.once(ctx, true, nil)
			if err != nil {
				return res, err
			}
			signed = append(signed, s)
			fmt.Fprintf(o.Progress, "run %d: each signed: %s\n", i+1, s.line("commands"))
		}
	}
	res.Commands = *median(whole)
	res.Signed, res.Bare = median(signed), median(alone)
	if len(ratios) > 0 {
		slices.Sort(ratios)
		slices.Sort(perCPU)
		res.Ratio, res.RatioPerCPU = ratios[len(ratios)/2], perCPU[len(perCPU)/2]
	}
	if _, err := o.once(ctx, false, &res.Parts); err != nil {
		return res, err
	}
	if o.Signed {
		if o.Profile != "" {
			o.Profile += ".signed"
		}
		if _, err := o.once(ctx, true, &res.SignedParts); err != nil {
			return res, err
		}
	}
	return res, nil
}

// median gives the run with the median rate; nil of none.
func median(runs []Rate) *Rate {
	if len(runs) == 0 {
		return nil
	}
	var each []float64
	for _, r := range runs {
		each = append(each, math.Round(r.PerSecond))
	}
	slices.SortFunc(runs, func(a, b Rate) int { return cmp.Compare(a.PerSecond, b.PerSecond) })
	r := runs[len(runs)/2]
	r.Each = each
	return &r
}

// folder gives a run a folder of its own.
func (o LedgerOptions) folder() (dir string, remove func(), err error) {
	dir, err = os.MkdirTemp(o.Dir, "lateral-bench-")
	return dir, func() { _ = os.RemoveAll(dir) }, err // what stays behind is in a temporary folder
}

// once starts a network, measures it, and checks that both members came to the
// same. With split it also profiles.
func (o LedgerOptions) once(ctx context.Context, signed bool, split *[]Part) (r Rate, err error) {
	dir, remove, err := o.folder()
	if err != nil {
		return r, err
	}
	defer remove()
	opening, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	n, err := start(opening, dir, o.Tuning)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, n.stop()) }()
	l := &load{n: n, signed: signed}
	sources, ready := l.prepare(o)
	var m measured
	measure := func() error {
		var err error
		m, err = l.run(ctx, o, sources, ready)
		return err
	}
	if split == nil {
		err = measure()
	} else {
		var raw []byte
		if *split, raw, err = profiled(measure); err == nil && o.Profile != "" {
			err = os.WriteFile(o.Profile, raw, 0o644)
		}
	}
	if err != nil {
		return r, err
	}
	if m.commands == 0 {
		return r, fault.New(fault.Unavailable, "no command was executed in the time given", "measure longer, or with fewer commands in flight")
	}
	landing, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := n.settled(landing); err != nil {
		return r, err
	}
	return m.rate(), nil
}

func (m measured) rate() Rate {
	per := float64(m.commands) / m.elapsed.Seconds()
	r := Rate{PerSecond: per, Size: m.size, BytesPerSecond: per * float64(m.size), P50: millis(m.p50), P99: millis(m.p99), Longest: millis(m.longest),
		CPU: m.cpu.Seconds() / m.elapsed.Seconds(), PerCPU: float64(m.commands) / m.cpu.Seconds(), Others: m.others}
	if m.envelopes > 0 {
		r.Envelope = m.sealed / m.envelopes
		r.Block, r.BlockEvery = float64(m.envelopes)/float64(m.blocks), millis(m.elapsed)/float64(m.blocks)
	}
	return r
}

func millis(d time.Duration) float64 { return math.Round(d.Seconds()*1e4) / 10 }

// alone measures the engine with the same command bytes, neither packed nor
// sealed, in transactions of the size that the envelopes of run m had, and as
// many of them in flight as hold the same commands.
func (o LedgerOptions) alone(ctx context.Context, m Rate) (Rate, error) {
	dir, remove, err := o.folder()
	if err != nil {
		return Rate{}, err
	}
	defer remove()
	size := min(max(m.Envelope, 1024), ledger.MaxEnvelope)
	meter := startMeter()
	b, err := bare.Run(ctx, bare.Options{
		Size: size, InFlight: max(4, o.InFlight*commandBytes/size), Duration: o.Duration, WarmUp: o.WarmUp, Dir: dir, Tuning: o.Tuning,
		Payload: func(n uint64, into []byte) {
			s := newSource(o.Seed, int(n))
			for len(into) > 0 {
				into = into[copy(into, canon.Must(s.document())):]
			}
		},
	})
	if err != nil {
		return Rate{}, fmt.Errorf("measuring the engine alone: %w", err)
	}
	_, _, others := meter.read()
	r := Rate{Others: others, PerSecond: b.PerSecond(), Size: size, BytesPerSecond: b.PerSecond() * float64(size), P50: millis(b.P50), P99: millis(b.P99),
		CPU: b.CPU.Seconds() / b.Elapsed.Seconds(), PerCPU: float64(b.Transactions) / b.CPU.Seconds()}
	return r, nil
}

func settings(o LedgerOptions) string {
	return "4 validators and 2 members in one process, TLS and the engine's encrypted links on loopback, each with stores of its own on disk; GOGC " + fmt.Sprint(gcPercent) + "; " +
		bare.Describe(o.Tuning) + "; Lateral spreads envelopes by its own reactor in place of the engine's mempool"
}

func (r Rate) line(what string) string {
	s := fmt.Sprintf("%.0f %s/s of %d bytes (%.2f MB/s), p50 %.0f ms, p99 %.0f ms, %.2f cores (others %.2f), %.0f %s per CPU-second",
		r.PerSecond, what, r.Size, r.BytesPerSecond/1e6, r.P50, r.P99, r.CPU, r.Others, r.PerCPU, what)
	if r.Envelope > 0 {
		s += fmt.Sprintf("; envelopes of %d bytes, %.1f in a block, a block every %.0f ms, longest wait %.0f ms", r.Envelope, r.Block, r.BlockEvery, r.Longest)
	}
	return s
}

// Text gives the result for people.
func (r LedgerResult) Text() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("machine    %s", r.Machine)
	line("load       closed loop, %d commands in flight over two members, seed %d; median of %d runs of %.0f s", r.InFlight, r.Seed, r.Runs, r.Seconds)
	line("lateral    %s", r.Commands.line("commands"))
	line("           ordered, final, executed by both members, heads exchanged, equal roots; runs: %.0f", r.Commands.Each)
	if r.Signed != nil {
		line("each signed %s", r.Signed.line("commands"))
		line("           by the sender's delegate, the first 10,000 a second before the clock starts; checked by both members; runs: %.0f", r.Signed.Each)
	}
	if r.Bare != nil {
		line("engine alone %s", r.Bare.line("transactions"))
		line("           the same command bytes, not packed or sealed, an empty application, the engine's stock flood mempool; runs: %.1f", r.Bare.Each)
		line("ratio      %.2f of the engine's bytes a second, %.2f of its bytes for each CPU-second", r.Ratio, r.RatioPerCPU)
	}
	line("settings   %s", r.Settings)
	split := func(parts []Part, what string) {
		total := 0.0
		for _, p := range parts {
			total += p.Seconds
		}
		line("CPU        %.1f s in one more run%s, sampled, with warm-up:", total, what)
		for _, p := range parts {
			line("  %6.2f s  %4.1f %%  %s", p.Seconds, 100*p.Seconds/total, p.Name)
		}
	}
	split(r.Parts, "")
	if r.SignedParts != nil {
		split(r.SignedParts, ", each command signed")
	}
	return b.String()
}
