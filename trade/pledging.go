package trade

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/netting"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
)

// What two members put into a round of netting (rounding.go), on their Bilateral:
// each tells the other its key of the round, both sign offers of what they owe each
// other, and those debts are bound until the round is over. What is agreed by all on
// the Omnilateral takes them off here.

// CodeBound says that a debt is offered into a round that is not over.
const CodeBound fault.Code = "obligation-bound"

// MethodRound stands, as the form of payment, beside what a round has taken off.
const MethodRound = "round"

// Joined is a side's key in a round.
type Joined struct {
	Key sign.PublicKey `cbor:"1,keyasint" json:"key"`
}

// Pledge is the debts of the two that are offered into a round.
type Pledge struct {
	Round       canon.Hash            `cbor:"1,keyasint" json:"round"`
	Keys        [2]sign.PublicKey     `cbor:"2,keyasint" json:"keys"` // of the two members, in byte order of their codes
	Obligations []string              `cbor:"3,keyasint" json:"obligations"`
	Offers      []netting.SignedOffer `cbor:"4,keyasint" json:"offers"` // one each way, without those of nothing; a signature is zero while it is missing
	Acts        []party.Act           `cbor:"5,keyasint" json:"acts"`   // of each side, as it has signed
	Applied     bool                  `cbor:"6,keyasint,omitempty" json:"applied,omitempty"`
}

// Signed reports whether a side has signed its offers.
func (b Pledge) Signed(who party.Code) bool {
	return slices.ContainsFunc(b.Acts, func(a party.Act) bool { return a.By == who })
}

// owes reports whether the debts of one key are offered, and still bound at a time
// (ms UTC): until the time to join is over, and from then on only if the offer was
// posted and the round may yet be agreed, or is and not yet applied here.
func (b Pledge) owes(public View, debtor sign.PublicKey, now int64) bool {
	r, ok := public.Round(b.Round)
	if !ok || b.Applied {
		return false
	}
	switch r.At(now) {
	case netting.Joining:
		return true
	case netting.Lapsed:
		return false
	}
	creditor := b.Keys[0]
	if creditor == debtor {
		creditor = b.Keys[1]
	}
	_, posted := public.RoundOffer(b.Round, debtor, creditor)
	return posted
}

// Bound reports whether a debt is bound in a round at a time (ms UTC).
func (v View) Bound(public View, o settlement.Obligation, now int64) bool {
	if o.Round.IsZero() {
		return false
	}
	b, ok := get[Pledge](v, PledgeKey(o.Round))
	side := 0
	if o.Payer > o.Payee {
		side = 1
	}
	return ok && b.owes(public, b.Keys[side], now)
}

// free refuses a step that would change a debt which is offered into a round: the
// offer is of what is owed now.
func (t *tx) free(o settlement.Obligation) error {
	if !(View{t}).Bound(t.publicView(), o, t.ctx.Block.Time) {
		return nil
	}
	return fault.Newf(CodeBound, "wait until the round is agreed or over", "%s is offered into the round %s", o.ID, o.Round.String()[:8]).In("obligation")
}

func roundJoin(t *tx, c RoundJoin) error {
	if _, err := t.authorize(nil); err != nil {
		return err
	}
	if _, err := t.roundOf(t.publicView(), c.Round, netting.Joining, "joining"); err != nil {
		return err
	}
	if err := sign.CheckKey(c.Key); err != nil {
		return fault.Of(err).In("key")
	}
	key := JoinedKey(c.Round, t.own)
	if old, there := get[Joined](t, key); there {
		if old.Key == c.Key {
			return nil
		}
		return conflict("key", "go on with that key", "%s has joined with another key", t.own)
	}
	if theirs, there := get[Joined](t, JoinedKey(c.Round, t.partner)); there && theirs.Key == c.Key {
		return conflict("key", "make a key of your own", "that is the other side's key")
	}
	t.put(key, Joined{c.Key})
	t.emit(EventRoundJoined, key, "")
	return nil
}

// roundBind offers debts of the two. The first side binds them by it, as both have
// joined the round; with the other's signatures the offers are good.
func roundBind(t *tx, c RoundBind) error {
	r, err := t.roundOf(t.publicView(), c.Round, netting.Joining, "an offer")
	if err != nil {
		return err
	}
	key := PledgeKey(c.Round)
	b, there := get[Pledge](t, key)
	switch {
	case there && b.Signed(t.own):
		_, err := t.authorize(nil)
		return err
	case there && !slices.Equal(b.Obligations, c.Obligations):
		return conflict("obligations", "sign those that it has named", "%s has offered other debts", t.partner)
	}
	debts, terms, err := t.pledged(r, c.Obligations, !there)
	if err != nil {
		return err
	}
	if !there {
		if b, err = (View{t}).NewPledge(r, t.ctx.Block.Chain, debts); err != nil {
			return err
		}
	}
	if len(c.Signatures) != len(b.Offers) {
		return invalid("signatures", "each offer wants a signature", "sign one for each way in which something is owed")
	}
	mine, _ := get[Joined](t, JoinedKey(c.Round, t.own))
	var owed []money.Amount
	for i := range b.Offers {
		o := &b.Offers[i]
		if o.Offer.Debtor == mine.Key {
			o.Debtor = c.Signatures[i]
			owed = append(owed, money.Amount{Currency: r.Currency, Micro: o.Offer.Amount})
		} else {
			o.Creditor = c.Signatures[i]
		}
		if !o.Offer.By(mine.Key, c.Signatures[i]) {
			return fault.New(netting.CodeOfferUnsigned, "the signature is not one of the offer under the key of this side", "sign what is owed now with the key that has joined").In("signatures")
		}
	}
	act, err := t.authorize(terms, owed...)
	if err != nil {
		return err
	}
	b.Acts = append(b.Acts, act)
	if !there {
		for _, o := range debts {
			// Who may not pay meanwhile has a day for it afterwards.
			o.Round, o.Deadline = c.Round, max(o.Deadline, r.SignBy+dayMillis)
			t.put(ObligationKey(o.ID), o)
		}
	}
	t.put(key, b)
	t.emit(EventRoundBound, key, "")
	return nil
}

// pledged finds the debts of an offer, which must be free unless they are bound by
// this one.
func (t *tx) pledged(r Round, ids []string, free bool) (debts []settlement.Obligation, terms *agreement.Terms, err error) {
	if len(ids) == 0 || len(ids) > maxNetted || !sortedUnique(ids) {
		return nil, nil, invalid("obligations", "the list is empty, too long or not in order", "name 1 to 2000 obligations, sorted, each once")
	}
	for _, id := range ids {
		o, ok := get[settlement.Obligation](t, ObligationKey(id))
		switch {
		case !ok:
			return nil, nil, notFound("obligations", "obligation", id)
		case o.State != settlement.Owed && o.State != settlement.Overdue:
			return nil, nil, wrongState("obligation", id, string(o.State), "an offer").In("obligations")
		case o.Amount.Currency != r.Currency:
			return nil, nil, invalid("obligations", "the round is in another currency", "offer debts in its own")
		}
		if free {
			if err := t.free(o); err != nil {
				return nil, nil, fault.Of(err).In("obligations")
			}
		}
		inv, _ := again[invoice.Invoice](t, InvoiceKey(o.Invoices[0]))
		if terms = t.agreementTerms(inv.Agreement); !terms.Netting {
			return nil, nil, fault.Newf(CodeNoNetting, "agree on netting by an amendment, or pay", "agreement %s has no netting clause", inv.Agreement).In("obligations")
		}
		debts = append(debts, o)
	}
	return debts, terms, nil
}

// NewPledge gives the offers of debts of both, in order of id, which nobody has
// signed yet. Codes: not-yet until both have joined, money-overflow.
func (v View) NewPledge(r Round, chain string, debts []settlement.Obligation) (Pledge, error) {
	own, _ := v.Bilateral()
	pair := own.Pair()
	b := Pledge{Round: r.ID}
	for _, o := range debts {
		b.Obligations = append(b.Obligations, o.ID)
	}
	for i, who := range pair {
		j, ok := v.Joined(r.ID, who)
		if !ok {
			return b, fault.Newf(fault.NotYet, "wait until it has joined", "%s has not joined the round", who).In("round")
		}
		b.Keys[i] = j.Key
	}
	hash := r.Netting(chain).Hash()
	for i, who := range pair {
		var sum money.Micro
		for _, o := range debts {
			var err error
			if o.Payer != who {
				continue
			}
			if sum, err = sum.Add(o.Left().Micro); err != nil {
				return b, err
			}
		}
		if sum > 0 {
			b.Offers = append(b.Offers, netting.SignedOffer{Offer: netting.Offer{Round: hash, Debtor: b.Keys[i], Creditor: b.Keys[1-i], Amount: sum}})
		}
	}
	return b, nil
}

// roundApply takes off what all have agreed to, once. Both have signed the offers,
// so either side's node may.
func roundApply(t *tx, c RoundApply) error {
	if _, err := t.authorize(nil); err != nil {
		return err
	}
	key := PledgeKey(c.Round)
	b, ok := get[Pledge](t, key)
	if !ok {
		return notFound("round", "offer into a round", c.Round.String())
	}
	if b.Applied {
		return nil
	}
	public := t.publicView()
	if _, err := t.roundOf(public, c.Round, netting.Agreed, "its effect"); err != nil {
		return err
	}
	result, _ := public.RoundResult(c.Round)
	for i, who := range t.bilateral.Pair() {
		change, touched := result.Outcome.Change(b.Keys[i], b.Keys[1-i])
		if !touched {
			continue
		}
		if err := t.takeOff(c.Round, who, b.Obligations, change); err != nil {
			return err
		}
	}
	b.Applied = true
	t.put(key, b)
	t.emit(EventRoundApplied, key, "")
	return nil
}

// takeOff reduces what a side owes, the earliest due first.
func (t *tx) takeOff(round canon.Hash, payer party.Code, ids []string, change netting.Change) error {
	var debts []settlement.Obligation
	var sum money.Micro
	for _, id := range ids {
		if o, _ := get[settlement.Obligation](t, ObligationKey(id)); o.Payer == payer {
			debts = append(debts, o)
			sum += o.Left().Micro // bound, so it is what was offered, which has room
		}
	}
	if sum != change.Old {
		return fault.Newf(netting.CodeUnsound, "keep both ledgers and look at what was signed", "%s is bound for the round, whose result begins with %s", sum, change.Old).In("round")
	}
	slices.SortFunc(debts, func(a, b settlement.Obligation) int {
		return cmp.Or(cmp.Compare(a.Due, b.Due), strings.Compare(a.ID, b.ID))
	})
	rest := change.Old - change.New
	for _, o := range debts {
		part := min(rest, o.Left().Micro)
		if rest -= part; part == 0 {
			break
		}
		if err := t.netted(round, o, part); err != nil {
			return err
		}
	}
	return nil
}

// netted books what a round has taken off a debt.
func (t *tx) netted(round canon.Hash, o settlement.Obligation, part money.Micro) error {
	act := party.Act{By: o.Payee, Limit: MethodRound, Command: t.digest(), Height: t.ctx.Block.Height, Time: t.ctx.Block.Time}
	o.Payment = settlement.Payment{Method: MethodRound, Reference: round.String(), PaidAt: act.Time, Act: act, Whole: part, Part: part}
	o.Receipt, o.Late = act, o.Late || act.Time > o.Due
	o.Netted += part // of Amount, so it has room
	t.shift(o.ID, o.Payee, o.Payer, o.Amount.Currency, settlement.Due, settlement.Netted, part)
	if err := t.late(o, part); err != nil {
		return err
	}
	return t.reduced(o, settlement.Offset)
}

// Offerable yields the debts in a currency that the two could offer into a round at
// a time (ms UTC), by id; those that are bound (Bound) are among them.
func (v View) Offerable(c money.Currency, now int64) iter.Seq[settlement.Obligation] {
	return func(yield func(settlement.Obligation) bool) {
		for o := range v.Obligations() {
			if o.State != settlement.Owed && o.State != settlement.Overdue || o.Amount.Currency != c {
				continue
			}
			inv, _ := v.Invoice(o.Invoices[0])
			if terms, _ := v.TermsAt(inv.Agreement, now); terms.Netting && !yield(o) {
				return
			}
		}
	}
}

// Joined gives a side's key in a round.
func (v View) Joined(round canon.Hash, who party.Code) (Joined, bool) {
	return get[Joined](v, JoinedKey(round, who))
}

// Pledge gives what is offered into a round.
func (v View) Pledge(round canon.Hash) (Pledge, bool) { return get[Pledge](v, PledgeKey(round)) }

// Pledges yields what was offered into rounds, by round.
func (v View) Pledges() iter.Seq[Pledge] { return all[Pledge](v, prefixPledge) }
