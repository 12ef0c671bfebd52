package treasury

import (
	"context"
	"iter"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/rail"
	"github.com/lateral-network/lateral/rail/bank"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
)

const (
	alphaIBAN   = "DE89370400440532013000"
	bravoIBAN   = "GB82WEST12345698765432"
	charlieIBAN = "FR1420041010050500013M02606"
)

// A world is three carriers that owe each other, one bank with an account of
// each, and the treasuries of ALPHA and BRAVO. Bilaterals are reduced to
// obligations that move by the product's own table.
type world struct {
	bound       map[string]bool // ids of obligations that are in a round of netting
	t           *testing.T
	bank        *bank.Bank
	now         time.Time
	obligations map[string]map[string]settlement.Obligation // by pair and id
	remittances map[string]settlement.Remittance            // by pair and key
	carried     map[string]money.Micro                      // by pair and key
	desks       map[party.Code]*Desk
	dirs        map[party.Code]string
	stores      map[party.Code]*store.DB
	misbehave   func(rail.Payment) bank.Act
	fourEyes    bool
	refuse      error // what every command meets
	lost        bool  // commands are executed, and their answers do not come
	commands    []trade.Kind
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC), obligations: map[string]map[string]settlement.Obligation{},
		remittances: map[string]settlement.Remittance{}, carried: map[string]money.Micro{},
		bound: map[string]bool{}, desks: map[party.Code]*Desk{}, dirs: map[party.Code]string{}, stores: map[party.Code]*store.DB{}}
	var err error
	w.bank, err = bank.New(bank.Options{BIC: "SANDDEFF", Name: "Sandbox Bank", Now: func() time.Time { return w.now },
		Misbehave: func(p rail.Payment) bank.Act {
			if w.misbehave == nil {
				return bank.Act{}
			}
			return w.misbehave(p)
		}})
	w.ok(err)
	for number, name := range map[string]string{alphaIBAN: "Alpha Telecom", bravoIBAN: "Bravo Networks", charlieIBAN: "Charlie"} {
		w.ok(w.bank.Open(rail.Account{IBAN: number, Currency: "EUR"}, rail.Party{Name: name}))
		w.ok(w.bank.Deposit(number, rail.Money{Currency: "EUR", Minor: 1_000_000}))
	}
	for _, code := range []party.Code{"ALPHA", "BRAVO"} {
		w.dirs[code] = filepath.Join(t.TempDir(), string(code))
		w.start(code)
	}
	t.Cleanup(func() {
		for _, db := range w.stores {
			db.Close()
		}
		w.ok(w.bank.Audit())
	})
	w.notice("ALPHA") // the deposits are not what tests are about
	w.notice("BRAVO")
	return w
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("%v (%s)", err, fault.CodeOf(err))
	}
}

// refused asks for a code.
func (w *world) refused(code fault.Code, err error) {
	w.t.Helper()
	if fault.CodeOf(err) != code {
		w.t.Fatalf("want %s, got %v (%s)", code, err, fault.CodeOf(err))
	}
}

var accounts = map[party.Code]string{"ALPHA": alphaIBAN, "BRAVO": bravoIBAN, "CHARLIE": charlieIBAN}

// start opens a treasury from its folder; again: as after a crash.
func (w *world) start(code party.Code) *Desk {
	w.t.Helper()
	if db := w.stores[code]; db != nil {
		w.ok(db.Close())
	}
	db, err := store.Open(w.dirs[code], store.Options{MinFree: 1})
	w.ok(err)
	d, err := Open(Options{Me: code, Name: string(code) + " Ltd", Accounts: []Own{{Account: rail.Account{IBAN: accounts[code], Currency: "EUR"}, BIC: "SANDDEFF"}},
		Methods: []string{"bank-transfer"}, FourEyes: w.fourEyes, Store: db.Node(), Channels: func() []Channel { return w.channels(code) },
		Submit: func(_ context.Context, partner party.Code, _ trade.Kind, body any) error {
			err := w.submit(code, partner, body)
			if w.lost && err == nil {
				err = fault.New(fault.Unavailable, "the answer did not come", "wait")
			}
			return err
		},
		Bound: func(_ party.Code, o settlement.Obligation) (bool, error) { return w.bound[o.ID], nil },
		Now:   func() time.Time { return w.now }})
	w.ok(err)
	w.stores[code], w.desks[code] = db, d
	return d
}

func pairOf(a, b party.Code) string {
	return min(string(a), string(b)) + "/" + max(string(a), string(b))
}

// owes makes an obligation.
func (w *world) owes(payer, payee party.Code, id string, micro money.Micro) {
	o := settlement.Obligation{ID: id, Invoices: []string{"I-" + id}, Payer: payer, Payee: payee, Amount: money.Amount{Currency: "EUR", Micro: micro}, Method: "bank-transfer",
		Due: w.now.AddDate(0, 0, -1).UnixMilli(), State: settlement.Owed}
	pair := pairOf(payer, payee)
	if w.obligations[pair] == nil {
		w.obligations[pair] = map[string]settlement.Obligation{}
	}
	w.obligations[pair][id] = o
}

type records map[string][]byte

func (r records) Get(key string) ([]byte, bool) { v, ok := r[key]; return v, ok }

func (r records) Scan(prefix string) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, k := range slices.Sorted(maps.Keys(r)) {
			if strings.HasPrefix(k, prefix) && !yield(k, r[k]) {
				return
			}
		}
	}
}

func (w *world) channels(me party.Code) (all []Channel) {
	for pair, obligations := range w.obligations {
		a, b, _ := strings.Cut(pair, "/")
		if string(me) != a && string(me) != b {
			continue
		}
		partner := party.Code(a)
		if partner == me {
			partner = party.Code(b)
		}
		all = append(all, Channel{Partner: partner, View: func(f func(trade.Records) error) error {
			r := records{}
			for id, o := range obligations {
				r[trade.ObligationKey(id)] = canon.Must(o)
			}
			for key, x := range w.remittances {
				if at, ok := strings.CutPrefix(key, pair+" "); ok {
					r[at] = canon.Must(x)
				}
			}
			for key, x := range w.carried {
				if at, ok := strings.CutPrefix(key, pair+" "); ok {
					r[at] = canon.Must(trade.Balance{Micro: x})
				}
			}
			return f(r)
		}})
	}
	return all
}

func (w *world) submit(me, partner party.Code, body any) error {
	if w.refuse != nil {
		return w.refuse
	}
	all := w.obligations[pairOf(me, partner)]
	move := func(id string, e settlement.Event) (settlement.Obligation, error) {
		o := all[id]
		next, ok := o.State.Next(e)
		if !ok {
			return o, fault.Newf(trade.CodeState, "look", "%s is %s", id, o.State)
		}
		o.State = next
		return o, nil
	}
	switch b := body.(type) {
	case trade.PaymentAdvise:
		key := pairOf(me, partner) + " " + trade.RemittanceKey(me, b.Reference)
		if _, ok := w.remittances[key]; ok {
			return fault.New(fault.Conflict, "advised before", "give another reference")
		}
		ids := b.Obligations
		if b.Obligation != "" {
			ids = []string{b.Obligation}
		}
		var left []settlement.Part
		sum := money.Amount{Currency: "EUR"}
		for _, id := range ids {
			o, err := move(id, settlement.Advise)
			if err != nil {
				return err
			}
			left = append(left, settlement.Part{Obligation: id, Amount: o.Left().Micro})
			sum.Micro += o.Left().Micro
		}
		most := settlement.Payable(sum)
		if b.Amount.Micro > most.Micro || b.Amount != settlement.Payable(b.Amount) || len(b.Obligations) > 0 && b.Amount != most {
			return fault.Newf(trade.CodePaymentAmount, "pay what is owed", "%s is owed, not %s", most, b.Amount)
		}
		if (b.Obligation != "") == (len(b.Obligations) > 0) || !slices.IsSorted(ids) || b.Reference == "" || b.PaidAt > w.now.UnixMilli() {
			w.t.Errorf("%s advises %+v", me, b)
		}
		r := settlement.Remittance{Payer: me, Reference: b.Reference, Amount: b.Amount, Parts: settlement.Lay(b.Amount.Micro, left)}
		for _, p := range r.Parts {
			o, _ := move(p.Obligation, settlement.Advise)
			if o.Payer != me {
				w.t.Errorf("%s advises %+v of %+v", me, b, o)
			}
			o.Payment = settlement.Payment{Method: b.Method, Reference: b.Reference, PaidAt: b.PaidAt, Whole: b.Amount.Micro, Part: p.Amount}
			all[o.ID] = o
		}
		w.remittances[key] = r
		w.commands = append(w.commands, trade.KindPaymentAdvise)
	case trade.PaymentAnswer:
		first, err := move(b.Obligation, settlement.Confirm)
		if err != nil {
			return err
		}
		key := pairOf(me, partner) + " " + trade.RemittanceKey(first.Payer, first.Payment.Reference)
		r := w.remittances[key]
		if b.Amount != r.Amount || first.Payee != me {
			w.t.Errorf("%s confirms %+v of %+v", me, b, r)
		}
		r.Received.Time = w.now.UnixMilli()
		w.remittances[key] = r
		for _, p := range r.Parts {
			o, _ := move(p.Obligation, settlement.Confirm)
			o.State = settlement.Advised
			o.Paid += p.Amount
			if rest := o.Left(); settlement.Payable(rest).Micro == 0 {
				o.Carried, o.State = rest.Micro, settlement.Settled
				w.carried[pairOf(me, partner)+" "+trade.CarryKey(o.Payer, "EUR")] += rest.Micro
			} else if next, ok := o.State.Next(settlement.Partly); ok {
				o.State = next
			}
			all[o.ID] = o
		}
		w.commands = append(w.commands, trade.KindPaymentReceipt)
	default:
		w.t.Errorf("a command %T", body)
	}
	return nil
}

// state asks for the state of obligations.
func (w *world) state(a, b party.Code, want settlement.State, ids ...string) {
	w.t.Helper()
	for _, id := range ids {
		if got := w.obligations[pairOf(a, b)][id].State; got != want {
			w.t.Errorf("%s is %s, want %s", id, got, want)
		}
	}
}

// pays lets ALPHA pay a partner at an account, by two persons.
func (w *world) pays(partner party.Code) {
	w.t.Helper()
	_, err := w.desks["ALPHA"].ProposePayee("ann", partner, "", PayeeAccount{Name: string(partner), Account: rail.Account{IBAN: accounts[partner]}, BIC: "SANDDEFF"})
	w.ok(err)
	_, err = w.desks["ALPHA"].AnswerPayee("bob", partner, "", accounts[partner], true)
	w.ok(err)
}

// approved makes a run of all that is due and has it approved.
func (w *world) approved() Run {
	w.t.Helper()
	r, err := w.desks["ALPHA"].CreateRun("ann", alphaIBAN, "", Which{})
	w.ok(err)
	r, err = w.desks["ALPHA"].ApproveRun("bob", r.ID)
	w.ok(err)
	return r
}

// ordered makes a run and has the bank execute its file; it gives the run, the
// file and the bank's report.
func (w *world) ordered() (Run, []byte, []byte) {
	w.t.Helper()
	r := w.approved()
	file, err := w.desks["ALPHA"].ExportRun("ann", r.ID)
	w.ok(err)
	report, err := w.bank.Submit(file)
	w.ok(err)
	return r, file, report
}

func (w *world) notice(code party.Code) []byte {
	w.t.Helper()
	data, err := w.bank.Notice(accounts[code])
	w.ok(err)
	return data
}

func (w *world) imports(code party.Code, data []byte) Intake {
	w.t.Helper()
	x, err := w.desks[code].Import("ann", "file.xml", data)
	w.ok(err)
	return x
}

// tell has both treasuries tell what they know, the payer first.
func (w *world) tell() {
	for _, code := range []party.Code{"ALPHA", "BRAVO"} {
		w.desks[code].Tell(context.Background())
	}
}

// exception gives the only one that is open.
func (w *world) exception(code party.Code, kind string) Exception {
	w.t.Helper()
	all := w.desks[code].Exceptions(false)
	if len(all) != 1 || all[0].Kind != kind {
		w.t.Fatalf("want one exception %s, got %+v", kind, all)
	}
	return all[0]
}

func (w *world) noException(code party.Code) {
	w.t.Helper()
	if all := w.desks[code].Exceptions(false); len(all) > 0 {
		w.t.Errorf("%s has exceptions: %+v", code, all)
	}
}

// resolved has two persons decide.
func (w *world) resolved(code party.Code, id string, r Decision) Exception {
	w.t.Helper()
	d := w.desks[code]
	r.Why = "as we found out"
	_, err := d.Resolve("ann", id, r)
	w.ok(err)
	_, err = d.ApproveResolution("ann", id)
	w.refused(trade.CodeSecondPerson, err)
	x, err := d.ApproveResolution("bob", id)
	w.ok(err)
	return x
}

func (w *world) has(code party.Code, minor int64) {
	w.t.Helper()
	if m, err := w.bank.Balance(accounts[code]); err != nil || m.Minor != minor {
		w.t.Errorf("%s has %s, %v; want %d", code, m, err, minor)
	}
}

func eur(minor int64) rail.Money { return rail.Money{Currency: "EUR", Minor: minor} }
