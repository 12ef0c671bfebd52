package voice_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/reconcile"
	"github.com/lateral-network/lateral/trade/usage"
)

// sharedVoice is a day of calls made by a generator apart from this project,
// with the totals that it counted.
const sharedVoice = "../../../shared/data/voice"

func open(t testing.TB, path string) *os.File {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func readUsage(t testing.TB, path string, pair usage.Pair) *usage.Batch {
	t.Helper()
	b, err := voice.ReadUsage(open(t, path), voice.Options{Pair: pair})
	if err != nil {
		t.Fatal(err)
	}
	if got := uint64(len(b.Records)) + uint64(len(b.Duplicates)) + b.Refused; got != b.Read {
		t.Fatalf("%s: read %d rows, but accepted + duplicate + refused = %d", path, b.Read, got)
	}
	return b
}

func readSheet(t testing.TB, path string) *rating.Sheet {
	t.Helper()
	s, rejects, err := voice.ReadSheet(open(t, path))
	if err != nil {
		t.Fatal(err, rejects)
	}
	return s
}

func rate(t testing.TB, b *usage.Batch, s *rating.Sheet, cycle string) *rating.Rated {
	t.Helper()
	calendar, err := usage.Cycle{Length: cycle}.Calendar()
	if err != nil {
		t.Fatal(err)
	}
	r, err := rating.Rate(b, rating.Terms{Sheets: [2]*rating.Sheet{s, s}, Calendar: calendar}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTheSharedFilesGiveTheTotalsOfTheirGenerator(t *testing.T) {
	if _, err := os.Stat(sharedVoice); err != nil {
		t.Skip("needs ../shared/data/voice beside the module")
	}
	var truth struct {
		Ours struct {
			Read   uint64
			Amount map[string]string
		}
		Theirs struct {
			Read   uint64
			Amount map[string]string `json:"amount_with_duplicates_once"`
		}
		Planted map[string]uint64
	}
	data, err := os.ReadFile(filepath.Join(sharedVoice, "truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &truth); err != nil {
		t.Fatal(err)
	}
	sheet := readSheet(t, filepath.Join(sharedVoice, "rates.csv"))
	ours := readUsage(t, filepath.Join(sharedVoice, "ours.csv"), usage.Pair{})
	theirs := readUsage(t, filepath.Join(sharedVoice, "theirs.csv"), ours.Pair)
	if ours.Read != truth.Ours.Read || theirs.Read != truth.Theirs.Read || ours.Refused+theirs.Refused > 0 {
		t.Errorf("read %d and %d rows, refused %d and %d; want %d and %d, none refused",
			ours.Read, theirs.Read, ours.Refused, theirs.Refused, truth.Ours.Read, truth.Theirs.Read)
	}
	if got := uint64(len(theirs.Duplicates)); got != truth.Planted["duplicate_theirs"] || len(ours.Duplicates) > 0 {
		t.Errorf("%d duplicates in theirs, %d in ours", got, len(ours.Duplicates))
	}
	result, err := reconcile.Compare(rate(t, ours, sheet, "1mo"), rate(t, theirs, sheet, "1mo"), reconcile.DefaultTolerances)
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Totals) != 2 {
		t.Fatalf("%d totals: %+v", len(result.Totals), result.Totals)
	}
	for _, total := range result.Totals {
		d := total.Direction.String()
		if total.Ours.String() != truth.Ours.Amount[d] || total.Theirs.String() != truth.Theirs.Amount[d] {
			t.Errorf("%s: ours %s, theirs %s; want %s and %s", d, total.Ours, total.Theirs, truth.Ours.Amount[d], truth.Theirs.Amount[d])
		}
	}
	for _, c := range []struct {
		name string
		got  uint64
	}{
		{"only_ours", result.Counts.OnlyOurs},
		{"only_theirs", result.Counts.OnlyTheirs},
		{"skewed", result.Counts.Skewed},
		{"duration_billed", result.Counts.Duration},
		{"duration_raw_only", result.Counts.RawOnly},
	} {
		if c.got != truth.Planted[c.name] {
			t.Errorf("%s: found %d, planted %d", c.name, c.got, truth.Planted[c.name])
		}
	}
	t.Logf("%+v", result.Counts)
	for _, d := range result.Differences {
		t.Logf("%+v", d)
	}
}
