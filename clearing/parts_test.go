package clearing

import (
	"testing"
	"time"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade"
)

// An outcome of more lines than an envelope takes comes in parts that fit one.
func TestAnOutcomeOfManyLinesComesInParts(t *testing.T) {
	var c trade.CompareState
	for i := range uint32(40_000) {
		c.Lines = append(c.Lines, trade.OutcomeLine{Row: i, Calls: 1 << 30, BilledSeconds: 1 << 37})
	}
	cmds := outcome(c)
	next := uint32(0)
	for i, cmd := range cmds {
		var p trade.CompareState
		if err := canon.Decode(cmd.Body, &p); err != nil {
			t.Fatal(err)
		}
		if p.Part != uint32(i+1) || int(p.Of) != len(cmds) || len(cmd.Body) > maxPart {
			t.Errorf("part %d of %d has %d bytes", p.Part, p.Of, len(cmd.Body))
		}
		for _, l := range p.Lines {
			if l.Row != next {
				t.Fatalf("row %d comes where %d should", l.Row, next)
			}
			next++
		}
	}
	if next != 40_000 {
		t.Errorf("%d lines", next)
	}
	c.Lines = c.Lines[:3]
	if one := outcome(c); len(one) != 1 || string(one[0].Body) != string(canon.Must(c)) {
		t.Errorf("three lines come as %d commands", len(one))
	}
}

// What was refused while the states differed need not wait for its next try
// once both sides have closed the divergence.
func TestWhatADivergenceHeldUpIsTriedAgainOnceItIsClosed(t *testing.T) {
	d := &Desk{dirty: map[string]bool{}, wake: make(chan struct{}, 1),
		failed: map[string]failure{"state/p": {subject: "p", after: time.Now().Add(time.Hour)}}}
	d.notice(trade.Event{Kind: trade.EventMending, Subject: trade.BilateralKey})
	if !d.underWay("state/p") {
		t.Error("one side alone has it tried again")
	}
	d.notice(trade.Event{Kind: trade.EventMended, Subject: trade.BilateralKey})
	if d.underWay("state/p") {
		t.Error("it still waits")
	}
}
