package sonata

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/store/resource"
)

// Orderer takes orders and says what becomes of them.
type Orderer interface {
	// AcceptOrder says whether an order may be taken. Nothing is stored yet and
	// perhaps never will be, so it only checks; items that are ordered from a quote
	// bear what was quoted. A refusal is the answer to the buyer's request.
	AcceptOrder(context.Context, Party, wire.Order) error
	// OrderProgress says how far an order is that stands: how each of its items is
	// now. It is asked soon after the order came, at Again, and when the server is
	// woken (Server.WakeOrder); while its state is pendingCancellation it says when
	// the items are cancelled. Asked twice it does nothing twice. A refusal rejects
	// an order that has not begun and fails one that has; not-yet leaves it.
	OrderProgress(context.Context, Party, wire.Order) (OrderProgress, error)
	// CancelOrder says whether an order may be cancelled. A refusal is the reason
	// why not.
	CancelOrder(context.Context, Party, wire.Order, wire.CancelOrder) (Consent, error)
	// Reschedule says whether an item may be delivered at another time, or with
	// haste. A refusal leaves everything as it was.
	Reschedule(context.Context, Party, wire.Order, wire.Reschedule) (Consent, error)
	// AnswerCharge says whether the buyer's answer to a charge of an order may stand,
	// before it is noted; without answers, whether its time is over. A refusal is the
	// answer to the buyer; not-yet lets the charge wait on.
	AnswerCharge(context.Context, Party, wire.Order, wire.Charge, []wire.ChargeItemAnswer) error
	// ChargeAnswered tells what the buyer has said to a charge, or that it has said
	// nothing in time. It may come more than once.
	ChargeAnswered(context.Context, Party, wire.Charge) error
}

// OrderProgress is how far an order is.
type OrderProgress struct {
	Items []ItemProgress // in the order of its items
	// Charges are what the buyer is asked for before the work goes on. Each is
	// asked once, by its Key.
	Charges []ChargeRequest
	// Answered are charges that the buyer has answered elsewhere.
	Answered []ChargeAnswered
	Again    time.Time // when to ask again; zero: after a while, until the order ends
}

// ChargeAnswered is a charge, by its Key, with the buyer's answer.
type ChargeAnswered struct {
	Key      string
	Accepted bool
}

// ItemProgress is how far an item is. What is empty stays as it is.
type ItemProgress struct {
	State      string // inProgress, completed, failed, cancelled, or rejected; "": as it is
	Reason     string // why it failed
	Expected   time.Time
	Milestones []wire.Milestone // reached so far
	Terms      []wire.Term      // at most one
	Errors     []wire.TerminationError
	Prices     []wire.QuotePrice // of the product; nil: those of the quote
	// Specification is that of the product, for the inventory.
	Specification *wire.Ref
	// Product is the id that a product has in the inventory once it is being made;
	// "": one of the server's.
	Product string
}

// ChargeRequest asks the buyer for a charge.
type ChargeRequest struct {
	Key   string            // within the order: one that was raised is not raised again
	Item  string            // the order's item
	Items []wire.ChargeItem // ids may be empty
	Until time.Time         // by when the buyer must have answered; zero: in three days
}

// Consent is the answer to a wish: with charges it depends on the buyer.
type Consent struct {
	Charges []wire.ChargeItem
	Until   time.Time // by when the buyer must have answered; zero: in three days
	Key     string    // of the charge of another date, within the order: it may be answered elsewhere; "": only here
}

const (
	orderItems = "productOrderItem"
	orderPath  = "/productOrder/"
	// orderContact is the role of whom the seller asks about an order.
	orderContact       = "productOrderContact"
	orderSellerContact = "sellerContact"
)

// orderItemContacts are the roles that an item of an order names.
var orderItemContacts = []string{"buyerProductOrderItemContact", "buyerImplementationContact", "buyerTechnicalContact"}

// orderKind is a product order. Its external id stands for it for ever.
var orderKind = &kind{
	name: "productOrder", path: orderPath, function: wire.Ordering, state: "state",
	summary: func(v wire.Value) wire.Value {
		return pick(v, "id", "state", "orderDate", "completionDate", "cancellationDate", "externalId", "projectId")
	},
	attributes: func(v wire.Value) []resource.Attribute {
		all := attributesOf(v, []string{"externalId", "projectId"}, []string{"orderDate", "completionDate", "cancellationDate"})
		for _, item := range v.Get(orderItems).Items {
			for name, of := range map[string]string{"itemRequestedCompletionDate": "requestedCompletionDate", "itemExpectedCompletionDate": "expectedCompletionDate"} {
				if t, err := time.Parse(time.RFC3339Nano, item.Get(of).Text()); err == nil {
					all = append(all, resource.Attribute{Name: name, Value: resource.Date(t)})
				}
			}
		}
		return all
	},
}

var orderStates = []string{wire.Acknowledged, wire.AssessingCancellation, wire.Cancelled, wire.Completed, wire.Failed, wire.AssessingCharge, wire.InProgress, wire.Partial,
	wire.AssessingModification, wire.PendingCancellation, wire.Rejected}

// route gives the states on the shortest way from one to another, that one
// included; nil when none leads there.
func route(m moves, from, to string) []string {
	type way struct {
		at    string
		steps []string
	}
	seen := map[string]bool{from: true}
	for open := []way{{at: from}}; len(open) > 0; open = open[1:] {
		for _, next := range m[open[0].at] {
			steps := append(slices.Clone(open[0].steps), next)
			if next == to {
				return steps
			}
			if !seen[next] {
				seen[next] = true
				open = append(open, way{next, steps})
			}
		}
	}
	return nil
}

func orderShape(r wire.Release) *shape {
	qualification := object(req("id", text), req("productOfferingQualificationId", text), opt("alternateProductOfferingProposalId", text), opt("productOfferingQualificationHref", text))
	product, requested := req("product", productShape(r)), req("requestedCompletionDate", date)
	if r == wire.Grace {
		product, requested = opt("product", productShape(r)), opt("requestedCompletionDate", date)
	}
	coordinated := object(req("coordinatedActionDelay", durationShape(r)), req("coordinationDependency", oneOf("startToStart", "startToFinish", "finishToStart", "finishToFinish")), req("itemId", text))
	item := object(req("id", text), req("action", oneOf(wire.Add, wire.Modify, wire.Delete)), product, requested, opt("agreementName", text), opt("billingAccount", object(req("id", text))),
		opt("coordinatedAction", list(coordinated, 0)), opt("endCustomerName", text), opt("expediteIndicator", boolean), opt("note", list(noteShape, 0)),
		opt("productOfferingQualificationItem", qualification), opt("productOrderItemRelationship", list(itemRelationship, 0)),
		opt("quoteItem", object(req("id", text), req("quoteId", text), opt("quoteHref", text))), opt("relatedBuyerPON", text), opt("relatedContactInformation", contactsShape(r, 0)),
		opt("requestedItemTerm", termShape(r)), opt("tspRestorationPriority", text))
	return object(opt("externalId", text), opt("projectId", text), opt("note", list(noteShape, 0)), req("relatedContactInformation", contactsShape(r, 1)), req(orderItems, list(item, 1)))
}

func orderUpdateShape(r wire.Release) *shape {
	item := object(req("id", text), opt("endCustomerName", text), opt("note", list(noteShape, 0)), opt("relatedBuyerPON", text), opt("relatedContactInformation", contactsShape(r, 0)))
	return object(opt("externalId", text), opt("projectId", text), opt("note", list(noteShape, 0)), opt("relatedContactInformation", contactsShape(r, 1)), opt(orderItems, list(item, 0)))
}

func (s *Server) orderOperations(r wire.Release) []operation {
	s.work[orderKind.name], s.work[cancelKind.name], s.work[rescheduleKind.name], s.work[chargeKind.name] = s.workOrder, s.workCancel, s.workReschedule, s.workCharge
	params := append([]param{choice("state", "state", orderStates...), equal("externalId"), equal("projectId")}, paged...)
	for _, name := range []string{"orderDate", "completionDate", "itemRequestedCompletionDate", "itemExpectedCompletionDate", "cancellationDate"} {
		params = append(params, between(name)...)
	}
	lists, tasks, dates := listErrors, plus(listErrors, 501), []int{400, 401, 403, 500, 501}
	patches, posts, removes := plus(getErrors, 409, 422, 501), plus(createErrors, 501), plus(getErrors, 422, 501)
	if r == wire.Grace {
		lists, tasks = []int{400, 401, 403, 500}, dates
		patches, posts, removes = plus(getErrors, 409, 501), dates, plus(getErrors, 501)
	}
	makes, one := plus(createErrors, 501), plus(getErrors, 501)
	taskStates := choice("state", "state", wire.Acknowledged, wire.Done, wire.TaskDeclined, wire.TaskCharge, wire.Rejected)
	cancels := append([]param{equal("productOrderId"), taskStates, choice("cancellationReasonType", "cancellationReasonType", "technical", "commercial")}, paged...)
	charges := slices.Concat([]param{equal("productOrderId"), equal("productOrderItemId")}, paged, between("creationDate"), between("responseDueDate"))
	reschedules := slices.Concat([]param{equal("productOrderId"), taskStates, {name: "expediteIndicator", form: aBool, filter: "expediteIndicator"}}, paged, between("requestedCompletionDate"), between("creationDate"))
	listOf := func(k *kind) func(*call) (*reply, error) {
		return func(c *call) (*reply, error) { return c.list(k) }
	}
	byID := func(k *kind) func(*call) (*reply, error) {
		return func(c *call) (*reply, error) { return c.retrieve(k) }
	}
	const reschedule = "/modifyProductOrderItemRequestedDeliveryDate"
	return append([]operation{
		{id: "listProductOrder", method: http.MethodGet, path: "/productOrder", params: params, errors: lists, do: listOf(orderKind)},
		{id: "createProductOrder", method: http.MethodPost, path: "/productOrder", body: orderShape(r), status: http.StatusCreated, errors: createErrors, do: (*call).order},
		{id: "retrieveProductOrder", method: http.MethodGet, path: orderPath + "{id}", errors: getErrors, do: byID(orderKind)},
		{id: "patchProductOrder", method: http.MethodPatch, path: orderPath + "{id}", body: orderUpdateShape(r), errors: patches, do: (*call).patchOrder},
		{id: "listCancelProductOrder", method: http.MethodGet, path: "/cancelProductOrder", params: cancels, errors: tasks, do: listOf(cancelKind)},
		{id: "createCancelProductOrder", method: http.MethodPost, path: "/cancelProductOrder", body: cancelShape(r), status: http.StatusCreated, errors: makes, do: (*call).cancelOrder},
		{id: "retrieveCancelProductOrder", method: http.MethodGet, path: cancelPath + "{id}", errors: one, do: byID(cancelKind)},
		{id: "listCharge", method: http.MethodGet, path: "/charge", params: charges, errors: tasks, do: listOf(chargeKind)},
		{id: "retrieveCharge", method: http.MethodGet, path: chargePath + "{id}", errors: one, do: byID(chargeKind)},
		{id: "patchCharge", method: http.MethodPatch, path: chargePath + "{id}", body: chargeAnswerShape, errors: patches, do: (*call).answerCharge},
		{id: "listModifyProductOrderItemRequestedDeliveryDate", method: http.MethodGet, path: reschedule, params: reschedules, errors: dates, do: listOf(rescheduleKind)},
		{id: "createModifyProductOrderItemRequestedDeliveryDate", method: http.MethodPost, path: reschedule, body: rescheduleShape, status: http.StatusCreated, errors: makes, do: (*call).reschedule},
		{id: "retrieveModifyProductOrderItemRequestedDeliveryDate", method: http.MethodGet, path: reschedulePath + "{id}", errors: one, do: byID(rescheduleKind)},
	}, s.hub(true, posts, removes)...)
}

func readOrder(r wire.Release, body wire.Value) (o wire.Order, err error) {
	if r == wire.Grace {
		body = wire.FromGraceOrder(body)
	}
	if err := body.Decode(&o); err != nil {
		return o, fault.New(CodeBadBody, "the body cannot be read", "send it as the published file says").Because(err)
	}
	return o, nil
}

func (c *call) order() (*reply, error) {
	o, err := readOrder(c.release, c.body)
	if err != nil {
		return nil, err
	}
	if err := c.checkOrder(o); err != nil {
		return nil, err
	}
	return c.create(orderKind, func(id string) (*made, error) {
		scope := c.scope(orderKind.name)
		if err := c.checkReferences(scope, &o); err != nil {
			return nil, err
		}
		body, now := c.body, c.s.now()
		o.ID, o.Date = id, now
		if err := c.s.seller.Orders.AcceptOrder(c.ctx, c.party(), o); err != nil {
			return nil, err
		}
		body.Set("id", id)
		if h := c.s.href(c.release, wire.Ordering, orderPath+id); h != "" {
			body.Set("href", h)
		}
		body.Set("orderDate", wire.Time(now))
		c.s.addContactAs(&body, orderSellerContact)
		items := body.Open(orderItems).Elements()
		for i := range items {
			setState(&items[i], "state", "stateChange", wire.Acknowledged, now, "")
		}
		setState(&body, "state", "stateChange", wire.Acknowledged, now, "")
		return &made{body: body, due: now, also: func(tx *resource.Tx) error { return c.s.bind(tx, scope, o) }}, nil
	})
}

// addContactAs adds whom a partner can ask here, in a role.
func (s *Server) addContactAs(body *wire.Value, role string) {
	if s.options.Contact.Name == "" {
		return
	}
	c := s.options.Contact
	c.Role, c.Address = role, nil // the release may have another form for it
	contacts := body.Get("relatedContactInformation")
	contacts.Append(c)
	body.Set("relatedContactInformation", contacts)
}

// bind makes an order's quotes accepted and its products wait for it, in the
// transaction that stores the order.
func (s *Server) bind(tx *resource.Tx, scope resource.Scope, o wire.Order) error {
	quotes := map[string]bool{}
	for i, item := range o.Items {
		p := orderItems + "." + strconv.Itoa(i)
		if q := item.QuoteItem; q != nil && !quotes[q.QuoteID] {
			quotes[q.QuoteID] = true
			if err := s.acceptQuote(tx, scope, q.QuoteID, o.ID); err != nil {
				return fault.Of(err).In(p + ".quoteItem.quoteId")
			}
		}
		if item.Action == wire.Add {
			continue
		}
		if err := s.claimProduct(tx, scope, item); err != nil {
			return fault.Of(err).In(p + ".product.id")
		}
	}
	return nil
}

// checkOrder checks what the standard asks beyond the form.
func (c *call) checkOrder(o wire.Order) error {
	faults := many{}
	faults.add(unexpected(c.body, "id", "href", "state", "stateChange", "orderDate", "completionDate", "cancellationDate", "cancellationReason", "cancellationCharge"))
	faults.add(needContact(c.body, orderContact))
	faults.add(buyersNotes(o.Notes, "note"))
	ids := map[string]bool{}
	itemID := func(x wire.OrderItem) string { return x.ID }
	for i, item := range o.Items {
		p := orderItems + "." + strconv.Itoa(i)
		raw := c.body.Get(orderItems).Items[i]
		miss := func(name, why string) {
			faults.add(fault.New(CodeMissingProperty, why, "send it").In(p + "." + name))
		}
		faults.add(unexpectedIn(raw, p, "state", "stateChange", "expectedCompletionDate", "completionDate", "expediteAcceptedIndicator", "itemTerm", "milestone", "charge", "terminationError"))
		faults.add(newID(ids, item.ID, p))
		if !raw.Has("product") {
			miss("product", "an item has no product")
		} else {
			faults.add(checkProduct(item.Action, item.Product, p, false))
		}
		if item.Requested.IsZero() {
			miss("requestedCompletionDate", "an item does not say by when it is wanted")
		}
		if item.Action == wire.Add && item.BillingAccount == nil {
			miss("billingAccount", "a product that is to be added has no account to be billed to")
		}
		if item.Action != wire.Delete && item.RequestedTerm == nil {
			miss("requestedItemTerm", "an item has no term")
		}
		if t := item.RequestedTerm; t != nil && t.End == wire.EndOfTermRoll && t.Roll == nil {
			miss("requestedItemTerm.rollInterval", "a term that rolls has no interval by which it does")
		}
		for _, role := range orderItemContacts {
			if err := needContact(raw, role); err != nil {
				faults.add(fault.Of(err).In(p))
			}
		}
		faults.add(buyersNotes(item.Notes, p+".note"))
		for j, r := range item.Relationship {
			faults.add(knownItem(o.Items, itemID, r.ID, p+".productOrderItemRelationship."+strconv.Itoa(j)))
		}
		for j, a := range item.Coordinated {
			if err := knownItem(o.Items, itemID, a.ItemID, ""); err != nil {
				faults.add(fault.Of(err).In(p + ".coordinatedAction." + strconv.Itoa(j) + ".itemId"))
			}
		}
	}
	return faults.err()
}

// buyersNotes refuses notes that are not the buyer's.
func buyersNotes(notes []wire.Note, path string) error {
	for i, n := range notes {
		if n.Source != "buyer" {
			return fault.New(fault.Invalid, "a note of the request is not the buyer's", "write buyer").In(path + "." + strconv.Itoa(i) + ".source")
		}
	}
	return nil
}

// checkReferences looks up what an order names, and gives its items what was
// quoted for them.
func (c *call) checkReferences(scope resource.Scope, o *wire.Order) error {
	faults := many{}
	get := func(s resource.Scope, id string) (*resource.Record, error) { return c.s.store.Get(c.ctx, s, id) }
	used := map[string]bool{}
	for i := range o.Items {
		item := &o.Items[i]
		p := orderItems + "." + strconv.Itoa(i)
		if item.QuoteItem != nil {
			q, err := c.s.quotedItem(get, scope, *item)
			if err != nil {
				faults.add(at(pointer(p+".quoteItem"), err))
			}
			item.Quoted = q
		}
		if item.Action == wire.Add {
			continue
		}
		if used[item.Product.ID] {
			faults.add(fault.New(fault.Invalid, "two items are of the same product", "order one after the other").In(p + ".product.id"))
		}
		used[item.Product.ID] = true
		if _, err := c.s.freeProduct(get, scope, *item); err != nil {
			faults.add(fault.Of(err).In(p + ".product.id"))
		}
	}
	return faults.err()
}

// getter reads a record, in a change or beside one.
type getter func(resource.Scope, string) (*resource.Record, error)

// quotedItem gives the item of a quote that an item orders. Codes:
// reference-unknown, refused when it cannot be ordered, invalid when it is of
// something else.
func (s *Server) quotedItem(get getter, scope resource.Scope, item wire.OrderItem) (*wire.QuoteItem, error) {
	r, err := get(of(scope, quoteKind), item.QuoteItem.QuoteID)
	if fault.CodeOf(err) == fault.NotFound {
		return nil, fault.Newf(CodeReferenceUnknown, "look the id up in the list", "there is no quote %.64q", item.QuoteItem.QuoteID).In("quoteId")
	} else if err != nil {
		return nil, err
	}
	body, err := wire.Parse(r.Body)
	if err != nil {
		return nil, err
	}
	switch end := endOf(body); {
	case r.State != wire.Orderable && r.State != wire.OrderableAlternate && r.State != wire.Accepted:
		return nil, fault.Newf(fault.Refused, "ask for a firm quote", "a quote that is %s cannot be ordered", r.State).In("quoteId")
	case !end.IsZero() && !s.now().Before(end):
		return nil, fault.New(fault.Refused, "ask for another", "the quote has expired").In("quoteId")
	}
	return findQuoted(releaseOf(scope), body, item)
}

// findQuoted finds the item in a quote, and compares it with what is ordered.
func findQuoted(r wire.Release, body wire.Value, item wire.OrderItem) (*wire.QuoteItem, error) {
	q, err := readQuote(r, body)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(q.Items, func(x wire.QuoteItem) bool { return x.ID == item.QuoteItem.ID })
	if i < 0 {
		return nil, fault.Newf(CodeReferenceUnknown, "name an item of the quote", "the quote has no item %.64q", item.QuoteItem.ID).In("id")
	}
	x := &q.Items[i]
	offered := func(p wire.Product) string {
		if p.Offering == nil {
			return ""
		}
		return p.Offering.ID
	}
	if x.Action != item.Action || x.Product.ID != item.Product.ID || item.Action == wire.Add && offered(x.Product) != offered(item.Product) {
		return nil, fault.New(fault.Invalid, "the item of the quote is of another product or action than that of the order", "order what was quoted").In("id")
	}
	return x, nil
}

// patchOrder changes what the buyer may change of an order that has not ended.
func (c *call) patchOrder() (*reply, error) {
	var u wire.OrderUpdate
	if err := c.body.Decode(&u); err != nil {
		return nil, fault.New(CodeBadBody, "the body cannot be read", "send it as the published file says").Because(err)
	}
	faults := many{}
	faults.add(buyersNotes(u.Notes, "note"))
	for i, item := range u.Items {
		faults.add(buyersNotes(item.Notes, orderItems+"."+strconv.Itoa(i)+".note"))
	}
	if err := onlyMembers(c.body, "", "externalId", "projectId", "note", "relatedContactInformation", orderItems); err != nil {
		faults.add(err)
	}
	for i, item := range c.body.Get(orderItems).Items {
		faults.add(onlyMembers(item, orderItems+"."+strconv.Itoa(i)+".", "id", "endCustomerName", "note", "relatedBuyerPON", "relatedContactInformation"))
	}
	if err := faults.err(); err != nil {
		return nil, err
	}
	r, err := c.s.update(c.ctx, orderKind, c.scope(orderKind.name), c.id, func(r *resource.Record, body wire.Value) (*change, error) {
		if len(orderMoves[r.State]) == 0 {
			return nil, fault.Newf(fault.Conflict, "make a new order", "the order is %s and changes no more", r.State)
		}
		merge(&body, c.body, "externalId", "projectId", "relatedContactInformation")
		appendNotes(&body, c.body)
		items := body.Open(orderItems).Elements()
		for i, x := range c.body.Get(orderItems).Items {
			j := slices.IndexFunc(items, func(v wire.Value) bool { return v.Get("id").Text() == x.Get("id").Text() })
			if j < 0 {
				return nil, fault.Newf(CodeReferenceUnknown, "name an item of the order", "the order has no item %.64q", x.Get("id").Text()).In(orderItems + "." + strconv.Itoa(i) + ".id")
			}
			if len(itemMoves[items[j].Get("state").Text()]) == 0 {
				return nil, fault.Newf(fault.Conflict, "leave it out", "the item %.64q has ended and changes no more", x.Get("id").Text())
			}
			merge(&items[j], x, "endCustomerName", "relatedBuyerPON", "relatedContactInformation")
			appendNotes(&items[j], x)
		}
		return &change{body: body, due: r.Due}, nil
	})
	if err != nil {
		return nil, err
	}
	return &reply{body: r.Body}, nil
}

// onlyMembers refuses members that cannot be changed.
func onlyMembers(v wire.Value, path string, names ...string) error {
	for _, m := range v.Members {
		if !slices.Contains(names, m.Name) {
			return fault.Newf(CodeUnexpectedProperty, "leave it out", "%.64q cannot be changed", m.Name).In(path + m.Name)
		}
	}
	return nil
}

// merge takes members over from a request.
func merge(into *wire.Value, from wire.Value, names ...string) {
	for _, name := range names {
		if m := from.Get(name); !m.IsZero() {
			into.Set(name, m)
		}
	}
}

// appendNotes adds the notes of a request that are not there yet. Notes are never
// changed.
func appendNotes(into *wire.Value, from wire.Value) {
	notes := into.Get("note")
	for _, n := range from.Get("note").Items {
		if !slices.ContainsFunc(notes.Items, func(v wire.Value) bool {
			return v.Get("id").Text() == n.Get("id").Text() && v.Get("source").Text() == n.Get("source").Text()
		}) {
			notes.Append(n)
		}
	}
	if len(notes.Items) > 0 {
		into.Set("note", notes)
	}
}
