package channel

import (
	"sync"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
)

// checked remembers the envelopes whose signature has been verified. An
// envelope is checked at admission, in proposals and when it is applied, and
// hashing 256 KiB each time would cost more than executing it.
//
// An entry answers only for the very same bytes in memory, which the entry
// keeps alive: payloads are not changed after Sign, so equal address and
// length mean equal content.
type checked struct {
	mu      sync.Mutex
	entries map[sign.Signature]verified
	order   []sign.Signature // oldest first
	bytes   int              // of the payloads kept alive
}

const (
	maxChecked      = 4096
	maxCheckedBytes = 64 << 20
)

type verified struct {
	header  ledger.Header
	payload []byte
	id      canon.Hash
	good    bool
}

func newChecked() *checked { return &checked{entries: map[sign.Signature]verified{}} }

func (c *checked) find(e ledger.Envelope) (verified, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.entries[e.Signature]
	if !ok || v.header != e.Header || len(v.payload) != len(e.Payload) {
		return verified{}, false
	}
	if len(e.Payload) > 0 && &v.payload[0] != &e.Payload[0] {
		return verified{}, false
	}
	return v, true
}

func (c *checked) add(e ledger.Envelope, id canon.Hash, good bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.order) > 0 && (len(c.order) >= maxChecked || c.bytes+len(e.Payload) > maxCheckedBytes) {
		c.remove(c.order[0])
		c.order = c.order[1:]
	}
	c.remove(e.Signature)
	c.entries[e.Signature] = verified{e.Header, e.Payload, id, good}
	c.order = append(c.order, e.Signature)
	c.bytes += len(e.Payload)
}

func (c *checked) remove(s sign.Signature) {
	if v, ok := c.entries[s]; ok {
		c.bytes -= len(v.payload)
		delete(c.entries, s)
	}
}

// id gives the envelope's id.
func (c *checked) id(e ledger.Envelope) canon.Hash {
	if v, ok := c.find(e); ok {
		return v.id
	}
	return e.ID()
}

// verify reports whether the signature is the sender's.
func (c *checked) verify(e ledger.Envelope) bool {
	if v, ok := c.find(e); ok {
		return v.good
	}
	id := e.ID()
	good := e.VerifyAs(id)
	c.add(e, id, good)
	return good
}

// batch verifies those of a block that nobody has verified yet, together.
func (c *checked) batch(all []ledger.Envelope) {
	var todo []ledger.Envelope
	for _, e := range all {
		if _, ok := c.find(e); !ok {
			todo = append(todo, e)
		}
	}
	if len(todo) < 2 {
		return
	}
	var batch sign.Batch
	ids := make([]canon.Hash, len(todo))
	for i, e := range todo {
		ids[i] = e.AddTo(&batch)
	}
	_, good := batch.Verify()
	for i, e := range todo {
		c.add(e, ids[i], good[i])
	}
}

// forget lets go of a block's envelopes.
func (c *checked) forget(all []ledger.Envelope) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range all {
		c.remove(e.Signature)
	}
	kept := c.order[:0]
	for _, s := range c.order {
		if _, ok := c.entries[s]; ok {
			kept = append(kept, s)
		}
	}
	c.order = kept
}
