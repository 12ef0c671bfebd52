package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/durable"
)

func openBlobs(t testing.TB, fs durable.FS, dir string) *Blobs {
	t.Helper()
	b, err := OpenBlobs(fs, dir, [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func random(size int) []byte {
	data := make([]byte, size)
	rng := rand.NewChaCha8([32]byte{byte(size)})
	rng.Read(data)
	return data
}

func TestFilesComeBackByTheirContent(t *testing.T) {
	dir := t.TempDir()
	b := openBlobs(t, durable.OS, dir)
	for _, size := range []int{0, 1, 64 << 10, 64<<10 + 1, 300_000} {
		data := random(size)
		info, err := b.Put(iotest.OneByteReader(bytes.NewReader(data)))
		if err != nil || info.Size != int64(size) {
			t.Fatalf("%d bytes: %+v, %v", size, info, err)
		}
		if again, err := b.PutAs(info.Hash, bytes.NewReader(data)); err != nil || again != info {
			t.Fatalf("the same again: %+v, %v", again, err)
		}
		b := openBlobs(t, durable.OS, dir)
		if got, err := b.Get(info.Hash); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%d bytes: %v", size, err)
		}
		f, err := b.Open(info.Hash)
		if err != nil {
			t.Fatal(err)
		}
		part := make([]byte, min(size, 100))
		if _, err := f.ReadAt(part, int64(size-len(part))); err != nil && err != io.EOF || !bytes.Equal(part, data[size-len(part):]) {
			t.Fatalf("the end of %d bytes: %v", size, err)
		}
		f.Close()
	}
	n := 0
	for h, err := range b.List() {
		if err != nil || !b.Has(h) {
			t.Fatal(h, err)
		}
		n++
	}
	if n != 5 {
		t.Fatalf("listed %d files", n)
	}
}

func TestNoFileHoldsItsContentInClear(t *testing.T) {
	dir := t.TempDir()
	if _, err := openBlobs(t, durable.OS, dir).Put(strings.NewReader(strings.Repeat("+4366412345 ", 1000))); err != nil {
		t.Fatal(err)
	}
	files, _ := os.ReadDir(dir)
	for _, f := range files {
		if data, err := os.ReadFile(filepath.Join(dir, f.Name())); err != nil || bytes.Contains(data, []byte("4366412345")) {
			t.Fatalf("%s holds a number: %v", f.Name(), err)
		}
	}
}

func TestAnErasedFileDoesNotComeBackFromABackupOfFiles(t *testing.T) {
	dir := t.TempDir()
	b := openBlobs(t, durable.OS, dir)
	data := random(1000)
	info, err := b.Put(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, info.Hash.String()+blobSuffix)
	backup, _ := os.ReadFile(path)
	if err := b.Erase(info.Hash); err != nil {
		t.Fatal(err)
	}
	if err := b.Erase(info.Hash); err != nil {
		t.Fatalf("erasing again: %v", err)
	}
	if err := os.WriteFile(path, backup, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Get(info.Hash); fault.CodeOf(err) != fault.NotFound || b.Has(info.Hash) {
		t.Fatalf("got %v, want code not-found", err)
	}
	for h := range b.List() {
		t.Fatalf("%s is listed", h)
	}
	// The same content may come again, under a new key.
	if _, err := b.Put(bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	if got, err := b.Get(info.Hash); err != nil || !bytes.Equal(got, data) {
		t.Fatal(err)
	}
}

func TestAlteredFilesAreCorrupt(t *testing.T) {
	dir := t.TempDir()
	b := openBlobs(t, durable.OS, dir)
	info, err := b.Put(bytes.NewReader(random(70_000)))
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(5, 0))
	for _, suffix := range []string{blobSuffix, keySuffix} {
		path := filepath.Join(dir, info.Hash.String()+suffix)
		whole, _ := os.ReadFile(path)
		for round := range 60 {
			damaged := bytes.Clone(whole)
			if round%2 == 0 {
				damaged = damaged[:rng.IntN(len(damaged))]
			} else {
				damaged[rng.IntN(len(damaged))] ^= 1 << rng.IntN(8)
			}
			if err := os.WriteFile(path, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := b.Get(info.Hash); fault.CodeOf(err) != fault.Corrupt {
				t.Fatalf("%s, round %d: got %v, want code corrupt", suffix, round, err)
			}
		}
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// One good file in the place of another.
	other, err := b.Put(bytes.NewReader(random(70_001)))
	if err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{blobSuffix, keySuffix} {
		data, _ := os.ReadFile(filepath.Join(dir, other.Hash.String()+suffix))
		if err := os.WriteFile(filepath.Join(dir, info.Hash.String()+suffix), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Get(info.Hash); fault.CodeOf(err) != fault.Corrupt {
		t.Fatalf("got %v, want code corrupt", err)
	}
}

func TestContentOfAnotherHashIsNotKept(t *testing.T) {
	dir := t.TempDir()
	b := openBlobs(t, durable.OS, dir)
	if _, err := b.PutAs(canon.Sum("x"), strings.NewReader("content")); fault.CodeOf(err) != fault.Refused {
		t.Fatalf("got %v, want code refused", err)
	}
	broken := errors.New("the line broke")
	if _, err := b.Put(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 { // check.key
		t.Fatalf("something stays: %v", files)
	}
}

func TestTheWrongKeyIsToldFromDamage(t *testing.T) {
	dir := t.TempDir()
	openBlobs(t, durable.OS, dir)
	if _, err := OpenBlobs(durable.OS, dir, [32]byte{2}); fault.CodeOf(err) != CodeWrongKey {
		t.Fatalf("got %v, want code wrong-key", err)
	}
}

// stopping fails each write operation after a number of them, as a full disk
// or a crash would.
type stopping struct {
	durable.FS
	left int
}

func (s *stopping) step() error {
	if s.left--; s.left < 0 {
		return syscall.ENOSPC
	}
	return nil
}

func (s *stopping) OpenFile(name string, flag int, perm os.FileMode) (durable.File, error) {
	if err := s.step(); err != nil {
		return nil, err
	}
	f, err := s.FS.OpenFile(name, flag, perm)
	return &stoppingFile{f, s}, err
}

func (s *stopping) Rename(from, to string) error {
	return errors.Join(s.step(), func() error {
		if s.left < 0 {
			return nil
		}
		return s.FS.Rename(from, to)
	}())
}

func (s *stopping) Remove(name string) error {
	if s.left < 0 {
		return syscall.ENOSPC // as after a crash: nothing is cleaned up
	}
	return s.FS.Remove(name)
}

type stoppingFile struct {
	durable.File
	s *stopping
}

func (f *stoppingFile) Write(p []byte) (int, error) {
	if err := f.s.step(); err != nil {
		return 0, err
	}
	return f.File.Write(p)
}

func (f *stoppingFile) Sync() error {
	if err := f.s.step(); err != nil {
		return err
	}
	return f.File.Sync()
}

func TestAPutThatIsCutOffLeavesAllOrNothing(t *testing.T) {
	data := random(100)
	kept := 0
	for step := range 30 {
		dir := t.TempDir()
		openBlobs(t, durable.OS, dir)
		fs := &stopping{durable.OS, 1 << 20}
		b := openBlobs(t, fs, dir)
		fs.left = step
		info, err := b.Put(bytes.NewReader(data))
		if err != nil && fault.CodeOf(err) != durable.CodeDiskFull {
			t.Fatalf("step %d: got %v, want code disk-full", step, err)
		}
		again := openBlobs(t, durable.OS, dir) // sweeps
		files, _ := os.ReadDir(dir)
		if err == nil {
			kept++
			if got, err := again.Get(info.Hash); err != nil || !bytes.Equal(got, data) {
				t.Fatalf("step %d: reported and lost: %v", step, err)
			}
		} else if len(files) != 1 {
			t.Fatalf("step %d: files stay: %v", step, files)
		}
		if _, err := again.Put(bytes.NewReader(data)); err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
	}
	if kept == 0 || kept == 30 {
		t.Fatalf("%d of 30 puts went through: the faults miss their aim", kept)
	}
}

func BenchmarkBlobs(b *testing.B) {
	blobs := openBlobs(b, durable.OS, b.TempDir())
	data := random(8 << 20)
	b.SetBytes(int64(len(data)))
	i := 0
	for b.Loop() {
		i++
		if _, err := blobs.Put(io.MultiReader(strings.NewReader(fmt.Sprint(i)), bytes.NewReader(data))); err != nil {
			b.Fatal(err)
		}
	}
}
