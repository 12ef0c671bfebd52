package trade

import (
	"bytes"
	"iter"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/token"
)

// Locks on the Omnilateral. Everybody sees that a member has locked an amount, and
// nobody with whom: the partner is one of two fresh keys. Payments out of a lock are
// on a Bilateral; here are seen its opening, what it is changed to by both, and how
// one side leaves it alone (ADR 17).

// CodeReveals says that a change would show who has paid whom.
const CodeReveals fault.Code = "reveals-the-pair"

// maxChanges bounds the locks of one change.
const maxChanges = 500

// unlinkable is how many owners a change must concern so that it shows no pair.
const unlinkable = 3

func lockOpen(t *tx, c LockOpen) error {
	amounts, err := worth(c.Amount)
	if err != nil {
		return err
	}
	if _, err := t.authorize(nil, amounts...); err != nil {
		return err
	}
	key := LockRecordKey(c.ID)
	if old, there := get[token.Lock](t, key); there {
		if old.Owner == t.own && old.Asked == t.digest() {
			return nil
		}
		return conflict("id", "choose 32 fresh random bytes", "there is a lock with this id")
	}
	if c.ID.IsZero() {
		return invalid("id", "the lock has no id", "choose 32 random bytes")
	}
	if _, err := t.both("amount", c.Amount.Token, t.own, ""); err != nil {
		return err
	}
	for _, k := range c.Keys {
		if err := t.register("keys", k, KeyUse{Use: UseLock}); err != nil {
			return err
		}
	}
	t.move(key, c.Amount, t.own, settlement.Available, t.own, settlement.Deposit)
	t.put(key, token.Lock{ID: c.ID, Owner: t.own, Amount: c.Amount, Keys: c.Keys, State: token.Locked, Asked: t.digest()})
	t.emit(EventLocked, key, "")
	return nil
}

// lockOf finds a lock and asks the table.
func (t *tx) lockOf(field string, id canon.Hash, e token.LockEvent) (token.Lock, error) {
	l, ok := get[token.Lock](t, LockRecordKey(id))
	if !ok {
		return l, notFound(field, "lock", id.String())
	}
	next, ok := l.State.Next(e)
	if !ok {
		return l, wrongState("lock", id.String(), string(l.State), string(e))
	}
	l.State = next
	return l, nil
}

func lockTopUp(t *tx, c LockTopUp) error {
	l, ok := get[token.Lock](t, LockRecordKey(c.ID))
	if !ok || l.Owner != t.own {
		return notFound("id", "lock of yours", c.ID.String())
	}
	more := token.Amount{Token: l.Amount.Token, Micro: c.More}
	amounts, err := worth(more)
	if err != nil {
		return fault.Of(err).In("more")
	}
	if _, err := t.authorize(nil, amounts...); err != nil {
		return err
	}
	switch {
	case l.State != token.Locked:
		return wrongState("lock", c.ID.String(), string(l.State), "a top-up")
	case l.Amount.Micro != c.Was:
		return conflict("was", "look at the lock and decide anew", "%s are in the lock, not %s", l.Amount, c.Was)
	}
	if _, err := t.both("more", more.Token, t.own, ""); err != nil {
		return err
	}
	if l.Amount.Micro, err = l.Amount.Micro.Add(c.More); err != nil {
		return err
	}
	key := LockRecordKey(l.ID)
	t.move(key, more, t.own, settlement.Available, t.own, settlement.Deposit)
	t.put(key, l)
	t.emit(EventLockChanged, key, "")
	return nil
}

// lockChange moves value between locks, and back to their owners, as all keys
// concerned have signed. What goes out of a lock passes through an account of
// nobody, so that the entry pairs none of them.
func lockChange(t *tx, c LockChange) error {
	if _, err := t.authorize(nil); err != nil {
		return err
	}
	list := c.Changes.List
	if t.ctx.Block.Time >= c.Changes.Until {
		return fault.New(fault.Refused, "the changes are void by now", "agree on them anew").In("changes.until")
	}
	if len(list) == 0 || len(list) > maxChanges || len(c.Signatures) != len(list) {
		return invalid("changes", "the list is empty, too long, or not each change has its signatures", "name 1 to 500 locks with two signatures each")
	}
	locks := make([]token.Lock, len(list))
	owners, moves := map[party.Code]bool{}, false
	var before, after money.Micro
	for i, x := range list {
		if i > 0 && bytes.Compare(list[i-1].Lock[:], x.Lock[:]) >= 0 {
			return invalid("changes", "the locks are not in order, each once", "sort them")
		}
		l, err := t.changed(x, c.Signatures[i], c.Changes)
		if err != nil {
			return err
		}
		then, err := x.Amount.Add(x.Back)
		if err != nil {
			return err
		}
		if before, err = before.Add(l.Amount.Micro); err == nil {
			after, err = after.Add(then)
		}
		if err != nil {
			return err
		}
		if locks[0].Amount.Token != "" && l.Amount.Token != locks[0].Amount.Token {
			return invalid("changes", "the locks are of several tokens", "change each token's by itself")
		}
		owners[l.Owner], moves, locks[i] = true, moves || then != l.Amount.Micro, l
	}
	if before != after {
		return invalid("changes", "the changes make or lose tokens", "let what goes out of some locks come into others, or go back")
	}
	if moves && len(owners) < unlinkable && !c.Reveals {
		return fault.Newf(CodeReveals, "change them together with locks of other members, or say that it may be seen",
			"the change would show that %d members have paid each other", len(owners))
	}
	for i, x := range list {
		t.change(locks[i], x)
	}
	return nil
}

// changed checks one change of a list and gives the lock as it is.
func (t *tx) changed(x token.Change, signatures [2]sign.Signature, all token.Changes) (token.Lock, error) {
	l, ok := get[token.Lock](t, LockRecordKey(x.Lock))
	switch {
	case !ok:
		return l, notFound("changes", "lock", x.Lock.String())
	case l.State != token.Locked:
		return l, wrongState("lock", x.Lock.String(), string(l.State), "a change")
	case l.Round != x.Round:
		return l, conflict("changes", "agree on it anew", "the lock %s is in round %d", x.Lock, l.Round)
	case x.Amount < 0 || x.Back < 0:
		return l, invalid("changes", "an amount is below zero", "name what is in the lock then, and what goes back")
	}
	for side, k := range l.Keys {
		if !all.Verify(k, t.ctx.Block.Chain, signatures[side]) {
			return l, fault.Newf(fault.Refused, "have both sides sign exactly these changes", "the lock %s is not changed by both its keys", x.Lock).In("signatures")
		}
	}
	return l, nil
}

// change makes one change of a list.
func (t *tx) change(l token.Lock, x token.Change) {
	key := LockRecordKey(l.ID)
	amount := func(m money.Micro) token.Amount { return token.Amount{Token: l.Amount.Token, Micro: m} }
	if out := l.Amount.Micro - x.Amount; out >= 0 {
		t.move(key, amount(out), l.Owner, settlement.Deposit, "", settlement.Round)
	} else {
		t.move(key, amount(-out), "", settlement.Round, l.Owner, settlement.Deposit)
	}
	t.move(key, amount(x.Back), "", settlement.Round, l.Owner, settlement.Available)
	l.Amount.Micro, l.Round = x.Amount, l.Round+1
	if x.Amount == 0 {
		l.State, _ = l.State.Next(token.LockEmpty)
	}
	t.put(key, l)
	t.emit(EventLockChanged, key, "")
}

func lockExit(t *tx, c LockExit) error {
	if _, err := t.authorize(nil); err != nil {
		return err
	}
	l, err := t.lockOf("mine.paid.lock", c.Mine.Paid.Lock, token.LockExit)
	if err != nil {
		return err
	}
	if err := c.Mine.Check(l, t.ctx.Block.Chain); err != nil {
		return fault.Of(err).In("mine")
	}
	x := token.Exit{By: c.Mine.Paid.By, Deadline: t.ctx.Block.Time + t.network().Challenge()}
	x.Totals[x.By] = c.Mine.Paid.Total
	if c.Theirs != nil {
		if err := c.Theirs.Check(l, t.ctx.Block.Chain); err != nil {
			return fault.Of(err).In("theirs")
		}
		if c.Theirs.Paid.By == x.By {
			return invalid("theirs", "both totals are of one side", "show what the other side has signed")
		}
		x.Totals[x.By.Other()] = c.Theirs.Paid.Total
	}
	if _, _, err := l.Split(x.Totals); err != nil {
		return err
	}
	l.Exit = &x
	t.put(LockRecordKey(l.ID), l)
	t.emit(EventLockLeft, LockRecordKey(l.ID), map[token.Side]string{token.OwnerSide: "owner", token.PartnerSide: "partner"}[x.By])
	return nil
}

func lockContest(t *tx, c LockContest) error {
	if _, err := t.authorize(nil); err != nil {
		return err
	}
	l, err := t.lockOf("paid.paid.lock", c.Paid.Paid.Lock, token.LockContest)
	if err != nil {
		return err
	}
	if err := c.Paid.Check(l, t.ctx.Block.Chain); err != nil {
		return fault.Of(err).In("paid")
	}
	x := *l.Exit
	by := c.Paid.Paid.By
	switch {
	case t.ctx.Block.Time >= x.Deadline:
		return fault.New(fault.Refused, "the time for a contest is over", "nothing can be done here").In("paid")
	case c.Paid.Paid.Total <= x.Totals[by]:
		return fault.New(fault.Refused, "as much or more counts already", "show a later total").In("paid")
	}
	x.Totals[by], x.Stale = c.Paid.Paid.Total, x.Stale || by == x.By
	if _, _, err := l.Split(x.Totals); err != nil {
		return err
	}
	l.Exit = &x
	t.put(LockRecordKey(l.ID), l)
	t.emit(EventLockContested, LockRecordKey(l.ID), "")
	return nil
}

// tickLock ends an exit whose time is over: the owner has its part, and the
// partner's waits for its key.
func (t *tx) tickLock(l token.Lock) error {
	owner, partner, err := l.Leave()
	if err != nil {
		return err
	}
	key := LockRecordKey(l.ID)
	t.move(key, token.Amount{Token: l.Amount.Token, Micro: owner}, l.Owner, settlement.Deposit, l.Owner, settlement.Available)
	t.move(key, token.Amount{Token: l.Amount.Token, Micro: partner}, l.Owner, settlement.Deposit, "", settlement.Unclaimed)
	l.State, _ = l.State.Next(token.LockEnd)
	if l.Left, l.Exit.Deadline = partner, 0; partner == 0 {
		l.State, _ = l.State.Next(token.LockClaim)
	}
	t.put(key, l)
	t.emit(EventLockClosed, key, "")
	return nil
}

func lockClaim(t *tx, c LockClaim) error {
	if _, err := t.authorize(nil); err != nil {
		return err
	}
	l, err := t.lockOf("lock", c.Lock, token.LockClaim)
	if err != nil {
		return err
	}
	if !token.VerifyClaim(l, t.ctx.Block.Chain, c.To, c.Signature) {
		return fault.New(fault.Refused, "the claim is not signed with the partner's key", "sign it for this lock and member").In("signature")
	}
	k, err := t.activeToken(l.Amount.Token)
	if err != nil {
		return err
	}
	if err := t.usable("to", &k, c.To); err != nil {
		return err
	}
	key := LockRecordKey(l.ID)
	t.move(key, token.Amount{Token: l.Amount.Token, Micro: l.Left}, "", settlement.Unclaimed, c.To, settlement.Available)
	l.Left = 0
	t.put(key, l)
	t.emit(EventLockClaimed, key, "")
	return nil
}

// Lock gives a lock by its id.
func (v View) Lock(id canon.Hash) (token.Lock, bool) { return get[token.Lock](v, LockRecordKey(id)) }

// Locks yields all locks by id.
func (v View) Locks() iter.Seq[token.Lock] { return all[token.Lock](v, prefixLock) }
