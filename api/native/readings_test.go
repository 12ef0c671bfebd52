package native_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/clearing"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/line/connectivity"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// What both sides import of an interval of two seconds is stated, billed and paid by
// the two nodes, in time and without anybody.
func TestImportedReadingsAreStatedBilledAndPaid(t *testing.T) {
	w := opened(t)
	ctx := within(t)
	alpha, bravo := w.sides["ALPHA"], w.sides["BRAVO"]
	for _, s := range w.sides {
		s.clear(clearing.Automatic{Rate: true, Accept: true, Net: true, Pay: true, Measure: true})
	}
	pm, them := alpha.as(api.ProductManager), bravo.as(api.ProductManager)
	terms := agreement.Defaults()
	terms.Cycle, terms.GraceMillis, terms.Netting = "2s", 0, true
	clause := agreement.DefaultProduct("annex", string(connectivity.Name))
	clause.Granularity = "2s"
	clause.Schedules = []agreement.Schedule{{Name: "app", Type: "urn:app", Prices: []rating.Price{{Name: "session", Kind: rating.Time, Currency: "USD", Rate: 1e9, Unit: 60}}}}
	terms.Products = []agreement.ProductTerms{clause}
	if _, err := pm.ProposeAgreement(ctx, wire.ProposeAgreement{ID: "MSA-P", Type: agreement.MSA, Legal: legal(), Lines: []product.Line{connectivity.Name},
		From: millis("2026-01-01T00:00:00Z"), Terms: terms}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the other side accepts", func() bool {
		_, err := them.AcceptAgreement(ctx, "MSA-P", canon.Hash{})
		return err == nil
	})
	eventually(t, "the buyer has it in force", func() bool {
		a, err := pm.Agreement(ctx, "MSA-P")
		return err == nil && a.State == agreement.Active
	})
	if _, err := pm.PlaceOrder(ctx, wire.PlaceOrder{ID: "O-1", Kind: order.Product, Agreement: "MSA-P", Line: connectivity.Name,
		Value: []money.Amount{{Currency: "USD", Micro: 1e6}}, Product: &wire.ProductRequest{Action: order.Add, ID: "S-1", Schedule: "app", Pieces: 1}}, ""); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the seller accepts", func() bool {
		_, err := them.MoveOrder(ctx, "O-1", "accept", "")
		return err == nil
	})
	if _, err := them.DeliverOrder(ctx, "O-1", wire.DeliverOrder{}); err != nil {
		t.Fatal(err)
	}
	var from int64
	eventually(t, "both have the product", func() bool {
		for _, s := range w.sides {
			p, err := s.as(api.Auditor).Product(ctx, "S-1")
			if err != nil || p.Activated == 0 {
				return false
			}
			from = int64(p.Activated) - int64(p.Activated)%2000
		}
		return true
	})
	span := usage.Interval{From: from, To: from + 2000}
	file := fmt.Sprintf("product,from,to,metric,value\nS-1,%s,%s,session,120\nS-2,%[1]s,%[2]s,session,120\n", usage.Stamp(span.From), usage.Stamp(span.To))
	if _, err := alpha.as(api.Clerk).ImportReadings(ctx, strings.NewReader(file)); fault.CodeOf(err) != fault.Forbidden {
		t.Errorf("a clerk's readings: %v", err)
	}
	for _, s := range w.sides {
		in, err := s.as(api.Engineer).ImportReadings(ctx, strings.NewReader(file))
		if err != nil || in.Read != 2 || in.Accepted != 1 || len(in.Rejects) != 1 || in.Rejects[0].Line != 3 || in.Rejects[0].Code != fault.NotFound {
			t.Fatalf("%+v, %v", in, err)
		}
	}
	eventually(t, "the measurement is agreed", func() bool {
		m, err := pm.Measurement(ctx, "S-1", wire.Time(span.From))
		return err == nil && m.State == usage.MeasurementAgreed && *m.Figures[0].Counts == 120
	})
	eventually(t, "it is billed and paid", func() bool {
		all, err := client.Collect(pm.Invoices(ctx, nil))
		return err == nil && len(all) == 1 && all[0].Total == 2_000_000 && all[0].Paid
	})
}
