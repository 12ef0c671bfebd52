package seal

import (
	"bufio"
	"crypto/hpke"
	"errors"
	"fmt"
	"io"

	"github.com/lateral-network/lateral/fault"
)

// A sealed file is the version byte, the encapsulated key, and chunks. Each
// chunk but the last holds ChunkSize bytes of the file, the last one holds the
// rest; only an empty file has an empty last chunk. The HPKE context counts
// the chunks and the associated data marks the last, so a chunk that is lost,
// moved, repeated, added or changed does not open.

// ChunkSize is how many bytes of a file are sealed together: what the reader
// holds in memory before it passes any of it on.
const ChunkSize = 64 << 10

const sealedChunkSize = ChunkSize + tagSize

// Associated data of a chunk.
var (
	moreFollows = []byte{0}
	isLast      = []byte{1}
)

// SealedSize gives the length of a sealed file of n bytes.
func SealedSize(n int64) int64 {
	chunks := max(1, (n+ChunkSize-1)/ChunkSize)
	return 1 + encapsulatedSize + n + chunks*tagSize
}

// Writer seals what is written to it. Not for concurrent use.
type Writer struct {
	to      io.Writer
	context *hpke.Sender
	pending []byte // at most ChunkSize; full only until more follows
	err     error  // sticky
}

// NewWriter starts a sealed file for one reader on w. What is written is
// complete only after Close. Code: invalid when to is no key.
func NewWriter(w io.Writer, to PublicKey, info []byte) (*Writer, error) {
	encapsulated, context, err := newSender(to, useFile, info)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(append([]byte{version}, encapsulated...)); err != nil {
		return nil, err
	}
	return &Writer{to: w, context: context}, nil
}

// Write seals p, holding back what may turn out to be the last chunk.
func (w *Writer) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 && w.err == nil {
		if len(w.pending) == ChunkSize {
			if w.err = w.flush(moreFollows); w.err != nil {
				break
			}
		}
		if w.pending == nil {
			// A small file must not cost a whole chunk of memory.
			w.pending = make([]byte, 0, min(ChunkSize, max(len(p), 512)))
		}
		n := min(len(p), ChunkSize-len(w.pending))
		w.pending = append(w.pending, p[:n]...)
		p, written = p[n:], written+n
	}
	return written, w.err
}

// Close writes the last chunk. It does not close the writer beneath. A second
// Close does nothing.
func (w *Writer) Close() error {
	if errors.Is(w.err, errClosed) {
		return nil
	}
	if w.err != nil {
		return w.err
	}
	if w.err = w.flush(isLast); w.err != nil {
		return w.err
	}
	w.err = errClosed
	return nil
}

var errClosed = errors.New("the sealed file is closed")

func (w *Writer) flush(mark []byte) error {
	chunk, err := w.context.Seal(mark, w.pending)
	if err != nil {
		return fmt.Errorf("sealing a chunk: %w", err)
	}
	w.pending = w.pending[:0]
	_, err = w.to.Write(chunk)
	return err
}

// Reader opens a sealed file as it is read. Bytes that it gives are genuine
// and in their place; that they are all is known only when it gives io.EOF.
// Not for concurrent use.
type Reader struct {
	from    *bufio.Reader
	context *hpke.Recipient
	buffer  []byte
	opened  []byte // what is left of the chunk opened last
	chunks  int64
	err     error // sticky; io.EOF after the last chunk
}

// NewReader reads the head of a sealed file from r. Code: unreadable, also from
// Read. An error of r is passed on as it is, so that a broken connection is
// not taken for tampering.
func NewReader(r io.Reader, k Key, info []byte) (*Reader, error) {
	head := make([]byte, 1+encapsulatedSize)
	switch n, err := readUpTo(r, head); {
	case err != nil && err != io.EOF:
		return nil, err
	case n < len(head):
		return nil, unreadable("the sealed file ends within its head", nil)
	}
	context, err := newRecipient(k, useFile, info, head[0], head[1:])
	if err != nil {
		return nil, err
	}
	return &Reader{from: bufio.NewReaderSize(r, 4096), context: context}, nil
}

// Read gives opened bytes.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(r.opened) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		r.opened, r.err = r.next()
	}
	n := copy(p, r.opened)
	r.opened = r.opened[n:]
	return n, nil
}

// next opens one chunk. With the last one it gives io.EOF too.
func (r *Reader) next() ([]byte, error) {
	sealed, ended, err := r.fill()
	if err != nil {
		return nil, err
	}
	mark := moreFollows
	if ended {
		mark = isLast
	}
	opened, err := r.context.Open(mark, sealed)
	if err != nil {
		return nil, unreadable(fmt.Sprintf("chunk %d of the sealed file does not open", r.chunks), err)
	}
	if len(opened) == 0 && r.chunks > 0 {
		return nil, unreadable("the sealed file has an empty last chunk", nil)
	}
	r.chunks++
	if ended {
		return opened, io.EOF
	}
	return opened, nil
}

// fill reads one sealed chunk and looks whether anything follows.
func (r *Reader) fill() (sealed []byte, ended bool, err error) {
	n := 0
	for {
		if n == len(r.buffer) {
			if n == sealedChunkSize {
				break
			}
			// Grow with what really arrives.
			r.buffer = append(r.buffer, make([]byte, min(max(4096, n), sealedChunkSize-n))...)
		}
		var m int
		m, err = readUpTo(r.from, r.buffer[n:])
		n += m
		if err == io.EOF {
			return r.buffer[:n], true, nil
		}
		if err != nil {
			return nil, false, err
		}
	}
	switch _, err := r.from.Peek(1); err {
	case nil:
		return r.buffer[:n], false, nil
	case io.EOF:
		return r.buffer[:n], true, nil
	default:
		return nil, false, err
	}
}

// readUpTo fills p or gives the error that stopped it. Unlike io.ReadFull it
// leaves io.EOF and io.ErrUnexpectedEOF apart: the first is the end of the
// file, the second is what a broken HTTP body gives.
func readUpTo(r io.Reader, p []byte) (int, error) {
	n := 0
	for empty := 0; n < len(p); {
		m, err := r.Read(p[n:])
		n += m
		if err != nil {
			return n, err
		}
		if m > 0 {
			empty = 0
		} else if empty++; empty == 100 {
			return n, io.ErrNoProgress
		}
	}
	return n, nil
}

// IsUnreadable reports whether err says that sealed bytes do not open, as
// opposed to a failure to read or write them.
func IsUnreadable(err error) bool { return fault.CodeOf(err) == CodeUnreadable }
