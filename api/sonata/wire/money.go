package wire

import (
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
)

// Money is an amount with its currency (ISO 4217). The standard says "float";
// here the digits are kept as they stand.
type Money struct {
	Unit  money.Currency `json:"unit"`
	Value Decimal        `json:"value"`
}

// MoneyOf gives an amount as the standard writes it.
func MoneyOf(a money.Amount) Money { return Money{a.Currency, DecimalOf(a.Micro)} }

// Amount gives the exact amount. Code: invalid when it has parts of a millionth,
// or no known currency.
func (m Money) Amount() (money.Amount, error) {
	if err := m.Unit.Validate(); err != nil {
		return money.Amount{}, fault.Of(err).In("unit")
	}
	micro, err := m.Value.Micro()
	if err != nil {
		return money.Amount{}, fault.Of(err).In("value")
	}
	return money.Amount{Currency: m.Unit, Micro: micro}, nil
}

// Decimal is a JSON number with its digits as they stand; zero is "0".
type Decimal string

// DecimalOf writes millionths, without zeros at the end.
func DecimalOf(m money.Micro) Decimal {
	s := m.String()
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return Decimal(s)
}

// Micro gives the exact number of millionths. Code: invalid.
func (d Decimal) Micro() (money.Micro, error) {
	text, err := d.plain()
	if err != nil {
		return 0, err
	}
	return money.ParseMicro(text)
}

// plain writes the number without an exponent.
func (d Decimal) plain() (string, error) {
	s := string(d)
	if s == "" {
		return "0", nil
	}
	mantissa, exponent, ok := strings.Cut(strings.ToLower(s), "e")
	if !ok {
		return trim(s), nil
	}
	shift, negative := 0, strings.HasPrefix(exponent, "-")
	for _, c := range strings.TrimLeft(exponent, "+-") {
		if c < '0' || c > '9' || shift > 40 {
			return "", fault.New(fault.Invalid, "the number is out of range", "write it without an exponent")
		}
		shift = shift*10 + int(c-'0')
	}
	sign := ""
	if strings.HasPrefix(mantissa, "-") {
		sign, mantissa = "-", mantissa[1:]
	}
	whole, part, _ := strings.Cut(mantissa, ".")
	if negative {
		whole = strings.Repeat("0", shift) + whole
		cut := len(whole) - shift
		whole, part = whole[:cut], whole[cut:]+part
	} else {
		part += strings.Repeat("0", shift)
		whole, part = whole+part[:shift], part[shift:]
	}
	return trim(sign + whole + "." + part), nil
}

// trim takes zeros away that say nothing.
func trim(s string) string {
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	whole, part, _ := strings.Cut(s, ".")
	whole, part = strings.TrimLeft(whole, "0"), strings.TrimRight(part, "0")
	if whole == "" {
		whole = "0"
	}
	if part != "" {
		whole += "." + part
	}
	if whole == "0" {
		return whole
	}
	return sign + whole
}

// MarshalJSON writes a number.
func (d Decimal) MarshalJSON() ([]byte, error) {
	if d == "" {
		return []byte("0"), nil
	}
	return []byte(d), nil
}

// UnmarshalJSON keeps a number's digits. A number in quotes, as some systems
// send it, is taken too.
func (d *Decimal) UnmarshalJSON(data []byte) error {
	s := strings.Trim(string(data), `"`)
	v, err := Parse([]byte(s))
	if err != nil || v.Kind != Number || string(v.Bytes()) != s {
		return fault.New(fault.Invalid, "this is no number", "write a JSON number")
	}
	*d = Decimal(s)
	return nil
}
