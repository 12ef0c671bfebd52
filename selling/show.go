package selling

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/catalog"
)

// The roles of places in a product: of its two ends, or of the one place where
// it is.
const (
	roleA  = "A"
	roleZ  = "Z"
	roleAt = "INSTALL_LOCATION"
)

// offerings gives what a buyer may see, in order of their ids.
func (s *Shop) offerings(buyer string) (out []catalog.Entry[catalog.Offering]) {
	for _, e := range catalog.List[catalog.Offering](s.catalog) {
		if shown(&e, buyer) {
			out = append(out, e)
		}
	}
	return out
}

// changed gives when an item last became what it is.
func changed[T catalog.Item](e *catalog.Entry[T]) time.Time {
	at := e.At
	if n := len(e.Moves); n > 0 {
		at = max(at, e.Moves[n-1].At)
	}
	return time.UnixMilli(int64(at)).UTC()
}

// Categories gives the categories that visible offerings name.
func (s *Shop) Categories(_ context.Context, p sonata.Party) ([]wire.Category, error) {
	byName := map[string]*wire.Category{}
	for _, e := range s.offerings(p.Buyer) {
		for _, name := range e.Item.Categories {
			c := byName[name]
			if c == nil {
				c = &wire.Category{ID: name, Name: name, Description: name}
				byName[name] = c
			}
			if at := changed(&e); at.After(c.LastUpdate) {
				c.LastUpdate = at
			}
			c.Offerings = append(c.Offerings, wire.Ref{ID: e.Item.ID})
		}
	}
	var out []wire.Category
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		out = append(out, *byName[name])
	}
	return out, nil
}

// Offerings gives what a buyer may see, without prices: those are an answer to a
// question. What a bundle is made of is not told, so it is no bundle to a buyer.
func (s *Shop) Offerings(_ context.Context, p sonata.Party) ([]wire.Offering, error) {
	var out []wire.Offering
	for _, e := range s.offerings(p.Buyer) {
		o := &e.Item
		w := wire.Offering{ID: o.ID, Name: o.Name, Description: described(o.Description, o.Name), LastUpdate: changed(&e), LifecycleStatus: string(e.State),
			IsSellable: e.State.Sold(), Specification: wire.Ref{ID: o.Specification}}
		for _, c := range o.Categories {
			w.Category = append(w.Category, wire.Ref{ID: c})
		}
		for _, m := range e.Moves {
			if public(m.State) {
				w.StatusTransition = append(w.StatusTransition, wire.LifecycleTransition{Date: time.UnixMilli(int64(m.At)).UTC(), Status: string(m.State)})
			}
		}
		for _, c := range s.countries(o, p.Buyer) {
			w.Region = append(w.Region, wire.Region{Country: c})
		}
		roles := []string{roleAt}
		if len(o.Legs) > 0 {
			roles = []string{roleA, roleZ}
		}
		for _, r := range roles {
			w.Places = append(w.Places, wire.PlaceConstraint{Role: r, Least: 1, Most: 1})
		}
		out = append(out, w)
	}
	return out, nil
}

func described(text, name string) string {
	if text == "" {
		return name
	}
	return text
}

// countries gives those in which a buyer can have an offering, in order.
func (s *Shop) countries(o *catalog.Offering, buyer string) []string {
	in := map[string]bool{}
	places := s.catalog.Places()
	at := func(id string) {
		if p, ok := places.Get(id); ok {
			in[p.Country] = true
		}
	}
	for _, l := range o.Legs {
		if open(l, buyer) {
			at(l.A.Place)
			at(l.Z.Place)
		}
	}
	for _, id := range o.Coverage.Places {
		at(id)
	}
	for _, c := range o.Coverage.Circles {
		at(c.Place)
	}
	for _, c := range o.Coverage.Countries {
		in[c] = true
	}
	return slices.Sorted(maps.Keys(in))
}

// Specifications gives those of the offerings that a buyer may see, with the
// schema of their payloads.
func (s *Shop) Specifications(_ context.Context, p sonata.Party) ([]wire.Specification, error) {
	of := map[string]bool{}
	for _, e := range s.offerings(p.Buyer) {
		of[e.Item.Specification] = true
	}
	var out []wire.Specification
	for _, id := range slices.Sorted(maps.Keys(of)) {
		e, err := catalog.Get[catalog.Specification](s.catalog, id)
		if err != nil {
			return nil, err
		}
		schema, err := s.catalog.Schemas().Document(e.Item.Type)
		if err != nil {
			return nil, err
		}
		out = append(out, wire.Specification{ID: id, Name: e.Item.Name, Description: described(e.Item.Description, e.Item.Name), LifecycleStatus: string(e.State), LastUpdate: changed(&e),
			Source: wire.Schema{Schema: string(schema)}})
	}
	return out, nil
}
