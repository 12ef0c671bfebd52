package agreement

import (
	"slices"
	"testing"

	"github.com/lateral-network/lateral/trade/party"
)

// What a side may do about an agreement follows its state, and who proposed what waits.
func TestWhatASideMayDoAboutAnAgreement(t *testing.T) {
	by := func(c party.Code) *Version { return &Version{Proposed: party.Act{By: c}} }
	for _, c := range []struct {
		name        string
		a           Agreement
		alpha, beta []Step
	}{
		{"ALPHA proposes", Agreement{State: Proposed, Proposer: "ALPHA", Pending: by("ALPHA")}, []Step{StepEnd}, []Step{StepAccept, StepReject}},
		{"in force", Agreement{State: Active, Proposer: "ALPHA"}, []Step{StepAmend, StepEnd}, []Step{StepAmend, StepEnd}},
		{"BETA amends", Agreement{State: Active, Proposer: "ALPHA", Pending: by("BETA")}, []Step{StepAccept, StepReject, StepEnd}, []Step{StepEnd}},
		{"rejected", Agreement{State: Rejected, Proposer: "ALPHA"}, []Step{}, []Step{}},
		{"ended", Agreement{State: Terminated, Proposer: "ALPHA"}, []Step{}, []Step{}},
	} {
		if got := c.a.Allowed("ALPHA"); !slices.Equal(got, c.alpha) {
			t.Errorf("%s: ALPHA may %v", c.name, got)
		}
		if got := c.a.Allowed("BETA"); !slices.Equal(got, c.beta) {
			t.Errorf("%s: BETA may %v", c.name, got)
		}
	}
}
