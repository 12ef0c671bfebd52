package selling

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
)

// units are how quantities are called in Sonata's unitOfMeasure.
var units = map[rating.Kind]string{rating.Time: "s", rating.Data: "octet", rating.Bandwidth: "bit/s·s"}

// pricesOf writes prices as Sonata has them. What recurs or is due once is the
// amount for the product; what is used has the rate for its unit, to the last
// digit. What the form has no member for is said in the description; the signed
// quote has all of it.
func pricesOf(prices []rating.Price, pieces, metres uint64) ([]wire.QuotePrice, error) {
	var out []wire.QuotePrice
	for i := range prices {
		p := &prices[i]
		w := wire.QuotePrice{Name: p.Name, Description: more(p)}
		value := digits(p.Rate)
		switch {
		case p.Kind.Used():
			w.Type = wire.UsageBased
			w.Unit = strconv.FormatUint(p.Unit, 10) + " " + units[p.Kind]
		default:
			quantity := pieces
			w.Type = wire.NonRecurring
			if p.Kind.Fixed() {
				w.Type, w.Period = wire.Recurring, periodOf(p.Period.Length)
			}
			if p.Kind == rating.Distance {
				quantity = metres
			}
			// A rate is in billionths, an amount in millionths.
			amount, err := money.Micro(p.Rate).MulDiv(int64(quantity), p.Unit*1000, money.HalfUp)
			if err != nil {
				return nil, fmt.Errorf("pricing %s: %w", p.Name, err)
			}
			value = wire.DecimalOf(amount)
		}
		w.Price.Untaxed = wire.Money{Unit: p.Currency, Value: value}
		out = append(out, w)
	}
	return out, nil
}

// promised says of a term what Sonata has no member for: what an end before it
// costs, and what is given back where the product is worse than promised. The
// signed quote has both exactly.
func promised(a *catalog.Answer) string {
	var parts []string
	if a.Early > 0 {
		parts = append(parts, "an end before the term costs "+percent(uint64(a.Early))+" of the recurring charges that are left")
	}
	for _, g := range a.Guarantees {
		var tiers []string
		for _, t := range g.Tiers {
			var bound string
			switch g.Metric {
			case rating.Availability:
				bound = "below " + percent(t.Beyond)
			case rating.Loss:
				bound = "above " + percent(t.Beyond)
			default:
				bound = fmt.Sprintf("above %d µs", t.Beyond)
			}
			tiers = append(tiers, bound+" gives back "+percent(uint64(t.Share)))
		}
		parts = append(parts, fmt.Sprintf("%s %s of an interval's recurring charges, at most %s of a billing period's", g.Metric, strings.Join(tiers, ", "), percent(uint64(g.Cap))))
	}
	return strings.Join(parts, "; ")
}

// percent writes millionths.
func percent(n uint64) string {
	s := strconv.FormatUint(n/10_000, 10)
	if rest := n % 10_000; rest > 0 {
		s += "." + strings.TrimRight(fmt.Sprintf("%04d", rest), "0")
	}
	return s + "%"
}

// digits writes a rate without zeros at the end.
func digits(r money.Rate) wire.Decimal {
	s := r.String()
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return wire.Decimal(s)
}

// more says what of a price Sonata has no member for.
func more(p *rating.Price) string {
	var parts []string
	if p.Kind == rating.OneTime {
		parts = append(parts, "due for "+string(p.Event))
	}
	for _, t := range p.Tiers {
		parts = append(parts, fmt.Sprintf("from %d: %s (%s)", t.From, digits(t.Rate), p.Reach))
	}
	if p.Commitment > 0 {
		parts = append(parts, fmt.Sprintf("committed: %d in each %s", p.Commitment, p.Period))
	}
	return strings.Join(parts, "; ")
}

// periodOf writes the length of a charge period, such as 1mo.
func periodOf(length string) *wire.Duration {
	n := strings.TrimRight(length, "smhdo")
	amount, _ := strconv.ParseInt(n, 10, 32) // a price was checked when it was put
	return &wire.Duration{Amount: amount, Units: map[string]string{"s": "seconds", "m": "minutes", "h": "calendarHours", "d": "calendarDays", "mo": "months"}[length[len(n):]]}
}
