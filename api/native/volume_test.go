package native_test

import (
	"strings"
	"testing"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// Terms about volume go the whole way by the API: an amendment, the invoice with
// its lines, its exports and its proof.
func TestTermsAboutVolumeByTheAPI(t *testing.T) {
	w := opened(t)
	contracted(t, w)
	ctx := within(t)
	alpha, bravo := w.sides["ALPHA"], w.sides["BRAVO"]
	signed, err := alpha.as(api.ProductManager).Agreement(ctx, "MSA-1")
	if err != nil {
		t.Fatal(err)
	}
	amended := wire.AmendAgreement{From: millis("2026-02-01T00:00:00Z"), Terms: *signed.Versions[0].Terms}
	basis := rating.Basis{Direction: usage.Direction{From: "ALPHA", To: "BRAVO"}, Destinations: []string{"France", "Germany"}, Currency: "USD", Window: usage.Cycle{Length: "1h"}}
	amended.Terms.Volume = []rating.Volume{{Name: "Volume", Basis: basis, Measure: rating.ByMoney, Reach: rating.Marginal, Tiers: []rating.Tier{{Charges: 20_000, Discount: 125_000}}}}
	amended.Terms.Commitments = []rating.Commitment{{Name: "Minimum", Basis: basis, Seconds: 600, Rate: 30_000_000, UnitSeconds: 60}}
	wrong := amended
	wrong.From = millis("2026-02-01T00:30:00Z")
	if _, err := alpha.as(api.ProductManager).AmendAgreement(ctx, "MSA-1", wrong); fault.Of(err).Field != "from" {
		t.Errorf("an amendment that cuts a window gives %v", err)
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
	calls := callsHeader + strings.Join(strings.Split(ours, "\n")[1:4], "\n") + "\n" // 180 s to Germany, 60 s to France: 0.036 and 0.024
	for _, s := range w.sides {
		if _, err := s.as(api.Engineer).ImportUsage(ctx, "calls.csv", strings.NewReader(calls)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.as(api.Engineer).Close(ctx, 0); err != nil {
			t.Fatal(err)
		}
	}
	id := awaitInvoice(t, alpha, client.Filter{"state": "issued"}).ID
	var inv wire.Invoice
	eventually(t, "the invoice can be read by its id", func() bool { // a list may show a block that is being taken over
		inv, err = alpha.as(api.Auditor).Invoice(ctx, id)
		return err == nil
	})
	if inv.Says == nil || len(inv.Says.Volume) != 2 {
		t.Fatalf("%+v", inv)
	}
	discount, shortfall := inv.Says.Volume[0], inv.Says.Volume[1]
	if discount.Kind != invoice.Discount || discount.Name != "Volume" || discount.Amount.String() != "-0.005000" || discount.Tier != 1 || discount.Seconds != 240 || discount.Charges.String() != "0.060000" {
		t.Errorf("%+v, want an eighth of what is beyond 0.02", discount)
	}
	if shortfall.Kind != invoice.Shortfall || shortfall.Amount.String() != "0.180000" || inv.Total.String() != "0.235000" {
		t.Errorf("%+v of %s, want 360 s at 0.03 a minute", shortfall, inv.Total)
	}
	checkExports(t, alpha, id)
	windows, err := alpha.as(api.Auditor).Volume(ctx)
	if err != nil || len(windows) != 2 {
		t.Fatalf("%+v, %v", windows, err)
	}
	for _, x := range windows {
		switch {
		case x.Window.String() != "2026-02-01T00:00:00Z/2026-02-01T01:00:00Z" || x.Seconds != 240 || x.Charges.String() != "0.060000" || x.Direction.String() != "ALPHA>BRAVO":
			t.Errorf("%+v", x)
		case x.Name == "Volume" && (x.Tier != 1 || x.NextCharges != 0 || x.Billed.String() != "-0.005000"), x.Name == "Minimum" && (x.NextSeconds != 600 || x.Billed.String() != "0.180000" || !x.Over):
			t.Errorf("%+v", x)
		}
	}
	status, _, raw := alpha.ask(t, alpha.tokens[api.Auditor], "GET", "/v1/bilaterals/BRAVO/agreements/MSA-1", "")
	for _, want := range []string{`"percent":"12.5000"`, `"charges":"0.020000"`, `"direction":"ALPHA>BRAVO"`, `"rate":"0.030000000"`} {
		if status != 200 || !strings.Contains(strings.ReplaceAll(string(raw), `\u003e`, ">"), want) {
			t.Errorf("the agreement does not say %s: %s", want, raw)
		}
	}
}
