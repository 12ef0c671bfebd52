// Package parquet reads flat tables from Parquet files that anybody may have
// written. What a file claims about itself never decides how much memory is
// taken: sizes and counts are checked against bounds before anything is made
// from them, and a page is decoded to the number of values that its column
// chunk can still have. A damaged file gives an error that names the place.
//
// Read are the columns at the top of the schema that are not repeated, of the
// types boolean, int32, int64, float, double and bytes, in data pages of both
// versions, plain, by dictionary, in runs or as deltas, compressed with zstd,
// snappy, gzip or not at all.
package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// What a file may ask for.
const (
	maxFooter  = 64 << 20 // bytes
	maxColumns = 10_000
	maxGroups  = 1 << 17
	maxPage    = 16 << 20 // bytes of a page, as stored and as decompressed
	maxValues  = 1 << 20  // of a page, and of a dictionary
	maxHeld    = 64 << 20 // bytes of the decompressed pages of all columns that are read side by side
)

// Magic is how a file begins and ends.
const Magic = "PAR1"

// Kind is how the values of a column are stored.
type Kind int

// The kinds, by their numbers in the format.
const (
	Boolean Kind = iota
	Int32
	Int64
	Int96
	Float
	Double
	Bytes
	Fixed
)

// Unit says what a column's integers count.
type Unit int

// The units.
const (
	Plain  Unit = iota
	Millis      // since 1970
	Micros
	Nanos
)

// Column is one column of a file.
type Column struct {
	Name     string
	Kind     Kind
	Unit     Unit
	Local    bool // its times are by some clock, not UTC
	Unsigned bool
	optional bool
	leaf     int // among all leaves of the schema
}

// File is a Parquet file whose footer has been read.
type File struct {
	Columns []Column
	Rows    int64

	r      io.ReaderAt
	size   int64
	groups []group
}

type group struct {
	rows   int64
	chunks []chunk
}

// chunk is the pages of one column in one group of rows.
type chunk struct {
	kind   Kind
	codec  int64
	values int64
	at     int64 // of the first page, that of the dictionary if there is one
	bytes  int64
}

// Open reads the footer of a file.
func Open(r io.ReaderAt, size int64) (*File, error) {
	var ends [12]byte
	if size < int64(len(ends)) {
		return nil, fmt.Errorf("it has only %d bytes", size)
	}
	if _, err := r.ReadAt(ends[:4], 0); err != nil {
		return nil, err
	}
	if _, err := r.ReadAt(ends[4:], size-8); err != nil && err != io.EOF {
		return nil, err
	}
	if string(ends[:4]) != Magic {
		return nil, errors.New("it does not begin with " + Magic)
	}
	if string(ends[8:]) != Magic {
		return nil, fmt.Errorf("it has no footer: its last 4 bytes, at byte %d, are not %s, so its end is missing", size-4, Magic)
	}
	n := int64(binary.LittleEndian.Uint32(ends[4:]))
	if n > size-12 || n > maxFooter {
		return nil, fmt.Errorf("it claims a footer of %d bytes", n)
	}
	footer := make([]byte, n)
	if _, err := r.ReadAt(footer, size-8-n); err != nil && err != io.EOF {
		return nil, err
	}
	f := &File{r: r, size: size}
	if err := f.footer(&compact{b: footer}); err != nil {
		return nil, fmt.Errorf("its footer, at byte %d, is damaged: %w", size-8-n, err)
	}
	return f, f.check()
}

// Groups is how many groups of rows the file has.
func (f *File) Groups() int { return len(f.groups) }

// GroupRows is how many rows a group has.
func (f *File) GroupRows(i int) int64 { return f.groups[i].rows }

// element is a node of the schema.
type element struct {
	name       string
	kind       int64 // -1: it has children
	repetition int64
	children   int64
	unit       Unit
	local      bool
	unsigned   bool
}

func (f *File) footer(c *compact) error {
	var schema []element
	err := c.fields(func(id int16, kind byte) (known bool, err error) {
		switch {
		case id == 2 && kind == tList:
			return true, c.list(func() error {
				if len(schema) > maxColumns {
					return fmt.Errorf("its schema has more than %d elements", maxColumns)
				}
				e, err := readElement(c)
				schema = append(schema, e)
				return err
			})
		case id == 3 && kind == tI64:
			f.Rows, err = c.int()
			return true, err
		case id == 4 && kind == tList:
			return true, c.list(func() error {
				if len(f.groups) == maxGroups {
					return fmt.Errorf("it has more than %d groups of rows", maxGroups)
				}
				g, err := readGroup(c)
				f.groups = append(f.groups, g)
				return err
			})
		case id == 8:
			return true, errors.New("it is encrypted")
		}
		return false, nil
	})
	if err != nil {
		return err
	}
	return f.flatten(schema)
}

// flatten finds the columns at the top of a schema, which is a tree written in
// depth-first order.
func (f *File) flatten(schema []element) error {
	if len(schema) == 0 || schema[0].kind >= 0 {
		return errors.New("it has no schema")
	}
	leaf, i := 0, 1
	var walk func(depth int) error
	walk = func(depth int) error {
		if i >= len(schema) || depth > maxDepth {
			return errors.New("its schema does not fit together")
		}
		e := schema[i]
		i++
		if e.kind >= 0 {
			if depth == 1 && e.repetition != 2 {
				f.Columns = append(f.Columns, Column{Name: e.name, Kind: Kind(e.kind), Unit: e.unit, Local: e.local, Unsigned: e.unsigned,
					optional: e.repetition == 1, leaf: leaf})
			}
			leaf++
			return nil
		}
		for range e.children {
			if err := walk(depth + 1); err != nil {
				return err
			}
		}
		return nil
	}
	for range schema[0].children {
		if err := walk(1); err != nil {
			return err
		}
	}
	for _, g := range f.groups {
		if len(g.chunks) != leaf {
			return fmt.Errorf("a group of rows has %d columns, the schema %d", len(g.chunks), leaf)
		}
	}
	return nil
}

// check compares what the footer says with the file and with itself.
func (f *File) check() error {
	rows := int64(0)
	for i, g := range f.groups {
		if g.rows < 0 || g.rows > math.MaxInt64-rows {
			return fmt.Errorf("group %d of its rows claims %d rows", i+1, g.rows)
		}
		rows += g.rows
		for _, column := range f.Columns {
			c := g.chunks[column.leaf]
			if c.values != g.rows || c.kind != column.Kind || c.bytes < 0 || c.at < 4 || c.at > f.size || c.bytes > f.size-c.at {
				return fmt.Errorf("group %d of its rows claims for the column %.40q %d values in %d bytes from byte %d on, which cannot be", i+1, column.Name, c.values, c.bytes, c.at)
			}
		}
	}
	if rows != f.Rows {
		return fmt.Errorf("it claims %d rows, its groups have %d", f.Rows, rows)
	}
	return nil
}

func readElement(c *compact) (element, error) {
	e := element{kind: -1, repetition: 0}
	converted := int64(-1)
	err := c.fields(func(id int16, kind byte) (known bool, err error) {
		switch {
		case id == 1 && kind == tI32:
			if e.kind, err = c.int(); err == nil && (e.kind < 0 || e.kind > int64(Fixed)) {
				err = fmt.Errorf("a column is of the unknown type %d", e.kind)
			}
		case id == 3 && kind == tI32:
			e.repetition, err = c.int()
		case id == 4 && kind == tBinary:
			var name []byte
			name, err = c.text()
			e.name = string(name)
		case id == 5 && kind == tI32:
			if e.children, err = c.int(); e.children < 0 || e.children > maxColumns {
				err = fmt.Errorf("an element claims %d children", e.children)
			}
		case id == 6 && kind == tI32:
			converted, err = c.int()
		case id == 10 && kind == tStruct:
			err = e.logical(c)
		default:
			return false, nil
		}
		return true, err
	})
	if e.unit == Plain {
		switch converted {
		case 9:
			e.unit = Millis
		case 10:
			e.unit = Micros
		case 11, 12, 13, 14:
			e.unsigned = true
		}
	}
	return e, err
}

// logical reads what the values mean: a timestamp {local?, unit}, or an integer
// {bits, signed?}.
func (e *element) logical(c *compact) error {
	return c.fields(func(id int16, kind byte) (bool, error) {
		switch {
		case id == 8 && kind == tStruct:
			return true, c.fields(func(id int16, kind byte) (bool, error) {
				switch {
				case id == 1 && (kind == tTrue || kind == tFalse):
					e.local = kind == tFalse
				case id == 2 && kind == tStruct:
					return true, c.fields(func(id int16, kind byte) (bool, error) {
						if id >= 1 && id <= 3 {
							e.unit = Unit(id)
						}
						return false, nil
					})
				default:
					return false, nil
				}
				return true, nil
			})
		case id == 10 && kind == tStruct:
			return true, c.fields(func(id int16, kind byte) (bool, error) {
				if id == 2 {
					e.unsigned = kind == tFalse
				}
				return false, nil
			})
		}
		return false, nil
	})
}

func readGroup(c *compact) (group, error) {
	var g group
	err := c.fields(func(id int16, kind byte) (known bool, err error) {
		switch {
		case id == 1 && kind == tList:
			return true, c.list(func() error {
				if len(g.chunks) > maxColumns {
					return fmt.Errorf("a group of rows has more than %d columns", maxColumns)
				}
				k, err := readChunk(c)
				g.chunks = append(g.chunks, k)
				return err
			})
		case id == 3 && kind == tI64:
			g.rows, err = c.int()
			return true, err
		}
		return false, nil
	})
	return g, err
}

func readChunk(c *compact) (chunk, error) {
	k := chunk{kind: -1}
	dictionary := int64(0)
	err := c.fields(func(id int16, kind byte) (bool, error) {
		switch {
		case id == 1 && kind == tBinary:
			return true, errors.New("a column is in another file")
		case id == 3 && kind == tStruct:
			return true, c.fields(func(id int16, kind byte) (bool, error) {
				if kind != tI32 && kind != tI64 {
					return false, nil
				}
				v, err := c.int()
				switch id {
				case 1:
					k.kind = Kind(v)
				case 4:
					k.codec = v
				case 5:
					k.values = v
				case 7:
					k.bytes = v
				case 9:
					k.at = v
				case 11:
					dictionary = v
				}
				return true, err
			})
		}
		return false, nil
	})
	if dictionary > 0 && dictionary < k.at {
		k.at = dictionary
	}
	return k, err
}
