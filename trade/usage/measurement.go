package usage

import (
	"strconv"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/party"
)

// MeasurementState is where the measurements of a product in one interval stand.
type MeasurementState string

// The states of a measurement. Who acts next stands beside each.
const (
	MeasurementStated   MeasurementState = "stated"   // the side that has not stated
	MeasurementAgreed   MeasurementState = "agreed"   // nobody
	MeasurementDisputed MeasurementState = "disputed" // either: propose what counts of the figures that differ
	MeasurementProposed MeasurementState = "proposed" // the side that did not propose: accept or reject
)

// MeasurementEvent is what moves a measurement.
type MeasurementEvent string

// The events of a measurement.
const (
	MeasurementMatch    MeasurementEvent = "match"    // both are in, and the tolerance rule says what counts
	MeasurementDiffer   MeasurementEvent = "differ"   // both are in, and it does not say it of some figure
	MeasurementLapse    MeasurementEvent = "lapse"    // the time for the second statement has passed: the one there is stands
	MeasurementPropose  MeasurementEvent = "propose"  // by either side, through a delegate
	MeasurementAccept   MeasurementEvent = "accept"   // by the other side
	MeasurementReject   MeasurementEvent = "reject"   // by the other side
	MeasurementEscalate MeasurementEvent = "escalate" // the deadline for a decision has passed
)

// MeasurementTransitions is every move a measurement can make; what is not here
// is refused.
var MeasurementTransitions = map[MeasurementState]map[MeasurementEvent]MeasurementState{
	MeasurementStated:   {MeasurementMatch: MeasurementAgreed, MeasurementDiffer: MeasurementDisputed, MeasurementLapse: MeasurementAgreed},
	MeasurementDisputed: {MeasurementPropose: MeasurementProposed, MeasurementEscalate: MeasurementDisputed},
	MeasurementProposed: {MeasurementAccept: MeasurementAgreed, MeasurementReject: MeasurementDisputed, MeasurementPropose: MeasurementProposed,
		MeasurementEscalate: MeasurementProposed},
}

// Next gives the state after an event, and whether the table allows it.
func (s MeasurementState) Next(e MeasurementEvent) (MeasurementState, bool) {
	n, ok := MeasurementTransitions[s][e]
	return n, ok
}

// Figure is one measured value: of a price by its name, in its base unit, or of
// a guarantee by its metric.
type Figure struct {
	Name  string `cbor:"1,keyasint" json:"name"`
	Value uint64 `cbor:"2,keyasint" json:"value"`
}

// Measured is what one side has measured of a product in an interval. The records
// behind it stay with it; Root is their hash.
type Measured struct {
	Root    canon.Hash `cbor:"1,keyasint" json:"root"`
	Used    []Figure   `cbor:"2,keyasint,omitempty" json:"used,omitempty"`    // by price, sorted
	Service []Figure   `cbor:"3,keyasint,omitempty" json:"service,omitempty"` // by metric, sorted
}

// Measurement is what both sides have measured of a product in one interval, and
// what counts of it.
type Measurement struct {
	Product  string           `cbor:"1,keyasint" json:"product"`
	Interval Interval         `cbor:"2,keyasint" json:"interval"`
	State    MeasurementState `cbor:"3,keyasint" json:"state"`
	Seller   *Measured        `cbor:"4,keyasint,omitempty" json:"seller,omitempty"`
	Buyer    *Measured        `cbor:"5,keyasint,omitempty" json:"buyer,omitempty"`
	Used     []Counted        `cbor:"6,keyasint,omitempty" json:"used,omitempty"`
	Service  []Counted        `cbor:"7,keyasint,omitempty" json:"service,omitempty"`
	Proposal *Proposed        `cbor:"8,keyasint,omitempty" json:"proposal,omitempty"`
	Why      string           `cbor:"9,keyasint,omitempty" json:"why,omitempty"`
	Deadline int64            `cbor:"10,keyasint,omitempty" json:"deadline,omitempty"` // block time, ms UTC
	Passed   uint32           `cbor:"11,keyasint,omitempty" json:"passed,omitempty"`   // deadlines that passed without a decision
}

// Counted is what counts of a figure.
type Counted struct {
	Name   string `cbor:"1,keyasint" json:"name"`
	Value  uint64 `cbor:"2,keyasint" json:"value"`
	Open   bool   `cbor:"3,keyasint,omitempty" json:"open,omitempty"`    // the two sides differ, and nothing is decided
	Billed bool   `cbor:"4,keyasint,omitempty" json:"billed,omitempty"`  // it is on a bill, or gave nothing to bill
	How    string `cbor:"5,keyasint,omitempty" json:"decided,omitempty"` // "rule", "people" or "deadline" where the two differed
}

// Proposed is one side's offer of what counts of the open figures.
type Proposed struct {
	Used    []Figure  `cbor:"1,keyasint,omitempty" json:"used,omitempty"`
	Service []Figure  `cbor:"2,keyasint,omitempty" json:"service,omitempty"`
	Act     party.Act `cbor:"3,keyasint" json:"act"`
}

// CheckFigures refuses figures that are not those of the given names, in order,
// with code [CodeBadStatement].
func CheckFigures(field string, figures []Figure, names []string) error {
	bad := fault.Newf(CodeBadStatement, "state one figure for each of them, sorted by name", "the figures are not those of %q", names).In(field)
	if len(figures) != len(names) {
		return bad
	}
	for i, f := range figures {
		if f.Name != names[i] {
			return bad
		}
		if f.Value > 1<<62 {
			return fault.New(CodeBadStatement, "a figure is out of range", "measure shorter intervals").In(field + "." + strconv.Itoa(i))
		}
	}
	return nil
}
