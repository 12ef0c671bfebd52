package rule_test

import (
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/rule"
)

func environment(t *testing.T, answer rule.Kind) *rule.Environment {
	t.Helper()
	e, err := rule.NewEnvironment(rule.Variables{"price": rule.Int, "buyer": rule.Text}, answer, "a number")
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestARuleAnswersInItsKind(t *testing.T) {
	r, err := environment(t, rule.Int).Compile(`price + price / 10`)
	if err != nil {
		t.Fatal(err)
	}
	if n, ok := rule.Answer[int64](r, map[string]any{"price": int64(50), "buyer": "ALPHA"}); !ok || n != 55 {
		t.Errorf("answers %d, %v", n, ok)
	}
	if !r.Uses("price") || r.Uses("buyer") {
		t.Error("the rule does not know which variables it uses")
	}
}

func TestARuleThatOverflowsDividesByZeroOrLacksAVariableFails(t *testing.T) {
	e := environment(t, rule.Int)
	for text, in := range map[string]map[string]any{
		`price * 1000000`: {"price": int64(1) << 60},
		`100 / price`:     {"price": int64(0)},
		`price`:           {},
	} {
		r, err := e.Compile(text)
		if err != nil {
			t.Fatal(err)
		}
		if n, ok := rule.Answer[int64](r, in); ok {
			t.Errorf("%s answers %d", text, n)
		}
	}
}

func TestWhatIsOutsideTheClosedEnvironmentIsRefused(t *testing.T) {
	e := environment(t, rule.Int)
	for _, text := range []string{"", "price +", "1.5", `"text"`, "unknown", "dyn(price)", `{"a": 1}["a"]`, "timestamp(price)", "price > 3"} {
		if _, err := e.Compile(text); fault.CodeOf(err) != rule.CodeBad {
			t.Errorf("%q: %v", text, err)
		}
	}
}
