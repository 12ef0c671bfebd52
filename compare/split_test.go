package compare

import (
	"fmt"
	"testing"
	"time"

	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
)

// bit is a record of a side: when it begins behind the call, and how long it
// lasts, ms.
type bit struct{ from, lasts int }

// partly makes the records of two calls of which ours has one record and theirs
// some, between others.
func partly(whole bit, parts []bit) (m made) {
	m.calls(200)
	for range 2 {
		m.call(func(a, b *string) {
			row := func(id string, x bit) string {
				return rowOf(fmt.Sprint(id, m.n), "12125550100", fmt.Sprintf("4930%07d", m.n*7919%10_000_000), at(m.n).Add(time.Duration(x.from)*time.Millisecond), x.lasts, "success", "ALPHA,BRAVO", "T1")
			}
			*a, *b = row("C", whole), ""
			for i, x := range parts {
				m.theirs = append(m.theirs, row(fmt.Sprint("P", i), x))
			}
		})
	}
	m.calls(200)
	return m
}

// Partial records are rounded up one by one, so that each seems to last beyond the
// beginning of the next. Whichever side has them, they are one call, with
// evidence, and cost what they bill beyond it: a second costs 0.001.
func TestACallInPartsThatAreRoundedUpIsOneCall(t *testing.T) {
	germany := sheet(t, "Germany,49,0.06,USD,60,1,1,2026-01-01T00:00:00Z,")
	for _, c := range []struct {
		name   string
		whole  int
		parts  []bit
		amount money.Micro // of one call
	}{
		{"two of 6 s", 100_300, []bit{{0, 42_000}, {37_100, 66_000}}, 7_000},
		{"three of a minute", 190_000, []bit{{0, 60_000}, {12_500, 120_000}, {101_000, 120_000}}, 110_000},
		{"minutes, with seconds between", 200_000, []bit{{0, 120_000}, {71_000, 60_000}, {132_500, 120_000}}, 100_000},
		{"the whole within one minute", 55_000, []bit{{0, 60_000}, {31_000, 60_000}}, 65_000},
		{"a whole that is rounded as well", 180_000, []bit{{0, 120_000}, {70_000, 120_000}}, 60_000},
		{"other starts", 130_000, []bit{{1_500, 120_000}, {90_000, 60_000}}, 50_000},
		{"two that add up without the third", 193_101, []bit{{0, 180_000}, {135_807, 60_000}, {162_100, 60_000}}, 106_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := partly(bit{0, c.whole}, c.parts)
			a, b := text(file2(m.ours)), text(file2(m.theirs))
			for sign, records := range map[money.Micro][2]Input{1: {a, b}, -1: {b, a}} {
				r, dir := written(t, Job{Records: records, Rates: [2]*rating.Sheet{germany}})
				if got := r.cause(SplitCall); got.Calls != 2 || got.Amount["ALPHA>BRAVO"]["USD"] != 2*sign*c.amount || r.cause(MissingRandom).Calls != 0 {
					t.Errorf("%+v, and %d calls are missing; want 2 of %s each", got, r.cause(MissingRandom).Calls, sign*c.amount)
				}
				if rows := rowsOf(t, dir, "causes/split_call.csv"); len(rows) != 2*len(c.parts) {
					t.Errorf("the evidence has %d rows of %d", len(rows), 2*len(c.parts))
				}
			}
		})
	}
}

// A second call between two numbers is no part of the first, however its duration
// is rounded, unless it begins while the first goes on.
func TestARedialThatOneSideLacksIsNoPartOfTheCallBefore(t *testing.T) {
	germany := sheet(t, "Germany,49,0.06,USD,60,1,1,2026-01-01T00:00:00Z,")
	for _, c := range []struct {
		name  string
		whole int
		parts []bit
	}{
		{"seconds after hanging up, in whole minutes", 40_200, []bit{{0, 60_000}, {45_000, 60_000}}},
		{"at once", 40_200, []bit{{0, 60_000}, {40_300, 60_000}}},
		{"where both have whole minutes", 60_000, []bit{{0, 60_000}, {45_000, 60_000}}},
		{"where both have 6 s", 42_000, []bit{{0, 42_000}, {40_000, 12_000}}},
		{"while the call before goes on, to the millisecond", 40_200, []bit{{0, 40_200}, {12_000, 28_311}}},
		{"while it goes on, long before its end", 300_500, []bit{{0, 306_000}, {12_000, 60_000}}},
		{"which goes on for longer", 70_100, []bit{{0, 120_000}, {50_000, 120_000}}},
	} {
		m := partly(bit{0, c.whole}, c.parts)
		r := compared(t, Job{Records: [2]Input{text(file2(m.ours)), text(file2(m.theirs))}, Rates: [2]*rating.Sheet{germany}})
		if split, missing := r.cause(SplitCall).Calls, r.cause(MissingRandom).Calls; split != 0 || missing != 2 {
			t.Errorf("%s: %d calls seem split and %d missing, want 2 missing", c.name, split, missing)
		}
	}
}
