// Package product names what is traded: a product line and, within it, the
// specification of what an order asks for.
package product

import (
	"slices"
	"strings"

	"github.com/lateral-network/lateral/internal/canon"
)

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
	// Scope is the part of the line that is ordered; empty: all of it.
	Scope Scope `cbor:"4,keyasint,omitempty" json:"scope,omitempty"`
	// Type is the @type of a product's payload, and Configuration the hash of its
	// canonical bytes, where the line has payloads of many types.
	Type          string     `cbor:"5,keyasint,omitempty" json:"type,omitempty"`
	Configuration canon.Hash `cbor:"6,keyasint,omitzero" json:"configuration,omitzero"`
}

// Scope names what an order covers by the beginnings of the keys under which
// rates apply, in ascending order; for voice, of the number called. An empty one
// covers everything.
type Scope []string

// Covers reports whether what has a key is ordered.
func (s Scope) Covers(key string) bool {
	for n := range len(key) + 1 {
		if _, ok := slices.BinarySearch(s, key[:n]); ok {
			return true
		}
	}
	return len(s) == 0
}

// Meets reports whether anything that a rate's prefix stands for is ordered.
func (s Scope) Meets(prefix string) bool {
	i, _ := slices.BinarySearch(s, prefix) // the first that does not come before it
	return s.Covers(prefix) || i < len(s) && strings.HasPrefix(s[i], prefix)
}
