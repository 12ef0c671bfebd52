package rating

import (
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/usage"
)

// CodeBadVolume says that terms of a volume discount say something impossible.
const CodeBadVolume fault.Code = "bad-volume-terms"

// Measure is what the thresholds of a volume discount count.
type Measure string

// The two measures.
const (
	BySeconds Measure = "seconds" // billed seconds
	ByMoney   Measure = "money"   // charges before the discount, millionths of the currency
)

// Reach is which charges a tier's discount is of.
type Reach string

// The two reaches.
const (
	Marginal Reach = "marginal" // those beyond the tier's threshold
	Whole    Reach = "whole"    // all of the window, once the threshold is reached
)

// wholeParts is a discount of everything.
const wholeParts = 1_000_000

// Tier is a discount from a threshold on.
type Tier struct {
	From     uint64 `cbor:"1,keyasint" json:"from"`     // seconds, or millionths of the currency
	Discount uint32 `cbor:"2,keyasint" json:"discount"` // millionths of the charge: 25,000 is 2.5%
}

// Volume is the terms of a discount by volume: of the lines to some
// destinations, in one direction and currency, over a window that may be longer
// than a billing period. The discount of a period follows from the agreed lines
// alone, so it comes out the same whenever it is asked for; it is a line of its
// own on the invoice, and changes none of the others.
type Volume struct {
	Name         string         `cbor:"1,keyasint" json:"name"`
	Destinations []string       `cbor:"2,keyasint,omitempty" json:"destinations,omitempty"` // sorted; none: all
	Currency     money.Currency `cbor:"3,keyasint" json:"currency"`
	Window       usage.Cycle    `cbor:"4,keyasint" json:"window"` // counting begins anew with each: "1mo", "3mo", "12mo"
	Measure      Measure        `cbor:"5,keyasint" json:"measure"`
	Reach        Reach          `cbor:"6,keyasint" json:"reach"`
	Tiers        []Tier         `cbor:"7,keyasint" json:"tiers"` // by threshold, ascending; below the first: no discount
}

// Agreed is a line that both sides have agreed on, as the history holds it. What
// is given back later is a line of its own with a negative amount.
type Agreed struct {
	Period      usage.Interval // in which it is billed
	Destination string
	Seconds     uint64 // billed
	Amount      money.Amount
}

// Discount is what a period earns.
type Discount struct {
	Credit  money.Micro // to take off; negative when a discount of before is taken back
	Charges money.Micro // of the period's lines that count, before the discount
	Seconds uint64      // of them
	Reached int         // tiers that the window has reached with the period
}

// maxTiers bounds the tiers of a discount.
const maxTiers = 32

// Validate refuses terms that say something impossible. Codes: [CodeBadVolume],
// and those of the currency and the cycle.
func (v Volume) Validate() error {
	bad := func(field, detail, remedy string) error { return fault.New(CodeBadVolume, detail, remedy).In(field) }
	switch {
	case v.Name == "" || len(v.Name) > 80:
		return bad("name", "the discount has no name, or a very long one", "name it as the invoice is to show it")
	case !slices.IsSorted(v.Destinations) || len(slices.Compact(slices.Clone(v.Destinations))) < len(v.Destinations) || slices.Contains(v.Destinations, ""):
		return bad("destinations", "the destinations are not in order, or one comes twice or has no name", "sort them and name each once")
	case v.Measure != BySeconds && v.Measure != ByMoney:
		return bad("measure", "thresholds count nothing that is known", "use seconds or money")
	case v.Reach != Marginal && v.Reach != Whole:
		return bad("reach", "it is not said which charges the discount is of", "use marginal or whole")
	case len(v.Tiers) == 0 || len(v.Tiers) > maxTiers:
		return bad("tiers", "a discount has 1 to 32 tiers", "name thresholds and discounts")
	}
	for i, t := range v.Tiers {
		if t.Discount > wholeParts || i > 0 && (t.From <= v.Tiers[i-1].From || t.Discount < v.Tiers[i-1].Discount) || t.From > 1<<62 {
			return bad("tiers", "a threshold or discount is not above the one before, or out of range", "let both rise; 1,000,000 is the whole charge")
		}
	}
	if err := v.Currency.Validate(); err != nil {
		return fault.Of(err).In("currency")
	}
	if err := v.Window.Validate(); err != nil {
		return fault.Of(err).In("window")
	}
	return nil
}

// Credit gives what a period earns. history is all agreed lines of the
// direction, in any order; those of other windows, currencies and destinations
// do not count, nor do those of later periods. A period belongs to the window in
// which it begins.
//
// By seconds and marginal, a period's charges are spread evenly over its
// seconds. Else the window's discount so far is taken anew with the period, and
// what the periods before have earned is taken off: however the window is cut
// into periods, it earns the same. Codes: those of Validate, [CodeTooMuch],
// money.CodeOverflow.
func (v Volume) Credit(period usage.Interval, history []Agreed, rounding money.Rounding) (Discount, error) {
	if err := v.Validate(); err != nil {
		return Discount{}, err
	}
	dates, err := v.Window.Calendar()
	if err != nil {
		return Discount{}, err
	}
	window := dates.At(period.From)
	var before, own sum
	for _, l := range history {
		if l.Amount.Currency != v.Currency || !window.Contains(l.Period.From) || l.Period.From > period.From ||
			len(v.Destinations) > 0 && !v.covers(l.Destination) {
			continue
		}
		to := &before
		if l.Period.From == period.From {
			to = &own
		}
		if err := to.add(l.Seconds, l.Amount.Micro); err != nil {
			return Discount{}, err
		}
	}
	with := before
	if err := with.add(own.seconds, own.charges); err != nil {
		return Discount{}, err
	}
	out := Discount{Charges: own.charges, Seconds: own.seconds}
	reached := v.measured(with)
	for out.Reached < len(v.Tiers) && v.Tiers[out.Reached].From <= reached {
		out.Reached++
	}
	if v.Reach == Marginal && v.Measure == BySeconds {
		out.Credit, err = v.spread(before.seconds, own, rounding)
		return out, err
	}
	had, err := v.earned(before, rounding)
	if err != nil {
		return out, err
	}
	has, err := v.earned(with, rounding)
	if err != nil {
		return out, err
	}
	out.Credit, err = has.Sub(had)
	return out, err
}

func (v Volume) covers(destination string) bool {
	_, ok := slices.BinarySearch(v.Destinations, destination)
	return ok
}

// sum is what lines come to.
type sum struct {
	seconds uint64
	charges money.Micro
}

func (s *sum) add(seconds uint64, charges money.Micro) (err error) {
	if s.seconds+seconds < seconds || s.seconds+seconds > 1<<43 {
		return fault.New(CodeTooMuch, "the seconds of the window are out of range", "take a shorter window")
	}
	s.seconds += seconds
	s.charges, err = s.charges.Add(charges)
	return err
}

// measured gives what the thresholds are compared with; charges that were all
// given back count as none.
func (v Volume) measured(s sum) uint64 {
	if v.Measure == BySeconds {
		return s.seconds
	}
	return uint64(max(0, s.charges))
}

// earned is the discount of a window so far.
func (v Volume) earned(s sum, rounding money.Rounding) (money.Micro, error) {
	reached := v.measured(s)
	if v.Reach == Whole {
		discount := uint32(0)
		for _, t := range v.Tiers {
			if t.From <= reached {
				discount = t.Discount
			}
		}
		return s.charges.MulDiv(int64(discount), wholeParts, rounding)
	}
	// By money: the charges between two thresholds earn the discount of the
	// lower one. All together are rounded once.
	return money.Quotient(v.parts(0, reached), wholeParts, rounding)
}

// parts gives for each tier how much of the measure between two marks lies in
// it, with its discount.
func (v Volume) parts(from, to uint64) []money.Product {
	var out []money.Product
	for i, t := range v.Tiers {
		begin, end := max(from, t.From), to
		if i+1 < len(v.Tiers) {
			end = min(end, v.Tiers[i+1].From)
		}
		if begin < end {
			out = append(out, money.Product{A: end - begin, B: uint64(t.Discount)})
		}
	}
	return out
}

// spread is the discount of a period by the seconds that lie in each tier.
func (v Volume) spread(before uint64, own sum, rounding money.Rounding) (money.Micro, error) {
	if own.seconds == 0 {
		return 0, nil
	}
	weight := uint64(0) // seconds × discount: below 2^63, as both are bounded
	for _, p := range v.parts(before, before+own.seconds) {
		weight += p.A * p.B
	}
	return own.charges.MulDiv(int64(weight), own.seconds*wholeParts, rounding)
}
