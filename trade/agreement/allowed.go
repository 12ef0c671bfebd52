package agreement

import "github.com/lateral-network/lateral/trade/party"

// Step is what a member can do about an agreement, in the words of the API.
type Step string

// The steps.
const (
	StepAccept Step = "accept" // what is proposed: the agreement, or an amendment
	StepReject Step = "reject" // what is proposed
	StepAmend  Step = "amend"
	StepEnd    Step = "end" // in force; or a proposal of the member's own, which it withdraws
)

// Allowed gives the steps that a member of the Bilateral may take about an agreement
// as it stands. Whether one is taken also rests on what is not in the agreement: the
// network, orders under it.
func (a *Agreement) Allowed(who party.Code) []Step {
	out := []Step{}
	theirs := a.Pending != nil && a.Pending.Proposed.By != who
	for _, x := range []struct {
		step  Step
		event Event
		when  bool
	}{
		{StepAccept, Accept, theirs && a.State == Proposed}, {StepReject, Reject, theirs && a.State == Proposed},
		{StepAccept, Amend, theirs}, {StepReject, Amend, theirs},
		{StepAmend, Amend, a.Pending == nil},
		{StepEnd, Terminate, a.State == Active || a.Proposer == who},
	} {
		if _, can := a.State.Next(x.event); can && x.when {
			out = append(out, x.step)
		}
	}
	return out
}
