package clearing

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/netting"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/token"
)

// Rounds of netting: the desk offers what the two owe each other into the rounds
// that this side takes part in, signs results that it has computed itself, and has
// what all have signed take effect here. Its key of a round is one for all desks of
// the carrier, so that what comes off its debts comes off its claims.

const (
	actRound = "round/"

	// carried is how long what somebody else carries may take to stand on the board,
	// until another is asked.
	carried = 15 * time.Second

	// longest is how far ahead, in ms, a round may end that a desk joins by itself:
	// anybody may call one, and debts are bound until it is over.
	longest = 24 * 3_600_000
)

// taking is that this side takes part in a round. It is kept before the partner
// hears of it: from then on nothing is paid out of locks in the round's currency
// until it is known what is bound, since a total that is signed stands although the
// payment that it came with is refused.
type taking struct {
	Currency money.Currency `cbor:"1,keyasint"`
	Until    int64          `cbor:"2,keyasint"`           // the time to join is over; ms UTC
	Most     money.Micro    `cbor:"3,keyasint,omitempty"` // limit of what comes off; 0: none
}

func takingKey(id canon.Hash) string { return actRound + id.String() }

// TakePart has this desk offer what the two owe each other into a round, and sign
// what comes of it. Codes: not-found, wrong-state.
func (d *Desk) TakePart(id canon.Hash, most money.Micro) error {
	if d.o.Vault == nil {
		return d.vault()
	}
	var r trade.Round
	err := d.o.Vault.Omni.View(func(v view) error {
		var ok bool
		if r, ok = (trade.View{Records: v}).Round(id); !ok {
			return fault.Newf(fault.NotFound, "look at the list of rounds", "there is no round %s", id).In("round")
		}
		if at := r.At(max(v.Time, d.o.Now())); at != netting.Joining {
			return fault.Newf(trade.CodeState, "join the next one", "the round is %s", at).In("round")
		}
		return nil
	})
	if err != nil {
		return err
	}
	defer d.rouse()
	return d.takePart(id, taking{r.Currency, r.JoinBy, most})
}

func (d *Desk) takePart(id canon.Hash, x taking) error {
	if err := d.keep(takingKey(id), canon.Must(x)); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.takings[id] = x
	return nil
}

// roundKeyOf gives the carrier's key of a round.
func (d *Desk) roundKeyOf(id canon.Hash) sign.PrivateKey {
	return d.deriveLockKey("round/" + id.String())
}

// bout is a round as the desk finds it on both channels.
type bout struct {
	round  trade.Round
	taking taking
	takes  bool
	here   trade.View // what concerns it on the Bilateral
	board  trade.View // and on the Omnilateral
	debts  []obligationRecord
	now    int64
}

func (b bout) state() netting.State { return b.round.At(b.now) }

// wanted reports whether this side takes part, or may without being asked.
func (d *Desk) wanted(b bout) bool {
	return b.takes || d.o.Automatic.Rounds && b.round.SignBy <= b.now+longest
}

// rounds takes the next steps in all rounds.
func (d *Desk) rounds(ctx context.Context) error {
	if d.o.Vault == nil {
		return nil
	}
	bouts, err := d.bouts()
	var errs []error
	for _, b := range bouts {
		errs = append(errs, d.round(ctx, b))
	}
	return errors.Join(append(errs, err)...)
}

// bouts reads all rounds that are not over for this desk, one channel after the
// other. Of a board it copies what concerns the two, and all of it to sign.
func (d *Desk) bouts() (out []bout, err error) {
	here, public := copied{}, copied{}
	now := d.o.Now() - clockSlack
	err = d.o.Vault.Omni.View(func(v view) error {
		now = max(now, v.Time)
		for key, raw := range v.Scan(trade.RoundPrefix) {
			if d.passed[key] {
				continue
			}
			var r trade.Round
			if err := canon.Decode(raw, &r); err != nil {
				return err
			}
			public[key] = raw
			out = append(out, bout{round: r, here: trade.View{Records: here}, board: trade.View{Records: public}})
		}
		return nil
	})
	if err != nil || len(out) == 0 {
		return nil, err
	}
	d.mu.Lock()
	takings, waiting := maps.Clone(d.takings), maps.Clone(d.waiting)
	d.mu.Unlock()
	err = d.o.Channel.View(func(v view) error {
		now = max(now, v.Time)
		here.copy(v, trade.BilateralKey)
		for i := range out {
			b := &out[i]
			id := b.round.ID
			b.now = now
			b.taking, b.takes = takings[id]
			for _, key := range []string{trade.JoinedKey(id, d.o.Me), trade.JoinedKey(id, d.o.Partner), trade.PledgeKey(id)} {
				here.copy(v, key)
			}
			if _, pledged := b.here.Pledge(id); !pledged && b.state() == netting.Joining && d.wanted(*b) {
				for o := range (trade.View{Records: v}).Offerable(b.round.Currency, v.Time) {
					if !waiting[actAdvise+o.ID] {
						b.debts = append(b.debts, o)
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = d.o.Vault.Omni.View(func(v view) error {
		for i := range out {
			b := &out[i]
			id, k := b.round.ID, d.roundKeyOf(b.round.ID).Public()
			public.copy(v, trade.LimitedKey(id, k))
			public.copy(v, trade.SignedKey(id, k))
			p, _ := b.here.Pledge(id)
			for _, o := range p.Offers {
				public.copy(v, trade.OfferedKey(id, o.Offer.Debtor, o.Offer.Creditor))
			}
			if _, signed := b.board.RoundSigned(id, k); !signed && len(p.Acts) == 2 && b.state() == netting.Signing {
				for _, prefix := range []string{trade.OfferedPrefix(id), trade.LimitedPrefix(id)} {
					for key, raw := range v.Scan(prefix) {
						public[key] = raw
					}
				}
			}
		}
		return nil
	})
	for i := range out {
		b := &out[i]
		b.debts = slices.DeleteFunc(b.debts, func(o obligationRecord) bool { return b.here.Bound(b.board, o, b.now) })
	}
	return out, err
}

// round takes the next step in one round.
func (d *Desk) round(ctx context.Context, b bout) error {
	id := b.round.ID
	pledge, pledged := b.here.Pledge(id)
	both := pledged && len(pledge.Acts) == 2
	switch state := b.state(); {
	case state == netting.Joining && both:
		d.postOffers(ctx, b, pledge)
		return nil
	case state == netting.Joining:
		return d.offerInto(ctx, b, pledge, pledged)
	case both && state == netting.Signing:
		return d.signResult(ctx, b, pledge)
	case pledged && state == netting.Agreed && !pledge.Applied:
		if d.o.Me == d.pair[0] || b.now > b.round.SignBy+courtesy {
			d.act(ctx, actRound+"apply/"+id.String(), roundsSubject, trade.NewCommand(trade.KindRoundApply, trade.RoundApply{Round: id}))
		}
		return nil
	case pledged && state == netting.Lapsed && b.round.Deadline != 0 && b.now > b.round.Deadline:
		d.public(ctx, actRound+"tick/"+id.String(), roundsSubject, trade.NewCommand(trade.KindTick, trade.Tick{Subject: trade.RoundKey(id)}))
		return nil
	case state == netting.Signing:
		return nil // it may be seen here that the other side has posted
	}
	return d.overWith(id)
}

// roundsSubject stands for all rounds where a single record is meant otherwise.
const roundsSubject = "rounds"

// overWith forgets a round that this desk has no part in any more.
func (d *Desk) overWith(id canon.Hash) error {
	d.passed[trade.RoundKey(id)] = true
	d.mu.Lock()
	_, took := d.takings[id]
	delete(d.takings, id)
	maps.DeleteFunc(d.failed, func(action string, _ failure) bool {
		return strings.HasPrefix(action, actRound) && strings.HasSuffix(action, id.String()) && !d.waiting[action]
	})
	d.mu.Unlock()
	if !took {
		return nil
	}
	return d.o.Store.Commit(store.Batch{Writes: []merkle.Write{{Key: d.prefix + takingKey(id)}}})
}

// offerInto joins a round, and has what the two owe each other offered: the first of
// the pair says what, once both have joined.
func (d *Desk) offerInto(ctx context.Context, b bout, pledge trade.Pledge, pledged bool) error {
	id := b.round.ID
	_, mine := b.here.Joined(id, d.o.Me)
	_, theirs := b.here.Joined(id, d.o.Partner)
	k := d.roundKeyOf(id)
	switch {
	case !d.wanted(b):
		return nil
	case !mine:
		if len(b.debts) == 0 || d.paying() {
			return nil
		}
		if !b.takes {
			if err := d.takePart(id, taking{Currency: b.round.Currency, Until: b.round.JoinBy}); err != nil {
				return err
			}
		}
		d.act(ctx, actRound+"join/"+id.String(), roundsSubject, trade.NewCommand(trade.KindRoundJoin, trade.RoundJoin{Round: id, Key: k.Public()}))
		return nil
	case !theirs, pledged && pledge.Signed(d.o.Me), !pledged && (d.o.Me != d.pair[0] || len(b.debts) == 0):
		return nil
	case !pledged:
		var err error
		if pledge, err = b.here.NewPledge(b.round, d.o.Vault.Chain, b.debts[:min(len(b.debts), maxNetted)]); err != nil {
			return err
		}
	}
	body := trade.RoundBind{Round: id, Obligations: pledge.Obligations}
	for _, o := range pledge.Offers {
		body.Signatures = append(body.Signatures, o.Offer.Sign(k))
	}
	c, err := d.o.Authorize(trade.NewCommand(trade.KindRoundBind, body), party.Finance)
	if err != nil {
		return err
	}
	d.act(ctx, actRound+"bind/"+id.String(), roundsSubject, c)
	return nil
}

// postOffers has the offers of the two stand on the board, with this side's limit.
// By lot one of the two begins; what stands there is not posted again.
func (d *Desk) postOffers(ctx context.Context, b bout, pledge trade.Pledge) {
	id := b.round.ID
	body := trade.RoundOffer{Round: id}
	for _, o := range pledge.Offers {
		if _, there := b.board.RoundOffer(id, o.Offer.Debtor, o.Offer.Creditor); !there {
			body.Offers = append(body.Offers, o)
		}
	}
	lot := canon.Sum("lateral/round-lot/1", id[:], pledge.Keys[0][:], pledge.Keys[1][:])
	if first := d.pair[lot[0]&1] == d.o.Me; !first && b.now < b.round.JoinBy-(b.round.JoinBy-pledge.Acts[1].Time)/2 {
		body.Offers = nil
	}
	k := d.roundKeyOf(id)
	if most := b.taking.Most; most > 0 {
		l := netting.Limit{Round: b.round.Netting(d.o.Vault.Chain).Hash(), Member: k.Public(), Most: most}
		if old, there := b.board.RoundLimit(id, k.Public()); !there || old.Limit.Most > most {
			body.Limits = append(body.Limits, netting.SignedLimit{Limit: l, Signature: l.Sign(k)})
		}
	}
	if len(body.Offers)+len(body.Limits) == 0 {
		return
	}
	d.carry(ctx, actRound+"offer/"+id.String(), trade.NewCommand(trade.KindRoundOffer, body), func(v trade.View) bool {
		for _, o := range body.Offers {
			if _, there := v.RoundOffer(id, o.Offer.Debtor, o.Offer.Creditor); !there {
				return false
			}
		}
		for _, l := range body.Limits {
			if old, there := v.RoundLimit(id, l.Limit.Member); !there || old.Limit.Most > l.Limit.Most {
				return false
			}
		}
		return true
	})
}

// signResult computes what comes of the offers, and signs that: it takes nobody's
// word for it. A member that pays or is paid by position does so from its own node.
func (d *Desk) signResult(ctx context.Context, b bout, pledge trade.Pledge) error {
	id := b.round.ID
	k := d.roundKeyOf(id)
	if _, done := b.board.RoundSigned(id, k.Public()); done {
		return nil
	}
	for _, o := range pledge.Offers {
		if on, there := b.board.RoundOffer(id, o.Offer.Debtor, o.Offer.Creditor); there && on.Offer != o.Offer {
			return fault.New(netting.CodeUnsound, "another amount is posted than the two have bound", "do not take part with who has signed it")
		}
	}
	a := b.board.RoundOffers(b.round, d.o.Vault.Chain)
	result, err := a.Net()
	if err == nil {
		err = netting.Verify(a.Input(), result.Outcome)
	}
	if err != nil {
		return err
	}
	if !slices.Contains(result.Outcome.Touched(), k.Public()) {
		return nil
	}
	signed := result.Sign(k)
	action := actRound + "sign/" + id.String()
	there := func(v trade.View) bool { _, ok := v.RoundSigned(id, k.Public()); return ok }
	if pays, paid := result.Outcome.Paid(k.Public()); pays > 0 || paid > 0 {
		account := netting.Account{Result: result.Hash(), Member: d.o.Me}
		c, err := d.o.Authorize(trade.NewCommand(trade.KindRoundPay, trade.RoundPay{Round: id, Signed: signed, Account: account.Sign(k)}), party.Finance)
		if err != nil {
			return err
		}
		d.public(ctx, action, roundsSubject, c)
		return nil
	}
	d.carry(ctx, action, trade.NewCommand(trade.KindRoundSign, trade.RoundSign{Round: id, Signed: signed}), there)
	return nil
}

// carry has a command stand on the board that any node may carry, and waits until it
// does.
func (d *Desk) carry(ctx context.Context, action string, c trade.Command, there func(trade.View) bool) {
	if d.o.Vault.Carry == nil {
		d.public(ctx, action, roundsSubject, c)
		return
	}
	d.attempt(ctx, action, roundsSubject, func() func(context.Context) error {
		return func(ctx context.Context) error {
			if err := d.o.Vault.Carry(ctx, c); err != nil {
				return err
			}
			for end := time.Now().Add(carried); time.Now().Before(end); {
				seen := false
				if err := d.o.Vault.Omni.View(func(v view) error { seen = there(trade.View{Records: v}); return nil }); err != nil || seen {
					return err
				}
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-time.After(100 * time.Millisecond):
				}
			}
			return fault.New(fault.NotYet, "who was asked to carry it has not posted it", "another is asked")
		}
	})
}

// undecided gives the tokens of currencies in which this side takes part in a round
// and does not know yet what is bound.
func (d *Desk) undecided(now int64) map[token.Code]bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := map[token.Code]bool{}
	for _, x := range d.takings {
		if now < x.Until {
			out[token.CodeOf(x.Currency)] = true
		}
	}
	return out
}

// waits reports whether a debt is left until it is due, so that a round may take it
// off before.
func (d *Desk) waits(o settlement.Obligation) bool {
	return d.o.Automatic.Rounds && d.o.Now() < o.Due
}
