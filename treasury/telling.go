package treasury

import (
	"context"
	"strings"
	"time"

	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/settlement"
)

// tellEvery is how often it is looked for what can be advised or confirmed: a
// payer's advice may come long after its money.
const tellEvery = time.Second

// Work advises and confirms until ctx ends.
func (d *Desk) Work(ctx context.Context) error {
	look := time.NewTicker(tellEvery)
	defer look.Stop()
	for {
		d.Tell(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
		}
	}
}

// Tell advises what statements show as paid, and confirms what has come in and
// was advised. What does not succeed is tried again the next time.
func (d *Desk) Tell(ctx context.Context) {
	d.telling.Lock()
	defer d.telling.Unlock()
	d.mu.Lock()
	var runs []Run
	for _, r := range sorted(d.runs) {
		for _, p := range r.Payments {
			if p.State == Booked {
				runs = append(runs, r.clone())
				break
			}
		}
	}
	var money []Received
	for _, r := range sorted(d.received) {
		if r.State == Waiting {
			money = append(money, r)
		}
	}
	d.mu.Unlock()
	for _, r := range runs {
		for _, p := range r.Payments {
			if p.State == Booked {
				d.advise(ctx, r.ID, p)
			}
		}
	}
	for _, r := range money {
		d.confirm(ctx, r)
	}
}

// tried notes whether a command about an obligation succeeded.
func (d *Desk) tried(t Target, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil {
		delete(d.problems, t.key())
		return
	}
	if before := d.problems[t.key()]; before != err.Error() {
		d.o.Log.Warn("a payment cannot be told on the Bilateral", "partner", t.Partner, "obligation", t.Obligation, "err", err)
	}
	d.problems[t.key()] = err.Error()
}

// Problem says why a payment of an obligation is not advised or confirmed yet;
// empty when nothing is known against it.
func (d *Desk) Problem(t Target) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.problems[t.key()]
}

// advise tells a payment on the Bilateral, obligation by obligation. The ledger
// takes an advice of each once, so a node that died in between goes on here.
func (d *Desk) advise(ctx context.Context, run string, p Payment) {
	for _, l := range p.Lines {
		if l.Told || ctx.Err() != nil {
			continue
		}
		t := Target{p.Partner, l.Obligation}
		o, err := d.debt(t)
		if err == nil && payable(o.Obligation) {
			// Banks pass the end-to-end id on, so the payee sees it as well; the bank's own
			// reference is for whoever asks the bank.
			err = d.o.Submit(ctx, p.Partner, trade.KindPaymentAdvise, trade.PaymentAdvise{Obligation: l.Obligation, Amount: o.Amount, Method: l.Method,
				Reference: strings.TrimSpace(p.EndToEnd + " " + p.BankReference),
				// A bank's day may have begun before ours; nobody says that it will have paid.
				PaidAt: min(p.PaidAt, d.o.Now().UnixMilli())})
		}
		if err == nil {
			err = d.told(run, p.EndToEnd, l.Obligation)
		}
		d.tried(t, err)
	}
}

// told notes that an obligation is advised.
func (d *Desk) told(run, endToEnd, obligation string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, err := d.run(run)
	if err != nil {
		return err
	}
	for i := range r.Payments {
		p := &r.Payments[i]
		if p.EndToEnd != endToEnd {
			continue
		}
		all := true
		for j := range p.Lines {
			p.Lines[j].Told = p.Lines[j].Told || p.Lines[j].Obligation == obligation
			all = all && p.Lines[j].Told
		}
		if all {
			p.move(Tell)
		}
	}
	return d.keepRun(r)
}

// confirm gives the receipt of money that came in, once the payer has advised
// it. Money that the bank has taken back meanwhile is not confirmed.
func (d *Desk) confirm(ctx context.Context, r Received) {
	o, err := d.debt(r.Target)
	d.mu.Lock()
	still := d.received[r.key()].State == Waiting
	d.mu.Unlock()
	if err == nil && (!still || payable(o.Obligation)) || ctx.Err() != nil {
		return
	}
	if err == nil && o.Obligation.State == settlement.Advised {
		err = d.o.Submit(ctx, r.Partner, trade.KindPaymentReceipt, trade.PaymentAnswer{Obligation: r.Obligation, Amount: o.Amount})
	}
	if err == nil {
		d.mu.Lock()
		if now := d.received[r.key()]; now.State == Waiting {
			now.State = Confirmed
			c := d.change()
			put(c, d.received, keyReceived, now.key(), now)
			err = c.commit()
		}
		d.mu.Unlock()
	}
	d.tried(r.Target, err)
}

// Received lists money that came in and is not confirmed, by partner; all: and
// what is.
func (d *Desk) Received(all bool) (out []Received) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range sorted(d.received) {
		if all || r.State != Confirmed {
			out = append(out, r)
		}
	}
	return out
}
