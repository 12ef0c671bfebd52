package sim

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/line/voice"
)

const (
	oneCall  = voice.UsageHeader + "\n" + "1,4915112345678,33123456789,2026-03-01T10:00:00Z,61000,success,ALPHA,BRAVO,t\n"
	oneSheet = "destination,prefix,rate,currency,unit_seconds,minimum_seconds,increment_seconds,valid_from,valid_to\nFrance,33,0.01,USD,60,1,1,2026-01-01T00:00:00Z,\n"
)

func inputOf(t *testing.T, ours, theirs string) (VoiceOptions, string) {
	t.Helper()
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return VoiceOptions{Ours: write("ours.csv", ours), Theirs: write("theirs.csv", theirs), Rates: write("rates.csv", oneSheet), Cycle: "1h"}, dir
}

func TestAFileMayComeThroughAPipe(t *testing.T) {
	o, dir := inputOf(t, oneCall, oneCall)
	o.Ours = filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(o.Ours, 0o600); err != nil {
		t.Skip("this system makes no pipes by name: ", err)
	}
	go os.WriteFile(o.Ours, []byte(oneCall), 0o600) // ends when it is read
	in, err := readInput(o)
	if err != nil || len(in.ours.Records) != 1 {
		t.Fatalf("%+v, %v", in.ours, err)
	}
	again, err := os.ReadFile(in.files[0])
	if err != nil || string(again) != oneCall {
		t.Errorf("the file that is imported holds %q, %v", again, err)
	}
	in.close()
	if _, err := os.Stat(in.files[0]); !os.IsNotExist(err) {
		t.Errorf("the file that was made of the pipe is still there: %v", err)
	}
}

func TestASideThatHasLostAllItsRecordsIsCleared(t *testing.T) {
	o, _ := inputOf(t, voice.UsageHeader+"\n", oneCall)
	in, err := readInput(o)
	if err != nil || in.us != "ALPHA" || in.them != "BRAVO" || in.ours.Read != 0 || len(in.theirs.Records) != 1 {
		t.Errorf("us %s, them %s, %v", in.us, in.them, err)
	}
}

func TestInputThatCannotBeUsedIsRefusedBeforeANetworkStarts(t *testing.T) {
	empty := voice.UsageHeader + "\n"
	bad := oneSheet + "Spain,34,x,USD,60,1,1,2026-01-01T00:00:00Z,\nItaly,39,1,XXX,60,1,1,2026-01-01T00:00:00Z,\n"
	for name, c := range map[string]struct {
		change func(o *VoiceOptions, dir string)
		code   fault.Code
		says   string
	}{
		"no row on either side":    {func(o *VoiceOptions, _ string) { o.Ours, o.Theirs = write(t, empty), write(t, empty) }, fault.Invalid, "no good row"},
		"a folder":                 {func(o *VoiceOptions, dir string) { o.Theirs = dir }, fault.Invalid, "is a folder"},
		"a file that is not there": {func(o *VoiceOptions, dir string) { o.Ours = dir + "/none" }, fault.NotFound, "cannot be read"},
		"a carrier called as a folder of the network": {func(o *VoiceOptions, _ string) {
			o.Ours = write(t, strings.ReplaceAll(oneCall, "ALPHA", "validator-1"))
		}, fault.Invalid, "a place of its own"},
		"two bad rows of a sheet": {func(o *VoiceOptions, _ string) { o.Rates = write(t, bad) }, "", "line 4"},
	} {
		o, dir := inputOf(t, oneCall, oneCall)
		c.change(&o, dir)
		_, err := readInput(o)
		if err == nil || c.code != "" && fault.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.csv")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAJobIsGivenUpOnlyWhenNothingChanges(t *testing.T) {
	var s stall
	now := time.Now()
	for i, c := range []struct {
		what  string
		at    [2]uint64
		after time.Duration
		over  bool
	}{
		{"a", [2]uint64{1, 1}, time.Hour, false},
		{"a", [2]uint64{1, 1}, patience - time.Second, false},
		{"a", [2]uint64{1, 2}, time.Hour, false},
		{"b", [2]uint64{1, 2}, time.Hour, false},
		{"b", [2]uint64{1, 2}, patience, true},
	} {
		now = now.Add(c.after)
		if s.over(c.what, c.at, now) != c.over {
			t.Errorf("step %d: over is %t", i, !c.over)
		}
	}
}

// The robots of the sandbox could sign in five currencies, and for a thousand
// million at most: any other job waited for ever.
func TestAnyCurrencyAndAmountIsSettled(t *testing.T) {
	o, _ := inputOf(t, oneCall, oneCall)
	o.Rates = write(t, strings.Replace(oneSheet, "0.01,USD", "1200000000,KWD", 1))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	r, err := Voice(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	const amount = 1_220_000_000_000_000 // 61 s of a rate for each 60
	if len(r.Totals) != 1 || r.Totals[0].Currency != "KWD" || r.Totals[0].Invoiced != amount || r.Totals[0].Settled != amount {
		t.Errorf("the totals are %+v", r.Totals)
	}
}
