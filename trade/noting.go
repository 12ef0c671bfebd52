package trade

import (
	"slices"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/usage"
)

// What a payment earns or costs by its moment is a note: a credit note for one in
// the days of the discount, a debit note for interest. It follows from terms that
// both have agreed to, so it is final at once; then it settles as any invoice does.

// paymentTerms gives the terms of payment of the period that an invoice is for.
func paymentTerms(r Records, inv *invoice.Invoice) agreement.Terms {
	p, _ := known[invoice.Period](r, PeriodKey(inv.Order, inv.Interval))
	terms, _ := known[agreement.Terms](r, TermsKey(p.Terms))
	return terms
}

// discount gives what the payer of a debt may leave off when it pays at a moment
// (ms UTC): for one invoice that no note is and nothing was set off against.
func discount(r Records, o settlement.Obligation, at int64) money.Micro {
	if len(o.Invoices) != 1 || o.Netting != "" || o.State == settlement.Settled {
		return 0
	}
	inv, ok := known[invoice.Invoice](r, InvoiceKey(o.Invoices[0]))
	if !ok || inv.Note != "" || inv.Total <= 0 {
		return 0
	}
	terms := paymentTerms(r, &inv)
	if terms.Credit == nil {
		return 0
	}
	off, err := terms.PaymentTerms().Early(o.Amount.Micro-o.Brought, inv.Issued, at)
	if err != nil { // a share of less than the whole has room
		return 0
	}
	return off
}

// early takes the discount off a debt of which nothing else is left, by a credit
// note. Who pays more than it has to takes less.
func (t *tx) early(o *settlement.Obligation) error {
	left := o.Left()
	off := min(left.Micro, discount(t, *o, o.Payment.Act.Time))
	rest := left
	rest.Micro -= off
	if off == 0 || settlement.Payable(left).Micro == 0 || settlement.Payable(rest).Micro > 0 {
		return nil
	}
	inv, _ := get[invoice.Invoice](t, InvoiceKey(o.Invoices[0]))
	note, b, err := t.payNote(&inv, o, invoice.VolumeLine{Name: "early payment", Kind: invoice.Early, Window: usage.Interval{From: inv.Issued, To: o.Payment.Act.Time},
		Charges: o.Amount.Micro - o.Brought, Amount: -off})
	if err != nil {
		return err
	}
	t.claim(note.ID, note.Buyer, note.Seller, note.Currency, settlement.Final, note.Total) // set off against the debt
	t.claim(note.ID, o.Payer, o.Payee, note.Currency, settlement.Due, off)
	o.Credited += off // of Amount, so it has room
	note.Obligation = o.ID
	if err := t.discharge(note, &b); err != nil {
		return err
	}
	t.save(b)
	return nil
}

// late claims interest on what was paid of a debt after it was due. Interest bears
// none.
func (t *tx) late(o settlement.Obligation, part money.Micro) error {
	paid := o.Payment.Act.Time
	if paid <= o.Due {
		return nil
	}
	var inv invoice.Invoice
	if !slices.ContainsFunc(o.Invoices, func(id string) bool {
		inv, _ = get[invoice.Invoice](t, InvoiceKey(id))
		return inv.For == "" && inv.Payer() == o.Payer
	}) {
		return nil
	}
	terms := paymentTerms(t, &inv)
	if terms.Credit == nil {
		return nil
	}
	interest, err := terms.PaymentTerms().Late(part, o.Due, paid)
	if err != nil || interest == 0 {
		return err
	}
	if o.Payer == inv.Seller { // who gave something back too late
		interest = -interest
	}
	note, b, err := t.payNote(&inv, &o, invoice.VolumeLine{Name: "late payment", Kind: invoice.Late, Window: usage.Interval{From: o.Due, To: paid}, Charges: part, Amount: interest})
	if err != nil {
		return err
	}
	if err := t.payable(note, &b); err != nil {
		return err
	}
	t.save(b)
	return nil
}

// payNote writes a note about the payment of an invoice, which is final. The
// caller makes it payable or discharges it, and saves the period.
func (t *tx) payNote(inv *invoice.Invoice, o *settlement.Obligation, line invoice.VolumeLine) (*invoice.Invoice, billing, error) {
	b := t.billingOf(*inv)
	now, method, number := t.ctx.Block.Time, b.terms.Payment[0], uint32(len(b.period.Invoices))+1
	id := invoice.ID(inv.Seller, inv.Buyer, inv.Order, inv.Interval, inv.Currency, number)
	doc := invoice.Document{ID: id, Seller: inv.Seller, Buyer: inv.Buyer, Direction: b.period.Direction, Interval: inv.Interval, Order: inv.Order,
		Agreement: inv.Agreement, Terms: b.period.Terms, Number: number, Follows: inv.ID, Currency: inv.Currency, Total: line.Amount,
		Method: method.Name, Issued: now, Due: now + int64(method.DueDays)*dayMillis, Note: invoice.NoteOf(line.Amount), Why: line.Name, Volume: []invoice.VolumeLine{line}}
	raw := canon.Must(doc)
	note := &invoice.Invoice{ID: id, Order: inv.Order, Interval: inv.Interval, Agreement: inv.Agreement, Seller: inv.Seller, Buyer: inv.Buyer, Currency: inv.Currency,
		Number: number, Follows: inv.ID, Document: sha256Sum(raw), Total: line.Amount, Method: method.Name, Issued: now, Due: doc.Due, State: invoice.Final,
		Note: doc.Note, For: o.ID}
	t.write(DocumentKey(id), raw)
	b.period.Invoices = append(b.period.Invoices, id)
	b.period.Unsettled++
	t.emit(EventInvoiceIssued, InvoiceKey(id), "")
	t.claim(id, inv.Seller, inv.Buyer, inv.Currency, settlement.Final, line.Amount)
	return note, b, t.invoiced(b.terms, inv.Currency, note.Size())
}

// Payable gives the least by which one payment discharges debts in one currency at
// a moment (ms UTC), in whole coins unless it is by tokens: what is left of them,
// less the discount of their days. Codes: invalid when currencies differ.
func (v View) Payable(method string, now int64, of ...settlement.Obligation) (money.Amount, error) {
	var d debts
	for _, o := range of {
		if d.sum.Currency != "" && d.sum.Currency != o.Amount.Currency {
			return money.Amount{}, invalid("obligations", "one payment is in one currency", "pay what is owed in each currency by itself")
		}
		if err := d.add(v, o, now); err != nil {
			return money.Amount{}, err
		}
	}
	if method == MethodToken {
		return d.taken, nil
	}
	return settlement.Payable(d.taken), nil
}
