package native_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/rail"
	"github.com/lateral-network/lateral/rail/bank"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/usage"
	"github.com/lateral-network/lateral/treasury"
)

var bankAccounts = map[party.Code]string{"ALPHA": "DE89370400440532013000", "BRAVO": "GB82WEST12345698765432"}

// openBank opens the side's treasury over its real Bilaterals.
func (s *side) openBank() {
	s.bank = must(treasury.Open(treasury.Options{
		Me: s.code, Name: string(s.code) + " Ltd", Accounts: []treasury.Own{{Account: rail.Account{IBAN: bankAccounts[s.code], Currency: "USD"}, BIC: "SANDDEFF"}},
		Methods: []string{"bank-transfer"}, FourEyes: true, Store: s.db.Node(), Now: time.Now,
		Channels: func() (all []treasury.Channel) {
			for _, b := range s.member.Bilaterals() {
				all = append(all, treasury.Channel{Partner: party.Code(b.Partner()), View: func(f func(trade.Records) error) error {
					return b.View(func(v channel.View) error { return f(v) })
				}})
			}
			return all
		},
		Submit: func(ctx context.Context, _ party.Code, kind trade.Kind, body any) error {
			b := s.member.Bilaterals()[0]
			c, err := s.authorize(api.Actor{}, party.Finance, trade.NewCommand(kind, body), b.ID())
			if err != nil {
				return err
			}
			out, err := b.Submit(ctx, c)
			if err != nil {
				return err
			}
			return channel.FirstErr(out)
		},
	}))
}

// another gives the client of a second person with the role finance.
func (s *side) another() *client.Client {
	c := client.New(s.server.URL, s.second)
	s.w.t.Cleanup(c.Close)
	return c
}

// owing brings a world to where ALPHA owes BRAVO for two invoices.
func owing(t *testing.T) (w *world, order string, debts []wire.Obligation) {
	t.Helper()
	w = opened(t, func(w *world) { w.banking = true })
	order = contracted(t, w)
	ctx := within(t)
	alpha, bravo := w.sides["ALPHA"], w.sides["BRAVO"]
	const calls = callsHeader +
		"a1,41443334455,4930123456,2026-02-01T00:10:00Z,60000,success,ALPHA,BRAVO,t1\n" +
		"a2,41443334456,4930123457,2026-02-01T01:20:00Z,120000,success,ALPHA,BRAVO,t1\n"
	for _, s := range []*side{alpha, bravo} {
		if _, err := s.as(api.Engineer).ImportUsage(ctx, "calls.csv", strings.NewReader(calls)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.as(api.Engineer).Close(ctx, 0); err != nil {
			t.Fatal(err)
		}
	}
	var issued []wire.Invoice
	eventually(t, "two invoices", func() (ok bool) {
		var err error
		issued, err = client.Collect(alpha.as(api.Finance).Invoices(ctx, client.Filter{"state": "issued"}))
		return err == nil && len(issued) == 2
	})
	for _, i := range issued {
		if _, err := alpha.as(api.Finance).AcceptInvoice(ctx, i.ID, i.Document); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range []*side{alpha, bravo} {
		eventually(t, "two debts", func() (ok bool) {
			var err error
			debts, err = client.Collect(s.as(api.Finance).Obligations(ctx, client.Filter{"state": "owed"}))
			return err == nil && len(debts) == 2
		})
	}
	return w, order, debts
}

// Usage, invoices, a payment run by two persons, the bank's files, and both books
// agree: over two nodes and one bank.
func TestTwoCarriersSettleOverABank(t *testing.T) {
	w, order, debts := owing(t)
	ctx := within(t)
	alpha, bravo := w.sides["ALPHA"], w.sides["BRAVO"]
	ann, bob := alpha.client(api.Finance), alpha.another()

	b := must(bank.New(bank.Options{BIC: "SANDDEFF", Name: "Sandbox Bank", Now: time.Now}))
	for code, number := range bankAccounts {
		if err := b.Open(rail.Account{IBAN: number, Currency: "USD"}, rail.Party{Name: string(code)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Deposit(bankAccounts["ALPHA"], rail.Money{Currency: "USD", Minor: 1000}); err != nil {
		t.Fatal(err)
	}
	must(b.Notice(bankAccounts["ALPHA"]))

	due := must(client.Collect(ann.DuePayments(ctx, nil)))
	if len(due) != 2 || due[0].Why == "" || due[0].Pays.Micro%10_000 != 0 || due[0].Pays.Micro+due[0].Carried.Micro != due[0].Owed.Micro {
		t.Fatalf("due: %+v", due)
	}
	must(ann.ProposePayee(ctx, wire.ProposePayee{Partner: "BRAVO", Name: "BRAVO Ltd", IBAN: bankAccounts["BRAVO"], BIC: "SANDDEFF"}))
	if _, err := ann.ApprovePayee(ctx, wire.AnswerPayee{Partner: "BRAVO", Account: bankAccounts["BRAVO"]}); fault.CodeOf(err) != trade.CodeSecondPerson {
		t.Fatalf("one person changes where money goes: %v", err)
	}
	must(bob.ApprovePayee(ctx, wire.AnswerPayee{Partner: "BRAVO", Account: bankAccounts["BRAVO"]}))
	run, err := ann.CreatePaymentRun(ctx, wire.CreateRun{Account: bankAccounts["ALPHA"]})
	if err != nil || len(run.Payments) != 1 || len(run.Payments[0].Lines) != 2 {
		t.Fatalf("run: %+v, %v", run, err)
	}
	if _, err := ann.ApprovePaymentRun(ctx, run.ID); fault.CodeOf(err) != trade.CodeSecondPerson {
		t.Fatalf("one person approves the own run: %v", err)
	}
	must(bob.ApprovePaymentRun(ctx, run.ID))
	if _, err := alpha.client(api.Clerk).ExportPaymentRun(ctx, run.ID); fault.CodeOf(err) != fault.Forbidden {
		t.Fatalf("a clerk exports: %v", err)
	}
	file := must(ann.ExportPaymentRun(ctx, run.ID))
	if !bytes.Equal(file, must(bob.ExportPaymentRun(ctx, run.ID))) {
		t.Fatal("the file is not the same again")
	}
	report := must(b.Submit(file))
	for _, x := range []wire.BankIntake{must(ann.ImportBankFile(ctx, "status.xml", report)), must(ann.ImportBankFile(ctx, "ours.xml", must(b.Notice(bankAccounts["ALPHA"])))),
		must(bravo.client(api.Finance).ImportBankFile(ctx, "theirs.xml", must(b.Notice(bankAccounts["BRAVO"]))))} {
		if len(x.Lines) != 1 || x.Lines[0].Exception != "" || x.Repeated {
			t.Fatalf("intake: %+v", x)
		}
	}
	for _, s := range []*side{alpha, bravo} {
		for _, o := range debts {
			eventually(t, "the debt is settled", func() bool {
				got, err := s.as(api.Auditor).Obligation(ctx, o.ID)
				return err == nil && got.State == settlement.Settled && strings.HasPrefix(got.Payment.Reference, run.Payments[0].EndToEnd)
			})
		}
		eventually(t, "the periods are closed", func() bool {
			p, err := s.as(api.Clerk).Period(ctx, order, usage.Interval{From: int64(millis("2026-02-01T00:00:00Z")), To: int64(millis("2026-02-01T01:00:00Z"))})
			return err == nil && p.State == invoice.PeriodClosed
		})
	}
	eventually(t, "the run is told", func() bool {
		r, err := ann.PaymentRun(ctx, run.ID)
		return err == nil && r.Payments[0].State == "advised"
	})
	if all := must(client.Collect(bravo.client(api.Auditor).Received(ctx, client.Filter{"all": "true"}))); len(all) != 2 {
		t.Errorf("received: %+v", all)
	}
	if all := must(client.Collect(ann.Carried(ctx))); len(all) != 1 || all[0].Amount.Micro == 0 {
		t.Errorf("carried: %+v", all)
	}
	if err := b.Audit(); err != nil {
		t.Error(err)
	}
}

// With four_eyes a payment by hand waits for the second person, who says the same.
func TestAPaymentByHandWaitsForASecondPerson(t *testing.T) {
	w, _, debts := owing(t)
	ctx := within(t)
	alpha := w.sides["ALPHA"]
	o := debts[0]
	said := wire.Advise{Amount: settlement.Payable(o.Amount), Method: o.Method, Reference: "bank 1", PaidAt: millis("2026-03-01T00:00:00Z")}
	for range 2 {
		if d, err := alpha.as(api.Finance).Advise(ctx, o.ID, said); err != nil || !d.Waits || d.Record.State != settlement.Owed {
			t.Fatalf("one person: %+v, %v", d, err)
		}
	}
	said.PaidAt = millis("2026-03-01T00:05:00Z")
	if d, err := alpha.another().With("BRAVO").Advise(ctx, o.ID, said); err != nil || d.Waits || d.Record.State != settlement.Advised {
		t.Fatalf("two persons: %+v, %v", d, err)
	}
	// As does one for a list of debts.
	other := debts[1]
	pays, err := alpha.as(api.Finance).Payable(ctx, []string{other.ID}, "")
	if err != nil || pays.Amount != settlement.Payable(other.Amount) || pays.Method != other.Method {
		t.Fatalf("as one payment: %+v, %v", pays, err)
	}
	if both, err := alpha.as(api.Finance).Payable(ctx, []string{other.ID, o.ID, other.ID}, trade.MethodToken); err != nil || both.Amount.Micro != other.Amount.Micro+o.Amount.Micro || len(both.Obligations) != 2 {
		t.Errorf("two by tokens: %+v, %v", both, err)
	}
	if _, err := alpha.as(api.Finance).Payable(ctx, []string{other.ID, "N-1"}, ""); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("a debt that there is not: %v", err)
	}
	all := wire.AdviseAll{Obligations: []string{other.ID}, Amount: pays.Amount, Method: other.Method, Reference: "bank 2", PaidAt: said.PaidAt}
	if d, err := alpha.as(api.Finance).AdviseAll(ctx, all); err != nil || !d.Waits || d.Obligations[0].State != settlement.Owed {
		t.Fatalf("one person, a list: %+v, %v", d, err)
	}
	if d, err := alpha.another().With("BRAVO").AdviseAll(ctx, all); err != nil || d.Waits || d.Obligations[0].State != settlement.Advised {
		t.Fatalf("two persons, a list: %+v, %v", d, err)
	}
	// As does a command that was signed elsewhere.
	bravo := w.sides["BRAVO"]
	eventually(t, "the advice is at BRAVO", func() bool {
		d, err := bravo.as(api.Finance).Obligation(ctx, o.ID)
		return err == nil && d.State == settlement.Advised
	})
	prepared := must(bravo.client(api.Finance).Prepare(ctx, wire.Prepare{Partner: "ALPHA", Kind: trade.KindPaymentReceipt,
		Body: map[string]any{"obligation": o.ID, "amount": said.Amount}}))
	ready := signed(t, prepared, bravo.keys.delegates[party.Finance])
	if _, err := bravo.client(api.Finance).Submit(ctx, ready); fault.CodeOf(err) != trade.CodeSecondPerson {
		t.Fatalf("one person, signed elsewhere: %v", err)
	}
	must(bravo.another().Submit(ctx, ready))
	if d := must(bravo.as(api.Finance).Obligation(ctx, o.ID)); d.State != settlement.Settled {
		t.Fatalf("two persons, signed elsewhere: %+v", d)
	}
}
