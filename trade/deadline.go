package trade

import (
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/token"
	"github.com/lateral-network/lateral/trade/usage"
)

// CodeNoDeadline says that the record waits for nothing.
const CodeNoDeadline fault.Code = "no-deadline"

// tick applies the agreed outcome of a deadline that has passed. The node whose
// deadline it is submits it, because nothing happens by itself.
func tick(t *tx, c Tick) error {
	if _, err := t.authorize(nil); err != nil {
		return err
	}
	raw, ok := t.Get(c.Subject)
	if !ok {
		return noDeadline(c.Subject)
	}
	if err := t.passed(c.Subject, DeadlineOf(c.Subject, raw)); err != nil {
		return err
	}
	kind, _, _ := strings.Cut(c.Subject, "/")
	switch kind + "/" {
	case prefixPeriod:
		return t.tickPeriod(c.Subject, stored[invoice.Period](raw))
	case prefixInvoice:
		return t.tickInvoice(c.Subject, stored[invoice.Invoice](raw))
	case prefixDispute:
		return t.tickDispute(c.Subject, stored[dispute.Dispute](raw))
	case prefixObligation:
		return t.tickObligation(c.Subject, stored[settlement.Obligation](raw))
	case prefixAgreement:
		return t.tickAgreement(c.Subject, stored[agreement.Agreement](raw))
	case prefixSheet:
		return t.tickSheet(c.Subject, stored[Sheet](raw))
	case prefixOrder:
		return t.tickOrder(c.Subject, stored[order.Order](raw))
	case prefixItem:
		return t.tickItem(stored[order.Item](raw))
	case prefixMeasurement:
		return t.tickMeasurement(stored[usage.Measurement](raw))
	case prefixProduct:
		return t.tickProduct(stored[product.Instance](raw))
	case prefixNetting:
		return t.tickNetting(c.Subject, stored[settlement.Netting](raw))
	case prefixToken:
		return t.tickToken(c.Subject, stored[token.Token](raw))
	case prefixLock:
		return t.tickLock(stored[token.Lock](raw))
	case prefixRound:
		return t.tickRound(stored[Round](raw))
	case prefixIssue:
		return t.tickIssue(c.Subject, stored[token.Issue](raw))
	case prefixHold:
		return t.tickHold(c.Subject, stored[token.Hold](raw))
	case prefixSwap:
		return t.tickSwap(c.Subject, stored[token.Swap](raw))
	case prefixRedemption:
		return t.tickRedemption(c.Subject, stored[token.Redemption](raw))
	case prefixMember:
		return t.moveMember(stored[party.Member](raw), party.Lapse, EventMemberLeft)
	}
	return t.tickVersion() // the only other record with a deadline
}

func noDeadline(subject string) error {
	return fault.Newf(CodeNoDeadline, "name a record that has a deadline", "%.80q waits for nothing", subject).In("subject")
}

// tickAgreement takes an offer off that nobody has answered. An agreement that
// was to be amended goes on as it is.
func (t *tx) tickAgreement(key string, a agreement.Agreement) error {
	if next, ok := a.State.Next(agreement.Lapse); ok {
		a.State = next
	}
	a.Pending, a.Deadline = nil, 0
	t.put(key, a)
	t.emit(EventAgreementRejected, key, string(agreement.Lapsed))
	return nil
}

func (t *tx) tickSheet(key string, s Sheet) error {
	s.State, s.Deadline, s.Why = SheetTransitions[s.State][SheetLapse], 0, string(agreement.Lapsed)
	t.put(key, s)
	t.emit(EventSheetRejected, key, s.Why)
	return nil
}

// tickOrder rejects an order that its seller has not answered, and ends one that
// was suspended for too long, or says that it still is.
func (t *tx) tickOrder(key string, o order.Order) error {
	if next, ok := o.State.Next(order.Lapse); ok {
		o.State, o.Deadline, o.Why = next, 0, string(agreement.Lapsed)
		return t.putOrder(o)
	}
	d := t.agreementTerms(o.Agreement).Deadline(agreement.StageSuspension)
	if d.Outcome == agreement.Escalated {
		o.Deadline = t.renewed(d)
		t.put(key, o)
		t.emit(EventOrderEscalated, key, "")
		return nil
	}
	o.State, _ = o.State.Next(order.Terminate)
	return t.endOrder(o, true)
}

func (t *tx) tickNetting(key string, n settlement.Netting) error {
	n.State, _ = n.State.Next(settlement.NettingLapse)
	n.Deadline = 0
	t.put(key, n)
	t.emit(EventNettingRejected, key, string(agreement.Lapsed))
	return nil
}

// tickVersion takes a proposal to change the rules off.
func (t *tx) tickVersion() error {
	next := t.bilateral
	next.Next = nil
	t.put(keyBilateral, next)
	t.emit(EventVersionLapsed, keyBilateral, "")
	return nil
}

// passed refuses a tick before its time.
func (t *tx) passed(subject string, deadline int64) error {
	if deadline == 0 {
		return noDeadline(subject)
	}
	if t.ctx.Block.Time < deadline {
		return fault.Newf(fault.NotYet, "send it when the deadline has passed", "%.80q has time until %d (block time, ms)", subject, deadline).In("subject")
	}
	return nil
}

func (t *tx) tickPeriod(key string, p invoice.Period) error {
	if !p.Bill.IsZero() {
		return t.tickBill(p)
	}
	b := t.around(key, p)
	switch stage := agreement.Stage(p.Stage); stage {
	case agreement.StageRequest:
		return t.notStated(b)
	case agreement.StageStatement:
		return t.oneStatement(b, b.terms.Deadline(stage).Outcome)
	case agreement.StageRecords:
		return t.notDelivered(b, b.terms.Deadline(stage).Outcome)
	}
	return t.referAll(b, "")
}

// notStated takes a request off that neither side has answered with a whole
// statement. Nothing is lost: the period can be requested again.
func (t *tx) notStated(b billing) error {
	if err := b.move(invoice.PeriodLapse); err != nil {
		return err
	}
	ref := PeriodRef{b.period.Order, b.period.Interval}
	t.withdrawParts(&b.period.Seller, SellerSide, ref)
	t.withdrawParts(&b.period.Buyer, BuyerSide, ref)
	t.deadline(&b, "")
	t.emit(EventPeriodLapsed, b.key, "")
	t.save(b)
	return nil
}

// oneStatement goes on with the one statement that there is: it stands, or
// people decide all its lines.
func (t *tx) oneStatement(b billing, o agreement.Outcome) error {
	which := SellerSide
	if !b.period.Seller.Complete() {
		which = BuyerSide
	}
	lines, err := t.lines(&b, which)
	if err != nil {
		return err
	}
	invoiced := b.terms.Compare == agreement.AfterInvoice && which == SellerSide
	if o == agreement.StatedStands {
		if invoiced {
			return t.compared(b, 0)
		}
		return t.conclude(b, matched{agreed: lines}, nil, false)
	}
	var m matched
	for _, l := range lines {
		if which == SellerSide {
			m.open = append(m.open, differing{seller: l})
		} else {
			m.open = append(m.open, differing{buyer: l})
		}
	}
	if invoiced {
		return t.compareInvoiced(b, m, false)
	}
	return t.conclude(b, m, nil, false)
}

// notDelivered applies what was agreed for records that did not come: who has
// not delivered cannot use its claim, and the other side's figures count. Where
// that is both, or it is not clear who, people decide. See DeliveryReceipt.
func (t *tx) notDelivered(b billing, o agreement.Outcome) error {
	missing := func(s invoice.Side) bool {
		if o == agreement.NoProof {
			return !s.Confirmed
		}
		return s.Delivered.IsZero()
	}
	noSeller, noBuyer := missing(b.period.Seller), missing(b.period.Buyer)
	if o == agreement.Manual || noSeller == noBuyer {
		return t.referAll(b, t.unconfirmed(&b))
	}
	var decided []resolution
	for _, d := range t.waiting(&b) {
		f := d.Seller
		if noSeller {
			f = d.Buyer
		}
		decided = append(decided, resolution{dispute: d, calls: f.Calls, seconds: f.BilledSeconds, how: dispute.ByDeadline})
	}
	return t.resolve(b, decided)
}

// unconfirmed tells people whose records are said to be delivered and are not
// confirmed.
func (t *tx) unconfirmed(b *billing) string {
	var who []string
	for _, s := range []struct {
		side invoice.Side
		code party.Code
	}{{b.period.Seller, b.seller}, {b.period.Buyer, b.buyer}} {
		if !s.side.Delivered.IsZero() && !s.side.Confirmed {
			who = append(who, string(s.code))
		}
	}
	if len(who) == 0 {
		return ""
	}
	return "not confirmed by the other side: the records that " + strings.Join(who, " and ") + " named"
}

// referAll hands every line that waits over to people.
func (t *tx) referAll(b billing, why string) error {
	for _, d := range t.waiting(&b) {
		t.refer(&b, d, why)
	}
	t.deadline(&b, "")
	t.save(b)
	return nil
}

func (t *tx) tickInvoice(key string, inv invoice.Invoice) error {
	if inv.Payable() { // and not netted until it was due
		return t.oweNow(&inv, inv.Due)
	}
	b := t.billingOf(inv)
	d := b.terms.Deadline(agreement.StageAcceptance)
	if d.Outcome == agreement.Accepted {
		act := party.Act{By: inv.Buyer, Limit: "deadline", Command: t.digest(), Height: t.ctx.Block.Height, Time: t.ctx.Block.Time}
		if err := t.accepted(&inv, &b, act); err != nil {
			return err
		}
		t.save(b)
		return nil
	}
	inv.Escalated++
	inv.Deadline = t.renewed(d)
	t.put(key, inv)
	t.emit(EventInvoiceEscalated, key, "")
	return nil
}

// renewed gives the next deadline of a state that goes on waiting: at least a
// minute later, so that a deadline of zero does not tick with every block.
func (t *tx) renewed(d agreement.Deadline) int64 { return t.ctx.Block.Time + max(d.Millis, 60_000) }

// tickDispute marks a decision that is late. It never closes a dispute, and a
// proposal that is made can still be accepted (MEF 114 [R75]).
func (t *tx) tickDispute(key string, d dispute.Dispute) error {
	next, ok := d.State.Next(dispute.Escalate)
	if !ok {
		return noDeadline(key)
	}
	b := t.billingAround(d)
	d.State = next
	d.Passed++
	d.Deadline = t.renewed(b.terms.Deadline(agreement.StageDecision))
	t.put(key, d)
	t.emit(EventDisputeEscalated, key, "")
	return nil
}

func (t *tx) tickObligation(key string, o settlement.Obligation) error {
	inv, _ := get[invoice.Invoice](t, InvoiceKey(o.Invoices[0]))
	terms := t.agreementTerms(inv.Agreement)
	switch o.State {
	case settlement.Owed, settlement.Overdue:
		event := settlement.Lapse
		if o.State == settlement.Overdue {
			event = settlement.Remind
			o.Passed++
		}
		o.State, _ = o.State.Next(event)
		o.Late, o.Deadline = true, t.renewed(terms.Deadline(agreement.StageArrears))
		t.put(key, o)
		t.emit(EventObligationOverdue, key, "")
		return nil
	case settlement.Advised:
		d := terms.Deadline(agreement.StageReceipt)
		if d.Outcome == agreement.PresumedReceived && t.mayArrive(o) == nil {
			return t.arrived(o, party.Act{By: o.Payee, Limit: "deadline", Command: t.digest(), Height: t.ctx.Block.Height, Time: t.ctx.Block.Time})
		}
		o.Passed++
		o.Deadline = t.renewed(d)
		t.put(key, o)
		t.emit(EventPaymentEscalated, key, "")
		return nil
	}
	return noDeadline(key)
}
