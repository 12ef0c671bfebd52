package compare

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
)

// invoicedJob compares equal records with an invoice.
func invoicedJob(t *testing.T, rows ...string) Job {
	t.Helper()
	records, s := bills(t)
	file := text(file2(records))
	return Job{Records: [2]Input{file, file}, Rates: [2]*rating.Sheet{s}, TheirInvoice: invoiceOf(t, rows...)}
}

func fileText(t *testing.T, parts ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestWhatAnInvoiceShowsIsInEveryFormOfTheReport(t *testing.T) {
	for _, c := range []struct {
		name     string
		invoice  []string
		evidence string // path, of the cause or of what is not explained
		cause    Cause
		amount   string
		words    []string
	}{
		{"a tax", []string{"Germany,1000,60000,0.02,USD,23.80", "France,1000,60000,0.03,USD,35.70"}, "causes/tax_fx.csv", TaxFX, "9.500000", []string{"tax or exchange rate", "all amounts are 1.19 times what"}},
		{"a rounding", []string{"Germany,1000,60000,0.02,USD,20.0004", "France,1000,60000,0.03,USD,30"}, "causes/money_rounding.csv", MoneyRounding, "0.000400", []string{"rounding of money", "1000 calls"}},
		{"a discount", []string{"Germany,1000,60000,0.02,USD,20", "France,1000,60000,0.03,USD,30", "Loyalty,0,0,,USD,-5"}, "causes/volume_terms.csv", VolumeTerms, "-5.000000", []string{"volume terms", "Loyalty", "a line without usage"}},
		{"another price", []string{"Germany,1000,60000,0.05,USD,50", "France,1000,60000,0.03,USD,30"}, "causes/rate_version-invoice.csv", RateVersion, "30.000000", []string{"another version of a rate", "Germany", "a rate that no sheet has: 0.050000000"}},
		{"calls that nobody recorded", []string{"Germany,1007,60420,0.02,USD,20.14", "France,1000,60000,0.03,USD,30"}, "causes/unexplained-invoice.csv", "", "0.140000", []string{"not explained", "Germany", "the invoice has 1007 calls, their records have 1000"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, dir := written(t, invoicedJob(t, c.invoice...))
			page := strings.NewReplacer("&#43;", "+", "\n", " ").Replace(fileText(t, dir, "waterfall.html"))
			lines := strings.Join(strings.Fields(fileText(t, dir, "waterfall.txt")), " ")
			report := strings.Join(strings.Fields(r.Text(Look{Width: 60})), " ")
			for _, word := range append(c.words, c.amount) {
				for form, in := range map[string]string{"the report": report, "waterfall.txt": lines} {
					if !strings.Contains(in, word) {
						t.Errorf("%s does not say %q:\n%s", form, word, in)
					}
				}
				if word != "1000 calls" && !strings.Contains(page, word) {
					t.Errorf("the page does not say %q", word)
				}
			}
			if !strings.Contains(page, `href="`+c.evidence+`"`) {
				t.Errorf("the page does not lead to %s", c.evidence)
			}
			rows := rowsOf(t, dir, c.evidence)
			sum := money.Micro(0)
			for _, row := range rows {
				sum += micro(t, row["amount"])
			}
			if sum.String() != c.amount {
				t.Errorf("the evidence adds up to %s, not %s: %v", sum, c.amount, rows)
			}
			got := r.restEvidence
			if c.cause != "" {
				got = r.cause(c.cause).Evidence
			}
			if got != c.evidence {
				t.Errorf("the evidence is %q, not %s", got, c.evidence)
			}
			seen := false
			for _, row := range rowsOf(t, dir, "waterfall.csv") {
				seen = seen || row["step"] == "invoice" && row["cause"] == string(c.cause) && row["amount"] == c.amount && row["evidence"] == c.evidence
			}
			if !seen {
				t.Error("waterfall.csv has no such row")
			}
		})
	}
}

func TestTheSameWordsOfManyDestinationsAreSaidOnce(t *testing.T) {
	r := &Result{}
	for i := range 300 {
		r.Remarks = append(r.Remarks, Remark{Cause: MoneyRounding, Direction: "ALPHA>BRAVO", Currency: "USD", Destination: fmt.Sprint(i), Amount: 2, Calls: 3, Detail: "rounded in other lines"})
	}
	if got := r.remarked(); len(got) != 1 || got[0].Amount != 600 || got[0].Calls != 900 || got[0].Destination != "300 destinations" {
		t.Errorf("%+v", got)
	}
	if len(r.Remarks) != 300 || r.Remarks[0].Amount != 2 {
		t.Error("the remarks themselves are changed")
	}
}

func TestADestinationShowsBothSidesAndTheInvoice(t *testing.T) {
	_, dir := written(t, invoicedJob(t, "germany,1000,60000,0.02,USD,23.80", "France,1000,60000,0.03,USD,35.70", "Atlantis,1,60,1,USD,1.19", "Discount,0,0,,USD,-3"))
	got := map[string][]string{}
	var ours, theirs, invoiced money.Micro
	for _, row := range rowsOf(t, dir, "destinations.csv") {
		got[row["destination"]] = []string{row["our_calls"], row["their_calls"], row["our_amount"], row["their_amount"], row["invoiced_calls"], row["invoiced_billed_seconds"], row["invoiced_amount"]}
		ours += micro(t, row["our_amount"])
		theirs += micro(t, row["their_amount"])
		invoiced += micro(t, row["invoiced_amount"])
	}
	for name, want := range map[string][]string{
		"Germany":              {"1000", "1000", "20.000000", "20.000000", "1000", "60000", "23.800000"},
		"France":               {"1000", "1000", "30.000000", "30.000000", "1000", "60000", "35.700000"},
		"Atlantis":             {"0", "0", "0.000000", "0.000000", "1", "60", "1.190000"},
		"(volume terms)":       {"0", "0", "0.000000", "-3.000000", "0", "0", "-3.000000"},
		"(not by destination)": {"", "", "0.000000", "10.690000", "", "", ""},
	} {
		if !slices.Equal(got[name], want) {
			t.Errorf("%s: %v, want %v", name, got[name], want)
		}
	}
	total := rowsOf(t, dir, "totals.csv")[0]
	if ours != micro(t, total["our_amount"]) || theirs != micro(t, total["their_amount"]) || invoiced != micro(t, total["invoiced_amount"]) || total["invoiced_calls"] != "2001" {
		t.Errorf("destinations add up to %s, %s and %s invoiced; the total is %v", ours, theirs, invoiced, total)
	}
	lines := rowsOf(t, dir, "invoice.csv")
	if len(lines) != 4 || lines[0]["line"] != "2" || lines[0]["seconds_times_rate"] != "20.000000" || lines[0]["difference"] != "3.800000" || lines[3]["seconds_times_rate"] != "" {
		t.Errorf("the invoice's lines are %v", lines)
	}
}

// Without an invoice nothing of one is written.
func TestWithoutAnInvoiceTheColumnsOfOneAreEmpty(t *testing.T) {
	r, dir := written(t, differingJob(t))
	for _, row := range rowsOf(t, dir, "destinations.csv") {
		if row["invoiced_amount"] != "" {
			t.Errorf("%v", row)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "invoice.csv")); err == nil || strings.Contains(r.Text(Look{Width: 100}), "invoice's own figures") {
		t.Errorf("an invoice is shown that is not there: %v", err)
	}
}
