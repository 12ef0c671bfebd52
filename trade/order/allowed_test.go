package order

import (
	"slices"
	"testing"

	"github.com/lateral-network/lateral/trade/party"
)

func TestASideOfAStandingOrderMayDoWhatTheTableHas(t *testing.T) {
	for _, x := range []struct {
		state State
		who   party.Code
		want  []Step
	}{
		{Acknowledged, "B", []Step{StepTerminate}},
		{Acknowledged, "S", []Step{StepAccept, StepReject, StepTerminate}},
		{InProgress, "B", []Step{StepSuspend, StepTerminate}},
		{Suspended, "S", []Step{StepResume, StepTerminate}},
		{Completed, "S", []Step{}},
		{InProgress, "OTHER", []Step{}},
	} {
		o := Order{Buyer: "B", Seller: "S", State: x.state}
		if got := o.Allowed(x.who); !slices.Equal(got, x.want) {
			t.Errorf("%s, %s: %v, not %v", x.state, x.who, got, x.want)
		}
	}
}

func TestASideOfAnOrderAboutAProductMayDoWhatWaitsForIt(t *testing.T) {
	tested, ends, wished := &Delivery{}, Request{Action: Delete}, make([]Wish, MaxWishes)
	for _, x := range []struct {
		item          Item
		buyer, seller []Step
	}{
		{Item{State: ItemAcknowledged}, []Step{StepCancel}, []Step{StepAccept, StepReject}},
		{Item{State: ItemAcknowledged, Request: ends}, []Step{StepCancel}, []Step{StepAccept}},
		{Item{State: ItemInProgress}, []Step{StepReschedule, StepCancel}, []Step{StepDeliver, StepCharge, StepFail}},
		{Item{State: ItemInProgress, Request: ends}, []Step{StepReschedule, StepCancel}, []Step{StepDeliver, StepCharge}},
		{Item{State: ItemInProgress, Wishes: wished}, []Step{StepCancel}, []Step{StepDeliver, StepCharge, StepFail}},
		{Item{State: ItemInProgress, Delivery: tested}, []Step{StepAccept, StepReject}, []Step{StepFail}},
		{Item{State: ItemHeld}, []Step{StepAccept, StepReject}, []Step{}},
		{Item{State: ItemModifying, Wish: &Wish{}}, []Step{StepCancel}, []Step{StepAccept, StepReject, StepCharge}},
		{Item{State: ItemCancelling}, []Step{}, []Step{StepAccept, StepReject}},
		{Item{State: ItemCompleted}, []Step{}, []Step{}},
	} {
		it := x.item
		it.Buyer, it.Seller = "B", "S"
		if got := it.Allowed("B"); !slices.Equal(got, x.buyer) {
			t.Errorf("%s, buyer: %v, not %v", it.State, got, x.buyer)
		}
		if got := it.Allowed("S"); !slices.Equal(got, x.seller) {
			t.Errorf("%s, seller: %v, not %v", it.State, got, x.seller)
		}
	}
}
