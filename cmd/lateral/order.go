package main

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/usage"
)

// sheetCommand is "lateral sheet".
type sheetCommand struct {
	List        sheetList        `cmd:"" op:"list-sheets" help:"List rate sheets." eg:"" eg:"--state proposed --direction 'ALPHA>BRAVO'"`
	Show        sheetShow        `cmd:"" op:"get-sheet" help:"Show a rate sheet by its commitment." eg:"ID"`
	File        sheetFile        `cmd:"" op:"get-sheet-file" help:"Write the rows of a sheet, as its seller sent them." eg:"ID --out rates.csv"`
	Propose     sheetPropose     `cmd:"" op:"propose-sheet" role:"product-manager" help:"Upload a rate sheet, send it to the partner, and propose it." eg:"rates.csv" eg:"rates.csv.gz --direction 'BRAVO>ALPHA' --begin 2026-12-01T00:00:00Z"`
	Acknowledge sheetAcknowledge `cmd:"" op:"acknowledge-sheet" role:"product-manager,engineer" help:"Tell the partner that the file of its sheet is here and is what was proposed; the node does it by itself as well." eg:"ID"`
	Accept      sheetAccept      `cmd:"" op:"accept-sheet" role:"product-manager" help:"Accept a sheet that the partner proposed, once its file is here and checked." eg:"ID"`
	Reject      sheetReject      `cmd:"" op:"reject-sheet" role:"product-manager" help:"Reject a sheet that the partner proposed." eg:"ID --why 'Germany is missing.'"`
	Withdraw    sheetWithdraw    `cmd:"" op:"withdraw-sheet" role:"product-manager" help:"Take back a sheet that the partner has not answered." eg:"ID --why 'The wrong file.'"`
}

type sheetList struct {
	many
	State     string `placeholder:"STATE" help:"proposed, acknowledged, accepted, rejected or withdrawn."`
	Direction string `placeholder:"FROM>TO" help:"For calls of this direction."`
}

func (c sheetList) Run(ctx context.Context, n *remote) error {
	return list(ctx, n, c.many, "id state direction line rows from effective agreement", func(p *client.Partner) iter.Seq2[wire.Sheet, error] {
		return p.Sheets(ctx, client.Filter{"state": c.State, "direction": c.Direction})
	})
}

// oneSheet is a command about one sheet.
type oneSheet struct {
	one
	ID string `arg:"" help:"Id of the sheet."`
}

type sheetShow struct{ oneSheet }

func (c sheetShow) Run(ctx context.Context, n *remote) error {
	return ask(ctx, n, c.one, func(p *client.Partner) (wire.Sheet, error) { return p.Sheet(ctx, c.ID) })
}

type sheetFile struct {
	oneSheet
	out
}

func (c sheetFile) Run(ctx context.Context, n *remote) error {
	code, err := c.code(ctx, n)
	if err != nil {
		return err
	}
	data, err := n.api.With(code).SheetFile(ctx, c.ID)
	return c.write(n.terminal, data, err)
}

type sheetPropose struct {
	one
	File      string          `arg:"" help:"Rate sheet, CSV, may be gzipped; - is standard input."`
	Direction usage.Direction `placeholder:"FROM>TO" help:"For calls of this direction; default: from the partner to this carrier."`
	Begin     wire.Time       `placeholder:"TIME" help:"When it begins to price calls; default: with its first row."`
}

func (c sheetPropose) Run(ctx context.Context, n *remote) error {
	f, err := n.open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Sheet], error) {
		return p.ProposeSheet(ctx, c.Direction, c.Begin, f)
	})
}

type sheetAcknowledge struct{ oneSheet }

func (c sheetAcknowledge) Run(ctx context.Context, n *remote) error {
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Sheet], error) { return p.AcknowledgeSheet(ctx, c.ID) })
}

type sheetAccept struct{ oneSheet }

func (c sheetAccept) Run(ctx context.Context, n *remote) error {
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Sheet], error) { return p.AcceptSheet(ctx, c.ID) })
}

type sheetReject struct {
	oneSheet
	Why string `help:"Reason, for the partner."`
}

func (c sheetReject) Run(ctx context.Context, n *remote) error {
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Sheet], error) { return p.RejectSheet(ctx, c.ID, c.Why) })
}

type sheetWithdraw struct {
	oneSheet
	Why string `help:"Reason, for the partner."`
}

func (c sheetWithdraw) Run(ctx context.Context, n *remote) error {
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Sheet], error) { return p.WithdrawSheet(ctx, c.ID, c.Why) })
}

// orderCommand is "lateral order".
type orderCommand struct {
	List       orderList       `cmd:"" op:"list-orders" help:"List orders of both sides: standing ones, or those about products." eg:"" eg:"--state acknowledged" eg:"--kind product --product W-1"`
	Show       orderShow       `cmd:"" op:"get-order" help:"Show an order." eg:"V-ALPHA" eg:"O-17 --json"`
	Place      orderPlace      `cmd:"" op:"place-order" role:"product-manager" help:"Place a standing order with the partner; lateral product order is for one product." eg:"V-ALPHA --agreement MSA-1 --sheet ID --value EUR:5000" eg:"V-DE --agreement MSA-1 --sheet ID --prefix 49 --value EUR:5000" eg:"--key 2026-11-02/1 --agreement MSA-1 --sheet ID --value EUR:5000 --value USD:5000 --begin 2026-11-02T00:00:00Z"`
	Accept     orderAccept     `cmd:"" op:"accept-order" role:"product-manager" help:"Accept an order of the partner; about a product also the charge, test record, other date or cancellation that waits for you." eg:"V-ALPHA" eg:"O-17"`
	Reject     orderReject     `cmd:"" op:"reject-order" role:"product-manager" help:"Reject an order of the partner; about a product also the charge, test record, other date or cancellation that waits for you." eg:"V-ALPHA --why 'No capacity.'" eg:"O-17 --why 'The test record shows no latency.'"`
	Suspend    orderSuspend    `cmd:"" op:"suspend-order" role:"product-manager" help:"Suspend a standing order." eg:"V-ALPHA --why 'Fraud.'"`
	Resume     orderResume     `cmd:"" op:"resume-order" role:"product-manager" help:"Resume a suspended order." eg:"V-ALPHA"`
	End        orderEnd        `cmd:"" op:"end-order" role:"product-manager" help:"End a standing order; usage up to its end is still billed." eg:"V-ALPHA --why 'As agreed.'"`
	Charge     orderCharge     `cmd:"" op:"charge-order" role:"product-manager" help:"Ask the buyer for a charge without which its order does not go on." eg:"O-17 --name 'Digging' --amount EUR:400 --why 'The duct is full.'"`
	Reschedule orderReschedule `cmd:"" op:"reschedule-order" role:"product-manager" help:"Ask the seller of an own order about a product, once it has accepted it, for another date or for haste." eg:"O-17 --start 2026-12-01T08:00:00Z" eg:"O-17 --start 2026-11-20T08:00:00Z --expedite"`
	Cancel     orderCancel     `cmd:"" op:"cancel-order" role:"product-manager" help:"Cancel an own order about a product; once the seller has accepted it, the seller is asked." eg:"O-17 --why 'The customer is gone.'"`
	Deliver    orderDeliver    `cmd:"" op:"deliver-order" role:"product-manager" help:"Say that what was ordered is delivered: it is billed from then on." eg:"O-17" eg:"O-17 --record test.json --total latency=12000 --total availability=999990" eg:"O-17 --at 2026-12-01T08:00:00Z --record 5f0c...e1"`
	Fail       orderFail       `cmd:"" op:"fail-order" role:"product-manager" help:"Say that what was ordered cannot be delivered." eg:"O-17 --why 'The building has no duct.'"`
}

type orderList struct {
	many
	Kind      string `enum:"standing,product" default:"standing" placeholder:"KIND" help:"standing, or product: orders about one product each; default: ${default}."`
	State     string `placeholder:"STATE" help:"acknowledged, rejected, inProgress, suspended, completed or terminated; about a product also held.assessingCharge, assessingModification, assessingCancellation, failed or cancelled."`
	Direction string `placeholder:"FROM>TO" help:"From the buyer to the seller."`
	Product   string `placeholder:"ID" help:"About this product; with --kind product."`
}

func (c orderList) Run(ctx context.Context, n *remote) error {
	columns := "id state kind direction line agreement sheet from until"
	if c.Kind == string(order.Product) {
		columns = "id state direction product.action product.id name agreement product.clause from product.deadline"
	}
	return list(ctx, n, c.many, columns, func(p *client.Partner) iter.Seq2[wire.Order, error] {
		return p.Orders(ctx, client.Filter{"kind": c.Kind, "state": c.State, "direction": c.Direction, "product": c.Product})
	})
}

type orderShow struct {
	one
	ID string `arg:"" help:"Id of the order."`
}

func (c orderShow) Run(ctx context.Context, n *remote) error {
	return ask(ctx, n, c.one, func(p *client.Partner) (wire.Order, error) { return p.Order(ctx, c.ID) })
}

type orderPlace struct {
	one
	ID        string       `arg:"" optional:"" help:"Id of the order; without it one is made from --key."`
	Agreement string       `required:"" placeholder:"ID" help:"Under this agreement."`
	Sheet     string       `required:"" placeholder:"ID" help:"At the prices of this sheet."`
	Line      product.Line `default:"voice" help:"Product line; default: ${default}."`
	Prefix    []string     `placeholder:"DIGITS" help:"Voice: only calls to numbers that begin so; repeat. Default: all of the sheet."`
	Begin     wire.Time    `placeholder:"TIME" help:"When it begins; default: with the agreement."`
	Value     []amount     `placeholder:"EUR:AMOUNT" help:"What you expect to be billed for a period, in each currency of the sheet; your limit is checked against it. Repeat."`
	Key       string       `placeholder:"KEY" help:"Chosen by you, once for each order: the same again does nothing more."`
}

func (c orderPlace) Run(ctx context.Context, n *remote) error {
	o := wire.PlaceOrder{ID: c.ID, Kind: order.Standing, Agreement: c.Agreement, Sheet: c.Sheet, Line: c.Line, From: c.Begin}
	if len(c.Prefix) > 0 {
		if c.Line != voice.Name {
			return usageError{fmt.Errorf("--prefix goes with the line %s", voice.Name)}
		}
		slices.Sort(c.Prefix)
		o.Payload = canon.Must(voice.Termination{Prefixes: c.Prefix})
	}
	for _, a := range c.Value {
		o.Value = append(o.Value, money.Amount(a))
	}
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Order], error) {
		if o.From == 0 {
			a, err := p.Agreement(ctx, c.Agreement)
			if err != nil {
				return wire.Done[wire.Order]{}, err
			}
			o.From = a.From
		}
		return p.PlaceOrder(ctx, o, c.Key)
	})
}

// moveOrder is a command that moves an order.
type moveOrder struct {
	one
	ID  string `arg:"" help:"Id of the order."`
	Why string `help:"Reason, for the partner."`
}

func (c moveOrder) move(ctx context.Context, n *remote, word string) error {
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Order], error) { return p.MoveOrder(ctx, c.ID, word, c.Why) })
}

type (
	orderAccept  struct{ moveOrder }
	orderReject  struct{ moveOrder }
	orderSuspend struct{ moveOrder }
	orderResume  struct{ moveOrder }
	orderEnd     struct{ moveOrder }
	orderCancel  struct{ moveOrder }
	orderFail    struct{ moveOrder }
)

func (c orderAccept) Run(ctx context.Context, n *remote) error  { return c.move(ctx, n, "accept") }
func (c orderReject) Run(ctx context.Context, n *remote) error  { return c.move(ctx, n, "reject") }
func (c orderSuspend) Run(ctx context.Context, n *remote) error { return c.move(ctx, n, "suspend") }
func (c orderResume) Run(ctx context.Context, n *remote) error  { return c.move(ctx, n, "resume") }
func (c orderEnd) Run(ctx context.Context, n *remote) error     { return c.move(ctx, n, "terminate") }
func (c orderCancel) Run(ctx context.Context, n *remote) error  { return c.move(ctx, n, "cancel") }
func (c orderFail) Run(ctx context.Context, n *remote) error    { return c.move(ctx, n, "fail") }

type orderCharge struct {
	one
	ID     string `arg:"" help:"Id of the order."`
	Name   string `required:"" placeholder:"NAME" help:"As the bill is to show it."`
	Amount amount `required:"" placeholder:"EUR:AMOUNT" help:"What it comes to."`
	Why    string `help:"Reason, for the partner."`
}

func (c orderCharge) Run(ctx context.Context, n *remote) error {
	a := wire.AskCharge{Name: c.Name, Amount: money.Amount(c.Amount), Why: c.Why}
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Order], error) { return p.ChargeOrder(ctx, c.ID, a) })
}

type orderReschedule struct {
	one
	ID       string    `arg:"" help:"Id of the order."`
	Start    wire.Time `placeholder:"TIME" help:"The earliest delivery from now on; default: it stays."`
	Expedite bool      `help:"Ask for haste."`
}

func (c orderReschedule) Run(ctx context.Context, n *remote) error {
	r := wire.RescheduleOrder{Start: c.Start, Expedite: c.Expedite}
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Order], error) { return p.RescheduleOrder(ctx, c.ID, r) })
}

type orderDeliver struct {
	one
	ID     string    `arg:"" help:"Id of the order."`
	At     wire.Time `placeholder:"TIME" help:"When it was delivered; default: now."`
	Record string    `placeholder:"FILE" help:"Acceptance test record: a file, of which the SHA-256 is named, or that hash."`
	Total  []figure  `placeholder:"METRIC=VALUE" help:"A figure that the record comes to; repeat."`
}

func (c orderDeliver) Run(ctx context.Context, n *remote) error {
	d := wire.DeliverOrder{At: c.At}
	var err error
	if d.Record, err = hashed(n.terminal, c.Record); err != nil {
		return err
	}
	for _, f := range sortedFigures(c.Total) {
		d.Totals = append(d.Totals, order.Total{Metric: f.Name, Value: f.Value})
	}
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Order], error) { return p.DeliverOrder(ctx, c.ID, d) })
}
