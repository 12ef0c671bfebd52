package clearing

import (
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
)

// receipted is the receipt of the partner's node for records that this desk has
// sent. It is shown on the ledger only if the partner's desk does not confirm
// them by itself.
type receipted struct {
	File    canon.Hash            `cbor:"1,keyasint"`
	Size    uint64                `cbor:"2,keyasint"`
	Receipt trade.DeliveryReceipt `cbor:"3,keyasint"`
	At      int64                 `cbor:"4,keyasint"` // when it came, ms UTC
}

// proofWait is how long, in ms, the partner's desk may take to confirm records
// that its node has taken in.
const proofWait = 10_000

// Receipted takes the receipt of the partner's node for a file of a kind that
// the desk has sent. It may come more than once.
func (d *Desk) Receipted(kind, subject string, file store.Info, r trade.DeliveryReceipt) error {
	if kind != trade.KindRecords {
		return nil
	}
	x := receipted{file.Hash, uint64(file.Size), r, d.o.Now()}
	if err := d.keep("receipt/"+subject, canon.Must(x)); err != nil {
		return err
	}
	d.mu.Lock()
	d.receipts[subject] = x
	d.mu.Unlock()
	return nil
}

// unconfirmed marks periods whose records the partner's desk has had time enough
// to confirm.
func (d *Desk) unconfirmed() {
	now := d.o.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	for key, x := range d.receipts {
		if x.At+proofWait <= now {
			d.dirty[key] = true
		}
	}
}

// receipt gives the receipt for a period's records, if it is time to show it:
// the partner has not confirmed them, or the deadline is near.
func (d *Desk) receipt(key string, file canon.Hash, deadline int64) (receipted, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	x, ok := d.receipts[key]
	return x, ok && x.File == file && d.o.Now() >= min(x.At+proofWait, deadline-proofWait)
}

// forget drops a period's receipt when it is of no use any more.
func (d *Desk) forget(key string) error {
	d.mu.Lock()
	_, ok := d.receipts[key]
	delete(d.receipts, key)
	d.mu.Unlock()
	if !ok {
		return nil
	}
	return d.o.Store.Commit(store.Batch{Writes: []merkle.Write{{Key: d.prefix + "receipt/" + key}}})
}
