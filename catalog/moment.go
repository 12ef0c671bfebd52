package catalog

import (
	"strings"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/usage"
)

// Time is a moment in ms since 1970 UTC; its text is RFC 3339. Zero stands for
// none.
type Time int64

// MarshalText gives RFC 3339 in UTC, with ms where there are any.
func (t Time) MarshalText() ([]byte, error) { return []byte(usage.Stamp(int64(t))), nil }

// UnmarshalText reads RFC 3339 in any zone, exact to the ms. Code: invalid.
func (t *Time) UnmarshalText(text []byte) error {
	at, err := time.Parse(time.RFC3339Nano, string(text))
	if year := at.UTC().Year(); err != nil || at.Nanosecond()%1e6 != 0 || year < 1 || year > 9999 {
		return fault.Newf(fault.Invalid, "write a time like 2026-11-02T00:00:00Z", "%.40q is no time", text).Because(err)
	}
	*t = Time(at.UnixMilli())
	return nil
}

// Band is a part of each week by the clock of a zone; its text is like "mon-fri
// 08:00-20:00 Europe/Berlin", and without a zone it is in UTC.
type Band usage.Band

// String gives the text.
func (b Band) String() string { return usage.Band(b).String() }

// MarshalText gives the text.
func (b Band) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads the text. Codes: those of a band of the week.
func (b *Band) UnmarshalText(text []byte) (err error) {
	parts := strings.Fields(string(text))
	bad := fault.Newf(usage.CodeBadBand, "write it like mon-fri 08:00-20:00 Europe/Berlin", "%.60q is no part of a week", text)
	if len(parts) < 2 || len(parts) > 3 {
		return bad
	}
	from, to, ok := strings.Cut(parts[1], "-")
	if !ok {
		return bad
	}
	var got usage.Band
	if got.Days, err = usage.ParseDays(parts[0]); err != nil {
		return err
	}
	if got.From, err = usage.ParseClockTime(from); err != nil {
		return err
	}
	if got.To, err = usage.ParseClockTime(to); err != nil {
		return err
	}
	if len(parts) == 3 && parts[2] != "UTC" {
		got.Zone = parts[2]
	}
	*b = Band(got)
	return got.Validate()
}

// covers reports whether all of a span lies in the window. A span without an
// end (to 0) lies only in a window without one.
func (w *Window) covers(from, to int64) bool {
	if w.From != 0 && from < int64(w.From) || w.To != 0 && (to == 0 || to > int64(w.To)) {
		return false
	}
	if len(w.Bands) == 0 {
		return true
	}
	const week = 7 * 24 * time.Hour
	// Weekly bands that leave nothing out of a week and a day, over which clocks
	// may change, leave nothing out at all.
	if most := from + (week + 24*time.Hour).Milliseconds(); to == 0 || to > most {
		to = most
	}
	bands := make([]*usage.Window, 0, len(w.Bands))
	for _, b := range w.Bands {
		if x, err := usage.Band(b).Window(); err == nil && x != nil { // an item was checked when it was put
			bands = append(bands, x)
		}
	}
	const minute = 60_000
	for at := from; at < to; at += minute - at%minute {
		in := false
		for _, b := range bands {
			if in = b.Contains(at); in {
				break
			}
		}
		if !in {
			return false
		}
	}
	return true
}

// sold reports whether a span lies in one of the windows.
func sold(windows []Window, from, to int64) bool {
	for i := range windows {
		if windows[i].covers(from, to) {
			return true
		}
	}
	return len(windows) == 0
}
