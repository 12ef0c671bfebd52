package rating

import (
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/usage"
)

// CodeNoRate says that no prefix of the called number had a row in force when
// the call began.
const CodeNoRate fault.Code = "no-rate"

// Billed gives the seconds that a call of that duration (ms) is billed with:
// its whole seconds, a begun one counting, s; nothing for 0, else the minimum
// and as many whole increments as cover the rest: minimum +
// ceil(max(0, s - minimum) / increment) × increment.
func (r *Row) Billed(duration uint32) uint32 {
	return billed(duration, r.MinimumSeconds, r.IncrementSeconds)
}

func billed(duration, minimum, increment uint32) uint32 {
	s := duration / 1000
	if duration%1000 > 0 {
		s++
	}
	if s == 0 {
		return 0
	}
	if s <= minimum {
		return minimum
	}
	if increment == 1 {
		return s
	}
	return minimum + (s-minimum+increment-1)/increment*increment
}

// Charge prices the billed seconds of a line: seconds × rate / unit, exact and
// rounded once to millionths. Codes: [money.CodeOverflow],
// [money.CodeUnknownRounding].
func Charge(r *Row, billedSeconds uint64, rounding money.Rounding) (money.Micro, error) {
	return r.Rate.Times(billedSeconds, uint64(r.UnitSeconds), rounding)
}

// Bill finds the row that prices a call, like [Sheet.Find], and the seconds that
// the call is billed with.
func (s *Sheet) Bill(destination usage.Number, start int64, duration uint32) (row, seconds uint32, ok bool) {
	row, ok = s.Find(destination, start)
	if !ok {
		return 0, 0, false
	}
	v := &s.index.versions[row]
	return row, billed(duration, v.minimum, v.increment), true
}
