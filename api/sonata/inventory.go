package sonata

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/store/resource"
)

// The inventory follows from the orders: an item that adds makes a product, one
// that changes or ends leads it through its statuses. What a buyer has had before
// comes in by PutProduct.

const productPath = "/product/"

var productKind = &kind{
	name: "product", path: productPath, function: wire.Inventory, state: "status", moves: productMoves,
	summary: func(v wire.Value) wire.Value {
		return pick(v, "id", "href", "status", "startDate", "lastUpdateDate", "externalId", "productOffering", "productSpecification", "billingAccount", "productOrderItem", "place", "relatedSite", "productRelationship")
	},
	attributes: func(v wire.Value) []resource.Attribute {
		all := attributesOf(v, []string{"externalId"}, []string{"startDate", "lastUpdateDate"})
		add := func(name string, of wire.Value) {
			if t := of.Text(); t != "" {
				all = append(all, resource.Attribute{Name: name, Value: t})
			}
		}
		add("productSpecificationId", v.Get("productSpecification").Get("id"))
		add("productOfferingId", v.Get("productOffering").Get("id"))
		add("billingAccountId", v.Get("billingAccount").Get("id"))
		for _, r := range v.Get("productRelationship").Items {
			add("relatedProductId", r.Get("id"))
		}
		for _, r := range v.Get("productOrderItem").Items {
			add("productOrderId", r.Get("productOrderId"))
		}
		for _, r := range v.Get("relatedSite").Items {
			add("geographicSiteId", r.Get("id"))
		}
		for _, r := range v.Get("place").Items {
			switch p := r.Get("place"); p.Get("@type").Text() {
			case wire.TypeAddressRef:
				add("geographicAddressId", p.Get("id"))
			case wire.TypeSiteRef:
				add("geographicSiteId", p.Get("id"))
			}
		}
		return all
	},
}

var productStatuses = []string{wire.ProductActive, wire.ProductPendingChange, wire.Cancelled, wire.ProductPendingActive, wire.ProductPendingTerminate, wire.ProductSuspended, wire.ProductSuspendedTerminate, wire.ProductTerminated}

func (s *Server) inventoryOperations(r wire.Release) []operation {
	params := append([]param{choice("status", "state", productStatuses...), equal("productSpecificationId"), equal("productOfferingId"), equal("externalId"), equal("relatedProductId"),
		equal("billingAccountId"), equal("productOrderId")}, paged...)
	one := []param{}
	if r == wire.Grace {
		params = append(params, param{name: "geographicalSiteId", filter: "geographicSiteId"})
		one = append(one, param{name: "fields"})
	} else {
		params = append(params, equal("geographicAddressId"), equal("geographicSiteId"))
	}
	params = slices.Concat(params, between("startDate"), between("lastUpdateDate"))
	return []operation{
		{id: "listProduct", method: http.MethodGet, path: "/product", params: params, errors: listErrors, do: func(c *call) (*reply, error) { return c.list(productKind) }},
		{id: "retrieveProduct", method: http.MethodGet, path: productPath + "{id}", params: one, errors: getErrors, do: (*call).product},
	}
}

// product answers one product; in grace perhaps only the members that are asked
// for, and those that the file requires.
func (c *call) product() (*reply, error) {
	out, err := c.retrieve(productKind)
	fields := c.query.Get("fields")
	if err != nil || fields == "" {
		return out, err
	}
	v, err := wire.Parse(out.body)
	if err != nil {
		return nil, err
	}
	return answered(pick(v, append([]string{"id", "startDate", "status"}, strings.Split(fields, ",")...)...)), nil
}

// details are what the seller says of an item's product.
type details struct {
	id            string // of a new one; "": any
	specification *wire.Ref
	prices        wire.Value
}

// describe keeps what the seller says of an item's product until it changes.
func (o *orderChange) describe(release wire.Release, item string, d details, prices []wire.QuotePrice) error {
	if len(prices) > 0 {
		d.prices = wire.ValueOf(prices)
		if release == wire.Grace {
			list := d.prices.Elements()
			for i := range list {
				if err := wire.ToGracePrice(&list[i]); err != nil {
					return err
				}
			}
		}
	}
	if o.of == nil {
		o.of = map[string]details{}
	}
	o.of[item] = d
	return nil
}

// product takes the product of an item where the item's new state leads it.
func (o *orderChange) product(item *wire.Value, state string) {
	id := item.Get("product").Get("id").Text()
	ended := state == wire.Failed || state == wire.Cancelled || strings.HasPrefix(state, wire.Rejected)
	scope := of(o.scope, productKind)
	to := func(status string, change func(*wire.Value)) {
		o.also = append(o.also, func(tx *resource.Tx) error { return o.s.moveProduct(tx, scope, id, status, change) })
	}
	raw, body := *item, o.body
	switch action := item.Get("action").Text(); {
	case action == wire.Add && state == wire.InProgress && id == "":
		if id = o.of[item.Get("id").Text()].id; id == "" {
			id = o.s.options.ID()
		}
		item.Open("product").Set("id", id)
		raw = *item
		o.also = append(o.also, func(tx *resource.Tx) error {
			return o.s.newProduct(tx, scope, id, body, raw, o.of[raw.Get("id").Text()])
		})
	case action == wire.Add && state == wire.Completed:
		to(wire.ProductActive, func(v *wire.Value) {
			v.Set("startDate", wire.Time(o.s.now()))
			o.refine(v, raw)
		})
	case action == wire.Add && ended && id != "":
		to(wire.Cancelled, nil)
	case action == wire.Modify && state == wire.Completed:
		to(wire.ProductActive, func(v *wire.Value) {
			merge(v, raw.Get("product"), "productConfiguration", "productRelationship")
			o.refine(v, raw)
			o.refer(v, raw)
		})
	case action == wire.Modify && ended:
		to(wire.ProductActive, nil)
	case action == wire.Delete && state == wire.Completed:
		to(wire.ProductTerminated, func(v *wire.Value) {
			v.Set("terminationDate", wire.Time(o.s.now()))
			o.refer(v, raw)
		})
	case action == wire.Delete && ended:
		to("", nil)
	}
}

// refine puts the term and the prices of an item into its product.
func (o *orderChange) refine(v *wire.Value, item wire.Value) {
	if t := termsOf(item); !t.IsZero() {
		v.Set("productTerm", t)
	}
	d := o.of[item.Get("id").Text()]
	if !d.prices.IsZero() {
		v.Set("productPrice", d.prices)
	}
	if d.specification != nil {
		v.Set("productSpecification", d.specification)
	}
}

func termsOf(item wire.Value) wire.Value {
	if t := item.Get("itemTerm"); !t.IsZero() {
		return t
	}
	var list wire.Value
	if t := item.Get("requestedItemTerm"); !t.IsZero() {
		list.Append(t)
	}
	return list
}

// refer adds the item to those that have made the product what it is.
func (o *orderChange) refer(v *wire.Value, item wire.Value) {
	refs := v.Get("productOrderItem")
	refs.Append(wire.OrderItemRef{OrderID: o.id, ItemID: item.Get("id").Text(), Href: o.s.href(releaseOf(o.scope), wire.Ordering, orderPath+o.id)})
	v.Set("productOrderItem", refs)
}

// newProduct stores the product that an item adds.
func (s *Server) newProduct(tx *resource.Tx, scope resource.Scope, id string, order, item wire.Value, d details) error {
	release, now := releaseOf(scope), wire.Time(s.now())
	v := wire.Value{Kind: wire.Object}
	v.Set("id", id)
	if h := s.href(release, wire.Inventory, productPath+id); h != "" {
		v.Set("href", h)
	}
	start := item.Get("expectedCompletionDate").Text()
	if start == "" {
		start = now
	}
	v.Set("startDate", start)
	v.Set("lastUpdateDate", now)
	merge(&v, order, "externalId")
	product := item.Get("product")
	merge(&v, product, "productOffering", "productConfiguration", "productRelationship")
	if release == wire.Grace {
		var sites wire.Value
		for _, p := range product.Get("place").Items {
			if p.Get("@type").Text() == wire.TypeSiteRef {
				sites.Append(pick(p, "id", "role"))
			}
		}
		if len(sites.Items) > 0 {
			v.Set("relatedSite", sites)
		}
	} else {
		merge(&v, product, "place")
		merge(&v, item, "agreementName")
	}
	merge(&v, item, "billingAccount", "relatedContactInformation")
	oc := s.changeOrder(of(scope, orderKind), order)
	oc.of = map[string]details{item.Get("id").Text(): d}
	oc.refer(&v, item)
	oc.refine(&v, item)
	setState(&v, "status", "statusChange", wire.ProductPendingActive, s.now(), "")
	r, err := tx.Get(scope, id)
	if err == nil { // it was put here before its order came
		productKind.fill(r, v)
		return tx.Put(r)
	} else if fault.CodeOf(err) != fault.NotFound {
		return err
	}
	r = &resource.Record{Scope: scope, ID: id}
	productKind.fill(r, v)
	return tx.Insert(r)
}

// moveProduct gives a product a status; "" is the one that it had before it waited
// for an order.
func (s *Server) moveProduct(tx *resource.Tx, scope resource.Scope, id, status string, more func(*wire.Value)) error {
	_, err := edit(tx, productKind, scope, id, func(r *resource.Record, body wire.Value) (*change, error) {
		status := status
		if status == "" {
			status = wire.ProductActive
			if r.State == wire.ProductSuspendedTerminate {
				status = wire.ProductSuspended
			}
		}
		if r.State == status {
			return nil, nil
		}
		if !slices.Contains(productMoves[r.State], status) {
			return nil, fault.Newf(fault.Refused, "look at the product first", "a product that is %s cannot become %s", r.State, status)
		}
		setState(&body, "status", "statusChange", status, s.now(), "")
		body.Set("lastUpdateDate", wire.Time(s.now()))
		if more != nil {
			more(&body)
		}
		return &change{body: body}, nil
	})
	return err
}

// freeProduct gives a product that an item may change or end. Codes:
// reference-unknown, refused when it waits for another order or has ended.
func (s *Server) freeProduct(get getter, scope resource.Scope, item wire.OrderItem) (next string, _ error) {
	r, err := get(of(scope, productKind), item.Product.ID)
	if fault.CodeOf(err) == fault.NotFound {
		return "", fault.Newf(CodeReferenceUnknown, "look the id up in the inventory", "there is no product %.64q", item.Product.ID)
	} else if err != nil {
		return "", err
	}
	switch {
	case item.Action == wire.Modify && r.State == wire.ProductActive:
		return wire.ProductPendingChange, nil
	case item.Action == wire.Delete && r.State == wire.ProductActive:
		return wire.ProductPendingTerminate, nil
	case item.Action == wire.Delete && r.State == wire.ProductSuspended:
		return wire.ProductSuspendedTerminate, nil
	}
	return "", fault.Newf(fault.Refused, "wait for the order that is running, or look at the product", "the product is %s", r.State)
}

// claimProduct makes a product wait for an order.
func (s *Server) claimProduct(tx *resource.Tx, scope resource.Scope, item wire.OrderItem) error {
	next, err := s.freeProduct(tx.Get, scope, item)
	if err != nil {
		return err
	}
	return s.moveProduct(tx, of(scope, productKind), item.Product.ID, next, nil)
}

// PutProduct stores a product that a buyer has without an order here, in place of
// the one of its id. Codes: not-found when no partner acts for the buyer, invalid.
func (s *Server) PutProduct(ctx context.Context, buyer, seller string, p wire.InventoryProduct) error {
	scope, err := s.scopeFor(productKind, buyer, seller)
	if err != nil {
		return err
	}
	if p.ID == "" || !slices.Contains(productStatuses, p.Status) || p.Start.IsZero() {
		return fault.New(fault.Invalid, "a product of the inventory has no id, no start, or no status of the standard", "give all three")
	}
	if len(p.StatusChange) == 0 {
		p.StatusChange = []wire.StatusChange{{Status: p.Status, Date: s.now()}}
	}
	p.Updated, p.Href = s.now(), s.href(releaseOf(scope), wire.Inventory, productPath+p.ID)
	v := wire.ValueOf(p)
	if releaseOf(scope) == wire.Grace {
		if v, err = wire.ToGraceProduct(v); err != nil {
			return err
		}
	}
	return s.store.Update(ctx, func(tx *resource.Tx) error {
		r, err := tx.Get(scope, p.ID)
		if fault.CodeOf(err) == fault.NotFound {
			r = &resource.Record{Scope: scope, ID: p.ID}
			productKind.fill(r, v)
			return tx.Insert(r)
		} else if err != nil {
			return err
		}
		productKind.fill(r, v)
		return tx.Put(r)
	})
}

// ProductStatus gives the status of a product in a buyer's inventory. Code:
// not-found.
func (s *Server) ProductStatus(ctx context.Context, buyer, seller, id string) (string, error) {
	scope, err := s.scopeFor(productKind, buyer, seller)
	if err != nil {
		return "", err
	}
	r, err := s.store.Get(ctx, scope, id)
	if err != nil {
		return "", err
	}
	return r.State, nil
}

// SetProductStatus gives a product a status that no order leads to, such as
// suspended, or ends one whose term is over. Codes: not-found, refused.
func (s *Server) SetProductStatus(ctx context.Context, buyer, seller, id, status string) error {
	scope, err := s.scopeFor(productKind, buyer, seller)
	if err != nil {
		return err
	}
	return s.store.Update(ctx, func(tx *resource.Tx) error {
		if status == wire.ProductTerminated {
			next := map[string]string{wire.ProductActive: wire.ProductPendingTerminate, wire.ProductSuspended: wire.ProductSuspendedTerminate}
			if r, err := tx.Get(scope, id); err == nil && next[r.State] != "" {
				if err := s.moveProduct(tx, scope, id, next[r.State], nil); err != nil {
					return err
				}
			}
		}
		return s.moveProduct(tx, scope, id, status, func(v *wire.Value) {
			if status == wire.ProductTerminated {
				v.Set("terminationDate", wire.Time(s.now()))
			}
		})
	})
}
