package voice_test

import (
	"bytes"
	"compress/gzip"
	"maps"
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

var fullMix = voice.Mix{OnlyOurs: 200, OnlyTheirs: 150, DuplicateOurs: 60, DuplicateTheirs: 80, Skewed: 250, Duration: 200, RawOnly: 180, Withheld: 300}

func generate(t testing.TB, seed uint64, calls, prefixes int, mix voice.Mix) (ours, theirs, rates []byte, truth voice.Truth) {
	t.Helper()
	g, err := voice.NewGenerator(voice.Plan{Seed: seed, Ours: "ALPHA", Theirs: "BRAVO", Span: day, Prefixes: prefixes, Mix: mix})
	if err != nil {
		t.Fatal(err)
	}
	var a, b, r bytes.Buffer
	if err := g.WriteFiles(&a, &b, &r, calls); err != nil {
		t.Fatal(err)
	}
	return a.Bytes(), b.Bytes(), r.Bytes(), g.Truth()
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

func TestWhatTheGeneratorPlantsIsFoundToTheLastUnit(t *testing.T) {
	for range 3 {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		a, b, r, truth := generate(t, seed, 20_000, 2000, fullMix)
		sheet := loadSheet(t, r)
		ours := load(t, a, usage.Pair{})
		theirs := load(t, b, ours.Pair)
		result, err := reconcile.Compare(rate(t, ours, sheet, "1mo"), rate(t, theirs, sheet, "1mo"), reconcile.DefaultTolerances)
		if err != nil {
			t.Fatal(err)
		}
		got := voice.Planted{
			ReadOurs: ours.Read, ReadTheirs: theirs.Read, DuplicateOurs: uint64(len(ours.Duplicates)), DuplicateTheirs: uint64(len(theirs.Duplicates)),
			OnlyOurs: result.Counts.OnlyOurs, OnlyTheirs: result.Counts.OnlyTheirs, Skewed: result.Counts.Skewed,
			Duration: result.Counts.Duration, RawOnly: result.Counts.RawOnly,
		}
		if got != truth.Planted {
			t.Errorf("found   %+v\nplanted %+v", got, truth.Planted)
		}
		gotOurs, gotTheirs := map[string]string{}, map[string]string{}
		for _, total := range result.Totals {
			gotOurs[total.Direction.String()] = total.Ours.String()
			gotTheirs[total.Direction.String()] = total.Theirs.String()
		}
		if !maps.Equal(gotOurs, truth.Ours) || !maps.Equal(gotTheirs, truth.Theirs) {
			t.Errorf("rated %v and %v; true are %v and %v", gotOurs, gotTheirs, truth.Ours, truth.Theirs)
		}
	}
}

// The bytes of a plan are part of what users compare against: they change with
// the generator's version only.
func TestTheSamePlanGivesTheSameBytes(t *testing.T) {
	a1, b1, r1, _ := generate(t, 7, 500, 50, fullMix)
	a2, b2, r2, _ := generate(t, 7, 500, 50, fullMix)
	if !bytes.Equal(a1, a2) || !bytes.Equal(b1, b2) || !bytes.Equal(r1, r2) {
		t.Fatal("one seed gave two traffics")
	}
	a3, _, _, _ := generate(t, 8, 500, 50, fullMix)
	if bytes.Equal(a1, a3) {
		t.Fatal("two seeds gave one traffic")
	}
}

func TestCompressedAndPlainFilesReadAlike(t *testing.T) {
	a, _, _, _ := generate(t, 9, 300, 20, fullMix)
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
