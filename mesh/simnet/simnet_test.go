package simnet

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/lateral-network/lateral/mesh"
)

func TestTry(t *testing.T) {
	nn, _ := strconv.Atoi(os.Getenv("N"))
	if nn == 0 {
		t.Skip()
	}
	pairs, _ := strconv.Atoi(os.Getenv("P"))
	l := mesh.DefaultLimits()
	if v, err := strconv.Atoi(os.Getenv("ASKS")); err == nil {
		l.Asks = v
	}
	if v, err := strconv.Atoi(os.Getenv("LEVELS")); err == nil {
		l.Levels = v
	}
	if os.Getenv("FLOOD") != "" {
		l.Flood, l.Time = true, 20000
	}
	if v, err := strconv.Atoi(os.Getenv("HOPS")); err == nil {
		l.Hops = v
	}
	r, err := Run(context.Background(), Options{Carriers: nn, Pairs: pairs, Seed: 1, Debug: os.Getenv("DBG") != "", Limits: l, Resale: os.Getenv("RESALE")})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(r.Graph, r.Reach, r.Memory>>20, r.Build, r.Search, r.Messages)
	var flood, found int
	var ratio []float64
	var msgs, times []int
	for _, p := range r.Pairs {
		if p.Flood {
			flood++
			if p.Found {
				found++
				ratio = append(ratio, float64(p.Price)/float64(p.Best))
			}
		}
		msgs = append(msgs, p.Messages)
		times = append(times, int(p.Time))
	}
	for i := 0; i+100 <= len(ratio); i += 100 {
		x := slices.Clone(ratio[i : i+100])
		slices.Sort(x)
		fmt.Println("part", i, x[50])
	}
	slices.Sort(ratio)
	slices.Sort(msgs)
	slices.Sort(times)
	q := func(x []int, f float64) int { return x[int(f*float64(len(x)-1))] }
	fmt.Println("flood", flood, "found", found, "ratio", ratio[0], ratio[len(ratio)/2], ratio[len(ratio)*9/10], ratio[len(ratio)-1], "msgs", q(msgs, .5), q(msgs, .99), q(msgs, 1), "time", q(times, .5), q(times, .99))
}
