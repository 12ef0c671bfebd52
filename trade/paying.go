package trade

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/token"
)

// Tokens move between members by transfers, holds, swaps and redemptions. Each is
// named by its sender: sent twice, it moves them once (FEATURES SET-14, SET-17).

const (
	// maxTransfers bounds the transfers of one command.
	maxTransfers = 1000
	// maxPromise is how long tokens may be promised.
	maxPromise = 366 * dayMillis
)

// worth sums amounts in their units, for the limits of whoever signs.
func worth(amounts ...token.Amount) ([]money.Amount, error) {
	sums := map[money.Currency]money.Micro{}
	for _, a := range amounts {
		w, err := a.Worth()
		if err != nil {
			return nil, err
		}
		if sums[w.Currency], err = sums[w.Currency].Add(w.Micro); err != nil {
			return nil, err
		}
	}
	return amountsOf(sums), nil
}

// move posts tokens from one account to another.
func (t *tx) move(subject string, a token.Amount, from party.Code, out settlement.Purpose, to party.Code, in settlement.Purpose) {
	c := a.Token.Account()
	t.record(subject, settlement.Posting{From: settlement.Account{Party: from, Purpose: out, Currency: c}, To: settlement.Account{Party: to, Purpose: in, Currency: c}, Amount: a.Micro})
}

// both finds a token and refuses it where either side may not use it.
func (t *tx) both(field string, c token.Code, from, to party.Code) (token.Token, error) {
	k, err := t.activeToken(c)
	if err != nil {
		return k, fault.Of(err).In(field)
	}
	if err := t.usable("sender", &k, from); err != nil {
		return k, err
	}
	if to == "" || to == from {
		return k, nil
	}
	return k, t.usable("to", &k, to)
}

func tokenTransfer(t *tx, c TokenTransfer) error {
	if len(c.Transfers) == 0 || len(c.Transfers) > maxTransfers {
		return invalid("transfers", "a command makes 1 to 1,000 transfers", "split it")
	}
	var fresh []token.Transfer
	var sums []token.Amount
	named := make(map[string]bool, len(c.Transfers))
	for i, x := range c.Transfers {
		if err := t.checkTransfer(&x); err != nil {
			return fault.Of(err).In(fmt.Sprintf("transfers.%d", i))
		}
		if old, there := get[token.Done](t, TransferKey(t.own, x.ID)); there {
			if old.Transfer != x {
				return conflict("id", "choose an id that is not used", "%s is another transfer", x.ID).In(fmt.Sprintf("transfers.%d", i))
			}
			continue
		}
		if named[x.ID] {
			return conflict("id", "name each transfer once", "%s is there twice", x.ID).In(fmt.Sprintf("transfers.%d", i))
		}
		named[x.ID] = true
		fresh, sums = append(fresh, x), append(sums, x.Amount)
	}
	amounts, err := worth(sums...)
	if err != nil {
		return err
	}
	if _, err := t.authorize(nil, amounts...); err != nil {
		return err
	}
	for i, x := range fresh {
		if _, err := t.both("amount", x.Amount.Token, t.own, x.To); err != nil {
			return fault.Of(err).In(fmt.Sprintf("transfers.%d", i))
		}
		key := TransferKey(t.own, x.ID)
		t.put(key, token.Done{Transfer: x, Sender: t.own, Height: t.ctx.Block.Height, Time: t.ctx.Block.Time})
		t.move(key, x.Amount, t.own, x.From, x.To, x.For)
		t.emit(EventTransferred, key, "")
	}
	return nil
}

// checkTransfer checks a transfer's form and fills in what it leaves out.
func (t *tx) checkTransfer(x *token.Transfer) error {
	if err := checkID("id", x.ID, maxID); err != nil {
		return err
	}
	if _, err := x.Amount.Worth(); err != nil {
		return err
	}
	if x.From == "" {
		x.From = settlement.Available
	}
	if x.For == "" {
		x.For = settlement.Available
	}
	own := []settlement.Purpose{settlement.Available, settlement.Fee, settlement.Tax}
	switch {
	case !slices.Contains(own, x.From) || !slices.Contains(own, x.For):
		return invalid("from_purpose", "tokens are transferred between available, fee and tax only", "hold, lock or redeem them by the commands for that")
	case x.To == t.own && x.From == x.For:
		return invalid("to", "the transfer changes nothing", "name another member, or another purpose")
	case x.To != t.own && x.For == settlement.Tax:
		return invalid("to_purpose", "nobody sets tokens aside for another's taxes", "transfer them as available")
	}
	return nil
}

// promise checks what holds, swaps and redemptions have in common, and reports
// whether the command was there before.
func (t *tx) promise(id string, expires int64, asked func() (canon.Hash, bool)) (again bool, err error) {
	if err := checkID("id", id, maxID); err != nil {
		return false, err
	}
	if old, there := asked(); there {
		if old == t.digest() {
			return true, nil
		}
		return false, conflict("id", "choose an id that is not used", "%s is promised otherwise", id)
	}
	if now := t.ctx.Block.Time; expires <= now || expires > now+maxPromise {
		return false, invalid("expires", "the promise ends before it begins, or in more than a year", "name a time to come, in ms since 1970")
	}
	return false, nil
}

func holdPlace(t *tx, c HoldPlace) error {
	key := HoldKey(t.own, c.ID)
	again, err := t.promise(c.ID, c.Expires, func() (canon.Hash, bool) { h, ok := get[token.Hold](t, key); return h.Asked, ok })
	if err != nil {
		return err
	}
	amounts, err := worth(c.Amount)
	if err != nil {
		return err
	}
	if _, err := t.authorize(nil, amounts...); err != nil || again {
		return err
	}
	if c.To == t.own {
		return invalid("to", "nobody holds tokens for itself", "name another member")
	}
	if _, err := t.both("amount", c.Amount.Token, t.own, c.To); err != nil {
		return err
	}
	h := token.Hold{ID: c.ID, Owner: t.own, To: c.To, Amount: c.Amount, Expires: c.Expires, Lock: c.Lock, State: token.Pending, Asked: t.digest(), About: c.About}
	t.move(key, h.Amount, h.Owner, settlement.Available, h.Owner, h.Purpose())
	t.put(key, h)
	t.emit(EventHeld, key, "")
	return nil
}

// holdOf finds a hold and asks the table.
func (t *tx) holdOf(owner party.Code, id string, e token.PromiseEvent) (token.Hold, error) {
	h, ok := get[token.Hold](t, HoldKey(owner, id))
	if !ok {
		return h, notFound("id", "hold", id)
	}
	next, ok := h.State.Next(e)
	if !ok {
		return h, wrongState("hold", id, string(h.State), string(e))
	}
	h.State = next
	return h, nil
}

// holdPost keeps a promise. Without a lock its owner does; with one whoever it is
// for does, with the key, while it is not over. The key is public from then on.
func holdPost(t *tx, c HoldPost) error {
	h, err := t.holdOf(c.Owner, c.ID, token.Post)
	if err != nil {
		// The same again is done already.
		if old, ok := get[token.Hold](t, HoldKey(c.Owner, c.ID)); ok && old.State == token.Posted && old.Posted == c.Amount && (old.Lock.IsZero() || old.Key == c.Key) {
			_, err = t.authorize(nil)
		}
		return err
	}
	who := h.Owner
	if !h.Lock.IsZero() {
		who = h.To
	}
	if t.own != who {
		return fault.Newf(fault.Forbidden, "leave it to "+string(who), "%s posts this hold", who)
	}
	switch {
	case c.Amount.Token != h.Amount.Token || c.Amount.Micro <= 0 || c.Amount.Micro > h.Amount.Micro:
		return fault.Newf(CodePaymentAmount, "name at most what is held", "%s are held, not %s", h.Amount, c.Amount).In("amount")
	case !h.Lock.IsZero() && (c.Amount != h.Amount || canon.Hash(sha256.Sum256(c.Key[:])) != h.Lock):
		return fault.New(fault.Refused, "the key does not open the lock, or not all of it is asked for", "show the key whose SHA-256 the hold names, and ask for the whole").In("key")
	case t.ctx.Block.Time >= h.Expires:
		return fault.New(fault.Refused, "the hold's time is over", "agree on another").In("id")
	}
	amounts, err := worth(c.Amount)
	if err != nil {
		return err
	}
	if _, err := t.authorize(nil, amounts...); err != nil {
		return err
	}
	if _, err := t.both("amount", h.Amount.Token, h.Owner, h.To); err != nil {
		return err
	}
	key := HoldKey(h.Owner, h.ID)
	t.move(key, c.Amount, h.Owner, h.Purpose(), h.To, settlement.Available)
	rest := token.Amount{Token: h.Amount.Token, Micro: h.Amount.Micro - c.Amount.Micro}
	t.move(key, rest, h.Owner, h.Purpose(), h.Owner, settlement.Available)
	h.Posted, h.Key, h.Expires = c.Amount, c.Key, 0
	t.put(key, h)
	t.emit(EventHoldPosted, key, "")
	return nil
}

// holdVoid gives held tokens back: its owner does, but not what is locked, which
// is for the other side to give back before its time is over.
func holdVoid(t *tx, c HoldAnswer) error {
	if _, err := t.authorize(nil); err != nil {
		return err
	}
	h, err := t.holdOf(c.Owner, c.ID, token.Cancel)
	if err != nil {
		return err
	}
	if who := map[bool]party.Code{true: h.Owner, false: h.To}[h.Lock.IsZero()]; t.own != who {
		return fault.Newf(fault.Forbidden, "wait until its time is over", "only %s gives this hold back before", who)
	}
	t.giveBack(HoldKey(h.Owner, h.ID), h, EventHoldVoid)
	return nil
}

func (t *tx) giveBack(key string, h token.Hold, event string) {
	t.move(key, h.Amount, h.Owner, h.Purpose(), h.Owner, settlement.Available)
	h.Expires = 0
	t.put(key, h)
	t.emit(event, key, string(h.State))
}

func (t *tx) tickHold(key string, h token.Hold) error {
	h.State, _ = h.State.Next(token.Expire)
	t.giveBack(key, h, EventHoldVoid)
	return nil
}

func swapOffer(t *tx, c SwapOffer) error {
	key := SwapKey(t.own, c.ID)
	again, err := t.promise(c.ID, c.Expires, func() (canon.Hash, bool) { s, ok := get[token.Swap](t, key); return s.Asked, ok })
	if err != nil {
		return err
	}
	amounts, err := worth(c.Gives)
	if err != nil {
		return fault.Of(err).In("gives")
	}
	if _, err := c.Wants.Worth(); err != nil {
		return fault.Of(err).In("wants")
	}
	if _, err := t.authorize(nil, amounts...); err != nil || again {
		return err
	}
	if c.To == t.own || c.Gives.Token == c.Wants.Token {
		return invalid("wants", "the swap is with itself, or of one token", "name two tokens, and another member or none")
	}
	if _, err := t.both("gives", c.Gives.Token, t.own, c.To); err != nil {
		return err
	}
	if _, err := t.both("wants", c.Wants.Token, t.own, c.To); err != nil {
		return err
	}
	t.move(key, c.Gives, t.own, settlement.Available, t.own, settlement.Held)
	t.put(key, token.Swap{ID: c.ID, Owner: t.own, Gives: c.Gives, Wants: c.Wants, To: c.To, Expires: c.Expires, State: token.Pending, Asked: t.digest()})
	t.emit(EventSwapOffered, key, "")
	return nil
}

// swapOf finds a swap and asks the table.
func (t *tx) swapOf(c SwapAnswer, e token.PromiseEvent) (token.Swap, error) {
	s, ok := get[token.Swap](t, SwapKey(c.Owner, c.ID))
	if !ok {
		return s, notFound("id", "swap", c.ID)
	}
	next, ok := s.State.Next(e)
	if !ok {
		return s, wrongState("swap", c.ID, string(s.State), string(e))
	}
	s.State = next
	return s, nil
}

// swapTake moves both legs, or neither. Gives and Wants repeat what is taken.
func swapTake(t *tx, c SwapAnswer) error {
	s, err := t.swapOf(c, token.Post)
	if err != nil {
		return err
	}
	switch {
	case t.own == s.Owner:
		return fault.New(fault.Forbidden, "nobody takes its own swap", "cancel it").In("owner")
	case s.To != "" && s.To != t.own:
		return fault.Newf(fault.Forbidden, "leave it to "+string(s.To), "the swap is offered to %s alone", s.To).In("owner")
	case c.Gives != s.Gives || c.Wants != s.Wants:
		return fault.New(CodePaymentAmount, "the swap is about other amounts", "read it again, and name its amounts").In("wants")
	case t.ctx.Block.Time >= s.Expires:
		return fault.New(fault.Refused, "the swap's time is over", "agree on another").In("id")
	}
	amounts, err := worth(s.Wants)
	if err != nil {
		return err
	}
	if _, err := t.authorize(nil, amounts...); err != nil {
		return err
	}
	for _, c := range []token.Code{s.Gives.Token, s.Wants.Token} {
		if _, err := t.both("id", c, s.Owner, t.own); err != nil {
			return err
		}
	}
	key := SwapKey(s.Owner, s.ID)
	t.move(key, s.Gives, s.Owner, settlement.Held, t.own, settlement.Available)
	t.move(key, s.Wants, t.own, settlement.Available, s.Owner, settlement.Available)
	s.Taker, s.Expires = t.own, 0
	t.put(key, s)
	t.emit(EventSwapped, key, "")
	return nil
}

func swapCancel(t *tx, c SwapAnswer) error {
	if _, err := t.authorize(nil); err != nil {
		return err
	}
	s, err := t.swapOf(c, token.Cancel)
	if err != nil {
		return err
	}
	if t.own != s.Owner {
		return fault.Newf(fault.Forbidden, "leave it to "+string(s.Owner), "%s cancels this swap", s.Owner).In("owner")
	}
	return t.endSwap(SwapKey(s.Owner, s.ID), s)
}

func (t *tx) endSwap(key string, s token.Swap) error {
	t.move(key, s.Gives, s.Owner, settlement.Held, s.Owner, settlement.Available)
	s.Expires = 0
	t.put(key, s)
	t.emit(EventSwapVoid, key, string(s.State))
	return nil
}

func (t *tx) tickSwap(key string, s token.Swap) error {
	s.State, _ = s.State.Next(token.Expire)
	return t.endSwap(key, s)
}

// redeemRequest asks the issuer to pay tokens out. A barred member may: tokens
// must not be stuck with it.
func redeemRequest(t *tx, c RedeemRequest) error {
	key := RedemptionKey(t.own, c.ID)
	k, err := t.activeToken(c.Amount.Token)
	if err != nil {
		return err
	}
	until := t.ctx.Block.Time + k.Redeem
	again, err := t.promise(c.ID, until, func() (canon.Hash, bool) { r, ok := get[token.Redemption](t, key); return r.Asked, ok })
	if err != nil {
		return err
	}
	amounts, err := worth(c.Amount)
	if err != nil {
		return err
	}
	if _, err := t.authorize(nil, amounts...); err != nil || again {
		return err
	}
	if c.Account.IsZero() {
		return invalid("account", "the redemption does not say to which bank account", "name the hash of its details, and send them to the issuer")
	}
	if k.Code != token.SDR {
		if whole, err := amounts[0].Whole(); err != nil || !whole {
			return invalid("amount", "no bank pays such an amount", "redeem whole coins of the currency")
		}
	}
	if f, frozen := get[token.Frozen](t, FrozenKey(k.Code, t.own)); frozen {
		return fault.Newf(CodeFrozen, "ask the issuer's compliance officers to release it", "the account is frozen: %s", f.Why)
	}
	t.move(key, c.Amount, t.own, settlement.Available, t.own, settlement.Held)
	t.put(key, token.Redemption{ID: c.ID, Owner: t.own, Amount: c.Amount, Account: c.Account, Expires: until, State: token.Pending, Asked: t.digest()})
	t.emit(EventRedemptionAsked, key, "")
	return nil
}

// tickRedemption gives the tokens back whose issuer has not paid in time. That it
// has not stays to be seen.
func (t *tx) tickRedemption(key string, r token.Redemption) error {
	r.State, _ = r.State.Next(token.Expire)
	t.move(key, r.Amount, r.Owner, settlement.Held, r.Owner, settlement.Available)
	r.Expires = 0
	t.put(key, r)
	t.emit(EventRedemptionLate, key, "")
	return nil
}
