package trade

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// billedBy runs a story's commands where documents are generated in a way, and
// gives the bills and the documents that come of it, without the times of issue.
func billedBy(t *testing.T, text, integration string) (bills []string) {
	var w *world
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if terms, ok := strings.CutPrefix(line, "world products"); ok {
			w = products(t, terms+" integration="+integration)
			continue
		}
		command, ok := strings.CutPrefix(line, "> ")
		if !ok {
			continue
		}
		if who, rest, ask := strings.Cut(command, " bill.request "); ask && integration == "proof" {
			other := map[string]string{"ALPHA": "BRAVO", "BRAVO": "ALPHA"}[who]
			w.run(other + " bill.submit " + rest)
			w.time -= 100 // both at once, so that all the rest happens when it did
			w.run(who + " bill.submit " + rest)
			continue
		}
		w.run(command)
	}
	v := View{w.state}
	for key, raw := range w.state.Scan("bill/") {
		b := stored[invoice.Bill](raw)
		bills = append(bills, fmt.Sprintf("%s %s %s %x", key, b.Interval, b.State, canon.Must(b.Items)))
	}
	for inv := range v.Invoices("") {
		d, _ := v.Document(inv.ID)
		d.Terms, d.Issued, d.Due = canon.Hash{}, 0, 0
		bills = append(bills, fmt.Sprintf("%s %s %s %x", inv.ID, inv.State, inv.Total, canon.Must(d)))
	}
	return bills
}

// Whether the Bilateral generates the documents or each side shows its own: the
// bills are the same to the byte.
func TestBothIntegrationsGiveTheSameBills(t *testing.T) {
	for _, story := range []string{"product-billing", "product-usage", "product-app", "product-disputes"} {
		text, err := os.ReadFile("testdata/" + story + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		common := billedBy(t, string(text), "common-record")
		proof := billedBy(t, string(text), "proof")
		if len(common) < 2 || !slices.Equal(common, proof) {
			t.Errorf("%s:\n%s\nand by proof\n%s", story, strings.Join(common, "\n"), strings.Join(proof, "\n"))
		}
	}
}

// The charges of a product over many short bills are those of few long ones: each
// line is rounded once, and nothing is lost or charged twice, whatever happens
// in between, and however late it is said.
func TestTheBillsOfProductsAddUp(t *testing.T) {
	r := random(t)
	for range 12 {
		// The same life of a product is lived under bills by the month and by the
		// day: actions at the same moments, bills whenever a period is over.
		type step struct {
			at   int64 // hour
			line string
		}
		var life []step
		at := 1 + r.Int64N(100)
		life = append(life, step{at, fmt.Sprintf("ALPHA order.place id=P-0 kind=product from=%d months=2 early=%d prices=port:recurring:EUR:%d.%06d:1:1mo,exit:one-time:EUR:50:1::end,move:one-time:EUR:7:1::change", at+1, r.IntN(1_000_001), 1+r.IntN(5000), r.IntN(1e6))},
			step{at, "BRAVO order.accept id=P-0"}, step{at + 2, fmt.Sprintf("BRAVO order.deliver id=P-0 at=%d", at+1)})
		for n := 1; n <= 2+r.IntN(3); n++ {
			at += 3 + r.Int64N(400)
			switch r.IntN(3) {
			case 0:
				life = append(life, step{at, "BRAVO product.suspend"}, step{at + 1 + r.Int64N(100), "BRAVO product.resume"})
				at += 102
			default:
				from := at + 1 + r.Int64N(20)
				late := from + 1 + r.Int64N(100) // the seller says so when some of it is billed
				life = append(life, step{at, fmt.Sprintf("ALPHA order.place id=P-%d kind=product action=modify from=%d months=1 early=300000 prices=port:recurring:EUR:%d.%06d:1:1mo,exit:one-time:EUR:50:1::end,move:one-time:EUR:7:1::change", n, from, 1+r.IntN(5000), r.IntN(1e6))},
					step{at, fmt.Sprintf("BRAVO order.accept id=P-%d", n)}, step{late, fmt.Sprintf("BRAVO order.deliver id=P-%d at=%d", n, from)})
				at = late
			}
		}
		end := at + 2
		from := end + 1 + r.Int64N(30)
		life = append(life, step{end, fmt.Sprintf("ALPHA order.place id=P-E kind=product action=delete from=%d", from)},
			step{end, "BRAVO order.accept id=P-E"}, step{from + 1 + r.Int64N(100), fmt.Sprintf("BRAVO order.deliver id=P-E at=%d", from)})
		slices.SortStableFunc(life, func(a, b step) int { return int(a.at - b.at) })

		live := func(cycle string) (sum money.Micro, lines int) {
			w := products(t, "cycle="+cycle)
			dates, err := usage.Cycle{Length: cycle}.Calendar()
			if err != nil {
				t.Fatal(err)
			}
			begun := maps.Clone(w.state)
			w.log = nil
			period := dates.At(base)
			bill := func(until int64) {
				for ; period.To+10_000 <= until; period = dates.Next(period) {
					w.time = max(w.time, period.To+10_000)
					b := NewCommand(KindBillRequest, BillRequest{invoice.Account{Agreement: "MSA-1", Seller: "BRAVO"}, period})
					ctx := Context{Block: Block{Chain: testChain, Channel: testChannel, Height: w.height, Time: w.time}, Sender: key("BRAVO.channel").Public(), Public: w.public}
					if out := w.execute(ctx, b); !strings.HasPrefix(out, "done") {
						t.Fatalf("%s: %s", period, out)
					}
				}
			}
			for _, s := range life {
				// A quarter of an hour on: bills come with the hour, and the block's
				// time never decides a charge but of a suspension.
				when := base + s.at*hourMs + 15*60_000
				bill(when)
				w.time = when
				if out := w.run(s.line); !strings.HasPrefix(out, "done") {
					t.Fatalf("%s: %s", s.line, out)
				}
			}
			bill(w.time + 70*24*hourMs)
			for d := range (View{w.state}).Invoices("") {
				sum += d.Total
				doc, _ := View{w.state}.Document(d.ID)
				lines += len(doc.Items)
			}
			replayed := memory(begun)
			for _, e := range w.log {
				replayed.apply(New(voice{}, wave{}).Apply(e.ctx, replayed, e.cmd).Writes)
			}
			if !maps.EqualFunc(replayed, w.state, slices.Equal[[]byte]) {
				t.Fatal("a replay gives another state")
			}
			p, _ := View{w.state}.Product("W-1")
			if len(p.Due) != 0 {
				t.Fatalf("something is on no bill: %+v", p.Due)
			}
			return sum, lines
		}
		month, few := live("1mo")
		day, many := live("1d")
		if apart := max(month, day) - min(month, day); apart > money.Micro(few+many) {
			t.Fatalf("by the month %s in %d lines, by the day %s in %d lines\n%v", month, few, day, many, life)
		}
	}
}

// What stands of a product follows from its last state alone: the recurring
// charges of all bills are those of its phases, for as long as each was held.
func TestTheBillsOfAProductAreItsPhases(t *testing.T) {
	w := products(t, "cycle=1mo")
	for _, line := range []string{
		"ALPHA order.place id=P-1 kind=product from=5 prices=port:recurring:EUR:744:1:1mo", "BRAVO order.accept id=P-1", "time hours=6", "BRAVO order.deliver id=P-1 at=5",
		"time days=40", "ALPHA bill.request month=2026-11",
		"ALPHA order.place id=P-2 kind=product action=modify from=1000 prices=port:recurring:EUR:1488:1:1mo", "BRAVO order.accept id=P-2", "time days=30", "ALPHA bill.request month=2026-12",
		"BRAVO order.deliver id=P-2 at=1000", "time days=30", "ALPHA bill.request month=2027-01",
	} {
		if out := w.run(line); strings.HasPrefix(out, "refused") {
			t.Fatalf("%s: %s", line, out)
		}
	}
	var sum money.Micro
	for inv := range (View{w.state}).Invoices("") {
		sum += inv.Total
	}
	p, _ := View{w.state}.Product("W-1")
	charges, err := recurring(&p, usage.Interval{From: p.Activated(), To: p.Billed}, money.HalfUp)
	if err != nil {
		t.Fatal(err)
	}
	var want money.Micro
	for _, c := range charges {
		if c.Kind != rating.Recurring {
			t.Errorf("%+v", c)
		}
		want += c.Amount.Micro
	}
	if apart := max(sum, want) - min(sum, want); apart > 10 {
		t.Errorf("the bills come to %s, the phases to %s", sum, want)
	}
}
