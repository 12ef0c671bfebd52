package token

// State is where a token stands.
type State string

// The states of a token. Who acts next stands beside each.
const (
	Asked   State = "asked"   // other members: approve it
	Active  State = "active"  // nobody
	Refused State = "refused" // nobody; it may be asked for again
)

// Event is what moves a token.
type Event string

// The events of a token.
const (
	Allow Event = "allow" // enough other members have approved it
	Lapse Event = "lapse" // they have not in time
)

// Transitions is every move a token can make; what is not here is refused.
var Transitions = map[State]map[Event]State{
	Asked: {Allow: Active, Lapse: Refused},
}

// Next gives the state after an event, and whether the table allows it.
func (s State) Next(e Event) (State, bool) {
	n, ok := Transitions[s][e]
	return n, ok
}

// IssueState is where an act of an issuer stands, for which two persons are
// needed.
type IssueState string

// The states of an issuer's act. Who acts next stands beside each.
const (
	IssueProposed IssueState = "proposed" // another officer of the issuer: approve or reject
	IssueDone     IssueState = "done"     // nobody
	IssueRejected IssueState = "rejected" // nobody
)

// IssueEvent is what moves an issuer's act.
type IssueEvent string

// The events of an issuer's act.
const (
	IssueApprove IssueEvent = "approve" // by another officer than proposed it
	IssueReject  IssueEvent = "reject"  // by any officer
	IssueLapse   IssueEvent = "lapse"   // nobody has approved it in time
)

// IssueTransitions is every move an issuer's act can make; what is not here is
// refused.
var IssueTransitions = map[IssueState]map[IssueEvent]IssueState{
	IssueProposed: {IssueApprove: IssueDone, IssueReject: IssueRejected, IssueLapse: IssueRejected},
}

// Next gives the state after an event, and whether the table allows it.
func (s IssueState) Next(e IssueEvent) (IssueState, bool) {
	n, ok := IssueTransitions[s][e]
	return n, ok
}

// PromiseState is where a promise of tokens stands: a hold, an offered swap, a
// redemption.
type PromiseState string

// The states of a promise. Who acts next stands beside each.
const (
	Pending PromiseState = "pending" // of a hold its owner, or whoever has the key; of a swap who takes it; of a redemption the issuer
	Posted  PromiseState = "posted"  // nobody
	Void    PromiseState = "void"    // nobody
)

// PromiseEvent is what moves a promise.
type PromiseEvent string

// The events of a promise.
const (
	Post   PromiseEvent = "post"   // it is kept: the tokens move
	Cancel PromiseEvent = "cancel" // it is given back
	Expire PromiseEvent = "expire" // its time is over
)

// PromiseTransitions is every move a promise can make; what is not here is
// refused.
var PromiseTransitions = map[PromiseState]map[PromiseEvent]PromiseState{
	Pending: {Post: Posted, Cancel: Void, Expire: Void},
}

// Next gives the state after an event, and whether the table allows it.
func (s PromiseState) Next(e PromiseEvent) (PromiseState, bool) {
	n, ok := PromiseTransitions[s][e]
	return n, ok
}

// LockState is where a lock stands.
type LockState string

// The states of a lock. Who acts next stands beside each.
const (
	Locked  LockState = "locked"  // nobody: the two pay each other out of it
	Leaving LockState = "leaving" // the side that has not left: contest what is stale
	Closed  LockState = "closed"  // the partner: claim what is left for it
	Claimed LockState = "claimed" // nobody
)

// LockEvent is what moves a lock.
type LockEvent string

// The events of a lock.
const (
	LockExit    LockEvent = "exit"    // one side leaves alone
	LockContest LockEvent = "contest" // the other shows a later total of that side
	LockEnd     LockEvent = "end"     // the time for a contest is over
	LockEmpty   LockEvent = "empty"   // both have taken everything out
	LockClaim   LockEvent = "claim"   // the partner takes what is left
)

// LockTransitions is every move a lock can make; what is not here is refused.
var LockTransitions = map[LockState]map[LockEvent]LockState{
	Locked:  {LockExit: Leaving, LockEmpty: Claimed},
	Leaving: {LockContest: Leaving, LockEnd: Closed},
	Closed:  {LockClaim: Claimed},
}

// Next gives the state after an event, and whether the table allows it.
func (s LockState) Next(e LockEvent) (LockState, bool) {
	n, ok := LockTransitions[s][e]
	return n, ok
}
