package bench

import (
	"bufio"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/mesh"
	"github.com/lateral-network/lateral/mesh/simnet"
)

// MeshOptions say what mesh to simulate.
type MeshOptions struct {
	Carriers int
	Pairs    int
	Hops     int // asks in a row
	Asks     int // asks in all, of one inquiry; 0: the node's own limit
	Levels   int // of the reach that carriers tell
	Seed     uint64
	Resale   string // rule of every carrier; "": resell everything
	Numbers  string // file with numbers of autonomous systems, for names; may be absent
	Progress func(what string, done, of int)
}

// Spread is how a measure spreads over inquiries.
type Spread struct {
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

func spread(v []float64) (s Spread) {
	if len(v) == 0 {
		return s
	}
	slices.Sort(v)
	at := func(q float64) float64 { return v[int(math.Ceil(q*float64(len(v))))-1] }
	return Spread{at(0.5), at(0.9), at(0.99), v[len(v)-1]}
}

// MeshResult is what was measured.
type MeshResult struct {
	Machine  Machine `json:"machine"`
	Carriers int     `json:"carriers"`
	Graph    string  `json:"graph"`
	Seed     uint64  `json:"seed"`
	Hops     int     `json:"hops"`
	Pairs    int     `json:"pairs"`
	// Pairs for which flooding finds an offer, and of these, those that got one.
	Flooded int     `json:"flooded"`
	Found   int     `json:"found"`
	Share   float64 `json:"share"`
	// Of all inquiries.
	Messages Spread         `json:"messages"`
	Time     Spread         `json:"simulated_ms"`
	Kinds    map[string]int `json:"messages_by_kind"`
	// Price over flooding's best, of those found.
	Price Spread `json:"price_ratio"`
	Reach struct {
		Messages int   `json:"messages"`
		Octets   int64 `json:"octets"`
		Largest  int   `json:"largest_octets"`
	} `json:"reach"`
	Memory uint64  `json:"memory_bytes"` // of all nodes
	Peak   int64   `json:"peak_memory_bytes"`
	Build  float64 `json:"build_seconds"`
	Search float64 `json:"search_seconds"`
	CPU    float64 `json:"cpu_seconds"`
	Others float64 `json:"others"`
}

// Mesh measures how carriers find, price and quote services among each other.
// Code: invalid, and those of a rule.
func Mesh(ctx context.Context, o MeshOptions) (*MeshResult, error) {
	limits := mesh.DefaultLimits()
	if o.Hops < 1 || o.Hops > mesh.MaxHops || o.Asks < 0 || o.Asks > mesh.MaxAsks || o.Levels < 0 || o.Levels > 4 {
		return nil, fault.Newf(fault.Invalid, "choose smaller or larger numbers", "a mesh is searched with 1 to %d hops, at most %d asks and 4 levels of reach", mesh.MaxHops, mesh.MaxAsks)
	}
	limits.Hops, limits.Levels = o.Hops, o.Levels
	if o.Asks > 0 {
		limits.Asks = o.Asks
	}
	names, err := systems(o.Numbers, o.Carriers)
	if err != nil {
		return nil, err
	}
	before, m := here(), startMeter()
	r, err := simnet.Run(ctx, simnet.Options{Carriers: o.Carriers, Pairs: o.Pairs, Seed: o.Seed, Resale: o.Resale, Names: names, Limits: limits,
		Compare: true, Progress: o.Progress})
	if err != nil {
		return nil, err
	}
	out := &MeshResult{Machine: before, Carriers: o.Carriers, Graph: r.Graph, Seed: o.Seed, Hops: o.Hops, Pairs: len(r.Pairs), Kinds: r.Messages,
		Memory: r.Memory, Peak: peakMemory(), Build: r.Build.Seconds(), Search: r.Search.Seconds()}
	out.Reach.Messages, out.Reach.Octets, out.Reach.Largest = r.Reach.Messages, r.Reach.Octets, r.Reach.Largest
	_, own, others := m.read()
	out.CPU, out.Others = own.Seconds(), others
	var messages, times, prices []float64
	for _, p := range r.Pairs {
		messages = append(messages, float64(p.Messages))
		times = append(times, float64(p.Time))
		if !p.Flood {
			continue
		}
		out.Flooded++
		if p.Found {
			out.Found++
			prices = append(prices, float64(p.Price)/float64(p.Best))
		}
	}
	if out.Flooded > 0 {
		out.Share = float64(out.Found) / float64(out.Flooded)
	}
	out.Messages, out.Time, out.Price = spread(messages), spread(times), spread(prices)
	return out, nil
}

// systems reads the first column of a compressed table of autonomous systems,
// as names; no file, no names.
func systems(path string, most int) (names []string, err error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, durable.Explain("open "+path, err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fault.Newf(fault.Invalid, "name a table compressed with gzip", "%s is not compressed", path).Because(err)
	}
	lines := bufio.NewScanner(io.LimitReader(z, 1<<28))
	for lines.Scan() && len(names) < most {
		digits, _, _ := strings.Cut(lines.Text(), ",")
		if n, err := strconv.ParseUint(digits, 10, 32); err == nil {
			names = append(names, fmt.Sprintf("AS%d", n))
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fault.Newf(fault.Invalid, "name a whole table", "%s cannot be read", path).Because(err)
	}
	return names, nil
}

// Text is the result for people.
func (r *MeshResult) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s, seed %d\n\n", r.Machine, r.Graph, r.Seed)
	fmt.Fprintf(&b, "found       %d of %d pairs for which flooding to %d hops finds an offer: %.2f %%\n", r.Found, r.Flooded, r.Hops, 100*r.Share)
	fmt.Fprintf(&b, "messages    p50 %.0f, p99 %.0f, at most %.0f for an inquiry, answers counted\n", r.Messages.P50, r.Messages.P99, r.Messages.Max)
	fmt.Fprintf(&b, "time        p50 %.2f s, p99 %.2f s, at most %.2f s, simulated\n", r.Time.P50/1e3, r.Time.P99/1e3, r.Time.Max/1e3)
	fmt.Fprintf(&b, "price       p50 %.3f, p90 %.3f of flooding's best\n", r.Price.P50, r.Price.P90)
	fmt.Fprintf(&b, "reach       %d messages, %.1f MB in all, at most %.0f kB\n", r.Reach.Messages, float64(r.Reach.Octets)/1e6, float64(r.Reach.Largest)/1e3)
	fmt.Fprintf(&b, "memory      %.2f GiB for all nodes, %.2f GiB at the peak\n", float64(r.Memory)/(1<<30), float64(r.Peak)/(1<<30))
	fmt.Fprintf(&b, "work        %.0f s to build, %.0f s to ask %d pairs, %.0f CPU-seconds; others used %.2f processors\n", r.Build, r.Search, r.Pairs, r.CPU, r.Others)
	return b.String()
}
