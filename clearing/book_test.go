package clearing

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// at reads a time of the test's day.
func at(t testing.TB, text string) int64 {
	t.Helper()
	x, err := time.Parse(time.RFC3339Nano, "2026-11-02T"+text+"Z")
	if err != nil {
		t.Fatal(err)
	}
	return x.UnixMilli()
}

// span is the period between two times of the test's day.
func span(t testing.TB, from, to string) usage.Interval {
	return usage.Interval{From: at(t, from), To: at(t, to)}
}

// phases makes a schedule of cycles that begin at times of the test's day, the
// first one at any time.
func phases(t testing.TB, change func(*agreement.Terms), cycles ...string) schedule {
	t.Helper()
	var s schedule
	for i := 0; i < len(cycles); i += 2 {
		terms := agreement.Defaults()
		terms.Cycle = cycles[i+1]
		if change != nil {
			change(&terms)
		}
		c, err := usage.Cycle{Length: terms.Cycle}.Calendar()
		if err != nil {
			t.Fatal(err)
		}
		p := phase{agreement: "MSA-1", terms: terms, calendar: c}
		if i > 0 {
			p.from = at(t, cycles[i])
		}
		s = append(s, p)
	}
	return s
}

func TestACallIsNearAnEdgeWithinTheStartTolerance(t *testing.T) {
	for _, c := range []struct {
		cycle, moment, from, through string
		want                         bool
	}{
		{"1h", "10:00:00", "09:00:00", "10:00:00", true},
		{"1h", "10:00:03", "09:00:00", "10:00:00", true},
		{"1h", "10:00:03.001", "09:00:00", "10:00:00", false},
		{"1h", "09:59:57", "09:00:00", "10:00:00", true},
		{"1h", "09:59:56.999", "09:00:00", "10:00:00", false},
		{"1h", "09:00:01", "09:00:00", "10:00:00", false}, // the edge at from is behind
		{"1h", "09:00:01", "08:59:59", "10:00:00", true},
		{"1h", "10:59:59", "09:00:00", "10:00:00", false}, // the edge after through is to come
		{"1h", "10:00:02", "09:00:00", "10:30:00", true},  // through is no edge
		{"1h", "10:29:59", "09:00:00", "10:30:00", false},
		{"1s", "10:00:02.500", "09:59:58", "10:00:00", true}, // periods shorter than the tolerance
		{"1s", "10:00:03.500", "09:59:58", "10:00:00", false},
		{"1s", "09:59:56", "09:59:58", "10:00:00", true}, // near 09:59:59
		{"1s", "09:59:55", "09:59:58", "10:00:00", false},
	} {
		s := phases(t, nil, "", c.cycle)
		if got := s.near(at(t, c.moment), at(t, c.from), at(t, c.through)); got != c.want {
			t.Errorf("%s near an edge of %s after %s up to %s: %v, want %v", c.moment, c.cycle, c.from, c.through, got, c.want)
		}
	}
}

// aTariff is sheets that hold from times of the test's day, each of rows of a
// prefix with its two times; "" leaves the time open.
func aTariff(t testing.TB, sheets map[string][][3]string) *tariff {
	t.Helper()
	moment := func(text string, open int64) int64 {
		if text == "" {
			return open
		}
		return at(t, text)
	}
	out := &tariff{}
	for _, from := range slices.Sorted(maps.Keys(sheets)) {
		var rows []rating.Row
		for _, r := range sheets[from] {
			rows = append(rows, rating.Row{Destination: "D", Prefix: r[0], Currency: "USD", UnitSeconds: 60, IncrementSeconds: 1,
				ValidFrom: moment(r[1], 0), ValidTo: moment(r[2], rating.Open)})
		}
		s, err := rating.NewSheet(rows, nil)
		if err != nil {
			t.Fatal(err)
		}
		out.sheets = append(out.sheets, tariffSheet{from: moment(from, 0), sheet: s})
	}
	return out
}

// A call is shown to the partner when of two records that start within the
// tolerance of it one may have a rate and the other none, wherever in its period
// that is, and once. Where one rate follows another it is not.
func TestACallIsShownWhereItsRatesBeginOrEndWithinTheStartTolerance(t *testing.T) {
	for name, c := range map[string]struct {
		sheets map[string][][3]string
		starts map[string]bool
	}{
		"the first row begins": {map[string][][3]string{"": {{"12", "10:20:00", ""}}}, map[string]bool{
			"10:19:56.999": false, "10:19:57": true, "10:20:00": true, "10:20:02.999": true, "10:20:03": false}},
		"the last row ends": {map[string][][3]string{"": {{"12", "", "10:20:00"}}}, map[string]bool{
			"10:19:56.999": false, "10:19:57": true, "10:20:02.999": true, "10:20:03": false}},
		"a row follows": {map[string][][3]string{"": {{"12", "", ""}, {"12", "10:20:00", ""}}}, map[string]bool{
			"10:19:58": false, "10:20:02": false}},
		"a row within the tolerance": {map[string][][3]string{"": {{"12", "10:20:00", "10:20:01"}}}, map[string]bool{
			"10:19:56.999": false, "10:19:57": true, "10:20:00.500": true, "10:20:03.999": true, "10:20:04": false}},
		"a row of a longer prefix within the tolerance": {map[string][][3]string{"": {{"1", "", ""}, {"12", "10:20:00", "10:20:01"}}}, map[string]bool{
			"10:19:58": false, "10:20:00.500": false, "10:20:03": false}},
		"a row that ends where a shorter prefix goes on": {map[string][][3]string{"": {{"1", "", ""}, {"12", "", "10:20:00"}}}, map[string]bool{
			"10:19:58": false, "10:20:02": false}},
		"a gap within the tolerance": {map[string][][3]string{"": {{"12", "", "10:20:00"}, {"12", "10:20:00.001", ""}}}, map[string]bool{
			"10:19:56": false, "10:19:57": true, "10:20:03": true, "10:20:03.001": false}},
		"a shorter prefix that does not count": {map[string][][3]string{"": {{"1", "10:20:00", ""}, {"12", "", ""}}}, map[string]bool{
			"10:20:00": false}},
		"another destination": {map[string][][3]string{"": {{"12", "", ""}, {"13", "10:20:00", ""}}}, map[string]bool{
			"10:20:00": false}},
		"a sheet follows": {map[string][][3]string{"": {{"12", "", ""}}, "10:20:00": {{"12", "", ""}}}, map[string]bool{
			"10:19:58": false, "10:20:02": false}},
		"a sheet without the destination follows": {map[string][][3]string{"": {{"12", "", ""}}, "10:20:00": {{"13", "", ""}}}, map[string]bool{
			"10:19:56.999": false, "10:19:57": true, "10:20:02.999": true, "10:20:03": false}},
		"a row begins shortly before a sheet follows": {map[string][][3]string{"": {{"12", "10:19:59", ""}}, "10:20:00": {{"12", "", ""}}}, map[string]bool{
			"10:19:55.999": false, "10:19:56": true, "10:20:01.999": true, "10:20:02": false}},
		"a row of the later sheet ends shortly after it": {map[string][][3]string{"": {{"12", "", ""}}, "10:20:00": {{"12", "", "10:20:01"}}}, map[string]bool{
			"10:19:57.999": false, "10:19:58": true, "10:20:03.999": true, "10:20:04": false}},
		"a row that begins before its sheet": {map[string][][3]string{"": {{"12", "", ""}}, "10:20:00": {{"12", "10:19:59", ""}}}, map[string]bool{
			"10:19:58": false, "10:20:02": false}},
		"a row that ends after its sheet": {map[string][][3]string{"": {{"12", "", "10:20:01"}}, "10:20:00": {{"12", "", ""}}}, map[string]bool{
			"10:20:00": false, "10:20:02": false}},
		"the first sheet begins": {map[string][][3]string{"10:20:00": {{"12", "", ""}}}, map[string]bool{
			"10:19:56": false, "10:19:58": true, "10:20:02": true, "10:20:03": false}},
	} {
		rates := aTariff(t, c.sheets)
		for start, want := range c.starts {
			b := newBook(usage.PairOf("ALPHA", "BRAVO"), phases(t, nil, "", "1h"), [32]byte{})
			b.Add(1, &usage.Batch{Records: []usage.Record{{Start: at(t, start), Duration: 60_000, Origin: 491, Destination: 120000}}}, 0)
			if got := len(b.near(usage.Forth, at(t, "10:00:00"), at(t, "11:00:00"), rates)) == 1; got != want {
				t.Errorf("%s: the call at %s is shown: %v, want %v", name, start, got, want)
			}
			if len(b.near(usage.Forth, at(t, "10:00:00"), at(t, "11:00:00"), nil)) != 0 {
				t.Errorf("%s: the call at %s is shown without a sheet", name, start)
			}
			for _, other := range []usage.Interval{span(t, "09:00:00", "10:00:00"), span(t, "11:00:00", "12:00:00")} {
				if len(b.near(usage.Forth, other.From, other.To, rates)) != 0 {
					t.Errorf("%s: the call at %s is shown with %s", name, start, other)
				}
			}
		}
	}
}

func TestAnAmendmentCutsPeriodsFromItsBeginning(t *testing.T) {
	s := phases(t, nil, "", "1h", "12:00:00", "15m")
	for moment, want := range map[string]usage.Interval{
		"11:59:59": span(t, "11:00:00", "12:00:00"), "12:00:00": span(t, "12:00:00", "12:15:00"), "10:10:00": span(t, "10:00:00", "11:00:00"),
	} {
		if got := s.period(at(t, moment)); got != want {
			t.Errorf("%s lies in %s, want %s", moment, got, want)
		}
	}
	for through, want := range map[string]usage.Interval{
		"12:00:00": span(t, "11:00:00", "12:00:00"), "12:14:00": span(t, "11:00:00", "12:00:00"), "12:15:00": span(t, "12:00:00", "12:15:00"),
	} {
		if got := s.last(at(t, through)); got != want {
			t.Errorf("the last period through %s is %s, want %s", through, got, want)
		}
	}
}

// A call across an amendment that turns from ends to starts, or back, lies in
// one period.
func TestACallAcrossAnAmendmentLiesInOnePeriod(t *testing.T) {
	for _, c := range []struct {
		before, after agreement.PeriodBy
		want          usage.Interval
	}{
		{agreement.ByEnd, agreement.ByStart, span(t, "11:00:00", "12:00:00")},
		{agreement.ByStart, agreement.ByEnd, span(t, "12:00:00", "13:00:00")},
		{agreement.ByStart, agreement.ByStart, span(t, "11:00:00", "12:00:00")},
		{agreement.ByEnd, agreement.ByEnd, span(t, "12:00:00", "13:00:00")},
	} {
		s := phases(t, nil, "", "1h", "12:00:00", "1h")
		s[0].terms.PeriodBy, s[1].terms.PeriodBy = c.before, c.after
		if got := s.period(s.moment(at(t, "11:59:00"), 120_000)); got != c.want {
			t.Errorf("%s then %s: %s, want %s", c.before, c.after, got, c.want)
		}
	}
}

// flat prices everything with one row.
type flat struct{ scope product.Scope }

func (flat) Find(usage.Number, usage.Number, int64) (uint32, bool) { return 7, true }
func (flat) Row(uint32) *rating.Row                                { return &rating.Row{IncrementSeconds: 1} }
func (f flat) Ordered(n usage.Number) bool                         { return f.scope.Covers(n.String()) }

// batch makes records of calls of a minute that end at times of the test's day.
func batch(t *testing.T, ends ...string) *usage.Batch {
	b := &usage.Batch{}
	for i, end := range ends {
		b.Records = append(b.Records, usage.Record{Start: at(t, end) - 60_000, Duration: 60_000, Origin: 491, Destination: 12, Line: uint32(i + 2)})
	}
	return b
}

// imports puts a batch into a book as a desk does.
func imports(t *testing.T, b *Book, number uint32, closed string, ends ...string) *usage.Batch {
	in := batch(t, ends...)
	b.Add(number, in, at(t, closed))
	return in
}

// lines shows a manifest: adjusted period and calls of each line.
func lines(m Manifest) map[usage.Interval]int {
	out := map[usage.Interval]int{}
	for _, l := range m.Lines {
		out[l.Adjusts] += len(l.Calls)
	}
	return out
}

func TestALateCallGoesIntoTheNextOpenPeriod(t *testing.T) {
	b := newBook(usage.PairOf("ALPHA", "BRAVO"), phases(t, nil, "", "1h"), [32]byte{})
	imports(t, b, 1, "00:00:00", "09:10:00", "10:10:00")
	ten, eleven := Slot{0, span(t, "10:00:00", "11:00:00")}, Slot{0, span(t, "11:00:00", "12:00:00")}
	imports(t, b, 2, "10:00:00", "09:20:00") // 09 is closed
	imports(t, b, 3, "11:00:00", "09:30:00") // 10 is closed too, though not stated
	if b.Late() != 2 {
		t.Fatalf("%d calls are late, want 2", b.Late())
	}
	m, err := b.Draft(ten, flat{})
	if err != nil {
		t.Fatal(err)
	}
	nine := span(t, "09:00:00", "10:00:00")
	if got := lines(m); got[usage.Interval{}] != 1 || got[nine] != 1 {
		t.Fatalf("10 o'clock has %v, want its own call and the one that came while it was open", got)
	}
	b.Close(m)
	if _, err := b.Draft(ten, flat{}); err == nil {
		t.Fatal("a period was stated twice")
	}
	// The other has no period yet: the next one that is closed carries it.
	if due := b.Due(at(t, "11:00:00")); slices.Contains(due, ten) || slices.Contains(due, eleven) {
		t.Fatalf("due through 11: %v", due)
	}
	if due := b.Due(at(t, "12:00:00")); !slices.Contains(due, eleven) {
		t.Fatalf("due through 12: %v, want a period for the late call alone", due)
	}
	m2, err := b.Draft(eleven, flat{})
	if err != nil || lines(m2)[nine] != 1 || len(m2.Lines) != 1 {
		t.Fatalf("11 o'clock has %v (%v), want the adjustment alone", lines(m2), err)
	}
	b.Close(m2)
	if b.Late() != 0 {
		t.Fatal("a stated adjustment is still late")
	}
	// The same again from what is kept.
	again := newBook(b.pair, b.schedule, [32]byte{})
	imports(t, again, 1, "00:00:00", "09:10:00", "10:10:00")
	imports(t, again, 2, "10:00:00", "09:20:00")
	imports(t, again, 3, "11:00:00", "09:30:00")
	if err := again.Restore([]Manifest{m2, m}); err != nil {
		t.Fatal(err)
	}
	if got, want := again.Due(at(t, "12:00:00")), b.Due(at(t, "12:00:00")); !slices.Equal(got, want) || again.Late() != 0 {
		t.Fatalf("after a restart %v are due, want %v", got, want)
	}
}

// An adjusting line says why: its records came late, a later sheet prices them,
// or the partner's record, which decides, lies in the earlier period. Of a line
// with several, the first in this order counts: late, corrected, repriced.
func TestAnAdjustingLineSaysWhy(t *testing.T) {
	nine, ten := span(t, "09:00:00", "10:00:00"), Slot{0, span(t, "10:00:00", "11:00:00")}
	moved := func(b *Book) { // ended a second after ten, and by the partner's record before
		b.follow(call{1, 2}, rating.Moment{Start: at(t, "09:59:00"), Duration: 59_000})
	}
	for want, change := range map[usage.Reason]func(b *Book){
		usage.Late: func(b *Book) { imports(t, b, 2, "10:00:00", "09:20:00") },
		usage.Repriced: func(b *Book) {
			b.free(freedRecord{Calls: []call{{1, 0}}, Closed: at(t, "10:00:00")})
		},
		usage.Corrected: moved,
	} {
		for _, alone := range []bool{true, false} {
			b := newBook(usage.PairOf("ALPHA", "BRAVO"), phases(t, nil, "", "1h"), [32]byte{})
			imports(t, b, 1, "00:00:00", "09:10:00", "09:15:00", "10:00:01")
			first, err := b.Draft(Slot{0, nine}, flat{})
			if err != nil || first.Lines[0].Reason != "" {
				t.Fatalf("%+v, %v: the first statement adjusts", first, err)
			}
			b.Close(first)
			change(b)
			if !alone && want == usage.Corrected {
				b.free(freedRecord{Calls: []call{{1, 0}}, Closed: at(t, "10:00:00")})
			} else if !alone && want == usage.Late {
				moved(b)
			}
			m, err := b.Draft(ten, flat{})
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(m.Lines, func(l manifestLine) bool { return l.Adjusts == nine })
			if i < 0 || m.Lines[i].Reason != want {
				t.Errorf("%+v, want a line that adjusts because %s", m.Lines, want)
				continue
			}
			stated, _, err := b.Commit(m, flat{}, []byte("secret"))
			if err != nil || stated[i].Reason != want {
				t.Errorf("stated %+v, %v; want %s", stated, err, want)
			}
		}
	}
}

func TestTwoLateDirectionsAndAnEarlierPeriodDoNotMix(t *testing.T) {
	b := newBook(usage.PairOf("ALPHA", "BRAVO"), phases(t, nil, "", "1h"), [32]byte{})
	imports(t, b, 1, "00:00:00", "09:10:00", "12:10:00")
	imports(t, b, 2, "12:00:00", "11:30:00") // of 11, while 09 is not stated either
	m, err := b.Draft(Slot{0, span(t, "09:00:00", "10:00:00")}, flat{})
	if err != nil || len(m.Lines) != 1 || m.Lines[0].Adjusts != (usage.Interval{}) {
		t.Fatalf("%+v, %v: an earlier period adjusts a later one", m, err)
	}
	m, err = b.Draft(Slot{1, span(t, "12:00:00", "13:00:00")}, flat{})
	if err != nil || len(m.Lines) != 0 {
		t.Fatalf("%+v, %v: a late call of the other direction is stated", m, err)
	}
}

// A call that began before the agreement's longest call would have is named:
// the channel would refuse the whole statement for it.
func TestACallThatIsTooLongIsAnException(t *testing.T) {
	b := newBook(usage.PairOf("ALPHA", "BRAVO"), phases(t, func(x *agreement.Terms) { x.LongestCall = 3_600_000 }, "", "1h"), [32]byte{})
	in := batch(t, "10:10:00", "10:20:00")
	in.Records[1].Start -= 7_200_000
	in.Records[1].Duration += 7_200_000
	b.Add(1, in, 0)
	m, err := b.Draft(Slot{0, span(t, "10:00:00", "11:00:00")}, flat{})
	if err != nil || len(m.Unrated) != 1 || len(m.Lines) != 1 {
		t.Fatalf("%+v, %v: want one call and one exception", m, err)
	}
	if x := b.exceptions(m, noRate); len(x) != 1 || x[0].Code != CodeTooLong || x[0].Line != 3 {
		t.Fatalf("%+v: want line 3 by name", x)
	}
}

// A call to a number that the order does not cover is named, not priced.
func TestACallThatWasNotOrderedIsAnException(t *testing.T) {
	b := newBook(usage.PairOf("ALPHA", "BRAVO"), phases(t, nil, "", "1h"), [32]byte{})
	in := batch(t, "10:10:00", "10:20:00")
	in.Records[1].Destination = 49
	b.Add(1, in, 0)
	m, err := b.Draft(Slot{0, span(t, "10:00:00", "11:00:00")}, flat{product.Scope{"1", "48"}})
	if err != nil || len(m.Lines) != 1 || len(m.Lines[0].Calls) != 1 {
		t.Fatalf("%+v, %v: want one call and one exception", m, err)
	}
	if x := b.exceptions(m, noRate); len(x) != 1 || x[0].Code != trade.CodeNotOrdered || x[0].Line != 3 {
		t.Fatalf("%+v: want line 3 by name", x)
	}
	if again := b.Reprice(m, flat{}); len(again.Lines) != 1 || len(again.Lines[0].Calls) != 2 || len(again.Outside) != 0 {
		t.Fatalf("%+v: want both calls priced by an order for all", again)
	}
}

func TestOpenCallsMoveWithAnAmendment(t *testing.T) {
	b := newBook(usage.PairOf("ALPHA", "BRAVO"), phases(t, nil, "", "1h"), [32]byte{})
	imports(t, b, 1, "00:00:00", "11:10:00", "12:10:00", "12:20:00")
	b.Amend(phases(t, nil, "", "1h", "12:00:00", "15m"))
	want := []Slot{{0, span(t, "11:00:00", "12:00:00")}, {0, span(t, "12:00:00", "12:15:00")}, {0, span(t, "12:15:00", "12:30:00")}}
	if due := b.Due(at(t, "13:00:00")); !slices.Equal(due, want) {
		t.Fatalf("%v are due, want %v", due, want)
	}
}

func TestABookWithoutAnImportOfAStatementSaysSo(t *testing.T) {
	b := newBook(usage.PairOf("ALPHA", "BRAVO"), phases(t, nil, "", "1h"), [32]byte{})
	err := b.Restore([]Manifest{{Period: span(t, "10:00:00", "11:00:00"), Missed: []call{{1, 0}}}})
	if code := faultCode(err); code != CodeLost {
		t.Fatalf("code %s, want %s", code, CodeLost)
	}
}

// Late calls of many periods and imports go each into the first statement that
// may carry it, and are counted once.
func TestLateCallsOfManyImportsAreStatedOnce(t *testing.T) {
	b := newBook(usage.PairOf("ALPHA", "BRAVO"), phases(t, nil, "", "1h"), [32]byte{})
	imports(t, b, 1, "00:00:00", "01:30:00")
	imports(t, b, 2, "10:00:00", "02:10:00", "03:10:00", "10:10:00")
	imports(t, b, 3, "11:00:00", "02:20:00", "10:20:00", "11:10:00")
	imports(t, b, 4, "12:00:00", "02:30:00", "11:20:00", "12:10:00")
	want := map[string]map[usage.Interval]int{
		"01": {{}: 1},
		"10": {{}: 1, span(t, "02:00:00", "03:00:00"): 1, span(t, "03:00:00", "04:00:00"): 1},
		"11": {{}: 1, span(t, "02:00:00", "03:00:00"): 1, span(t, "10:00:00", "11:00:00"): 1},
		"12": {{}: 1, span(t, "02:00:00", "03:00:00"): 1, span(t, "11:00:00", "12:00:00"): 1},
	}
	for _, at := range b.Due(at(t, "13:00:00")) {
		m, err := b.Draft(at, flat{})
		if err != nil {
			t.Fatal(err)
		}
		b.Close(m)
		hour := at.Period.String()[11:13]
		if got := lines(m); !maps.Equal(got, want[hour]) {
			t.Errorf("%s states %v, want %v", hour, got, want[hour])
		}
		delete(want, hour)
	}
	if len(want) != 0 || b.Late() != 0 {
		t.Errorf("not stated: %v; %d calls are late", want, b.Late())
	}
}

// BenchmarkLateCalls states a day of 15-second periods while 100,000 calls are
// late that none of them may carry.
func BenchmarkLateCalls(b *testing.B) {
	for b.Loop() {
		book := newBook(usage.PairOf("ALPHA", "BRAVO"), phases(b, nil, "", "15s"), [32]byte{})
		in := &usage.Batch{}
		for i := range 5760 {
			in.Records = append(in.Records, usage.Record{Start: at(b, "00:00:00") + int64(i)*15_000, Origin: 491, Destination: 12})
		}
		book.Add(1, in, 0)
		late := &usage.Batch{}
		for i := range 100_000 {
			late.Records = append(late.Records, usage.Record{Start: at(b, "00:00:00") + int64(i)*800, Duration: 1, Origin: 492, Destination: 12})
		}
		book.Add(2, late, at(b, "00:00:00")+24*3_600_000)
		for _, at := range book.Due(at(b, "00:00:00") + 24*3_600_000) {
			m, err := book.Draft(at, flat{})
			if err != nil {
				b.Fatal(err)
			}
			book.Close(m)
		}
	}
}

// fees prices everything with a row that asks for a fee for each call.
type fees struct{ flat }

func (fees) Row(uint32) *rating.Row { return &rating.Row{IncrementSeconds: 1, ConnectFee: 1} }

// A call without a billed second is on no line, where each call on one would
// cost a fee, and is no exception either.
func TestACallThatCostsNothingIsNotStatedWhereCallsHaveAFee(t *testing.T) {
	b := newBook(usage.PairOf("ALPHA", "BRAVO"), phases(t, nil, "", "1h"), [32]byte{})
	in := batch(t, "10:10:00", "10:20:00")
	in.Records[1].Duration = 0
	b.Add(1, in, 0)
	m, err := b.Draft(Slot{0, span(t, "10:00:00", "11:00:00")}, fees{})
	if err != nil || len(m.Lines) != 1 || len(m.Lines[0].Calls) != 1 || len(m.Free) != 1 {
		t.Fatalf("%+v, %v: want one call and one that is free", m, err)
	}
	if x := b.exceptions(m, noRate); len(x) != 0 {
		t.Fatalf("%+v: a free call is an exception", x)
	}
	b.Close(m)
	if due := b.Due(at(t, "23:00:00")); len(due) != 0 {
		t.Fatalf("%v is due again", due)
	}
}

func noRate(usage.Number, usage.Number, int64) fault.Code { return rating.CodeNoRate }
