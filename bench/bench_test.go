package bench

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
)

func TestCommandsHaveTheSizeThatIsMeasuredAndDiffer(t *testing.T) {
	s := newSource(1, 0)
	seen := map[string]bool{}
	for range 1000 {
		b := canon.Must(s.document())
		if len(b) != commandBytes {
			t.Fatalf("a command has %d bytes, want %d", len(b), commandBytes)
		}
		seen[string(b)] = true
	}
	if len(seen) != 1000 {
		t.Fatalf("%d different commands of 1000", len(seen))
	}
	if string(canon.Must(newSource(1, 0).document())) != string(canon.Must(newSource(1, 0).document())) {
		t.Fatal("one seed gives two loads")
	}
}

func TestLedgerMeasuresWhatBothMembersExecute(t *testing.T) {
	// On a machine that others keep busy a second may pass without a block.
	var r LedgerResult
	var err error = fault.New(fault.Unavailable, "nothing is measured yet", "measure")
	for took := time.Second; fault.CodeOf(err) == fault.Unavailable && took < time.Minute; took *= 4 {
		r, err = Ledger(t.Context(), LedgerOptions{Runs: 1, Duration: took, WarmUp: 300 * time.Millisecond, InFlight: 40, Signed: true, Bare: true, Dir: t.TempDir()})
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]*Rate{"commands": &r.Commands, "signed": r.Signed, "bare": r.Bare} {
		if x == nil || x.PerSecond <= 0 || x.P50 <= 0 || x.P99 < x.P50 || x.CPU <= 0 || len(x.Each) != 1 {
			t.Errorf("%s: %+v", name, x)
		}
	}
	if r.Commands.Size != commandBytes || r.Signed.Size <= commandBytes || r.Ratio <= 0 || len(r.Parts) == 0 {
		t.Errorf("%+v", r)
	}
	text := r.Text()
	for _, want := range []string{"commands/s", "each signed", "engine alone", "ratio", "settings", "mempool", "CPU"} {
		if !strings.Contains(text, want) {
			t.Errorf("the text does not tell %q:\n%s", want, text)
		}
	}
}

func TestRatingMeasuresEachNumberOfGoroutines(t *testing.T) {
	r, err := Rating(t.Context(), RatingOptions{Prefixes: 100, Calls: 2000, Runs: 1, Goroutines: []int{1, 3}})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Rates) != 2 || r.Rates[0].Rated <= 0 || r.Rates[1].Found <= 0 || r.Rows < 100 || !strings.Contains(r.Text(), "goroutines 3") {
		t.Fatalf("%+v", r)
	}
}

func TestRatingIsMeasuredOnOneProcessorAndOnAll(t *testing.T) {
	r, err := Rating(t.Context(), RatingOptions{Prefixes: 100, Calls: 1000, Runs: 1})
	if err != nil {
		t.Fatal(err)
	}
	if first, last := r.Rates[0].Goroutines, r.Rates[len(r.Rates)-1].Goroutines; first != 1 || last != runtime.GOMAXPROCS(0) {
		t.Errorf("measured with %d and %d goroutines of %d", first, last, runtime.GOMAXPROCS(0))
	}
}

func TestImpossibleOptionsAreInvalid(t *testing.T) {
	if _, err := Ledger(t.Context(), LedgerOptions{InFlight: 1}); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("one command in flight: %v", err)
	}
	if _, err := Rating(t.Context(), RatingOptions{Prefixes: 20, Calls: 2, Goroutines: []int{3}}); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("more goroutines than calls: %v", err)
	}
}

func TestAProfileIsDividedByWhatTheTimeWasFor(t *testing.T) {
	got := divide([]sample{
		{[]string{"internal/merkle.update", "channel.(*Member).execute"}, 30},
		{[]string{"crypto/sha256.block", "channel.(*draft).execute", "channel.(*Member).execute"}, 50},
		{[]string{"somewhere.else"}, 20},
	}, 10)
	want := []Part{{"members: executing commands", 5}, {"members: state tree and block log", 3}, {elsewhere, 2}}
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
}

func TestADamagedProfileIsRefused(t *testing.T) {
	if _, err := readProfile([]byte("no profile")); err == nil {
		t.Error("text was read as a profile")
	}
	for _, b := range [][]byte{{0x12}, {0x12, 0x05, 0x01}, {0x13, 0x01}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}} {
		if err := fields(b, func(int, uint64, []byte) error { return nil }); err == nil {
			t.Errorf("%x was read as fields", b)
		}
	}
}
