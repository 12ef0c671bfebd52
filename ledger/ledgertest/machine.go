package ledgertest

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
)

// Senders is how many keys every Machine knows.
const Senders = 128

// Sender gives one of the keys that every Machine knows; from Senders on they
// are unknown to it.
func Sender(i int) sign.PrivateKey {
	return sign.FromSeed(canon.Sum("lateral/ledgertest-sender", fmt.Append(nil, i)))
}

var known = func() map[sign.PublicKey]bool {
	out := map[sign.PublicKey]bool{}
	for i := range Senders {
		out[Sender(i).Public()] = true
	}
	return out
}()

// Machine is the suite's own small machine: it takes what is signed by a known
// key under the next sequence number of its channel, and its root is a chain
// of hashes over what it took. Its state is what a disk would hold: it outlives
// the driver, and faults can be put into it. Safe for concurrent use.
type Machine struct {
	mu     sync.Mutex
	blocks []snapshot // the state after each block, from block 1
	fail   func(ledger.Height) Fault
	slow   time.Duration // before each block is applied

	applied map[ledger.Height]int // how often each block was handed over
}

type snapshot struct {
	block canon.Hash // what was applied
	root  ledger.Root
	known map[sign.PublicKey]bool // keys that blocks have brought
	next  map[place]uint64
	time  int64
}

// introduction is what the payload of an envelope begins with that brings a new
// key, which follows.
const introduction = "introduce "

// Introduce makes an envelope, to be signed, that brings a key: every Machine
// takes it from the next block on.
func Introduce(h ledger.Header, key sign.PublicKey) ledger.Envelope {
	return ledger.Envelope{Header: h, Payload: append([]byte(introduction), key[:]...)}
}

// introduced gives the key that an envelope brings.
func introduced(e ledger.Envelope) (sign.PublicKey, bool) {
	key, ok := bytes.CutPrefix(e.Payload, []byte(introduction))
	if !ok || len(key) != len(sign.PublicKey{}) {
		return sign.PublicKey{}, false
	}
	return sign.PublicKey(key), true
}

type place struct {
	channel ledger.ChannelID
	sender  sign.PublicKey
}

// Fault is what goes wrong in Apply.
type Fault int

// The faults: none, an error before anything was written, an error after all
// of it was.
const (
	None Fault = iota
	Before
	After
)

// NewMachine gives a machine that has applied nothing.
func NewMachine() *Machine {
	return &Machine{fail: func(ledger.Height) Fault { return None }, applied: map[ledger.Height]int{}}
}

// Clone gives a machine in the same state, as a copy of the disk would be.
func (m *Machine) Clone() *Machine {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := NewMachine()
	c.blocks = slices.Clone(m.blocks)
	return c
}

// Break puts a fault into Apply; nil takes it out.
func (m *Machine) Break(fail func(ledger.Height) Fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if fail == nil {
		fail = func(ledger.Height) Fault { return None }
	}
	m.fail = fail
}

// Slow makes each Apply take longer.
func (m *Machine) Slow(by time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.slow = by
}

// Forget takes the machine back to an earlier block, as a disk does that loses
// its last writes.
func (m *Machine) Forget(to ledger.Height) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.blocks = m.blocks[:min(int(to), len(m.blocks))]
}

// Root gives the root after a block, and whether it was applied.
func (m *Machine) Root(h ledger.Height) (ledger.Root, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if h == 0 || int(h) > len(m.blocks) {
		return ledger.Root{}, false
	}
	return m.blocks[h-1].root, true
}

// Applied implements [ledger.Resumer].
func (m *Machine) Applied() (ledger.Height, ledger.Root, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return ledger.Height(len(m.blocks)), m.now().root, nil
}

// now is the state after the last block. The caller holds mu.
func (m *Machine) now() snapshot {
	if len(m.blocks) == 0 {
		return snapshot{next: map[place]uint64{}}
	}
	return m.blocks[len(m.blocks)-1]
}

// Check implements [ledger.Machine].
func (m *Machine) Check(e ledger.Envelope) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now().check(e)
}

func (s snapshot) check(e ledger.Envelope) error {
	if !known[e.Header.Sender] && !s.known[e.Header.Sender] {
		return fault.New(fault.Refused, "the sender's key is not known", "register the key").In("sender")
	}
	want := s.next[place{e.Header.Channel, e.Header.Sender}] + 1
	switch n := e.Header.Sequence; {
	case n < want:
		return fault.Newf(fault.Refused, "number the envelope anew", "number %d is used", n).In("sequence")
	case n > want:
		return ledger.NotYet(want, n)
	}
	return nil
}

// Apply implements [ledger.Machine].
func (m *Machine) Apply(b ledger.Block) (ledger.Root, error) {
	m.mu.Lock()
	slow := m.slow
	m.mu.Unlock()
	time.Sleep(slow)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.applied[b.Height]++
	if int(b.Height) <= len(m.blocks) {
		before := m.blocks[b.Height-1]
		if before.block != contentOf(b) {
			return ledger.Root{}, fmt.Errorf("block %d was handed over again with another content", b.Height)
		}
		return before.root, nil
	}
	if int(b.Height) != len(m.blocks)+1 {
		return ledger.Root{}, fmt.Errorf("block %d was handed over after block %d", b.Height, len(m.blocks))
	}
	if m.fail(b.Height) == Before {
		return ledger.Root{}, fmt.Errorf("injected before block %d was written", b.Height)
	}
	s := m.now()
	if b.Time < s.time {
		return ledger.Root{}, fmt.Errorf("block %d is at %d, before the one before it at %d", b.Height, b.Time, s.time)
	}
	s = snapshot{contentOf(b), s.root, s.known, maps.Clone(s.next), b.Time}
	var brought []sign.PublicKey // they count from the next block on
	for _, e := range b.Envelopes {
		if s.check(e) != nil {
			continue // stands in its place, and is skipped
		}
		id := e.ID()
		s.next[place{e.Header.Channel, e.Header.Sender}]++
		s.root = canon.Sum("lateral/ledgertest-root", s.root[:], id[:])
		if key, ok := introduced(e); ok {
			brought = append(brought, key)
		}
	}
	if len(brought) > 0 {
		s.known = maps.Clone(s.known)
		if s.known == nil {
			s.known = map[sign.PublicKey]bool{}
		}
		for _, key := range brought {
			s.known[key] = true
		}
	}
	m.blocks = append(slices.Clip(m.blocks), s)
	if m.fail(b.Height) == After {
		return ledger.Root{}, fmt.Errorf("injected after block %d was written", b.Height)
	}
	return s.root, nil
}

// contentOf is a hash over all that a block says.
func contentOf(b ledger.Block) canon.Hash {
	pieces := [][]byte{fmt.Append(nil, b.Height, b.Time)}
	for _, e := range b.Envelopes {
		pieces = append(pieces, e.Marshal())
	}
	return canon.Sum("lateral/ledgertest-block", pieces...)
}
