package agreement

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/party"
)

// Normalise says what of a record is put right.
type Normalise string

// The two.
const (
	NormaliseNumber Normalise = "number" // the called number is made E.164
	NormaliseClock  Normalise = "clock"  // the start is put on the clock of both
)

// Normalisation is a way in which one carrier's records are put right before
// they are rated and compared. Only that carrier reads those records, so only its
// node applies it; both have signed it, and both state by what it gives.
type Normalisation struct {
	Carrier party.Code `cbor:"1,keyasint" json:"carrier"`                   // whose own records
	Trunk   string     `cbor:"2,keyasint,omitempty" json:"trunk,omitempty"` // as they name it; empty: all that have no rule of their own
	Kind    Normalise  `cbor:"3,keyasint" json:"kind"`
	// Of a number: what is taken off its head as it is written, and the digits
	// that are put there. Nothing taken off is for numbers that are digits alone.
	Strip string `cbor:"4,keyasint,omitempty" json:"strip,omitempty"`
	Add   string `cbor:"5,keyasint,omitempty" json:"add,omitempty"`
	// Offset of a clock, ms, is subtracted from its starts.
	Offset int64 `cbor:"6,keyasint,omitempty" json:"offset_millis,omitempty"`
}

// Bounds of what terms may say of records. They stand in every import.
const (
	maxNormalisations = 64
	maxHead           = 15             // of a number, characters
	maxTrunk          = 255            // bytes, as of a record
	farthestClock     = int64(93600e3) // 26 h: no two zones are further apart
)

// Validate names the first field that is not of the form. Code: invalid.
func (n Normalisation) Validate() error {
	bad := func(field, detail, remedy string) error {
		return fault.New(fault.Invalid, detail, remedy).In(field)
	}
	if err := n.Carrier.Validate(); err != nil {
		return fault.Of(err).In("carrier")
	}
	if len(n.Trunk) > maxTrunk || strings.ToValidUTF8(n.Trunk, "") != n.Trunk || strings.ContainsAny(n.Trunk, "\r\n\x00") {
		return bad("trunk", "no record names a trunk so", "write the trunk as the records do, or leave it out for all")
	}
	switch n.Kind {
	case NormaliseNumber:
		head := strings.TrimPrefix(n.Strip, "+")
		switch {
		case n.Offset != 0:
			return bad("offset_millis", "a number has no offset", "leave it out, or use the kind clock")
		case len(n.Strip) > maxHead || !digitsAlone(head):
			return bad("strip", "what is taken off a number is up to 15 digits, which a plus sign may precede", "write it like 00")
		case len(n.Add) > maxHead || !digitsAlone(n.Add) || strings.HasPrefix(n.Add, "0"):
			return bad("add", "what is put before a number is up to 15 digits that do not begin with 0", "write it like 49, or leave it out")
		case n.Strip == n.Add:
			return bad("strip", "the rule changes nothing", "leave it out")
		}
	case NormaliseClock:
		switch {
		case n.Strip != "" || n.Add != "":
			return bad("strip", "a clock has no digits", "leave strip and add out, or use the kind number")
		case n.Offset == 0 || n.Offset < -farthestClock || n.Offset > farthestClock:
			return bad("offset_millis", "a clock is off by 1 ms to 26 hours", "write how much later its times are, in ms")
		}
	default:
		return bad("kind", "a record is put right in its number or its clock", "use number or clock")
	}
	return nil
}

// Replaces reports whether two are for the same records, so that one alone can
// hold.
func (n Normalisation) Replaces(m Normalisation) bool {
	return n.Carrier == m.Carrier && n.Trunk == m.Trunk && n.Kind == m.Kind && n.Strip == m.Strip
}

func digitsAlone(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// CheckNormalisations validates those of one version together: a number is put
// right in one way, and a clock is off by one offset. Code: invalid.
func CheckNormalisations(all []Normalisation) error {
	if len(all) > maxNormalisations {
		return fault.Newf(fault.Invalid, "leave out what no trunk needs", "the terms put records right in %d ways; %d are too many", len(all), maxNormalisations+1).In("normalisations")
	}
	for i, n := range all {
		if err := n.Validate(); err != nil {
			return fault.Of(err).In(fmt.Sprintf("normalisations[%d]", i))
		}
		if slices.ContainsFunc(all[:i], n.Replaces) {
			return fault.New(fault.Invalid, "two rules are for the same records", "keep one of them").In(fmt.Sprintf("normalisations[%d]", i))
		}
	}
	return nil
}

// Reading says how one carrier's own records are read from a moment on.
type Reading struct {
	From           int64           `cbor:"1,keyasint" json:"from"` // ms UTC, by the clock that is put right
	Normalisations []Normalisation `cbor:"2,keyasint" json:"normalisations"`
}

// Readings are those of the versions of agreements, oldest first; the first holds
// for earlier moments too. None leaves records as they are written.
type Readings []Reading

// ReadingsOf gives how a carrier's own records are read by the versions of
// agreements, each with all its normalisations. A version that changes nothing
// is left out.
func ReadingsOf(carrier party.Code, versions []Reading) Readings {
	var out Readings
	for _, v := range versions {
		own := slices.DeleteFunc(slices.Clone(v.Normalisations), func(n Normalisation) bool { return n.Carrier != carrier })
		if len(out) == 0 || !slices.Equal(out[len(out)-1].Normalisations, own) {
			out = append(out, Reading{v.From, own})
		}
	}
	if len(out) == 1 && len(out[0].Normalisations) == 0 {
		return nil
	}
	return out
}

// Equal reports whether records are read alike by both.
func (r Readings) Equal(s Readings) bool {
	return slices.EqualFunc(r, s, func(a, b Reading) bool { return a.From == b.From && slices.Equal(a.Normalisations, b.Normalisations) })
}

// At finds the reading for a call of a trunk: the last that has begun when, by
// its own clock, the call started. It gives that start too, ms UTC.
func (r Readings) At(trunk string, start int64) (Reading, int64) {
	for i := len(r) - 1; i > 0; i-- {
		if at := start - r[i].Offset(trunk); at >= r[i].From {
			return r[i], at
		}
	}
	if len(r) == 0 {
		return Reading{}, start
	}
	return r[0], start - r[0].Offset(trunk)
}

// Offset gives how much later a trunk's times are, ms.
func (r Reading) Offset(trunk string) (ms int64) {
	for _, n := range r.Normalisations {
		if n.Kind == NormaliseClock && n.Trunk == trunk {
			return n.Offset
		}
		if n.Kind == NormaliseClock && n.Trunk == "" {
			ms = n.Offset
		}
	}
	return ms
}

// Numbers reports whether numbers of a trunk are put right.
func (r Reading) Numbers(trunk string) bool {
	return slices.ContainsFunc(r.Normalisations, func(n Normalisation) bool {
		return n.Kind == NormaliseNumber && (n.Trunk == "" || n.Trunk == trunk)
	})
}

// Number gives a called number of a trunk as the rules write it: one of the trunk
// before one of all, the one that takes most off before the others. ok is false
// when none is for it.
func (r Reading) Number(trunk, written string) (number string, ok bool) {
	var best Normalisation
	for _, n := range r.Normalisations {
		if n.Kind != NormaliseNumber || n.Trunk != "" && n.Trunk != trunk || !n.fits(written) {
			continue
		}
		better := cmp.Or(cmp.Compare(len(n.Trunk), len(best.Trunk)), cmp.Compare(len(n.Strip), len(best.Strip)))
		if !ok || better > 0 {
			best, ok = n, true
		}
	}
	if !ok {
		return "", false
	}
	return best.Add + written[len(best.Strip):], true
}

// fits reports whether a rule is for a number as it is written.
func (n Normalisation) fits(written string) bool {
	rest, ok := strings.CutPrefix(written, n.Strip)
	if !ok || !digitsAlone(rest) || rest == "" {
		return false
	}
	// "00" is no national zero before another: a rule of its own is for it.
	return rest[0] != '0'
}
