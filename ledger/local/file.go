package local

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/ledger"
)

// file is append-only. A record is its length, a CRC-32C of the length and one
// of the body (4 bytes each, big endian), then the body in canonical CBOR. It
// is synced before append returns.
type file struct {
	f    *os.File
	size int64
}

// record is one entry: a block, or the seal of the block before it.
type record struct {
	Block *blockRecord `cbor:"1,keyasint,omitempty"`
	Seal  *seal        `cbor:"2,keyasint,omitempty"`
}

type blockRecord struct {
	Chain     string        `cbor:"1,keyasint"`
	Height    ledger.Height `cbor:"2,keyasint"`
	Time      int64         `cbor:"3,keyasint"`
	Envelopes [][]byte      `cbor:"4,keyasint"`
}

const (
	headSize  = 12
	sector    = 512
	maxRecord = maxBatch*(ledger.MaxEnvelope+8) + 1024
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// openFile opens or makes the file and reads it. What a crash left unfinished
// at the end is cut off; damage elsewhere has code corrupt.
func openFile(path string) (*file, []record, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, fault.Newf(fault.Unavailable, "check the path and its permissions", "cannot open the ledger file %s", path).Because(err)
	}
	out := &file{f: f}
	records, err := out.read()
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return out, records, nil
}

func (f *file) read() ([]record, error) {
	info, err := f.f.Stat()
	if err != nil {
		return nil, err
	}
	var out []record
	for f.size < info.Size() {
		left := info.Size() - f.size
		corrupt := func(cause error) error {
			return fault.Newf(fault.Corrupt, "restore the file from a backup",
				"%s is damaged at byte %d", f.f.Name(), f.size).Because(cause)
		}
		rest := make([]byte, min(left, headSize+maxRecord))
		if _, err := f.f.ReadAt(rest, f.size); err != nil && err != io.EOF {
			return nil, err
		}
		if left < headSize || allZero(rest) {
			return out, f.cut()
		}
		n := int64(binary.BigEndian.Uint32(rest))
		if n > maxRecord || crc32.Checksum(rest[:4], castagnoli) != binary.BigEndian.Uint32(rest[4:]) {
			return nil, corrupt(errors.New("checksum of a length"))
		}
		if left < headSize+n {
			return out, f.cut()
		}
		body := rest[headSize : headSize+n]
		if crc32.Checksum(body, castagnoli) != binary.BigEndian.Uint32(rest[8:]) {
			if left == headSize+n && torn(body, f.size+headSize) {
				return out, f.cut()
			}
			return nil, corrupt(errors.New("checksum of a record"))
		}
		var r record
		if err := canon.Decode(body, &r); err != nil {
			return nil, corrupt(err)
		}
		out = append(out, r)
		f.size += headSize + n
	}
	return out, nil
}

// torn reports whether the last record was never fully written: a sector that
// lies wholly in it is still zero. Anything else is damage to what was synced.
func torn(body []byte, at int64) bool {
	for from := (sector - at%sector) % sector; from+sector <= int64(len(body)); from += sector {
		if allZero(body[from : from+sector]) {
			return true
		}
	}
	return false
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// cut removes the unfinished record at the end.
func (f *file) cut() error {
	if err := f.f.Truncate(f.size); err != nil {
		return err
	}
	return f.f.Sync()
}

// append writes one record and syncs it. After an error the file is as before.
func (f *file) append(r record) error {
	body := canon.Must(r)
	buf := make([]byte, headSize, headSize+len(body))
	binary.BigEndian.PutUint32(buf, uint32(len(body)))
	binary.BigEndian.PutUint32(buf[4:], crc32.Checksum(buf[:4], castagnoli))
	binary.BigEndian.PutUint32(buf[8:], crc32.Checksum(body, castagnoli))
	buf = append(buf, body...)
	_, err := f.f.WriteAt(buf, f.size)
	if err == nil {
		err = f.f.Sync()
	}
	if err != nil {
		return fault.Newf(fault.Unavailable, "free disk space or repair the disk, then restart", "cannot write to %s", f.f.Name()).
			Because(errors.Join(err, f.f.Truncate(f.size)))
	}
	f.size += int64(len(buf))
	return nil
}

func (f *file) close() error { return f.f.Close() }

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
