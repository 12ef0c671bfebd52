package order

// State is where an order stands. The first four are spelled as in MEF 57.2;
// a standing order also needs suspended and terminated.
type State string

// The states of an order. Who acts next stands beside each.
const (
	Acknowledged State = "acknowledged" // seller: accept or reject
	Rejected     State = "rejected"     // nobody
	InProgress   State = "inProgress"   // either: suspend, terminate
	Suspended    State = "suspended"    // either: resume, terminate
	Completed    State = "completed"    // nobody: everything was delivered
	Terminated   State = "terminated"   // nobody: usage up to its end is still billed
)

// Event is what moves an order.
type Event string

// The events of an order.
const (
	Accept    Event = "accept"    // by the seller
	Reject    Event = "reject"    // by the seller
	Lapse     Event = "lapse"     // the time for the seller's answer has passed
	Suspend   Event = "suspend"   // by either
	Resume    Event = "resume"    // by either
	Complete  Event = "complete"  // all of it is delivered and billed
	Terminate Event = "terminate" // by either, with the agreement, or after the time for a suspension
)

// Transitions is every move an order can make; what is not here is refused.
var Transitions = map[State]map[Event]State{
	Acknowledged: {Accept: InProgress, Reject: Rejected, Lapse: Rejected, Terminate: Terminated},
	InProgress:   {Suspend: Suspended, Complete: Completed, Terminate: Terminated},
	Suspended:    {Resume: InProgress, Terminate: Terminated},
}

// Allows says what may be done under an order in a state: request rating of a
// period (MEF 114 [R60]), and invoice what was rated ([R69]). A terminated
// order is rated up to its end and still invoiced; a suspended one keeps the
// periods that were requested before.
var Allows = map[State]struct{ Rating, Invoicing bool }{
	Acknowledged: {},
	Rejected:     {},
	InProgress:   {Rating: true, Invoicing: true},
	Suspended:    {Invoicing: true},
	Completed:    {Invoicing: true},
	Terminated:   {Rating: true, Invoicing: true},
}

// Next gives the state after an event, and whether the table allows it.
func (s State) Next(e Event) (State, bool) {
	n, ok := Transitions[s][e]
	return n, ok
}

// Live reports whether usage may arise under the order.
func (s State) Live() bool { return s == InProgress || s == Suspended }
