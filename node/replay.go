package node

import (
	"context"
	"errors"
	"log/slog"
	"net"

	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/ledger/comet"
)

// Replay executes one of this carrier's channels again from the ledger's first
// block to its present tip, in memory, and says whose signed heads it
// contradicts. It signs and sends nothing, and may run beside the node; one that
// follows nobody reads from its own validator, which must run then. Codes:
// not-found when the channel is not this carrier's, and those of the ledger.
func Replay(ctx context.Context, c Config, id canon.Hash, log *slog.Logger) (r channel.Replayed, err error) {
	if c.Carrier == "" || c.Validator == nil && len(c.Follow) == 0 {
		return r, fault.New(fault.Invalid, "only a carrier's node with a way to the ledger can replay", "name a carrier, and validators to follow, in its configuration").In("follow")
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
	from := endpoints(c.Follow)
	if len(from) == 0 {
		if from, err = ownEndpoint(c.Validator, keys); err != nil {
			return r, err
		}
	}
	follower, err := comet.Follow(comet.FollowerConfig{Network: network, Key: keys.Node(), Endpoints: from, Log: log})
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

// ownEndpoint is where a node's own validator answers followers.
func ownEndpoint(v *Validator, k *keys) ([]comet.Endpoint, error) {
	key, err := k.signing(keyValidatorNode)
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(v.Follow)
	if err != nil {
		return nil, fault.Newf(fault.Invalid, "give host:port", "%q is no address", v.Follow).In("validator.follow").Because(err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost" // it listens on all addresses, this one too
	}
	return []comet.Endpoint{{Node: key.Public(), Address: net.JoinHostPort(host, port)}}, nil
}

// endpoints gives validators' nodes as the ledger driver wants them.
func endpoints(all []Endpoint) []comet.Endpoint {
	out := make([]comet.Endpoint, len(all))
	for i, e := range all {
		out[i] = comet.Endpoint{Node: e.Key, Address: e.Address}
	}
	return out
}
