package native

import (
	"slices"
	"testing"

	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/party"
)

// The portal offered to correct what products are billed, which has no calls to rate again.
func TestAPeriodIsCorrectedByItsSellerWhereCallsAreBilled(t *testing.T) {
	for _, c := range []struct {
		order   string
		state   invoice.PeriodState
		self    party.Code
		correct bool
	}{
		{"V-ALPHA", invoice.PeriodClosed, "BRAVO", true}, {"V-ALPHA", invoice.PeriodAgreed, "BRAVO", true},
		{"V-ALPHA", invoice.PeriodClosed, "ALPHA", false}, {"V-ALPHA", invoice.PeriodReconciling, "BRAVO", false},
		{invoice.Account{Agreement: "MSA-1", Seller: "BRAVO"}.Order(), invoice.PeriodClosed, "BRAVO", false},
	} {
		p := invoice.Period{Order: c.order, State: c.state}
		p.Direction.From, p.Direction.To = "ALPHA", "BRAVO"
		got := shownPeriod(p, c.self).Allowed
		if slices.Contains(got, "correct") != c.correct || got == nil {
			t.Errorf("a %s period of %s allows %s %q", c.state, c.order, c.self, got)
		}
	}
}
