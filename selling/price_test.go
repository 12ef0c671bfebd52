package selling

import (
	"testing"

	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

func TestPricesAreWrittenToTheLastDigit(t *testing.T) {
	rate := func(s string) money.Rate {
		r, err := money.ParseRate(s)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, c := range []struct {
		price rating.Price
		want  wire.QuotePrice
		value wire.Decimal
	}{
		{rating.Price{Kind: rating.Recurring, Rate: rate("1000.5"), Unit: 1, Period: usage.Cycle{Length: "1mo"}},
			wire.QuotePrice{Type: wire.Recurring, Period: &wire.Duration{Amount: 1, Units: "months"}}, "1000.5"},
		{rating.Price{Kind: rating.Recurring, Rate: rate("1"), Unit: 3, Period: usage.Cycle{Length: "15m"}},
			wire.QuotePrice{Type: wire.Recurring, Period: &wire.Duration{Amount: 15, Units: "minutes"}}, "0.333333"},
		{rating.Price{Kind: rating.Distance, Rate: rate("0.01"), Unit: 1000, Period: usage.Cycle{Length: "1d"}},
			wire.QuotePrice{Type: wire.Recurring, Period: &wire.Duration{Amount: 1, Units: "calendarDays"}}, "12.34567"},
		{rating.Price{Kind: rating.OneTime, Rate: rate("100"), Unit: 1, Event: rating.OnActivation},
			wire.QuotePrice{Type: wire.NonRecurring, Description: "due for activation"}, "100"},
		{rating.Price{Kind: rating.Bandwidth, Rate: rate("0.000000001"), Unit: 3_600_000_000},
			wire.QuotePrice{Type: wire.UsageBased, Unit: "3600000000 bit/s·s"}, "0.000000001"},
		{rating.Price{Kind: rating.Data, Rate: rate("0.5"), Unit: 1_000_000_000, Period: usage.Cycle{Length: "1mo"}, Commitment: 7, Reach: rating.Marginal, Tiers: []rating.PriceTier{{From: 10, Rate: rate("0.4")}}},
			wire.QuotePrice{Type: wire.UsageBased, Unit: "1000000000 octet", Description: "from 10: 0.4 (marginal); committed: 7 in each 1mo"}, "0.5"},
	} {
		c.price.Currency = "EUR"
		c.want.Price.Untaxed = wire.Money{Unit: "EUR", Value: c.value}
		got, err := pricesOf([]rating.Price{c.price}, 1, 1_234_567)
		if err != nil {
			t.Fatal(err)
		}
		if have, want := string(wire.ValueOf(got[0]).Bytes()), string(wire.ValueOf(c.want).Bytes()); have != want {
			t.Errorf("%s: %s, want %s", c.price.Kind, have, want)
		}
	}
}

func TestTheBandwidthOfAConfigurationIsTheHighestThatItNames(t *testing.T) {
	for text, want := range map[string]uint64{
		`{}`:                                  0,
		`{"bandwidth":5}`:                     5,
		`{"bandwidthDown":5,"bandwidthUp":7}`: 7,
		`{"a":[{"irValue":2.5,"irUnits":"MBPS"},{"irValue":1,"irUnits":"KBPS"}]}`: 2_500_000,
		`{"irValue":10,"irUnits":"furlongs"}`:                                     0,
		`{"irValue":1e30,"irUnits":"GBPS"}`:                                       0,
		`{"irValue":-1,"irUnits":"GBPS"}`:                                         0,
		`{"irUnits":"GBPS"}`:                                                      0,
		`{"bandwidth":"5"}`:                                                       0,
		`{"bandwidth":99999999999999999999}`:                                      0,
	} {
		v, err := wire.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := bandwidthOf(v, 0); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}
