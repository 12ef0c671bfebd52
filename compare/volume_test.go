package compare

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/apd/v3"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

func volumeDeal(t *testing.T, s string) []Discount {
	t.Helper()
	d, err := ReadDeal(strings.NewReader("volume:\n  - " + s + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return d.Volume
}

// Of bills() each destination is 60,000 seconds; Germany is 20 USD, France 30.
func TestADealsVolumeTermsAreInOurExpectation(t *testing.T) {
	for _, c := range []struct {
		name, deal string
		off        string
		stated     string // of the invoice's line without usage; empty: there is none
		left       string // of volume_terms
	}{
		{"whole, by money", "{name: V, currency: USD, window: 1mo, measure: money, reach: whole, tiers: [{from: 10, percent: 1}, {from: 50, percent: 4}, {from: 51, percent: 9}]}", "2.000000", "-2", "0.000000"},
		{"marginal, by money", "{name: V, currency: USD, window: 1mo, measure: money, reach: marginal, tiers: [{from: 40, percent: 12.5}]}", "1.250000", "-5", "-3.750000"},
		{"marginal, by seconds", "{name: V, currency: USD, window: 1mo, measure: seconds, reach: marginal, tiers: [{from: 60000, percent: 10}]}", "3.000000", "", "3.000000"},
		{"of one destination", "{name: V, currency: USD, window: 1mo, measure: money, reach: whole, destinations: [' france'], tiers: [{from: 0, percent: 10}]}", "3.000000", "-3", "0.000000"},
		{"of the other direction", "{name: V, direction: BRAVO>ALPHA, currency: USD, window: 1mo, measure: money, reach: whole, tiers: [{from: 0, percent: 10}]}", "0.000000", "-3", "-3.000000"},
		{"of another currency", "{name: V, currency: EUR, window: 1mo, measure: money, reach: whole, tiers: [{from: 0, percent: 10}]}", "0.000000", "", "0.000000"},
		{"with what was before", "{name: V, direction: ALPHA>BRAVO, currency: USD, window: 12mo, measure: money, reach: marginal, before: {charges: 100}, tiers: [{from: 120, percent: 10}]}", "3.000000", "-3", "0.000000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows := []string{"Germany,1000,60000,0.02,USD,20", "France,1000,60000,0.03,USD,30"}
			if c.stated != "" {
				rows = append(rows, "Volume discount,0,0,,USD,"+c.stated)
			}
			job := invoicedJob(t, rows...)
			// Periods of an hour: the window is longer, and counts over them.
			job.Cycle, job.Volume = usage.Cycle{Length: "1h"}, volumeDeal(t, c.deal)
			r := compared(t, job)
			off, _ := money.ParseMicro(c.off)
			if got := r.Amount.Ours["ALPHA>BRAVO"]["USD"]; got != 50_000_000-off {
				t.Errorf("we expect %s, want 50 less %s: %+v", got, c.off, r.Volume)
			}
			if got := r.cause(VolumeTerms).Amount["ALPHA>BRAVO"]["USD"].String(); got != c.left || !r.Amount.Unexplained.zero() {
				t.Errorf("volume terms explain %s, want %s; %v is not explained", got, c.left, r.Amount.Unexplained)
			}
			if c.left == "0.000000" && len(r.Remarks) > 0 {
				t.Errorf("what agrees is remarked on: %+v", r.Remarks)
			}
			// Without an invoice both have what the deal makes of their records.
			job.TheirInvoice = nil
			r = compared(t, job)
			if a, b := r.Amount.Ours["ALPHA>BRAVO"]["USD"], r.Amount.Theirs["ALPHA>BRAVO"]["USD"]; a != b || a != 50_000_000-off || !r.cause(VolumeTerms).Testable {
				t.Errorf("without an invoice: ours %s, theirs %s", a, b)
			}
		})
	}
}

// The discount of theirs is of their calls: what they lack takes some of it.
func TestVolumeTermsFollowTheCallsOfEachSide(t *testing.T) {
	records, s := bills(t)
	job := Job{Records: [2]Input{text(file2(records)), text(file2(records[:1500]))}, Rates: [2]*rating.Sheet{s}, Cycle: usage.Cycle{Length: "1d"},
		Volume: volumeDeal(t, "{name: V, currency: USD, window: 1mo, measure: money, reach: whole, tiers: [{from: 40, percent: 10}]}")}
	_, dir := written(t, job)
	r := compared(t, job)
	// Theirs are 37.50, below the threshold.
	if got := r.Amount.Theirs["ALPHA>BRAVO"]["USD"].String() + " " + r.Amount.Ours["ALPHA>BRAVO"]["USD"].String() + " " + r.cause(VolumeTerms).Amount["ALPHA>BRAVO"]["USD"].String(); got != "37.500000 45.000000 5.000000" {
		t.Error(got)
	}
	for _, row := range rowsOf(t, dir, "destinations.csv") {
		if row["destination"] == "(volume terms)" && (row["our_amount"] != "-5.000000" || row["their_amount"] != "0.000000") {
			t.Errorf("%v", row)
		}
	}
	rows := rowsOf(t, dir, "causes/volume_terms-deal.csv")
	if len(rows) != 2 || rows[0]["discount"] != "5.000000" || rows[0]["charges"] != "50.000000" || rows[0]["tiers_reached"] != "1" || rows[1]["tiers_reached"] != "0" {
		t.Errorf("%v", rows)
	}
	if text := strings.Join(strings.Fields(r.Text(Look{Width: 100})), " "); !strings.Contains(text, "volume terms of the deal") || !strings.Contains(text, "ours ALPHA>BRAVO USD from 2026-11-01") {
		t.Error(text)
	}
	doc, err := json.Marshal(r.Volume[0])
	if err != nil || !strings.Contains(string(doc), `"window":["2026-11-01T00:00:00Z","2026-12-01T00:00:00Z"]`) {
		t.Errorf("%s %v", doc, err)
	}
}

func TestVolumeTermsThatDoNotFitAreRefused(t *testing.T) {
	const good = "name: V, currency: USD, window: 1mo, measure: money, reach: whole, tiers: [{from: 0, percent: 10}]"
	for name, c := range map[string]struct{ deal, field string }{
		"no name":            {strings.Replace(good, "name: V", "name: ''", 1), "volume.0.name"},
		"percent of a lot":   {strings.Replace(good, "percent: 10", "percent: 101", 1), "volume.0.tiers.0.percent"},
		"too many places":    {strings.Replace(good, "percent: 10", "percent: '0.00001'", 1), "volume.0.tiers.0.percent"},
		"a half second":      {strings.Replace(strings.Replace(good, "money", "seconds", 1), "from: 0", "from: 0.5", 1), "volume.0.tiers.0.from"},
		"negative money":     {strings.Replace(good, "from: 0", "from: -1", 1), "volume.0.tiers.0.from"},
		"no window":          {strings.Replace(good, "1mo", "5mo", 1), "volume.0.window"},
		"no reach":           {strings.Replace(good, "whole", "half", 1), "volume.0.reach"},
		"before of both":     {good + ", before: {seconds: 5}", "volume.0.before"},
		"no charges":         {good + ", direction: ALPHA>BRAVO, before: {charges: -5}", "volume.0.before.charges"},
		"a nameless country": {good + ", destinations: [' ']", "volume.0.destinations"},
	} {
		_, err := ReadDeal(strings.NewReader("volume: [{" + c.deal + "}]"))
		if fault.CodeOf(err) == "" || fault.CodeOf(err) == fault.Internal || fault.Of(err).Field != c.field {
			t.Errorf("%s: %v, field %q", name, err, fault.Of(err).Field)
		}
	}
	records, s := bills(t)
	for name, c := range map[string]struct{ deal, cycle, field string }{
		"no period":              {good, "", "period"},
		"strangers":              {good + ", direction: ALPHA>CHARLIE", "1d", "volume.0.direction"},
		"an unknown destination": {good + ", destinations: [Frnace]", "1d", "volume.0.destinations"},
		"nothing can be before":  {strings.Replace(good, "1mo", "1d", 1) + ", direction: ALPHA>BRAVO, before: {seconds: 1}", "1d", "volume.before"},
	} {
		job := Job{Records: [2]Input{text(file2(records)), text(file2(records))}, Rates: [2]*rating.Sheet{s}, Cycle: usage.Cycle{Length: c.cycle}, Volume: volumeDeal(t, "{"+c.deal+"}")}
		if _, err := Run(t.Context(), job); fault.CodeOf(err) != fault.Invalid || fault.Of(err).Field != c.field {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Of bills() each destination is 60,000 seconds; Germany is 20 USD, France 30.
// Without an invoice the records end at 12:00, with one at the end of the day.
func TestADealsCommitmentsAreInOurExpectation(t *testing.T) {
	for _, c := range []struct {
		name, deal string
		short      string // that the invoice reaches the end of
		without    string // that the records alone reach the end of
		stated     string // of the invoice's line without usage; empty: there is none
		left       string // of volume_terms
	}{
		{"money, a window of a day", "{name: M, direction: ALPHA>BRAVO, currency: USD, window: 1d, charges: 80}", "30.000000", "0.000000", "30", "0.000000"},
		{"money, met", "{name: M, direction: ALPHA>BRAVO, currency: USD, window: 1d, charges: 50}", "0.000000", "0.000000", "30", "30.000000"},
		{"seconds, and the invoice has no line", "{name: M, direction: ALPHA>BRAVO, currency: USD, window: 1d, seconds: 150000, rate: 0.01, unit_seconds: 60}", "5.000000", "0.000000", "", "-5.000000"},
		{"of one destination, by the hour", "{name: M, direction: ALPHA>BRAVO, currency: USD, window: 1h, destinations: [germany], charges: 25}", "580.000000", "30.000000", "580", "0.000000"},
		{"with what was before", "{name: M, direction: ALPHA>BRAVO, currency: USD, window: 12mo, charges: 1000, before: {charges: 100}}", "0.000000", "0.000000", "", "0.000000"},
		{"of the other direction, without a call", "{name: M, direction: BRAVO>ALPHA, currency: USD, window: 1h, charges: 5}", "0.000000", "0.000000", "", "0.000000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows := []string{"Germany,1000,60000,0.02,USD,20", "France,1000,60000,0.03,USD,30"}
			if c.stated != "" {
				rows = append(rows, "Shortfall,0,0,,USD,"+c.stated)
			}
			job := invoicedJob(t, rows...)
			job.Cycle = usage.Cycle{Length: "1h"}
			d, err := ReadDeal(strings.NewReader("commitments:\n  - " + c.deal + "\n"))
			if err != nil {
				t.Fatal(err)
			}
			job.Commitments = d.Commitments
			r := compared(t, job)
			short, _ := money.ParseMicro(c.short)
			if got := r.Amount.Ours["ALPHA>BRAVO"]["USD"]; got != 50_000_000+short {
				t.Errorf("we expect %s, want 50 and %s: %+v", got, c.short, r.Volume)
			}
			if got := r.cause(VolumeTerms).Amount["ALPHA>BRAVO"]["USD"].String(); got != c.left || !r.Amount.Unexplained.zero() {
				t.Errorf("volume terms explain %s, want %s; %v is not explained", got, c.left, r.Amount.Unexplained)
			}
			job.TheirInvoice = nil
			r = compared(t, job)
			short, _ = money.ParseMicro(c.without)
			if a, b := r.Amount.Ours["ALPHA>BRAVO"]["USD"], r.Amount.Theirs["ALPHA>BRAVO"]["USD"]; a != b || a != 50_000_000+short {
				t.Errorf("without an invoice: ours %s, theirs %s; want 50 and %s", a, b, c.without)
			}
		})
	}
}

// What is charged for a shortfall is what a decimal library makes of it, rounded
// as the deal rounds.
func TestAShortfallIsThatOfExactArithmetic(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 21))
	for range 20 {
		committed, rate, unit, places := 120_000+random.Uint64N(1<<30), 1+random.Int64N(1<<31), 1+random.Int64N(3600), random.IntN(7)
		job := invoicedJob(t, "Germany,1000,60000,0.02,USD,20")
		job.Cycle, job.Rounding = usage.Cycle{Length: "1d"}, Rounding{PerLine, money.HalfUp, places}
		job.Commitments = []Commitment{{Basis: Basis{Name: "M", Direction: "ALPHA>BRAVO", Currency: "USD", Window: "1d"}, Seconds: committed, Rate: json.Number(money.Rate(rate).String()), UnitSeconds: uint32(unit)}}
		r := compared(t, job)
		ctx := apd.BaseContext.WithPrecision(60)
		ctx.Rounding = apd.RoundHalfUp
		x := apd.New(int64(committed)-120_000, -9)
		for _, f := range []func() (apd.Condition, error){
			func() (apd.Condition, error) { return ctx.Mul(x, x, apd.New(rate, 0)) }, func() (apd.Condition, error) { return ctx.Quo(x, x, apd.New(unit, 0)) },
			func() (apd.Condition, error) { return ctx.Quantize(x, x, -6) }, func() (apd.Condition, error) { return ctx.Quantize(x, x, -int32(places)) },
			func() (apd.Condition, error) { return ctx.Quantize(x, x, -6) },
		} {
			if _, err := f(); err != nil {
				t.Fatal(err)
			}
		}
		if got := r.Volume[0].Shortfall.String(); got != x.Text('f') {
			t.Fatalf("%d s at %d/%d to %d places: %s, exact %s", committed-120_000, rate, unit, places, got, x)
		}
	}
}

// The terms about volume that two carriers have signed can stand in a deal as they
// are.
func TestSignedTermsAboutVolumeStandInADeal(t *testing.T) {
	d, err := ReadDeal(strings.NewReader(`
terms:
  cycle: 1h
  volume: [{name: V, direction: ALPHA>BRAVO, currency: USD, window: {length: 1d}, measure: seconds, reach: whole, tiers: [{seconds: 120000, percent: "12.5"}]}]
  commitments: [{name: M, destinations: [France], currency: USD, window: {length: 1h}, charges: "40"}]
volume: [{name: W, direction: ALPHA>BRAVO, currency: USD, window: 1d, measure: money, reach: whole, tiers: [{from: 50, percent: 1}]}]
`))
	if err != nil {
		t.Fatal(err)
	}
	records, s := bills(t)
	job := Job{Records: [2]Input{text(file2(records)), text(file2(records))}, Rates: [2]*rating.Sheet{s}}
	d.Apply(&job)
	r := compared(t, job)
	// 12.5 % and 1 % of 50; and 40 for 10 to 11 o'clock, 10 for the next hour.
	if got := r.Amount.Ours["ALPHA>BRAVO"]["USD"].String(); got != "93.250000" {
		t.Errorf("%s: %+v", got, r.Volume)
	}
}

func TestCommitmentsThatDoNotFitAreRefused(t *testing.T) {
	const good = "name: M, currency: USD, window: 1mo, charges: 10"
	for name, c := range map[string]struct{ deal, field string }{
		"of nothing":          {strings.Replace(good, "charges: 10", "charges: 0", 1), "commitments.0.charges"},
		"of both":             {good + ", seconds: 5", "commitments.0.charges"},
		"a rate of money":     {good + ", rate: 1", "commitments.0.rate"},
		"seconds for nothing": {strings.Replace(good, "charges: 10", "seconds: 10", 1), "commitments.0.rate"},
		"no amount":           {strings.Replace(good, "charges: 10", "charges: '1e3'", 1), "commitments.0.charges"},
		"no rate":             {strings.Replace(good, "charges: 10", "seconds: 10, rate: '1e3', unit_seconds: 1", 1), "commitments.0.rate"},
		"before of both":      {good + ", before: {seconds: 5}", "commitments.0.before"},
		"no window":           {strings.Replace(good, "1mo", "5mo", 1), "commitments.0.window"},
	} {
		_, err := ReadDeal(strings.NewReader("commitments: [{" + c.deal + "}]"))
		if fault.CodeOf(err) == "" || fault.CodeOf(err) == fault.Internal || fault.Of(err).Field != c.field {
			t.Errorf("%s: %v, field %q", name, err, fault.Of(err).Field)
		}
	}
}
