package sonata_test

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
)

// shop is a small seller in memory. A test tells it what to answer.
type shop struct {
	now func() time.Time

	mu        sync.Mutex   // guards what follows
	check     func() error // nil: all is well
	qualify   func(wire.POQ) ([]wire.QualificationResult, error)
	quote     func(wire.Quote) (sonata.QuoteAnswer, error)
	quoted    []wire.Quote
	parties   []sonata.Party
	withdrawn map[string]string // quote → state
	updated   time.Time
}

func newShop(c *clock) *shop {
	s := &shop{now: c.now, withdrawn: map[string]string{}, updated: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)}
	s.qualify = func(q wire.POQ) (all []wire.QualificationResult, err error) {
		for range q.Items {
			all = append(all, wire.QualificationResult{Confidence: wire.GreenConfidence, Interval: &wire.Duration{Amount: 2, Units: "calendarDays"}, Delivery: "onNetWithoutBuild", Guaranteed: s.now().Add(24 * time.Hour)})
		}
		return all, nil
	}
	s.quote = func(q wire.Quote) (a sonata.QuoteAnswer, err error) {
		a.Until, a.Level = s.now().Add(time.Hour), q.Level
		for range q.Items {
			a.Items = append(a.Items, priced("12.345678"))
		}
		return a, nil
	}
	return s
}

func eur(text wire.Decimal) wire.Money { return wire.Money{Unit: "EUR", Value: text} }

// priced is an answer with a price of each kind.
func priced(amount wire.Decimal) wire.QuoteResult {
	return wire.QuoteResult{
		Prices: []wire.QuotePrice{
			{Name: "installation", Type: wire.NonRecurring, Price: wire.Price{Untaxed: eur("100")}},
			{Name: "access", Type: wire.Recurring, Period: &wire.Duration{Amount: 1, Units: "months"}, Price: wire.Price{Untaxed: eur(amount), TaxRate: "7.7"}},
			{Name: "volume", Type: wire.UsageBased, Unit: "Gbit", Price: wire.Price{Untaxed: eur("0.000001")}},
		},
		Terms:    []wire.Term{{Name: "one year", Duration: wire.Duration{Amount: 1, Units: "years"}, End: wire.EndOfTermRoll, Roll: &wire.Duration{Amount: 1, Units: "months"}}},
		Interval: &wire.Duration{Amount: 90, Units: "seconds"},
	}
}

func (s *shop) checked() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.check == nil {
		return nil
	}
	return s.check()
}

func (s *shop) CheckQualification(context.Context, sonata.Party, wire.POQ) error { return s.checked() }

func (s *shop) CheckQuote(context.Context, sonata.Party, wire.Quote) error { return s.checked() }

func (s *shop) Qualify(_ context.Context, p sonata.Party, q wire.POQ) ([]wire.QualificationResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parties = append(s.parties, p)
	return s.qualify(q)
}

func (s *shop) Quote(_ context.Context, p sonata.Party, q wire.Quote) (sonata.QuoteAnswer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quoted, s.parties = append(s.quoted, q), append(s.parties, p)
	return s.quote(q)
}

func (s *shop) Withdrawn(_ context.Context, _ sonata.Party, id, state string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.withdrawn[id] = state
	return nil
}

func (s *shop) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *shop) FindSites(_ context.Context, _ sonata.Party, q wire.SiteQuery) (found []wire.GeographicSite, err error) {
	for _, x := range sites() {
		if (q.Name == "" || q.Name == x.Name) && (q.Place == nil || q.Place.ID == "" || q.Place.ID == x.Place.ID) {
			found = append(found, x)
		}
	}
	return found, nil
}

func sites() (all []wire.GeographicSite) {
	for _, name := range []string{"Caldera 1", "Caldera 2", "Caldera 3"} {
		all = append(all, wire.GeographicSite{ID: strings.ReplaceAll(name, " ", "-"), Name: name, Authority: "ALPHA", CustomerName: "BRAVO", RestrictionType: "public", NetworkType: "onNet",
			Place: wire.Place{Type: wire.TypeAddressRef, ID: "MIL"}})
	}
	return all
}

func (s *shop) Site(_ context.Context, _ sonata.Party, id string) (wire.GeographicSite, error) {
	for _, x := range sites() {
		if x.ID == id {
			return x, nil
		}
	}
	return wire.GeographicSite{}, fault.New(fault.NotFound, "there is no such site", "ask for another")
}

func (s *shop) Categories(context.Context, sonata.Party) ([]wire.Category, error) {
	return []wire.Category{
		{ID: "ethernet", Name: "Ethernet", Description: "Lines", LastUpdate: s.updated, SubCategories: []wire.Ref{{ID: "timed"}}, Offerings: []wire.Ref{{ID: "line"}}},
		{ID: "timed", Name: "Timed lines", Description: "By the hour", LastUpdate: s.updated.Add(time.Hour), Parent: &wire.Ref{ID: "ethernet"}},
	}, nil
}

func (s *shop) Offerings(context.Context, sonata.Party) ([]wire.Offering, error) {
	price := wire.OfferingPrice{Description: "by the hour", LastUpdate: s.updated, Type: wire.Recurring, Period: &wire.Duration{Amount: 1, Units: "calendarHours"}, Price: wire.Price{Untaxed: eur("1.10")}}
	price.ValidFor = wire.TimePeriod{Start: s.updated, End: s.updated.Add(9000 * time.Hour)}
	line := wire.Offering{
		ID: "line", Name: "Line", Description: "A line between two places", LastUpdate: s.updated, LifecycleStatus: "launched", IsSellable: true, Agreement: "MSA", Channel: []string{"api"}, MarketSegment: []string{"wholesale"},
		Region: []wire.Region{{Country: "IT", City: "Milano"}, {Country: "HK"}}, Category: []wire.Ref{{ID: "ethernet"}}, Specification: wire.Ref{ID: "line"},
		StatusTransition: []wire.LifecycleTransition{{Date: s.updated, Status: "active", Reason: "ready"}, {Date: s.updated.Add(time.Hour), Status: "launched"}},
		Contact:          &wire.Contact{Role: "sales", Name: "Sales", Number: "+41", Email: "sales@alpha.example"},
		Terms:            []wire.OfferingTerm{{Term: wire.Term{Name: "any", Duration: wire.Duration{Amount: 1, Units: "months"}, End: wire.EndOfTermDisconnect}, Prices: []wire.OfferingPrice{price}}},
		Schema:           &wire.Schema{Schema: "{}"}, Places: []wire.PlaceConstraint{{Role: "A", Least: 1, Most: 1}}, Relationships: []wire.RelationshipConstraint{{Specification: "uni", Type: "CONNECTS", Most: -1}},
		Contexts: []wire.Contextual{{Schema: wire.Schema{Location: "https://alpha.example/line"}, Context: wire.Context{Action: "add", Function: "quote"}}},
	}
	bundle := wire.Offering{ID: "bundle", Name: "Bundle", Description: "Two lines", LastUpdate: s.updated.Add(time.Hour), LifecycleStatus: "active", IsBundle: true, Specification: wire.Ref{ID: "line"},
		Bundled: []wire.Bundled{{Offering: wire.Ref{ID: "line"}, Least: 2, Most: 2}}}
	return []wire.Offering{line, bundle}, nil
}

func (s *shop) Specifications(context.Context, sonata.Party) ([]wire.Specification, error) {
	return []wire.Specification{
		{ID: "line", Name: "Line", Description: "A line", LifecycleStatus: "published", LastUpdate: s.updated, Source: wire.Schema{Schema: "{}"}, Places: []wire.PlaceConstraint{{Role: "A", Least: 1, Most: 1}}, Relationships: []wire.RelationshipConstraint{{Specification: "uni", Type: "CONNECTS", Most: -1}}},
		{ID: "old", Name: "Old", Description: "Gone", LifecycleStatus: "obsolete", LastUpdate: s.updated, Source: wire.Schema{Location: "https://alpha.example/old"}},
	}, nil
}

func (s *shop) Available(_ context.Context, _ sonata.Party, q wire.AvailabilityRequest) ([]wire.OfferingConfiguration, error) {
	if len(q.Place) == 0 {
		return nil, nil
	}
	return []wire.OfferingConfiguration{{Offering: wire.Ref{ID: "line"}, Configuration: wire.ValueOf(map[string]any{"@type": "urn:lateral:line"}), ID: "C-1", Interval: wire.Duration{Amount: 1, Units: "months"}}}, nil
}

func (s *shop) Pricing(_ context.Context, _ sonata.Party, q wire.PricingRequest) ([]wire.PricingAndTerm, error) {
	if q.Configuration != "C-1" {
		return nil, fault.New(sonata.CodeReferenceUnknown, "there is no such configuration", "ask what is available").In("productOfferingConfigurationIdentifier")
	}
	r := priced("1.5")
	return []wire.PricingAndTerm{{ID: "P-1", Interval: wire.Duration{Amount: 1, Units: "seconds"}, Term: r.Terms[0], Prices: r.Prices, Offering: &wire.Ref{ID: "line"}}}, nil
}

// exact says whether an amount is that many millionths.
func exact(m wire.Money, micro money.Micro) bool {
	a, err := m.Amount()
	return err == nil && a.Micro == micro
}

// fullWorld is a world in which the shop sells everything.
func fullSeller(c *clock) (*shop, sonata.Seller) {
	s := newShop(c)
	return s, sonata.Seller{Addresses: atlas(), Sites: s, Catalog: s, Discovery: s, Qualifier: s, Quoter: s}
}
