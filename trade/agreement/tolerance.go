package agreement

import (
	"sync"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/rule"
)

// ToleranceAnswers are the words that a tolerance rule may answer with: whose
// figure counts, the lower or the higher of the two, or that people decide.
const ToleranceAnswers = "seller, buyer, lower, higher or manual"

// DefaultTolerance lets the seller's figure count where the two are at most a
// thousandth of it apart.
func DefaultTolerance() Source {
	return Source{Text: `gap <= seller / 1000 ? "seller" : "manual"`}
}

// toleranceEnvironment counts the sets of variables and answers that tolerance
// rules had.
const toleranceEnvironment = 1

// ToleranceHash names a tolerance rule as [Source.Hash] names a decision rule.
func (s Source) ToleranceHash() canon.Hash {
	return canon.HashOf("lateral/tolerance/1", struct {
		Text        string `cbor:"1,keyasint"`
		Library     string `cbor:"2,keyasint"`
		Cost        uint64 `cbor:"3,keyasint"`
		Environment uint64 `cbor:"4,keyasint"`
	}{s.Text, rule.Library, rule.CostLimit, toleranceEnvironment})
}

// tolerances is what a tolerance rule may use.
var tolerances = sync.OnceValues(func() (*rule.Environment, error) {
	return rule.NewEnvironment(rule.Variables{
		"metric": rule.Text, // "data", "availability"
		"seller": rule.Int,  // in the unit of the metric
		"buyer":  rule.Int,
		"gap":    rule.Int, // between the two
	}, rule.Text, ToleranceAnswers)
})

// compiledTolerances keeps rules that were compiled before, like compiled.
var compiledTolerances = struct {
	sync.Mutex
	rules map[canon.Hash]*rule.Rule
}{rules: map[canon.Hash]*rule.Rule{}}

// Tolerance compiles a tolerance rule. Code: bad-rule.
func (s Source) Tolerance() (*Tolerance, error) {
	h := s.ToleranceHash()
	compiledTolerances.Lock()
	r := compiledTolerances.rules[h]
	compiledTolerances.Unlock()
	if r != nil {
		return &Tolerance{r}, nil
	}
	e, err := tolerances()
	if err != nil {
		return nil, err
	}
	if r, err = e.Compile(s.Text); err != nil {
		return nil, err
	}
	compiledTolerances.Lock()
	defer compiledTolerances.Unlock()
	if len(compiledTolerances.rules) >= maxCompiled {
		clear(compiledTolerances.rules)
	}
	compiledTolerances.rules[h] = r
	return &Tolerance{r}, nil
}

// Tolerance is a compiled tolerance rule. It is safe for use by many.
type Tolerance struct{ compiled *rule.Rule }

// Figure gives what counts of two sides' figures for one metric; ok is false
// where people have to decide, also when the rule fails. What is equal needs no
// rule.
func (r *Tolerance) Figure(metric string, seller, buyer uint64) (figure uint64, ok bool) {
	if seller == buyer {
		return seller, true
	}
	low, high := min(seller, buyer), max(seller, buyer)
	if high > 1<<63-1 {
		return 0, false
	}
	answer, _ := rule.Answer[string](r.compiled, map[string]any{"metric": metric, "seller": int64(seller), "buyer": int64(buyer), "gap": int64(high - low)})
	switch answer {
	case "seller":
		return seller, true
	case "buyer":
		return buyer, true
	case "lower":
		return low, true
	case "higher":
		return high, true
	}
	return 0, false
}
