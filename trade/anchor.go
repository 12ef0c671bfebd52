package trade

import (
	"encoding/binary"
	"encoding/hex"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/internal/sign"
)

// AnchorKind says on whose word a head rests.
type AnchorKind string

const (
	// Attested: both members signed.
	Attested AnchorKind = "attested"
	// Uncontested: one member signed, and the other did not answer within the
	// time that the network allows.
	Uncontested AnchorKind = "uncontested"
)

// HeadTag separates signatures under heads from all others.
const HeadTag = "lateral/head/1"

// Head says how far a member has executed a channel and what came out: the
// size and root of its block log, whose last leaf is that of Position.
type Head struct {
	Channel  canon.Hash `cbor:"1,keyasint" json:"channel"`
	Term     uint32     `cbor:"2,keyasint,omitempty" json:"term"` // counts the ledgers of a channel that moves; 0 at its first
	Position uint64     `cbor:"3,keyasint" json:"position"`       // height of the last block that touched the channel
	Size     uint64     `cbor:"4,keyasint" json:"size"`           // leaves in the block log
	Root     canon.Hash `cbor:"5,keyasint" json:"root"`           // of the block log
}

// SignedHead is a head under the signature of one member's channel key.
type SignedHead struct {
	Head      Head           `cbor:"1,keyasint" json:"head"`
	By        uint8          `cbor:"2,keyasint" json:"by"` // index of the key in the channel's record
	Signature sign.Signature `cbor:"3,keyasint" json:"signature"`
}

// Sign signs the head with the channel key that stands at index by of the
// channel's record.
func (h Head) Sign(k sign.PrivateKey, by uint8) SignedHead {
	return SignedHead{Head: h, By: by, Signature: k.Sign(HeadTag, canon.Must(h))}
}

// Verify reports whether the signature is that of the channel key that the
// head names.
func (s SignedHead) Verify(keys [2]sign.PublicKey) bool {
	return int(s.By) < len(keys) && s.verifyKey(keys[s.By])
}

func (s SignedHead) verifyKey(k sign.PublicKey) bool {
	return sign.Verify(k, HeadTag, canon.Must(s.Head), s.Signature)
}

// Channel is the Omnilateral's record of a Bilateral, under ChannelKey: whose
// signatures count as those of its two members. Nothing in it says who they
// are: the keys are in byte order when the channel opens, and keep their
// places when one is replaced.
type Channel struct {
	ID   canon.Hash        `cbor:"1,keyasint" json:"id"`
	Keys [2]sign.PublicKey `cbor:"2,keyasint" json:"keys"`
	// Past are the pairs that counted before, oldest first: what they have
	// signed stays signed.
	Past [][2]sign.PublicKey `cbor:"3,keyasint,omitempty" json:"past,omitempty"`
}

// ChannelKey is the key of a Bilateral's record on the Omnilateral.
func ChannelKey(id canon.Hash) string { return "channel/" + id.String() }

// AnchorKey is the key of an anchor on the Omnilateral. Keys of one channel
// sort by term and position.
func AnchorKey(channel canon.Hash, term uint32, position uint64) string {
	var n [12]byte
	binary.BigEndian.PutUint32(n[:], term)
	binary.BigEndian.PutUint64(n[4:], position)
	return AnchorPrefix(channel) + hex.EncodeToString(n[:4]) + "/" + hex.EncodeToString(n[4:])
}

// AnchorPrefix is what the keys of all anchors of a channel begin with.
func AnchorPrefix(channel canon.Hash) string { return "anchor/" + channel.String() + "/" }

// Anchor is the Omnilateral's record of how far a Bilateral is attested, under
// AnchorKey. It names no member.
type Anchor struct {
	Channel  canon.Hash `cbor:"1,keyasint"`
	Term     uint32     `cbor:"2,keyasint,omitempty"`
	Position uint64     `cbor:"3,keyasint"` // attested position: that of the lower head
	Kind     AnchorKind `cbor:"4,keyasint"`
	// Heads are in the order of the channel's keys: two when attested, one when
	// uncontested.
	Heads []SignedHead `cbor:"5,keyasint"`
	// Consistency proves the lower head's log a prefix of the higher one's.
	// Empty when both heads are the same.
	Consistency []canon.Hash `cbor:"6,keyasint,omitempty"`
}

// Key is where the anchor stands on the Omnilateral.
func (a Anchor) Key() string { return AnchorKey(a.Channel, a.Term, a.Position) }

// Head is the lower of the anchor's heads, the one that both stand for. The
// anchor must have passed Check.
func (a Anchor) Head() Head {
	low := a.Heads[0].Head
	for _, h := range a.Heads[1:] {
		if h.Head.Size < low.Size {
			low = h.Head
		}
	}
	return low
}

// NewAnchor puts two signed heads of one channel together. The heads come in
// any order; consistency proves the lower log a prefix of the higher and is
// nil when the heads are equal. The anchor is checked by Check, not here.
func NewAnchor(a, b SignedHead, consistency []canon.Hash) Anchor {
	if a.By > b.By {
		a, b = b, a
	}
	out := Anchor{Channel: a.Head.Channel, Term: a.Head.Term, Kind: Attested, Heads: []SignedHead{a, b}, Consistency: consistency}
	out.Position = out.Head().Position
	return out
}

// NewUncontested makes the anchor of a head that the partner left without an
// answer. Whether the agreed time has passed is for the Omnilateral to judge.
func NewUncontested(a SignedHead) Anchor {
	return Anchor{Channel: a.Head.Channel, Term: a.Head.Term, Position: a.Head.Position, Kind: Uncontested, Heads: []SignedHead{a}}
}

// Check checks all that an anchor says by itself, against the channel's keys:
// the number of heads for its kind, their order, channel, term and signatures,
// the attested position, and that one head's log is a prefix of the other's.
// Code: refused, with the offending field.
func (a Anchor) Check(c Channel) error {
	want := map[AnchorKind]int{Attested: 2, Uncontested: 1}[a.Kind]
	switch {
	case a.Channel != c.ID:
		return refuseAnchor("channel", "the anchor is of another channel than its keys")
	case want == 0:
		return refuseAnchor("kind", "an anchor is attested or uncontested, nothing else")
	case len(a.Heads) != want:
		return refuseAnchor("heads", "an anchor has two heads when it is attested and one when it is uncontested")
	}
	for i, h := range a.Heads {
		switch {
		case i > 0 && h.By <= a.Heads[i-1].By:
			return refuseAnchor("heads", "the heads are not those of the two keys in their order")
		case h.Head.Channel != a.Channel || h.Head.Term != a.Term:
			return refuseAnchor("heads", "a head is of another channel or term")
		case !h.Verify(c.Keys):
			return refuseAnchor("heads", "a head's signature is not that of the channel's key")
		}
	}
	if a.Head().Position != a.Position {
		return refuseAnchor("position", "the attested position is not that of the lower head")
	}
	return a.checkPrefix()
}

// CheckStanding is Check for an anchor that stands on the Omnilateral, where it
// was checked against the keys that counted when it was posted: one of the
// channel's pairs, present or past, has signed it.
func (a Anchor) CheckStanding(c Channel) error {
	err := a.Check(c)
	for _, keys := range slices.Backward(c.Past) {
		if err == nil || a.Check(Channel{ID: c.ID, Keys: keys}) == nil {
			return nil
		}
	}
	return err
}

func (a Anchor) checkPrefix() error {
	low, high := a.Head(), a.Heads[len(a.Heads)-1].Head
	if high == low {
		high = a.Heads[0].Head
	}
	if low == high {
		if len(a.Consistency) > 0 {
			return refuseAnchor("consistency", "heads that are equal need no proof of consistency")
		}
		return nil
	}
	// One size is one log and so one position; a longer log reaches further.
	if low.Size >= high.Size || low.Position >= high.Position || low.Size == 0 {
		return refuseAnchor("heads", "the two heads contradict each other")
	}
	if err := merkle.VerifyConsistency(low.Root, low.Size, high.Root, high.Size, a.Consistency); err != nil {
		return refuseAnchor("consistency", "the two heads are not of one log").Because(err)
	}
	return nil
}

// Extends checks that a comes after an earlier anchor of the same channel: a
// later term, or a later position with a longer log. That the longer log holds
// the shorter one is proven by consistency, from earlier.Head to a.Head. Code:
// refused.
func (a Anchor) Extends(earlier Anchor, consistency []canon.Hash) error {
	from, to := earlier.Head(), a.Head()
	switch {
	case a.Channel != earlier.Channel:
		return refuseAnchor("channel", "the anchors are of two channels")
	case from.Term > to.Term || from.Term == to.Term && from.Position >= to.Position || from.Size >= to.Size:
		return refuseAnchor("position", "a newer anchor of this channel is there")
	}
	if err := merkle.VerifyConsistency(from.Root, from.Size, to.Root, to.Size, consistency); err != nil {
		return refuseAnchor("consistency", "the anchor does not extend the last one").Because(err)
	}
	return nil
}

func refuseAnchor(field, detail string) *fault.Error {
	return &fault.Error{Code: fault.Refused, Field: field, Detail: detail, Remedy: "trust nothing that it says; ask whoever made it for a new one"}
}
