package bench

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/netting"
)

// CompressionOptions say which debts to net. The zero value of each field takes
// its default.
type CompressionOptions struct {
	Carriers    int    // default 1,000
	Obligations int    // default 1,000,000
	Partners    int    // that a carrier trades with, about; 0: all others
	Runs        int    // of each; default 5; the median counts
	Seed        uint64 // of sizes, pairs and amounts; default 1
	Progress    func(what string, done, of int)
}

// CompressionResult is what was measured.
type CompressionResult struct {
	Machine     Machine      `json:"machine"`
	Carriers    int          `json:"carriers"`
	Obligations int          `json:"obligations"`
	Debts       int          `json:"debts"` // each from one carrier to another: the sum of obligations
	Seed        uint64       `json:"seed"`
	Gross       money.Micro  `json:"gross"`
	Methods     []NettingRun `json:"methods"`
	Better      float64      `json:"less_than_cycles"` // share of what circles as they come leave that the largest compression does not
	Verify      float64      `json:"verify_seconds"`   // of the exact compression, with the proof that it is the largest
	Peak        int64        `json:"peak_memory_bytes"`
	Others      float64      `json:"others"` // processors that other processes used meanwhile
}

// NettingRun is what one method comes to, and its time from the list of
// obligations to the outcome.
type NettingRun struct {
	Method   netting.Method `json:"method"`
	Left     money.Micro    `json:"left"`
	Reduced  float64        `json:"reduced"` // share of the gross that is gone
	Payments uint32         `json:"payments"`
	Median   float64        `json:"seconds"`
	CPU      float64        `json:"cpu_seconds"` // median; what others do to the machine changes it least
	Each     []float64      `json:"each_seconds"`

	cpu []float64
}

// Compression measures netting of generated obligations by every method; each
// outcome is verified. Code: invalid.
func Compression(ctx context.Context, o CompressionOptions) (CompressionResult, error) {
	if o.Carriers == 0 {
		o.Carriers = 1000
	}
	if o.Obligations == 0 {
		o.Obligations = 1_000_000
	}
	if o.Runs == 0 {
		o.Runs = 5
	}
	if o.Seed == 0 {
		o.Seed = 1
	}
	if o.Progress == nil {
		o.Progress = func(string, int, int) {}
	}
	const most = 10_000_000 // obligations: their sum stays far below the end of the range
	if o.Carriers < 3 || o.Carriers > netting.MaxMembers || o.Obligations < 1 || o.Obligations > most || o.Partners < 0 || o.Partners >= o.Carriers || o.Runs < 1 {
		return CompressionResult{}, fault.Newf(fault.Invalid, "choose numbers within these bounds",
			"3 to %d carriers with fewer partners than carriers, 1 to %d obligations, and at least one run can be measured", netting.MaxMembers, most)
	}
	res := CompressionResult{Machine: here(), Carriers: o.Carriers, Obligations: o.Obligations, Seed: o.Seed}
	m := startMeter()
	o.Progress("making obligations", 0, 1)
	in := o.generate()
	methods := []func(netting.Input) (netting.Outcome, error){netting.Bilateral, netting.Multilateral, netting.Greedy, netting.Compress}
	res.Methods = make([]NettingRun, len(methods))
	var checks []float64
	for run := range o.Runs {
		for i, net := range methods {
			if err := ctx.Err(); err != nil {
				return res, err
			}
			o.Progress("netting", run*len(methods)+i, o.Runs*len(methods))
			watch := startMeter()
			out, err := net(in)
			took, cpu, _ := watch.read()
			if err != nil {
				return res, err
			}
			began := time.Now()
			if err := netting.Verify(in, out); err != nil {
				return res, err
			}
			if out.Method == netting.ByCirculation {
				checks = append(checks, time.Since(began).Seconds())
			}
			r := &res.Methods[i]
			r.Method, r.Left, r.Payments, r.Each = out.Method, out.Left, out.Debts, append(r.Each, took.Seconds())
			r.cpu = append(r.cpu, cpu.Seconds())
			r.Reduced = 1 - float64(out.Left)/float64(out.Gross)
			res.Gross = out.Gross
			if out.Method == netting.ByPosition {
				res.Debts = len(out.Changes) // it takes away every debt
			}
		}
	}
	left := map[netting.Method]money.Micro{}
	for i := range res.Methods {
		r := &res.Methods[i]
		r.Median, r.CPU, left[r.Method] = middle(r.Each), middle(r.cpu), r.Left
	}
	if greedy := left[netting.ByCycle]; greedy > 0 {
		res.Better = 1 - float64(left[netting.ByCirculation])/float64(greedy)
	}
	res.Verify, res.Peak = middle(checks), peakMemory()
	_, _, res.Others = m.read()
	return res, nil
}

func middle(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

// generate makes obligations as carriers have them: the size of the k-th carrier
// is in proportion to k^-0.6, it sells up to twice what it buys or the other way
// round, and amounts have a heavy tail (Pareto, exponent 1.2, from 10 units to a
// million).
func (o CompressionOptions) generate() netting.Input {
	r := rand.New(rand.NewPCG(o.Seed, 0))
	in := netting.Input{Currency: "USD", Members: make([]netting.Member, o.Carriers), Debts: make([]netting.Debt, 0, o.Obligations)}
	buys, sells := make([]float64, o.Carriers), make([]float64, o.Carriers)
	var bought, sold float64
	for i := range in.Members {
		in.Members[i].Key = sign.PublicKey(canon.Sum("lateral/bench-compression", fmt.Append(nil, o.Seed, "/", i)))
		size, lean := math.Pow(float64(i+1), -0.6), math.Pow(2, r.Float64()-0.5)
		bought += size * lean
		sold += size / lean
		buys[i], sells[i] = bought, sold
	}
	pick := func(upTo []float64) uint32 {
		return uint32(sort.SearchFloat64s(upTo, r.Float64()*upTo[len(upTo)-1]))
	}
	pair := func() (debtor, creditor uint32) {
		for debtor == creditor {
			debtor, creditor = pick(buys), pick(sells)
		}
		return debtor, creditor
	}
	var pairs [][2]uint32
	for range o.Carriers * o.Partners / 2 {
		a, b := pair()
		pairs = append(pairs, [2]uint32{a, b})
	}
	for range o.Obligations {
		var debtor, creditor uint32
		if len(pairs) == 0 {
			debtor, creditor = pair()
		} else if p := pairs[r.IntN(len(pairs))]; r.Float64() < 0.7 { // most trade of a pair goes one way
			debtor, creditor = p[0], p[1]
		} else {
			debtor, creditor = p[1], p[0]
		}
		amount := min(10*math.Pow(1-r.Float64(), -1/1.2), 1e6)
		in.Debts = append(in.Debts, netting.Debt{Debtor: debtor, Creditor: creditor, Amount: money.Micro(amount * 1e6)})
	}
	return in
}

// Text gives the result for people.
func (r CompressionResult) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "machine      %s\n", r.Machine)
	fmt.Fprintf(&b, "offered      %d obligations of %d carriers, seed %d: %d debts, USD %s gross\n", r.Obligations, r.Carriers, r.Seed, r.Debts, r.Gross)
	for _, m := range r.Methods {
		fmt.Fprintf(&b, "%-12s USD %s left in %d payments, %.2f %% less; %.3f s, %.3f CPU-seconds\n", m.Method, m.Left, m.Payments, 100*m.Reduced, m.Median, m.CPU)
	}
	fmt.Fprintf(&b, "greedy       circles as they come: the largest compression leaves %.2f %% less\n", 100*r.Better)
	fmt.Fprintf(&b, "verified     in %.3f s, with the proof that no compression takes off more\n", r.Verify)
	fmt.Fprintf(&b, "memory       %.2f GiB at the peak; others used %.2f processors\n", float64(r.Peak)/(1<<30), r.Others)
	return b.String()
}
