package sheet

import (
	"bytes"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// CodeTooManyCodes says that one row stands for more prefixes than a row of
// rates can.
const CodeTooManyCodes fault.Code = "too-many-codes"

// maxCodes bounds the prefixes of one row; maxRejects the rows that are named.
const (
	maxCodes   = 100_000
	maxRejects = 10_000
)

// Import is what a file held. Read = Accepted + Rejected, always.
type Import struct {
	Rows     []rating.Row   `json:"-"`    // one for each prefix of an accepted row
	Lines    []uint32       `json:"-"`    // of each of Rows in its file
	Read     uint64         `json:"read"` // rows of the file behind the header, empty ones apart
	Accepted uint64         `json:"accepted"`
	Rejected uint64         `json:"rejected"`
	Rejects  []usage.Reject `json:"rejects,omitempty"` // the first 10,000
}

// Read reads a rate sheet by a mapping. A bad row is kept apart with its line
// and field, and reading goes on; the error is of the file as a whole. progress,
// which may be nil, is told rows now and then. Codes: [CodeBadMapping],
// [CodeTooLarge], voice.CodeUnreadable, voice.CodeTooManyRows, voice.CodeBadHeader.
func Read(r io.ReaderAt, size int64, m Mapping, progress func(rows uint64)) (*Import, error) {
	return read(r, size, m, usual, progress)
}

func read(r io.ReaderAt, size int64, m Mapping, l limits, progress func(uint64)) (*Import, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	t, done, err := open(r, size, m, l)
	if err != nil {
		return nil, err
	}
	defer done()
	head, err := header(t, m.SkipLines)
	if err != nil {
		return nil, err
	}
	c, err := newColumns(m, head)
	if err != nil {
		return nil, err
	}
	in := &Import{}
	known := map[string]int{} // last row of each prefix, from 1
	var before []int          // of each row: the one of its prefix before it
	for {
		row, err := t.next()
		if err == io.EOF {
			return in, nil
		}
		if err != nil && !isRow(err) {
			return in, err
		}
		in.Read++
		if progress != nil && in.Read%50_000 == 0 {
			progress(in.Read)
		}
		var base rating.Row
		var codes []string
		if err == nil {
			if base, codes, err = c.read(row); err == nil && len(in.Rows)+len(codes) > rating.MaxRows {
				return in, fault.Newf(voice.CodeTooManyRows, "split the sheet by destination", "the sheet goes on after %d prefixes", len(in.Rows))
			}
		}
		if err == nil {
			err = clash(in, known, before, base, codes)
		}
		if err != nil {
			in.Rejected++
			if len(in.Rejects) < maxRejects {
				f := fault.Of(err)
				in.Rejects = append(in.Rejects, usage.Reject{Line: row.line, Field: f.Field, Code: f.Code, Detail: f.Detail})
			}
			continue
		}
		in.Accepted++
		for _, code := range codes {
			base.Prefix = code
			in.Rows, in.Lines = append(in.Rows, base), append(in.Lines, uint32(row.line))
			before = append(before, known[code])
			known[code] = len(in.Rows)
		}
	}
}

// clash refuses a row that begins together with an earlier one of a prefix.
func clash(in *Import, known map[string]int, before []int, r rating.Row, codes []string) error {
	for _, code := range codes {
		for at := known[code]; at > 0; at = before[at-1] {
			o := &in.Rows[at-1]
			if o.ValidFrom == r.ValidFrom && o.OriginPrefix == r.OriginPrefix && o.Band.Overlaps(r.Band) {
				return badCell(rating.CodeSameStart, fieldPrefix, "line %d has a price of prefix %s from %s on as well", in.Lines[at-1], code, usage.Stamp(r.ValidFrom))
			}
		}
	}
	return nil
}

// open finds out what a file is from its content.
func open(r io.ReaderAt, size int64, m Mapping, l limits) (table, func(), error) {
	var magic [4]byte
	if n, err := r.ReadAt(magic[:], 0); err != nil && err != io.EOF {
		return nil, nil, fault.New(voice.CodeUnreadable, "the file cannot be read", "send it again, whole").Because(err)
	} else if bytes.HasPrefix(magic[:n], []byte("PK\x03\x04")) {
		s, err := openSpreadsheet(r, size, m.Worksheet, l)
		if err != nil {
			return nil, nil, err
		}
		return s, func() { s.close() }, nil // it was read: nothing is lost
	}
	s, err := newSeparated(io.NewSectionReader(r, 0, size), m)
	return s, func() {}, err
}

// header gives the first row behind the lines that are skipped.
func header(t table, skip uint64) ([]string, error) {
	for {
		r, err := t.next()
		if err != nil && !isRow(err) || r.line > skip && err != nil {
			if err == io.EOF || isRow(err) {
				err = fault.New(voice.CodeBadHeader, "the file has no header where the mapping says", "name the number of lines before the header as skip_lines").Because(err)
			}
			return nil, err
		}
		if err != nil || r.line <= skip {
			continue
		}
		head := make([]string, len(r.cells))
		for i, c := range r.cells {
			head[i] = string(c)
		}
		return head, nil
	}
}

// columns turns rows into rates.
type columns struct {
	place     map[string]int // of a field; absent for a constant
	constants map[string]string
	dates     pattern
	zone      *time.Location
	comma     bool
	blocked   map[string]bool
	open      map[string]bool

	destination string // the last one: most rows share it
	dated       [2]struct {
		text string
		ms   int64
	}
}

func newColumns(m Mapping, head []string) (*columns, error) {
	c := &columns{place: map[string]int{}, constants: m.Constants, comma: m.Decimal == ",", blocked: map[string]bool{}, open: map[string]bool{"": true, "no": true, "0": true}}
	c.zone, _ = usage.LoadZone(m.Zone) // both were checked by Validate
	c.dates, _ = parsePattern(m.Dates)
	for _, w := range m.Blocked {
		c.blocked[plain(w)] = true
	}
	for _, w := range m.Open {
		c.open[plain(w)] = true
	}
	canonical := m.Name == Canonical().Name
	for _, f := range fields {
		name := m.Columns[f]
		if name == "" {
			continue
		}
		at := -1
		if n, err := strconv.Atoi(strings.TrimPrefix(name, "#")); err == nil && strings.HasPrefix(name, "#") {
			at = n - 1
		} else {
			for i, h := range head {
				if plain(h) != plain(name) {
					continue
				}
				if at >= 0 {
					return nil, fault.Newf(CodeBadMapping, "name the column by its place, like #3", "the header has the column %.80q twice", name).In("columns." + f)
				}
				at = i
			}
		}
		if at < 0 || at >= len(head) {
			if canonical && slices.Contains(optional, f) {
				continue
			}
			return nil, fault.Newf(CodeBadMapping, "correct the mapping, or name the lines before the header as skip_lines", "the file has no column %.80q; its header is %.300q", name, head).In("columns." + f)
		}
		c.place[f] = at
	}
	return c, nil
}

// value gives a field of a row without the space around it, and what kind of
// cell it is from.
func (c *columns) value(r row, field string) (string, kind) {
	at, ok := c.place[field]
	if !ok {
		return c.constants[field], isText
	}
	if at >= len(r.cells) {
		return "", isText
	}
	k := isText
	if r.kinds != nil {
		k = r.kinds[at]
	}
	cell := bytes.TrimSpace(r.cells[at])
	if field == fieldDestination && string(cell) == c.destination {
		return c.destination, k
	}
	return string(cell), k
}

// read gives the row without its prefix, and the prefixes that it is for.
func (c *columns) read(r row) (out rating.Row, codes []string, err error) {
	text := func(field string) string { v, _ := c.value(r, field); return v }
	for i := range r.kinds { // text of a spreadsheet has not been looked at
		if !utf8.Valid(r.cells[i]) {
			return out, nil, badCell(CodeBadEncoding, "", "cell %d is not in UTF-8", i+1)
		}
	}
	out.Destination = text(fieldDestination)
	c.destination = out.Destination
	if len(out.Destination) > 255 {
		return out, nil, badCell(voice.CodeBadField, fieldDestination, "the name has more than 255 bytes")
	}
	if codes, err = expand(text(fieldCountry), text(fieldPrefix)); err != nil {
		return out, nil, err
	}
	if err = c.price(&out, text); err != nil {
		return out, nil, err
	}
	if out.Currency, err = money.ParseCurrency(strings.ToUpper(text(fieldCurrency))); err != nil {
		return out, nil, fault.Of(err).In(fieldCurrency)
	}
	if err = steps(&out, text); err != nil {
		return out, nil, err
	}
	out.ValidTo = rating.Open
	if out.ValidFrom, err = c.date(r, 0, fieldFrom); err != nil {
		return out, nil, err
	}
	if text(fieldTo) != "" {
		if out.ValidTo, err = c.date(r, 1, fieldTo); err != nil {
			return out, nil, err
		}
	}
	out.OriginPrefix = strings.TrimPrefix(text(fieldOrigin), "+")
	var columns []string
	var cells [][]byte
	for _, f := range []string{fieldDays, fieldFromTime, fieldToTime, fieldZone} {
		columns, cells = append(columns, f), append(cells, []byte(text(f)))
	}
	if err = voice.ReadExtra(&out, columns, cells); err != nil {
		return out, nil, err
	}
	out.Prefix = codes[0]
	return out, codes, out.Validate()
}

// price reads rate, fee and whether the destination is blocked.
func (c *columns) price(out *rating.Row, text func(string) string) (err error) {
	rate, word := text(fieldRate), text(fieldBlocked)
	switch {
	case c.blocked[plain(rate)] || c.blocked[plain(word)]:
		out.Blocked = true
	case c.open[plain(word)]:
	case plain(word) == "yes" || word == "1":
		out.Blocked = true
	default:
		return badCell(voice.CodeBadField, fieldBlocked, "%.40q is none of the words of the mapping that block a destination, nor yes or no", word)
	}
	if out.Blocked {
		return nil // what else the row says of its price does not count
	}
	if out.Rate, err = c.decimal(rate); err != nil {
		return fault.Of(err).In(fieldRate)
	}
	if fee := text(fieldFee); fee != "" {
		if out.ConnectFee, err = c.decimal(fee); err != nil {
			return fault.Of(err).In(fieldFee)
		}
	}
	return nil
}

// decimal reads a price. A sign that the mapping does not name is no decimal
// sign and not left out either: 1,234 never becomes 1234.
func (c *columns) decimal(text string) (money.Rate, error) {
	if c.comma {
		if strings.Contains(text, ".") && strings.Contains(text, ",") {
			return money.ParseRate(text) // which says why not
		}
		text = strings.Replace(text, ",", ".", 1)
	}
	return money.ParseRate(text)
}

// steps reads unit, minimum and increment.
func steps(out *rating.Row, text func(string) string) error {
	seconds := func(field, value string, to *uint32) error {
		n, err := strconv.ParseUint(value, 10, 32)
		if err != nil {
			return badCell(voice.CodeBadField, field, "%.40q is no number of seconds", value)
		}
		*to = uint32(n)
		return nil
	}
	if err := seconds(fieldUnit, text(fieldUnit), &out.UnitSeconds); err != nil {
		return err
	}
	minimum, increment := text(fieldMinimum), text(fieldIncrement)
	fieldMin, fieldInc := fieldMinimum, fieldIncrement
	if both := text(fieldSteps); both != "" || minimum == "" && increment == "" {
		var ok bool
		if minimum, increment, ok = strings.Cut(both, "/"); !ok {
			return badCell(voice.CodeBadField, fieldSteps, "%.40q is no minimum and increment like 30/6", both)
		}
		fieldMin, fieldInc = fieldSteps, fieldSteps
	}
	if err := seconds(fieldMin, strings.TrimSpace(minimum), &out.MinimumSeconds); err != nil {
		return err
	}
	return seconds(fieldInc, strings.TrimSpace(increment), &out.IncrementSeconds)
}

// date reads a date, by the pattern or as a spreadsheet counts. Most rows have
// the date of the row before.
func (c *columns) date(r row, n int, field string) (int64, error) {
	value, k := c.value(r, field)
	last := &c.dated[n]
	if value != "" && value == last.text {
		return last.ms, nil
	}
	ms, ok := c.dates.read(value, c.zone)
	if !ok && k != isText {
		ms, ok = serial(value, k == isNumber1904, c.zone)
	}
	if !ok {
		return 0, badCell(voice.CodeBadTime, field, "%.40q is no date of the form that the mapping names, or there is no such date", value)
	}
	last.text, last.ms = value, ms
	return ms, nil
}

// expand reads a list of prefixes: "49,151-159" is 49 and 151 to 159, "4915-7"
// is 4915 to 4917. A country code stands before each.
func expand(country, list string) ([]string, error) {
	bad := func(format string, args ...any) ([]string, error) {
		return nil, badCell(rating.CodeBadRow, fieldPrefix, format, args...)
	}
	country = strings.TrimPrefix(country, "+")
	if country != "" && !digits(country) {
		return nil, badCell(rating.CodeBadRow, fieldCountry, "%.40q is no country code", country)
	}
	if digits(list) { // most rows
		return []string{country + list}, nil
	}
	parts := strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ';' || r == ' ' || r == '|' || r == '/' })
	if len(parts) == 0 {
		if country == "" || list != "" {
			return bad("%.40q names no prefix", list)
		}
		return []string{country}, nil
	}
	var out []string
	for _, part := range parts {
		first, last, ranged := strings.Cut(strings.TrimPrefix(part, "+"), "-")
		if !ranged {
			last = first
		}
		if !digits(first) || !digits(last) || len(first) > usage.MaxDigits || len(last) > len(first) {
			return bad("%.40q is no prefix and no range of prefixes", part)
		}
		last = first[:len(first)-len(last)] + last // 151-9 is 151 to 159
		from, _ := strconv.ParseUint(first, 10, 64)
		to, _ := strconv.ParseUint(last, 10, 64)
		if to < from {
			return bad("the range %.40q ends before it begins", part)
		}
		if to-from >= maxCodes || len(out)+int(to-from) >= maxCodes {
			return nil, badCell(CodeTooManyCodes, fieldPrefix, "the row stands for more than %d prefixes", maxCodes)
		}
		for n := from; n <= to; n++ {
			code := strconv.FormatUint(n, 10)
			out = append(out, country+strings.Repeat("0", len(first)-len(code))+code)
		}
	}
	sorted := slices.Clone(out)
	slices.Sort(sorted)
	if len(slices.Compact(sorted)) < len(out) {
		return bad("the row names a prefix twice")
	}
	for _, code := range out {
		if code[0] == '0' || len(code) > usage.MaxDigits {
			return bad("%.40q is no prefix: it has 1 to %d digits and does not begin with 0", code, usage.MaxDigits)
		}
	}
	return out, nil
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
