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

// Rows reads a file of separated fields line by line. Fields point into its
// buffer until the next call.
type Rows struct {
	Line uint64 // that Next gave last, counted from 1

	in *bufio.Reader
	shape
	fields [][]byte
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

// NewRows finds out whether r is compressed with gzip, and skips a byte order
// mark. Code: [CodeUnreadable].
func NewRows(r io.Reader, separator byte) (*Rows, error) {
	in, err := decompressed(r)
	if err != nil {
		return nil, err
	}
	passMark(in)
	return &Rows{in: in, shape: shape{separator: separator}}, nil
}

// BadRow reports whether an error of [Rows.Next] is of one row, behind which
// reading goes on.
func BadRow(err error) bool {
	var bad errRow
	return errors.As(err, &bad)
}

// openRows checks the header of a file that is divided by commas. Behind its
// columns may stand optional ones, in any order and each once; more names those
// of this file.
func openRows(r io.Reader, header string, optional ...string) (rs *Rows, more []string, err error) {
	if rs, err = NewRows(r, ','); err != nil {
		return nil, nil, err
	}
	columns := strings.Split(header, ",")
	rs.columns = len(columns) + len(optional)
	fields, err := rs.Next()
	if fault.CodeOf(err) == CodeUnreadable {
		return nil, nil, err
	}
	remedy := "begin the file with the line " + header
	if len(optional) > 0 {
		remedy += ", behind which may stand " + strings.Join(optional, ",")
	}
	bad := fault.Newf(CodeBadHeader, remedy, "line 1 is not the header of this kind of file").Because(err)
	if len(fields) < len(columns) || err != nil && fault.CodeOf(err) != CodeColumns {
		return nil, nil, bad
	}
	for i, f := range fields {
		switch name := string(f); {
		case i < len(columns) && name == columns[i]:
		case i >= len(columns) && slices.Contains(optional, name) && !slices.Contains(more, name):
			more = append(more, name)
		default:
			return nil, nil, bad
		}
	}
	rs.columns = len(fields)
	return rs, more, nil
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

// Next gives the fields of the next line that is not empty, io.EOF at the end,
// an error that [BadRow] knows for a line that has no fields to give, or code
// [CodeUnreadable].
func (r *Rows) Next() ([][]byte, error) {
	line, err := r.nextLine()
	if err != nil {
		return nil, err
	}
	r.fields, err = r.split(r.fields[:0], line)
	return r.fields, err
}

// nextLine gives the next line that is not empty; see Next.
func (r *Rows) nextLine() ([]byte, error) {
	for {
		line, err := r.in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) || len(line) > maxLine {
			return nil, r.skipLong(err)
		}
		if err != nil && err != io.EOF {
			return nil, unreadable(r.Line, err)
		}
		if err == io.EOF && len(line) == 0 {
			return nil, io.EOF
		}
		r.Line++
		line = bytes.TrimSuffix(line, []byte{'\n'})
		line = bytes.TrimSuffix(line, []byte{'\r'})
		if len(line) == 0 {
			continue
		}
		return line, nil
	}
}

// skipLong passes over the rest of a line that is too long.
func (r *Rows) skipLong(err error) error {
	r.Line++
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = r.in.ReadSlice('\n')
	}
	if err != nil && err != io.EOF {
		return unreadable(r.Line, err)
	}
	return badRow(CodeLineTooLong, "split the line, or look for a lost line break", "the line is longer than %d bytes", maxLine)
}

// shape is how the fields of a row stand in its line.
type shape struct {
	separator byte
	columns   int // 0: any number
}

// split appends the fields of a line to f.
func (s shape) split(f [][]byte, line []byte) ([][]byte, error) {
	if bytes.IndexByte(line, '"') >= 0 {
		return s.splitQuoted(f, line)
	}
	for s.columns == 0 || len(f) <= s.columns {
		i := bytes.IndexByte(line, s.separator)
		if i < 0 {
			f = append(f, line)
			break
		}
		f, line = append(f, line[:i]), line[i+1:]
	}
	return f, s.count(len(f))
}

func (s shape) splitQuoted(f [][]byte, line []byte) ([][]byte, error) {
	c := csv.NewReader(bytes.NewReader(line))
	c.Comma = rune(s.separator)
	c.FieldsPerRecord = -1
	record, err := c.Read()
	if err != nil {
		return f, badRow(CodeBadQuotes, "put quotes around a whole field and write a quote inside it twice", "the quotes of the line do not match")
	}
	for _, field := range record {
		f = append(f, []byte(field))
	}
	return f, s.count(len(f))
}

func (s shape) count(n int) error {
	if n == s.columns || s.columns == 0 {
		return nil
	}
	more := ""
	if n > s.columns {
		n, more = s.columns, "more than "
	}
	return badRow(CodeColumns, fmt.Sprintf("write %d fields", s.columns), "the line has %s%d fields, not %d", more, n, s.columns)
}

// excerpt bounds how much of a bad field an error repeats.
func excerpt(field []byte) string {
	const most = 40
	if len(field) > most {
		return fmt.Sprintf("%q...", field[:most])
	}
	return fmt.Sprintf("%q", field)
}
