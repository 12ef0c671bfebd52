package voice

// clock reads RFC 3339 times and remembers the last date, which most rows
// share.
type clock struct {
	date [10]byte
	ms   int64 // of midnight on date
	ok   bool
}

// read gives ms since 1970 UTC of a time with zone and 0 to 9 fraction digits,
// cut to ms. ok is false for anything else, also for dates and times that no
// clock shows; a leap second is one of these.
func (c *clock) read(s []byte) (ms int64, ok bool) {
	// 2026-11-02T00:00:03.232Z
	// 0123456789012345678901234
	if len(s) < 20 || s[10] != 'T' && s[10] != 't' || s[13] != ':' || s[16] != ':' {
		return 0, false
	}
	if !c.ok || [10]byte(s) != c.date {
		if c.ms, c.ok = midnight(s[:10]); !c.ok {
			return 0, false
		}
		c.date = [10]byte(s)
	}
	h, ok1 := two(s[11:])
	m, ok2 := two(s[14:])
	sec, ok3 := two(s[17:])
	if !(ok1 && ok2 && ok3) || h > 23 || m > 59 || sec > 59 {
		return 0, false
	}
	ms = c.ms + ((h*60+m)*60+sec)*1000
	s = s[19:]
	if s[0] == '.' {
		s = s[1:]
		place, n := int64(100), 0
		for ; n < len(s) && s[n] >= '0' && s[n] <= '9'; n++ {
			ms += int64(s[n]-'0') * place
			place /= 10
		}
		if n == 0 || n > 9 || n == len(s) {
			return 0, false
		}
		s = s[n:]
	}
	if len(s) == 1 && (s[0] == 'Z' || s[0] == 'z') {
		return ms, true
	}
	if len(s) != 6 || s[0] != '+' && s[0] != '-' || s[3] != ':' {
		return 0, false
	}
	h, ok1 = two(s[1:])
	m, ok2 = two(s[4:])
	if !ok1 || !ok2 || h > 23 || m > 59 {
		return 0, false
	}
	offset := (h*60 + m) * 60_000
	if s[0] == '-' {
		offset = -offset
	}
	return ms - offset, true
}

// two reads two digits.
func two(s []byte) (int64, bool) {
	a, b := s[0]-'0', s[1]-'0'
	return int64(a)*10 + int64(b), a <= 9 && b <= 9
}

// midnight reads a date of the Gregorian calendar, years 1 to 9999.
func midnight(s []byte) (ms int64, ok bool) {
	century, ok1 := two(s)
	year, ok2 := two(s[2:])
	m, ok3 := two(s[5:])
	d, ok4 := two(s[8:])
	y := century*100 + year
	if !(ok1 && ok2 && ok3 && ok4) || s[4] != '-' || s[7] != '-' || y == 0 || m < 1 || m > 12 || d < 1 || d > daysIn(y, m) {
		return 0, false
	}
	return daysSince1970(y, m, d) * 86_400_000, true
}

// daysSince1970 counts years from March, so that the leap day comes last (Howard
// Hinnant, "chrono-compatible low-level date algorithms").
func daysSince1970(y, m, d int64) int64 {
	if m <= 2 {
		y--
	}
	era := y / 400
	ofEra := y - era*400
	ofYear := (153*((m+9)%12)+2)/5 + d - 1
	return era*146097 + ofEra*365 + ofEra/4 - ofEra/100 + ofYear - 719468
}

func daysIn(y, m int64) int64 {
	switch m {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}
