package token

import (
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
)

// Part is how much of a currency is in one unit of a basket, in billionths: USD
// 0.578130000.
type Part struct {
	Currency money.Currency `cbor:"1,keyasint" json:"currency"`
	Amount   money.Rate     `cbor:"2,keyasint" json:"amount"`
}

// Basket is a version of the currencies that make up one unit. The amounts are
// fixed for as long as it is in force, and their weights drift with the rates: as
// the International Monetary Fund defines the special drawing right.
type Basket struct {
	Name  string `cbor:"1,keyasint" json:"name"` // such as "2022"
	From  int64  `cbor:"2,keyasint" json:"from"` // ms UTC
	Parts []Part `cbor:"3,keyasint" json:"parts"`
}

// Validate refuses a basket that defines no unit. Code: invalid.
func (b Basket) Validate() error {
	if b.Name == "" || len(b.Name) > 40 || b.From < 0 {
		return fault.New(fault.Invalid, "the basket has no name of at most 40 bytes, or begins before 1970", "name the year from which it counts").In("basket")
	}
	if len(b.Parts) == 0 || len(b.Parts) > 16 {
		return fault.New(fault.Invalid, "a basket has 1 to 16 currencies", "name each with its amount").In("basket.parts")
	}
	for i, p := range b.Parts {
		if _, err := p.Currency.MinorUnits(); err != nil {
			return fault.Of(err).In("basket.parts")
		}
		if p.Amount <= 0 || i > 0 && b.Parts[i-1].Currency >= p.Currency {
			return fault.New(fault.Invalid, "an amount is not above zero, or the currencies are not in order, each once", "sort them by code").In("basket.parts")
		}
	}
	return nil
}

// Of gives what an amount of units is in the basket's currencies, each rounded by
// r. Codes: money-overflow, unknown-rounding.
func (b *Basket) Of(units money.Micro, r money.Rounding) ([]money.Amount, error) {
	out := make([]money.Amount, len(b.Parts))
	for i, p := range b.Parts {
		m, err := units.MulDiv(int64(p.Amount), billion, r)
		if err != nil {
			return nil, err
		}
		out[i] = money.Amount{Currency: p.Currency, Micro: m}
	}
	return out, nil
}

const billion = 1_000_000_000

// Value is what one unit is worth in a currency, by rates of the basket's
// currencies in it; its own is 1. Each part is rounded half up to billionths.
// Codes: no-fixing (a currency has none), money-overflow.
func (b *Basket) Value(in money.Currency, rate func(money.Currency) (money.Rate, bool)) (money.Rate, error) {
	sum := money.Micro(0)
	for _, p := range b.Parts {
		r := money.Rate(billion)
		if p.Currency != in {
			var ok bool
			if r, ok = rate(p.Currency); !ok {
				return 0, fault.Newf(CodeNoFixing, "wait for its sources", "nothing says what %s is in %s", p.Currency, in)
			}
		}
		// Both are in billionths, and so is the result.
		v, err := money.Micro(p.Amount).MulDiv(int64(r), billion, money.HalfUp)
		if err != nil {
			return 0, err
		}
		if sum, err = sum.Add(v); err != nil {
			return 0, err
		}
	}
	return money.Rate(sum), nil
}

// Published rounds a value half up to six significant digits, as the Fund
// publishes it.
func Published(v money.Rate) money.Rate {
	unit := money.Rate(1)
	for v/unit >= 1_000_000 {
		unit *= 10
	}
	if rest := v % unit; rest >= unit-rest {
		return v - rest + unit
	}
	return v - v%unit
}

// Currencies are those of the basket.
func (b *Basket) Currencies() []money.Currency {
	var out []money.Currency
	for _, p := range b.Parts {
		out = append(out, p.Currency)
	}
	return slices.Clip(out)
}
