package trade

import (
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
)

// CodeNoDeadline says that the record waits for nothing.
const CodeNoDeadline fault.Code = "no-deadline"

// tick applies the agreed outcome of a deadline that has passed. The node whose
// deadline it is submits it, because nothing happens by itself.
func tick(t *tx, c Tick) error {
	if _, err := t.authorize(nil); err != nil {
		return err
	}
	switch {
	case strings.HasPrefix(c.Subject, prefixPeriod):
		return t.tickPeriod(c.Subject)
	case strings.HasPrefix(c.Subject, prefixInvoice):
		return t.tickInvoice(c.Subject)
	case strings.HasPrefix(c.Subject, prefixDispute):
		return t.tickDispute(c.Subject)
	case strings.HasPrefix(c.Subject, prefixObligation):
		return t.tickObligation(c.Subject)
	}
	return noDeadline(c.Subject)
}

func noDeadline(subject string) error {
	return fault.Newf(CodeNoDeadline, "name a period, invoice, dispute or obligation that waits", "%.80q waits for nothing", subject).In("subject")
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

func (t *tx) tickPeriod(key string) error {
	p, ok := get[invoice.Period](t, key)
	if !ok {
		return noDeadline(key)
	}
	if err := t.passed(key, p.Deadline); err != nil {
		return err
	}
	b := t.around(key, p)
	switch stage := agreement.Stage(p.Stage); stage {
	case agreement.StageStatement:
		return t.oneStatement(b, b.terms.Deadline(stage).Outcome)
	case agreement.StageRecords:
		return t.notDelivered(b, b.terms.Deadline(stage).Outcome)
	}
	return t.referAll(b, "")
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
		return t.conclude(b, lines, nil, false)
	}
	var open []differing
	for _, l := range lines {
		if which == SellerSide {
			open = append(open, differing{seller: l})
		} else {
			open = append(open, differing{buyer: l})
		}
	}
	if invoiced {
		return t.compareInvoiced(b, open, false)
	}
	return t.conclude(b, nil, open, false)
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

func (t *tx) tickInvoice(key string) error {
	inv, ok := get[invoice.Invoice](t, key)
	if !ok || inv.State != invoice.Issued {
		return noDeadline(key)
	}
	if err := t.passed(key, inv.Deadline); err != nil {
		return err
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
func (t *tx) tickDispute(key string) error {
	d, ok := get[dispute.Dispute](t, key)
	if !ok {
		return noDeadline(key)
	}
	if err := t.passed(key, d.Deadline); err != nil {
		return err
	}
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

func (t *tx) tickObligation(key string) error {
	o, ok := get[settlement.Obligation](t, key)
	if !ok {
		return noDeadline(key)
	}
	if err := t.passed(key, o.Deadline); err != nil {
		return err
	}
	inv, _ := get[invoice.Invoice](t, InvoiceKey(o.Invoices[0]))
	terms := t.agreementTerms(inv.Agreement)
	switch o.State {
	case settlement.Owed:
		o.State, _ = o.State.Next(settlement.Lapse)
		o.Late, o.Deadline = true, 0
		t.put(key, o)
		t.emit(EventObligationOverdue, key, "")
		return nil
	case settlement.Advised:
		d := terms.Deadline(agreement.StageReceipt)
		if d.Outcome == agreement.PresumedReceived {
			o.State, _ = o.State.Next(settlement.Confirm)
			return t.received(o, party.Act{By: o.Payee, Limit: "deadline", Command: t.digest(), Height: t.ctx.Block.Height, Time: t.ctx.Block.Time})
		}
		o.Passed++
		o.Deadline = t.renewed(d)
		t.put(key, o)
		t.emit(EventPaymentEscalated, key, "")
		return nil
	}
	return noDeadline(key)
}
