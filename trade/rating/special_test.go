package rating

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/apd/v3"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/usage"
)

// with makes a row out of a plain one.
func with(r Row, change func(*Row)) Row {
	change(&r)
	return r
}

var (
	day   = usage.Band{Days: usage.Everyday, From: 8 * 60, To: 20 * 60}
	night = usage.Band{Days: usage.Everyday, From: 20 * 60, To: 8 * 60}
)

func sheetOf(t testing.TB, rows ...Row) *Sheet {
	t.Helper()
	s, err := NewSheet(rows, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// slowest tries every row for the longest destination, then origin prefix.
func slowest(t *testing.T, windows map[usage.Band]*usage.Window, s *Sheet, to, from usage.Number, start int64) (found uint32, f finding) {
	best, bestOrigin := -1, -1
	for i := range s.rows {
		r := &s.rows[i]
		w, ok := windows[r.Band]
		if !ok {
			var err error
			if w, err = r.Band.Window(); err != nil {
				t.Fatal(err)
			}
			windows[r.Band] = w
		}
		if !strings.HasPrefix(to.String(), r.Prefix) || !strings.HasPrefix(from.String(), r.OriginPrefix) || !r.InForce(start) || w != nil && !w.Contains(start) {
			continue
		}
		if len(r.Prefix) > best || len(r.Prefix) == best && len(r.OriginPrefix) > bestOrigin {
			found, f, best, bestOrigin = uint32(i), priced, len(r.Prefix), len(r.OriginPrefix)
			if r.Blocked {
				f = blocked
			}
		}
	}
	return found, f
}

func TestTheLongestDestinationThenTheLongestOriginPrefixWins(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 9))
	digits := func(most int) string {
		b := []byte{byte('1' + random.IntN(2))}
		for n := random.IntN(most); n > 0; n-- {
			b = append(b, byte('0'+random.IntN(2)))
		}
		return string(b)
	}
	const day = 86_400_000
	seen, windows := map[finding]int{}, map[usage.Band]*usage.Window{}
	for range 30 {
		var rows []Row
		used := map[string]bool{}
		for range 1 + random.IntN(60) {
			p, from := digits(5), ""
			if random.IntN(2) == 0 {
				from = digits(4)
			}
			if used[p+" "+from] {
				continue
			}
			used[p+" "+from] = true
			base := row(p, random.Int64N(3*day), Open)
			base.OriginPrefix, base.Blocked = from, random.IntN(5) == 0
			if base.Blocked {
				base.Rate = 0
			}
			switch random.IntN(3) {
			case 0:
				rows = append(rows, with(base, func(r *Row) { r.Band = night }))
			case 1:
				rows = append(rows, with(base, func(r *Row) { r.Band = night }),
					with(base, func(r *Row) { r.Band = usage.Band{Days: 1 << random.IntN(7), From: 480, To: 1200}; r.ValidFrom++ }))
			default:
				rows = append(rows, base)
			}
		}
		s := sheetOf(t, rows...)
		for range 700 {
			to, _ := usage.ParseNumber([]byte(digits(9)))
			from, _ := usage.ParseNumber([]byte(digits(9)))
			if random.IntN(5) == 0 {
				from = usage.Withheld
			}
			start := random.Int64N(12 * day)
			want, wantFound := slowest(t, windows, s, to, from, start)
			got, found := s.index.find(to, from, start)
			if got != want || found != wantFound {
				t.Fatalf("from %d to %d at %s: row %d (%d), want %d (%d)", from, to, usage.Stamp(start), got, found, want, wantFound)
			}
			seen[found]++
		}
	}
	if len(seen) != 3 {
		t.Fatalf("not every finding came: %v", seen)
	}
}

func TestAWithheldOriginHasThePriceOfAnyOriginOnly(t *testing.T) {
	s := sheetOf(t, row("49", 0, Open), with(row("49", 0, Open), func(r *Row) { r.OriginPrefix = "44" }), with(row("491", 0, Open), func(r *Row) { r.OriginPrefix = "4" }))
	for _, c := range []struct {
		from, prefix, origin string
	}{{"", "49", ""}, {"33123", "49", ""}, {"44123", "491", "4"}, {"4", "491", "4"}} {
		from, _ := usage.ParseNumber([]byte(c.from))
		got, ok := s.Find(4915112345678, from, 0)
		if r := s.Row(got); !ok || r.Prefix != c.prefix || r.OriginPrefix != c.origin {
			t.Errorf("from %q: row %+v, %v", c.from, r, ok)
		}
	}
	from, _ := usage.ParseNumber([]byte("44123"))
	if got, ok := s.Find(4930123, from, 0); !ok || s.Row(got).OriginPrefix != "44" {
		t.Errorf("from 44 to 4930: row %d, %v", got, ok)
	}
	if code := s.Unpriced(33123, from, 0); code != CodeNoRate {
		t.Errorf("a destination that is not in the sheet: %s", code)
	}
}

func TestABlockedDestinationIsAnExceptionAndNeverFree(t *testing.T) {
	s := sheetOf(t, row("49", 0, Open), with(row("49900", 0, Open), func(r *Row) { r.Rate, r.Blocked = 0, true }))
	calendar, _ := usage.Cycle{Length: "1h"}.Calendar()
	b := &usage.Batch{Pair: usage.PairOf("A", "B"), Records: []usage.Record{
		{Duration: 1000, Destination: 4990012345}, {Duration: 1000, Destination: 4930123}}}
	r, err := Rate(b, Terms{Sheets: [2]*Sheet{s, s}, Calendar: calendar}, nil)
	if err != nil || len(r.Exceptions) != 1 || r.Exceptions[0] != (Exception{0, CodeBlocked}) || r.Calls[0].Row != Unpriced {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := s.Row(1).Charge(1, 60, money.HalfUp); fault.CodeOf(err) != CodeBlocked {
		t.Errorf("the blocked row has a price: %v", err)
	}
	for name, change := range map[string]func(*Row){
		"a rate": func(r *Row) {}, "a connect fee": func(r *Row) { r.Rate, r.ConnectFee = 0, 1 },
	} {
		blocked := with(row("49", 0, Open), change)
		blocked.Blocked = true
		if _, err := NewSheet([]Row{blocked}, nil); fault.CodeOf(err) != CodeBadRow {
			t.Errorf("a blocked row with %s: %v", name, err)
		}
	}
}

func TestRowsOfAPrefixInOtherPartsOfTheWeekHoldTogether(t *testing.T) {
	berlin := func(b usage.Band) usage.Band { b.Zone = "Europe/Berlin"; return b }
	banded := func(from, to int64, b usage.Band) Row {
		return with(row("49", from, to), func(r *Row) { r.Band = b })
	}
	late := usage.Band{Days: usage.Everyday, From: 19 * 60, To: 23 * 60}
	for name, c := range map[string]struct {
		rows []Row
		code fault.Code
	}{
		"day and night":                            {[]Row{banded(0, Open, day), banded(0, Open, night)}, ""},
		"two that meet":                            {[]Row{banded(0, Open, day), banded(0, Open, late)}, CodeSameStart},
		"one with a band and one without":          {[]Row{banded(0, Open, day), row("49", 0, Open)}, CodeSameStart},
		"a stated end in a row that it meets":      {[]Row{banded(0, 100, day), banded(0, 100, night), banded(50, Open, late)}, CodeOverlap},
		"a stated end in a row that it misses":     {[]Row{banded(0, 100, day), banded(50, Open, night)}, ""},
		"the same part by two clocks":              {[]Row{banded(0, Open, day), banded(0, Open, berlin(night))}, CodeSameStart},
		"the same part for two origins":            {[]Row{banded(0, Open, day), with(banded(0, Open, day), func(r *Row) { r.OriginPrefix = "1" })}, ""},
		"a band of a zone that does not exist":     {[]Row{banded(0, Open, usage.Band{Days: 1, To: 60, Zone: "Mars/Base"})}, usage.CodeUnknownZone},
		"a band without days":                      {[]Row{banded(0, Open, usage.Band{To: 60})}, usage.CodeBadBand},
		"an origin prefix with letters":            {[]Row{with(row("49", 0, Open), func(r *Row) { r.OriginPrefix = "4x" })}, CodeBadRow},
		"a negative connect fee":                   {[]Row{with(row("49", 0, Open), func(r *Row) { r.ConnectFee = -1 })}, CodeBadRow},
		"more parts than a sheet may have at once": {manyBands(), CodeTooManyBands},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := NewSheet(c.rows, nil); (c.code != "" || err != nil) && fault.CodeOf(err) != c.code {
				t.Fatalf("%v, want %q", err, c.code)
			}
		})
	}
	// A plain row is open until day and night begin; a later day ends the day.
	s := sheetOf(t, row("49", 0, Open), banded(10, Open, day), banded(10, Open, night), banded(30, Open, day))
	for i, want := range []int64{10, Open, 30, Open} {
		if i == 1 || i == 2 { // day begins earlier in the order of bands
			want = map[usage.Band]int64{day: 30, night: Open}[s.Row(uint32(i)).Band]
		}
		if got := s.Row(uint32(i)).ValidTo; got != want {
			t.Errorf("row %d (%s) ends at %d, want %d", i, s.Row(uint32(i)).Band, got, want)
		}
	}
}

func manyBands() (rows []Row) {
	for i := range uint16(maxBands + 1) {
		rows = append(rows, with(row("49", 0, Open), func(r *Row) { r.Band = usage.Band{Days: 1, From: i, To: i + 1} }))
	}
	return rows
}

// A fee of each call and the seconds are rounded once, together.
func TestAConnectFeeIsChargedForEachCallOfALine(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 10))
	ctx := apd.Context{Precision: 80, MaxExponent: 100, MinExponent: -100}
	decimal := func(s string) *apd.Decimal {
		d, _, err := apd.NewFromString(s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for rounding, rounder := range map[money.Rounding]apd.Rounder{money.HalfUp: apd.RoundHalfUp, money.HalfEven: apd.RoundHalfEven, money.Up: apd.RoundUp, money.Down: apd.RoundDown} {
		ctx.Rounding = rounder
		for range 3000 {
			r := row("49", 0, Open)
			r.Rate, r.ConnectFee = money.Rate(random.Int64N(2_000_000_000)), money.Rate(1+random.Int64N(1_000_000_000))
			r.UnitSeconds = []uint32{1, 30, 60, 3600}[random.IntN(4)]
			calls, seconds := random.Uint64N(1<<20), random.Uint64N(1<<random.IntN(32))
			got, err := r.Charge(calls, seconds, rounding)
			if err != nil {
				t.Fatal(err)
			}
			// (calls × fee × unit + seconds × rate) / unit has no end in decimals,
			// but 80 digits of it decide the sixth place.
			a, b := new(apd.Decimal), new(apd.Decimal)
			wide := ctx
			wide.Rounding = apd.RoundDown
			for _, err := range []error{
				second(wide.Mul(a, decimal(r.ConnectFee.String()), apd.New(int64(calls)*int64(r.UnitSeconds), 0))),
				second(wide.Mul(b, decimal(r.Rate.String()), apd.New(int64(seconds), 0))),
				second(wide.Add(a, a, b)),
				second(wide.Quo(a, a, apd.New(int64(r.UnitSeconds), 0))),
				second(ctx.Quantize(a, a, -6)),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			if a.Text('f') != got.String() {
				t.Fatalf("%d calls at %s and %d s at %s per %d s %s: %s, exact %s", calls, r.ConnectFee, seconds, r.Rate, r.UnitSeconds, rounding, got, a)
			}
		}
	}
	dear := with(row("49", 0, Open), func(r *Row) { r.ConnectFee = 1 << 62 })
	if _, err := dear.Charge(1<<38, 0, money.HalfUp); fault.CodeOf(err) != money.CodeOverflow {
		t.Errorf("fees beyond every amount: %v", err)
	}
}

func second(_ apd.Condition, err error) error { return err }

func TestACallWithoutABilledSecondHasNoConnectFee(t *testing.T) {
	s := sheetOf(t, with(row("49", 0, Open), func(r *Row) { r.ConnectFee = 5_000_000 }), row("33", 0, Open))
	calendar, _ := usage.Cycle{Length: "1h"}.Calendar()
	b := &usage.Batch{Pair: usage.PairOf("A", "B"), Records: []usage.Record{
		{Destination: 4930123}, {Destination: 4930123, Duration: 1}, {Destination: 33123}}}
	r, err := Rate(b, Terms{Sheets: [2]*Sheet{s, s}, Calendar: calendar}, nil)
	if err != nil || len(r.Exceptions) != 0 {
		t.Fatal(r.Exceptions, err)
	}
	groups := r.Totals()
	if len(groups) != 2 || groups[0].Calls != 1 || groups[1].Calls != 1 || groups[1].BilledSeconds != 1 {
		t.Fatalf("lines %+v", groups)
	}
	if a, err := r.Charge(&groups[1]); err != nil || a.Micro != 5_679 { // 0.005 + 0.040727887 / 60
		t.Errorf("the call costs %s, %v", a, err)
	}
}

// Rows that have none of the rarer fields have the bytes of before, and each
// field moves the bytes.
func TestTheRarerFieldsOfARowHaveOneEncoding(t *testing.T) {
	plain := canon.Must(row("49", -5, Open))
	if n := int(plain[0] & 0x1f); plain[0]>>5 != 5 || n != 9 {
		t.Fatalf("a plain row is a map of %d entries", n)
	}
	full := with(row("49", -5, Open), func(r *Row) {
		r.ConnectFee, r.OriginPrefix, r.Band = 5_000_000, "4420", usage.Band{Days: 31, From: 480, To: 1200, Zone: "Europe/Berlin"}
	})
	blocked := with(row("49", -5, Open), func(r *Row) { r.Rate, r.Blocked = 0, true })
	for _, c := range []struct {
		row  Row
		want string
	}{
		{full, "2836a76181c9ac679650a525774a36eca2a88b5a1f6ee9ab315884921b60d91c"},
		{blocked, "f317b7e7945c863e860ba26ac9a73a70df42327d49faf75286a1cfcc7d8a922b"},
	} {
		data := canon.Must(c.row)
		var out Row
		if err := canon.Decode(data, &out); err != nil || out != c.row {
			t.Fatal(out, err)
		}
		if got := canon.Sum("test", data).String(); got != c.want {
			t.Errorf("the bytes of a row hash to %s, want %s", got, c.want)
		}
	}
}
