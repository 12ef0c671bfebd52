package wire

import "time"

// Bill is a customer bill.
type Bill struct {
	ID               string           `json:"id"`
	Href             string           `json:"href,omitempty"`
	BillNo           string           `json:"billNo"`
	Date             time.Time        `json:"billDate,omitzero"`
	Cycle            string           `json:"billCycle"`
	Period           TimePeriod       `json:"billingPeriod"`
	Account          Ref              `json:"billingAccount"`
	FinancialAccount FinancialAccount `json:"financialAccount"`
	Category         string           `json:"category"` // normal, duplicate, trial
	RunType          string           `json:"runType"`  // onCycle, offCycle
	Due              time.Time        `json:"paymentDueDate,omitzero"`
	Updated          time.Time        `json:"lastUpdate,omitzero"`
	AmountDue        Money            `json:"amountDue"`
	Remaining        Money            `json:"remainingAmount"`
	Untaxed          Money            `json:"taxExcludedAmount"`
	Taxed            Money            `json:"taxIncludedAmount"`
	Fees             Money            `json:"fees"`
	Discounts        Money            `json:"discounts"`
	Credits          Money            `json:"credits"`
	Taxes            []TaxItem        `json:"taxItem"`
	Payments         []AppliedPayment `json:"appliedPayment"`
	Document         Attachment       `json:"billDocument"`
	Items            []Ref            `json:"customerBillItem"`
	Contacts         []Contact        `json:"relatedContactInformation"`
	State            string           `json:"state"`                        // generated, paymentDue, settled
	Proof            Value            `json:"smartBilateralProof,omitzero"` // of a Lateral seller; plain partners ignore it
}

// FinancialAccount is the account behind one or more billing accounts.
type FinancialAccount struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
	Type string `json:"type,omitempty"`
}

// TaxItem is one tax of a bill.
type TaxItem struct {
	Category string  `json:"taxCategory,omitempty"`
	Rate     Decimal `json:"taxRate,omitempty"` // percent
	Amount   Money   `json:"taxAmount"`
}

// Attachment is a document by its address.
type Attachment struct {
	URL string `json:"url,omitempty"`
}

// AppliedPayment is a part of a payment that counts for a bill.
type AppliedPayment struct {
	Amount  Money   `json:"appliedAmount"`
	Payment Payment `json:"payment"`
}

// Payment is what was paid.
type Payment struct {
	ID     string    `json:"id"`
	Amount Money     `json:"amount"`
	Method string    `json:"paymentMethod,omitempty"` // check, wireTransfer, electronic, cash, other
	Date   time.Time `json:"paymentDate,omitzero"`
}

// BillItem is one line of a bill.
type BillItem struct {
	ID          string        `json:"id"`
	Href        string        `json:"href,omitempty"`
	Type        string        `json:"customerBillItemType"` // recurring, nonRecurring, usageBased
	Description string        `json:"description"`
	Period      TimePeriod    `json:"periodCoverage"`
	Product     Ref           `json:"product"`
	OrderItem   OrderItemRef  `json:"productOrderItem"`
	ProductName string        `json:"productName"`
	Untaxed     Money         `json:"taxExcludedAmount"`
	Taxes       []BillItemTax `json:"appliedTax"`
	Fees        []BillItemFee `json:"appliedFee"`
	Unit        string        `json:"unit"`
	Quantity    Decimal       `json:"unitQuantity"`
	Rate        Money         `json:"unitRate"`
	State       string        `json:"state"`
	Bilateral   *BillTalk     `json:"smartBilateral,omitempty"` // what was said of it beside the standard
}

// BillItemTax is one tax of a line.
type BillItemTax struct {
	Category    string  `json:"category,omitempty"` // country, state, county, city, other
	Description string  `json:"description,omitempty"`
	Rate        Decimal `json:"rate,omitempty"` // percent
	Amount      Money   `json:"amount"`
}

// BillItemFee is one fee of a line.
type BillItemFee struct {
	Category    string  `json:"category,omitempty"` // recurring, nonRecurring, other
	Description string  `json:"description,omitempty"`
	Rate        Decimal `json:"rate,omitempty"`
	Amount      Money   `json:"amount"`
}

// BillTalk is what buyer and seller have said of a bill or a line of it, for
// which the standard has no place.
type BillTalk struct {
	Bill       string          `json:"customerBillId,omitempty"` // of a line
	Accepted   time.Time       `json:"accepted,omitzero"`
	Dispute    *BillDispute    `json:"dispute,omitempty"`
	Resolution *BillResolution `json:"resolution,omitempty"`
}

// BillDispute is a buyer's objection to a line.
type BillDispute struct {
	Opened time.Time `json:"opened,omitzero"`
	Reason string    `json:"reason"`
	// Claimed is what the line should be without tax; nil: nothing at all.
	Claimed *Money `json:"claimedAmount,omitempty"`
}

// BillResolution is what the seller says to a dispute, and whether the buyer
// agrees where it has to.
type BillResolution struct {
	State  string    `json:"state"` // withDrawn, credit, paymentDue
	Date   time.Time `json:"date,omitzero"`
	Reason string    `json:"reason,omitempty"`
	Amount *Money    `json:"creditAmount,omitempty"` // of a credit, with tax
	Agreed *bool     `json:"agreed,omitempty"`       // nil: the buyer has not said
}

// BillAnswer is what a buyer says of a bill or a line.
type BillAnswer struct {
	Reason  string `json:"reason,omitempty"`
	Claimed *Money `json:"claimedAmount,omitempty"` // of a dispute
	Accept  bool   `json:"accept,omitempty"`        // of a resolution
	// Of a payment. Amount, where it is given, must be what is open.
	Amount    *Money    `json:"amount,omitempty"`
	Reference string    `json:"reference,omitempty"`
	Method    string    `json:"paymentMethod,omitempty"`
	Date      time.Time `json:"paymentDate,omitzero"`
}

// States of bills and their items.
const (
	BillGenerated  = "generated"
	BillPaymentDue = "paymentDue"
	BillSettled    = "settled"
	BillDisputed   = "disputeBeingInvestigated"
	BillCredit     = "credit"
	// BillWithdrawn has the files' spelling; the guides write withdrawn.
	BillWithdrawn = "withDrawn"
)
