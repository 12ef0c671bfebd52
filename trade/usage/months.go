package usage

import (
	"time"

	"github.com/lateral-network/lateral/fault"
)

// AddMonths gives the moment that is some calendar months later by the clock of
// a zone, at the same time of day: on the same day of the month, or on its last
// one where the month is too short. ms since 1970 UTC. Codes:
// [CodeUnknownZone], [CodeBadInterval] (beyond the year 9999).
func AddMonths(ms int64, months uint32, zone string) (int64, error) {
	z, err := LoadZone(zone)
	if err != nil {
		return 0, err
	}
	if months > 12*9999 || ms < earliest || ms > latest {
		return 0, fault.New(CodeBadInterval, "the term ends beyond the year 9999", "name a shorter term")
	}
	t := time.UnixMilli(ms).In(z)
	first := time.Date(t.Year(), t.Month()+time.Month(months), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), z)
	last := time.Date(first.Year(), first.Month()+1, 0, 0, 0, 0, 0, z).Day()
	out := time.Date(first.Year(), first.Month(), min(t.Day(), last), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), z).UnixMilli()
	if out > latest {
		return 0, fault.New(CodeBadInterval, "the term ends beyond the year 9999", "name a shorter term")
	}
	return out, nil
}

// Length gives the ms of every period where all have as many; 0: they have not,
// as months and the days of a zone.
func (c Calendar) Length() int64 {
	if c.zone == time.UTC {
		return c.fixed
	}
	return 0
}
