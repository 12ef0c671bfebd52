package trade

import (
	"cmp"
	"maps"
	"slices"

	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
)

// What finance reads: a statement of account between two moments, and how old the
// debts are. Both follow from the records that both sides have, so the two sides'
// statements are each other's with the sign turned.

// LineKind says what a line of a statement is.
type LineKind string

// The kinds.
const (
	LineInvoice    LineKind = "invoice"
	LineCredit     LineKind = "credit-note"
	LineDebit      LineKind = "debit-note"
	LinePayment    LineKind = "payment"
	LineAdjustment LineKind = "adjustment" // a claim was withdrawn, decided otherwise or rejected
)

// StatementLine is one line of a statement.
type StatementLine struct {
	Time      int64       // of the block, ms UTC
	Kind      LineKind    //
	Subject   string      // the document, or the obligation that was paid first, or what was decided
	Reference string      // of a payment
	Amount    money.Micro // what the partner owes more; below zero: less
	Balance   money.Micro // after it
}

// AccountStatement is the account with the partner in one currency: what it owes, less
// what is owed to it.
type AccountStatement struct {
	Currency money.Currency
	Opening  money.Micro
	Lines    []StatementLine
	Closing  money.Micro
	Carried  money.Micro // part of Closing: less than a coin each way, for the next debts; as it stands now
}

// Statements gives the account of a member with the other one from a moment until
// before another (ms UTC), for each currency in order. Code: money-overflow.
func (v View) Statements(own party.Code, from, to int64) ([]AccountStatement, error) {
	type moment struct {
		change money.Micro // of all that is claimed, paid things aside
		cause  string
	}
	all := map[money.Currency]map[int64]*moment{}
	for j := range v.Journal() {
		if j.Time >= to {
			break
		}
		for _, p := range j.Postings {
			change := money.Micro(0)
			if p.From.Party == own && claims(p.From.Purpose) {
				change -= p.Amount
			}
			if p.To.Party == own && claims(p.To.Purpose) {
				change += p.Amount
			}
			if change == 0 {
				continue
			}
			times := all[p.From.Currency]
			if times == nil {
				times = map[int64]*moment{}
				all[p.From.Currency] = times
			}
			m := times[j.Time]
			if m == nil {
				m = &moment{cause: j.Subject}
				times[j.Time] = m
			}
			var err error
			if m.change, err = m.change.Add(change); err != nil {
				return nil, err
			}
		}
	}
	named, err := v.named(own)
	if err != nil {
		return nil, err
	}
	var out []AccountStatement
	for _, c := range currencies(all) {
		s := AccountStatement{Currency: c, Carried: v.Carried(v.partnerOf(own), c) - v.Carried(own, c)}
		for _, at := range slices.Sorted(maps.Keys(all[c])) {
			m := all[c][at]
			if at < from {
				if s.Opening, err = s.Opening.Add(m.change); err != nil {
					return nil, err
				}
				s.Closing = s.Opening
				continue
			}
			rest := m.change
			lines := named[stated{c, at}]
			for _, l := range lines {
				rest -= l.Amount // of amounts that the change is the sum of
			}
			if rest != 0 {
				lines = append(lines, StatementLine{Time: at, Kind: LineAdjustment, Subject: m.cause, Amount: rest})
			}
			for _, l := range lines {
				if s.Closing, err = s.Closing.Add(l.Amount); err != nil {
					return nil, err
				}
				l.Balance = s.Closing
				s.Lines = append(s.Lines, l)
			}
		}
		out = append(out, s)
	}
	return out, nil
}

// claims reports whether what stands on an account is owed: money that was paid is
// not.
func claims(p settlement.Purpose) bool {
	switch p {
	case settlement.Invoiced, settlement.Disputed, settlement.Final, settlement.Due, settlement.Transit, settlement.Carried:
		return true
	}
	return false
}

func (v View) partnerOf(own party.Code) party.Code {
	b, _ := get[Bilateral](v, keyBilateral)
	pair := b.Pair()
	if pair[0] == own {
		return pair[1]
	}
	return pair[0]
}

// stated names what happened in a currency at a moment.
type stated struct {
	currency money.Currency
	at       int64
}

// named gives the lines that documents and payments make.
func (v View) named(own party.Code) (map[stated][]StatementLine, error) {
	out := map[stated][]StatementLine{}
	add := func(c money.Currency, l StatementLine, forOwn bool) {
		if !forOwn {
			l.Amount = -l.Amount
		}
		if l.Amount != 0 {
			k := stated{c, l.Time}
			out[k] = append(out[k], l)
		}
	}
	for inv := range v.Invoices("") {
		doc, _ := v.Document(inv.ID)
		amount, err := doc.Total.Add(doc.Open)
		if err != nil {
			return nil, err
		}
		kind := map[invoice.Note]LineKind{"": LineInvoice, invoice.Credit: LineCredit, invoice.Debit: LineDebit}[inv.Note]
		add(inv.Currency, StatementLine{Time: inv.Issued, Kind: kind, Subject: inv.ID, Amount: amount}, inv.Seller == own)
	}
	for r := range v.Remittances() {
		if r.Received != (party.Act{}) {
			add(r.Amount.Currency, StatementLine{Time: r.Received.Time, Kind: LinePayment, Subject: r.Parts[0].Obligation, Reference: r.Reference, Amount: r.Amount.Micro}, r.Payer == own)
		}
	}
	for p := range all[DepositPayment](v, "payment/") {
		amounts, err := worth(p.Amount)
		if err != nil {
			return nil, err
		}
		add(amounts[0].Currency, StatementLine{Time: p.Act.Time, Kind: LinePayment, Subject: p.Obligations[0], Reference: p.ID, Amount: amounts[0].Micro}, p.Payer == own)
	}
	return out, nil
}

// Aged is what a member owes the other in one currency, by how long it is late.
type Aged struct {
	Payer, Payee party.Code
	Currency     money.Currency
	NotDue       money.Micro
	Late         [4]money.Micro // 1 to 30 days, 31 to 60, 61 to 90, more
	Disputed     money.Micro    // claimed, and not decided
	Carried      money.Micro    // less than a coin, for the next debt
	Total        money.Micro
}

// Late tells which part of [Aged.Late] a debt that is due at a time, ms UTC, belongs to
// now; -1: it is not due.
func Late(due, now int64) int {
	if now <= due {
		return -1
	}
	days := (now - due + dayMillis - 1) / dayMillis
	return int(min((days-1)/30, 3))
}

// Ageing gives how old debts are at a moment (ms UTC), by payer and currency. A day
// that has begun counts. Code: money-overflow.
func (v View) Ageing(now int64) ([]Aged, error) {
	type key struct {
		payer    party.Code
		currency money.Currency
	}
	found := map[key]*Aged{}
	var failed error
	at := func(payer, payee party.Code, c money.Currency) *Aged {
		k := key{payer, c}
		if found[k] == nil {
			found[k] = &Aged{Payer: payer, Payee: payee, Currency: c}
		}
		return found[k]
	}
	add := func(a *Aged, to *money.Micro, amount money.Micro) {
		for _, x := range []*money.Micro{to, &a.Total} {
			sum, err := x.Add(amount)
			if err != nil && failed == nil {
				failed = err
			}
			*x = sum
		}
	}
	aged := func(payer, payee party.Code, a money.Amount, due int64) {
		if a.Micro == 0 {
			return
		}
		x := at(payer, payee, a.Currency)
		if late := Late(due, now); late < 0 {
			add(x, &x.NotDue, a.Micro)
		} else {
			add(x, &x.Late[late], a.Micro)
		}
	}
	for o := range v.Obligations() {
		aged(o.Payer, o.Payee, o.Left(), o.Due)
	}
	for inv := range v.Invoices("") {
		if inv.Open != 0 {
			x := at(inv.Buyer, inv.Seller, inv.Currency)
			add(x, &x.Disputed, inv.Open)
		}
		if inv.Payable() || inv.State == invoice.Issued {
			aged(inv.Payer(), inv.Payee(), money.Amount{Currency: inv.Currency, Micro: inv.Size()}, inv.Due)
		}
	}
	for key, raw := range v.Scan(prefixCarry) {
		payer, c := carryOf(key)
		x := at(payer, v.partnerOf(payer), c)
		add(x, &x.Carried, stored[Balance](raw).Micro)
	}
	out := make([]Aged, 0, len(found))
	for _, x := range found {
		out = append(out, *x)
	}
	slices.SortFunc(out, func(a, b Aged) int {
		return cmp.Or(cmp.Compare(a.Payer, b.Payer), cmp.Compare(a.Currency, b.Currency))
	})
	return out, failed
}
