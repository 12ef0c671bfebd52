package agreement

import (
	"math/bits"
	"slices"
	"strconv"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// CodeNonconforming says that an order about a product breaks a clause of the
// agreement, which the field names.
const CodeNonconforming fault.Code = "order-nonconforming"

// ProductTerms is one clause of an agreement: which products may be ordered by
// it, at which prices and terms, and how they are delivered, measured and billed.
// The first clause that is about a product's line and type is the one that
// counts.
type ProductTerms struct {
	Clause      string           `cbor:"1,keyasint" json:"clause"` // as refusals name it: "annex-b.2"
	Line        string           `cbor:"2,keyasint" json:"line"`
	Types       []string         `cbor:"3,keyasint,omitempty" json:"types,omitempty"`          // of payloads, sorted; none: all of the line
	Kinds       []rating.Kind    `cbor:"4,keyasint,omitempty" json:"price_kinds,omitempty"`    // price models; none: all
	Currencies  []money.Currency `cbor:"5,keyasint,omitempty" json:"currencies,omitempty"`     // none: all
	Ceilings    []Ceiling        `cbor:"6,keyasint,omitempty" json:"ceilings,omitempty"`       // of kinds and currencies; others have none
	MostPieces  uint64           `cbor:"7,keyasint,omitempty" json:"most_pieces,omitempty"`    // of one order; 0: no limit
	LeastMonths uint32           `cbor:"8,keyasint,omitempty" json:"least_months,omitempty"`   // of a term
	MostMonths  uint32           `cbor:"9,keyasint,omitempty" json:"most_months,omitempty"`    // 0: no limit
	MostEarly   uint32           `cbor:"10,keyasint,omitempty" json:"most_early,omitempty"`    // millionths of what is left that an early end may cost
	Notice      int64            `cbor:"11,keyasint,omitempty" json:"notice_millis,omitempty"` // before a product may end
	Test        bool             `cbor:"12,keyasint,omitempty" json:"test,omitempty"`          // a test record that the buyer may object to precedes billing
	Objection   int64            `cbor:"13,keyasint,omitempty" json:"objection_millis"`        // the time for it; then the record stands
	Delivery    int64            `cbor:"14,keyasint" json:"delivery_millis"`                   // after the beginning that was asked for; then the order has failed
	Granularity string           `cbor:"15,keyasint" json:"granularity"`                       // of measured intervals: "1h"
	Statement   int64            `cbor:"16,keyasint" json:"statement_millis"`                  // for the second side's measurement of an interval; then the one there is stands
	Tolerance   Source           `cbor:"17,keyasint" json:"tolerance"`                         // what counts where the two differ
	Schedules   []Schedule       `cbor:"18,keyasint,omitempty" json:"schedules,omitempty"`     // by which products are opened and closed without a quote
}

// Ceiling is the highest rate of a kind of price: Rate for Unit base units, by
// charge periods of Period where the kind has them.
type Ceiling struct {
	Kind     rating.Kind    `cbor:"1,keyasint" json:"kind"`
	Currency money.Currency `cbor:"2,keyasint" json:"currency"`
	Rate     money.Rate     `cbor:"3,keyasint" json:"rate"`
	Unit     uint64         `cbor:"4,keyasint" json:"unit"`
	Period   usage.Cycle    `cbor:"5,keyasint,omitzero" json:"period,omitzero"`
}

// Schedule is standing prices of a type of product.
type Schedule struct {
	Name       string             `cbor:"1,keyasint" json:"name"`
	Type       string             `cbor:"2,keyasint" json:"type"`
	Prices     []rating.Price     `cbor:"3,keyasint" json:"prices"`
	Term       product.Term       `cbor:"4,keyasint,omitzero" json:"term,omitzero"`
	Guarantees []rating.Guarantee `cbor:"5,keyasint,omitempty" json:"guarantees,omitempty"`
}

// DefaultProduct is a clause for a product line: any type, prices and term; five
// days to deliver, one to object to a test record; measured by the hour.
func DefaultProduct(clause, line string) ProductTerms {
	return ProductTerms{Clause: clause, Line: line, MostEarly: rating.Millionths, Objection: day, Delivery: 5 * day,
		Granularity: "1h", Statement: day, Tolerance: DefaultTolerance()}
}

// Bounds of the clauses.
const (
	maxClauses   = 64
	maxTypes     = 64
	maxSchedules = 64
	// MaxPrices bounds the prices of a product.
	MaxPrices = 32
)

func checkProducts(clauses []ProductTerms) error {
	if len(clauses) > maxClauses {
		return fault.New(fault.Invalid, "the agreement has more than 64 clauses about products", "put products of one kind together").In("products")
	}
	for i := range clauses {
		field := "products." + strconv.Itoa(i)
		for _, before := range clauses[:i] {
			if before.Clause == clauses[i].Clause {
				return fault.New(fault.Invalid, "two clauses have one name", "name each once").In(field + ".clause")
			}
		}
		if err := clauses[i].validate(); err != nil {
			return fault.Of(err).In(field)
		}
	}
	return nil
}

func (p *ProductTerms) validate() error {
	bad := func(field, detail, remedy string) error { return fault.New(fault.Invalid, detail, remedy).In(field) }
	switch {
	case !party.Plain(p.Clause, 32):
		return bad("clause", "the clause has no plain name", "name it as refusals are to cite it, like annex-b.2")
	case !product.Line(p.Line).Valid():
		return bad("line", "the clause is about no product line", "name one, like connectivity")
	case len(p.Types) > maxTypes || !slices.IsSorted(p.Types) || slices.Contains(p.Types, "") || len(slices.Compact(slices.Clone(p.Types))) < len(p.Types):
		return bad("types", "the types are not in order, or too many", "sort them and name each once")
	case len(p.Kinds) > 6 || slices.ContainsFunc(p.Kinds, func(k rating.Kind) bool { return !k.Price() }):
		return bad("price_kinds", "one of them is no kind of price", "use recurring, one-time, time, data, bandwidth or distance")
	case len(p.Ceilings) > MaxPrices || p.MostPieces > rating.MaxFixed:
		return bad("ceilings", "there are too many ceilings, or one out of range", "name at most 32")
	case p.MostMonths != 0 && p.LeastMonths > p.MostMonths || p.LeastMonths > 1200 || p.MostMonths > 1200:
		return bad("least_months", "no term is that long", "name months, at most 1200")
	case p.MostEarly > rating.Millionths:
		return bad("most_early", "an early end costs more than what is left", "name at most 1,000,000 millionths")
	case p.Notice < 0 || p.Notice > longestNotice:
		return bad("notice_millis", "a notice is between nothing and a year", "use 2592000000 for thirty days")
	case p.Objection < 0 || p.Objection > 31*day || p.Delivery <= 0 || p.Delivery > 3660*day || p.Statement <= 0 || p.Statement > 31*day:
		return bad("delivery_millis", "a time is out of range", "name what is above zero, and at most a month for statements and objections")
	case len(p.Schedules) > maxSchedules:
		return bad("schedules", "there are too many schedules", "name at most 64")
	}
	for i, c := range p.Ceilings {
		if !c.Kind.Price() || c.Rate < 0 || c.Unit == 0 || c.Currency.Validate() != nil || c.Kind.Fixed() && c.Period.Validate() != nil {
			return bad("ceilings."+strconv.Itoa(i), "the ceiling is for no price that there can be", "name kind, currency, rate and unit, and the charge period where there is one")
		}
	}
	for _, c := range p.Currencies {
		if err := c.Validate(); err != nil {
			return fault.Of(err).In("currencies")
		}
	}
	if err := (usage.Cycle{Length: p.Granularity}).Validate(); err != nil {
		return fault.Of(err).In("granularity")
	}
	if _, err := p.Tolerance.Tolerance(); err != nil {
		return fault.Of(err).In("tolerance")
	}
	for i, s := range p.Schedules {
		field := "schedules." + strconv.Itoa(i)
		if !party.Plain(s.Name, 40) || s.Type == "" {
			return bad(field, "the schedule has no plain name, or no type", "name both")
		}
		if _, named := slices.BinarySearch(p.Types, s.Type); !named && len(p.Types) > 0 {
			return bad(field, "the schedule is of a type that the clause is not about", "name the type among those of the clause")
		}
		for _, before := range p.Schedules[:i] {
			if before.Name == s.Name {
				return bad(field, "two schedules have one name", "name each once")
			}
		}
		o := product.Offer{Line: product.Line(p.Line), Type: s.Type, Prices: s.Prices, Term: s.Term, Guarantees: s.Guarantees}
		if err := p.Conforms(&o); err != nil {
			return fault.Of(err).In(field)
		}
	}
	return nil
}

// ClauseFor gives the clause that is about a type of product.
func (t *Terms) ClauseFor(line, typ string) (*ProductTerms, error) {
	for i := range t.Products {
		p := &t.Products[i]
		if _, named := slices.BinarySearch(p.Types, typ); p.Line == line && (named || len(p.Types) == 0) {
			return p, nil
		}
	}
	return nil, fault.Newf(CodeNonconforming, "have the agreement amended, or order what it names", "no clause of the agreement lets %.32q of the type %.100q be ordered", line, typ).In("products")
}

// Named gives a clause by its name.
func (t *Terms) Named(clause string) (*ProductTerms, bool) {
	for i := range t.Products {
		if t.Products[i].Clause == clause {
			return &t.Products[i], true
		}
	}
	return nil, false
}

// Schedule gives a schedule by its name.
func (p *ProductTerms) Schedule(name string) (Schedule, bool) {
	for _, s := range p.Schedules {
		if s.Name == name {
			return s, true
		}
	}
	return Schedule{}, false
}

// Conforms refuses an offer that breaks the clause, with code
// [CodeNonconforming] and, as field, the clause and what of it is broken:
// "annex-b.2.ceilings". An offer that is impossible by itself has the codes of
// its prices and guarantees.
func (p *ProductTerms) Conforms(o *product.Offer) error {
	if len(o.Prices) == 0 || len(o.Prices) > MaxPrices || len(o.Guarantees) > MaxPrices {
		return fault.New(fault.Invalid, "an offer has 1 to 32 prices, and at most as many guarantees", "name them").In("offer.prices")
	}
	if err := rating.ValidatePrices(o.Prices); err != nil {
		return fault.Of(err).In("offer")
	}
	if err := rating.ValidateGuarantees(o.Guarantees); err != nil {
		return fault.Of(err).In("offer")
	}
	if o.Pieces > rating.MaxFixed || o.Metres > rating.MaxFixed || o.Term.Early > rating.Millionths || o.Term.Months > 1200 {
		return fault.New(fault.Invalid, "a quantity or the term is out of range", "order at most 2^32 pieces or metres, for at most 1200 months").In("offer")
	}
	for i := range o.Prices {
		if err := p.allows(&o.Prices[i]); err != nil {
			return err
		}
	}
	if err := p.sessions(o.Sessions); err != nil {
		return err
	}
	switch t := o.Term; {
	case p.MostPieces != 0 && o.Pieces > p.MostPieces:
		return p.broken("most_pieces", "order fewer", "%d pieces are ordered, and %d are allowed", o.Pieces, p.MostPieces)
	case t.Months < p.LeastMonths:
		return p.broken("least_months", "order a longer term", "the term is %d months, and at least %d are agreed", t.Months, p.LeastMonths)
	case p.MostMonths != 0 && t.Months > p.MostMonths:
		return p.broken("most_months", "order a shorter term", "the term is %d months, and at most %d are agreed", t.Months, p.MostMonths)
	case t.Early > p.MostEarly:
		return p.broken("most_early", "have it quoted at a lower one", "an early end costs %d millionths of what is left, and at most %d are agreed", t.Early, p.MostEarly)
	}
	return nil
}

// sessions refuses standing prices that the clause does not allow, or that are
// not of use: a session is charged for its time, and not for being opened.
func (p *ProductTerms) sessions(all []rating.Price) error {
	if len(all) > MaxPrices {
		return fault.New(fault.Invalid, "an offer has at most 32 prices of sessions", "name fewer").In("offer.sessions")
	}
	if err := rating.ValidatePrices(all); err != nil {
		return fault.Of(err).In("offer.sessions")
	}
	for i := range all {
		if !all[i].Kind.Used() {
			return fault.New(fault.Invalid, "a session has a price that is not of use", "price it by time, data or bandwidth").In("offer.sessions")
		}
		if err := p.allows(&all[i]); err != nil {
			return err
		}
	}
	return nil
}

// broken names the clause and what of it is broken.
func (p *ProductTerms) broken(part, remedy, format string, args ...any) error {
	return fault.Newf(CodeNonconforming, remedy, format, args...).In(p.Clause + "." + part)
}

// Noticed refuses an end of a product that comes too soon after it was asked
// for.
func (p *ProductTerms) Noticed(asked, ends int64) error {
	if ends < asked+p.Notice {
		return p.broken("notice", "let it end at "+usage.Stamp(asked+p.Notice)+" or later", "the product would end with less notice than was agreed")
	}
	return nil
}

// allows refuses a price that the clause does not allow.
func (p *ProductTerms) allows(price *rating.Price) error {
	if len(p.Kinds) > 0 && !slices.Contains(p.Kinds, price.Kind) {
		return p.broken("price_kinds", "have it quoted by another price model", "the price %.80q is %s, which the clause does not allow", price.Name, price.Kind)
	}
	if len(p.Currencies) > 0 && !slices.Contains(p.Currencies, price.Currency) {
		return p.broken("currencies", "have it quoted in a currency of the clause", "the price %.80q is in %s, which the clause does not allow", price.Name, price.Currency)
	}
	capped, compared := false, false
	for _, c := range p.Ceilings {
		if c.Kind != price.Kind || c.Currency != price.Currency {
			continue
		}
		capped = true
		if c.Kind.Fixed() && c.Period != price.Period {
			continue // it says nothing of a price by other periods
		}
		compared = true
		highest := price.Rate
		for _, t := range price.Tiers {
			highest = max(highest, t.Rate)
		}
		// highest / price.Unit <= c.Rate / c.Unit, without dividing.
		hi, lo := bits.Mul64(uint64(highest), c.Unit)
		mostHi, mostLo := bits.Mul64(uint64(c.Rate), price.Unit)
		if hi > mostHi || hi == mostHi && lo > mostLo {
			return p.broken("ceilings", "have it quoted at or below the ceiling", "the price %.80q is %s %s for %d, and at most %s for %d is agreed", price.Name, price.Currency, highest, price.Unit, c.Rate, c.Unit)
		}
	}
	if capped && !compared {
		return p.broken("ceilings", "have it quoted by the charge period of the ceiling", "the price %.80q is by %s, for which there is no ceiling", price.Name, price.Period)
	}
	return nil
}
