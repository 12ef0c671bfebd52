package catalog

// State is where an offering or a specification stands in its life, spelled as
// in the product catalogue of LSO Sonata.
type State string

// The states of an offering. Who acts next stands beside each.
const (
	InTest       State = "inTest"       // seller: announce, launch or reject
	Active       State = "active"       // seller: launch; it is announced and cannot be ordered yet
	Launched     State = "launched"     // seller: hold, end the sale; it can be ordered
	OnHold       State = "onHold"       // seller: launch again, or end the sale
	EndOfSale    State = "endOfSale"    // seller: end the support; what is in use may be changed and ended
	EndOfSupport State = "endOfSupport" // seller: retire; what is in use can be ended only
	Rejected     State = "rejected"     // nobody
	Obsolete     State = "obsolete"     // nobody
)

// Published is the state of a specification that offerings may be of; the other
// one is Obsolete.
const Published State = "published"

// Event is what moves an offering or a specification; the seller causes all.
type Event string

// The events.
const (
	Announce   Event = "announce"
	Launch     Event = "launch"
	Reject     Event = "reject"
	PutOnHold  Event = "hold"
	EndSale    Event = "endSale"
	EndSupport Event = "endSupport"
	Retire     Event = "retire"
)

// Transitions is every move an offering can make; what is not here is refused.
var Transitions = map[State]map[Event]State{
	InTest:       {Announce: Active, Launch: Launched, Reject: Rejected},
	Active:       {Launch: Launched, EndSale: EndOfSale},
	Launched:     {PutOnHold: OnHold, EndSale: EndOfSale},
	OnHold:       {Launch: Launched, EndSale: EndOfSale},
	EndOfSale:    {EndSupport: EndOfSupport},
	EndOfSupport: {Retire: Obsolete},
}

// SpecificationTransitions is every move a specification can make.
var SpecificationTransitions = map[State]map[Event]State{
	Published: {Retire: Obsolete},
}

// life are the events in the order of a life.
var life = []Event{Announce, Launch, PutOnHold, Reject, EndSale, EndSupport, Retire}

// allowed gives what may be done with an item in a state.
func allowed(k Kind, s State) []string {
	out := []string{}
	table := map[State]map[Event]State{}
	switch k {
	case KindOffering:
		table = Transitions
	case KindSpecification:
		table = SpecificationTransitions
	}
	for _, e := range life {
		if _, can := table[s][e]; can {
			out = append(out, string(e))
		}
	}
	if len(table) == 0 || s.Changeable() {
		out = append(out, "put")
	}
	return out
}

// Sold reports whether a new product can be ordered.
func (s State) Sold() bool { return s == Launched }

// Changeable reports whether an offering may get a new version: what is no
// longer sold stays as it was sold.
func (s State) Changeable() bool {
	return s == InTest || s == Active || s == Launched || s == OnHold || s == Published
}

// HoldState is where a reservation of capacity stands.
type HoldState string

// The states of a reservation. Who acts next stands beside each.
const (
	Reserved  HoldState = "reserved"  // holder: confirm or release, before it expires
	Confirmed HoldState = "confirmed" // holder: use or release
	InUse     HoldState = "inUse"     // holder: release
	Released  HoldState = "released"  // nobody
	Expired   HoldState = "expired"   // nobody
)

// HoldEvent is what moves a reservation.
type HoldEvent string

// The events of a reservation.
const (
	Confirm HoldEvent = "confirm" // an order rests on it
	Use     HoldEvent = "use"     // the product is active
	Release HoldEvent = "release" // it is not needed, or no longer
	Expire  HoldEvent = "expire"  // nobody confirmed it in time
)

// HoldTransitions is every move a reservation can make; what is not here is
// refused.
var HoldTransitions = map[HoldState]map[HoldEvent]HoldState{
	Reserved:  {Confirm: Confirmed, Release: Released, Expire: Expired},
	Confirmed: {Use: InUse, Release: Released},
	InUse:     {Release: Released},
}

// Allowed gives what may be done with a reservation in a state; one that takes
// capacity can be resized.
func (s HoldState) Allowed() []string {
	out := []string{}
	for _, e := range []HoldEvent{Confirm, Use, Release} {
		if _, can := HoldTransitions[s][e]; can {
			out = append(out, string(e))
		}
	}
	if s.Takes() {
		out = append(out, "resize")
	}
	return out
}

// Takes reports whether a reservation takes capacity.
func (s HoldState) Takes() bool { return s == Reserved || s == Confirmed || s == InUse }
