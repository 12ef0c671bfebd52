package wire

// Fielded is an address by its parts.
type Fielded struct {
	StreetNr            string    `json:"streetNr,omitempty"`
	StreetNrSuffix      string    `json:"streetNrSuffix,omitempty"`
	StreetNrLast        string    `json:"streetNrLast,omitempty"`
	StreetNrLastSuffix  string    `json:"streetNrLastSuffix,omitempty"`
	StreetPreDirection  string    `json:"streetPreDirection,omitempty"`
	StreetName          string    `json:"streetName,omitempty"`
	StreetType          string    `json:"streetType,omitempty"`
	StreetPostDirection string    `json:"streetPostDirection,omitempty"`
	POBox               string    `json:"poBox,omitempty"`
	Locality            string    `json:"locality,omitempty"`
	City                string    `json:"city,omitempty"`
	Postcode            string    `json:"postcode,omitempty"`
	PostcodeExtension   string    `json:"postcodeExtension,omitempty"`
	StateOrProvince     string    `json:"stateOrProvince,omitempty"`
	CountryCode         string    `json:"countryCode,omitempty"` // ISO 3166-1, two letters
	SubUnit             []SubUnit `json:"subUnit,omitempty"`
	BuildingName        string    `json:"buildingName,omitempty"`
	PrivateStreetNumber string    `json:"privateStreetNumber,omitempty"`
	PrivateStreetName   string    `json:"privateStreetName,omitempty"`
	Language            string    `json:"language,omitempty"`
}

// SubUnit is a part of a building.
type SubUnit struct {
	Number string `json:"subUnitNumber"`
	Type   string `json:"subUnitType"`
}

// Formatted is an address as one text.
type Formatted struct {
	Address  string `json:"formattedAddress"`
	Language string `json:"language,omitempty"`
}

// Point is a position; degrees as decimal text for WGS 84.
type Point struct {
	SpatialRef string `json:"spatialRef"`
	Latitude   string `json:"latitude"`
	Longitude  string `json:"longitude"`
	Elevation  string `json:"elevation,omitempty"`
}

// Label is a place by a name that an authority gives: a UN/LOCODE, a CLLI.
type Label struct {
	Label     string `json:"label"`
	Authority string `json:"administrativeAuthority"`
	Language  string `json:"language,omitempty"`
}

// Representations are the ways in which one address is told.
type Representations struct {
	Fielded   []Fielded   `json:"fieldedAddressRepresentation,omitempty"`
	Formatted []Formatted `json:"formattedAddressRepresentation,omitempty"`
	Points    []Point     `json:"geographicPointRepresentation,omitempty"`
	Labels    []Label     `json:"labelRepresentation,omitempty"`
}

// The values of @type of places.
const (
	TypeAddress      = "GeographicAddress"
	TypeAddressQuery = "GeographicAddress_Query"
	TypeAddressRef   = "GeographicAddressRef"
	TypeSiteRef      = "GeographicSiteRef"
	TypeSite         = "GeographicSite"
)

// GeographicAddress is an address that the seller knows.
type GeographicAddress struct {
	ID            string `json:"id"`
	Href          string `json:"href,omitempty"`
	HasPublicSite string `json:"hasPublicSite"` // true, false, unknown
	AllowsNewSite string `json:"allowsNewSite"` // true, false, unknown
	Representations
	Type string `json:"@type"`
}

// Place is a place by reference (an address or a site that the seller knows) or
// by a query.
type Place struct {
	Type string `json:"@type"`
	ID   string `json:"id,omitempty"`
	Href string `json:"href,omitempty"`
	Representations
}

// RelatedPlace is a place in a role that the product's specification names.
type RelatedPlace struct {
	Place   Place     `json:"place"`
	Role    string    `json:"role"`
	SubUnit []SubUnit `json:"subUnit,omitempty"`
}

// AddressValidation is a question which of the seller's addresses is meant.
type AddressValidation struct {
	ID        string              `json:"id,omitempty"`
	Instant   bool                `json:"instantSyncValidation"`
	Submitted Place               `json:"submittedGeographicAddress"`
	State     string              `json:"state,omitempty"`
	Best      *GeographicAddress  `json:"bestMatchGeographicAddress,omitempty"`
	Others    []GeographicAddress `json:"alternateGeographicAddress,omitempty"`
}

// States of an address validation.
const (
	Acknowledged = "acknowledged"
	InProgress   = "inProgress"
	Ready        = "ready"
	Rejected     = "rejected"
)

// GeographicSite is a place at which the seller has, or may have, equipment.
type GeographicSite struct {
	ID              string    `json:"id"`
	Href            string    `json:"href,omitempty"`
	Place           Place     `json:"place"`
	Name            string    `json:"name"`
	Authority       string    `json:"administrativeAuthority"`
	CustomerName    string    `json:"customerName"`
	RestrictionType string    `json:"siteRestrictionType"` // public, private
	NetworkType     string    `json:"networkType"`         // onNet, offNet
	SubUnit         []SubUnit `json:"subUnit"`
	Type            string    `json:"@type"`
}

// SiteQuery asks for sites at a place.
type SiteQuery struct {
	Place           *Place    `json:"place,omitempty"`
	Name            string    `json:"name,omitempty"`
	Authority       string    `json:"administrativeAuthority,omitempty"`
	CustomerName    string    `json:"customerName,omitempty"`
	RestrictionType string    `json:"siteRestrictionType,omitempty"`
	NetworkType     string    `json:"networkType,omitempty"`
	SubUnit         []SubUnit `json:"subUnit,omitempty"`
}
