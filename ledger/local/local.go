// Package local is the ledger driver of one process and one file: for unit
// tests and for networks that nobody else takes part in. It orders what it is
// given, at once, and certifies roots with a key of its own. There is no
// committee, so it tolerates no fault.
package local

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
)

// Driver is this driver's name in a network file.
const Driver = "local"

// maxBatch bounds the envelopes of one block, so that a block is not larger
// than other drivers make it.
const maxBatch = 16

// Config says where a local ledger lives. Network and Key are required.
type Config struct {
	Network ledger.Network // one validator, whose key is Key's public half
	Key     sign.PrivateKey

	// Path is the file; empty keeps the ledger in memory, for --ephemeral.
	Path string
	// Retain is how many blocks can be read; 0 is all. The file keeps them all.
	Retain uint64
	// GapWait is how long Submit waits for a missing earlier envelope before
	// it answers not-yet. Default 500 ms.
	GapWait time.Duration
	// Now is the clock; nil is the system's. Block times never fall.
	Now func() time.Time
}

// Network makes the network file of a local ledger. Name is for people.
func Network(name string, key sign.PublicKey) ledger.Network {
	genesis := canon.Sum("lateral/local-genesis/1", []byte(name), key[:])
	return ledger.Network{
		Driver: Driver, ChainID: ledger.ChainID(name, genesis), Genesis: genesis,
		Validators: []ledger.Validator{{Name: "local", Key: key, Power: 1}},
	}
}

func checkNetwork(n ledger.Network) error {
	bad := func(field, format string, args ...any) error {
		return fault.Newf(fault.Invalid, "use the network file that was made with the ledger", format, args...).In(field)
	}
	switch {
	case n.Driver != Driver:
		return bad("driver", "the network runs on %q, not on %s", n.Driver, Driver)
	case !strings.HasSuffix(n.ChainID, "-"+n.Genesis.String()[:32]):
		return bad("chain_id", "chain id %q does not belong to genesis %s", n.ChainID, n.Genesis)
	case len(n.Validators) != 1:
		return bad("validators", "a local ledger has one validator, not %d", len(n.Validators))
	}
	return nil
}

// Ledger is a local ledger. Safe for concurrent use.
type Ledger struct {
	config Config
	now    func() time.Time

	// machineMu keeps Check and Apply apart.
	machineMu sync.RWMutex
	machine   ledger.Machine

	mu     sync.Mutex
	file   *file // nil in memory
	blocks []kept
	ids    map[canon.Hash]ledger.Position
	queue  []*waiting              // to go into the next blocks, in order
	under  map[canon.Hash]*waiting // queue and the block at work, by id
	last   map[lane]uint64         // highest number under way
	grown  chan struct{}           // closed and replaced at each block
	wake   chan struct{}
	broken error
	closed bool

	stop chan struct{}
	done chan struct{}
}

var _ ledger.Ledger = (*Ledger)(nil)

// kept is a block with the certificate of the root after it.
type kept struct {
	block ledger.Block
	seal  seal
}

type lane struct {
	channel ledger.ChannelID
	sender  sign.PublicKey
}

func laneOf(e ledger.Envelope) lane { return lane{e.Header.Channel, e.Header.Sender} }

// waiting is an envelope on its way to a block; at and err may be read after
// done is closed.
type waiting struct {
	envelope ledger.Envelope
	id       canon.Hash
	done     chan struct{}
	at       ledger.Position
	err      error
}

// Open opens or makes a local ledger. It hands the machine again a block whose
// root was not yet recorded, and whatever a [ledger.Resumer] misses.
// Codes: invalid, corrupt (the file), conflict (file or machine of another
// ledger).
func Open(c Config, machine ledger.Machine) (*Ledger, error) {
	if err := checkNetwork(c.Network); err != nil {
		return nil, err
	}
	if c.Key.IsZero() || c.Key.Public() != c.Network.Validators[0].Key {
		return nil, fault.New(fault.Invalid, "the key is not the one that the network file names", "use the ledger's own key").In("key")
	}
	if c.GapWait <= 0 {
		c.GapWait = 500 * time.Millisecond
	}
	l := &Ledger{
		config: c, now: c.Now, machine: machine, ids: map[canon.Hash]ledger.Position{},
		under: map[canon.Hash]*waiting{}, last: map[lane]uint64{},
		grown: make(chan struct{}), wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	if l.now == nil {
		l.now = time.Now
	}
	if err := l.load(); err != nil {
		if l.file != nil {
			err = errors.Join(err, l.file.close())
		}
		return nil, err
	}
	go l.run()
	return l, nil
}

// load reads the file and brings the machine level with it.
func (l *Ledger) load() error {
	var open *ledger.Block // written, but not yet certified
	if l.config.Path != "" {
		f, records, err := openFile(l.config.Path)
		if err != nil {
			return err
		}
		l.file = f
		if open, err = l.restore(records); err != nil {
			return err
		}
	}
	from := ledger.Height(len(l.blocks)) + 1
	if r, ok := l.machine.(ledger.Resumer); ok {
		height, _, err := r.Applied()
		if err != nil {
			return fmt.Errorf("asking the machine where it stands: %w", err)
		}
		from = min(from, height+1)
	}
	for _, k := range l.blocks[from-1:] {
		root, err := l.apply(k.block)
		if err != nil {
			return fmt.Errorf("applying block %d again: %w", k.block.Height, err)
		}
		if root != k.seal.Root {
			return fault.Newf(fault.Conflict, "use the machine state that belongs to this ledger, or rebuild it from nothing",
				"the machine's root after block %d is not the certified one", k.block.Height)
		}
	}
	if open == nil {
		return nil
	}
	root, err := l.apply(*open)
	if err != nil {
		return fmt.Errorf("applying block %d: %w", open.Height, err)
	}
	return l.certify(*open, root)
}

// restore takes over what the file holds. A block without the seal after it is
// the last, and given back.
func (l *Ledger) restore(records []record) (open *ledger.Block, err error) {
	corrupt := func(cause error) error {
		return fault.Newf(fault.Corrupt, "restore the file from a backup", "%s is damaged", l.config.Path).Because(cause)
	}
	for i, r := range records {
		height := ledger.Height(len(l.blocks)) + 1
		switch {
		case r.Block != nil && open == nil && r.Block.Height == height:
			if r.Block.Chain != l.config.Network.ChainID {
				return nil, fault.Newf(fault.Conflict, "give each ledger its own file", "the file belongs to ledger %s", r.Block.Chain)
			}
			b := ledger.Block{Height: height, Time: r.Block.Time}
			for _, raw := range r.Block.Envelopes {
				e, err := ledger.Unmarshal(raw)
				if err != nil {
					return nil, corrupt(err)
				}
				b.Envelopes = append(b.Envelopes, e)
			}
			open = &b
		case r.Seal != nil && open != nil && r.Seal.Height == height:
			if r.Seal.Data != dataOf(*open) || !r.Seal.verify(l.config.Network) {
				return nil, corrupt(fmt.Errorf("record %d: the seal does not fit its block", i))
			}
			l.keep(*open, *r.Seal)
			open = nil
		default:
			return nil, corrupt(fmt.Errorf("record %d is out of place", i))
		}
	}
	return open, nil
}

func (l *Ledger) keep(b ledger.Block, s seal) {
	l.blocks = append(l.blocks, kept{b, s})
	for i, e := range b.Envelopes {
		l.ids[e.ID()] = ledger.Position{Height: b.Height, Index: uint32(i)}
	}
}

// certify records the root after b and makes the block visible.
func (l *Ledger) certify(b ledger.Block, root ledger.Root) error {
	s := newSeal(l.config.Key, l.config.Network.ChainID, b, root)
	if l.file != nil {
		if err := l.file.append(record{Seal: &s}); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keep(b, s)
	close(l.grown)
	l.grown = make(chan struct{})
	return nil
}

func (l *Ledger) apply(b ledger.Block) (root ledger.Root, err error) {
	l.machineMu.Lock()
	defer l.machineMu.Unlock()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the machine panicked: %v", r)
		}
	}()
	return l.machine.Apply(b)
}

// check asks the machine, and takes a panic for a refusal.
func (l *Ledger) check(e ledger.Envelope) (err error) {
	l.machineMu.RLock()
	defer l.machineMu.RUnlock()
	defer func() {
		if r := recover(); r != nil {
			err = fault.New(fault.Internal, "the envelope cannot be checked", "report the envelope's id").Because(fmt.Errorf("%v", r))
		}
	}()
	return l.machine.Check(e)
}

// run makes blocks of what is queued until the ledger closes or breaks.
func (l *Ledger) run() {
	defer close(l.done)
	for {
		select {
		case <-l.stop:
			return
		case <-l.wake:
		}
		for l.step() {
		}
	}
}

// step makes one block; false when nothing is queued.
func (l *Ledger) step() bool {
	l.mu.Lock()
	if l.broken != nil || l.closed || len(l.queue) == 0 {
		l.mu.Unlock()
		return false
	}
	batch := slices.Clone(l.queue[:min(len(l.queue), maxBatch)])
	l.queue = slices.Delete(l.queue, 0, len(batch))
	b := ledger.Block{Height: ledger.Height(len(l.blocks)) + 1, Time: l.now().UnixMilli()}
	if n := len(l.blocks); n > 0 {
		b.Time = max(b.Time, l.blocks[n-1].block.Time)
	}
	l.mu.Unlock()

	// Numbers were consecutive when they were queued. Whether the machine still
	// takes them is asked again, as other drivers do with a proposal.
	var in []*waiting
	behind := map[lane]bool{}
	for _, w := range batch {
		err := l.check(w.envelope)
		if behind[laneOf(w.envelope)] && fault.CodeOf(err) == fault.NotYet {
			err = nil
		}
		if err != nil {
			l.finish(w, ledger.Position{}, err)
			continue
		}
		behind[laneOf(w.envelope)] = true
		in = append(in, w)
		b.Envelopes = append(b.Envelopes, w.envelope)
	}
	if len(in) == 0 {
		return true
	}
	if err := l.make(b); err != nil {
		l.mu.Lock()
		l.broken = fault.New(fault.Unavailable, "this ledger has stopped", "look in the log of this node, repair what is named there, and restart it").
			Because(fmt.Errorf("block %d: %w", b.Height, err))
		all := slices.Collect(maps.Values(l.under))
		close(l.grown)
		l.grown = make(chan struct{})
		l.mu.Unlock()
		for _, w := range all {
			l.finish(w, ledger.Position{}, unknown(l.broken))
		}
		return false
	}
	for i, w := range in {
		l.finish(w, ledger.Position{Height: b.Height, Index: uint32(i)}, nil)
	}
	return true
}

// make writes a block, applies it and certifies the root. A crash between any
// two of these is mended by load.
func (l *Ledger) make(b ledger.Block) error {
	if l.file != nil {
		r := blockRecord{Chain: l.config.Network.ChainID, Height: b.Height, Time: b.Time}
		for _, e := range b.Envelopes {
			r.Envelopes = append(r.Envelopes, e.Marshal())
		}
		if err := l.file.append(record{Block: &r}); err != nil {
			return err
		}
	}
	root, err := l.apply(b)
	if err != nil {
		return err
	}
	return l.certify(b, root)
}

func (l *Ledger) finish(w *waiting, at ledger.Position, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.under[w.id] != w {
		return
	}
	delete(l.under, w.id)
	ln, n := laneOf(w.envelope), w.envelope.Header.Sequence
	if l.last[ln] == n {
		delete(l.last, ln)
	}
	w.at, w.err = at, err
	close(w.done)
}

// Submit implements [ledger.Ledger].
func (l *Ledger) Submit(ctx context.Context, e ledger.Envelope) (ledger.Position, error) {
	none := ledger.Position{}
	if _, err := ledger.Unmarshal(e.Marshal()); err != nil {
		return none, err
	}
	if e.Header.Chain != l.config.Network.ChainID {
		return none, fault.Newf(fault.Refused, "make a new envelope for this ledger",
			"the envelope is for ledger %q, this is %q", e.Header.Chain, l.config.Network.ChainID).In("chain")
	}
	if !e.Verify() {
		return none, fault.New(fault.Invalid, "the envelope's signature is not its sender's", "sign the envelope with the sender's key").In("signature")
	}
	gap := time.NewTimer(l.config.GapWait)
	defer gap.Stop()
	for {
		w, again, err := l.enter(e)
		switch {
		case err == nil:
			select {
			case <-w.done:
				if w.err == nil || w.id == e.ID() {
					return w.at, w.err
				}
			case <-ctx.Done():
				return none, unknown(ctx.Err())
			}
		case again == nil:
			return none, err
		default:
			select {
			case <-again:
			case <-gap.C:
				return none, err
			case <-ctx.Done():
				return none, unknown(ctx.Err())
			}
		}
	}
}

// enter queues e, or joins the try under way. With an error that may pass, it
// gives what to wait for.
func (l *Ledger) enter(e ledger.Envelope) (w *waiting, again <-chan struct{}, err error) {
	id, ln, n := e.ID(), laneOf(e), e.Header.Sequence
	refusal := l.check(e) // before the lock: Apply may be running
	l.mu.Lock()
	defer l.mu.Unlock()
	if at, ok := l.ids[id]; ok {
		w := &waiting{envelope: e, id: id, done: make(chan struct{}), at: at}
		close(w.done)
		return w, nil, nil
	}
	if w := l.under[id]; w != nil {
		return w, nil, nil
	}
	if l.closed || l.broken != nil {
		return nil, nil, unknown(errors.Join(l.broken, errClosed))
	}
	last, busy := l.last[ln]
	switch {
	case refusal != nil && fault.CodeOf(refusal) != fault.NotYet:
		return nil, nil, refusal
	case busy && n <= last:
		return nil, l.grown, fault.New(fault.Busy, "another envelope with this number is under way", "submit again after a second")
	case busy && n > last+1, !busy && refusal != nil:
		if refusal == nil {
			refusal = ledger.NotYet(last+1, n)
		}
		return nil, l.grown, refusal
	}
	w = &waiting{envelope: e, id: id, done: make(chan struct{})}
	l.under[id], l.last[ln] = w, n
	l.queue = append(l.queue, w)
	close(l.grown) // a parked successor may follow
	l.grown = make(chan struct{})
	select {
	case l.wake <- struct{}{}:
	default:
	}
	return w, nil, nil
}

var errClosed = errors.New("the ledger is closed")

func unknown(cause error) error {
	return fault.New(fault.Unknown, "the envelope may still become final", "submit the same bytes again").Because(cause)
}

// reach waits for block h and gives it. Code: not-found when it is pruned.
func (l *Ledger) reach(ctx context.Context, h ledger.Height) (kept, error) {
	for {
		l.mu.Lock()
		tip, grown := ledger.Height(len(l.blocks)), l.grown
		var err error
		switch {
		case h < l.earliest():
			err = fault.Newf(fault.NotFound, "ask for a later block", "block %d is not kept here; the earliest is %d", h, l.earliest())
		case h <= tip:
			k := l.blocks[h-1]
			l.mu.Unlock()
			return k, nil
		case l.broken != nil:
			err = l.broken
		case l.closed:
			err = fault.New(fault.Unavailable, "the ledger is closed", "open it again").Because(errClosed)
		}
		l.mu.Unlock()
		if err != nil {
			return kept{}, err
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return kept{}, ctx.Err()
		}
	}
}

// earliest is the first block that can be read. The caller holds mu.
func (l *Ledger) earliest() ledger.Height {
	if n := uint64(len(l.blocks)); l.config.Retain > 0 && n > l.config.Retain {
		return ledger.Height(n - l.config.Retain + 1)
	}
	return 1
}

// Blocks implements [ledger.Ledger].
func (l *Ledger) Blocks(ctx context.Context, from ledger.Height) iter.Seq2[ledger.Block, error] {
	return func(yield func(ledger.Block, error) bool) {
		for h := max(from, 1); ; h++ {
			k, err := l.reach(ctx, h)
			if !yield(k.block, err) || err != nil {
				return
			}
		}
	}
}

// Certified implements [ledger.Ledger].
func (l *Ledger) Certified(ctx context.Context, h ledger.Height) (ledger.Certificate, error) {
	if h == 0 {
		return ledger.Certificate{}, fault.New(fault.Invalid, "there is no root before the first block", "ask for height 1 or later").In("height")
	}
	k, err := l.reach(ctx, h)
	if err != nil {
		return ledger.Certificate{}, err
	}
	return ledger.Certificate{Height: h, Root: k.seal.Root, Bytes: canon.Must(k.seal)}, nil
}

// Included implements [ledger.Ledger].
func (l *Ledger) Included(ctx context.Context, p ledger.Position) (ledger.Proof, error) {
	if p.Height == 0 {
		return ledger.Proof{}, fault.New(fault.Invalid, "there is no block 0", "ask for height 1 or later").In("height")
	}
	k, err := l.reach(ctx, p.Height)
	if err != nil {
		return ledger.Proof{}, err
	}
	if int(p.Index) >= len(k.block.Envelopes) {
		return ledger.Proof{}, fault.Newf(fault.NotFound, "ask for a position that Submit or Blocks gave",
			"block %d holds %d envelopes", p.Height, len(k.block.Envelopes)).In("index")
	}
	e := k.block.Envelopes[p.Index]
	proof := inclusion{Seal: k.seal, Hashes: hashesOf(k.block), Index: p.Index, Envelope: e.Marshal()}
	return ledger.Proof{Position: p, Envelope: e, Bytes: canon.Must(proof)}, nil
}

// Status implements [ledger.Ledger].
func (l *Ledger) Status(context.Context) (ledger.Status, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ledger.Status{}, fault.New(fault.Unavailable, "the ledger is closed", "open it again").Because(errClosed)
	}
	tip := ledger.Height(len(l.blocks))
	s := ledger.Status{
		Driver: Driver, ChainID: l.config.Network.ChainID, Tip: tip, Confirmed: tip,
		Earliest: l.earliest(), Validators: 1, Reached: 1,
	}
	if tip > 0 {
		s.TipTime = l.blocks[tip-1].block.Time
	}
	return s, nil
}

// Close implements [ledger.Ledger].
func (l *Ledger) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	close(l.grown)
	l.grown = make(chan struct{})
	close(l.stop)
	l.mu.Unlock()
	<-l.done
	l.mu.Lock()
	all := slices.Collect(maps.Values(l.under))
	l.mu.Unlock()
	for _, w := range all {
		l.finish(w, ledger.Position{}, unknown(errClosed))
	}
	if l.file != nil {
		return l.file.close()
	}
	return nil
}
