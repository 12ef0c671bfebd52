package channel

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/seal"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/proof"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
)

// Keys is a member's key store. What it gives out stays valid; old keys stay
// in it, so that a node can be rebuilt from keys and ledger alone, but for those
// that an agreement has destroyed (Retire). All methods may be called at the
// same time.
type Keys interface {
	// Node gives the key that signs for this node on the Omnilateral.
	Node() sign.PrivateKey
	// Member gives the company's key, unless it is kept off line.
	Member() (sign.PrivateKey, bool)
	// Sealing gives the keys that open what is sealed for this member, the
	// current one first, then all earlier ones.
	Sealing() []seal.Key
	// Channel gives the private half of a channel key.
	Channel(sign.PublicKey) (sign.PrivateKey, bool)
	// NewChannel makes a channel key. It is durable when NewChannel returns.
	NewChannel() (sign.PrivateKey, error)
	// Past gives what Retire has kept for a channel; nil: nothing.
	Past(channel canon.Hash) []byte
	// Retire destroys sealing keys for ever and keeps for each channel what is
	// handed in instead of what was kept before: all at once or nothing. It is
	// durable when Retire returns.
	Retire(keys []seal.PublicKey, past map[canon.Hash][]byte) error
}

// Clock tells a member when time has passed. Nothing is decided by it but when
// to send again and when to attest; commercial time is block time.
type Clock interface {
	After(d time.Duration) <-chan time.Time
	// Now stands in for block time before the first block.
	Now() time.Time
}

type realClock struct{}

func (realClock) Now() time.Time { return time.Now() }

func (realClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// Metrics is told what a member does. All methods may be called at the same
// time and must not wait.
type Metrics interface {
	// Executed: a block's commands in a channel were executed in d.
	Executed(channel canon.Hash, commands int, d time.Duration)
	// Resent: an envelope was not taken, for a reason, and goes again.
	Resent(channel canon.Hash, why fault.Code)
	// Committed: a block is stored, d after it was received.
	Committed(height ledger.Height, d time.Duration)
}

type noMetrics struct{}

func (noMetrics) Executed(canon.Hash, int, time.Duration) {}
func (noMetrics) Resent(canon.Hash, fault.Code)           {}
func (noMetrics) Committed(ledger.Height, time.Duration)  {}

// Options are what a member is made with. Ledger, Store, Outbox, Keys, Code,
// ChainID, Genesis and Law are required.
type Options struct {
	Ledger  ledger.Ledger
	Store   *store.DB // of this member alone
	Outbox  string    // directory of unsent envelopes, of this process alone
	Keys    Keys
	Code    string // member code
	ChainID string
	Genesis []byte // genesis document, as the Law reads it
	Law     Law

	// Rebuilt says that the outbox was lost and the store is rebuilt from keys
	// and ledger: the numbers on the ledger are taken as ours. Only right when
	// nothing else signs with these keys.
	Rebuilt bool
	// Accept judges an invitation to a channel for which this node has handed
	// out a key. Nil accepts.
	Accept func(Invitation) bool

	Clock   Clock        // nil: the system's
	Logger  *slog.Logger // nil discards
	Alarm   func(Alarm)  // nil logs only; must not wait, nor call the member
	Metrics Metrics      // nil discards
	Random  io.Reader    // nil: crypto/rand; tests with a seed hand in another

	compare ledger.Height // blocks between comparisons with the certified root; 0: 512
}

// Member is one carrier's replica of the Omnilateral and of its own
// Bilaterals, and the sender of what it says there.
type Member struct {
	ledger  ledger.Ledger
	db      *store.DB
	keys    Keys
	code    string
	chain   string
	genesis []byte
	law     Law
	rebuilt bool
	accept  func(Invitation) bool
	clock   Clock
	log     *slog.Logger
	raise   func(Alarm)
	metrics Metrics
	random  func([]byte) error
	outbox  *outbox
	omni    *Omni
	public  *Channel                     // the Omnilateral, with the node's own stream
	watch   func(*Bilateral, []headMark) // sees all heads; nil but in a replay
	compare ledger.Height                // see Options

	step     sync.Mutex // held while a block is executed, and to start sending
	offering sync.Mutex // held while a channel key is looked for or made

	mu         sync.RWMutex // guards what follows
	bilaterals map[canon.Hash]*Bilateral
	missed     map[canon.Hash]bool     // channels of ours that were not taken up; until Run
	used       map[sign.PublicKey]bool // our channel keys that stand in openings
	tick       chan struct{}           // closed and replaced after each block
	ready      chan struct{}           // closed once the member may sign
	signing    bool
	ctx        context.Context // of Run, while it runs
	end        context.CancelCauseFunc
	work       sync.WaitGroup
}

// OpenMember opens a member's replica from its store and outbox, or begins it.
// Nothing runs yet: see Run. Codes: corrupt, directory-in-use.
func OpenMember(o Options) (*Member, error) {
	out, err := openOutbox(o.Outbox)
	if err != nil {
		return nil, fmt.Errorf("opening the outbox: %w", err)
	}
	m, err := newMember(o)
	if err != nil {
		return nil, errors.Join(err, out.close())
	}
	m.outbox = out
	m.recall()
	return m, nil
}

// newMember makes a member that executes and has no outbox to send from.
func newMember(o Options) (*Member, error) {
	m := &Member{
		ledger: o.Ledger, db: o.Store, keys: o.Keys, code: o.Code, chain: o.ChainID, genesis: o.Genesis, law: o.Law,
		rebuilt: o.Rebuilt, accept: o.Accept, clock: o.Clock, log: o.Logger, metrics: o.Metrics, compare: o.compare,
		bilaterals: map[canon.Hash]*Bilateral{}, missed: map[canon.Hash]bool{}, used: map[sign.PublicKey]bool{}, tick: make(chan struct{}), ready: make(chan struct{}),
	}
	if m.compare == 0 {
		m.compare = 512
	}
	if m.clock == nil {
		m.clock = realClock{}
	}
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	m.log = m.log.With("carrier", m.code)
	if m.metrics == nil {
		m.metrics = noMetrics{}
	}
	if m.accept == nil {
		m.accept = func(Invitation) bool { return true }
	}
	m.raise = alarms(m.log, o.Alarm)
	m.random = randomFrom(o.Random)
	var err error
	if m.omni, err = NewOmni(o.Store, MachineOptions{ChainID: o.ChainID, Genesis: o.Genesis, Law: o.Law, Logger: m.log, Alarm: o.Alarm}); err != nil {
		return nil, fmt.Errorf("opening the Omnilateral: %w", err)
	}
	node := o.Keys.Node()
	m.public = &Channel{m: m, r: m.omni.r}
	m.public.s.Store(newStream(m, lane{sender: node.Public()}, node, nil))
	return m, m.loadAll()
}

// recall takes from the outbox which heads have been signed.
func (m *Member) recall() {
	for _, b := range m.bilaterals {
		if h, ok := m.outbox.signedHead(b.r.id); ok && b.signedNow() {
			b.sent = max(b.sent, h.Size)
		}
	}
}

// randomFrom gives a safe-for-concurrent-use source.
func randomFrom(r io.Reader) func([]byte) error {
	if r == nil {
		r = rand.Reader
	}
	var mu sync.Mutex
	return func(p []byte) error {
		mu.Lock()
		defer mu.Unlock()
		_, err := io.ReadFull(r, p)
		return err
	}
}

// reader gives a random source as an io.Reader.
type reader func([]byte) error

func (r reader) Read(p []byte) (int, error) {
	if err := r(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// loadAll opens the Bilaterals whose channel keys are ours.
func (m *Member) loadAll() error {
	ordered := m.omni.ordered()
	for r, err := range m.omni.r.space.Scan(channelPrefix) {
		if err != nil {
			return err
		}
		var c proof.Channel
		if err := canon.Stored(r.Value, &c); err != nil {
			return corruptStore("the record " + r.Key + " cannot be read").Because(err)
		}
		// Others' invitations have been tried when they came.
		if _, _, ours := m.channelKey(c.Keys); !ours {
			continue
		}
		if _, kept, err := m.db.Channel(c.ID).Meta(metaInvitation); err != nil {
			return err
		} else if !kept && ordered[c.ID] > 0 {
			m.missed[c.ID] = true // its keys were not at hand when it was opened
			continue
		}
		if err := m.discover(c.ID, m.omni.r.state); err != nil {
			return err
		}
	}
	return nil
}

// channelKey finds our key among a channel's.
func (m *Member) channelKey(keys [2]sign.PublicKey) (key sign.PrivateKey, mine int, ok bool) {
	for i, k := range keys {
		if key, ok := m.keys.Channel(k); ok {
			return key, i, true
		}
	}
	return sign.PrivateKey{}, 0, false
}

// Close releases the outbox. Run must have returned. The store and the ledger
// are the caller's.
func (m *Member) Close() error { return m.outbox.close() }

// Code gives the member code.
func (m *Member) Code() string { return m.code }

// Omni gives the Omnilateral.
func (m *Member) Omni() *Channel { return m.public }

// Machine gives the machine of the Omnilateral, to read evidence and roots.
func (m *Member) Machine() *Omni { return m.omni }

// Height gives the last executed block and its time in ms UTC.
func (m *Member) Height() (ledger.Height, int64) {
	m.omni.r.mu.RLock()
	defer m.omni.r.mu.RUnlock()
	return m.omni.r.height, m.omni.r.time
}

// Bilateral gives one of this member's channels.
func (m *Member) Bilateral(id canon.Hash) (*Bilateral, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	b, ok := m.bilaterals[id]
	return b, ok
}

// Bilaterals gives all of this member's channels, in byte order of their ids.
func (m *Member) Bilaterals() []*Bilateral {
	m.mu.RLock()
	defer m.mu.RUnlock()
	out := slices.Collect(maps.Values(m.bilaterals))
	slices.SortFunc(out, func(a, b *Bilateral) int { return strings.Compare(string(a.r.id[:]), string(b.r.id[:])) })
	return out
}

// Ready is closed once the member has caught up and may sign.
func (m *Member) Ready() <-chan struct{} { return m.ready }

// ticked gives a channel that closes after the next block.
func (m *Member) ticked() <-chan struct{} {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.tick
}

// Sending says why some of what this member says does not leave any more, for
// each sender key that has stopped, or nil. What has stopped stays so until a
// person has acted and the node is started again.
func (m *Member) Sending() error {
	streams := []*stream{m.public.s.Load()}
	for _, b := range m.Bilaterals() {
		streams = append(streams, b.s.Load(), b.public.Load())
	}
	var all error
	for _, s := range streams {
		s.mu.Lock()
		err := s.err
		s.mu.Unlock()
		if err == nil {
			continue
		}
		where := "the Omnilateral"
		if !s.lane.channel.IsZero() {
			where = "channel " + s.lane.channel.String()
		}
		all = errors.Join(all, fmt.Errorf("%s, key %s: %w", where, s.lane.sender.Short(), err))
	}
	return all
}

// WaitFor waits until a block is executed here. Code: not-yet when ctx ends
// first.
func (m *Member) WaitFor(ctx context.Context, h ledger.Height) error {
	for {
		tick := m.ticked()
		if at, _ := m.Height(); at >= h {
			return nil
		}
		select {
		case <-tick:
		case <-ctx.Done():
			return fault.Newf(fault.NotYet, "ask again later", "block %d is not executed here yet", h).Because(ctx.Err())
		}
	}
}

// go_ runs f in a goroutine that Run waits for.
func (m *Member) go_(f func()) { m.work.Go(f) }

// Run follows the ledger until ctx ends, and returns when all it started has
// ended. An error that is not ctx's means that this node cannot go on: its
// store failed, or it came to another root than the validators.
func (m *Member) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer m.work.Wait()
	defer cancel(nil)
	m.mu.Lock()
	m.ctx, m.end = ctx, cancel
	m.mu.Unlock()
	if err := m.catchUp(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("catching up in channels that had stopped: %w", err)
	}
	m.go_(func() {
		if err := m.prepare(ctx); err != nil && ctx.Err() == nil {
			cancel(err)
		}
	})
	wait := firstBackoff
	for ctx.Err() == nil {
		from, _ := m.Height()
		for block, err := range m.ledger.Blocks(ctx, from+1) {
			if err != nil {
				if c := fault.CodeOf(err); c == fault.NotFound || c == fault.Corrupt || c == fault.Refused {
					return fmt.Errorf("following the ledger from height %d: %w", from+1, err)
				}
				if ctx.Err() == nil {
					m.log.Warn("the ledger does not give blocks", "err", err)
				}
				break
			}
			wait = firstBackoff
			if err := m.execute(ctx, block); err != nil {
				return fmt.Errorf("executing block %d: %w", block.Height, err)
			}
		}
		select {
		case <-ctx.Done():
		case <-m.clock.After(wait):
			wait = min(2*wait, lastBackoff)
		}
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return nil
}

// prepare waits until the member has caught up with what f+1 validators
// report, checks that what it is about to sign follows from what it has
// signed, and lets it sign.
func (m *Member) prepare(ctx context.Context) error {
	wait := firstBackoff
	for {
		st, err := m.ledger.Status(ctx)
		if err == nil && !st.Syncing {
			if err := m.WaitFor(ctx, st.Confirmed); err != nil {
				return err
			}
			break
		}
		if err != nil {
			m.log.Warn("the ledger does not tell where it stands", "err", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-m.clock.After(wait):
			wait = min(2*wait, lastBackoff)
		}
	}
	if err := m.certify(ctx); err != nil {
		return err
	}
	m.step.Lock()
	defer m.step.Unlock()
	m.startStream(ctx, m.public.s.Load())
	for _, b := range m.Bilaterals() {
		m.startBilateral(ctx, b)
	}
	m.mu.Lock()
	m.signing = true
	m.mu.Unlock()
	close(m.ready)
	h, now := m.Height()
	for _, b := range m.Bilaterals() {
		b.react(ctx, m.omni.r.state, uint64(h)+1, now)
	}
	return nil
}

// CodeRootDiffers: this node's state of the Omnilateral is not the one that
// the validators certified.
const CodeRootDiffers fault.Code = "root-differs"

// certify compares the present root with the certified one.
func (m *Member) certify(ctx context.Context) error {
	m.step.Lock()
	height, _ := m.Height()
	root := m.omni.root()
	m.step.Unlock()
	if height == 0 {
		return nil
	}
	c, err := m.ledger.Certified(ctx, height)
	if err != nil {
		return fmt.Errorf("asking for the certified root after block %d: %w", height, err)
	}
	if c.Root != root {
		err := fault.Newf(CodeRootDiffers, "stop the node, check its version against the network's, and rebuild it from keys and ledger",
			"after block %d this node has root %s and the validators %s", height, root, c.Root)
		m.raise(Alarm{Code: err.Code, Height: height, Detail: err.Detail, Remedy: err.Remedy})
		return err
	}
	return nil
}

// recertify compares the roots again while the member runs, and ends Run when
// they differ: whatever it signed from here on would rest on a wrong state.
func (m *Member) recertify(ctx context.Context) {
	err := m.certify(ctx)
	switch {
	case fault.CodeOf(err) == CodeRootDiffers:
		m.mu.RLock()
		end := m.end
		m.mu.RUnlock()
		end(err)
	case err != nil && ctx.Err() == nil:
		m.log.Warn("the certified root could not be compared", "err", err)
	}
}

// startStream lets a stream send, unless the ledger knows more of its key than
// the outbox. step is held.
func (m *Member) startStream(ctx context.Context, s *stream) {
	last := m.omni.last(s.lane)
	signed, pending := m.outbox.lastOf(s.lane)
	if last > signed && !m.rebuilt {
		err := fault.Newf(CodeOutboxBehind, "find out whether another process signs with this key; if this node has lost its data and nothing else signs, start it once with lateral node run --rebuilt",
			"the ledger has %d envelopes of key %s, the outbox knows of %d", last, s.lane.sender.Short(), signed)
		s.fail(err)
		m.raise(Alarm{Channel: s.lane.channel, Code: err.Code, Detail: err.Detail, Remedy: err.Remedy})
		return
	}
	if m.rebuilt && last > 0 && last >= signed { // for the next start, which is not said to be of a rebuilt node
		if err := m.outbox.take(s.lane, last); err != nil {
			s.fail(err)
			m.raise(Alarm{Channel: s.lane.channel, Code: fault.CodeOf(err), Detail: err.Error(), Remedy: fault.Of(err).Remedy})
			return
		}
	}
	s.start(ctx, last, pending)
}

// CodeSignedOtherwise: this node has signed a head that its present state
// contradicts.
const CodeSignedOtherwise fault.Code = "signed-otherwise"

// startBilateral lets a Bilateral send, unless its state contradicts a head
// that this member has signed. step is held.
func (m *Member) startBilateral(ctx context.Context, b *Bilateral) {
	m.rekey(b)
	check := func(signed proof.Head) error {
		b.r.mu.RLock()
		defer b.r.mu.RUnlock()
		if signed.Size <= b.r.size {
			own, err := b.r.headAt(signed.Size)
			if err != nil || own == signed {
				return err
			}
		}
		return fault.Newf(CodeSignedOtherwise, "the state or the rules have changed since: stop the node, check its version, and rebuild it from keys and ledger",
			"this node has signed another head at size %d than its state gives now", signed.Size)
	}
	var err error
	b.mu.Lock()
	if d := b.p.Dispute; d != nil && d.Parted() {
		// One of the two has signed what is not so. If it was this node, it has been
		// rebuilt since and signs what it has now, which ends the dispute.
		b.again, b.due = true, true
	} else {
		if h, ok := m.outbox.signedHead(b.r.id); ok {
			err = check(h)
		}
		if h := b.p.Heads[b.mine]; h != nil && err == nil {
			err = check(h.Signed.Head)
		}
	}
	if err != nil {
		b.halt(err)
		b.s.Load().fail(err)
	}
	b.mu.Unlock()
	if err == nil {
		m.startStream(ctx, b.s.Load())
		m.startStream(ctx, b.public.Load())
		b.s.Load().poke()
	}
}

// CodeKeyReplaced: the channel key that was to sign has been replaced.
const CodeKeyReplaced fault.Code = "key-replaced"

// rekey goes over to the channel keys that count now on the Omnilateral. moved
// says whether there are others than before, own whether ours is among them:
// then the Bilateral is to be started again. Commands that wait go on under the
// new key; what is in flight under the old one may be lost, so whoever replaces
// a key lets the channel come to rest first (RotateChannel). step is held.
func (m *Member) rekey(b *Bilateral) (moved, own bool) {
	o, ok := m.law.Opening(m.omni.r.state, b.r.id)
	if !ok {
		return false, false
	}
	old, oldPublic := b.s.Load(), b.public.Load()
	for _, s := range []*stream{old, oldPublic} {
		s.filling.Lock()
		defer s.filling.Unlock()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	moved, own = o.Keys != b.keys, o.Keys[b.mine] != old.lane.sender
	if !own {
		b.follow(o.Keys)
		return moved, false
	}
	key, ok := m.keys.Channel(o.Keys[b.mine])
	if !ok {
		b.halt(fault.New(CodeKeyMissing, "our channel key was replaced by one that the key store does not have", "put the new channel key into the key store and restart the node"))
		return false, false
	}
	b.follow(o.Keys)
	s := newStream(m, lane{b.r.id, key.Public()}, key, b)
	public := newStream(m, lane{canon.Hash{}, key.Public()}, key, nil)
	b.s.Store(s)
	b.public.Store(public)
	s.inherit(old)
	public.inherit(oldPublic)
	return true, true
}

// execute runs one block on all replicas and commits it at once.
func (m *Member) execute(ctx context.Context, block ledger.Block) error {
	m.step.Lock()
	defer m.step.Unlock()
	began := time.Now()
	a, err := m.omni.admit(block)
	if err != nil {
		return err
	}
	// Every Bilateral sees the Omnilateral as it was after the block before, so
	// all of them and the Omnilateral itself can run at the same time.
	mine := m.sort(a)
	drafts := make([]*bilateralDraft, len(mine))
	failures := make([]error, len(mine))
	var omni *draft
	var omniErr error
	var running sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, w := range mine {
		running.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			began := time.Now()
			drafts[i], failures[i] = w.b.run(block, w.envelopes, m.omni.r.state)
			if d := drafts[i]; d != nil {
				m.metrics.Executed(w.b.r.id, len(d.lines), time.Since(began))
			}
		})
	}
	omni, omniErr = m.omni.run(a)
	running.Wait()
	if omniErr != nil {
		return omniErr
	}
	var parts []store.Part
	if p, ok := omni.part(); ok {
		parts = append(parts, p)
	}
	for i, d := range drafts {
		if failures[i] != nil {
			if !stops(failures[i]) {
				return fmt.Errorf("channel %s: %w", mine[i].b.r.id, failures[i])
			}
			mine[i].b.mu.Lock()
			mine[i].b.halt(failures[i])
			mine[i].b.mu.Unlock()
			continue
		}
		if p, ok := d.part(); ok {
			parts = append(parts, p)
		}
	}
	if len(parts) > 0 {
		if err := m.db.CommitAll(parts...); err != nil {
			return fmt.Errorf("committing: %w", err)
		}
	}
	m.omni.adopt(a, omni)
	for i, d := range drafts {
		if failures[i] == nil {
			d.adopt()
			if m.watch != nil {
				m.watch(d.b, d.heads)
			}
		}
	}
	m.passBy(block, mine)
	if err := m.meet(ctx, omni); err != nil {
		return err
	}
	if err := m.land(a, omni, drafts); err != nil {
		return err
	}
	m.metrics.Committed(block.Height, time.Since(began))
	m.afterBlock(ctx, block, mine)
	return nil
}

// share is what a block holds for one of this member's Bilaterals.
type share struct {
	b         *Bilateral
	envelopes []verdict
}

// sort gives the Bilaterals that a block touches, with their envelopes in
// order.
func (m *Member) sort(a admission) []share {
	var out []share
	place := map[canon.Hash]int{}
	for _, v := range a.verdicts {
		id := v.envelope.Header.Channel
		if v.err != nil || id.IsZero() {
			continue
		}
		b, ok := m.Bilateral(id)
		if !ok || b.Err() != nil {
			continue
		}
		i, ok := place[id]
		if !ok {
			i = len(out)
			place[id] = i
			out = append(out, share{b: b})
		}
		out[i].envelopes = append(out[i].envelopes, v)
	}
	return out
}

// passBy tells the other Bilaterals how late it is.
func (m *Member) passBy(block ledger.Block, touched []share) {
	for _, b := range m.Bilaterals() {
		if !slices.ContainsFunc(touched, func(s share) bool { return s.b == b }) && b.Err() == nil {
			b.r.pass(block.Height, block.Time)
		}
	}
}

// land tells the streams what became of their envelopes.
func (m *Member) land(a admission, omni *draft, drafts []*bilateralDraft) error {
	entries := map[uint32]*Entry{}
	note := func(d *draft) {
		for i := range d.entries {
			entries[d.entries[i].Position.Index] = &d.entries[i]
		}
	}
	note(omni)
	for _, d := range drafts {
		if d != nil {
			note(d.draft)
		}
	}
	streams := m.streams()
	for _, v := range a.verdicts {
		if v.err != nil {
			continue
		}
		l := laneOf(v.envelope)
		s := streams[l]
		if s == nil {
			continue
		}
		s.landed(v, entries[v.index])
		if m.outbox == nil {
			continue // a replay
		}
		if err := m.outbox.settle(l, v.envelope.Header.Sequence); err != nil {
			return err
		}
	}
	return nil
}

func (m *Member) streams() map[lane]*stream {
	out := map[lane]*stream{m.public.s.Load().lane: m.public.s.Load()}
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, b := range m.bilaterals {
		out[b.s.Load().lane], out[b.public.Load().lane] = b.s.Load(), b.public.Load()
	}
	return out
}

// meet takes up channels and anchors that a block has brought.
func (m *Member) meet(ctx context.Context, omni *draft) error {
	for _, w := range omni.batch.Writes {
		if w.Value == nil {
			continue
		}
		if isChannelKey(w.Key) {
			id, err := canon.ParseHash(w.Key[len(channelPrefix):])
			if err != nil {
				continue // the law keeps no such key
			}
			if _, known := m.Bilateral(id); known {
				continue
			}
			if err := m.discover(id, m.omni.r.state); err != nil {
				return err
			}
			if b, ok := m.Bilateral(id); ok {
				b.r.pass(m.omni.r.height, m.omni.r.time)
				if m.maySign() {
					m.startBilateral(ctx, b)
				}
			}
		}
		if strings.HasPrefix(w.Key, "anchor/") {
			m.meetAnchor(w.Value)
		}
		if strings.HasPrefix(w.Key, trade.ClaimPrefix) {
			m.meetClaim(w.Value)
		}
	}
	return nil
}

func (m *Member) maySign() bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.signing
}

// afterBlock lets the channels react and wakes who waits for a block.
func (m *Member) afterBlock(ctx context.Context, block ledger.Block, touched []share) {
	if m.maySign() {
		for _, b := range m.Bilaterals() {
			// A channel that the block does not touch has nothing to answer, but
			// keys grow old and openings proceed.
			moved, own := m.rekey(b)
			if own {
				m.startBilateral(ctx, b)
			}
			if claimed := b.takeClaimed(); moved || claimed || block.Height%16 == 0 || b.Epoch() == 0 || slices.ContainsFunc(touched, func(s share) bool { return s.b == b }) {
				b.react(ctx, m.omni.r.state, uint64(block.Height)+1, block.Time)
			}
		}
		if block.Height%m.compare == 0 {
			m.go_(func() { m.recertify(ctx) })
		}
	}
	m.mu.Lock()
	close(m.tick)
	m.tick = make(chan struct{})
	m.mu.Unlock()
}
