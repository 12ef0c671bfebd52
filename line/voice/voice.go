// Package voice is the product line of wholesale voice: calls that one carrier
// sends and another terminates, recorded by both, priced by destination prefix.
// It reads the call records and rate sheets of a carrier from CSV, plain or
// compressed with gzip.
package voice

import (
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/usage"
)

// UsageHeader is the first line of a file of call records.
const UsageHeader = "call_id,originating_number,destination_number,start_time,duration_ms,result,carrier_from,carrier_to,trunk"

// Codes of a row of call records that is refused.
const (
	// CodeBadField says that a field is not of its form.
	CodeBadField fault.Code = "bad-field"
	// CodeBadNumber says that the called number is not E.164.
	CodeBadNumber fault.Code = "bad-number"
	// CodeBadTime says that a time is not RFC 3339 with zone, or no such time
	// exists.
	CodeBadTime fault.Code = "bad-time"
	// CodeSameID says that a row repeats an earlier call_id, of its own or an
	// earlier file, with other content.
	CodeSameID fault.Code = "id-taken"
	// CodeThirdCarrier says that a row is of traffic with another carrier.
	CodeThirdCarrier fault.Code = "third-carrier"
)

// CodeTooManyRows says that a file has more rows than one batch can hold.
const CodeTooManyRows fault.Code = "too-many-rows"

// Options say how a file of call records is read. The zero value is useful.
type Options struct {
	Pair       usage.Pair // whose traffic; zero: the carriers of the first good row
	MaxRejects int        // rows whose refusal is kept in full; 0: 100,000
}

// lastMoment is the end of the year 9999, the last that RFC 3339 can write, ms
// UTC, less the longest period, which a call's period may reach beyond it.
var lastMoment = time.Date(9999, 11, 30, 0, 0, 0, 0, time.UTC).UnixMilli()

// maxText bounds call_id and trunk, bytes.
const maxText = 255

// ReadUsage reads one file of call records by itself; see [Files.Read].
func ReadUsage(r io.Reader, o Options) (*usage.Batch, error) { return NewFiles(o).Read(r, "") }

// Files reads the files of call records of one carrier, one after the other. A
// row is a duplicate, or refused, by all rows of the files that were kept as
// well as by those above it in its own file; so it does not matter how records
// are cut into files. It is not for use by many at once.
type Files struct {
	o    Options
	kept *seen
	last *seen // the rows of the file that was read last
}

// NewFiles begins without any file.
func NewFiles(o Options) *Files {
	if o.MaxRejects == 0 {
		o.MaxRejects = 100_000
	}
	return &Files{o: o, kept: newSeen()}
}

// Keep remembers the file that was read last. Without it, a file leaves nothing
// behind. Its batch must not be changed from then on.
func (f *Files) Keep() {
	if f.last != nil {
		f.o.Pair = f.last.files[0].batch.Pair
		f.kept.take(f.last)
		f.last = nil
	}
}

// Read reads a file of call records, gzip or plain; its name is for people, who
// find rows by it. A bad row is kept apart with its line, field and code, and
// reading goes on. The error is of the file as a whole: [CodeBadHeader],
// [CodeUnreadable], [CodeTooManyRows]; the rows before a break are in the batch.
func (f *Files) Read(r io.Reader, name string) (*usage.Batch, error) {
	b := &usage.Batch{Pair: f.o.Pair, Trunks: []string{""}}
	f.last = f.kept.next(name, b)
	rows, _, err := openRows(r, UsageHeader)
	if err != nil {
		return b, err
	}
	u := usageReader{batch: b, files: f, parser: Parser{Pair: b.Pair}, trunks: map[string]uint32{"": 0}}
	for {
		line, err := rows.nextLine()
		if err == io.EOF {
			return b, nil
		}
		var bad errRow
		if err != nil && !errors.As(err, &bad) {
			return b, err
		}
		if rows.Line > math.MaxUint32 || len(f.kept.rows)+len(f.last.rows) == math.MaxInt32 {
			return b, fault.Newf(CodeTooManyRows, "split the file", "the file goes on after %d rows", b.Read)
		}
		b.Read++
		if err == nil {
			err = u.row(uint32(rows.Line), line)
			if err == nil {
				continue
			}
		}
		b.Refused++
		if len(b.Rejects) < f.o.MaxRejects {
			f := fault.Of(err)
			b.Rejects = append(b.Rejects, usage.Reject{Line: rows.Line, Field: f.Field, Code: f.Code, Detail: f.Detail})
		}
	}
}

// usageReader turns rows into records of one batch.
type usageReader struct {
	batch  *usage.Batch
	files  *Files
	parser Parser
	trunks map[string]uint32
}

// row reads one row into the batch. Its error says why the row is refused.
func (u *usageReader) row(number uint32, line []byte) error {
	var row Row
	err := u.parser.Parse(line, &row)
	u.batch.Pair = u.parser.Pair
	if err != nil {
		return err
	}
	row.Line = number
	var ok bool
	if row.Record.Trunk, ok = u.trunks[string(row.Trunk)]; !ok {
		row.Record.Trunk = uint32(len(u.batch.Trunks))
		u.trunks[string(row.Trunk)] = row.Record.Trunk
		u.batch.Trunks = append(u.batch.Trunks, string(row.Trunk))
	}
	if v, first := u.files.judge(row.ID, row.OriginText, row.Record); v == isConflict {
		where := fmt.Sprintf("line %d", first.Line)
		if first.file != "" {
			where += " of " + first.file
		}
		return fieldError(CodeSameID, "call_id", "%s has the id %s with other content", where, excerpt(row.ID))
	}
	return nil
}
