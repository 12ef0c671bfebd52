package comet

import (
	"encoding/binary"
	"fmt"

	dbm "github.com/cometbft/cometbft-db"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/ledger"
)

// index is what a validator keeps beside the engine's stores: where each
// envelope became final, and which block the machine has applied. It may lag
// behind the engine after a crash; the engine then replays the blocks between.
type index struct{ db dbm.DB }

// applied is the index's record of the last block.
type applied struct {
	Height ledger.Height `cbor:"1,keyasint"`
	Root   ledger.Root   `cbor:"2,keyasint"`
}

var keyApplied = []byte("applied")

func keyOf(id canon.Hash) []byte { return append([]byte("id/"), id[:]...) }

// position says where the envelope with this id became final.
func (x index) position(id canon.Hash) (ledger.Position, bool, error) {
	v, err := x.db.Get(keyOf(id))
	if err != nil || v == nil {
		return ledger.Position{}, false, err
	}
	if len(v) != 12 {
		return ledger.Position{}, false, damaged(fmt.Errorf("%d bytes for a position", len(v)))
	}
	return ledger.Position{Height: ledger.Height(binary.BigEndian.Uint64(v)), Index: binary.BigEndian.Uint32(v[8:])}, true, nil
}

// applied gives the last block that was recorded; zero before the first.
func (x index) applied() (applied, error) {
	v, err := x.db.Get(keyApplied)
	if err != nil || v == nil {
		return applied{}, err
	}
	var a applied
	if err := canon.Decode(v, &a); err != nil {
		return applied{}, damaged(err)
	}
	return a, nil
}

// record adds a block. It is not synced: what a power failure takes away is
// replayed by the engine.
func (x index) record(a applied, ids []canon.Hash) error {
	batch := x.db.NewBatch()
	defer batch.Close()
	for i, id := range ids {
		var v [12]byte
		binary.BigEndian.PutUint64(v[:], uint64(a.Height))
		binary.BigEndian.PutUint32(v[8:], uint32(i))
		if err := batch.Set(keyOf(id), v[:]); err != nil {
			return err
		}
	}
	if err := batch.Set(keyApplied, canon.Must(a)); err != nil {
		return err
	}
	return batch.Write()
}

const (
	indexName   = "index"
	indexRemedy = "delete the folder data/index.db in the validator's directory and restart: it is rebuilt from the blocks, if all of them are kept"
)

func damaged(cause error) error {
	return fault.New(fault.Corrupt, "this validator's index of final envelopes is damaged", indexRemedy).Because(cause)
}
