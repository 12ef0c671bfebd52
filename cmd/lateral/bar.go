package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

// columns gives the width of a terminal; false when it is none.
func columns(w any) (int, bool) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width < 20 {
		width = 80
	}
	return width, true
}

// bar shows on one line of a terminal how far a job is. The zero value shows
// nothing.
type bar struct {
	out   io.Writer
	width int
	now   func() time.Time

	stage string
	began time.Time // of the stage
	last  time.Time // shown
	drawn bool
}

// newBar is for a job that tells its progress on w, where that is a terminal.
func newBar(w io.Writer) *bar {
	if width, ok := columns(w); ok {
		return &bar{out: w, width: width, now: time.Now}
	}
	return &bar{}
}

// redraw is how often the line changes at most.
const redraw = 100 * time.Millisecond

// show notes what is done of a stage; total 0: not known.
func (b *bar) show(stage string, done, total int64) {
	if b.out == nil {
		return
	}
	now := b.now()
	if stage != b.stage {
		b.stage, b.began, b.last = stage, now, time.Time{}
	}
	if now.Sub(b.last) < redraw {
		return
	}
	b.last, b.drawn = now, true
	fmt.Fprint(b.out, "\r"+b.line(done, total, now.Sub(b.began))+"\x1b[K")
}

// line is what stands on the terminal. Stages that read a file count bytes.
func (b *bar) line(done, total int64, since time.Duration) string {
	text := b.stage
	if total > 0 {
		done = min(done, total)
		text += fmt.Sprintf("  %3d %%", done*100/total)
	} else if done > 0 {
		text += fmt.Sprintf("  %d", done)
	}
	seconds := since.Seconds()
	if seconds >= 1 && done > 0 {
		if strings.HasPrefix(b.stage, "reading ") {
			text += fmt.Sprintf("  %.0f MB/s", float64(done)/1e6/seconds)
		}
		if total > 0 {
			rest := time.Duration(float64(since) / float64(done) * float64(total-done))
			text += "  " + rest.Round(time.Second).String() + " left"
		}
	}
	if room := b.width - utf8.RuneCountInString(text) - 5; total > 0 && room >= 10 {
		room = min(room, 40)
		full := int(done * int64(room) / total)
		text = "[" + strings.Repeat("=", full) + strings.Repeat(" ", room-full) + "]  " + text
	}
	if r := []rune(text); len(r) >= b.width {
		text = string(r[:b.width-1])
	}
	return text
}

// end clears the line.
func (b *bar) end() {
	if b.drawn {
		fmt.Fprint(b.out, "\r\x1b[K")
		b.drawn = false
	}
}
