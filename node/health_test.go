package node

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/exchange"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
)

type fakeStore struct{ err, room error }

func (s fakeStore) Err() error  { return s.err }
func (s fakeStore) Room() error { return s.room }

// Each thing that can be wrong shows under its own name, and nothing else does.
func TestReadinessNamesWhatIsWrong(t *testing.T) {
	start := time.Unix(1_800_000_000, 0)
	open := make(chan struct{})
	close(open)
	trouble := errors.New("trouble")
	for name, c := range map[string]struct {
		spoil  func(*vitals)
		detail string
	}{
		"": {func(*vitals) {}, ""},
		"ledger": {func(v *vitals) {
			v.status = func() (ledger.Status, error) { return ledger.Status{}, trouble }
		}, "trouble"},
		"caught up": {func(v *vitals) {
			v.status = func() (ledger.Status, error) { return ledger.Status{Confirmed: 100 + behind + 1}, nil }
		}, "behind"},
		"caught up ": {func(v *vitals) {
			v.status = func() (ledger.Status, error) { return ledger.Status{Confirmed: 100, Syncing: true}, nil }
		}, "behind"},
		"blocks come": {func(v *vitals) { v.now = func() time.Time { return start.Add(standing + time.Second) } }, "31s"},
		"may sign":    {func(v *vitals) { v.signs = make(chan struct{}) }, "not checked"},
		"may send":    {func(v *vitals) { v.sends = func() error { return trouble } }, "trouble"},
		"store":       {func(v *vitals) { v.stores = append(v.stores, fakeStore{trouble, trouble}) }, "trouble"},
		"disk":        {func(v *vitals) { v.stores = append(v.stores, fakeStore{nil, trouble}) }, "trouble"},
		"channel with BRAVO": {func(v *vitals) {
			v.halted = func() []named { return []named{{"BRAVO", trouble}} }
		}, "trouble"},
		"files for BRAVO": {func(v *vitals) {
			v.backlogs = func() []exchange.Backlog {
				return []exchange.Backlog{{Files: 3, Err: trouble, Since: start.Add(-untaken - time.Second)}}
			}
		}, "3 wait"},
	} {
		v := &vitals{
			status: func() (ledger.Status, error) { return ledger.Status{Confirmed: 110}, nil },
			height: func() ledger.Height { return 100 }, signs: open, sends: func() error { return nil },
			stores: []keeper{fakeStore{}}, halted: func() []named { return nil },
			// A partner that is away for a while, and one that takes files slowly.
			backlogs: func() []exchange.Backlog {
				return []exchange.Backlog{{Files: 1, Err: trouble, Since: start.Add(-time.Minute)}, {Files: 9}}
			},
			nameOf: func(sign.PublicKey) string { return "BRAVO" },
			now:    func() time.Time { return start },
		}
		v.rise.see(100, start)
		c.spoil(v)
		name = strings.TrimSpace(name)
		checks, confirmed := v.checks()
		var wrong []string
		for _, got := range checks {
			if !got.OK {
				wrong = append(wrong, got.Name)
				if !strings.Contains(got.Detail, c.detail) {
					t.Errorf("%s says %q", got.Name, got.Detail)
				}
			}
		}
		var want []string
		if name != "" {
			want = []string{name}
		}
		if !slices.Equal(wrong, want) {
			t.Errorf("with %q wrong, %q show", name, wrong)
		}
		if (confirmed == 0) != (name == "ledger") {
			t.Errorf("with %q wrong, %d is confirmed", name, confirmed)
		}
	}
}

// A ledger that goes on again is no ledger that stands still, and one that
// stands still shows it at the first look.
func TestALedgerStandsStillFromItsLastBlockOn(t *testing.T) {
	var r rise
	start := time.Unix(1_800_000_000, 0)
	for i, step := range []struct {
		after  time.Duration
		height ledger.Height
		stood  time.Duration
	}{{0, 5, 0}, {20 * time.Second, 5, 20 * time.Second}, {40 * time.Second, 6, 0}, {45 * time.Second, 6, 5 * time.Second}} {
		if got := r.see(step.height, start.Add(step.after)); got != step.stood {
			t.Errorf("look %d: it has stood for %s", i, got)
		}
	}
}
