package product

// State is where a product stands in the inventory of buyer and seller, spelled
// as in Sonata.
type State string

// The states of a product. Who acts next stands beside each.
const (
	PendingActive    State = "pendingActive"             // seller: deliver. Its order has the deadline
	Active           State = "active"                    // nobody. Buyer: change or end it. Seller: suspend it
	PendingChange    State = "active.pendingChange"      // seller: deliver the change. Its order has the deadline
	Suspended        State = "suspended"                 // seller: resume. Buyer: end it, whatever its term
	PendingTerminate State = "pendingTerminate"          // seller: end it. Its order has the deadline
	SuspendedPending State = "suspendedPendingTerminate" // seller: end it. Its order has the deadline
	Terminated       State = "terminated"                // nobody: what it was used until then is still billed
	Cancelled        State = "cancelled"                 // nobody: it was never active
)

// Event is what moves a product.
type Event string

// The events of a product.
const (
	Activate Event = "activate" // its order is delivered
	Cancel   Event = "cancel"   // its order came to nothing
	Change   Event = "change"   // a change of it is ordered
	Settle   Event = "settle"   // the order in flight is delivered, or came to nothing
	Suspend  Event = "suspend"  // by the seller, who charges nothing meanwhile
	Resume   Event = "resume"   // by the seller
	End      Event = "end"      // its end is ordered
	Expire   Event = "expire"   // its time is over, its end is delivered, or the agreement ends
)

// Transitions is every move a product can make; what is not here is refused.
var Transitions = map[State]map[Event]State{
	PendingActive:    {Activate: Active, Cancel: Cancelled},
	Active:           {Change: PendingChange, Suspend: Suspended, End: PendingTerminate, Expire: Terminated},
	PendingChange:    {Settle: Active, Expire: Terminated},
	Suspended:        {Resume: Active, End: SuspendedPending, Expire: Terminated},
	PendingTerminate: {Settle: Active, Expire: Terminated},
	SuspendedPending: {Settle: Suspended, Expire: Terminated},
}

// Next gives the state after an event, and whether the table allows it.
func (s State) Next(e Event) (State, bool) {
	n, ok := Transitions[s][e]
	return n, ok
}

// Held reports whether the product has been delivered and has not ended.
func (s State) Held() bool {
	switch s {
	case Active, PendingChange, Suspended, PendingTerminate, SuspendedPending:
		return true
	}
	return false
}
