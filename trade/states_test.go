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
	"github.com/lateral-network/lateral/trade/credit"
	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/netting"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/settlement"
	coins "github.com/lateral-network/lateral/trade/token"
	"github.com/lateral-network/lateral/trade/usage"
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
	{"item", "order/item_state.go", "ItemState", moves(order.ItemTransitions)},
	{"measurement", "usage/measurement.go", "MeasurementState", moves(usage.MeasurementTransitions)},
	{"product", "product/state.go", "State", moves(product.Transitions)},
	{"period", "invoice/state.go", "PeriodState", moves(invoice.PeriodTransitions)},
	{"invoice", "invoice/state.go", "State", moves(invoice.Transitions)},
	{"dispute", "dispute/state.go", "State", moves(dispute.Transitions)},
	{"netting", "settlement/state.go", "NettingState", moves(settlement.NettingTransitions)},
	{"obligation", "settlement/state.go", "State", moves(settlement.Transitions)},
	{"token", "token/state.go", "State", moves(coins.Transitions)},
	{"issue", "token/state.go", "IssueState", moves(coins.IssueTransitions)},
	{"lock", "token/state.go", "LockState", moves(coins.LockTransitions)},
	{"promise", "token/state.go", "PromiseState", moves(coins.PromiseTransitions)},
	{"round", "netting/state.go", "State", moves(netting.Transitions)},
	{"credit", "credit/state.go", "State", moves(credit.Transitions)},
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

// deadlined are the states that have a deadline of their own, whenever a record
// is in them; world.execute looks after each command whether that is so.
var deadlined = map[string][]string{
	"member": {"applied"}, "sheet": {"proposed", "acknowledged"}, "agreement": {"proposed"}, "order": {"acknowledged", "suspended"},
	"measurement": {"stated", "disputed", "proposed"},
	"item":        {"acknowledged", "inProgress", "held.assessingCharge", "assessingCancellation", "assessingModification"},
	"period":      {"requested", "stated"}, "invoice": {"issued"}, "dispute": {"manual", "proposed", "escalated"},
	"netting": {"proposed"}, "obligation": {"owed", "overdue", "advised"},
	"token": {"asked"}, "issue": {"proposed"}, "promise": {"pending"}, "lock": {"leaving"}, "round": {"joining", "signing"},
}

// undeadlined are the states that have none, and why.
var undeadlined = map[string]string{
	"member active":    "nothing is awaited",
	"member suspended": "the others owe it no vote",
	"agreement active": "nothing is awaited; an amendment that is proposed has a deadline",
	"order inProgress": "nothing is awaited",

	"product pendingActive":             "its order has one",
	"product active":                    "nothing is awaited; a timed one has its end",
	"product active.pendingChange":      "its order has one",
	"product suspended":                 "the seller charges nothing, and either may end it",
	"product pendingTerminate":          "its order has one",
	"product suspendedPendingTerminate": "its order has one",

	"period lapsed":      "nobody owes a request",
	"period reconciling": "it has one while records or outcomes are awaited; lines in the hands of people have their own",
	"period agreed":      "its invoices have theirs",
	"period closed":      "nothing is awaited; the seller may correct it",
	"invoice disputed":   "its disputes have theirs",
	"invoice partial":    "its disputes have theirs; what is payable has its own until it is owed, and then its obligation's",
	"invoice final":      "what is payable has its own until it is owed, and then its obligation's",
	"dispute awaiting":   "its period has one",
	"obligation held":    "compliance lets the payment go, and nobody else may",
	"lock locked":        "either side may leave alone at any time",
	"lock closed":        "the partner takes what is left when it likes",

	"credit within": "nothing is awaited",
	"credit warned": "what is to be paid has its own",
	"credit beyond": "what is to be paid has its own",
}

// Each waiting state has a deadline with a named outcome, or a reason why not.
func TestEveryStateEndsOrHasADeadline(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range machines {
		moving := map[string]bool{}
		for _, x := range m.moves {
			moving[x.from] = true
		}
		for s := range actors(t, m.file, m.typ) {
			name := m.name + " " + s
			seen[name] = true
			_, excepted := undeadlined[name]
			if has := slices.Contains(deadlined[m.name], s); has == excepted && moving[s] || !moving[s] && (has || excepted) {
				t.Errorf("%s: it can be left: %v, has a deadline: %v, has none for a reason: %v", name, moving[s], has, excepted)
			}
		}
	}
	for name := range undeadlined {
		if !seen[name] {
			t.Errorf("there is no state %s", name)
		}
	}
}

// waitsForever names a record that waits and has no deadline; empty: there is
// none, or the record waits for nothing.
func waitsForever(key string, raw []byte) string {
	kind, _, _ := strings.Cut(key, "/")
	var state string
	awaited := false
	switch kind {
	case "member":
		state = string(stored[party.Member](raw).State)
	case "agreement":
		a := stored[agreement.Agreement](raw)
		state, awaited = string(a.State), a.Pending != nil
	case "sheet":
		state = string(stored[Sheet](raw).State)
	case "order":
		state = string(stored[order.Order](raw).State)
	case "item":
		state = string(stored[order.Item](raw).State)
	case "measurement":
		state = string(stored[usage.Measurement](raw).State)
	case "product":
		p := stored[product.Instance](raw)
		state, awaited = string(p.State), p.State.Held() && p.Ends != 0
	case "period":
		p := stored[invoice.Period](raw)
		state, awaited = string(p.State), p.Waiting > 0
	case "invoice":
		i := stored[invoice.Invoice](raw)
		state, awaited = string(i.State), i.Payable()
	case "dispute":
		state = string(stored[dispute.Dispute](raw).State)
	case "netting":
		state = string(stored[settlement.Netting](raw).State)
	case "obligation":
		state = string(stored[settlement.Obligation](raw).State)
	case "token":
		state = string(stored[coins.Token](raw).State)
	case "issue":
		state = string(stored[coins.Issue](raw).State)
	case "lock":
		state = string(stored[coins.Lock](raw).State)
	case "hold":
		kind, state = "promise", string(stored[coins.Hold](raw).State)
	case "swap":
		kind, state = "promise", string(stored[coins.Swap](raw).State)
	case "redemption":
		kind, state = "promise", string(stored[coins.Redemption](raw).State)
	case "bilateral":
		n := stored[Bilateral](raw).Next
		awaited = n != nil && !n.Agreed
	default:
		return ""
	}
	awaited = awaited || slices.Contains(deadlined[kind], state)
	if has := DeadlineOf(key, raw) != 0; has != awaited {
		return fmt.Sprintf("%s is %s: it waits %v and has a deadline %v", key, state, awaited, has)
	}
	return ""
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
