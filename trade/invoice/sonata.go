package invoice

import (
	"slices"

	"github.com/lateral-network/lateral/trade/money"
)

func sortedCurrencies(all []money.Currency) []money.Currency {
	slices.Sort(all)
	return all
}

// BillState is where a bill stands, in the words of Sonata's CustomerBill.
type BillState string

// The states of a bill.
const (
	BillGenerated  BillState = "generated"
	BillPaymentDue BillState = "paymentDue"
	BillSettled    BillState = "settled"
)

// ItemState is where an item of a bill stands, in the words of Sonata's
// CustomerBillItem, spelled as its schema does.
type ItemState string

// The states of an item.
const (
	ItemGenerated  ItemState = "generated"
	ItemDisputed   ItemState = "disputeBeingInvestigated"
	ItemWithdrawn  ItemState = "withDrawn" // the seller gives it up
	ItemCredit     ItemState = "credit"    // the seller takes less
	ItemPaymentDue ItemState = "paymentDue"
	ItemSettled    ItemState = "settled"
)

// Sonata gives an invoice's state in the words of Sonata: a bill is due while an
// item of it is disputed, and settled only when nothing is left.
func (i *Invoice) Sonata() BillState {
	switch i.State {
	case Issued:
		return BillGenerated
	case Settled, Rejected:
		return BillSettled
	}
	return BillPaymentDue
}

// Sonata gives an item's state in the words of Sonata. decided is what a dispute
// of it has come to; nil: it is open, or was never disputed.
func (m *Item) Sonata(i *Invoice, disputed bool, decided *money.Micro) ItemState {
	switch {
	case disputed && decided == nil:
		return ItemDisputed
	case disputed && *decided == 0:
		return ItemWithdrawn
	case disputed && *decided != m.Charge.Amount.Micro:
		return ItemCredit
	case i.State == Settled || i.Paid:
		return ItemSettled
	case i.State == Issued:
		return ItemGenerated
	}
	return ItemPaymentDue
}
