package channel

import (
	"fmt"
	"io"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/proof"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
)

// A channel that a missing key has stopped is restored from the partner's
// export. What the export holds follows from two signatures, one of them this
// member's own, and from the ledger: records add up to the state root of the
// anchored leaf, leaves to the root that both have signed, receipts to their
// leaf; which envelopes there were, the Omnilateral says. On the partner's word
// alone stand the wording of events and refusals, and of the channel's protocol
// an offer that waits; a wrong one shows with the next head. What has come since
// the anchor is executed from the ledger.

// Restore takes a partner's export of a channel that a missing key has stopped,
// all of it or nothing. It goes on when the member is
// opened again: what has come since is executed then. Codes: export-refused;
// conflict when the channel needs none; not-yet until the member is ready, or
// has the export's anchor; key-missing when the export is older than this node's
// keys; signed-otherwise when this node has signed another log.
func (m *Member) Restore(id canon.Hash, r io.Reader) error {
	b, err := m.restorable(id)
	if err != nil {
		return err
	}
	x, err := readExport(r)
	if err != nil {
		return err
	}
	if x.Chain != m.chain || x.Channel != id {
		return exportRefused("it is of another network or channel")
	}
	m.step.Lock()
	defer m.step.Unlock()
	if _, err := m.restorable(id); err != nil { // twice at a time
		return err
	}
	batch, err := b.restored(x)
	if err != nil {
		return err
	}
	if err := b.r.space.Replace(batch); err != nil {
		return fmt.Errorf("writing the restored channel: %w", err)
	}
	b.mu.Lock()
	b.halted = fault.New(fault.NotYet, "the channel was restored from the partner's export", "start the node again: it goes on from there")
	b.mu.Unlock()
	m.log.Info("channel restored from the partner's export", "channel", id, "partner", b.partner, "position", x.Anchor.Position)
	return nil
}

// Restorable says why a channel takes no export of its partner, or nil. Codes:
// not-found, not-yet, conflict.
func (m *Member) Restorable(id canon.Hash) error {
	_, err := m.restorable(id)
	return err
}

func (m *Member) restorable(id canon.Hash) (*Bilateral, error) {
	if !m.maySign() {
		return nil, fault.New(fault.NotYet, "this node has not caught up with the network", "send the export again later")
	}
	b, ok := m.Bilateral(id)
	if !ok {
		return nil, fault.New(fault.NotFound, "the export is of a channel that this node does not have", "send it to the channel's member")
	}
	if fault.CodeOf(b.Err()) != CodeKeyMissing {
		return nil, fault.New(fault.Conflict, "no missing key has stopped the channel on this node", "nothing: the channel needs no export")
	}
	return b, nil
}

// restored checks an export and gives what replaces the channel. step is held.
func (b *Bilateral) restored(x export) (out store.Batch, err error) {
	position := x.Anchor.Position
	if err := b.checkAnchor(x.Anchor); err != nil {
		return out, err
	}
	log, err := checkLeaves(x)
	if err != nil {
		return out, err
	}
	executed, err := b.checkEntries(x)
	if err != nil {
		return out, err
	}
	writes := make([]merkle.Write, len(x.records))
	for i, r := range x.records {
		writes[i] = merkle.Write{Key: string(r.Key), Value: append([]byte{}, r.Value...)}
	}
	state, err := merkle.NewSparse(b.secret[:]).Update(writes)
	if err != nil || state != x.leaves[len(x.leaves)-1].State {
		return out, exportRefused("its records are not those of the state that both members have signed").Because(err)
	}
	if err := b.checkProtocol(x, log); err != nil {
		return out, err
	}
	index := []store.IndexWrite{{Index: indexTurned, Key: epochName(x.Protocol.agreedEpoch()), Value: canon.Must(position)}}
	for _, a := range x.Epochs {
		if _, err := b.openEpoch(a, b.m.keys.Sealing()); err != nil {
			continue // nor could it be checked; only a very late envelope would need it
		}
		index = append(index, store.IndexWrite{Index: indexEpochs, Key: epochName(a.Offer.Epoch), Value: canon.Must(a)})
	}
	meta := map[string][]byte{metaProtocol: canon.Must(x.Protocol), metaExecuted: canon.Must(executed)}
	records := newOverlay(noRecords{})
	for _, w := range writes {
		records.apply([]trade.Write{trade.Write(w)})
	}
	if b.m.law.Destroys(records, records.wrote) {
		meta[metaPromised] = canon.Must(position) // or before; only later blocks are of interest
	}
	for _, name := range []string{metaInvitation, metaRotation} { // ours, and no part of an export
		data, ok, err := b.r.space.Meta(name)
		if err != nil {
			return out, err
		}
		if ok {
			meta[name] = data
		}
	}
	return store.Batch{Writes: writes, Leaves: x.raw, Events: x.events, Meta: meta, Index: index, Roots: &store.Roots{State: state, Log: log.Root()}}, nil
}

// checkAnchor sees that both members have signed the anchor and that it is on
// the Omnilateral.
func (b *Bilateral) checkAnchor(a proof.Anchor) error {
	state := b.m.omni.r.state
	c, ok := state.Get(proof.ChannelKey(b.r.id))
	var ch proof.Channel
	if !ok || canon.Stored(c, &ch) != nil {
		return corruptStore("the record of channel " + b.r.id.String() + " cannot be read")
	}
	if err := a.CheckStanding(ch); err != nil || len(a.Heads) != 2 {
		return exportRefused("both members have not signed its anchor").Because(err)
	}
	if there, ok := state.Get(a.Key()); !ok || string(there) != string(canon.Must(a)) {
		return exportRefused("its anchor is not on the ledger")
	}
	return nil
}

// checkLeaves sees that the block log is the anchored one.
func checkLeaves(x export) (*merkle.Log, error) {
	head := x.Anchor.Head()
	log := &merkle.Log{}
	for i, leaf := range x.leaves {
		if i > 0 && leaf.Position <= x.leaves[i-1].Position {
			return nil, exportRefused("its block log is not in the order of the ledger")
		}
		log.Append(x.raw[i])
	}
	if log.Size() == 0 || log.Size() != head.Size || log.Root() != head.Root || x.leaves[len(x.leaves)-1].Position != head.Position {
		return nil, exportRefused("its block log is not the one that both members have signed")
	}
	return log, nil
}

// checkEntries sees that the entries are of the ledger's envelopes and give the
// receipts of the block log. It counts the channel's envelopes up to there.
func (b *Bilateral) checkEntries(x export) (executed uint64, err error) {
	type sent struct {
		by sign.PublicKey
		id canon.Hash
	}
	envelopes := map[ledger.Position]sent{}
	id := b.r.id
	for r, err := range b.m.omni.r.space.ScanIndex(indexEnvelopes, string(id[:])) {
		if err != nil {
			return 0, err
		}
		var mark envelopeMark
		if err := canon.Stored(r.Value, &mark); err != nil || len(r.Key) != 72 {
			return 0, corruptStore("the index of envelopes cannot be read").Because(err)
		}
		if uint64(mark.Position.Height) <= x.Anchor.Position {
			envelopes[mark.Position] = sent{sign.PublicKey([]byte(r.Key[32:64])), mark.ID}
		}
	}
	rest := x.entries
	for i, leaf := range x.leaves {
		var lines []receiptLine
		for ; len(rest) > 0 && uint64(rest[0].Position.Height) == leaf.Position; rest = rest[1:] {
			e := rest[0]
			if envelopes[e.Position] != (sent{e.Sender, e.Envelope}) {
				return 0, exportRefused(fmt.Sprintf("the ledger has no such envelope at %s", e.Position))
			}
			if len(rest) > 1 && !e.Position.Before(rest[1].Position) {
				return 0, exportRefused("its event log is not in the order of the ledger")
			}
			lines = e.appendLines(lines)
		}
		if len(lines) == 0 || canon.HashOf(tagReceipts, lines) != leaf.Receipts {
			return 0, exportRefused(fmt.Sprintf("its receipts of block %d are not those of leaf %d", leaf.Position, i))
		}
	}
	if len(rest) > 0 {
		return 0, exportRefused("it has receipts of blocks that are not in its log")
	}
	return uint64(len(envelopes)), nil
}

// checkProtocol sees that the channel's protocol can have come to this, and that
// this node has the keys to go on.
func (b *Bilateral) checkProtocol(x export, log *merkle.Log) error {
	p := x.Protocol
	o, ok := b.m.law.Opening(b.m.omni.r.state, b.r.id)
	if !ok {
		return corruptStore("the opening of channel " + b.r.id.String() + " cannot be read")
	}
	pairs := append(slices.Clone(o.Past), o.Keys)
	at := slices.Index(pairs, p.Keys)
	first := max(1, p.Epoch-1)
	switch {
	case at < 0 || slices.ContainsFunc(p.Past, func(k [2]sign.PublicKey) bool { return !slices.Contains(pairs[:at], k) }):
		return exportRefused("its channel keys are not those of the ledger")
	case p.Dispute != nil:
		return exportRefused("it is of a channel in dispute")
	case p.agreedEpoch() == 0 || max(p.Used[0], p.Used[1]) > p.Epoch || uint64(len(x.Epochs)) != uint64(p.Epoch-first)+1:
		return exportRefused("its epochs do not follow each other")
	}
	for i, a := range x.Epochs {
		if a.Offer.Epoch != first+uint32(i) || a.By > 1 || !slices.Contains(pairs[:at+1], a.Keys) {
			return exportRefused("an epoch's key is not of the channel")
		}
	}
	if _, err := b.openEpoch(x.Epochs[len(x.Epochs)-1], b.m.keys.Sealing()); err != nil {
		return fault.Newf(CodeKeyMissing, keyMissing, "the export ends in epoch %d, and none of this node's sealing keys opens it", p.Epoch).Because(err)
	}
	var attested []uint64
	for by, h := range p.Heads {
		if h == nil {
			continue
		}
		good := slices.ContainsFunc(pairs[:at+1], h.Signed.Verify)
		if own, err := headOf(x, log, h.Signed.Head.Size); err != nil || int(h.Signed.By) != by || !good || own != h.Signed.Head {
			return exportRefused("a signed head in it is not of its log").Because(err)
		}
		attested = append(attested, h.Signed.Head.Position)
	}
	want := uint64(0)
	if len(attested) == 2 {
		want = min(attested[0], attested[1])
	}
	if p.Older > x.Anchor.Position || p.Offered > x.Anchor.Position {
		return exportRefused("its epochs are later than its anchor")
	}
	if p.Attested != want && p.Settled == nil || p.Attested < want || p.Attested > x.Anchor.Position {
		return exportRefused("how far both have signed does not follow from its heads")
	}
	if h, ok := b.m.outbox.signedHead(b.r.id); ok && h.Size <= log.Size() {
		if own, err := headOf(x, log, h.Size); err != nil || own != h {
			return fault.Newf(CodeSignedOtherwise, "compare the two nodes' logs before anything is restored", "this node has signed another head at size %d than the export gives", h.Size).Because(err)
		}
	}
	return nil
}

// headOf gives the head of an export's log at a size.
func headOf(x export, log *merkle.Log, size uint64) (h proof.Head, err error) {
	h = proof.Head{Channel: x.Channel, Size: size}
	if h.Root, err = log.RootAt(size); err == nil && size > 0 {
		h.Position = x.leaves[size-1].Position
	}
	return h, err
}
