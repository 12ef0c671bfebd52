package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/internal/merkle"
)

var secret = []byte("channel secret")

// ledger commits numbered blocks to a channel as a node does: records, a leaf,
// an event, the height and the roots, all of one block.
type ledger struct {
	c      *Channel
	tree   *merkle.Sparse
	log    *merkle.Log
	height int
}

func newLedger(c *Channel) *ledger {
	return &ledger{c: c, tree: merkle.NewSparse(secret), log: &merkle.Log{}}
}

// blockWrites are the records that a block writes: the same on each run.
func blockWrites(height int) []merkle.Write {
	rng := rand.New(rand.NewPCG(uint64(height), 0))
	var writes []merkle.Write
	for i := range 20 {
		value := make([]byte, 200)
		for j := range value {
			value[j] = byte(rng.Uint32())
		}
		writes = append(writes, merkle.Write{Key: fmt.Sprintf("r/%d/%d", i, height%7), Value: value})
	}
	return append(writes, merkle.Write{Key: "height", Value: fmt.Append(nil, height)})
}

func (l *ledger) block() error {
	l.height++
	writes := blockWrites(l.height)
	state, err := l.tree.Update(writes)
	if err != nil {
		return err
	}
	leaf := fmt.Append(nil, "leaf ", l.height)
	l.log.Append(leaf)
	return l.c.Commit(Batch{
		Writes: writes, Leaves: [][]byte{leaf}, Events: [][]byte{leaf, leaf},
		Meta:  map[string][]byte{"height": fmt.Append(nil, l.height)},
		Index: []IndexWrite{{"envelope", fmt.Sprint(l.height), leaf}},
		Roots: &Roots{state, l.log.Root()},
	})
}

// check reads everything back and says which block the channel stands at: all
// of its parts must agree.
func check(c *Channel) (height int, err error) {
	data, ok, err := c.Meta("height")
	if err != nil {
		return 0, err
	}
	if ok {
		if _, err := fmt.Sscan(string(data), &height); err != nil {
			return 0, err
		}
	}
	if _, err := c.Tree(secret); err != nil {
		return 0, err
	}
	log, err := c.Log()
	if err != nil {
		return 0, err
	}
	events, index := 0, 0
	for e, err := range c.Events(0) {
		if err != nil {
			return 0, err
		}
		if want := fmt.Sprint("leaf ", e.Number/2+1); string(e.Data) != want {
			return 0, fmt.Errorf("event %d is %q", e.Number, e.Data)
		}
		events++
	}
	for _, err := range c.ScanIndex("envelope", "") {
		if err != nil {
			return 0, err
		}
		index++
	}
	if log.Size() != uint64(height) || events != 2*height || index != height {
		return 0, fmt.Errorf("height %d with %d leaves, %d events, %d entries", height, log.Size(), events, index)
	}
	return height, nil
}

func TestAfterACrashAChannelStandsAtABlock(t *testing.T) {
	const seed = 7
	rng := rand.New(rand.NewPCG(seed, 0))
	for round := range 20 {
		fs := vfs.NewCrashableMem()
		db := open(t, "db", Options{FS: fs, MemTable: 64 << 10})
		l := newLedger(db.Channel(pair))
		blocks := 1 + rng.IntN(40)
		for range blocks {
			if err := l.block(); err != nil {
				t.Fatal(err)
			}
		}
		// Everything that was not synced is lost, or some of it.
		crashed := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(2) * 50, RNG: rng})
		db.Close()
		again := open(t, "db", Options{FS: crashed})
		height, err := check(again.Channel(pair))
		if err != nil || height != blocks {
			t.Fatalf("round %d: committed %d blocks, found %d: %v", round, blocks, height, err)
		}
		again.Close()
	}
}

// At whatever write the disk begins to fail, Commit says so, nothing hangs,
// and after a restart the store stands at a block: the last one that was
// committed, or the one whose commit failed.
func TestAFailingDiskLosesNothingThatWasCommitted(t *testing.T) {
	for _, cause := range []struct {
		err  error
		code fault.Code
	}{{syscall.ENOSPC, CodeDiskFull}, {syscall.EIO, CodeStoreFailed}} {
		for step := int64(0); step < 260; step += 13 {
			t.Run(fmt.Sprintf("%s after %d writes", cause.code, step), func(t *testing.T) {
				mem := vfs.NewCrashableMem()
				var left atomic.Int64
				left.Store(step + 1_000_000) // let it open
				fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
					if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && left.Add(-1) < 0 {
						return cause.err
					}
					return nil
				}))
				db := open(t, "db", Options{FS: fs, MemTable: 32 << 10})
				l := newLedger(db.Channel(pair))
				if err := l.block(); err != nil {
					t.Fatal(err)
				}
				left.Store(step)
				done := 1
				var err error
				for err == nil && done < 400 {
					if err = l.block(); err == nil {
						done++
					}
				}
				if fault.CodeOf(err) != cause.code {
					t.Fatalf("after %d blocks: got %v, want code %s", done, err, cause.code)
				}
				if err := l.block(); fault.CodeOf(err) != cause.code {
					t.Fatalf("the next commit: got %v, want code %s", err, cause.code)
				}
				if height, err := check(open(t, "db", Options{FS: mem.CrashClone(vfs.CrashCloneCfg{})}).Channel(pair)); err != nil || height != done && height != done+1 {
					t.Fatalf("committed %d blocks, found %d: %v", done, height, err)
				}
				left.Store(1 << 60) // so that Close may end
				db.Close()
			})
		}
	}
}

// little is a disk with little room, as the system reports it.
type little struct {
	vfs.FS
	avail atomic.Uint64
}

func (l *little) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: l.avail.Load(), TotalBytes: 1 << 40}, nil
}

func TestADiskThatIsNearlyFullTakesNoCommitAndRecovers(t *testing.T) {
	disk := &little{FS: vfs.NewMem()}
	disk.avail.Store(1 << 30)
	db := open(t, "db", Options{FS: disk})
	defer db.Close()
	l := newLedger(db.Channel(pair))
	if err := l.block(); err != nil {
		t.Fatal(err)
	}
	disk.avail.Store(1 << 20)
	err := db.Channel(pair).Commit(Batch{Writes: blockWrites(2)})
	if f := fault.Of(err); f.Code != CodeDiskFull || f.Remedy == "" {
		t.Fatalf("got %v, want code disk-full", err)
	}
	if height, err := check(db.Channel(pair)); err != nil || height != 1 {
		t.Fatalf("the refused commit shows: %d, %v", height, err)
	}
	disk.avail.Store(1 << 30)
	if err := l.block(); err != nil {
		t.Fatalf("after room was made: %v", err)
	}
}

// storeOnDisk gives a closed store of that many blocks, in tables and log.
func storeOnDisk(t *testing.T, blocks int) string {
	dir := t.TempDir()
	db := open(t, dir, Options{MemTable: 64 << 10})
	l := newLedger(db.Channel(pair))
	for range blocks {
		if err := l.block(); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// inspect opens a store that was damaged, and gives the height that all its
// parts agree on.
func inspect(dir string) (int, error) {
	db, err := Open(dir, Options{})
	if err != nil {
		return 0, err
	}
	height, err := check(db.Channel(pair))
	return height, errors.Join(err, db.Close())
}

// Damage is found, or does no harm. It never gives wrong or older data.
func TestDamageOnDiskIsFound(t *testing.T) {
	const blocks = 60
	whole := storeOnDisk(t, blocks)
	const seed = 11
	rng := rand.New(rand.NewPCG(seed, 0))
	files, err := os.ReadDir(whole)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, file := range files {
		name := file.Name()
		info, err := file.Info()
		if err != nil || info.Size() == 0 {
			continue
		}
		for round := range 12 {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, name)
			what := "flipped"
			if round%3 == 0 {
				what = "truncated"
				err = os.Truncate(path, rng.Int64N(info.Size()))
			} else {
				err = flip(path, rng.Int64N(info.Size()), byte(1<<rng.IntN(8)))
			}
			if err != nil {
				t.Fatal(err)
			}
			height, err := inspect(dir)
			switch {
			case err == nil && height == blocks:
				found["harmless"]++
			case err == nil:
				t.Errorf("%s %s: stands at %d of %d without a word", name, what, height, blocks)
			default:
				f := fault.Of(err)
				if f.Remedy == "" || f.Code != fault.Corrupt && f.Code != CodeStoreFailed && f.Code != fault.NotFound {
					t.Errorf("%s %s: %v", name, what, err)
				}
				found[string(f.Code)]++
			}
		}
	}
	t.Log(found)
	if found["corrupt"] == 0 {
		t.Error("no damage was found at all")
	}
}

// Pebble takes damage in its newest log for the torn end of a crash where the log
// does not say that it was synced, and a young one never does.
func TestAFlippedByteInAYoungLogIsNoticed(t *testing.T) {
	const blocks = 5
	whole := storeOnDisk(t, blocks)
	logs, err := filepath.Glob(filepath.Join(whole, "*.log"))
	if err != nil || len(logs) == 0 {
		t.Fatal(logs, err)
	}
	newest := filepath.Base(logs[len(logs)-1])
	info, err := os.Stat(filepath.Join(whole, newest))
	if err != nil {
		t.Fatal(err)
	}
	size := info.Size()
	for at := int64(20); at < size; at += size / 20 {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
			t.Fatal(err)
		}
		if err := flip(filepath.Join(dir, newest), at, 0xff); err != nil {
			t.Fatal(err)
		}
		for range 2 { // it is not forgotten
			if height, err := inspect(dir); fault.CodeOf(err) != fault.Corrupt {
				t.Fatalf("with another byte %d of %d the store stands at %d of %d, %v", at, size, height, blocks, err)
			}
		}
	}
}

// Commits at the same time may stand in another order than they were numbered in; the
// store that they leave is whole.
func TestAStoreOfCommitsAtTheSameTimeIsWhole(t *testing.T) {
	dir := t.TempDir()
	for round := range 3 {
		db := open(t, dir, Options{})
		var all sync.WaitGroup
		for i := range 40 {
			c := db.Channel(canon.Sum("test", []byte{byte(round), byte(i)}))
			all.Go(func() {
				for n := range 30 {
					if err := c.Commit(Batch{Writes: []merkle.Write{{Key: "n", Value: []byte{byte(n)}}}}); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if at := readMark(vfs.Default, filepath.Join(dir, markFile)); at != uint64(40*30*(round+1)) {
			t.Fatalf("the mark says %d after %d commits", at, 40*30*(round+1))
		}
	}
}

// The mark is never ahead of what stands: without it, or with an older one, a store
// opens.
func TestAMarkThatIsLostOrOldDoesNoHarm(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"lost":    os.Remove,
		"cut":     func(path string) error { return os.Truncate(path, 5) },
		"flipped": func(path string) error { return flip(path, 3, 1) },
		"an old one": func(path string) error {
			b := binary.LittleEndian.AppendUint64(nil, 1)
			return os.WriteFile(path, binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli)), 0o600)
		},
	} {
		dir := storeOnDisk(t, 3)
		if err := spoil(filepath.Join(dir, markFile)); err != nil {
			t.Fatal(err)
		}
		if height, err := inspect(dir); err != nil || height != 3 {
			t.Errorf("%s: the store stands at %d, %v", name, height, err)
		}
		if readMark(vfs.Default, filepath.Join(dir, markFile)) == 0 {
			t.Errorf("%s: there is no mark again", name)
		}
	}
}

func flip(path string, at int64, bits byte) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	var b [1]byte
	_, err = f.ReadAt(b[:], at)
	if err == nil {
		b[0] ^= bits
		_, err = f.WriteAt(b[:], at)
	}
	return errors.Join(err, f.Close())
}

func TestRecordsThatDoNotAddUpAreCorrupt(t *testing.T) {
	db := open(t, "", Options{Memory: true})
	defer db.Close()
	c := db.Channel(pair)
	l := newLedger(c)
	for range 3 {
		if err := l.block(); err != nil {
			t.Fatal(err)
		}
	}
	for name, b := range map[string]Batch{
		"a record more":    {Writes: []merkle.Write{{Key: "extra", Value: []byte("x")}}},
		"a leaf more":      {Leaves: [][]byte{[]byte("extra")}},
		"another log root": {Roots: &Roots{l.tree.Root(), canon.Sum("x")}},
	} {
		before, err := c.snapshot()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Commit(b); err != nil {
			t.Fatal(err)
		}
		if _, err := check(c); fault.CodeOf(err) != fault.Corrupt {
			t.Errorf("%s: got %v, want code corrupt", name, err)
		}
		if err := c.Clear(); err != nil {
			t.Fatal(err)
		}
		if height, err := check(c); height != 0 || fault.CodeOf(err) != "" {
			t.Fatalf("after clearing: %d, %v", height, err)
		}
		again := newLedger(c)
		for range 3 {
			if err := again.block(); err != nil {
				t.Fatal(err)
			}
		}
		if after, err := c.snapshot(); err != nil || after != before {
			t.Fatalf("rebuilt %+v, want %+v: %v", after, before, err)
		}
	}
}

func TestTwoProcessesDoNotShareAStore(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir, Options{})
	defer db.Close()
	if _, err := Open(dir, Options{}); fault.CodeOf(err) != durable.CodeInUse {
		t.Fatalf("got %v, want code directory-in-use", err)
	}
}
