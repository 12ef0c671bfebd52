package rating

import (
	"strconv"
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/usage"
)

// CodeBadPrice says that a price says something impossible.
const CodeBadPrice fault.Code = "bad-price"

// Kind is what a charge is for. The first six are kinds of prices too.
type Kind string

// The kinds of prices, with the base unit of the quantity.
const (
	Recurring Kind = "recurring" // pieces of the product, for each charge period
	OneTime   Kind = "one-time"  // pieces of the product, once for an event
	Time      Kind = "time"      // seconds used
	Data      Kind = "data"      // octets carried
	Bandwidth Kind = "bandwidth" // bit/s × seconds provided
	Distance  Kind = "distance"  // metres that the order fixes, for each charge period
)

// The kinds of charges that follow from terms and not from a price alone.
const (
	Shortfall   Kind = "shortfall"         // what was committed to and not used
	MarkUp      Kind = "mark-up"           // on an element of the product that costs its seller
	Credit      Kind = "sla-credit"        // a guarantee was missed; negative
	Termination Kind = "early-termination" // a term was not served
)

// Event is what a one-time price is due for.
type Event string

// The events.
const (
	OnActivation Event = "activation"
	OnChange     Event = "change"
	OnEnd        Event = "end"
)

// Price is what a product costs: the one price model of catalogue, quote, order
// and bill. The amount is quantity × rate / unit, for recurring prices and those
// by distance for each charge period.
type Price struct {
	Name     string         `cbor:"1,keyasint" json:"name"` // as the bill shows it; once in a product
	Kind     Kind           `cbor:"2,keyasint" json:"kind"`
	Currency money.Currency `cbor:"3,keyasint" json:"currency"`
	Rate     money.Rate     `cbor:"4,keyasint" json:"rate"`
	Unit     uint64         `cbor:"5,keyasint" json:"unit"` // base units that the rate is for: 1,000,000,000 octets is a price for each GB
	// Minimum and Increment round what was used in a billing interval: no use is
	// free, any other has at least the minimum and whole increments above it.
	// Zero: neither.
	Minimum   uint64 `cbor:"6,keyasint,omitempty" json:"minimum,omitempty"`
	Increment uint64 `cbor:"7,keyasint,omitempty" json:"increment,omitempty"`
	// Period is the charge period, cut from the calendar. Tiers and a commitment
	// count use anew in each.
	Period     usage.Cycle `cbor:"8,keyasint,omitzero" json:"period,omitzero"`
	Tiers      []PriceTier `cbor:"9,keyasint,omitempty" json:"tiers,omitempty"` // by threshold, ascending; below the first: Rate
	Reach      Reach       `cbor:"10,keyasint,omitempty" json:"reach,omitempty"`
	Commitment uint64      `cbor:"11,keyasint,omitempty" json:"commitment,omitempty"` // base units of a charge period that are paid in any case
	Event      Event       `cbor:"12,keyasint,omitempty" json:"event,omitempty"`
}

// PriceTier is the rate from a threshold of use on.
type PriceTier struct {
	From uint64     `cbor:"1,keyasint" json:"from"` // base units used in the charge period
	Rate money.Rate `cbor:"2,keyasint" json:"rate"` // for the unit of the price
}

// Charge is one line of a bill: what a price, or a term, makes of a quantity. It
// is rounded once.
type Charge struct {
	Price    string         `cbor:"1,keyasint" json:"price"` // its name, or that of the term
	Kind     Kind           `cbor:"2,keyasint" json:"kind"`
	Interval usage.Interval `cbor:"3,keyasint" json:"interval"` // of a one-time charge: the billing interval with the event
	Quantity uint64         `cbor:"4,keyasint" json:"quantity"` // base units
	Amount   money.Amount   `cbor:"5,keyasint" json:"amount"`   // negative: a credit
	Why      string         `cbor:"6,keyasint,omitempty" json:"why,omitempty"`
}

// The bounds of prices, within which products are exact in 128 bits: what is
// used in a charge period, the unit of its rate, and the same of a quantity that
// an order fixes.
const (
	MaxQuantity  = uint64(1) << 62
	maxUnit      = uint64(1) << 50
	MaxFixed     = uint64(1) << 32 // pieces, or metres
	maxFixedUnit = uint64(1) << 24
)

// Fixed reports whether the order fixes the quantity, for each charge period.
func (k Kind) Fixed() bool { return k == Recurring || k == Distance }

// Used reports whether the quantity is measured.
func (k Kind) Used() bool { return k == Time || k == Data || k == Bandwidth }

// Price reports whether it is a kind of price.
func (k Kind) Price() bool { return k.Fixed() || k.Used() || k == OneTime }

// Validate refuses a price that says something impossible. Codes:
// [CodeBadPrice], and those of the currency and the cycle.
func (p *Price) Validate() error {
	bad := func(field, detail, remedy string) error { return fault.New(CodeBadPrice, detail, remedy).In(field) }
	switch {
	case p.Name == "" || len(p.Name) > 80:
		return bad("name", "the price has no name, or one of more than 80 bytes", "name it as the bill is to show it")
	case !p.Kind.Price():
		return bad("kind", "there is no such kind of price", "use recurring, one-time, time, data, bandwidth or distance")
	case p.Rate < 0:
		return bad("rate", "the rate is negative", "name a rate of zero or more; what is given back is a credit")
	case p.Unit == 0 || p.Unit > maxUnit || !p.Kind.Used() && p.Unit > maxFixedUnit:
		return bad("unit", "the unit of the rate is zero or out of range", "name how many base units the rate is for, at most 2^50 of what is used, or 2^24 pieces or metres")
	case p.Minimum > MaxQuantity || p.Increment > MaxQuantity:
		return bad("increment", "the minimum or increment is out of range", "name at most 2^62 base units")
	case !p.Kind.Used() && (p.Minimum != 0 || p.Increment != 0 || len(p.Tiers) != 0 || p.Commitment != 0):
		return bad("kind", "only what is used has a minimum, increment, tiers or a commitment", "leave them out, or price by time, data or bandwidth")
	case p.Kind == OneTime && p.Event != OnActivation && p.Event != OnChange && p.Event != OnEnd:
		return bad("event", "a one-time price is due for nothing", "use activation, change or end")
	case p.Kind != OneTime && p.Event != "":
		return bad("event", "only a one-time price is due for an event", "leave the event out")
	case len(p.Tiers) > maxTiers:
		return bad("tiers", "a price has at most 32 tiers", "name fewer")
	case len(p.Tiers) > 0 && p.Reach != Marginal && p.Reach != Whole || len(p.Tiers) == 0 && p.Reach != "":
		return bad("reach", "it is not said what a tier's rate is for", "use marginal or whole where there are tiers")
	case p.Commitment > MaxQuantity:
		return bad("commitment", "the commitment is out of range", "name at most 2^62 base units")
	}
	for i, t := range p.Tiers {
		field := "tiers." + strconv.Itoa(i)
		if t.Rate < 0 {
			return bad(field, "the tier's rate is negative", "name a rate of zero or more")
		}
		if t.From == 0 || t.From > MaxQuantity || i > 0 && t.From <= p.Tiers[i-1].From {
			return bad(field, "the tier's threshold is not above the one before, or out of range", "let thresholds rise, from above zero")
		}
	}
	if err := p.Currency.Validate(); err != nil {
		return fault.Of(err).In("currency")
	}
	return p.checkPeriod()
}

// checkPeriod wants a charge period where one is counted by it.
func (p *Price) checkPeriod() error {
	needs := p.Kind.Fixed() || len(p.Tiers) > 0 || p.Commitment > 0
	if p.Period == (usage.Cycle{}) {
		if needs {
			return fault.New(CodeBadPrice, "the price has no charge period", "name one, like 1mo").In("period")
		}
		return nil
	}
	if p.Kind == OneTime {
		return fault.New(CodeBadPrice, "a one-time price has a charge period", "leave it out").In("period")
	}
	if err := p.Period.Validate(); err != nil {
		return fault.Of(err).In("period")
	}
	whole := strings.HasSuffix(p.Period.Length, "d") || strings.HasSuffix(p.Period.Length, "mo")
	switch {
	case !whole && p.Period.Zone != "" && p.Period.Zone != "UTC":
		return fault.New(CodeBadPrice, "a charge period shorter than a day is by another clock than UTC", "leave the zone out").In("period")
	case !whole && p.Commitment > 0:
		return fault.New(CodeBadPrice, "a commitment is for less than a day", "commit for days or months").In("period")
	}
	return nil
}

// ValidatePrices refuses the prices of a product when one is impossible or two
// share a name. The field names the price by its place.
func ValidatePrices(prices []Price) error {
	names := make(map[string]bool, len(prices))
	for i := range prices {
		p := &prices[i]
		if err := p.Validate(); err != nil {
			return fault.Of(err).In("prices." + strconv.Itoa(i))
		}
		if names[p.Name] {
			return fault.Newf(CodeBadPrice, "name each price of a product once", "two prices are called %.80q", p.Name).In("prices." + strconv.Itoa(i) + ".name")
		}
		names[p.Name] = true
	}
	return nil
}
