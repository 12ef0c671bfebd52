package trade

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/usage"
)

// A period that was invoiced is rated again by a note: an invoice whose document
// takes lines back, with the sheet row that they were priced by, and puts others
// in their place. What the period comes to is a version more; the one before
// stays where it was. The buyer accepts a note as a whole, and then what it comes
// to is owed one way or the other as any invoice is; or it rejects it, and the
// version before stands.

// LineRef names a line of a period.
type LineRef struct {
	Row     uint32         `cbor:"1,keyasint" json:"row"`
	Adjusts usage.Interval `cbor:"2,keyasint,omitzero" json:"adjusts,omitzero"`
}

func (l LineRef) order(m LineRef) int {
	return usage.Line{Row: l.Row, Adjusts: l.Adjusts}.Order(usage.Line{Row: m.Row, Adjusts: m.Adjusts})
}

// Rated gives the lines that a version of a rated period stands on, in order:
// those that were invoiced, less what accepted notes took back, and what these put
// in their place. A version is that of the note which makes it, accepted or not;
// 1: as first rated; 0: what is in force.
func (v View) Rated(p invoice.Period, version uint32) []invoice.Line {
	stands := rated(v, p, version)
	out := make([]invoice.Line, 0, len(stands))
	for _, l := range stands {
		out = append(out, l)
	}
	slices.SortFunc(out, func(x, y invoice.Line) int { return refOf(x).order(refOf(y)) })
	return out
}

func refOf(l invoice.Line) LineRef { return LineRef{l.Row, l.Adjusts} }

func rated(r Records, p invoice.Period, version uint32) map[LineRef]invoice.Line {
	stands := map[LineRef]invoice.Line{}
	for _, id := range p.Invoices {
		inv, _ := get[invoice.Invoice](r, InvoiceKey(id))
		if version != 0 && inv.Version > version || inv.Note != "" && !inv.Binding() && inv.Version != version {
			continue
		}
		doc, _ := get[invoice.Document](r, DocumentKey(id))
		for _, l := range doc.Lines {
			switch {
			case l.State == invoice.Reversed:
				delete(stands, refOf(l))
			case l.State != invoice.Agreed:
			case inv.Note == "" && l.Dispute == "" && disputed(r, p, l):
				// It was disputed after the invoice: what was decided is on a later one.
			default:
				stands[refOf(l)] = l
			}
		}
	}
	return stands
}

func disputed(r Records, p invoice.Period, l invoice.Line) bool {
	_, there := r.Get(DisputeKey(dispute.ID(p.Order, p.Interval, l.Row, l.Adjusts)))
	return there
}

// maxCorrected bounds the lines of a part, so that it fits an envelope.
const maxCorrected = 1024

func invoiceCorrect(t *tx, c InvoiceCorrect) error {
	b, err := t.open(c.Period)
	if err != nil {
		return err
	}
	if t.own != b.seller {
		return fault.New(fault.Forbidden, "ask the seller to correct it", "the seller rates a period again").In("period")
	}
	if c.Part, c.Of, err = parts(c.Part, c.Of); err != nil {
		return err
	}
	if n := len(c.Reversed) + len(c.Lines); n == 0 || n > maxCorrected {
		return invalid("lines", "a part changes 1 to 1024 lines", "split it")
	}
	if c.Of > 1 {
		if whole, err := t.gatherCorrection(&b, &c); err != nil || !whole {
			return err
		}
	}
	if c.Why == "" {
		return invalid("why", "the correction gives no reason", "say what it corrects")
	}
	if err := checkWhy(c.Why); err != nil {
		return err
	}
	follows, err := t.correctable(&b, c.Currency)
	if err != nil {
		return err
	}
	lines, total, err := t.corrected(&b, c)
	if err != nil {
		return err
	}
	volume, err := t.meter(&b, c.Currency, lines, metering{offered: true})
	if err != nil {
		return fault.Of(err).In("lines")
	}
	for _, l := range volume {
		if total, err = total.Add(l.Amount); err != nil {
			return fault.Of(err).In("lines")
		}
	}
	// A seller that gives back is bound by that, one that claims by nothing yet.
	if _, err := t.authorize(t.agreementTerms(b.period.Agreement), money.Amount{Currency: c.Currency, Micro: max(0, -total)}); err != nil {
		return err
	}
	if err := b.move(invoice.PeriodCorrect); err != nil {
		return err
	}
	b.period.Version = max(1, b.period.Version) + 1
	if _, err := t.issue(&b, c.Currency, lines, follows, issuing{note: invoice.NoteOf(total), why: c.Why, volume: volume}); err != nil {
		return err
	}
	t.save(b)
	return nil
}

// Correcting is a part of a correction, kept until the last one is in.
type Correcting struct {
	Currency money.Currency `cbor:"1,keyasint" json:"currency"`
	Reversed []LineRef      `cbor:"2,keyasint" json:"reversed"`
	Lines    []usage.Line   `cbor:"3,keyasint" json:"lines"`
}

// gatherCorrection keeps a part of a correction. With the last one it gives the
// command all of them and takes the parts off.
func (t *tx) gatherCorrection(b *billing, c *InvoiceCorrect) (whole bool, err error) {
	p := &b.period
	key := func(n uint32) string { return CorrectionKey(p.Order, p.Interval, n) }
	part := canon.Must(Correcting{c.Currency, c.Reversed, c.Lines})
	if c.Part <= p.Correcting {
		if old, _ := t.Get(key(c.Part)); bytes.Equal(old, part) {
			return false, nil
		}
		if c.Part != 1 {
			return false, conflict("part", "begin again with part 1", "another part %d of the correction is there", c.Part)
		}
		t.dropCorrection(p)
	}
	if c.Part != p.Correcting+1 {
		return false, fault.New(fault.NotYet, "a part of the correction is missing", "send the parts in order").In("part")
	}
	if c.Part < c.Of {
		if _, err := t.authorize(t.agreementTerms(p.Agreement)); err != nil {
			return false, err
		}
		p.Correcting = c.Part
		t.write(key(c.Part), part)
		t.save(*b)
		return false, nil
	}
	var all Correcting
	for n := uint32(1); n < c.Part; n++ {
		x, _ := get[Correcting](t, key(n))
		if x.Currency != c.Currency {
			return false, invalid("currency", "the parts are in several currencies", "correct one currency at a time")
		}
		all.Reversed, all.Lines = append(all.Reversed, x.Reversed...), append(all.Lines, x.Lines...)
	}
	c.Reversed, c.Lines = append(all.Reversed, c.Reversed...), append(all.Lines, c.Lines...)
	t.dropCorrection(p)
	return true, nil
}

// dropCorrection takes parts off that are of no use any more.
func (t *tx) dropCorrection(p *invoice.Period) {
	for n := uint32(1); n <= p.Correcting; n++ {
		t.drop(CorrectionKey(p.Order, p.Interval, n))
	}
	p.Correcting = 0
}

// correctable finds the invoice that a note in a currency follows: the last one,
// once the buyer has accepted or rejected all before.
func (t *tx) correctable(b *billing, c money.Currency) (follows string, err error) {
	if b.period.Open > 0 {
		return "", wrongState("period", b.key, string(b.period.State), "a correction")
	}
	for _, id := range b.period.Invoices {
		inv, _ := get[invoice.Invoice](t, InvoiceKey(id))
		switch {
		case inv.Currency != c || inv.State == invoice.Rejected || inv.For != "":
		case inv.Binding():
			follows = id
		default:
			return "", wrongState("invoice", id, string(inv.State), "a correction")
		}
	}
	if follows == "" {
		return "", notFound("currency", "invoice of the period in", string(c))
	}
	return follows, nil
}

// corrected gives the lines of a note: those that it takes back, with their
// amounts below zero, and those that it puts in their place, priced by the rows
// in force now.
func (t *tx) corrected(b *billing, c InvoiceCorrect) (lines []invoice.Line, total money.Micro, err error) {
	stands := rated(t, b.period, 0)
	for i, ref := range c.Reversed {
		l, ok := stands[ref]
		if !ok || l.Rate.Currency != c.Currency {
			return nil, 0, notFound("reversed", "line in force in the currency, not named before, with the row", itoa(int(ref.Row)))
		}
		if i > 0 && c.Reversed[i-1].order(ref) >= 0 {
			return nil, 0, invalid("reversed", "the lines are not in order", "order them as a statement does")
		}
		delete(stands, ref)
		l.State, l.Amount = invoice.Reversed, -l.Amount
		lines = append(lines, l)
	}
	if err := usage.CheckLines(c.Lines); err != nil {
		return nil, 0, err
	}
	if err := t.inForceRows(b, c.Lines); err != nil {
		return nil, 0, err
	}
	priced, err := t.price(b, c.Lines)
	if err != nil {
		return nil, 0, err
	}
	for _, p := range priced {
		l := documentLine(p, invoice.Agreed, "")
		if _, there := stands[refOf(l)]; there {
			return nil, 0, conflict("lines", "take it back in the same note, and put in one line for both", "row %d has a line in force already", l.Row)
		}
		if p.rate.Currency != c.Currency {
			return nil, 0, invalid("lines", "a row prices in another currency than the note's", "correct the lines of one currency by rows of the same")
		}
		lines = append(lines, l)
	}
	for _, l := range lines {
		if total, err = total.Add(l.Amount); err != nil {
			return nil, 0, fault.Of(err).In("lines")
		}
	}
	return lines, total, nil
}

// countNote counts an accepted note for the terms about volume. Another document
// of a window may have come between offer and acceptance: what the note then says
// too much or too little of a discount is on an invoice of its own, final at once,
// as it follows from what both have agreed to.
func (t *tx) countNote(inv *invoice.Invoice, b *billing) error {
	doc, _ := get[invoice.Document](t, DocumentKey(inv.ID))
	rest, err := t.meter(b, inv.Currency, doc.Lines, metering{taken: true, said: doc.Volume})
	if err != nil || len(rest) == 0 {
		return err
	}
	_, err = t.issue(b, inv.Currency, nil, inv.ID, issuing{decided: true, volume: rest})
	return err
}

// invoiceReject is the buyer's no to a note: nothing of it is owed, and the
// version before it stands.
func invoiceReject(t *tx, c InvoiceReject) error {
	inv, err := t.invoiceOf(c.ID, c.Document)
	if err != nil {
		return err
	}
	if inv.Note == "" {
		return invalid("id", "an invoice is not rejected as a whole", "dispute its lines with invoice.dispute")
	}
	if c.Why == "" {
		return invalid("why", "the rejection gives no reason", "say what is wrong")
	}
	if err := checkWhy(c.Why); err != nil {
		return err
	}
	if _, err := t.authorize(t.agreementTerms(inv.Agreement), money.Amount{Currency: inv.Currency, Micro: max(0, -inv.Total)}); err != nil {
		return err
	}
	next, ok := inv.State.Next(invoice.Reject)
	if !ok {
		return wrongState("invoice", inv.ID, string(inv.State), "its rejection")
	}
	b := t.billingOf(inv)
	t.claim(inv.ID, inv.Buyer, inv.Seller, inv.Currency, settlement.Invoiced, inv.Total)
	inv.State, inv.Total, inv.Deadline, inv.Why = next, 0, 0, c.Why
	b.period.Unsettled--
	t.finish(&b)
	t.put(InvoiceKey(inv.ID), inv)
	t.save(b)
	t.emit(EventInvoiceMoved, InvoiceKey(inv.ID), string(next))
	return nil
}

// issuing says what kind of invoice is issued.
type issuing struct {
	decided bool                 // of disputes: both sides have agreed to its lines
	note    invoice.Note         // what a correction comes to; empty: an invoice
	why     string               // of a note
	volume  []invoice.VolumeLine // that its lines make
}

// lineOrder is that of a document: what a note takes back stands before what it
// puts in its place.
func lineOrder(x, y invoice.Line) int {
	return cmp.Or(cmp.Compare(x.Adjusts.From, y.Adjusts.From), cmp.Compare(x.Row, y.Row), cmp.Compare(y.State, x.State))
}

// claimant gives who claims what by an amount, which is below zero when the
// buyer does, and the amount.
func claimant(seller, buyer party.Code, amount money.Micro) (from, on party.Code, size money.Micro) {
	if amount < 0 {
		return buyer, seller, -amount
	}
	return seller, buyer, amount
}
