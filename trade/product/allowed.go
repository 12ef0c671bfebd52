package product

import "github.com/lateral-network/lateral/trade/party"

// Step is what a member can do about a product, in the words of the API.
type Step string

// The steps. The buyer orders a change and an end.
const (
	StepSuspend Step = "suspend"
	StepResume  Step = "resume"
	StepChange  Step = "change"
	StepEnd     Step = "end"
)

// Allowed gives the steps that a member may take about a product as it stands.
// Whether one is taken also rests on what is not in the product: its notice, the
// agreement.
func (p *Instance) Allowed(who party.Code) []Step {
	out := []Step{}
	for _, x := range []struct {
		step  Step
		event Event
		by    party.Code
		when  bool
	}{
		{StepSuspend, Suspend, p.Seller, true},
		{StepResume, Resume, p.Seller, true},
		{StepChange, Change, p.Buyer, p.Order == "" && p.EndedBy == ""},
		{StepEnd, End, p.Buyer, p.Order == ""},
	} {
		if _, can := p.State.Next(x.event); can && x.by == who && x.when {
			out = append(out, x.step)
		}
	}
	return out
}
