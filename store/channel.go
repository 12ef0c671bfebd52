package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
)

// A key in the database is the channel's id, one byte that says what it is,
// and the rest.
const (
	kindEvent  = 'e' // + number, 8 bytes big endian
	kindIndex  = 'i' // + name of the index, 0, key
	kindLeaf   = 'l' // + index, 8 bytes big endian
	kindMeta   = 'm' // + name
	kindRecord = 's' // + key
	kindTail   = 't' // what the channel's last commit left
)

// Channel is the keyspace of one channel. Commits of one channel come after
// each other; reads see the last commit that returned, or one under way.
type Channel struct {
	db *DB
	id canon.Hash

	mu   sync.Mutex // one commit at a time; guards tail
	tail *tail      // nil until read
}

// tail is written with each commit, so that a channel's parts can be checked
// against each other.
type tail struct {
	Leaves uint64 `cbor:"1,keyasint"`
	Events uint64 `cbor:"2,keyasint"`
	Roots  Roots  `cbor:"3,keyasint"`
}

// Roots is what a channel's data must add up to after a commit.
type Roots struct {
	State canon.Hash `cbor:"1,keyasint"` // of the sparse tree over all records
	Log   canon.Hash `cbor:"2,keyasint"` // of the block log
}

// Batch is one commit of a channel. The zero Batch changes nothing.
type Batch struct {
	Writes []merkle.Write    // records; a nil value removes
	Leaves [][]byte          // appended to the block log
	Events [][]byte          // appended to the event log
	Meta   map[string][]byte // named values such as height and position; nil removes
	Index  []IndexWrite      // entries of unhashed indices
	Roots  *Roots            // what records and block log add up to now; nil: as before
}

// IndexWrite sets an entry of a named index; a nil Value removes it.
type IndexWrite struct {
	Index string // name, without a zero byte
	Key   string
	Value []byte
}

// Record is a key with its value. The value is the caller's to keep.
type Record struct {
	Key   string
	Value []byte
}

// Entry is one leaf of the block log or one event.
type Entry struct {
	Number uint64 // from 0
	Data   []byte
}

// Channel gives the keyspace of a channel, the same one each time. The zero id
// is the Omnilateral's.
func (d *DB) Channel(id canon.Hash) *Channel {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.channels[id]
	if c == nil {
		c = &Channel{db: d, id: id}
		d.channels[id] = c
	}
	return c
}

// Node gives a keyspace for what the node keeps outside of its channels. Its
// id is one that no channel has.
func (d *DB) Node() *Channel { return d.Channel(nodeID) }

var nodeID = canon.Sum("lateral/store-node/1")

// Channels lists the channels that have committed something, in byte order of
// their ids; the node's own keyspaces are not among them.
func (d *DB) Channels() ([]canon.Hash, error) {
	it, err := d.db.NewIter(nil)
	if err != nil {
		return nil, d.explain(err)
	}
	var ids []canon.Hash
	for ok := it.First(); ok; {
		id := canon.Hash(it.Key())
		if id != nodeID && id != markID {
			ids = append(ids, id)
		}
		next := upper(id[:])
		if next == nil {
			break
		}
		ok = it.SeekGE(next)
	}
	if err := errors.Join(it.Error(), it.Close()); err != nil {
		return nil, d.explain(err)
	}
	return ids, nil
}

// ID is the channel's id.
func (c *Channel) ID() canon.Hash { return c.id }

// Commit writes a batch and returns when it is on disk. Codes: invalid,
// disk-full, store-failed. After store-failed it is open whether the batch
// stands; it never stands in part.
func (c *Channel) Commit(b Batch) error { return c.db.CommitAll(Part{c, b}) }

// put adds a channel's batch to Pebble's, and gives the tail that will stand
// with it. The channel's lock is held.
func (c *Channel) put(to *pebble.Batch, b Batch) (tail, error) {
	t, err := c.last()
	if err != nil {
		return tail{}, err
	}
	return c.putBehind(to, *t, b), nil
}

// putBehind is put behind a given commit.
func (c *Channel) putBehind(to *pebble.Batch, next tail, b Batch) tail {
	key := c.key(0, "")
	set := func(kind byte, rest string, value []byte) {
		key = append(append(key[:len(c.id)], kind), rest...)
		// A batch in memory takes every write; its errors come with Commit.
		if value == nil {
			_ = to.Delete(key, nil)
		} else {
			_ = to.Set(key, value, nil)
		}
	}
	for _, w := range b.Writes {
		set(kindRecord, w.Key, w.Value)
	}
	for _, leaf := range b.Leaves {
		set(kindLeaf, number(next.Leaves), notNil(leaf))
		next.Leaves++
	}
	for _, event := range b.Events {
		set(kindEvent, number(next.Events), notNil(event))
		next.Events++
	}
	for name, value := range b.Meta {
		set(kindMeta, name, value)
	}
	for _, w := range b.Index {
		set(kindIndex, w.Index+"\x00"+w.Key, w.Value)
	}
	if b.Roots != nil {
		next.Roots = *b.Roots
	}
	set(kindTail, "", canon.Must(next))
	return next
}

// last gives what the last commit left. The channel's lock is held.
func (c *Channel) last() (*tail, error) {
	if c.tail != nil {
		return c.tail, nil
	}
	data, ok, err := c.get(kindTail, "")
	if err != nil {
		return nil, err
	}
	t := &tail{}
	if ok {
		if err := canon.Decode(data, t); err != nil {
			return nil, corrupt(fmt.Sprintf("channel %s: the note of the last commit cannot be read", c.id)).Because(err)
		}
	}
	c.tail = t
	return t, nil
}

func (c *Channel) snapshot() (tail, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, err := c.last()
	if err != nil {
		return tail{}, err
	}
	return *t, nil
}

// Get gives the record of a key. Code: corrupt.
func (c *Channel) Get(key string) ([]byte, bool, error) { return c.get(kindRecord, key) }

// Scan yields the records whose key begins with prefix, in byte order of the
// keys, as they stood when the scan began. An error ends it.
func (c *Channel) Scan(prefix string) iter.Seq2[Record, error] {
	return c.scan(kindRecord, prefix, "")
}

// ScanAfter is Scan from the first key behind after, which begins with prefix
// or is empty.
func (c *Channel) ScanAfter(prefix, after string) iter.Seq2[Record, error] {
	if after == "" {
		return c.Scan(prefix)
	}
	return c.scan(kindRecord, prefix, after[len(prefix):]+"\x00")
}

// ScanBefore is Scan backwards, from the last key before the one that is given on,
// which begins with prefix; if it is empty, from the last of all.
func (c *Channel) ScanBefore(prefix, before string) iter.Seq2[Record, error] {
	low := c.key(kindRecord, prefix)
	high := upper(low)
	if before != "" {
		high = c.key(kindRecord, before)
	}
	return c.walk(low, high, (*pebble.Iterator).Last, (*pebble.Iterator).Prev)
}

// Meta gives a named value. Code: corrupt.
func (c *Channel) Meta(name string) ([]byte, bool, error) { return c.get(kindMeta, name) }

// Lookup gives an entry of a named index. Code: corrupt.
func (c *Channel) Lookup(index, key string) ([]byte, bool, error) {
	return c.get(kindIndex, index+"\x00"+key)
}

// ScanIndex yields the entries of a named index whose key begins with prefix,
// in byte order. An error ends it.
func (c *Channel) ScanIndex(index, prefix string) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for r, err := range c.scan(kindIndex, index+"\x00"+prefix, "") {
			if err == nil {
				r.Key = r.Key[len(index)+1:]
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// Roots gives what records and block log add up to after the last commit.
func (c *Channel) Roots() (Roots, error) {
	t, err := c.snapshot()
	return t.Roots, err
}

// LeafCount is the size of the block log.
func (c *Channel) LeafCount() (uint64, error) {
	t, err := c.snapshot()
	return t.Leaves, err
}

// Leaf gives a leaf of the block log. Codes: not-found, corrupt.
func (c *Channel) Leaf(index uint64) ([]byte, error) {
	data, ok, err := c.get(kindLeaf, number(index))
	if err == nil && !ok {
		err = fault.Newf(fault.NotFound, "ask for a leaf that is there", "channel %s has no leaf %d", c.id, index)
	}
	return data, err
}

// Leaves yields the block log from an index on. An error ends it.
func (c *Channel) Leaves(from uint64) iter.Seq2[Entry, error] { return c.entries(kindLeaf, from) }

// EventCount is the number of events so far, and of the next one.
func (c *Channel) EventCount() (uint64, error) {
	t, err := c.snapshot()
	return t.Events, err
}

// Events yields the event log from a number on, up to its present end. An
// error ends it.
func (c *Channel) Events(from uint64) iter.Seq2[Entry, error] { return c.entries(kindEvent, from) }

// Tree rebuilds the channel's sparse tree from its records and compares it
// with the root that was committed with them. Code: corrupt.
func (c *Channel) Tree(secret []byte) (*merkle.Sparse, error) {
	t, err := c.snapshot()
	if err != nil {
		return nil, err
	}
	const chunk = 1 << 14
	tree := merkle.NewSparse(secret)
	writes := make([]merkle.Write, 0, chunk)
	flush := func() error {
		_, err := tree.Update(writes)
		writes = writes[:0]
		return err
	}
	for r, err := range c.Scan("") {
		if err != nil {
			return nil, err
		}
		if writes = append(writes, merkle.Write(r)); len(writes) == chunk {
			if err := flush(); err != nil {
				return nil, err
			}
		}
	}
	if err := flush(); err != nil {
		return nil, err
	}
	if tree.Root() != t.Roots.State {
		return nil, corrupt(fmt.Sprintf("channel %s: the records do not add up to the state root that was committed with them", c.id))
	}
	return tree, nil
}

// Log rebuilds the channel's block log and compares it with the root that was
// committed with it. Code: corrupt.
func (c *Channel) Log() (*merkle.Log, error) {
	t, err := c.snapshot()
	if err != nil {
		return nil, err
	}
	log := &merkle.Log{}
	for leaf, err := range c.Leaves(0) {
		if err != nil {
			return nil, err
		}
		log.Append(leaf.Data)
	}
	if log.Size() != t.Leaves || t.Roots.Log != (canon.Hash{}) && log.Root() != t.Roots.Log {
		return nil, corrupt(fmt.Sprintf("channel %s: the block log does not add up to the root that was committed with it", c.id))
	}
	return log, nil
}

// Clear removes all that the store has of the channel, so that it can be
// rebuilt from the ledger.
func (c *Channel) Clear() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	batch, err := c.cleared()
	if err != nil {
		return err
	}
	if err := c.db.apply(batch); err != nil {
		return err
	}
	c.tail = nil
	return nil
}

// Replace removes all that the store has of the channel and writes a batch in
// its place: both or neither. Codes: those of Commit.
func (c *Channel) Replace(b Batch) error {
	if err := c.db.Room(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	batch, err := c.cleared()
	if err != nil {
		return err
	}
	next := c.putBehind(batch, tail{}, b)
	if err := c.db.apply(batch); err != nil {
		return err
	}
	c.tail = &next
	return nil
}

// cleared gives a batch that removes all of the channel.
func (c *Channel) cleared() (*pebble.Batch, error) {
	end := upper(c.id[:])
	if end == nil {
		return nil, fault.Newf(fault.Invalid, "choose another channel", "channel id %s cannot be cleared", c.id)
	}
	batch := c.db.db.NewBatch()
	if err := batch.DeleteRange(c.id[:], end, nil); err != nil {
		return nil, errors.Join(c.db.explain(err), batch.Close())
	}
	return batch, nil
}

func (c *Channel) key(kind byte, rest string) []byte {
	key := make([]byte, 0, len(c.id)+1+len(rest)+16)
	return append(append(append(key, c.id[:]...), kind), rest...)
}

func (c *Channel) get(kind byte, rest string) ([]byte, bool, error) {
	value, closer, err := c.db.db.Get(c.key(kind, rest))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, c.db.explain(err)
	}
	value = notNil(slices.Clone(value))
	if err := closer.Close(); err != nil {
		return nil, false, c.db.explain(err)
	}
	return value, true, nil
}

// scan yields what begins with prefix, from prefix+from on.
func (c *Channel) scan(kind byte, prefix, from string) iter.Seq2[Record, error] {
	return c.walk(c.key(kind, prefix+from), upper(c.key(kind, prefix)), (*pebble.Iterator).First, (*pebble.Iterator).Next)
}

// walk yields what stands under the keys from low on, before high, in the order that
// first and next go.
func (c *Channel) walk(low, high []byte, first, next func(*pebble.Iterator) bool) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		it, err := c.db.db.NewIter(&pebble.IterOptions{LowerBound: low, UpperBound: high})
		if err != nil {
			yield(Record{}, c.db.explain(err))
			return
		}
		skip := len(c.id) + 1
		for ok := first(it); ok; ok = next(it) {
			value, err := it.ValueAndErr()
			if err != nil {
				break // it.Error has it too
			}
			if !yield(Record{string(it.Key()[skip:]), notNil(slices.Clone(value))}, nil) {
				_ = it.Close() // the reader has what it wanted
				return
			}
		}
		if err := errors.Join(it.Error(), it.Close()); err != nil {
			yield(Record{}, c.db.explain(err))
		}
	}
}

// entries yields numbered data and sees that no number is missing.
func (c *Channel) entries(kind byte, from uint64) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		next := from
		for r, err := range c.scan(kind, "", number(from)) {
			if err == nil && r.Key != number(next) {
				err = corrupt(fmt.Sprintf("channel %s: entry %d of a log is missing", c.id, next))
			}
			if !yield(Entry{next, r.Value}, err) || err != nil {
				return
			}
			next++
		}
	}
}

func number(n uint64) string { return string(binary.BigEndian.AppendUint64(nil, n)) }

// upper is the first key after all that begin with prefix; nil when there is
// none.
func upper(prefix []byte) []byte {
	end := slices.Clone(prefix)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}

// notNil keeps an empty value apart from none.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
