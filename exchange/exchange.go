// Package exchange carries sealed files and small signed messages between the
// nodes of two carriers, off the ledger.
//
// A file is named by the hash of its content, sealed for one reader, and sent
// over mutual TLS 1.3 in which each side knows the other's node key. [Exchange.Send]
// returns when the file is in a durable outbox; from there it goes out until
// the partner acknowledges it with a signed [Receipt] or refuses it with a
// code. A broken transfer goes on where it was cut. The receiver acknowledges
// after it has opened the file, checked hash and size, stored it, and noted it
// in a durable inbox from which its handler gets it at least once.
//
// [Exchange.Call] is a request and its answer, at most a MiB each, for what
// two nodes say before they share a channel.
//
// The package does not know what files mean, who is a member, or where
// contents are kept: the caller says so through [Options].
package exchange

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/seal"
	"github.com/lateral-network/lateral/internal/sign"
)

// Options are what an Exchange is made of. Fields without a default are
// required. Functions are called from many goroutines at once.
type Options struct {
	Key    sign.PrivateKey // the node key
	Dir    string          // for outbox, inbox and partly received files; made when missing; one Exchange only
	Listen string          // host:port; port 0 takes a free one
	Blobs  Blobs           // where contents are

	// Allow says whether a node may connect and be connected to. It is asked at
	// each connection and request, so a key that is withdrawn is out at once.
	Allow func(node sign.PublicKey) bool
	// SealingKey gives this node's own key with that ID: the current one or an
	// old one that partners may still use.
	SealingKey func(id canon.Hash) (seal.Key, bool)
	// Accept says whether a file is wanted, before its content is taken. An
	// error with code not-yet, busy or unavailable makes the partner try again;
	// any other, such as unknown-channel, is final. Nil accepts all.
	Accept func(ctx context.Context, from sign.PublicKey, m Meta) error
	// Receive handles a file that has arrived, at least once, in no promised
	// order. On an error it is called again later, without end: return nil for
	// what can never be used, after noting so.
	Receive func(ctx context.Context, from sign.PublicKey, m Meta, open func() (io.ReadCloser, error)) error
	// Settled hears what became of a file that was sent, at least once: a
	// receipt, or the fault with which it was refused (the receipt then has no
	// signature). On an error it is called again later. Nil hears nothing.
	Settled func(ctx context.Context, r Receipt, refused error) error
	// Progress hears how far a large file has got, in bytes of content. It must
	// return at once. Nil hears nothing.
	Progress func(t Transfer, sent int64)

	// Proxy is an HTTP proxy through which partners' nodes are reached (CONNECT),
	// http://host:port. Empty: directly.
	Proxy string

	MaxFile  int64         // longest file taken, in bytes; default 1 GiB
	Patience time.Duration // how long a partner may be silent within a request; default 30 s
	Retry    time.Duration // first wait after a failure, doubled for each; default 250 ms
	MaxRetry time.Duration // longest wait between two tries; default 1 minute
	Remember time.Duration // how long a file sent or received is known as such; default 90 days
	Log      *slog.Logger  // default slog.Default()

	// For tests: another network and another disk.
	listener net.Listener
	dial     func(ctx context.Context, network, address string) (net.Conn, error)
	fs       vfs.FS
}

// Validate reports everything that is wrong with o.
func (o Options) Validate() error {
	var all []error
	require := func(ok bool, field, detail, remedy string) {
		if !ok {
			all = append(all, fault.New(fault.Invalid, detail, remedy).In(field))
		}
	}
	require(!o.Key.IsZero(), "key", "there is no node key", "make one with lateral node init")
	require(o.Dir != "", "dir", "there is no directory for the outbox", "name a directory of this node's own")
	require(o.Listen != "" || o.listener != nil, "listen", "there is no address to listen on", "give host:port, for example 0.0.0.0:7443")
	require(o.Blobs != nil, "blobs", "there is no store for contents", "pass the node's blob store")
	require(o.Allow != nil, "allow", "nobody says who may connect", "pass a function that asks the member list")
	require(o.SealingKey != nil, "sealing key", "there is no key to open files with", "pass a function that asks the key store")
	require(o.Receive != nil, "receive", "nobody handles what arrives", "pass a handler")
	if proxy, err := url.Parse(o.Proxy); o.Proxy != "" {
		require(err == nil && proxy.Scheme == "http" && proxy.Host != "", "proxy", "the proxy's address is not of its form", "give http://host:port")
	}
	require(o.MaxFile >= 0 && o.Patience >= 0 && o.Retry >= 0 && o.MaxRetry >= 0 && o.Remember >= 0,
		"limits", "a limit is negative", "leave it out for the default")
	return errors.Join(all...)
}

func (o *Options) setDefaults() {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&o.Patience, 30*time.Second)
	def(&o.Retry, 250*time.Millisecond)
	def(&o.MaxRetry, time.Minute)
	def(&o.Remember, 90*24*time.Hour)
	if o.MaxFile == 0 {
		o.MaxFile = 1 << 30
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.dial == nil {
		o.dial = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	}
	if o.fs == nil {
		o.fs = vfs.Default
	}
}

// Exchange is one node's end. Methods may be called at the same time, also
// while Run runs.
type Exchange struct {
	opts     Options
	self     sign.PublicKey
	cert     tls.Certificate
	listener net.Listener
	box      *box
	partials *partials
	inbox    *worklist[arrived]
	reports  *worklist[canon.Hash]
	over     chan struct{} // closed when Run has ended

	mu       sync.Mutex // guards all below
	state    state
	entries  map[canon.Hash]*entry // the outbox, by transfer
	peers    map[sign.PublicKey]*peer
	handlers map[string]Handler
	serving  map[sign.PublicKey]int // requests in work, by who asked
	start    func(*peer)            // starts a peer's lanes; nil unless running
	requests sync.WaitGroup         // requests in work
}

type state int

const (
	made state = iota
	running
	closed
)

// New opens the outbox in opts.Dir and listens. Nothing is sent or taken
// before Run. Codes: invalid, unavailable, corrupt.
func New(opts Options) (*Exchange, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	opts.setDefaults()
	e := &Exchange{
		opts: opts, self: opts.Key.Public(), listener: opts.listener,
		entries: map[canon.Hash]*entry{}, peers: map[sign.PublicKey]*peer{},
		handlers: map[string]Handler{}, serving: map[sign.PublicKey]int{}, over: make(chan struct{}),
	}
	e.inbox = newWorklist(e.pace(), e.deliver)
	e.reports = newWorklist(e.pace(), e.report)
	var err error
	if e.cert, err = certificate(opts.Key); err != nil {
		return nil, err
	}
	if e.partials, err = openPartials(filepath.Join(opts.Dir, "partial"), opts.Key); err != nil {
		return nil, err
	}
	if e.box, err = openBox(filepath.Join(opts.Dir, "box"), opts.fs, opts.Log); err != nil {
		return nil, err
	}
	if err := e.load(); err != nil {
		return nil, errors.Join(err, e.box.close())
	}
	if e.listener == nil {
		if e.listener, err = net.Listen("tcp", opts.Listen); err != nil {
			err = fault.New(fault.Unavailable, "the exchange cannot listen on its address",
				"choose a free port on an address of this machine").In("listen").Because(err)
			return nil, errors.Join(err, e.box.close())
		}
	}
	return e, nil
}

// load brings back what was not finished.
func (e *Exchange) load() error {
	err := e.box.each(atPartner, func(key, value []byte) error {
		var p partner
		if err := canon.Decode(value, &p); err != nil || len(key) != len(sign.PublicKey{}) {
			return corrupt(err)
		}
		q := e.peer(sign.PublicKey(key))
		q.at = Peer{Key: q.at.Key, Address: p.Address, Sealing: p.Sealing}
		return nil
	})
	if err != nil {
		return err
	}
	err = e.box.each(atOutbox, func(key, value []byte) error {
		var t Transfer
		if err := canon.Decode(value, &t); err != nil {
			return corrupt(err)
		}
		if t.From != e.self {
			return fault.New(fault.Conflict, "the outbox belongs to another node key", "give each node a directory of its own").In("dir")
		}
		en := newEntry(numberOf(key), t)
		close(en.stored)
		e.enqueue(en)
		return nil
	})
	if err != nil {
		return err
	}
	err = e.box.each(atReport, func(key, _ []byte) error {
		if len(key) != len(canon.Hash{}) {
			return corrupt(nil)
		}
		e.reports.add(canon.Hash(key))
		return nil
	})
	if err != nil {
		return err
	}
	return e.box.each(atInbox, func(key, value []byte) error {
		var t Transfer
		if err := canon.Decode(value, &t); err != nil {
			return corrupt(err)
		}
		e.inbox.add(arrived{number: numberOf(key), transfer: t})
		return nil
	})
}

// Addr is where this node listens.
func (e *Exchange) Addr() net.Addr { return e.listener.Addr() }

// Run serves partners, sends what is in the outbox and hands out what is in
// the inbox, until ctx ends or something breaks that a restart must mend. It
// runs once; everything it started is gone when it returns, and the Exchange
// is closed. Its error is nil when ctx ended it.
func (e *Exchange) Run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var work sync.WaitGroup

	e.mu.Lock()
	if e.state != made {
		e.mu.Unlock()
		return fault.New(fault.Conflict, "the exchange has run already", "make a new one")
	}
	e.state = running
	e.start = func(q *peer) {
		for _, l := range []*lane{&q.small, &q.small, &q.large} {
			// Two for small files, so that one batch is sealed while another is
			// on its way; one for large files, which hold up nothing but
			// themselves.
			work.Go(func() { e.runLane(ctx, stop, q, l) })
		}
	}
	for _, q := range e.peers {
		e.start(q)
	}
	e.mu.Unlock()

	e.inbox.run(ctx, &work, 4)
	e.reports.run(ctx, &work, 2)
	work.Go(func() { e.tidy(ctx) })
	server := e.server(ctx)
	work.Go(func() {
		if err := server.ServeTLS(e.listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
			stop(fmt.Errorf("serving partners: %w", err))
		}
	})

	select {
	case <-ctx.Done():
	case <-e.box.gone:
		stop(e.box.broken.Load())
	}
	cause := context.Cause(ctx)
	server.Close()
	e.mu.Lock()
	e.state, e.start = closed, nil
	close(e.over)
	e.mu.Unlock()
	work.Wait()
	e.requests.Wait()
	e.mu.Lock()
	for _, q := range e.peers {
		q.client.CloseIdleConnections()
	}
	e.mu.Unlock()
	err := e.box.close()
	if cause != nil && !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		err = errors.Join(cause, err)
	}
	return err
}

// Close frees what New took, for an Exchange that never runs.
func (e *Exchange) Close() error {
	e.mu.Lock()
	if e.state != made {
		e.mu.Unlock()
		return nil
	}
	e.state = closed
	close(e.over)
	e.mu.Unlock()
	e.requests.Wait()
	return errors.Join(e.listener.Close(), e.box.close())
}

// tidy forgets, once a day, what is too old to matter.
func (e *Exchange) tidy(ctx context.Context) {
	for {
		now := time.Now()
		if err := e.box.prune(ctx, now.Add(-e.opts.Remember)); err != nil && ctx.Err() == nil {
			e.opts.Log.Error("old entries of the outbox were not pruned", "err", err)
		}
		if err := e.partials.prune(now.Add(-7 * 24 * time.Hour)); err != nil {
			e.opts.Log.Error("old partial files were not removed", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(24 * time.Hour):
		}
	}
}

// Backlog is what waits for one partner.
type Backlog struct {
	Node  sign.PublicKey
	Files int
	Err   error     // why the last try failed; nil when it did not
	Since time.Time // of the first failure in a row
}

// Backlogs gives what waits for each partner, for health and metrics.
func (e *Exchange) Backlogs() []Backlog {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []Backlog
	for key, q := range e.peers {
		if q.files > 0 {
			out = append(out, Backlog{key, q.files, q.err, q.failing})
		}
	}
	return out
}

// Undelivered is how many received files wait for the Receive handler.
func (e *Exchange) Undelivered() int { return e.inbox.len() }

func numberOf(key []byte) uint64 {
	var n uint64
	for _, b := range key {
		n = n<<8 | uint64(b)
	}
	return n
}

func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fault.New(fault.Unavailable, "a directory of the exchange cannot be made", "check the disk and its permissions").Because(err)
	}
	return nil
}
