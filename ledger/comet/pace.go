package comet

import (
	"sync"
	"time"

	"github.com/lateral-network/lateral/ledger"
)

// pace bounds what this validator proposes by how fast its proposals are
// decided. A block that the committee cannot digest before its timeouts makes a
// round fail, the next round sends as much again, and a committee that is short
// of processors decides nothing at all: so slow blocks make the next ones
// smaller.
type pace struct {
	most  int64         // bytes, never exceeded
	least int64         // bytes, always allowed: one envelope fits
	slow  time.Duration // beyond it the next proposal is half as large
	now   func() time.Time

	mu     sync.Mutex // guards what follows
	limit  int64
	height ledger.Height // of our last proposal; 0 once it is decided
	begun  time.Time
}

func newPace(t Tuning) *pace {
	least := min(int64(ledger.MaxEnvelope+1024), t.ProposalBytes)
	return &pace{most: t.ProposalBytes, least: least, limit: t.ProposalBytes, slow: t.ProposeTimeout / 3, now: time.Now}
}

// propose gives the most bytes for a proposal at a height. Asked again for the
// same height, the round before has failed.
func (p *pace) propose(h ledger.Height) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.height == h {
		p.slower()
	}
	p.height, p.begun = h, p.now()
	return p.limit
}

// decided tells which block was decided, and whether it was our proposal.
func (p *pace) decided(h ledger.Height, ours bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.height != h {
		return
	}
	p.height = 0
	switch took := p.now().Sub(p.begun); {
	case !ours || took > p.slow:
		p.slower()
	case took < p.slow/2:
		p.limit = min(p.limit+p.limit/4, p.most)
	}
}

func (p *pace) slower() { p.limit = max(p.limit/2, p.least) }
