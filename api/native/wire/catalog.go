package wire

import "github.com/lateral-network/lateral/catalog"

// Stocked is an item of the catalogue after it was put in force.
type Stocked[T catalog.Item] struct {
	Changed bool             `json:"changed" doc:"Whether it differed from the one in force, and so is a new version."`
	Entry   catalog.Entry[T] `json:"entry"`
}

// Step moves an offering or a specification on in its life.
type Step struct {
	Event catalog.Event `json:"event" enum:"announce,launch,reject,hold,endSale,endSupport,retire"`
	Why   string        `json:"why,omitempty" maxLength:"4000"`
}

// Reservation is a reservation of capacity with what may be done with it.
type Reservation struct {
	catalog.Hold
	Allowed []string `json:"allowed" nullable:"false" doc:"What may be done with it now: confirm, use, release, resize."`
}

// Confirmation says what a reservation is confirmed for.
type Confirmation struct {
	Order string `json:"order" maxLength:"128"`
}

// Resize changes a reservation.
type Resize struct {
	Bandwidth uint64 `json:"bandwidth" doc:"bit/s."`
}

// Checked is what is wrong with a payload.
type Checked struct {
	Type       string              `json:"type"`
	Violations []catalog.Violation `json:"violations" nullable:"false" doc:"None: it satisfies the schema of its type."`
}

// Capacity is the bandwidth of a link.
type Capacity struct {
	Bandwidth uint64 `json:"bandwidth" doc:"bit/s."`
	Free      uint64 `json:"free" doc:"bit/s that are free in all of the time."`
}
