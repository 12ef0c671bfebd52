package agreement

import (
	"sync"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/rule"
)

// Source is a rule as partners write it: a CEL expression over the variables
// that the rule's use defines. Its environment is closed: integers, strings,
// bytes, booleans and lists of these; no dynamic type, no map, no floating
// point, no time, no regular expression. A rule that fails or costs too much
// says "manual", never a price (MEF 114 [R45], [R46], [D19]).
type Source struct {
	Text string `cbor:"1,keyasint" json:"text"`
}

// What is part of every rule's hash beside its text, its library and its cost
// limit. Whoever changes it changes what rules mean, and needs a new rule
// version.
const (
	// ruleEnvironment counts the sets of variables and answers that rules had.
	// The second has all of the first: a text of the first that answers neither
	// split nor counter means the same in it.
	ruleEnvironment = 2
)

// Answers are the words that a rule may answer with, for people to read; package
// reconcile says what each does.
const Answers = "seller, buyer, lower, split, none, counter or manual"

// CodeBadRule says that a rule does not compile in the closed environment.
const CodeBadRule = rule.CodeBad

// DefaultRule decides a differing call as the issue has it: inside the start
// tolerance the seller's record decides; billed seconds at most 5 apart, the
// lower counts; what only the buyer has is not charged; what only the seller
// has is charged if all such calls are at most 2 % of the destination's billed
// seconds, or if the buyer did not deliver its records; all else is for people.
func DefaultRule() Source {
	return Source{Text: `kind == "skewed" ? "seller"
: kind == "duration" ? (gap <= 5 ? "lower" : "manual")
: kind == "only-buyer" ? "none"
: kind == "only-seller" ? (undelivered || only_seller_seconds <= destination_seconds / 50 ? "seller" : "manual")
: "manual"`}
}

// Hash names the rule: its text, the library that reads it, its cost limit and
// what it can know and answer.
func (s Source) Hash() canon.Hash {
	return canon.HashOf("lateral/rule/1", struct {
		Text        string `cbor:"1,keyasint"`
		Library     string `cbor:"2,keyasint"`
		Cost        uint64 `cbor:"3,keyasint"`
		Environment uint64 `cbor:"4,keyasint"`
	}{s.Text, rule.Library, rule.CostLimit, ruleEnvironment})
}

// Facts is what a decision rule may know about one differing call, by the names
// that rules use. Seconds are billed ones; see reconcile.Case. A number beyond
// 63 bits makes the rule fail.
type Facts struct {
	Kind               string `json:"kind"`
	Buyer              string `json:"buyer"`        // code of the member that buys in this direction
	Seller             string `json:"seller"`       // code of the member that sells
	Destination        string `json:"destination"`  // as the sheet names it
	Currency           string `json:"currency"`     // of the rate: "USD"
	Rate               int64  `json:"rate"`         // in billionths of the currency, for a rating unit
	UnitSeconds        uint64 `json:"unit_seconds"` // of the rating unit
	BuyerSeconds       uint64 `json:"buyer_seconds"`
	SellerSeconds      uint64 `json:"seller_seconds"`
	Gap                uint64 `json:"gap"`
	StartGap           uint64 `json:"start_gap"` // ms
	OnlySellerSeconds  uint64 `json:"only_seller_seconds"`
	DestinationCalls   uint64 `json:"destination_calls"`   // in the period, as the seller states
	DestinationSeconds uint64 `json:"destination_seconds"` // of these calls
	Undelivered        bool   `json:"undelivered"`
}

// Rule is a compiled decision rule. It is safe for use by many.
type Rule struct {
	compiled *rule.Rule
}

// failed is what a rule that gives no answer stands for.
const failed = "manual"

// Answer evaluates the rule. It gives "manual" whenever the rule fails.
func (r *Rule) Answer(f Facts) string {
	in := map[string]any{"kind": f.Kind, "undelivered": f.Undelivered, "buyer": f.Buyer, "seller": f.Seller,
		"destination": f.Destination, "currency": f.Currency, "rate": f.Rate}
	for name, v := range map[string]uint64{
		"buyer_seconds": f.BuyerSeconds, "seller_seconds": f.SellerSeconds, "gap": f.Gap, "start_gap": f.StartGap,
		"only_seller_seconds": f.OnlySellerSeconds, "destination_seconds": f.DestinationSeconds,
		"destination_calls": f.DestinationCalls, "unit_seconds": f.UnitSeconds,
	} {
		if v > 1<<63-1 {
			return failed
		}
		in[name] = int64(v)
	}
	answer, ok := rule.Answer[string](r.compiled, in)
	if !ok {
		return failed
	}
	return answer
}

// compiled keeps rules that were compiled before, by hash: compiling costs a
// thousand times what evaluating does. What is in it changes no result.
var compiled = struct {
	sync.Mutex
	rules map[canon.Hash]*Rule
}{rules: map[canon.Hash]*Rule{}}

// maxCompiled bounds the cache; when it is full it starts anew.
const maxCompiled = 1024

// Compile checks the rule in the closed environment. Code: bad-rule.
func (s Source) Compile() (*Rule, error) {
	h := s.Hash()
	compiled.Lock()
	r := compiled.rules[h]
	compiled.Unlock()
	if r != nil {
		return r, nil
	}
	r, err := s.compile()
	if err != nil {
		return nil, err
	}
	compiled.Lock()
	defer compiled.Unlock()
	if len(compiled.rules) >= maxCompiled {
		clear(compiled.rules)
	}
	compiled.rules[h] = r
	return r, nil
}

func (s Source) compile() (*Rule, error) {
	e, err := environment()
	if err != nil {
		return nil, err
	}
	r, err := e.Compile(s.Text)
	if err != nil {
		return nil, err
	}
	return &Rule{r}, nil
}

// environment holds what a decision rule may use, and nothing else.
var environment = sync.OnceValues(func() (*rule.Environment, error) {
	return rule.NewEnvironment(rule.Variables{
		"kind": rule.Text, "undelivered": rule.Bool, "buyer_seconds": rule.Int, "seller_seconds": rule.Int, "gap": rule.Int,
		"start_gap": rule.Int, "only_seller_seconds": rule.Int, "destination_seconds": rule.Int, "destination_calls": rule.Int,
		"destination": rule.Text, "buyer": rule.Text, "seller": rule.Text, "currency": rule.Text, "rate": rule.Int, "unit_seconds": rule.Int,
	}, rule.Text, Answers)
})
