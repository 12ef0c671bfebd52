package treasury

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/rail"
	"github.com/lateral-network/lateral/rail/bank"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
)

func TestOnePaymentOverFiveObligationsClearsFive(t *testing.T) {
	w := newWorld(t)
	ids := []string{"O-1", "O-2", "O-3", "O-4", "O-5"}
	for _, id := range ids {
		w.owes("ALPHA", "BRAVO", id, 10_004321)
	}
	w.pays("BRAVO")
	r, _, report := w.ordered()
	if len(r.Payments) != 1 || r.Payments[0].Amount.Minor != 5002 || len(r.Payments[0].Lines) != 5 || r.Payments[0].Carried != 1605 {
		t.Fatalf("the run is %+v", r)
	}
	w.imports("ALPHA", report)
	w.tell()
	w.state("ALPHA", "BRAVO", settlement.Owed, ids...) // a report moves no money
	w.imports("ALPHA", w.notice("ALPHA"))
	got := w.imports("BRAVO", w.notice("BRAVO"))
	if len(got.Lines) != 1 || got.Lines[0].Outcome != "whole" {
		t.Fatalf("BRAVO reads %+v", got)
	}
	w.tell()
	w.state("ALPHA", "BRAVO", settlement.Settled, ids...)
	w.has("ALPHA", 1_000_000-5002)
	w.has("BRAVO", 1_000_000+5002)
	w.noException("ALPHA")
	w.noException("BRAVO")
	if !slices.Equal(w.commands, []trade.Kind{trade.KindPaymentAdvise, trade.KindPaymentReceipt}) {
		t.Errorf("one payment takes %v", w.commands)
	}
	if all, err := w.desks["ALPHA"].Carried(); err != nil || len(all) != 1 || all[0].Amount.Micro != 1605 {
		t.Errorf("carried is %+v, %v", all, err)
	}
}

// A bank may drop all but the end-to-end id; the payer's advice tells what it
// stands for.
func TestAPaymentKnownByItsEndToEndIDAloneClearsWhatWasAdvised(t *testing.T) {
	w := newWorld(t)
	w.owes("ALPHA", "BRAVO", "O-1", 10_000000)
	w.owes("ALPHA", "BRAVO", "O-2", 20_000000)
	w.pays("BRAVO")
	w.ordered()
	w.imports("ALPHA", w.notice("ALPHA"))
	w.tell()
	w.state("ALPHA", "BRAVO", settlement.Advised, "O-1", "O-2")
	f, err := rail.ReadBytes(w.notice("BRAVO"))
	w.ok(err)
	f.Statement.Accounts[0].Entries[0].Batches[0].Payments[0].Remittance = rail.Remittance{}
	bare, err := f.Statement.Encode()
	w.ok(err)
	w.imports("BRAVO", bare)
	w.tell()
	w.state("ALPHA", "BRAVO", settlement.Settled, "O-1", "O-2")
	w.noException("BRAVO")
}

func TestObligationsOfOneIdWithTwoPartnersAreToldApart(t *testing.T) {
	w := newWorld(t)
	w.owes("ALPHA", "BRAVO", "N00000001-EUR", 10_000000)
	w.owes("CHARLIE", "BRAVO", "N00000001-EUR", 10_000000)
	w.pays("BRAVO")
	w.ordered()
	w.imports("ALPHA", w.notice("ALPHA"))
	w.imports("BRAVO", w.notice("BRAVO"))
	w.tell()
	w.state("ALPHA", "BRAVO", settlement.Settled, "N00000001-EUR")
	w.state("CHARLIE", "BRAVO", settlement.Owed, "N00000001-EUR")
}

func TestMoneyWaitsForThePayersAdvice(t *testing.T) {
	w := newWorld(t)
	w.owes("ALPHA", "BRAVO", "O-1", 10_000000)
	w.pays("BRAVO")
	w.ordered()
	w.imports("BRAVO", w.notice("BRAVO"))
	w.tell()
	if all := w.desks["BRAVO"].Received(false); len(all) != 1 || all[0].State != Waiting || all[0].Obligation != "O-1" {
		t.Fatalf("received %+v", all)
	}
	w.start("BRAVO") // what waits outlives the node
	w.imports("ALPHA", w.notice("ALPHA"))
	w.tell()
	w.state("ALPHA", "BRAVO", settlement.Settled, "O-1")
	if all := w.desks["BRAVO"].Received(false); len(all) != 0 {
		t.Errorf("received %+v", all)
	}
}

func TestOnePersonPaysNobody(t *testing.T) {
	w := newWorld(t)
	d := w.desks["ALPHA"]
	w.owes("ALPHA", "BRAVO", "O-1", 10_000000)
	_, err := d.CreateRun("ann", alphaIBAN, "", Which{})
	w.refused(fault.Refused, err) // no account of the partner
	_, err = d.ProposePayee("ann", "BRAVO", "", PayeeAccount{Name: "B", Account: rail.Account{IBAN: bravoIBAN}})
	w.ok(err)
	_, err = d.AnswerPayee("ann", "BRAVO", "", bravoIBAN, true)
	w.refused(trade.CodeSecondPerson, err)
	_, err = d.AnswerPayee("bob", "BRAVO", "", charlieIBAN, true)
	w.refused(fault.Conflict, err)
	w.pays("BRAVO")
	r, err := d.CreateRun("ann", alphaIBAN, "", Which{})
	w.ok(err)
	_, err = d.ApproveRun("ann", r.ID)
	w.refused(trade.CodeSecondPerson, err)
	_, err = d.ExportRun("bob", r.ID)
	w.refused(fault.Refused, err)
	_, err = d.ApproveRun("", r.ID)
	w.refused(fault.Unauthorized, err)
}

func TestARunIsNotPaidToAnAccountThatChangedSince(t *testing.T) {
	w := newWorld(t)
	d := w.desks["ALPHA"]
	w.owes("ALPHA", "BRAVO", "O-1", 10_000000)
	w.pays("BRAVO")
	r := w.approved()
	_, err := d.ProposePayee("eve", "BRAVO", "", PayeeAccount{Name: "BRAVO", Account: rail.Account{IBAN: charlieIBAN}})
	w.ok(err)
	_, err = d.AnswerPayee("mallory", "BRAVO", "", charlieIBAN, true)
	w.ok(err)
	_, err = d.ExportRun("ann", r.ID)
	w.refused(CodeStale, err)
	_, err = d.CancelRun("ann", r.ID)
	w.ok(err)
	if due, err := d.Due(Which{}); err != nil || len(due) != 1 || due[0].Why != "" {
		t.Errorf("due %+v, %v", due, err)
	}
}

func TestAnObligationIsInOneRunOnly(t *testing.T) {
	w := newWorld(t)
	d := w.desks["ALPHA"]
	w.owes("ALPHA", "BRAVO", "O-1", 10_000000)
	w.pays("BRAVO")
	var made sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		made.Go(func() { _, errs[i] = d.CreateRun("ann", alphaIBAN, "", Which{}) })
	}
	made.Wait()
	good := 0
	for _, err := range errs {
		if err == nil {
			good++
		}
	}
	if good != 1 || len(d.Runs()) != 1 {
		t.Fatalf("%d of 8 runs were made: %v", good, errs)
	}
	_, err := w.start("ALPHA").CreateRun("ann", alphaIBAN, "", Which{}) // nor after a restart
	w.refused(fault.Refused, err)
	// Nor does a person advise what a run pays.
	_, err = w.desks["ALPHA"].Manual("ann", trade.KindPaymentAdvise, []Target{{"BRAVO", "O-9"}, {"BRAVO", "O-1"}}, canon.Hash{1}, func() error { t.Error("it was advised"); return nil })
	w.refused(CodeInRun, err)
}

func TestWhatWasPaidOtherwiseSinceIsNotPaidAgain(t *testing.T) {
	w := newWorld(t)
	w.owes("ALPHA", "BRAVO", "O-1", 10_000000)
	w.pays("BRAVO")
	r := w.approved()
	w.ok(w.submit("ALPHA", "BRAVO", trade.PaymentAdvise{Obligation: "O-1", Amount: w.obligations["ALPHA/BRAVO"]["O-1"].Amount, Reference: "by hand"}))
	_, err := w.desks["ALPHA"].ExportRun("ann", r.ID)
	w.refused(CodeStale, err)
}

// The node died after the run was on disk and before anybody had the file; or
// the file was lost on its way.
// A debt that a round of netting may take off is not paid by the bank as well.
func TestWhatIsInARoundOfNettingIsNotPaid(t *testing.T) {
	w := newWorld(t)
	d := w.desks["ALPHA"]
	w.owes("ALPHA", "BRAVO", "O-1", 10_000000)
	w.owes("ALPHA", "BRAVO", "O-2", 20_000000)
	w.pays("BRAVO")
	w.bound["O-1"] = true
	r, err := d.CreateRun("ann", alphaIBAN, "", Which{})
	w.ok(err)
	if len(r.Payments) != 1 || len(r.Payments[0].Lines) != 1 || r.Payments[0].Lines[0].Obligation != "O-2" {
		t.Fatalf("the run is %+v", r.Payments)
	}
	if !d.Claimed(Target{"BRAVO", "O-2"}) || d.Claimed(Target{"BRAVO", "O-1"}) {
		t.Error("what is claimed is not what is in the run")
	}
	w.bound["O-2"] = true // it was offered before the run was there
	_, err = d.ApproveRun("bob", r.ID)
	w.refused(CodeStale, err)
}

func TestACrashBetweenExportAndRecordPaysOnce(t *testing.T) {
	w := newWorld(t)
	w.owes("ALPHA", "BRAVO", "O-1", 10_000000)
	w.pays("BRAVO")
	r := w.approved()
	// It dies before the record: nobody has seen a file, and the run is as it was.
	w.ok(w.stores["ALPHA"].Close())
	if data, err := w.desks["ALPHA"].ExportRun("ann", r.ID); err == nil || data != nil {
		t.Fatalf("a file of %d bytes was given and nothing is on disk: %v", len(data), err)
	}
	delete(w.stores, "ALPHA")
	d := w.start("ALPHA")
	if got, err := d.Run(r.ID); err != nil || got.State != Approved {
		t.Fatalf("the run is %+v, %v", got, err)
	}
	first, err := d.ExportRun("ann", r.ID)
	w.ok(err)
	// It dies after the record: the same file is given again.
	w.now = w.now.AddDate(0, 0, 1)
	second, err := w.start("ALPHA").ExportRun("bob", r.ID)
	w.ok(err)
	if !bytes.Equal(first, second) {
		t.Fatal("the second file differs")
	}
	_, err = w.desks["ALPHA"].CancelRun("ann", r.ID)
	w.refused(fault.Refused, err)
	_, err = w.bank.Submit(first)
	w.ok(err)
	if _, err := w.bank.Submit(second); fault.CodeOf(err) != bank.CodeReplayed {
		t.Errorf("the bank takes the second copy: %v", err)
	}
	w.has("BRAVO", 1_000_000+1000)
}

func TestAReplayedPaymentFileMovesNothingAndFreesNothing(t *testing.T) {
	w := newWorld(t)
	w.owes("ALPHA", "BRAVO", "O-1", 10_000000)
	w.pays("BRAVO")
	r, file, report := w.ordered()
	again, err := w.bank.Submit(file)
	w.refused(bank.CodeReplayed, err)
	x := w.imports("ALPHA", again)
	if len(x.Lines) != 1 || x.Lines[0].Outcome != "second-copy" {
		t.Errorf("ALPHA reads %+v", x)
	}
	w.imports("ALPHA", report)
	if got, _ := w.desks["ALPHA"].Run(r.ID); got.Payments[0].State != Out {
		t.Errorf("the payment is %s", got.Payments[0].State)
	}
	_, err = w.desks["ALPHA"].CreateRun("ann", alphaIBAN, "", Which{})
	w.refused(fault.Refused, err)
	w.has("BRAVO", 1_000_000+1000)
}

func TestARejectedPaymentFreesItsObligations(t *testing.T) {
	w := newWorld(t)
	w.owes("ALPHA", "BRAVO", "O-1", 10_000000)
	w.pays("BRAVO")
	w.misbehave = func(rail.Payment) bank.Act { return bank.Act{Kind: bank.Reject, Reason: "AC04"} }
	r, _, report := w.ordered()
	x := w.imports("ALPHA", report)
	if !strings.Contains(x.Lines[0].Did, "AC04") {
		t.Errorf("ALPHA reads %+v", x)
	}
	if got, _ := w.desks["ALPHA"].Run(r.ID); got.Payments[0].State != Rejected || !strings.Contains(got.Payments[0].Reason, "AC04") {
		t.Errorf("the payment is %+v", got.Payments[0])
	}
	w.misbehave = nil
	second, _, _ := w.ordered()
	if second.Payments[0].EndToEnd == r.Payments[0].EndToEnd {
		t.Error("the second payment has the id of the first")
	}
	w.imports("ALPHA", w.notice("ALPHA"))
	w.imports("BRAVO", w.notice("BRAVO"))
	w.tell()
	w.state("ALPHA", "BRAVO", settlement.Settled, "O-1")
}

func TestAFileTwiceChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.owes("ALPHA", "BRAVO", "O-1", 10_000000)
	w.pays("BRAVO")
	_, _, report := w.ordered()
	camt, theirs := w.notice("ALPHA"), w.notice("BRAVO")
	for round := range 2 {
		for _, x := range []Intake{w.imports("ALPHA", report), w.imports("ALPHA", camt), w.imports("BRAVO", theirs)} {
			if x.Repeated != (round == 1) {
				t.Errorf("round %d: %+v", round, x)
			}
		}
		w.tell()
		w.start("ALPHA")
		w.start("BRAVO")
	}
	if len(w.commands) != 2 {
		t.Errorf("commands %v", w.commands)
	}
	// The day's statement tells the same bookings in another file.
	for _, code := range []party.Code{"ALPHA", "BRAVO"} {
		data, err := w.bank.Statement(accounts[code], "2026-12-01")
		w.ok(err)
		for _, l := range w.imports(code, data).Lines {
			if l.Outcome == "whole" || strings.Contains(l.Did, "paid") {
				t.Errorf("%s reads %+v", code, l)
			}
		}
	}
	w.tell()
	if len(w.commands) != 2 {
		t.Errorf("commands %v", w.commands)
	}
}

func TestACamtWithAnUnknownReferenceWaitsForTwoPersons(t *testing.T) {
	w := newWorld(t)
	w.owes("ALPHA", "BRAVO", "O-1", 10_000000)
	w.ok(w.bank.Receive(bravoIBAN, rail.Detail{Amount: eur(1000), Credit: true, EndToEndID: "WHO-KNOWS", Remittance: rail.Remittance{Texts: []string{"thanks"}}}))
	w.imports("BRAVO", w.notice("BRAVO"))
	x := w.exception("BRAVO", "unknown-reference")
	if len(x.Alike) != 1 || x.Alike[0] != (Target{"ALPHA", "O-1"}) || x.Evidence.Amount != eur(1000) || x.File == "" {
		t.Errorf("the exception is %+v", x)
	}
	w.tell()
	w.state("ALPHA", "BRAVO", settlement.Owed, "O-1")
	w.resolved("BRAVO", x.ID, Decision{Action: Assign, Obligations: []Target{{"ALPHA", "O-1"}}})
	w.ok(w.submit("ALPHA", "BRAVO", trade.PaymentAdvise{Obligation: "O-1", Amount: w.obligations["ALPHA/BRAVO"]["O-1"].Amount, Reference: "by hand"}))
	w.tell()
	w.state("ALPHA", "BRAVO", settlement.Settled, "O-1")
	w.noException("BRAVO")
	_, err := w.desks["BRAVO"].Resolve("ann", x.ID, Decision{Action: Ignore, Why: "again"})
	w.refused(fault.Refused, err)
}

func TestACamtWithAnotherAmountPaysNothingByItself(t *testing.T) {
	const kind = "other-amount"
	for what, minor := range map[string]int64{"less": 700, "more": 1300} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			w.owes("ALPHA", "BRAVO", "O-1", 10_000000)
			w.pays("BRAVO")
			w.misbehave = func(rail.Payment) bank.Act { return bank.Act{Kind: bank.Other, Amount: eur(minor)} }
			w.ordered()
			w.imports("ALPHA", w.notice("ALPHA"))
			w.imports("BRAVO", w.notice("BRAVO"))
			w.tell()
			w.state("ALPHA", "BRAVO", settlement.Owed, "O-1")
			ours, x := w.exception("ALPHA", kind), w.exception("BRAVO", kind)
			if ours.EndToEnd == "" || len(ours.Named) != 1 || len(x.Named) != 1 || x.Named[0] != (Target{"ALPHA", "O-1"}) {
				t.Errorf("the exceptions name %+v and %+v", ours, x)
			}
			to := Decision{Action: Assign, Obligations: []Target{{"ALPHA", "O-1"}}, Why: "their mail"}
			if minor < 1000 {
				_, err := w.desks["BRAVO"].Resolve("ann", x.ID, to)
				w.refused(CodePart, err)
				w.resolved("BRAVO", x.ID, Decision{Action: GiveBack})
				w.noException("BRAVO")
				return
			}
			w.resolved("BRAVO", x.ID, to)
			w.resolved("ALPHA", ours.ID, Decision{Action: Assign, Obligations: []Target{{"BRAVO", "O-1"}}})
			w.tell()
			w.state("ALPHA", "BRAVO", settlement.Settled, "O-1")
		})
	}
}

func TestMoneyThatTheBankTakesBackIsNotConfirmed(t *testing.T) {
	w := newWorld(t)
	w.owes("ALPHA", "BRAVO", "O-1", 10_000000)
	w.pays("BRAVO")
	r, _, _ := w.ordered()
	w.imports("BRAVO", w.notice("BRAVO"))
	w.imports("ALPHA", w.notice("ALPHA"))
	got, _ := w.desks["ALPHA"].Run(r.ID)
	w.ok(w.bank.Reverse(got.Payments[0].BankReference))
	w.imports("ALPHA", w.notice("ALPHA"))
	w.imports("BRAVO", w.notice("BRAVO"))
	w.tell()
	w.state("ALPHA", "BRAVO", settlement.Owed, "O-1") // neither advised nor confirmed
	w.exception("BRAVO", "reversal")
	x := w.exception("ALPHA", "reversal")
	_, err := w.desks["ALPHA"].CreateRun("ann", alphaIBAN, "", Which{})
	w.refused(fault.Refused, err)
	w.resolved("ALPHA", x.ID, Decision{Action: Free})
	w.ordered()
	w.imports("ALPHA", w.notice("ALPHA"))
	w.imports("BRAVO", w.notice("BRAVO"))
	w.tell()
	w.state("ALPHA", "BRAVO", settlement.Settled, "O-1")
	w.has("BRAVO", 1_000_000+1000)
}

func TestAnAdviceThatTheLedgerDoesNotTakeIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	w.owes("ALPHA", "BRAVO", "O-1", 10_000000)
	w.pays("BRAVO")
	w.ordered()
	w.imports("ALPHA", w.notice("ALPHA"))
	w.refuse = fault.New(fault.Unavailable, "no ledger", "wait")
	w.tell()
	if w.desks["ALPHA"].Problem(Target{"BRAVO", "O-1"}) == "" {
		t.Error("nobody is told")
	}
	w.refuse = nil
	w.start("ALPHA") // and after a restart
	w.tell()
	w.state("ALPHA", "BRAVO", settlement.Advised, "O-1")
}

func TestAPaymentByHandNeedsTwoPersonsWhenTheConfigurationSaysSo(t *testing.T) {
	w := newWorld(t)
	w.fourEyes = true
	d := w.start("ALPHA")
	at, done := []Target{{"BRAVO", "O-1"}}, 0
	do := func() error { done++; return nil }
	for _, step := range []struct {
		by     string
		digest byte
		waits  bool
	}{{"ann", 1, true}, {"ann", 1, true}, {"bob", 2, true}, {"bob", 2, true}, {"ann", 2, false}, {"ann", 2, true}} {
		waits, err := d.Manual(step.by, trade.KindPaymentAdvise, at, canon.Hash{step.digest}, do)
		if err != nil || waits != step.waits {
			t.Errorf("%+v: waits %v, %v", step, waits, err)
		}
	}
	if done != 1 {
		t.Errorf("done %d times", done)
	}
	// What does not succeed leaves the first person's word.
	if _, err := d.Manual("bob", trade.KindPaymentAdvise, at, canon.Hash{2}, func() error { return errors.New("no") }); err == nil {
		t.Error("no error")
	}
	if waits, err := w.start("ALPHA").Manual("bob", trade.KindPaymentAdvise, at, canon.Hash{2}, do); err != nil || waits || done != 2 {
		t.Errorf("waits %v, %v, done %d", waits, err, done)
	}
}

// The ledger takes no payment of a day to come.
func TestABookingOfTomorrowIsAdvisedAsOfNow(t *testing.T) {
	w := newWorld(t)
	w.owes("ALPHA", "BRAVO", "O-1", 10_000000)
	w.pays("BRAVO")
	w.ordered()
	w.now = w.now.AddDate(0, 0, -3)
	w.imports("ALPHA", w.notice("ALPHA"))
	w.tell()
	w.state("ALPHA", "BRAVO", settlement.Advised, "O-1")
}

func TestAStatementOfAnotherAccountIsRefused(t *testing.T) {
	w := newWorld(t)
	w.ok(w.bank.Receive(charlieIBAN, rail.Detail{Amount: eur(1), Credit: true}))
	_, err := w.desks["ALPHA"].Import("ann", "x", w.notice("CHARLIE"))
	w.refused(CodeAccount, err)
}

// A part counts as one when the payer has advised just that; the rest stays owed
// and is paid by the next run.
func TestAPartThatWasAdvisedIsConfirmedAsAPart(t *testing.T) {
	w := newWorld(t)
	w.owes("ALPHA", "BRAVO", "O-1", 10_004321)
	w.pays("BRAVO")
	ref := Reference(w.obligations["ALPHA/BRAVO"]["O-1"])
	part := func(id string) {
		w.ok(w.bank.Receive(bravoIBAN, rail.Detail{Amount: eur(400), Credit: true, EndToEndID: id, Remittance: rail.Remittance{Structured: []rail.Reference{{Creditor: ref}}}}))
		w.imports("BRAVO", w.notice("BRAVO"))
	}
	part("early")
	x := w.exception("BRAVO", "part") // nobody has advised it
	_, err := w.desks["BRAVO"].Resolve("ann", x.ID, Decision{Action: Assign, Obligations: []Target{{"ALPHA", "O-1"}}, Why: "their mail"})
	w.refused(CodePart, err)
	w.ok(w.submit("ALPHA", "BRAVO", trade.PaymentAdvise{Obligation: "O-1", Amount: money.Amount{Currency: "EUR", Micro: 4_000000}, Method: "bank-transfer", Reference: "early"}))
	w.resolved("BRAVO", x.ID, Decision{Action: Assign, Obligations: []Target{{"ALPHA", "O-1"}}})
	w.tell()
	w.state("ALPHA", "BRAVO", settlement.Owed, "O-1")
	w.ok(w.submit("ALPHA", "BRAVO", trade.PaymentAdvise{Obligation: "O-1", Amount: money.Amount{Currency: "EUR", Micro: 4_000000}, Method: "bank-transfer", Reference: "second"}))
	part("second")
	w.tell()
	w.noException("BRAVO")
	if o := w.obligations["ALPHA/BRAVO"]["O-1"]; o.State != settlement.Owed || o.Paid != 8_000000 {
		t.Errorf("after two parts it is %+v", o)
	}
	r, _, _ := w.ordered()
	if r.Payments[0].Amount != eur(200) || r.Payments[0].Lines[0].Owed.Micro != 2_004321 {
		t.Errorf("the run pays %+v", r.Payments[0])
	}
	w.imports("ALPHA", w.notice("ALPHA"))
	w.imports("BRAVO", w.notice("BRAVO"))
	w.tell()
	w.state("ALPHA", "BRAVO", settlement.Settled, "O-1")
	if all := w.desks["BRAVO"].Received(true); len(all) != 3 || len(w.desks["BRAVO"].Received(false)) != 0 {
		t.Errorf("received %+v", all)
	}
}

// The ledger has the command and the node's store does not know it: neither is
// given again.
func TestANodeThatDiedAfterItsCommandDoesNotRepeatIt(t *testing.T) {
	w := newWorld(t)
	w.owes("ALPHA", "BRAVO", "O-1", 10_000000)
	w.owes("ALPHA", "BRAVO", "O-2", 10_000000)
	w.pays("BRAVO")
	w.ordered()
	w.imports("ALPHA", w.notice("ALPHA"))
	w.imports("BRAVO", w.notice("BRAVO"))
	for _, code := range []party.Code{"ALPHA", "BRAVO"} {
		w.lost = true // what Submit did, but not its answer
		w.desks[code].Tell(context.Background())
		w.lost = false
		w.start(code).Tell(context.Background())
	}
	w.state("ALPHA", "BRAVO", settlement.Settled, "O-1", "O-2")
	if len(w.commands) != 2 {
		t.Errorf("commands %v", w.commands)
	}
	if runs := w.desks["ALPHA"].Runs(); runs[0].Payments[0].State != Advised {
		t.Errorf("the payment is %s", runs[0].Payments[0].State)
	}
	if all := w.desks["BRAVO"].Received(false); len(all) != 0 {
		t.Errorf("received %+v", all)
	}
}

// What was advised is one sum and what came another: nothing is confirmed.
func TestMoneyThatIsNotWhatWasAdvisedIsNotConfirmed(t *testing.T) {
	w := newWorld(t)
	w.owes("ALPHA", "BRAVO", "O-1", 10_000000)
	ref := Reference(w.obligations["ALPHA/BRAVO"]["O-1"])
	w.ok(w.bank.Receive(bravoIBAN, rail.Detail{Amount: eur(1000), Credit: true, Remittance: rail.Remittance{Structured: []rail.Reference{{Creditor: ref}}}}))
	w.imports("BRAVO", w.notice("BRAVO"))
	w.ok(w.submit("ALPHA", "BRAVO", trade.PaymentAdvise{Obligation: "O-1", Amount: money.Amount{Currency: "EUR", Micro: 4_000000}, Method: "bank-transfer", Reference: "4"}))
	w.tell()
	w.state("ALPHA", "BRAVO", settlement.Advised, "O-1")
	if !strings.Contains(w.desks["BRAVO"].Problem(Target{"ALPHA", "O-1"}), "EUR 4.000000") {
		t.Errorf("nobody is told: %q", w.desks["BRAVO"].Problem(Target{"ALPHA", "O-1"}))
	}
}

// Two halves in one file are two parts: neither alone discharges anything.
func TestTwoHalvesOfOneFileAreForPeople(t *testing.T) {
	w := newWorld(t)
	w.owes("ALPHA", "BRAVO", "O-1", 10_000000)
	ref := Reference(w.obligations["ALPHA/BRAVO"]["O-1"])
	for range 2 {
		w.ok(w.bank.Receive(bravoIBAN, rail.Detail{Amount: eur(500), Credit: true, Remittance: rail.Remittance{Structured: []rail.Reference{{Creditor: ref}}}}))
	}
	w.imports("BRAVO", w.notice("BRAVO"))
	if all := w.desks["BRAVO"].Exceptions(false); len(all) != 2 || all[0].Kind != "part" || all[1].Kind != "part" {
		t.Errorf("exceptions %+v", all)
	}
	if all := w.desks["BRAVO"].Received(true); len(all) != 0 {
		t.Errorf("received %+v", all)
	}
}
