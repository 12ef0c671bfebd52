package native

import (
	"context"
	"iter"
	"maps"
	"slices"
	"testing"

	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/dispute"
)

// diary is a Bilateral with disputes and the events that tell of them.
type diary struct {
	Bilateral
	records map[string][]byte
	events  []trade.Event
	now     int64  // block time
	reading func() // happens when the records are first read
}

func (d *diary) ID() canon.Hash { return canon.Hash{} }

func (d *diary) View(f func(channel.View) error) error {
	return f(channel.View{Records: d, Cursor: channel.Cursor(len(d.events)), Time: d.now})
}

func (d *diary) Get(key string) ([]byte, bool) { raw, ok := d.records[key]; return raw, ok }

func (d *diary) Scan(prefix string) iter.Seq2[string, []byte] { return d.ScanAfter(prefix, "") }

func (d *diary) ScanBefore(string, string) iter.Seq2[string, []byte] { panic("not asked for") }

func (d *diary) ScanAfter(prefix, after string) iter.Seq2[string, []byte] {
	if act := d.reading; act != nil {
		d.reading = nil
		act()
	}
	return func(yield func(string, []byte) bool) {
		for _, key := range slices.Sorted(maps.Keys(d.records)) {
			if len(key) >= len(prefix) && key[:len(prefix)] == prefix && key > after && !yield(key, d.records[key]) {
				return
			}
		}
	}
}

func (d *diary) Events(_ context.Context, from channel.Cursor) iter.Seq2[channel.Entry, error] {
	return func(yield func(channel.Entry, error) bool) {
		for i, e := range d.events[from:] {
			if !yield(channel.Entry{Next: from + channel.Cursor(i) + 1, Outcomes: []channel.Outcome{{Events: []trade.Event{e}}}}, nil) {
				return
			}
		}
	}
}

// is puts a dispute, and tells of it.
func (d *diary) is(id string, st dispute.State, how dispute.How, event string) {
	d.now++
	x := dispute.Dispute{ID: id, State: st}
	if st == dispute.Resolved {
		x.Decision = &dispute.Decision{How: how, Time: d.now}
	}
	d.records[trade.DisputeKey(id)] = canon.Must(x)
	d.events = append(d.events, trade.Event{Kind: event, Subject: trade.DisputeKey(id)})
}

// Each decision is counted once: those that were there, one that comes while they are
// read (its event tells it again), and those that events tell later.
func TestADecisionIsCountedOnce(t *testing.T) {
	d := &diary{records: map[string][]byte{}, now: 100}
	d.is("1", dispute.Resolved, dispute.ByRule, trade.EventDisputeResolved)
	d.is("2", dispute.Manual, "", trade.EventDisputeManual)
	d.is("3", dispute.Awaiting, "", trade.EventDisputeOpened)
	d.reading = func() { d.is("2", dispute.Resolved, dispute.ByPeople, trade.EventDisputeResolved) }
	var w waiting
	counts := func(people, rules uint64, left ...string) {
		t.Helper()
		if err := w.look(t.Context(), d, func(o *open) {
			if got := slices.Sorted(maps.Keys(o.disputes)); o.decided[byPeople] != people || o.decided[byRules] != rules || !slices.Equal(got, left) {
				t.Errorf("%v are decided and %v open, want %d by people, %d by rules, and %v", o.decided, got, people, rules, left)
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	counts(1, 1, trade.DisputeKey("3"))
	counts(1, 1, trade.DisputeKey("3"))
	d.is("3", dispute.Manual, "", trade.EventDisputeManual)
	d.is("4", dispute.Awaiting, "", trade.EventDisputeOpened)
	counts(1, 1, trade.DisputeKey("3"), trade.DisputeKey("4"))
	d.is("4", dispute.Resolved, dispute.ByDeadline, trade.EventDisputeResolved)
	d.is("5", dispute.Manual, "", trade.EventDisputeOpened)
	d.is("5", dispute.Resolved, dispute.ByPeople, trade.EventDisputeResolved)
	counts(2, 2, trade.DisputeKey("3"))
	for range mostFollowed {
		d.is("3", dispute.Proposed, "", trade.EventDisputeProposed)
	}
	d.is("3", dispute.Resolved, dispute.ByPeople, trade.EventDisputeResolved)
	counts(3, 2) // read anew
}
