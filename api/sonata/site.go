package sonata

import (
	"context"
	"net/http"

	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
)

// Sites knows the places at which the seller has, or may have, equipment.
type Sites interface {
	// FindSites gives the sites that a query means, in an order that stays. What
	// the query leaves open fits all.
	FindSites(context.Context, Party, wire.SiteQuery) ([]wire.GeographicSite, error)
	// Site gives a site by its id. Code: not-found.
	Site(context.Context, Party, string) (wire.GeographicSite, error)
}

var siteQueryShape = object(req("place", addressPlaceShape), opt("name", text), opt("administrativeAuthority", text), opt("customerName", text),
	opt("siteRestrictionType", oneOf("public", "private")), opt("networkType", oneOf("offNet", "onNet")), opt("subUnit", list(subUnitShape, 0)))

// graceSiteParams are the filters of grace.
var graceSiteParams = func() (all []param) {
	for _, name := range []string{"companyName", "customerName", "description", "name", "serviceSiteContactName", "geographicAddress.id", "streetNr", "streetName", "streetType", "city", "postcode", "country"} {
		all = append(all, param{name: name})
	}
	return append(all, choice("siteType", "", "public", "private"))
}()

func (s *Server) siteOperations(r wire.Release) []operation {
	if r == wire.Grace {
		return []operation{
			{id: "listGeographicSite", method: http.MethodGet, path: "/geographicSite", params: graceSiteParams, errors: listErrors, do: (*call).graceSites},
			{id: "retrieveGeographicSite", method: http.MethodGet, path: "/geographicSite/{id}", errors: getErrors, do: (*call).site},
		}
	}
	return []operation{
		{id: "listGeographicSite", method: http.MethodPost, path: "/geographicSite", params: paged, body: siteQueryShape, errors: listErrors, do: (*call).sites},
		{id: "retrieveGeographicSite", method: http.MethodGet, path: "/geographicSite/{id}", errors: plus(getErrors, 501), do: (*call).site},
	}
}

func (c *call) sites() (*reply, error) {
	var q wire.SiteQuery
	if err := c.body.Decode(&q); err != nil {
		return nil, fault.New(CodeBadBody, "the query cannot be read", "send it as the published file says").Because(err)
	}
	found, err := c.s.seller.Sites.FindSites(c.ctx, c.party(), q)
	if err != nil {
		return nil, err
	}
	all := make([]wire.Value, len(found))
	for i, x := range found {
		all[i] = c.s.kylieSite(x)
	}
	return c.cutPage(all), nil
}

func (c *call) graceSites() (*reply, error) {
	get := c.query.Get
	q := wire.SiteQuery{Name: get("name"), CustomerName: get("customerName"), RestrictionType: get("siteType")}
	f := wire.Fielded{StreetNr: get("streetNr"), StreetName: get("streetName"), StreetType: get("streetType"), City: get("city"), Postcode: get("postcode"), CountryCode: get("country")}
	switch id := get("geographicAddress.id"); {
	case id != "":
		q.Place = &wire.Place{Type: wire.TypeAddressRef, ID: id}
	case f.StreetNr+f.StreetName+f.StreetType+f.City+f.Postcode+f.CountryCode != "":
		q.Place = &wire.Place{Type: wire.TypeAddressQuery, Representations: wire.Representations{Fielded: []wire.Fielded{f}}}
	}
	found, err := c.s.seller.Sites.FindSites(c.ctx, c.party(), q)
	if err != nil {
		return nil, err
	}
	var all []wire.Value
	for _, x := range found {
		if company := get("companyName"); company != "" && company != x.Authority || get("description") != "" || get("serviceSiteContactName") != "" {
			continue // nothing that we know has those
		}
		v, err := c.s.graceSite(x)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return c.cutPage(all), nil
}

func (c *call) site() (*reply, error) {
	x, err := c.s.seller.Sites.Site(c.ctx, c.party(), c.id)
	if err != nil {
		return nil, err
	}
	if c.release == wire.Grace {
		v, err := c.s.graceSite(x)
		if err != nil {
			return nil, err
		}
		return answered(v), nil
	}
	return answered(c.s.kylieSite(x)), nil
}

func (s *Server) kylieSite(x wire.GeographicSite) wire.Value {
	x.Type, x.Href = wire.TypeSite, s.href(wire.Kylie, wire.Site, "/geographicSite/"+x.ID)
	if x.SubUnit == nil {
		x.SubUnit = []wire.SubUnit{}
	}
	return wire.ValueOf(x)
}

func (s *Server) graceSite(x wire.GeographicSite) (wire.Value, error) {
	place, err := wire.ToGracePlace(x.Place)
	if err != nil {
		return place, err
	}
	v := wire.ValueOf(map[string]any{"id": x.ID, "name": x.Name, "companyName": x.Authority, "customerName": x.CustomerName, "siteType": x.RestrictionType})
	v.Set("place", []wire.Value{place})
	if h := s.href(wire.Grace, wire.Site, "/geographicSite/"+x.ID); h != "" {
		v.Set("href", h)
	}
	return v, nil
}
