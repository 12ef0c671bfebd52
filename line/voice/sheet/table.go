package sheet

import (
	"bufio"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/line/voice"
)

// Encodings of a CSV file beside UTF-16, which is known by its mark.
const (
	encodingUTF8 = "utf-8"
	encoding1252 = "windows-1252"
)

// CodeBadEncoding says that a row is not in the encoding of its file.
const CodeBadEncoding fault.Code = "bad-encoding"

// table gives the rows of a file one after the other, without empty ones. What
// next gives holds until it is called again.
type table interface {
	// next gives io.EOF at the end. An error that isRow knows is of one row, and
	// reading goes on.
	next() (row, error)
}

// row is a line of a file. Its cells are text in any encoding, checked when one
// is used.
type row struct {
	line  uint64
	cells [][]byte
	kinds []kind // of the cells of a spreadsheet; nil for text
}

// kind is what a spreadsheet says of a cell.
type kind uint8

const (
	isText kind = iota
	isNumber
	isNumber1904 // in a file whose dates count from 1904
)

// separated is the table of a CSV file.
type separated struct {
	rows      *voice.Rows
	encoding  string
	converted bool // a cell was not in UTF-8, and was read by the encoding
	buffer    []byte
}

func newSeparated(r io.Reader, m Mapping) (*separated, error) {
	separator := byte(',')
	if m.Separator != "" {
		separator = m.Separator[0]
	}
	in := bufio.NewReader(r)
	if mark, err := in.Peek(2); err == nil && (string(mark) == "\xff\xfe" || string(mark) == "\xfe\xff") {
		in.Discard(2)
		rows, err := voice.NewRows(&utf16Reader{in: in, big: mark[0] == 0xfe}, separator)
		return &separated{rows: rows}, err
	}
	rows, err := voice.NewRows(in, separator)
	return &separated{rows: rows, encoding: m.Encoding}, err
}

func (s *separated) next() (row, error) {
	for {
		cells, err := s.rows.Next()
		r := row{line: s.rows.Line, cells: cells}
		if err != nil {
			return r, err
		}
		if r.empty() {
			continue
		}
		for i, c := range cells {
			if utf8.Valid(c) {
				continue
			}
			if s.encoding != encoding1252 {
				return r, badCell(CodeBadEncoding, "", "column %d is not in UTF-8: %.40q", i+1, c)
			}
			if i == 0 || len(s.buffer) > 1<<20 {
				s.buffer = nil // the cells before keep what they point to
			}
			s.converted = true
			begin := len(s.buffer)
			for _, b := range c {
				s.buffer = utf8.AppendRune(s.buffer, fromWindows1252(b))
			}
			cells[i] = s.buffer[begin:]
		}
		return r, nil
	}
}

// empty reports whether no cell of the row says anything.
func (r *row) empty() bool {
	for _, c := range r.cells {
		for _, b := range c {
			if b != ' ' && b != '\t' {
				return false
			}
		}
	}
	return true
}

// windows1252 is what the bytes 0x80 to 0x9f stand for; 0 for none.
var windows1252 = [32]rune{'€', 0, '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', 0, 'Ž', 0,
	0, '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', 0, 'ž', 'Ÿ'}

func fromWindows1252(b byte) rune {
	if b < 0x80 || b >= 0xa0 {
		return rune(b)
	}
	if r := windows1252[b-0x80]; r != 0 {
		return r
	}
	return utf8.RuneError
}

// utf16Reader gives UTF-8 of a file in UTF-16, whose mark has been read.
type utf16Reader struct {
	in   *bufio.Reader
	big  bool
	rest []byte // of the last character
}

func (u *utf16Reader) unit() (rune, error) {
	a, err := u.in.ReadByte()
	if err != nil {
		return 0, err
	}
	b, err := u.in.ReadByte()
	if err != nil {
		return 0, io.ErrUnexpectedEOF
	}
	if u.big {
		a, b = b, a
	}
	return rune(b)<<8 | rune(a), nil
}

// Read implements io.Reader.
func (u *utf16Reader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(u.rest) > 0 {
			k := copy(p[n:], u.rest)
			u.rest, n = u.rest[k:], n+k
			continue
		}
		r, err := u.unit()
		if err != nil {
			if n > 0 && err == io.EOF {
				return n, nil
			}
			return n, err
		}
		if utf16.IsSurrogate(r) {
			low, err := u.unit()
			if err != nil {
				return n, io.ErrUnexpectedEOF
			}
			r = utf16.DecodeRune(r, low)
		}
		u.rest = utf8.AppendRune(u.rest[:0:0], r)
	}
	return n, nil
}

// cellError is why one row is refused.
type cellError struct{ fault *fault.Error }

func (e cellError) Error() string { return e.fault.Error() }
func (e cellError) Unwrap() error { return e.fault }

func badCell(code fault.Code, field, format string, args ...any) error {
	return cellError{&fault.Error{Code: code, Field: field, Detail: fmt.Sprintf(format, args...),
		Remedy: "correct the row, or the mapping, and read the file again"}}
}

// isRow reports whether an error is of one row.
func isRow(err error) bool {
	if voice.BadRow(err) {
		return true
	}
	_, ok := err.(cellError)
	return ok
}
