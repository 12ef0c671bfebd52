package trade

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/repute"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/token"
)

// tokens is a world in which CHARLIE issues USDt by two officers, and ALPHA and
// BRAVO have a treasurer each on the Omnilateral.
func tokens(t testing.TB) *world {
	w := newWorld(t)
	w.must(tokenSetup...)
	return w
}

// tokenSetup are the lines before every story about tokens.
var tokenSetup = []string{
	"CHARLIE delegate.add public key=ivan roles=issuer,compliance limit=USD:1000000,EUR:1000000,XDR:1000000,CNY:1000000,JPY:100000000,GBP:1000000",
	"CHARLIE delegate.add public key=ines roles=issuer,compliance limit=USD:1000000,EUR:1000000,XDR:1000000,CNY:1000000,JPY:100000000,GBP:1000000",
	"CHARLIE delegate.add public key=carl roles=finance limit=USD:1000000,EUR:1000000,XDR:1000000",
	"ALPHA delegate.add public key=anna roles=finance,oracle limit=USD:1000000,EUR:1000000,XDR:1000000",
	"BRAVO delegate.add public key=bob roles=finance,oracle limit=USD:1000,EUR:1000,XDR:1000",
	"CHARLIE token.define token=USDt cap=1000",
	"ALPHA token.approve token=USDt", "BRAVO token.approve token=USDt",
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
	case KindLockOpen:
		b := LockOpen{lockID(a["id"]), tokenOf(a["amount"]), [2]sign.PublicKey{key(a["id"] + ".owner").Public(), key(a.or("key", a["id"]+".partner")).Public()}}
		return b
	case KindLockTopUp:
		return LockTopUp{lockID(a["id"]), micro(a["was"]), micro(a["more"])}
	case KindLockChange, KindDepositChange:
		b := LockChange{Reveals: a.has("reveals")}
		names := map[canon.Hash]string{}
		for _, s := range a.list("changes") { // L1:60+40
			name, figures, _ := strings.Cut(s, ":")
			in, back, _ := strings.Cut(figures, "+")
			l, _ := View{w.public}.Lock(lockID(name))
			names[lockID(name)] = name
			b.Changes.List = append(b.Changes.List, token.Change{Lock: lockID(name), Round: l.Round + uint64(a.int("ahead", 0)), Amount: micro(in), Back: micro(back)})
		}
		b.Changes.Until = w.time + 1000*a.int("valid-seconds", 60)
		if k == KindDepositChange {
			slices.SortFunc(b.Changes.List, func(x, y token.Change) int { return slices.Compare(x.Lock[:], y.Lock[:]) })
			return DepositChange{b.Changes}
		}
		slices.SortFunc(b.Changes.List, func(x, y token.Change) int { return slices.Compare(x.Lock[:], y.Lock[:]) })
		for _, c := range b.Changes.List {
			partner := key(names[c.Lock] + ".partner")
			if names[c.Lock] == a["unsigned"] {
				partner = key("mallory")
			}
			b.Signatures = append(b.Signatures, [2]sign.Signature{b.Changes.Sign(key(names[c.Lock]+".owner"), testChain), b.Changes.Sign(partner, testChain)})
		}
		return b
	case KindLockExit:
		b := LockExit{Mine: w.paid(a["lock"], a["by"], a["mine"], a)}
		if a.has("theirs") {
			p := w.paid(a["lock"], map[string]string{"owner": "partner", "partner": "owner"}[a["by"]], a["theirs"], args{})
			b.Theirs = &p
		}
		return b
	case KindLockContest:
		return LockContest{w.paid(a["lock"], a["by"], a["total"], a)}
	case KindLockClaim:
		return LockClaim{lockID(a["lock"]), party.Code(a["to"]), token.SignClaim(key(a.or("signer", a["lock"]+".partner")), testChain, lockID(a["lock"]), party.Code(a.or("signed", a["to"])))}
	case KindDepositKey:
		return DepositKey{key(a["key"]).Public()}
	case KindDepositDeclare:
		return DepositDeclare{lockID(a["lock"])}
	case KindDepositPay:
		b := DepositPay{ID: a["id"], Amount: tokenOf(a["amount"])}
		for _, s := range a.list("obligations") {
			b.Obligations = append(b.Obligations, w.invoiceID(a, s))
		}
		slices.Sort(b.Obligations)
		paid, _ := View{w.state}.Payment(View{w.public}, party.Code(actor), b.Amount, w.time)
		for _, p := range paid {
			p.Total -= micro(a.or("less", "0"))
			name := w.lockNames[p.Lock] + map[token.Side]string{token.OwnerSide: ".owner", token.PartnerSide: ".partner"}[p.By]
			if a.has("forged-total") {
				name = "mallory"
			}
			b.Paid = append(b.Paid, p.Sign(key(name), testChain))
		}
		return b
	case KindReputeCommit:
		return ReputeCommit{repute.Commit(key(a["name"]).Public(), canon.Sum("salt", []byte(a["name"])))}
	case KindReputeState:
		b := ReputeState{Statement: repute.Statement{Subject: key(a["of"]).Public(), Invoices: uint32(a.int("invoices", 12)), OnTime: uint32(a.int("on-time", 12)), Days: uint32(a.int("days", 30))}}
		if a.has("agreed") {
			b.Agreed = b.Statement.Agree(key(a["agreed"]), testChain, party.Code(actor))
		}
		return b
	case KindReputeShow:
		return ReputeShow{key(a["name"]).Public(), canon.Sum("salt", []byte(a.or("salt", a["name"]))), Possession(key(a.or("signer", a["name"])), testChain, a.or("owner", actor))}
	case KindCredentialStatus:
		b := CredentialStatus{List: a["list"], Size: uint32(a.int("size", 0))}
		for _, s := range a.list("revoke") {
			n, err := strconv.ParseUint(s, 10, 32)
			if err != nil {
				w.t.Fatal(err)
			}
			b.Revoke = append(b.Revoke, uint32(n))
		}
		return b
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

// lockID gives the id of a lock by its name.
func lockID(name string) canon.Hash { return canon.Sum("test/lock/id", []byte(name)) }

// paid gives a side's signed total.
func (w *world) paid(lock, by, total string, a args) token.SignedPaid {
	l, _ := View{w.public}.Lock(lockID(lock))
	p := token.Paid{Lock: l.ID, Round: l.Round - uint64(a.int("rounds-ago", 0)), Total: micro(total)}
	if by == "partner" {
		p.By = token.PartnerSide
	}
	return p.Sign(key(a.or("signer", lock+"."+by)), testChain)
}

// locked is a world in which ALPHA and BRAVO may pay each other by tokens: each has
// a lock of 100 USDt, L1 and L2, CHARLIE one of 100 with whom nobody knows, L3; and
// what the two owe each other waits to be paid: ALPHA 0.1 for each of three hours,
// BRAVO 0.3 for one.
func locked(t testing.TB) *world {
	w := trading(t, "files netting pays=token")
	w.must(tokenSetup...)
	w.must(
		"CHARLIE issue.propose id=A token=USDt act=reserve-in amount=USD:1000 reference=B as=ivan", "CHARLIE issue.approve id=A token=USDt as=ines",
		"CHARLIE issue.propose id=M token=USDt act=mint amount=USD:1000 as=ivan", "CHARLIE issue.approve id=M token=USDt as=ines",
		"CHARLIE token.transfer transfers=T1>ALPHA>USDt:500,T2>BRAVO>USDt:200",
	)
	for _, name := range []string{"L1", "L2", "L3", "L4"} {
		w.lockNames[lockID(name)] = name
	}
	for _, bill := range []struct{ order, hour, lines, buyer string }{{"O-AB", "0", "2:10/600", "ALPHA"}, {"O-AB", "1", "2:10/600", "ALPHA"}, {"O-AB", "2", "2:10/600", "ALPHA"}, {"O-BA", "3", "2:30/1800", "BRAVO"}} {
		at := " order=" + bill.order + " hour=" + bill.hour
		if w.time < hours(bill.hour).To {
			w.time = hours(bill.hour).To + 1000
		}
		w.must("ALPHA rating.request"+at, "ALPHA usage.state"+at+" lines="+bill.lines, "BRAVO usage.state"+at+" lines="+bill.lines,
			bill.buyer+" invoice.accept order="+bill.order+" id="+bill.hour+".USD.1", bill.buyer+" obligation.open order="+bill.order+" ids="+bill.hour+".USD.1")
	}
	return w
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
