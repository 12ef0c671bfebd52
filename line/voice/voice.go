// Package voice is the product line of wholesale voice: calls that one carrier
// sends and another terminates, recorded by both, priced by destination prefix.
// It reads the call records and rate sheets of a carrier from CSV, plain or
// compressed with gzip.
package voice

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
	"unicode/utf8"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/party"
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
	u := usageReader{batch: b, files: f, trunks: map[string]uint32{"": 0}}
	for {
		fields, err := rows.Next()
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
			err = u.row(uint32(rows.Line), fields)
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
	clock  clock
	trunks map[string]uint32
}

// row reads one row into the batch. Its error says why the row is refused.
func (u *usageReader) row(line uint32, f [][]byte) error {
	id, from, to, trunk := f[0], f[6], f[7], f[8]
	if len(id) == 0 {
		return fieldError(CodeBadField, "call_id", "a call has no id")
	}
	if err := text("call_id", id); err != nil {
		return err
	}
	if len(f[1]) > maxText {
		return fieldError(CodeBadField, "originating_number", "the originating number %s is longer than %d bytes", excerpt(f[1]), maxText)
	}
	rec := usage.Record{Line: line}
	rec.Origin, _ = usage.ParseNumber(f[1])
	var ok bool
	if rec.Destination, ok = usage.ParseNumber(f[2]); !ok {
		return fieldError(CodeBadNumber, "destination_number", "%s is no E.164 number of 1 to 15 digits", excerpt(f[2]))
	}
	if rec.Start, ok = u.clock.read(f[3]); !ok {
		return fieldError(CodeBadTime, "start_time", "%s is no RFC 3339 time with zone and at most 9 fraction digits", excerpt(f[3]))
	}
	if rec.Duration, ok = milliseconds(f[4]); !ok {
		return fieldError(CodeBadField, "duration_ms", "%s is no duration of 0 to %d ms", excerpt(f[4]), uint32(math.MaxUint32))
	}
	if rec.Start < 0 || rec.Start > lastMoment-int64(rec.Duration) {
		return fieldError(CodeBadTime, "start_time", "the call lies outside the time from 1970 to November 9999")
	}
	switch string(f[5]) {
	case "success":
		rec.Result = usage.Success
	case "fail":
		rec.Result = usage.Fail
	case "rna":
		rec.Result = usage.NoAnswer
	default:
		return fieldError(CodeBadField, "result", "%s is none of success, fail, rna", excerpt(f[5]))
	}
	if err := text("trunk", trunk); err != nil {
		return err
	}
	if err := u.carriers(&rec, from, to); err != nil {
		return err
	}
	if rec.Trunk, ok = u.trunks[string(trunk)]; !ok {
		rec.Trunk = uint32(len(u.batch.Trunks))
		u.trunks[string(trunk)] = rec.Trunk
		u.batch.Trunks = append(u.batch.Trunks, string(trunk))
	}
	if v, first := u.files.judge(id, f[1], rec); v == isConflict {
		where := fmt.Sprintf("line %d", first.Line)
		if first.file != "" {
			where += " of " + first.file
		}
		return fieldError(CodeSameID, "call_id", "%s has the id %s with other content", where, excerpt(id))
	}
	return nil
}

// carriers finds the way of a record, and with the first good row the pair.
func (u *usageReader) carriers(rec *usage.Record, from, to []byte) error {
	p := &u.batch.Pair
	switch {
	case string(from) == string(p[0]) && string(to) == string(p[1]) && len(from) > 0:
		rec.Way = usage.Forth
		return nil
	case string(from) == string(p[1]) && string(to) == string(p[0]) && len(from) > 0:
		rec.Way = usage.Back
		return nil
	}
	for _, c := range []struct {
		field string
		code  []byte
	}{{"carrier_from", from}, {"carrier_to", to}} {
		if party.Code(c.code).Validate() != nil {
			return fieldError(CodeBadField, c.field, "%s is no carrier code", excerpt(c.code))
		}
		if *p != (usage.Pair{}) && string(c.code) != string(p[0]) && string(c.code) != string(p[1]) {
			return fieldError(CodeThirdCarrier, c.field, "%s is neither %s nor %s", excerpt(c.code), p[0], p[1])
		}
	}
	if bytes.Equal(from, to) {
		return fieldError(CodeBadField, "carrier_to", "the call goes from %s to itself", excerpt(to))
	}
	*p = usage.PairOf(party.Code(from), party.Code(to))
	rec.Way, _ = p.Way(usage.Direction{From: party.Code(from), To: party.Code(to)})
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
