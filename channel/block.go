package channel

import (
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/proof"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
)

// One block on a Bilateral: its envelopes are opened and executed on a draft,
// which is adopted once it is committed.

// bilateralDraft is a block being tried on a Bilateral.
type bilateralDraft struct {
	*draft
	b     *Bilateral
	p     protocol
	keys  [2]sign.PublicKey // that counted when the block was admitted
	moved bool              // p differs from the channel's
	count uint64            // envelopes executed, this block's included
	heads []headMark        // met in the block

	undoFrom uint64 // the undo index begins here when the block is committed
	promised uint64 // see Bilateral
	backTo   uint64 // likewise
}

// run executes the channel's envelopes of a block. An error is this node's
// trouble with the channel; a bad envelope is none.
func (b *Bilateral) run(block ledger.Block, envelopes []verdict, public trade.Records) (d *bilateralDraft, err error) {
	defer catch(&err)
	if err := b.m.law.Version(b.r.state, uint64(block.Height)); err != nil {
		return nil, err
	}
	o, ok := b.m.law.Opening(public, b.r.id)
	if !ok {
		return nil, fault.New(fault.Internal, "an envelope was admitted to a channel that is not there", "report this")
	}
	b.mu.Lock()
	p, last := b.p, uint64(0)
	if len(b.anchors) > 0 {
		last = b.anchors[0].anchor.Head().Size
	}
	b.mu.Unlock()
	d = &bilateralDraft{draft: b.r.draft(block.Height, block.Time, public), b: b, p: p, keys: o.Keys, count: b.executed + uint64(len(envelopes))}
	d.meta[metaExecuted] = canon.Must(d.count)
	if d.p.Keys != o.Keys {
		if d.p.Keys != ([2]sign.PublicKey{}) {
			d.p.Past = append(slices.Clone(d.p.Past), d.p.Keys)
		}
		// An offer is bound to the keys that it was made under.
		d.p.Keys, d.p.Offers, d.p.Rekeyed, d.moved = o.Keys, [2]*offerMark{}, d.p.Epoch > 0, true
	}
	if p := d.p.Dispute; p != nil {
		if next := p.overdue(block.Time); next.Silent != p.Silent {
			d.p.Dispute, d.moved = &next, true
		}
	}
	for _, v := range envelopes {
		if err := d.envelope(v); err != nil {
			return nil, fmt.Errorf("envelope %d of block %d: %w", v.index, block.Height, err)
		}
	}
	if d.moved {
		d.meta[metaProtocol] = canon.Must(d.p)
	}
	if n := d.p.agreedEpoch(); n > p.agreedEpoch() {
		d.index = append(d.index, store.IndexWrite{Index: indexTurned, Key: epochName(n), Value: canon.Must(d.p.Older)})
	}
	d.dropUndo(last)
	if err := d.finish(); err != nil {
		return nil, err
	}
	return d, d.keepBack(p)
}

func (d *bilateralDraft) envelope(v verdict) error {
	by := slices.Index(d.keys[:], v.envelope.Header.Sender)
	if by < 0 {
		return fault.New(fault.Internal, "an admitted envelope is of neither channel key", "report this")
	}
	content, err := d.open(by, v.envelope)
	if fault.CodeOf(err) == CodeUnreadable {
		d.reject(v.index, v.envelope, v.id, CodeUnreadable)
		return nil
	}
	if err != nil {
		return err
	}
	if e := v.envelope.Header.Epoch; e != d.p.Used[by] {
		d.p.Used[by], d.moved = e, true
	}
	at := ledger.Position{Height: ledger.Height(d.block.Height), Index: v.index}
	var outcomes []NoteOutcome
	for i, n := range content.Notes {
		code := d.take(by, at, n)
		if n.Kind.touches() {
			outcomes = append(outcomes, NoteOutcome{i, n.Kind.String(), code})
		}
	}
	if len(content.Commands) == 0 && len(outcomes) == 0 {
		return nil // heads and the like are no part of the log
	}
	var refuse func(trade.Command) *fault.Error
	if d.p.Dispute != nil && d.p.Dispute.Parted() {
		refuse = d.b.diverged
	}
	d.attested = d.p.Attested
	d.execute(v.index, v.envelope, v.id, content.Commands, outcomes, refuse)
	return nil
}

func (b *Bilateral) diverged(c trade.Command) *fault.Error {
	if b.m.law.Diverged(c) {
		return nil
	}
	return fault.New(CodeDiverged, "the two members' states have parted; the channel takes termination, evidence and payment only",
		"run lateral replay, rebuild the node that it blames, then close the divergence on both sides (lateral bilateral mend)")
}

// open reads an envelope. Code unreadable is the same for both members: it
// follows from the log alone, once the epoch's key is at hand.
func (d *bilateralDraft) open(by int, e ledger.Envelope) (batch, error) {
	h := e.Header
	if h.Epoch == 0 {
		if d.p.Epoch != 0 {
			return batch{}, unreadable("the payload is in the open although an epoch is in force", nil)
		}
		content, err := unpack(e.Payload, 0)
		if err != nil {
			return batch{}, err
		}
		if len(content.Commands) > 0 || slices.ContainsFunc(content.Notes, func(n note) bool { return !n.Kind.touches() }) {
			return batch{}, unreadable("only epoch keys are agreed in the open", nil)
		}
		return content, nil
	}
	// The epoch before the present one counts until its sender has used the
	// present one: envelopes that were under way are not lost.
	if h.Epoch > d.p.Epoch || h.Epoch+1 < d.p.Epoch || h.Epoch < d.p.Used[by] {
		return batch{}, unreadable("the payload is sealed under an epoch that is not in force", nil)
	}
	if h.Epoch < d.p.Epoch {
		d.p.Older, d.moved = d.block.Height, true
	}
	key, err := d.epochKey(h.Epoch)
	if err != nil {
		return batch{}, err
	}
	padded, err := openPayload(key, h, e.Payload)
	if err != nil {
		return batch{}, err
	}
	return unpack(padded, sealOverhead)
}

// take takes one note of the log. A panic changes nothing but the receipt:
// nothing that a partner sends can stop the node.
func (d *bilateralDraft) take(by int, at ledger.Position, n note) (code fault.Code) {
	p, moved, heads, index := d.p, d.moved, len(d.heads), len(d.index)
	defer func() {
		switch x := recover().(type) {
		case nil:
		case storeFailure:
			panic(x)
		default:
			d.r.alarm(Alarm{Channel: d.r.id, Code: fault.Internal, Height: at.Height,
				Detail: fmt.Sprintf("a note of kind %s panicked: %v", n.Kind, x), Stack: string(debug.Stack())})
			d.p, d.moved, d.heads, d.index = p, moved, d.heads[:heads], d.index[:index]
			code = fault.Internal
		}
	}()
	return d.note(by, at, n)
}

// note takes one note of the log.
func (d *bilateralDraft) note(by int, at ledger.Position, n note) fault.Code {
	switch n.Kind {
	case noteOffer:
		var o epochOffer
		if canon.Decode(n.Body, &o) != nil || o.Epoch != d.p.Epoch+1 ||
			len(o.Wrapped[0]) != wrappedSize || len(o.Wrapped[1]) != wrappedSize {
			return fault.Invalid
		}
		d.p.Offers[by], d.moved = &offerMark{o, d.block.Height}, true
	case noteAccept:
		var a epochAccept
		if canon.Decode(n.Body, &a) != nil {
			return fault.Invalid
		}
		m := d.p.Offers[1-by]
		if m == nil || a.Epoch != m.Offer.Epoch || a.Commitment != m.Offer.Commitment {
			return fault.Refused
		}
		d.index = append(d.index, store.IndexWrite{Index: indexEpochs, Key: epochName(a.Epoch), Value: canon.Must(accepted{m.Offer, uint8(1 - by), d.keys})})
		d.p.Epoch, d.p.Since, d.p.Offered, d.moved = a.Epoch, d.block.Time, m.Height, true
		d.p.Offers, d.p.Rekeyed, d.p.Older = [2]*offerMark{}, false, d.block.Height
	case noteHead:
		var h proof.SignedHead
		if canon.Decode(n.Body, &h) != nil || int(h.By) != by || h.Head.Channel != d.b.r.id || h.Head.Term != 0 || !h.Verify(d.keys) {
			return fault.Invalid
		}
		d.head(by, &headMark{h, d.block.Time, at})
	case noteClaim:
		var c claim
		if canon.Decode(n.Body, &c) != nil {
			return fault.Invalid
		}
		if d.p.Dispute != nil {
			next := d.p.Dispute.answer(by, c, d.block.Time)
			d.p.Dispute, d.moved = &next, true
			if next.Blamed != nil {
				d.settle(at)
			}
		}
	case noteContra:
		var c contradiction
		if canon.Decode(n.Body, &c) != nil {
			return fault.Invalid
		}
		return d.contradict(by, at, c)
	case noteDetail:
		var x detail
		if canon.Decode(n.Body, &x) != nil {
			return fault.Invalid
		}
		if d.p.Dispute != nil {
			next := d.p.Dispute.explain(by, x)
			d.p.Dispute, d.moved = &next, true
		}
	default:
		return fault.Invalid
	}
	return ""
}

// head takes a signed head. All are compared with our own log; one that covers
// less than the last is no answer and takes nothing back.
func (d *bilateralDraft) head(by int, m *headMark) {
	d.heads = append(d.heads, *m)
	d.meetTwice(by, m.Signed)
	size := m.Signed.Head.Size
	if last := d.p.Heads[by]; last != nil && last.Signed.Head.Size > size {
		return
	}
	if other := d.p.Heads[1-by]; other == nil || other.Signed.Head.Size < size {
		d.p.Open[by] = unanswered(d.p.Open[by], openHead{size, m.Time})
	}
	d.p.Open[1-by] = answered(d.p.Open[1-by], size)
	d.p.Heads[by], d.moved = m, true
	if a, b := d.p.Heads[0], d.p.Heads[1]; a != nil && b != nil {
		d.p.Attested = max(d.p.Attested, min(a.Signed.Head.Position, b.Signed.Head.Position))
		if x := d.p.Dispute; x != nil && a.Signed.Head == b.Signed.Head && x.Since.Before(a.At) && x.Since.Before(b.At) && size >= x.Head.Head.Size {
			d.settle(m.At)
		}
	}
}

// settle ends the dispute: the two have one log again, or always had.
func (d *bilateralDraft) settle(at ledger.Position) {
	over := *d.p.Dispute
	over.Closed = at
	d.p.Dispute, d.p.Settled, d.moved = nil, &over, true
}

// signedBefore reports whether a head is signed with a channel key that counts
// or has counted.
func (d *bilateralDraft) signedBefore(h proof.SignedHead) bool {
	return h.Verify(d.keys) || slices.ContainsFunc(d.p.Past, h.Verify)
}

// adopt makes a committed block visible.
func (d *bilateralDraft) adopt() {
	b := d.b
	d.draft.adopt()
	b.executed, b.promised, b.backTo = d.count, d.promised, d.backTo
	b.mu.Lock()
	defer b.mu.Unlock()
	b.follow(d.keys)
	if over := d.p.Settled; over != b.p.Settled {
		b.settled(over)
	}
	b.p, b.undoFrom = d.p, max(b.undoFrom, d.undoFrom)
	for i := range d.heads {
		b.meetHead(&d.heads[i])
	}
	if d.leaves > 0 {
		b.trees = append(b.trees, keptTree{b.r.size, b.r.size - 1, d.tree})
		if len(b.trees) > keptTrees {
			b.trees = slices.Delete(b.trees, 0, len(b.trees)-keptTrees)
		}
	}
	if b.p.Epoch > 0 {
		if _, err := b.epochKey(b.p.Epoch, nil); err != nil {
			b.halt(err)
		}
	}
	for e := range b.epochs {
		if e+1 < b.p.Epoch {
			delete(b.epochs, e)
		}
	}
	b.wake()
}
