package trade

import (
	"bytes"
	"cmp"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/usage"
)

// openDispute records a line on which the two sides differ (MEF 114 [CR21]).
// byRule: records are delivered and the agreed rule decides; else people do.
func (t *tx) openDispute(b *billing, d differing, invoiceID string, byRule bool) {
	any := d.any()
	x := dispute.Dispute{ID: t.disputeID(b, any.line), Order: b.period.Order, Interval: b.period.Interval, Row: any.line.Row, Adjusts: any.line.Adjusts, Reason: any.line.Reason,
		Currency: any.rate.Currency, Seller: figures(d.seller.line, d.seller.amount), Buyer: figures(d.buyer.line, d.buyer.amount),
		Invoice: invoiceID, State: dispute.Awaiting, Opened: t.ctx.Block.Time}
	b.period.Opened++
	b.period.Open++
	if byRule {
		b.period.Waiting++
	} else {
		x.State = dispute.Manual
		x.Deadline = t.ctx.Block.Time + b.terms.Deadline(agreement.StageDecision).Millis
	}
	t.put(DisputeKey(x.ID), x)
	t.emit(EventDisputeOpened, DisputeKey(x.ID), string(x.State))
}

func (t *tx) amendDispute(id, why string, evidence canon.Hash) {
	x, _ := get[dispute.Dispute](t, DisputeKey(id))
	x.By, x.Why, x.Evidence = t.own, why, evidence
	t.put(DisputeKey(id), x)
}

// When records count as delivered.
//
// Records travel from node to node, off the ledger, so the machine never sees a
// delivery: it has only what the two sides say of it, and what they can show.
// The receiver's word counts, because it speaks against itself: its own command
// usage.received, or the receipt that its node signs as it takes a file in,
// which the sender shows with usage.deliver. The sender's word alone does not
// count: rules are compared over records that both sides have.
//
// Nor does the receiver's silence count against the sender, who may have sent
// to a node that takes nothing: could a side win by not confirming, the worse
// one would. So when the deadline passes, three things are told apart:
//
//   - Who has named no file is silent. The ledger takes everybody's commands, so
//     nobody else can have made it so; it cannot use its claim (no-claim).
//   - Who has named a file that is not confirmed may have sent it or not, and
//     nothing that either side can show tells which. Nothing is decided on its
//     figures or against them: people do, and the dispute says why.
//   - Partners who trust each other's nodes to sign for what they take may agree
//     on no-proof instead: then what is not confirmed was not delivered.

// DeliveryReceipt is the word of the receiver's node that it has taken in the
// records of a period's differing lines: the receipt of package exchange for
// that file, of which only what the command does not say is here.
type DeliveryReceipt struct {
	From      sign.PublicKey `cbor:"1,keyasint"` // node that sent the file
	To        sign.PublicKey `cbor:"2,keyasint"` // node that took it in, and signs
	Signature sign.Signature `cbor:"3,keyasint"`
}

// tagDelivery and transferred are the signed content of a receipt as package
// exchange makes it; a test there compares the two.
const tagDelivery = "lateral/exchange/receipt/1"

type transferred struct {
	From sign.PublicKey `cbor:"1,keyasint"`
	To   sign.PublicKey `cbor:"2,keyasint"`
	Meta struct {
		Kind    string     `cbor:"1,keyasint"`
		Channel canon.Hash `cbor:"2,keyasint"`
		Subject string     `cbor:"3,keyasint"`
		Hash    canon.Hash `cbor:"4,keyasint"`
		Size    int64      `cbor:"5,keyasint"`
	} `cbor:"3,keyasint"`
}

// KindRecords is the kind under which package exchange carries the records of a
// period's differing lines. Their subject is the period's key.
const KindRecords = "records"

// Signed reports whether the key that the receipt names has signed it for a
// delivery on a channel.
func (r DeliveryReceipt) Signed(channel canon.Hash, u UsageDeliver) bool {
	return u.Size <= 1<<62 && sign.Verify(r.To, tagDelivery, r.message(channel, u), r.Signature)
}

func (r DeliveryReceipt) message(channel canon.Hash, u UsageDeliver) []byte {
	m := transferred{From: r.From, To: r.To}
	m.Meta.Kind, m.Meta.Channel, m.Meta.Subject = KindRecords, channel, PeriodKey(u.Period.Order, u.Period.Interval)
	m.Meta.Hash, m.Meta.Size = u.File, int64(u.Size)
	return canon.Must(m)
}

// receipted reports whether a node of the other side has signed for a delivery.
func (t *tx) receipted(u UsageDeliver) bool {
	if t.ctx.Public == nil {
		return false
	}
	m, _ := get[party.Member](t.ctx.Public, MemberKey(t.partner))
	return m.NodeKey(u.Receipt.To, t.ctx.Block.Height) && u.Receipt.Signed(t.ctx.Block.Channel, u)
}

// inComparison finds a period whose lines wait for the rules.
func (t *tx) inComparison(r PeriodRef) (billing, error) {
	b, err := t.open(r)
	if err != nil {
		return b, err
	}
	if b.period.State != invoice.PeriodReconciling || b.period.Waiting == 0 {
		return b, notCompared(b)
	}
	return b, nil
}

func notCompared(b billing) error {
	return wrongState("period", b.key, string(b.period.State), "delivery or comparison of records")
}

func usageDeliver(t *tx, u UsageDeliver) error {
	if _, err := t.authorize(nil); err != nil {
		return err
	}
	b, err := t.inComparison(u.Period)
	if err != nil {
		return err
	}
	if u.File.IsZero() {
		return invalid("file", "the file has no hash", "name the SHA-256 of the sealed records")
	}
	side, which := b.side(t.own)
	if side.Confirmed {
		return nil
	}
	side.Delivered = u.File
	if u.Receipt != nil {
		if !t.receipted(u) {
			return fault.New(fault.Refused, "the receipt is not signed by a node of the other side for this file", "leave it out, or send the one that it gave").In("receipt")
		}
		side.Confirmed = true
	}
	t.emit(EventDelivered, b.key, string(which))
	t.exchanged(&b)
	t.save(b)
	return nil
}

func usageReceived(t *tx, u UsageReceived) error {
	if _, err := t.authorize(nil); err != nil {
		return err
	}
	b, err := t.inComparison(u.Period)
	if err != nil {
		return err
	}
	side, _ := b.side(t.partner)
	if side.Confirmed {
		return nil
	}
	if u.File.IsZero() || !side.Delivered.IsZero() && side.Delivered != u.File {
		return conflict("file", "name the file that came", "the other side says that it delivered another file")
	}
	side.Delivered, side.Confirmed = u.File, true
	_, own := b.side(t.own)
	t.emit(EventReceived, b.key, string(own))
	t.exchanged(&b)
	t.save(b)
	return nil
}

// exchanged sets the time for outcomes once both sides have what they need.
func (t *tx) exchanged(b *billing) {
	if delivered(b.period) && b.period.Stage == string(agreement.StageRecords) {
		t.deadline(b, agreement.StageDecision)
	}
}

// delivered reports whether each side has the other's records.
func delivered(p invoice.Period) bool { return p.Seller.Confirmed && p.Buyer.Confirmed }

// waiting gives a period's disputes that wait for the rules, in line order.
func (t *tx) waiting(b *billing) []dispute.Dispute {
	out := make([]dispute.Dispute, 0, b.period.Waiting)
	for _, raw := range t.Scan(prefixDispute + b.period.Order + "/" + millis(b.period.Interval.From) + "/") {
		if d := stored[dispute.Dispute](raw); d.State == dispute.Awaiting {
			out = append(out, d)
		}
	}
	return out
}

func compareState(t *tx, c CompareState) error {
	if _, err := t.authorize(nil); err != nil {
		return err
	}
	b, err := t.open(c.Period)
	if err != nil {
		return err
	}
	if c.Part, c.Of, err = parts(c.Part, c.Of); err != nil {
		return err
	}
	side, which := b.side(t.own)
	part := canon.Must(Outcomes{c.Lines, c.Evidence})
	if c.Part <= side.Compared.Parts {
		old, _ := t.Get(OutcomeKey(c.Period.Order, c.Period.Interval, which, c.Part))
		if c.Of == side.Compared.Of && bytes.Equal(old, part) {
			return nil
		}
		if !side.Outcome.IsZero() || c.Part != 1 {
			return conflict("lines", "a side states its outcome once", "another outcome of %s stands", b.key)
		}
		for n := uint32(1); n <= side.Compared.Parts; n++ { // it begins anew
			t.drop(OutcomeKey(c.Period.Order, c.Period.Interval, which, n))
		}
		side.Compared = invoice.Compared{}
	}
	if b.period.State != invoice.PeriodReconciling || b.period.Waiting == 0 {
		return notCompared(b)
	}
	if !delivered(b.period) {
		return fault.New(fault.NotYet, "the records of both sides have not been received", "deliver yours, confirm the other side's, then compare")
	}
	if c.Part != side.Compared.Parts+1 || c.Part > 1 && c.Of != side.Compared.Of {
		return fault.New(fault.NotYet, "a part of the outcome is missing", "send the parts in order, or begin again with part 1").In("part")
	}
	waiting := t.waiting(&b)
	if err := checkOutcome(waiting, c, side.Compared.Lines); err != nil {
		return err
	}
	side.Compared = invoice.Compared{Parts: c.Part, Of: c.Of, Lines: side.Compared.Lines + uint32(len(c.Lines))}
	t.write(OutcomeKey(c.Period.Order, c.Period.Interval, which, c.Part), part)
	if c.Part == c.Of {
		all, _ := (View{t}).Outcomes(c.Period, which)
		side.Outcome = canon.HashOf("lateral/outcome/1", all)
	}
	if b.period.Seller.Outcome.IsZero() || b.period.Buyer.Outcome.IsZero() {
		t.save(b)
		return nil
	}
	return t.decideByRule(b, waiting)
}

// parts reads the numbers of a part; none: it is the only one.
func parts(part, of uint32) (uint32, uint32, error) {
	if part == 0 && of == 0 {
		return 1, 1, nil
	}
	if part == 0 || part > of || of > maxParts {
		return 0, 0, invalid("part", "the parts are numbered wrongly", "number them from 1, at most 4096")
	}
	return part, of, nil
}

// checkOutcome checks a part of an outcome, before which there are some lines,
// against the lines that wait.
func checkOutcome(waiting []dispute.Dispute, c CompareState, before uint32) error {
	end := int(before) + len(c.Lines)
	if end > len(waiting) || c.Part == c.Of && end != len(waiting) || c.Part < c.Of && len(c.Lines) == 0 {
		return fault.Newf(fault.Invalid, "state all lines that wait, in order", "%d lines wait, and the outcome has %d", len(waiting), end).In("lines")
	}
	for i, l := range c.Lines {
		if d := waiting[int(before)+i]; l.Row != d.Row || l.Adjusts != d.Adjusts {
			return fault.Newf(fault.Invalid, "state all lines that wait, in the order of statements", "line %d of the outcome is not %s", i, d.ID).In("lines")
		}
		if l.Calls > maxFigure || l.BilledSeconds > maxFigure || l.Manual && (l.Calls != 0 || l.BilledSeconds != 0) {
			return invalid("lines", "a line's figures are out of range", "leave the figures of a manual line at zero")
		}
	}
	return nil
}

// decideByRule resolves the lines for which both sides' rules gave the same and
// hands the others to people.
func (t *tx) decideByRule(b billing, waiting []dispute.Dispute) error {
	ref := PeriodRef{b.period.Order, b.period.Interval}
	seller, _ := (View{t}).Outcomes(ref, SellerSide)
	buyer, _ := (View{t}).Outcomes(ref, BuyerSide)
	var decided []resolution
	for i, d := range waiting {
		s := seller.Lines[i]
		if s == buyer.Lines[i] && !s.Manual {
			decided = append(decided, resolution{dispute: d, calls: s.Calls, seconds: s.BilledSeconds, how: dispute.ByRule})
			continue
		}
		t.refer(&b, d, "")
	}
	return t.resolve(b, decided)
}

// refer hands a line over to people, and tells them why if there is something
// to tell.
func (t *tx) refer(b *billing, d dispute.Dispute, why string) {
	d.Why = cmp.Or(why, d.Why)
	d.State, _ = d.State.Next(dispute.Refer)
	d.Deadline = t.ctx.Block.Time + b.terms.Deadline(agreement.StageDecision).Millis
	b.period.Waiting--
	t.put(DisputeKey(d.ID), d)
	t.emit(EventDisputeManual, DisputeKey(d.ID), why)
}

// resolution is how one line is decided.
type resolution struct {
	dispute  dispute.Dispute
	calls    uint64
	seconds  uint64
	how      dispute.How
	proposed party.Act
	accepted party.Act
}

// event is what moves the dispute.
func (r resolution) event() dispute.Event {
	if r.how == dispute.ByPeople {
		return dispute.Accept
	}
	return dispute.Settle
}

// resolve decides lines of one period together: each is taken off the invoice
// that names it, and what it comes to is billed on one supplementary invoice
// for each currency, so that nothing is lost or billed twice (MEF 114 [R77],
// [R78], [R80]). It saves the period.
func (t *tx) resolve(b billing, decided []resolution) error {
	lines := map[money.Currency][]invoice.Line{}
	counted, before := map[money.Currency][]invoice.Line{}, countedLines{} // what changes for the terms about volume
	follows := map[money.Currency]string{}
	amounts := make([]money.Micro, len(decided))
	for i, r := range decided {
		d := r.dispute
		rate, ok := t.row(b.period.Direction, b.lineOf(), d.Row)
		if !ok {
			return fault.Newf(CodeRowNotProven, "prove the row", "row %d is not proven", d.Row)
		}
		amount, err := rate.Rate.Charge(r.calls, r.seconds, b.terms.Rounding.Mode)
		if err != nil {
			return err
		}
		amounts[i] = amount
		if d.Invoice != "" {
			follows[d.Currency] = d.Invoice
			if back, ok := before.line(t, &b, d); ok {
				counted[d.Currency] = append(counted[d.Currency], back)
			}
			if err := t.release(d); err != nil {
				return err
			}
		}
		if r.calls > 0 || r.seconds > 0 {
			l := usage.Line{Row: d.Row, Adjusts: d.Adjusts, Reason: d.Reason, Calls: r.calls, RawMillis: rawMillis(d), BilledSeconds: r.seconds}
			lines[d.Currency] = append(lines[d.Currency], documentLine(priced{l, rate.Rate, amount}, invoice.Agreed, d.ID))
		}
	}
	for _, c := range currencies(lines) {
		counted[c] = append(counted[c], lines[c]...)
	}
	ids := map[money.Currency]string{}
	for _, c := range currencies(counted) {
		volume, err := t.meter(&b, c, counted[c], metering{})
		if err != nil {
			return err
		}
		if len(lines[c])+len(volume) == 0 {
			continue
		}
		if ids[c], err = t.issue(&b, c, lines[c], follows[c], issuing{decided: true, volume: volume}); err != nil {
			return err
		}
	}
	for i, r := range decided {
		if err := t.close(&b, r, amounts[i], ids[r.dispute.Currency]); err != nil {
			return err
		}
	}
	for _, c := range currencies(follows) {
		if err := t.lastOpen(follows[c], &b); err != nil {
			return err
		}
	}
	if b.period.Waiting == 0 && b.period.Stage != string(agreement.StageStatement) {
		t.deadline(&b, "")
	}
	if b.period.Open == 0 && b.period.State == invoice.PeriodReconciling {
		if err := b.move(invoice.PeriodDecide); err != nil {
			return err
		}
		t.emit(EventPeriodDecided, b.key, "")
	}
	t.finish(&b)
	t.save(b)
	return nil
}

// countedLines are the lines of documents that the terms about volume have
// counted, by document.
type countedLines map[string]map[LineRef]invoice.Line

// line gives, taken back, the line that a dispute is about as it was counted: one
// that was disputed after it was invoiced.
func (c countedLines) line(t *tx, b *billing, d dispute.Dispute) (invoice.Line, bool) {
	if len(b.terms.Volume)+len(b.terms.Commitments) == 0 {
		return invoice.Line{}, false
	}
	if c[d.Invoice] == nil {
		c[d.Invoice] = map[LineRef]invoice.Line{}
		doc, _ := get[invoice.Document](t, DocumentKey(d.Invoice))
		for _, l := range doc.Lines {
			if l.State == invoice.Agreed {
				c[d.Invoice][refOf(l)] = l
			}
		}
	}
	l, ok := c[d.Invoice][LineRef{d.Row, d.Adjusts}]
	l.State, l.Amount = invoice.Reversed, -l.Amount
	return l, ok
}

// rawMillis gives the duration to show for a decided line: the seller's, or the
// buyer's where the seller has none.
func rawMillis(d dispute.Dispute) uint64 {
	if d.Seller.Calls > 0 {
		return d.Seller.RawMillis
	}
	return d.Buyer.RawMillis
}

// release takes a decided line's claim off the invoice that names it.
func (t *tx) release(d dispute.Dispute) error {
	if d.Seller.Calls == 0 {
		return nil // the seller claimed nothing, so no invoice names it
	}
	inv, _ := get[invoice.Invoice](t, InvoiceKey(d.Invoice))
	open, err := inv.Open.Sub(d.Seller.Amount)
	if err != nil {
		return err
	}
	inv.Open, inv.OpenLines = open, inv.OpenLines-1
	t.claim(inv.ID, inv.Buyer, inv.Seller, inv.Currency, settlement.Disputed, d.Seller.Amount)
	t.put(InvoiceKey(inv.ID), inv)
	return nil
}

// close records what came out for one line.
func (t *tx) close(b *billing, r resolution, amount money.Micro, billed string) error {
	d := r.dispute
	next, ok := d.State.Next(r.event())
	if !ok {
		return wrongState("dispute", d.ID, string(d.State), "a decision")
	}
	if d.State == dispute.Awaiting {
		b.period.Waiting--
	}
	b.period.Open--
	d.State, d.Proposal, d.Deadline = next, nil, 0
	if r.calls == 0 && r.seconds == 0 {
		billed = ""
	}
	d.Decision = &dispute.Decision{Calls: r.calls, BilledSeconds: r.seconds, Amount: amount, How: r.how, Invoice: billed,
		Proposed: r.proposed, Accepted: r.accepted, Height: t.ctx.Block.Height, Time: t.ctx.Block.Time}
	t.put(DisputeKey(d.ID), d)
	t.emit(EventDisputeResolved, DisputeKey(d.ID), string(r.how))
	return nil
}

// lastOpen moves an invoice on when its last open line is decided.
func (t *tx) lastOpen(id string, b *billing) error {
	inv, _ := get[invoice.Invoice](t, InvoiceKey(id))
	if inv.OpenLines > 0 || inv.State != invoice.Partial && inv.State != invoice.Disputed {
		return nil
	}
	event, was := invoice.Resolve, inv.State
	if inv.Paid {
		event = invoice.ResolvePaid
	}
	inv.State, _ = inv.State.Next(event)
	t.emit(EventInvoiceMoved, InvoiceKey(id), string(inv.State))
	if was == invoice.Disputed {
		return t.discharge(&inv, b) // nothing of it was ever due
	}
	return t.settled(&inv, b)
}

// Decisions by people: one side proposes, the other accepts or rejects; both
// through delegates (MEF 114 [R75]-[R77]).

const maxVerdicts = 1024

func disputePropose(t *tx, c DisputePropose) error {
	if len(c.Verdicts) == 0 || len(c.Verdicts) > maxVerdicts {
		return invalid("verdicts", "a proposal decides 1 to 1024 lines", "split it")
	}
	if c.Why == "" {
		return invalid("why", "the proposal gives no reason", "say why")
	}
	if err := checkWhy(c.Why); err != nil {
		return err
	}
	var b billing
	proposals := make([]dispute.Dispute, len(c.Verdicts))
	sums := map[money.Currency]money.Micro{}
	for i, v := range c.Verdicts {
		d, ok := get[dispute.Dispute](t, DisputeKey(v.Dispute))
		if !ok {
			return notFound("verdicts", "dispute", v.Dispute)
		}
		next, ok := d.State.Next(dispute.Propose)
		if !ok {
			return wrongState("dispute", d.ID, string(d.State), "a proposal")
		}
		if err := t.replaceable(d, c.Replaces); err != nil {
			return err
		}
		if i > 0 && (d.Order != proposals[0].Order || d.Interval != proposals[0].Interval) {
			return invalid("verdicts", "the lines are of several periods", "propose for the lines of one period together")
		}
		b = t.billingAround(d)
		amount, err := t.comesTo(&b, d, v)
		if err != nil {
			return fault.Of(err).In("verdicts")
		}
		if sums[d.Currency], err = sums[d.Currency].Add(t.binds(&b, d, amount)); err != nil {
			return fault.Of(err).In("verdicts")
		}
		d.State, d.Why, d.Evidence = next, c.Why, c.Evidence
		d.Proposal = &dispute.Proposal{Calls: v.Calls, BilledSeconds: v.BilledSeconds, Amount: amount}
		proposals[i] = d
	}
	act, err := t.authorize(t.agreementTerms(b.period.Agreement), amountsOf(sums)...)
	if err != nil {
		return err
	}
	for _, d := range proposals {
		if old, _ := get[dispute.Dispute](t, DisputeKey(d.ID)); old.Proposal != nil && old.Proposal.Act.By != t.own {
			t.emit(EventDisputeRejected, DisputeKey(d.ID), c.Why)
		}
		d.Proposal.Act = act
		t.put(DisputeKey(d.ID), d)
		t.emit(EventDisputeProposed, DisputeKey(d.ID), string(t.own))
	}
	return nil
}

// replaceable reports whether a side may offer anew: over what it has read, if it names
// that, else over nothing or an offer of its own.
func (t *tx) replaceable(d dispute.Dispute, replaces canon.Hash) error {
	switch {
	case replaces.IsZero() && (d.Proposal == nil || d.Proposal.Act.By == t.own):
		return nil
	case replaces.IsZero():
		return conflict("verdicts", "accept or reject that one, or name it as the one that yours replaces", "the other side has proposed a decision of %s", d.ID)
	case d.Proposal == nil || d.Proposal.Act.Command != replaces:
		return conflict("replaces", "read the dispute as it stands now", "the offer that is to be replaced does not stand on %s", d.ID)
	}
	return nil
}

// comesTo gives what a verdict makes of a line, or of an item.
func (t *tx) comesTo(b *billing, d dispute.Dispute, v Verdict) (money.Micro, error) {
	if d.Product != "" {
		if v.Calls != 0 || v.BilledSeconds != 0 {
			return 0, invalid("", "an item is decided by its amount", "leave calls and seconds out")
		}
		return v.Amount, nil
	}
	if v.Calls > maxFigure || v.BilledSeconds > maxFigure || v.Amount != 0 {
		return 0, invalid("", "the figures are out of range, or name an amount", "check them")
	}
	rate, _ := t.row(b.period.Direction, b.lineOf(), d.Row)
	return rate.Rate.Charge(v.Calls, v.BilledSeconds, b.terms.Rounding.Mode)
}

// binds is what a decision costs the sender's side at most: the buyer owes the
// amount, and the seller gives up what it claimed beyond it. Claims are not
// negative.
func (t *tx) binds(b *billing, d dispute.Dispute, amount money.Micro) money.Micro {
	if t.own == b.seller {
		return max(amount, d.Seller.Amount-amount)
	}
	return amount
}

func (t *tx) billingAround(d dispute.Dispute) billing {
	key := PeriodKey(d.Order, d.Interval)
	p, _ := get[invoice.Period](t, key)
	return t.around(key, p)
}

func amountsOf(sums map[money.Currency]money.Micro) []money.Amount {
	out := make([]money.Amount, 0, len(sums))
	for _, c := range currencies(sums) {
		out = append(out, money.Amount{Currency: c, Micro: sums[c]})
	}
	return out
}

// proposedTo finds a dispute on which the sender has to answer.
func (t *tx) proposedTo(id string) (dispute.Dispute, error) {
	d, ok := get[dispute.Dispute](t, DisputeKey(id))
	if !ok {
		return d, notFound("dispute", "dispute", id)
	}
	if d.State != dispute.Proposed {
		return d, wrongState("dispute", id, string(d.State), "an answer")
	}
	if d.Proposal.Act.By == t.own {
		return d, fault.New(fault.Forbidden, "the other side has to answer", "wait for the partner").In("dispute")
	}
	return d, nil
}

func disputeAccept(t *tx, c DisputeAccept) error {
	if len(c.Verdicts) == 0 || len(c.Verdicts) > maxVerdicts {
		return invalid("verdicts", "an answer decides 1 to 1024 lines", "split it")
	}
	sums := map[money.Currency]money.Micro{}
	var b billing
	var decided []resolution
	for i, v := range c.Verdicts {
		d, err := t.proposedTo(v.Dispute)
		if err != nil {
			return err
		}
		for _, before := range decided {
			if before.dispute.ID == d.ID {
				return invalid("verdicts", "a dispute is there twice", "name each once")
			}
		}
		if i > 0 && (d.Order != decided[0].dispute.Order || d.Interval != decided[0].dispute.Interval) {
			return invalid("verdicts", "the lines are of several periods", "answer the lines of one period together")
		}
		if v.Calls != d.Proposal.Calls || v.BilledSeconds != d.Proposal.BilledSeconds || d.Product != "" && v.Amount != d.Proposal.Amount {
			return conflict("verdicts", "read the proposal as it stands now", "the proposal for %s is another", d.ID)
		}
		if i == 0 {
			b = t.billingAround(d)
		}
		if sums[d.Currency], err = sums[d.Currency].Add(t.binds(&b, d, d.Proposal.Amount)); err != nil {
			return fault.Of(err).In("verdicts")
		}
		decided = append(decided, resolution{dispute: d, calls: v.Calls, seconds: v.BilledSeconds, how: dispute.ByPeople, proposed: d.Proposal.Act})
	}
	act, err := t.authorize(t.agreementTerms(b.period.Agreement), amountsOf(sums)...)
	if err != nil {
		return err
	}
	for i := range decided {
		decided[i].accepted = act
	}
	if decided[0].dispute.Product != "" {
		return t.resolveItems(b, decided)
	}
	return t.resolve(b, decided)
}

func disputeReject(t *tx, c DisputeReject) error {
	if len(c.Disputes) == 0 || len(c.Disputes) > maxVerdicts {
		return invalid("disputes", "an answer is about 1 to 1024 lines", "split it")
	}
	if err := checkWhy(c.Why); err != nil {
		return err
	}
	for i, id := range c.Disputes {
		d, err := t.proposedTo(id)
		if err != nil {
			return err
		}
		if i == 0 {
			b := t.billingAround(d)
			if _, err := t.authorize(t.agreementTerms(b.period.Agreement)); err != nil {
				return err
			}
		}
		d.State, _ = d.State.Next(dispute.Reject)
		d.Proposal, d.Why = nil, c.Why
		t.put(DisputeKey(id), d)
		t.emit(EventDisputeRejected, DisputeKey(id), c.Why)
	}
	return nil
}
