package wire

import (
	"github.com/lateral-network/lateral/rail"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
)

// Person is what somebody did, and when.
type Person struct {
	By   string `json:"by" doc:"Name of the token."`
	Time Time   `json:"time"`
}

// String gives who and when, for a table.
func (p Person) String() string {
	at, _ := p.Time.MarshalText() // it cannot fail
	return p.By + ", " + string(at)
}

// OwnAccount is an account of this carrier, from its node's configuration.
type OwnAccount struct {
	Account  string         `json:"account" doc:"IBAN, or another number."`
	BIC      string         `json:"bic,omitempty"`
	Currency money.Currency `json:"currency,omitempty" doc:"Absent: several."`
}

// Payee is where a partner is paid.
type Payee struct {
	Partner  party.Code     `json:"partner"`
	Currency money.Currency `json:"currency,omitempty" doc:"Absent: all that have no account of their own."`
	InForce  *PayeeAccount  `json:"in_force,omitempty" doc:"Absent: nothing can be paid to it by a run."`
	Proposed *PayeeAccount  `json:"proposed,omitempty" doc:"Waits for another person than the one who proposed it."`
}

// PayeeAccount is an account of a partner, and who stands for it.
type PayeeAccount struct {
	Name     string  `json:"name" doc:"Of the account's holder."`
	Account  string  `json:"account"`
	BIC      string  `json:"bic,omitempty"`
	Proposed Person  `json:"proposed"`
	Approved *Person `json:"approved,omitempty"`
}

// ProposePayee has a partner paid to another account.
type ProposePayee struct {
	Partner  party.Code     `json:"partner"`
	Currency money.Currency `json:"currency,omitempty" doc:"Of what is paid there; absent: all that have no account of their own."`
	Name     string         `json:"name" minLength:"1" maxLength:"70" doc:"Of the account's holder, as its bank writes it."`
	IBAN     string         `json:"iban,omitempty" maxLength:"34"`
	Other    string         `json:"other,omitempty" maxLength:"34" doc:"Number of an account without IBAN."`
	BIC      string         `json:"bic,omitempty" maxLength:"11" doc:"Of its bank."`
}

// AnswerPayee puts a proposed account in force, or drops it.
type AnswerPayee struct {
	Partner  party.Code     `json:"partner"`
	Currency money.Currency `json:"currency,omitempty"`
	Account  string         `json:"account,omitempty" maxLength:"34" doc:"The account that is approved, as compared with the partner's own paper. To drop it, none is needed."`
}

// DuePayment is an obligation that this carrier owes and may pay by a bank.
type DuePayment struct {
	Partner    party.Code   `json:"partner"`
	Obligation string       `json:"obligation"`
	State      string       `json:"state" doc:"owed or overdue."`
	Due        Time         `json:"due"`
	Owed       money.Amount `json:"owed" doc:"What is left to be paid of it."`
	Discount   money.Amount `json:"discount" doc:"What paying now takes off."`
	Pays       money.Amount `json:"pays" doc:"What a bank pays of it when it is paid alone: whole minor units of the currency."`
	Carried    money.Amount `json:"carried" doc:"The rest below a minor unit, which the ledger brings to the next obligation."`
	Method     string       `json:"method"`
	Reference  string       `json:"reference" doc:"Creditor reference (ISO 11649) by which the payee finds it."`
	Run        string       `json:"run,omitempty" doc:"The payment run that it is in."`
	Why        string       `json:"why,omitempty" doc:"Why a run that is made now does not take it. Absent: it does."`
}

// CarriedRest is what the next obligation to a partner takes up of those before.
type CarriedRest struct {
	Partner party.Code   `json:"partner"`
	Amount  money.Amount `json:"amount"`
}

// CreateRun makes a payment run of what is due.
type CreateRun struct {
	Account  string         `json:"account" maxLength:"34" doc:"Own account that pays: one of bank.accounts in the node's configuration."`
	Execute  rail.Date      `json:"execute,omitempty" maxLength:"10" doc:"Day on which the bank is to pay, like 2026-11-30; absent: today."`
	Until    Time           `json:"until,omitzero" doc:"Obligations due by then; absent: all."`
	Partners []party.Code   `json:"partners,omitempty" doc:"Absent: all."`
	Currency money.Currency `json:"currency,omitempty" doc:"Absent: all that the account pays in."`
}

// PaymentRun is payments that are made together: one file for a bank.
type PaymentRun struct {
	ID        string         `json:"id"`
	State     string         `json:"state" doc:"proposed, approved, ordered, by-hand or cancelled."`
	From      string         `json:"from" doc:"Own account."`
	Execute   rail.Date      `json:"execute"`
	Message   string         `json:"message" doc:"Id of the file; a bank takes it once."`
	Totals    []money.Amount `json:"totals" nullable:"false"`
	Payments  []BankPayment  `json:"payments" nullable:"false"`
	Created   Person         `json:"created"`
	Approved  *Person        `json:"approved,omitempty"`
	Exported  *Person        `json:"exported,omitempty"`
	Cancelled *Person        `json:"cancelled,omitempty"`
	SHA256    string         `json:"sha256,omitempty" doc:"Of the file."`
}

// BankPayment is one payment of a run.
type BankPayment struct {
	EndToEnd      string        `json:"end_to_end_id"`
	Partner       party.Code    `json:"partner"`
	Amount        money.Amount  `json:"amount"`
	Carried       money.Amount  `json:"carried" doc:"What is left of its obligations below a minor unit; the ledger brings it to the next one."`
	To            string        `json:"to,omitempty" doc:"The partner's account when the run was made."`
	Name          string        `json:"name,omitempty"`
	State         string        `json:"state" doc:"planned, ordered, booked, advised, rejected, returned, released or dropped."`
	Status        string        `json:"status,omitempty" doc:"The bank's last word, such as ACSP."`
	Reason        string        `json:"reason,omitempty"`
	BankReference string        `json:"bank_reference,omitempty"`
	Paid          Time          `json:"paid,omitzero" doc:"Day of the booking."`
	Lines         []PaymentLine `json:"lines" nullable:"false"`
}

// PaymentLine is what a payment pays of one obligation.
type PaymentLine struct {
	Obligation string       `json:"obligation"`
	Owed       money.Amount `json:"owed" doc:"What was left of it when the run was made."`
	Pays       money.Amount `json:"pays" doc:"As the bank is told. A debt may get a minor unit more than a bank would pay of it alone: they are summed before they are cut."`
	Reference  string       `json:"reference"`
	Problem    string       `json:"problem,omitempty" doc:"Why the payment is not advised yet."`
}

// BankIntake is what became of a bank's file.
type BankIntake struct {
	ID       string     `json:"id" doc:"Of the message."`
	Kind     string     `json:"kind"`
	Name     string     `json:"name,omitempty"`
	SHA256   string     `json:"sha256"`
	Imported Person     `json:"imported"`
	Repeated bool       `json:"repeated,omitempty" doc:"This file was taken in before; nothing has changed."`
	Lines    []BankTold `json:"lines" nullable:"false"`
	Passed   []string   `json:"passed,omitempty" doc:"Elements that were not looked into."`
}

// BankTold is one payment of a bank's file and what it came to.
type BankTold struct {
	Outcome   string       `json:"outcome"`
	Amount    money.Amount `json:"amount,omitzero"`
	Direction string       `json:"direction,omitempty" doc:"in or out."`
	EndToEnd  string       `json:"end_to_end_id,omitempty"`
	Did       string       `json:"did"`
	Exception string       `json:"exception,omitempty"`
}

// ReceivedMoney is money that came in for an obligation.
type ReceivedMoney struct {
	Partner    party.Code   `json:"partner"`
	Obligation string       `json:"obligation"`
	Amount     money.Amount `json:"amount"`
	State      string       `json:"state" doc:"waiting for the payer's advice, confirmed, or reversed by the bank."`
	Time       Time         `json:"time" doc:"When it was taken in."`
	Evidence   BankEvidence `json:"evidence"`
	Problem    string       `json:"problem,omitempty" doc:"Why the receipt is not given yet."`
}

// BankEvidence is the place of a payment in a bank's file and what the bank says
// of it.
type BankEvidence struct {
	Message       string    `json:"message" doc:"Id of the file's message."`
	Account       string    `json:"account,omitempty"`
	Entry         int       `json:"entry,omitempty" doc:"From 1, on the account's part. Absent: of a status report."`
	Payment       int       `json:"payment,omitempty" doc:"From 1, in the entry. Absent: the bank lists none."`
	Direction     string    `json:"direction,omitempty" doc:"in or out."`
	Booked        rail.Date `json:"booked,omitempty"`
	BankReference string    `json:"bank_reference,omitempty"`
	EndToEnd      string    `json:"end_to_end_id,omitempty"`
	Transaction   string    `json:"transaction_id,omitempty"`
	Payer         string    `json:"payer,omitempty" doc:"Its account, when the bank tells it."`
	References    []string  `json:"references,omitempty" doc:"All that the payment names."`
	By            string    `json:"by,omitempty" doc:"Which of them led to what it pays: structured, end-to-end-id or text."`
}

// PaymentTarget is an obligation on the Bilateral with a partner.
type PaymentTarget struct {
	Partner    party.Code `json:"partner" maxLength:"32"`
	Obligation string     `json:"obligation" maxLength:"140"`
}

// String gives both, for a table.
func (t PaymentTarget) String() string { return string(t.Partner) + ":" + t.Obligation }

// PaymentException is something that a bank has told and people must decide.
type PaymentException struct {
	ID       string           `json:"id"`
	State    string           `json:"state" doc:"open, decided or closed."`
	Kind     string           `json:"kind"`
	Detail   string           `json:"detail"`
	Reason   string           `json:"reason,omitempty" doc:"Of the bank."`
	Amount   money.Amount     `json:"amount,omitzero"`
	Can      []string         `json:"can" nullable:"false" doc:"What can be done: assign, return, release, ignore."`
	Named    []PaymentTarget  `json:"named,omitempty" doc:"What it names, or had paid."`
	Alike    []PaymentTarget  `json:"alike,omitempty" doc:"Open and of just this amount; for people, never taken."`
	Excess   money.Amount     `json:"excess,omitzero"`
	Run      string           `json:"run,omitempty"`
	EndToEnd string           `json:"end_to_end_id,omitempty" doc:"Payment of the run that it is about."`
	Evidence BankEvidence     `json:"evidence"`
	File     string           `json:"file" doc:"SHA-256 of the file that told it."`
	Raised   Time             `json:"raised"`
	Decision *PaymentDecision `json:"decision,omitempty"`
	Approved *Person          `json:"approved,omitempty"`
}

// PaymentDecision is what one person proposes and another approves.
type PaymentDecision struct {
	Action      string          `json:"action"`
	Obligations []PaymentTarget `json:"obligations,omitempty"`
	Why         string          `json:"why"`
	Proposed    Person          `json:"proposed"`
}

// String gives what and why, for a table.
func (d PaymentDecision) String() string { return d.Action + ": " + d.Why }

// ResolvePayment proposes what is to become of an exception.
type ResolvePayment struct {
	Action      string          `json:"action" enum:"assign,return,release,ignore"`
	Obligations []PaymentTarget `json:"obligations,omitempty" doc:"To assign: what the money is for."`
	Why         string          `json:"why" minLength:"1" maxLength:"500"`
}
