package compare

import (
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
)

func TestACallIsRoundedByEachRuleAsByItself(t *testing.T) {
	random := seed(t)
	for range 3000 {
		row := &rating.Row{Rate: money.Rate(random.Int64N(1_000_000_000)), UnitSeconds: []uint32{1, 6, 7, 60}[random.IntN(4)]}
		switch random.IntN(4) {
		case 0:
			row.ConnectFee = money.Rate(random.Int64N(1_000_000_000))
		case 1:
			row.Rate = row.Rate / 1_000_000 * 1_000_000 * 3 // halves are met
		case 2:
			row.Rate = money.Rate(random.Int64N(1 << 50))
		}
		seconds := uint32(random.IntN(100_000))
		var got ruledSum
		if err := got.add(row, seconds); err != nil {
			t.Fatal(err)
		}
		for i, r := range callRules {
			if want, err := r.charge(row, 1, uint64(seconds)); err != nil || money.Micro(got.micro[i]) != want {
				t.Fatalf("%d s at %s for %d s and %s a call, %s: %s, want %s, %v", seconds, row.Rate, row.UnitSeconds, row.ConnectFee, r, money.Micro(got.micro[i]), want, err)
			}
		}
	}
}

// billed makes the records of a month, of which theirs lacks some, and their
// invoice: each call rounded by a rule, each line times a factor.
func billed(t *testing.T, rule Rounding, factor *big.Rat) (m made, lines []InvoiceLine, theirs money.Micro, germany *rating.Sheet) {
	t.Helper()
	germany = sheet(t, "Germany,49,0.0333,USD,60,1,1,2026-01-01T00:00:00Z,", "Berlin,4930,0.03,USD,60,1,1,2026-01-01T00:00:00Z,", "Munich,4989,1.23456789,USD,60,1,1,2026-01-01T00:00:00Z,")
	rows := map[string]*rating.Row{}
	for _, r := range germany.Rows() {
		rows[r.Destination] = &r
	}
	type line struct {
		calls, seconds uint64
		amount         money.Micro
	}
	sums := map[string]*line{}
	for i := range 600 {
		name := []string{"Germany", "Berlin", "Munich"}[i%3]
		dest, seconds := fmt.Sprintf("%s%07d", []string{"4940", "4930", "4989"}[i%3], i*7919), 1+i*i%997
		row := rowOf(fmt.Sprint("C", i), "12125550100", dest, noon.Add(time.Duration(i)*7*time.Second), seconds*1000, "success", "ALPHA,BRAVO", "T1")
		m.ours = append(m.ours, row)
		if i%50 == 7 {
			continue
		}
		m.theirs = append(m.theirs, row)
		if sums[name] == nil {
			sums[name] = &line{}
		}
		charge, err := rule.charge(rows[name], 1, uint64(seconds))
		if err != nil {
			t.Fatal(err)
		}
		sums[name].calls++
		sums[name].seconds += uint64(seconds)
		sums[name].amount += charge
	}
	var text []string
	for _, name := range []string{"Germany", "Berlin", "Munich"} {
		s := sums[name]
		amount, err := DefaultRounding.times(s.amount, factor)
		if err != nil {
			t.Fatal(err)
		}
		theirs += s.amount
		text = append(text, fmt.Sprintf("%s,%d,%d,%s,USD,%s", name, s.calls, s.seconds, rows[name].Rate, amount))
	}
	return m, invoiceOf(t, text...), theirs, germany
}

// By which rule each call of their invoice is rounded is found from their
// records, whatever it is; the calls that they lack then have the amount that
// they would have on such a bill, to the last unit.
func TestTheRoundingOfEachCallIsFoundAndEachCauseHasItsAmountOnThatBill(t *testing.T) {
	for _, rule := range callRules {
		for _, factor := range []*big.Rat{nil, big.NewRat(119, 100)} {
			m, invoice, billed, germany := billed(t, rule, factor)
			job := Job{Records: [2]Input{text(file2(m.ours)), text(file2(m.theirs))}, Rates: [2]*rating.Sheet{germany}, TheirInvoice: invoice}
			r := compared(t, job)
			job = Job{Records: job.Records, Rates: job.Rates, Rounding: rule}
			each := compared(t, job) // all of it, were each call rounded so on both sides
			name := fmt.Sprint(rule, " times ", factor)
			usd := func(s Sums) money.Micro { return s["ALPHA>BRAVO"]["USD"] }
			if usd(each.Amount.Theirs) != billed {
				t.Fatalf("%s: the test's bill is %s, not %s", name, billed, usd(each.Amount.Theirs))
			}
			if got := usd(r.Amount.Unexplained); got != 0 {
				t.Errorf("%s: %s is not explained: %+v", name, got, r.Remarks)
			}
			// With the factor each line is rounded once more: three lines.
			slack := money.Micro(0)
			missing, rounding := usd(each.cause(MissingRandom).Amount), usd(each.Amount.Ours)-usd(r.Amount.Ours)
			if factor != nil {
				missing, _ = DefaultRounding.times(missing, factor)
				rounding, _ = DefaultRounding.times(rounding, factor)
				slack = 3
			}
			if got := usd(r.cause(MissingRandom).Amount); abs(int64(got-missing)) > int64(slack) {
				t.Errorf("%s: what is missing costs %s, on their bill it would be %s", name, got, missing)
			}
			if got := usd(r.cause(MoneyRounding).Amount); abs(int64(got-rounding)) > int64(slack) {
				t.Errorf("%s: rounding makes %s, want %s: %+v", name, got, rounding, r.Remarks)
			}
			if got := usd(r.cause(TaxFX).Amount); factor == nil && got != 0 || factor != nil && abs(int64(got)-int64(usd(r.Amount.Ours))*19/100) > 3 {
				t.Errorf("%s: tax makes %s of %s", name, got, usd(r.Amount.Ours))
			}
		}
	}
}

// Only an invoice that its own seconds and rates do not make has all parts done
// once more.
func TestAnInvoiceThatIsRoundedByTheLineIsComparedInOnePass(t *testing.T) {
	m, invoice, _, germany := billed(t, Rounding{PerCall, money.Up, 4}, nil)
	plain := append([]InvoiceLine{}, invoice...)
	for i := range plain {
		amount, err := DefaultRounding.charge(&rating.Row{Rate: plain[i].Rate, UnitSeconds: 60}, plain[i].Calls, plain[i].Seconds)
		if err != nil {
			t.Fatal(err)
		}
		plain[i].Amount = amount
	}
	for want, lines := range map[int][]InvoiceLine{1: plain, 2: invoice} {
		passes := 0
		compared(t, Job{Records: [2]Input{text(file2(m.ours)), text(file2(m.theirs))}, Rates: [2]*rating.Sheet{germany}, TheirInvoice: lines, Progress: func(stage string, done, _ int64) {
			if stage == "comparing" && done == 1 {
				passes++
			}
		}})
		if passes != want {
			t.Errorf("all parts were done %d times, want %d", passes, want)
		}
	}
}

// Where lines are rounded to cents, some are by chance what calls rounded one by one
// make: that is no rule for calls.
func TestLinesThatAreRoundedToCentsAreNotTakenForRoundedCalls(t *testing.T) {
	for _, rule := range callRules[len(callRules)-4:] {
		m, invoice, _, germany := billed(t, rule, nil)
		for i := range invoice {
			amount, err := rule.charge(&rating.Row{Rate: invoice[i].Rate, UnitSeconds: 60}, invoice[i].Calls, invoice[i].Seconds)
			if err != nil {
				t.Fatal(err)
			}
			invoice[i].Amount = amount
		}
		r := compared(t, Job{Records: [2]Input{text(file2(m.ours)), text(file2(m.theirs))}, Rates: [2]*rating.Sheet{germany}, TheirInvoice: invoice})
		for _, x := range r.Remarks {
			if strings.Contains(x.Detail, "each call") {
				t.Errorf("%s: %+v", rule, x)
			}
		}
		if got := r.Amount.Unexplained["ALPHA>BRAVO"]["USD"]; got != 0 {
			t.Errorf("%s: %s is not explained", rule, got)
		}
	}
}

// A tax may be on the rounded amount of a line, which is rounded again, or on what
// seconds and rate make, which is rounded once. The lines say which, and neither
// is a rounding of its own.
func TestATaxIsOnTheRoundedAmountsOrOnTheExactOnesAsTheLinesSay(t *testing.T) {
	for _, once := range []bool{false, true} {
		m, invoice, _, germany := billed(t, callRules[0], nil)
		for i := range invoice {
			row := &rating.Row{Rate: invoice[i].Rate, UnitSeconds: 60}
			amount, err := DefaultRounding.taxed(exact(row, invoice[i].Calls, invoice[i].Seconds), big.NewRat(311, 100), once)
			if err != nil {
				t.Fatal(err)
			}
			invoice[i].Amount = amount
		}
		r := compared(t, Job{Records: [2]Input{text(file2(m.ours)), text(file2(m.theirs))}, Rates: [2]*rating.Sheet{germany}, TheirInvoice: invoice})
		if got := r.cause(MoneyRounding); got.Calls != 0 || got.Amount["ALPHA>BRAVO"]["USD"] != 0 || r.Amount.Unexplained["ALPHA>BRAVO"]["USD"] != 0 {
			t.Errorf("rounded once %v: %+v, %+v", once, got, r.Remarks)
		}
	}
}
