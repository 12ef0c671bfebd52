package comet

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"github.com/cometbft/cometbft/types"
	"golang.org/x/net/http2"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
)

// FollowerConfig says whom a follower follows. Network, Key and at least one
// endpoint are required; with fewer than f+1 of them a follower cannot tell a
// validator that refuses without reason.
type FollowerConfig struct {
	Network   ledger.Network
	Key       sign.PrivateKey // this node's key, as validators know it
	Endpoints []Endpoint

	// SpreadAfter is when an envelope that is not final goes to every
	// validator. Default 3 s.
	SpreadAfter time.Duration
	// StallAfter is how long a validator may send nothing before the next one
	// is asked. It must exceed the network's interval of empty blocks.
	// Default 10 s.
	StallAfter time.Duration
	Log        *slog.Logger // default discards
}

// Endpoint is where a validator serves followers.
type Endpoint struct {
	Node    sign.PublicKey // its node key
	Address string         // host:port
}

// Validate reports everything that is wrong with the configuration.
func (c FollowerConfig) Validate() error {
	var errs []error
	if err := checkNetwork(c.Network); err != nil {
		errs = append(errs, fault.Of(err).In("network"))
	}
	if c.Key.IsZero() {
		errs = append(errs, fault.New(fault.Invalid, "the node key is missing", "make one with lateral node init").In("key"))
	}
	if len(c.Endpoints) == 0 {
		errs = append(errs, fault.New(fault.Invalid, "no validator is named", "name at least f+1 validators").In("endpoints"))
	}
	for i, e := range c.Endpoints {
		if _, _, err := net.SplitHostPort(e.Address); err != nil {
			errs = append(errs, fault.Newf(fault.Invalid, "write host:port", "%q is no address", e.Address).
				In(fmt.Sprintf("endpoints.%d", i)).Because(err))
		}
	}
	return errors.Join(errs...)
}

// Follower is the ledger of a node that runs no validator. It believes the
// network file only: blocks, receipts, proofs and certificates are checked
// against it, refusals count when f+1 validators agree, and a validator that
// lies is reported to the log and passed over. Safe for concurrent use.
type Follower struct {
	config    FollowerConfig
	committee *committee
	ends      []*end
	need      int          // answers that hold at least one honest one: f+1
	preferred atomic.Int64 // who is asked first
	put       atomic.Int64 // answers not-yet or busy since the last success
	verified  atomic.Uint64
	closed    context.Context
	close     context.CancelFunc
	log       *slog.Logger
}

var _ ledger.Ledger = (*Follower)(nil)

// end is one validator's endpoint.
type end struct {
	Endpoint
	client *http.Client
}

// Follow makes a follower. It connects when it is used. Code: invalid.
func Follow(c FollowerConfig) (*Follower, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.SpreadAfter <= 0 {
		c.SpreadAfter = 3 * time.Second
	}
	if c.StallAfter <= 0 {
		c.StallAfter = 10 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	com, err := newCommittee(c.Network)
	if err != nil {
		return nil, err
	}
	f := &Follower{config: c, committee: com, log: c.Log, need: min(com.faulty()+1, len(c.Endpoints))}
	f.closed, f.close = context.WithCancel(context.Background())
	for _, at := range c.Endpoints {
		tlsConfig, err := nodeTLS(c.Key, func(peer sign.PublicKey) error {
			if peer != at.Node {
				return fault.Newf(fault.Unauthorized, "check the validator's address and node key",
					"%s answers with node key %s, not %s", at.Address, peer.Short(), at.Node.Short())
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		// The standard transport would dial once for each request that finds no
		// connection; this one lets them share the first.
		tlsConfig.NextProtos = []string{http2.NextProtoTLS}
		dialer := &tls.Dialer{NetDialer: &net.Dialer{Timeout: 5 * time.Second}, Config: tlsConfig}
		f.ends = append(f.ends, &end{at, &http.Client{Transport: &http2.Transport{
			DialTLSContext: func(ctx context.Context, network, address string, _ *tls.Config) (net.Conn, error) {
				ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
				defer cancel()
				return dialer.DialContext(ctx, network, address)
			},
			StrictMaxConcurrentStreams: true,
			ReadIdleTimeout:            15 * time.Second,
			PingTimeout:                5 * time.Second,
		}}})
	}
	return f, nil
}

// begin binds a call to the life of the follower.
func (f *Follower) begin(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(f.closed, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

// ended is the error of a call that its caller or Close ended.
func (f *Follower) ended(ctx context.Context) error {
	if f.closed.Err() != nil {
		return fault.New(fault.Unavailable, "the ledger is closed", "open it again").Because(errClosed)
	}
	return ctx.Err()
}

// lie is an answer that does not stand up to the network file.
type lie struct{ cause error }

func (l lie) Error() string { return "a validator's answer is false: " + l.cause.Error() }
func (l lie) Unwrap() error { return l.cause }

// alarm tells the log about an answer that was not to be believed.
func (f *Follower) alarm(e *end, what string, err error) {
	f.log.Error("a validator's answer is false", "validator", e.Node.String(), "address", e.Address, "what", what, "err", err)
}

// request sends one request and gives the response with status 200. Codes: the
// validator's, or unavailable when it does not answer.
func (f *Follower) request(ctx context.Context, e *end, method, path string, query url.Values, body []byte) (*http.Response, error) {
	u := url.URL{Scheme: "https", Host: e.Address, Path: path, RawQuery: query.Encode()}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	res, err := e.client.Do(req)
	if err != nil {
		return nil, silent(e, err)
	}
	if res.StatusCode == http.StatusOK {
		return res, nil
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, silent(e, err)
	}
	var says failure
	if err := canon.Decode(data, &says); err != nil {
		return nil, silent(e, fmt.Errorf("status %s", res.Status))
	}
	return nil, &fault.Error{Code: fault.Code(says.Code), Detail: says.Detail, Remedy: says.Remedy, Field: says.Field}
}

func (f *Follower) get(ctx context.Context, e *end, method, path string, query url.Values, body []byte) ([]byte, error) {
	res, err := f.request(ctx, e, method, path, query, body)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, silent(e, err)
	}
	return data, nil
}

func silent(e *end, cause error) error {
	return fault.Newf(fault.Unavailable, "check the link to the validator", "validator %s at %s does not answer", e.Node.Short(), e.Address).Because(cause)
}

// Submit implements [ledger.Ledger]. One validator is asked first, and its
// not-yet or busy is the answer. When it does not make the envelope final in
// time, fails or refuses for good, all are asked, and it takes f+1 of them to
// put the envelope off: one may be the liar that all are asked because of.
func (f *Follower) Submit(ctx context.Context, e ledger.Envelope) (ledger.Position, error) {
	ctx, done := f.begin(ctx)
	defer done()
	type outcome struct {
		from int
		at   ledger.Position
		sure bool // proved, or a refusal in the validator's own words
		err  error
	}
	raw, id := e.Marshal(), e.ID()
	outcomes := make(chan outcome, len(f.ends))
	ask := func(i int, wait time.Duration) {
		go func() {
			if wait > 0 {
				select {
				case <-time.After(wait):
				case <-ctx.Done():
				}
			}
			at, sure, err := f.submitTo(ctx, f.ends[i], raw, id)
			outcomes <- outcome{i, at, sure, err}
		}()
	}
	first := int(f.preferred.Load()) % len(f.ends)
	asked := map[int]bool{first: true}
	all := func() {
		for i := range f.ends {
			if !asked[i] {
				asked[i] = true
				ask(i, 0)
			}
		}
	}
	ask(first, 0)
	spread := time.NewTimer(f.config.SpreadAfter)
	defer spread.Stop()
	var refusals, delays []error
	claims := map[ledger.Position]int{}
	for {
		select {
		case <-spread.C:
			f.preferred.CompareAndSwap(int64(first), int64(first+1)%int64(len(f.ends)))
			all()
		case o := <-outcomes:
			switch {
			case o.err == nil && o.sure:
				f.put.Store(0)
				return o.at, nil
			case o.err == nil:
				if claims[o.at]++; claims[o.at] >= f.need {
					return o.at, nil
				}
				ask(o.from, time.Second)
			case o.sure && passing(o.err):
				delays = append(delays, o.err)
				if len(asked) == 1 || len(delays) >= f.need || len(delays)+len(refusals) == len(f.ends) {
					f.later(o.from)
					return ledger.Position{}, o.err
				}
			case o.sure:
				refusals = append(refusals, o.err)
				if err := f.agreed(refusals); err != nil {
					return ledger.Position{}, err
				}
				if len(delays)+len(refusals) == len(f.ends) {
					return ledger.Position{}, append(delays, o.err)[0]
				}
			case ctx.Err() == nil:
				f.preferred.CompareAndSwap(int64(o.from), int64(o.from+1)%int64(len(f.ends)))
				ask(o.from, 500*time.Millisecond)
			}
			all()
		case <-ctx.Done():
			return ledger.Position{}, unknown(f.ended(ctx))
		}
	}
}

// submitTo asks one validator. Sure is set when the position is proved or the
// validator refused in so many words.
func (f *Follower) submitTo(ctx context.Context, e *end, raw []byte, id canon.Hash) (at ledger.Position, sure bool, err error) {
	after := url.Values{"after": {fmt.Sprint(f.verified.Load())}}
	data, err := f.get(ctx, e, http.MethodPost, "/submit", after, raw)
	switch fault.CodeOf(err) {
	case "":
	case fault.Unavailable, fault.Unknown, fault.Internal:
		return at, false, err
	default:
		return at, true, err
	}
	var says final
	if err := canon.Decode(data, &says); err != nil {
		f.alarm(e, "submit", err)
		return at, false, lie{err}
	}
	if says.Receipt != nil {
		if at, err := f.committee.receipt(*says.Receipt, sha256.Sum256(raw)); err == nil && at == says.Position {
			return at, true, nil
		}
	}
	// The receipt may name another signature over the same content; the proof
	// shows the envelope itself.
	p, err := f.proofFrom(ctx, e, says.Position)
	if fault.CodeOf(err) == fault.NotFound {
		return says.Position, false, nil
	}
	if err == nil && p.Envelope.ID() != id {
		err = lie{refused("another envelope stands at %s", says.Position)}
	}
	if _, ok := errors.AsType[lie](err); ok {
		f.alarm(e, "submit", err)
	}
	if err != nil {
		return at, false, err
	}
	return p.Position, true, nil
}

// agreed gives the refusal that f+1 validators share: one of them is honest.
func (f *Follower) agreed(refusals []error) error {
	count := map[fault.Code]int{}
	for _, err := range refusals {
		code := fault.CodeOf(err)
		if count[code]++; count[code] >= f.need {
			return err
		}
	}
	return nil
}

// passing reports whether a refusal asks for another try.
func passing(err error) bool {
	code := fault.CodeOf(err)
	return code == fault.NotYet || code == fault.Busy
}

// later counts such answers. Many in a row may be one validator's own will, so
// another one is asked first from then on.
func (f *Follower) later(from int) {
	const patience = 8
	if f.put.Add(1) >= patience {
		f.put.Store(0)
		f.preferred.CompareAndSwap(int64(from), int64(from+1)%int64(len(f.ends)))
	}
}

// each asks the validators in turn until one gives an answer that stands up.
// When all refuse in so many words, the first refusal is the answer.
func (f *Follower) each(ctx context.Context, what string, ask func(context.Context, *end) error) error {
	ctx, done := f.begin(ctx)
	defer done()
	refusals := map[int]error{}
	for n := 0; ; n++ {
		i := (int(f.preferred.Load()) + n) % len(f.ends)
		try, cancel := context.WithTimeout(ctx, f.config.StallAfter)
		err := ask(try, f.ends[i])
		cancel()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return f.ended(ctx)
		}
		if _, ok := errors.AsType[lie](err); ok {
			f.alarm(f.ends[i], what, err)
		} else if code := fault.CodeOf(err); code != fault.Unavailable && code != fault.Unknown && code != fault.Internal {
			refusals[i] = err
			if len(refusals) == len(f.ends) {
				return err
			}
		}
		if (n+1)%len(f.ends) == 0 {
			select {
			case <-time.After(250 * time.Millisecond):
			case <-ctx.Done():
				return f.ended(ctx)
			}
		}
	}
}

// Certified implements [ledger.Ledger].
func (f *Follower) Certified(ctx context.Context, h ledger.Height) (ledger.Certificate, error) {
	var out ledger.Certificate
	err := f.each(ctx, "certificate", func(ctx context.Context, e *end) error {
		data, err := f.get(ctx, e, http.MethodGet, "/certificate", url.Values{"height": {fmt.Sprint(h)}}, nil)
		if err != nil {
			return err
		}
		height, root, _, err := f.committee.certificate(data)
		if err == nil && height != h {
			err = refused("the certificate is for block %d, not %d", height, h)
		}
		if err != nil {
			return lie{err}
		}
		out = ledger.Certificate{Height: height, Root: root, Bytes: data}
		return nil
	})
	return out, err
}

// Included implements [ledger.Ledger].
func (f *Follower) Included(ctx context.Context, p ledger.Position) (ledger.Proof, error) {
	var out ledger.Proof
	err := f.each(ctx, "proof", func(ctx context.Context, e *end) (err error) {
		out, err = f.proofFrom(ctx, e, p)
		return err
	})
	return out, err
}

func (f *Follower) proofFrom(ctx context.Context, e *end, p ledger.Position) (ledger.Proof, error) {
	data, err := f.get(ctx, e, http.MethodGet, "/proof",
		url.Values{"height": {fmt.Sprint(p.Height)}, "index": {fmt.Sprint(p.Index)}}, nil)
	if err != nil {
		return ledger.Proof{}, err
	}
	env, at, err := f.committee.inclusion(data)
	if err == nil && at != p {
		err = refused("the proof is for %s, not %s", at, p)
	}
	if err != nil {
		return ledger.Proof{}, lie{err}
	}
	return ledger.Proof{Position: at, Envelope: env, Bytes: data}, nil
}

// Blocks implements [ledger.Ledger]. Each block is checked before it is
// yielded: its votes, that it follows the one before, and that the envelopes
// are the ones its header names.
func (f *Follower) Blocks(ctx context.Context, from ledger.Height) iter.Seq2[ledger.Block, error] {
	return func(yield func(ledger.Block, error) bool) {
		ctx, done := f.begin(ctx)
		defer done()
		c := cursor{next: max(from, 1)}
		missing := map[int]error{}
		failures := 0
		for {
			i := (int(f.preferred.Load()) + failures) % len(f.ends)
			before := c.next
			more, err := f.stream(ctx, f.ends[i], &c, yield)
			if !more {
				return
			}
			if ctx.Err() != nil {
				yield(ledger.Block{}, f.ended(ctx))
				return
			}
			if c.next > before {
				failures = 0
				clear(missing)
			}
			failures++
			if _, ok := errors.AsType[lie](err); ok {
				f.alarm(f.ends[i], "blocks", err)
			}
			if fault.CodeOf(err) == fault.NotFound {
				missing[i] = err
				if len(missing) == len(f.ends) {
					yield(ledger.Block{}, err)
					return
				}
			}
			f.log.Debug("going to another validator for blocks", "from", f.ends[i].Address, "err", err)
			if failures%len(f.ends) == 0 {
				select {
				case <-time.After(250 * time.Millisecond):
				case <-ctx.Done():
				}
			}
		}
	}
}

// cursor is how far a reader of blocks has come.
type cursor struct {
	next ledger.Height
	last types.BlockID // of the block before next, once one was read
	time int64
}

// stream reads blocks from one validator until it fails; more is false when the
// reader wants none.
func (f *Follower) stream(ctx context.Context, e *end, c *cursor, yield func(ledger.Block, error) bool) (more bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stall := time.AfterFunc(f.config.StallAfter, cancel)
	defer stall.Stop()
	res, err := f.request(ctx, e, http.MethodGet, "/blocks", url.Values{"from": {fmt.Sprint(c.next)}}, nil)
	if err != nil {
		return true, err
	}
	defer res.Body.Close()
	in := bufio.NewReaderSize(res.Body, 64<<10)
	for {
		stall.Reset(f.config.StallAfter)
		s, txs, err := readFrame(in)
		if fault.CodeOf(err) == fault.Invalid {
			return true, lie{err}
		}
		if err != nil {
			return true, silent(e, err)
		}
		b, id, err := f.committee.block(s, txs, *c)
		if err != nil {
			return true, lie{err}
		}
		stall.Stop() // the reader may take its time
		c.next, c.last, c.time = b.Height+1, id, b.Time
		for seen := f.verified.Load(); uint64(b.Height) > seen && !f.verified.CompareAndSwap(seen, uint64(b.Height)); {
			seen = f.verified.Load()
		}
		if !yield(b, nil) {
			return false, nil
		}
	}
}

// block checks a block that stands at the cursor.
func (c *committee) block(s seal, raw [][]byte, at cursor) (ledger.Block, types.BlockID, error) {
	fail := func(err error) (ledger.Block, types.BlockID, error) { return ledger.Block{}, types.BlockID{}, err }
	h, hash, err := c.verify(s)
	if err != nil {
		return fail(err)
	}
	b := ledger.Block{Height: ledger.Height(h.Height), Time: millis(h.Time)}
	txs := types.ToTxs(raw)
	switch {
	case b.Height != at.next:
		return fail(refused("block %d came in place of block %d", b.Height, at.next))
	case len(at.last.Hash) > 0 && !h.LastBlockID.Equals(at.last):
		return fail(refused("block %d does not follow the block before it", b.Height))
	case b.Time < at.time:
		return fail(refused("block %d is older than the block before it", b.Height))
	case !bytes.Equal(txs.Hash(), h.DataHash):
		return fail(refused("the envelopes are not those of block %d", b.Height))
	}
	for _, tx := range raw {
		e, err := ledger.Unmarshal(tx)
		if err != nil {
			return fail(err)
		}
		b.Envelopes = append(b.Envelopes, e)
	}
	return b, types.BlockID{Hash: hash, PartSetHeader: s.Parts.engine()}, nil
}

// Status implements [ledger.Ledger]: what f+1 of the validators that answer
// within two seconds confirm.
func (f *Follower) Status(ctx context.Context) (ledger.Status, error) {
	ctx, done := f.begin(ctx)
	defer done()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	answers := make(chan *report, len(f.ends))
	for _, e := range f.ends {
		go func() {
			var r report
			data, err := f.get(ctx, e, http.MethodGet, "/status", nil, nil)
			if err == nil {
				err = canon.Decode(data, &r)
			}
			if err != nil {
				f.log.Debug("a validator gives no status", "address", e.Address, "err", err)
				answers <- nil
				return
			}
			answers <- &r
		}()
	}
	s := ledger.Status{
		Driver: Driver, ChainID: f.config.Network.ChainID, Validators: f.committee.set.Size(),
		Tip: ledger.Height(f.verified.Load()),
	}
	var heights []ledger.Height
	var reports []*report
	for range f.ends {
		if r := <-answers; r != nil {
			s.Reached++
			heights = append(heights, r.Tip)
			reports = append(reports, r)
		}
	}
	if f.closed.Err() != nil {
		return ledger.Status{}, f.ended(ctx)
	}
	for _, e := range f.ends {
		s.Peers = append(s.Peers, NodeID(e.Node))
	}
	if len(heights) < f.need {
		// Nothing is confirmed then, and "height 0" would tell a node that it has
		// caught up.
		return s, fault.Newf(fault.Unavailable, "check that this node's key is registered, and the connections to the validators",
			"%d of the %d validators that must agree answer", len(heights), f.need)
	}
	slices.Sort(heights)
	s.Confirmed = heights[len(heights)-f.need]
	s.Tip = max(s.Tip, s.Confirmed)
	for _, r := range reports {
		if r.Tip >= s.Tip && (s.TipTime == 0 || r.TipTime < s.TipTime) {
			s.TipTime = r.TipTime
		}
		if r.Earliest > 0 && (s.Earliest == 0 || r.Earliest < s.Earliest) {
			s.Earliest = r.Earliest
		}
	}
	return s, nil
}

// Close implements [ledger.Ledger].
func (f *Follower) Close() error {
	f.close()
	for _, e := range f.ends {
		e.client.CloseIdleConnections()
	}
	return nil
}
