package node

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/exchange"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
)

// vitals are what a node's health is judged by. What a node has not is nil.
type vitals struct {
	status   func() (ledger.Status, error)
	height   func() ledger.Height // of the last block executed here
	signs    <-chan struct{}      // closed once the node may sign
	sends    func() error         // why some of what it says does not leave
	stores   []keeper
	halted   func() []named              // channels that do not go on
	backlogs func() []exchange.Backlog   // files that wait for partners
	nameOf   func(sign.PublicKey) string // of a partner's node
	rise     rise
	now      func() time.Time
}

// keeper is a store: *store.DB is one.
type keeper interface {
	Err() error  // why it takes no more commits until the node is started again
	Room() error // why it would not take the next one
}

// rise remembers when a node has seen a new block last.
type rise struct {
	mu     sync.Mutex
	height ledger.Height
	at     time.Time // zero before the first look
}

// see notes how high the node stands, and gives how long it has stood there.
func (r *rise) see(h ledger.Height, now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at.IsZero() || h != r.height {
		r.height, r.at = h, now
	}
	return now.Sub(r.at)
}

// Bounds of what counts as healthy.
const (
	// standing is how long no block may come. Empty ones come every second.
	standing = 30 * time.Second
	// untaken is how long a partner may take no files: longer than its restart.
	untaken = 10 * time.Minute
)

// watch looks at the height until ctx ends, so that the checks know how long it
// stands still however seldom they are asked for.
func (v *vitals) watch(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		v.rise.see(v.height(), v.now())
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// named is what is wrong with one of several things.
type named struct {
	name string
	err  error
}

// behind is how many blocks a node may lack of what validators report, and count
// as caught up: some are always on their way.
const behind = 10

// checks are what must be right for the node to be ready, and the height that
// enough validators report, 0 when it is not known.
func (v *vitals) checks() (out []wire.Check, confirmed uint64) {
	add := func(name string, err error) {
		c := wire.Check{Name: name, OK: err == nil}
		if err != nil {
			c.Detail = err.Error()
		}
		out = append(out, c)
	}
	s, err := v.status()
	add("ledger", err)
	if err == nil {
		confirmed = uint64(s.Confirmed)
		if err = nil; s.Syncing || v.height()+behind < s.Confirmed {
			err = errors.New("this node is behind what validators report")
		}
		add("caught up", err)
	}
	if stood := v.rise.see(v.height(), v.now()); stood > standing {
		add("blocks come", fmt.Errorf("no block came for %s: see how many validators run", stood.Round(time.Second)))
	} else {
		add("blocks come", nil)
	}
	if v.signs != nil {
		select {
		case <-v.signs:
			add("may sign", nil)
		default:
			add("may sign", errors.New("what this node signed last is not checked against the ledger yet"))
		}
	}
	if v.sends != nil {
		add("may send", v.sends())
	}
	var failed, full error
	for _, s := range v.stores {
		if err := s.Err(); err != nil {
			failed = errors.Join(failed, err)
		} else {
			full = errors.Join(full, s.Room())
		}
	}
	add("store", failed)
	add("disk", full)
	if v.backlogs != nil {
		for _, b := range v.backlogs() {
			if b.Err != nil && v.now().Sub(b.Since) > untaken {
				add("files for "+v.nameOf(b.Node), fmt.Errorf("%d wait, not taken since %s: %w", b.Files, b.Since.UTC().Format(time.RFC3339), b.Err))
			}
		}
	}
	if v.halted != nil {
		for _, c := range v.halted() {
			add("channel with "+c.name, c.err)
		}
	}
	return out, confirmed
}
