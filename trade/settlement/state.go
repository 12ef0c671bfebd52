package settlement

// State is where an obligation stands.
type State string

// The states of an obligation. Who acts next stands beside each.
const (
	Owed     State = "owed"    // payer: pay what is left and advise
	Overdue  State = "overdue" // payer: the same, and late
	Advised  State = "advised" // payee: confirm the receipt
	Withheld State = "held"    // the side whose compliance holds the payment: release it
	Settled  State = "settled" // nobody
)

// Event is what moves an obligation.
type Event string

// The events of an obligation.
const (
	Lapse    Event = "lapse"   // the due date and the time for the advice have passed
	Remind   Event = "remind"  // more time has passed without an advice
	Advise   Event = "advise"  // by the payer (MEF 114 [R87], [R88])
	Decline  Event = "decline" // by the payee: no such money came
	Confirm  Event = "confirm" // by the payee ([R89]), or presumed by the agreement: nothing is left
	Partly   Event = "partly"  // the same, and something is left
	Withhold Event = "hold"    // by either side's compliance (IDN-12)
	Release  Event = "release" // by that of the side that holds it
	Offset   Event = "offset"  // a round of netting has taken off what was left
	Carry    Event = "carry"   // less than a coin is owed; the next obligation takes it up
)

// Transitions is every move an obligation can make; what is not here is
// refused.
var Transitions = map[State]map[Event]State{
	Owed:     {Lapse: Overdue, Advise: Advised, Carry: Settled, Offset: Settled},
	Overdue:  {Advise: Advised, Remind: Overdue, Offset: Settled},
	Advised:  {Confirm: Settled, Partly: Owed, Decline: Owed, Withhold: Withheld},
	Withheld: {Release: Advised},
}

// Next gives the state after an event, and whether the table allows it.
func (s State) Next(e Event) (State, bool) {
	n, ok := Transitions[s][e]
	return n, ok
}

// NettingState is where a netting stands.
type NettingState string

// The states of a netting. Who acts next stands beside each.
const (
	NettingProposed NettingState = "proposed" // the other side: accept or reject
	NettingAccepted NettingState = "accepted" // nobody: what is left is owed
	NettingRejected NettingState = "rejected" // nobody
)

// NettingEvent is what moves a netting.
type NettingEvent string

// The events of a netting.
const (
	NettingAccept NettingEvent = "accept" // by the side that did not propose (MEF 114 [CR22])
	NettingReject NettingEvent = "reject" // by the same
	NettingLapse  NettingEvent = "lapse"  // the time for the answer has passed
)

// NettingTransitions is every move a netting can make; what is not here is
// refused.
var NettingTransitions = map[NettingState]map[NettingEvent]NettingState{
	NettingProposed: {NettingAccept: NettingAccepted, NettingReject: NettingRejected, NettingLapse: NettingRejected},
}

// Next gives the state after an event, and whether the table allows it.
func (s NettingState) Next(e NettingEvent) (NettingState, bool) {
	n, ok := NettingTransitions[s][e]
	return n, ok
}
