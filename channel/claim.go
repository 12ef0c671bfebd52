package channel

import (
	"context"
	"fmt"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/proof"
	"github.com/lateral-network/lateral/trade"
)

// A head that the partner posts alone on the Omnilateral counts as uncontested
// when nobody answers in time. This node answers each: it posts both heads when
// its own log has that one, and a head that contradicts it when not.

// AnchorAlone posts a head of ours that the partner has left without an answer,
// as a claim. Called again it posts the same claim until it counts: the law
// judges whether the partner has had its time. Code: not-yet before that.
func (b *Bilateral) AnchorAlone(ctx context.Context) error {
	var claim proof.Anchor
	var waits, covered bool
	b.mu.Lock()
	ours, fresh := b.p.Heads[b.mine], b.signedNow()
	b.mu.Unlock()
	err := b.m.omni.View(func(v View) error {
		claim, waits = b.m.law.Claim(v, b.r.id, b.mine)
		last, ok := b.m.law.LastAnchor(v, b.r.id)
		covered = ok && ours != nil && last.Head().Size >= ours.Signed.Head.Size
		return nil
	})
	switch {
	case err != nil:
		return err
	case waits:
		return b.submitAnchor(ctx, claim)
	case covered:
		return nil // both have signed it meanwhile
	case ours == nil || !fresh: // none, or one under keys that count no more
		return fault.New(fault.NotYet, "this node has signed no head yet", "wait until it has")
	}
	return b.submitAnchor(ctx, proof.NewUncontested(ours.Signed))
}

// answerClaim answers a head that the partner has posted alone. mu is held.
func (b *Bilateral) answerClaim(ctx context.Context, public trade.Records, height uint64) {
	claim, ok := b.m.law.Claim(public, b.r.id, 1-b.mine)
	if !ok || b.said.answered == claim.Heads[0].Head {
		return
	}
	theirs := claim.Heads[0]
	b.r.mu.RLock()
	own, err := b.r.headAt(min(theirs.Head.Size, b.r.size))
	b.r.mu.RUnlock()
	if err != nil {
		b.halt(err)
		return
	}
	answer := func(ctx context.Context) error { return b.postAnchor(ctx, theirs) }
	if own != theirs.Head {
		if err := b.claimedTwice(ctx, public, theirs); err != nil {
			b.halt(err)
			return
		}
		if !own.Contradicts(theirs.Head) {
			// It claims a longer log than there is. Once ours has grown in a later
			// block, no log can have both: an offer of an epoch key makes it grow.
			if b.said.grown != theirs.Head {
				b.said.grown = theirs.Head
				b.newEpoch(public, height)
			}
			return
		}
		b.m.raise(Alarm{Channel: b.r.id, Code: CodeDiverged, Height: b.height(),
			Detail: fmt.Sprintf("the partner claims a head of size %d on the Omnilateral that is not of this node's log", theirs.Head.Size),
			Remedy: "it is contested; run lateral replay to see who is wrong"})
		signed := own.Sign(b.s.Load().key, uint8(b.mine))
		answer = func(ctx context.Context) error {
			out, err := b.public.Load().enqueue(one(b.m.law.Contest(signed))).Wait(ctx)
			if err != nil {
				return err
			}
			return FirstErr(out)
		}
	}
	b.said.answered = theirs.Head
	b.m.go_(func() {
		err := answer(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		b.m.log.Warn("the partner's claim could not be answered", "channel", b.r.id, "err", err)
		b.mu.Lock()
		defer b.mu.Unlock()
		b.said.answered = proof.Head{} // with the next block
	})
}

// meetClaim notes the partner's claim in a channel of ours: it is answered with
// this block.
func (m *Member) meetClaim(value []byte) {
	a, ok := m.law.Claimed(value)
	if !ok {
		return
	}
	b, ok := m.Bilateral(a.Channel)
	if !ok {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if int(a.Heads[0].By) == b.mine {
		return
	}
	b.claimed = true
	b.said.answered = proof.Head{}
}

// takeClaimed reports whether a claim has come since it was asked last.
func (b *Bilateral) takeClaimed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	was := b.claimed
	b.claimed = false
	return was
}
