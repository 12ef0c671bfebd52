package client

import (
	"context"
	"iter"

	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/internal/canon"
)

// Rounds lists rounds of netting among members. Filter: state.
func (c *Client) Rounds(ctx context.Context, f Filter) iter.Seq2[wire.Round, error] {
	return list[wire.Round](ctx, c, "/v1/rounds", f)
}

// Round gives one round with what stands on its board.
func (c *Client) Round(ctx context.Context, id canon.Hash) (wire.RoundDetail, error) {
	return get[wire.RoundDetail](ctx, c, joined("rounds", id.String()))
}

// CallRound begins a round. Without an id it gets one from retry, the
// Idempotency-Key.
func (c *Client) CallRound(ctx context.Context, r wire.CallRound, retry string) (wire.Done[wire.Round], error) {
	return once[wire.Done[wire.Round]](ctx, c, "/v1/rounds", r, retry)
}

// JoinRound has this carrier take part in a round.
func (c *Client) JoinRound(ctx context.Context, id canon.Hash, j wire.JoinRound) (wire.JoinedRound, error) {
	return post[wire.JoinedRound](ctx, c, joined("rounds", id.String(), "join"), j)
}
