package channel

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/proof"
	"github.com/lateral-network/lateral/store"
)

// Replayed is what came of executing a channel's log again.
type Replayed struct {
	Channel    canon.Hash    `json:"channel"`
	Partner    string        `json:"partner"`
	Blocks     ledger.Height `json:"blocks"`   // blocks of the ledger that were read
	Position   ledger.Height `json:"position"` // last block that touches the channel
	Size       uint64        `json:"size"`     // leaves in the block log
	Root       canon.Hash    `json:"root"`     // of the state
	Log        canon.Hash    `json:"log"`      // root of the block log
	Heads      [2]int        `json:"heads"`    // heads met, in the order of the channel's keys
	Wrong      []WrongHead   `json:"wrong"`    // heads that this execution contradicts, oldest first
	Divergence *Divergence   `json:"divergence,omitempty"`
	// Blames names the members whose content of the first differing leaf is not
	// what this execution gives, whose words in the search show each other wrong,
	// or who did not answer in it; empty when the channel has not diverged, or the
	// search goes on.
	Blames []string `json:"blames,omitempty"`
}

// WrongHead is a head whose signer came to another result.
type WrongHead struct {
	Member string           `json:"member"`
	Signed proof.SignedHead `json:"signed"`
	Here   proof.Head       `json:"here"` // what this execution gives at that size, or at its end
}

// Replay executes a channel from the first block again, in memory, with this
// node's keys and law, and says which heads it contradicts: who signed wrong.
// It signs and sends nothing. blocks are the ledger's, from the first on, and
// end where the replay is to end. Of o it needs Keys, Code, ChainID, Genesis
// and Law. Codes: not-found when the channel is not ours, key-missing.
func Replay(ctx context.Context, o Options, channel canon.Hash, blocks iter.Seq2[ledger.Block, error]) (Replayed, error) {
	out := Replayed{Channel: channel}
	db, err := store.Open("replay", store.Options{Memory: true, MinFree: 1})
	if err != nil {
		return out, err
	}
	defer db.Close()
	o.Store = db
	m, err := newMember(o)
	if err != nil {
		return out, err
	}
	m.watch = func(b *Bilateral, heads []headMark) {
		if b.r.id == channel && err == nil {
			err = out.judge(b, heads)
		}
	}
	for block, blockErr := range blocks {
		if blockErr != nil {
			return out, fmt.Errorf("reading the ledger after block %d: %w", out.Blocks, blockErr)
		}
		if ctx.Err() != nil {
			return out, ctx.Err()
		}
		if err := m.execute(ctx, block); err != nil {
			return out, fmt.Errorf("executing block %d again: %w", block.Height, err)
		}
		if err != nil {
			return out, err
		}
		out.Blocks = block.Height
	}
	b, ok := m.Bilateral(channel)
	if !ok {
		return out, fault.New(fault.NotFound, "the channel is not on the ledger, or not one of this member's", "check the channel id, and that the key store is complete")
	}
	if err := b.Err(); err != nil {
		return out, err
	}
	return out, out.finish(b)
}

// judge compares heads with what this execution gives.
func (out *Replayed) judge(b *Bilateral, heads []headMark) error {
	for _, m := range heads {
		h := m.Signed
		out.Heads[h.By]++
		here, err := b.r.headAt(min(h.Head.Size, b.r.size))
		if err != nil {
			return err
		}
		if here != h.Head {
			out.Wrong = append(out.Wrong, WrongHead{b.member(int(h.By)), h, here})
		}
	}
	return nil
}

func (out *Replayed) finish(b *Bilateral) error {
	v := View{}
	if err := b.View(func(now View) error { v = now; return nil }); err != nil {
		return err
	}
	head, err := b.r.headAt(v.Size)
	if err != nil {
		return err
	}
	out.Partner, out.Position, out.Size, out.Root, out.Log = b.partner, v.Position, v.Size, v.Root, head.Root
	d, ok := b.Divergence()
	if !ok {
		if d, ok = b.Settled(); !ok {
			return nil
		}
	}
	out.Divergence = &d
	for _, side := range []*uint8{d.Silent, d.Blamed} {
		if side != nil {
			out.Blames = append(out.Blames, b.member(int(*side)))
		}
	}
	if !d.Found {
		return nil
	}
	here, err := b.r.detailAt(d.Low)
	if err != nil {
		return err
	}
	for side, x := range d.Details {
		if name := b.member(side); x.Leaf != here.Leaf && !slices.Contains(out.Blames, name) {
			out.Blames = append(out.Blames, name)
		}
	}
	return nil
}

// member gives the member code of one of the two sides.
func (b *Bilateral) member(side int) string {
	if side == b.mine {
		return b.m.code
	}
	return b.partner
}

// Before ends a sequence of blocks ahead of a height, for a replay of a ledger
// that goes on.
func Before(end ledger.Height, blocks iter.Seq2[ledger.Block, error]) iter.Seq2[ledger.Block, error] {
	return func(yield func(ledger.Block, error) bool) {
		if end <= 1 {
			return
		}
		for b, err := range blocks {
			if !yield(b, err) || err != nil || b.Height+1 >= end {
				return
			}
		}
	}
}
