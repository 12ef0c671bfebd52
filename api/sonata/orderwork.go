package sonata

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/store/resource"
)

// WakeOrder asks the Orderer at once how far an order is, and what waits of its
// cancellation or another date. Code: not-found.
func (s *Server) WakeOrder(ctx context.Context, buyer, seller, id string) error {
	scope, err := s.scopeFor(orderKind, buyer, seller)
	if err != nil {
		return err
	}
	waiting := map[*kind][]string{}
	for _, k := range []*kind{cancelKind, rescheduleKind} {
		if waiting[k], err = s.named(ctx, resource.Query{Scope: of(scope, k), State: wire.Acknowledged, Equal: []resource.Attribute{{Name: "productOrderId", Value: id}}}); err != nil {
			return err
		}
	}
	// It counts as a change, so that an answer that is on its way does not undo it.
	return s.store.Update(ctx, func(tx *resource.Tx) error {
		for k, ids := range waiting {
			for _, task := range ids {
				if _, err := edit(tx, k, of(scope, k), task, func(r *resource.Record, body wire.Value) (*change, error) {
					if r.State != wire.Acknowledged {
						return nil, nil
					}
					return &change{body: body, due: s.now()}, nil
				}); err != nil {
					return err
				}
			}
		}
		return s.editOrder(tx, scope, id, func(*orderChange) error { return nil })
	})
}

// WakeOrders is WakeOrder for the orders of a buyer that have an external id and
// have not ended. None, or no partner that acts for the buyer, is no error.
func (s *Server) WakeOrders(ctx context.Context, buyer, seller, external string) error {
	ids, err := s.OrdersOf(ctx, buyer, seller, external)
	return errors.Join(err, s.wakeAll(ctx, buyer, seller, ids))
}

// WakeOpen is WakeOrder for all orders of a buyer that have not ended.
func (s *Server) WakeOpen(ctx context.Context, buyer, seller string) error {
	scope, err := s.scopeFor(orderKind, buyer, seller)
	if fault.CodeOf(err) == fault.NotFound {
		return nil
	} else if err != nil {
		return err
	}
	for state, next := range orderMoves {
		if state == "" || len(next) == 0 {
			continue
		}
		ids, err := s.named(ctx, resource.Query{Scope: scope, State: state})
		if err := errors.Join(err, s.wakeAll(ctx, buyer, seller, ids)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) wakeAll(ctx context.Context, buyer, seller string, ids []string) (err error) {
	for _, id := range ids {
		err = errors.Join(err, s.WakeOrder(ctx, buyer, seller, id))
	}
	return err
}

// OrdersOf gives the ids of a buyer's orders that have an external id and have
// not ended.
func (s *Server) OrdersOf(ctx context.Context, buyer, seller, external string) ([]string, error) {
	scope, err := s.scopeFor(orderKind, buyer, seller)
	if fault.CodeOf(err) == fault.NotFound {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return s.named(ctx, resource.Query{Scope: scope, Equal: []resource.Attribute{{Name: "externalId", Value: external}}})
}

// named gives the ids of what a query finds and has not ended.
func (s *Server) named(ctx context.Context, q resource.Query) (ids []string, err error) {
	q.Limit = 1000
	for ; ; q.Offset += q.Limit {
		found, err := s.store.Find(ctx, q)
		if err != nil || len(found.Summaries) == 0 {
			return ids, err
		}
		for _, raw := range found.Summaries {
			v, err := wire.Parse(raw)
			if err != nil {
				return nil, err
			}
			if state := v.Get("state").Text(); len(orderMoves[state])+len(taskMoves[state]) > 0 {
				ids = append(ids, v.Get("id").Text())
			}
		}
	}
}

// scopeFor is where a buyer's resources of a kind are, by the release that its
// partner speaks. Code: not-found.
func (s *Server) scopeFor(k *kind, buyer, seller string) (resource.Scope, error) {
	all, _ := s.partners.List() // what was read last stands
	for _, p := range all {
		if slices.Contains(p.Buyers, buyer) {
			return resource.Scope{Kind: string(p.Release) + "/" + k.name, Buyer: buyer, Seller: seller}, nil
		}
	}
	return resource.Scope{}, fault.Newf(fault.NotFound, "add it with lateral sonata client add", "no partner acts for the buyer %.64q", buyer).In("buyer")
}

// orderChange gathers what changes with an order: its events and its products.
type orderChange struct {
	s      *Server
	scope  resource.Scope
	body   wire.Value
	id     string
	events []resource.Event
	also   []func(*resource.Tx) error
	of     map[string]details // by item
}

func (s *Server) changeOrder(scope resource.Scope, body wire.Value) *orderChange {
	return &orderChange{s: s, scope: scope, body: body, id: body.Get("id").Text()}
}

func (o *orderChange) tell(name, state string, more ...wire.Member) {
	href := o.s.href(releaseOf(o.scope), wire.Ordering, orderPath+o.id)
	o.events = append(o.events, o.s.event(o.scope, wire.Ordering, name, o.id, href, state, more...))
}

// done gives the change.
func (o *orderChange) done(due time.Time) *change {
	return &change{body: o.body, due: due, events: o.events, also: func(tx *resource.Tx) error {
		for _, do := range o.also {
			if err := do(tx); err != nil {
				return err
			}
		}
		return nil
	}}
}

// move takes the order to a state, through those on the way.
func (o *orderChange) move(state, reason string) error {
	from := o.body.Get("state").Text()
	steps := route(orderMoves, from, state)
	if steps == nil {
		return fault.Newf(fault.Refused, "look at its state first", "an order that is %s cannot become %s", from, state)
	}
	for i, next := range steps {
		why := ""
		if i == len(steps)-1 {
			why = reason
		}
		setState(&o.body, "state", "stateChange", next, o.s.now(), why)
		o.tell("productOrderStateChangeEvent", next)
	}
	return nil
}

// moveItem takes an item to a state, through those on the way.
func (o *orderChange) moveItem(item *wire.Value, state, reason string) error {
	from := item.Get("state").Text()
	if from == state {
		return nil
	}
	steps := route(itemMoves, from, state)
	if steps == nil {
		return fault.Newf(fault.Refused, "look at its state first", "an item that is %s cannot become %s", from, state)
	}
	for i, next := range steps {
		why := ""
		if i == len(steps)-1 {
			why = reason
		}
		setState(item, "state", "stateChange", next, o.s.now(), why)
		o.tell("productOrderItemStateChangeEvent", next, wire.Member{Name: "orderItemId", Value: item.Get("id")})
		if next == wire.InProgress && !item.Has("expectedCompletionDate") {
			// An item in progress says when it is expected; until the seller knows
			// better, when it is wanted.
			o.expect(item, item.Get("requestedCompletionDate").Text())
		}
		if next == wire.Completed {
			item.Set("completionDate", wire.Time(o.s.now()))
		}
		o.product(item, next)
	}
	return nil
}

// expect says when an item will be delivered.
func (o *orderChange) expect(item *wire.Value, when string) {
	if when == "" || item.Get("expectedCompletionDate").Text() == when {
		return
	}
	item.Set("expectedCompletionDate", when)
	o.tell("productOrderItemExpectedCompletionDateSetEvent", "", wire.Member{Name: "orderItemId", Value: item.Get("id")})
}

// items gives the items to be changed.
func (o *orderChange) items() []wire.Value { return o.body.Open(orderItems).Elements() }

// unended moves every item that has not ended to a state, as far as it can go
// there.
func (o *orderChange) unended(state, reason string) error {
	items := o.items()
	for i := range items {
		if from := items[i].Get("state").Text(); len(itemMoves[from]) > 0 && from != state {
			if err := o.moveItem(&items[i], state, reason); err != nil {
				return err
			}
		}
	}
	return nil
}

// settle gives the order the state that follows from its items.
func (o *orderChange) settle() error {
	items := o.items()
	states := map[string]int{}
	ended, rejected := 0, false
	for _, item := range items {
		state := item.Get("state").Text()
		states[state]++
		if len(itemMoves[state]) == 0 {
			ended++
		}
		rejected = rejected || strings.HasPrefix(state, wire.Rejected)
	}
	now, all := wire.Time(o.s.now()), len(items)
	switch from := o.body.Get("state").Text(); {
	case len(orderMoves[from]) == 0:
		return nil
	case rejected:
		// The order is refused as a whole, and so are its good items.
		for i := range items {
			if items[i].Get("state").Text() == wire.Acknowledged {
				if err := o.moveItem(&items[i], wire.RejectedValidated, ""); err != nil {
					return err
				}
			}
		}
		return o.move(wire.Rejected, "")
	case ended < all:
		if states[wire.Acknowledged] < all && from == wire.Acknowledged {
			return o.move(wire.InProgress, "")
		}
		return nil
	case from == wire.PendingCancellation || states[wire.Cancelled] == all:
		o.body.Set("cancellationDate", now)
		return o.move(wire.Cancelled, "")
	case states[wire.Completed] == all:
		o.body.Set("completionDate", now)
		return o.move(wire.Completed, "")
	case states[wire.Completed] > 0:
		o.body.Set("completionDate", now)
		return o.move(wire.Partial, "")
	}
	return o.move(wire.Failed, "")
}

// workOrder asks the seller how far an order is.
func (s *Server) workOrder(ctx context.Context, r *resource.Record) error {
	release := releaseOf(r.Scope)
	switch r.State {
	case wire.Acknowledged, wire.InProgress, wire.PendingCancellation, wire.AssessingCharge, wire.AssessingModification:
	default: // it waits for a buyer's answer, or has ended
		return s.step(ctx, orderKind, r, func(body wire.Value) (*change, error) { return &change{body: body}, nil })
	}
	body, err := wire.Parse(r.Body)
	if err != nil {
		return err
	}
	o, err := s.wholeOrder(ctx, r.Scope, body)
	if err != nil {
		return err
	}
	p, asked := s.seller.Orders.OrderProgress(ctx, partyOf(r), o)
	switch {
	case asked == nil:
	case notYet(asked):
		return s.stillDue(ctx, r, s.soon(time.Time{}))
	case meaningOf(fault.CodeOf(asked)).status >= 500:
		return asked
	}
	if r.State == wire.AssessingCharge || r.State == wire.AssessingModification {
		return s.answered(ctx, r, body, p)
	}
	_, err = s.update(context.WithoutCancel(ctx), orderKind, r.Scope, r.ID, func(now *resource.Record, body wire.Value) (*change, error) {
		if now.Version != r.Version {
			return nil, nil
		}
		oc := s.changeOrder(r.Scope, body)
		if err := oc.apply(release, o, p, asked); err != nil {
			return nil, err
		}
		due := p.Again
		switch state := oc.body.Get("state").Text(); {
		case len(orderMoves[state]) == 0:
			due = time.Time{}
		case !due.After(s.now()):
			due = s.now().Add(again)
		}
		if bytes.Equal(oc.body.Bytes(), now.Body) && !due.IsZero() {
			return nil, nil // nothing has changed but when it is looked at again
		}
		return oc.done(due), nil
	})
	if err != nil {
		return err
	}
	if p.Again.After(s.now()) {
		return s.stillDue(ctx, r, p.Again)
	}
	return s.stillDue(ctx, r, s.now().Add(again))
}

// answered ends the charge that an order waits for, if the buyer has answered it
// elsewhere. Until then nothing else happens to the order.
func (s *Server) answered(ctx context.Context, r *resource.Record, body wire.Value, p OrderProgress) error {
	charges := of(r.Scope, chargeKind)
	for _, a := range p.Answered {
		id := chargeID(r.ID, a.Key)
		if !slices.ContainsFunc(body.Get(orderItems).Items, func(item wire.Value) bool {
			return slices.ContainsFunc(item.Get("charge").Items, func(ref wire.Value) bool { return ref.Get("id").Text() == id })
		}) {
			continue
		}
		state := wire.DeclinedByBuyer
		said := wire.ChargeRefused
		if a.Accepted {
			state, said = wire.AcceptedByBuyer, wire.ChargeAccepted
		}
		if _, err := s.update(context.WithoutCancel(ctx), chargeKind, charges, id, func(c *resource.Record, body wire.Value) (*change, error) {
			if c.State != wire.AwaitingResponse {
				return nil, nil
			}
			items := body.Open("chargeItem").Elements()
			for i := range items {
				items[i].Set("acceptanceIndicator", said)
				items[i].Set("state", state)
			}
			return s.endCharge(charges, body, wire.Completed), nil
		}); err != nil {
			return err
		}
	}
	return s.stillDue(ctx, r, s.now().Add(again))
}

// stillDue puts a record off that nothing has happened to.
func (s *Server) stillDue(ctx context.Context, r *resource.Record, due time.Time) error {
	return s.store.Update(context.WithoutCancel(ctx), func(tx *resource.Tx) error {
		now, err := tx.Get(r.Scope, r.ID)
		if err != nil || now.Version != r.Version {
			return err
		}
		return tx.Postpone(r.Scope, r.ID, due)
	})
}

// wholeOrder reads an order with what was quoted for its items.
func (s *Server) wholeOrder(ctx context.Context, scope resource.Scope, body wire.Value) (wire.Order, error) {
	release := releaseOf(scope)
	o, err := readOrder(release, body)
	if err != nil {
		return o, err
	}
	for i := range o.Items {
		item := &o.Items[i]
		if item.QuoteItem == nil {
			continue
		}
		r, err := s.store.Get(ctx, of(scope, quoteKind), item.QuoteItem.QuoteID)
		if err != nil {
			return o, err
		}
		quote, err := wire.Parse(r.Body)
		if err != nil {
			return o, err
		}
		asked := *item
		if asked.Action == wire.Add {
			asked.Product.ID = "" // ours: the quote has none
		}
		if item.Quoted, err = findQuoted(release, quote, asked); err != nil {
			return o, err
		}
	}
	return o, nil
}

// apply brings an order to where the seller says it is.
func (oc *orderChange) apply(release wire.Release, o wire.Order, p OrderProgress, refusal error) error {
	items := oc.items()
	if refusal != nil {
		state := wire.Failed
		if oc.body.Get("state").Text() == wire.Acknowledged {
			state = wire.Rejected
		}
		for i := range items {
			if len(itemMoves[items[i].Get("state").Text()]) > 0 {
				items[i].Set("terminationError", terminationErrors(refusal))
			}
		}
		if err := oc.unended(state, cut(fault.Of(refusal).Detail, 255)); err != nil {
			return err
		}
		return oc.settle()
	}
	if len(p.Items) != len(items) {
		return fault.New(fault.Internal, "the orderer's answer has another number of items than the order", "report this")
	}
	for i := range items {
		if len(itemMoves[items[i].Get("state").Text()]) == 0 {
			continue
		}
		if err := oc.applyItem(release, &items[i], o.Items[i], p.Items[i]); err != nil {
			return err
		}
	}
	for _, request := range p.Charges {
		if oc.body.Get("state").Text() == wire.PendingCancellation {
			break
		}
		raised, err := oc.raise(request)
		if err != nil {
			return err
		}
		if raised {
			return nil // one at a time: the next comes when this one is answered
		}
	}
	return oc.settle()
}

func (oc *orderChange) applyItem(release wire.Release, item *wire.Value, o wire.OrderItem, p ItemProgress) error {
	prices := p.Prices
	if prices == nil && o.Quoted != nil {
		prices = o.Quoted.Prices
	}
	if err := oc.describe(release, o.ID, details{id: p.Product, specification: p.Specification}, prices); err != nil {
		return err
	}
	if len(p.Errors) > 0 {
		item.Set("terminationError", p.Errors)
	}
	if len(p.Terms) > 0 {
		terms := wire.ValueOf(p.Terms)
		if release == wire.Grace {
			list := terms.Elements()
			for i := range list {
				wire.ToGraceTerm(&list[i])
			}
		}
		item.Set("itemTerm", terms)
	}
	// Dates and milestones are told of before the state that they lead to.
	if item.Get("state").Text() == wire.Acknowledged && p.State != "" && !strings.HasPrefix(p.State, wire.Rejected) {
		if !p.Expected.IsZero() {
			oc.expect(item, wire.Time(p.Expected))
		}
		if err := oc.moveItem(item, wire.InProgress, ""); err != nil {
			return err
		}
	}
	if !p.Expected.IsZero() && item.Get("state").Text() == wire.InProgress {
		oc.expect(item, wire.Time(p.Expected))
	}
	reached := item.Get("milestone")
	for _, m := range p.Milestones {
		if slices.ContainsFunc(reached.Items, func(v wire.Value) bool { return v.Get("name").Text() == m.Name }) {
			continue
		}
		v := wire.Value{Kind: wire.Object}
		v.Set("name", m.Name)
		v.Set("date", wire.Time(m.Date))
		if m.Note != "" {
			v.Set("note", m.Note)
		}
		reached.Append(v)
		oc.tell("productSpecificProductOrderItemMilestoneEvent", "", wire.Member{Name: "orderItemId", Value: item.Get("id")}, wire.Member{Name: "milestoneName", Value: v.Get("name")})
	}
	if len(reached.Items) > 0 {
		item.Set("milestone", reached)
	}
	if p.State == "" || p.State == wire.InProgress {
		return nil
	}
	return oc.moveItem(item, p.State, cut(p.Reason, 255))
}
