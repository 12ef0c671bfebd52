package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/lateral-network/lateral/internal/canon"
)

// mark is a file beside Pebble's that says how far it has committed: the number of the last
// commit that stands, and a checksum. Each commit carries its number too.
//
// Pebble takes what it cannot read of its newest log for what a crash has torn off, unless
// the log itself says that this had been synced. The first log of a store never says so, and
// others say it late; all commits behind a flipped bit would be gone without a word, those
// too of which the ledger knows nothing. So a store that opens at an earlier commit than
// the mark is damaged. (Pebble's own sequence numbers do not tell it: its manifest may name
// later ones than the log has left.)
//
// The mark is written after a commit stands and never synced: it is never ahead. When a node
// is killed it is exact, but for commits that raced with the last one; after a power cut it
// says what the system had written out by then, and only a loss of what is younger than that,
// half a minute at most as systems are set, may pass for a torn end.
type mark struct {
	next atomic.Uint64 // number of the last commit that was begun
	mu   sync.Mutex
	last uint64
	file vfs.File // nil: not kept
}

// lanes are how many keys the numbers of commits take turns in: commits at the same time
// may stand in another order than they were numbered in, and none may hide a later one.
const lanes = 1024

// markID is the id under which the numbers of commits stand; no channel has it.
var markID = canon.Sum("lateral/store-mark/1")

// laneKey is where a commit's number stands.
func laneKey(n uint64) []byte { return binary.BigEndian.AppendUint16(markID[:], uint16(n%lanes)) }

// number gives a commit its number, which stands when the commit does.
func (m *mark) number(b *pebble.Batch) (uint64, error) {
	n := m.next.Add(1)
	return n, b.Set(laneKey(n), binary.LittleEndian.AppendUint64(nil, n), nil)
}

// standing gives the number of the last commit in a store; 0 when it has none.
func standing(db *pebble.DB) (last uint64, err error) {
	i, err := db.NewIter(&pebble.IterOptions{LowerBound: markID[:], UpperBound: upper(markID[:])})
	if err != nil {
		return 0, err
	}
	for ok := i.First(); ok; ok = i.Next() {
		if v := i.Value(); len(v) == 8 {
			last = max(last, binary.LittleEndian.Uint64(v))
		}
	}
	return last, errors.Join(i.Error(), i.Close())
}

const (
	markFile = "committed"
	markSize = 12
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// readMark gives what the mark of a store says; 0 without one, and of one that cannot be
// read.
func readMark(fs vfs.FS, path string) uint64 {
	f, err := fs.Open(path)
	if err != nil {
		return 0
	}
	defer f.Close()
	var b [markSize]byte
	if _, err := io.ReadFull(f, b[:]); err != nil || crc32.Checksum(b[:8], castagnoli) != binary.LittleEndian.Uint32(b[8:]) {
		return 0
	}
	return binary.LittleEndian.Uint64(b[:])
}

// keep notes that a commit stands. A disk that does not take it leaves an older mark, by
// which less is noticed.
func (m *mark) keep(last uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.file == nil || last <= m.last {
		return nil
	}
	m.last = last
	var data [markSize]byte
	binary.LittleEndian.PutUint64(data[:], last)
	binary.LittleEndian.PutUint32(data[8:], crc32.Checksum(data[:8], castagnoli))
	_, err := m.file.WriteAt(data[:], 0)
	return err
}

func (m *mark) close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.file == nil {
		return nil
	}
	err := m.file.Close()
	m.file = nil
	return err
}

// whole refuses a store that has lost commits, and begins to mark those that come. Code:
// corrupt.
func (d *DB) whole(db *pebble.DB) error {
	path := d.fs.PathJoin(d.dir, markFile)
	before := readMark(d.fs, path)
	stands, err := standing(db)
	if err != nil {
		return err
	}
	if stands < before {
		return corrupt("the end of the store's log is gone, and it had been committed").Because(fmt.Errorf("the store stands at commit %d, and had made %d", stands, before))
	}
	d.mark.next.Store(stands)
	f, err := d.fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	d.mark.file = f
	return d.mark.keep(stands)
}
