package invoice

// State is where an invoice stands.
type State string

// The states of an invoice. Who acts next stands beside each.
const (
	Issued   State = "issued"   // buyer: accept or dispute
	Disputed State = "disputed" // both: every line is open; decide
	Partial  State = "partial"  // both: decide the open lines. Payer: pay the others
	Final    State = "final"    // payer: pay. Either: propose netting
	Settled  State = "settled"  // nobody
	Rejected State = "rejected" // nobody: a note that the buyer did not take
)

// Event is what moves an invoice.
type Event string

// The events of an invoice.
const (
	Accept      Event = "accept"       // by the buyer, with no line open (MEF 114 [R78], [R81])
	AcceptPart  Event = "accept-part"  // by the buyer, with some lines open ([R79], [R80])
	Dispute     Event = "dispute"      // no line is left that is not open
	Resolve     Event = "resolve"      // the last open line is decided
	ResolvePaid Event = "resolve-paid" // the same, and the total was paid before
	Settle      Event = "settle"       // the total is discharged ([R89])
	Reject      Event = "reject"       // the buyer does not take a note
)

// Transitions is every move an invoice can make; what is not here is refused.
var Transitions = map[State]map[Event]State{
	Issued:   {Accept: Final, AcceptPart: Partial, Dispute: Disputed, Reject: Rejected},
	Disputed: {Resolve: Final},
	Partial:  {Resolve: Final, ResolvePaid: Settled, Settle: Partial},
	Final:    {Settle: Settled},
}

// Next gives the state after an event, and whether the table allows it.
func (s State) Next(e Event) (State, bool) {
	n, ok := Transitions[s][e]
	return n, ok
}

// PeriodState is where a billing period stands.
type PeriodState string

// The states of a period. Who acts next stands beside each.
const (
	PeriodRequested   PeriodState = "requested"   // both: state usage
	PeriodLapsed      PeriodState = "lapsed"      // nobody: neither has stated in time. Either may request it again
	PeriodStated      PeriodState = "stated"      // the side that has not stated
	PeriodReconciling PeriodState = "reconciling" // both: some lines differ; deliver records, compare, decide
	PeriodAgreed      PeriodState = "agreed"      // buyer, then payer: no line is open
	PeriodClosed      PeriodState = "closed"      // nobody: no line open, every invoice settled
)

// PeriodEvent is what moves a period.
type PeriodEvent string

// The events of a period.
const (
	PeriodLapse     PeriodEvent = "lapse"     // the time for the first statement has passed
	PeriodAgain     PeriodEvent = "again"     // rating of a lapsed period is requested once more
	PeriodBegin     PeriodEvent = "state"     // the first statement is in (MEF 114 [R64])
	PeriodMatch     PeriodEvent = "match"     // both are in, or one stands alone, and no line is open ([R66], [R67])
	PeriodDiffer    PeriodEvent = "differ"    // both are in and some lines are open
	PeriodReopen    PeriodEvent = "reopen"    // the buyer disputes lines of an invoice
	PeriodDecide    PeriodEvent = "decide"    // the last open line is decided ([R75])
	PeriodDischarge PeriodEvent = "discharge" // no line open, and the last invoice settled, or none needed
	PeriodCorrect   PeriodEvent = "correct"   // the seller rates it again, by a note
)

// PeriodTransitions is every move a period can make; what is not here is
// refused.
var PeriodTransitions = map[PeriodState]map[PeriodEvent]PeriodState{
	PeriodRequested:   {PeriodBegin: PeriodStated, PeriodLapse: PeriodLapsed},
	PeriodLapsed:      {PeriodAgain: PeriodRequested},
	PeriodStated:      {PeriodMatch: PeriodAgreed, PeriodDiffer: PeriodReconciling},
	PeriodReconciling: {PeriodDecide: PeriodAgreed, PeriodReopen: PeriodReconciling},
	PeriodAgreed:      {PeriodReopen: PeriodReconciling, PeriodDischarge: PeriodClosed, PeriodCorrect: PeriodAgreed},
	PeriodClosed:      {PeriodCorrect: PeriodAgreed},
}

// Next gives the state after an event, and whether the table allows it.
func (s PeriodState) Next(e PeriodEvent) (PeriodState, bool) {
	n, ok := PeriodTransitions[s][e]
	return n, ok
}
