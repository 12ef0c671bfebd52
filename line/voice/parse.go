package voice

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"time"
	"unicode/utf8"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/usage"
)

// Row is one row of a file of call records, judged by itself alone. Its byte
// slices point into the line that was parsed.
type Row struct {
	usage.Record // its Line and Trunk are for the reader to set
	ID, Trunk    []byte
	OriginText   []byte // as written, when the origin is withheld; nil otherwise
	Plus         bool   // the called number was written with a plus sign

	// What a row that is refused was about.
	DestinationText []byte     // with CodeBadNumber: the called number as written
	From, To        party.Code // with CodeThirdCarrier, or before any good row: whose call it is
}

// Parser reads rows of call records one by one. It is not for use by many at
// once; each piece of a file may have one of its own. The zero Parser reads our
// own CSV; [Layout.Parser] gives one for another format.
type Parser struct {
	Pair usage.Pair     // whose traffic; zero: the carriers of the first good row
	Zone *time.Location // of times that name none; nil: such times are refused

	layout *Layout // nil: our own CSV
	clock  clock
	fields [][]byte
	mapped mapped
}

// Parse reads a line without its line break. The error says why the row is
// refused; with [CodeBadNumber] and [CodeThirdCarrier] all of the row but that
// was good, and it is filled in. Codes: those of a row of call records.
func (p *Parser) Parse(line []byte, row *Row) error {
	if p.layout != nil {
		return p.parseMapped(line, row)
	}
	if p.fast(line, row) {
		return nil
	}
	fields, err := usageShape.split(p.fields[:0], line)
	p.fields = fields
	if err != nil {
		return err
	}
	return p.row(fields, row)
}

// usageColumns is how many columns a file of call records has.
const usageColumns = 9

var usageShape = shape{',', usageColumns}

// fast reads a row as nearly all are written. What it does not take is read
// field by field, and refused there with a reason if it is wrong.
func (p *Parser) fast(b []byte, row *Row) bool {
	i := bytes.IndexByte(b, ',')
	if i <= 0 || i > maxText {
		return false
	}
	row.ID = b[:i]
	b = b[i+1:]
	origin, n := number(b)
	if n < 0 || len(b) <= n || b[n] != ',' {
		return false
	}
	row.Origin, row.OriginText = origin, nil
	if n == 0 {
		row.OriginText = b[:0]
	}
	b = b[n+1:]
	destination, n := number(b)
	if n <= 0 || len(b) <= n || b[n] != ',' {
		return false
	}
	row.Destination, row.Plus = destination, b[0] == '+'
	b = b[n+1:]
	i = bytes.IndexByte(b, ',')
	if i < 20 {
		return false
	}
	start, ok := p.clock.read(b[:i])
	if !ok {
		return false
	}
	row.Start = start
	b = b[i+1:]
	duration, n := uint64(0), 0
	for n < len(b) && n < 10 && b[n]-'0' <= 9 {
		duration = duration*10 + uint64(b[n]-'0')
		n++
	}
	if n == 0 || duration > math.MaxUint32 || len(b) <= n || b[n] != ',' {
		return false
	}
	row.Duration = uint32(duration)
	b = b[n+1:]
	if start < 0 || start > lastMoment-int64(duration) {
		return false
	}
	switch {
	case bytes.HasPrefix(b, []byte("success,")):
		row.Result, b = usage.Success, b[8:]
	case bytes.HasPrefix(b, []byte("fail,")):
		row.Result, b = usage.Fail, b[5:]
	case bytes.HasPrefix(b, []byte("rna,")):
		row.Result, b = usage.NoAnswer, b[4:]
	default:
		return false
	}
	x, y := string(p.Pair[0]), string(p.Pair[1])
	if x == "" || len(b) < len(x)+len(y)+2 {
		return false
	}
	switch {
	case string(b[:len(x)]) == x && b[len(x)] == ',' && string(b[len(x)+1:len(x)+1+len(y)]) == y:
		row.Way = usage.Forth
	case string(b[:len(y)]) == y && b[len(y)] == ',' && string(b[len(y)+1:len(y)+1+len(x)]) == x:
		row.Way = usage.Back
	default:
		return false
	}
	b = b[len(x)+1+len(y):]
	if b[0] != ',' {
		return false
	}
	row.Trunk = b[1:]
	return len(row.Trunk) <= maxText && plain(row.Trunk) && plain(row.ID)
}

// plain reports whether a text is ASCII without commas and quotes.
func plain(s []byte) bool {
	for len(s) >= 8 {
		w := binary.LittleEndian.Uint64(s)
		if (w|zeros(w^','*lowBits)|zeros(w^'"'*lowBits))&highBits != 0 {
			return false
		}
		s = s[8:]
	}
	for _, c := range s {
		if c >= utf8.RuneSelf || c == ',' || c == '"' {
			return false
		}
	}
	return true
}

// zeros sets the highest bit of some byte when a byte of a word is 0 (of a word of
// ASCII: of those alone and of what borrows from them).
func zeros(w uint64) uint64 { return (w - lowBits) &^ w }

// number reads E.164 digits at the head of b, none if b begins with a comma, and
// tells how many bytes it took; n is -1 for anything else.
func number(b []byte) (v usage.Number, n int) {
	if len(b) == 0 || b[0] == ',' {
		return 0, 0
	}
	i := 0
	if b[0] == '+' {
		i = 1
	}
	if i == len(b) || b[i]-'1' > 8 {
		return 0, -1
	}
	first := i
	if len(b) >= i+16 {
		// Eight digits are read at once, as bytes of a word.
		head, n := digits(binary.LittleEndian.Uint64(b[i:]))
		if n < 8 {
			return usage.Number(head), i + n
		}
		tail, n := digits(binary.LittleEndian.Uint64(b[i+8:]))
		if n == 8 {
			return 0, -1 // 16 or more
		}
		return usage.Number(head*powers[n] + tail), i + 8 + n
	}
	for i < len(b) && b[i]-'0' <= 9 {
		v = v*10 + usage.Number(b[i]-'0')
		if i++; i-first > usage.MaxDigits {
			return 0, -1
		}
	}
	return v, i
}

var powers = [8]uint64{1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000}

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// digits reads the decimal digits at the head of eight bytes, the first of which
// is the lowest, and counts them.
func digits(word uint64) (v uint64, n int) {
	word ^= '0' * lowBits
	other := ((word & (highBits - lowBits)) + (0x80-10)*lowBits | word) & highBits // the highest bit of each byte that is no digit
	n = bits.TrailingZeros64(other) / 8
	if n == 0 {
		return 0, 0
	}
	// Zeros go before the digits; then neighbours are put together, first two,
	// then four, then eight.
	word <<= 8 * (8 - uint(n))
	word = word*10 + word>>8
	word = (word&0x000000ff000000ff*0x000f424000000064 + word>>16&0x000000ff000000ff*0x0000271000000001) >> 32
	return word, n
}

// row reads the fields of a row.
func (p *Parser) row(f [][]byte, row *Row) error {
	*row = Row{ID: f[0], Trunk: f[8], Plus: len(f[2]) > 0 && f[2][0] == '+'}
	if len(row.ID) == 0 {
		return fieldError(CodeBadField, "call_id", "a call has no id")
	}
	if err := text("call_id", row.ID); err != nil {
		return err
	}
	if p.layout != nil {
		if err := oneLine(f); err != nil {
			return err
		}
	}
	if len(f[1]) > maxText {
		return fieldError(CodeBadField, "originating_number", "the originating number %s is longer than %d bytes", excerpt(f[1]), maxText)
	}
	var ok bool
	if row.Origin, ok = usage.ParseNumber(f[1]); !ok {
		row.OriginText = f[1]
	}
	row.Plus = len(f[2]) > 0 && f[2][0] == '+'
	var bad error // why the row is refused all the same, when all else in it is good
	if row.Destination, ok = usage.ParseNumber(f[2]); !ok {
		row.DestinationText = f[2]
		bad = fieldError(CodeBadNumber, "destination_number", "%s is no E.164 number of 1 to 15 digits", excerpt(f[2]))
	}
	if row.Start, ok = p.start(f[3]); !ok {
		form := "RFC 3339 time with zone and at most 9 fraction digits"
		if p.layout != nil {
			form = p.layout.format.startForm()
		}
		return fieldError(CodeBadTime, "start_time", "%s is no %s", excerpt(f[3]), form)
	}
	if row.Duration, ok = p.duration(f[4]); !ok {
		return fieldError(CodeBadField, "duration_ms", "%s is no duration of 0 to %d ms", excerpt(f[4]), uint32(math.MaxUint32))
	}
	if row.Start < 0 || row.Start > lastMoment-int64(row.Duration) {
		return fieldError(CodeBadTime, "start_time", "the call lies outside the time from 1970 to November 9999")
	}
	switch string(f[5]) {
	case "success":
		row.Result = usage.Success
	case "fail":
		row.Result = usage.Fail
	case "rna":
		row.Result = usage.NoAnswer
	default:
		return fieldError(CodeBadField, "result", "%s is none of success, fail, rna", excerpt(f[5]))
	}
	if err := text("trunk", row.Trunk); err != nil {
		return err
	}
	if err := p.carriers(row, f[6], f[7], bad != nil); err != nil {
		return err
	}
	return bad
}

// start reads the start of a call, in ms UTC.
func (p *Parser) start(s []byte) (ms int64, ok bool) {
	if p.layout != nil {
		switch form := p.layout.format.start.format; form {
		case "":
		case "unix", "unix_ms", "unix_us":
			if ms, ok = unixTime(s, form); ok {
				return ms, true
			}
		default:
			if ms, ok = stamp(form, s, p.Zone); ok {
				return ms, true
			}
			if len(s) <= 11 {
				return unixTime(s, "unix") // databases write a date so as well
			}
		}
		// What a column of times gives is written like our own.
	}
	if ms, ok = p.clock.read(s); ok {
		return ms, true
	}
	return p.local(s)
}

// duration reads how long a call was, in ms.
func (p *Parser) duration(s []byte) (uint32, bool) {
	if p.layout == nil {
		return milliseconds(s)
	}
	ms, ok := quantity(s, p.layout.format.unit)
	return uint32(ms), ok && ms <= math.MaxUint32
}

// local reads a time without a zone, by the clock of the parser's zone. Where
// that clock shows a time twice, the first is meant.
func (p *Parser) local(s []byte) (ms int64, ok bool) {
	if p.Zone == nil || len(s) < 19 || len(s) > 29 {
		return 0, false
	}
	var with [30]byte
	n := copy(with[:], s)
	with[10] = 'T'
	if s[10] != 'T' && s[10] != 't' && s[10] != ' ' {
		return 0, false
	}
	with[n] = 'Z'
	wall, ok := p.clock.read(with[:n+1])
	if !ok {
		return 0, false
	}
	return wallClock(wall, p.Zone)
}

// carriers finds the way of a row, and with the first good row the pair.
func (p *Parser) carriers(row *Row, from, to []byte, refused bool) error {
	switch {
	case string(from) == string(p.Pair[0]) && string(to) == string(p.Pair[1]) && len(from) > 0:
		row.Way = usage.Forth
		return nil
	case string(from) == string(p.Pair[1]) && string(to) == string(p.Pair[0]) && len(from) > 0:
		row.Way = usage.Back
		return nil
	}
	third := ""
	for _, c := range []struct {
		field string
		code  []byte
	}{{"carrier_from", from}, {"carrier_to", to}} {
		if party.Code(c.code).Validate() != nil {
			return fieldError(CodeBadField, c.field, "%s is no carrier code", excerpt(c.code))
		}
		if p.Pair != (usage.Pair{}) && string(c.code) != string(p.Pair[0]) && string(c.code) != string(p.Pair[1]) && third == "" {
			third = c.field
		}
	}
	if bytes.Equal(from, to) {
		return fieldError(CodeBadField, "carrier_to", "the call goes from %s to itself", excerpt(to))
	}
	if third != "" {
		row.From, row.To = party.Code(from), party.Code(to)
		code := row.From
		if third == "carrier_to" {
			code = row.To
		}
		return fieldError(CodeThirdCarrier, third, "%q is neither %s nor %s", string(code), p.Pair[0], p.Pair[1])
	}
	if refused {
		row.From, row.To = party.Code(from), party.Code(to)
		return nil // a row that is refused names no pair
	}
	p.Pair = usage.PairOf(party.Code(from), party.Code(to))
	row.Way, _ = p.Pair.Way(usage.Direction{From: party.Code(from), To: party.Code(to)})
	return nil
}

func milliseconds(s []byte) (uint32, bool) {
	if len(s) == 0 || len(s) > 10 {
		return 0, false
	}
	n := uint64(0)
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return uint32(n), n <= math.MaxUint32
}

// oneLine refuses a line break in a text, which our own CSV could not hold.
func oneLine(f [][]byte) error {
	for i, name := range [...]string{0: "call_id", 1: "originating_number", 2: "destination_number", 8: "trunk"} {
		if name != "" && bytes.ContainsAny(f[i], "\r\n") {
			return fieldError(CodeBadField, name, "%s has a line break", excerpt(f[i]))
		}
	}
	return nil
}

// text checks a field that is kept as it is.
func text(field string, s []byte) error {
	if len(s) > maxText {
		return fieldError(CodeBadField, field, "%s is longer than %d bytes", excerpt(s), maxText)
	}
	if !utf8.Valid(s) {
		return fieldError(CodeBadField, field, "%s is not in UTF-8", excerpt(s))
	}
	return nil
}

func fieldError(code fault.Code, field, format string, args ...any) error {
	return &fault.Error{Code: code, Detail: fmt.Sprintf(format, args...), Field: field,
		Remedy: "correct the row and send it again; the rows around it were read"}
}
