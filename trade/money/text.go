package money

import (
	"math"
	"strconv"

	"github.com/lateral-network/lateral/fault"
)

// ParseMicro reads a plain decimal number with an optional minus sign and at
// most six places: "360.022194", "-1", "0.5". Exponents, a plus sign, spaces,
// separators and further places are refused with code [CodeNotDecimal], a number
// out of range with [CodeOverflow].
func ParseMicro(s string) (Micro, error) {
	v, err := parse(s, 6)
	return Micro(v), err
}

// ParseRate reads a plain decimal number with at most nine places, as
// [ParseMicro] does.
func ParseRate(s string) (Rate, error) {
	v, err := parse(s, 9)
	return Rate(v), err
}

// String prints exactly six places: "360.022194".
func (a Micro) String() string { return format(int64(a), 6) }

// String prints exactly nine places: "0.040727887".
func (p Rate) String() string { return format(int64(p), 9) }

// MarshalText gives the decimal text, so that JSON holds a string.
func (a Micro) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what [ParseMicro] reads.
func (a *Micro) UnmarshalText(text []byte) (err error) {
	*a, err = ParseMicro(string(text))
	return err
}

// MarshalText gives the decimal text, so that JSON holds a string.
func (p Rate) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what [ParseRate] reads.
func (p *Rate) UnmarshalText(text []byte) (err error) {
	*p, err = ParseRate(string(text))
	return err
}

// excerpt bounds how much of a bad text an error repeats.
const excerpt = 40

func notDecimal(s string, places int) error {
	if len(s) > excerpt {
		s = s[:excerpt] + "..."
	}
	return fault.Newf(CodeNotDecimal, "write digits, a point and at most "+strconv.Itoa(places)+" places, like 12.345678",
		"%q is not a decimal number with at most %d places", s, places)
}

// parse reads a decimal into units of 10^-places.
func parse(s string, places int) (int64, error) {
	rest := s
	neg := rest != "" && rest[0] == '-'
	if neg {
		rest = rest[1:]
	}
	var u uint64
	whole, frac, point := 0, 0, false
	for i := 0; i < len(rest); i++ {
		c := rest[i]
		switch {
		case c == '.' && !point:
			point = true
			continue
		case c < '0' || c > '9':
			return 0, notDecimal(s, places)
		case point:
			frac++
		default:
			whole++
		}
		if u > (math.MaxUint64-9)/10 {
			return 0, overflow("a number")
		}
		u = u*10 + uint64(c-'0')
	}
	if whole == 0 || point && frac == 0 || frac > places {
		return 0, notDecimal(s, places)
	}
	for ; frac < places; frac++ {
		if u > math.MaxUint64/10 {
			return 0, overflow("a number")
		}
		u *= 10
	}
	v, ok := signed(neg, 0, u)
	if !ok {
		return 0, overflow("a number")
	}
	return v, nil
}

func format(v int64, places int) string {
	var buf [24]byte
	i, u := len(buf), magnitude(v)
	for n := 0; n <= places || u > 0; n++ {
		if n == places {
			i--
			buf[i] = '.'
		}
		i--
		buf[i] = byte('0' + u%10)
		u /= 10
	}
	if v < 0 {
		i--
		buf[i] = '-'
	}
	return string(buf[i:])
}
