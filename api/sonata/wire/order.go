package wire

import "time"

// Order asks for products to be added, changed and ended.
type Order struct {
	ID             string        `json:"id,omitempty"`
	Href           string        `json:"href,omitempty"`
	ExternalID     string        `json:"externalId,omitempty"`
	ProjectID      string        `json:"projectId,omitempty"`
	Contacts       []Contact     `json:"relatedContactInformation"`
	Notes          []Note        `json:"note,omitempty"`
	Items          []OrderItem   `json:"productOrderItem,omitempty"`
	Date           time.Time     `json:"orderDate,omitzero"`
	Completed      time.Time     `json:"completionDate,omitzero"`
	CancelledAt    time.Time     `json:"cancellationDate,omitzero"`
	CancelReason   string        `json:"cancellationReason,omitempty"`
	CancelCharges  []Ref         `json:"cancellationCharge,omitempty"`
	State          string        `json:"state,omitempty"`
	StateChange    []StateChange `json:"stateChange,omitempty"`
	SmartBilateral Value         `json:"smartBilateralProof,omitzero"` // proofs of a Lateral seller; plain partners ignore it
}

// OrderItem is one product that is ordered.
type OrderItem struct {
	ID               string             `json:"id"`
	Action           string             `json:"action"` // add, modify, delete
	Product          Product            `json:"product"`
	QuoteItem        *QuoteItemRef      `json:"quoteItem,omitempty"`
	Qualification    Value              `json:"productOfferingQualificationItem,omitzero"`
	BillingAccount   *Ref               `json:"billingAccount,omitempty"`
	Requested        time.Time          `json:"requestedCompletionDate,omitzero"`
	RequestedTerm    *Term              `json:"requestedItemTerm,omitempty"`
	Expedite         bool               `json:"expediteIndicator,omitempty"`
	Agreement        string             `json:"agreementName,omitempty"`
	EndCustomer      string             `json:"endCustomerName,omitempty"`
	BuyerPON         string             `json:"relatedBuyerPON,omitempty"`
	Restoration      string             `json:"tspRestorationPriority,omitempty"`
	Coordinated      []Coordinated      `json:"coordinatedAction,omitempty"`
	Relationship     []ItemRelationship `json:"productOrderItemRelationship,omitempty"`
	Contacts         []Contact          `json:"relatedContactInformation,omitempty"`
	Notes            []Note             `json:"note,omitempty"`
	Expected         time.Time          `json:"expectedCompletionDate,omitzero"`
	Completed        time.Time          `json:"completionDate,omitzero"`
	ExpediteAccepted bool               `json:"expediteAcceptedIndicator,omitempty"`
	Terms            []Term             `json:"itemTerm,omitempty"` // at most one
	Milestones       []Milestone        `json:"milestone,omitempty"`
	Charges          []Ref              `json:"charge,omitempty"`
	Errors           []TerminationError `json:"terminationError,omitempty"`
	State            string             `json:"state,omitempty"`
	StateChange      []StateChange      `json:"stateChange,omitempty"`

	// Quoted is the item of the quote that is ordered; nil: it is ordered from the
	// rate schedule. For the seller only.
	Quoted *QuoteItem `json:"-"`
}

// QuoteItemRef names an item of a quote.
type QuoteItemRef struct {
	ID      string `json:"id"`
	QuoteID string `json:"quoteId"`
	Href    string `json:"quoteHref,omitempty"`
}

// Coordinated is a wish that an item begins or ends with another.
type Coordinated struct {
	Delay      Duration `json:"coordinatedActionDelay"`
	Dependency string   `json:"coordinationDependency"` // startToStart and so on
	ItemID     string   `json:"itemId"`
}

// Milestone is a point on the way of an item, as the product names them.
type Milestone struct {
	Name string    `json:"name"`
	Date time.Time `json:"date"`
	Note string    `json:"note,omitempty"`
}

// OrderRef names an order.
type OrderRef struct {
	ID   string `json:"productOrderId"`
	Href string `json:"productOrderHref,omitempty"`
}

// OrderItemRef names an item of an order.
type OrderItemRef struct {
	OrderID string `json:"productOrderId"`
	ItemID  string `json:"productOrderItemId"`
	Href    string `json:"productOrderHref,omitempty"`
}

// CancelOrder asks to cancel an order.
type CancelOrder struct {
	ID         string    `json:"id,omitempty"`
	Href       string    `json:"href,omitempty"`
	Order      OrderRef  `json:"productOrder"`
	Reason     string    `json:"cancellationReason,omitempty"`
	ReasonType string    `json:"cancellationReasonType,omitempty"` // technical, commercial
	Contacts   []Contact `json:"relatedContactInformation"`
	Denied     string    `json:"cancellationDeniedReason,omitempty"`
	Charge     *Ref      `json:"charge,omitempty"`
	State      string    `json:"state,omitempty"`
}

// Reschedule asks for another date of an item, or for haste.
type Reschedule struct {
	ID        string       `json:"id,omitempty"`
	Href      string       `json:"href,omitempty"`
	Item      OrderItemRef `json:"productOrderItem"`
	Requested time.Time    `json:"requestedCompletionDate,omitzero"`
	Expedite  bool         `json:"expediteIndicator,omitempty"`
	Created   time.Time    `json:"creationDate,omitzero"`
	State     string       `json:"state,omitempty"`
}

// Charge is what the seller wants to charge beside what was ordered, and the
// buyer's answer.
type Charge struct {
	ID         string        `json:"id,omitempty"`
	Href       string        `json:"href,omitempty"`
	Items      []ChargeItem  `json:"chargeItem"`
	Created    time.Time     `json:"creationDate,omitzero"`
	Due        time.Time     `json:"responseDueDate,omitzero"`
	Order      *OrderRef     `json:"productOrder,omitempty"`
	Item       *OrderItemRef `json:"productOrderItem,omitempty"`
	Cancel     *Ref          `json:"cancelProductOrder,omitempty"`
	Reschedule *Ref          `json:"modifyProductOrderItemRequestedDeliveryDate,omitempty"`
	State      string        `json:"state,omitempty"`
}

// ChargeItem is one part of a charge.
type ChargeItem struct {
	ID       string    `json:"id"`
	Activity string    `json:"activityType"` // new, change
	Blocking bool      `json:"blocking"`     // without it the work does not go on
	Category string    `json:"priceCategory"`
	Type     string    `json:"priceType"`
	Price    Price     `json:"price"`
	Period   *Duration `json:"recurringChargePeriod,omitempty"`
	Unit     string    `json:"unitOfMeasure,omitempty"`
	Notes    []Note    `json:"note,omitempty"`
	Accepted string    `json:"acceptanceIndicator,omitempty"` // accepted, rejected
	State    string    `json:"state,omitempty"`
}

// ChargeAnswer is the buyer's answer to items of a charge.
type ChargeAnswer struct {
	Items []ChargeItemAnswer `json:"chargeItem"`
}

// ChargeItemAnswer is the answer to one item.
type ChargeItemAnswer struct {
	ID       string `json:"id"`
	Accepted string `json:"acceptanceIndicator"` // accepted, rejected
	Notes    []Note `json:"note,omitempty"`
}

// OrderUpdate changes what may be changed of an order.
type OrderUpdate struct {
	ExternalID string            `json:"externalId,omitempty"`
	ProjectID  string            `json:"projectId,omitempty"`
	Notes      []Note            `json:"note,omitempty"`
	Contacts   []Contact         `json:"relatedContactInformation,omitempty"`
	Items      []OrderItemUpdate `json:"productOrderItem,omitempty"`
}

// OrderItemUpdate changes what may be changed of an item.
type OrderItemUpdate struct {
	ID          string    `json:"id"`
	EndCustomer string    `json:"endCustomerName,omitempty"`
	BuyerPON    string    `json:"relatedBuyerPON,omitempty"`
	Notes       []Note    `json:"note,omitempty"`
	Contacts    []Contact `json:"relatedContactInformation,omitempty"`
}

// States of orders and their items, beside those of quotes.
const (
	AssessingCancellation = "assessingCancellation"
	AssessingCharge       = "held.assessingCharge"
	AssessingModification = "pending.assessingModification"
	PendingCancellation   = "pendingCancellation"
	Completed             = "completed"
	Failed                = "failed"
	Partial               = "partial"
	Held                  = "held"
	Pending               = "pending"
	RejectedValidated     = "rejected.validated"
	RejectedUnassessed    = "rejected.unassessed"
)

// States of cancellations and changes of a date, beside acknowledged, rejected
// and done.
const (
	TaskCharge   = "inProgress.assessingCharge"
	TaskDeclined = "done.declined"
)

// States of charges and their items.
const (
	AwaitingResponse  = "awaitingResponse"
	Timeout           = "timeout"
	WithdrawnBySeller = "withdrawnBySeller"
	AcceptedByBuyer   = "acceptedByBuyer"
	DeclinedByBuyer   = "declinedByBuyer"
)

// Answers to a charge item.
const (
	ChargeAccepted = "accepted"
	ChargeRefused  = "rejected"
)

// InventoryProduct is a product that a buyer has.
type InventoryProduct struct {
	ID             string         `json:"id"`
	Href           string         `json:"href,omitempty"`
	ExternalID     string         `json:"externalId,omitempty"`
	Agreement      string         `json:"agreementName,omitempty"` // not in grace
	Start          time.Time      `json:"startDate"`
	Updated        time.Time      `json:"lastUpdateDate,omitzero"`
	Terminated     time.Time      `json:"terminationDate,omitzero"`
	Offering       *Ref           `json:"productOffering,omitempty"`
	Specification  *Ref           `json:"productSpecification,omitempty"`
	Configuration  Value          `json:"productConfiguration,omitzero"`
	Relationship   []Relationship `json:"productRelationship,omitempty"`
	Place          []RelatedPlace `json:"place,omitempty"` // in grace sites only
	BillingAccount *Ref           `json:"billingAccount,omitempty"`
	Contacts       []Contact      `json:"relatedContactInformation,omitempty"`
	OrderItems     []OrderItemRef `json:"productOrderItem,omitempty"`
	Terms          []Term         `json:"productTerm,omitempty"`
	Prices         []QuotePrice   `json:"productPrice,omitempty"`
	Status         string         `json:"status"`
	StatusChange   []StatusChange `json:"statusChange,omitempty"`
}

// StatusChange is one step of a history of status.
type StatusChange struct {
	Status string    `json:"status"`
	Date   time.Time `json:"changeDate"`
	Reason string    `json:"changeReason,omitempty"`
}

// Statuses of products, beside cancelled.
const (
	ProductPendingActive      = "pendingActive"
	ProductActive             = "active"
	ProductPendingChange      = "active.pendingChange"
	ProductSuspended          = "suspended"
	ProductPendingTerminate   = "pendingTerminate"
	ProductSuspendedTerminate = "suspendedPendingTerminate"
	ProductTerminated         = "terminated"
)

// FromGraceOrder reads an order of grace in the form of kylie.
func FromGraceOrder(v Value) Value {
	list := v.Open("productOrderItem").Elements()
	for i := range list {
		item := &list[i]
		fromGracePlaces(item.Open("product"))
		if t := item.Open("requestedItemTerm"); t != nil {
			fromGraceTerm(t)
		}
		terms := item.Open("itemTerm").Elements()
		for j := range terms {
			fromGraceTerm(&terms[j])
		}
		actions := item.Open("coordinatedAction").Elements()
		for j := range actions {
			eachDuration(&actions[j], "coordinatedActionDelay", FromGraceDuration)
		}
	}
	return v
}

// ToGraceContacts leaves out the postal addresses of contacts: grace has a form
// of its own for them, with members that ours need not have.
func ToGraceContacts(v *Value) {
	list := v.Open("relatedContactInformation").Elements()
	for i := range list {
		list[i].Drop("postalAddress")
	}
}

// ToGraceOrder writes an order of ours in the form of grace, or a change of one.
func ToGraceOrder(v Value) (Value, error) {
	ToGraceContacts(&v)
	list := v.Open("productOrderItem").Elements()
	for i := range list {
		item := &list[i]
		ToGraceContacts(item)
		if err := toGracePlaces(item.Open("product")); err != nil {
			return v, err
		}
		if t := item.Open("requestedItemTerm"); t != nil {
			ToGraceTerm(t)
		}
		actions := item.Open("coordinatedAction").Elements()
		for j := range actions {
			eachDuration(&actions[j], "coordinatedActionDelay", toGraceInterval)
		}
	}
	return v, nil
}

// ToGraceTerm writes a term in the form of grace.
func ToGraceTerm(t *Value) {
	eachDuration(t, "duration", toGraceInterval)
	eachDuration(t, "rollInterval", toGraceInterval)
}

// FromGraceCharge reads a charge of grace in the form of kylie.
func FromGraceCharge(v Value) Value {
	list := v.Open("chargeItem").Elements()
	for i := range list {
		fromGracePrice(&list[i])
	}
	return v
}

// FromGraceProduct reads a product of grace in the form of kylie: a site of it
// is a place.
func FromGraceProduct(v Value) Value {
	for _, site := range v.Get("relatedSite").Items {
		places := v.Get("place")
		places.Append(RelatedPlace{Place: Place{Type: TypeSiteRef, ID: site.Get("id").Text(), Href: site.Get("href").Text()}, Role: site.Get("role").Text()})
		v.Set("place", places)
	}
	v.Drop("relatedSite")
	terms := v.Open("productTerm").Elements()
	for i := range terms {
		fromGraceTerm(&terms[i])
	}
	prices := v.Open("productPrice").Elements()
	for i := range prices {
		fromGracePrice(&prices[i])
	}
	return v
}

// ToGraceProduct writes a product in the form of grace, which knows the sites of
// it and no other places, and no agreement.
func ToGraceProduct(v Value) (Value, error) {
	for _, p := range v.Get("place").Items {
		if place := p.Get("place"); place.Get("@type").Text() == TypeSiteRef {
			site := Value{Kind: Object}
			site.Set("id", place.Get("id"))
			site.Set("role", p.Get("role"))
			sites := v.Get("relatedSite")
			sites.Append(site)
			v.Set("relatedSite", sites)
		}
	}
	v.Drop("place", "agreementName")
	ToGraceContacts(&v)
	terms := v.Open("productTerm").Elements()
	for i := range terms {
		ToGraceTerm(&terms[i])
	}
	prices := v.Open("productPrice").Elements()
	for i := range prices {
		if err := ToGracePrice(&prices[i]); err != nil {
			return v, err
		}
	}
	return v, nil
}
