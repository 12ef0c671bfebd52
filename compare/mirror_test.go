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
