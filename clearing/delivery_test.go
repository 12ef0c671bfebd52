package clearing

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/reconcile"
	"github.com/lateral-network/lateral/trade/usage"
)

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
