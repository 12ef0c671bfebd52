package usage

import (
	"fmt"
	"math/bits"
	"strings"
	"time"

	"github.com/lateral-network/lateral/fault"
)

// CodeBadBand says that a text or a value is no band of the week.
const CodeBadBand fault.Code = "bad-time-band"

// Days is a set of days of the week: bit 0 is Monday, bit 6 Sunday.
type Days uint8

// Everyday is all seven days.
const Everyday Days = 1<<7 - 1

var dayNames = [7]string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// String gives ranges of days: "mon-fri", "sat+sun", "mon-wed+fri".
func (d Days) String() string {
	var parts []string
	for i := 0; i < 7; i++ {
		if d&(1<<i) == 0 {
			continue
		}
		last := i
		for last < 6 && d&(1<<(last+1)) != 0 {
			last++
		}
		switch last - i {
		case 0:
			parts = append(parts, dayNames[i])
		case 1:
			parts = append(parts, dayNames[i], dayNames[last])
		default:
			parts = append(parts, dayNames[i]+"-"+dayNames[last])
		}
		i = last
	}
	return strings.Join(parts, "+")
}

// ParseDays reads what String gives; a range may run over Sunday ("fri-mon").
// Code: [CodeBadBand].
func ParseDays(text string) (Days, error) {
	var d Days
	for part := range strings.SplitSeq(strings.ToLower(text), "+") {
		first, last, ranged := strings.Cut(strings.TrimSpace(part), "-")
		if !ranged {
			last = first
		}
		from, to := dayNumber(first), dayNumber(last)
		if from < 0 || to < 0 {
			return 0, fault.Newf(CodeBadBand, "write days like mon-fri or sat+sun", "%.40q names no days of the week", text)
		}
		for i := from; ; i = (i + 1) % 7 {
			d |= 1 << i
			if i == to {
				break
			}
		}
	}
	return d, nil
}

func dayNumber(name string) int {
	for i, n := range dayNames {
		if n == name {
			return i
		}
	}
	return -1
}

// Minutes of a day and of a week.
const (
	dayMinutes  = 24 * 60
	weekMinutes = 7 * dayMinutes
)

// Band is a part of each week by the clock of a zone. On each of its days it
// begins at From and ends before To; when To is not after From, it runs over
// midnight into the next day. The zero value is no band: all of the time.
type Band struct {
	Days Days   `cbor:"1,keyasint" json:"days"`
	From uint16 `cbor:"2,keyasint" json:"from"`                     // minutes after midnight, 0 to 1439
	To   uint16 `cbor:"3,keyasint" json:"to"`                       // first no longer inside, 0 to 1440
	Zone string `cbor:"4,keyasint,omitempty" json:"zone,omitempty"` // IANA name; empty: UTC
}

// IsZero reports whether it is all of the time.
func (b Band) IsZero() bool { return b == Band{} }

// String gives "mon-fri 08:00-20:00 Europe/Berlin".
func (b Band) String() string {
	if b.IsZero() {
		return "always"
	}
	zone := b.Zone
	if zone == "" {
		zone = "UTC"
	}
	return fmt.Sprintf("%s %s-%s %s", b.Days, ClockTime(b.From), ClockTime(b.To), zone)
}

// ClockTime writes minutes after midnight as "08:00"; the end of a day is
// "24:00".
func ClockTime(minutes uint16) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }

// ParseClockTime reads "08:00", to "24:00". Code: [CodeBadBand].
func ParseClockTime(text string) (uint16, error) {
	bad := fault.Newf(CodeBadBand, "write the time like 08:00, from 00:00 to 24:00", "%.40q is no time of day", text)
	if len(text) != 5 || text[2] != ':' {
		return 0, bad
	}
	n := 0
	for _, i := range []int{0, 1, 3, 4} {
		if text[i] < '0' || text[i] > '9' {
			return 0, bad
		}
	}
	h, m := int(text[0]-'0')*10+int(text[1]-'0'), int(text[3]-'0')*10+int(text[4]-'0')
	if n = h*60 + m; m > 59 || n > dayMinutes {
		return 0, bad
	}
	return uint16(n), nil
}

// Validate refuses what is no part of a week. Codes: [CodeBadBand],
// [CodeUnknownZone].
func (b Band) Validate() error {
	if b.IsZero() {
		return nil
	}
	bad := func(field, detail string) error {
		return fault.New(CodeBadBand, detail, "name days, and a time from 00:00 to 24:00 on them").In(field)
	}
	switch {
	case b.Days == 0 || b.Days > Everyday:
		return bad("days", "the band has no days of the week")
	case b.From >= dayMinutes:
		return bad("from_time", "the band begins at no time of a day")
	case b.To > dayMinutes:
		return bad("to_time", "the band ends at no time of a day")
	}
	if _, err := LoadZone(b.Zone); err != nil {
		return fault.Of(err).In("zone")
	}
	return nil
}

// spans calls f with each stretch of the week, in minutes after Monday 00:00,
// that the band covers. No stretch runs over the end of the week.
func (b Band) spans(f func(from, to int)) {
	length := int(b.To) - int(b.From)
	if length <= 0 {
		length += dayMinutes
	}
	for d := range 7 {
		if b.Days&(1<<d) == 0 {
			continue
		}
		from := d*dayMinutes + int(b.From)
		to := from + length
		if to <= weekMinutes {
			f(from, to)
			continue
		}
		f(from, weekMinutes)
		f(0, to-weekMinutes)
	}
}

// Overlaps reports whether a moment can lie inside both. Bands of two zones
// count as overlapping: where their clocks change on different days, the same
// two bands meet in one week and not in another.
func (b Band) Overlaps(c Band) bool {
	if b.IsZero() || c.IsZero() || b.Zone != c.Zone {
		return true
	}
	meet := false
	b.spans(func(from, to int) {
		c.spans(func(begin, end int) { meet = meet || from < end && begin < to })
	})
	return meet
}

// Window is a Band ready for use: a value that does not change, for use by
// many.
type Window struct {
	zone *time.Location
	week [(weekMinutes + 63) / 64]uint64 // a bit for each minute inside
}

// Window reads the band; nil for the zero value. Codes: those of
// [Band.Validate].
func (b Band) Window() (*Window, error) {
	if b.IsZero() {
		return nil, nil
	}
	if err := b.Validate(); err != nil {
		return nil, err
	}
	w := &Window{}
	w.zone, _ = LoadZone(b.Zone) // Validate has loaded it
	b.spans(func(from, to int) {
		for m := from; m < to; m++ {
			w.week[m/64] |= 1 << (m % 64)
		}
	})
	return w, nil
}

// Contains reports whether a moment (ms since 1970 UTC) lies inside.
func (w *Window) Contains(ms int64) bool {
	t := time.UnixMilli(ms).In(w.zone)
	h, m, _ := t.Clock()
	return w.inside((int(t.Weekday())+6)%7*dayMinutes + h*60 + m)
}

func (w *Window) inside(minute int) bool { return w.week[minute/64]&(1<<(minute%64)) != 0 }

// Meets reports whether a moment from from to before to (ms since 1970 UTC)
// lies inside.
func (w *Window) Meets(from, to int64) bool {
	for from < to {
		if w.Contains(from) {
			return true
		}
		// The clock of the zone runs evenly as far as the next change: go to
		// the minute at which the band begins, or to the change.
		t := time.UnixMilli(from).In(w.zone)
		h, m, s := t.Clock()
		at := (int(t.Weekday())+6)%7*dayMinutes + h*60 + m
		next := from + int64(w.wait(at))*60_000 - int64(s)*1000 - mod(from, 1000)
		if _, end := t.ZoneBounds(); !end.IsZero() && end.UnixMilli() > from {
			next = min(next, end.UnixMilli())
		}
		from = next
	}
	return false
}

// wait is how many minutes after a minute outside of the band it begins again.
func (w *Window) wait(minute int) int {
	for n := 1; n <= weekMinutes; {
		at := (minute + n) % weekMinutes
		if rest := w.week[at/64] >> (at % 64); rest != 0 {
			return n + bits.TrailingZeros64(rest)
		}
		n += min(64-at%64, weekMinutes-at)
	}
	return weekMinutes
}
