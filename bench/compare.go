package bench

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/lateral-network/lateral/compare"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// Traffic says which calls a comparison is measured with.
type Traffic struct {
	Seed     uint64         `json:"seed"`
	Calls    int            `json:"calls"` // that the two carriers exchange, before errors
	Prefixes int            `json:"prefixes"`
	Plant    string         `json:"plant"` // see [voice.ParsePlant]
	Span     usage.Interval `json:"span"`
}

// Plan is the generator's plan.
func (t Traffic) Plan() (voice.Plan, error) {
	plant, err := voice.ParsePlant(t.Plant)
	return voice.Plan{Seed: t.Seed, Ours: "ALPHA", Theirs: "BRAVO", Prefixes: t.Prefixes, Plant: plant, Span: t.Span}, err
}

func (t Traffic) String() string {
	return fmt.Sprintf("2 x %d calls, %d prefixes, planted %s, seed %d", t.Calls, t.Prefixes, cmp.Or(t.Plant, "nothing"), t.Seed)
}

// CompareJob is one comparison, done by a process of its own so that time and
// memory are its alone.
type CompareJob struct {
	Traffic
	Dir     string `json:"dir"`     // of the traffic's files; empty: streamed from the generator
	Parquet bool   `json:"parquet"` // the records as Parquet instead of CSV; of [CompareOptions]: as well
	Memory  int64  `json:"memory"`  // bytes of records in memory, 0: the default of compare
	// Profile is a file for the processor profile of a run. [Compare] makes one
	// more run for it, which is not among those that it tells of.
	Profile string `json:"profile"`
}

// CompareOptions say how to measure comparisons.
type CompareOptions struct {
	CompareJob
	Runs     int
	Child    func(context.Context) *exec.Cmd // a process that calls [RunJob] on its standard input and output
	Peer     string                          // program of bench/duckdb; empty: none
	Progress io.Writer
}

// CompareRun is what one run cost the process that did it.
type CompareRun struct {
	Seconds float64 `json:"seconds"` // from its start to its end
	CPU     float64 `json:"cpu_seconds"`
	Others  float64 `json:"others_cpu_seconds_per_second"` // of other processes meanwhile: how quiet it was
	Peak    int64   `json:"peak_memory_bytes"`
	Rate    float64 `json:"records_per_second"` // both files counted
}

// CompareRuns are the runs of one program on one input.
type CompareRuns struct {
	Name string       `json:"name"`
	Runs []CompareRun `json:"runs"`
	// Medians.
	Rate    float64 `json:"records_per_second"`
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu_seconds"`
	Peak    int64   `json:"peak_memory_bytes"` // the most of all runs
	// Of a peer: how many times our median.
	Wall     float64 `json:"times_our_wall,omitempty"`
	PerCPU   float64 `json:"times_our_cpu,omitempty"`
	Agrees   string  `json:"agrees,omitempty"`
	findings findings
}

// CompareResult is what was measured.
type CompareResult struct {
	Machine Machine       `json:"machine"`
	Job     string        `json:"job"`
	Records uint64        `json:"records"` // of both files
	All     []CompareRuns `json:"programs"`
}

// findings are what a program found, as far as ours and a peer can be laid side
// by side.
type findings struct {
	Peak       int64                        `json:"peak_memory_bytes"`
	Records    uint64                       `json:"records"`
	Engine     string                       `json:"engine"`
	Matched    compare.Matched              `json:"matched"`
	OnlyOurs   uint64                       `json:"only_ours"`
	OnlyTheirs uint64                       `json:"only_theirs"`
	Totals     map[string]map[string]amount `json:"totals"` // side, direction
}

type amount struct {
	Amount string `json:"amount"`
}

// Compare measures comparisons of the same traffic, ours and a peer's in turn.
// Codes: invalid; not-found for a peer that is not there; unavailable for a
// process that fails.
func Compare(ctx context.Context, o CompareOptions) (CompareResult, error) {
	if o.Runs < 1 {
		return CompareResult{}, fault.New(fault.Invalid, "nothing would be measured", "give at least one run")
	}
	if o.Peer != "" && o.Dir == "" {
		return CompareResult{}, fault.New(fault.Invalid, "the peer reads files", "leave --stream or --duckdb out")
	}
	if o.Parquet && o.Dir == "" {
		return CompareResult{}, fault.New(fault.Invalid, "Parquet is read from files", "leave --stream or --parquet out")
	}
	ours := func(j CompareJob) *exec.Cmd {
		c := o.Child(ctx)
		job, _ := json.Marshal(j) // numbers and texts
		c.Stdin = bytes.NewReader(job)
		return c
	}
	plain := o.CompareJob
	plain.Profile, plain.Parquet = "", false
	type program struct {
		CompareRuns
		start func() *exec.Cmd
	}
	programs := []program{{CompareRuns{Name: nameOurs}, func() *exec.Cmd { return ours(plain) }}}
	if o.Parquet {
		// Each program reads Parquet as it writes it itself.
		if err := tables(o.Dir); err != nil {
			return CompareResult{}, err
		}
		columns := plain
		columns.Parquet = true
		programs = append(programs, program{CompareRuns{Name: nameOurs + fromParquet}, func() *exec.Cmd { return ours(columns) }})
	}
	if o.Peer != "" {
		if _, err := exec.LookPath(o.Peer); err != nil {
			return CompareResult{}, fault.Newf(fault.NotFound, "build it with make bench-duckdb", "%s is no program", o.Peer).Because(err)
		}
		peer := func(ours, theirs string) func() *exec.Cmd {
			args := []string{"--ours", filepath.Join(o.Dir, ours), "--theirs", filepath.Join(o.Dir, theirs), "--rates", filepath.Join(o.Dir, "rates.csv"), "--carriers", "ALPHA,BRAVO"}
			if sheet := filepath.Join(o.Dir, "their-rates.csv"); exists(sheet) {
				args = append(args, "--their-rates", sheet)
			}
			return func() *exec.Cmd { return exec.CommandContext(ctx, o.Peer, args...) }
		}
		programs = append(programs, program{CompareRuns{Name: "peer"}, peer("ours.csv", "theirs.csv")})
		if o.Parquet {
			for _, side := range []string{"ours", "theirs"} {
				c := exec.CommandContext(ctx, o.Peer, "parquet", filepath.Join(o.Dir, side+".csv"), filepath.Join(o.Dir, side+"-peer.parquet"))
				if out, err := c.CombinedOutput(); err != nil {
					return CompareResult{}, failed(ctx, c, out, err)
				}
			}
			programs = append(programs, program{CompareRuns{Name: "peer" + fromParquet}, peer("ours-peer.parquet", "theirs-peer.parquet")})
		}
	}
	r := CompareResult{Machine: here(), Job: o.Traffic.String()}
	if o.Dir == "" {
		r.Job += ", streamed from the generator"
	}
	for i := range o.Runs {
		for k := range programs {
			p := &programs[k]
			run, found, err := timed(ctx, p.start())
			if err != nil {
				return r, err
			}
			if p.Name == nameOurs {
				r.Records = found.Records
			}
			run.Rate = float64(r.Records) / run.Seconds
			p.findings, p.Runs = found, append(p.Runs, run)
			if o.Progress != nil {
				fmt.Fprintf(o.Progress, "%s, run %d of %d: %.2f s, %.2f CPU-seconds\n", p.Name, i+1, o.Runs, run.Seconds, run.CPU)
			}
		}
	}
	if o.Profile != "" {
		if _, _, err := timed(ctx, ours(o.CompareJob)); err != nil {
			return r, err
		}
	}
	for _, p := range programs {
		p.middle()
		p.Rate = float64(r.Records) / p.Seconds
		if strings.HasPrefix(p.Name, "peer") {
			us := &r.All[0]
			if strings.HasSuffix(p.Name, fromParquet) {
				us = &r.All[1]
			}
			p.Wall, p.PerCPU = p.Seconds/us.Seconds, p.CPU/us.CPU
			p.Agrees = us.findings.agree(&p.findings)
			p.Name = strings.Replace(p.Name, "peer", p.findings.Engine, 1)
		}
		r.All = append(r.All, p.CompareRuns)
	}
	return r, nil
}

// What the programs are called.
const (
	nameOurs    = "lateral"
	fromParquet = " from Parquet"
)

// tables writes the records of a folder as Parquet.
func tables(dir string) error {
	for _, side := range []string{"ours", "theirs"} {
		in, err := os.Open(filepath.Join(dir, side+".csv"))
		if err != nil {
			return err
		}
		defer in.Close()
		out, err := os.Create(filepath.Join(dir, side+".parquet"))
		if err != nil {
			return err
		}
		_, err = voice.Convert(in, nil, nil, voice.NewTableWriter(out), nil)
		if err := cmp.Or(err, out.Close()); err != nil {
			return err
		}
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// timed runs a process to its end and reads what it prints.
func timed(ctx context.Context, c *exec.Cmd) (run CompareRun, found findings, err error) {
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	m := startMeter()
	if err := c.Run(); err != nil {
		return run, found, failed(ctx, c, errs.Bytes(), err)
	}
	elapsed, _, others := m.read()
	cpu := c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	run = CompareRun{Seconds: elapsed.Seconds(), CPU: cpu.Seconds(), Others: max(0, others-cpu.Seconds()/elapsed.Seconds())}
	if err := json.Unmarshal(out.Bytes(), &found); err != nil {
		return run, found, fmt.Errorf("reading what %s printed: %w", c.Path, err)
	}
	run.Peak = found.Peak
	return run, found, nil
}

func failed(ctx context.Context, c *exec.Cmd, out []byte, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fault.Newf(fault.Unavailable, "run it alone to see more", "%s ended early: %.500s", filepath.Base(c.Path), bytes.TrimSpace(out)).Because(err)
}

// middle takes the medians.
func (r *CompareRuns) middle() {
	median := func(of func(CompareRun) float64) float64 {
		all := make([]float64, len(r.Runs))
		for i := range r.Runs {
			all[i] = of(r.Runs[i])
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	r.Seconds = median(func(x CompareRun) float64 { return x.Seconds })
	r.CPU = median(func(x CompareRun) float64 { return x.CPU })
	for _, x := range r.Runs {
		r.Peak = max(r.Peak, x.Peak)
	}
}

// agree lays a peer's findings beside ours.
func (f *findings) agree(o *findings) string {
	var parts []string
	for _, side := range []string{"ours", "theirs"} {
		var differ []string
		for direction, a := range f.Totals[side] {
			if b := o.Totals[side][direction]; b != a {
				differ = append(differ, fmt.Sprintf("%s %s against %s", direction, a.Amount, b.Amount))
			}
		}
		slices.Sort(differ)
		if len(differ) == 0 {
			parts = append(parts, "money of "+side+" equal to the last unit")
		} else {
			parts = append(parts, "money of "+side+" differs: "+strings.Join(differ, ", "))
		}
	}
	for _, n := range []struct {
		name string
		a, b uint64
	}{
		{"exact", f.Matched.Exact, o.Matched.Exact}, {"skewed", f.Matched.Skewed, o.Matched.Skewed}, {"duration", f.Matched.Duration, o.Matched.Duration},
		{"only ours", f.OnlyOurs, o.OnlyOurs}, {"only theirs", f.OnlyTheirs, o.OnlyTheirs},
	} {
		if n.a == n.b {
			parts = append(parts, fmt.Sprintf("%s %d", n.name, n.a))
		} else {
			parts = append(parts, fmt.Sprintf("%s %d against %d", n.name, n.a, n.b))
		}
	}
	return strings.Join(parts, "; ")
}

// Text gives the result for people.
func (r CompareResult) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "machine    %s\njob        %s: %d records\n", r.Machine, r.Job, r.Records)
	for _, p := range r.All {
		of := func(get func(CompareRun) float64) (least, most float64) {
			for i, x := range p.Runs {
				if v := get(x); i == 0 {
					least, most = v, v
				} else {
					least, most = min(least, v), max(most, v)
				}
			}
			return least, most
		}
		slow, fast := of(func(x CompareRun) float64 { return x.Rate / 1e6 })
		short, long := of(func(x CompareRun) float64 { return x.Seconds })
		quiet, busy := of(func(x CompareRun) float64 { return x.Others })
		fmt.Fprintf(&b, "%s\n  rate     %.2f million records/s at the median of %d runs (%.2f to %.2f)\n  wall     %.2f s (%.2f to %.2f), CPU %.2f s, others %.2f to %.2f of the processors\n  memory   %.2f GiB at its peak\n",
			p.Name, p.Rate/1e6, len(p.Runs), slow, fast, p.Seconds, short, long, p.CPU, quiet, busy, float64(p.Peak)/(1<<30))
		if p.Wall > 0 {
			fmt.Fprintf(&b, "  ratio    %.2f times our wall time, %.2f times our CPU time\n  agrees   %s\n", p.Wall, p.PerCPU, strings.ReplaceAll(p.Agrees, "; ", "\n           "))
		}
	}
	return b.String()
}

// RunJob does a job that is read from in and prints what it found.
func RunJob(ctx context.Context, in io.Reader, out io.Writer) error {
	var j CompareJob
	if err := json.NewDecoder(in).Decode(&j); err != nil {
		return fault.New(fault.Invalid, "the job cannot be read", "start it with lateral bench compare").Because(err)
	}
	job, err := j.job()
	if err != nil {
		return err
	}
	if j.Profile != "" {
		f, err := os.Create(j.Profile)
		if err != nil {
			return fault.Newf(fault.Invalid, "name a file that can be written", "%s cannot be made", j.Profile).Because(err)
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	compare.LimitMemory(j.Memory)
	r, err := compare.Run(ctx, job)
	if err != nil {
		return err
	}
	f := findings{Peak: peakMemory(), Records: r.Records.Ours.Read + r.Records.Theirs.Read, Matched: r.Matched, OnlyOurs: r.OnlyOurs, OnlyTheirs: r.OnlyTheirs,
		Totals: map[string]map[string]amount{}}
	for side, sums := range map[string]compare.Sums{"ours": r.Amount.Ours, "theirs": r.Amount.Theirs} {
		f.Totals[side] = map[string]amount{}
		for direction, s := range sums {
			f.Totals[side][direction] = amount{s["USD"].String()}
		}
	}
	return json.NewEncoder(out).Encode(f)
}

// job opens files or makes streams.
func (j CompareJob) job() (compare.Job, error) {
	job := compare.Job{Us: party.Code("ALPHA"), StartTolerance: 3 * time.Second, Memory: j.Memory}
	if j.Dir == "" {
		return j.streamed(job)
	}
	var err error
	end := ".csv"
	if j.Parquet {
		end = ".parquet"
	}
	for i, name := range []string{"ours" + end, "theirs" + end} {
		if job.Records[i], err = compare.File(filepath.Join(j.Dir, name)); err != nil {
			return job, err
		}
	}
	sheets := map[string]**rating.Sheet{"rates.csv": &job.Rates[0]}
	if exists(filepath.Join(j.Dir, "their-rates.csv")) {
		sheets["their-rates.csv"] = &job.TheirRates[0]
	}
	var reading sync.WaitGroup
	failed := make(chan error, len(sheets))
	for name, to := range sheets {
		reading.Go(func() {
			var err error
			*to, err = sheet(os.ReadFile(filepath.Join(j.Dir, name)))
			failed <- err
		})
	}
	reading.Wait()
	for range sheets {
		err = cmp.Or(err, <-failed)
	}
	return job, err
}

func sheet(csv []byte, err error) (*rating.Sheet, error) {
	if err != nil {
		return nil, fault.New(fault.NotFound, "the files of the benchmark are gone", "run it again").Because(err)
	}
	s, _, err := voice.ReadSheet(bytes.NewReader(csv))
	return s, err
}

// streamed makes each file anew whenever it is opened.
func (j CompareJob) streamed(job compare.Job) (compare.Job, error) {
	plan, err := j.Plan()
	if err != nil {
		return job, err
	}
	g, err := voice.NewGenerator(plan)
	if err != nil {
		return job, err
	}
	if err := sheets(g, &job); err != nil {
		return job, err
	}
	for side, name := range []string{"ours", "theirs"} {
		job.Records[side] = compare.Input{Name: name, Size: int64(j.Calls) * rowBytes, Open: func() (io.ReadCloser, error) {
			g, err := voice.NewGenerator(plan)
			if err != nil {
				return nil, err
			}
			ours, theirs := g.Readers(j.Calls)
			return io.NopCloser([]io.Reader{ours, theirs}[side]), nil
		}}
	}
	return job, nil
}

// rowBytes is about what a generated row takes.
const rowBytes = 86

// sheets gives a job the generator's sheets.
func sheets(g *voice.Generator, job *compare.Job) error {
	var csv bytes.Buffer
	err := g.WriteSheet(&csv)
	if job.Rates[0], err = sheet(csv.Bytes(), err); err != nil || !g.TheirSheet() {
		return err
	}
	csv.Reset()
	err = g.WriteTheirSheet(&csv)
	job.TheirRates[0], err = sheet(csv.Bytes(), err)
	return err
}

// peakMemory is the most memory that this process has held, bytes. getrusage(2)
// may count that of the process which started it, so it comes second.
func peakMemory() int64 {
	if text, err := os.ReadFile("/proc/self/status"); err == nil {
		f := strings.Fields(string(text))
		if i := slices.Index(f, "VmHWM:"); i >= 0 && i+1 < len(f) {
			if n, err := strconv.ParseInt(f[i+1], 10, 64); err == nil {
				return n << 10
			}
		}
	}
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return u.Maxrss << 10 // Linux counts in KiB (getrusage(2))
}
