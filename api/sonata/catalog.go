package sonata

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/store/resource"
)

// Catalog is what a partner may see of what is for sale, each list in an order
// that stays. Prices stand in it only where the seller shows them.
type Catalog interface {
	Categories(context.Context, Party) ([]wire.Category, error)
	Offerings(context.Context, Party) ([]wire.Offering, error)
	Specifications(context.Context, Party) ([]wire.Specification, error)
}

func (s *Server) catalogOperations(r wire.Release) []operation {
	dates := append(slices.Clone(paged), between("lastUpdate")...)
	categories := append(slices.Clone(dates), param{name: "parentCategory.id"})
	offerings := append(slices.Clone(dates), param{name: "name"}, param{name: "agreement"}, param{name: "channel"}, param{name: "marketSegment"}, param{name: "category.id"}, param{name: "productSpecification.id"})
	specifications := append(slices.Clone(dates), param{name: "name"}, choice("lifecycleStatus", "", "obsolete", "published"))
	lists, posts := listErrors, plus(createErrors, 501)
	if r == wire.Grace {
		offerings = append(offerings, param{name: "region.country"}, choice("lifecycleStatus", "", "announced", "endOfSale", "endOfSupport", "obsolete", "onHold", "orderable", "pilotBeta", "rejected"))
		lists, posts = []int{400, 401, 403, 500}, []int{400, 401, 403, 500, 501}
	} else {
		specifications = append(specifications, param{name: "agreement"})
		offerings = append(offerings, param{name: "region.countryCode"}, param{name: "isBundle", form: aBool}, param{name: "isSellable", form: aBool},
			choice("lifecycleStatus", "", "active", "endOfSale", "endOfSupport", "inTest", "obsolete", "onHold", "launched", "rejected"))
	}
	return append([]operation{
		{id: "listCategory", method: http.MethodGet, path: "/category", params: categories, errors: lists, do: (*call).categories},
		{id: "retrieveCategory", method: http.MethodGet, path: "/category/{id}", errors: getErrors, do: (*call).category},
		{id: "listProductOffering", method: http.MethodGet, path: "/productOffering", params: offerings, errors: lists, do: (*call).offerings},
		{id: "retrieveProductOffering", method: http.MethodGet, path: "/productOffering/{id}", errors: getErrors, do: (*call).offering},
		{id: "listProductSpecification", method: http.MethodGet, path: "/productSpecification", params: specifications, errors: lists, do: (*call).specifications},
		{id: "retrieveProductSpecification", method: http.MethodGet, path: "/productSpecification/{id}", errors: getErrors, do: (*call).specification},
	}, s.hub(true, posts, plus(getErrors, 501))...)
}

// updated says whether a time is within the filter lastUpdate.
func (q query) updated(t time.Time) bool {
	at, after, before := resource.Date(t), q.Get("lastUpdate.gt"), q.Get("lastUpdate.lt")
	return (after == "" || at > after) && (before == "" || at < before)
}

// fits says whether a filter is not there, or has one of some values.
func (q query) fits(name string, values ...string) bool {
	want := q.Get(name)
	return want == "" || slices.Contains(values, want)
}

func ids(list []wire.Ref) (all []string) {
	for _, r := range list {
		all = append(all, r.ID)
	}
	return all
}

// byID gives the one of a list with an id.
func byID[T any](c *call, list []T, err error, what string, id func(T) string) (x T, _ error) {
	if err != nil {
		return x, err
	}
	i := slices.IndexFunc(list, func(x T) bool { return id(x) == c.id })
	if i < 0 {
		return x, fault.Newf(fault.NotFound, "look the id up in the list", "there is no %s %.64q", what, c.id)
	}
	return list[i], nil
}

func (c *call) categories() (*reply, error) {
	list, err := c.s.seller.Catalog.Categories(c.ctx, c.party())
	if err != nil {
		return nil, err
	}
	var all []wire.Value
	for _, x := range list {
		parent := ""
		if x.Parent != nil {
			parent = x.Parent.ID
		}
		if c.query.updated(x.LastUpdate) && c.query.fits("parentCategory.id", parent) {
			all = append(all, wire.ValueOf(x))
		}
	}
	return c.cutPage(all), nil
}

func (c *call) category() (*reply, error) {
	list, err := c.s.seller.Catalog.Categories(c.ctx, c.party())
	x, err := byID(c, list, err, "category", func(x wire.Category) string { return x.ID })
	if err != nil {
		return nil, err
	}
	return answered(wire.ValueOf(x)), nil
}

// offeringMembers are what lists show of an offering, in both releases.
var offeringMembers = []string{"id", "name", "description", "lastUpdate", "lifecycleStatus", "agreement", "isBundle", "isSellable", "channel", "marketSegment", "region", "category", "productSpecification"}

func (c *call) shownOffering(x wire.Offering) wire.Value {
	if c.release == wire.Grace {
		return wire.ToGraceOffering(x)
	}
	v := wire.ValueOf(x)
	for _, name := range []string{"statusTransition", "channel", "marketSegment", "region", "category"} {
		if !v.Has(name) {
			v.Set(name, []any{})
		}
	}
	return v
}

func (c *call) offerings() (*reply, error) {
	list, err := c.s.seller.Catalog.Offerings(c.ctx, c.party())
	if err != nil {
		return nil, err
	}
	q := c.query
	var all []wire.Value
	for _, x := range list {
		var countries []string
		for _, r := range x.Region {
			countries = append(countries, r.Country)
		}
		if q.updated(x.LastUpdate) && q.fits("name", x.Name) && q.fits("agreement", x.Agreement) && q.fits("channel", x.Channel...) && q.fits("marketSegment", x.MarketSegment...) &&
			q.fits("category.id", ids(x.Category)...) && q.fits("productSpecification.id", x.Specification.ID) && q.fits("region.countryCode", countries...) && q.fits("region.country", countries...) &&
			q.fits("isBundle", strconv.FormatBool(x.IsBundle)) && q.fits("isSellable", strconv.FormatBool(x.IsSellable)) && q.lifecycle(x.LifecycleStatus) {
			all = append(all, pick(c.shownOffering(x), offeringMembers...))
		}
	}
	return c.cutPage(all), nil
}

// lifecycle says whether an offering is in the state that is filtered by, in the
// words of either release.
func (q query) lifecycle(state string) bool {
	want := q.Get("lifecycleStatus")
	return want == "" || wire.FromGraceLifecycle(want) == state
}

func (c *call) offering() (*reply, error) {
	list, err := c.s.seller.Catalog.Offerings(c.ctx, c.party())
	x, err := byID(c, list, err, "offering", func(x wire.Offering) string { return x.ID })
	if err != nil {
		return nil, err
	}
	return answered(c.shownOffering(x)), nil
}

func (c *call) shownSpecification(x wire.Specification) wire.Value {
	if c.release == wire.Grace {
		return wire.ToGraceSpecification(x)
	}
	return wire.ValueOf(x)
}

func (c *call) specifications() (*reply, error) {
	list, err := c.s.seller.Catalog.Specifications(c.ctx, c.party())
	if err != nil {
		return nil, err
	}
	q := c.query
	var all []wire.Value
	for _, x := range list {
		if q.updated(x.LastUpdate) && q.fits("name", x.Name) && q.fits("agreement", x.Agreement) && q.fits("lifecycleStatus", x.LifecycleStatus) {
			all = append(all, pick(c.shownSpecification(x), "id", "name", "lifecycleStatus", "lastUpdate", "agreement"))
		}
	}
	return c.cutPage(all), nil
}

func (c *call) specification() (*reply, error) {
	list, err := c.s.seller.Catalog.Specifications(c.ctx, c.party())
	x, err := byID(c, list, err, "specification", func(x wire.Specification) string { return x.ID })
	if err != nil {
		return nil, err
	}
	return answered(c.shownSpecification(x)), nil
}

// CatalogChanged tells every subscriber that may see it that something of the
// catalogue has changed. event is the name in kylie (wire.EventTypes of
// wire.Catalog), state the new life cycle status of a state change.
func (s *Server) CatalogChanged(ctx context.Context, event, id, state string, sees func(buyer string) bool) error {
	if !slices.Contains(wire.EventTypes(wire.Kylie, wire.Catalog), event) {
		return fault.Newf(fault.Internal, "report this", "there is no event %s of the catalogue", event)
	}
	hubs, err := s.store.Hubs(ctx)
	if err != nil {
		return err
	}
	told := map[resource.Scope]bool{}
	var events []resource.Event
	for _, h := range hubs {
		for _, r := range wire.Releases {
			scope := resource.Scope{Kind: string(r) + "/catalog", Buyer: h.Buyer, Seller: h.Seller}
			if h.Topic != topic(r, wire.Catalog) || told[scope] || !sees(h.Buyer) {
				continue
			}
			told[scope] = true
			var more []wire.Member
			if state != "" && r == wire.Kylie {
				more = append(more, wire.Member{Name: "lifecycleStatus", Value: wire.ValueOf(state)})
			}
			events = append(events, s.event(scope, wire.Catalog, event, id, "", "", more...))
		}
	}
	return s.store.Update(ctx, func(tx *resource.Tx) error { return tx.Emit(events...) })
}
