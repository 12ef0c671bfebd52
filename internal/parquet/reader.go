package parquet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

// Reader reads columns of one group of rows after the other, side by side. It
// is for one goroutine; a file may have many.
type Reader struct {
	f       *File
	cursors []*cursor
	left    int64 // rows of the group that were not given
	held    int64 // what the pages of all cursors take, bytes
	zstd    *zstd.Decoder
	gzip    *gzip.Reader
}

// Vector is some values of a column, in the order of rows. It is good until the
// next call of Next.
type Vector struct {
	Null   []bool    // nil: none is missing
	Ints   []int64   // of booleans and integers; 0 where missing
	Floats []float64 // of floats and doubles; 0 where missing
	// Index says for each value which of the dictionary's it is; nil: each has a
	// text of its own.
	Index []uint32
	texts *texts
	start []uint32
	end   []uint32
	dict  *dictionary
}

// Text gives value i of a column of bytes; empty where missing.
func (v *Vector) Text(i int) []byte {
	if v.Index != nil {
		return v.dict.text(v.Index[i])
	}
	return v.texts.data[v.start[i]:v.end[i]]
}

// Dictionary gives the number of the dictionary that Index is of: each that is
// read has another. And how many texts it has.
func (v *Vector) Dictionary() (number uint64, size int) {
	if v.dict == nil {
		return 0, 0
	}
	return v.dict.number, len(v.dict.start)
}

type dictionary struct {
	texts
	ints   []int64
	floats []float64
	body   []byte
	number uint64
	size   int
	weight int64
}

func (d *dictionary) text(i uint32) []byte { return d.data[d.start[i]:d.end[i]] }

// cursor reads the pages of one column chunk.
type cursor struct {
	column Column
	chunk  chunk
	at     int64 // of the next page
	end    int64
	left   int64 // values that no page had yet
	head   []byte
	raw    []byte
	body   []byte
	room   []byte // for texts that must be built
	dict   dictionary
	weight int64 // bytes of the page

	n, next int // values of the page, and how many were given
	missing []bool
	nulls   bool
	ints    []int64
	floats  []float64
	index   []uint32
	levels  []uint32
	scratch []int64
	texts   texts
	indexed bool
	vector  Vector
}

// Reader gives a reader of some of the file's columns, by their numbers.
func (f *File) Reader(columns []int) *Reader {
	r := &Reader{f: f}
	for _, i := range columns {
		r.cursors = append(r.cursors, &cursor{column: f.Columns[i]})
	}
	return r
}

// Open begins a group of rows.
func (r *Reader) Open(i int) {
	g := r.f.groups[i]
	r.left, r.held = g.rows, 0
	for _, c := range r.cursors {
		k := g.chunks[c.column.leaf]
		c.chunk, c.at, c.end, c.left = k, k.at, k.at+k.bytes, k.values
		c.n, c.next, c.weight = 0, 0, 0
		c.dict.size, c.dict.weight = 0, 0
		c.dict.number++
	}
}

// Next gives the values of the next rows, at most so many; io.EOF behind the
// last of the group.
func (r *Reader) Next(most int) (n int, err error) {
	if r.left == 0 || len(r.cursors) == 0 {
		return 0, io.EOF // without columns, rows are but a claim
	}
	n = int(min(int64(most), r.left))
	for _, c := range r.cursors {
		for c.next == c.n {
			if err := r.page(c); err != nil {
				return 0, fmt.Errorf("the column %.40q: %w", c.column.Name, err)
			}
		}
		n = min(n, c.n-c.next)
	}
	for _, c := range r.cursors {
		c.give(n)
	}
	r.left -= int64(n)
	return n, nil
}

// Column gives the values of a column by its place among those asked for.
func (r *Reader) Column(i int) *Vector { return &r.cursors[i].vector }

func (c *cursor) give(n int) {
	from, to := c.next, c.next+n
	c.next = to
	v := &c.vector
	*v = Vector{texts: &c.texts, dict: &c.dict}
	if c.nulls {
		v.Null = c.missing[from:to]
	}
	switch c.column.Kind {
	case Boolean, Int32, Int64:
		v.Ints = c.ints[from:to]
	case Float, Double:
		v.Floats = c.floats[from:to]
	default:
		if c.indexed {
			v.Index = c.index[from:to]
		} else {
			v.start, v.end = c.texts.start[from:to], c.texts.end[from:to]
		}
	}
}

// pageHead is the header of a page.
type pageHead struct {
	kind, full, stored int64
	sum                int64
	hasSum             bool
	values, encoding   int64
	levels             int64 // bytes of the levels of a page of version 2
	repeats            int64
	packed             bool // the values of a page of version 2 are compressed
}

func readPageHead(c *compact) (pageHead, error) {
	h := pageHead{kind: -1, values: -1, packed: true}
	number := func(to *int64) (bool, error) {
		v, err := c.int()
		*to = v
		return true, err
	}
	err := c.fields(func(id int16, kind byte) (bool, error) {
		switch {
		case id == 1 && kind == tI32:
			return number(&h.kind)
		case id == 2 && kind == tI32:
			return number(&h.full)
		case id == 3 && kind == tI32:
			return number(&h.stored)
		case id == 4 && kind == tI32:
			h.hasSum = true
			return number(&h.sum)
		case (id == 5 || id == 7 || id == 8) && kind == tStruct:
			return true, c.fields(func(field int16, kind byte) (bool, error) {
				switch {
				case field == 1 && kind == tI32:
					return number(&h.values)
				case field == 2 && kind == tI32 && id != 8, field == 4 && kind == tI32 && id == 8:
					return number(&h.encoding)
				case field == 5 && kind == tI32 && id == 8:
					return number(&h.levels)
				case field == 6 && kind == tI32 && id == 8:
					return number(&h.repeats)
				case field == 7 && id == 8:
					h.packed = kind == tTrue
				}
				return false, nil
			})
		}
		return false, nil
	})
	return h, err
}

// Kinds of pages.
const (
	dataPage       = 0
	dictionaryPage = 2
	dataPage2      = 3
)

// Encodings of values.
const (
	encPlain     = 0
	encPlainDict = 2
	encRuns      = 3
	encDeltas    = 5
	encLengths   = 6
	encFronts    = 7
	encDict      = 8
)

// page reads pages up to and with the next that has data.
func (r *Reader) page(c *cursor) error {
	for {
		if c.at >= c.end {
			return fmt.Errorf("%d of its values are missing at byte %d", c.left, c.at)
		}
		at := c.at
		data, err := r.nextPage(c)
		if err != nil {
			return fmt.Errorf("the page at byte %d is damaged: %w", at, err)
		}
		if data {
			return nil
		}
	}
}

// header reads the header of the page at the cursor.
func (r *Reader) header(c *cursor) (pageHead, error) {
	for size := int64(512); ; size *= 8 {
		size = min(size, c.end-c.at)
		c.head = grown(c.head, int(size))
		if _, err := r.f.r.ReadAt(c.head, c.at); err != nil && err != io.EOF {
			return pageHead{}, err
		}
		t := compact{b: c.head}
		h, err := readPageHead(&t)
		if err == nil {
			c.at += int64(t.at)
			return h, nil
		}
		if !errors.Is(err, errShort) || size == c.end-c.at || size > 1<<20 {
			return h, err
		}
	}
}

func (r *Reader) nextPage(c *cursor) (data bool, err error) {
	h, err := r.header(c)
	if err != nil {
		return false, err
	}
	if h.stored < 0 || h.stored > c.end-c.at || h.stored > maxPage || h.full < 0 || h.full > maxPage {
		return false, fmt.Errorf("it claims %d bytes, %d decompressed; at most %d are read", h.stored, h.full, maxPage)
	}
	if h.kind != dataPage && h.kind != dataPage2 && h.kind != dictionaryPage {
		c.at += h.stored
		return false, nil // an index
	}
	if h.values < 0 || h.values > maxValues || h.kind != dictionaryPage && h.values > c.left {
		return false, fmt.Errorf("it claims %d values; at most %d are read, and the column has %d left", h.values, maxValues, c.left)
	}
	c.raw = grown(c.raw, int(h.stored))
	if _, err := r.f.r.ReadAt(c.raw, c.at); err != nil && err != io.EOF {
		return false, err
	}
	c.at += h.stored
	if h.hasSum && uint32(h.sum) != crc32.ChecksumIEEE(c.raw) {
		return false, errors.New("its checksum is wrong")
	}
	weight := h.full + h.stored + 16*h.values
	if h.kind == dictionaryPage {
		r.held += weight - c.dict.weight
		c.dict.weight = weight
	} else {
		r.held += weight - c.weight
		c.weight = weight
	}
	if r.held > maxHeld {
		return false, fmt.Errorf("the pages of all columns side by side take more than %d bytes; write the file with smaller pages", maxHeld)
	}
	n := int(h.values)
	if h.kind == dictionaryPage {
		if h.encoding != encPlain && h.encoding != encPlainDict {
			return false, fmt.Errorf("the dictionary is encoded by number %d, which is not read", h.encoding)
		}
		if c.dict.body, err = r.decompress(c.chunk.codec, c.dict.body, c.raw, int(h.full)); err != nil {
			return false, err
		}
		return false, c.dictionary(n)
	}
	levels := []byte(nil)
	body := c.raw
	if h.kind == dataPage2 {
		if h.repeats != 0 || h.levels < 0 || h.levels > h.stored || h.levels > h.full {
			return false, fmt.Errorf("it claims levels of %d and %d bytes", h.repeats, h.levels)
		}
		levels, body = body[:h.levels], body[h.levels:]
		h.full -= h.levels
	}
	if codec := c.chunk.codec; h.kind == dataPage || h.packed {
		if c.body, err = r.decompress(codec, c.body, body, int(h.full)); err != nil {
			return false, err
		}
	} else {
		c.body = append(c.body[:0], body...)
	}
	values := c.body
	present := n
	c.nulls = false
	if c.column.optional {
		if h.kind == dataPage {
			if len(values) < 4 || uint64(binary.LittleEndian.Uint32(values)) > uint64(len(values)-4) {
				return false, errShort
			}
			size := binary.LittleEndian.Uint32(values)
			levels, values = values[4:4+size], values[4+size:]
		}
		if present, err = c.present(levels, n); err != nil {
			return false, err
		}
	}
	if err := c.values(h.encoding, values, present); err != nil {
		return false, err
	}
	if c.nulls {
		c.spread(n, present)
	}
	c.n, c.next = n, 0
	c.left -= h.values
	return true, nil
}

// decompress gives the bytes of a page, exactly as many as it claims.
func (r *Reader) decompress(codec int64, dst, src []byte, size int) (out []byte, err error) {
	dst = grown(dst, size)
	switch codec {
	case 0:
		if len(src) != size {
			return dst, fmt.Errorf("it has %d bytes and claims %d", len(src), size)
		}
		copy(dst, src)
		return dst, nil
	case 1:
		n, err := snappy.DecodedLen(src)
		if err != nil || n != size {
			return dst, errors.New("it does not decompress to the size that it claims")
		}
		_, err = snappy.Decode(dst, src)
		return dst, err
	case 2:
		if r.gzip == nil {
			r.gzip = new(gzip.Reader)
		}
		if err := r.gzip.Reset(bytes.NewReader(src)); err != nil {
			return dst, err
		}
		if _, err := io.ReadFull(r.gzip, dst); err != nil {
			return dst, err
		}
		if n, err := r.gzip.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			return dst, errors.New("it does not decompress to the size that it claims")
		}
		return dst, nil
	case 6:
		if size == 0 && len(src) == 0 {
			return dst, nil
		}
		if r.zstd == nil {
			// DecodeAll never makes more than it has room for, whatever the frame says.
			if r.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPage), zstd.WithDecodeAllCapLimit(true)); err != nil {
				return dst, err
			}
		}
		out, err := r.zstd.DecodeAll(src, dst[:0])
		if err != nil {
			return dst, err
		}
		if len(out) != size {
			return dst, errors.New("it does not decompress to the size that it claims")
		}
		return out, nil
	}
	return dst, fmt.Errorf("it is compressed by method %d; zstd, snappy, gzip and none are read", codec)
}

// present reads which values are there.
func (c *cursor) present(levels []byte, n int) (int, error) {
	c.levels = grown(c.levels, n)
	if n == 0 {
		return 0, nil
	}
	if _, err := runs(c.levels, levels, 1); err != nil {
		return 0, err
	}
	present := uint32(0)
	for _, l := range c.levels {
		present += l
	}
	if c.nulls = int(present) < n; c.nulls {
		c.missing = grown(c.missing, n)
		for i, l := range c.levels {
			c.missing[i] = l == 0
		}
	}
	return int(present), nil
}

func (c *cursor) dictionary(n int) error {
	d := &c.dict
	d.number++
	d.size = n
	var err error
	switch c.column.Kind {
	case Int32, Int64:
		d.ints = grown(d.ints, n)
		err = plainInts(d.ints, d.body, c.column)
	case Float, Double:
		d.floats = grown(d.floats, n)
		err = plainFloats(d.floats, d.body, c.column.Kind)
	case Bytes:
		err = d.plain(d.body, n)
	default:
		err = fmt.Errorf("its type %d has no dictionary that is read", c.column.Kind)
	}
	return err
}

// values decodes the values of a page.
func (c *cursor) values(encoding int64, src []byte, n int) error {
	c.indexed = false
	switch kind := c.column.Kind; {
	case encoding == encDict || encoding == encPlainDict:
		return c.byIndex(src, n)
	case kind == Bytes:
		switch encoding {
		case encPlain:
			return c.texts.plain(src, n)
		case encLengths:
			c.scratch = grown(c.scratch, n)
			return c.texts.lengths(src, c.scratch, n)
		case encFronts:
			c.scratch = grown(c.scratch, n)
			var err error
			c.room, err = c.texts.fronts(src, c.room, c.scratch, n)
			return err
		}
	case kind == Int32 || kind == Int64:
		c.ints = grown(c.ints, n)
		switch encoding {
		case encPlain:
			return plainInts(c.ints, src, c.column)
		case encDeltas:
			if _, err := deltas(c.ints, src); err != nil {
				return err
			}
			if kind == Int32 {
				for i, v := range c.ints {
					c.ints[i] = narrow(uint32(v), c.column)
				}
			}
			return nil
		}
	case (kind == Float || kind == Double) && encoding == encPlain:
		c.floats = grown(c.floats, n)
		return plainFloats(c.floats, src, kind)
	case kind == Boolean && (encoding == encPlain || encoding == encRuns):
		c.levels, c.ints = grown(c.levels, n), grown(c.ints, n)
		if encoding == encPlain {
			if (n+7)/8 > len(src) {
				return errValues
			}
			unpack32(c.levels, src, 1)
		} else if len(src) < 4 {
			return errShort
		} else if _, err := runs(c.levels, src[4:], 1); err != nil {
			return err
		}
		for i, b := range c.levels {
			c.ints[i] = int64(b)
		}
		return nil
	}
	return fmt.Errorf("values of its type %d are encoded by number %d, which is not read", c.column.Kind, encoding)
}

// byIndex decodes values that are numbers of the dictionary's.
func (c *cursor) byIndex(src []byte, n int) error {
	c.index = grown(c.index, n)
	if n > 0 {
		if len(src) == 0 {
			return errShort
		}
		if _, err := runs(c.index, src[1:], uint(src[0])); err != nil {
			return err
		}
	}
	last := uint32(0)
	for _, i := range c.index {
		last = max(last, i)
	}
	if n > 0 && int(last) >= c.dict.size {
		return fmt.Errorf("it names value %d of a dictionary of %d", last, c.dict.size)
	}
	switch c.column.Kind {
	case Int32, Int64:
		c.ints = grown(c.ints, n)
		for i, k := range c.index {
			c.ints[i] = c.dict.ints[k]
		}
	case Float, Double:
		c.floats = grown(c.floats, n)
		for i, k := range c.index {
			c.floats[i] = c.dict.floats[k]
		}
	default:
		c.indexed = true
	}
	return nil
}

// spread moves the values of a page to the places of their rows. A missing one
// is 0 or empty.
func (c *cursor) spread(n, present int) {
	switch {
	case c.indexed: // a missing text cannot be named by an index
		c.texts.size(n)
		c.texts.data = c.dict.data
		from := present
		for i := n - 1; i >= 0; i-- {
			c.texts.start[i], c.texts.end[i] = 0, 0
			if !c.missing[i] {
				from--
				k := c.index[from]
				c.texts.start[i], c.texts.end[i] = c.dict.start[k], c.dict.end[k]
			}
		}
		c.indexed = false
	case c.column.Kind == Bytes:
		start, end := c.texts.start, c.texts.end
		c.texts.start, c.texts.end = lengthen(start, n), lengthen(end, n)
		spread(c.texts.start, c.missing, present)
		spread(c.texts.end, c.missing, present)
	case c.column.Kind == Float || c.column.Kind == Double:
		c.floats = lengthen(c.floats, n)
		spread(c.floats, c.missing, present)
	default:
		c.ints = lengthen(c.ints, n)
		spread(c.ints, c.missing, present)
	}
}

// lengthen gives a slice of n elements that begins with those of s.
func lengthen[T any](s []T, n int) []T {
	out := grown(s, n)
	if n > 0 && len(s) > 0 && &out[0] != &s[0] {
		copy(out, s)
	}
	return out
}

func spread[T any](s []T, missing []bool, present int) {
	var none T
	for i := len(missing) - 1; i >= 0; i-- {
		if missing[i] {
			s[i] = none
			continue
		}
		present--
		s[i] = s[present]
	}
}

// narrow widens a 32-bit number by the column's sign.
func narrow(v uint32, c Column) int64 {
	if c.Unsigned {
		return int64(v)
	}
	return int64(int32(v))
}

func plainInts(dst []int64, src []byte, c Column) error {
	size := 8
	if c.Kind == Int32 {
		size = 4
	}
	if len(src) < size*len(dst) {
		return errValues
	}
	if size == 4 {
		for i := range dst {
			dst[i] = narrow(binary.LittleEndian.Uint32(src[4*i:]), c)
		}
		return nil
	}
	for i := range dst {
		dst[i] = int64(binary.LittleEndian.Uint64(src[8*i:]))
	}
	return nil
}

func plainFloats(dst []float64, src []byte, kind Kind) error {
	size := 8
	if kind == Float {
		size = 4
	}
	if len(src) < size*len(dst) {
		return errValues
	}
	for i := range dst {
		if size == 4 {
			dst[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:])))
		} else {
			dst[i] = math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:]))
		}
	}
	return nil
}
