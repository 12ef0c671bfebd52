package comet

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/syndtr/goleveldb/leveldb/opt"
	"github.com/syndtr/goleveldb/leveldb/util"
)

// goleveldb keeps its latest writes, and the list of its tables, in logs. By
// default it drops the part of a log that is damaged and goes on with what is
// left, which is another history. Told to be strict, it also refuses a log
// whose last write a crash has torn, which is what every log must bear. So the
// logs are looked at first: damage at the end, with nothing good behind it, is
// a torn write, and anything else is an error.

// strictness says how goleveldb is to read the store in a folder.
func strictness(dir string) (opt.Strict, error) {
	strict := opt.DefaultStrict | opt.StrictJournal | opt.StrictManifest
	files, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return strict, nil
	}
	if err != nil {
		return 0, err
	}
	for _, f := range files {
		var kind opt.Strict
		switch {
		case strings.HasSuffix(f.Name(), ".log"):
			kind = opt.StrictJournal
		case strings.HasPrefix(f.Name(), "MANIFEST-"):
			kind = opt.StrictManifest
		default:
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return 0, err
		}
		if torn(data) {
			strict &^= kind
		}
	}
	return strict, nil
}

// The form of a log: blocks of 32 KiB, each filled with chunks of a header and
// some bytes; a chunk is a whole write, or the first, a middle or the last part
// of one.
const (
	logBlock  = 32 << 10
	logHeader = 7 // checksum 4, length 2, kind 1

	chunkWhole, chunkFirst, chunkMiddle, chunkLast = 1, 2, 3, 4
)

// chunk gives the kind and the end of the good chunk at a place of a block.
func chunk(block []byte, at int) (kind byte, end int, ok bool) {
	if at+logHeader > len(block) {
		return 0, 0, false
	}
	sum, length := binary.LittleEndian.Uint32(block[at:]), int(binary.LittleEndian.Uint16(block[at+4:]))
	kind, end = block[at+6], at+logHeader+length
	ok = kind >= chunkWhole && kind <= chunkLast && end <= len(block) && util.NewCRC(block[at+6:end]).Value() == sum
	return kind, end, ok
}

// torn reports whether a log is good up to a place behind which nothing good
// follows. A log without damage is not torn; neither is one with damage in the
// middle.
func torn(log []byte) bool {
	open := false // a write has begun and not ended
	for start := 0; start < len(log); start += logBlock {
		block := log[start:min(start+logBlock, len(log))]
		for at := 0; at+logHeader <= len(block); {
			kind, end, ok := chunk(block, at)
			if !ok {
				return !goodBehind(block, at+1) && !anyGood(log, start+logBlock)
			}
			open = kind == chunkFirst || kind == chunkMiddle
			at = end
		}
	}
	return open
}

// goodBehind reports whether a good chunk begins anywhere in the rest of a
// block.
func goodBehind(block []byte, from int) bool {
	for at := from; at+logHeader <= len(block); at++ {
		if _, _, ok := chunk(block, at); ok {
			return true
		}
	}
	return false
}

func anyGood(log []byte, from int) bool {
	for start := from; start < len(log); start += logBlock {
		if goodBehind(log[start:min(start+logBlock, len(log))], 0) {
			return true
		}
	}
	return false
}
