package voice

import (
	"bytes"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/usage"
)

// Skipped is what [Parser.Parse] says of a row that is no call record by the
// profile. Such rows are not counted.
var Skipped = errors.New("the row is no call record")

// Layout is a format with the columns of one file. It is for use by many.
type Layout struct {
	format *Format
	names  int   // columns in line 1, or in the profile
	least  int   // that a row must have
	column []int // of each field that is read; -1: the file has it not
	comma  byte
	escape bool // a backslash goes before what stands for itself, as db_text writes
}

// Mark is the byte order mark that a text may begin with.
const Mark = "\xef\xbb\xbf"

// Sniff tells by the head of a file, from its first byte, how its records are
// written: the format that is given, or else what the content says. A file whose
// content says something else than the format is refused. Code: bad-header.
func (f *Format) Sniff(head []byte) (*Format, error) {
	parquet := bytes.HasPrefix(head, []byte(fileMagic))
	if f == nil || f.name == formatAuto {
		is := ours()
		text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte(Mark)), " \t\r\n")
		switch {
		case parquet:
			is = builtinParquet()
		case len(text) > 0 && text[0] == '{':
			is = builtinJSON()
		}
		if f == nil {
			return is, nil
		}
		return is.In(f.Profile.Zone)
	}
	if f.Parquet() != parquet {
		is := "a Parquet file"
		if !parquet {
			is = "no Parquet file"
		}
		return nil, fault.Newf(CodeBadHeader, "name the format that the file has", "the file is %s, and the format %s is for another kind", is, f.name)
	}
	return f, nil
}

// Parquet reports whether the format's files are Parquet, not lines.
func (f *Format) Parquet() bool { return f.Profile.Format == "parquet" }

// Lines reports whether each line can be read by itself: not so for events.
func (f *Format) Lines() bool { return !f.Parquet() && f.Profile.Events == nil }

// Zone is that of the format's profile; nil: none.
func (f *Format) Zone() *time.Location {
	if f == nil {
		return nil
	}
	return f.zone
}

var errUTF16 = fault.New(CodeBadHeader, "the file is in UTF-16", "save the file as UTF-8")

// Layout reads the first line of a file, without its line break and mark. It is
// taken when it names columns; else it is a record. Code: bad-header.
func (f *Format) Layout(first []byte) (l *Layout, taken bool, err error) {
	if bytes.HasPrefix(first, []byte("\xff\xfe")) || bytes.HasPrefix(first, []byte("\xfe\xff")) {
		return nil, false, errUTF16
	}
	p := &f.Profile
	l = &Layout{format: f, comma: f.comma}
	switch {
	case f.name == formatOurs:
		if string(first) != UsageHeader {
			return nil, false, fault.New(CodeBadHeader, "line 1 is not the header of a file of call records",
				"begin the file with the line "+UsageHeader+", or name its format; lateral records profiles lists them")
		}
		return l, true, nil
	case p.Format == "jsonl":
		return l, false, nil
	case !p.Header:
		l.names, l.least = len(p.Columns), len(p.Columns)-p.Missing
		l.place(p.Columns)
		return l, false, nil
	}
	var names []string
	if dbText.Match(first) {
		l.comma, l.escape = ':', true
		for name := range strings.FieldsSeq(string(first)) {
			name, _, _ = strings.Cut(name, "(")
			names = append(names, name)
		}
	} else {
		fields, err := l.split(nil, new([]byte), first, 1, maxColumns)
		if err != nil {
			return nil, false, fault.New(CodeBadHeader, "line 1 does not name columns", "begin the file with a line of names, as the format asks for").Because(err)
		}
		for _, f := range fields {
			names = append(names, strings.TrimSpace(string(f)))
		}
	}
	l.names, l.least = len(names), len(names)-p.Missing
	l.place(names)
	for i, at := range l.column {
		if at < 0 && f.needs(i) {
			return nil, false, fault.Newf(CodeBadHeader, "correct line 1, or the profile", "line 1 has no column %q, which the format %s takes", f.fields[i], f.name).In(f.fields[i])
		}
	}
	return l, true, nil
}

// maxColumns bounds the columns of a line.
const maxColumns = 1000

// dbText is the first line of a file of Kamailio's db_text.
var dbText = regexp.MustCompile(`^\w+\(\w+(,\w+)*\)( \w+\(\w+(,\w+)*\))*\s*$`)

// needs reports whether a file must have a field: what may stand in for another
// may be missing.
func (f *Format) needs(field int) bool {
	for _, s := range []*source{&f.callID, &f.origin, &f.destination, &f.from, &f.to, &f.trunk} {
		if s.field == field && len(s.value) == 0 && len(s.def) == 0 && s.els < 0 {
			return true
		}
	}
	return f.start.field == field || f.duration == field || f.result.field == field
}

// place finds the columns of the fields.
func (l *Layout) place(names []string) {
	for _, f := range l.format.fields {
		l.column = append(l.column, slices.Index(names, f))
	}
}

// Parser gives a parser of the layout's rows. A zone that is given counts before
// that of the profile.
func (l *Layout) Parser(pair usage.Pair, zone *time.Location) Parser {
	if zone == nil {
		zone = l.format.zone
	}
	p := Parser{Pair: pair, Zone: zone}
	if l.format.name != formatOurs {
		p.layout = l
		p.mapped.values = make([][]byte, len(l.format.fields))
	}
	return p
}

// mapped is what a parser of a profile keeps from row to row.
type mapped struct {
	values   [][]byte // of the fields that are read
	scratch  []byte   // texts that had to be rewritten
	row      [usageColumns][]byte
	carriers map[string][2][]byte // what rules have said of a text
}

// parseMapped reads a row by the profile.
func (p *Parser) parseMapped(line []byte, row *Row) error {
	if err := p.take(line); err != nil {
		return err
	}
	return p.mapRow(row)
}

// take finds the fields that are read in a line.
func (p *Parser) take(line []byte) (err error) {
	l := p.layout
	m := &p.mapped
	m.scratch = m.scratch[:0]
	if l.format.Profile.Format == "jsonl" {
		return p.takeObject(line)
	}
	if l.format.Profile.Header && l.format.blank(line) {
		return Skipped
	}
	if p.fields, err = l.split(p.fields[:0], &m.scratch, line, l.least, l.names); err != nil {
		return err
	}
	for i, at := range l.column {
		m.values[i] = nil
		if at >= 0 && at < len(p.fields) {
			m.values[i] = p.fields[at]
		}
	}
	return nil
}

// blank reports whether a line is empty but for spaces.
func (f *Format) blank(line []byte) bool { return len(bytes.TrimSpace(line)) == 0 }

// split finds the fields of a line, at least so many and at most.
func (l *Layout) split(f [][]byte, scratch *[]byte, line []byte, least, most int) ([][]byte, error) {
	switch {
	case l.escape:
		f = splitEscaped(f, scratch, line, l.comma)
	case bytes.IndexByte(line, '"') < 0:
		for len(f) <= most {
			i := bytes.IndexByte(line, l.comma)
			if i < 0 {
				f = append(f, line)
				break
			}
			f, line = append(f, line[:i]), line[i+1:]
		}
	default:
		var err error
		if f, err = splitQuotes(f, scratch, line, l.comma, most); err != nil {
			return f, err
		}
	}
	if len(f) >= least && len(f) <= most {
		return f, nil
	}
	return f, shape{columns: most}.count(len(f))
}

// splitQuotes is for lines with quotes. Spaces before a quoted field are passed
// over; a quote inside it is written twice.
func splitQuotes(f [][]byte, scratch *[]byte, line []byte, comma byte, most int) ([][]byte, error) {
	for len(f) <= most {
		text := line
		if comma != ' ' {
			text = bytes.TrimLeft(line, " ")
		}
		if len(text) == 0 || text[0] != '"' {
			i := bytes.IndexByte(line, comma)
			end := i
			if i < 0 {
				end = len(line)
			}
			if bytes.IndexByte(line[:end], '"') >= 0 {
				return f, errQuotes
			}
			f = append(f, line[:end])
			if i < 0 {
				return f, nil
			}
			line = line[i+1:]
			continue
		}
		text = text[1:]
		end := bytes.IndexByte(text, '"')
		if end < 0 {
			return f, errQuotes
		}
		if end+1 < len(text) && text[end+1] == '"' {
			from := len(*scratch)
			for end+1 < len(text) && text[end+1] == '"' {
				*scratch = append(*scratch, text[:end+1]...)
				text = text[end+2:]
				if end = bytes.IndexByte(text, '"'); end < 0 {
					return f, errQuotes
				}
			}
			*scratch = append(*scratch, text[:end]...)
			f = append(f, (*scratch)[from:])
		} else {
			f = append(f, text[:end])
		}
		if text = text[end+1:]; len(text) == 0 {
			return f, nil
		}
		if text[0] != comma {
			return f, errQuotes
		}
		line = text[1:]
	}
	return f, nil
}

var errQuotes = badRow(CodeBadQuotes, "put quotes around a whole field and write a quote inside it twice", "the quotes of the line do not match")

// splitEscaped is for lines where a backslash goes before what stands for itself.
func splitEscaped(f [][]byte, scratch *[]byte, line []byte, comma byte) [][]byte {
	from := len(*scratch)
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\' && i+1 < len(line):
			i++
			switch line[i] {
			case 'n', 'r', 't', '0':
				*scratch = append(*scratch, ' ')
			default:
				*scratch = append(*scratch, line[i])
			}
		case c == comma:
			f = append(f, (*scratch)[from:])
			from = len(*scratch)
		default:
			*scratch = append(*scratch, c)
		}
	}
	return append(f, (*scratch)[from:])
}

// mapRow makes a row of the fields that were found.
func (p *Parser) mapRow(row *Row) error {
	f, m := p.layout.format, &p.mapped
	for i := range f.skip {
		if f.skip[i].fits(m.values) {
			return Skipped
		}
	}
	return p.mapCall(row, f.duration)
}

// mapCall makes a row whose duration is in a field; -1: it has none yet.
func (p *Parser) mapCall(row *Row, duration int) error {
	f, m := p.layout.format, &p.mapped
	start := m.values[f.start.field]
	if f.start.els >= 0 && (len(start) == 0 || string(start) == "0" || bytes.HasPrefix(start, []byte("0000-"))) {
		start = m.values[f.start.els]
	}
	long := zeroText
	if duration >= 0 {
		long = m.values[duration]
	}
	from, to, err := p.mapCarriers()
	if err != nil {
		return err
	}
	m.row = [usageColumns][]byte{
		f.callID.of(m.values), f.origin.of(m.values), f.destination.of(m.values), start, long,
		f.result.of(m.values), from, to, f.trunk.of(m.values),
	}
	return p.row(m.row[:], row)
}

var zeroText = []byte("0")

// mostCarriers bounds what is remembered of rules.
const mostCarriers = 4096

// mapCarriers finds whose call a row is.
func (p *Parser) mapCarriers() (from, to []byte, err error) {
	f, m := p.layout.format, &p.mapped
	for i := range f.carriers {
		r := &f.carriers[i]
		t := m.values[r.field]
		if r.pattern == nil {
			if r.fits(m.values) {
				return r.from, r.to, nil
			}
			continue
		}
		known, ok := m.carriers[string(t)]
		if !ok || len(f.carriers) > 1 {
			g := r.pattern.FindSubmatchIndex(t)
			if g == nil {
				continue
			}
			known = [2][]byte{r.pattern.Expand(nil, r.from, t, g), r.pattern.Expand(nil, r.to, t, g)}
			if m.carriers == nil {
				m.carriers = map[string][2][]byte{}
			}
			if len(f.carriers) == 1 && len(m.carriers) < mostCarriers {
				m.carriers[string(t)] = known
			}
		}
		return known[0], known[1], nil
	}
	from, to = f.from.of(m.values), f.to.of(m.values)
	if len(from) == 0 && len(to) == 0 && len(f.carriers) > 0 {
		at := f.carriers[len(f.carriers)-1].field
		return nil, nil, fieldError(CodeBadField, f.fields[at], "no rule of the format says whose call %s is", excerpt(m.values[at]))
	}
	return from, to, nil
}

// ours, builtinJSON and builtinParquet are what a content is read as that no
// format was named for.
func ours() *Format           { return compiled(formatOurs) }
func builtinJSON() *Format    { return compiled(formatJSON) }
func builtinParquet() *Format { return compiled(formatParquet) }
