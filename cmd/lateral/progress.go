package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// progress is a bar on a terminal. It shows nothing when standard error is none.
// It is not for use by many at once.
type progress struct {
	out   io.Writer // nil: no terminal
	what  string
	total uint64
	begun time.Time
	shown time.Time
}

// newProgress begins to show how many of a total are done.
func newProgress(w io.Writer, what string, total uint64) *progress {
	p := &progress{what: what, total: total, begun: time.Now()}
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			p.out = w
		}
	}
	return p
}

// at says how many are done.
func (p *progress) at(done uint64) {
	now := time.Now()
	if p.out == nil || now.Sub(p.shown) < 200*time.Millisecond {
		return
	}
	p.shown = now
	fmt.Fprintf(p.out, "\r%s\x1b[K", p.line(done, now.Sub(p.begun)))
}

// line is what the bar shows after some time.
func (p *progress) line(done uint64, after time.Duration) string {
	const width = 30
	filled := int(min(done, p.total) * width / max(p.total, 1))
	text := fmt.Sprintf("[%s%s] %3d %%  %d of %d %s", strings.Repeat("=", filled), strings.Repeat(" ", width-filled),
		min(done, p.total)*100/max(p.total, 1), done, p.total, p.what)
	if s := after.Seconds(); s >= 1 {
		text += fmt.Sprintf(", %.0f/s", float64(done)/s)
	}
	return text
}

// end takes the bar away.
func (p *progress) end() {
	if p.out != nil && !p.shown.IsZero() {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.out = nil
	}
}
