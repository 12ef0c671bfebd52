package durable

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/lateral-network/lateral/fault"
)

// MaxAppend is the most that one Append may hold, in bytes.
const MaxAppend = 64 << 20

// A journal is the magic line and one frame for each Append. A frame is
//
//	size     4 bytes, big endian, of the body
//	checksum 4 bytes, CRC-32C of offset (8 bytes) and size
//	checksum 4 bytes, CRC-32C of offset and body
//	body     for each record its size (4 bytes) and its bytes
//
// The offset keeps a frame that was moved or repeated from being taken. The
// size has a checksum of its own, so that a changed size is told from a frame
// that a crash cut short.
const (
	journalMagic = "lateral journal 1\n"
	frameSize    = 12
	sectorSize   = 512
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Journal is a file to which records are appended, each durable when Append
// returns. Its methods may be called at the same time.
type Journal struct {
	fs   FS
	path string

	mu   sync.Mutex // guards all below
	f    File
	size int64 // end of the last good record
	err  error // why the journal takes no more records
}

// Recovered tells what OpenJournal found.
type Recovered struct {
	Records [][]byte // in the order in which they were appended
	// Cut is how many bytes of a last, unfinished append were taken off. Append
	// never returned for it. The bytes are kept in the file Kept.
	Cut  int64
	Kept string
}

// OpenJournal opens a journal, makes it when there is none, and reads all
// records. An append that a crash tore is taken off and kept beside. Codes:
// corrupt when a record that was durable does not match its checksum,
// disk-full, disk-failed.
func OpenJournal(fs FS, path string) (*Journal, Recovered, error) {
	data, err := readAll(fs, path)
	if errors.Is(err, os.ErrNotExist) {
		if err := WriteFile(fs, path, []byte(journalMagic), 0o600); err != nil {
			return nil, Recovered{}, err
		}
		data, err = []byte(journalMagic), nil
	}
	if err != nil {
		return nil, Recovered{}, Explain("read "+path, err)
	}
	records, end, err := readRecords(path, data)
	if err != nil {
		return nil, Recovered{}, err
	}
	rec := Recovered{Records: records, Cut: int64(len(data)) - end}
	if rec.Cut > 0 {
		rec.Kept = fmt.Sprintf("%s.torn-%d", path, end)
		if err := WriteFile(fs, rec.Kept, data[end:], 0o600); err != nil {
			return nil, Recovered{}, err
		}
	}
	f, err := fs.OpenFile(path, os.O_RDWR, 0o600)
	if err != nil {
		return nil, Recovered{}, Explain("open "+path, err)
	}
	j := &Journal{fs: fs, path: path, f: f, size: end}
	if err := j.cut(rec.Cut > 0); err != nil {
		_ = f.Close() // the first error says more
		return nil, Recovered{}, Explain("repair "+path, err)
	}
	return j, rec, nil
}

// Append adds records and returns when they are on the disk. When it fails
// with code disk-full none of them stands and the journal goes on; after
// another error it takes no more records until it is opened again.
func (j *Journal) Append(records ...[]byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return j.err
	}
	out, err := frame(j.size, records)
	if err != nil {
		return err
	}
	if _, err := j.f.Write(out); err != nil {
		err = Explain("append to "+j.path, err)
		// Only bytes that were never synced are taken back, so this is safe.
		if cutErr := j.cut(true); cutErr != nil || fault.CodeOf(err) != CodeDiskFull {
			j.err = err
		}
		return err
	}
	if err := j.f.Sync(); err != nil {
		// After a failed sync nobody knows what the disk holds, and a second
		// sync would not tell.
		j.err = Explain("make "+j.path+" durable", err)
		return j.err
	}
	j.size += int64(len(out))
	return nil
}

// Reset replaces all records at once, for a journal that is compacted.
func (j *Journal) Reset(records ...[]byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return j.err
	}
	data := []byte(journalMagic)
	if len(records) > 0 {
		out, err := frame(int64(len(data)), records)
		if err != nil {
			return err
		}
		data = append(data, out...)
	}
	if err := WriteFile(j.fs, j.path, data, 0o600); err != nil {
		return err
	}
	f, err := j.fs.OpenFile(j.path, os.O_RDWR, 0o600)
	if err != nil {
		j.err = Explain("open "+j.path, err)
		return j.err
	}
	_ = j.f.Close() // the file has no name any more
	j.f, j.size = f, int64(len(data))
	if err := j.cut(false); err != nil {
		j.err = Explain("open "+j.path, err)
	}
	return j.err
}

// Close closes the file. What Append returned for is durable already.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err == nil {
		j.err = fault.New(fault.Refused, "the journal "+filepath.Base(j.path)+" is closed", "open it again")
	}
	return Explain("close "+j.path, j.f.Close())
}

// cut puts the file's end behind the last good record.
func (j *Journal) cut(truncate bool) error {
	if truncate {
		if err := j.f.Truncate(j.size); err != nil {
			return err
		}
		if err := j.f.Sync(); err != nil {
			return err
		}
	}
	_, err := j.f.Seek(j.size, io.SeekStart)
	return err
}

// readRecords gives the good records and where they end. What follows is the
// torn end of the last append; anything else that is wrong is corrupt.
func readRecords(path string, data []byte) (records [][]byte, end int64, err error) {
	if !bytes.HasPrefix(data, []byte(journalMagic)) {
		return nil, 0, corrupt(path, 0, "the first line is not that of a journal")
	}
	at := len(journalMagic)
	for at < len(data) {
		body, ok := frameAt(data, at)
		if !ok && torn(data, at) {
			break
		}
		if !ok {
			return nil, 0, corrupt(path, int64(at), "what was appended does not match its checksum")
		}
		in, err := split(body)
		if err != nil {
			return nil, 0, corrupt(path, int64(at), err.Error())
		}
		records = append(records, in...)
		at += frameSize + len(body)
	}
	return records, int64(at), nil
}

// frame lays out one append.
func frame(at int64, records [][]byte) ([]byte, error) {
	out := make([]byte, frameSize)
	for _, r := range records {
		if len(out)+len(r) > MaxAppend {
			return nil, fault.Newf(fault.Invalid, "append less at once", "one append to a journal has at most %d bytes", MaxAppend)
		}
		out = binary.BigEndian.AppendUint32(out, uint32(len(r)))
		out = append(out, r...)
	}
	body := out[frameSize:]
	binary.BigEndian.PutUint32(out, uint32(len(body)))
	binary.BigEndian.PutUint32(out[4:], checksum(at, out[:4]))
	binary.BigEndian.PutUint32(out[8:], checksum(at, body))
	return out, nil
}

// sizeAt gives the size of the body of the frame at at, if its head is good.
func sizeAt(data []byte, at int) (size int, ok bool) {
	if len(data)-at < frameSize {
		return 0, false
	}
	head := data[at : at+frameSize]
	return int(binary.BigEndian.Uint32(head)), binary.BigEndian.Uint32(head[4:]) == checksum(int64(at), head[:4])
}

// frameAt gives the body of a good frame.
func frameAt(data []byte, at int) (body []byte, ok bool) {
	size, ok := sizeAt(data, at)
	if !ok || size > len(data)-at-frameSize {
		return nil, false
	}
	body = data[at+frameSize : at+frameSize+size]
	return body, binary.BigEndian.Uint32(data[at+8:]) == checksum(int64(at), body)
}

// split gives the records in a body.
func split(body []byte) (records [][]byte, err error) {
	for len(body) > 0 {
		if len(body) < 4 || int64(binary.BigEndian.Uint32(body)) > int64(len(body)-4) {
			return nil, errors.New("a record is longer than what was appended with it")
		}
		end := 4 + int(binary.BigEndian.Uint32(body))
		records = append(records, body[4:end:end])
		body = body[end:]
	}
	return records, nil
}

// torn reports whether the bad frame at at looks like an append that a crash
// interrupted: it ends too early, or a sector of it was never written, which
// reads as zeros; and no good frame follows. A frame of full length with all
// its sectors was durable, so if it does not match its checksums, bits have
// changed, and the owner must know.
func torn(data []byte, at int) bool {
	for next := at + 1; next < len(data); next++ {
		if _, ok := frameAt(data, next); ok {
			return false
		}
	}
	if len(data)-at < frameSize {
		return true
	}
	if size, ok := sizeAt(data, at); ok && size > len(data)-at-frameSize {
		return true
	}
	for low := at; low < len(data); {
		high := min((low/sectorSize+1)*sectorSize, len(data))
		if len(bytes.Trim(data[low:high], "\x00")) == 0 {
			return true
		}
		low = high
	}
	return false
}

// checksum binds bytes to their place in the file.
func checksum(at int64, b []byte) uint32 {
	place := binary.BigEndian.AppendUint64(nil, uint64(at))
	return crc32.Update(crc32.Checksum(place, castagnoli), castagnoli, b)
}

func readAll(fs FS, path string) ([]byte, error) {
	f, err := fs.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(f)
	return data, errors.Join(err, f.Close())
}

func corrupt(path string, at int64, detail string) error {
	return fault.Newf(fault.Corrupt, "keep a copy of the file, then restore it from a backup, or remove it to go on without what it holds",
		"%s, at byte %d of %s", detail, at, path)
}
