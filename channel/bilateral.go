package channel

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/proof"
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
	indexTurned  = "turned"   // number of an epoch that both sides have used, 4 bytes big endian → height after which no earlier one is needed
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
	// Twice are two heads of one size by one key, at most once for each key.
	Twice []twice `cbor:"14,keyasint,omitempty"`
	// Older is the height of the last envelope whose reading took the key of an
	// epoch before the one in force.
	Older uint64 `cbor:"15,keyasint,omitempty"`
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
	promised uint64 // height of the block from which on old keys are to be destroyed, 0: never; likewise
	backTo   uint64 // height up to which the back index was dropped; likewise

	mu       sync.Mutex // guards what follows
	keys     [2]sign.PublicKey
	p        protocol
	epochs   map[uint32]epochKey
	kept     map[uint32]epochKey // of earlier epochs, from the key store: what opened them is destroyed
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

	turning sync.Mutex    // held while our channel key is being replaced
	proving chan struct{} // has one while an anchor is posted for a proof
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
	refused  uint64         // height of the offer that we could not open
	overdue  uint32         // epoch
	twice    sign.PublicKey // of the partner, that has signed two heads of one size
	answered proof.Head     // the partner's last claim that we have answered
	grown    proof.Head     // its claim for which we have made the log grow
	rotate   string         // how far the rotation had come when it was last taken up
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
	b := &Bilateral{keys: o.Keys, opener: inv.Opener, secret: inv.Secret, epochs: map[uint32]epochKey{}, changed: make(chan struct{}), proving: make(chan struct{}, 1)}
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
	if err := b.loadPast(); err != nil {
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
			if b.m.law.Parted(v) {
				state = StateDiverged // the nodes have one log again, and the two sides have not both said so
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
	b.tellTwice(ctx, public)
	b.attest(ctx)
	b.s.Load().poke()
}
