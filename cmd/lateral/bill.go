package main

import (
	"context"
	"iter"
	"strconv"
	"strings"

	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/usage"
)

// billCommand is "lateral bill".
type billCommand struct {
	List    billList    `cmd:"" op:"list-bills" help:"List bills for products." eg:"" eg:"--seller BRAVO --from 2026-11-01T00:00:00Z --all"`
	Show    billShow    `cmd:"" op:"get-bill" help:"Show the bill of a period: as it was generated, or as it would be now." eg:"2026-11-01T00:00:00Z/2026-12-01T00:00:00Z --agreement MSA-1 --seller BRAVO"`
	Due     billDue     `cmd:"" op:"list-due-bills" help:"List the next bill of each account whose period is over: what to request or submit." eg:"" eg:"--json"`
	Request billRequest `cmd:"" op:"request-bill" role:"clerk,engineer,finance" help:"Have the bill of a period generated: where the Bilateral does that." eg:"2026-11-01T00:00:00Z/2026-12-01T00:00:00Z --agreement MSA-1 --seller BRAVO"`
	Submit  billSubmit  `cmd:"" op:"submit-bill" role:"clerk,engineer,finance" help:"Submit this side's bill: where each side generates it. Without figures it is what the node generates." eg:"2026-11-01T00:00:00Z/2026-12-01T00:00:00Z --agreement MSA-1 --seller BRAVO" eg:"2026-11-01T00:00:00Z/2026-12-01T00:00:00Z --agreement MSA-1 --seller BRAVO --document 5f0c...e1 --rules 5f0c...e1 --state 5f0c...e1 --total EUR:1250"`
	Items   billItems   `cmd:"" op:"list-items" help:"List the items of an invoice for products." eg:"BRAVO-ALPHA-_MSA-1.BRAVO-20261101T000000Z-20261201T000000Z-EUR-1"`
	Dispute billDispute `cmd:"" op:"dispute-items" role:"finance" help:"Dispute items of an invoice with what you expect, and accept the others." eg:"ID --item 2=0 --why 'The port was down.'"`
}

type billList struct {
	many
	span
	Seller string `placeholder:"CODE" help:"Of this side only."`
}

func (c billList) Run(ctx context.Context, n *remote) error {
	f := client.Filter{"seller": c.Seller, "from": c.From, "to": c.To}
	return list(ctx, n, c.many, "agreement seller account interval state totals invoices", func(p *client.Partner) iter.Seq2[wire.Bill, error] { return p.Bills(ctx, f) })
}

// oneBill is a command about the bill of an account for a period.
type oneBill struct {
	one
	Interval  usage.Interval `arg:"" placeholder:"START/END" help:"The billing period: two RFC 3339 times."`
	Agreement string         `required:"" placeholder:"ID" help:"By this agreement."`
	Seller    party.Code     `required:"" placeholder:"CODE" help:"What this side has sold."`
	Account   string         `placeholder:"NAME" help:"Account of the buyer; default: the usual one."`
}

func (c oneBill) wanted() wire.RequestBill {
	return wire.RequestBill{Agreement: c.Agreement, Seller: c.Seller, Account: c.Account, Interval: c.Interval}
}

type billShow struct{ oneBill }

func (c billShow) Run(ctx context.Context, n *remote) error {
	return ask(ctx, n, c.one, func(p *client.Partner) (wire.Bill, error) { return p.Bill(ctx, c.wanted()) })
}

type billDue struct{ many }

func (c billDue) Run(ctx context.Context, n *remote) error {
	return list(ctx, n, c.many, "agreement seller account interval", func(p *client.Partner) iter.Seq2[wire.RequestBill, error] { return p.DueBills(ctx) })
}

type billRequest struct{ oneBill }

func (c billRequest) Run(ctx context.Context, n *remote) error {
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Bill], error) { return p.RequestBill(ctx, c.wanted()) })
}

type billSubmit struct {
	oneBill
	Document canon.Hash `placeholder:"HASH" help:"Of the bill as your own system has generated it; with --rules, --state and --total."`
	Rules    canon.Hash `placeholder:"HASH" help:"Of what it was computed by."`
	State    canon.Hash `placeholder:"HASH" help:"Of what it was computed from."`
	Total    []amount   `placeholder:"EUR:AMOUNT" help:"What it comes to; repeat, in the order of currencies."`
}

func (c billSubmit) Run(ctx context.Context, n *remote) error {
	b := wire.SubmitBill{RequestBill: c.wanted(), Document: c.Document, Rules: c.Rules, State: c.State}
	for _, a := range c.Total {
		b.Totals = append(b.Totals, money.Amount(a))
	}
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Bill], error) { return p.SubmitBill(ctx, b) })
}

type billItems struct {
	many
	ID string `arg:"" help:"Id of the invoice."`
}

func (c billItems) Run(ctx context.Context, n *remote) error {
	return list(ctx, n, c.many, "number product price kind interval quantity amount state why", func(p *client.Partner) iter.Seq2[wire.Item, error] { return p.Items(ctx, c.ID) })
}

type billDispute struct {
	oneInvoice
	Item     []expected `required:"" placeholder:"NUMBER=AMOUNT" help:"An item, and what you expect it to come to; repeat."`
	Why      string     `required:"" help:"Reason, for the partner."`
	Document canon.Hash `placeholder:"HASH" help:"Document that was read; default: the invoice as it is."`
	Evidence canon.Hash `placeholder:"HASH" help:"SHA-256 of a file that shows it."`
}

func (c billDispute) Run(ctx context.Context, n *remote) error {
	d := wire.DisputeItems{Document: c.Document, Why: c.Why, Evidence: c.Evidence}
	for _, x := range c.Item {
		d.Items = append(d.Items, wire.ItemObjection(x))
	}
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Invoice], error) { return p.DisputeItems(ctx, c.ID, d) })
}

// expected is an item with what its buyer expects, as the command line writes it.
type expected wire.ItemObjection

// UnmarshalText reads NUMBER=AMOUNT.
func (e *expected) UnmarshalText(text []byte) error {
	number, amount, _ := strings.Cut(string(text), "=")
	n, err := strconv.ParseUint(number, 10, 32)
	if err == nil {
		e.Number = uint32(n)
		e.Amount, err = money.ParseMicro(amount)
	}
	if err != nil {
		return fault.Newf(fault.Invalid, "write NUMBER=AMOUNT, like 2=12.50", "%q is no item", text).In("item")
	}
	return nil
}
