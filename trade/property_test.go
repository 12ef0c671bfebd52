package trade

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/usage"
)

var seed = flag.Uint64("seed", 0, "seed of the random tests; 0: a fresh one, printed")

func random(t *testing.T) *rand.Rand {
	s := *seed
	if s == 0 {
		s = rand.Uint64()
	}
	t.Logf("seed %d", s)
	return rand.New(rand.NewPCG(s, 1))
}

// randomLines gives a statement of an hour in the morning, and what the other
// side makes of it.
func randomLines(r *rand.Rand) (ours, theirs string) {
	var a, b []string
	for row := range 3 {
		if r.IntN(3) == 0 {
			continue
		}
		calls, secs := r.IntN(20)+1, r.IntN(2000)
		a = append(a, fmt.Sprintf("%d:%d/%d", row, calls, secs))
		switch r.IntN(4) {
		case 0:
			b = append(b, fmt.Sprintf("%d:%d/%d", row, calls+1, secs+60))
		case 1:
			if r.IntN(2) == 0 {
				b = append(b, fmt.Sprintf("%d:%d/%d", row, calls, secs+1))
			}
		default:
			b = append(b, fmt.Sprintf("%d:%d/%d", row, calls, secs))
		}
	}
	return strings.Join(a, ","), strings.Join(b, ",")
}

// TestRandomTradeKeepsTheBooks throws random commands of both sides, sensible
// and not, at two machines. After each: the books balance (CheckJournal in
// execute), refused commands change nothing, both machines agree. In the end:
// no line is lost or billed twice, and a replay of the log gives the same
// state.
func TestRandomTradeKeepsTheBooks(t *testing.T) {
	r := random(t)
	for _, terms := range []string{
		"files netting", "files", "files after-invoice netting", "files after-invoice line-threshold=USD:0.05 open-threshold=USD:0.2",
		"files netting statement=stated-stands acceptance=accepted receipt=presumed-received", "files netting tolerance=1 line-threshold=USD:0.01 open-threshold=USD:0.01",
		"files netting " + manyVolumeTerms, "files after-invoice netting rounding=half-even " + manyVolumeTerms,
		"files credit=warn allocation=1000 due-days=30 discount-days=10 discount=20000 interest=80000 receipt=presumed-received",
		"files netting net-by-day due-days=1",
		"files netting credit=suspend allocation=score>=50?40:10 warn=500000 acceptance=accepted receipt=presumed-received",
	} {
		t.Run(strings.ReplaceAll(terms, manyVolumeTerms, "volume"), func(t *testing.T) {
			w := trading(t, terms)
			begin := maps.Clone(w.state)
			w.log = nil
			done := 0
			for range 600 {
				if out := w.run(randomCommand(w, r)); strings.HasPrefix(out, "done") {
					done++
				}
				if r.IntN(20) == 0 {
					w.time += r.Int64N(40) * hourMs
				}
			}
			if done < 60 {
				t.Errorf("only %d of 600 commands were done: the test tries nothing", done)
			}
			checkLines(t, w)
			if n := checkVolume(t, w); n == 0 && strings.Contains(terms, "volume=") {
				t.Error("no window of a term about volume comes to anything: the test tries nothing")
			}
			checkBalances(t, View{w.state})
			checkStatements(t, w)
			reached := map[string]int{}
			for i := range (View{w.state}).Invoices("") {
				reached["invoice "+string(i.State)]++
				if i.Note != "" {
					reached[string(i.Note)+" note "+string(i.State)]++
				}
			}
			for d := range (View{w.state}).Disputes() {
				reached["dispute "+string(d.State)]++
			}
			for p := range (View{w.state}).Periods("") {
				reached["period "+string(p.State)]++
			}
			t.Logf("%d of 600 commands done: %v", done, reached)
			replayed := begin
			m := New(voice{})
			for _, e := range w.log {
				replayed.apply(m.Apply(e.ctx, replayed, e.cmd).Writes)
			}
			if !maps.EqualFunc(replayed, w.state, slices.Equal[[]byte]) {
				t.Error("the replay gives another state")
			}
		})
	}
}

// randomCommand is a line of a story, often one that makes sense.
func randomCommand(w *world, r *rand.Rand) string {
	v := View{w.state}
	side := []string{"ALPHA", "BRAVO"}[r.IntN(2)]
	o := []string{"O-AB", "O-BA"}[r.IntN(2)]
	hour := r.IntN(8)
	at := fmt.Sprintf(" order=%s hour=%d", o, hour)
	pick := func(ids []string) string {
		if len(ids) == 0 {
			return "none"
		}
		return ids[r.IntN(len(ids))]
	}
	switch r.IntN(18) {
	case 0, 1:
		return side + " rating.request" + at
	case 2, 3, 4:
		// Both sides draw from the same stream for a period, so that most
		// lines are equal.
		ours, theirs := randomLines(rand.New(rand.NewPCG(uint64(hour), uint64(len(o))+uint64(o[2]))))
		if side == "ALPHA" {
			return side + " usage.state" + at + " lines=" + ours
		}
		return side + " usage.state" + at + " lines=" + theirs
	case 5:
		return side + []string{" usage.deliver", " usage.received"}[r.IntN(2)] + at
	case 6:
		return "exchange" + at
	case 7, 8:
		var out []string
		for d := range v.DisputesOf(PeriodRef{o, hours(fmt.Sprint(hour))}) {
			if d.State != dispute.Awaiting {
				continue
			}
			if r.IntN(6) == 0 {
				out = append(out, fmt.Sprintf("%d:manual", d.Row))
			} else {
				out = append(out, fmt.Sprintf("%d:%d/%d", d.Row, d.Buyer.Calls, min(d.Buyer.BilledSeconds, d.Seller.BilledSeconds)))
			}
		}
		return side + " compare.state" + at + " lines=" + strings.Join(out, ",")
	case 9:
		var out []string
		for d := range v.DisputesOf(PeriodRef{o, hours(fmt.Sprint(hour))}) {
			out = append(out, fmt.Sprintf("%d.%d:%d/%d", hour, d.Row, d.Seller.Calls, d.Seller.BilledSeconds/2))
		}
		verb := []string{"propose", "accept", "accept"}[r.IntN(3)]
		return side + " dispute." + verb + at + " verdicts=" + strings.Join(out[:min(len(out), 1+r.IntN(3))], ",")
	case 10, 11, 12:
		var ids []string
		for i := range v.Invoices("") {
			if i.State == invoice.Issued {
				ids = append(ids, i.ID)
			}
		}
		if r.IntN(4) == 0 {
			return side + " invoice.dispute id=" + pick(ids) + fmt.Sprintf(" lines=%d:1/%d", r.IntN(3), r.IntN(100)) + at
		}
		if r.IntN(6) == 0 {
			return side + " invoice.reject id=" + pick(ids)
		}
		return side + " invoice.accept id=" + pick(ids)
	case 16, 17:
		p, _ := v.Period(PeriodRef{o, hours(fmt.Sprint(hour))})
		stands := v.Rated(p, 0)
		if len(stands) == 0 {
			return side + " invoice.correct" + at + " lines=0:1/60"
		}
		l := stands[r.IntN(len(stands))]
		to := ""
		if r.IntN(4) > 0 {
			to = fmt.Sprintf(" lines=%d:%d/%d", l.Row, 1+r.IntN(20), r.IntN(2000))
		}
		return fmt.Sprintf("%s invoice.correct%s currency=%s reversed=%d:0/0%s", side, at, l.Rate.Currency, l.Row, to)
	case 13:
		var ids, nettings []string
		for i := range v.Invoices("") {
			if i.Payable() && r.IntN(2) == 0 {
				ids = append(ids, i.ID)
			}
		}
		for n := range v.Nettings() {
			if n.State == settlement.NettingProposed {
				nettings = append(nettings, n.ID)
			}
		}
		switch r.IntN(4) {
		case 0:
			return side + " obligation.open ids=" + pick(ids)
		case 1:
			return side + " netting.propose ids=" + strings.Join(ids, ",")
		}
		return side + " netting.accept id=" + pick(nettings)
	case 14:
		var ids []string
		together := map[string][]string{}
		for x := range v.Obligations() {
			if x.State != settlement.Settled {
				ids = append(ids, x.ID)
				key := string(x.Payer) + " payment.advise currency=" + string(x.Amount.Currency)
				together[key] = append(together[key], x.ID)
			}
		}
		verb := []string{"advise", "advise", "receipt", "receipt", "decline"}[r.IntN(5)]
		id := pick(ids)
		switch o, there := v.Obligation(id); {
		case verb != "advise" || !there:
		case r.IntN(3) == 0: // a part
			return fmt.Sprintf("%s payment.advise id=%s amount=%s:0.%02d", side, id, o.Amount.Currency, r.IntN(20))
		case r.IntN(3) == 0:
			for _, key := range slices.Sorted(maps.Keys(together)) {
				if r.IntN(2) == 0 {
					return key + " ids=" + strings.Join(together[key], ",")
				}
			}
		}
		return side + " payment." + verb + " id=" + id
	}
	var due []string
	for d := range v.Due(w.time) {
		due = append(due, d.Subject)
	}
	return side + " tick subject=" + pick(due)
}

// checkLines looks at every period from the outside: each line of the seller's
// statement is in exactly one place, and each decided dispute is billed once.
func checkLines(t *testing.T, w *world) {
	v := View{w.state}
	for p := range v.Periods("") {
		ref := PeriodRef{p.Order, p.Interval}
		type at struct {
			row     uint32
			adjusts usage.Interval
		}
		billed := map[at]int{}   // lines that count on some invoice
		disputed := map[at]int{} // lines in dispute, open or decided
		var invoices []invoice.Invoice
		for _, id := range p.Invoices {
			inv, _ := v.Invoice(id)
			doc, _ := v.Document(id)
			invoices = append(invoices, inv)
			if inv.Note != "" {
				continue // checkAmounts adds its lines up
			}
			if inv.Document != sha256Sum(w.state[DocumentKey(id)]) {
				t.Errorf("%s: the document is not the one that was hashed", id)
			}
			for _, l := range doc.Lines {
				if l.State == invoice.Agreed {
					billed[at{l.Row, l.Adjusts}]++
				}
			}
		}
		open := uint32(0)
		for d := range v.DisputesOf(ref) {
			k := at{d.Row, d.Adjusts}
			disputed[k]++
			if d.State != dispute.Resolved {
				open++
			}
		}
		if open != p.Open {
			t.Errorf("%v: %d disputes are open, the period says %d", ref, open, p.Open)
		}
		unsettled := uint32(0)
		for _, inv := range invoices {
			if inv.State != invoice.Settled && inv.State != invoice.Rejected {
				unsettled++
			}
		}
		if unsettled != p.Unsettled {
			t.Errorf("%v: %d invoices are not settled, the period says %d", ref, unsettled, p.Unsettled)
		}
		if len(p.Invoices) == 0 {
			continue
		}
		for _, l := range v.Statement(ref, SellerSide) {
			k := at{l.Row, l.Adjusts}
			if billed[k]+disputed[k] == 0 {
				t.Errorf("%v: row %d of the seller's statement is nowhere", ref, l.Row)
			}
		}
		for k, n := range billed {
			// A line that the buyer disputed after the invoice stands on its
			// first document as agreed, and on the supplement as decided.
			if n > 1 && disputed[k] == 0 || n > 2 {
				t.Errorf("%v: row %d is billed %d times", ref, k.row, n)
			}
		}
		checkAmounts(t, v, p, invoices)
	}
}

// checkVersions compares what a period comes to by the lines in force with what
// all that binds the buyer comes to, once nothing of it is open: no note takes
// back or puts in more than it claims.
func checkVersions(t *testing.T, v View, p invoice.Period, invoices []invoice.Invoice) {
	if p.Open > 0 {
		return
	}
	claimed, stands := map[money.Currency]money.Micro{}, map[money.Currency]money.Micro{}
	for _, inv := range invoices {
		if inv.Note == "" || inv.Binding() {
			claimed[inv.Currency] += inv.Total
			doc, _ := v.Document(inv.ID)
			for _, l := range doc.Volume { // checkVolume looks at them
				claimed[inv.Currency] -= l.Amount
			}
		}
	}
	for _, l := range v.Rated(p, 0) {
		if l.Amount < 0 {
			t.Errorf("%s %s: row %d stands at %s", p.Order, p.Interval, l.Row, l.Amount)
		}
		stands[l.Rate.Currency] += l.Amount
	}
	for c, w := range claimed {
		if stands[c] != w {
			t.Errorf("%s %s: the lines in force come to %s %s, what binds to %s", p.Order, p.Interval, c, stands[c], w)
		}
	}
}

// checkAmounts recomputes what each currency of a period comes to from the
// lines, and compares it with what the invoices claim.
func checkAmounts(t *testing.T, v View, p invoice.Period, invoices []invoice.Invoice) {
	want, have := map[money.Currency]money.Micro{}, map[money.Currency]money.Micro{}
	for _, inv := range invoices {
		have[inv.Currency] += inv.Total + inv.Open
		doc, _ := v.Document(inv.ID)
		if inv.State != invoice.Rejected {
			for _, l := range doc.Volume {
				want[inv.Currency] += l.Amount
			}
		}
		if inv.Note != "" && inv.State != invoice.Rejected {
			for _, l := range doc.Lines {
				want[inv.Currency] += l.Amount
			}
		}
		if inv.For != "" {
			for _, l := range doc.Volume {
				want[inv.Currency] += l.Amount
			}
		}
		if inv.Follows != "" {
			continue // counted by the disputes below
		}
		for _, l := range doc.Lines {
			d, disputed := v.Dispute(dispute.ID(p.Order, p.Interval, l.Row, l.Adjusts))
			switch {
			case !disputed:
				want[inv.Currency] += l.Amount
			case d.State != dispute.Resolved:
				want[inv.Currency] += d.Seller.Amount
			}
		}
	}
	for d := range v.DisputesOf(PeriodRef{p.Order, p.Interval}) {
		if d.State == dispute.Resolved {
			want[d.Currency] += d.Decision.Amount
		}
	}
	checkVersions(t, v, p, invoices)
	for c, w := range want {
		if have[c] != w {
			t.Errorf("%s %s: the invoices claim %s %s, the lines come to %s", p.Order, p.Interval, c, have[c], w)
		}
	}
}

// checkStatements compares what finance reads with the balances: the closing
// balance is what stands, whatever the day on which a statement is cut in two, the
// other side's is the same turned round, and the debts by age come to it.
func checkStatements(t *testing.T, w *world) {
	v, want := View{w.state}, map[money.Currency]money.Micro{}
	for a, m := range v.Balances() {
		if a.Party == "ALPHA" && a.Purpose != settlement.Cash {
			want[a.Currency] += m
		}
	}
	cut, end := (base+w.time)/2, w.time+1
	whole, err := v.Statements("ALPHA", 0, end)
	if err != nil {
		t.Fatal(err)
	}
	theirs, _ := v.Statements("BRAVO", 0, end)
	first, _ := v.Statements("ALPHA", 0, cut)
	second, _ := v.Statements("ALPHA", cut, end)
	closed := map[money.Currency]money.Micro{}
	for _, s := range first {
		closed[s.Currency] = s.Closing
	}
	for i, s := range whole {
		if s.Closing != want[s.Currency] || s.Opening != 0 {
			t.Errorf("the statement in %s closes with %s, the accounts hold %s", s.Currency, s.Closing, want[s.Currency])
		}
		if theirs[i].Closing != -s.Closing || len(theirs[i].Lines) != len(s.Lines) {
			t.Errorf("the other side's statement in %s closes with %s, this one with %s", s.Currency, theirs[i].Closing, s.Closing)
		}
		if second[i].Opening != closed[s.Currency] || second[i].Closing != s.Closing {
			t.Errorf("the second half in %s opens with %s and closes with %s; the first closed with %s", s.Currency, second[i].Opening, second[i].Closing, closed[s.Currency])
		}
		delete(want, s.Currency)
		aged, err := v.Ageing(w.time)
		if err != nil {
			t.Fatal(err)
		}
		net := money.Micro(0)
		for _, a := range aged {
			if sum := a.NotDue + a.Late[0] + a.Late[1] + a.Late[2] + a.Late[3] + a.Disputed + a.Carried; sum != a.Total {
				t.Errorf("%s %s: the ages come to %s, the total is %s", a.Payer, a.Currency, sum, a.Total)
			}
			if a.Currency == s.Currency && a.Payer == "BRAVO" {
				net += a.Total
			} else if a.Currency == s.Currency {
				net -= a.Total
			}
		}
		if net != s.Closing {
			t.Errorf("the debts in %s come to %s, the statement closes with %s", s.Currency, net, s.Closing)
		}
	}
	for c, m := range want {
		if m != 0 {
			t.Errorf("no statement for %s %s", c, m)
		}
	}
}

// checkBalances recomputes each account from the invoices and obligations: what
// stands on it is what they say.
func checkBalances(t *testing.T, v View) {
	want := map[settlement.Account]money.Micro{}
	add := func(seller, buyer party.Code, p settlement.Purpose, a money.Amount) {
		want[settlement.Account{Party: seller, Purpose: p, Currency: a.Currency}] += a.Micro
		want[settlement.Account{Party: buyer, Purpose: p, Currency: a.Currency}] -= a.Micro
	}
	for i := range v.Invoices("") {
		add(i.Seller, i.Buyer, settlement.Disputed, money.Amount{Currency: i.Currency, Micro: i.Open})
		switch {
		case i.State == invoice.Issued:
			add(i.Seller, i.Buyer, settlement.Invoiced, money.Amount{Currency: i.Currency, Micro: i.Total})
		case i.Payable():
			add(i.Seller, i.Buyer, settlement.Final, money.Amount{Currency: i.Currency, Micro: i.Total})
		}
	}
	carried := map[settlement.Account]money.Micro{} // by payer: what its debts gave on and did not take up
	received := map[string]money.Micro{}            // by obligation: what of payments is for it
	for r := range v.Remittances() {
		sum := money.Micro(0)
		for _, p := range r.Parts {
			sum += p.Amount
			if r.Received != (party.Act{}) {
				received[p.Obligation] += p.Amount
			}
		}
		if sum != r.Amount.Micro || settlement.Payable(r.Amount) != r.Amount {
			t.Errorf("the payment %s is of %s, its parts come to %s", r.Reference, r.Amount, sum)
		}
	}
	for o := range v.Obligations() {
		cur := o.Amount.Currency
		transit := money.Micro(0)
		if o.State == settlement.Advised || o.State == settlement.Withheld {
			transit = o.Payment.Part
		}
		if got := o.Paid + o.Netted + o.Credited + o.Carried + o.Left().Micro; got != o.Amount.Micro {
			t.Errorf("%s: paid, netted, credited, carried and left come to %s of %s", o.ID, got, o.Amount)
		}
		if received[o.ID] != o.Paid {
			t.Errorf("%s: %s was paid, the payments come to %s", o.ID, o.Paid, received[o.ID])
		}
		add(o.Payee, o.Payer, settlement.Due, o.Left())
		want[settlement.Account{Party: o.Payer, Purpose: settlement.Due, Currency: cur}] += transit
		want[settlement.Account{Party: o.Payer, Purpose: settlement.Transit, Currency: cur}] -= transit
		add(o.Payee, o.Payer, settlement.Cash, money.Amount{Currency: cur, Micro: o.Paid})
		add(o.Payee, o.Payer, settlement.Netted, money.Amount{Currency: cur, Micro: o.Netted})
		add(o.Payee, o.Payer, settlement.Carried, money.Amount{Currency: cur, Micro: o.Carried - o.Brought})
		carried[settlement.Account{Party: o.Payer, Currency: cur}] += o.Carried - o.Brought
	}
	for a, sum := range carried {
		if have := v.Carried(a.Party, a.Currency); have != sum {
			t.Errorf("%s %s is carried for %s, the obligations say %s", a.Currency, have, a.Party, sum)
		}
	}
	for a, balance := range v.Balances() {
		if want[a] != balance {
			t.Errorf("%s holds %s, the invoices and obligations say %s", BalanceKey(a), balance, want[a])
		}
		delete(want, a)
	}
	for a, m := range want {
		if m != 0 {
			t.Errorf("%s holds nothing, the invoices and obligations say %s", BalanceKey(a), m)
		}
	}
}

// TestBothSidesComputeTheSameInvoice states usage in either order: the
// documents differ in nothing.
func TestBothSidesComputeTheSameInvoice(t *testing.T) {
	var docs [2][]byte
	for i, order := range [][2]string{{"ALPHA", "BRAVO"}, {"BRAVO", "ALPHA"}} {
		w := trading(t, "files")
		w.run("ALPHA rating.request hour=0")
		for _, side := range order {
			w.run(side + " usage.state hour=0 lines=0:2/120,2:10/601")
		}
		docs[i] = w.state[DocumentKey(w.invoiceID(args{}, "0.USD.1"))]
	}
	if len(docs[0]) == 0 || !slices.Equal(docs[0], docs[1]) {
		t.Error("the order of statements changes the invoice")
	}
}

// [CD2], [SET-08]: net(A, B) = -net(B, A); the sum of both grosses decides.
func TestNettingMirrors(t *testing.T) {
	r := random(t)
	for range 200 {
		var claims, mirrored []settlement.Claimed
		for range r.IntN(12) {
			who := r.IntN(2)
			a := money.Amount{Currency: []money.Currency{"EUR", "USD"}[r.IntN(2)], Micro: money.Micro(r.Int64N(1_000_000))}
			names := []string{"A", "B"}
			claims = append(claims, claimed(names[who], a))
			mirrored = append(mirrored, claimed(names[1-who], a))
		}
		x, err := settlement.Net([2]party.Code{"A", "B"}, claims)
		if err != nil {
			t.Fatal(err)
		}
		y, err := settlement.Net([2]party.Code{"A", "B"}, mirrored)
		if err != nil {
			t.Fatal(err)
		}
		for i := range x {
			if x[i].Net != y[i].Net || x[i].Payer != y[i].Payee || x[i].Gross[0] != y[i].Gross[1] {
				t.Fatalf("%+v does not mirror %+v", x[i], y[i])
			}
			if (x[i].Net == 0) != (x[i].Payer == "") {
				t.Fatalf("%+v: a net of zero has no payer, any other has one", x[i])
			}
		}
	}
}

// The checker of the books sees each kind of damage.
func TestDamagedBooksAreSeen(t *testing.T) {
	w := trading(t, "files")
	for _, line := range []string{"ALPHA rating.request hour=0", "ALPHA usage.state hour=0 lines=2:10/600", "BRAVO usage.state hour=0 lines=2:10/600"} {
		w.run(line)
	}
	account := settlement.Account{Party: "ALPHA", Purpose: settlement.Invoiced, Currency: "USD"}
	for name, damage := range map[string]func(memory){
		"a balance that no posting made": func(m memory) { m[BalanceKey(account)] = canon.Must(Balance{5}) },
		"a balance that is gone":         func(m memory) { delete(m, BalanceKey(account)) },
		"an entry that is gone":          func(m memory) { delete(m, JournalKey(1)) },
		"an entry between currencies": func(m memory) {
			j := stored[settlement.Journal](m[JournalKey(1)])
			j.Postings[0].To.Currency = "EUR"
			m[JournalKey(1)] = canon.Must(j)
		},
	} {
		m := maps.Clone(w.state)
		if err := CheckJournal(View{m}); err != nil {
			t.Fatal(err)
		}
		damage(m)
		if CheckJournal(View{m}) == nil {
			t.Errorf("%s goes unseen", name)
		}
	}
}

func claimed(payee string, a money.Amount) settlement.Claimed {
	return settlement.Claimed{Payee: party.Code(payee), Amount: a}
}

// What an invoice claims and what a note gives back of all its lines cancel, to
// the last unit, discounts and what they gave back among them: the two are netted
// and nothing is owed.
func TestAnInvoiceAndItsCreditNoteCancel(t *testing.T) {
	r := random(t)
	for i := range 80 {
		terms := "files netting"
		if i%2 == 1 {
			terms += " volume=USD/1h/money/whole/0.01:10+0.1:33.3333,EUR/1d/money/marginal/0.02:12.5,USD/1d/seconds/marginal/100:7.7777+700:50,EUR/1h/seconds/whole/10:5"
		}
		w := trading(t, terms)
		ours, _ := randomLines(r)
		w.run("ALPHA rating.request hour=0")
		w.run("ALPHA usage.state hour=0 lines=" + ours)
		w.run("BRAVO usage.state hour=0 lines=" + ours)
		v := View{w.state}
		ref := PeriodRef{"O-AB", hours("0")}
		p, _ := v.Period(ref)
		var ids []string
		for _, id := range p.Invoices {
			inv, _ := v.Invoice(id)
			w.run("ALPHA invoice.accept id=" + id)
			var all []string
			for _, l := range v.Rated(p, 0) {
				if l.Rate.Currency == inv.Currency {
					all = append(all, fmt.Sprintf("%d:0/0", l.Row))
				}
			}
			if out := w.run(fmt.Sprintf("BRAVO invoice.correct hour=0 currency=%s reversed=%s", inv.Currency, strings.Join(all, ","))); !strings.HasPrefix(out, "done") {
				t.Fatalf("%s: %s", ours, out)
			}
			now, _ := v.Period(ref)
			note := now.Invoices[len(now.Invoices)-1]
			if x, _ := v.Invoice(note); x.Total != -inv.Total {
				t.Fatalf("%s: an invoice of %s is given back by %s", ours, inv.Total, x.Total)
			}
			w.run("ALPHA invoice.accept id=" + note)
			ids = append(ids, id, note)
		}
		payable := slices.DeleteFunc(ids, func(id string) bool { inv, _ := v.Invoice(id); return !inv.Payable() })
		if len(payable) > 0 {
			w.run("ALPHA netting.propose ids=" + strings.Join(payable, ","))
			if out := w.run("BRAVO netting.accept id=N00000001"); !strings.HasPrefix(out, "done") {
				t.Fatalf("%s: %s", ours, out)
			}
		}
		for a, m := range v.Balances() {
			if m != 0 {
				t.Errorf("%s: %v has %s left", ours, a, m)
			}
		}
		if p, _ := v.Period(ref); p.State != invoice.PeriodClosed || len(v.Rated(p, 0)) != 0 {
			t.Errorf("%s: the period is %s, with %v", ours, p.State, v.Rated(p, 0))
		}
	}
}
