package comet

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/ledger/ledgertest"
)

// lone is a committee of one on a disk of its own: what its stores do is seen
// without the help of others.
type lone struct {
	t       *testing.T
	config  Config
	machine *ledgertest.Machine
	next    uint64 // number of the next envelope
}

func newLone(t *testing.T) *lone {
	return &lone{t: t, machine: ledgertest.NewMachine(), next: 1, config: Config{
		Network: testFile(1), Start: time.Now(), Home: t.TempDir(), Key: testKey("block", 0), NodeKey: testKey("node", 0),
		Tuning: testTuning, Log: testLog("lone"),
	}}
}

func (l *lone) path(name string) string { return filepath.Join(l.config.Home, "data", name) }

func (l *lone) open() *Validator {
	l.t.Helper()
	v, err := Open(l.config, l.machine)
	if err != nil {
		l.t.Fatalf("%v (%v)", err, fault.Of(err).Cause)
	}
	return v
}

// run opens the validator, makes some envelopes final, and closes it.
func (l *lone) run(envelopes int) {
	l.t.Helper()
	v := l.open()
	for range envelopes {
		l.submit(v)
	}
	if err := v.Close(); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lone) submit(v *Validator) ledger.Position {
	l.t.Helper()
	e := ledger.Envelope{Header: ledger.Header{Chain: l.config.Network.ChainID, Sequence: l.next}, Payload: make([]byte, 1000)}
	e.Sign(ledgertest.Sender(0))
	at, err := v.Submit(l.t.Context(), e)
	if err != nil {
		l.t.Fatal(err)
	}
	l.next++
	return at
}

func TestAnEngineThatCannotStartSaysWhy(t *testing.T) {
	for _, c := range []struct {
		name   string
		code   fault.Code
		damage func(l *lone) (mend func())
	}{
		{"the data of another chain", fault.Conflict, func(l *lone) func() {
			own := l.config.Network
			l.config.Network.Genesis = canon.Sum("another genesis")
			l.config.Network.ChainID = ledger.ChainID("test", l.config.Network.Genesis)
			return func() { l.config.Network = own }
		}},
		{"an unreadable record of the last vote", fault.Corrupt, func(l *lone) func() {
			return l.replace("last-signed.json", []byte("{"))
		}},
		{"a file in place of the blocks", fault.Corrupt, func(l *lone) func() {
			return l.replace("blockstore.db", []byte("no folder"))
		}},
		{"a file in place of the evidence", fault.Corrupt, func(l *lone) func() {
			return l.replace("evidence.db", []byte("no folder"))
		}},
		{"a port that is taken", fault.Unavailable, func(l *lone) func() {
			other := newLone(l.t)
			v := other.open()
			l.config.Listen = v.Address()
			return func() {
				if err := v.Close(); err != nil {
					l.t.Error(err)
				}
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLone(t)
			l.run(2)
			mend := c.damage(l)
			for range 2 { // what the first try opened is closed again
				if v, err := Open(l.config, l.machine); fault.CodeOf(err) != c.code {
					if err == nil {
						v.Close()
					}
					t.Fatalf("got %v, want code %s", err, c.code)
				}
			}
			mend()
			l.run(1)
		})
	}
}

// replace puts a file in the place of a store; mend puts the store back.
func (l *lone) replace(name string, content []byte) (mend func()) {
	l.t.Helper()
	aside := l.path(name + ".aside")
	must := func(err error) {
		if err != nil {
			l.t.Fatal(err)
		}
	}
	must(os.Rename(l.path(name), aside))
	must(os.WriteFile(l.path(name), content, 0o600))
	return func() {
		must(os.Remove(l.path(name)))
		must(os.Rename(aside, l.path(name)))
	}
}
