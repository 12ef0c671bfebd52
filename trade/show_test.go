package trade

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
)

// Every record that the key layout lists for a Bilateral can be shown, and
// what a whole story leaves behind reads as its own sort.
func TestEveryRecordOfABilateralCanBeShown(t *testing.T) {
	source, err := os.ReadFile("keys.go")
	if err != nil {
		t.Fatal(err)
	}
	bilateral, _, found := strings.Cut(string(source), "// On the Omnilateral:")
	if !found {
		t.Fatal("the key layout has no part for the Omnilateral")
	}
	names := regexp.MustCompile(`(?m)^//\t([a-z]+)`).FindAllStringSubmatch(bilateral, -1)
	if len(names) < 20 {
		t.Fatalf("the key layout lists %d records", len(names))
	}
	for _, n := range names {
		if _, ok := sorts[n[1]]; !ok {
			t.Errorf("records %s cannot be shown", n[1])
		}
	}
	w := boundWorld(t)
	w.run("ALPHA document.record file=c")
	for key, value := range w.state {
		what, content, err := ShowRecord(key, value)
		if err != nil || what == "" || content == nil {
			t.Errorf("%s: %q, %v", key, what, err)
		}
		if _, err := json.Marshal(content); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	if _, _, err := ShowRecord("moon/1", nil); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("an unknown record: %v", err)
	}
}

// Whatever a store holds as a record, it is shown as it is or refused.
func FuzzShowRecord(f *testing.F) {
	w := trading(f, "files netting")
	for _, line := range []string{"ALPHA rating.request hour=0", "ALPHA usage.state hour=0 lines=0:2/120,2:10/600", "BRAVO usage.state hour=0 lines=0:3/180,2:10/600"} {
		w.run(line)
	}
	for k, v := range w.state.Scan("") {
		f.Add(k, v)
	}
	f.Add("tomorrow/1", []byte{0xa0})
	f.Fuzz(func(t *testing.T, key string, value []byte) {
		what, content, err := ShowRecord(key, value)
		if what == "" {
			t.Fatalf("%q is nothing", key)
		}
		if err != nil {
			if fault.CodeOf(err) != fault.Invalid {
				t.Fatalf("%q: code of %v", key, err)
			}
			return
		}
		if !bytes.Equal(canon.Must(content), value) {
			t.Fatalf("%q: %+v is shown for another record", key, content)
		}
	})
}
