package compare

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/reconcile"
	"github.com/lateral-network/lateral/trade/usage"
)

func text(s string) Input {
	return Input{Name: "test", Size: int64(len(s)), Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(s)), nil }}
}

func sheet(t testing.TB, rows ...string) *rating.Sheet {
	t.Helper()
	s, rejects, err := voice.ReadSheet(strings.NewReader(voice.SheetHeader + "\n" + strings.Join(rows, "\n") + "\n"))
	if err != nil {
		t.Fatal(err, rejects)
	}
	return s
}

func compared(t testing.TB, job Job) *Result {
	t.Helper()
	if job.StartTolerance == 0 {
		job.StartTolerance = 3 * time.Second
	}
	job.Signals = true
	r, err := Run(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	// What holds for every result.
	for d, sums := range r.Amount.Explained {
		for currency, explained := range sums {
			if got, want := explained+r.Amount.Unexplained[d][currency], r.Amount.Theirs[d][currency]-r.Amount.Ours[d][currency]; got != want {
				t.Errorf("%s: explained + unexplained is %s, theirs - ours is %s", d, got, want)
			}
			sum := money.Micro(0)
			for _, c := range r.Causes {
				if c.Cause != Duplicate {
					sum += c.Amount[d][currency]
				}
			}
			if sum != explained {
				t.Errorf("%s: the causes add up to %s, explained is %s", d, sum, explained)
			}
		}
	}
	return r
}

// plain is a result without what it cost.
func plain(t testing.TB, r *Result) string {
	t.Helper()
	c := *r
	c.Seconds, c.Rate, c.Peak = 0, 0, 0
	c.Rejects.Ours, c.Rejects.Theirs = nil, nil
	c.Signals = slices.Clone(c.Signals)
	for i := range c.Signals {
		c.Signals[i].Lines = nil // shuffled rows stand elsewhere
	}
	out, err := json.MarshalIndent(c, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func seed(t testing.TB) *rand.Rand {
	s := rand.Uint64()
	t.Logf("seed %d", s)
	return rand.New(rand.NewPCG(s, 1))
}

const day = "2026-11-02T"

// traffic makes two sides' rows of dense traffic between few numbers, with
// everything that may go wrong in a row.
func traffic(random *rand.Rand, n int) (ours, theirs []string) {
	begin := time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)
	numbers := []string{"4915112345678", "4930123456", "12125550100", "33123456789", "+4915112345679", "999999123456", ""}
	results := []string{"success", "success", "success", "fail", "rna"}
	row := func(side string, id int, origin, dest string, at time.Duration, ms int, result, way, trunk string) string {
		return fmt.Sprintf("%s%d,%s,%s,%s,%d,%s,%s,%s", side, id, origin, dest, begin.Add(at).Format("2006-01-02T15:04:05.000Z07:00"), ms, result, way, trunk)
	}
	for i := range n {
		origin, dest := numbers[random.IntN(len(numbers))], numbers[random.IntN(len(numbers)-1)]
		at, ms := time.Duration(random.IntN(n*2000))*time.Millisecond, random.IntN(200_000)
		result := results[random.IntN(len(results))]
		way := []string{"ALPHA,BRAVO", "BRAVO,ALPHA"}[random.IntN(2)]
		trunk := fmt.Sprintf("T%d", random.IntN(3))
		a := row("C", i, origin, dest, at, ms, result, way, trunk)
		switch random.IntN(12) {
		case 0:
			at += time.Duration(random.IntN(8000)-4000) * time.Millisecond
		case 1:
			ms += random.IntN(3000)
		case 2:
			origin = ""
		}
		b := row("X", i, origin, dest, at, ms, result, way, trunk)
		switch random.IntN(20) {
		case 0:
			ours = append(ours, a)
		case 1:
			theirs = append(theirs, b)
		case 2:
			ours, theirs = append(ours, a, a), append(theirs, b)
		case 3:
			ours, theirs = append(ours, a), append(theirs, b, strings.Replace(b, "X", "Y", 1))
		case 4:
			ours, theirs = append(ours, a, strings.Replace(a, ",success", ",fail", 1)), append(theirs, b)
		case 5:
			ours, theirs = append(ours, "nonsense"), append(theirs, strings.Replace(b, "ALPHA", "ZULU", 1))
		default:
			ours, theirs = append(ours, a), append(theirs, b)
		}
	}
	// The first good row names the pair.
	first := row("F", 0, "", "4930123456", 0, 1000, "fail", "ALPHA,BRAVO", "T0")
	return append([]string{first}, ours...), append([]string{first}, theirs...)
}

var testSheet = []string{
	"Germany,49,0.02,USD,60,1,1,2026-01-01T00:00:00Z,",
	"Germany Mobile,4915,0.123456789,USD,60,30,6,2026-01-01T00:00:00Z,2026-11-02T10:10:00Z",
	"Germany Mobile,4915,0.2,USD,60,30,6,2026-11-02T10:10:00Z,",
	"NANP,1,0.01,EUR,60,60,60,2026-01-01T00:00:00Z,",
	"France,33,0.03,USD,60,1,1,2026-01-01T00:00:00Z,",
}

func file2(rows []string) string { return voice.UsageHeader + "\n" + strings.Join(rows, "\n") + "\n" }

// The engine reads, matches and rates as the functions that clear periods do.
func TestCountsAndAmountsAreThoseOfTheClearingFunctions(t *testing.T) {
	random := seed(t)
	s := sheet(t, testSheet...)
	for range 40 {
		a, b := traffic(random, 20+random.IntN(300))
		job := Job{Records: [2]Input{text(file2(a)), text(file2(b))}, Rates: [2]*rating.Sheet{s}, SecondsTolerance: uint32(random.IntN(2))}
		cycle := "1mo"
		if random.IntN(2) == 0 {
			cycle = "1m"
			job.Cycle = usage.Cycle{Length: cycle}
		}
		got := compared(t, job)
		want, batches := slow(t, a, b, s, cycle, job.SecondsTolerance)
		for i, r := range []Records{got.Records.Ours, got.Records.Theirs} {
			batch := batches[i]
			if r.Read != batch.Read || r.Accepted != uint64(len(batch.Records)) || r.Rejected != batch.Refused || r.Duplicate != uint64(len(batch.Duplicates)) {
				t.Fatalf("side %d: %+v, want %d read, %d accepted, %d rejected, %d duplicate", i, r, batch.Read, len(batch.Records), batch.Refused, len(batch.Duplicates))
			}
		}
		c := want.Counts
		if m := got.Matched; m.Exact != c.Exact || m.Skewed != c.Skewed || m.Duration != c.Duration || m.RawOnly != c.RawOnly || got.OnlyOurs != c.OnlyOurs || got.OnlyTheirs != c.OnlyTheirs {
			t.Fatalf("%+v, only ours %d, only theirs %d; want %+v", m, got.OnlyOurs, got.OnlyTheirs, c)
		}
		for _, total := range want.Totals {
			d := total.Direction.String()
			if got.Amount.Ours[d][total.Currency] != total.Ours || got.Amount.Theirs[d][total.Currency] != total.Theirs {
				t.Fatalf("%s %s: %s and %s, want %s and %s", d, total.Currency, got.Amount.Ours[d][total.Currency], got.Amount.Theirs[d][total.Currency], total.Ours, total.Theirs)
			}
		}
	}
}

// slow is the same by the functions of trade.
func slow(t *testing.T, a, b []string, s *rating.Sheet, cycle string, seconds uint32) (*reconcile.Result, [2]*usage.Batch) {
	t.Helper()
	calendar, err := usage.Cycle{Length: cycle}.Calendar()
	if err != nil {
		t.Fatal(err)
	}
	var batches [2]*usage.Batch
	var rated [2]*rating.Rated
	pair := usage.Pair{}
	for i, rows := range [][]string{a, b} {
		if batches[i], err = voice.ReadUsage(strings.NewReader(file2(rows)), voice.Options{Pair: pair}); err != nil {
			t.Fatal(err)
		}
		pair = batches[i].Pair
		if rated[i], err = rating.Rate(batches[i], rating.Terms{Sheets: [2]*rating.Sheet{s, s}, Calendar: calendar}, nil); err != nil {
			t.Fatal(err)
		}
	}
	r, err := reconcile.Compare(rated[0], rated[1], reconcile.Tolerances{StartMillis: 3000, BilledSeconds: seconds})
	if err != nil {
		t.Fatal(err)
	}
	return r, batches
}

func TestShufflingTheRowsChangesNothing(t *testing.T) {
	random := seed(t)
	s := sheet(t, testSheet...)
	for range 10 {
		a, b := traffic(random, 200)
		// A row that repeats an id with other content is refused by order.
		a, b = consistent(a), consistent(b)
		want := plain(t, compared(t, Job{Records: [2]Input{text(file2(a)), text(file2(b))}, Rates: [2]*rating.Sheet{s}}))
		for _, rows := range [][]string{a, b} {
			random.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		}
		got := plain(t, compared(t, Job{Records: [2]Input{text(file2(a)), text(file2(b))}, Rates: [2]*rating.Sheet{s}, Workers: 3}))
		if got != want {
			t.Fatal(firstDifference(got, want))
		}
	}
}

// firstDifference shows where two results begin to differ.
func firstDifference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			from := max(0, i-4)
			return fmt.Sprintf("line %d:\n%s\nwant\n%s", i+1, strings.Join(a[from:i+1], "\n"), strings.Join(b[from:i+1], "\n"))
		}
	}
	return "one is longer"
}

func consistent(rows []string) []string {
	first := map[string]string{}
	var out []string
	for _, r := range rows {
		id, _, _ := strings.Cut(r, ",")
		if f, ok := first[id]; ok && f != r {
			continue
		}
		first[id] = r
		out = append(out, r)
	}
	return out
}

func TestExchangingTheSidesMirrorsTheResult(t *testing.T) {
	random := seed(t)
	s := sheet(t, testSheet...)
	for range 10 {
		a, b := traffic(random, 300)
		one := compared(t, Job{Records: [2]Input{text(file2(a)), text(file2(b))}, Rates: [2]*rating.Sheet{s}})
		two := compared(t, Job{Records: [2]Input{text(file2(b)), text(file2(a))}, Rates: [2]*rating.Sheet{s}})
		if one.Matched != two.Matched || one.OnlyOurs != two.OnlyTheirs || one.OnlyTheirs != two.OnlyOurs {
			t.Fatalf("%+v, %d, %d and mirrored %+v, %d, %d", one.Matched, one.OnlyOurs, one.OnlyTheirs, two.Matched, two.OnlyOurs, two.OnlyTheirs)
		}
		for i := range one.Causes {
			if one.Causes[i].Calls != two.Causes[i].Calls {
				t.Errorf("%s: %d calls, mirrored %d", one.Causes[i].Cause, one.Causes[i].Calls, two.Causes[i].Calls)
			}
		}
		for d, sums := range one.Amount.Explained {
			for currency, m := range sums {
				if two.Amount.Explained[d][currency] != -m {
					t.Errorf("%s: %s, mirrored %s", d, m, two.Amount.Explained[d][currency])
				}
			}
		}
	}
}

// Each side's billed seconds are by its own sheet, so no side's sheet decides
// alone which calls differ.
func TestExchangingTheSidesAndTheirSheetsMirrorsTheBuckets(t *testing.T) {
	random := seed(t)
	mine := sheet(t, "Germany,49,0.06,USD,60,1,1,2026-01-01T00:00:00Z,", "NANP,1,0.01,USD,60,6,6,2026-01-01T00:00:00Z,")
	yours := sheet(t, "Germany,49,0.06,USD,60,30,6,2026-01-01T00:00:00Z,", "Berlin,4930,0.06,USD,60,60,60,2026-01-01T00:00:00Z,")
	var m made
	for range 300 {
		ms := random.IntN(90_000)
		m.call(func(ours, theirs *string) {
			*ours = strings.Replace(*ours, ",60000,", fmt.Sprintf(",%d,", ms), 1)
			*theirs = strings.Replace(*theirs, ",60000,", fmt.Sprintf(",%d,", ms+random.IntN(3)*400), 1)
			if random.IntN(3) == 0 {
				*ours, *theirs = strings.Replace(*ours, ",4930", ",1202", 1), strings.Replace(*theirs, ",4930", ",1202", 1)
			}
		})
	}
	one := compared(t, Job{Records: [2]Input{text(file2(m.ours)), text(file2(m.theirs))}, Rates: [2]*rating.Sheet{mine}, TheirRates: [2]*rating.Sheet{yours}})
	two := compared(t, Job{Records: [2]Input{text(file2(m.theirs)), text(file2(m.ours))}, Rates: [2]*rating.Sheet{yours}, TheirRates: [2]*rating.Sheet{mine}})
	if one.Matched != two.Matched || one.Matched.Exact == 0 || one.Matched.Duration == 0 {
		t.Errorf("%+v and mirrored %+v", one.Matched, two.Matched)
	}
}

// A call under a third carrier's name is an error of its row, and not whose
// traffic the files are of, wherever it stands.
func TestAFileMayBeginWithAThirdCarrier(t *testing.T) {
	var m made
	m.calls(5)
	third := rowOf("third", "12125550100", "493011111111", noon, 60_000, "success", "ALPHA,CHARLIE", "T1")
	for name, rows := range map[string][]string{"first": append([]string{third}, m.ours...), "last": append(slices.Clone(m.ours), third)} {
		r := compared(t, Job{Records: [2]Input{text(file2(rows)), text(file2(m.theirs))}, Rates: [2]*rating.Sheet{sheet(t, testSheet...)}})
		if got := r.Records.Ours; got.Accepted != 5 || got.Rejected != 1 || r.Matched.Exact != 5 {
			t.Errorf("%s: %+v, %+v", name, got, r.Matched)
		}
	}
}

// Where a third carrier is named as often as the other one, the order of the rows
// decides nothing, and who we are does.
func TestWhoseTrafficItIsDoesNotHangOnTheOrderOfTheRows(t *testing.T) {
	rows := []string{
		rowOf("1", "12125550100", "493011111111", noon, 60_000, "success", "ALPHA,BRAVO", "T1"),
		rowOf("2", "12125550100", "493011111112", noon, 60_000, "success", "CHARLIE,BRAVO", "T1"),
	}
	other := []string{rows[1], rows[0]}
	s := sheet(t, testSheet...)
	for us, want := range map[party.Code]string{"": "ALPHA>BRAVO", "ALPHA": "ALPHA>BRAVO", "CHARLIE": "CHARLIE>BRAVO"} {
		for _, in := range [][]string{rows, other} {
			r := compared(t, Job{Records: [2]Input{text(file2(in)), text(file2(in))}, Rates: [2]*rating.Sheet{s}, Us: us})
			if _, ok := r.Amount.Ours[want]; !ok || r.Matched.Exact != 1 {
				t.Errorf("for %q: %+v, %+v, want %s", us, r.Amount.Ours, r.Matched, want)
			}
		}
	}
}

// Durations that bill alike by the row at one side's start, and not by that at the
// other's, or for the caller that one side alone knows, count whichever side is
// ours.
func TestDurationsAreCountedByTheRowsAtBothStarts(t *testing.T) {
	begins := "destination,prefix,rate,currency,unit_seconds,minimum_seconds,increment_seconds,valid_from,valid_to,origin_prefix\n"
	s, _, err := voice.ReadSheet(strings.NewReader(begins +
		"Germany,49,0.06,USD,60,1,1,2026-01-01T00:00:00Z,2026-11-02T12:00:01Z,\nGermany,49,0.06,USD,60,60,60,2026-11-02T12:00:01Z,,\n" +
		"France,33,0.06,USD,60,60,60,2026-01-01T00:00:00Z,,\nFrance,33,0.06,USD,60,1,1,2026-01-01T00:00:00Z,,1\n"))
	if err != nil {
		t.Fatal(err)
	}
	for name, rows := range map[string][2]string{
		"a row begins between the starts": {
			rowOf("1", "12125550100", "493011111111", noon, 41_000, "success", "ALPHA,BRAVO", "T"),
			rowOf("1", "12125550100", "493011111111", noon.Add(2*time.Second), 42_000, "success", "ALPHA,BRAVO", "T")},
		"one side does not know the caller": {
			rowOf("1", "12125550100", "331111111111", noon, 41_000, "success", "ALPHA,BRAVO", "T"),
			rowOf("1", "", "331111111111", noon, 42_000, "success", "ALPHA,BRAVO", "T")},
	} {
		for s1 := range rows {
			r := compared(t, Job{Records: [2]Input{text(file2([]string{rows[s1]})), text(file2([]string{rows[1-s1]}))}, Rates: [2]*rating.Sheet{s}})
			if got := r.cause(DurationRounding).Calls; got != 1 {
				t.Errorf("%s, side %d first: %d calls, want 1", name, s1, got)
			}
		}
	}
}

// What does not fit memory goes to a file and comes back.
func TestRecordsBeyondTheMemoryChangeNothing(t *testing.T) {
	job, _ := generated(t, voice.LivePlant, 60_000)
	want := plain(t, compared(t, job))
	job.Memory = 1
	if got := plain(t, compared(t, job)); got != want {
		t.Errorf("spilled:\n%s\nin memory:\n%s", got, want)
	}
}

// generated makes a job of n calls with errors planted in them.
func generated(t *testing.T, plant voice.Plant, n int) (Job, voice.Truth) {
	t.Helper()
	random := seed(t)
	g, err := voice.NewGenerator(voice.Plan{Seed: random.Uint64(), Ours: "ALPHA", Theirs: "BRAVO", Plant: plant,
		Span: usage.Interval{From: 1_793_577_600_000, To: 1_793_577_600_000 + 31*86_400_000}})
	if err != nil {
		t.Fatal(err)
	}
	var a, b, r bytes.Buffer
	if err := g.WriteFiles(&a, &b, &r, n); err != nil {
		t.Fatal(err)
	}
	s, _, err := voice.ReadSheet(&r)
	if err != nil {
		t.Fatal(err)
	}
	job := Job{Records: [2]Input{text(a.String()), text(b.String())}, Rates: [2]*rating.Sheet{s}}
	if g.TheirSheet() {
		r.Reset()
		if err := g.WriteTheirSheet(&r); err != nil {
			t.Fatal(err)
		}
		if job.TheirRates[0], _, err = voice.ReadSheet(&r); err != nil {
			t.Fatal(err)
		}
	}
	if g.Invoice() {
		r.Reset()
		if err := g.WriteInvoice(&r); err != nil {
			t.Fatal(err)
		}
		if job.TheirInvoice, _, err = ReadInvoice(&r); err != nil {
			t.Fatal(err)
		}
	}
	return job, g.Truth()
}

// What is planted in single calls and trunks is found to the last unit.
func TestPlantedErrorsAreFoundToTheLastUnit(t *testing.T) {
	for _, percent := range []int{1, 3} {
		plant := voice.Plant{}
		for _, k := range voice.Kinds[:10] {
			plant[k] = voice.Share(percent * 10_000)
		}
		job, truth := generated(t, plant, 60_000)
		r := compared(t, job)
		checkCounts(t, r, truth)
		for _, k := range truth.Causes {
			f := r.cause(Cause(k.Cause))
			checkSums(t, string(k.Cause), f.Amount, Sums(k.Amount))
			// Durations that differ and bill the same count as raw only.
			if want := k.Calls.Ours + k.Calls.Theirs; f.Calls != want && k.Cause != "duration_rounding" {
				t.Errorf("%s: %d calls, want %d", k.Cause, f.Calls, want)
			}
		}
	}
}

func checkCounts(t *testing.T, r *Result, truth voice.Truth) {
	t.Helper()
	for side, pair := range map[string][2]any{
		"ours":        {r.Records.Ours, Records{truth.Records.Ours.Read, truth.Records.Ours.Accepted, truth.Records.Ours.Rejected, truth.Records.Ours.Duplicate, 0, 0}},
		"theirs":      {r.Records.Theirs, Records{truth.Records.Theirs.Read, truth.Records.Theirs.Accepted, truth.Records.Theirs.Rejected, truth.Records.Theirs.Duplicate, 0, 0}},
		"matched":     {r.Matched, Matched(truth.Matched)},
		"only ours":   {r.OnlyOurs, truth.OnlyOurs},
		"only theirs": {r.OnlyTheirs, truth.OnlyTheirs},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %+v, want %+v", side, pair[0], pair[1])
		}
	}
	checkSums(t, "ours", r.Amount.Ours, Sums(truth.Totals.Ours))
}

// checkSums compares sums; what is not there is nothing.
func checkSums(t *testing.T, what string, got, want Sums) {
	t.Helper()
	for _, s := range []Sums{got, want} {
		for d, sums := range s {
			for c := range sums {
				if got[d][c] != want[d][c] {
					t.Errorf("%s: %s %s %s, want %s", what, d, c, got[d][c], want[d][c])
				}
			}
		}
	}
}

// A day of calls made by a generator apart from this project.
func TestTheSharedDayIsCountedAsItsTruthSays(t *testing.T) {
	dir := "../../shared/data/voice"
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the shared data is not here")
	}
	f, err := os.Open(filepath.Join(dir, "rates.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s, _, err := voice.ReadSheet(f)
	if err != nil {
		t.Fatal(err)
	}
	var records [2]Input
	for i, name := range []string{"ours.csv", "theirs.csv"} {
		if records[i], err = File(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	var truth struct {
		Ours, Theirs struct {
			Amount map[string]string
			Once   map[string]string `json:"amount_with_duplicates_once"`
			Read   uint64
		}
		Planted struct {
			Duplicates uint64 `json:"duplicate_theirs"`
			Duration   uint64 `json:"duration_billed"`
			RawOnly    uint64 `json:"duration_raw_only"`
			OnlyOurs   uint64 `json:"only_ours"`
			OnlyTheirs uint64 `json:"only_theirs"`
			Skewed     uint64
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, "truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &truth); err != nil {
		t.Fatal(err)
	}
	r := compared(t, Job{Records: records, Rates: [2]*rating.Sheet{s}})
	p := truth.Planted
	if r.Records.Theirs.Duplicate != p.Duplicates || r.Matched.Duration != p.Duration || r.Matched.RawOnly != p.RawOnly || r.Matched.Skewed != p.Skewed || r.OnlyOurs != p.OnlyOurs || r.OnlyTheirs != p.OnlyTheirs {
		t.Errorf("%+v, want %+v", r, p)
	}
	for d := range truth.Ours.Amount {
		if got := r.Amount.Ours[d]["USD"].String(); got != truth.Ours.Amount[d] {
			t.Errorf("ours %s: %s, want %s", d, got, truth.Ours.Amount[d])
		}
		if got := r.Amount.Theirs[d]["USD"].String(); got != truth.Theirs.Once[d] {
			t.Errorf("theirs %s: %s, want %s", d, got, truth.Theirs.Once[d])
		}
	}
}

// cause gives what a result says of a cause.
func (r *Result) cause(c Cause) Finding {
	return r.Causes[slices.Index(Causes[:], c)]
}
