package sim

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/reconcile"
	"github.com/lateral-network/lateral/trade/usage"
)

// What follows computes what a file of call records costs in the plainest way:
// line by line, with rational numbers, sharing no code with what it checks.

type plainRow struct {
	prefix             string
	rate               *big.Rat
	unit, minimum, inc int64
	from, to           time.Time
}

func plainTime(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return t.Truncate(time.Millisecond)
}

func plainInt(s string) int64 { return must(strconv.ParseInt(s, 10, 64)) }

func plainSheet(csv string) (rows []plainRow) {
	for _, line := range strings.Split(strings.TrimSpace(csv), "\n")[1:] {
		f := strings.Split(line, ",")
		r := plainRow{prefix: f[1], unit: plainInt(f[4]), minimum: plainInt(f[5]), inc: plainInt(f[6]), from: plainTime(f[7]), to: time.Unix(1<<40, 0)}
		r.rate, _ = new(big.Rat).SetString(f[2])
		if f[8] != "" {
			r.to = plainTime(f[8])
		}
		rows = append(rows, r)
	}
	for i := range rows { // an open row ends when the next of its prefix begins
		for _, next := range rows {
			if next.prefix == rows[i].prefix && next.from.After(rows[i].from) && next.from.Before(rows[i].to) {
				rows[i].to = next.from
			}
		}
	}
	return rows
}

// plain is what one side's file comes to.
type plain struct {
	read, rejected, duplicate, unrated int
	periods                            map[time.Time]bool  // with a record
	invoices                           map[string]*big.Rat // by "FROM>TO period"
	totals                             map[string]*big.Rat // by "FROM>TO"
}

// plainly rates a file. sheets stands by the carrier that sends, start gives
// the start of the period of a moment.
func plainly(csv string, sheets map[string][]plainRow, start func(time.Time) time.Time) plain {
	out := plain{periods: map[time.Time]bool{}, invoices: map[string]*big.Rat{}, totals: map[string]*big.Rat{}}
	seen := map[string]bool{}
	type line struct {
		way    string
		period time.Time
		row    int
	}
	seconds := map[line]int64{}
	for _, text := range strings.Split(strings.TrimSpace(csv), "\n")[1:] {
		out.read++
		f := strings.Split(text, ",")
		if len(f) != 9 || sheets[f[6]] == nil || sheets[f[7]] == nil {
			out.rejected++
			continue
		}
		call := strings.Join(f[1:8], ",")
		if seen[call] {
			out.duplicate++
			continue
		}
		seen[call] = true
		begin, ms := plainTime(f[3]), plainInt(f[4])
		period := start(begin.Add(time.Duration(ms) * time.Millisecond))
		out.periods[period] = true
		if f[5] != "success" {
			continue
		}
		best := -1
		for i, r := range sheets[f[6]] {
			if strings.HasPrefix(f[2], r.prefix) && !begin.Before(r.from) && begin.Before(r.to) &&
				(best < 0 || len(r.prefix) > len(sheets[f[6]][best].prefix)) {
				best = i
			}
		}
		if best < 0 {
			out.unrated++
			continue
		}
		r, s := sheets[f[6]][best], (ms+999)/1000
		if s > 0 {
			steps := int64(0)
			for s > r.minimum+steps*r.inc {
				steps++
			}
			s = r.minimum + steps*r.inc
		}
		seconds[line{f[6] + ">" + f[7], period, best}] += s
	}
	add := func(to map[string]*big.Rat, key string, a *big.Rat) {
		if to[key] == nil {
			to[key] = new(big.Rat)
		}
		to[key].Add(to[key], a)
	}
	for l, s := range seconds {
		r := sheets[strings.Split(l.way, ">")[0]][l.row]
		exact := new(big.Rat).Mul(r.rate, big.NewRat(s, r.unit))
		exact.Mul(exact, big.NewRat(1_000_000, 1)).Add(exact, big.NewRat(1, 2)) // half-up: the floor of a half more
		rounded := new(big.Rat).SetFrac(new(big.Int).Div(exact.Num(), exact.Denom()), big.NewInt(1_000_000))
		add(out.totals, l.way, rounded)
		add(out.invoices, l.way+" "+l.period.Format(time.RFC3339), rounded)
	}
	return out
}

func equals(a money.Micro, want *big.Rat) bool {
	if want == nil {
		want = new(big.Rat)
	}
	return new(big.Rat).SetFrac64(int64(a), 1_000_000).Cmp(want) == 0
}

// generatedJob is two carriers' files as a generator made them.
type generatedJob struct{ ours, theirs, sheet, back string }

func generate(t *testing.T, seed uint64, from, to time.Time, calls int, plant voice.Plant) (j generatedJob) {
	t.Helper()
	var sheets [2]string
	var files [2]bytes.Buffer
	for i := range sheets {
		g, err := voice.NewGenerator(voice.Plan{Seed: seed + uint64(i), Ours: "ALPHA", Theirs: "BRAVO", Prefixes: 60, Plant: plant, Single: true,
			Span: usage.Interval{From: from.UnixMilli(), To: to.UnixMilli()}})
		if err != nil {
			t.Fatal(err)
		}
		var sheet bytes.Buffer
		if err := g.WriteSheet(&sheet); err != nil {
			t.Fatal(err)
		}
		sheets[i] = sheet.String()
		if i == 0 {
			for n := range files {
				files[n].WriteString(voice.UsageHeader + "\n")
			}
			if err := g.Write(&files[0], &files[1], usage.Interval{From: from.UnixMilli(), To: to.UnixMilli()}, calls); err != nil {
				t.Fatal(err)
			}
		}
	}
	return generatedJob{files[0].String(), files[1].String(), sheets[0], sheets[1]}
}

func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	data := []byte(content)
	if strings.HasSuffix(name, ".gz") {
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		data = z.Bytes()
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// checkSide compares a report with what the plain computation makes of one
// side's file.
func checkSide(t *testing.T, r *Report, side string, want plain) {
	t.Helper()
	got := r.Records.Ours
	if side == "theirs" {
		got = r.Records.Theirs
	}
	accepted := want.read - want.rejected - want.duplicate
	if got != (Records{uint64(want.read), uint64(accepted), uint64(want.rejected), uint64(want.duplicate), uint64(want.unrated)}) {
		t.Errorf("records of %s %+v, want %d read, %d rejected, %d duplicate, %d unrated", side, got, want.read, want.rejected, want.duplicate, want.unrated)
	}
	for _, total := range r.Totals {
		rated := total.RatedOurs
		if side == "theirs" {
			rated = total.RatedTheirs
		}
		if w := want.totals[total.Direction.String()]; !equals(rated, w) {
			t.Errorf("%s of %s rated %s, want %s", total.Direction, side, rated, w.FloatString(6))
		}
	}
}

// Two sides that agree: for each length of period, every invoice and every
// total equals what is computed plainly, and all of it is settled.
func TestEveryFigureEqualsThePlainComputation(t *testing.T) {
	long(t)
	day := time.Date(2026, 11, 29, 22, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		cycle string
		span  time.Duration
		start func(time.Time) time.Time
	}{
		{"15s", 4 * time.Minute, func(x time.Time) time.Time { return x.Truncate(15 * time.Second) }},
		{"1d", 60 * time.Hour, func(x time.Time) time.Time { return x.Truncate(24 * time.Hour) }},
		{"1mo", 60 * time.Hour, func(x time.Time) time.Time { return time.Date(x.Year(), x.Month(), 1, 0, 0, 0, 0, time.UTC) }},
	} {
		t.Run(c.cycle, func(t *testing.T) {
			j := generate(t, 11, day, day.Add(c.span), 150, nil)
			o := VoiceOptions{Ours: file(t, "a.csv.gz", j.ours), Theirs: file(t, "b.csv", j.theirs), Rates: file(t, "r.csv", j.sheet),
				RatesBack: file(t, "r2.csv.gz", j.back), Cycle: c.cycle, Binary: lateral(t)}
			r, err := Voice(within(t, 2*time.Minute), o)
			if err != nil {
				t.Fatal(err)
			}
			want := plainly(j.ours, map[string][]plainRow{"ALPHA": plainSheet(j.sheet), "BRAVO": plainSheet(j.back)}, c.start)
			checkSide(t, r, "ours", want)
			checkSide(t, r, "theirs", want)
			if r.Periods != len(want.periods) || len(r.Totals) != 2 || len(r.Differences) != 0 || r.Disputes != (Disputes{}) {
				t.Errorf("%d periods, want %d; %d totals, differences %v, disputes %v", r.Periods, len(want.periods), len(r.Totals), r.Differences, r.Disputes)
			}
			for _, total := range r.Totals {
				if total.Invoiced != total.RatedOurs || total.Settled != total.Invoiced || total.Disputed != 0 {
					t.Errorf("total %+v", total)
				}
			}
			for _, i := range r.Invoices {
				key := fmt.Sprintf("%s>%s %s", i.Buyer, i.Seller, time.UnixMilli(i.Period.From).UTC().Format(time.RFC3339))
				if w := want.invoices[key]; w == nil || !equals(i.Amount, w) || i.State != "settled" {
					t.Errorf("invoice %s: %s, %s; want %v", key, i.Amount, i.State, w)
				}
				delete(want.invoices, key)
			}
			for key := range want.invoices {
				t.Errorf("there is no invoice for %s", key)
			}
		})
	}
}

// The other carrier's view of the same two files is the mirror image: each side
// keeps its figures, and theirs less ours changes its sign. Rows of a third
// carrier and bad rows are rejected; a call that no rate prices is counted as
// such and costs nothing.
func TestTheOtherSidesReportIsTheMirrorImage(t *testing.T) {
	long(t)
	from := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	j := generate(t, 5, from, from.Add(3*time.Hour), 400, voice.Plant{"missing_random": 20_000, "duplicate": 40_000, "clock_skew": 15_000, "duration_rounding": 20_000})
	const odd = "Z1,41441234567,442071234567,2026-11-02T01:00:00Z,61000,success,ALPHA,CHARLIE,T1\n" +
		"Z2,41441234567,442071234567,2026-11-02T01:00:00Z,61000,success,CHARLIE,BRAVO,T1\n" +
		"Z3,41441234567\n"
	// The generated sheet prices every zone; without zone 7 some calls have no rate.
	thin := func(sheet string) string {
		lines := strings.SplitAfter(sheet, "\n")
		return strings.Join(slices.DeleteFunc(lines, func(l string) bool {
			return strings.HasPrefix(l, "Destination") && strings.HasPrefix(strings.Split(l, ",")[1], "7")
		}), "")
	}
	j.ours += odd + "U1,41441234567,799999999999,2026-11-02T01:00:00Z,61000,success,ALPHA,BRAVO,T1\n"
	j.theirs += odd
	j.sheet = thin(j.sheet)
	sheets := map[string][]plainRow{"ALPHA": plainSheet(j.sheet), "BRAVO": plainSheet(j.back)}
	hour := func(x time.Time) time.Time { return x.Truncate(time.Hour) }
	ours, theirs := plainly(j.ours, sheets, hour), plainly(j.theirs, sheets, hour)
	if ours.rejected != 3 || ours.unrated < 1 || theirs.duplicate == 0 {
		t.Fatalf("the files are not what the test is about: %+v", ours)
	}
	a, b, r, back := file(t, "a.csv", j.ours), file(t, "b.csv", j.theirs), file(t, "r.csv", j.sheet), file(t, "r2.csv", j.back)
	left, err := Voice(within(t, 2*time.Minute), VoiceOptions{Ours: a, Theirs: b, Rates: r, RatesBack: back, Cycle: "1h", Binary: lateral(t)})
	if err != nil {
		t.Fatal(err)
	}
	checkSide(t, left, "ours", ours)
	checkSide(t, left, "theirs", theirs)
	if !strings.Contains(left.Text(), "no rate") {
		t.Error("people do not read of calls without a rate")
	}
	right, err := Voice(within(t, 2*time.Minute), VoiceOptions{Ours: b, Theirs: a, Rates: back, RatesBack: r, Us: "BRAVO", Cycle: "1h", Binary: lateral(t)})
	if err != nil {
		t.Fatal(err)
	}
	checkSide(t, right, "ours", theirs)
	checkSide(t, right, "theirs", ours)
	mirrored := *right
	mirrored.Records.Ours, mirrored.Records.Theirs = right.Records.Theirs, right.Records.Ours
	for i := range mirrored.Totals {
		x := &mirrored.Totals[i]
		x.RatedOurs, x.RatedTheirs = x.RatedTheirs, x.RatedOurs
	}
	other := map[reconcile.Cause]reconcile.Cause{reconcile.OnlyOurs: reconcile.OnlyTheirs, reconcile.OnlyTheirs: reconcile.OnlyOurs}
	for i := range mirrored.Differences {
		x := &mirrored.Differences[i]
		x.Amount = -x.Amount
		if c, ok := other[x.Cause]; ok {
			x.Cause = c
		}
	}
	order := func(all []reconcile.Difference) {
		slices.SortFunc(all, func(a, b reconcile.Difference) int {
			return strings.Compare(string(a.Cause)+a.Direction.String(), string(b.Cause)+b.Direction.String())
		})
	}
	order(mirrored.Differences)
	order(left.Differences)
	if len(mirrored.Differences) != len(left.Differences) {
		t.Fatalf("differences %v and, from the other side, %v", left.Differences, right.Differences)
	}
	for i, x := range left.Differences {
		// A line is rounded once: which of its causes has the last unit depends
		// on who looks. The sums do not.
		y := &mirrored.Differences[i]
		if d := x.Amount - y.Amount; -2 <= d && d <= 2 {
			y.Amount = x.Amount
		}
	}
	same(t, left, &mirrored)
	for _, r := range []*Report{left, right} {
		for _, total := range r.Totals {
			sum := money.Micro(0)
			for _, x := range r.Differences {
				if x.Direction == total.Direction && x.Cause != reconcile.Duplicate {
					sum += x.Amount
				}
			}
			if sum != total.RatedTheirs-total.RatedOurs {
				t.Errorf("%s: the differences come to %s, the totals differ by %s", total.Direction, sum, total.RatedTheirs-total.RatedOurs)
			}
		}
	}
	for _, total := range left.Totals {
		if total.Invoiced != total.Settled+total.Disputed {
			t.Errorf("something is still due: %+v", total)
		}
	}
	if left.Disputes.Opened == 0 || left.Disputes.Opened != left.Disputes.Resolved+left.Disputes.Manual {
		t.Errorf("disputes %+v", left.Disputes)
	}
}
