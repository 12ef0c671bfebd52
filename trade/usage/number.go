package usage

import (
	"math/bits"
	"strconv"
)

// Number is an E.164 number as an integer: +4915112345678 is 4915112345678. No
// country code begins with 0, so digits and integer say the same. At most 15
// digits. The zero value is [Withheld].
type Number uint64

// Withheld stands for an originating number that is empty or not E.164.
const Withheld Number = 0

// MaxDigits is the length of the longest E.164 number.
const MaxDigits = 15

// ParseNumber reads 1 to 15 digits, the first not 0, after an optional plus
// sign. ok is false for anything else.
func ParseNumber(s []byte) (n Number, ok bool) {
	if len(s) > 0 && s[0] == '+' {
		s = s[1:]
	}
	if len(s) == 0 || len(s) > MaxDigits || s[0] == '0' {
		return Withheld, false
	}
	for _, c := range s {
		if c < '0' || c > '9' {
			return Withheld, false
		}
		n = n*10 + Number(c-'0')
	}
	return n, true
}

// powersOfTen[i] is 10^i, up to the largest that 64 bits hold.
var powersOfTen = func() (p [20]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

// Digits tells how many decimal digits n has; 0 for a withheld number.
func (n Number) Digits() int {
	if n == 0 {
		return 0
	}
	d := bits.Len64(uint64(n)) * 1233 >> 12 // log10(2) is 1233/4096 from below
	if uint64(n) >= powersOfTen[d] {
		d++
	}
	return d
}

// String gives the digits, and nothing for a withheld number.
func (n Number) String() string {
	if n == Withheld {
		return ""
	}
	return strconv.FormatUint(uint64(n), 10)
}
