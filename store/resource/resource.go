// Package resource is the durable shelf of an API standard's resources: orders,
// quotes, tickets and the like as JSON, with what lists filter by, the events
// that tell others of changes, and who has subscribed to them. It is one SQLite
// database.
//
// A change and its events are one synced transaction: after a crash both stand
// or neither. Changes that arrive together share a sync.
package resource

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/durable"
)

// CodeStoreFailed is that of package store: the disk refused a write or a sync.
const codeStoreFailed = "store-failed"

// Scope is whose resources of one kind are meant. A resource is seen in its own
// scope only, so that no list or id leads to another partner's.
type Scope struct {
	Kind   string // such as "kylie/quote"
	Buyer  string
	Seller string
}

// Record is one resource.
type Record struct {
	Scope
	ID      string
	State   string
	Version int64     // 1 when it was made, one more with each change
	Created time.Time // milliseconds count
	Changed time.Time
	// Attributes are what lists filter by. One name may come several times: the
	// record is found by any of its values.
	Attributes []Attribute
	Due        time.Time // when something has to be done with it next; zero: never
	Body       []byte    // the whole resource, JSON
	Summary    []byte    // what a list shows of it, JSON; nil: the body
}

// Attribute is one value by which records are found. Dates are written by Date,
// so that they sort.
type Attribute struct{ Name, Value string }

// Date writes a time so that texts sort as times do.
func Date(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000Z") }

// DB is an open shelf. Methods may be called at the same time.
type DB struct {
	read  *sql.DB
	write *sql.DB // one connection
	now   func() time.Time

	scopes sync.Map // Scope → its number

	jobs    chan job
	closing chan struct{}
	done    chan struct{} // closed when the writer has ended
	once    sync.Once

	mu      sync.Mutex // guards changed
	changed chan struct{}
}

// Options are the settings of a shelf.
type Options struct {
	Now func() time.Time // nil: the clock
}

// File is the database's file in a folder.
const File = "resources.db"

// Open opens the shelf in a folder and makes it when there is none. Several
// processes may have it open: a command line beside the node. Codes: corrupt,
// disk-full, store-failed.
func Open(dir string, o Options) (*DB, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, durable.Explain("make "+dir, err)
	}
	path := filepath.Join(dir, File)
	if f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return nil, durable.Explain("open "+path, err)
	} else if err := f.Close(); err != nil {
		return nil, durable.Explain("open "+path, err)
	}
	pragmas := url.Values{"_pragma": {"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(10000)", "foreign_keys(1)", "cache_size(-16000)"}, "_txlock": {"immediate"}}
	open := func(connections int, extra string) (*sql.DB, error) {
		db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+pragmas.Encode()+extra)
		if err != nil {
			return nil, err
		}
		db.SetMaxOpenConns(connections)
		db.SetMaxIdleConns(connections)
		return db, nil
	}
	d := &DB{now: o.Now, jobs: make(chan job), closing: make(chan struct{}), done: make(chan struct{}), changed: make(chan struct{})}
	if d.now == nil {
		d.now = time.Now
	}
	var err error
	if d.write, err = open(1, ""); err == nil {
		if _, err = d.write.Exec(tables); err == nil {
			d.read, err = open(4, "&_pragma=query_only(1)")
		}
	}
	if err != nil {
		if d.write != nil {
			d.write.Close()
		}
		return nil, fmt.Errorf("opening %s: %w", path, explain(err))
	}
	go d.writer()
	return d, nil
}

// Close ends the writer and closes the files. Changes that wait are refused.
func (d *DB) Close() error {
	d.once.Do(func() { close(d.closing) })
	<-d.done
	return errors.Join(d.read.Close(), d.write.Close())
}

// tables are made once; a later version adds to them.
const tables = `
CREATE TABLE IF NOT EXISTS scope(id INTEGER PRIMARY KEY, kind TEXT NOT NULL, buyer TEXT NOT NULL, seller TEXT NOT NULL, UNIQUE(kind, buyer, seller));
CREATE TABLE IF NOT EXISTS resource(seq INTEGER PRIMARY KEY, scope INTEGER NOT NULL REFERENCES scope, id TEXT NOT NULL, state TEXT NOT NULL,
  version INTEGER NOT NULL, created INTEGER NOT NULL, changed INTEGER NOT NULL, body BLOB NOT NULL, summary BLOB, due INTEGER NOT NULL DEFAULT 0, UNIQUE(scope, id));
CREATE INDEX IF NOT EXISTS resource_due ON resource(due) WHERE due>0;
CREATE INDEX IF NOT EXISTS resource_state ON resource(scope, state, seq);
CREATE INDEX IF NOT EXISTS resource_scope ON resource(scope, seq);
CREATE TABLE IF NOT EXISTS attribute(scope INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY(scope, name, value, seq)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS attribute_seq ON attribute(seq);
CREATE TABLE IF NOT EXISTS tally(scope INTEGER NOT NULL, state TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY(scope, state)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS once(scope INTEGER NOT NULL, external TEXT NOT NULL, digest BLOB NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY(scope, external)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS event(seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, topic TEXT NOT NULL, buyer TEXT NOT NULL, seller TEXT NOT NULL,
  type TEXT NOT NULL, at INTEGER NOT NULL, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS event_topic ON event(topic, buyer, seller, seq);
CREATE INDEX IF NOT EXISTS event_at ON event(at);
CREATE TABLE IF NOT EXISTS hub(id TEXT PRIMARY KEY, topic TEXT NOT NULL, buyer TEXT NOT NULL, seller TEXT NOT NULL,
  partner TEXT NOT NULL, named INTEGER NOT NULL, callback TEXT NOT NULL, query TEXT NOT NULL,
  created INTEGER NOT NULL, cursor INTEGER NOT NULL, failures INTEGER NOT NULL DEFAULT 0, failing INTEGER NOT NULL DEFAULT 0, due INTEGER NOT NULL DEFAULT 0,
  suspended INTEGER NOT NULL DEFAULT 0, problem TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS heard(sender TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY(sender, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS heard_at ON heard(at);
`

// job is one change that waits for the writer.
type job struct {
	do   func(*Tx) error
	done chan error
}

// together is how many changes share one sync at most.
const together = 64

// Update runs a change. Either all of it stands, synced, when Update returns
// nil, or nothing of it does. do may run on another goroutine and must not call
// Update. The error of do comes back as it is. Codes: disk-full, store-failed,
// unavailable when the shelf is closing.
func (d *DB) Update(ctx context.Context, do func(*Tx) error) error {
	j := job{do, make(chan error, 1)}
	select {
	case d.jobs <- j:
	case <-d.closing:
		return closing()
	case <-ctx.Done():
		return fault.New(fault.Unavailable, "the change did not get its turn in time", "try again").Because(ctx.Err())
	}
	return <-j.done
}

func closing() error {
	return fault.New(fault.Unavailable, "the node is stopping", "try again when it runs")
}

func (d *DB) writer() {
	defer close(d.done)
	for {
		select {
		case <-d.closing:
			return
		case first := <-d.jobs:
			d.commit(d.gather(first))
		}
	}
}

// gather takes what waits already: nobody waits for others to come.
func (d *DB) gather(first job) []job {
	batch := []job{first}
	for len(batch) < together {
		select {
		case j := <-d.jobs:
			batch = append(batch, j)
		default:
			return batch
		}
	}
	return batch
}

// commit runs changes in one transaction. One that fails is rolled back alone.
func (d *DB) commit(batch []job) {
	results := make([]error, len(batch))
	err := func() error {
		ctx := context.Background()
		tx, err := d.write.BeginTx(ctx, nil)
		if err != nil {
			return explain(err)
		}
		defer tx.Rollback() // nothing after a commit
		for i, j := range batch {
			if _, err := tx.Exec("SAVEPOINT change"); err != nil {
				return explain(err)
			}
			if results[i] = run(j.do, &Tx{tx: tx, now: d.now()}); results[i] != nil {
				if _, err := tx.Exec("ROLLBACK TO change"); err != nil {
					return explain(err)
				}
			}
			if _, err := tx.Exec("RELEASE change"); err != nil {
				return explain(err)
			}
		}
		return explain(tx.Commit())
	}()
	if err == nil {
		d.notify()
	}
	for i, j := range batch {
		if err != nil {
			results[i] = err
		}
		j.done <- results[i]
	}
}

// run keeps a panic of one change from the others.
func run(do func(*Tx) error, tx *Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("a change panicked: %v", p)
		}
	}()
	return do(tx)
}

// Changed gives a channel that is closed with the next change of this process.
func (d *DB) Changed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.changed
}

func (d *DB) notify() {
	d.mu.Lock()
	defer d.mu.Unlock()
	close(d.changed)
	d.changed = make(chan struct{})
}

// explain gives an error of the database a code and a remedy.
func explain(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() & 0xff {
		case sqlite3.SQLITE_FULL:
			return fault.New(durable.CodeDiskFull, "the disk that holds the resources is full", "make room: nothing that was committed is lost").Because(err)
		case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
			return fault.New(fault.Corrupt, "the database of resources is damaged", "stop the node and restore "+File+" from a backup").Because(err)
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
			return fault.New(fault.Unavailable, "another process holds the database of resources", "end it, or try again").Because(err)
		}
	}
	return fault.New(codeStoreFailed, "the database of resources could not read or write its file", "look at the disk and the log of this node").Because(err)
}
