package wire

import "slices"

// eventTypes are the notifications of a function in kylie, by the last part of
// the listener's path. What grace has otherwise is in graceEvents.
var eventTypes = map[Function][]string{
	Address: {"geographicAddressValidationStateChangeEvent"},
	Catalog: {"categoryCreateEvent", "categoryAttributeValueChangeEvent",
		"productOfferingCreateEvent", "productOfferingAttributeValueChangeEvent", "productOfferingStateChangeEvent",
		"productSpecificationCreateEvent", "productSpecificationAttributeValueChangeEvent", "productSpecificationStateChangeEvent"},
	Qualification: {"poqStateChangeEvent", "poqItemStateChangeEvent"},
	Quoting:       {"quoteStateChangeEvent", "quoteItemStateChangeEvent"},
	Ordering: {"productOrderStateChangeEvent", "productOrderItemStateChangeEvent", "productOrderItemExpectedCompletionDateSetEvent",
		"productSpecificProductOrderItemMilestoneEvent", "cancelProductOrderStateChangeEvent", "chargeCreateEvent", "chargeStateChangeEvent",
		"chargeTimeoutEvent", "modifyProductOrderItemRequestedDeliveryDateStateChangeEvent"},
	Billing: {"customerBillCreateEvent", "customerBillStateChangeEvent"},
	TroubleTicket: {"troubleTicketAttributeValueChangeEvent", "troubleTicketStatusChangeEvent", "troubleTicketResolvedEvent", "troubleTicketInformationRequiredEvent",
		"incidentCreateEvent", "incidentAttributeValueChangeEvent", "incidentStatusChangeEvent"},
}

// graceEvents are the notifications that grace names otherwise, by their name in
// kylie.
var graceEvents = map[string]string{
	"productOfferingStateChangeEvent":                "productOfferingStatusChangeEvent",
	"productSpecificationStateChangeEvent":           "productSpecificationStatusChangeEvent",
	"productOrderItemExpectedCompletionDateSetEvent": "productOrderItemExpectedCompletionDateSet",
}

// eventNames are the values of eventType where the files want another than the
// path's: their enumerations repeat those of categories, or say state where the
// path says status.
var eventNames = map[Release]map[string]string{
	Kylie: {
		"categoryCreateEvent":                  "productCategoryCreateEvent",
		"categoryAttributeValueChangeEvent":    "productCategoryAttributeValueChangeEvent",
		"productOfferingCreateEvent":           "productCategoryCreateEvent",
		"productOfferingStateChangeEvent":      "productCategoryStateChangeEvent",
		"productSpecificationCreateEvent":      "productCategoryCreateEvent",
		"productSpecificationStateChangeEvent": "productCategoryStateChangeEvent",
	},
	Grace: {
		"productOfferingStatusChangeEvent":      "productOfferingStateChangeEvent",
		"productSpecificationStatusChangeEvent": "productSpecificationStateChangeEvent",
	},
}

// EventTypes lists the notifications of a function, by the last part of the
// listener's path.
func EventTypes(r Release, f Function) []string {
	if r.ListenerBase(f) == "" {
		return nil
	}
	types := slices.Clone(eventTypes[f])
	for i := range types {
		types[i] = EventPath(r, types[i])
	}
	return types
}

// EventPath gives the last part of the listener's path in a release, for an
// event by its name in kylie.
func EventPath(r Release, event string) string {
	if other := graceEvents[event]; r == Grace && other != "" {
		return other
	}
	return event
}

// EventName gives the eventType that the release's file has for a path.
func EventName(r Release, path string) string {
	if other := eventNames[r][path]; other != "" {
		return other
	}
	return path
}
