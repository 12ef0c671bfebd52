package native

import (
	"context"
	"strings"
	"sync"

	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/invoice"
)

// waiting knows of each Bilateral which periods are not closed and which disputes are not
// decided, and how many were. It reads all records once, and then only those that events
// name: a month of short periods has a hundred thousand, of which a few are open.
type waiting struct {
	mu sync.Mutex // one looks at a time
	of map[canon.Hash]*open
}

// open is what is not over on a Bilateral.
type open struct {
	read     channel.Cursor // events before it are taken in
	periods  map[string]invoice.Period
	disputes map[string]dispute.Dispute // not decided
	decided  map[string]uint64          // how many disputes people or rules decided
	ahead    map[string]bool            // decided ones that are counted, and whose event is not taken in
}

// mostFollowed is how many entries of a log are followed; of more the records are read
// anew.
const mostFollowed = 20_000

// look calls f with what is open on a Bilateral. f keeps nothing of it.
func (w *waiting) look(ctx context.Context, b Bilateral, f func(*open)) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	end, err := tip(b)
	if err != nil {
		return err
	}
	if w.of == nil {
		w.of = map[canon.Hash]*open{}
	}
	o := w.of[b.ID()]
	if o == nil || end < o.read || end-o.read > mostFollowed {
		o = &open{periods: map[string]invoice.Period{}, disputes: map[string]dispute.Dispute{}, decided: map[string]uint64{}, ahead: map[string]bool{}}
		err = o.all(b)
	} else {
		err = o.follow(ctx, b, end)
	}
	if err != nil {
		delete(w.of, b.ID())
		return err
	}
	w.of[b.ID()] = o
	f(o)
	return nil
}

// all reads every record. What is decided meanwhile is told again by its event.
func (o *open) all(b Bilateral) error {
	var now int64
	if err := b.View(func(v channel.View) error {
		o.read, now = v.Cursor, v.Time
		return nil
	}); err != nil {
		return err
	}
	for _, prefix := range []string{trade.PeriodPrefix, trade.DisputePrefix} {
		var failed error
		for key, p := range pieces(b, prefix, "", false, &failed) {
			d, err := o.take(key, p.raw)
			if err != nil {
				return err
			}
			if d != nil {
				o.decided[decidedBy(*d)]++
				if d.Decision.Time > now {
					o.ahead[key] = true
				}
			}
		}
		if failed != nil {
			return failed
		}
	}
	return nil
}

// follow reads the records that events have named up to a cursor.
func (o *open) follow(ctx context.Context, b Bilateral, end channel.Cursor) error {
	if o.read == end {
		return nil
	}
	changed := map[string]bool{} // and whether it was decided
	for e, err := range b.Events(ctx, o.read) {
		if err != nil {
			return err
		}
		for _, out := range e.Outcomes {
			for _, x := range out.Events {
				if strings.HasPrefix(x.Subject, trade.PeriodPrefix) || strings.HasPrefix(x.Subject, trade.DisputePrefix) {
					changed[x.Subject] = changed[x.Subject] || x.Kind == trade.EventDisputeResolved
				}
			}
		}
		if o.read = e.Next; o.read >= end {
			break
		}
	}
	o.read = max(o.read, end)
	return b.View(func(v channel.View) error {
		for key, decided := range changed {
			raw, _ := v.Get(key)
			d, err := o.take(key, raw)
			if err != nil {
				return err
			}
			if decided && d != nil && !o.ahead[key] {
				o.decided[decidedBy(*d)]++
			}
			if decided {
				delete(o.ahead, key)
			}
		}
		return nil
	})
}

// take notes a record as it is now; nil: it is not there. It gives back a dispute that is
// decided: that is its end, and happens once.
func (o *open) take(key string, raw []byte) (*dispute.Dispute, error) {
	if strings.HasPrefix(key, trade.PeriodPrefix) {
		delete(o.periods, key)
		if raw == nil {
			return nil, nil
		}
		p, err := decoded[invoice.Period](key, raw)
		if err == nil && p.State != invoice.PeriodClosed {
			o.periods[key] = p
		}
		return nil, err
	}
	delete(o.disputes, key)
	if raw == nil {
		return nil, nil
	}
	d, err := decoded[dispute.Dispute](key, raw)
	switch {
	case err != nil:
		return nil, err
	case d.Decision != nil:
		return &d, nil
	}
	o.disputes[key] = d
	return nil, nil
}
