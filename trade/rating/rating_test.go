package rating

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/apd/v3"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/usage"
)

func row(prefix string, from, to int64) Row {
	return Row{Destination: "Somewhere", Prefix: prefix, Rate: 40_727_887, Currency: "USD", UnitSeconds: 60, MinimumSeconds: 1, IncrementSeconds: 1, ValidFrom: from, ValidTo: to}
}

func TestASheetWithABadRowIsRefusedAsAWhole(t *testing.T) {
	for name, c := range map[string]struct {
		rows   []Row
		code   fault.Code
		detail string
	}{
		"no rows":                        {nil, CodeEmptySheet, "0"},
		"two rows begin together":        {[]Row{row("49", 0, 50), row("4", 0, Open), row("49", 0, Open)}, CodeSameStart, "lines 2 and 4"},
		"a stated end in the next row":   {[]Row{row("49", 10, Open), row("49", 0, 11)}, CodeOverlap, "lines 2 and 3"},
		"an end at the beginning":        {[]Row{row("49", 5, 5)}, CodeBadRow, "line 2"},
		"no prefix":                      {[]Row{row("", 0, Open)}, CodeBadRow, "line 2"},
		"letters in the prefix":          {[]Row{row("49a", 0, Open)}, CodeBadRow, "line 2"},
		"a plus in the prefix":           {[]Row{row("+49", 0, Open)}, CodeBadRow, "line 2"},
		"a prefix that is too long":      {[]Row{row("1234567890123456", 0, Open)}, CodeBadRow, "line 2"},
		"a negative rate":                {[]Row{row("1", 0, Open), func() Row { r := row("49", 0, Open); r.Rate = -1; return r }()}, CodeBadRow, "line 3"},
		"a unit of zero":                 {[]Row{func() Row { r := row("49", 0, Open); r.UnitSeconds = 0; return r }()}, CodeBadRow, "line 2"},
		"an increment of zero":           {[]Row{func() Row { r := row("49", 0, Open); r.IncrementSeconds = 0; return r }()}, CodeBadRow, "line 2"},
		"a minimum of more than a day":   {[]Row{func() Row { r := row("49", 0, Open); r.MinimumSeconds = 86_401; return r }()}, CodeBadRow, "line 2"},
		"a currency that does not exist": {[]Row{func() Row { r := row("49", 0, Open); r.Currency = "UDS"; return r }()}, money.CodeUnknownCurrency, "line 2"},
		"no destination":                 {[]Row{func() Row { r := row("49", 0, Open); r.Destination = ""; return r }()}, CodeBadRow, "line 2"},
	} {
		t.Run(name, func(t *testing.T) {
			lines := make([]uint32, len(c.rows))
			for i := range lines {
				lines[i] = uint32(i) + 2
			}
			s, err := NewSheet(c.rows, lines)
			if s != nil || fault.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.detail) {
				t.Fatalf("%v, %v; want code %s naming %q", s, err, c.code, c.detail)
			}
		})
	}
}

func TestTheNextRowEndsAnOpenOne(t *testing.T) {
	s, err := NewSheet([]Row{row("49", 20, Open), row("49", 0, Open), row("49", 10, 15), row("4", 0, Open)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []Row{row("4", 0, Open), row("49", 0, 10), row("49", 10, 15), row("49", 20, Open)} {
		if got := *s.Row(uint32(i)); got != want {
			t.Errorf("row %d is %+v, want %+v", i, got, want)
		}
	}
	for _, c := range []struct {
		start int64
		row   uint32
		ok    bool
	}{{-1, 0, false}, {0, 1, true}, {9, 1, true}, {10, 2, true}, {14, 2, true}, {15, 0, true}, {19, 0, true}, {20, 3, true}} {
		if got, ok := s.Find(4915112345678, usage.Withheld, c.start); got != c.row || ok != c.ok {
			t.Errorf("at %d: row %d, %v; want %d, %v", c.start, got, ok, c.row, c.ok)
		}
	}
}

// slowFind tries every row.
func slowFind(s *Sheet, n usage.Number, start int64) (found uint32, ok bool) {
	best := -1
	for i := range s.rows {
		r := &s.rows[i]
		if strings.HasPrefix(n.String(), r.Prefix) && r.InForce(start) && len(r.Prefix) > best {
			found, ok, best = uint32(i), true, len(r.Prefix)
		}
	}
	return found, ok
}

func randomSheet(t testing.TB, random *rand.Rand, prefixes int) *Sheet {
	t.Helper()
	digits := func(n int) string {
		b := []byte{byte('1' + random.IntN(3))} // crowded, so that prefixes nest
		for len(b) < n {
			b = append(b, byte('0'+random.IntN(3)))
		}
		return string(b)
	}
	var rows []Row
	used := map[string]bool{}
	for range prefixes {
		p := digits(1 + random.IntN(usage.MaxDigits))
		if used[p] {
			continue
		}
		used[p] = true
		at := int64(random.IntN(50))
		for range 1 + random.IntN(3) {
			r := row(p, at, at+1+int64(random.IntN(20)))
			r.MinimumSeconds, r.IncrementSeconds = random.Uint32N(61), 1+random.Uint32N(60)
			r.Rate = money.Rate(random.Int64N(1_000_000_000))
			rows = append(rows, r)
			at = r.ValidTo + int64(random.IntN(10))
		}
	}
	s, err := NewSheet(rows, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTheLongestPrefixInForceIsFound(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 3))
	none := 0
	for range 30 {
		s := randomSheet(t, random, 1+random.IntN(150))
		for range 2000 {
			// Half of the numbers grow out of a prefix, at the edge of its end.
			text := ""
			if random.IntN(2) == 0 {
				text = s.rows[random.IntN(len(s.rows))].Prefix
			} else {
				text = string(byte('1' + random.IntN(4)))
			}
			for n := random.IntN(usage.MaxDigits); len(text) <= n; {
				text += string(byte('0' + random.IntN(4)))
			}
			n, ok := usage.ParseNumber([]byte(text))
			if !ok {
				t.Fatal(text)
			}
			start := int64(random.IntN(140)) - 5
			got, ok := s.Find(n, usage.Withheld, start)
			want, wantOK := slowFind(s, n, start)
			if got != want || ok != wantOK {
				t.Fatalf("%s at %d: row %d, %v; want %d, %v", text, start, got, ok, want, wantOK)
			}
			if !ok {
				none++
			}
		}
	}
	if none == 0 {
		t.Fatal("every number had a rate: the test is too tame")
	}
	if _, ok := randomSheet(t, random, 5).Find(usage.Withheld, 1, 0); ok {
		t.Fatal("a withheld number has a rate")
	}
}

// Whatever begins, ends or hides behind a longer prefix within the range: the
// answer is that of every single start in it.
func TestARangeIsPricedInPartWhereSomeStartsFindARowAndOthersNone(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 4))
	seen := map[bool]int{}
	for range 30 {
		s := randomSheet(t, random, 1+random.IntN(60))
		for range 1000 {
			text := s.rows[random.IntN(len(s.rows))].Prefix + "01"
			n, ok := usage.ParseNumber([]byte(text[:min(len(text), usage.MaxDigits)]))
			if !ok {
				t.Fatal(text)
			}
			first := int64(random.IntN(140)) - 5
			last := first + int64(random.IntN(12))
			found := map[bool]bool{}
			for at := first; at <= last; at++ {
				_, ok := s.Find(n, usage.Withheld, at)
				found[ok] = true
			}
			want := found[true] && found[false]
			if got := s.PricedInPart(n, usage.Withheld, first, last); got != want {
				t.Fatalf("%s from %d to %d: priced in part %v, want %v", n, first, last, got, want)
			}
			seen[want]++
		}
	}
	if seen[true] == 0 || seen[false] == 0 {
		t.Fatalf("%v: the test is too tame", seen)
	}
}

func TestBilledSeconds(t *testing.T) {
	for _, c := range []struct{ duration, minimum, increment, want uint32 }{
		{0, 60, 60, 0}, {1, 1, 1, 1}, {1000, 1, 1, 1}, {1001, 1, 1, 2}, {1, 60, 60, 60}, {60_000, 60, 60, 60}, {60_001, 60, 60, 120},
		{30_000, 30, 6, 30}, {30_001, 30, 6, 36}, {36_000, 30, 6, 36}, {36_001, 30, 6, 42}, {37_001, 30, 7, 44},
		{1, 0, 5, 5}, {5001, 0, 5, 10}, {1, 1, 5, 1}, {1001, 1, 5, 6}, {6001, 1, 5, 11},
		{4_294_967_295, 1, 1, 4_294_968}, {4_294_967_295, 86_400, 86_400, 50 * 86_400},
	} {
		r := Row{MinimumSeconds: c.minimum, IncrementSeconds: c.increment}
		if got := r.Billed(c.duration); got != c.want {
			t.Errorf("%d ms by %d/%d bill %d s, want %d", c.duration, c.minimum, c.increment, got, c.want)
		}
	}
}

// The charge of each line equals what a decimal library makes of it.
func TestLineChargesAreThoseOfExactArithmetic(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 4))
	ctx := apd.Context{Precision: 60, MaxExponent: 100, MinExponent: -100}
	for rounding, rounder := range map[money.Rounding]apd.Rounder{money.HalfUp: apd.RoundHalfUp, money.HalfEven: apd.RoundHalfEven, money.Down: apd.RoundDown} {
		ctx.Rounding = rounder
		for range 5000 {
			r := row("49", 0, Open)
			r.Rate, r.UnitSeconds = money.Rate(random.Int64N(2_000_000_000)), []uint32{1, 30, 60, 3600}[random.IntN(4)]
			seconds := random.Uint64N(1 << random.IntN(32))
			got, err := r.Charge(3, seconds, rounding)
			if err != nil {
				t.Fatal(err)
			}
			rate, _, err := ctx.NewFromString(r.Rate.String())
			if err != nil {
				t.Fatal(err)
			}
			exact := new(apd.Decimal)
			wide := ctx
			wide.Rounding = apd.RoundDown
			if _, err := wide.Mul(exact, rate, apd.New(int64(seconds), 0)); err != nil {
				t.Fatal(err)
			}
			if _, err := wide.Quo(exact, exact, apd.New(int64(r.UnitSeconds), 0)); err != nil {
				t.Fatal(err)
			}
			if _, err := ctx.Quantize(exact, exact, -6); err != nil {
				t.Fatal(err)
			}
			if exact.Text('f') != got.String() {
				t.Fatalf("%d s at %s per %d s %s: %s, exact %s", seconds, r.Rate, r.UnitSeconds, rounding, got, exact)
			}
		}
	}
}

func TestRowsProveThatTheyAreInTheSheet(t *testing.T) {
	s := randomSheet(t, rand.New(rand.NewPCG(5, 5)), 40)
	root, size := s.Root(), uint64(s.Len())
	for i := range uint32(size) {
		path, err := s.Proof(i)
		if err != nil {
			t.Fatal(err)
		}
		if err := VerifyRow(root, size, uint64(i), *s.Row(i), path); err != nil {
			t.Fatal(err)
		}
		dearer := *s.Row(i)
		dearer.Rate++
		if VerifyRow(root, size, uint64(i), dearer, path) == nil {
			t.Fatal("a changed rate was proven")
		}
		if VerifyRow(root, size, uint64((i+1))%size, *s.Row(i), path) == nil {
			t.Fatal("a row was proven at another place")
		}
	}
	if _, err := s.Proof(uint32(size)); err == nil {
		t.Fatal("a row that is not there was proven")
	}
}

// The order of a file does not change what was agreed.
func TestTheOrderOfRowsDoesNotChangeTheRoot(t *testing.T) {
	s := randomSheet(t, rand.New(rand.NewPCG(6, 6)), 60)
	rows := append([]Row(nil), s.Rows()...)
	rand.New(rand.NewPCG(7, 7)).Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	again, err := NewSheet(rows, nil)
	if err != nil || again.Root() != s.Root() {
		t.Fatal("another root", err)
	}
}

func TestRowsHaveOneEncoding(t *testing.T) {
	r := row("49", -5, Open)
	data := canon.Must(r)
	var out Row
	if err := canon.Decode(data, &out); err != nil || out != r || !bytes.Equal(canon.Must(out), data) {
		t.Fatal(out, err)
	}
	if got, want := canon.Sum("test", data).String(), "d3a79f00c7aa27891857ef4d73ecc3318e7618e74562777f8579bf35f4a6acd8"; got != want {
		t.Errorf("the bytes of a row hash to %s, want %s", got, want)
	}
}

func TestACallWithoutARateIsAnExceptionAndNeverFree(t *testing.T) {
	s, err := NewSheet([]Row{row("49", 0, Open)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	calendar, err := usage.Cycle{Length: "1h"}.Calendar()
	if err != nil {
		t.Fatal(err)
	}
	b := &usage.Batch{Pair: usage.PairOf("ALPHA", "BRAVO"), Records: []usage.Record{
		{Start: 10, Duration: 1500, Origin: 1, Destination: 4930123},
		{Start: 10, Duration: 1500, Origin: 1, Destination: 3930123},                      // no prefix
		{Start: -10, Duration: 1500, Origin: 1, Destination: 4930123},                     // no row in force yet
		{Start: 10, Duration: 0, Origin: 1, Destination: 3930123, Result: usage.Fail},     // nothing to price
		{Start: 3_599_999, Duration: 1, Origin: 1, Destination: 4930123, Way: usage.Back}, // ends in the second hour
	}}
	r, err := Rate(b, Terms{Sheets: [2]*Sheet{s, s}, Calendar: calendar}, map[uint32]Moment{2: {Start: 20, Duration: 5000}})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Exceptions) != 1 || r.Exceptions[0] != (Exception{1, CodeNoRate}) {
		t.Errorf("exceptions %+v", r.Exceptions)
	}
	groups := r.Groups()
	if len(groups) != 2 || groups[0].Calls != 2 || groups[0].BilledSeconds != 4 || groups[0].RawMillis != 3000 || groups[1].Calls != 1 ||
		groups[0].Way != usage.Forth || groups[1].Way != usage.Back || r.Periods[groups[1].Period].From != 3_600_000 {
		t.Errorf("groups %+v of periods %v", groups, r.Periods)
	}
	// In canonical order the call that follows another moment keeps its own time.
	if got := groups[0].Records; len(got) != 2 || got[0] != 2 || got[1] != 0 {
		t.Errorf("records %v", got)
	}
	if _, err := Rate(b, Terms{Calendar: calendar}, nil); err == nil {
		t.Error("a batch was rated without a sheet")
	}
}

func TestSplittingABatchDoesNotChangeItsLines(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 8))
	s := randomSheet(t, random, 100)
	calendar, _ := usage.Cycle{Length: "15s"}.Calendar()
	b := &usage.Batch{Pair: usage.PairOf("A", "B")}
	for range 3000 {
		b.Records = append(b.Records, usage.Record{Start: int64(random.IntN(100_000)) - 50, Duration: random.Uint32N(60_000),
			Origin: 1, Destination: usage.Number(1 + random.Uint64N(999_999)), Way: usage.Way(random.IntN(2))})
	}
	type key struct {
		way    usage.Way
		period usage.Interval
		row    uint32
	}
	sum := func(parts ...[]usage.Record) map[key][3]uint64 {
		out := map[key][3]uint64{}
		for _, p := range parts {
			r, err := Rate(&usage.Batch{Pair: b.Pair, Records: p}, Terms{Sheets: [2]*Sheet{s, s}, Calendar: calendar}, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range r.Totals() {
				k := key{g.Way, r.Periods[g.Period], g.Row}
				v := out[k]
				out[k] = [3]uint64{v[0] + g.Calls, v[1] + g.RawMillis, v[2] + g.BilledSeconds}
			}
		}
		return out
	}
	whole, split := sum(b.Records), sum(b.Records[:700], b.Records[700:701], b.Records[701:])
	if len(whole) == 0 || len(whole) != len(split) {
		t.Fatalf("%d lines and %d", len(whole), len(split))
	}
	for k, v := range whole {
		if split[k] != v {
			t.Fatalf("%+v: %v and %v", k, v, split[k])
		}
	}
}
