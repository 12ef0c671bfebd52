package clearing

import (
	"cmp"
	"context"
	"crypto/rand"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/token"
)

// Deposits are tokens that are locked on the Omnilateral, out of which the two pay
// each other here (ADR 17). A person opens them and takes them back; the desk offers
// keys for the partner's, pays what is owed, and answers who leaves by an old total.

// Vault is what a desk needs for deposits.
type Vault struct {
	Omni   *channel.Channel // the Omnilateral
	Chain  string           // id of the ledger
	Secret [32]byte         // this carrier's own, kept for ever: private keys of locks follow from it
	// Ask has the partner's desk answer a request (Desk.Answer). Its faults come
	// back with their codes.
	Ask func(ctx context.Context, request []byte) ([]byte, error)
	// Carry has some other member's node post what any node may, so that nobody sees
	// from whom it is. It returns when somebody has taken it. Nil: this node does.
	Carry func(ctx context.Context, c trade.Command) error
	// Paid is told how long a payment of this side's took, until it was final. Nil:
	// nobody is.
	Paid func(time.Duration)
}

const (
	// depositsSubject stands for all deposits where a single record is meant
	// otherwise.
	depositsSubject = "deposits"

	// Actions of a desk that concern deposits.
	actDeposits = "deposit/look"
	actOffer    = "deposit/offer"
	actPay      = "deposit/pay/"    // and the token
	actOpen     = "deposit/open/"   // and the lock
	actChange   = "deposit/change/" // and the changes
	actLock     = "deposit/lock/"   // and the lock: a contest, a tick or a claim

	// offered is how many keys the partner finds that it has not used.
	offered = 4
	// maxPaid is how many obligations one payment pays.
	maxPaid = 500
)

// purse is what the desk's own work remembers of deposits.
type purse struct {
	agreed *bool           // an agreement allows payment by tokens; nil: to be read again
	owing  map[string]bool // ids of obligations that this side owes by tokens
}

// opening is a lock that this side opens: kept before anybody hears of it, so that a
// crash opens it once, and not half.
type opening struct {
	ID     canon.Hash        `cbor:"1,keyasint"`
	Amount token.Amount      `cbor:"2,keyasint"`
	Keys   [2]sign.PublicKey `cbor:"3,keyasint"`
}

// copied is records that were copied out of a channel's state.
type copied map[string][]byte

// Get implements trade.Records.
func (c copied) Get(key string) ([]byte, bool) { v, ok := c[key]; return v, ok }

// Scan implements trade.Records.
func (c copied) Scan(prefix string) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, key := range slices.Sorted(maps.Keys(c)) {
			if strings.HasPrefix(key, prefix) && !yield(key, c[key]) {
				return
			}
		}
	}
}

// copy copies one record, if there is one.
func (c copied) copy(from trade.Records, key string) {
	if raw, ok := from.Get(key); ok {
		c[key] = raw
	}
}

// locks is what concerns deposits on both channels, copied one after the other: a
// look at one channel inside another could wait for ever.
type locks struct {
	here, public trade.View
	now          int64 // time of the last block, ms UTC
	due          []obligationRecord
	waits        []string // ids of obligations that are not paid yet: they are bound in a round, or may be
	agreed       bool
}

// locks copies what concerns deposits, with the obligations of some ids.
func (d *Desk) locks(owing map[string]bool) (l locks, err error) {
	here, public := copied{}, copied{}
	err = d.o.Channel.View(func(v view) error {
		l.now = v.Time
		for _, prefix := range []string{trade.DepositPrefix, trade.LockKeyPrefix, trade.DelegatePrefix} {
			for key, raw := range v.Scan(prefix) {
				here[key] = raw
			}
		}
		for id := range owing {
			ob, ok, err := get[obligationRecord](v, trade.ObligationKey(id))
			if err != nil {
				return err
			}
			if ok && owed(ob) && ob.Payer == d.o.Me {
				l.due = append(l.due, ob)
				here.copy(v, trade.PledgeKey(ob.Round))
			}
		}
		return nil
	})
	if err != nil {
		return l, err
	}
	slices.SortFunc(l.due, func(a, b obligationRecord) int { return cmp.Or(cmp.Compare(a.Due, b.Due), strings.Compare(a.ID, b.ID)) })
	l.here = trade.View{Records: here}
	wanted := d.openingIDs()
	for x := range l.here.Deposits() {
		wanted = append(wanted, x.Lock)
	}
	err = d.o.Vault.Omni.View(func(v view) error {
		l.now = max(l.now, v.Time)
		undecided := d.undecided(l.now)
		l.due = slices.DeleteFunc(l.due, func(o obligationRecord) bool {
			wait := undecided[token.CodeOf(o.Amount.Currency)] || d.waits(o) || l.here.Bound(trade.View{Records: v}, o, l.now)
			if wait {
				l.waits = append(l.waits, o.ID)
			}
			return wait
		})
		for _, id := range wanted {
			if raw, ok := v.Get(trade.LockRecordKey(id)); ok {
				public[trade.LockRecordKey(id)] = raw
			}
		}
		return nil
	})
	l.public = trade.View{Records: public}
	return l, err
}

func (d *Desk) openingIDs() (out []canon.Hash) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id := range d.openings {
		out = append(out, id)
	}
	return out
}

// owed reports whether an obligation waits for its payer.
func owed(o obligationRecord) bool {
	return o.State == settlement.Owed || o.State == settlement.Overdue
}

// owes notes whether an obligation is for this side to pay out of locks now.
func (d *Desk) owes(o obligationRecord) bool {
	if owed(o) && o.Payer == d.o.Me {
		d.purse.owing[o.ID] = true
		return true
	}
	delete(d.purse.owing, o.ID)
	return false
}

// deposits takes the next steps for all deposits of the two.
func (d *Desk) deposits(ctx context.Context) error {
	if d.o.Vault == nil {
		return nil
	}
	if d.purse.agreed == nil {
		agreed, err := d.tokensAgreed()
		if err != nil {
			return err
		}
		d.purse.agreed = &agreed
	}
	owing, paying := d.purse.owing, d.paying()
	if paying {
		owing = nil // the next payment's totals follow from this one
	}
	l, err := d.locks(owing)
	if err != nil {
		return err
	}
	if *d.purse.agreed {
		d.offer(ctx, l)
	}
	for x := range l.here.Deposits() {
		d.guardLock(ctx, l, x)
	}
	if !paying {
		clear(d.purse.owing)
		for _, o := range l.due {
			d.purse.owing[o.ID] = true
		}
		for _, id := range l.waits {
			d.purse.owing[id] = true
		}
	}
	select {
	case d.banking <- struct{}{}:
	default:
		return nil // a person's request has the locks in hand: nothing is paid meanwhile
	}
	defer func() { <-d.banking }()
	d.openAgain(ctx)
	d.changeAgain(ctx, l)
	if !paying {
		d.payOut(ctx, l)
	}
	return nil
}

// bank waits until nobody else opens, changes or leaves locks. What it gives ends
// that. Code: busy.
func (d *Desk) bank(ctx context.Context) (end func(), err error) {
	end = func() { <-d.banking; d.rouse() }
	select {
	case d.banking <- struct{}{}:
		return end, nil
	default:
	}
	select {
	case d.banking <- struct{}{}:
		return end, nil
	case <-ctx.Done():
		return nil, fault.New(fault.Busy, "another change of the deposits is on its way", "try again when it is done").Because(ctx.Err())
	}
}

// paidOut waits until no payment of this side's is on its way: its total is signed,
// and would count against whoever leaves by an earlier one. Code: busy.
func (d *Desk) paidOut(ctx context.Context) error {
	for d.paying() {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return fault.New(fault.Busy, "a payment out of the deposits is on its way", "try again when it is final").Because(ctx.Err())
		}
	}
	return nil
}

// paying reports whether a payment out of locks is on its way.
func (d *Desk) paying() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for action := range d.waiting {
		if strings.HasPrefix(action, actPay) {
			return true
		}
	}
	return false
}

// tokensAgreed reports whether an agreement that stands names payment by tokens.
func (d *Desk) tokensAgreed() (ok bool, err error) {
	err = d.o.Channel.View(func(v view) error {
		for a := range (trade.View{Records: v}).Agreements() {
			if a.State != agreement.Active {
				continue
			}
			for _, version := range a.Versions {
				terms, _ := trade.View{Records: v}.Terms(version.Terms)
				if _, there := terms.Method(trade.MethodToken); there {
					ok = true
				}
			}
		}
		return nil
	})
	return ok, err
}

// offer has the partner find keys for its locks.
func (d *Desk) offer(ctx context.Context, l locks) {
	mine, free := map[sign.PublicKey]bool{}, 0
	for k := range l.here.LockKeys(d.o.Me) {
		mine[k.Key] = true
		if k.Lock.IsZero() {
			free++
		}
	}
	if free >= offered || d.underWay(actOffer) {
		return
	}
	var cmds []trade.Command
	for n := uint64(0); free < offered; n++ {
		if k := d.offeredKey(n).Public(); !mine[k] {
			cmds = append(cmds, trade.NewCommand(trade.KindDepositKey, trade.DepositKey{Key: k}))
			free++
		}
	}
	d.act(ctx, actOffer, depositsSubject, cmds...)
}

// public takes a step on the Omnilateral.
func (d *Desk) public(ctx context.Context, action, subject string, cmd trade.Command) {
	d.attempt(ctx, action, subject, func() func(context.Context) error {
		ticket := d.o.Vault.Omni.Enqueue(cmd)
		return func(ctx context.Context) error { return executed(ticket.Wait(ctx)) }
	})
}

// side says which of a deposit's two keys is this carrier's.
func (d *Desk) side(x trade.Deposit) token.Side {
	if x.Owner == d.o.Me {
		return token.OwnerSide
	}
	return token.PartnerSide
}

// word gives the last total that a side has signed in a lock's present round; nil:
// it has paid nothing.
func word(x trade.Deposit, l token.Lock, by token.Side) *token.SignedPaid {
	if s := x.Signed[by]; s != nil && s.Paid.Round == l.Round {
		return s
	}
	return nil
}

// guardLock answers who leaves a lock.
func (d *Desk) guardLock(ctx context.Context, l locks, x trade.Deposit) {
	lock, ok := l.public.Lock(x.Lock)
	if !ok {
		return
	}
	action, subject := actLock+x.Lock.String(), trade.DepositRecordKey(x.Lock)
	c, wanted, err := d.lockStep(l.now, x, lock)
	switch {
	case err != nil:
		d.fail(action, subject, err)
	case wanted:
		d.public(ctx, action, subject, c)
	default:
		d.settledAction(action)
	}
}

// lockStep gives what is to be sent for a lock that one side leaves: a later total of
// the partner's, the end of the time for that, or the claim to what is left for this
// side. Whatever the partner of a lock sends shows who it is: so it sends nothing
// where it has nothing.
func (d *Desk) lockStep(blockTime int64, x trade.Deposit, lock token.Lock) (c trade.Command, wanted bool, err error) {
	me := d.side(x)
	switch {
	case lock.State == token.Leaving:
		theirs := word(x, lock, me.Other())
		if theirs != nil && theirs.Paid.Total > lock.Exit.Totals[me.Other()] && blockTime < lock.Exit.Deadline {
			return trade.NewCommand(trade.KindLockContest, trade.LockContest{Paid: *theirs}), true, nil
		}
		now := max(blockTime, d.o.Now()-clockSlack) // a ledger on which nothing happens makes no blocks
		if me == token.PartnerSide {
			_, partner, err := lock.Leave()
			if err != nil || partner == 0 {
				return c, false, err
			}
			now -= courtesy
		}
		return trade.NewCommand(trade.KindTick, trade.Tick{Subject: trade.LockRecordKey(lock.ID)}), now >= lock.Exit.Deadline, nil
	case lock.State == token.Closed && me == token.PartnerSide:
		k, err := d.lockKey(lock, me)
		if err != nil {
			return c, false, err
		}
		body := trade.LockClaim{Lock: lock.ID, To: d.o.Me, Signature: token.SignClaim(k, d.o.Vault.Chain, lock.ID, d.o.Me)}
		return trade.NewCommand(trade.KindLockClaim, body), true, nil
	}
	return c, false, nil
}

// settledAction forgets why an action did not succeed that nobody wants any more.
func (d *Desk) settledAction(action string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.waiting[action] {
		delete(d.failed, action)
	}
}

// payOut pays what is owed by tokens, as far as the locks and the delegate's limit
// reach, the earliest due first. One payment of a token is on its way at a time: the
// next one's totals follow from it.
func (d *Desk) payOut(ctx context.Context, l locks) {
	byToken := map[token.Code][]obligationRecord{}
	for _, o := range l.due {
		c := token.CodeOf(o.Amount.Currency)
		byToken[c] = append(byToken[c], o)
	}
	d.mu.Lock()
	for action := range d.failed {
		if c, ok := strings.CutPrefix(action, actPay); ok && len(byToken[token.Code(c)]) == 0 && !d.waiting[action] {
			delete(d.failed, action)
		}
	}
	d.mu.Unlock()
	for _, c := range slices.Sorted(maps.Keys(byToken)) {
		if d.payToken(ctx, l, c, byToken[c]) {
			return
		}
	}
}

// payToken pays what is owed in one token, and tells whether a payment has left.
func (d *Desk) payToken(ctx context.Context, l locks, c token.Code, due []obligationRecord) (sent bool) {
	action, first := actPay+string(c), trade.ObligationKey(due[0].ID)
	d.mu.Lock()
	failed := d.failed[action]
	d.mu.Unlock()
	young := failed.fault != nil && time.Now().Before(failed.after)
	if young && failed.fault.Code != trade.CodeFunds {
		return false
	}
	// For want of funds it is enough to look again: nothing is signed by that.
	paid, ids, amount, err := d.affordable(l, c, due)
	if err != nil {
		if !young {
			d.fail(action, first, err)
		}
		return false
	}
	if young {
		d.solved(action)
	}
	body := trade.DepositPay{ID: "D" + canon.HashOf("lateral/deposit-payment/1", ids).String()[:32], Amount: amount, Obligations: ids}
	for _, p := range paid {
		lock, _ := l.public.Lock(p.Lock)
		k, err := d.lockKey(lock, p.By)
		if err != nil {
			d.fail(action, first, err)
			return false
		}
		body.Paid = append(body.Paid, p.Sign(k, d.o.Vault.Chain))
	}
	cmd, err := d.o.Authorize(trade.NewCommand(trade.KindDepositPay, body), party.Finance)
	if err != nil {
		d.fail(action, first, err)
		return false
	}
	start := time.Now()
	return d.attempt(ctx, action, first, func() func(context.Context) error {
		ticket := d.o.Channel.Enqueue(cmd)
		return func(ctx context.Context) error {
			err := executed(ticket.Wait(ctx))
			if err == nil && d.o.Vault.Paid != nil {
				d.o.Vault.Paid(time.Since(start))
			}
			return err
		}
	})
}

// affordable gives the totals, obligations and sum of the next payment in a token.
// It must be one that is not refused: a total that is signed stands, whatever becomes
// of the payment that it came with. Codes: insufficient-funds, beyond-limit.
func (d *Desk) affordable(l locks, c token.Code, due []obligationRecord) (paid []token.Paid, ids []string, amount token.Amount, err error) {
	limit, err := d.limit(l, due[0].Amount.Currency)
	if err != nil {
		return nil, nil, amount, err
	}
	amount.Token = c
	funds := l.here.Deposited(l.public, d.o.Me, l.now)[c]
	var beyond *fault.Error
	for _, o := range due {
		switch sum := amount.Micro + o.Amount.Micro; {
		case o.Amount.Micro > limit.Micro:
			beyond = fault.Newf(trade.CodeBeyondLimit, "raise the limit of the treasury's delegate on this Bilateral, or have someone with a higher one pay", "%s is above the limit of %s", o.Amount, limit).In("amount")
		case sum <= min(funds, limit.Micro) && len(ids) < maxPaid: // what is too large does not hold up the others
			ids, amount.Micro = append(ids, o.ID), sum
		}
	}
	switch {
	case len(ids) == 0 && beyond != nil:
		return nil, nil, amount, beyond
	case len(ids) == 0:
		return nil, nil, amount, fault.Newf(trade.CodeFunds, "top the deposit up (lateral deposit top-up), or open one; it is paid then by itself",
			"%s is owed to %s by tokens, and the deposits have %s %s for it", due[0].Amount, d.o.Partner, c, funds)
	}
	if paid, err = l.here.Payment(l.public, d.o.Me, amount, l.now); err != nil {
		return nil, nil, amount, err
	}
	slices.Sort(ids)
	return paid, ids, amount, nil
}

// limit gives what the delegate that signs for this desk may pay at once. Codes:
// those of Authorize, delegate-unknown.
func (d *Desk) limit(l locks, c money.Currency) (money.Amount, error) {
	cmd, err := d.o.Authorize(trade.NewCommand(trade.KindDepositPay, trade.DepositPay{}), party.Finance)
	if err != nil {
		return money.Amount{}, err
	}
	if cmd.Authorization == nil {
		return money.Amount{Currency: c, Micro: 1<<63 - 1}, nil
	}
	by, ok := l.here.Delegate(cmd.Authorization.Delegate)
	if !ok || by.Member != d.o.Me {
		return money.Amount{}, fault.New(trade.CodeDelegateUnknown, "the delegate that pays for this node is not registered here", "register its key with delegate.add")
	}
	limit, ok := by.Limit(c)
	if !ok {
		return money.Amount{Currency: c}, nil
	}
	return limit, nil
}

// vault refuses what needs tokens where there are none. Codes: refused,
// payment-method.
func (d *Desk) vault() error {
	if d.o.Vault == nil {
		return fault.New(fault.Refused, "this node leaves tokens alone", "use the carrier's node")
	}
	agreed, err := d.tokensAgreed()
	if err == nil && !agreed {
		err = fault.Newf(trade.CodePaymentMethod, `amend the agreement: its terms name the method "token"`, "no agreement with %s allows payment by tokens", d.o.Partner)
	}
	return err
}

// OpenDeposit locks tokens, out of which the two pay each other from then on. It
// returns when both have heard of it. Codes: not-yet while the partner has offered
// no key, insufficient-funds, payment-method.
func (d *Desk) OpenDeposit(ctx context.Context, amount token.Amount) (canon.Hash, error) {
	if err := d.vault(); err != nil {
		return canon.Hash{}, err
	}
	end, err := d.bank(ctx)
	if err != nil {
		return canon.Hash{}, err
	}
	defer end()
	o := opening{Amount: amount}
	rand.Read(o.ID[:]) // never fails
	o.Keys[token.OwnerSide] = d.ownKey(o.ID).Public()
	if o.Keys[token.PartnerSide], err = d.theirKey(); err != nil {
		return o.ID, err
	}
	if err := d.keep(openingKey(o.ID), canon.Must(o)); err != nil {
		return o.ID, err
	}
	d.mu.Lock()
	d.openings[o.ID] = o
	d.mu.Unlock()
	return o.ID, d.open(ctx, o)
}

func openingKey(id canon.Hash) string { return "opening/" + id.String() }

// theirKey finds a key of the partner that no lock has. Code: not-yet.
func (d *Desk) theirKey() (free sign.PublicKey, err error) {
	taken := map[sign.PublicKey]bool{}
	d.mu.Lock()
	for _, o := range d.openings {
		taken[o.Keys[token.PartnerSide]] = true
	}
	d.mu.Unlock()
	var keys []sign.PublicKey
	err = d.o.Channel.View(func(v view) error {
		for k := range (trade.View{Records: v}).LockKeys(d.o.Partner) {
			if k.Lock.IsZero() && !taken[k.Key] {
				keys = append(keys, k.Key)
			}
		}
		return nil
	})
	if err != nil {
		return free, err
	}
	err = d.o.Vault.Omni.View(func(v view) error {
		for _, k := range keys {
			if _, used := (trade.View{Records: v}).KeyUse(k); !used {
				free = k
				return nil
			}
		}
		return fault.Newf(fault.NotYet, "its node offers some by itself; try again", "%s has offered no key that a lock could have", d.o.Partner)
	})
	return free, err
}

// open takes what is left of the steps to open a lock, each of which is done once
// however often it is sent. What the Omnilateral refuses is given up.
func (d *Desk) open(ctx context.Context, o opening) error {
	c, err := d.o.Authorize(trade.NewCommand(trade.KindLockOpen, trade.LockOpen(o)), party.Finance)
	if err != nil {
		return d.giveUp(o, err)
	}
	out, err := d.o.Vault.Omni.Submit(ctx, c)
	if err != nil {
		return err // it may be on its way, and is taken up again
	}
	if err := channel.FirstErr(out); err != nil {
		return d.giveUp(o, err)
	}
	err = executed(d.o.Channel.Submit(ctx, trade.NewCommand(trade.KindDepositDeclare, trade.DepositDeclare{Lock: o.ID})))
	if err != nil {
		return err
	}
	return d.dropOpening(o.ID)
}

// giveUp forgets a lock that was not opened, and gives why.
func (d *Desk) giveUp(o opening, why error) error {
	if err := d.dropOpening(o.ID); err != nil {
		return err
	}
	return why
}

func (d *Desk) dropOpening(id canon.Hash) error {
	if err := d.o.Store.Commit(store.Batch{Writes: []merkle.Write{{Key: d.prefix + openingKey(id)}}}); err != nil {
		return err
	}
	d.mu.Lock()
	delete(d.openings, id)
	d.mu.Unlock()
	return nil
}

// openAgain goes on with locks whose opening was broken off.
func (d *Desk) openAgain(ctx context.Context) {
	d.mu.Lock()
	all := slices.Collect(maps.Values(d.openings))
	d.mu.Unlock()
	for _, o := range all {
		d.attempt(ctx, actOpen+o.ID.String(), depositsSubject, func() func(context.Context) error {
			return func(ctx context.Context) error {
				end, err := d.bank(ctx)
				if err != nil {
					return err
				}
				defer end()
				d.mu.Lock()
				_, open := d.openings[o.ID]
				d.mu.Unlock()
				if !open {
					return nil
				}
				return d.open(ctx, o)
			}
		})
	}
}

// TopUpDeposit puts more into a lock of this side's: the one that is named, or the
// first of the token. Codes: not-found, insufficient-funds, conflict when somebody
// else was faster.
func (d *Desk) TopUpDeposit(ctx context.Context, id canon.Hash, more token.Amount) (canon.Hash, error) {
	if d.o.Vault == nil {
		return id, d.vault()
	}
	end, err := d.bank(ctx)
	if err != nil {
		return id, err
	}
	defer end()
	l, err := d.locks(nil)
	if err != nil {
		return id, err
	}
	for x := range l.here.Deposits() {
		lock, _ := l.public.Lock(x.Lock)
		if x.Owner != d.o.Me || lock.State != token.Locked || lock.Amount.Token != more.Token || !id.IsZero() && id != x.Lock {
			continue
		}
		c, err := d.o.Authorize(trade.NewCommand(trade.KindLockTopUp, trade.LockTopUp{ID: x.Lock, Was: lock.Amount.Micro, More: more.Micro}), party.Finance)
		if err != nil {
			return x.Lock, err
		}
		return x.Lock, executed(d.o.Vault.Omni.Submit(ctx, c))
	}
	return id, fault.Newf(fault.NotFound, "open one", "no open lock of %s with %s is meant", more.Token, d.o.Partner)
}

// Deposited is a lock out of which the two pay each other, as this side sees it.
type Deposited struct {
	Lock   token.Lock
	Totals [2]money.Micro // what owner and partner have paid through it in this round
	Ours   money.Micro    // what this side has of it now
	Theirs money.Micro
	Until  int64 // until when nobody pays out of it; ms UTC, 0 or past: paying goes on
}

// Deposits lists the locks of the two, by id.
func (d *Desk) Deposits() (out []Deposited, err error) {
	if d.o.Vault == nil {
		return nil, nil
	}
	l, err := d.locks(nil)
	if err != nil {
		return nil, err
	}
	for x := range l.here.Deposits() {
		lock, ok := l.public.Lock(x.Lock)
		if !ok {
			continue
		}
		s := Deposited{Lock: lock}
		if x.Round == lock.Round {
			s.Totals, s.Until = x.Totals, x.Until
		}
		owner, partner, err := shares(lock, s.Totals)
		if err != nil {
			return nil, err
		}
		if s.Ours, s.Theirs = owner, partner; d.side(x) == token.PartnerSide {
			s.Ours, s.Theirs = partner, owner
		}
		out = append(out, s)
	}
	return out, nil
}

// shares gives what owner and partner have of a lock: by what they have paid, and
// once one has left, by what counts on the Omnilateral.
func shares(l token.Lock, totals [2]money.Micro) (owner, partner money.Micro, err error) {
	switch l.State {
	case token.Locked:
		return l.Split(totals)
	case token.Leaving:
		return l.Leave()
	}
	return 0, l.Left, nil // the owner's part is on its account again
}
