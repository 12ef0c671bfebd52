package node

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/lateral-network/lateral/ledger"
)

// finality measures how long envelopes take from submission until they are
// final, over the last of them.
type finality struct {
	mu     sync.Mutex
	recent []time.Duration // a ring
	next   int
	count  uint64
}

// remembered is how many envelopes the figures cover.
const remembered = 10_000

func newFinality() *finality { return &finality{} }

// watch gives the ledger with its Submit measured.
func (f *finality) watch(l ledger.Ledger) ledger.Ledger { return measured{l, f} }

type measured struct {
	ledger.Ledger
	finality *finality
}

// Submit implements ledger.Ledger.
func (m measured) Submit(ctx context.Context, e ledger.Envelope) (ledger.Position, error) {
	start := time.Now()
	p, err := m.Ledger.Submit(ctx, e)
	if err == nil {
		m.finality.add(time.Since(start))
	}
	return p, err
}

func (f *finality) add(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
	if len(f.recent) < remembered {
		f.recent = append(f.recent, d)
		return
	}
	f.recent[f.next] = d
	f.next = (f.next + 1) % remembered
}

// quantiles gives how many envelopes became final, and the time within which
// half and 99 % of the last of them did; zero before the first.
func (f *finality) quantiles() (count uint64, p50, p99 time.Duration) {
	f.mu.Lock()
	all := slices.Clone(f.recent)
	count = f.count
	f.mu.Unlock()
	if len(all) == 0 {
		return 0, 0, 0
	}
	slices.Sort(all)
	return count, all[len(all)/2], all[len(all)*99/100]
}
