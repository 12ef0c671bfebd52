package main

import (
	"context"
	"iter"

	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/product"
)

// productCommand is "lateral product".
type productCommand struct {
	List    productList    `cmd:"" op:"list-products" help:"List products that one side has of the other." eg:"" eg:"--held --direction 'ALPHA>BRAVO'" eg:"--state suspended --json"`
	Show    productShow    `cmd:"" op:"get-product" help:"Show a product: what it was from when on, its charges for the next bill." eg:"W-1"`
	Order   productOrder   `cmd:"" op:"place-order" role:"product-manager" help:"Order a product, by the seller's quote or by a schedule of the agreement." eg:"W-1 --id O-17 --agreement MSA-1 --quote quote.cbor --payload wave.json" eg:"S-1 --id O-18 --agreement MSA-1 --schedule app --value EUR:10" eg:"S-2 --key 2026-11-02/1 --agreement MSA-1 --schedule app --value EUR:10 --begin 2026-11-02T20:00:00Z --until 2026-11-02T22:00:00Z"`
	Change  productChange  `cmd:"" op:"place-order" role:"product-manager" help:"Order a change of a product." eg:"W-1 --id O-19 --agreement MSA-1 --quote quote.cbor" eg:"S-1 --id O-20 --agreement MSA-1 --schedule app-fast --value EUR:20"`
	End     productEnd     `cmd:"" op:"place-order" role:"product-manager" help:"Order the end of a product, with the notice that was agreed; its seller cannot refuse it." eg:"W-1 --id O-21 --agreement MSA-1" eg:"W-1 --id O-21 --agreement MSA-1 --begin 2027-01-01T00:00:00Z"`
	Suspend productSuspend `cmd:"" op:"suspend-product" role:"product-manager" help:"Suspend a product that this carrier sells: nothing is charged meanwhile." eg:"W-1 --why 'Abuse.'"`
	Resume  productResume  `cmd:"" op:"resume-product" role:"product-manager" help:"Resume a suspended product." eg:"W-1"`
}

type productList struct {
	many
	State     string `placeholder:"STATE" help:"pendingActive, active, active.pendingChange, suspended, pendingTerminate, suspendedPendingTerminate, terminated or cancelled."`
	Direction string `placeholder:"FROM>TO" help:"From the buyer to the seller."`
	Held      bool   `help:"Only those that are delivered and have not ended."`
}

func (c productList) Run(ctx context.Context, n *remote) error {
	return list(ctx, n, c.many, "id state direction name agreement clause order activated committed ends billed", func(p *client.Partner) iter.Seq2[wire.Product, error] {
		return p.Products(ctx, client.Filter{"state": c.State, "direction": c.Direction, "held": yes(c.Held)})
	})
}

type productShow struct {
	one
	ID string `arg:"" help:"Id of the product."`
}

func (c productShow) Run(ctx context.Context, n *remote) error {
	return ask(ctx, n, c.one, func(p *client.Partner) (wire.Product, error) { return p.Product(ctx, c.ID) })
}

// ordering is a command that orders something about one product.
type ordering struct {
	one
	Product   string       `arg:"" help:"Id of the product; chosen by you to add one."`
	ID        string       `placeholder:"ID" help:"Id of the order; without it one is made from --key."`
	Key       string       `placeholder:"KEY" help:"Chosen by you, once for each order: the same again does nothing more."`
	Agreement string       `required:"" placeholder:"ID" help:"Under this agreement."`
	Line      product.Line `default:"connectivity" placeholder:"LINE" help:"Product line; default: ${default}."`
	Begin     wire.Time    `placeholder:"TIME" help:"When it is to be delivered at the earliest; default: when the quoted time begins, or else at once."`
}

// place orders what a request says beside the product.
func (c ordering) place(ctx context.Context, n *remote, payload []byte, value []amount, r wire.ProductRequest) error {
	r.ID = c.Product
	o := wire.PlaceOrder{ID: c.ID, Kind: order.Product, Agreement: c.Agreement, Line: c.Line, From: c.Begin, Payload: payload, Product: &r}
	for _, a := range value {
		o.Value = append(o.Value, money.Amount(a))
	}
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Order], error) { return p.PlaceOrder(ctx, o, c.Key) })
}

// wanted is what is ordered of a product.
type wanted struct {
	ordering
	Quote    string    `placeholder:"FILE" help:"The seller's signed quote, byte for byte."`
	Schedule string    `placeholder:"NAME" help:"Or standing prices of the agreement, by name."`
	Standing string    `placeholder:"PRODUCT" help:"Or a product that stands, of which a session is opened."`
	Payload  string    `placeholder:"FILE" help:"Configuration of the product, JSON with its @type; - is standard input."`
	Pieces   uint64    `placeholder:"N" help:"By a schedule: how many; default: one."`
	Metres   uint64    `placeholder:"N" help:"By a schedule with prices by distance."`
	Value    []amount  `placeholder:"EUR:AMOUNT" help:"What you expect to use of prices by use; your limit is checked against it. Repeat for each currency."`
	Test     bool      `help:"A test record is to precede billing, whatever the agreement says."`
	Reserved wire.Time `placeholder:"TIME" help:"Until when the seller holds what it needs for the order."`
}

func (c wanted) want(ctx context.Context, n *remote, r wire.ProductRequest) error {
	given := 0
	for _, by := range []string{c.Quote, c.Schedule, c.Standing} {
		if by != "" {
			given++
		}
	}
	if given != 1 {
		return usageError{fault.New(fault.Invalid, "it is not said by what the product is ordered", "give --quote, --schedule or --standing")}
	}
	r.Schedule, r.Standing = c.Schedule, c.Standing
	r.Pieces, r.Metres, r.Test, r.Reserved = c.Pieces, c.Metres, c.Test, c.Reserved
	var payload []byte
	var err error
	if c.Quote != "" {
		if r.Quote, err = n.read(c.Quote); err != nil {
			return err
		}
	}
	if c.Payload != "" {
		if payload, err = n.read(c.Payload); err != nil {
			return err
		}
	}
	return c.place(ctx, n, payload, c.Value, r)
}

type productOrder struct {
	wanted
	Until   wire.Time `placeholder:"TIME" help:"When it ends by itself; default: as the quote says, or else it is open."`
	Account string    `placeholder:"NAME" help:"Account of yours that it is billed to; default: the usual one."`
}

func (c productOrder) Run(ctx context.Context, n *remote) error {
	return c.want(ctx, n, wire.ProductRequest{Action: order.Add, Until: c.Until, Account: c.Account})
}

type productChange struct{ wanted }

func (c productChange) Run(ctx context.Context, n *remote) error {
	return c.want(ctx, n, wire.ProductRequest{Action: order.Modify})
}

type productEnd struct{ ordering }

func (c productEnd) Run(ctx context.Context, n *remote) error {
	return c.place(ctx, n, nil, nil, wire.ProductRequest{Action: order.Delete})
}

// moveProduct is a command that moves a product.
type moveProduct struct {
	one
	ID  string `arg:"" help:"Id of the product."`
	Why string `help:"Reason, for the partner."`
}

func (c moveProduct) move(ctx context.Context, n *remote, word string) error {
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Product], error) { return p.MoveProduct(ctx, c.ID, word, c.Why) })
}

type (
	productSuspend struct{ moveProduct }
	productResume  struct{ moveProduct }
)

func (c productSuspend) Run(ctx context.Context, n *remote) error { return c.move(ctx, n, "suspend") }
func (c productResume) Run(ctx context.Context, n *remote) error  { return c.move(ctx, n, "resume") }
