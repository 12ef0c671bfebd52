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
	// CodeTooManyBands says that more rows of a prefix and origin are in force
	// together, each in its own part of the week, than a sheet may have.
	CodeTooManyBands fault.Code = "too-many-time-bands"
	// CodeShortNotice says that a price rises, or goes, sooner than agreed after
	// the sheet was sent.
	CodeShortNotice fault.Code = "notice-too-short"
)

// Open is the ValidTo of a row that stays in force.
const Open int64 = math.MaxInt64

// MaxRows bounds a sheet.
const MaxRows = 1 << 24

// maxSeconds bounds minimum, increment and unit: a day.
const maxSeconds = 86_400

// maxBands bounds the rows of one prefix and origin that are in force together.
const maxBands = 64

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

	// What most rows do not have. A row without it has the bytes that it had
	// before these were.
	ConnectFee   money.Rate `cbor:"10,keyasint,omitzero" json:"connect_fee,omitzero"`    // for each call with billed seconds
	OriginPrefix string     `cbor:"11,keyasint,omitzero" json:"origin_prefix,omitempty"` // prices calls from these numbers only
	Blocked      bool       `cbor:"12,keyasint,omitzero" json:"blocked,omitempty"`       // no call there has a price
	Band         usage.Band `cbor:"13,keyasint,omitzero" json:"band,omitzero"`           // prices calls that start inside only
}

// Extra reports whether the row has any of those.
func (r *Row) Extra() bool {
	return r.ConnectFee != 0 || r.OriginPrefix != "" || r.Blocked || !r.Band.IsZero()
}

// series is what rows have in common that can follow each other in time.
func (r *Row) series(s *Row) bool { return r.Prefix == s.Prefix && r.OriginPrefix == s.OriginPrefix }

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
	case r.ConnectFee < 0:
		return bad("connect_fee", "the connect fee %s is negative", r.ConnectFee)
	case r.OriginPrefix != "" && !isPrefix(r.OriginPrefix):
		return bad("origin_prefix", "an origin prefix has 1 to %d digits and does not begin with 0", usage.MaxDigits)
	case r.Blocked && (r.Rate != 0 || r.ConnectFee != 0):
		return bad("blocked", "the destination is blocked and has a price")
	}
	if err := r.Band.Validate(); err != nil {
		return err
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
// canonical order: by prefix, origin prefix (the shorter first), valid_from and
// band. Each ValidTo is effective: the beginning of the next row of prefix and
// origin that can price the same call ends an open one. A Sheet does not change
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
		x, y := &rows[a], &rows[b]
		if c := strings.Compare(x.Prefix, y.Prefix); c != 0 {
			return c
		}
		return cmp.Or(cmp.Compare(len(x.OriginPrefix), len(y.OriginPrefix)), strings.Compare(x.OriginPrefix, y.OriginPrefix),
			cmp.Compare(x.ValidFrom, y.ValidFrom), compareBands(x.Band, y.Band), cmp.Compare(line(a), line(b)))
	})
	s := &Sheet{rows: make([]Row, len(rows))}
	var live []int // rows of the series, before i, that can be in force when row i begins
	for i, from := range order {
		s.rows[i] = rows[from]
		next := &s.rows[i]
		if i > 0 && !s.rows[i-1].series(next) {
			live = live[:0]
		}
		still := live[:0]
		for _, at := range live {
			last := &s.rows[at]
			first, second := min(line(order[at]), line(from)), max(line(order[at]), line(from))
			switch meet := last.Band.Overlaps(next.Band); {
			case meet && last.ValidFrom == next.ValidFrom:
				return nil, fault.Newf(CodeSameStart, "keep one of the two rows",
					"lines %d and %d: prefix %s has two rows from %s on", first, second, next.Prefix, usage.Stamp(next.ValidFrom)).In("valid_from")
			case meet && last.ValidTo == Open:
				last.ValidTo = next.ValidFrom
			case meet && last.ValidTo > next.ValidFrom:
				return nil, fault.Newf(CodeOverlap, "end the earlier row when the later one begins, or leave its end empty",
					"lines %d and %d: the row of prefix %s from line %d is in force until %s, but its next row begins at %s",
					first, second, next.Prefix, line(order[at]), usage.Stamp(last.ValidTo), usage.Stamp(next.ValidFrom)).In("valid_to")
			case last.ValidTo > next.ValidFrom:
				still = append(still, at)
			}
		}
		if live = append(still, i); len(live) > maxBands {
			return nil, fault.Newf(CodeTooManyBands, "put rows of one price into one band",
				"line %d: prefix %s has more than %d rows in force at %s", line(from), next.Prefix, maxBands, usage.Stamp(next.ValidFrom)).In("days")
		}
	}
	s.index = newIndex(s.rows)
	return s, nil
}

// compareBands is the canonical order of rows that begin together.
func compareBands(a, b usage.Band) int {
	return cmp.Or(cmp.Compare(a.Days, b.Days), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), strings.Compare(a.Zone, b.Zone))
}

// Len is the number of rows.
func (s *Sheet) Len() int { return len(s.rows) }

// Row gives the row of an index, which a line of a statement names.
func (s *Sheet) Row(i uint32) *Row { return &s.rows[i] }

// Rows gives all rows in canonical order, for reading only.
func (s *Sheet) Rows() []Row { return s.rows }

// Find gives the row that prices a call: of the prefixes of the destination
// with a row for such a call, the longest; of its rows the one with the longest
// origin prefix. A row is for a call that starts (ms) while the row is in force
// and inside its band, from a number with its origin prefix. ok is false when
// there is none, or when it is blocked; see [Sheet.Unpriced].
func (s *Sheet) Find(destination, origin usage.Number, start int64) (row uint32, ok bool) {
	row, found := s.index.find(destination, origin, start)
	return row, found == priced
}

// Unpriced says why Find gives no row for a call: [CodeNoRate] or
// [CodeBlocked].
func (s *Sheet) Unpriced(destination, origin usage.Number, start int64) fault.Code {
	if _, found := s.index.find(destination, origin, start); found == blocked {
		return CodeBlocked
	}
	return CodeNoRate
}

// PricedInPart reports whether a call to a destination has a row at some starts
// from first to last (ms, both included) and none at others. Which row is not
// asked.
func (s *Sheet) PricedInPart(destination, origin usage.Number, first, last int64) bool {
	return s.index.pricedInPart(destination, origin, first, last)
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
