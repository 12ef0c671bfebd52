package bench

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/usage"
)

// march is the span of generated traffic.
var march = usage.Interval{From: 1_772_323_200_000, To: 1_775_001_600_000}

// written puts the files of a traffic into a folder.
func written(t *testing.T, x Traffic) string {
	t.Helper()
	plan, err := x.Plan()
	if err != nil {
		t.Fatal(err)
	}
	g, err := voice.NewGenerator(plan)
	if err != nil {
		t.Fatal(err)
	}
	var ours, theirs, rates, other bytes.Buffer
	if err := g.WriteFiles(&ours, &theirs, &rates, x.Calls); err != nil {
		t.Fatal(err)
	}
	files := map[string]*bytes.Buffer{"ours.csv": &ours, "theirs.csv": &theirs, "rates.csv": &rates}
	if g.TheirSheet() {
		if err := g.WriteTheirSheet(&other); err != nil {
			t.Fatal(err)
		}
		files["their-rates.csv"] = &other
	}
	dir := t.TempDir()
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestComparisonsAreMeasuredInProcessesOfTheirOwn(t *testing.T) {
	x := Traffic{Seed: 3, Calls: 2000, Prefixes: 100, Plant: "duplicate=2%,late_price=5%", Span: march}
	files := CompareOptions{CompareJob: CompareJob{Traffic: x, Dir: written(t, x)}, Runs: 3, Child: child}
	streamed := CompareOptions{CompareJob: CompareJob{Traffic: x, Profile: filepath.Join(t.TempDir(), "cpu.pprof")}, Runs: 1, Child: child}
	var results []CompareResult
	for _, o := range []CompareOptions{files, streamed} {
		r, err := Compare(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.All) != 1 || len(r.All[0].Runs) != o.Runs || r.Records < 4000 {
			t.Fatalf("%+v", r)
		}
		if p := r.All[0]; p.Seconds <= 0 || p.CPU <= 0 || p.Peak < 1<<20 || p.Rate <= 0 {
			t.Errorf("%+v", p)
		}
		results = append(results, r)
	}
	if a, b := results[0].All[0].findings, results[1].All[0].findings; a.agree(&b) != a.agree(&a) || results[0].Records != results[1].Records {
		t.Errorf("files and streams of one seed differ: %s", a.agree(&b))
	}
	if profile, err := os.ReadFile(streamed.Profile); err != nil {
		t.Error(err)
	} else if _, err := readProfile(profile); err != nil {
		t.Error(err)
	}
	if text := results[1].Text(); !strings.Contains(text, "streamed") || !strings.Contains(text, "GiB at its peak") {
		t.Errorf("the text is\n%s", text)
	}
}

func TestAMeasureThatCannotBeTakenIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		o    CompareOptions
		code fault.Code
	}{
		"no run":                {CompareOptions{}, fault.Invalid},
		"a peer without files":  {CompareOptions{Runs: 1, Peer: "x"}, fault.Invalid},
		"Parquet without files": {CompareOptions{Runs: 1, CompareJob: CompareJob{Parquet: true}}, fault.Invalid},
		"a peer that is not there": {CompareOptions{Runs: 1, Peer: "/no/such/program", CompareJob: CompareJob{Dir: t.TempDir()}},
			fault.NotFound},
		"files that are gone": {CompareOptions{Runs: 1, Child: child, CompareJob: CompareJob{Dir: t.TempDir()}}, fault.Unavailable},
	} {
		if _, err := Compare(t.Context(), c.o); fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	if err := RunJob(t.Context(), strings.NewReader("no job"), &bytes.Buffer{}); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("text as a job: %v", err)
	}
}

func TestEachCycleIsMeasured(t *testing.T) {
	r, err := Cycles(t.Context(), Traffic{Seed: 1, Calls: 500, Prefixes: 100, Plant: "clock_skew=2%", Span: march}, 4, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Each) != 4 || r.Records < 3500 || r.Crossed == 0 || r.P50 <= 0 || r.P99 < r.P50 || r.Longest < r.P99 || !strings.Contains(r.Text(), "4 cycles of 15s") {
		t.Errorf("%+v", r)
	}
	if _, err := Cycles(t.Context(), Traffic{}, 0, nil); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("no cycles: %v", err)
	}
}

// DuckDB is an independent reader, matcher and adder of the same files.
func TestDuckDBComesToTheSameSums(t *testing.T) {
	dir, err := filepath.Abs("duckdb")
	if err != nil {
		t.Fatal(err)
	}
	if testing.Short() {
		t.Skip("building DuckDB is slow")
	}
	peer, err := filepath.Abs("../bin/lateral-duckdb")
	if err != nil {
		t.Fatal(err)
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", peer, ".")
	build.Dir, build.Env = dir, append(os.Environ(), "GOPROXY=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("DuckDB is not here; make bench-duckdb fetches and builds it, with a C compiler: %.200s", out)
	}
	// Kinds that DuckDB's query takes no notice of are left out, but one that it
	// must not fall over.
	x := Traffic{Seed: 5, Calls: 6000, Prefixes: 300, Span: march,
		Plant: "duplicate=2%,missing_random=2%,wrong_partner=1%,split_call=1%,answer_race=1%,clock_skew=1%,duration_rounding=2%,dial_code=3%,rate_version=3%,late_price=5%"}
	r, err := Compare(t.Context(), CompareOptions{CompareJob: CompareJob{Traffic: x, Dir: written(t, x), Parquet: true}, Runs: 1, Child: child, Peer: peer})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.All) != 4 || r.All[1].Name != "lateral from Parquet" || !strings.HasPrefix(r.All[2].Name, "DuckDB v") || !strings.HasSuffix(r.All[3].Name, " from Parquet") {
		t.Fatalf("%+v", r.All)
	}
	if same := r.All[0].findings.agree(&r.All[1].findings); strings.Contains(same, "against") {
		t.Errorf("from Parquet: %s", same)
	}
	for _, p := range r.All[2:] {
		t.Logf("%s: %s", p.Name, p.Agrees)
		a, b := r.All[0].findings, p.findings
		if p.Wall <= 0 || p.PerCPU <= 0 || b.Peak < 1<<20 {
			t.Errorf("%s: %+v", p.Name, p)
		}
		for _, want := range []string{"money of ours equal to the last unit", "money of theirs equal to the last unit"} {
			if !strings.Contains(p.Agrees, want) {
				t.Errorf("%s: %s", p.Name, p.Agrees)
			}
		}
		// A trunk whose clock is off by more than the tolerance is matched by us
		// alone.
		lost := a.Matched.Skewed - b.Matched.Skewed
		if a.Matched.Exact != b.Matched.Exact || a.Matched.Duration != b.Matched.Duration || a.Matched.RawOnly != b.Matched.RawOnly ||
			b.OnlyOurs-a.OnlyOurs != lost || b.OnlyTheirs-a.OnlyTheirs != lost {
			t.Errorf("%s: %s", p.Name, p.Agrees)
		}
	}
}
