package trade

import (
	"fmt"
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/usage"
)

// Codes of refusals about settlement.
const (
	// CodeNoNetting says that the agreement has no netting clause (MEF 114
	// [O4]).
	CodeNoNetting fault.Code = "netting-not-agreed"
	// CodeNotPayable says that an invoice is not final, or is paid or netted
	// already ([R82]).
	CodeNotPayable fault.Code = "not-payable"
	// CodePaymentMethod says that the contract does not allow that form of
	// payment ([R72], [R84]).
	CodePaymentMethod fault.Code = "payment-method"
	// CodePaymentAmount says that the amount is not one by which the debt can be
	// paid ([R85]).
	CodePaymentAmount fault.Code = "payment-amount"
)

// claim posts a claim of one member on the other; below zero it is the other's.
func (t *tx) claim(subject string, seller, buyer party.Code, c money.Currency, p settlement.Purpose, amount money.Micro) {
	from, on, size := claimant(seller, buyer, amount)
	t.record(subject, settlement.Claim(from, on, c, p, size))
}

// shift moves a claim from one purpose to another, on both sides.
func (t *tx) shift(subject string, seller, buyer party.Code, c money.Currency, from, to settlement.Purpose, amount money.Micro) {
	by, on, size := claimant(seller, buyer, amount)
	t.record(subject, settlement.Move(by, on, c, from, to, size)...)
}

// record collects the command's postings for its journal entry.
func (t *tx) record(subject string, postings ...settlement.Posting) {
	if t.subject == "" {
		t.subject = subject
	}
	for _, p := range postings {
		if p.Amount != 0 {
			t.posted = append(t.posted, p)
		}
	}
}

// post writes the command's journal entry and the balances that it changes.
// Value moves in no other way.
func (t *tx) post() error {
	if len(t.posted) > 0 {
		if err := t.book(); err != nil {
			return err
		}
	}
	for _, k := range t.backed {
		if err := t.inReserve(k); err != nil {
			return err
		}
	}
	return nil
}

// book changes the balances and writes the entry. Accounts that many postings
// touch are read and written once.
func (t *tx) book() error {
	at := make(map[settlement.Account]int, 8)
	var touched []settlement.Account
	var balances []Balance
	add := func(a settlement.Account, amount money.Micro) (err error) {
		i, ok := at[a]
		if !ok {
			i = len(touched)
			b, _ := get[Balance](t, BalanceKey(a))
			at[a], touched, balances = i, append(touched, a), append(balances, b)
		}
		balances[i].Micro, err = balances[i].Micro.Add(amount)
		return err
	}
	for _, p := range t.posted {
		if err := add(p.From, -p.Amount); err != nil { // amounts are positive
			return err
		}
		if err := add(p.To, p.Amount); err != nil {
			return err
		}
	}
	for _, p := range t.posted {
		if err := sufficient(p.From, balances[at[p.From]]); err != nil {
			return err
		}
	}
	for i, a := range touched {
		t.put(BalanceKey(a), balances[i])
	}
	counter, _ := get[Counter](t, keyCounter)
	counter.Journal++
	t.put(keyCounter, counter)
	t.put(JournalKey(counter.Journal), settlement.Journal{Number: counter.Journal, Cause: string(t.cmd.Kind), Subject: t.subject,
		Postings: t.posted, Height: t.ctx.Block.Height, Time: t.ctx.Block.Time})
	return nil
}

// sufficient refuses a command that leaves an account below zero which nobody may
// overdraw.
func sufficient(a settlement.Account, left Balance) error {
	if left.Micro >= 0 || !a.Purpose.Covered() {
		return nil
	}
	return fault.Newf(CodeFunds, "wait for what is to come, or take less", "the account %s %s of %s would be at %s", a.Currency, a.Purpose, a.Party, left.Micro)
}

// owe makes an invoice's total due by itself. settled says that it is carried to
// the next debt already, because it is less than a coin.
func (t *tx) owe(inv *invoice.Invoice, now int64) (settled bool, err error) {
	terms := t.agreementTerms(inv.Agreement)
	o := settlement.Obligation{ID: inv.ID, Invoices: []string{inv.ID}, Payer: inv.Payer(), Payee: inv.Payee(),
		Amount: money.Amount{Currency: inv.Currency, Micro: inv.Size()}, Method: inv.Method, Due: max(inv.Due, now), State: settlement.Owed}
	inv.Obligation, inv.Deadline = o.ID, 0
	t.shift(inv.ID, inv.Seller, inv.Buyer, inv.Currency, settlement.Final, settlement.Due, inv.Total)
	return t.putOwed(o, *terms)
}

// putOwed begins a debt, with what was carried from those before.
func (t *tx) putOwed(o settlement.Obligation, terms agreement.Terms) (settled bool, err error) {
	if err := t.bring(&o); err != nil {
		return false, err
	}
	o.Deadline = o.Due + terms.Deadline(agreement.StageAdvice).Millis
	if o.Method != MethodToken && settlement.Payable(o.Amount).Micro == 0 {
		if err := t.carry(&o); err != nil {
			return false, err
		}
		o.State, _ = o.State.Next(settlement.Carry)
		o.Deadline = 0
		o.Receipt = party.Act{By: o.Payee, Limit: "carried", Command: t.digest(), Height: t.ctx.Block.Height, Time: t.ctx.Block.Time}
	}
	t.put(ObligationKey(o.ID), o)
	t.emit(EventObligationOwed, ObligationKey(o.ID), "")
	if o.State == settlement.Settled {
		t.emit(EventSettled, ObligationKey(o.ID), "carried")
	}
	return o.State == settlement.Settled, nil
}

// oweNow makes an invoice's total due by itself, and writes it.
func (t *tx) oweNow(inv *invoice.Invoice, now int64) error {
	settled, err := t.owe(inv, now)
	if err != nil {
		return err
	}
	t.put(InvoiceKey(inv.ID), *inv)
	if settled {
		return t.settleAll([]string{inv.ID})
	}
	return nil
}

// payables gives invoices that wait to be paid or netted.
func (t *tx) payables(ids []string) ([]invoice.Invoice, error) {
	if len(ids) == 0 || len(ids) > maxNetted || !sortedUnique(ids) {
		return nil, invalid("invoices", "the list is empty, too long or not in order", "name 1 to 2000 invoices, sorted, each once")
	}
	out := make([]invoice.Invoice, len(ids))
	for i, id := range ids {
		inv, ok := get[invoice.Invoice](t, InvoiceKey(id))
		if !ok {
			return nil, notFound("invoices", "invoice", id)
		}
		if !inv.Payable() {
			return nil, fault.Newf(CodeNotPayable, "name invoices that are final and neither paid nor netted", "invoice %s is %s, or is paid or netted already", id, inv.State).In("invoices")
		}
		out[i] = inv
	}
	return out, nil
}

// maxNetted bounds the invoices of one command.
const maxNetted = 2000

// netTerms gives the terms for a netting of invoices: the first one's, if all
// their agreements net. One that nets by day has the whole do so.
func (t *tx) netTerms(invoices []invoice.Invoice) (*agreement.Terms, error) {
	var out *agreement.Terms
	seen := ""
	for _, inv := range invoices {
		if inv.Agreement == seen {
			continue
		}
		seen = inv.Agreement
		terms := t.agreementTerms(inv.Agreement)
		if !terms.Netting {
			return nil, fault.Newf(CodeNoNetting, "agree on netting by an amendment, or pay one by one", "agreement %s has no netting clause", inv.Agreement).In("invoices")
		}
		if out == nil {
			out = terms
		}
		if terms.NetByDay && !out.NetByDay {
			byDay := *out
			byDay.NetByDay = true
			out = &byDay
		}
	}
	return out, nil
}

// netDay gives the day on which an invoice is due; 0 where days do not matter.
func netDay(inv *invoice.Invoice, byDay bool) int64 {
	if !byDay {
		return 0
	}
	return inv.Due - inv.Due%dayMillis
}

func (t *tx) sums(invoices []invoice.Invoice, byDay bool) ([]settlement.Sum, error) {
	claims := make([]settlement.Claimed, len(invoices))
	for i, inv := range invoices {
		claims[i] = settlement.Claimed{Payee: inv.Payee(), Amount: money.Amount{Currency: inv.Currency, Micro: inv.Size()}, Day: netDay(&inv, byDay)}
	}
	return settlement.Net(t.bilateral.Pair(), claims)
}

// owed gives what a member owes gross in each currency: what it gives up by
// netting.
func (t *tx) owed(who party.Code, sums []settlement.Sum) ([]money.Amount, error) {
	pair := t.bilateral.Pair()
	var out []money.Amount
	for _, s := range sums {
		gross := s.Gross[1]
		if who == pair[1] {
			gross = s.Gross[0]
		}
		if n := len(out); n == 0 || out[n-1].Currency != s.Currency {
			out = append(out, money.Amount{Currency: s.Currency})
		}
		last, err := &out[len(out)-1], error(nil)
		if last.Micro, err = last.Micro.Add(gross); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func nettingPropose(t *tx, c NettingPropose) error {
	invoices, err := t.payables(c.Invoices)
	if err != nil {
		return err
	}
	terms, err := t.netTerms(invoices)
	if err != nil {
		return err
	}
	sums, err := t.sums(invoices, terms.NetByDay)
	if err != nil {
		return err
	}
	owed, err := t.owed(t.own, sums)
	if err != nil {
		return err
	}
	act, err := t.authorize(terms, owed...)
	if err != nil {
		return err
	}
	counter, _ := get[Counter](t, keyCounter)
	counter.Netting++
	t.put(keyCounter, counter)
	n := settlement.Netting{ID: fmt.Sprintf("N%08d", counter.Netting), Proposer: t.own, Invoices: c.Invoices, Sums: sums,
		State: settlement.NettingProposed, Proposed: act, Deadline: t.until(*terms, agreement.StageAnswer)}
	t.put(NettingKey(n.ID), n)
	t.emit(EventNettingProposed, NettingKey(n.ID), "")
	return nil
}

// answeredNetting finds the netting that an answer is about.
func (t *tx) answeredNetting(id string, e settlement.NettingEvent) (settlement.Netting, error) {
	n, ok := get[settlement.Netting](t, NettingKey(id))
	if !ok {
		return n, notFound("id", "netting", id)
	}
	next, ok := n.State.Next(e)
	if !ok {
		return n, wrongState("netting", id, string(n.State), "an answer")
	}
	if n.Proposer == t.own {
		return n, fault.New(fault.Forbidden, "the other side has to answer", "wait for the partner").In("id")
	}
	n.State, n.Deadline = next, 0
	return n, nil
}

// nettingAccept offsets the invoices (MEF 114 [CR22], [CD2]). What is left in
// each currency is owed; where nothing is left the invoices settle at once.
func nettingAccept(t *tx, c NettingAnswer) error {
	n, err := t.answeredNetting(c.ID, settlement.NettingAccept)
	if err != nil {
		return err
	}
	invoices, err := t.payables(n.Invoices)
	if err != nil {
		return err
	}
	terms, err := t.netTerms(invoices)
	if err != nil {
		return err
	}
	owed, err := t.owed(t.own, n.Sums)
	if err != nil {
		return err
	}
	if n.Accepted, err = t.authorize(terms, owed...); err != nil {
		return err
	}
	t.put(NettingKey(n.ID), n)
	t.emit(EventNettingAccepted, NettingKey(n.ID), "")
	for _, s := range n.Sums {
		if err := t.offset(n, s, invoices, *terms); err != nil {
			return err
		}
	}
	return nil
}

// offset nets one currency, or what of it is due on one day.
func (t *tx) offset(n settlement.Netting, s settlement.Sum, invoices []invoice.Invoice, terms agreement.Terms) error {
	pair := t.bilateral.Pair()
	t.claim(n.ID, pair[1], pair[0], s.Currency, settlement.Final, s.Gross[0]) // takes the first one's claims back
	t.claim(n.ID, pair[0], pair[1], s.Currency, settlement.Final, s.Gross[1])
	o := settlement.Obligation{ID: n.ID + "-" + string(s.Currency), Netting: n.ID, Payer: s.Payer, Payee: s.Payee,
		Amount: money.Amount{Currency: s.Currency, Micro: s.Net}, Method: terms.Payment[0].Name,
		Due: t.ctx.Block.Time + int64(terms.Payment[0].DueDays)*dayMillis, State: settlement.Owed}
	if s.Day != 0 {
		o.ID += "-" + strings.ReplaceAll(usage.Stamp(s.Day)[:len("2006-01-02")], "-", "")
		o.Due = t.ctx.Block.Time
	}
	for _, inv := range invoices {
		if inv.Currency == s.Currency && netDay(&inv, s.Day != 0) == s.Day {
			if s.Day != 0 {
				o.Due = max(o.Due, inv.Due)
			}
			inv.Obligation, inv.Deadline = o.ID, 0
			o.Invoices = append(o.Invoices, inv.ID)
			t.put(InvoiceKey(inv.ID), inv)
		}
	}
	if s.Net == 0 {
		return t.settleAll(o.Invoices)
	}
	t.claim(n.ID, s.Payee, s.Payer, s.Currency, settlement.Due, s.Net)
	settled, err := t.putOwed(o, terms)
	if err != nil || !settled {
		return err
	}
	return t.settleAll(o.Invoices)
}

// settleAll discharges invoices together.
func (t *tx) settleAll(ids []string) error {
	for _, id := range ids {
		inv, _ := again[invoice.Invoice](t, InvoiceKey(id))
		b := t.billingOf(inv)
		if err := t.discharge(&inv, &b); err != nil {
			return err
		}
		t.save(b)
	}
	return nil
}

func nettingReject(t *tx, c NettingAnswer) error {
	n, err := t.answeredNetting(c.ID, settlement.NettingReject)
	if err != nil {
		return err
	}
	inv, _ := get[invoice.Invoice](t, InvoiceKey(n.Invoices[0]))
	if _, err := t.authorize(t.agreementTerms(inv.Agreement)); err != nil {
		return err
	}
	t.put(NettingKey(n.ID), n)
	t.emit(EventNettingRejected, NettingKey(n.ID), "")
	return nil
}

func obligationOpen(t *tx, c ObligationOpen) error {
	invoices, err := t.payables(c.Invoices)
	if err != nil {
		return err
	}
	sums := map[money.Currency]money.Micro{}
	for _, inv := range invoices {
		if inv.Payer() != t.own {
			if t.ctx.Block.Time < inv.Due {
				return fault.Newf(fault.NotYet, "wait until it is due, or propose a netting", "invoice %s is not due yet, and only its payer may do without netting before", inv.ID).In("invoices")
			}
			continue
		}
		if sums[inv.Currency], err = sums[inv.Currency].Add(inv.Size()); err != nil {
			return err
		}
	}
	if _, err := t.authorize(t.agreementTerms(invoices[0].Agreement), amountsOf(sums)...); err != nil {
		return err
	}
	for _, inv := range invoices {
		if err := t.oweNow(&inv, inv.Due); err != nil {
			return err
		}
	}
	return nil
}
