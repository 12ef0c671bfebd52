package bench

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/compare"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
)

var update = flag.Bool("update", false, "rewrite docs/guide/found.md")

const foundPath = "../docs/guide/found.md"

// seeds are those of the tables.
var seeds = []uint64{1, 2, 3}

// score is what was planted of a kind and what was found, over all seeds.
type score struct {
	planted, found             uint64
	plantedAmount, foundAmount money.Micro
	off                        money.Micro // sum of what single directions of single seeds are off by
}

// planted generates traffic and compares it, with their invoice or without.
func planted(t *testing.T, plan voice.Plan, calls int, invoiced bool) (voice.Truth, *compare.Result) {
	t.Helper()
	g, err := voice.NewGenerator(plan)
	if err != nil {
		t.Fatal(err)
	}
	var files [2]bytes.Buffer
	if err := g.WriteFiles(&files[0], &files[1], io.Discard, calls); err != nil {
		t.Fatal(err)
	}
	job := compare.Job{Us: plan.Ours, StartTolerance: 3 * time.Second, Workers: 2}
	if err := sheets(g, &job); err != nil {
		t.Fatal(err)
	}
	if job.TheirRates[0] == nil {
		job.TheirRates = [2]*rating.Sheet{}
	}
	for s := range files {
		job.Records[s] = compare.Input{Name: []string{"ours", "theirs"}[s], Size: int64(files[s].Len()), Open: func() (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(files[s].Bytes())), nil
		}}
	}
	if invoiced {
		var csv bytes.Buffer
		if err := g.WriteInvoice(&csv); err != nil {
			t.Fatal(err)
		}
		if job.TheirInvoice, _, err = compare.ReadInvoice(&csv); err != nil {
			t.Fatal(err)
		}
	}
	r, err := compare.Run(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	return g.Truth(), r
}

// noSplits compares traffic in which no call is split, of each seed, and counts
// the calls that seem to be. Each side lacks one row in fifty, redials as well as
// others, and has durations that are rounded up to a step, ms.
func noSplits(t *testing.T, plant string, steps [2]int) (only, found uint64) {
	p, err := voice.ParsePlant(plant)
	if err != nil {
		t.Fatal(err)
	}
	for _, seed := range seeds {
		g, err := voice.NewGenerator(voice.Plan{Seed: seed, Ours: "ALPHA", Theirs: "BRAVO", Span: march, Prefixes: 1000, Plant: p})
		if err != nil {
			t.Fatal(err)
		}
		var files [2]bytes.Buffer
		if err := g.WriteFiles(&files[0], &files[1], io.Discard, 50_000); err != nil {
			t.Fatal(err)
		}
		job := compare.Job{Us: "ALPHA", StartTolerance: 3 * time.Second, Workers: 2}
		if err := sheets(g, &job); err != nil {
			t.Fatal(err)
		}
		for s := range files {
			text := thinned(t, files[s].String(), 20+17*s, steps[s])
			job.Records[s] = compare.Input{Name: []string{"ours", "theirs"}[s], Size: int64(len(text)), Open: func() (io.ReadCloser, error) {
				return io.NopCloser(strings.NewReader(text)), nil
			}}
		}
		r, err := compare.Run(t.Context(), job)
		if err != nil {
			t.Fatal(err)
		}
		only += r.OnlyOurs + r.OnlyTheirs
		found += r.Causes[slices.IndexFunc(r.Causes, func(f compare.Finding) bool { return f.Cause == compare.SplitCall })].Calls
	}
	return only, found
}

// thinned is a file without one row in fifty, and with durations rounded up to a
// step.
func thinned(t *testing.T, file string, without, step int) string {
	lines := strings.SplitAfter(file, "\n")
	var b strings.Builder
	for i, line := range lines {
		f := strings.Split(line, ",")
		switch {
		case i > 0 && i%50 == without:
			continue
		case i > 0 && step > 1 && len(f) > 4:
			ms, err := strconv.Atoi(f[4])
			if err != nil {
				t.Fatal(err)
			}
			f[4] = strconv.Itoa((ms + step - 1) / step * step)
		}
		b.WriteString(strings.Join(f, ","))
	}
	return b.String()
}

func stepName(step int) string {
	if step == 0 {
		return "as they were"
	}
	return fmt.Sprintf("up to %d s", step/1000)
}

// why says for each kind what is missed, and why.
var why = map[voice.Kind]string{
	"number_format":     "a trunk with fewer than three calls that can be matched teaches no rule: its calls are refused, or stay without a partner",
	"missing_block":     "fewer than five missing calls in a row are no block but single ones, and single ones beside a block belong to it",
	"missing_random":    "has what `missing_block` lacks, and calls of trunks that were not learned, which look missing",
	"time_zone":         "a trunk whose zone is off and that has fewer than three calls is not learned",
	"clock_skew":        "a trunk that is off by more than the tolerance and has fewer than three calls is not learned",
	"duration_rounding": "counted are calls whose billed seconds differ; the others cost the same, and are in `raw_only`",
	"money_rounding":    "counted are the calls of the lines that it changes, the truth counts none",
	"tax_fx":            "counted are all calls, the truth counts none",
}

// byOrigin reports whether a sheet whose prices depend on the origin can be read.
func byOrigin(t *testing.T) bool {
	g, err := voice.NewGenerator(voice.Plan{Ours: "ALPHA", Theirs: "BRAVO", Span: march, Plant: voice.Plant{"origin_surcharge": 10_000}})
	if err != nil {
		t.Fatal(err)
	}
	var job compare.Job
	return sheets(g, &job) == nil
}

// scores compares traffic of each seed and adds up.
func scores(t *testing.T, plant string, calls int, invoiced bool) map[voice.Kind]score {
	p, err := voice.ParsePlant(plant)
	if err != nil {
		t.Fatal(err)
	}
	sums := map[voice.Kind]score{}
	for _, seed := range seeds {
		truth, r := planted(t, voice.Plan{Seed: seed, Ours: "ALPHA", Theirs: "BRAVO", Span: march, Prefixes: 1000, Plant: p}, calls, invoiced)
		for d, sum := range r.Amount.Unexplained {
			for _, m := range sum {
				if m != 0 {
					t.Errorf("seed %d of %s: %s of %s are not explained", seed, plant, m, d)
				}
			}
		}
		for _, c := range truth.Causes {
			x := sums[c.Cause]
			f := r.Causes[slices.IndexFunc(r.Causes, func(f compare.Finding) bool { return string(f.Cause) == string(c.Cause) })]
			x.planted += c.Calls.Ours + c.Calls.Theirs
			x.found += f.Calls
			for d, sum := range c.Amount {
				for currency, m := range sum {
					n := f.Amount[d][currency]
					x.plantedAmount += m
					x.foundAmount += n
					x.off += max(m-n, n-m)
				}
			}
			sums[c.Cause] = x
		}
	}
	return sums
}

// Every kind is planted and looked for. The table of the guide is what came out.
func TestWhatIsPlantedIsFound(t *testing.T) {
	origins := ""
	if !byOrigin(t) {
		origins = ",origin_surcharge=0%"
	}
	const noInvoice = ",money_rounding=0%,tax_fx=0%,volume_terms=0%"
	var b strings.Builder
	fmt.Fprintf(&b, `# What is planted and what is found

For whoever wants to know how far to trust a comparison. [Generated calls](generate-calls.md) of seeds 1, 2 and 3 are compared, all kinds at once; the
tables add the three up. Amounts are USD, theirs less ours, both directions together; "off by" adds what each direction of each seed is off by, so that
nothing cancels out. Of calls and money together nothing stayed unexplained.

This page is written by `+"`go test ./bench -run TestWhatIsPlantedIsFound -update`"+`, and the test fails when something else is found.
`)
	table := func(title, plant string, calls int, kinds []voice.Kind, sums map[voice.Kind]score) {
		fmt.Fprintf(&b, "\n## %s\n\n`lateral generate voice --calls %d --plant %s`\n\n| kind | planted calls | found | planted amount | found | off by | missed |\n| --- | --- | --- | --- | --- | --- | --- |\n", title, calls, plant)
		for _, k := range kinds {
			x, ok := sums[k]
			if !ok {
				continue
			}
			missed := ""
			if x.planted != x.found || x.off != 0 {
				if missed = why[k]; missed == "" {
					t.Errorf("%s: %+v, and nobody says why", k, x)
				}
			}
			fmt.Fprintf(&b, "| `%s` | %d | %d | %s | %s | %s | %s |\n", k, x.planted, x.found, x.plantedAmount, x.foundAmount, x.off, missed)
		}
	}
	calls := voice.Kinds[:slices.Index(voice.Kinds, "money_rounding")]
	plenty, few := "all=1%"+origins, "all=0.1%"+origins
	table("Many calls, their sheet", plenty+noInvoice, 50_000, calls, scores(t, plenty+noInvoice, 50_000, false))
	table("Few calls, their sheet", few+noInvoice, 20_000, calls, scores(t, few+noInvoice, 20_000, false))
	table("Their invoice too, which rounds each call", plenty, 20_000, voice.Kinds, scores(t, plenty, 20_000, true))
	fmt.Fprintf(&b, "\n## Where no call is split\n\nOne in ten generated calls redials within 20 s, often while the call before still goes on, so that a call which one side lacks can look\n"+
		"like a part of another. 50,000 calls of each seed, with nothing planted but what is missing, one row in fifty of each side. Where one side has whole\n"+
		"minutes and the other has not, two calls between two numbers within one minute of which one side lacks the second are what a call in parts is:\n\n"+
		"| our durations | theirs | calls that one side lacks | taken for parts |\n| --- | --- | --- | --- |\n")
	for _, steps := range [][2]int{{}, {0, 6_000}, {0, 60_000}, {6_000, 6_000}, {60_000, 60_000}, {1_000, 6_000}, {6_000, 60_000}} {
		only, found := noSplits(t, "", steps)
		fmt.Fprintf(&b, "| %s | %s | %d | %d |\n", stepName(steps[0]), stepName(steps[1]), only, found)
	}
	if origins != "" {
		b.WriteString("\n`origin_surcharge` is not planted here: a sheet whose prices depend on the origin cannot be read.\n")
	}
	if *update {
		if err := os.WriteFile(foundPath, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	was, err := os.ReadFile(foundPath)
	if err != nil {
		t.Fatal(err)
	}
	if string(was) != b.String() {
		t.Errorf("something else is found than docs/guide/found.md says; if that is right: go test ./bench -run TestWhatIsPlantedIsFound -update\n%s", b.String())
	}
}
