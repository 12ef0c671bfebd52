package comet

import (
	"context"
	"testing"
	"time"

	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/cometbft/cometbft/types"

	"github.com/lateral-network/lateral/ledger/ledgertest"
)

// offClock signs votes and proposals as a validator does whose clock is wrong.
type offClock struct {
	types.PrivValidator
	by time.Duration
}

func (c offClock) SignVote(chain string, v *cmtproto.Vote) error {
	v.Timestamp = v.Timestamp.Add(c.by)
	return c.PrivValidator.SignVote(chain, v)
}

func (c offClock) SignProposal(chain string, p *cmtproto.Proposal) error {
	p.Timestamp = p.Timestamp.Add(c.by)
	return c.PrivValidator.SignProposal(chain, p)
}

// Deadlines and periods go by block time, so one clock must not move it.
func TestOneWrongClockMovesNoBlockTime(t *testing.T) {
	n := newNetwork(t, 4, ledgertest.Options{})
	const wrong = 3
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	// With one of four stopped, each block needs the votes of all others: that of
	// the wrong clock cannot come too late to be in it.
	n.Stop(2)
	next := uint64(0)
	// A clock that is behind votes with the block's own time and a millisecond,
	// as the engine has it, and lags nobody; only one that is ahead shows.
	const by = time.Hour
	n.Stop(wrong)
	n.nodes[wrong].config.faults.signer = func(p types.PrivValidator) types.PrivValidator { return offClock{p, by} }
	n.Start(wrong)
	voted := 0 // blocks with a vote of the wrong clock
	for voted < 4 {
		next++
		before := time.Now()
		at, err := n.Ledger(wrong).Submit(ctx, n.envelope(0, next))
		if err != nil {
			t.Fatal(err)
		}
		b, err := n.nodes[0].blockAt(at.Height)
		if err != nil {
			if err = n.nodes[0].app.reach(ctx, at.Height); err == nil {
				b, err = n.nodes[0].blockAt(at.Height)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		// A busy machine is slow, but no hour slow.
		if off := time.UnixMilli(b.Time).Sub(before); off.Abs() > 10*time.Minute {
			t.Fatalf("with one clock off by %s block %d is off by %s", by, at.Height, off)
		}
		s, err := n.nodes[wrong].sealAt(at.Height)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range s.Votes {
			if off := v.Time.time().Sub(before); off.Abs() > 30*time.Minute {
				voted++
			}
		}
	}
}
