package sheet

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/usage"
)

// called are the names that carriers give to columns, as plain writes them.
var called = map[string][]string{
	fieldDestination: {"destination", "destination name", "description", "country/destination", "area", "zone name", "country", "route", "name", "breakout"},
	fieldPrefix:      {"prefix", "code", "codes", "dial code", "dial codes", "dialcode", "dialcodes", "dialing code", "area code", "area codes", "destination code", "prefixes", "city code"},
	fieldCountry:     {"country code", "countrycode", "cc"},
	fieldRate:        {"rate", "price", "rate per minute", "rate/min", "price/min", "price per minute", "rate per min", "new rate", "tariff", "rate (usd)", "rate (eur)", "rate usd", "rate eur", "usd/min", "eur/min", "rate usd/min", "rate eur/min"},
	fieldCurrency:    {"currency", "cur", "ccy"},
	fieldUnit:        {"unit_seconds", "unit", "unit seconds"},
	fieldMinimum:     {"minimum_seconds", "minimum", "min", "min duration", "minimum duration", "first increment", "initial increment", "min. duration", "initial interval"},
	fieldIncrement:   {"increment_seconds", "increment", "inc", "next increment", "second increment", "subsequent increment", "interval"},
	fieldSteps:       {"increments", "billing increment", "billing increments", "billing", "rounding", "min/inc", "charging interval"},
	fieldFrom:        {"valid_from", "effective date", "effective", "valid from", "effective from", "start date", "date", "from", "effective_date", "eff. date"},
	fieldTo:          {"valid_to", "valid to", "end date", "valid until", "expiry date", "until", "effective to", "end"},
	fieldFee:         {"connect_fee", "connect fee", "connection fee", "setup fee", "set-up fee", "call setup"},
	fieldOrigin:      {"origin_prefix", "origin prefix", "origin", "origin code", "origin codes", "a-number prefix", "originating prefix"},
	fieldBlocked:     {"blocked", "status", "remarks", "comment"},
	fieldDays:        {"days", "weekdays"},
	fieldFromTime:    {"from_time", "from time", "time from"},
	fieldToTime:      {"to_time", "to time", "time to"},
	fieldZone:        {"zone", "time zone", "timezone"},
}

// datesTried are the forms of dates that a guess looks for.
var datesTried = []string{"", "YYYY-MM-DD", "DD.MM.YYYY", "D.M.YYYY", "DD/MM/YYYY", "MM/DD/YYYY", "D/M/YYYY", "M/D/YYYY", "DD-MM-YYYY", "DD-MMM-YYYY", "DD MMM YYYY", "DD-MMM-YY",
	"DD/MM/YY", "MM/DD/YY", "YYYY/MM/DD", "YYYYMMDD", "YYYY-MM-DD hh:mm", "YYYY-MM-DD hh:mm:ss", "DD.MM.YYYY hh:mm", "DD/MM/YYYY hh:mm", "MM/DD/YYYY hh:mm"}

// blockedTried are the words that a guess takes for a blocked destination.
var blockedTried = []string{"blocked", "closed", "n/a", "na", "not available", "no route", "suspended"}

// sampled is how many rows a guess looks at, and how many lines before the
// header it passes over.
const sampled = 500

// Guess proposes a mapping from the header and first rows of a file. Notes say
// what people have to look at before they use it: what was not found, and what
// a file cannot tell. A mapping with a gap does not pass Validate. Codes: those
// of Read.
func Guess(r io.ReaderAt, size int64, worksheet string) (Mapping, []string, error) {
	best, score := Mapping{}, 0
	var rows []row
	var head []string
	for _, separator := range []string{"", ";", "\t", "|"} {
		m := Mapping{Worksheet: worksheet, Separator: separator, Encoding: encoding1252} // so that no row is refused for it
		t, done, err := open(r, size, m, usual)
		if err != nil {
			return m, nil, err
		}
		got, err := sample(t)
		done()
		if err != nil {
			return m, nil, err
		}
		s, isCSV := t.(*separated)
		m.Encoding = ""
		if isCSV && s.converted {
			m.Encoding = encoding1252
		}
		for i := range min(len(got), 40) {
			names := make([]string, len(got[i].cells))
			for n, c := range got[i].cells {
				names[n] = string(c)
			}
			columns := named(names)
			if len(columns) <= score {
				continue
			}
			m.Columns, m.SkipLines = columns, got[i].line-1
			best, score, rows, head = m, len(columns), got[i+1:], names
		}
		if !isCSV {
			break
		}
	}
	if score < 2 {
		return best, nil, fault.New(voice.CodeBadHeader, "no line of the file looks like a header of rates", "write the mapping by hand; docs/formats.md has its form")
	}
	if got := Canonical(); isCanonical(best, head) {
		return got, nil, nil
	}
	notes := best.fill(rows, head)
	return best, notes, nil
}

func isCanonical(m Mapping, head []string) bool {
	columns := strings.Split(voice.SheetHeader, ",")
	return m.SkipLines == 0 && m.Separator == "" && len(head) >= len(columns) && slices.Equal(head[:len(columns)], columns)
}

// sample reads the first rows of a table.
func sample(t table) ([]row, error) {
	var out []row
	for len(out) < sampled {
		r, err := t.next()
		if err == io.EOF {
			break
		}
		if isRow(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		kept := row{line: r.line, kinds: slices.Clone(r.kinds)}
		for _, c := range r.cells {
			kept.cells = append(kept.cells, slices.Clone(c))
		}
		out = append(out, kept)
	}
	return out, nil
}

// named finds the fields that the cells of a header name, each once: as they
// stand, or else without what stands in brackets and without a currency.
func named(head []string) map[string]string {
	out := map[string]string{}
	taken := make([]bool, len(head))
	for _, read := range []func(string) string{plain, bare} {
		for _, f := range fields {
			if out[f] != "" {
				continue
			}
			for _, name := range called[f] {
				at := slices.IndexFunc(head, func(h string) bool { return read(h) == name })
				if at < 0 || taken[at] {
					continue
				}
				taken[at] = true
				out[f] = strings.TrimSpace(head[at])
				break
			}
		}
	}
	return out
}

// bare is a name of a column without what stands in brackets, like a unit, and
// without a currency.
func bare(name string) string {
	for _, pair := range []string{"()", "[]"} {
		if from, to := strings.IndexByte(name, pair[0]), strings.LastIndexByte(name, pair[1]); from >= 0 && from < to {
			name = name[:from] + " " + name[to+1:]
		}
	}
	words := slices.DeleteFunc(strings.Fields(name), func(w string) bool {
		_, err := money.ParseCurrency(strings.ToUpper(w))
		return len(w) == 3 && err == nil
	})
	return plain(strings.Join(words, " "))
}

// fill guesses what the header does not tell, and says what to look at.
func (m *Mapping) fill(rows []row, head []string) (notes []string) {
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	note("Guessed from the header in line %d. Look through it, then hand it in with --mapping.", m.SkipLines+1)
	m.Constants = map[string]string{}
	column := func(field string) (values []string, numbers bool) {
		at := slices.IndexFunc(head, func(h string) bool { return m.Columns[field] != "" && plain(h) == plain(m.Columns[field]) })
		for _, r := range rows {
			if at >= 0 && at < len(r.cells) {
				if v := strings.TrimSpace(string(r.cells[at])); v != "" {
					values = append(values, v)
					numbers = numbers || r.kinds != nil && r.kinds[at] != isText
				}
			}
		}
		return values, numbers
	}
	if m.Encoding != "" {
		note("CHECK encoding: some text is not UTF-8; it reads as windows-1252.")
	}
	m.guessDates(column, note)
	rates, _ := column(fieldRate)
	for _, v := range rates {
		if strings.Contains(v, ",") && !strings.Contains(v, ".") {
			m.Decimal = ","
		}
		if w := plain(v); slices.Contains(blockedTried, w) && !slices.Contains(m.Blocked, w) {
			m.Blocked = append(m.Blocked, w)
		}
	}
	if m.Columns[fieldBlocked] != "" {
		words, _ := column(fieldBlocked)
		tells := plain(m.Columns[fieldBlocked]) == "blocked"
		for _, v := range words {
			switch w := plain(v); {
			case slices.Contains(blockedTried, w):
				tells = true
				if !slices.Contains(m.Blocked, w) {
					m.Blocked = append(m.Blocked, w)
				}
			case w != "yes" && w != "no" && w != "1" && w != "0" && !slices.Contains(m.Open, w) && len(m.Open) < 20:
				m.Open = append(m.Open, w)
			}
		}
		if !tells { // a column of remarks
			delete(m.Columns, fieldBlocked)
			m.Open = nil
		} else if len(m.Open) > 0 {
			note("CHECK open: destinations with these words in %q are taken for open.", m.Columns[fieldBlocked])
		}
	}
	if m.Columns[fieldCurrency] == "" {
		currency := ""
		for _, w := range strings.FieldsFunc(strings.ToUpper(m.Columns[fieldRate]), func(r rune) bool { return r < 'A' || r > 'Z' }) {
			if c, err := money.ParseCurrency(w); err == nil {
				currency = string(c)
			}
		}
		if m.Constants[fieldCurrency] = currency; currency == "" {
			note("CHECK constants.currency: the file does not name one.")
		}
	}
	if m.Columns[fieldUnit] == "" {
		m.Constants[fieldUnit] = "60"
		note("CHECK constants.unit_seconds: a rate per minute is assumed.")
	}
	if m.Columns[fieldSteps] == "" && (m.Columns[fieldMinimum] == "" || m.Columns[fieldIncrement] == "") {
		delete(m.Columns, fieldMinimum)
		delete(m.Columns, fieldIncrement)
		m.Constants[fieldSteps] = "1/1"
		note("CHECK constants.increments: billing by the second is assumed; the agreement says.")
	} else if m.Columns[fieldSteps] != "" {
		delete(m.Columns, fieldMinimum)
		delete(m.Columns, fieldIncrement)
	}
	for _, f := range []string{fieldDestination, fieldPrefix, fieldRate, fieldFrom} {
		if m.Columns[f] == "" {
			note("MISSING columns.%s: no column of the header looks like it.", f)
		}
	}
	return notes
}

// guessDates tries the forms of dates on the samples.
func (m *Mapping) guessDates(column func(string) ([]string, bool), note func(string, ...any)) {
	dates, numbers := column(fieldFrom)
	if numbers || len(dates) == 0 {
		note("CHECK zone: the dates are read by the clock of UTC.")
		return
	}
	zone, _ := usage.LoadZone("")
	var fit []string // the forms that most of the dates have
	most := 0
	for _, form := range datesTried {
		p, _ := parsePattern(form) // they are good
		n := 0
		for _, d := range dates {
			if _, ok := p.read(d, zone); ok {
				n++
			}
		}
		if n > most {
			fit, most = nil, n
		}
		if n == most {
			fit = append(fit, form)
		}
	}
	if most*2 <= len(dates) {
		note("MISSING dates: the form of %q is not known.", dates[0])
		m.Dates = "?"
		return
	}
	m.Dates = fit[0]
	for _, other := range fit[1:] {
		if dayFirst(other) != dayFirst(m.Dates) {
			note("MISSING dates: %s fits, and %s does as well. Ask which.", m.Dates, other)
			m.Dates = "?"
			return
		}
	}
	if m.Dates != "" {
		note("CHECK zone: the dates are read by the clock of UTC.")
	}
}

func dayFirst(form string) bool { return strings.HasPrefix(form, "D") }
