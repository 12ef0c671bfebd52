package channel

import (
	"iter"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/seal"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/proof"
	"github.com/lateral-network/lateral/trade"
)

// Law is the state machine that channels execute, and how its public records
// are read. All methods are pure and may be called at the same time. Package
// trade is the law of the product (see [Trade]); tests that make a member
// execute wrongly hand in another.
type Law interface {
	// Apply executes one command: all of it or nothing.
	Apply(ctx trade.Context, state trade.Records, cmd trade.Command) trade.Result
	// Genesis gives the Omnilateral's first records from a genesis document.
	Genesis(doc []byte) ([]trade.Write, error)
	// Diverged reports whether a command is still taken when the members'
	// states have parted: termination, payment of what is agreed, evidence.
	Diverged(trade.Command) bool

	// Version refuses a state whose rules this node does not know, with code
	// version-unknown: the node stops that channel instead of applying.
	Version(state trade.Records, height uint64) error

	// Conserved checks what a block has changed, apart from what has changed it:
	// no value is made or lost. written are the keys of the changed records. A
	// node that finds otherwise stops.
	Conserved(before, after trade.Records, written iter.Seq[string], time int64) error

	// Admit says who pays for an envelope from a sender in a channel, at a
	// height and block time, or why the sender may not send there.
	Admit(public trade.Records, channel canon.Hash, sender sign.PublicKey, height uint64, time int64) (payer string, err error)
	// Carrier gives the member whose node key this is, at a height.
	Carrier(public trade.Records, node sign.PublicKey, height uint64) (code string, ok bool)
	// Sealing gives the key to seal to for a member, at a height.
	Sealing(public trade.Records, code string, height uint64) (seal.PublicKey, bool)
	// Opening gives what the Omnilateral knows of a Bilateral.
	Opening(public trade.Records, id canon.Hash) (Opening, bool)
	// Limits gives the network's quotas.
	Limits(public trade.Records, height uint64) Limits

	// Open, Confirm and Anchor make Omnilateral commands, Bind a Bilateral's.
	Open(o Opening) trade.Command
	Confirm(id canon.Hash) trade.Command
	Anchor(a proof.Anchor, extends []canon.Hash) trade.Command
	// Contest makes the command that answers a claim of the partner with a head
	// that contradicts it.
	Contest(own proof.SignedHead) trade.Command
	// Claim gives the head of one side that waits on the Omnilateral for the
	// other's answer, and Claimed reads such a claim's record.
	Claim(public trade.Records, id canon.Hash, side int) (proof.Anchor, bool)
	Claimed(record []byte) (proof.Anchor, bool)
	// LastAnchor gives a channel's newest anchor on the Omnilateral that both
	// members have signed.
	LastAnchor(public trade.Records, id canon.Hash) (proof.Anchor, bool)
	// Bind makes the command by which a member puts its company's name behind
	// its channel key, signed with the member key.
	Bind(b Binding, member sign.PrivateKey) trade.Command
	// Announce makes the command of a Bilateral by which a member puts its
	// company's name behind a channel key that follows a bound one, signed with
	// the member key.
	Announce(b Binding, a Announcement, member sign.PrivateKey) trade.Command
	// Possession is a new channel key's own word that it is at hand.
	Possession(fresh sign.PrivateKey, chain string, id canon.Hash) sign.Signature
	// Replace makes the Omnilateral command by which a channel key puts another
	// in its place.
	Replace(id canon.Hash, a Announcement) trade.Command
	// Evidence makes the command by which one side shows that the two have
	// signed contradicting heads of one size.
	Evidence(ours, theirs proof.SignedHead, leaf uint64, detail []byte) trade.Command
	// Parted reports whether evidence that the members' states differ is in the
	// state, and they have not both said since that it is over.
	Parted(state trade.Records) bool
	// Equivocation makes the Omnilateral command that shows two heads of one size
	// under one key, and Equivocated reports whether such evidence is there.
	Equivocation(key sign.PublicKey, one, two proof.SignedHead) trade.Command
	Equivocated(public trade.Records, id canon.Hash, key sign.PublicKey) bool
	// Bound reports whether a member has bound its channel key.
	Bound(state trade.Records, key sign.PublicKey) bool
	// Destroys reports whether the two members of a Bilateral have agreed that
	// old keys are destroyed. An agreement that has ended still counts. It is
	// asked after each block until it says so; written tells whether the block
	// has written a record whose key begins with a prefix.
	Destroys(state trade.Records, written func(prefix string) bool) bool
}

// Opening is what the Omnilateral knows of a Bilateral: who opened it and the
// two channel keys, and not who the partner is.
type Opening struct {
	ID            canon.Hash
	Keys          [2]sign.PublicKey // in byte order when it was opened
	Past          [][2]sign.PublicKey
	Opener        string  // member code; its quota pays
	Invitation    []byte  // sealed for the partner, and for the opener itself
	Confirmations [2]bool // which of the keys have said that they want the channel
	Confirmed     bool    // both have
	Deadline      int64   // block time in ms UTC at which an unconfirmed opening lapses
}

// Limits are the network's quotas. Zero means no limit.
type Limits struct {
	ChannelBytes uint64 // bytes a minute of block time that one channel may send
	MemberBytes  uint64 // bytes a minute that all channels a member pays for may send
	Reserve      uint64 // bytes a minute beyond both, for envelopes of at most SmallEnvelope bytes
	Invitation   int64  // longest life of an invitation in ms of block time
}

// SmallEnvelope is the size in bytes up to which an envelope may use the
// reserve: heads, key changes and a termination fit.
const SmallEnvelope = 8 << 10

// Announcement is a channel key that follows another, with its own signature.
type Announcement struct {
	Key        sign.PublicKey
	Possession sign.Signature
}

// Binding is what a member signs with its member key inside the sealed log:
// this channel key speaks for this company.
type Binding struct {
	Chain   string
	Channel canon.Hash
	Keys    [2]sign.PublicKey
	Mine    int // which of the keys is the signer's
	Member  string
	Partner string
	Expires int64      // block time in ms UTC after which it is void
	Nonce   canon.Hash // used once
}
