package sonata

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/store/resource"
)

// What a buyer or the seller asks for while an order is being delivered: a
// cancellation, another date, a charge.

const (
	cancelPath     = "/cancelProductOrder/"
	reschedulePath = "/modifyProductOrderItemRequestedDeliveryDate/"
	chargePath     = "/charge/"
	cancelContact  = "cancelProductOrderContact"
	// chargeTime is how long a buyer has for a charge unless the seller says.
	chargeTime = 3 * 24 * time.Hour
)

var (
	cancelKind = &kind{
		name: "cancelProductOrder", path: cancelPath, function: wire.Ordering, state: "state", moves: taskMoves,
		summary: func(v wire.Value) wire.Value {
			s := pick(v, "id", "state", "productOrder", "cancellationReasonType")
			if !s.Has("cancellationReasonType") {
				s.Set("cancellationReasonType", "commercial") // the file asks for one of the two
			}
			return s
		},
		attributes: func(v wire.Value) []resource.Attribute {
			return append(attributesOf(v, []string{"cancellationReasonType"}, nil), resource.Attribute{Name: "productOrderId", Value: v.Get("productOrder").Get("productOrderId").Text()})
		},
	}
	rescheduleKind = &kind{
		name: "modifyProductOrderItemRequestedDeliveryDate", path: reschedulePath, function: wire.Ordering, state: "state", moves: taskMoves,
		attributes: func(v wire.Value) []resource.Attribute {
			return append(attributesOf(v, nil, []string{"requestedCompletionDate", "creationDate"}),
				resource.Attribute{Name: "productOrderId", Value: v.Get("productOrderItem").Get("productOrderId").Text()},
				resource.Attribute{Name: "expediteIndicator", Value: strconv.FormatBool(v.Get("expediteIndicator").True())})
		},
	}
	chargeKind = &kind{
		name: "charge", path: chargePath, function: wire.Ordering, state: "state", moves: chargeMoves,
		summary: func(v wire.Value) wire.Value {
			return pick(v, "id", "state", "creationDate", "responseDueDate", "productOrder", "productOrderItem")
		},
		attributes: func(v wire.Value) []resource.Attribute {
			all := attributesOf(v, nil, []string{"creationDate", "responseDueDate"})
			for _, ref := range []wire.Value{v.Get("productOrder"), v.Get("productOrderItem")} {
				all = append(all, attributesOf(ref, []string{"productOrderId", "productOrderItemId"}, nil)...)
			}
			return all
		},
	}

	orderRefShape     = object(req("productOrderId", text), opt("productOrderHref", text))
	orderItemRefShape = object(req("productOrderId", text), req("productOrderItemId", text), opt("productOrderHref", text))
	rescheduleShape   = object(req("productOrderItem", orderItemRefShape), opt("requestedCompletionDate", date), opt("expediteIndicator", boolean))
	chargeAnswerShape = object(req("chargeItem", list(object(req("id", text), req("acceptanceIndicator", oneOf(wire.ChargeAccepted, wire.ChargeRefused)), opt("note", list(noteShape, 0))), 1)))
)

func cancelShape(r wire.Release) *shape {
	return object(req("productOrder", orderRefShape), opt("cancellationReason", text), opt("cancellationReasonType", oneOf("technical", "commercial")), req("relatedContactInformation", contactsShape(r, 1)))
}

// moveTask gives a cancellation or a change of date a state. They keep no
// history.
func moveTask(body *wire.Value, state string) error {
	if from := body.Get("state").Text(); !slices.Contains(taskMoves[from], state) {
		return fault.Newf(fault.Refused, "look at its state first", "a request that is %s cannot become %s", from, state)
	}
	body.Set("state", state)
	return nil
}

func (s *Server) taskEvent(scope resource.Scope, k *kind, name string, body wire.Value, state string) resource.Event {
	id := body.Get("id").Text()
	return s.event(scope, k.function, name, id, s.href(releaseOf(scope), k.function, k.path+id), state)
}

func (s *Server) cancelEvent(scope resource.Scope, body wire.Value) resource.Event {
	return s.taskEvent(scope, cancelKind, "cancelProductOrderStateChangeEvent", body, body.Get("state").Text())
}

func (s *Server) rescheduleEvent(scope resource.Scope, body wire.Value) resource.Event {
	return s.taskEvent(scope, rescheduleKind, "modifyProductOrderItemRequestedDeliveryDateStateChangeEvent", body, body.Get("state").Text())
}

// editOrder changes an order within a change of the shelf; it is looked at again
// at once.
func (s *Server) editOrder(tx *resource.Tx, scope resource.Scope, id string, do func(*orderChange) error) error {
	_, err := edit(tx, orderKind, of(scope, orderKind), id, func(_ *resource.Record, body wire.Value) (*change, error) {
		oc := s.changeOrder(of(scope, orderKind), body)
		if err := do(oc); err != nil {
			return nil, err
		}
		return oc.done(s.now()), nil
	})
	return err
}

// known says that what a request names is not there, at its path.
func known(err error, path string) error {
	switch fault.CodeOf(err) {
	case fault.NotFound:
		return fault.New(CodeReferenceUnknown, "look the id up in the list", "the request names an order that is not there").In(path)
	case fault.Refused, CodeReferenceUnknown:
		if f := fault.Of(err); f.Field == "" {
			return f.In(path)
		}
	}
	return err
}

func (c *call) cancelOrder() (*reply, error) {
	if err := unexpected(c.body, "id", "href", "state", "cancellationDeniedReason", "charge"); err != nil {
		return nil, err
	}
	if err := needContact(c.body, cancelContact); err != nil {
		return nil, err
	}
	scope := c.scope(cancelKind.name)
	return c.create(cancelKind, func(id string) (*made, error) {
		body := c.body
		body.Set("id", id)
		if h := c.s.href(c.release, wire.Ordering, cancelPath+id); h != "" {
			body.Set("href", h)
		}
		body.Set("state", wire.Acknowledged)
		c.s.addContactAs(&body, "cancelProductOrderSellerContact")
		return &made{body: body, due: c.s.now(), also: func(tx *resource.Tx) error {
			err := c.s.editOrder(tx, scope, body.Get("productOrder").Get("productOrderId").Text(), func(oc *orderChange) error {
				return oc.moveFrom(wire.InProgress, wire.AssessingCancellation)
			})
			return known(err, "productOrder.productOrderId")
		}}, nil
	})
}

// moveFrom moves the order if it is in a state, and refuses otherwise.
func (o *orderChange) moveFrom(from, to string) error {
	if state := o.body.Get("state").Text(); state != from {
		return fault.Newf(fault.Refused, "wait until it is "+from, "the order is %s", state)
	}
	return o.move(to, "")
}

func (c *call) reschedule() (*reply, error) {
	if err := unexpected(c.body, "id", "href", "state", "creationDate"); err != nil {
		return nil, err
	}
	if !c.body.Has("requestedCompletionDate") && !c.body.Has("expediteIndicator") {
		return nil, fault.New(CodeMissingProperty, "the request asks for neither another date nor haste", "send one of them").In("requestedCompletionDate")
	}
	scope := c.scope(rescheduleKind.name)
	return c.create(rescheduleKind, func(id string) (*made, error) {
		body := c.body
		body.Set("id", id)
		if h := c.s.href(c.release, wire.Ordering, reschedulePath+id); h != "" {
			body.Set("href", h)
		}
		body.Set("creationDate", wire.Time(c.s.now()))
		body.Set("state", wire.Acknowledged)
		return &made{body: body, due: c.s.now(), also: func(tx *resource.Tx) error {
			ref := body.Get("productOrderItem")
			err := c.s.editOrder(tx, scope, ref.Get("productOrderId").Text(), func(oc *orderChange) error {
				item, err := oc.item(ref.Get("productOrderItemId").Text())
				if err != nil {
					return fault.Of(err).In("productOrderItem.productOrderItemId")
				}
				if state := item.Get("state").Text(); state != wire.InProgress {
					return fault.Newf(fault.Refused, "wait until it is inProgress", "the item is %s", state).In("productOrderItem.productOrderItemId")
				}
				if err := oc.moveFrom(wire.InProgress, wire.AssessingModification); err != nil {
					return err
				}
				return oc.moveItem(item, wire.Pending, "")
			})
			return known(err, "productOrderItem.productOrderId")
		}}, nil
	})
}

// item gives an item to be changed. Code: reference-unknown.
func (o *orderChange) item(id string) (*wire.Value, error) {
	items := o.items()
	i := slices.IndexFunc(items, func(v wire.Value) bool { return v.Get("id").Text() == id })
	if i < 0 {
		return nil, fault.Newf(CodeReferenceUnknown, "name an item of the order", "the order has no item %.64q", id)
	}
	return &items[i], nil
}

// asked reads the order of a request and asks the seller. refused is its reason
// why not; later means to ask again.
func (s *Server) asked(ctx context.Context, r *resource.Record, order string, ask func(wire.Order) (Consent, error)) (c Consent, refused string, later bool, err error) {
	o, err := s.orderOf(ctx, r.Scope, order)
	if err != nil {
		return c, "", false, err
	}
	c, err = ask(o)
	switch {
	case err == nil:
		return c, "", false, nil
	case notYet(err):
		return c, "", true, nil
	case meaningOf(fault.CodeOf(err)).status >= 500:
		return c, "", false, err
	}
	return c, cut(fault.Of(err).Detail, 255), false, nil
}

// orderOf reads an order of the same partner, with what was quoted for it.
func (s *Server) orderOf(ctx context.Context, scope resource.Scope, id string) (o wire.Order, err error) {
	r, err := s.store.Get(ctx, of(scope, orderKind), id)
	if err != nil {
		return o, err
	}
	body, err := wire.Parse(r.Body)
	if err != nil {
		return o, err
	}
	return s.wholeOrder(ctx, r.Scope, body)
}

// workCancel asks the seller whether an order may be cancelled.
func (s *Server) workCancel(ctx context.Context, r *resource.Record) error {
	body, err := wire.Parse(r.Body)
	if err != nil {
		return err
	}
	var cancel wire.CancelOrder
	if err := body.Decode(&cancel); err != nil || r.State != wire.Acknowledged {
		return s.step(ctx, cancelKind, r, func(body wire.Value) (*change, error) { return &change{body: body}, err })
	}
	consent, refused, later, err := s.asked(ctx, r, cancel.Order.ID, func(o wire.Order) (Consent, error) {
		return s.seller.Orders.CancelOrder(ctx, partyOf(r), o, cancel)
	})
	if err != nil {
		return err
	} else if later {
		return s.stillDue(ctx, r, s.soon(time.Time{}))
	}
	return s.step(ctx, cancelKind, r, func(body wire.Value) (*change, error) {
		var also func(*orderChange) error
		state := wire.Done
		var charge wire.Value
		switch {
		case refused != "":
			state = wire.Rejected
			body.Set("cancellationDeniedReason", refused)
			also = func(oc *orderChange) error { return oc.move(wire.InProgress, "") }
		case len(consent.Charges) > 0:
			state = wire.TaskCharge
			if charge, err = s.newCharge(r.Scope, chargeID(cancel.ID, ""), consent.Charges, consent.Until); err != nil {
				return nil, err
			}
			ref := s.chargeRef(r.Scope, charge)
			body.Set("charge", ref)
			charge.Set("productOrder", wire.OrderRef{ID: cancel.Order.ID})
			charge.Set("cancelProductOrder", wire.Ref{ID: cancel.ID})
			also = func(oc *orderChange) error {
				refs := oc.body.Get("cancellationCharge")
				refs.Append(ref)
				oc.body.Set("cancellationCharge", refs)
				return nil
			}
		default:
			also = func(oc *orderChange) error { return oc.cancel(cancel.Reason) }
		}
		if err := moveTask(&body, state); err != nil {
			return nil, err
		}
		return &change{body: body, events: []resource.Event{s.cancelEvent(r.Scope, body)}, also: func(tx *resource.Tx) error {
			if err := s.editOrder(tx, r.Scope, cancel.Order.ID, also); err != nil || charge.IsZero() {
				return err
			}
			return s.keepCharge(tx, r.Scope, charge)
		}}, nil
	})
}

// cancel lets the seller end what has begun.
func (o *orderChange) cancel(reason string) error {
	if reason != "" {
		o.body.Set("cancellationReason", reason)
	}
	if err := o.move(wire.PendingCancellation, ""); err != nil {
		return err
	}
	return o.unended(wire.Pending, "")
}

// workReschedule asks the seller whether an item may be delivered at another
// time.
func (s *Server) workReschedule(ctx context.Context, r *resource.Record) error {
	body, err := wire.Parse(r.Body)
	if err != nil {
		return err
	}
	var wish wire.Reschedule
	if err := body.Decode(&wish); err != nil || r.State != wire.Acknowledged {
		return s.step(ctx, rescheduleKind, r, func(body wire.Value) (*change, error) { return &change{body: body}, err })
	}
	consent, refused, later, err := s.asked(ctx, r, wish.Item.OrderID, func(o wire.Order) (Consent, error) {
		return s.seller.Orders.Reschedule(ctx, partyOf(r), o, wish)
	})
	if err != nil {
		return err
	} else if later {
		return s.stillDue(ctx, r, s.soon(time.Time{}))
	}
	return s.step(ctx, rescheduleKind, r, func(body wire.Value) (*change, error) {
		state := wire.Done
		var charge wire.Value
		also := func(oc *orderChange) error { return oc.rescheduled(body) }
		switch {
		case refused != "":
			state = wire.Rejected
			also = func(oc *orderChange) error { return oc.backInProgress(wish.Item.ItemID) }
		case len(consent.Charges) > 0:
			state = wire.TaskCharge
			id := chargeID(wish.ID, "")
			if consent.Key != "" {
				id = chargeID(wish.Item.OrderID, consent.Key)
			}
			if charge, err = s.newCharge(r.Scope, id, consent.Charges, consent.Until); err != nil {
				return nil, err
			}
			ref := s.chargeRef(r.Scope, charge)
			charge.Set("productOrderItem", wire.OrderItemRef{OrderID: wish.Item.OrderID, ItemID: wish.Item.ItemID})
			charge.Set("modifyProductOrderItemRequestedDeliveryDate", wire.Ref{ID: wish.ID})
			also = func(oc *orderChange) error { return oc.noteCharge(wish.Item.ItemID, ref) }
		}
		if err := moveTask(&body, state); err != nil {
			return nil, err
		}
		return &change{body: body, events: []resource.Event{s.rescheduleEvent(r.Scope, body)}, also: func(tx *resource.Tx) error {
			if err := s.editOrder(tx, r.Scope, wish.Item.OrderID, also); err != nil || charge.IsZero() {
				return err
			}
			return s.keepCharge(tx, r.Scope, charge)
		}}, nil
	})
}

// backInProgress takes an item and its order back to work.
func (o *orderChange) backInProgress(id string) error {
	item, err := o.item(id)
	if err != nil {
		return err
	}
	if err := o.moveItem(item, wire.InProgress, ""); err != nil {
		return err
	}
	return o.move(wire.InProgress, "")
}

// rescheduled gives an item what the buyer asked for.
func (o *orderChange) rescheduled(wish wire.Value) error {
	id := wish.Get("productOrderItem").Get("productOrderItemId").Text()
	item, err := o.item(id)
	if err != nil {
		return err
	}
	if d := wish.Get("requestedCompletionDate"); !d.IsZero() {
		item.Set("requestedCompletionDate", d)
		o.expect(item, d.Text())
	}
	if e := wish.Get("expediteIndicator"); !e.IsZero() {
		item.Set("expediteIndicator", e)
		item.Set("expediteAcceptedIndicator", e)
	}
	return o.backInProgress(id)
}

func (o *orderChange) noteCharge(id string, ref wire.Value) error {
	item, err := o.item(id)
	if err != nil {
		return err
	}
	refs := item.Get("charge")
	refs.Append(ref)
	item.Set("charge", refs)
	return nil
}

// chargeID names a charge by what it is of, so that it is not raised twice.
func chargeID(of, key string) string {
	sum := sha256.Sum256([]byte("lateral/sonata/charge\x00" + of + "\x00" + key))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:22])
}

// raise asks the buyer for a charge of an item, which waits for the answer. It
// says whether it was not asked before.
func (o *orderChange) raise(c ChargeRequest) (bool, error) {
	item, err := o.item(c.Item)
	if err != nil {
		return false, fault.Newf(fault.Internal, "report this", "the orderer's charge %.64q is of no item", c.Key).Because(err)
	}
	id := chargeID(o.id, c.Key)
	for _, ref := range item.Get("charge").Items {
		if ref.Get("id").Text() == id {
			return false, nil
		}
	}
	if state := item.Get("state").Text(); len(itemMoves[state]) == 0 {
		return false, nil
	}
	charge, err := o.s.newCharge(o.scope, id, c.Items, c.Until)
	if err != nil {
		return false, err
	}
	charge.Set("productOrderItem", wire.OrderItemRef{OrderID: o.id, ItemID: c.Item})
	if err := o.moveItem(item, wire.Held, ""); err != nil {
		return false, err
	}
	if err := o.noteCharge(c.Item, o.s.chargeRef(o.scope, charge)); err != nil {
		return false, err
	}
	o.also = append(o.also, func(tx *resource.Tx) error { return o.s.keepCharge(tx, o.scope, charge) })
	return true, o.move(wire.AssessingCharge, "")
}

// newCharge makes a charge, without what it is of.
func (s *Server) newCharge(scope resource.Scope, id string, items []wire.ChargeItem, until time.Time) (wire.Value, error) {
	now := s.now()
	if until.IsZero() {
		until = now.Add(chargeTime)
	}
	v := wire.Value{Kind: wire.Object}
	v.Set("id", id)
	if h := s.href(releaseOf(scope), wire.Ordering, chargePath+id); h != "" {
		v.Set("href", h)
	}
	v.Set("creationDate", wire.Time(now))
	v.Set("responseDueDate", wire.Time(until))
	v.Set("state", wire.AwaitingResponse)
	all := wire.Value{Kind: wire.Array}
	for i, item := range items {
		if item.ID == "" {
			item.ID = strconv.Itoa(i + 1)
		}
		if item.Activity == "" {
			item.Activity = "new"
		}
		if item.Category == "" {
			item.Category = "other"
		}
		if item.Type == wire.Recurring && item.Period == nil {
			return v, fault.New(fault.Internal, "a recurring charge of the orderer has no period", "report this")
		}
		item.State, item.Accepted = wire.AwaitingResponse, ""
		x := wire.ValueOf(item)
		if releaseOf(scope) == wire.Grace {
			if err := wire.ToGracePrice(&x); err != nil {
				return v, err
			}
		}
		all.Append(x)
	}
	v.Set("chargeItem", all)
	return v, nil
}

func (s *Server) chargeRef(scope resource.Scope, charge wire.Value) wire.Value {
	return wire.ValueOf(wire.Ref{ID: charge.Get("id").Text(), Href: charge.Get("href").Text()})
}

// keepCharge stores a charge and tells of it.
func (s *Server) keepCharge(tx *resource.Tx, scope resource.Scope, charge wire.Value) error {
	due, err := time.Parse(time.RFC3339Nano, charge.Get("responseDueDate").Text())
	if err != nil {
		return err
	}
	r := &resource.Record{Scope: of(scope, chargeKind), ID: charge.Get("id").Text(), Due: due}
	chargeKind.fill(r, charge)
	if err := tx.Insert(r); err != nil {
		return err
	}
	return tx.Emit(s.taskEvent(scope, chargeKind, "chargeCreateEvent", charge, ""))
}

// answerCharge takes the buyer's answer to items of a charge.
func (c *call) answerCharge() (*reply, error) {
	var a wire.ChargeAnswer
	if err := c.body.Decode(&a); err != nil {
		return nil, fault.New(CodeBadBody, "the body cannot be read", "send it as the published file says").Because(err)
	}
	faults := many{}
	seen := map[string]bool{}
	for i, x := range a.Items {
		faults.add(newID(seen, x.ID, "chargeItem."+strconv.Itoa(i)))
		faults.add(buyersNotes(x.Notes, "chargeItem."+strconv.Itoa(i)+".note"))
	}
	if err := faults.err(); err != nil {
		return nil, err
	}
	scope := c.scope(chargeKind.name)
	if err := c.s.mayAnswer(c.ctx, scope, c.id, c.party(), a.Items); err != nil {
		return nil, err
	}
	r, err := c.s.update(c.ctx, chargeKind, scope, c.id, func(r *resource.Record, body wire.Value) (*change, error) {
		if r.State != wire.AwaitingResponse {
			return nil, fault.Newf(fault.Conflict, "look at the charge", "the charge is %s and waits for no answer", r.State)
		}
		if !c.s.now().Before(r.Due) {
			return nil, fault.New(fault.Conflict, "look at the charge", "the answer comes too late")
		}
		items := body.Open("chargeItem").Elements()
		for i, x := range c.body.Get("chargeItem").Items {
			id, said := x.Get("id").Text(), x.Get("acceptanceIndicator").Text()
			j := slices.IndexFunc(items, func(v wire.Value) bool { return v.Get("id").Text() == id })
			if j < 0 {
				return nil, fault.Newf(CodeReferenceUnknown, "name an item of the charge", "the charge has no item %.64q", id).In("chargeItem." + strconv.Itoa(i) + ".id")
			}
			if before := items[j].Get("acceptanceIndicator").Text(); before != "" && before != said {
				return nil, fault.Newf(fault.Conflict, "leave it out", "the item %.64q has been answered otherwise", id)
			}
			state := wire.AcceptedByBuyer
			if said == wire.ChargeRefused {
				state = wire.DeclinedByBuyer
			}
			items[j].Set("acceptanceIndicator", said)
			items[j].Set("state", state)
			appendNotes(&items[j], x)
		}
		if slices.ContainsFunc(items, func(v wire.Value) bool { return v.Get("state").Text() == wire.AwaitingResponse }) {
			return &change{body: body, due: r.Due}, nil
		}
		return c.s.endCharge(scope, body, wire.Completed), nil
	})
	if err != nil {
		return nil, err
	}
	return &reply{body: r.Body}, nil
}

// mayAnswer asks the seller whether an answer to a charge may stand.
func (s *Server) mayAnswer(ctx context.Context, scope resource.Scope, id string, p Party, answers []wire.ChargeItemAnswer) error {
	r, err := s.store.Get(ctx, scope, id)
	if err != nil || r.State != wire.AwaitingResponse {
		return err
	}
	charge, err := readCharge(r)
	if err != nil {
		return err
	}
	ref := wire.OrderItemRef{}
	if charge.Item != nil {
		ref = *charge.Item
	} else if charge.Order != nil {
		ref.OrderID = charge.Order.ID
	}
	o, err := s.orderOf(ctx, scope, ref.OrderID)
	if err != nil {
		return err
	}
	return s.seller.Orders.AnswerCharge(ctx, p, o, charge, answers)
}

func readCharge(r *resource.Record) (c wire.Charge, err error) {
	body, err := wire.Parse(r.Body)
	if err != nil {
		return c, err
	}
	if releaseOf(r.Scope) == wire.Grace {
		body = wire.FromGraceCharge(body)
	}
	return c, body.Decode(&c)
}

// endCharge ends a charge; what waited for it goes on.
func (s *Server) endCharge(scope resource.Scope, body wire.Value, state string) *change {
	body.Set("state", state)
	var events []resource.Event
	if state == wire.Timeout {
		events = append(events, s.taskEvent(scope, chargeKind, "chargeTimeoutEvent", body, ""))
	}
	events = append(events, s.taskEvent(scope, chargeKind, "chargeStateChangeEvent", body, state))
	// The seller is told beside this answer, and again until it has heard.
	return &change{body: body, due: s.now(), events: events, also: func(tx *resource.Tx) error { return s.afterCharge(tx, scope, body) }}
}

// afterCharge takes what a charge was of on its way.
func (s *Server) afterCharge(tx *resource.Tx, scope resource.Scope, charge wire.Value) error {
	blocked := slices.ContainsFunc(charge.Get("chargeItem").Items, func(v wire.Value) bool {
		return v.Get("blocking").True() && v.Get("state").Text() == wire.DeclinedByBuyer
	})
	task := wire.Done
	if blocked {
		task = wire.TaskDeclined
	}
	if id := charge.Get("cancelProductOrder").Get("id").Text(); id != "" {
		at := of(scope, cancelKind)
		body, err := endTask(tx, cancelKind, at, id, task, s.cancelEvent)
		if err != nil {
			return err
		}
		return s.editOrder(tx, scope, charge.Get("productOrder").Get("productOrderId").Text(), func(oc *orderChange) error {
			if blocked {
				return oc.move(wire.InProgress, "")
			}
			return oc.cancel(body.Get("cancellationReason").Text())
		})
	}
	ref := charge.Get("productOrderItem")
	order, item := ref.Get("productOrderId").Text(), ref.Get("productOrderItemId").Text()
	if id := charge.Get("modifyProductOrderItemRequestedDeliveryDate").Get("id").Text(); id != "" {
		at := of(scope, rescheduleKind)
		wish, err := endTask(tx, rescheduleKind, at, id, task, s.rescheduleEvent)
		if err != nil {
			return err
		}
		return s.editOrder(tx, scope, order, func(oc *orderChange) error {
			if blocked {
				return oc.backInProgress(item)
			}
			return oc.rescheduled(wish)
		})
	}
	return s.editOrder(tx, scope, order, func(oc *orderChange) error {
		if err := oc.backInProgress(item); err != nil || !blocked {
			return err
		}
		items := oc.items()
		for i := range items {
			if oc.related(items[i].Get("id").Text(), item) && len(itemMoves[items[i].Get("state").Text()]) > 0 {
				if err := oc.moveItem(&items[i], wire.Failed, "a charge was declined"); err != nil {
					return err
				}
			}
		}
		return oc.settle()
	})
}

// endTask gives a cancellation or a change of date its last state, and gives what
// it then is.
func endTask(tx *resource.Tx, k *kind, scope resource.Scope, id, state string, event func(resource.Scope, wire.Value) resource.Event) (after wire.Value, err error) {
	_, err = edit(tx, k, scope, id, func(_ *resource.Record, body wire.Value) (*change, error) {
		if err := moveTask(&body, state); err != nil {
			return nil, err
		}
		after = body
		return &change{body: body, events: []resource.Event{event(scope, body)}}, nil
	})
	return after, err
}

// related says whether an item is another, or hangs together with it.
func (o *orderChange) related(id, other string) bool {
	near := map[string]bool{other: true}
	for grew := true; grew && !near[id]; {
		grew = false
		for _, item := range o.body.Get(orderItems).Items {
			from := item.Get("id").Text()
			for _, r := range item.Get("productOrderItemRelationship").Items {
				if to := r.Get("id").Text(); near[from] != near[to] {
					near[from], near[to], grew = true, true, true
				}
			}
		}
	}
	return near[id]
}

// workCharge ends a charge that was not answered in time, and tells the seller of
// one that has ended.
func (s *Server) workCharge(ctx context.Context, r *resource.Record) error {
	if r.State == wire.AwaitingResponse {
		if err := s.mayAnswer(ctx, r.Scope, r.ID, partyOf(r), nil); notYet(err) {
			return s.stillDue(ctx, r, s.soon(time.Time{}))
		} else if err != nil {
			return err
		}
		return s.step(ctx, chargeKind, r, func(body wire.Value) (*change, error) {
			if s.now().Before(r.Due) {
				return nil, nil
			}
			items := body.Open("chargeItem").Elements()
			for i := range items {
				// All count as declined, as the standard says; what was accepted before
				// stays so.
				if items[i].Get("state").Text() == wire.AwaitingResponse {
					items[i].Set("state", wire.DeclinedByBuyer)
				}
			}
			return s.endCharge(r.Scope, body, wire.Timeout), nil
		})
	}
	c, err := readCharge(r)
	if err != nil {
		return err
	}
	if err := s.seller.Orders.ChargeAnswered(ctx, partyOf(r), c); err != nil {
		return err
	}
	return s.step(ctx, chargeKind, r, func(body wire.Value) (*change, error) {
		return &change{body: body, also: func(tx *resource.Tx) error {
			order := body.Get("productOrderItem").Get("productOrderId").Text() + body.Get("productOrder").Get("productOrderId").Text()
			return s.editOrder(tx, r.Scope, order, func(*orderChange) error { return nil }) // the seller is asked how it goes on
		}}, nil
	})
}

// WithdrawCharge takes a charge back that the buyer has not answered; what waited
// for it goes on. Codes: not-found, conflict.
func (s *Server) WithdrawCharge(ctx context.Context, buyer, seller, id string) error {
	scope, err := s.scopeFor(chargeKind, buyer, seller)
	if err != nil {
		return err
	}
	_, err = s.update(ctx, chargeKind, scope, id, func(r *resource.Record, body wire.Value) (*change, error) {
		if r.State != wire.AwaitingResponse {
			return nil, fault.Newf(fault.Conflict, "look at the charge", "the charge is %s already", r.State)
		}
		items := body.Open("chargeItem").Elements()
		for i := range items {
			if items[i].Get("state").Text() == wire.AwaitingResponse {
				items[i].Set("state", wire.WithdrawnBySeller)
			}
		}
		return s.endCharge(scope, body, wire.WithdrawnBySeller), nil
	})
	return err
}
