package clearing

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
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
	// statement; its word comes when the statements are compared. Lines that
	// differ do not hold the others up.
	compared := p.State != invoice.PeriodRequested && p.State != invoice.PeriodStated
	// A note is for people: nobody here has compared what it says.
	if inv.State != invoice.Issued || inv.Buyer != d.o.Me || inv.Note != "" || !d.o.Automatic.Accept || !compared {
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

// CodeDeclined says that the payee found no such payment. The desk advises what is
// left of an obligation once; after that people look for the money.
const CodeDeclined fault.Code = "payment-declined"

// obligation pays what is due, and confirms what the partner says it paid
// (MEF 114 [R85]-[R89]).
func (d *Desk) obligation(ctx context.Context, key string) error {
	var ob obligationRecord
	var found bool
	var amount money.Amount
	var name string // of what is left of it, as one payment
	err := d.o.Channel.View(func(v view) (err error) {
		if ob, found, err = get[obligationRecord](v, key); err == nil && found {
			name = nextPayment(trade.View{Records: v}, ob)
			amount, err = trade.View{Records: v}.Payable(ob.Method, d.o.Now(), ob)
		}
		return err
	})
	if err != nil || !found {
		return err
	}
	auto := d.o.Automatic
	if (auto.Pay || auto.Tokens) && d.o.Vault != nil && ob.Method == trade.MethodToken && d.owes(ob) {
		return nil
	}
	if !auto.Pay {
		return nil
	}
	if owed(ob) && ob.Payer == d.o.Me && d.waits(ob) {
		d.later[key] = ob.Due
		return nil
	}
	d.mu.Lock()
	advised := d.advised[name]
	d.mu.Unlock()
	var action string
	var c trade.Command
	switch {
	case owed(ob) && ob.Payer == d.o.Me && !slices.Contains(d.o.Banked, ob.Method):
		action = actAdvise + name
		if advised && !d.underWay(action) {
			return fault.Newf(CodeDeclined, "find the payment, or pay again, and advise it by hand", "%s says that %s for %s did not come", ob.Payee, ob.Left(), ob.ID)
		}
		c = trade.NewCommand(trade.KindPaymentAdvise, trade.PaymentAdvise{
			Obligation: ob.ID, Amount: amount, Method: ob.Method, Reference: "LATERAL " + name, PaidAt: d.o.Now(),
		})
	case ob.State == settlement.Advised && ob.Payee == d.o.Me && !slices.Contains(d.o.Banked, ob.Payment.Method):
		action = "confirm/" + ob.ID
		c = trade.NewCommand(trade.KindPaymentReceipt, trade.PaymentAnswer{Obligation: ob.ID, Amount: money.Amount{Currency: ob.Amount.Currency, Micro: ob.Payment.Whole}})
	default:
		return nil
	}
	if c, err = d.o.Authorize(c, party.Finance); err != nil {
		return err
	}
	d.act(ctx, action, key, c)
	return nil
}

// nextPayment names what is left of an obligation: by its id, and by the payment's
// number when parts of it have come, for a reference is taken once.
func nextPayment(v trade.View, o obligationRecord) string {
	if o.Paid == 0 {
		return o.ID
	}
	came := 0
	for r := range v.Remittances() {
		if r.Received.Time != 0 && slices.ContainsFunc(r.Parts, func(p settlement.Part) bool { return p.Obligation == o.ID }) {
			came++
		}
	}
	return fmt.Sprintf("%s %d", o.ID, came+1)
}

// maxNetted is how many invoices one netting takes.
const maxNetted = 1000

// actSettle is the action that gathers payable invoices.
const actSettle = "settle"

// overdue is how long, in ms, a payer's desk leaves an invoice that is due to be
// netted before it is owed by itself; the payee's waits twice as long.
const overdue = 10 * 60_000

// settle gathers invoices that wait to be paid and has them netted, or made due
// one by one where the agreement has no netting clause. The first of the pair
// proposes nettings at once, the second when the first has not, so that
// proposals do not cross. What nobody has netted by its due time is owed by
// itself: no side can put off payment by saying nothing.
func (d *Desk) settle(ctx context.Context) error {
	d.mu.Lock()
	waiting := d.waiting[actSettle]
	most, tries := d.most, d.failed[actSettle].count
	all := slices.Sorted(maps.Keys(d.payable))
	proposed := maps.Clone(d.proposed)
	d.mu.Unlock()
	if len(all) == 0 && !waiting {
		d.solved(actSettle)
	}
	if len(all) == 0 || !d.o.Automatic.Net || d.underWay(actSettle) {
		return nil
	}
	if most == 1 { // one that is beyond a limit by itself does not hold the others up
		first := tries % len(all)
		all = slices.Concat(all[first:], all[:first])
	}
	var net, single []string
	err := d.o.Channel.View(func(v view) error {
		now := max(v.Time, d.o.Now()-clockSlack) // a ledger on which nothing happens makes no blocks
		netting := map[string]bool{}             // by agreement: it has the clause now
		for _, id := range all {
			inv, ok, err := get[invoiceRecord](v, trade.InvoiceKey(id))
			if err != nil {
				return err
			}
			if !ok || !inv.Payable() {
				continue
			}
			nets, known := netting[inv.Agreement]
			if !known {
				terms, _ := trade.View{Records: v}.TermsAt(inv.Agreement, v.Time)
				nets = terms.Netting
				netting[inv.Agreement] = nets
			}
			final, patience := max(inv.Issued, inv.Accepted.Time), int64(overdue)
			if inv.Payer() != d.o.Me {
				patience *= 2
			}
			switch {
			case now > max(final, inv.Due)+patience || !nets && inv.Payer() == d.o.Me:
				single = append(single, id)
			case nets && !proposed[id] && (d.o.Me == d.pair[0] || now > final+courtesy):
				if wait, err := d.counterpart(v, inv); err != nil {
					return err
				} else if !wait {
					net = append(net, id)
				}
			}
			if max(len(net), len(single)) == most {
				break
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(net)+len(single) == 0 {
		d.solved(actSettle) // what was refused waits for nothing of ours any more
		return nil
	}
	ids, c := net, trade.NewCommand(trade.KindNettingPropose, trade.NettingPropose{Invoices: net})
	if len(net) == 0 || len(single) > 0 && tries%2 == 1 { // neither kind waits for the other to succeed
		ids, c = single, trade.NewCommand(trade.KindObligationOpen, trade.ObligationOpen{Invoices: single})
	}
	if c, err = d.o.Authorize(c, party.Finance); err != nil {
		return err
	}
	d.mu.Lock()
	d.settling = ids
	for _, id := range ids {
		d.proposed[id] = true // until the netting is answered, or the command refused
	}
	d.mu.Unlock()
	if !d.act(ctx, actSettle, settleSubject, c) {
		d.unsettled()
	}
	return nil
}

// unsettled takes back that invoices are on their way to be netted or paid.
// It gives how many they were.
func (d *Desk) unsettled() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := len(d.settling)
	for _, id := range d.settling {
		delete(d.proposed, id)
	}
	d.settling = nil
	return n
}

// refusedSettlement halves what goes into the next try: a sum may be beyond a
// limit that its parts are not.
func (d *Desk) refusedSettlement() {
	n := d.unsettled()
	d.mu.Lock()
	d.most = max(1, n/2)
	d.mu.Unlock()
}

// settleSubject stands for all payable invoices where a single record is meant
// otherwise.
const settleSubject = "settlement"

// counterpart reports whether an invoice is to wait for the other direction of
// its period, which is on its way to an invoice of its own. Products do not wait
// for calls.
func (d *Desk) counterpart(v view, inv invoiceRecord) (wait bool, err error) {
	if strings.HasPrefix(inv.Order, invoice.AccountPrefix) {
		return false, nil
	}
	o, ok, err := d.orderOf(v, usage.Direction{From: inv.Seller, To: inv.Buyer}, inv.Interval)
	if err != nil || !ok {
		return false, err
	}
	p, ok, err := get[periodRecord](v, trade.PeriodKey(o.ID, inv.Interval))
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
