package voice

import (
	"io"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/usage"
)

// Name is the line's name in orders and tariffs.
const Name product.Line = "voice"

// Line is the product line of wholesale voice.
type Line struct{}

// Name gives [Name].
func (Line) Name() product.Line { return Name }

// Units: voice is billed by the second of a call.
func (Line) Units() []usage.Unit { return []usage.Unit{usage.Second, usage.Calls} }

// ReadUsage reads the canonical call record file; see the function ReadUsage.
func (Line) ReadUsage(r io.Reader, pair usage.Pair) (*usage.Batch, error) {
	return ReadUsage(r, Options{Pair: pair})
}

// Termination is what a standing order for voice asks for, in canonical CBOR:
// the seller terminates the buyer's calls.
type Termination struct {
	// Prefixes are the beginnings of the numbers that calls may go to, in
	// ascending order; none means all that the accepted rate sheet prices.
	Prefixes []string `cbor:"1,keyasint,omitempty" json:"prefixes,omitempty"`
}

// maxPrefixes bounds an order.
const maxPrefixes = 10_000

// Encode gives the payload of an order.
func (t Termination) Encode() []byte { return canon.Must(t) }

// Spec reads the payload of a standing order; an empty one asks for the whole
// world. Code: invalid, with field "prefixes".
func (Line) Spec(payload []byte) (product.Spec, error) {
	s := product.Spec{Line: Name, Name: "Voice termination, world", Metered: true}
	if len(payload) == 0 {
		return s, nil
	}
	var t Termination
	if err := canon.Decode(payload, &t); err != nil {
		return product.Spec{}, err
	}
	bad := fault.New(fault.Invalid, "prefixes are 1 to 15 digits each, in ascending order, none twice", "correct the order's prefixes").In("prefixes")
	if len(t.Prefixes) > maxPrefixes {
		return product.Spec{}, bad
	}
	for i, p := range t.Prefixes {
		if _, ok := usage.ParseNumber([]byte(p)); !ok || p[0] == '+' || i > 0 && t.Prefixes[i-1] >= p {
			return product.Spec{}, bad
		}
	}
	if len(t.Prefixes) > 0 {
		s.Name, s.Scope = "Voice termination, selected destinations", t.Prefixes
	}
	return s, nil
}
