package trade

import (
	"cmp"
	"crypto/sha256"
	"slices"
	"strconv"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/usage"
)

// Codes of refusals about invoices.
const (
	// CodeBelowThreshold says that the difference is too small to be disputed
	// (MEF 114 [D19]).
	CodeBelowThreshold fault.Code = "below-threshold"
)

const dayMillis = 24 * 3600 * 1000

func itoa(n int) string { return strconv.Itoa(n) }

func sha256Sum(raw []byte) canon.Hash { return sha256.Sum256(raw) }

// issueAll issues one invoice for each currency that has a line (MEF 114
// [R65]-[R71], [D17]) and gives their ids by currency. Open lines are named
// with the seller's claim; where the seller claims nothing there is nothing to
// name.
func (t *tx) issueAll(b *billing, agreed []priced, open []differing) (map[money.Currency]string, error) {
	lines := map[money.Currency][]invoice.Line{}
	for _, p := range agreed {
		lines[p.rate.Currency] = append(lines[p.rate.Currency], documentLine(p, invoice.Agreed, ""))
	}
	for _, d := range open {
		if d.seller.line.Calls > 0 {
			p := d.seller
			lines[p.rate.Currency] = append(lines[p.rate.Currency], documentLine(p, invoice.Open, t.disputeID(b, p.line)))
		}
	}
	ids := map[money.Currency]string{}
	for _, c := range currencies(lines) {
		id, err := t.issue(b, c, lines[c], "", false)
		if err != nil {
			return nil, err
		}
		ids[c] = id
	}
	return ids, nil
}

func currencies[V any](m map[money.Currency]V) []money.Currency {
	out := make([]money.Currency, 0, len(m))
	for c := range m {
		out = append(out, c)
	}
	slices.Sort(out)
	return out
}

func documentLine(p priced, s invoice.LineState, disputed string) invoice.Line {
	return invoice.Line{Row: p.line.Row, Adjusts: p.line.Adjusts, Rate: p.rate, Calls: p.line.Calls, RawMillis: p.line.RawMillis,
		BilledSeconds: p.line.BilledSeconds, Amount: p.amount, State: s, Dispute: disputed}
}

func (t *tx) disputeID(b *billing, l usage.Line) string {
	return dispute.ID(b.period.Order, b.period.Interval, l.Row, l.Adjusts)
}

// issue writes an invoice and its document. Decided lines are what came out of
// disputes: both sides have agreed to them, so their invoice is final at once
// ([R78]).
func (t *tx) issue(b *billing, c money.Currency, lines []invoice.Line, follows string, decided bool) (string, error) {
	if !order.Allows[b.order.State].Invoicing {
		return "", fault.Newf(CodeOrderState, "resume or accept the order first", "order %s is %s, which allows no invoice", b.order.ID, b.order.State).In("period.order")
	}
	slices.SortFunc(lines, func(x, y invoice.Line) int {
		return cmp.Or(cmp.Compare(x.Adjusts.From, y.Adjusts.From), cmp.Compare(x.Row, y.Row))
	})
	var total, open money.Micro
	var openLines uint32
	var err error
	for _, l := range lines {
		if l.State == invoice.Open {
			openLines++
			open, err = open.Add(l.Amount)
		} else {
			total, err = total.Add(l.Amount)
		}
		if err != nil {
			return "", err
		}
	}
	now := t.ctx.Block.Time
	method := b.terms.Payment[0]
	number := uint32(len(b.period.Invoices)) + 1
	id := invoice.ID(b.seller, b.buyer, b.order.ID, b.period.Interval, c, number)
	doc := invoice.Document{ID: id, Seller: b.seller, Buyer: b.buyer, Direction: b.period.Direction, Interval: b.period.Interval, Order: b.order.ID,
		Agreement: b.period.Agreement, Terms: b.period.Terms, Number: number, Follows: follows, Currency: c, Lines: lines,
		Total: total, Open: open, Method: method.Name, Issued: now, Due: now + int64(method.DueDays)*dayMillis}
	raw := canon.Must(doc)
	inv := invoice.Invoice{ID: id, Order: b.order.ID, Interval: b.period.Interval, Agreement: b.period.Agreement, Seller: b.seller, Buyer: b.buyer,
		Currency: c, Number: number, Follows: follows, Document: sha256Sum(raw), Total: total, Open: open, OpenLines: openLines,
		Method: method.Name, Issued: now, Due: doc.Due, State: invoice.Issued}
	t.write(DocumentKey(id), raw)
	b.period.Invoices = append(b.period.Invoices, id)
	b.period.Unsettled++
	t.emit(EventInvoiceIssued, InvoiceKey(id), "")
	if err := t.invoiced(b.terms, c, total, open); err != nil {
		return "", err
	}
	if decided {
		inv.State = invoice.Final
		t.claim(id, b.seller, b.buyer, c, settlement.Final, total)
		return id, t.payable(&inv, b)
	}
	t.claim(id, b.seller, b.buyer, c, settlement.Invoiced, total)
	t.claim(id, b.seller, b.buyer, c, settlement.Disputed, open)
	if openLines == uint32(len(lines)) {
		inv.State, _ = inv.State.Next(invoice.Dispute)
	} else {
		inv.Deadline = now + b.terms.Deadline(agreement.StageAcceptance).Millis
	}
	t.put(InvoiceKey(id), inv)
	return id, nil
}

// invoiceAsStated issues the invoice before the comparison, as the seller
// states (compare: after-invoice).
func (t *tx) invoiceAsStated(b *billing) error {
	lines, err := t.lines(b, SellerSide)
	if err != nil {
		return err
	}
	_, err = t.issueAll(b, lines, nil)
	return err
}

// compareInvoiced disputes the lines of issued invoices on which the buyer's
// statement differs by more than the thresholds, and accepts the others. What
// the buyer has accepted before is binding, whatever it states later.
func (t *tx) compareInvoiced(b billing, open []differing, byRule bool) error {
	byCurrency := map[money.Currency]string{}
	accepted := map[money.Currency]bool{}
	for _, id := range b.period.Invoices {
		inv, _ := get[invoice.Invoice](t, InvoiceKey(id))
		byCurrency[inv.Currency] = id
		accepted[inv.Currency] = inv.State != invoice.Issued
	}
	var disputed []differing
	for _, d := range open {
		if accepted[d.any().rate.Currency] {
			continue
		}
		tolerated, err := t.tolerate(&b, d.any().rate.Currency, d.seller.amount, d.buyer.amount)
		if err != nil {
			return err
		}
		if !tolerated {
			disputed = append(disputed, d)
		}
	}
	for _, d := range disputed {
		id := byCurrency[d.any().rate.Currency]
		t.openDispute(&b, d, id, byRule)
		if d.seller.line.Calls == 0 {
			continue
		}
		inv, _ := get[invoice.Invoice](t, InvoiceKey(id))
		if err := t.withdraw(&inv, d.seller.amount, settlement.Invoiced); err != nil {
			return err
		}
		t.put(InvoiceKey(id), inv)
	}
	for _, id := range b.period.Invoices {
		if err := t.allOpen(id); err != nil {
			return err
		}
	}
	return t.compared(b, len(disputed))
}

// withdraw takes a line's claim out of an invoice's total until it is decided.
func (t *tx) withdraw(inv *invoice.Invoice, claim money.Micro, from settlement.Purpose) error {
	total, err := inv.Total.Sub(claim)
	if err != nil {
		return err
	}
	open, err := inv.Open.Add(claim)
	if err != nil {
		return err
	}
	inv.Total, inv.Open, inv.OpenLines = total, open, inv.OpenLines+1
	t.shift(inv.ID, inv.Seller, inv.Buyer, inv.Currency, from, settlement.Disputed, claim)
	return nil
}

// allOpen marks an issued invoice of which no line is left that is not open.
func (t *tx) allOpen(id string) error {
	inv, _ := get[invoice.Invoice](t, InvoiceKey(id))
	doc, _ := get[invoice.Document](t, DocumentKey(id))
	if inv.State != invoice.Issued || inv.OpenLines < uint32(len(doc.Lines)) {
		return nil
	}
	inv.State, _ = inv.State.Next(invoice.Dispute)
	inv.Deadline = 0
	t.put(InvoiceKey(id), inv)
	t.emit(EventInvoiceMoved, InvoiceKey(id), string(inv.State))
	return nil
}

// tolerate accepts a difference that is within the threshold of a line and,
// with all that were accepted in periods still open, within the cumulated one.
func (t *tx) tolerate(b *billing, c money.Currency, claimed, expected money.Micro) (bool, error) {
	diff, err := claimed.Sub(expected)
	if err != nil {
		return false, err
	}
	if diff < 0 {
		if diff, err = diff.Neg(); err != nil {
			return false, err
		}
	}
	if diff == 0 {
		return true, nil
	}
	line, _ := party.LimitIn(b.terms.LineThreshold, c)
	whole, _ := party.LimitIn(b.terms.OpenThreshold, c)
	key := ToleratedKey(b.period.Direction, c)
	sum, _ := get[Balance](t, key)
	after, err := sum.Micro.Add(diff)
	if err != nil {
		return false, err
	}
	if diff > line.Micro || after > whole.Micro {
		return false, nil
	}
	for _, id := range b.period.Invoices {
		inv, _ := get[invoice.Invoice](t, InvoiceKey(id))
		if inv.Currency == c && inv.State != invoice.Settled {
			if inv.Tolerated, err = inv.Tolerated.Add(diff); err != nil {
				return false, err
			}
			t.put(InvoiceKey(id), inv)
			t.put(key, Balance{after})
			return true, nil
		}
	}
	return true, nil // no invoice, so the buyer alone has it, and it owes nothing
}

// invoiceOf finds the invoice that a buyer's command is about.
func (t *tx) invoiceOf(id string, document canon.Hash) (invoice.Invoice, error) {
	inv, ok := get[invoice.Invoice](t, InvoiceKey(id))
	if !ok {
		return inv, notFound("id", "invoice", id)
	}
	if inv.Buyer != t.own {
		return inv, fault.New(fault.Forbidden, "the buyer answers an invoice", "wait for the partner").In("id")
	}
	if inv.Document != document {
		return inv, conflict("document", "read the invoice as it was issued", "the answer is about another document")
	}
	if inv.State != invoice.Issued {
		return inv, wrongState("invoice", id, string(inv.State), "an answer of the buyer")
	}
	return inv, nil
}

func (t *tx) billingOf(inv invoice.Invoice) billing {
	key := PeriodKey(inv.Order, inv.Interval)
	p, _ := get[invoice.Period](t, key)
	return t.around(key, p)
}

func (t *tx) agreementTerms(id string) *agreement.Terms {
	a, _ := get[agreement.Agreement](t, AgreementKey(id))
	return t.latest(a)
}

func invoiceAccept(t *tx, c InvoiceAccept) error {
	inv, err := t.invoiceOf(c.ID, c.Document)
	if err != nil {
		return err
	}
	act, err := t.authorize(t.agreementTerms(inv.Agreement), money.Amount{Currency: inv.Currency, Micro: inv.Total})
	if err != nil {
		return err
	}
	b := t.billingOf(inv)
	if err := t.accepted(&inv, &b, act); err != nil {
		return err
	}
	t.save(b)
	return nil
}

// accepted makes an invoice's total final and binding (MEF 114 [R78]-[R81]).
func (t *tx) accepted(inv *invoice.Invoice, b *billing, act party.Act) error {
	event := invoice.Accept
	if inv.OpenLines > 0 {
		event = invoice.AcceptPart
	}
	next, ok := inv.State.Next(event)
	if !ok {
		return wrongState("invoice", inv.ID, string(inv.State), "acceptance")
	}
	inv.State, inv.Accepted, inv.Deadline = next, act, 0
	t.shift(inv.ID, inv.Seller, inv.Buyer, inv.Currency, settlement.Invoiced, settlement.Final, inv.Total)
	t.emit(EventInvoiceMoved, InvoiceKey(inv.ID), string(inv.State))
	return t.payable(inv, b)
}

// payable opens the debt for a final total: by itself where the agreement does
// not net; on request, or when it is due, where it does. A total of zero is discharged at once.
func (t *tx) payable(inv *invoice.Invoice, b *billing) error {
	switch {
	case inv.Total == 0:
		return t.discharge(inv, b)
	case b.terms.Netting:
		inv.Deadline = max(inv.Due, t.ctx.Block.Time) // what is not netted when it is due is owed by itself
	default:
		t.owe(inv, t.ctx.Block.Time)
	}
	t.put(InvoiceKey(inv.ID), *inv)
	return nil
}

// discharge marks an invoice's total as paid, and settles the invoice when it
// is final. The period is changed, not saved.
func (t *tx) discharge(inv *invoice.Invoice, b *billing) error {
	next, ok := inv.State.Next(invoice.Settle)
	if !ok {
		return wrongState("invoice", inv.ID, string(inv.State), "its settlement")
	}
	inv.Paid, inv.Deadline = true, 0
	if next != inv.State {
		inv.State = next
		t.emit(EventInvoiceMoved, InvoiceKey(inv.ID), string(next))
	}
	return t.settled(inv, b)
}

// settled writes an invoice and, if it is settled, takes it off the period.
func (t *tx) settled(inv *invoice.Invoice, b *billing) error {
	if inv.State == invoice.Settled {
		b.period.Unsettled--
		if inv.Tolerated != 0 {
			key := ToleratedKey(b.period.Direction, inv.Currency)
			sum, _ := get[Balance](t, key)
			rest, err := sum.Micro.Sub(inv.Tolerated)
			if err != nil {
				return err
			}
			t.put(key, Balance{rest})
		}
		t.finish(b)
	}
	t.put(InvoiceKey(inv.ID), *inv)
	return nil
}

func invoiceDispute(t *tx, c InvoiceDispute) error {
	inv, err := t.invoiceOf(c.ID, c.Document)
	if err != nil {
		return err
	}
	if len(c.Lines) == 0 {
		return invalid("lines", "no line is disputed", "name the lines, or accept the invoice")
	}
	if c.Why == "" {
		return invalid("why", "the dispute gives no reason", "say what is wrong")
	}
	if err := checkWhy(c.Why); err != nil {
		return err
	}
	b := t.billingOf(inv)
	doc, _ := get[invoice.Document](t, DocumentKey(inv.ID))
	var disputed []differing
	for _, l := range c.Lines {
		d, err := t.object(&b, inv, doc, l)
		if err != nil {
			return err
		}
		disputed = append(disputed, d)
	}
	for i, d := range disputed {
		id := t.disputeID(&b, d.seller.line)
		if _, there := t.Get(DisputeKey(id)); there {
			return conflict("lines", "name each line once", "line %d is disputed already", c.Lines[i].Row)
		}
		t.openDispute(&b, d, inv.ID, false)
		t.amendDispute(id, c.Why, c.Evidence)
		if err := t.withdraw(&inv, d.seller.amount, settlement.Invoiced); err != nil {
			return err
		}
	}
	act, err := t.authorize(t.agreementTerms(inv.Agreement), money.Amount{Currency: inv.Currency, Micro: inv.Total})
	if err != nil {
		return err
	}
	if err := b.move(invoice.PeriodReopen); err != nil {
		return err
	}
	if inv.OpenLines == uint32(len(doc.Lines)) {
		inv.State, _ = inv.State.Next(invoice.Dispute)
		inv.Accepted, inv.Deadline = act, 0
		t.emit(EventInvoiceMoved, InvoiceKey(inv.ID), string(inv.State))
		t.put(InvoiceKey(inv.ID), inv)
	} else if err := t.accepted(&inv, &b, act); err != nil {
		return err
	}
	t.save(b)
	return nil
}

// object finds a disputed line on the invoice and asks whether the difference
// is worth a dispute.
func (t *tx) object(b *billing, inv invoice.Invoice, doc invoice.Document, o Objection) (differing, error) {
	for _, l := range doc.Lines {
		if l.Row != o.Row || l.Adjusts != o.Adjusts || l.State != invoice.Agreed {
			continue
		}
		if o.Calls > maxFigure || o.BilledSeconds > maxFigure {
			return differing{}, invalid("lines", "the figures are out of range", "check the records")
		}
		if _, there := t.Get(DisputeKey(t.disputeID(b, usage.Line{Row: o.Row, Adjusts: o.Adjusts}))); there {
			return differing{}, conflict("lines", "look at the open dispute", "line %d is disputed already", o.Row)
		}
		expected, err := rating.Charge(&l.Rate, o.BilledSeconds, b.terms.Rounding.Mode)
		if err != nil {
			return differing{}, fault.Of(err).In("lines")
		}
		if t.belowThreshold(b, inv.Currency, l.Amount, expected) {
			return differing{}, fault.Newf(CodeBelowThreshold, "accept the line", "the difference on line %d is within the agreed threshold", o.Row).In("lines")
		}
		key := usage.Line{Row: l.Row, Adjusts: l.Adjusts}
		seller, buyer := key, key
		seller.Calls, seller.RawMillis, seller.BilledSeconds = l.Calls, l.RawMillis, l.BilledSeconds
		buyer.Calls, buyer.BilledSeconds = o.Calls, o.BilledSeconds
		return differing{priced{seller, l.Rate, l.Amount}, priced{buyer, l.Rate, expected}}, nil
	}
	return differing{}, notFound("lines", "line that can be disputed with the row", strconv.FormatUint(uint64(o.Row), 10))
}

// belowThreshold reports whether a difference is within the threshold of a line
// and the cumulated one. No difference at all always is.
func (t *tx) belowThreshold(b *billing, c money.Currency, claimed, expected money.Micro) bool {
	diff := max(claimed, expected) - min(claimed, expected) // amounts are not negative
	line, _ := party.LimitIn(b.terms.LineThreshold, c)
	whole, _ := party.LimitIn(b.terms.OpenThreshold, c)
	sum, _ := get[Balance](t, ToleratedKey(b.period.Direction, c))
	return diff == 0 || diff <= line.Micro && sum.Micro <= whole.Micro-diff
}
