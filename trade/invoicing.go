package trade

import (
	"bytes"
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
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/usage"
)

// Codes of refusals about invoices.
const (
	// CodeBelowThreshold says that the difference is too small to be disputed
	// (MEF 114 [D19]).
	CodeBelowThreshold fault.Code = "below-threshold"
	// CodeAboveThreshold says that the difference is too large to be accepted
	// and reserved.
	CodeAboveThreshold fault.Code = "above-threshold"
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
	for _, v := range volumeTerms(b.terms) {
		if _, there := lines[v.Currency]; !there {
			lines[v.Currency] = nil // a window that is over may have fallen short without a call
		}
	}
	ids := map[money.Currency]string{}
	for _, c := range currencies(lines) {
		volume, err := t.meter(b, c, lines[c], metering{ends: true})
		if err != nil {
			return nil, err
		}
		if len(lines[c])+len(volume) == 0 {
			continue
		}
		if ids[c], err = t.issue(b, c, lines[c], "", issuing{volume: volume}); err != nil {
			return nil, err
		}
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
		BilledSeconds: p.line.BilledSeconds, Amount: p.amount, State: s, Dispute: disputed, Reason: p.line.Reason}
}

func (t *tx) disputeID(b *billing, l usage.Line) string {
	return dispute.ID(b.period.Order, b.period.Interval, l.Row, l.Adjusts)
}

// issue writes an invoice and its document. Decided lines are what came out of
// disputes: both sides have agreed to them, so their invoice is final at once
// ([R78]).
func (t *tx) issue(b *billing, c money.Currency, lines []invoice.Line, follows string, as issuing) (string, error) {
	if !order.Allows[b.order.State].Invoicing {
		return "", fault.Newf(CodeOrderState, "resume or accept the order first", "order %s is %s, which allows no invoice", b.order.ID, b.order.State).In("period.order")
	}
	slices.SortFunc(lines, lineOrder)
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
	for _, l := range as.volume {
		if total, err = total.Add(l.Amount); err != nil {
			return "", err
		}
	}
	now := t.ctx.Block.Time
	method := b.terms.Payment[0]
	number := uint32(len(b.period.Invoices)) + 1
	id := invoice.ID(b.seller, b.buyer, b.order.ID, b.period.Interval, c, number)
	doc := invoice.Document{ID: id, Seller: b.seller, Buyer: b.buyer, Direction: b.period.Direction, Interval: b.period.Interval, Order: b.order.ID,
		Agreement: b.period.Agreement, Terms: b.period.Terms, Number: number, Follows: follows, Currency: c, Lines: lines, Volume: as.volume,
		Total: total, Open: open, Method: method.Name, Issued: now, Due: now + int64(method.DueDays)*dayMillis}
	if as.note != "" {
		doc.Note, doc.Version, doc.Why = as.note, b.period.Version, as.why
	}
	raw := canon.Must(doc)
	inv := invoice.Invoice{ID: id, Order: b.order.ID, Interval: b.period.Interval, Agreement: b.period.Agreement, Seller: b.seller, Buyer: b.buyer,
		Currency: c, Number: number, Follows: follows, Document: sha256Sum(raw), Total: total, Open: open, OpenLines: openLines,
		Method: method.Name, Issued: now, Due: doc.Due, State: invoice.Issued,
		Note: doc.Note, Version: doc.Version}
	t.write(DocumentKey(id), raw)
	b.period.Invoices = append(b.period.Invoices, id)
	b.period.Unsettled++
	t.emit(EventInvoiceIssued, InvoiceKey(id), "")
	if err := t.invoiced(b.terms, c, inv.Size(), open); err != nil {
		return "", err
	}
	if as.decided {
		inv.State = invoice.Final
		t.claim(id, b.seller, b.buyer, c, settlement.Final, total)
		return id, t.payable(&inv, b)
	}
	t.claim(id, b.seller, b.buyer, c, settlement.Invoiced, total)
	t.claim(id, b.seller, b.buyer, c, settlement.Disputed, open)
	if doc.AllOpen(openLines) {
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
func (t *tx) compareInvoiced(b billing, m matched, byRule bool) error {
	byCurrency := map[money.Currency]string{}
	accepted := map[money.Currency]bool{}
	for _, id := range b.period.Invoices {
		inv, _ := get[invoice.Invoice](t, InvoiceKey(id))
		byCurrency[inv.Currency] = id
		accepted[inv.Currency] = inv.State != invoice.Issued
	}
	sums := tolerances{}
	var disputed []differing
	for i, d := range slices.Concat(m.near, m.open) {
		c := d.any().rate.Currency
		if accepted[c] {
			continue
		}
		near := i < len(m.near) // agreed by its seconds, whatever it comes to
		line, _ := party.LimitIn(b.terms.LineThreshold, c)
		ok := near || d.amount() <= line.Micro
		if ok {
			var err error
			if ok, err = sums.take(t, &b, d); err != nil {
				return err
			}
		}
		if !ok {
			disputed = append(disputed, d)
		}
	}
	slices.SortFunc(disputed, func(x, y differing) int { return x.any().line.Order(y.any().line) })
	if err := t.keepTolerated(&b, sums, byCurrency); err != nil {
		return err
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

// amount is what the two sides are apart. Amounts are not negative.
func (d differing) amount() money.Micro {
	return max(d.seller.amount, d.buyer.amount) - min(d.seller.amount, d.buyer.amount)
}

// tolerances sums, by currency, the differences that one command leaves without
// a dispute: those of a comparison that are within the tolerance or the
// threshold of a line, and those that a buyer reserves as it accepts.
type tolerances map[money.Currency]money.Micro

// take leaves a difference without a dispute, unless it is too much together
// with all the others that were left so in periods still open: short periods
// hide nothing.
func (s tolerances) take(t *tx, b *billing, d differing) (bool, error) {
	c := d.any().rate.Currency
	after, err := s[c].Add(d.amount())
	if err != nil {
		return false, err
	}
	fits, err := t.fits(b, c, after)
	if fits {
		s[c] = after
	}
	return fits, err
}

// fits reports whether more differences are within the cumulated threshold. None
// at all always are.
func (t *tx) fits(b *billing, c money.Currency, more money.Micro) (bool, error) {
	whole, _ := party.LimitIn(b.terms.OpenThreshold, c)
	sum, _ := get[Balance](t, ToleratedKey(b.period.Direction, c))
	after, err := sum.Micro.Add(more)
	return more == 0 || after <= whole.Micro, err
}

// keepTolerated adds what a command has left without a dispute to what was left
// before, until the period's invoice in that currency is settled. Where there is
// no invoice, the buyer alone has the lines, and owes nothing for them.
func (t *tx) keepTolerated(b *billing, sums tolerances, byCurrency map[money.Currency]string) error {
	for _, c := range currencies(sums) {
		id, ok := byCurrency[c]
		inv, _ := get[invoice.Invoice](t, InvoiceKey(id))
		if !ok || sums[c] == 0 || inv.State == invoice.Settled {
			continue
		}
		key := ToleratedKey(b.period.Direction, c)
		sum, _ := get[Balance](t, key)
		var err error
		if sum.Micro, err = sum.Micro.Add(sums[c]); err != nil {
			return err
		}
		if inv.Tolerated, err = inv.Tolerated.Add(sums[c]); err != nil {
			return err
		}
		t.put(InvoiceKey(id), inv)
		t.put(key, sum)
	}
	return nil
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
	if inv.State != invoice.Issued || !doc.AllOpen(inv.OpenLines) {
		return nil
	}
	inv.State, _ = inv.State.Next(invoice.Dispute)
	inv.Deadline = 0
	t.put(InvoiceKey(id), inv)
	t.emit(EventInvoiceMoved, InvoiceKey(id), string(inv.State))
	return nil
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
	a, _ := again[agreement.Agreement](t, AgreementKey(id))
	return t.latest(a)
}

func invoiceAccept(t *tx, c InvoiceAccept) error {
	inv, err := t.invoiceOf(c.ID, c.Document)
	if err != nil {
		return err
	}
	if inv.Note != "" && len(c.Reserved) > 0 {
		return invalid("reserved", "a note is accepted as a whole", "accept it, or reject it with invoice.reject")
	}
	act, err := t.authorize(t.agreementTerms(inv.Agreement), money.Amount{Currency: inv.Currency, Micro: max(0, inv.Total)})
	if err != nil {
		return err
	}
	b := t.billingOf(inv)
	if err := t.reserve(&inv, &b, c.Reserved); err != nil {
		return err
	}
	if err := t.accepted(&inv, &b, act); err != nil {
		return err
	}
	t.save(b)
	return nil
}

// reserve keeps in mind on which lines the buyer comes to other figures and
// accepts all the same, because the difference is within the thresholds. What it
// reserves counts against the cumulated one.
func (t *tx) reserve(inv *invoice.Invoice, b *billing, reserved []Objection) error {
	if len(reserved) == 0 {
		return nil
	}
	found, err := t.objections(b, *inv, reserved)
	if err != nil {
		return fault.Of(err).In("reserved")
	}
	line, _ := party.LimitIn(b.terms.LineThreshold, inv.Currency)
	sums := tolerances{}
	for i, d := range found {
		ok, err := sums.take(t, b, d)
		if err != nil {
			return err
		}
		if !ok || d.amount() > line.Micro {
			return fault.Newf(CodeAboveThreshold, "dispute the line with invoice.dispute", "the difference on line %d is above the agreed thresholds", reserved[i].Row).In("reserved")
		}
	}
	t.put(InvoiceKey(inv.ID), *inv)
	if err := t.keepTolerated(b, sums, map[money.Currency]string{inv.Currency: inv.ID}); err != nil {
		return err
	}
	*inv, _ = get[invoice.Invoice](t, InvoiceKey(inv.ID))
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
	t.dropObjections(inv)
	t.shift(inv.ID, inv.Seller, inv.Buyer, inv.Currency, settlement.Invoiced, settlement.Final, inv.Total)
	t.emit(EventInvoiceMoved, InvoiceKey(inv.ID), string(inv.State))
	if inv.Note != "" {
		if err := t.countNote(inv, b); err != nil {
			return err
		}
	}
	return t.payable(inv, b)
}

// payable opens the debt for a final total: by itself where the agreement does
// not net; on request, or when it is due, where it does. A total of zero is
// discharged at once.
func (t *tx) payable(inv *invoice.Invoice, b *billing) error {
	switch {
	case inv.Total == 0:
		return t.discharge(inv, b)
	case b.terms.Netting:
		inv.Deadline = max(inv.Due, t.ctx.Block.Time) // what is not netted when it is due is owed by itself
	default:
		settled, err := t.owe(inv, t.ctx.Block.Time)
		if err != nil {
			return err
		}
		if settled {
			return t.discharge(inv, b)
		}
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
	if inv.Note != "" {
		return invalid("id", "a note is answered as a whole", "accept it, or reject it with invoice.reject")
	}
	if c.Part, c.Of, err = parts(c.Part, c.Of); err != nil {
		return err
	}
	if c.Of > 1 {
		if whole, err := t.gather(&inv, &c); err != nil || !whole {
			return err
		}
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
	disputed, err := t.objections(&b, inv, c.Lines)
	if err != nil {
		return err
	}
	if err := t.worthDisputing(&b, inv.Currency, disputed); err != nil {
		return err
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
	if err := t.reserve(&inv, &b, c.Reserved); err != nil {
		return err
	}
	act, err := t.authorize(t.agreementTerms(inv.Agreement), money.Amount{Currency: inv.Currency, Micro: max(0, inv.Total)})
	if err != nil {
		return err
	}
	if err := b.move(invoice.PeriodReopen); err != nil {
		return err
	}
	if doc.AllOpen(inv.OpenLines) {
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

// gather keeps a part of a buyer's objections. With the last one it gives the
// command all of them and takes the parts off.
func (t *tx) gather(inv *invoice.Invoice, c *InvoiceDispute) (whole bool, err error) {
	part := canon.Must(Objections{c.Lines, c.Reserved})
	if c.Part <= inv.Objected {
		if old, _ := t.Get(ObjectionKey(inv.ID, c.Part)); bytes.Equal(old, part) {
			return false, nil
		}
		if c.Part != 1 {
			return false, conflict("part", "begin again with part 1", "another part %d of the objections is there", c.Part)
		}
		t.dropObjections(inv)
	}
	if c.Part != inv.Objected+1 {
		return false, fault.New(fault.NotYet, "a part of the objections is missing", "send the parts in order").In("part")
	}
	if c.Part < c.Of {
		if _, err := t.authorize(t.agreementTerms(inv.Agreement)); err != nil {
			return false, err
		}
		inv.Objected = c.Part
		t.write(ObjectionKey(inv.ID, c.Part), part)
		t.put(InvoiceKey(inv.ID), *inv)
		return false, nil
	}
	var all Objections
	for n := uint32(1); n < c.Part; n++ {
		o, _ := get[Objections](t, ObjectionKey(inv.ID, n))
		all.Lines, all.Reserved = append(all.Lines, o.Lines...), append(all.Reserved, o.Reserved...)
	}
	c.Lines, c.Reserved = append(all.Lines, c.Lines...), append(all.Reserved, c.Reserved...)
	t.dropObjections(inv)
	return true, nil
}

// dropObjections takes parts off that are of no use any more.
func (t *tx) dropObjections(inv *invoice.Invoice) {
	for n := uint32(1); n <= inv.Objected; n++ {
		t.drop(ObjectionKey(inv.ID, n))
	}
	inv.Objected = 0
}

// objections finds the lines of an invoice that a buyer objects to, with what
// its own figures come to.
func (t *tx) objections(b *billing, inv invoice.Invoice, lines []Objection) ([]differing, error) {
	doc, _ := get[invoice.Document](t, DocumentKey(inv.ID))
	type at struct {
		row     uint32
		adjusts usage.Interval
	}
	billed := make(map[at]invoice.Line, len(doc.Lines))
	for _, l := range doc.Lines {
		if l.State == invoice.Agreed {
			billed[at{l.Row, l.Adjusts}] = l
		}
	}
	out := make([]differing, len(lines))
	for i, o := range lines {
		l, ok := billed[at{o.Row, o.Adjusts}]
		if !ok {
			return nil, notFound("lines", "line, not named before, that can be disputed with the row", strconv.FormatUint(uint64(o.Row), 10))
		}
		delete(billed, at{o.Row, o.Adjusts})
		if o.Calls > maxFigure || o.BilledSeconds > maxFigure {
			return nil, invalid("lines", "the figures are out of range", "check the records")
		}
		if _, there := t.Get(DisputeKey(t.disputeID(b, usage.Line{Row: o.Row, Adjusts: o.Adjusts}))); there {
			return nil, conflict("lines", "look at the open dispute", "line %d is disputed already", o.Row)
		}
		expected, err := l.Rate.Charge(o.Calls, o.BilledSeconds, b.terms.Rounding.Mode)
		if err != nil {
			return nil, fault.Of(err).In("lines")
		}
		key := usage.Line{Row: l.Row, Adjusts: l.Adjusts, Reason: l.Reason}
		seller, buyer := key, key
		seller.Calls, seller.RawMillis, seller.BilledSeconds = l.Calls, l.RawMillis, l.BilledSeconds
		buyer.Calls, buyer.BilledSeconds = o.Calls, o.BilledSeconds
		out[i] = differing{priced{seller, l.Rate, l.Amount}, priced{buyer, l.Rate, expected}}
	}
	return out, nil
}

// worthDisputing refuses a dispute of lines on which the difference is within
// the threshold of a line, unless all such lines together, with what was left
// without a dispute before, are above the cumulated one.
func (t *tx) worthDisputing(b *billing, c money.Currency, disputed []differing) error {
	line, _ := party.LimitIn(b.terms.LineThreshold, c)
	var sum money.Micro
	var small []differing
	for _, d := range disputed {
		diff := d.amount()
		if diff > line.Micro {
			continue
		}
		if diff == 0 {
			return tooSmall(d)
		}
		small = append(small, d)
		var err error
		if sum, err = sum.Add(diff); err != nil {
			return err
		}
	}
	fits, err := t.fits(b, c, sum)
	if err != nil || !fits {
		return err
	}
	if len(small) > 0 {
		return tooSmall(small[0])
	}
	return nil
}

func tooSmall(d differing) error {
	return fault.Newf(CodeBelowThreshold, "accept the line, and reserve the difference", "the difference on line %d is within the agreed thresholds", d.any().line.Row).In("lines")
}
