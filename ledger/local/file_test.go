package local

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/ledger/ledgertest"
)

// written makes a ledger of five blocks and gives its configuration.
func written(t *testing.T) (Config, *ledgertest.Machine) {
	key := ledgertest.Sender(1000)
	c := Config{Network: Network("test", key.Public()), Key: key, Path: filepath.Join(t.TempDir(), "ledger")}
	m := ledgertest.NewMachine()
	l, err := Open(c, m)
	if err != nil {
		t.Fatal(err)
	}
	for n := uint64(1); n <= 5; n++ {
		if _, err := l.Submit(t.Context(), numbered(c, n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return c, m
}

func numbered(c Config, n uint64) ledger.Envelope {
	e := ledger.Envelope{Header: ledger.Header{Chain: c.Network.ChainID, Sequence: n}, Payload: []byte("payload")}
	e.Sign(ledgertest.Sender(0))
	return e
}

// A crash may leave any part of the last append. What was final before stays,
// and the ledger goes on.
func TestAFileCutAnywhereKeepsWhatWasFinal(t *testing.T) {
	c, _ := written(t)
	whole, err := os.ReadFile(c.Path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := len(whole) - 1; cut >= 0; cut -= 7 {
		if err := os.WriteFile(c.Path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := Open(c, ledgertest.NewMachine())
		if err != nil {
			t.Fatalf("cut at %d of %d: %v", cut, len(whole), err)
		}
		s, err := l.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Submit(t.Context(), numbered(c, uint64(s.Tip)+1)); err != nil {
			t.Fatalf("cut at %d: tip %d: %v", cut, s.Tip, err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnyByteChangedInTheFileIsCorrupt(t *testing.T) {
	c, _ := written(t)
	whole, err := os.ReadFile(c.Path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		bad := bytes.Clone(whole)
		bad[i] ^= 0x10
		if err := os.WriteFile(c.Path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(c, ledgertest.NewMachine())
		if fault.CodeOf(err) != fault.Corrupt {
			t.Fatalf("byte %d of %d: got %v, want code corrupt", i, len(whole), err)
		}
	}
}

func TestZerosAtTheEndAreAnUnfinishedWrite(t *testing.T) {
	c, m := written(t)
	f, err := os.OpenFile(c.Path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write(make([]byte, 3000))
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	l, err := Open(c, m)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if s, err := l.Status(t.Context()); err != nil || s.Tip != 5 {
		t.Fatal(s, err)
	}
}

func TestAnotherLedgersFileOrMachineIsAConflict(t *testing.T) {
	c, _ := written(t)
	other := c
	other.Network = Network("other", c.Key.Public())
	if _, err := Open(other, ledgertest.NewMachine()); fault.CodeOf(err) != fault.Conflict {
		t.Fatalf("got %v, want code conflict", err)
	}
	c.Key = sign.FromSeed(canon.Sum("x"))
	if _, err := Open(c, ledgertest.NewMachine()); fault.CodeOf(err) != fault.Invalid {
		t.Fatalf("another key: got %v, want code invalid", err)
	}
	c.Key = ledgertest.Sender(1000)
	if _, err := Open(c, wrongMachine{}); fault.CodeOf(err) != fault.Conflict {
		t.Fatalf("a machine with another history: got %v, want code conflict", err)
	}
}

// wrongMachine has another history.
type wrongMachine struct{}

func (wrongMachine) Check(ledger.Envelope) error                  { return nil }
func (wrongMachine) Apply(ledger.Block) (ledger.Root, error)      { return canon.Sum("wrong"), nil }
func (wrongMachine) Applied() (ledger.Height, ledger.Root, error) { return 0, ledger.Root{}, nil }

func FuzzVerify(f *testing.F) {
	n := Network("test", ledgertest.Sender(1000).Public())
	f.Add(canon.Must(seal{Height: 1}))
	f.Add(canon.Must(inclusion{}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, _, _, err := VerifyCertificate(n, data); err == nil {
			t.Fatal("a forged certificate is accepted")
		}
		if _, _, err := VerifyInclusion(n, data); err == nil {
			t.Fatal("a forged proof is accepted")
		}
	})
}

func FuzzFile(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1})
	f.Add(make([]byte, 600))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "ledger")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if file, _, err := openFile(path); err == nil {
			if err := file.close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
