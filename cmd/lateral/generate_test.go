package main

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/usage"
)

func TestAnInterruptedGenerationLeavesNothingBehind(t *testing.T) {
	for _, compressed := range []bool{false, true} {
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(t.Context())
		x := traffic{
			plan:  voice.Plan{Ours: "ALPHA", Theirs: "BRAVO", Prefixes: 50, Span: usage.Interval{From: 0, To: 3_600_000}},
			calls: 2_000_000_000, dir: dir, gzip: compressed,
			made: func(uint64) { cancel() },
		}
		if _, _, err := x.write(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("compressed %v: %v", compressed, err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("compressed %v: %v are left, %v", compressed, left, err)
		}
	}
}
