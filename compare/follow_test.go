package compare

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/rating"
)

// following is a follower at work.
type following struct {
	t       *testing.T
	paths   [2]string
	deltas  chan *Delta
	done    chan error
	stop    func()
	mu      sync.Mutex
	warned  []string
	refused []Refusal
	last    *Delta
}

func files2(t *testing.T) [2]string {
	dir := t.TempDir()
	return [2]string{filepath.Join(dir, "ours.csv"), filepath.Join(dir, "theirs.csv")}
}

func follow(t *testing.T, paths [2]string, once bool) *following {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	f := &following{t: t, paths: paths, deltas: make(chan *Delta), done: make(chan error, 1), stop: stop}
	run := Follow{Job: Job{Rates: [2]*rating.Sheet{sheet(t, germany...)}, StartTolerance: 3 * time.Second}, Paths: paths, Every: 20 * time.Millisecond, Horizon: time.Hour, Once: once,
		Warn: func(s string) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.warned = append(f.warned, s)
		},
		Delta: func(d *Delta) error {
			select {
			case f.deltas <- d:
			case <-ctx.Done():
			}
			return nil
		}}
	go func() { f.done <- run.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		<-f.done
	})
	return f
}

// until takes deltas until one is as wanted.
func (f *following) until(want func(*Delta) bool) {
	f.t.Helper()
	deadline := time.After(time.Minute)
	for {
		select {
		case d := <-f.deltas:
			f.last = d
			f.refused = slices.Concat(f.refused, d.Rejects[ours], d.Rejects[theirs])
			if want(d) {
				return
			}
		case err := <-f.done:
			f.done <- err
			f.t.Fatalf("it ended: %v; the last delta is %+v", err, f.last)
		case <-deadline:
			f.t.Fatalf("it does not come; the last delta is %+v", f.last)
		}
	}
}

// end takes deltas until all is read.
func (f *following) end() error {
	for {
		select {
		case d := <-f.deltas:
			f.last = d
			f.refused = slices.Concat(f.refused, d.Rejects[ours], d.Rejects[theirs])
		case err := <-f.done:
			f.done <- err
			return err
		}
	}
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// rowsFrom is calls of a minute, a minute apart, beginning with the n-th.
func rowsFrom(side string, n, count int) (text string) {
	for i := n; i < n+count; i++ {
		text += minute(fmt.Sprintf("%s%d", side, i), noon.Add(time.Duration(i)*time.Minute)) + "\n"
	}
	return text
}

func pairs(n int64) func(*Delta) bool {
	return func(d *Delta) bool { return d.Total.Matched.Exact == n }
}

func TestGrowingFilesAreFollowed(t *testing.T) {
	paths := files2(t)
	appendTo(t, paths[ours], voice.UsageHeader+"\n"+rowsFrom("A", 0, 3))
	appendTo(t, paths[theirs], "")
	f := follow(t, paths, false) // waits for a record of theirs
	appendTo(t, paths[theirs], voice.UsageHeader+"\n"+rowsFrom("B", 0, 2))
	f.until(pairs(2))
	// A row counts when its line is whole.
	rows := rowsFrom("B", 2, 2)
	appendTo(t, paths[theirs], rows[:len(rows)-20])
	f.until(pairs(3))
	appendTo(t, paths[theirs], rows[len(rows)-20:])
	appendTo(t, paths[ours], rowsFrom("A", 3, 1))
	f.until(pairs(4))
	if len(f.refused) > 0 {
		t.Errorf("%+v", f.refused)
	}
	f.stop()
	if err := f.end(); err != nil {
		t.Errorf("interrupted: %v", err)
	}
}

func TestABadRowOfAFollowedFileIsNamedByItsLine(t *testing.T) {
	paths := files2(t)
	appendTo(t, paths[ours], voice.UsageHeader+"\n"+rowsFrom("A", 0, 2)+"nonsense\n")
	appendTo(t, paths[theirs], voice.UsageHeader+"\n"+rowsFrom("B", 0, 2))
	f := follow(t, paths, false)
	f.until(pairs(2))
	appendTo(t, paths[ours], rowsFrom("A", 2, 1)+"more nonsense\n")
	appendTo(t, paths[theirs], rowsFrom("B", 2, 1))
	f.until(pairs(3))
	if len(f.refused) != 2 || f.refused[0].Line != 4 || f.refused[1].Line != 6 || f.refused[1].Name != paths[ours] || f.refused[1].Code != voice.CodeColumns {
		t.Errorf("%+v", f.refused)
	}
}

func TestAFileThatIsCutUnderItsFollowerIsReadAgain(t *testing.T) {
	paths := files2(t)
	appendTo(t, paths[ours], voice.UsageHeader+"\n"+rowsFrom("A", 0, 4))
	appendTo(t, paths[theirs], voice.UsageHeader+"\n"+rowsFrom("B", 0, 4))
	f := follow(t, paths, false)
	f.until(pairs(4))
	if err := os.WriteFile(paths[ours], []byte(voice.UsageHeader+"\n"+rowsFrom("A", 3, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	f.until(func(d *Delta) bool { return d.Total.Records.Ours.Duplicate == 1 })
	appendTo(t, paths[ours], rowsFrom("A", 4, 1))
	appendTo(t, paths[theirs], rowsFrom("B", 4, 1))
	f.until(pairs(5))
	if r := f.last.Total.Records.Ours; r.Accepted != 5 || r.Rejected != 0 {
		t.Errorf("%+v", r)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.warned) != 1 || !strings.Contains(f.warned[0], "was cut") || !strings.Contains(f.warned[0], paths[ours]) {
		t.Errorf("%q", f.warned)
	}
}

func TestAFileThatIsReplacedIsReadToItsEndFirst(t *testing.T) {
	paths := files2(t)
	appendTo(t, paths[ours], voice.UsageHeader+"\n"+rowsFrom("A", 0, 2))
	appendTo(t, paths[theirs], voice.UsageHeader+"\n"+rowsFrom("B", 0, 4))
	f := follow(t, paths, false)
	f.until(pairs(2))
	old := paths[ours] + ".1"
	if err := os.Rename(paths[ours], old); err != nil {
		t.Fatal(err)
	}
	appendTo(t, old, rowsFrom("A", 2, 1))
	appendTo(t, paths[ours], voice.UsageHeader+"\n"+rowsFrom("A", 3, 1))
	f.until(pairs(4))
	if r := f.last.Total.Records.Ours; r != (Counts{Read: 4, Accepted: 4}) {
		t.Errorf("%+v", r)
	}
}

func TestAFollowerThatIsStartedAgainComesToTheSameTotal(t *testing.T) {
	paths := files2(t)
	appendTo(t, paths[ours], voice.UsageHeader+"\n"+rowsFrom("A", 0, 6))
	appendTo(t, paths[theirs], voice.UsageHeader+"\n"+rowsFrom("B", 0, 3))
	f := follow(t, paths, false)
	f.until(pairs(3))
	appendTo(t, paths[theirs], rowsFrom("B", 4, 6))
	f.until(pairs(5))
	f.stop()
	if err := f.end(); err != nil {
		t.Fatal(err)
	}
	var totals []string
	for range 2 {
		f = follow(t, paths, true)
		if err := f.end(); err != nil {
			t.Fatal(err)
		}
		totals = append(totals, fmt.Sprintf("%+v", f.last.Total))
	}
	if totals[0] != totals[1] || f.last.Total.Matched.Exact != 5 || f.last.Total.OnlyOurs != 1 || f.last.Total.OnlyTheirs != 4 || f.last.Open != [2]uint64{} {
		t.Errorf("%s", totals)
	}
}

func TestAFolderOfFilesIsFollowed(t *testing.T) {
	dirs := [2]string{t.TempDir(), t.TempDir()}
	packed := func(text string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write([]byte(text)); err != nil || z.Close() != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	appendTo(t, filepath.Join(dirs[ours], "1.csv"), voice.UsageHeader+"\n"+rowsFrom("A", 0, 2))
	appendTo(t, filepath.Join(dirs[ours], "2.csv.part"), "not yet")
	appendTo(t, filepath.Join(dirs[theirs], "1.csv.gz"), packed(voice.UsageHeader+"\n"+rowsFrom("B", 0, 2)))
	f := follow(t, dirs, false)
	f.until(pairs(2))
	appendTo(t, filepath.Join(dirs[ours], "2.csv"), voice.UsageHeader+"\n"+rowsFrom("A", 2, 2))
	appendTo(t, filepath.Join(dirs[theirs], "2.csv"), voice.UsageHeader+"\n"+rowsFrom("B", 2, 1))
	f.until(pairs(3))
	appendTo(t, filepath.Join(dirs[theirs], "2.csv"), rowsFrom("B", 3, 1))
	f.until(pairs(4))
	if r := f.last.Total.Records; r.Ours != (Counts{Read: 4, Accepted: 4}) || r.Theirs != (Counts{Read: 4, Accepted: 4}) {
		t.Errorf("%+v", r)
	}
}

func TestWhatCannotBeFollowedIsRefused(t *testing.T) {
	paths := files2(t)
	appendTo(t, paths[theirs], voice.UsageHeader+"\n"+rowsFrom("B", 0, 2))
	if err := follow(t, paths, false).end(); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("no file: %v", err)
	}
	appendTo(t, paths[ours], "\x1f\x8b, and no more")
	if err := follow(t, paths, false).end(); err == nil {
		t.Error("a compressed file is followed")
	}
	if err := os.WriteFile(paths[ours], nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := follow(t, paths, true).end(); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("an empty file: %v", err)
	}
	if err := (Follow{}).Run(t.Context()); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("no time between cycles: %v", err)
	}
}
