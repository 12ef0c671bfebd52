package sim

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

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
