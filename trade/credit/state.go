package credit

import "github.com/lateral-network/lateral/trade/money"

// State is where a buyer's exposure stands in one currency.
type State string

// The states of credit. Who acts next stands beside each.
const (
	Within State = "within" // nobody
	Warned State = "warned" // buyer: pay or deposit, before the allocation is used up
	Beyond State = "beyond" // buyer: pay or deposit. New orders wait where the agreement blocks
)

// Event is what moves credit.
type Event string

// The events of credit.
const (
	Warn    Event = "warn"    // the exposure has reached the share of the allocation at which the agreement warns
	Exceed  Event = "exceed"  // it is more than the allocation
	Ease    Event = "ease"    // it is within the allocation again, and not below that share
	Restore Event = "restore" // it is below that share again
)

// Transitions is every move credit can make.
var Transitions = map[State]map[Event]State{
	Within: {Warn: Warned, Exceed: Beyond},
	Warned: {Exceed: Beyond, Restore: Within},
	Beyond: {Ease: Warned, Restore: Within},
}

// Towards gives the event that leads from one state to another; empty: none is
// needed. What has no state yet is within.
func (s State) Towards(next State) Event {
	if s == "" {
		s = Within
	}
	for e, to := range Transitions[s] { // no two events of a state lead to one
		if to == next {
			return e
		}
	}
	return ""
}

// Judge says where an exposure stands to an allocation, with a warning from a share
// of it on, in millionths. A share of zero warns of nothing. Code:
// [money.CodeOverflow].
func Judge(exposure, allocation money.Micro, share uint32) (State, error) {
	if exposure > allocation {
		return Beyond, nil
	}
	from, err := allocation.MulDiv(int64(share), Millionths, money.Up)
	if err != nil {
		return "", err
	}
	if share > 0 && exposure > 0 && exposure >= from {
		return Warned, nil
	}
	return Within, nil
}
