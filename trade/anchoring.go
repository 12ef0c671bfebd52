package trade

import (
	"iter"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
)

// An anchor with both heads counts at once. One head alone is a claim: it waits
// for the time that the partner has to answer, by an anchor of both or by a
// head of its own that contradicts it, and counts when it is posted again
// afterwards.

// anchorPost checks an anchor against the channel's keys and the last anchor
// that both have signed. What one has signed alone stands in the way of
// nothing.
func anchorPost(t *tx, c AnchorPost) error {
	ch, by, err := t.byChannelKey(c.Anchor.Channel)
	if err != nil {
		return fault.Of(err).In("anchor")
	}
	if err := c.Anchor.Check(ch); err != nil {
		return fault.Of(err).In("anchor")
	}
	for _, h := range c.Anchor.Heads {
		if err := t.plausible(h.Head); err != nil {
			return fault.Of(err).In("anchor")
		}
	}
	head := c.Anchor.Head()
	if there, ok := get[Anchor](t, c.Anchor.Key()); ok && there.Head() == head && (there.Kind == c.Anchor.Kind || there.Kind == Attested) {
		return nil // posted by the other side as well
	} else if ok && c.Anchor.Kind == Uncontested {
		return conflict("anchor.position", "post a later head", "there is an anchor with another head at this position")
	}
	earlier, ok := View{t}.Attested(ch.ID)
	if ok {
		err = c.Anchor.Extends(earlier, c.Consistency)
	} else if len(c.Consistency) > 0 {
		err = invalid("consistency", "the first anchor extends nothing", "leave it empty")
	}
	if err != nil {
		return fault.Of(err).In("anchor")
	}
	next := Anchored{Key: c.Anchor.Key(), Head: head, Attested: c.Anchor.Key()}
	if c.Anchor.Kind == Uncontested {
		if counts, err := t.waited(c.Anchor, by); err != nil || !counts {
			return err
		}
		t.drop(ClaimKey(ch.ID, by))
		if next.Attested = ""; ok {
			next.Attested = earlier.Key()
		}
	} else {
		for side := range ch.Keys {
			if waits, ok := get[AnchorClaim](t, ClaimKey(ch.ID, side)); ok && waits.Anchor.Head().Size <= head.Size {
				t.drop(ClaimKey(ch.ID, side)) // answered
			}
		}
	}
	t.put(c.Anchor.Key(), c.Anchor)
	t.put(AnchoredKey(ch.ID), next)
	t.emit(EventAnchored, c.Anchor.Key(), "")
	return nil
}

// plausible refuses a head that no log can have by now: there is at most one
// leaf a block, and the last one's block is there.
func (t *tx) plausible(h Head) error {
	if h.Size == 0 || h.Size > h.Position || h.Position >= t.ctx.Block.Height {
		return refuseAnchor("heads", "no log can have this size at this position by now")
	}
	return nil
}

// waited keeps one member's head until the partner has had its time, and
// reports whether it has.
func (t *tx) waited(a Anchor, by int) (counts bool, err error) {
	if int(a.Heads[0].By) != by {
		return false, fault.New(fault.Unauthorized, "a head alone is posted by who has signed it", "post both heads").In("anchor.heads")
	}
	key := ClaimKey(a.Channel, by)
	claim, waits := get[AnchorClaim](t, key)
	if !waits || claim.Anchor.Head() != a.Head() {
		t.put(key, AnchorClaim{a, t.ctx.Block.Time})
		t.emit(EventAnchorClaimed, key, "")
		return false, nil
	}
	n, _ := get[Network](t, keyNetwork)
	if t.ctx.Block.Time < claim.Posted+n.UncontestedMillis {
		return false, fault.New(fault.NotYet, "the partner has more time to answer", "post it again when the time has passed").In("anchor.kind")
	}
	return true, nil
}

// anchorContest answers the partner's claim with a head of one's own that
// contradicts it. The claim is gone; both heads stay, as evidence that one of
// the two has signed what is not so.
func anchorContest(t *tx, c AnchorContest) error {
	ch, by, err := t.byChannelKey(c.Head.Head.Channel)
	if err != nil {
		return fault.Of(err).In("head")
	}
	if int(c.Head.By) != by || !c.Head.Verify(ch.Keys) {
		return fault.New(fault.Unauthorized, "the head is not signed with the sender's channel key", "sign a head of your own log").In("head")
	}
	claim, ok := get[AnchorClaim](t, ClaimKey(ch.ID, 1-by))
	if !ok {
		return notFound("head", "claim of the partner on channel", ch.ID.String())
	}
	if !c.Head.Head.Contradicts(claim.Anchor.Head()) {
		return fault.New(fault.Refused, "the two heads may be of one log", "post both heads as an anchor").In("head")
	}
	t.drop(ClaimKey(ch.ID, 1-by))
	key := ContestKey(ch.ID, t.ctx.Block.Height, t.ctx.Block.Index)
	t.put(key, Contest{Claimed: claim.Anchor.Heads[0], Answer: c.Head})
	t.emit(EventAnchorContested, key, "")
	return nil
}

// Check says why this is no evidence; nil when it is, to everybody. Whose key it
// is, the channel's record says. Code: refused.
func (e Equivocation) Check() error {
	one, two := e.One.Head, e.Two.Head
	switch {
	case one.Size != two.Size || !one.Contradicts(two):
		return fault.New(fault.Refused, "the two heads may be of one log", "show two heads of one channel and size that differ").In("two")
	case sign.CheckKey(e.Key) != nil || !e.One.verifyKey(e.Key) || !e.Two.verifyKey(e.Key):
		return fault.New(fault.Refused, "the two heads are not both signed with the key", "show the heads as they were signed, and the key that signed both").In("key")
	}
	return nil
}

// equivocation keeps the first evidence against each key of a channel. One of
// the two sides brings it: it is about their log, and the opener's quota pays.
func equivocation(t *tx, e Equivocation) error {
	ch, _, err := t.byChannelKey(e.One.Head.Channel)
	if err != nil {
		return fault.Of(err).In("one")
	}
	if !ch.has(e.Key) {
		return fault.New(fault.Refused, "the key is none of the channel's, now or before", "name the key that signed both heads").In("key")
	}
	if err := e.Check(); err != nil {
		return err
	}
	key := EquivocationKey(ch.ID, e.Key)
	if t.has(key) {
		return nil // one piece of evidence is enough
	}
	t.put(key, e)
	t.emit(EventEquivocation, key, "")
	return nil
}

// has reports whether a key is one of the channel's, now or before.
func (c Channel) has(k sign.PublicKey) bool {
	return slices.Contains(c.Keys[:], k) || slices.ContainsFunc(c.Past, func(pair [2]sign.PublicKey) bool { return slices.Contains(pair[:], k) })
}

// Contradicts reports whether no log can have both heads: one size with two
// roots, or a longer log that does not reach further.
func (h Head) Contradicts(other Head) bool {
	if h.Channel != other.Channel || h.Term != other.Term {
		return false
	}
	switch {
	case h.Size < other.Size:
		return h.Position >= other.Position
	case h.Size > other.Size:
		return h.Position <= other.Position
	}
	return h.Root != other.Root || h.Position != other.Position
}

// Claim gives a head of one side that waits for the partner's answer. Sides
// count as in the channel's record.
func (v View) Claim(id canon.Hash, side int) (AnchorClaim, bool) {
	return get[AnchorClaim](v, ClaimKey(id, side))
}

// Equivocations yields what shows that keys of a channel have signed two heads
// of one size, by key.
func (v View) Equivocations(id canon.Hash) iter.Seq[Equivocation] {
	return all[Equivocation](v, EquivocationPrefix(id))
}

// Attested gives a channel's last anchor that both members have signed.
func (v View) Attested(id canon.Hash) (Anchor, bool) {
	last, ok := get[Anchored](v, AnchoredKey(id))
	if !ok || last.Attested == "" {
		return Anchor{}, false
	}
	return get[Anchor](v, last.Attested)
}
