package clearing

import (
	"context"
	"math"
	"strings"

	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/product"
)

// Bills for products. When a billing period of an account is over, the seller's
// node asks for the bill, and the buyer's when the seller's has not. Products are
// read only when a bill may be due.

// clockGap is by how much, in ms, this node's clock may be ahead of the ledger's
// without what it sends at the end of an interval coming too early.
const clockGap = 500

// billsSubject stands for the bills of all accounts.
const billsSubject = "bills"

// dueBills is what is known of the next bills. Only the desk's own work uses it.
type dueBills struct {
	next   int64            // before it no other bill is due, ms UTC; 0: products are to be read
	wanted []trade.NextBill // due, and not there yet
}

// bills asks for the bills that are due.
func (d *Desk) bills(ctx context.Context) error {
	now := d.o.Now() - clockGap
	if !d.o.Automatic.Rate || len(d.due.wanted) == 0 && now < d.due.next {
		return nil
	}
	asks := map[string]trade.Command{} // by the key of the bill's period
	err := d.o.Channel.View(func(v view) error {
		t := trade.View{Records: v}
		if now >= d.due.next {
			all, err := t.NextBills()
			if err != nil {
				return err
			}
			d.due = dueBills{next: math.MaxInt64}
			for _, b := range all {
				if b.At <= now {
					d.due.wanted = append(d.due.wanted, b)
				} else {
					d.due.next = min(d.due.next, b.At)
				}
			}
		}
		for _, b := range d.due.wanted {
			key := trade.PeriodKey(b.Account.Order(), b.Interval)
			_, there := v.Get(key) // and its event is on its way here
			if there || b.Account.Seller != d.o.Me && now < b.At+courtesy || d.underWay("request/"+key) {
				continue
			}
			c, err := billing(t, b.BillRequest)
			if err != nil {
				return err
			}
			asks[key] = c
		}
		return nil
	})
	if err != nil {
		return err
	}
	for key, c := range asks {
		d.act(ctx, "request/"+key, key, c)
	}
	return nil
}

// billing makes the command that has a bill made. Where each side generates it,
// this node's is submitted.
func billing(t trade.View, r trade.BillRequest) (c trade.Command, err error) {
	if terms, _ := t.TermsAt(r.Account.Agreement, r.Interval.From); terms.Integration != agreement.Proof {
		return trade.NewCommand(trade.KindBillRequest, r), nil
	}
	bill, err := t.Bill(r.Account, r.Interval)
	if err != nil {
		return c, err
	}
	totals, err := bill.Totals()
	return trade.NewCommand(trade.KindBillSubmit, trade.BillSubmit{Account: r.Account, Interval: r.Interval,
		Document: bill.Hash(), Rules: bill.Rules, State: bill.State, Totals: totals}), err
}

// billed goes on with a bill that there is: it is followed by the next one, and
// where each side generates it, the partner's by ours.
func (d *Desk) billed(ctx context.Context, key string, p periodRecord) error {
	d.solved("request/" + key)
	d.due = dueBills{}
	mine := p.Buyer
	if d.seller(p.Direction) {
		mine = p.Seller
	}
	switch {
	case p.State == invoice.PeriodClosed:
		d.closed()
	case p.State == invoice.PeriodStated && !mine.Complete() && d.o.Automatic.Rate:
		var c trade.Command
		err := d.o.Channel.View(func(v view) error {
			bill, _, err := get[invoice.Bill](v, trade.BillKey(p.Order, p.Interval))
			if err != nil {
				return err
			}
			c, err = billing(trade.View{Records: v}, trade.BillRequest{Account: bill.Account, Interval: bill.Interval})
			return err
		})
		if err != nil {
			return err
		}
		d.act(ctx, "submit/"+key, key, c)
	}
	return nil
}

// product notes when the next bill may be due that a product is on.
func (d *Desk) product(id string) error {
	return d.o.Channel.View(func(v view) error {
		p, found, err := get[product.Instance](v, trade.ProductKey(id))
		if err != nil || !found {
			return err
		}
		next, ok, err := trade.View{Records: v}.NextBill(p)
		if ok {
			d.due.next = min(d.due.next, next.At)
		}
		return err
	})
}

// measuredProduct gives the product of a measurement's key.
func measuredProduct(key string) string {
	id, _, _ := strings.Cut(strings.TrimPrefix(key, trade.MeasurementPrefix), "/")
	return id
}
