package selling

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/fault"
)

// nearby is how far from a point a place may be that it means, metres.
const nearby = 25_000

// locode is the authority of labels that have the form of UN/LOCODE.
const locode = "UN/LOCODE"

// ValidateAddress gives the place that an address means. An address is known by
// the id of its place.
func (s *Shop) ValidateAddress(_ context.Context, _ sonata.Party, q wire.Place) (sonata.AddressAnswer, error) {
	found, err := s.meant(q)
	if err != nil {
		return sonata.AddressAnswer{}, err
	}
	var a sonata.AddressAnswer
	if len(found) == 1 {
		best := addressOf(found[0])
		a.Best = &best
		return a, nil
	}
	if len(found) == 0 {
		found = s.like(q)
	}
	for _, p := range found {
		a.Others = append(a.Others, addressOf(p))
	}
	return a, nil
}

// Address gives a place by its id.
func (s *Shop) Address(_ context.Context, _ sonata.Party, id string) (wire.GeographicAddress, error) {
	p, ok := s.catalog.Places().Get(id)
	if !ok {
		return wire.GeographicAddress{}, fault.Newf(fault.NotFound, "validate an address to learn its id", "there is no address %.64q", id)
	}
	return addressOf(p), nil
}

func addressOf(p catalog.Place) wire.GeographicAddress {
	a := wire.GeographicAddress{ID: p.ID, HasPublicSite: "unknown", AllowsNewSite: "unknown"}
	a.Fielded = []wire.Fielded{{City: p.Name, CountryCode: p.Country}}
	a.Points = []wire.Point{{SpatialRef: "EPSG:4326", Latitude: p.Latitude.String(), Longitude: p.Longitude.String()}}
	if p.Code != "" {
		a.Labels = []wire.Label{{Label: p.Code, Authority: locode}}
	}
	return a
}

// mostMeant is how many places an address may mean that are told.
const mostMeant = 10

// meant gives the places that a query names; one: it is that one. The most exact
// of its representations counts.
func (s *Shop) meant(q wire.Place) ([]catalog.Place, error) {
	places := s.catalog.Places()
	for _, l := range q.Labels {
		if found := places.Named(l.Label); len(found) > 0 {
			return found, nil
		}
	}
	for _, f := range q.Fielded {
		for _, name := range []string{f.BuildingName, f.City, f.Locality} {
			if found := within(places.Named(name), f.CountryCode); len(found) > 0 {
				return found, nil
			}
		}
	}
	for _, f := range q.Formatted {
		parts := append([]string{f.Address}, strings.Split(f.Address, ",")...)
		for _, name := range parts {
			if found := places.Named(strings.TrimSpace(name)); len(found) > 0 {
				country := strings.TrimSpace(parts[len(parts)-1])
				if here := within(found, country); len(country) == 2 && len(here) > 0 {
					found = here
				}
				return found, nil
			}
		}
	}
	for _, p := range q.Points {
		here, err := pointOf(p)
		if err != nil {
			return nil, err
		}
		var near []catalog.Place
		for _, x := range places.All() {
			if catalog.Distance(here, x) <= nearby {
				near = append(near, x)
			}
		}
		slices.SortStableFunc(near, func(a, b catalog.Place) int { return cmp.Compare(catalog.Distance(here, a), catalog.Distance(here, b)) })
		if len(near) > 0 {
			return near[:1], nil
		}
	}
	return nil, nil
}

// like gives places that are written much like what a query says.
func (s *Shop) like(q wire.Place) []catalog.Place {
	var names []string
	for _, l := range q.Labels {
		names = append(names, l.Label)
	}
	for _, f := range q.Fielded {
		names = append(names, f.City)
	}
	for _, f := range q.Formatted {
		names = append(names, strings.Split(f.Address, ",")...)
	}
	var out []catalog.Place
	for _, n := range names {
		for _, p := range s.catalog.Places().Near(n, mostMeant) {
			if !slices.ContainsFunc(out, func(x catalog.Place) bool { return x.ID == p.ID }) && len(out) < mostMeant {
				out = append(out, p)
			}
		}
	}
	return out
}

func within(list []catalog.Place, country string) (out []catalog.Place) {
	for _, p := range list {
		if country == "" || strings.EqualFold(p.Country, country) {
			out = append(out, p)
		}
	}
	return out
}

// pointOf reads a position; what is finer than a millionth of a degree is a few
// centimetres.
func pointOf(p wire.Point) (here catalog.Place, err error) {
	read := func(text string) (catalog.Degrees, error) {
		if whole, part, ok := strings.Cut(text, "."); ok && len(part) > 6 {
			text = whole + "." + part[:6]
		}
		return catalog.ParseDegrees(text)
	}
	const field = "submittedGeographicAddress.geographicPointRepresentation"
	if here.Latitude, err = read(p.Latitude); err == nil {
		here.Longitude, err = read(p.Longitude)
	}
	if err != nil {
		return here, fault.Of(err).In(field)
	}
	return here, nil
}

// FindSites gives the places at which something is sold, or where there is an
// eNNI with the buyer.
func (s *Shop) FindSites(_ context.Context, p sonata.Party, q wire.SiteQuery) ([]wire.GeographicSite, error) {
	if q.CustomerName != "" || len(q.SubUnit) > 0 || q.RestrictionType == "private" || q.NetworkType == "offNet" || q.Authority != "" && q.Authority != string(s.o.Carrier) {
		return nil, nil // nothing that we know has those
	}
	at := map[string]bool{}
	if q.Place != nil {
		switch {
		case q.Place.ID != "":
			at[q.Place.ID] = true
		default:
			found, err := s.meant(*q.Place)
			if err != nil {
				return nil, err
			}
			for _, x := range found {
				at[x.ID] = true
			}
		}
	}
	var out []wire.GeographicSite
	for _, x := range s.sites(p.Buyer) {
		if (q.Place == nil || at[x.ID]) && (q.Name == "" || q.Name == x.Name) {
			out = append(out, s.siteOf(x))
		}
	}
	return out, nil
}

// Site gives a site by the id of its place.
func (s *Shop) Site(_ context.Context, p sonata.Party, id string) (wire.GeographicSite, error) {
	for _, x := range s.sites(p.Buyer) {
		if x.ID == id {
			return s.siteOf(x), nil
		}
	}
	return wire.GeographicSite{}, fault.Newf(fault.NotFound, "ask for the sites at a place", "there is no site %.64q", id)
}

// sites gives the places that the offerings name which a buyer may see, in order
// of their ids.
func (s *Shop) sites(buyer string) []catalog.Place {
	at := map[string]bool{}
	for _, e := range s.offerings(buyer) {
		for _, l := range e.Item.Legs {
			if open(l, buyer) {
				at[l.A.Place], at[l.Z.Place] = true, true
			}
		}
		for _, id := range e.Item.Coverage.Places {
			at[id] = true
		}
	}
	var out []catalog.Place
	for _, p := range s.catalog.Places().All() {
		if at[p.ID] {
			out = append(out, p)
		}
	}
	return out
}

func (s *Shop) siteOf(p catalog.Place) wire.GeographicSite {
	return wire.GeographicSite{ID: p.ID, Name: p.Name, Authority: string(s.o.Carrier), RestrictionType: "public", NetworkType: "onNet",
		Place: wire.Place{Type: wire.TypeAddressRef, ID: p.ID}}
}
