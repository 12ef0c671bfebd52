package bench

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
)

func TestMoneyCountsWhatIsFinalAndEndsWithEveryUnitAccountedFor(t *testing.T) {
	profile := filepath.Join(t.TempDir(), "cpu")
	// On a machine that others keep busy a second may pass without a block.
	var r MoneyResult
	var err error = fault.New(fault.Unavailable, "nothing is measured yet", "measure")
	for took := time.Second; fault.CodeOf(err) == fault.Unavailable && took < time.Minute; took *= 4 {
		r, err = Money(t.Context(), MoneyOptions{Duration: took, WarmUp: 100 * time.Millisecond, Transfers: 20, InFlight: 4, Obligations: 30, Each: 7, Samples: 2,
			Compression: CompressionOptions{Carriers: 20, Obligations: 200, Runs: 1}, Dir: t.TempDir(), Profile: profile})
	}
	if err != nil {
		t.Fatal(err)
	}
	if p := r.Public; p.Postings != 20*p.Commands || p.PerSecond <= 0 || p.P99 < p.P50 || p.Size == 0 {
		t.Errorf("public: %+v", p)
	}
	for name, p := range map[string]PostingRate{"private": r.Private, "execution": r.Execution} {
		if p.Postings != 90 || p.Commands != 5 || p.Each != 21 || p.PerSecond <= 0 {
			t.Errorf("%s: %+v", name, p)
		}
	}
	if s := r.Settling; s.Samples != 2 || s.P50 <= 0 || s.P99 < s.P50 {
		t.Errorf("from usage to money: %+v", s)
	}
	c := r.Checks
	// Each of 32 bills is final, then due, then paid.
	if c.Machines != 6 || c.Sum != 0 || c.Supply != c.Reserve || c.Supply != 20*million || !c.Replay || c.Blocks == 0 || c.Entries < 32 {
		t.Errorf("checks: %+v", c)
	}
	if len(r.Compression.Methods) != 4 || len(r.PublicParts) == 0 {
		t.Errorf("%+v", r)
	}
	for _, file := range []string{profile, profile + ".private", profile + ".execution"} {
		if s, err := os.Stat(file); err != nil || s.Size() == 0 {
			t.Errorf("the profile %s: %v", file, err)
		}
	}
	text := r.Text()
	for _, want := range []string{"postings/s", "usage to money", "recount      6 machines", "give the same balances: true", "greedy", "machine"} {
		if !strings.Contains(text, want) {
			t.Errorf("the text does not tell %q:\n%s", want, text)
		}
	}
	var back MoneyResult
	if raw, err := json.Marshal(r); err != nil || json.Unmarshal(raw, &back) != nil || back.Checks != c {
		t.Errorf("as JSON: %v", err)
	}
}

func TestImpossibleAmountsOfMoneyAreInvalid(t *testing.T) {
	for name, o := range map[string]MoneyOptions{
		"too many transfers in a command": {Transfers: 1001}, "one command in flight": {InFlight: 1}, "no obligation": {Obligations: -1},
		"too many in a payment": {Each: 2001}, "no sample": {Samples: -1}, "time that runs back": {Duration: -1}, "no carriers": {Compression: CompressionOptions{Carriers: 2}},
	} {
		if _, err := Money(t.Context(), o); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
