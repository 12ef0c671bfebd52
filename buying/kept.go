package buying

import (
	"slices"
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/mesh"
	"github.com/lateral-network/lateral/store"
)

// What a broker keeps, in the node's store.
const (
	keySupply = "buying/supply/" // id of a quote: mesh.Supply
	keyOrder  = "buying/order/"  // id of an order: keptOrder
	keyRecord = "buying/record/" // hash: an acceptance test record
)

// keptOrder is an order with the names of its eNNIs: their places in the
// configuration may change.
type keptOrder struct {
	Order mesh.Order `cbor:"1,keyasint"`
	Up    string     `cbor:"2,keyasint,omitempty"`
	Down  string     `cbor:"3,keyasint,omitempty"`
}

// enniAt gives an eNNI by its name, -1 for none.
func (b *Broker) enniAt(name string) (int, error) {
	if name == "" {
		return -1, nil
	}
	i := slices.IndexFunc(b.o.Neighbours, func(n Neighbour) bool { return n.ENNI == name })
	if i < 0 {
		return 0, fault.Newf(fault.Invalid, "configure it until nothing runs over it any more", "an order runs over the eNNI %.64q, which is not configured", name)
	}
	return i, nil
}

func (b *Broker) enniName(i int) string {
	if i < 0 {
		return ""
	}
	return b.o.Neighbours[i].ENNI
}

// restore reads what was kept. Quotes that have expired and that no order rests
// on are forgotten.
func (b *Broker) restore() (orders []mesh.Order, err error) {
	b.supplies = map[mesh.ID]mesh.Supply{}
	used := map[mesh.ID]bool{}
	for r, err := range b.o.Store.Scan(keyOrder) {
		if err != nil {
			return nil, err
		}
		var k keptOrder
		if err := canon.Decode(r.Value, &k); err != nil {
			return nil, err
		}
		o := k.Order
		if o.Up, err = b.enniAt(k.Up); err != nil {
			return nil, err
		}
		if o.Down, err = b.enniAt(k.Down); err != nil {
			return nil, err
		}
		for _, r := range []*mesh.Revision{o.Current, o.Next} {
			if r != nil {
				used[r.Quote] = true
			}
		}
		orders = append(orders, o)
	}
	var old []merkle.Write
	for r, err := range b.o.Store.Scan(keySupply) {
		if err != nil {
			return nil, err
		}
		var s mesh.Supply
		if err := canon.Decode(r.Value, &s); err != nil {
			return nil, err
		}
		if q := &s.Sold.Quote; used[q.ID] || q.Until > b.now() {
			b.supplies[q.ID] = s
		} else {
			old = append(old, merkle.Write{Key: r.Key})
		}
	}
	for i := range orders {
		b.learn(&orders[i])
	}
	if len(old) > 0 {
		err = b.o.Store.Commit(store.Batch{Writes: old})
	}
	return orders, err
}

// learn notes by what name the neighbour that is bought of knows an order, and of
// which service it is a session.
func (b *Broker) learn(o *mesh.Order) {
	if of := b.supplies[o.Next.Quote].Standing; of != (mesh.ID{}) {
		if b.sessions[of] == nil {
			b.sessions[of] = map[mesh.ID]bool{}
		}
		b.sessions[of][o.ID] = true
	}
	if o.Down >= 0 {
		b.products[productKey{b.o.Neighbours[o.Down].Partner, productName(o.Below)}] = bought{o.Below, o.Down}
	}
}

// keep writes the records among effects, all in one.
func (b *Broker) keep(effects []mesh.Effect) error {
	var writes []merkle.Write
	for _, e := range effects {
		switch e := e.(type) {
		case mesh.Keep:
			b.supplies[e.Supply.Sold.Quote.ID] = e.Supply
			writes = append(writes, merkle.Write{Key: keySupply + e.Supply.Sold.Quote.ID.String(), Value: canon.Must(e.Supply)})
		case mesh.Save:
			b.learn(&e.Order)
			k := keptOrder{e.Order, b.enniName(e.Order.Up), b.enniName(e.Order.Down)}
			writes = append(writes, merkle.Write{Key: keyOrder + e.Order.ID.String(), Value: canon.Must(k)})
		}
	}
	if len(writes) == 0 {
		return nil
	}
	// The last of several writes of one record counts.
	last := map[string]int{}
	for i, w := range writes {
		last[w.Key] = i
	}
	kept := writes[:0]
	for i, w := range writes {
		if last[w.Key] == i {
			kept = append(kept, w)
		}
	}
	return b.o.Store.Commit(store.Batch{Writes: kept})
}

// forgetEvery is how often quotes that have expired are forgotten, in ms.
const forgetEvery = 60_000

// forget drops quotes that have expired and that no order rests on, once in a
// while. The lock is held.
func (b *Broker) forget(now int64) error {
	if now < b.forgot+forgetEvery {
		return nil
	}
	b.forgot = now
	used := map[mesh.ID]bool{}
	for _, o := range b.cascade.Orders() {
		for _, r := range []*mesh.Revision{o.Current, o.Next} {
			if r != nil {
				used[r.Quote] = true
			}
		}
	}
	var old []merkle.Write
	for id, s := range b.supplies {
		if !used[id] && s.Sold.Quote.Until <= now {
			delete(b.supplies, id)
			old = append(old, merkle.Write{Key: keySupply + id.String()})
		}
	}
	if len(old) == 0 {
		return nil
	}
	slices.SortFunc(old, func(x, y merkle.Write) int { return strings.Compare(x.Key, y.Key) })
	return b.o.Store.Commit(store.Batch{Writes: old})
}

// supplies finds quotes for the cascade.
type supplies struct{ b *Broker }

func (s supplies) Supply(quote mesh.ID) (mesh.Supply, int, bool) {
	x, ok := s.b.supplies[quote]
	if !ok {
		return x, -1, false
	}
	down, err := s.b.enniAt(x.ENNI)
	return x, down, err == nil
}
