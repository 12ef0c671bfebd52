package proof

import (
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade"
)

// Leaf is one leaf of a channel's block log: there is one for each block that
// touches the channel. Its canonical bytes are what is hashed.
type Leaf struct {
	Position uint64     `cbor:"1,keyasint"` // height of the block on the channel's ledger
	Receipts canon.Hash `cbor:"2,keyasint"` // of the receipts of the block's commands in this channel
	State    canon.Hash `cbor:"3,keyasint"` // root of the channel's state after the block
}

// Bytes gives the leaf as it stands in the log.
func (l Leaf) Bytes() []byte { return canon.Must(l) }

// The links of the chain that the state machine itself checks are its own.
type (
	Head       = trade.Head
	SignedHead = trade.SignedHead
	Channel    = trade.Channel
	Anchor     = trade.Anchor
	Kind       = trade.AnchorKind
)

// HeadTag separates signatures under heads from all others.
const HeadTag = trade.HeadTag

// On whose word a head rests.
const (
	Attested    = trade.Attested
	Uncontested = trade.Uncontested
)

// NewAnchor puts two signed heads of one channel together; see trade.
func NewAnchor(a, b SignedHead, consistency []canon.Hash) Anchor {
	return trade.NewAnchor(a, b, consistency)
}

// NewUncontested makes the anchor of a head that the partner left without an
// answer; see trade.
func NewUncontested(a SignedHead) Anchor { return trade.NewUncontested(a) }

// OmniRoot is the root that a ledger certifies for the Omnilateral: its state
// and its block log together.
func OmniRoot(state, log canon.Hash) canon.Hash {
	return canon.Sum("lateral/omnilateral-root/1", state[:], log[:])
}

// ChannelKey is the key of a Bilateral's record on the Omnilateral.
func ChannelKey(id canon.Hash) string { return trade.ChannelKey(id) }

// AnchorKey is the key of an anchor on the Omnilateral.
func AnchorKey(channel canon.Hash, term uint32, position uint64) string {
	return trade.AnchorKey(channel, term, position)
}

// AnchorPrefix is what the keys of all anchors of a channel begin with.
func AnchorPrefix(channel canon.Hash) string { return trade.AnchorPrefix(channel) }
