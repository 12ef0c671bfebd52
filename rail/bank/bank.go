// Package bank is a bank in memory, to try payment files with: it takes
// pain.001, answers pacs.002, books, and tells of it by camt.054 and camt.053.
//
// Every account has one currency and a balance in minor units. Money comes from
// and goes to the outside, an account of the bank's own for each currency, so
// that the balances of a currency come to zero at all times ([Bank.Audit]). The
// same calls at the same times give the same bytes: the clock is handed in, and
// every id is counted. A bank can be told to misbehave as banks do.
//
//	b, err := bank.New(bank.Options{BIC: "SANDDEFF", Name: "Sandbox Bank", Now: clock})
//	err = b.Open(rail.Account{IBAN: "DE89370400440532013000", Currency: "EUR"}, rail.Party{Name: "Alpha Telecom"})
//	err = b.Deposit("DE89370400440532013000", rail.Money{Currency: "EUR", Minor: 100_000})
//	answer, err := b.Submit(file)                          // pacs.002
//	answers, err := b.Settle()                             // what fell due since
//	notice, err := b.Notice("GB82WEST12345698765432")      // camt.054
//	day, err := b.Statement("GB82WEST12345698765432", "2026-12-01") // camt.053
//
// It is no bank: nobody signs what it takes, and it forgets everything.
package bank

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/rail"
	"github.com/lateral-network/lateral/trade/money"
)

// CodeReplayed says that a bank has taken a file of this id before.
const CodeReplayed fault.Code = "bank-file-replayed"

// Reasons of the external list by which this bank rejects a payment.
const (
	UnknownDebtor   = "AC02"
	UnknownCreditor = "AC03"
	OtherCurrency   = "AM03"
	NoFunds         = "AM04"
	SamePayment     = "DU04" // its end-to-end id came before, from the same account
)

// Options are what a bank is made of.
type Options struct {
	BIC  string // its own
	Name string
	Now  func() time.Time
	// Session stands in every id. Without one, banks of one BIC give the same ids.
	Session string
	// Misbehave is asked what is to go wrong with a payment when its file
	// comes; nil, and the zero Act, are a bank that behaves.
	Misbehave func(rail.Payment) Act
}

// Act is what goes wrong with a payment.
type Act struct {
	Kind   Kind
	Reason string     // of Reject: a code of the external list
	Amount rail.Money // of Other
	Days   int        // of Late
}

// Kind is a way to misbehave.
type Kind string

// The ways to misbehave.
const (
	Late      Kind = "late"       // booked some days after it was to be
	Reject    Kind = "reject"     // for a reason of the bank's own
	Other     Kind = "other"      // another amount is moved than was ordered
	Twice     Kind = "twice"      // it is moved twice
	ToldTwice Kind = "told-twice" // it is moved once, and the payee's notice tells it twice
	Unnamed   Kind = "unnamed"    // the payee is told neither its ids nor what it is for
)

// Bank is safe for concurrent use.
type Bank struct {
	options Options

	mu       sync.Mutex
	accounts map[string]*account // by number
	numbers  []string            // in the order of their opening
	outside  map[money.Currency]int64
	files    map[string]bool // ids that were taken
	paid     map[string]bool // debtor's number and end-to-end id
	queue    []*order        // accepted, not yet due
	reversed map[string]bool // references of bookings
	counter  map[string]int  // of each kind of id
}

// account is a customer's.
type account struct {
	is      rail.Account
	owner   rail.Party
	balance int64
	entries []rail.Entry
	again   map[int]bool // entries that a notice tells twice
	told    int          // entries that notices have told
	opened  int          // place among the accounts, from 1
}

// order is a payment that was accepted.
type order struct {
	file  string
	group rail.Group
	is    rail.Payment
	due   rail.Date
	act   Act
}

// New makes a bank without accounts. Codes: bank-account, invalid.
func New(o Options) (*Bank, error) {
	if err := rail.BIC(o.BIC); err != nil {
		return nil, err
	}
	if o.Now == nil {
		return nil, fault.New(fault.Invalid, "the bank has no clock", "hand one in")
	}
	return &Bank{options: o, accounts: map[string]*account{}, outside: map[money.Currency]int64{}, files: map[string]bool{}, paid: map[string]bool{},
		reversed: map[string]bool{}, counter: map[string]int{}}, nil
}

// Open opens an account of one currency for an owner. Codes: conflict,
// bank-account, unknown-currency, invalid.
func (b *Bank) Open(a rail.Account, owner rail.Party) error {
	if _, err := a.Currency.MinorUnits(); err != nil {
		return err
	}
	if (a.IBAN == "") == (a.Other == "") || owner.Name == "" {
		return fault.New(fault.Invalid, "an account has an IBAN or another number, and an owner with a name", "name them")
	}
	if a.IBAN != "" {
		if err := rail.IBAN(a.IBAN); err != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.accounts[a.String()] != nil {
		return fault.Newf(fault.Conflict, "choose another number", "the account %s is open", a)
	}
	b.numbers = append(b.numbers, a.String())
	b.accounts[a.String()] = &account{is: a, owner: owner, again: map[int]bool{}, opened: len(b.numbers)}
	return nil
}

// Deposit brings money from outside, or with a negative amount takes it there.
// Codes: not-found, invalid, refused.
func (b *Bank) Deposit(number string, m rail.Money) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	a, err := b.account(number)
	if err != nil {
		return err
	}
	if m.Currency != a.is.Currency || m.Minor == 0 {
		return fault.Newf(fault.Invalid, "name an amount in "+string(a.is.Currency), "%s cannot be deposited there", m)
	}
	if m.Minor < -a.balance {
		return fault.Newf(fault.Refused, "take less", "only %s stands on %s", rail.Money{Currency: m.Currency, Minor: a.balance}, number)
	}
	credit, abs := m.Minor > 0, m
	if !credit {
		abs.Minor = -m.Minor
	}
	if err := b.bring(m); err != nil {
		return err
	}
	a.book(b.entry(abs, credit, b.id("B"), rail.Detail{Info: "cash"}))
	return nil
}

// Receive books a payment that comes from another bank. The amount of d is
// what comes. Codes: not-found, invalid, refused.
func (b *Bank) Receive(number string, d rail.Detail) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	a, err := b.account(number)
	if err != nil {
		return err
	}
	if d.Amount.Currency != a.is.Currency || d.Amount.Minor <= 0 {
		return fault.Newf(fault.Invalid, "name an amount above zero in "+string(a.is.Currency), "%s cannot be received there", d.Amount)
	}
	if err := b.bring(d.Amount); err != nil {
		return err
	}
	a.book(b.entry(d.Amount, true, b.id("B"), d))
	return nil
}

// bring moves money from the outside. What all accounts have together is at
// most what a message can say, so no balance leaves 64 bits.
func (b *Bank) bring(m rail.Money) error {
	const most = 999_999_999_999_999_999
	if m.Minor > most+b.outside[m.Currency] {
		return fault.Newf(fault.Refused, "bring less", "the accounts in %s would hold more than 18 digits", m.Currency)
	}
	b.outside[m.Currency] -= m.Minor
	return nil
}

// Submit takes a payment file and answers with a status report. A file that
// cannot be read is refused with its code and no report. One whose id was taken
// before is refused with code bank-file-replayed and a report that says so;
// nothing of it is paid. Codes: those of [rail.Read], invalid.
func (b *Bank) Submit(file []byte) (report []byte, err error) {
	f, err := rail.ReadBytes(file)
	if err != nil {
		return nil, err
	}
	if f.Initiation == nil {
		return nil, fault.Newf(fault.Invalid, "send a file of "+string(rail.Pain001), "%s asks for no payment", f.Kind)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	in := f.Initiation
	out := b.report(in.ID)
	if b.files[in.ID] {
		out.Status, out.Reasons = rail.Rejected, []rail.Reason{{Code: rail.DuplicateFile, Info: []string{"a file of this id was taken before"}}}
		if report, err = out.Encode(); err != nil {
			return nil, err
		}
		return report, fault.Newf(CodeReplayed, "nothing is paid twice; give a new payment a file with a new id", "the bank has taken the file %s before", in.ID)
	}
	b.files[in.ID] = true
	for _, g := range in.Groups {
		b.take(in.ID, g, out)
	}
	out.Status = together(out.Payments)
	return out.Encode()
}

// take accepts, books or rejects the payments of a group.
func (b *Bank) take(file string, g rail.Group, out *rail.Report) {
	var due []*order
	for _, p := range g.Payments {
		o := &order{file: file, group: g, is: p, due: g.Execute}
		if b.options.Misbehave != nil {
			o.act = b.options.Misbehave(p)
		}
		if reason, why := b.wrong(o); reason != "" {
			out.Payments = append(out.Payments, b.rejected(o, reason, why))
			continue
		}
		b.paid[g.Account.String()+" "+p.EndToEndID] = true
		if o.act.Kind == Late {
			day, err := time.Parse(time.DateOnly, string(max(o.due, b.today())))
			if err == nil { // a date that was read
				o.due = rail.DateOf(day.AddDate(0, 0, o.act.Days))
			}
		}
		if o.due > b.today() {
			b.queue = append(b.queue, o)
			out.Payments = append(out.Payments, b.status(o, rail.Accepted))
			continue
		}
		due = append(due, o)
	}
	out.Payments = append(out.Payments, b.execute(due)...)
}

// wrong says why a payment is rejected at once.
func (b *Bank) wrong(o *order) (reason, why string) {
	from := b.accounts[o.group.Account.String()]
	switch {
	case o.act.Kind == Reject:
		return cmp.Or(o.act.Reason, "NARR"), "the bank does not say why"
	case from == nil || o.group.Bank.BIC != "" && o.group.Bank.BIC[:8] != b.options.BIC[:8]:
		return UnknownDebtor, "no account of this bank"
	case from.is.Currency != o.is.Amount.Currency:
		return OtherCurrency, "the account is in " + string(from.is.Currency)
	case b.paid[from.is.String()+" "+o.is.EndToEndID]:
		return SamePayment, "a payment of this end-to-end id was taken before"
	case !b.here(o.is):
		return "", ""
	}
	to := b.accounts[o.is.Account.String()]
	switch {
	case to == nil || to == from:
		return UnknownCreditor, "no such account"
	case to.is.Currency != o.is.Amount.Currency:
		return OtherCurrency, "the payee's account is in " + string(to.is.Currency)
	}
	return "", ""
}

// here tells whether the payee's account is one of this bank.
func (b *Bank) here(p rail.Payment) bool {
	if p.Bank.BIC == "" {
		return p.Bank.Member == "" || b.accounts[p.Account.String()] != nil
	}
	return p.Bank.BIC[:8] == b.options.BIC[:8]
}

// Settle books what has fallen due, in the order in which it was accepted, and
// gives a report for each file with payments that have moved on.
func (b *Bank) Settle() (reports [][]byte, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var due []*order
	b.queue = slices.DeleteFunc(b.queue, func(o *order) bool {
		if o.due <= b.today() {
			due = append(due, o)
			return true
		}
		return false
	})
	for len(due) > 0 {
		file := due[0].file
		var of []*order
		due = slices.DeleteFunc(due, func(o *order) bool {
			if o.file == file {
				of = append(of, o)
				return true
			}
			return false
		})
		out := b.report(file)
		out.Payments = b.execute(of)
		data, err := out.Encode()
		if err != nil {
			return reports, err
		}
		reports = append(reports, data)
	}
	return reports, nil
}

// execute books payments that are due. Those of one group that asks for a batch
// are one entry on the payer's account.
func (b *Bank) execute(all []*order) (statuses []rail.PaymentStatus) {
	type batch struct {
		account *account
		entry   rail.Entry
	}
	var batches []*batch
	byGroup := map[string]*batch{}
	for _, o := range all {
		amount, times := o.is.Amount, 1
		switch o.act.Kind {
		case Other:
			if o.act.Amount.Minor > 0 {
				amount.Minor = o.act.Amount.Minor
			}
		case Twice:
			times = 2
		}
		from := b.accounts[o.group.Account.String()]
		if from.balance/int64(times) < amount.Minor {
			delete(b.paid, from.is.String()+" "+o.is.EndToEndID) // it may be ordered again
			statuses = append(statuses, b.rejected(o, NoFunds, fmt.Sprintf("%s stands on the account", rail.Money{Currency: amount.Currency, Minor: from.balance})))
			continue
		}
		var ref string
		for range times {
			ref = b.id("B")
			debit := rail.Detail{MessageID: o.file, BankReference: ref, GroupID: o.group.ID, InstructionID: o.is.InstructionID, EndToEndID: o.is.EndToEndID,
				TransactionID: ref, Amount: amount, Creditor: o.is.Creditor, CreditorAccount: o.is.Account, CreditorBank: o.is.Bank, Remittance: o.is.Remittance}
			if !o.group.Batch {
				from.book(b.entry(amount, false, ref, debit))
			} else {
				from.balance -= amount.Minor
				key := o.file + " " + o.group.ID
				if byGroup[key] == nil {
					e := b.entry(rail.Money{Currency: amount.Currency}, false, b.id("B"), rail.Detail{})
					e.Batches = []rail.Batch{{MessageID: o.file, GroupID: o.group.ID, Total: rail.Money{Currency: amount.Currency}}}
					byGroup[key] = &batch{from, e}
					batches = append(batches, byGroup[key])
				}
				e := &byGroup[key].entry
				e.Amount.Minor += amount.Minor
				one := &e.Batches[0]
				one.Count, one.Total.Minor, one.Payments = one.Count+1, one.Total.Minor+amount.Minor, append(one.Payments, debit)
			}
			b.credit(o, from, amount, ref)
		}
		s := b.status(o, rail.Settled)
		s.Reference = ref
		statuses = append(statuses, s)
	}
	for _, x := range batches {
		x.account.entries = append(x.account.entries, x.entry) // its balance has moved payment by payment
	}
	return statuses
}

// credit books a payment for the payee, or to the outside.
func (b *Bank) credit(o *order, from *account, amount rail.Money, ref string) {
	to := b.accounts[o.is.Account.String()]
	if !b.here(o.is) || to == nil {
		b.outside[amount.Currency] += amount.Minor
		return
	}
	d := rail.Detail{EndToEndID: o.is.EndToEndID, TransactionID: ref, Debtor: from.owner, DebtorAccount: rail.Account{IBAN: from.is.IBAN, Other: from.is.Other},
		DebtorBank: rail.Agent{BIC: b.options.BIC}, Remittance: o.is.Remittance}
	if o.act.Kind == Unnamed {
		d = rail.Detail{}
	}
	if amount != o.is.Amount {
		d.Instructed = o.is.Amount
	}
	to.book(b.entry(amount, true, ref, d))
	if o.act.Kind == ToldTwice {
		to.again[len(to.entries)-1] = true
	}
}

// Reverse takes a booking back, on both accounts. It is named by the bank's
// reference of one payment. Codes: not-found, refused.
func (b *Bank) Reverse(reference string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	type side struct {
		account *account
		detail  rail.Detail
	}
	var sides []side
	for _, number := range b.numbers {
		a := b.accounts[number]
		for _, e := range a.entries {
			for _, batch := range e.Batches {
				for _, d := range batch.Payments {
					if cmp.Or(d.BankReference, e.BankReference) == reference && !e.Reversal {
						sides = append(sides, side{a, d})
					}
				}
			}
		}
	}
	if len(sides) == 0 || b.reversed[reference] {
		return fault.Newf(fault.NotFound, "name the reference of an entry", "there is no booking %s, or it was taken back", reference)
	}
	for _, s := range sides {
		if s.detail.Credit && s.account.balance < s.detail.Amount.Minor {
			return fault.Newf(fault.Refused, "wait until money has come in", "the payee has not enough left to give %s back", s.detail.Amount)
		}
	}
	b.reversed[reference] = true
	ref := b.id("B")
	var net int64
	for _, s := range sides {
		d := s.detail
		d.BankReference = ""
		net += signed(d.Amount.Minor, d.Credit)
		e := b.entry(d.Amount, !d.Credit, ref, d)
		e.Reversal = true
		s.account.book(e)
	}
	b.outside[sides[0].detail.Amount.Currency] += net
	return nil
}

// Notice gives a camt.054 of what was booked on an account since the last one;
// nil when there is nothing. Code: not-found.
func (b *Bank) Notice(number string) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a, err := b.account(number)
	if err != nil || a.told == len(a.entries) {
		return nil, err
	}
	var entries []rail.Entry
	for at := a.told; at < len(a.entries); at++ {
		entries = append(entries, a.entries[at])
		if a.again[at] {
			entries = append(entries, a.entries[at])
		}
	}
	id := b.id("N")
	s := &rail.Statement{Kind: rail.Camt054, ID: id, Created: b.options.Now(),
		Accounts: []rail.AccountEntries{{ID: id, Account: a.is, Owner: a.owner, Bank: rail.Agent{BIC: b.options.BIC}, Entries: entries}}}
	data, err := s.Encode()
	if err == nil {
		a.told = len(a.entries)
	}
	return data, err
}

// Statement gives the camt.053 of an account for a day, with the balances
// before and after. Codes: not-found, invalid.
func (b *Bank) Statement(number string, day rail.Date) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a, err := b.account(number)
	if err != nil {
		return nil, err
	}
	from, err := time.Parse(time.DateOnly, string(day))
	if err != nil {
		return nil, fault.Newf(fault.Invalid, "write a day like 2026-11-30", "%q is no day", day)
	}
	opening := rail.Money{Currency: a.is.Currency}
	closing := opening
	var entries []rail.Entry
	for _, e := range a.entries {
		if e.Booked < day {
			opening.Minor += signed(e.Amount.Minor, e.Credit)
		}
		if e.Booked <= day {
			closing.Minor += signed(e.Amount.Minor, e.Credit)
		}
		if e.Booked == day {
			entries = append(entries, e)
		}
	}
	s := &rail.Statement{Kind: rail.Camt053, ID: b.id("S"), Created: b.options.Now(), Accounts: []rail.AccountEntries{{
		ID: fmt.Sprintf("%d-%s", a.opened, strings.ReplaceAll(string(day), "-", "")), From: from, To: from.AddDate(0, 0, 1).Add(-time.Second),
		Account: a.is, Owner: a.owner, Bank: rail.Agent{BIC: b.options.BIC}, Entries: entries,
		Balances: []rail.Balance{{Type: "OPBD", Amount: opening, Date: day}, {Type: "CLBD", Amount: closing, Date: day}},
	}}}
	return s.Encode()
}

// Balance gives what stands on an account. Code: not-found.
func (b *Bank) Balance(number string) (rail.Money, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a, err := b.account(number)
	if err != nil {
		return rail.Money{}, err
	}
	return rail.Money{Currency: a.is.Currency, Minor: a.balance}, nil
}

// Outside gives what the world beyond the bank has of a currency: below zero
// what has come from there.
func (b *Bank) Outside(c money.Currency) rail.Money {
	b.mu.Lock()
	defer b.mu.Unlock()
	return rail.Money{Currency: c, Minor: b.outside[c]}
}

// Audit counts everything anew: the balance of an account is the sum of its
// entries and never below zero, and those of a currency with the outside come
// to zero. Code: corrupt.
func (b *Bank) Audit() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	sums := maps.Clone(b.outside)
	for _, number := range b.numbers {
		a := b.accounts[number]
		var is int64
		for _, e := range a.entries {
			is += signed(e.Amount.Minor, e.Credit)
		}
		if is != a.balance || is < 0 {
			return fault.Newf(fault.Corrupt, "report it", "%s has the balance %d and entries of %d", number, a.balance, is)
		}
		sums[a.is.Currency] += is
	}
	for _, c := range slices.Sorted(maps.Keys(sums)) {
		if sums[c] != 0 {
			return fault.Newf(fault.Corrupt, "report it", "the balances in %s come to %d minor units", c, sums[c])
		}
	}
	return nil
}

func (b *Bank) account(number string) (*account, error) {
	if a := b.accounts[number]; a != nil {
		return a, nil
	}
	return nil, fault.Newf(fault.NotFound, "open it first", "the bank has no account %s", number)
}

func (b *Bank) today() rail.Date { return rail.DateOf(b.options.Now()) }

// id counts one kind of id: B bookings, R reports, N notices, S statements.
func (b *Bank) id(kind string) string {
	b.counter[kind]++
	return fmt.Sprintf("%s-%s%s%06d", b.options.BIC[:8], b.options.Session, kind, b.counter[kind])
}

// entry makes a booking of one payment.
func (b *Bank) entry(m rail.Money, credit bool, ref string, d rail.Detail) rail.Entry {
	family := rail.EntryCode{Domain: "PMNT", Family: "ICDT", SubFamily: "OTHR"}
	if credit {
		family.Family = "RCDT"
	}
	d.Amount, d.Credit = m, credit
	return rail.Entry{Amount: m, Credit: credit, Status: "BOOK", Booked: b.today(), Value: b.today(), BankReference: ref, Code: family,
		Batches: []rail.Batch{{Payments: []rail.Detail{d}}}}
}

func (a *account) book(e rail.Entry) {
	a.balance += signed(e.Amount.Minor, e.Credit)
	a.entries = append(a.entries, e)
}

func signed(minor int64, credit bool) int64 {
	if credit {
		return minor
	}
	return -minor
}

func (b *Bank) report(file string) *rail.Report {
	return &rail.Report{ID: b.id("R"), Created: b.options.Now(), Original: file, OriginalKind: string(rail.Pain001)}
}

func (b *Bank) status(o *order, s rail.Status) rail.PaymentStatus {
	return rail.PaymentStatus{InstructionID: o.is.InstructionID, EndToEndID: o.is.EndToEndID, Status: s, Accepted: b.options.Now()}
}

func (b *Bank) rejected(o *order, reason, why string) rail.PaymentStatus {
	s := b.status(o, rail.Rejected)
	s.Accepted, s.Reasons = time.Time{}, []rail.Reason{{Code: reason, Info: []string{why}}}
	return s
}

// together gives the status of a file from those of its payments.
func together(all []rail.PaymentStatus) rail.Status {
	count := map[rail.Status]int{}
	for _, p := range all {
		count[p.Status]++
	}
	switch {
	case count[rail.Rejected] == len(all):
		return rail.Rejected
	case count[rail.Rejected] > 0:
		return rail.Partly
	case count[rail.Accepted] > 0:
		return rail.Accepted
	}
	return rail.Settled
}
