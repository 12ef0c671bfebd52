package bank

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/rail"
	"github.com/lateral-network/lateral/trade/money"
)

const (
	alphaIBAN = "DE89370400440532013000"
	bravoIBAN = "GB82WEST12345698765432"
)

// clock is a time that a test moves.
type clock struct{ now time.Time }

func (c *clock) read() time.Time { return c.now }

func eur(minor int64) rail.Money { return rail.Money{Currency: "EUR", Minor: minor} }

// world is a bank with ALPHA's and BRAVO's accounts in euros, and one of BRAVO's
// in yen. ALPHA has 1,000.00.
func world(t *testing.T, misbehave func(rail.Payment) Act) (*Bank, *clock) {
	t.Helper()
	c := &clock{time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)}
	b, err := New(Options{BIC: "SANDDEFF", Name: "Sandbox Bank", Now: c.read, Misbehave: misbehave})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		b.Open(rail.Account{IBAN: alphaIBAN, Currency: "EUR"}, rail.Party{Name: "Alpha Telecom"}),
		b.Open(rail.Account{IBAN: bravoIBAN, Currency: "EUR"}, rail.Party{Name: "Bravo Networks"}),
		b.Open(rail.Account{Other: "JPY-1", Currency: "JPY"}, rail.Party{Name: "Bravo Networks"}),
		b.Deposit(alphaIBAN, eur(100_000)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if err := b.Audit(); err != nil {
			t.Error(err)
		}
	})
	return b, c
}

func pay(id string, m rail.Money, to rail.Account) rail.Payment {
	return rail.Payment{EndToEndID: id, Amount: m, Creditor: rail.Party{Name: "Bravo Networks"}, Account: to,
		Remittance: rail.Remittance{Structured: []rail.Reference{{Documents: []rail.Document{{Type: "CINV", Number: "INV-1"}}}}}}
}

func order1(t *testing.T, id string, day rail.Date, batch bool, payments ...rail.Payment) []byte {
	t.Helper()
	data, err := (&rail.Initiation{ID: id, Created: time.Date(2026, 12, 1, 8, 0, 0, 0, time.UTC), Initiator: rail.Party{Name: "Alpha Telecom"},
		Groups: []rail.Group{{ID: id + "-1", Batch: batch, Execute: day, Debtor: rail.Party{Name: "Alpha Telecom"}, Account: rail.Account{IBAN: alphaIBAN}, Payments: payments}}}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func read(t *testing.T, data []byte, err error) *rail.File {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	f, err := rail.ReadBytes(data)
	if err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	return f
}

func submit(t *testing.T, b *Bank, file []byte) *rail.Report {
	t.Helper()
	data, err := b.Submit(file)
	return read(t, data, err).Report
}

func stands(t *testing.T, b *Bank, number string, minor int64) {
	t.Helper()
	if m, err := b.Balance(number); err != nil || m.Minor != minor {
		t.Errorf("%s has %s, %v; want %d", number, m, err, minor)
	}
}

// told gives the outcomes of a notice against an open item of 360.022194.
func told(t *testing.T, b *Bank) (names []string) {
	t.Helper()
	data, err := b.Notice(bravoIBAN)
	m, merr := rail.NewMatcher([]rail.Item{{ID: "ob-1", References: []string{"INV-1"}, Owed: money.Amount{Currency: "EUR", Micro: 360_022194}, Payer: rail.Account{IBAN: alphaIBAN}}}, rail.History{})
	if merr != nil {
		t.Fatal(merr)
	}
	all, merr := m.Match(read(t, data, err))
	if merr != nil {
		t.Fatal(merr)
	}
	for _, f := range all {
		names = append(names, f.Outcome.Name())
	}
	return names
}

func TestAPaymentIsBookedReportedAndFoundByThePayee(t *testing.T) {
	b, _ := world(t, nil)
	r := submit(t, b, order1(t, "F-1", "2026-12-01", false, pay("E-1", eur(36002), rail.Account{IBAN: bravoIBAN})))
	if r.Status != rail.Settled || r.Original != "F-1" || len(r.Payments) != 1 || r.Payments[0].Status != rail.Settled || r.Payments[0].Reference == "" {
		t.Errorf("the report is %+v", r)
	}
	stands(t, b, alphaIBAN, 63998)
	stands(t, b, bravoIBAN, 36002)
	if out := b.Outside("EUR"); out.Minor != -100_000 {
		t.Errorf("outside is %s", out)
	}
	if names := told(t, b); len(names) != 1 || names[0] != "whole" {
		t.Errorf("the payee finds %v", names)
	}
	if data, err := b.Notice(bravoIBAN); data != nil || err != nil {
		t.Errorf("a second notice is %s, %v", data, err)
	}
	data, err := b.Statement(alphaIBAN, "2026-12-01")
	a := read(t, data, err).Statement.Accounts[0]
	if len(a.Entries) != 2 || a.Balances[0].Amount.Minor != 0 || a.Balances[1].Amount.Minor != 63998 || a.Entries[1].Batches[0].Payments[0].EndToEndID != "E-1" {
		t.Errorf("the payer's statement is %+v", a)
	}
}

func TestAReplayedPaymentFileMovesNothing(t *testing.T) {
	b, _ := world(t, nil)
	file := order1(t, "F-1", "2026-12-01", false, pay("E-1", eur(100), rail.Account{IBAN: bravoIBAN}))
	if r := submit(t, b, file); r.SecondCopy() {
		t.Errorf("the first is a copy: %+v", r)
	}
	for what, again := range map[string][]byte{
		"the same file": file, "another file of its id": order1(t, "F-1", "2026-12-01", false, pay("E-2", eur(200), rail.Account{IBAN: bravoIBAN})),
	} {
		data, err := b.Submit(again)
		if fault.CodeOf(err) != CodeReplayed {
			t.Errorf("%s: %v", what, err)
		}
		// The report must not be taken for one on the first file's payments.
		if r := read(t, data, nil).Report; !r.SecondCopy() || len(r.Payments) != 0 {
			t.Errorf("%s: the report is %+v", what, r)
		}
	}
	r := submit(t, b, order1(t, "F-2", "2026-12-01", false, pay("E-1", eur(100), rail.Account{IBAN: bravoIBAN})))
	if r.Status != rail.Rejected || r.Payments[0].Reasons[0].Code != SamePayment {
		t.Errorf("the payment in another file is %+v", r)
	}
	stands(t, b, bravoIBAN, 100)
}

func TestWhatCannotBePaidIsRejectedWithItsReason(t *testing.T) {
	b, _ := world(t, nil)
	to := rail.Account{IBAN: bravoIBAN}
	for reason, p := range map[string]rail.Payment{
		NoFunds:         pay("E-1", eur(100_001), to),
		UnknownCreditor: pay("E-2", eur(1), rail.Account{IBAN: "CH9300762011623852957"}),
		OtherCurrency:   pay("E-3", rail.Money{Currency: "JPY", Minor: 1}, rail.Account{Other: "JPY-1"}),
	} {
		r := submit(t, b, order1(t, "F-"+reason, "2026-12-01", false, p, pay("G-"+reason, eur(1), to)))
		if r.Status != rail.Partly || r.Payments[0].Status != rail.Rejected || r.Payments[0].Reasons[0].Code != reason || r.Payments[1].Status != rail.Settled {
			t.Errorf("%s: the report is %+v", reason, r)
		}
	}
	stands(t, b, bravoIBAN, 3)
	// Once there is money, the same payment may be ordered again.
	if err := b.Deposit(alphaIBAN, eur(10)); err != nil {
		t.Fatal(err)
	}
	if r := submit(t, b, order1(t, "F-9", "2026-12-01", false, pay("E-1", eur(100_001), to))); r.Status != rail.Settled {
		t.Errorf("ordered again it is %+v", r)
	}
	other, err := (&rail.Initiation{ID: "F-10", Created: time.Now(), Initiator: rail.Party{Name: "Nobody"},
		Groups: []rail.Group{{ID: "1", Execute: "2026-12-01", Debtor: rail.Party{Name: "Nobody"}, Account: rail.Account{Other: "77"}, Payments: []rail.Payment{pay("E-1", eur(1), to)}}}}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	if r := submit(t, b, other); r.Payments[0].Reasons[0].Code != UnknownDebtor {
		t.Errorf("an unknown payer is %+v", r)
	}
	for what, file := range map[string][]byte{"nothing": nil, "half a file": other[:200]} {
		if data, err := b.Submit(file); data != nil || fault.CodeOf(err) != rail.CodeSyntax {
			t.Errorf("%s: %s, %v", what, data, err)
		}
	}
	statement, err := b.Statement(alphaIBAN, "2026-12-01")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Submit(statement); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a statement: %v", err)
	}
}

func TestAPaymentToAnotherBankGoesOutside(t *testing.T) {
	b, _ := world(t, nil)
	p := pay("E-1", eur(500), rail.Account{IBAN: "CH9300762011623852957"})
	p.Bank.BIC = "OTHRCHZZ"
	if r := submit(t, b, order1(t, "F-1", "2026-12-01", false, p)); r.Status != rail.Settled {
		t.Errorf("the report is %+v", r)
	}
	if out := b.Outside("EUR"); out.Minor != -99_500 {
		t.Errorf("outside is %s", out)
	}
	if err := b.Receive(bravoIBAN, rail.Detail{EndToEndID: "X", Amount: eur(7)}); err != nil {
		t.Fatal(err)
	}
	stands(t, b, bravoIBAN, 7)
}

func TestAPaymentWaitsForItsDay(t *testing.T) {
	b, c := world(t, nil)
	r := submit(t, b, order1(t, "F-1", "2026-12-03", false, pay("E-1", eur(100), rail.Account{IBAN: bravoIBAN}), pay("E-2", eur(100_000), rail.Account{IBAN: bravoIBAN})))
	if r.Status != rail.Accepted || r.Payments[0].Status.Outcome() != rail.OutcomeAccepted {
		t.Errorf("the report is %+v", r)
	}
	stands(t, b, bravoIBAN, 0)
	if all, err := b.Settle(); err != nil || len(all) != 0 {
		t.Errorf("before its day %d reports, %v", len(all), err)
	}
	c.now = c.now.AddDate(0, 0, 2)
	all, err := b.Settle()
	if err != nil || len(all) != 1 {
		t.Fatalf("%d reports, %v", len(all), err)
	}
	r = read(t, all[0], nil).Report
	if r.Original != "F-1" || r.Payments[0].Status != rail.Settled || r.Payments[1].Status != rail.Rejected || r.Payments[1].Reasons[0].Code != NoFunds {
		t.Errorf("on its day the report is %+v", r)
	}
	stands(t, b, bravoIBAN, 100)
	data, err := b.Statement(bravoIBAN, "2026-12-02")
	if a := read(t, data, err).Statement.Accounts[0]; len(a.Entries) != 0 || a.Balances[1].Amount.Minor != 0 {
		t.Errorf("the statement of the day before is %+v", a)
	}
}

func TestABankMisbehavesAsItIsTold(t *testing.T) {
	file := func(t *testing.T) []byte {
		return order1(t, "F-1", "2026-12-01", false, pay("E-1", eur(36002), rail.Account{IBAN: bravoIBAN}))
	}
	for _, c := range []struct {
		act   Act
		paid  int64
		finds []string
	}{
		{Act{}, 36002, []string{"whole"}},
		{Act{Kind: Other, Amount: eur(30000)}, 30000, []string{"part"}},
		{Act{Kind: Other, Amount: eur(40000)}, 40000, []string{"over"}},
		{Act{Kind: Twice}, 72004, []string{"whole", "over"}},
		{Act{Kind: ToldTwice}, 36002, []string{"whole", "duplicate"}},
		{Act{Kind: Unnamed}, 36002, []string{"unknown-reference"}},
	} {
		t.Run(fmt.Sprint(c.act.Kind, c.act.Amount.Minor), func(t *testing.T) {
			b, _ := world(t, func(rail.Payment) Act { return c.act })
			submit(t, b, file(t))
			stands(t, b, bravoIBAN, c.paid)
			if names := told(t, b); fmt.Sprint(names) != fmt.Sprint(c.finds) {
				t.Errorf("the payee finds %v, want %v", names, c.finds)
			}
		})
	}
	b, _ := world(t, func(rail.Payment) Act { return Act{Kind: Reject, Reason: "RR04"} })
	if r := submit(t, b, file(t)); r.Status != rail.Rejected || r.Payments[0].Reasons[0].Code != "RR04" {
		t.Errorf("rejected it is %+v", r)
	}
	b, c := world(t, func(rail.Payment) Act { return Act{Kind: Late, Days: 3} })
	if r := submit(t, b, file(t)); r.Status != rail.Accepted {
		t.Errorf("late it is %+v", r)
	}
	for day, want := range []int{0, 0, 0, 1} {
		if all, err := b.Settle(); err != nil || len(all) != want {
			t.Errorf("day %d: %d reports, %v", day, len(all), err)
		}
		c.now = c.now.AddDate(0, 0, 1)
	}
	stands(t, b, bravoIBAN, 36002)
}

func TestABatchIsOneEntryOnThePayersAccount(t *testing.T) {
	b, _ := world(t, nil)
	to := rail.Account{IBAN: bravoIBAN}
	submit(t, b, order1(t, "F-1", "2026-12-01", true, pay("E-1", eur(100), to), pay("E-2", eur(100_000), to), pay("E-3", eur(200), to)))
	data, err := b.Statement(alphaIBAN, "2026-12-01")
	a := read(t, data, err).Statement.Accounts[0]
	if len(a.Entries) != 2 || a.Entries[1].Amount != eur(300) || a.Entries[1].Batches[0].Count != 2 || a.Entries[1].Batches[0].MessageID != "F-1" {
		t.Errorf("the payer's statement is %+v", a)
	}
	data, err = b.Statement(bravoIBAN, "2026-12-01")
	if a := read(t, data, err).Statement.Accounts[0]; len(a.Entries) != 2 {
		t.Errorf("the payee's statement is %+v", a)
	}
}

func TestAReversalGivesBackWhatWasMoved(t *testing.T) {
	b, _ := world(t, nil)
	r := submit(t, b, order1(t, "F-1", "2026-12-01", false, pay("E-1", eur(36002), rail.Account{IBAN: bravoIBAN})))
	ref := r.Payments[0].Reference
	if err := b.Reverse(ref); err != nil {
		t.Fatal(err)
	}
	stands(t, b, alphaIBAN, 100_000)
	stands(t, b, bravoIBAN, 0)
	if names := told(t, b); fmt.Sprint(names) != "[whole reversal]" {
		t.Errorf("the payee finds %v", names)
	}
	for _, again := range []string{ref, "nope"} {
		if err := b.Reverse(again); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("%s: %v", again, err)
		}
	}
	r = submit(t, b, order1(t, "F-2", "2026-12-01", false, pay("E-2", eur(10), rail.Account{IBAN: bravoIBAN})))
	if err := b.Deposit(bravoIBAN, eur(-10)); err != nil {
		t.Fatal(err)
	}
	if err := b.Reverse(r.Payments[0].Reference); fault.CodeOf(err) != fault.Refused {
		t.Errorf("money that is gone comes back: %v", err)
	}
}

func TestABankRefusesWhatItCannotKeep(t *testing.T) {
	b, c := world(t, nil)
	for what, err := range map[string]error{
		string(fault.Conflict):        b.Open(rail.Account{IBAN: alphaIBAN, Currency: "EUR"}, rail.Party{Name: "A"}),
		string(rail.CodeAccount):      b.Open(rail.Account{IBAN: "DE00", Currency: "EUR"}, rail.Party{Name: "A"}),
		string(money.CodeNoMinorUnit): b.Open(rail.Account{Other: "1", Currency: "XDR"}, rail.Party{Name: "A"}),
		string(fault.Refused):         b.Deposit(alphaIBAN, eur(-100_001)),
		string(fault.NotFound):        b.Deposit("nope", eur(1)),
		string(fault.Invalid):         b.Deposit(alphaIBAN, rail.Money{Currency: "USD", Minor: 1}),
	} {
		if string(fault.CodeOf(err)) != what {
			t.Errorf("%v, want %s", err, what)
		}
	}
	for _, minor := range []int64{math.MaxInt64, math.MinInt64, 999_999_999_999_900_000} {
		if err := b.Deposit(alphaIBAN, eur(minor)); fault.CodeOf(err) != fault.Refused {
			t.Errorf("%d: %v", minor, err)
		}
	}
	if err := b.Deposit(alphaIBAN, eur(999_999_999_999_899_999)); err != nil {
		t.Errorf("18 digits: %v", err)
	}
	for _, o := range []Options{{BIC: "nope", Now: c.read}, {BIC: "SANDDEFF"}} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v is a bank", o)
		}
	}
}

// Whatever is ordered and however the bank misbehaves, balances come to zero
// with the outside, and the same calls give the same bytes.
func TestBalancesComeToZeroAndTheSameCallsGiveTheSameBytes(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	run := func() (all []byte) {
		random := rand.New(rand.NewPCG(seed, 4))
		acts := []Act{{}, {}, {Kind: Late, Days: 2}, {Kind: Reject, Reason: "NARR"}, {Kind: Other, Amount: eur(3)}, {Kind: Twice}, {Kind: ToldTwice}, {Kind: Unnamed}}
		b, c := world(t, func(rail.Payment) Act { return acts[random.IntN(len(acts))] })
		var refs []string
		keep := func(data []byte, err error) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, data...)
			if data == nil {
				return
			}
			if r := read(t, data, nil).Report; r != nil {
				for _, p := range r.Payments {
					if p.Reference != "" {
						refs = append(refs, p.Reference)
					}
				}
			}
		}
		for n := range 60 {
			var payments []rail.Payment
			for i := range 1 + random.IntN(4) {
				p := pay(fmt.Sprintf("E-%d-%d", n, i), eur(1+random.Int64N(9_000)), rail.Account{IBAN: bravoIBAN})
				if random.IntN(4) == 0 {
					p.Bank.BIC = "OTHRCHZZ"
				}
				payments = append(payments, p)
			}
			keep(b.Submit(order1(t, fmt.Sprint("F-", n), rail.DateOf(c.now.AddDate(0, 0, random.IntN(3)-1)), random.IntN(2) == 0, payments...)))
			if len(refs) > 0 && random.IntN(3) == 0 {
				if err := b.Reverse(refs[random.IntN(len(refs))]); err != nil && fault.CodeOf(err) != fault.NotFound && fault.CodeOf(err) != fault.Refused {
					t.Fatal(err)
				}
			}
			if err := b.Deposit(alphaIBAN, eur(1+random.Int64N(9_000))); err != nil {
				t.Fatal(err)
			}
			c.now = c.now.Add(time.Duration(random.IntN(30)) * time.Hour)
			reports, err := b.Settle()
			for _, data := range reports {
				keep(data, err)
			}
			for _, number := range []string{alphaIBAN, bravoIBAN} {
				keep(b.Notice(number))
				keep(b.Statement(number, rail.DateOf(c.now)))
			}
			if err := b.Audit(); err != nil {
				t.Fatal(err)
			}
		}
		return all
	}
	if one, two := run(), run(); !bytes.Equal(one, two) {
		t.Error("the same calls give other bytes")
	}
}
