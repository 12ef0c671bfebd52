package trade

import (
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/usage"
)

// Codes of refusals about orders.
const (
	// CodeLineUnknown says that this node has no such product line.
	CodeLineUnknown fault.Code = "line-unknown"
	// CodeExposure says that the buyer owes more than the agreement allows.
	CodeExposure fault.Code = "exposure-exceeded"
	// CodeUnattested says that more was invoiced than the agreement allows before
	// both members have signed what came out.
	CodeUnattested fault.Code = "unattested-exposure"
)

func orderPlace(t *tx, b OrderPlace) error {
	if err := checkID("id", b.ID, maxOrderID); err != nil {
		return err
	}
	if b.From < 0 || b.From > maxMillis {
		return invalid("from", "the beginning is out of range", "name a time in ms since 1970")
	}
	if b.Kind == order.Product {
		return itemPlace(t, b)
	}
	if err := party.CheckLimits(b.Value); err != nil {
		return fault.Of(err).In("value")
	}
	a, err := t.inForce("agreement", b.Agreement, b.Line)
	if err != nil {
		return err
	}
	terms := t.latest(a)
	act, err := t.authorize(terms, b.Value...)
	if err != nil {
		return err
	}
	if err := t.bothActive(); err != nil {
		return err
	}
	if b.From < a.From || a.Until != 0 && b.From >= a.Until {
		return fault.Newf(CodeNoAgreement, "let the order begin within the agreement", "agreement %s does not cover the order's beginning", a.ID).In("from")
	}
	line, ok := t.m.lines[b.Line]
	if !ok {
		return fault.Newf(CodeLineUnknown, "run a release with that product line", "the product line %.32q is not known here", b.Line).In("line")
	}
	spec, err := line.Spec(b.Payload)
	if err != nil {
		return fault.Of(err).In("payload")
	}
	if b.Kind != order.Standing || !spec.Metered || b.Request != nil {
		return invalid("kind", "only standing orders for metered products are known here", "use standing")
	}
	d := usage.Direction{From: t.own, To: t.partner}
	s, ok := get[Sheet](t, SheetKey(b.Sheet))
	if !ok || s.State != SheetAccepted || s.Direction != d || s.Line != b.Line {
		return fault.Newf(CodeNoSheet, "name a sheet that is accepted for this direction", "no accepted sheet %.40q prices %s", b.Sheet, d).In("sheet")
	}
	if err := checkValue(b.Value); err != nil {
		return err
	}
	if err := t.exposed(t.own, *terms); err != nil {
		return err
	}
	buys, err := t.calls(t.own, a.ID, terms, b.Value)
	if err != nil {
		return err
	}
	if err := t.creditworthy(buys); err != nil {
		return err
	}
	if err := t.attested(*terms); err != nil {
		return err
	}
	if t.has(OrderKey(b.ID)) || t.has(ItemKey(b.ID)) {
		return conflict("id", "choose another id", "there is an order %s already", b.ID)
	}
	t.put(OrderKey(b.ID), order.Order{ID: b.ID, Kind: b.Kind, Agreement: a.ID, Buyer: t.own, Seller: t.partner, Spec: spec, Payload: b.Payload,
		Sheet: b.Sheet, From: b.From, State: order.Acknowledged, Placed: act, Value: b.Value, Deadline: t.until(*terms, agreement.StageAnswer)})
	t.emit(EventOrderPlaced, OrderKey(b.ID), "")
	return nil
}

// checkValue wants to know what a metered order may come to: without it the
// order would bind the buyer beyond any delegate's limit.
func checkValue(value []money.Amount) error {
	ok := len(value) > 0
	for _, v := range value {
		ok = ok && v.Micro > 0
	}
	if !ok {
		return invalid("value", "the order does not say what it may come to", "name what you expect to be billed for a period, in each currency of the sheet")
	}
	return nil
}

// exposed refuses new trade while a member owes more than the agreement allows.
func (t *tx) exposed(buyer party.Code, terms agreement.Terms) error {
	for _, limit := range terms.Exposure {
		owed, err := t.owes(buyer, limit.Currency)
		if err != nil {
			return err
		}
		if owed > limit.Micro {
			return fault.Newf(CodeExposure, "pay what is open first", "%s owes %s, and the agreement allows %s", buyer, money.Amount{Currency: limit.Currency, Micro: owed}, limit)
		}
	}
	return nil
}

// owes sums a member's debts in a currency over all that is not yet paid.
func (t *tx) owes(who party.Code, c money.Currency) (money.Micro, error) {
	var sum money.Micro
	for _, p := range []settlement.Purpose{settlement.Invoiced, settlement.Disputed, settlement.Final, settlement.Due, settlement.Transit, settlement.Carried} {
		b, _ := get[Balance](t, BalanceKey(settlement.Account{Party: who, Purpose: p, Currency: c}))
		var err error
		if sum, err = sum.Sub(b.Micro); err != nil {
			return 0, err
		}
	}
	return sum, nil
}

// moveOrder finds the order, checks who may move it, and asks the table.
func (t *tx) moveOrder(b OrderAnswer, e order.Event, sellerOnly bool) (order.Order, error) {
	o, ok := get[order.Order](t, OrderKey(b.ID))
	if !ok {
		return o, notFound("id", "order", b.ID)
	}
	if err := checkWhy(b.Why); err != nil {
		return o, err
	}
	if sellerOnly && o.Seller != t.own {
		return o, fault.New(fault.Forbidden, "the seller answers an order", "wait for the partner")
	}
	next, ok := o.State.Next(e)
	if !ok {
		return o, wrongState("order", o.ID, string(o.State), string(e))
	}
	a, _ := get[agreement.Agreement](t, AgreementKey(o.Agreement))
	act, err := t.authorize(t.latest(a))
	if err != nil {
		return o, err
	}
	o.State, o.Deadline = next, 0
	if e == order.Accept {
		o.Accepted = act
	}
	if b.Why != "" {
		o.Why = b.Why
	}
	return o, nil
}

func (t *tx) putOrder(o order.Order) error {
	t.put(OrderKey(o.ID), o)
	t.emit(EventOrderMoved, OrderKey(o.ID), string(o.State))
	return nil
}

func directionOf(o order.Order) usage.Direction { return usage.Direction{From: o.Buyer, To: o.Seller} }

func orderAccept(t *tx, b OrderAnswer) error {
	if it, ok := get[order.Item](t, ItemKey(b.ID)); ok {
		return itemAccept(t, it, b)
	}
	o, err := t.moveOrder(b, order.Accept, true)
	if err != nil {
		return err
	}
	a, err := t.inForce("id", o.Agreement, o.Spec.Line)
	if err != nil {
		return err
	}
	if err := t.attested(*t.latest(a)); err != nil {
		return err
	}
	key := StandingKey(directionOf(o), o.Spec.Line)
	s, stood := get[Standing](t, key)
	if stood {
		if s.Ended == 0 {
			return conflict("id", "terminate that one first", "order %s stands for this direction already", s.Order)
		}
		if o.From < s.Ended {
			return conflict("id", "let the new order begin when the old one has ended", "order %s covers usage until later than this one begins", s.Order)
		}
	}
	o.Begins = s.Ended
	t.put(key, Standing{Order: o.ID, Last: max(s.Last, s.Ended)})
	return t.putOrder(o)
}

func orderReject(t *tx, b OrderAnswer) error {
	if it, ok := get[order.Item](t, ItemKey(b.ID)); ok {
		return itemReject(t, it, b)
	}
	o, err := t.moveOrder(b, order.Reject, true)
	if err != nil {
		return err
	}
	return t.putOrder(o)
}

func orderSuspend(t *tx, b OrderAnswer) error {
	o, err := t.moveOrder(b, order.Suspend, false)
	if err != nil {
		return err
	}
	o.Deadline = t.until(*t.agreementTerms(o.Agreement), agreement.StageSuspension)
	return t.putOrder(o)
}

func orderResume(t *tx, b OrderAnswer) error {
	o, err := t.moveOrder(b, order.Resume, false)
	if err != nil {
		return err
	}
	a, err := t.inForce("id", o.Agreement, o.Spec.Line)
	if err != nil {
		return err
	}
	terms := t.latest(a)
	if err := t.exposed(o.Buyer, *terms); err != nil {
		return err
	}
	if err := t.creditworthy(buying{buyer: o.Buyer, agreement: a.ID, terms: terms}); err != nil {
		return err
	}
	return t.putOrder(o)
}

func orderTerminate(t *tx, b OrderAnswer) error {
	before, _ := get[order.Order](t, OrderKey(b.ID))
	o, err := t.moveOrder(b, order.Terminate, false)
	if err != nil {
		return err
	}
	return t.endOrder(o, before.State.Live())
}

// endOrder ends an order at this position: the period that contains the block's
// time is the last one that it covers. One that is live stood for its direction.
func (t *tx) endOrder(o order.Order, live bool) error {
	o.Until, o.Deadline = max(t.ctx.Block.Time, o.From), 0
	if live {
		key := StandingKey(directionOf(o), o.Spec.Line)
		s, _ := get[Standing](t, key)
		a, _ := get[agreement.Agreement](t, AgreementKey(o.Agreement))
		v, _ := a.At(o.Until)
		c, err := t.calendar(t.termsOf(v.Terms))
		if err != nil {
			return err
		}
		s.Ended = max(c.At(o.Until).To, s.Last)
		t.put(key, s)
	}
	return t.putOrder(o)
}
