package usage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
)

func at(t testing.TB, text string) int64 {
	t.Helper()
	when, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return when.UnixMilli()
}

func span(t testing.TB, from, to string) Interval { return Interval{at(t, from), at(t, to)} }

func calendar(t testing.TB, length, zone string) Calendar {
	t.Helper()
	c, err := Cycle{length, zone}.Calendar()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestARecordStaysSmall(t *testing.T) {
	if n := unsafe.Sizeof(Record{}); n > 48 {
		t.Fatalf("a record takes %d bytes; tens of millions of them must fit into memory", n)
	}
}

func TestPeriodsAreAlignedInTheirZone(t *testing.T) {
	for _, c := range []struct {
		name, length, zone, moment, from, to string
	}{
		{"15 seconds", "15s", "", "2026-11-02T10:07:29.999Z", "2026-11-02T10:07:15Z", "2026-11-02T10:07:30Z"},
		{"an edge belongs to the later period", "15s", "", "2026-11-02T10:07:30Z", "2026-11-02T10:07:30Z", "2026-11-02T10:07:45Z"},
		{"before 1970", "1h", "", "1969-12-31T23:59:59.999Z", "1969-12-31T23:00:00Z", "1970-01-01T00:00:00Z"},
		{"a day", "1d", "", "2026-11-02T10:00:00Z", "2026-11-02T00:00:00Z", "2026-11-03T00:00:00Z"},
		{"February of a leap year", "1mo", "", "2028-02-29T12:00:00Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"},
		{"December", "1mo", "", "2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"},
		{"a quarter", "3mo", "", "2026-11-02T00:00:00Z", "2026-10-01T00:00:00Z", "2027-01-01T00:00:00Z"},
		{"a day of 23 hours", "1d", "Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"},
		{"a day of 25 hours", "1d", "Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"},
		{"a month over the change", "1mo", "America/New_York", "2026-11-02T12:00:00Z", "2026-11-01T04:00:00Z", "2026-12-01T05:00:00Z"},
		{"an hour at half past", "1h", "Asia/Kolkata", "2026-11-02T10:00:00Z", "2026-11-02T09:30:00Z", "2026-11-02T10:30:00Z"},
		{"the hour that comes twice, first", "1h", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"},
		{"the hour that comes twice, second", "1h", "Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"},
		{"six hours cut by the end of a short day", "6h", "Europe/Berlin", "2026-03-29T21:30:00Z", "2026-03-29T17:00:00Z", "2026-03-29T22:00:00Z"},
		{"the hour left over on a long day", "6h", "Europe/Berlin", "2026-10-25T22:30:00Z", "2026-10-25T22:00:00Z", "2026-10-25T23:00:00Z"},
		{"midnight does not exist", "1d", "America/Sao_Paulo", "2018-11-04T12:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"},
		{"a day is left out", "1d", "Pacific/Apia", "2011-12-30T12:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"},
		{"the last day before it", "1d", "Pacific/Apia", "2011-12-30T09:00:00Z", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"},
		{"clocks go back over midnight", "1d", "America/St_Johns", "2010-11-07T03:00:00Z", "2010-11-07T02:30:00Z", "2010-11-08T03:30:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := span(t, c.from, c.to)
			if got := calendar(t, c.length, c.zone).At(at(t, c.moment)); got != want {
				t.Fatalf("%s is in %s, want %s", c.moment, got, want)
			}
		})
	}
}

// Whatever the zone does, periods follow each other without gap or overlap, and
// each moment of a period gives that period.
func TestPeriodsFollowEachOtherWithoutGap(t *testing.T) {
	for _, zone := range []string{"", "Europe/Berlin", "America/St_Johns", "America/Sao_Paulo", "Pacific/Apia", "Australia/Lord_Howe", "Africa/Cairo", "Antarctica/Troll", "Asia/Tehran", "America/Havana"} {
		for _, length := range []string{"15m", "1h", "6h", "1d", "1mo", "3mo"} {
			c := calendar(t, length, zone)
			for _, from := range []string{"2010-10-20T00:00:00Z", "2011-12-20T00:00:00Z", "2018-10-20T00:00:00Z", "2026-03-01T00:00:00Z", "2045-10-01T00:00:00Z"} {
				i := c.At(at(t, from))
				for range 120 {
					next := c.Next(i)
					if next.From != i.To || next.To <= next.From {
						t.Fatalf("%s %s: %s is followed by %s", length, zone, i, next)
					}
					for _, ms := range []int64{next.From, next.From + 1, (next.From + next.To) / 2, next.To - 1} {
						if got := c.At(ms); got != next {
							t.Fatalf("%s %s: %s is in %s, not in %s", length, zone, Stamp(ms), got, next)
						}
					}
					i = next
				}
			}
		}
	}
}

func TestWhatIsNoCycleIsRefused(t *testing.T) {
	for _, s := range []string{"", "s", "0s", "7s", "1", "15", "1w", "-1h", "01h", "2d", "5mo", "13mo", "0mo", "25h", "1h ", "1H", "99999999999999999999s", "1ms", "4294967297s"} {
		if _, err := ParseCycle(s); fault.CodeOf(err) != CodeBadCycle {
			t.Errorf("%q gave %v", s, err)
		}
	}
	for _, z := range []string{"Europe", "Europe/Nowhere", "Local", "../../etc/passwd", "europe/berlin ", "/UTC"} {
		if err := (Cycle{"1d", z}).Validate(); fault.CodeOf(err) != CodeUnknownZone {
			t.Errorf("zone %q gave %v", z, err)
		}
	}
	if err := By("middle").Validate(); err == nil {
		t.Error("calls were put in periods by their middle")
	}
}

func TestACallBelongsToThePeriodInWhichItEnds(t *testing.T) {
	for by, want := range map[By]int64{"": 1500, ByEnd: 1500, ByStart: 1000} {
		if got := by.Moment(1000, 500); got != want {
			t.Errorf("by %q: %d, want %d", by, got, want)
		}
	}
}

func TestIntervalsAndDirectionsHaveATextForm(t *testing.T) {
	in := struct {
		D Direction
		I Interval
		L Line
	}{Direction{"ALPHA", "BRAVO"}, span(t, "2026-11-02T00:00:00Z", "2026-11-02T00:00:00.25Z"), Line{Row: 3, Calls: 1}}
	data, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"D":"ALPHA\u003eBRAVO","I":"2026-11-02T00:00:00Z/2026-11-02T00:00:00.25Z","L":{"row":3,"calls":1,"raw_millis":0,"billed_seconds":0,"root":"0000000000000000000000000000000000000000000000000000000000000000"}}`
	if string(data) != want {
		t.Fatalf("%s\nwant %s", data, want)
	}
	out := in
	out.D, out.I = Direction{}, Interval{}
	if err := json.Unmarshal(data, &out); err != nil || out != in {
		t.Fatalf("%+v, %v", out, err)
	}
	for _, s := range []string{"2026-11-02T00:00:00Z", "2026-11-02T01:00:00Z/2026-11-02T00:00:00Z", "a/b", "2026-11-02T00:00:00Z/2026-11-02T00:00:00.0001Z", "/"} {
		var i Interval
		if err := i.UnmarshalText([]byte(s)); fault.CodeOf(err) != CodeBadInterval {
			t.Errorf("%q gave %v, %v", s, i, err)
		}
	}
	for _, s := range []string{"", ">", "A>", ">B", "A>A", "A>B>C", "AB"} {
		var d Direction
		if err := d.UnmarshalText([]byte(s)); fault.CodeOf(err) != CodeBadDirection {
			t.Errorf("%q gave %v, %v", s, d, err)
		}
	}
}

func TestAPairKnowsItsWays(t *testing.T) {
	p := PairOf("BRAVO", "ALPHA")
	for w, d := range map[Way]Direction{Forth: {"ALPHA", "BRAVO"}, Back: {"BRAVO", "ALPHA"}} {
		if got := p.Direction(w); got != d {
			t.Errorf("way %d is %s, want %s", w, got, d)
		}
		if got, ok := p.Way(d); !ok || got != w {
			t.Errorf("%s is way %d, %v", d, got, ok)
		}
	}
	if _, ok := p.Way(Direction{"ALPHA", "CHARLIE"}); ok {
		t.Error("a third carrier is in the pair")
	}
}

func TestNumbersAreE164(t *testing.T) {
	for text, want := range map[string]Number{"+4915112345678": 4915112345678, "1": 1, "999999999999999": 999999999999999} {
		n, ok := ParseNumber([]byte(text))
		if !ok || n != want || "+"+n.String() != "+"+trimPlus(text) || n.Digits() != len(trimPlus(text)) {
			t.Errorf("%q is %d (%d digits), %v", text, n, n.Digits(), ok)
		}
	}
	for _, text := range []string{"", "+", "0123", "00491511", "anonymous", "12a", "1234567890123456", "++1", "1 2", "-1"} {
		if n, ok := ParseNumber([]byte(text)); ok || n != Withheld {
			t.Errorf("%q was taken for %d", text, n)
		}
	}
	for d, n := 1, Number(1); d <= 20; d, n = d+1, n*10 {
		if n.Digits() != d || d > 1 && (n-1).Digits() != d-1 {
			t.Errorf("%d has %d digits, %d has %d", n, n.Digits(), n-1, (n - 1).Digits())
		}
		if d == 20 {
			break
		}
	}
}

func trimPlus(s string) string { return string(bytes.TrimPrefix([]byte(s), []byte("+"))) }

// sampleCalls are calls in canonical order.
func sampleCalls(n int, seed uint64) []Call {
	random := rand.New(rand.NewPCG(seed, 2))
	calls := make([]Call, n)
	for i := range calls {
		calls[i] = Call{Start: 1_793_577_600_000 + int64(i/2)*1000, Duration: random.Uint32N(600_000), Origin: hiddenBit | Hidden(random.Uint64N(1e11)), Destination: hiddenBit | 49_000_000_000 + Hidden(i)}
	}
	return calls
}

func perMinute(duration uint32) uint32 { return (duration + 59_999) / 60_000 * 60 }

func sampleSlot(t testing.TB) Slot {
	return Slot{Direction: Direction{"ALPHA", "BRAVO"}, Period: span(t, "2026-11-02T00:00:00Z", "2026-11-02T01:00:00Z"), Row: 7}
}

func TestADeliveryFitsItsLineAndNothingElseDoes(t *testing.T) {
	secret, slot := bytes.Repeat([]byte{1}, 32), sampleSlot(t)
	calls := sampleCalls(9, 1)
	line, err := Commit(secret, slot, calls, perMinute)
	if err != nil {
		t.Fatal(err)
	}
	again := sampleCalls(9, 1)
	if second, err := Commit(secret, slot, again, perMinute); err != nil || second != line {
		t.Fatalf("committing again gave %+v, %v", second, err)
	}
	fresh := func() *Delivery {
		d, err := DecodeDelivery((&Delivery{slot, calls}).Encode())
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if err := CheckDelivery(slot, line, fresh(), perMinute); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(d *Delivery, l *Line, s *Slot){
		"a call is missing":    func(d *Delivery, l *Line, s *Slot) { d.Calls = d.Calls[1:] },
		"a call came twice":    func(d *Delivery, l *Line, s *Slot) { d.Calls = append(d.Calls[:1:1], d.Calls...) },
		"no call":              func(d *Delivery, l *Line, s *Slot) { d.Calls = nil },
		"a number was changed": func(d *Delivery, l *Line, s *Slot) { d.Calls[3].Destination++ },
		"a salt was changed":   func(d *Delivery, l *Line, s *Slot) { d.Calls[3].Salt[0] ^= 1 },
		"a start was moved":    func(d *Delivery, l *Line, s *Slot) { d.Calls[8].Start++ },
		"durations were exchanged": func(d *Delivery, l *Line, s *Slot) {
			d.Calls[0].Duration, d.Calls[1].Duration = d.Calls[1].Duration, d.Calls[0].Duration
		},
		"another line":                  func(d *Delivery, l *Line, s *Slot) { d.Slot.Row++ },
		"another period":                func(d *Delivery, l *Line, s *Slot) { s.Period.From += 3_600_000; s.Period.To += 3_600_000 },
		"a call more was stated":        func(d *Delivery, l *Line, s *Slot) { l.Calls++ },
		"more raw time was stated":      func(d *Delivery, l *Line, s *Slot) { l.RawMillis++ },
		"more billed time was stated":   func(d *Delivery, l *Line, s *Slot) { l.BilledSeconds++ },
		"another root was stated":       func(d *Delivery, l *Line, s *Slot) { l.Root[5] ^= 1 },
		"an adjustment was stated":      func(d *Delivery, l *Line, s *Slot) { l.Adjusts = s.Period },
		"the order of calls is another": func(d *Delivery, l *Line, s *Slot) { d.Calls[0], d.Calls[4] = d.Calls[4], d.Calls[0] },
	} {
		t.Run(name, func(t *testing.T) {
			d, l, s := fresh(), line, slot
			spoil(d, &l, &s)
			if code := fault.CodeOf(CheckDelivery(s, l, d, perMinute)); code != CodeNotCommitted && code != CodeBadDelivery {
				t.Fatalf("code %q", code)
			}
		})
	}
}

func TestSaltsDifferByLineCallAndSecret(t *testing.T) {
	seen := map[Salt]string{}
	slot := sampleSlot(t)
	other := slot
	other.Row++
	late := slot
	late.Adjusts = span(t, "2026-11-01T23:00:00Z", "2026-11-02T00:00:00Z")
	for name, c := range map[string]struct {
		secret byte
		slot   Slot
	}{"first": {1, slot}, "other secret": {2, slot}, "other row": {1, other}, "adjustment": {1, late}} {
		calls := sampleCalls(3, 1)
		if _, err := Commit(bytes.Repeat([]byte{c.secret}, 32), c.slot, calls, perMinute); err != nil {
			t.Fatal(err)
		}
		for _, call := range calls {
			if first, taken := seen[call.Salt]; taken {
				t.Fatalf("%s and %s share a salt", first, name)
			}
			seen[call.Salt] = name
		}
	}
}

func TestCallsOutOfOrderAreNotCommitted(t *testing.T) {
	calls := sampleCalls(4, 1)
	calls[0], calls[3] = calls[3], calls[0]
	if _, err := Commit([]byte("secret"), sampleSlot(t), calls, perMinute); fault.CodeOf(err) != CodeBadDelivery {
		t.Fatal(err)
	}
}

func TestStatementsAreOrderedAndComplete(t *testing.T) {
	root := canon.Sum("x")
	a := Line{Row: 1, Calls: 1, Root: root}
	b := Line{Row: 2, Calls: 1, Root: root}
	late := Line{Row: 1, Adjusts: Interval{1, 2}, Calls: 1, Root: root}
	if err := CheckLines([]Line{a, b, late}); err != nil {
		t.Fatal(err)
	}
	for name, lines := range map[string][]Line{
		"order":          {b, a},
		"twice":          {a, a},
		"adjusted first": {late, a},
		"no call":        {{Row: 1, Root: root}},
		"no root":        {{Row: 1, Calls: 1}},
		"no period":      {{Row: 1, Adjusts: Interval{2, 1}, Calls: 1, Root: root}},
	} {
		if err := CheckLines(lines); fault.CodeOf(err) != CodeBadStatement {
			t.Errorf("%s: %v", name, err)
		}
	}
	if StatementRoot([]Line{a, b}) == StatementRoot([]Line{b, a}) || StatementRoot([]Line{a}) == StatementRoot(nil) {
		t.Error("two statements have one root")
	}
}

// The vectors were computed by another program from the written form. Whoever
// changes one of these changes what is on every ledger.
func TestGoldenEncodings(t *testing.T) {
	calls := sampleCalls(2, 1)
	calls[0].Origin, calls[1].Origin = 0, NewHider(bytes.Repeat([]byte{9}, 32)).Hide(4930123456)
	calls[0].Duration, calls[1].Duration = 61_000, 59_000
	slot := sampleSlot(t)
	line, err := Commit(bytes.Repeat([]byte{7}, 32), slot, calls, perMinute)
	if err != nil {
		t.Fatal(err)
	}
	d := Delivery{slot, calls}
	for name, c := range map[string]struct{ got, want string }{
		"number":    {fmt.Sprintf("%x", uint64(calls[1].Origin)), "d6d1e1cd7da73aca"},
		"leaf":      {calls[1].Leaf().String(), "5b28ed00d8a9cb8aac5583cbdb85d46d055cf9f3d02d79b4a2540edc3c5a1f69"},
		"root":      {line.Root.String(), "465787eecf9298f6ac07b3c1ed41447d515a53503b32e7e31d3c5defe261e8e0"},
		"statement": {StatementRoot([]Line{line}).String(), "fdccdd89d7e7b1b04bccaed17c731a2e150604ba8d37a6cd4cba41d5a2741158"},
		"delivery":  {canon.Sum("test", d.Encode()).String(), "0186fed1f1357ded8b435d95dcc7f1fa9c9209441acaddd7920875961bccd16c"},
	} {
		if c.got != c.want {
			t.Errorf("%s is %s, want %s", name, c.got, c.want)
		}
	}
	// A reason is new bytes; none leaves those of before.
	line.Reason = Late
	if got, want := StatementRoot([]Line{line}).String(), "77f77c841e6b9dab9498c4540c9d73cff7aefae0339faa710b1818e2c6de4b5a"; got != want {
		t.Errorf("a statement with a reason is %s, want %s", got, want)
	}
	if line.Calls != 2 || line.RawMillis != 120_000 || line.BilledSeconds != 180 {
		t.Errorf("the line states %+v", line)
	}
}

func FuzzDecodeDelivery(f *testing.F) {
	calls := sampleCalls(3, 1)
	slot := Slot{Direction: Direction{"ALPHA", "BRAVO"}, Period: Interval{0, 3_600_000}, Row: 1}
	if _, err := Commit([]byte("s"), slot, calls, perMinute); err != nil {
		f.Fatal(err)
	}
	f.Add((&Delivery{slot, calls}).Encode())
	f.Add((&Delivery{Slot: slot}).Encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := DecodeDelivery(data)
		if err != nil {
			return
		}
		if !bytes.Equal(d.Encode(), data) {
			t.Fatal("a second encoding was accepted")
		}
		if l, err := lineOf(d.Slot, d.Calls, perMinute); err != nil || CheckDelivery(d.Slot, l, d, perMinute) != nil {
			t.Fatal("a decoded delivery does not fit its own line", err)
		}
	})
}

func FuzzIntervalText(f *testing.F) {
	f.Add("2026-11-02T00:00:00Z/2026-11-02T01:00:00Z")
	f.Add("0001-01-01T00:00:00Z/9999-12-31T23:59:59.999Z")
	f.Fuzz(func(t *testing.T, s string) {
		var i, again Interval
		if i.UnmarshalText([]byte(s)) != nil || i.IsZero() {
			return
		}
		text, err := i.MarshalText()
		if err != nil || again.UnmarshalText(text) != nil || again != i {
			t.Fatalf("%q is %v, printed %q (%v), read again as %v", s, i, text, err, again)
		}
	})
}

func FuzzCycle(f *testing.F) {
	for _, s := range []string{"15s", "1mo", "1d", "6h"} {
		for _, ms := range []int64{1_793_577_600_000, math.MaxInt64, math.MaxInt64 - 5000, math.MinInt64, latest, earliest} {
			f.Add(s, "Europe/Berlin", ms)
			f.Add(s, "", ms)
		}
	}
	f.Fuzz(func(t *testing.T, length, zone string, ms int64) {
		c, err := Cycle{length, zone}.Calendar()
		if err != nil {
			return
		}
		i := c.At(ms) // returns, whatever the moment
		ms = min(max(ms, earliest), latest)
		if !i.Contains(ms) || i.To <= latest && c.Next(i).From != i.To {
			t.Fatalf("%s %s: %d is in %+v", length, zone, ms, i)
		}
	})
}

func FuzzDirectionText(f *testing.F) {
	for _, s := range []string{"ALPHA>BRAVO", "A>A", ">", "A>B>C", "A"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var d Direction
		if err := d.UnmarshalText([]byte(s)); err != nil {
			if fault.CodeOf(err) != CodeBadDirection || d != (Direction{}) {
				t.Fatalf("%q gives %v, %v", s, d, err)
			}
			return
		}
		if text, err := d.MarshalText(); err != nil || string(text) != s {
			t.Fatalf("%q is printed %q, %v", s, text, err)
		}
		if d.From == d.To || d.Back().Back() != d {
			t.Fatalf("%q is %+v", s, d)
		}
	})
}

func FuzzParseNumber(f *testing.F) {
	for _, s := range []string{"4930111", "+4930111", "0", "+", "999999999999999", "1234567890123456"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, ok := ParseNumber([]byte(s))
		if !ok {
			if n != Withheld {
				t.Fatalf("%q is refused and is %d", s, n)
			}
			return
		}
		if got := strconv.FormatUint(uint64(n), 10); got != strings.TrimPrefix(s, "+") {
			t.Fatalf("%q is %s", s, got)
		}
	})
}

// A partner names the zone of an agreement. Any text is a zone that is compiled
// in or refused; what the machine's own tables hold counts for nothing.
func FuzzZone(f *testing.F) {
	for _, s := range []string{"Europe/Berlin", "UTC", "", "Local", "../etc/passwd", "europe/berlin", "Pacific/Auckland"} {
		f.Add(s, int64(1_793_577_600))
	}
	f.Fuzz(func(t *testing.T, name string, at int64) {
		l, err := LoadZone(name)
		if err != nil {
			if fault.CodeOf(err) != CodeUnknownZone || len(fault.Of(err).Detail) > 400 {
				t.Fatalf("%q: %v", name, err)
			}
			return
		}
		if name != "" && l.String() != name {
			t.Fatalf("%q is the zone %s", name, l)
		}
		if _, east := time.Unix(at, 0).In(l).Zone(); east < -26*3600 || east > 26*3600 {
			t.Fatalf("%s is %d seconds east of UTC", name, east)
		}
	})
}

// A window is a whole number of periods, or it is none.
func TestHowManyPeriodsMakeAWindow(t *testing.T) {
	for _, c := range []struct {
		window, period string
		n              int64
		whole          bool
	}{
		{"3mo", "1mo", 3, true}, {"3mo", "2mo", 1, false}, {"1mo", "1mo", 1, true}, {"1mo", "1d", 31, true}, {"1mo", "1h", 744, true},
		{"1d", "15s", 5760, true}, {"6h", "1h", 6, true}, {"8h", "3h", 2, false}, {"1d", "1mo", 0, false}, {"1mo", "3mo", 0, false}, {"1h", "1d", 0, false},
	} {
		var dates [2]Calendar
		for i, length := range []string{c.window, c.period} {
			var err error
			if dates[i], err = (Cycle{Length: length}).Calendar(); err != nil {
				t.Fatal(err)
			}
		}
		n, whole := dates[0].Times(dates[1])
		if whole != c.whole || whole && n != c.n {
			t.Errorf("%s of %s: %d, %v", c.window, c.period, n, whole)
		}
	}
}
