package compare

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"io"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/line/voice"
)

// piece is some whole lines of a file.
type piece struct {
	data  []byte
	first uint64 // number of the first line, the header of the file being 1
	long  bool   // data is the head of one line that is longer than any row
}

const (
	pieceBytes = 1 << 20
	maxLine    = 64 << 10
)

// cutter reads a file, plain or compressed with gzip, in pieces. A line however
// long costs no more memory than a piece.
type cutter struct {
	in   io.Reader
	line uint64 // of the next line
	rest []byte // read, and behind the last piece's end
	err  error  // of the last read: io.EOF, or what broke the file
	skip bool   // the line being read is too long, and was given
	pool chan []byte
}

// counted tells how much is read of a file.
type counted struct {
	r  io.Reader
	on func(int)
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.on(n)
	return n, err
}

func newCutter(r io.Reader, read func(int)) (*cutter, error) {
	c := &cutter{line: 1, pool: make(chan []byte, 16)}
	in := bufio.NewReaderSize(counted{r, read}, 256<<10)
	c.in = in
	if magic, err := in.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, c.broken(err)
		}
		c.in = z
	}
	return c, nil
}

func (c *cutter) broken(err error) error {
	return fault.Newf(voice.CodeUnreadable, "send the file again, whole", "the file breaks off after line %d", c.line-1).Because(err)
}

// done takes the buffer of a piece back.
func (c *cutter) done(p piece) {
	select {
	case c.pool <- p.data:
	default:
	}
}

// fill gives what is left of the last read and more.
func (c *cutter) fill() []byte {
	var b []byte
	select {
	case b = <-c.pool:
	default:
		b = make([]byte, 0, pieceBytes+maxLine)
	}
	b = append(b[:0], c.rest...)
	c.rest = c.rest[:0]
	for c.err == nil && len(b) < pieceBytes {
		var n int
		n, c.err = c.in.Read(b[len(b):pieceBytes])
		b = b[:len(b)+n]
	}
	return b
}

// next gives the next piece; io.EOF at the end, or code unreadable-file where
// the file breaks off: all lines that were whole were given before.
func (c *cutter) next() (piece, error) {
	for {
		b := c.fill()
		if c.skip {
			i := bytes.IndexByte(b, '\n')
			c.skip = i < 0
			b = append(b[:0], b[i+1:]...)
			if c.skip {
				b = b[:0]
			}
		}
		end := bytes.LastIndexByte(b, '\n') + 1
		if end == 0 {
			switch {
			case len(b) > maxLine:
				c.skip = true
				c.line++
				return piece{data: b, first: c.line - 1, long: true}, nil
			case c.err == nil:
				c.rest = append(c.rest, b...)
				c.done(piece{data: b})
				continue
			case c.err != io.EOF:
				return piece{}, c.broken(c.err)
			case len(b) == 0:
				return piece{}, io.EOF
			}
			end = len(b)
		}
		c.rest = append(c.rest, b[end:]...)
		p := piece{data: b[:end], first: c.line}
		c.line += uint64(bytes.Count(p.data, []byte{'\n'}))
		if p.data[end-1] != '\n' {
			c.line++
		}
		return p, nil
	}
}
