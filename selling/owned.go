package selling

import (
	"slices"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
)

// Products are what buyers have of this carrier.
type Products interface {
	// Product gives a product of a buyer by its id in the inventory, and the terms
	// that its agreement has now.
	Product(buyer, id string) (product.Instance, agreement.Terms, bool)
}

// owned is a product that a buyer has, with the reservation that it rests on.
type owned struct {
	product.Instance
	terms agreement.Terms
	hold  *catalog.Hold // nil: it was not ordered by a quote of this catalogue
}

// own finds a product that is to be changed or ended. path is a JSON pointer to
// what names it.
func (s *Shop) own(p sonata.Party, path, action, id string) (*owned, error) {
	unknown := fault.New(sonata.CodeReferenceUnknown, "there is no such product of yours in this inventory", "look the id up in the inventory, or ask for a new one").In(path + "/id")
	if s.o.Products == nil {
		return nil, unknown
	}
	x, terms, ok := s.o.Products.Product(p.Buyer, id)
	if !ok || x.Buyer != party.Code(p.Buyer) || x.Seller != s.o.Carrier {
		return nil, unknown
	}
	cannot := func(detail string) error {
		return fault.New(fault.Refused, detail, "look at its status in the inventory").In(path + "/id")
	}
	changeable := x.State == product.Active || x.State == product.PendingChange
	switch {
	case !x.State.Held():
		return nil, cannot("the product is not active")
	case action == wire.Modify && !changeable:
		return nil, cannot("the product is suspended, or its end is ordered")
	case action == wire.Modify && x.Ends != 0 && !s.speaks(p): // the mesh can prolong it
		return nil, cannot("the product ends by its own time, and is not changed before")
	}
	o := &owned{Instance: x, terms: terms}
	for _, ph := range slices.Backward(x.Phases) {
		if h, ok := s.catalog.HoldOf(ph.Order); ok {
			o.hold = &h
			break
		}
	}
	return o, nil
}

// ends gives where a product is that is to be changed, which it stays. path is a
// JSON pointer to what may name places.
func (s *Shop) ends(path string, list []wire.RelatedPlace, of *owned) ([]end, error) {
	if of == nil || of.hold == nil {
		return s.readPlaces(path, list)
	}
	var has []end
	for _, x := range []catalog.Spot{of.hold.A, of.hold.Z} {
		if x.Place != "" {
			enni := x.Neighbour != ""
			has = append(has, end{x.Place, &enni})
		}
	}
	if len(list) == 0 {
		return has, nil
	}
	named, err := s.readPlaces(path, list)
	if err != nil {
		return nil, err
	}
	at := func(all []end) (places []string) {
		for _, e := range all {
			places = append(places, e.place)
		}
		slices.Sort(places)
		return places
	}
	if !slices.Equal(at(named), at(has)) {
		return nil, fault.New(fault.Invalid, "a product that is changed stays at its places", "leave the places out, or order a new product").In(path + "/place")
	}
	return has, nil
}

// due gives the prices that a change shows: not what is due for activation. There
// is always one.
func due(prices []rating.Price) (out []rating.Price) {
	for _, p := range prices {
		if p.Event != rating.OnActivation {
			out = append(out, p)
		}
	}
	if len(out) == 0 {
		out = []rating.Price{{Name: "change", Kind: rating.OneTime, Currency: prices[0].Currency, Unit: 1, Event: rating.OnChange}}
	}
	return out
}
