package sim

import (
	"context"
	"slices"

	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/mesh"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/usage"
)

// seenBill is a bill as buyer and seller of a hop have it.
type seenBill [2]wire.Invoice

// bills gives the bills of each leg, the oldest first; ok is false while the one
// of the last period is missing somewhere, or what was measured is not on them all:
// what is agreed late is on a later bill.
func (m *meshRun) bills(ctx context.Context, chain []leg, c *course) (list [][]seenBill, ok bool, err error) {
	last := c.cycle.At(c.ends - 1)
	for hop, l := range chain {
		var of [2][]wire.Invoice
		for side, d := range l.pair {
			if of[side], err = client.Collect(d.auditor.Invoices(ctx, nil)); err != nil {
				return nil, false, err
			}
			slices.SortFunc(of[side], func(x, y wire.Invoice) int { return int(x.Interval.From - y.Interval.From) })
		}
		n := len(of[0])
		if n == 0 || n != len(of[1]) || of[0][n-1].Interval.To < last.To || of[1][n-1].Interval.To < last.To {
			return nil, false, nil
		}
		bills, metered := make([]seenBill, n), 0
		for i := range bills {
			bills[i] = seenBill{of[0][i], of[1][i]}
			items, err := client.Collect(l.pair[0].auditor.Items(ctx, of[0][i].ID))
			if fault.CodeOf(err) == fault.NotFound { // it was issued this moment
				return nil, false, nil
			}
			if err != nil {
				return nil, false, err
			}
			for _, x := range items {
				if x.Kind == rating.Data || x.Kind == rating.Credit {
					metered++
				}
			}
		}
		if metered < c.metered[hop] {
			return nil, false, nil
		}
		list = append(list, bills)
	}
	return list, true, nil
}

// billed waits until the bills of all legs are in a state at both sides.
func (m *meshRun) billed(ctx context.Context, chain []leg, c *course, what string, is func(*wire.Invoice) bool) (list [][]seenBill, err error) {
	err = m.until(ctx, what, func() (ok bool, err error) {
		if list, ok, err = m.bills(ctx, chain, c); !ok || err != nil {
			return false, err
		}
		for _, bills := range list {
			for i := range bills {
				if !is(&bills[i][0]) || !is(&bills[i][1]) {
					return false, nil
				}
			}
		}
		return true, nil
	})
	return list, err
}

// tellChain adds to a report what both carriers of each hop have measured, billed
// and paid, and what each carrier's own node says of it.
func (m *meshRun) tellChain(ctx context.Context, r *MeshReport, chain []leg, at []*wire.Service, bills [][]seenBill) error {
	r.Hops, r.Chain, r.Carriers = len(chain), []Hop{}, []Position{}
	for i := range chain {
		h, err := m.hop(ctx, &chain[i], bills[i])
		if err != nil {
			return err
		}
		h.Rail, h.Files = railOf(i), m.money.files[h.Buyer]
		r.Chain = append(r.Chain, h)
	}
	for i, s := range at {
		o := &s.Offer
		p := Position{Carrier: m.buyer(), SellsTo: s.Buyer, Sold: mesh.Price{Once: o.Once.Micro, Each: o.Each.Micro}, BuysOf: s.Seller,
			Bought: mesh.Price{Once: o.BoughtOnce.Micro, Each: o.BoughtEach.Micro}}
		// Each sells on by the usual rule: for a tenth more than it pays.
		p.Markup = mesh.Price{Once: p.Bought.Once / 10, Each: p.Bought.Each / 10}
		p.Price = mesh.Price{Once: p.Sold.Once - p.Bought.Once - p.Markup.Once, Each: p.Sold.Each - p.Bought.Each - p.Markup.Each}
		for _, l := range o.Legs {
			if l.Own {
				p.Own = l.Name
			}
		}
		if i > 0 {
			p.Carrier, p.Given = chain[i-1].pair[1].me, r.Chain[i-1].Credit
		}
		if i < len(chain) {
			p.Claimed = r.Chain[i].Credit
		}
		if err := m.paid(ctx, &p); err != nil {
			return err
		}
		r.Carriers = append(r.Carriers, p)
	}
	return r.conserved()
}

// hop gives what both carriers of a leg have of it.
func (m *meshRun) hop(ctx context.Context, l *leg, bills []seenBill) (h Hop, err error) {
	p := &l.seen[0]
	if len(p.Phases) == 0 {
		return h, fault.Newf(fault.Internal, "report this", "the product %s was never active", p.ID)
	}
	h = Hop{Buyer: p.Buyer, Seller: p.Seller, ENNI: l.enni.ID, Order: p.OrderedBy, Product: p.ID, Traffic: trafficID(l), Promised: promisedOf(p),
		Service: usage.Interval{From: int64(p.Activated), To: int64(p.Ends)}, Measured: []Reading{}, Bills: []HopBill{}}
	for _, x := range p.Phases[0].Offer.Prices {
		h.Currency = x.Currency
		switch amount := money.Micro(x.Rate / 1000); x.Kind {
		case rating.Recurring:
			h.Price.Each = amount
		case rating.OneTime:
			h.Price.Once = amount
		}
	}
	all, err := m.measurements(ctx, l)
	if err != nil {
		return h, err
	}
	for _, x := range all {
		for _, f := range x.Figures {
			if f.Seller == nil || f.Buyer == nil || f.Counts == nil {
				return h, fault.Newf(fault.Internal, "report this", "%s of %s was not measured by both in %s", f.Name, x.Product, x.Interval)
			}
			h.Measured = append(h.Measured, Reading{Metric: f.Name, Interval: x.Interval, Seller: *f.Seller, Buyer: *f.Buyer, Counts: *f.Counts,
				Breach: f.Name == string(rating.Availability) && *f.Counts < h.Promised})
		}
	}
	for i := range bills {
		b, err := l.bill(ctx, &bills[i])
		if err != nil {
			return h, err
		}
		h.Bills = append(h.Bills, b)
		h.Billed += b.Total
		h.Credit += b.Credit
	}
	return h, nil
}

// bill takes a bill apart.
func (l *leg) bill(ctx context.Context, seen *seenBill) (b HopBill, err error) {
	i := &seen[0]
	b = HopBill{Invoice: i.ID, Period: i.Interval, Total: i.Total, State: i.State, Document: i.Document == seen[1].Document && i.ID == seen[1].ID}
	items, err := client.Collect(l.pair[0].auditor.Items(ctx, i.ID))
	if err != nil {
		return b, err
	}
	for _, x := range items {
		switch x.Kind {
		case rating.Recurring:
			b.Service += x.Amount.Micro
		case rating.OneTime:
			b.SetUp += x.Amount.Micro
		case rating.Data:
			b.Traffic += x.Amount.Micro
		case rating.Credit:
			b.Credit -= x.Amount.Micro // given back
		}
	}
	return b, nil
}

// paid adds what a carrier has paid and received, by its own node's records of all
// its Bilaterals.
func (m *meshRun) paid(ctx context.Context, p *Position) error {
	for _, pair := range m.pairs {
		for _, d := range pair {
			if d.me != p.Carrier {
				continue
			}
			all, err := client.Collect(d.auditor.Obligations(ctx, nil))
			if err != nil {
				return err
			}
			for _, o := range all {
				switch {
				case o.State != settlement.Settled:
				case o.Payer == d.me:
					p.Paid, p.ToPay = p.Paid+o.Paid, p.ToPay+o.Carried-o.Brought
				case o.Payee == d.me:
					p.Received, p.ToCome = p.Received+o.Paid, p.ToCome+o.Carried-o.Brought
				}
			}
		}
	}
	return nil
}

// conserved refuses a run in which money came from nowhere or is lost: what is on a
// bill is the sum of its charges, each seller has received what its buyer's bills
// come to less what it gave back, but for less than a coin, which both have on record
// for the next debt, and each payment is one at both sides.
func (r *MeshReport) conserved() error {
	lost := func(format string, args ...any) error {
		return fault.Newf(fault.Internal, "report this", "money is not conserved: "+format, args...)
	}
	in, out := map[party.Code]money.Micro{}, map[party.Code]money.Micro{}
	for _, h := range r.Chain {
		for _, b := range h.Bills {
			if sum := b.Service + b.SetUp + b.Traffic - b.Credit; sum != b.Total {
				return lost("the charges of %s come to %s, its total is %s", b.Invoice, sum, b.Total)
			}
			if b.State != invoice.Settled || !b.Document {
				return lost("%s is %s, the same at both sides: %t", b.Invoice, b.State, b.Document)
			}
		}
		in[h.Seller], out[h.Buyer] = in[h.Seller]+h.Billed, out[h.Buyer]+h.Billed
		r.Money.Billed, r.Money.Credited = r.Money.Billed+h.Billed, r.Money.Credited+h.Credit
	}
	for _, p := range r.Carriers {
		if p.Received+p.ToCome != in[p.Carrier] || p.Paid+p.ToPay != out[p.Carrier] {
			return lost("%s has received %s and paid %s, %s and %s are to follow, its bills come to %s and %s",
				p.Carrier, p.Received, p.Paid, p.ToCome, p.ToPay, in[p.Carrier], out[p.Carrier])
		}
		if cent := money.Micro(10_000); p.ToCome < 0 || p.ToPay < 0 || p.ToCome >= cent || p.ToPay >= cent { // it has one Bilateral on each side
			return lost("%s and %s are left over at %s", p.ToCome, p.ToPay, p.Carrier)
		}
		r.Money.Paid, r.Money.Received, r.Money.Carried = r.Money.Paid+p.Paid, r.Money.Received+p.Received, r.Money.Carried+p.ToPay
	}
	if r.Money.Paid != r.Money.Received || r.Money.Paid+r.Money.Carried != r.Money.Billed {
		return lost("%s is billed, %s paid, %s received and %s carried", r.Money.Billed, r.Money.Paid, r.Money.Received, r.Money.Carried)
	}
	return nil
}
