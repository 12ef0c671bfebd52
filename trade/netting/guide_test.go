package netting

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/trade/money"
)

// The guide's example is what the three methods give: each of its blocks has the
// method's name in its first line.
func TestTheExampleOfTheGuideIsWhatTheMethodsGive(t *testing.T) {
	guide := string(must(os.ReadFile("../../docs/guide/netting.md")))
	block := func(name string) string {
		_, rest, ok := strings.Cut(guide, "```\n"+name+"\n")
		text, _, closed := strings.Cut(rest, "```")
		if !ok || !closed {
			t.Fatalf("the guide has no block %s", name)
		}
		return text
	}
	names := []string{"ALPHA", "BRAVO", "CHARLIE", "DELTA"} // in the order of their keys
	in := Input{Currency: "USD", Members: members(len(names))}
	for line := range strings.Lines(block("offered")) {
		f := strings.Fields(line)
		debtor, creditor := slices.Index(names, f[0]), slices.Index(names, f[1])
		var amount money.Micro
		if err := amount.UnmarshalText([]byte(f[2])); err != nil || debtor < 0 || creditor < 0 {
			t.Fatalf("%q: %v", line, err)
		}
		in.Debts = append(in.Debts, Debt{uint32(debtor), uint32(creditor), amount})
	}
	cents := func(m money.Micro) string { return strings.TrimSuffix(m.String(), "0000") }
	for name, net := range map[string]func(Input) (Outcome, error){"bilateral": Bilateral, "multilateral": Multilateral, "compression": Compress, "limited": Compress} {
		of := in
		if name == "limited" {
			of.Members = slices.Clone(in.Members)
			of.Members[2].Most = units(30) // CHARLIE
		}
		o := must(net(of))
		if err := Verify(of, o); err != nil {
			t.Error(err)
		}
		var b strings.Builder
		for _, c := range o.Changes {
			fmt.Fprintf(&b, "%-8s %-8s %7s %7s\n", names[c.Debtor], names[c.Creditor], cents(c.Old), cents(c.New))
		}
		for _, p := range o.Payments {
			fmt.Fprintf(&b, "%-8s pays %-8s %10s\n", names[p.Payer], names[p.Payee], cents(p.Amount))
		}
		fmt.Fprintf(&b, "left: %s in %d payments\n", cents(o.Left), o.Debts)
		if b.String() != block(name) {
			t.Errorf("the guide has, for %s:\n%swhere it comes to:\n%s", name, block(name), b.String())
		}
	}
}
