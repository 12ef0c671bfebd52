package treasury

// RunState is where a payment run stands.
type RunState string

// The states of a run. Who acts next stands beside each.
const (
	Proposed  RunState = "proposed"  // another person: approve, or cancel
	Approved  RunState = "approved"  // finance: export, or cancel
	Ordered   RunState = "ordered"   // the bank: the file is out, and is given again byte for byte
	ByHand    RunState = "by-hand"   // nobody: a payment that was made without a file, found on a statement
	Cancelled RunState = "cancelled" // nobody
)

// RunEvent is what moves a run.
type RunEvent string

// The events of a run.
const (
	Approve RunEvent = "approve" // by another person than made it
	Export  RunEvent = "export"
	Cancel  RunEvent = "cancel"
)

// RunTransitions is every move of a run; what is not here is refused.
var RunTransitions = map[RunState]map[RunEvent]RunState{
	Proposed: {Approve: Approved, Cancel: Cancelled},
	Approved: {Export: Ordered, Cancel: Cancelled},
	Ordered:  {Export: Ordered},
}

// PaymentState is where one payment of a run stands.
type PaymentState string

// The states of a payment. Who acts next stands beside each.
const (
	Planned  PaymentState = "planned"  // people: its run is not out
	Out      PaymentState = "ordered"  // the bank: say what became of it
	Booked   PaymentState = "booked"   // this node: advise it on the Bilaterals
	Advised  PaymentState = "advised"  // nobody here; the payee confirms
	Rejected PaymentState = "rejected" // nobody: the bank did not pay, its obligations are free
	Returned PaymentState = "returned" // people: the money came back; release its obligations, or not
	Released PaymentState = "released" // nobody: two persons have set its obligations free
	Dropped  PaymentState = "dropped"  // nobody: its run was cancelled
)

// PaymentEvent is what moves a payment.
type PaymentEvent string

// The events of a payment.
const (
	Order   PaymentEvent = "order"   // its run is exported
	Drop    PaymentEvent = "drop"    // its run is cancelled
	Book    PaymentEvent = "book"    // the money has left the account, says a statement
	Tell    PaymentEvent = "tell"    // all its obligations are advised
	Reject  PaymentEvent = "reject"  // says the bank
	Return  PaymentEvent = "return"  // the booking was taken back
	Release PaymentEvent = "release" // say two persons
)

// PaymentTransitions is every move of a payment; what is not here is refused. A
// booking counts more than what the bank had announced.
var PaymentTransitions = map[PaymentState]map[PaymentEvent]PaymentState{
	Planned:  {Order: Out, Drop: Dropped},
	Out:      {Book: Booked, Reject: Rejected},
	Booked:   {Tell: Advised, Return: Returned},
	Advised:  {Return: Returned},
	Returned: {Release: Released},
}

// Claims reports whether a payment in the state keeps its obligations from
// being paid by another.
func (s PaymentState) Claims() bool {
	return s == Planned || s == Out || s == Booked || s == Advised || s == Returned
}

// ExceptionState is where a matter for people stands.
type ExceptionState string

// The states of an exception.
const (
	ExceptionOpen    ExceptionState = "open"    // finance: propose what to do
	ExceptionDecided ExceptionState = "decided" // another person: approve it, or propose something else
	ExceptionClosed  ExceptionState = "closed"  // nobody
)

// MoneyState is where money that came in stands.
type MoneyState string

// The states of money that came in for an obligation.
const (
	Waiting   MoneyState = "waiting"   // the payer: advise the payment
	Confirmed MoneyState = "confirmed" // nobody
	Gone      MoneyState = "reversed"  // people: the bank took it back before it was confirmed
)
