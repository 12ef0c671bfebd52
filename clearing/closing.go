package clearing

import (
	"context"
	"io"
	"slices"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/usage"
)

// Codes of usage that cannot be rated now.
const (
	// CodeNoOrder says that usage has no order to be billed under.
	CodeNoOrder fault.Code = "no-order"
)

// closedRecord says how far this side has closed its periods.
type closedRecord struct {
	Through  int64     `cbor:"1,keyasint"`           // periods that end by then; ms UTC
	Closings []closing `cbor:"2,keyasint,omitempty"` // those whose edges wait for the partner's
	Shown    int64     `cbor:"3,keyasint,omitempty"` // edges up to here were shown to the partner; ms UTC
}

// closing is one showing of edges.
type closing struct {
	Through int64     `cbor:"1,keyasint"` // ms UTC
	At      int64     `cbor:"2,keyasint"` // when it was done, ms UTC
	seen    time.Time // by this process; a clock that is set back cannot move it
}

// CloseThrough closes every period that ends at or before a moment (ms UTC):
// no more records are expected for them. The calls near their edges are shown
// to the partner, and once its own have come, the periods are rated and stated.
// Where usage is not imported from files the edges are shown a start tolerance
// later: the partner's record of a call may end that much later than ours.
//
// What comes later is an adjustment of the first period that is stated after
// it and was open when it came; where no such period has calls of its own, the
// last one that the next CloseThrough closes is stated for the adjustments
// alone. Closing again does nothing. Codes: no-agreement, and not-yet for a
// period that is not over, with its grace, unless usage comes from files.
func (d *Desk) CloseThrough(ctx context.Context, through int64) error {
	if _, err := d.ready(); err != nil {
		return err
	}
	now := d.o.Now()
	d.mu.Lock()
	terms := d.schedule.at(now).terms
	d.mu.Unlock()
	if !terms.PastPeriods && through > now-terms.GraceMillis {
		return fault.Newf(fault.NotYet, "live periods close by themselves; name a moment that has passed, with the grace of the agreement",
			"records of periods up to %s may still come", usage.Stamp(through)).In("through")
	}
	return d.close(ctx, through)
}

// close moves the moment after which records come late, and shows the partner
// the edges for which it is time.
func (d *Desk) close(ctx context.Context, through int64) error {
	d.importing.Lock()
	defer d.importing.Unlock()
	book, err := d.ready()
	if err != nil {
		return err
	}
	now := d.o.Now()
	d.mu.Lock()
	before := closedRecord{d.through, slices.Clone(d.closings), d.shown}
	next := before
	next.Through = max(before.Through, through)
	next.Shown = max(before.Shown, d.schedule.showable(now, next.Through))
	d.mu.Unlock()
	if next.Shown > before.Shown {
		if err := d.showEdges(ctx, book, before.Shown, next.Shown); err != nil {
			return err
		}
		next.Closings = append(next.Closings, closing{next.Shown, now, time.Now()})
	} else if next.Through == before.Through {
		return nil
	}
	if err := d.keep("closed", canon.Must(next)); err != nil {
		return err
	}
	d.mu.Lock()
	d.through, d.closings, d.shown, d.meeting = next.Through, next.Closings, next.Shown, true
	d.mu.Unlock()
	d.rouse()
	return nil
}

// showable gives the moment up to which edges may be shown when periods are
// closed through another. A partner's record of a call that ended before an edge
// may end a start tolerance after it, and takes as long as ours to come in;
// files of past periods have all.
func (s schedule) showable(now, through int64) int64 {
	terms := s.at(now).terms
	if terms.PastPeriods {
		return through
	}
	return min(through, s.period(now-terms.GraceMillis-terms.StartTolerance).From)
}

// Receive takes a file that the partner has sent to this desk. It may come more
// than once.
func (d *Desk) Receive(ctx context.Context, kind, subject string, file store.Info, open func() (io.ReadCloser, error)) error {
	switch kind {
	case kindRecords:
		d.touch(subject)
		return nil
	case kindEdges:
		return d.takeEdges(file.Hash)
	case KindSheet:
		d.touch(trade.SheetKey(subject))
		return nil
	}
	return fault.Newf(fault.Refused, "upgrade this node, or ask the partner what it sent", "files of kind %q are not known here", kind)
}

// meet compares edges as far as both sides have closed, and goes on with the
// periods that may be stated by then. Only the desk's own work calls it.
func (d *Desk) meet(ctx context.Context) error {
	d.mu.Lock()
	d.meeting = false
	d.mu.Unlock()
	book, err := d.ready()
	if fault.CodeOf(err) == CodeNoAgreement {
		return nil // it has not reached this node; edges wait
	} else if err != nil {
		return err
	}
	if err := d.follow(book); err != nil {
		return err
	}
	if err := d.reprice(book); err != nil {
		return err
	}
	known := d.known()
	d.mu.Lock()
	for key, to := range d.held {
		if to <= known {
			delete(d.held, key)
			d.dirty[key] = true
		}
	}
	d.mu.Unlock()
	for _, at := range book.Due(known) {
		if err := d.request(ctx, at); err != nil {
			return err
		}
	}
	return d.promised(ctx, known)
}

// known gives the moment up to which periods may be stated: both sides have
// shown their edges, or the partner has kept us waiting for its own for half the
// time that the agreement gives for records and statements. Without a book the
// agreement is not known, and the wait goes on.
func (d *Desk) known() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.closings) > 0 && len(d.schedule) > 0 {
		c := d.closings[0]
		if c.Through > d.met {
			terms := d.schedule.at(c.Through - 1).terms
			wait := min(terms.Deadline(agreement.StageRecords).Millis, terms.Deadline(agreement.StageStatement).Millis) / 2
			if max(d.o.Now()-c.At, time.Since(c.seen).Milliseconds()) <= wait {
				break
			}
		}
		d.waived = c.Through
		d.closings = d.closings[1:]
	}
	return min(d.shown, max(d.met, d.waived))
}

// request asks for the rating of a period in which we have something to state,
// unless it was asked for before (MEF 114 [R62]).
func (d *Desk) request(ctx context.Context, at Slot) error {
	d.mu.Lock()
	asked := d.asked[at]
	d.mu.Unlock()
	if asked {
		return nil
	}
	direction := d.pair.Direction(at.Way)
	var o orderRecord
	var covered, there bool
	err := d.o.Channel.View(func(v view) (err error) {
		if o, covered, err = d.orderOf(v, direction, at.Period); covered {
			_, there = v.Get(trade.PeriodKey(o.ID, at.Period))
		}
		return err
	})
	if err != nil {
		return err
	}
	subject := "usage/" + direction.String()
	blocked := "order/" + direction.String()
	key := trade.PeriodKey(o.ID, at.Period)
	switch {
	case !covered:
		d.fail(blocked, subject, fault.Newf(CodeNoOrder, "the buyer places a standing order and the seller accepts it",
			"no order covers %s %s in %s", d.o.Line, direction, at.Period))
	case there:
		d.solved(blocked)
		d.mu.Lock()
		d.asked[at] = true
		d.mu.Unlock()
		d.touch(key)
	case !order.Allows[o.State].Rating:
		d.fail(blocked, subject, fault.Newf(trade.CodeOrderState, "resume the order; the calls wait until then",
			"order %s is %s, which allows no rating of %s", o.ID, o.State, at.Period))
	case d.o.Automatic.Rate:
		d.solved(blocked)
		ref := trade.PeriodRef{Order: o.ID, Interval: at.Period}
		d.act(ctx, "request/"+key, key, trade.NewCommand(trade.KindRatingRequest, trade.RatingRequest{Period: ref}))
	default:
		d.solved(blocked)
	}
	return nil
}

// orderOf finds the order under which a period is billed: the one that stands,
// or for periods before it one that has ended.
func (d *Desk) orderOf(v view, direction usage.Direction, p usage.Interval) (o orderRecord, ok bool, err error) {
	covers := func() bool {
		return o.Buyer == direction.From && o.Seller == direction.To && o.Spec.Line == d.o.Line &&
			p.To > o.From && p.From >= o.Begins && (o.Until == 0 || p.From < o.Until) && (o.State.Live() || o.State == order.Terminated || o.State == order.Completed)
	}
	s, ok, err := get[trade.Standing](v, trade.StandingKey(direction, d.o.Line))
	if err != nil || !ok {
		return o, false, err
	}
	if o, _, err = get[orderRecord](v, trade.OrderKey(s.Order)); err != nil || covers() {
		return o, err == nil, err
	}
	for o = range (trade.View{Records: v}).Orders() {
		if covers() {
			return o, true, nil
		}
	}
	return orderRecord{}, false, nil
}
