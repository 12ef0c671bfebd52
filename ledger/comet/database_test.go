package comet

import (
	"context"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	dbm "github.com/cometbft/cometbft-db"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/ledger/ledgertest"
)

// failing is a store whose writes and reads fail while it is told to.
type failing struct {
	dbm.DB
	write *atomic.Pointer[func() error]
	read  *atomic.Pointer[func() error]
}

func fails(f *atomic.Pointer[func() error]) error {
	if f := f.Load(); f != nil {
		return (*f)()
	}
	return nil
}

func (f *failing) Get(key []byte) ([]byte, error) {
	if err := fails(f.read); err != nil {
		return nil, err
	}
	return f.DB.Get(key)
}

func (f *failing) SetSync(key, value []byte) error {
	if err := fails(f.write); err != nil {
		return err
	}
	return f.DB.SetSync(key, value)
}

func (f *failing) NewBatch() dbm.Batch { return &failingBatch{f.DB.NewBatch(), f} }

type failingBatch struct {
	dbm.Batch
	f *failing
}

func (b *failingBatch) Write() error {
	if err := fails(b.f.write); err != nil {
		return err
	}
	return b.Batch.Write()
}

func (b *failingBatch) WriteSync() error {
	if err := fails(b.f.write); err != nil {
		return err
	}
	return b.Batch.WriteSync()
}

func (n *network) envelope(sender int, sequence uint64) ledger.Envelope {
	e := ledger.Envelope{Header: ledger.Header{Chain: n.file.ChainID, Channel: canon.Sum("channel"), Sequence: sequence}}
	e.Sign(ledgertest.Sender(sender))
	return e
}

func TestAStoreThatFailsStopsItsValidatorOnly(t *testing.T) {
	full := func() error { return syscall.ENOSPC }
	broken := func() error { return syscall.EIO }
	bug := func() error { panic("the engine has met a bug") }
	n := newNetwork(t, 4, ledgertest.Options{})
	const victim = 3
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	next := uint64(0)
	send := func(via int) {
		t.Helper()
		next++
		if _, err := n.Ledger(via).Submit(ctx, n.envelope(0, next)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, store string
		syncing     bool // the fault is there while the validator catches up
		read        bool
		fault       func() error
		code        fault.Code
	}{
		{"the blocks' disk is full", "blockstore", false, false, full, durable.CodeDiskFull},
		{"the state's disk is full", "state", false, false, full, durable.CodeDiskFull},
		{"the index's disk is full", "index", false, false, full, durable.CodeDiskFull},
		{"a disk is full while it catches up", "blockstore", true, false, full, durable.CodeDiskFull},
		{"a disk refuses a write", "state", false, false, broken, durable.CodeDiskFailed},
		{"a disk refuses a read", "blockstore", false, true, broken, durable.CodeDiskFailed},
		{"the engine panics", "state", false, false, bug, CodeConsensusFailed},
	} {
		t.Run(c.name, func(t *testing.T) {
			var read, write atomic.Pointer[func() error]
			at := &write
			if c.read {
				at = &read
			}
			n.Stop(victim)
			n.nodes[victim].config.faults.store = func(name string, db dbm.DB) dbm.DB {
				if name != c.store {
					return db
				}
				return &failing{db, &write, &read}
			}
			if c.syncing {
				for range 5 {
					send(0)
				}
				n.Start(victim)
				at.Store(&c.fault)
			} else {
				n.Start(victim)
				send(victim) // it is one of them
				at.Store(&c.fault)
				send(0)
			}
			if err := n.Stopped(ctx, victim); fault.CodeOf(err) != c.code {
				t.Fatalf("the validator stops with %v, want %s", err, c.code)
			}
			send(0) // the others go on
			send(1)
			n.Stop(victim)
			n.nodes[victim].config.faults.store = nil
			n.Start(victim)
			send(victim)
			s, err := n.Ledger(0).Status(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for i := range n.nodes {
				got, err := n.Ledger(i).Certified(ctx, s.Tip)
				if err != nil {
					t.Fatal(err)
				}
				if root, ok := n.Machine(i).Root(s.Tip); !ok || root != got.Root {
					t.Errorf("validator %d has root %s after block %d, certified is %s", i, root, s.Tip, got.Root)
				}
			}
		})
	}
}

// The engine's own files are written past the stores; what it says of them is
// all there is.
func TestAFullDiskUnderTheLogOfVotesIsNamed(t *testing.T) {
	for reason, code := range map[string]fault.Code{
		"failed to write {msg} msg to consensus WAL due to write /x/wal: no space left on device; check your file system": durable.CodeDiskFull,
		"failed to apply block; error x": CodeConsensusFailed,
	} {
		if err := halted(reason); fault.CodeOf(err) != code {
			t.Errorf("%q gives %v, want %s", reason, err, code)
		}
	}
}
