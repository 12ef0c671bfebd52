package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
)

var (
	errValues = errors.New("it has fewer values than it claims")
	errNumber = errors.New("a number in it is out of range")
)

// runs decodes n numbers of a width in bits from a mixture of runs and packed
// groups of eight, and gives how many bytes they took.
func runs(dst []uint32, src []byte, width uint) (int, error) {
	if width > 32 {
		return 0, fmt.Errorf("it claims numbers of %d bits", width)
	}
	at, n := 0, 0
	for n < len(dst) {
		head, size := binary.Uvarint(src[at:])
		if size <= 0 {
			return 0, errValues
		}
		at += size
		if head&1 == 0 {
			v := uint32(0)
			for i := range int(width+7) / 8 {
				if at == len(src) {
					return 0, errValues
				}
				v |= uint32(src[at]) << (8 * i)
				at++
			}
			m := min(head>>1, uint64(len(dst)-n))
			if m == 0 {
				return 0, errNumber // a run of nothing
			}
			run := dst[n : n+int(m)]
			for i := range run {
				run[i] = v
			}
			n += int(m)
			continue
		}
		groups := head >> 1
		if groups == 0 {
			return 0, errNumber
		}
		m := len(dst) - n
		if groups < uint64(m+7)/8 {
			m = int(groups) * 8
		}
		need := (m*int(width) + 7) / 8
		if need > len(src)-at {
			return 0, errValues
		}
		unpack32(dst[n:n+m], src[at:], width)
		n += m
		// The last group may be cut off behind the last value.
		at += int(min(groups*uint64(width), uint64(len(src)-at)))
	}
	return at, nil
}

// unpack32 decodes numbers that lie bit by bit one after the other, the lowest
// bit first. There are bits enough.
func unpack32(dst []uint32, src []byte, width uint) {
	if width == 0 {
		clear(dst)
		return
	}
	mask := uint64(1)<<width - 1
	bit := uint(0)
	for i := range dst {
		at := bit / 8
		var word uint64
		if at+8 <= uint(len(src)) {
			word = binary.LittleEndian.Uint64(src[at:])
		} else {
			word = tail(src[at:])
		}
		dst[i] = uint32(word >> (bit & 7) & mask)
		bit += width
	}
}

// tail is the little-endian number in less than 8 bytes.
func tail(b []byte) (w uint64) {
	for i, x := range b {
		w |= uint64(x) << (8 * i)
	}
	return w
}

// deltas decodes exactly n numbers that are written as differences, and gives
// how many bytes they took.
func deltas(dst []int64, src []byte) (int, error) {
	at := 0
	var head [4]uint64 // values in a block, blocks in it, values in all, the first value
	for i := range head {
		v, size := binary.Uvarint(src[at:])
		if size <= 0 {
			return 0, errValues
		}
		head[i], at = v, at+size
	}
	block, minis := head[0], head[1]
	if head[2] != uint64(len(dst)) {
		return 0, fmt.Errorf("it claims %d values where there are %d", head[2], len(dst))
	}
	if block == 0 || block%128 != 0 || block > 1<<16 || minis == 0 || block%minis != 0 || block/minis%32 != 0 {
		return 0, errNumber
	}
	if len(dst) == 0 {
		return at, nil
	}
	each := int(block / minis)
	last := int64(head[3]>>1) ^ -int64(head[3]&1)
	dst[0] = last
	dst = dst[1:]
	for len(dst) > 0 {
		v, size := binary.Uvarint(src[at:])
		if size <= 0 || len(src)-at-size < int(minis) {
			return 0, errValues
		}
		at += size
		least := int64(v>>1) ^ -int64(v&1)
		widths := src[at : at+int(minis)]
		at += int(minis)
		for _, w := range widths {
			if len(dst) == 0 {
				break // blocks behind the last value have no data
			}
			width := uint(w)
			if width > 64 {
				return 0, errNumber
			}
			m := min(each, len(dst))
			size := each * int(width) / 8
			if size > len(src)-at {
				if (m*int(width)+7)/8 > len(src)-at {
					return 0, errValues
				}
				size = len(src) - at
			}
			last = undelta(dst[:m], src[at:], width, least, last)
			dst, at = dst[m:], at+size
		}
	}
	return at, nil
}

// undelta adds up differences that are packed with a width; there are bits
// enough.
func undelta(dst []int64, src []byte, width uint, least, last int64) int64 {
	if width == 0 {
		for i := range dst {
			last += least
			dst[i] = last
		}
		return last
	}
	mask := uint64(math.MaxUint64) >> (64 - width)
	bit := uint(0)
	for i := range dst {
		at, shift := bit/8, bit&7
		var word uint64
		if at+8 <= uint(len(src)) {
			word = binary.LittleEndian.Uint64(src[at:]) >> shift
		} else {
			word = tail(src[at:]) >> shift
		}
		if shift+width > 64 {
			word |= uint64(src[at+8]) << (64 - shift)
		}
		last += least + int64(word&mask)
		dst[i] = last
		bit += width
	}
	return last
}

// texts are byte strings one behind the other.
type texts struct {
	data       []byte
	start, end []uint32
}

func (t *texts) size(n int) {
	t.start, t.end = grown(t.start, n), grown(t.end, n)
}

// grown gives a slice of n elements, the old one if it is long enough.
func grown[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, 1<<bits.Len(uint(n)))
	}
	return s[:n]
}

// plain finds strings that each follow their length. The data is not copied.
func (t *texts) plain(src []byte, n int) error {
	if n > len(src)/4 {
		return errValues // so many cannot be in it
	}
	t.size(n)
	t.data = src
	at := uint32(0)
	for i := range n {
		if uint32(len(src))-at < 4 {
			return errValues
		}
		size := binary.LittleEndian.Uint32(src[at:])
		at += 4
		if size > uint32(len(src))-at {
			return errValues
		}
		t.start[i], t.end[i] = at, at+size
		at += size
	}
	return nil
}

// lengths finds strings whose lengths are all written before them.
func (t *texts) lengths(src []byte, scratch []int64, n int) error {
	took, err := deltas(scratch[:n], src)
	if err != nil {
		return err
	}
	t.size(n)
	t.data = src[took:]
	at := uint64(0)
	for i, size := range scratch[:n] {
		if size < 0 || uint64(size) > uint64(len(t.data))-at {
			return errValues
		}
		t.start[i] = uint32(at)
		at += uint64(size)
		t.end[i] = uint32(at)
	}
	return nil
}

// fronts builds strings that are written without what they share with the one
// before. All together they have at most maxPage bytes.
func (t *texts) fronts(src, room []byte, scratch []int64, n int) ([]byte, error) {
	shared := scratch[:n]
	took, err := deltas(shared, src)
	if err != nil {
		return room, err
	}
	var rest texts
	if err := rest.lengths(src[took:], make([]int64, n), n); err != nil {
		return room, err
	}
	t.size(n)
	room = room[:0]
	last := uint32(0)
	for i := range n {
		own := rest.data[rest.start[i]:rest.end[i]]
		if shared[i] < 0 || shared[i] > int64(len(room))-int64(last) {
			return room, errNumber
		}
		if len(room)+int(shared[i])+len(own) > maxPage {
			return room, fmt.Errorf("its texts are longer than %d bytes together", maxPage)
		}
		before := room[last : int64(last)+shared[i]]
		last = uint32(len(room))
		t.start[i] = last
		room = append(append(room, before...), own...)
		t.end[i] = uint32(len(room))
	}
	t.data = room
	return room, nil
}
