package sonata

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/store/resource"
)

// Delivery of notifications: each subscription goes through its events by
// itself, in order. One that was not taken is tried again, later and later; the
// next waits for it. A subscription that is slow or dead holds up no other.

const (
	firstRetry  = time.Second
	longestWait = 15 * time.Minute
	// giveUp is how long a subscription may fail before it is suspended. Its
	// events are kept; an operator's replay goes on with them.
	giveUp = 7 * 24 * time.Hour
	// answerTime is how long a buyer may take for one notification.
	answerTime = 10 * time.Second
)

type delivery struct {
	store *resource.DB
	http  *http.Client
	key   *Key
	now   func() time.Time
	keep  time.Duration
	log   *slog.Logger
	count Metrics
	// jitter gives a number from 0 to below 1, so that a thousand retries after
	// an outage do not come at once.
	jitter func() float64

	mu      sync.Mutex // guards what follows
	running map[string]bool
	cleaned time.Time
}

func newDelivery(store *resource.DB, o Options) *delivery {
	dialer := &net.Dialer{Timeout: answerTime}
	if !o.Private {
		// The address is judged when it is dialled: a name may lead anywhere.
		dialer.Control = func(_, address string, _ syscall.RawConn) error {
			host, _, err := net.SplitHostPort(address)
			if ip := net.ParseIP(host); err != nil || ip == nil || isPrivate(ip) {
				return fault.New(fault.Refused, "the callback leads to an address that is not public", "give one that is")
			}
			return nil
		}
	}
	return &delivery{
		store: store, key: o.Key, now: o.Now, keep: o.Keep, log: o.Log, count: o.Metrics, jitter: rand.Float64, running: map[string]bool{},
		http: &http.Client{
			Timeout:       answerTime,
			Transport:     &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// run delivers until ctx ends.
func (d *delivery) run(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	defer d.http.CloseIdleConnections()
	// Another process, such as a replay by command line, may change the file.
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for ctx.Err() == nil {
		changed := d.store.Changed()
		hubs, err := d.store.Hubs(ctx)
		if err != nil && ctx.Err() == nil {
			d.log.Error("sonata: subscriptions cannot be read", "err", err)
		}
		for _, h := range hubs {
			if h.Suspended || h.Due.After(d.now()) || !d.begin(h.ID) {
				continue
			}
			all.Go(func() {
				defer d.end(h.ID)
				for ctx.Err() == nil {
					// Whoever went through it before may have moved it on since the
					// list was read: what was taken is not sent again, nor what failed
					// tried again at once.
					now, err := d.store.Hub(ctx, h.Topic, h.Buyer, h.Seller, h.ID)
					if err != nil || !d.step(ctx, now) {
						return // gone, ctx has ended, or nothing to do
					}
				}
			})
		}
		d.clean(ctx)
		select {
		case <-ctx.Done():
		case <-changed:
		case <-tick.C:
		}
	}
}

func (d *delivery) begin(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.running[id] {
		return false
	}
	d.running[id] = true
	return true
}

func (d *delivery) end(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.running, id)
}

// clean drops old events once an hour.
func (d *delivery) clean(ctx context.Context) {
	now := d.now()
	if now.Sub(d.cleaned) < time.Hour {
		return
	}
	d.cleaned = now
	if err := d.store.Update(ctx, func(tx *resource.Tx) error { return tx.Forget(now.Add(-d.keep)) }); err != nil && ctx.Err() == nil {
		d.log.Error("sonata: old events cannot be dropped", "err", err)
	}
}

// step tries the next event of a subscription, and says whether it was taken: if
// so another may follow at once.
func (d *delivery) step(ctx context.Context, h *resource.Hub) bool {
	now := d.now()
	if h.Suspended || h.Due.After(now) {
		return false
	}
	e, err := d.store.Next(ctx, h)
	if err != nil || e == nil {
		if err != nil && ctx.Err() == nil {
			d.log.Error("sonata: events cannot be read", "hub", h.ID, "err", err)
		}
		return false
	}
	problem := d.send(ctx, h, e)
	if ctx.Err() != nil {
		return false // we stop: nobody knows, so it is sent again
	}
	d.count.Notified(problem == nil)
	err = d.store.Update(context.WithoutCancel(ctx), func(tx *resource.Tx) error {
		if problem == nil {
			return tx.Took(h.ID, h.Cursor, e.Seq)
		}
		suspend := !h.Failing.IsZero() && now.Sub(h.Failing) >= giveUp
		return tx.Failed(h.ID, h.Cursor, now.Add(d.wait(h.Failures)), cut(problem.Error(), 200), suspend)
	})
	if err != nil {
		d.log.Error("sonata: a delivery cannot be noted", "hub", h.ID, "err", err)
		return false
	}
	if problem != nil {
		d.log.Warn("sonata: a notification was not taken", "hub", h.ID, "partner", h.Partner, "failures", h.Failures+1, "err", problem)
	}
	return problem == nil
}

// wait is how long the next attempt waits after so many failures: twice as long
// each time, a half of it by chance.
func (d *delivery) wait(failures int) time.Duration {
	w := longestWait
	if failures < 20 {
		w = min(firstRetry<<failures, longestWait)
	}
	return w/2 + time.Duration(d.jitter()*float64(w/2))
}

// send sends one notification; nil means that the buyer took it.
func (d *delivery) send(ctx context.Context, h *resource.Hub, e *resource.Event) error {
	release, function, _ := strings.Cut(e.Topic, "/")
	address := strings.TrimSuffix(h.Callback, "/") + wire.Release(release).ListenerBase(wire.Function(function)) + "/" + e.Type
	if h.Named && wire.Release(release) != wire.Grace {
		address += "?" + url.Values{"buyerId": {h.Buyer}, "sellerId": {h.Seller}}.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(e.Body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", wire.ContentType)
	if d.key != nil {
		if err := d.key.sign(r, e.Body, d.now()); err != nil {
			return err
		}
	}
	res, err := d.http.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, 64<<10) // so that the connection can be used again
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("the buyer answered %s", res.Status)
	}
	return nil
}

// event makes a notification. name is its name in kylie; more are the members of
// event beside id, href and state.
func (s *Server) event(scope resource.Scope, f wire.Function, name, id, href, state string, more ...wire.Member) resource.Event {
	release := releaseOf(scope)
	path := wire.EventPath(release, name)
	of := wire.Value{Kind: wire.Object}
	of.Set("id", id)
	if href != "" {
		of.Set("href", href)
	}
	for _, m := range more {
		of.Set(m.Name, m.Value)
	}
	if release == wire.Grace {
		of.Set("buyerId", scope.Buyer)
		of.Set("sellerId", scope.Seller)
	} else if state != "" {
		of.Set("state", state)
	}
	now := s.now()
	e := resource.Event{ID: s.options.ID(), Topic: topic(release, f), Buyer: scope.Buyer, Seller: scope.Seller, Type: path, At: now}
	body := wire.Value{Kind: wire.Object}
	body.Set("eventId", e.ID)
	body.Set("eventTime", wire.Time(now))
	body.Set("eventType", wire.EventName(release, path))
	body.Set("event", of)
	e.Body = body.Bytes()
	return e
}

// releaseOf gives the release of a resource.
func releaseOf(s resource.Scope) wire.Release {
	r, _, _ := strings.Cut(s.Kind, "/")
	return wire.Release(r)
}

// href is the address of a resource.
func (s *Server) href(release wire.Release, f wire.Function, path string) string {
	if s.options.Base == "" {
		return ""
	}
	return strings.TrimSuffix(s.options.Base, "/") + release.Base(f) + path
}
