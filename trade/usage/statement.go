package usage

import (
	"cmp"
	"strconv"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
)

// CodeBadStatement says that a statement's lines are not in order, or one of
// them says nothing.
const CodeBadStatement fault.Code = "bad-statement"

// Line is what a carrier states about the calls of one rate version in one
// period and direction. It holds no number; Root commits to the records.
type Line struct {
	Row           uint32     `cbor:"1,keyasint" json:"row"`                       // index of the rate version in the accepted sheet
	Adjusts       Interval   `cbor:"2,keyasint,omitzero" json:"adjusts,omitzero"` // earlier period that late records belong to; zero: this one
	Calls         uint64     `cbor:"3,keyasint" json:"calls"`
	RawMillis     uint64     `cbor:"4,keyasint" json:"raw_millis"` // sum of durations; shown, never decides
	BilledSeconds uint64     `cbor:"5,keyasint" json:"billed_seconds"`
	Root          canon.Hash `cbor:"6,keyasint" json:"root"` // salted, RFC 6962, over the calls in canonical order
	// Reason is why the line adjusts an earlier period; empty in a line that
	// adjusts none, and in those of before reasons were stated.
	Reason Reason `cbor:"7,keyasint,omitempty" json:"reason,omitempty"`
}

// Reason is why calls of an earlier period are stated in a later one.
type Reason string

// The reasons, the one that a line of several states first.
const (
	Late      Reason = "late"      // the record came after its period was stated
	Corrected Reason = "corrected" // the seller's record, which decides, lies in the earlier period
	Repriced  Reason = "repriced"  // no row priced the call when its period was stated; a later sheet does
)

func (r Reason) known() bool { return r == Late || r == Corrected || r == Repriced }

// Order compares lines as a statement orders them: by the period that they
// adjust (none first), then by row.
func (l Line) Order(m Line) int {
	return cmp.Or(cmp.Compare(l.Adjusts.From, m.Adjusts.From), cmp.Compare(l.Adjusts.To, m.Adjusts.To), cmp.Compare(l.Row, m.Row))
}

// CheckLines refuses lines that are not in strict order or state no call, with
// code [CodeBadStatement] and the index of the line as field.
func CheckLines(lines []Line) error {
	for i, l := range lines {
		switch {
		case l.Calls == 0:
			return badLine(i, "states no call")
		case l.Root.IsZero():
			return badLine(i, "has no root")
		case l.Adjusts != (Interval{}) && l.Adjusts.Validate() != nil:
			return badLine(i, "adjusts no period")
		case l.Reason != "" && (l.Adjusts.IsZero() || !l.Reason.known()):
			return badLine(i, "adjusts for no reason that there is")
		case i > 0 && lines[i-1].Order(l) >= 0:
			return badLine(i, "is out of order")
		}
	}
	return nil
}

func badLine(i int, what string) error {
	return fault.Newf(CodeBadStatement, "order lines by adjusted period and row, one a row, each with calls and root",
		"line %d of the statement %s", i, what).In("lines." + strconv.Itoa(i))
}

// StatementRoot is the RFC 6962 root over the canonical bytes of each line.
func StatementRoot(lines []Line) canon.Hash {
	leaves := make([][]byte, len(lines))
	for i, l := range lines {
		leaves[i] = canon.Must(l)
	}
	return merkle.ListRoot(leaves)
}
