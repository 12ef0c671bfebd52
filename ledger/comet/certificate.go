package comet

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/crypto/merkle"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	cmtversion "github.com/cometbft/cometbft/proto/tendermint/version"
	"github.com/cometbft/cometbft/types"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/ledger"
)

// seal is a block's header with the votes that made it final: what a
// certificate consists of, and what every proof and receipt rests on. Chain id
// and validators come from the network file, so they are not in it. Each byte
// is covered by a vote or fixed by the encoding; nothing is there that is not
// checked.
type seal struct {
	Header header `cbor:"1,keyasint"`
	Round  int32  `cbor:"2,keyasint"`
	Parts  parts  `cbor:"3,keyasint"` // of the block itself; votes cover it
	Votes  []vote `cbor:"4,keyasint"` // for the block, by the validators' order
}

type header struct {
	BlockVersion   uint64  `cbor:"1,keyasint"`
	AppVersion     uint64  `cbor:"2,keyasint"`
	Height         int64   `cbor:"3,keyasint"`
	Time           instant `cbor:"4,keyasint"`
	LastBlock      []byte  `cbor:"5,keyasint"`
	LastParts      parts   `cbor:"6,keyasint"`
	LastCommit     []byte  `cbor:"7,keyasint"`
	Data           []byte  `cbor:"8,keyasint"`
	Validators     []byte  `cbor:"9,keyasint"`
	NextValidators []byte  `cbor:"10,keyasint"`
	Params         []byte  `cbor:"11,keyasint"`
	App            []byte  `cbor:"12,keyasint"` // the machine's root after the block before
	Results        []byte  `cbor:"13,keyasint"` // of the block before
	Evidence       []byte  `cbor:"14,keyasint"`
	Proposer       []byte  `cbor:"15,keyasint"`
}

type parts struct {
	Total uint32 `cbor:"1,keyasint"`
	Hash  []byte `cbor:"2,keyasint"`
}

type instant struct {
	Seconds int64 `cbor:"1,keyasint"`
	Nanos   int32 `cbor:"2,keyasint"`
}

type vote struct {
	Validator uint32  `cbor:"1,keyasint"` // place in the validator set
	Time      instant `cbor:"2,keyasint"`
	Signature []byte  `cbor:"3,keyasint"`
}

func instantOf(t time.Time) instant { return instant{t.Unix(), int32(t.Nanosecond())} }
func (i instant) time() time.Time   { return time.Unix(i.Seconds, int64(i.Nanos)).UTC() }
func (i instant) canonical() bool   { return i.Nanos >= 0 && i.Nanos < 1e9 }

func (p parts) engine() types.PartSetHeader {
	return types.PartSetHeader{Total: p.Total, Hash: p.Hash}
}

// sealOf makes a seal of a header and its commit, leaving out who did not vote
// for the block.
func sealOf(h *types.Header, c *types.Commit) seal {
	s := seal{
		Header: header{
			BlockVersion: h.Version.Block, AppVersion: h.Version.App, Height: h.Height, Time: instantOf(h.Time),
			LastBlock: h.LastBlockID.Hash, LastParts: parts{h.LastBlockID.PartSetHeader.Total, h.LastBlockID.PartSetHeader.Hash},
			LastCommit: h.LastCommitHash, Data: h.DataHash, Validators: h.ValidatorsHash, NextValidators: h.NextValidatorsHash,
			Params: h.ConsensusHash, App: h.AppHash, Results: h.LastResultsHash, Evidence: h.EvidenceHash, Proposer: h.ProposerAddress,
		},
		Round: c.Round,
		Parts: parts{c.BlockID.PartSetHeader.Total, c.BlockID.PartSetHeader.Hash},
	}
	for i, sig := range c.Signatures {
		if sig.BlockIDFlag == types.BlockIDFlagCommit {
			s.Votes = append(s.Votes, vote{uint32(i), instantOf(sig.Timestamp), sig.Signature})
		}
	}
	return s
}

// committee is who may sign for a ledger: the validators of the network file.
// A later set, once validators can change, is a committee of its own that a
// header of this one names by its hash.
type committee struct {
	chain string
	set   *types.ValidatorSet
	hash  []byte
}

func newCommittee(n ledger.Network) (*committee, error) {
	if err := checkNetwork(n); err != nil {
		return nil, err
	}
	vals := make([]*types.Validator, len(n.Validators))
	for i, v := range n.Validators {
		vals[i] = types.NewValidator(ed25519.PubKey(v.Key[:]), v.Power)
	}
	set := types.NewValidatorSet(vals)
	return &committee{chain: n.ChainID, set: set, hash: set.Hash()}, nil
}

// faulty is f: how many validators may be faulty without harm, counted as if
// all had the power of the strongest, which is the safe side.
func (c *committee) faulty() int {
	strongest := int64(1)
	for _, v := range c.set.Validators {
		strongest = max(strongest, v.VotingPower)
	}
	return int((c.set.TotalVotingPower() - 1) / 3 / strongest)
}

func refused(format string, args ...any) error {
	return fault.Newf(fault.Invalid, "ask another validator, and check that the network file is the right one", format, args...)
}

// verify checks a seal: every signature that is in it, and that more than two
// thirds of the committee's power signed. It gives the header and its hash.
func (c *committee) verify(s seal) (*types.Header, []byte, error) {
	h := &types.Header{
		Version: cmtversion.Consensus{Block: s.Header.BlockVersion, App: s.Header.AppVersion},
		ChainID: c.chain, Height: s.Header.Height, Time: s.Header.Time.time(),
		LastBlockID:    types.BlockID{Hash: s.Header.LastBlock, PartSetHeader: s.Header.LastParts.engine()},
		LastCommitHash: s.Header.LastCommit, DataHash: s.Header.Data, ValidatorsHash: s.Header.Validators,
		NextValidatorsHash: s.Header.NextValidators, ConsensusHash: s.Header.Params, AppHash: s.Header.App,
		LastResultsHash: s.Header.Results, EvidenceHash: s.Header.Evidence, ProposerAddress: s.Header.Proposer,
	}
	switch {
	case h.Height < 1 || !s.Header.Time.canonical():
		return nil, nil, refused("the header's height or time is out of range")
	case h.Version.App != appVersion:
		return nil, nil, refused("the header is of driver version %d, this is %d", h.Version.App, appVersion)
	case !bytes.Equal(h.ValidatorsHash, c.hash):
		return nil, nil, refused("block %d was signed by another validator set than the network file's", h.Height)
	}
	hash := h.Hash()
	id := types.BlockID{Hash: hash, PartSetHeader: s.Parts.engine()}
	if !id.IsComplete() || s.Round < 0 {
		return nil, nil, refused("the header of block %d is not complete", h.Height)
	}
	var power int64
	next := uint32(0)
	for _, v := range s.Votes {
		if v.Validator < next || int(v.Validator) >= c.set.Size() || !v.Time.canonical() {
			return nil, nil, refused("the votes on block %d are not in the validators' order", h.Height)
		}
		next = v.Validator + 1
		val := c.set.Validators[v.Validator]
		signed := types.VoteSignBytes(c.chain, &cmtproto.Vote{
			Type: cmtproto.PrecommitType, Height: h.Height, Round: s.Round, BlockID: id.ToProto(), Timestamp: v.Time.time(),
		})
		if !val.PubKey.VerifySignature(signed, v.Signature) {
			return nil, nil, refused("the signature of validator %X on block %d is wrong", val.Address, h.Height)
		}
		power += val.VotingPower
	}
	if total := c.set.TotalVotingPower(); power <= total/3*2+total%3*2/3 {
		return nil, nil, refused("block %d is signed by %d of %d votes, not by more than two thirds", h.Height, power, total)
	}
	return h, hash, nil
}

// rootIn gives the machine's root that a header certifies, which is the one
// after the block before it.
func rootIn(h *types.Header) (ledger.Height, ledger.Root, error) {
	if h.Height < 2 || len(h.AppHash) != len(ledger.Root{}) {
		return 0, ledger.Root{}, refused("the header of block %d certifies no root", h.Height)
	}
	return ledger.Height(h.Height - 1), ledger.Root(h.AppHash), nil
}

// VerifyCertificate checks a certificate without any network: every signature
// in it, and that more than two thirds of the network file's votes are there.
// It gives the block after which the root holds, the root, and the time, in
// milliseconds UTC, of the block that certifies it. Code: invalid.
func VerifyCertificate(n ledger.Network, cert []byte) (ledger.Height, ledger.Root, int64, error) {
	c, err := newCommittee(n)
	if err != nil {
		return 0, ledger.Root{}, 0, err
	}
	return c.certificate(cert)
}

func (c *committee) certificate(cert []byte) (ledger.Height, ledger.Root, int64, error) {
	var s seal
	if err := canon.Decode(cert, &s); err != nil {
		return 0, ledger.Root{}, 0, err
	}
	h, _, err := c.verify(s)
	if err != nil {
		return 0, ledger.Root{}, 0, err
	}
	height, root, err := rootIn(h)
	return height, root, millis(h.Time), err
}

// inclusion proves that an envelope stood at a place in a final block: the
// next header certifies the hash of the results of that block, and a result
// names its transaction and place.
type inclusion struct {
	Seal     seal   `cbor:"1,keyasint"`
	Envelope []byte `cbor:"2,keyasint"`
	Index    uint32 `cbor:"3,keyasint"`
	Path     []step `cbor:"4,keyasint"` // from the leaf to the root
}

// step is a neighbour on the way to the root of a Merkle tree (RFC 6962).
type step struct {
	Left bool   `cbor:"1,keyasint"` // the neighbour stands on the left
	Hash []byte `cbor:"2,keyasint"`
}

// VerifyInclusion checks an inclusion proof without any network and gives the
// envelope and its position. Code: invalid.
func VerifyInclusion(n ledger.Network, proof []byte) (ledger.Envelope, ledger.Position, error) {
	c, err := newCommittee(n)
	if err != nil {
		return ledger.Envelope{}, ledger.Position{}, err
	}
	return c.inclusion(proof)
}

func (c *committee) inclusion(proof []byte) (ledger.Envelope, ledger.Position, error) {
	fail := func(err error) (ledger.Envelope, ledger.Position, error) {
		return ledger.Envelope{}, ledger.Position{}, err
	}
	var p inclusion
	if err := canon.Decode(proof, &p); err != nil {
		return fail(err)
	}
	h, _, err := c.verify(p.Seal)
	if err != nil {
		return fail(err)
	}
	if h.Height < 2 {
		return fail(refused("the header of block %d certifies no envelope", h.Height))
	}
	node := leafHash(leafOf(sha256.Sum256(p.Envelope), p.Index))
	for _, s := range p.Path {
		if len(s.Hash) != sha256.Size {
			return fail(refused("a step of the path is no hash"))
		}
		if s.Left {
			node = innerHash(s.Hash, node)
		} else {
			node = innerHash(node, s.Hash)
		}
	}
	if !bytes.Equal(node, h.LastResultsHash) {
		return fail(refused("the envelope is not where the proof says"))
	}
	e, err := ledger.Unmarshal(p.Envelope)
	if err != nil {
		return fail(err)
	}
	return e, ledger.Position{Height: ledger.Height(h.Height - 1), Index: p.Index}, nil
}

// prove makes the path for one transaction of a block.
func prove(txs types.Txs, index int) []step {
	leaves := make([][]byte, len(txs))
	for i, tx := range txs {
		leaves[i] = leafOf(sha256.Sum256(tx), uint32(i))
	}
	_, proofs := merkle.ProofsFromByteSlices(leaves)
	sides := sidesOf(index, len(txs))
	path := make([]step, len(sides))
	for i, hash := range proofs[index].Aunts {
		path[i] = step{sides[i], hash}
	}
	return path
}

// sidesOf tells for each step from a leaf to the root whether the neighbour
// stands on the left. The left subtree is the largest power of two below total.
func sidesOf(index, total int) []bool {
	if total <= 1 {
		return nil
	}
	k := 1
	for k*2 < total {
		k *= 2
	}
	if index < k {
		return append(sidesOf(index, k), false)
	}
	return append(sidesOf(index-k, total-k), true)
}

// leafOf is what the engine hashes of the result of a transaction.
func leafOf(tx txHash, index uint32) []byte {
	b, err := abci.DeterministicExecTxResult(result(tx, index)).Marshal()
	if err != nil {
		panic(fmt.Sprintf("a result has no encoding: %v", err))
	}
	return b
}

func leafHash(leaf []byte) []byte {
	h := sha256.Sum256(append([]byte{0}, leaf...))
	return h[:]
}

func innerHash(left, right []byte) []byte {
	h := sha256.Sum256(bytes.Join([][]byte{{1}, left, right}, nil))
	return h[:]
}

// maxReceipt bounds the transactions of a block whose hashes a receipt lists.
// In a larger block the follower asks for a proof instead.
const maxReceipt = 256

// receipt tells a follower at once where its envelope became final: the block's
// own header with its votes, and the hashes of all its transactions.
type receipt struct {
	Seal  seal   `cbor:"1,keyasint"`
	Txs   []byte `cbor:"2,keyasint"` // hashes, one behind the other
	Index uint32 `cbor:"3,keyasint"`
}

// receipt checks that tx is where the receipt says.
func (c *committee) receipt(r receipt, tx txHash) (ledger.Position, error) {
	h, _, err := c.verify(r.Seal)
	if err != nil {
		return ledger.Position{}, err
	}
	var hashes [][]byte
	for rest := r.Txs; len(rest) >= sha256.Size; rest = rest[sha256.Size:] {
		hashes = append(hashes, rest[:sha256.Size])
	}
	if len(r.Txs)%sha256.Size != 0 || int(r.Index) >= len(hashes) || !bytes.Equal(hashes[r.Index], tx[:]) ||
		!bytes.Equal(merkle.HashFromByteSlices(hashes), h.DataHash) {
		return ledger.Position{}, refused("the receipt for block %d does not hold the envelope", h.Height)
	}
	return ledger.Position{Height: ledger.Height(h.Height), Index: r.Index}, nil
}
