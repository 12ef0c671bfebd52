package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lateral-network/lateral/compare"
	"github.com/lateral-network/lateral/line/voice"
)

// twoFiles writes two carriers' records of the same calls with differences.
func twoFiles(t *testing.T) (flags []string) {
	t.Helper()
	dir := t.TempDir()
	var files [2]strings.Builder
	for s := range files {
		files[s].WriteString(voice.UsageHeader + "\n")
		for i := range 400 {
			if s == 1 && i%50 == 7 {
				continue // theirs lack it
			}
			fmt.Fprintf(&files[s], "%d,4179%07d,4930%08d,2026-03-01T%02d:%02d:00Z,%d,success,ALPHA,BRAVO,t%d\n", i, i, 10_007*(i+1), i/60, i%60, 30_500+s*(i%3)*2000, s)
		}
	}
	for name, text := range map[string]string{"ours.csv": files[0].String(), "theirs.csv": files[1].String(),
		"rates.csv": "destination,prefix,rate,currency,unit_seconds,minimum_seconds,increment_seconds,valid_from,valid_to\nGermany,49,0.06,USD,60,0,1,2026-01-01T00:00:00Z,\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return []string{"compare", "--ours", filepath.Join(dir, "ours.csv"), "--theirs", filepath.Join(dir, "theirs.csv"), "--rates", filepath.Join(dir, "rates.csv")}
}

func TestCompareNamesDirectionsAsTheyAre(t *testing.T) {
	out, errs := exits(t, 0, append(twoFiles(t), "--json")...)
	if errs != "" {
		t.Errorf("something is said beside the document: %s", errs)
	}
	if !strings.Contains(out, `"ALPHA>BRAVO"`) || strings.Contains(out, `\u003e`) {
		t.Errorf("directions are not readable:\n%s", out)
	}
	var doc struct {
		Learned, Blocks []any
		Causes          []struct{ Evidence string }
	}
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Learned == nil || doc.Blocks == nil {
		t.Error("learned and blocks are no lists")
	}
	for _, c := range doc.Causes {
		if c.Evidence != "" {
			t.Errorf("there is evidence %q without a folder", c.Evidence)
		}
	}
}

func TestCompareWritesAFolderAndRefusesOneOfSomethingElse(t *testing.T) {
	flags, dir := twoFiles(t), filepath.Join(t.TempDir(), "march")
	for range 2 { // the second replaces the first
		out, _ := exits(t, 0, append(flags, "--out", dir)...)
		for _, part := range []string{"not explained", "what to do next", filepath.Join(dir, "waterfall.html")} {
			if !strings.Contains(out, part) {
				t.Errorf("the report lacks %q:\n%s", part, out)
			}
		}
	}
	out, _ := exits(t, 0, append(flags, "--out", dir, "--json")...)
	var doc struct {
		Causes []struct {
			Calls    int
			Evidence string
		}
	}
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, c := range doc.Causes {
		if c.Evidence == "" {
			continue
		}
		seen++
		if _, err := os.Stat(filepath.Join(dir, c.Evidence)); err != nil {
			t.Errorf("evidence that is not there: %v", err)
		}
	}
	if seen == 0 {
		t.Error("no cause has evidence")
	}
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "mine"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, errs := exits(t, 1, append(flags, "--out", other)...); !strings.Contains(errs, "conflict") || !strings.Contains(errs, "hint: choose another folder") {
		t.Errorf("a folder of something else: %s", errs)
	}
}

func TestCompareWarnsOfAFileThatBreaksOff(t *testing.T) {
	flags := twoFiles(t)
	flags[4] = filepath.Join(t.TempDir(), "theirs.csv.gz")
	if err := os.WriteFile(flags[4], gzipped(t, strings.Replace(flags[2], "ours", "theirs", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	out, errs := exits(t, 0, flags...)
	if !strings.Contains(errs, "warning: "+flags[4]+": the file breaks off after line") || !strings.Contains(out, "both sides have") {
		t.Errorf("%s\n%s", errs, out)
	}
}

func TestAFileIsNoTerminal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := newBar(f)
	b.show("reading", 1, 2)
	b.end()
	if info, err := f.Stat(); err != nil || info.Size() != 0 {
		t.Errorf("the bar is drawn into a file: %v %v", info, err)
	}
}

func TestTheBarShowsStageRateAndRestOnOneLine(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(0, 0)
	b := &bar{out: &out, width: 80, now: func() time.Time { return now }}
	b.show("reading a.csv", 0, 200e6)
	now = now.Add(50 * time.Millisecond)
	b.show("reading a.csv", 1e6, 200e6) // too soon
	now = now.Add(3950 * time.Millisecond)
	b.show("reading a.csv", 50e6, 200e6)
	b.end()
	want := "\r[" + strings.Repeat(" ", 40) + "]  reading a.csv    0 %\x1b[K" +
		"\r[" + strings.Repeat("=", 9) + strings.Repeat(" ", 27) + "]  reading a.csv   25 %  12 MB/s  12s left\x1b[K" + "\r\x1b[K"
	if got := out.String(); got != want {
		t.Errorf("the bar is\n%q\nwant\n%q", got, want)
	}
	for _, width := range []int{20, 40, 80, 200} {
		b.width = width
		if line := b.line(1e6, 200e6, time.Hour); len([]rune(line)) >= width {
			t.Errorf("%d columns: %q", width, line)
		}
	}
}

// gzipped gives the first half of a file, compressed, as a transfer that broke
// off leaves it.
func gzipped(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()[:b.Len()/2]
}

func TestCompareSaysWhatIsWrongWithItsInput(t *testing.T) {
	flags, dir := twoFiles(t), t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const (
		ours, theirs, rates = 2, 4, 6 // places in the flags
		more                = -1
	)
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	sheet := string(read(t, flags[rates]))
	for name, c := range map[string]struct {
		at    int
		with  []string
		code  int
		words []string // of what is said, on both streams
	}{
		"our records are missing":        {ours, []string{filepath.Join(dir, "gone")}, 1, []string{"not-found", "gone cannot be read", "hint: name a file"}},
		"their records are missing":      {theirs, []string{filepath.Join(dir, "gone")}, 1, []string{"not-found", "gone cannot be read"}},
		"the sheet is missing":           {rates, []string{filepath.Join(dir, "gone")}, 1, []string{"not-found", "gone cannot be read"}},
		"the invoice is missing":         {more, []string{"--their-invoice", filepath.Join(dir, "gone")}, 1, []string{"not-found"}},
		"the deal is missing":            {more, []string{"--deal", filepath.Join(dir, "gone")}, 1, []string{"not-found"}},
		"empty records":                  {ours, []string{file("empty.csv", "")}, 1, []string{"empty.csv is empty"}},
		"an empty sheet":                 {rates, []string{file("empty.csv", "")}, 1, []string{"bad-header", "hint: begin the file with the line destination,prefix"}},
		"an empty invoice":               {more, []string{"--their-invoice", file("empty.csv", "")}, 1, []string{"bad-header", "hint: begin the file with the line carrier_from"}},
		"a folder as records":            {ours, []string{dir}, 1, []string{"is a folder", "hint: name a file in it"}},
		"a folder as a sheet":            {rates, []string{dir}, 1, []string{"is a folder"}},
		"a folder as an invoice":         {more, []string{"--their-invoice", dir}, 1, []string{"is a folder"}},
		"a folder as a deal":             {more, []string{"--deal", dir}, 1, []string{"is a folder"}},
		"a pipe as records":              {theirs, []string{pipe}, 1, []string{"is no file but a stream", "hint: write what it gives into a file"}},
		"one file for both":              {theirs, []string{flags[ours]}, 0, []string{"warning: --ours and --theirs are one file", "only theirs 0"}},
		"records of another kind":        {ours, []string{flags[rates]}, 1, []string{"bad-header", "lateral records profiles"}},
		"records with a header alone":    {ours, []string{file("header.csv", voice.UsageHeader+"\n")}, 0, []string{"only theirs 392"}},
		"a sheet with a header alone":    {rates, []string{file("none.csv", sheet[:strings.Index(sheet, "\n")+1])}, 1, []string{"empty-sheet"}},
		"a sheet with a bad row":         {rates, []string{file("bad.csv", sheet+"France,33,much,USD,60,0,1,2026-01-01T00:00:00Z,\n")}, 1, []string{"sheet-refused", "line 3", "much"}},
		"an invoice with a bad row":      {more, []string{"--their-invoice", file("badi.csv", compare.InvoiceHeader+"\nALPHA,BRAVO\n")}, 1, []string{"invoice-refused", "line 2", "2 fields, not 10"}},
		"an invoice of other carriers":   {more, []string{"--their-invoice", file("strange.csv", compare.InvoiceHeader+"\nALPHA,CHARLIE,2026-03-01T00:00:00Z,2026-04-01T00:00:00Z,Germany,1,60,1,USD,1\n")}, 1, []string{"invoice-refused", "line 2", "ALPHA>CHARLIE"}},
		"a deal that says nonsense":      {more, []string{"--deal", file("bad.yaml", "volume: 5\n")}, 1, []string{"bad-deal"}},
		"a carrier that is not there":    {more, []string{"--us", "CHARLIE"}, 1, []string{"hint: name ALPHA or BRAVO"}},
		"a tolerance below nothing":      {more, []string{"--start-tolerance=-3s"}, 2, []string{"start-tolerance"}},
		"a rounding that is none":        {more, []string{"--round", "month"}, 2, []string{"is no rounding"}},
		"a period that is none":          {more, []string{"--period", "7s"}, 2, []string{"bad-cycle"}},
		"an unknown flag":                {more, []string{"--colour"}, 2, []string{"--colour"}},
		"a file where the folder is due": {more, []string{"--out", flags[ours]}, 1, []string{"conflict (out)", "is a file"}},
	} {
		t.Run(name, func(t *testing.T) {
			args := slices.Clone(flags)
			if c.at == more {
				args = append(args, c.with...)
			} else {
				args[c.at] = c.with[0]
			}
			out, errs := exits(t, c.code, args...)
			said := strings.Join(strings.Fields(out+errs), " ")
			for _, w := range c.words {
				if !strings.Contains(said, w) {
					t.Errorf("nothing says %q:\n%s%s", w, out, errs)
				}
			}
			if c.code != 0 && (out != "" || !strings.Contains(errs, "hint: ")) {
				t.Errorf("no hint, or a result beside an error:\n%s%s", out, errs)
			}
		})
	}
}

func TestAnInterruptedCompareLeavesNothingOfItsOwnAndTheOldFolderWhole(t *testing.T) {
	flags, dir, temp := twoFiles(t), filepath.Join(t.TempDir(), "march"), t.TempDir()
	t.Setenv("TMPDIR", temp)
	exits(t, 0, append(flags, "--out", dir)...)
	files := func() map[string]string {
		out := map[string]string{}
		if err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				out[path] = string(read(t, path))
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return out
	}
	before := files()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs bytes.Buffer
	if code := run(ctx, append(flags, "--out", dir, "--round", "call:up:2"), terminal{out: &out, err: &errs}); code == 0 || out.Len() > 0 {
		t.Errorf("exit %d, %s%s", code, &out, &errs)
	}
	if after := files(); !maps.Equal(before, after) {
		t.Errorf("the folder holds %d files, it held %d, or they are others", len(after), len(before))
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("temporary files are left: %v %v", left, err)
	}
}

func TestCompareFollowsFilesToTheirEnd(t *testing.T) {
	flags := twoFiles(t)
	whole, _ := exits(t, 0, append(flags, "--json")...)
	out, _ := exits(t, 0, append(flags, "--follow", "--once", "--json")...)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var want struct{ Matched, Amount any }
	var got struct {
		Total       struct{ Matched, Amount any }
		Adjustments []any
	}
	if err := json.Unmarshal([]byte(whole), &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if fmt.Sprint(got.Total) != fmt.Sprint(want) || got.Adjustments == nil {
		t.Errorf("followed: %v, whole: %v", got, want)
	}
	if out, _ = exits(t, 0, append(flags, "--follow", "--once")...); !strings.Contains(out, "only ours +8") || !strings.Contains(out, "ALPHA>BRAVO USD") {
		t.Errorf("the text is %q", out)
	}
	for _, more := range [][]string{{"--follow", "--out", t.TempDir()}, {"--once"}, {"--follow", "--theirs", flags[2]}} {
		exits(t, 2, append(flags, more...)...)
	}
	exits(t, 1, append(flags, "--follow", "--signals")...)
}
