package treasury

import (
	"fmt"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/rail"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/settlement"
)

// Exception is something a bank has told that people must decide about.
type Exception struct {
	ID       string         `cbor:"1,keyasint"`
	Kind     string         `cbor:"2,keyasint"` // the matcher's outcome, or paid-before, contradiction, unknown-file
	Detail   string         `cbor:"3,keyasint"`
	Reason   string         `cbor:"4,keyasint,omitempty"` // of the bank, a code
	Evidence rail.Evidence  `cbor:"5,keyasint"`
	File     string         `cbor:"6,keyasint"`           // SHA-256 of what told it
	Named    []Target       `cbor:"7,keyasint,omitempty"` // what it names or had paid
	Alike    []Target       `cbor:"8,keyasint,omitempty"` // open and of just this amount
	Excess   money.Amount   `cbor:"9,keyasint,omitzero"`
	Run      string         `cbor:"10,keyasint,omitempty"` // of this carrier, that it is about
	EndToEnd string         `cbor:"11,keyasint,omitempty"` // the payment in it
	Raised   int64          `cbor:"12,keyasint"`           // ms UTC
	State    ExceptionState `cbor:"13,keyasint"`
	Decision *Decision      `cbor:"14,keyasint,omitempty"`
	Approved Step           `cbor:"15,keyasint,omitzero"`
}

// Action is what people may do with an exception.
type Action string

// The actions.
const (
	Assign   Action = "assign"  // the money is for these obligations
	GiveBack Action = "return"  // it is paid back at the bank, by hand
	Free     Action = "release" // of a payment that came back: its obligations may be paid again
	Ignore   Action = "ignore"  // nothing is done
)

// Decision is what one person proposes and another approves.
type Decision struct {
	Action      Action   `cbor:"1,keyasint"`
	Obligations []Target `cbor:"2,keyasint,omitempty"`
	Why         string   `cbor:"3,keyasint"`
	Step        Step     `cbor:"4,keyasint"`
}

// Can lists what may be done with it.
func (x Exception) Can() []Action {
	switch {
	case x.State == ExceptionClosed:
		return nil
	case x.Kind == "reversal":
		if x.EndToEnd != "" {
			return []Action{Free, Ignore}
		}
	case x.Kind == "unknown-file", x.Kind == "contradiction", x.Evidence.Entry == 0, x.Kind == "duplicate":
	case x.Evidence.Credit:
		return []Action{Assign, GiveBack, Ignore}
	default:
		return []Action{Assign, Ignore}
	}
	return []Action{Ignore}
}

// Exceptions lists what people must decide, the oldest first; all: and what they
// have decided.
func (d *Desk) Exceptions(all bool) []Exception {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(sorted(d.exceptions), func(x Exception) bool { return !all && x.State == ExceptionClosed })
}

// Exception gives one. Code: not-found.
func (d *Desk) Exception(id string) (Exception, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.exception(id)
}

func (d *Desk) exception(id string) (Exception, error) {
	x, ok := d.exceptions[id]
	if !ok {
		return x, fault.Newf(fault.NotFound, "list them with lateral payment exceptions", "there is no exception %.40q", id).In("id")
	}
	return x, nil
}

// Resolve proposes what is to become of an exception. A proposal that waits is
// replaced. Codes: not-found, invalid, refused, payment-part, payment-in-run.
func (d *Desk) Resolve(by, id string, r Decision) (Exception, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	x, err := d.exception(id)
	if err != nil {
		return x, err
	}
	if !slices.Contains(x.Can(), r.Action) {
		return x, fault.Newf(fault.Refused, "lateral payment exceptions --json says what can be done with each", "%s is of the kind %s, is %s, and does not take %s", id, x.Kind, x.State, r.Action).In("action")
	}
	if r.Why == "" || len(r.Why) > 500 {
		return x, fault.New(fault.Invalid, "there is no reason, or it is longer than 500 bytes", "say why, for whoever looks at it later").In("why")
	}
	r.Step = d.step(by)
	x.Decision, x.State = &r, ExceptionDecided
	if err := d.carry(x, &intake{change: d.change(), d: d}); err != nil {
		return x, err
	}
	c := d.change()
	put(c, d.exceptions, keyException, id, x)
	return x, c.commit()
}

// ApproveResolution carries out what another person has proposed. Codes:
// not-found, second-person-needed, refused, payment-part, payment-in-run.
func (d *Desk) ApproveResolution(by, id string) (Exception, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	x, err := d.exception(id)
	if err != nil {
		return x, err
	}
	if x.State != ExceptionDecided {
		return x, fault.Newf(fault.Refused, "propose what to do with lateral payment resolve", "nothing waits for an approval: %s is %s", id, x.State).In("id")
	}
	if err := other(x.Decision.Step, by); err != nil {
		return x, err
	}
	in := &intake{change: d.change(), d: d, numbers: d.counter, Intake: Intake{SHA256: x.File, Step: d.step(by)}}
	if err := d.carry(x, in); err != nil {
		return x, err
	}
	x.State, x.Approved = ExceptionClosed, in.Step
	in.count(in.numbers)
	put(in.change, d.exceptions, keyException, id, x)
	return x, in.commit()
}

// carry writes what a decision changes. The lock is held.
func (d *Desk) carry(x Exception, in *intake) error {
	switch x.Decision.Action {
	case Free:
		run, at, ok := d.payment(x.EndToEnd)
		if !ok || !run.Payments[at].move(Release) {
			return fault.Newf(fault.Refused, "look at its run", "the payment %s has not come back", x.EndToEnd).In("id")
		}
		in.keepRun(run)
	case Assign:
		if len(x.Decision.Obligations) == 0 {
			return fault.New(fault.Invalid, "no obligation is named", "name those that the money is for").In("obligations")
		}
		if x.Evidence.Credit {
			return d.assignCredit(x, in)
		}
		return d.assignDebit(x, in)
	}
	return nil
}

// assigned gives the obligations of a decision and what of the money is for each,
// when it is enough for them. What is more stays the payer's.
func (d *Desk) assigned(x Exception, wanted func(debt) bool) (all []debt, parts []rail.Money, err error) {
	paid := x.Evidence.Amount
	seen := map[string]bool{}
	for _, t := range x.Decision.Obligations {
		o, err := d.debt(t)
		if err != nil {
			return nil, nil, err
		}
		if seen[t.key()] || !wanted(o) || o.Amount.Currency != paid.Currency {
			return nil, nil, fault.Newf(fault.Refused, "name each once, in the money's currency and on its side, and not paid before", "%s with %s is %s with %s", o.ID, o.Partner, o.Obligation.State, o.Left()).In("obligations")
		}
		seen[t.key()] = true
		all = append(all, o)
	}
	parts, fits, err := fitting(all, paid)
	if err != nil || fits {
		return all, parts, err
	}
	parts, sum, err := shares(all)
	if err == nil && paid.Minor < sum.Minor {
		err = fault.Newf(CodePart, "name fewer, or have the payer advise it as a part", "it is %s, and they come to %s", paid, sum).In("obligations")
	}
	return all, parts, err
}

// assignCredit lays money that came in on what a partner owes.
func (d *Desk) assignCredit(x Exception, in *intake) error {
	_, parts, err := d.assigned(x, func(o debt) bool {
		return o.Payee == d.o.Me && o.Obligation.State != settlement.Settled && d.received[o.key()].State != Waiting
	})
	if err != nil {
		return err
	}
	var line Told
	in.take(x.Decision.Obligations, parts, x.Evidence, &line)
	d.paidBy(x, x.ID, in)
	return nil
}

// paidBy lets the matcher know that a payment was laid on an item, should the
// bank take it back.
func (d *Desk) paidBy(x Exception, item string, in *intake) {
	if slices.ContainsFunc(d.history.Payments, func(p rail.Paid) bool { return samePlace(p.Evidence, x.Evidence) }) {
		return
	}
	h := d.history
	h.Payments = append(slices.Clone(h.Payments), rail.Paid{Evidence: x.Evidence, Paid: []rail.Allocation{
		{Item: item, Paid: x.Evidence.Amount, Left: money.Amount{Currency: x.Evidence.Amount.Currency}}}})
	in.remember(h)
}

// assignDebit says which payment a booking was: one that was ordered, when its
// obligations are named and the account paid for it at least what was ordered;
// or one that was made without a file.
func (d *Desk) assignDebit(x Exception, in *intake) error {
	for _, r := range d.runs {
		for i, p := range r.Payments {
			if p.State != Out || !sameTargets(targetsOf(p), x.Decision.Obligations) {
				continue
			}
			if paid := x.Evidence.Amount; paid.Currency != p.Amount.Currency || paid.Minor < p.Amount.Minor {
				return fault.Newf(CodePart, "name other obligations", "%s was paid, and run %s pays %s for them", paid, r.ID, p.Amount).In("obligations")
			}
			r = r.clone()
			r.Payments[i].move(Book)
			book(&r.Payments[i], x.Evidence)
			in.keepRun(r)
			d.paidBy(x, p.EndToEnd, in)
			return nil
		}
	}
	all, parts, err := d.assigned(x, func(o debt) bool { return o.Payer == d.o.Me && payable(o.Obligation) })
	if err != nil {
		return err
	}
	claims := d.claims()
	for _, o := range all {
		if run, ok := claims[o.key()]; ok {
			return fault.Newf(CodeInRun, "name all obligations of one payment of that run, or wait for it", "%s is in the payment run %s", o.ID, run).In("obligations")
		}
		if o.Partner != all[0].Partner {
			return fault.New(fault.Invalid, "the obligations are of several partners", "one payment goes to one of them").In("obligations")
		}
	}
	in.numbers.Runs++
	r := Run{ID: fmt.Sprintf("R%06d", in.numbers.Runs), State: ByHand, From: rail.Account{IBAN: x.Evidence.Account}, Execute: x.Evidence.Booked, Message: x.ID,
		Created: x.Decision.Step, Approved: in.Step}
	p, err := d.paymentOf(x.ID, all, parts)
	if err != nil {
		return err
	}
	p.State = Booked
	book(&p, x.Evidence)
	r.Payments = []Payment{p}
	in.keepRun(r)
	d.paidBy(x, p.EndToEnd, in)
	return nil
}

func sameTargets(a, b []Target) bool {
	if len(a) != len(b) {
		return false
	}
	for _, t := range a {
		if !slices.Contains(b, t) {
			return false
		}
	}
	return true
}
