package native

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/token"
)

// PromisePath names a hold or a swap in a path.
type PromisePath struct {
	Owner party.Code `path:"owner" maxLength:"32" doc:"Who has placed or offered it."`
	ID    string     `path:"id" maxLength:"40"`
}

// treasury registers this carrier's money on the Omnilateral. The node's own
// delegate for finance signs, within its limits there.
func (s *server) treasury() {
	s.accounts()
	s.transfers()
	s.holds()
	s.swaps()
	s.redemptions()
	s.locks()
}

// accounts registers what a member has and how it moved. Both are public.
func (s *server) accounts() {
	type Whose struct {
		Member party.Code `query:"member" maxLength:"32" doc:"Whose accounts, for everybody sees them. Absent: this carrier's."`
	}
	whose := func(w Whose) party.Code {
		if w.Member != "" {
			return w.Member
		}
		return s.me()
	}
	get(s, "/v1/accounts", "list-accounts", tagTreasury, "Accounts on the Omnilateral by purpose and currency or token", func(_ context.Context, in *struct {
		PageQuery
		Whose
		Currency money.Currency     `query:"currency" maxLength:"8" doc:"Like USD or USDt."`
		Purpose  settlement.Purpose `query:"purpose" maxLength:"24" doc:"Like available or held."`
	}) (*reply[api.Page[wire.Balance]], error) {
		return list(s.Member.Omni(), trade.BalancePrefix+string(whose(in.Whose))+"/", in.PageQuery, func(key string, x trade.Balance) (wire.Balance, bool) {
			w := wire.Balance{Account: accountOf(key), Amount: x.Micro}
			return w, (in.Currency == "" || in.Currency == w.Account.Currency) && (in.Purpose == "" || in.Purpose == w.Account.Purpose)
		})
	})
	get(s, "/v1/accounts/statement", "list-movements", tagTreasury, "What moved on the accounts, the oldest first: of each journal entry the postings that touch them", func(_ context.Context, in *struct {
		PageQuery
		Whose
		Currency money.Currency     `query:"currency" maxLength:"8" doc:"Like USD or USDt."`
		Purpose  settlement.Purpose `query:"purpose" maxLength:"24" doc:"Like available or held."`
		Span
	}) (*reply[api.Page[wire.Journal]], error) {
		within, err := in.Span.read()
		if err != nil {
			return nil, err
		}
		who := whose(in.Whose)
		mine := func(a settlement.Account) bool {
			return a.Party == who && (in.Currency == "" || in.Currency == a.Currency) && (in.Purpose == "" || in.Purpose == a.Purpose)
		}
		return list(s.Member.Omni(), trade.JournalPrefix, in.PageQuery, func(_ string, j settlement.Journal) (wire.Journal, bool) {
			if !within(j.Time) {
				return wire.Journal{}, false
			}
			all := j.Postings
			j.Postings = nil
			for _, p := range all {
				if mine(p.From) || mine(p.To) {
					j.Postings = append(j.Postings, p)
				}
			}
			return shownJournal(j), len(j.Postings) > 0
		})
	})
}

// transfers registers what moves at once.
func (s *server) transfers() {
	get(s, "/v1/transfers", "list-transfers", tagTreasury, "Transfers of tokens that this carrier has made, or has got", func(_ context.Context, in *struct {
		PageQuery
		Received bool `query:"received" doc:"Those that it has got of others. Absent: those that it has made."`
	}) (*reply[api.Page[wire.Transfer]], error) {
		prefix := trade.TransferKey(s.me(), "")
		if in.Received {
			prefix = trade.TransferPrefix
		}
		return list(s.Member.Omni(), prefix, in.PageQuery, func(_ string, d token.Done) (wire.Transfer, bool) {
			return shownTransfer(d), !in.Received || d.Transfer.To == s.me() && d.Sender != s.me()
		})
	})
	post(s, "/v1/transfers", "make-transfers", tagTreasury, "Transfer tokens: all of the list, or none; what was made before is left out", s.makeTransfers)
}

func shownTransfer(d token.Done) wire.Transfer {
	t := d.Transfer
	return wire.Transfer{ID: t.ID, Sender: d.Sender, To: t.To, Amount: t.Amount, From: t.From, For: t.For, About: t.About, Height: d.Height, Time: wire.Time(d.Time)}
}

func (s *server) makeTransfers(ctx context.Context, in *struct {
	RetryHeader
	Body wire.MakeTransfers
}) (*reply[wire.Transferred], error) {
	var body trade.TokenTransfer
	for i, t := range in.Body.Transfers {
		retry := in.Key
		if retry != "" {
			retry = fmt.Sprintf("%s\n%d", retry, i)
		}
		id, err := chosen(t.ID, retry, "T-", 40)
		if err != nil {
			return nil, fault.Of(err).In(fmt.Sprintf("transfers.%d", i))
		}
		body.Transfers = append(body.Transfers, token.Transfer{ID: id, To: t.To, Amount: t.Amount, From: t.From, For: t.For, About: t.About})
	}
	made := func() (all []wire.Transfer, err error) {
		for _, t := range body.Transfers {
			d, err := record[token.Done](s.Member.Omni(), trade.TransferKey(s.me(), t.ID), "transfer "+clipped(t.ID))
			if err != nil {
				return nil, err
			}
			if t.From == "" {
				t.From = settlement.Available
			}
			if t.For == "" {
				t.For = settlement.Available
			}
			if d.Transfer != t {
				return nil, fault.Newf(fault.Conflict, "choose an id that is not used", "%s is another transfer", clipped(t.ID)).In("id")
			}
			all = append(all, shownTransfer(d))
		}
		return all, nil
	}
	if all, err := made(); err == nil {
		return answer(wire.Transferred{Transfers: all, Repeated: true}), nil
	}
	o, err := s.submit(ctx, s.Member.Omni(), trade.KindTokenTransfer, body)
	if err != nil {
		return nil, err
	}
	all, err := made()
	return answer(wire.Transferred{Transfers: all, Receipt: receipt(o)}), err
}

// promised makes a hold, a swap or a redemption of this carrier, once for each
// Idempotency-Key.
func promised[T, W any](ctx context.Context, s *server, id, retry, what string, kind trade.Kind, body func(id string) any, key func(party.Code, string) string, show func(T) W, asked func(T) canon.Hash) (*reply[wire.Done[W]], error) {
	id, err := chosen(id, retry, strings.ToUpper(what[:1])+"-", 40)
	if err != nil {
		return nil, err
	}
	return create(ctx, s, s.Member.Omni(), retry, kind, body(id), key(s.me(), id), what+" "+clipped(id), show,
		func(v T) party.Act { return party.Act{By: s.me(), Command: asked(v)} })
}

// holds registers tokens that are set aside for somebody.
func (s *server) holds() {
	const at = "/v1/holds"
	get(s, at, "list-holds", tagTreasury, "Holds of this carrier, and for it", func(_ context.Context, in *struct {
		PageQuery
		State token.PromiseState `query:"state" enum:"pending,posted,void"`
	}) (*reply[api.Page[wire.Held]], error) {
		return list(s.Member.Omni(), trade.HoldPrefix, in.PageQuery, func(_ string, h token.Hold) (wire.Held, bool) {
			return shownHold(h), (h.Owner == s.me() || h.To == s.me()) && (in.State == "" || in.State == h.State)
		})
	})
	post(s, at, "place-hold", tagTreasury, "Set tokens aside for another member until a time", func(ctx context.Context, in *struct {
		RetryHeader
		Body wire.PlaceHold
	}) (*reply[wire.Done[wire.Held]], error) {
		b := in.Body
		return promised(ctx, s, b.ID, in.Key, "hold", trade.KindHoldPlace, func(id string) any {
			return trade.HoldPlace{ID: id, To: b.To, Amount: b.Amount, Expires: int64(b.Expires), Lock: b.Lock, About: b.About}
		}, trade.HoldKey, shownHold, func(h token.Hold) canon.Hash { return h.Asked })
	})
	post(s, at+"/{owner}/{id}/post", "post-hold", tagTreasury, "Pay held tokens out: all, or a part of what is not locked", func(ctx context.Context, in *struct {
		PromisePath
		Body wire.PostHold
	}) (*reply[wire.Done[wire.Held]], error) {
		key, what := trade.HoldKey(in.Owner, in.ID), "hold "+clipped(in.ID)
		h, err := record[token.Hold](s.Member.Omni(), key, what)
		if err != nil {
			return nil, err
		}
		amount := h.Amount
		if in.Body.Amount != nil {
			amount = *in.Body.Amount
		}
		return change(ctx, s, s.Member.Omni(), trade.KindHoldPost, trade.HoldPost{Owner: in.Owner, ID: in.ID, Amount: amount, Key: in.Body.Key}, key, what, shownHold)
	})
	post(s, at+"/{owner}/{id}/void", "void-hold", tagTreasury, "Give held tokens back to their owner", func(ctx context.Context, in *PromisePath) (*reply[wire.Done[wire.Held]], error) {
		key, what := trade.HoldKey(in.Owner, in.ID), "hold "+clipped(in.ID)
		if _, err := record[token.Hold](s.Member.Omni(), key, what); err != nil {
			return nil, err
		}
		return change(ctx, s, s.Member.Omni(), trade.KindHoldVoid, trade.HoldAnswer{Owner: in.Owner, ID: in.ID}, key, what, shownHold)
	})
}

func shownHold(h token.Hold) wire.Held {
	return wire.Held{ID: h.ID, Owner: h.Owner, To: h.To, Amount: h.Amount, State: h.State, Expires: wire.Time(h.Expires), Lock: h.Lock, Posted: h.Posted, Key: h.Key, About: h.About}
}

// swaps registers offers of tokens for others.
func (s *server) swaps() {
	const at = "/v1/swaps"
	get(s, at, "list-swaps", tagTreasury, "Swaps that this carrier has offered or taken, and those that it may take", func(_ context.Context, in *struct {
		PageQuery
		State token.PromiseState `query:"state" enum:"pending,posted,void"`
	}) (*reply[api.Page[wire.Swap]], error) {
		return list(s.Member.Omni(), trade.SwapPrefix, in.PageQuery, func(_ string, x token.Swap) (wire.Swap, bool) {
			mine := x.Owner == s.me() || x.Taker == s.me() || x.State == token.Pending && (x.To == "" || x.To == s.me())
			return shownSwap(x), mine && (in.State == "" || in.State == x.State)
		})
	})
	post(s, at, "offer-swap", tagTreasury, "Offer tokens for others until a time: both move, or neither", func(ctx context.Context, in *struct {
		RetryHeader
		Body wire.OfferSwap
	}) (*reply[wire.Done[wire.Swap]], error) {
		b := in.Body
		return promised(ctx, s, b.ID, in.Key, "swap", trade.KindSwapOffer, func(id string) any {
			return trade.SwapOffer{ID: id, Gives: b.Gives, Wants: b.Wants, To: b.To, Expires: int64(b.Expires)}
		}, trade.SwapKey, shownSwap, func(x token.Swap) canon.Hash { return x.Asked })
	})
	answerSwap := func(ctx context.Context, kind trade.Kind, a trade.SwapAnswer) (*reply[wire.Done[wire.Swap]], error) {
		key, what := trade.SwapKey(a.Owner, a.ID), "swap "+clipped(a.ID)
		if _, err := record[token.Swap](s.Member.Omni(), key, what); err != nil {
			return nil, err
		}
		return change(ctx, s, s.Member.Omni(), kind, a, key, what, shownSwap)
	}
	post(s, at+"/{owner}/{id}/take", "take-swap", tagTreasury, "Take a swap of another member", func(ctx context.Context, in *struct {
		PromisePath
		Body wire.TakeSwap
	}) (*reply[wire.Done[wire.Swap]], error) {
		return answerSwap(ctx, trade.KindSwapTake, trade.SwapAnswer{Owner: in.Owner, ID: in.ID, Gives: in.Body.Gives, Wants: in.Body.Wants})
	})
	post(s, at+"/{owner}/{id}/cancel", "cancel-swap", tagTreasury, "Withdraw a swap that this carrier has offered", func(ctx context.Context, in *PromisePath) (*reply[wire.Done[wire.Swap]], error) {
		return answerSwap(ctx, trade.KindSwapCancel, trade.SwapAnswer{Owner: in.Owner, ID: in.ID})
	})
}

func shownSwap(x token.Swap) wire.Swap {
	return wire.Swap{ID: x.ID, Owner: x.Owner, Gives: x.Gives, Wants: x.Wants, To: x.To, State: x.State, Expires: wire.Time(x.Expires), Taker: x.Taker}
}

// redemptions registers tokens that their holders want to be paid out.
func (s *server) redemptions() {
	const at = "/v1/redemptions"
	get(s, at, "list-redemptions", tagTreasury, "Redemptions of this carrier, and of the tokens that it issues", func(_ context.Context, in *struct {
		PageQuery
		State token.PromiseState `query:"state" enum:"pending,posted,void"`
	}) (*reply[api.Page[wire.Redemption]], error) {
		issues := map[token.Code]bool{}
		err := s.each(func(k token.Token) { issues[k.Code] = k.Issuer == s.me() })
		if err != nil {
			return nil, err
		}
		return list(s.Member.Omni(), trade.RedemptionPrefix, in.PageQuery, func(_ string, r token.Redemption) (wire.Redemption, bool) {
			return shownRedemption(r), (r.Owner == s.me() || issues[r.Amount.Token]) && (in.State == "" || in.State == r.State)
		})
	})
	post(s, at, "redeem-tokens", tagTreasury, "Ask the issuer to pay tokens out at par by a bank; they are held until it has", func(ctx context.Context, in *struct {
		RetryHeader
		Body wire.Redeem
	}) (*reply[wire.Done[wire.Redemption]], error) {
		b := in.Body
		return promised(ctx, s, b.ID, in.Key, "redemption", trade.KindRedeem, func(id string) any {
			return trade.RedeemRequest{ID: id, Amount: b.Amount, Account: b.Account}
		}, trade.RedemptionKey, shownRedemption, func(r token.Redemption) canon.Hash { return r.Asked })
	})
}

// each calls f with every token.
func (s *server) each(f func(token.Token)) error {
	return each(s.Member.Omni(), trade.TokenPrefix, func(k token.Token) error {
		f(k)
		return nil
	})
}

func shownRedemption(r token.Redemption) wire.Redemption {
	return wire.Redemption{ID: r.ID, Owner: r.Owner, Amount: r.Amount, State: r.State, Account: r.Account, Expires: wire.Time(r.Expires), Act: r.Issue}
}

// locks registers tokens that are set aside under two keys.
func (s *server) locks() {
	const at = "/v1/locks"
	get(s, at, "list-locks", tagTreasury, "Locks of this carrier", func(_ context.Context, in *struct {
		PageQuery
		State token.LockState `query:"state" enum:"locked,leaving,closed,claimed"`
	}) (*reply[api.Page[wire.Lock]], error) {
		return list(s.Member.Omni(), trade.LockPrefix, in.PageQuery, func(_ string, l token.Lock) (wire.Lock, bool) {
			return shownLock(l), l.Owner == s.me() && (in.State == "" || in.State == l.State)
		})
	})
	post(s, at, "open-lock", tagTreasury, "Set tokens aside under two fresh keys, so that two may pay each other in private", func(ctx context.Context, in *struct {
		RetryHeader
		Body wire.OpenLock
	}) (*reply[wire.Done[wire.Lock]], error) {
		id := in.Body.ID
		if id.IsZero() && in.Key != "" {
			id = canon.Sum("lateral/api/idempotency/1", []byte(s.me()), []byte(in.Key))
		}
		if id.IsZero() {
			rand.Read(id[:]) // never fails
		}
		body := trade.LockOpen{ID: id, Amount: in.Body.Amount, Keys: [2]sign.PublicKey{in.Body.Key, in.Body.Partner}}
		return create(ctx, s, s.Member.Omni(), in.Key, trade.KindLockOpen, body, trade.LockRecordKey(id), "lock "+id.String(), shownLock,
			func(l token.Lock) party.Act { return party.Act{By: l.Owner, Command: l.Asked} })
	})
	post(s, at+"/{id}/topup", "top-up-lock", tagTreasury, "Put more into a lock of this carrier", func(ctx context.Context, in *struct {
		ID   string `path:"id" maxLength:"64"`
		Body wire.TopUpLock
	}) (*reply[wire.Done[wire.Lock]], error) {
		id, err := canon.ParseHash(in.ID)
		if err != nil {
			return nil, fault.Of(err).In("id")
		}
		return change(ctx, s, s.Member.Omni(), trade.KindLockTopUp, trade.LockTopUp{ID: id, Was: in.Body.Was, More: in.Body.More}, trade.LockRecordKey(id), "lock "+id.String(), shownLock)
	})
}

func shownLock(l token.Lock) wire.Lock {
	w := wire.Lock{ID: l.ID, Owner: l.Owner, Amount: l.Amount, State: l.State, Round: l.Round, Key: l.Keys[token.OwnerSide], Partner: l.Keys[token.PartnerSide], Left: l.Left}
	if x := l.Exit; x != nil {
		w.Exit = &wire.LockExit{By: "owner", Owner: x.Totals[token.OwnerSide], Partner: x.Totals[token.PartnerSide], Stale: x.Stale, Deadline: wire.Time(x.Deadline)}
		if x.By == token.PartnerSide {
			w.Exit.By = "partner"
		}
	}
	return w
}
