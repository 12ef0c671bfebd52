package rating

import (
	"math/bits"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/usage"
)

// Charges of prices. Each is rounded once, by the rule of the agreement, and
// follows from what is given alone. A span of time counts by the whole seconds
// of the clock between its ends, so the parts of a span have its seconds,
// however it is cut; what rounding makes of n parts differs from the whole by at
// most n millionths of the currency.

// perMicro is how many billionths, in which rates are, a millionth has.
const perMicro = 1000

// maxPeriods bounds the charge periods that one charge looks at one by one: days
// of a zone, and months.
const maxPeriods = 1 << 20

// seconds gives the whole seconds of the clock between the ends of a span.
func seconds(i usage.Interval) uint64 { return uint64(floor(i.To) - floor(i.From)) }

func floor(ms int64) int64 {
	s := ms / 1000
	if ms%1000 < 0 {
		s--
	}
	return s
}

// cut gives the part of a span inside another; ok is false where there is none.
func cut(i, within usage.Interval) (part usage.Interval, ok bool) {
	part = usage.Interval{From: max(i.From, within.From), To: min(i.To, within.To)}
	return part, part.From < part.To
}

// charge is a charge of the price without its amount.
func (p *Price) charge(k Kind, i usage.Interval, quantity uint64) Charge {
	return Charge{Price: p.Name, Kind: k, Interval: i, Quantity: quantity, Amount: money.Amount{Currency: p.Currency}}
}

// Recur gives the charges of a recurring price, or of one by distance, for a
// span of time: one for all whole charge periods in it, and one for each that is
// only begun, by its share of the period's real seconds. quantity is what the
// order fixes. Codes: invalid, [CodeTooMuch], [money.CodeOverflow],
// [money.CodeUnknownRounding].
func (p *Price) Recur(span usage.Interval, quantity uint64, mode money.Rounding) ([]Charge, error) {
	if err := p.fixed(quantity); err != nil {
		return nil, err
	}
	dates, err := p.Period.Calendar()
	if err != nil {
		return nil, err
	}
	if err := span.Validate(); err != nil {
		return nil, err
	}
	var out []Charge
	var whole usage.Interval
	periods := uint64(0)
	flush := func() error {
		if periods == 0 {
			return nil
		}
		c := p.charge(p.Kind, whole, quantity)
		if over, _ := bits.Mul64(quantity, periods); over != 0 {
			return tooMuchUsed()
		}
		if c.Amount.Micro, err = p.Rate.Times(quantity*periods, p.Unit, mode); err != nil {
			return err
		}
		out, periods = append(out, c), 0
		return nil
	}
	length := dates.Length()
	for i, n := dates.At(span.From), 0; i.From < span.To; i, n = dates.Next(i), n+1 {
		if n == maxPeriods {
			return nil, fault.Newf(CodeTooMuch, "bill shorter periods, or charge by longer ones", "%s has more than %d charge periods of %s", span, maxPeriods, p.Period)
		}
		part, _ := cut(i, span)
		if part == i {
			if periods == 0 {
				whole.From = i.From
			}
			if length > 0 { // all others that are whole, at once
				more := (span.To - i.To) / length
				i.To += more * length
				periods += uint64(more)
			}
			whole.To, periods = i.To, periods+1
			continue
		}
		if err := flush(); err != nil {
			return nil, err
		}
		if seconds(part) == 0 {
			continue
		}
		c := p.charge(p.Kind, part, quantity)
		c.Amount.Micro, err = money.Quotient([]money.Product{{A: uint64(p.Rate), B: quantity * seconds(part)}}, p.Unit*seconds(i)*perMicro, mode)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, flush()
}

func (p *Price) fixed(quantity uint64) error {
	if !p.Kind.Fixed() {
		return fault.Newf(fault.Invalid, "charge what was used, or the event", "the price %.80q does not recur", p.Name)
	}
	return checkFixed(quantity)
}

func checkFixed(quantity uint64) error {
	if quantity > MaxFixed {
		return fault.New(CodeTooMuch, "the quantity is out of range", "order at most 2^32 pieces or metres")
	}
	return nil
}

// Once gives the charge of a one-time price for an event in a span. Codes:
// invalid, [CodeTooMuch], [money.CodeOverflow], [money.CodeUnknownRounding].
func (p *Price) Once(span usage.Interval, quantity uint64, mode money.Rounding) (c Charge, err error) {
	if p.Kind != OneTime {
		return c, fault.Newf(fault.Invalid, "charge it by its period or its use", "the price %.80q is due for no event", p.Name)
	}
	if err := checkFixed(quantity); err != nil {
		return c, err
	}
	c = p.charge(OneTime, span, quantity)
	c.Amount.Micro, err = p.Rate.Times(quantity, p.Unit, mode)
	return c, err
}

// Billed gives what use of a billing interval is charged as: nothing for none,
// else at least the minimum, and whole increments above it. Code:
// [CodeTooMuch].
func (p *Price) Billed(used uint64) (uint64, error) {
	if used > MaxQuantity {
		return 0, tooMuchUsed()
	}
	switch {
	case used == 0:
		return 0, nil
	case used <= p.Minimum:
		return p.Minimum, nil
	case p.Increment < 2:
		return used, nil
	}
	over := used - p.Minimum
	if rest := over % p.Increment; rest > 0 {
		over += p.Increment - rest // both are at most 2^62
	}
	if over > MaxQuantity-p.Minimum {
		return 0, tooMuchUsed()
	}
	return p.Minimum + over, nil
}

func tooMuchUsed() error {
	return fault.New(CodeTooMuch, "the quantity of a charge period is out of range", "measure shorter intervals, or take a shorter charge period")
}

// Use gives the charge for what was used in a billing interval, when some was
// billed before in the same charge period. Codes: invalid, [CodeTooMuch],
// [money.CodeOverflow], [money.CodeUnknownRounding].
func (p *Price) Use(span usage.Interval, before, used uint64, mode money.Rounding) (c Charge, err error) {
	if !p.Kind.Used() {
		return c, fault.Newf(fault.Invalid, "charge it by its period or event", "the price %.80q is for nothing that is measured", p.Name)
	}
	billed, err := p.Billed(used)
	if err != nil {
		return c, err
	}
	c = p.charge(p.Kind, span, billed)
	c.Amount.Micro, err = p.between(before, billed, mode)
	return c, err
}

// between prices more use of a charge period beyond what was billed before. By
// whole tiers, all of it gets the rate of the tier that it reaches, so what was
// billed before is priced anew; below zero: that makes it cheaper.
func (p *Price) between(before, more uint64, mode money.Rounding) (money.Micro, error) {
	if before > MaxQuantity || more > MaxQuantity-before {
		return 0, tooMuchUsed()
	}
	to := before + more
	d := p.Unit * perMicro // below 2^60
	if p.Reach == Whole {
		return money.Difference([]money.Product{{A: uint64(p.rateAt(to)), B: to}}, []money.Product{{A: uint64(p.rateAt(before)), B: before}}, d, mode)
	}
	var parts []money.Product
	from, rate := uint64(0), p.Rate
	for i := 0; i <= len(p.Tiers); i++ {
		end := to
		if i < len(p.Tiers) {
			end = min(to, p.Tiers[i].From)
		}
		if begin := max(from, before); begin < end {
			parts = append(parts, money.Product{A: uint64(rate), B: end - begin})
		}
		if i < len(p.Tiers) {
			from, rate = p.Tiers[i].From, p.Tiers[i].Rate
		}
	}
	return money.Quotient(parts, d, mode)
}

// rateAt is the rate of the tier that use reaches.
func (p *Price) rateAt(used uint64) money.Rate {
	rate := p.Rate
	for _, t := range p.Tiers {
		if t.From <= used {
			rate = t.Rate
		}
	}
	return rate
}

// Miss gives the charge for what a charge period falls short of its commitment;
// ok is false where it does not. held are the spans of the period, in order, for
// which the product was delivered: where these are not all of it, the commitment
// is by their share of its seconds, rounded down to whole units. Codes:
// [CodeTooMuch], [money.CodeOverflow], [money.CodeUnknownRounding].
func (p *Price) Miss(period usage.Interval, held []usage.Interval, used uint64, mode money.Rounding) (c Charge, ok bool, err error) {
	var hull usage.Interval
	var secs uint64
	for _, h := range held {
		part, some := cut(period, h)
		if !some {
			continue
		}
		if hull.IsZero() {
			hull.From = part.From
		}
		hull.To = part.To
		secs += seconds(part)
	}
	if p.Commitment == 0 || hull.IsZero() {
		return c, false, nil
	}
	whole := max(1, seconds(period))
	hi, lo := bits.Mul64(p.Commitment, min(secs, whole))
	committed, _ := bits.Div64(hi, lo, whole)
	if used >= committed {
		return c, false, nil
	}
	c = p.charge(Shortfall, hull, committed-used)
	c.Amount.Micro, err = p.between(used, committed-used, mode)
	return c, err == nil, err
}

// Early gives the charge for the end of a term before its time: a share, in
// millionths, of what the price would still have come to. ok is false where that
// is nothing. Codes: those of [Price.Recur].
func (p *Price) Early(rest usage.Interval, quantity uint64, share uint32, mode money.Rounding) (c Charge, ok bool, err error) {
	if rest.From >= rest.To || share == 0 || !p.Kind.Fixed() {
		return c, false, nil
	}
	lines, err := p.Recur(rest, quantity, mode)
	if err != nil {
		return c, false, err
	}
	var sum money.Micro
	for _, l := range lines {
		if sum, err = sum.Add(l.Amount.Micro); err != nil {
			return c, false, err
		}
	}
	c = p.charge(Termination, rest, quantity)
	c.Amount.Micro, err = sum.MulDiv(int64(share), Millionths, mode)
	return c, err == nil && c.Amount.Micro != 0, err
}
