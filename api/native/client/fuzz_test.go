package client

import (
	"bytes"
	"testing"
)

// Whatever a stream brings: it ends, after at most one error, and no event is
// made of nothing.
func FuzzMessages(f *testing.F) {
	f.Add([]byte(": events\n\nid: 0.1\nevent: order.placed\ndata: {\"id\":\"0.1\",\"kind\":\"order.placed\",\"time\":\"2026-11-02T00:00:00Z\"}\n\n"))
	f.Add([]byte("data: {\ndata: }\n\ndata:\n\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		events, failed := 0, false
		for _, err := range messages(bytes.NewReader(stream)) {
			if failed {
				t.Fatal("the stream goes on behind an error")
			}
			failed = err != nil
			events++
		}
		if most := bytes.Count(stream, []byte("data:")) + 1; events > most {
			t.Errorf("%d events come of %d pieces", events, most)
		}
	})
}
