package trade

import (
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/party"
)

// Admit says who pays for an envelope from a sender in a channel at a height
// and block time: the opener for a Bilateral and for its channel keys on the
// Omnilateral, the member for its node. Codes: not-found (no such channel),
// unauthorized, invitation-lapsed, not-yet (the channel is not confirmed),
// member-inactive.
func Admit(public Records, channel canon.Hash, sender sign.PublicKey, height uint64, time int64) (payer party.Code, err error) {
	u, ok := get[KeyUse](public, KeyKey(sender))
	if !ok {
		return "", fault.New(fault.Unauthorized, "the sender's key is not registered", "join the network, or open a channel, first").In("sender")
	}
	if channel.IsZero() && u.Use == UseNode {
		m, _ := get[party.Member](public, MemberKey(u.Member))
		switch {
		case !m.NodeKey(sender, height):
			return "", fault.New(fault.Unauthorized, "the sender's node key does not count at this height", "send with the node's current key").In("sender")
		case m.State == party.Applied || m.State == party.Left:
			return "", fault.Newf(CodeMemberInactive, "wait for admission", "%s is %s", m.Code, m.State).In("sender")
		}
		return m.Code, nil
	}
	if u.Use != UseChannel || !channel.IsZero() && u.Channel != channel {
		return "", fault.New(fault.Unauthorized, "the sender's key does not belong to this channel", "send with a key of the channel").In("sender")
	}
	ch, _ := get[Channel](public, ChannelKey(u.Channel))
	o, _ := get[Opening](public, OpeningKey(u.Channel))
	switch {
	case ch.Keys[0] != sender && ch.Keys[1] != sender:
		return "", fault.New(fault.Unauthorized, "the sender's channel key was replaced", "send with the current key").In("sender")
	case o.Lapsed(time):
		return "", fault.New(CodeInvitationLapsed, "the invitation has expired", "open another channel").In("channel")
	case !channel.IsZero() && o.State != Opened:
		return "", fault.New(fault.NotYet, "the channel is not confirmed by both keys", "confirm it first").In("channel")
	}
	return o.Opener, nil
}
