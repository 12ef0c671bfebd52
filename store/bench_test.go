package store

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
)

// Synced commits to a store on disk; keys are 40 bytes, values 120.
func BenchmarkCommit(b *testing.B) {
	for _, size := range []int{1, 500, 5_000, 20_000} {
		b.Run(fmt.Sprint(size, " keys a commit"), func(b *testing.B) {
			db := open(b, b.TempDir(), Options{})
			c := db.Channel(pair)
			value := make([]byte, 120)
			rng := rand.New(rand.NewPCG(1, 2))
			n := 0
			for b.Loop() {
				writes := make([]merkle.Write, size)
				for i := range writes {
					writes[i] = merkle.Write{Key: fmt.Sprintf("usage/statement/line/%019d", rng.IntN(1_000_000)), Value: fmt.Append(value[:100:100], rng.Uint32())}
				}
				if err := c.Commit(Batch{Writes: writes, Leaves: [][]byte{value[:80]}}); err != nil {
					b.Fatal(err)
				}
				n += size
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "keys/s")
			if err := db.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
	b.Run("500 keys in each of 4 channels at once", func(b *testing.B) {
		db := open(b, b.TempDir(), Options{})
		value := make([]byte, 120)
		n := 0
		for b.Loop() {
			var parts []Part
			for ch := range 4 {
				writes := make([]merkle.Write, 500)
				for i := range writes {
					writes[i] = merkle.Write{Key: fmt.Sprintf("usage/statement/line/%019d", n%1_000_000), Value: value}
					n++
				}
				parts = append(parts, Part{db.Channel(canon.Hash{byte(ch)}), Batch{Writes: writes}})
			}
			if err := db.CommitAll(parts...); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "keys/s")
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
	})
}
