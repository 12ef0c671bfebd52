package trade

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/token"
)

// funded is a world with 500 USDt at ALPHA and 100 at BRAVO.
func funded(t testing.TB) *world {
	w := tokens(t)
	w.must(
		"CHARLIE issue.propose id=A token=USDt act=reserve-in amount=USD:600 reference=B as=ivan", "CHARLIE issue.approve id=A token=USDt as=ines",
		"CHARLIE issue.propose id=M token=USDt act=mint amount=USD:600 as=ivan", "CHARLIE issue.approve id=M token=USDt as=ines",
		"CHARLIE token.transfer transfers=T1>ALPHA>USDt:500,T2>BRAVO>USDt:100",
	)
	return w
}

func (w *world) has(who, purpose, currency string) money.Micro {
	return View{w.public}.Balance(settlement.Account{Party: party.Code(who), Purpose: settlement.Purpose(purpose), Currency: money.Currency(currency)})
}

// Whatever members do in whatever order, every unit is on some account: after each
// command world.execute recounts everything.
func TestNoTokenIsMadeOrLostByAnySequence(t *testing.T) {
	r := random(t)
	w := funded(t)
	done := 0
	who := []string{"ALPHA", "BRAVO", "CHARLIE"}
	for i := range 700 {
		actor, to := who[r.IntN(3)], who[r.IntN(3)]
		owner := who[r.IntN(3)]
		amount := fmt.Sprintf("USDt:%d.%06d", r.IntN(9), 1+r.IntN(999_999))
		var pending []token.Hold
		for h := range (View{w.public}).Holds("") {
			if h.State == token.Pending {
				pending = append(pending, h)
			}
		}
		h := token.Hold{Owner: "ALPHA", ID: "none", To: "BRAVO", Amount: token.Amount{Token: "USDt", Micro: 1}}
		if len(pending) > 0 {
			h = pending[r.IntN(len(pending))]
		}
		line := ""
		switch r.IntN(12) {
		case 0, 1, 2:
			line = fmt.Sprintf("%s token.transfer transfers=T%d>%s>%s,U%d>%s>%s", actor, i, to, amount, i, owner, amount)
		case 3, 4:
			line = fmt.Sprintf("%s hold.place id=H%d to=%s amount=%s hours=%d", actor, i, to, amount, 1+r.IntN(3))
		case 5:
			line = fmt.Sprintf("%s hold.place id=H%d to=%s amount=%s lock=k", actor, i, to, amount)
		case 6:
			line = fmt.Sprintf("%s hold.post owner=%s id=%s amount=USDt:%s", h.Owner, h.Owner, h.ID, 1+money.Micro(r.Int64N(int64(h.Amount.Micro))))
		case 7:
			line = fmt.Sprintf("%s hold.post owner=%s id=%s amount=USDt:%s lock=k", h.To, h.Owner, h.ID, h.Amount.Micro)
		case 8:
			line = fmt.Sprintf("%s hold.void owner=%s id=%s", actor, h.Owner, h.ID)
		case 9:
			line = fmt.Sprintf("ALPHA tick hold=%s owner=%s public", h.ID, h.Owner)
		case 10:
			line = fmt.Sprintf("%s redeem.request id=R%d amount=USDt:%d", actor, i, 1+r.IntN(5))
		case 11:
			line = fmt.Sprintf("time seconds=%d", r.IntN(3000))
		}
		if out := w.run(line); strings.HasPrefix(out, "done") {
			done++
		}
	}
	if done < 150 {
		t.Errorf("only %d of 700 commands were executed: the story says nothing", done)
	}
	sum := money.Micro(0)
	for a, balance := range (View{w.public}).Balances() {
		if a.Currency == "USDt" && a.Purpose != settlement.Issued {
			sum += balance
		}
	}
	if sum != 600_000_000 {
		t.Errorf("%s USDt are on accounts, want 600", sum)
	}
}

// Two nodes of one member spend the same tokens at once: the ledger puts one
// before the other, and the second has nothing left.
func TestADoubleSpendByRacingNodesPaysOnce(t *testing.T) {
	w := funded(t)
	w.must("ALPHA key.rotate add-node=ALPHA.second", "height blocks=2")
	w.must("ALPHA token.transfer transfers=T1>BRAVO>USDt:400")
	if out := w.run("ALPHA token.transfer transfers=T2>CHARLIE>USDt:400 sender=ALPHA.second"); !strings.HasPrefix(out, "refused insufficient-funds") {
		t.Error(out)
	}
	// The same payment by both nodes is one.
	if out := w.run("ALPHA token.transfer transfers=T1>BRAVO>USDt:400 sender=ALPHA.second"); !strings.HasPrefix(out, "done") {
		t.Error(out)
	}
	if left := w.has("ALPHA", "available", "USDt"); left != 100_000_000 {
		t.Errorf("%s are left, want 100", left)
	}
}

// A node dies between the hold and its post: after its start it posts, or the
// hold's time is over; either way every unit is accounted for.
func TestACrashBetweenHoldAndPostLosesNothing(t *testing.T) {
	for name, lines := range map[string][]string{
		"it goes on":       {"ALPHA hold.post id=H amount=USDt:70", "ALPHA hold.post id=H amount=USDt:70"},
		"it never returns": {"time hours=2", "BRAVO tick hold=H owner=ALPHA public"},
	} {
		w := funded(t)
		w.must("ALPHA hold.place id=H to=BRAVO amount=USDt:70 until=1", "ALPHA hold.place id=H to=BRAVO amount=USDt:70 until=1")
		if a, h := w.has("ALPHA", "available", "USDt"), w.has("ALPHA", "held", "USDt"); a != 430_000_000 || h != 70_000_000 {
			t.Errorf("%s: %s available and %s held", name, a, h)
		}
		w.must(lines...)
		want := map[bool]money.Micro{true: 430_000_000, false: 500_000_000}[name == "it goes on"]
		if a, h := w.has("ALPHA", "available", "USDt"), w.has("ALPHA", "held", "USDt"); a != want || h != 0 {
			t.Errorf("%s: in the end %s available and %s held", name, a, h)
		}
	}
}

// Sums that would leave 64 bits are refused, and nothing moves.
func TestTokensAtTheEdgeOf64BitsAreRefused(t *testing.T) {
	w := funded(t)
	most := money.Micro(math.MaxInt64)
	for _, line := range []string{
		"ALPHA token.transfer transfers=T9>BRAVO>USDt:" + most.String() + ",T10>BRAVO>USDt:1",
		"ALPHA token.transfer transfers=T9>BRAVO>USDt:" + most.String() + " as=ALPHA.member",
		"ALPHA hold.place id=H9 to=BRAVO amount=USDt:" + most.String() + " as=ALPHA.member",
		"CHARLIE issue.propose id=X token=USDt act=mint amount=USD:" + most.String() + " as=CHARLIE.member",
	} {
		if out := w.run(line); !strings.HasPrefix(out, "refused money-overflow") && !strings.HasPrefix(out, "refused insufficient-funds") {
			t.Errorf("%s: %s", line, out)
		}
	}
}

// The check of a block sees a balance that no posting has made.
func TestABlockThatMakesMoneyIsSeen(t *testing.T) {
	w := funded(t)
	account := settlement.Account{Party: "ALPHA", Purpose: settlement.Available, Currency: "USDt"}
	write := Write{BalanceKey(account), canon.Must(Balance{500_000_001})}
	damaged := maps.Clone(w.public)
	damaged.apply([]Write{write})
	if err := Conserved(w.public, damaged, slices.Values([]string{write.Key}), w.time); err == nil {
		t.Error("a millionth from nowhere goes unseen")
	}
	if _, err := (View{damaged}).Recount(w.time); err == nil {
		t.Error("the recount does not see it")
	}
	k, _ := View{w.public}.Token("USDt")
	k.Supply++
	damaged = maps.Clone(w.public)
	damaged.apply([]Write{{TokenKey("USDt"), canon.Must(k)}})
	if _, err := (View{damaged}).Recount(w.time); err == nil {
		t.Error("a supply that no account has goes unseen")
	}
	reserve := settlement.Account{Party: "CHARLIE", Purpose: settlement.Reserve("USDt"), Currency: "USD"}
	j := stored[settlement.Journal](w.public[JournalKey(1)])
	j.Postings[0].Amount--
	damaged = maps.Clone(w.public)
	outside := settlement.Account{Party: "CHARLIE", Purpose: settlement.Outside, Currency: "USD"}
	damaged.apply([]Write{{BalanceKey(reserve), canon.Must(Balance{599_999_999})}, {BalanceKey(outside), canon.Must(Balance{-599_999_999})}, {JournalKey(1), canon.Must(j)}})
	if err := Conserved(w.public, damaged, slices.Values([]string{BalanceKey(reserve), BalanceKey(outside)}), w.time); err == nil || !strings.Contains(err.Error(), "does not cover") {
		t.Errorf("a block that leaves a reserve short: %v", err)
	}
	if _, err := (View{damaged}).Recount(w.time); err == nil || !strings.Contains(err.Error(), "does not cover") {
		t.Errorf("a reserve that is short: %v", err)
	}
}
