package comet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/ledger"
)

// appVersion is part of every header. It changes when the bytes that this
// driver puts under the validators' signatures change.
const appVersion = 1

// app stands between the engine and the machine. The engine calls it from one
// goroutine at a time for everything that changes state.
type app struct {
	abci.BaseApplication
	log    engineLog
	self   []byte // address of this validator's key
	pace   *pace
	retain uint64 // blocks kept; 0 keeps all
	index  index
	pool   *pool

	// machineMu keeps Check and Apply apart.
	machineMu sync.RWMutex
	machine   ledger.Machine

	// What follows is owned by the engine's goroutine: what the index holds,
	// and the block between FinalizeBlock and Commit.
	last     applied
	block    []*held
	next     applied
	nextTime int64

	syncing func() bool

	settled func(*stored) // is given each block as it becomes final
	refused atomic.Uint64 // proposals that this validator voted against

	mu      sync.Mutex
	tip     ledger.Height
	tipTime int64
	working ledger.Height // the block that the machine was given last
	grown   chan struct{} // closed and replaced at each block
	broken  error         // what calls get once the validator has stopped
	reason  error         // why it has, in its own code
	failed  chan struct{} // closed when broken is set
	ended   chan struct{} // closed when the ledger is
}

func newApp(machine ledger.Machine, x index, c Config, log engineLog) (*app, error) {
	a := &app{
		log: log, self: engineKey(c.Key).PubKey().Address(), pace: newPace(c.Tuning), retain: c.Retain, index: x, machine: machine,
		grown: make(chan struct{}), failed: make(chan struct{}), ended: make(chan struct{}),
		syncing: func() bool { return false }, settled: func(*stored) {},
	}
	a.pool = newPool(c.Tuning.PendingBytes, a.check)
	if m, ok := machine.(ledger.Accountant); ok {
		a.pool.accountsOf = func(e ledger.Envelope) ([]ledger.Account, bool, error) {
			a.machineMu.RLock()
			defer a.machineMu.RUnlock()
			return m.Accounts(e)
		}
	}
	last, err := x.applied()
	if err != nil {
		return nil, err
	}
	if r, ok := machine.(ledger.Resumer); ok {
		height, root, err := r.Applied()
		if err != nil {
			return nil, fmt.Errorf("asking the machine where it stands: %w", err)
		}
		if height < last.Height {
			last = applied{height, root}
		}
	}
	a.last = last
	return a, nil
}

// check asks the machine, and takes a panic for a refusal: nothing that a
// client sends may stop a validator.
func (a *app) check(e ledger.Envelope) (err error) {
	a.machineMu.RLock()
	defer a.machineMu.RUnlock()
	defer func() {
		if r := recover(); r != nil {
			a.log.Error("the machine panicked on an envelope", "id", e.ID(), "panic", fmt.Sprint(r))
			err = fault.New(fault.Internal, "the envelope cannot be checked", "report the envelope's id").Because(fmt.Errorf("%v", r))
		}
	}()
	return a.machine.Check(e)
}

func (a *app) Info(context.Context, *abci.RequestInfo) (*abci.ResponseInfo, error) {
	res := &abci.ResponseInfo{Data: "lateral", AppVersion: appVersion, LastBlockHeight: int64(a.last.Height)}
	if a.last.Height > 0 {
		res.LastBlockAppHash = a.last.Root[:]
	}
	return res, nil
}

func (a *app) PrepareProposal(_ context.Context, req *abci.RequestPrepareProposal) (*abci.ResponsePrepareProposal, error) {
	return &abci.ResponsePrepareProposal{Txs: a.pool.propose(min(req.MaxTxBytes, a.pace.propose(ledger.Height(req.Height))))}, nil
}

func (a *app) ProcessProposal(_ context.Context, req *abci.RequestProcessProposal) (*abci.ResponseProcessProposal, error) {
	if err := a.pool.judge(req.Txs); err != nil {
		a.refused.Add(1)
		a.log.Error("refusing a proposal", "height", req.Height, "proposer", fmt.Sprintf("%X", req.ProposerAddress), "err", err)
		return &abci.ResponseProcessProposal{Status: abci.ResponseProcessProposal_REJECT}, nil
	}
	return &abci.ResponseProcessProposal{Status: abci.ResponseProcessProposal_ACCEPT}, nil
}

// FinalizeBlock hands a decided block to the machine. An error from here stops
// the validator, and only it.
func (a *app) FinalizeBlock(_ context.Context, req *abci.RequestFinalizeBlock) (*abci.ResponseFinalizeBlock, error) {
	res, err := a.apply(req)
	if err == nil {
		return res, nil
	}
	a.fail(fmt.Errorf("applying block %d: %w", req.Height, err))
	if a.syncing() {
		// Catching up, the engine would answer an error with a panic that
		// nobody can recover. Its goroutine ends here instead.
		runtime.Goexit()
	}
	return nil, err
}

func (a *app) apply(req *abci.RequestFinalizeBlock) (*abci.ResponseFinalizeBlock, error) {
	if err := a.err(); err != nil {
		return nil, err
	}
	b := ledger.Block{Height: ledger.Height(req.Height), Time: millis(req.Time)}
	block, err := a.pool.resolve(req.Txs)
	if err != nil {
		return nil, fmt.Errorf("more than a third of the committee is faulty: %w", err)
	}
	a.block = block
	results := make([]*abci.ExecTxResult, len(req.Txs))
	for i, h := range block {
		b.Envelopes = append(b.Envelopes, h.envelope)
		results[i] = result(h.tx, uint32(i))
	}
	a.pace.decided(b.Height, bytes.Equal(req.ProposerAddress, a.self))
	a.mu.Lock()
	a.working = b.Height
	a.mu.Unlock()
	root, err := a.advance(b)
	if err != nil {
		return nil, err
	}
	a.next, a.nextTime = applied{b.Height, root}, b.Time
	return &abci.ResponseFinalizeBlock{TxResults: results, AppHash: root[:]}, nil
}

// advance runs the machine.
func (a *app) advance(b ledger.Block) (root ledger.Root, err error) {
	a.machineMu.Lock()
	defer a.machineMu.Unlock()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the machine panicked: %v", r)
		}
	}()
	return a.machine.Apply(b)
}

// result is what the validators certify about one transaction: that this one
// stood at this place. The engine's Merkle tree of results would not say so by
// itself, because a path through it fits several places.
func result(tx txHash, i uint32) *abci.ExecTxResult {
	return &abci.ExecTxResult{Data: canon.Must(placed{tx[:], i})}
}

type placed struct {
	Tx    []byte `cbor:"1,keyasint"`
	Index uint32 `cbor:"2,keyasint"`
}

// Commit makes the block visible.
func (a *app) Commit(context.Context, *abci.RequestCommit) (*abci.ResponseCommit, error) {
	ids := make([]canon.Hash, len(a.block))
	for i, h := range a.block {
		ids[i] = h.id
	}
	if err := a.index.record(a.next, ids); err != nil {
		a.fail(fmt.Errorf("recording block %d: %w", a.next.Height, err))
		if a.syncing() {
			runtime.Goexit()
		}
		return nil, err
	}
	a.last = a.next
	s := &stored{Block: ledger.Block{Height: a.last.Height, Time: a.nextTime}}
	for _, h := range a.block {
		s.txs = append(s.txs, h.raw)
		s.hashes = append(s.hashes, h.tx[:]...)
		s.Envelopes = append(s.Envelopes, h.envelope)
	}
	a.settled(s)
	a.mu.Lock()
	a.tip, a.tipTime = a.last.Height, a.nextTime
	close(a.grown)
	a.grown = make(chan struct{})
	a.mu.Unlock()
	a.pool.settle(a.last.Height, a.block)
	a.block = nil

	res := &abci.ResponseCommit{}
	if h := uint64(a.last.Height); a.retain > 0 && h > a.retain {
		res.RetainHeight = int64(h - a.retain + 1)
	}
	return res, nil
}

// fail stops the validator's work with a reason.
func (a *app) fail(cause error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	select {
	case <-a.ended: // what is closed cannot fail
		return
	default:
	}
	if a.broken != nil {
		return
	}
	a.log.Error("this validator stops", "err", cause)
	stopped := fault.New(fault.Unavailable, "this validator has stopped: "+plain(cause),
		"look in the log of this node, repair what is named there, and restart it").Because(cause)
	a.broken, a.reason = stopped, stopped
	switch f := fault.Of(cause); f.Code {
	case durable.CodeDiskFull, durable.CodeDiskFailed, CodeConsensusFailed, fault.Corrupt:
		a.reason = fault.New(f.Code, stopped.Detail, f.Remedy).Because(cause)
	}
	close(a.failed)
}

// plain gives the reason without what only the log may show.
func plain(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Detail
	}
	return err.Error()
}

func (a *app) err() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.broken
}

// reach waits until block h is final here, or the ledger ends.
func (a *app) reach(ctx context.Context, h ledger.Height) error {
	for {
		a.mu.Lock()
		tip, grown := a.tip, a.grown
		a.mu.Unlock()
		if tip >= h {
			return nil
		}
		select {
		case <-grown:
		case <-a.failed:
			return a.err()
		case <-a.ended:
			return fault.New(fault.Unavailable, "the ledger is closed", "open it again").Because(errClosed)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// setTip tells where the ledger stands after a start.
func (a *app) setTip(h ledger.Height, at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tip = h
	if h > 0 {
		a.tipTime = millis(at)
	}
}

func (a *app) where() (ledger.Height, int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.tip, a.tipTime
}

// at gives the height of the block that the machine was given last.
func (a *app) at() ledger.Height {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.working
}

// end releases everybody who waits.
func (a *app) end() { close(a.ended) }
