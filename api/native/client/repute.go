package client

import (
	"context"

	"github.com/lateral-network/lateral/api/native/wire"
)

// OwnReputation gives what others say of how this carrier pays.
func (c *Client) OwnReputation(ctx context.Context) (wire.OwnReputation, error) {
	return get[wire.OwnReputation](ctx, c, "/v1/reputation")
}

// CommitPseudonym binds this carrier to a pseudonym.
func (c *Client) CommitPseudonym(ctx context.Context, x wire.CommitPseudonym) (wire.Done[wire.OwnReputation], error) {
	return post[wire.Done[wire.OwnReputation]](ctx, c, "/v1/reputation/pseudonym", x)
}

// Reputation gives how the partner pays, as it counts for this carrier.
func (p *Partner) Reputation(ctx context.Context) (wire.Reputation, error) {
	return get[wire.Reputation](ctx, p.c, p.at("reputation"))
}

// StateReputation says on the Omnilateral how the partner has paid.
func (p *Partner) StateReputation(ctx context.Context) (wire.Said, error) {
	return post[wire.Said](ctx, p.c, p.at("reputation"), nil)
}
