package trade

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/credit"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/token"
	"github.com/lateral-network/lateral/trade/usage"
)

// Credit by the clause of an agreement (MEF 114 Table 2). How a payer has paid
// gives its allocation; what stands between it and its payment is compared with
// that before an order, and whenever a command changes it or a period begins. A
// crossing is told once, and the clause says what else it does.

// Codes of refusals about credit. The field is what of the clause is broken.
const (
	// CodeCredit says that the buyer's exposure would be more than its allocation.
	CodeCredit fault.Code = "credit-exceeded"
	// CodeCeiling says that more would stand between the two and their payments than
	// the agreement lets the channel carry.
	CodeCeiling fault.Code = "ceiling-exceeded"
	// CodeDeposit says that the deposit which the agreement wants does not stand.
	CodeDeposit fault.Code = "deposit-short"
)

// Paying is how a member has paid the other, and by which agreements that gives it
// credit.
type Paying struct {
	Agreements []string       `cbor:"1,keyasint" json:"agreements"` // with a clause about credit, now or before; sorted
	History    credit.History `cbor:"2,keyasint,omitempty" json:"history,omitempty"`
}

// trust begins with what credit is asked about, when a clause about it is agreed
// for the first time, from all that was before, and asks by what holds now.
func (t *tx) trust(a agreement.Agreement, terms agreement.Terms) error {
	if terms.Credit == nil {
		return nil
	}
	begun := false
	for _, who := range t.bilateral.Pair() {
		p, there := get[Paying](t, HistoryKey(who))
		if begun = there; !begun {
			p.History = t.paidBefore(who)
		}
		if i, known := slices.BinarySearch(p.Agreements, a.ID); !known {
			p.Agreements = slices.Insert(slices.Clone(p.Agreements), i, a.ID)
		}
		t.put(HistoryKey(who), p)
	}
	if !begun {
		for key, raw := range t.Scan(prefixUnbilled) {
			id, _, _ := strings.Cut(strings.TrimPrefix(key, prefixUnbilled), "/")
			if m, err := t.measured(id, stored[Unbilled](raw).Interval); err == nil {
				t.putUnbilled(&m)
			}
		}
		all, err := t.recount()
		if err != nil {
			return err
		}
		for _, s := range all.sorted() {
			t.put(s.key(), *all[s])
		}
	}
	for _, who := range t.bilateral.Pair() {
		for _, c := range terms.Credit.Currencies {
			if err := t.judge(stake{who, c}); err != nil {
				return err
			}
		}
	}
	return nil
}

// paidBefore gives the last invoices that a payer has paid or that are overdue.
func (t *tx) paidBefore(payer party.Code) (h credit.History) {
	for _, raw := range t.Scan(prefixInvoice) {
		inv := stored[invoice.Invoice](raw)
		if p, ok := t.paymentOf(&inv); ok && inv.Buyer == payer {
			h = append(h, p)
		}
	}
	news := func(p credit.Payment) int64 { return cmp.Or(p.Received, p.Due) }
	slices.SortFunc(h, func(p, q credit.Payment) int {
		return cmp.Or(cmp.Compare(news(p), news(q)), cmp.Compare(p.Invoice, q.Invoice))
	})
	return h[max(0, len(h)-credit.Last):]
}

// paymentOf gives what became of an invoice; ok is false while its buyer has
// neither paid nor is late, and for a note that the seller pays. A netting pays for
// the side that has more to claim when it is accepted, and for the other by what is
// left.
func (t *tx) paymentOf(inv *invoice.Invoice) (p credit.Payment, ok bool) {
	if inv.Total <= 0 || inv.Obligation == "" {
		return p, false
	}
	p = credit.Payment{Invoice: inv.ID, Issued: inv.Issued, Due: inv.Due}
	o, left := get[settlement.Obligation](t, ObligationKey(inv.Obligation))
	if left && o.Payer == inv.Buyer {
		p.Due, p.Late = o.Due, o.Late
		if o.State == settlement.Settled {
			p.Received = o.Receipt.Time
		}
		return p, o.State == settlement.Settled || o.Late
	}
	if !inv.Paid {
		return p, false
	}
	id, _, _ := strings.Cut(inv.Obligation, "-")
	n, _ := get[settlement.Netting](t, NettingKey(id))
	p.Received = n.Accepted.Time
	return p, true
}

// follow keeps what credit is asked about true after a command, and asks.
func (t *tx) follow() error {
	if t.own == "" {
		return nil
	}
	if _, begun := t.state.Get(HistoryKey(t.own)); !begun {
		return nil
	}
	diffs, err := t.changes()
	if err != nil {
		return err
	}
	news := t.paid()
	for _, who := range t.bilateral.Pair() {
		p, _ := get[Paying](t, HistoryKey(who))
		if len(news[who]) > 0 {
			for _, x := range news[who] {
				p.History = p.History.With(x)
			}
			t.put(HistoryKey(who), p)
		}
		if len(news[who]) > 0 || t.begins(who) {
			for _, c := range t.clauses(p) {
				for _, cur := range c.clause().Currencies {
					diffs.at(who, cur)
				}
			}
		}
	}
	for _, s := range diffs.sorted() {
		if diffs[s].Final != 0 { // it is set off against what the other owes
			diffs.at(t.other(s.payer), s.currency)
		}
	}
	for _, s := range diffs.sorted() {
		e, _ := get[Exposed](t, s.key())
		if err := e.until(t.ctx.Block.Time); err != nil {
			return err
		}
		if err := e.apply(diffs[s]); err != nil {
			return err
		}
		t.put(s.key(), e)
	}
	for _, s := range diffs.sorted() { // once all are counted: what is final is set off
		if err := t.judge(s); err != nil {
			return err
		}
	}
	return nil
}

// paid gives what this command's writes tell of invoices: that they were paid, or
// are overdue.
func (t *tx) paid() map[party.Code][]credit.Payment {
	news := map[party.Code][]credit.Payment{}
	tell := func(inv *invoice.Invoice) {
		if p, ok := t.paymentOf(inv); ok {
			news[inv.Buyer] = append(news[inv.Buyer], p)
		}
	}
	for _, w := range t.writes {
		old, there := t.state.Get(w.Key)
		switch {
		case w.Value == nil || !there:
		case strings.HasPrefix(w.Key, prefixInvoice):
			if inv := stored[invoice.Invoice](w.Value); inv.Paid && !stored[invoice.Invoice](old).Paid {
				tell(&inv)
			}
		case strings.HasPrefix(w.Key, prefixObligation):
			if o := stored[settlement.Obligation](w.Value); o.State == settlement.Overdue && stored[settlement.Obligation](old).State == settlement.Owed {
				for _, id := range o.Invoices {
					inv, _ := get[invoice.Invoice](t, InvoiceKey(id))
					tell(&inv)
				}
			}
		}
	}
	return news
}

// begins reports whether this command writes a billing period in which a member
// buys: a cycle, at which its credit is asked whatever changed.
func (t *tx) begins(buyer party.Code) bool {
	for _, w := range t.writes {
		if strings.HasPrefix(w.Key, prefixPeriod) && w.Value != nil && stored[invoice.Period](w.Value).Direction.From == buyer {
			return true
		}
	}
	return false
}

// trusting is a clause about credit with the agreement that it stands in.
type trusting struct {
	agreement agreement.Agreement
	terms     *agreement.Terms
}

func (c trusting) clause() *agreement.Credit { return c.terms.Credit }

// clauses gives the clauses about credit that hold now.
func (t *tx) clauses(p Paying) (out []trusting) {
	for _, id := range p.Agreements {
		a, _ := get[agreement.Agreement](t, AgreementKey(id))
		if !a.InForce(t.ctx.Block.Time) {
			continue
		}
		if terms := t.latest(a); terms != nil && terms.Credit != nil {
			out = append(out, trusting{a, terms})
		}
	}
	return out
}

// other gives a member's partner.
func (t *tx) other(who party.Code) party.Code {
	pair := t.bilateral.Pair()
	if who == pair[0] {
		return pair[1]
	}
	return pair[0]
}

// exposure gives what stands between a payer and its payment now. Final claims of
// its own are set off where the agreement nets; what is not final secures nothing.
func (t *tx) exposure(payer party.Code, c money.Currency, netting bool) (x credit.Exposure, e Exposed, err error) {
	e, _ = get[Exposed](t, CreditKey(payer, c))
	if err := e.until(t.ctx.Block.Time); err != nil {
		return x, e, err
	}
	x = credit.Exposure{Measured: e.Measured, Accrued: e.Accrued, Expected: e.Expected, Ordered: e.Ordered, Billed: e.Billed, Deposits: t.deposited(payer, c)}
	if netting {
		claims, _ := get[Exposed](t, CreditKey(t.other(payer), c)) // the payer's, which the other owes
		x.SetOff = max(0, min(claims.Final, e.Billed))
	}
	return x, e, nil
}

// deposited gives what a payer could pay out of the locks that it shares with the
// other, by the Omnilateral after the block before: it is final (MEF 114 section
// 7.6.1).
func (t *tx) deposited(payer party.Code, c money.Currency) money.Micro {
	return deposited(t.deposits(), t.publicView(), payer, t.ctx.Block.Time)[token.CodeOf(c)]
}

// allocated gives what a payer may consume before it pays.
func (t *tx) allocated(payer party.Code, p Paying, clause *agreement.Credit, c money.Currency) money.Micro {
	rule, err := clause.Allocation.Allocate()
	if err != nil { // it compiled when the terms were proposed
		return 0
	}
	return rule.Of(agreement.Buyer{Score: p.History.Score(), Days: p.History.Days(), Invoices: len(p.History), Buyer: payer, Seller: t.other(payer), Currency: c})
}

// told is what a crossing is told by.
var told = map[credit.Event]string{credit.Warn: EventCreditWarned, credit.Exceed: EventCreditExceeded, credit.Ease: EventCreditEased, credit.Restore: EventCreditRestored}

// judge asks where a payer stands in a currency, by the clause that says the worst
// of it; tells a crossing, and does what the clause wants of it.
func (t *tx) judge(s stake) error {
	p, _ := get[Paying](t, HistoryKey(s.payer))
	worst := -1
	var next Exposed
	var suspending []trusting
	for _, c := range t.clauses(p) {
		if !slices.Contains(c.clause().Currencies, s.currency) {
			continue
		}
		x, e, err := t.exposure(s.payer, s.currency, c.terms.Netting)
		if err != nil {
			return err
		}
		if e.Exposure, err = x.Total(); err != nil {
			e.Exposure = math.MaxInt64 // beyond anything, and nothing that is under way waits for that
		}
		e.Allocation, e.Asked = t.allocated(s.payer, p, c.clause(), s.currency), t.ctx.Block.Time
		if e.State, err = credit.Judge(e.Exposure, e.Allocation, c.clause().Warn); err != nil {
			return err
		}
		if bad := slices.Index([]credit.State{credit.Within, credit.Warned, credit.Beyond}, e.State); bad > worst {
			worst, next = bad, e
		}
		if e.State == credit.Beyond && c.clause().Beyond == agreement.BeyondSuspend {
			suspending = append(suspending, c)
		}
	}
	if worst < 0 {
		return nil
	}
	before, _ := get[Exposed](t, s.key())
	t.put(s.key(), next)
	crossing := before.State.Towards(next.State)
	if crossing == "" {
		return nil
	}
	t.emit(told[crossing], s.key(), money.Amount{Currency: s.currency, Micro: next.Exposure}.String()+" of "+next.Allocation.String())
	if crossing != credit.Exceed {
		return nil
	}
	for _, c := range suspending {
		if err := t.suspendFor(s.payer, c); err != nil {
			return err
		}
	}
	return nil
}

// suspendFor suspends the standing orders of a buyer under an agreement. They wait
// for order.resume like any other that is suspended.
func (t *tx) suspendFor(buyer party.Code, c trusting) error {
	for _, line := range c.agreement.Lines {
		s, _ := get[Standing](t, StandingKey(usage.Direction{From: buyer, To: t.other(buyer)}, product.Line(line)))
		o, _ := get[order.Order](t, OrderKey(s.Order))
		next, ok := o.State.Next(order.Suspend)
		if !ok || o.Agreement != c.agreement.ID {
			continue
		}
		o.State, o.Deadline, o.Why = next, t.until(*c.terms, agreement.StageSuspension), "beyond its credit allocation"
		if err := t.putOrder(o); err != nil {
			return err
		}
	}
	return nil
}

// buying is an order as credit is asked about it.
type buying struct {
	buyer     party.Code
	agreement string
	terms     *agreement.Terms
	comes     []money.Amount // what it comes to at first; an order that is resumed: nothing
	recurs    []recurs       // what a deposit is for
}

// recurs is an amount that is billed again and again, by an interval; ms.
type recurs struct {
	amount   money.Amount
	interval int64
}

// creditworthy refuses an order for which the buyer has no credit, by the clause of
// its agreement. Codes: [CodeCeiling], [CodeCredit], [CodeDeposit].
func (t *tx) creditworthy(b buying) error {
	if b.terms.Credit == nil {
		return nil
	}
	clause := b.terms.Credit
	p, _ := get[Paying](t, HistoryKey(b.buyer))
	for _, limit := range clause.Ceiling {
		if err := t.beneath(limit, b); err != nil {
			return err
		}
	}
	for _, c := range clause.Currencies {
		if err := t.affords(p, c, b); err != nil {
			return err
		}
	}
	for _, a := range b.comes {
		if a.Micro > 0 && clause.Beyond != agreement.BeyondWarn && !slices.Contains(clause.Currencies, a.Currency) {
			return fault.Newf(CodeCredit, "order in a currency of the clause, or have it amended", "agreement %s gives no credit in %s", b.agreement, a.Currency).In("credit.currencies")
		}
	}
	return nil
}

// beneath refuses what would bring the two beyond the ceiling of their channel,
// which holds for both sides together, whatever one could set off (SEC-16).
func (t *tx) beneath(limit money.Amount, b buying) error {
	risk, err := t.atRisk(limit.Currency)
	if err != nil {
		return err
	}
	if risk, err = risk.Add(amountIn(b.comes, limit.Currency)); err != nil {
		return err
	}
	if risk > limit.Micro {
		return fault.Newf(CodeCeiling, "pay what is open, or agree on a channel whose ledger secures more", "%s would stand between the two and their payments, and agreement %s allows %s",
			money.Amount{Currency: limit.Currency, Micro: risk}, b.agreement, limit).In("credit.ceiling")
	}
	return nil
}

// atRisk gives what stands between the two and their payments in a currency, both
// ways together.
func (t *tx) atRisk(c money.Currency) (risk money.Micro, err error) {
	for _, who := range t.bilateral.Pair() {
		x, _, err := t.exposure(who, c, false)
		if err != nil {
			return 0, err
		}
		total, err := x.Total()
		if err != nil {
			return 0, err
		}
		if risk, err = risk.Add(max(0, total)); err != nil {
			return 0, err
		}
	}
	return risk, nil
}

// affords refuses an order beyond the buyer's allocation in a currency, or without
// the deposit.
func (t *tx) affords(p Paying, c money.Currency, b buying) error {
	clause := b.terms.Credit
	x, e, err := t.exposure(b.buyer, c, b.terms.Netting)
	if err != nil {
		return err
	}
	total, err := x.Total()
	if err != nil {
		return err
	}
	after, err := total.Add(amountIn(b.comes, c))
	if err != nil {
		return err
	}
	if allocation := t.allocated(b.buyer, p, clause, c); after > allocation && clause.Beyond != agreement.BeyondWarn {
		return fault.Newf(CodeCredit, "pay what is open, deposit, or ask for another allocation by an amendment", "with the order the exposure of %s would be %s, and agreement %s allocates %s to a score of %d %% and %d days",
			b.buyer, money.Amount{Currency: c, Micro: after}, b.agreement, money.Amount{Currency: c, Micro: allocation}, p.History.Score(), p.History.Days()).In("credit.allocation")
	}
	if clause.Deposit == 0 || len(b.comes) == 0 {
		return nil
	}
	wanted, err := t.deposit(p, c, e, b)
	if err != nil {
		return err
	}
	if x.Deposits < wanted {
		return fault.Newf(CodeDeposit, "deposit what is missing, then order again", "agreement %s wants a deposit of %s of %s, and %s stands",
			b.agreement, money.Amount{Currency: c, Micro: wanted}, b.buyer, money.Amount{Currency: c, Micro: x.Deposits}).In("credit.deposit")
	}
	return nil
}

// deposit gives what the clause wants to stand: Table 2's deposit for all that
// recurs, with an order more, times the share that was agreed. While nothing was
// paid yet the net days of the payment terms stand for the payment history.
func (t *tx) deposit(p Paying, c money.Currency, e Exposed, b buying) (money.Micro, error) {
	days := p.History.Days()
	if !slices.ContainsFunc(p.History, func(x credit.Payment) bool { return x.Received != 0 }) {
		days = b.terms.PaymentTerms().Net
	}
	cycle, err := t.calendar(*b.terms)
	if err != nil {
		return 0, err
	}
	now := t.ctx.Block.Time
	period := cycle.At(now)
	all := append(slices.Clone(b.recurs), recurs{money.Amount{Currency: c, Micro: max(0, e.Expected)}, period.To - period.From})
	for _, r := range e.Recurring {
		dates, err := r.Period.Calendar()
		if err != nil {
			return 0, err
		}
		i := dates.At(now)
		all = append(all, recurs{money.Amount{Currency: c, Micro: max(0, r.Amount)}, i.To - i.From})
	}
	var sum money.Micro
	for _, r := range all {
		if r.amount.Currency != c {
			continue
		}
		d, err := credit.Deposit(r.amount, days, r.interval)
		if err != nil {
			return 0, err
		}
		if sum, err = sum.Add(d); err != nil {
			return 0, err
		}
	}
	return sum.MulDiv(int64(b.terms.Credit.Deposit), credit.Millionths, money.Up)
}

// calls is a standing order as credit is asked about it: its usage is billed again
// with each period.
func (t *tx) calls(buyer party.Code, id string, terms *agreement.Terms, value []money.Amount) (buying, error) {
	b := buying{buyer: buyer, agreement: id, terms: terms, comes: value}
	cycle, err := t.calendar(*terms)
	i := cycle.At(t.ctx.Block.Time)
	for _, v := range value {
		b.recurs = append(b.recurs, recurs{v, i.To - i.From})
	}
	return b, err
}

// wants is an order about a product as credit is asked about it. A change counts by
// what it costs more than the product does.
func (t *tx) wants(it *order.Item, terms *agreement.Terms, p product.Instance) (buying, error) {
	b, err := t.calls(it.Buyer, it.Agreement, terms, it.Value)
	if err != nil {
		return b, err
	}
	if b.recurs, err = fixed(b.recurs, &it.Request.Offer, it.Start); err != nil {
		return b, err
	}
	if ph, ok := p.At(t.ctx.Block.Time); ok && it.Request.Action == order.Modify {
		before, _ := get[order.Item](t, ItemKey(ph.Order))
		now, err := t.calls(it.Buyer, it.Agreement, terms, before.Value)
		if err != nil {
			return b, err
		}
		if now.recurs, err = fixed(now.recurs, &ph.Offer, it.Start); err != nil {
			return b, err
		}
		b.recurs = more(b.recurs, now.recurs)
	}
	asks := asking{sums: map[money.Currency]money.Micro{}}
	for _, r := range b.recurs {
		asks.add(r.amount)
	}
	asks.once(it)
	b.comes = amountsOf(asks.sums)
	return b, asks.err
}

// fixed adds what an offer costs for each charge period that contains a moment.
func fixed(to []recurs, o *product.Offer, at int64) ([]recurs, error) {
	for i := range o.Prices {
		p := &o.Prices[i]
		if !p.Kind.Fixed() {
			continue
		}
		amount, length, err := onePeriod(p, o.Quantity(p.Kind), at)
		if err != nil {
			return nil, err
		}
		to = append(to, recurs{money.Amount{Currency: p.Currency, Micro: amount}, length})
	}
	return to, nil
}

// more gives what is billed again and again beyond what is so already.
func more(all, already []recurs) (out []recurs) {
	for _, r := range all {
		for i := range already {
			if a := &already[i]; a.interval == r.interval && a.amount.Currency == r.amount.Currency {
				both := min(a.amount.Micro, r.amount.Micro)
				a.amount.Micro, r.amount.Micro = a.amount.Micro-both, r.amount.Micro-both
			}
		}
		if r.amount.Micro > 0 {
			out = append(out, r)
		}
	}
	return out
}

// Trusted is how far a member trusts its partner in a currency, by one agreement.
type Trusted struct {
	Payer     party.Code
	Payee     party.Code
	Agreement string
	Terms     credit.Terms // of payment
	History   credit.History
	Currency  money.Currency
	Exposure  credit.Exposure
	Total     money.Micro // of the exposure
	// Allocation is what the payer may consume before it pays, and Warn where the
	// warning begins; 0: none does.
	Allocation, Warn money.Micro
	State            credit.State
	Beyond           agreement.Beyond
	Ceiling          *money.Micro // for both sides together; nil: no limit
	AtRisk           money.Micro  // of both sides together
	Deposit          money.Micro  // that has to stand before an order
}

// Credit gives how far each side trusts the other at a moment (ms UTC), by payer,
// agreement and currency: what an order would be asked then. public is the
// Omnilateral, which has what the two have locked. Code: money-overflow.
func (v View) Credit(public Records, at int64) (out []Trusted, err error) {
	t := &tx{m: New(), state: v.Records, ctx: Context{Block: Block{Time: at, Channel: canon.Hash{1}}, Public: public}}
	var ok bool
	if t.bilateral, ok = v.Bilateral(); !ok || len(t.bilateral.Sides) != 2 {
		return nil, nil
	}
	for _, payer := range t.bilateral.Pair() {
		p, _ := get[Paying](t, HistoryKey(payer))
		for _, c := range t.clauses(p) {
			for _, currency := range c.clause().Currencies {
				x, err := t.trusted(payer, p, c, currency)
				if err != nil {
					return nil, err
				}
				out = append(out, x)
			}
		}
	}
	return out, nil
}

func (t *tx) trusted(payer party.Code, p Paying, c trusting, currency money.Currency) (x Trusted, err error) {
	clause := c.clause()
	x = Trusted{Payer: payer, Payee: t.other(payer), Agreement: c.agreement.ID, Terms: c.terms.PaymentTerms(), History: p.History, Currency: currency, Beyond: clause.Beyond}
	var e Exposed
	if x.Exposure, e, err = t.exposure(payer, currency, c.terms.Netting); err != nil {
		return x, err
	}
	if x.Total, err = x.Exposure.Total(); err != nil {
		return x, err
	}
	x.Allocation = t.allocated(payer, p, clause, currency)
	if x.Warn, err = x.Allocation.MulDiv(int64(clause.Warn), credit.Millionths, money.Up); err != nil {
		return x, err
	}
	if x.State, err = credit.Judge(x.Total, x.Allocation, clause.Warn); err != nil {
		return x, err
	}
	if limit, ok := party.LimitIn(clause.Ceiling, currency); ok {
		x.Ceiling = &limit.Micro
	}
	if x.AtRisk, err = t.atRisk(currency); err != nil {
		return x, err
	}
	if clause.Deposit > 0 {
		x.Deposit, err = t.deposit(p, currency, e, buying{terms: c.terms})
	}
	return x, err
}
