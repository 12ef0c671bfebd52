package wire

import "time"

// Ref names something that the other side knows.
type Ref struct {
	ID   string `json:"id"`
	Href string `json:"href,omitempty"`
}

// Actions of items.
const (
	Add    = "add"
	Modify = "modify"
	Delete = "delete"
)

// Product is a product by its id, or as it is wanted.
type Product struct {
	ID            string         `json:"id,omitempty"`
	Href          string         `json:"href,omitempty"`
	Offering      *Ref           `json:"productOffering,omitempty"`
	Specification *Ref           `json:"productSpecification,omitempty"`
	Configuration Value          `json:"productConfiguration,omitzero"` // its @type names the schema
	Relationship  []Relationship `json:"productRelationship,omitempty"`
	Place         []RelatedPlace `json:"place,omitempty"`
}

// Relationship leads to another product.
type Relationship struct {
	ID       string `json:"id"`
	Type     string `json:"relationshipType"`
	Href     string `json:"href,omitempty"`
	Grouping string `json:"groupingKey,omitempty"` // grace only
}

// ItemRelationship leads to another item of the same request.
type ItemRelationship struct {
	ID   string `json:"id"`
	Type string `json:"relationshipType"`
}

// Contact is a person or office in a role.
type Contact struct {
	Role            string   `json:"role"`
	Name            string   `json:"name"`
	Number          string   `json:"number"`
	NumberExtension string   `json:"numberExtension,omitempty"`
	Email           string   `json:"emailAddress"`
	Organization    string   `json:"organization,omitempty"`
	Address         *Fielded `json:"postalAddress,omitempty"` // grace has a form of its own: left out there
}

// Note is a word to people. Notes are only added, never changed.
type Note struct {
	ID     string    `json:"id"`
	Author string    `json:"author"`
	Date   time.Time `json:"date"`
	Source string    `json:"source"` // buyer, seller
	Text   string    `json:"text"`
}

// Term is how long a product is taken for.
type Term struct {
	Name        string    `json:"name"`
	Description string    `json:"description,omitempty"`
	Duration    Duration  `json:"duration"`
	End         string    `json:"endOfTermAction"` // roll, autoDisconnect, autoRenew
	Roll        *Duration `json:"rollInterval,omitempty"`
}

// Price is an amount without tax, and perhaps with.
type Price struct {
	TaxRate Decimal `json:"taxRate,omitempty"` // percent
	Taxed   *Money  `json:"taxIncludedAmount,omitempty"`
	Untaxed Money   `json:"dutyFreeAmount"`
}

// Kinds of prices.
const (
	Recurring    = "recurring"
	NonRecurring = "nonRecurring"
	UsageBased   = "usageBased"
)

// QuotePrice is one price of an item.
type QuotePrice struct {
	Name        string    `json:"name"`
	Description string    `json:"description,omitempty"`
	Type        string    `json:"priceType"`
	Unit        string    `json:"unitOfMeasure,omitempty"`         // of a usage based one
	Period      *Duration `json:"recurringChargePeriod,omitempty"` // of a recurring one
	Price       Price     `json:"price"`
}

// StateChange is one step of a history.
type StateChange struct {
	State  string    `json:"state"`
	Date   time.Time `json:"changeDate"`
	Reason string    `json:"changeReason,omitempty"`
}

// TerminationError says why an item came to nothing.
type TerminationError struct {
	Code         string `json:"code,omitempty"`
	PropertyPath string `json:"propertyPath,omitempty"`
	Value        string `json:"value,omitempty"`
}

// TimePeriod is from a time to another.
type TimePeriod struct {
	Start time.Time `json:"startDateTime,omitzero"`
	End   time.Time `json:"endDateTime,omitzero"`
}

// Roles of contacts.
const (
	BuyerContact  = "buyerContactInformation"
	SellerContact = "sellerContactInformation"
)

// POQ is a product offering qualification: it asks whether products can be delivered.
type POQ struct {
	ID           string        `json:"id,omitempty"`
	Href         string        `json:"href,omitempty"`
	ExternalID   string        `json:"externalId,omitempty"`
	ProjectID    string        `json:"projectId,omitempty"`
	Instant      bool          `json:"instantSyncQualification"`
	Alternatives bool          `json:"provideAlternative"`
	Requested    time.Time     `json:"requestedPOQCompletionDate,omitzero"`
	Expected     time.Time     `json:"expectedPOQCompletionDate,omitzero"`
	Created      time.Time     `json:"creationDate,omitzero"`
	Contacts     []Contact     `json:"relatedContactInformation"`
	Items        []POQItem     `json:"productOfferingQualificationItem,omitempty"`
	State        string        `json:"state,omitempty"`
	StateChange  []StateChange `json:"stateChange,omitempty"`
}

// POQItem is one product in question.
type POQItem struct {
	ID           string             `json:"id"`
	Action       string             `json:"action"`
	Product      Product            `json:"product"`
	Relationship []ItemRelationship `json:"qualificationItemRelationship,omitempty"`
	EndCustomer  string             `json:"endCustomerName,omitempty"`
	State        string             `json:"state,omitempty"`
	StateChange  []StateChange      `json:"stateChange,omitempty"`
	QualificationResult
}

// QualificationResult is what the seller says of an item.
type QualificationResult struct {
	Confidence         string             `json:"serviceabilityConfidence,omitempty"` // green, yellow, red
	Reason             string             `json:"serviceabilityConfidenceReason,omitempty"`
	Interval           *Duration          `json:"installationInterval,omitempty"`
	Guaranteed         time.Time          `json:"guaranteedUntilDate,omitzero"`
	Alternates         []Alternate        `json:"alternateProductOfferingProposal,omitempty"`
	Delivery           string             `json:"deliveryType,omitempty"` // onNetWithoutBuild and so on
	ThirdParty         string             `json:"3rdPartyProvider,omitempty"`
	ThirdPartyOffering string             `json:"3rdPartyProviderProductOffering,omitempty"`
	Errors             []TerminationError `json:"terminationError,omitempty"`
	Offers             []byte             `json:"lateralOffers,omitempty"` // base64; of a Lateral seller, plain partners ignore them
}

// Alternate is another product that the seller proposes.
type Alternate struct {
	ID         string    `json:"id"`
	Confidence string    `json:"serviceabilityConfidence,omitempty"` // green, yellow
	Reason     string    `json:"serviceabilityConfidenceReason,omitempty"`
	Interval   Duration  `json:"installationInterval"`
	Guaranteed time.Time `json:"guaranteedUntilDate,omitzero"`
	Delivery   string    `json:"deliveryType,omitempty"`
	Product    Product   `json:"alternateProduct"`
}

// States of qualifications, beside those of an address validation.
const (
	Done                = "done"
	Abandoned           = "done.abandoned"
	TerminatedWithError = "terminatedWithError"
)

// Quote asks what products cost, and says it.
type Quote struct {
	ID          string        `json:"id,omitempty"`
	Href        string        `json:"href,omitempty"`
	ExternalID  string        `json:"externalId,omitempty"`
	ProjectID   string        `json:"projectId,omitempty"`
	Description string        `json:"description,omitempty"`
	Instant     bool          `json:"instantSyncQuote"`
	Level       string        `json:"buyerRequestedQuoteLevel"` // budgetary, firm
	Requested   time.Time     `json:"requestedQuoteCompletionDate,omitzero"`
	Expected    time.Time     `json:"expectedQuoteCompletionDate,omitzero"`
	Effective   time.Time     `json:"effectiveQuoteCompletionDate,omitzero"`
	Created     time.Time     `json:"quoteDate,omitzero"`
	ValidFor    *TimePeriod   `json:"validFor,omitempty"`
	QuoteLevel  string        `json:"quoteLevel,omitempty"` // budgetary, firmSubjectToFeasibilityCheck, firm
	Contacts    []Contact     `json:"relatedContactInformation,omitempty"`
	Notes       []Note        `json:"note,omitempty"`
	Items       []QuoteItem   `json:"quoteItem,omitempty"`
	State       string        `json:"state,omitempty"`
	StateChange []StateChange `json:"stateChange,omitempty"`
	Proofs      []Proof       `json:"lateralQuote,omitempty"` // of a Lateral seller; plain partners ignore them
}

// Proof is the signed quote of one item, which an order embeds byte for byte.
type Proof struct {
	Item   string `json:"quoteItem"`
	Signed []byte `json:"signed"` // base64
}

// QuoteItem is one product whose price is asked.
type QuoteItem struct {
	ID                string             `json:"id"`
	Action            string             `json:"action"`
	Product           Product            `json:"product"`
	Term              *Term              `json:"requestedQuoteItemTerm,omitempty"`
	RequestedInterval *Duration          `json:"requestedQuoteItemInstallationInterval,omitempty"`
	Qualification     Value              `json:"productOfferingQualificationItem,omitzero"`
	Relationship      []ItemRelationship `json:"quoteItemRelationship,omitempty"`
	Contacts          []Contact          `json:"relatedContactInformation,omitempty"`
	Notes             []Note             `json:"note,omitempty"`
	Agreement         string             `json:"agreementName,omitempty"`
	Deal              string             `json:"dealReference,omitempty"`
	State             string             `json:"state,omitempty"`
	StateChange       []StateChange      `json:"stateChange,omitempty"`
	QuoteResult
}

// QuoteResult is what the seller says of an item.
type QuoteResult struct {
	Prices      []QuotePrice       `json:"quoteItemPrice,omitempty"`
	Terms       []Term             `json:"quoteItemTerm,omitempty"` // at most one
	Interval    *Duration          `json:"quoteItemInstallationInterval,omitempty"`
	Feasibility *bool              `json:"subjectToFeasibilityCheck,omitempty"`
	Errors      []TerminationError `json:"terminationError,omitempty"`
}

// States of quotes, beside those above.
const (
	Draft               = "inProgress.draft"
	Answered            = "answered"
	Orderable           = "approved.orderable"
	OrderableAlternate  = "approved.orderableAlternate"
	Accepted            = "accepted"
	Declined            = "declined"
	Expired             = "expired"
	Cancelled           = "cancelled"
	UnableToProvide     = "unableToProvide"
	ItemAbandoned       = "abandoned"
	Budgetary           = "budgetary"
	Firm                = "firm"
	FirmIfFeasible      = "firmSubjectToFeasibilityCheck"
	GreenConfidence     = "green"
	YellowConfidence    = "yellow"
	RedConfidence       = "red"
	EndOfTermRoll       = "roll"
	EndOfTermDisconnect = "autoDisconnect"
	EndOfTermRenew      = "autoRenew"
)

// QuoteOperation cancels or declines a quote.
type QuoteOperation struct {
	QuoteID string `json:"quoteId"`
	Reason  string `json:"reason,omitempty"`
}
