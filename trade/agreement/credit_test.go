package agreement

import (
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/credit"
	"github.com/lateral-network/lateral/trade/money"
)

// MEF 114 Table 2: score and payment history give the allocation, "example: the
// customer has been allocated a USD 5000 credit".
func TestAnAllocationFollowsFromScoreAndHistory(t *testing.T) {
	example := Buyer{Score: 75, Days: 45, Invoices: 4, Buyer: "ALPHA", Seller: "BRAVO", Currency: "USD"}
	worse, slower := example, example
	worse.Score, slower.Days = 74, 46
	for _, c := range []struct {
		rule  string
		buyer Buyer
		want  money.Micro
	}{
		{DefaultAllocation().Text, example, 5_000_000_000},
		{DefaultAllocation().Text, worse, 500_000_000},
		{DefaultAllocation().Text, slower, 500_000_000},
		{DefaultAllocation().Text, Buyer{}, 500_000_000},
		{`buyer == "ALPHA" && seller == "BRAVO" && currency == "USD" ? 7 : 0`, example, 7_000_000},
		{`-5`, example, 0},
		{`1 / (score - 75)`, example, 0},    // it fails
		{`9223372036854775807`, example, 0}, // more than amounts can be
		{`9223372036855`, example, 0},       // likewise
		{`9223372036854`, example, 9_223_372_036_854_000_000},
	} {
		a, err := Source{Text: c.rule}.Allocate()
		if err != nil {
			t.Fatalf("%s: %v", c.rule, err)
		}
		if got := a.Of(c.buyer); got != c.want {
			t.Errorf("%s of %+v gives %s, want %s", c.rule, c.buyer, got, c.want)
		}
	}
	for _, text := range []string{"", `"5000"`, `score > 5`, `gap`, `5000.0`, `timestamp("2026-01-01T00:00:00Z") == timestamp("2026-01-01T00:00:00Z") ? 1 : 0`} {
		if _, err := (Source{Text: text}).Allocate(); fault.CodeOf(err) != CodeBadRule {
			t.Errorf("%s compiles: %v", text, err)
		}
	}
}

func TestACreditClauseThatSaysNonsenseIsRefused(t *testing.T) {
	terms := func() Terms {
		x, c := Defaults(), DefaultCredit("EUR", "USD")
		x.Credit = &c
		return x
	}
	good := terms()
	good.Credit.Ceiling = []money.Amount{{Currency: "USD", Micro: 1}}
	good.Credit.DiscountDays, good.Credit.Discount, good.Credit.Interest = 10, 20_000, 80_000
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	if got := good.PaymentTerms(); got != (credit.Terms{Net: 30, DiscountDays: 10, Discount: 20_000, Interest: 80_000}) {
		t.Errorf("payment terms %+v", got)
	}
	if got := Defaults().PaymentTerms(); got != (credit.Terms{Net: 30}) {
		t.Errorf("payment terms without a clause: %+v", got)
	}
	for what, c := range map[string]struct {
		change func(*Credit)
		field  string
	}{
		"no currency":              {func(c *Credit) { c.Currencies = nil }, "credit.currencies"},
		"currencies in no order":   {func(c *Credit) { c.Currencies = []money.Currency{"USD", "EUR"} }, "credit.currencies"},
		"a currency twice":         {func(c *Credit) { c.Currencies = []money.Currency{"USD", "USD"} }, "credit.currencies"},
		"no currency of ISO 4217":  {func(c *Credit) { c.Currencies = []money.Currency{"usd"} }, "credit.currencies"},
		"a warning too late":       {func(c *Credit) { c.Warn = 1_000_001 }, "credit.warn"},
		"nothing beyond":           {func(c *Credit) { c.Beyond = "" }, "credit.beyond"},
		"a ceiling below zero":     {func(c *Credit) { c.Ceiling = []money.Amount{{Currency: "USD", Micro: -1}} }, "credit.ceiling"},
		"a deposit of all":         {func(c *Credit) { c.Deposit = 10_000_001 }, "credit.deposit"},
		"a discount of more":       {func(c *Credit) { c.Discount, c.DiscountDays = 1_000_001, 1 }, "credit.discount"},
		"a discount of no days":    {func(c *Credit) { c.Discount = 1 }, "credit.discount_days"},
		"days of no discount":      {func(c *Credit) { c.DiscountDays = 1 }, "credit.discount_days"},
		"a discount after the due": {func(c *Credit) { c.Discount, c.DiscountDays = 1, 31 }, "credit.discount_days"},
		"more interest than all":   {func(c *Credit) { c.Interest = 1_000_001 }, "credit.discount"},
		"no rule":                  {func(c *Credit) { c.Allocation.Text = "" }, "credit.allocation"},
		"a rule of the other kind": {func(c *Credit) { c.Allocation = DefaultRule() }, "credit.allocation"},
	} {
		x := terms()
		c.change(x.Credit)
		if err := x.Validate(); err == nil || fault.Of(err).Field != c.field {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// The bytes of the clause are fixed, and terms without one have those that they
// always had.
func TestTheEncodingOfTheCreditClauseIsFixed(t *testing.T) {
	if got, want := Defaults().Hash().String(), "c572f86cc773f7deccf1c7d8a05199d4ac47da627445e282909a3552847e3a4f"; got != want {
		t.Errorf("terms without the clause hash to %s, want %s", got, want)
	}
	x, c := Defaults(), DefaultCredit("EUR", "USD")
	c.Ceiling, c.Deposit, c.DiscountDays, c.Discount, c.Interest = []money.Amount{{Currency: "USD", Micro: 10_000_000_000}}, 1_000_000, 10, 20_000, 80_000
	x.Credit = &c
	if got, want := x.Hash().String(), "89a3d7635137fd634d6ebd65f2c5218fd1932cb7233d4ee3ddd35d8a8d1f2015"; got != want {
		t.Errorf("terms with the clause hash to %s, want %s", got, want)
	}
	var again Terms
	if err := canon.Decode(canon.Must(x), &again); err != nil || again.Hash() != x.Hash() {
		t.Errorf("decoded they are others: %v", err)
	}
}
