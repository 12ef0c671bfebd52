package native

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/trade"
)

// tape is a channel whose log is a list.
type tape struct {
	entries []channel.Entry
	err     error // after the entries; nil waits
}

func (tape) ID() canon.Hash { return canon.Hash{1} }
func (tape) Submit(context.Context, ...trade.Command) ([]channel.Outcome, error) {
	return nil, errors.New("not here")
}
func (t tape) View(f func(channel.View) error) error {
	return f(channel.View{Cursor: channel.Cursor(len(t.entries))})
}
func (t tape) Events(ctx context.Context, from channel.Cursor) iter.Seq2[channel.Entry, error] {
	return func(yield func(channel.Entry, error) bool) {
		for i, e := range t.entries {
			if e.Next = channel.Cursor(i + 1); channel.Cursor(i) >= from && !yield(e, nil) {
				return
			}
		}
		if t.err != nil {
			yield(channel.Entry{}, t.err)
			return
		}
		<-ctx.Done()
	}
}

// entry has one outcome for each list of kinds of events.
func entry(height uint64, kinds ...[]string) channel.Entry {
	e := channel.Entry{Position: ledger.Position{Height: ledger.Height(height)}}
	for i, list := range kinds {
		o := channel.Outcome{Command: i, Kind: "tick"}
		for _, k := range list {
			o.Events = append(o.Events, trade.Event{Kind: k, Subject: "s"})
		}
		e.Outcomes = append(e.Outcomes, o)
	}
	return e
}

func TestASilentStreamSaysThatItLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{Options: Options{Log: discard()}, heartbeat: heartbeat}
		ctx, cancel := context.WithTimeout(t.Context(), 3*heartbeat+time.Second)
		defer cancel()
		w := httptest.NewRecorder()
		s.send(ctx, w, tape{}, 0, 0, "", always)
		if got := strings.Count(w.Body.String(), ": still here"); got != 3 {
			t.Errorf("%d signs of life in %s", got, 3*heartbeat)
		}
	})
}

func always() bool { return true }

// Who may read no more gets no more: no event, and no sign of life for longer
// than until the next one is due.
func TestAStreamEndsWithTheRightToReadIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{Options: Options{Log: discard()}, heartbeat: heartbeat}
		began, w := time.Now(), httptest.NewRecorder()
		left := 2
		s.send(t.Context(), w, tape{}, 0, 0, "", func() bool { left--; return left >= 0 })
		if got, took := strings.Count(w.Body.String(), ": still here"), time.Since(began); got != 2 || took != 3*heartbeat {
			t.Errorf("%d signs of life, and it ended after %s", got, took)
		}
		w = httptest.NewRecorder()
		c := tape{entries: []channel.Entry{entry(5, []string{"a"}), entry(6, []string{"b"})}}
		left = 1
		s.send(t.Context(), w, c, 0, 0, "", func() bool { left--; return left >= 0 })
		if got := strings.Count(w.Body.String(), "id: "); got != 1 {
			t.Errorf("%d events were sent", got)
		}
	})
}

func TestIdsLeadIntoTheMiddleOfAnEntry(t *testing.T) {
	all := []channel.Entry{entry(5, []string{"a", "b"}, []string{"c"}), entry(6), entry(9, []string{"d"})}
	c := tape{entries: all, err: fault.New(fault.Corrupt, "end", "none")}
	run := func(from channel.Cursor, skip int, kind string) (ids []string) {
		s := &server{Options: Options{Log: discard()}, heartbeat: time.Hour}
		w := httptest.NewRecorder()
		s.send(t.Context(), w, c, from, skip, kind, always)
		for line := range strings.Lines(w.Body.String()) {
			if id, ok := strings.CutPrefix(line, "id: "); ok {
				ids = append(ids, strings.TrimSpace(id))
			}
		}
		return ids
	}
	want := []string{"0.0", "0.1", "0.2", "2.0"}
	if got := run(0, 0, ""); !slices.Equal(got, want) {
		t.Fatalf("the stream has %v", got)
	}
	for i, id := range want {
		p, err := parsePlace(id)
		if err != nil {
			t.Fatal(err)
		}
		if got := run(p.entry, p.event+1, ""); !slices.Equal(got, want[i+1:]) {
			t.Errorf("behind %s come %v", id, got)
		}
	}
	if got := run(0, 0, "c"); !slices.Equal(got, []string{"0.2"}) {
		t.Errorf("of kind c come %v", got)
	}
}

func TestALogPageEndsAtTheTipAndLooksOnlySoFar(t *testing.T) {
	c := tape{entries: make([]channel.Entry, maxLooked+10)}
	none := func(channel.Entry) bool { return false }
	p, err := readLog(t.Context(), c, OnwardQuery{Limit: 10}, none)
	if err != nil || len(p.Body.Items) != 0 || p.Body.Next == "" {
		t.Errorf("%+v, %v", p.Body, err)
	}
	p, err = readLog(t.Context(), c, OnwardQuery{Limit: 10, After: p.Body.Next}, none)
	if err != nil || p.Body.Next != "" {
		t.Errorf("the last page: %+v, %v", p.Body, err)
	}
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// A place that is read is written as it reads.
func FuzzPlace(f *testing.F) {
	for _, id := range []string{"0.0", "12.3", "1.-1", "x.1", "1.", "18446744073709551615.1"} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		p, err := parsePlace(id)
		if err != nil {
			return
		}
		again, err := parsePlace(p.String())
		if err != nil || again != p || p.event < 0 {
			t.Errorf("%q reads as %+v, and %q as %+v: %v", id, p, p.String(), again, err)
		}
	})
}
