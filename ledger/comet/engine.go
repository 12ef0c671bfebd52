package comet

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/blocksync"
	"github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/consensus"
	"github.com/cometbft/cometbft/crypto"
	"github.com/cometbft/cometbft/evidence"
	cmtjson "github.com/cometbft/cometbft/libs/json"
	"github.com/cometbft/cometbft/libs/protoio"
	"github.com/cometbft/cometbft/mempool"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/p2p/pex"
	"github.com/cometbft/cometbft/privval"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/cometbft/cometbft/proxy"
	"github.com/cometbft/cometbft/state"
	"github.com/cometbft/cometbft/store"
	"github.com/cometbft/cometbft/types"
	"github.com/cometbft/cometbft/version"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/sign"
)

// engine is one CometBFT node put together from the engine's own parts:
// consensus, block sync, evidence, storage and encrypted links. It is built
// here and not by the engine's node package for one reason: the mempool must
// be ours, and must be able to say that a block is wanted.
type engine struct {
	log       engineLog
	databases []*database // what the stores below are kept in
	apps      proxy.AppConns
	events    *types.EventBus
	blocks    *store.BlockStore
	states    state.Store
	consensus *consensus.Reactor
	rounds    *consensus.State
	transport *p2p.MultiplexTransport
	network   *p2p.Switch
	address   string           // host:port of the listener for validators
	tip       *types.BlockMeta // of the last block at the start; nil before the first

	broken  bool // it panicked as it was started
	stop    chan struct{}
	dialing sync.WaitGroup
}

// engineParts is what an engine is made of.
type engineParts struct {
	disk    *disk
	config  *config.Config
	genesis *types.GenesisDoc
	moniker string
	key     sign.PrivateKey // signs blocks
	node    sign.PrivateKey // names this node among validators
	listen  string          // host:port; port 0 takes a free one
	allow   func(nodeID string) bool
	app     abci.Application
	mempool mempool.Mempool
	gossip  p2p.Reactor
	log     engineLog
	signer  func(types.PrivValidator) types.PrivValidator // nil for none; see faults
}

// newEngine opens the stores and brings the application level with them: the
// engine replays to it what it has not yet committed. Nothing runs yet.
func newEngine(p engineParts) (_ *engine, err error) {
	e := &engine{log: p.log, stop: make(chan struct{})}
	defer func() {
		if r := recover(); r != nil { // the engine panics on stores that contradict each other
			var ok bool
			if err, ok = r.(error); !ok {
				err = fmt.Errorf("%v", r)
			}
			err = misfit(err)
		}
		if err != nil {
			err = errors.Join(err, e.closeStores())
		}
	}()
	for _, dir := range []string{"data", "config"} {
		if err := os.MkdirAll(filepath.Join(p.config.RootDir, dir), 0o700); err != nil {
			return nil, fmt.Errorf("making the engine's folders: %w", err)
		}
	}
	blockDB, err := e.open(p.disk, "blockstore")
	if err != nil {
		return nil, err
	}
	e.blocks = store.NewBlockStore(blockDB)
	stateDB, err := e.open(p.disk, "state")
	if err != nil {
		return nil, err
	}
	e.states = state.NewStore(stateDB, state.StoreOptions{DiscardABCIResponses: p.config.Storage.DiscardABCIResponses})
	current, err := e.states.LoadFromDBOrGenesisDoc(p.genesis)
	if err != nil {
		return nil, misfit(err)
	}
	if current.ChainID != p.genesis.ChainID {
		return nil, fault.Newf(fault.Conflict, "give each ledger its own data directory",
			"the data directory belongs to chain %s, not %s", current.ChainID, p.genesis.ChainID)
	}

	e.apps = proxy.NewAppConns(proxy.NewConnSyncLocalClientCreator(p.app), proxy.NopMetrics())
	e.apps.SetLogger(p.log.With("module", "proxy"))
	if err := e.apps.Start(); err != nil {
		return nil, err
	}
	e.events = types.NewEventBus()
	e.events.SetLogger(p.log.With("module", "events"))
	if err := e.events.Start(); err != nil {
		return nil, err
	}

	handshake := consensus.NewHandshaker(e.states, current, e.blocks, p.genesis)
	handshake.SetLogger(p.log.With("module", "consensus"))
	handshake.SetEventBus(e.events)
	if err := handshake.Handshake(e.apps); err != nil {
		return nil, misfit(fmt.Errorf("replaying blocks to the application: %w", err))
	}
	if current, err = e.states.Load(); err != nil {
		return nil, misfit(err)
	}

	signer, err := loadSigner(p.key, filepath.Join(p.config.RootDir, "data", "last-signed.json"))
	if err != nil {
		return nil, err
	}
	evidenceDB, err := e.open(p.disk, "evidence")
	if err != nil {
		return nil, err
	}
	misdeeds, err := evidence.NewPool(evidenceDB, e.states, e.blocks)
	if err != nil {
		return nil, misfit(err)
	}
	misdeeds.SetLogger(p.log.With("module", "evidence"))
	executor := state.NewBlockExecutor(e.states, p.log.With("module", "state"), e.apps.Consensus(),
		p.mempool, misdeeds, e.blocks,
		state.BlockExecutorWithBlockTimeTolerance(p.config.Consensus.BlockTimeTolerance))

	e.tip = e.blocks.LoadBlockMeta(e.blocks.Height())
	alone := current.Validators.Size() == 1 && current.Validators.HasAddress(signer.GetAddress())
	// The engine looks for missing blocks for a second at least before it takes
	// part. A network that has begun just now has too few to be looked for: what
	// a validator that comes a little later lacks, consensus itself brings.
	begun := current.LastBlockHeight == 0 && time.Since(p.genesis.GenesisTime) < youngNetwork
	syncFirst := !alone && !begun
	catchUp := blocksync.NewReactor(syncFirst, false, current.Copy(), executor, e.blocks,
		signer.GetAddress(), 0, blocksync.NopMetrics())
	catchUp.SetLogger(p.log.With("module", "blocksync"))
	machine := consensus.NewState(p.config.Consensus, current.Copy(), executor, e.blocks, p.mempool, misdeeds)
	machine.SetLogger(p.log.telling(func(reason string) { p.disk.failed(halted(reason)) }).With("module", "consensus"))
	if p.signer != nil {
		machine.SetPrivValidator(p.signer(signer))
	} else {
		machine.SetPrivValidator(signer)
	}
	e.rounds = machine
	e.consensus = consensus.NewReactor(machine, syncFirst)
	e.consensus.SetLogger(p.log.With("module", "consensus"))
	e.consensus.SetEventBus(e.events)
	tellEvidence := evidence.NewReactor(misdeeds)
	tellEvidence.SetLogger(p.log.With("module", "evidence"))

	if err := e.buildNetwork(p, current, []namedReactor{
		{"MEMPOOL", p.gossip}, {"BLOCKSYNC", catchUp}, {"CONSENSUS", e.consensus}, {"EVIDENCE", tellEvidence},
	}); err != nil {
		return nil, err
	}
	return e, nil
}

// youngNetwork is how long after its beginning a network counts as new.
const youngNetwork = 30 * time.Second

// open opens a store that closeStores closes.
func (e *engine) open(d *disk, name string) (*database, error) {
	db, err := d.open(name)
	if err == nil {
		e.databases = append(e.databases, db)
	}
	return db, err
}

// misfit names an error of the engine about its stores, if it has no name yet.
func misfit(cause error) error {
	if _, ok := errors.AsType[*fault.Error](cause); ok {
		return cause
	}
	return fault.New(fault.Corrupt, "this validator's stored blocks and its application do not fit together",
		"restore the node's data directory from a backup, or start with one that holds only data/last-signed.json and let it catch up").Because(cause)
}

type namedReactor struct {
	name string
	p2p.Reactor
}

func (e *engine) buildNetwork(p engineParts, current state.State, reactors []namedReactor) error {
	listen, err := freePort(p.listen)
	if err != nil {
		return err
	}
	e.address = listen
	key := p2p.NodeKey{PrivKey: engineKey(p.node)}
	info := p2p.DefaultNodeInfo{
		ProtocolVersion: p2p.NewProtocolVersion(version.P2PProtocol, current.Version.Consensus.Block, current.Version.Consensus.App),
		DefaultNodeID:   key.ID(),
		ListenAddr:      "tcp://" + listen,
		Network:         p.genesis.ChainID,
		Version:         version.TMCoreSemVer,
		Moniker:         p.moniker,
		Other:           p2p.DefaultNodeInfoOther{TxIndex: "off"},
	}
	for _, r := range reactors {
		for _, ch := range r.GetChannels() {
			info.Channels = append(info.Channels, ch.ID)
		}
	}
	if err := info.Validate(); err != nil {
		return fault.New(fault.Invalid, "the engine refuses this node's name or address", "check moniker and listen address").Because(err)
	}

	e.transport = p2p.NewMultiplexTransport(info, key, p2p.MConnConfig(p.config.P2P))
	p2p.MultiplexTransportMaxIncomingConnections(p.config.P2P.MaxNumInboundPeers + 64)(e.transport)
	e.network = p2p.NewSwitch(p.config.P2P, e.transport, p2p.SwitchPeerFilters(
		func(_ p2p.IPeerSet, peer p2p.Peer) error {
			if p.allow == nil || !p.allow(string(peer.ID())) {
				return fmt.Errorf("node %s is not registered", peer.ID())
			}
			return nil
		}))
	e.network.SetLogger(p.log.With("module", "p2p"))
	for _, r := range reactors {
		e.network.AddReactor(r.name, r.Reactor)
	}
	e.network.SetNodeInfo(info)
	e.network.SetNodeKey(&key)
	book := pex.NewAddrBook(filepath.Join(p.config.RootDir, "config", "addresses.json"), false)
	book.SetLogger(p.log.With("module", "p2p"))
	e.network.SetAddrBook(book)

	address, err := p2p.NewNetAddressString(p2p.IDAddressString(key.ID(), "tcp://"+listen))
	if err != nil {
		return err
	}
	if err := e.transport.Listen(*address); err != nil {
		return fault.Newf(fault.Unavailable, "choose another listen address", "cannot listen for validators on %s", listen).Because(err)
	}
	return nil
}

// freePort replaces port 0 by a free one: the engine cannot tell which port
// the system chose.
func freePort(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", fault.Newf(fault.Invalid, "write host:port", "%q is no listen address", listen).Because(err)
	}
	if port != "0" {
		return listen, nil
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return "", fault.Newf(fault.Unavailable, "choose another listen address", "cannot listen on %s", listen).Because(err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// start lets the node take part. It joins peers as connect names them. Code:
// corrupt when the engine finds only now that its stores contradict each other:
// it panics then, in its own log of votes or in what it looks up to vote.
func (e *engine) start() (err error) {
	defer func() {
		if r := recover(); r != nil {
			e.broken = true
			err = misfit(fmt.Errorf("starting the engine: %v", r))
		}
	}()
	return e.network.Start()
}

// connect keeps a link to a peer for as long as the engine runs. The engine's
// own redialling waits up to 3 s at first, 5 s between tries, and gives up.
// Of two nodes that know each other the lower id dials first, so that two
// links do not meet and end each other.
func (e *engine) connect(id, address string) error {
	to, err := p2p.NewNetAddressString(p2p.IDAddressString(p2p.ID(id), address))
	if err != nil {
		return fault.Newf(fault.Invalid, "write host:port", "%q is no address of a validator", address).Because(err)
	}
	if to.ID == e.network.NodeInfo().ID() {
		return nil
	}
	e.dialing.Add(1)
	go func() {
		defer e.dialing.Done()
		const first, last = 50 * time.Millisecond, 2 * time.Second
		wait := first
		if to.ID < e.network.NodeInfo().ID() {
			wait = last
		}
		for {
			select {
			case <-e.stop:
				return
			case <-time.After(wait):
			}
			if e.network.Peers().Has(to.ID) {
				wait = last / 4
				continue
			}
			if err := e.network.DialPeerWithAddress(to); err != nil {
				e.log.Debug("validator does not answer", "node", to.ID, "err", err)
				wait = min(2*wait, last)
			}
		}
	}()
	return nil
}

// syncing reports whether the node is catching up by whole blocks.
func (e *engine) syncing() bool { return e.consensus.WaitSync() }

// round counts the rounds of voting on the next block, from 0.
func (e *engine) round() int32 { return e.rounds.GetRoundState().Round }

// peerHeights gives the ids of connected validators and the last height that
// each says it has.
func (e *engine) peerHeights() map[string]int64 {
	out := map[string]int64{}
	for _, peer := range e.network.Peers().Copy() {
		height := int64(0)
		if s, ok := peer.Get(types.PeerStateKey).(interface{ GetHeight() int64 }); ok {
			height = max(0, s.GetHeight()-1) // the height it works on follows its last block
		}
		out[string(peer.ID())] = height
	}
	return out
}

// close stops everything and waits for it.
func (e *engine) close() error {
	close(e.stop)
	var errs []error
	if e.network.IsRunning() && !e.broken { // half started, it would wait for what never ran
		errs = append(errs, e.network.Stop())
	}
	errs = append(errs, e.transport.Close())
	e.dialing.Wait()
	return errors.Join(append(errs, e.closeStores())...)
}

func (e *engine) closeStores() error {
	var errs []error
	if e.events != nil && e.events.IsRunning() {
		errs = append(errs, e.events.Stop())
	}
	if e.apps != nil && e.apps.IsRunning() {
		errs = append(errs, e.apps.Stop())
	}
	for _, db := range e.databases {
		errs = append(errs, db.Close())
	}
	return errors.Join(errs...)
}

// loadSigner makes the signer of votes. The key stays in memory; what was
// signed last is on disk, so that a restarted validator never signs twice.
func loadSigner(key sign.PrivateKey, lastSigned string) (*privval.FilePV, error) {
	signer := privval.NewFilePV(engineKey(key), "", lastSigned)
	data, err := os.ReadFile(lastSigned)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return signer, nil
	case err != nil:
		return nil, err
	}
	var last privval.FilePVLastSignState
	if err = cmtjson.Unmarshal(data, &last); err == nil {
		err = checkLastSigned(last, signer.Key.PubKey)
	}
	if err != nil {
		return nil, fault.Newf(fault.Corrupt, "restore the file from a backup; never delete it while the validator's key is in use",
			"the record of what this validator signed last is unreadable: %s", lastSigned).Because(err)
	}
	signer.LastSignState.Height, signer.LastSignState.Round, signer.LastSignState.Step = last.Height, last.Round, last.Step
	signer.LastSignState.Signature, signer.LastSignState.SignBytes = last.Signature, last.SignBytes
	return signer, nil
}

// checkLastSigned compares the record with what it says was signed. The file
// has no checksum, and a height that a flipped bit has lowered would let the
// validator sign a second time.
func checkLastSigned(last privval.FilePVLastSignState, key crypto.PubKey) error {
	if !key.VerifySignature(last.SignBytes, last.Signature) {
		return errors.New("the signature is not over the bytes beside it, or of another key")
	}
	const propose, prevote, precommit = 1, 2, 3
	var height, round int64
	var kind, want cmtproto.SignedMsgType
	switch last.Step {
	case propose:
		var p cmtproto.CanonicalProposal
		if err := protoio.UnmarshalDelimited(last.SignBytes, &p); err != nil {
			return err
		}
		height, round, kind, want = p.Height, p.Round, p.Type, cmtproto.ProposalType
	case prevote, precommit:
		var v cmtproto.CanonicalVote
		if err := protoio.UnmarshalDelimited(last.SignBytes, &v); err != nil {
			return err
		}
		height, round, kind, want = v.Height, v.Round, v.Type, cmtproto.PrevoteType
		if last.Step == precommit {
			want = cmtproto.PrecommitType
		}
	default:
		return fmt.Errorf("step %d is none", last.Step)
	}
	if height != last.Height || round != int64(last.Round) || kind != want {
		return fmt.Errorf("height %d, round %d, step %d is not what was signed: %d, %d, %s", last.Height, last.Round, last.Step, height, round, kind)
	}
	return nil
}
