package compare

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lateral-network/lateral/trade/rating"
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
