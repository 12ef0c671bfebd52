package channel

import (
	"encoding/binary"
	"fmt"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/store"
)

// A proof shows a record in the state that an anchor covers, which is not the
// present one. The state tree is in memory and as of now; each block's commit
// also keeps what takes the block back in the tree, from the last anchor on, so
// that the anchored state is there again after a restart.

func leafName(index uint64) string { return string(binary.BigEndian.AppendUint64(nil, index)) }

// dropsAtOnce bounds how much of the undo index one block's commit removes.
const dropsAtOnce = 64

// dropUndo removes what lies before the last anchor, which nobody asks for any
// more.
func (d *bilateralDraft) dropUndo(anchored uint64) {
	d.undoFrom = d.b.undoFrom
	for ; d.undoFrom < anchored && d.undoFrom < d.b.undoFrom+dropsAtOnce; d.undoFrom++ {
		d.index = append(d.index, store.IndexWrite{Index: indexUndo, Key: leafName(d.undoFrom)})
	}
}

// stateAt gives the state after an earlier leaf, nil when it is no longer kept.
// mu is held, or nobody else has b yet.
func (b *Bilateral) stateAt(size uint64) (*keptTree, error) {
	for i := range b.trees {
		if b.trees[i].size == size {
			kept := b.trees[i]
			return &kept, nil
		}
	}
	b.r.mu.RLock()
	defer b.r.mu.RUnlock()
	if size == 0 || size > b.r.size || size < b.undoFrom {
		return nil, nil
	}
	tree := b.r.tree.Clone()
	for leaf := b.r.size; leaf > size; leaf-- {
		undo, ok, err := b.r.space.Lookup(indexUndo, leafName(leaf-1))
		if err != nil || !ok {
			return nil, err // of a store from before there was such an index
		}
		if err := tree.Undo(undo); err != nil {
			return nil, fmt.Errorf("going back to leaf %d: %w", size-1, err)
		}
	}
	leaf, err := b.r.leaf(size - 1)
	if err != nil {
		return nil, err
	}
	if leaf.State != tree.Root() {
		return nil, corruptStore(fmt.Sprintf("channel %s: going back to leaf %d gives another state than the log's", b.r.id, size-1))
	}
	return &keptTree{size, size - 1, tree}, nil
}

// loadAnchor takes the channel's last anchor and the state that it covers.
func (b *Bilateral) loadAnchor() error {
	for r, err := range b.r.space.ScanIndex(indexUndo, "") {
		if err != nil {
			return err
		}
		if len(r.Key) != 8 {
			return fault.New(fault.Corrupt, "the undo index has a key of another length", "move the store away and start again: it is rebuilt from the ledger and the key file")
		}
		b.undoFrom = binary.BigEndian.Uint64([]byte(r.Key))
		break
	}
	a, ok := b.m.law.LastAnchor(b.m.omni.r.state, b.r.id)
	if !ok || len(a.Heads) == 0 {
		return nil
	}
	state, err := b.stateAt(a.Head().Size)
	if err != nil {
		return err
	}
	b.anchors = []anchored{{a, state}}
	return nil
}
