package trade

import (
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/reconcile"
	"github.com/lateral-network/lateral/trade/usage"
)

// DecisionRules gives an agreement's rule for the differing lines of a direction
// as package reconcile asks it. The machine itself compares outcomes only: both
// sides run the rule on the delivered records, which are off the ledger. Code:
// bad-rule.
func DecisionRules(s agreement.Source, d usage.Direction) (reconcile.Rules, error) {
	r, err := s.Compile()
	if err != nil {
		return nil, err
	}
	return decisions{r, d}, nil
}

// FactsOf gives a differing call of a direction in the words of rules.
func FactsOf(c reconcile.Case, d usage.Direction) agreement.Facts {
	return agreement.Facts{Kind: string(c.Kind), Buyer: string(d.From), Seller: string(d.To), Destination: c.Destination,
		Currency: string(c.Currency), Rate: int64(c.Rate), UnitSeconds: uint64(c.UnitSeconds),
		BuyerSeconds: c.BuyerSeconds, SellerSeconds: c.SellerSeconds, Gap: c.Gap, StartGap: c.StartGap, OnlySellerSeconds: c.OnlySellerSeconds,
		DestinationCalls: c.DestinationCalls, DestinationSeconds: c.DestinationSeconds, Undelivered: c.Undelivered}
}

// Tolerances gives what an agreement lets two records of a call differ by. The
// tolerance of billed seconds is not among them: it is agreed for a line, and
// given to each of a thousand calls it would let the line differ by a thousand
// times as much.
func Tolerances(t agreement.Terms) reconcile.Tolerances {
	return reconcile.Tolerances{StartMillis: t.StartTolerance}
}

type decisions struct {
	rule      *agreement.Rule
	direction usage.Direction
}

// Answer asks the rule. Whatever is no answer counts as manual.
func (d decisions) Answer(c reconcile.Case) reconcile.Answer {
	return reconcile.Answer(d.rule.Answer(FactsOf(c, d.direction)))
}
