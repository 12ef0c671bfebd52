package trade

import (
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/reconcile"
)

// DecisionRules gives an agreement's rule for differing lines as package
// reconcile asks it. The machine itself compares outcomes only: both sides run
// the rule on the delivered records, which are off the ledger. Code: bad-rule.
func DecisionRules(t agreement.Terms) (reconcile.Rules, error) {
	r, err := t.Rule.Compile()
	if err != nil {
		return nil, err
	}
	return decisions{r}, nil
}

// Tolerances gives what an agreement lets two records of a call differ by. The
// tolerance of billed seconds is not among them: it is agreed for a line, and
// given to each of a thousand calls it would let the line differ by a thousand
// times as much.
func Tolerances(t agreement.Terms) reconcile.Tolerances {
	return reconcile.Tolerances{StartMillis: t.StartTolerance}
}

type decisions struct{ rule *agreement.Rule }

// Answer asks the rule. Whatever is no answer counts as manual.
func (d decisions) Answer(c reconcile.Case) reconcile.Answer {
	return reconcile.Answer(d.rule.Answer(agreement.Facts{Kind: string(c.Kind), BuyerSeconds: c.BuyerSeconds, SellerSeconds: c.SellerSeconds,
		Gap: c.Gap, StartGap: c.StartGap, OnlySellerSeconds: c.OnlySellerSeconds, DestinationSeconds: c.DestinationSeconds, Undelivered: c.Undelivered}))
}
