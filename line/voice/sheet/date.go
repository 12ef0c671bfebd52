package sheet

import (
	"strconv"
	"strings"
	"time"

	"github.com/lateral-network/lateral/fault"
)

// pattern is how dates are written, token by token: YYYY, YY, MMM (Jan), MM, M,
// DD, D, hh, mm, ss, and everything else as it is. None means RFC 3339.
type pattern []string

var tokens = []string{"YYYY", "YY", "MMM", "MM", "M", "DD", "D", "hh", "mm", "ss"}

func parsePattern(text string) (pattern, error) {
	if text == "" {
		return nil, nil
	}
	var p pattern
	has := map[byte]bool{}
next:
	for i := 0; i < len(text); {
		for _, t := range tokens {
			if strings.HasPrefix(text[i:], t) {
				if has[t[0]] {
					return nil, badPattern(text)
				}
				has[t[0]] = true
				p, i = append(p, t), i+len(t)
				continue next
			}
		}
		p, i = append(p, text[i:i+1]), i+1
	}
	if !has['Y'] || !has['M'] || !has['D'] {
		return nil, badPattern(text)
	}
	return p, nil
}

func badPattern(text string) error {
	return fault.Newf(CodeBadMapping, "write it like DD.MM.YYYY or YYYY-MM-DD hh:mm", "%.40q does not say where year, month and day of a date are", text)
}

// read gives the parts of a date in the zone as ms since 1970 UTC. ok is false
// for what is not of the pattern, and for dates and times that do not exist.
func (p pattern) read(s string, zone *time.Location) (ms int64, ok bool) {
	if p == nil {
		t, err := time.Parse(time.RFC3339Nano, s)
		return t.UnixMilli(), err == nil
	}
	var y, mo, d, h, mi, sec int
	number := func(least, most int) int {
		n := 0
		for n < len(s) && n < most && s[n] >= '0' && s[n] <= '9' {
			n++
		}
		if n < least {
			ok = false
			return 0
		}
		v, _ := strconv.Atoi(s[:n]) // digits, at most four
		s = s[n:]
		return v
	}
	ok = true
	for _, t := range p {
		switch t {
		case "YYYY":
			y = number(4, 4)
		case "YY":
			y = 2000 + number(2, 2)
		case "MMM":
			if mo = monthNamed(s); mo == 0 {
				return 0, false
			}
			s = s[3:]
		case "MM":
			mo = number(2, 2)
		case "M":
			mo = number(1, 2)
		case "DD":
			d = number(2, 2)
		case "D":
			d = number(1, 2)
		case "hh":
			h = number(2, 2)
		case "mm":
			mi = number(2, 2)
		case "ss":
			sec = number(2, 2)
		default:
			if !strings.HasPrefix(s, t) {
				return 0, false
			}
			s = s[len(t):]
		}
		if !ok {
			return 0, false
		}
	}
	if s != "" || h > 23 || mi > 59 || sec > 59 {
		return 0, false
	}
	return moment(y, mo, d, time.Duration(h*3600+mi*60+sec)*time.Second, zone)
}

// moment gives the ms of a time of a day by the clock of a zone; ok is false
// when no calendar has the day.
func moment(y, mo, d int, of time.Duration, zone *time.Location) (int64, bool) {
	if y < 1970 || y > 9999 {
		return 0, false
	}
	day := time.Date(y, time.Month(mo), d, 0, 0, 0, 0, time.UTC)
	if day.Day() != d || int(day.Month()) != mo {
		return 0, false
	}
	h, rest := of/time.Hour, of%time.Hour
	return time.Date(y, time.Month(mo), d, int(h), int(rest/time.Minute), int(rest%time.Minute/time.Second), 0, zone).UnixMilli(), true
}

func monthNamed(s string) int {
	if len(s) < 3 {
		return 0
	}
	at := strings.Index("janfebmaraprmayjunjulaugsepoctnovdec", strings.ToLower(s[:3]))
	if at < 0 || at%3 != 0 {
		return 0
	}
	return at/3 + 1
}

// serial reads a date of a spreadsheet: days since the end of 1899, or since
// 1904, with the time of day as their fraction. Days before March 1900, which
// spreadsheets count wrongly, are none of a rate sheet.
func serial(text string, from1904 bool, zone *time.Location) (int64, bool) {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || v < 61 || v >= 2_958_466 { // to the end of 9999
		return 0, false
	}
	days := int(v)
	seconds := int((v-float64(days))*86_400 + 0.5)
	base := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	if from1904 {
		base = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	day := base.AddDate(0, 0, days+seconds/86_400)
	return moment(day.Year(), int(day.Month()), day.Day(), time.Duration(seconds%86_400)*time.Second, zone)
}
