package clearing

import (
	"bytes"
	"math"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/reconcile"
	"github.com/lateral-network/lateral/trade/usage"
)

// anEdge is a call of a minute that ended at a time of the test's day.
func anEdge(t testing.TB, end string) reconcile.Edge {
	return reconcile.Edge{Numbers: canon.Sum("n"), Destination: canon.Sum("d"), Start: at(t, end) - 60_000, Duration: 60_000}
}

// shows is a file of edges of two hours in one direction.
func shows(t testing.TB, edges ...reconcile.Edge) edgesFile {
	return edgesFile{From: at(t, "09:00:00"), Through: at(t, "11:00:00"), Edges: []edgesOfFlow{{forth, edges}, {forth.Back(), nil}}}
}

func TestEdgesThatNoDeskSendsAreRefused(t *testing.T) {
	pair := usage.PairOf("ALPHA", "BRAVO")
	good := shows(t, anEdge(t, "10:00:00"))
	if _, err := decodeEdges(canon.Must(good), pair); err != nil {
		t.Fatal(err)
	}
	changed := func(change func(*reconcile.Edge)) edgesFile {
		e := anEdge(t, "10:00:00")
		change(&e)
		return shows(t, e)
	}
	for name, in := range map[string]edgesFile{
		"a call at the end of all time":        changed(func(e *reconcile.Edge) { e.Start = math.MaxInt64 - 10 }),
		"a call before all time":               changed(func(e *reconcile.Edge) { e.Start = math.MinInt64 }),
		"a call of a year without a text":      changed(func(e *reconcile.Edge) { e.Start = 300_000_000_000_000 }),
		"a call after the edges":               changed(func(e *reconcile.Edge) { e.Start += 4 * 3_600_000 }),
		"a call before the edges":              changed(func(e *reconcile.Edge) { e.Start -= 4 * 3_600_000 }),
		"a call without a destination":         changed(func(e *reconcile.Edge) { e.Destination = canon.Hash{} }),
		"edges that end before they begin":     {From: 2, Through: 1},
		"edges up to the end of all time":      {From: 1, Through: math.MaxInt64},
		"edges from before all time":           {From: math.MinInt64, Through: 1},
		"edges of a third carrier":             {From: 1, Through: 2, Edges: []edgesOfFlow{{usage.Direction{From: "ALPHA", To: "CHARLIE"}, nil}}},
		"one direction twice":                  {From: 1, Through: 2, Edges: []edgesOfFlow{{forth, nil}, {forth, nil}}},
		"more calls than a direction can have": shows(t, make([]reconcile.Edge, maxEdges+1)...),
	} {
		if _, err := decodeEdges(canon.Must(in), pair); faultCode(err) != fault.Invalid {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
	}
}

func FuzzDecodeEdges(f *testing.F) {
	f.Add(canon.Must(shows(f, anEdge(f, "10:00:00"))))
	f.Add(canon.Must(shows(f)))
	f.Add(canon.Must(shows(f, reconcile.Edge{Destination: canon.Sum("d"), Start: math.MaxInt64 - 10, Duration: 5})))
	berlin, err := usage.Cycle{Length: "1d", Zone: "Europe/Berlin"}.Calendar()
	if err != nil {
		f.Fatal(err)
	}
	s := schedule{phase{agreement: "MSA-1", terms: agreement.Defaults(), calendar: berlin}}
	f.Fuzz(func(t *testing.T, data []byte) {
		in, err := decodeEdges(data, usage.PairOf("ALPHA", "BRAVO"))
		if err != nil {
			return
		}
		if !bytes.Equal(canon.Must(in), data) {
			t.Fatal("a second encoding was accepted")
		}
		for _, flow := range in.Edges {
			for _, e := range flow.Edges { // finds an answer, whatever the partner sends
				s.near(s.moment(e.Start, e.Duration), in.From, in.Through)
			}
		}
	})
}

// A partner that sends edges which no desk sends has sent none: the periods go
// on without them, in a zone of the agreement too, and a restart is none the
// wiser.
func TestForgedEdgesCountAsNotSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(x *agreement.Terms) { x.Zone = "Europe/Berlin" })
	w.sheets(rates)
	a, b := w.sides[0], w.sides[1]
	b.forge = func(kind string, data []byte) []byte {
		var in edgesFile
		if kind != kindEdges || canon.Decode(data, &in) != nil {
			return data
		}
		for i := range in.Edges {
			in.Edges[i].Edges = []reconcile.Edge{{Destination: canon.Sum("d"), Start: math.MaxInt64 - 10, Duration: 5}}
		}
		return canon.Must(in)
	}
	for _, s := range w.sides {
		s.take(row("1", "10:00:00", 60_000))
	}
	w.through("11:00:00")
	w.until("BRAVO has stated", func() bool {
		x, ok := a.period(forth, span(t, "10:00:00", "11:00:00"))
		return ok && x.Seller.Complete()
	})
	a.restart()
	w.pass(31 * time.Minute)
	w.settled("0.100000")
}

// Edges of periods that cannot be over wait until this clock agrees.
func TestEdgesOfTheFutureWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(x *agreement.Terms) { x.PastPeriods, x.GraceMillis, x.Cycle = false, 2000, "1m" })
	w.sheets(rates)
	a := w.sides[0]
	ahead := w.now().Truncate(time.Hour).Add(2 * time.Hour)
	file, err := a.desk.blob(canon.Must(edgesFile{From: ahead.UnixMilli() - 1000, Through: ahead.UnixMilli()}))
	w.must(err)
	if _, err := a.desk.ready(); err != nil {
		t.Fatal(err)
	}
	if err := a.desk.Receive(w.context(), kindEdges, "", file, nil); faultCode(err) != fault.NotYet {
		t.Fatalf("%v, want not-yet", err)
	}
	w.pass(2 * time.Hour)
	w.must(a.desk.Receive(w.context(), kindEdges, "", file, nil))
}
