package treasury

import (
	"github.com/lateral-network/lateral/rail"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/settlement"
)

// shares gives what money for debts comes to, and what of it is for each, all in
// whole minor units. What a payer has advised as one payment comes to what it has
// advised; all else of one partner, to what a bank pays of its sum, so a debt may
// get a unit more than a bank would pay of it alone.
func shares(all []debt) (parts []rail.Money, sum rail.Money, err error) {
	advised := map[string]money.Micro{} // by payment: what of it is for these debts
	for _, o := range all {
		if ref := advisedIn(o); ref != "" {
			advised[ref] += o.Payment.Part // of one payment, so it has room
		}
	}
	laid := map[string]money.Amount{}
	for _, o := range all {
		key, more := string(o.Partner), o.Left()
		if ref := advisedIn(o); ref != "" && advised[ref] == o.Payment.Whole {
			key, more.Micro = ref, o.Payment.Part
		}
		before, ok := laid[key]
		if !ok {
			before.Currency = more.Currency
		}
		after, err := before.Add(more)
		if err != nil {
			return nil, sum, err
		}
		laid[key] = after
		was, _, err := rail.Payable(before)
		if err != nil {
			return nil, sum, err
		}
		is, _, err := rail.Payable(after)
		if err != nil {
			return nil, sum, err
		}
		is.Minor -= was.Minor
		parts = append(parts, is)
		sum.Currency = is.Currency
		sum.Minor += is.Minor
	}
	return parts, sum, nil
}

// advisedIn names the payment that a debt is advised with; empty: it is not.
func advisedIn(o debt) string {
	if payable(o.Obligation) || o.Obligation.State == settlement.Settled {
		return ""
	}
	return string(o.Partner) + "/" + o.Payment.Reference
}

// paying gives what a run pays of each debt: a single one without its discount.
func paying(all []debt) ([]rail.Money, error) {
	if len(all) == 1 {
		least, _, err := rail.Payable(all[0].Least)
		return []rail.Money{least}, err
	}
	parts, _, err := shares(all)
	return parts, err
}

// fitting lays money on debts when it is just what they come to, of a single one
// with or without its discount.
func fitting(all []debt, paid rail.Money) (parts []rail.Money, fits bool, err error) {
	parts, sum, err := shares(all)
	if err != nil || len(all) == 0 || sum == paid {
		return parts, len(all) > 0, err
	}
	parts, err = paying(all)
	return parts, len(all) == 1 && parts[0] == paid, err
}
