package trade

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/token"
)

// tokens is a world in which CHARLIE issues USDt by two officers, and ALPHA and
// BRAVO have a treasurer each on the Omnilateral.
func tokens(t testing.TB) *world {
	w := newWorld(t)
	w.must(
		"CHARLIE delegate.add public key=ivan roles=issuer,compliance limit=USD:1000000,EUR:1000000,XDR:1000000,CNY:1000000,JPY:100000000,GBP:1000000",
		"CHARLIE delegate.add public key=ines roles=issuer,compliance limit=USD:1000000,EUR:1000000,XDR:1000000,CNY:1000000,JPY:100000000,GBP:1000000",
		"CHARLIE delegate.add public key=carl roles=finance limit=USD:1000000,EUR:1000000,XDR:1000000",
		"ALPHA delegate.add public key=anna roles=finance,oracle limit=USD:1000000,EUR:1000000,XDR:1000000",
		"BRAVO delegate.add public key=bob roles=finance,oracle limit=USD:1000,EUR:1000,XDR:1000",
		"CHARLIE token.define token=USDt cap=1000",
		"ALPHA token.approve token=USDt", "BRAVO token.approve token=USDt",
	)
	return w
}

func (w *world) must(lines ...string) {
	w.t.Helper()
	for _, line := range lines {
		if out := w.run(line); strings.Contains(out, "refused") {
			w.t.Fatalf("%s: %s", line, out)
		}
	}
}

// tokenOf reads "USDt:5".
func tokenOf(s string) token.Amount {
	c, v, _ := strings.Cut(s, ":")
	m, err := money.ParseMicro(v)
	if err != nil {
		panic(err)
	}
	return token.Amount{Token: token.Code(c), Micro: m}
}

// lockKey gives the key of a lock by its name.
func lockKey(name string) canon.Hash { return canon.Sum("test/lock", []byte(name)) }

// tokenCommand makes a command about tokens; nil: it is none.
func (w *world) tokenCommand(actor string, k Kind, a args) any {
	in := func(name string, def int64) int64 { return w.time + hourMs*a.int(name, def) }
	switch k {
	case KindTokenDefine:
		return TokenDefine{token.Code(a["token"]), amounts("X:" + a.or("cap", "0"))[0].Micro, 1000 * a.int("redeem", 172_800)}
	case KindTokenApprove:
		return TokenApprove{token.Code(a["token"]), party.Code(a.or("by", actor))}
	case KindIssuePropose:
		return IssuePropose{a["id"], token.Code(a["token"]), w.act(a)}
	case KindIssueApprove, KindIssueReject:
		i, _ := View{w.public}.Issue(token.Code(a["token"]), a["id"])
		if a.has("other") {
			i.Act.Amount.Micro++
		}
		return IssueAnswer{a["id"], token.Code(a["token"]), i.Hash(), a["why"]}
	case KindTokenTransfer:
		var b TokenTransfer
		for _, s := range a.list("transfers") { // id>TO>USDt:5
			p := strings.Split(s, ">")
			b.Transfers = append(b.Transfers, token.Transfer{ID: p[0], To: party.Code(p[1]), Amount: tokenOf(p[2]), From: settlement.Purpose(a["from"]), For: settlement.Purpose(a["for"])})
		}
		return b
	case KindHoldPlace:
		b := HoldPlace{ID: a["id"], To: party.Code(a["to"]), Amount: tokenOf(a["amount"]), Expires: in("hours", 1)}
		if a.has("until") {
			b.Expires = base + hourMs*a.int("until", 0)
		}
		if a.has("lock") {
			key := lockKey(a["lock"])
			b.Lock = sha256.Sum256(key[:])
		}
		return b
	case KindHoldPost:
		b := HoldPost{Owner: party.Code(a.or("owner", actor)), ID: a["id"], Amount: tokenOf(a["amount"])}
		if a.has("lock") {
			b.Key = lockKey(a["lock"])
		}
		return b
	case KindHoldVoid:
		return HoldAnswer{party.Code(a.or("owner", actor)), a["id"]}
	case KindSwapOffer:
		return SwapOffer{a["id"], tokenOf(a["gives"]), tokenOf(a["wants"]), party.Code(a["to"]), in("hours", 1)}
	case KindSwapTake, KindSwapCancel:
		b := SwapAnswer{Owner: party.Code(a.or("owner", actor)), ID: a["id"]}
		if k == KindSwapTake {
			b.Gives, b.Wants = tokenOf(a["gives"]), tokenOf(a["wants"])
		}
		return b
	case KindRedeem:
		return RedeemRequest{a["id"], tokenOf(a["amount"]), canon.Sum("account", []byte(actor))}
	case KindFeedState:
		return FeedState{pairOf(a["pair"]), rateOf(a["rate"]), w.time + 1000*a.int("seconds", 0)}
	}
	return nil
}

func pairOf(s string) token.Pair {
	base, quote, _ := strings.Cut(s, "/")
	return token.Pair{Base: money.Currency(base), Quote: money.Currency(quote)}
}

func rateOf(s string) money.Rate {
	r, err := money.ParseRate(s)
	if err != nil {
		panic(err)
	}
	return r
}

// act reads an act of an issuer: kind=mint amount=USD:5.
func (w *world) act(a args) token.Act {
	x := token.Act{Kind: token.ActKind(a["act"]), Reference: a["reference"], Member: party.Code(a["member"]), Why: a["why"], Country: a["country"], Redemption: a["redemption"], Paid: amounts(a["paid"])}
	if a.has("amount") {
		x.Amount = amounts(a["amount"])[0]
	}
	if x.Reference != "" {
		x.Evidence = canon.Sum("statement", []byte(x.Reference))
	}
	if a.has("pair") {
		f := token.Feed{Pair: pairOf(a["pair"]), Quorum: uint32(a.int("quorum", 2)), Stale: hourMs * a.int("stale", 24), Deviation: uint32(a.int("deviation", 10_000))}
		for _, s := range a.list("sources") {
			f.Sources = append(f.Sources, key(s).Public())
		}
		x.Feed = &f
	}
	if a.has("basket") {
		b := token.Basket{Name: a.or("name", "2022"), From: w.time + hourMs*a.int("from", 0)}
		for _, p := range a.list("basket") {
			c, v, _ := strings.Cut(p, ":")
			b.Parts = append(b.Parts, token.Part{Currency: money.Currency(c), Amount: rateOf(v)})
		}
		x.Basket = &b
	}
	return x
}

// tokensShown is what "show tokens" prints.
func (w *world) tokensShown() string {
	var b strings.Builder
	v := View{w.public}
	for k := range v.Tokens() {
		fmt.Fprintf(&b, "%s of %s %s: supply %s of at most %s, approved by %v, barred in %v\n", k.Code, k.Issuer, k.State, k.Supply, k.Cap, k.Approved, k.Barred)
	}
	for a, balance := range v.Balances() {
		fmt.Fprintf(&b, "%s %s %s %s\n", a.Party, a.Purpose, a.Currency, balance)
	}
	if books, err := v.Recount(w.time); err != nil {
		fmt.Fprintf(&b, "the books are wrong: %v\n", err)
	} else {
		for _, x := range books.Tokens {
			fmt.Fprintf(&b, "%s %s held, needed %v, reserve %v\n", x.Token, x.Held, x.Needed, x.Reserve)
		}
	}
	return b.String()
}

// treasurers are who signs for a member on the Omnilateral when a line names
// nobody.
var treasurers = map[string]string{"ALPHA": "anna", "BRAVO": "bob", "CHARLIE": "carl"}
