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

// waiting knows of each Bilateral which periods are not closed and which disputes wait
// for people. It reads all records once, and then only those that events name: a month
// of short periods has a hundred thousand, of which a few are open.
type waiting struct {
	mu sync.Mutex // one looks at a time
	of map[canon.Hash]*open
}

// open is what is not over on a Bilateral.
type open struct {
	read     channel.Cursor // events before it are taken in
	periods  map[string]invoice.Period
	disputes map[string]dispute.Dispute
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
		o = &open{read: end, periods: map[string]invoice.Period{}, disputes: map[string]dispute.Dispute{}}
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

// all reads every record.
func (o *open) all(b Bilateral) error {
	for _, prefix := range []string{trade.PeriodPrefix, trade.DisputePrefix} {
		var failed error
		for key, p := range pieces(b, prefix, "", false, &failed) {
			if err := o.take(key, p.raw); err != nil {
				return err
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
	changed := map[string]bool{}
	for e, err := range b.Events(ctx, o.read) {
		if err != nil {
			return err
		}
		for _, out := range e.Outcomes {
			for _, x := range out.Events {
				if strings.HasPrefix(x.Subject, trade.PeriodPrefix) || strings.HasPrefix(x.Subject, trade.DisputePrefix) {
					changed[x.Subject] = true
				}
			}
		}
		if e.Next >= end {
			break
		}
	}
	o.read = end
	return b.View(func(v channel.View) error {
		for key := range changed {
			raw, _ := v.Get(key)
			if err := o.take(key, raw); err != nil {
				return err
			}
		}
		return nil
	})
}

// take notes a record as it is now; nil: it is not there.
func (o *open) take(key string, raw []byte) error {
	if strings.HasPrefix(key, trade.PeriodPrefix) {
		delete(o.periods, key)
		if raw == nil {
			return nil
		}
		p, err := decoded[invoice.Period](key, raw)
		if err == nil && p.State != invoice.PeriodClosed {
			o.periods[key] = p
		}
		return err
	}
	delete(o.disputes, key)
	if raw == nil {
		return nil
	}
	d, err := decoded[dispute.Dispute](key, raw)
	if err == nil && waitsForPeople(d.State) {
		o.disputes[key] = d
	}
	return err
}
