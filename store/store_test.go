package store

import (
	"fmt"
	"testing"

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
