package compare

import (
	"cmp"

	"github.com/lateral-network/lateral/trade/usage"
)

// side says whose file a call is of.
type side uint8

const (
	ours   side = 0
	theirs side = 1
)

func (s side) String() string {
	if s == ours {
		return "ours"
	}
	return "theirs"
}

// call is one row in 48 bytes without pointers.
type call struct {
	start    int64  // ms since 1970 UTC
	origin   uint64 // 0: withheld
	dest     dest
	id       uint64 // its id, hashed with a key of this run
	duration uint32 // ms
	line     uint32 // of its file, the header being line 1
	trunk    uint16 // in the side's names
	text     uint8  // what a withheld origin was written as, hashed; 0: nothing
	way      usage.Way
	result   usage.Result
	third    bool // a third carrier stands where the other of the pair should
	plus     bool // its number has a plus sign
	odd      bool // a learned rule made its number what it is
}

func (c *call) success() bool { return c.result == usage.Success && !c.third }

func (c *call) end() int64 { return c.start + int64(c.duration) }

// dest is a called number as it is written: the longest run of at most 15
// digits at its end that does not begin with 0, and above it the form, a number
// for the text before the run. Form 0 is an E.164 number.
type dest uint64

const (
	digitBits = 50
	maxForms  = 1 << (64 - digitBits)
)

func (d dest) form() uint16         { return uint16(d >> digitBits) }
func (d dest) digits() uint64       { return uint64(d) & (1<<digitBits - 1) }
func (d dest) number() usage.Number { return usage.Number(d.digits()) }

// tailDigits is how many digits at the end of a called number choose the part
// that its call belongs to: whatever a prefix does to a number, it stays in its
// part.
const (
	tailDigits = 6
	tailSpan   = 1_000_000
)

func (d dest) tail() uint32 { return uint32(d.digits() % tailSpan) }

// partOf spreads tails over 2^bits parts.
func partOf(tail uint32, bits uint) uint32 {
	return uint32(uint64(tail+1)*0x9e3779b97f4a7c15>>32) >> (32 - bits) & (1<<bits - 1)
}

// splitDigits takes the longest run of digits at the end of a text that can be a
// number, and the text before it. digits is 0 when there is none.
func splitDigits(s []byte) (before []byte, digits uint64) {
	i := len(s)
	for i > 0 && len(s)-i < usage.MaxDigits && s[i-1]-'0' <= 9 {
		i--
	}
	for i < len(s) && s[i] == '0' {
		i++
	}
	for _, c := range s[i:] {
		digits = digits*10 + uint64(c-'0')
	}
	return s[:i], digits
}

// mix is a hash of two numbers.
func mix(a, b uint64) uint64 {
	a ^= b * 0x9e3779b97f4a7c15
	a ^= a >> 32
	a *= 0xd6e8feb86659fd93
	a ^= a >> 32
	a *= 0xd6e8feb86659fd93
	return a ^ a>>32
}

func (c *call) hash() uint64 {
	return mix(mix(uint64(c.start), uint64(c.dest)), mix(c.origin, uint64(c.duration)<<16|uint64(c.result)<<8|uint64(c.way)))
}

// same compares what makes two rows of one side the same call. Two withheld
// origins are equal.
func (c *call) same(d *call) bool {
	return c.start == d.start && c.dest == d.dest && c.origin == d.origin && c.duration == d.duration && c.result == d.result && c.way == d.way
}

// inTime orders calls by time and then by what else they say, so that no file's
// order decides anything. Two of one side that are equal by it are the same call, or
// seem to be by what their trunks' clocks are off.
func inTime(a, b *call) int {
	return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.duration, b.duration), cmp.Compare(a.dest, b.dest),
		cmp.Compare(a.origin, b.origin), cmp.Compare(a.way, b.way), cmp.Compare(a.result, b.result))
}

// plainer orders rows that are the same call: the first is the one that counts. It
// is the one whose number needs least to be put right, then that of the trunk that
// is first by name. Where a row stands in its file decides only between such as
// differ in nothing that matters.
func plainer(a, b *call, trunks *names) int {
	number := func(c *call) int {
		switch {
		case c.odd:
			return 2
		case c.plus:
			return 1
		}
		return 0
	}
	if n := cmp.Compare(number(a), number(b)); n != 0 {
		return n
	}
	if a.trunk != b.trunk {
		if n := cmp.Compare(trunks.name(a.trunk), trunks.name(b.trunk)); n != 0 {
			return n
		}
	}
	return cmp.Compare(a.line, b.line)
}
