package usage

import (
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
)

func TestAMonthLaterIsTheSameDayOrTheLast(t *testing.T) {
	for _, c := range []struct {
		from   string
		months uint32
		zone   string
		want   string
	}{
		{"2026-11-16T12:00:00Z", 12, "", "2027-11-16T12:00:00Z"},
		{"2027-01-31T00:00:00Z", 1, "", "2027-02-28T00:00:00Z"},
		{"2028-01-31T00:00:00Z", 1, "", "2028-02-29T00:00:00Z"},
		{"2026-12-31T23:59:59.5Z", 2, "", "2027-02-28T23:59:59.5Z"},
		{"2027-02-28T23:00:00Z", 1, "Europe/Berlin", "2027-03-31T22:00:00Z"}, // 1 March there, to 1 April in summer time
		{"2026-11-16T12:00:00Z", 0, "", "2026-11-16T12:00:00Z"},
	} {
		from, _ := time.Parse(time.RFC3339Nano, c.from)
		got, err := AddMonths(from.UnixMilli(), c.months, c.zone)
		if want, _ := time.Parse(time.RFC3339Nano, c.want); err != nil || got != want.UnixMilli() {
			t.Errorf("%s and %d months: %s, %v; want %s", c.from, c.months, Stamp(got), err, c.want)
		}
	}
	if _, err := AddMonths(0, 1<<31, ""); fault.CodeOf(err) != CodeBadInterval {
		t.Error(err)
	}
	if _, err := AddMonths(latest, 1, ""); fault.CodeOf(err) != CodeBadInterval {
		t.Error(err)
	}
}
