package durable

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/lateral-network/lateral/fault"
)

// failing lets a number of file operations pass and fails the one after them:
// a write stops half-way. With once it recovers, else all later ones fail too.
type failing struct {
	FS
	err  error
	left int
	once bool
}

func (f *failing) fails() bool {
	f.left--
	return f.left == -1 || f.left < -1 && !f.once
}

func (f *failing) OpenFile(name string, flag int, perm os.FileMode) (File, error) {
	if flag&(os.O_WRONLY|os.O_RDWR) != 0 && f.fails() {
		return nil, f.err
	}
	file, err := f.FS.OpenFile(name, flag, perm)
	return &failingFile{file, f}, err
}

func (f *failing) Rename(from, to string) error {
	if f.fails() {
		return f.err
	}
	return f.FS.Rename(from, to)
}

func (f *failing) SyncDir(dir string) error {
	if f.fails() {
		return f.err
	}
	return f.FS.SyncDir(dir)
}

type failingFile struct {
	File
	fs *failing
}

func (f *failingFile) Write(p []byte) (int, error) {
	if f.fs.fails() {
		n, _ := f.File.Write(p[:len(p)/2])
		return n, f.fs.err
	}
	return f.File.Write(p)
}

func (f *failingFile) Sync() error {
	if f.fs.fails() {
		return f.fs.err
	}
	return f.File.Sync()
}

func (f *failingFile) Truncate(n int64) error {
	if f.fs.fails() {
		return f.fs.err
	}
	return f.File.Truncate(n)
}

func TestAFailedReplaceLeavesTheOldFile(t *testing.T) {
	for step := range 5 { // open, write, sync, rename, directory sync
		path := filepath.Join(t.TempDir(), "f")
		if err := WriteFile(OS, path, []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
		err := WriteFile(&failing{FS: OS, err: syscall.ENOSPC, left: step}, path, []byte("new bytes"), 0o600)
		if fault.CodeOf(err) != CodeDiskFull {
			t.Fatalf("step %d: got %v, want code disk-full", step, err)
		}
		want := "old"
		if step == 4 {
			want = "new bytes" // renamed; only whether the name survives is open
		}
		if got, _ := os.ReadFile(path); string(got) != want {
			t.Fatalf("step %d: file holds %q", step, got)
		}
		entries, err := os.ReadDir(filepath.Dir(path))
		if err != nil || len(entries) != 1 {
			t.Fatalf("step %d: temporary files stay: %v %v", step, entries, err)
		}
	}
}

func TestAWriterThatFailsLeavesTheOldFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := WriteFile(OS, path, []byte("old"), 0o640); err != nil {
		t.Fatal(err)
	}
	mine := errors.New("mine")
	err := Replace(OS, path, 0o640, func(w io.Writer) error { io.WriteString(w, "half"); return mine })
	if !errors.Is(err, mine) {
		t.Fatalf("got %v", err)
	}
	if got, _ := os.ReadFile(path); string(got) != "old" {
		t.Fatalf("file holds %q", got)
	}
}

func openJournal(t testing.TB, path string) (*Journal, Recovered) {
	t.Helper()
	j, rec, err := OpenJournal(OS, path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j, rec
}

func show(records [][]byte) string { return string(bytes.Join(records, []byte("|"))) }

func TestAJournalGivesBackWhatWasAppended(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, _ := openJournal(t, path)
	for _, batch := range [][]string{{"a"}, {}, {"b", "", "c"}} {
		var records [][]byte
		for _, r := range batch {
			records = append(records, []byte(r))
		}
		if err := j.Append(records...); err != nil {
			t.Fatal(err)
		}
	}
	if _, rec := openJournal(t, path); show(rec.Records) != "a|b||c" || rec.Cut != 0 {
		t.Fatalf("got %q, cut %d", rec.Records, rec.Cut)
	}
	if err := j.Reset([]byte("c")); err != nil {
		t.Fatal(err)
	}
	if err := j.Append([]byte("d")); err != nil {
		t.Fatal(err)
	}
	if _, rec := openJournal(t, path); show(rec.Records) != "c|d" {
		t.Fatalf("after reset: %q", rec.Records)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := j.Append([]byte("e")); fault.CodeOf(err) != fault.Refused {
		t.Fatalf("append to a closed journal: %v", err)
	}
}

// journalBytes gives a journal of three appends and where each ends.
func journalBytes(t *testing.T) (data []byte, ends []int) {
	path := filepath.Join(t.TempDir(), "j")
	j, _ := openJournal(t, path)
	rng := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{40, 1500, 700} {
		record := make([]byte, size)
		for i := range record {
			record[i] = byte(rng.Uint32())
		}
		if err := j.Append(record); err != nil {
			t.Fatal(err)
		}
		data, _ = os.ReadFile(path)
		ends = append(ends, len(data))
	}
	return data, ends
}

func TestATornEndIsCutAndKept(t *testing.T) {
	data, ends := journalBytes(t)
	dir := t.TempDir()
	for end := len(journalMagic); end < len(data); end++ {
		near := slices.ContainsFunc(ends, func(e int) bool { return end-e < 20 && e-end < 3 })
		if !near && end%97 != 0 {
			continue // each costs several syncs
		}
		path := filepath.Join(dir, fmt.Sprint(end))
		if err := os.WriteFile(path, data[:end], 0o600); err != nil {
			t.Fatal(err)
		}
		want := 0
		for want < len(ends) && ends[want] <= end {
			want++
		}
		j, rec, err := OpenJournal(OS, path)
		if err != nil || len(rec.Records) != want {
			t.Fatalf("cut at %d: %d records, want %d: %v", end, len(rec.Records), want, err)
		}
		if rec.Cut > 0 {
			if kept, err := os.ReadFile(rec.Kept); err != nil || int64(len(kept)) != rec.Cut {
				t.Fatalf("cut at %d: kept %d of %d bytes: %v", end, len(kept), rec.Cut, err)
			}
		}
		if err := j.Append([]byte("next")); err != nil {
			t.Fatal(err)
		}
		j.Close()
		if _, rec := openJournal(t, path); len(rec.Records) != want+1 || rec.Cut != 0 {
			t.Fatalf("cut at %d: after one more append %d records, cut %d", end, len(rec.Records), rec.Cut)
		}
	}
}

func TestASectorThatWasNeverWrittenIsATornEnd(t *testing.T) {
	data, ends := journalBytes(t)
	torn := bytes.Clone(data)
	clear(torn[(ends[1]/sectorSize+1)*sectorSize : (ends[1]/sectorSize+2)*sectorSize])
	records, end, err := readRecords("j", torn)
	if err != nil || len(records) != 2 || int(end) != ends[1] {
		t.Fatalf("got %d records up to %d: %v", len(records), end, err)
	}
	// The same hole before a good append is no torn end.
	hole := bytes.Clone(data)
	clear(hole[sectorSize : 2*sectorSize])
	if _, _, err := readRecords("j", hole); fault.CodeOf(err) != fault.Corrupt {
		t.Fatalf("got %v, want code corrupt", err)
	}
}

func TestAFlippedBitOfAJournalIsFound(t *testing.T) {
	data, ends := journalBytes(t)
	for i := range data {
		for bit := range 8 {
			if bit != i%8 && i > 64 {
				continue // the heads of file and first frame in full, then one bit a byte
			}
			data[i] ^= 1 << bit
			_, _, err := readRecords("outbox", data)
			if fault.CodeOf(err) != fault.Corrupt {
				t.Fatalf("byte %d bit %d: got %v, want code corrupt", i, bit, err)
			}
			if i == ends[0]+3 && !strings.Contains(err.Error(), fmt.Sprintf("at byte %d of outbox", ends[0])) {
				t.Fatalf("the error does not name the place: %v", err)
			}
			data[i] ^= 1 << bit
		}
	}
}

func TestAFullDiskTakesNothingHalf(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, _ := openJournal(t, path)
	if err := j.Append([]byte("first")); err != nil {
		t.Fatal(err)
	}
	fs := &failing{FS: OS, err: syscall.ENOSPC, left: 1, once: true} // the write after the open
	full, _, err := OpenJournal(fs, path)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	if err := full.Append([]byte("does not fit")); fault.CodeOf(err) != CodeDiskFull {
		t.Fatalf("got %v, want code disk-full", err)
	}
	if err := full.Append([]byte("second")); err != nil {
		t.Fatalf("after room was made: %v", err)
	}
	if _, rec := openJournal(t, path); show(rec.Records) != "first|second" || rec.Cut != 0 {
		t.Fatalf("got %q, cut %d", rec.Records, rec.Cut)
	}
}

func TestAFailedSyncEndsTheJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	openJournal(t, path)
	fs := &failing{FS: OS, err: syscall.EIO, left: 2, once: true} // open, write, sync
	j, _, err := OpenJournal(fs, path)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	for range 2 {
		if err := j.Append([]byte("x")); fault.CodeOf(err) != CodeDiskFailed {
			t.Fatalf("got %v, want code disk-failed", err)
		}
	}
}

// Whatever operation fails, reopening gives exactly what Append returned for,
// and at most the one append whose outcome was reported as an error.
func TestAtEachFailingWriteNothingReportedIsLost(t *testing.T) {
	for _, cause := range []error{syscall.ENOSPC, syscall.EIO} {
		for step := range 14 {
			path := filepath.Join(t.TempDir(), "j")
			fs := &failing{FS: OS, err: cause, left: step}
			var done []string
			j, _, err := OpenJournal(fs, path)
			for i := 0; err == nil && i < 4; i++ {
				if err = j.Append(fmt.Append(nil, "record", i)); err == nil {
					done = append(done, fmt.Sprint("record", i))
				}
			}
			if j != nil {
				j.Close()
			}
			_, rec := openJournal(t, path)
			if len(rec.Records) < len(done) || len(rec.Records) > len(done)+1 {
				t.Fatalf("%v at step %d: reported %q, found %q", cause, step, done, rec.Records)
			}
			for i, r := range rec.Records {
				if string(r) != fmt.Sprint("record", i) {
					t.Fatalf("%v at step %d: record %d is %q", cause, step, i, r)
				}
			}
		}
	}
}

func TestOneOwnerOfADirectory(t *testing.T) {
	dir := t.TempDir()
	l, err := LockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := LockDir(dir); fault.CodeOf(err) != CodeInUse {
		t.Fatalf("got %v, want code directory-in-use", err)
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
	l, err = LockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	l.Release()
}

func FuzzReadRecords(f *testing.F) {
	good, _ := frame(int64(len(journalMagic)), [][]byte{[]byte("a"), []byte("bc")})
	f.Add(append([]byte(journalMagic), good...))
	f.Add([]byte(journalMagic))
	f.Fuzz(func(t *testing.T, data []byte) {
		records, end, err := readRecords("j", data)
		if err != nil {
			return
		}
		again, _, err := readRecords("j", data[:end])
		if err != nil || show(again) != show(records) {
			t.Fatalf("cutting the torn end changed the records: %v", err)
		}
	})
}
