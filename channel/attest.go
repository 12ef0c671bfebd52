package channel

import (
	"context"

	"github.com/lateral-network/lateral/ledger"
)

// Attesting: a side with changes that it has not signed sends a head in time.

// Attested gives the position up to which both members have signed the same
// log: the lower of the two heads. Zero before the first.
func (b *Bilateral) Attested() ledger.Height {
	b.mu.Lock()
	defer b.mu.Unlock()
	ours := b.p.Heads[b.mine]
	if ours == nil || b.theirs == nil {
		return 0
	}
	return ledger.Height(min(ours.Signed.Head.Position, b.theirs.Signed.Head.Position))
}

// Unattested gives the block time in ms since which the partner owes an answer
// to a head of ours, and 0 when it owes none. An agreement bounds it, and
// beyond that a head counts as uncontested.
func (b *Bilateral) Unattested() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if open := b.p.Open[b.mine]; len(open) > 0 {
		return open[0].Time
	}
	return 0
}

// attest sees that a head leaves in time. mu is held.
func (b *Bilateral) attest(ctx context.Context) {
	b.r.mu.RLock()
	size := b.r.size
	b.r.mu.RUnlock()
	if size <= b.sent || b.armed {
		return
	}
	if b.due {
		b.s.Load().poke() // its time had come before there was anything to sign
		return
	}
	b.armed = true
	after := b.m.clock.After(attestWithin)
	b.m.go_(func() {
		select {
		case <-ctx.Done():
		case <-after:
			b.mu.Lock()
			b.r.mu.RLock()
			b.armed, b.due = false, b.due || b.r.size > b.sent
			b.r.mu.RUnlock()
			b.mu.Unlock()
			b.s.Load().poke()
		}
	})
}
