package sonata

import (
	"slices"

	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
)

// The states of what partners ask for, in kylie's words. What is not here is
// refused. From the empty state a resource is made: deferred ones as
// acknowledged, immediate ones as what they come to.

// moves is every move of one kind of resource.
type moves map[string][]string

// validationMoves are those of a deferred address validation. An immediate one
// is answered and not kept.
var validationMoves = moves{
	"":                {wire.Acknowledged},
	wire.Acknowledged: {wire.Ready, wire.Rejected}, // seller: answer
}

// qualificationMoves are those of a qualification.
var qualificationMoves = moves{
	"":                {wire.Acknowledged, wire.Done, wire.TerminatedWithError},
	wire.Acknowledged: {wire.InProgress, wire.Rejected},      // seller: check
	wire.InProgress:   {wire.Done, wire.TerminatedWithError}, // seller: answer by the date that was asked for
}

// quoteMoves are those of a quote.
var quoteMoves = moves{
	"":                      {wire.Acknowledged, wire.Answered, wire.Orderable, wire.OrderableAlternate, wire.UnableToProvide},
	wire.Acknowledged:       {wire.InProgress, wire.Rejected},                                                                           // seller: check
	wire.InProgress:         {wire.Draft, wire.Cancelled, wire.UnableToProvide, wire.Answered, wire.Orderable, wire.OrderableAlternate}, // seller: answer; buyer: cancel
	wire.Draft:              {wire.Cancelled, wire.UnableToProvide, wire.Orderable, wire.OrderableAlternate},                            // seller: answer; buyer: cancel
	wire.Answered:           {wire.Expired},                                                                                             // nobody: time
	wire.Orderable:          {wire.Declined, wire.Accepted, wire.Expired},                                                               // buyer: order or decline
	wire.OrderableAlternate: {wire.Declined, wire.Accepted, wire.Expired},                                                               // buyer: order or decline
}

// check holds us to the table: a move that is not in it is our own mistake.
func (m moves) check(r wire.Release, from, to string) error {
	if r == wire.Grace {
		from, to = wire.FromGraceState(from), wire.FromGraceState(to)
	}
	// What lacks information ends as rejected in grace whenever that is noticed.
	if r == wire.Grace && to == wire.Rejected && slices.Contains(m[from], wire.TerminatedWithError) {
		return nil
	}
	if m == nil || from == to && from != "" || slices.Contains(m[from], to) {
		return nil
	}
	return fault.Newf(fault.Internal, "report this", "a resource that is %q cannot become %q", from, to)
}
