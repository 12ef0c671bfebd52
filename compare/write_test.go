package compare

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

var update = flag.Bool("update", false, "rewrite expected output")

// planted is one call in the files of a test.
type planted struct {
	id, origin, dest string
	start, duration  int64 // ms since the test's day began; ms
	result           string
	from, to, trunk  string
}

var testDay = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).UnixMilli()

func recordsOf(name string, calls []planted) Input {
	var b strings.Builder
	b.WriteString(voice.UsageHeader + "\n")
	for _, c := range calls {
		fmt.Fprintf(&b, "%s,%s,%s,%s,%d,%s,%s,%s,%s\n", c.id, c.origin, c.dest, usage.Stamp(testDay+c.start), c.duration, c.result, c.from, c.to, c.trunk)
	}
	return inputOf(name, b.String())
}

func inputOf(name, content string) Input {
	return Input{Name: name, Size: int64(len(content)), Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil }}
}

func sheetOf(t testing.TB, rows ...string) *rating.Sheet {
	t.Helper()
	s, _, err := voice.ReadSheet(strings.NewReader("destination,prefix,rate,currency,unit_seconds,minimum_seconds,increment_seconds,valid_from,valid_to\n" + strings.Join(rows, "\n") + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var ourRows = []string{
	"Germany,49,0.060000,USD,60,0,1,2026-01-01T00:00:00Z,",
	"Germany Mobile,4915,0.120000,USD,60,0,1,2026-01-01T00:00:00Z,",
	"France,33,0.030000,USD,60,0,1,2026-01-01T00:00:00Z,",
}

// plantedCalls makes both sides' records of a day: on each of our trunks n calls
// of ALPHA to BRAVO, one each minute, which theirs have on a trunk of the same
// name with a T.
func plantedCalls(trunks []string, n int) (a, b []planted) {
	for t, trunk := range trunks {
		for i := range n {
			k := t*n + i
			prefix := []string{"4930", "4915", "331"}[k%3]
			c := planted{fmt.Sprintf("C%d", k), fmt.Sprintf("4179%07d", k), fmt.Sprintf("%s%08d", prefix, 10_000_019*(k+1)%100_000_000),
				int64(i)*60_000 + int64(t)*1000, 60_500 + int64(k%7)*1000, "success", "ALPHA", "BRAVO", trunk}
			d := c
			d.id, d.trunk = fmt.Sprintf("X%d", k), "T"+trunk
			a, b = append(a, c), append(b, d)
		}
	}
	return a, b
}

// differing plants one of each of what needs nothing but records.
func differing() (a, b []planted) {
	a, b = plantedCalls([]string{"plain", "zone", "national", "technical", "block", "round", "skew"}, 40)
	var kept []planted
	for i, c := range b {
		switch {
		case c.trunk == "Tzone":
			c.start += 2 * 3600_000
		case c.trunk == "Tnational" && strings.HasPrefix(c.dest, "49"):
			c.dest = "0" + c.dest[2:]
		case c.trunk == "Ttechnical":
			c.dest = "1234#" + c.dest
		case c.trunk == "Tblock" && i%40 >= 10 && i%40 < 20:
			continue
		case c.trunk == "Tround":
			c.duration = (c.duration + 5999) / 6000 * 6000
		case c.trunk == "Tskew":
			c.start += 2500
		case i == 3:
			continue // missing
		case i == 4:
			c.to = "CHARLIE"
		case i == 5: // raced
			c.result, c.start, c.duration = "rna", c.start-5000, 0
			a[i].duration = 2000
		case i == 6: // in two parts
			first, second := c, c
			first.duration = 30_000
			second.id, second.start, second.duration = "X6b", c.start+30_000, c.duration-30_000
			kept = append(kept, first, second)
			continue
		case i == 7:
			again := c
			again.id = "X7b"
			kept = append(kept, again)
		case i == 8:
			c.dest = "+" + c.dest
		}
		kept = append(kept, c)
	}
	return a, kept
}

func ran(t testing.TB, job Job) *Result {
	t.Helper()
	if job.StartTolerance == 0 {
		job.StartTolerance = 3 * time.Second
	}
	job.Workers = 2
	r, err := Run(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// written compares and writes into a new folder.
func written(t testing.TB, job Job) (*Result, string) {
	t.Helper()
	job.Detail = true
	r, dir := ran(t, job), filepath.Join(t.TempDir(), "out")
	if err := r.Write(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	return r, dir
}

func differingJob(t testing.TB) Job {
	a, b := differing()
	return Job{Records: [2]Input{recordsOf("ours.csv", a), recordsOf("theirs.csv", b)}, Rates: [2]*rating.Sheet{sheetOf(t, ourRows...)}}
}

// rowsOf reads a CSV file as maps by column.
func rowsOf(t testing.TB, dir, name string) []map[string]string {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	var out []map[string]string
	for _, r := range all[1:] {
		m := map[string]string{}
		for i, c := range r {
			m[all[0][i]] = c
		}
		out = append(out, m)
	}
	return out
}

func micro(t testing.TB, s string) money.Micro {
	t.Helper()
	if s == "" {
		return 0
	}
	m, err := money.ParseMicro(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is\n%s\nwant\n%s", name, got, want)
	}
}

func TestTheWaterfallLeadsFromTheirBillToOurExpectation(t *testing.T) {
	r, dir := written(t, differingJob(t))
	for _, name := range []string{"waterfall.txt", "waterfall.csv"} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name, got)
	}
	left := r.Amount.Theirs["ALPHA>BRAVO"]["USD"]
	for _, row := range rowsOf(t, dir, "waterfall.csv") {
		if row["step"] == "cause" || row["step"] == "rest" {
			left -= micro(t, row["amount"])
		}
		if row["left"] != "" && micro(t, row["left"]) != left {
			t.Errorf("%v: %s is left, want %s", row["cause"], row["left"], left)
		}
	}
	if left != r.Amount.Ours["ALPHA>BRAVO"]["USD"] {
		t.Errorf("the waterfall ends at %s, want %s", left, r.Amount.Ours["ALPHA>BRAVO"]["USD"])
	}
}

func TestThePageStandsAloneAndSaysWhatTheTableSays(t *testing.T) {
	r, dir := written(t, differingJob(t))
	data, err := os.ReadFile(filepath.Join(dir, "waterfall.html"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	for _, outside := range []string{"http:", "https:", "<script", "@import", "url("} {
		if strings.Contains(page, outside) {
			t.Errorf("the page has %q", outside)
		}
	}
	for _, f := range r.Causes {
		m := f.Amount["ALPHA>BRAVO"]["USD"]
		if f.Cause != Duplicate && m != 0 && !strings.Contains(page, m.String()) {
			t.Errorf("the page lacks the amount of %s", f.Cause)
		}
		if f.Evidence != "" && !f.Amount.zero() && f.Cause != Duplicate && !strings.Contains(page, `href="`+f.Evidence+`"`) {
			t.Errorf("the page has no link to %s", f.Evidence)
		}
	}
	for _, part := range []string{`role="img"`, "<title id=", "<desc id=", `scope="col"`, "prefers-color-scheme: dark", "@media print", "not explained", "needs their invoice"} {
		if !strings.Contains(page, part) {
			t.Errorf("the page lacks %s", part)
		}
	}
}

func TestTheBarsOfThePageLieInTheirDrawing(t *testing.T) {
	_, dir := written(t, differingJob(t))
	data, err := os.ReadFile(filepath.Join(dir, "waterfall.html"))
	if err != nil {
		t.Fatal(err)
	}
	from, to := bytes.Index(data, []byte("<svg")), bytes.Index(data, []byte("</svg>"))
	if from < 0 || to < from {
		t.Fatal("the page has no drawing")
	}
	var drawing struct {
		ViewBox string `xml:"viewBox,attr"`
		Rects   []struct {
			X      float64 `xml:"x,attr"`
			Y      float64 `xml:"y,attr"`
			Width  float64 `xml:"width,attr"`
			Height float64 `xml:"height,attr"`
		} `xml:"rect"`
		Texts []struct {
			Y float64 `xml:"y,attr"`
		} `xml:"text"`
	}
	if err := xml.Unmarshal(data[from:to+len("</svg>")], &drawing); err != nil {
		t.Fatal(err)
	}
	var width, height float64
	if _, err := fmt.Sscanf(drawing.ViewBox, "0 0 %f %f", &width, &height); err != nil {
		t.Fatal(err)
	}
	if len(drawing.Rects) < 5 {
		t.Errorf("%d bars", len(drawing.Rects))
	}
	for i, r := range drawing.Rects {
		if r.X < 0 || r.Width <= 0 || r.X+r.Width > width || r.Y+r.Height > height || i > 0 && r.Y < drawing.Rects[i-1].Y+r.Height {
			t.Errorf("bar %d lies at %+v", i, r)
		}
	}
}

// Each level's differences are those of the level above.
func TestTheLevelsOfTheDrillDownAddUp(t *testing.T) {
	for _, round := range []string{"line:half-up:6", "call:up:2", "invoice:half-even:2"} {
		job := differingJob(t)
		var err error
		if job.Rounding, err = ParseRounding(round); err != nil {
			t.Fatal(err)
		}
		_, dir := written(t, job)
		sums := func(name string, keys ...string) map[string][3]money.Micro {
			out := map[string][3]money.Micro{}
			for _, r := range rowsOf(t, dir, name) {
				if r["repeats_line"] != "" {
					continue
				}
				var k []string
				for _, key := range keys {
					k = append(k, r[key])
				}
				v := out[strings.Join(k, "|")]
				for i, c := range []string{"our_amount", "their_amount", "difference"} {
					v[i] += micro(t, r[c])
				}
				out[strings.Join(k, "|")] = v
			}
			return out
		}
		if a, b := sums("totals.csv", "direction"), sums("destinations.csv", "direction"); len(a) != 1 || a["ALPHA>BRAVO"] != b["ALPHA>BRAVO"] {
			t.Errorf("%s: totals are %v, destinations add up to %v", round, a, b)
		}
		near := func(upper, lower string, column int, keys ...string) {
			a, b := sums(upper, keys...), sums(lower, keys...)
			for k, v := range b {
				if d := v[column] - a[k][column]; d > 200 || d < -200 {
					t.Errorf("%s: %s of %s: %s, in %s %s", round, lower, k, v[column], upper, a[k][column])
				}
			}
			for k, v := range a {
				if _, ok := b[k]; !ok && v[2] != 0 && !strings.Contains(k, "not by destination") {
					t.Errorf("%s: %s differs by %s, %s says nothing", round, k, v[2], lower)
				}
			}
		}
		near("destinations.csv", "days.csv", 0, "direction", "destination")
		near("destinations.csv", "days.csv", 1, "direction", "destination")
		near("days.csv", "hours.csv", 2, "direction", "destination", "day")
		near("hours.csv", "codes.csv", 2, "direction", "destination", "day", "hour")
		near("codes.csv", "calls.csv", 2, "direction", "destination", "day", "hour", "dial_code")
	}
}

func TestEveryCallThatDiffersIsNamedWithItsRecords(t *testing.T) {
	_, dir := written(t, differingJob(t))
	byID := map[string]map[string]string{}
	for _, r := range rowsOf(t, dir, "calls.csv") {
		byID[r["our_call_id"]+"/"+r["their_call_id"]+"/"+r["causes"]] = r
	}
	for key, want := range map[string]map[string]string{
		"C3//missing_random":          {"our_line": "5", "our_billed_seconds": "64", "difference": "-0.064000", "their_line": ""},
		"C4/X4/wrong_partner":         {"their_line": "5", "their_start": "", "our_trunk": "plain"},
		"C5/X5/answer_race":           {"their_line": "6", "their_amount": "", "our_raw_seconds": "2.000"},
		"C6/X6/split_call":            {"their_raw_seconds": "30.000", "our_raw_seconds": "66.500"},
		"C6/X6b/split_call":           {"our_start": "", "their_raw_seconds": "36.500"},
		"/X7/duplicate":               {"repeats_line": "9", "our_line": "", "their_line": "10"},
		"C40/X40/time_zone":           {"our_start": "2026-03-01T00:00:01Z", "their_start": "2026-03-01T02:00:01Z", "difference": "0.000000"},
		"C170//missing_block":         {"our_trunk": "block", "dial_code": "33"},
		"C200/X200/duration_rounding": {"our_raw_seconds": "64.500", "their_raw_seconds": "66.000", "our_billed_seconds": "65", "their_billed_seconds": "66"},
		"C241/X241/clock_skew":        {"their_trunk": "Tskew", "their_start": "2026-03-01T00:01:08.5Z"},
	} {
		row := byID[key]
		if row == nil {
			t.Errorf("no call %s", key)
			continue
		}
		for column, v := range want {
			if row[column] != v {
				t.Errorf("%s: %s is %q, want %q", key, column, row[column], v)
			}
		}
	}
}

func TestEachCauseHasItsCallsAsEvidence(t *testing.T) {
	r, dir := written(t, differingJob(t))
	for i, f := range r.Causes {
		switch {
		case f.Cause == NumberFormat:
			continue
		case f.Calls == 0:
			if f.Evidence != "" {
				t.Errorf("%s has no calls and evidence %s", f.Cause, f.Evidence)
			}
			continue
		case f.Evidence != "causes/"+string(f.Cause)+".csv":
			t.Errorf("%s: evidence is %q", f.Cause, f.Evidence)
			continue
		}
		rows := rowsOf(t, dir, f.Evidence)
		least := int(f.Calls)
		if len(rows) < least {
			t.Errorf("%s: %d calls, %d in evidence", f.Cause, least, len(rows))
		}
		for _, row := range rows {
			if !slices.Contains(strings.Fields(row["causes"]), string(Causes[i])) {
				t.Errorf("%s: a call of %s", f.Evidence, row["causes"])
			}
		}
	}
	for _, name := range []string{"missing_block-summary", "duration_rounding-summary", "time_zone-summary", "clock_skew-summary"} {
		if len(rowsOf(t, dir, "causes/"+name+".csv")) == 0 {
			t.Errorf("%s says nothing", name)
		}
	}
}

func TestTheRoundingRuleThatFitsIsNamedFirst(t *testing.T) {
	_, dir := written(t, differingJob(t))
	for _, row := range rowsOf(t, dir, "causes/duration_rounding-summary.csv") {
		if row["side"] == "theirs" && row["trunk"] == "Tround" {
			if row["rounded"] != "up" || row["to_seconds"] != "6" || row["explains_calls"] != row["of_calls_that_differ"] {
				t.Errorf("the first rule is %v", row)
			}
			return
		}
	}
	t.Error("no rule fits the trunk")
}

func TestWhatWasLearnedIsShown(t *testing.T) {
	r, dir := written(t, differingJob(t))
	got := map[string]Learned{}
	for _, l := range r.Learned {
		got[l.Kind+" "+l.Trunk] = l
	}
	for key, want := range map[string]Learned{
		"plus ":                       {"theirs", "", learnedPlus, "+ taken off", 1},
		"national_zero Tnational":     {"theirs", "Tnational", learnedNational, "0 taken off, 49 put before", 26},
		"technical_prefix Ttechnical": {"theirs", "Ttechnical", learnedTechnical, "1234# taken off", 40},
		"time_zone Tzone":             {"theirs", "Tzone", learnedZone, "times stand +02:00 from the other side's", 40},
	} {
		l := got[key]
		if want.Kind == learnedNational {
			want.Calls = l.Calls // those to Germany
		}
		if l != want || l.Calls == 0 {
			t.Errorf("%s: %+v, want %+v", key, l, want)
		}
	}
	if r.Causes[atNumberFormat].Evidence != "causes/number_format.csv" {
		t.Fatalf("number_format has evidence %q", r.Causes[atNumberFormat].Evidence)
	}
	for _, row := range rowsOf(t, dir, "causes/number_format.csv") {
		if row["kind"] == learnedPlus {
			continue
		}
		if row["unrated_without_it"] != row["calls"] || micro(t, row["amount_without_it"]) <= 0 {
			t.Errorf("%v does not say what would have gone unrated", row)
		}
	}
}

func TestABlockIsNamedWithItsTimes(t *testing.T) {
	r := ran(t, differingJob(t))
	want := Block{"theirs", "block", testDay + 10*60_000 + 4000, testDay + 19*60_000 + 4000, 10}
	if len(r.Blocks) != 1 || r.Blocks[0] != want {
		t.Errorf("blocks are %v, want %v", r.Blocks, want)
	}
	text, err := json.Marshal(r.Blocks[0])
	if want := `{"missing":"theirs","trunk":"block","calls":10,"from":"2026-03-01T00:10:04Z","to":"2026-03-01T00:19:04Z"}`; err != nil || string(text) != want {
		t.Errorf("a block is %s, want %s", text, want)
	}
}

func TestRowsOfTheSheetsAreNamedWithTheirDates(t *testing.T) {
	a, b := plantedCalls([]string{"plain"}, 60)
	job := Job{Records: [2]Input{recordsOf("ours.csv", a), recordsOf("theirs.csv", b)},
		Rates: [2]*rating.Sheet{sheetOf(t, append(ourRows,
			"France,33,0.040000,USD,60,0,1,2026-03-01T00:10:00Z,")...)},
		TheirRates: [2]*rating.Sheet{sheetOf(t,
			"Germany,49,0.060000,USD,60,0,1,2026-01-01T00:00:00Z,",
			"France,33,0.030000,USD,60,0,1,2026-01-01T00:00:00Z,",
			"France,33,0.040000,USD,60,0,1,2026-03-01T00:30:00Z,")}}
	r, dir := written(t, job)
	late := rowsOf(t, dir, "causes/late_price-summary.csv")
	if len(late) != 1 || late[0]["our_valid_from"] != "2026-03-01T00:10:00Z" || late[0]["their_valid_to"] != "2026-03-01T00:30:00Z" || late[0]["our_rate"] != "0.040000000" {
		t.Errorf("late prices are %v", late)
	}
	codes := rowsOf(t, dir, "causes/dial_code-summary.csv")
	if len(codes) != 1 || codes[0]["our_prefix"] != "4915" || codes[0]["their_prefix"] != "49" {
		t.Errorf("dial codes are %v", codes)
	}
	if n := r.Causes[atDialCode].Calls; n == 0 || codes[0]["calls"] != fmt.Sprint(n) {
		t.Errorf("%s calls in the summary, %d found", codes[0]["calls"], n)
	}
}

// Whatever their sheet says, their calls stand under our destination.
func TestBothSidesOfADestinationStandSideBySide(t *testing.T) {
	a, b := plantedCalls([]string{"plain"}, 60)
	a = slices.Delete(a, 1, 2) // to Germany Mobile
	job := Job{Records: [2]Input{recordsOf("ours.csv", a), recordsOf("theirs.csv", b)}, Rates: [2]*rating.Sheet{sheetOf(t, ourRows...)},
		TheirRates: [2]*rating.Sheet{sheetOf(t, "Germany,49,0.060000,USD,60,0,1,2026-01-01T00:00:00Z,", "France,33,0.030000,USD,60,0,1,2026-01-01T00:00:00Z,")}}
	_, dir := written(t, job)
	got := map[string]string{}
	for _, d := range rowsOf(t, dir, "destinations.csv") {
		got[d["destination"]] = d["our_calls"] + " " + d["their_calls"]
	}
	if want := map[string]string{"Germany": "20 20", "Germany Mobile": "19 20", "France": "20 20"}; !maps.Equal(got, want) {
		t.Errorf("calls by destination are %v, want %v", got, want)
	}
}

func TestSumsOfChargesAreExact(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		var got exactSum
		want := new(big.Rat)
		for range 1 + r.IntN(40) {
			row := &rating.Row{Rate: money.Rate(r.Int64N(1 << r.IntN(56))), UnitSeconds: []uint32{1, 6, 60, 7}[r.IntN(4)], ConnectFee: money.Rate(r.Int64N(3) * 12_345)}
			s := sum{calls: r.Uint64N(1000), seconds: r.Uint64N(1 << r.IntN(24))}
			if err := got.add(DefaultRounding, row, s); err != nil {
				t.Fatal(err)
			}
			want.Add(want, exact(row, s.calls, s.seconds))
		}
		m, err := got.value()
		if rounded, _ := (Rounding{Mode: money.HalfEven, Places: 6}).round(want); err == nil && m != rounded {
			t.Fatalf("seed %d: the sum is %s, want %s", seed, m, rounded)
		}
	}
}

func TestTheWorkbookHasTheLevelsAndStopsWhereASheetEnds(t *testing.T) {
	job := differingJob(t)
	job.Detail = true
	r, dir := ran(t, job), t.TempDir()
	f, err := openFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	f.book.most = 30
	if err := r.writeInto(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	x, err := excelize.OpenFile(filepath.Join(dir, "drilldown.xlsx"))
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	if got := x.GetSheetList(); !slices.Equal(got, []string{"waterfall", "totals", "destinations", "days", "hours", "dial codes", "calls"}) {
		t.Errorf("sheets are %q", got)
	}
	rows, err := x.GetRows("calls")
	if err != nil {
		t.Fatal(err)
	}
	all := rowsOf(t, dir, "calls.csv")
	if len(rows) != 30 || !strings.Contains(rows[29][0], fmt.Sprintf("%d more are in calls.csv", len(all)-28)) {
		t.Errorf("%d rows, the last %q", len(rows), rows[len(rows)-1])
	}
	if text := r.Text(Look{Width: 100}); !strings.Contains(text, `sheet "calls" of drilldown.xlsx lacks`) {
		t.Error("the report does not say that a sheet ends early")
	}
	value, err := x.GetCellValue("destinations", "N2", excelize.Options{RawCellValue: true})
	if err != nil || value == "" {
		t.Errorf("an amount is %q, %v", value, err)
	}
	if kind, _ := x.GetCellType("destinations", "N2"); kind != excelize.CellTypeUnset && kind != excelize.CellTypeNumber {
		t.Errorf("an amount is no number: %v", kind)
	}
}

func TestAFolderOfSomethingElseIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := CheckFolder(dir); err != nil {
		t.Errorf("an empty folder: %v", err)
	}
	if err := CheckFolder(filepath.Join(dir, "new")); err != nil {
		t.Errorf("a new folder: %v", err)
	}
	mine := filepath.Join(dir, "mine.txt")
	if err := os.WriteFile(mine, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, mine} {
		if err := CheckFolder(path); fault.CodeOf(err) != fault.Conflict {
			t.Errorf("%s: %v, want conflict", path, err)
		}
	}
}

func TestAFolderOfAnEarlierResultIsReplaced(t *testing.T) {
	_, dir := written(t, differingJob(t))
	half := filepath.Join(dir, ".tmp-half")
	if err := os.WriteFile(half, nil, 0o644); err != nil || !durable.IsTemp(filepath.Base(half)) {
		t.Fatal(err)
	}
	note := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(note, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	a, b := plantedCalls([]string{"plain"}, 10)
	r := ran(t, Job{Records: [2]Input{recordsOf("a", a), recordsOf("b", b)}, Rates: [2]*rating.Sheet{sheetOf(t, ourRows...)}, Detail: true})
	if err := r.Write(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if rows := rowsOf(t, dir, "calls.csv"); len(rows) != 0 {
		t.Errorf("%d calls of the earlier result stay", len(rows))
	}
	if list, err := filepath.Glob(filepath.Join(dir, "causes", "*")); err != nil || len(list) != 0 {
		t.Errorf("evidence of the earlier result stays: %v %v", list, err)
	}
	if _, err := os.Stat(half); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a half-written file stays: %v", err)
	}
	if got, err := os.ReadFile(note); err != nil || string(got) != "mine" {
		t.Errorf("a file that is not of the result is gone: %v", err)
	}
}

// A name of the other side's must not become a formula in a spreadsheet.
func TestTextsOfTheOtherSideAreNoFormulas(t *testing.T) {
	for in, want := range map[string]string{"=1+1": "'=1+1", "@SUM(A1)": "'@SUM(A1)", "-2.5": "-2.5", "+49": "+49", "-x": "'-x", "trunk": "trunk", "": ""} {
		if got := harmless(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
	a, b := plantedCalls([]string{"plain"}, 10)
	b[2].id, b[2].duration = "=cmd()", b[2].duration+5000
	_, dir := written(t, Job{Records: [2]Input{recordsOf("a", a), recordsOf("b", b)}, Rates: [2]*rating.Sheet{sheetOf(t, ourRows...)}})
	if rows := rowsOf(t, dir, "calls.csv"); len(rows) != 1 || rows[0]["their_call_id"] != "'=cmd()" {
		t.Errorf("calls are %v", rows)
	}
}

func TestIDsBeyondTheBoundAreLeftOutAndThatIsSaid(t *testing.T) {
	job := differingJob(t)
	job.Detail = true
	r := ran(t, job)
	w := &writing{kept: r.kept, result: r, ctx: t.Context(), most: 5}
	if err := w.survey(); err != nil {
		t.Fatal(err)
	}
	if n := len(w.ids[ours].lines) + len(w.ids[theirs].lines); n != 5 || w.unnamed == 0 {
		t.Errorf("%d ids are kept, %d left out", n, w.unnamed)
	}
	if id := w.ids[ours].of(w.ids[ours].lines[0]); id != "C3" {
		t.Errorf("the first id is %q", id)
	}
}

func TestWhereAFileBreaksOffIsSaid(t *testing.T) {
	a, b := plantedCalls([]string{"plain", "more"}, 400)
	job := Job{Records: [2]Input{recordsOf("a", a), recordsOf("b", b)}, Rates: [2]*rating.Sheet{sheetOf(t, ourRows...)}}
	r, err := job.Records[1].Open()
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	job.Records[1] = inputOf("b", z.String()[:z.Len()/2])
	got, _ := written(t, job)
	if !strings.Contains(got.Broken.Theirs, "breaks off after line") || got.Broken.Ours != "" || got.Records.Theirs.Accepted == 0 {
		t.Errorf("broken is %+v with %d rows", got.Broken, got.Records.Theirs.Accepted)
	}
}

func TestTheReportFitsItsWidthAndSaysWhatToDo(t *testing.T) {
	r := ran(t, differingJob(t))
	for _, width := range []int{72, 80, 120, 200} {
		for line := range strings.Lines(r.Text(Look{Width: width})) {
			if n := len([]rune(strings.TrimRight(line, "\n"))); n > width {
				t.Errorf("%d columns: a line has %d: %s", width, n, line)
			}
		}
	}
	text := r.Text(Look{Width: 100})
	for _, part := range []string{"both sides have", "only ours", "learned from the records", "1234# taken off", "not testable", "destinations that differ most", "what to do next", "add --out DIR"} {
		if !strings.Contains(text, part) {
			t.Errorf("the report lacks %q", part)
		}
	}
	if strings.Contains(text, "\x1b") {
		t.Error("there are codes of a terminal in a plain text")
	}
	if !strings.Contains(r.Text(Look{Width: 100, Bold: true}), "\x1b[1mwhat to do next\x1b[0m") {
		t.Error("headings do not stand out")
	}
}

func TestAnInterruptedWriteLeavesWholeFiles(t *testing.T) {
	_, dir := written(t, differingJob(t))
	want, err := os.ReadFile(filepath.Join(dir, "calls.csv"))
	if err != nil {
		t.Fatal(err)
	}
	job := differingJob(t)
	job.Detail = true
	r := ran(t, job)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Write(ctx, dir); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "calls.csv")); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the calls of the earlier result are not whole: %v", err)
	}
	for _, pattern := range []string{".tmp-*", "causes/.tmp-*"} {
		if list, err := filepath.Glob(filepath.Join(dir, pattern)); err != nil || len(list) > 0 {
			t.Errorf("half-written files stay: %v %v", list, err)
		}
	}
}

// Calls that do not fit memory come from files, in the same order.
func TestCallsThatDifferAreWrittenAlikeFromMemoryAndFiles(t *testing.T) {
	var want []byte
	for _, most := range []int{keptDiffs, 7} {
		job := differingJob(t)
		job.Detail = true
		job.keptDiffs = most
		r, dir := ran(t, job), filepath.Join(t.TempDir(), "out")
		if err := r.Write(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(dir, "calls.csv"))
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		} else if !bytes.Equal(got, want) {
			t.Errorf("with %d in memory the calls differ", most)
		}
	}
}
