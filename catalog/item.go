package catalog

import (
	"slices"
	"strconv"
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// Kind is what an item of the catalogue is.
type Kind string

// The kinds, in the order in which one refers to the ones before.
const (
	KindPlace         Kind = "place"
	KindLink          Kind = "link"
	KindSpecification Kind = "specification"
	KindOffering      Kind = "offering"
)

// Kinds are all kinds, in their order.
var Kinds = []Kind{KindPlace, KindLink, KindSpecification, KindOffering}

// The bounds of an item.
const (
	maxName    = 200   // bytes
	maxText    = 4000  // bytes of a description
	maxList    = 10000 // places, countries, circles or legs of an offering
	maxParts   = 50    // of a bundle
	maxBands   = 50
	maxPrices  = 50
	million    = 1_000_000
	maxLatency = 60 * million // microseconds
)

// Specification says what can be ordered: which payload a product of it has.
type Specification struct {
	ID          string `cbor:"1,keyasint" json:"id"`
	Name        string `cbor:"2,keyasint" json:"name"`
	Description string `cbor:"3,keyasint,omitempty" json:"description,omitempty"`
	Type        string `cbor:"4,keyasint" json:"type" doc:"The @type of its payloads: the $id of a JSON Schema, a URN."`
}

// Link is a resource with a capacity that orders share: a circuit between two
// places, or a port at one.
type Link struct {
	ID        string `cbor:"1,keyasint" json:"id"`
	Name      string `cbor:"2,keyasint,omitempty" json:"name,omitempty"`
	Bandwidth uint64 `cbor:"3,keyasint" json:"bandwidth" doc:"bit/s that may be reserved on it at the same time."`
}

// Offering is what is for sale, where, when and at which price.
type Offering struct {
	ID            string   `cbor:"1,keyasint" json:"id"`
	Name          string   `cbor:"2,keyasint" json:"name"`
	Description   string   `cbor:"3,keyasint,omitempty" json:"description,omitempty"`
	Specification string   `cbor:"4,keyasint" json:"specification" doc:"Id of the specification that it is of."`
	Categories    []string `cbor:"5,keyasint,omitempty" json:"categories,omitempty"`
	PartOnly      bool     `cbor:"6,keyasint,omitempty" json:"part_only,omitempty" doc:"It is sold within bundles only."`

	// Prices of one product; a bundle without any costs what its parts cost, with
	// their margins.
	Prices       []rating.Price `cbor:"7,keyasint,omitempty" json:"prices,omitempty"`
	Bandwidth    Range          `cbor:"8,keyasint,omitzero" json:"bandwidth,omitzero" doc:"What can be ordered; absent: the product has no bandwidth."`
	Term         Term           `cbor:"9,keyasint,omitzero" json:"term,omitzero"`
	Windows      []Window       `cbor:"10,keyasint,omitempty" json:"windows,omitempty" doc:"When it can be had; none: always."`
	Coverage     Coverage       `cbor:"11,keyasint,omitzero" json:"coverage,omitzero" doc:"Where a product at one place can be had."`
	Legs         []Leg          `cbor:"12,keyasint,omitempty" json:"legs,omitempty" doc:"Between which places a product of two can be had."`
	Latency      uint64         `cbor:"13,keyasint,omitempty" json:"latency,omitempty" doc:"Microseconds one way of a product at one place; 0: not said."`
	Availability uint32         `cbor:"14,keyasint,omitempty" json:"availability,omitempty" doc:"Of a product at one place, in millionths; 0: not said."`
	Links        []string       `cbor:"15,keyasint,omitempty" json:"links,omitempty" doc:"Resources that a product at one place needs."`
	Parts        []Part         `cbor:"16,keyasint,omitempty" json:"parts,omitempty" doc:"What a bundle is made of."`

	// Guarantees are what is given back where the product is worse than promised. A
	// bundle promises what it says itself, whatever its parts do.
	Guarantees []rating.Guarantee `cbor:"17,keyasint,omitempty" json:"guarantees,omitempty"`
}

// Range is from Min to Max in steps of Step, bit/s.
type Range struct {
	Min  uint64 `cbor:"1,keyasint" json:"min"`
	Max  uint64 `cbor:"2,keyasint" json:"max"`
	Step uint64 `cbor:"3,keyasint,omitempty" json:"step,omitempty" doc:"Above the minimum; 0: any."`
}

// Fit gives the least bandwidth of the range that is at least what is asked
// for; false when there is none.
func (r Range) Fit(asked uint64) (uint64, bool) {
	switch {
	case asked <= r.Min:
		return r.Min, true
	case asked > r.Max:
		return 0, false
	case r.Step == 0:
		return asked, true
	}
	fit := r.Min + (asked-r.Min+r.Step-1)/r.Step*r.Step
	return fit, fit <= r.Max && fit >= asked
}

// Term is for how long a product can be ordered, how soon it is there, and what
// an end before its time costs.
type Term struct {
	Min  uint64 `cbor:"1,keyasint,omitempty" json:"min,omitempty" doc:"Seconds; 0: no least term."`
	Max  uint64 `cbor:"2,keyasint,omitempty" json:"max,omitempty" doc:"Seconds; 0: without end."`
	Lead uint64 `cbor:"3,keyasint,omitempty" json:"lead,omitempty" doc:"Seconds from the order until it is active; 0: at once."`

	Early uint32 `cbor:"4,keyasint,omitempty" json:"early,omitempty" doc:"Millionths of the recurring charges left of a term in months, which an end before costs; 0: nothing."`
}

// Window is a span of time, and within it the parts of each week, in which an
// offering can be had.
type Window struct {
	From  Time   `cbor:"1,keyasint,omitempty" json:"from,omitempty" doc:"Absent: since ever."`
	To    Time   `cbor:"2,keyasint,omitempty" json:"to,omitempty" doc:"Absent: without end."`
	Bands []Band `cbor:"3,keyasint,omitempty" json:"bands,omitempty" doc:"None: all of each week."`
}

// Coverage is a set of places: those that are named, those of countries, those
// in circles.
type Coverage struct {
	Places    []string `cbor:"1,keyasint,omitempty" json:"places,omitempty"`
	Countries []string `cbor:"2,keyasint,omitempty" json:"countries,omitempty"`
	Circles   []Circle `cbor:"3,keyasint,omitempty" json:"circles,omitempty"`
}

// Circle is what is within a distance of a place.
type Circle struct {
	Place  string `cbor:"1,keyasint" json:"place"`
	Radius uint64 `cbor:"2,keyasint" json:"radius" doc:"Metres."`
}

// Leg is connectivity between two ends, the same in both directions.
type Leg struct {
	A            End      `cbor:"1,keyasint" json:"a"`
	Z            End      `cbor:"2,keyasint" json:"z"`
	Links        []string `cbor:"3,keyasint,omitempty" json:"links,omitempty" doc:"Resources whose capacity it takes."`
	Latency      uint64   `cbor:"4,keyasint,omitempty" json:"latency,omitempty" doc:"Microseconds one way; 0: not said."`
	Availability uint32   `cbor:"5,keyasint,omitempty" json:"availability,omitempty" doc:"Millionths: 999900 is 99.99%; 0: not said."`
	Metres       uint64   `cbor:"6,keyasint,omitempty" json:"metres,omitempty" doc:"Its length for prices by distance; 0: the great circle between its places."`
}

// End is where a leg ends: at customers' premises near a place, or at an eNNI
// with a neighbour.
type End struct {
	Place     string     `cbor:"1,keyasint" json:"place"`
	Radius    uint64     `cbor:"2,keyasint,omitempty" json:"radius,omitempty" doc:"Metres around the place that are served too."`
	Neighbour party.Code `cbor:"3,keyasint,omitempty" json:"neighbour,omitempty" doc:"Whose network begins behind the eNNI."`
	Interface string     `cbor:"4,keyasint,omitempty" json:"interface,omitempty" doc:"Id of the eNNI."`
}

// Part is a piece of a bundle: an own offering, or what a partner has quoted.
// Its margin is the carrier's own affair.
type Part struct {
	Offering string  `cbor:"1,keyasint,omitempty" json:"offering,omitempty"`
	Version  uint32  `cbor:"2,keyasint,omitempty" json:"version,omitempty" doc:"Of the offering; 0: the one in force."`
	Quote    *Quoted `cbor:"3,keyasint,omitempty" json:"quote,omitempty"`
	Margin   Margin  `cbor:"4,keyasint,omitzero" json:"margin,omitzero"`
}

// Quoted refers to a partner's quote and repeats its prices.
type Quoted struct {
	Seller party.Code     `cbor:"1,keyasint" json:"seller"`
	ID     string         `cbor:"2,keyasint" json:"id"`
	Until  Time           `cbor:"3,keyasint,omitempty" json:"until,omitempty" doc:"When it expires; absent: never."`
	Prices []rating.Price `cbor:"4,keyasint,omitempty" json:"prices,omitempty"`
}

// Margin is what is put on a part's prices: a share in millionths, 100000 is
// 10%, and may be negative down to the whole.
type Margin struct {
	Share int64 `cbor:"1,keyasint" json:"share"`
}

// Bundle reports whether it is made of parts.
func (o *Offering) Bundle() bool { return len(o.Parts) > 0 }

// validID reports whether an id is 1 to 64 letters, digits, dots, hyphens and
// underscores.
func validID(id string) bool {
	if len(id) == 0 || len(id) > 64 || id[0] == '.' {
		return false
	}
	return strings.IndexFunc(id, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.')
	}) < 0
}

func badID(id string) *fault.Error {
	return fault.Newf(fault.Invalid, "use 1 to 64 letters, digits, dots, hyphens and underscores", "%.80q is no id", id).In("id")
}

func validCountry(c string) bool {
	return len(c) == 2 && c[0] >= 'A' && c[0] <= 'Z' && c[1] >= 'A' && c[1] <= 'Z'
}

func badCountry(c string) *fault.Error {
	return fault.Newf(fault.Invalid, "use the two capital letters of ISO 3166-1", "%.20q is no country", c)
}

// named checks what all items but places have.
func named(id, name, text string) error {
	switch {
	case !validID(id):
		return badID(id)
	case name == "" || len(name) > maxName:
		return fault.New(fault.Invalid, "there is no name, or one of more than 200 bytes", "name it").In("name")
	case len(text) > maxText:
		return fault.New(fault.Invalid, "the description has more than 4000 bytes", "shorten it").In("description")
	}
	return nil
}

// Validate refuses a specification of the wrong form. Code: invalid.
func (s *Specification) Validate() error {
	if err := named(s.ID, s.Name, s.Description); err != nil {
		return err
	}
	if !validType(s.Type) {
		return fault.Newf(fault.Invalid, "name the $id of a schema: a URN like "+TypeELine, "%.80q is no type of payload", s.Type).In("type")
	}
	return nil
}

func validType(t string) bool {
	return strings.HasPrefix(t, "urn:") && len(t) <= 300 && !strings.ContainsAny(t, " \t\r\n\"#")
}

// Validate refuses a link of the wrong form. Code: invalid.
func (l *Link) Validate() error {
	switch {
	case !validID(l.ID):
		return badID(l.ID)
	case len(l.Name) > maxName:
		return fault.New(fault.Invalid, "the name has more than 200 bytes", "shorten it").In("name")
	case l.Bandwidth == 0 || l.Bandwidth > rating.MaxQuantity:
		return fault.New(fault.Invalid, "the link has no bandwidth, or one out of range", "name bit/s above zero").In("bandwidth")
	}
	return nil
}

// Validate refuses an offering of the wrong form; whether what it names is
// there, the catalogue checks. Codes: invalid, and those of prices and bands.
func (o *Offering) Validate() error {
	if err := named(o.ID, o.Name, o.Description); err != nil {
		return err
	}
	bad := func(field, detail, remedy string) error { return fault.New(fault.Invalid, detail, remedy).In(field) }
	b := o.Bandwidth
	switch {
	case !validID(o.Specification):
		return bad("specification", "the offering is of no specification", "name the id of one")
	case len(o.Categories) > 32:
		return bad("categories", "the offering has more than 32 categories", "name fewer")
	case len(o.Prices) > maxPrices:
		return bad("prices", "the offering has more than 50 prices", "name fewer")
	case len(o.Prices) == 0 && len(o.Parts) == 0:
		return bad("prices", "the offering has no price", "name one; what is free has a price of zero")
	case b != Range{} && (b.Min == 0 || b.Max < b.Min || b.Max > rating.MaxQuantity || b.Step > b.Max):
		return bad("bandwidth", "the range of bandwidths is empty or out of range", "name a minimum above zero and a maximum that is no less")
	case o.Term.Max != 0 && o.Term.Max < o.Term.Min:
		return bad("term", "the longest term is shorter than the least", "correct them")
	case max(o.Term.Min, o.Term.Max, o.Term.Lead) > 100*366*24*3600:
		return bad("term", "a term is longer than a hundred years", "name seconds")
	case o.Term.Early > rating.Millionths:
		return bad("term.early", "an early end costs more than what is left", "name at most 1,000,000 millionths")
	case len(o.Windows) > maxBands:
		return bad("windows", "the offering has more than 50 windows", "name fewer")
	case len(o.Coverage.Places) > maxList || len(o.Coverage.Countries) > maxList || len(o.Coverage.Circles) > maxList:
		return bad("coverage", "the coverage has more than 10,000 parts", "name countries or circles instead")
	case len(o.Legs) > maxList:
		return bad("legs", "the offering has more than 10,000 legs", "split it")
	case o.Availability > million:
		return bad("availability", "the availability is above 100%", "name millionths: 999900 is 99.99%")
	case o.Latency > maxLatency:
		return bad("latency", "the latency is longer than a minute", "name microseconds")
	case len(o.Parts) > maxParts:
		return bad("parts", "the bundle has more than 50 parts", "name fewer")
	}
	if err := rating.ValidatePrices(o.Prices); err != nil {
		return err
	}
	if err := currencies(o.Prices); err != nil {
		return err
	}
	if err := rating.ValidateGuarantees(o.Guarantees); err != nil {
		return err
	}
	for i := range o.Windows {
		if err := o.Windows[i].validate(); err != nil {
			return fault.Of(err).In("windows." + strconv.Itoa(i))
		}
	}
	for i, c := range o.Coverage.Countries {
		if !validCountry(c) {
			return badCountry(c).In("coverage.countries." + strconv.Itoa(i))
		}
	}
	for i, c := range o.Coverage.Circles {
		if c.Radius == 0 || c.Radius > maxRadius {
			return bad("coverage.circles."+strconv.Itoa(i)+".radius", "the radius is zero or more than half way round the earth", "name metres")
		}
	}
	for i := range o.Legs {
		if err := o.Legs[i].validate(); err != nil {
			return fault.Of(err).In("legs." + strconv.Itoa(i))
		}
	}
	if err := uniqueLinks(o.Links); err != nil {
		return err
	}
	for i := range o.Parts {
		if err := o.Parts[i].validate(o.ID); err != nil {
			return fault.Of(err).In("parts." + strconv.Itoa(i))
		}
	}
	return nil
}

// maxRadius is half the way round the earth in metres.
const maxRadius = 20_040_000

// currencies wants one currency, so that offerings can be compared.
func currencies(prices []rating.Price) error {
	for i := range prices {
		if prices[i].Currency != prices[0].Currency {
			return fault.Newf(money.CodeCurrencyMismatch, "make an offering for each currency", "the prices are in %s and %s", prices[0].Currency, prices[i].Currency).
				In("prices." + strconv.Itoa(i) + ".currency")
		}
	}
	return nil
}

func uniqueLinks(links []string) error {
	for i, l := range links {
		if slices.Contains(links[:i], l) {
			return fault.Newf(fault.Invalid, "name each link once", "the link %.80s is named twice", l).In("links." + strconv.Itoa(i))
		}
	}
	if len(links) > 100 {
		return fault.New(fault.Invalid, "more than 100 links are named", "name fewer").In("links")
	}
	return nil
}

func (w *Window) validate() error {
	if w.From < 0 || w.To < 0 || w.To != 0 && w.To <= w.From {
		return fault.New(fault.Invalid, "the window ends before it begins", "correct its times").In("to")
	}
	if len(w.Bands) > maxBands {
		return fault.New(fault.Invalid, "the window has more than 50 bands", "name fewer").In("bands")
	}
	for i, b := range w.Bands {
		if (b == Band{}) {
			return fault.New(usage.CodeBadBand, "the band is empty", "name its days and times, or leave it out").In("bands." + strconv.Itoa(i))
		}
		if err := usage.Band(b).Validate(); err != nil {
			return fault.Of(err).In("bands." + strconv.Itoa(i))
		}
	}
	return nil
}

func (l *Leg) validate() error {
	for name, e := range map[string]*End{"a": &l.A, "z": &l.Z} {
		switch {
		case e.Place == "":
			return fault.New(fault.Invalid, "the end is at no place", "name one").In(name + ".place")
		case e.Neighbour != "" && e.Neighbour.Validate() != nil:
			return fault.Of(e.Neighbour.Validate()).In(name + ".neighbour")
		case e.Neighbour != "" && e.Radius != 0:
			return fault.New(fault.Invalid, "an eNNI serves nothing around it", "leave the radius out").In(name + ".radius")
		case e.Neighbour == "" && e.Interface != "":
			return fault.New(fault.Invalid, "the eNNI leads to no neighbour", "name whose network begins there").In(name + ".neighbour")
		case e.Radius > maxRadius:
			return fault.New(fault.Invalid, "the radius is more than half way round the earth", "name metres").In(name + ".radius")
		case len(e.Interface) > 64:
			return fault.New(fault.Invalid, "the id of the eNNI has more than 64 bytes", "shorten it").In(name + ".interface")
		}
	}
	switch {
	case l.Availability > million:
		return fault.New(fault.Invalid, "the availability is above 100%", "name millionths: 999900 is 99.99%").In("availability")
	case l.Latency > maxLatency:
		return fault.New(fault.Invalid, "the latency is longer than a minute", "name microseconds").In("latency")
	case l.Metres > 100*maxRadius:
		return fault.New(fault.Invalid, "the leg is longer than any cable", "name metres").In("metres")
	}
	return uniqueLinks(l.Links)
}

func (p *Part) validate(of string) error {
	switch {
	case (p.Offering == "") == (p.Quote == nil):
		return fault.New(fault.Invalid, "a part is an own offering or a partner's quote", "name one of the two").In("offering")
	case p.Offering == of:
		return fault.New(fault.Invalid, "the bundle is a part of itself", "name another offering").In("offering")
	case p.Margin.Share < -million || p.Margin.Share > 1000*million:
		return fault.New(fault.Invalid, "the margin takes more than all of the price, or is above a thousand times of it", "name millionths: 100000 is 10%").In("margin.share")
	}
	if q := p.Quote; q != nil {
		if err := q.Seller.Validate(); err != nil {
			return fault.Of(err).In("quote.seller")
		}
		if q.ID == "" || len(q.ID) > 128 {
			return fault.New(fault.Invalid, "the quote has no id, or a long one", "name it").In("quote.id")
		}
		if err := rating.ValidatePrices(q.Prices); err != nil {
			return fault.Of(err).In("quote")
		}
		return currencies(q.Prices)
	}
	return nil
}
