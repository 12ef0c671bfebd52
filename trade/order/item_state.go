package order

// ItemState is where an order about a product stands, spelled as in Sonata. Such
// an order has one item, so the states of both are one, and none is partial.
type ItemState string

// The states of an order about a product. Who acts next stands beside each.
const (
	ItemAcknowledged ItemState = "acknowledged"          // seller: accept or reject
	ItemInProgress   ItemState = "inProgress"            // seller: deliver. Buyer, once there is a test record: accept or reject it
	ItemHeld         ItemState = "held.assessingCharge"  // buyer: accept or reject the charge
	ItemModifying    ItemState = "assessingModification" // seller: accept the other date or haste, ask for a charge, or reject it
	ItemCancelling   ItemState = "assessingCancellation" // seller: accept the cancellation or reject it
	ItemCompleted    ItemState = "completed"             // nobody: it is delivered
	ItemFailed       ItemState = "failed"                // nobody: it was not delivered
	ItemCancelled    ItemState = "cancelled"             // nobody
	ItemRejected     ItemState = "rejected"              // nobody
)

// ItemEvent is what moves an order about a product.
type ItemEvent string

// The events of an order about a product.
const (
	ItemAccept   ItemEvent = "accept"   // by the seller
	ItemReject   ItemEvent = "reject"   // by the seller, or with the agreement
	ItemLapse    ItemEvent = "lapse"    // the time for the answer, or the reservation, has passed
	ItemTest     ItemEvent = "test"     // by the seller: a test record waits for the buyer's word
	ItemObject   ItemEvent = "object"   // by the buyer, to the test record
	ItemDeliver  ItemEvent = "deliver"  // by the seller without a test, or the test record is accepted
	ItemFail     ItemEvent = "fail"     // by the seller, or the time for delivery has passed
	ItemCharge   ItemEvent = "charge"   // by the seller: it goes on only for a charge more
	ItemAgree    ItemEvent = "agree"    // by the buyer, to the charge
	ItemDecline  ItemEvent = "decline"  // by the buyer, or it has not answered in time
	ItemWithdraw ItemEvent = "withdraw" // by the buyer: it asks for the cancellation, or cancels
	ItemKeep     ItemEvent = "keep"     // it goes on as it was: by the seller, by the buyer that declines the charge of another date, or not answered in time
	ItemRelease  ItemEvent = "release"  // by the seller, or it has not answered in time: it is cancelled

	ItemReschedule ItemEvent = "reschedule" // by the buyer: it asks for another date, or for haste
	ItemMove       ItemEvent = "move"       // by the seller: it goes on as the buyer has asked
)

// ItemTransitions is every move an order about a product can make; what is not
// here is refused.
var ItemTransitions = map[ItemState]map[ItemEvent]ItemState{
	ItemAcknowledged: {ItemAccept: ItemInProgress, ItemReject: ItemRejected, ItemLapse: ItemRejected, ItemWithdraw: ItemCancelled},
	ItemInProgress: {ItemTest: ItemInProgress, ItemObject: ItemInProgress, ItemDeliver: ItemCompleted, ItemFail: ItemFailed,
		ItemCharge: ItemHeld, ItemWithdraw: ItemCancelling, ItemReject: ItemFailed, ItemReschedule: ItemModifying},
	ItemHeld:       {ItemAgree: ItemInProgress, ItemDecline: ItemFailed, ItemKeep: ItemInProgress, ItemReject: ItemFailed},
	ItemModifying:  {ItemMove: ItemInProgress, ItemKeep: ItemInProgress, ItemCharge: ItemHeld, ItemWithdraw: ItemCancelling, ItemReject: ItemFailed},
	ItemCancelling: {ItemKeep: ItemInProgress, ItemRelease: ItemCancelled, ItemReject: ItemFailed},
}

// Next gives the state after an event, and whether the table allows it.
func (s ItemState) Next(e ItemEvent) (ItemState, bool) {
	n, ok := ItemTransitions[s][e]
	return n, ok
}
