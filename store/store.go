// Package store is a node's own durable data: one Pebble database with a
// keyspace for each channel (store.go, channel.go), and files by their content
// (blob.go). Everything in it but keys and unsent envelopes can be rebuilt from
// the ledger.
//
// A commit is one synced batch: after a crash a channel's records, block log,
// events, position and indices stand all before or all after it.
package store

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"sync"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/durable"
)

// Codes of this package.
const (
	// CodeDiskFull: the disk has no room. What was committed before stands.
	CodeDiskFull = durable.CodeDiskFull
	// CodeStoreFailed: the disk refused a write or a sync. Whether the last
	// commit stands is known only after the store is opened again.
	CodeStoreFailed fault.Code = "store-failed"
)

// Options are the settings of a store. The zero value is good for a node.
type Options struct {
	// Memory keeps everything in memory and nothing on disk: for tests.
	Memory bool
	// Cache is shared between the stores of one process. Nil gives the store
	// one of its own of DefaultCache bytes.
	Cache *Cache
	// MemTable is how many bytes of new data wait in memory before they are
	// written as a table. Default 64 MiB; memory is taken as it fills.
	MemTable int
	// MinFree is how many bytes of the disk must be free for a commit to be
	// taken: room in which Pebble can finish what it has begun. Default 64 MiB.
	MinFree uint64
	// Logger takes what Pebble reports. Nil discards it.
	Logger *slog.Logger
	// FS stands in for the disk: for tests that inject faults.
	FS vfs.FS
}

// DefaultCache is the size in bytes of the cache of a store that is given
// none. Pebble takes what new data wait in memory out of it, up to two tables of
// Options.MemTable at a time under load: a cache no larger than that holds nothing
// then, and each read goes to the disk for a table's filter too. Memory is taken as
// it fills.
const DefaultCache = 160 << 20

// Cache holds blocks of tables in memory for one or several stores.
type Cache struct{ blocks *pebble.Cache }

// NewCache makes a cache of that many bytes. Close it after the stores.
func NewCache(size int64) *Cache { return &Cache{pebble.NewCache(size)} }

// Close gives the cache's memory back once the last store is closed.
func (c *Cache) Close() { c.blocks.Unref() }

// DB is an open store. All methods may be called at the same time.
type DB struct {
	db      *pebble.DB
	fs      vfs.FS
	dir     string
	owner   *durable.Lock // nil when the files are not on a disk
	minFree uint64
	log     *slog.Logger
	mark    mark // of what is committed

	failed  chan struct{} // closed when the store can take no more commits
	failure *fault.Error  // why; read after failed is closed
	once    sync.Once     // guards failure and the closing of failed

	mu       sync.Mutex // guards channels
	channels map[canon.Hash]*Channel
}

// Open opens the store in dir and makes it when there is none. Codes: corrupt
// when what is there cannot be read, directory-in-use, disk-full, store-failed.
func Open(dir string, o Options) (*DB, error) {
	fs := o.FS
	var owner *durable.Lock
	switch {
	case fs != nil:
	case o.Memory:
		fs = vfs.NewMem()
	default:
		fs = vfs.Default
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, durable.Explain("make "+dir, err)
		}
		var err error
		if owner, err = durable.LockDir(dir); err != nil {
			return nil, fmt.Errorf("opening the store: %w", err)
		}
	}
	d := &DB{
		fs: fs, dir: dir, owner: owner, minFree: o.MinFree, log: o.Logger,
		failed: make(chan struct{}), channels: map[canon.Hash]*Channel{},
	}
	if d.minFree == 0 {
		d.minFree = 64 << 20
	}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	cache := o.Cache
	if cache == nil {
		cache = NewCache(DefaultCache)
		defer cache.Close() // Pebble holds it from here on
	}
	// Pebble waits for ever when it cannot write, so it is never waited for
	// alone.
	var db *pebble.DB
	if err := d.wait(begin(func() (err error) {
		if db, err = pebble.Open(dir, d.options(o, cache)); err != nil {
			return err
		}
		if err = d.whole(db); err != nil {
			err = errors.Join(d.explain(err), db.Close())
		}
		return err
	})); err != nil {
		if d.Err() == nil {
			err = errors.Join(d.explain(err), d.release())
		}
		return nil, fmt.Errorf("opening the store in %s: %w", dir, err)
	}
	d.db = db
	return d, nil
}

// options are tuned for many small synced batches and point reads, with
// several stores in one process.
func (d *DB) options(o Options, cache *Cache) *pebble.Options {
	p := &pebble.Options{
		FS:                          &disk{d.fs, func(err error) { d.fail(d.explain(err)) }},
		Cache:                       cache.blocks,
		MemTableSize:                uint64(o.MemTable),
		MemTableStopWritesThreshold: 4,
		MaxOpenFiles:                256,
		// The newest format marks how far the log was synced, so that a flipped
		// bit in it is told from the torn end of a crash; mark tells what that leaves.
		FormatMajorVersion: pebble.FormatNewest,
		Logger:             logger{d},
		EventListener: &pebble.EventListener{
			BackgroundError: func(err error) { d.log.Error("store: background work failed", "dir", d.dir, "err", err) },
			DataCorruption: func(info pebble.DataCorruptionInfo) {
				d.log.Error("store: corrupt data", "dir", d.dir, "path", info.Path, "err", info.Details)
			},
		},
	}
	if p.MemTableSize == 0 {
		p.MemTableSize = 64 << 20
	}
	for i := range p.Levels {
		p.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	// Tables of the first level are soon written again.
	p.Levels[0].Compression = func() *sstable.CompressionProfile { return sstable.NoCompression }
	p.Levels[1].Compression = func() *sstable.CompressionProfile { return sstable.SnappyCompression }
	return p
}

// Close writes out what waits and releases the directory. A store that has
// failed is left as it is: what it holds, the directory too, goes with the
// process.
func (d *DB) Close() error {
	if err := d.Err(); err != nil {
		return nil // whoever committed has been told
	}
	return errors.Join(d.wait(begin(d.db.Close)), d.mark.close(), d.release())
}

func (d *DB) release() error {
	if d.owner == nil {
		return nil
	}
	return d.owner.Release()
}

// Err says why the store takes no more commits, or nil.
func (d *DB) Err() error {
	select {
	case <-d.failed:
		return d.failure
	default:
		return nil
	}
}

// Part is what one channel commits together with others.
type Part struct {
	Channel *Channel
	Batch   Batch
}

// CommitAll commits batches of several channels with one sync: all stand or
// none. Codes: invalid when a channel comes twice, disk-full, store-failed.
func (d *DB) CommitAll(parts ...Part) error {
	// One order for all who lock several channels.
	parts = slices.Clone(parts)
	slices.SortFunc(parts, func(a, b Part) int { return bytes.Compare(a.Channel.id[:], b.Channel.id[:]) })
	for i := 1; i < len(parts); i++ {
		if parts[i].Channel.id == parts[i-1].Channel.id {
			return fault.New(fault.Invalid, "one channel has two batches in one commit", "join them")
		}
	}
	if err := d.Room(); err != nil {
		return err
	}
	batch := d.db.NewBatch()
	tails := make([]tail, len(parts))
	for i, p := range parts {
		p.Channel.mu.Lock()
		defer p.Channel.mu.Unlock()
		var err error
		if tails[i], err = p.Channel.put(batch, p.Batch); err != nil {
			return errors.Join(err, batch.Close())
		}
	}
	if err := d.apply(batch); err != nil {
		return err
	}
	for i, p := range parts {
		p.Channel.tail = &tails[i]
	}
	return nil
}

// Room refuses a commit that the disk may not be able to take: it says why the
// next one would not be taken, or nil. A commit that fails half-way costs a
// restart; this refusal costs nothing.
func (d *DB) Room() error {
	if err := d.Err(); err != nil {
		return err
	}
	usage, err := d.fs.GetDiskUsage(d.dir)
	if err != nil || usage.TotalBytes == 0 {
		return nil // no figures: let the disk itself decide
	}
	if usage.AvailBytes < d.minFree {
		return diskFull()
	}
	return nil
}

// apply commits a batch to Pebble and closes it. When the commit fails the
// batch stays open: Pebble may still hold it, and a closed one is used again.
func (d *DB) apply(batch *pebble.Batch) error {
	n, err := d.mark.number(batch)
	if err != nil {
		return err
	}
	if err := d.wait(begin(func() error { return batch.Commit(pebble.Sync) })); err != nil {
		d.fail(d.explain(err))
		return d.Err()
	}
	if err := d.mark.keep(n); err != nil {
		d.log.Warn("store: the mark of what is committed is not written", "dir", d.dir, "err", err)
	}
	return batch.Close()
}

// wait gives what a call into Pebble returned, or why the store has failed
// meanwhile.
func (d *DB) wait(done <-chan error) error {
	select {
	case err := <-done:
		return err
	case <-d.failed:
		return d.failure
	}
}

// begin runs a call into Pebble beside its caller and turns panics, and the
// end of the goroutine by logger.Fatalf, into errors.
func begin(call func() error) <-chan error {
	done := make(chan error, 1)
	go func() {
		err := errors.New("the database gave up")
		defer func() {
			if r := recover(); r != nil {
				err = fmt.Errorf("the database gave up: %v", r)
				if cause, ok := r.(error); ok {
					err = cause
				}
			}
			done <- err
		}()
		err = call()
	}()
	return done
}

// fail closes the store for commits. The first reason stays.
func (d *DB) fail(why *fault.Error) {
	d.once.Do(func() {
		d.failure = why
		close(d.failed)
		d.log.Error("store: no more commits", "dir", d.dir, "err", why)
	})
}

// explain gives an error of the database a code and a remedy.
func (d *DB) explain(err error) *fault.Error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f
	}
	errno, system := errors.AsType[syscall.Errno](err)
	switch {
	case errno == syscall.ENOSPC || errno == syscall.EDQUOT:
		return diskFull().Because(err)
	case pebble.IsCorruptionError(err):
		return corrupt("a table or log of the store does not match its checksum").Because(err)
	case errors.Is(err, os.ErrNotExist):
		return corrupt("a file of the store is missing").Because(err)
	case !system && d.db == nil:
		// What Pebble says of files that it cannot make sense of when it opens.
		return corrupt("the store's own files contradict each other").Because(err)
	}
	return fault.New(CodeStoreFailed, "the store could not read or write its files",
		"look at the disk and the log of this node, then start the node again: it continues where the store stands").Because(err)
}

func diskFull() *fault.Error {
	return fault.New(CodeDiskFull, "the disk that holds the store is full",
		"make room, then start the node again: nothing that was committed is lost")
}

func corrupt(detail string) *fault.Error {
	return fault.New(fault.Corrupt, detail,
		"stop the node, move the store's directory away and start again: it is rebuilt from the ledger and the key file")
}

// logger passes Pebble's reports on. Fatalf ends the goroutine that calls it,
// not the process, which may run other nodes; begin and fail see to the rest.
type logger struct{ d *DB }

func (l logger) Infof(format string, args ...any) {
	l.d.log.Debug("store: pebble", "dir", l.d.dir, "says", fmt.Sprintf(format, args...))
}

func (l logger) Errorf(format string, args ...any) {
	l.d.log.Warn("store: pebble", "dir", l.d.dir, "says", fmt.Sprintf(format, args...))
}

func (l logger) Fatalf(format string, args ...any) {
	err := fmt.Errorf(format, args...)
	for _, a := range args {
		if cause, ok := a.(error); ok {
			err = cause
		}
	}
	l.d.fail(l.d.explain(err))
	runtime.Goexit()
}
