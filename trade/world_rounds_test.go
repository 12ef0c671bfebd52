package trade

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/netting"
	"github.com/lateral-network/lateral/trade/party"
)

// roundID gives the id of a round by its name.
func roundID(name string) canon.Hash { return canon.Sum("test/round/id", []byte(name)) }

// roundKey gives a member's key of a round.
func roundKey(round, member string) sign.PrivateKey { return key(round + "." + member) }

// roundCommand makes a command about a round of netting; nil: it is none.
func (w *world) roundCommand(actor string, k Kind, a args) any {
	id := roundID(a["round"])
	r, _ := View{w.public}.Round(id)
	hash := r.Netting(testChain).Hash()
	if a.has("hash-of") {
		other, _ := View{w.public}.Round(roundID(a["hash-of"]))
		hash = other.Netting(testChain).Hash()
	}
	secret := func(member string) sign.PrivateKey {
		if member == a["unsigned"] {
			return key("mallory")
		}
		return roundKey(a["round"], member)
	}
	switch k {
	case KindRoundCall:
		return RoundCall{id, money.Currency(a.or("currency", "USD")), netting.Method(a.or("method", "compression")), w.time + hourMs*a.int("join", 1), w.time + hourMs*a.int("sign", 2)}
	case KindRoundOffer:
		b := RoundOffer{Round: id}
		for _, s := range a.list("offers") { // ALPHA>BRAVO:0.3
			pair, amount, _ := strings.Cut(s, ":")
			debtor, creditor, _ := strings.Cut(pair, ">")
			o := netting.Offer{Round: hash, Debtor: roundKey(a["round"], debtor).Public(), Creditor: roundKey(a["round"], creditor).Public(), Amount: micro(amount)}
			b.Offers = append(b.Offers, netting.SignedOffer{Offer: o, Debtor: o.Sign(secret(debtor)), Creditor: o.Sign(secret(creditor))})
		}
		for _, s := range a.list("limits") {
			member, most, _ := strings.Cut(s, ":")
			l := netting.Limit{Round: hash, Member: roundKey(a["round"], member).Public(), Most: micro(most)}
			b.Limits = append(b.Limits, netting.SignedLimit{Limit: l, Signature: l.Sign(secret(member))})
		}
		return b
	case KindRoundSign, KindRoundPay:
		result, err := View{w.public}.RoundOffers(r, testChain).Net()
		if err != nil {
			w.t.Fatal(err)
		}
		if a.has("wrong-sum") {
			result.Outcome.Left++
		}
		s := result.Sign(secret(a["key"]))
		s.Key = roundKey(a["round"], a["key"]).Public()
		if k == KindRoundSign {
			return RoundSign{id, s}
		}
		account := netting.Account{Result: result.Hash(), Member: party.Code(a.or("for", actor))}
		return RoundPay{id, s, account.Sign(secret(a["key"]))}
	case KindRoundJoin:
		return RoundJoin{id, roundKey(a["round"], a.or("key", actor)).Public()}
	case KindRoundBind:
		b := RoundBind{Round: id}
		for _, s := range a.list("obligations") {
			b.Obligations = append(b.Obligations, w.invoiceID(a, s))
		}
		slices.Sort(b.Obligations)
		for i, who := range []party.Code{"ALPHA", "BRAVO"} {
			o := netting.Offer{Round: hash, Debtor: roundKey(a["round"], string(who)).Public(), Creditor: roundKey(a["round"], []string{"BRAVO", "ALPHA"}[i]).Public()}
			for _, id := range b.Obligations {
				if x, _ := (View{w.state}).Obligation(id); x.Payer == who {
					o.Amount += x.Left().Micro
				}
			}
			if o.Amount > 0 {
				b.Signatures = append(b.Signatures, o.Sign(secret(actor)))
			}
		}
		return b
	case KindRoundApply:
		return RoundApply{id}
	}
	return nil
}

// roundShown prints a round as it is now.
func (w *world) roundShown(name string) string {
	v := View{w.public}
	r, ok := v.Round(roundID(name))
	if !ok {
		return "there is none\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s by %s: %s offered, %d signatures missing\n", r.Method, r.At(w.time), r.Caller, r.Gross, r.Missing)
	result, _ := v.RoundResult(r.ID)
	member := func(at uint32) string {
		for _, who := range []string{"ALPHA", "BRAVO", "CHARLIE", "DELTA", "X", "Y"} {
			if roundKey(name, who).Public() == result.Outcome.Keys[at] {
				return who
			}
		}
		return "?"
	}
	for _, c := range result.Outcome.Changes {
		fmt.Fprintf(&b, "%s owes %s %s, not %s\n", member(c.Debtor), member(c.Creditor), c.New, c.Old)
	}
	for _, p := range result.Outcome.Payments {
		fmt.Fprintf(&b, "%s pays %s %s\n", member(p.Payer), member(p.Payee), p.Amount)
	}
	lines := strings.SplitAfter(b.String(), "\n")
	slices.Sort(lines[1:]) // keys have an order of their own
	return strings.Join(lines, "")
}
