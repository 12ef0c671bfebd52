package native_test

import (
	"strings"
	"testing"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
)

// A clause about credit goes the whole way by the API: an amendment, what both
// sides are shown, and an order that is refused by it.
func TestCreditByTheAPI(t *testing.T) {
	w := opened(t)
	contracted(t, w)
	ctx := within(t)
	alpha, bravo := w.sides["ALPHA"], w.sides["BRAVO"]
	none, err := alpha.as(api.Auditor).Credit(ctx)
	if err != nil || len(none.Credit) != 0 {
		t.Fatalf("without a clause: %+v, %v", none, err)
	}
	signed, err := alpha.as(api.ProductManager).Agreement(ctx, "MSA-1")
	if err != nil {
		t.Fatal(err)
	}
	amended := wire.AmendAgreement{From: millis("2026-02-01T00:00:00Z"), Terms: *signed.Versions[0].Terms}
	clause := agreement.DefaultCredit("EUR", "USD")
	clause.Allocation.Text = `buyer == "ALPHA" ? 500 : 200`
	clause.Ceiling = []money.Amount{{Currency: "USD", Micro: 600_000_000}}
	clause.DiscountDays, clause.Discount = 10, 20_000
	amended.Terms.Credit = &clause
	wrong := amended
	bad := clause
	bad.Allocation.Text = "today"
	wrong.Terms.Credit = &bad
	if _, err := alpha.as(api.ProductManager).AmendAgreement(ctx, "MSA-1", wrong); fault.Of(err).Code != agreement.CodeBadRule || fault.Of(err).Field != "terms.credit.allocation" {
		t.Errorf("a rule over what it cannot know gives %v", err)
	}
	proposed, err := alpha.as(api.ProductManager).AmendAgreement(ctx, "MSA-1", amended)
	if err != nil {
		t.Fatal(err)
	}
	hash := proposed.Record.Pending.Hash
	eventually(t, "the partner accepts the amendment", func() bool {
		got, err := bravo.as(api.ProductManager).AcceptAgreement(ctx, "MSA-1", hash)
		return err == nil && len(got.Record.Versions) == 2
	})
	var shown wire.CreditList
	for code, s := range w.sides { // both show the same
		eventually(t, string(code)+" shows both ways", func() bool {
			shown, err = s.as(api.Auditor).Credit(ctx)
			return err == nil && len(shown.Credit) == 4
		})
		for _, c := range shown.Credit {
			want := map[string]string{"ALPHA": "500.000000", "BRAVO": "200.000000"}[string(c.Payer)]
			if c.Allocation.String() != want || c.Terms != "2 % 10, net 30" || c.Beyond != agreement.BeyondBlock || (c.Currency == "USD") != (c.Ceiling != nil) || c.State != "within" {
				t.Errorf("%s shows %+v", code, c)
			}
		}
	}
	status, _, raw := alpha.ask(t, alpha.tokens[api.Auditor], "GET", "/v1/bilaterals/BRAVO/credit", "")
	for _, want := range []string{`"expected":"`, `"set_off":"0.000000"`, `"history":[]`, `"beyond":"block"`, `"at":"20`} {
		if status != 200 || !strings.Contains(string(raw), want) {
			t.Errorf("the answer does not say %s: %s", want, raw)
		}
	}
	sheet := ""
	for o, err := range alpha.as(api.ProductManager).Orders(ctx, nil) {
		if err != nil {
			t.Fatal(err)
		}
		sheet = o.Sheet
	}
	_, err = alpha.as(api.ProductManager).PlaceOrder(ctx, wire.PlaceOrder{ID: "MUCH", Kind: order.Standing, Agreement: "MSA-1", Sheet: sheet, Line: "voice", From: millis("2026-02-01T00:00:00Z"),
		Value: []money.Amount{{Currency: "USD", Micro: 400_000_001}}}, "")
	if f := fault.Of(err); f == nil || f.Code != trade.CodeCredit || f.Field != "credit.allocation" || f.Remedy == "" {
		t.Errorf("an order beyond the allocation gives %v", err)
	}
}
