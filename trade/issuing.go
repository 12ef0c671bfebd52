package trade

import (
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/token"
)

// Tokens come from an issuer, which other members have let issue them, and only
// as far as money behind them is recorded. What the issuer does is proposed by
// one of its officers and done when another has approved it (FEATURES SET-10,
// SET-15).

// Codes of refusals about tokens.
const (
	// CodeFunds says that an account has less than is to be taken from it.
	CodeFunds fault.Code = "insufficient-funds"
	// CodeReserve says that the reserve would not cover the supply.
	CodeReserve fault.Code = "reserve-short"
	// CodeCap says that the supply would be above the cap.
	CodeCap fault.Code = "above-cap"
	// CodeSecondPerson says that whoever has proposed something is not the one to
	// approve it.
	CodeSecondPerson fault.Code = "second-person-needed"
	// CodeFrozen says that an account is frozen.
	CodeFrozen fault.Code = "account-frozen"
	// CodeBarred says that a member's country takes no tokens.
	CodeBarred fault.Code = "token-barred"
)

const (
	// issueMillis is how long an act waits for its second person.
	issueMillis = 7 * dayMillis
	// maxRedeem bounds the time that an issuer takes to redeem.
	maxRedeem = 31 * dayMillis
)

func tokenDefine(t *tx, c TokenDefine) error {
	issuer, err := t.senderMember()
	if err != nil {
		return err
	}
	if _, err := t.byActive(issuer); err != nil {
		return err
	}
	if _, err := c.Token.Unit(); err != nil {
		return fault.Of(err).In("token")
	}
	if c.Cap <= 0 {
		return invalid("cap", "the cap is not above zero", "name the largest supply")
	}
	if c.Redeem < 60_000 || c.Redeem > maxRedeem {
		return invalid("redeem_ms", "tokens are redeemed within a minute to 31 days", "use two days")
	}
	if old, there := get[token.Token](t, TokenKey(c.Token)); there && old.State != token.Refused {
		if old.Asked == t.digest() {
			return nil
		}
		return conflict("token", "use the token that there is", "%s is issued by %s", c.Token, old.Issuer)
	}
	t.put(TokenKey(c.Token), token.Token{Code: c.Token, Issuer: issuer, Cap: c.Cap, Redeem: c.Redeem, State: token.Asked, Asked: t.digest(), Deadline: t.ctx.Block.Time + applicationMillis})
	t.emit(EventTokenAsked, TokenKey(c.Token), "")
	return nil
}

func tokenApprove(t *tx, c TokenApprove) error {
	if _, err := t.byActive(c.By); err != nil {
		return err
	}
	k, ok := get[token.Token](t, TokenKey(c.Token))
	switch {
	case !ok:
		return notFound("token", "token", string(c.Token))
	case c.By == k.Issuer:
		return fault.New(fault.Forbidden, "no member approves its own token", "leave it to the others").In("by")
	case slices.Contains(k.Approved, c.By):
		return nil
	}
	next, ok := k.State.Next(token.Allow)
	if !ok {
		return wrongState("token", string(c.Token), string(k.State), "approving")
	}
	k.Approved = append(k.Approved, c.By)
	count := uint32(0)
	for _, by := range k.Approved {
		if m, _ := get[party.Member](t, MemberKey(by)); m.State == party.Active {
			count++
		}
	}
	census, _ := get[Census](t, keyCensus)
	if count >= max(1, min(t.network().Vouchers, census.Active-1)) {
		k.State, k.Deadline = next, 0
		t.emit(EventTokenActive, TokenKey(c.Token), "")
	}
	t.put(TokenKey(c.Token), k)
	return nil
}

// activeToken finds a token that may be used.
func (t *tx) activeToken(c token.Code) (token.Token, error) {
	k, ok := again[token.Token](t, TokenKey(c))
	if !ok {
		return k, notFound("token", "token", string(c))
	}
	if k.State != token.Active {
		return k, wrongState("token", string(c), string(k.State), "its use")
	}
	return k, nil
}

// ownToken finds a token that the sender issues.
func (t *tx) ownToken(c token.Code) (token.Token, error) {
	k, err := t.activeToken(c)
	if err == nil && k.Issuer != t.own {
		err = fault.Newf(fault.Forbidden, "leave it to the issuer", "%s is issued by %s", c, k.Issuer).In("token")
	}
	return k, err
}

func issuePropose(t *tx, c IssuePropose) error {
	if err := checkID("id", c.ID, maxID); err != nil {
		return err
	}
	if err := c.Act.Check(c.Token); err != nil {
		return err
	}
	k, err := t.ownToken(c.Token)
	if err != nil {
		return err
	}
	i := token.Issue{ID: c.ID, Token: c.Token, Act: c.Act, State: token.IssueProposed, Deadline: t.ctx.Block.Time + issueMillis}
	if i.Proposed, err = t.officer(c.Act); err != nil {
		return err
	}
	key := IssueKey(c.Token, c.ID)
	if old, there := get[token.Issue](t, key); there {
		if old.Hash() == i.Hash() {
			return nil
		}
		return conflict("id", "choose an id that is not used", "%s is another act", c.ID)
	}
	if err := t.performable(&k, i); err != nil {
		return err
	}
	t.put(key, i)
	t.emit(EventIssueProposed, key, string(c.Act.Kind))
	return nil
}

// officer checks that an officer of the issuer has signed, with the role that the
// act needs and within the limit.
func (t *tx) officer(a token.Act) (party.Act, error) {
	t.rule.role = a.Kind.Role()
	amounts := a.Paid
	if a.Amount.Micro != 0 {
		amounts = append(slices.Clone(amounts), a.Amount)
	}
	return t.authorize(nil, amounts...)
}

// answeredIssue finds the act that an officer answers.
func (t *tx) answeredIssue(c IssueAnswer, e token.IssueEvent) (token.Token, token.Issue, error) {
	k, err := t.ownToken(c.Token)
	if err != nil {
		return k, token.Issue{}, err
	}
	i, ok := get[token.Issue](t, IssueKey(c.Token, c.ID))
	if !ok {
		return k, i, notFound("id", "act of the issuer", c.ID)
	}
	if c.Hash != i.Hash() {
		return k, i, fault.New(fault.Refused, "the hash is not that of the act", "read the act again, and name its hash").In("hash")
	}
	if err := checkWhy(c.Why); err != nil {
		return k, i, err
	}
	act, err := t.officer(i.Act)
	if err != nil {
		return k, i, err
	}
	next, ok := i.State.Next(e)
	if !ok {
		return k, i, wrongState("act", c.ID, string(i.State), string(e))
	}
	i.State, i.Approved, i.Deadline, i.Why = next, act, 0, c.Why
	return k, i, nil
}

func issueReject(t *tx, c IssueAnswer) error {
	_, i, err := t.answeredIssue(c, token.IssueReject)
	if err != nil {
		return err
	}
	t.put(IssueKey(c.Token, c.ID), i)
	t.emit(EventIssueRejected, IssueKey(c.Token, c.ID), c.Why)
	return nil
}

func issueApprove(t *tx, c IssueAnswer) error {
	k, i, err := t.answeredIssue(c, token.IssueApprove)
	if err != nil {
		return err
	}
	if i.Approved.Key == i.Proposed.Key {
		return fault.New(CodeSecondPerson, "whoever has proposed an act does not approve it", "have another officer of the issuer approve it")
	}
	if err := t.performable(&k, i); err != nil {
		return err
	}
	key := IssueKey(c.Token, c.ID)
	t.put(key, i)
	t.emit(EventIssueDone, key, string(i.Act.Kind))
	if err := t.perform(&k, i); err != nil {
		return err
	}
	t.put(TokenKey(k.Code), k)
	t.backed = append(t.backed, k)
	return nil
}

// performable refuses an act that could not be done now, so that the second
// person is not asked for what is in vain.
func (t *tx) performable(k *token.Token, i token.Issue) error {
	a := i.Act
	switch a.Kind {
	case token.ReserveIn, token.ReserveOut, token.Redeem:
		if used, there := get[token.Banked](t, BankedKey(k.Code, a.Reference)); there {
			return conflict("act.reference", "name the payment that is not recorded yet", "the bank's reference was recorded by %s", used.Issue)
		}
	case token.Mint:
		supply, err := k.Supply.Add(a.Amount.Micro)
		if err != nil {
			return err
		}
		if supply > k.Cap {
			return fault.Newf(CodeCap, "mint less, or raise the cap first", "the supply would be %s, and the cap is %s", supply, k.Cap).In("act.amount")
		}
	case token.SetCap:
		if a.Amount.Micro < k.Supply {
			return fault.Newf(CodeCap, "name at least the supply", "the supply is %s already", k.Supply).In("act.amount")
		}
	case token.SetBasket:
		if k.Basket != nil && a.Basket.From <= t.ctx.Block.Time {
			return invalid("act.basket.from", "a basket in force is replaced from a later time on", "name a time to come")
		}
	}
	if a.Kind == token.Redeem {
		r, ok := get[token.Redemption](t, RedemptionKey(a.Member, a.Redemption))
		if !ok || r.Amount.Token != k.Code {
			return notFound("act.redemption", "redemption", a.Redemption)
		}
		if _, ok := r.State.Next(token.Post); !ok {
			return wrongState("redemption", r.ID, string(r.State), "paying")
		}
		return t.atPar(k, r, a.Paid)
	}
	return nil
}

// atPar checks that a redemption is paid at par: in the token's currency; in the
// basket's currencies, each its part; or in one currency of the basket by the
// rate in force. Each in whole coins, rounded down: the rest stays too small for
// a bank to pay.
func (t *tx) atPar(k *token.Token, r token.Redemption, paid []money.Amount) error {
	due := []money.Amount{{Currency: money.Currency(""), Micro: r.Amount.Micro}}
	if k.Code != token.SDR {
		due[0].Currency, _ = k.Code.Unit()
	} else {
		b := k.InForce(t.ctx.Block.Time)
		if b == nil {
			return fault.New(token.CodeNoBasket, "no basket of currencies is in force", "set one first")
		}
		var err error
		if len(paid) == 1 && len(b.Parts) > 1 {
			f, ferr := (View{t}).Fixing(token.Pair{Base: money.XDR, Quote: paid[0].Currency}, t.ctx.Block.Time)
			if ferr != nil {
				return fault.Of(ferr).In("act.paid")
			}
			due[0].Currency = paid[0].Currency
			due[0].Micro, err = r.Amount.Micro.MulDiv(int64(f.Rate), 1_000_000_000, money.Down)
		} else {
			due, err = b.Of(r.Amount.Micro, money.Down)
		}
		if err != nil {
			return err
		}
	}
	if len(paid) != len(due) {
		return invalid("act.paid", "the payment is not in the currencies in which the token is redeemed", "pay each currency of the basket, or one of them")
	}
	for i, d := range due {
		whole, err := d.Coins()
		if err != nil {
			return err
		}
		if paid[i] != whole {
			return fault.Newf(CodePaymentAmount, "pay at par", "%s are due for %s, not %s", whole, r.Amount, paid[i]).In("act.paid")
		}
	}
	return nil
}

// perform does what two persons have decided.
func (t *tx) perform(k *token.Token, i token.Issue) (err error) {
	a, key := i.Act, IssueKey(i.Token, i.ID)
	supply := func(holder settlement.Account, amount money.Micro, more bool) error {
		from := settlement.Account{Party: k.Issuer, Purpose: settlement.Issued, Currency: k.Code.Account()}
		to := holder
		if more {
			k.Supply, err = k.Supply.Add(amount)
		} else {
			k.Supply, err = k.Supply.Sub(amount)
			from, to = to, from
		}
		t.record(key, settlement.Posting{From: from, To: to, Amount: amount})
		return err
	}
	reserve := func(amount money.Amount, in bool) {
		from := settlement.Account{Party: k.Issuer, Purpose: settlement.Outside, Currency: amount.Currency}
		to := settlement.Account{Party: k.Issuer, Purpose: settlement.Reserve(string(k.Code)), Currency: amount.Currency}
		if !in {
			from, to = to, from
		}
		t.record(key, settlement.Posting{From: from, To: to, Amount: amount.Micro})
	}
	own := settlement.Account{Party: k.Issuer, Purpose: settlement.Available, Currency: k.Code.Account()}
	switch a.Kind {
	case token.ReserveIn, token.ReserveOut:
		reserve(a.Amount, a.Kind == token.ReserveIn)
	case token.Mint, token.Burn:
		return supply(own, a.Amount.Micro, a.Kind == token.Mint)
	case token.SetCap:
		k.Cap = a.Amount.Micro
	case token.Redeem:
		r, _ := get[token.Redemption](t, RedemptionKey(a.Member, a.Redemption))
		r.State, _ = r.State.Next(token.Post)
		r.Issue, r.Expires = i.ID, 0
		t.put(RedemptionKey(r.Owner, r.ID), r)
		t.emit(EventRedeemed, RedemptionKey(r.Owner, r.ID), "")
		for _, p := range a.Paid {
			reserve(p, false)
		}
		err = supply(settlement.Account{Party: r.Owner, Purpose: settlement.Held, Currency: k.Code.Account()}, r.Amount.Micro, false)
	case token.Freeze:
		t.put(FrozenKey(k.Code, a.Member), token.Frozen{Member: a.Member, Why: a.Why, Since: t.ctx.Block.Time, Issue: i.ID})
	case token.Unfreeze:
		if !t.has(FrozenKey(k.Code, a.Member)) {
			return notFound("act.member", "frozen account", string(a.Member))
		}
		t.drop(FrozenKey(k.Code, a.Member))
	case token.Bar, token.Unbar:
		at, there := slices.BinarySearch(k.Barred, a.Country)
		switch {
		case a.Kind == token.Bar && !there:
			k.Barred = slices.Insert(slices.Clone(k.Barred), at, a.Country)
		case a.Kind == token.Unbar && there:
			k.Barred = slices.Delete(slices.Clone(k.Barred), at, at+1)
		}
	case token.SetFeed:
		t.setFeed(*a.Feed)
	case token.SetBasket:
		if k.Basket = k.InForce(t.ctx.Block.Time); k.Basket == nil {
			k.Basket, k.Next = a.Basket, nil
		} else {
			k.Next = a.Basket
		}
	}
	if a.Reference != "" {
		t.put(BankedKey(k.Code, a.Reference), token.Banked{Issue: i.ID})
	}
	return err
}

// inReserve checks that what is in reserve covers the supply: by the basket in
// force, and by one that is to come, so that the hand-over leaves no gap.
func (t *tx) inReserve(k token.Token) error {
	times := []int64{t.ctx.Block.Time}
	if k.Next != nil && k.Next.From > t.ctx.Block.Time {
		times = append(times, k.Next.From)
	}
	for _, at := range times {
		if k.Supply == 0 {
			continue
		}
		needed, err := k.Needed(k.Supply, at)
		if err != nil {
			return err
		}
		for _, n := range needed {
			have, _ := get[Balance](t, BalanceKey(settlement.Account{Party: k.Issuer, Purpose: settlement.Reserve(string(k.Code)), Currency: n.Currency}))
			if have.Micro < n.Micro {
				return fault.Newf(CodeReserve, "record more reserve first, or mint less", "the reserve has %s %s, and %s are needed behind a supply of %s %s",
					n.Currency, have.Micro, n, k.Code, k.Supply)
			}
		}
	}
	return nil
}

func (t *tx) tickToken(key string, k token.Token) error {
	k.State, _ = k.State.Next(token.Lapse)
	k.Deadline = 0
	t.put(key, k)
	t.emit(EventTokenRefused, key, "")
	return nil
}

func (t *tx) tickIssue(key string, i token.Issue) error {
	i.State, _ = i.State.Next(token.IssueLapse)
	i.Deadline = 0
	t.put(key, i)
	t.emit(EventIssueRejected, key, "lapsed")
	return nil
}

// usable refuses an account that is frozen, or whose country takes no tokens.
func (t *tx) usable(field string, k *token.Token, who party.Code) error {
	m, ok := again[party.Member](t, MemberKey(who))
	if !ok || m.State != party.Active {
		return fault.Newf(CodeMemberInactive, "wait until the member is active", "%s is no active member", who).In(field)
	}
	if f, frozen := get[token.Frozen](t, FrozenKey(k.Code, who)); frozen {
		return fault.Newf(CodeFrozen, "ask the issuer's compliance officers to release it", "the account of %s in %s is frozen: %s", who, k.Code, f.Why).In(field)
	}
	if _, barred := slices.BinarySearch(k.Barred, m.Country); barred {
		return fault.Newf(CodeBarred, "settle by a bank", "%s is barred in %s, where %s is", k.Code, m.Country, who).In(field)
	}
	return nil
}
