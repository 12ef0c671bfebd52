package trade

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/lateral-network/lateral/trade/credit"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/usage"
)

// What stands between a buyer and its payment. From the first clause about credit
// on, each command's writes are followed: what a record stands for before and
// after it makes the difference in a few counters, so that no order reads what was
// before. Each record counts by what it says alone, and what it has put in it
// takes out again. Balances do not serve here: they net what is claimed both ways,
// final or not, and what is not final secures nothing.

// Exposed is what stands between a payer and its payment in one currency, and where
// that stood to its allocation when it was asked last.
type Exposed struct {
	Measured  money.Micro  `cbor:"1,keyasint,omitempty" json:"measured"` // use that counts and is on no bill
	Expected  money.Micro  `cbor:"2,keyasint,omitempty" json:"expected"` // of a period, by the orders: use, and what products on their way will cost
	Accrued   money.Micro  `cbor:"3,keyasint,omitempty" json:"accrued"`  // of what recurs until Since, and what is due with the next bill
	Since     int64        `cbor:"4,keyasint,omitempty" json:"since"`    // ms UTC
	Recurring []Recurring  `cbor:"5,keyasint,omitempty" json:"recurring,omitempty"`
	Billed    money.Micro  `cbor:"6,keyasint,omitempty" json:"billed"` // issued and not received, disputed or not
	Final     money.Micro  `cbor:"7,keyasint,omitempty" json:"final"`  // the part of it that can be paid or netted
	State     credit.State `cbor:"8,keyasint,omitempty" json:"state,omitempty"`
	// Of when it was asked last: what stood, the allocation, and when.
	Exposure   money.Micro `cbor:"9,keyasint,omitempty" json:"exposure"`
	Allocation money.Micro `cbor:"10,keyasint,omitempty" json:"allocation"`
	Asked      int64       `cbor:"11,keyasint,omitempty" json:"asked,omitempty"` // ms UTC
	Ordered    money.Micro `cbor:"12,keyasint,omitempty" json:"ordered"`         // once, by orders on their way
}

// Recurring is what all products that are delivered cost for a charge period.
type Recurring struct {
	Period usage.Cycle `cbor:"1,keyasint" json:"period"`
	Amount money.Micro `cbor:"2,keyasint" json:"amount"`
}

func (r Recurring) order(s Recurring) int {
	return cmp.Or(cmp.Compare(r.Period.Length, s.Period.Length), cmp.Compare(r.Period.Zone, s.Period.Zone))
}

// stake names one record of what is exposed.
type stake struct {
	payer    party.Code
	currency money.Currency
}

func (s stake) key() string { return CreditKey(s.payer, s.currency) }

func (s stake) order(o stake) int {
	return cmp.Or(cmp.Compare(s.payer, o.payer), cmp.Compare(s.currency, o.currency))
}

// stakes is what records stand for.
type stakes map[stake]*Exposed

func (s stakes) at(payer party.Code, c money.Currency) *Exposed {
	k := stake{payer, c}
	if s[k] == nil {
		s[k] = &Exposed{}
	}
	return s[k]
}

func (s stakes) sorted() []stake { return slices.SortedFunc(maps.Keys(s), stake.order) }

// reckoning adds up what records stand for at a moment, or takes it off.
type reckoning struct {
	t    *tx
	sums stakes
	sign money.Micro // 1 or -1
	err  error       // the first
}

func (c *reckoning) add(to *money.Micro, amount money.Micro) {
	signed, err := amount.Mul(int64(c.sign))
	if err == nil {
		signed, err = to.Add(signed)
	}
	if err != nil && c.err == nil {
		c.err = err
	}
	if c.err == nil {
		*to = signed
	}
}

func (c *reckoning) failed(err error) bool {
	if err != nil && c.err == nil {
		c.err = err
	}
	return c.err != nil
}

// count counts one record.
func (c *reckoning) count(key string, raw []byte) {
	kind, rest, _ := strings.Cut(key, "/")
	switch kind + "/" {
	case prefixOrder:
		o := stored[order.Order](raw)
		if o.State == order.Acknowledged || o.State.Live() {
			c.expect(o.Buyer, o.Value)
		}
	case prefixItem:
		it := stored[order.Item](raw)
		if _, open := it.State.Next(order.ItemReject); open {
			c.item(&it)
		}
	case prefixProduct:
		p := stored[product.Instance](raw)
		c.product(&p)
	case prefixUnbilled:
		id, _, _ := strings.Cut(rest, "/")
		p, _ := get[product.Instance](c.t, ProductKey(id))
		for _, w := range stored[Unbilled](raw).Worth {
			c.add(&c.sums.at(p.Buyer, w.Currency).Measured, w.Micro)
		}
	case prefixInvoice:
		inv := stored[invoice.Invoice](raw)
		c.invoice(&inv)
	case prefixObligation:
		if o := stored[settlement.Obligation](raw); o.State != settlement.Settled {
			c.add(&c.sums.at(o.Payer, o.Amount.Currency).Billed, o.Left().Micro)
		}
	case prefixCarry:
		c.add(&c.sums.at(carryOf(key)).Billed, stored[Balance](raw).Micro)
	}
}

func (c *reckoning) expect(buyer party.Code, value []money.Amount) {
	for _, v := range value {
		c.add(&c.sums.at(buyer, v.Currency).Expected, v.Micro)
	}
}

// item counts an order about a product that is on its way: what is charged once,
// and of an addition a period's cost; what is changed goes on meanwhile.
func (c *reckoning) item(it *order.Item) {
	once := asking{sums: map[money.Currency]money.Micro{}}
	if once.once(it); c.failed(once.err) {
		return
	}
	for _, a := range amountsOf(once.sums) {
		c.add(&c.sums.at(it.Buyer, a.Currency).Ordered, a.Micro)
	}
	if it.Request.Action != order.Add {
		return
	}
	period, err := fixed(nil, &it.Request.Offer, it.Start)
	if c.failed(err) {
		return
	}
	for _, r := range period {
		c.expect(it.Buyer, []money.Amount{r.amount})
	}
	c.expect(it.Buyer, it.Value)
}

// product counts what a product has cost and is on no bill, what it costs from now
// on, and the use that its order expects.
func (c *reckoning) product(p *product.Instance) {
	now := c.t.ctx.Block.Time
	for _, d := range p.Due {
		c.add(&c.sums.at(p.Buyer, d.Amount.Currency).Accrued, d.Amount.Micro)
	}
	if p.Activated() == 0 {
		return
	}
	open := *p
	if p.State.Held() {
		open.Ends = 0 // until somebody says that it has ended, it goes on
	}
	if span := (usage.Interval{From: max(p.Billed, p.Activated()), To: now}); span.From < span.To {
		charges, err := recurring(&open, span, money.HalfUp)
		if c.failed(err) {
			return
		}
		for _, x := range charges {
			c.add(&c.sums.at(p.Buyer, x.Amount.Currency).Accrued, x.Amount.Micro)
		}
	}
	if n := len(p.Paused); !p.State.Held() || n > 0 && p.Paused[n-1].To == 0 {
		return
	}
	ph, _ := p.At(now)
	for i := range ph.Offer.Prices {
		price := &ph.Offer.Prices[i]
		if !price.Kind.Fixed() {
			continue
		}
		amount, _, err := onePeriod(price, ph.Offer.Quantity(price.Kind), now)
		if c.failed(err) {
			return
		}
		c.recur(c.sums.at(p.Buyer, price.Currency), Recurring{price.Period, amount})
	}
	it, _ := get[order.Item](c.t, ItemKey(ph.Order))
	c.expect(p.Buyer, it.Value)
}

// recur counts what recurs by one charge period.
func (c *reckoning) recur(e *Exposed, r Recurring) {
	i, there := slices.BinarySearchFunc(e.Recurring, r, Recurring.order)
	if !there {
		e.Recurring = slices.Insert(e.Recurring, i, Recurring{Period: r.Period})
	}
	c.add(&e.Recurring[i].Amount, r.Amount)
}

// invoice counts what is claimed by an invoice: by its obligation once there is
// one, and what is disputed of it in any case.
func (c *reckoning) invoice(inv *invoice.Invoice) {
	if inv.Open != 0 {
		c.add(&c.sums.at(inv.Buyer, inv.Currency).Billed, inv.Open)
	}
	if inv.Obligation != "" || inv.Paid {
		return
	}
	e := c.sums.at(inv.Payer(), inv.Currency)
	c.add(&e.Billed, inv.Size())
	if inv.Payable() {
		c.add(&e.Final, inv.Size())
	}
}

// asking adds up what an order about a product comes to at first.
type asking struct {
	sums map[money.Currency]money.Micro
	err  error // the first
}

func (a *asking) add(amounts ...money.Amount) {
	for _, x := range amounts {
		sum, err := a.sums[x.Currency].Add(x.Micro)
		if err != nil && a.err == nil {
			a.err = err
		}
		a.sums[x.Currency] = sum
	}
}

// once adds what an order is charged for once.
func (a *asking) once(it *order.Item) {
	event, charged := map[order.Action]rating.Event{order.Add: rating.OnActivation, order.Modify: rating.OnChange}[it.Request.Action]
	if !charged {
		return // an end costs what it does once it is delivered
	}
	once, err := it.Request.Offer.Once(event, it.Start, money.HalfUp)
	if err != nil && a.err == nil {
		a.err = err
	}
	for _, x := range slices.Concat(once, it.Charges) {
		a.add(x.Amount)
	}
}

// onePeriod gives what a price that recurs comes to for the charge period that
// contains a moment, and the length of that; ms.
func onePeriod(p *rating.Price, quantity uint64, at int64) (amount money.Micro, length int64, err error) {
	dates, err := p.Period.Calendar()
	if err != nil {
		return 0, 0, err
	}
	i := dates.At(at)
	charges, err := p.Recur(i, quantity, money.HalfUp)
	if err != nil {
		return 0, 0, err
	}
	for _, x := range charges {
		if amount, err = amount.Add(x.Amount.Micro); err != nil {
			return 0, 0, err
		}
	}
	return amount, i.To - i.From, nil
}

// until lets what recurs go on until a moment.
func (e *Exposed) until(now int64) error {
	if now <= e.Since {
		return nil
	}
	for _, r := range e.Recurring {
		if r.Amount == 0 || e.Since == 0 {
			continue
		}
		more, err := accrued(r, usage.Interval{From: e.Since, To: now})
		if err != nil {
			return err
		}
		if e.Accrued, err = e.Accrued.Add(more); err != nil {
			return err
		}
	}
	e.Since = now
	return nil
}

// accrued gives the part of what recurs that a span of time comes to: by the real
// seconds of each charge period, as bills have it.
func accrued(r Recurring, span usage.Interval) (sum money.Micro, err error) {
	dates, err := r.Period.Calendar()
	if err != nil {
		return 0, err
	}
	for i := dates.At(span.From); i.From < span.To; i = dates.Next(i) {
		part := usage.Interval{From: max(i.From, span.From), To: min(i.To, span.To)}
		more, err := r.Amount.MulDiv(part.To/1000-part.From/1000, uint64(i.To/1000-i.From/1000), money.HalfUp)
		if err != nil {
			return 0, err
		}
		if sum, err = sum.Add(more); err != nil {
			return 0, err
		}
		if length := dates.Length(); length > 0 && i.To < span.To { // all that are whole, at once
			n := (span.To - i.To) / length
			if more, err = r.Amount.Mul(n); err != nil {
				return 0, err
			}
			if sum, err = sum.Add(more); err != nil {
				return 0, err
			}
			i.To += n * length
		}
	}
	return sum, nil
}

// apply adds a difference.
func (e *Exposed) apply(d *Exposed) error {
	c := reckoning{sign: 1}
	c.add(&e.Measured, d.Measured)
	c.add(&e.Expected, d.Expected)
	c.add(&e.Ordered, d.Ordered)
	c.add(&e.Accrued, d.Accrued)
	c.add(&e.Billed, d.Billed)
	c.add(&e.Final, d.Final)
	e.Recurring = slices.Clone(e.Recurring)
	for _, r := range d.Recurring {
		c.recur(e, r)
	}
	e.Recurring = slices.DeleteFunc(e.Recurring, func(r Recurring) bool { return r.Amount == 0 })
	return c.err
}

// counted are the beginnings of the keys of what counts.
var counted = []string{prefixOrder, prefixItem, prefixProduct, prefixUnbilled, prefixInvoice, prefixObligation, prefixCarry}

// recount gives what stands by all records.
func (t *tx) recount() (stakes, error) {
	c := reckoning{t: t, sums: stakes{}, sign: 1}
	for _, prefix := range counted {
		for key := range t.Scan(prefix) {
			if raw, there := t.Get(key); there { // as this command has left it
				c.count(key, raw)
			}
		}
	}
	for _, e := range c.sums {
		e.Since = t.ctx.Block.Time
		e.Recurring = slices.DeleteFunc(e.Recurring, func(r Recurring) bool { return r.Amount == 0 })
	}
	return c.sums, c.err
}

// changes gives the differences that this command's writes make, by the records
// that they concern. One without a difference is asked again: a period has begun,
// or a deposit has changed.
func (t *tx) changes() (stakes, error) {
	c := reckoning{t: t, sums: stakes{}}
	for _, w := range t.writes {
		prefix, _, _ := strings.Cut(w.Key, "/")
		if prefix += "/"; prefix == prefixDeposit {
			d := stored[Deposit](w.Value)
			l, _ := t.publicView().Lock(d.Lock)
			if unit, err := l.Amount.Token.Unit(); err == nil {
				c.sums.at(d.Owner, unit)
				c.sums.at(t.other(d.Owner), unit)
			}
			continue
		}
		if !slices.Contains(counted, prefix) {
			continue
		}
		if old, there := t.state.Get(w.Key); there {
			c.sign = -1
			c.count(w.Key, old)
		}
		if w.Value != nil {
			c.sign = 1
			c.count(w.Key, w.Value)
		}
	}
	return c.sums, c.err
}
