package trade

import (
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/token"
)

// Token gives a token by its code.
func (v View) Token(c token.Code) (token.Token, bool) { return get[token.Token](v, TokenKey(c)) }

// Tokens yields all tokens by code.
func (v View) Tokens() iter.Seq[token.Token] { return all[token.Token](v, prefixToken) }

// Issue gives an act of a token's issuer.
func (v View) Issue(c token.Code, id string) (token.Issue, bool) {
	return get[token.Issue](v, IssueKey(c, id))
}

// Issues yields the acts of a token's issuer by id.
func (v View) Issues(c token.Code) iter.Seq[token.Issue] {
	return all[token.Issue](v, prefixIssue+string(c)+"/")
}

// Frozen yields the frozen accounts of a token.
func (v View) Frozen(c token.Code) iter.Seq[token.Frozen] {
	return all[token.Frozen](v, prefixFrozen+string(c)+"/")
}

// Transfer gives a transfer that was made.
func (v View) Transfer(sender party.Code, id string) (token.Done, bool) {
	return get[token.Done](v, TransferKey(sender, id))
}

// Hold gives a hold.
func (v View) Hold(owner party.Code, id string) (token.Hold, bool) {
	return get[token.Hold](v, HoldKey(owner, id))
}

// Holds yields an owner's holds by id; of everybody when it is empty.
func (v View) Holds(owner party.Code) iter.Seq[token.Hold] {
	return all[token.Hold](v, HoldKey(owner, "")[:len(prefixHold)+slashed(owner)])
}

// Swaps yields an owner's swaps by id; of everybody when it is empty.
func (v View) Swaps(owner party.Code) iter.Seq[token.Swap] {
	return all[token.Swap](v, SwapKey(owner, "")[:len(prefixSwap)+slashed(owner)])
}

// Redemptions yields an owner's redemptions by id; of everybody when it is empty.
func (v View) Redemptions(owner party.Code) iter.Seq[token.Redemption] {
	return all[token.Redemption](v, RedemptionKey(owner, "")[:len(prefixRedemption)+slashed(owner)])
}

// slashed is how long the part of a key is that names an owner, with its slash.
func slashed(owner party.Code) int {
	if owner == "" {
		return 0
	}
	return len(owner) + 1
}

// Feeds yields all feeds of rates by pair.
func (v View) Feeds() iter.Seq[token.Feed] { return all[token.Feed](v, prefixFeed) }

// Account is what stands on one account.
type Account struct {
	settlement.Account
	Balance money.Micro `json:"balance"`
}

// Accounts yields a party's accounts with their balances, by purpose and
// currency.
func (v View) Accounts(who party.Code) iter.Seq[Account] {
	return func(yield func(Account) bool) {
		for a, balance := range v.balances(prefixBalance + string(who) + "/") {
			if !yield(Account{a, balance}) {
				return
			}
		}
	}
}

// Movement is what moved on one party's accounts by one journal entry.
type Movement struct {
	Number   uint64               `json:"number"`
	Time     int64                `json:"time"` // ms UTC
	Cause    string               `json:"cause"`
	Subject  string               `json:"subject"`
	Postings []settlement.Posting `json:"postings"` // that touch the party, in their order
}

// Movements yields the journal entries that touch a party's accounts, oldest
// first, from a number on.
func (v View) Movements(who party.Code, from uint64) iter.Seq[Movement] {
	return func(yield func(Movement) bool) {
		for j := range v.Journal() {
			if j.Number < from {
				continue
			}
			m := Movement{Number: j.Number, Time: j.Time, Cause: j.Cause, Subject: j.Subject}
			for _, p := range j.Postings {
				if p.From.Party == who || p.To.Party == who {
					m.Postings = append(m.Postings, p)
				}
			}
			if len(m.Postings) > 0 && !yield(m) {
				return
			}
		}
	}
}

// CodeUnbalanced says that accounts do not add up: the state is not what its
// rules make.
const CodeUnbalanced fault.Code = "unbalanced"

// Conserved checks what a block has changed at a time (ms UTC), without the code
// that has changed it: over all accounts of a currency, what was added is what was
// taken, and each token's reserve covers its supply. written are the keys of the
// records that have changed, in any order. Code: unbalanced.
func Conserved(before, after Records, written iter.Seq[string], now int64) error {
	sums := map[string]int64{}
	backed := false
	for key := range written {
		backed = backed || strings.HasPrefix(key, prefixToken)
		if !strings.HasPrefix(key, prefixBalance) {
			continue
		}
		backed = backed || strings.Contains(key, "/"+string(settlement.Reserve("")))
		then, _ := get[Balance](before, key)
		b, _ := get[Balance](after, key)
		// Sums may wrap on their way; when everything is added up, they have not.
		sums[key[strings.LastIndexByte(key, '/')+1:]] += int64(b.Micro) - int64(then.Micro)
	}
	for _, c := range slices.Sorted(maps.Keys(sums)) {
		if sums[c] != 0 {
			return unbalanced("the accounts in %s have changed by %s altogether", c, money.Micro(sums[c]))
		}
	}
	if !backed {
		return nil
	}
	v := View{after}
	for k := range v.Tokens() {
		if b, err := v.Backing(k, now); err != nil {
			return err
		} else if !b.Covered {
			return unbalanced("the reserve of %s does not cover its supply of %s", k.Code, k.Supply)
		}
	}
	return nil
}

// Books is what a recount of all accounts and tokens found.
type Books struct {
	Accounts int                    `json:"accounts"`
	Sum      map[string]money.Micro `json:"sum"` // of each currency's accounts: zero
	Tokens   []Backing              `json:"tokens"`
}

// Backing is how much of a token there is and what stands behind it.
type Backing struct {
	Token   token.Code     `json:"token"`
	Supply  money.Micro    `json:"supply"`
	Held    money.Micro    `json:"held"` // by all accounts together: the supply
	Needed  []money.Amount `json:"needed"`
	Reserve []money.Amount `json:"reserve"`
	Covered bool           `json:"covered"`
}

// Recount adds up every entry and account anew and compares supply and reserve of
// each token at a time (ms UTC). It reads everything. Codes: unbalanced, no-basket,
// money-overflow.
func (v View) Recount(now int64) (Books, error) {
	b := Books{Sum: map[string]money.Micro{}}
	if err := CheckJournal(v); err != nil {
		return b, fault.New(CodeUnbalanced, err.Error(), "stop this node, keep its store and report it").Because(err)
	}
	holders := map[money.Currency]money.Micro{}
	for a, balance := range v.Balances() {
		b.Accounts++
		b.Sum[string(a.Currency)] += balance // CheckJournal has added them up
		if a.Purpose != settlement.Issued {
			holders[a.Currency] += balance
		}
		if a.Purpose.Covered() && balance < 0 {
			return b, unbalanced("the account %s %s of %s is at %s", a.Currency, a.Purpose, a.Party, balance)
		}
	}
	for k := range v.Tokens() {
		x, err := v.Backing(k, now)
		if err != nil {
			return b, err
		}
		if x.Held = holders[k.Code.Account()]; x.Held != x.Supply {
			return b, unbalanced("%s accounts have %s, and the supply is %s", k.Code, x.Held, x.Supply)
		}
		b.Tokens = append(b.Tokens, x)
		if !x.Covered {
			return b, unbalanced("the reserve of %s does not cover its supply of %s", k.Code, k.Supply)
		}
	}
	return b, nil
}

// Backing compares a token's supply with its reserve at a time (ms UTC); what all
// accounts have together it does not count. Codes: no-basket, money-overflow.
func (v View) Backing(k token.Token, now int64) (Backing, error) {
	return backing(k, now, func(c money.Currency) money.Micro { return v.Balance(reserved(k, c)) })
}

// backing compares a token's supply with what there is of each currency.
func backing(k token.Token, now int64, have func(money.Currency) money.Micro) (Backing, error) {
	x := Backing{Token: k.Code, Supply: k.Supply, Covered: true}
	if k.Supply == 0 {
		return x, nil
	}
	var err error
	if x.Needed, err = k.Needed(k.Supply, now); err != nil {
		return x, err
	}
	for _, n := range x.Needed {
		x.Reserve = append(x.Reserve, money.Amount{Currency: n.Currency, Micro: have(n.Currency)})
		x.Covered = x.Covered && have(n.Currency) >= n.Micro
	}
	return x, nil
}

func unbalanced(format string, args ...any) error {
	return fault.Newf(CodeUnbalanced, "stop this node, keep its store and report it", format, args...)
}
