package voice

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"math"
	"slices"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/usage"
)

// Records reads the call records of one file, in any format, one after the
// other. It is not for use by many at once. Close it when done.
type Records struct {
	// Parser judges the rows. Its pair becomes that of the first good row, unless
	// it is set before.
	Parser  *Parser
	Format  *Format // as it was found out
	Skipped uint64  // rows that are no call records by the profile

	rows  *Rows
	first []byte // line 1, when it is a record
	err   error  // why line 1 has none
	calls *pairing
	table *tableRows
	temp  io.Closer
}

// Sniff finds out how a file is written: in the given format or, if that is nil,
// in that of its content. Codes: bad-header, unreadable-file.
func Sniff(r io.Reader, f *Format) (*Format, error) {
	in, err := decompressed(r)
	if err != nil {
		return nil, err
	}
	head, err := in.Peek(512)
	if len(head) == 0 && err != io.EOF {
		return nil, unreadable(0, err)
	}
	return f.Sniff(head)
}

// OpenTableFile opens a Parquet file that may be compressed, or come through a
// pipe: it is kept in a temporary file then, which the closer gives back. Codes:
// those of [OpenTable].
func OpenTableFile(r io.Reader, f *Format) (*Table, io.Closer, error) {
	if at, size, ok := tableAt(r); ok {
		t, err := OpenTable(at, size, f)
		return t, io.NopCloser(nil), err
	}
	in, err := decompressed(r)
	if err != nil {
		return nil, nil, err
	}
	temp, size, err := spool(in)
	if err != nil {
		return nil, nil, err
	}
	t, err := OpenTable(temp, size, f)
	if err != nil {
		return nil, nil, errors.Join(err, temp.Close())
	}
	return t, temp, nil
}

// tableAt gives a Parquet file that can be read at any place.
func tableAt(r io.Reader) (io.ReaderAt, int64, bool) {
	at, size, ok := readerAt(r)
	if !ok {
		return nil, 0, false
	}
	var magic [len(fileMagic)]byte
	_, err := at.ReadAt(magic[:], 0)
	return at, size, err == nil && string(magic[:]) == fileMagic
}

// OpenRecords opens a file: plain or gzip, in the given format or, if that is
// nil, in that of its content. Codes: bad-header, unreadable-file.
func OpenRecords(r io.Reader, f *Format, pair usage.Pair, zone *time.Location) (*Records, error) {
	if at, size, ok := tableAt(r); ok {
		return openTableRecords(at, size, nil, f, pair, zone)
	}
	in, err := decompressed(r)
	if err != nil {
		return nil, err
	}
	head, _ := in.Peek(512)
	if f, err = f.Sniff(head); err != nil {
		return nil, err
	}
	if f.Parquet() {
		temp, size, err := spool(in)
		if err != nil {
			return nil, err
		}
		return openTableRecords(temp, size, temp, f, pair, zone)
	}
	passMark(in)
	rs := &Records{Format: f, rows: &Rows{in: in}}
	line, err := rs.rows.nextLine()
	var bad errRow
	switch {
	case err == nil:
	case errors.As(err, &bad):
		rs.err = err
	case err != io.EOF:
		return nil, err
	}
	l, taken, layoutErr := f.Layout(line)
	if layoutErr != nil {
		return nil, fault.Of(layoutErr).Because(cmp.Or(err, layoutErr))
	}
	if !taken && err == nil {
		rs.first = line
	}
	p := l.Parser(pair, zone)
	rs.Parser = &p
	if f.Profile.Events != nil {
		rs.calls = newPairing(&p)
	}
	return rs, nil
}

func openTableRecords(at io.ReaderAt, size int64, temp io.Closer, f *Format, pair usage.Pair, zone *time.Location) (*Records, error) {
	rs := &Records{temp: temp}
	f, err := f.Sniff([]byte(fileMagic))
	if err == nil {
		var t *Table
		if t, err = OpenTable(at, size, f); err == nil {
			reader := t.Reader(pair, zone)
			rs.Format, rs.Parser, rs.table = f, reader.Parser, &tableRows{reader: reader}
			return rs, nil
		}
	}
	return nil, errors.Join(err, rs.Close())
}

// Close gives back what the records took beside the file itself.
func (rs *Records) Close() error {
	if rs.temp == nil {
		return nil
	}
	return rs.temp.Close()
}

// Next reads the next row that is a call record. refused says why the row that
// was read is not accepted; of one refused with [CodeBadNumber] or
// [CodeThirdCarrier] all else is filled in. err is io.EOF at the end, or of the
// file as a whole: unreadable-file, too-many-rows. The row is good until the next
// call.
func (rs *Records) Next(row *Row) (line uint64, refused, err error) {
	if rs.table != nil {
		line, refused, err = rs.table.next(row)
	} else if rs.calls != nil {
		line, refused, err = rs.calls.next(rs, row)
	} else {
		line, refused, err = rs.nextLine(func(line []byte) error { return rs.Parser.Parse(line, row) })
	}
	if err == nil && line > math.MaxUint32 {
		return 0, nil, fault.Newf(CodeTooManyRows, "split the file", "the file goes on after line %d", line-1)
	}
	return line, refused, err
}

// nextLine has the next line parsed that is not passed over.
func (rs *Records) nextLine(parse func([]byte) error) (uint64, error, error) {
	for {
		line, err := rs.first, rs.err
		if line == nil && err == nil {
			line, err = rs.rows.nextLine()
		}
		rs.first, rs.err = nil, nil
		var bad errRow
		if err != nil && !errors.As(err, &bad) {
			return 0, nil, err
		}
		if err == nil {
			if err = parse(line); err == Skipped {
				rs.Skipped++
				continue
			}
		}
		return rs.rows.Line, err, nil
	}
}

// pairing makes calls of the rows that begin and end them.
type pairing struct {
	p    *Parser
	open map[string]*begun
	held int      // bytes of what is open
	lost []*begun // what no row ended, once the file is at its end
	end  bool
}

// begun is a call without its end: a copy of the fields of the row that began it.
type begun struct {
	line   uint64
	values [][]byte
}

// maxOpen bounds what is kept of calls that are open, bytes.
const maxOpen = 256 << 20

func newPairing(p *Parser) *pairing { return &pairing{p: p, open: map[string]*begun{}} }

func (c *pairing) next(rs *Records, row *Row) (uint64, error, error) {
	for !c.end {
		at := uint64(0) // line of the row that began the call
		line, refused, err := rs.nextLine(func(line []byte) error {
			if err := c.p.take(line); err != nil {
				return err
			}
			var err error
			at, err = c.event(rs.rows.Line, row)
			return err
		})
		switch {
		case err == io.EOF:
			c.end = true
			for _, b := range c.open {
				c.lost = append(c.lost, b)
			}
			slices.SortFunc(c.lost, func(a, b *begun) int { return cmp.Compare(b.line, a.line) })
		case err != nil:
			return 0, nil, err
		case c.held > maxOpen:
			return 0, nil, fault.Newf(CodeTooManyRows, "cut the file by time, and leave out what is no call", "at line %d more calls are open than fit in %d MiB", line, maxOpen>>20)
		case refused == errBegun:
		default:
			return cmp.Or(at, line), refused, nil
		}
	}
	if len(c.lost) == 0 {
		return 0, nil, io.EOF
	}
	b := c.lost[len(c.lost)-1]
	c.lost = c.lost[:len(c.lost)-1]
	return b.line, fieldError(CodeBadField, "duration_ms", "no row of the file ends the call"), nil
}

// errBegun says that a row began a call, which is told when it has ended.
var errBegun = errors.New("a call has begun")

// event takes one row: it begins a call, ends one, or is none of both. A call that
// did not succeed has ended at once.
func (c *pairing) event(line uint64, row *Row) (at uint64, err error) {
	f, m := c.p.layout.format, &c.p.mapped
	for i := range f.skip {
		if f.skip[i].fits(m.values) {
			return 0, Skipped
		}
	}
	key := m.values[f.key]
	switch {
	case f.begin.fits(m.values):
		if c.open[string(key)] != nil {
			return 0, Skipped // the call goes on with other media
		}
		if !bytes.Equal(f.result.of(m.values), resultTexts["success"]) {
			return line, c.p.mapCall(row, f.duration)
		}
		b := &begun{line: line}
		size := len(key) + 200
		for _, v := range m.values {
			b.values = append(b.values, bytes.Clone(v))
			size += len(v) + 24
		}
		c.open[string(key)] = b
		c.held += size
		return 0, errBegun
	case !f.end.fits(m.values):
		return 0, Skipped
	}
	b := c.open[string(key)]
	if b == nil {
		return line, fieldError(CodeBadField, f.fields[f.key], "no row before it begins the call %s", excerpt(key))
	}
	delete(c.open, string(key))
	c.held -= len(key) + 200
	for _, v := range b.values {
		c.held -= len(v) + 24
	}
	text := bytes.Clone(m.values[f.start.field])
	copy(m.values, b.values)
	if err := c.p.mapCall(row, -1); err != nil && fault.CodeOf(err) != CodeBadNumber && fault.CodeOf(err) != CodeThirdCarrier {
		return b.line, err
	} else {
		ends, ok := c.p.start(text)
		if !ok {
			return b.line, fieldError(CodeBadTime, "duration_ms", "line %d, which ends the call, has the time %s, no %s", line, excerpt(text), f.startForm())
		}
		if long := ends - row.Start; long < 0 || long > math.MaxUint32 || ends > lastMoment {
			return b.line, fieldError(CodeBadField, "duration_ms", "line %d ends the call %d ms after it began", line, ends-row.Start)
		}
		row.Duration = uint32(ends - row.Start)
		return b.line, err
	}
}
