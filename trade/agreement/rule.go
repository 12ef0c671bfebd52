package agreement

import (
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/types"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
)

// Source is a rule as partners write it: a CEL expression over the variables
// that the rule's use defines. Its environment is closed: integers, strings,
// bytes, booleans and lists of these; no dynamic type, no map, no floating
// point, no time, no regular expression. A rule that fails or costs too much
// says "manual", never a price (MEF 114 [R45], [R46], [D19]).
type Source struct {
	Text string `cbor:"1,keyasint" json:"text"`
}

// What is part of every rule's hash beside its text. Whoever changes one of
// them changes what rules mean, and needs a new rule version.
const (
	ruleLibrary   = "cel.dev/cel-go v0.33.2"
	ruleCostLimit = 10_000
	// ruleEnvironment counts the sets of variables and answers that rules had.
	// The second has all of the first: a text of the first that answers neither
	// split nor counter means the same in it.
	ruleEnvironment = 2

	maxRuleText  = 8 << 10
	maxRuleDepth = 32
)

// Answers are the words that a rule may answer with, for people to read; package
// reconcile says what each does.
const Answers = "seller, buyer, lower, split, none, counter or manual"

// CodeBadRule says that a rule does not compile in the closed environment.
const CodeBadRule fault.Code = "bad-rule"

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
	}{s.Text, ruleLibrary, ruleCostLimit, ruleEnvironment})
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
	program cel.Program
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
	return r.answer(in)
}

func (r *Rule) answer(in map[string]any) string {
	out, _, err := r.program.Eval(in)
	if err != nil {
		return failed
	}
	s, ok := out.Value().(string)
	if !ok {
		return failed
	}
	return s
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

func (s Source) compile() (*Rule, error) { return s.compileIn(environment, Answers) }

// compileIn checks a rule in the closed environment of its use.
func (s Source) compileIn(environment func() (*cel.Env, error), answers string) (*Rule, error) {
	bad := func(detail string, cause error) error {
		return fault.New(CodeBadRule, detail, "use integers, strings, bytes, booleans and lists; the answer is "+answers).Because(cause)
	}
	if s.Text == "" || len(s.Text) > maxRuleText {
		return nil, bad("a rule has 1 to 8192 bytes", nil)
	}
	e, err := environment()
	if err != nil {
		return nil, bad("the rule environment is broken", err)
	}
	tree, issues := e.Compile(s.Text)
	if issues != nil && issues.Err() != nil {
		return nil, bad("the rule does not compile", issues.Err())
	}
	if tree.OutputType() != cel.StringType {
		return nil, bad("the rule's answer is no string", nil)
	}
	if err := closed(tree.NativeRep()); err != "" {
		return nil, bad(err, nil)
	}
	p, err := e.Program(tree, cel.CostLimit(ruleCostLimit))
	if err != nil {
		return nil, bad("the rule cannot be run", err)
	}
	return &Rule{p}, nil
}

// environment holds what a decision rule may use, and nothing else.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	return closedEnvironment(
		cel.Variable("kind", cel.StringType),
		cel.Variable("undelivered", cel.BoolType),
		cel.Variable("buyer_seconds", cel.IntType),
		cel.Variable("seller_seconds", cel.IntType),
		cel.Variable("gap", cel.IntType),
		cel.Variable("start_gap", cel.IntType),
		cel.Variable("only_seller_seconds", cel.IntType),
		cel.Variable("destination_seconds", cel.IntType),
		cel.Variable("destination_calls", cel.IntType),
		cel.Variable("destination", cel.StringType),
		cel.Variable("buyer", cel.StringType),
		cel.Variable("seller", cel.StringType),
		cel.Variable("currency", cel.StringType),
		cel.Variable("rate", cel.IntType),
		cel.Variable("unit_seconds", cel.IntType),
	)
})

// closedEnvironment holds the functions that every rule may use, with the
// variables of one use.
func closedEnvironment(variables ...cel.EnvOption) (*cel.Env, error) {
	var functions []*env.Function
	for _, name := range []string{
		"_&&_", "_||_", "!_", "_?_:_", "_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_",
		"_+_", "_-_", "-_", "_*_", "_/_", "_%_", "@in", "_[_]", "size",
		"contains", "startsWith", "endsWith", "@not_strictly_false",
	} {
		functions = append(functions, &env.Function{Name: name})
	}
	return cel.NewCustomEnv(append([]cel.EnvOption{
		cel.StdLib(cel.StdLibSubset(&env.LibrarySubset{
			IncludeFunctions: functions,
			IncludeMacros:    []string{"all", "exists", "exists_one", "filter", "map"},
		})),
		cel.ParserExpressionSizeLimit(maxRuleText),
		cel.ParserRecursionLimit(maxRuleDepth),
	}, variables...)...)
}

// closed walks a checked expression and names the first type that rules must
// not use.
func closed(tree *ast.AST) string {
	found := ""
	ast.PostOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.MapKind || e.Kind() == ast.StructKind {
			found = "a rule has no maps and no messages"
		}
		if t := tree.GetType(e.ID()); !plain(t) && found == "" {
			found = "a rule has no values of type " + t.String()
		}
	}))
	return found
}

func plain(t *types.Type) bool {
	switch t.Kind() {
	case types.BoolKind, types.IntKind, types.StringKind, types.BytesKind:
		return true
	case types.ListKind:
		return len(t.Parameters()) == 1 && plain(t.Parameters()[0])
	}
	return false
}
