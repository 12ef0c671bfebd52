package exchange

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/seal"
	"github.com/lateral-network/lateral/internal/sign"
)

// Bounds of what partners can make this node hold.
const (
	maxServing   = 32      // requests of one node in work
	maxInbox     = 1 << 16 // files that wait for the handler
	maxPartials  = 16      // files of one node that are partly here
	storingHands = 8       // contents of one batch stored at a time, so that the store can group its syncs
)

// server makes the HTTP server that partners talk to.
func (e *Exchange) server(ctx context.Context) *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+pathFiles, e.known(e.serveFiles))
	mux.HandleFunc("POST "+pathOffset, e.known(e.serveOffset))
	mux.HandleFunc("POST "+pathCall, e.known(e.serveCall))
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	return &http.Server{
		Handler:           mux,
		TLSConfig:         serverTLS(e.cert, e.opts.Allow),
		Protocols:         protocols,
		ReadHeaderTimeout: 10 * time.Second, // bounds the TLS handshake too
		IdleTimeout:       5 * time.Minute,
		MaxHeaderBytes:    8 << 10,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          maxServing,
			MaxReceiveBufferPerConnection: 4<<20 - 1,
			MaxReceiveBufferPerStream:     2 << 20,
			SendPingTimeout:               e.opts.Patience,
			PingTimeout:                   e.opts.Patience,
		},
		// What net/http has to say holds addresses.
		ErrorLog:    slog.NewLogLogger(e.opts.Log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
}

// known lets a request through when its node is registered still, and counts
// it. A partner that speaks can be spoken to: what waits for it is tried soon.
func (e *Exchange) known(serve func(http.ResponseWriter, *http.Request, sign.PublicKey)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		from, err := peerKey(*r.TLS)
		if err != nil || !e.opts.Allow(from) {
			http.Error(w, "unknown node", http.StatusForbidden)
			return
		}
		e.mu.Lock()
		if e.state != running || e.serving[from] >= maxServing {
			e.mu.Unlock()
			http.Error(w, "too much at once", http.StatusTooManyRequests)
			return
		}
		e.serving[from]++
		e.requests.Add(1)
		if q := e.peers[from]; q != nil {
			if soon := time.Now().Add(e.opts.Retry); q.until.After(soon) {
				q.until = soon
				q.wake()
			}
		}
		e.mu.Unlock()
		defer func() {
			e.mu.Lock()
			defer e.mu.Unlock()
			if e.serving[from]--; e.serving[from] == 0 {
				delete(e.serving, from)
			}
			e.requests.Done()
		}()
		r.Body = &patient{ReadCloser: r.Body, control: http.NewResponseController(w), patience: e.opts.Patience}
		serve(w, r, from)
	}
}

// patient gives up on a body that brings nothing for too long.
type patient struct {
	io.ReadCloser
	control  *http.ResponseController
	patience time.Duration
	set      time.Time // when the deadline was put off last
}

func (p *patient) Read(b []byte) (int, error) {
	if now := time.Now(); now.Sub(p.set) > p.patience/4 {
		if err := p.control.SetReadDeadline(now.Add(p.patience)); err != nil {
			return 0, err
		}
		p.set = now
	}
	return p.ReadCloser.Read(b)
}

// interrupt makes a Read that waits, and all after it, fail. It may be called
// from another goroutine as long as the request is in work.
func (p *patient) interrupt() error { return p.control.SetReadDeadline(time.Unix(1, 0)) }

// answer writes a frame. When that fails the partner asks again.
func (e *Exchange) answer(w http.ResponseWriter, data []byte) {
	if _, err := w.Write(appendFrame(nil, data)); err != nil {
		e.opts.Log.Debug("answer not delivered", "err", err)
	}
}

// broken ends a request whose body did not come whole or makes no sense.
func (e *Exchange) broken(w http.ResponseWriter, from sign.PublicKey, err error) {
	if code := fault.CodeOf(err); code == fault.Invalid || code == CodeTooLarge || code == CodeWrongHash {
		e.opts.Log.Warn("request refused", "peer", from.Short(), "code", code)
		e.answer(w, canon.Must(reply{Fault: problemOf(err)}))
		return
	}
	e.opts.Log.Debug("request broken off", "peer", from.Short(), "err", err)
	http.Error(w, "request broken off", http.StatusBadRequest)
}

// serveOffset says from where a large file is wanted, or what became of it.
func (e *Exchange) serveOffset(w http.ResponseWriter, r *http.Request, from sign.PublicKey) {
	h, err := readHead(r.Body)
	if err == nil && len(h.Files) != 1 {
		err = fault.New(fault.Invalid, "an offset is asked for one file", "ask for each file by itself")
	}
	if err != nil {
		e.broken(w, from, err)
		return
	}
	t := Transfer{From: from, To: e.self, Meta: h.Files[0]}
	out := reply{Results: make([]result, 1)}
	out.Results[0] = e.offered(r.Context(), t)
	if _, ok := e.opts.SealingKey(h.Key); !ok && out.Results[0].waiting() {
		out.Results[0].Fault = problemOf(e.refuse(t, unknownSealingKey()))
	}
	if out.Results[0].waiting() {
		if out.Offset, err = e.partials.size(t); err != nil {
			out = reply{Fault: problemOf(e.refuse(t, err))}
		}
	}
	e.answer(w, canon.Must(out))
}

// serveFiles takes files: opens, checks, stores, notes, and only then
// acknowledges them.
func (e *Exchange) serveFiles(w http.ResponseWriter, r *http.Request, from sign.PublicKey) {
	h, err := readHead(r.Body)
	if err != nil {
		e.broken(w, from, err)
		return
	}
	out := reply{Results: make([]result, len(h.Files))}
	if h.alone() {
		t := Transfer{From: from, To: e.self, Meta: h.Files[0]}
		if out.Results[0] = e.offered(r.Context(), t); out.Results[0].waiting() {
			err = e.takeLarge(r, t, h, &out.Results[0])
		}
	} else {
		err = e.takeSmall(r, from, h, out.Results)
	}
	switch {
	case seal.IsUnreadable(err):
		e.opts.Log.Warn("files refused", "peer", from.Short(), "files", len(h.Files), "code", seal.CodeUnreadable)
		out = reply{Fault: problemOf(err)}
	case err != nil:
		e.broken(w, from, err)
		return
	}
	e.answer(w, canon.Must(out))
}

// offered gives the result of a file that needs no content: refused, or
// acknowledged before. Acknowledged is only what this very node sent: nobody
// learns here what others have sent.
func (e *Exchange) offered(ctx context.Context, t Transfer) result {
	err := t.Meta.check()
	if err == nil && t.Meta.Size > e.opts.MaxFile {
		err = fault.Newf(CodeTooLarge, "split the file, or agree on a higher limit",
			"a file of %d bytes is above the limit of %d", t.Meta.Size, e.opts.MaxFile)
	}
	if err == nil {
		id := t.ID()
		var known bool
		if known, err = e.box.get(atReceived, id[:], nil); known {
			return result{Signature: e.receipt(t)}
		}
	}
	if err == nil && e.opts.Accept != nil {
		err = e.opts.Accept(ctx, t.From, t.Meta)
	}
	if err == nil && e.inbox.len() >= maxInbox {
		err = fault.New(fault.Busy, "too many received files wait for their handler", "nothing: it is tried again")
	}
	if err != nil {
		return result{Fault: problemOf(e.refuse(t, err))}
	}
	return result{}
}

// waiting reports whether the file is neither acknowledged nor refused yet.
func (r result) waiting() bool { return r.Fault == nil && len(r.Signature) == 0 }

func (e *Exchange) receipt(t Transfer) []byte {
	s := signReceipt(e.opts.Key, t).Signature
	return s[:]
}

// refuse logs why a file is not taken and gives what the sender hears of it:
// trouble inside this node is ours alone.
func (e *Exchange) refuse(t Transfer, err error) error {
	e.opts.Log.Warn("file not taken", "peer", t.From.Short(), "file", t.ID().String()[:8], "kind", t.Meta.Kind, "code", fault.CodeOf(err), "err", err, "cause", causeOf(err))
	if c := fault.CodeOf(err); c == fault.Internal || c == fault.Corrupt {
		return fault.New(fault.Unavailable, "the receiver cannot take the file now", "nothing: it is tried again").Because(err)
	}
	return err
}

// causeOf gives what is beneath a fault, for the log; nil when nothing is.
func causeOf(err error) error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Cause
	}
	return nil
}

func unknownSealingKey() error {
	return fault.New(seal.CodeUnreadable, "the file is sealed for a key that the receiver does not have",
		"seal it for the receiver's current sealing key, from the member list")
}

// open starts reading the sealed body of a request.
func (e *Exchange) open(r *http.Request, from sign.PublicKey, h head) (*seal.Reader, error) {
	key, ok := e.opts.SealingKey(h.Key)
	if !ok {
		return nil, unknownSealingKey()
	}
	return seal.NewReader(r.Body, key, h.info(from, e.self))
}

// takeSmall takes files that travel together and fills in their results. Its
// error concerns all of them.
func (e *Exchange) takeSmall(r *http.Request, from sign.PublicKey, h head, results []result) error {
	opened, err := e.open(r, from, h)
	if err != nil {
		return err
	}
	all := make([]byte, h.size())
	if err := readWhole(opened, all); err != nil {
		return err
	}
	// From here on everything has come, and a partner that hangs up loses only
	// the answer.
	ctx := context.WithoutCancel(r.Context())
	var storing sync.WaitGroup
	hands := make(chan struct{}, storingHands)
	for i, m := range h.Files {
		content := all[:m.Size]
		all = all[m.Size:]
		t := Transfer{From: from, To: e.self, Meta: m}
		if results[i] = e.offered(ctx, t); !results[i].waiting() {
			continue
		}
		hands <- struct{}{}
		storing.Go(func() {
			defer func() { <-hands }()
			if HashContent(content) != m.Hash {
				results[i].Fault = problemOf(e.refuse(t, wrongHash()))
			} else if err := e.opts.Blobs.Put(ctx, m.Hash, bytes.NewReader(content)); err != nil {
				results[i].Fault = problemOf(e.refuse(t, notStored(err)))
			}
		})
	}
	storing.Wait()
	var stored []Transfer
	var at []int
	for i, m := range h.Files {
		if results[i].waiting() {
			stored = append(stored, Transfer{From: from, To: e.self, Meta: m})
			at = append(at, i)
		}
	}
	if err := e.note(stored); err != nil {
		for n, i := range at {
			results[i].Fault = problemOf(e.refuse(stored[n], err))
		}
		return nil
	}
	for n, i := range at {
		results[i].Signature = e.receipt(stored[n])
	}
	return nil
}

// readWhole fills p and wants the end of r after it.
func readWhole(r io.Reader, p []byte) error {
	if _, err := io.ReadFull(r, p); err != nil {
		if errors.Is(err, io.EOF) || err == io.ErrUnexpectedEOF {
			return wrongSize()
		}
		return err
	}
	return wantEnd(r)
}

func wantEnd(r io.Reader) error {
	switch n, err := r.Read(make([]byte, 1)); {
	case n > 0:
		return wrongSize()
	case err == io.EOF:
		return nil
	default:
		return err
	}
}

func wrongSize() error {
	return fault.New(CodeWrongHash, "the content is not as long as the sender said", "send the file again with its right size").In("size")
}

func wrongHash() error {
	return fault.New(CodeWrongHash, "the content does not have the hash that the sender said", "send the file again with its right hash").In("hash")
}

func notStored(err error) error {
	return fault.New(fault.Unavailable, "the receiver cannot store the file now", "nothing: it is tried again").Because(err)
}

// takeLarge takes one file that may come in several pieces.
func (e *Exchange) takeLarge(r *http.Request, t Transfer, h head, out *result) error {
	refuse := func(err error) error {
		out.Fault = problemOf(e.refuse(t, err))
		return nil
	}
	ctx := context.WithoutCancel(r.Context())
	// The sender may have lost a connection that looks alive from here; what it
	// sends now replaces what came over that one.
	release, err := e.partials.claim(r.Context(), t, r.Body.(*patient).interrupt)
	if err != nil {
		return refuse(err)
	}
	defer release()
	p, err := e.partials.open(t, h.Offset)
	if err != nil {
		return refuse(err)
	}
	defer p.Close()

	opened, err := e.open(r, t.From, h)
	if err != nil {
		return err
	}
	if err := p.fill(opened); err != nil {
		if errors.Is(err, errPartial) {
			return refuse(notStored(err))
		}
		if fault.CodeOf(err) == CodeWrongHash {
			e.discard(p)
			if h.Offset > 0 {
				// Perhaps the first part went bad on our disk: once more, from
				// the start.
				err = fault.New(fault.Unavailable, "the parts of the file do not fit together", "nothing: it is sent again from the start")
			}
			return refuse(err)
		}
		return err
	}
	content, err := p.content()
	if err == nil {
		err = e.opts.Blobs.Put(ctx, t.Meta.Hash, content)
	}
	if err == nil {
		err = e.note([]Transfer{t})
	}
	if err != nil {
		return refuse(notStored(err)) // what is here stays, so that only the answer is asked again
	}
	e.discard(p)
	out.Signature = e.receipt(t)
	return nil
}

// discard removes a partial file. One that stays is pruned later.
func (e *Exchange) discard(p *partial) {
	if err := os.Remove(p.Name()); err != nil {
		e.opts.Log.Warn("a partial file was not removed", "err", err)
	}
}

// note puts stored files into the inbox, synced, and hands them out.
func (e *Exchange) note(stored []Transfer) error {
	if len(stored) == 0 {
		return nil
	}
	now := time.Now().Unix()
	waiting := make([]arrived, len(stored))
	err := e.box.commit(true, func(c *changes) {
		for i, t := range stored {
			waiting[i] = arrived{number: e.box.numbered(), transfer: t}
			id := t.ID()
			c.set(atInbox, numberKey(waiting[i].number), t)
			c.set(atReceived, id[:], arrival{At: now})
		}
	})
	if err != nil {
		return err
	}
	e.inbox.add(waiting...)
	return nil
}

// arrived is one file in the inbox.
type arrived struct {
	number   uint64
	transfer Transfer
}

// deliver hands one file to the handler and, when it is done with it, takes
// the file out of the inbox. A crash before that delivers it again.
func (e *Exchange) deliver(ctx context.Context, a arrived, failures int) error {
	t := a.transfer
	err := e.opts.Receive(ctx, t.From, t.Meta, func() (io.ReadCloser, error) {
		return e.opts.Blobs.Get(ctx, t.Meta.Hash)
	})
	if err == nil {
		err = e.box.commit(false, func(c *changes) { c.drop(atInbox, numberKey(a.number)) })
	}
	if err != nil && ctx.Err() == nil {
		e.opts.Log.Warn("received file not handled", "peer", t.From.Short(), "file", t.ID().String()[:8], "kind", t.Meta.Kind,
			"code", fault.CodeOf(err), "err", err, "cause", causeOf(err), "failures", failures+1)
	}
	return err
}
