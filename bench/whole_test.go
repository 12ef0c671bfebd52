package bench

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestAWholeJobIsTimedAndItsFailureIsNoMeasure(t *testing.T) {
	w, err := Measure(func() error { time.Sleep(20 * time.Millisecond); return nil })
	if err != nil || w.Seconds < 0.02 || w.Peak < 1<<20 {
		t.Errorf("measured %+v, %v", w, err)
	}
	if text := w.Text(); !strings.Contains(text, "GiB at its peak") {
		t.Errorf("the text is %q", text)
	}
	failure := errors.New("no")
	if _, err := Measure(func() error { return failure }); !errors.Is(err, failure) {
		t.Errorf("the failure of a job became %v", err)
	}
}
