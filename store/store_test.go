package store

import (
	"bytes"
	"fmt"
	"sync"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
)

var pair = canon.Sum("test/channel")

func open(t testing.TB, dir string, o Options) *DB {
	t.Helper()
	db, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func TestACommitIsThereAfterReopening(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir, Options{})
	err := db.Channel(pair).Commit(Batch{
		Writes: []merkle.Write{{Key: "a/1", Value: []byte("x")}, {Key: "a/2", Value: []byte{}}, {Key: "b", Value: []byte("y")}},
		Leaves: [][]byte{[]byte("leaf")}, Events: [][]byte{[]byte("e0"), []byte("e1")},
		Meta:  map[string][]byte{"height": []byte("7")},
		Index: []IndexWrite{{"envelope", "id", []byte("7/0")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, dir, Options{})
	defer db.Close()
	c := db.Channel(pair)
	got := ""
	for r, err := range c.Scan("a/") {
		got += fmt.Sprintf("%s=%s %v;", r.Key, r.Value, err)
	}
	for e, err := range c.Events(1) {
		got += fmt.Sprintf("%d=%s %v;", e.Number, e.Data, err)
	}
	leaf, err := c.Leaf(0)
	got += fmt.Sprintf("%s %v;", leaf, err)
	meta, ok, err := c.Meta("height")
	got += fmt.Sprintf("%s %v %v;", meta, ok, err)
	index, ok, err := c.Lookup("envelope", "id")
	got += fmt.Sprintf("%s %v %v;", index, ok, err)
	if want := "a/1=x <nil>;a/2= <nil>;1=e1 <nil>;leaf <nil>;7 true <nil>;7/0 true <nil>;"; got != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
}

func TestChannelsCommitAndReadAtTheSameTime(t *testing.T) {
	db := open(t, t.TempDir(), Options{})
	defer db.Close()
	const channels, blocks = 4, 30
	var wg sync.WaitGroup
	for ch := range channels {
		wg.Go(func() {
			l := newLedger(db.Channel(canon.Hash{byte(ch)}))
			for range blocks {
				if err := l.block(); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			c := db.Channel(canon.Hash{byte(ch)})
			for range blocks {
				next := uint64(0)
				for e, err := range c.Events(0) {
					if err != nil || e.Number != next {
						t.Errorf("event %d is numbered %d: %v", next, e.Number, err)
					}
					next++
				}
				if next%2 != 0 {
					t.Errorf("a commit shows in part: %d events", next)
				}
			}
		})
	}
	wg.Wait()
	for ch := range channels {
		if height, err := check(db.Channel(canon.Hash{byte(ch)})); err != nil || height != blocks {
			t.Errorf("channel %d stands at %d: %v", ch, height, err)
		}
	}
	if ids, err := db.Channels(); err != nil || len(ids) != channels {
		t.Errorf("channels %v: %v", ids, err)
	}
}

func TestSeveralChannelsCommitTogetherOrNotAtAll(t *testing.T) {
	db := open(t, "", Options{Memory: true})
	defer db.Close()
	a, b := db.Channel(canon.Hash{1}), db.Node()
	put := Batch{Meta: map[string][]byte{"x": []byte("1")}}
	if err := db.CommitAll(Part{a, put}, Part{b, put}); err != nil {
		t.Fatal(err)
	}
	err := db.CommitAll(Part{a, Batch{Meta: map[string][]byte{"x": nil}}}, Part{b, put}, Part{a, put})
	if fault.CodeOf(err) != fault.Invalid {
		t.Fatalf("got %v, want code invalid", err)
	}
	for _, c := range []*Channel{a, b} {
		if _, ok, err := c.Meta("x"); !ok || err != nil {
			t.Fatalf("%s: %v %v", c.ID(), ok, err)
		}
	}
	if ids, err := db.Channels(); err != nil || len(ids) != 1 || ids[0] != a.ID() {
		t.Fatalf("channels %v: %v", ids, err)
	}
}

// Keys of one channel that look like parts of another stay apart.
func TestKeyspacesDoNotMix(t *testing.T) {
	db := open(t, "", Options{Memory: true})
	defer db.Close()
	high := canon.Hash(bytes.Repeat([]byte{0xff}, 32))
	for _, id := range []canon.Hash{{}, {1}, high} {
		c := db.Channel(id)
		if err := c.Commit(Batch{
			Writes: []merkle.Write{{Key: "\xff\xff", Value: []byte{1}}, {Key: "", Value: []byte{2}}, {Key: "m\x00", Value: []byte{3}}},
			Index:  []IndexWrite{{"a", "b", []byte{4}}, {"ab", "", []byte{5}}},
		}); err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, err := range c.Scan("") {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		for r, err := range c.ScanIndex("a", "") {
			if err != nil || r.Key != "b" {
				t.Fatalf("index a holds %q: %v", r.Key, err)
			}
			n++
		}
		for range c.Scan("\xff") {
			n++
		}
		if n != 5 {
			t.Fatalf("channel %s: %d entries, want 5", id, n)
		}
	}
	if ids, err := db.Channels(); err != nil || len(ids) != 3 {
		t.Fatalf("channels %v: %v", ids, err)
	}
}

func TestAScanGoesOnBehindAKey(t *testing.T) {
	db := open(t, "db", Options{Memory: true})
	defer db.Close()
	c := db.Channel(pair)
	var writes []merkle.Write
	for _, key := range []string{"a/1", "a/1/x", "a/2", "a/\xff", "b/1"} {
		writes = append(writes, merkle.Write{Key: key, Value: []byte("v")})
	}
	if err := c.Commit(Batch{Writes: writes}); err != nil {
		t.Fatal(err)
	}
	for after, want := range map[string]string{
		"": "a/1 a/1/x a/2 a/\xff ", "a/": "a/1 a/1/x a/2 a/\xff ", "a/1": "a/1/x a/2 a/\xff ", "a/1/": "a/1/x a/2 a/\xff ", "a/2": "a/\xff ", "a/\xff": "",
	} {
		got := ""
		for r, err := range c.ScanAfter("a/", after) {
			if err != nil {
				t.Fatal(err)
			}
			got += r.Key + " "
		}
		if got != want {
			t.Errorf("behind %q come %q, not %q", after, got, want)
		}
	}
	for before, want := range map[string]string{
		"": "a/\xff a/2 a/1/x a/1 ", "a/\xff\xff": "a/\xff a/2 a/1/x a/1 ", "a/\xff": "a/2 a/1/x a/1 ", "a/2": "a/1/x a/1 ", "a/1/": "a/1 ", "a/1": "", "a/": "",
	} {
		got := ""
		for r, err := range c.ScanBefore("a/", before) {
			if err != nil {
				t.Fatal(err)
			}
			got += r.Key + " "
		}
		if got != want {
			t.Errorf("before %q come %q, not %q", before, got, want)
		}
	}
}

// What replaces a channel's content stands alone, in the numbers too, after the
// store is opened again.
func TestAReplacedChannelHoldsNothingOfBefore(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir, Options{})
	c, other := db.Channel(pair), db.Channel(canon.Hash{1})
	first := Batch{
		Writes: []merkle.Write{{Key: "a", Value: []byte("1")}, {Key: "b", Value: []byte("1")}}, Leaves: [][]byte{[]byte("l0"), []byte("l1")},
		Events: [][]byte{[]byte("e0")}, Meta: map[string][]byte{"m": []byte("1")}, Index: []IndexWrite{{"i", "k", []byte("1")}},
	}
	for _, ch := range []*Channel{c, other} {
		if err := ch.Commit(first); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Replace(Batch{Writes: []merkle.Write{{Key: "a", Value: []byte("2")}}, Leaves: [][]byte{[]byte("new")}}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, dir, Options{})
	defer db.Close()
	look := func(c *Channel) string {
		got := ""
		for r, err := range c.Scan("") {
			got += fmt.Sprintf("%s=%s %v;", r.Key, r.Value, err)
		}
		leaf, err := c.Leaf(0)
		leaves, err2 := c.LeafCount()
		events, err3 := c.EventCount()
		_, meta, err4 := c.Meta("m")
		_, index, err5 := c.Lookup("i", "k")
		return got + fmt.Sprintf("%s %d %d %v %v %v", leaf, leaves, events, meta, index, []error{err, err2, err3, err4, err5})
	}
	if got, want := look(db.Channel(pair)), "a=2 <nil>;new 1 0 false false [<nil> <nil> <nil> <nil> <nil>]"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, want := look(db.Channel(canon.Hash{1})), "a=1 <nil>;b=1 <nil>;l0 2 1 true true [<nil> <nil> <nil> <nil> <nil>]"; got != want {
		t.Errorf("another channel: got  %s\nwant %s", got, want)
	}
}
