package main

import (
	"context"

	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
)

// reputationCommand is "lateral reputation".
type reputationCommand struct {
	Show   reputationShow   `cmd:"" op:"get-reputation" help:"Show how a partner pays, as members say it whom this carrier trades with." eg:"" eg:"BRAVO"`
	Own    reputationOwn    `cmd:"" op:"get-own-reputation" help:"Show what others say of how this carrier pays." eg:""`
	Commit reputationCommit `cmd:"" op:"commit-pseudonym" role:"administrator" help:"Bind this carrier to a pseudonym, which its node then shows to partners." eg:"" eg:"--another"`
	State  reputationState  `cmd:"" op:"state-reputation" role:"finance" help:"Say on the Omnilateral how a partner has paid, of its pseudonym." eg:"BRAVO"`
}

// named is a partner that may stand as an argument.
type named struct {
	one
	Code string `arg:"" optional:"" name:"code" help:"The partner's member code, like --partner."`
}

func (c named) which() one {
	if c.Code != "" {
		c.Partner = c.Code
	}
	return c.one
}

type reputationShow struct{ named }

func (c reputationShow) Run(ctx context.Context, n *remote) error {
	return ask(ctx, n, c.which(), func(p *client.Partner) (wire.Reputation, error) { return p.Reputation(ctx) })
}

type reputationOwn struct{ connection }

func (c reputationOwn) Run(ctx context.Context, n *remote) error {
	own, err := n.api.OwnReputation(ctx)
	return shown(n, own, err)
}

type reputationCommit struct {
	connection
	Another bool `help:"Take another than the one that it has; partners see how many it has had."`
}

func (c reputationCommit) Run(ctx context.Context, n *remote) error {
	d, err := n.api.CommitPseudonym(ctx, wire.CommitPseudonym{Another: c.Another})
	return changed(n, d, err)
}

type reputationState struct{ named }

func (c reputationState) Run(ctx context.Context, n *remote) error {
	return ask(ctx, n, c.which(), func(p *client.Partner) (wire.Said, error) { return p.StateReputation(ctx) })
}
