package channel

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/proof"
)

// CodeOutboxBehind: the ledger holds envelopes under this node's keys that its
// outbox does not know. Another process uses the keys, or the outbox comes from
// a backup.
const CodeOutboxBehind fault.Code = "outbox-behind"

// outbox keeps every envelope from before it is sent until it is final, so
// that after a crash the same bytes go again. One process owns it, and with it
// the keys that sign into it.
type outbox struct {
	lock    *durable.Lock
	journal *durable.Journal

	mu      sync.Mutex // guards what follows
	lanes   map[lane]*outLane
	heads   map[canon.Hash]proof.Head // last head signed in each channel
	written int                       // bytes since the last Reset
}

// outLane is what the outbox knows of one sender in one channel.
type outLane struct {
	last    uint64 // highest number signed
	pending []ledger.Envelope
}

// outRecord is one record of the journal. One of Envelope and Last is set.
type outRecord struct {
	Envelope []byte      `cbor:"1,keyasint,omitempty"` // a signed envelope
	Head     *proof.Head `cbor:"2,keyasint,omitempty"` // the head that it carries, or that was signed last
	Last     []lastMark  `cbor:"3,keyasint,omitempty"` // what is known after the journal was cut
}

type lastMark struct {
	Header ledger.Header `cbor:"1,keyasint"` // channel, sender and number count
}

// outboxCut is the size in bytes from which the journal is cut down to what
// is still needed.
const outboxCut = 16 << 20

// openOutbox takes the directory for this process and reads what was sent.
// Codes: directory-in-use, corrupt, disk-full, disk-failed.
func openOutbox(dir string) (*outbox, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, durable.Explain("make the folder "+dir, err)
	}
	lock, err := durable.LockDir(dir)
	if err != nil {
		return nil, err
	}
	o := &outbox{lock: lock, lanes: map[lane]*outLane{}, heads: map[canon.Hash]proof.Head{}}
	journal, found, err := durable.OpenJournal(durable.OS, filepath.Join(dir, "outbox"))
	if err != nil {
		return nil, errors.Join(err, lock.Release())
	}
	o.journal = journal
	for i, data := range found.Records {
		if err := o.read(data); err != nil {
			return nil, errors.Join(fmt.Errorf("reading record %d of the outbox: %w", i, err), o.close())
		}
	}
	return o, nil
}

func (o *outbox) read(data []byte) error {
	var rec outRecord
	if err := canon.Decode(data, &rec); err != nil {
		return err
	}
	o.written += len(data)
	if rec.Head != nil {
		o.heads[rec.Head.Channel] = *rec.Head
	}
	for _, l := range rec.Last {
		o.lane(lane{l.Header.Channel, l.Header.Sender}).last = l.Header.Sequence
	}
	if rec.Envelope != nil {
		e, err := ledger.Unmarshal(rec.Envelope)
		if err != nil {
			return err
		}
		l := o.lane(laneOf(e))
		l.last = e.Header.Sequence
		l.pending = append(l.pending, e)
	}
	return nil
}

func (o *outbox) lane(l lane) *outLane {
	out := o.lanes[l]
	if out == nil {
		out = &outLane{}
		o.lanes[l] = out
	}
	return out
}

// add keeps a signed envelope, and the head that it carries if it does. When
// it returns, both are on disk and the envelope may be sent.
func (o *outbox) add(e ledger.Envelope, head *proof.Head) error {
	rec := canon.Must(outRecord{Envelope: e.Marshal(), Head: head})
	if err := o.journal.Append(rec); err != nil {
		return fmt.Errorf("keeping envelope %d before it is sent: %w", e.Header.Sequence, err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.written += len(rec)
	if head != nil {
		o.heads[head.Channel] = *head
	}
	l := o.lane(laneOf(e))
	l.last = e.Header.Sequence
	l.pending = append(l.pending, e)
	return nil
}

// settle forgets what is final in a lane, and cuts the journal when it has
// grown.
func (o *outbox) settle(l lane, upTo uint64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := o.lane(l)
	for len(out.pending) > 0 && out.pending[0].Header.Sequence <= upTo {
		out.pending[0] = ledger.Envelope{} // let go of the payload
		out.pending = out.pending[1:]
	}
	out.last = max(out.last, upTo)
	if o.written < outboxCut {
		return nil
	}
	var last []lastMark
	var records [][]byte
	pending := 0
	for l, out := range o.lanes {
		last = append(last, lastMark{ledger.Header{Channel: l.channel, Sender: l.sender, Sequence: out.last - uint64(len(out.pending))}})
		for _, e := range out.pending {
			records = append(records, canon.Must(outRecord{Envelope: e.Marshal()}))
			pending += len(e.Payload)
		}
	}
	if pending > outboxCut/2 {
		return nil // most of it is still under way
	}
	records = append([][]byte{canon.Must(outRecord{Last: last})}, records...)
	for _, h := range o.heads {
		records = append(records, canon.Must(outRecord{Head: &h}))
	}
	if err := o.journal.Reset(records...); err != nil {
		return fmt.Errorf("cutting the outbox: %w", err)
	}
	o.written = pending
	return nil
}

// take makes it durable that numbers of a lane are used: of a node whose outbox
// was lost.
func (o *outbox) take(l lane, last uint64) error {
	rec := canon.Must(outRecord{Last: []lastMark{{ledger.Header{Channel: l.channel, Sender: l.sender, Sequence: last}}}})
	if err := o.journal.Append(rec); err != nil {
		return fmt.Errorf("keeping how many envelopes of key %s there are: %w", l.sender.Short(), err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.written += len(rec)
	o.lane(l).last = last
	return nil
}

// lastOf gives the highest number signed in a lane, and what of it is not
// known to be final.
func (o *outbox) lastOf(l lane) (uint64, []ledger.Envelope) {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := o.lanes[l]
	if out == nil {
		return 0, nil
	}
	return out.last, append([]ledger.Envelope(nil), out.pending...)
}

// signedHead gives the last head signed in a channel.
func (o *outbox) signedHead(id canon.Hash) (proof.Head, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	h, ok := o.heads[id]
	return h, ok
}

func (o *outbox) close() error { return errors.Join(o.journal.Close(), o.lock.Release()) }
