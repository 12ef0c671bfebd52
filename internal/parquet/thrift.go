package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// compact reads the compact protocol of Thrift. It makes nothing from a stated
// size: a list is gone through element by element, so a claim costs nothing.
type compact struct {
	b     []byte
	at    int
	depth int
}

var errShort = errors.New("it ends in the middle of a value")

// The wire types that matter.
const (
	tTrue   = 1
	tFalse  = 2
	tByte   = 3
	tI16    = 4
	tI32    = 5
	tI64    = 6
	tDouble = 7
	tBinary = 8
	tList   = 9
	tSet    = 10
	tMap    = 11
	tStruct = 12
)

const maxDepth = 16

func (c *compact) byte() (byte, error) {
	if c.at >= len(c.b) {
		return 0, errShort
	}
	c.at++
	return c.b[c.at-1], nil
}

func (c *compact) uvarint() (uint64, error) {
	v, n := binary.Uvarint(c.b[c.at:])
	if n <= 0 {
		return 0, errShort
	}
	c.at += n
	return v, nil
}

// int reads a number of any length.
func (c *compact) int() (int64, error) {
	v, err := c.uvarint()
	return int64(v>>1) ^ -int64(v&1), err
}

// text reads a string or bytes; they point into the input.
func (c *compact) text() ([]byte, error) {
	n, err := c.uvarint()
	if err != nil || n > uint64(len(c.b)-c.at) {
		return nil, errShort
	}
	c.at += int(n)
	return c.b[c.at-int(n) : c.at], nil
}

// fields goes through the fields of a struct. The function reads the value of a
// field that it knows and says so; others are passed over.
func (c *compact) fields(f func(id int16, kind byte) (bool, error)) error {
	if c.depth++; c.depth > maxDepth {
		return fmt.Errorf("it is nested more than %d deep", maxDepth)
	}
	defer func() { c.depth-- }()
	id := int16(0)
	for {
		head, err := c.byte()
		if err != nil || head == 0 {
			return err
		}
		kind := head & 15
		if delta := head >> 4; delta != 0 {
			id += int16(delta)
		} else {
			n, err := c.int()
			if err != nil {
				return err
			}
			id = int16(n)
		}
		before := c.at
		known, err := f(id, kind)
		if err != nil {
			return err
		}
		if !known {
			c.at = before
			if err := c.skip(kind, false); err != nil {
				return err
			}
		}
	}
}

// list goes through a list of structs.
func (c *compact) list(f func() error) error {
	n, kind, err := c.listHead()
	if err != nil {
		return err
	}
	if kind != tStruct {
		return errors.New("a list has elements of another type")
	}
	for range n {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

func (c *compact) listHead() (n uint64, kind byte, err error) {
	head, err := c.byte()
	if err != nil {
		return 0, 0, err
	}
	if n = uint64(head >> 4); n == 15 {
		n, err = c.uvarint()
	}
	return n, head & 15, err
}

// skip passes over a value. The value of a boolean field is in the field's head,
// that of one in a list is not.
func (c *compact) skip(kind byte, inList bool) error {
	switch kind {
	case tTrue, tFalse:
		if inList {
			_, err := c.byte()
			return err
		}
		return nil
	case tByte:
		_, err := c.byte()
		return err
	case tI16, tI32, tI64:
		_, err := c.uvarint()
		return err
	case tDouble:
		if len(c.b)-c.at < 8 {
			return errShort
		}
		c.at += 8
		return nil
	case tBinary:
		_, err := c.text()
		return err
	case tStruct:
		return c.fields(func(int16, byte) (bool, error) { return false, nil })
	case tList, tSet:
		n, kind, err := c.listHead()
		if err != nil {
			return err
		}
		return c.skipMany(n, kind)
	case tMap:
		n, err := c.uvarint()
		if err != nil || n == 0 {
			return err
		}
		kinds, err := c.byte()
		if err != nil {
			return err
		}
		if n > uint64(len(c.b)) {
			return errShort // each entry takes at least a byte
		}
		for range n {
			for _, kind := range []byte{kinds >> 4, kinds & 15} {
				if err := c.nested(kind); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return fmt.Errorf("it has a value of the unknown type %d", kind)
}

func (c *compact) skipMany(n uint64, kind byte) error {
	if n > uint64(len(c.b)) {
		return errShort // each element takes at least a byte
	}
	for range n {
		if err := c.nested(kind); err != nil {
			return err
		}
	}
	return nil
}

func (c *compact) nested(kind byte) error {
	if c.depth++; c.depth > maxDepth {
		return fmt.Errorf("it is nested more than %d deep", maxDepth)
	}
	defer func() { c.depth-- }()
	return c.skip(kind, true)
}
