package channel

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/seal"
)

// An agreement may ask that old keys are destroyed. A sealing key opens the
// epochs of all of a member's channels, so once it is replaced its destruction
// waits until no channel needs it any more: both sides seal under an epoch that
// the keys which stay open, and an anchor that both have signed covers the
// change. What other channels need to be rebuilt from keys and ledger is put
// into the key store by the same write that destroys the key.

// past is what the key store keeps of a channel whose sealing keys were
// destroyed. The invitation says who the partner is and salts the state's
// leaves; it opens nothing on the ledger.
type past struct {
	Invitation *invitation `cbor:"1,keyasint,omitempty"`
	Epochs     []byte      `cbor:"2,keyasint,omitempty"` // number, 4 bytes big endian, and key, of each
}

const pastEpoch = 4 + len(epochKey{})

// past reads what the key store keeps of a channel.
func (m *Member) past(id canon.Hash) (p past, err error) {
	data := m.keys.Past(id)
	if data == nil {
		return p, nil
	}
	if err := canon.Decode(data, &p); err != nil || len(p.Epochs)%pastEpoch != 0 {
		return p, fault.Newf(fault.Corrupt, "restore the key file from a backup", "what the key file keeps of channel %s cannot be read", id).Because(err)
	}
	return p, nil
}

// loadPast takes up what was promised and what the key store has kept.
func (b *Bilateral) loadPast() error {
	data, ok, err := b.r.space.Meta(metaPromised)
	if err == nil && ok {
		err = canon.Stored(data, &b.promised)
	}
	if err != nil {
		return err
	}
	p, err := b.m.past(b.r.id)
	b.kept = map[uint32]epochKey{}
	for e := range slices.Chunk(p.Epochs, pastEpoch) {
		b.kept[binary.BigEndian.Uint32(e)] = epochKey(e[4:])
	}
	return err
}

// agreedEpoch is the epoch that both sides have used, or gone beyond: nothing
// that is sealed under an earlier one is read any more.
func (p *protocol) agreedEpoch() uint32 { return min(p.Used[0], p.Used[1]) }

// anchorWithin is how long one channel's partner is waited for when a channel
// is anchored for the sake of an old key.
const anchorWithin = 20 * time.Second

// Retire destroys former sealing keys, if an agreement asks for it, as soon as
// no channel needs them; done says that nothing is left to do. former are those
// that count no more. Code: not-yet, with what is waited for.
func (m *Member) Retire(ctx context.Context, former []seal.PublicKey) (done bool, err error) {
	if !m.maySign() {
		return false, fault.New(fault.NotYet, "this node has not caught up with the network", "wait until it is ready")
	}
	waiting, err := m.retire(former)
	if err != nil || len(waiting) == 0 {
		return err == nil, err
	}
	// An anchor is posted at each period's close; a channel at rest has none.
	for _, b := range waiting {
		ctx, cancel := context.WithTimeout(ctx, anchorWithin)
		_, e := b.Anchor(ctx)
		cancel()
		err = errors.Join(err, e)
	}
	return false, fault.Newf(fault.NotYet, "see that the partners' nodes run", "old sealing keys are destroyed once %d more channels are anchored under the new one", len(waiting)).Because(err)
}

// retire does it, or names the channels that need an anchor first.
func (m *Member) retire(former []seal.PublicKey) (waiting []*Bilateral, err error) {
	m.step.Lock() // no block comes in between
	defer m.step.Unlock()
	all := m.Bilaterals()
	// What a channel that has stopped would ask for is not known.
	asks := func(b *Bilateral) bool {
		return (b.promised > 0 || b.Err() != nil) && (len(former) > 0 || len(b.kept) > 0)
	}
	if !slices.ContainsFunc(all, asks) {
		return nil, nil
	}
	notYet := func(detail, remedy string) ([]*Bilateral, error) {
		return nil, fault.New(fault.NotYet, "old sealing keys are not destroyed yet: "+detail, remedy)
	}
	staying := slices.DeleteFunc(m.keys.Sealing(), func(k seal.Key) bool { return slices.Contains(former, k.Public()) })
	now, ok := m.law.Sealing(m.omni.r.state, m.code, uint64(m.omni.r.height)+1)
	if !ok || !slices.ContainsFunc(staying, func(k seal.Key) bool { return k.Public() == now }) {
		return notYet("the sealing key that counts is not in the key store beside them", "put the sealing key that is registered into the key file")
	}
	m.mu.RLock()
	missed := len(m.missed)
	m.mu.RUnlock()
	if missed > 0 {
		return notYet("channels of this member have not been taken up", "restore the key file, then start the node again")
	}
	kept := map[canon.Hash][]byte{}
	least := map[*Bilateral]uint32{}
	for _, b := range all {
		switch b.State() {
		case StateLapsed:
			continue
		case StateOpen:
		default:
			return notYet("the channel with "+b.partner+" is "+string(b.State()), "see to the channel first; the keys may be needed to repair it")
		}
		if least[b], ok, err = b.closed(staying); err != nil {
			return nil, err
		}
		if !ok { // would an anchor help?
			_, helps, err := b.closedAt(uint64(b.r.position), staying)
			if err != nil {
				return nil, err
			}
			if b.promised == 0 || !helps {
				return notYet("the channel with "+b.partner+" is not sealed under the present key yet", "see that the partner's node runs")
			}
			waiting = append(waiting, b)
			continue
		}
		p := past{Invitation: &invitation{b.secret, b.opener, b.partner}}
		if b.opener != m.code {
			p.Invitation.Partner = m.code
		}
		if b.promised == 0 {
			if p.Epochs, err = b.pastEpochs(staying); err != nil {
				return nil, err
			}
		}
		kept[b.r.id] = canon.Must(p)
	}
	if len(waiting) > 0 {
		return waiting, nil
	}
	if err := m.keys.Retire(former, kept); err != nil {
		return nil, err
	}
	for b, least := range least {
		b.mu.Lock()
		for e := range b.epochs {
			if b.promised > 0 && e < least {
				delete(b.epochs, e)
			}
		}
		err = errors.Join(err, b.loadPast())
		b.mu.Unlock()
	}
	for _, k := range former {
		m.log.Info("old sealing key destroyed", "key", k.ID())
	}
	return nil, err
}

// closed reports whether the keys that stay open everything that may still have
// to be opened, and since which epoch: what goes on from here, and where old
// keys are to be destroyed what has come since the last anchor too, from which
// a node is rebuilt then. step is held.
func (b *Bilateral) closed(staying []seal.Key) (least uint32, ok bool, err error) {
	if b.promised == 0 {
		return b.opens(b.Epoch(), staying)
	}
	a, ok := b.m.law.LastAnchor(b.m.omni.r.state, b.r.id)
	if !ok {
		return 0, false, nil
	}
	head := a.Head()
	if own, err := b.r.headAt(min(head.Size, b.r.size)); err != nil || own != head {
		return 0, false, err
	}
	return b.closedAt(head.Position, staying)
}

// closedAt is closed for an anchor that ends at a height.
func (b *Bilateral) closedAt(height uint64, staying []seal.Key) (least uint32, ok bool, err error) {
	if height < b.promised {
		return 0, false, nil
	}
	for r, err := range b.r.space.ScanIndex(indexTurned, "") {
		if err != nil {
			return 0, false, err
		}
		var last uint64
		if err := canon.Stored(r.Value, &last); err != nil || len(r.Key) != 4 {
			return 0, false, corruptStore("the index of used epochs cannot be read").Because(err)
		}
		if last > height {
			break
		}
		least = binary.BigEndian.Uint32([]byte(r.Key))
	}
	return b.opens(least, staying)
}

// opens reports whether sealing keys open all epochs from one on, and those that
// are on offer.
func (b *Bilateral) opens(least uint32, sealing []seal.Key) (uint32, bool, error) {
	if least == 0 {
		return 0, false, nil
	}
	b.mu.Lock()
	p := b.p
	b.mu.Unlock()
	for e := least; e <= p.Epoch; e++ {
		a, err := b.acceptedAt(e)
		if err != nil {
			return 0, false, err
		}
		if _, err := b.openEpoch(a, sealing); err != nil {
			return 0, false, nil
		}
	}
	for by, m := range p.Offers { // either may be in force with the next block
		if m == nil {
			continue
		}
		if _, err := b.openEpoch(accepted{m.Offer, uint8(by), p.Keys}, sealing); err != nil {
			return 0, false, nil
		}
	}
	return least, true, nil
}

func (b *Bilateral) acceptedAt(epoch uint32) (a accepted, err error) {
	data, ok, err := b.r.space.Lookup(indexEpochs, epochName(epoch))
	if err != nil {
		return a, err
	}
	if !ok || canon.Stored(data, &a) != nil {
		return a, corruptStore("an epoch's key cannot be read")
	}
	return a, nil
}

// pastEpochs gives the keys of all epochs that the keys which stay do not open.
// step is held.
func (b *Bilateral) pastEpochs(staying []seal.Key) (out []byte, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for r, err := range b.r.space.ScanIndex(indexEpochs, "") {
		if err != nil {
			return nil, err
		}
		var a accepted
		if err := canon.Stored(r.Value, &a); err != nil {
			return nil, corruptStore("an epoch's key cannot be read").Because(err)
		}
		epoch := a.Offer.Epoch
		if _, kept := b.kept[epoch]; !kept {
			if _, err := b.openEpoch(a, staying); err == nil {
				continue
			}
		}
		_, cached := b.epochs[epoch]
		k, err := b.epochKey(epoch, r.Value)
		if !cached {
			delete(b.epochs, epoch)
		}
		if err != nil && stops(err) {
			continue // it was lost before: nothing more is lost with it
		}
		if err != nil {
			return nil, err
		}
		out = append(binary.BigEndian.AppendUint32(out, epoch), k[:]...)
	}
	return out, nil
}
