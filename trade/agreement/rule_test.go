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
		"too long":            `"` + strings.Repeat("a", maxRuleText) + `"`,
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
