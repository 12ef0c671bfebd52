package main

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// The ranges must say of any number and moment what the longest prefix in force
// says.
func TestRangesPriceLikeTheLongestPrefixInForce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rates.csv")
	if err := os.WriteFile(path, []byte(`destination,prefix,rate,currency,unit_seconds,minimum_seconds,increment_seconds,valid_from,valid_to,origin_prefix
World,4,0.5,USD,60,1,1,2026-01-01T00:00:00Z,,
Germany,49,0.02,USD,60,1,1,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z,
Germany,49,0.03,USD,60,1,1,2026-03-01T00:00:00Z,,
Mobile,4915,0.123456789,USD,60,30,6,2026-01-15T00:00:00Z,,
Mobile,4915,9,USD,60,30,6,2026-01-15T00:00:00Z,,44
Berlin,4930,0.01,USD,60,1,1,2026-01-01T00:00:00Z,,
`), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := readSheet(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.rows) != 5 || s.dependent != 1 || s.rows[3].rate != 123_456_789 {
		t.Fatalf("%+v", s)
	}
	flat := s.flatten()
	const day = 86_400_000
	january := int64(1_767_225_600_000)
	for _, number := range []int64{3, 4, 41, 48999, 49, 491, 4914999, 4915, 49151234567, 4916, 4929999, 4930123, 4931, 5, 99} {
		high := number
		for high < 100_000_000_000_000 {
			high *= 10
		}
		i, exact := slices.BinarySearchFunc(flat, high, func(a stretch, n int64) int { return int(max(-1, min(1, a.low-n))) })
		if !exact {
			i--
		}
		for at := january - 10*day; at < january+100*day; at += day {
			got := int32(-1)
			for _, x := range flat[i].spans {
				if x.from <= at {
					got = x.row
				}
			}
			want, longest := int32(-1), 0
			for k, r := range s.rows {
				n := high
				for range digits - len(r.prefix) {
					n /= 10
				}
				if r.from <= at && at < r.to && len(r.prefix) > longest && r.prefix == text(n) {
					want, longest = int32(k), len(r.prefix)
				}
			}
			if got != want {
				t.Errorf("%d at day %d: row %d, want %d", number, (at-january)/day, got, want)
			}
		}
	}
	if first := flat[0]; first.low != 0 || first.spans[0] != (span{math.MinInt64, -1}) {
		t.Errorf("the ranges begin with %+v", first)
	}
}

func text(n int64) string {
	var b []byte
	for ; n > 0; n /= 10 {
		b = append([]byte{byte('0' + n%10)}, b...)
	}
	return string(b)
}
