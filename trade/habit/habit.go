// Package habit finds how a carrier's records are always off: how a trunk writes
// called numbers, and by how much its clock differs. It says from how many calls
// on something is a habit. Package compare learns from two files in clear, and a
// [Learner] from one carrier's own records and what its partner shows of its own,
// numbers hidden.
package habit

import (
	"maps"
	"slices"
	"strings"
)

// Limits of what is taken for one call under another number or clock.
const (
	Farthest   = 26 * 3600_000 // of two clocks, ms: no two zones are further apart
	Durations  = 3_000         // of two durations, ms
	LeastCalls = 3             // that say the same, before it is a habit

	quarter  = 15 * 60_000 // ms
	nearZone = 2_000       // ms that a zone's offset may miss a quarter hour by
	SameCall = 60_000      // ms between two durations of a call with equal numbers
)

// Often reports whether so many calls of all that are off say the same: at least
// so many, and a fifth.
func Often(calls, all, least uint32) bool { return calls >= least && 5*calls >= all }

// OnQuarter reports whether two clocks can be of two zones.
func OnQuarter(ms int64) bool {
	if ms < -Farthest || ms > Farthest {
		return false
	}
	r := ms - FloorDiv(ms, quarter)*quarter
	return r <= nearZone || r >= quarter-nearZone
}

// Apart reports whether two calls with equal numbers at two times may be one by
// two clocks: by the ms between their starts, and between their durations.
func Apart(starts, durations int64) bool {
	return starts > -Farthest && starts < Farthest && -SameCall <= durations && durations <= SameCall
}

// FloorDiv divides, rounding down.
func FloorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// Clock is how a trunk's times are off: its calls begin so many ms later on it
// than by the other side's records.
type Clock struct {
	Millis int64
	Zone   bool // a whole number of quarter hours: the clock is right and its zone is not
}

// Votes are pairs of calls that may be one, by how many whole seconds they are
// apart.
type Votes map[int32]Vote

// Vote is calls that are apart alike.
type Vote struct {
	Calls uint32
	Sum   int64 // ms
}

// Add counts a pair that is so many ms apart.
func (v Votes) Add(ms int64) { v.Put(Seconds(ms), Vote{1, ms}) }

// Seconds are the nearest whole seconds. A clock that is ahead is told like one
// that is behind: which side is looked at must not matter.
func Seconds(ms int64) int32 { return int32(nearest(ms, 1000)) }

// nearest divides, rounding to the nearest, a half away from zero.
func nearest(a, b int64) int64 {
	if a < 0 {
		return -nearest(-a, b)
	}
	return (a + b/2) / b
}

// Put counts calls that are so many seconds apart.
func (v Votes) Put(seconds int32, more Vote) {
	had := v[seconds]
	v[seconds] = Vote{had.Calls + more.Calls, had.Sum + more.Sum}
}

// Clock gives the difference that most of all calls speak for, and how many. ok
// is false when none does, or when as many speak for the same the other way.
func (v Votes) Clock(all uint32) (c Clock, calls uint32, ok bool) {
	var best Vote
	at, twice := int32(0), false
	for _, s := range slices.Sorted(maps.Keys(v)) {
		sum := Vote{}
		for d := int32(-1); d <= 1; d++ {
			w := v[s+d]
			sum = Vote{sum.Calls + w.Calls, sum.Sum + w.Sum}
		}
		if sum.Calls > best.Calls || sum.Calls == best.Calls && distance(s) < distance(at) {
			best, at, twice = sum, s, false
		} else if sum.Calls == best.Calls && s == -at {
			twice = true
		}
	}
	if best.Calls < LeastCalls || 2*best.Calls < all || twice {
		return Clock{}, best.Calls, false
	}
	ms := nearest(best.Sum, int64(best.Calls))
	if zone := nearest(ms, quarter) * quarter; OnQuarter(ms) && zone != 0 {
		return Clock{zone, true}, best.Calls, true
	}
	return Clock{ms, false}, best.Calls, true
}

func distance(seconds int32) int32 { return max(seconds, -seconds) }

// International reports whether a number that begins so is written with an
// international prefix: 00, 011, a plus sign or none.
func International(head string) bool {
	switch strings.TrimPrefix(head, "+") {
	case "00", "011", "":
		return true
	}
	return false
}

// IsCountry reports whether digits are an assigned country code of E.164 (ITU-T
// operational bulletin, list of country codes).
func IsCountry(n uint64) bool {
	switch {
	case n == 1 || n == 7:
		return true
	case n < 10 || n > 999:
		return false
	case n < 100:
		return slices.Contains(twoDigits, uint16(n))
	}
	// A code of three digits begins with two that are no code themselves.
	return n >= 210 && n/100 != 7 && !slices.Contains(twoDigits, uint16(n/10))
}

var twoDigits = []uint16{20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 56, 57, 58,
	60, 61, 62, 63, 64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98}
