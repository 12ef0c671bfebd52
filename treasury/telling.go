package treasury

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
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
		d.confirm(ctx, r.Target)
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

// advise tells a payment on the Bilateral, for all its obligations at once. A
// node that died in between finds its advice by the reference, which the ledger
// takes once.
func (d *Desk) advise(ctx context.Context, run string, p Payment) {
	if ctx.Err() != nil {
		return
	}
	// Banks pass the end-to-end id on, so the payee sees it as well; the bank's own
	// reference is for whoever asks the bank.
	reference := strings.TrimSpace(p.EndToEnd + " " + p.BankReference)
	told, err := d.remittance(p.Partner, d.o.Me, reference)
	if err == nil && told.Payer == "" {
		// A bank's day may have begun before ours; nobody says that it will have paid.
		a := trade.PaymentAdvise{Method: p.Lines[0].Method, Reference: reference, PaidAt: min(p.PaidAt, d.o.Now().UnixMilli())}
		if len(p.Lines) == 1 {
			a.Obligation = p.Lines[0].Obligation
		} else {
			for _, l := range p.Lines {
				a.Obligations = append(a.Obligations, l.Obligation)
			}
			slices.Sort(a.Obligations)
		}
		if a.Amount, err = p.Amount.Amount(); err == nil {
			err = d.o.Submit(ctx, p.Partner, trade.KindPaymentAdvise, a)
		}
	}
	if err == nil {
		err = d.told(run, p.EndToEnd)
	}
	for _, t := range targetsOf(p) {
		d.tried(t, err)
	}
}

// told notes that a payment is advised.
func (d *Desk) told(run, endToEnd string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, err := d.run(run)
	if err != nil {
		return err
	}
	for i := range r.Payments {
		if r.Payments[i].EndToEnd == endToEnd {
			r.Payments[i].move(Tell)
		}
	}
	return d.keepRun(r)
}

// confirm gives the receipt of money that came in, once the payer has advised
// it: one for all that it has advised together. Money that the bank has taken
// back meanwhile is not confirmed.
func (d *Desk) confirm(ctx context.Context, t Target) {
	if ctx.Err() != nil {
		return
	}
	d.tried(t, d.receipt(ctx, t))
}

func (d *Desk) receipt(ctx context.Context, t Target) error {
	o, err := d.debt(t)
	if err != nil {
		return err
	}
	d.mu.Lock()
	got := d.received[t.key()]
	d.mu.Unlock()
	if got.State != Waiting {
		return nil // with another obligation of its payment, or the bank has it back
	}
	if got.Answers != "" {
		r, err := d.remittance(t.Partner, o.Payer, got.Answers)
		if err != nil {
			return err
		}
		if r.Received.Time != 0 {
			return d.confirmed(partsOf(t.Partner, r), got.Answers)
		}
	}
	switch o.Obligation.State {
	case settlement.Advised:
	case settlement.Settled: // by hand
		return d.confirmed([]Target{t}, got.Answers)
	default:
		return nil // the payer's advice is to come
	}
	r, err := d.remittance(t.Partner, o.Payer, o.Payment.Reference)
	if err != nil {
		return err
	}
	targets := partsOf(t.Partner, r)
	if here, err := d.answers(targets, r); err != nil || !here {
		return err
	}
	if err := d.o.Submit(ctx, t.Partner, trade.KindPaymentReceipt, trade.PaymentAnswer{Obligation: t.Obligation, Amount: r.Amount}); err != nil {
		return err
	}
	return d.confirmed(targets, r.Reference)
}

// answers reports whether the money of a whole payment is here, and notes which
// advice it answers, so that a node that dies now knows the receipt as its own.
func (d *Desk) answers(targets []Target, r settlement.Remittance) (here bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	sum := money.Amount{Currency: r.Amount.Currency}
	c := d.change()
	for _, t := range targets {
		got, ok := d.received[t.key()]
		if !ok || got.State != Waiting {
			return false, nil
		}
		six, err := got.Amount.Amount()
		if err != nil {
			return false, err
		}
		if sum, err = sum.Add(six); err != nil {
			return false, err
		}
		got.Answers = r.Reference
		put(c, d.received, keyReceived, t.key(), got)
	}
	if sum != r.Amount {
		return false, fault.Newf(CodePart, "ask the payer to advise what it has paid, or decline the payment", "%s came for what %s is advised for", sum, r.Amount)
	}
	return true, c.commit()
}

// confirmed notes that the receipt was given.
func (d *Desk) confirmed(targets []Target, answers string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.change()
	for _, t := range targets {
		if got := d.received[t.key()]; got.State == Waiting && got.Answers == answers {
			got.State = Confirmed
			put(c, d.received, keyReceived, t.key(), got)
		}
	}
	return c.commit()
}

func partsOf(partner party.Code, r settlement.Remittance) (out []Target) {
	for _, p := range r.Parts {
		out = append(out, Target{partner, p.Obligation})
	}
	return out
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
