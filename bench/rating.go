package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// RatingOptions say how to measure rating. The zero value of each field takes
// its default.
type RatingOptions struct {
	Prefixes   int    // of the sheet; default 40,000, at least 10
	Calls      int    // rated over and over; default 1,000,000
	Goroutines []int  // default 1 and as many as processors are used
	Runs       int    // of each; default 5; the median counts
	Seed       uint64 // of sheet and calls; default 1
}

// RatingResult is what was measured.
type RatingResult struct {
	Machine  Machine      `json:"machine"`
	Prefixes int          `json:"prefixes"`
	Rows     int          `json:"rows"` // of the sheet: some prefixes have two prices in time
	Calls    int          `json:"calls"`
	Seed     uint64       `json:"seed"`
	Rates    []RatingRate `json:"rates"`
}

// RatingRate is the median over runs with one number of goroutines.
type RatingRate struct {
	Goroutines int     `json:"goroutines"`
	Rated      float64 `json:"rated_per_second"` // longest prefix in force, billed seconds and period of each call
	Found      float64 `json:"found_per_second"` // longest prefix in force alone
}

// Rating measures calls a second by longest prefix over a generated sheet. The
// calls are read before the clock starts. Code: invalid.
func Rating(ctx context.Context, o RatingOptions) (RatingResult, error) {
	if o.Prefixes == 0 {
		o.Prefixes = 40_000
	}
	if o.Calls == 0 {
		o.Calls = 1_000_000
	}
	if len(o.Goroutines) == 0 {
		o.Goroutines = slices.Compact([]int{1, runtime.GOMAXPROCS(0)})
	}
	if o.Runs == 0 {
		o.Runs = 5
	}
	if o.Seed == 0 {
		o.Seed = 1
	}
	if o.Calls < 1 || o.Runs < 1 || slices.Min(o.Goroutines) < 1 || slices.Max(o.Goroutines) > o.Calls {
		return RatingResult{}, fault.New(fault.Invalid, "these options cannot be measured", "give at least one call, run and goroutine")
	}
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	span := usage.Interval{From: day.UnixMilli(), To: day.Add(24 * time.Hour).UnixMilli()}
	g, err := voice.NewGenerator(voice.Plan{Seed: o.Seed, Ours: "ALPHA", Theirs: "BRAVO", Span: span, Prefixes: o.Prefixes})
	if err != nil {
		return RatingResult{}, err
	}
	hours, err := usage.Cycle{Length: "1h"}.Calendar()
	if err != nil {
		return RatingResult{}, err
	}
	file := bytes.NewBufferString(voice.UsageHeader + "\n")
	if err := g.Write(file, io.Discard, span, o.Calls); err != nil {
		return RatingResult{}, err
	}
	batch, err := voice.Line{}.ReadUsage(file, usage.Pair{})
	if err != nil {
		return RatingResult{}, fmt.Errorf("reading the generated calls: %w", err)
	}
	sheet, err := rating.NewSheet(g.Rows(), nil)
	if err != nil {
		return RatingResult{}, fmt.Errorf("indexing the generated sheet: %w", err)
	}
	res := RatingResult{Machine: here(), Prefixes: o.Prefixes, Rows: sheet.Len(), Calls: len(batch.Records), Seed: o.Seed}
	for _, n := range o.Goroutines {
		rate := RatingRate{Goroutines: n}
		pieces := slices.Collect(slices.Chunk(batch.Records, (len(batch.Records)+n-1)/n))
		rate.Rated, err = o.measure(ctx, pieces, func(records []usage.Record) error {
			rated, err := rating.Rate(&usage.Batch{Pair: batch.Pair, Records: records},
				rating.Terms{Sheets: [2]*rating.Sheet{sheet, sheet}, Calendar: hours}, nil)
			if err == nil && len(rated.Exceptions) > 0 {
				err = fault.Newf(fault.Internal, "report this", "%d generated calls have no rate", len(rated.Exceptions))
			}
			return err
		})
		if err != nil {
			return res, err
		}
		rate.Found, err = o.measure(ctx, pieces, func(records []usage.Record) error {
			for i := range records {
				if _, ok := sheet.Find(records[i].Destination, records[i].Origin, records[i].Start); !ok {
					return fault.New(fault.Internal, "a generated call has no rate", "report this")
				}
			}
			return nil
		})
		if err != nil {
			return res, err
		}
		res.Rates = append(res.Rates, rate)
	}
	return res, nil
}

// measure gives calls a second, the median of the runs, with one goroutine for
// each piece.
func (o RatingOptions) measure(ctx context.Context, pieces [][]usage.Record, work func([]usage.Record) error) (float64, error) {
	calls := 0
	for _, p := range pieces {
		calls += len(p)
	}
	var rates []float64
	for range o.Runs {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		failures := make([]error, len(pieces))
		var working sync.WaitGroup
		began := time.Now()
		for i, p := range pieces {
			working.Go(func() { failures[i] = work(p) })
		}
		working.Wait()
		rates = append(rates, float64(calls)/time.Since(began).Seconds())
		for _, err := range failures {
			if err != nil {
				return 0, err
			}
		}
	}
	slices.Sort(rates)
	return math.Round(rates[len(rates)/2]), nil
}

// Text gives the result for people.
func (r RatingResult) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "machine    %s\nsheet      %d prefixes, %d rows, seed %d; %d calls\n", r.Machine, r.Prefixes, r.Rows, r.Seed, r.Calls)
	for _, x := range r.Rates {
		fmt.Fprintf(&b, "goroutines %d: %.2f million calls/s rated (prefix, billed seconds, period), %.2f million/s found by longest prefix alone\n",
			x.Goroutines, x.Rated/1e6, x.Found/1e6)
	}
	return b.String()
}
