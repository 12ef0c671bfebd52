package trade

import (
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
)

// What compliance does before a payment is final: it holds one and lets it go, and
// puts on record that it has checked who the partner is (IDN-11, IDN-12).

// CodeUnverified says that a payment cannot become final while a side has not
// checked who the other is.
const CodeUnverified fault.Code = "not-verified"

// maxVerified is how long a check counts at most: what is older is no check.
const maxVerified = 5 * 366 * dayMillis

// Verified is the other side's check of who a member is, without what was checked.
type Verified struct {
	Member   party.Code `cbor:"1,keyasint" json:"member"`
	Document canon.Hash `cbor:"2,keyasint" json:"document"` // SHA-256 of what was looked at
	Expires  int64      `cbor:"3,keyasint" json:"expires"`  // ms UTC
	Act      party.Act  `cbor:"4,keyasint" json:"act"`
}

func verify(t *tx, c Verify) error {
	now := t.ctx.Block.Time
	switch {
	case c.Document.IsZero():
		return invalid("document", "the check names no document", "give the SHA-256 of what was looked at")
	case c.Expires <= now || c.Expires > now+maxVerified:
		return invalid("expires", "the check is over already, or not within five years", "name a day within five years")
	}
	act, err := t.authorize(nil)
	if err != nil {
		return err
	}
	t.put(VerifiedKey(t.partner), Verified{t.partner, c.Document, c.Expires, act})
	t.emit(EventVerified, VerifiedKey(t.partner), "")
	return nil
}

// verified refuses what would be final, where the terms want both sides checked
// and one is not. Code: not-verified.
func (t *tx) verified(terms *agreement.Terms) error {
	if !terms.VerifiedPayments {
		return nil
	}
	for _, who := range t.bilateral.Pair() {
		if v, there := get[Verified](t, VerifiedKey(who)); !there || v.Expires <= t.ctx.Block.Time {
			return fault.Newf(CodeUnverified, "have compliance of the other side check it and say so with compliance.verify",
				"nothing on record says that the other side has checked who %s is, or the check is over", who)
		}
	}
	return nil
}

// mayArrive says whether the payment that an obligation was advised with may
// become final.
func (t *tx) mayArrive(o settlement.Obligation) error {
	r, _ := get[settlement.Remittance](t, RemittanceKey(o.Payer, o.Payment.Reference))
	for _, p := range r.Parts {
		x, _ := get[settlement.Obligation](t, ObligationKey(p.Obligation))
		inv, _ := get[invoice.Invoice](t, InvoiceKey(x.Invoices[0]))
		if err := t.verified(t.agreementTerms(inv.Agreement)); err != nil {
			return err
		}
	}
	return nil
}

// heldPayment checks what compliance does about a payment, and gives it.
func (t *tx) heldPayment(c PaymentHold, e settlement.Event) (r settlement.Remittance, act party.Act, err error) {
	o, _, err := t.obligationOf(c.Obligation, e)
	if err != nil {
		return r, act, err
	}
	if e == settlement.Release && o.Hold.Act.By != t.own {
		return r, act, fault.New(fault.Forbidden, "the side that holds a payment lets it go", "wait for the partner's compliance").In("obligation")
	}
	if c.Why == "" {
		return r, act, invalid("why", "no reason is given", "say why")
	}
	if err := checkWhy(c.Why); err != nil {
		return r, act, err
	}
	if act, err = t.authorize(nil); err != nil {
		return r, act, err
	}
	r, _ = get[settlement.Remittance](t, RemittanceKey(o.Payer, o.Payment.Reference))
	return r, act, nil
}

func paymentHold(t *tx, c PaymentHold) error {
	r, act, err := t.heldPayment(c, settlement.Withhold)
	if err != nil {
		return err
	}
	for _, p := range r.Parts {
		o, _ := get[settlement.Obligation](t, ObligationKey(p.Obligation))
		o.State, _ = o.State.Next(settlement.Withhold)
		o.Hold = settlement.Hold{Act: act, Why: c.Why, Left: max(0, o.Deadline-t.ctx.Block.Time)}
		o.Deadline = 0
		t.put(ObligationKey(o.ID), o)
		t.emit(EventPaymentHeld, ObligationKey(o.ID), c.Why)
	}
	return nil
}

func paymentRelease(t *tx, c PaymentHold) error {
	r, _, err := t.heldPayment(c, settlement.Release)
	if err != nil {
		return err
	}
	for _, p := range r.Parts {
		o, _ := get[settlement.Obligation](t, ObligationKey(p.Obligation))
		o.State, _ = o.State.Next(settlement.Release)
		o.Deadline = t.ctx.Block.Time + max(1, o.Hold.Left)
		o.Hold = settlement.Hold{}
		t.put(ObligationKey(o.ID), o)
		t.emit(EventPaymentReleased, ObligationKey(o.ID), c.Why)
	}
	return nil
}

// Verified gives the other side's check of a member.
func (v View) Verified(member party.Code) (Verified, bool) {
	return get[Verified](v, VerifiedKey(member))
}
