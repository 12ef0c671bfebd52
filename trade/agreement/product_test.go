package agreement

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

func clause() ProductTerms {
	p := DefaultProduct("annex-b", "connectivity")
	p.Types = []string{"urn:wave"}
	p.Kinds = []rating.Kind{rating.Recurring, rating.OneTime, rating.Data}
	p.Currencies = []money.Currency{"EUR"}
	p.Ceilings = []Ceiling{{rating.Recurring, "EUR", 1_000e9, 1, usage.Cycle{Length: "1mo"}}, {rating.Data, "EUR", 20_000_000, 1e9, usage.Cycle{}}}
	p.MostPieces, p.LeastMonths, p.MostMonths, p.MostEarly = 10, 1, 36, 500_000
	return p
}

func offer() product.Offer {
	return product.Offer{Line: "connectivity", Type: "urn:wave", Pieces: 1, Term: product.Term{Months: 12, Early: 500_000},
		Prices: []rating.Price{
			{Name: "port", Kind: rating.Recurring, Currency: "EUR", Rate: 1_000e9, Unit: 1, Period: usage.Cycle{Length: "1mo"}},
			{Name: "traffic", Kind: rating.Data, Currency: "EUR", Rate: 20_000, Unit: 1e6, Period: usage.Cycle{Length: "1mo"}, // the ceiling, by another unit
				Tiers: []rating.PriceTier{{From: 1e12, Rate: 10_000}}, Reach: rating.Marginal},
		}}
}

// An order that breaks a clause is refused with the clause, and what of it.
func TestAnOfferThatBreaksAClauseIsRefusedByIt(t *testing.T) {
	p := clause()
	for _, c := range []struct {
		name   string
		change func(*product.Offer)
		code   fault.Code
		field  string
	}{
		{"at the ceilings", func(*product.Offer) {}, "", ""},
		{"a millionth of a millionth dearer", func(o *product.Offer) { o.Prices[0].Rate++ }, CodeNonconforming, "annex-b.ceilings"},
		{"dearer by another unit", func(o *product.Offer) { o.Prices[1].Rate++ }, CodeNonconforming, "annex-b.ceilings"},
		{"a dear tier", func(o *product.Offer) { o.Prices[1].Tiers[0].Rate = 20_001 }, CodeNonconforming, "annex-b.ceilings"},
		{"by the day", func(o *product.Offer) { o.Prices[0].Period.Length = "1d" }, CodeNonconforming, "annex-b.ceilings"},
		{"another model", func(o *product.Offer) { o.Prices[0].Kind = rating.Distance }, CodeNonconforming, "annex-b.price_kinds"},
		{"another currency", func(o *product.Offer) { o.Prices[0].Currency = "USD" }, CodeNonconforming, "annex-b.currencies"},
		{"too many", func(o *product.Offer) { o.Pieces = 11 }, CodeNonconforming, "annex-b.most_pieces"},
		{"no term", func(o *product.Offer) { o.Term.Months = 0 }, CodeNonconforming, "annex-b.least_months"},
		{"a long term", func(o *product.Offer) { o.Term.Months = 37 }, CodeNonconforming, "annex-b.most_months"},
		{"a dear end", func(o *product.Offer) { o.Term.Early++ }, CodeNonconforming, "annex-b.most_early"},
		{"no price", func(o *product.Offer) { o.Prices = nil }, fault.Invalid, "offer.prices"},
		{"an impossible price", func(o *product.Offer) { o.Prices[1].Unit = 0 }, rating.CodeBadPrice, "offer.prices.1.unit"},
		{"an empty guarantee", func(o *product.Offer) { o.Guarantees = []rating.Guarantee{{}} }, rating.CodeBadGuarantee, "offer.guarantees.0.metric"},
		{"too much of it", func(o *product.Offer) { o.Metres = rating.MaxFixed + 1 }, fault.Invalid, "offer"},
	} {
		o := offer()
		c.change(&o)
		err := p.Conforms(&o)
		if c.code == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if f := fault.Of(err); f == nil || f.Code != c.code || f.Field != c.field {
			t.Errorf("%s: %v, want %s in %s", c.name, err, c.code, c.field)
		}
	}
	p.Notice = day
	if f := fault.Of(p.Noticed(0, day-1)); f == nil || f.Field != "annex-b.notice" {
		t.Error(f)
	}
	if err := p.Noticed(0, day); err != nil {
		t.Error(err)
	}
}

func TestTheFirstClauseAboutATypeCounts(t *testing.T) {
	other := DefaultProduct("annex-c", "connectivity")
	terms := Terms{Products: []ProductTerms{clause(), other}}
	for typ, want := range map[string]string{"urn:wave": "annex-b", "urn:access": "annex-c"} {
		if p, err := terms.ClauseFor("connectivity", typ); err != nil || p.Clause != want {
			t.Errorf("%s: %v, %v", typ, p, err)
		}
	}
	if _, err := terms.ClauseFor("voice", "urn:wave"); fault.CodeOf(err) != CodeNonconforming {
		t.Error(err)
	}
	if _, ok := terms.Named("annex-d"); ok {
		t.Error("a clause that is not there")
	}
}

func TestImpossibleClausesAreRefused(t *testing.T) {
	good := Defaults()
	good.Products = []ProductTerms{clause()}
	good.Products[0].Schedules = []Schedule{{Name: "app", Type: "urn:wave", Prices: offer().Prices, Term: product.Term{Months: 1}}}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*ProductTerms){
		"products.0.clause":          func(p *ProductTerms) { p.Clause = "annex b" },
		"products.0.line":            func(p *ProductTerms) { p.Line = "Voice" },
		"products.0.types":           func(p *ProductTerms) { p.Types = []string{"b", "a"} },
		"products.0.price_kinds":     func(p *ProductTerms) { p.Kinds = []rating.Kind{rating.Credit} },
		"products.0.ceilings.0":      func(p *ProductTerms) { p.Ceilings[0].Unit = 0 },
		"products.0.least_months":    func(p *ProductTerms) { p.LeastMonths = 37 },
		"products.0.most_early":      func(p *ProductTerms) { p.MostEarly = rating.Millionths + 1 },
		"products.0.notice_millis":   func(p *ProductTerms) { p.Notice = -1 },
		"products.0.delivery_millis": func(p *ProductTerms) { p.Delivery = 0 },
		"products.0.currencies":      func(p *ProductTerms) { p.Currencies = []money.Currency{"EURO"} },
		"products.0.granularity":     func(p *ProductTerms) { p.Granularity = "7s" },
		"products.0.tolerance":       func(p *ProductTerms) { p.Tolerance.Text = "kind" },
		"products.0.schedules.0":     func(p *ProductTerms) { p.Schedules = []Schedule{{Name: "a b", Type: "urn:wave"}} },
		"products.0.schedules.0.annex-b.least_months": func(p *ProductTerms) {
			p.Schedules = []Schedule{{Name: "app", Type: "urn:wave", Prices: offer().Prices}}
		},
	} {
		terms := Defaults()
		terms.Products = []ProductTerms{clause()}
		change(&terms.Products[0])
		if f := fault.Of(terms.Validate()); f == nil || f.Field != name {
			t.Errorf("%s: %v", name, f)
		}
	}
	twice := Defaults()
	twice.Products = []ProductTerms{clause(), clause()}
	if f := fault.Of(twice.Validate()); f == nil || f.Field != "products.1.clause" {
		t.Error(f)
	}
}

// The clause of the guide is one that can be agreed on.
func TestTheClauseOfTheGuideIsGood(t *testing.T) {
	guide, err := os.ReadFile("../../docs/guide/products.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(guide), "```json\n")
	text, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("the guide shows no clause")
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	terms := Defaults()
	terms.Products = make([]ProductTerms, 1)
	if err := d.Decode(&terms.Products[0]); err != nil {
		t.Fatal(err)
	}
	if err := terms.Validate(); err != nil {
		t.Fatal(err)
	}
}

func TestAToleranceRuleSaysWhichFigureCounts(t *testing.T) {
	for _, c := range []struct {
		rule          string
		seller, buyer uint64
		want          uint64
		ok            bool
	}{
		{DefaultTolerance().Text, 1000, 1000, 1000, true},
		{DefaultTolerance().Text, 1000, 999, 1000, true},
		{DefaultTolerance().Text, 1000, 998, 0, false},
		{`"buyer"`, 1000, 7, 7, true},
		{`"lower"`, 1000, 2000, 1000, true},
		{`"higher"`, 1000, 2000, 2000, true},
		{`"none"`, 1000, 2000, 0, false},
		{`seller / buyer > 0 ? "seller" : "buyer"`, 5, 0, 0, false}, // it fails
		{`metric == "data" ? "seller" : "manual"`, 5, 6, 5, true},
		{`"seller"`, 1 << 63, 1, 0, false},
	} {
		r, err := Source{Text: c.rule}.Tolerance()
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := r.Figure("data", c.seller, c.buyer); got != c.want || ok != c.ok {
			t.Errorf("%s of %d and %d: %d, %v", c.rule, c.seller, c.buyer, got, ok)
		}
	}
	for _, rule := range []string{"", "1", "gap > 1.0 ? 'seller' : 'buyer'", "buyer_seconds > 1 ? 'seller' : 'buyer'"} {
		if _, err := (Source{Text: rule}).Tolerance(); fault.CodeOf(err) != CodeBadRule {
			t.Errorf("%q: %v", rule, err)
		}
	}
	if (Source{Text: "x"}).ToleranceHash() == (Source{Text: "x"}).Hash() {
		t.Error("a tolerance rule has the hash of a decision rule")
	}
}
