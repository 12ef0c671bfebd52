package trade

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// manyVolumeTerms are of each measure and reach, over windows of several periods.
const manyVolumeTerms = "volume=USD/4h/money/whole/0.05:10+0.2:33.3333,EUR/2h/money/marginal/0.01:12.5+0.9:12.5001,USD/8h/seconds/marginal/300:7.7777+900:50/Germany,USD/8h/seconds/whole/1000:5//ALPHA>BRAVO,EUR/1d/seconds/marginal/60:11.1111" +
	" commit=USD/4h/0.7,EUR/2h/600s@0.07,USD/1d/100//BRAVO>ALPHA"

// checkVolume computes what each term about volume makes of each window from the
// lines that count, period by period and in their order, and compares it with
// what the documents say. It gives how many windows come to something.
func checkVolume(t *testing.T, w *world) (metered int) {
	t.Helper()
	v := View{w.state}
	a, _ := v.Agreement("MSA-1")
	terms, ok := v.Terms(a.Versions[0].Terms)
	if !ok {
		t.Fatal("no terms")
	}
	type flow struct {
		direction usage.Direction
		window    usage.Interval
		name      string
	}
	said := map[flow]money.Micro{}
	history := map[usage.Direction][]rating.Agreed{}
	over := map[flow]bool{}
	for p := range v.Periods("") {
		for _, l := range counting(v, p) {
			history[p.Direction] = append(history[p.Direction], rating.Agreed{Period: p.Interval, Destination: l.Rate.Destination, Seconds: l.BilledSeconds,
				Amount: money.Amount{Currency: l.Rate.Currency, Micro: l.Amount}})
		}
		for _, id := range p.Invoices {
			inv, _ := v.Invoice(id)
			doc, _ := v.Document(id)
			for _, l := range doc.Volume {
				if inv.Note == "" || inv.Binding() {
					said[flow{p.Direction, l.Window, l.Name}] += l.Amount
				}
			}
		}
		stated := p.State != invoice.PeriodRequested && p.State != invoice.PeriodStated && p.State != invoice.PeriodLapsed ||
			terms.Compare == agreement.AfterInvoice && p.Seller.Complete()
		for _, c := range terms.Commitments {
			if dates, _ := c.Window.Calendar(); stated && dates.At(p.Interval.To) != dates.At(p.Interval.From) {
				over[flow{p.Direction, dates.At(p.Interval.From), c.Name}] = true
			}
		}
	}
	check := func(f flow, want money.Micro) {
		if said[f] != want {
			t.Errorf("%s, %s of %s: the documents say %s, the window comes to %s", f.direction, f.name, f.window, said[f], want)
		}
		if want != 0 {
			metered++
		}
		delete(said, f)
	}
	for _, d := range []usage.Direction{{From: "ALPHA", To: "BRAVO"}, {From: "BRAVO", To: "ALPHA"}} {
		in := func(b rating.Basis) bool { return b.Direction == usage.Direction{} || b.Direction == d }
		for hour := range int64(24) {
			for _, x := range terms.Volume {
				dates, _ := x.Window.Calendar()
				window := dates.At(base + hour*hourMs)
				if !in(x.Basis) || window.From != base+hour*hourMs {
					continue
				}
				sum := money.Micro(0)
				for from := window.From; from < window.To; from += hourMs {
					credit, err := x.Credit(usage.Interval{From: from, To: from + hourMs}, history[d], terms.Rounding.Mode)
					if err != nil {
						t.Fatal(err)
					}
					sum += credit.Credit
				}
				check(flow{d, window, x.Name}, -sum)
			}
			for _, x := range terms.Commitments {
				dates, _ := x.Window.Calendar()
				window := dates.At(base + hour*hourMs)
				f := flow{d, window, x.Name}
				if !in(x.Basis) || window.From != base+hour*hourMs || !over[f] {
					continue
				}
				var c rating.Counted
				for _, l := range history[d] {
					if window.Contains(l.Period.From) && l.Amount.Currency == x.Currency && x.Counts(l.Destination) {
						c.Seconds, c.Charges = c.Seconds+l.Seconds, c.Charges+l.Amount.Micro
					}
				}
				short, err := x.Shortfall(c, terms.Rounding.Mode)
				if err != nil {
					t.Fatal(err)
				}
				check(f, short)
			}
		}
	}
	for f, m := range said {
		if m != 0 {
			t.Errorf("%s, %s of %s: the documents say %s, and no term does", f.direction, f.name, f.window, m)
		}
	}
	return metered
}

// counting gives the lines of a period that terms about volume count: those that
// are in force, and those that are disputed after they were invoiced, as they
// were, until they are decided.
func counting(v View, p invoice.Period) []invoice.Line {
	out := v.Rated(p, 0)
	for _, id := range p.Invoices {
		inv, _ := v.Invoice(id)
		doc, _ := v.Document(id)
		for _, l := range doc.Lines {
			d, there := v.Dispute(dispute.ID(p.Order, p.Interval, l.Row, l.Adjusts))
			if inv.Note == "" && l.State == invoice.Agreed && there && d.State != dispute.Resolved {
				out = append(out, l)
			}
		}
	}
	return out
}

// However the periods of a window are invoiced, corrected and disputed, in
// whatever order, what the documents say of volume adds up to what the terms make
// of the window at the end: computed once.
func TestTheDiscountsOfAllDocumentsAreThatOfTheWindow(t *testing.T) {
	r := random(t)
	for range 12 {
		w := trading(t, "files netting rounding="+[]string{"half-up", "half-even", "up", "down"}[r.IntN(4)]+" "+manyVolumeTerms)
		periods := []string{}
		for hour := range 8 {
			periods = append(periods, fmt.Sprintf("order=O-AB hour=%d", hour), fmt.Sprintf("order=O-BA hour=%d", hour))
		}
		r.Shuffle(len(periods), func(i, j int) { periods[i], periods[j] = periods[j], periods[i] })
		for _, p := range periods {
			ours, _ := randomLines(r)
			for _, line := range []string{"ALPHA rating.request ", "ALPHA usage.state lines=" + ours + " ", "BRAVO usage.state lines=" + ours + " "} {
				if out := w.run(line + p); !strings.HasPrefix(out, "done") {
					t.Fatalf("%s%s: %s", line, p, out)
				}
			}
			checkVolume(t, w)
		}
		for range 30 { // corrections, accepted and rejected in any order
			v := View{w.state}
			var waiting []string
			for inv := range v.Invoices("") {
				if inv.State == invoice.Issued {
					waiting = append(waiting, inv.ID)
				}
			}
			if len(waiting) > 0 && r.IntN(3) > 0 {
				id := waiting[r.IntN(len(waiting))]
				inv, _ := v.Invoice(id)
				w.run(string(inv.Buyer) + " invoice." + []string{"accept", "accept", "accept", "reject"}[r.IntN(4)] + " id=" + id)
			} else if p, ok := v.Period(PeriodRef{"O-AB", hours(fmt.Sprint(r.IntN(8)))}); ok {
				if stands := v.Rated(p, 0); len(stands) > 0 {
					l := stands[r.IntN(len(stands))]
					w.run(fmt.Sprintf("BRAVO invoice.correct hour=%d currency=%s reversed=%d:0/0 lines=%d:%d/%d", (p.Interval.From-base)/hourMs, l.Rate.Currency, l.Row, l.Row, 1+r.IntN(20), 20+r.IntN(2000)))
				}
			}
			if checkVolume(t, w) == 0 {
				t.Error("no window comes to anything: the test tries nothing")
			}
		}
		checkLines(t, w)
		checkBalances(t, View{w.state})
	}
}

// The terms about volume, and the lines that they make, have one encoding; terms
// and documents without them are as they were.
func TestTermsAboutVolumeHaveOneEncoding(t *testing.T) {
	basis := rating.Basis{Direction: usage.Direction{From: "ALPHA", To: "BRAVO"}, Destinations: []string{"France"}, Currency: "USD", Window: usage.Cycle{Length: "3mo"}}
	for name, c := range map[string]struct {
		record any
		want   string
	}{
		"a discount": {rating.Volume{Name: "V", Basis: basis, Measure: rating.BySeconds, Reach: rating.Whole, Tiers: []rating.Tier{{Seconds: 60, Discount: 25_000}}},
			"a801615602a20165414c5048410265425241564f0381664672616e6365046355534405a10163336d6f06677365636f6e6473076577686f6c650881a201183c031961a8"},
		"a commitment": {rating.Commitment{Name: "C", Basis: basis, Charges: 5}, "a601614302a20165414c5048410265425241564f0381664672616e6365046355534405a10163336d6f0605"},
		"a line":       {invoice.VolumeLine{Name: "V", Kind: invoice.CatchUp, Window: usage.Interval{From: 1, To: 2}, Seconds: 3, Charges: 4, Tier: 1, Amount: -5}, "a7016156026863617463682d757003a2010102020403050406010724"},
		"a count":      {Metered{Counted: rating.Counted{Seconds: 1, Charges: 2}, Billed: -3, Last: 4, Over: true}, "a401a2010102020222030404f5"},
	} {
		if got := hex.EncodeToString(canon.Must(c.record)); got != c.want {
			t.Errorf("%s is %s", name, got)
		}
	}
	plain := agreement.Defaults()
	with := plain
	with.Volume, with.Commitments = []rating.Volume{}, []rating.Commitment{}
	if !slices.Equal(canon.Must(plain), canon.Must(with)) {
		t.Error("terms without volume have other bytes than before")
	}
}
