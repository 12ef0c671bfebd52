package trade

import (
	"iter"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
)

// Payments outside the ledger: the payer says that it has paid, the payee that the
// money came. A bank pays whole coins; what is left of a debt below one is carried
// to the payer's next debt in the currency, so that nothing is lost.

// obligationOf finds an obligation and asks the table.
func (t *tx) obligationOf(id string, e settlement.Event) (settlement.Obligation, *agreement.Terms, error) {
	o, ok := get[settlement.Obligation](t, ObligationKey(id))
	if !ok {
		return o, nil, notFound("obligation", "obligation", id)
	}
	next, ok := o.State.Next(e)
	if !ok {
		return o, nil, wrongState("obligation", id, string(o.State), string(e))
	}
	if e == settlement.Advise {
		if err := t.free(o); err != nil {
			return o, nil, err
		}
	}
	o.State = next
	inv, _ := again[invoice.Invoice](t, InvoiceKey(o.Invoices[0]))
	return o, t.agreementTerms(inv.Agreement), nil
}

func paymentAdvise(t *tx, c PaymentAdvise) error {
	due, parts, terms, err := t.advised(&c)
	if err != nil {
		return err
	}
	if c.Reference == "" || len(c.Reference) > 140 {
		return invalid("reference", "the reference is empty or longer than 140 bytes", "give the reference that the bank shows")
	}
	if c.PaidAt < 0 || c.PaidAt > t.ctx.Block.Time+dayMillis {
		return invalid("paid_at", "the payment is dated before 1970 or after tomorrow", "name the time at which it was made, in ms since 1970")
	}
	key := RemittanceKey(t.own, c.Reference)
	if t.has(key) {
		return conflict("reference", "give each payment a reference of its own", "a payment with the reference %.60q was advised before", c.Reference)
	}
	act, err := t.authorize(terms, c.Amount)
	if err != nil {
		return err
	}
	r := settlement.Remittance{Payer: t.own, Reference: c.Reference, Method: c.Method, PaidAt: c.PaidAt, Amount: c.Amount, Parts: parts, Advised: act}
	for i, o := range due {
		part := r.Parts[i].Amount
		o.Payment = settlement.Payment{Method: c.Method, Reference: c.Reference, PaidAt: c.PaidAt, Act: act, Whole: c.Amount.Micro, Part: part}
		o.Late = o.Late || t.ctx.Block.Time > o.Due
		o.Deadline = t.ctx.Block.Time + terms.Deadline(agreement.StageReceipt).Millis
		t.record(o.ID, t.transit(o, part))
		t.put(ObligationKey(o.ID), o)
		t.emit(EventPaymentAdvised, ObligationKey(o.ID), "")
	}
	t.put(key, r)
	return nil
}

// advised finds what a payment is for, and checks that it can be paid so.
func (t *tx) advised(c *PaymentAdvise) (due []settlement.Obligation, parts []settlement.Part, terms *agreement.Terms, err error) {
	ids := c.Obligations
	switch {
	case (c.Obligation != "") == (len(ids) > 0), len(ids) > maxNetted, !sortedUnique(ids):
		return nil, nil, nil, invalid("obligations", "the payment is for one obligation, or for a list of them in order", "name one, or 1 to 2000 sorted, each once")
	case c.Obligation != "":
		ids = []string{c.Obligation}
	}
	var sum debts
	whole := len(c.Obligations) > 0
	for _, id := range ids {
		var o settlement.Obligation
		if o, terms, err = t.obligationOf(id, settlement.Advise); err != nil {
			return nil, nil, nil, err
		}
		if o.Payer != t.own {
			return nil, nil, nil, fault.New(fault.Forbidden, "the payer advises a payment", "wait for the partner").In("obligation")
		}
		if _, ok := terms.Method(c.Method); !ok {
			return nil, nil, nil, fault.Newf(CodePaymentMethod, "pay in a form that the agreement names", "the agreement does not allow payment by %.40q", c.Method).In("method")
		}
		if left := o.Left(); left.Currency != c.Amount.Currency {
			return nil, nil, nil, fault.Newf(CodePaymentAmount, "pay in the currency of the debt", "%s is owed, not %s", left, c.Amount).In("amount")
		}
		if err := sum.add(t, o, t.ctx.Block.Time); err != nil {
			return nil, nil, nil, err
		}
		whole = whole || terms.WholePayments
		due = append(due, o)
	}
	parts, err = sum.paid(c.Amount, c.Method, whole)
	return due, parts, terms, err
}

// debts is what is left of debts in one currency, in their order, and what has to
// be paid of it for the whole when a discount is taken.
type debts struct {
	left, less []settlement.Part
	sum, taken money.Amount
}

func (d *debts) add(r Records, o settlement.Obligation, now int64) (err error) {
	left := o.Left()
	less := left
	if less.Micro, err = left.Micro.Sub(discount(r, o, now)); err != nil {
		return err
	}
	d.left, d.less = append(d.left, settlement.Part{Obligation: o.ID, Amount: left.Micro}), append(d.less, settlement.Part{Obligation: o.ID, Amount: max(0, less.Micro)})
	d.sum.Currency, d.taken.Currency = left.Currency, left.Currency
	if d.sum, err = d.sum.Add(left); err != nil {
		return err
	}
	d.taken.Micro += max(0, less.Micro) // not more than the sum
	return nil
}

// paid checks a payment against the debts, and lays it on them. By tokens it may be
// exact to the millionth.
func (d *debts) paid(paid money.Amount, method string, whole bool) ([]settlement.Part, error) {
	refused := func(remedy, detail string, args ...any) ([]settlement.Part, error) {
		return nil, fault.Newf(CodePaymentAmount, remedy, detail, args...).In("amount")
	}
	left, most, taken := d.sum, d.sum, d.taken
	if method != MethodToken {
		most, taken = settlement.Payable(left), settlement.Payable(taken)
	}
	switch {
	case paid.Micro <= 0:
		return refused("pay more than nothing", "%s is no payment", paid)
	case paid.Micro > left.Micro:
		return refused("pay what is left; what was paid too much the payee gives back by a credit note", "%s is owed, not %s", left, paid)
	case method != MethodToken && settlement.Payable(paid) != paid:
		return refused("pay whole coins; less than one is carried to the next debt", "no bank pays %s; of %s it pays %s", paid, left, most)
	case paid == taken && paid.Micro < most.Micro:
		return settlement.Lay(paid.Micro, d.less), nil
	case whole && paid != most:
		return refused("pay exactly what is owed", "%s is owed, not %s", most, paid)
	}
	return settlement.Lay(paid.Micro, d.left), nil
}

// transit is the posting by which a part of the payer's debt becomes money on its
// way.
func (t *tx) transit(o settlement.Obligation, part money.Micro) settlement.Posting {
	c := o.Amount.Currency
	return settlement.Posting{From: settlement.Account{Party: o.Payer, Purpose: settlement.Transit, Currency: c},
		To: settlement.Account{Party: o.Payer, Purpose: settlement.Due, Currency: c}, Amount: part}
}

// answeredPayment finds the payment that the payee answers.
func (t *tx) answeredPayment(c PaymentAnswer, e settlement.Event) (settlement.Obligation, party.Act, error) {
	o, terms, err := t.obligationOf(c.Obligation, e)
	if err != nil {
		return o, party.Act{}, err
	}
	if o.Payee != t.own {
		return o, party.Act{}, fault.New(fault.Forbidden, "the payee answers a payment", "wait for the partner").In("obligation")
	}
	if paid := (money.Amount{Currency: o.Amount.Currency, Micro: o.Payment.Whole}); c.Amount != paid {
		return o, party.Act{}, fault.Newf(CodePaymentAmount, "answer the amount that was advised", "%s was advised, not %s", paid, c.Amount).In("amount")
	}
	if err := checkWhy(c.Why); err != nil {
		return o, party.Act{}, err
	}
	act, err := t.authorize(terms, c.Amount)
	return o, act, err
}

func paymentReceipt(t *tx, c PaymentAnswer) error {
	o, act, err := t.answeredPayment(c, settlement.Confirm)
	if err != nil {
		return err
	}
	return t.arrived(o, act)
}

// arrived books the payment that an obligation was advised with, for all that it
// is for.
func (t *tx) arrived(o settlement.Obligation, act party.Act) error {
	key := RemittanceKey(o.Payer, o.Payment.Reference)
	r, _ := get[settlement.Remittance](t, key)
	if err := t.mayArrive(o); err != nil {
		return err
	}
	r.Received = act
	t.put(key, r)
	for _, p := range r.Parts {
		o, _ := get[settlement.Obligation](t, ObligationKey(p.Obligation))
		if err := t.received(o, p.Amount, act); err != nil {
			return err
		}
	}
	return nil
}

// received books what came for an obligation.
func (t *tx) received(o settlement.Obligation, part money.Micro, act party.Act) error {
	o.Receipt, o.Deadline = act, 0
	cur := o.Amount.Currency
	t.record(o.ID,
		settlement.Posting{From: settlement.Account{Party: o.Payee, Purpose: settlement.Due, Currency: cur},
			To: settlement.Account{Party: o.Payer, Purpose: settlement.Transit, Currency: cur}, Amount: part},
		settlement.Posting{From: settlement.Account{Party: o.Payer, Purpose: settlement.Cash, Currency: cur},
			To: settlement.Account{Party: o.Payee, Purpose: settlement.Cash, Currency: cur}, Amount: part})
	o.Paid += part // of Amount, so it has room
	if err := t.early(&o); err != nil {
		return err
	}
	if err := t.late(o, part); err != nil {
		return err
	}
	return t.reduced(o, settlement.Confirm)
}

// reduced writes a debt of which something came off. When nothing is left of it
// that could be paid, the event ends it, and it and all its invoices are discharged
// together (MEF 114 [R89], [CR23]).
func (t *tx) reduced(o settlement.Obligation, end settlement.Event) error {
	left := o.Left()
	if left.Micro > 0 && settlement.Payable(left).Micro == 0 {
		if err := t.carry(&o); err != nil {
			return err
		}
		left.Micro = 0
	}
	if left.Micro > 0 {
		if end == settlement.Confirm {
			o.State, _ = o.State.Next(settlement.Partly)
		}
		o.Deadline = t.advice(o)
		t.put(ObligationKey(o.ID), o)
		t.emit(EventPaymentPart, ObligationKey(o.ID), left.String())
		return nil
	}
	o.State, _ = o.State.Next(end)
	o.Deadline = 0
	t.put(ObligationKey(o.ID), o)
	t.emit(EventSettled, ObligationKey(o.ID), "")
	return t.settleAll(o.Invoices)
}

// advice is until when the payer has to advise what is left.
func (t *tx) advice(o settlement.Obligation) int64 {
	inv, _ := get[invoice.Invoice](t, InvoiceKey(o.Invoices[0]))
	return max(t.ctx.Block.Time, o.Due) + t.agreementTerms(inv.Agreement).Deadline(agreement.StageAdvice).Millis
}

func paymentDecline(t *tx, c PaymentAnswer) error {
	o, _, err := t.answeredPayment(c, settlement.Decline)
	if err != nil {
		return err
	}
	key := RemittanceKey(o.Payer, o.Payment.Reference)
	r, _ := get[settlement.Remittance](t, key)
	t.drop(key) // nothing came, so the payer may advise it again
	for _, p := range r.Parts {
		o, _ := get[settlement.Obligation](t, ObligationKey(p.Obligation))
		back := t.transit(o, p.Amount)
		back.From, back.To = back.To, back.From
		t.record(o.ID, back)
		o.State, _ = o.State.Next(settlement.Decline)
		o.Payment, o.Deadline = settlement.Payment{}, t.advice(o)
		t.put(ObligationKey(o.ID), o)
		t.emit(EventPaymentDeclined, ObligationKey(o.ID), c.Why)
	}
	return nil
}

// carry keeps what is left of a debt for the payer's next one in the currency.
func (t *tx) carry(o *settlement.Obligation) error {
	left := o.Left()
	if err := t.carried(o.Payer, left); err != nil {
		return err
	}
	o.Carried += left.Micro // of Amount, so it has room
	t.shift(o.ID, o.Payee, o.Payer, left.Currency, settlement.Due, settlement.Carried, left.Micro)
	return nil
}

// bring adds to a new debt what was carried from those before.
func (t *tx) bring(o *settlement.Obligation) (err error) {
	before, there := get[Balance](t, CarryKey(o.Payer, o.Amount.Currency))
	if !there {
		return nil
	}
	o.Brought = before.Micro
	if o.Amount.Micro, err = o.Amount.Micro.Add(before.Micro); err != nil {
		return err
	}
	t.drop(CarryKey(o.Payer, o.Amount.Currency))
	t.shift(o.ID, o.Payee, o.Payer, o.Amount.Currency, settlement.Carried, settlement.Due, before.Micro)
	return nil
}

// carried adds to what a payer's next debt takes up.
func (t *tx) carried(payer party.Code, more money.Amount) (err error) {
	key := CarryKey(payer, more.Currency)
	b, _ := get[Balance](t, key)
	if b.Micro, err = b.Micro.Add(more.Micro); err != nil {
		return err
	}
	t.put(key, b)
	return nil
}

// Remittances yields payments outside the ledger, by payer.
func (v View) Remittances() iter.Seq[settlement.Remittance] {
	return all[settlement.Remittance](v, prefixRemittance)
}

// Carried gives what a payer's next obligation in a currency takes up.
func (v View) Carried(payer party.Code, c money.Currency) money.Micro {
	b, _ := get[Balance](v, CarryKey(payer, c))
	return b.Micro
}
