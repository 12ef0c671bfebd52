package order

import "github.com/lateral-network/lateral/trade/party"

// Step is what a member can do about an order, in the words of the API.
type Step string

// The steps.
const (
	StepAccept     Step = "accept" // what waits: the order, its charge, other date, cancellation or test record
	StepReject     Step = "reject" // what waits
	StepDeliver    Step = "deliver"
	StepCharge     Step = "charge"
	StepFail       Step = "fail"
	StepReschedule Step = "reschedule"
	StepCancel     Step = "cancel"
	StepSuspend    Step = "suspend"
	StepResume     Step = "resume"
	StepTerminate  Step = "terminate"
)

// Bounds of what may be asked for under one order about a product.
const (
	MaxWishes  = 16 // other dates, or haste
	MaxCharges = 16 // that the seller asks for
)

// Allowed gives the steps that a member may take about a standing order as it
// stands. Whether one is taken also rests on what is not in the order: the
// agreement, credit, another order that stands.
func (o *Order) Allowed(who party.Code) []Step {
	out := []Step{}
	for _, x := range []struct {
		step  Step
		event Event
		by    party.Code // "": either
	}{
		{StepAccept, Accept, o.Seller}, {StepReject, Reject, o.Seller}, {StepSuspend, Suspend, ""}, {StepResume, Resume, ""}, {StepTerminate, Terminate, ""},
	} {
		if _, can := o.State.Next(x.event); can && (x.by == who || x.by == "" && (who == o.Buyer || who == o.Seller)) {
			out = append(out, x.step)
		}
	}
	return out
}

// Allowed gives the steps that a member may take about an order for a product as it
// stands. Deadlines, credit and the moment of a delivery are not in it.
func (it *Item) Allowed(who party.Code) []Step {
	ends, tested := it.Request.Action == Delete, it.Delivery != nil
	mayAsk := !tested && it.Wish == nil && len(it.Wishes) < MaxWishes
	out := []Step{}
	for _, x := range []struct {
		step  Step
		event ItemEvent
		by    party.Code
		when  bool
	}{
		{StepAccept, ItemAccept, it.Seller, true},
		{StepAccept, ItemDeliver, it.Buyer, tested},
		{StepAccept, ItemAgree, it.Buyer, true},
		{StepAccept, ItemMove, it.Seller, true},
		{StepAccept, ItemRelease, it.Seller, true},
		// A product ends with its notice: the seller cannot refuse that.
		{StepReject, ItemReject, it.Seller, it.State == ItemAcknowledged && !ends},
		{StepReject, ItemObject, it.Buyer, tested},
		{StepReject, ItemDecline, it.Buyer, true},
		{StepReject, ItemKeep, it.Seller, it.State != ItemHeld},
		{StepDeliver, ItemDeliver, it.Seller, !tested},
		{StepCharge, ItemCharge, it.Seller, !tested && len(it.Charges) < MaxCharges},
		{StepFail, ItemFail, it.Seller, !ends},
		{StepReschedule, ItemReschedule, it.Buyer, mayAsk},
		{StepCancel, ItemWithdraw, it.Buyer, !tested},
	} {
		if _, can := it.State.Next(x.event); can && x.by == who && x.when {
			out = append(out, x.step)
		}
	}
	return out
}
