package product

import (
	"slices"
	"testing"
)

func TestASideOfAProductMayDoWhatTheTableHas(t *testing.T) {
	for _, x := range []struct {
		product       Instance
		buyer, seller []Step
	}{
		{Instance{State: PendingActive, Order: "O"}, []Step{}, []Step{}},
		{Instance{State: Active}, []Step{StepChange, StepEnd}, []Step{StepSuspend}},
		{Instance{State: Active, EndedBy: "B"}, []Step{StepEnd}, []Step{StepSuspend}},
		{Instance{State: Suspended}, []Step{StepEnd}, []Step{StepResume}},
		{Instance{State: PendingChange, Order: "O"}, []Step{}, []Step{}},
		{Instance{State: Terminated}, []Step{}, []Step{}},
	} {
		p := x.product
		p.Buyer, p.Seller = "B", "S"
		if got := p.Allowed("B"); !slices.Equal(got, x.buyer) {
			t.Errorf("%s, buyer: %v, not %v", p.State, got, x.buyer)
		}
		if got := p.Allowed("S"); !slices.Equal(got, x.seller) {
			t.Errorf("%s, seller: %v, not %v", p.State, got, x.seller)
		}
	}
}
