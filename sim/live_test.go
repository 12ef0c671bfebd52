package sim

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// told collects a timeline, and ends something once it tells of all of a list.
type told struct {
	mu   sync.Mutex
	text bytes.Buffer
	wait []string
	end  func()
}

func (w *told) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(p)
	all := w.text.String()
	for _, s := range w.wait {
		if !strings.Contains(all, s) {
			return len(p), nil
		}
	}
	w.end()
	return len(p), nil
}

// Two live sandboxes at once, each with its own ports and folder: both close,
// invoice and settle a period, and end when they are told to.
func TestTwoLiveSandboxesSettleAPeriodEach(t *testing.T) {
	long(t)
	var both sync.WaitGroup
	for _, name := range []string{"one", "two"} {
		dir := filepath.Join(t.TempDir(), name)
		both.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			w := &told{end: cancel, wait: []string{"period closed", "invoice            ", "payment advised", "settled            ", "final in "}}
			err := Live(ctx, LiveOptions{Dir: dir, Cycle: "15s", CallsPerSecond: 10, Seed: 7, Timeline: w})
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			text := w.text.String()
			for _, s := range append(w.wait, "seed 7", "stopping", "browsers find it at") {
				if !strings.Contains(text, s) {
					t.Errorf("%s does not tell %q", name, s)
				}
			}
			t.Logf("%s:\n%s", name, text)
		})
	}
	both.Wait()
}
