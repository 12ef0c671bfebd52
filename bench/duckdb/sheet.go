package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// row is a rate version. Its number in the sheet is its line less two.
type row struct {
	destination, prefix, currency string
	rate                          int64 // in 10^-9, for unit seconds
	unit, minimum, increment      int64 // seconds
	from, to                      int64 // in force, ms since 1970 UTC
}

// sheet is a rate sheet as it is read, without the rows that price calls from
// some numbers only: how many these were is in dependent.
type sheet struct {
	rows      []row
	dependent int
}

// readSheet reads a file of rates by the names of its columns.
func readSheet(path string) (sheet, error) {
	var s sheet
	f, err := os.Open(path)
	if err != nil {
		return s, err
	}
	defer f.Close()
	lines := csv.NewReader(f)
	lines.ReuseRecord = true
	header, err := lines.Read()
	if err != nil {
		return s, fmt.Errorf("reading %s: %w", path, err)
	}
	at := map[string]int{}
	for i, name := range header {
		at[name] = i
	}
	for _, name := range []string{"destination", "prefix", "rate", "currency", "unit_seconds", "minimum_seconds", "increment_seconds", "valid_from", "valid_to"} {
		if _, ok := at[name]; !ok {
			return s, fmt.Errorf("%s has no column %s", path, name)
		}
	}
	for {
		f, err := lines.Read()
		if err == io.EOF {
			return s, nil
		}
		if err != nil {
			return s, fmt.Errorf("reading %s: %w", path, err)
		}
		if i, ok := at["origin_prefix"]; ok && f[i] != "" {
			s.dependent++
			continue
		}
		var failed error
		number := func(text string) int64 {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				failed = err
			}
			return n
		}
		moment := func(text string, open int64) int64 {
			if text == "" {
				return open
			}
			t, err := time.Parse(time.RFC3339, text)
			if err != nil {
				failed = err
			}
			return t.UnixMilli()
		}
		whole, part, _ := strings.Cut(f[at["rate"]], ".")
		if len(part) > 9 {
			return s, fmt.Errorf("%s: the rate %s has more than 9 places", path, f[at["rate"]])
		}
		s.rows = append(s.rows, row{
			destination: strings.Clone(f[at["destination"]]), prefix: strings.Clone(f[at["prefix"]]), currency: strings.Clone(f[at["currency"]]),
			rate: number(whole + part + strings.Repeat("0", 9-len(part))),
			unit: number(f[at["unit_seconds"]]), minimum: number(f[at["minimum_seconds"]]), increment: number(f[at["increment_seconds"]]),
			from: moment(f[at["valid_from"]], math.MinInt64), to: moment(f[at["valid_to"]], math.MaxInt64),
		})
		if failed != nil {
			return s, fmt.Errorf("%s, row %d: %w", path, len(s.rows)+1, failed)
		}
	}
}

// digits is how many places a number is moved to, so that numbers compare like
// their texts.
const digits = 15

// span says which row prices a range's calls from a moment on, -1: none.
type span struct {
	from int64 // ms
	row  int32
}

// stretch is a range of numbers, up to the next one, whose calls are priced
// alike.
type stretch struct {
	low   int64
	spans []span // by time; the first holds before the second
}

// flatten cuts the prefixes, which lie within each other, into ranges side by
// side, and each range's rows into spans of time: what prices a call is then the
// last range that begins at or before its number.
func (s *sheet) flatten() []stretch {
	type prefix struct {
		low, high int64
		rows      []int32
	}
	byText := map[string]*prefix{}
	for i := range s.rows {
		text := s.rows[i].prefix
		p := byText[text]
		if p == nil {
			n, _ := strconv.ParseInt(text, 10, 64)
			size := int64(1)
			for range digits - len(text) {
				size *= 10
			}
			p = &prefix{low: n * size, high: (n + 1) * size}
			byText[text] = p
		}
		p.rows = append(p.rows, int32(i))
	}
	order := make([]*prefix, 0, len(byText))
	for _, p := range byText {
		order = append(order, p)
	}
	slices.SortFunc(order, func(a, b *prefix) int {
		if a.low != b.low {
			return int(max(-1, min(1, a.low-b.low)))
		}
		return int(max(-1, min(1, b.high-a.high)))
	})
	out := []stretch{{0, []span{{math.MinInt64, -1}}}}
	var open []*prefix // from the shortest to the longest
	begin := func(low int64) {
		next := stretch{low, s.spans(func(yield func([]int32) bool) {
			for _, p := range slices.Backward(open) {
				if !yield(p.rows) {
					return
				}
			}
		})}
		if last := &out[len(out)-1]; last.low == low {
			*last = next
		} else if !slices.Equal(last.spans, next.spans) {
			out = append(out, next)
		}
	}
	for _, p := range order {
		for len(open) > 0 && open[len(open)-1].high <= p.low {
			high := open[len(open)-1].high
			open = open[:len(open)-1]
			begin(high)
		}
		open = append(open, p)
		begin(p.low)
	}
	for len(open) > 0 {
		high := open[len(open)-1].high
		open = open[:len(open)-1]
		begin(high)
	}
	return out
}

// spans says which row is in force when, of the rows of prefixes that lie within
// each other, the longest first.
func (s *sheet) spans(prefixes func(func([]int32) bool)) []span {
	moments := []int64{math.MinInt64}
	for rows := range prefixes {
		for _, r := range rows {
			moments = append(moments, s.rows[r].from, s.rows[r].to)
		}
	}
	slices.Sort(moments)
	var out []span
	for _, m := range slices.Compact(moments) {
		in := int32(-1)
		for rows := range prefixes {
			if i := slices.IndexFunc(rows, func(r int32) bool { return s.rows[r].from <= m && m < s.rows[r].to }); i >= 0 {
				in = rows[i]
				break
			}
		}
		if len(out) == 0 || out[len(out)-1].row != in {
			out = append(out, span{m, in})
		}
	}
	return out
}
