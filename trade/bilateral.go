package trade

import (
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/party"
)

// A Bilateral begins when both sides have said, each by its member key and
// inside the sealed log, which channel keys are theirs.

func bind(t *tx, b Bind) error {
	if t.ctx.Public == nil {
		return fault.New(fault.Unavailable, "the members are not known here", "apply the Omnilateral first")
	}
	ch, ok := get[Channel](t.ctx.Public, ChannelKey(t.ctx.Block.Channel))
	o, opened := get[Opening](t.ctx.Public, OpeningKey(t.ctx.Block.Channel))
	if !ok || !opened || o.State != Opened {
		return fault.New(fault.NotYet, "the channel is not open on the Omnilateral", "confirm the invitation first")
	}
	if b.Keys != ch.Keys {
		return invalid("keys", "the keys are not those of the channel on the Omnilateral", "sign the keys as they stand there")
	}
	if !slices.Contains(ch.Keys[:], t.ctx.Sender) {
		return fault.New(fault.Unauthorized, "the sender's key is none of the channel's", "send it with the channel key")
	}
	if b.Key != t.ctx.Sender {
		return fault.New(fault.Unauthorized, "the member has signed for another key than the sender's", "send it with the channel key that it names").In("key")
	}
	record := &t.bilateral
	for _, s := range record.Sides {
		if s.Member == b.Member || slices.Contains(s.Keys, t.ctx.Sender) {
			return conflict("member", "have the other side send its own bind", "%s or its channel key is bound already", b.Member)
		}
	}
	if len(record.Sides) == 2 {
		return conflict("member", "open another channel", "both sides are bound already")
	}
	if err := activeMember(t.ctx.Public, b.Member); err != nil {
		return err
	}
	t.own = b.Member
	act, err := t.authorize(nil)
	if err != nil {
		return err
	}
	next := Bilateral{State: Binding, Version: RuleVersion}
	next.Sides = append(slices.Clone(record.Sides), BoundSide{b.Member, []sign.PublicKey{t.ctx.Sender}})
	if len(next.Sides) == 2 {
		next.State = Bound
		t.emit(EventBound, keyBilateral, "")
	}
	t.put(keyBilateral, next)
	t.put(BondKey(b.Member), Bond{b.Keys, act})
	return nil
}

// CodeMemberInactive says that a member is not admitted, suspended or gone.
const CodeMemberInactive fault.Code = "member-inactive"

func activeMember(public Records, c party.Code) error {
	if public == nil {
		return fault.New(fault.Unavailable, "the members are not known here", "apply the Omnilateral first")
	}
	m, ok := get[party.Member](public, MemberKey(c))
	if !ok || m.State != party.Active {
		return fault.Newf(CodeMemberInactive, "wait until the member is active on the Omnilateral", "%s is no active member", c)
	}
	return nil
}

// bothActive is asked before anything new binds the two sides.
func (t *tx) bothActive() error {
	if err := activeMember(t.ctx.Public, t.own); err != nil {
		return err
	}
	return activeMember(t.ctx.Public, t.partner)
}

// roleNames are the roles, for whoever has named another.
const roleNames = "contracts, orders, disputes, finance, issuer, compliance or oracle"

func delegateAdd(t *tx, b DelegateAdd) error {
	if _, err := t.authorize(nil); err != nil {
		return err
	}
	if err := sign.CheckKey(b.Key); err != nil {
		return fault.Of(err).In("key")
	}
	if b.Name == "" || len(b.Name) > 100 {
		return invalid("name", "the name is empty or longer than 100 bytes", "name the person or robot behind the key")
	}
	if len(b.Roles) == 0 {
		return invalid("roles", "a delegate has at least one role", "name "+roleNames)
	}
	for i, r := range b.Roles {
		if !r.Known() || slices.Contains(b.Roles[:i], r) {
			return invalid("roles", "a role is not known, or named twice", "name "+roleNames)
		}
	}
	if err := party.CheckLimits(b.Limits); err != nil {
		return fault.Of(err).In("limits")
	}
	from := max(b.From, t.ctx.Block.Height)
	if b.Until != 0 && b.Until <= from {
		return invalid("until", "the delegation ends before it begins", "name a later height, or none")
	}
	if _, _, isChannelKey := t.bilateral.Side(b.Key); isChannelKey {
		return conflict("key", "use another key", "the key is a channel key")
	}
	if t.ctx.Block.Channel.IsZero() && t.has(KeyKey(b.Key)) {
		return conflict("key", "use another key", "the key %s stands for something else", b.Key.Short())
	}
	if old, ok := get[party.Delegate](t, DelegateKey(b.Key)); ok && old.Member != t.own {
		return conflict("key", "use another key", "the key is a delegate of the other side")
	}
	t.put(DelegateKey(b.Key), party.Delegate{Key: b.Key, Member: t.own, Name: b.Name, Roles: b.Roles, Limits: b.Limits, From: from, Until: b.Until})
	t.emit(EventDelegateAdded, DelegateKey(b.Key), "")
	return nil
}

func delegateRevoke(t *tx, b DelegateRevoke) error {
	if _, err := t.authorize(nil); err != nil {
		return err
	}
	d, ok := get[party.Delegate](t, DelegateKey(b.Key))
	if !ok || d.Member != t.own {
		return notFound("key", "delegate of yours", b.Key.Short())
	}
	d.Revoked = true
	t.put(DelegateKey(b.Key), d)
	t.emit(EventDelegateRevoked, DelegateKey(b.Key), "")
	return nil
}

// replacedSide gives the side whose bound key the sender's has replaced on the
// Omnilateral before it was announced here: without this the side could say
// nothing any more. Its member key signs all the same.
func (t *tx) replacedSide() (own, partner party.Code, ok bool) {
	if t.ctx.Public == nil {
		return "", "", false
	}
	ch, _ := get[Channel](t.ctx.Public, ChannelKey(t.ctx.Block.Channel))
	place := slices.Index(ch.Keys[:], t.ctx.Sender)
	if place < 0 {
		return "", "", false
	}
	for _, pair := range slices.Backward(ch.Past) {
		if own, partner, ok = t.bilateral.Side(pair[place]); ok {
			return own, partner, true
		}
	}
	return "", "", false
}

func keyChange(t *tx, b KeyChange) error {
	if _, err := t.authorize(nil); err != nil {
		return err
	}
	if _, _, bound := t.bilateral.Side(t.ctx.Sender); !bound && b.New != t.ctx.Sender {
		return fault.New(fault.Forbidden, "a key that is not announced yet announces itself and no other", "announce the sender's own key first").In("new")
	}
	if err := sign.CheckKey(b.New); err != nil {
		return fault.Of(err).In("new")
	}
	if !sign.Verify(b.New, tagPossession, possession(b.New, t.ctx.Block.Chain, t.ctx.Block.Channel.String()), b.Possession) {
		return fault.New(fault.Refused, "the new key's own signature is wrong", "sign with the new key for this chain and channel").In("possession")
	}
	if _, _, used := t.bilateral.Side(b.New); used {
		return conflict("new", "generate a fresh key", "the key is a channel key already")
	}
	if _, used := t.Get(DelegateKey(b.New)); used {
		return conflict("new", "generate a fresh key", "the key is a delegate's")
	}
	next := t.bilateral
	next.Sides = slices.Clone(next.Sides)
	for i, s := range next.Sides {
		if s.Member == t.own {
			next.Sides[i].Keys = append(slices.Clone(s.Keys), b.New)
		}
	}
	t.put(keyBilateral, next)
	t.emit(EventKeyChanged, keyBilateral, string(t.own))
	return nil
}

// maxDivergenceDetail bounds the evidence in a record.
const maxDivergenceDetail = 64 << 10

func divergence(t *tx, b Divergence) error {
	if _, err := t.authorize(nil); err != nil {
		return err
	}
	if t.bilateral.State == Diverged {
		return nil // one piece of evidence is enough
	}
	if len(b.Detail) > maxDivergenceDetail {
		return invalid("detail", "the detail has more than 64 KiB", "leave the leaves out; replay finds them")
	}
	x, y := b.Ours.Head, b.Theirs.Head
	if x.Channel != t.ctx.Block.Channel || y.Channel != x.Channel || x.Term != y.Term || x.Size != y.Size || x.Root == y.Root {
		return fault.New(fault.Refused, "the two heads do not contradict each other", "bisect to two heads of one size with different roots").In("theirs")
	}
	if m, ok := get[Mended](t, keyMended); ok && x.Size <= m.Evidence.Ours.Head.Size {
		return fault.New(fault.Refused, "both sides have closed a divergence that covers these heads", "send heads from after it").In("ours")
	}
	one, other := t.headBy(b.Ours), t.headBy(b.Theirs)
	if one == "" || other == "" || one == other {
		return fault.New(fault.Refused, "the two heads are not signed by the two sides", "send the heads as they were signed").In("ours")
	}
	next := t.bilateral
	next.State = Diverged
	t.put(keyBilateral, next)
	t.put(keyDivergence, b)
	t.emit(EventDiverged, keyBilateral, "")
	return nil
}

// divergenceClose ends a divergence once both sides have said of the same
// evidence that their states are one again. Nothing else makes the channel
// whole: the states are compared by the heads, not by a command.
func divergenceClose(t *tx, b DivergenceClose) error {
	act, err := t.authorize(nil)
	if err != nil {
		return err
	}
	evidence, ok := get[Divergence](t, keyDivergence)
	if t.bilateral.State != Diverged || !ok {
		return wrongState("channel", t.ctx.Block.Channel.String()[:8], string(t.bilateral.State), "closing a divergence")
	}
	if err := checkWhy(b.Why); err != nil {
		return err
	}
	if b.Evidence != evidence.Hash() {
		return fault.New(fault.Refused, "that is not the evidence of this channel's divergence", "look at the divergence, then close that one").In("evidence")
	}
	if m, ok := get[Mending](t, keyMending); !ok || m.Evidence != b.Evidence || m.By == t.own {
		t.put(keyMending, Mending{t.own, b.Evidence, act})
		t.emit(EventMending, keyBilateral, string(t.own))
		return nil
	}
	next := t.bilateral
	next.State = Bound
	t.put(keyBilateral, next)
	t.put(keyMended, Mended{evidence, t.ctx.Block.Height})
	t.drop(keyDivergence)
	t.drop(keyMending)
	t.emit(EventMended, keyBilateral, "")
	return nil
}

// headBy gives the side whose key has signed a head; empty when none has. Old
// keys count: the heads may be from before a change.
func (t *tx) headBy(h SignedHead) party.Code {
	for _, s := range t.bilateral.Sides {
		for _, k := range s.Keys {
			if h.verifyKey(k) {
				return s.Member
			}
		}
	}
	return ""
}

// versionMillis is how long a proposal to change the rules waits for its answer.
// No agreement names it: there may be none yet.
const versionMillis = 30 * dayMillis

func versionPropose(t *tx, b VersionPropose) error {
	if _, err := t.authorize(nil); err != nil {
		return err
	}
	if b.Version == 0 || b.Version == t.bilateral.Version {
		return invalid("version", "that is no other version of the rules", "name the version to change to")
	}
	if b.Height <= t.ctx.Block.Height {
		return invalid("height", "the height has passed", "name a height to come")
	}
	if n := t.bilateral.Next; n != nil && n.Agreed {
		return conflict("version", "wait until it is in force", "a change to version %d is agreed already", n.Version)
	}
	next := t.bilateral
	next.Next = &NextVersion{Version: b.Version, Height: b.Height, Proposer: t.own, Deadline: t.ctx.Block.Time + versionMillis}
	t.put(keyBilateral, next)
	t.emit(EventVersionProposed, keyBilateral, "")
	return nil
}

func versionAccept(t *tx, b VersionPropose) error {
	if _, err := t.authorize(nil); err != nil {
		return err
	}
	n := t.bilateral.Next
	switch {
	case n == nil || n.Agreed || n.Version != b.Version || n.Height != b.Height:
		return notFound("version", "proposal to change to version", "named")
	case n.Proposer == t.own:
		return fault.New(fault.Forbidden, "the other side has to accept it", "wait for the partner")
	case n.Height <= t.ctx.Block.Height:
		return fault.New(CodeState, "the height has passed", "propose the change again for a later height")
	}
	agreed := *n
	agreed.Agreed, agreed.Deadline = true, 0
	next := t.bilateral
	next.Next = &agreed
	t.put(keyBilateral, next)
	t.emit(EventVersionAgreed, keyBilateral, "")
	return nil
}

// maxReference bounds what the sides write beside an acknowledged file.
const maxReference = 256

func documentRecord(t *tx, b DocumentRecord) error {
	if _, err := t.authorize(nil); err != nil {
		return err
	}
	switch {
	case !party.Plain(b.Kind, 32):
		return invalid("kind", "the kind is no plain word", "use a word like records, evidence or sheet")
	case b.Hash.IsZero():
		return invalid("hash", "the file has no hash", "name the SHA-256 of the file")
	case len(b.Reference) > maxReference:
		return invalid("reference", "the reference has more than 256 bytes", "shorten it")
	case len(b.Totals) > 16:
		return invalid("totals", "more than 16 totals", "name one for each currency")
	}
	for _, a := range b.Totals {
		if err := a.Currency.Validate(); err != nil {
			return fault.Of(err).In("totals")
		}
	}
	key := FileKey(b.Hash)
	if _, there := t.Get(key); there {
		return nil // acknowledged before
	}
	t.put(key, File{b.Kind, b.Size, b.Count, b.Totals, b.Reference, t.own, t.ctx.Block.Height})
	t.emit(EventFileRecorded, key, "")
	return nil
}
