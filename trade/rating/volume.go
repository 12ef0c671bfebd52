package rating

import (
	"slices"
	"strings"

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

// Share is a part of a charge in millionths: 25,000 is 2.5%. Its text is the
// percentage with exactly four places, "2.5000".
type Share uint32

// Everything is a discount of everything.
const Everything Share = 1_000_000

// ParseShare reads a percentage of at most four places, from 0 to 100. Code:
// [CodeBadVolume].
func ParseShare(s string) (Share, error) {
	percent, err := money.ParseMicro(s)
	if err != nil || percent < 0 || percent > 100_000_000 || percent%100 != 0 {
		return 0, fault.Newf(CodeBadVolume, "write it like 2.5", "%.40q is no percentage of at most four places", s)
	}
	return Share(percent / 100), nil
}

// String prints exactly four places.
func (s Share) String() string {
	text := (money.Micro(s) * 100).String()
	return text[:len(text)-2]
}

// MarshalText gives the percentage, so that JSON holds a string.
func (s Share) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what [ParseShare] reads.
func (s *Share) UnmarshalText(text []byte) (err error) {
	*s, err = ParseShare(string(text))
	return err
}

// Tier is a discount from a threshold on: of seconds or of charges, as the
// terms measure.
type Tier struct {
	Seconds  uint64      `cbor:"1,keyasint,omitempty" json:"seconds,omitempty"` // billed
	Charges  money.Micro `cbor:"2,keyasint,omitempty" json:"charges,omitempty"` // before the discount
	Discount Share       `cbor:"3,keyasint" json:"percent"`                     // of the charge
}

// Basis is which lines terms about volume count: those to some destinations, in
// one direction and currency, over a window that may be longer than a billing
// period. The lines of each direction are counted by themselves.
type Basis struct {
	Direction    usage.Direction `cbor:"2,keyasint,omitzero" json:"direction,omitzero"`      // from the buyer to the seller; none: both, each by itself
	Destinations []string        `cbor:"3,keyasint,omitempty" json:"destinations,omitempty"` // as the rate sheet names them, sorted; none: all
	Currency     money.Currency  `cbor:"4,keyasint" json:"currency"`
	Window       usage.Cycle     `cbor:"5,keyasint" json:"window"` // counting begins anew with each: "1mo", "3mo", "12mo"
}

// Volume is the terms of a discount by volume. The discount of a period follows
// from the agreed lines of its window alone, so it comes out the same whenever
// it is asked for; it is a line of its own on the invoice, and changes none of
// the others.
type Volume struct {
	Name string `cbor:"1,keyasint" json:"name"`
	Basis
	Measure Measure `cbor:"6,keyasint" json:"measure"`
	Reach   Reach   `cbor:"7,keyasint" json:"reach"`
	Tiers   []Tier  `cbor:"8,keyasint" json:"tiers"` // by threshold, ascending; below the first: no discount
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

// Bounds of a term.
const (
	maxTiers        = 32
	maxDestinations = 1000
)

// Validate refuses terms that say something impossible. Codes: [CodeBadVolume],
// and those of the currency and the cycle.
func (v Volume) Validate() error {
	switch {
	case v.Measure != BySeconds && v.Measure != ByMoney:
		return badVolume("measure", "thresholds count nothing that is known", "use seconds or money")
	case v.Reach != Marginal && v.Reach != Whole:
		return badVolume("reach", "it is not said which charges the discount is of", "use marginal or whole")
	case len(v.Tiers) == 0 || len(v.Tiers) > maxTiers:
		return badVolume("tiers", "a discount has 1 to 32 tiers", "name thresholds and discounts")
	}
	for i, t := range v.Tiers {
		if t.Charges < 0 || t.Seconds > maxCounted || v.Measure == BySeconds && t.Charges != 0 || v.Measure == ByMoney && t.Seconds != 0 {
			return badVolume("tiers", "a threshold is out of range, or not of what is measured", "name seconds, or charges, as measure says")
		}
		if t.Discount > Everything || i > 0 && (v.threshold(i) <= v.threshold(i-1) || t.Discount < v.Tiers[i-1].Discount) {
			return badVolume("tiers", "a threshold or discount is not above the one before, or a discount above everything", "let both rise, up to 100 percent")
		}
	}
	return v.Basis.validate(v.Name)
}

func badVolume(field, detail, remedy string) error {
	return fault.New(CodeBadVolume, detail, remedy).In(field)
}

// validate checks what all terms about volume have.
func (b Basis) validate(name string) error {
	switch {
	case name == "" || len(name) > 80 || strings.ToValidUTF8(name, "") != name || strings.ContainsAny(name, "\r\n\x00"):
		return badVolume("name", "the term has no name, or one that an invoice cannot show", "name it in at most 80 bytes, as the invoice is to show it")
	case len(b.Destinations) > maxDestinations:
		return badVolume("destinations", "the term names more than 1,000 destinations", "name fewer, or none for all")
	case !slices.IsSorted(b.Destinations) || len(slices.Compact(slices.Clone(b.Destinations))) < len(b.Destinations) || slices.Contains(b.Destinations, ""):
		return badVolume("destinations", "the destinations are not in order, or one comes twice or has no name", "sort them and name each once")
	}
	if err := b.Currency.Validate(); err != nil {
		return fault.Of(err).In("currency")
	}
	if err := b.Window.Validate(); err != nil {
		return fault.Of(err).In("window")
	}
	return nil
}

// Counts reports whether lines to a destination count.
func (b Basis) Counts(destination string) bool {
	if len(b.Destinations) == 0 {
		return true
	}
	_, ok := slices.BinarySearch(b.Destinations, destination)
	return ok
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
	var before, own Counted
	for _, l := range history {
		if l.Amount.Currency != v.Currency || !window.Contains(l.Period.From) || l.Period.From > period.From || !v.Counts(l.Destination) {
			continue
		}
		to := &before
		if l.Period.From == period.From {
			to = &own
		}
		if *to, err = to.Plus(Counted{l.Seconds, l.Amount.Micro}); err != nil {
			return Discount{}, err
		}
	}
	with, err := before.Plus(own)
	if err != nil {
		return Discount{}, err
	}
	out := Discount{Charges: own.Charges, Seconds: own.Seconds, Reached: v.Reached(with)}
	if v.InOrder() {
		out.Credit, err = v.Spread(before.Seconds, own, rounding)
		return out, err
	}
	had, err := v.Earned(before, rounding)
	if err != nil {
		return out, err
	}
	has, err := v.Earned(with, rounding)
	if err != nil {
		return out, err
	}
	out.Credit, err = has.Sub(had)
	return out, err
}

// Counted is what the lines that count come to.
type Counted struct {
	Seconds uint64      `cbor:"1,keyasint" json:"seconds"` // billed
	Charges money.Micro `cbor:"2,keyasint" json:"charges"` // before any discount
}

// maxCounted bounds the seconds of a window, so that their product with a share
// stays below 2^63.
const maxCounted = 1 << 43

// Plus adds. Codes: [CodeTooMuch], money.CodeOverflow.
func (c Counted) Plus(more Counted) (out Counted, err error) {
	if c.Seconds > maxCounted || more.Seconds > maxCounted-c.Seconds {
		return c, fault.New(CodeTooMuch, "the seconds of the window are out of range", "take a shorter window")
	}
	out.Seconds = c.Seconds + more.Seconds
	out.Charges, err = c.Charges.Add(more.Charges)
	return out, err
}

// Less takes off what was counted before. Codes: [CodeTooMuch],
// money.CodeOverflow.
func (c Counted) Less(before Counted) (out Counted, err error) {
	if before.Seconds > c.Seconds {
		return c, fault.New(CodeTooMuch, "more seconds are taken back than were counted", "take back what was invoiced")
	}
	out.Seconds = c.Seconds - before.Seconds
	out.Charges, err = c.Charges.Sub(before.Charges)
	return out, err
}

// threshold is where a tier begins.
func (v Volume) threshold(i int) uint64 {
	if v.Measure == BySeconds {
		return v.Tiers[i].Seconds
	}
	return uint64(v.Tiers[i].Charges)
}

// measured gives what the thresholds are compared with; charges that were all
// given back count as none.
func (v Volume) measured(c Counted) uint64 {
	if v.Measure == BySeconds {
		return c.Seconds
	}
	return uint64(max(0, c.Charges))
}

// Reached gives how many tiers a window has reached.
func (v Volume) Reached(window Counted) (n int) {
	at := v.measured(window)
	for n < len(v.Tiers) && v.threshold(n) <= at {
		n++
	}
	return n
}

// Highest gives the discount of the highest tier that a window has reached.
func (v Volume) Highest(window Counted) Share {
	if n := v.Reached(window); n > 0 {
		return v.Tiers[n-1].Discount
	}
	return 0
}

// InOrder reports whether what a period earns depends on how much the periods
// before it have, and not on the window's sums alone: by seconds and marginal.
func (v Volume) InOrder() bool { return v.Reach == Marginal && v.Measure == BySeconds }

// Earned is the discount of a window by what it has counted, of terms that are
// not InOrder. Codes: money.CodeOverflow.
func (v Volume) Earned(window Counted, rounding money.Rounding) (money.Micro, error) {
	if v.Reach == Whole {
		return window.Charges.MulDiv(int64(v.Highest(window)), uint64(Everything), rounding)
	}
	// By money: the charges between two thresholds earn the discount of the
	// lower one. All together are rounded once.
	return money.Quotient(v.parts(0, v.measured(window)), uint64(Everything), rounding)
}

// parts gives for each tier how much of the measure between two marks lies in
// it, with its discount.
func (v Volume) parts(from, to uint64) []money.Product {
	var out []money.Product
	for i, t := range v.Tiers {
		begin, end := max(from, v.threshold(i)), to
		if i+1 < len(v.Tiers) {
			end = min(end, v.threshold(i+1))
		}
		if begin < end {
			out = append(out, money.Product{A: end - begin, B: uint64(t.Discount)})
		}
	}
	return out
}

// Spread is the discount of a period, of terms that are InOrder: by the seconds
// that lie in each tier, when some were counted before. Code: money.CodeOverflow.
func (v Volume) Spread(before uint64, own Counted, rounding money.Rounding) (money.Micro, error) {
	if own.Seconds == 0 {
		return 0, nil
	}
	weight := uint64(0) // seconds × discount: below 2^63, as both are bounded
	for _, p := range v.parts(before, before+own.Seconds) {
		weight += p.A * p.B
	}
	return own.Charges.MulDiv(int64(weight), own.Seconds*uint64(Everything), rounding)
}
