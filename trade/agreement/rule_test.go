package agreement

import (
	"strings"
	"testing"

	"github.com/lateral-network/lateral/fault"
)

// [D19]: the default rule decides as the issue has it.
func TestTheDefaultRule(t *testing.T) {
	r, err := DefaultRule().Compile()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		in   Facts
		want string
	}{
		{"inside the start tolerance the seller decides", Facts{Kind: "skewed", StartGap: 2000}, "seller"},
		{"5 s apart, the lower counts", Facts{Kind: "duration", Gap: 5}, "lower"},
		{"6 s apart is for people", Facts{Kind: "duration", Gap: 6}, "manual"},
		{"only the buyer has it", Facts{Kind: "only-buyer", BuyerSeconds: 60}, "none"},
		{"only the seller has it, exactly 2 %", Facts{Kind: "only-seller", OnlySellerSeconds: 2, DestinationSeconds: 100}, "seller"},
		{"only the seller has it, above 2 %", Facts{Kind: "only-seller", OnlySellerSeconds: 3, DestinationSeconds: 149}, "manual"},
		{"the buyer did not deliver", Facts{Kind: "only-seller", OnlySellerSeconds: 100, DestinationSeconds: 100, Undelivered: true}, "seller"},
		{"a kind that nobody knows", Facts{Kind: "eclipse"}, "manual"},
		{"a number beyond the range fails", Facts{Kind: "skewed", Gap: 1 << 63}, "manual"},
		{"the largest numbers do not overflow", Facts{Kind: "only-seller", OnlySellerSeconds: 1 << 62, DestinationSeconds: 1}, "manual"},
	} {
		if got := r.Answer(c.in); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// [R45], [R46]: nothing outside the closed environment compiles.
func TestRulesAreClosed(t *testing.T) {
	for name, text := range map[string]string{
		"empty":               ``,
		"too long":            `"` + strings.Repeat("a", 8<<10) + `"`,
		"no string":           `gap`,
		"unknown variable":    `price`,
		"floating point":      `1.5 > 1.0 ? "seller" : "none"`,
		"conversion to float": `double(gap) > 1.0 ? "seller" : "none"`,
		"unsigned":            `1u > 0u ? "seller" : "none"`,
		"map":                 `{"a": "seller"}["a"]`,
		"map iteration":       `{"a": 1}.exists(k, k == "a") ? "seller" : "none"`,
		"dynamic":             `dyn(gap) == 1 ? "seller" : "none"`,
		"mixed list":          `size([1, "a"]) == 2 ? "seller" : "none"`,
		"time":                `timestamp("2026-01-01T00:00:00Z") == timestamp("2026-01-01T00:00:00Z") ? "seller" : "none"`,
		"duration":            `duration("1s") == duration("1s") ? "seller" : "none"`,
		"regular expression":  `"aaa".matches("(a+)+b") ? "seller" : "none"`,
		"type":                `type(gap) == int ? "seller" : "none"`,
		"deep":                strings.Repeat("(", 200) + `"none"` + strings.Repeat(")", 200),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := (Source{text}).Compile(); fault.CodeOf(err) != CodeBadRule {
				t.Fatalf("got %v, want %s", err, CodeBadRule)
			}
		})
	}
}

// [R46]: a rule ends in bounded time, and one that fails never sets a price.
func TestARuleThatFailsSaysManual(t *testing.T) {
	tens := "[0,1,2,3,4,5,6,7,8,9]"
	for name, text := range map[string]string{
		"division by zero": `gap / 0 == 1 ? "seller" : "seller"`,
		"beyond a list":    `[1][gap + 5] == 1 ? "seller" : "seller"`,
		"too costly": tens + `.all(a, ` + tens + `.all(b, ` + tens + `.all(c, ` + tens + `.all(d, ` + tens +
			`.all(e, a + b + c + d + e >= 0))))) ? "seller" : "seller"`,
	} {
		t.Run(name, func(t *testing.T) {
			r, err := (Source{text}).Compile()
			if err != nil {
				t.Fatal(err)
			}
			if got := r.Answer(Facts{}); got != "manual" {
				t.Fatalf("got %s", got)
			}
		})
	}
}

// A rule answers for a destination, a partner, a price and a volume.
func TestARuleAnswersForPartnerAndDestination(t *testing.T) {
	r, err := (Source{`seller == "BRAVO" && buyer == "ALPHA" && destination.startsWith("Cuba") && currency == "USD" && rate > 500000000 && unit_seconds == 60
? (destination_calls < 100 && destination_seconds < 6000 ? "split" : "counter") : "manual"`}).Compile()
	if err != nil {
		t.Fatal(err)
	}
	f := Facts{Buyer: "ALPHA", Seller: "BRAVO", Destination: "Cuba Mobile", Currency: "USD", Rate: 600_000_000, UnitSeconds: 60, DestinationCalls: 99, DestinationSeconds: 5999}
	for want, change := range map[string][]func(*Facts){
		"split":   {func(*Facts) {}},
		"counter": {func(f *Facts) { f.DestinationCalls = 100 }, func(f *Facts) { f.DestinationSeconds = 6000 }},
		"manual": {func(f *Facts) { f.Buyer = "CHARLIE" }, func(f *Facts) { f.Seller = "ALPHA" }, func(f *Facts) { f.Destination = "France" },
			func(f *Facts) { f.Currency = "EUR" }, func(f *Facts) { f.Rate = 1 }, func(f *Facts) { f.UnitSeconds = 1 }, func(f *Facts) { f.DestinationCalls = 1 << 63 }},
	} {
		for i, c := range change {
			g := f
			c(&g)
			if got := r.Answer(g); got != want {
				t.Errorf("change %d: %s, want %s", i, got, want)
			}
		}
	}
}

// What a rule can know and answer is part of its hash: whoever changes it sees
// that rules are others now.
func TestTheHashOfARuleCoversItsEnvironment(t *testing.T) {
	if got, want := (Source{`"none"`}).Hash().String(), "00e1e840cdfc88ecfc91766f0b9b67c2c00197380e1c5c7ccadb9e697bc48df8"; got != want {
		t.Errorf("the rule's hash is %s, was %s", got, want)
	}
}

func TestListsAreAllowed(t *testing.T) {
	r, err := (Source{`[1, 2, 3].exists(x, x == gap) ? "lower" : "manual"`}).Compile()
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Answer(Facts{Gap: 2}); got != "lower" {
		t.Fatalf("got %s", got)
	}
}

func TestCachingChangesNoResult(t *testing.T) {
	s := DefaultRule()
	a, err := s.Compile()
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.compile()
	if err != nil {
		t.Fatal(err)
	}
	f := Facts{Kind: "duration", Gap: 3}
	if a.Answer(f) != b.Answer(f) {
		t.Fatal("the cached rule answers otherwise")
	}
	if s.Hash() == (Source{s.Text + " "}).Hash() {
		t.Fatal("two texts share a hash")
	}
}

func TestTheDefaultTermsAreValid(t *testing.T) {
	if err := Defaults().Validate(); err != nil {
		t.Fatal(err)
	}
}

// A partner proposes the rule. Whatever its text, it compiles or is refused with
// one code, and what compiles answers, the same each time, within its cost.
func FuzzRule(f *testing.F) {
	for _, text := range []string{
		DefaultRule().Text, `"none"`, `gap / 0 == 1 ? "seller" : "buyer"`, `[1, 2, 3].exists(x, x == gap) ? "lower" : "manual"`,
		`[[1], [2]].map(x, x[0]).filter(y, y > 1).size() == 1 && "ab".startsWith(kind) ? kind + kind : "none"`,
		`b"\xff" == b"" ? "a" : "\u00e4"`, `{"a": 1}`, `((((`, "1.5", `gap * 9223372036854775807 > 0 ? "" : ""`,
	} {
		f.Add(text, "duration", uint64(5), uint64(60), true)
	}
	f.Fuzz(func(t *testing.T, text, kind string, gap, seconds uint64, undelivered bool) {
		s := Source{text}
		one, err := s.compile()
		if err != nil {
			if fault.CodeOf(err) != CodeBadRule {
				t.Fatalf("code of %v", err)
			}
			return
		}
		two, err := s.compile()
		if err != nil {
			t.Fatalf("the same text does not compile a second time: %v", err)
		}
		in := Facts{Kind: kind, Gap: gap, StartGap: seconds, BuyerSeconds: seconds, SellerSeconds: gap, OnlySellerSeconds: seconds, DestinationSeconds: gap, Undelivered: undelivered}
		if a, b := one.Answer(in), two.Answer(in); a != b {
			t.Fatalf("%q answers %q and %q", text, a, b)
		}
	})
}
