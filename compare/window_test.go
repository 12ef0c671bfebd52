package compare

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// feeding hands rows to a window in pieces, and adds the deltas up.
type feeding struct {
	t     testing.TB
	w     *Window
	sum   map[string]money.Micro // by amount, direction and currency
	count map[string]int64
	last  *Delta

	reasons map[Reason]int // deltas with such adjustments
}

func feed(t testing.TB, job Job, pair usage.Pair, horizon time.Duration) *feeding {
	t.Helper()
	w, err := NewWindow(t.Context(), job, pair, horizon)
	if err != nil {
		t.Fatal(err)
	}
	return &feeding{t: t, w: w, sum: map[string]money.Micro{}, count: map[string]int64{}, reasons: map[Reason]int{}}
}

func (f *feeding) read(s Side, rows ...string) {
	f.t.Helper()
	if err := f.w.Read(f.t.Context(), s, text(file2(rows)), 0); err != nil {
		f.t.Fatal(err)
	}
}

// close closes a cycle and checks what holds for every delta.
func (f *feeding) close(until time.Time) *Delta {
	f.t.Helper()
	d, err := f.w.Close(until.UnixMilli())
	if err != nil {
		f.t.Fatal(err)
	}
	f.check(&d.Change)
	f.check(&d.Total)
	for i := range d.Adjustments {
		f.check(&d.Adjustments[i].Change)
		f.reasons[d.Adjustments[i].Reason]++
	}
	add(f.sum, f.count, &d.Change)
	f.last = d
	return d
}

// check checks that the causes add up to what is between both sides.
func (f *feeding) check(c *Change) {
	f.t.Helper()
	for _, r := range []Counts{c.Records.Ours, c.Records.Theirs} {
		if r.Read != r.Accepted+r.Rejected+r.Duplicate {
			f.t.Errorf("%+v does not add up", r)
		}
	}
	for d, sums := range c.Amount.Explained {
		for currency, explained := range sums {
			if got, want := explained+c.Amount.Unexplained[d][currency], c.Amount.Theirs[d][currency]-c.Amount.Ours[d][currency]; got != want {
				f.t.Errorf("%s: explained + unexplained is %s, theirs - ours is %s", d, got, want)
			}
			sum := money.Micro(0)
			for _, x := range c.Causes {
				if x.Cause != Duplicate {
					sum += x.Amount[d][currency]
				}
			}
			if sum != explained {
				f.t.Errorf("%s: the causes add up to %s, explained is %s", d, sum, explained)
			}
		}
	}
}

// add adds a change's figures to others, by their names.
func add(sum map[string]money.Micro, count map[string]int64, c *Change) {
	for name, sums := range map[string]Sums{"ours": c.Amount.Ours, "theirs": c.Amount.Theirs, "explained": c.Amount.Explained, "unexplained": c.Amount.Unexplained} {
		addSums(sum, name, sums)
	}
	for _, x := range c.Causes {
		addSums(sum, string(x.Cause), x.Amount)
		count[string(x.Cause)] += x.Calls
	}
	for name, n := range map[string]int64{"exact": c.Matched.Exact, "skewed": c.Matched.Skewed, "duration seconds": c.Matched.Duration, "raw only": c.Matched.RawOnly, "only ours": c.OnlyOurs, "only theirs": c.OnlyTheirs} {
		count[name] += n
	}
	for name, r := range map[string]Counts{"ours": c.Records.Ours, "theirs": c.Records.Theirs} {
		for what, n := range map[string]int64{"read": r.Read, "accepted": r.Accepted, "rejected": r.Rejected, "duplicate": r.Duplicate, "unrated": r.Unrated} {
			count[name+" "+what] += n
		}
	}
}

func addSums(sum map[string]money.Micro, name string, sums Sums) {
	for d, of := range sums {
		for currency, m := range of {
			sum[name+" "+d+" "+string(currency)] += m
		}
	}
}

// figures gives a result's figures by the same names.
func figures(r *Result) (map[string]money.Micro, map[string]int64) {
	c := Change{OnlyOurs: int64(r.OnlyOurs), OnlyTheirs: int64(r.OnlyTheirs)}
	c.Amount = r.Amount
	c.Matched.Exact, c.Matched.Skewed, c.Matched.Duration, c.Matched.RawOnly = int64(r.Matched.Exact), int64(r.Matched.Skewed), int64(r.Matched.Duration), int64(r.Matched.RawOnly)
	for _, x := range r.Causes {
		c.Causes = append(c.Causes, CauseChange{Cause: x.Cause, Calls: int64(x.Calls), Amount: x.Amount})
	}
	for i, x := range []Records{r.Records.Ours, r.Records.Theirs} {
		*[]*Counts{&c.Records.Ours, &c.Records.Theirs}[i] = Counts{int64(x.Read), int64(x.Accepted), int64(x.Rejected), int64(x.Duplicate), int64(x.Unrated), int64(x.Skipped)}
	}
	sum, count := map[string]money.Micro{}, map[string]int64{}
	add(sum, count, &c)
	return sum, count
}

// isSumOf checks that all deltas together are a result.
func (f *feeding) isSumOf(r *Result, but ...string) {
	f.t.Helper()
	sum, count := figures(r)
	total, counted := map[string]money.Micro{}, map[string]int64{}
	add(total, counted, &f.last.Total)
	left := func(name string) bool {
		for _, b := range but {
			if strings.HasPrefix(name, b) {
				return true
			}
		}
		return false
	}
	for _, got := range []map[string]money.Micro{f.sum, total} {
		for name := range allNames(got, sum) {
			if got[name] != sum[name] && !left(name) {
				f.t.Errorf("%s: the deltas add up to %s, all at once is %s", name, got[name], sum[name])
			}
		}
	}
	for _, got := range []map[string]int64{f.count, counted} {
		for name := range allNames(got, count) {
			if got[name] != count[name] && !left(name) {
				f.t.Errorf("%s: the deltas add up to %d, all at once is %d", name, got[name], count[name])
			}
		}
	}
}

func allNames[V any](a, b map[string]V) map[string]V {
	out := map[string]V{}
	for _, m := range []map[string]V{a, b} {
		for k, v := range m {
			out[k] = v
		}
	}
	return out
}

// endOf is when a row's call ended.
func endOf(row string) (time.Time, bool) {
	f := strings.Split(row, ",")
	if len(f) < 5 {
		return time.Time{}, false
	}
	at, err := time.Parse(time.RFC3339, f[3])
	var ms int
	if _, e := fmt.Sscan(f[4], &ms); err != nil || e != nil {
		return time.Time{}, false
	}
	return at.Add(time.Duration(ms) * time.Millisecond), true
}

// inPieces hands both sides' rows to a window in random pieces, nearly in the
// order in which the calls ended, and closes cycles between them.
func (f *feeding) inPieces(random *rand.Rand, rows [2][]string) {
	var at [2]int
	until, often := time.Time{}, 1+random.IntN(40) // pieces in a cycle
	for at[ours] < len(rows[ours]) || at[theirs] < len(rows[theirs]) {
		s := side(random.IntN(2))
		n := min(1+random.IntN(20), len(rows[s])-at[s])
		if n > 0 {
			f.read(s, rows[s][at[s]:at[s]+n]...)
			at[s] += n
		}
		if random.IntN(often) == 0 && at[s] > 0 {
			if end, ok := endOf(rows[s][at[s]-1]); ok && end.After(until) {
				until = end
			}
			if !until.IsZero() {
				f.close(until)
			}
		}
	}
	for _, row := range slices.Concat(rows[ours], rows[theirs]) {
		if end, ok := endOf(row); ok && end.After(until) {
			until = end
		}
	}
	f.close(until.Add(time.Minute))
}

func TestTheSumOfAllDeltasIsOneComparison(t *testing.T) {
	random := seed(t)
	mine, yours := sheet(t, testSheet...), sheet(t, append([]string{"Germany,493,0.03,USD,60,6,6,2026-01-01T00:00:00Z,"}, testSheet[1:]...)...)
	roundings := []Rounding{DefaultRounding, {PerCall, money.Up, 4}, {PerInvoice, money.HalfEven, 2}}
	reasons := map[Reason]int{}
	for n := range 9 {
		a, b := traffic(random, 20+random.IntN(400))
		job := Job{Rates: [2]*rating.Sheet{mine}, Rounding: roundings[n%3], SecondsTolerance: uint32(random.IntN(2)), StartTolerance: 3 * time.Second, Workers: 1 + random.IntN(3)}
		if random.IntN(2) == 0 {
			job.TheirRates[0] = yours
		}
		if random.IntN(2) == 0 {
			job.Cycle = usage.Cycle{Length: "1m"}
		}
		for _, rows := range [][]string{a, b} {
			if random.IntN(2) == 0 {
				random.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
			}
		}
		job.Records = [2]Input{text(file2(a)), text(file2(b))}
		want, err := Run(t.Context(), job)
		if err != nil {
			t.Fatal(err)
		}
		// What is written differently is learned from the same records.
		f := feed(t, job, usage.Pair{}, 24*time.Hour)
		f.inPieces(random, [2][]string{a, b})
		if f.isSumOf(want); t.Failed() {
			t.Fatalf("round %d: %v", n, job.Cycle)
		}
		for r, k := range f.reasons {
			reasons[r] += k
		}
	}
	if reasons[Late] == 0 {
		t.Errorf("the rows were all in good order: %v", reasons)
	}
}

// Whatever kind of error is in the records, and with what was learned.
func TestEachPlantedErrorIsFoundInDeltas(t *testing.T) {
	random := seed(t)
	plant, err := voice.ParsePlant("all=2%")
	if err != nil {
		t.Fatal(err)
	}
	job, _ := generated(t, plant, 4000)
	job.TheirInvoice = nil
	want, err := Run(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	var rows [2][]string
	for s := range rows {
		rows[s] = linesOf(t, job.Records[s])
	}
	f := feed(t, job, usage.Pair{}, 60*24*time.Hour)
	f.inPieces(random, rows)
	if f.isSumOf(want); len(want.Learned) == 0 || len(want.Blocks) == 0 {
		t.Errorf("nothing is learned (%v) or missing (%v)", want.Learned, want.Blocks)
	}
	if f.reasons[Regrouped] == 0 {
		t.Errorf("no block was seen late: %v", f.reasons)
	}
}

func linesOf(t testing.TB, in Input) []string {
	t.Helper()
	r, err := in.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(data)), "\n")[1:]
}

var germany = []string{"Germany,49,0.06,USD,60,1,1,2026-01-01T00:00:00Z,"}

func live(t testing.TB, horizon time.Duration, cycle string) *feeding {
	return feed(t, Job{Rates: [2]*rating.Sheet{sheet(t, germany...)}, StartTolerance: 3 * time.Second, Cycle: usage.Cycle{Length: cycle}}, usage.Pair{"ALPHA", "BRAVO"}, horizon)
}

// minute is a row of a call of a minute to one number.
func minute(id string, at time.Time) string {
	return rowOf(id, "12125550100", "4930123456", at, 60_000, "success", "ALPHA,BRAVO", "T"+id[:1])
}

func (d *Delta) adjusted(t testing.TB, r Reason) *Change {
	t.Helper()
	for i := range d.Adjustments {
		if d.Adjustments[i].Reason == r {
			return &d.Adjustments[i].Change
		}
	}
	t.Fatalf("no adjustment %s in %+v", r, d.Adjustments)
	return nil
}

func usd(s Sums) string { return s["ALPHA>BRAVO"]["USD"].String() }

func TestALateRecordTakesTheFindingOfItsCallBack(t *testing.T) {
	f := live(t, time.Hour, "")
	f.read(Ours, minute("A1", noon))
	d := f.close(noon.Add(2 * time.Minute))
	if d.OnlyOurs != 1 || usd(d.Amount.Ours) != "0.060000" || usd(d.Amount.Theirs) != "0.000000" || len(d.Adjustments) > 0 {
		t.Fatalf("%+v", d.Change)
	}
	f.read(Theirs, minute("B1", noon.Add(time.Second)))
	d = f.close(noon.Add(3 * time.Minute))
	late := d.adjusted(t, Late)
	if late.OnlyOurs != -1 || late.Matched.Skewed != 1 || usd(late.Amount.Theirs) != "0.060000" || usd(late.Amount.Ours) != "0.000000" || late.Causes[atMissingRandom].Calls != -1 {
		t.Errorf("%+v", late)
	}
	if d.Total.OnlyOurs != 0 || d.Total.Matched.Skewed != 1 || usd(d.Total.Amount.Theirs) != "0.060000" {
		t.Errorf("%+v", d.Total)
	}
	// So does one that is the same to the millisecond.
	f.read(Theirs, minute("B2", noon.Add(10*time.Second)))
	f.close(noon.Add(4 * time.Minute))
	f.read(Ours, minute("A2", noon.Add(10*time.Second)))
	if late = f.close(noon.Add(5*time.Minute)).adjusted(t, Late); late.OnlyTheirs != -1 || late.Matched.Exact != 1 {
		t.Errorf("%+v", late)
	}
	// And one that nobody has the like of is itself late.
	f.read(Theirs, minute("B3", noon.Add(-time.Minute)))
	if late = f.close(noon.Add(6*time.Minute)).adjusted(t, Late); late.OnlyTheirs != 1 {
		t.Errorf("%+v", late)
	}
}

func TestABetterPartnerThatComesInTimeRevisesAnEarlierCycle(t *testing.T) {
	f := live(t, time.Hour, "")
	long := func(id string, at time.Time) string { return strings.Replace(minute(id, at), ",60000,", ",90000,", 1) }
	f.read(Ours, minute("A1", noon))
	f.read(Theirs, minute("B1", noon.Add(2*time.Second)))
	if d := f.close(noon.Add(65 * time.Second)); d.Matched.Skewed != 1 {
		t.Fatalf("%+v", d.Change)
	}
	f.read(Theirs, long("B2", noon.Add(time.Second)))
	d := f.close(noon.Add(3 * time.Minute))
	if r := d.adjusted(t, Revised); r.Matched.Skewed != -1 || r.Matched.Duration != 1 || r.OnlyTheirs != 1 {
		t.Errorf("%+v", r)
	}
	if len(d.Adjustments) != 1 {
		t.Errorf("%+v", d.Adjustments)
	}
}

func TestACallWaitsForItsPartnerOverTheEdgeOfACycle(t *testing.T) {
	f := live(t, time.Hour, "")
	f.read(Ours, minute("A1", noon))
	edge := noon.Add(62 * time.Second) // it ended less than the tolerance before
	if d := f.close(edge); d.OnlyOurs != 0 || d.Open != [2]uint64{1, 0} || usd(d.Amount.Ours) != "0.000000" {
		t.Fatalf("%+v", d)
	}
	f.read(Theirs, minute("B1", noon.Add(2*time.Second)))
	d := f.close(edge.Add(15 * time.Second))
	if d.Matched.Skewed != 1 || d.Open != [2]uint64{} || len(d.Adjustments) > 0 {
		t.Errorf("%+v", d)
	}
}

func TestARowThatRepeatsASettledOneIsADuplicate(t *testing.T) {
	f := live(t, time.Hour, "")
	f.read(Ours, minute("A1", noon), minute("A2", noon.Add(time.Minute)))
	f.read(Theirs, minute("B1", noon))
	f.close(noon.Add(30 * time.Minute))
	// The same row again, the same call under another id, and another call under
	// an id that is taken.
	f.read(Ours, minute("A1", noon), minute("A9", noon), minute("A2", noon))
	f.read(Theirs, minute("B1", noon), minute("B7", noon))
	d := f.close(noon.Add(40 * time.Minute))
	if r := d.Records.Ours; r != (Counts{Read: 3, Duplicate: 2, Rejected: 1}) {
		t.Errorf("ours: %+v", r)
	}
	if r := d.Records.Theirs; r != (Counts{Read: 2, Duplicate: 2}) {
		t.Errorf("theirs: %+v", r)
	}
	if d.Matched != (Change{}).Matched || usd(d.Amount.Ours) != "0.000000" || d.Causes[atDuplicate].Calls != 4 {
		t.Errorf("%+v", d.Change)
	}
	if r := d.Rejects[ours]; len(r) != 1 || r[0].Code != voice.CodeSameID || r[0].Line != 4 {
		t.Errorf("%+v", r)
	}
}

func TestARecordFromBeyondTheHorizonIsRefused(t *testing.T) {
	f := live(t, time.Hour, "")
	f.read(Ours, minute("A1", noon))
	f.close(noon.Add(2 * time.Hour))
	f.read(Theirs, minute("B1", noon), minute("B2", noon.Add(time.Hour)))
	d := f.close(noon.Add(3 * time.Hour))
	if r := d.Rejects[theirs]; len(r) != 1 || r[0].Code != CodeBeyondHorizon || r[0].Line != 2 {
		t.Errorf("%+v", r)
	}
	if d.Total.OnlyOurs != 1 || d.Total.OnlyTheirs != 1 || d.Records.Theirs != (Counts{Read: 2, Accepted: 1, Rejected: 1}) {
		t.Errorf("%+v", d.Total)
	}
}

// Hours of records in a window of half an hour: what is kept does not grow, and
// the sum is still that of all records but for which missing calls make a block.
func TestMemoryIsBoundedByTheHorizon(t *testing.T) {
	random := seed(t)
	var m made
	for range 4000 {
		m.call(func(a, b *string) {
			switch random.IntN(12) {
			case 0:
				*a = ""
			case 1:
				*b = ""
			case 2:
				*b = strings.Replace(*b, ",60000,", ",61000,", 1)
			case 3:
				*a = strings.Replace(*a, ",success,", ",fail,", 1)
			}
		})
	}
	job := Job{Rates: [2]*rating.Sheet{sheet(t, germany...)}, StartTolerance: 3 * time.Second, Cycle: usage.Cycle{Length: "15s"}, Records: [2]Input{text(file2(m.ours)), text(file2(m.theirs))}}
	want, err := Run(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	f := live(t, 30*time.Minute, "15s")
	most, lines := 0, 0
	var at [2]int
	for until := noon.Add(time.Minute); at[ours] < len(m.ours) || at[theirs] < len(m.theirs); until = until.Add(time.Minute) {
		for s, rows := range [][]string{m.ours, m.theirs} {
			from := at[s]
			for at[s] < len(rows) {
				if end, _ := endOf(rows[at[s]]); !end.Before(until) {
					break
				}
				at[s]++
			}
			f.read(side(s), rows[from:at[s]]...)
		}
		f.close(until)
		held := len(f.w.lones) + len(f.w.seen[ours]) + len(f.w.seen[theirs])
		for _, h := range f.w.shards {
			held += h.calls.used + h.ids[ours].used + h.ids[theirs].used + len(h.kept) + len(h.groups)
		}
		most, lines = max(most, held), max(lines, len(f.w.accounts.sparse))
	}
	f.close(noon.Add(4000*7*time.Second + time.Hour))
	f.isSumOf(want, "missing_block", "missing_random")
	for _, name := range []string{"", " ALPHA>BRAVO USD"} {
		sum, count := figures(want)
		a, b := string(MissingBlock)+name, string(MissingRandom)+name
		if f.sum[a]+f.sum[b] != sum[a]+sum[b] || f.count[a]+f.count[b] != count[a]+count[b] {
			t.Errorf("missing calls: %s, %d, want %s, %d", f.sum[a]+f.sum[b], f.count[a]+f.count[b], sum[a]+sum[b], count[a]+count[b])
		}
	}
	// Half an hour is 257 calls; a sweep comes after a quarter of it, and what
	// explains others stays for half of it more.
	if most > 4000 || lines > 2000 {
		t.Errorf("%d things are held, and %d lines", most, lines)
	}
}

func TestLinesMayRunOut(t *testing.T) {
	f := live(t, time.Hour, "")
	f.read(Ours, minute("A1", noon))
	f.close(noon.Add(2 * time.Minute))
	f.w.base[ours] = math.MaxUint32 - 1
	f.read(Ours, minute("A2", noon.Add(time.Minute)), minute("A1", noon))
	f.read(Theirs, minute("B1", noon.Add(time.Second)))
	d := f.close(noon.Add(10 * time.Minute))
	if d.Total.Matched.Skewed != 1 || d.Total.OnlyOurs != 1 || d.Total.Records.Ours.Duplicate != 1 || d.Total.Causes[atMissingRandom].Calls != 1 {
		t.Errorf("%+v", d.Total)
	}
}

func TestRowsMayBeAddedOneByOne(t *testing.T) {
	random := seed(t)
	a, b := traffic(random, 300)
	job := Job{Rates: [2]*rating.Sheet{sheet(t, testSheet...)}, StartTolerance: 3 * time.Second, Records: [2]Input{text(file2(a)), text(file2(b))}}
	want, err := Run(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	f := feed(t, job, usage.Pair{}, 24*time.Hour)
	for s, rows := range [][]string{a, b} {
		p := voice.Parser{Pair: f.w.Pair()}
		var row voice.Row
		for i, line := range rows {
			refused := p.Parse([]byte(line), &row)
			if err := f.w.Add(side(s), uint32(i+2), &row, refused); err != nil {
				t.Fatal(err)
			}
		}
	}
	f.close(noon.Add(24 * time.Hour))
	f.isSumOf(want)
}

func TestAWindowRefusesWhatNeedsAWholePeriod(t *testing.T) {
	good := Job{Rates: [2]*rating.Sheet{sheet(t, germany...)}}
	pair := usage.Pair{"ALPHA", "BRAVO"}
	for name, edit := range map[string]func(*Job){
		"an invoice": func(j *Job) { j.TheirInvoice = []InvoiceLine{{}} },
		"discounts":  func(j *Job) { j.Volume = []Discount{{}} },
		"signals":    func(j *Job) { j.Signals = true },
		"a folder":   func(j *Job) { j.Detail = true },
		"a stranger": func(j *Job) { j.Us = "ZULU" },
		"no sheet":   func(j *Job) { j.Rates[0] = nil },
		"no time":    func(j *Job) { j.StartTolerance = time.Hour },
	} {
		job := good
		edit(&job)
		if _, err := NewWindow(t.Context(), job, pair, time.Hour); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	w, err := NewWindow(t.Context(), good, pair, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Close(1000); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Close(999); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a cycle before the last one: %v", err)
	}
}
