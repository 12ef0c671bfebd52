package voice_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/reconcile"
	"github.com/lateral-network/lateral/trade/usage"
)

// day is 2026-11-02 in UTC.
var day = usage.Interval{From: 1_793_577_600_000, To: 1_793_664_000_000}

// singly is planted in single calls and found by the comparison without sheets
// of its own.
var singly = voice.Plant{"duplicate": 14_000, "missing_random": 35_000, "clock_skew": 25_000, "duration_rounding": 30_000}

// generate makes two files with what is planted in single calls, and the sheet.
func generate(t testing.TB, seed uint64, calls, prefixes int, plant voice.Plant) (ours, theirs, rates []byte, truth voice.Truth) {
	t.Helper()
	f := files(t, voice.Plan{Seed: seed, Prefixes: prefixes, Plant: plant, Single: true}, calls)
	return f.ours, f.theirs, f.rates, f.truth
}

// made is everything that one plan gives.
type made struct {
	ours, theirs, rates, theirRates, invoice []byte
	truth                                    voice.Truth
}

// files carries out a plan between ALPHA and BRAVO, on the day unless it says
// otherwise.
func files(t testing.TB, p voice.Plan, calls int) (m made) {
	t.Helper()
	g := generator(t, p)
	var out [5]bytes.Buffer
	if err := errors.Join(g.WriteFiles(&out[0], &out[1], &out[2], calls), g.WriteTheirSheet(&out[3]), g.WriteInvoice(&out[4])); err != nil {
		t.Fatal(err)
	}
	return made{out[0].Bytes(), out[1].Bytes(), out[2].Bytes(), out[3].Bytes(), out[4].Bytes(), g.Truth()}
}

func generator(t testing.TB, p voice.Plan) *voice.Generator {
	t.Helper()
	p.Ours, p.Theirs = "ALPHA", "BRAVO"
	if p.Span.IsZero() {
		p.Span = day
	}
	g, err := voice.NewGenerator(p)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// planted parses what is to be planted.
func planted(t testing.TB, text string) voice.Plant {
	t.Helper()
	p, err := voice.ParsePlant(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func load(t testing.TB, file []byte, pair usage.Pair) *usage.Batch {
	t.Helper()
	b, err := voice.ReadUsage(bytes.NewReader(file), voice.Options{Pair: pair})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func loadSheet(t testing.TB, file []byte) *rating.Sheet {
	t.Helper()
	s, rejects, err := voice.ReadSheet(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err, rejects)
	}
	return s
}

func TestWhatIsPlantedInSingleCallsIsFoundToTheLastUnit(t *testing.T) {
	for range 3 {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		a, b, r, truth := generate(t, seed, 20_000, 2000, singly)
		sheet := loadSheet(t, r)
		ours := load(t, a, usage.Pair{})
		theirs := load(t, b, ours.Pair)
		result, err := reconcile.Compare(rate(t, ours, sheet, "1mo"), rate(t, theirs, sheet, "1mo"), reconcile.DefaultTolerances)
		if err != nil {
			t.Fatal(err)
		}
		rows := func(b *usage.Batch) voice.TrueRows {
			return voice.TrueRows{Read: b.Read, Accepted: uint64(len(b.Records)), Rejected: b.Refused, Duplicate: uint64(len(b.Duplicates))}
		}
		if got := (voice.TrueRecords{Ours: rows(ours), Theirs: rows(theirs)}); got != truth.Records {
			t.Errorf("read %+v, true is %+v", got, truth.Records)
		}
		c := result.Counts
		if got := (voice.TrueMatched{Exact: c.Exact, Skewed: c.Skewed, Duration: c.Duration, RawOnly: c.RawOnly}); got != truth.Matched ||
			c.OnlyOurs != truth.OnlyOurs || c.OnlyTheirs != truth.OnlyTheirs {
			t.Errorf("found %+v, true are %+v, %d, %d", c, truth.Matched, truth.OnlyOurs, truth.OnlyTheirs)
		}
		for _, total := range result.Totals {
			d := total.Direction.String()
			if total.Ours != truth.Totals.Ours[d]["USD"] || total.Theirs != truth.Totals.Theirs[d]["USD"] {
				t.Errorf("%s rated %s and %s; true are %v", d, total.Ours, total.Theirs, truth.Totals)
			}
		}
		for _, d := range result.Differences {
			if d.Cause == reconcile.Duplicate && d.Amount != truth.Causes[0].Amount[d.Direction.String()]["USD"] {
				t.Errorf("duplicates add %s to %s; true are %v", d.Amount, d.Direction, truth.Causes[0].Amount)
			}
		}
	}
}

func TestCompressedAndPlainFilesReadAlike(t *testing.T) {
	a, _, _, _ := generate(t, 9, 300, 20, singly)
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write(a)
	w.Close()
	windows := []byte("\xef\xbb\xbf" + strings.ReplaceAll(string(a), "\n", "\r\n"))
	quoted := []byte(strings.ReplaceAll(string(a), ",ALPHA,", `,"ALPHA",`))
	want := load(t, a, usage.Pair{})
	for name, file := range map[string][]byte{"gzip": z.Bytes(), "byte order mark and CRLF": windows, "quotes": quoted, "no last line break": a[:len(a)-1]} {
		got := load(t, file, usage.Pair{})
		if len(got.Records) != len(want.Records) || got.Read != want.Read || got.Refused != 0 {
			t.Errorf("%s: %d records of %d rows, %d refused; want %d of %d", name, len(got.Records), got.Read, got.Refused, len(want.Records), want.Read)
			continue
		}
		for i := range got.Records {
			if got.Records[i] != want.Records[i] {
				t.Errorf("%s: record %d is %+v, want %+v", name, i, got.Records[i], want.Records[i])
				break
			}
		}
	}
}
