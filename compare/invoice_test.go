package compare

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// bills are calls of 60 s to Germany and France, a thousand of each, at 0.02 and
// 0.03 a minute: 20 and 30 USD.
func bills(t *testing.T) (records []string, s *rating.Sheet) {
	t.Helper()
	for i := range 1000 {
		origin := []string{"12125550100", "4420790000"}[i%2]
		records = append(records,
			fmt.Sprintf("C%d,%s,4930%06d,2026-11-02T10:%02d:%02dZ,60000,success,ALPHA,BRAVO,T1", i, origin, i, i/60, i%60),
			fmt.Sprintf("D%d,%s,3310%06d,2026-11-02T11:%02d:%02dZ,60000,success,ALPHA,BRAVO,T1", i, origin, i, i/60, i%60))
	}
	return records, sheet(t, "Germany,49,0.02,USD,60,1,1,2026-01-01T00:00:00Z,", "France,33,0.03,USD,60,1,1,2026-10-01T00:00:00Z,", "France,33,0.04,USD,60,1,1,2026-01-01T00:00:00Z,2026-10-01T00:00:00Z")
}

func invoiceOf(t *testing.T, rows ...string) []InvoiceLine {
	t.Helper()
	for i, r := range rows {
		rows[i] = "ALPHA,BRAVO,2026-11-02T00:00:00Z,2026-11-03T00:00:00Z," + r
	}
	lines, rejects, err := ReadInvoice(strings.NewReader(InvoiceHeader + "\n" + strings.Join(rows, "\n") + "\n"))
	if err != nil {
		t.Fatal(err, rejects)
	}
	return lines
}

func TestAnInvoiceIsExplainedFromItsOwnFigures(t *testing.T) {
	records, s := bills(t)
	file := text(file2(records))
	for _, c := range []struct {
		name    string
		invoice []string
		cause   Cause // empty: none
		amount  string
		calls   uint64
		open    string
	}{
		{"as their records make it", []string{"Germany,1000,60000,0.02,USD,20.000000", "France,1000,60000,0.03,USD,30.000000"}, "", "0.000000", 0, "0.000000"},
		{"with a tax on all lines", []string{"Germany,1000,60000,0.02,USD,23.800000", "France,1000,60000,0.03,USD,35.700000"}, TaxFX, "9.500000", 2000, "0.000000"},
		{"rounded call by call", []string{"Germany,1000,60000,0.02,USD,20.000400", "France,1000,60000,0.03,USD,30.000000"}, MoneyRounding, "0.000400", 1000, "0.000000"},
		{"at an earlier version of a rate", []string{"Germany,1000,60000,0.02,USD,20.000000", "France,1000,60000,0.04,USD,40.000000"}, RateVersion, "10.000000", 1000, "0.000000"},
		{"at a rate that no sheet has", []string{"Germany,1000,60000,0.05,USD,50.000000", "France,1000,60000,0.03,USD,30.000000"}, RateVersion, "30.000000", 1000, "0.000000"},
		{"with a surcharge for one origin", []string{"Germany,500,30000,0.02,USD,10.000000", "Germany,500,30000,0.05,USD,25.000000", "France,1000,60000,0.03,USD,30.000000"}, OriginSurcharge, "15.000000", 500, "0.000000"},
		{"in larger increments", []string{"Germany,1000,66000,0.02,USD,22.000000", "France,1000,60000,0.03,USD,30.000000"}, DurationRounding, "2.000000", 1000, "0.000000"},
		{"with calls under another destination", []string{"Germany,1100,66000,0.02,USD,22.000000", "France,900,54000,0.03,USD,27.000000"}, DialCode, "-1.000000", 100, "0.000000"},
		{"with a discount by volume", []string{"Germany,1000,60000,0.02,USD,20.000000", "France,1000,60000,0.03,USD,30.000000", "Volume discount,0,0,,USD,-5.000000"}, VolumeTerms, "-5.000000", 0, "0.000000"},
		{"with a tax in a line of its own", []string{"Germany,1000,60000,0.02,USD,20.000000", "France,1000,60000,0.03,USD,30.000000", "VAT 19%,0,0,,USD,9.500000"}, TaxFX, "9.500000", 0, "0.000000"},
		{"with calls that nobody recorded", []string{"Germany,1007,60420,0.02,USD,20.140000", "France,1000,60000,0.03,USD,30.000000"}, "", "0.000000", 0, "0.140000"},
		{"with an amount out of the air", []string{"Germany,1000,60000,0.02,USD,99.000000", "France,1000,60000,0.03,USD,30.000000"}, "", "0.000000", 0, "79.000000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := compared(t, Job{Records: [2]Input{file, file}, Rates: [2]*rating.Sheet{s}, TheirInvoice: invoiceOf(t, c.invoice...)})
			for _, f := range r.Causes {
				want, calls := money.Micro(0), uint64(0)
				if f.Cause == c.cause {
					want, _ = money.ParseMicro(c.amount)
					calls = c.calls
				}
				if got := f.Amount["ALPHA>BRAVO"]["USD"]; got != want || f.Calls != calls || !f.Testable {
					t.Errorf("%s: %s, %d calls, testable %v; want %s, %d calls\n%+v", f.Cause, got, f.Calls, f.Testable, want, calls, r.Remarks)
				}
			}
			if got := r.Amount.Unexplained["ALPHA>BRAVO"]["USD"].String(); got != c.open {
				t.Errorf("unexplained %s, want %s", got, c.open)
			}
		})
	}
}

// An invoice in another currency takes what their sheet makes out of the one, and
// puts what it states into the other.
func TestAnInvoiceInAnotherCurrencyIsExchange(t *testing.T) {
	records, s := bills(t)
	ours := text(file2(records))
	theirs := text(file2(records[10:])) // which lack five calls each
	invoice := invoiceOf(t, "Germany,995,59700,0.02,EUR,17.910000", "France,995,59700,0.03,EUR,26.865000")
	r := compared(t, Job{Records: [2]Input{ours, theirs}, Rates: [2]*rating.Sheet{s}, TheirInvoice: invoice})
	sums := func(a Sums) string { return fmt.Sprint(a["ALPHA>BRAVO"]["EUR"], " ", a["ALPHA>BRAVO"]["USD"]) }
	got := r.cause(TaxFX)
	if s := sums(got.Amount); s != "44.775000 -49.750000" || got.Calls != 1990 {
		t.Errorf("%s, %d calls", s, got.Calls)
	}
	if s := sums(r.Amount.Unexplained); s != "0.000000 0.000000" {
		t.Errorf("%s is unexplained", s)
	}
	if s := r.Amount.Explained["ALPHA>BRAVO"]["USD"].String(); s != "-50.000000" {
		t.Errorf("%s is explained", s)
	}
}

// A call whose number is written differently is one call, whether the invoice
// leaves it out or not.
func TestCallsThatAnInvoiceLeavesOutForTheirNumbersCountOnce(t *testing.T) {
	records, s := bills(t)
	theirs := slices.Clone(records)
	for i := range theirs {
		theirs[i] = strings.Replace(theirs[i], ",4930", ",004930", 1)
	}
	r := compared(t, Job{Records: [2]Input{text(file2(records)), text(file2(theirs))}, Rates: [2]*rating.Sheet{s},
		TheirInvoice: invoiceOf(t, "France,1000,60000,0.03,USD,30.000000")})
	if got := r.cause(NumberFormat); got.Calls != 1000 || got.Amount["ALPHA>BRAVO"]["USD"] != -20_000_000 {
		t.Errorf("%+v", got)
	}
}

func TestAnInvoiceWithABadRowIsRefusedByLineAndField(t *testing.T) {
	good := "ALPHA,BRAVO,2026-11-02T00:00:00Z,2026-11-03T00:00:00Z,Germany,1,60,0.02,USD,0.02"
	for name, c := range map[string]struct{ row, field string }{
		"too few fields":   {"ALPHA,BRAVO", ""},
		"no time":          {strings.Replace(good, "2026-11-02T", "2026-02-30T", 1), "period_from"},
		"ends too early":   {strings.Replace(good, "2026-11-03", "2026-11-01", 1), "period_to"},
		"negative count":   {strings.Replace(good, ",1,60,", ",-1,60,", 1), "calls"},
		"no amount":        {strings.TrimSuffix(good, "0.02") + "much", "amount"},
		"unknown currency": {strings.Replace(good, "USD", "USX", 1), "currency"},
		"open quote":       {`"` + good, ""},
	} {
		_, rejects, err := ReadInvoice(strings.NewReader(InvoiceHeader + "\n" + good + "\n" + c.row + "\n"))
		if fault.CodeOf(err) != CodeInvoiceRefused || len(rejects) != 1 || rejects[0].Line != 3 || rejects[0].Field != c.field {
			t.Errorf("%s: %v, %+v", name, err, rejects)
		}
	}
}

func FuzzReadInvoice(f *testing.F) {
	f.Add(InvoiceHeader + "\nALPHA,BRAVO,2026-11-02T00:00:00Z,2026-11-03T00:00:00Z,Germany,1,60,0.02,USD,0.02\n")
	f.Fuzz(func(t *testing.T, s string) {
		lines, rejects, err := ReadInvoice(strings.NewReader(s))
		if err == nil && (len(lines) == 0 || len(rejects) > 0) || err != nil && lines != nil {
			t.Errorf("%d lines, %d rejects, %v", len(lines), len(rejects), err)
		}
	})
}

// An invoice from a Bilateral is written as an invoice's lines are read: what
// counts in its total, that of terms about volume among it.
func TestAnInvoiceOfABilateralIsWrittenAsItsLinesAreRead(t *testing.T) {
	hour := usage.Interval{From: noon.UnixMilli(), To: noon.UnixMilli() + 3_600_000}
	before := usage.Interval{From: hour.From - 3_600_000, To: hour.From}
	row := rating.Row{Destination: `Côte d'Ivoire, "fixed"`, Rate: 20_000_000, Currency: "USD", UnitSeconds: 60}
	d := invoice.Document{ID: "I", Seller: "BRAVO", Buyer: "ALPHA", Interval: hour, Currency: "USD", Total: 380_000, Lines: []invoice.Line{
		{Rate: row, Calls: 10, BilledSeconds: 600, Amount: 200_000, State: invoice.Agreed},
		{Rate: row, Calls: 10, BilledSeconds: 600, Amount: 200_000, State: invoice.Agreed, Adjusts: before},
		{Rate: row, Calls: 1, BilledSeconds: 60, Amount: 20_000, State: invoice.Open},
	}, Volume: []invoice.VolumeLine{{Name: "Volume", Kind: invoice.Discount, Amount: -30_000}, {Name: "Minimum", Kind: invoice.Shortfall, Amount: 10_000}}}
	var b strings.Builder
	if err := WriteInvoice(&b, d); err != nil {
		t.Fatal(err)
	}
	lines, _, err := ReadInvoice(strings.NewReader(b.String()))
	if err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	sum, without := money.Micro(0), 0
	for _, l := range lines {
		sum += l.Amount
		if l.noUsage() {
			without++
		}
	}
	if sum != d.Total || len(lines) != 4 || without != 2 || lines[1].Period != before || lines[0].Destination != row.Destination || lines[0].Rate != row.Rate || lines[2].Destination != "Volume (discount)" {
		t.Errorf("%+v come to %s\n%s", lines, sum, b.String())
	}
	d.Note = invoice.Credit
	if err := WriteInvoice(&b, d); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a note gives %v", err)
	}
}
