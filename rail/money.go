package rail

import (
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
)

// CodeAmount says that an amount is not one of its currency's minor units, or
// not above zero where it must be.
const CodeAmount fault.Code = "bank-amount"

// Money is an amount in minor units of its currency: 12.50 EUR is 1250, 100 JPY
// is 100, 1.250 BHD is 1250. At most 18 digits, as the standard has them. Its
// JSON has the decimal.
type Money struct {
	Currency money.Currency `cbor:"1,keyasint"`
	Minor    int64          `cbor:"2,keyasint"`
}

// mostMinor is the largest amount of 18 digits.
const mostMinor = 999_999_999_999_999_999

// places gives the decimals of a currency and how many minor units a unit has.
func places(c money.Currency) (int, int64, error) {
	n, err := c.MinorUnits()
	if err != nil {
		return 0, 0, err
	}
	unit := int64(1)
	for range n {
		unit *= 10
	}
	return n, unit, nil
}

// Payable splits what is owed into what a bank can pay and what is left below
// a minor unit. Both have the sign of what is owed, and together they are it,
// so nothing is lost when the rest is carried to the next obligation. Codes:
// unknown-currency, no-minor-unit.
func Payable(owed money.Amount) (Money, money.Micro, error) {
	coins, err := owed.Coins()
	if err != nil {
		return Money{}, 0, err
	}
	_, unit, err := places(owed.Currency)
	return Money{owed.Currency, int64(coins.Micro) / (1_000_000 / unit)}, owed.Micro - coins.Micro, err
}

// Amount gives the amount in six decimals. Codes: unknown-currency,
// money-overflow.
func (m Money) Amount() (money.Amount, error) {
	_, unit, err := places(m.Currency)
	if err != nil {
		return money.Amount{}, err
	}
	micro, err := money.Micro(m.Minor).Mul(1_000_000 / unit)
	return money.Amount{Currency: m.Currency, Micro: micro}, err
}

// IsZero tells an amount that was not said.
func (m Money) IsZero() bool { return m == Money{} }

// Decimal gives "12.50" of 12.50 EUR: exactly the places of the currency.
func (m Money) Decimal() string {
	n, unit, err := places(m.Currency)
	if err != nil {
		return strconv.FormatInt(m.Minor, 10) + " minor units"
	}
	sign, u := "", uint64(m.Minor)
	if m.Minor < 0 {
		sign, u = "-", -u
	}
	text := sign + strconv.FormatUint(u/uint64(unit), 10)
	if n > 0 {
		rest := strconv.FormatUint(u%uint64(unit), 10)
		text += "." + strings.Repeat("0", n-len(rest)) + rest
	}
	return text
}

// String gives "EUR 12.50".
func (m Money) String() string { return string(m.Currency) + " " + m.Decimal() }

// moneyJSON is an amount in JSON.
type moneyJSON struct {
	Currency money.Currency `json:"currency"`
	Amount   string         `json:"amount"`
}

// MarshalJSON gives the currency and the decimal as a text.
func (m Money) MarshalJSON() ([]byte, error) {
	return json.Marshal(moneyJSON{m.Currency, m.Decimal()})
}

// UnmarshalJSON reads what MarshalJSON gives.
func (m *Money) UnmarshalJSON(data []byte) error {
	var j moneyJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	text, neg := strings.CutPrefix(j.Amount, "-")
	v, err := ParseMoney(string(j.Currency), text)
	if err != nil {
		return err
	}
	if neg {
		v.Minor = -v.Minor
	}
	*m = v
	return nil
}

// ParseMoney reads an amount as the standard writes it: a decimal of zero or
// more with at most the currency's places and 18 digits. Codes: bank-amount,
// unknown-currency.
func ParseMoney(currency, text string) (Money, error) {
	c, err := money.ParseCurrency(currency)
	if err != nil {
		return Money{}, err
	}
	n, _, err := places(c)
	if err != nil {
		return Money{}, err
	}
	whole, frac, ok := decimal(text)
	if !ok || strings.HasPrefix(text, "-") {
		return Money{}, amount("%q is no amount", short(text))
	}
	if len(frac) > n {
		return Money{}, amount("%s has %d decimals and %s has %d", short(text), len(frac), c, n)
	}
	digits := strings.TrimLeft(whole+frac+strings.Repeat("0", n-len(frac)), "0")
	if len(digits) > 18 {
		return Money{}, amount("%s has more than 18 digits", short(text))
	}
	v, _ := strconv.ParseInt("0"+digits, 10, 64) // digits only, so it fits
	return Money{c, v}, nil
}

func amount(format string, args ...any) *fault.Error {
	return fault.Newf(CodeAmount, "write a decimal with the currency's own places, like 12.50", format, args...)
}

// decimal splits a decimal as XML Schema writes it: an optional sign, digits,
// an optional point with digits. One side of the point may be empty.
func decimal(s string) (whole, frac string, ok bool) {
	if s != "" && (s[0] == '+' || s[0] == '-') {
		s = s[1:]
	}
	whole, frac, _ = strings.Cut(s, ".")
	if whole == "" && frac == "" || len(whole)+len(frac) > 36 {
		return "", "", false
	}
	for _, part := range []string{whole, frac} {
		for i := range len(part) {
			if part[i] < '0' || part[i] > '9' {
				return "", "", false
			}
		}
	}
	return whole, frac, true
}

// plus gives the sum of two amounts of one currency. Codes: currency-mismatch,
// money-overflow.
func (m Money) plus(o Money) (Money, error) {
	if m.Currency != o.Currency {
		return Money{}, fault.Newf(money.CodeCurrencyMismatch, "keep one sum for each currency", "%s and %s have no common sum", m, o)
	}
	if o.Minor > 0 && m.Minor > math.MaxInt64-o.Minor || o.Minor < 0 && m.Minor < math.MinInt64-o.Minor {
		return Money{}, fault.New(money.CodeOverflow, "a sum of amounts leaves the range of 64 bits", "split the file")
	}
	return Money{m.Currency, m.Minor + o.Minor}, nil
}

// total is the plain sum of the figures of amounts, whatever their currencies:
// a control sum.
type total struct {
	sum    big.Rat
	places int
}

func (t *total) add(m Money) {
	n, unit, err := places(m.Currency)
	if err != nil {
		return // an amount that was read or checked has a currency
	}
	t.sum.Add(&t.sum, big.NewRat(m.Minor, unit))
	t.places = max(t.places, n)
}

func (t *total) String() string { return t.sum.FloatString(t.places) }

// is tells whether a written decimal is this sum.
func (t *total) is(text string) bool {
	if _, _, ok := decimal(text); !ok {
		return false
	}
	var r big.Rat
	_, ok := r.SetString(strings.TrimSuffix(text, "."))
	return ok && r.Cmp(&t.sum) == 0
}
