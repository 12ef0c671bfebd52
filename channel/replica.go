package channel

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"runtime/debug"
	"sync"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/proof"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
)

// Domain tags of what a channel hashes.
const (
	tagReceipts = "lateral/receipts/1" // hashed: what a leaf says of a block's receipts
	tagWrites   = "lateral/writes/1"   // hashed: what one command wrote
)

// metaPosition names the stored height of the last block that touched a
// channel.
const metaPosition = "position"

// noteLine is where the notes of an envelope begin among its receipts.
const noteLine = 1 << 16

// receiptLine is one command's line in a block's receipts. Writes lets two
// members whose states have parted name the command at which they did.
type receiptLine struct {
	Envelope uint32        `cbor:"1,keyasint"` // its place in the block
	Command  uint32        `cbor:"2,keyasint"` // its place in the envelope; notes count from noteLine
	Receipt  trade.Receipt `cbor:"3,keyasint"`
	Writes   canon.Hash    `cbor:"4,keyasint"` // zero when nothing was written
}

// replica is one channel's state machine: records, tree, block log and event
// log. Blocks are tried on a draft and committed by whoever owns the store.
type replica struct {
	id    canon.Hash
	chain string
	law   Law
	space *store.Channel
	state *committed
	alarm func(Alarm)

	// mu guards what follows: held to read for a view, to write when a block
	// that is committed becomes visible.
	mu       sync.RWMutex
	tree     *merkle.Sparse
	log      *merkle.Log
	size     uint64        // leaves that are committed; log may be ahead for a moment
	position ledger.Height // of the last leaf's block
	cursor   Cursor        // entries committed
	height   ledger.Height // last block seen
	time     int64         // its time
	grown    chan struct{} // closed and replaced when entries are added
}

// openReplica loads a channel from the store and checks that its parts add up.
// Code: corrupt.
func openReplica(db *store.DB, chain string, id canon.Hash, secret []byte, law Law, alarm func(Alarm)) (*replica, error) {
	r := &replica{id: id, chain: chain, law: law, space: db.Channel(id), alarm: alarm, grown: make(chan struct{})}
	var err error
	if r.state, err = newCommitted(r.space); err != nil {
		return nil, fmt.Errorf("loading channel %s: %w", id, err)
	}
	if r.tree, err = r.space.Tree(secret); err != nil {
		return nil, fmt.Errorf("loading channel %s: %w", id, err)
	}
	if r.log, err = r.space.Log(); err != nil {
		return nil, fmt.Errorf("loading channel %s: %w", id, err)
	}
	r.size = r.log.Size()
	if r.size > 0 {
		leaf, err := r.leaf(r.size - 1)
		if err != nil {
			return nil, err
		}
		r.position = ledger.Height(leaf.Position)
		if leaf.State != r.tree.Root() {
			return nil, fault.Newf(fault.Corrupt, "move the store away and start again: it is rebuilt from the ledger and the key file",
				"channel %s: the records are not those of the last block in its log", id)
		}
	}
	events, err := r.space.EventCount()
	if err != nil {
		return nil, err
	}
	r.cursor = Cursor(events)
	return r, nil
}

// leaf reads a leaf of the block log.
func (r *replica) leaf(index uint64) (proof.Leaf, error) {
	var leaf proof.Leaf
	data, err := r.space.Leaf(index)
	if err != nil {
		return leaf, err
	}
	if err := canon.Decode(data, &leaf); err != nil {
		return leaf, fault.Newf(fault.Corrupt, "move the store away and start again: it is rebuilt from the ledger and the key file",
			"channel %s: leaf %d cannot be read", r.id, index).Because(err)
	}
	return leaf, nil
}

// headAt gives the root of the block log at an earlier size, and the height of
// its last block.
func (r *replica) headAt(size uint64) (proof.Head, error) {
	h := proof.Head{Channel: r.id, Size: size}
	var err error
	if h.Root, err = r.log.RootAt(size); err != nil || size == 0 {
		return h, err
	}
	leaf, err := r.leaf(size - 1)
	h.Position = leaf.Position
	return h, err
}

// draft is a block being tried on a replica. For one goroutine.
type draft struct {
	r      *replica
	state  *overlay
	public trade.Records
	block  trade.Block
	// attested is how far both members have signed, as the log says by now.
	attested uint64

	lines   []receiptLine
	entries []Entry
	meta    map[string][]byte
	index   []store.IndexWrite

	// set by finish
	batch  store.Batch
	tree   *merkle.Sparse
	leaves int
}

func (r *replica) draft(height ledger.Height, time int64, public trade.Records) *draft {
	return &draft{
		r: r, state: newOverlay(r.state), public: public,
		block: trade.Block{Chain: r.chain, Channel: r.id, Height: uint64(height), Time: time},
		meta:  map[string][]byte{},
	}
}

// execute runs the commands of one envelope and adds its entry. refuse says
// which are not taken at all; nil takes all.
func (d *draft) execute(index uint32, e ledger.Envelope, id canon.Hash, cmds []trade.Command, notes []NoteOutcome, refuse func(trade.Command) *fault.Error) {
	entry := d.entry(index, e, id)
	entry.Notes = notes
	d.block.Index = index
	ctx := trade.Context{Block: d.block, Sender: e.Header.Sender, Public: d.public, Attested: d.attested}
	if len(cmds) > 0 {
		entry.Outcomes = make([]Outcome, len(cmds))
	}
	signatures := trade.CheckSignatures(d.block.Chain, d.block.Channel, cmds)
	for i, cmd := range cmds {
		ctx.Signature = signatures[i]
		var res trade.Result
		if why := refusal(refuse, cmd); why != nil {
			res = trade.Result{Receipt: trade.Receipt{Code: why.Code, Field: why.Field}, Fault: why}
		} else {
			res = d.r.apply(ctx, d.state, cmd)
		}
		o := Outcome{Position: entry.Position, Command: i, Kind: cmd.Kind, Receipt: res.Receipt}
		d.state.apply(res.Writes)
		o.Writes = hashWrites(res.Writes)
		if res.Receipt.Code == "" {
			o.Events = res.Events
		} else if res.Fault != nil {
			o.Refusal = &Refusal{res.Fault.Detail, res.Fault.Remedy}
		}
		entry.Outcomes[i] = o
	}
	d.record(entry)
}

// record adds an entry whose receipts are part of the block's leaf.
func (d *draft) record(e Entry) {
	d.entries = append(d.entries, e)
	d.lines = e.appendLines(d.lines)
}

func refusal(refuse func(trade.Command) *fault.Error, cmd trade.Command) *fault.Error {
	if refuse == nil {
		return nil
	}
	return refuse(cmd)
}

func (d *draft) entry(index uint32, e ledger.Envelope, id canon.Hash) Entry {
	return Entry{
		Position: ledger.Position{Height: ledger.Height(d.block.Height), Index: index},
		Time:     d.block.Time, Sender: e.Header.Sender, Envelope: id,
	}
}

// reject records an envelope that changes nothing but uses its number.
func (d *draft) reject(index uint32, e ledger.Envelope, id canon.Hash, code fault.Code) {
	entry := d.entry(index, e, id)
	entry.Code = code
	d.record(entry)
}

// apply runs one command and turns a panic into a receipt: nothing that a
// client sends can stop a replica.
func (r *replica) apply(ctx trade.Context, state trade.Records, cmd trade.Command) (res trade.Result) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case storeFailure:
			panic(p)
		default:
			r.alarm(Alarm{Channel: r.id, Code: fault.Internal, Height: ledger.Height(ctx.Block.Height),
				Detail: fmt.Sprintf("command %s panicked: %v", cmd.Kind, p), Stack: string(debug.Stack())})
			res = trade.Result{Receipt: trade.Receipt{Code: fault.Internal},
				Fault: fault.New(fault.Internal, "the command could not be executed", "report the command to the makers of Lateral")}
		}
	}()
	return r.law.Apply(ctx, state, cmd)
}

// hashWrites commits to what one command wrote.
func hashWrites(writes []trade.Write) canon.Hash {
	if len(writes) == 0 {
		return canon.Hash{}
	}
	parts := make([][]byte, 0, 3*len(writes))
	for _, w := range writes {
		kind := written
		if w.Value == nil {
			kind = removed
		}
		parts = append(parts, []byte(w.Key), kind, w.Value)
	}
	return canon.Sum(tagWrites, parts...)
}

// What tells a removal from an empty value.
var written, removed = []byte{0}, []byte{1}

// finish makes the batch that commits the draft. A draft without a line leaves
// the block log as it is.
func (d *draft) finish() error {
	r := d.r
	d.tree = r.tree
	d.batch = store.Batch{Meta: d.meta, Index: d.index}
	if len(d.lines) > 0 {
		if err := r.law.Conserved(r.state, d.state, maps.Keys(d.state.writes), d.block.Time); err != nil {
			return err
		}
		writes := d.state.list()
		d.tree = r.tree.Clone()
		var root canon.Hash
		var err error
		if r.id.IsZero() { // nothing is proven of its past
			root, err = d.tree.Update(writes)
		} else {
			var undo []byte
			root, undo, err = d.tree.UpdateUndo(writes)
			d.batch.Index = append(d.batch.Index, store.IndexWrite{Index: indexUndo, Key: leafName(r.size), Value: undo})
		}
		if err != nil {
			return err
		}
		leaf := proof.Leaf{Position: d.block.Height, Receipts: canon.HashOf(tagReceipts, d.lines), State: root}
		bytes := leaf.Bytes()
		r.mu.Lock()
		r.log.Truncate(r.size) // what an earlier try may have left
		r.log.Append(bytes)
		logRoot := r.log.Root()
		r.mu.Unlock()
		d.leaves = 1
		d.batch.Writes = writes
		d.batch.Leaves = [][]byte{bytes}
		d.batch.Roots = &store.Roots{State: root, Log: logRoot}
	}
	for _, e := range d.entries {
		d.batch.Events = append(d.batch.Events, canon.Must(e))
	}
	return nil
}

// part is the draft's share of a commit; ok is false when there is nothing. Until
// adopt, views do not see it.
func (d *draft) part() (store.Part, bool) {
	b := d.batch
	d.r.state.hold(b.Writes)
	return store.Part{Channel: d.r.space, Batch: b}, len(b.Writes)+len(b.Leaves)+len(b.Events)+len(b.Meta)+len(b.Index) > 0
}

// adopt makes a committed draft visible.
func (d *draft) adopt() {
	r := d.r
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state.absorb(d.batch.Writes)
	r.tree = d.tree
	r.size += uint64(d.leaves)
	if d.leaves > 0 {
		r.position = ledger.Height(d.block.Height)
	}
	r.cursor += Cursor(len(d.entries))
	r.height, r.time = ledger.Height(d.block.Height), d.block.Time
	if len(d.entries) > 0 {
		close(r.grown)
		r.grown = make(chan struct{})
	}
}

// pass notes a block that does not concern the channel.
func (r *replica) pass(height ledger.Height, time int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.height, r.time = height, time
}

// view calls f with the present state.
func (r *replica) view(f func(View) error) (err error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	defer catch(&err)
	return f(View{
		Records: r.state, ID: r.id, Position: r.position, Root: r.tree.Root(),
		Size: r.size, Cursor: r.cursor, Height: r.height, Time: r.time,
	})
}

// events yields entries from a cursor on and waits at the tip.
func (r *replica) events(ctx context.Context, from Cursor) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for {
			r.mu.RLock()
			end, grown := r.cursor, r.grown
			r.mu.RUnlock()
			if from > end {
				yield(Entry{}, fault.Newf(fault.NotFound, "begin at 0, or with the cursor of an entry of this channel",
					"the event log has %d entries, none at cursor %d", end, from))
				return
			}
			if from < end {
				for e, err := range r.space.Events(uint64(from)) {
					if Cursor(e.Number) >= end {
						break
					}
					var entry Entry
					if err == nil {
						entry, err = readEntry(e)
					}
					if !yield(entry, err) || err != nil {
						return
					}
					from = entry.Next
				}
				continue
			}
			select {
			case <-grown:
			case <-ctx.Done():
				return
			}
		}
	}
}

func readEntry(e store.Entry) (Entry, error) {
	var entry Entry
	if err := canon.Decode(e.Data, &entry); err != nil {
		return entry, fault.Newf(fault.Corrupt, "move the store away and start again: it is rebuilt from the ledger and the key file",
			"entry %d of an event log cannot be read", e.Number).Because(err)
	}
	entry.Next = Cursor(e.Number + 1)
	for i := range entry.Outcomes {
		entry.Outcomes[i].Position = entry.Position
	}
	return entry, nil
}
