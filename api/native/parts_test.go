package native

import (
	"testing"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade"
)

// A dispute of more lines than an envelope takes comes in parts that each fit
// one, and together name every line once, in order.
func TestADisputeOfManyLinesComesInParts(t *testing.T) {
	if one := inParts(trade.InvoiceDispute{Lines: make([]trade.Objection, 3)}); len(one) != 1 || one[0].(trade.InvoiceDispute).Of != 0 {
		t.Fatalf("three lines: %+v", one)
	}
	const lines = 40_000
	d := trade.InvoiceDispute{ID: "BRAVO-ALPHA-1", Why: "too many", Reserved: make([]trade.Objection, 2)}
	for i := range uint32(lines) {
		d.Lines = append(d.Lines, trade.Objection{Row: i, Calls: 1 << 30, BilledSeconds: 1 << 37})
	}
	next := uint32(0)
	all := inParts(d)
	for i, x := range all {
		p := x.(trade.InvoiceDispute)
		if size := len(canon.Must(p)); size > 200<<10 {
			t.Errorf("part %d has %d bytes", p.Part, size)
		}
		if p.Part != uint32(i+1) || int(p.Of) != len(all) || (len(p.Reserved) > 0) != (i+1 == len(all)) {
			t.Errorf("part %d of %d reserves %d", p.Part, p.Of, len(p.Reserved))
		}
		for _, l := range p.Lines {
			if l.Row != next {
				t.Fatalf("row %d comes where %d should", l.Row, next)
			}
			next++
		}
	}
	if next != lines {
		t.Errorf("%d lines of %d", next, lines)
	}
}
