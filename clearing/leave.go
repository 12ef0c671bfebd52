package clearing

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/token"
)

// Tokens come out of locks again by a change that both sides sign, or by one side
// alone with what both have signed of payments.

const (
	// changeMillis is how long a change may take: as long nobody pays out of its
	// locks if it is broken off.
	changeMillis = 10 * 60_000
	// consentMillis is how long a treasurer's word stands that a change may show the
	// pair: until the other side's treasurer has given the same.
	consentMillis = 24 * 60 * 60_000
	// signEvery is how often a partner is asked that is behind or does not answer.
	signEvery = 300 * time.Millisecond
	// askAgainFor is how long a change that was broken off keeps payments and
	// requests waiting for the partner, before it is tried again later.
	askAgainFor = 15 * time.Second
)

// changing is a change of locks that this side has asked for: kept before anybody
// hears of it, so that a crash does not leave the locks without it for longer than
// it takes to start again.
type changing struct {
	Changes token.Changes `cbor:"1,keyasint"`
	Reveals bool          `cbor:"2,keyasint,omitempty"`
}

func (c changing) name() canon.Hash { return c.Changes.Hash("") }

func changingKey(name canon.Hash) string { return "changing/" + name.String() }

// changeRequest asks the partner's desk for its signatures under a change; without
// Stopped whether it would give them once nobody pays out of the locks.
type changeRequest struct {
	Changes token.Changes `cbor:"1,keyasint"`
	Reveals bool          `cbor:"2,keyasint,omitempty"`
	Stopped bool          `cbor:"3,keyasint,omitempty"`
}

// changeAnswer has a signature for each change, in their order.
type changeAnswer struct {
	Signatures []sign.Signature `cbor:"1,keyasint,omitempty"`
}

// Release is what to give back of deposits.
type Release struct {
	Token   token.Code
	Keep    money.Micro // stays locked of what this side has
	Reveals bool        // everybody may see that the two have paid each other
}

// ReleaseDeposits gives this side's share of the locks back to its account, but for
// what is to stay, and returns when that is done. Where the two have paid each other
// it moves value between their locks, which shows the pair: then both treasurers
// must say so, each on its own node. Codes: reveals-the-pair, not-found, busy.
func (d *Desk) ReleaseDeposits(ctx context.Context, r Release) ([]token.Change, error) {
	if d.o.Vault == nil {
		return nil, d.vault()
	}
	end, err := d.bank(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	if err := d.paidOut(ctx); err != nil {
		return nil, err
	}
	l, err := d.locks(nil)
	if err != nil {
		return nil, err
	}
	c := changing{Reveals: r.Reveals}
	if c.Changes.List, err = d.releasing(l, r); err != nil {
		return nil, err
	}
	if r.Reveals {
		d.mu.Lock()
		d.consents[r.Token] = d.o.Now() + consentMillis
		d.mu.Unlock()
	} else if d.moves(l, c.Changes.List) {
		return nil, fault.Newf(trade.CodeReveals, "say that it may be seen, and have the partner say so, or leave the locks until a round with other members",
			"%s and %s have paid each other, and giving back what each has then shows that", d.o.Me, d.o.Partner)
	}
	c.Changes.Until = max(l.now, d.o.Now()) + changeMillis
	if _, err := d.askPartner(ctx, changeRequest{c.Changes, c.Reveals, false}); err != nil {
		return nil, err
	}
	cmd, err := d.o.Authorize(trade.NewCommand(trade.KindDepositChange, trade.DepositChange{Changes: c.Changes}), party.Finance)
	if err != nil {
		return nil, err
	}
	if err := d.keep(changingKey(c.name()), canon.Must(c)); err != nil {
		return nil, err
	}
	d.mu.Lock()
	d.changes[c.name()] = c
	d.mu.Unlock()
	out, err := d.o.Channel.Submit(ctx, cmd)
	if err != nil {
		return nil, err // it may be on its way, and is taken up again
	}
	if err := executed(out, nil); err != nil {
		if e := d.dropChanging(c); e != nil {
			return nil, e
		}
		return nil, err
	}
	return c.Changes.List, d.change(ctx, c)
}

// releasing makes the changes that give this side's share back. The partner's locks
// take what it was paid; if none of them moves, they are left out.
func (d *Desk) releasing(l locks, r Release) ([]token.Change, error) {
	type held struct {
		lock  token.Lock
		owner money.Micro
	}
	var mine, theirs []held
	var have [2]money.Micro // this side's share and the partner's
	moved := false
	for x := range l.here.Deposits() {
		lock, ok := l.public.Lock(x.Lock)
		if !ok || lock.State != token.Locked || lock.Amount.Token != r.Token {
			continue
		}
		var totals [2]money.Micro
		if x.Round == lock.Round {
			totals = x.Totals
		}
		owner, partner, err := lock.Split(totals)
		if err != nil {
			return nil, err
		}
		moved = moved || partner != 0
		if x.Owner == d.o.Me {
			mine, have[0], have[1] = append(mine, held{lock, owner}), have[0]+owner, have[1]+partner
		} else {
			theirs, have[0], have[1] = append(theirs, held{lock, owner}), have[0]+partner, have[1]+owner
		}
	}
	switch {
	case len(mine) == 0 && have[0] == 0:
		return nil, fault.Newf(fault.NotFound, "look at the deposits", "this side has no %s locked with %s", r.Token, d.o.Partner)
	case r.Keep < 0 || r.Keep >= have[0]:
		return nil, fault.Newf(fault.Invalid, "keep less than there is", "this side has %s %s of the deposits", r.Token, have[0]).In("keep")
	case len(mine) == 0:
		return nil, fault.New(fault.Refused, "this side has no lock of its own to which its share could go back", "open one, of any amount, or leave alone (lateral deposit exit)")
	case moved && have[1] > 0 && len(theirs) == 0:
		return nil, fault.Newf(fault.Refused, "have the partner open a deposit, of any amount, or leave alone (lateral deposit exit)", "%s has no lock of its own that could take its share", d.o.Partner)
	}
	var out []token.Change
	keep := r.Keep
	for i, h := range mine {
		// What stays is in the first locks; what goes back, goes back from each as
		// far as it was there, so that a give-back alone moves nothing.
		x := token.Change{Lock: h.lock.ID, Round: h.lock.Round}
		x.Amount = min(keep, h.owner)
		if x.Back = h.owner - x.Amount; i == 0 && moved {
			sum := h.owner + have[0]
			for _, o := range mine {
				sum -= o.owner
			}
			x.Amount = min(keep, sum)
			x.Back = sum - x.Amount
		}
		keep -= x.Amount
		out = append(out, x)
	}
	if moved {
		for i, h := range theirs {
			x := token.Change{Lock: h.lock.ID, Round: h.lock.Round, Amount: h.owner}
			if i == 0 {
				x.Amount = h.owner + have[1]
				for _, o := range theirs {
					x.Amount -= o.owner
				}
			}
			out = append(out, x)
		}
	}
	slices.SortFunc(out, func(a, b token.Change) int { return bytes.Compare(a.Lock[:], b.Lock[:]) })
	return out, nil
}

// moves reports whether changes take from some locks and put into others.
func (d *Desk) moves(l locks, list []token.Change) bool {
	return slices.ContainsFunc(list, func(x token.Change) bool {
		lock, _ := l.public.Lock(x.Lock)
		return x.Amount+x.Back != lock.Amount.Micro
	})
}

// askPartner asks the partner's desk, again while it is behind or silent.
func (d *Desk) askPartner(ctx context.Context, r changeRequest) (a changeAnswer, err error) {
	for {
		var raw []byte
		if raw, err = d.o.Vault.Ask(ctx, canon.Must(r)); err == nil {
			return a, canon.Decode(raw, &a)
		}
		switch fault.CodeOf(err) {
		case fault.NotYet, fault.Busy, fault.Unavailable, fault.Unknown, "no-answer":
		default:
			return a, err
		}
		select {
		case <-ctx.Done():
			return a, err
		case <-time.After(signEvery):
		}
	}
}

// Answer signs a change of locks that the partner asks for, if this side keeps its
// share by it, nobody pays out of the locks meanwhile, and it shows the pair only
// where this side's treasurer has said that it may. Codes: not-yet, refused,
// reveals-the-pair.
func (d *Desk) Answer(_ context.Context, request []byte) ([]byte, error) {
	var r changeRequest
	if err := canon.Decode(request, &r); err != nil {
		return nil, err
	}
	if d.o.Vault == nil {
		return nil, d.vault()
	}
	l, err := d.locks(nil)
	if err != nil {
		return nil, err
	}
	no := func(detail, remedy string) ([]byte, error) { return nil, fault.New(fault.Refused, detail, remedy) }
	if now := max(l.now, d.o.Now()); r.Changes.Until <= l.now || r.Changes.Until > now+2*changeMillis {
		return no("the change is void, or would stop payments for too long", "ask anew")
	}
	deposits := map[canon.Hash]trade.Deposit{}
	for x := range l.here.Deposits() {
		deposits[x.Lock] = x
	}
	var have, then, before, after money.Micro
	var c token.Code
	var a changeAnswer
	for i, x := range r.Changes.List {
		dep, ok := deposits[x.Lock]
		lock, there := l.public.Lock(x.Lock)
		if !ok || !there {
			return nil, fault.Newf(fault.NotYet, "ask again when the partner has it", "no lock %s pays here", x.Lock)
		}
		if lock.State != token.Locked || lock.Round != x.Round || x.Amount < 0 || x.Back < 0 ||
			i > 0 && (bytes.Compare(r.Changes.List[i-1].Lock[:], x.Lock[:]) >= 0 || lock.Amount.Token != c) {
			return no("the locks are not in order, or not as the change says", "look at the deposits and ask anew")
		}
		if r.Stopped && (dep.Round != lock.Round || dep.Until != r.Changes.Until) {
			return nil, fault.New(fault.NotYet, "payments out of the locks have not stopped for this change here", "ask again when the partner has executed it")
		}
		c = lock.Amount.Token
		var totals [2]money.Micro
		if dep.Round == lock.Round {
			totals = dep.Totals
		}
		owner, partner, err := lock.Split(totals)
		if err != nil {
			return nil, err
		}
		back, err := x.Amount.Add(x.Back)
		if err == nil {
			before, err = before.Add(lock.Amount.Micro)
		}
		if err == nil {
			after, err = after.Add(back)
		}
		if err != nil {
			return nil, err
		}
		me := d.side(dep)
		if me == token.OwnerSide {
			have, then = have+owner, then+back
		} else {
			have += partner
		}
		k, err := d.lockKey(lock, me)
		if err != nil {
			return nil, err
		}
		a.Signatures = append(a.Signatures, r.Changes.Sign(k, d.o.Vault.Chain))
	}
	if have != then || before != after {
		return no("the change does not leave each side its share", "ask for one that does")
	}
	if d.moves(l, r.Changes.List) {
		d.mu.Lock()
		wanted := d.consents[c] > d.o.Now()
		d.mu.Unlock()
		if !wanted {
			return nil, fault.Newf(trade.CodeReveals, "have the treasurer of the partner ask for the same release, and ask again",
				"the change shows that %s and %s have paid each other, and %s has not said that this may be seen", d.o.Partner, d.o.Me, d.o.Me)
		}
	}
	if !r.Stopped {
		a.Signatures = nil // it could be paid out of the locks yet
	}
	return canon.Must(a), nil
}

// change has the partner sign a change for which payments have stopped, and makes it.
func (d *Desk) change(ctx context.Context, c changing) error {
	l, err := d.locks(nil)
	if err != nil {
		return err
	}
	theirs, err := d.askPartner(ctx, changeRequest{c.Changes, c.Reveals, true})
	if err != nil {
		return err
	}
	if len(theirs.Signatures) != len(c.Changes.List) {
		return fault.New(fault.Refused, "the partner has not signed each change", "ask the partner to upgrade its node")
	}
	body := trade.LockChange{Changes: c.Changes, Signatures: make([][2]sign.Signature, len(c.Changes.List)), Reveals: c.Reveals}
	for i, x := range c.Changes.List {
		lock, ok := l.public.Lock(x.Lock)
		if !ok {
			return fault.Newf(fault.NotFound, "look at the deposits", "the lock %s is not here", x.Lock)
		}
		me := token.PartnerSide
		if lock.Owner == d.o.Me {
			me = token.OwnerSide
		}
		k, err := d.lockKey(lock, me)
		if err != nil {
			return err
		}
		body.Signatures[i][me], body.Signatures[i][me.Other()] = c.Changes.Sign(k, d.o.Vault.Chain), theirs.Signatures[i]
	}
	if err := executed(d.o.Vault.Omni.Submit(ctx, trade.NewCommand(trade.KindLockChange, body))); err != nil {
		return err
	}
	return d.dropChanging(c)
}

func (d *Desk) dropChanging(c changing) error {
	if err := d.o.Store.Commit(store.Batch{Writes: []merkle.Write{{Key: d.prefix + changingKey(c.name())}}}); err != nil {
		return err
	}
	d.mu.Lock()
	delete(d.changes, c.name())
	d.mu.Unlock()
	return nil
}

// changeAgain goes on with changes that were broken off, and forgets those that are
// made or void.
func (d *Desk) changeAgain(ctx context.Context, l locks) {
	d.mu.Lock()
	var all []changing
	for _, c := range d.changes {
		all = append(all, c)
	}
	d.mu.Unlock()
	deposits := map[canon.Hash]trade.Deposit{}
	for x := range l.here.Deposits() {
		deposits[x.Lock] = x
	}
	for _, c := range all {
		over, stopped := l.now >= c.Changes.Until, true
		for _, x := range c.Changes.List {
			lock, _ := l.public.Lock(x.Lock)
			over = over || lock.Round != x.Round || lock.State != token.Locked
			stopped = stopped && deposits[x.Lock].Until == c.Changes.Until
		}
		action := actChange + c.name().String()
		if over {
			if err := d.dropChanging(c); err != nil {
				d.fail(action, depositsSubject, err)
			} else {
				d.settledAction(action)
			}
			continue
		}
		if !stopped {
			continue // it is on its way still, or void before it was sent
		}
		d.attempt(ctx, action, depositsSubject, func() func(context.Context) error {
			return func(ctx context.Context) error {
				end, err := d.bank(ctx)
				if err != nil {
					return err
				}
				defer end()
				ctx, cancel := context.WithTimeout(ctx, askAgainFor)
				defer cancel()
				d.mu.Lock()
				_, open := d.changes[c.name()]
				d.mu.Unlock()
				if !open {
					return nil
				}
				return d.change(ctx, c)
			}
		})
	}
}

// ExitDeposits leaves locks alone, without the partner: the one that is named, or
// all in which this side has something. It goes by the newest word of each side, for
// whoever leaves by an older one loses a part of the lock. What the partner contests
// or takes, and what this side takes of the partner's locks, shows the pair: seen
// says that it may. Codes: reveals-the-pair, not-found.
func (d *Desk) ExitDeposits(ctx context.Context, id canon.Hash, seen bool) ([]canon.Hash, error) {
	if d.o.Vault == nil {
		return nil, d.vault()
	}
	end, err := d.bank(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	if err := d.paidOut(ctx); err != nil {
		return nil, err
	}
	l, err := d.locks(nil)
	if err != nil {
		return nil, err
	}
	var ids []canon.Hash
	var cmds []trade.Command
	for x := range l.here.Deposits() {
		lock, ok := l.public.Lock(x.Lock)
		if !ok || lock.State != token.Locked || !id.IsZero() && id != x.Lock {
			continue
		}
		me := d.side(x)
		c := trade.LockExit{Theirs: word(x, lock, me.Other())}
		if mine := word(x, lock, me); mine != nil {
			c.Mine = *mine
		} else if me == token.PartnerSide && c.Theirs == nil && id.IsZero() {
			continue // nothing in it was ever this side's
		} else {
			k, err := d.lockKey(lock, me)
			if err != nil {
				return nil, err
			}
			c.Mine = token.Paid{Lock: lock.ID, Round: lock.Round, By: me}.Sign(k, d.o.Vault.Chain)
		}
		ids, cmds = append(ids, x.Lock), append(cmds, trade.NewCommand(trade.KindLockExit, c))
	}
	if len(ids) == 0 {
		return nil, fault.Newf(fault.NotFound, "look at the deposits", "no open lock with %s is meant", d.o.Partner)
	}
	if !seen {
		return nil, fault.Newf(trade.CodeReveals, "say that it may be seen (--yes), or release the deposits together with the partner",
			"once the partner contests the exit or takes its part, or this side takes its part of the partner's locks, everybody sees that %s and %s have paid each other", d.o.Me, d.o.Partner)
	}
	return ids, executed(d.o.Vault.Omni.Submit(ctx, cmds...))
}
