package exchange

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/seal"
	"github.com/lateral-network/lateral/internal/sign"
)

// A node of these tests keeps its contents in memory through restarts.
type node struct {
	t       testing.TB
	opts    Options
	sealing seal.Key
	blobs   *memory
	ex      *Exchange
	stop    func()

	mu       sync.Mutex
	received map[canon.Hash]int // by content
	settled  map[canon.Hash]error
	handle   func(m Meta) error // fault to inject into the handler
	note     func() error       // fault to inject into Settled
	allow    func(sign.PublicKey) bool
	log      *lockedBuffer
}

func newNode(t testing.TB, seed byte) *node {
	n := &node{
		t: t, sealing: seal.KeyFromSeed([32]byte{seed}), blobs: &memory{contents: map[canon.Hash][]byte{}},
		received: map[canon.Hash]int{}, settled: map[canon.Hash]error{}, log: &lockedBuffer{},
	}
	n.opts = Options{
		Key:    sign.FromSeed([32]byte{seed}),
		Dir:    t.TempDir(),
		Listen: "127.0.0.1:0",
		Blobs:  n.blobs,
		Allow: func(k sign.PublicKey) bool {
			n.mu.Lock()
			defer n.mu.Unlock()
			return n.allow == nil || n.allow(k)
		},
		SealingKey: func(id canon.Hash) (seal.Key, bool) { return n.sealing, id == n.sealing.Public().ID() },
		Receive: func(ctx context.Context, from sign.PublicKey, m Meta, open func() (io.ReadCloser, error)) error {
			n.mu.Lock()
			handle := n.handle
			n.mu.Unlock()
			if handle != nil {
				if err := handle(m); err != nil {
					return err
				}
			}
			r, err := open()
			if err != nil {
				return err
			}
			defer r.Close()
			content, err := io.ReadAll(r)
			if err != nil {
				return err
			}
			if HashContent(content) != m.Hash {
				return errors.New("the handler got another content")
			}
			n.mu.Lock()
			defer n.mu.Unlock()
			n.received[m.Hash]++
			return nil
		},
		Settled: func(ctx context.Context, r Receipt, refused error) error {
			n.mu.Lock()
			defer n.mu.Unlock()
			if n.note != nil {
				if err := n.note(); err != nil {
					return err
				}
			}
			if refused == nil {
				if err := r.Check(); err != nil {
					n.t.Errorf("Settled got a receipt that does not check: %v", err)
				}
			}
			n.settled[r.Transfer.ID()] = refused
			return nil
		},
		Retry: 5 * time.Millisecond, MaxRetry: 50 * time.Millisecond,
		Log: slog.New(slog.NewTextHandler(n.log, &slog.HandlerOptions{Level: slog.LevelInfo})),
	}
	return n
}

// run starts the node; it stops at the test's end or when stop is called.
func (n *node) run() *node {
	n.t.Helper()
	if n.ex == nil {
		var err error
		if n.ex, err = New(n.opts); err != nil {
			n.t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	ex := n.ex
	go func() { done <- ex.Run(ctx) }()
	var once sync.Once
	n.stop = func() {
		once.Do(func() {
			cancel()
			select {
			case err := <-done:
				if err != nil {
					n.t.Errorf("Run: %v", err)
				}
			case <-time.After(20 * time.Second):
				n.t.Error("Run does not return")
			}
			n.ex = nil
		})
	}
	n.t.Cleanup(n.stop)
	return n
}

// restart stops the node and starts it with what is on its disk, at the same
// address.
func (n *node) restart() *node {
	n.t.Helper()
	n.opts.Listen = n.ex.Addr().String()
	n.stop()
	return n.run()
}

func (n *node) peer() Peer {
	return Peer{Key: n.opts.Key.Public(), Address: n.ex.Addr().String(), Sealing: n.sealing.Public()}
}

// file puts a content into the node's store and gives it as a file.
func (n *node) file(to Peer, content []byte) File {
	h := HashContent(content)
	n.blobs.set(h, content)
	return File{To: to, Meta: Meta{Kind: "records", Channel: canon.Sum("channel"), Subject: "2026-11/secret-term", Hash: h, Size: int64(len(content))}}
}

func (n *node) send(f File) canon.Hash {
	n.t.Helper()
	id, err := n.ex.Send(n.t.Context(), f)
	if err != nil {
		n.t.Fatal(err)
	}
	return id
}

func (n *node) wait(id canon.Hash) (Receipt, error) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), 20*time.Second)
	defer cancel()
	return n.ex.Wait(ctx, id)
}

func (n *node) mustArrive(id canon.Hash) Receipt {
	n.t.Helper()
	r, err := n.wait(id)
	if err != nil {
		n.t.Fatal(err)
	}
	if err := r.Check(); err != nil || r.Transfer.ID() != id {
		n.t.Fatalf("receipt for %s does not check: %v", r.Transfer.ID(), err)
	}
	return r
}

func (n *node) times(h canon.Hash) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.received[h]
}

func (n *node) set(change func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change()
}

// until waits for a condition.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

func content(n int, seed byte) []byte {
	out := make([]byte, n)
	x := uint32(seed) + 1
	for i := range out {
		x = x*1664525 + 1013904223
		out[i] = byte(x >> 24)
	}
	return out
}

// memory is a blob store with faults.
type memory struct {
	mu       sync.Mutex
	contents map[canon.Hash][]byte
	before   func(canon.Hash) error // of Put, before it is stored
	after    func(canon.Hash) error // of Put, after it was stored
	noReadAt bool
}

func (m *memory) set(h canon.Hash, content []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.contents[h] = content
}

func (m *memory) has(h canon.Hash) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.contents[h] != nil
}

func (m *memory) fail(before, after func(canon.Hash) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.before, m.after = before, after
}

func (m *memory) Put(ctx context.Context, h canon.Hash, r io.Reader) error {
	m.mu.Lock()
	before, after := m.before, m.after
	m.mu.Unlock()
	if before != nil {
		if err := before(h); err != nil {
			return err
		}
	}
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m.set(h, content)
	if after != nil {
		return after(h)
	}
	return nil
}

func (m *memory) Get(ctx context.Context, h canon.Hash) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	content, ok := m.contents[h]
	if !ok {
		return nil, fault.New(fault.NotFound, "no such content", "put it first")
	}
	if m.noReadAt {
		return io.NopCloser(io.MultiReader(bytes.NewReader(content))), nil
	}
	return struct {
		*bytes.Reader
		io.Closer
	}{bytes.NewReader(content), io.NopCloser(nil)}, nil
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// proxy stands between two nodes. It passes bytes on until it is told not to.
type proxy struct {
	listener net.Listener
	to       string
	budget   atomic.Int64 // bytes towards the server before it cuts; negative is endless
	passed   atomic.Int64 // bytes towards the server
	silent   atomic.Bool  // takes connections and passes nothing
	cuts     atomic.Int64
}

func newProxy(t testing.TB, to string) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, to: to}
	p.budget.Store(-1)
	var open sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { cancel(); l.Close(); open.Wait() })
	open.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() { p.serve(ctx, c) })
		}
	})
	return p
}

func (p *proxy) serve(ctx context.Context, client net.Conn) {
	defer client.Close()
	defer context.AfterFunc(ctx, func() { client.Close() })()
	if p.silent.Load() {
		io.Copy(io.Discard, client)
		return
	}
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer server.Close()
	defer context.AfterFunc(ctx, func() { server.Close() })()
	var back sync.WaitGroup
	back.Go(func() { io.Copy(client, server); client.Close() })
	buffer := make([]byte, 16<<10)
	for {
		n, err := client.Read(buffer)
		if left := p.budget.Load(); left >= 0 {
			if p.budget.Add(-int64(n)) < 0 {
				p.budget.Store(-1)
				p.cuts.Add(1)
				break
			}
		}
		p.passed.Add(int64(n))
		if _, werr := server.Write(buffer[:n]); err != nil || werr != nil {
			break
		}
	}
	server.Close()
	client.Close()
	back.Wait()
}

func TestFilesOfAnySizeArriveAndAreAcknowledged(t *testing.T) {
	a, b := newNode(t, 1).run(), newNode(t, 2).run()
	for i, size := range []int{0, 1, 300, smallFile - 1, smallFile, smallFile + 1, 3 << 20} {
		f := a.file(b.peer(), content(size, byte(i)))
		id := a.send(f)
		r := a.mustArrive(id)
		if want := (Transfer{From: a.ex.self, To: b.ex.self, Meta: f.Meta}); r.Transfer != want {
			t.Fatalf("size %d: the receipt is for %+v", size, r.Transfer)
		}
		until(t, "handler gets the file", func() bool { return b.times(f.Hash) == 1 })
		until(t, "the sender hears of it", func() bool {
			a.mu.Lock()
			defer a.mu.Unlock()
			err, heard := a.settled[id]
			return heard && err == nil
		})
	}
	if rest, err := os.ReadDir(filepath.Join(b.opts.Dir, "partial", a.ex.self.String())); err != nil || len(rest) > 0 {
		t.Errorf("partial files stay behind: %v, %v", rest, err)
	}
	until(t, "the inbox is empty", func() bool { return b.ex.Undelivered() == 0 })
	if left := a.ex.Backlogs(); len(left) > 0 {
		t.Errorf("outbox is not empty: %v", left)
	}
}

func TestSendingTheSameFileAgainDoesNothing(t *testing.T) {
	a, b := newNode(t, 1).run(), newNode(t, 2).run()
	for _, size := range []int{100, 200_000} {
		f := a.file(b.peer(), content(size, 1))
		first := a.mustArrive(a.send(f))
		until(t, "handler gets it", func() bool { return b.times(f.Hash) == 1 })
		second := a.mustArrive(a.send(f))
		if first != second {
			t.Error("the second receipt differs")
		}
		a.restart()
		if third := a.mustArrive(a.send(f)); third != first {
			t.Error("the receipt differs after a restart")
		}
		// A sender that lost its outbox gets the same receipt, without content.
		a.stop()
		a.opts.Dir = t.TempDir()
		a.run()
		if again := a.mustArrive(a.send(f)); again != first {
			t.Error("the receipt differs for a sender that forgot")
		}
		if n := b.times(f.Hash); n != 1 {
			t.Errorf("delivered %d times", n)
		}
	}
}

func TestABrokenTransferGoesOnWhereItWasCut(t *testing.T) {
	for name, noReadAt := range map[string]bool{"a store that reads anywhere": false, "a store that reads from the start": true} {
		t.Run(name, func(t *testing.T) {
			a, b := newNode(t, 1), newNode(t, 2).run()
			a.blobs.noReadAt = noReadAt
			var mu sync.Mutex
			var starts []int64
			var last int64
			a.opts.Progress = func(_ Transfer, sent int64) {
				mu.Lock()
				defer mu.Unlock()
				if last == 0 || sent < last || sent > last+seal.ChunkSize {
					starts = append(starts, sent)
				}
				last = sent
			}
			a.run()
			p := newProxy(t, b.ex.Addr().String())
			p.budget.Store(5 << 20)
			to := b.peer()
			to.Address = p.listener.Addr().String()
			f := a.file(to, content(8<<20, 3))
			a.mustArrive(a.send(f))
			if p.cuts.Load() != 1 {
				t.Fatalf("%d cuts, want 1", p.cuts.Load())
			}
			mu.Lock()
			defer mu.Unlock()
			if len(starts) != 2 || starts[1] <= seal.ChunkSize {
				t.Errorf("transfers began at %v, want a second one within the file", starts)
			}
			if sent := p.passed.Load(); sent > 12<<20 {
				t.Errorf("%d bytes were sent for 8 MiB", sent)
			}
			until(t, "handler gets it", func() bool { return b.times(f.Hash) == 1 })
		})
	}
}

func TestATransferGoesOnAfterTheReceiverRestarts(t *testing.T) {
	a, b := newNode(t, 1).run(), newNode(t, 2).run()
	p := newProxy(t, b.ex.Addr().String())
	p.budget.Store(4 << 20)
	to := b.peer()
	to.Address = p.listener.Addr().String()
	f := a.file(to, content(6<<20, 3))
	b.set(func() { b.allow = func(sign.PublicKey) bool { return p.cuts.Load() == 0 } })
	id := a.send(f)
	until(t, "the connection is cut", func() bool { return p.cuts.Load() == 1 })
	b.restart()
	tr := Transfer{From: a.ex.self, To: b.ex.self, Meta: f.Meta}
	size, err := b.ex.partials.size(tr)
	if err != nil || size < 1<<20 {
		t.Fatalf("%d bytes are here after a restart, %v", size, err)
	}
	onDisk, err := os.ReadFile(b.ex.partials.path(tr))
	if err != nil || bytes.Contains(onDisk, content(32, 3)) {
		t.Errorf("a partial file is readable on disk (%v)", err)
	}
	b.set(func() { b.allow = nil })
	a.mustArrive(id)
	if sent := p.passed.Load(); sent > 9<<20 {
		t.Errorf("%d bytes were sent for 6 MiB", sent)
	}
}

func TestAPartThatWentBadOnDiskIsSentAgainFromTheStart(t *testing.T) {
	a, b := newNode(t, 1).run(), newNode(t, 2).run()
	f := a.file(b.peer(), content(1<<20, 4))
	tr := Transfer{From: a.ex.self, To: b.ex.self, Meta: f.Meta}
	path := b.ex.partials.path(tr)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content(300_000, 99), 0o600); err != nil {
		t.Fatal(err)
	}
	a.mustArrive(a.send(f))
	until(t, "handler gets it", func() bool { return b.times(f.Hash) == 1 })
}

func TestAWrongKeyIsRefusedInBothDirections(t *testing.T) {
	t.Run("another node answers at the partner's address", func(t *testing.T) {
		a, b := newNode(t, 1).run(), newNode(t, 2).run()
		to := b.peer()
		to.Key = sign.FromSeed([32]byte{9}).Public()
		f := a.file(to, content(100, 1))
		id := a.send(f)
		until(t, "the sender notices", func() bool {
			left := a.ex.Backlogs()
			return len(left) == 1 && fault.CodeOf(left[0].Err) == CodeWrongNode
		})
		if b.blobs.has(f.Hash) {
			t.Error("the wrong node has the file")
		}
		if _, err := a.ex.Call(t.Context(), to, "keys", nil); fault.CodeOf(err) != CodeWrongNode {
			t.Errorf("call: %v, want code wrong-node", err)
		}
		if err := a.ex.Cancel(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("an unknown node connects", func(t *testing.T) {
		a, b := newNode(t, 1).run(), newNode(t, 2).run()
		b.ex.Handle("keys", func(context.Context, sign.PublicKey, []byte) ([]byte, error) { return []byte("secret"), nil })
		b.set(func() { b.allow = func(sign.PublicKey) bool { return false } })
		f := a.file(b.peer(), content(100, 1))
		id := a.send(f)
		if got, err := a.ex.Call(t.Context(), b.peer(), "keys", nil); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("call: %q, %v, want code unavailable", got, err)
		}
		until(t, "the sender has tried", func() bool { left := a.ex.Backlogs(); return len(left) == 1 && left[0].Err != nil })
		if b.blobs.has(f.Hash) {
			t.Error("an unknown node's file was stored")
		}
		// Once admitted, what waits arrives without another Send.
		b.set(func() { b.allow = nil })
		a.mustArrive(id)
		// A key that is withdrawn is out on its open connection too.
		b.set(func() { b.allow = func(sign.PublicKey) bool { return false } })
		if _, err := a.ex.Call(t.Context(), b.peer(), "keys", nil); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("call of a withdrawn node: %v", err)
		}
	})
	t.Run("nothing goes to a partner that is not registered here", func(t *testing.T) {
		a, b := newNode(t, 1).run(), newNode(t, 2).run()
		unknown := b.ex.self
		a.set(func() { a.allow = func(k sign.PublicKey) bool { return k != unknown } })
		f := a.file(b.peer(), content(100, 1))
		a.send(f)
		until(t, "the sender holds it back", func() bool {
			left := a.ex.Backlogs()
			return len(left) == 1 && fault.CodeOf(left[0].Err) == fault.Unauthorized
		})
		if b.blobs.has(f.Hash) {
			t.Error("the file was sent")
		}
	})
}

// What an outsider can get by connecting is the certificate, and not a byte of
// an answer.
func TestAnOutsiderGetsNoAnswer(t *testing.T) {
	a, b := newNode(t, 1), newNode(t, 2)
	member := a.opts.Key.Public()
	b.allow = func(k sign.PublicKey) bool { return k == member }
	b.run()
	certOf := func(seed byte) []tls.Certificate {
		c, err := certificate(sign.FromSeed([32]byte{seed}))
		if err != nil {
			t.Fatal(err)
		}
		return []tls.Certificate{c}
	}
	for name, c := range map[string]struct {
		config *tls.Config
		served bool
	}{
		"member":                 {&tls.Config{Certificates: certOf(1), NextProtos: []string{"h2"}}, true},
		"no certificate":         {&tls.Config{NextProtos: []string{"h2"}}, false},
		"unknown node":           {&tls.Config{Certificates: certOf(9), NextProtos: []string{"h2"}}, false},
		"TLS 1.2":                {&tls.Config{Certificates: certOf(1), MaxVersion: tls.VersionTLS12}, false},
		"another's key borrowed": {&tls.Config{Certificates: []tls.Certificate{{Certificate: certOf(1)[0].Certificate, PrivateKey: sign.FromSeed([32]byte{9}).Standard()}}}, false},
	} {
		c.config.InsecureSkipVerify = true
		conn, err := net.Dial("tcp", b.ex.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		client := tls.Client(conn, c.config)
		n := 0
		if err = client.Handshake(); err == nil {
			if _, err = client.Write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")); err == nil {
				n, err = client.Read(make([]byte, 100))
			}
		}
		if served := n > 0; served != c.served {
			t.Errorf("%s: %d bytes of an answer, %v", name, n, err)
		}
	}
}

func TestARefusedFileGivesItsCode(t *testing.T) {
	a, b := newNode(t, 1).run(), newNode(t, 2)
	ours := canon.Sum("channel")
	b.opts.MaxFile = 1 << 20
	b.opts.Accept = func(_ context.Context, _ sign.PublicKey, m Meta) error {
		if m.Channel != ours {
			return fault.New(CodeUnknownChannel, "no such channel here", "open the channel first")
		}
		return nil
	}
	b.run()
	for name, c := range map[string]struct {
		size   int
		change func(*File)
		want   fault.Code
	}{
		"unknown channel, small":      {100, func(f *File) { f.Channel = canon.Sum("another") }, CodeUnknownChannel},
		"unknown channel, large":      {100_000, func(f *File) { f.Channel = canon.Sum("another") }, CodeUnknownChannel},
		"too large":                   {1<<20 + 1, func(*File) {}, CodeTooLarge},
		"content missing here":        {100, func(f *File) { f.Hash[0]++ }, fault.NotFound},
		"content shorter than said":   {100, func(f *File) { f.Size++ }, fault.Corrupt},
		"content longer than said":    {100, func(f *File) { f.Size-- }, fault.Corrupt},
		"large content not as said":   {100_000, func(f *File) { f.Size-- }, fault.Corrupt},
		"sealed for another key":      {100, func(f *File) { f.To.Sealing = seal.KeyFromSeed([32]byte{77}).Public() }, seal.CodeUnreadable},
		"large, sealed for other key": {100_000, func(f *File) { f.To.Sealing = seal.KeyFromSeed([32]byte{77}).Public() }, seal.CodeUnreadable},
	} {
		t.Run(name, func(t *testing.T) {
			f := a.file(b.peer(), content(c.size, byte(len(name))))
			c.change(&f)
			id := a.send(f)
			_, err := a.wait(id)
			if fault.CodeOf(err) != c.want || fault.Of(err).Remedy == "" {
				t.Fatalf("got %v, want code %s and a remedy", err, c.want)
			}
			until(t, "Settled hears of it", func() bool {
				a.mu.Lock()
				defer a.mu.Unlock()
				return fault.CodeOf(a.settled[id]) == c.want
			})
			if b.times(f.Hash) > 0 {
				t.Error("the handler got it")
			}
		})
	}
	t.Run("tried anew after the reason is gone", func(t *testing.T) {
		f := a.file(b.peer(), content(100, 200))
		f.To.Sealing = seal.KeyFromSeed([32]byte{77}).Public()
		if _, err := a.wait(a.send(f)); fault.CodeOf(err) != seal.CodeUnreadable {
			t.Fatal(err)
		}
		f.To.Sealing = b.sealing.Public()
		a.mustArrive(a.send(f))
	})
	for _, word := range []string{"unknown-channel", "too-large", "unreadable"} {
		if !strings.Contains(b.log.String(), word) {
			t.Errorf("the receiver's log does not tell of %s", word)
		}
	}
}

func TestWhatMayBeTakenLaterIsSentAgain(t *testing.T) {
	a, b := newNode(t, 1).run(), newNode(t, 2)
	var asked atomic.Int64
	b.opts.Accept = func(context.Context, sign.PublicKey, Meta) error {
		if asked.Add(1) < 4 {
			return fault.New(fault.NotYet, "this node has not seen the channel yet", "wait")
		}
		return nil
	}
	b.run()
	a.mustArrive(a.send(a.file(b.peer(), content(100, 1))))
	if asked.Load() != 4 {
		t.Errorf("asked %d times, want 4", asked.Load())
	}
}

func TestBadFilesAreRefusedBeforeTheOutbox(t *testing.T) {
	a, b := newNode(t, 1).run(), newNode(t, 2).run()
	for name, change := range map[string]func(*File){
		"kind":           func(f *File) { f.Kind = "Call Records" },
		"no kind":        func(f *File) { f.Kind = "" },
		"subject":        func(f *File) { f.Subject = strings.Repeat("x", 257) },
		"subject breaks": func(f *File) { f.Subject = "a\nb" },
		"no hash":        func(f *File) { f.Hash = canon.Hash{} },
		"size":           func(f *File) { f.Size = -1 },
		"to nobody":      func(f *File) { f.To.Key = sign.PublicKey{} },
		"to itself":      func(f *File) { f.To.Key = a.ex.self },
		"address":        func(f *File) { f.To.Address = "nowhere" },
		"sealing key":    func(f *File) { f.To.Sealing = seal.PublicKey{0xff, 0xff} },
		"no sealing key": func(f *File) { f.To.Sealing = seal.PublicKey{} },
	} {
		f := a.file(b.peer(), content(10, 1))
		change(&f)
		if _, err := a.ex.Send(t.Context(), f); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v, want code invalid", name, err)
		}
	}
	if left := a.ex.Backlogs(); len(left) != 0 {
		t.Errorf("the outbox holds %v", left)
	}
}

func TestAFullDiskAtTheReceiverLosesNothing(t *testing.T) {
	for _, size := range []int{100, 200_000} {
		a, b := newNode(t, 1).run(), newNode(t, 2).run()
		var tries atomic.Int64
		b.blobs.fail(func(canon.Hash) error { tries.Add(1); return errors.New("no space left on device") }, nil)
		f := a.file(b.peer(), content(size, 1))
		id := a.send(f)
		until(t, "the receiver has tried", func() bool { return tries.Load() >= 3 })
		if left := a.ex.Backlogs(); len(left) != 1 || left[0].Files != 1 {
			t.Fatalf("the sender gave up: %v", left)
		}
		b.blobs.fail(nil, nil)
		a.mustArrive(id)
		until(t, "handler gets it", func() bool { return b.times(f.Hash) == 1 })
		if !strings.Contains(b.log.String(), "no space left") {
			t.Error("the receiver's log does not tell why")
		}
	}
}

func TestAReceiverThatCrashesBetweenStoreAndAcknowledgement(t *testing.T) {
	for _, size := range []int{100, 200_000} {
		a, b := newNode(t, 1).run(), newNode(t, 2).run()
		stored := make(chan struct{})
		var once sync.Once
		b.blobs.fail(nil, func(canon.Hash) error {
			once.Do(func() { close(stored) })
			return errors.New("power cut")
		})
		f := a.file(b.peer(), content(size, 1))
		id := a.send(f)
		<-stored
		b.stop()
		if !b.blobs.has(f.Hash) || b.times(f.Hash) != 0 {
			t.Fatal("the crash did not come between store and acknowledgement")
		}
		b.blobs.fail(nil, nil)
		b.opts.Listen = a.peerAddress(b.opts.Key.Public())
		b.run()
		a.mustArrive(id)
		until(t, "handler gets it", func() bool { return b.times(f.Hash) == 1 })
	}
}

func (n *node) peerAddress(key sign.PublicKey) string {
	n.ex.mu.Lock()
	defer n.ex.mu.Unlock()
	return n.ex.peers[key].at.Address
}

func TestACrashBeforeTheHandlerIsDoneDeliversAgain(t *testing.T) {
	a, b := newNode(t, 1).run(), newNode(t, 2)
	began := make(chan struct{}, 100)
	b.handle = func(Meta) error { began <- struct{}{}; return errors.New("the database is away") }
	b.run()
	f := a.file(b.peer(), content(100, 1))
	a.mustArrive(a.send(f)) // acknowledged: it is the receiver's now
	<-began
	b.restart()
	b.set(func() { b.handle = nil })
	until(t, "handler gets it", func() bool { return b.times(f.Hash) == 1 })
	until(t, "the inbox is empty", func() bool { return b.ex.Undelivered() == 0 })
	b.restart()
	if n := b.ex.Undelivered(); n != 0 || b.times(f.Hash) != 1 {
		t.Errorf("%d files are delivered once more", n)
	}
}

func TestSettledIsToldUntilItHasNotedIt(t *testing.T) {
	a, b := newNode(t, 1), newNode(t, 2).run()
	var told atomic.Int64
	a.note = func() error { told.Add(1); return errors.New("the ledger is away") }
	a.run()
	id := a.send(a.file(b.peer(), content(100, 1)))
	until(t, "Settled is told", func() bool { return told.Load() >= 2 })
	a.restart()
	before := told.Load()
	until(t, "Settled is told after the restart", func() bool { return told.Load() > before })
	a.set(func() { a.note = nil })
	until(t, "Settled notes it", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		_, ok := a.settled[id]
		return ok
	})
}

func TestASenderThatRestartsSendsWhatWaits(t *testing.T) {
	a, b := newNode(t, 1).run(), newNode(t, 2).run()
	to := b.peer()
	b.opts.Listen = b.ex.Addr().String()
	b.stop()
	small, large := a.file(to, content(100, 1)), a.file(to, content(300_000, 2))
	ids := []canon.Hash{a.send(small), a.send(large)}
	until(t, "the sender has tried", func() bool { left := a.ex.Backlogs(); return len(left) == 1 && left[0].Err != nil })
	a.restart()
	if left := a.ex.Backlogs(); len(left) != 1 || left[0].Files != 2 {
		t.Fatalf("after the restart %v waits", left)
	}
	until(t, "the sender has tried again", func() bool { return a.ex.Backlogs()[0].Err != nil })
	since := a.ex.Backlogs()[0].Since
	if since.IsZero() {
		t.Error("nothing says since when the partner takes no files")
	}
	time.Sleep(20 * time.Millisecond) // some more tries; were there none, the test would prove less and not fail
	if again := a.ex.Backlogs()[0].Since; !again.Equal(since) {
		t.Errorf("the failures began at %s and at %s", since, again)
	}
	b.run()
	for _, id := range ids {
		a.mustArrive(id)
	}
}

func TestWhatSendReturnedForSurvivesAPowerCut(t *testing.T) {
	a, b := newNode(t, 1), newNode(t, 2).run()
	disk := vfs.NewCrashableMem()
	a.opts.fs = disk
	var err error
	if a.ex, err = New(a.opts); err != nil {
		t.Fatal(err)
	}
	var files []File
	for i := range 20 {
		files = append(files, a.file(b.peer(), content(100+i, 1)))
	}
	ids, err := a.ex.SendAll(t.Context(), files)
	if err != nil {
		t.Fatal(err)
	}
	after := disk.CrashClone(vfs.CrashCloneCfg{}) // all that was not synced is gone
	if err := a.ex.Close(); err != nil {
		t.Fatal(err)
	}
	a.ex, a.opts.fs = nil, after
	a.run()
	for _, id := range ids {
		a.mustArrive(id)
	}
}

func TestAFullDiskUnderTheOutboxStopsTheNodeAndLosesNothing(t *testing.T) {
	a, b := newNode(t, 1), newNode(t, 2).run()
	var full atomic.Bool
	disk := vfs.NewMem()
	a.opts.fs = errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if full.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite && strings.HasSuffix(op.Path, ".log") {
			return syscall.ENOSPC
		}
		return nil
	}))
	ex, err := New(a.opts)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- ex.Run(t.Context()) }()
	kept := a.file(Peer{b.opts.Key.Public(), "127.0.0.1:1", b.sealing.Public()}, content(100, 1))
	id, err := ex.Send(t.Context(), kept)
	if err != nil {
		t.Fatal(err)
	}
	full.Store(true)
	if _, err := ex.Send(t.Context(), a.file(b.peer(), content(100, 2))); fault.CodeOf(err) != fault.Unavailable || fault.Of(err).Remedy == "" {
		t.Fatalf("Send: %v, want code unavailable and a remedy", err)
	}
	select {
	case err := <-done:
		if fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("Run: %v, want code unavailable", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("Run goes on with an outbox that takes nothing")
	}
	full.Store(false)
	a.run()
	kept.To = b.peer()
	if again := a.send(kept); again != id {
		t.Error("the file has another ID")
	}
	a.mustArrive(id)
}

func TestWhatWasAcknowledgedSurvivesAPowerCutOfTheReceiver(t *testing.T) {
	a, b := newNode(t, 1).run(), newNode(t, 2)
	disk := vfs.NewCrashableMem()
	b.opts.fs = disk
	b.handle = func(Meta) error { return errors.New("not now") }
	b.run()
	f := a.file(b.peer(), content(100, 1))
	a.mustArrive(a.send(f))
	after := disk.CrashClone(vfs.CrashCloneCfg{})
	b.stop()
	b.opts.fs = after
	b.set(func() { b.handle = nil })
	b.run()
	until(t, "handler gets it", func() bool { return b.times(f.Hash) == 1 })
}

func TestASilentPartnerHoldsUpNobody(t *testing.T) {
	a, b := newNode(t, 1), newNode(t, 2).run()
	a.opts.Patience = 100 * time.Millisecond
	a.run()
	p := newProxy(t, b.ex.Addr().String())
	p.silent.Store(true)
	mute := Peer{Key: sign.FromSeed([32]byte{9}).Public(), Address: p.listener.Addr().String(), Sealing: b.sealing.Public()}
	var waiting []canon.Hash
	for i := range 50 {
		waiting = append(waiting, a.send(a.file(mute, content(100_000*(i%2)+i, 7))))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := a.ex.Wait(ctx, waiting[0]); fault.CodeOf(err) != CodeNoAnswer || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want code no-answer at the deadline", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := a.ex.Call(ctx, mute, "keys", nil); fault.CodeOf(err) != CodeNoAnswer {
		t.Errorf("call: %v, want code no-answer", err)
	}
	for i := range 20 {
		a.mustArrive(a.send(a.file(b.peer(), content(100+i, 1))))
	}
	until(t, "patience ends without a deadline", func() bool {
		for _, l := range a.ex.Backlogs() {
			if l.Node == mute.Key && l.Err != nil && l.Files == 50 {
				return true
			}
		}
		return false
	})
}

func TestAConnectionThatHangsWithinAFileIsGivenUp(t *testing.T) {
	a, b := newNode(t, 1), newNode(t, 2).run()
	a.opts.Patience = 200 * time.Millisecond
	a.run()
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var hung sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { cancel(); front.Close(); hung.Wait() })
	var count atomic.Int64
	hung.Go(func() {
		for {
			c, err := front.Accept()
			if err != nil {
				return
			}
			first := count.Add(1) == 1
			hung.Go(func() {
				defer c.Close()
				defer context.AfterFunc(ctx, func() { c.Close() })()
				s, err := net.Dial("tcp", b.ex.Addr().String())
				if err != nil {
					return
				}
				defer s.Close()
				defer context.AfterFunc(ctx, func() { s.Close() })()
				var back sync.WaitGroup
				back.Go(func() { io.Copy(c, s); c.Close() })
				if first {
					io.CopyN(s, c, 1<<20) // and then nothing, in either direction, with the connection open
					<-ctx.Done()
				}
				io.Copy(s, c)
				s.Close()
				back.Wait()
			})
		}
	})
	to := b.peer()
	to.Address = front.Addr().String()
	// The receiver still reads from the first connection when the second comes,
	// and must let go of it.
	a.mustArrive(a.send(a.file(to, content(5<<20, 1))))
	if count.Load() < 2 {
		t.Error("the first connection did not hang")
	}
}

func TestACancelledFileIsNotSent(t *testing.T) {
	a, b := newNode(t, 1).run(), newNode(t, 2).run()
	to := b.peer()
	b.opts.Listen = b.ex.Addr().String()
	b.stop()
	f := a.file(to, content(100, 1))
	id := a.send(f)
	if err := a.ex.Cancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if _, err := a.wait(id); fault.CodeOf(err) != CodeCancelled {
		t.Errorf("wait: %v, want code cancelled", err)
	}
	if err := a.ex.Cancel(t.Context(), id); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("second cancel: %v", err)
	}
	b.run()
	other := a.file(to, content(101, 1))
	a.mustArrive(a.send(other))
	if b.blobs.has(f.Hash) {
		t.Error("the cancelled file was sent")
	}
	a.mustArrive(a.send(f)) // a new decision
}

func TestManyFilesInBothDirectionsAtOnce(t *testing.T) {
	nodes := []*node{newNode(t, 1).run(), newNode(t, 2).run(), newNode(t, 3).run()}
	var work sync.WaitGroup
	const each = 150
	for _, from := range nodes {
		for _, to := range nodes {
			if from == to {
				continue
			}
			for hand := range 3 {
				peer := to.peer()
				work.Go(func() {
					var ids []canon.Hash
					for i := range each / 3 {
						size := 50 + i*7
						if i%25 == 0 {
							size += smallFile
						}
						f := from.file(peer, content(size, byte(hand)))
						f.Subject = fmt.Sprint(hand, i)
						id, err := from.ex.Send(context.Background(), f)
						if err != nil {
							t.Error(err)
							return
						}
						ids = append(ids, id)
					}
					for _, id := range ids {
						ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
						if _, err := from.ex.Wait(ctx, id); err != nil {
							t.Error(err)
						}
						cancel()
					}
				})
			}
		}
	}
	work.Wait()
	for _, n := range nodes {
		until(t, "all are handled", func() bool {
			n.mu.Lock()
			defer n.mu.Unlock()
			total := 0
			for _, times := range n.received {
				total += times
			}
			return total == 2*each
		})
	}
}

func TestTheSameFileSentByManyAtOnceArrivesOnce(t *testing.T) {
	a, b := newNode(t, 1).run(), newNode(t, 2).run()
	f := a.file(b.peer(), content(100, 1))
	var work sync.WaitGroup
	for range 20 {
		work.Go(func() {
			id, err := a.ex.Send(context.Background(), f)
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := a.wait(id); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	until(t, "handler gets it", func() bool { return b.times(f.Hash) == 1 })
	a.restart()
	if left := a.ex.Backlogs(); len(left) != 0 {
		t.Errorf("after a restart %v waits", left)
	}
}

func TestLogsNameNoAddressAndNoSubject(t *testing.T) {
	a, b := newNode(t, 1).run(), newNode(t, 2)
	b.opts.MaxFile = 1000
	b.run()
	a.mustArrive(a.send(a.file(b.peer(), content(100, 1))))
	if _, err := a.wait(a.send(a.file(b.peer(), content(2000, 1)))); fault.CodeOf(err) != CodeTooLarge {
		t.Fatal(err)
	}
	b.stop()
	a.send(a.file(Peer{b.opts.Key.Public(), "127.0.0.1:1", b.sealing.Public()}, content(101, 1)))
	until(t, "the sender has tried", func() bool { return strings.Contains(a.log.String(), "not reached") })
	for _, log := range []string{a.log.String(), b.log.String()} {
		if strings.Contains(log, "127.0.0.1") || strings.Contains(log, "secret-term") {
			t.Errorf("the log says too much:\n%s", log)
		}
	}
}

func TestAClosedExchangeSaysSo(t *testing.T) {
	a, b := newNode(t, 1).run(), newNode(t, 2).run()
	f, ex := a.file(b.peer(), content(10, 1)), a.ex
	id := a.send(f)
	a.mustArrive(id)
	a.stop()
	if _, err := ex.Send(t.Context(), f); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("Send: %v", err)
	}
	if _, err := ex.Wait(t.Context(), id); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("Wait: %v", err)
	}
	if _, err := ex.Call(t.Context(), b.peer(), "keys", nil); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("Call: %v", err)
	}
	if err := ex.Cancel(t.Context(), id); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("Cancel: %v", err)
	}
	if err := ex.Run(t.Context()); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("Run: %v", err)
	}
}

func TestAnOutboxOfAnotherNodeIsRefused(t *testing.T) {
	a, b := newNode(t, 1).run(), newNode(t, 2).run()
	to := b.peer()
	b.stop()
	a.send(a.file(to, content(10, 1)))
	a.stop()
	a.opts.Key = sign.FromSeed([32]byte{5})
	if ex, err := New(a.opts); fault.CodeOf(err) != fault.Conflict {
		ex.Close()
		t.Fatalf("got %v, want code conflict", err)
	}
}

func TestOptionsReportAllThatIsMissing(t *testing.T) {
	_, err := New(Options{MaxFile: -1})
	if fault.CodeOf(err) != fault.Invalid {
		t.Fatalf("got %v", err)
	}
	for _, field := range []string{"key", "dir", "listen", "blobs", "allow", "sealing key", "receive", "limits"} {
		if !strings.Contains(err.Error(), "("+field+")") {
			t.Errorf("nothing is said of %s", field)
		}
	}
}

func TestOldOutcomesAreForgotten(t *testing.T) {
	a, b := newNode(t, 1).run(), newNode(t, 2).run()
	f := a.file(b.peer(), content(10, 1))
	id := a.send(f)
	a.mustArrive(id)
	until(t, "reported", func() bool { return a.ex.reports.len() == 0 })
	for _, n := range []*node{a, b} {
		if err := n.ex.box.prune(t.Context(), time.Now().Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.wait(id); err != nil {
		t.Errorf("a young outcome was forgotten: %v", err)
	}
	for _, n := range []*node{a, b} {
		if err := n.ex.box.prune(t.Context(), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.wait(id); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("an old outcome is known still: %v", err)
	}
	a.mustArrive(a.send(f))
	until(t, "delivered again", func() bool { return b.times(f.Hash) == 2 })
}
