// Package bare measures the consensus engine alone: four validators in one
// process on loopback, the engine as it is shipped with the settings that the
// comet driver uses, its own mempool and an application that does nothing.
// What Lateral costs on top is measured against it.
package bare

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/libs/log"
	"github.com/cometbft/cometbft/mempool"
	enginenode "github.com/cometbft/cometbft/node"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/privval"
	"github.com/cometbft/cometbft/proxy"
	"github.com/cometbft/cometbft/types"

	"github.com/cometbft/cometbft/crypto/ed25519"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/ledger/comet"
)

// Options say what to measure. The zero value of each field takes its default.
type Options struct {
	Validators int           // default 4
	Size       int           // bytes of a transaction; default 256 KiB, at least 16
	InFlight   int           // transactions at once, over all validators; default 12
	Duration   time.Duration // of the measurement; default 10 s
	WarmUp     time.Duration // before it; default 2 s
	Dir        string        // for the nodes' data; default a temporary one, removed afterwards
	Tuning     comet.Tuning
	// Payload fills transaction n behind its first 16 bytes, which make it
	// different from all others. Default random bytes.
	Payload func(n uint64, into []byte)
}

// Result is what was measured. Bytes and transactions are those that became
// final during Duration.
type Result struct {
	Options      Options
	Elapsed      time.Duration
	Transactions int
	Bytes        int64
	P50, P99     time.Duration // submit to final, at the validator asked
	CPU          time.Duration // of the whole process, user and system
	Cores        int
	GoMaxProcs   int
	Settings     string // the engine's, as they were
}

// MegabytesPerSecond is millions of bytes made final a second.
func (r Result) MegabytesPerSecond() float64 { return float64(r.Bytes) / 1e6 / r.Elapsed.Seconds() }

// PerSecond is transactions made final a second.
func (r Result) PerSecond() float64 { return float64(r.Transactions) / r.Elapsed.Seconds() }

// String shows result and settings in a few lines.
func (r Result) String() string {
	return fmt.Sprintf("engine alone: %d validators, %d bytes x %d in flight: %.1f MB/s, %.0f tx/s, p50 %s, p99 %s, %.1f CPU-s in %.1f s on %d cores\nsettings: %s",
		r.Options.Validators, r.Options.Size, r.Options.InFlight, r.MegabytesPerSecond(), r.PerSecond(),
		r.P50.Round(time.Millisecond), r.P99.Round(time.Millisecond), r.CPU.Seconds(), r.Elapsed.Seconds(), r.Cores, r.Settings)
}

func (o Options) withDefaults() (Options, error) {
	if o.Validators == 0 {
		o.Validators = 4
	}
	if o.Size == 0 {
		o.Size = ledger.MaxPayload
	}
	if o.InFlight == 0 {
		o.InFlight = 12
	}
	if o.Duration == 0 {
		o.Duration = 10 * time.Second
	}
	if o.WarmUp == 0 {
		o.WarmUp = 2 * time.Second
	}
	if o.Payload == nil {
		o.Payload = func(_ uint64, into []byte) { _, _ = rand.Read(into) } // never fails
	}
	if o.Size < 16 || o.Size > ledger.MaxEnvelope || o.Validators < 1 || o.InFlight < 1 {
		return o, fault.Newf(fault.Invalid, "give sizes of 16 to 263168 bytes and at least one validator and transaction",
			"%d validators, %d bytes, %d in flight cannot be measured", o.Validators, o.Size, o.InFlight)
	}
	return o, nil
}

// Run starts the validators, keeps the given number of transactions in flight,
// measures, and stops them. Codes: invalid; unavailable when the engine makes
// no blocks.
func Run(ctx context.Context, o Options) (Result, error) {
	o, err := o.withDefaults()
	if err != nil {
		return Result{}, err
	}
	if o.Dir == "" {
		dir, err := os.MkdirTemp("", "lateral-bare-")
		if err != nil {
			return Result{}, err
		}
		defer os.RemoveAll(dir)
		o.Dir = dir
	}
	nodes, err := start(o)
	defer func() {
		for _, n := range nodes {
			_ = n.engine.Stop()
			n.engine.Wait()
		}
	}()
	if err != nil {
		return Result{}, err
	}
	return measure(ctx, o, nodes)
}

// node is one validator and the transactions that wait for their block in it.
type node struct {
	engine *enginenode.Node

	mu      sync.Mutex
	waiting map[uint64]chan struct{}
}

// app is the empty application: it takes everything, and its state never
// changes. It tells the waiting submitters of its node.
type app struct {
	abci.BaseApplication
	node *node
}

func (a *app) FinalizeBlock(_ context.Context, req *abci.RequestFinalizeBlock) (*abci.ResponseFinalizeBlock, error) {
	res := &abci.ResponseFinalizeBlock{}
	a.node.mu.Lock()
	defer a.node.mu.Unlock()
	for _, tx := range req.Txs {
		res.TxResults = append(res.TxResults, &abci.ExecTxResult{})
		if len(tx) < 8 {
			continue
		}
		n := binary.BigEndian.Uint64(tx)
		if done := a.node.waiting[n]; done != nil {
			close(done)
			delete(a.node.waiting, n)
		}
	}
	return res, nil
}

func start(o Options) ([]*node, error) {
	key := func(kind string, i int) sign.PrivateKey {
		return sign.FromSeed(canon.Sum("lateral/bench-bare", []byte(kind), []byte{byte(i)}))
	}
	genesis := canon.Sum("lateral/bench-bare-genesis")
	network := ledger.Network{Driver: comet.Driver, ChainID: ledger.ChainID("bare", genesis), Genesis: genesis}
	addresses := make([]string, o.Validators)
	peers := ""
	for i := range o.Validators {
		network.Validators = append(network.Validators, ledger.Validator{
			Name: fmt.Sprint(i), Key: key("block", i).Public(), Power: 1,
		})
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		addresses[i] = l.Addr().String()
		if err := l.Close(); err != nil {
			return nil, err
		}
		peers += fmt.Sprintf("%s@%s,", comet.NodeID(key("node", i).Public()), addresses[i])
	}
	doc, err := comet.GenesisDoc(network, time.Now())
	if err != nil {
		return nil, err
	}
	var nodes []*node
	for i := range o.Validators {
		home := filepath.Join(o.Dir, fmt.Sprint(i))
		settings := comet.Settings(home, o.Tuning)
		settings.FilterPeers = false // the empty application knows no nodes
		settings.P2P.ListenAddress = "tcp://" + addresses[i]
		settings.P2P.PersistentPeers = peers
		config.EnsureRoot(home)
		n := &node{waiting: map[uint64]chan struct{}{}}
		private := key("node", i).Standard()
		n.engine, err = enginenode.NewNode(settings,
			privval.NewFilePV(ed25519.PrivKey(key("block", i).Standard()), "", filepath.Join(home, "data", "last-signed.json")),
			&p2p.NodeKey{PrivKey: ed25519.PrivKey(private)},
			proxy.NewConnSyncLocalClientCreator(&app{node: n}),
			func() (*types.GenesisDoc, error) { return doc, nil },
			comet.Databases, enginenode.DefaultMetricsProvider(settings.Instrumentation), log.NewNopLogger())
		if err != nil {
			return nodes, fmt.Errorf("making validator %d: %w", i, err)
		}
		if err := n.engine.Start(); err != nil {
			return nodes, fmt.Errorf("starting validator %d: %w", i, err)
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}

func measure(ctx context.Context, o Options, nodes []*node) (Result, error) {
	if err := ready(ctx, nodes); err != nil {
		return Result{}, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var mu sync.Mutex
	var times []time.Duration
	var counter atomic.Uint64
	var measuring atomic.Bool
	var workers sync.WaitGroup
	for w := range o.InFlight {
		n := nodes[w%len(nodes)]
		workers.Go(func() {
			for ctx.Err() == nil {
				id := counter.Add(1)
				tx := make([]byte, o.Size)
				o.Payload(id, tx[16:])
				binary.BigEndian.PutUint64(tx, id)
				begin := time.Now()
				if err := n.submit(ctx, id, tx); err != nil {
					cancel(err)
					return
				}
				if measuring.Load() {
					mu.Lock()
					times = append(times, time.Since(begin))
					mu.Unlock()
				}
			}
		})
	}
	wait := func(d time.Duration) {
		select {
		case <-time.After(d):
		case <-ctx.Done():
		}
	}
	wait(o.WarmUp)
	cpu, begin := cpuTime(), time.Now()
	measuring.Store(true)
	wait(o.Duration)
	measuring.Store(false)
	r := Result{Options: o, Elapsed: time.Since(begin), CPU: cpuTime() - cpu, Cores: runtime.NumCPU(), GoMaxProcs: runtime.GOMAXPROCS(0)}
	failed := context.Cause(ctx)
	cancel(nil)
	workers.Wait()
	if failed != nil {
		return r, failed
	}
	if len(times) == 0 {
		return r, fault.New(fault.Unavailable, "the engine made nothing final in the time given", "measure longer, with fewer or smaller transactions in flight")
	}
	slices.Sort(times)
	r.Transactions, r.Bytes = len(times), int64(len(times))*int64(o.Size)
	r.P50, r.P99 = times[len(times)/2], times[len(times)*99/100]
	r.Settings = Describe(o.Tuning)
	return r, nil
}

// ready waits until a first transaction through each validator is final.
func ready(ctx context.Context, nodes []*node) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for i, n := range nodes {
		for n.engine.ConsensusReactor().WaitSync() || n.engine.Switch().Peers().Size() < len(nodes)-1 {
			select {
			case <-time.After(20 * time.Millisecond):
			case <-ctx.Done():
				return fault.New(fault.Unavailable, "the validators do not find each other within a minute", "check that loopback connections work").Because(ctx.Err())
			}
		}
		id := 1<<63 + uint64(i)
		if err := n.submit(ctx, id, binary.BigEndian.AppendUint64(nil, id)); err != nil {
			return err
		}
	}
	return nil
}

// submit gives a transaction to the engine and waits until it is final here.
func (n *node) submit(ctx context.Context, id uint64, tx []byte) error {
	done := make(chan struct{})
	n.mu.Lock()
	n.waiting[id] = done
	n.mu.Unlock()
	for {
		err := n.engine.Mempool().CheckTx(tx, nil, mempool.TxInfo{})
		if err == nil {
			break
		}
		if !errors.As(err, &mempool.ErrMempoolIsFull{}) {
			return err
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Describe gives the engine's settings in one line.
func Describe(t comet.Tuning) string {
	c := comet.Settings("", t)
	return fmt.Sprintf("mempool %s, gossip to %d peer, gossip sleep %s, flush %s, packets %d bytes, rates %d B/s, block at most 4 MiB, propose timeout %s, empty blocks every %s, %s",
		c.Mempool.Type, c.Mempool.ExperimentalMaxGossipConnectionsToPersistentPeers, c.Consensus.PeerGossipSleepDuration,
		c.P2P.FlushThrottleTimeout, c.P2P.MaxPacketMsgPayloadSize, c.P2P.SendRate, c.Consensus.TimeoutPropose,
		c.Consensus.CreateEmptyBlocksInterval, c.DBBackend)
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
