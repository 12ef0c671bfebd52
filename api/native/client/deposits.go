package client

import (
	"context"
	"iter"

	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/trade/token"
)

// Deposits lists tokens that are locked for payments between the two. Filter: state.
func (p *Partner) Deposits(ctx context.Context, f Filter) iter.Seq2[wire.Deposit, error] {
	return list[wire.Deposit](ctx, p.c, p.at("deposits"), f)
}

// Deposit gives one deposit.
func (p *Partner) Deposit(ctx context.Context, id string) (wire.Deposit, error) {
	return get[wire.Deposit](ctx, p.c, p.at("deposits", id))
}

// OpenDeposit locks tokens, out of which the two pay each other from then on.
func (p *Partner) OpenDeposit(ctx context.Context, amount token.Amount) (wire.Deposit, error) {
	return post[wire.Deposit](ctx, p.c, p.at("deposits"), wire.OpenDeposit{Amount: amount})
}

// TopUpDeposit puts more into a deposit of this carrier.
func (p *Partner) TopUpDeposit(ctx context.Context, x wire.TopUpDeposit) (wire.Deposit, error) {
	return post[wire.Deposit](ctx, p.c, p.at("deposits", "top-up"), x)
}

// ReleaseDeposits gives this carrier's share of the deposits back to its account,
// together with the partner's node.
func (p *Partner) ReleaseDeposits(ctx context.Context, x wire.ReleaseDeposits) ([]wire.Deposit, error) {
	out, err := post[wire.Deposits](ctx, p.c, p.at("deposits", "release"), x)
	return out.Deposits, err
}

// ExitDeposits leaves deposits without the partner.
func (p *Partner) ExitDeposits(ctx context.Context, x wire.ExitDeposits) ([]wire.Deposit, error) {
	out, err := post[wire.Deposits](ctx, p.c, p.at("deposits", "exit"), x)
	return out.Deposits, err
}
