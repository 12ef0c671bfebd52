package channel

import (
	"encoding/binary"
	"fmt"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
)

// Where old keys are destroyed, the partner's export is what a lost node is
// rebuilt from, and it is of the state that both have signed: the last anchor's,
// not the present one. So each block's commit also keeps what was there before
// it, from that anchor on.

const (
	metaPromised = "promised" // height of the block from which on old keys are to be destroyed
	indexBack    = "back"     // height, 8 bytes big endian → back
)

// back is what a block has changed.
type back struct {
	Records  []backRecord `cbor:"1,keyasint"`
	Protocol protocol     `cbor:"2,keyasint"`
	Size     uint64       `cbor:"3,keyasint"` // leaves in the block log
	Cursor   uint64       `cbor:"4,keyasint"` // entries in the event log
}

// backRecord is a record before a block.
type backRecord struct {
	Key   []byte `cbor:"1,keyasint"`
	Value []byte `cbor:"2,keyasint"`
	There bool   `cbor:"3,keyasint"`
}

// keepBack keeps what the block changes, once the members have agreed to
// destroy old keys. before is the protocol as it was.
func (d *bilateralDraft) keepBack(before protocol) error {
	b := d.b
	d.promised, d.backTo = b.promised, b.backTo
	if d.promised == 0 {
		if b.m.law.Destroys(d.state, d.state.wrote) {
			d.promised = d.block.Height
			d.batch.Meta[metaPromised] = canon.Must(d.promised)
		}
		return nil
	}
	write := func(height uint64, value []byte) {
		d.batch.Index = append(d.batch.Index, store.IndexWrite{Index: indexBack, Key: leafName(height), Value: value})
	}
	if a, ok := b.m.law.LastAnchor(d.public, b.r.id); ok && a.Position > d.backTo {
		d.backTo = a.Position
		for r, err := range b.r.space.ScanIndex(indexBack, "") {
			if err != nil {
				return err
			}
			height, err := backHeight(r)
			if err != nil {
				return err
			}
			if height > d.backTo {
				break
			}
			write(height, nil)
		}
	}
	if !d.moved && len(d.lines) == 0 {
		return nil
	}
	x := back{Protocol: before, Size: b.r.size, Cursor: uint64(b.r.cursor)}
	for _, w := range d.batch.Writes {
		value, ok := b.r.state.Get(w.Key)
		x.Records = append(x.Records, backRecord{[]byte(w.Key), value, ok})
	}
	write(d.block.Height, canon.Must(x))
	return nil
}

func backHeight(r store.Record) (uint64, error) {
	if len(r.Key) != 8 {
		return 0, corruptStore("the index of what was before a block has a key of another length")
	}
	return binary.BigEndian.Uint64([]byte(r.Key)), nil
}

// stateAfter gives the channel as it was after the block of an earlier leaf:
// its records as writes over the present ones, protocol and event log's length.
// Code: not-yet when it was not kept.
func (b *Bilateral) stateAfter(height, size uint64) (writes []trade.Write, p protocol, cursor uint64, err error) {
	b.mu.Lock()
	at := back{Protocol: b.p, Size: b.r.size, Cursor: uint64(b.r.cursor)}
	b.mu.Unlock()
	seen := map[string]bool{}
	first := true
	for r, err := range b.r.space.ScanIndex(indexBack, "") {
		if err != nil {
			return nil, p, 0, err
		}
		h, err := backHeight(r)
		if err != nil {
			return nil, p, 0, err
		}
		if h <= height {
			continue
		}
		var x back
		if err := canon.Stored(r.Value, &x); err != nil {
			return nil, p, 0, corruptStore(fmt.Sprintf("what was before block %d cannot be read", h)).Because(err)
		}
		if first {
			at, first = x, false
		}
		for _, rec := range x.Records { // the first block behind the height says how a record was at it
			key := string(rec.Key)
			if seen[key] {
				continue
			}
			seen[key] = true
			w := trade.Write{Key: key}
			if rec.There {
				w.Value = append([]byte{}, rec.Value...)
			}
			writes = append(writes, w)
		}
	}
	if at.Size != size {
		return nil, p, 0, fault.New(fault.NotYet, "this node has not kept the channel's state at its last anchor: old keys are destroyed here only since then",
			"ask again after the channel's next anchor")
	}
	return writes, at.Protocol, at.Cursor, nil
}
