// Package comet is the ledger driver on CometBFT: Tendermint consensus with
// deterministic finality and encrypted links between validators.
//
// A [Validator] is a whole consensus node inside this process. It runs a
// [ledger.Machine], holds what is on its way to a block, and serves followers.
// A [Follower] is the way in for a carrier that runs no validator: it trusts
// the network file alone and checks every block, receipt and certificate that
// a validator gives it.
//
// The driver owns the account of envelopes under way (pool.go) and their
// spreading among validators (gossip.go) in place of the engine's own mempool,
// which floods large transactions and knows no sequence numbers. Everything
// else, from votes to storage, is the engine's (engine.go).
package comet

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/types"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
)

// Driver is this driver's name in a network file.
const Driver = "comet"

// maxBlockBytes bounds a block, as every validator enforces it. Larger blocks
// let a round fail on a slow machine, and a failed round adds load.
const maxBlockBytes = 4 << 20

// NodeID names a node among validators: the first 20 bytes of the hash of its
// node key, in hex.
func NodeID(key sign.PublicKey) string {
	return string(p2p.PubKeyToID(ed25519.PubKey(key[:])))
}

// engineKey gives a key in the engine's form.
func engineKey(k sign.PrivateKey) ed25519.PrivKey {
	return ed25519.PrivKey(k.Standard())
}

// checkNetwork refuses a network file that this driver cannot start from.
func checkNetwork(n ledger.Network) error {
	bad := func(field, format string, args ...any) error {
		return fault.Newf(fault.Invalid, "use the network file that the network's founders published", format, args...).In(field)
	}
	switch {
	case n.Driver != Driver:
		return bad("driver", "the network runs on %q, not on %s", n.Driver, Driver)
	case len(n.ChainID) > types.MaxChainIDLen:
		return bad("chain_id", "the chain id is longer than %d bytes", types.MaxChainIDLen)
	case !strings.HasSuffix(n.ChainID, "-"+n.Genesis.String()[:32]):
		return bad("chain_id", "chain id %q does not belong to genesis %s", n.ChainID, n.Genesis)
	case len(n.Validators) == 0:
		return bad("validators", "no validators are named")
	}
	seen := map[sign.PublicKey]bool{}
	for i, v := range n.Validators {
		field := fmt.Sprintf("validators.%d", i)
		if seen[v.Key] {
			return bad(field, "validator key %s stands twice", v.Key)
		}
		seen[v.Key] = true
		if v.Power <= 0 || v.Power > types.MaxTotalVotingPower/int64(len(n.Validators)) {
			return bad(field, "voting power %d is out of range", v.Power)
		}
		if err := sign.CheckKey(v.Key); err != nil {
			return fault.Of(err).In(field)
		}
	}
	return nil
}

// GenesisDoc makes the engine's genesis document: chain id and first
// validators from the network file, and the rules of blocks. Start is the time
// of the first block; every validator must be given the same, so it belongs to
// the network's own genesis document.
func GenesisDoc(n ledger.Network, start time.Time) (*types.GenesisDoc, error) {
	if err := checkNetwork(n); err != nil {
		return nil, err
	}
	params := types.DefaultConsensusParams()
	params.Block.MaxBytes = maxBlockBytes
	params.Block.MaxGas = -1
	doc := &types.GenesisDoc{
		ChainID:         n.ChainID,
		GenesisTime:     start.UTC().Truncate(time.Millisecond),
		InitialHeight:   1,
		ConsensusParams: params,
	}
	for _, v := range n.Validators {
		key := ed25519.PubKey(v.Key[:])
		doc.Validators = append(doc.Validators, types.GenesisValidator{
			Address: key.Address(), PubKey: key, Power: v.Power, Name: v.Name,
		})
	}
	if err := doc.ValidateAndComplete(); err != nil {
		return nil, fault.New(fault.Invalid, "the engine refuses this genesis", "check the network file and the start time").Because(err)
	}
	return doc, nil
}

// txHash is the engine's name for a transaction.
type txHash = [sha256.Size]byte

// millis gives a block's time as Lateral counts it.
func millis(t time.Time) int64 { return t.UnixMilli() }
