package clearing

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade/fraud"
)

// An hour's flood comes in two imports with a restart between them: it is raised
// once, grows, and what a person made of it stays.
func TestAFloodInOwnRecordsIsRaisedAndJudgedOnce(t *testing.T) {
	w := newWorld(t, nil)
	w.sheets(rates)
	s := w.sides[0]
	begin := time.Date(2020, 3, 2, 0, 0, 0, 0, time.UTC)
	line := 0
	call := func(destination string, at time.Time, result string) string {
		line++
		return fmt.Sprintf("c%d,4144%07d,%s,%s,%d,%s,ALPHA,BRAVO,T1\n", line, line, destination, at.Format(time.RFC3339Nano), 60_000+line*1000, result)
	}
	var rows []string
	for h := range 24 {
		for d := range 6 {
			for i := range 6 {
				rows = append(rows, call(fmt.Sprintf("%d2345678%02d", 30+d, line%100), begin.Add(time.Duration(h)*time.Hour+time.Duration(i)*9*time.Minute), "success"))
			}
		}
	}
	s.take(rows...)
	if got := s.desk.Signals(); len(got) != 0 {
		t.Fatalf("ordinary calls raise %+v", got)
	}
	flood := func(n int) {
		rows = rows[:0]
		for range n {
			rows = append(rows, call(fmt.Sprintf("32234567%03d", line%1000), begin.Add(23*time.Hour+time.Duration(line)*time.Second/2), "success"))
		}
		s.take(rows...)
	}
	flood(60)
	got := s.desk.Signals()
	if len(got) != 1 || got[0].Kind != fraud.Growth || got[0].Calls != 66 || got[0].Destination != "+322" || got[0].State != SignalOpen || got[0].Trunk != "T1" ||
		got[0].Number != 1 || len(got[0].Sample) != 10 || got[0].Sample[9].File == 0 {
		t.Fatalf("raised %+v", got)
	}
	if _, err := s.desk.JudgeSignal(2, SignalDismissed, "ann", ""); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("signal 2: %v", err)
	}
	if x, err := s.desk.JudgeSignal(1, SignalAcknowledged, "ann", "asked the customer"); err != nil || x.State != SignalAcknowledged {
		t.Fatal(x, err)
	}
	before := s.desk.Signals()
	s.restart()
	if after := s.desk.Signals(); !reflect.DeepEqual(after, before) {
		t.Errorf("after a restart %+v, before %+v", after, before)
	}
	// Without what it has learned a node learns it again from its imports.
	w.must(s.db.Node().Commit(store.Batch{Writes: []merkle.Write{{Key: s.desk.prefix + "guard"}}}))
	s.restart()
	flood(40)
	if got = s.desk.Signals(); len(got) != 1 || got[0].Calls != 106 || got[0].State != SignalAcknowledged || got[0].By != "ann" || got[0].Why != "asked the customer" {
		t.Errorf("with more calls: %+v", got)
	}
}
