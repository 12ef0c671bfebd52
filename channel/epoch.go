package channel

import (
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/seal"
	"github.com/lateral-network/lateral/trade"
)

// Epoch keys: who offers one when, and where the keys in force are found.

// CodeKeyMissing: an epoch key that is in force cannot be opened with the
// sealing keys of this node. The channel stops here.
const CodeKeyMissing fault.Code = "key-missing"

// wrappedSize is the size of a wrapped epoch key.
const wrappedSize = seal.Overhead + len(epochKey{})

// epochKey gives the key of an epoch that is or was in force.
func (d *bilateralDraft) epochKey(epoch uint32) (epochKey, error) {
	var data []byte
	for _, w := range d.index { // accepted in this very block
		if w.Index == indexEpochs && w.Key == epochName(epoch) {
			data = w.Value
		}
	}
	d.b.mu.Lock()
	defer d.b.mu.Unlock()
	return d.b.epochKey(epoch, data)
}

// epochKey opens an epoch's key from its record, or from the store when data is
// nil. mu is held.
func (b *Bilateral) epochKey(epoch uint32, data []byte) (epochKey, error) {
	if k, ok := b.epochs[epoch]; ok {
		return k, nil
	}
	if data == nil {
		var ok bool
		var err error
		if data, ok, err = b.r.space.Lookup(indexEpochs, epochName(epoch)); err != nil {
			return epochKey{}, err
		}
		if !ok { // of before this node was restored from the partner's export
			return epochKey{}, fault.Newf(CodeKeyMissing, keyMissing, "this node does not have epoch %d of the channel with %s", epoch, b.partner)
		}
	}
	var a accepted
	if err := canon.Decode(data, &a); err != nil {
		return epochKey{}, corruptStore("an epoch's key cannot be read").Because(err)
	}
	k, ok := b.kept[epoch]
	if !ok || k.commitment(b.m.chain, b.r.id, epoch) != a.Offer.Commitment {
		var err error
		if k, err = b.openEpoch(a, b.m.keys.Sealing()); err != nil {
			return epochKey{}, fault.Newf(CodeKeyMissing, keyMissing, "none of this node's sealing keys opens epoch %d of the channel with %s", epoch, b.partner).Because(err)
		}
	}
	b.epochs[epoch] = k
	return k, nil
}

// keyMissing is what to do about a missing key.
const keyMissing = "put the sealing key that was current then back into the key file; where an agreement had it destroyed, restore this node " +
	"from a backup, or have the partner send its sealed export (lateral bilateral export)"

// openEpoch opens an epoch's key with one of some sealing keys.
func (b *Bilateral) openEpoch(a accepted, sealing []seal.Key) (epochKey, error) {
	return a.Offer.open(b.m.chain, b.r.id, a.Keys[a.By&1], a.Keys, b.mine, sealing)
}

func epochName(epoch uint32) string {
	return string([]byte{byte(epoch >> 24), byte(epoch >> 16), byte(epoch >> 8), byte(epoch)})
}

// answerOffer opens the partner's offer of a new epoch and accepts it.
func (b *Bilateral) answerOffer() {
	m := b.p.Offers[1-b.mine]
	if m == nil || b.said.accept == m.Offer.Commitment || b.said.refused == m.Height || b.p.Keys != b.keys {
		return // answered; or made under keys that count no more: it is void with the next block of the channel
	}
	_, err := m.Offer.open(b.m.chain, b.r.id, b.keys[1-b.mine], b.keys, b.mine, b.m.keys.Sealing())
	if err != nil {
		b.said.refused = m.Height
		b.m.raise(Alarm{Channel: b.r.id, Code: fault.CodeOf(err), Height: b.height(), Detail: "the partner's epoch key is not accepted: " + err.Error(), Remedy: fault.Of(err).Remedy})
		return
	}
	b.said.accept = m.Offer.Commitment
	b.tell(noteAccept, epochAccept{m.Offer.Epoch, m.Offer.Commitment})
}

// offer starts a new epoch when there is none, when it is a day old, and when
// a sealing key or a channel key has changed. The side whose key comes first does it at once,
// the other when the first has not.
func (b *Bilateral) offer(public trade.Records, height uint64, now int64) {
	next := b.p.Epoch + 1
	theirs := b.p.Offers[1-b.mine]
	if b.said.offer >= next || b.p.Offers[b.mine] != nil || theirs != nil && theirs.Height != b.said.refused {
		return
	}
	sealing, ok := b.sealingKeys(public, height)
	if !ok {
		return // a member without a sealing key cannot be reached: nothing to do until it registers one
	}
	patience := int64(0)
	if b.mine != 0 {
		patience = epochGrace
	}
	stale := b.p.Rekeyed || now-b.p.Since >= epochLife+patience
	if b.p.Epoch > 0 && !stale {
		then, _ := b.sealingKeys(public, b.p.Offered)
		stale = then != sealing
	}
	// The first key is offered by the side whose channel key comes first, not by
	// the opener: nothing is to tell an outsider which of the two opened.
	if b.p.Epoch == 0 && b.mine == 0 || b.p.Epoch > 0 && stale {
		b.newEpoch(public, height)
	}
}

// sealingKeys gives what counts at a height to seal for the two members, in the
// order of the channel keys.
func (b *Bilateral) sealingKeys(public trade.Records, height uint64) (keys [2]seal.PublicKey, ok bool) {
	for side := range keys {
		if keys[side], ok = b.m.law.Sealing(public, b.member(side), height); !ok {
			return keys, false
		}
	}
	return keys, true
}

// newEpoch offers a new epoch key. mu is held.
func (b *Bilateral) newEpoch(public trade.Records, height uint64) {
	next := b.p.Epoch + 1
	sealing, ok := b.sealingKeys(public, height)
	if !ok {
		return
	}
	k, err := newEpochKey(reader(b.m.random))
	if err == nil {
		var o epochOffer
		if o, err = newEpochOffer(k, b.m.chain, b.r.id, next, b.keys[b.mine], b.keys, sealing); err == nil {
			b.said.offer = next
			b.tell(noteOffer, o)
		}
	}
	if err != nil {
		b.m.raise(Alarm{Channel: b.r.id, Code: fault.CodeOf(err), Height: b.height(), Detail: "no epoch key can be offered: " + err.Error()})
	}
}

// CodeEpochOverdue: the key that seals a channel is older than a day, because
// the partner has not accepted the next one.
const CodeEpochOverdue fault.Code = "epoch-overdue"

// complain tells people of an epoch that should have ended. mu is held.
func (b *Bilateral) complain(now int64) {
	err := b.overdue(now)
	if err == nil || b.said.overdue == b.p.Epoch {
		return
	}
	b.said.overdue = b.p.Epoch
	b.m.raise(Alarm{Channel: b.r.id, Code: err.Code, Height: b.r.height, Detail: err.Detail, Remedy: err.Remedy})
}

func (b *Bilateral) overdue(now int64) *fault.Error {
	if b.p.Epoch == 0 || now-b.p.Since < epochOverdue {
		return nil
	}
	return fault.Newf(CodeEpochOverdue, "see that the partner's node runs and knows its sealing key; until then the channel goes on under the old key",
		"epoch %d of the channel with %s is in force for more than 25 hours", b.p.Epoch, b.partner)
}

// Overdue says that the channel's sealing key should have changed and has not,
// or nil. Code: epoch-overdue.
func (b *Bilateral) Overdue() error {
	b.r.mu.RLock()
	now := b.r.time
	b.r.mu.RUnlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.overdue(now); err != nil {
		return err
	}
	return nil
}
