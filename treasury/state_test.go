package treasury

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "draw docs/states again")

// The diagrams in docs/states are the tables.
func TestTheDiagramsAreTheTables(t *testing.T) {
	who := map[string]map[string]string{} // type → state → who acts next
	file, err := parser.ParseFile(token.NewFileSet(), "state.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || v.Type == nil || len(v.Values) != 1 || v.Comment == nil {
			return true
		}
		kind := v.Type.(*ast.Ident).Name
		name, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		if who[kind] == nil {
			who[kind] = map[string]string{}
		}
		who[kind][name] = strings.TrimSpace(v.Comment.Text())
		return true
	})
	draw(t, "payment-run", "Payment run", movesOf(RunTransitions), who["RunState"])
	draw(t, "payment", "Payment of a run", movesOf(PaymentTransitions), who["PaymentState"])
}

type move struct{ from, event, to string }

func movesOf[S, E ~string](table map[S]map[E]S) (all []move) {
	for from, events := range table {
		for e, to := range events {
			all = append(all, move{string(from), string(e), string(to)})
		}
	}
	return all
}

func draw(t *testing.T, name, title string, moves []move, who map[string]string) {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\nDrawn from the transition table in `treasury/state.go` by a test; what is not here is refused.\n\n```mermaid\nstateDiagram-v2\n", title)
	slices.SortFunc(moves, func(a, b move) int { return strings.Compare(a.from+" "+a.event, b.from+" "+b.event) })
	// A diagram's names have no hyphens.
	plain := func(s string) string { return strings.ReplaceAll(s, "-", "_") }
	for _, m := range moves {
		fmt.Fprintf(&b, "    %s --> %s: %s\n", plain(m.from), plain(m.to), m.event)
		if who[m.from] == "" || who[m.to] == "" {
			t.Errorf("%s: nothing says who acts next in %s or %s", name, m.from, m.to)
		}
	}
	b.WriteString("```\n\n| state | who acts next |\n| --- | --- |\n")
	for _, s := range slices.Sorted(maps.Keys(who)) {
		fmt.Fprintf(&b, "| %s | %s |\n", s, who[s])
	}
	path := "../docs/states/" + name + ".md"
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if have, err := os.ReadFile(path); err != nil || string(have) != b.String() {
		t.Errorf("%s is not the table any more: run go test ./treasury -run Diagrams -update", path)
	}
}
