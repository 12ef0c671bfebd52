package trade

import (
	"iter"
	"slices"
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/token"
)

// Payments out of locks, on a Bilateral: at once, final with the block, and seen by
// the two alone. What a side may leave a lock with is what the other has signed, so
// each payment carries the payer's totals under the locks' keys.

// LockKey is a key that a side has offered for the other's lock.
type LockKey struct {
	Key  sign.PublicKey `cbor:"1,keyasint" json:"key"`
	Lock canon.Hash     `cbor:"2,keyasint,omitzero" json:"lock,omitzero"` // that has taken it; zero: none yet
}

// Deposit is a lock out of which the two pay each other here.
type Deposit struct {
	Lock   canon.Hash           `cbor:"1,keyasint" json:"lock"`
	Owner  party.Code           `cbor:"2,keyasint" json:"owner"`
	Round  uint64               `cbor:"3,keyasint" json:"round"`
	Totals [2]money.Micro       `cbor:"4,keyasint" json:"totals"` // what the owner and the partner have paid through it, in this round
	Signed [2]*token.SignedPaid `cbor:"5,keyasint" json:"signed"` // the last word of each; nil: it has paid nothing
	// Until is when a change of the lock is void that both may sign; until then
	// nobody pays out of it in this round.
	Until int64 `cbor:"6,keyasint,omitempty" json:"until,omitempty"`
}

// DepositPayment is a payment that was made.
type DepositPayment struct {
	ID          string       `cbor:"1,keyasint" json:"id"`
	Payer       party.Code   `cbor:"2,keyasint" json:"payer"`
	Amount      token.Amount `cbor:"3,keyasint" json:"amount"`
	Obligations []string     `cbor:"4,keyasint" json:"obligations"`
	Act         party.Act    `cbor:"5,keyasint" json:"act"`
	Asked       canon.Hash   `cbor:"6,keyasint" json:"-"`
}

// maxOffered bounds the keys that a side has offered and the other has not used.
const maxOffered = 16

// MethodToken is the form of payment by tokens, which an agreement names.
const MethodToken = "token"

func depositKey(t *tx, c DepositKey) error {
	if _, err := t.authorize(nil); err != nil {
		return err
	}
	if err := sign.CheckKey(c.Key); err != nil {
		return fault.Of(err).In("key")
	}
	key, waiting := LockKeyKey(t.own, c.Key), 0
	if t.has(key) {
		return nil
	}
	for k := range all[LockKey](t, LockKeyPrefix+string(t.own)+"/") {
		if k.Lock.IsZero() {
			waiting++
		}
	}
	if waiting >= maxOffered {
		return fault.New(fault.Busy, "the other side has enough keys that it has not used", "offer another when it has")
	}
	t.put(key, LockKey{Key: c.Key})
	t.emit(EventDepositKey, key, "")
	return nil
}

// public gives the Omnilateral as it was after the block before.
func (t *tx) publicView() View {
	if t.ctx.Public == nil {
		return View{nothing{}}
	}
	return View{t.ctx.Public}
}

func depositDeclare(t *tx, c DepositDeclare) error {
	if _, err := t.authorize(nil); err != nil {
		return err
	}
	l, ok := t.publicView().Lock(c.Lock)
	if !ok || l.Owner != t.own || l.State != token.Locked {
		return notFound("lock", "lock of yours that is open", c.Lock.String())
	}
	key := DepositRecordKey(c.Lock)
	if t.has(key) {
		return nil
	}
	offered := LockKeyKey(t.partner, l.Keys[token.PartnerSide])
	k, ok := get[LockKey](t, offered)
	if !ok || !k.Lock.IsZero() {
		return fault.New(fault.Refused, "the lock's second key is none that the partner has offered here and that is unused", "open a lock with such a key").In("lock")
	}
	k.Lock = c.Lock
	t.put(offered, k)
	t.put(key, Deposit{Lock: c.Lock, Owner: t.own, Round: l.Round})
	t.emit(EventDepositDeclared, key, "")
	return nil
}

func depositPay(t *tx, c DepositPay) error {
	if err := checkID("id", c.ID, maxID); err != nil {
		return err
	}
	amounts, err := worth(c.Amount)
	if err != nil {
		return err
	}
	key := PaymentKey(t.own, c.ID)
	if old, there := get[DepositPayment](t, key); there {
		if old.Asked != t.digest() {
			return conflict("id", "choose an id that is not used", "%s is another payment", c.ID)
		}
		return nil // it was made; nothing is made twice
	}
	due, parts, terms, err := t.owing(c, amounts[0])
	if err != nil {
		return err
	}
	act, err := t.authorize(terms, amounts...)
	if err != nil {
		return err
	}
	if err := t.draw(c); err != nil {
		return err
	}
	for i, o := range due {
		part := parts[i].Amount
		o.Payment = settlement.Payment{Method: MethodToken, Reference: c.ID, PaidAt: t.ctx.Block.Time, Act: act, Whole: amounts[0].Micro, Part: part}
		o.Late = o.Late || t.ctx.Block.Time > o.Due
		t.record(o.ID, t.transit(o, part))
		if err := t.received(o, part, act); err != nil {
			return err
		}
	}
	t.put(key, DepositPayment{ID: c.ID, Payer: t.own, Amount: c.Amount, Obligations: c.Obligations, Act: act, Asked: t.digest()})
	t.emit(EventDepositPaid, key, "")
	return nil
}

// owing finds the obligations of a payment, which it must pay exactly.
func (t *tx) owing(c DepositPay, amount money.Amount) (due []settlement.Obligation, parts []settlement.Part, terms *agreement.Terms, err error) {
	if len(c.Obligations) == 0 || len(c.Obligations) > maxNetted || !sortedUnique(c.Obligations) {
		return nil, nil, nil, invalid("obligations", "the list is empty, too long or not in order", "name 1 to 2000 obligations, sorted, each once")
	}
	var sum debts
	for _, id := range c.Obligations {
		var o settlement.Obligation
		if o, terms, err = t.obligationOf(id, settlement.Advise); err != nil {
			return nil, nil, nil, err
		}
		if o.Payer != t.own {
			return nil, nil, nil, fault.Newf(fault.Forbidden, "pay what you owe", "%s is owed to you", id).In("obligations")
		}
		if _, ok := terms.Method(MethodToken); !ok {
			return nil, nil, nil, fault.New(CodePaymentMethod, "the agreement does not allow payment by tokens", "pay by a bank, or amend the agreement").In("obligations")
		}
		if err := t.verified(terms); err != nil {
			return nil, nil, nil, err
		}
		if o.Amount.Currency != amount.Currency {
			return nil, nil, nil, fault.Newf(CodePaymentAmount, "pay exactly what is owed", "%s is owed, not %s", o.Left(), amount).In("amount")
		}
		if err := sum.add(t, o, t.ctx.Block.Time); err != nil {
			return nil, nil, nil, fault.Of(err).In("obligations")
		}
		due = append(due, o)
	}
	parts, err = sum.paid(amount, MethodToken, true)
	return due, parts, terms, err
}

// draw takes a payment out of the locks, as the payer's totals say.
func (t *tx) draw(c DepositPay) error {
	want, err := draws(t, t.publicView(), t.own, c.Amount, t.ctx.Block.Time)
	if err != nil {
		return err
	}
	if len(c.Paid) != len(want) {
		return invalid("paid", "the totals are not those of the locks that pay", "compute them from the present state")
	}
	for i, w := range want {
		if c.Paid[i].Paid != w.paid {
			return invalid("paid", "a total is not what it must be now", "compute it from the present state")
		}
		if err := c.Paid[i].Check(w.lock, t.ctx.Block.Chain); err != nil {
			return fault.Of(err).In("paid")
		}
		w.deposit.Totals[w.paid.By], w.deposit.Signed[w.paid.By] = w.paid.Total, &c.Paid[i]
		t.put(DepositRecordKey(w.lock.ID), w.deposit)
	}
	return nil
}

// in gives the deposit as it is in a lock's present round. Both have agreed to a
// change: everything before is settled by it.
func (d Deposit) in(l token.Lock) Deposit {
	if d.Round != l.Round {
		d = Deposit{Lock: d.Lock, Owner: d.Owner, Round: l.Round}
	}
	return d
}

// maxChangeMillis is how long a change of locks may be on its way.
const maxChangeMillis = dayMillis

// depositChange stops payments out of locks that are to be changed on the
// Omnilateral, because what is paid meanwhile would be lost with the round. What
// each side has then is what it has now.
func depositChange(t *tx, c DepositChange) error {
	now := t.ctx.Block.Time
	if len(c.Changes.List) == 0 || len(c.Changes.List) > maxChanges || c.Changes.Until <= now || c.Changes.Until > now+maxChangeMillis {
		return invalid("changes", "the list is empty or too long, or void now or in more than a day", "name 1 to 500 locks, and a time within a day")
	}
	have, then := map[party.Code]money.Micro{}, map[party.Code]money.Micro{}
	var changing []Deposit
	var amounts []token.Amount
	for i, x := range c.Changes.List {
		d, there := get[Deposit](t, DepositRecordKey(x.Lock))
		l, ok := t.publicView().Lock(x.Lock)
		switch {
		case !there || !ok:
			return notFound("changes", "lock that pays here", x.Lock.String())
		case i > 0 && slices.Compare(c.Changes.List[i-1].Lock[:], x.Lock[:]) >= 0:
			return invalid("changes", "the locks are not in order, each once", "sort them")
		case l.State != token.Locked || l.Round != x.Round:
			return wrongState("lock", x.Lock.String(), string(l.State), "this change")
		}
		if d = d.in(l); now < d.Until {
			return fault.New(fault.Busy, "a change of the lock is on its way", "wait until it is made or void").In("changes")
		}
		owner, partner, err := l.Split(d.Totals)
		if err != nil {
			return err
		}
		other := t.own
		if d.Owner == t.own {
			other = t.partner
		}
		for _, s := range []struct {
			who    party.Code
			amount money.Micro
			sums   map[party.Code]money.Micro
		}{{d.Owner, owner, have}, {other, partner, have}, {d.Owner, x.Amount, then}, {d.Owner, x.Back, then}} {
			if s.sums[s.who], err = s.sums[s.who].Add(s.amount); err != nil {
				return err
			}
		}
		d.Until = c.Changes.Until
		changing, amounts = append(changing, d), append(amounts, token.Amount{Token: l.Amount.Token, Micro: max(1, x.Back)})
	}
	if have[t.own] != then[t.own] || have[t.partner] != then[t.partner] {
		return fault.Newf(CodePaymentAmount, "give each side its share", "%s has %s of the locks and would have %s; %s has %s and would have %s",
			t.own, have[t.own], then[t.own], t.partner, have[t.partner], then[t.partner]).In("changes")
	}
	limits, err := worth(amounts...)
	if err != nil {
		return err
	}
	if _, err := t.authorize(nil, limits...); err != nil {
		return err
	}
	for _, d := range changing {
		t.put(DepositRecordKey(d.Lock), d)
		t.emit(EventDepositChanging, DepositRecordKey(d.Lock), "")
	}
	return nil
}

// drawn is what a payment takes out of one lock.
type drawn struct {
	lock    token.Lock
	deposit Deposit
	paid    token.Paid
}

// draws says how a payer pays an amount: from what the partner's locks hold for it
// first, so that they are free again, and then from its own; each in order of id.
// Code: insufficient-funds.
func draws(r Records, public View, payer party.Code, amount token.Amount, now int64) ([]drawn, error) {
	rest := amount.Micro
	var out []drawn
	for _, side := range []token.Side{token.PartnerSide, token.OwnerSide} {
		for d := range all[Deposit](r, prefixDeposit) {
			l, ok := public.Lock(d.Lock)
			if !ok || l.State != token.Locked || l.Amount.Token != amount.Token || (d.Owner == payer) != (side == token.OwnerSide) || rest == 0 {
				continue
			}
			if d = d.in(l); now < d.Until {
				continue
			}
			owner, partner, err := l.Split(d.Totals)
			if err != nil {
				return nil, err
			}
			take := min(rest, map[token.Side]money.Micro{token.OwnerSide: owner, token.PartnerSide: partner}[side])
			if take == 0 {
				continue
			}
			total, err := d.Totals[side].Add(take)
			if err != nil {
				return nil, err
			}
			rest -= take
			out = append(out, drawn{l, d, token.Paid{Lock: l.ID, Round: l.Round, By: side, Total: total}})
		}
	}
	if rest > 0 {
		return nil, fault.Newf(CodeFunds, "top a lock up, or pay otherwise", "the locks have %s %s too little for it", amount.Token, rest)
	}
	slices.SortFunc(out, func(a, b drawn) int { return slices.Compare(a.lock.ID[:], b.lock.ID[:]) })
	return out, nil
}

// LockKeys yields the keys that a side has offered, in order of key.
func (v View) LockKeys(by party.Code) iter.Seq[LockKey] {
	return all[LockKey](v, LockKeyPrefix+string(by)+"/")
}

// Deposits yields the locks out of which the two pay each other, by id.
func (v View) Deposits() iter.Seq[Deposit] { return all[Deposit](v, prefixDeposit) }

// Payment gives the totals by which a payer pays an amount out of the locks, for
// its keys to sign. Code: insufficient-funds.
func (v View) Payment(public View, payer party.Code, amount token.Amount, now int64) ([]token.Paid, error) {
	d, err := draws(v, public, payer, amount, now)
	if err != nil {
		return nil, err
	}
	out := make([]token.Paid, len(d))
	for i := range d {
		out[i] = d[i].paid
	}
	return out, nil
}

// Deposited gives what a side could pay out of the locks at a time (ms UTC), by
// token.
func (v View) Deposited(public View, who party.Code, now int64) map[token.Code]money.Micro {
	return deposited(v.Deposits(), public, who, now)
}

// deposits yields the locks that pay here as this command has left them.
func (t *tx) deposits() iter.Seq[Deposit] {
	return func(yield func(Deposit) bool) {
		for key := range t.Scan(prefixDeposit) {
			if d, ok := get[Deposit](t, key); ok && !yield(d) {
				return
			}
		}
		for _, w := range t.writes {
			if _, before := t.state.Get(w.Key); !before && strings.HasPrefix(w.Key, prefixDeposit) && !yield(stored[Deposit](w.Value)) {
				return
			}
		}
	}
}

func deposited(locks iter.Seq[Deposit], public View, who party.Code, now int64) map[token.Code]money.Micro {
	out := map[token.Code]money.Micro{}
	for d := range locks {
		l, ok := public.Lock(d.Lock)
		if !ok || l.State != token.Locked {
			continue
		}
		if d = d.in(l); now < d.Until {
			continue
		}
		owner, partner, err := l.Split(d.Totals)
		if err != nil {
			continue
		}
		if d.Owner == who {
			out[l.Amount.Token] += owner
		} else {
			out[l.Amount.Token] += partner
		}
	}
	return out
}
