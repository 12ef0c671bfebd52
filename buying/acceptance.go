package buying

import (
	"fmt"

	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/mesh"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
)

// Acceptance tests. People who deliver an own leg may say what they have measured of
// it. The leg's own carrier refuses figures that are worse than it has promised; the
// buyer of each pair refuses totals that are worse than its quote. What was refused
// waits until the leg is tested again, or given up.

// CodeTestFailed says that a leg is worse than was promised.
const CodeTestFailed fault.Code = "test-failed"

// Measured is what was measured of an own leg. What is nil was not.
type Measured struct {
	Latency      *uint64 `cbor:"1,keyasint,omitempty"` // µs, one way
	Bandwidth    *uint64 `cbor:"2,keyasint,omitempty"` // bit/s
	Availability *uint64 `cbor:"3,keyasint,omitempty"` // millionths
	Loss         *uint64 `cbor:"4,keyasint,omitempty"` // millionths of what was sent
}

// validate refuses figures that no leg has.
func (m *Measured) validate() error {
	within := func(field string, v *uint64, least, most uint64, unit string) error {
		if v == nil || *v >= least && *v <= most {
			return nil
		}
		return fault.Newf(fault.Invalid, fmt.Sprintf("name %d to %d %s, or leave it away", least, most, unit), "no leg has a %s of %d", field, *v).In("measured." + field)
	}
	for _, err := range []error{
		within("latency", m.Latency, 0, 100_000_000, "µs one way"),
		within("bandwidth", m.Bandwidth, 1, 1<<50, "bit/s"),
		within("availability", m.Availability, 0, 1_000_000, "millionths"),
		within("loss", m.Loss, 0, 1_000_000, "millionths"),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

// worse says what of some figures is worse than was promised; "" where nothing is.
func (m *Measured) worse(latency, bandwidth, availability uint64) (field, why string) {
	switch {
	case m.Latency != nil && *m.Latency > latency:
		return "latency", fmt.Sprintf("a latency of %d µs was measured, and at most %d µs are promised", *m.Latency, latency)
	case m.Bandwidth != nil && *m.Bandwidth < bandwidth:
		return "bandwidth", fmt.Sprintf("a bandwidth of %d bit/s was measured, and %d bit/s are ordered", *m.Bandwidth, bandwidth)
	case m.Availability != nil && *m.Availability < availability:
		return "availability", fmt.Sprintf("an availability of %d millionths was measured, and at least %d are promised", *m.Availability, availability)
	}
	return "", ""
}

// keyBuilt is the key of what is kept of an own leg that people have delivered.
const keyBuilt = "buying/built/"

// built is what people have said of their own leg.
type built struct {
	Measured Measured `cbor:"1,keyasint"`
	Told     bool     `cbor:"2,keyasint,omitempty"` // the buyer has the test record
}

func builtKey(r revision) string { return fmt.Sprintf("%s%s/%d", keyBuilt, r.order, r.number) }

// built gives what is kept of a revision's own leg; ok is false where people have
// said nothing.
func (b *Broker) built(r revision) (k built, ok bool, err error) {
	raw, ok, err := b.o.Store.Get(builtKey(r))
	if err == nil && ok {
		err = canon.Decode(raw, &k)
	}
	return k, ok, err
}

func (b *Broker) keepBuilt(r revision, k *built) error {
	w := merkle.Write{Key: builtKey(r)}
	if k != nil {
		w.Value = canon.Must(*k)
	}
	return b.o.Store.Commit(store.Batch{Writes: []merkle.Write{w}})
}

// forgetBuilt drops what is kept of a revision's own leg, of which nothing is to be
// said any more. The lock is held.
func (b *Broker) forgetBuilt(r revision) {
	_, ok, err := b.built(r)
	if ok {
		err = b.keepBuilt(r, nil)
	}
	if err != nil {
		b.o.Log.Warn("what was measured of a leg cannot be forgotten", "order", r.order, "err", err)
	}
}

// showed notes that the buyer has the test record of a revision. The lock is held.
func (b *Broker) showed(r revision) {
	k, ok, err := b.built(r)
	if err == nil && ok && !k.Told {
		k.Told = true
		err = b.keepBuilt(r, &k)
	}
	if err != nil {
		b.o.Log.Warn("a test record cannot be noted as sent", "order", r.order, "err", err)
	}
}

// retests reports whether a delivery waits for people because the buyer has refused
// the test record that it had. The lock is held.
func (b *Broker) retests(r revision, it *order.Item) bool {
	if it.Why == "" {
		return false
	}
	k, ok, err := b.built(r)
	return err != nil || !ok || k.Told
}

// short says what of a delivery is worse than the quote that it was ordered by. The
// lock is held.
func (b *Broker) short(o *mesh.Order, it *order.Item) string {
	s, ok := b.supplies[o.Next.Quote]
	if !ok || s.Bought == nil || s.Rest == nil {
		return ""
	}
	var m Measured
	for i := range it.Delivery.Totals {
		t := &it.Delivery.Totals[i]
		switch t.Metric {
		case "latency":
			m.Latency = &t.Value
		case "bandwidth":
			m.Bandwidth = &t.Value
		case "availability":
			m.Availability = &t.Value
		}
	}
	_, why := m.worse(s.Bought.Quote.Latency, s.Rest.Bandwidth, s.Bought.Quote.Availability/perMillionth)
	return why
}

// object refuses a test record. The lock is held.
func (b *Broker) object(partner party.Code, id, why string) {
	x := b.open[partner]
	if x == nil {
		return
	}
	b.o.Log.Warn("a test record is refused", "partner", partner, "order", id, "why", why)
	b.say(partner, x, id, "object", func(it *order.Item) []trade.Command {
		if it.State != order.ItemInProgress || it.Delivery == nil {
			return nil
		}
		return commands(trade.KindOrderReject, trade.OrderAnswer{ID: id, Why: why})
	})
}

// Built says that the own leg of a service is delivered, with what was measured of
// it, or that it cannot be. Codes: not-found, conflict, invalid, test-failed.
func (b *Broker) Built(id mesh.ID, ok bool, m Measured) (Service, error) {
	var r revision
	var refused bool // by the buyer: the cascade knows it as delivered
	return b.change(id, func(o *mesh.Order) error {
		r = revision{id, o.Next.Number}
		refused = o.Next.Stage == mesh.Delivered
		switch {
		case !b.builds[r]:
			return fault.New(fault.Conflict, "nothing is to be delivered for the service now", "look at its state")
		case !ok && m != (Measured{}):
			return fault.New(fault.Invalid, "what cannot be delivered has no figures", "leave them away").In("measured")
		case !ok:
			return nil
		}
		if err := m.validate(); err != nil {
			return err
		}
		s := b.supplies[o.Next.Quote]
		for _, l := range s.Own {
			if field, why := m.worse(l.Leg.Latency, s.Asked.Bandwidth, l.Leg.Availability/perMillionth); why != "" {
				return fault.New(CodeTestFailed, why, "mend the leg and test it again, or say that it cannot be delivered").In("measured." + field)
			}
		}
		return b.keepBuilt(r, &built{Measured: m})
	}, func(now int64) []mesh.Effect {
		delete(b.builds, r)
		if !refused {
			return b.cascade.Built(now, id, r.number, ok)
		}
		o, _ := b.cascade.Order(id)
		partner, item := b.o.Neighbours[o.Up].Partner, b.items[r]
		if x := b.open[partner]; x != nil && !ok {
			b.say(partner, x, item, "release", func(it *order.Item) []trade.Command {
				if it.State != order.ItemInProgress {
					return nil
				}
				return commands(trade.KindOrderFail, trade.OrderAnswer{ID: item, Why: "it could not be delivered"})
			})
		} else if x != nil {
			b.deliver(partner, x, item, id)
		}
		return nil
	})
}

// objection gives why the buyer has refused the test record of a revision. The lock
// is held.
func (b *Broker) objection(o *mesh.Order, r revision) string {
	x := (*channel.Bilateral)(nil)
	if o.Up >= 0 {
		x = b.open[b.o.Neighbours[o.Up].Partner]
	}
	if x == nil {
		return ""
	}
	it, _ := b.item(x, b.items[r])
	return it.Why
}
