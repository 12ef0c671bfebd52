package clearing

import (
	"context"
	"slices"

	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/usage"
)

// invoice takes the buyer's next step for an invoice: to accept what both
// statements agreed on. Open lines stay open by that (MEF 114 [R79], [R80]).
func (d *Desk) invoice(ctx context.Context, key string) error {
	var inv invoiceRecord
	var p periodRecord
	var found bool
	err := d.o.Channel.View(func(v view) (err error) {
		if inv, found, err = get[invoiceRecord](v, key); err != nil || !found {
			return err
		}
		p, _, err = get[periodRecord](v, trade.PeriodKey(inv.Order, inv.Interval))
		return err
	})
	if err != nil || !found {
		return err
	}
	d.mu.Lock()
	if inv.Payable() {
		d.payable[inv.ID] = true
	} else {
		delete(d.payable, inv.ID)
		delete(d.proposed, inv.ID)
	}
	d.mu.Unlock()
	// With compare after-invoice the invoice is there before the buyer's
	// statement; its word comes when the statements are compared.
	compared := p.Buyer.Complete() && p.Waiting == 0 || p.State == invoice.PeriodAgreed
	if inv.State != invoice.Issued || inv.Buyer != d.o.Me || !d.o.Automatic.Accept || !compared {
		return nil
	}
	c, err := d.o.Authorize(trade.NewCommand(trade.KindInvoiceAccept, trade.InvoiceAccept{ID: inv.ID, Document: inv.Document}), party.Finance)
	if err != nil {
		return err
	}
	d.act(ctx, "accept/"+key, key, c)
	return nil
}

// netting answers what the partner proposed: the machine computed it, so there
// is nothing to check but that its invoices still wait (MEF 114 [CR22]).
func (d *Desk) netting(ctx context.Context, key string) error {
	var n nettingRecord
	var found bool
	stale := false
	err := d.o.Channel.View(func(v view) (err error) {
		if n, found, err = get[nettingRecord](v, key); err != nil || !found || n.State != settlement.NettingProposed {
			return err
		}
		for _, id := range n.Invoices {
			inv, ok, err := get[invoiceRecord](v, trade.InvoiceKey(id))
			if err != nil {
				return err
			}
			stale = stale || !ok || !inv.Payable()
		}
		return nil
	})
	if err != nil || !found {
		return err
	}
	d.mu.Lock()
	for _, id := range n.Invoices {
		if n.State == settlement.NettingProposed {
			d.proposed[id] = true
		} else {
			delete(d.proposed, id)
		}
	}
	d.mu.Unlock()
	if n.State == settlement.NettingRejected {
		for _, id := range n.Invoices {
			d.touch(trade.InvoiceKey(id))
		}
	}
	if n.State != settlement.NettingProposed || n.Proposer == d.o.Me || !d.o.Automatic.Net {
		return nil
	}
	kind := trade.KindNettingAccept
	if stale {
		kind = trade.KindNettingReject
	}
	c, err := d.o.Authorize(trade.NewCommand(kind, trade.NettingAnswer{ID: n.ID}), party.Finance)
	if err != nil {
		return err
	}
	d.act(ctx, string(kind)+"/"+key, key, c)
	return nil
}

// obligation pays what is due, and confirms what the partner says it paid
// (MEF 114 [R85]-[R89]).
func (d *Desk) obligation(ctx context.Context, key string) error {
	var ob obligationRecord
	var found bool
	err := d.o.Channel.View(func(v view) (err error) {
		ob, found, err = get[obligationRecord](v, key)
		return err
	})
	if err != nil || !found || !d.o.Automatic.Pay {
		return err
	}
	var c trade.Command
	switch {
	case ob.State == settlement.Owed && ob.Payer == d.o.Me:
		c = trade.NewCommand(trade.KindPaymentAdvise, trade.PaymentAdvise{
			Obligation: ob.ID, Amount: ob.Amount, Method: ob.Method, Reference: "LATERAL " + ob.ID, PaidAt: d.o.Now(),
		})
	case ob.State == settlement.Advised && ob.Payee == d.o.Me:
		c = trade.NewCommand(trade.KindPaymentReceipt, trade.PaymentAnswer{Obligation: ob.ID, Amount: ob.Amount})
	default:
		return nil
	}
	if c, err = d.o.Authorize(c, party.Finance); err != nil {
		return err
	}
	d.act(ctx, string(ob.State)+"/"+key, key, c)
	return nil
}

// maxNetted is how many invoices one netting takes.
const maxNetted = 1000

// settle gathers invoices that wait to be paid and has them netted, or made due
// one by one where the agreement has no netting clause. The first of the pair
// proposes nettings, so that proposals do not cross; a payer opens obligations.
func (d *Desk) settle(ctx context.Context) error {
	d.mu.Lock()
	netting := d.terms.Netting
	waiting := d.waiting["settle"]
	var all []string
	for id := range d.payable {
		if !d.proposed[id] {
			all = append(all, id)
		}
	}
	slices.Sort(all)
	d.mu.Unlock()
	if len(all) == 0 || waiting || !d.o.Automatic.Net || netting && d.o.Me != d.pair[0] {
		return nil
	}
	var ids []string
	err := d.o.Channel.View(func(v view) error {
		for _, id := range all {
			inv, ok, err := get[invoiceRecord](v, trade.InvoiceKey(id))
			if err != nil {
				return err
			}
			if !ok || !inv.Payable() {
				continue
			}
			if !netting {
				if inv.Buyer == d.o.Me {
					ids = append(ids, id)
				}
			} else if wait, err := d.counterpart(v, inv); err != nil {
				return err
			} else if !wait {
				ids = append(ids, id)
			}
			if len(ids) == maxNetted {
				break
			}
		}
		return nil
	})
	if err != nil || len(ids) == 0 {
		return err
	}
	c := trade.NewCommand(trade.KindObligationOpen, trade.ObligationOpen{Invoices: ids})
	if netting {
		c = trade.NewCommand(trade.KindNettingPropose, trade.NettingPropose{Invoices: ids})
	}
	if c, err = d.o.Authorize(c, party.Finance); err != nil {
		return err
	}
	d.mu.Lock()
	for _, id := range ids {
		d.proposed[id] = true // until the netting is answered, or the command refused
	}
	d.mu.Unlock()
	d.act(ctx, "settle", settleSubject, c)
	return nil
}

// settleSubject stands for all payable invoices where a single record is meant
// otherwise.
const settleSubject = "settlement"

// counterpart reports whether an invoice is to wait for the other direction of
// its period, which is on its way to an invoice of its own.
func (d *Desk) counterpart(v view, inv invoiceRecord) (wait bool, err error) {
	back := usage.Direction{From: inv.Seller, To: inv.Buyer}
	s, ok, err := get[trade.Standing](v, trade.StandingKey(back, d.o.Line))
	if err != nil || !ok {
		return false, err
	}
	p, ok, err := get[periodRecord](v, trade.PeriodKey(s.Order, inv.Interval))
	if err != nil || !ok {
		return false, err
	}
	switch p.State {
	case invoice.PeriodRequested, invoice.PeriodStated:
		return true, nil
	case invoice.PeriodReconciling:
		return p.Waiting > 0, nil
	}
	return false, nil
}
