package voice_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/fraud"
	"github.com/lateral-network/lateral/trade/reconcile"
	"github.com/lateral-network/lateral/trade/usage"
)

// floods is so many of each kind.
func floods(n int) map[voice.FloodKind]int {
	out := map[voice.FloodKind]int{}
	for _, k := range voice.FloodKinds {
		out[k] = n
	}
	return out
}

func TestFloodsAreInBothFilesAndInTheTruth(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	p := voice.Plan{Seed: seed, Plant: singly, Single: true, Floods: voice.Floods{Count: floods(3), Calls: 80, Cycle: 900_000}}
	m := files(t, p, 5000)
	if len(m.truth.Floods) != 12 {
		t.Fatalf("%d floods", len(m.truth.Floods))
	}
	sheet := loadSheet(t, m.rates)
	ours := load(t, m.ours, usage.Pair{})
	theirs := load(t, m.theirs, ours.Pair)
	for side, b := range []*usage.Batch{ours, theirs} {
		if want := []voice.TrueRows{m.truth.Records.Ours, m.truth.Records.Theirs}[side]; b.Read != want.Read || uint64(len(b.Records)) != want.Accepted {
			t.Errorf("side %d has %d rows, true are %+v", side, b.Read, want)
		}
		for _, f := range m.truth.Floods {
			n := 0
			for _, r := range b.Records {
				row, ok := sheet.Find(r.Destination, r.Origin, r.Start)
				if ok && sheet.Row(row).Destination == f.Destination && sheet.Row(row).Prefix == f.Prefix && f.Span.Contains(r.Start) {
					n++
				}
			}
			if n < f.Calls || f.Span.From/900_000 != (f.Span.To-1)/900_000 || f.Span.To-f.Span.From < 450_000 {
				t.Errorf("side %d has %d calls of %+v", side, n, f)
			}
		}
	}
	result, err := reconcile.Compare(rate(t, ours, sheet, "1mo"), rate(t, theirs, sheet, "1mo"), reconcile.DefaultTolerances)
	if err != nil {
		t.Fatal(err)
	}
	for _, total := range result.Totals {
		d := total.Direction.String()
		if total.Ours != m.truth.Totals.Ours[d]["USD"] || total.Theirs != m.truth.Totals.Theirs[d]["USD"] {
			t.Errorf("%s comes to %s and %s, true are %v", d, total.Ours, total.Theirs, m.truth.Totals)
		}
	}
	g := generator(t, p)
	a, b := g.Readers(5000)
	again := make(chan []byte)
	go func() {
		all, _ := io.ReadAll(b)
		again <- all
	}()
	if all, _ := io.ReadAll(a); !bytes.Equal(all, m.ours) || !bytes.Equal(<-again, m.theirs) {
		t.Error("the readers give other files")
	}
}

func TestFloodsWithoutRoomAreRefused(t *testing.T) {
	for name, p := range map[string]voice.Plan{
		"more than hours":    {Floods: voice.Floods{Count: floods(10)}},
		"more than prefixes": {Prefixes: 20, Floods: voice.Floods{Count: floods(10), Cycle: 60_000}},
		"too many calls":     {Floods: voice.Floods{Count: floods(2), Calls: 5_000_000}},
		"too short":          {Floods: voice.Floods{Count: floods(1), Cycle: 10}},
		"another shape":      {Shape: "night"},
	} {
		p.Ours, p.Theirs, p.Span = "ALPHA", "BRAVO", day
		if _, err := voice.NewGenerator(p); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, text := range []string{"growth=1", "loop", "loop=-1", "loop=1%", "all=1001"} {
		if _, err := voice.ParseFloods(text); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%q: %v", text, err)
		}
	}
	if got, err := voice.ParseFloods("loop=5,all=2"); err != nil || got["loop"] != 5 || got["short_flood"] != 2 {
		t.Errorf("read %v, %v", got, err)
	}
}

func TestTheDayHasItsNight(t *testing.T) {
	span := usage.Interval{From: day.From + 43_200_000, To: day.To + 3*86_400_000} // the first half day stays as it is
	m := files(t, voice.Plan{Seed: 5, Shape: voice.DayAndNight, Span: span}, 40_000)
	var hours [24]int
	for _, r := range load(t, m.ours, usage.Pair{}).Records {
		if !span.Contains(r.Start) {
			t.Fatalf("a call starts at %d", r.Start)
		}
		if r.Start >= day.To {
			hours[r.Start/3_600_000%24]++
		}
	}
	if hours[4]*8 > hours[10] || hours[4] == 0 || hours[23]*2 > hours[10] {
		t.Errorf("calls by hour: %v", hours)
	}
}

// live feeds a state own records as a node would get them, so many pieces a
// cycle, and gives what is raised, by the moment when it is.
func live(t *testing.T, p voice.Plan, calls int, cycle int64, pieces int) (truth voice.Truth, raised map[int64][]fraud.Signal, s *fraud.State) {
	t.Helper()
	m := files(t, p, calls)
	sheet, batch := loadSheet(t, m.rates), load(t, m.ours, usage.Pair{})
	s = fraud.NewState(cycle)
	slices.SortStableFunc(batch.Records, func(a, b usage.Record) int { return int(a.Start - b.Start) })
	raised = map[int64][]fraud.Signal{}
	piece := cycle / int64(pieces)
	for from := 0; from < len(batch.Records); {
		end := (batch.Records[from].Start/piece + 1) * piece
		to := from
		for to < len(batch.Records) && batch.Records[to].Start < end {
			to++
		}
		records := batch.Records[from:to]
		loops := map[int]bool{}
		fraud.Returns(records, func(r *usage.Record) fraud.Passage {
			return fraud.Passage{Origin: r.Origin, Destination: r.Destination, Start: r.Start, Way: r.Way}
		}, func(i int) { loops[i] = true })
		var traces []fraud.Trace
		for i := range records {
			r := &records[i]
			r.Trunk = s.Trunk(batch.Trunks[r.Trunk])
			row, _ := sheet.Find(r.Destination, r.Origin, r.Start)
			traces = append(traces, fraud.TraceOf(cycle, r, fraud.PlaceOf(s.Destination(sheet.Row(row).Destination), r.Way), loops[i]))
		}
		raised[end] = s.Take(traces)
		from = to
	}
	return m.truth, raised, s
}

// A node that gets records piece by piece raises a flood before the cycle in
// which it begins is over.
func TestALiveNodeRaisesEveryFloodInsideItsCycle(t *testing.T) {
	week := usage.Interval{From: day.From, To: day.From + 7*86_400_000}
	half := usage.Interval{From: day.From, To: day.From + 1_800_000}
	for _, c := range []struct {
		plan          voice.Plan
		calls, pieces int
		cycle         int64
	}{
		{voice.Plan{Span: week, Prefixes: 300, Shape: voice.DayAndNight, Floods: voice.Floods{Count: floods(6), Calls: 100}}, 40_000, 4, 3_600_000},
		{voice.Plan{Span: half, Prefixes: 300, Floods: voice.Floods{Count: floods(5), Calls: 60, Cycle: 15_000}}, 30_000, 3, 15_000},
	} {
		c.plan.Seed = rand.Uint64()
		truth, raised, s := live(t, c.plan, c.calls, c.cycle, c.pieces)
		t.Logf("seed %d", c.plan.Seed)
		of := func(x fraud.Signal, f voice.TrueFlood) bool {
			name, _ := s.Names(x)
			return string(x.Kind) == string(f.Kind) && name == f.Destination && int64(x.Cycle) == f.Span.From/c.cycle
		}
		for _, f := range truth.Floods {
			found := false
			for end, signals := range raised {
				found = found || end <= f.Span.To && slices.ContainsFunc(signals, func(x fraud.Signal) bool { return of(x, f) })
			}
			if !found {
				t.Errorf("missed %+v", f)
			}
		}
		alarms := 0
		for _, signals := range raised {
			for _, x := range signals {
				// While a flood begins it may look like growth.
				if !slices.ContainsFunc(truth.Floods, func(f voice.TrueFlood) bool { y := x; y.Kind = fraud.Kind(f.Kind); return of(y, f) }) {
					alarms++
					t.Errorf("false alarm %+v", x)
				}
			}
		}
	}
}

func TestALiveNodeRaisesHardlyAnythingInCleanTraffic(t *testing.T) {
	hours, alarms := 0, 0
	for _, c := range []struct {
		prefixes, calls int
		shape           voice.Shape
	}{{300, 60_000, voice.DayAndNight}, {60, 80_000, ""}, {12, 40_000, voice.DayAndNight}} {
		p := voice.Plan{Seed: rand.Uint64(), Prefixes: c.prefixes, Shape: c.shape, Span: usage.Interval{From: day.From, To: day.From + 14*86_400_000}}
		t.Logf("seed %d", p.Seed)
		_, raised, _ := live(t, p, c.calls, 3_600_000, 1)
		hours += 2 * c.prefixes / 3 * 14 * 24
		for _, signals := range raised {
			alarms += len(signals)
			for _, s := range signals {
				t.Logf("%+v", s)
			}
		}
	}
	t.Logf("%d false alarms in %d destination-hours", alarms, hours)
	if alarms*10_000 > hours {
		t.Errorf("%d false alarms in %d destination-hours", alarms, hours)
	}
}
