package rail

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
)

func owed(currency money.Currency, micro money.Micro) money.Amount {
	return money.Amount{Currency: currency, Micro: micro}
}

func matcher(t *testing.T, before History, open ...Item) *Matcher {
	t.Helper()
	m, err := NewMatcher(open, before)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// file writes a statement of entries and reads it back, as a bank's would come.
func file(t *testing.T, id string, entries ...Entry) *File {
	t.Helper()
	s := &Statement{Kind: Camt054, ID: id, Created: at("2026-12-01T08:15:00Z"), Accounts: []AccountEntries{{ID: id, Account: bravo, Entries: entries}}}
	data, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	f, err := ReadBytes(data)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// credit is an entry of one payment.
func credit(ref string, m Money, d Detail) Entry {
	d.Amount, d.Credit = m, true
	return Entry{Amount: m, Credit: true, Status: "BOOK", Booked: "2026-12-01", BankReference: ref, Batches: []Batch{{Payments: []Detail{d}}}}
}

func naming(refs ...string) Detail {
	var d Detail
	for _, r := range refs {
		d.Remittance.Structured = append(d.Remittance.Structured, Reference{Documents: []Document{{Type: "CINV", Number: r}}})
	}
	return d
}

func found(t *testing.T, m *Matcher, f *File) []Finding {
	t.Helper()
	all, err := m.Match(f)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// only gives the outcome of a file with one payment.
func only(t *testing.T, m *Matcher, f *File) Matched {
	t.Helper()
	all := found(t, m, f)
	if len(all) != 1 {
		t.Fatalf("%d findings: %+v", len(all), all)
	}
	return all[0].Outcome
}

func same(t *testing.T, what string, got, want Matched) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %s %+v, want %s %+v", what, got.Name(), got, want.Name(), want)
	}
}

func left(t *testing.T, m *Matcher, id string, want money.Micro) {
	t.Helper()
	for _, i := range m.Open() {
		if i.ID == id && i.Owed.Micro == want {
			return
		}
	}
	t.Errorf("open are %+v, want %s of %s", m.Open(), want, id)
}

var invoice = Item{ID: "ob-1", References: []string{"INV-1"}, Owed: owed("EUR", 360_022194), Payer: alpha}

func TestAPaymentByReferencePaysTheWholeAndCarriesWhatIsBelowACent(t *testing.T) {
	for by, d := range map[By]Detail{
		ByStructured: naming("INV-1"),
		ByEndToEnd:   {EndToEndID: "INV-1"},
		ByText:       {Remittance: Remittance{Texts: []string{"for invoice (INV-1), thank you"}}},
	} {
		m := matcher(t, History{}, invoice)
		d.DebtorAccount = alpha
		all := found(t, m, file(t, "N-1", credit("B-1", eur(36002), d)))
		same(t, string(by), all[0].Outcome, Whole{[]Allocation{{"ob-1", eur(36002), owed("EUR", 2194), true}}})
		if data, err := json.Marshal(all[0]); err != nil || !strings.Contains(string(data), `"outcome":"whole","says":{"paid":[{"item":"ob-1","paid":{"currency":"EUR","amount":"360.02"},"left":{"currency":"EUR","amount":"0.002194"},"carried":true}]}`) {
			t.Errorf("its JSON is %s, %v", data, err)
		}
		e := all[0].Evidence
		if e.By != by || e.File != "N-1" || e.Account != bravo.IBAN || e.Entry != 1 || e.Payment != 1 || e.BankReference != "B-1" || e.Payer != alpha.IBAN || e.Booked != "2026-12-01" {
			t.Errorf("the evidence is %+v", e)
		}
		left(t, m, "ob-1", 2194)
	}
	// The id itself, and the creditor reference that both ends compute of it.
	for _, name := range []string{"ob-1", CreditorReference("ob-1")} {
		m := matcher(t, History{}, invoice)
		d := Detail{Remittance: Remittance{Structured: []Reference{{Creditor: name}}}}
		same(t, name, only(t, m, file(t, "N-1", credit("B-1", eur(36002), d))), Whole{[]Allocation{{"ob-1", eur(36002), owed("EUR", 2194), true}}})
	}
}

func TestCamtWithADifferentAmount(t *testing.T) {
	m := matcher(t, History{}, invoice)
	same(t, "less", only(t, m, file(t, "N-1", credit("B-1", eur(30000), naming("INV-1")))), Part{[]Allocation{{"ob-1", eur(30000), owed("EUR", 60_022194), false}}})
	same(t, "more than is left", only(t, m, file(t, "N-2", credit("B-2", eur(7000), naming("INV-1")))),
		Over{[]Allocation{{"ob-1", eur(6002), owed("EUR", 2194), true}}, eur(998)})
	same(t, "again when nothing is open", only(t, m, file(t, "N-3", credit("B-3", eur(5), naming("INV-1")))), Over{nil, eur(5)})

	m = matcher(t, History{}, invoice)
	d := naming("INV-1")
	d.Remittance.Structured[0].Amount = eur(36002)
	same(t, "another than its reference says", only(t, m, file(t, "N-1", credit("B-1", eur(35000), d))),
		OtherAmount{"its references come to another amount than the payment", eur(36002)})
	left(t, m, "ob-1", 360_022194)
}

func TestCamtWithAnUnknownReference(t *testing.T) {
	other := Item{ID: "ob-2", References: []string{"INV-2"}, Owed: owed("EUR", 36002_0000), Payer: alpha}
	m := matcher(t, History{}, invoice, other)
	d := naming("INV-99")
	d.DebtorAccount = alpha
	same(t, "an unknown reference", only(t, m, file(t, "N-1", credit("B-1", eur(36002), d))), UnknownReference{Unknown: []string{"INV-99"}, Alike: []string{"ob-1", "ob-2"}})
	same(t, "no reference", only(t, m, file(t, "N-2", credit("B-2", eur(5), Detail{}))), UnknownReference{})
	same(t, "one known and one not", only(t, m, file(t, "N-3", credit("B-3", eur(5), naming("INV-1", "INV-99")))),
		UnknownReference{Unknown: []string{"INV-99"}, Known: []string{"ob-1"}})
	same(t, "a word that is only part of a reference", only(t, m, file(t, "N-4", credit("B-4", eur(36002), Detail{Remittance: Remittance{Texts: []string{"INV-11 INV"}}}))),
		UnknownReference{Alike: nil})
	left(t, m, "ob-1", 360_022194)
	left(t, m, "ob-2", 360_020000)
}

func TestCamtTwice(t *testing.T) {
	first := file(t, "N-1", credit("B-1", eur(10000), naming("INV-1")))
	m := matcher(t, History{}, invoice)
	place := found(t, m, first)[0].Evidence
	place.Payment, place.References, place.By = 0, nil, ""
	same(t, "the same file", only(t, m, first), Duplicate{First: Evidence{File: "N-1", Account: bravo.IBAN}})
	same(t, "the booking in another file", only(t, m, file(t, "S-1", credit("B-1", eur(10000), naming("INV-1")))), Duplicate{First: place})
	same(t, "the booking with another amount", only(t, m, file(t, "S-2", credit("B-1", eur(10001), naming("INV-1")))), Duplicate{First: place, Changed: true})
	twice := credit("B-2", eur(100), naming("INV-1"))
	if all := found(t, m, file(t, "S-3", twice, twice)); len(all) != 2 || all[0].Outcome.Name() != "part" || all[1].Outcome.Name() != "duplicate" {
		t.Errorf("a booking twice in a file is %+v", all)
	}
	left(t, m, "ob-1", 259_022194)

	// What is kept between two runs is enough to know them again.
	data, err := json.Marshal(m.History())
	var before History
	if err != nil || json.Unmarshal(data, &before) != nil || !reflect.DeepEqual(before, m.History()) {
		t.Fatalf("the history is %s, %v", data, err)
	}
	later := matcher(t, before, m.Open()...)
	same(t, "the same file to a later run", only(t, later, first), Duplicate{First: Evidence{File: "N-1", Account: bravo.IBAN}})
	same(t, "the booking to a later run", only(t, later, file(t, "S-4", credit("B-1", eur(10000), naming("INV-1")))), Duplicate{First: place})
	left(t, later, "ob-1", 259_022194)
}

// Without a reference of the bank nothing but what it says tells a booking.
func TestCamtTwiceWithoutAReferenceOfTheBank(t *testing.T) {
	m := matcher(t, History{}, invoice)
	e := credit("", eur(100), naming("INV-1"))
	if all := found(t, m, file(t, "N-1", e, e)); all[0].Outcome.Name() != "part" || all[1].Outcome.Name() != "part" {
		t.Errorf("two equal bookings of one file are %+v", all)
	}
	if o := only(t, m, file(t, "S-1", e)); o.Name() != "duplicate" {
		t.Errorf("told again by another file it is %+v", o)
	}
	same(t, "another file of the first's id", only(t, m, file(t, "N-1", credit("", eur(101), naming("INV-1")))),
		Duplicate{First: Evidence{File: "N-1", Account: bravo.IBAN}, Changed: true})
	left(t, m, "ob-1", 358_022194)
}

// A notification tells each payment, and the day's statement one entry for all.
func TestAPaymentThatIsToldAloneAndInABatchPaysOnce(t *testing.T) {
	two := Item{ID: "ob-2", References: []string{"INV-2"}, Owed: owed("EUR", 50_000000)}
	a, b := naming("INV-1"), naming("INV-2")
	a.EndToEndID, b.EndToEndID = "E-1", "E-2"
	batch := func(ref string, refs ...string) Entry {
		e := Entry{Amount: eur(41002), Credit: true, Status: "BOOK", BankReference: ref, Batches: []Batch{{Payments: []Detail{a, b}}}}
		for i, m := range []Money{eur(36002), eur(5000)} {
			d := &e.Batches[0].Payments[i]
			d.Amount, d.Credit, d.BankReference = m, true, refs[i]
		}
		return e
	}
	names := func(all []Finding) (list []string) {
		for _, f := range all {
			list = append(list, f.Outcome.Name())
		}
		return list
	}
	m := matcher(t, History{}, invoice, two)
	found(t, m, file(t, "N-1", credit("P-1", eur(36002), a)))
	if got := fmt.Sprint(names(found(t, m, file(t, "S-1", batch("B-1", "P-1", "P-2"))))); got != "[duplicate whole]" {
		t.Errorf("by the references of the payments the batch is %s", got)
	}
	if o := only(t, m, file(t, "N-2", credit("P-2", eur(5000), b))); o.Name() != "duplicate" {
		t.Errorf("told alone after the batch it is %+v", o)
	}
	m = matcher(t, History{}, invoice, two)
	one := credit("", eur(36002), a)
	one.Batches[0].Payments[0].BankReference = "P-1"
	found(t, m, file(t, "N-1", one))
	if o := only(t, m, file(t, "S-1", credit("P-1", eur(36002), a))); o.Name() != "duplicate" {
		t.Errorf("with the reference at the entry instead it is %+v", o)
	}
	m = matcher(t, History{}, invoice, two)
	found(t, m, file(t, "N-1", credit("", eur(36002), a), credit("", eur(5000), b)))
	if got := fmt.Sprint(names(found(t, m, file(t, "S-1", batch("", "", ""))))); got != "[duplicate duplicate]" {
		t.Errorf("by their end-to-end ids the batch is %s", got)
	}
	left(t, m, "ob-1", 2194)
	left(t, m, "ob-2", 0)
}

func TestOnePaymentOverSeveralObligations(t *testing.T) {
	open := []Item{invoice, {ID: "ob-2", References: []string{"INV-2"}, Owed: owed("EUR", 50_000000)}, {ID: "cn-3", References: []string{"CN-3"}, Owed: owed("EUR", -10_000000)}}
	one := Allocation{"ob-1", eur(36002), owed("EUR", 2194), true}
	two := Allocation{"ob-2", eur(5000), owed("EUR", 0), false}
	note := Allocation{"cn-3", eur(-1000), owed("EUR", 0), false}
	split := func(a, b int64) Detail {
		d := naming("INV-1", "INV-2")
		d.Remittance.Structured[0].Amount, d.Remittance.Structured[1].Amount = eur(a), eur(b)
		return d
	}
	noted := naming("INV-1", "INV-2", "CN-3")
	for i, to := range []*Money{&noted.Remittance.Structured[0].Amount, &noted.Remittance.Structured[1].Amount, &noted.Remittance.Structured[2].Credited} {
		*to = []Money{eur(36002), eur(5000), eur(1000)}[i]
	}
	together := Detail{Remittance: Remittance{Structured: []Reference{{Documents: []Document{{Number: "INV-1"}, {Number: "INV-2"}}, Amount: eur(41002)}}}}
	half := split(36002, 5000)
	half.Remittance.Structured[1].Amount = Money{}
	for _, c := range []struct {
		what string
		paid int64
		d    Detail
		want Matched
	}{
		{"their sum", 41002, naming("INV-1", "INV-2"), Whole{[]Allocation{one, two}}},
		{"a split that is said", 41002, split(36002, 5000), Whole{[]Allocation{one, two}}},
		{"a split that leaves some open", 38002, split(36002, 2000), Part{[]Allocation{one, {"ob-2", eur(2000), owed("EUR", 30_000000), false}}}},
		{"a split that gives one too much", 41002, split(30002, 11000), Over{[]Allocation{{"ob-1", eur(30002), owed("EUR", 60_002194), false}, two}, eur(6000)}},
		{"less a credit note", 40002, noted, Whole{[]Allocation{one, two, note}}},
		{"less a credit note, by their sum", 40002, naming("INV-1", "INV-2", "CN-3"), Whole{[]Allocation{one, two, note}}},
		{"two documents of one reference", 41002, together, Whole{[]Allocation{one, two}}},
		{"not their sum", 41000, naming("INV-1", "INV-2"), OtherAmount{"it is for several items and is not their sum, and says not how much goes to each", eur(41002)}},
		{"a split that is said in part", 41002, half, OtherAmount{Why: "some of its references say how much goes there and others do not"}},
		{"a credit note in part", 35502, func() Detail {
			d := naming("INV-1", "CN-3")
			d.Remittance.Structured[0].Amount, d.Remittance.Structured[1].Credited = eur(36002), eur(500)
			return d
		}(), OtherAmount{"a credit note counts as a whole or not at all", eur(-1000)}},
		{"one item named twice", 36002, naming("INV-1", "ob-1"), Whole{[]Allocation{one}}},
	} {
		same(t, c.what, only(t, matcher(t, History{}, open...), file(t, "N-1", credit("B-1", eur(c.paid), c.d))), c.want)
	}
}

func TestAPaymentInAnotherCurrencyPaysNothing(t *testing.T) {
	m := matcher(t, History{}, Item{ID: "ob-1", References: []string{"INV-1"}, Owed: owed("USD", 360_000000)})
	same(t, "euros for dollars", only(t, m, file(t, "N-1", credit("B-1", eur(36000), naming("INV-1")))), OtherCurrency{"ob-1", "USD"})
	left(t, m, "ob-1", 360_000000)
}

func TestAPaymentFromAnotherAccountWaitsForAPerson(t *testing.T) {
	m := matcher(t, History{}, invoice)
	d := naming("INV-1")
	d.DebtorAccount = Account{IBAN: "CH9300762011623852957"}
	same(t, "another payer", only(t, m, file(t, "N-1", credit("B-1", eur(36002), d))), OtherPayer{"ob-1", alpha.IBAN})
	left(t, m, "ob-1", 360_022194)
}

func TestAReversalOpensWhatWasPaid(t *testing.T) {
	m := matcher(t, History{}, invoice)
	d := naming("INV-1")
	d.EndToEndID = "E-1"
	first := found(t, m, file(t, "N-1", credit("B-1", eur(36002), d)))[0].Evidence
	back := Entry{Amount: eur(36002), Reversal: true, Status: "BOOK", BankReference: "B-2", Batches: []Batch{{Payments: []Detail{{EndToEndID: "E-1", Amount: eur(36002), Return: "AC04"}}}}}
	later := matcher(t, m.History(), m.Open()...)
	reversed := Reversal{&first, []Allocation{{"ob-1", eur(36002), owed("EUR", 360_022194), false}}, "AC04"}
	same(t, "the reversal", only(t, later, file(t, "N-2", back)), reversed)
	left(t, later, "ob-1", 360_022194)
	same(t, "the reversal twice", only(t, later, file(t, "N-2", back)), Duplicate{First: Evidence{File: "N-2", Account: bravo.IBAN}})
	back.BankReference = "B-3"
	same(t, "a second reversal of one payment", only(t, later, file(t, "N-3", back)), Reversal{Reason: "AC04"})
	if m.History().Payments[0].Back {
		t.Error("a later run has changed the history of the one before")
	}

	// Of an item that is closed and no longer listed, under the bank's first reference.
	back.BankReference, back.Batches = "B-1", nil
	gone := matcher(t, m.History())
	same(t, "by the bank's own reference", only(t, gone, file(t, "N-4", back)), Reversal{&first, []Allocation{{"ob-1", eur(36002), owed("EUR", 360_022194), false}}, ""})
	back.Amount = eur(1)
	same(t, "of another amount", only(t, matcher(t, m.History()), file(t, "N-4", back)), Reversal{})
}

func TestWhatIsToldAheadPaysNothing(t *testing.T) {
	m := matcher(t, History{}, invoice)
	e := credit("B-1", eur(36002), naming("INV-1"))
	e.Status = "PDNG"
	same(t, "a pending entry", only(t, m, file(t, "N-1", e)), NotBooked{"PDNG"})
	e.Status = "BOOK"
	if o := only(t, m, file(t, "N-2", e)); o.Name() != "whole" {
		t.Errorf("booked it is %+v", o)
	}
}

// A payer finds its own payments among the debits, by what it has sent itself.
func TestADebitPaysWhatTheOwnerOwes(t *testing.T) {
	m := matcher(t, History{}, invoice, Item{ID: "ob-1", Owed: owed("EUR", 5_000000), Owing: true})
	e := credit("B-1", eur(500), Detail{})
	e.Credit, e.Batches[0].Payments[0].Credit, e.Batches[0].Payments[0].EndToEndID = false, false, CreditorReference("ob-1")
	same(t, "a debit", only(t, m, file(t, "N-1", e)), Whole{[]Allocation{{"ob-1", eur(500), owed("EUR", 0), false}}})
	left(t, m, "ob-1", 360_022194)
}

func TestABatchIsMatchedPaymentByPayment(t *testing.T) {
	m := matcher(t, History{}, invoice, Item{ID: "ob-2", Owed: owed("EUR", 50_000000)})
	a, b := naming("INV-1"), naming("ob-2")
	a.Amount, a.Credit, b.Amount, b.Credit = eur(36002), true, eur(5000), true
	e := Entry{Amount: eur(41002), Credit: true, Status: "BOOK", BankReference: "B-1", Batches: []Batch{{Count: 2, Total: eur(41002), Payments: []Detail{a, b}}}}
	all := found(t, m, file(t, "N-1", e))
	if len(all) != 2 || all[0].Outcome.Name() != "whole" || all[1].Outcome.Name() != "whole" || all[1].Evidence.Payment != 2 {
		t.Errorf("the batch is %+v", all)
	}
	e.BankReference, e.Batches[0].Payments[0].Amount, e.Batches[0].Payments[1].Amount = "B-2", Money{}, Money{}
	e.Batches[0].Total, e.Batches[0].Count = Money{}, 0
	same(t, "amounts that are not told", only(t, m, file(t, "N-2", e)), OtherAmount{Why: "the bank does not tell the amount of each payment of the entry"})
}

func TestChargesThatWereTakenOffWaitForAPerson(t *testing.T) {
	f, err := ReadBytes(golden(t, "other-bank"))
	if err != nil {
		t.Fatal(err)
	}
	m := matcher(t, History{}, Item{ID: "7", Owed: owed("CHF", 100_000000)})
	same(t, "less charges", only(t, m, f), OtherAmount{Why: "charges were taken off: the payments of the entry come to CHF 100.00"})
}

func TestAReferenceThatNamesTwoItemsIsRefused(t *testing.T) {
	if _, err := NewMatcher([]Item{invoice, {ID: "INV-1", Owed: owed("EUR", 1)}}, History{}); fault.CodeOf(err) != CodeTwice {
		t.Errorf("it is taken: %v", err)
	}
	if _, err := NewMatcher([]Item{{ID: "1", Owed: owed("XDR", 1)}}, History{}); fault.CodeOf(err) != money.CodeNoMinorUnit {
		t.Errorf("an item that no bank pays is taken: %v", err)
	}
	if _, err := matcher(t, History{}).Match(&File{Kind: Pain001, Initiation: initiation()}); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a payment file is matched: %v", err)
	}
}

// What a payer makes of its items is found whole by the payee, who has the same
// items, and leaves exactly what is carried.
func TestAPaymentMadeOfItemsIsFoundByThePayee(t *testing.T) {
	open := []Item{invoice, {ID: "ob-2", Owed: owed("EUR", 50_000000)}, {ID: "cn-3", Owed: owed("EUR", -10_009999)}, {ID: "small", Owed: owed("EUR", 9_999)}}
	for _, items := range [][]Item{open, open[:1], open[:2]} {
		p, err := PaymentOf(items...)
		if err != nil {
			t.Fatal(err)
		}
		again, err := PaymentOf(items...)
		if err != nil || again.EndToEndID != p.EndToEndID || len(p.EndToEndID) != 25 {
			t.Errorf("the ids are %s and %s, %v", p.EndToEndID, again.EndToEndID, err)
		}
		p.Creditor, p.Account = Party{Name: "Bravo"}, bravo
		i := initiation()
		i.Groups[0].Payments = []Payment{p}
		if _, err := i.Encode(); err != nil {
			t.Error(err)
		}
		m := matcher(t, History{}, open...)
		o := only(t, m, file(t, "N-1", credit("B-1", p.Amount, Detail{EndToEndID: p.EndToEndID, Remittance: p.Remittance})))
		w, ok := o.(Whole)
		if !ok {
			t.Errorf("it is %s %+v", o.Name(), o)
		}
		for _, a := range w.Paid {
			if open, _, err := Payable(a.Left); err != nil || open.Minor != 0 {
				t.Errorf("%s has %s left, %v", a.Item, a.Left, err)
			}
		}
	}
	for what, items := range map[string][]Item{"nothing": nil, "less than a cent": open[3:], "a credit note alone": open[2:3]} {
		if p, err := PaymentOf(items...); fault.CodeOf(err) != fault.Refused {
			t.Errorf("%s: %+v, %v", what, p, err)
		}
	}
	if p, err := PaymentOf(invoice, Item{ID: "usd", Owed: owed("USD", 1_000000)}); fault.CodeOf(err) != money.CodeCurrencyMismatch {
		t.Errorf("two currencies: %+v, %v", p, err)
	}
}

// Whatever comes in whatever order, each cent of each booked payment is on an
// item, an excess, or told to be for a person, and each item has lost exactly
// what was laid on it.
func TestEveryCentIsAccountedFor(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 3))
	var items []Item
	start := map[string]money.Micro{}
	for i := range 20 {
		item := Item{ID: fmt.Sprintf("ob-%d", i), Owed: owed("EUR", money.Micro(random.Int64N(500_000_000)))}
		items, start[item.ID] = append(items, item), item.Owed.Micro
	}
	m := matcher(t, History{}, items...)
	var laid, excess, waits, came int64
	moved := map[string]money.Micro{}
	var files []*File
	for n := range 200 {
		if len(files) > 0 && random.IntN(5) == 0 {
			for _, f := range found(t, m, files[random.IntN(len(files))]) {
				if f.Outcome.Name() != "duplicate" {
					t.Fatalf("a file twice is %+v", f)
				}
			}
			continue
		}
		var d Detail
		for range 1 + random.IntN(3) {
			r := Reference{Documents: []Document{{Number: fmt.Sprintf("ob-%d", random.IntN(22))}}}
			if random.IntN(2) == 0 {
				r.Amount = eur(random.Int64N(30_000))
			}
			d.Remittance.Structured = append(d.Remittance.Structured, r)
		}
		pays := eur(1 + random.Int64N(60_000))
		if net, said, err := d.Remittance.remitted("EUR"); said && err == nil && net.Minor > 0 && random.IntN(3) > 0 {
			pays = net
		}
		came += pays.Minor
		f := file(t, fmt.Sprint("N-", n), credit(fmt.Sprint("B-", n), pays, d))
		files = append(files, f)
		paid := func(all []Allocation) (sum int64) {
			for _, a := range all {
				six, err := a.Paid.Amount()
				if err != nil {
					t.Fatal(err)
				}
				moved[a.Item] += six.Micro
				sum += a.Paid.Minor
			}
			laid += sum
			return sum
		}
		switch o := only(t, m, f).(type) {
		case Whole:
			if sum := paid(o.Paid); sum != pays.Minor {
				t.Fatalf("%s came and %d was laid", pays, sum)
			}
		case Part:
			if sum := paid(o.Paid); sum != pays.Minor {
				t.Fatalf("%s came and %d was laid", pays, sum)
			}
		case Over:
			if sum := paid(o.Paid); sum+o.Excess.Minor != pays.Minor {
				t.Fatalf("%s came, %d was laid and %s is over", pays, sum, o.Excess)
			}
			excess += o.Excess.Minor
		default:
			waits += pays.Minor
		}
	}
	if laid+excess+waits != came || laid == 0 || waits == 0 {
		t.Errorf("%d came, %d was laid, %d is over, %d waits", came, laid, excess, waits)
	}
	for _, item := range m.Open() {
		if item.Owed.Micro+moved[item.ID] != start[item.ID] || item.Owed.Micro < 0 {
			t.Errorf("%s has %s open, %s of %s paid", item.ID, item.Owed, moved[item.ID], start[item.ID])
		}
	}
}
