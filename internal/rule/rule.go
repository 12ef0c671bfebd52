// Package rule compiles expressions that people write (CEL) in a closed
// environment: integers, strings, bytes, booleans and lists of these; no
// dynamic type, no map, no floating point, no time, no regular expression. A
// text is bounded and evaluation has a cost limit, so that a rule ends. What
// the variables mean, and what a failing rule stands for, is its user's.
package rule

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/types"

	"github.com/lateral-network/lateral/fault"
)

// What is part of every rule's meaning beside its text. Whoever changes one of
// them changes what rules mean.
const (
	Library   = "cel.dev/cel-go v0.33.2"
	CostLimit = 10_000

	maxText  = 8 << 10
	maxDepth = 32
)

// CodeBad says that a rule does not compile in the closed environment.
const CodeBad fault.Code = "bad-rule"

// Kind is the type of a variable or of an answer.
type Kind = *cel.Type

// The kinds that variables and answers have.
var (
	Bool = cel.BoolType
	Int  = cel.IntType
	Text = cel.StringType
)

// Variables are the names that a rule may use.
type Variables map[string]Kind

// Environment is what rules of one use are written in. It is safe for use by
// many.
type Environment struct {
	env    *cel.Env
	answer Kind
	says   string // the answer in words, for people who must correct a rule
}

// NewEnvironment makes the environment of rules that answer with one kind; says
// tells what the answer is.
func NewEnvironment(vars Variables, answer Kind, says string) (*Environment, error) {
	var functions []*env.Function
	for _, name := range []string{
		"_&&_", "_||_", "!_", "_?_:_", "_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_",
		"_+_", "_-_", "-_", "_*_", "_/_", "_%_", "@in", "_[_]", "size",
		"contains", "startsWith", "endsWith", "@not_strictly_false",
	} {
		functions = append(functions, &env.Function{Name: name})
	}
	options := []cel.EnvOption{
		cel.StdLib(cel.StdLibSubset(&env.LibrarySubset{
			IncludeFunctions: functions,
			IncludeMacros:    []string{"all", "exists", "exists_one", "filter", "map"},
		})),
		cel.ParserExpressionSizeLimit(maxText),
		cel.ParserRecursionLimit(maxDepth),
	}
	for name, kind := range vars {
		options = append(options, cel.Variable(name, kind))
	}
	e, err := cel.NewCustomEnv(options...)
	if err != nil {
		return nil, fault.New(fault.Internal, "the rule environment is broken", "report this").Because(err)
	}
	return &Environment{e, answer, says}, nil
}

// Rule is a compiled rule. It is safe for use by many.
type Rule struct {
	program cel.Program
	uses    map[string]bool
}

// Compile checks a text. Code: [CodeBad].
func (e *Environment) Compile(text string) (*Rule, error) {
	bad := func(detail string, cause error) error {
		return fault.New(CodeBad, detail, "use integers, strings, bytes, booleans and lists; the answer is "+e.says).Because(cause)
	}
	if text == "" || len(text) > maxText {
		return nil, bad("a rule has 1 to 8192 bytes", nil)
	}
	tree, issues := e.env.Compile(text)
	if issues != nil && issues.Err() != nil {
		return nil, bad("the rule does not compile", issues.Err())
	}
	if tree.OutputType() != e.answer {
		return nil, bad("the rule's answer is no "+e.answer.String(), nil)
	}
	uses, wrong := closed(tree.NativeRep())
	if wrong != "" {
		return nil, bad(wrong, nil)
	}
	p, err := e.env.Program(tree, cel.CostLimit(CostLimit))
	if err != nil {
		return nil, bad("the rule cannot be run", err)
	}
	return &Rule{p, uses}, nil
}

// Uses reports whether the rule names a variable anywhere.
func (r *Rule) Uses(variable string) bool { return r.uses[variable] }

// Answer evaluates a rule with all its variables: integers as int64. False
// says that it failed.
func Answer[T bool | int64 | string](r *Rule, variables map[string]any) (T, bool) {
	var none T
	out, _, err := r.program.Eval(variables)
	if err != nil {
		return none, false
	}
	v, ok := out.Value().(T)
	return v, ok
}

// closed walks a checked expression and gives the names in it, and what is
// wrong with the first type that rules must not use.
func closed(tree *ast.AST) (uses map[string]bool, wrong string) {
	uses = map[string]bool{}
	ast.PostOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.IdentKind {
			uses[e.AsIdent()] = true
		}
		if e.Kind() == ast.MapKind || e.Kind() == ast.StructKind {
			wrong = "a rule has no maps and no messages"
		}
		if t := tree.GetType(e.ID()); !plain(t) && wrong == "" {
			wrong = "a rule has no values of type " + t.String()
		}
	}))
	return uses, wrong
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
