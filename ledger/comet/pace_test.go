package comet

import (
	"testing"
	"time"

	"github.com/lateral-network/lateral/ledger"
)

func TestSlowProposalsMakeTheNextOnesSmaller(t *testing.T) {
	now := time.Unix(0, 0)
	p := newPace(Tuning{}.WithDefaults())
	p.now = func() time.Time { return now }
	h := ledger.Height(0)
	one := func(took time.Duration, ours bool) int64 {
		h++
		limit := p.propose(h)
		now = now.Add(took)
		p.decided(h, ours)
		return limit
	}
	const most = 2 << 20
	if got := one(100*time.Millisecond, true); got != most {
		t.Fatalf("the first proposal has %d bytes, want %d", got, most)
	}
	one(1500*time.Millisecond, true)
	if got := one(100*time.Millisecond, false); got != most/2 {
		t.Fatalf("after a slow block: %d bytes, want %d", got, most/2)
	}
	if got := one(700*time.Millisecond, true); got != most/4 {
		t.Fatalf("after a block of ours was passed over: %d bytes, want %d", got, most/4)
	}
	if got := one(700*time.Millisecond, true); got != most/4 {
		t.Fatalf("a block that is neither slow nor fast changed the bound to %d bytes", got)
	}
	for range 20 {
		one(10*time.Second, true)
	}
	if got := one(10*time.Second, true); got < ledger.MaxEnvelope {
		t.Fatalf("an envelope no longer fits %d bytes", got)
	}
	for range 20 {
		one(100*time.Millisecond, true)
	}
	if got := one(100*time.Millisecond, true); got != most {
		t.Fatalf("fast blocks bring the bound back to %d bytes only", got)
	}
}

func TestAFailedRoundMakesItsNextProposalSmaller(t *testing.T) {
	p := newPace(Tuning{}.WithDefaults())
	first := p.propose(7)
	if again := p.propose(7); again != first/2 {
		t.Fatalf("the second proposal of a height has %d bytes, want %d", again, first/2)
	}
	p.decided(6, false) // another height says nothing
	if p.height != 7 {
		t.Fatal("a block of another height ended the proposal")
	}
}
