package comet

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/ledger/ledgertest"
)

// Nobody has missed a block of a network that begins, so its validators take
// part at once: the first envelope does not wait for a search. One that comes
// a little later gets what it lacks all the same.
func TestANewNetworkDecidesWithoutLookingForBlocksFirst(t *testing.T) {
	n := newNetwork(t, 4, ledgertest.Options{})
	for i := range n.nodes {
		if n.nodes[i].engine.syncing() {
			t.Errorf("validator %d looks for blocks", i)
		}
	}
	n.Stop(3)
	old, fresh := n.nodes[3].config.Home, t.TempDir()
	if err := os.MkdirAll(filepath.Join(fresh, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	// What it has signed goes with it, or it would sign twice.
	err := os.Rename(filepath.Join(old, "data", "last-signed.json"), filepath.Join(fresh, "data", "last-signed.json"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	n.nodes[3].machine, n.nodes[3].config.Home = ledgertest.NewMachine(), fresh
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var last ledger.Position
	for s := range uint64(8) {
		e := ledger.Envelope{Header: ledger.Header{Chain: n.file.ChainID, Channel: canon.Sum("channel"), Sequence: s + 1}, Payload: []byte("x")}
		e.Sign(ledgertest.Sender(0))
		if last, err = n.Ledger(int(s%3)).Submit(ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	n.Start(3)
	if n.nodes[3].engine.syncing() {
		t.Error("the late validator looks for blocks")
	}
	for {
		st, err := n.Ledger(3).Status(ctx)
		if err == nil && st.Tip >= last.Height {
			break
		}
		select {
		case <-ctx.Done():
			t.Fatalf("the late validator has %d of %d blocks: %v", st.Tip, last.Height, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// A validator without blocks in a network that has gone on for long looks for
// them before it takes part.
func TestAnEmptyValidatorOfAnOldNetworkLooksForBlocksFirst(t *testing.T) {
	n := newNetwork(t, 1, ledgertest.Options{}) // for its files and keys
	c := n.nodes[0].config
	c.Network, c.Home, c.Start = testFile(4), t.TempDir(), time.Now().Add(-time.Hour)
	c.Listen, c.FollowListen = "127.0.0.1:0", ""
	v, err := Open(c, ledgertest.NewMachine())
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if !v.engine.syncing() {
		t.Error("it takes part at once")
	}
}
