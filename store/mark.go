package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// mark is a file beside Pebble's that says how far it has committed: the sequence number
// of the last commit that stands, and a checksum.
//
// Pebble takes what it cannot read of its newest log for what a crash has torn off, unless
// the log itself says that this had been synced. The first log of a store never says so, and
// others say it late; all commits behind a flipped bit would be gone without a word, those
// too of which the ledger knows nothing. So a store that opens at an earlier commit than
// the mark is damaged.
//
// The mark is written after a commit stands and never synced: it is never ahead. When a node
// is killed it is exact; after a power cut it says what the system had written out by then,
// and only a loss of what is younger than that, half a minute at most as systems are set, may
// pass for a torn end.
type mark struct {
	mu   sync.Mutex
	file vfs.File // nil: not kept
	last uint64
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

// keep notes that a batch stands. A disk that does not take it leaves an older mark, by
// which less is noticed.
func (m *mark) keep(b *pebble.Batch) error {
	last := uint64(b.SeqNum()) + uint64(b.Count()) - 1
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

// whole refuses a store that has lost commits, and begins to mark those that come. It
// commits something itself, the removal of a key that is never there, whose number tells
// where the store stands. Code: corrupt.
func (d *DB) whole(db *pebble.DB) error {
	path := d.fs.PathJoin(d.dir, markFile)
	before := readMark(d.fs, path)
	batch := db.NewBatch()
	if err := batch.Delete([]byte{0}, nil); err != nil {
		return err
	}
	if err := batch.Commit(pebble.Sync); err != nil {
		return err
	}
	if stands := uint64(batch.SeqNum()) - 1; stands < before {
		return corrupt("the end of the store's log is gone, and it had been committed").Because(fmt.Errorf("the store stands at %d, and had committed %d", stands, before))
	}
	f, err := d.fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	d.mark.file = f
	return errors.Join(d.mark.keep(batch), batch.Close())
}
