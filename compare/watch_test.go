package compare

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/fraud"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// long asks for what takes too long for every run: make test-long sets it.
var long = os.Getenv("LATERAL_TEST_LONG") != ""

// span is November 2026, or its first days.
func span(days int64) usage.Interval {
	const from = 1_793_491_200_000
	return usage.Interval{From: from, To: from + days*86_400_000}
}

// flooded is a job on generated traffic without errors.
func flooded(t testing.TB, p voice.Plan, calls int) (Job, voice.Truth) {
	t.Helper()
	p.Ours, p.Theirs = "ALPHA", "BRAVO"
	g, err := voice.NewGenerator(p)
	if err != nil {
		t.Fatal(err)
	}
	var ours, rates bytes.Buffer
	if err := g.WriteFiles(&ours, io.Discard, &rates, calls); err != nil {
		t.Fatal(err)
	}
	s, _, err := voice.ReadSheet(&rates)
	if err != nil {
		t.Fatal(err)
	}
	// Their records do not matter to the search.
	header := voice.UsageHeader + "\n" + strings.SplitN(ours.String(), "\n", 3)[1] + "\n"
	return Job{Records: [2]Input{text(ours.String()), text(header)}, Rates: [2]*rating.Sheet{s}, Us: "ALPHA"}, g.Truth()
}

// raised tells whether a flood is among the signals, in the cycle that it begins
// in.
func raised(signals []Signal, f voice.TrueFlood) bool {
	return slices.ContainsFunc(signals, func(s Signal) bool { return of(s, f) })
}

func of(s Signal, f voice.TrueFlood) bool {
	same := s.Direction == f.Direction || s.Kind == fraud.Loop && s.Direction == f.Direction.Back()
	return same && string(s.Kind) == string(f.Kind) && s.Destination == f.Destination && s.Period.Contains(f.Span.From)
}

// Ten seconds of floods in an hour of live traffic, and half hours of them in a
// month: each is raised in the cycle in which it begins, and nothing else is.
func TestEveryPlantedFloodIsRaisedInTheCycleInWhichItBegins(t *testing.T) {
	all := func(n int) map[voice.FloodKind]int {
		return map[voice.FloodKind]int{"destination_growth": n, "short_flood": n, "false_answer": n, "loop": n}
	}
	hour := usage.Interval{From: span(1).From + 10*3_600_000, To: span(1).From + 11*3_600_000}
	for _, c := range []struct {
		name  string
		plan  voice.Plan
		calls int
		cycle string
	}{
		{"a month of hours", voice.Plan{Span: span(30), Prefixes: 1000, Floods: voice.Floods{Count: all(10)}}, 100_000, ""},
		{"a month of days and nights", voice.Plan{Span: span(30), Prefixes: 200, Shape: voice.DayAndNight, Floods: voice.Floods{Count: all(8)}}, 100_000, ""},
		{"small floods", voice.Plan{Span: span(14), Prefixes: 1000, Floods: voice.Floods{Count: all(10), Calls: 60}}, 50_000, ""},
		{"an hour of 15 seconds", voice.Plan{Span: hour, Prefixes: 1000, Floods: voice.Floods{Count: all(5), Calls: 60, Cycle: 15_000}}, 60_000, "15s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.plan.Seed = rand.Uint64()
			t.Logf("seed %d", c.plan.Seed)
			job, truth := flooded(t, c.plan, c.calls)
			if c.cycle != "" {
				job.Cycle, _ = usage.ParseCycle(c.cycle)
			}
			r := compared(t, job)
			missed := 0
			for _, f := range truth.Floods {
				if !raised(r.Signals, f) {
					missed++
					t.Errorf("missed %+v", f)
				}
			}
			for _, s := range r.Signals {
				if !slices.ContainsFunc(truth.Floods, func(f voice.TrueFlood) bool { return of(s, f) }) {
					t.Errorf("false alarm %+v", s)
				}
			}
			t.Logf("%d of %d floods raised, %d signals", len(truth.Floods)-missed, len(truth.Floods), len(r.Signals))
		})
	}
}

// destinationHours counts the hours in which a destination has a call, each way.
func destinationHours(t testing.TB, job Job) int {
	t.Helper()
	r, err := job.Records[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	batch, err := voice.ReadUsage(r, voice.Options{})
	if err != nil {
		t.Fatal(err)
	}
	type cell struct {
		name string
		way  usage.Way
		hour int64
	}
	cells := map[cell]bool{}
	for _, c := range batch.Records {
		if row, ok := job.Rates[0].Find(c.Destination, c.Origin, c.Start); ok {
			cells[cell{job.Rates[0].Row(row).Destination, c.Way, c.Start / 3_600_000}] = true
		}
	}
	return len(cells)
}

// One false alarm in 10,000 destination-hours is allowed. Most hours are those of
// many destinations, in both shapes of traffic; make test-long has the busier few
// in both shapes too.
func TestCleanTrafficRaisesHardlyAnything(t *testing.T) {
	type traffic struct{ prefixes, calls int }
	many, some, few := traffic{300, 100_000}, traffic{60, 150_000}, traffic{12, 100_000}
	shapes := map[voice.Shape][]traffic{"": {many, some}, voice.DayAndNight: {many, few}}
	if long {
		shapes = map[voice.Shape][]traffic{"": {many, some, few}, voice.DayAndNight: {many, some, few}}
	}
	hours, alarms := 0, 0
	for shape, all := range shapes {
		for _, c := range all {
			seed := rand.Uint64()
			job, _ := flooded(t, voice.Plan{Seed: seed, Span: span(20), Prefixes: c.prefixes, Shape: shape}, c.calls)
			r := compared(t, job)
			n := destinationHours(t, job)
			hours += n
			alarms += len(r.Signals)
			t.Logf("seed %d, shape %q, %d prefixes, %d calls: %d signals in %d destination-hours", seed, shape, c.prefixes, c.calls, len(r.Signals), n)
			for _, s := range r.Signals {
				t.Logf("%+v", s)
			}
		}
	}
	t.Logf("%d false alarms in %d destination-hours", alarms, hours)
	if alarms*10_000 > hours || hours < 100_000 {
		t.Errorf("%d false alarms in %d destination-hours", alarms, hours)
	}
}

// The number of goroutines, the order of rows and the memory do not matter.
func TestSignalsDoNotDependOnHowTheWorkIsDone(t *testing.T) {
	job, _ := flooded(t, voice.Plan{Seed: 7, Span: span(10), Prefixes: 200, Floods: voice.Floods{Count: map[voice.FloodKind]int{"destination_growth": 3, "short_flood": 3, "false_answer": 3, "loop": 3}}}, 20_000)
	without := func(r *Result) string {
		for i := range r.Signals {
			r.Signals[i].Lines = nil
		}
		return fmt.Sprintf("%+v", r.Signals)
	}
	job.Workers = 1
	want := without(compared(t, job))
	job.Workers, job.Memory = 3, 1
	if got := without(compared(t, job)); got != want {
		t.Errorf("three goroutines and no memory: %s\nwant %s", got, want)
	}
	r, _ := job.Records[0].Open()
	file, _ := io.ReadAll(r)
	rows := strings.Split(strings.TrimSpace(string(file)), "\n")
	random := seed(t)
	random.Shuffle(len(rows)-1, func(i, j int) { rows[i+1], rows[j+1] = rows[j+1], rows[i+1] })
	job.Records[0] = text(strings.Join(rows, "\n") + "\n")
	if got := without(compared(t, job)); got != want {
		t.Errorf("shuffled: %s\nwant %s", got, want)
	}
}

func TestSignalsAreToldToPeople(t *testing.T) {
	at := usage.Interval{From: span(1).From, To: span(1).From + 3_600_000}
	signals := []Signal{
		{Kind: fraud.Loop, Direction: usage.Direction{From: "ALPHA", To: "BRAVO"}, Destination: "Spain", Period: at, Calls: 7, Of: 9, Origins: 2, Lines: []uint32{5, 6}},
		{Kind: fraud.Growth, Direction: usage.Direction{From: "BRAVO", To: "ALPHA"}, Destination: "Chad Mobile", Period: at, Calls: 300, Of: 300, Expected: 4, Origins: 250, Lines: []uint32{12}},
	}
	var out strings.Builder
	if err := WriteSignals(&out, signals); err != nil {
		t.Fatal(err)
	}
	const want = `looks like fraud in our records
  destination_growth  BRAVO>ALPHA  Chad Mobile  2026-11-01T00:00:00Z  300 calls, 4 expected  250 callers  from line 12
  loop                ALPHA>BRAVO  Spain        2026-11-01T00:00:00Z  7 calls, 0 expected    2 callers    from line 5
`
	if out.String() != want {
		t.Errorf("told is\n%s\nwant\n%s", out.String(), want)
	}
	out.Reset()
	if err := WriteSignals(&out, slices.Repeat(signals, 15)); err != nil || !strings.HasSuffix(out.String(), "\n  and 10 more\n") {
		t.Errorf("of many: %s", out.String())
	}
}
