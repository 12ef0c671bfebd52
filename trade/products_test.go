package trade

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/product"
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

// A node asks for what is due and nothing else, until nothing is left to bill.
func TestBillsAreDueWhileSomethingIsOnNone(t *testing.T) {
	w := products(t, "cycle=1mo")
	due := func() (out []string) {
		bills, err := View{w.state}.BillsDue(w.time)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range bills {
			out = append(out, fmt.Sprintf("%s %s", b.Account.Order(), b.Interval))
		}
		return out
	}
	run := func(lines ...string) {
		for _, line := range lines {
			if out := w.run(line); strings.HasPrefix(out, "refused") {
				t.Fatalf("%s: %s", line, out)
			}
		}
	}
	expect := func(want ...string) {
		t.Helper()
		if got := due(); !slices.Equal(got, want) {
			t.Fatalf("due are %q, want %q", got, want)
		}
	}
	run("ALPHA order.place id=P-1 kind=product", "BRAVO order.accept id=P-1", "time days=35")
	expect() // nothing is delivered
	w.time = base + 5*hourMs
	run("BRAVO order.deliver id=P-1", "ALPHA order.place id=P-2 kind=product product=W-2 account=lab", "BRAVO order.accept id=P-2", "BRAVO order.deliver id=P-2")
	expect()
	run("time days=62")
	const november, december = " 2026-11-01T00:00:00Z/2026-12-01T00:00:00Z", " 2026-12-01T00:00:00Z/2027-01-01T00:00:00Z"
	expect("_MSA-1.BRAVO"+november, "_MSA-1.BRAVO.lab"+november)
	run("ALPHA bill.request month=2026-11")
	expect("_MSA-1.BRAVO"+december, "_MSA-1.BRAVO.lab"+november)
	run("ALPHA bill.request month=2026-11 account=lab", "ALPHA bill.request month=2026-12 account=lab", "BRAVO bill.request month=2026-12")
	expect()
	if out := w.run("show bill month=2026-11 account=lab id=bill:EUR:1"); !strings.Contains(out, "W-2") || strings.Contains(out, "W-1") {
		t.Errorf("the account lab has\n%s", out)
	}
	run("ALPHA order.place id=P-3 kind=product action=delete", "BRAVO order.accept id=P-3", "time hours=1", "BRAVO order.deliver id=P-3", "time days=90", "ALPHA bill.request month=2027-01")
	expect("_MSA-1.BRAVO.lab 2027-01-01T00:00:00Z/2027-02-01T00:00:00Z") // W-1 is billed to its end
}

// A product that has ended and is billed gets no empty bills while a measurement of
// it waits for people; once it is agreed there is a bill for it.
func TestNoBillIsDueForWhatIsOpen(t *testing.T) {
	w := products(t, "cycle=1mo")
	run := func(lines ...string) {
		t.Helper()
		for _, line := range lines {
			if out := w.run(line); strings.HasPrefix(out, "refused") {
				t.Fatalf("%s: %s", line, out)
			}
		}
	}
	due := func() int {
		t.Helper()
		bills, err := View{w.state}.BillsDue(w.time)
		if err != nil {
			t.Fatal(err)
		}
		return len(bills)
	}
	run("ALPHA order.place id=P-1 kind=product value=EUR:100 prices=traffic:data:EUR:0.02:1000000000:1mo", "BRAVO order.accept id=P-1", "BRAVO order.deliver id=P-1",
		"time hours=2", "ALPHA order.place id=P-2 kind=product action=delete", "BRAVO order.accept id=P-2", "BRAVO order.deliver id=P-2",
		"time days=31", "ALPHA bill.request month=2026-11", "ALPHA measurement.state hour=0 used=traffic:1000000000", "time days=31")
	if n := due(); n != 0 {
		t.Fatalf("%d bills are due of what is open", n)
	}
	run("BRAVO measurement.state hour=0 used=traffic:1000000000")
	if n := due(); n != 1 {
		t.Fatalf("%d bills are due of what is agreed, want one", n)
	}
	run("ALPHA bill.request month=2026-12")
	if n := due(); n != 0 {
		t.Fatalf("%d bills are due when all is billed", n)
	}
}

// A node states the intervals that the machine takes: one after the other, as far as
// the product was delivered in them, also where the granularity changes.
func TestAMeteredIntervalIsOneThatCanBeStated(t *testing.T) {
	w := products(t, "cycle=1d")
	run := func(lines ...string) {
		t.Helper()
		for _, line := range lines {
			if out := w.run(line); strings.HasPrefix(out, "refused") {
				t.Fatalf("%s: %s", line, out)
			}
		}
	}
	run("ALPHA order.place id=P-1 kind=product value=EUR:100 prices=traffic:data:EUR:0.02:1000000000:1mo guarantees=latency:180000=50000:1000000", "BRAVO order.accept id=P-1", "BRAVO order.deliver id=P-1",
		"BRAVO agreement.amend id=MSA-1 from=24 lines=connectivity,voice cycle=1d products granularity=1d", "ALPHA agreement.accept id=MSA-1", "time hours=30",
		"ALPHA order.place id=P-2 kind=product action=delete", "BRAVO order.accept id=P-2", "BRAVO order.deliver id=P-2", "time days=3")
	p, _ := View{w.state}.Product("W-1")
	lengths := map[int64]int{} // of the intervals that are measured, in hours
	at := p.Activated()
	for range 40 {
		x, err := View{w.state}.Metering(p, at)
		if err != nil || x.Interval.From > at || x.Interval.To <= at {
			t.Fatalf("at %s: %+v, %v", usage.Stamp(at), x, err)
		}
		if at = x.Interval.To; len(x.Held) == 0 {
			if x.Interval.From < p.Ends && x.Interval.To <= p.Ends {
				t.Errorf("%s is left out", x.Interval)
			}
			continue
		}
		if len(x.Used) != 1 || len(x.Service) != 1 || x.Late <= x.From || x.From < x.Interval.To {
			t.Errorf("%+v", x)
		}
		state := NewCommand(KindMeasure, MeasurementState{"W-1", x.Interval, usage.Measured{Root: canon.Sum("records"),
			Used: []usage.Figure{{Name: "traffic", Value: 1}}, Service: []usage.Figure{{Name: "latency", Value: 1}}}})
		ctx := Context{Block: Block{Chain: testChain, Channel: testChannel, Height: w.height, Time: w.time}, Sender: key("BRAVO.channel").Public(), Public: w.public}
		if out := w.execute(ctx, state); !strings.HasPrefix(out, "done") {
			t.Errorf("%s: %s", x.Interval, out)
		}
		lengths[(x.Interval.To-x.Interval.From)/hourMs]++
	}
	if lengths[1] != 24 || lengths[24] != 1 {
		t.Errorf("measured are %v, want 24 intervals of an hour and one of a day", lengths)
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

// randomProductCommand is one that may be sensible: about few products, so that
// states meet.
func randomProductCommand(w *world, r *rand.Rand) string {
	who := []string{"ALPHA", "BRAVO"}[r.IntN(2)]
	p := fmt.Sprintf("W-%d", r.IntN(3))
	var ids []string
	for it := range (View{w.state}).Items() {
		if it.Deadline != 0 || r.IntN(10) == 0 {
			ids = append(ids, it.ID)
		}
	}
	id := "P-0"
	if len(ids) > 0 {
		id = ids[r.IntN(len(ids))]
	}
	hour := (w.time-base)/hourMs - int64(r.IntN(40))
	figures := fmt.Sprintf("used=traffic:%d service=availability:%d", []int{0, 1e9, 1e9 + 1, 2e12}[r.IntN(4)], []int{1_000_000, 990_000, 500_000}[r.IntN(3)])
	const prices = "prices=port:recurring:EUR:720:1:1mo,traffic:data:EUR:0.02:1000000000:1mo::2000000000000/0.01:3000000000000,set-up:one-time:EUR:5:1::activation,exit:one-time:EUR:3:1::end guarantees=availability:999000=100000+990000=1000000:2000"
	switch r.IntN(17) {
	case 16:
		return fmt.Sprintf("ALPHA order.reschedule id=%s start=%d", id, hour+int64(r.IntN(60))) + []string{"", " expedite"}[r.IntN(2)]
	case 0, 1:
		return fmt.Sprintf("ALPHA order.place id=P-%d kind=product product=%s value=EUR:5 months=%d early=500000 from=%d %s", w.nonce, p, r.IntN(3), hour+int64(r.IntN(80)), prices)
	case 2:
		return fmt.Sprintf("ALPHA order.place id=P-%d kind=product action=modify product=%s value=EUR:5 pieces=%d from=%d %s", w.nonce, p, 1+r.IntN(3), hour, prices)
	case 3:
		return fmt.Sprintf("ALPHA order.place id=P-%d kind=product action=delete product=%s from=%d", w.nonce, p, hour+int64(r.IntN(60)))
	case 4, 5:
		return "BRAVO order.accept id=" + id
	case 6:
		return who + " " + []string{"order.reject", "order.cancel", "order.fail", "order.charge"}[r.IntN(4)] + " id=" + id + " why=because"
	case 7:
		return "ALPHA order.accept id=" + id
	case 8, 9:
		return fmt.Sprintf("BRAVO order.deliver id=%s record=r at=%d", id, hour)
	case 10:
		return "BRAVO product." + []string{"suspend", "resume"}[r.IntN(2)] + " product=" + p
	case 11, 12:
		return fmt.Sprintf("%s measurement.state product=%s hour=%d %s", who, p, hour, figures)
	case 13:
		for m := range (View{w.state}).Measurements("") {
			if m.State == usage.MeasurementAgreed || m.Interval.From < base {
				continue
			}
			verb := []string{"measurement.propose", "measurement.accept", "measurement.reject"}[r.IntN(3)]
			line := fmt.Sprintf("%s %s product=%s hour=%d why=so", who, verb, m.Product, (m.Interval.From-base)/hourMs)
			for _, c := range m.Used {
				if c.Open {
					line += " used=traffic:7"
				}
			}
			for _, c := range m.Service {
				if c.Open {
					line += " service=availability:995000"
				}
			}
			return line
		}
		return "ALPHA measurement.reject product=" + p
	case 14:
		day := hour / 24 * 24
		return fmt.Sprintf("%s bill.request hour=%d-%d", who, day, day+24)
	}
	for inv := range (View{w.state}).Invoices("") {
		if inv.State == invoice.Issued {
			return "ALPHA invoice.accept id=" + inv.ID
		}
	}
	return "ALPHA bill.request hour=0-24"
}

// Whatever the two sides send about products: the books balance (CheckJournal in
// execute), both machines agree, refused commands change nothing, a replay gives
// the same state, and in the end every deadline can be kept until nothing waits.
func TestRandomOrdersOfProductsKeepTheBooks(t *testing.T) {
	r := random(t)
	done := map[string]int{}
	for i := range 4 {
		w := products(t, "cycle=1d granularity=1h acceptance=accepted receipt=presumed-received"+[]string{"", " tested"}[r.IntN(2)]+
			[]string{"", " credit=warn allocation=1000 credit-in=EUR"}[i%2])
		begun := maps.Clone(w.state)
		w.log = nil
		for range 500 {
			line := randomProductCommand(w, r)
			if strings.Contains(line, "hour=-") || strings.Contains(line, "at=-") || strings.Contains(line, "from=-") {
				continue
			}
			if out := w.run(line); strings.HasPrefix(out, "done") {
				done[strings.Fields(line)[1]]++
			}
			w.time += int64(r.IntN(3)) * hourMs
			if r.IntN(4) == 0 {
				for d := range (View{w.state}).Due(w.time) {
					w.run("ALPHA tick subject=" + d.Subject)
					break
				}
			}
		}
		// Orders and products: whatever is under way ends by its deadlines.
		w.time += 4000 * 24 * hourMs
		for range 200 {
			w.time += hourMs // one deadline may begin another: a date that nobody answers, the delivery
			subject := ""
			for d := range (View{w.state}).Due(w.time) {
				if kind, _, _ := strings.Cut(d.Subject, "/"); kind == "item" || kind == "product" || kind == "measurement" && stored[usage.Measurement](w.state[d.Subject]).State == usage.MeasurementStated {
					subject = d.Subject
					break
				}
			}
			if subject == "" {
				break
			}
			if out := w.run("BRAVO tick subject=" + subject); !strings.HasPrefix(out, "done") {
				t.Fatalf("%s: %s", subject, out)
			}
		}
		for it := range (View{w.state}).Items() {
			if it.Deadline != 0 {
				t.Fatalf("order %s is left %s", it.ID, it.State)
			}
		}
		replayed := memory(begun)
		for _, e := range w.log {
			replayed.apply(New(voice{}, wave{}).Apply(e.ctx, replayed, e.cmd).Writes)
		}
		if !maps.EqualFunc(replayed, w.state, slices.Equal[[]byte]) {
			t.Fatal("a replay gives another state")
		}
		if err := CheckJournal(View{w.state}); err != nil {
			t.Fatal(err)
		}
	}
	for _, k := range []Kind{KindOrderPlace, KindOrderReschedule, KindOrderDeliver, KindMeasure, KindBillRequest} {
		if done[string(k)] == 0 {
			t.Errorf("no %s was done: %v", k, done)
		}
	}
}

// The encodings of what is new beside commands: whoever changes a byte changes
// every ledger.
func TestGoldenProducts(t *testing.T) {
	a := parseArgs(strings.Fields("id=P-1 kind=product months=12 early=500000 guarantees=latency:180000=50000:1000000 account=lab reserved=60"))
	w := products(t, "schedule=app")
	body := w.productOrder("ALPHA", "BRAVO", a)
	terms := w.terms(parseArgs(strings.Fields("products types=urn:wave kinds=recurring ceilings=port:recurring:EUR:1000:1:1mo notice-days=30 schedule=app integration=proof")))
	var b strings.Builder
	line := func(what string, v any) {
		raw := canon.Must(v)
		fmt.Fprintf(&b, "%s %d %s\n", what, len(raw), canon.Sum("golden", raw))
	}
	line("order.place", body)
	signed, err := order.OpenQuote(body.Request.Quote)
	if err != nil {
		t.Fatal(err)
	}
	timed := signed.Quote
	timed.From, timed.To = 1793563200000, 1793570400000
	line("timed quote", timed.Sign(key("BRAVO.node")))
	standing := body.Request.Offer
	standing.Sessions = prices("session:time:EUR:4:3600")
	line("standing offer", standing)
	line("session", OrderPlace{ID: "S-1", Kind: order.Product, Agreement: "MSA-1", Line: "connectivity", Request: &order.Request{Action: order.Add, Product: "S-1", Standing: "W-1"}})
	line("session product", product.Instance{ID: "S-1", Standing: "W-1"})
	line("terms", terms)
	line("verdict", Verdict{Dispute: "x", Amount: 5})
	for _, cmd := range []string{"ALPHA order.place id=P-1 kind=product months=12 from=1", "BRAVO order.accept id=P-1", "time hours=2", "BRAVO order.deliver id=P-1 at=1 totals=latency:5", "time days=30", "ALPHA bill.request month=2026-11"} {
		w.run(cmd)
	}
	v := View{w.state}
	it, _ := v.Item("P-1")
	p, _ := v.Product("W-1")
	bill, err := v.Bill(invoice.Account{Agreement: "MSA-1", Seller: "BRAVO"}, usage.Interval{From: 1793491200000, To: 1796083200000})
	if err != nil {
		t.Fatal(err)
	}
	line("item", it)
	line("product", p)
	it.Wish = &order.Wish{Start: 1793563200000, Expedite: true, Asked: it.Placed, Charged: true}
	it.Wishes = []order.Wish{{Start: 1793570400000, Asked: it.Placed, Outcome: order.WishRejected, Why: "so", Answered: it.Accepted}}
	it.Expedite = true
	line("item with wishes", it)
	line("bill", bill)
	line("measurement", usage.Measurement{Product: "W-1", Interval: hours("1"), State: usage.MeasurementDisputed, Buyer: &usage.Measured{Root: canon.Sum("r"), Used: figuresIn("a:1")},
		Used: []usage.Counted{{Name: "a", Value: 1, Open: true, Billed: true, How: "rule"}}, Deadline: 5, Passed: 1, Why: "so"})
	const path = "testdata/products.golden"
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != b.String() {
		t.Errorf("the bytes have changed:\n%s", firstDifference(string(want), b.String()))
	}
}
