package voice

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/lateral-network/lateral/trade/usage"
)

// buffer holds rows of one side until they are written.
type buffer struct {
	rows []byte
	day  int64  // that date stands for, days since 1970
	date []byte // "2026-03-01T"
}

// flushAt is how many bytes of rows are gathered before they are written.
const flushAt = 64 << 10

// Write makes n calls that start within a span, nearly in order of time, and
// appends each side's rows to its writer, without header.
func (g *Generator) Write(ours, theirs io.Writer, span usage.Interval, n int) error {
	out := [2]io.Writer{ours, theirs}
	var both [2]records
	for i := range n {
		for g.flooded(span, uint64(i), uint64(n), &both) {
			g.emit(oursSide, &both[oursSide])
			g.emit(theirsSide, &both[theirsSide])
		}
		g.next(span, uint64(i), uint64(n), &both)
		for side := range both {
			g.emit(side, &both[side])
			if b := &g.out[side]; len(b.rows) > flushAt || i == n-1 {
				if _, err := out[side].Write(b.rows); err != nil {
					return fmt.Errorf("writing generated calls: %w", err)
				}
				b.rows = b.rows[:0]
			}
		}
	}
	return nil
}

// WriteFiles makes a whole plan: n calls over its span, two files with headers
// and our sheet.
func (g *Generator) WriteFiles(ours, theirs, rates io.Writer, n int) error {
	if err := g.WriteSheet(rates); err != nil {
		return fmt.Errorf("writing the generated sheet: %w", err)
	}
	for _, w := range []io.Writer{ours, theirs} {
		if _, err := io.WriteString(w, UsageHeader+"\n"); err != nil {
			return fmt.Errorf("writing generated calls: %w", err)
		}
	}
	return g.Write(ours, theirs, g.plan.Span, n)
}

// Readers gives the two files of n calls over the plan's span without keeping
// them: each is made anew as it is read, so one may be read far ahead of the
// other, by another goroutine, and memory does not grow. The calls begin with
// the first one whatever was written before. [Generator.Truth] is that of the
// calls once ours has been read to its end.
func (g *Generator) Readers(n int) (ours, theirs io.Reader) {
	g.start(true)
	other := &Generator{world: g.world}
	other.start(false)
	return newStream(g, oursSide, n), newStream(other, theirsSide, n)
}

// stream is one side's file as a reader.
type stream struct {
	g      *Generator
	side   int
	i, n   uint64
	unread []byte
}

func newStream(g *Generator, side, n int) *stream {
	return &stream{g: g, side: side, n: uint64(n), unread: []byte(UsageHeader + "\n")}
}

func (s *stream) Read(p []byte) (int, error) {
	if len(s.unread) == 0 {
		b := &s.g.out[s.side]
		b.rows = b.rows[:0]
		var both [2]records
		for ; s.i < s.n && len(b.rows) < flushAt; s.i++ {
			for s.g.flooded(s.g.plan.Span, s.i, s.n, &both) {
				s.g.emit(s.side, &both[s.side])
			}
			s.g.next(s.g.plan.Span, s.i, s.n, &both)
			s.g.emit(s.side, &both[s.side])
		}
		if s.unread = b.rows; len(s.unread) == 0 {
			return 0, io.EOF
		}
	}
	n := copy(p, s.unread)
	s.unread = s.unread[n:]
	return n, nil
}

// emit appends one side's rows of a call.
func (g *Generator) emit(side int, r *records) {
	for i := range r.list() {
		c := &r.all[i]
		g.row(side, c, 0)
		switch c.again {
		case sameRow:
			g.row(side, c, 0)
		case otherID:
			g.row(side, c, 'R')
		}
	}
}

func (g *Generator) row(side int, c *call, suffix byte) {
	buf := &g.out[side]
	mark, trunk := "C", "T"
	if side == theirsSide {
		mark, trunk = "X", "TG"
	}
	b := append(buf.rows, mark...)
	b = strconv.AppendUint(b, g.calls, 10)
	if c.part != 0 {
		b = append(b, c.part)
	}
	if suffix != 0 {
		b = append(b, suffix)
	}
	b = append(b, ',')
	if c.Origin != usage.Withheld {
		b = strconv.AppendUint(b, uint64(c.Origin), 10)
	}
	b = append(b, ',')
	b = g.dialled(b, side, c)
	b = append(b, ',')
	b = buf.stamp(b, c.Start)
	b = append(b, ',')
	b = strconv.AppendUint(b, uint64(c.Duration), 10)
	b = append(append(append(b, ','), c.Result.String()...), ',')
	pair := [2]string{string(g.plan.Ours), string(g.plan.Theirs)}
	if c.third {
		pair[1-side] = string(g.third)
	}
	b = append(append(append(b, pair[c.Way]...), ','), pair[1-c.Way]...)
	b = append(append(b, ','), trunk...)
	buf.rows = append(strconv.AppendInt(b, int64(c.trunk), 10), '\n')
}

// dialled writes the called number as the side's trunk writes numbers.
func (g *Generator) dialled(b []byte, side int, c *call) []byte {
	if c.fate >= 0 {
		if f := &g.fates[c.fate]; side == f.side && (f.way == format || f.way == national) {
			b = append(b, f.text...)
			if f.way == national {
				at := len(b)
				b = strconv.AppendUint(b, uint64(c.Destination), 10)
				return append(b[:at], b[at+len(homeCountry):]...)
			}
		}
	}
	return strconv.AppendUint(b, uint64(c.Destination), 10)
}

// stamp writes a moment in RFC 3339 with ms. The date is kept from row to row.
func (b *buffer) stamp(to []byte, ms int64) []byte {
	const day = 86_400_000
	number, rest := ms/day, ms%day
	if rest < 0 {
		number, rest = number-1, rest+day
	}
	if number != b.day || b.date == nil {
		b.day, b.date = number, time.UnixMilli(number*day).UTC().AppendFormat(b.date[:0], "2006-01-02T")
	}
	digits := func(at, n int, x int64) {
		for ; n > 0; n-- {
			to[at+n-1] = byte('0' + x%10)
			x /= 10
		}
	}
	to = append(to, b.date...)
	at := len(to)
	to = append(to, "00:00:00.000Z"...)
	digits(at, 2, rest/3_600_000)
	digits(at+3, 2, rest/60_000%60)
	digits(at+6, 2, rest/1000%60)
	digits(at+9, 3, rest%1000)
	return to
}
