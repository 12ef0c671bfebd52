package wire

import (
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
)

// Inquire asks for a service between two places, from own legs and neighbours.
type Inquire struct {
	Type         string         `json:"type" maxLength:"256" doc:"The @type of the product's payload."`
	A            string         `json:"a" maxLength:"256" doc:"Id of a place."`
	Z            string         `json:"z" maxLength:"256" doc:"Id of a place."`
	Bandwidth    uint64         `json:"bandwidth" doc:"bit/s."`
	From         Time           `json:"from,omitempty" doc:"Absent: at once."`
	To           Time           `json:"to,omitempty" doc:"Absent: without end."`
	Months       uint32         `json:"months,omitempty" maximum:"1200" doc:"Of committed term; absent: none."`
	Period       string         `json:"period,omitempty" maxLength:"16" doc:"Charge period of what recurs, like 1h or 1d, of a service without end, term and sessions; absent: a month."`
	Currency     money.Currency `json:"currency,omitempty" doc:"Absent: the node's."`
	Latency      uint64         `json:"latency,omitempty" doc:"Microseconds one way at most; absent: any."`
	Availability uint32         `json:"availability,omitempty" maximum:"1000000" doc:"Millionths at least; absent: any."`
	Ceiling      *money.Amount  `json:"ceiling,omitempty" doc:"The most that it may cost in all of its term. It is told to nobody."`
	Rule         string         `json:"rule,omitempty" maxLength:"2000" doc:"CEL over price, latency and availability: the lowest number wins. Absent: price."`
	Attributes   map[string]any `json:"attributes,omitempty" doc:"Further members of the configuration, by the schema of the type: a class of service, a frame size."`
	Hours        uint32         `json:"hours,omitempty" maximum:"744" doc:"Makes it capacity that stands: for so many hours of a month a session is expected to be open. Offers are compared by it."`
	Hops         int            `json:"hops,omitempty" minimum:"0" maximum:"15" doc:"Asks in a row at most; absent: the node's limit."`
	Asks         int            `json:"asks,omitempty" minimum:"0" maximum:"9999" doc:"Asks in all at most; absent: the node's limit."`
	TimeMillis   int64          `json:"time_ms,omitempty" minimum:"0" maximum:"60000" doc:"Until it ends; absent: the node's limit."`
}

// Inquired is what an inquiry has found.
type Inquired struct {
	ID            string  `json:"id"`
	Asked         bool    `json:"asked" doc:"Whether neighbours were asked."`
	InquiryMillis float64 `json:"inquiry_ms" doc:"How long finding took."`
	QuoteMillis   float64 `json:"quote_ms" doc:"How long firm prices took after it."`
	Best          *Offer  `json:"best,omitempty" doc:"Absent: nothing was found."`
	Alternatives  []Offer `json:"alternatives" nullable:"false" doc:"That are better in price, latency or availability than each other and the best."`
}

// Inquiry is one that was made here, with what it has found.
type Inquiry struct {
	ID      string   `json:"id"`
	Asked   Time     `json:"asked" doc:"When."`
	By      string   `json:"by,omitempty" doc:"Who has asked."`
	Inquiry Inquire  `json:"inquiry" doc:"What was asked."`
	Found   Inquired `json:"found" doc:"In a list, without the proofs of its offers."`
	Service string   `json:"service,omitempty" doc:"That was ordered of it."`
}

// Offer is a firm quote to order by.
type Offer struct {
	Quote        string       `json:"quote"`
	Once         money.Amount `json:"once" doc:"Due at activation; of a timed service, for all of its time."`
	Each         money.Amount `json:"each" doc:"In each charge period."`
	Period       string       `json:"period" doc:"The charge period: 1mo, 1h."`
	Hour         money.Amount `json:"hour,omitzero" doc:"Of a session, where it is capacity that stands."`
	Months       uint32       `json:"months,omitempty"`
	Latency      uint64       `json:"latency" doc:"Microseconds one way."`
	Availability uint64       `json:"availability" doc:"Millionths."`
	Until        Time         `json:"until" doc:"It can be ordered before."`
	Legs         []OfferLeg   `json:"legs" nullable:"false" doc:"From A to Z. What is bought is one leg, which names no carrier."`
	Seller       party.Code   `json:"seller,omitempty" doc:"The neighbour of whom the rest is bought; absent: nothing is."`
	BoughtOnce   money.Amount `json:"bought_once,omitzero" doc:"What it asks."`
	BoughtEach   money.Amount `json:"bought_each,omitzero"`
	BoughtHour   money.Amount `json:"bought_hour,omitzero"`
	OwnOnce      money.Amount `json:"own_once,omitzero" doc:"What the own legs cost. With what is bought and the mark-up on it they are the price."`
	OwnEach      money.Amount `json:"own_each,omitzero"`
	OwnHour      money.Amount `json:"own_hour,omitzero"`
	MarkupOnce   money.Amount `json:"markup_once,omitzero"`
	MarkupEach   money.Amount `json:"markup_each,omitzero"`
	MarkupHour   money.Amount `json:"markup_hour,omitzero"`
	Proof        []byte       `json:"proof,omitempty" doc:"Its signed quote."`
}

// OfferLeg is one stretch of a service.
type OfferLeg struct {
	Name         string `json:"name,omitempty" doc:"Of an own leg."`
	Own          bool   `json:"own"`
	Latency      uint64 `json:"latency" doc:"Microseconds."`
	Availability uint64 `json:"availability" doc:"Millionths."`
}

// OrderService orders what a quote offers.
type OrderService struct {
	Quote string `json:"quote" maxLength:"64" doc:"Of an inquiry made here. The same quote again is the same order."`
}

// ChangeService asks for the price of a change of a service. What is absent stays as
// it is.
type ChangeService struct {
	Bandwidth    uint64         `json:"bandwidth,omitempty" doc:"bit/s."`
	Latency      uint64         `json:"latency,omitempty" doc:"Microseconds one way at most."`
	Availability uint32         `json:"availability,omitempty" maximum:"1000000" doc:"Millionths at least."`
	Until        Time           `json:"until,omitempty" doc:"A later end of a timed service, which changes nothing else then."`
	Attributes   map[string]any `json:"attributes,omitempty" doc:"Members of the configuration, by the schema of the product: a class of service, a frame size. null takes one away."`
}

// OpenSession opens a session of capacity that stands.
type OpenSession struct {
	Key string `json:"key,omitempty" maxLength:"80" doc:"Of the application: the same key again is the same session. Absent: a fresh one."`
}

// Session is a session of capacity that stands, as this carrier has it.
type Session struct {
	ID      string `json:"id"`
	Service string `json:"service"`
	State   string `json:"state" enum:"opening,open,closing,closed,refused" doc:"refused: nothing of the chain is open, and nothing is charged."`
	Why     string `json:"why,omitempty" doc:"It was refused."`
	Opened  Time   `json:"opened,omitempty" doc:"All of the chain had it."`
	Closed  Time   `json:"closed,omitempty" doc:"It was asked to close."`
	Sold    string `json:"sold_product,omitempty" doc:"On the Bilateral with the buyer of the service."`
	Bought  string `json:"bought_product,omitempty" doc:"On the Bilateral with the seller."`

	Allowed []string `json:"allowed" nullable:"false" doc:"What may be done about it now: close."`
}

// RescheduleService asks for another date of a service, for haste, or for both.
type RescheduleService struct {
	Start    Time `json:"start,omitzero" doc:"Its beginning from then on; absent: it stays."`
	Expedite bool `json:"expedite,omitempty" doc:"Ask for haste."`
}

// AskedDate is another date or haste that was asked for of what is bought for a
// service.
type AskedDate struct {
	Start    Time              `json:"start,omitzero"`
	Expedite bool              `json:"expedite,omitempty"`
	Outcome  order.WishOutcome `json:"outcome,omitempty" enum:"accepted,rejected,declined,withdrawn,lapsed" doc:"Absent: it waits."`
	Why      string            `json:"why,omitempty"`
}

// EndService ends a service.
type EndService struct {
	At Time `json:"at,omitempty" doc:"Absent: now."`
}

// BuiltService says what became of the own legs of a service.
type BuiltService struct {
	Failed   bool          `json:"failed,omitempty" doc:"They cannot be delivered: the whole order is released."`
	Measured *MeasuredLegs `json:"measured,omitempty" doc:"What their test has shown. What is absent is in the test record as it was quoted."`
}

// MeasuredLegs is what was measured of the own legs of a service.
type MeasuredLegs struct {
	Latency      *uint64 `json:"latency,omitempty" maximum:"100000000" doc:"Microseconds one way."`
	Bandwidth    *uint64 `json:"bandwidth,omitempty" minimum:"1" maximum:"1125899906842624" doc:"bit/s."`
	Availability *uint64 `json:"availability,omitempty" maximum:"1000000" doc:"Millionths."`
	Loss         *uint64 `json:"loss,omitempty" maximum:"1000000" doc:"Millionths of what was sent."`
}

// Service is an order across the mesh as this carrier has it.
type Service struct {
	ID      string       `json:"id"`
	State   string       `json:"state" enum:"reserving,reserved,ordered,delivered,accepted,releasing,released,ended" doc:"accepted: in service, and billed."`
	Why     string       `json:"why,omitempty" doc:"It was released, or the buyer has refused its test record."`
	Type    string       `json:"type"`
	A       string       `json:"a" doc:"A place, or enni/ and the name of an eNNI."`
	Z       string       `json:"z"`
	Begins  Time         `json:"begins,omitempty" doc:"When what is bought for it is to be delivered, until it is in service."`
	Date    *AskedDate   `json:"date,omitempty" doc:"Another date that was asked for last of the neighbour, until it is in service."`
	Since   Time         `json:"since,omitempty" doc:"In service."`
	Until   Time         `json:"until,omitempty" doc:"Of a timed service."`
	Ended   Time         `json:"ended,omitempty"`
	Exit    money.Amount `json:"exit,omitzero" doc:"What the end before the term costs the buyer."`
	Buyer   party.Code   `json:"buyer,omitempty" doc:"A partner; absent: this carrier or its customer."`
	Sold    string       `json:"sold_product,omitempty" doc:"On the Bilateral with the buyer."`
	Seller  party.Code   `json:"seller,omitempty" doc:"Of whom the rest is bought; absent: nothing is."`
	Bought  string       `json:"bought_product,omitempty" doc:"On the Bilateral with the seller."`
	Waiting bool         `json:"waits_for_people,omitempty" doc:"Own legs are to be delivered: see build."`
	Offer   Offer        `json:"offer"`
	Allowed []string     `json:"allowed" nullable:"false" doc:"What this carrier may do about it now: build, withdraw, reschedule, change, end; open a session."`
}
