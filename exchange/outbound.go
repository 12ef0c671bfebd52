package exchange

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/seal"
	"github.com/lateral-network/lateral/internal/sign"
)

// entry is one file in the outbox. Guarded by Exchange.mu, but for what never
// changes.
type entry struct {
	number   uint64     // its key in the outbox
	id       canon.Hash // of the transfer
	transfer Transfer
	stored   chan struct{} // closed when it is durable, or lost says why it is not
	lost     error         // set before stored is closed
	settled  chan struct{} // closed when its outcome is known
	failures int
	dropped  bool // cancelled while on its way
}

func newEntry(number uint64, t Transfer) *entry {
	return &entry{number: number, id: t.ID(), transfer: t, stored: make(chan struct{}), settled: make(chan struct{})}
}

func (en *entry) durable() bool {
	select {
	case <-en.stored:
		return true
	default:
		return false
	}
}

// peer is what goes to one partner. Guarded by Exchange.mu.
type peer struct {
	at       Peer
	client   *http.Client // talks to at.Key only
	small    lane
	large    lane
	files    int       // in the outbox for this peer
	failures int       // of the connection, in a row
	until    time.Time // nothing is tried before, after failures
	err      error     // why the last try failed
	failing  time.Time // since when tries fail
	changed  chan struct{}
}

// lane is a queue of files that do not hold up those of the other lane.
type lane struct{ queue queue[*entry] }

// peer gives the peer with a key, made when there is none. The lock is held.
func (e *Exchange) peer(key sign.PublicKey) *peer {
	q := e.peers[key]
	if q == nil {
		q = &peer{at: Peer{Key: key}, changed: make(chan struct{}), client: e.client(key)}
		e.peers[key] = q
		if e.start != nil {
			e.start(q)
		}
	}
	return q
}

// wake makes the peer's lanes look again. The lock is held.
func (q *peer) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// retry forgets what failed and tries all again. The lock is held.
func (q *peer) retry() {
	q.failures, q.until = 0, time.Time{}
	q.small.queue.hurry()
	q.large.queue.hurry()
	q.wake()
}

func (q *peer) lane(t Transfer) *lane {
	if t.Meta.Size > smallFile {
		return &q.large
	}
	return &q.small
}

// enqueue puts an entry into the outbox in memory. The lock is held.
func (e *Exchange) enqueue(en *entry) {
	q := e.peer(en.transfer.To)
	q.files++
	q.lane(en.transfer).queue.push(en)
	e.entries[en.id] = en
	q.wake()
}

// Send puts a file into the outbox and returns when a crash cannot lose it.
// The ID is what [Exchange.Wait] and [Exchange.Cancel] take. Sending a file
// again that is on its way or acknowledged does nothing; one that was refused
// or cancelled is tried anew. The latest address and sealing key of a partner
// hold for all that waits for it. Code: invalid, unavailable.
func (e *Exchange) Send(ctx context.Context, f File) (canon.Hash, error) {
	ids, err := e.SendAll(ctx, []File{f})
	if err != nil {
		return canon.Hash{}, err
	}
	return ids[0], nil
}

// SendAll is Send for many files with one sync of the disk: all are in the
// outbox when it returns, or none.
func (e *Exchange) SendAll(ctx context.Context, files []File) ([]canon.Hash, error) {
	ids := make([]canon.Hash, len(files))
	known := map[sign.PublicKey]bool{} // partners that are as we know them
	for i, f := range files {
		if err := f.check(); err != nil {
			return nil, fmt.Errorf("file %d of %d: %w", i+1, len(files), err)
		}
		if !known[f.To.Key] {
			if err := e.checkPeer(f.To); err != nil {
				return nil, err
			}
			known[f.To.Key] = true
		}
		ids[i] = Transfer{From: e.self, To: f.To.Key, Meta: f.Meta}.ID()
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}

	e.mu.Lock()
	if e.state == closed {
		e.mu.Unlock()
		return nil, errClosed()
	}
	var fresh, others []*entry
	partners := map[sign.PublicKey]Peer{}
	for i, f := range files {
		if e.peer(f.To.Key).at != f.To {
			partners[f.To.Key] = f.To
		}
		if en := e.entries[ids[i]]; en != nil {
			others = append(others, en)
			continue
		}
		var o outcome
		done, err := e.box.get(atOutcome, ids[i][:], &o)
		if err != nil {
			e.unsend(fresh, err)
			e.mu.Unlock()
			return nil, err
		}
		if done && o.Fault == nil {
			continue
		}
		en := newEntry(e.box.numbered(), Transfer{From: e.self, To: f.To.Key, Meta: f.Meta})
		e.entries[en.id] = en
		fresh = append(fresh, en)
	}
	e.requests.Add(1)
	e.mu.Unlock()
	defer e.requests.Done()

	if len(fresh) > 0 || len(partners) > 0 {
		err := e.box.commit(true, func(c *changes) {
			for key, p := range partners {
				c.set(atPartner, key[:], partner{Address: p.Address, Sealing: p.Sealing})
			}
			for _, en := range fresh {
				c.set(atOutbox, numberKey(en.number), en.transfer)
				c.drop(atOutcome, en.id[:])
				c.drop(atReport, en.id[:])
			}
		})
		if err != nil {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.unsend(fresh, err)
			return nil, err
		}
	}

	e.mu.Lock()
	for key, p := range partners {
		q := e.peer(key)
		q.at = p
		q.retry()
	}
	for _, en := range fresh {
		close(en.stored)
		e.enqueue(en)
	}
	e.mu.Unlock()
	// What another caller is sending at this moment must be durable too.
	for _, en := range others {
		select {
		case <-en.stored:
			if en.lost != nil {
				return nil, en.lost
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return ids, nil
}

// unsend takes entries back that did not become durable. The lock is held.
func (e *Exchange) unsend(fresh []*entry, err error) {
	for _, en := range fresh {
		delete(e.entries, en.id)
		en.lost = err
		close(en.stored)
		close(en.settled)
	}
}

func errClosed() error {
	return fault.New(fault.Unavailable, "the exchange is closed", "start the node again")
}

// checkPeer refuses a partner that nothing can be sent to. A sealing key is
// judged once, because that costs as much as sealing.
func (e *Exchange) checkPeer(p Peer) error {
	if err := e.checkAddress(p); err != nil {
		return err
	}
	e.mu.Lock()
	q := e.peers[p.Key]
	same := q != nil && q.at.Sealing == p.Sealing
	e.mu.Unlock()
	if same && !p.Sealing.IsZero() {
		return nil
	}
	if err := p.Sealing.Check(); err != nil {
		return fault.Of(err).In("to.sealing")
	}
	return nil
}

func (e *Exchange) checkAddress(p Peer) error {
	if p.Key.IsZero() || p.Key == e.self {
		return fault.New(fault.Invalid, "the partner's node key is missing or our own", "take it from the member list").In("to.key")
	}
	if _, port, err := net.SplitHostPort(p.Address); err != nil || port == "" {
		return fault.New(fault.Invalid, "the partner's address is not host:port", "take it from the member list").In("to.address").Because(err)
	}
	return nil
}

// Wait returns what became of a file: its receipt, or the fault with which it
// was refused. When ctx ends first the code is no-answer, and the outbox goes
// on trying. Code not-found: the file was never sent, or long ago.
func (e *Exchange) Wait(ctx context.Context, id canon.Hash) (Receipt, error) {
	e.mu.Lock()
	en, gone := e.entries[id], e.state == closed
	e.mu.Unlock()
	if gone {
		return Receipt{}, errClosed()
	}
	if en != nil {
		select {
		case <-en.settled:
		case <-e.over:
			return Receipt{}, errClosed()
		case <-ctx.Done():
			return Receipt{}, fault.New(CodeNoAnswer, "the partner has not acknowledged the file in time",
				"nothing is lost: the file stays in the outbox until it is acknowledged or cancelled").Because(ctx.Err())
		}
	}
	// Outcomes are read under the lock so that Run does not close the box
	// meanwhile.
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.state == closed {
		return Receipt{}, errClosed()
	}
	var o outcome
	found, err := e.box.get(atOutcome, id[:], &o)
	if err != nil {
		return Receipt{}, err
	}
	if !found {
		return Receipt{}, fault.New(fault.NotFound, "no file with this ID was sent", "send the file first")
	}
	return o.receipt(), o.err()
}

// Cancel takes a file out of the outbox; Settled does not hear of it. The
// partner may have got it nevertheless. Code not-found: nothing with this ID
// is in the outbox.
func (e *Exchange) Cancel(ctx context.Context, id canon.Hash) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.state == closed {
		return errClosed()
	}
	en := e.entries[id]
	if en == nil || !en.durable() {
		return fault.New(fault.NotFound, "no file with this ID waits in the outbox", "look whether it is acknowledged already")
	}
	err := fault.New(CodeCancelled, "this node stopped sending the file", "send it again if it is still needed")
	if err := e.box.commit(true, func(c *changes) {
		c.drop(atOutbox, numberKey(en.number))
		c.set(atOutcome, id[:], outcome{Transfer: en.transfer, Fault: problemOf(err), At: time.Now().Unix()})
	}); err != nil {
		return err
	}
	q := e.peer(en.transfer.To)
	q.lane(en.transfer).queue.remove(func(other *entry) bool { return other == en })
	en.dropped = true
	e.forget(q, en)
	return nil
}

// forget takes an entry whose outcome is written out of memory. The lock is
// held.
func (e *Exchange) forget(q *peer, en *entry) {
	delete(e.entries, en.id)
	q.files--
	close(en.settled)
}

// runLane sends what is in one lane, until ctx ends.
func (e *Exchange) runLane(ctx context.Context, stop context.CancelCauseFunc, q *peer, l *lane) {
	for ctx.Err() == nil {
		batch, at, changed, until := e.take(q, l)
		if len(batch) == 0 {
			wait(ctx, changed, until)
			continue
		}
		began := time.Now()
		results, err := e.try(ctx, q, at, batch)
		if ctx.Err() != nil {
			return // the outbox on disk has them all
		}
		if err := e.settle(q, l, batch, results, began, err); err != nil {
			stop(fmt.Errorf("writing the outbox: %w", err))
			return
		}
	}
}

// take gives the files to send next, or what to wait for.
func (e *Exchange) take(q *peer, l *lane) (batch []*entry, at Peer, changed <-chan struct{}, until time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	if l.queue.len() == 0 {
		return nil, q.at, q.changed, time.Time{}
	}
	if q.until.After(now) {
		return nil, q.at, q.changed, q.until
	}
	var files, total int64
	batch = l.queue.take(now, func(en *entry) bool {
		files++
		total += en.transfer.Meta.Size
		return files == 1 || l != &q.large && files <= batchFiles && total <= batchBytes
	})
	return batch, q.at, q.changed, l.queue.next()
}

// settled is what a try gave for one file: a signature not yet checked, or an
// error of ours or the partner's.
type settled struct {
	signature []byte
	err       error
}

// try sends one batch. Its error says that the partner was not reached or did
// not answer properly; what became of each file is unknown then.
func (e *Exchange) try(ctx context.Context, q *peer, at Peer, batch []*entry) ([]settled, error) {
	if !e.opts.Allow(at.Key) {
		return nil, fault.New(fault.Unauthorized, "the partner's node key is not registered", "wait until the partner is admitted, or cancel its files")
	}
	if l := q.lane(batch[0].transfer); l == &q.large {
		r, err := e.sendLarge(ctx, q, at, batch[0].transfer)
		return []settled{r}, err
	}
	return e.sendSmall(ctx, q, at, batch)
}

// sendSmall sends files that travel together, in one sealed body.
func (e *Exchange) sendSmall(ctx context.Context, q *peer, at Peer, batch []*entry) ([]settled, error) {
	out := make([]settled, len(batch))
	h := head{Key: at.Sealing.ID()}
	var content bytes.Buffer
	var sent []int // position in batch of each file in h
	for i, en := range batch {
		before := content.Len()
		if err := e.readContent(ctx, &content, en.transfer.Meta, 0, nil); err != nil {
			content.Truncate(before)
			out[i].err = err
			continue
		}
		h.Files = append(h.Files, en.transfer.Meta)
		sent = append(sent, i)
	}
	if len(sent) == 0 {
		return out, nil
	}
	frame := appendFrame(nil, canon.Must(h))
	body := bytes.NewBuffer(make([]byte, 0, int64(len(frame))+seal.SealedSize(h.size())))
	body.Write(frame)
	w, err := seal.NewWriter(body, at.Sealing, h.info(e.self, at.Key))
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(content.Bytes()); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	answer, err := e.post(ctx, q.client, at, pathFiles, io.NopCloser(body), int64(body.Len()), len(sent))
	if err != nil {
		return nil, err
	}
	for i, r := range answer.Results {
		out[sent[i]] = r.settled()
	}
	return out, nil
}

func (r result) settled() settled {
	if r.Fault != nil {
		return settled{err: r.Fault.err()}
	}
	return settled{signature: r.Signature}
}

// sendLarge sends one file from where the receiver has it.
func (e *Exchange) sendLarge(ctx context.Context, q *peer, at Peer, t Transfer) (settled, error) {
	h := head{Key: at.Sealing.ID(), Files: []Meta{t.Meta}}
	question := appendFrame(nil, canon.Must(h))
	answer, err := e.post(ctx, q.client, at, pathOffset, io.NopCloser(bytes.NewReader(question)), int64(len(question)), 1)
	if err != nil {
		return settled{}, err
	}
	if r := answer.Results[0]; r.Fault != nil || len(r.Signature) > 0 {
		return r.settled(), nil
	}
	h.Offset = answer.Offset
	if err := h.check(); err != nil {
		return settled{}, err
	}

	// The content is sealed while it is sent, so the sender needs no second
	// copy of it; each try is sealed anew, from the offset on.
	frame := appendFrame(nil, canon.Must(h))
	pipe, into := io.Pipe()
	sealing := make(chan error, 1)
	go func() {
		err := e.sealContent(ctx, into, at, t, h)
		into.CloseWithError(err)
		sealing <- err
	}()
	body := struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(frame), pipe), pipe}
	answer, err = e.post(ctx, q.client, at, pathFiles, body, int64(len(frame))+seal.SealedSize(h.size()), 1)
	pipe.CloseWithError(errStopped)
	if own := <-sealing; own != nil && !errors.Is(own, errStopped) && !errors.Is(own, io.ErrClosedPipe) && ctx.Err() == nil {
		return settled{err: own}, nil
	}
	if err != nil {
		return settled{}, err
	}
	return answer.Results[0].settled(), nil
}

var errStopped = errors.New("the partner has answered already")

func (e *Exchange) sealContent(ctx context.Context, into io.Writer, at Peer, t Transfer, h head) error {
	w, err := seal.NewWriter(into, at.Sealing, h.info(e.self, at.Key))
	if err != nil {
		return err
	}
	var progress func(int64)
	if e.opts.Progress != nil {
		progress = func(sent int64) { e.opts.Progress(t, sent) }
	}
	if err := e.readContent(ctx, w, t.Meta, h.Offset, progress); err != nil {
		return err
	}
	return w.Close()
}

// readContent copies a content from an offset on. What is not what the hash
// says is not sent: a content that went bad here would only be refused there.
func (e *Exchange) readContent(ctx context.Context, to io.Writer, m Meta, offset int64, progress func(int64)) error {
	blob, err := e.opts.Blobs.Get(ctx, m.Hash)
	if err != nil {
		return err
	}
	defer blob.Close()
	from, sum := io.Reader(blob), sha256.New()
	if at, ok := blob.(io.ReaderAt); ok && offset > 0 {
		// One byte more than there should be shows a content that is too long.
		from, sum = io.NewSectionReader(at, offset, m.Size-offset+1), nil // the receiver checks the whole
	} else if _, err := io.CopyN(sum, blob, offset); err != nil {
		return fmt.Errorf("going on in a content at byte %d: %w", offset, err)
	}
	buffer := make([]byte, min(seal.ChunkSize, m.Size-offset+1))
	at := offset
	for {
		n, err := from.Read(buffer)
		at += int64(n)
		if at > m.Size {
			break
		}
		if sum != nil {
			sum.Write(buffer[:n])
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return err
		}
		if n > 0 && progress != nil {
			progress(at)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("reading a content to send: %w", err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	if at != m.Size || sum != nil && canon.Hash(sum.Sum(nil)) != m.Hash {
		return fault.New(fault.Corrupt, "the stored content does not match its size and hash", "restore the blob store, then send the file again")
	}
	return nil
}

// settle writes down what a try gave. Its error is one of our own disk.
func (e *Exchange) settle(q *peer, l *lane, batch []*entry, results []settled, began time.Time, failed error) error {
	if failed == nil {
		checkReceipts(batch, results)
	}
	now := time.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	defer q.wake()
	if failed != nil {
		e.failed(q, began, now, failed)
		l.queue.putBack(kept(batch))
		return nil
	}
	q.failures, q.until, q.err = 0, time.Time{}, nil
	since := q.failing
	q.failing = time.Time{}
	var final []*entry
	outcomes := make([]outcome, 0, len(batch))
	for i, en := range batch {
		r := results[i]
		switch {
		case en.dropped:
		case r.err == nil:
			final = append(final, en)
			outcomes = append(outcomes, outcome{Transfer: en.transfer, Signature: sign.Signature(r.signature), At: now.Unix()})
		case temporary(r.err):
			en.failures++
			q.err = r.err
			if q.failing = since; since.IsZero() {
				q.failing = now
			}
			l.queue.postpone(en, now.Add(e.pace().after(en.failures)))
			e.opts.Log.Debug("file not taken yet", "peer", q.at.Key.Short(), "file", en.id.String()[:8], "err", r.err)
		default:
			final = append(final, en)
			outcomes = append(outcomes, outcome{Transfer: en.transfer, Fault: problemOf(r.err), At: now.Unix()})
			e.opts.Log.Warn("file refused", "peer", q.at.Key.Short(), "file", en.id.String()[:8], "kind", en.transfer.Meta.Kind, "code", fault.CodeOf(r.err))
		}
	}
	// Not synced: after a crash the partner, asked again, answers the same.
	err := e.box.commit(false, func(c *changes) {
		for i, en := range final {
			c.drop(atOutbox, numberKey(en.number))
			c.set(atOutcome, en.id[:], outcomes[i])
			if e.opts.Settled != nil {
				c.set(atReport, en.id[:], nil)
			}
		}
	})
	if err != nil {
		return err
	}
	for _, en := range final {
		e.forget(q, en)
		if e.opts.Settled != nil {
			e.reports.add(en.id)
		}
	}
	return nil
}

// failed notes that the partner was not reached. Lanes that failed together
// count once. The lock is held.
func (e *Exchange) failed(q *peer, began, now time.Time, err error) {
	if q.until.IsZero() || began.After(q.until) {
		q.failures++
		q.until = now.Add(e.pace().after(q.failures))
		if q.failures == 1 {
			e.opts.Log.Warn("partner not reached", "peer", q.at.Key.Short(), "code", fault.CodeOf(err))
		}
		e.opts.Log.Debug("partner not reached", "peer", q.at.Key.Short(), "address", q.at.Address, "err", err, "cause", causeOf(err), "failures", q.failures)
	}
	q.err = err
	if q.failing.IsZero() {
		q.failing = now
	}
}

func (e *Exchange) pace() pace {
	return pace{max(e.opts.Retry, time.Millisecond), e.opts.MaxRetry}
}

func kept(batch []*entry) []*entry {
	var out []*entry
	for _, en := range batch {
		if !en.dropped {
			out = append(out, en)
		}
	}
	return out
}

// checkReceipts turns signatures that are not the receiver's for that very
// file into errors.
func checkReceipts(batch []*entry, results []settled) {
	var b sign.Batch
	var at []int
	for i, r := range results {
		if r.err != nil {
			continue
		}
		if len(r.signature) == 0 {
			results[i].err = fault.New(fault.Unavailable, "the partner neither took nor refused the file", "nothing: it is sent again")
			continue
		}
		t := batch[i].transfer
		b.Add(t.To, receiptTag, canon.Must(t), sign.Signature(r.signature))
		at = append(at, i)
	}
	all, each := b.Verify()
	if all {
		return
	}
	for n, i := range at {
		if !each[n] {
			results[i].err = Receipt{Transfer: batch[i].transfer, Signature: sign.Signature(results[i].signature)}.Check()
		}
	}
}

// report tells Settled what became of a file.
func (e *Exchange) report(ctx context.Context, id canon.Hash, failures int) error {
	var o outcome
	found, err := e.box.get(atOutcome, id[:], &o)
	if err == nil && found && e.opts.Settled != nil {
		err = e.opts.Settled(ctx, o.receipt(), o.err())
	}
	if err == nil {
		err = e.box.commit(false, func(c *changes) { c.drop(atReport, id[:]) })
	}
	if err != nil && ctx.Err() == nil {
		e.opts.Log.Warn("what became of a file was not noted", "file", id.String()[:8], "code", fault.CodeOf(err), "err", err, "cause", causeOf(err), "failures", failures+1)
	}
	return err
}

// client makes the HTTP client for one partner.
func (e *Exchange) client(key sign.PublicKey) *http.Client {
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	return &http.Client{Transport: &http.Transport{
		Proxy:               e.proxy,
		DialContext:         e.opts.dial,
		TLSClientConfig:     clientTLS(e.cert, key),
		TLSHandshakeTimeout: 10 * time.Second,
		Protocols:           protocols,
		HTTP2:               &http.HTTP2Config{SendPingTimeout: e.opts.Patience, PingTimeout: e.opts.Patience},
		IdleConnTimeout:     5 * time.Minute,
		DisableCompression:  true,
		MaxIdleConns:        1,
	}}
}

// proxy says through which proxy a request goes; nil: through none, whatever the
// environment names.
func (e *Exchange) proxy(*http.Request) (*url.URL, error) {
	if e.opts.Proxy == "" {
		return nil, nil
	}
	return url.Parse(e.opts.Proxy)
}

// post asks the partner something about n files.
func (e *Exchange) post(ctx context.Context, client *http.Client, at Peer, path string, body io.ReadCloser, length int64, n int) (reply, error) {
	var out reply
	err := e.roundTrip(ctx, client, at, path, body, length, func(r io.Reader) (err error) {
		out, err = readReply(r, n)
		return err
	})
	if err == nil && out.Fault != nil {
		err = out.Fault.err()
		if !temporary(err) {
			// The whole request was refused: that is each file's fault.
			p := out.Fault
			out.Fault, out.Results = nil, make([]result, n)
			for i := range out.Results {
				out.Results[i].Fault = p
			}
			err = nil
		}
	}
	return out, err
}

// roundTrip posts body and reads the answer. It gives up when the partner
// takes nothing and says nothing for too long. Every error has a code.
func (e *Exchange) roundTrip(ctx context.Context, client *http.Client, at Peer, path string, body io.ReadCloser, length int64, read func(io.Reader) error) error {
	silent := fault.New(CodeNoAnswer, "the partner does not answer", "nothing: it is tried again; call the partner if it lasts")
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// A large file takes its receiver a while after the last byte: 4 MiB/s.
	patience := e.opts.Patience + time.Duration(length>>22)*time.Second
	watch := time.AfterFunc(patience, func() { cancel(silent) })
	defer watch.Stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+at.Address+path, watched{body, watch, patience})
	if err != nil {
		return fault.New(fault.Invalid, "the partner's address is not host:port", "take it from the member list").Because(err)
	}
	request.ContentLength = length
	answer, err := client.Do(request)
	if err == nil {
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			err = fmt.Errorf("status %d", answer.StatusCode)
		} else {
			err = read(answer.Body)
		}
	}
	if err == nil {
		return nil
	}
	if errors.Is(context.Cause(ctx), silent) {
		return silent.Because(err)
	}
	if ctx.Err() != nil {
		return fault.New(CodeNoAnswer, "the partner has not answered in time", "try again with more time").Because(context.Cause(ctx))
	}
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f
	}
	return fault.New(fault.Unavailable, "the partner cannot be reached, or does not know this node's key",
		"nothing: it is tried again; check address and registration if it lasts").Because(err)
}

// watched puts the watch off whenever the partner takes more of the body.
type watched struct {
	io.ReadCloser
	watch    *time.Timer
	patience time.Duration
}

func (w watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	w.watch.Reset(w.patience)
	return n, err
}
