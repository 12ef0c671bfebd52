package channel

import (
	"hash/maphash"
	"iter"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
)

// storeFailure carries an error of the store through the state machine, which
// has no place for one: reading a record cannot fail there. Whoever runs
// commands recovers it and stops.
type storeFailure struct{ err error }

// catch turns a storeFailure into an error. Other panics go on.
func catch(err *error) {
	switch p := recover().(type) {
	case nil:
	case storeFailure:
		*err = p.err
	default:
		panic(p)
	}
}

const cacheBytes = 16 << 20

// committed reads a channel's records as the last block left them that was
// absorbed, through a cache of what was read or written last. Safe for concurrent
// reads; absorb only while nobody reads.
type committed struct {
	space *store.Channel

	seed maphash.Seed

	mu sync.RWMutex // guards what follows
	// cache and aged have one half of the cache each. Once the first is full, the
	// second is dropped and the first takes its place. Nil: known to be absent.
	cache, aged map[string][]byte
	bytes       int // in cache
	// known holds a hash of every key that is there, and of some that are not
	// any more. Most commands make a record under a new key and ask first
	// whether it is free: without a look at the disk it costs nothing.
	known map[uint64]struct{}
	// before is what a block replaces that is on its way into the store: whoever
	// reads meanwhile finds all of it or nothing. Nil: there is none.
	before *overlay
}

func newCommitted(space *store.Channel) (*committed, error) {
	c := &committed{space: space, seed: maphash.MakeSeed(), cache: map[string][]byte{}, known: map[uint64]struct{}{}}
	for r, err := range space.Scan("") {
		if err != nil {
			return nil, err
		}
		c.known[maphash.String(c.seed, r.Key)] = struct{}{}
	}
	return c, nil
}

func (c *committed) Get(key string) ([]byte, bool) {
	c.mu.RLock()
	value, ok := c.cache[key]
	aged := false
	if !ok {
		value, aged = c.aged[key]
	}
	_, known := c.known[maphash.String(c.seed, key)]
	c.mu.RUnlock()
	if ok || !known {
		return value, value != nil
	}
	if !aged {
		var err error
		if value, ok, err = c.space.Get(key); err != nil {
			panic(storeFailure{err})
		}
		if !ok {
			value = nil
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, replaced := c.replaced(key); replaced { // the store may have had it
		value = old
	}
	c.keep(key, value)
	return value, value != nil
}

// replaced gives what was under a key that a block on its way writes. The lock is
// held.
func (c *committed) replaced(key string) (old []byte, ok bool) {
	if c.before != nil {
		old, ok = c.before.writes[key]
	}
	return old, ok
}

func (c *committed) keep(key string, value []byte) {
	if c.bytes > cacheBytes/2 {
		c.cache, c.aged, c.bytes = map[string][]byte{}, c.cache, 0
	}
	c.cache[key] = value
	c.bytes += len(key) + len(value) + 64
}

func (c *committed) Scan(prefix string) iter.Seq2[string, []byte] { return c.ScanAfter(prefix, "") }

// ScanAfter is Scan from the first key behind after on, which begins with
// prefix or is empty.
func (c *committed) ScanAfter(prefix, after string) iter.Seq2[string, []byte] {
	return c.scanned(c.space.ScanAfter(prefix, after), strings.Compare, func(keys []string) []string {
		return keys[sort.Search(len(keys), func(i int) bool { return after == "" || keys[i] > after }):]
	}, prefix)
}

// ScanBefore is Scan backwards, from the last key before the one that is given on,
// which begins with prefix; if it is empty, from the last of all.
func (c *committed) ScanBefore(prefix, before string) iter.Seq2[string, []byte] {
	return c.scanned(c.space.ScanBefore(prefix, before), func(a, b string) int { return strings.Compare(b, a) }, func(keys []string) []string {
		keys = slices.Clone(keys[:sort.Search(len(keys), func(i int) bool { return before != "" && keys[i] >= before })])
		slices.Reverse(keys)
		return keys
	}, prefix)
}

// scanned merges what the store has with what a block replaces that is on its way.
// order is that of the scan, and wanted cuts the scan's part out of ascending keys and
// puts it into that order.
func (c *committed) scanned(records iter.Seq2[store.Record, error], order func(a, b string) int, wanted func(keys []string) []string, prefix string) iter.Seq2[string, []byte] {
	stored := func(yield func(string, []byte) bool) {
		for r, err := range records {
			if err != nil {
				panic(storeFailure{err})
			}
			if !yield(r.Key, r.Value) {
				return
			}
		}
	}
	// The scan has begun when this is asked: what was on its way before is here, and
	// what comes later the scan does not see.
	return merged(stored, order, func() ([]string, map[string][]byte) {
		c.mu.RLock()
		defer c.mu.RUnlock()
		if c.before == nil {
			return nil, nil
		}
		return wanted(c.before.keys.withPrefix(prefix)), c.before.writes
	})
}

// hold keeps what is under keys that are about to be written, until absorb: reads
// find it, whatever the store has.
func (c *committed) hold(writes []merkle.Write) {
	before := newOverlay(nil)
	for _, w := range writes {
		value, _ := c.Get(w.Key)
		before.apply([]trade.Write{{Key: w.Key, Value: value}})
	}
	c.mu.Lock()
	c.before = before
	c.mu.Unlock()
}

// absorb takes over what has just been committed.
func (c *committed) absorb(writes []merkle.Write) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.before = nil
	for _, w := range writes {
		c.keep(w.Key, w.Value)
		if w.Value != nil {
			c.known[maphash.String(c.seed, w.Key)] = struct{}{}
		}
	}
}

// noRecords is an empty state.
type noRecords struct{}

func (noRecords) Get(string) ([]byte, bool) { return nil, false }

func (noRecords) Scan(string) iter.Seq2[string, []byte] { return func(func(string, []byte) bool) {} }

// overlay is a state with writes that are not committed yet: what the commands
// of a block find. For one goroutine.
type overlay struct {
	base   trade.Records
	writes map[string][]byte // nil: removed
	keys   sortedKeys        // of writes
}

func newOverlay(base trade.Records) *overlay {
	return &overlay{base: base, writes: map[string][]byte{}}
}

func (o *overlay) Get(key string) ([]byte, bool) {
	if value, ok := o.writes[key]; ok {
		return value, value != nil
	}
	return o.base.Get(key)
}

// Scan merges the records beneath with the writes above them.
func (o *overlay) Scan(prefix string) iter.Seq2[string, []byte] {
	return merged(o.base.Scan(prefix), strings.Compare, func() ([]string, map[string][]byte) { return o.keys.withPrefix(prefix), o.writes })
}

// merged yields records with writes above them, in the order of keys. Which keys
// are written is asked once the records are being read.
func merged(base iter.Seq2[string, []byte], order func(a, b string) int, written func() (keys []string, writes map[string][]byte)) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		var above []string
		var writes map[string][]byte
		begun := false
		begin := func() {
			if !begun {
				above, writes = written()
				begun = true
			}
		}
		emit := func(key string) bool {
			value := writes[key]
			return value == nil || yield(key, value)
		}
		for key, value := range base {
			begin()
			for len(above) > 0 && order(above[0], key) < 0 {
				if !emit(above[0]) {
					return
				}
				above = above[1:]
			}
			if len(above) > 0 && above[0] == key {
				if !emit(key) {
					return
				}
				above = above[1:]
				continue
			}
			if !yield(key, value) {
				return
			}
		}
		begin()
		for _, key := range above {
			if !emit(key) {
				return
			}
		}
	}
}

func (o *overlay) apply(writes []trade.Write) {
	for _, w := range writes {
		if _, ok := o.writes[w.Key]; !ok {
			o.keys.insert(w.Key)
		}
		o.writes[w.Key] = w.Value
	}
}

// wrote reports whether a key that begins with prefix was written.
func (o *overlay) wrote(prefix string) bool { return len(o.keys.withPrefix(prefix)) > 0 }

// list gives all writes in key order.
func (o *overlay) list() []merkle.Write {
	out := make([]merkle.Write, 0, len(o.writes))
	for _, chunk := range o.keys.chunks {
		for _, key := range chunk {
			out = append(out, merkle.Write{Key: key, Value: o.writes[key]})
		}
	}
	return out
}

// sortedKeys is a set of keys in order: chunks of some hundred, so that a
// command that scans after another has written costs no sorting of the block.
type sortedKeys struct{ chunks [][]string }

const chunkKeys = 256

func (s *sortedKeys) insert(key string) {
	if len(s.chunks) == 0 {
		s.chunks = [][]string{{key}}
		return
	}
	i := s.chunkOf(key)
	at, found := slices.BinarySearch(s.chunks[i], key)
	if found {
		return
	}
	s.chunks[i] = slices.Insert(s.chunks[i], at, key)
	if c := s.chunks[i]; len(c) > chunkKeys {
		s.chunks[i] = c[: chunkKeys/2 : chunkKeys/2]
		s.chunks = slices.Insert(s.chunks, i+1, slices.Clone(c[chunkKeys/2:]))
	}
}

// chunkOf gives the last chunk that begins at or before key, or the first.
func (s *sortedKeys) chunkOf(key string) int {
	i := sort.Search(len(s.chunks), func(i int) bool { return s.chunks[i][0] > key })
	return max(0, i-1)
}

func (s *sortedKeys) withPrefix(prefix string) []string {
	if len(s.chunks) == 0 {
		return nil
	}
	var out []string
	for _, chunk := range s.chunks[s.chunkOf(prefix):] {
		at, _ := slices.BinarySearch(chunk, prefix)
		for _, key := range chunk[at:] {
			if !strings.HasPrefix(key, prefix) {
				return out
			}
			out = append(out, key)
		}
	}
	return out
}
