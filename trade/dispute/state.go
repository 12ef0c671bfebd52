package dispute

// State is where a dispute stands.
type State string

// The states of a dispute. Who acts next stands beside each. There is no end
// but resolved (MEF 114 [R75]).
const (
	Awaiting  State = "awaiting"  // both: deliver records, then state the outcome of the rule
	Manual    State = "manual"    // either: propose a decision
	Proposed  State = "proposed"  // the side that did not propose: accept or reject
	Escalated State = "escalated" // either: the same as manual, and late
	Resolved  State = "resolved"  // nobody
)

// Event is what moves a dispute.
type Event string

// The events of a dispute.
const (
	Settle   Event = "settle"   // both sides' rules gave the same, or a deadline decided
	Refer    Event = "refer"    // the rule gives no answer, or the two answers differ
	Propose  Event = "propose"  // by either side, through a delegate
	Accept   Event = "accept"   // by the other side ([R76])
	Reject   Event = "reject"   // by the other side
	Escalate Event = "escalate" // the deadline for a decision has passed
)

// Transitions is every move a dispute can make; what is not here is refused.
var Transitions = map[State]map[Event]State{
	Awaiting:  {Settle: Resolved, Refer: Manual},
	Manual:    {Propose: Proposed, Escalate: Escalated},
	Proposed:  {Accept: Resolved, Reject: Manual, Propose: Proposed, Escalate: Proposed},
	Escalated: {Propose: Proposed, Escalate: Escalated},
}

// Next gives the state after an event, and whether the table allows it.
func (s State) Next(e Event) (State, bool) {
	n, ok := Transitions[s][e]
	return n, ok
}
