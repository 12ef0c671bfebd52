package proof

import (
	"encoding/binary"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
)

// HeadTag separates signatures under heads from all others.
const HeadTag = "lateral/head/1"

// Leaf is one leaf of a channel's block log: there is one for each block that
// touches the channel. Its canonical bytes are what is hashed.
type Leaf struct {
	Position uint64     `cbor:"1,keyasint"` // height of the block on the channel's ledger
	Receipts canon.Hash `cbor:"2,keyasint"` // of the receipts of the block's commands in this channel
	State    canon.Hash `cbor:"3,keyasint"` // root of the channel's state after the block
}

// Bytes gives the leaf as it stands in the log.
func (l Leaf) Bytes() []byte { return canon.Must(l) }

// Head says how far a member has executed a channel and what came out: the
// size and root of its block log, whose last leaf is that of Position.
type Head struct {
	Channel  canon.Hash `cbor:"1,keyasint"`
	Term     uint32     `cbor:"2,keyasint,omitempty"` // counts the ledgers of a channel that moves; 0 at its first
	Position uint64     `cbor:"3,keyasint"`           // height of the last block that touched the channel
	Size     uint64     `cbor:"4,keyasint"`           // leaves in the block log
	Root     canon.Hash `cbor:"5,keyasint"`           // of the block log
}

// SignedHead is a head under the signature of one member's channel key.
type SignedHead struct {
	Head      Head           `cbor:"1,keyasint"`
	By        uint8          `cbor:"2,keyasint"` // index of the key in the channel's record
	Signature sign.Signature `cbor:"3,keyasint"`
}

// Sign signs the head with the channel key that stands at index by of the
// channel's record.
func (h Head) Sign(k sign.PrivateKey, by uint8) SignedHead {
	return SignedHead{Head: h, By: by, Signature: k.Sign(HeadTag, canon.Must(h))}
}

// Verify reports whether the signature is that of the channel key that the
// head names.
func (s SignedHead) Verify(keys [2]sign.PublicKey) bool {
	return int(s.By) < len(keys) && sign.Verify(keys[s.By], HeadTag, canon.Must(s.Head), s.Signature)
}

// OmniRoot is the root that a ledger certifies for the Omnilateral: its state
// and its block log together.
func OmniRoot(state, log canon.Hash) canon.Hash {
	return canon.Sum("lateral/omnilateral-root/1", state[:], log[:])
}

// Channel is the Omnilateral's record of a Bilateral, under ChannelKey: whose
// signatures count as those of its two members. Nothing in it says who the
// second member is.
type Channel struct {
	ID   canon.Hash        `cbor:"1,keyasint"`
	Keys [2]sign.PublicKey `cbor:"2,keyasint"` // channel signing keys: the opener's, the partner's
}

// ChannelKey is the key of a Bilateral's record on the Omnilateral.
func ChannelKey(id canon.Hash) string { return "channel/" + id.String() }

// AnchorKey is the key of an anchor on the Omnilateral. Keys of one channel
// sort by term and position.
func AnchorKey(channel canon.Hash, term uint32, position uint64) string {
	var n [12]byte
	binary.BigEndian.PutUint32(n[:], term)
	binary.BigEndian.PutUint64(n[4:], position)
	return AnchorPrefix(channel) + hexOf(n[:4]) + "/" + hexOf(n[4:])
}

// AnchorPrefix is what the keys of all anchors of a channel begin with.
func AnchorPrefix(channel canon.Hash) string { return "anchor/" + channel.String() + "/" }
