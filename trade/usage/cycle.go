package usage

import (
	"strconv"
	"time"

	"github.com/lateral-network/lateral/fault"
)

// CodeBadCycle says that a text names no billing cycle.
const CodeBadCycle fault.Code = "bad-cycle"

// Cycle is how time is cut into billing periods without gaps: "15s", "1m", "1h"
// and other lengths that divide a day, "1d", "1mo" and other numbers of months
// that divide a year. Days and months are those of the calendar in Zone;
// shorter lengths are counted from the beginning of the day there, and the
// last one of a day ends with it. In UTC every length is thus aligned with the
// clock.
type Cycle struct {
	Length string `cbor:"1,keyasint" json:"length"`                   // "15s", "1h", "1mo"
	Zone   string `cbor:"2,keyasint,omitempty" json:"zone,omitempty"` // IANA name; empty: UTC
}

// By says which moment of a call decides its period.
type By string

// The two rules. The empty value means ByEnd.
const (
	ByEnd   By = "end"   // a call belongs to the period in which it ended
	ByStart By = "start" // a call belongs to the period in which it began
)

// Validate refuses what is neither end nor start.
func (b By) Validate() error {
	switch b {
	case "", ByEnd, ByStart:
		return nil
	}
	return fault.Newf(fault.Invalid, "use end or start", "calls cannot be put in periods by %.40q", string(b))
}

// Moment gives the ms that decides the period of a call.
func (b By) Moment(start int64, duration uint32) int64 {
	if b == ByStart {
		return start
	}
	return start + int64(duration)
}

const day = 24 * time.Hour

// Calendar is a Cycle ready for use. It is a value without state, safe for use
// by many.
type Calendar struct {
	fixed  int64 // ms; 0 for months
	months int
	zone   *time.Location
}

// ParseCycle reads a length in UTC: "15s".
func ParseCycle(length string) (Cycle, error) {
	c := Cycle{Length: length}
	return c, c.Validate()
}

// String gives the length, and the zone unless it is UTC: "1d Europe/Berlin".
func (c Cycle) String() string {
	if c.Zone == "" {
		return c.Length
	}
	return c.Length + " " + c.Zone
}

// Validate refuses an unknown length or zone; see [Cycle.Calendar].
func (c Cycle) Validate() error {
	_, err := c.Calendar()
	return err
}

// Calendar reads the cycle. Codes: [CodeBadCycle], [CodeUnknownZone].
func (c Cycle) Calendar() (Calendar, error) {
	bad := fault.Newf(CodeBadCycle, "use a length that divides a day or a year, like 15s, 1m, 1h, 1d, 1mo", "%.40q is no billing cycle", c.Length)
	digits := 0
	for digits < len(c.Length) && c.Length[digits] >= '0' && c.Length[digits] <= '9' {
		digits++
	}
	n, err := strconv.ParseUint(c.Length[:digits], 10, 31)
	if err != nil || n == 0 || c.Length[0] == '0' {
		return Calendar{}, bad.Because(err)
	}
	z, err := LoadZone(c.Zone)
	if err != nil {
		return Calendar{}, err
	}
	cal := Calendar{zone: z}
	unit := time.Duration(0)
	switch c.Length[digits:] {
	case "s":
		unit = time.Second
	case "m":
		unit = time.Minute
	case "h":
		unit = time.Hour
	case "d":
		unit = day
	case "mo":
		if 12%n != 0 {
			return Calendar{}, bad
		}
		cal.months = int(n)
		return cal, nil
	default:
		return Calendar{}, bad
	}
	if n > uint64(day/unit) || int64(day)%(int64(n)*int64(unit)) != 0 {
		return Calendar{}, bad
	}
	cal.fixed = int64(n) * unit.Milliseconds()
	return cal, nil
}

// Times gives how many of other's periods make one of c, at most; ok is false
// unless each of c's is a whole number of them. Both are of one zone.
func (c Calendar) Times(other Calendar) (n int64, ok bool) {
	const longestMonth = 31 * 86_400_000
	switch {
	case c.months > 0 && other.months > 0:
		return int64(c.months / other.months), c.months%other.months == 0
	case c.months > 0:
		return int64(c.months) * longestMonth / other.fixed, true
	}
	return c.fixed / max(1, other.fixed), other.months == 0 && c.fixed%other.fixed == 0
}

// At gives the period that contains a moment (ms since 1970 UTC). A moment that
// RFC 3339 cannot write lies in the first or the last period there is.
func (c Calendar) At(ms int64) Interval {
	ms = min(max(ms, earliest), latest)
	if c.zone == time.UTC && c.fixed > 0 {
		from := ms - mod(ms, c.fixed)
		return Interval{from, from + c.fixed}
	}
	// A local date may come twice, where clocks go back over midnight. A day
	// begins when its date first comes, so the date that the clock shows can
	// be one behind the day that the moment belongs to.
	y, m, d := time.UnixMilli(ms).In(c.zone).Date()
	if c.months > 0 {
		first := (int(m)-1)/c.months*c.months + 1
		from, to := c.dayStart(y, first, 1), c.dayStart(y, first+c.months, 1)
		if ms >= to {
			from, to = to, c.dayStart(y, first+2*c.months, 1)
		}
		return Interval{from, to}
	}
	from, to := c.dayStart(y, int(m), d), c.dayStart(y, int(m), d+1)
	for next := d + 2; ms >= to; next++ {
		from, to = to, c.dayStart(y, int(m), next)
	}
	if c.fixed == day.Milliseconds() {
		return Interval{from, to}
	}
	from += (ms - from) / c.fixed * c.fixed
	return Interval{from, min(from+c.fixed, to)}
}

// Next gives the period that follows.
func (c Calendar) Next(i Interval) Interval { return c.At(i.To) }

// dayStart is the first ms at which the clock of the zone shows the date or a
// later one. Months and days beyond their range carry over.
func (c Calendar) dayStart(y, m, d int) int64 {
	wall := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC).Unix()
	// No zone is further than 26 hours from UTC, so the search begins before
	// and passes one stretch of constant offset after the other.
	t := time.Unix(wall-30*3600, 0).In(c.zone)
	for {
		_, offset := t.Zone()
		begin, end := t.ZoneBounds()
		at := wall - int64(offset)
		if !begin.IsZero() && at < begin.Unix() {
			at = begin.Unix()
		}
		if !end.After(t) && !end.IsZero() {
			// Go ends the last stretch of each year beyond 2037 after 365 days,
			// which on 31 December of a leap year has passed.
			end = t.Add(time.Hour)
		}
		if end.IsZero() || at < end.Unix() {
			return at * 1000
		}
		t = end
	}
}

// mod is the remainder of a by b that is never negative.
func mod(a, b int64) int64 {
	r := a % b
	if r < 0 {
		r += b
	}
	return r
}
