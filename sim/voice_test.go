package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/reconcile"
)

// truth is what was planted in the shared files.
type truth struct {
	Ours, Theirs struct {
		Amount map[string]money.Micro `json:"amount"`
		Once   map[string]money.Micro `json:"amount_with_duplicates_once"`
		Read   uint64                 `json:"read"`
	}
	Planted map[string]uint64 `json:"planted"`
}

// The main job on files from elsewhere, as one monthly period: amounts equal the
// published totals to the last unit, and every planted difference is found.
func TestSharedFilesClearToTheirExactTotals(t *testing.T) {
	dir := sharedVoice(t)
	long(t)
	data, err := os.ReadFile(filepath.Join(dir, "truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want truth
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	r, err := Voice(ctx, VoiceOptions{
		Ours: filepath.Join(dir, "ours.csv"), Theirs: filepath.Join(dir, "theirs.csv"), Rates: filepath.Join(dir, "rates.csv"),
		Cycle: "1mo", Progress: t.Output(), Log: testLog(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(r.Text())
	if r.Periods != 1 || r.Records.Ours.Read != want.Ours.Read || r.Records.Theirs.Read != want.Theirs.Read || r.Records.Theirs.Duplicate != want.Planted["duplicate_theirs"] {
		t.Errorf("periods %d, records %+v", r.Periods, r.Records)
	}
	for _, total := range r.Totals {
		d := total.Direction.String()
		if total.RatedOurs != want.Ours.Amount[d] || total.RatedTheirs != want.Theirs.Once[d] {
			t.Errorf("%s rated %s and %s, want %s and %s", d, total.RatedOurs, total.RatedTheirs, want.Ours.Amount[d], want.Theirs.Once[d])
		}
		if total.Invoiced != total.Settled+total.Disputed {
			t.Errorf("%s: %s invoiced, %s settled, %s disputed: something is still due", d, total.Invoiced, total.Settled, total.Disputed)
		}
	}
	found := map[reconcile.Cause]uint64{}
	for _, d := range r.Differences {
		found[d.Cause] += d.Count
	}
	for cause, planted := range map[reconcile.Cause]string{
		reconcile.OnlyOurs: "only_ours", reconcile.OnlyTheirs: "only_theirs", reconcile.Skewed: "skewed",
		reconcile.Duration: "duration_billed", reconcile.Duplicate: "duplicate_theirs",
	} {
		if found[cause] != want.Planted[planted] {
			t.Errorf("%s: %d found, %d planted", cause, found[cause], want.Planted[planted])
		}
	}
	if r.StateRoot.Ours != r.StateRoot.Theirs || r.StateRoot.Ours.IsZero() || r.Anchors == 0 {
		t.Errorf("state roots %s and %s, %d anchors", r.StateRoot.Ours, r.StateRoot.Theirs, r.Anchors)
	}
	if d := r.Disputes; d.Opened != d.Resolved+d.Manual || d.Opened == 0 {
		t.Errorf("disputes %+v", d)
	}
}

// What two carriers owe each other by their files is really paid: by us with tokens
// out of a deposit, by them over a bank, in each currency; what is below a coin is
// carried, and told.
func TestTheJobEndsInPaymentsByTokenAndOverABank(t *testing.T) {
	long(t)
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	sheet := voice.SheetHeader + "\nGermany,49,0.123457,EUR,60,1,1,2026-10-01T00:00:00Z,\nUSA,1,0.050000,USD,60,1,1,2026-10-01T00:00:00Z,\n"
	var calls strings.Builder
	fmt.Fprintln(&calls, voice.UsageHeader)
	for i, c := range []struct {
		from, to, number string
		hour, minutes    int
	}{
		{"ALPHA", "BRAVO", "4930555", 8, 60}, {"BRAVO", "ALPHA", "4930556", 9, 50}, {"BRAVO", "ALPHA", "4930557", 10, 31},
		{"BRAVO", "ALPHA", "12125550", 10, 45}, {"ALPHA", "BRAVO", "12125551", 11, 30},
	} {
		fmt.Fprintf(&calls, "c-%d,41445550000,%s%04d,2026-11-02T%02d:00:00.000Z,%d,success,%s,%s,t\n", i, c.number, i, c.hour, c.minutes*60_000, c.from, c.to)
	}
	both := file("calls.csv", calls.String())
	r, err := Voice(within(t, 4*time.Minute), VoiceOptions{Ours: both, Theirs: both, Rates: file("rates.csv", sheet), Cycle: "1h", Settle: true,
		Progress: t.Output(), Log: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(r.Text())
	for _, x := range r.Totals {
		if x.Invoiced != x.Settled {
			t.Errorf("%+v is not settled", x)
		}
	}
	want := []Paid{
		{"ALPHA", "token", "EUR", 1, 0, 7_407_420, 0}, {"BRAVO", "bank", "EUR", 2, 0, 10_000_000, 17},
		{"ALPHA", "token", "USD", 1, 0, 1_500_000, 0}, {"BRAVO", "bank", "USD", 1, 0, 2_250_000, 0},
	}
	for i, p := range r.Payments {
		if byBank := p.Rail == "bank"; byBank != (p.Files > 0) || p.Files > p.Debts {
			t.Errorf("%d files for %d debts: %+v", p.Files, p.Debts, p)
		}
		r.Payments[i].Files = 0
	}
	if !slices.Equal(r.Payments, want) {
		t.Errorf("paid are %+v, want %+v", r.Payments, want)
	}
}
