package rating

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/usage"
)

// monthly is a recurring price of 1,000 EUR a month.
func monthly() Price {
	return Price{Name: "port", Kind: Recurring, Currency: "EUR", Rate: 1_000e9, Unit: 1, Period: usage.Cycle{Length: "1mo"}}
}

// byData is 0.02 EUR a GB, 0.015 from 10 TB of a month on.
func byData() Price {
	return Price{Name: "traffic", Kind: Data, Currency: "EUR", Rate: 20_000_000, Unit: 1e9, Period: usage.Cycle{Length: "1mo"},
		Tiers: []PriceTier{{From: 10e12, Rate: 15_000_000}}, Reach: Marginal}
}

func altered(p Price, change func(*Price)) Price {
	change(&p)
	return p
}

func TestImpossiblePricesAreRefusedByField(t *testing.T) {
	for _, c := range []struct {
		name  string
		price Price
		field string // empty: it is taken
	}{
		{"recurring", monthly(), ""},
		{"tiers", byData(), ""},
		{"no name", altered(monthly(), func(p *Price) { p.Name = "" }), "name"},
		{"long name", altered(monthly(), func(p *Price) { p.Name = strings.Repeat("x", 81) }), "name"},
		{"a kind of charge that is no price", altered(monthly(), func(p *Price) { p.Kind = Credit }), "kind"},
		{"negative", altered(monthly(), func(p *Price) { p.Rate = -1 }), "rate"},
		{"no unit", altered(monthly(), func(p *Price) { p.Unit = 0 }), "unit"},
		{"a unit beyond all", altered(monthly(), func(p *Price) { p.Unit = 1<<50 + 1 }), "unit"},
		{"recurring with tiers", altered(byData(), func(p *Price) { p.Kind, p.Unit = Recurring, 1 }), "kind"},
		{"recurring with a commitment", altered(monthly(), func(p *Price) { p.Commitment = 1 }), "kind"},
		{"recurring for ever", altered(monthly(), func(p *Price) { p.Period = usage.Cycle{} }), "period"},
		{"a period that does not divide a year", altered(monthly(), func(p *Price) { p.Period.Length = "5mo" }), "period"},
		{"hours of Berlin", altered(monthly(), func(p *Price) { p.Period = usage.Cycle{Length: "1h", Zone: "Europe/Berlin"} }), "period"},
		{"days of Berlin", altered(monthly(), func(p *Price) { p.Period = usage.Cycle{Length: "1d", Zone: "Europe/Berlin"} }), ""},
		{"a commitment for an hour", altered(byData(), func(p *Price) { p.Period.Length, p.Commitment = "1h", 5 }), "period"},
		{"no currency", altered(monthly(), func(p *Price) { p.Currency = "EURO" }), "currency"},
		{"once for nothing", Price{Name: "set-up", Kind: OneTime, Currency: "EUR", Rate: 1, Unit: 1}, "event"},
		{"once", Price{Name: "set-up", Kind: OneTime, Currency: "EUR", Rate: 1, Unit: 1, Event: OnActivation}, ""},
		{"once a month", Price{Name: "set-up", Kind: OneTime, Currency: "EUR", Rate: 1, Unit: 1, Event: OnActivation, Period: usage.Cycle{Length: "1mo"}}, "period"},
		{"recurring on activation", altered(monthly(), func(p *Price) { p.Event = OnActivation }), "event"},
		{"a tier that starts at nothing", altered(byData(), func(p *Price) { p.Tiers[0].From = 0 }), "tiers.0"},
		{"falling thresholds", altered(byData(), func(p *Price) { p.Tiers = append(p.Tiers, PriceTier{From: 1}) }), "tiers.1"},
		{"a negative tier", altered(byData(), func(p *Price) { p.Tiers[0].Rate = -1 }), "tiers.0"},
		{"tiers of nothing", altered(byData(), func(p *Price) { p.Reach = "" }), "reach"},
		{"a reach without tiers", altered(byData(), func(p *Price) { p.Tiers = nil }), "reach"},
		{"too many tiers", altered(byData(), func(p *Price) { p.Tiers = make([]PriceTier, 33) }), "tiers"},
		{"by data without a period", Price{Name: "traffic", Kind: Data, Currency: "EUR", Rate: 1, Unit: 1e9}, ""},
		{"a commitment without a period", Price{Name: "traffic", Kind: Data, Currency: "EUR", Rate: 1, Unit: 1e9, Commitment: 5}, "period"},
	} {
		err := c.price.Validate()
		if c.field == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		f := fault.Of(err)
		if f == nil || f.Field != c.field || f.Remedy == "" {
			t.Errorf("%s: %v, want a fault in %s", c.name, err, c.field)
		}
	}
}

func TestThePricesOfAProductHaveDifferentNames(t *testing.T) {
	if err := ValidatePrices([]Price{monthly(), byData()}); err != nil {
		t.Fatal(err)
	}
	if f := fault.Of(ValidatePrices([]Price{monthly(), monthly()})); f == nil || f.Field != "prices.1.name" {
		t.Fatal(f)
	}
	if f := fault.Of(ValidatePrices([]Price{monthly(), altered(byData(), func(p *Price) { p.Unit = 0 })})); f == nil || f.Field != "prices.1.unit" {
		t.Fatal(f)
	}
}

func TestPricesAndChargesHaveOneEncoding(t *testing.T) {
	const want = `{"name":"traffic","kind":"data","currency":"EUR","rate":"0.020000000","unit":1000000000,"period":{"length":"1mo"},` +
		`"tiers":[{"from":10000000000000,"rate":"0.015000000"}],"reach":"marginal"}`
	got, err := json.Marshal(byData())
	if err != nil || string(got) != want {
		t.Errorf("%s, %v", got, err)
	}
	p := byData()
	var back Price
	if err := canon.Decode(canon.Must(p), &back); err != nil {
		t.Fatal(err)
	}
	if h := canon.HashOf("test", back); h != canon.HashOf("test", p) {
		t.Errorf("%+v came back as %+v", p, back)
	}
	c := Charge{Price: "port", Kind: Recurring, Interval: usage.Interval{From: 0, To: 1000}, Quantity: 1, Amount: money.Amount{Currency: "EUR", Micro: 5}}
	const charge = `{"price":"port","kind":"recurring","interval":"1970-01-01T00:00:00Z/1970-01-01T00:00:01Z","quantity":1,"amount":{"currency":"EUR","amount":"0.000005"}}`
	if got, err := json.Marshal(c); err != nil || string(got) != charge {
		t.Errorf("%s, %v", got, err)
	}
}
