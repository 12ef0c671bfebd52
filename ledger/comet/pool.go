package comet

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/cometbft/cometbft/types"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/mempool"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
)

const (
	// parkWindow bounds the envelopes of one sender that wait for a missing
	// one, and parkTime how long they do.
	parkWindow = 1024
	parkTime   = 10 * time.Second
	// relayAfter is how long an envelope may stay undecided before this node
	// spreads it, also one that another validator spreads, or spreads it again:
	// the way around a broken link, a validator that was not ready to hear, and
	// one that does not propose. Each time the wait is twice as long, up to
	// maxRelays times: what is slow for want of room must not fill the links.
	relayAfter = 2 * time.Second
	maxRelays  = 5

	// lanePercent is the part of the pool that one sender in one channel may
	// take; the machine's own accounts may bound it further.
	lanePercent = 50
	// reservePart is the part of the pool, 1/16, that only small envelopes may
	// take: heads, key changes and a termination must find room in a pool that
	// trade has filled. An account has 1/reserveSplit of its share in the
	// reserve, so that trade in small envelopes takes only its sender's own.
	reservePart  = 16
	reserveSplit = 4
)

// lane is where sequence numbers run without gaps.
type lane struct {
	channel ledger.ChannelID
	sender  sign.PublicKey
}

// held is an envelope on its way to a block. All but the outcome is fixed when
// it is made; position and err may be read after done is closed.
type held struct {
	envelope ledger.Envelope
	raw      []byte // as sent
	tx       txHash
	id       canon.Hash
	arrived  time.Time

	mine  bool          // this node spreads it as soon as it stands in line; fixed by admit
	order uint64        // place among those that this node spreads, 0 for none; guarded by pool.mu
	sent  time.Time     // when it was spread last; guarded by pool.mu
	times int           // how often it was; guarded by pool.mu
	taken chan struct{} // closed when it stands in line for a block, and when it is decided
	done  chan struct{} // closed when it is decided

	accounts []ledger.Account // that its bytes count in; fixed by admit
	reserved bool             // it stands in the reserve; fixed by admit

	position ledger.Position
	err      error
}

func (h *held) lane() lane       { return lane{h.envelope.Header.Channel, h.envelope.Header.Sender} }
func (h *held) sequence() uint64 { return h.envelope.Header.Sequence }

// overdue reports whether h has been undecided for too long since it was spread
// or came.
func (h *held) overdue(now time.Time) bool {
	since := h.sent
	if h.times == 0 {
		since = h.arrived
	}
	return h.times <= maxRelays && now.Sub(since) > relayAfter<<h.times
}

// open reads raw bytes into a held envelope and checks the signature. Code:
// invalid.
func open(raw []byte, tx txHash) (*held, error) {
	e, err := ledger.Unmarshal(raw)
	if err != nil {
		return nil, err
	}
	id := e.ID()
	if !e.VerifyAs(id) {
		return nil, errSignature
	}
	return hold(e, raw, tx, id), nil
}

var errSignature = fault.New(fault.Invalid, "the envelope's signature is not its sender's", "sign the envelope with the sender's key").In("signature")

func hold(e ledger.Envelope, raw []byte, tx txHash, id canon.Hash) *held {
	return &held{
		envelope: e, raw: raw, tx: tx, id: id, arrived: time.Now(),
		taken: make(chan struct{}), done: make(chan struct{}),
	}
}

// queue is one lane's account: run stands in line without a gap, from the
// number that the machine takes next; parked waits for a missing number.
type queue struct {
	run    []*held
	parked map[uint64]*held
	inRing bool
}

func (q *queue) last() uint64 { return q.run[len(q.run)-1].sequence() }

// pool is a validator's account of what it holds. The machine's Check knows
// only the last applied block and calls every number above the next one
// not-yet; the pool knows which numbers are under way. It stands in for the
// engine's mempool, and so tells the engine when a block is wanted.
type pool struct {
	check func(ledger.Envelope) error
	limit int64 // bytes, the reserve among them
	// accountsOf is the machine's word who answers for an envelope, and whether
	// it is small.
	accountsOf func(ledger.Envelope) ([]ledger.Account, bool, error)

	mu        sync.Mutex
	byID      map[canon.Hash]*held
	byTx      map[txHash]*held
	opened    map[txHash]*held // checked for a proposal, not held: forgotten at the next block
	lanes     map[lane]*queue
	ring      []lane // lanes with a run, the one that has waited longest for a block first
	total     room
	accounts  map[string]room
	own       []*held // what this node spreads, by order
	lastOrder uint64
	grown     chan struct{} // closed and replaced when own grows
	asked     bool          // the engine knows that a block is wanted

	available chan struct{}
}

var _ mempool.Mempool = (*pool)(nil)

func newPool(limit int64, check func(ledger.Envelope) error) *pool {
	return &pool{
		check: check, limit: limit, accounts: map[string]room{},
		accountsOf: func(ledger.Envelope) ([]ledger.Account, bool, error) { return nil, false, nil },
		byID:       map[canon.Hash]*held{}, byTx: map[txHash]*held{}, opened: map[txHash]*held{},
		lanes: map[lane]*queue{}, grown: make(chan struct{}), available: make(chan struct{}, 1),
	}
}

// known gives the checked envelope of a transaction that this node has seen:
// each signature is checked once per node.
func (p *pool) known(tx txHash) *held {
	p.mu.Lock()
	defer p.mu.Unlock()
	if h := p.byTx[tx]; h != nil {
		return h
	}
	return p.opened[tx]
}

// lookup gives the checked envelope of a transaction.
func (p *pool) lookup(raw []byte) (*held, error) {
	tx := txHash(sha256.Sum256(raw))
	if h := p.known(tx); h != nil {
		return h, nil
	}
	return open(raw, tx)
}

// lookupAll is lookup for many, whose signatures are checked together. Where an
// error is, no envelope is.
func (p *pool) lookupAll(raws [][]byte) ([]*held, []error) {
	out, errs := make([]*held, len(raws)), make([]error, len(raws))
	var batch sign.Batch
	var fresh []int
	for i, raw := range raws {
		tx := txHash(sha256.Sum256(raw))
		if out[i] = p.known(tx); out[i] != nil {
			continue
		}
		e, err := ledger.Unmarshal(raw)
		if err != nil {
			errs[i] = err
			continue
		}
		out[i] = hold(e, raw, tx, e.AddTo(&batch))
		fresh = append(fresh, i)
	}
	if all, each := batch.Verify(); !all {
		for k, i := range fresh {
			if !each[k] {
				out[i], errs[i] = nil, errSignature
			}
		}
	}
	return out, errs
}

// resolve is lookupAll for the transactions of a block, all of which must be
// good. A block is asked about more than once, so what is not held is
// remembered until the next one.
func (p *pool) resolve(raws [][]byte) ([]*held, error) {
	out, errs := p.lookupAll(raws)
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, h := range out {
		if errs[i] != nil {
			return nil, fmt.Errorf("envelope %d: %w", i, errs[i])
		}
		if p.byTx[h.tx] == nil {
			p.opened[h.tx] = h
		}
	}
	return out, nil
}

// rival says that another envelope holds the same number and is not decided.
type rival struct{ incumbent *held }

func (rival) Error() string { return "another envelope with this number is under way" }

// admit takes h into the account, or joins the one with the same id. Spread
// says that this node is to pass it on. The envelope returned is to be waited
// for: taken closes when it stands in line, which a parked one does not yet.
func (p *pool) admit(h *held, spread bool) (*held, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known := p.byID[h.id]; known != nil {
		return known, nil
	}
	select {
	case <-h.done: // decided since it was resolved
		return h, nil
	default:
	}
	accounts, reserved, err := p.place(h)
	if err != nil {
		return nil, err
	}
	l := h.lane()
	q := p.lanes[l]
	if q == nil {
		q = &queue{parked: map[uint64]*held{}}
	}
	n := h.sequence()
	err = p.check(h.envelope)
	if err != nil && fault.CodeOf(err) != fault.NotYet {
		return nil, err
	}
	if i := slices.IndexFunc(q.run, func(o *held) bool { return o.sequence() == n }); i >= 0 {
		return nil, rival{q.run[i]}
	}
	if o := q.parked[n]; o != nil {
		return nil, rival{o}
	}
	next := len(q.run) > 0 && q.last()+1 == n || len(q.run) == 0 && err == nil
	if !next && len(q.parked) >= parkWindow {
		if err == nil {
			err = fault.New(fault.Busy, "too many envelopes of this sender wait for earlier ones", "submit again after a second")
		}
		return nil, err
	}
	p.lanes[l] = q
	p.byID[h.id], p.byTx[h.tx] = h, h
	h.accounts, h.reserved = accounts, reserved
	p.count(h, int64(len(h.raw)))
	delete(p.opened, h.tx)
	h.mine = spread
	if !next {
		q.parked[n] = h
		return h, nil
	}
	p.line(l, q, h)
	p.promote(l, q)
	p.ask()
	return h, nil
}

// room is what is taken of a bound, in bytes.
type room struct{ used, reserved int64 }

func (r room) with(bytes int64, reserved bool) room {
	if reserved {
		r.reserved += bytes
	} else {
		r.used += bytes
	}
	return r
}

// place finds room for an envelope: in the pool and in each account that
// answers for it, or in the reserve of all of these when it is small.
func (p *pool) place(h *held) (accounts []ledger.Account, reserved bool, err error) {
	size, reserve := int64(len(h.raw)), p.limit/reservePart
	accounts, small, err := p.accountsOf(h.envelope)
	if err != nil {
		accounts, small = nil, false // the check that follows says why
	}
	l := h.lane()
	accounts = append([]ledger.Account{{Name: "lane/" + string(l.channel[:]) + string(l.sender[:]), Percent: lanePercent}}, accounts...)
	var full string
	switch {
	case p.total.used+size > p.limit-reserve:
		full = "too many envelopes are under way"
	default:
		for _, a := range accounts {
			if p.accounts[a.Name].used+size > p.limit*a.Percent/100 {
				full = "too many envelopes of this sender, channel or member are under way"
			}
		}
	}
	if full == "" {
		return accounts, false, nil
	}
	fits := small && p.total.reserved+size <= reserve
	for _, a := range accounts {
		fits = fits && p.accounts[a.Name].reserved+size <= reserve*a.Percent/100/reserveSplit
	}
	if !fits {
		return nil, false, fault.New(fault.Busy, full, "submit again after a second")
	}
	return accounts, true, nil
}

// count adds bytes of h to what is taken, or takes them off.
func (p *pool) count(h *held, bytes int64) {
	p.total = p.total.with(bytes, h.reserved)
	for _, a := range h.accounts {
		r := p.accounts[a.Name].with(bytes, h.reserved)
		if r == (room{}) {
			delete(p.accounts, a.Name)
		} else {
			p.accounts[a.Name] = r
		}
	}
}

// line puts h at the end of its lane's run.
func (p *pool) line(l lane, q *queue, h *held) {
	if !q.inRing {
		q.inRing = true
		p.ring = append(p.ring, l)
	}
	q.run = append(q.run, h)
	close(h.taken)
	if h.mine {
		p.spread(h)
	}
}

// spread puts h at the end of what this node passes on.
func (p *pool) spread(h *held) {
	p.lastOrder++
	h.order, h.sent = p.lastOrder, time.Now()
	h.times++
	p.own = append(p.own, h)
	close(p.grown)
	p.grown = make(chan struct{})
}

// promote moves parked envelopes into line as far as their numbers follow. Only
// the lowest number can, so a lane costs one question and not one for each
// envelope that waits in it.
func (p *pool) promote(l lane, q *queue) {
	for len(q.parked) > 0 {
		first := len(q.run) == 0
		var n uint64
		if first {
			n = slices.Min(slices.Collect(maps.Keys(q.parked)))
		} else {
			n = q.last() + 1
		}
		h := q.parked[n]
		if h == nil {
			return
		}
		err := p.check(h.envelope)
		early := fault.CodeOf(err) == fault.NotYet
		if early && first {
			return
		}
		delete(q.parked, n)
		if err != nil && !early {
			p.drop(h, err)
			continue
		}
		p.line(l, q, h)
	}
}

// giveUp takes a parked envelope out again: its submitter will not wait. It
// reports whether h was still parked.
func (p *pool) giveUp(h *held) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := p.lanes[h.lane()]
	if q == nil || q.parked[h.sequence()] != h {
		return false
	}
	delete(q.parked, h.sequence())
	p.drop(h, p.missing(h))
	p.sweep(h.lane(), q)
	return true
}

// missing is the machine's own answer to a number above the next.
func (p *pool) missing(h *held) error {
	if err := p.check(h.envelope); err != nil {
		return err
	}
	return fault.New(fault.NotYet, "an earlier envelope of this sender is missing", "submit the missing envelopes first").In("sequence")
}

// drop forgets h, which is in no run and not parked, with its outcome.
func (p *pool) drop(h *held, err error) {
	delete(p.byID, h.id)
	delete(p.byTx, h.tx)
	p.count(h, -int64(len(h.raw)))
	select {
	case <-h.taken:
	default:
		close(h.taken)
	}
	h.err = err
	close(h.done)
}

// sweep forgets a lane that holds nothing. Its place in the ring goes with the
// next tidy.
func (p *pool) sweep(l lane, q *queue) {
	if len(q.run) == 0 && len(q.parked) == 0 {
		delete(p.lanes, l)
	}
}

// tidy takes lanes without a run out of the ring.
func (p *pool) tidy() {
	p.ring = slices.DeleteFunc(p.ring, func(l lane) bool {
		q := p.lanes[l]
		gone := q == nil || len(q.run) == 0
		if gone && q != nil {
			q.inRing = false
		}
		return gone
	})
}

// propose chooses envelopes for a block of at most limit bytes: the lanes take
// turns, the one that has waited longest first, each in its own order without
// gaps.
func (p *pool) propose(limit int64) [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out [][]byte
	var size int64
	next := make([]int, len(p.ring)) // per lane; -1 is closed for this block
	for open := len(p.ring); open > 0; {
		open = 0
		for k := range p.ring {
			run := p.lanes[p.ring[k]].run
			if next[k] < 0 || next[k] >= len(run) {
				continue
			}
			h := run[next[k]]
			cost := types.ComputeProtoSizeForTxs([]types.Tx{h.raw})
			if size+cost > limit || !p.fits(h, next[k] == 0) {
				next[k] = -1
				continue
			}
			out, size = append(out, h.raw), size+cost
			next[k]++
			open++
		}
	}
	return out
}

// fits reports whether the machine takes h, first of its lane in a block or
// right behind its predecessor there.
func (p *pool) fits(h *held, first bool) bool {
	err := p.check(h.envelope)
	if first {
		return err == nil
	}
	return fault.CodeOf(err) == fault.NotYet
}

// judge is the test of a proposal: every envelope well signed and taken by the
// machine, and numbers of a lane consecutive.
func (p *pool) judge(txs [][]byte) error {
	last := map[lane]uint64{}
	block, err := p.resolve(txs)
	if err != nil {
		return err
	}
	for _, h := range block {
		before, behind := last[h.lane()]
		if behind && before+1 != h.sequence() {
			return ledger.NotYet(before+1, h.sequence())
		}
		err := p.check(h.envelope)
		if behind && fault.CodeOf(err) == fault.NotYet {
			err = nil
		} else if behind && err == nil {
			err = fault.New(fault.Refused, "two envelopes of the proposal have one number", "")
		}
		if err != nil {
			return err
		}
		last[h.lane()] = h.sequence()
	}
	return nil
}

// settle brings the account level with an applied block.
func (p *pool) settle(height ledger.Height, block []*held) {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.opened)
	now := time.Now()
	served := map[lane]bool{}
	var again []*held // to be spread for the first time, or once more
	for i, b := range block {
		served[b.lane()] = true
		h := p.byID[b.id] // b may carry another signature over the same content
		if h == nil {
			continue
		}
		q := p.lanes[h.lane()]
		if k := slices.Index(q.run, h); k >= 0 {
			q.run = slices.Delete(q.run, k, k+1)
		} else {
			delete(q.parked, h.sequence())
		}
		h.position = ledger.Position{Height: height, Index: uint32(i)}
		p.drop(h, nil)
	}
	for l, q := range p.lanes {
		for len(q.run) > 0 {
			err := p.check(q.run[0].envelope)
			if err == nil {
				break
			}
			h := q.run[0]
			q.run = slices.Delete(q.run, 0, 1)
			p.drop(h, err)
		}
		p.promote(l, q)
		for n, h := range q.parked {
			if now.Sub(h.arrived) > parkTime {
				delete(q.parked, n)
				p.drop(h, p.missing(h))
			}
		}
		p.sweep(l, q)
		for _, h := range q.run {
			if h.overdue(now) {
				h.order = 0
				again = append(again, h)
			}
		}
	}
	p.own = slices.DeleteFunc(p.own, func(h *held) bool {
		select {
		case <-h.done:
			return true
		default:
			return h.order == 0
		}
	})
	for _, h := range again {
		p.spread(h)
	}
	p.tidy()
	var waiting, after []lane
	for _, l := range p.ring {
		if served[l] {
			after = append(after, l)
		} else {
			waiting = append(waiting, l)
		}
	}
	p.ring = append(waiting, after...)
	p.asked = false
}

// maxSpread is how many bytes of small envelopes go in one message.
const maxSpread = 64 << 10

// after gives the next envelopes to spread behind a place in the order, as many
// as fit one message, and the place of the last; or a channel that closes when
// there may be some.
func (p *pool) after(order uint64) (raws [][]byte, at uint64, grown <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i, _ := slices.BinarySearchFunc(p.own, order+1, func(h *held, o uint64) int {
		return int(int64(h.order) - int64(o))
	})
	if i == len(p.own) {
		return nil, order, p.grown
	}
	size := 0
	for _, h := range p.own[i:] {
		if size += len(h.raw) + 8; size > maxSpread && len(raws) > 0 {
			break
		}
		raws, at = append(raws, h.raw), h.order
	}
	return raws, at, nil
}

// pending gives the number of envelopes held, and their bytes.
func (p *pool) pending() (envelopes int, bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.byID), p.total.used + p.total.reserved
}

// end decides everything that is still held.
func (p *pool) end(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, h := range p.byID {
		p.drop(h, err)
	}
	clear(p.lanes)
	p.ring, p.own = nil, nil
}

// ask tells the engine, once a height, that a block is wanted.
func (p *pool) ask() {
	if p.asked || len(p.ring) == 0 {
		return
	}
	p.asked = true
	select {
	case p.available <- struct{}{}:
	default:
	}
}

// What follows is the engine's side: it learns when a block is wanted, and
// gets the transactions through PrepareProposal.

func (p *pool) TxsAvailable() <-chan struct{} { return p.available }
func (p *pool) EnableTxsAvailable()           {}

// Update runs after each block, when the engine is about to take up the next.
func (p *pool) Update(int64, types.Txs, []*abci.ExecTxResult, mempool.PreCheckFunc, mempool.PostCheckFunc) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = false
	p.ask()
	return nil
}

func (p *pool) CheckTx(types.Tx, func(*abci.ResponseCheckTx), mempool.TxInfo) error {
	return mempool.ErrNotImplemented
}
func (p *pool) RemoveTxByKey(types.TxKey) error           { return nil }
func (p *pool) ReapMaxBytesMaxGas(int64, int64) types.Txs { return nil }
func (p *pool) ReapMaxTxs(int) types.Txs                  { return nil }
func (p *pool) Lock()                                     {}
func (p *pool) Unlock()                                   {}
func (p *pool) FlushAppConn() error                       { return nil }
func (p *pool) Flush()                                    {}
func (p *pool) Size() int                                 { n, _ := p.pending(); return n }
func (p *pool) SizeBytes() int64                          { _, n := p.pending(); return n }

// unknown is the answer of a Submit that ends before the outcome is known.
func unknown(cause error) error {
	return fault.New(fault.Unknown, "the envelope may still become final", "submit the same bytes again").Because(cause)
}
