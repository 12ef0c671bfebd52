package sonata

import (
	"net/http"

	"github.com/lateral-network/lateral/api/sonata/wire"
)

// Seller is what only the carrier knows: its places, products, prices and what
// becomes of orders. Each business function is an interface of its own; a nil
// one is not offered at all. Methods are called from many goroutines.
//
// A method's error is shown to the partner by its code (fault.go); its field is
// the path in the request, such as "productOrderItem.0.product.id".
type Seller struct {
	Addresses Addresses
	Sites     Sites
	Catalog   Catalog
	Discovery Discovery
	Qualifier Qualifier
	Quoter    Quoter
	// Orders also offers the inventory, which follows from orders.
	Orders   Orderer
	Bills    Biller
	Troubles Troubles
}

// Party is who asks.
type Party struct {
	Buyer   string
	Seller  string
	Release wire.Release
	Header  http.Header // of the request; nil when it is looked at later
}
