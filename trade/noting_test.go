package trade

import (
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/settlement"
)

// Two debts of which each leaves a part of a cent come to one cent more together
// than what each comes to by itself: the sum of both was refused, and so was
// their sum to the millionth.
func TestOnePaymentOfSeveralDebtsComesToTheWholeCoinsOfTheirSum(t *testing.T) {
	v := View{Records: memory{}}
	owes := func(c money.Currency, micro money.Micro) settlement.Obligation {
		return settlement.Obligation{ID: "N-1", Netting: "N-1", Amount: money.Amount{Currency: c, Micro: micro}, State: settlement.Owed}
	}
	one, other := owes("EUR", 52_517_439), owes("EUR", 26_158)
	for method, want := range map[string]money.Micro{"bank-transfer": 52_540_000, MethodToken: 52_543_597} {
		if got, err := v.Payable(method, 0, one, other); err != nil || got != (money.Amount{Currency: "EUR", Micro: want}) {
			t.Errorf("by %s: %v, %v", method, got, err)
		}
	}
	if got, err := v.Payable("bank-transfer", 0, one); err != nil || got.Micro != 52_510_000 {
		t.Errorf("of one: %v, %v", got, err)
	}
	if _, err := v.Payable("bank-transfer", 0, one, owes("USD", 1_000_000)); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("in two currencies: %v", err)
	}
}
