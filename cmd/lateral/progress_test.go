package main

import (
	"bytes"
	"testing"
	"time"
)

func TestABarShowsHowFarAndHowFast(t *testing.T) {
	p := newProgress(&bytes.Buffer{}, "calls", 200)
	for done, want := range map[uint64]string{
		0:   "[                              ]   0 %  0 of 200 calls, 0/s",
		100: "[===============               ]  50 %  100 of 200 calls, 50/s",
		200: "[==============================] 100 %  200 of 200 calls, 100/s",
	} {
		if got := p.line(done, 2*time.Second); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A log or a pipe gets no bar.
func TestABarIsForTerminalsOnly(t *testing.T) {
	var log bytes.Buffer
	p := newProgress(&log, "calls", 10)
	p.at(5)
	p.end()
	if log.Len() > 0 {
		t.Errorf("wrote %q", log.String())
	}
}
