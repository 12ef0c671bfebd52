package usage

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
)

// slowly asks the calendar, without tables.
func (b Band) slowly(t *testing.T, ms int64) bool {
	zone, err := LoadZone(b.Zone)
	if err != nil {
		t.Fatal(err)
	}
	at := time.UnixMilli(ms).In(zone)
	minute := uint16(at.Hour()*60 + at.Minute())
	on := func(d time.Weekday) bool { return b.Days&(1<<((int(d)+6)%7)) != 0 }
	if b.From < b.To {
		return on(at.Weekday()) && b.From <= minute && minute < b.To
	}
	return on(at.Weekday()) && b.From <= minute || on((at.Weekday()+6)%7) && minute < b.To
}

func randomBand(random *rand.Rand) Band {
	return Band{Days: 1 + Days(random.IntN(int(Everyday))), From: uint16(random.IntN(24) * 60), To: uint16(random.IntN(49) * 30),
		Zone: []string{"", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"}[random.IntN(5)]}
}

func TestABandFollowsTheClockOfItsZone(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	for range 40 {
		b := randomBand(random)
		w, err := b.Window()
		if err != nil {
			t.Fatal(b, err)
		}
		for range 100 {
			// Days around a change of the clocks in Berlin, and any moment.
			ms := time.Date(2026, 3, 28, 0, 0, 0, 0, time.UTC).UnixMilli() + random.Int64N(4*86_400_000)
			if random.IntN(2) == 0 {
				ms = random.Int64N(4_102_444_800_000)
			}
			if got, want := w.Contains(ms), b.slowly(t, ms); got != want {
				t.Fatalf("%s contains %s: %v, want %v", b, Stamp(ms), got, want)
			}
			if random.IntN(20) > 0 {
				continue
			}
			to := ms + random.Int64N(3*86_400_000)
			want := false
			for at := ms; at < to && !want; at += 60_000 - mod(at, 60_000) {
				want = b.slowly(t, at)
			}
			if got := w.Meets(ms, to); got != want {
				t.Fatalf("%s meets %s to %s: %v, want %v", b, Stamp(ms), Stamp(to), got, want)
			}
		}
	}
}

func TestBandsOverlapWhenAMinuteOfTheWeekIsInBoth(t *testing.T) {
	for _, c := range []struct {
		a, b Band
		want bool
	}{
		{Band{Days: Everyday, From: 480, To: 1200}, Band{Days: Everyday, From: 1200, To: 480}, false},
		{Band{Days: 1 << 6, From: 1320, To: 360}, Band{Days: 1, From: 0, To: 360}, true}, // Sunday night is Monday morning
		{Band{Days: 1 << 6, From: 1320, To: 360}, Band{Days: 1, From: 360, To: 720}, false},
		{Band{Days: 1, From: 0, To: 1440}, Band{Days: 2, From: 0, To: 1440}, false},
		{Band{Days: 1, From: 0, To: 60}, Band{Days: 2, From: 0, To: 60, Zone: "Europe/Berlin"}, true}, // two zones
		{Band{}, Band{Days: 2, From: 0, To: 60}, true},
	} {
		if c.a.Overlaps(c.b) != c.want || c.b.Overlaps(c.a) != c.want {
			t.Errorf("%s and %s overlap: want %v", c.a, c.b, c.want)
		}
	}
}

func TestDaysAndTimesAreReadAsTheyAreWritten(t *testing.T) {
	for d := Days(1); d <= Everyday; d++ {
		if got, err := ParseDays(d.String()); err != nil || got != d {
			t.Errorf("%s is read as %s, %v", d, got, err)
		}
	}
	if d, err := ParseDays("Fri-Mon"); err != nil || d.String() != "mon+fri-sun" {
		t.Errorf("fri-mon is %s, %v", d, err)
	}
	for m := uint16(0); m <= 1440; m++ {
		if got, err := ParseClockTime(ClockTime(m)); err != nil || got != m {
			t.Errorf("%s is read as %d, %v", ClockTime(m), got, err)
		}
	}
	for _, text := range []string{"", "8:00", "24:01", "25:00", "08:60", "0800", "ab:cd"} {
		if _, err := ParseClockTime(text); fault.CodeOf(err) != CodeBadBand {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"", "mo", "mon-", "mon,tue", "mon--tue"} {
		if _, err := ParseDays(text); fault.CodeOf(err) != CodeBadBand {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, b := range []Band{{From: 1}, {Days: 255}, {Days: 1, From: 1440}, {Days: 1, To: 1441}, {Days: 1, To: 60, Zone: "Mars/Base"}} {
		if err := b.Validate(); err == nil {
			t.Errorf("%+v is a band", b)
		}
	}
}
