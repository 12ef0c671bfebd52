package clearing

import (
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/store"
)

// Assignment is which of our people sees to a dispute. It is nobody else's business:
// the partner and the ledger know nothing of it.
type Assignment struct {
	To  string `cbor:"1,keyasint"`
	By  string `cbor:"2,keyasint"` // who handed it over
	Why string `cbor:"3,keyasint,omitempty"`
	At  int64  `cbor:"4,keyasint"` // ms UTC
}

func (d *Desk) assignedKey(id string) string { return d.prefix + "assigned/" + id }

// Assign hands a dispute to a person; to nobody takes it back. Code: not-found.
func (d *Desk) Assign(id, to, by, why string) (Assignment, error) {
	if _, _, err := d.disputeOf(id); err != nil {
		return Assignment{}, err
	}
	a := Assignment{To: to, By: by, Why: why, At: d.o.Now()}
	return a, d.o.Store.Commit(store.Batch{Writes: []merkle.Write{{Key: d.assignedKey(id), Value: canon.Must(a)}}})
}

// Assigned gives who sees to a dispute. The zero value: nobody has been named.
func (d *Desk) Assigned(id string) (a Assignment, err error) {
	data, ok, err := d.o.Store.Get(d.assignedKey(id))
	if err != nil || !ok {
		return a, err
	}
	return a, canon.Decode(data, &a)
}
