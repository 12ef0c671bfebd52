package comet

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	dbm "github.com/cometbft/cometbft-db"
	"github.com/cometbft/cometbft/config"
	leveldb "github.com/syndtr/goleveldb/leveldb/errors"
	"github.com/syndtr/goleveldb/leveldb/opt"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/durable"
)

// CodeConsensusFailed: the engine met what it cannot go on from, and votes no
// more.
const CodeConsensusFailed fault.Code = "consensus-failed"

// disk is what the stores of one validator share: where they are, and who is
// told when one of them cannot be read or written. The engine answers such an
// error with a panic: in the middle of consensus it recovers that and falls
// silent, elsewhere the process would end.
type disk struct {
	home string
	// failed is told of the first error and of some that follow from it.
	failed func(error)
	// syncing reports whether the engine catches up by whole blocks, in a
	// goroutine that recovers nothing.
	syncing func() bool
	// running is set once the engine has read its stores: from then on an error
	// must not reach its goroutines, before it must.
	running atomic.Bool
	// wrap stands between a store and its files: for tests that inject faults.
	wrap func(name string, db dbm.DB) dbm.DB
}

func newDisk(home string) *disk {
	return &disk{home: home, failed: func(error) {}, syncing: func() bool { return false },
		wrap: func(_ string, db dbm.DB) dbm.DB { return db }}
}

// database is a store that can be closed under its readers. The engine's
// gossip goroutines may outlive its Stop by a moment and panic on the error of
// a closed store, which would end the process; here they find nothing instead.
// Writers are gone by then: the engine waits for them.
type database struct {
	dbm.DB
	disk *disk
	name string

	mu     sync.RWMutex
	closed bool
}

// open opens or makes a store in the data directory. Code: corrupt.
func (d *disk) open(name string) (*database, error) {
	dir := filepath.Join(d.home, "data")
	strict, err := strictness(filepath.Join(dir, name+".db"))
	var db dbm.DB
	if err == nil {
		db, err = dbm.NewGoLevelDBWithOpts(name, dir, &opt.Options{Strict: strict})
	}
	if err != nil {
		return nil, fault.Newf(fault.Corrupt, "check that no other process uses the directory; else "+remedyFor(name),
			"the store %q in %s cannot be opened", name, d.home).Because(err)
	}
	return &database{DB: d.wrap(name, db), disk: d, name: name}, nil
}

// Get gives nothing once the store is closed, or has failed in a running
// engine.
func (d *database) Get(key []byte) ([]byte, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.closed {
		return nil, nil
	}
	value, err := d.DB.Get(key)
	if err == nil {
		return value, nil
	}
	err = d.explain("read", err)
	if d.disk.running.Load() {
		d.disk.failed(err)
		return nil, nil
	}
	return nil, err
}

// explain gives an error of a store its code.
func (d *database) explain(what string, err error) error {
	if leveldb.IsCorrupted(err) {
		return fault.Newf(fault.Corrupt, remedyFor(d.name), "the store %q in %s is damaged", d.name, d.disk.home).Because(err)
	}
	return durable.Explain(what+" the store "+d.name, err)
}

func remedyFor(store string) string {
	if store == indexName {
		return indexRemedy
	}
	return "restore the validator's directory from a backup, or start with one that holds only data/last-signed.json and let it catch up"
}

// Has says no where Get gives nothing.
func (d *database) Has(key []byte) (bool, error) {
	value, err := d.Get(key)
	return value != nil, err
}

// write runs a write and reports its failure.
func (d *database) write(f func() error) error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	err := f()
	if err == nil || d.closed {
		return err
	}
	err = d.explain("write", err)
	d.disk.failed(err)
	if d.disk.syncing() {
		runtime.Goexit() // or the engine would end the process
	}
	return err
}

func (d *database) Set(key, value []byte) error {
	return d.write(func() error { return d.DB.Set(key, value) })
}

func (d *database) SetSync(key, value []byte) error {
	return d.write(func() error { return d.DB.SetSync(key, value) })
}

func (d *database) Delete(key []byte) error {
	return d.write(func() error { return d.DB.Delete(key) })
}

func (d *database) DeleteSync(key []byte) error {
	return d.write(func() error { return d.DB.DeleteSync(key) })
}

func (d *database) NewBatch() dbm.Batch { return &batch{d.DB.NewBatch(), d} }

// batch reports when it cannot be written.
type batch struct {
	dbm.Batch
	to *database
}

func (b *batch) Write() error     { return b.to.write(b.Batch.Write) }
func (b *batch) WriteSync() error { return b.to.write(b.Batch.WriteSync) }

// Close waits for calls under way.
func (d *database) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	return d.DB.Close()
}

// Databases opens the stores of an engine that runs without this driver, which
// the bare benchmark does: they too must bear being closed under readers.
func Databases(c *config.DBContext) (dbm.DB, error) {
	return newDisk(c.Config.RootDir).open(c.ID)
}

// halted gives the reason for which the engine's consensus has ended. The
// engine keeps no error of it, only words: the log of votes and the record of
// the last vote are files of its own.
func halted(reason string) error {
	if strings.Contains(reason, syscall.ENOSPC.Error()) || strings.Contains(reason, syscall.EDQUOT.Error()) {
		return durable.Explain("write the log of votes", syscall.ENOSPC)
	}
	return fault.New(CodeConsensusFailed, "the engine's consensus has ended: "+firstLine(reason),
		"look in the log of this node, repair what is named there, and restart it").Because(fmt.Errorf("%s", reason))
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	if len(s) > 200 {
		s = s[:200] + "..."
	}
	return s
}
