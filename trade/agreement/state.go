package agreement

// State is where an agreement stands.
type State string

// The states of an agreement. Who acts next stands beside each.
const (
	Proposed   State = "proposed"   // the other side: accept or reject
	Active     State = "active"     // either: amend, terminate
	Rejected   State = "rejected"   // nobody
	Terminated State = "terminated" // nobody: invoices, disputes and debts run on
)

// Event is what moves an agreement.
type Event string

// The events of an agreement.
const (
	Accept    Event = "accept"    // by the side that did not propose
	Reject    Event = "reject"    // by the side that did not propose
	Lapse     Event = "lapse"     // the time for the answer has passed
	Amend     Event = "amend"     // proposed by one, accepted by the other
	Terminate Event = "terminate" // by either side; nobody can prevent it (MEF 114 [R24])
)

// Transitions is every move an agreement can make; what is not here is
// refused.
var Transitions = map[State]map[Event]State{
	Proposed: {Accept: Active, Reject: Rejected, Lapse: Rejected, Terminate: Rejected},
	Active:   {Amend: Active, Terminate: Terminated},
}

// Next gives the state after an event, and whether the table allows it.
func (s State) Next(e Event) (State, bool) {
	n, ok := Transitions[s][e]
	return n, ok
}
