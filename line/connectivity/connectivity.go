// Package connectivity is the product line of everything that is ordered by a
// JSON payload with an @type: access, waves, Internet, any product that a
// catalogue describes by a schema. A new product needs no code here; which
// payload is a good one, the catalogue says by its schema.
package connectivity

import (
	"io"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/usage"
)

// Name is the line's name in orders and agreements.
const Name product.Line = "connectivity"

// Line is the product line.
type Line struct{}

// Name gives [Name].
func (Line) Name() product.Line { return Name }

// The units that a product of the line may be billed by.
const (
	Octet     usage.Unit = "octet"
	BitSecond usage.Unit = "bit/s-second" // bandwidth × time
	Metre     usage.Unit = "metre"
)

// Units are what is measured.
func (Line) Units() []usage.Unit {
	return []usage.Unit{usage.Second, Octet, BitSecond, Metre}
}

// ReadUsage refuses every file: a product of this line is measured by interval,
// not by call.
func (Line) ReadUsage(io.Reader, usage.Pair) (*usage.Batch, error) {
	return nil, fault.New(fault.Refused, "products of this line have no call records", "state what was measured in each interval")
}

// Spec reads the payload of an order: a JSON object with an @type. Code:
// invalid.
func (Line) Spec(payload []byte) (product.Spec, error) {
	canonical, err := Canonical(payload)
	if err != nil {
		return product.Spec{}, err
	}
	t, err := typeOf(canonical)
	if err != nil {
		return product.Spec{}, err
	}
	return product.Spec{Line: Name, Name: t, Type: t, Configuration: canon.Sum("lateral/configuration/1", canonical)}, nil
}
