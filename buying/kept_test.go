package buying

import (
	"slices"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/mesh"
	"github.com/lateral-network/lateral/store"
)

// An order asks once to be looked at when its time is over. What is due before
// that, such as an inquiry's end, does not make it forgotten.
func TestWhatIsDueLaterIsNotForgottenWhenSomethingIsDueBefore(t *testing.T) {
	b := opened(t)
	now := b.now()
	b.mu.Lock()
	for _, at := range []int64{now + 3_600_000, now - 1, now + 60_000, now + 3_600_000} {
		b.wake(at)
	}
	b.mu.Unlock()
	b.tick()
	if want := []int64{now + 60_000, now + 3_600_000}; !slices.Equal(b.wakes, want) {
		t.Errorf("it wakes at %v, want %v", b.wakes, want)
	}
}

// opened is a broker without neighbours, with an empty store.
func opened(t *testing.T) *Broker {
	t.Helper()
	db, err := store.Open(t.TempDir(), store.Options{Memory: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	c, err := catalog.Open(db.Node(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := New(Options{Carrier: "ALPHA", Catalog: c, Store: db.Node()})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A node that runs for years keeps what orders rest on, and not every quote that
// it has ever given.
func TestQuotesThatHaveExpiredAreForgottenWhileTheNodeRuns(t *testing.T) {
	b := opened(t)
	now := b.now()
	supply := func(id byte, until int64) mesh.Keep {
		return mesh.Keep{Supply: mesh.Supply{Sold: mesh.Signed{Quote: mesh.Quote{ID: mesh.ID{id}, Until: until, Currency: "EUR"}}}}
	}
	if err := b.keep([]mesh.Effect{supply(1, now-1), supply(2, now+3_600_000), supply(3, now+1000)}); err != nil {
		t.Fatal(err)
	}
	// The third is ordered.
	b.do(func(at int64) []mesh.Effect {
		effects, err := b.cascade.Place(at, mesh.ID{3}, mesh.ID{3}, at+100_000)
		if err != nil {
			t.Error(err)
		}
		return effects
	})
	for _, later := range []int64{0, 1, 2 * forgetEvery} {
		b.mu.Lock()
		err := b.forget(now + later)
		b.mu.Unlock()
		if err != nil {
			t.Fatal(err)
		}
	}
	var kept []string
	for r, err := range b.o.Store.Scan(keySupply) {
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, strings.TrimPrefix(r.Key, keySupply)[:2])
	}
	if got := strings.Join(kept, " "); got != "02 03" || len(b.supplies) != 2 {
		t.Errorf("kept are %s, and %d in memory", got, len(b.supplies))
	}
}
