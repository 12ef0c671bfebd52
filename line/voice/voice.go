// Package voice is the product line of wholesale voice: calls that one carrier
// sends and another terminates, recorded by both, priced by destination prefix.
// It reads the call records of a carrier, as its switches write them, and rate
// sheets from CSV; plain or compressed with gzip.
package voice

import (
	"fmt"
	"io"
	"math"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/agreement"
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
	Format     *Format    // of the file that [ReadUsage] reads; nil: what its content says
}

// lastMoment is the end of the year 9999, the last that RFC 3339 can write, ms
// UTC, less the longest period, which a call's period may reach beyond it.
var lastMoment = time.Date(9999, 11, 30, 0, 0, 0, 0, time.UTC).UnixMilli()

// maxText bounds call_id and trunk, bytes.
const maxText = 255

// ReadUsage reads one file of call records by itself; see [Files.Read].
func ReadUsage(r io.Reader, o Options) (*usage.Batch, error) {
	return NewFiles(o).read(r, "", o.Format, nil)
}

// Files reads the files of call records of one carrier, one after the other. A
// row is a duplicate, or refused, by all rows of the files that were kept as
// well as by those above it in its own file; so it does not matter how records
// are cut into files. It is not for use by many at once.
type Files struct {
	o    Options
	kept *seen
	last *seen // the rows of the file that was read last
	past *past // prints of files that were kept and forgotten; nil: none was
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

// Format gives a format in the form that is kept with a file; see [Format.Text].
func (f *Files) Format(nameOrText string) (string, error) {
	as, err := ParseFormat(nameOrText)
	return as.Text(), err
}

// Read reads a file of call records, gzip or plain; its name is for people, who
// find rows by it, and its format is as [ParseFormat] takes it. Rows are put right
// by the readings before they are judged. A bad row is kept
// apart with its line, field and code, and reading goes on. The error is of the
// file as a whole: [CodeBadHeader], [CodeUnreadable], [CodeTooManyRows], or of the
// format; the rows before a break are in the batch.
func (f *Files) Read(r io.Reader, name, format string, by agreement.Readings) (*usage.Batch, error) {
	as, err := ParseFormat(format)
	if err != nil {
		return &usage.Batch{Pair: f.o.Pair, Trunks: []string{""}}, err
	}
	return f.read(r, name, as, by)
}

func (f *Files) read(r io.Reader, name string, format *Format, by agreement.Readings) (*usage.Batch, error) {
	b := &usage.Batch{Pair: f.o.Pair, Trunks: []string{""}}
	f.last = f.kept.next(name, b)
	if f.past != nil {
		defer clear(f.past.days)
	}
	records, err := OpenRecords(r, format, b.Pair, nil)
	if err != nil {
		return b, err
	}
	defer records.Close() // a temporary file, which is gone already
	u := usageReader{batch: b, files: f, trunks: map[string]uint32{"": 0}}
	var row Row
	for {
		line, err, broken := records.Next(&row)
		b.Pair = records.Parser.Pair
		if broken == io.EOF {
			return b, nil
		}
		if broken != nil {
			return b, broken
		}
		if len(f.kept.rows)+len(f.last.rows) == math.MaxInt32 {
			return b, fault.Newf(CodeTooManyRows, "split the file", "the file goes on after %d rows", b.Read)
		}
		b.Read++
		if err = putRight(&row, err, by); err == nil && f.past != nil {
			if err := f.past.reach(Day(row.Start)); err != nil {
				return b, err
			}
		}
		if err == nil {
			if err = u.row(uint32(line), &row); err == nil {
				continue
			}
		}
		b.Refused++
		if row.Result == usage.Success && len(b.Odd) < maxOdd && fault.CodeOf(err) == CodeBadNumber {
			b.Odd = append(b.Odd, odd(uint32(line), &row))
		}
		if len(b.Rejects) < f.o.MaxRejects {
			f := fault.Of(err)
			b.Rejects = append(b.Rejects, usage.Reject{Line: line, Field: f.Field, Code: f.Code, Detail: f.Detail})
		}
	}
}

// usageReader turns rows into records of one batch.
type usageReader struct {
	batch  *usage.Batch
	files  *Files
	trunks map[string]uint32
}

// row takes one row into the batch. Its error says why the row is refused.
func (u *usageReader) row(number uint32, row *Row) error {
	row.Line = number
	var ok bool
	if row.Record.Trunk, ok = u.trunks[string(row.Trunk)]; !ok {
		row.Record.Trunk = uint32(len(u.batch.Trunks))
		u.trunks[string(row.Trunk)] = row.Record.Trunk
		u.batch.Trunks = append(u.batch.Trunks, string(row.Trunk))
	}
	if v, first := u.files.judge(row.ID, row.OriginText, row.Record); v == isConflict {
		where := "a row of an earlier file"
		if first.Record != nil {
			where = fmt.Sprintf("line %d", first.Line)
			if first.file != "" {
				where += " of " + first.file
			}
		}
		return fieldError(CodeSameID, "call_id", "%s has the id %s with other content", where, excerpt(row.ID))
	}
	return nil
}
