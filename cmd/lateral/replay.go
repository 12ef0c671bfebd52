package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/node"
)

// replayCommand is "lateral replay".
type replayCommand struct {
	Config  string `required:"" placeholder:"config.yaml" help:"Configuration of one of the channel's two nodes."`
	Channel string `required:"" placeholder:"ID" help:"The channel, as GET /v1/status shows it."`
	JSON    bool   `name:"json" help:"Print one JSON document."`
}

func (replayCommand) Help() string {
	return `Reads the ledger from its first block, opens the channel's envelopes with this node's keys, executes them again, and
compares what comes out with every head that the two members have signed. Nothing is signed or sent, and the node may go on
running. Exit code 0 means that the replay completed, whatever it found.

Example:
  lateral replay --config ./alpha/config.yaml --channel 5f0c...e1`
}

func (c replayCommand) Run(ctx context.Context, t terminal) error {
	id, err := canon.ParseHash(c.Channel)
	if err != nil {
		return usageError{fmt.Errorf("--channel: %w", err)}
	}
	config, err := node.ReadConfig(c.Config)
	if err != nil {
		return err
	}
	r, err := node.Replay(ctx, config, id, slog.New(slog.NewTextHandler(t.err, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		return err
	}
	if c.JSON {
		return t.document(r)
	}
	fmt.Fprintf(t.out, "channel %s with %s: %d blocks read, %d touch it, the last at height %d\n", r.Channel, r.Partner, r.Blocks, r.Size, r.Position)
	fmt.Fprintf(t.out, "state root %s\nblock log  %s\n", r.Root, r.Log)
	fmt.Fprintf(t.out, "signed heads: %d and %d, in the order of the channel's keys\n", r.Heads[0], r.Heads[1])
	for _, w := range r.Wrong {
		fmt.Fprintf(t.out, "WRONG: %s signed root %s at size %d; this execution gives %s\n", w.Member, w.Signed.Head.Root, w.Signed.Head.Size, w.Here.Root)
	}
	for _, b := range r.Blames {
		fmt.Fprintf(t.out, "the first differing leaf is not what this execution gives on the side of %s\n", b)
	}
	if len(r.Wrong) == 0 {
		fmt.Fprintln(t.out, "every signed head is what this execution gives")
	}
	return nil
}
