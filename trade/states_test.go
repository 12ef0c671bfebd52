package trade

import (
	"cmp"
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

	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
)

// move is one arrow of a diagram.
type move struct{ from, event, to string }

func moves[S, E ~string](table map[S]map[E]S) []move {
	var out []move
	for from, events := range table {
		for e, to := range events {
			out = append(out, move{string(from), string(e), string(to)})
		}
	}
	slices.SortFunc(out, func(a, b move) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.event, b.event))
	})
	return out
}

// machines are all state machines, with the file that explains their states.
var machines = []struct {
	name, file, typ string
	moves           []move
}{
	{"member", "party/state.go", "State", moves(party.Transitions)},
	{"agreement", "agreement/state.go", "State", moves(agreement.Transitions)},
	{"sheet", "record.go", "SheetState", moves(SheetTransitions)},
	{"order", "order/state.go", "State", moves(order.Transitions)},
	{"period", "invoice/state.go", "PeriodState", moves(invoice.PeriodTransitions)},
	{"invoice", "invoice/state.go", "State", moves(invoice.Transitions)},
	{"dispute", "dispute/state.go", "State", moves(dispute.Transitions)},
	{"netting", "settlement/state.go", "NettingState", moves(settlement.NettingTransitions)},
	{"obligation", "settlement/state.go", "State", moves(settlement.Transitions)},
}

// actors reads, from the comments beside the states, who acts next.
func actors(t *testing.T, file, typ string) map[string]string {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || v.Type == nil || len(v.Values) != 1 {
			return true
		}
		id, ok := v.Type.(*ast.Ident)
		if !ok || id.Name != typ {
			return true
		}
		name, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = strings.TrimSpace(v.Comment.Text())
		return true
	})
	return out
}

// The diagrams in docs/states are the tables. Run with -update to draw them
// anew.
func TestTheDiagramsAreTheTables(t *testing.T) {
	for _, m := range machines {
		var b strings.Builder
		fmt.Fprintf(&b, "# %s\n\nDrawn from the transition table in `trade/%s` by a test; what is not here is refused.\n\n```mermaid\nstateDiagram-v2\n", strings.ToUpper(m.name[:1])+m.name[1:], m.file)
		for _, x := range m.moves {
			fmt.Fprintf(&b, "    %s --> %s: %s\n", x.from, x.to, x.event)
		}
		b.WriteString("```\n\n| state | who acts next |\n| --- | --- |\n")
		who := actors(t, m.file, m.typ)
		for _, s := range slices.Sorted(maps.Keys(who)) {
			if who[s] == "" {
				t.Errorf("%s: nothing says who acts next in %s", m.name, s)
			}
			fmt.Fprintf(&b, "| %s | %s |\n", s, who[s])
		}
		path := "../docs/states/" + m.name + ".md"
		if *update {
			if err := os.MkdirAll("../docs/states", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		have, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(have) != b.String() {
			t.Errorf("%s is not the table any more: run go test ./trade -run Diagrams -update", path)
		}
	}
}

// [R75]: no dispute ends but resolved, and from every state a way leads there.
func TestEveryDisputeCanBeResolved(t *testing.T) {
	for s := range dispute.Transitions {
		reached := map[dispute.State]bool{s: true}
		for grew := true; grew; {
			grew = false
			for r := range maps.Clone(reached) {
				for _, to := range dispute.Transitions[r] {
					grew = grew || !reached[to]
					reached[to] = true
				}
			}
		}
		if !reached[dispute.Resolved] {
			t.Errorf("from %s no way leads to resolved", s)
		}
		for r := range reached {
			if r != dispute.Resolved && len(dispute.Transitions[r]) == 0 {
				t.Errorf("a dispute can end in %s", r)
			}
		}
	}
}

// [R60], [R69]: what each order state allows.
func TestWhatOrderStatesAllow(t *testing.T) {
	for s, want := range map[order.State][2]bool{
		order.Acknowledged: {false, false}, order.Rejected: {false, false}, order.InProgress: {true, true},
		order.Suspended: {false, true}, order.Completed: {false, true}, order.Terminated: {true, true},
	} {
		got := order.Allows[s]
		if got.Rating != want[0] || got.Invoicing != want[1] {
			t.Errorf("%s allows rating %v and invoicing %v", s, got.Rating, got.Invoicing)
		}
	}
	if len(order.Allows) != 6 {
		t.Errorf("%d states in the table", len(order.Allows))
	}
}
