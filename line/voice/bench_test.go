package voice_test

import (
	"bytes"
	"io"
	"runtime"
	"slices"
	"testing"

	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/reconcile"
	"github.com/lateral-network/lateral/trade/usage"
)

// million is how many calls the benchmarks have on each side.
const million = 1_000_000

func perSecond(b *testing.B, what string, n int) {
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), what+"/s")
}

// BenchmarkGenerate makes both sides' rows, with 1 % of each kind and the truth.
func BenchmarkGenerate(b *testing.B) {
	g := generator(b, voice.Plan{Seed: 1, Prefixes: 40_000, Plant: planted(b, "all=1%"), Span: usage.Interval{From: day.From, To: day.From + 30*86_400_000}})
	for b.Loop() {
		if err := g.Write(io.Discard, io.Discard, day, million); err != nil {
			b.Fatal(err)
		}
	}
	perSecond(b, "rows", 2*million)
}

func BenchmarkReadUsage(b *testing.B) {
	a, _, _, _ := generate(b, 1, million, 40_000, voice.LivePlant)
	b.SetBytes(int64(len(a)))
	rows := 0
	for b.Loop() {
		rows = int(load(b, a, usage.Pair{}).Read)
	}
	perSecond(b, "rows", rows)
}

// BenchmarkKeepFiles keeps a million rows in files of ten thousand and reports
// what a row costs in memory, its record of 40 bytes and its id included.
func BenchmarkKeepFiles(b *testing.B) {
	a, _, _, _ := generate(b, 1, million, 40_000, voice.LivePlant)
	rows := bytes.SplitAfter(a, []byte("\n"))[1:]
	var before, after runtime.MemStats
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		files := voice.NewFiles(voice.Options{})
		for part := range slices.Chunk(rows, 10_000) {
			if _, err := files.Read(io.MultiReader(bytes.NewReader([]byte(voice.UsageHeader+"\n")), bytes.NewReader(bytes.Join(part, nil))), "part", "", nil); err != nil {
				b.Fatal(err)
			}
			files.Keep()
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(files)
	}
	perSecond(b, "rows", len(rows))
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(len(rows)), "B/row")
}

func BenchmarkRate(b *testing.B) {
	a, _, r, _ := generate(b, 1, million, 40_000, voice.LivePlant)
	batch, sheet := load(b, a, usage.Pair{}), loadSheet(b, r)
	for b.Loop() {
		rate(b, batch, sheet, "1h")
	}
	perSecond(b, "calls", len(batch.Records))
}

func BenchmarkFind(b *testing.B) {
	a, _, r, _ := generate(b, 1, million, 40_000, voice.LivePlant)
	batch, sheet := load(b, a, usage.Pair{}), loadSheet(b, r)
	sum := uint32(0)
	for b.Loop() {
		for i := range batch.Records {
			row, _ := sheet.Find(batch.Records[i].Destination, batch.Records[i].Origin, batch.Records[i].Start)
			sum += row
		}
	}
	perSecond(b, "calls", len(batch.Records))
}

func BenchmarkTotals(b *testing.B) {
	a, _, r, _ := generate(b, 1, million, 40_000, voice.LivePlant)
	rated := rate(b, load(b, a, usage.Pair{}), loadSheet(b, r), "1h")
	for b.Loop() {
		rated.Totals()
	}
	perSecond(b, "calls", len(rated.Calls))
}

func BenchmarkCommitLines(b *testing.B) {
	a, _, r, _ := generate(b, 1, million, 40_000, voice.LivePlant)
	rated := rate(b, load(b, a, usage.Pair{}), loadSheet(b, r), "1h")
	secret := bytes.Repeat([]byte{7}, 32)
	hider := usage.NewHider(make([]byte, 32))
	for b.Loop() {
		groups := rated.Groups()
		for i := range groups {
			g := &groups[i]
			if _, err := usage.Commit(secret, rated.Slot(g), rated.Take(g, hider), rated.Terms.Sheets[g.Way].Row(g.Row).Billed); err != nil {
				b.Fatal(err)
			}
		}
	}
	perSecond(b, "calls", len(rated.Calls))
}

func BenchmarkCompare(b *testing.B) {
	a, c, r, _ := generate(b, 1, million, 40_000, voice.LivePlant)
	sheet := loadSheet(b, r)
	ours := rate(b, load(b, a, usage.Pair{}), sheet, "1h")
	theirs := rate(b, load(b, c, ours.Batch.Pair), sheet, "1h")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := reconcile.Compare(ours, theirs, reconcile.DefaultTolerances); err != nil {
			b.Fatal(err)
		}
	}
	perSecond(b, "records", len(ours.Calls)+len(theirs.Calls))
}

// BenchmarkWholeJob reads, rates and compares two files, and reports the memory
// that is in use at the end beside the files themselves.
func BenchmarkWholeJob(b *testing.B) {
	a, c, r, _ := generate(b, 1, million, 40_000, voice.LivePlant)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	records := 0
	for b.Loop() {
		sheet := loadSheet(b, r)
		ours := rate(b, load(b, a, usage.Pair{}), sheet, "1h")
		theirs := rate(b, load(b, c, ours.Batch.Pair), sheet, "1h")
		result, err := reconcile.Compare(ours, theirs, reconcile.DefaultTolerances)
		if err != nil {
			b.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		records = len(ours.Calls) + len(theirs.Calls)
		runtime.KeepAlive([]any{result, rating.Terms{}})
	}
	perSecond(b, "records", records)
	b.ReportMetric(float64(after.HeapSys-before.HeapSys)/(1<<20), "MiB-heap")
}
