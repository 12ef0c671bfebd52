package native

import (
	"context"
	"slices"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/clearing"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/token"
)

// deposits registers locks of tokens out of which the two pay each other. What they
// need of the Omnilateral, the node's treasury signs.
func (s *server) deposits() {
	const at = "/v1/bilaterals/{partner}/deposits"
	get(s, at, "list-deposits", tagSettlement, "Tokens that are locked for payments between the two", func(_ context.Context, in *struct {
		PartnerPath
		PageQuery
		State token.LockState `query:"state" enum:"locked,leaving,closed,claimed"`
	}) (*reply[api.Page[wire.Deposit]], error) {
		d, err := s.desk(in.Partner)
		if err != nil {
			return nil, err
		}
		all, err := d.Deposits()
		if err != nil {
			return nil, err
		}
		shown := []wire.Deposit{}
		for _, x := range all {
			if in.State == "" || in.State == x.Lock.State {
				shown = append(shown, shownDeposit(x))
			}
		}
		p, err := api.CutSlice(shown, in.wanted())
		return answer(p), err
	})
	get(s, at+"/{id}", "get-deposit", tagSettlement, "One deposit", func(_ context.Context, in *struct {
		PartnerPath
		ID canon.Hash `path:"id"`
	}) (*reply[wire.Deposit], error) {
		d, err := s.desk(in.Partner)
		if err != nil {
			return nil, err
		}
		x, err := depositOf(d, in.ID)
		return answer(x), err
	})
	post(s, at, "open-deposit", tagSettlement, "Lock tokens, out of which the two pay each other from then on", func(ctx context.Context, in *struct {
		PartnerPath
		Body wire.OpenDeposit
	}) (*reply[wire.Deposit], error) {
		return s.oneDeposit(ctx, in.PartnerPath, "opened", func(ctx context.Context, d Desk) (canon.Hash, error) {
			return d.OpenDeposit(ctx, in.Body.Amount)
		})
	})
	post(s, at+"/top-up", "top-up-deposit", tagSettlement, "Put more into a deposit of this carrier", func(ctx context.Context, in *struct {
		PartnerPath
		Body wire.TopUpDeposit
	}) (*reply[wire.Deposit], error) {
		return s.oneDeposit(ctx, in.PartnerPath, "topped up", func(ctx context.Context, d Desk) (canon.Hash, error) {
			return d.TopUpDeposit(ctx, in.Body.Deposit, in.Body.Amount)
		})
	})
	post(s, at+"/release", "release-deposits", tagSettlement, "Give this carrier's share of the deposits back to its account, together with the partner's node", func(ctx context.Context, in *struct {
		PartnerPath
		Body wire.ReleaseDeposits
	}) (*reply[wire.Deposits], error) {
		return s.someDeposits(ctx, in.PartnerPath, "released", func(ctx context.Context, d Desk) (ids []canon.Hash, err error) {
			list, err := d.ReleaseDeposits(ctx, clearing.Release{Token: in.Body.Token, Keep: in.Body.Keep, Reveals: in.Body.Reveals})
			for _, x := range list {
				ids = append(ids, x.Lock)
			}
			return ids, err
		})
	})
	post(s, at+"/exit", "exit-deposits", tagSettlement, "Leave deposits without the partner; its node may contest that for a time", func(ctx context.Context, in *struct {
		PartnerPath
		Body wire.ExitDeposits
	}) (*reply[wire.Deposits], error) {
		return s.someDeposits(ctx, in.PartnerPath, "left", func(ctx context.Context, d Desk) ([]canon.Hash, error) {
			return d.ExitDeposits(ctx, in.Body.Deposit, in.Body.Reveals)
		})
	})
}

// oneDeposit does something with a deposit and answers with it.
func (s *server) oneDeposit(ctx context.Context, at PartnerPath, what string, do func(context.Context, Desk) (canon.Hash, error)) (*reply[wire.Deposit], error) {
	all, err := s.someDeposits(ctx, at, what, func(ctx context.Context, d Desk) ([]canon.Hash, error) {
		id, err := do(ctx, d)
		return []canon.Hash{id}, err
	})
	if err != nil {
		return nil, err
	}
	return answer(all.Body.Deposits[0]), nil
}

// someDeposits does something with deposits and answers with them.
func (s *server) someDeposits(ctx context.Context, at PartnerPath, what string, do func(context.Context, Desk) ([]canon.Hash, error)) (*reply[wire.Deposits], error) {
	d, err := s.desk(at.Partner)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.Wait)
	defer cancel()
	ids, err := do(ctx, d)
	s.Log.Info("deposits "+what, "trace", traceOf(ctx), "partner", at.Partner, "who", api.ActorOf(ctx).Name, "code", fault.CodeOf(err))
	if err != nil {
		return nil, err
	}
	out := wire.Deposits{Deposits: []wire.Deposit{}}
	for _, id := range ids {
		x, err := depositOf(d, id)
		if err != nil {
			return nil, err
		}
		out.Deposits = append(out.Deposits, x)
	}
	return answer(out), nil
}

// depositOf finds a deposit. Code: not-found.
func depositOf(d Desk, id canon.Hash) (wire.Deposit, error) {
	all, err := d.Deposits()
	if err != nil {
		return wire.Deposit{}, err
	}
	i := slices.IndexFunc(all, func(x clearing.Deposited) bool { return x.Lock.ID == id })
	if i < 0 {
		return wire.Deposit{}, fault.New(fault.NotFound, "there is no such deposit", "look it up in the list")
	}
	return shownDeposit(all[i]), nil
}

func shownDeposit(x clearing.Deposited) wire.Deposit {
	out := wire.Deposit{
		ID: x.Lock.ID, Owner: x.Lock.Owner, Amount: x.Lock.Amount, State: x.Lock.State, Round: x.Lock.Round,
		Paid: []money.Micro{x.Totals[token.OwnerSide], x.Totals[token.PartnerSide]}, Ours: x.Ours, Theirs: x.Theirs, Stopped: wire.Time(x.Until),
	}
	if e := x.Lock.Exit; e != nil {
		out.Contest, out.Stale = wire.Time(e.Deadline), e.Stale
	}
	return out
}
