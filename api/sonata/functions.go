package sonata

import "github.com/lateral-network/lateral/api/sonata/wire"

// functions lists what this server offers: the functions for which there is
// somebody to ask.
func (s *Server) functions() (all []functionOf) {
	add := func(offered bool, f wire.Function, ops func(wire.Release) []operation) {
		if offered {
			all = append(all, functionOf{function: f, operations: ops})
		}
	}
	add(s.seller.Addresses != nil, wire.Address, s.addressOperations)
	add(s.seller.Sites != nil, wire.Site, s.siteOperations)
	add(s.seller.Catalog != nil, wire.Catalog, s.catalogOperations)
	add(s.seller.Discovery != nil, wire.Discovery, s.discoveryOperations)
	add(s.seller.Qualifier != nil, wire.Qualification, s.qualificationOperations)
	add(s.seller.Quoter != nil, wire.Quoting, s.quoteOperations)
	add(s.seller.Orders != nil, wire.Ordering, s.orderOperations)
	add(s.seller.Orders != nil, wire.Inventory, s.inventoryOperations)
	add(s.seller.Troubles != nil, wire.TroubleTicket, s.troubleOperations)
	add(s.seller.Bills != nil, wire.Billing, s.billingOperations)
	if s.seller.Bills != nil {
		all = append(all, functionOf{function: wire.Billing, operations: s.ownOperations, base: OwnBase})
	}
	return all
}
