package bench

import (
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
)

func TestASonataSellerIsMeasured(t *testing.T) {
	res, err := Sonata(t.Context(), SonataOptions{Orders: 50, Clients: 2, Duration: 200 * time.Millisecond, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Runs) != 5 || res.Size < 1000 || res.Bytes == 0 {
		t.Errorf("measured %+v", res)
	}
	for _, r := range res.Runs {
		if r.Requests == 0 || r.P99 < r.P50 || r.PerSecond <= 0 {
			t.Errorf("%s: %+v", r.Name, r)
		}
	}
	if text := res.Text(); !strings.Contains(text, "50 orders") || strings.Count(text, "requests/s") != 5 {
		t.Errorf("prints %s", text)
	}
	if _, err := Sonata(t.Context(), SonataOptions{Clients: 1000}); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a thousand clients: %v", err)
	}
}
