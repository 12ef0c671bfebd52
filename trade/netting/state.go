package netting

// State is where a round stands.
type State string

// The states of a round. Who acts next stands beside each.
const (
	Joining State = "joining" // whoever takes part: offer, until the time to join is over
	Signing State = "signing" // all whom the result touches: sign it
	Agreed  State = "agreed"  // the pairs: take off what the result says, each on its Bilateral
	Lapsed  State = "lapsed"  // nobody: nothing has changed
)

// Event is what moves a round.
type Event string

// The events of a round.
const (
	Close Event = "close" // the time to join is over, and the offers come to something
	Empty Event = "empty" // the same, and they come to nothing
	Agree Event = "agree" // the last whom the result touches has signed it
	Lapse Event = "lapse" // the time to sign is over
)

// Transitions is every move a round can make; what is not here is refused.
var Transitions = map[State]map[Event]State{
	Joining: {Close: Signing, Empty: Lapsed},
	Signing: {Agree: Agreed, Lapse: Lapsed},
}

// Next gives the state after an event, and whether the table allows it.
func (s State) Next(e Event) (State, bool) {
	n, ok := Transitions[s][e]
	return n, ok
}
