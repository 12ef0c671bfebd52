package selling

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// Bills for products. An invoice on the Bilateral is a bill over Sonata, under its
// own id; an item of it is an item there. What is disputed leaves the bill and, as
// far as it is decided to be due, is on the bill that follows, as on the Bilateral.

// shownBill is a bill with its items, as Sonata has them.
type shownBill struct {
	bill  wire.Bill
	items []wire.BillItem
}

// showBill shows an invoice of this carrier's for products.
func (d *Deals) showBill(ctx context.Context, s *sonata.Server, partner party.Code, id string) error {
	var b shownBill
	var inv invoice.Invoice
	if err := d.view(partner, func(v trade.View) (err error) {
		inv, _ = v.Invoice(id)
		doc, _ := v.Document(id)
		if inv.Seller == d.shop.o.Carrier && len(doc.Items) > 0 {
			b, err = billOf(v, inv, doc)
		}
		return err
	}); err != nil || len(b.items) == 0 {
		return err
	}
	for _, x := range b.items {
		// A line leads to a product of the inventory.
		if err := d.showProduct(ctx, s, partner, x.Product.ID); err != nil {
			return err
		}
	}
	if err := s.ShowBill(ctx, string(inv.Buyer), string(inv.Seller), b.bill, b.items); fault.CodeOf(err) != fault.NotFound {
		return err
	}
	return nil // nobody acts for the buyer here
}

// invoicesOf gives the invoices that a dispute or a payment is about.
func (d *Deals) invoicesOf(partner party.Code, key string) (ids []string, err error) {
	err = d.view(partner, func(v trade.View) error {
		if id, ok := strings.CutPrefix(key, trade.DisputePrefix); ok {
			x, _ := v.Dispute(id)
			ids = []string{x.Invoice}
		} else if id, ok := strings.CutPrefix(key, trade.ObligationPrefix); ok {
			x, _ := v.Obligation(id)
			ids = x.Invoices
		}
		return nil
	})
	return ids, err
}

func when(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func period(i usage.Interval) wire.TimePeriod {
	return wire.TimePeriod{Start: when(i.From), End: when(i.To)}
}

// billItemID is the id of an item of a bill.
func billItemID(bill string, number uint32) string { return fmt.Sprintf("%s-%d", bill, number) }

// billOf writes an invoice for products as a bill.
func billOf(v trade.View, inv invoice.Invoice, doc invoice.Document) (b shownBill, err error) {
	amount := func(m money.Micro) wire.Money { return wire.MoneyOf(money.Amount{Currency: inv.Currency, Micro: m}) }
	terms, _ := v.Terms(doc.Terms)
	b.bill = wire.Bill{ID: inv.ID, BillNo: inv.ID, Cycle: terms.Cycle, Period: period(inv.Interval), Account: wire.Ref{ID: inv.Agreement}, Date: when(inv.Issued), Due: when(inv.Due),
		Payments: []wire.AppliedPayment{}}
	if doc.Follows != "" {
		b.bill.RunType = "offCycle"
	}
	if raw, ok := v.Get(trade.BillKey(inv.Order, inv.Interval)); ok {
		var generated invoice.Bill
		if err := canon.Decode(raw, &generated); err != nil {
			return b, err
		}
		b.bill.Account.ID = cmp.Or(generated.Account.Name, inv.Agreement)
		b.bill.Proof = wire.ValueOf(map[string]string{"document": inv.Document.String(), "bill": generated.Hash().String(), "rules": generated.Rules.String(), "state": generated.State.String()})
	}
	var sum money.Micro
	for _, item := range doc.Items {
		x, err := billItemOf(v, inv, item)
		if err != nil {
			return b, err
		}
		b.items = append(b.items, x)
		if sum, err = sum.Add(item.Charge.Amount.Micro); err != nil {
			return b, err
		}
	}
	due, err := inv.Total.Add(inv.Open)
	if err != nil {
		return b, err
	}
	credits, err := sum.Sub(due)
	if err != nil {
		return b, err
	}
	remaining := due
	if inv.Paid || inv.State == invoice.Settled {
		remaining = inv.Open
		o, _ := v.Obligation(inv.Obligation)
		paid := wire.Payment{ID: cmp.Or(o.Payment.Reference, o.ID, inv.ID), Amount: amount(inv.Total), Method: "other", Date: when(cmp.Or(o.Payment.PaidAt, inv.Accepted.Time, inv.Issued))}
		b.bill.Payments = append(b.bill.Payments, wire.AppliedPayment{Amount: paid.Amount, Payment: paid})
	}
	b.bill.AmountDue, b.bill.Credits, b.bill.Remaining = amount(due), amount(credits), amount(remaining)
	return b, nil
}

// billItemOf writes an item of an invoice.
func billItemOf(v trade.View, inv invoice.Invoice, item invoice.Item) (x wire.BillItem, err error) {
	c := &item.Charge
	x = wire.BillItem{ID: billItemID(inv.ID, item.Number), Type: wire.NonRecurring, Description: c.Price, Period: period(c.Interval), Product: wire.Ref{ID: item.Product},
		Untaxed: wire.MoneyOf(c.Amount), Quantity: wire.Decimal(strconv.FormatUint(c.Quantity, 10)), Unit: "piece", Rate: wire.MoneyOf(c.Amount), Bilateral: &wire.BillTalk{Bill: inv.ID}}
	if c.Why != "" {
		x.Description += ": " + c.Why
	}
	switch {
	case c.Kind.Fixed():
		x.Type = wire.Recurring
	case c.Kind.Used():
		x.Type = wire.UsageBased
	}
	p, _ := v.Product(item.Product)
	if price, ok := priceOf(&p, c); ok {
		x.Rate = wire.Money{Unit: price.Currency, Value: digits(price.Rate)}
		switch {
		case price.Kind.Used():
			x.Unit = strconv.FormatUint(price.Unit, 10) + " " + units[price.Kind]
		case price.Kind == rating.Distance:
			x.Unit = strconv.FormatUint(price.Unit, 10) + " m"
		}
	}
	return x, talk(v, inv, item, &x)
}

// priceOf finds the price that a charge is by, in what the product was then.
func priceOf(p *product.Instance, c *rating.Charge) (rating.Price, bool) {
	ph, _ := p.At(c.Interval.From)
	for _, x := range ph.Offer.Prices {
		if x.Name == c.Price {
			return x, true
		}
	}
	return rating.Price{}, false
}

// talk says what both sides have said of an item on the Bilateral, and its state
// by the standard's rules: what is accepted and was never disputed stays generated
// until it is paid.
func talk(v trade.View, inv invoice.Invoice, item invoice.Item, x *wire.BillItem) error {
	state := v.ItemState(inv, item)
	d, disputed := v.Dispute(dispute.ID(inv.Order, inv.Interval, item.Number, usage.Interval{}))
	disputed = disputed && item.Dispute == "" // else it was decided on the bill before
	paid := inv.Paid || inv.State == invoice.Settled
	switch {
	case state == invoice.ItemPaymentDue && !disputed:
		state = invoice.ItemGenerated
	case state == invoice.ItemCredit && paid:
		state = invoice.ItemSettled
	}
	x.State = string(state)
	if !disputed {
		x.Bilateral.Accepted = when(inv.Accepted.Time)
		return nil
	}
	micro := func(m money.Micro) *wire.Money {
		w := wire.MoneyOf(money.Amount{Currency: inv.Currency, Micro: m})
		return &w
	}
	x.Bilateral.Dispute = &wire.BillDispute{Opened: when(d.Opened), Reason: d.Why, Claimed: micro(d.Buyer.Amount)}
	resolved := func(amount money.Micro, at int64, why string) (*wire.BillResolution, error) {
		r := &wire.BillResolution{State: wire.BillCredit, Date: when(at), Reason: why}
		switch amount {
		case 0:
			r.State = wire.BillWithdrawn
		case item.Charge.Amount.Micro:
			r.State = wire.BillPaymentDue
		default:
			credit, err := item.Charge.Amount.Micro.Sub(amount)
			if err != nil {
				return nil, err
			}
			r.Amount = micro(credit)
		}
		return r, nil
	}
	var err error
	switch {
	case d.Decision != nil:
		why := ""
		if d.Decision.Invoice != "" {
			why = "what is due is on the bill " + d.Decision.Invoice
		}
		x.Bilateral.Resolution, err = resolved(d.Decision.Amount, d.Decision.Time, why)
		if err == nil {
			yes := true
			x.Bilateral.Resolution.Agreed = &yes
		}
	case d.Proposal != nil && d.Proposal.Act.By == inv.Seller:
		x.Bilateral.Resolution, err = resolved(d.Proposal.Amount, d.Proposal.Act.Time, d.Why)
	}
	return err
}

// BillAnswered lets what the buyer's node has said on the Bilateral be noted, and
// refuses everything else: this node cannot sign for the buyer.
func (d *Deals) BillAnswered(_ context.Context, p sonata.Party, a sonata.BillAnswered) error {
	return d.view(party.Code(p.Buyer), func(v trade.View) error {
		inv, ok := v.Invoice(a.Bill)
		if !ok {
			return fault.Newf(fault.Conflict, "look at the bill again", "there is no bill %.80q on the Bilateral", a.Bill)
		}
		var x dispute.Dispute
		disputed := false
		if a.Item != "" {
			n, err := strconv.ParseUint(a.Item[strings.LastIndexByte(a.Item, '-')+1:], 10, 32)
			if err == nil {
				x, disputed = v.Dispute(dispute.ID(inv.Order, inv.Interval, uint32(n), usage.Interval{}))
			}
		}
		said := false
		switch a.Say {
		case "accept":
			said = inv.State != invoice.Issued && !disputed
		case "dispute":
			said = disputed
		case "resolve":
			said = disputed && x.Decision != nil && a.Accept
		case "pay":
			said = inv.Paid || inv.State == invoice.Settled
		}
		if !said {
			how := map[string]string{"accept": "lateral invoice accept", "dispute": "lateral bill dispute", "resolve": "lateral dispute accept, or reject", "pay": "lateral obligation advise"}[a.Say]
			return fault.Newf(fault.Conflict, onIt+": "+how, "the buyer's node has not said that on the Bilateral, and only it can")
		}
		return nil
	})
}
