package voice

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/lateral-network/lateral/fault"
)

// Codes of input that cannot be read.
const (
	// CodeBadHeader says that a file does not begin with the columns of its
	// format.
	CodeBadHeader fault.Code = "bad-header"
	// CodeUnreadable says that a file breaks off: truncated or damaged
	// compression, or the source failed.
	CodeUnreadable fault.Code = "unreadable-file"
	// CodeLineTooLong says that a line is longer than any row can be.
	CodeLineTooLong fault.Code = "line-too-long"
	// CodeBadQuotes says that the quotes of a line do not match. A quoted field
	// may hold commas and quotes, not line breaks: a lost quote then costs one
	// row and never the rows behind it.
	CodeBadQuotes fault.Code = "bad-quotes"
	// CodeColumns says that a row has too many or too few fields.
	CodeColumns fault.Code = "wrong-number-of-fields"
)

// maxLine bounds a line, and with it the memory that a file can ask for.
const maxLine = 64 << 10

// rows reads a CSV file line by line. Fields point into its buffer until the
// next call.
type rows struct {
	in      *bufio.Reader
	columns int
	line    uint64 // number of the line that next gave last; the header is 1
	fields  [][]byte
}

// decompressed finds out whether r is compressed.
func decompressed(r io.Reader) (*bufio.Reader, error) {
	in := bufio.NewReaderSize(r, 4*maxLine)
	if magic, err := in.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, unreadable(0, err)
		}
		in = bufio.NewReaderSize(z, 4*maxLine)
	}
	return in, nil
}

// passMark skips a byte order mark.
func passMark(in *bufio.Reader) {
	if mark, err := in.Peek(len(Mark)); err == nil && string(mark) == Mark {
		in.Discard(len(Mark))
	}
}

// openRows finds out whether r is compressed, skips a byte order mark and
// checks the header.
func openRows(r io.Reader, header string) (*rows, error) {
	in, err := decompressed(r)
	if err != nil {
		return nil, err
	}
	passMark(in)
	columns := strings.Split(header, ",")
	rs := &rows{in: in, columns: len(columns), fields: make([][]byte, 0, len(columns)+1)}
	fields, err := rs.next()
	if err == nil && slices.EqualFunc(fields, columns, func(a []byte, b string) bool { return string(a) == b }) {
		return rs, nil
	}
	if fault.CodeOf(err) == CodeUnreadable {
		return nil, err
	}
	return nil, fault.Newf(CodeBadHeader, "begin the file with the line "+header, "line 1 is not the header of this kind of file").Because(err)
}

func unreadable(line uint64, cause error) error {
	return fault.Newf(CodeUnreadable, "send the file again, whole", "the file breaks off after line %d", line).Because(cause)
}

// errRow marks an error that concerns one row; reading goes on behind it.
type errRow struct{ fault *fault.Error }

func (e errRow) Error() string { return e.fault.Error() }
func (e errRow) Unwrap() error { return e.fault }

func badRow(code fault.Code, remedy, format string, args ...any) error {
	return errRow{fault.Newf(code, remedy, format, args...)}
}

// next gives the fields of the next line that is not empty, io.EOF at the end,
// an errRow for a line that has no fields to give, or code [CodeUnreadable].
func (r *rows) next() ([][]byte, error) {
	line, err := r.nextLine()
	if err != nil {
		return nil, err
	}
	r.fields, err = splitRow(r.fields[:0], line, r.columns)
	return r.fields, err
}

// nextLine gives the next line that is not empty; see next.
func (r *rows) nextLine() ([]byte, error) {
	for {
		line, err := r.in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) || len(line) > maxLine {
			return nil, r.skipLong(err)
		}
		if err != nil && err != io.EOF {
			return nil, unreadable(r.line, err)
		}
		if err == io.EOF && len(line) == 0 {
			return nil, io.EOF
		}
		r.line++
		line = bytes.TrimSuffix(line, []byte{'\n'})
		line = bytes.TrimSuffix(line, []byte{'\r'})
		if len(line) == 0 {
			continue
		}
		return line, nil
	}
}

// skipLong passes over the rest of a line that is too long.
func (r *rows) skipLong(err error) error {
	r.line++
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = r.in.ReadSlice('\n')
	}
	if err != nil && err != io.EOF {
		return unreadable(r.line, err)
	}
	return badRow(CodeLineTooLong, "split the line, or look for a lost line break", "the line is longer than %d bytes", maxLine)
}

// splitRow appends the fields of a line to f.
func splitRow(f [][]byte, line []byte, columns int) ([][]byte, error) {
	if bytes.IndexByte(line, '"') >= 0 {
		return splitQuoted(f, line, columns)
	}
	for len(f) <= columns {
		i := bytes.IndexByte(line, ',')
		if i < 0 {
			f = append(f, line)
			break
		}
		f, line = append(f, line[:i]), line[i+1:]
	}
	return f, countFields(len(f), columns)
}

func splitQuoted(f [][]byte, line []byte, columns int) ([][]byte, error) {
	c := csv.NewReader(bytes.NewReader(line))
	c.FieldsPerRecord = -1
	record, err := c.Read()
	if err != nil {
		return f, badRow(CodeBadQuotes, "put quotes around a whole field and write a quote inside it twice", "the quotes of the line do not match")
	}
	for _, s := range record {
		f = append(f, []byte(s))
	}
	return f, countFields(len(f), columns)
}

func countFields(n, columns int) error {
	if n == columns {
		return nil
	}
	more := ""
	if n > columns {
		n, more = columns, "more than "
	}
	return badRow(CodeColumns, fmt.Sprintf("write %d fields", columns), "the line has %s%d fields, not %d", more, n, columns)
}

// excerpt bounds how much of a bad field an error repeats.
func excerpt(field []byte) string {
	const most = 40
	if len(field) > most {
		return fmt.Sprintf("%q...", field[:most])
	}
	return fmt.Sprintf("%q", field)
}
