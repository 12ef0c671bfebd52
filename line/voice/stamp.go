package voice

import (
	"fmt"
	"math"
	"time"
)

// checkStamp checks a format of times: texts with %Y %m %d %H %M %S, %f for a
// fraction of a second and %z for +01:00, +0100 or Z.
func checkStamp(format string) error {
	has := map[byte]bool{}
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			continue
		}
		i++
		if i == len(format) {
			return fmt.Errorf("the format %q ends with %%", format)
		}
		switch c := format[i]; c {
		case 'Y', 'm', 'd', 'H', 'M', 'S', 'f', 'z', '%':
			if has[c] && c != '%' {
				return fmt.Errorf("the format %q has %%%c twice", format, c)
			}
			has[c] = true
		default:
			return fmt.Errorf("the format %q has %%%c; %%Y %%m %%d %%H %%M %%S %%f %%z are known", format, c)
		}
	}
	for _, c := range []byte("YmdHMS") {
		if !has[c] {
			return fmt.Errorf("the format %q has no %%%c; use rfc3339, unix, unix_ms, unix_us or all of %%Y %%m %%d %%H %%M %%S", format, c)
		}
	}
	return nil
}

// stamp reads a time by a format, in ms since 1970 UTC. A time without a zone is
// by the clock of one that is given; where that clock shows a time twice, the
// first is meant. ok is false for anything else, also for a time that no clock
// shows. A fraction may be there where the format has seconds.
func stamp(format string, s []byte, zone *time.Location) (ms int64, ok bool) {
	var y, mo, d, h, mi, sec, fraction int64
	offset, zoned := int64(0), false
	for i := 0; i < len(format); i++ {
		c := format[i]
		if c != '%' || format[i+1] == '%' {
			if c == '%' {
				i++
			}
			if len(s) == 0 || s[0] != c {
				return 0, false
			}
			s = s[1:]
			continue
		}
		i++
		width, to := 2, &y
		switch format[i] {
		case 'Y':
			width = 4
		case 'm':
			to = &mo
		case 'd':
			to = &d
		case 'H':
			to = &h
		case 'M':
			to = &mi
		case 'S':
			to = &sec
		case 'f':
			if fraction, s, ok = readFraction(s); !ok {
				return 0, false
			}
			continue
		case 'z':
			if offset, s, ok = readOffset(s); !ok {
				return 0, false
			}
			zoned = true
			continue
		}
		if len(s) < width {
			return 0, false
		}
		for _, x := range s[:width] {
			if x-'0' > 9 {
				return 0, false
			}
			*to = *to*10 + int64(x-'0')
		}
		s = s[width:]
	}
	if len(s) > 1 && s[0] == '.' {
		if fraction, s, ok = readFraction(s[1:]); !ok {
			return 0, false
		}
	}
	if len(s) > 0 || y == 0 || mo < 1 || mo > 12 || d < 1 || d > daysIn(y, mo) || h > 23 || mi > 59 || sec > 59 {
		return 0, false
	}
	wall := daysSince1970(y, mo, d)*86_400_000 + ((h*60+mi)*60+sec)*1000 + fraction
	if zoned {
		return wall - offset, true
	}
	return wallClock(wall, zone)
}

// wallClock gives the moment at which a zone's clock shows a time, which is given
// as if it were UTC.
func wallClock(wall int64, zone *time.Location) (ms int64, ok bool) {
	if zone == nil {
		return 0, false
	}
	if zone == time.UTC {
		return wall, true
	}
	t := time.UnixMilli(wall).UTC()
	at := time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone)
	if at.Hour() != t.Hour() || at.Minute() != t.Minute() {
		return 0, false // the clock was put forward over it
	}
	// Which of two moments time.Date gives is not said.
	_, before := at.Add(-6 * time.Hour).Zone()
	if first := time.UnixMilli(wall - int64(before)*1000).In(zone); first.Before(at) && first.Hour() == t.Hour() && first.Minute() == t.Minute() {
		at = first
	}
	return at.UnixMilli(), true
}

// readFraction reads 1 to 9 digits of a fraction of a second, cut to ms.
func readFraction(s []byte) (ms int64, rest []byte, ok bool) {
	place, n := int64(100), 0
	for n < len(s) && s[n]-'0' <= 9 {
		ms += int64(s[n]-'0') * place
		place /= 10
		n++
	}
	return ms, s[n:], n >= 1 && n <= 9
}

// readOffset reads Z, +01:00 or +0100, in ms.
func readOffset(s []byte) (ms int64, rest []byte, ok bool) {
	if len(s) > 0 && (s[0] == 'Z' || s[0] == 'z') {
		return 0, s[1:], true
	}
	if len(s) < 5 || s[0] != '+' && s[0] != '-' {
		return 0, s, false
	}
	sign, at := int64(1), 3
	if s[0] == '-' {
		sign = -1
	}
	if s[3] == ':' {
		at = 4
	}
	if len(s) < at+2 {
		return 0, s, false
	}
	h, ok1 := two(s[1:])
	m, ok2 := two(s[at:])
	return sign * (h*60 + m) * 60_000, s[at+2:], ok1 && ok2 && h <= 23 && m <= 59
}

// unixTime reads a number since 1970 whose unit is so many to a ms, or so many ms
// long. A fraction behind a number of seconds counts.
func unixTime(s []byte, format string) (ms int64, ok bool) {
	unit := "s"
	switch format {
	case "unix_ms":
		unit = "ms"
	case "unix_us":
		unit = "us"
	}
	v, ok := quantity(s, unit)
	return v, ok
}

// quantity reads a decimal number of s, ms or us, or h:mm:ss, cut to ms. It is
// not negative.
func quantity(s []byte, unit string) (ms int64, ok bool) {
	if unit == "hms" {
		return clockTime(s)
	}
	whole, n := int64(0), 0
	for n < len(s) && s[n]-'0' <= 9 {
		if whole > (math.MaxInt64-9)/10 {
			return 0, false
		}
		whole = whole*10 + int64(s[n]-'0')
		n++
	}
	if n == 0 {
		return 0, false
	}
	fraction := int64(0)
	if s = s[n:]; len(s) > 0 {
		if s[0] != '.' && s[0] != ',' {
			return 0, false
		}
		if fraction, s, ok = readFraction(s[1:]); !ok || len(s) > 0 {
			return 0, false
		}
	}
	switch unit {
	case "s":
		return whole*1000 + fraction, whole <= math.MaxInt64/1000-1
	case "us":
		return whole / 1000, true
	}
	return whole, true
}

// clockTime reads h:mm:ss or mm:ss.
func clockTime(s []byte) (ms int64, ok bool) {
	parts, digits := 1, 0
	n := int64(0)
	total := int64(0)
	for _, c := range s {
		switch {
		case c == ':' && digits > 0 && parts < 3:
			total = (total + n) * 60
			n, digits = 0, 0
			parts++
		case c-'0' <= 9 && digits < 5:
			n = n*10 + int64(c-'0')
			digits++
		default:
			return 0, false
		}
		if parts > 1 && n > 59 {
			return 0, false
		}
	}
	return (total + n) * 1000, digits > 0 && parts > 1
}
