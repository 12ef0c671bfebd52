package trade

import (
	"cmp"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/usage"
)

// Bills for products. The charges of a billing period follow from orders, prices
// and agreed measurements alone. A bill charges whatever was delivered, used or
// missed until the period's end and is on no bill yet, each line with the
// interval that it is for: what was agreed late is on the next bill, and nothing
// twice.

// CodeBillMismatch says that a side has generated another bill than follows from
// what is agreed.
const CodeBillMismatch fault.Code = "bill-mismatch"

// BillRequest has a bill for products made when its period is over: where the
// Bilateral generates documents. The same request from both sides is one.
type BillRequest struct {
	Account  invoice.Account `cbor:"1,keyasint" json:"account"`
	Interval usage.Interval  `cbor:"2,keyasint" json:"interval"`
}

// BillSubmit is one side's bill as its own system has generated it, by its hash:
// where each side generates documents. Rules and State say what it was computed
// by and from.
type BillSubmit struct {
	Account  invoice.Account `cbor:"1,keyasint" json:"account"`
	Interval usage.Interval  `cbor:"2,keyasint" json:"interval"`
	Document canon.Hash      `cbor:"3,keyasint" json:"document"` // invoice.Bill.Hash
	Rules    canon.Hash      `cbor:"4,keyasint" json:"rules"`
	State    canon.Hash      `cbor:"5,keyasint" json:"state"`
	Totals   []money.Amount  `cbor:"6,keyasint,omitempty" json:"totals,omitempty"`
}

// maxItems bounds the items of a bill.
const maxItems = 100_000

// account is an account with what stands around it in a period.
type account struct {
	invoice.Account
	interval  usage.Interval
	buyer     party.Code
	agreement agreement.Agreement
	version   agreement.Version
	terms     agreement.Terms
	calendar  usage.Calendar
}

// accountIn finds an account and the terms of a period.
func (t *tx) accountIn(a invoice.Account, i usage.Interval) (x account, err error) {
	x = account{Account: a, interval: i}
	pair := t.bilateral.Pair()
	switch a.Seller {
	case pair[0]:
		x.buyer = pair[1]
	case pair[1]:
		x.buyer = pair[0]
	default:
		return x, notFound("account.seller", "side", string(a.Seller))
	}
	var ok bool
	if x.agreement, ok = get[agreement.Agreement](t, AgreementKey(a.Agreement)); !ok || len(x.agreement.Versions) == 0 {
		return x, notFound("account.agreement", "agreement", a.Agreement)
	}
	if err := i.Validate(); err != nil || i.From < 0 {
		return x, invalid("interval", "the interval is no span of time since 1970", "name beginning and end in ms since 1970")
	}
	x.version, _ = x.agreement.At(i.From)
	x.terms = t.termsOf(x.version.Terms)
	if x.calendar, err = t.calendar(x.terms); err != nil {
		return x, err
	}
	if x.calendar.At(i.From) != i {
		return x, fault.Newf(CodeMisaligned, "ask for a period of the agreed cycle", "%s is no period of the cycle %s %s", i, x.terms.Cycle, x.terms.Zone).In("interval")
	}
	return x, nil
}

func (x *account) direction() usage.Direction { return usage.Direction{From: x.buyer, To: x.Seller} }

// key is that of the account's period.
func (x *account) key() string { return PeriodKey(x.Order(), x.interval) }

// billable refuses a period that is not over, is billed, or comes after one that
// is not.
func (t *tx) billable(x *account) (Standing, error) {
	s, _ := get[Standing](t, x.standing())
	switch {
	case t.ctx.Block.Time < x.interval.To+x.terms.GraceMillis:
		return s, fault.Newf(fault.NotYet, "ask again when it is over", "the period %s is not over, with its grace", x.interval).In("interval")
	case x.interval.To <= s.Last:
		return s, conflict("interval", "look at the bills", "the account is billed until %s", usage.Stamp(s.Last))
	}
	return s, t.attested(x.terms)
}

// standing is the key of the record that says until when the account is billed.
func (x *account) standing() string {
	return StandingKey(x.direction(), product.Line(x.Order()))
}

func billRequest(t *tx, b BillRequest) error {
	if _, err := t.authorize(nil); err != nil {
		return err
	}
	x, err := t.accountIn(b.Account, b.Interval)
	if err != nil {
		return err
	}
	if t.has(x.key()) {
		return nil // the other side, or this one, has asked before
	}
	if x.terms.Integration == agreement.Proof {
		return fault.New(fault.Refused, "by the agreement each side generates the bill", "send it with bill.submit").In("account")
	}
	period, bill, err := t.generate(&x)
	if err != nil {
		return err
	}
	return t.issueBill(&x, period, bill)
}

// billSubmit takes a side's bill. The machine of the other side computes the same:
// what does not follow from what is agreed is refused. It is issued when both
// sides' are in, or the time for the second is over.
func billSubmit(t *tx, b BillSubmit) error {
	if _, err := t.authorize(nil); err != nil {
		return err
	}
	x, err := t.accountIn(b.Account, b.Interval)
	if err != nil {
		return err
	}
	if x.terms.Integration != agreement.Proof {
		return fault.New(fault.Refused, "by the agreement the Bilateral generates the bill", "ask for it with bill.request").In("account")
	}
	period, there := get[invoice.Period](t, x.key())
	var bill invoice.Bill
	if there {
		if period.State != invoice.PeriodStated {
			return wrongState("period", x.key(), string(period.State), "a bill")
		}
		bill, _ = get[invoice.Bill](t, BillKey(x.Order(), x.interval))
	} else if period, bill, err = t.generate(&x); err != nil {
		return err
	}
	totals, err := bill.Totals()
	if err != nil {
		return err
	}
	for _, c := range []struct {
		field string
		same  bool
	}{{"rules", b.Rules == bill.Rules}, {"state", b.State == bill.State}, {"document", b.Document == bill.Hash()}, {"totals", slices.Equal(b.Totals, totals)}} {
		if !c.same {
			return fault.Newf(CodeBillMismatch, "compare the two bills; a bill that stands is disputed by its items", "what this side has generated for %s has another %s than what follows from the agreed state", x.interval, c.field).In(c.field)
		}
	}
	side, which := &period.Seller, SellerSide
	if t.own == x.buyer {
		side, which = &period.Buyer, BuyerSide
	}
	if !side.Statement.IsZero() {
		return nil
	}
	side.Statement, side.Parts, side.Of, side.Lines = b.Document, 1, 1, uint32(len(bill.Items))
	t.emit(EventPeriodStated, x.key(), string(which))
	if period.Seller.Complete() && period.Buyer.Complete() {
		return t.issueBill(&x, period, bill)
	}
	if period.State == invoice.PeriodRequested {
		period.State, _ = period.State.Next(invoice.PeriodBegin)
	}
	period.Bill = bill.Hash()
	period.Stage, period.Deadline = string(agreement.StageStatement), t.until(x.terms, agreement.StageStatement)
	t.put(BillKey(x.Order(), x.interval), bill)
	t.put(x.key(), period)
	return nil
}

// tickBill issues a bill that one side has generated and the other has not in
// time: both machines have computed it.
func (t *tx) tickBill(p invoice.Period) error {
	bill, _ := get[invoice.Bill](t, BillKey(p.Order, p.Interval))
	x, err := t.accountIn(bill.Account, bill.Interval)
	if err != nil {
		return err
	}
	return t.issueBill(&x, p, bill)
}

// generate computes a bill and marks what it charges as billed.
func (t *tx) generate(x *account) (p invoice.Period, bill invoice.Bill, err error) {
	s, err := t.billable(x)
	if err != nil {
		return p, bill, err
	}
	if bill, err = t.charges(x); err != nil {
		return p, bill, err
	}
	s.Order, s.Last = x.Order(), x.interval.To
	t.put(x.standing(), s)
	p = invoice.Period{Order: x.Order(), Interval: x.interval, Direction: x.direction(), Agreement: x.agreement.ID, Terms: x.version.Terms,
		State: invoice.PeriodRequested, Requested: t.own}
	t.emit(EventPeriodRequested, x.key(), "")
	return p, bill, nil
}

// charges computes the charges of an account until the end of a period.
func (t *tx) charges(x *account) (invoice.Bill, error) {
	bill := invoice.Bill{Account: x.Account, Interval: x.interval,
		Rules: canon.Sum("lateral/bill/rules/1", canon.Must(RuleVersion), x.version.Terms[:])}
	var from [][]byte // what it follows from
	for key, raw := range t.Scan(prefixProduct) {
		p := stored[product.Instance](raw)
		if p.Agreement != x.agreement.ID || p.Seller != x.Seller || p.Account != x.Name {
			continue
		}
		c := charging{tx: t, x: x, p: &p}
		charges, err := c.all()
		if err != nil {
			return bill, fault.Of(err).In("account")
		}
		if len(charges) == 0 && !c.changed {
			continue
		}
		from = append(append(from, raw), c.from...)
		t.put(key, p)
		for _, charge := range charges {
			if len(bill.Items) == maxItems {
				return bill, fault.New(rating.CodeTooMuch, "the bill would have more than 100,000 items", "bill to several accounts, or shorter periods").In("account")
			}
			bill.Items = append(bill.Items, invoice.Item{Number: uint32(len(bill.Items)) + 1, Product: p.ID, Charge: charge, State: invoice.Agreed})
		}
	}
	bill.State = canon.Sum("lateral/bill/state/1", from...)
	return bill, nil
}

// charging computes the charges of one product.
type charging struct {
	*tx
	x       *account
	p       *product.Instance
	from    [][]byte // measurements that they follow from
	changed bool
}

// all gives what is on no bill yet, until the end of the period, in order:
// what recurs, what is due once, use and shortfalls, credits.
func (c *charging) all() ([]rating.Charge, error) {
	if c.p.Activated() == 0 || c.p.Activated() >= c.x.interval.To {
		return nil, nil
	}
	var out []rating.Charge
	for _, step := range []func() ([]rating.Charge, error){c.recur, c.due, c.used, c.short} {
		more, err := step()
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	return out, nil
}

func (c *charging) recur() ([]rating.Charge, error) {
	span := usage.Interval{From: max(c.p.Billed, c.p.Activated()), To: c.x.interval.To}
	if c.p.Ends != 0 && c.p.Ends <= span.From {
		return nil, nil
	}
	c.changed, c.p.Billed = true, c.x.interval.To
	return recurring(c.p, span, c.x.terms.Rounding.Mode)
}

// due gives what waits for the next bill, as far as it is of the time until the
// period's end. What is due once gets the billing period of its event.
func (c *charging) due() (out []rating.Charge, err error) {
	var later []rating.Charge
	for _, d := range c.p.Due {
		if d.Interval.From >= c.x.interval.To {
			later = append(later, d)
			continue
		}
		if d.Kind == rating.OneTime {
			d.Interval = c.x.calendar.At(d.Interval.From)
		}
		out = append(out, d)
	}
	c.changed = c.changed || len(out) > 0
	c.p.Due = later
	return out, nil
}

// used gives the charges of what was measured, with the credits for guarantees
// that were missed.
func (c *charging) used() (out []rating.Charge, err error) {
	for key, raw := range c.Scan(prefixUnbilled + c.p.ID + "/") {
		i := stored[Unbilled](raw).Interval
		if i.To > c.x.interval.To {
			break
		}
		m, err := c.measured(c.p.ID, i)
		if fault.CodeOf(err) == CodeNotOrdered {
			c.drop(key) // the product had ended before, as was found out later
			continue
		}
		if err != nil {
			return nil, err
		}
		c.from = append(c.from, canon.Must(m.m))
		use, err := c.use(&m)
		if err != nil {
			return nil, err
		}
		credits, err := c.credits(&m)
		if err != nil {
			return nil, err
		}
		out = append(append(out, use...), credits...)
		c.changed = true
		c.put(m.key, m.m)
		c.drop(key)
	}
	return out, nil
}

// use gives the charges of one measurement, and counts it for tiers and
// commitments.
func (c *charging) use(m *measuring) (out []rating.Charge, err error) {
	for n := range m.m.Used {
		f := &m.m.Used[n]
		i := slices.IndexFunc(m.offer.Prices, func(p rating.Price) bool { return p.Name == f.Name && p.Kind.Used() })
		if f.Open || f.Billed || i < 0 {
			continue
		}
		f.Billed = true
		if f.Value == 0 {
			continue
		}
		p := &m.offer.Prices[i]
		period, err := chargePeriod(p, m.m.Interval)
		if err != nil {
			return nil, err
		}
		key := ConsumedKey(c.p.ID, p.Name, period)
		before, _ := get[Consumed](c, key)
		charge, err := p.Use(m.m.Interval, before.Used, f.Value, c.x.terms.Rounding.Mode)
		if err != nil {
			return nil, err
		}
		before.Used += charge.Quantity
		if p.Period != (usage.Cycle{}) {
			c.put(key, before)
		}
		out = append(out, charge)
	}
	return out, nil
}

// credits gives what the guarantees that an interval has missed give back, within
// their caps for the billing period that contains it.
func (c *charging) credits(m *measuring) (out []rating.Charge, err error) {
	mode := c.x.terms.Rounding.Mode
	for n := range m.m.Service {
		f := &m.m.Service[n]
		if f.Open || f.Billed {
			continue
		}
		f.Billed = true
		i := slices.IndexFunc(m.offer.Guarantees, func(g rating.Guarantee) bool { return string(g.Metric) == f.Name })
		if i < 0 {
			continue
		}
		g := m.offer.Guarantees[i]
		of, err := c.sums(m.m.Interval)
		if err != nil {
			return nil, err
		}
		period := c.x.calendar.At(m.m.Interval.From)
		for _, sum := range of {
			credit, missed, err := g.Credit(m.m.Interval, f.Value, sum, mode)
			if err != nil {
				return nil, err
			}
			if !missed {
				continue
			}
			most, err := c.sums(period)
			if err != nil {
				return nil, err
			}
			key := CreditedKey(c.p.ID, f.Name, sum.Currency, period)
			given, _ := get[Balance](c, key)
			capped, err := g.Capped([]rating.Charge{credit}, amountIn(most, sum.Currency), given.Micro, mode)
			if err != nil {
				return nil, err
			}
			for _, x := range capped {
				given.Micro -= x.Amount.Micro // credits are below zero, and within the cap
				out = append(out, x)
			}
			c.put(key, given)
		}
	}
	return out, nil
}

// sums gives the recurring charges of a span by currency.
func (c *charging) sums(span usage.Interval) ([]money.Amount, error) {
	charges, err := recurring(c.p, span, c.x.terms.Rounding.Mode)
	if err != nil {
		return nil, err
	}
	sums := map[money.Currency]money.Micro{}
	for _, x := range charges {
		if sums[x.Amount.Currency], err = sums[x.Amount.Currency].Add(x.Amount.Micro); err != nil {
			return nil, err
		}
	}
	return amountsOf(sums), nil
}

func amountIn(all []money.Amount, c money.Currency) money.Micro {
	a, _ := party.LimitIn(all, c)
	return a.Micro
}

// short gives what charge periods that are over fall short of their commitments,
// once nothing that is measured of the product is open. The commitment is that of
// the phase which a period ends with.
func (c *charging) short() (out []rating.Charge, err error) {
	if c.p.Open > 0 {
		return nil, nil
	}
	end := c.x.interval.To
	over := c.p.Ends != 0 && c.p.Ends <= end
	last, ok := c.p.At(end - 1)
	if !ok {
		return nil, nil
	}
	for i := range last.Offer.Prices {
		p := &last.Offer.Prices[i]
		if p.Commitment == 0 {
			continue
		}
		dates, err := p.Period.Calendar()
		if err != nil {
			return nil, err
		}
		n := slices.IndexFunc(c.p.Short, func(s product.Short) bool { return s.Price == p.Name })
		at := c.p.Activated()
		if n >= 0 {
			at = max(at, c.p.Short[n].Until)
		}
		for period := dates.At(at); period.To <= end || over && period.From < c.p.Ends; period = dates.Next(period) {
			key := ConsumedKey(c.p.ID, p.Name, period)
			done, _ := get[Consumed](c, key)
			var held []usage.Interval
			for _, h := range c.p.Held(period) {
				held = append(held, h.Interval)
			}
			charge, missed, err := p.Miss(period, held, done.Used, c.x.terms.Rounding.Mode)
			if err != nil {
				return nil, err
			}
			if missed {
				out = append(out, charge)
			}
			done.Closed = true
			c.put(key, done)
			if n < 0 {
				n = len(c.p.Short)
				c.p.Short = append(slices.Clone(c.p.Short), product.Short{Price: p.Name})
			}
			c.p.Short[n].Until, c.changed = period.To, true
		}
	}
	return out, nil
}

// Bill gives the bill of an account for a period: as both sides would generate
// it now, or as it was generated. Codes: those of bill.request but not-yet.
func (v View) Bill(a invoice.Account, i usage.Interval) (invoice.Bill, error) {
	if bill, ok := get[invoice.Bill](v, BillKey(a.Order(), i)); ok && bill.Interval == i {
		return bill, nil
	}
	t := &tx{m: New(), state: v.Records}
	var ok bool
	if t.bilateral, ok = v.Bilateral(); !ok || len(t.bilateral.Sides) != 2 {
		return invoice.Bill{}, notBound()
	}
	x, err := t.accountIn(a, i)
	if err != nil {
		return invoice.Bill{}, err
	}
	return t.charges(&x)
}

// NextBill is the next bill of an account.
type NextBill struct {
	BillRequest
	At int64 // from when on it can be had: when its period is over, with its grace; ms UTC
}

// NextBills gives the next bill of each account that has something to bill, by
// agreement, seller and name. It reads all products.
func (v View) NextBills() ([]NextBill, error) {
	first := map[invoice.Account]int64{} // from when on something is to be billed
	for p := range v.Products() {
		at, a := p.Activated(), billedTo(&p)
		if !v.unbilled(&p) {
			continue
		}
		if old, there := first[a]; !there || at < old {
			first[a] = at
		}
	}
	accounts := make([]invoice.Account, 0, len(first))
	for a := range first {
		accounts = append(accounts, a)
	}
	slices.SortFunc(accounts, func(x, y invoice.Account) int { return cmp.Compare(x.Order(), y.Order()) })
	t := &tx{m: New(), state: v.Records}
	t.bilateral, _ = v.Bilateral()
	var out []NextBill
	for _, a := range accounts {
		if next, ok, err := t.nextBill(a, first[a]); err != nil {
			return nil, err
		} else if ok {
			out = append(out, next)
		}
	}
	return out, nil
}

// NextBill gives the next bill of the account that a product is billed to; ok is
// false when nothing of the product is to be billed.
func (v View) NextBill(p product.Instance) (next NextBill, ok bool, err error) {
	if !v.unbilled(&p) {
		return next, false, nil
	}
	t := &tx{m: New(), state: v.Records}
	t.bilateral, _ = v.Bilateral()
	return t.nextBill(billedTo(&p), p.Activated())
}

// BillsDue gives those of the next bills that can be had at a moment (ms UTC):
// what a node asks for, or submits.
func (v View) BillsDue(now int64) (out []BillRequest, err error) {
	all, err := v.NextBills()
	for _, next := range all {
		if next.At <= now {
			out = append(out, next.BillRequest)
		}
	}
	return out, err
}

func billedTo(p *product.Instance) invoice.Account {
	return invoice.Account{Agreement: p.Agreement, Seller: p.Seller, Name: p.Account}
}

// nextBill gives the next bill of an account of which something is to be billed
// from a moment on.
func (t *tx) nextBill(a invoice.Account, from int64) (next NextBill, ok bool, err error) {
	x := account{Account: a, buyer: a.Seller}
	for _, s := range t.bilateral.Sides {
		if s.Member != a.Seller {
			x.buyer = s.Member
		}
	}
	s, _ := get[Standing](t, x.standing())
	at := max(s.Last, from)
	terms, ok := View{t.state}.TermsAt(a.Agreement, at)
	if !ok {
		return next, false, nil
	}
	dates, err := t.calendar(terms)
	if err != nil {
		return next, false, err
	}
	i := dates.At(at)
	return NextBill{BillRequest{a, i}, i.To + terms.GraceMillis}, true, nil
}

// unbilled reports whether there may be something to bill of a product. What is
// measured of it and open may be billed once it is agreed.
func (v View) unbilled(p *product.Instance) bool {
	switch {
	case p.Activated() == 0:
		return false
	case p.State.Held() || len(p.Due) > 0 || p.Billed < p.Ends:
		return true
	}
	for range v.Scan(prefixUnbilled + p.ID + "/") {
		return true
	}
	return false
}

// issueBill issues an invoice for each currency of a bill.
func (t *tx) issueBill(x *account, p invoice.Period, bill invoice.Bill) error {
	for _, e := range []invoice.PeriodEvent{invoice.PeriodBegin, invoice.PeriodMatch} {
		if next, ok := p.State.Next(e); ok {
			p.State = next
		}
	}
	p.Stage, p.Deadline = "", 0
	b := billing{key: x.key(), period: p, terms: x.terms, seller: x.Seller, buyer: x.buyer}
	byCurrency := map[money.Currency][]invoice.Item{}
	for _, i := range bill.Items {
		c := i.Charge.Amount.Currency
		byCurrency[c] = append(byCurrency[c], i)
	}
	for _, c := range currencies(byCurrency) {
		if _, err := t.issueItems(&b, c, byCurrency[c], "", false); err != nil {
			return err
		}
	}
	t.put(BillKey(p.Order, p.Interval), bill)
	b.period.Bill = bill.Hash()
	t.emit(EventPeriodMatched, b.key, "")
	t.finish(&b)
	t.save(b)
	return nil
}

// issueItems writes an invoice of items and its document. Decided ones are what
// came out of disputes: their invoice is final at once.
func (t *tx) issueItems(b *billing, c money.Currency, items []invoice.Item, follows string, decided bool) (string, error) {
	var total money.Micro
	var err error
	for _, i := range items {
		if total, err = total.Add(i.Charge.Amount.Micro); err != nil {
			return "", err
		}
	}
	now, method, number := t.ctx.Block.Time, b.terms.Payment[0], uint32(len(b.period.Invoices))+1
	id := invoice.ID(b.seller, b.buyer, b.period.Order, b.period.Interval, c, number)
	doc := invoice.Document{ID: id, Seller: b.seller, Buyer: b.buyer, Direction: b.period.Direction, Interval: b.period.Interval, Order: b.period.Order,
		Agreement: b.period.Agreement, Terms: b.period.Terms, Number: number, Follows: follows, Currency: c, Items: items, Total: total,
		Method: method.Name, Issued: now, Due: now + int64(method.DueDays)*dayMillis}
	raw := canon.Must(doc)
	inv := invoice.Invoice{ID: id, Order: doc.Order, Interval: doc.Interval, Agreement: doc.Agreement, Seller: doc.Seller, Buyer: doc.Buyer, Currency: c,
		Number: number, Follows: follows, Document: sha256Sum(raw), Total: total, Method: method.Name, Issued: now, Due: doc.Due, State: invoice.Issued}
	t.write(DocumentKey(id), raw)
	b.period.Invoices = append(b.period.Invoices, id)
	b.period.Unsettled++
	t.emit(EventInvoiceIssued, InvoiceKey(id), "")
	if err := t.invoiced(b.terms, c, inv.Size()); err != nil {
		return "", err
	}
	if decided {
		inv.State = invoice.Final
		t.claim(id, b.seller, b.buyer, c, settlement.Final, total)
		return id, t.payable(&inv, b)
	}
	t.claim(id, b.seller, b.buyer, c, settlement.Invoiced, total)
	inv.Deadline = now + b.terms.Deadline(agreement.StageAcceptance).Millis
	t.put(InvoiceKey(id), inv)
	return id, nil
}
