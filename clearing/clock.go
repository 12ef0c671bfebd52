package clearing

import (
	"context"
	"errors"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade"
)

// tick does what time brings: it closes live periods that are over, tries again
// what waits, has passed deadlines applied, and seals what is over.
func (d *Desk) tick(ctx context.Context) error {
	for key, at := range d.later {
		if d.o.Now() >= at {
			delete(d.later, key)
			d.touch(key)
		}
	}
	_, err := d.ready()
	if fault.CodeOf(err) == CodeNoAgreement {
		d.mu.Lock()
		d.meeting = false
		d.mu.Unlock()
		return d.applyDeadlines(ctx) // no calls to clear; products, and what is only proposed, have deadlines too
	} else if err != nil {
		d.fail("book", bookSubject, err)
		return d.applyDeadlines(ctx)
	}
	d.solved("book")
	d.unconfirmed()
	return errors.Join(d.closeLive(ctx), d.meet(ctx), d.applyDeadlines(ctx), d.seal())
}

// bookSubject stands for all imported records.
const bookSubject = "imports"

// maxAhead is how far, in ms, this node's clock may be ahead of the ledger's
// while live periods are closed by it alone.
const maxAhead = 60_000

// closeLive closes the periods that are over, with their grace, where usage is
// not imported from files, and shows the edges for which it is time. A clock
// that has jumped ahead would close periods that still run; so where the
// ledger's time does not confirm it, the ledger is asked first, by requesting
// the rating of what would be closed.
func (d *Desk) closeLive(ctx context.Context) error {
	now := d.o.Now()
	d.mu.Lock()
	terms, through, shown, schedule, book := d.schedule.at(now).terms, d.through, d.shown, d.schedule, d.book
	d.mu.Unlock()
	over := through
	if !terms.PastPeriods {
		over = max(over, schedule.period(now-terms.GraceMillis).From)
	}
	if over > through {
		ledger, err := d.blockTime()
		if err != nil {
			return err
		}
		if now > ledger+maxAhead {
			sure := schedule.period(ledger + maxAhead - terms.GraceMillis).From
			for _, at := range book.Due(over) {
				if at.Period.To > sure {
					if err := d.request(ctx, at); err != nil {
						return err
					}
				}
			}
			over = max(through, sure)
		}
	}
	if over == through && schedule.showable(now, through) <= shown {
		return nil
	}
	return d.close(ctx, over)
}

// blockTime is the time of the last block that this node has executed, ms UTC.
func (d *Desk) blockTime() (ms int64, err error) {
	err = d.o.Channel.View(func(v view) error {
		ms = v.Time
		return nil
	})
	return ms, err
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
		if at != d.deadlines[key] {
			delete(d.failed, "tick/"+key) // what was to be ticked is over
		}
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

// clockSlack is how long, in ms, after a deadline by its own clock a desk leaves
// the ledger's time to pass it.
const clockSlack = 2_000

// applyDeadlines has the agreed outcome of passed deadlines applied: nothing
// happens by itself.
func (d *Desk) applyDeadlines(ctx context.Context) error {
	now, err := d.blockTime()
	if err != nil {
		return err
	}
	// A ledger on which nothing happens makes no blocks; the tick's own will have
	// the time. One that comes too early is refused and sent again.
	now = max(now, d.o.Now()-clockSlack)
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

// post anchors the channel: with both heads, or with ours alone while the
// partner does not answer.
func (d *Desk) post(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, d.o.Patience)
	defer cancel()
	_, err := d.o.Channel.Anchor(waiting)
	if fault.CodeOf(err) != fault.NotYet || ctx.Err() != nil {
		return err
	}
	d.closed() // try again for both heads, and else post ours a second time
	return d.o.Channel.AnchorAlone(ctx)
}
