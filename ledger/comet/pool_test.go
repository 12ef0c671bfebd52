package comet

import (
	"crypto/sha256"
	"testing"

	"github.com/lateral-network/lateral/ledger"
)

// pooled makes an envelope as the pool gets it.
func pooled(t *testing.T, sender int, sequence uint64, size int) *held {
	t.Helper()
	e := ledger.Envelope{Header: ledger.Header{Chain: "test", Sequence: sequence}, Payload: make([]byte, size)}
	e.Sign(testKey("sender", sender))
	raw := e.Marshal()
	h, err := open(raw, sha256.Sum256(raw))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// Where blocks are too small for everybody, no sender waits for longer than it
// takes to serve the others once.
func TestTheSenderThatHasWaitedLongestIsServedFirst(t *testing.T) {
	last := map[lane]uint64{}
	p := newPool(1<<30, func(e ledger.Envelope) error {
		if want := last[lane{e.Header.Channel, e.Header.Sender}] + 1; e.Header.Sequence != want {
			return ledger.NotYet(want, e.Header.Sequence)
		}
		return nil
	})
	const senders, perBlock, size = 7, 2, 10_000
	before := map[lane]int{} // height at which a sender was served last
	next := map[int]uint64{}
	for height := 1; height <= 4*senders; height++ {
		for s := range senders { // each always has two waiting
			for p.lanes[pooled(t, s, 1, 0).lane()] == nil || len(p.lanes[pooled(t, s, 1, 0).lane()].run) < 2 {
				next[s]++
				if _, err := p.admit(pooled(t, s, next[s], size), true); err != nil {
					t.Fatal(err)
				}
			}
		}
		block, err := p.resolve(p.propose(perBlock*size + 5_000))
		if err != nil {
			t.Fatal(err)
		}
		if len(block) != perBlock {
			t.Fatalf("block %d holds %d envelopes, want %d", height, len(block), perBlock)
		}
		for _, h := range block {
			last[h.lane()] = h.sequence()
			const most = (senders + perBlock - 1) / perBlock
			if gap := height - before[h.lane()]; gap > most {
				t.Errorf("sender %s waited for %d blocks, at most %d are fair", h.lane().sender.Short(), gap, most)
			}
			before[h.lane()] = height
		}
		p.settle(ledger.Height(height), block)
	}
	if len(before) != senders {
		t.Errorf("%d of %d senders were served", len(before), senders)
	}
}
