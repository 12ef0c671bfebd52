package trade

import (
	"fmt"
	"iter"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/netting"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/token"
)

// Rounds of netting on the Omnilateral (package netting). It is the board on which
// offers and signatures are posted, under keys that are made for the round: so all
// have the same offers and come to the same result, and what the last signature
// makes true is true for everybody in the same block. Who is behind a key stands
// here only where somebody pays or is paid. What a round takes off debts happens
// on Bilaterals (pledging.go).

const (
	// maxOffers bounds the offers and limits of a round, and of one command.
	maxOffers, maxPosted = 10_000, 100
	// maxRound is how long a round may take.
	maxRound = 30 * dayMillis
)

// Round is a round of netting that a member has called.
type Round struct {
	ID       canon.Hash     `cbor:"1,keyasint" json:"id"`
	Caller   party.Code     `cbor:"2,keyasint" json:"caller"`
	Currency money.Currency `cbor:"3,keyasint" json:"currency"`
	Method   netting.Method `cbor:"4,keyasint" json:"method"`
	JoinBy   int64          `cbor:"5,keyasint" json:"join_by"` // block time, ms UTC
	SignBy   int64          `cbor:"6,keyasint" json:"sign_by"` // likewise
	State    netting.State  `cbor:"7,keyasint" json:"state"`
	Posted   uint32         `cbor:"8,keyasint,omitempty" json:"posted"` // offers and limits
	Gross    money.Micro    `cbor:"9,keyasint,omitempty" json:"gross"`  // of the offers
	Result   canon.Hash     `cbor:"10,keyasint,omitzero" json:"result,omitzero"`
	Missing  uint32         `cbor:"11,keyasint,omitempty" json:"missing,omitempty"`  // signatures
	Deadline int64          `cbor:"12,keyasint,omitempty" json:"deadline,omitempty"` // of the state; block time, ms UTC
	Asked    canon.Hash     `cbor:"13,keyasint" json:"-"`
}

// At gives the state at a time (ms UTC), whether somebody has said that its time is
// over or not: from its end on, a round that is not agreed never will be.
func (r Round) At(now int64) netting.State {
	switch {
	case r.State == netting.Joining && now >= r.JoinBy && now < r.SignBy:
		return netting.Signing
	case r.State != netting.Agreed && now >= r.SignBy:
		return netting.Lapsed
	}
	return r.State
}

// Netting gives what is hashed and signed of a round, on one chain. Its keys are
// those of the offers.
func (r Round) Netting(chain string) netting.Round {
	return netting.Round{Version: netting.Format, Currency: r.Currency, Method: r.Method,
		ID: canon.HashOf("lateral/round/1", struct {
			Chain  string     `cbor:"1,keyasint"`
			ID     canon.Hash `cbor:"2,keyasint"`
			Caller party.Code `cbor:"3,keyasint"`
			JoinBy int64      `cbor:"4,keyasint"`
			SignBy int64      `cbor:"5,keyasint"`
		}{chain, r.ID, r.Caller, r.JoinBy, r.SignBy})}
}

// RoundSigned is one member's signature of a round's result. Where the member pays
// or is paid, it says for whom.
type RoundSigned struct {
	Signed netting.Signed `cbor:"1,keyasint" json:"signed"`
	Member party.Code     `cbor:"2,keyasint,omitempty" json:"member,omitempty"`
}

// roundOf finds a round in one of its states at the block's time.
func (t *tx) roundOf(public View, id canon.Hash, want netting.State, step string) (Round, error) {
	r, ok := public.Round(id)
	if !ok {
		return r, notFound("round", "round", id.String())
	}
	if at := r.At(t.ctx.Block.Time); at != want {
		return r, wrongState("round", id.String(), string(at), step).In("round")
	}
	return r, nil
}

func roundCall(t *tx, c RoundCall) error {
	if _, err := t.authorize(nil); err != nil {
		return err
	}
	key := RoundKey(c.ID)
	if old, there := get[Round](t, key); there {
		if old.Caller == t.own && old.Asked == t.digest() {
			return nil
		}
		return conflict("id", "choose 32 fresh random bytes", "there is a round with this id")
	}
	r := Round{ID: c.ID, Caller: t.own, Currency: c.Currency, Method: c.Method, JoinBy: c.JoinBy, SignBy: c.SignBy, State: netting.Joining, Deadline: c.JoinBy, Asked: t.digest()}
	if err := r.Netting(t.ctx.Block.Chain).Validate(); err != nil {
		return err
	}
	now := t.ctx.Block.Time
	switch {
	case c.ID.IsZero():
		return invalid("id", "the round has no id", "choose 32 random bytes")
	case c.JoinBy <= now || c.SignBy <= c.JoinBy || c.SignBy > now+maxRound:
		return invalid("sign_by", "the times are over, not in order, or more than 30 days ahead", "name a time to join by, and a later one to sign by")
	case c.Method == netting.ByPosition:
		if _, err := t.activeToken(token.CodeOf(c.Currency)); err != nil {
			return fault.Of(err).In("currency") // positions are paid by tokens
		}
	case c.Method != netting.ByCirculation:
		return invalid("method", "two carriers net their debts on their Bilateral", "use compression or multilateral")
	}
	t.put(key, r)
	t.emit(EventRoundCalled, key, "")
	return nil
}

// roundOffer posts offers and limits. Anybody's node may carry them: they are
// signed by whom they concern. What is there already is posted again without
// effect, so that it may come by several ways.
func roundOffer(t *tx, c RoundOffer) error {
	if _, err := t.authorize(nil); err != nil {
		return err
	}
	r, err := t.roundOf(View{t}, c.Round, netting.Joining, "an offer")
	if err != nil {
		return err
	}
	if n := len(c.Offers) + len(c.Limits); n == 0 || n > maxPosted {
		return invalid("offers", "a command posts 1 to 100 offers and limits", "split it")
	}
	hash := r.Netting(t.ctx.Block.Chain).Hash()
	posted := r.Posted
	for i, s := range c.Offers {
		field := fmt.Sprintf("offers.%d", i)
		key := OfferedKey(r.ID, s.Offer.Debtor, s.Offer.Creditor)
		if old, there := get[netting.SignedOffer](t, key); there {
			if old.Offer == s.Offer {
				continue
			}
			return conflict(field, "sign one offer of each debt", "another amount of this debt is offered already")
		}
		if s.Offer.Round != hash {
			return conflict(field, "sign one for this round", "the offer is for another round")
		}
		if err := s.Check(); err != nil {
			return fault.Of(err).In(field)
		}
		if r.Gross, err = r.Gross.Add(s.Offer.Amount); err != nil {
			return fault.Of(err).In(field)
		}
		r.Posted++
		t.put(key, s)
	}
	for i, s := range c.Limits {
		field := fmt.Sprintf("limits.%d", i)
		key := LimitedKey(r.ID, s.Limit.Member)
		old, there := get[netting.SignedLimit](t, key)
		switch {
		case there && old.Limit.Most <= s.Limit.Most:
			continue // the lowest counts
		case s.Limit.Round != hash:
			return conflict(field, "sign one for this round", "the limit is for another round")
		}
		if err := s.Check(); err != nil {
			return fault.Of(err).In(field)
		}
		if !there {
			r.Posted++
		}
		t.put(key, s)
	}
	if r.Posted > maxOffers {
		return fault.Newf(fault.Busy, "offer in another round", "a round takes %d offers and limits", maxOffers).In("offers")
	}
	t.put(RoundKey(r.ID), r)
	if r.Posted > posted {
		t.emit(EventRoundOffered, RoundKey(r.ID), "")
	}
	return nil
}

// closeRound nets what is offered, once the time to join is over. The result is checked
// as that of a stranger would be.
func (t *tx) closeRound(r Round) (Round, error) {
	a := (View{t}).RoundOffers(r, t.ctx.Block.Chain)
	result, err := a.Net()
	if err == nil {
		err = netting.Verify(a.Input(), result.Outcome)
	}
	if err != nil {
		return r, err
	}
	key, event := RoundKey(r.ID), netting.Close
	if r.Missing = uint32(len(result.Outcome.Touched())); r.Missing == 0 {
		event = netting.Empty
	}
	r.State, _ = r.State.Next(event)
	if r.Deadline = r.SignBy; r.State == netting.Lapsed {
		r.Deadline = 0
		t.emit(EventRoundLapsed, key, "nothing to net")
	} else {
		r.Result = result.Hash()
		t.put(ResultKey(r.ID), result)
		t.emit(EventRoundClosed, key, "")
	}
	t.put(key, r)
	return r, nil
}

// signing finds a round that waits for a signature, and checks the one that comes.
func (t *tx) signing(id canon.Hash, s netting.Signed) (r Round, result netting.Result, done bool, err error) {
	if old, there := get[RoundSigned](t, SignedKey(id, s.Key)); there && old.Signed == s {
		return r, result, true, nil
	}
	if r, err = t.roundOf(View{t}, id, netting.Signing, "a signature"); err != nil {
		return r, result, false, err
	}
	if r.State == netting.Joining {
		if r, err = t.closeRound(r); err != nil {
			return r, result, false, err
		}
	}
	result, _ = get[netting.Result](t, ResultKey(id))
	switch {
	case !slices.Contains(result.Outcome.Touched(), s.Key):
		err = notFound("key", "key in the result", s.Key.Short())
	case !s.By(r.Result):
		err = fault.New(fault.Refused, "the signature is not one of this round's result", "compute the result of the offers, and sign that").In("signature")
	}
	return r, result, false, err
}

func roundSign(t *tx, c RoundSign) error {
	if _, err := t.authorize(nil); err != nil {
		return err
	}
	r, result, done, err := t.signing(c.Round, c.Signed)
	if err != nil || done {
		return err
	}
	if pays, paid := result.Outcome.Paid(c.Signed.Key); pays != 0 || paid != 0 {
		return fault.New(fault.Forbidden, "the key pays or is paid in this round, so that its member signs with round.pay", "send that").In("key")
	}
	return t.signed(r, result, RoundSigned{Signed: c.Signed})
}

// roundPay signs for a member that pays or is paid. What it pays is held from then
// on: nobody loses a claim for a payment that does not come.
func roundPay(t *tx, c RoundPay) error {
	r, result, done, err := t.signing(c.Round, c.Signed)
	if err != nil {
		return err
	}
	pays, _ := result.Outcome.Paid(c.Signed.Key)
	amount := token.Amount{Token: token.CodeOf(r.Currency), Micro: pays}
	var limits []money.Amount
	if pays > 0 {
		if limits, err = worth(amount); err != nil {
			return err
		}
	}
	if _, err := t.authorize(nil, limits...); err != nil || done {
		return err
	}
	if !(netting.Account{Result: r.Result, Member: t.own}).By(c.Signed.Key, c.Account) {
		return fault.Newf(fault.Refused, "sign it for the member whose node sends it", "the key does not pay or get paid for %s", t.own).In("account")
	}
	if r.Method == netting.ByPosition {
		if _, err := t.both("account", amount.Token, t.own, ""); err != nil {
			return err
		}
	}
	t.move(RoundKey(r.ID), amount, t.own, settlement.Available, t.own, settlement.Held)
	return t.signed(r, result, RoundSigned{c.Signed, t.own})
}

// signed keeps a signature. With the last one the round is agreed, and what is held
// for it is paid, in the same command: all of it or nothing.
func (t *tx) signed(r Round, result netting.Result, s RoundSigned) error {
	t.put(SignedKey(r.ID, s.Signed.Key), s)
	key := RoundKey(r.ID)
	t.emit(EventRoundSigned, key, "")
	if r.Missing--; r.Missing == 0 {
		r.State, _ = r.State.Next(netting.Agree)
		r.Deadline = 0
		for _, p := range result.Outcome.Payments {
			payer, _ := get[RoundSigned](t, SignedKey(r.ID, result.Outcome.Keys[p.Payer]))
			payee, _ := get[RoundSigned](t, SignedKey(r.ID, result.Outcome.Keys[p.Payee]))
			amount := token.Amount{Token: token.CodeOf(r.Currency), Micro: p.Amount}
			if _, err := t.both("round", amount.Token, payer.Member, payee.Member); err != nil {
				return err
			}
			t.move(key, amount, payer.Member, settlement.Held, payee.Member, settlement.Available)
		}
		t.emit(EventRoundAgreed, key, "")
	}
	t.put(key, r)
	return nil
}

// tickRound ends the time to join or to sign. What was held for a round that is not
// agreed goes back.
func (t *tx) tickRound(r Round) error {
	if r.State == netting.Joining {
		_, err := t.closeRound(r)
		return err
	}
	result, _ := get[netting.Result](t, ResultKey(r.ID))
	key := RoundKey(r.ID)
	for s := range all[RoundSigned](t, SignedPrefix(r.ID)) {
		pays, _ := result.Outcome.Paid(s.Signed.Key)
		t.move(key, token.Amount{Token: token.CodeOf(r.Currency), Micro: pays}, s.Member, settlement.Held, s.Member, settlement.Available)
	}
	r.State, _ = r.State.Next(netting.Lapse)
	r.Deadline = 0
	t.put(key, r)
	t.emit(EventRoundLapsed, key, "")
	return nil
}

// Round gives a round by its id.
func (v View) Round(id canon.Hash) (Round, bool) { return get[Round](v, RoundKey(id)) }

// Rounds yields all rounds by id.
func (v View) Rounds() iter.Seq[Round] { return all[Round](v, prefixRound) }

// RoundOffers gives what is offered into a round: all of it is well signed.
func (v View) RoundOffers(r Round, chain string) netting.Admitted {
	a := netting.Admitted{Round: r.Netting(chain)}
	for s := range all[netting.SignedOffer](v, OfferedPrefix(r.ID)) {
		a.Offers = append(a.Offers, s.Offer)
	}
	a.Keys = netting.Members(a.Offers)
	for s := range all[netting.SignedLimit](v, LimitedPrefix(r.ID)) {
		if _, offers := a.Place(s.Limit.Member); offers {
			a.Limits = append(a.Limits, s.Limit)
		}
	}
	return a
}

// RoundOffer gives what one key owes another by a round's offers.
func (v View) RoundOffer(id canon.Hash, debtor, creditor sign.PublicKey) (netting.SignedOffer, bool) {
	return get[netting.SignedOffer](v, OfferedKey(id, debtor, creditor))
}

// RoundLimit gives a key's limit in a round.
func (v View) RoundLimit(id canon.Hash, k sign.PublicKey) (netting.SignedLimit, bool) {
	return get[netting.SignedLimit](v, LimitedKey(id, k))
}

// RoundResult gives a round's result, once it is closed.
func (v View) RoundResult(id canon.Hash) (netting.Result, bool) {
	return get[netting.Result](v, ResultKey(id))
}

// RoundSigned gives a key's signature of a round's result.
func (v View) RoundSigned(id canon.Hash, k sign.PublicKey) (RoundSigned, bool) {
	return get[RoundSigned](v, SignedKey(id, k))
}
