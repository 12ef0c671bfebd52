package sonata

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
)

var update = flag.Bool("update", false, "draw the diagrams of states anew")

// The diagrams in docs/states are the tables. Run with -update to draw them.
func TestDiagramsAreTheTables(t *testing.T) {
	for name, d := range map[string]struct {
		title string
		moves moves
		next  map[string]string
	}{
		"sonata-address-validation": {"Address validation (Sonata)", validationMoves, map[string]string{wire.Acknowledged: "seller: answer"}},
		"sonata-qualification": {"Qualification (Sonata)", qualificationMoves, map[string]string{
			wire.Acknowledged: "seller: check", wire.InProgress: "seller: answer by the date that was asked for"}},
		"sonata-quote": {"Quote (Sonata)", quoteMoves, map[string]string{
			wire.Acknowledged: "seller: check", wire.InProgress: "seller: answer; buyer may cancel", wire.Draft: "seller: answer; buyer may cancel",
			wire.Answered: "nobody: it expires", wire.Orderable: "buyer: order or decline", wire.OrderableAlternate: "buyer: order or decline"}},
		"sonata-order": {"Product order (Sonata)", orderMoves, map[string]string{
			wire.Acknowledged: "seller: check", wire.InProgress: "seller: deliver; buyer may cancel", wire.AssessingCharge: "buyer: answer the charge", wire.AssessingModification: "seller: answer; buyer: answer its charge",
			wire.AssessingCancellation: "seller: answer; buyer: answer its charge", wire.PendingCancellation: "seller: end what has begun"}},
		"sonata-order-item": {"Item of a product order (Sonata)", itemMoves, map[string]string{
			wire.Acknowledged: "seller: check", wire.InProgress: "seller: deliver", wire.Held: "buyer: answer the charge", wire.Pending: "seller: answer; buyer: answer its charge"}},
		"sonata-order-task": {"Cancellation and change of a date (Sonata)", taskMoves, map[string]string{wire.Acknowledged: "seller: answer", wire.TaskCharge: "buyer: answer the charge"}},
		"sonata-charge":     {"Charge (Sonata)", chargeMoves, map[string]string{wire.AwaitingResponse: "buyer: answer in time"}},
		"sonata-product": {"Product of the inventory (Sonata)", productMoves, map[string]string{
			wire.ProductPendingActive: "seller: deliver", wire.ProductActive: "buyer: change or end it by an order", wire.ProductPendingChange: "seller: change it", wire.ProductSuspended: "seller: resume it; buyer: end it",
			wire.ProductPendingTerminate: "seller: end it", wire.ProductSuspendedTerminate: "seller: end it"}},
		"sonata-bill": {"Bill (Sonata)", billMoves, map[string]string{wire.BillGenerated: "buyer: pay, or dispute an item", wire.BillPaymentDue: "buyer: pay"}},
		"sonata-bill-item": {"Item of a bill (Sonata)", billItemMoves, map[string]string{
			wire.BillGenerated: "buyer: pay or dispute", wire.BillDisputed: "seller: resolve; buyer: agree that it is due", wire.BillCredit: "buyer: pay the rest", wire.BillPaymentDue: "buyer: pay"}},
		"sonata-ticket": {"Trouble ticket (Sonata)", ticketMoves, map[string]string{
			wire.Acknowledged: "seller: begin", wire.InProgress: "seller: resolve", wire.Pending: "buyer: inform; seller: go on", wire.AssessingCancellation: "seller: end it", wire.TicketResolved: "buyer: close or reopen; it closes by itself",
			wire.TicketReopened: "seller: begin again"}},
		"sonata-incident": {"Incident (Sonata)", incidentMoves, map[string]string{wire.IncidentCreated: "seller", wire.InProgress: "seller"}},
	} {
		var b strings.Builder
		fmt.Fprintf(&b, "# %s\n\nDrawn from the transition table in `api/sonata/state.go` by a test; what is not here is refused. States are spelled as in release kylie.\n\n```mermaid\nstateDiagram-v2\n", d.title)
		var states []string
		var lines []string
		id := strings.NewReplacer(".", "_").Replace
		for from, all := range d.moves {
			for _, to := range all {
				a := id(from)
				if from == "" {
					a = "[*]"
				}
				lines = append(lines, fmt.Sprintf("    %s --> %s\n", a, id(to)))
				for _, s := range []string{from, to} {
					if s != "" && !slices.Contains(states, s) {
						states = append(states, s)
					}
				}
			}
		}
		slices.Sort(lines)
		slices.Sort(states)
		for _, s := range states {
			if strings.Contains(s, ".") {
				fmt.Fprintf(&b, "    %s: %s\n", id(s), s)
			}
		}
		b.WriteString(strings.Join(lines, "") + "```\n\n| state | who acts next |\n| --- | --- |\n")
		for _, s := range states {
			next := d.next[s]
			if len(d.moves[s]) == 0 {
				next = "nobody: it is over"
			} else if next == "" {
				t.Errorf("%s: who acts when it is %s?", name, s)
			}
			fmt.Fprintf(&b, "| %s | %s |\n", s, next)
		}
		path := filepath.Join("..", "..", "docs", "states", name+".md")
		if *update {
			if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != b.String() {
			t.Errorf("%s is not the table (%v): run with -update", path, err)
		}
	}
}

func TestAMoveThatIsNotInTheTableIsOurMistake(t *testing.T) {
	for _, c := range []struct {
		moves    moves
		release  wire.Release
		from, to string
		ok       bool
	}{
		{quoteMoves, wire.Kylie, "", wire.Orderable, true},
		{quoteMoves, wire.Kylie, wire.Declined, wire.Accepted, false},
		{qualificationMoves, wire.Grace, wire.InProgress, "done.unableToProvide", true},
		{qualificationMoves, wire.Grace, "done.ready", wire.InProgress, false},
		{nil, wire.Kylie, "a", "b", true},
	} {
		if err := c.moves.check(c.release, c.from, c.to); (err == nil) != c.ok || err != nil && fault.CodeOf(err) != fault.Internal {
			t.Errorf("%s to %s: %v", c.from, c.to, err)
		}
	}
}
