package clearing

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/usage"
)

// seal lets enough time pass that all imports can be sealed, and waits until they
// are.
func (w *world) seal() {
	w.t.Helper()
	w.pass(max(0, time.Date(2026, 12, 20, 0, 0, 0, 0, time.UTC).Sub(w.now())) + 2*sealEvery*time.Millisecond)
	for _, s := range w.sides {
		w.until(fmt.Sprintf("all imports of %s are sealed", s.code), func() bool { return s.unsealed() == 0 })
	}
}

func (s *side) unsealed() (n int) {
	for _, i := range s.desk.Imports() {
		if !i.Sealed {
			n++
		}
	}
	return n
}

// said is what a desk says of all its records.
func (s *side) said() string {
	s.w.t.Helper()
	sum, err := s.desk.Summary()
	s.w.must(err)
	return fmt.Sprintf("%+v %+v", sum, s.desk.Exceptions())
}

func unpricedRow(id, start string) string {
	return call_(id, "41440000001", "99912345678", "2026-11-02T"+start+"Z", 60_000, "ALPHA", "BRAVO")
}

// Without a world rate, so that calls may have none.
const germany = "destination,prefix,rate,currency,unit_seconds,minimum_seconds,increment_seconds,valid_from,valid_to\n" +
	"Germany,49,0.05,USD,60,30,6,2026-01-01T00:00:00Z,\nUSA,1,0.1003,USD,60,1,1,2026-01-01T00:00:00Z,\n"

// What is over for good leaves the book, and nothing that a desk says of it
// changes, before and after a start that reads nothing of it.
func TestSealedImportsAreKnownByTheirSums(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.sheets(germany)
	rows := []string{row("1", "10:00:00", 61_000), row("2", "10:30:00", 122_345), back("3", "11:20:00", 60_000), unpricedRow("4", "10:20:00")}
	for _, s := range w.sides {
		s.take(rows...)
	}
	w.through("12:00:00")
	w.quiet()
	a := w.sides[0]
	want := a.said()
	if !strings.Contains(want, "no-rate") {
		t.Fatalf("%s, want a call without a rate", want)
	}
	w.seal()
	check := func(when string) {
		t.Helper()
		if got := a.said(); got != want {
			t.Errorf("%s:\n%s, want\n%s", when, got, want)
		}
		if d := a.desk; len(d.book.batches)+len(d.made)+len(d.book.stated)+len(d.book.closed)+len(d.book.moments) > 0 {
			t.Errorf("%s the book has %d imports, %d manifests, %d periods", when, len(d.book.batches), len(d.made), len(d.book.stated))
		}
	}
	check("sealed")
	kept, err := a.desk.Archive()
	w.must(err)
	for _, k := range kept { // what a start reads must be there
		w.must(a.blobs.Erase(k.File))
	}
	w.must(a.blobs.Erase(a.desk.Imports()[0].File))
	a.restart()
	w.quiet()
	if _, err := a.desk.ready(); err != nil {
		t.Fatalf("a start reads what is sealed: %v", err)
	}
	check("started again")
	// A period that nobody had asked for is stated all the same, with nothing.
	order := orderID(a, forth)
	empty := span(t, "05:00:00", "06:00:00")
	a.do(trade.NewCommand(trade.KindRatingRequest, trade.RatingRequest{Period: trade.PeriodRef{Order: order, Interval: empty}}))
	w.until("a period before what is sealed is closed", func() bool {
		p, ok := a.period(forth, empty)
		return ok && p.State == "closed" && p.Buyer.Complete() && p.Seller.Complete()
	})
	in := a.take(rows[0], // as it was
		strings.Replace(rows[1], "2,", "2x,", 1),                              // the same call under another id
		row("3", "10:40:00", 5_000),                                           // another call under a known id
		strings.Replace(rows[0], "41440000001", "41440000009", 1),             // likewise
		row("5", "10:50:00", 60_000), strings.Replace(rows[3], "4,", "6,", 1)) // new, late; another id once more
	if in.Accepted != 1 || in.Duplicate != 3 || in.Rejected != 2 || in.Rejects[0].Code != "id-taken" {
		t.Fatalf("%+v, want the sealed rows known", in)
	}
	b := w.sides[1]
	if _, err := b.desk.EraseRecords(at(t, "00:00:00")); err != nil || len(b.desk.Exceptions()) != 0 {
		t.Errorf("exceptions of an erased day: %+v, %v", b.desk.Exceptions(), err)
	}
}

// Correction and evidence of a sealed period read the archive. What was erased
// from it says so, its file is gone, and rows of it that come again are known.
func TestSealedPeriodsAreReadFromTheArchiveUntilTheirDayIsErased(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(x *agreement.Terms) { x.Rule = agreement.Source{Text: `"lower"`} })
	w.sheets(rates)
	a, b := w.sides[0], w.sides[1]
	german := func(ms int) string {
		return call_("3", "41440000001", "4930123456", "2026-11-02T10:20:00Z", ms, "ALPHA", "BRAVO")
	}
	a.take(row("1", "10:00:00", 60_000), row("2", "10:30:00", 120_000), german(60_000))
	b.take(row("1", "10:00:00", 60_000), row("2", "10:30:00", 120_000), german(64_000))
	w.through("11:00:00")
	w.settled("0.350000")
	if err := b.desk.Needed(b.desk.Imports()[0].File); err != nil {
		t.Fatalf("the file of an import that is archived: %v", err)
	}
	kept, err := b.desk.Archive()
	w.must(err)
	if len(kept) != 1 || kept[0].Rows != 3 || kept[0].Day != "2026-11-02" || faultCode(b.desk.Needed(kept[0].File)) != fault.Refused {
		t.Fatalf("%+v, want three rows that are needed", kept)
	}
	if _, err := b.desk.EraseRecords(at(t, "00:00:00")); faultCode(err) != fault.Refused {
		t.Fatalf("records that are not sealed are erased: %v", err)
	}
	id := b.disputes()[0].ID
	want, err := b.desk.Evidence(id)
	w.must(err)
	w.seal()
	got, err := b.desk.Evidence(id)
	w.must(err)
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("evidence of a sealed period is %+v, want %+v", got, want)
	}
	p, _ := a.period(forth, span(t, "10:00:00", "11:00:00"))
	w.price("00:00:00", strings.ReplaceAll(rates, "World,1,0.10,", "World,1,0.07,"))
	c, err := b.desk.Correct(w.context(), p.Order, p.Interval.From, "the sheet of November was wrong")
	w.must(err)
	w.quiet()
	a.view(func(v trade.View) {
		if inv, _ := v.Invoice(c.Notes[0]); inv.Total.String() != "-0.090000" {
			t.Errorf("the note of a sealed period is %+v, want -0.09", inv)
		}
	})
	if n := len(b.desk.book.recalled) + len(b.desk.book.pins); n != 0 {
		t.Errorf("%d imports stay recalled", n)
	}
	said := b.said()
	rows, err := b.desk.EraseRecords(at(t, "12:00:00"))
	w.must(err)
	if rows != 3 || b.blobs.Has(kept[0].File) {
		t.Errorf("%d rows are erased; the file is there: %v", rows, b.blobs.Has(kept[0].File))
	}
	for range 2 {
		if _, err := b.desk.Evidence(id); faultCode(err) != CodeErased {
			t.Errorf("evidence after erasing: %v", err)
		}
		if _, err := b.desk.Correct(w.context(), p.Order, p.Interval.From, "again"); faultCode(err) != CodeErased {
			t.Errorf("a correction after erasing: %v", err)
		}
		if kept, err := b.desk.Archive(); err != nil || kept[0].Erased == 0 || b.said() != said {
			t.Errorf("%+v, %v, %s, want the sums and that it is erased", kept, err, b.said())
		}
		b.restart()
		w.until("the book is there", func() bool { _, err := b.desk.ready(); return err == nil })
	}
	if in := b.take(row("1", "10:00:00", 60_000), row("2", "10:30:00", 1)); in.Duplicate != 1 || in.Rejected != 1 {
		t.Errorf("%+v, want a known row and one that contradicts", in)
	}
	if _, err := b.desk.EraseRecords(at(t, "00:00:00") - 5*millisPerDay); faultCode(err) != fault.NotFound {
		t.Errorf("a day without records: %v", err)
	}
}

// Records of days beyond the agreement's retention are erased by the desk itself.
func TestRecordsBeyondTheirTimeAreErased(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(x *agreement.Terms) { x.RetentionDays = 60 })
	w.sheets(rates)
	for _, s := range w.sides {
		s.take(row("1", "10:00:00", 60_000))
	}
	w.through("11:00:00")
	w.settled("0.100000")
	w.seal()
	kept, err := w.sides[0].desk.Archive()
	w.must(err)
	if kept[0].Erased != 0 {
		t.Fatal("records are erased before their time")
	}
	w.pass(60 * 24 * time.Hour)
	for _, s := range w.sides {
		w.until("the records are erased", func() bool {
			kept, err := s.desk.Archive()
			w.must(err)
			return kept[0].Erased != 0 && !s.blobs.Has(kept[0].File)
		})
	}
}

// A crash before an import is known leaves files that nobody knows: the import is
// made again, whole.
func TestACrashBeforeAnImportIsKnownLosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	a := w.sides[0]
	a.take(row("1", "09:00:00", 60_000))
	d := a.desk
	d.importing.Lock()
	_, err := d.files.Read(strings.NewReader(header+row("2", "10:00:00", 60_000)), "calls.csv", "", nil)
	w.must(err)
	_, _, err = d.archive(d.files, 2)
	d.importing.Unlock()
	w.must(err)
	a.restart()
	w.until("the book is there", func() bool { _, err := a.desk.ready(); return err == nil })
	if in := a.take(row("2", "10:00:00", 60_000)); in.Accepted != 1 || in.Number != 2 || in.Repeated {
		t.Fatalf("%+v, want the second import, whole", in)
	}
}

// An import of a release without an archive is put there when the desk starts.
func TestAnImportWithoutAnArchiveGetsOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	a := w.sides[0]
	in := a.take(row("1", "09:00:00", 60_000))
	in.Archived, in.Days = false, nil
	w.must(a.desk.keep(importKey(1), canon.Must(in)))
	a.restart()
	w.until("it is archived", func() bool { return a.desk.Imports()[0].Archived })
	w.must(a.blobs.Erase(in.File))
	a.restart()
	w.until("the book is there", func() bool { _, err := a.desk.ready(); return err == nil })
	if n := len(a.desk.book.batches[1].Records); n != 1 {
		t.Fatalf("%d records, want one", n)
	}
}

// What the book of a desk takes in memory does not grow with what is sealed.
func TestMemoryDoesNotGrowWithSealedDays(t *testing.T) {
	const calls = 10_000
	w := newWorld(t, nil)
	w.sheets(rates)
	used := func() uint64 {
		for range 3 {
			runtime.GC()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var first, last uint64
	for n := range 5 {
		rows := make([]string, calls)
		for i := range rows {
			rows[i] = call_(fmt.Sprint(n, "-", i), "41440000001", "12125550100", fmt.Sprintf("2026-11-02T%02d:%02d:%02d.%03dZ", 8+n, i/60%59, i%60, i/20), 1000, "ALPHA", "BRAVO")
		}
		for _, s := range w.sides {
			if in := s.take(rows...); in.Accepted != calls {
				t.Fatalf("%d of %d calls are accepted", in.Accepted, calls)
			}
		}
		w.through(fmt.Sprintf("%02d:00:00", 9+n))
		w.until("the period is closed", func() bool {
			p, ok := w.sides[0].period(forth, span(t, fmt.Sprintf("%02d:00:00", 8+n), fmt.Sprintf("%02d:00:00", 9+n)))
			return ok && p.State == "closed"
		})
		w.quiet()
		w.seal()
		if last = used(); n == 1 { // the store has its buffers by then
			first = last
		}
	}
	t.Logf("%d bytes after two imports, %d after five", first, last)
	// Three imports more would take about 130 bytes a call on each of two sides; the
	// store itself takes some.
	if most := uint64(3 * 2 * calls * 80); last > first+most {
		t.Errorf("memory has grown by %d bytes, want at most %d", last-first, most)
	}
}

// A desk that seals between imports says and bills the same as one that does not.
func TestSealingChangesNoTotals(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	run := func(sealing bool) string {
		rng := rand.New(rand.NewPCG(seed, 3))
		w := newWorld(t, func(x *agreement.Terms) { x.Cycle = "15m" })
		w.sheets(germany)
		if !sealing {
			for _, s := range w.sides {
				s.desk.mu.Lock()
				s.desk.sealAt = 1 << 60
				s.desk.mu.Unlock()
			}
		}
		var known []string
		var out strings.Builder
		for n := range 3 {
			var rows []string
			for i := range 60 {
				number := []string{"1212555", "4930123", "9991234"}[rng.IntN(3)] + fmt.Sprintf("%04d", rng.IntN(20))
				start := time.UnixMilli(at(t, "08:00:00") + rng.Int64N(int64(n+1)*3_600_000)).UTC() // some come late
				from, to := "ALPHA", "BRAVO"
				if rng.IntN(3) == 0 {
					from, to = to, from
				}
				rows = append(rows, call_(fmt.Sprint(n, "-", i), "41440000001", number, start.Format("2006-01-02T15:04:05.000Z"), rng.IntN(200_000), from, to))
			}
			for _, r := range known { // and some again, or otherwise
				switch rng.IntN(8) {
				case 0:
					rows = append(rows, r)
				case 1:
					rows = append(rows, strings.Replace(r, "-", "+", 1))
				case 2:
					rows = append(rows, strings.Replace(r, "41440000001", "41440000002", 1))
				}
			}
			known = append(known, rows...)
			for _, s := range w.sides {
				in := s.take(rows...)
				fmt.Fprintln(&out, in.Read, in.Accepted, in.Duplicate, in.Rejected)
			}
			w.through(fmt.Sprintf("%02d:00:00", 9+n))
			w.quiet()
			if sealing {
				w.pass(max(0, time.Date(2026, 12, 20, 0, 0, 0, 0, time.UTC).Sub(w.now())) + 2*sealEvery*time.Millisecond)
				for _, s := range w.sides {
					w.until("the desk has sealed what it can", func() bool {
						s.desk.mu.Lock()
						defer s.desk.mu.Unlock()
						return s.desk.sealAt > w.now().UnixMilli()
					})
				}
				w.sides[n%2].restart()
			}
			w.quiet()
			for _, s := range w.sides {
				fmt.Fprintln(&out, s.said())
			}
		}
		w.through("12:00:00")
		w.quiet()
		if sealing {
			w.seal()
		}
		for _, s := range w.sides {
			fmt.Fprintln(&out, s.said())
		}
		fmt.Fprintln(&out, w.totals())
		return out.String()
	}
	want := run(false)
	if got := run(true); got != want {
		t.Errorf("seed %d: with sealing\n%s\nwithout\n%s", seed, got, want)
	}
}

// An import is not sealed while a call of it waits, or somebody looks at it.
func TestWhatWaitsIsNotSealed(t *testing.T) {
	b := newBook(usage.PairOf("ALPHA", "BRAVO"), phases(t, nil, "", "1h"), [32]byte{})
	record := func(start string) usage.Record {
		return usage.Record{Start: at(t, start), Duration: 1000, Destination: 12125550100}
	}
	for n, starts := range [][]string{{"08:10:00"}, {"08:20:00", "10:20:00"}, {"08:30:00"}} {
		batch := &usage.Batch{}
		for _, s := range starts {
			batch.Records = append(batch.Records, record(s))
		}
		b.Add(uint32(n+1), batch, 0)
	}
	made := []Manifest{{Period: span(t, "08:00:00", "09:00:00"), Unrated: []call{{1, 0}, {2, 0}, {3, 0}}}}
	if _, out := b.over(at(t, "12:00:00"), nil); len(out) != 0 {
		t.Fatalf("%v are sealed with open calls", out)
	}
	b.Close(made[0])
	b.pin(3)
	through, out := b.over(at(t, "12:00:00"), made)
	if through != at(t, "10:00:00") || !slices.Equal(out, []uint32{1}) {
		t.Fatalf("%v are over through %s, want the first alone, through 10:00", out, usage.Stamp(through))
	}
	b.unpin([]uint32{3})
	if _, out := b.over(at(t, "08:59:59"), made); len(out) != 0 {
		t.Fatalf("%v are sealed before their period is over", out)
	}
	if _, out := b.over(at(t, "09:00:00"), made); !slices.Equal(out, []uint32{1, 3}) {
		t.Fatalf("%v are over, want the first and the third", out)
	}
}
