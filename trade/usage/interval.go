package usage

import (
	"strings"
	"time"

	"github.com/lateral-network/lateral/fault"
)

// CodeBadInterval says that a text or a pair of times is no interval.
const CodeBadInterval fault.Code = "bad-interval"

// Interval is a half-open span of time: From belongs to it, To does not. Both
// are ms since 1970 UTC. Its text is two RFC 3339 times in UTC,
// "2026-11-02T00:00:00Z/2026-11-02T01:00:00Z". The zero value is no interval.
type Interval struct {
	From int64 `cbor:"1,keyasint"`
	To   int64 `cbor:"2,keyasint"`
}

// Contains reports whether a moment (ms since 1970 UTC) lies in the interval.
func (i Interval) Contains(ms int64) bool { return i.From <= ms && ms < i.To }

// IsZero reports whether i is the zero interval, which stands for "none".
func (i Interval) IsZero() bool { return i == Interval{} }

// Validate refuses an interval that ends before or when it begins, or that has
// no text, with code [CodeBadInterval].
func (i Interval) Validate() error {
	if i.From >= i.To || i.From < earliest || i.To > latest {
		return fault.Newf(CodeBadInterval, "end an interval after its beginning, between the years 1 and 9999", "%d/%d is no interval", i.From, i.To)
	}
	return nil
}

// The first and last ms that RFC 3339 can write.
var (
	earliest = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	latest   = time.Date(9999, 12, 31, 23, 59, 59, 999e6, time.UTC).UnixMilli()
)

// String gives "start/end" in RFC 3339, UTC, with ms where there are any.
func (i Interval) String() string { return Stamp(i.From) + "/" + Stamp(i.To) }

// Stamp prints a moment (ms since 1970 UTC) in RFC 3339, UTC, with ms where there
// are any.
func Stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.999Z07:00") }

// MarshalText gives "start/end"; the zero interval gives nothing.
func (i Interval) MarshalText() ([]byte, error) {
	if i.IsZero() {
		return []byte{}, nil
	}
	return []byte(i.String()), i.Validate()
}

// UnmarshalText reads "start/end" with RFC 3339 times in any zone, exact to the
// ms. Empty text is the zero interval. Code: [CodeBadInterval].
func (i *Interval) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*i = Interval{}
		return nil
	}
	bad := fault.Newf(CodeBadInterval, "write two RFC 3339 times, like 2026-11-02T00:00:00Z/2026-11-02T01:00:00Z", "%.80q is no interval", text)
	from, to, ok := strings.Cut(string(text), "/")
	if !ok {
		return bad
	}
	var got Interval
	for _, end := range []struct {
		text string
		ms   *int64
	}{{from, &got.From}, {to, &got.To}} {
		t, err := time.Parse(time.RFC3339Nano, end.text)
		if err != nil {
			return bad.Because(err)
		}
		if t.Nanosecond()%1e6 != 0 {
			return bad
		}
		*end.ms = t.UnixMilli()
	}
	if err := got.Validate(); err != nil {
		return err
	}
	*i = got
	return nil
}
