// Package product names what is traded: a product line and, within it, the
// specification of what an order asks for.
package product

// Line is the name of a product line: "voice", "connectivity". Lower-case
// letters, at most 32.
type Line string

// Valid reports whether the name is of the form.
func (l Line) Valid() bool {
	if len(l) == 0 || len(l) > 32 {
		return false
	}
	for i := 0; i < len(l); i++ {
		if l[i] < 'a' || l[i] > 'z' {
			return false
		}
	}
	return true
}

// Spec is what a product line read from an order's payload: all that the
// commercial core needs to know of it.
type Spec struct {
	Line Line   `cbor:"1,keyasint" json:"line"`
	Name string `cbor:"2,keyasint" json:"name"` // for people: "Voice termination, world"
	// Metered products are charged by usage (MEF 114 [R63], event-based). The
	// others are charged by the order itself.
	Metered bool `cbor:"3,keyasint,omitempty" json:"metered,omitempty"`
}
