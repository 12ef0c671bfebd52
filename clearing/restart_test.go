package clearing

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/usage"
)

// traffic makes the two sides' records of some hours of calls, with what
// carriers' records differ by: calls that one side lacks, other durations,
// starts a little off, and calls over the edges of periods.
func traffic(r *rand.Rand, calls int) (ours, theirs []string) {
	day := time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
	for i := range calls {
		start := day.Add(time.Duration(r.Int64N(int64(4 * time.Hour)))).Truncate(time.Millisecond)
		length := 1000 * (1 + r.IntN(300))
		from, to := "ALPHA", "BRAVO"
		if r.IntN(3) == 0 {
			from, to = to, from
		}
		number := fmt.Sprintf("1212%07d", r.IntN(50))
		write := func(start time.Time, length int) string {
			return call_(fmt.Sprint(i), "41440000001", number, start.Format(time.RFC3339Nano), length, from, to)
		}
		a := write(start, length)
		b := a
		switch r.IntN(12) {
		case 0:
			b = write(start.Add(time.Duration(r.IntN(2000))*time.Millisecond), length)
		case 1:
			b = write(start, length+1000*(1+r.IntN(8)))
		case 2:
			b = ""
		case 3:
			a = ""
		}
		ours, theirs = append(ours, a), append(theirs, b)
	}
	return ours, theirs
}

// run clears some hours of traffic in two imports each, one of them late, while
// disturb does what it wants, and gives what came out.
func clearHours(t *testing.T, seed uint64, disturb func(w *world, rng *rand.Rand)) string {
	w := newWorld(t, func(x *agreement.Terms) { x.Cycle = "15m" })
	w.sheets(rates)
	var files [2][]string
	files[0], files[1] = traffic(rand.New(rand.NewPCG(seed, 1)), 400)
	rng := rand.New(rand.NewPCG(seed, 2))
	for i, s := range w.sides {
		s.take(files[i][:300]...)
	}
	for i, s := range w.sides {
		w.must(s.desk.CloseThrough(w.context(), at(t, "10:00:00")))
		s.take(files[i][300:]...)
	}
	disturb(w, rng)
	for _, s := range w.sides {
		w.must(s.desk.CloseThrough(w.context(), at(t, "13:00:00")))
	}
	disturb(w, rng)
	w.until("nothing waits but people", func() (done bool) {
		done = true
		for _, s := range w.sides {
			s.view(func(v trade.View) {
				for o := range v.Orders() {
					for p := range v.Periods(o.ID) {
						done = done && p.Waiting == 0 && p.Buyer.Complete() && p.Seller.Complete()
					}
				}
				for i := range v.Invoices("") {
					done = done && i.State != "issued" && (i.Paid || i.Total == 0)
				}
			})
		}
		return done
	})
	w.quiet()
	for _, s := range w.sides {
		if n := s.desk.book.Late(); n != 0 {
			t.Errorf("%s: %d calls were never stated", s.code, n)
		}
		everyCallOnce(t, s)
	}
	return w.totals()
}

// everyCallOnce checks that each accepted call of a side is in one statement.
func everyCallOnce(t *testing.T, s *side) {
	t.Helper()
	// What is over is sealed meanwhile: first its records go, then its statements.
	times := map[call]int{}
	s.desk.mu.Lock()
	book := s.desk.book
	for _, m := range s.desk.made {
		for c := range m.calls {
			times[c]++
		}
	}
	s.desk.mu.Unlock()
	book.mu.Lock()
	defer book.mu.Unlock()
	for number, batch := range book.batches {
		for i := range batch.Records {
			if n := times[call{number, uint32(i)}]; n != 1 {
				t.Errorf("%s: call %d of import %d is stated %d times", s.code, i, number, n)
			}
		}
	}
}

// Stopping and starting the nodes at random moments loses nothing and bills
// nothing twice: the totals are those of an undisturbed run.
func TestRestartsAtRandomMomentsChangeNothing(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	want := clearHours(t, seed, func(*world, *rand.Rand) {})
	got := clearHours(t, seed, func(w *world, rng *rand.Rand) {
		for range 6 {
			time.Sleep(time.Duration(rng.IntN(80)) * time.Millisecond) // the moment is what is random here
			w.sides[rng.IntN(2)].restart()
		}
	})
	if got != want {
		t.Fatalf("seed %d: with restarts\n%s\nwithout\n%s", seed, got, want)
	}
}

// Nothing that goes on the ledger, and nothing that the partner sees before a
// line differs, contains a telephone number: neither its digits nor its value.
func TestNoNumberLeavesTheDesk(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.sheets(rates)
	number := "12125559876"
	n, ok := usage.ParseNumber([]byte(number))
	if !ok {
		t.Fatal("no number")
	}
	value := fmt.Appendf(nil, "%016x", uint64(n))
	var raw []byte
	for i := 0; i < len(value); i += 2 {
		var x byte
		_, err := fmt.Sscanf(string(value[i:i+2]), "%02x", &x)
		w.must(err)
		raw = append(raw, x)
	}
	raw = bytes.TrimLeft(raw, "\x00")
	for _, s := range w.sides {
		s.forge = func(kind string, data []byte) []byte {
			if kind == kindEdges && (bytes.Contains(data, raw) || bytes.Contains(data, []byte(number))) {
				t.Errorf("%s of %s show a number", kind, s.code)
			}
			return data
		}
		rows := []string{call_("1", number, number, "2026-11-02T10:59:59Z", 60_000, "ALPHA", "BRAVO"),
			call_("2", number, number, "2026-11-02T10:30:00Z", 60_000+1000*len(s.code)*int(s.code[0]), "ALPHA", "BRAVO")}
		s.take(slices.DeleteFunc(rows, func(r string) bool { return strings.HasPrefix(r, "1") && s.code == "BRAVO" })...)
	}
	w.through("13:00:00")
	w.until("a line is decided", func() bool {
		d := w.sides[0].disputes()
		return len(d) > 0 && d[0].State != "awaiting"
	})
	w.quiet()
	records := 0
	w.sides[0].view(func(v trade.View) {
		for key, data := range v.Scan("") {
			records++
			if strings.Contains(key, number) || bytes.Contains(data, raw) || bytes.Contains(data, []byte(number)) {
				t.Errorf("the record %s shows a number", key)
			}
		}
	})
	if records < 20 {
		t.Fatalf("%d records were looked at, want the whole state", records)
	}
}
