package channel

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/internal/seal"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/proof"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
)

const (
	// epochLife is the block time in ms after which a side offers a new epoch;
	// the other side does when epochGrace more has passed, so that they do not
	// both.
	epochLife  = int64(23 * 60 * 60 * 1000)
	epochGrace = int64(10 * 60 * 1000)
	// epochOverdue is the age at which an epoch is a matter for people: both
	// sides have offered the next one by then, and nobody has accepted.
	epochOverdue = int64(25 * 60 * 60 * 1000)
	// attestWithin is how long changes may stand without a head of ours.
	attestWithin = 5 * time.Second
	// keptTrees is how many past states are kept in memory for proofs; those
	// before them, back to the last anchor, come from the undo index.
	keptTrees = 16

	metaProtocol = "protocol" // protocol
	indexEpochs  = "epoch"    // number, 4 bytes big endian → accepted
	indexUndo    = "undo"     // leaf, 8 bytes big endian → what takes its block back in the state tree
)

// State is how far a Bilateral is.
type State string

// The states of a Bilateral. Who acts next stands beside each.
const (
	StateOpening  State = "opening"  // both nodes, by themselves: confirm, agree on a key, bind
	StateLapsed   State = "lapsed"   // nobody: the invitation was not accepted in time
	StateOpen     State = "open"     // nobody
	StateDiverged State = "diverged" // the operators of both sides
	StateHalted   State = "halted"   // this node's operator: see Bilateral.Err
)

// protocol is what a channel's log says of the channel itself. Both members
// compute it from the log, so it needs no agreement of its own.
type protocol struct {
	Epoch   uint32        `cbor:"1,keyasint"` // in force; 0 before the first
	Since   int64         `cbor:"2,keyasint"` // block time since when
	Offered uint64        `cbor:"3,keyasint"` // height at which its key was offered
	Used    [2]uint32     `cbor:"4,keyasint"` // highest epoch that each side has used
	Offers  [2]*offerMark `cbor:"5,keyasint"` // of the next epoch, not answered yet
	Heads   [2]*headMark  `cbor:"6,keyasint"` // last head of each side
	Dispute *Divergence   `cbor:"7,keyasint"`
	// Keys are the channel keys that counted in the last block, and Past those
	// before them: keys count by height, and what they have signed stays signed.
	Keys [2]sign.PublicKey   `cbor:"8,keyasint"`
	Past [][2]sign.PublicKey `cbor:"9,keyasint,omitempty"`
	// Rekeyed says that Keys have changed since the epoch in force was offered:
	// the next one is due.
	Rekeyed bool `cbor:"10,keyasint,omitempty"`
	// Open are the heads of each side that the other has not answered, oldest
	// first.
	Open [2][]openHead `cbor:"11,keyasint"`
	// Attested is the position up to which both have signed; it never falls.
	Attested uint64 `cbor:"12,keyasint,omitempty"`
	// Settled is the last dispute that is over.
	Settled *Divergence `cbor:"13,keyasint,omitempty"`
}

type offerMark struct {
	Offer  epochOffer `cbor:"1,keyasint"`
	Height uint64     `cbor:"2,keyasint"`
}

// accepted is an epoch key as it stands on the ledger.
type accepted struct {
	Offer epochOffer        `cbor:"1,keyasint"`
	By    uint8             `cbor:"2,keyasint"`
	Keys  [2]sign.PublicKey `cbor:"3,keyasint"` // channel keys that it is bound to
}

// Bilateral is a channel of this member with one partner.
type Bilateral struct {
	Channel
	public  atomic.Pointer[stream] // the channel key's own lane on the Omnilateral
	mine    int                    // which of the keys is ours
	partner string
	opener  string
	secret  canon.Hash // of the invitation; see Derive

	executed uint64 // envelopes; owned by whoever executes blocks

	mu       sync.Mutex // guards what follows
	keys     [2]sign.PublicKey
	p        protocol
	epochs   map[uint32]epochKey
	notes    []note
	said     said              // what we have put on its way already
	sent     uint64            // size of the last head that we signed
	due      bool              // the time for a head has come
	again    bool              // it goes although it was sent: a dispute asks for it
	armed    bool              // a timer for it runs
	nudging  bool              // one runs for a question that the partner has not answered
	theirs   *headMark         // the partner's last head that agrees with our log
	wrong    *proof.SignedHead // its first head that does not
	trees    []keptTree        // states of the last leaves, oldest first
	undoFrom uint64            // leaf from which on the undo index goes back from the present
	claimed  bool              // the partner's claim has come on the Omnilateral
	anchors  []anchored        // newest first
	rotation *rotation         // of our channel key, under way
	changed  chan struct{}     // closed and replaced at each change of what is guarded here
	halted   error

	turning sync.Mutex // held while our channel key is being replaced
}

// said remembers what has been put on its way in this process, so that it is
// not put twice. What did not survive a restart is said again, which does no
// harm.
type said struct {
	accept   canon.Hash // commitment
	offer    uint32     // epoch
	claim    uint64     // size
	start    bool       // the contradiction that opens a dispute
	detail   bool
	evidence bool
	again    bool // our head, since a dispute began
	bind     bool
	confirm  bool
	refused  uint64     // height of the offer that we could not open
	overdue  uint32     // epoch
	answered proof.Head // the partner's last claim that we have answered
	grown    proof.Head // its claim for which we have made the log grow
	rotate   string     // how far the rotation had come when it was last taken up
}

type keptTree struct {
	size  uint64
	index uint64 // of the leaf with this state
	tree  *merkle.Sparse
}

type anchored struct {
	anchor proof.Anchor
	state  *keptTree // nil when this node no longer has it
}

// loadBilateral opens the member's replica of a channel.
func (m *Member) loadBilateral(o Opening, inv invitation, key sign.PrivateKey, mine int) (*Bilateral, error) {
	r, err := openReplica(m.db, m.chain, o.ID, inv.Secret[:], m.law, m.raise)
	if err != nil {
		return nil, err
	}
	b := &Bilateral{keys: o.Keys, opener: inv.Opener, secret: inv.Secret, epochs: map[uint32]epochKey{}, changed: make(chan struct{})}
	b.mine = slices.Index(o.Keys[:], key.Public())
	b.partner = inv.Opener
	if inv.Opener == m.code {
		b.partner = inv.Partner
	}
	data, ok, err := r.space.Meta(metaProtocol)
	if err != nil {
		return nil, err
	}
	if ok {
		if err := canon.Stored(data, &b.p); err != nil {
			return nil, corruptStore("the protocol state of channel " + o.ID.String() + " cannot be read").Because(err)
		}
	}
	if b.rotation, err = readRotation(r.space); err != nil {
		return nil, err
	}
	b.m, b.r = m, r
	if err := b.loadExecuted(ok); err != nil {
		return nil, err
	}
	b.s.Store(newStream(m, lane{o.ID, key.Public()}, key, b))
	b.public.Store(newStream(m, lane{canon.Hash{}, key.Public()}, key, nil))
	b.due = !b.signedNow()
	if h := b.p.Heads[b.mine]; h != nil && !b.due {
		b.sent = h.Signed.Head.Size
	}
	if r.size > 0 {
		b.trees = []keptTree{{r.size, r.size - 1, r.tree}}
	}
	return b, b.loadAnchor()
}

// signedNow reports whether our last head on the ledger, if there is one, is
// signed with the key that counts now. One under a key that has been replaced
// stands, and no new anchor can rest on it.
func (b *Bilateral) signedNow() bool {
	h := b.p.Heads[b.mine]
	return h == nil || h.Signed.Verify(b.keys)
}

// follow goes over to the keys that count now. What waits under others would
// be void, so it is said again, and so is our head: a new anchor needs heads
// under the present keys. mu is held.
func (b *Bilateral) follow(keys [2]sign.PublicKey) {
	if keys == b.keys {
		return
	}
	b.keys, b.said = keys, said{}
	b.notes = slices.DeleteFunc(b.notes, func(n note) bool {
		return n.Kind == noteOffer || n.Kind == noteAccept || n.Kind == noteHead
	})
	b.sent, b.due = 0, true
}

// wake tells who waits that something has changed. mu is held.
func (b *Bilateral) wake() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// Partner gives the partner's member code.
func (b *Bilateral) Partner() string { return b.partner }

// Opener gives the member code of who opened the channel and pays for it.
func (b *Bilateral) Opener() string { return b.opener }

// Keys gives the two channel keys in their order on the Omnilateral, and which
// is ours.
func (b *Bilateral) Keys() (keys [2]sign.PublicKey, mine int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.keys, b.mine
}

// Epoch gives the epoch in force, 0 before the first.
func (b *Bilateral) Epoch() uint32 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.p.Epoch
}

// Err says why the channel is halted on this node, or nil.
func (b *Bilateral) Err() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.halted
}

// Divergence tells how far the search for a difference between the two
// members has come; ok is false when none is known.
func (b *Bilateral) Divergence() (d Divergence, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.p.Dispute == nil {
		return d, false
	}
	return *b.p.Dispute, true
}

// Settled gives the last dispute that is over; ok is false when there was none.
func (b *Bilateral) Settled() (d Divergence, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.p.Settled == nil {
		return d, false
	}
	return *b.p.Settled, true
}

// Differing gives this node's outcome of the first command on which the two
// members differ. Code: not-found when none is known by name.
func (b *Bilateral) Differing() (Outcome, error) {
	d, ok := b.Divergence()
	if !ok || !d.Found || d.Line < 0 {
		return Outcome{}, fault.New(fault.NotFound, "no differing command is known", "run lateral replay")
	}
	b.r.mu.RLock()
	defer b.r.mu.RUnlock()
	from, err := b.r.firstAt(ledger.Height(d.Height))
	if err != nil {
		return Outcome{}, err
	}
	line := d.Line
	for raw, err := range b.r.space.Events(from) {
		if err != nil {
			return Outcome{}, err
		}
		e, err := readEntry(raw)
		if err != nil {
			return Outcome{}, err
		}
		n := len(e.lines())
		if first := n - len(e.Outcomes); line >= first && line < n {
			return e.Outcomes[line-first], nil
		}
		if line -= n; line < 0 {
			break // a message of the channel's own protocol
		}
	}
	return Outcome{}, fault.New(fault.NotFound, "the difference is not in a command", "run lateral replay")
}

// State tells how far the channel is.
func (b *Bilateral) State() State {
	b.mu.Lock()
	halted, epoch, dispute, keys := b.halted, b.p.Epoch, b.p.Dispute, b.keys
	b.mu.Unlock()
	switch {
	case halted != nil:
		return StateHalted
	case dispute != nil && dispute.Parted():
		return StateDiverged
	}
	state := StateOpening
	err := b.m.omni.View(func(v View) error {
		if o, ok := b.m.law.Opening(v, b.r.id); ok && o.lapsed(v.Time) {
			state = StateLapsed
		}
		return nil
	})
	if err == nil && state != StateLapsed && epoch > 0 {
		err = b.View(func(v View) error {
			if b.m.law.Bound(v, keys[0]) && b.m.law.Bound(v, keys[1]) {
				state = StateOpen
			}
			return nil
		})
	}
	if err != nil {
		return StateHalted
	}
	return state
}

// Await waits until the channel is open: confirmed, sealed, and bound by both.
// Codes: refused when the invitation has lapsed, not-yet when ctx ends first.
func (b *Bilateral) Await(ctx context.Context) error {
	for {
		b.mu.Lock()
		changed := b.changed
		b.mu.Unlock()
		tick := b.m.ticked()
		switch b.State() {
		case StateOpen, StateDiverged:
			return nil
		case StateLapsed:
			return fault.New(fault.Refused, "the invitation was not accepted in time", "open a new channel")
		case StateHalted:
			return b.Err()
		}
		select {
		case <-changed:
		case <-tick:
		case <-ctx.Done():
			return fault.New(fault.NotYet, "the channel is not open yet", "wait for the partner's node").Because(ctx.Err())
		}
	}
}

// Attested gives the position up to which both members have signed the same
// log: the lower of the two heads. Zero before the first.
func (b *Bilateral) Attested() ledger.Height {
	b.mu.Lock()
	defer b.mu.Unlock()
	ours := b.p.Heads[b.mine]
	if ours == nil || b.theirs == nil {
		return 0
	}
	return ledger.Height(min(ours.Signed.Head.Position, b.theirs.Signed.Head.Position))
}

// Unattested gives the block time in ms since which the partner owes an answer
// to a head of ours, and 0 when it owes none. An agreement bounds it, and
// beyond that a head counts as uncontested.
func (b *Bilateral) Unattested() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if open := b.p.Open[b.mine]; len(open) > 0 {
		return open[0].Time
	}
	return 0
}

// sealing is how a sender's next envelope is closed. The zero value is plain
// and carries commands: the Omnilateral.
type sealing struct {
	sealed bool
	bare   bool // no epoch is in force: notes only, in the open
	epoch  uint32
	key    epochKey
}

func (s sealing) commands() bool { return !s.bare }

// close packs and seals a batch into an envelope whose header is complete but
// for the epoch.
func (s sealing) close(e *ledger.Envelope, b batch, random func([]byte) error) error {
	if !s.sealed {
		padded, err := pack(b, 0)
		e.Payload = padded
		return err
	}
	padded, err := pack(b, sealOverhead)
	if err != nil {
		return err
	}
	e.Header.Epoch = s.epoch
	e.Payload, err = sealPayload(s.key, e.Header, padded, reader(random))
	return err
}

// sealing gives how to close the next envelope; ok is false while nothing may
// be sent.
func (b *Bilateral) sealing() (sealing, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.halted != nil {
		return sealing{}, false
	}
	if b.p.Epoch == 0 {
		return sealing{bare: true}, true
	}
	key, err := b.epochKey(b.p.Epoch, nil)
	if err != nil {
		b.halt(err)
		return sealing{}, false
	}
	return sealing{sealed: true, epoch: b.p.Epoch, key: key}, true
}

// takeNotes gives what the next envelope carries beside commands, and the head
// among it. A head goes with every envelope when there is something new, and
// alone when its time has come.
func (b *Bilateral) takeNotes(withCommands bool) ([]note, *proof.Head) {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.notes
	b.notes = nil
	b.r.mu.RLock()
	size := b.r.size
	b.r.mu.RUnlock()
	if size <= b.sent && !b.again {
		b.due = false // a head has left since the time for one was set
	}
	if b.p.Epoch == 0 || size <= b.sent && !b.again || !(withCommands || len(out) > 0 || b.due) {
		return out, nil
	}
	b.r.mu.RLock()
	head, err := b.r.headAt(size)
	b.r.mu.RUnlock()
	if err != nil {
		b.m.raise(Alarm{Channel: b.r.id, Code: fault.CodeOf(err), Detail: err.Error()})
		return out, nil
	}
	signed := head.Sign(b.s.Load().key, uint8(b.mine))
	b.sent, b.due, b.again = size, false, false
	return append(out, note{noteHead, canon.Must(signed)}), &head
}

// returnNotes takes back notes of an envelope that was not made.
func (b *Bilateral) returnNotes(notes []note) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.notes = append(slices.Clone(notes), b.notes...)
}

// tell puts a note on its way. mu is held.
func (b *Bilateral) tell(kind noteKind, body any) {
	b.notes = append(b.notes, note{kind, canon.Must(body)})
	b.s.Load().poke()
}

// bilateralDraft is a block being tried on a Bilateral.
type bilateralDraft struct {
	*draft
	b     *Bilateral
	p     protocol
	keys  [2]sign.PublicKey // that counted when the block was admitted
	moved bool              // p differs from the channel's
	count uint64            // envelopes executed, this block's included
	heads []headMark        // met in the block

	undoFrom uint64 // the undo index begins here when the block is committed
}

// run executes the channel's envelopes of a block. An error is this node's
// trouble with the channel; a bad envelope is none.
func (b *Bilateral) run(block ledger.Block, envelopes []verdict, public trade.Records) (d *bilateralDraft, err error) {
	defer catch(&err)
	if err := b.m.law.Version(b.r.state, uint64(block.Height)); err != nil {
		return nil, err
	}
	o, ok := b.m.law.Opening(public, b.r.id)
	if !ok {
		return nil, fault.New(fault.Internal, "an envelope was admitted to a channel that is not there", "report this")
	}
	b.mu.Lock()
	p, last := b.p, uint64(0)
	if len(b.anchors) > 0 {
		last = b.anchors[0].anchor.Head().Size
	}
	b.mu.Unlock()
	d = &bilateralDraft{draft: b.r.draft(block.Height, block.Time, public), b: b, p: p, keys: o.Keys, count: b.executed + uint64(len(envelopes))}
	d.meta[metaExecuted] = canon.Must(d.count)
	if d.p.Keys != o.Keys {
		if d.p.Keys != ([2]sign.PublicKey{}) {
			d.p.Past = append(slices.Clone(d.p.Past), d.p.Keys)
		}
		// An offer is bound to the keys that it was made under.
		d.p.Keys, d.p.Offers, d.p.Rekeyed, d.moved = o.Keys, [2]*offerMark{}, d.p.Epoch > 0, true
	}
	if p := d.p.Dispute; p != nil {
		if next := p.overdue(block.Time); next.Silent != p.Silent {
			d.p.Dispute, d.moved = &next, true
		}
	}
	for _, v := range envelopes {
		if err := d.envelope(v); err != nil {
			return nil, fmt.Errorf("envelope %d of block %d: %w", v.index, block.Height, err)
		}
	}
	if d.moved {
		d.meta[metaProtocol] = canon.Must(d.p)
	}
	d.dropUndo(last)
	return d, d.finish()
}

func (d *bilateralDraft) envelope(v verdict) error {
	by := slices.Index(d.keys[:], v.envelope.Header.Sender)
	if by < 0 {
		return fault.New(fault.Internal, "an admitted envelope is of neither channel key", "report this")
	}
	content, err := d.open(by, v.envelope)
	if fault.CodeOf(err) == CodeUnreadable {
		d.reject(v.index, v.envelope, v.id, CodeUnreadable)
		return nil
	}
	if err != nil {
		return err
	}
	if e := v.envelope.Header.Epoch; e != d.p.Used[by] {
		d.p.Used[by], d.moved = e, true
	}
	at := ledger.Position{Height: ledger.Height(d.block.Height), Index: v.index}
	var outcomes []NoteOutcome
	for i, n := range content.Notes {
		code := d.take(by, at, n)
		if n.Kind.touches() {
			outcomes = append(outcomes, NoteOutcome{i, n.Kind.String(), code})
		}
	}
	if len(content.Commands) == 0 && len(outcomes) == 0 {
		return nil // heads and the like are no part of the log
	}
	var refuse func(trade.Command) *fault.Error
	if d.p.Dispute != nil && d.p.Dispute.Parted() {
		refuse = d.b.diverged
	}
	d.attested = d.p.Attested
	d.execute(v.index, v.envelope, v.id, content.Commands, outcomes, refuse)
	return nil
}

func (b *Bilateral) diverged(c trade.Command) *fault.Error {
	if b.m.law.Diverged(c) {
		return nil
	}
	return fault.New(CodeDiverged, "the two members' states have parted; the channel takes termination, evidence and payment only",
		"look at the divergence on both nodes, run lateral replay, and repair the one that is wrong")
}

// open reads an envelope. Code unreadable is the same for both members: it
// follows from the log alone, once the epoch's key is at hand.
func (d *bilateralDraft) open(by int, e ledger.Envelope) (batch, error) {
	h := e.Header
	if h.Epoch == 0 {
		if d.p.Epoch != 0 {
			return batch{}, unreadable("the payload is in the open although an epoch is in force", nil)
		}
		content, err := unpack(e.Payload, 0)
		if err != nil {
			return batch{}, err
		}
		if len(content.Commands) > 0 || slices.ContainsFunc(content.Notes, func(n note) bool { return !n.Kind.touches() }) {
			return batch{}, unreadable("only epoch keys are agreed in the open", nil)
		}
		return content, nil
	}
	// The epoch before the present one counts until its sender has used the
	// present one: envelopes that were under way are not lost.
	if h.Epoch > d.p.Epoch || h.Epoch+1 < d.p.Epoch || h.Epoch < d.p.Used[by] {
		return batch{}, unreadable("the payload is sealed under an epoch that is not in force", nil)
	}
	key, err := d.epochKey(h.Epoch)
	if err != nil {
		return batch{}, err
	}
	padded, err := openPayload(key, h, e.Payload)
	if err != nil {
		return batch{}, err
	}
	return unpack(padded, sealOverhead)
}

// CodeKeyMissing: an epoch key that is in force cannot be opened with the
// sealing keys of this node. The channel stops here.
const CodeKeyMissing fault.Code = "key-missing"

// epochKey gives the key of an epoch that is or was in force.
func (d *bilateralDraft) epochKey(epoch uint32) (epochKey, error) {
	var data []byte
	for _, w := range d.index { // accepted in this very block
		if w.Index == indexEpochs && w.Key == epochName(epoch) {
			data = w.Value
		}
	}
	d.b.mu.Lock()
	defer d.b.mu.Unlock()
	return d.b.epochKey(epoch, data)
}

// epochKey opens an epoch's key from its record, or from the store when data is
// nil. mu is held.
func (b *Bilateral) epochKey(epoch uint32, data []byte) (epochKey, error) {
	if k, ok := b.epochs[epoch]; ok {
		return k, nil
	}
	if data == nil {
		var err error
		if data, _, err = b.r.space.Lookup(indexEpochs, epochName(epoch)); err != nil {
			return epochKey{}, err
		}
	}
	var a accepted
	if err := canon.Decode(data, &a); err != nil {
		return epochKey{}, corruptStore("an epoch's key cannot be read").Because(err)
	}
	k, err := a.Offer.open(b.m.chain, b.r.id, a.Keys[a.By&1], a.Keys, b.mine, b.m.keys.Sealing())
	if err != nil {
		return epochKey{}, fault.Newf(CodeKeyMissing, "put the sealing key that was current then back into the key store",
			"epoch %d is in force, and none of this node's sealing keys opens it", epoch).Because(err)
	}
	b.epochs[epoch] = k
	return k, nil
}

func epochName(epoch uint32) string {
	return string([]byte{byte(epoch >> 24), byte(epoch >> 16), byte(epoch >> 8), byte(epoch)})
}

// take takes one note of the log. A panic changes nothing but the receipt:
// nothing that a partner sends can stop the node.
func (d *bilateralDraft) take(by int, at ledger.Position, n note) (code fault.Code) {
	p, moved, heads, index := d.p, d.moved, len(d.heads), len(d.index)
	defer func() {
		switch x := recover().(type) {
		case nil:
		case storeFailure:
			panic(x)
		default:
			d.r.alarm(Alarm{Channel: d.r.id, Code: fault.Internal, Height: at.Height,
				Detail: fmt.Sprintf("a note of kind %s panicked: %v", n.Kind, x), Stack: string(debug.Stack())})
			d.p, d.moved, d.heads, d.index = p, moved, d.heads[:heads], d.index[:index]
			code = fault.Internal
		}
	}()
	return d.note(by, at, n)
}

// note takes one note of the log.
func (d *bilateralDraft) note(by int, at ledger.Position, n note) fault.Code {
	switch n.Kind {
	case noteOffer:
		var o epochOffer
		if canon.Decode(n.Body, &o) != nil || o.Epoch != d.p.Epoch+1 ||
			len(o.Wrapped[0]) != wrappedSize || len(o.Wrapped[1]) != wrappedSize {
			return fault.Invalid
		}
		d.p.Offers[by], d.moved = &offerMark{o, d.block.Height}, true
	case noteAccept:
		var a epochAccept
		if canon.Decode(n.Body, &a) != nil {
			return fault.Invalid
		}
		m := d.p.Offers[1-by]
		if m == nil || a.Epoch != m.Offer.Epoch || a.Commitment != m.Offer.Commitment {
			return fault.Refused
		}
		d.index = append(d.index, store.IndexWrite{Index: indexEpochs, Key: epochName(a.Epoch), Value: canon.Must(accepted{m.Offer, uint8(1 - by), d.keys})})
		d.p.Epoch, d.p.Since, d.p.Offered, d.moved = a.Epoch, d.block.Time, m.Height, true
		d.p.Offers, d.p.Rekeyed = [2]*offerMark{}, false
	case noteHead:
		var h proof.SignedHead
		if canon.Decode(n.Body, &h) != nil || int(h.By) != by || h.Head.Channel != d.b.r.id || h.Head.Term != 0 || !h.Verify(d.keys) {
			return fault.Invalid
		}
		d.head(by, &headMark{h, d.block.Time, at})
	case noteClaim:
		var c claim
		if canon.Decode(n.Body, &c) != nil {
			return fault.Invalid
		}
		if d.p.Dispute != nil {
			next := d.p.Dispute.answer(by, c, d.block.Time)
			d.p.Dispute, d.moved = &next, true
			if next.Blamed != nil {
				d.settle(at)
			}
		}
	case noteContra:
		var c contradiction
		if canon.Decode(n.Body, &c) != nil {
			return fault.Invalid
		}
		return d.contradict(by, at, c)
	case noteDetail:
		var x detail
		if canon.Decode(n.Body, &x) != nil {
			return fault.Invalid
		}
		if d.p.Dispute != nil {
			next := d.p.Dispute.explain(by, x)
			d.p.Dispute, d.moved = &next, true
		}
	default:
		return fault.Invalid
	}
	return ""
}

// head takes a signed head. All are compared with our own log; one that covers
// less than the last is no answer and takes nothing back.
func (d *bilateralDraft) head(by int, m *headMark) {
	d.heads = append(d.heads, *m)
	size := m.Signed.Head.Size
	if last := d.p.Heads[by]; last != nil && last.Signed.Head.Size > size {
		return
	}
	if other := d.p.Heads[1-by]; other == nil || other.Signed.Head.Size < size {
		d.p.Open[by] = unanswered(d.p.Open[by], openHead{size, m.Time})
	}
	d.p.Open[1-by] = answered(d.p.Open[1-by], size)
	d.p.Heads[by], d.moved = m, true
	if a, b := d.p.Heads[0], d.p.Heads[1]; a != nil && b != nil {
		d.p.Attested = max(d.p.Attested, min(a.Signed.Head.Position, b.Signed.Head.Position))
		if x := d.p.Dispute; x != nil && a.Signed.Head == b.Signed.Head && x.Since.Before(a.At) && x.Since.Before(b.At) && size >= x.Head.Head.Size {
			d.settle(m.At)
		}
	}
}

// settle ends the dispute: the two have one log again, or always had.
func (d *bilateralDraft) settle(at ledger.Position) {
	over := *d.p.Dispute
	over.Closed = at
	d.p.Dispute, d.p.Settled, d.moved = nil, &over, true
}

// contradict opens the search for the first difference.
func (d *bilateralDraft) contradict(by int, at ledger.Position, c contradiction) fault.Code {
	h := c.Head
	if int(h.By) != 1-by || h.Head.Channel != d.b.r.id || h.Head.Size == 0 || h.Head.Root == c.Root || !d.signedBefore(h) ||
		d.p.Settled != nil && d.p.Settled.Head == h {
		return fault.Invalid
	}
	if d.p.Dispute == nil {
		d.p.Dispute, d.moved = &Divergence{Since: at, High: h.Head.Size, Head: h, Asked: d.block.Time}, true
	}
	return ""
}

// signedBefore reports whether a head is signed with a channel key that counts
// or has counted.
func (d *bilateralDraft) signedBefore(h proof.SignedHead) bool {
	return h.Verify(d.keys) || slices.ContainsFunc(d.p.Past, h.Verify)
}

// wrappedSize is the size of a wrapped epoch key.
const wrappedSize = seal.Overhead + len(epochKey{})

// adopt makes a committed block visible.
func (d *bilateralDraft) adopt() {
	b := d.b
	d.draft.adopt()
	b.executed = d.count
	b.mu.Lock()
	defer b.mu.Unlock()
	b.follow(d.keys)
	if over := d.p.Settled; over != b.p.Settled {
		b.settled(over)
	}
	b.p, b.undoFrom = d.p, max(b.undoFrom, d.undoFrom)
	for i := range d.heads {
		b.meetHead(&d.heads[i])
	}
	if d.leaves > 0 {
		b.trees = append(b.trees, keptTree{b.r.size, b.r.size - 1, d.tree})
		if len(b.trees) > keptTrees {
			b.trees = slices.Delete(b.trees, 0, len(b.trees)-keptTrees)
		}
	}
	if b.p.Epoch > 0 {
		if _, err := b.epochKey(b.p.Epoch, nil); err != nil {
			b.halt(err)
		}
	}
	for e := range b.epochs {
		if e+1 < b.p.Epoch {
			delete(b.epochs, e)
		}
	}
	b.wake()
}

// halt stops the channel on this node. mu is held.
func (b *Bilateral) halt(err error) {
	if b.halted != nil {
		return
	}
	b.halted = err
	b.m.raise(Alarm{Channel: b.r.id, Code: fault.CodeOf(err), Height: b.height(), Detail: "the channel stops on this node: " + err.Error(), Remedy: fault.Of(err).Remedy})
}

// height is that of the last block executed here, for alarms.
func (b *Bilateral) height() ledger.Height {
	h, _ := b.m.Height()
	return h
}

// react answers what the log asks of this node: keys, heads, differences. It
// runs after each block, once the node may sign.
func (b *Bilateral) react(ctx context.Context, public trade.Records, height uint64, now int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.halted != nil {
		return
	}
	o, ok := b.m.law.Opening(public, b.r.id)
	if !ok {
		return
	}
	b.confirm(o)
	if !o.Confirmed {
		return
	}
	b.object()
	b.answerOffer()
	b.offer(public, height, now)
	b.complain(now)
	b.bind(ctx, o, now)
	b.resumeRotation(ctx)
	b.search(ctx)
	b.answerClaim(ctx, public, height)
	b.attest(ctx)
	b.s.Load().poke()
}

// confirm tells the Omnilateral that our channel key wants the channel.
func (b *Bilateral) confirm(o Opening) {
	if !b.said.confirm && !o.Confirmations[b.mine] && !o.Confirmed {
		b.said.confirm = true
		b.public.Load().enqueue(one(b.m.law.Confirm(b.r.id)))
	}
}

// bind puts the company's name behind the channel key.
func (b *Bilateral) bind(ctx context.Context, o Opening, now int64) {
	if b.said.bind || b.p.Epoch == 0 {
		return
	}
	b.said.bind = true
	b.r.mu.RLock()
	bound := b.m.law.Bound(b.r.state, b.keys[b.mine])
	// A key that has replaced a bound one is announced instead.
	former := slices.ContainsFunc(o.Past, func(keys [2]sign.PublicKey) bool { return b.m.law.Bound(b.r.state, keys[b.mine]) })
	b.r.mu.RUnlock()
	if bound {
		return
	}
	complain := func(code fault.Code, detail string) {
		b.m.raise(Alarm{Channel: b.r.id, Code: code, Detail: "the channel with " + b.partner + " is not bound: " + detail,
			Remedy: "prepare the command " + string(b.bindKind(former)) + " on this node, sign it with the member key where it is kept, and submit it signed"})
	}
	key, ok := b.m.keys.Member()
	if !ok {
		complain(trade.CodeMemberKey, "this company's member key is kept off line")
		return
	}
	binding, err := b.binding(now)
	if err != nil {
		complain(fault.CodeOf(err), err.Error())
		return
	}
	cmd := b.m.law.Bind(binding, key)
	if former {
		cmd = b.m.law.Announce(binding, b.announcement(b.s.Load().key), key)
	}
	t := b.s.Load().enqueue(one(cmd))
	b.m.go_(func() {
		if out, err := t.Wait(ctx); err == nil && FirstErr(out) != nil {
			complain(out[0].Receipt.Code, FirstErr(out).Error())
		}
	})
}

func (b *Bilateral) bindKind(former bool) trade.Kind {
	if former {
		return trade.KindKeyChange
	}
	return trade.KindBind
}

// bindingLife is how long in ms of block time a binding may be on its way.
const bindingLife = int64(30 * 24 * 60 * 60 * 1000)

// Binding gives what the member key is to sign where it is kept off line. The
// command that Law.Bind makes of it is submitted like any other.
func (b *Bilateral) Binding() (Binding, error) {
	b.r.mu.RLock()
	now := b.r.time
	b.r.mu.RUnlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.binding(now)
}

func (b *Bilateral) binding(now int64) (Binding, error) {
	x := Binding{Chain: b.m.chain, Channel: b.r.id, Keys: b.keys, Mine: b.mine, Member: b.m.code, Partner: b.partner, Expires: now + bindingLife}
	err := b.m.random(x.Nonce[:])
	return x, err
}

// meetHead compares a head of the log with our own log. mu is held.
func (b *Bilateral) meetHead(h *headMark) {
	head := h.Signed.Head
	if int(h.Signed.By) == b.mine {
		return
	}
	b.r.mu.RLock()
	own, err := b.r.headAt(min(head.Size, b.r.size))
	b.r.mu.RUnlock()
	switch {
	case err != nil:
		b.halt(err)
	case own != head:
		if b.wrong == nil {
			b.wrong = &h.Signed
		}
	case b.theirs == nil || b.theirs.Signed.Head.Size <= head.Size:
		b.theirs = h
		b.wake()
	}
}

// settled forgets what was said in a dispute that is over. mu is held.
func (b *Bilateral) settled(over *Divergence) {
	b.said.start, b.said.claim, b.said.detail, b.said.evidence, b.said.again = false, 0, false, false, false
	b.wrong, b.again = nil, false
	if over.Blamed == nil {
		b.m.log.Info("the two members have signed one log again", "channel", b.r.id, "size", over.High)
		return
	}
	what := "has contradicted a head that both nodes' logs have"
	if *over.Blamed == over.Head.By {
		what = "has signed a head that neither node's log has"
	}
	b.m.raise(Alarm{Channel: b.r.id, Code: CodeDiverged, Height: b.height(),
		Detail: fmt.Sprintf("%s %s, at size %d; the channel goes on", b.member(int(*over.Blamed)), what, over.Head.Head.Size),
		Remedy: "the operator of that node looks for another process that signs with its keys, and runs lateral replay"})
}

// object tells the partner of a head that is not of our log. mu is held.
func (b *Bilateral) object() {
	if h := b.p.Heads[1-b.mine]; h != nil && b.theirs == nil && b.wrong == nil {
		b.meetHead(h) // met before a restart
	}
	if b.wrong == nil || b.p.Dispute != nil || b.said.start {
		return
	}
	b.r.mu.RLock()
	c, err := b.r.claimAt(b.wrong.Head.Size)
	b.r.mu.RUnlock()
	if err != nil {
		b.halt(err)
		return
	}
	b.said.start = true
	b.m.raise(Alarm{Channel: b.r.id, Code: CodeDiverged, Height: b.height(),
		Detail: fmt.Sprintf("the partner's head at size %d disagrees with this node's log", b.wrong.Head.Size),
		Remedy: "the nodes look for the first difference by themselves; run lateral replay to see who is wrong"})
	b.tell(noteContra, contradiction{*b.wrong, c.Root})
}

// answerOffer opens the partner's offer of a new epoch and accepts it.
func (b *Bilateral) answerOffer() {
	m := b.p.Offers[1-b.mine]
	if m == nil || b.said.accept == m.Offer.Commitment || b.said.refused == m.Height || b.p.Keys != b.keys {
		return // answered; or made under keys that count no more: it is void with the next block of the channel
	}
	_, err := m.Offer.open(b.m.chain, b.r.id, b.keys[1-b.mine], b.keys, b.mine, b.m.keys.Sealing())
	if err != nil {
		b.said.refused = m.Height
		b.m.raise(Alarm{Channel: b.r.id, Code: fault.CodeOf(err), Height: b.height(), Detail: "the partner's epoch key is not accepted: " + err.Error(), Remedy: fault.Of(err).Remedy})
		return
	}
	b.said.accept = m.Offer.Commitment
	b.tell(noteAccept, epochAccept{m.Offer.Epoch, m.Offer.Commitment})
}

// offer starts a new epoch when there is none, when it is a day old, and when
// a sealing key or a channel key has changed. The side whose key comes first does it at once,
// the other when the first has not.
func (b *Bilateral) offer(public trade.Records, height uint64, now int64) {
	next := b.p.Epoch + 1
	theirs := b.p.Offers[1-b.mine]
	if b.said.offer >= next || b.p.Offers[b.mine] != nil || theirs != nil && theirs.Height != b.said.refused {
		return
	}
	sealing, ok := b.sealingKeys(public, height)
	if !ok {
		return // a member without a sealing key cannot be reached: nothing to do until it registers one
	}
	patience := int64(0)
	if b.mine != 0 {
		patience = epochGrace
	}
	stale := b.p.Rekeyed || now-b.p.Since >= epochLife+patience
	if b.p.Epoch > 0 && !stale {
		then, _ := b.sealingKeys(public, b.p.Offered)
		stale = then != sealing
	}
	// The first key is offered by the side whose channel key comes first, not by
	// the opener: nothing is to tell an outsider which of the two opened.
	if b.p.Epoch == 0 && b.mine == 0 || b.p.Epoch > 0 && stale {
		b.newEpoch(public, height)
	}
}

// sealingKeys gives what counts at a height to seal for the two members, in the
// order of the channel keys.
func (b *Bilateral) sealingKeys(public trade.Records, height uint64) (keys [2]seal.PublicKey, ok bool) {
	for side := range keys {
		if keys[side], ok = b.m.law.Sealing(public, b.member(side), height); !ok {
			return keys, false
		}
	}
	return keys, true
}

// newEpoch offers a new epoch key. mu is held.
func (b *Bilateral) newEpoch(public trade.Records, height uint64) {
	next := b.p.Epoch + 1
	sealing, ok := b.sealingKeys(public, height)
	if !ok {
		return
	}
	k, err := newEpochKey(reader(b.m.random))
	if err == nil {
		var o epochOffer
		if o, err = newEpochOffer(k, b.m.chain, b.r.id, next, b.keys[b.mine], b.keys, sealing); err == nil {
			b.said.offer = next
			b.tell(noteOffer, o)
		}
	}
	if err != nil {
		b.m.raise(Alarm{Channel: b.r.id, Code: fault.CodeOf(err), Height: b.height(), Detail: "no epoch key can be offered: " + err.Error()})
	}
}

// CodeEpochOverdue: the key that seals a channel is older than a day, because
// the partner has not accepted the next one.
const CodeEpochOverdue fault.Code = "epoch-overdue"

// complain tells people of an epoch that should have ended. mu is held.
func (b *Bilateral) complain(now int64) {
	err := b.overdue(now)
	if err == nil || b.said.overdue == b.p.Epoch {
		return
	}
	b.said.overdue = b.p.Epoch
	b.m.raise(Alarm{Channel: b.r.id, Code: err.Code, Height: b.r.height, Detail: err.Detail, Remedy: err.Remedy})
}

func (b *Bilateral) overdue(now int64) *fault.Error {
	if b.p.Epoch == 0 || now-b.p.Since < epochOverdue {
		return nil
	}
	return fault.Newf(CodeEpochOverdue, "see that the partner's node runs and knows its sealing key; until then the channel goes on under the old key",
		"epoch %d of the channel with %s is in force for more than 25 hours", b.p.Epoch, b.partner)
}

// Overdue says that the channel's sealing key should have changed and has not,
// or nil. Code: epoch-overdue.
func (b *Bilateral) Overdue() error {
	b.r.mu.RLock()
	now := b.r.time
	b.r.mu.RUnlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.overdue(now); err != nil {
		return err
	}
	return nil
}

// search answers the other side's claims until the first differing leaf is
// found and its command named.
func (b *Bilateral) search(ctx context.Context) {
	d := b.p.Dispute
	if d == nil {
		return
	}
	b.r.mu.RLock()
	defer b.r.mu.RUnlock()
	if own := b.p.Heads[b.mine]; !b.said.again && (own == nil || !d.Since.Before(own.At)) {
		b.said.again, b.again, b.due = true, true, true // one head of both ends the dispute
	}
	if d.Silent == nil && d.hasAnswered(b.mine) && !d.hasAnswered(1-b.mine) {
		b.nudge(ctx, *d)
	}
	if probe := d.probe(); probe > 0 {
		if d.Claims[b.mine] == nil && b.said.claim != probe {
			c, err := b.r.claimAt(probe)
			if err != nil {
				b.halt(err)
				return
			}
			b.said.claim = probe
			b.tell(noteClaim, c)
		}
		return
	}
	if d.Details[b.mine] == nil && !b.said.detail {
		x, err := b.r.detailAt(d.Low)
		if err != nil {
			b.halt(err)
			return
		}
		b.said.detail = true
		b.tell(noteDetail, x)
	}
	if d.Found && !b.said.evidence {
		b.said.evidence = true
		b.m.raise(Alarm{Channel: b.r.id, Code: CodeDiverged, Height: ledger.Height(d.Height),
			Detail: fmt.Sprintf("the first difference is in block %d, leaf %d, receipt %d", d.Height, d.Low, d.Line),
			Remedy: "run lateral replay on both nodes; the one whose log it contradicts is to be rebuilt"})
		b.accuse(d)
	}
}

// nudge sees that the partner is named when it does not answer in time: time
// comes with blocks, so something has to be sent by then. mu is held.
func (b *Bilateral) nudge(ctx context.Context, d Divergence) {
	if b.nudging {
		return
	}
	b.nudging = true
	after := b.m.clock.After(time.Duration(searchWithin) * time.Millisecond)
	b.m.go_(func() {
		select {
		case <-ctx.Done():
		case <-after:
			b.mu.Lock()
			defer b.mu.Unlock()
			b.nudging = false
			if now := b.p.Dispute; now != nil && now.Asked == d.Asked && now.Silent == nil {
				b.tell(noteClaim, claim{}) // answers no question
			}
		}
	})
}

// accuse puts the two contradicting heads into the state, where they stay. mu
// and r.mu are held.
func (b *Bilateral) accuse(d *Divergence) {
	if int(d.Head.By) == b.mine || d.Head.Head.Size > b.r.size {
		return // the other side has the head that contradicts
	}
	own, err := b.r.headAt(d.Head.Head.Size)
	if err != nil {
		b.halt(err)
		return
	}
	leaves := canon.Must([2]proof.Leaf{d.Details[0].Leaf, d.Details[1].Leaf})
	b.s.Load().enqueue(one(b.m.law.Evidence(own.Sign(b.s.Load().key, uint8(b.mine)), d.Head, d.Low, leaves)))
}

// attest sees that a head leaves in time. mu is held.
func (b *Bilateral) attest(ctx context.Context) {
	b.r.mu.RLock()
	size := b.r.size
	b.r.mu.RUnlock()
	if size <= b.sent || b.armed {
		return
	}
	if b.due {
		b.s.Load().poke() // its time had come before there was anything to sign
		return
	}
	b.armed = true
	after := b.m.clock.After(attestWithin)
	b.m.go_(func() {
		select {
		case <-ctx.Done():
		case <-after:
			b.mu.Lock()
			b.r.mu.RLock()
			b.armed, b.due = false, b.due || b.r.size > b.sent
			b.r.mu.RUnlock()
			b.mu.Unlock()
			b.s.Load().poke()
		}
	})
}
