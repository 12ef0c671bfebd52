// Package ledger is what Lateral asks of a ledger: order envelopes with
// finality, and certify the public state. Drivers stand in folders beside each
// other (comet, local) and pass one suite, ledgertest. A ledger never sees what
// a sealed envelope carries, and nothing above this package knows which driver
// runs beneath it (MEF 114 [R17], [R21]).
package ledger

import (
	"context"
	"fmt"
	"iter"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
)

// Height counts a ledger's blocks from 1. Zero stands for "before the first".
type Height uint64

// Position says where an envelope became final: the block, and its place among
// the block's envelopes from 0.
type Position struct {
	Height Height `cbor:"1,keyasint" json:"height"`
	Index  uint32 `cbor:"2,keyasint" json:"index"`
}

// String gives "height/index".
func (p Position) String() string { return fmt.Sprintf("%d/%d", p.Height, p.Index) }

// Before reports whether p comes before q in the ledger's order.
func (p Position) Before(q Position) bool {
	return p.Height < q.Height || p.Height == q.Height && p.Index < q.Index
}

// Root commits to the public state after a block.
type Root = canon.Hash

// Block is what a ledger made final at one height. Time is in milliseconds
// since 1970 UTC, agreed by the validators and never falling. Envelopes are in
// order; one that the machine refused stands in its place and is skipped there.
type Block struct {
	Height    Height
	Time      int64
	Envelopes []Envelope
}

// Machine is what the ledger certifies: the Omnilateral, run by every
// validator. Package channel implements it. Check may run at the same time as
// other Checks and never at the same time as Apply. The driver has checked
// encoding, size, chain id and signature of what it hands over.
//
// The sequence number is the last thing that Check looks at: a driver takes
// not-yet for "good, but early". A block without envelopes leaves the root as
// it is, or an idle ledger would make one block after another to certify it.
type Machine interface {
	// Check is admission, and the test of each envelope of a proposal, against
	// the last applied block: cheap, and without a look at a sealed payload.
	// A sequence number above the next one gives code not-yet: the driver
	// decides whether the missing ones are under way with it.
	Check(e Envelope) error
	// Apply executes each block once, in order, durably. Asked again for any
	// block that it has applied, it gives the same root: a driver may lose its
	// own record of what was applied. An error is a broken machine, never a bad
	// envelope, and stops the validator.
	Apply(b Block) (Root, error)
}

// Ledger orders envelopes. What it reports final stays final, at that
// position, on every honest node. All methods may be called at the same time.
type Ledger interface {
	// Submit returns when e is final. Idempotent by id. Codes: refused, invalid
	// (never), not-yet, busy (try later), unknown (may still become final:
	// submit the same bytes again). A cancelled Submit is unknown.
	Submit(ctx context.Context, e Envelope) (Position, error)
	// Blocks yields final blocks from a height on (0 and 1 both mean the first)
	// and waits at the tip until ctx ends. Its own reader alone waits for a
	// slow reader. A height that is pruned gives code not-found.
	Blocks(ctx context.Context, from Height) iter.Seq2[Block, error]
	// Included proves that the envelope at p is in a certified block.
	Included(ctx context.Context, p Position) (Proof, error)
	// Certified gives the machine's root after h with the signatures that make
	// it certain. It waits until the root after h is certified.
	Certified(ctx context.Context, h Height) (Certificate, error)
	// Status tells where the ledger stands.
	Status(ctx context.Context) (Status, error)
	// Close releases what the driver holds. Calls under way end with unknown.
	Close() error
}

// Status is where a ledger stands, as far as this node knows.
type Status struct {
	Driver     string   `json:"driver"`     // "comet", "local"
	ChainID    string   `json:"chain_id"`   //
	Tip        Height   `json:"tip"`        // last final block
	TipTime    int64    `json:"tip_time"`   // its time, ms UTC
	Earliest   Height   `json:"earliest"`   // first block still held
	Validators int      `json:"validators"` // size of the committee; 1 for local
	Reached    int      `json:"reached"`    // validators that answered just now
	Confirmed  Height   `json:"confirmed"`  // height that f+1 validators report: catch up to it before signing
	Syncing    bool     `json:"syncing"`
	Peers      []string `json:"peers,omitempty"`
}

// Certificate binds a root to the validators' signatures, in the driver's own
// canonical bytes, which its Verify checks without any network.
type Certificate struct {
	Height Height // the block after which Root holds
	Root   Root
	Bytes  []byte
}

// Proof binds an envelope to a certified block, in the driver's own bytes.
type Proof struct {
	Position Position
	Envelope Envelope
	Bytes    []byte
}

// Network is a verifier's root of trust and a node's way in: it says which
// ledger is meant, and who may sign for it. Its text form is network.json.
type Network struct {
	Driver     string      `json:"driver"`
	ChainID    string      `json:"chain_id"`
	Genesis    canon.Hash  `json:"genesis"` // hash of the genesis document; the chain id is derived from it
	Validators []Validator `json:"validators"`
}

// Validator is one member of the committee at genesis.
type Validator struct {
	Name  string         `json:"name"`
	Key   sign.PublicKey `json:"key"`   // signs blocks
	Power int64          `json:"power"` // votes; 1 each by default
}

// ChainID derives the chain id from a network's name and its genesis hash, so
// that whoever signs a header for the chain id signs for that genesis too. At
// most 50 bytes, as CometBFT demands.
func ChainID(name string, genesis canon.Hash) string {
	if len(name) > 16 {
		name = name[:16]
	}
	return name + "-" + genesis.String()[:32]
}

// NotYet is the refusal of an envelope whose predecessors are missing. Field
// "sequence" names the reason; want is the next number that is taken.
func NotYet(want, got uint64) *fault.Error {
	return fault.Newf(fault.NotYet, "submit the missing envelopes first",
		"envelope %d of this sender came before envelope %d", got, want).In("sequence")
}

// Resumer is what a Machine adds that may lose blocks it has applied, or can be
// rebuilt from the ledger: it says which block it applied last, and the root
// after it (zero before the first). The driver then applies every later block
// again. Without it a driver goes by its own record.
type Resumer interface {
	Applied() (Height, Root, error)
}

// Accountant is what a Machine adds that says who answers for an envelope on
// its way. The driver bounds the bytes in flight of each account, so that none
// takes the room of all, and keeps a little room for small envelopes. Without
// it a driver bounds each sender in each channel.
type Accountant interface {
	// Accounts is asked as Check is, and as often. An error is of no
	// consequence: Check has it too.
	Accounts(e Envelope) (accounts []Account, small bool, err error)
}

// Account is who answers for bytes in flight, and the largest part of the
// driver's room that it may take.
type Account struct {
	Name    string
	Percent int64
}
