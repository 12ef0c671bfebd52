package clearing

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/reconcile"
	"github.com/lateral-network/lateral/trade/usage"
)

// deliveredLine is a line of two calls, as a desk delivers it.
func deliveredLine(t testing.TB, row uint32) (*usage.Delivery, []byte) {
	t.Helper()
	begin := at(t, "10:00:00")
	s := usage.Slot{Direction: forth, Period: usage.Interval{From: begin, To: begin + 3_600_000}, Row: row}
	calls := []usage.Call{{Start: begin, Duration: 60_000, Origin: 4930111, Destination: 4915112}, {Start: begin + 5, Duration: 61_000, Origin: 4930112, Destination: 4915113}}
	if _, err := usage.Commit([]byte("secret"), s, calls, func(ms uint32) uint32 { return (ms + 999) / 1000 }); err != nil {
		t.Fatal(err)
	}
	d := &usage.Delivery{Slot: s, Calls: calls}
	return d, d.Encode()
}

// One line that nobody can read hides neither the other lines of its file nor
// the evidence that the other side has delivered.
func TestALineThatCannotBeReadHidesNoEvidence(t *testing.T) {
	one, first := deliveredLine(t, 1)
	two, second := deliveredLine(t, 2)
	calls := map[canon.Hash]usage.Call{}
	callsIn(canon.Must(deliveryFile{[][]byte{first, []byte("no line"), second}}), calls)
	callsIn([]byte("no file"), calls)
	if len(calls) != len(one.Calls)+len(two.Calls) {
		t.Fatalf("%d calls are found", len(calls))
	}
	for _, c := range append(one.Calls, two.Calls...) {
		if calls[c.Leaf()] != c {
			t.Errorf("%+v is not found", c)
		}
	}
}

// A partner's file of records names calls by their leaves, whatever is in it.
func FuzzDelivery(f *testing.F) {
	_, first := deliveredLine(f, 1)
	_, second := deliveredLine(f, 2)
	f.Add(canon.Must(deliveryFile{[][]byte{first, second}}))
	f.Add(canon.Must(deliveryFile{[][]byte{first, first[1:], {}}}))
	f.Add(canon.Must(deliveryFile{}))
	f.Fuzz(func(t *testing.T, data []byte) {
		calls := map[canon.Hash]usage.Call{}
		callsIn(data, calls)
		for leaf, c := range calls {
			if c.Leaf() != leaf {
				t.Fatalf("%+v is found under another leaf", c)
			}
		}
	})
}

// What a desk keeps is read in one form or refused.
func FuzzKept(f *testing.F) {
	period := usage.Interval{From: at(f, "10:00:00"), To: at(f, "11:00:00")}
	f.Add(canon.Must(Import{Number: 1, Name: "calls.csv", File: canon.Hash{1}, Size: 9}))
	f.Add(canon.Must(Manifest{Way: usage.Back, Period: period, Lines: make([]manifestLine, 1), Unrated: make([]call, 2)}))
	f.Add(canon.Must(freedRecord{make([]call, 1), period.To}))
	f.Add(canon.Must(closedRecord{Through: period.To, Closings: make([]closing, 1), Shown: 5}))
	f.Add(canon.Must(metRecord{period.To}))
	f.Add(canon.Must([]followed{{Start: period.From, Duration: 60_000}}))
	f.Add(canon.Must(receipted{File: canon.Hash{1}, Size: 5, At: period.To}))
	f.Add(reconcile.EncodeDecided(make([]reconcile.Decided, 2)))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, v := range []any{new(Import), new(Manifest), new(freedRecord), new(closedRecord), new(metRecord), new([]followed), new(receipted), new([]reconcile.Decided)} {
			if canon.Decode(data, v) != nil {
				continue
			}
			again := reflect.New(reflect.TypeOf(v).Elem()).Interface()
			if !bytes.Equal(canon.Must(v), data) || canon.Decode(data, again) != nil || !reflect.DeepEqual(v, again) {
				t.Fatalf("%T is read in two ways: %+v and %+v", v, v, again)
			}
		}
	})
}
