package clearing

import (
	"context"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade"
)

// tick does what time brings: it closes live periods that are over, tries again
// what waits, has passed deadlines applied, and anchors what has closed.
func (d *Desk) tick(ctx context.Context) error {
	book, err := d.ready()
	if err != nil {
		return nil // no agreement yet: nothing to clear
	}
	d.mu.Lock()
	terms, through := d.terms, d.through
	d.mu.Unlock()
	if !terms.PastPeriods {
		over := book.calendar.At(d.o.Now() - terms.GraceMillis).From
		if over > through {
			if err := d.CloseThrough(ctx, over); err != nil {
				return err
			}
		}
	}
	if err := d.meet(ctx); err != nil {
		return err
	}
	return d.applyDeadlines(ctx)
}

// watch remembers until when a record waits, in block time.
func (d *Desk) watch(key string) error {
	return d.o.Channel.View(func(v view) error {
		var at int64
		if raw, ok := v.Get(key); ok {
			at = trade.DeadlineOf(key, raw)
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		if at == 0 {
			delete(d.deadlines, key)
		} else {
			d.deadlines[key] = at
		}
		return nil
	})
}

// courtesy is how long, in ms, the second of the pair leaves ticks and anchors
// to the first, so that they are not sent twice.
const courtesy = 10_000

// applyDeadlines has the agreed outcome of passed deadlines applied: nothing
// happens by itself.
func (d *Desk) applyDeadlines(ctx context.Context) error {
	var now int64
	err := d.o.Channel.View(func(v view) error {
		now = v.Time
		return nil
	})
	if err != nil {
		return err
	}
	if d.o.Me != d.pair[0] {
		now -= courtesy
	}
	d.mu.Lock()
	var due []string
	for key, at := range d.deadlines {
		if at <= now {
			due = append(due, key)
		}
	}
	d.mu.Unlock()
	for _, key := range due {
		d.act(ctx, "tick/"+key, key, trade.NewCommand(trade.KindTick, trade.Tick{Subject: key}))
	}
	return nil
}

// closed notes that a period has closed: the channel is to be anchored.
func (d *Desk) closed() {
	select {
	case d.anchor <- struct{}{}:
	default:
	}
}

// anchorLoop posts the channel's attested position on the Omnilateral after
// periods have closed. Many that close together share one anchor.
func (d *Desk) anchorLoop(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.anchor:
		}
		if d.o.Me != d.pair[0] {
			select {
			case <-ctx.Done():
				return
			case <-time.After(courtesy * time.Millisecond):
			}
		}
		if err := d.post(ctx); err != nil && ctx.Err() == nil {
			d.o.Log.Warn("the channel could not be anchored; it will be when the next period closes", "err", err)
		}
	}
}

// patience is how long a partner may leave this node's head without an answer
// before the head is posted alone. The network judges whether it counts as
// uncontested: the second time that it is posted, when its own time has passed.
const patience = time.Minute

// post anchors the channel: with both heads, or with ours alone while the
// partner does not answer.
func (d *Desk) post(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := d.o.Channel.Anchor(waiting)
	if fault.CodeOf(err) != fault.NotYet || ctx.Err() != nil {
		return err
	}
	d.closed() // try again for both heads, and else post ours a second time
	return d.o.Channel.AnchorAlone(ctx)
}
