package channel

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/seal"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/proof"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
)

// Introduction is what two nodes hand each other before a channel is opened,
// over a connection that only they see: a fresh channel key, under the
// signature of the node's registered key.
type Introduction struct {
	Chain     string         `cbor:"1,keyasint" json:"chain"`
	From      string         `cbor:"2,keyasint" json:"from"` // member code
	To        string         `cbor:"3,keyasint" json:"to"`
	Key       sign.PublicKey `cbor:"4,keyasint" json:"key"`  // channel key, used nowhere else
	Node      sign.PublicKey `cbor:"5,keyasint" json:"node"` // node key of From
	Signature sign.Signature `cbor:"6,keyasint" json:"signature"`
}

const (
	tagIntroduction = "lateral/introduction/1" // signed
	tagChannelID    = "lateral/channel-id/1"   // hashed
	// invitationLife is how long in ms of block time an invitation stands,
	// unless the network allows less.
	invitationLife = int64(60 * 60 * 1000)
)

func (i Introduction) message() []byte {
	i.Signature = sign.Signature{}
	return canon.Must(i)
}

// indexOffers holds, by partner, the channel key that was handed over last and
// that no opening has used yet.
const indexOffers = "offers"

// maxOffers bounds how many partners may hold a channel key that no opening has
// used, when they ask for one. What a member opens by itself is not bounded.
const maxOffers = 256

// Introduce gives the message that hands a channel key to a partner. Both sides
// introduce themselves; then one of them invites. The key is the same until an
// opening uses it: a key costs a place in the key file for ever.
// Code: not-yet until the member is ready.
func (m *Member) Introduce(partner string) (Introduction, error) {
	if partner == m.code {
		return Introduction{}, fault.New(fault.Invalid, "a channel has two different members", "name another member").In("partner")
	}
	if !m.maySign() {
		return Introduction{}, fault.New(fault.NotYet, "this node signs nothing until it has caught up with the network", "ask again when the node is ready")
	}
	m.offering.Lock()
	defer m.offering.Unlock()
	key, ok, err := m.offered(partner)
	if err != nil {
		return Introduction{}, err
	}
	if !ok {
		made, err := m.keys.NewChannel()
		if err != nil {
			return Introduction{}, fmt.Errorf("making a channel key: %w", err)
		}
		key = made.Public()
		offer := store.IndexWrite{Index: indexOffers, Key: partner, Value: key[:]}
		if err := m.db.Node().Commit(store.Batch{Index: []store.IndexWrite{offer}}); err != nil {
			return Introduction{}, fmt.Errorf("keeping an offer: %w", err)
		}
	}
	return m.introduction(partner, key), nil
}

// Answer gives our introduction to a partner that has introduced itself. Codes:
// those of a wrong introduction; busy when too many partners hold a key without
// using it.
func (m *Member) Answer(theirs Introduction) (Introduction, error) {
	if err := m.checkIntroduction(theirs); err != nil {
		return Introduction{}, err
	}
	open := 0
	for e, err := range m.db.Node().ScanIndex(indexOffers, "") {
		if err != nil {
			return Introduction{}, err
		}
		if _, ok, err := m.offered(e.Key); err != nil {
			return Introduction{}, err
		} else if ok && e.Key == theirs.From {
			open = 0
			break
		} else if ok {
			open++
		}
	}
	if open >= maxOffers {
		return Introduction{}, fault.Newf(fault.Busy, "ask the other member to open the channel from its side",
			"%d members hold a channel key of %s and have opened no channel with it", open, m.code)
	}
	return m.Introduce(theirs.From)
}

// offered gives the key that a partner holds and that no opening has used.
func (m *Member) offered(partner string) (key sign.PublicKey, ok bool, err error) {
	data, ok, err := m.db.Node().Lookup(indexOffers, partner)
	if err != nil || !ok || len(data) != len(key) {
		return key, false, err
	}
	key = sign.PublicKey(data)
	_, ours := m.keys.Channel(key) // not in a key file that was put back
	return key, ours && !m.isUsed(key), nil
}

// isUsed reports whether one of our channel keys stands in an opening, whatever
// has become of that.
func (m *Member) isUsed(key sign.PublicKey) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.used[key]
}

func (m *Member) introduction(partner string, key sign.PublicKey) Introduction {
	node := m.keys.Node()
	i := Introduction{Chain: m.chain, From: m.code, To: partner, Key: key, Node: node.Public()}
	i.Signature = node.Sign(tagIntroduction, i.message())
	return i
}

// checkIntroduction sees that a partner's introduction is the partner's.
func (m *Member) checkIntroduction(i Introduction) error {
	if i.Chain != m.chain || i.To != m.code {
		return fault.New(fault.Invalid, "the introduction is for another network or member", "ask the partner for a new one")
	}
	if err := sign.CheckKey(i.Key); err != nil {
		return fault.Of(err).In("key")
	}
	if !sign.Verify(i.Node, tagIntroduction, i.message(), i.Signature) {
		return fault.New(fault.Refused, "the introduction's signature is not its node's", "ask the partner for a new one").In("signature")
	}
	return m.omni.View(func(v View) error {
		if code, ok := m.law.Carrier(v, i.Node, uint64(v.Height)+1); !ok || code != i.From {
			return fault.New(fault.Unauthorized, "the introduction is not signed by a node of "+i.From, "check the member code, and that its node key is registered").In("node")
		}
		return nil
	})
}

// Invitation is what a channel's opening says to its two members.
type Invitation struct {
	Channel canon.Hash
	Opener  string // member code
	Partner string // member code
}

// invitation is what is sealed for each of the two: with it and the keys of
// the key store a node can be rebuilt from the ledger.
type invitation struct {
	Secret  canon.Hash `cbor:"1,keyasint"` // salts the channel's state
	Opener  string     `cbor:"2,keyasint"`
	Partner string     `cbor:"3,keyasint"`
}

// sealedInvitation goes on the Omnilateral. The two copies are alike to
// anybody else: which is whose, and for whom, does not show.
type sealedInvitation struct {
	Copies [2][]byte `cbor:"1,keyasint"` // in the order of the channel keys
}

// invitationSize is the size of an invitation before it is sealed, whatever
// the lengths of the codes in it.
const invitationSize = 160

func inviteInfo(chain string, keys [2]sign.PublicKey, copy int) []byte {
	return canon.Must(wrapInfo{Use: "lateral/invitation/1", Chain: chain, Sender: keys[1-copy], Recipient: keys[copy]})
}

// sealInvitation seals both copies. keys and to are in the order of the
// channel keys.
func sealInvitation(inv invitation, chain string, keys [2]sign.PublicKey, to [2]seal.PublicKey) ([]byte, error) {
	plain := canon.Must(inv)
	if len(plain) > invitationSize {
		return nil, fault.New(fault.Invalid, "the member codes are too long", "use shorter codes")
	}
	plain = append(plain, make([]byte, invitationSize-len(plain))...)
	var s sealedInvitation
	for i := range keys {
		var err error
		if s.Copies[i], err = seal.Wrap(to[i], inviteInfo(chain, keys, i), plain); err != nil {
			return nil, fmt.Errorf("sealing an invitation: %w", err)
		}
	}
	return canon.Must(s), nil
}

// openInvitation tries all sealing keys on both copies; ok is false when it is
// for somebody else.
func openInvitation(data []byte, chain string, keys [2]sign.PublicKey, sealing []seal.Key) (inv invitation, ok bool) {
	var s sealedInvitation
	if canon.Decode(data, &s) != nil {
		return inv, false
	}
	for i := range keys {
		for _, k := range sealing {
			plain, err := seal.Open(k, inviteInfo(chain, keys, i), s.Copies[i])
			if err != nil || len(plain) != invitationSize {
				continue
			}
			// Codes and hashes have no zero byte at the end of their encoding.
			if canon.Decode(bytes.TrimRight(plain, "\x00"), &inv) == nil {
				return inv, true
			}
		}
	}
	return inv, false
}

// Invite opens a Bilateral. ours is what Introduce gave for this partner,
// theirs what the partner handed over. It returns once the opening is on the
// Omnilateral; Bilateral.Await tells when the partner has accepted and both
// are bound. Codes: invalid, refused, unauthorized, and those of Submit.
func (m *Member) Invite(ctx context.Context, ours, theirs Introduction) (*Bilateral, error) {
	if ours.From != m.code || ours.To != theirs.From {
		return nil, fault.New(fault.Invalid, "the two introductions are not of one pair", "introduce both nodes to each other first")
	}
	if err := m.checkIntroduction(theirs); err != nil {
		return nil, fmt.Errorf("the introduction of %s: %w", theirs.From, err)
	}
	if _, ok := m.keys.Channel(ours.Key); !ok {
		return nil, fault.New(fault.NotFound, "the key store does not have the channel key of our introduction", "introduce this node again")
	}
	keys := [2]sign.PublicKey{ours.Key, theirs.Key}
	codes := [2]string{m.code, theirs.From}
	if bytes.Compare(keys[0][:], keys[1][:]) > 0 {
		slices.Reverse(keys[:])
		slices.Reverse(codes[:])
	}
	inv := invitation{Opener: m.code, Partner: theirs.From}
	if err := m.random(inv.Secret[:]); err != nil {
		return nil, err
	}
	o := Opening{ID: canon.Sum(tagChannelID, []byte(m.chain), keys[0][:], keys[1][:]), Keys: keys, Opener: m.code}
	err := m.omni.View(func(v View) error {
		var to [2]seal.PublicKey
		for i, code := range codes {
			var ok bool
			if to[i], ok = m.law.Sealing(v, code, uint64(v.Height)+1); !ok {
				return fault.New(fault.NotFound, code+" has no sealing key on the network", "wait until it has registered one")
			}
		}
		var err error
		now := v.Time
		if now == 0 {
			now = m.clock.Now().UnixMilli()
		}
		o.Deadline = now + m.law.Limits(v, uint64(v.Height)).invitation()
		o.Invitation, err = sealInvitation(inv, m.chain, keys, to)
		return err
	})
	if err != nil {
		return nil, err
	}
	out, err := m.public.Submit(ctx, m.law.Open(o))
	if err != nil {
		return nil, err
	}
	b, ok := m.Bilateral(o.ID)
	// The partner's opening with the same two keys may have come first.
	if err := FirstErr(out); err != nil && !ok {
		return nil, err
	}
	if !ok {
		return nil, fault.New(fault.Internal, "the channel was opened and is not known here", "report this")
	}
	return b, nil
}

func (l Limits) invitation() int64 {
	if l.Invitation > 0 && l.Invitation < invitationLife {
		return l.Invitation
	}
	return invitationLife
}

// metaInvitation names the channel's invitation as this node has opened it: the
// Omnilateral drops it once the channel is open, and the sealing key of that
// day may be destroyed. The store is as secret as the state that it holds.
const metaInvitation = "invitation"

// discover looks whether an opening is ours, by trial, and loads the channel
// if it is. public is the Omnilateral with the opening.
func (m *Member) discover(id canon.Hash, public trade.Records) error {
	o, ok := m.law.Opening(public, id)
	if !ok {
		return nil
	}
	space := m.db.Channel(id)
	data, kept, err := space.Meta(metaInvitation)
	if err != nil {
		return err
	}
	var inv invitation
	opened := kept
	if kept {
		if err := canon.Stored(data, &inv); err != nil {
			return corruptStore("the invitation to channel " + id.String() + " cannot be read").Because(err)
		}
	} else {
		if inv, opened = openInvitation(o.Invitation, m.chain, o.Keys, m.keys.Sealing()); !opened {
			p, err := m.past(id)
			if err != nil {
				return err
			}
			if p.Invitation != nil {
				inv, opened = *p.Invitation, true
			}
		}
	}
	key, mine, ours := m.channelKey(o.Keys)
	if !opened && !ours {
		return nil // somebody else's
	}
	if ours {
		m.mu.Lock()
		m.used[key.Public()] = true
		m.mu.Unlock()
	}
	trouble := ""
	switch {
	case !opened:
		trouble = "none of this node's sealing keys opens the invitation"
	case !ours:
		trouble = "the key store has neither channel key"
	case inv.Opener != o.Opener || inv.Opener == inv.Partner || m.code != inv.Opener && m.code != inv.Partner:
		trouble = "the invitation names other members than the ledger"
	}
	if trouble != "" {
		m.raise(Alarm{Channel: id, Code: fault.Refused, Detail: "a channel for this member is not taken up: " + trouble,
			Remedy: "restore the key store if it lost keys; otherwise ignore the invitation"})
		return nil
	}
	if inv.Opener != m.code && !kept && !m.accept(Invitation{id, inv.Opener, inv.Partner}) {
		m.log.Info("an invitation is not accepted", "channel", id, "from", inv.Opener)
		return nil
	}
	if !kept {
		if err := space.Commit(store.Batch{Meta: map[string][]byte{metaInvitation: canon.Must(inv)}}); err != nil {
			return fmt.Errorf("keeping an invitation: %w", err)
		}
	}
	b, err := m.loadBilateral(o, inv, key, mine)
	if err != nil {
		return err
	}
	b.r.height, b.r.time = m.omni.r.height, m.omni.r.time
	m.mu.Lock()
	m.bilaterals[id] = b
	m.mu.Unlock()
	m.log.Info("channel", "channel", id, "partner", b.partner)
	return nil
}

// meetAnchor notes an anchor of one of this member's channels.
func (m *Member) meetAnchor(value []byte) {
	var a proof.Anchor
	if canon.Decode(value, &a) != nil {
		return // of a law that keeps anchors in another form
	}
	if b, ok := m.Bilateral(a.Channel); ok {
		b.keepAnchor(a)
	}
}

// keepAnchor remembers an anchor and the state that it covers, when this node
// still has it.
func (b *Bilateral) keepAnchor(a proof.Anchor) {
	b.mu.Lock()
	defer b.mu.Unlock()
	size := a.Head().Size
	b.r.mu.RLock()
	own, err := b.r.headAt(min(size, b.r.size))
	b.r.mu.RUnlock()
	if err != nil || own != a.Head() {
		return // of another log than ours: the partner has signed it alone
	}
	kept := anchored{anchor: a}
	if kept.state, err = b.stateAt(size); err != nil {
		b.m.raise(Alarm{Channel: b.r.id, Code: fault.CodeOf(err), Detail: "nothing can be proven under an anchor: " + err.Error(), Remedy: fault.Of(err).Remedy})
	}
	b.anchors = append([]anchored{kept}, b.anchors...)
	if len(b.anchors) > 4 {
		b.anchors = b.anchors[:4]
	}
	b.wake()
}
