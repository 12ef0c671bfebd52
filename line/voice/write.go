package voice

import (
	"bufio"
	"bytes"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/usage"
)

// RecordWriter writes call records in one of our own formats.
type RecordWriter interface {
	// Write writes a row of calls from one carrier to another. A called number
	// that is no E.164 is written as it was.
	Write(row *Row, from, to party.Code) error
	// Close writes what is left. It does not close what is below.
	Close() error
}

// NewCSVWriter writes our own CSV. Its first line is written at once.
func NewCSVWriter(w io.Writer) RecordWriter {
	c := &csvWriter{w: bufio.NewWriterSize(w, 256<<10)}
	c.w.WriteString(UsageHeader + "\n") // an error is told by Close
	return c
}

type csvWriter struct {
	w    *bufio.Writer
	line []byte
}

func (c *csvWriter) Write(row *Row, from, to party.Code) error {
	b := appendCSV(c.line[:0], row.ID)
	b = append(b, ',')
	if row.Origin != usage.Withheld {
		b = strconv.AppendUint(b, uint64(row.Origin), 10)
	} else {
		b = appendCSV(b, row.OriginText)
	}
	b = append(b, ',')
	if row.Destination != usage.Withheld {
		b = strconv.AppendUint(b, uint64(row.Destination), 10)
	} else {
		b = appendCSV(b, row.DestinationText)
	}
	b = append(b, ',')
	b = time.UnixMilli(row.Start).UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
	b = append(b, ',')
	b = strconv.AppendUint(b, uint64(row.Duration), 10)
	b = append(append(b, ','), resultText(row.Result)...)
	b = append(append(b, ','), from...)
	b = append(append(b, ','), to...)
	b = append(appendCSV(append(b, ','), row.Trunk), '\n')
	c.line = b
	_, err := c.w.Write(b)
	return err
}

func (c *csvWriter) Close() error { return c.w.Flush() }

func resultText(r usage.Result) []byte {
	switch r {
	case usage.Success:
		return resultTexts["success"]
	case usage.NoAnswer:
		return resultTexts["rna"]
	}
	return resultTexts["fail"]
}

// appendCSV writes a field, in quotes if it must be.
func appendCSV(b, field []byte) []byte {
	if !bytes.ContainsAny(field, ",\"") {
		return append(b, field...)
	}
	b = append(b, '"')
	for _, c := range field {
		if c == '"' {
			b = append(b, '"')
		}
		b = append(b, c)
	}
	return append(b, '"')
}

// tableSchema is the schema of a Parquet file of call records. A number that is no
// E.164 is 0, and its text stands beside it. Encodings are those that are read
// without copying texts.
var tableSchema = sync.OnceValue(func() *parquet.Schema { return parquet.NewSchema("call_record", tableColumns()) })

// archiveSchema is that of an archive. Its own columns come last by name.
var archiveSchema = sync.OnceValue(func() *parquet.Schema {
	columns := tableColumns()
	columns["uploaded_line"] = parquet.Encoded(parquet.Uint(32), &parquet.DeltaBinaryPacked)
	columns["uploaded_place"] = parquet.Encoded(parquet.Uint(32), &parquet.DeltaBinaryPacked)
	return parquet.NewSchema("archived_call_record", columns)
})

func tableColumns() parquet.Group {
	number := parquet.Encoded(parquet.Int(64), &parquet.DeltaBinaryPacked)
	repeats := parquet.Encoded(parquet.String(), &parquet.RLEDictionary)
	return parquet.Group{
		"call_id":            parquet.Encoded(parquet.String(), &parquet.DeltaLengthByteArray),
		"originating_number": number,
		"originating_text":   parquet.Optional(repeats),
		"destination_number": number,
		"destination_text":   parquet.Optional(repeats),
		"start_time":         parquet.Encoded(parquet.Timestamp(parquet.Millisecond), &parquet.DeltaBinaryPacked),
		"duration_ms":        parquet.Encoded(parquet.Uint(32), &parquet.DeltaBinaryPacked),
		"result":             repeats,
		"carrier_from":       repeats,
		"carrier_to":         repeats,
		"trunk":              repeats,
	}
}

// The columns, in the order of their names.
const (
	columnID = iota
	columnFrom
	columnTo
	columnDestination
	columnDestinationText
	columnDuration
	columnOrigin
	columnOriginText
	columnResult
	columnStart
	columnTrunk
	columnLine  // of archives
	columnPlace // likewise
)

// groupRows are the rows of a group: small enough that a reader holds the pages of
// all its columns, and that a few files share the work of all processors.
const groupRows = 1 << 17

// NewTableWriter writes Parquet: typed columns, dictionaries for what repeats,
// compressed with zstd. Memory is that of one group of 131,072 rows.
func NewTableWriter(w io.Writer) RecordWriter { return newTableWriter(w, tableSchema()) }

func newTableWriter(w io.Writer, schema *parquet.Schema) *tableWriter {
	return &tableWriter{
		w: parquet.NewWriter(w, schema, parquet.Compression(&zstd.Codec{Level: zstd.SpeedFastest}), parquet.PageBufferSize(1<<20),
			parquet.DataPageStatistics(false), parquet.CreatedBy("lateral", "", "")),
		batch: make([]parquet.Row, 0, 256),
	}
}

type tableWriter struct {
	w     *parquet.Writer
	rows  int
	batch []parquet.Row
	room  []byte // what the texts of the batch point to

	archive bool   // the columns of an archive are written as well:
	place   uint32 // of the next row
}

func (t *tableWriter) Write(row *Row, from, to party.Code) error {
	n := len(t.batch)
	t.batch = t.batch[:n+1]
	r := t.batch[n][:0]
	number := func(column int, v int64) { r = append(r, parquet.Int64Value(v).Level(0, 0, column)) }
	text := func(column int, s []byte) {
		at := len(t.room)
		t.room = append(t.room, s...)
		r = append(r, parquet.ByteArrayValue(t.room[at:len(t.room):len(t.room)]).Level(0, 0, column))
	}
	optional := func(column int, s []byte, there bool) {
		if !there || len(s) == 0 {
			r = append(r, parquet.NullValue().Level(0, 0, column))
			return
		}
		at := len(t.room)
		t.room = append(t.room, s...)
		r = append(r, parquet.ByteArrayValue(t.room[at:len(t.room):len(t.room)]).Level(0, 1, column))
	}
	text(columnID, row.ID)
	text(columnFrom, []byte(from))
	text(columnTo, []byte(to))
	number(columnDestination, int64(row.Destination))
	optional(columnDestinationText, row.DestinationText, row.Destination == usage.Withheld)
	r = append(r, parquet.Int32Value(int32(row.Duration)).Level(0, 0, columnDuration))
	number(columnOrigin, int64(row.Origin))
	optional(columnOriginText, row.OriginText, row.Origin == usage.Withheld)
	text(columnResult, resultText(row.Result))
	number(columnStart, row.Start)
	text(columnTrunk, row.Trunk)
	if t.archive {
		r = append(r, parquet.Int32Value(int32(row.Line)).Level(0, 0, columnLine), parquet.Int32Value(int32(t.place)).Level(0, 0, columnPlace))
	}
	t.batch[n] = r
	if len(t.batch) < cap(t.batch) {
		return nil
	}
	return t.flush()
}

func (t *tableWriter) flush() error {
	if _, err := t.w.WriteRows(t.batch); err != nil {
		return err
	}
	t.rows += len(t.batch)
	t.batch, t.room = t.batch[:0], t.room[:0]
	if t.rows < groupRows {
		return nil
	}
	t.rows = 0
	return t.w.Flush()
}

func (t *tableWriter) Close() error {
	if err := t.flush(); err != nil {
		return err
	}
	return t.w.Close()
}

// Converted is what a conversion did: read = written + rejected.
type Converted struct {
	Format   string         `json:"format"`
	Read     uint64         `json:"read"`
	Written  uint64         `json:"written"`
	Rejected uint64         `json:"rejected"`
	Skipped  uint64         `json:"skipped"` // rows that are no call records by the profile
	Numbers  uint64         `json:"numbers"` // written, though the called number is no E.164
	Rejects  []usage.Reject `json:"rejects,omitempty"`
}

// Convert writes the call records of a file in one of our own formats. Rows of all
// carriers are written, and those whose only fault is a called number that is no
// E.164: a comparison may learn how it is meant. Every row that is rejected is
// given to reject, if that is set; the first thousand are in the result. An error
// of the file leaves in the result, and written, what was good before it. Codes:
// those of [OpenRecords], and of [Records.Next].
func Convert(r io.Reader, f *Format, zone *time.Location, w RecordWriter, reject func(usage.Reject) error) (Converted, error) {
	var out Converted
	rs, err := OpenRecords(r, f, usage.Pair{}, zone)
	if err != nil {
		return out, err
	}
	defer rs.Close() // a temporary file, which is gone already
	out.Format = rs.Format.name
	var row Row
	for {
		line, refused, err := rs.Next(&row)
		out.Skipped = rs.Skipped
		if err == io.EOF {
			return out, w.Close()
		}
		if err != nil {
			if closed := w.Close(); closed != nil {
				return out, closed
			}
			return out, err
		}
		out.Read++
		pair := rs.Parser.Pair
		from, to := pair[row.Way], pair[1-row.Way]
		switch code := fault.CodeOf(refused); {
		case code == CodeThirdCarrier, code == CodeBadNumber:
			if code == CodeThirdCarrier || pair == (usage.Pair{}) {
				from, to = row.From, row.To
			}
			refused = nil
			if row.Destination == usage.Withheld {
				out.Numbers++
			}
		}
		if refused != nil {
			out.Rejected++
			g := fault.Of(refused)
			j := usage.Reject{Line: line, Field: g.Field, Code: g.Code, Detail: g.Detail}
			if len(out.Rejects) < 1000 {
				out.Rejects = append(out.Rejects, j)
			}
			if reject != nil {
				if err := reject(j); err != nil {
					return out, err
				}
			}
			continue
		}
		if err := w.Write(&row, from, to); err != nil {
			return out, err
		}
		out.Written++
	}
}

// ParseZone gives a zone of times that name none, by its IANA name; "" is nil.
// Code: unknown-zone.
func ParseZone(name string) (*time.Location, error) {
	if name == "" {
		return nil, nil
	}
	return usage.LoadZone(name)
}
