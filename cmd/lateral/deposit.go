package main

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/token"
)

// depositCommand is "lateral deposit".
type depositCommand struct {
	List    depositList    `cmd:"" op:"list-deposits" help:"List tokens that are locked for payments between the two." eg:"" eg:"--state leaving"`
	Show    depositShow    `cmd:"" op:"get-deposit" help:"Show a deposit: what each side has of it." eg:"DEPOSIT"`
	Open    depositOpen    `cmd:"" op:"open-deposit" role:"finance" help:"Lock tokens, out of which the two pay each other from then on." eg:"--amount USDt:1000"`
	TopUp   depositTopUp   `cmd:"" name:"top-up" op:"top-up-deposit" role:"finance" help:"Put more into a deposit of this carrier." eg:"--amount USDt:500" eg:"DEPOSIT --amount USDt:500"`
	Release depositRelease `cmd:"" op:"release-deposits" role:"finance" help:"Give this carrier's share back to its account, together with the partner's node." eg:"USDt" eg:"USDt --keep 100" eg:"USDt --reveals"`
	Exit    depositExit    `cmd:"" op:"exit-deposits" role:"finance" help:"Leave deposits without the partner." eg:"" eg:"DEPOSIT --yes"`
}

type depositList struct {
	many
	State string `placeholder:"STATE" help:"locked, leaving, closed or claimed."`
}

const depositColumns = "id owner state amount ours theirs stopped_until contest_until"

func (c depositList) Run(ctx context.Context, n *remote) error {
	return list(ctx, n, c.many, depositColumns, func(p *client.Partner) iter.Seq2[wire.Deposit, error] {
		return p.Deposits(ctx, client.Filter{"state": c.State})
	})
}

type depositShow struct {
	one
	ID string `arg:"" help:"Id of the deposit."`
}

func (c depositShow) Run(ctx context.Context, n *remote) error {
	return ask(ctx, n, c.one, func(p *client.Partner) (wire.Deposit, error) { return p.Deposit(ctx, c.ID) })
}

// locked is an amount of a token on the command line.
type locked token.Amount

// UnmarshalText reads TOKEN:AMOUNT.
func (a *locked) UnmarshalText(text []byte) (err error) {
	code, number, ok := strings.Cut(string(text), ":")
	if !ok {
		return fault.Newf(fault.Invalid, "write token and amount like USDt:1000", "%q is no amount of a token", text)
	}
	a.Token = token.Code(code)
	if _, err = a.Token.Unit(); err == nil {
		a.Micro, err = money.ParseMicro(number)
	}
	return err
}

type depositOpen struct {
	one
	Amount locked `required:"" placeholder:"TOKEN:AMOUNT" help:"What is locked."`
}

func (c depositOpen) Run(ctx context.Context, n *remote) error {
	return ask(ctx, n, c.one, func(p *client.Partner) (wire.Deposit, error) { return p.OpenDeposit(ctx, token.Amount(c.Amount)) })
}

type depositTopUp struct {
	one
	ID     string `arg:"" optional:"" help:"Id of the deposit; default: this carrier's first of the token."`
	Amount locked `required:"" placeholder:"TOKEN:AMOUNT" help:"What is put into it."`
}

func (c depositTopUp) Run(ctx context.Context, n *remote) error {
	id, err := depositID(c.ID)
	if err != nil {
		return err
	}
	return ask(ctx, n, c.one, func(p *client.Partner) (wire.Deposit, error) {
		return p.TopUpDeposit(ctx, wire.TopUpDeposit{Deposit: id, Amount: token.Amount(c.Amount)})
	})
}

// depositID reads the id of a deposit that may be left out.
func depositID(text string) (id canon.Hash, err error) {
	if text == "" {
		return id, nil
	}
	return canon.ParseHash(text)
}

type depositRelease struct {
	one
	Token   token.Code  `arg:"" help:"Which token: USDt."`
	Keep    money.Micro `placeholder:"AMOUNT" help:"What stays locked of this carrier's share; default: nothing."`
	Reveals bool        `help:"Everybody may see that the two have paid each other. The partner must say so, too: by the same command on its node."`
}

func (c depositRelease) Run(ctx context.Context, n *remote) error {
	return changedDeposits(ctx, n, c.one, func(p *client.Partner) ([]wire.Deposit, error) {
		return p.ReleaseDeposits(ctx, wire.ReleaseDeposits{Token: c.Token, Keep: c.Keep, Reveals: c.Reveals})
	})
}

type depositExit struct {
	one
	ID  string `arg:"" optional:"" help:"Id of the deposit; default: all in which this carrier has something."`
	Yes bool   `help:"Do not ask."`
}

func (c depositExit) Run(ctx context.Context, n *remote) error {
	id, err := depositID(c.ID)
	if err != nil {
		return err
	}
	code, err := c.code(ctx, n)
	if err != nil {
		return err
	}
	question := fmt.Sprintf("Once %s contests this or takes its part, or this carrier takes its part of what %s has locked, everybody sees that the two have paid each other. Leave?", code, code)
	if !c.Yes && !n.confirmed(question) {
		return fault.New(fault.Refused, "nothing was sent", "answer yes, or say --yes")
	}
	return changedDeposits(ctx, n, c.one, func(p *client.Partner) ([]wire.Deposit, error) {
		return p.ExitDeposits(ctx, wire.ExitDeposits{Deposit: id, Reveals: true})
	})
}

// changedDeposits prints the deposits that a change was about.
func changedDeposits(ctx context.Context, n *remote, o one, f func(*client.Partner) ([]wire.Deposit, error)) error {
	code, err := o.code(ctx, n)
	if err != nil {
		return err
	}
	all, err := f(n.api.With(code))
	if err != nil || n.json {
		return shown(n, wire.Deposits{Deposits: all}, err)
	}
	return writeList(n.out, all, depositColumns)
}
