package comet

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"slices"
	"sync"
	"time"

	dbm "github.com/cometbft/cometbft-db"
	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/types"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
)

// Config says what a validator is. Network, Start, Home, Key and NodeKey are
// required.
type Config struct {
	Network ledger.Network
	Start   time.Time // time of the first block, the same for all validators
	Home    string    // data directory, this validator's own
	Name    string    // shown to other validators; default "lateral"

	Key     sign.PrivateKey // signs blocks; one process uses it, ever
	NodeKey sign.PrivateKey // names this node to validators and followers

	Listen       string // host:port for validators; default 127.0.0.1:0, a free port
	FollowListen string // host:port for followers; empty serves none
	Peers        []Peer // the other validators; more with Connect

	// AllowNode says whether a node may connect as a validator does. Nil
	// allows those that Peers and Connect name.
	AllowNode func(nodeID string) bool
	// AllowFollower says whether a node key may follow. Nil allows nobody.
	AllowFollower func(node sign.PublicKey) bool

	// Retain is how many blocks to keep; 0 keeps all.
	Retain uint64
	// GapWait is how long Submit waits for a missing earlier envelope before
	// it answers not-yet: envelopes sent at once may arrive in any order.
	// Default 500 ms.
	GapWait time.Duration
	Tuning  Tuning
	Log     *slog.Logger // default discards

	faults faults // for tests
}

// faults are what tests put between the engine and what it stands on. Nil
// changes nothing.
type faults struct {
	store  func(name string, db dbm.DB) dbm.DB
	app    func(abci.Application) abci.Application
	signer func(types.PrivValidator) types.PrivValidator
}

// Peer is another validator's node.
type Peer struct {
	Node    sign.PublicKey // its node key
	Address string         // host:port
}

// Validate reports everything that is wrong with the configuration.
func (c Config) Validate() error {
	var errs []error
	missing := func(bad bool, field string) {
		if bad {
			errs = append(errs, fault.New(fault.Invalid, "a required setting is missing", "set it in the node's configuration").In(field))
		}
	}
	if err := checkNetwork(c.Network); err != nil {
		errs = append(errs, fault.Of(err).In("network"))
	}
	missing(c.Start.IsZero(), "start")
	missing(c.Home == "", "home")
	missing(c.Key.IsZero(), "key")
	missing(c.NodeKey.IsZero(), "node_key")
	if !c.Key.IsZero() && !c.NodeKey.IsZero() && c.Key.Public() == c.NodeKey.Public() {
		errs = append(errs, fault.New(fault.Invalid, "one key may not sign blocks and name the node", "make a second key").In("node_key"))
	}
	return errors.Join(errs...)
}

// Validator is a consensus node in this process and a ledger over it. Safe for
// concurrent use.
type Validator struct {
	config    Config
	committee *committee
	app       *app
	engine    *engine
	server    *server
	index     *database
	log       engineLog

	peersMu sync.Mutex
	peers   map[string]bool // node ids that Peers and Connect named

	// stores is held for reading by whoever reads blocks, for writing by Close.
	stores sync.RWMutex
	closed bool
	cache  blockCache
}

var _ ledger.Ledger = (*Validator)(nil)

// Open starts a validator. It replays to the machine what the machine has not
// yet applied, then joins the others; it may be used at once. Codes: invalid
// (configuration), corrupt (stores), unavailable (ports).
func Open(c Config, machine ledger.Machine) (*Validator, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Name == "" {
		c.Name = "lateral"
	}
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	if c.GapWait <= 0 {
		c.GapWait = 500 * time.Millisecond
	}
	c.Tuning = c.Tuning.WithDefaults()
	com, err := newCommittee(c.Network)
	if err != nil {
		return nil, err
	}
	genesis, err := GenesisDoc(c.Network, c.Start)
	if err != nil {
		return nil, err
	}
	v := &Validator{
		config: c, committee: com, log: engineLog{to: c.Log},
		peers: map[string]bool{}, cache: blockCache{limit: 32 << 20},
	}
	disk := newDisk(c.Home)
	if c.faults.store != nil {
		disk.wrap = c.faults.store
	}
	if v.index, err = disk.open(indexName); err != nil {
		return nil, err
	}
	if v.app, err = newApp(machine, index{v.index}, c, v.log); err != nil {
		return nil, errors.Join(err, v.index.Close())
	}
	v.app.settled = v.cache.put
	disk.failed = v.app.fail
	var application abci.Application = v.app
	if c.faults.app != nil {
		application = c.faults.app(application)
	}
	gossip := newGossip(v.app.pool, v.hear)
	gossip.SetLogger(v.log)
	settings := Settings(c.Home, c.Tuning)
	v.engine, err = newEngine(engineParts{
		disk: disk, config: settings, genesis: genesis, moniker: c.Name, key: c.Key, node: c.NodeKey,
		listen: c.Listen, allow: v.allows, app: application, mempool: v.app.pool, gossip: gossip,
		log: v.log, signer: c.faults.signer,
	})
	if err != nil {
		if why := v.Err(); fault.CodeOf(why) == durable.CodeDiskFull || fault.CodeOf(why) == durable.CodeDiskFailed {
			err = why // the engine says only that it could not replay
		}
		return nil, errors.Join(err, v.index.Close())
	}
	if tip := v.engine.tip; tip != nil {
		v.app.setTip(ledger.Height(tip.Header.Height), tip.Header.Time)
	}
	v.app.syncing, disk.syncing = v.engine.syncing, v.engine.syncing
	disk.running.Store(true)
	if !v.engine.syncing() {
		gossip.EnableInOutTxs()
	}
	if c.FollowListen != "" {
		if v.server, err = serve(v, c.FollowListen, c.NodeKey, c.AllowFollower, c.Log); err != nil {
			return nil, errors.Join(err, v.engine.close(), v.index.Close())
		}
	}
	if err := errors.Join(v.engine.start(), v.Connect(c.Peers...)); err != nil {
		return nil, errors.Join(err, v.Close())
	}
	return v, nil
}

// Connect names further validators to keep a link to.
func (v *Validator) Connect(peers ...Peer) error {
	for _, p := range peers {
		id := NodeID(p.Node)
		v.peersMu.Lock()
		v.peers[id] = true
		v.peersMu.Unlock()
		if err := v.engine.connect(id, p.Address); err != nil {
			return err
		}
	}
	return nil
}

func (v *Validator) allows(nodeID string) bool {
	if v.config.AllowNode != nil {
		return v.config.AllowNode(nodeID)
	}
	v.peersMu.Lock()
	defer v.peersMu.Unlock()
	return v.peers[nodeID]
}

// Address is where other validators reach this one.
func (v *Validator) Address() string { return v.engine.address }

// FollowAddress is where followers reach this validator; empty if none may.
func (v *Validator) FollowAddress() string {
	if v.server == nil {
		return ""
	}
	return v.server.address
}

// Pending tells what is on its way to a block here: envelopes and their bytes.
func (v *Validator) Pending() (envelopes int, bytes int64) { return v.app.pool.pending() }

// Round counts the rounds of voting on the next block, from 0: above 0 the
// validators have not agreed at once.
func (v *Validator) Round() int32 { return v.engine.round() }

// RefusedProposals counts the blocks that others proposed and this validator
// voted against since it was opened.
func (v *Validator) RefusedProposals() uint64 { return v.app.refused.Load() }

// Failed closes when the validator has stopped by itself; Err then says why.
func (v *Validator) Failed() <-chan struct{} { return v.app.failed }

// Err says why the validator has stopped; nil while it runs. Codes: disk-full,
// disk-failed, corrupt, consensus-failed, and unavailable when its machine has
// failed in a way that has no code.
func (v *Validator) Err() error {
	v.app.mu.Lock()
	defer v.app.mu.Unlock()
	return v.app.reason
}

// hear takes envelopes that another validator passes on.
func (v *Validator) hear(raws [][]byte) {
	all, errs := v.app.pool.lookupAll(raws)
	for i, h := range all {
		err := errs[i]
		if err == nil {
			_, err = v.admit(h, false)
		}
		// A rival is no error: the sender signed two, and a block decides.
		if _, ok := errors.AsType[rival](err); err != nil && !ok {
			v.log.Debug("not taking an envelope from a validator", "err", err)
		}
	}
}

func (v *Validator) admit(h *held, spread bool) (*held, error) {
	if h.envelope.Header.Chain != v.config.Network.ChainID {
		return nil, fault.Newf(fault.Refused, "make a new envelope for this ledger",
			"the envelope is for ledger %q, this is %q", h.envelope.Header.Chain, v.config.Network.ChainID).In("chain")
	}
	return v.app.pool.admit(h, spread)
}

// Submit implements [ledger.Ledger].
func (v *Validator) Submit(ctx context.Context, e ledger.Envelope) (ledger.Position, error) {
	return v.submit(ctx, e.Marshal(), 0)
}

// submit is Submit for who has seen a block: this node does not judge before
// it has that block too, or it would refuse a key that the block brings.
func (v *Validator) submit(ctx context.Context, raw []byte, seen ledger.Height) (ledger.Position, error) {
	h, err := v.app.pool.lookup(raw)
	if err != nil {
		return ledger.Position{}, err
	}
	for {
		if at, ok, err := v.final(h.id); ok || err != nil {
			return at, err
		}
		if err := v.caughtUp(ctx); err != nil {
			return ledger.Position{}, unknown(err)
		}
		if err := v.app.reach(ctx, seen); err != nil {
			return ledger.Position{}, unknown(err)
		}
		judged, _ := v.app.where()
		on, err := v.admit(h, true)
		if r, ok := errors.AsType[rival](err); ok {
			select {
			case <-r.incumbent.done:
				continue
			case <-ctx.Done():
				return ledger.Position{}, unknown(ctx.Err())
			}
		}
		if err != nil {
			at, err := v.unlessFinal(ctx, h.id, err)
			// What was refused as of one block may be good as of the next.
			if now, _ := v.app.where(); err != nil && lasting(err) && now > judged {
				continue
			}
			return at, err
		}
		select {
		case <-on.taken:
		case <-time.After(v.config.GapWait):
			v.app.pool.giveUp(on)
		case <-ctx.Done():
			v.app.pool.giveUp(on)
			return ledger.Position{}, unknown(ctx.Err())
		}
		at, err := v.await(ctx, on)
		if err != nil {
			return v.unlessFinal(ctx, h.id, err)
		}
		return at, nil
	}
}

// caughtUp waits while this node is behind the others: what its machine would
// say now is out of date. One block behind is the ordinary state of a moment,
// for which Submit waits anyway.
func (v *Validator) caughtUp(ctx context.Context) error {
	for v.behind() {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-v.app.failed:
			return v.app.err()
		case <-v.app.ended:
			return errClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (v *Validator) behind() bool {
	if v.engine.syncing() {
		return true
	}
	var heights []ledger.Height
	for _, h := range v.engine.peerHeights() {
		heights = append(heights, ledger.Height(h))
	}
	tip, _ := v.app.where()
	return v.committee.confirmed(heights) > tip+1
}

func (v *Validator) await(ctx context.Context, h *held) (ledger.Position, error) {
	select {
	case <-h.done:
		return h.position, h.err
	case <-v.app.failed:
		return ledger.Position{}, unknown(v.app.err())
	case <-v.app.ended:
		return ledger.Position{}, unknown(errClosed)
	case <-ctx.Done():
		return ledger.Position{}, unknown(ctx.Err())
	}
}

// final looks an id up among the final envelopes.
func (v *Validator) final(id canon.Hash) (ledger.Position, bool, error) {
	done, err := v.reading()
	if err != nil {
		return ledger.Position{}, false, unknown(err)
	}
	defer done()
	return v.app.index.position(id)
}

// unlessFinal gives a refusal, unless the envelope became final while the
// machine was asked: the machine knows a block before the index does.
func (v *Validator) unlessFinal(ctx context.Context, id canon.Hash, refusal error) (ledger.Position, error) {
	if !lasting(refusal) && fault.CodeOf(refusal) != fault.NotYet {
		return ledger.Position{}, refusal
	}
	if err := v.app.reach(ctx, v.app.at()); err != nil {
		return ledger.Position{}, unknown(err)
	}
	if at, ok, err := v.final(id); ok || err != nil {
		return at, err
	}
	return ledger.Position{}, refusal
}

// lasting reports whether an error says that the envelope will never be taken.
func lasting(err error) bool {
	switch fault.CodeOf(err) {
	case fault.Unknown, fault.Busy, fault.NotYet:
		return false
	}
	return true
}

var errClosed = errors.New("the ledger is closed")

// reading keeps the stores open until done is called.
func (v *Validator) reading() (done func(), err error) {
	v.stores.RLock()
	if v.closed {
		v.stores.RUnlock()
		return nil, fault.New(fault.Unavailable, "the ledger is closed", "open it again").Because(errClosed)
	}
	return v.stores.RUnlock, nil
}

// stored is a block as the stores hold it.
type stored struct {
	ledger.Block
	txs    types.Txs
	hashes []byte // of txs, one behind the other
}

// blockAt reads one final block. Code: not-found when it is pruned.
func (v *Validator) blockAt(h ledger.Height) (*stored, error) {
	done, err := v.reading()
	if err != nil {
		return nil, err
	}
	defer done()
	if int64(h) < v.engine.blocks.Base() {
		return nil, v.pruned(h)
	}
	if s := v.cache.get(h); s != nil {
		return s, nil
	}
	b := v.engine.blocks.LoadBlock(int64(h))
	if b == nil {
		if err := v.app.err(); err != nil {
			return nil, err // not pruned: it cannot be read
		}
		return nil, v.pruned(h)
	}
	s := &stored{Block: ledger.Block{Height: h, Time: millis(b.Time)}, txs: b.Txs}
	for _, tx := range b.Txs {
		s.hashes = append(s.hashes, tx.Hash()...)
		e, err := ledger.Unmarshal(tx)
		if err != nil {
			return nil, fault.Newf(fault.Corrupt, "restore the data directory from a backup, or start with one that holds only data/last-signed.json",
				"block %d holds what is no envelope", h).Because(err)
		}
		s.Envelopes = append(s.Envelopes, e)
	}
	return s, nil
}

// sealAt reads a final block's header and votes. Code: not-found when pruned.
func (v *Validator) sealAt(h ledger.Height) (seal, error) {
	done, err := v.reading()
	if err != nil {
		return seal{}, err
	}
	defer done()
	meta := v.engine.blocks.LoadBlockMeta(int64(h))
	commit := v.engine.blocks.LoadBlockCommit(int64(h))
	if commit == nil {
		commit = v.engine.blocks.LoadSeenCommit(int64(h))
	}
	if meta == nil || commit == nil {
		if err := v.app.err(); err != nil {
			return seal{}, err
		}
		return seal{}, v.pruned(h)
	}
	return sealOf(&meta.Header, commit), nil
}

func (v *Validator) pruned(h ledger.Height) error {
	return fault.Newf(fault.NotFound, "ask a validator that keeps more blocks",
		"block %d is not kept here; the earliest is %d", h, v.engine.blocks.Base())
}

// Blocks implements [ledger.Ledger]. It reads from the stores, so that nothing
// waits for its reader.
func (v *Validator) Blocks(ctx context.Context, from ledger.Height) iter.Seq2[ledger.Block, error] {
	return func(yield func(ledger.Block, error) bool) {
		for h := max(from, 1); ; h++ {
			if err := v.app.reach(ctx, h); err != nil {
				yield(ledger.Block{}, err)
				return
			}
			s, err := v.blockAt(h)
			if err != nil {
				yield(ledger.Block{}, err)
				return
			}
			if !yield(s.Block, nil) {
				return
			}
		}
	}
}

// Certified implements [ledger.Ledger]: the root after h stands in the header
// of the next block.
func (v *Validator) Certified(ctx context.Context, h ledger.Height) (ledger.Certificate, error) {
	if h == 0 {
		return ledger.Certificate{}, fault.New(fault.Invalid, "there is no root before the first block", "ask for height 1 or later").In("height")
	}
	if err := v.app.reach(ctx, h+1); err != nil {
		return ledger.Certificate{}, err
	}
	s, err := v.sealAt(h + 1)
	if err != nil {
		return ledger.Certificate{}, err
	}
	return ledger.Certificate{Height: h, Root: ledger.Root(s.Header.App), Bytes: canon.Must(s)}, nil
}

// Included implements [ledger.Ledger].
func (v *Validator) Included(ctx context.Context, p ledger.Position) (ledger.Proof, error) {
	if p.Height == 0 {
		return ledger.Proof{}, fault.New(fault.Invalid, "there is no block 0", "ask for height 1 or later").In("height")
	}
	if err := v.app.reach(ctx, p.Height+1); err != nil {
		return ledger.Proof{}, err
	}
	b, err := v.blockAt(p.Height)
	if err != nil {
		return ledger.Proof{}, err
	}
	if int(p.Index) >= len(b.txs) {
		return ledger.Proof{}, fault.Newf(fault.NotFound, "ask for a position that Submit or Blocks gave",
			"block %d holds %d envelopes", p.Height, len(b.txs)).In("index")
	}
	s, err := v.sealAt(p.Height + 1)
	if err != nil {
		return ledger.Proof{}, err
	}
	proof := inclusion{Seal: s, Envelope: b.txs[p.Index], Index: p.Index, Path: prove(b.txs, int(p.Index))}
	return ledger.Proof{Position: p, Envelope: b.Envelopes[p.Index], Bytes: canon.Must(proof)}, nil
}

// receiptFor says at once where an envelope is final, as a follower can check
// it; false when the block is too large for that.
func (v *Validator) receiptFor(p ledger.Position) (receipt, bool, error) {
	b, err := v.blockAt(p.Height)
	if err != nil {
		return receipt{}, false, err
	}
	if len(b.txs) > maxReceipt {
		return receipt{}, false, nil
	}
	s, err := v.sealAt(p.Height)
	if err != nil {
		return receipt{}, false, err
	}
	return receipt{Seal: s, Index: p.Index, Txs: b.hashes}, true, nil
}

// Status implements [ledger.Ledger]. Confirmed is the highest block that f+1
// validators have, this one among them.
func (v *Validator) Status(context.Context) (ledger.Status, error) {
	done, err := v.reading()
	if err != nil {
		return ledger.Status{}, err
	}
	defer done()
	tip, at := v.app.where()
	s := ledger.Status{
		Driver: Driver, ChainID: v.config.Network.ChainID, Tip: tip, TipTime: at,
		Earliest: ledger.Height(v.engine.blocks.Base()), Validators: v.committee.set.Size(),
		Reached: 1, Syncing: v.engine.syncing(),
	}
	heights := []ledger.Height{tip}
	for id, h := range v.engine.peerHeights() {
		s.Peers = append(s.Peers, id)
		heights = append(heights, ledger.Height(h))
	}
	slices.Sort(s.Peers)
	s.Reached = len(heights)
	s.Confirmed = v.committee.confirmed(heights)
	return s, nil
}

// confirmed is the highest block that f+1 of the reports reach: at least one
// of them is honest.
func (c *committee) confirmed(reports []ledger.Height) ledger.Height {
	f := c.faulty()
	if len(reports) <= f {
		return 0
	}
	slices.SortFunc(reports, func(a, b ledger.Height) int { return int(int64(b) - int64(a)) })
	return reports[f]
}

// Close implements [ledger.Ledger].
func (v *Validator) Close() error {
	v.stores.Lock()
	if v.closed {
		v.stores.Unlock()
		return nil
	}
	v.closed = true
	v.stores.Unlock()
	v.app.end()
	var errs []error
	if v.server != nil {
		errs = append(errs, v.server.close())
	}
	errs = append(errs, v.engine.close())
	v.app.pool.end(unknown(errClosed))
	errs = append(errs, v.index.Close())
	return errors.Join(errs...)
}

// blockCache keeps the latest blocks decoded, up to a number of bytes, so that
// readers at the tip cost no reading.
type blockCache struct {
	limit int64

	mu    sync.Mutex
	size  int64
	from  ledger.Height // lowest held
	block map[ledger.Height]*stored
}

func (c *blockCache) put(s *stored) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.block == nil || c.block[s.Height-1] == nil {
		c.block, c.size, c.from = map[ledger.Height]*stored{}, 0, s.Height
	}
	c.block[s.Height] = s
	c.size += cost(s)
	for c.size > c.limit && c.from < s.Height {
		c.size -= cost(c.block[c.from])
		delete(c.block, c.from)
		c.from++
	}
}

func (c *blockCache) get(h ledger.Height) *stored {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.block[h]
}

// cost counts a block's bytes and something for its bookkeeping.
func cost(s *stored) int64 {
	n := int64(1024)
	for _, tx := range s.txs {
		n += int64(len(tx)) + 256
	}
	return n
}
