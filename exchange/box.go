package exchange

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/seal"
	"github.com/lateral-network/lateral/internal/sign"
)

// box is what an Exchange remembers through a restart: a small Pebble store of
// its own. Commits of many callers at once share one sync.
//
//	p <node key>  partner    where a partner was told to be
//	o <number>    Transfer   outbox: not yet acknowledged, oldest first
//	d <id>        outcome    what became of a file that was sent
//	u <id>        (empty)    that outcome has not been reported yet
//	i <number>    Transfer   inbox: stored and acknowledged, not yet handled
//	r <id>        arrival    the file was received
type box struct {
	db     *pebble.DB
	number atomic.Uint64 // the last one used under o and i
	broken atomic.Pointer[fault.Error]
	gone   chan struct{} // closed when broken is set: only a restart helps
}

const (
	atPartner  = 'p'
	atOutbox   = 'o'
	atOutcome  = 'd'
	atReport   = 'u'
	atInbox    = 'i'
	atReceived = 'r'
)

type partner struct {
	Address string         `cbor:"1,keyasint"`
	Sealing seal.PublicKey `cbor:"2,keyasint"`
}

// outcome has a signature or a fault.
type outcome struct {
	Transfer  Transfer       `cbor:"1,keyasint"`
	Signature sign.Signature `cbor:"2,keyasint"`
	Fault     *problem       `cbor:"3,keyasint,omitempty"`
	At        int64          `cbor:"4,keyasint"` // Unix seconds, by our own clock: for pruning only
}

func (o outcome) receipt() Receipt { return Receipt{Transfer: o.Transfer, Signature: o.Signature} }

func (o outcome) err() error {
	if o.Fault == nil {
		return nil
	}
	f := fault.New(fault.Code(o.Fault.Code), o.Fault.Detail, o.Fault.Remedy)
	f.Field = o.Fault.Field
	return f
}

type arrival struct {
	At int64 `cbor:"1,keyasint"` // Unix seconds, for pruning only
}

func openBox(dir string, fs vfs.FS, log *slog.Logger) (*box, error) {
	cache := pebble.NewCache(2 << 20)
	defer cache.Unref()
	db, err := pebble.Open(dir, &pebble.Options{
		FS:                 fs,
		Cache:              cache,
		MemTableSize:       2 << 20,
		FormatMajorVersion: pebble.FormatTableFormatV6,
		Logger:             pebbleLog{log},
	})
	if err != nil {
		code, remedy := fault.Unavailable, "check that the directory exists, is writable, and is used by no other node"
		if errors.Is(err, pebble.ErrCorruption) {
			code, remedy = fault.Corrupt, "restore the directory from a backup; partners send again what they have no receipt for"
		}
		return nil, fault.New(code, "the outbox does not open", remedy).Because(err)
	}
	b := &box{db: db, gone: make(chan struct{})}
	for _, kind := range []byte{atOutbox, atInbox} {
		err := b.each(kind, func(key, _ []byte) error {
			if len(key) != 8 {
				return corrupt(fmt.Errorf("a key of %d bytes", len(key)))
			}
			if n := binary.BigEndian.Uint64(key); n > b.number.Load() {
				b.number.Store(n)
			}
			return nil
		})
		if err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	return b, nil
}

func (b *box) close() error { return b.db.Close() }

// commit writes what fill puts, all or nothing. Without sync a crash may
// forget it: for what can be done again.
func (b *box) commit(sync bool, fill func(*changes)) (err error) {
	if f := b.broken.Load(); f != nil {
		return f
	}
	c := &changes{b.db.NewBatch()}
	defer func() {
		// Pebble gives up with Fatalf when its log cannot be written.
		if cause := recover(); cause != nil {
			f := fault.New(fault.Unavailable, "the outbox cannot be written", "free space on its disk and restart the node").Because(fmt.Errorf("%v", cause))
			if b.broken.CompareAndSwap(nil, f) {
				close(b.gone)
			}
			err = f
		}
	}()
	fill(c)
	options := pebble.NoSync
	if sync {
		options = pebble.Sync
	}
	if err := c.batch.Commit(options); err != nil {
		return fault.New(fault.Unavailable, "the outbox cannot be written", "look at the disk it is on").Because(err)
	}
	return c.batch.Close()
}

// changes are writes that go together.
type changes struct{ batch *pebble.Batch }

func (c *changes) set(kind byte, key []byte, value any) {
	var data []byte
	if value != nil {
		data = canon.Must(value)
	}
	if err := c.batch.Set(append([]byte{kind}, key...), data, nil); err != nil {
		panic(err) // an indexed or closed batch: our own mistake
	}
}

func (c *changes) drop(kind byte, key []byte) {
	if err := c.batch.Delete(append([]byte{kind}, key...), nil); err != nil {
		panic(err)
	}
}

// numbered gives the key of a new entry at the end of the outbox or inbox.
func (b *box) numbered() uint64 { return b.number.Add(1) }

func numberKey(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// get reads one record into v and reports whether there is one.
func (b *box) get(kind byte, key []byte, v any) (bool, error) {
	data, closer, err := b.db.Get(append([]byte{kind}, key...))
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, corrupt(err)
	}
	defer closer.Close()
	if v == nil {
		return true, nil
	}
	if err := canon.Decode(data, v); err != nil {
		return false, corrupt(err)
	}
	return true, nil
}

// each visits the records of a kind in the order of their keys. Key and value
// are valid during the visit only.
func (b *box) each(kind byte, visit func(key, value []byte) error) error {
	it, err := b.db.NewIter(&pebble.IterOptions{LowerBound: []byte{kind}, UpperBound: []byte{kind + 1}})
	if err != nil {
		return corrupt(err)
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		if err := visit(it.Key()[1:], it.Value()); err != nil {
			return err
		}
	}
	if err := it.Error(); err != nil {
		return corrupt(err)
	}
	return nil
}

// prune forgets outcomes and arrivals of before a time. An outcome that has
// not been reported stays.
func (b *box) prune(ctx context.Context, before time.Time) error {
	var old []struct {
		kind byte
		key  []byte
	}
	note := func(kind byte, key []byte) {
		old = append(old, struct {
			kind byte
			key  []byte
		}{kind, append([]byte(nil), key...)})
	}
	err := b.each(atOutcome, func(key, value []byte) error {
		var o outcome
		if err := canon.Decode(value, &o); err != nil {
			return corrupt(err)
		}
		if o.At >= before.Unix() {
			return ctx.Err()
		}
		unreported, err := b.get(atReport, key, nil)
		if err == nil && !unreported {
			note(atOutcome, key)
		}
		return errors.Join(err, ctx.Err())
	})
	if err != nil {
		return err
	}
	err = b.each(atReceived, func(key, value []byte) error {
		var a arrival
		if err := canon.Decode(value, &a); err != nil {
			return corrupt(err)
		}
		if a.At < before.Unix() {
			note(atReceived, key)
		}
		return ctx.Err()
	})
	if err != nil || len(old) == 0 {
		return err
	}
	return b.commit(false, func(c *changes) {
		for _, o := range old {
			c.drop(o.kind, o.key)
		}
	})
}

func corrupt(cause error) error {
	return fault.New(fault.Corrupt, "the outbox holds a record that cannot be read",
		"restore the directory from a backup; partners send again what they have no receipt for").Because(cause)
}

// pebbleLog keeps Pebble quiet and makes its Fatalf a panic, which commit
// turns into a fault. On a goroutine of Pebble's own it ends the process: the
// store beneath is then in an unknown state, and a restart recovers it.
type pebbleLog struct{ log *slog.Logger }

func (l pebbleLog) Infof(string, ...any) {}
func (l pebbleLog) Errorf(format string, args ...any) {
	l.log.Error("outbox store", "err", fmt.Sprintf(format, args...))
}
func (l pebbleLog) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
