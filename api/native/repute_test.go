package native_test

import (
	"testing"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/clearing"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/repute"
)

// Before a first agreement each sees of the other what a pseudonym is said to pay
// like; a stranger's praise of it counts for nothing.
func TestReputationIsSeenBeforeAFirstAgreement(t *testing.T) {
	w := opened(t)
	ctx := within(t)
	a, b := w.sides["ALPHA"], w.sides["BRAVO"]
	a.clear(clearing.Automatic{})
	b.clear(clearing.Automatic{})
	none, err := a.as(api.Clerk).Reputation(ctx)
	if err != nil || !none.Pseudonym.IsZero() || none.Counted != 0 {
		t.Errorf("before it has a pseudonym: %+v, %v", none, err)
	}
	if _, err := b.client(api.Finance).CommitPseudonym(ctx, wire.CommitPseudonym{}); fault.CodeOf(err) != fault.Forbidden {
		t.Errorf("finance binds its carrier to a pseudonym: %v", err)
	}
	admin := b.client(api.Administrator)
	bound, err := admin.CommitPseudonym(ctx, wire.CommitPseudonym{})
	if err != nil || bound.Record.Pseudonyms != 1 || bound.Record.Pseudonym.IsZero() {
		t.Fatalf("%+v, %v", bound, err)
	}
	if _, err := admin.CommitPseudonym(ctx, wire.CommitPseudonym{}); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("a second pseudonym, unasked: %v", err)
	}
	var seen wire.Reputation
	eventually(t, "BRAVO's node has shown its pseudonym", func() bool {
		seen, err = a.as(api.Clerk).Reputation(ctx)
		return err == nil && seen.Pseudonym == bound.Record.Pseudonym
	})
	if seen.Pseudonyms != 1 || seen.Ours != nil {
		t.Errorf("%+v", seen)
	}
	// BRAVO praises itself, by its own node.
	praise := trade.NewCommand(trade.KindReputeState, trade.ReputeState{Statement: repute.Statement{Subject: seen.Pseudonym, Invoices: 12, OnTime: 12}})
	if err := channel.FirstErr(must(b.member.Omni().Submit(ctx, praise))); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the praise is seen, and does not count", func() bool {
		seen, err = a.as(api.Clerk).Reputation(ctx)
		return err == nil && len(seen.Said) == 1 && seen.Others == 1 && seen.Counted == 0 && seen.Score == 0
	})
	one, err := a.as(api.Auditor).Bilateral(ctx)
	if err != nil || one.Reputation == nil || one.Reputation.Others != 1 {
		t.Errorf("with the Bilateral stands %+v, %v", one.Reputation, err)
	}
	// There is nothing that ALPHA could say yet.
	if _, err := a.as(api.Finance).StateReputation(ctx); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("a statement without a history: %v", err)
	}
	// Who takes another pseudonym is seen to have had two.
	if bound, err = admin.CommitPseudonym(ctx, wire.CommitPseudonym{Another: true}); err != nil || bound.Record.Pseudonyms != 2 {
		t.Fatalf("%+v, %v", bound, err)
	}
	eventually(t, "the other pseudonym is shown", func() bool {
		seen, err = a.as(api.Clerk).Reputation(ctx)
		return err == nil && seen.Pseudonym == bound.Record.Pseudonym && seen.Pseudonyms == 2 && len(seen.Said) == 0
	})
}

// What the history of payments gives, the payee says, and the payer's node signs it.
func TestAPayeeSaysHowItWasPaidAndThePayerSignsIt(t *testing.T) {
	w := opened(t)
	contracted(t, w)
	ctx := within(t)
	a, b := w.sides["ALPHA"], w.sides["BRAVO"]
	signed := must(a.as(api.ProductManager).Agreement(ctx, "MSA-1"))
	amended := wire.AmendAgreement{From: millis("2026-02-01T00:00:00Z"), Terms: *signed.Versions[0].Terms}
	clause := agreement.DefaultCredit("USD")
	clause.Allocation.Text = "500000"
	amended.Terms.Credit = &clause
	proposed := must(a.as(api.ProductManager).AmendAgreement(ctx, "MSA-1", amended))
	eventually(t, "the partner accepts the amendment", func() bool {
		got, err := b.as(api.ProductManager).AcceptAgreement(ctx, "MSA-1", proposed.Record.Pending.Hash)
		return err == nil && len(got.Record.Versions) == 2
	})
	w.pay(t, w.bill(t, "01"))
	must(a.client(api.Administrator).CommitPseudonym(ctx, wire.CommitPseudonym{}))
	var said wire.Said
	eventually(t, "BRAVO says how ALPHA has paid", func() bool {
		var err error
		said, err = b.as(api.Finance).StateReputation(ctx)
		return err == nil
	})
	if said.By != "BRAVO" || said.Statement.Invoices != 1 || !said.Agreed {
		t.Errorf("said: %+v", said)
	}
	eventually(t, "ALPHA sees what is said of it", func() bool {
		own, err := a.client(api.Auditor).OwnReputation(ctx)
		return err == nil && len(own.Said) == 1 && own.Said[0].By == "BRAVO" && own.Said[0].Agreed && len(own.Shown) == 1
	})
	// BRAVO's own word counts for BRAVO.
	seen := must(b.as(api.Clerk).Reputation(ctx))
	if seen.Counted != 1 || seen.Unagreed != 0 || seen.Ours == nil || *seen.Ours != said.Statement || !seen.Said[0].Counts {
		t.Errorf("seen by who said it: %+v", seen)
	}
	// ALPHA's desk signs nothing that is not so.
	desk, _ := a.deskFor("BRAVO")
	ask := func(s repute.Statement) error {
		_, err := desk.(*clearing.Desk).Answer(ctx, canon.Must(struct {
			Statement repute.Statement `cbor:"2,keyasint"`
		}{s}))
		return err
	}
	k := must(a.client(api.Auditor).OwnReputation(ctx)).Pseudonym
	for what, s := range map[string]repute.Statement{
		"more than there is": {Subject: k, Invoices: 2, OnTime: 2},
		"somebody else":      {Subject: sign.FromSeed([32]byte{9}).Public(), Invoices: said.Statement.Invoices, OnTime: said.Statement.OnTime, Days: said.Statement.Days},
	} {
		if err := ask(s); fault.CodeOf(err) != fault.NotYet {
			t.Errorf("%s is signed: %v", what, err)
		}
	}
	if err := ask(repute.Statement{Subject: k, Invoices: said.Statement.Invoices, OnTime: said.Statement.OnTime, Days: said.Statement.Days}); err != nil {
		t.Errorf("what is so is not signed: %v", err)
	}
}
