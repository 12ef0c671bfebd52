package voice

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/internal/parquet"
	"github.com/lateral-network/lateral/trade/usage"
)

// fileMagic is how a Parquet file begins.
const fileMagic = parquet.Magic

// Table is a Parquet file of call records. It is for use by many.
type Table struct {
	layout  *Layout
	file    *parquet.File
	columns []int            // of the file, that are read
	kinds   []parquet.Column // of these
	first   []uint64
	own     bool // our own columns, in the types of our own writer: most rows are read without their texts
	ours    ownColumns
}

// OpenTable opens a Parquet file. Codes: unreadable-file, bad-header.
func OpenTable(r io.ReaderAt, size int64, f *Format) (*Table, error) {
	file, err := parquet.Open(r, size)
	if err != nil {
		return nil, fault.Newf(CodeUnreadable, "send the file again, whole", "the Parquet file of %d bytes cannot be read: %v", size, err).Because(err)
	}
	l := &Layout{format: f}
	names := make([]string, len(file.Columns))
	for i, c := range file.Columns {
		names[i] = c.Name
	}
	l.place(names)
	t := &Table{layout: l, file: file}
	for i, at := range l.column {
		if at < 0 {
			if f.needs(i) {
				return nil, fault.Newf(CodeBadHeader, "write the column, or correct the profile", "the Parquet file has no column %q, which the format %s takes", f.fields[i], f.name).In(f.fields[i])
			}
			continue
		}
		l.column[i] = len(t.columns)
		t.columns, t.kinds = append(t.columns, at), append(t.kinds, file.Columns[at])
	}
	t.own = f.name == formatParquet && t.ours.find(t)
	if file.Rows > math.MaxUint32-1 {
		return nil, fault.Newf(CodeTooManyRows, "split the file", "the file has %d rows", file.Rows)
	}
	next := uint64(1)
	for i := range file.Groups() {
		t.first = append(t.first, next)
		next += uint64(file.GroupRows(i))
	}
	return t, nil
}

// Groups is how many groups of rows the table has. Each can be read by itself.
func (t *Table) Groups() int { return t.file.Groups() }

// Rows is how many rows the table has.
func (t *Table) Rows() int64 { return t.file.Rows }

// TableReader reads the rows of groups. It is for one goroutine.
type TableReader struct {
	Parser *Parser

	t       *Table
	r       *parquet.Reader
	vectors []*parquet.Vector // of the columns that are read
	line    uint64
	at, n   int
	broken  bool

	scratch []byte
	ways    dictionaries
	results dictionaries
	wayOf   []wayed
	outcome []int8
}

// dictionaries says which dictionaries something was kept for.
type dictionaries struct {
	a, b uint64
	n    int // texts of the second
}

// wayed is what two carriers were found to be: 0 not looked at, 1 in the one way,
// 2 in the other, 3 none of these.
type wayed int8

// ownColumns are our own columns, by their place among those that are read; -1:
// there is none.
type ownColumns struct {
	id, origin, originText, destination, start, duration, result, from, to, trunk int
	unit                                                                          parquet.Unit
}

// tableBatch is how many rows are looked at together, so that their values stay in
// the processor's cache.
const tableBatch = 4096

// Reader gives a reader of the table's groups.
func (t *Table) Reader(pair usage.Pair, zone *time.Location) *TableReader {
	p := t.layout.Parser(pair, zone)
	return &TableReader{Parser: &p, t: t, r: t.file.Reader(t.columns)}
}

// find sees whether the columns have the types of our own writer. If one has not,
// all rows are read by their texts.
func (o *ownColumns) find(t *Table) bool {
	at := func(name string, kind parquet.Kind) int {
		i := slices.Index(t.layout.format.fields, name)
		if i < 0 || t.layout.column[i] < 0 {
			return -1
		}
		if i = t.layout.column[i]; t.kinds[i].Kind != kind {
			return -1
		}
		return i
	}
	*o = ownColumns{
		id: at("call_id", parquet.Bytes), origin: at("originating_number", parquet.Int64), originText: at("originating_text", parquet.Bytes),
		destination: at("destination_number", parquet.Int64), start: at("start_time", parquet.Int64), duration: at("duration_ms", parquet.Int32),
		result: at("result", parquet.Bytes), from: at("carrier_from", parquet.Bytes), to: at("carrier_to", parquet.Bytes), trunk: at("trunk", parquet.Bytes),
	}
	if o.duration < 0 {
		o.duration = at("duration_ms", parquet.Int64)
	}
	if o.id < 0 || o.origin < 0 || o.destination < 0 || o.start < 0 || o.duration < 0 || o.result < 0 || o.from < 0 || o.to < 0 || o.trunk < 0 {
		return false
	}
	o.unit = t.kinds[o.start].Unit
	return o.unit != parquet.Plain && !t.kinds[o.start].Local
}

// Open begins a group.
func (r *TableReader) Open(group int) {
	r.r.Open(group)
	r.line = r.t.first[group] - 1
	r.at, r.n, r.broken = 0, 0, false
}

// Next reads the next row of the group; see [Records.Next]. Lines are the numbers
// of rows, from 1. After an error of the file the group is at its end.
func (r *TableReader) Next(row *Row) (line uint64, refused, err error) {
	if r.at == r.n {
		if err := r.batch(); err != nil {
			return r.line, nil, err
		}
	}
	i := r.at
	r.at++
	r.line++
	if r.t.own && r.fast(i, row) {
		return r.line, nil, nil
	}
	return r.line, r.slow(i, row), nil
}

// batch reads the next values of all columns.
func (r *TableReader) batch() (err error) {
	if r.broken {
		return io.EOF
	}
	if r.n, err = r.r.Next(tableBatch); err == io.EOF {
		r.n, r.at = 0, 0
		return io.EOF
	}
	if err != nil {
		r.broken = true
		r.n, r.at = 0, 0
		return fault.Newf(CodeUnreadable, "send the file again, whole", "the Parquet file cannot be read behind row %d: %v", r.line, err).Because(err)
	}
	r.at = 0
	if r.vectors == nil {
		for i := range r.t.kinds {
			r.vectors = append(r.vectors, r.r.Column(i))
		}
	}
	return nil
}

// fast reads a row of our own columns as nearly all are. What it does not take is
// read by its texts, and refused there with a reason if it is wrong.
func (r *TableReader) fast(i int, row *Row) bool {
	o, v := &r.t.ours, r.vectors
	origin, destination := v[o.origin].Ints[i], v[o.destination].Ints[i]
	start, duration := v[o.start].Ints[i], v[o.duration].Ints[i]
	switch o.unit {
	case parquet.Micros:
		start /= 1000
	case parquet.Nanos:
		start /= 1_000_000
	}
	if uint64(origin) > mostNumber || destination <= 0 || uint64(destination) > mostNumber || uint64(duration) > math.MaxUint32 || start < 0 || start > lastMoment-duration {
		return false
	}
	id := v[o.id].Text(i)
	if len(id) == 0 || len(id) > maxText || !plainLine(id) {
		return false
	}
	row.OriginText = nil
	if origin == 0 {
		row.OriginText = emptyText
		if o.originText >= 0 {
			if row.OriginText = v[o.originText].Text(i); len(row.OriginText) > maxText || !plainLine(row.OriginText) {
				return false
			}
		}
	}
	trunk := v[o.trunk].Text(i)
	if len(trunk) > maxText || !plainLine(trunk) {
		return false
	}
	if !r.way(i, row) || !r.resultOf(i, row) {
		return false
	}
	row.ID, row.Trunk, row.Plus = id, trunk, false
	row.Origin, row.Destination = usage.Number(origin), usage.Number(destination)
	row.Start, row.Duration = start, uint32(duration)
	return true
}

const mostNumber = 999_999_999_999_999 // of usage.MaxDigits

var emptyText = []byte{}

// plainLine reports whether a text is ASCII in one line.
func plainLine(s []byte) bool {
	for _, c := range s {
		if c >= 0x80 || c < ' ' {
			return false
		}
	}
	return true
}

// way finds whose call a row is, for most rows by the dictionaries' numbers alone.
func (r *TableReader) way(i int, row *Row) bool {
	from, to := r.vectors[r.t.ours.from], r.vectors[r.t.ours.to]
	if r.Parser.Pair == (usage.Pair{}) {
		return false
	}
	if from.Index == nil || to.Index == nil {
		w := r.judgeWay(from.Text(i), to.Text(i))
		row.Way = usage.Way(w - 1)
		return w != noWay
	}
	a, _ := from.Dictionary()
	b, n := to.Dictionary()
	if _, m := from.Dictionary(); (r.ways != dictionaries{a, b, n}) {
		if n*m > 1<<16 {
			w := r.judgeWay(from.Text(i), to.Text(i))
			row.Way = usage.Way(w - 1)
			return w != noWay
		}
		r.ways = dictionaries{a, b, n}
		r.wayOf = append(r.wayOf[:0], make([]wayed, n*m)...)
	}
	w := &r.wayOf[int(from.Index[i])*n+int(to.Index[i])]
	if *w == 0 {
		*w = r.judgeWay(from.Text(i), to.Text(i))
	}
	row.Way = usage.Way(*w - 1)
	return *w != noWay
}

const noWay wayed = 3

func (r *TableReader) judgeWay(from, to []byte) wayed {
	p := &r.Parser.Pair
	switch {
	case string(from) == string(p[0]) && string(to) == string(p[1]):
		return wayed(usage.Forth) + 1
	case string(from) == string(p[1]) && string(to) == string(p[0]):
		return wayed(usage.Back) + 1
	}
	return noWay
}

// resultOf finds the outcome of a call.
func (r *TableReader) resultOf(i int, row *Row) bool {
	v := r.vectors[r.t.ours.result]
	var text []byte
	if v.Index == nil {
		text = v.Text(i)
	} else {
		number, n := v.Dictionary()
		if (r.results != dictionaries{number, 0, n}) {
			r.results = dictionaries{number, 0, n}
			r.outcome = append(r.outcome[:0], make([]int8, n)...)
		}
		known := &r.outcome[v.Index[i]]
		if *known == 0 {
			*known = outcomeOf(v.Text(i))
		}
		row.Result = usage.Result(*known - 1)
		return *known < 4
	}
	known := outcomeOf(text)
	row.Result = usage.Result(known - 1)
	return known < 4
}

// outcomeOf gives a result and 1, or 4.
func outcomeOf(text []byte) int8 {
	switch string(text) {
	case "success":
		return int8(usage.Success) + 1
	case "fail":
		return int8(usage.Fail) + 1
	case "rna":
		return int8(usage.NoAnswer) + 1
	}
	return 4
}

// slow reads a row by the texts of its columns.
func (r *TableReader) slow(i int, row *Row) error {
	m := &r.Parser.mapped
	m.scratch = m.scratch[:0]
	// Texts are written one behind the other first, because the room may move.
	r.scratch = r.scratch[:0]
	for k, at := range r.t.layout.column {
		m.values[k] = nil
		if at >= 0 {
			m.values[k] = r.text(at, i)
		}
	}
	return r.Parser.mapRow(row)
}

// text gives a value as a text: numbers in digits, times in RFC 3339.
func (r *TableReader) text(column, i int) []byte {
	v, c := r.vectors[column], &r.t.kinds[column]
	if v.Null != nil && v.Null[i] {
		return nil
	}
	from := len(r.scratch)
	switch c.Kind {
	case parquet.Bytes:
		return v.Text(i)
	case parquet.Boolean:
		r.scratch = strconv.AppendBool(r.scratch, v.Ints[i] != 0)
	case parquet.Int32, parquet.Int64:
		r.scratch = appendInt(r.scratch, v.Ints[i], c)
	case parquet.Float, parquet.Double:
		r.scratch = strconv.AppendFloat(r.scratch, v.Floats[i], 'f', -1, 64)
	}
	return r.scratch[from:len(r.scratch):len(r.scratch)]
}

func appendInt(dst []byte, v int64, c *parquet.Column) []byte {
	var t time.Time
	switch c.Unit {
	case parquet.Millis:
		t = time.UnixMilli(v)
	case parquet.Micros:
		t = time.UnixMicro(v)
	case parquet.Nanos:
		t = time.Unix(0, v)
	default:
		if c.Unsigned && c.Kind == parquet.Int64 {
			return strconv.AppendUint(dst, uint64(v), 10)
		}
		return strconv.AppendInt(dst, v, 10)
	}
	layout := "2006-01-02T15:04:05.999999999Z"
	if c.Local {
		layout = "2006-01-02T15:04:05.999999999"
	}
	return t.UTC().AppendFormat(dst, layout)
}

// tableRows reads all groups of a table, one after the other.
type tableRows struct {
	reader *TableReader
	group  int
	open   bool
	broken error
}

// next goes on behind a group that is damaged, and tells of the first that was.
func (t *tableRows) next(row *Row) (uint64, error, error) {
	for {
		if !t.open {
			if t.group == t.reader.t.Groups() {
				if t.broken != nil {
					return 0, nil, t.broken
				}
				return 0, nil, io.EOF
			}
			t.reader.Open(t.group)
			t.group++
			t.open = true
		}
		line, refused, err := t.reader.Next(row)
		if err == nil {
			return line, refused, nil
		}
		if err != io.EOF && t.broken == nil {
			t.broken = err
		}
		t.open = false
	}
}

// readerAt gives a file that can be read at any place, and its size.
func readerAt(r io.Reader) (io.ReaderAt, int64, bool) {
	at, ok := r.(io.ReaderAt)
	if !ok {
		return nil, 0, false
	}
	switch f := r.(type) {
	case interface{ Stat() (os.FileInfo, error) }:
		info, err := f.Stat()
		if err != nil || !info.Mode().IsRegular() {
			return nil, 0, false
		}
		return at, info.Size(), true
	case interface{ Size() int64 }:
		return at, f.Size(), true
	}
	return nil, 0, false
}

// spool keeps what cannot be read at any place. The file has no name any more, so
// it is gone when it is closed, or when the process ends.
func spool(r io.Reader) (*os.File, int64, error) {
	f, err := os.CreateTemp("", "lateral-records-")
	if err != nil {
		return nil, 0, durable.Explain("make a temporary file", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, 0, errors.Join(durable.Explain("make a temporary file", err), f.Close())
	}
	n, err := io.Copy(f, r)
	if err != nil {
		return nil, 0, errors.Join(fault.Newf(CodeUnreadable, "send the file again, whole", "the file breaks off after %d bytes", n).Because(fmt.Errorf("keeping the file: %w", err)), f.Close())
	}
	return f, n, nil
}
