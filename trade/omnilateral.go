package trade

import (
	"bytes"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/party"
)

// The Omnilateral holds who the members are and which keys count. Members act
// on it by their member keys; a node carries the command (FEATURES IDN-01 to
// IDN-10, OMN-01).

// byMember checks that a command is authorised by a member's key, and gives the
// member. With recovery its recovery key counts too.
func (t *tx) byMember(code party.Code, recovery bool) (party.Member, error) {
	m, ok := get[party.Member](t, MemberKey(code))
	if !ok {
		return m, notFound("member", "member", string(code))
	}
	a := t.cmd.Authorization
	if a == nil {
		return m, fault.Newf(CodeMemberKey, "sign the command with the member key", "%s needs the signature of the member key", t.cmd.Kind)
	}
	if err := t.checkSignature(a); err != nil {
		return m, err
	}
	limit := unlimited
	if !m.MemberKey(a.Delegate, t.ctx.Block.Height) {
		if !recovery || a.Delegate != m.Recovery {
			return m, fault.Newf(CodeMemberKey, "sign the command with the member key that counts now", "the signature is not that of %s's member key at height %d", code, t.ctx.Block.Height)
		}
		limit = byRecovery
	}
	t.receipt.Delegate, t.receipt.Limit = a.Delegate, limit
	t.useNonce(a)
	return m, nil
}

// byActive is byMember for a member that is active. Its own node carries the
// command: everybody can read the authorization of one that is refused, whose
// number is not used up, and is not to send it when it suits him.
func (t *tx) byActive(code party.Code) (party.Member, error) {
	if err := t.fromOwnNode(code); err != nil {
		return party.Member{}, err
	}
	m, err := t.byMember(code, false)
	if err == nil && m.State != party.Active {
		err = fault.Newf(CodeMemberInactive, "only active members act on others", "%s is %s", code, m.State)
	}
	return m, err
}

func memberPropose(t *tx, c MemberPropose) error {
	sponsor, err := t.senderMember()
	if err != nil {
		return err
	}
	if _, err := t.byActive(sponsor); err != nil {
		return err
	}
	if err := t.enroll(c.Application, party.Applied, sponsor); err != nil {
		return fault.Of(err).In("application")
	}
	code := c.Application.Application.Code
	t.emit(EventMemberApplied, MemberKey(code), "")
	return t.admit(code)
}

// senderMember gives the member whose node carries the command.
func (t *tx) senderMember() (party.Code, error) {
	u, ok := get[KeyUse](t, KeyKey(t.ctx.Sender))
	if !ok || u.Use != UseNode {
		return "", fault.New(fault.Unauthorized, "the sender's key is no member's node key", "send it from a member's node")
	}
	m, _ := get[party.Member](t, MemberKey(u.Member))
	if !m.NodeKey(t.ctx.Sender, t.ctx.Block.Height) {
		return "", fault.New(fault.Unauthorized, "the sender's node key does not count any more", "send it with the node's current key")
	}
	return u.Member, nil
}

// fromOwnNode checks that a member's own node carries the command.
func (t *tx) fromOwnNode(code party.Code) error {
	sender, err := t.senderMember()
	if err == nil && sender != code {
		err = fault.Newf(fault.Unauthorized, "send it from the member's own node", "a node of %s carries a command of %s", sender, code)
	}
	return err
}

// admit makes an applicant active once enough members vouch for it that are
// active now.
func (t *tx) admit(code party.Code) error {
	m, _ := get[party.Member](t, MemberKey(code))
	count := uint32(0)
	for _, v := range m.Vouchers {
		if by, _ := get[party.Member](t, MemberKey(v)); by.State == party.Active {
			count++
		}
	}
	if count < t.network().Vouchers {
		return nil
	}
	return t.moveMember(m, party.Admit, EventMemberActive)
}

// moveMember asks the table and keeps the count of active members.
func (t *tx) moveMember(m party.Member, e party.Event, event string) error {
	next, ok := m.State.Next(e)
	if !ok {
		return wrongState("member", string(m.Code), string(m.State), string(e))
	}
	census, _ := get[Census](t, keyCensus)
	if m.State == party.Active {
		census.Active--
	}
	if next == party.Active {
		census.Active++
	}
	m.State, m.Since, m.Deadline = next, t.ctx.Block.Height, 0
	t.put(keyCensus, census)
	t.put(MemberKey(m.Code), m)
	t.emit(event, MemberKey(m.Code), "")
	return nil
}

func memberVouch(t *tx, c MemberVote) error {
	if _, err := t.byActive(c.By); err != nil {
		return err
	}
	m, ok := get[party.Member](t, MemberKey(c.Member))
	if !ok {
		return notFound("member", "applicant", string(c.Member))
	}
	if m.State != party.Applied {
		return wrongState("member", string(m.Code), string(m.State), "vouching")
	}
	if slices.Contains(m.Vouchers, c.By) {
		return t.admit(m.Code) // a member vouches once; fewer may be needed now
	}
	m.Vouchers = append(m.Vouchers, c.By)
	t.put(MemberKey(m.Code), m)
	t.emit(EventMemberVouched, MemberKey(m.Code), string(c.By))
	return t.admit(m.Code)
}

func memberSuspend(t *tx, c MemberVote) error {
	return t.vote(c, MotionSuspend, party.Suspend, EventMemberSuspended)
}

func memberRestore(t *tx, c MemberVote) error {
	return t.vote(c, MotionRestore, party.Reinstate, EventMemberRestored)
}

// vote counts a member's vote about another. When enough of the active members
// (the one concerned left out) have voted, the motion is carried and its votes
// are removed.
func (t *tx) vote(c MemberVote, motion Motion, e party.Event, event string) error {
	if _, err := t.byActive(c.By); err != nil {
		return err
	}
	if c.By == c.Member {
		return fault.New(fault.Forbidden, "no member votes about itself", "leave it to the others").In("member")
	}
	m, ok := get[party.Member](t, MemberKey(c.Member))
	if !ok {
		return notFound("member", "member", string(c.Member))
	}
	if _, ok := m.State.Next(e); !ok {
		return wrongState("member", string(m.Code), string(m.State), string(e))
	}
	own := VoteKey(motion, c.Member, c.By)
	if _, voted := t.Get(own); voted {
		return nil
	}
	votes := t.standing(VoteKey(motion, c.Member, ""), own)
	t.put(own, Vote{t.ctx.Block.Height})
	t.emit(EventVoted, MemberKey(c.Member), string(motion)+" "+string(c.By))
	census, _ := get[Census](t, keyCensus)
	others := uint64(census.Active)
	if m.State == party.Active {
		others--
	}
	if uint64(len(votes))*100 < others*uint64(t.network().SuspendPercent) {
		return nil
	}
	for _, key := range votes {
		t.drop(key)
	}
	return t.moveMember(m, e, event)
}

func memberLeave(t *tx, c MemberLeave) error {
	if err := t.fromOwnNode(c.Member); err != nil {
		return err
	}
	m, err := t.byMember(c.Member, false)
	if err != nil {
		return err
	}
	return t.moveMember(m, party.Leave, EventMemberLeft)
}

// tagPossession separates proofs that a new key is at hand from all other
// signatures.
const tagPossession = "lateral/possession/1"

// Possession makes the proof that a new key is at hand: its signature over
// itself and the name of who takes it into use (a member's code, or a channel
// id in hex).
func Possession(k sign.PrivateKey, chain, owner string) sign.Signature {
	return k.Sign(tagPossession, possession(k.Public(), chain, owner))
}

func possession(k sign.PublicKey, chain, owner string) []byte {
	return canon.Must(struct {
		Key   sign.PublicKey `cbor:"1,keyasint"`
		Chain string         `cbor:"2,keyasint"`
		Owner string         `cbor:"3,keyasint"`
	}{k, chain, owner})
}

// keyRotate replaces, adds or revokes a member's keys. A new member key comes
// by the old one or by the recovery key; everything else by the member key. Old
// keys stay with the heights at which they counted.
//
// Any node may carry it, because a member whose node key is lost has none of
// its own. So everybody who can read one that was refused could send it again
// until it expires: a revocation that came too early, say, once it fits. When
// the member's own node has carried it, its number is therefore used even if it
// is refused. One that somebody else carries must not use it up, or the member's
// own would be kept from coming through.
func keyRotate(t *tx, c KeyRotate) error {
	only := c.NewMember != nil && c.AddNode == nil && c.RevokeNode == nil && c.AddSealing == nil && c.RevokeSealing == nil
	m, err := t.byMember(c.Member, only)
	if err != nil {
		return err
	}
	if t.fromOwnNode(c.Member) == nil {
		t.spent = slices.Clone(t.writes) // the number
	}
	if m.State == party.Left {
		return wrongState("member", string(m.Code), string(m.State), "a change of keys")
	}
	if last := m.Members[len(m.Members)-1]; only && last.Key == *c.NewMember {
		return nil // somebody asks twice for the same
	}
	height := t.ctx.Block.Height + 1 // the new keys count from the next block on
	var fresh []sign.PublicKey
	if c.NewMember != nil {
		for i := range m.Members {
			if m.Members[i].Until == 0 {
				m.Members[i].Until = height
			}
		}
		m.Members = append(m.Members, party.Key{Key: *c.NewMember, From: height})
		fresh = append(fresh, *c.NewMember)
		if err := t.register("new_member", *c.NewMember, KeyUse{Use: UseMember, Member: m.Code}); err != nil {
			return err
		}
	}
	if c.AddNode != nil {
		m.Nodes = append(m.Nodes, party.Key{Key: *c.AddNode, From: height})
		fresh = append(fresh, *c.AddNode)
		if err := t.register("add_node", *c.AddNode, KeyUse{Use: UseNode, Member: m.Code}); err != nil {
			return err
		}
	}
	if c.RevokeNode != nil && !until(m.Nodes, *c.RevokeNode, height) {
		return notFound("revoke_node", "node key that counts", c.RevokeNode.Short())
	}
	if err := rotateSealing(&m, c, height); err != nil {
		return err
	}
	places := maxKeys
	switch {
	case !only:
		places -= 2 * keyReserve
	case t.receipt.Limit != byRecovery:
		places -= keyReserve
	}
	if len(m.Members)+len(m.Nodes)+len(m.Sealing) > places {
		return fault.Newf(fault.Refused, "admit a new member instead", "a member has at most %d keys, past ones included, and %d places of them are kept for new member keys", maxKeys, 2*keyReserve)
	}
	if len(fresh) == 0 && c.RevokeNode == nil && c.AddSealing == nil && c.RevokeSealing == nil {
		return invalid("new_member", "the command changes no key", "name a key")
	}
	if len(c.Possession) != len(fresh) {
		return invalid("possession", "a new key's own signature is missing, or one is too many", "sign with each new key")
	}
	for i, k := range fresh {
		if !sign.Verify(k, tagPossession, possession(k, t.ctx.Block.Chain, string(m.Code)), c.Possession[i]) {
			return fault.New(fault.Refused, "the new key's own signature is wrong", "sign with the new key for this chain and member").In("possession")
		}
	}
	t.put(MemberKey(m.Code), m)
	t.emit(EventMemberKeys, MemberKey(m.Code), "")
	return nil
}

const (
	// maxKeys bounds a member's keys, past ones included.
	maxKeys = 256
	// keyReserve is how many of the places only new member keys take, and as many
	// again only those that the recovery key brings: whoever has stolen the member
	// key must not fill them all.
	keyReserve = 16
)

// until ends a key at a height.
func until(keys []party.Key, k sign.PublicKey, height uint64) bool {
	for i := range keys {
		if keys[i].Key == k && keys[i].Until == 0 {
			keys[i].Until = height
			return true
		}
	}
	return false
}

func rotateSealing(m *party.Member, c KeyRotate, height uint64) error {
	if c.AddSealing != nil {
		if err := party.CheckSealing(c.AddSealing); err != nil {
			return fault.Of(err).In("add_sealing")
		}
		for _, s := range m.Sealing {
			if bytes.Equal(s.Key, c.AddSealing) {
				return conflict("add_sealing", "generate a fresh key", "the sealing key is there already")
			}
		}
		m.Sealing = append(m.Sealing, party.SealingKey{Key: c.AddSealing, From: height})
	}
	if c.RevokeSealing == nil {
		return nil
	}
	found, left := false, 0
	for i := range m.Sealing {
		if bytes.Equal(m.Sealing[i].Key, c.RevokeSealing) && m.Sealing[i].Until == 0 {
			m.Sealing[i].Until, found = height, true
		}
		if m.Sealing[i].Until == 0 {
			left++
		}
	}
	if !found {
		return notFound("revoke_sealing", "sealing key that counts", "named")
	}
	if left == 0 {
		return fault.New(fault.Refused, "nobody could seal to the member any more", "add a new sealing key with the same command").In("revoke_sealing")
	}
	return nil
}

// maxInvitation bounds a sealed invitation.
const maxInvitation = 8 << 10

// CodeInvitationLapsed says that an invitation was not confirmed in time.
const CodeInvitationLapsed fault.Code = "invitation-lapsed"

// channelOpen records who opened a Bilateral and pays for it, never with whom.
func channelOpen(t *tx, c ChannelOpen) error {
	opener, err := t.senderMember()
	if err != nil {
		return err
	}
	if err := activeMember(t, opener); err != nil {
		return err
	}
	n := t.network()
	now := t.ctx.Block.Time
	switch {
	case c.Channel.IsZero():
		return invalid("channel", "the channel has no id", "choose 32 random bytes")
	case bytes.Compare(c.Keys[0][:], c.Keys[1][:]) >= 0:
		return invalid("keys", "the two keys are not in byte order", "sort them, so that their order tells nothing")
	case len(c.Invitation) == 0 || len(c.Invitation) > maxInvitation:
		return invalid("invitation", "the invitation is empty or longer than 8 KiB", "seal it to the partner")
	case c.Expires <= now || c.Expires > now+n.InvitationMillis:
		return invalid("expires", "the invitation expires before it begins, or too late", "choose a time within what the network allows")
	}
	if _, there := t.Get(OpeningKey(c.Channel)); there {
		return conflict("channel", "choose 32 fresh random bytes", "there is a channel with this id already")
	}
	for _, k := range c.Keys {
		if err := t.register("keys", k, KeyUse{Use: UseChannel, Channel: c.Channel}); err != nil {
			return err
		}
	}
	t.put(ChannelKey(c.Channel), Channel{ID: c.Channel, Keys: c.Keys})
	t.put(OpeningKey(c.Channel), Opening{Channel: c.Channel, Opener: opener, Expires: c.Expires, State: Invited, Height: t.ctx.Block.Height})
	t.forgetLapsed()
	t.put(InvitationKey(c.Channel), Invitation{c.Invitation})
	t.put(LapsingKey(c.Expires, c.Channel), Lapsing{c.Channel})
	t.emit(EventChannelInvited, OpeningKey(c.Channel), "")
	return nil
}

// oldInvitations is how many lapsed invitations an opening removes at most.
const oldInvitations = 4

// forgetLapsed removes some invitations that nobody has confirmed in time. What
// says that the channel's id and keys were used stays.
func (t *tx) forgetLapsed() {
	n := 0
	for key, raw := range t.Scan(prefixLapsing) {
		id := stored[Lapsing](raw).Channel
		o, _ := get[Opening](t, OpeningKey(id))
		if n == oldInvitations || !o.Lapsed(t.ctx.Block.Time) {
			break
		}
		t.drop(key)
		t.drop(InvitationKey(id))
		n++
	}
}

// byChannelKey finds the channel whose key signs the envelope, and which of the
// two it is.
func (t *tx) byChannelKey(id canon.Hash) (Channel, int, error) {
	ch, ok := get[Channel](t, ChannelKey(id))
	if !ok {
		return ch, 0, notFound("channel", "channel", id.String())
	}
	i := slices.Index(ch.Keys[:], t.ctx.Sender)
	if i < 0 {
		return ch, 0, fault.New(fault.Unauthorized, "the sender's key is none of the channel's", "send it with a channel key").In("channel")
	}
	return ch, i, nil
}

func channelConfirm(t *tx, c ChannelConfirm) error {
	_, i, err := t.byChannelKey(c.Channel)
	if err != nil {
		return err
	}
	o, _ := get[Opening](t, OpeningKey(c.Channel))
	if o.Lapsed(t.ctx.Block.Time) {
		return fault.New(CodeInvitationLapsed, "the invitation has expired", "open another channel").In("channel")
	}
	if o.Confirmed[i] {
		return nil
	}
	o.Confirmed[i] = true
	if o.Confirmed[0] && o.Confirmed[1] {
		o.State = Opened
		t.drop(InvitationKey(c.Channel))
		t.drop(LapsingKey(o.Expires, c.Channel))
		t.emit(EventChannelOpened, OpeningKey(c.Channel), "")
	}
	t.put(OpeningKey(c.Channel), o)
	return nil
}

// maxPast bounds how often a channel's keys change: they all stay in its public
// record, for the proofs that rest on them.
const maxPast = 1024

func channelRotate(t *tx, c ChannelRotate) error {
	ch, i, err := t.byChannelKey(c.Channel)
	if err != nil {
		return err
	}
	if len(ch.Past) >= maxPast {
		return fault.Newf(fault.Refused, "open another channel with the partner", "a channel changes its keys at most %d times", maxPast)
	}
	if err := t.register("new", c.New, KeyUse{Use: UseChannel, Channel: c.Channel}); err != nil {
		return err
	}
	if !sign.Verify(c.New, tagPossession, possession(c.New, t.ctx.Block.Chain, c.Channel.String()), c.Possession) {
		return fault.New(fault.Refused, "the new key's own signature is wrong", "sign with the new key for this chain and channel").In("possession")
	}
	ch.Past = append(slices.Clone(ch.Past), ch.Keys)
	ch.Keys[i] = c.New
	if key := ClaimKey(ch.ID, i); t.has(key) {
		t.drop(key) // the old key has signed it, which does not count any more
	}
	t.put(ChannelKey(c.Channel), ch)
	t.emit(EventChannelRotated, ChannelKey(c.Channel), "")
	return nil
}
