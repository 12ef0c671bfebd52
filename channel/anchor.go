package channel

import (
	"context"
	"fmt"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/proof"
)

// Anchor posts how far both members have signed the same log on the
// Omnilateral, with the channel key, and gives the anchor once it is final.
// It waits until both heads cover what the channel holds now. When the partner
// has posted the same or more, that anchor is given. Codes: not-yet when ctx
// ends before the partner has answered; diverged.
func (b *Bilateral) Anchor(ctx context.Context) (proof.Anchor, error) {
	b.r.mu.RLock()
	want := b.r.size
	b.r.mu.RUnlock()
	if want == 0 {
		return proof.Anchor{}, fault.New(fault.NotYet, "the channel is empty", "anchor it after its first block")
	}
	for {
		b.mu.Lock()
		changed, dispute, theirs, halted, keys := b.changed, b.p.Dispute, b.theirs, b.halted, b.keys
		if len(b.anchors) > 0 && b.anchors[0].anchor.Head().Size >= want {
			a := b.anchors[0].anchor
			b.mu.Unlock()
			return a, nil
		}
		b.mu.Unlock()
		switch {
		case halted != nil:
			return proof.Anchor{}, halted
		case dispute != nil && dispute.Parted():
			return proof.Anchor{}, fault.New(CodeDiverged, "the two members' logs differ", "look at the divergence on both nodes")
		case theirs != nil && theirs.Signed.Head.Size >= want && theirs.Signed.Verify(keys):
			if err := b.postAnchor(ctx, theirs.Signed); err != nil {
				return proof.Anchor{}, err
			}
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return proof.Anchor{}, fault.New(fault.NotYet, "the partner has not signed the present state yet", "wait for the partner's node").Because(ctx.Err())
		}
	}
}

// postAnchor signs a head of the same size as the partner's and posts both.
func (b *Bilateral) postAnchor(ctx context.Context, theirs proof.SignedHead) error {
	b.r.mu.RLock()
	own, err := b.r.headAt(theirs.Head.Size)
	b.r.mu.RUnlock()
	if err != nil {
		return err
	}
	if own != theirs.Head {
		return fault.New(CodeDiverged, "the partner's head is not of this node's log", "look at the divergence on both nodes")
	}
	err = b.submitAnchor(ctx, proof.NewAnchor(own.Sign(b.s.Load().key, uint8(b.mine)), theirs, nil))
	if err == nil {
		return nil
	}
	// Both sides may post at the same time: the second is no news.
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.anchors) > 0 && b.anchors[0].anchor.Head().Size >= own.Size {
		return nil
	}
	return err
}

func (b *Bilateral) submitAnchor(ctx context.Context, a proof.Anchor) error {
	var extends []canon.Hash
	err := b.m.omni.View(func(v View) error {
		last, ok := b.m.law.LastAnchor(v, b.r.id)
		if !ok || last.Head().Size >= a.Head().Size {
			return nil
		}
		b.r.mu.RLock()
		defer b.r.mu.RUnlock()
		var err error
		extends, err = b.r.log.Consistency(last.Head().Size, a.Head().Size)
		return err
	})
	if err != nil {
		return fmt.Errorf("proving that the anchor extends the last one: %w", err)
	}
	out, err := b.public.Load().enqueue(one(b.m.law.Anchor(a, extends))).Wait(ctx)
	if err != nil {
		return err
	}
	return FirstErr(out)
}

func one[T any](v T) []T { return []T{v} }

// Anchors gives the last anchors of the channel that this node has met since
// it started, the newest first.
func (b *Bilateral) Anchors() []proof.Anchor {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]proof.Anchor, len(b.anchors))
	for i, a := range b.anchors {
		out[i] = a.anchor
	}
	return out
}

// Prove gives a document that shows the present value of a record to a third
// party, offline: see package proof. It waits for an anchor that covers the
// record as it is now. Codes: not-found, not-yet when ctx ends first.
func (b *Bilateral) Prove(ctx context.Context, key string) ([]byte, error) {
	for {
		b.mu.Lock()
		changed := b.changed
		b.mu.Unlock()
		doc, err := b.prove(key)
		if err == nil {
			return b.certify(ctx, doc)
		}
		if fault.CodeOf(err) != fault.NotYet {
			return nil, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fault.Of(err).Because(ctx.Err())
		}
	}
}

// prove makes the part of a document that rests on the Bilateral.
func (b *Bilateral) prove(key string) (proof.Document, error) {
	d := proof.Document{Version: proof.Version, Key: key}
	value, ok, err := b.Get(key)
	if err != nil {
		return d, err
	}
	if !ok {
		return d, fault.Newf(fault.NotFound, "name a record of the channel", "the channel has no record %q", key)
	}
	d.Value = value
	b.mu.Lock()
	defer b.mu.Unlock()
	b.r.mu.RLock()
	defer b.r.mu.RUnlock()
	for _, a := range b.anchors {
		if a.state == nil {
			continue
		}
		if d.Record, err = a.state.tree.Prove(key, value); err != nil {
			continue // the record has changed since
		}
		d.Anchor, d.Index = a.anchor, a.state.index
		if d.Leaf, err = b.r.leaf(d.Index); err != nil {
			return d, err
		}
		d.Inclusion, err = b.r.log.Inclusion(d.Index, a.anchor.Head().Size)
		return d, err
	}
	return d, fault.New(fault.NotYet, "no anchor covers the record as it is now", "post an anchor (it is done at each period's close), then ask again")
}

// certify adds what rests on the Omnilateral.
func (b *Bilateral) certify(ctx context.Context, d proof.Document) ([]byte, error) {
	m := b.m.omni
	var height ledger.Height
	var tree *merkle.Sparse
	var root ledger.Root
	var channelRecord, anchorRecord []byte
	err := m.View(func(v View) error {
		// Blocks since then have left the root as it is, and its certificate is
		// at hand; that of the last block takes another block.
		height, tree, root = v.Position, m.r.tree, m.r.root()
		d.State = tree.Root()
		var err error
		if d.Log, err = m.r.log.RootAt(m.r.size); err != nil {
			return err
		}
		var ok [2]bool
		channelRecord, ok[0] = v.Get(proof.ChannelKey(b.r.id))
		anchorRecord, ok[1] = v.Get(d.Anchor.Key())
		if !ok[0] || !ok[1] {
			return fault.New(fault.NotYet, "the Omnilateral does not hold the channel's anchor", "post an anchor, then ask again")
		}
		return canon.Decode(channelRecord, &d.Channel)
	})
	if err != nil {
		return nil, err
	}
	if d.ChannelProof, err = tree.Prove(proof.ChannelKey(b.r.id), channelRecord); err != nil {
		return nil, err
	}
	if d.AnchorProof, err = tree.Prove(d.Anchor.Key(), anchorRecord); err != nil {
		return nil, err
	}
	cert, err := b.m.ledger.Certified(ctx, height)
	if err != nil {
		return nil, fmt.Errorf("asking for the certified root after block %d: %w", height, err)
	}
	if cert.Root != root {
		return nil, fault.Newf(CodeRootDiffers, "stop the node, check its version against the network's, and rebuild it from keys and ledger",
			"after block %d this node has root %s and the validators %s", height, root, cert.Root)
	}
	d.Certificate = cert.Bytes
	return d.Marshal(), nil
}
