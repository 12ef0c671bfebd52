package comet

import (
	"sync"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/ledger/ledgertest"
)

// watched is a machine whose refusals a test sees as they are made.
type watched struct {
	*ledgertest.Machine
	mu      sync.Mutex
	refused func()
}

func (w *watched) Check(e ledger.Envelope) error {
	err := w.Machine.Check(e)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil && w.refused != nil {
		w.refused()
		w.refused = nil
	}
	return err
}

// stranger makes an envelope with a key that the machine does not know yet,
// and the one that makes it known.
func (l *lone) stranger(i int) (e, introduction ledger.Envelope) {
	key := testKey("new", i)
	e = ledger.Envelope{Header: ledger.Header{Chain: l.config.Network.ChainID, Channel: canon.Sum("c"), Sequence: 1}}
	e.Sign(key)
	introduction = ledgertest.Introduce(ledger.Header{Chain: l.config.Network.ChainID, Channel: canon.Sum("c"), Sequence: uint64(i) + 1}, key.Public())
	introduction.Sign(ledgertest.Sender(0))
	return e, introduction
}

func TestARefusalIsJudgedByABlockThatTheSenderHasSeen(t *testing.T) {
	l := newLone(t)
	l.config.Tuning.EmptyInterval = time.Hour // the next block is the one that the test makes
	l.config.FollowListen = "127.0.0.1:0"
	l.config.AllowFollower = func(sign.PublicKey) bool { return true }
	m := &watched{Machine: l.machine}
	v, err := Open(l.config, m)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	l.submit(v)
	f, err := Follow(FollowerConfig{Network: l.config.Network, Key: testKey("follower", 0),
		Endpoints: []Endpoint{{l.config.NodeKey.Public(), v.FollowAddress()}}})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	settled := func() { // no block is under way
		t.Helper()
		for tip, still := ledger.Height(0), 0; still < 25; time.Sleep(20 * time.Millisecond) {
			if now, _ := v.app.where(); now != tip {
				tip, still = now, 0
			}
			still++
		}
	}

	t.Run("the follower has read the block elsewhere", func(t *testing.T) {
		settled()
		e, introduction := l.stranger(0)
		tip, _ := v.app.where()
		f.verified.Store(uint64(tip) + 1)
		got := make(chan error, 1)
		go func() {
			_, err := f.Submit(t.Context(), e)
			got <- err
		}()
		select {
		case err := <-got:
			t.Fatalf("judged before the block: %v", err)
		case <-time.After(300 * time.Millisecond):
		}
		if _, err := v.Submit(t.Context(), introduction); err != nil {
			t.Fatal(err)
		}
		if err := <-got; err != nil {
			t.Fatal(err)
		}
	})
	t.Run("the block comes while the machine is asked", func(t *testing.T) {
		settled()
		e, introduction := l.stranger(1)
		judged := make(chan struct{})
		m.mu.Lock()
		m.refused = func() { // the machine is given the next block right after its answer
			tip, _ := v.app.where()
			v.app.mu.Lock()
			v.app.working = tip + 1
			v.app.mu.Unlock()
			close(judged)
		}
		m.mu.Unlock()
		got := make(chan error, 1)
		go func() {
			_, err := v.Submit(t.Context(), e)
			got <- err
		}()
		<-judged
		if _, err := v.Submit(t.Context(), introduction); err != nil {
			t.Fatal(err)
		}
		if err := <-got; err != nil {
			t.Fatal(err)
		}
	})
	t.Run("a key that nobody brings is refused", func(t *testing.T) {
		settled()
		e, _ := l.stranger(2)
		if _, err := f.Submit(t.Context(), e); fault.CodeOf(err) != fault.Refused {
			t.Fatalf("got %v, want refused", err)
		}
	})
}

// accountant is a machine that allows an account one percent.
type accountant struct{ *ledgertest.Machine }

func (accountant) Accounts(ledger.Envelope) ([]ledger.Account, bool, error) {
	return []ledger.Account{{Name: "all", Percent: 1}}, false, nil
}

func TestTheMachinesAccountsBoundWhatIsInFlight(t *testing.T) {
	l := newLone(t)
	l.config.Tuning.PendingBytes = 8 << 20
	v, err := Open(l.config, accountant{l.machine})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	e := ledger.Envelope{Header: ledger.Header{Chain: l.config.Network.ChainID, Sequence: 1}, Payload: make([]byte, 100_000)}
	e.Sign(ledgertest.Sender(0))
	if _, err := v.Submit(t.Context(), e); fault.CodeOf(err) != fault.Busy {
		t.Errorf("beyond the account's part: %v, want busy", err)
	}
	l.submit(v)
}
