package product

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

func TestAnEndCostsItsBuyerWhatIsLeftOfTheTerm(t *testing.T) {
	const month = int64(30 * 24 * 3600 * 1000)
	offer := Offer{Pieces: 2, Term: Term{Months: 1, Early: 500_000}, Prices: []rating.Price{
		{Name: "port", Kind: rating.Recurring, Currency: "EUR", Rate: 10e9, Unit: 1, Period: usage.Cycle{Length: "1d"}},
		{Name: "use", Kind: rating.Data, Currency: "EUR", Rate: 1e9, Unit: 1},
		{Name: "removal", Kind: rating.OneTime, Currency: "EUR", Rate: 40e9, Unit: 1, Event: rating.OnEnd},
		{Name: "set-up", Kind: rating.OneTime, Currency: "EUR", Rate: 70e9, Unit: 1, Event: rating.OnActivation},
	}}
	p := Instance{Buyer: "ALPHA", Seller: "BRAVO", Committed: month, Phases: []Phase{{From: 0, Offer: offer}}}
	paused, resumed, waiting := p, p, p
	paused.Paused, resumed.Paused, waiting.Phases = []Pause{{From: 5}}, []Pause{{From: 5, To: 6}}, nil
	const once = "removal EUR 80.000000 (end)"
	for _, c := range []struct {
		name string
		of   Instance
		at   int64
		by   party.Code
		want string
	}{
		{"half way", p, month / 2, "ALPHA", "port EUR 150.000000 (ended before its term), " + once},
		{"at once", p, 0, "ALPHA", "port EUR 300.000000 (ended before its term), " + once},
		{"by its seller", p, month / 2, "BRAVO", once},
		{"after the term", p, month, "ALPHA", once},
		{"while it is suspended", paused, month / 2, "ALPHA", once},
		{"after a suspension", resumed, month / 2, "ALPHA", "port EUR 150.000000 (ended before its term), " + once},
		{"before it is active", waiting, 0, "ALPHA", ""},
	} {
		charges, err := c.of.Exit(c.at, c.by, money.HalfUp)
		if err != nil {
			t.Fatal(c.name, err)
		}
		var all []string
		for _, x := range charges {
			all = append(all, fmt.Sprintf("%s %s (%s)", x.Price, x.Amount, x.Why))
		}
		if got := strings.Join(all, ", "); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
