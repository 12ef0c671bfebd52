package channel

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/store"
)

// A view is of one block: what the next one adds, changes and removes is not in it,
// in neither a list nor a single record, when the store has it already.
func TestABlockThatIsBeingWrittenIsSeenWholeOrNotAtAll(t *testing.T) {
	db, err := store.Open(t.TempDir(), store.Options{Memory: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	space := db.Channel(canon.Sum("a channel"))
	write := func(pairs ...string) (out []merkle.Write) {
		for _, p := range pairs {
			key, value, kept := strings.Cut(p, "=")
			w := merkle.Write{Key: key}
			if kept {
				w.Value = []byte(value)
			}
			out = append(out, w)
		}
		return out
	}
	first := write("k/a=1", "k/b=1", "k/d=1", "l=1")
	if err := space.Commit(store.Batch{Writes: first}); err != nil {
		t.Fatal(err)
	}
	c, err := newCommitted(space)
	if err != nil {
		t.Fatal(err)
	}
	seen := func(after string) string {
		var listed []string
		for key, value := range c.ScanAfter("k/", after) {
			listed = append(listed, key+"="+string(value))
		}
		return strings.Join(listed, " ")
	}
	back := func(before string) string {
		var listed []string
		for key, value := range c.ScanBefore("k/", before) {
			listed = append(listed, key+"="+string(value))
		}
		slices.Reverse(listed)
		return strings.Join(listed, " ")
	}
	is := func(when, all, behind string, single map[string]string) {
		t.Helper()
		if got := seen(""); got != all {
			t.Errorf("%s the list is %s, want %s", when, got, all)
		}
		if got := back(""); got != all {
			t.Errorf("%s the list backwards is %s, want %s", when, got, all)
		}
		want, _, _ := strings.Cut(all, " k/d")
		if got := back("k/d"); got != want {
			t.Errorf("%s the list before k/d is %s, want %s", when, got, want)
		}
		if got := seen("k/b"); got != behind {
			t.Errorf("%s the list behind k/b is %s, want %s", when, got, behind)
		}
		for _, key := range slices.Sorted(maps.Keys(single)) {
			value, ok := c.Get(key)
			if got := fmt.Sprintf("%s %t", value, ok); got != single[key] {
				t.Errorf("%s %s is %s, want %s", when, key, got, single[key])
			}
		}
	}
	old := map[string]string{"k/a": "1 true", "k/b": "1 true", "k/c": " false", "k/d": "1 true", "l": "1 true"}
	next := write("k/a", "k/b=2", "k/c=2", "k/e=2", "l=2")
	c.hold(next)
	is("before it is written", "k/a=1 k/b=1 k/d=1", "k/d=1", old)
	if err := space.Commit(store.Batch{Writes: next}); err != nil {
		t.Fatal(err)
	}
	clear(c.cache)
	is("while it is written", "k/a=1 k/b=1 k/d=1", "k/d=1", old)
	c.absorb(next)
	is("afterwards", "k/b=2 k/c=2 k/d=1 k/e=2", "k/c=2 k/d=1 k/e=2",
		map[string]string{"k/a": " false", "k/b": "2 true", "k/c": "2 true", "k/d": "1 true", "l": "2 true"})
}

func TestACacheThatIsFullForgetsWhatWasUsedLongest(t *testing.T) {
	db, err := store.Open("test", store.Options{Memory: true, MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	space := db.Channel(canon.Hash{1})
	const records, size = 40, 1 << 20
	value := func(i, version int) []byte { return bytes.Repeat([]byte{byte(i), byte(version)}, size/2) }
	key := func(i int) string { return fmt.Sprintf("k/%02d", i) }
	var writes []merkle.Write
	for i := range records {
		writes = append(writes, merkle.Write{Key: key(i), Value: value(i, 1)})
	}
	if err := space.Commit(store.Batch{Writes: writes}); err != nil {
		t.Fatal(err)
	}
	c, err := newCommitted(space)
	if err != nil {
		t.Fatal(err)
	}
	held := func(i int) bool {
		_, here := c.cache[key(i)]
		_, aged := c.aged[key(i)]
		return here || aged
	}
	for i := range records {
		if got, ok := c.Get(key(i)); !ok || !bytes.Equal(got, value(i, 1)) {
			t.Fatalf("record %d is not what was written", i)
		}
		c.Get(key(0)) // again and again
		bytes := 0
		for _, m := range []map[string][]byte{c.cache, c.aged} {
			for k, v := range m {
				bytes += len(k) + len(v)
			}
		}
		if bytes > cacheBytes+2*size {
			t.Fatalf("the cache has %d bytes", bytes)
		}
	}
	for i, want := range map[int]bool{0: true, 1: false, records - 7: true, records - 1: true} {
		if held(i) != want {
			t.Errorf("record %d in the cache: %t", i, !want)
		}
	}
	// A new value is found before the one that has aged.
	next := []merkle.Write{{Key: key(records - 9), Value: value(records-9, 2)}}
	if !held(records - 9) {
		t.Fatal("the record to change is not in the cache")
	}
	if err := space.Commit(store.Batch{Writes: next}); err != nil {
		t.Fatal(err)
	}
	c.absorb(next)
	if got, _ := c.Get(key(records - 9)); !bytes.Equal(got, value(records-9, 2)) {
		t.Error("the old value is read")
	}
}
