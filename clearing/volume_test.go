package clearing

import (
	"slices"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// Two desks clear by terms about volume that an amendment has brought: a discount
// whose tier is reached over two periods, one of them with a dispute that the
// rule decides, and a commitment of the other direction, which has no call in the
// window's last period. A correction gives the discount back with its lines. The
// books of both are one, and a restart asks for nothing twice.
func TestTermsAboutVolumeAreClearedByBothDesks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(x *agreement.Terms) { x.Rule = agreement.Source{Text: `"lower"`} })
	w.sheets(rates)
	a, b := w.sides[0], w.sides[1]
	var terms agreement.Terms
	a.view(func(v trade.View) { terms, _ = v.TermsAt("MSA-1", 0) })
	two := usage.Cycle{Length: "2h"}
	terms.Volume = []rating.Volume{{Name: "Volume", Basis: rating.Basis{Direction: forth, Currency: "USD", Window: two}, Measure: rating.ByMoney, Reach: rating.Whole,
		Tiers: []rating.Tier{{Charges: 200_000, Discount: 100_000}}}}
	terms.Commitments = []rating.Commitment{{Name: "Minimum", Basis: rating.Basis{Direction: forth.Back(), Currency: "USD", Window: two}, Charges: 1_000_000}}
	a.do(trade.NewCommand(trade.KindAgreementAmend, trade.AgreementAmend{ID: "MSA-1", From: at(t, "10:00:00"), Terms: terms}))
	b.do(trade.NewCommand(trade.KindAgreementAccept, trade.AgreementAnswer{ID: "MSA-1", Terms: terms.Hash()}))
	a.take(row("1", "10:00:00", 60_000), row("2", "10:30:00", 60_000), row("3", "11:10:00", 120_000), back("4", "10:10:00", 60_000))
	b.take(row("1", "10:00:00", 60_000), row("2", "10:30:00", 60_000), row("3", "11:10:00", 118_000), back("4", "10:10:00", 60_000))
	w.through("12:00:00")
	w.settled("0.357000") // 0.20 and 118 s, less a tenth
	w.until("the shortfall is settled", func() (ok bool) {
		a.view(func(v trade.View) {
			p, there := a.period(forth.Back(), span(t, "11:00:00", "12:00:00"))
			ok = there && p.State == invoice.PeriodClosed
		})
		return ok
	})
	w.quiet()
	if totals := w.totals(); !strings.Contains(totals, "BRAVO>ALPHA USD 1.000000 1.000000 0.000000") {
		t.Errorf("the other direction does not come to its commitment: %s", totals)
	}
	for _, s := range w.sides {
		s.restart()
	}
	w.price("00:00:00", strings.ReplaceAll(rates, "World,1,0.10,", "World,1,0.07,"))
	p, _ := a.period(forth, span(t, "10:00:00", "11:00:00"))
	c, err := b.desk.Correct(w.context(), p.Order, p.Interval.From, "the sheet of November was wrong")
	w.must(err)
	w.quiet()
	var note invoice.Invoice
	var says invoice.Document
	a.view(func(v trade.View) {
		note, _ = v.Invoice(c.Notes[0])
		says, _ = v.Document(c.Notes[0])
	})
	if len(c.Notes) != 1 || note.Total.String() != "-0.054000" || len(says.Volume) != 1 || says.Volume[0].Amount.String() != "0.006000" {
		t.Fatalf("%+v %+v, want 0.06 less, and a tenth of that back", note, says.Volume)
	}
	a.do(trade.NewCommand(trade.KindInvoiceAccept, trade.InvoiceAccept{ID: note.ID, Document: note.Document}))
	w.settled("0.303000")
	w.quiet()
	w.totals() // one on both sides
	periods := 0
	a.view(func(v trade.View) {
		for range v.Periods("") {
			periods++
		}
	})
	if periods != 4 {
		t.Errorf("%d periods were rated, want two of each direction", periods)
	}
}

// The last periods of the windows of commitments are asked for once each, as far
// as they are over, under the terms that hold for them.
func TestTheLastPeriodsOfCommitmentsAreGathered(t *testing.T) {
	const hour = int64(3_600_000)
	terms := func(cycle string, c ...rating.Commitment) phase {
		x := agreement.Defaults()
		x.Cycle, x.Commitments = cycle, c
		calendar, err := usage.Cycle{Length: cycle}.Calendar()
		if err != nil {
			t.Fatal(err)
		}
		return phase{agreement: "MSA-1", terms: x, calendar: calendar}
	}
	pair := usage.PairOf("ALPHA", "BRAVO")
	both := rating.Commitment{Name: "C", Basis: rating.Basis{Window: usage.Cycle{Length: "6h"}}}
	one := both
	one.Name, one.Direction, one.Window = "D", pair.Direction(usage.Back), usage.Cycle{Length: "1d"}
	s := schedule{terms("1h", both), terms("30m", both, one), terms("1h")}
	s[1].from, s[2].from = 9*hour, 48*hour // the second version begins inside a window of a term that goes on
	var p promises
	gathered := func(through int64) (out []string) {
		if err := p.gather(s, pair, through); err != nil {
			t.Fatal(err)
		}
		for _, x := range p.waiting {
			out = append(out, pair.Direction(x.Way).String()[:1]+" "+usage.Stamp(x.Period.From)[11:16]+"-"+usage.Stamp(x.Period.To)[11:16])
		}
		p.waiting = nil
		return out
	}
	for _, c := range []struct {
		through int64
		want    []string
	}{
		{6*hour - 1, nil}, {6 * hour, []string{"A 05:00-06:00", "B 05:00-06:00"}}, {6 * hour, nil}, {13 * hour, []string{"A 11:30-12:00", "B 11:30-12:00"}},
		{24 * hour, []string{"A 17:30-18:00", "B 17:30-18:00", "A 23:30-00:00", "B 23:30-00:00"}},
		{100 * hour, []string{"A 05:30-06:00", "B 05:30-06:00", "A 11:30-12:00", "B 11:30-12:00", "A 17:30-18:00", "B 17:30-18:00", "A 23:30-00:00", "B 23:30-00:00"}},
	} {
		if got := gathered(c.through); !slices.Equal(got, c.want) {
			t.Errorf("through %d h: %v, want %v", c.through/hour, got, c.want)
		}
	}
	p, s = promises{}, schedule{terms("1h", both)}
	if n := len(gathered(100_000 * hour)); n < maxPromised || n > maxPromised+1 {
		t.Errorf("%d periods are kept in mind at a time", n)
	}
}
