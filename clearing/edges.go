package clearing

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/reconcile"
	"github.com/lateral-network/lateral/trade/usage"
)

// edgesFile is what one desk shows the other before periods are stated: its
// calls near edges between two moments, numbers hidden. An edge is where periods
// meet, or where the rates of a number begin or end. There, two records of a call
// which start or end within the start tolerance may have two periods, or only one
// of them a rate. Where one rate follows another both have one, and the agreed
// rule decides.
type edgesFile struct {
	From    int64         `cbor:"1,keyasint"` // edges after this moment, ms UTC ...
	Through int64         `cbor:"2,keyasint"` // ... up to and including this one
	Edges   []edgesOfFlow `cbor:"3,keyasint"`
}

type edgesOfFlow struct {
	Direction usage.Direction  `cbor:"1,keyasint"`
	Edges     []reconcile.Edge `cbor:"2,keyasint"`
}

// What a file of edges may hold. The bounds leave room for all that terms allow.
const (
	maxEdges    = 1 << 20     // of one direction
	maxWaiting  = 4 << 20     // of one direction in all files that are not compared yet
	maxEdgeSpan = 60 * 60_000 // ms between a call and its edge: the longest start tolerance
)

// decodeEdges reads a file of edges and refuses what no desk sends: a file is
// read by one that does not know the calls behind it. Code: invalid.
func decodeEdges(data []byte, pair usage.Pair) (in edgesFile, err error) {
	bad := func(format string, args ...any) (edgesFile, error) {
		return edgesFile{}, fault.Newf(fault.Invalid, "ask the partner to upgrade its node", "a file of edges "+format, args...).In("edges")
	}
	if err := canon.Decode(data, &in); err != nil {
		return edgesFile{}, err
	}
	if (usage.Interval{From: in.From, To: in.Through + 1}).Validate() != nil {
		return bad("is of no time: %d to %d", in.From, in.Through)
	}
	seen := map[usage.Direction]bool{}
	for _, f := range in.Edges {
		if _, ok := pair.Way(f.Direction); !ok || seen[f.Direction] {
			return bad("has %s twice, or not of this pair", f.Direction)
		}
		seen[f.Direction] = true
		if len(f.Edges) > maxEdges {
			return bad("has %d calls in the direction %s, more than %d", len(f.Edges), f.Direction, maxEdges)
		}
		for i, e := range f.Edges {
			call := usage.Interval{From: e.Start, To: e.Start + int64(e.Duration) + 1}
			if e.Destination.IsZero() || call.Validate() != nil || call.From > in.Through+maxEdgeSpan || call.To < in.From-maxEdgeSpan {
				return bad("has call %d in the direction %s without a destination, or at no edge", i, f.Direction)
			}
		}
	}
	return in, nil
}

// showEdges sends the partner our calls near the edges after from and up to
// through.
func (d *Desk) showEdges(ctx context.Context, book *Book, from, through int64) error {
	out := edgesFile{From: from, Through: through}
	for _, way := range []usage.Way{usage.Forth, usage.Back} {
		direction := d.pair.Direction(way)
		rates, err := d.rates(way)
		if err != nil {
			return err
		}
		out.Edges = append(out.Edges, edgesOfFlow{direction, d.hidden(book, direction, book.near(way, from, through, rates))})
	}
	file, err := d.blob(canon.Must(out))
	if err != nil {
		return err
	}
	return d.o.Send(ctx, kindEdges, fmt.Sprint(through), file)
}

// hidden makes edges of calls.
func (d *Desk) hidden(book *Book, direction usage.Direction, calls []call) []reconcile.Edge {
	hasher := reconcile.NewEdgeHasher(d.o.NumberKey[:], direction)
	edges := make([]reconcile.Edge, len(calls))
	book.mu.Lock()
	defer book.mu.Unlock()
	for i, c := range calls {
		edges[i] = hasher.Edge(book.record(c))
	}
	return edges
}

// takeEdges keeps the partner's edges until ours are there. The desk's own work
// goes on with them, so that calls follow the partner's records in one place. A
// file that cannot be used counts as not sent, and is not asked for again; one
// from a time that has not come here waits. Code: not-yet.
func (d *Desk) takeEdges(file canon.Hash) error {
	in, err := d.readEdges(file)
	if err == nil {
		err = d.room(in)
	}
	if fault.CodeOf(err) == fault.Invalid {
		d.o.Log.Warn("the partner's edges cannot be used and count as not sent", "file", file, "err", err)
		return nil
	}
	if err != nil {
		return err
	}
	d.mu.Lock()
	behind := in.Through <= d.met
	d.mu.Unlock()
	if behind {
		return nil
	}
	if err := d.keep(edgesKey(in.Through, file), file[:]); err != nil {
		return err
	}
	d.addEdges(in)
	d.mu.Lock()
	d.meeting = true
	d.mu.Unlock()
	d.rouse()
	return nil
}

// room reports whether a file of edges may be taken: it fits beside those that
// wait, and the partner can have closed its periods by now. Codes: invalid,
// not-yet.
func (d *Desk) room(in edgesFile) error {
	now := d.o.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range in.Edges {
		way, _ := d.pair.Way(f.Direction)
		if n := len(d.edges[way]) + len(f.Edges); n > maxWaiting {
			return fault.Newf(fault.Invalid, "close the same periods as the partner", "%d calls wait for our edges, more than %d", n, maxWaiting)
		}
	}
	if len(d.schedule) == 0 {
		return nil
	}
	terms := d.schedule.at(now).terms
	if !terms.PastPeriods && in.Through > now+terms.GraceMillis+terms.StartTolerance {
		return fault.Newf(fault.NotYet, "compare the clocks of both nodes", "the partner has closed its periods up to %s", usage.Stamp(in.Through))
	}
	return nil
}

// edgesKey names a file of edges in the order in which they are needed.
func edgesKey(through int64, file canon.Hash) string {
	return fmt.Sprintf("edges/%020d/%s", through, file)
}

func (d *Desk) readEdges(file canon.Hash) (edgesFile, error) {
	data, err := d.o.Blobs.Get(file)
	if err != nil {
		return edgesFile{}, err
	}
	return decodeEdges(data, d.pair)
}

// addEdges puts the partner's edges to those that wait. A carrier has no two
// calls that are equal in all that an edge shows, so what comes twice counts
// once.
func (d *Desk) addEdges(in edgesFile) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.theirs = max(d.theirs, in.Through)
	for _, f := range in.Edges {
		way, _ := d.pair.Way(f.Direction)
		if d.seller(f.Direction) {
			continue // the buyer follows the seller's records; ours decide here
		}
		if d.edges[way] == nil {
			d.edges[way] = map[reconcile.Edge]bool{}
		}
		for _, e := range f.Edges {
			d.edges[way][e] = true
		}
	}
}

// edgesAgain brings back, after a restart, the partner's edges that ours have
// not met yet.
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
		if fault.CodeOf(err) == fault.Invalid {
			continue // an earlier release has taken it
		} else if err != nil {
			return fmt.Errorf("reading the partner's edges again: %w", err)
		}
		d.addEdges(in)
	}
	return nil
}

// followed is a call with the partner's record of it, which decides period and
// rate version.
type followed struct {
	Call     call   `cbor:"1,keyasint"`
	Start    int64  `cbor:"2,keyasint"`
	Duration uint32 `cbor:"3,keyasint"`
}

// metRecord says how far edges are compared. What came of it stands beside it
// under "follow/", written together.
type metRecord struct {
	Through int64 `cbor:"1,keyasint"`
}

// follow gives our calls the period and rate version of the partner's records
// of them, where the partner sells and both sides have shown them. What is found
// is kept before it counts, because calls that come later must not change it.
func (d *Desk) follow(book *Book) error {
	d.mu.Lock()
	from, through := d.met, min(d.shown, d.theirs)
	d.mu.Unlock()
	if through <= from {
		return nil
	}
	var found []followed
	used := map[usage.Way][]reconcile.Edge{}
	for _, way := range []usage.Way{usage.Forth, usage.Back} {
		direction := d.pair.Direction(way)
		if d.seller(direction) {
			continue
		}
		rates, err := d.rates(way)
		if err != nil {
			return err
		}
		// Where periods are shorter than the tolerance a call lies near two edges;
		// the first one decides.
		calls := book.unled(book.near(way, from, through, rates))
		ours := d.hidden(book, direction, calls)
		theirs := d.edgesNear(book, way, from, through)
		for _, p := range reconcile.MatchEdges(ours, theirs, book.tolerance(through)) {
			e := theirs[p.Theirs]
			found = append(found, followed{calls[p.Ours], e.Start, e.Duration})
			used[way] = append(used[way], e)
		}
	}
	if err := d.keepMet(found, through); err != nil {
		return err
	}
	book.lead(found)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.met = through
	for way, edges := range d.edges {
		for _, e := range used[way] {
			delete(edges, e)
		}
		maps.DeleteFunc(edges, func(e reconcile.Edge, _ bool) bool { // behind us
			return !book.meets(e.Start, e.Duration, through, math.MaxInt64)
		})
	}
	return nil
}

// keepMet keeps how far edges are compared and what came of it, and forgets the
// partner's files that are behind.
func (d *Desk) keepMet(found []followed, through int64) error {
	writes := []merkle.Write{{Key: d.prefix + "met", Value: canon.Must(metRecord{through})}}
	if len(found) > 0 {
		writes = append(writes, merkle.Write{Key: d.prefix + fmt.Sprintf("follow/%020d", through), Value: canon.Must(found)})
	}
	for r, err := range d.o.Store.Scan(d.prefix + "edges/") {
		if err != nil {
			return err
		}
		if r.Key >= d.prefix+edgesKey(through+1, canon.Hash{}) {
			break
		}
		writes = append(writes, merkle.Write{Key: r.Key})
	}
	return d.o.Store.Commit(store.Batch{Writes: writes})
}

// edgesNear gives the partner's edges that are compared between two moments.
func (d *Desk) edgesNear(book *Book, way usage.Way, from, through int64) []reconcile.Edge {
	d.mu.Lock()
	edges := slices.Collect(maps.Keys(d.edges[way]))
	d.mu.Unlock()
	edges = slices.DeleteFunc(edges, func(e reconcile.Edge) bool { return !book.meets(e.Start, e.Duration, from, through) })
	slices.SortFunc(edges, func(a, b reconcile.Edge) int {
		return slices.Compare(canon.Must(a), canon.Must(b))
	})
	return edges
}

// lead has calls follow the partner's records.
func (b *Book) lead(found []followed) {
	for _, f := range found {
		b.follow(f.Call, rating.Moment{Start: f.Start, Duration: f.Duration})
	}
}

// tolerance gives the start tolerance at a moment, ms.
func (b *Book) tolerance(at int64) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.schedule.at(at).terms.StartTolerance
}
