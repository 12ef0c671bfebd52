package native_test

import (
	"testing"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/clearing"
)

// A node opens the desk of a Bilateral a moment after both have opened that. Whoever
// asked in between was refused, and so did every second sandbox end at its start.
func TestWhoeverIsQuickerThanTheDeskWaitsForIt(t *testing.T) {
	w := opened(t)
	alpha := w.sides["ALPHA"]
	asked := make(chan error, 1)
	go func() {
		_, err := client.Collect(alpha.as(api.Clerk).Exceptions(within(t)))
		asked <- err
	}()
	select {
	case err := <-asked:
		t.Fatalf("answered without a desk: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	alpha.clear(clearing.Automatic{})
	if err := <-asked; err != nil {
		t.Error(err)
	}
}
