package intent

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/usage"
)

// when is what a sentence says of time, until all of it is known.
type when struct {
	now     bool // "now" was said
	endless bool
	night   bool // "tonight": hours before six are of the next day
	begin   moment
	finish  moment
	length  length
	word    word // the first of it
}

// moment is a point of time as it was said: a date, a time of day, both, or an
// exact one.
type moment struct {
	word  word
	exact time.Time
	date  date
	clock int // minutes after midnight plus one; 0: not said
}

type date struct {
	year  int
	month time.Month
	day   int
}

func (m moment) said() bool { return !m.exact.IsZero() || m.date != (date{}) || m.clock != 0 }

// length is a duration; months are counted by the calendar.
type length struct {
	fixed  time.Duration
	months int
	word   word
}

func (l length) said() bool { return l.fixed != 0 || l.months != 0 }

func dateOf(t time.Time) date {
	y, m, d := t.Date()
	return date{y, m, d}
}

func (d date) plus(days int) date {
	return dateOf(time.Date(d.year, d.month, d.day+days, 12, 0, 0, 0, time.UTC))
}

func (d date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.year, d.month, d.day) }

var weekdays = map[string]time.Weekday{"monday": 1, "mon": 1, "tuesday": 2, "tue": 2, "wednesday": 3, "wed": 3, "thursday": 4, "thu": 4,
	"friday": 5, "fri": 5, "saturday": 6, "sat": 6, "sunday": 0, "sun": 0}

var months = map[string]time.Month{"january": 1, "jan": 1, "february": 2, "feb": 2, "march": 3, "mar": 3, "april": 4, "apr": 4, "may": 5, "june": 6, "jun": 6,
	"july": 7, "jul": 7, "august": 8, "aug": 8, "september": 9, "sep": 9, "october": 10, "oct": 10, "november": 11, "nov": 11, "december": 12, "dec": 12}

// time reads a clause about time.
func (p *parser) time() (bool, error) {
	w := p.peek(0)
	if p.when.word.text == "" {
		p.when.word = w
		defer func(at int) {
			if p.at == at {
				p.when.word = word{}
			}
		}(p.at)
	}
	if _, ok := p.take("right now", "from now on", "from now", "starting now", "now", "immediately", "asap", "as soon as possible"); ok {
		if p.when.begin.said() || p.when.now {
			return false, p.not(w, "name one beginning", "another beginning is named already")
		}
		p.when.now = true
		return true, nil
	}
	if _, ok := p.take("without an end", "without end", "without a term", "permanently", "permanent", "no term", "open-ended", "open ended"); ok {
		p.when.endless = true
		return true, nil
	}
	if p.is("for") && p.durationAt(1) > 0 || p.is("during") {
		p.at++
		return true, p.duration()
	}
	if _, ok := p.take("until", "till"); ok {
		m, err := p.moment(true)
		if err != nil {
			return false, err
		}
		return true, p.until(m)
	}
	if ok, err := p.hours(); ok || err != nil {
		return ok, err
	}
	from := p.at
	_, said := p.take("from", "starting at", "starting on", "starting", "beginning", "on", "at", "between")
	opened := said && (p.words[from].low == "from" || p.words[from].low == "between")
	if m, err := p.moment(false); err != nil {
		return false, err
	} else if m.said() {
		if ok, err := p.hours(); err != nil {
			return false, err
		} else if ok { // "tomorrow 20-22h": the hours are of that day
			if p.when.begin.date != (date{}) || !p.when.begin.exact.IsZero() || m.clock != 0 || !m.exact.IsZero() {
				return false, p.not(m.word, "name one day, and one range of hours", "the day or the hours are named twice")
			}
			p.when.begin.date = m.date
			return true, nil
		}
		if err := p.begins(m); err != nil {
			return false, err
		}
		joint := p.at
		if _, ok := p.take("to", "-", "–"); ok || opened && p.is("and") {
			if !ok {
				p.at++
			}
			end, err := p.moment(false)
			if err != nil {
				return false, err
			}
			if !end.said() {
				p.at = joint // it leads to a place
				return true, nil
			}
			return true, p.until(end)
		}
		return true, nil
	}
	p.at = from
	if zone, ok := p.zoneAhead(); ok {
		return true, p.inZone(zone)
	}
	return false, nil
}

// begins takes where the time begins: a date and a time of day may be said
// apart.
func (p *parser) begins(m moment) error {
	b := &p.when.begin
	switch {
	case p.when.now || !b.exact.IsZero() || !m.exact.IsZero() && b.said() || m.date != (date{}) && b.date != (date{}) && m.date != b.date || m.clock != 0 && b.clock != 0:
		return p.not(m.word, "name one beginning, and the end with until", "another beginning is named already")
	case !b.said():
		*b = m
	default:
		if m.date != (date{}) {
			b.date = m.date
		}
		if m.clock != 0 {
			b.clock = m.clock
		}
	}
	return nil
}

func (p *parser) until(m moment) error {
	if p.when.finish.said() {
		return p.not(m.word, "name one end", "another end is named already")
	}
	p.when.finish = m
	return nil
}

// moment reads a point of time; none is no error unless it must be.
func (p *parser) moment(must bool) (moment, error) {
	p.take("the")
	m := moment{word: p.peek(0)}
	if t, ok := stampOf(m.word.text); ok {
		p.at++
		m.exact = t
		return m, nil
	}
	var err error
	var ok bool
	if m.clock, ok, err = p.clock(); err != nil {
		return m, err
	} else if ok {
		p.take("on", "of")
	}
	if m.date, err = p.date(); err != nil {
		return m, err
	}
	if m.clock == 0 && m.date != (date{}) {
		at := p.at
		p.take("at", "from")
		if m.clock, ok, err = p.clock(); err != nil {
			return m, err
		} else if !ok {
			p.at = at
		}
	}
	if m.said() {
		if zone, ok := p.zoneAhead(); ok {
			if err := p.inZone(zone); err != nil {
				return m, err
			}
		}
	}
	if must && !m.said() {
		return m, p.not(p.peek(0), "write it like tomorrow 22:00, 2026-12-01 or 22h", "a time comes here")
	}
	return m, nil
}

func stampOf(text string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339Nano, strings.ToUpper(text))
	y := t.UTC().Year()
	return t, err == nil && t.Nanosecond()%1e6 == 0 && y >= 1971 && y <= 9999
}

// clock reads a time of day: 20:00, 20h, 20h30, 8pm. It gives minutes plus one.
func (p *parser) clock() (int, bool, error) {
	w := p.peek(0)
	n, ok := clockOf(w.low)
	used := 1
	if !ok {
		next := p.peek(1).low
		if number, rest := cut(w.low); number != "" && rest == "" && (next == "am" || next == "pm" || next == "h" || next == "o'clock") && !(next == "h" && p.lengthBefore()) {
			n, ok = clockOf(number + strings.ReplaceAll(next, "o'clock", "h"))
			used = 2
		}
	}
	switch w.low {
	case "noon":
		n, ok = 12*60, true
	case "midnight":
		n, ok = 24*60, true
		p.assume(w.text, "the end of the day, 24:00")
	}
	if !ok {
		return 0, false, nil
	}
	p.at += used
	return n + 1, true, nil
}

// lengthBefore reports whether the word before is "for": two hours, not two
// o'clock.
func (p *parser) lengthBefore() bool { return p.at > 0 && p.words[p.at-1].low == "for" }

// clockOf reads a time of day in minutes after midnight, to 24:00.
func clockOf(s string) (int, bool) {
	half := -1
	if t, ok := strings.CutSuffix(s, "am"); ok {
		s, half = t, 0
	} else if t, ok := strings.CutSuffix(s, "pm"); ok {
		s, half = t, 12
	}
	hour, minute, split := strings.Cut(s, ":")
	if !split {
		if hour, minute, split = strings.Cut(s, "h"); !split && half < 0 {
			return 0, false
		}
	} else {
		minute = strings.TrimSuffix(minute, "h")
		if len(minute) != 2 {
			return 0, false
		}
	}
	if minute == "" {
		minute = "0"
	}
	h, err := strconv.ParseUint(hour, 10, 8)
	m, bad := strconv.ParseUint(minute, 10, 8)
	if err != nil || bad != nil || len(hour) > 2 || len(minute) > 2 || m > 59 || h*60+m > 24*60 {
		return 0, false
	}
	if half >= 0 {
		if h < 1 || h > 12 {
			return 0, false
		}
		h = h%12 + uint64(half)
	}
	return int(h*60 + m), true
}

// hours reads a range of hours in one word, 20-22h or 8-10pm, or in two around a
// dash or "to".
func (p *parser) hours() (bool, error) {
	at := p.at
	p.take("from", "between", "at")
	w := p.peek(0)
	a, z, ok := rangeOf(w.low)
	used := 1
	if !ok && p.peek(1).low == "h" {
		a, z, ok = rangeOf(w.low + "h")
		used = 2
	}
	if !ok {
		if first, second, dashed := strings.Cut(strings.ReplaceAll(w.low, "–", "-"), "-"); dashed && digits(first) && digits(second) {
			return false, p.not(w, "write "+w.text+"h, or give its unit", "it is not said what it is a range of")
		}
		p.at = at
		return false, nil
	}
	p.at += used
	if p.when.begin.clock != 0 || !p.when.begin.exact.IsZero() || p.when.finish.said() || p.when.now {
		return false, p.not(w, "name one range of hours", "the time is named already")
	}
	p.when.begin.word = w
	p.when.begin.clock, p.when.finish = a+1, moment{word: w, clock: z + 1}
	if zone, ok := p.zoneAhead(); ok {
		return true, p.inZone(zone)
	}
	return true, nil
}

func digits(s string) bool {
	n, rest := cut(s)
	return n != "" && rest == ""
}

// rangeOf reads 20-22h, 20h-22h, 20:00-22:30, 8-10pm, 8am-5pm.
func rangeOf(s string) (a, z int, ok bool) {
	first, second, dashed := strings.Cut(strings.ReplaceAll(s, "–", "-"), "-")
	if !dashed {
		return 0, 0, false
	}
	if z, ok = clockOf(second); !ok {
		return 0, 0, false
	}
	if digits(first) { // the unit of the second is that of both
		for _, unit := range []string{"am", "pm"} {
			if strings.HasSuffix(second, unit) {
				a, ok = clockOf(first + unit)
				return a, z, ok
			}
		}
		a, ok = clockOf(first + "h")
		return a, z, ok
	}
	a, ok = clockOf(first)
	return a, z, ok
}

// date reads a day; the zero date is none.
func (p *parser) date() (date, error) {
	w := p.peek(0)
	today := dateOf(p.now.In(p.zone))
	at := p.at
	next := false
	if _, ok := p.take("next", "this", "on"); ok {
		next = true
	}
	low := p.peek(0).low
	if day, ok := weekdays[low]; ok {
		p.at++
		days := (int(day) - int(p.now.In(p.zone).Weekday()) + 7) % 7
		if days == 0 {
			days = 7
		}
		d := today.plus(days)
		p.assume(p.words[p.at-1].text, "the next one, %s", d)
		return d, nil
	}
	if next {
		p.at = at
		if w.low == "on" {
			p.at++
			d, err := p.date()
			if d == (date{}) {
				p.at = at
			}
			return d, err
		}
		return date{}, nil
	}
	switch low {
	case "today":
		p.at++
		return today, nil
	case "tomorrow":
		p.at++
		return today.plus(1), nil
	case "tonight":
		p.at++
		p.when.night = true
		return today, nil
	}
	if t, err := time.Parse(time.DateOnly, low); err == nil {
		p.at++
		return p.dated(w, dateOf(t))
	}
	if strings.Count(low, "/") == 2 && digits(strings.ReplaceAll(low, "/", "")) {
		return date{}, p.not(w, "write the date like 2026-11-27", "it may be a day of a month, or a month's day")
	}
	if t, err := time.Parse("2.1.2006", low); err == nil {
		p.at++
		return p.dated(w, dateOf(t))
	}
	// 27 November, November 27, with or without a year
	number := func(s string) (int, bool) {
		for _, end := range []string{"st", "nd", "rd", "th"} {
			s = strings.TrimSuffix(s, end)
		}
		n, err := strconv.ParseUint(s, 10, 8)
		return int(n), err == nil && n >= 1 && n <= 31 && len(s) <= 2
	}
	var d date
	if n, ok := number(low); ok && months[p.peek(1).low] != 0 {
		d = date{0, months[p.peek(1).low], n}
	} else if m := months[low]; m != 0 {
		if n, ok := number(p.peek(1).low); ok {
			d = date{0, m, n}
		}
	}
	if d == (date{}) {
		return d, nil
	}
	p.at += 2
	if y, err := strconv.ParseUint(p.peek(0).low, 10, 16); err == nil && len(p.peek(0).low) == 4 {
		p.at++
		d.year = int(y)
		return p.dated(w, d)
	}
	d.year = today.year
	if d.String() < today.String() {
		d.year++
	}
	p.assume(p.words[p.at-2].text+" "+p.words[p.at-1].text, "%s", d)
	return p.dated(w, d)
}

// dated refuses a day that the calendar does not have.
func (p *parser) dated(w word, d date) (date, error) {
	if d.plus(0) != d || d.year < 1971 || d.year > 9998 {
		return date{}, p.not(w, "correct the date", "there is no such day")
	}
	return d, nil
}

// units of durations.
var units = map[string]length{
	"s": {fixed: time.Second}, "sec": {fixed: time.Second}, "second": {fixed: time.Second}, "seconds": {fixed: time.Second},
	"min": {fixed: time.Minute}, "minute": {fixed: time.Minute}, "minutes": {fixed: time.Minute}, "mins": {fixed: time.Minute},
	"h": {fixed: time.Hour}, "hour": {fixed: time.Hour}, "hours": {fixed: time.Hour}, "hrs": {fixed: time.Hour},
	"d": {fixed: 24 * time.Hour}, "day": {fixed: 24 * time.Hour}, "days": {fixed: 24 * time.Hour},
	"week": {fixed: 7 * 24 * time.Hour}, "weeks": {fixed: 7 * 24 * time.Hour},
	"month": {months: 1}, "months": {months: 1}, "year": {months: 12}, "years": {months: 12},
}

// durationAt is how many words a duration has that begins some words ahead; 0:
// there is none.
func (p *parser) durationAt(ahead int) int {
	w := p.peek(ahead).low
	if w == "a" || w == "an" || w == "one" || w == "two" || w == "three" {
		if u := units[p.peek(ahead+1).low]; u.said() {
			return 2
		}
		return 0
	}
	number, rest := cut(w)
	switch {
	case number == "":
		return 0
	case rest == "" && units[p.peek(ahead+1).low].said():
		return 2
	case units[rest].said():
		return 1
	}
	return 0
}

func (p *parser) duration() error {
	w := p.peek(0)
	n := p.durationAt(0)
	if n == 0 {
		return p.not(w, "write it like for 2 hours", "a duration comes here")
	}
	number, unit := cut(w.low)
	if n == 2 {
		unit = p.peek(1).low
		switch w.low {
		case "a", "an", "one":
			number = "1"
		case "two":
			number = "2"
		case "three":
			number = "3"
		}
	}
	p.at += n
	u := units[unit]
	if p.when.length.said() {
		return p.not(w, "name one duration", "another duration is named already")
	}
	if u.months > 0 {
		count, err := strconv.ParseUint(number, 10, 16)
		if err != nil || count == 0 || count > 1200 {
			return p.not(w, "write whole months or years, at most a hundred years", "it is no duration")
		}
		p.when.length = length{months: int(count) * u.months, word: w}
		if p.when.length.months > 1200 {
			return p.not(w, "write at most a hundred years", "it is no duration")
		}
		return nil
	}
	count, ok := scaled(number, uint64(u.fixed.Milliseconds()))
	if !ok || count == 0 || count > 100*366*24*3600*1000 {
		return p.not(w, "write whole milliseconds, at most a hundred years", "it is no duration")
	}
	p.when.length = length{fixed: time.Duration(count) * time.Millisecond, word: w}
	return nil
}

// zoneAhead reports whether the name of a time zone comes next.
func (p *parser) zoneAhead() (string, bool) {
	w := p.peek(0)
	n := 0
	if w.low == "in" && (strings.Contains(p.peek(1).text, "/") || p.peek(1).low == "utc") {
		n, w = 1, p.peek(1)
	}
	if w.low == "utc" || w.low == "gmt" {
		p.at += n
		return "UTC", true
	}
	if first, _, ok := strings.Cut(w.text, "/"); ok && len(first) > 2 && first[0] >= 'A' && first[0] <= 'Z' {
		p.at += n
		return w.text, true
	}
	return "", false
}

func (p *parser) inZone(name string) error {
	w := p.peek(0)
	zone, err := usage.LoadZone(name)
	if err != nil {
		return fault.Of(err).In("character " + strconv.Itoa(w.pos))
	}
	if p.zoned && p.zone.String() != zone.String() {
		return p.not(w, "name one time zone", "another time zone is named already")
	}
	p.at++
	p.zone, p.zoned = zone, true
	return nil
}

// settle makes times of what was said.
func (p *parser) settle() error {
	x := &p.when
	local := false // a time by the zone's clock was said
	if !x.begin.said() && !x.finish.said() && !x.length.said() {
		switch {
		case !x.now && !x.endless:
			p.assume("", "no time is named: as soon as it can be had, without an end")
		case !x.endless:
			p.assume("", "no end is named: without an end")
		case !x.now:
			p.assume("", "no beginning is named: as soon as it can be had")
		}
		return nil
	}
	if x.endless && (x.finish.said() || x.length.said()) {
		return p.not(x.word, "name an end, or none", "it has an end and has none")
	}
	if x.finish.said() && x.length.said() {
		return p.not(x.length.word, "name the end or the duration", "both an end and a duration are named")
	}
	today := dateOf(p.now.In(p.zone))
	var from, to time.Time
	var err error
	begin := x.begin
	wholeDay := false
	switch {
	case !begin.exact.IsZero():
		from = begin.exact
	case begin.said():
		local = true
		switch {
		case begin.clock == 0 && x.night:
			begin.clock = 18*60 + 1
			p.assume("tonight", "from 18:00")
			if !x.finish.said() && !x.length.said() && !x.endless {
				x.finish = moment{word: begin.word, clock: 24*60 + 1}
				p.assume("tonight", "to 24:00")
			}
		case begin.clock == 0:
			begin.clock = 1
			wholeDay = !x.finish.said() && !x.length.said() && !x.endless
			if !wholeDay {
				p.assume(begin.word.text, "from 00:00 of %s", begin.date)
			}
		}
		if end := x.finish; begin.date == (date{}) && end.date != (date{}) && end.clock != 0 {
			if begin.date = end.date; begin.clock >= end.clock {
				begin.date = end.date.plus(-1)
			}
			p.assume(begin.word.text, "on %s", begin.date)
		} else if begin.date == (date{}) {
			begin.date = today
			if from, err = p.instant(begin); err != nil {
				return err
			}
			if !from.After(p.now) {
				begin.date = today.plus(1)
			}
			p.assume(begin.word.text, "no day is named: %s", begin.date)
		} else if x.night && begin.clock-1 < 6*60 && begin.date == today {
			begin.date = today.plus(1)
			p.assume(begin.word.text, "in the night to %s", begin.date)
		}
		if from, err = p.instant(begin); err != nil {
			return err
		}
	default:
		if !x.now {
			p.assume("", "no beginning is named: as soon as it can be had")
		}
	}
	start := from
	if start.IsZero() {
		start = p.now
	}
	finish := x.finish
	switch {
	case wholeDay:
		finish = moment{word: begin.word, date: begin.date, clock: 24*60 + 1}
		p.assume(begin.word.text, "all of %s, from 00:00 to 24:00", begin.date)
		if to, err = p.instant(finish); err != nil {
			return err
		}
		if begin.date == today { // the rest of it
			from = time.Time{}
			p.assume(begin.word.text, "from now on, as the day has begun")
		}
	case !finish.exact.IsZero():
		to = finish.exact
	case finish.said():
		local = true
		if finish.date == (date{}) {
			finish.date = dateOf(start.In(p.zone))
			if to, err = p.instant(finish); err != nil {
				return err
			}
			if !to.After(start) {
				finish.date = finish.date.plus(1)
				p.assume(finish.word.text, "on the next day, %s", finish.date)
			}
		}
		if finish.clock == 0 {
			finish.clock = 24*60 + 1
			p.assume(finish.word.text, "to the end of %s", finish.date)
		}
		if to, err = p.instant(finish); err != nil {
			return err
		}
	case x.length.said():
		if from.IsZero() {
			p.assume(x.length.word.text, "counted from now, %s", usage.Stamp(p.now.UnixMilli()))
		}
		if to = start.Add(x.length.fixed); x.length.months > 0 {
			local = true
			to = start.In(p.zone).AddDate(0, x.length.months, 0)
		}
	case !x.endless:
		p.assume("", "no end is named: without an end")
	}
	if local && !p.zoned {
		p.assume("", "times are of the zone %s", p.zone)
	}
	word := x.word
	if !to.IsZero() {
		if finish.word.text != "" {
			word = finish.word
		}
		if !to.After(start) {
			return p.not(word, "name an end behind the beginning", "the time ends at %s, before it begins", usage.Stamp(to.UnixMilli()))
		}
		if !to.After(p.now) {
			return p.not(word, "name a time to come", "the time ended at %s", usage.Stamp(to.UnixMilli()))
		}
		p.in.To = catalog.Time(to.UnixMilli())
	}
	if !from.IsZero() {
		if from.Before(p.now) {
			w := x.begin.word
			if to.IsZero() || !x.begin.exact.IsZero() {
				return p.not(w, "name a time to come, or now", "the time began at %s", usage.Stamp(from.UnixMilli()))
			}
			p.assume(w.text, "from now on, as it has begun")
			return nil
		}
		p.in.From = catalog.Time(from.UnixMilli())
	}
	if p.in.To > catalog.Time(maxMoment) || p.in.From > catalog.Time(maxMoment) {
		return p.not(word, "name an earlier time", "it is beyond the year 9999")
	}
	return nil
}

var maxMoment = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).UnixMilli()

// instant gives the moment at which the zone's clock shows a date and a time of
// day. One that it does not show on that day is refused; of one that it shows
// twice, the first is taken.
func (p *parser) instant(m moment) (time.Time, error) {
	minutes := m.clock - 1
	d := m.date
	if minutes == 24*60 {
		d, minutes = d.plus(1), 0
	}
	shows := func(t time.Time) bool {
		t = t.In(p.zone)
		return dateOf(t) == d && t.Hour()*60+t.Minute() == minutes
	}
	t := time.Date(d.year, d.month, d.day, minutes/60, minutes%60, 0, 0, p.zone)
	if !shows(t) {
		if minutes == 0 { // where clocks go forward at midnight, the day begins later
			for !shows(t) && t.In(p.zone).Hour() < 4 && dateOf(t.In(p.zone)) == d && t.In(p.zone).Minute() != 0 {
				t = t.Add(-time.Minute)
			}
			if dateOf(t.In(p.zone)) == d {
				return t, nil
			}
		}
		return t, p.not(m.word, "name another time", "the clocks of %s do not show it on %s", p.zone, d)
	}
	first := t
	for _, back := range []time.Duration{time.Hour, 2 * time.Hour, 30 * time.Minute} {
		if shows(t.Add(-back)) {
			first = t.Add(-back)
		}
	}
	for _, on := range []time.Duration{time.Hour, 2 * time.Hour, 30 * time.Minute} {
		if shows(first.Add(on)) && !first.Add(on).Equal(first) {
			p.assume(m.word.text, "the clocks of %s show it twice on %s: the first time", p.zone, d)
			break
		}
	}
	return first, nil
}
