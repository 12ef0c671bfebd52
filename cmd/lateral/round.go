package main

import (
	"context"
	"crypto/rand"
	"iter"
	"time"

	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/netting"
	"github.com/lateral-network/lateral/trade/party"
)

// roundCommand is "lateral round".
type roundCommand struct {
	List roundList `cmd:"" op:"list-rounds" help:"List rounds of netting." eg:"" eg:"--state joining"`
	Show roundShow `cmd:"" op:"get-round" help:"Show a round: what is offered, what comes of it, and this carrier's part." eg:"ROUND" eg:"ROUND --json"`
	Call roundCall `cmd:"" op:"call-round" role:"finance" help:"Call a round: members offer what they owe each other until a time." eg:"USD" eg:"USD --join 30m --sign 30m" eg:"USD --method multilateral"`
	Join roundJoin `cmd:"" op:"join-round" role:"finance" help:"Take part in a round with what is owed between this carrier and its partners." eg:"ROUND" eg:"ROUND --limit 5000" eg:"ROUND --partner BRAVO"`
}

type roundList struct {
	connection
	paging
	State string `placeholder:"STATE" help:"joining, signing, agreed or lapsed."`
}

func (c roundList) Run(ctx context.Context, n *remote) error {
	return listed(n, c.paging, "id caller currency method state offered missing join_by sign_by", func(api *client.Client) iter.Seq2[wire.Round, error] {
		return api.Rounds(ctx, client.Filter{"state": c.State})
	})
}

type roundShow struct {
	connection
	ID string `arg:"" help:"Id of the round."`
}

func (c roundShow) Run(ctx context.Context, n *remote) error {
	id, err := canon.ParseHash(c.ID)
	if err != nil {
		return err
	}
	r, err := n.api.Round(ctx, id)
	return shown(n, r, err)
}

type roundCall struct {
	connection
	retrying
	Currency money.Currency `arg:"" help:"Of the debts: USD."`
	Method   netting.Method `default:"compression" enum:"compression,multilateral" placeholder:"METHOD" help:"compression takes circles off; multilateral all debts, and positions are paid by tokens. Default: ${default}."`
	Join     time.Duration  `default:"1h" placeholder:"TIME" help:"How long debts are offered; default: ${default}."`
	Sign     time.Duration  `default:"1h" placeholder:"TIME" help:"How long after that all may sign; default: ${default}."`
	ID       canon.Hash     `placeholder:"HEX" help:"32 bytes that name it; default: made from --key, or random."`
}

func (roundCall) Help() string {
	return `Everybody sees who has called a round. What is offered into it is seen under keys that are made for it. Nodes with automatic.rounds in
their configuration take part by themselves; on others somebody joins (lateral round join). While one signature is missing, nothing changes.`
}

func (c roundCall) Run(ctx context.Context, n *remote) error {
	if c.ID.IsZero() && c.Key == "" {
		if _, err := rand.Read(c.ID[:]); err != nil {
			return err
		}
	}
	join := time.Now().Add(c.Join)
	d, err := n.api.CallRound(ctx, wire.CallRound{ID: c.ID, Currency: c.Currency, Method: c.Method, JoinBy: wire.Time(join.UnixMilli()), SignBy: wire.Time(join.Add(c.Sign).UnixMilli())}, c.Key)
	return changed(n, d, err)
}

type roundJoin struct {
	connection
	ID      string      `arg:"" help:"Id of the round."`
	Partner party.Code  `short:"p" placeholder:"CODE" help:"Offer only what is owed between this carrier and that partner."`
	Limit   money.Micro `placeholder:"AMOUNT" help:"The most that a compression takes off this carrier's debts."`
}

func (roundJoin) Help() string {
	return `The partner's node has to join as well. What both offer is bound until the round is over: it is neither paid nor netted otherwise. The
desk signs the result that it has computed itself from what is offered, and applies it when all have signed.`
}

func (c roundJoin) Run(ctx context.Context, n *remote) error {
	id, err := canon.ParseHash(c.ID)
	if err != nil {
		return err
	}
	j, err := n.api.JoinRound(ctx, id, wire.JoinRound{Partner: c.Partner, Limit: c.Limit})
	return shown(n, j, err)
}
