package node

import (
	"context"
	"errors"
	"log/slog"

	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/ledger/comet"
)

// Replay executes one of this carrier's channels again from the ledger's first
// block to its present tip, in memory, and says whose signed heads it
// contradicts. It signs and sends nothing, and may run beside the node. Codes:
// not-found when the channel is not this carrier's, and those of the ledger.
func Replay(ctx context.Context, c Config, id canon.Hash, log *slog.Logger) (r channel.Replayed, err error) {
	if c.Carrier == "" || len(c.Follow) == 0 {
		return r, fault.New(fault.Invalid, "only a carrier's node that follows validators can replay", "name a carrier and validators in its configuration").In("follow")
	}
	network, err := ReadNetwork(c.Network)
	if err != nil {
		return r, err
	}
	genesis, err := ReadGenesis(c.Genesis)
	if err != nil {
		return r, err
	}
	keys, err := openKeys(c.Keys, c.Passphrase)
	if err != nil {
		return r, err
	}
	follower, err := comet.Follow(comet.FollowerConfig{Network: network, Key: keys.Node(), Endpoints: endpoints(c.Follow), Log: log})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, follower.Close()) }()
	status, err := follower.Status(ctx)
	if err != nil {
		return r, err
	}
	return channel.Replay(ctx, channel.Options{
		Keys: keys, Code: string(c.Carrier), ChainID: network.ChainID, Genesis: genesisBytes(genesis), Law: law(), Logger: log,
	}, id, channel.Before(status.Confirmed+1, follower.Blocks(ctx, 1)))
}

// endpoints gives validators' nodes as the ledger driver wants them.
func endpoints(all []Endpoint) []comet.Endpoint {
	out := make([]comet.Endpoint, len(all))
	for i, e := range all {
		out[i] = comet.Endpoint{Node: e.Key, Address: e.Address}
	}
	return out
}
