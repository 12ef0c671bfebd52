package trade

import (
	"testing"

	"github.com/lateral-network/lateral/trade/agreement"
)

// The tolerance of billed seconds is agreed for a line. Handed on to each of its
// calls it would be as many times as large.
func TestTheToleranceOfALineIsNoToleranceOfItsCalls(t *testing.T) {
	terms := agreement.Defaults()
	terms.SecondsTolerance = 60
	if got := Tolerances(terms); got.BilledSeconds != 0 || got.StartMillis != terms.StartTolerance {
		t.Errorf("a call may differ by %+v", got)
	}
}
