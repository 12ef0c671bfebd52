package treasury

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/rail"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
)

// Run is payments that are made together: one file for a bank.
type Run struct {
	ID        string       `cbor:"1,keyasint"`
	State     RunState     `cbor:"2,keyasint"`
	From      rail.Account `cbor:"3,keyasint"`
	Execute   rail.Date    `cbor:"4,keyasint"` // the day on which the bank is to pay
	Message   string       `cbor:"5,keyasint"` // id of the file; a bank takes it once
	Payments  []Payment    `cbor:"6,keyasint"`
	Created   Step         `cbor:"7,keyasint"`
	Approved  Step         `cbor:"8,keyasint,omitzero"`
	Exported  Step         `cbor:"9,keyasint,omitzero"` // for the first time
	Cancelled Step         `cbor:"10,keyasint,omitzero"`
	SHA256    string       `cbor:"11,keyasint,omitempty"` // of the file
}

// Payment pays obligations of one currency to one payee.
type Payment struct {
	EndToEnd      string       `cbor:"1,keyasint"`
	Partner       party.Code   `cbor:"2,keyasint"`
	Amount        rail.Money   `cbor:"3,keyasint"`
	Name          string       `cbor:"4,keyasint,omitempty"` // of the account's holder
	Account       rail.Account `cbor:"5,keyasint,omitzero"`
	BIC           string       `cbor:"6,keyasint,omitempty"`
	Lines         []Line       `cbor:"7,keyasint"`
	State         PaymentState `cbor:"8,keyasint"`
	Status        string       `cbor:"9,keyasint,omitempty"`  // the bank's last word, like ACSP
	Reason        string       `cbor:"10,keyasint,omitempty"` // why it was rejected or came back
	BankReference string       `cbor:"11,keyasint,omitempty"`
	PaidAt        int64        `cbor:"12,keyasint,omitempty"` // day of the booking, ms UTC
	Carried       money.Micro  `cbor:"13,keyasint,omitempty"` // of all lines together, less than a coin: the ledger brings it to the next debt
}

// Line is what a payment pays of one obligation.
type Line struct {
	Obligation string       `cbor:"1,keyasint"`
	Owed       money.Amount `cbor:"2,keyasint"` // what was left of it when the run was made
	Pays       rail.Money   `cbor:"3,keyasint"` // as the bank is told: the lines come to the payment
	Reference  string       `cbor:"5,keyasint"`
	Method     string       `cbor:"6,keyasint"`
}

// clone gives a run whose payments can be changed without changing r's.
func (r Run) clone() Run {
	r.Payments = slices.Clone(r.Payments)
	for i := range r.Payments {
		r.Payments[i].Lines = slices.Clone(r.Payments[i].Lines)
	}
	return r
}

// Totals gives what its payments come to, by currency.
func (r Run) Totals() ([]money.Amount, error) {
	sums := map[string]money.Amount{}
	for _, p := range r.Payments {
		six, err := p.Amount.Amount()
		if err != nil {
			return nil, err
		}
		sum, ok := sums[string(six.Currency)]
		if !ok {
			sum.Currency = six.Currency
		}
		if sum, err = sum.Add(six); err != nil {
			return nil, err
		}
		sums[string(six.Currency)] = sum
	}
	return sorted(sums), nil
}

// move takes a run on. Code: refused.
func (r *Run) move(e RunEvent) error {
	next, ok := RunTransitions[r.State][e]
	if !ok {
		return fault.Newf(fault.Refused, "look at it with lateral payment run show", "run %s is %s and does not take %s", r.ID, r.State, e).In("id")
	}
	r.State = next
	return nil
}

// move takes a payment on and reports whether the table allows it.
func (p *Payment) move(e PaymentEvent) bool {
	next, ok := PaymentTransitions[p.State][e]
	if ok {
		p.State = next
	}
	return ok
}

// Due is an obligation that the carrier owes and may pay by a bank.
type Due struct {
	Target
	State     settlement.State
	Due       int64        // ms UTC
	Owed      money.Amount // what is left of it
	Discount  money.Amount // that paying now takes off
	Pays      money.Amount // whole minor units, when it is paid alone
	Carried   money.Amount // the rest below a minor unit
	Method    string
	Reference string
	Run       string // that it is in
	Why       string // why it is in no run that is made now; empty: it is

	debt debt
}

// Which says what is to be paid.
type Which struct {
	Partners []party.Code   // none: all
	Currency money.Currency // none: all
	Until    int64          // due by then, ms UTC; 0: whenever
}

func (w Which) takes(o debt) bool {
	return (len(w.Partners) == 0 || slices.Contains(w.Partners, o.Partner)) && (w.Currency == "" || w.Currency == o.Amount.Currency) && (w.Until == 0 || o.Due <= w.Until)
}

// Due lists what is owed and may be paid by a bank, by partner and id.
func (d *Desk) Due(w Which) ([]Due, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.due(w)
}

// due is Due with the lock held.
func (d *Desk) due(w Which) (all []Due, err error) {
	debts, err := d.debts()
	if err != nil {
		return nil, err
	}
	claims := d.claims()
	for _, o := range debts {
		if o.Payer != d.o.Me || !payable(o.Obligation) || !slices.Contains(d.o.Methods, o.Method) || !w.takes(o) {
			continue
		}
		x := Due{Target: o.Target, State: o.Obligation.State, Due: o.Obligation.Due, Owed: o.Left(), Method: o.Method, Reference: Reference(o.Obligation), Run: claims[o.key()],
			Pays: money.Amount{Currency: o.Amount.Currency}, Carried: o.Least, debt: o}
		if x.Discount, err = x.Owed.Sub(o.Least); err != nil {
			return nil, err
		}
		bound, err := d.bound(o)
		if err != nil {
			return nil, err
		}
		pays, carried, err := rail.Payable(o.Least)
		switch {
		case err != nil:
			x.Why = fault.Of(err).Detail
		case x.Run != "":
			x.Why = "it is in run " + x.Run
		case bound:
			x.Why = "it is in a round of netting"
		case pays.Minor <= 0:
			x.Why = "nothing of it reaches a minor unit"
		case d.byHand[o.key()] > 0:
			x.Why = "a person is advising it"
		case d.payeeOf(o.Partner, o.Amount.Currency) == nil:
			x.Why = "no account of the partner is in force"
		}
		if err == nil {
			if x.Pays, err = pays.Amount(); err != nil {
				return nil, err
			}
			x.Carried.Micro = carried
		}
		all = append(all, x)
	}
	return all, nil
}

// own finds an account of the carrier. Code: payment-account.
func (d *Desk) own(number string) (Own, error) {
	for _, a := range d.o.Accounts {
		if a.Account.String() == number {
			return a, nil
		}
	}
	return Own{}, fault.Newf(CodeAccount, "name one of bank.accounts in the node's configuration", "%.40q is no account of this carrier", number).In("account")
}

// maxTogether is how many obligations one advice names.
const maxTogether = 2000

// CreateRun makes a run of all that is due and free: one payment for each payee,
// currency and way of paying. What has a discount is paid by itself, so that a
// discount that is over by the time of the advice leaves a part to pay and does
// not hold up the others. Nothing is ordered before another person approves it. Codes:
// payment-account, refused when nothing can be paid.
func (d *Desk) CreateRun(by, account string, execute rail.Date, w Which) (Run, error) {
	from, err := d.own(account)
	if err != nil {
		return Run{}, err
	}
	if only := from.Account.Currency; only != "" {
		if w.Currency != "" && w.Currency != only {
			return Run{}, fault.Newf(CodeAccount, "pay from an account in that currency", "the account is in %s", only).In("account")
		}
		w.Currency = only
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	due, err := d.due(w)
	if err != nil {
		return Run{}, err
	}
	today := rail.DateOf(d.o.Now())
	if execute = cmp.Or(execute, today); execute < today {
		return Run{}, fault.Newf(fault.Invalid, "name today or a day to come", "%s is over", execute).In("on")
	}
	n := d.counter
	n.Runs++
	r := Run{ID: fmt.Sprintf("R%06d", n.Runs), State: Proposed, From: from.Account, Execute: execute, Created: d.step(by)}
	// The random part keeps a node that lost its store from giving a file the id of
	// another.
	r.Message = r.ID + "-" + rand.Text()[:12]
	groups := map[string][]debt{}
	for _, x := range due {
		if x.Why == "" {
			key := string(x.Partner) + "/" + string(x.Owed.Currency) + "/" + x.Method + "/"
			if x.Discount.Micro > 0 {
				key += x.Obligation
			}
			groups[key] = append(groups[key], x.debt)
		}
	}
	for _, group := range sorted(groups) {
		for some := range slices.Chunk(group, maxTogether) {
			pays, err := paying(some)
			if err != nil {
				return Run{}, err
			}
			p, err := d.paymentOf(fmt.Sprintf("%s %d", r.Message, len(r.Payments)+1), some, pays)
			if err != nil {
				return Run{}, err
			}
			r.Payments = append(r.Payments, p)
		}
	}
	if len(r.Payments) == 0 {
		return Run{}, fault.New(fault.Refused, "nothing that is due can be paid", "lateral payment due says why of each")
	}
	c := d.change()
	c.count(n)
	put(c, d.runs, keyRun, r.ID, r)
	return r, c.commit()
}

// paymentOf makes the payment of debts to one payee in one currency. name is its
// own; pays is for each debt. The lock is held.
func (d *Desk) paymentOf(name string, all []debt, pays []rail.Money) (p Payment, err error) {
	first := all[0]
	p = Payment{Partner: first.Partner, State: Planned, Amount: rail.Money{Currency: first.Amount.Currency}}
	if to := d.payeeOf(p.Partner, p.Amount.Currency); to != nil {
		p.Name, p.Account, p.BIC = to.Name, to.Account, to.BIC
	}
	owed := money.Amount{Currency: p.Amount.Currency}
	for i, o := range all {
		p.Lines = append(p.Lines, Line{Obligation: o.ID, Owed: o.Left(), Pays: pays[i], Reference: Reference(o.Obligation), Method: o.Method})
		p.Amount.Minor += pays[i].Minor // together not more than the debts, whose sum has room
		if owed, err = owed.Add(o.Left()); err != nil {
			return p, err
		}
	}
	if most, _, err := rail.Payable(owed); err != nil {
		return p, err
	} else if most != p.Amount {
		owed = first.Least // with a discount it is paid alone
	}
	_, p.Carried, err = rail.Payable(owed)
	p.EndToEnd = rail.CreditorReference(name + " " + string(p.Partner) + " " + string(p.Amount.Currency))
	return p, err
}

// Runs lists runs, the newest first.
func (d *Desk) Runs() []Run {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := sorted(d.runs)
	slices.Reverse(all)
	return all
}

// Run gives one. Code: not-found.
func (d *Desk) Run(id string) (Run, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.run(id)
}

func (d *Desk) run(id string) (Run, error) {
	r, ok := d.runs[id]
	if !ok {
		return r, fault.Newf(fault.NotFound, "list them with lateral payment run list", "there is no payment run %.40q", id).In("id")
	}
	return r.clone(), nil
}

// ApproveRun is the word of the second person. Codes: not-found, second-person-needed,
// payment-run-stale, refused.
func (d *Desk) ApproveRun(by, id string) (Run, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, err := d.run(id)
	if err != nil {
		return r, err
	}
	if err := r.move(Approve); err != nil {
		return r, err
	}
	if err := other(r.Created, by); err != nil {
		return r, err
	}
	if err := d.fresh(r); err != nil {
		return r, err
	}
	r.Approved = d.step(by)
	return r, d.keepRun(r)
}

// fresh refuses a run whose obligations or payees have changed since it was
// made. The lock is held.
func (d *Desk) fresh(r Run) error {
	stale := func(format string, args ...any) error {
		return fault.Newf(CodeStale, "cancel the run and make another", format, args...).In("id")
	}
	for _, p := range r.Payments {
		to := d.payeeOf(p.Partner, p.Amount.Currency)
		if to == nil || to.Account != p.Account || to.Name != p.Name || to.BIC != p.BIC {
			return stale("%s is to be paid to another account than when run %s was made", p.Partner, r.ID)
		}
		for _, l := range p.Lines {
			o, err := d.debt(Target{p.Partner, l.Obligation})
			if err != nil {
				return err
			}
			if !payable(o.Obligation) || o.Left() != l.Owed || d.byHand[o.key()] > 0 {
				return stale("%s with %s is %s with %s, and was owed with %s when run %s was made", l.Obligation, p.Partner, o.Obligation.State, o.Left(), l.Owed, r.ID)
			}
			if bound, err := d.bound(o); err != nil {
				return err
			} else if bound {
				return stale("%s with %s is in a round of netting since run %s was made", l.Obligation, p.Partner, r.ID)
			}
		}
	}
	return nil
}

func (d *Desk) keepRun(r Run) error {
	c := d.change()
	put(c, d.runs, keyRun, r.ID, r)
	return c.commit()
}

// CancelRun drops a run that is not exported. Codes: not-found, refused.
func (d *Desk) CancelRun(by, id string) (Run, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, err := d.run(id)
	if err != nil {
		return r, err
	}
	if err := r.move(Cancel); err != nil {
		return r, err
	}
	for i := range r.Payments {
		r.Payments[i].move(Drop)
	}
	r.Cancelled = d.step(by)
	return r, d.keepRun(r)
}

// ExportRun gives the payment file. Its payments count as ordered, on disk,
// before anybody sees it; from then on the same bytes are given again, and a
// bank takes their id once. Codes: not-found, refused, payment-run-stale, and
// those of rail.Read.
func (d *Desk) ExportRun(by, id string) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, err := d.run(id)
	if err != nil {
		return nil, err
	}
	if r.State == Ordered {
		data, ok, err := d.o.Store.Get(keyOrder + id)
		if err == nil && !ok {
			err = fault.Newf(fault.Corrupt, "restore the node's store from a backup", "the file of run %s is not in the store", id)
		}
		return data, err
	}
	if err := r.move(Export); err != nil {
		return nil, err
	}
	if err := d.fresh(r); err != nil {
		return nil, err
	}
	data, err := d.encode(r)
	if err != nil {
		return nil, err
	}
	for i := range r.Payments {
		r.Payments[i].move(Order)
	}
	sum := sha256.Sum256(data)
	r.Exported, r.SHA256 = d.step(by), hex.EncodeToString(sum[:])
	c := d.change()
	c.writes = append(c.writes, merkle.Write{Key: keyOrder + id, Value: data})
	put(c, d.runs, keyRun, id, r)
	if err := c.commit(); err != nil {
		return nil, err
	}
	return data, nil
}

// encode writes the payment file of a run.
func (d *Desk) encode(r Run) ([]byte, error) {
	from, err := d.own(r.From.String())
	if err != nil {
		return nil, err
	}
	me := rail.Party{Name: d.o.Name}
	g := rail.Group{ID: r.Message + "-1", Execute: r.Execute, Debtor: me, Account: from.Account, Bank: rail.Agent{BIC: from.BIC}}
	for i, p := range r.Payments {
		x := rail.Payment{InstructionID: fmt.Sprintf("%s-%d", r.Message, i+1), EndToEndID: p.EndToEnd, Amount: p.Amount, Bank: rail.Agent{BIC: p.BIC},
			Creditor: rail.Party{Name: p.Name}, Account: p.Account}
		for _, l := range p.Lines {
			x.Remittance.Structured = append(x.Remittance.Structured, rail.Reference{Creditor: l.Reference, Amount: l.Pays})
		}
		g.Payments = append(g.Payments, x)
	}
	return (&rail.Initiation{ID: r.Message, Created: d.o.Now().UTC().Truncate(1e9), Initiator: me, Groups: []rail.Group{g}}).Encode()
}

// payment finds a payment that was ordered by its end-to-end id. The lock is
// held.
func (d *Desk) payment(endToEnd string) (run Run, at int, ok bool) {
	for _, r := range d.runs {
		for i, p := range r.Payments {
			if p.EndToEnd == endToEnd && r.State != Proposed && r.State != Approved && r.State != Cancelled {
				return r.clone(), i, true
			}
		}
	}
	return Run{}, 0, false
}

// Carried is what a carrier's next obligation to a partner takes up: of those
// before, what is less than a coin. The ledger keeps it.
type Carried struct {
	Partner party.Code
	Amount  money.Amount
}

// Carried lists what the ledger carries for this carrier, by partner and currency.
func (d *Desk) Carried() ([]Carried, error) {
	debts, err := d.debts()
	if err != nil {
		return nil, err
	}
	currencies := map[party.Code]map[money.Currency]bool{} // of debts: what is carried comes from one
	for _, o := range debts {
		if currencies[o.Partner] == nil {
			currencies[o.Partner] = map[money.Currency]bool{}
		}
		currencies[o.Partner][o.Amount.Currency] = true
	}
	found := map[string]Carried{}
	for _, c := range d.o.Channels() {
		err := c.View(func(v trade.Records) error {
			for currency := range currencies[c.Partner] {
				if rest := (trade.View{Records: v}).Carried(d.o.Me, currency); rest != 0 {
					found[string(c.Partner)+"/"+string(currency)] = Carried{c.Partner, money.Amount{Currency: currency, Micro: rest}}
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return sorted(found), nil
}
