package compare

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// bothWays compares two sides' rows by one sheet, and with the sides exchanged.
func bothWays(t *testing.T, job Job, a, b []string) (one, two *Result) {
	t.Helper()
	job.Records = [2]Input{text(file2(a)), text(file2(b))}
	one = compared(t, job)
	job.Records = [2]Input{text(file2(b)), text(file2(a))}
	return one, compared(t, job)
}

// exchanged is what was learned, as it is with the sides exchanged.
func exchanged(learned []Learned) []Learned {
	out := slices.Clone(learned)
	slices.SortStableFunc(out, func(a, b Learned) int {
		// theirs, which become ours, come first.
		return map[string]int{"theirs": 0, "ours": 1}[a.Side] - map[string]int{"theirs": 0, "ours": 1}[b.Side]
	})
	for i := range out {
		out[i].Side = map[string]string{"theirs": "ours", "ours": "theirs"}[out[i].Side]
	}
	return out
}

// Three redials are 50 s later on their trunk than on ours, and either clock may be
// off. Their trunk was blamed whoever they were, so that the sides' exchange moved
// another clock, and with it the call that our trunk has at its own time.
func TestAClockIsToldOffOnTheSameTrunkWhicheverSideIsOurs(t *testing.T) {
	germany := Job{Rates: [2]*rating.Sheet{sheet(t, testSheet...)}}
	const dest, way = "493011111111", "ALPHA,BRAVO"
	redials := func(trunk string, late time.Duration) (rows []string) {
		for n := range 3 {
			rows = append(rows, rowOf(fmt.Sprint(trunk, n), "12125550100", dest, noon.Add(time.Duration(n*n)*time.Hour+late), 60_000, "success", way, trunk))
		}
		return rows
	}
	for _, c := range []struct {
		name   string
		a, b   []string
		trunk  string // that is told off
		blamed bool   // of b
		exact  uint64
		skewed uint64
	}{
		{"a call at its own time speaks against one", append(redials("long-name", 0), rowOf("met", "12125550100", dest, noon.Add(30*time.Hour), 60_000, "success", way, "long-name")),
			append(redials("b", 50*time.Second), rowOf("met", "12125550100", dest, noon.Add(30*time.Hour), 60_000, "success", way, "c")), "b", true, 1, 3},
		{"nothing does, and the longer name decides", redials("long-name", 0), redials("b", 50*time.Second), "long-name", false, 0, 3},
		{"nor does the length, and the order of the names decides", redials("c", 0), redials("b", 50*time.Second), "c", false, 0, 3},
		{"nor does the name, and the clock that is ahead is off", redials("b", 0), redials("b", 50*time.Second), "b", true, 0, 3},
	} {
		one, two := bothWays(t, germany, c.a, c.b)
		side := "ours"
		if c.blamed {
			side = "theirs"
		}
		if len(one.Learned) != 1 || one.Learned[0].Trunk != c.trunk || one.Learned[0].Side != side || one.Matched.Exact != c.exact || one.Matched.Skewed != c.skewed {
			t.Errorf("%s: %+v, learned %+v", c.name, one.Matched, one.Learned)
		}
		if two.Matched != one.Matched || !slices.Equal(exchanged(two.Learned), one.Learned) {
			t.Errorf("%s: %+v, learned %+v, and exchanged %+v, learned %+v", c.name, one.Matched, one.Learned, two.Matched, two.Learned)
		}
	}
}

// A call that two switches of one side recorded, one with a plus sign or on another
// trunk, counts once. The row that came first in the file said whether its number
// was written otherwise, and which trunk it was of.
func TestWhichOfTwoEqualRowsCountsDoesNotHangOnTheirOrder(t *testing.T) {
	row := func(id, plus, trunk string) string {
		return rowOf(id, "12125550100", plus+"493011111111", noon, 60_000, "success", "ALPHA,BRAVO", trunk)
	}
	job := Job{Rates: [2]*rating.Sheet{sheet(t, testSheet...)}}
	for name, c := range map[string]struct {
		rows   []string
		format uint64
	}{
		"under two ids":                       {[]string{row("1", "+", "T1"), row("2", "", "T1")}, 0},
		"under one id":                        {[]string{row("1", "+", "T1"), row("1", "", "T1")}, 0},
		"two of one id and one of another":    {[]string{row("1", "+", "T1"), row("1", "", "T1"), row("2", "+", "T1")}, 0},
		"on two trunks":                       {[]string{row("1", "", "T1"), row("2", "", "T0")}, 0},
		"on two trunks, both with plus signs": {[]string{row("1", "+", "T1"), row("2", "+", "T0")}, 1},
	} {
		back := slices.Clone(c.rows)
		slices.Reverse(back)
		other := []string{row("X", "", "TG")}
		var got [2]string
		for i, rows := range [][]string{c.rows, back} {
			job.Records = [2]Input{text(file2(rows)), text(file2(other))}
			r := compared(t, job)
			if n := r.cause(NumberFormat).Calls; n != c.format || r.Matched.Exact != 1 || r.Records.Ours.Duplicate != uint64(len(rows)-1) {
				t.Errorf("%s: %d calls are written otherwise, want %d; %+v, %+v", name, n, c.format, r.Matched, r.Records.Ours)
			}
			got[i] = plain(t, r)
		}
		if got[0] != got[1] {
			t.Errorf("%s: %s", name, firstDifference(got[0], got[1]))
		}
	}
	var rows []string
	for n := range 5 {
		for _, trunk := range []string{"T1", "T0"} {
			rows = append(rows, rowOf(fmt.Sprint(trunk, n), "12125550100", "493011111111", at(n), 60_000, "success", "ALPHA,BRAVO", trunk))
		}
	}
	for range 2 {
		job.Records = [2]Input{text(file2(rows)), text(file2(nil))}
		if r := compared(t, job); len(r.Blocks) != 1 || r.Blocks[0].Trunk != "T0" || r.Blocks[0].Calls != 5 {
			t.Errorf("calls of two trunks that theirs lack are the blocks %+v", r.Blocks)
		}
		slices.Reverse(rows)
	}
}

// sumsOf gives the amounts of causes, or with sign -1 what they are with the sides
// exchanged.
func sumsOf(r *Result, sign money.Micro) map[string]money.Micro {
	out := map[string]money.Micro{}
	for _, c := range r.Causes {
		for d, sums := range c.Amount {
			for currency, m := range sums {
				if m != 0 {
					out[fmt.Sprint(c.Cause, " ", d, " ", currency)] = sign * m
				}
			}
		}
	}
	return out
}

// mirrored reports what of a result is not that of the sides exchanged. Where lines
// are rounded, the amounts of causes depend on what a line holds before them.
func mirrored(t *testing.T, one, two *Result, amounts bool) bool {
	t.Helper()
	ok := true
	check := func(what string, a, b any) {
		if !reflect.DeepEqual(a, b) {
			t.Errorf("%s: %+v, exchanged %+v", what, a, b)
			ok = false
		}
	}
	check("matched", one.Matched, two.Matched)
	check("alone", [2]uint64{one.OnlyOurs, one.OnlyTheirs}, [2]uint64{two.OnlyTheirs, two.OnlyOurs})
	check("ours", one.Records.Ours, two.Records.Theirs)
	check("theirs", one.Records.Theirs, two.Records.Ours)
	check("our amount", one.Amount.Ours, two.Amount.Theirs)
	check("their amount", one.Amount.Theirs, two.Amount.Ours)
	check("learned", one.Learned, exchanged(two.Learned))
	for i := range one.Causes {
		check(string(one.Causes[i].Cause), one.Causes[i].Calls, two.Causes[i].Calls)
	}
	if amounts {
		check("causes", sumsOf(one, 1), sumsOf(two, -1))
	}
	return ok
}

// originSheet has prices that depend on the caller, and a row that follows another.
func originSheet(t testing.TB) *rating.Sheet {
	t.Helper()
	s, _, err := voice.ReadSheet(strings.NewReader("destination,prefix,rate,currency,unit_seconds,minimum_seconds,increment_seconds,valid_from,valid_to,origin_prefix\n" +
		"Germany,49,0.06,USD,60,1,1,2026-01-01T00:00:00Z,2026-11-02T12:00:01Z,\nGermany,49,0.12,USD,60,1,1,2026-11-02T12:00:01Z,,\n" +
		"France,33,0.06,USD,60,1,1,2026-01-01T00:00:00Z,,1\nSpain,34,0.01,USD,60,60,60,2026-01-01T00:00:00Z,,\nSpain,34,0.07,USD,60,30,6,2026-01-01T00:00:00Z,,1\n"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Where two things differ that make the price of a call together, the money that
// neither makes alone went to whichever came later on the way from their record to
// ours, so that the exchange of the sides moved it to the other cause.
func TestACallThatDiffersTwiceHasTheSameCausesFromEitherSide(t *testing.T) {
	row := func(origin, dest string, late time.Duration, ms int) []string {
		return []string{rowOf("1", origin, dest, noon.Add(late), ms, "success", "ALPHA,BRAVO", "T")}
	}
	for name, c := range map[string]struct {
		a, b []string
		want map[Cause]money.Micro
	}{
		"the record that names the caller prices the seconds": {row("12125550100", "331111111111", 0, 66_000), row("", "331111111111", 0, 61_000),
			map[Cause]money.Micro{DurationRounding: -5_000, OriginSurcharge: -61_000}},
		"so it does where it is shorter": {row("12125550100", "331111111111", 0, 61_000), row("", "331111111111", 0, 66_000),
			map[Cause]money.Micro{DurationRounding: 5_000, OriginSurcharge: -66_000}},
		"the longer record has its seconds at either price": {row("12125550100", "491111111111", 0, 60_000), row("12125550100", "491111111111", 2*time.Second, 70_000),
			map[Cause]money.Micro{ClockSkew: 70_000, DurationRounding: 10_000}},
		"also where it is the earlier one": {row("12125550100", "491111111111", 0, 70_000), row("12125550100", "491111111111", 2*time.Second, 60_000),
			map[Cause]money.Micro{ClockSkew: 70_000, DurationRounding: -20_000}},
	} {
		for _, per := range []Per{PerCall, PerLine, PerInvoice} {
			one, two := bothWays(t, Job{Rates: [2]*rating.Sheet{originSheet(t)}, Rounding: Rounding{per, money.HalfEven, 6}}, c.a, c.b)
			for _, cause := range Causes {
				if got := one.cause(cause); got.Amount["ALPHA>BRAVO"]["USD"] != c.want[cause] || (got.Calls > 0) != (c.want[cause] != 0) {
					t.Errorf("%s, rounded by %s: %s has %d calls and %s, want %s", name, per, cause, got.Calls, got.Amount["ALPHA>BRAVO"]["USD"], c.want[cause])
				}
			}
			if !mirrored(t, one, two, true) {
				t.Errorf("%s, rounded by %s", name, per)
			}
		}
	}
}

// The clock of a trunk is an hour ahead. A call that the other side lacks had its
// time put right where it was theirs, and not where it was ours.
func TestACallOfAWrongZoneThatTheOtherSideLacksCountsFromEitherSide(t *testing.T) {
	var ahead, right []string
	for n := range 4 {
		id, start := fmt.Sprint(n), noon.Add(time.Duration(n*n-40)*time.Minute)
		ahead = append(ahead, rowOf(id, "12125550100", "491111111111", start.Add(time.Hour), 60_000, "success", "ALPHA,BRAVO", "ahead"))
		right = append(right, rowOf(id, "12125550100", "491111111111", start, 60_000, "success", "ALPHA,BRAVO", "T"))
	}
	one, two := bothWays(t, Job{Rates: [2]*rating.Sheet{originSheet(t)}, Rounding: Rounding{PerCall, money.HalfEven, 6}}, ahead, right[:3])
	if zone, missing := one.cause(TimeZone), one.cause(MissingRandom); zone.Calls != 4 || zone.Amount["ALPHA>BRAVO"]["USD"] != -4*60_000 || missing.Calls != 1 || missing.Amount["ALPHA>BRAVO"]["USD"] != -60_000 {
		t.Errorf("%+v, %+v", zone, missing)
	}
	mirrored(t, one, two, true)
}

// Two calls of two trunks are one when a clock is put right, and theirs have one of
// them. Which of the two found its partner was that which came first in the file.
func TestWhichOfTwoCallsThatAClockMakesOneIsMatchedDoesNotHangOnTheirOrder(t *testing.T) {
	row := func(id, plus string, start time.Duration, trunk string) string {
		return rowOf(id, "12125550100", plus+"491111111111", noon.Add(start), 60_000, "success", "ALPHA,BRAVO", trunk)
	}
	a := []string{row("1", "+", time.Hour, "ahead"), row("2", "", 0, "T1"), row("3", "", 20*time.Hour, "ahead"), row("4", "", 40*time.Hour, "ahead"), row("5", "", 60*time.Hour, "ahead")}
	b := []string{row("2", "+", 0, "T2"), row("3", "", 19*time.Hour, "T"), row("4", "", 39*time.Hour, "T"), row("5", "", 59*time.Hour, "T")}
	back := slices.Clone(a)
	slices.Reverse(back)
	var got [2]string
	for i, rows := range [][]string{a, back} {
		r, other := bothWays(t, Job{Rates: [2]*rating.Sheet{originSheet(t)}}, rows, b)
		// The call at its own time is the one that theirs have.
		if n := r.cause(NumberFormat).Calls; n != 1 || r.Matched.Exact != 1 || r.Matched.Skewed != 3 || r.OnlyOurs != 1 {
			t.Errorf("%d calls are written otherwise, want 1; %+v, %d alone, learned %+v", n, r.Matched, r.OnlyOurs, r.Learned)
		}
		mirrored(t, r, other, false)
		got[i] = plain(t, r)
	}
	if got[0] != got[1] {
		t.Error(firstDifference(got[0], got[1]))
	}
}

// redials makes tiny files in which nearly everything can be taken for something
// else: few numbers are called again and again within seconds, trunks of both sides
// have one set of names, some of their clocks are off, rows repeat others under
// other trunks and with plus signs, and calls lack a row.
func redials(random *rand.Rand) (rows [2][]string) {
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	clocks := [2][3]time.Duration{}
	for s := range clocks {
		for t := range clocks[s] {
			if random.IntN(3) == 0 {
				clocks[s][t] = []time.Duration{50 * time.Second, -50 * time.Second, time.Hour, -1400 * time.Millisecond}[random.IntN(4)]
			}
		}
	}
	trunk := func() int { return random.IntN(3) }
	starts := []time.Duration{0}
	callers := []string{"12125550100", "4930123456", ""}[:1+random.IntN(3)]
	span := []int{60, 3 * 3600, 40 * 86400}[random.IntN(3)]
	n := 0
	for range 1 + random.IntN(30) {
		start := time.Duration(random.IntN(1000*span)) * time.Millisecond
		if random.IntN(2) == 0 {
			start = starts[random.IntN(len(starts))] + time.Duration(random.IntN(8)-2)*500*time.Millisecond
		}
		starts = append(starts, start)
		origin, dest := pick(callers...), pick("491111111111", "331111111111", "341111111111", "491111111112")
		way, ms := pick("ALPHA,BRAVO", "ALPHA,BRAVO", "BRAVO,ALPHA"), []int{0, 1, 999, 1000, 6000, 60_000, 61_000, random.IntN(300_000)}[random.IntN(8)]
		result := pick("success", "success", "success", "success", "fail", "rna")
		for s := range rows {
			if random.IntN(7) == 0 {
				continue
			}
			origin, start, ms, t := origin, start, ms, trunk()
			switch random.IntN(6) {
			case 0:
				start += time.Duration(random.IntN(9)-4) * 750 * time.Millisecond
			case 1:
				ms = max(0, ms+[]int{1, -1, 500, 1000, -1000, 5000}[random.IntN(6)])
			case 2:
				origin = ""
			}
			row := func(way string, t int) string {
				n++
				return rowOf(fmt.Sprint(n), origin, pick("", "", "+")+dest, noon.Add(start+clocks[s][t]), ms, result, way, fmt.Sprint("T", t))
			}
			first := row(way, t)
			rows[s] = append(rows[s], first)
			switch random.IntN(16) {
			case 0:
				rows[s] = append(rows[s], first)
			case 1: // another id and, perhaps, plus sign
				rows[s] = append(rows[s], row(way, t))
			case 2: // the same call of another trunk, if their clocks agree
				rows[s] = append(rows[s], row(way, trunk()))
			case 3:
				rows[s] = append(rows[s], row(pick("ALPHA,CHARLIE", "BRAVO,ALPHA"), t))
			case 4:
				rows[s] = append(rows[s], strings.Replace(first, ",+", ",", 1))
			}
		}
	}
	return rows
}

// Neither the sides' exchange nor the order of the rows changes what is found in
// files that can be read in many ways.
func TestTinyFilesOfRedialsMirrorAndShuffle(t *testing.T) {
	random := seed(t)
	learned, lacking := 0, 0
	for range 100 {
		rows := redials(random)
		job := Job{Us: "ALPHA", Rates: [2]*rating.Sheet{originSheet(t)}, StartTolerance: []time.Duration{time.Millisecond, time.Second, 3 * time.Second}[random.IntN(3)],
			SecondsTolerance: uint32(random.IntN(2)), Rounding: Rounding{[]Per{PerCall, PerCall, PerLine, PerInvoice}[random.IntN(4)], money.HalfEven, 2 + random.IntN(5)}}
		if random.IntN(2) == 0 {
			job.Cycle = usage.Cycle{Length: "1m"}
		}
		if len(rows[ours])+len(rows[theirs]) == 0 {
			continue
		}
		one, two := bothWays(t, job, rows[ours], rows[theirs])
		if !mirrored(t, one, two, job.Rounding.Per == PerCall) {
			t.Fatalf("%+v\n%s\n%s", job.Rounding, file2(rows[ours]), file2(rows[theirs]))
		}
		shuffled := rows
		for s := range shuffled {
			shuffled[s] = slices.Clone(rows[s])
			random.Shuffle(len(shuffled[s]), func(i, j int) { shuffled[s][i], shuffled[s][j] = shuffled[s][j], shuffled[s][i] })
		}
		job.Records = [2]Input{text(file2(shuffled[ours])), text(file2(shuffled[theirs]))}
		if got, want := plain(t, compared(t, job)), plain(t, one); got != want {
			t.Fatalf("%s\n%s\n%s", firstDifference(got, want), file2(rows[ours]), file2(rows[theirs]))
		}
		if slices.ContainsFunc(one.Learned, func(l Learned) bool { return l.Kind == learnedClock || l.Kind == learnedZone }) {
			learned++
		}
		if one.OnlyOurs+one.OnlyTheirs > 0 {
			lacking++
		}
	}
	t.Logf("%d files have a clock that is off", learned)
	if learned == 0 || lacking < 25 {
		t.Errorf("of 100 files %d have a clock that is off, and in %d a call lacks", learned, lacking)
	}
}
