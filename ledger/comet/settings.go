package comet

import (
	"time"

	"github.com/cometbft/cometbft/config"

	"github.com/lateral-network/lateral/ledger"
)

// Tuning is what may differ between networks. Zero values mean the defaults,
// which suit validators with a core each and up to 100 ms between them.
type Tuning struct {
	// ProposeTimeout is how long a round waits for its proposer: the time lost
	// when that validator is dead. Default 3 s. It must exceed the time in
	// which a full block reaches everybody.
	ProposeTimeout time.Duration
	// EmptyInterval is the longest time without a block. A block's time is the
	// median of the votes on the block before it, so this is also how far a
	// block's time can lag behind the clock. Default 1 s.
	EmptyInterval time.Duration
	// GossipSleep is the pause of each gossip routine when it has nothing to
	// send: latency against idle CPU. Default 5 ms.
	GossipSleep time.Duration
	// ProposalBytes bounds the blocks that this validator proposes; while they
	// are slow to be decided, they are smaller. Default 2 MiB, at most 4 MiB.
	ProposalBytes int64
	// PendingBytes bounds the envelopes held on their way to a block: a
	// sixteenth of it is kept for small ones, and no account takes more than its
	// part. Default 64 MiB.
	PendingBytes int64
}

// WithDefaults fills in the defaults.
func (t Tuning) WithDefaults() Tuning {
	if t.ProposeTimeout <= 0 {
		t.ProposeTimeout = 3 * time.Second
	}
	if t.EmptyInterval <= 0 {
		t.EmptyInterval = time.Second
	}
	if t.GossipSleep <= 0 {
		t.GossipSleep = 5 * time.Millisecond
	}
	if t.ProposalBytes <= 0 {
		t.ProposalBytes = 2 << 20
	}
	t.ProposalBytes = min(t.ProposalBytes, maxBlockBytes)
	if t.PendingBytes <= 0 {
		t.PendingBytes = 64 << 20
	}
	return t
}

// Settings gives the engine's configuration for a home directory. Validators
// and the bare benchmark share it, so that they differ in the application and
// its pool only. The engine's defaults are made for the public internet: 100 ms
// between gossip steps, 1 KiB packets, 5 MB/s.
func Settings(home string, t Tuning) *config.Config {
	t = t.WithDefaults()
	c := config.DefaultConfig()
	c.SetRoot(home)
	c.DBBackend = "goleveldb"
	c.FilterPeers = true

	c.Consensus.TimeoutPropose = t.ProposeTimeout
	c.Consensus.TimeoutProposeDelta = t.ProposeTimeout / 2 // a busy machine needs longer, not more rounds
	c.Consensus.TimeoutPrevote = t.ProposeTimeout / 3
	c.Consensus.TimeoutPrevoteDelta = t.ProposeTimeout / 6
	c.Consensus.TimeoutPrecommit = t.ProposeTimeout / 3
	c.Consensus.TimeoutPrecommitDelta = t.ProposeTimeout / 6
	c.Consensus.TimeoutCommit = 0
	c.Consensus.SkipTimeoutCommit = true
	c.Consensus.CreateEmptyBlocks = false
	c.Consensus.CreateEmptyBlocksInterval = t.EmptyInterval
	c.Consensus.PeerGossipSleepDuration = t.GossipSleep

	c.P2P.PexReactor = false
	c.P2P.AddrBookStrict = false
	c.P2P.AllowDuplicateIP = true
	c.P2P.FlushThrottleTimeout = 2 * time.Millisecond
	c.P2P.MaxPacketMsgPayloadSize = 32 << 10
	c.P2P.SendRate = 1 << 30
	c.P2P.RecvRate = 1 << 30

	c.Mempool.Recheck = false
	c.Mempool.MaxTxBytes = ledger.MaxEnvelope
	c.Mempool.MaxTxsBytes = t.PendingBytes
	c.Mempool.Size = 100_000
	c.Mempool.CacheSize = 200_000
	c.Mempool.ExperimentalMaxGossipConnectionsToPersistentPeers = 1

	c.RPC.ListenAddress = ""
	c.TxIndex.Indexer = "null"
	c.Storage.DiscardABCIResponses = true
	c.StateSync.Enable = false
	c.Instrumentation.Prometheus = false
	return c
}
