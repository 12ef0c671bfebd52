package channel

import (
	"context"
	"fmt"
	"slices"

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
// party, offline: see package proof. Where no anchor covers the record as it is
// now, one is posted: who audits need not wait for what else is a reason to
// post, which may be a month away. Codes: not-found, diverged; not-yet when ctx
// ends first.
func (b *Bilateral) Prove(ctx context.Context, key string) ([]byte, error) {
	doc, err := b.prove(key)
	if fault.CodeOf(err) == fault.NotYet {
		doc, err = b.proveAnew(ctx, key)
	}
	if err != nil {
		return nil, err
	}
	return b.certify(ctx, doc)
}

// proveAnew posts anchors until one covers the record. Who asks at the same
// time waits here, and has the same anchor.
func (b *Bilateral) proveAnew(ctx context.Context, key string) (proof.Document, error) {
	select {
	case b.proving <- struct{}{}:
		defer func() { <-b.proving }()
	case <-ctx.Done():
		return proof.Document{}, notCovered().Because(ctx.Err())
	}
	for {
		b.mu.Lock()
		changed := b.changed
		b.mu.Unlock()
		doc, err := b.prove(key)
		if fault.CodeOf(err) != fault.NotYet {
			return doc, err
		}
		b.r.mu.RLock()
		size := b.r.size
		b.r.mu.RUnlock()
		if last := b.Anchors(); len(last) > 0 && last[0].Head().Size >= size {
			// The present is anchored and its state not at hand: only what comes next helps.
			select {
			case <-changed:
			case <-ctx.Done():
				return doc, fault.Of(err).Because(ctx.Err())
			}
			continue
		}
		if _, err := b.Anchor(ctx); err != nil {
			return doc, err
		}
	}
}

// notCovered is the refusal of a proof that no anchor allows.
func notCovered() *fault.Error {
	return fault.New(fault.NotYet, "no anchor covers the record as it is now", "ask again when the partner's node answers: both sign what an anchor covers")
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
	return d, notCovered()
}

// certify adds what rests on the Omnilateral.
func (b *Bilateral) certify(ctx context.Context, d proof.Document) ([]byte, error) {
	p, err := b.m.certified(ctx, []string{proof.ChannelKey(b.r.id), d.Anchor.Key()})
	if err != nil {
		return nil, err
	}
	channelRecord, anchorRecord := p.Records[0], p.Records[1]
	if channelRecord.Value == nil || anchorRecord.Value == nil {
		return nil, fault.New(fault.NotYet, "the Omnilateral does not hold the channel's anchor", "post an anchor, then ask again")
	}
	if err := canon.Decode(channelRecord.Value, &d.Channel); err != nil {
		return nil, err
	}
	d.ChannelProof, d.AnchorProof = channelRecord.Proof, anchorRecord.Proof
	d.State, d.Log, d.Certificate = p.State, p.Log, p.Certificate
	return d.Marshal(), nil
}

// ProvePublic gives a document that shows present records of the Omnilateral, or
// that there are none under their keys, to a third party, offline: see package
// proof. Keys are in byte order.
func (m *Member) ProvePublic(ctx context.Context, keys []string) ([]byte, error) {
	p, err := m.certified(ctx, keys)
	if err != nil {
		return nil, err
	}
	return p.Marshal(), nil
}

// certified proves records of the Omnilateral by the root that the validators have
// certified.
func (m *Member) certified(ctx context.Context, keys []string) (p proof.Public, err error) {
	r := m.omni.r
	var height ledger.Height
	var tree *merkle.Sparse
	var root ledger.Root
	var log canon.Hash
	records := make([]proof.PublicRecord, len(keys))
	err = m.omni.View(func(v View) (err error) {
		// Blocks since then have left the root as it is, and its certificate is
		// at hand; that of the last block takes another block.
		height, tree, root = v.Position, r.tree, r.root()
		for i, key := range keys {
			records[i].Key = key
			if value, ok := v.Get(key); ok {
				records[i].Value = slices.Clone(value)
			}
		}
		log, err = r.log.RootAt(r.size)
		return err
	})
	if err != nil {
		return p, err
	}
	if p, err = proof.ProvePublic(tree, records); err != nil {
		return p, err
	}
	p.Log = log
	cert, err := m.ledger.Certified(ctx, height)
	if err != nil {
		return p, fmt.Errorf("asking for the certified root after block %d: %w", height, err)
	}
	if cert.Root != root {
		return p, fault.Newf(CodeRootDiffers, "stop the node, check its version against the network's, and rebuild it from keys and ledger",
			"after block %d this node has root %s and the validators %s", height, root, cert.Root)
	}
	p.Certificate = cert.Bytes
	return p, nil
}
