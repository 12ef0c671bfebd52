package mesh

import (
	"encoding/binary"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
)

// Print is 24 bits of a place's id, by which it stands in a [Reach]. Other
// places share it: 1 in 200 does by chance where 80,000 places are listed.
type Print uint32

const printBits = 24

// PrintOf gives a place's print.
func PrintOf(place string) Print {
	h := canon.Sum("lateral/mesh/place/1", []byte(place))
	return Print(binary.BigEndian.Uint32(h[:4]) >> (32 - printBits))
}

// Reach tells a neighbour where it is worth asking: for each number of further
// asks, the prints of the places that may be served with so many, sorted. It
// names no carrier, product or price.
//
// It is an attenuated Bloom filter (S. Rhea, J. Kubiatowicz, "Probabilistic
// location and routing", INFOCOM 2002) with one hash function and 2^24 bits,
// written as the gaps between the set ones (M. Mitzenmacher, "Compressed Bloom
// filters", PODC 2001): filters of every size unite without getting fuller
// than they must. A carrier may list fewer places than it serves, at the price
// of not being asked.
type Reach struct {
	Levels [][]Print
}

// Limits of a Reach that a neighbour may send.
const (
	maxLevels = 4
	maxPrints = 1 << 19
)

// level gives the least number of further asks, at most so many, with which a
// place may be reached, or false.
func (r *Reach) level(p Print, most int) (int, bool) {
	for i, l := range r.Levels[:min(len(r.Levels), most+1)] {
		if listed(l, p) {
			return i, true
		}
	}
	return 0, false
}

// listed finds a print in a sorted list. Prints are hashes, so it lies near its
// share of the list: looking there first touches two or three lines of memory
// where halving touches a dozen. A list that is not even is searched by halves.
func listed(l []Print, p Print) bool {
	const near = 64
	at := int(uint64(p) * uint64(len(l)) >> printBits)
	low, high := max(at-near, 0), min(at+near, len(l))
	if low >= high {
		return false
	}
	switch {
	case low > 0 && l[low] > p:
		low, high = 0, low
	case high < len(l) && l[high-1] < p:
		low, high = high, len(l)
	}
	if at >= low && at < high {
		for at > low && l[at] > p {
			at--
		}
		for at < high-1 && l[at] < p {
			at++
		}
		return l[at] == p
	}
	_, ok := slices.BinarySearch(l[low:high], p)
	return ok
}

// size counts the places of the last level: how well connected the neighbour is.
func (r *Reach) size() int {
	if r == nil || len(r.Levels) == 0 {
		return 0
	}
	return len(r.Levels[len(r.Levels)-1])
}

func prints(places []string) []Print {
	out := make([]Print, 0, len(places))
	for _, p := range places {
		out = append(out, PrintOf(p))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Equal reports whether two say the same.
func (r *Reach) Equal(o *Reach) bool {
	return r != nil && o != nil && slices.EqualFunc(r.Levels, o.Levels, slices.Equal[[]Print])
}

// Encode gives the bytes: version 1, number of levels, and of each its number of
// prints and the gaps between them, all as unsigned varints.
func (r *Reach) Encode() []byte {
	out := []byte{1, byte(len(r.Levels))}
	for _, l := range r.Levels {
		out = binary.AppendUvarint(out, uint64(len(l)))
		last := Print(0)
		for _, p := range l {
			out = binary.AppendUvarint(out, uint64(p-last))
			last = p
		}
	}
	return out
}

// CodeBadReach says that a neighbour's reach is not of the form that is read.
const CodeBadReach fault.Code = "bad-reach"

// DecodeReach reads what Encode writes. Code: [CodeBadReach].
func DecodeReach(data []byte) (*Reach, error) {
	bad := func() (*Reach, error) {
		return nil, fault.New(CodeBadReach, "this is no reach of version 1", "send levels of sorted prints, at most 4 and 524,288 each")
	}
	if len(data) < 2 || data[0] != 1 || data[1] > maxLevels {
		return bad()
	}
	r := &Reach{Levels: make([][]Print, data[1])}
	data = data[2:]
	next := func() (uint64, bool) {
		n, size := binary.Uvarint(data)
		if size <= 0 || size > 1 && data[size-1] == 0 { // cut short, or not the shortest form
			return 0, false
		}
		data = data[size:]
		return n, true
	}
	for i := range r.Levels {
		n, ok := next()
		if !ok || n > maxPrints || n > uint64(len(data)) {
			return bad()
		}
		l := make([]Print, 0, n)
		last := uint64(0)
		for k := range n {
			gap, ok := next()
			if !ok || gap == 0 && k > 0 || gap >= 1<<printBits || last+gap >= 1<<printBits {
				return bad()
			}
			last += gap
			l = append(l, Print(last))
		}
		r.Levels[i] = l
	}
	if len(data) != 0 {
		return bad()
	}
	return r, nil
}
