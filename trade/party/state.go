package party

// State is where a member stands.
type State string

// The states of a member. Who acts next stands beside each.
const (
	Applied   State = "applied"   // the other members: vouch
	Active    State = "active"    // nobody
	Suspended State = "suspended" // the other members: vote to reinstate
	Left      State = "left"      // nobody, ever
)

// Event is what moves a member.
type Event string

// The events of a member.
const (
	Admit     Event = "admit"     // enough members have vouched
	Lapse     Event = "lapse"     // not enough have in time
	Suspend   Event = "suspend"   // enough members have voted
	Reinstate Event = "reinstate" // enough members have voted
	Leave     Event = "leave"     // the member itself
)

// Transitions is every move a member can make; what is not here is refused.
var Transitions = map[State]map[Event]State{
	Applied:   {Admit: Active, Lapse: Left, Leave: Left},
	Active:    {Suspend: Suspended, Leave: Left},
	Suspended: {Reinstate: Active, Leave: Left},
}

// Next gives the state after an event, and whether the table allows it.
func (s State) Next(e Event) (State, bool) {
	n, ok := Transitions[s][e]
	return n, ok
}
