package rating

import (
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/usage"
)

// Why a successful call has no price.
const (
	// CodeNoRate says that no prefix of the called number had a row for the call
	// when it began.
	CodeNoRate fault.Code = "no-rate"
	// CodeBlocked says that the sheet blocks the destination: no call there has a
	// price.
	CodeBlocked fault.Code = "blocked-destination"
)

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

// Free reports whether a call of that duration (ms) costs nothing and is on no
// line: the row asks for a fee for each call on its lines, and the call has no
// billed second that would make it due.
func (r *Row) Free(duration uint32) bool { return r.ConnectFee > 0 && duration == 0 }

// Charge prices the calls and billed seconds of a line of the row: calls × connect fee +
// seconds × rate / unit, exact and rounded once to millionths. Codes:
// [CodeBlocked], [money.CodeOverflow], [money.CodeUnknownRounding].
func (r *Row) Charge(calls, billedSeconds uint64, rounding money.Rounding) (money.Micro, error) {
	if r.Blocked {
		return 0, fault.Newf(CodeBlocked, "agree on a sheet that prices the destination", "%.80s, prefix %s, is blocked", r.Destination, r.Prefix)
	}
	if r.ConnectFee == 0 {
		return r.Rate.Times(billedSeconds, uint64(r.UnitSeconds), rounding)
	}
	return r.Rate.TimesWith(billedSeconds, uint64(r.UnitSeconds), r.ConnectFee, calls, rounding)
}

// Bill finds the row that prices a call, like [Sheet.Find], and the seconds that
// the call is billed with.
func (s *Sheet) Bill(destination, origin usage.Number, start int64, duration uint32) (row, seconds uint32, ok bool) {
	row, v, found := s.index.locate(destination, origin, start)
	if found != priced {
		return 0, 0, false
	}
	return row, billed(duration, v.minimum, v.increment), true
}
