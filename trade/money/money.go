// Package money is amounts, rates and rounding. Everything is an integer with a
// unit: products are taken in 128 bits and rounded once, by the rule that the
// agreement names. Overflow is an error, never a wrapped number.
package money

import (
	"math"
	"math/bits"

	"github.com/lateral-network/lateral/fault"
)

// CodeOverflow says that a sum or product of money left the range of its type.
const CodeOverflow fault.Code = "money-overflow"

// CodeNotDecimal says that a text is not a plain decimal number of the allowed
// number of places.
const CodeNotDecimal fault.Code = "not-a-decimal"

// CodeCurrencyMismatch says that amounts of two currencies met in one sum.
const CodeCurrencyMismatch fault.Code = "currency-mismatch"

// CodeUnknownRounding says that a rounding rule is none of those that exist.
const CodeUnknownRounding fault.Code = "unknown-rounding"

// Micro is an amount in millionths of a currency unit: 1.25 EUR is 1_250_000.
// Range ±9.2e12 units. Its text is a decimal with exactly six places.
type Micro int64

// Rate is a price in billionths of a currency unit for one rating unit:
// 0.040727887 USD a minute is 40_727_887 with a unit of 60 seconds. Range
// ±9.2e9 units. Its text is a decimal with exactly nine places.
type Rate int64

// Amount is money of one currency.
type Amount struct {
	Currency Currency `cbor:"1,keyasint" json:"currency"`
	Micro    Micro    `cbor:"2,keyasint" json:"amount"`
}

// Rounding names how a quotient becomes an integer. The zero value is no rule;
// agreements default to [HalfUp].
type Rounding string

// The rounding rules.
const (
	HalfUp   Rounding = "half-up"   // to the nearest, a half away from zero
	HalfEven Rounding = "half-even" // to the nearest, a half to the even neighbour
	Up       Rounding = "up"        // away from zero
	Down     Rounding = "down"      // towards zero
)

// Validate refuses a rounding rule that does not exist, with code
// [CodeUnknownRounding].
func (r Rounding) Validate() error {
	switch r {
	case HalfUp, HalfEven, Up, Down:
		return nil
	}
	return fault.Newf(CodeUnknownRounding, "use half-up, half-even, up or down", "no rounding rule is called %q", string(r))
}

func overflow(what string) error {
	return fault.New(CodeOverflow, what+" leaves the range of amounts (±9,223,372,036,854.775807)", "split it into smaller parts")
}

// Add gives a + b, or code [CodeOverflow].
func (a Micro) Add(b Micro) (Micro, error) {
	s := a + b
	if (s > a) != (b > 0) && b != 0 {
		return 0, overflow("the sum of " + a.String() + " and " + b.String())
	}
	return s, nil
}

// Sub gives a - b, or code [CodeOverflow].
func (a Micro) Sub(b Micro) (Micro, error) {
	s := a - b
	if (s < a) != (b > 0) && b != 0 {
		return 0, overflow("the difference of " + a.String() + " and " + b.String())
	}
	return s, nil
}

// Neg gives -a, or code [CodeOverflow] for the one value without a negative.
func (a Micro) Neg() (Micro, error) {
	if a == math.MinInt64 {
		return 0, overflow("the negative of " + a.String())
	}
	return -a, nil
}

// Mul gives a × n, or code [CodeOverflow].
func (a Micro) Mul(n int64) (Micro, error) {
	neg, u := sign(int64(a), n)
	hi, lo := bits.Mul64(u, magnitude(n))
	v, ok := signed(neg, hi, lo)
	if !ok {
		return 0, overflow("a multiple of " + a.String())
	}
	return Micro(v), nil
}

// MulDiv gives a × n / d, exact in 128 bits and rounded once by r. d is above
// zero. Codes: [CodeOverflow], [CodeUnknownRounding].
func (a Micro) MulDiv(n int64, d uint64, r Rounding) (Micro, error) {
	neg, u := sign(int64(a), n)
	hi, lo := bits.Mul64(u, magnitude(n))
	v, err := quotient(neg, hi, lo, d, r)
	return Micro(v), err
}

// Times gives the price of quantity at the rate for per of them: quantity ×
// rate / per, exact in 128 bits and rounded once by r to millionths. per is
// above zero and below 2^54. Codes: [CodeOverflow], [CodeUnknownRounding].
func (p Rate) Times(quantity, per uint64, r Rounding) (Micro, error) {
	const billionthsInMillionth = 1000
	hi, lo := bits.Mul64(magnitude(int64(p)), quantity)
	if per > math.MaxUint64/billionthsInMillionth {
		return 0, overflow("the unit of a rate")
	}
	v, err := quotient(p < 0, hi, lo, per*billionthsInMillionth, r)
	return Micro(v), err
}

// TimesWith is Times with a fee for each of count added before the one rounding:
// quantity × rate / per + count × fee. Neither rate nor fee is negative. Codes:
// invalid, [CodeOverflow], [CodeUnknownRounding].
func (p Rate) TimesWith(quantity, per uint64, fee Rate, count uint64, r Rounding) (Micro, error) {
	const billionthsInMillionth = 1000
	if p < 0 || fee < 0 {
		return 0, fault.New(fault.Invalid, "a rate with a fee is negative", "name prices of zero or more")
	}
	over, fees := bits.Mul64(uint64(fee), count)
	top, feesLo := bits.Mul64(fees, per) // in billionths, times per
	if over != 0 || per > math.MaxUint64/billionthsInMillionth {
		return 0, overflow("the sum of fees")
	}
	hi, lo := bits.Mul64(uint64(p), quantity)
	lo, carry := bits.Add64(lo, feesLo, 0)
	hi, carry = bits.Add64(hi, top, carry)
	if carry != 0 {
		return 0, overflow("a product")
	}
	v, err := quotient(false, hi, lo, per*billionthsInMillionth, r)
	return Micro(v), err
}

// Product is one of the products of a [Quotient].
type Product struct{ A, B uint64 }

// Quotient gives the sum of products divided by d, exact in 128 bits and rounded
// once by r. d is above zero. Codes: [CodeOverflow], [CodeUnknownRounding].
func Quotient(products []Product, d uint64, r Rounding) (Micro, error) {
	return Difference(products, nil, d, r)
}

// Difference gives what a sum of products has more than another, divided by d:
// exact in 128 bits and rounded once by r. d is above zero. Codes:
// [CodeOverflow], [CodeUnknownRounding].
func Difference(more, less []Product, d uint64, r Rounding) (Micro, error) {
	hi, lo, err := total(more)
	if err != nil {
		return 0, err
	}
	lessHi, lessLo, err := total(less)
	if err != nil {
		return 0, err
	}
	neg := hi < lessHi || hi == lessHi && lo < lessLo
	if neg {
		hi, lo, lessHi, lessLo = lessHi, lessLo, hi, lo
	}
	lo, borrow := bits.Sub64(lo, lessLo, 0)
	hi, _ = bits.Sub64(hi, lessHi, borrow)
	v, err := quotient(neg, hi, lo, d, r)
	return Micro(v), err
}

// total sums products in 128 bits.
func total(products []Product) (hi, lo uint64, err error) {
	for _, p := range products {
		h, l := bits.Mul64(p.A, p.B)
		var carry uint64
		lo, carry = bits.Add64(lo, l, 0)
		if hi, carry = bits.Add64(hi, h, carry); carry != 0 {
			return 0, 0, overflow("a sum of products")
		}
	}
	return hi, lo, nil
}

// sign gives the sign of a × n and the magnitude of a.
func sign(a, n int64) (neg bool, u uint64) { return (a < 0) != (n < 0), magnitude(a) }

func magnitude(a int64) uint64 {
	if a < 0 {
		return -uint64(a) // right for math.MinInt64 too: wraps to 2^63
	}
	return uint64(a)
}

// signed puts sign and 128-bit magnitude together when they fit 64 bits.
func signed(neg bool, hi, lo uint64) (int64, bool) {
	switch {
	case hi != 0:
		return 0, false
	case neg && lo <= 1<<63:
		return -int64(lo), true
	case !neg && lo <= math.MaxInt64:
		return int64(lo), true
	}
	return 0, false
}

// quotient divides a 128-bit magnitude by d and rounds by r.
func quotient(neg bool, hi, lo, d uint64, r Rounding) (int64, error) {
	if err := r.Validate(); err != nil {
		return 0, err
	}
	if d == 0 {
		return 0, fault.New(fault.Invalid, "a quantity is divided by a unit of zero", "name a unit above zero")
	}
	if hi >= d {
		return 0, overflow("a product")
	}
	q, rest := bits.Div64(hi, lo, d)
	// rest is below d, so d - rest does not wrap, and comparing it with rest
	// asks whether 2 × rest reaches d without overflowing.
	up := false
	switch r {
	case HalfUp:
		up = rest >= d-rest
	case HalfEven:
		up = rest > d-rest || rest == d-rest && q&1 == 1
	case Up:
		up = rest != 0
	}
	if up {
		if q == math.MaxUint64 {
			return 0, overflow("a product")
		}
		q++
	}
	v, ok := signed(neg, 0, q)
	if !ok {
		return 0, overflow("a product")
	}
	return v, nil
}

// Add gives a + b. Codes: [CodeCurrencyMismatch], [CodeOverflow].
func (a Amount) Add(b Amount) (Amount, error) {
	if err := a.same(b); err != nil {
		return Amount{}, err
	}
	m, err := a.Micro.Add(b.Micro)
	return Amount{a.Currency, m}, err
}

// Sub gives a - b. Codes: [CodeCurrencyMismatch], [CodeOverflow].
func (a Amount) Sub(b Amount) (Amount, error) {
	if err := a.same(b); err != nil {
		return Amount{}, err
	}
	m, err := a.Micro.Sub(b.Micro)
	return Amount{a.Currency, m}, err
}

// Neg gives -a. Code: [CodeOverflow].
func (a Amount) Neg() (Amount, error) {
	m, err := a.Micro.Neg()
	return Amount{a.Currency, m}, err
}

// String gives "USD 360.022194".
func (a Amount) String() string { return string(a.Currency) + " " + a.Micro.String() }

func (a Amount) same(b Amount) error {
	if a.Currency != b.Currency {
		return fault.Newf(CodeCurrencyMismatch, "keep one sum for each currency", "%s and %s have no common sum", a, b)
	}
	return nil
}
