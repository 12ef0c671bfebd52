package native_test

import (
	"testing"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native"
	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/clearing"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/token"
)

// public submits a command on the Omnilateral by a role's key and fails the test
// when it is refused.
func (s *side) public(role party.Role, kind trade.Kind, body any) {
	s.w.t.Helper()
	c := must(s.authorize(api.Actor{}, role, trade.NewCommand(kind, body), canon.Hash{}))
	if err := channel.FirstErr(must(s.member.Omni().Submit(within(s.w.t), c))); err != nil {
		s.w.t.Fatal(err)
	}
}

// issue has ALPHA issue so many USDt to itself, by two officers.
func (w *world) issue(micro money.Micro) {
	w.t.Helper()
	a, b := w.sides["ALPHA"], w.sides["BRAVO"]
	officers := []party.Role{party.Issuer, "second officer"}
	for _, r := range officers {
		a.keys.delegates[r] = must(sign.Generate(nil))
		a.public(native.MemberKey, trade.KindDelegateAdd, trade.DelegateAdd{Key: a.keys.delegates[r].Public(), Name: string(r), Roles: []party.Role{party.Issuer}, Limits: limits})
	}
	a.public(native.MemberKey, trade.KindDelegateAdd, trade.DelegateAdd{Key: a.keys.delegates[party.Finance].Public(), Name: "treasury", Roles: []party.Role{party.Finance}, Limits: limits})
	a.public(native.MemberKey, trade.KindTokenDefine, trade.TokenDefine{Token: "USDt", Cap: micro, Redeem: 3_600_000})
	eventually(w.t, "BRAVO has heard of the token", func() bool {
		_, there := must2(b.member.Omni().Get(trade.TokenKey("USDt")))
		return there
	})
	b.public(native.MemberKey, trade.KindTokenApprove, trade.TokenApprove{Token: "USDt", By: "BRAVO"})
	usd := money.Amount{Currency: "USD", Micro: micro}
	for i, act := range []token.Act{{Kind: token.ReserveIn, Amount: usd, Reference: "R", Evidence: canon.Sum("statement")}, {Kind: token.Mint, Amount: usd}} {
		id := []string{"I-1", "I-2"}[i]
		eventually(w.t, "ALPHA may issue the token", func() (ok bool) {
			_ = a.member.Omni().View(func(v channel.View) error {
				t, _ := trade.View{Records: v}.Token("USDt")
				ok = t.State == token.Active
				return nil
			})
			return ok
		})
		a.public(officers[0], trade.KindIssuePropose, trade.IssuePropose{ID: id, Token: "USDt", Act: act})
		var hash canon.Hash
		_ = a.member.Omni().View(func(v channel.View) error {
			x, _ := trade.View{Records: v}.Issue("USDt", id)
			hash = x.Hash()
			return nil
		})
		a.public(officers[1], trade.KindIssueApprove, trade.IssueAnswer{ID: id, Token: "USDt", Hash: hash})
	}
}

func must2[T any](v T, ok bool, err error) (T, bool) {
	if err != nil {
		panic(err)
	}
	return v, ok
}

// [SET-03], [SET-22], [SET-25]: a treasurer opens a deposit, tops it up, gives a part
// back and leaves, over the API.
func TestATreasurerKeepsDepositsOverTheAPI(t *testing.T) {
	w := opened(t)
	ctx := within(t)
	a, b := w.sides["ALPHA"], w.sides["BRAVO"]
	a.clear(clearing.Automatic{})
	b.clear(clearing.Automatic{})
	w.issue(1000e6)
	finance := a.as(api.Finance)
	usdt := func(n money.Micro) token.Amount { return token.Amount{Token: "USDt", Micro: n * 1e6} }
	if _, err := finance.OpenDeposit(ctx, usdt(10)); fault.CodeOf(err) != trade.CodePaymentMethod {
		t.Fatalf("a deposit without an agreement that allows tokens: %v", err)
	}
	terms := must(a.client(api.Clerk).DefaultTerms(ctx))
	terms.Payment = []agreement.Method{{Name: trade.MethodToken}}
	must(a.as(api.ProductManager).ProposeAgreement(ctx, wire.ProposeAgreement{ID: "MSA-1", Type: agreement.MSA, Legal: legal(), Lines: []product.Line{"voice"}, Terms: terms}))
	eventually(t, "BRAVO has accepted the agreement", func() bool {
		_, err := b.as(api.ProductManager).AcceptAgreement(ctx, "MSA-1", terms.Hash())
		return err == nil
	})
	var x wire.Deposit
	eventually(t, "a deposit is open", func() bool {
		var err error
		x, err = finance.OpenDeposit(ctx, usdt(10))
		return err == nil
	})
	if x.Owner != "ALPHA" || x.Amount != usdt(10) || x.State != token.Locked || x.Ours != 10e6 || x.Theirs != 0 {
		t.Errorf("opened: %+v", x)
	}
	if x = must(finance.TopUpDeposit(ctx, wire.TopUpDeposit{Amount: usdt(5)})); x.Amount != usdt(15) {
		t.Errorf("topped up: %+v", x)
	}
	if got := must(a.as(api.Auditor).Deposit(ctx, x.ID.String())); got.Amount != x.Amount || got.ID != x.ID {
		t.Errorf("shown: %+v", got)
	}
	eventually(t, "BRAVO sees it", func() bool {
		n := 0
		for y, err := range b.as(api.Clerk).Deposits(ctx, client.Filter{"state": "locked"}) {
			if err != nil || y.ID != x.ID || y.Theirs != 15e6 {
				return false
			}
			n++
		}
		return n == 1
	})
	all := must(finance.ReleaseDeposits(ctx, wire.ReleaseDeposits{Token: "USDt", Keep: 4e6}))
	if len(all) != 1 || all[0].Amount != usdt(4) || all[0].Round != 1 {
		t.Errorf("released: %+v", all)
	}
	if _, err := finance.ExitDeposits(ctx, wire.ExitDeposits{}); fault.CodeOf(err) != trade.CodeReveals {
		t.Errorf("an exit that nobody has said yes to: %v", err)
	}
	if all = must(finance.ExitDeposits(ctx, wire.ExitDeposits{Reveals: true})); len(all) != 1 || all[0].State != token.Leaving || all[0].Contest == 0 || all[0].Ours != 4e6 {
		t.Errorf("left: %+v", all)
	}
	if _, err := finance.Deposit(ctx, canon.Hash{1}.String()); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("a deposit that is not there: %v", err)
	}
}
