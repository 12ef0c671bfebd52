package mesh

import (
	"math"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/usage"
)

// Place is where a service begins or ends: a building, a data centre, the spot
// of an eNNI. Carriers that speak of one place use one id.
type Place struct {
	ID      string `cbor:"1,keyasint" json:"id"`
	Name    string `cbor:"2,keyasint,omitempty" json:"name,omitempty"`
	Country string `cbor:"3,keyasint,omitempty" json:"country,omitempty"` // ISO 3166-1 alpha-2
	Locode  string `cbor:"4,keyasint,omitempty" json:"locode,omitempty"`  // UN/LOCODE
	// Degrees north and east in hundred-thousandths, about a metre; both 0 where
	// they are not known.
	North int32 `cbor:"5,keyasint,omitempty" json:"north,omitempty"`
	East  int32 `cbor:"6,keyasint,omitempty" json:"east,omitempty"`
}

// Kilometres gives the great-circle distance, 0 if a coordinate is missing. It
// orders whom to ask and never makes a price.
func (p *Place) Kilometres(q *Place) int64 {
	if p.North == 0 && p.East == 0 || q.North == 0 && q.East == 0 {
		return 0
	}
	const radians, diameter = math.Pi / 180 / 1e5, 12742.0
	sinLat := math.Sin(float64(p.North-q.North) * radians / 2)
	sinLon := math.Sin(float64(p.East-q.East) * radians / 2)
	h := sinLat*sinLat + math.Cos(float64(p.North)*radians)*math.Cos(float64(q.North)*radians)*sinLon*sinLon
	return int64(diameter * math.Asin(math.Sqrt(min(1, h))))
}

// Window is when the service is wanted, in milliseconds since 1970; To is 0 for
// a service without end.
type Window struct {
	From int64 `cbor:"1,keyasint" json:"from"`
	To   int64 `cbor:"2,keyasint,omitempty" json:"to,omitempty"`
}

// Inquiry is what a buyer wants to know the price of: one product between two
// places, with bounds.
type Inquiry struct {
	Product   string         `cbor:"1,keyasint" json:"product"` // the @type of its configuration
	A         Place          `cbor:"2,keyasint" json:"a"`
	Z         Place          `cbor:"3,keyasint" json:"z"`
	Bandwidth uint64         `cbor:"4,keyasint" json:"bandwidth"` // bit/s
	Window    Window         `cbor:"5,keyasint" json:"window"`
	Months    uint32         `cbor:"6,keyasint,omitempty" json:"months,omitempty"` // of committed term; 0: none
	Currency  money.Currency `cbor:"7,keyasint" json:"currency"`
	// Bounds; 0 stands for none.
	MaxLatency      uint64 `cbor:"8,keyasint,omitempty" json:"max_latency,omitempty"`      // µs, one way
	MinAvailability uint64 `cbor:"9,keyasint,omitempty" json:"min_availability,omitempty"` // parts per billion
	MaxPrice        uint64 `cbor:"10,keyasint,omitempty" json:"max_price,omitempty"`       // millionths, of the whole term; never sent on
	// Hours makes it capacity that stands, of which sessions are opened and closed: for
	// so many hours of a month one is expected to be open. Offers are compared by it.
	Hours uint32 `cbor:"11,keyasint,omitempty" json:"hours,omitempty"`
	// Attributes are further members of the product's configuration, one JSON object in
	// its canonical form: what the schema of the product has and the mesh does not read.
	Attributes string `cbor:"12,keyasint,omitempty" json:"attributes,omitempty"`
	// Period is the charge period of what recurs, like 1h, of a service without end,
	// term and sessions; empty: a month.
	Period string `cbor:"13,keyasint,omitempty" json:"period,omitempty"`
}

// Take leaves of an inquiry's bounds what is not used up by a part of that latency
// and availability. False: nothing is left for another part.
func (q *Inquiry) Take(latency, availability uint64) bool {
	if q.MaxLatency != 0 {
		if q.MaxLatency <= latency {
			return false
		}
		q.MaxLatency -= latency
	}
	q.MinAvailability = need(q.MinAvailability, availability)
	return q.MinAvailability <= Whole
}

// Whole is an availability of 100 %, in parts per billion.
const Whole = 1_000_000_000

// Limits of what an inquiry may say.
const (
	maxText   = 256
	maxMonths = 1200
	maxHours  = 744 // of a month
	// MaxAttributes bounds further members of a configuration, in bytes.
	MaxAttributes = 1 << 10
)

// CodeBadInquiry says that an inquiry cannot be asked.
const CodeBadInquiry fault.Code = "bad-inquiry"

// Validate refuses what no carrier could answer. Code: [CodeBadInquiry].
func (q *Inquiry) Validate() error {
	bad := func(field, detail, remedy string) error { return fault.New(CodeBadInquiry, detail, remedy).In(field) }
	switch {
	case q.Product == "" || len(q.Product) > maxText:
		return bad("product", "an inquiry names one product", "give the @type of its configuration, at most 256 bytes")
	case q.A.ID == "" || len(q.A.ID) > maxText:
		return bad("a", "an inquiry has a place A", "give the id of a place, at most 256 bytes")
	case q.Z.ID == "" || len(q.Z.ID) > maxText:
		return bad("z", "an inquiry has a place Z", "give the id of a place, at most 256 bytes")
	case q.A.ID == q.Z.ID:
		return bad("z", "places A and Z are the same", "give two places")
	case q.Bandwidth == 0:
		return bad("bandwidth", "an inquiry has a bandwidth", "give it in bit/s")
	case q.Window.To != 0 && q.Window.To <= q.Window.From:
		return bad("window", "the window ends before it begins", "give an end after the start, or none")
	case q.Months > maxMonths:
		return bad("months", "the term is too long", "ask for at most 1200 months")
	case len(q.Attributes) > MaxAttributes:
		return bad("attributes", "the further members of the configuration are too many", "name at most 1024 bytes of them")
	case q.Hours > maxHours:
		return bad("hours", "no month has that many hours", "expect sessions for at most 744")
	case q.MinAvailability > Whole:
		return bad("min_availability", "no availability is above 1,000,000,000 parts per billion", "ask for less")
	case q.MaxPrice > math.MaxInt64:
		return bad("max_price", "the price ceiling is too high", "leave it away")
	}
	if err := q.Currency.Validate(); err != nil {
		return fault.Of(err).In("currency")
	}
	if q.Period == "" {
		return nil
	}
	switch _, err := usage.ParseCycle(q.Period); {
	case err != nil:
		return fault.Of(err).In("period")
	case q.Period == Month:
		return bad("period", "a month is what a price is for that names nothing else", "leave it away")
	case q.Window.To != 0:
		return bad("period", "a service with an end is priced once for all of its time", "leave the end or the charge period away")
	case q.Months != 0:
		return bad("period", "a term is counted in months, and so is its price", "leave the term or the charge period away")
	case q.Hours != 0:
		return bad("period", "sessions are expected for hours of a month, and what stands is paid by the month", "leave the hours or the charge period away")
	}
	return nil
}

// Month is the usual charge period.
const Month = "1mo"

// ChargePeriod is what a price that recurs is for.
func (q *Inquiry) ChargePeriod() string {
	if q.Period == "" {
		return Month
	}
	return q.Period
}

// Hash names what was asked, bounds included, in quotes.
func (q *Inquiry) Hash() canon.Hash { return canon.HashOf("lateral/mesh/inquiry/1", *q) }

// Price is what a service costs: once, and in each charge period of its inquiry. A
// service with a window of less than a month is priced once for all of it. What
// stands has a price for each hour of a session beside it.
type Price struct {
	Once money.Micro `cbor:"1,keyasint" json:"once"`
	Each money.Micro `cbor:"2,keyasint" json:"each"`
	Hour money.Micro `cbor:"3,keyasint,omitempty" json:"hour,omitempty"`
}

// Total is what the term of an inquiry costs, at least one charge period of it, with
// the sessions that are expected.
func (p Price) Total(q *Inquiry) (money.Micro, error) {
	m, err := p.Hour.Mul(int64(q.Hours))
	if err == nil {
		m, err = p.Each.Add(m)
	}
	if err == nil {
		m, err = m.Mul(int64(max(q.Months, 1)))
	}
	if err != nil {
		return 0, err
	}
	return p.Once.Add(m)
}

// Add gives the sum of two prices.
func (p Price) Add(o Price) (sum Price, err error) {
	for _, part := range []struct {
		to   *money.Micro
		a, b money.Micro
	}{{&sum.Once, p.Once, o.Once}, {&sum.Each, p.Each, o.Each}, {&sum.Hour, p.Hour, o.Hour}} {
		if *part.to, err = part.a.Add(part.b); err != nil {
			return Price{}, err
		}
	}
	return sum, nil
}

// Leg is one stretch of a service: a carrier's own between two of its places, or
// all that is bought of a neighbour, as one.
type Leg struct {
	From         string `cbor:"1,keyasint" json:"from"` // id of a place
	To           string `cbor:"2,keyasint" json:"to"`
	OnNet        bool   `cbor:"3,keyasint" json:"on_net"`
	Latency      uint64 `cbor:"4,keyasint" json:"latency"`      // µs, one way
	Availability uint64 `cbor:"5,keyasint" json:"availability"` // parts per billion
}

// Catalogue is what the carrier itself can sell. It never leaves the node: the
// mesh asks it, and sends composed prices.
type Catalogue interface {
	// Serves tells whether the product is sold at a place.
	Serves(product string, p *Place) bool
	// Offers gives the on-net offers for the whole of an inquiry, in its currency,
	// whatever its bounds. An inquiry for less than an inquiry of the buyer's is
	// how the price of a leg is asked.
	Offers(q *Inquiry) []OwnLeg
	// Places gives the ids of all places at which anything is sold.
	Places() []string
	// Hold reserves what an own leg of a quote for a neighbour takes, for as long as
	// the quote is good; asked is the inquiry that it answers. False: it is not free
	// any more, or the buyer holds too much already.
	Hold(q *Quote, leg OwnLeg, asked *Inquiry) bool
}

// OwnLeg is an on-net offer.
type OwnLeg struct {
	Leg   Leg    `cbor:"1,keyasint" json:"leg"`
	Price Price  `cbor:"2,keyasint" json:"price"`
	Of    string `cbor:"3,keyasint,omitempty" json:"of,omitempty"` // what the catalogue calls it; it goes nowhere
}
