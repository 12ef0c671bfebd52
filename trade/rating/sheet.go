// Package rating prices calls: a rate sheet, the longest prefix with a row in
// force, billed seconds, and the charge of a line. A call without a rate is an
// exception with a name, never a price of zero.
package rating

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/usage"
)

// Codes of a sheet that is refused, and of a proof that does not fit.
const (
	// CodeBadRow says that a row of a sheet says something impossible.
	CodeBadRow fault.Code = "bad-rate-row"
	// CodeSameStart says that two rows of a prefix begin at the same time.
	CodeSameStart fault.Code = "rates-begin-together"
	// CodeOverlap says that a row's stated end lies after the beginning of the
	// prefix's next row.
	CodeOverlap fault.Code = "rates-overlap"
	// CodeEmptySheet says that a sheet has no row.
	CodeEmptySheet fault.Code = "empty-sheet"
)

// Open is the ValidTo of a row that stays in force.
const Open int64 = math.MaxInt64

// MaxRows bounds a sheet.
const MaxRows = 1 << 24

// maxSeconds bounds minimum, increment and unit: a day.
const maxSeconds = 86_400

// Row is one rate version: what a call to the numbers behind a prefix costs
// while the row is in force.
type Row struct {
	Destination      string         `cbor:"1,keyasint" json:"destination"`
	Prefix           string         `cbor:"2,keyasint" json:"prefix"` // 1 to 15 digits of E.164
	Rate             money.Rate     `cbor:"3,keyasint" json:"rate"`   // for UnitSeconds
	Currency         money.Currency `cbor:"4,keyasint" json:"currency"`
	UnitSeconds      uint32         `cbor:"5,keyasint" json:"unit_seconds"`      // 1 to 86,400
	MinimumSeconds   uint32         `cbor:"6,keyasint" json:"minimum_seconds"`   // 0 to 86,400
	IncrementSeconds uint32         `cbor:"7,keyasint" json:"increment_seconds"` // 1 to 86,400
	ValidFrom        int64          `cbor:"8,keyasint" json:"valid_from"`        // ms since 1970 UTC, first in force
	ValidTo          int64          `cbor:"9,keyasint" json:"valid_to"`          // first no longer in force; Open: none
}

// InForce reports whether the row prices a call that starts then (ms).
func (r *Row) InForce(start int64) bool { return r.ValidFrom <= start && start < r.ValidTo }

// Validate refuses a row that says something impossible, with code [CodeBadRow]
// (or [money.CodeUnknownCurrency]) and the column as field.
func (r *Row) Validate() error {
	bad := func(field, format string, args ...any) error {
		return fault.Newf(CodeBadRow, "correct the row and send the sheet again", format, args...).In(field)
	}
	switch {
	case r.Destination == "":
		return bad("destination", "the destination has no name")
	case !isPrefix(r.Prefix):
		return bad("prefix", "a prefix has 1 to %d digits and does not begin with 0", usage.MaxDigits)
	case r.Rate < 0:
		return bad("rate", "the rate %s is negative", r.Rate)
	case r.UnitSeconds == 0 || r.UnitSeconds > maxSeconds:
		return bad("unit_seconds", "a unit of %d s is not between 1 and %d s", r.UnitSeconds, maxSeconds)
	case r.MinimumSeconds > maxSeconds:
		return bad("minimum_seconds", "a minimum of %d s is above %d s", r.MinimumSeconds, maxSeconds)
	case r.IncrementSeconds == 0 || r.IncrementSeconds > maxSeconds:
		return bad("increment_seconds", "an increment of %d s is not between 1 and %d s", r.IncrementSeconds, maxSeconds)
	case r.ValidFrom >= r.ValidTo:
		return bad("valid_to", "the row ends before or when it begins")
	}
	if err := r.Currency.Validate(); err != nil {
		return fault.Of(err).In("currency")
	}
	return nil
}

func isPrefix(s string) bool {
	_, ok := usage.ParseNumber([]byte(s))
	return ok && s[0] != '+'
}

// Sheet is the rows in force between two carriers in one direction, in
// canonical order: by prefix, then valid_from. Each ValidTo is effective: the
// beginning of the prefix's next row ends an open one. A Sheet does not change
// and may be used by many at the same time.
type Sheet struct {
	rows  []Row
	index index
}

// NewSheet puts rows in order, ends open ones and builds the index. lines names
// the line of each row in its file, for errors; nil counts from 1. One bad row
// refuses the whole sheet. Codes: those of [Row.Validate], [CodeSameStart],
// [CodeOverlap], [CodeEmptySheet].
func NewSheet(rows []Row, lines []uint32) (*Sheet, error) {
	if len(rows) == 0 || len(rows) > MaxRows {
		return nil, fault.Newf(CodeEmptySheet, "send a sheet with rows", "a sheet has 1 to %d rows, not %d", MaxRows, len(rows))
	}
	line := func(i int) uint32 {
		if lines == nil {
			return uint32(i) + 1
		}
		return lines[i]
	}
	order := make([]int, len(rows))
	for i := range rows {
		if err := rows[i].Validate(); err != nil {
			f := *fault.Of(err)
			f.Detail = fmt.Sprintf("line %d: %s", line(i), f.Detail)
			return nil, &f
		}
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(strings.Compare(rows[a].Prefix, rows[b].Prefix), cmp.Compare(rows[a].ValidFrom, rows[b].ValidFrom), cmp.Compare(line(a), line(b)))
	})
	s := &Sheet{rows: make([]Row, len(rows))}
	for i, from := range order {
		s.rows[i] = rows[from]
		if i == 0 || s.rows[i-1].Prefix != s.rows[i].Prefix {
			continue
		}
		last, next, lastLine := &s.rows[i-1], &s.rows[i], line(order[i-1])
		first, second := min(lastLine, line(from)), max(lastLine, line(from))
		switch {
		case last.ValidFrom == next.ValidFrom:
			return nil, fault.Newf(CodeSameStart, "keep one of the two rows",
				"lines %d and %d: prefix %s has two rows from %s on", first, second, next.Prefix, usage.Stamp(next.ValidFrom)).In("valid_from")
		case last.ValidTo == Open:
			last.ValidTo = next.ValidFrom
		case last.ValidTo > next.ValidFrom:
			return nil, fault.Newf(CodeOverlap, "end the earlier row when the later one begins, or leave its end empty",
				"lines %d and %d: the row of prefix %s from line %d is in force until %s, but its next row begins at %s",
				first, second, next.Prefix, lastLine, usage.Stamp(last.ValidTo), usage.Stamp(next.ValidFrom)).In("valid_to")
		}
	}
	s.index = newIndex(s.rows)
	return s, nil
}

// Len is the number of rows.
func (s *Sheet) Len() int { return len(s.rows) }

// Row gives the row of an index, which a line of a statement names.
func (s *Sheet) Row(i uint32) *Row { return &s.rows[i] }

// Rows gives all rows in canonical order, for reading only.
func (s *Sheet) Rows() []Row { return s.rows }

// Find gives the row that prices a call: of the prefixes of the destination
// that have a row in force at the start (ms), the longest. ok is false when
// there is none; see [CodeNoRate].
func (s *Sheet) Find(destination usage.Number, start int64) (row uint32, ok bool) {
	return s.index.find(destination, start)
}

// PricedInPart reports whether a call to a destination has a row at some starts
// from first to last (ms, both included) and none at others. Which row is not
// asked.
func (s *Sheet) PricedInPart(destination usage.Number, first, last int64) bool {
	return s.index.pricedInPart(destination, first, last)
}

// Root commits to the rows: RFC 6962 over the canonical bytes of each, in
// order. Both sides accept a sheet by it.
func (s *Sheet) Root() canon.Hash {
	var r merkle.Root
	for i := range s.rows {
		r.Add(canon.Must(s.rows[i]))
	}
	return r.Sum()
}

// Log gives the Merkle list over the rows, from which [Sheet.Proof] and the
// paths of many rows are taken.
func (s *Sheet) Log() *merkle.Log {
	l := &merkle.Log{}
	for i := range s.rows {
		l.Append(canon.Must(s.rows[i]))
	}
	return l
}

// Proof is the Merkle path of row i to [Sheet.Root]. It hashes the whole sheet:
// for many rows take one [Sheet.Log]. Code: invalid when there is no such row.
func (s *Sheet) Proof(i uint32) ([]canon.Hash, error) {
	return s.Log().Inclusion(uint64(i), uint64(len(s.rows)))
}

// VerifyRow checks that row stands at index in the sheet of that root and size
// (rows). Code: refused.
func VerifyRow(root canon.Hash, size, index uint64, row Row, path []canon.Hash) error {
	return merkle.VerifyInclusion(root, index, size, canon.Must(row), path)
}
