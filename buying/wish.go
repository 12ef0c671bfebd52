package buying

import (
	"encoding/json"

	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/line/connectivity"
	"github.com/lateral-network/lateral/mesh"
)

// Wish is what of a service is to be otherwise; what is zero stays as it is.
type Wish struct {
	Bandwidth       uint64 // bit/s
	MaxLatency      uint64 // µs
	MinAvailability uint32 // millionths
	Until           int64  // ms since 1970: a later end of a timed service
	// Attributes are members of the configuration by the product's schema; null takes
	// one away.
	Attributes map[string]any
}

// on gives the inquiry of a service that is changed as wished. Codes: invalid,
// bad-inquiry, bad-payload, unknown-type.
func (w *Wish) on(schemas *catalog.Schemas, q mesh.Inquiry) (mesh.Inquiry, error) {
	was := q
	if w.Bandwidth != 0 {
		q.Bandwidth = w.Bandwidth
	}
	if w.MaxLatency != 0 {
		q.MaxLatency = w.MaxLatency
	}
	if w.MinAvailability != 0 {
		q.MinAvailability = uint64(w.MinAvailability) * perMillionth
	}
	if w.Until != 0 {
		q.Window.To = w.Until
	}
	var err error
	if len(w.Attributes) > 0 {
		if q.Attributes, err = with(&q, w.Attributes, schemas); err != nil {
			return q, err
		}
	}
	if q == was {
		return q, fault.New(fault.Invalid, "the change names nothing that is otherwise", "name a bandwidth, bounds, a later end or attributes")
	}
	return q, q.Validate()
}

// with gives the further members of a configuration with others set, as the schema
// of the product has them.
func with(q *mesh.Inquiry, set map[string]any, schemas *catalog.Schemas) (string, error) {
	members, err := attributesOf(q)
	if err != nil {
		return "", err
	}
	if members == nil {
		members = map[string]json.RawMessage{}
	}
	for name, v := range set {
		if v == nil {
			delete(members, name)
			continue
		}
		if members[name], err = json.Marshal(v); err != nil {
			return "", fault.New(fault.Invalid, "the attribute is no JSON", "name a text, a number or an object").Because(err).In("attributes." + name)
		}
	}
	if len(members) == 0 {
		return "", nil
	}
	raw, err := json.Marshal(members)
	if err == nil {
		raw, err = connectivity.Canonical(raw)
	}
	if err != nil {
		return "", err
	}
	x := *q
	x.Attributes = string(raw)
	if _, err := attributesOf(&x); err != nil {
		return "", err
	}
	if len(x.Attributes) > mesh.MaxAttributes {
		return "", x.Validate()
	}
	return x.Attributes, fit(&x, schemas)
}

// fit refuses a configuration that the schema of its product does not have.
func fit(q *mesh.Inquiry, schemas *catalog.Schemas) error {
	if err := schemas.Validate(configuration(q)); err != nil {
		return fault.Of(err).In("attributes")
	}
	return nil
}

// leastLeft is how much of its time a service must have left to be prolonged, in ms:
// an order along a chain takes some blocks.
const leastLeft = 30_000

// changeable refuses what cannot be otherwise in a service that runs. Each hop asks
// it for what it has sold.
func changeable(old, asked *mesh.Inquiry, now int64) error {
	another := func(detail string) error {
		return fault.New(catalog.CodeUnfit, detail, "order the new service, then end the old one")
	}
	was := *old
	was.Bandwidth, was.MaxLatency, was.MinAvailability, was.Attributes = asked.Bandwidth, asked.MaxLatency, asked.MinAvailability, asked.Attributes
	was.Window.To = asked.Window.To
	switch timed := old.Window.To != 0; {
	case *asked != was:
		return another("another product, place, beginning, currency, term, charge period or standing is another service")
	case timed && asked.Window.To < old.Window.To || !timed && asked.Window.To != 0:
		return fault.New(catalog.CodeUnfit, "a change gives no earlier end", "end the service at that time: lateral service end --at").In("until")
	case !timed:
		return nil
	case asked.Window.To == old.Window.To:
		return another("a service with an end is paid for as a whole: only its end can be moved to a later time")
	}
	was = *old
	if was.Window.To = asked.Window.To; *asked != was {
		return another("a service that is prolonged stays otherwise as it is")
	}
	if old.Window.To-now < leastLeft {
		return another("the service ends too soon to be prolonged")
	}
	return nil
}
