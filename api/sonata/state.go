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

// orderMoves are the moves of an order; what is not here does not happen.
var orderMoves = moves{
	"":                         {wire.Acknowledged},
	wire.Acknowledged:          {wire.InProgress, wire.Rejected},
	wire.InProgress:            {wire.Completed, wire.Failed, wire.Partial, wire.AssessingCharge, wire.AssessingModification, wire.AssessingCancellation, wire.PendingCancellation},
	wire.AssessingCharge:       {wire.InProgress},
	wire.AssessingModification: {wire.InProgress},
	wire.AssessingCancellation: {wire.PendingCancellation, wire.InProgress},
	wire.PendingCancellation:   {wire.Cancelled},
}

// itemMoves are the moves of an item of an order.
var itemMoves = moves{
	"":                {wire.Acknowledged},
	wire.Acknowledged: {wire.InProgress, wire.Rejected, wire.RejectedValidated, wire.RejectedUnassessed},
	wire.InProgress:   {wire.Completed, wire.Failed, wire.Held, wire.Pending},
	wire.Held:         {wire.InProgress, wire.Failed},
	wire.Pending:      {wire.InProgress, wire.Cancelled, wire.Failed},
}

// taskMoves are the moves of a cancellation and of a change of date.
var taskMoves = moves{
	"":                {wire.Acknowledged},
	wire.Acknowledged: {wire.Rejected, wire.Done, wire.TaskCharge},
	wire.TaskCharge:   {wire.Done, wire.TaskDeclined},
}

// productMoves are the moves of a product.
var productMoves = moves{
	"":                             {wire.ProductPendingActive, wire.ProductActive},
	wire.ProductPendingActive:      {wire.ProductActive, wire.Cancelled},
	wire.ProductActive:             {wire.ProductPendingChange, wire.ProductSuspended, wire.ProductPendingTerminate},
	wire.ProductPendingChange:      {wire.ProductActive},
	wire.ProductSuspended:          {wire.ProductActive, wire.ProductSuspendedTerminate},
	wire.ProductPendingTerminate:   {wire.ProductTerminated, wire.ProductActive},
	wire.ProductSuspendedTerminate: {wire.ProductTerminated, wire.ProductSuspended},
}

// billMoves and billItemMoves are the moves of a bill and of its items.
var (
	billMoves = moves{
		wire.BillGenerated:  {wire.BillSettled, wire.BillPaymentDue}, // buyer: pay; buyer: dispute an item
		wire.BillPaymentDue: {wire.BillSettled},                      // buyer: pay
	}
	billItemMoves = moves{
		wire.BillGenerated:  {wire.BillSettled, wire.BillDisputed},                      // buyer: pay or dispute
		wire.BillDisputed:   {wire.BillWithdrawn, wire.BillCredit, wire.BillPaymentDue}, // seller: resolve; buyer: agree
		wire.BillCredit:     {wire.BillSettled},                                         // buyer: pay the rest
		wire.BillPaymentDue: {wire.BillSettled},                                         // buyer: pay
	}
)

// ticketMoves are the moves of a ticket, incidentMoves those of an incident.
var (
	ticketMoves = moves{
		"":                         {wire.Acknowledged},
		wire.Acknowledged:          {wire.InProgress, wire.AssessingCancellation},                   // seller: begin; buyer: cancel
		wire.InProgress:            {wire.TicketResolved, wire.Pending, wire.AssessingCancellation}, // seller: resolve or ask; buyer: cancel
		wire.Pending:               {wire.InProgress, wire.AssessingCancellation},                   // seller: go on; buyer: cancel
		wire.AssessingCancellation: {wire.Cancelled},                                                // seller
		wire.TicketResolved:        {wire.TicketClosed, wire.TicketReopened},                        // buyer, or time
		wire.TicketReopened:        {wire.InProgress},                                               // seller
	}
	incidentMoves = moves{
		"":                   {wire.IncidentCreated},
		wire.IncidentCreated: {wire.InProgress, wire.TicketClosed},
		wire.InProgress:      {wire.TicketClosed},
	}
)

// chargeMoves are the moves of a charge.
var chargeMoves = moves{
	"":                    {wire.AwaitingResponse},
	wire.AwaitingResponse: {wire.Completed, wire.Timeout, wire.WithdrawnBySeller}, // buyer: answer; time; seller: withdraw
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
