package channel

import (
	"iter"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/seal"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/proof"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/party"
)

// Trade is the law of the product: package trade with the product lines that
// the machine was made with.
func Trade(m *trade.Machine) Law { return commercial{m} }

type commercial struct{ machine *trade.Machine }

func (c commercial) Apply(ctx trade.Context, state trade.Records, cmd trade.Command) trade.Result {
	return c.machine.Apply(ctx, state, cmd)
}

func (commercial) Genesis(doc []byte) ([]trade.Write, error) {
	var d trade.GenesisDocument
	if err := canon.Decode(doc, &d); err != nil {
		return nil, err
	}
	return trade.Genesis(d)
}

func (commercial) Diverged(c trade.Command) bool { return trade.AllowedWhenDiverged(c) }

func (commercial) Conserved(before, after trade.Records, written iter.Seq[string], time int64) error {
	return trade.Conserved(before, after, written, time)
}

func (commercial) Version(state trade.Records, height uint64) error {
	return trade.CheckVersion(state, height)
}

func (commercial) Admit(public trade.Records, channel canon.Hash, sender sign.PublicKey, height uint64, time int64) (string, error) {
	payer, err := trade.Admit(public, channel, sender, height, time)
	return string(payer), err
}

func (commercial) Carrier(public trade.Records, node sign.PublicKey, height uint64) (string, bool) {
	use, ok := trade.View{Records: public}.KeyUse(node)
	if !ok || use.Use != trade.UseNode {
		return "", false
	}
	m, ok := trade.View{Records: public}.Member(use.Member)
	return string(m.Code), ok && m.State == party.Active && m.NodeKey(node, height)
}

// Sealing gives the newest of the keys that count.
func (commercial) Sealing(public trade.Records, code string, height uint64) (key seal.PublicKey, ok bool) {
	m, ok := trade.View{Records: public}.Member(party.Code(code))
	if !ok {
		return key, false
	}
	keys := m.SealingKeys(height)
	if len(keys) == 0 {
		return key, false
	}
	key, err := seal.PublicKeyFrom(keys[len(keys)-1])
	return key, err == nil
}

func (commercial) Opening(public trade.Records, id canon.Hash) (Opening, bool) {
	v := trade.View{Records: public}
	o, ok := v.Opening(id)
	if !ok {
		return Opening{}, false
	}
	ch, ok := v.Channel(id)
	invitation, _ := v.Invitation(id)
	return Opening{
		ID: id, Keys: ch.Keys, Past: ch.Past, Opener: string(o.Opener), Invitation: invitation,
		Confirmations: o.Confirmed, Confirmed: o.State == trade.Opened, Deadline: o.Expires,
	}, ok
}

func (commercial) Limits(public trade.Records, height uint64) Limits {
	n, _ := trade.View{Records: public}.Network()
	n = n.At(height)
	return Limits{ChannelBytes: n.ChannelBytes, MemberBytes: n.MemberBytes, Reserve: n.ReserveBytes, Invitation: n.InvitationMillis}
}

func (commercial) LastAnchor(public trade.Records, id canon.Hash) (proof.Anchor, bool) {
	return trade.View{Records: public}.Attested(id)
}

func (commercial) Open(o Opening) trade.Command {
	return trade.NewCommand(trade.KindChannelOpen, trade.ChannelOpen{Channel: o.ID, Keys: o.Keys, Invitation: o.Invitation, Expires: o.Deadline})
}

func (commercial) Confirm(id canon.Hash) trade.Command {
	return trade.NewCommand(trade.KindChannelConfirm, trade.ChannelConfirm{Channel: id})
}

func (commercial) Anchor(a proof.Anchor, extends []canon.Hash) trade.Command {
	return trade.NewCommand(trade.KindAnchorPost, trade.AnchorPost{Anchor: a, Consistency: extends})
}

func (commercial) Contest(own proof.SignedHead) trade.Command {
	return trade.NewCommand(trade.KindAnchorContest, trade.AnchorContest{Head: own})
}

func (commercial) Claim(public trade.Records, id canon.Hash, side int) (proof.Anchor, bool) {
	c, ok := trade.View{Records: public}.Claim(id, side)
	return c.Anchor, ok
}

func (commercial) Claimed(record []byte) (proof.Anchor, bool) {
	var c trade.AnchorClaim
	err := canon.Stored(record, &c)
	return c.Anchor, err == nil
}

func (commercial) Bind(b Binding, member sign.PrivateKey) trade.Command {
	c := trade.NewCommand(trade.KindBind, trade.Bind{Member: party.Code(b.Member), Keys: b.Keys, Key: b.Keys[b.Mine]})
	return trade.Authorize(c, member, b.Chain, b.Channel, b.Expires, b.Nonce)
}

func (commercial) Announce(b Binding, a Announcement, member sign.PrivateKey) trade.Command {
	c := trade.NewCommand(trade.KindKeyChange, trade.KeyChange{New: a.Key, Possession: a.Possession})
	return trade.Authorize(c, member, b.Chain, b.Channel, b.Expires, b.Nonce)
}

func (commercial) Possession(fresh sign.PrivateKey, chain string, id canon.Hash) sign.Signature {
	return trade.Possession(fresh, chain, id.String())
}

func (commercial) Replace(id canon.Hash, a Announcement) trade.Command {
	return trade.NewCommand(trade.KindChannelRotate, trade.ChannelRotate{Channel: id, New: a.Key, Possession: a.Possession})
}

func (commercial) Evidence(ours, theirs proof.SignedHead, leaf uint64, detail []byte) trade.Command {
	return trade.NewCommand(trade.KindDivergence, trade.Divergence{Ours: ours, Theirs: theirs, Leaf: leaf, Detail: detail})
}

func (commercial) Equivocation(key sign.PublicKey, one, two proof.SignedHead) trade.Command {
	return trade.NewCommand(trade.KindEquivocation, trade.Equivocation{Key: key, One: one, Two: two})
}

func (commercial) Equivocated(public trade.Records, id canon.Hash, key sign.PublicKey) bool {
	_, ok := public.Get(trade.EquivocationKey(id, key))
	return ok
}

func (commercial) Parted(state trade.Records) bool {
	_, ok := trade.View{Records: state}.Divergence()
	return ok
}

func (commercial) Bound(state trade.Records, key sign.PublicKey) bool {
	b, ok := trade.View{Records: state}.Bilateral()
	if !ok {
		return false
	}
	_, _, bound := b.Side(key)
	return bound
}

func (commercial) Destroys(state trade.Records, written func(prefix string) bool) bool {
	return written(trade.AgreementKey("")) && trade.View{Records: state}.DestroysOldKeys()
}
