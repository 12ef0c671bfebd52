package resource

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

var ctx = context.Background()

var start = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

func open(t testing.TB, dir string) *DB {
	t.Helper()
	d := must(Open(dir, Options{Now: func() time.Time { return start }}))
	t.Cleanup(func() { d.Close() })
	return d
}

var quotes = Scope{Kind: "kylie/quote", Buyer: "B", Seller: "S"}

func record(i int) *Record {
	return &Record{Scope: quotes, ID: fmt.Sprintf("Q-%03d", i), State: []string{"a", "b"}[i%2], Body: []byte(`{"id":` + strconv.Itoa(i) + `}`),
		Attributes: []Attribute{{"externalId", "E-" + strconv.Itoa(i)}, {"date", Date(start.Add(time.Duration(i) * time.Hour))}, {"group", strconv.Itoa(i % 3)}, {"group", "all"}}}
}

func insert(t testing.TB, d *DB, records ...*Record) {
	t.Helper()
	if err := d.Update(ctx, func(tx *Tx) error {
		for _, r := range records {
			if err := tx.Insert(r); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestARecordIsFoundByEachOfItsValuesAndInItsOwnScopeOnly(t *testing.T) {
	d := open(t, t.TempDir())
	for i := range 10 {
		insert(t, d, record(i))
	}
	other := record(0)
	other.Buyer = "C"
	insert(t, d, other)
	hour := func(n int) string { return Date(start.Add(time.Duration(n) * time.Hour)) }
	for name, c := range map[string]struct {
		query Query
		total int
		first string
	}{
		"all":              {Query{}, 10, `{"id":0}`},
		"a state":          {Query{State: "b"}, 5, `{"id":1}`},
		"a value":          {Query{Equal: []Attribute{{"externalId", "E-7"}}}, 1, `{"id":7}`},
		"one of several":   {Query{Equal: []Attribute{{"group", "2"}}}, 3, `{"id":2}`},
		"another of them":  {Query{Equal: []Attribute{{"group", "all"}}}, 10, `{"id":0}`},
		"both":             {Query{State: "a", Equal: []Attribute{{"group", "0"}}}, 2, `{"id":0}`},
		"after":            {Query{Ranges: []Range{{"date", hour(6), ""}}}, 3, `{"id":7}`},
		"before":           {Query{Ranges: []Range{{"date", "", hour(2)}}}, 2, `{"id":0}`},
		"between":          {Query{Ranges: []Range{{"date", hour(2), hour(5)}}}, 2, `{"id":3}`},
		"an unknown value": {Query{Equal: []Attribute{{"externalId", "'; DROP TABLE resource"}}}, 0, ""},
		"from the fourth":  {Query{Offset: 4}, 10, `{"id":4}`},
		"past the end":     {Query{Offset: 40}, 10, ""},
		"none":             {Query{Limit: -1}, 10, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.query.Scope = quotes
			c.query.Limit += 3
			if c.query.Limit == 2 {
				c.query.Limit = 0
			}
			f := must(d.Find(ctx, c.query))
			first := ""
			if len(f.Summaries) > 0 {
				first = string(f.Summaries[0])
			}
			if f.Total != c.total || first != c.first || len(f.Summaries) > 3 {
				t.Errorf("%d %s, want %d %s", f.Total, first, c.total, c.first)
			}
		})
	}
	if _, err := d.Get(ctx, Scope{"kylie/quote", "X", "S"}, "Q-000"); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("another's record: %v", err)
	}
}

func TestAChangeKeepsIndexTotalAndVersion(t *testing.T) {
	d := open(t, t.TempDir())
	insert(t, d, record(0))
	r := must(d.Get(ctx, quotes, "Q-000"))
	stale := *r
	r.State, r.Attributes, r.Due = "b", []Attribute{{"externalId", "new"}}, start.Add(time.Minute)
	if err := d.Update(ctx, func(tx *Tx) error { return tx.Put(r) }); err != nil {
		t.Fatal(err)
	}
	for q, want := range map[*Query]int{{State: "a"}: 0, {State: "b"}: 1, {Equal: []Attribute{{"externalId", "E-0"}}}: 0, {Equal: []Attribute{{"externalId", "new"}}}: 1} {
		q.Scope = quotes
		if f := must(d.Find(ctx, *q)); f.Total != want {
			t.Errorf("%+v: %d, want %d", *q, f.Total, want)
		}
	}
	if err := d.Update(ctx, func(tx *Tx) error { return tx.Put(&stale) }); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("a change of an old version: %v", err)
	}
	if err := d.Update(ctx, func(tx *Tx) error { return tx.Insert(record(0)) }); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("an id twice: %v", err)
	}
	if all := must(d.Due(ctx, start, 9)); len(all) != 0 {
		t.Errorf("due early: %v", all)
	}
	if all := must(d.Due(ctx, start.Add(time.Minute), 9)); len(all) != 1 || all[0].ID != "Q-000" {
		t.Errorf("due: %v", all)
	}
}

func TestAChangeThatFailsLeavesNothingAndTheOthersOfItsSyncStand(t *testing.T) {
	d := open(t, t.TempDir())
	broken := errors.New("broken")
	var all sync.WaitGroup
	errs := make([]error, 40)
	for i := range errs {
		all.Go(func() {
			errs[i] = d.Update(ctx, func(tx *Tx) error {
				if err := errors.Join(tx.Insert(record(i)), tx.Emit(Event{ID: strconv.Itoa(i), Topic: "t", Body: []byte("{}")})); err != nil {
					return err
				}
				switch i % 4 {
				case 1:
					return broken
				case 2:
					panic("on purpose")
				}
				return nil
			})
		})
	}
	all.Wait()
	for i, err := range errs {
		if (err == nil) != (i%4 == 0 || i%4 == 3) || i%4 == 1 && !errors.Is(err, broken) {
			t.Errorf("change %d: %v", i, err)
		}
	}
	if f := must(d.Find(ctx, Query{Scope: quotes})); f.Total != 20 {
		t.Errorf("%d records stand, want 20", f.Total)
	}
	h := &Hub{Topic: "t"}
	n := 0
	for e := must(d.Next(ctx, h)); e != nil; e = must(d.Next(ctx, h)) {
		if h.Cursor = e.Seq; must(strconv.Atoi(e.ID))%4%3 != 0 {
			t.Errorf("the event of a failed change stands: %s", e.ID)
		}
		n++
	}
	if n != 20 {
		t.Errorf("%d events stand, want 20", n)
	}
}

func TestASubscriptionGoesThroughItsEventsInOrderAndCanGoBack(t *testing.T) {
	d := open(t, t.TempDir())
	emit := func(ids ...string) {
		t.Helper()
		if err := d.Update(ctx, func(tx *Tx) error {
			for _, id := range ids {
				if err := tx.Emit(Event{ID: id, Topic: "t", Buyer: "B", Seller: "S", Type: id[:1], Body: []byte("{}")}); err != nil {
					return err
				}
			}
			return tx.Emit(Event{ID: "other" + ids[0], Topic: "t", Buyer: "C", Seller: "S", Type: "a", Body: []byte("{}")})
		}); err != nil {
			t.Fatal(err)
		}
	}
	emit("a-before")
	h := &Hub{ID: "H", Topic: "t", Buyer: "B", Seller: "S", Query: "eventType=a,b&eventType=c"}
	update := func(do func(*Tx) error) {
		t.Helper()
		if err := d.Update(ctx, do); err != nil {
			t.Fatal(err)
		}
	}
	update(func(tx *Tx) error { return tx.AddHub(h) })
	emit("a1", "d1", "b1", "c1")
	read := func() (ids []string) {
		for {
			h = must(d.Hub(ctx, "t", "B", "S", "H"))
			e := must(d.Next(ctx, h))
			if e == nil {
				return ids
			}
			ids = append(ids, e.ID)
			update(func(tx *Tx) error { return tx.Took("H", h.Cursor, e.Seq) })
		}
	}
	if n := must(d.Waiting(ctx, must(d.Hub(ctx, "t", "B", "S", "H")))); n != 3 {
		t.Errorf("%d wait, want 3", n)
	}
	if got := read(); !slices.Equal(got, []string{"a1", "b1", "c1"}) {
		t.Errorf("first: %v", got)
	}
	update(func(tx *Tx) error { return tx.Replay("H", "b1") })
	if got := read(); !slices.Equal(got, []string{"b1", "c1"}) {
		t.Errorf("again from b1: %v", got)
	}
	update(func(tx *Tx) error { return tx.Replay("H", "a-before") })
	if got := read(); !slices.Equal(got, []string{"a-before", "a1", "b1", "c1"}) {
		t.Errorf("again from before it was there: %v", got)
	}
	if err := d.Update(ctx, func(tx *Tx) error { return tx.Replay("H", "othera1") }); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("another's event: %v", err)
	}
	update(func(tx *Tx) error { return tx.Failed("H", h.Cursor, start.Add(time.Hour), "no", true) })
	if h = must(d.Hub(ctx, "t", "B", "S", "H")); !h.Suspended || h.Failures != 1 || h.Problem != "no" || !h.Due.Equal(start.Add(time.Hour)) || !h.Failing.Equal(start) {
		t.Errorf("after a failure: %+v", h)
	}
	update(func(tx *Tx) error { return tx.Replay("H", "") })
	if h = must(d.Hub(ctx, "t", "B", "S", "H")); h.Suspended || h.Failures != 0 {
		t.Errorf("after its replay: %+v", h)
	}
	update(func(tx *Tx) error { return tx.Forget(start.Add(time.Second)) })
	if h.Cursor = 0; must(d.Next(ctx, h)) != nil {
		t.Error("old events are there still")
	}
}

// A child process writes records with their events as fast as it can and tells
// of each that stands. It is killed in the middle.
func TestWhatStoodBeforeAKillStandsAfterIt(t *testing.T) {
	if dir := os.Getenv("RESOURCE_CHILD"); dir != "" {
		d := must(Open(dir, Options{}))
		var all sync.WaitGroup
		for w := range 4 {
			all.Go(func() {
				for i := w; ; i += 4 {
					if err := d.Update(ctx, func(tx *Tx) error {
						return errors.Join(tx.Insert(record(i)), tx.Emit(Event{ID: strconv.Itoa(i), Topic: "t", Body: []byte("{}")}))
					}); err != nil {
						panic(err)
					}
					fmt.Println(i)
				}
			})
		}
		all.Wait()
	}
	dir := filepath.Join(t.TempDir(), "shelf")
	child := exec.Command(os.Args[0], "-test.run", "^TestWhatStoodBeforeAKillStandsAfterIt$")
	child.Env = append(os.Environ(), "RESOURCE_CHILD="+dir)
	out := must(child.StdoutPipe())
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	told := map[int]bool{}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if n, err := strconv.Atoi(strings.TrimSpace(lines.Text())); err == nil {
			told[n] = true
		}
		if len(told) == 300 {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = child.Wait() // it was killed
	if len(told) < 300 {
		t.Fatalf("the child wrote only %d", len(told))
	}
	d := open(t, dir)
	for n := range told {
		if _, err := d.Get(ctx, quotes, record(n).ID); err != nil {
			t.Errorf("record %d is lost: %v", n, err)
		}
	}
	events, h := 0, &Hub{Topic: "t"}
	for e := must(d.Next(ctx, h)); e != nil; e = must(d.Next(ctx, h)) {
		h.Cursor = e.Seq
		events++
	}
	if f := must(d.Find(ctx, Query{Scope: quotes})); f.Total != events || events < len(told) {
		t.Errorf("%d records and %d events, %d were told", f.Total, events, len(told))
	}
}

func TestAnExternalIDIsRemembered(t *testing.T) {
	d := open(t, t.TempDir())
	if o := must(d.Once(ctx, quotes, "E")); o != nil {
		t.Errorf("before: %+v", o)
	}
	if err := d.Update(ctx, func(tx *Tx) error { return tx.Remember(quotes, "E", []byte("digest"), "Q") }); err != nil {
		t.Fatal(err)
	}
	if o := must(d.Once(ctx, quotes, "E")); o == nil || o.ID != "Q" || !o.Same([]byte("digest")) || o.Same([]byte("other")) {
		t.Errorf("after: %+v", o)
	}
}

func TestAfterItIsClosedAShelfTakesNothing(t *testing.T) {
	d := open(t, t.TempDir())
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := d.Update(ctx, func(*Tx) error { return nil }); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("%v", err)
	}
}

func TestAFileThatIsNoDatabaseIsCorrupt(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, File), []byte(strings.Repeat("this is no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Options{}); fault.CodeOf(err) != fault.Corrupt {
		t.Errorf("%v", err)
	}
}

// BenchmarkShelf measures what a seller's API does most, with 100,000 records.
func BenchmarkShelf(b *testing.B) {
	d := open(b, b.TempDir())
	for i := 0; i < 100_000; i += 1000 {
		var batch []*Record
		for j := range 1000 {
			r := record(i + j)
			r.ID = strconv.Itoa(i + j)
			batch = append(batch, r)
		}
		insert(b, d, batch...)
	}
	b.Run("get", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			must(d.Get(ctx, quotes, strconv.Itoa(i%100_000)))
		}
	})
	b.Run("list", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			must(d.Find(ctx, Query{Scope: quotes, Limit: 100, Offset: i % 1000}))
		}
	})
	b.Run("state", func(b *testing.B) {
		for b.Loop() {
			must(d.Find(ctx, Query{Scope: quotes, State: "b", Limit: 100}))
		}
	})
	b.Run("external", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			must(d.Find(ctx, Query{Scope: quotes, Equal: []Attribute{{"externalId", "E-" + strconv.Itoa(i%100_000)}}, Limit: 100}))
		}
	})
	b.Run("range", func(b *testing.B) {
		from := start.Add(50_000 * time.Hour)
		for b.Loop() {
			must(d.Find(ctx, Query{Scope: quotes, Ranges: []Range{{"date", Date(from), Date(from.Add(1000 * time.Hour))}}, Limit: 100}))
		}
	})
	b.Run("many", func(b *testing.B) {
		for b.Loop() {
			must(d.Find(ctx, Query{Scope: quotes, Equal: []Attribute{{"group", "all"}}, Limit: 100}))
		}
	})
	b.Run("post", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			r := record(i)
			r.ID = fmt.Sprintf("new-%d-%d", b.N, i)
			insert(b, d, r)
		}
	})
}
