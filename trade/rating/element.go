package rating

import (
	"slices"
	"strconv"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/usage"
)

// Millionths is the whole of what shares are counted in.
const Millionths = 1_000_000

// Markup is what a seller adds to what an element of its product costs it: to
// what a supplier charges for an external one, or to its own cost of an internal
// one.
type Markup struct {
	Share uint32      `cbor:"1,keyasint" json:"share"`                     // millionths of the cost: 250,000 is a quarter
	Fixed money.Micro `cbor:"2,keyasint,omitempty" json:"fixed,omitempty"` // beside it, in the currency of the cost
}

// Of gives the mark-up on a cost, rounded once. Codes: [money.CodeOverflow],
// [money.CodeUnknownRounding].
func (m Markup) Of(cost money.Micro, mode money.Rounding) (money.Micro, error) {
	mark, err := cost.MulDiv(int64(m.Share), Millionths, mode)
	if err != nil {
		return 0, err
	}
	return mark.Add(m.Fixed)
}

// On gives a price with the mark-up in its rates, each rounded once; the fixed
// part is for the quantity of one unit. Code: [money.CodeOverflow],
// [money.CodeUnknownRounding].
func (m Markup) On(p Price, mode money.Rounding) (Price, error) {
	marked := func(r money.Rate) (money.Rate, error) {
		// A rate is in billionths, and the arithmetic of amounts does not ask what
		// its integers count.
		share, err := money.Micro(r).MulDiv(int64(m.Share), Millionths, mode)
		if err != nil {
			return 0, err
		}
		fixed, err := m.Fixed.Mul(perMicro)
		if err != nil {
			return 0, err
		}
		sum, err := money.Micro(r).Add(share)
		if err != nil {
			return 0, err
		}
		sum, err = sum.Add(fixed)
		return money.Rate(sum), err
	}
	var err error
	if p.Rate, err = marked(p.Rate); err != nil {
		return p, err
	}
	tiers := make([]PriceTier, len(p.Tiers))
	for i, t := range p.Tiers {
		tiers[i] = t
		if tiers[i].Rate, err = marked(t.Rate); err != nil {
			return p, err
		}
	}
	if len(tiers) > 0 {
		p.Tiers = tiers
	}
	return p, nil
}

// Element is one part of a product, with what it costs its seller.
type Element struct {
	Name     string      `json:"name"`
	External bool        `json:"external"` // bought from a supplier
	Cost     money.Micro `json:"cost"`
	Markup   Markup      `json:"markup"`
}

// Margin is a seller's private report on one charge: what its elements cost and
// what it adds. A buyer sees the sum.
type Margin struct {
	Currency money.Currency `json:"currency"`
	External money.Micro    `json:"external"` // what suppliers charge
	Internal money.Micro    `json:"internal"`
	Marks    money.Micro    `json:"marks"`
	Price    money.Micro    `json:"price"`
	Charges  []Charge       `json:"charges"` // the mark-up of each element
}

// Compose adds the elements of a product up. Codes: [money.CodeOverflow],
// [money.CodeUnknownRounding].
func Compose(span usage.Interval, currency money.Currency, elements []Element, mode money.Rounding) (m Margin, err error) {
	m.Currency = currency
	add := func(to *money.Micro, amount money.Micro) {
		if err == nil {
			*to, err = to.Add(amount)
		}
	}
	for _, e := range elements {
		mark, err := e.Markup.Of(e.Cost, mode)
		if err != nil {
			return m, err
		}
		why := "internal element"
		if e.External {
			why = "external element"
		}
		m.Charges = append(m.Charges, Charge{Price: e.Name, Kind: MarkUp, Interval: span, Quantity: 1, Amount: money.Amount{Currency: currency, Micro: mark}, Why: why})
		if e.External {
			add(&m.External, e.Cost)
		} else {
			add(&m.Internal, e.Cost)
		}
		add(&m.Marks, mark)
		add(&m.Price, e.Cost)
		add(&m.Price, mark)
	}
	return m, err
}

// CodeBadGuarantee says that a guarantee says something impossible.
const CodeBadGuarantee fault.Code = "bad-guarantee"

// Metric is what a guarantee is about.
type Metric string

// The metrics, with the unit of their values.
const (
	Availability Metric = "availability" // millionths of the interval, at least
	Latency      Metric = "latency"      // microseconds, at most
	Jitter       Metric = "jitter"       // microseconds, at most
	Loss         Metric = "loss"         // millionths of the frames, at most
)

// Known reports whether there is such a metric.
func (m Metric) Known() bool {
	return m == Availability || m == Latency || m == Jitter || m == Loss
}

// misses reports whether a value is worse than a bound.
func (m Metric) misses(value, bound uint64) bool {
	if m == Availability {
		return value < bound
	}
	return value > bound
}

// Guarantee is what a seller promises of a product and gives back where it
// misses it: a share of the interval's recurring charges.
type Guarantee struct {
	Metric Metric `cbor:"1,keyasint" json:"metric"`
	Tiers  []Miss `cbor:"2,keyasint" json:"tiers"` // the mildest first
	// Cap bounds what is given back for the guarantee in a billing period, in
	// millionths of the period's recurring charges for the product.
	Cap uint32 `cbor:"3,keyasint" json:"cap"`
}

// Miss is what is given back from some value on.
type Miss struct {
	Beyond uint64 `cbor:"1,keyasint" json:"beyond"` // availability: less than that; else more
	Share  uint32 `cbor:"2,keyasint" json:"share"`  // millionths of the interval's recurring charges
}

// Validate refuses a guarantee that says something impossible. Code:
// [CodeBadGuarantee].
func (g Guarantee) Validate() error {
	bad := func(field, detail, remedy string) error { return fault.New(CodeBadGuarantee, detail, remedy).In(field) }
	switch {
	case !g.Metric.Known():
		return bad("metric", "nothing of that name is guaranteed", "use availability, latency, jitter or loss")
	case len(g.Tiers) == 0 || len(g.Tiers) > maxTiers:
		return bad("tiers", "a guarantee has 1 to 32 tiers", "name from which value on what is given back")
	case g.Cap == 0 || g.Cap > Millionths:
		return bad("cap", "no more than everything is given back, and not nothing", "name 1 to 1,000,000 millionths")
	}
	for i, t := range g.Tiers {
		if t.Share == 0 || t.Share > Millionths || t.Beyond > MaxQuantity || i > 0 && (t.Share <= g.Tiers[i-1].Share || !g.Metric.misses(t.Beyond, g.Tiers[i-1].Beyond)) {
			return bad("tiers", "a tier is not worse than the one before, or gives back nothing, or more than everything", "let value and share go on from the mildest")
		}
	}
	return nil
}

// ValidateGuarantees refuses what a product cannot guarantee; the field is under
// "guarantees". Codes: those of [Guarantee.Validate], invalid.
func ValidateGuarantees(all []Guarantee) error {
	for i, g := range all {
		field := "guarantees." + strconv.Itoa(i)
		if err := g.Validate(); err != nil {
			return fault.Of(err).In(field)
		}
		if slices.ContainsFunc(all[:i], func(b Guarantee) bool { return b.Metric == g.Metric }) {
			return fault.New(fault.Invalid, "a metric is guaranteed twice", "name each once").In(field)
		}
	}
	return nil
}

// Credit gives what a measured interval earns back, as a charge below zero: the
// share of the worst tier that it reaches. recurring is the product's recurring
// charges of the interval, in sum. ok is false where nothing is missed. Codes:
// [money.CodeOverflow], [money.CodeUnknownRounding].
func (g Guarantee) Credit(span usage.Interval, value uint64, recurring money.Amount, mode money.Rounding) (c Charge, ok bool, err error) {
	share := uint32(0)
	for _, t := range g.Tiers {
		if g.Metric.misses(value, t.Beyond) {
			share = t.Share
		}
	}
	if share == 0 || recurring.Micro <= 0 {
		return c, false, nil
	}
	back, err := recurring.Micro.MulDiv(int64(share), Millionths, mode)
	if err != nil || back == 0 {
		return c, false, err
	}
	return Charge{Price: string(g.Metric), Kind: Credit, Interval: span, Quantity: value,
		Amount: money.Amount{Currency: recurring.Currency, Micro: -back}}, true, nil
}

// Capped lowers the credits of a billing period for the guarantee until together,
// and with what was given back before, they are within its cap: the last ones
// give back less, or nothing. recurring is what recurs in the whole period.
// Codes: [money.CodeOverflow], [money.CodeUnknownRounding].
func (g Guarantee) Capped(credits []Charge, recurring, given money.Micro, mode money.Rounding) ([]Charge, error) {
	most, err := recurring.MulDiv(int64(g.Cap), Millionths, mode)
	if err != nil {
		return nil, err
	}
	left, err := most.Sub(given)
	if err != nil {
		return nil, err
	}
	var out []Charge
	for _, c := range credits {
		back := min(-c.Amount.Micro, left)
		if back <= 0 {
			break
		}
		if back < -c.Amount.Micro {
			c.Why = "up to the cap"
		}
		c.Amount.Micro, left = -back, left-back
		out = append(out, c)
	}
	return out, nil
}
