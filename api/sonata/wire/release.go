// Package wire has what travels over LSO Sonata: releases and their addresses,
// the types of the messages, exact money, and JSON that keeps the bytes it was
// read from. The types are written by hand after the published files, in the
// form of release kylie; grace.go gives them the form of release grace.
package wire

import "fmt"

// Release is a set of versions of the API files that belong together.
type Release string

// The releases that are spoken.
const (
	Kylie Release = "kylie" // February 2026
	Grace Release = "grace" // December 2023
)

// Releases lists all of them, newest first.
var Releases = []Release{Kylie, Grace}

// Function is one business function: one management API of the seller and, for
// most, one notification API of the buyer. Its name is that of the file's path.
type Function string

// The functions.
const (
	Address       Function = "geographicAddressManagement"
	Site          Function = "geographicSiteManagement"
	Catalog       Function = "productCatalog"
	Discovery     Function = "productOfferingAvailabilityAndPricingDiscovery"
	Qualification Function = "productOfferingQualification"
	Quoting       Function = "quoteManagement"
	Ordering      Function = "productOrderingManagement"
	Inventory     Function = "productInventory"
	Billing       Function = "customerBillManagement"
	TroubleTicket Function = "troubleTicket"
)

// notifications are the buyer's side of a function; one without is not here.
var notifications = map[Function]string{
	Address:       "geographicAddressNotification",
	Catalog:       "productCatalogNotifications",
	Qualification: "productOfferingQualificationNotification",
	Quoting:       "quoteNotification",
	Ordering:      "productOrderingNotification",
	Billing:       "customerBillNotification",
	TroubleTicket: "troubleTicketNotification",
}

// versions are the major versions in the paths.
var versions = map[Release]map[Function]int{
	Kylie: {Address: 8, Site: 8, Catalog: 4, Discovery: 4, Qualification: 8, Quoting: 10, Ordering: 11, Inventory: 8, Billing: 3, TroubleTicket: 5},
	Grace: {Address: 7, Site: 7, Catalog: 2, Discovery: 2, Qualification: 7, Quoting: 8, Ordering: 10, Inventory: 7, Billing: 2, TroubleTicket: 4},
}

// Functions lists what there is, in the order of a trade.
var Functions = []Function{Address, Site, Catalog, Discovery, Qualification, Quoting, Ordering, Inventory, TroubleTicket, Billing}

// Valid says whether the release is spoken.
func (r Release) Valid() bool { return versions[r] != nil }

// Base is the path under which a seller serves a function.
func (r Release) Base(f Function) string {
	return fmt.Sprintf("/mefApi/sonata/%s/v%d", f, versions[r][f])
}

// ListenerBase is the path under which a buyer takes notifications of a
// function, "" when it has none in this release.
func (r Release) ListenerBase(f Function) string {
	if notifications[f] == "" || r == Grace && f == Address {
		return ""
	}
	return fmt.Sprintf("/mefApi/sonata/%s/v%d/listener", notifications[f], versions[r][f])
}

// ContentType is that of every body.
const ContentType = "application/json;charset=utf-8"
