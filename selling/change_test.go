package selling_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/client"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/line/connectivity"
	"github.com/lateral-network/lateral/selling"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/order"
)

func TestAChangeAndAnEndAreOrderedOverSonataByTheirQuotes(t *testing.T) {
	releases(t, func(t *testing.T, w *world, b *bilateral, c *client.Client) {
		ctx := t.Context()
		b.deliver("O-1", quoted(t, c, line("600000000")).Proofs[0].Signed)
		until(t, "the product is in the inventory", func() bool {
			_, err := c.Product(ctx, "P-1")
			return err == nil
		})
		// ordered places an order by a quote on both, and has it delivered.
		ordered := func(id string, q wire.Quote) {
			t.Helper()
			w.ms.Add(1000) // a change comes after what it changes
			signed := must(order.OpenQuote(q.Proofs[0].Signed)).Quote
			r := &order.Request{Action: signed.Action, Product: "P-1"}
			place := trade.OrderPlace{ID: id, Kind: order.Product, Agreement: "MSA", Line: connectivity.Name, From: max(signed.From, w.ms.Load()), Request: r}
			if r.Action != order.Delete { // an end embeds no quote
				r.Quote, r.Offer, place.Payload = q.Proofs[0].Signed, signed.Offer, q.Items[0].Product.Configuration.Bytes()
			}
			b.does("BRAVO", trade.KindOrderPlace, place)
			o := w.orderOf(id, q)
			o.Items[0].Action = q.Items[0].Action
			if r.Action == order.Delete {
				o.Items[0].Product, o.Items[0].RequestedTerm, o.Items[0].BillingAccount = wire.Product{ID: "P-1"}, nil, nil
			}
			made, err := c.CreateOrder(ctx, o)
			if err != nil {
				t.Fatalf("%s: %s %v", id, made.Raw, err)
			}
			b.does("ALPHA", trade.KindOrderAccept, trade.OrderAnswer{ID: id})
			at := b.item(id).Start
			w.ms.Store(max(w.ms.Load(), at))
			b.does("ALPHA", trade.KindOrderDeliver, trade.OrderDeliver{ID: id, At: at})
			becomes(t, c, made.Value.ID, wire.Completed)
		}
		ordered("O-2", must(c.CreateQuote(ctx, modify(changed("900000000")))).Value)
		free := func() uint64 {
			_, n, err := w.catalog.Free("secret-cable", w.ms.Load(), 0, w.ms.Load())
			return must(n, err)
		}
		until(t, "the change is in use", func() bool {
			h, ok := w.catalog.HoldOf("O-2")
			return ok && h.State == catalog.InUse
		})
		if free() != 100_000_000 {
			t.Errorf("%d bit/s are free beside 900 Mbit/s", free())
		}
		ordered("O-3", must(c.CreateQuote(ctx, end("P-1"))).Value)
		until(t, "the product is terminated", func() bool { return must(c.Product(ctx, "P-1")).Value.Status == wire.ProductTerminated })
		until(t, "what its change had is free, too", func() bool { return free() == 1_000_000_000 })
	})
}

func TestAChangeThatLapsedUnseenIsReservedAgainInPlaceOfWhatItChanges(t *testing.T) {
	w, b, c := dealt(t, wire.Kylie)
	b.deliver("O-1", quoted(t, c, line("600000000")).Proofs[0].Signed)
	w.ms.Add(1000)
	q := must(c.CreateQuote(t.Context(), modify(changed("900000000")))).Value
	signed := must(order.OpenQuote(q.Proofs[0].Signed)).Quote
	b.deaf = true
	b.does("BRAVO", trade.KindOrderPlace, trade.OrderPlace{ID: "O-2", Kind: order.Product, Agreement: "MSA", Line: connectivity.Name, From: w.ms.Load(),
		Request: &order.Request{Action: order.Modify, Product: "P-1", Quote: q.Proofs[0].Signed, Offer: signed.Offer}})
	b.does("ALPHA", trade.KindOrderAccept, trade.OrderAnswer{ID: "O-2"})
	w.ms.Store(q.ValidFor.End.UnixMilli() + 1)
	must(w.catalog.Sweep(w.ms.Load()))
	// Both at once do not fit on the cable.
	if err := w.newDeals().Repair("BRAVO"); err != nil {
		t.Fatal(err)
	}
	if h, ok := w.catalog.HoldOf("O-2"); !ok || h.State != catalog.Confirmed || h.Instead == "" || h.Buyer != "BRAVO" {
		t.Errorf("the reservation of the change: %+v", h)
	}
}

// slow is a neighbour that answers when it is let.
type slow struct {
	asked chan struct{}
	let   chan struct{}
}

func (s slow) Qualify(context.Context, selling.Ask) (selling.Found, error) {
	return selling.Found{}, fault.New(catalog.CodeUnfit, "nothing", "")
}

func (s slow) Quote(context.Context, selling.Ask) (selling.Quoted, error) {
	s.asked <- struct{}{}
	<-s.let
	return selling.Quoted{}, fault.New(catalog.CodeUnfit, "nothing", "")
}

func (s slow) Withdrawn(string) {}

// Two carriers may ask each other for different things at the same moment.
func TestWhileNeighboursAreAskedOtherQuotesAreAnswered(t *testing.T) {
	n := slow{make(chan struct{}), make(chan struct{})}
	w := newWorld(t, func(w *world) { w.options.Neighbours = n })
	done := make(chan error)
	go func() {
		far := firm(line("600000000"))
		far.ID, far.Items[0].Product.Place[0].Place.ID = "Q-1", "FRPAR"
		_, err := w.shop.Quote(context.Background(), sonata.Party{Buyer: "BRAVO", Seller: "ALPHA", Header: http.Header{}}, far)
		done <- err
	}()
	<-n.asked
	near := firm(line("600000000"))
	near.ID = "Q-2"
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		if a, err := w.shop.Quote(ctx, sonata.Party{Buyer: "BRAVO", Seller: "ALPHA", Header: http.Header{}}, near); err != nil || len(a.Items) != 1 || len(a.Items[0].Errors) != 0 {
			t.Errorf("%+v, %v", a, err)
		}
	}()
	select {
	case <-answered:
	case <-ctx.Done():
		t.Error("it waits for the neighbour's answer to another")
	}
	close(n.let)
	if err := <-done; err != nil {
		t.Error(err)
	}
	<-answered
}
