package clearing

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/reconcile"
	"github.com/lateral-network/lateral/trade/usage"
)

// edgesFile is what one desk shows the other before periods are stated: its
// calls near the edges of the periods between two moments, numbers hidden.
type edgesFile struct {
	From    int64         `cbor:"1,keyasint"` // edges after this moment, ms UTC ...
	Through int64         `cbor:"2,keyasint"` // ... up to and including this one
	Edges   []edgesOfFlow `cbor:"3,keyasint"`
}

type edgesOfFlow struct {
	Direction usage.Direction  `cbor:"1,keyasint"`
	Edges     []reconcile.Edge `cbor:"2,keyasint"`
}

// CloseThrough closes every period that ends at or before a moment (ms UTC):
// no more records are expected for them. The calls near their edges are shown
// to the partner, and once its own have come, the periods are rated and stated.
// What comes later is an adjustment. Closing again does nothing. Code:
// no-agreement.
func (d *Desk) CloseThrough(ctx context.Context, through int64) error {
	d.importing.Lock()
	defer d.importing.Unlock()
	book, err := d.ready()
	if err != nil {
		return err
	}
	d.mu.Lock()
	from, terms := d.through, d.terms
	d.mu.Unlock()
	if through <= from {
		return nil
	}
	out := edgesFile{From: from, Through: through}
	for _, way := range []usage.Way{usage.Forth, usage.Back} {
		direction := d.pair.Direction(way)
		hasher := reconcile.NewEdgeHasher(d.o.EdgeKey[:], direction)
		flow := edgesOfFlow{Direction: direction}
		for _, c := range book.near(way, from, through, terms.StartTolerance) {
			flow.Edges = append(flow.Edges, hasher.Edge(usage.CallOf(book.record(c))))
		}
		out.Edges = append(out.Edges, flow)
	}
	file, err := d.blob(canon.Must(out))
	if err != nil {
		return err
	}
	if err := d.o.Send(ctx, kindEdges, fmt.Sprint(through), file); err != nil {
		return err
	}
	if err := d.keep("through", binary.BigEndian.AppendUint64(nil, uint64(through))); err != nil {
		return err
	}
	d.mu.Lock()
	d.through = through
	d.closedAt = d.o.Now()
	d.mu.Unlock()
	return d.meet(ctx)
}

// Receive takes a file that the partner has sent to this desk. It may come more
// than once.
func (d *Desk) Receive(ctx context.Context, kind, subject string, file store.Info, open func() (io.ReadCloser, error)) error {
	switch kind {
	case kindRecords:
		d.touch(subject)
		return nil
	case kindEdges:
		return d.takeEdges(ctx, file.Hash)
	case KindSheet:
		return nil // read when it is looked at
	}
	return fault.Newf(fault.Refused, "upgrade this node, or ask the partner what it sent", "files of kind %q are not known here", kind)
}

// takeEdges reads the partner's edges and remembers where they are.
func (d *Desk) takeEdges(ctx context.Context, file canon.Hash) error {
	in, err := d.readEdges(file)
	if err != nil {
		return err
	}
	key := fmt.Sprintf("edges/%020d", in.Through)
	d.taking.Lock()
	defer d.taking.Unlock()
	before, known, err := d.o.Store.Get(d.prefix + key)
	if err != nil {
		return err
	}
	if !known || !bytes.Equal(before, file[:]) { // the same calls twice would match twice
		if err := d.keep(key, file[:]); err != nil {
			return err
		}
		d.addEdges(in)
	}
	return d.meet(ctx)
}

func (d *Desk) readEdges(file canon.Hash) (edgesFile, error) {
	var in edgesFile
	data, err := d.o.Blobs.Get(file)
	if err != nil {
		return in, err
	}
	if err := canon.Decode(data, &in); err != nil {
		return in, err
	}
	for _, f := range in.Edges {
		if _, ok := d.pair.Way(f.Direction); !ok {
			return in, fault.Newf(fault.Invalid, "ask the partner to send its edges again", "edges of %s are not of this pair", f.Direction)
		}
	}
	return in, nil
}

func (d *Desk) addEdges(in edgesFile) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.theirs = max(d.theirs, in.Through)
	for _, f := range in.Edges {
		way, _ := d.pair.Way(f.Direction)
		d.edges[way] = append(d.edges[way], f.Edges...)
	}
}

// edgesAgain brings the partner's edges back after a restart.
func (d *Desk) edgesAgain() error {
	prefix := d.prefix + "edges/"
	for r, err := range d.o.Store.Scan(prefix) {
		if err != nil {
			return err
		}
		if len(r.Value) != len(canon.Hash{}) {
			return fault.Newf(fault.Corrupt, "restore the node's data from a backup", "the record %s is damaged", strings.TrimPrefix(r.Key, d.prefix))
		}
		in, err := d.readEdges(canon.Hash(r.Value))
		if err != nil {
			return err
		}
		d.addEdges(in)
	}
	return nil
}

// meet compares edges as far as both sides have closed, and goes on with the
// periods that end by then.
func (d *Desk) meet(ctx context.Context) error {
	book, err := d.ready()
	if err != nil {
		return nil // the agreement has not reached this node; edges wait
	}
	d.follow(book)
	d.mu.Lock()
	through := d.through
	rate := d.o.Automatic.Rate
	d.mu.Unlock()
	for _, at := range book.Due(through) {
		if err := d.request(ctx, at, rate); err != nil {
			return err
		}
	}
	return nil
}

// follow gives our calls the period and rate version of the partner's records
// of them, where the partner sells and both lie near an edge that both sides
// have closed.
func (d *Desk) follow(book *Book) {
	d.mu.Lock()
	defer d.mu.Unlock()
	through := min(d.through, d.theirs)
	if through <= d.met {
		return
	}
	tolerance := d.terms.StartTolerance
	for _, way := range []usage.Way{usage.Forth, usage.Back} {
		direction := d.pair.Direction(way)
		if d.seller(direction) {
			continue
		}
		calls := book.near(way, d.met, through, tolerance)
		hasher := reconcile.NewEdgeHasher(d.o.EdgeKey[:], direction)
		ours := make([]reconcile.Edge, len(calls))
		for i, c := range calls {
			ours[i] = hasher.Edge(usage.CallOf(book.record(c)))
		}
		var theirs []reconcile.Edge
		for _, e := range d.edges[way] {
			if book.between(book.by.Moment(e.Start, e.Duration), d.met, through, tolerance) {
				theirs = append(theirs, e)
			}
		}
		for _, p := range reconcile.MatchEdges(ours, theirs, tolerance) {
			e := theirs[p.Theirs]
			book.follow(calls[p.Ours], rating.Moment{Start: e.Start, Duration: e.Duration})
		}
		if !d.terms.PastPeriods { // edges behind us are not needed again
			d.edges[way] = nil
		}
	}
	d.met = through
}

// edgesKnown reports whether a period that ends at a moment may be stated: both
// sides have closed it, or the partner has kept us waiting for half the time
// that the agreement gives for deliveries.
func (d *Desk) edgesKnown(to int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.through < to {
		return false
	}
	return d.met >= to || d.o.Now()-d.closedAt > d.terms.Deadline(agreement.StageRecords).Millis/2
}

// request asks for the rating of a period in which we have calls, unless it was
// asked for before (MEF 114 [R62]), and has it looked at.
func (d *Desk) request(ctx context.Context, at Slot, send bool) error {
	direction := d.pair.Direction(at.Way)
	var key string
	var there bool
	var ref trade.PeriodRef
	err := d.o.Channel.View(func(v view) error {
		s, ok, err := get[trade.Standing](v, trade.StandingKey(direction, d.o.Line))
		if err != nil || !ok {
			return err
		}
		ref = trade.PeriodRef{Order: s.Order, Interval: at.Period}
		key = trade.PeriodKey(s.Order, at.Period)
		_, there = v.Get(key)
		return nil
	})
	switch {
	case err != nil:
		return err
	case key == "":
		return fault.Newf(CodeNoOrder, "the buyer places a standing order and the seller accepts it", "no order covers %s %s", d.o.Line, direction)
	case there:
		d.touch(key)
	case send:
		d.act(ctx, "request/"+key, key, trade.NewCommand(trade.KindRatingRequest, trade.RatingRequest{Period: ref}))
	}
	return nil
}

// CodeNoOrder says that usage has no order to be billed under.
const CodeNoOrder fault.Code = "no-order"
