package wire

import "time"

// Category groups offerings.
type Category struct {
	ID            string    `json:"id"`
	Name          string    `json:"name"`
	Description   string    `json:"description"`
	LastUpdate    time.Time `json:"lastUpdate"`
	Parent        *Ref      `json:"parentCategory,omitempty"`
	SubCategories []Ref     `json:"subCategory,omitempty"`
	Offerings     []Ref     `json:"productOffering,omitempty"`
}

// Offering is what is for sale.
type Offering struct {
	ID               string                   `json:"id"`
	Name             string                   `json:"name"`
	Description      string                   `json:"description"`
	LastUpdate       time.Time                `json:"lastUpdate"`
	LifecycleStatus  string                   `json:"lifecycleStatus"` // inTest, active, launched, onHold, endOfSale, endOfSupport, obsolete, rejected
	StatusReason     string                   `json:"statusReason,omitempty"`
	StatusTransition []LifecycleTransition    `json:"statusTransition,omitempty"`
	Agreement        string                   `json:"agreement,omitempty"`
	IsBundle         bool                     `json:"isBundle"`
	IsSellable       bool                     `json:"isSellable"`
	Channel          []string                 `json:"channel,omitempty"`
	MarketSegment    []string                 `json:"marketSegment,omitempty"`
	Region           []Region                 `json:"region,omitempty"`
	Category         []Ref                    `json:"category,omitempty"`
	Specification    Ref                      `json:"productSpecification"`
	Contact          *Contact                 `json:"relatedContactInformation,omitempty"`
	Terms            []OfferingTerm           `json:"productOfferingTerm,omitempty"`
	Bundled          []Bundled                `json:"bundledProductOffering,omitempty"`
	Schema           *Schema                  `json:"productOfferingSpecificationSchema,omitempty"`
	Contexts         []Contextual             `json:"productOfferingContextualInfo,omitempty"`
	Relationships    []RelationshipConstraint `json:"productRelationshipConstraint,omitempty"`
	Places           []PlaceConstraint        `json:"placeRelationshipConstraint,omitempty"`
	Notes            []Note                   `json:"note,omitempty"`
}

// LifecycleTransition is a step of an offering's life, past or planned.
type LifecycleTransition struct {
	Date   time.Time `json:"transitionDate"`
	Status string    `json:"lifecycleStatus"`
	Reason string    `json:"statusReason,omitempty"`
}

// Region is where an offering is sold.
type Region struct {
	Country  string `json:"countryCode"` // ISO 3166-1, two letters
	State    string `json:"stateOrProvince,omitempty"`
	City     string `json:"city,omitempty"`
	Locality string `json:"locality,omitempty"`
}

// OfferingTerm is a term with the prices that hold in it.
type OfferingTerm struct {
	Term
	Prices []OfferingPrice `json:"productOfferingPrice,omitempty"`
}

// OfferingPrice is a list price.
type OfferingPrice struct {
	Description string     `json:"description"`
	LastUpdate  time.Time  `json:"lastUpdate"`
	ValidFor    TimePeriod `json:"validFor"`
	Type        string     `json:"priceType"`
	Period      *Duration  `json:"recurringChargePeriod,omitempty"`
	Unit        string     `json:"unitOfMeasure,omitempty"`
	Price       Price      `json:"price"`
}

// Bundled is an offering within a bundle.
type Bundled struct {
	Offering   Ref   `json:"productOffering"`
	Modifiable bool  `json:"isModifiable"`
	Least      int64 `json:"minCardinality"`
	Most       int64 `json:"maxCardinality"` // -1: any number
}

// Schema is a JSON schema by value or by address.
type Schema struct {
	Schema   string `json:"schema,omitempty"`
	Location string `json:"schemaLocation,omitempty"`
}

// Contextual is a schema for one business function and action.
type Contextual struct {
	Schema  Schema  `json:"contextSchema"`
	Context Context `json:"context"`
}

// Context is when a schema holds.
type Context struct {
	Action   string `json:"productAction,omitempty"` // add, modify, all
	Function string `json:"businessFunction"`        // poq, quote, productOrder, productInventory, all
}

// RelationshipConstraint says to which products one must or may lead.
type RelationshipConstraint struct {
	Specification string `json:"productSpecification"`
	Type          string `json:"relationshipType"`
	Modifiable    bool   `json:"isModifiable"`
	Least         int64  `json:"minCardinality"`
	Most          int64  `json:"maxCardinality"` // -1: any number
}

// PlaceConstraint says which places a product must or may have.
type PlaceConstraint struct {
	Role       string `json:"relationshipRole"`
	Modifiable bool   `json:"isModifiable"`
	Least      int64  `json:"minCardinality"`
	Most       int64  `json:"maxCardinality"` // -1: any number
}

// Specification is what can be ordered of an offering.
type Specification struct {
	ID              string                   `json:"id"`
	Name            string                   `json:"name"`
	Description     string                   `json:"description"`
	LifecycleStatus string                   `json:"lifecycleStatus"` // published, obsolete
	LastUpdate      time.Time                `json:"lastUpdate"`
	Agreement       string                   `json:"agreement,omitempty"`
	Source          Schema                   `json:"sourceSchema"`
	Relationships   []RelationshipConstraint `json:"productRelationship,omitempty"`
	Places          []PlaceConstraint        `json:"placeRelationship,omitempty"`
	Notes           []Note                   `json:"note,omitempty"`
}

// AvailabilityRequest asks what is offered at some places.
type AvailabilityRequest struct {
	Action        string         `json:"action"` // add, modify
	Specification *Ref           `json:"productSpecification,omitempty"`
	Product       *Ref           `json:"productRef,omitempty"`
	Relationship  []Relationship `json:"productRelationship,omitempty"`
	Place         []RelatedPlace `json:"place,omitempty"`
}

// OfferingConfiguration is a product that can be had, with an id under which its
// price can be asked.
type OfferingConfiguration struct {
	Offering      Ref      `json:"productOffering"`
	Configuration Value    `json:"productConfiguration"`
	ID            string   `json:"productOfferingConfigurationIdentifier"`
	Interval      Duration `json:"installationInterval"`
}

// PricingRequest asks what a configuration costs.
type PricingRequest struct {
	Action        string         `json:"action"` // add, modify
	Configuration string         `json:"productOfferingConfigurationIdentifier"`
	Product       *Ref           `json:"productRef,omitempty"`
	Relationship  []Relationship `json:"productRelationship,omitempty"`
	Place         []RelatedPlace `json:"place,omitempty"`
}

// PricingAndTerm is one way to have a configuration.
type PricingAndTerm struct {
	ID         string       `json:"identifier"`
	Interval   Duration     `json:"installationInterval"`
	Term       Term         `json:"term"`
	Prices     []QuotePrice `json:"price"`
	Additional bool         `json:"subjectToAdditionalNonrecurringCharges"`
	Offering   *Ref         `json:"productOffering,omitempty"` // grace asks for it
}
