package native

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/netting"
	"github.com/lateral-network/lateral/trade/party"
)

// RoundPath names a round of netting in a path.
type RoundPath struct {
	ID canon.Hash `path:"id"`
}

// rounds registers rounds of netting. What follows on a join the desks do: they
// offer, sign and apply.
func (s *server) rounds() {
	const at = "/v1/rounds"
	get(s, at, "list-rounds", tagSettlement, "Rounds of netting among members", func(_ context.Context, in *struct {
		PageQuery
		State netting.State `query:"state" enum:"joining,signing,agreed,lapsed"`
	}) (*reply[api.Page[wire.Round]], error) {
		now, err := s.roundTime()
		if err != nil {
			return nil, err
		}
		return list(s.Member.Omni(), trade.RoundPrefix, in.PageQuery, func(_ string, r trade.Round) (wire.Round, bool) {
			return shownRound(r, now), in.State == "" || in.State == r.At(now)
		})
	})
	get(s, at+"/{id}", "get-round", tagSettlement, "One round with what stands on its board, and this carrier's part", s.getRound)
	post(s, at, "call-round", tagSettlement, "Call a round: members offer what they owe each other until a time", func(ctx context.Context, in *struct {
		RetryHeader
		Body wire.CallRound
	}) (*reply[wire.Done[wire.Round]], error) {
		b := in.Body
		if b.Method == "" {
			b.Method = netting.ByCirculation
		}
		if b.ID.IsZero() {
			made, err := chosen("", in.Key, "R-", 40)
			if err != nil {
				return nil, err
			}
			b.ID = canon.Sum("lateral/round-id/1", []byte(s.me()), []byte(made))
		}
		now, err := s.roundTime()
		if err != nil {
			return nil, err
		}
		return create(ctx, s, s.Member.Omni(), in.Key, trade.KindRoundCall, trade.RoundCall{ID: b.ID, Currency: b.Currency, Method: b.Method, JoinBy: int64(b.JoinBy), SignBy: int64(b.SignBy)},
			trade.RoundKey(b.ID), "round "+b.ID.String(), func(r trade.Round) wire.Round { return shownRound(r, now) },
			func(r trade.Round) party.Act { return party.Act{By: r.Caller, Command: r.Asked} })
	})
	post(s, at+"/{id}/join", "join-round", tagSettlement, "Take part: the desks offer what is owed, sign the result that they compute, and apply it", s.joinRound)
}

// roundTime gives the time by which states are shown: of the last block, or of this
// node's clock, since a ledger on which nothing happens makes no blocks.
func roundTime(at channel.View) int64 { return max(at.Time, time.Now().UnixMilli()) }

func (s *server) roundTime() (ms int64, err error) {
	err = s.now(func(_ trade.View, at channel.View) error {
		ms = roundTime(at)
		return nil
	})
	return ms, err
}

func shownRound(r trade.Round, now int64) wire.Round {
	return wire.Round{ID: r.ID, Caller: r.Caller, Currency: r.Currency, Method: r.Method, State: r.At(now), JoinBy: wire.Time(r.JoinBy), SignBy: wire.Time(r.SignBy),
		Offered: r.Gross, Missing: r.Missing, Result: r.Result}
}

func (s *server) getRound(_ context.Context, in *RoundPath) (*reply[wire.RoundDetail], error) {
	out := wire.RoundDetail{Debts: []wire.RoundDebt{}, Payments: []wire.RoundPayment{}, Pairs: []wire.RoundPair{}}
	err := s.now(func(v trade.View, at channel.View) error {
		r, ok := v.Round(in.ID)
		if !ok {
			return fault.Newf(fault.NotFound, "look it up in the list", "there is no round %s", in.ID)
		}
		out.Round = shownRound(r, roundTime(at))
		result, _ := v.RoundResult(r.ID)
		for _, o := range v.RoundOffers(r, s.Chain).Offers {
			d := wire.RoundDebt{Debtor: o.Debtor, Creditor: o.Creditor, Offered: o.Amount, Left: o.Amount}
			if c, touched := result.Outcome.Change(o.Debtor, o.Creditor); touched {
				d.Left = c.New
			}
			out.Debts = append(out.Debts, d)
		}
		for _, p := range result.Outcome.Payments {
			out.Payments = append(out.Payments, wire.RoundPayment{Payer: result.Outcome.Keys[p.Payer], Payee: result.Outcome.Keys[p.Payee], Amount: p.Amount})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, b := range s.Member.Bilaterals() {
		partner := party.Code(b.Partner())
		err := b.View(func(v channel.View) error {
			here := trade.View{Records: v}
			if p, ok := here.Pledge(in.ID); ok {
				theirs, _ := here.Joined(in.ID, partner)
				if own, ok := here.Joined(in.ID, party.Code(s.Member.Code())); ok {
					out.Key = own.Key
				}
				out.Pairs = append(out.Pairs, wire.RoundPair{Partner: partner, Key: theirs.Key, Obligations: p.Obligations, Signed: len(p.Acts) == 2, Applied: p.Applied})
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(out.Pairs, func(a, b wire.RoundPair) int { return cmp.Compare(a.Partner, b.Partner) })
	return answer(out), nil
}

func (s *server) joinRound(ctx context.Context, in *struct {
	RoundPath
	Body wire.JoinRound
}) (*reply[wire.JoinedRound], error) {
	if in.Body.Limit < 0 {
		return nil, fault.New(fault.Invalid, "the limit is below zero", "name the most that may come off, or none").In("limit")
	}
	out := wire.JoinedRound{Partners: []party.Code{}}
	for _, b := range s.Member.Bilaterals() {
		partner := party.Code(b.Partner())
		if in.Body.Partner != "" && in.Body.Partner != partner {
			continue
		}
		d, ok := s.Desk(partner)
		if !ok {
			continue
		}
		if err := d.TakePart(in.ID, in.Body.Limit); err != nil {
			return nil, err
		}
		out.Partners = append(out.Partners, partner)
	}
	s.Log.Info("round joined", "trace", traceOf(ctx), "round", in.ID.String(), "who", api.ActorOf(ctx).Name)
	if len(out.Partners) == 0 {
		return nil, fault.New(fault.NotFound, "no Bilateral that is open is meant", "look at the list of Bilaterals").In("partner")
	}
	slices.Sort(out.Partners)
	return answer(out), nil
}
