package buying

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/line/connectivity"
	"github.com/lateral-network/lateral/mesh"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
)

// The steps of a cascade on a Bilateral. A firm quote has reserved already, so
// reserving sends nothing; confirming places the order there, and on the seller's
// Sonata interface; the rest is what both say about the order. The Bilateral is
// the truth: whatever happens, each side looks at the order as it stands and
// tells the cascade (look), so what was lost on the way is made up for.

// bought is an order as the neighbour that is bought of knows it.
type bought struct {
	below mesh.ID
	enni  int
}

// productName is the id of the product on the Bilateral with the seller, chosen
// by the buyer; the orders about it begin with it.
func productName(below mesh.ID) string { return hex.EncodeToString(below[:10]) }

const endSuffix = "-end"

func orderName(below mesh.ID, rev uint64) string {
	return productName(below) + "-" + strconv.FormatUint(rev, 10)
}

// revOf gives the revision that an order about a product is, 0 for its end; ok is
// false for an order that no broker has placed.
func revOf(it *order.Item) (uint64, bool) {
	if it.Request.Action == order.Delete {
		return 0, true
	}
	rest, ok := strings.CutPrefix(it.ID, it.Request.Product+"-")
	rev, err := strconv.ParseUint(rest, 10, 32)
	return rev, ok && err == nil && rev > 0
}

// follow looks at what happens on a Bilateral until ctx ends.
func (b *Broker) follow(ctx context.Context, partner party.Code, x *channel.Bilateral) {
	var cursor channel.Cursor
	err := x.View(func(v channel.View) error {
		cursor = v.Cursor
		return nil
	})
	if err == nil {
		err = b.sweep(partner, x)
	}
	if err != nil {
		b.stopped(err)
		return
	}
	for e, err := range x.Events(ctx, cursor) {
		if err != nil {
			b.stopped(err)
			return
		}
		for _, o := range e.Outcomes {
			for _, ev := range o.Events {
				if id, ok := strings.CutPrefix(ev.Subject, trade.ItemPrefix); ok {
					b.lookAt(partner, x, id)
				} else if id, ok := strings.CutPrefix(ev.Subject, trade.ProductPrefix); ok {
					b.lookAtProduct(partner, x, id)
				}
			}
		}
	}
}

// stopped ends Run.
func (b *Broker) stopped(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.life.Err() == nil && b.failed == nil {
		b.failed = err
	}
	b.wakeUp()
}

// sweep looks at every order and every product of a Bilateral.
func (b *Broker) sweep(partner party.Code, x *channel.Bilateral) error {
	var items []order.Item
	var products []product.Instance
	err := x.View(func(v channel.View) error {
		t := trade.View{Records: v}
		for it := range t.Items() {
			items = append(items, it)
		}
		for p := range t.Products() {
			products = append(products, p)
		}
		return nil
	})
	for i := range items {
		b.look(partner, &items[i])
	}
	for i := range products {
		b.lookProduct(partner, &products[i])
	}
	return err
}

func (b *Broker) lookAt(partner party.Code, x *channel.Bilateral, id string) {
	if it, ok := b.item(x, id); ok {
		b.look(partner, &it)
	}
}

// item reads an order about a product.
func (b *Broker) item(x *channel.Bilateral, id string) (it order.Item, ok bool) {
	err := x.View(func(v channel.View) error {
		it, ok = trade.View{Records: v}.Item(id)
		return nil
	})
	return it, ok && err == nil
}

func (b *Broker) lookAtProduct(partner party.Code, x *channel.Bilateral, id string) {
	var p product.Instance
	ok := false
	err := x.View(func(v channel.View) error {
		p, ok = trade.View{Records: v}.Product(id)
		return nil
	})
	if ok && err == nil {
		b.lookProduct(partner, &p)
	}
}

// lookProduct tells the cascade of a product whose time is over.
func (b *Broker) lookProduct(partner party.Code, p *product.Instance) {
	if p.State != product.Terminated {
		return
	}
	at := p.Ends
	b.do(func(now int64) []mesh.Effect {
		if p.Seller == b.o.Carrier {
			id := soldID(partner, p.ID)
			o, ok := b.cascade.Order(id)
			if !ok || o.End != nil {
				return nil
			}
			return b.cascade.Receive(now, o.Up, mesh.Terminate{ID: id, At: at})
		}
		if x, ok := b.products[productKey{partner, p.ID}]; ok {
			return b.cascade.Receive(now, x.enni, mesh.Terminated{ID: x.below})
		}
		return nil
	})
}

// soldID is the id of an order in the cascade, by the product that its buyer has
// chosen.
func soldID(buyer party.Code, product string) mesh.ID { return idOf("sold", string(buyer), product) }

// look tells the cascade how an order stands. Told twice it does nothing twice.
func (b *Broker) look(partner party.Code, it *order.Item) {
	b.do(func(now int64) []mesh.Effect {
		if it.Buyer == b.o.Carrier {
			return b.lookBought(now, partner, it)
		}
		return b.lookSold(now, partner, it)
	})
}

func (b *Broker) lookBought(now int64, partner party.Code, it *order.Item) []mesh.Effect {
	x, ok := b.products[productKey{partner, it.Request.Product}]
	rev, ours := revOf(it)
	if !ok || !ours {
		return nil
	}
	if rev == 0 {
		if it.State == order.ItemCompleted {
			return b.cascade.Receive(now, x.enni, mesh.Terminated{ID: x.below})
		}
		return nil
	}
	s := mesh.Standing{ID: x.below, Rev: rev, Why: it.Why}
	var effects []mesh.Effect
	if o, ok := b.cascade.Below(x.enni, x.below); ok && o.Next.Number == rev {
		effects = b.dateBought(now, partner, it, &o)
	}
	switch {
	case it.State == order.ItemCompleted:
		s.Stage = mesh.Accepted
	case it.State == order.ItemInProgress && it.Delivery != nil:
		if o, ok := b.cascade.Below(x.enni, x.below); ok && o.Next.Number == rev && o.Next.Stage == mesh.Ordered {
			if why := b.short(&o, it); why != "" {
				b.object(partner, it.ID, why)
				return effects
			}
		}
		s.Stage = mesh.Delivered
	case it.State == order.ItemFailed, it.State == order.ItemRejected, it.State == order.ItemCancelled:
		s.Stage = mesh.Released
		if s.Why == "" {
			s.Why = string(it.State)
		}
	default:
		return effects
	}
	return append(effects, b.cascade.Receive(now, x.enni, s)...)
}

func (b *Broker) lookSold(now int64, partner party.Code, it *order.Item) []mesh.Effect {
	id := soldID(partner, it.Request.Product)
	o, known := b.cascade.Order(id)
	rev, _ := revOf(it)
	if !known && b.o.Deliver && b.scheduled(partner, it) {
		b.serve(partner, it)
		return nil
	}
	if it.Request.Action == order.Delete {
		if !known {
			return nil // a product that was not sold here by the mesh: people see to it
		}
		b.items[revision{id, 0}] = it.ID
		switch it.State {
		case order.ItemModifying:
			// The end has gone down the chain with its date.
			b.answerDate(partner, b.open[partner], it.ID, it.Wish, "the end is under way behind it")
		case order.ItemAcknowledged, order.ItemInProgress:
			at := it.Start
			if o.End != nil { // told before
				b.carry(o.Up, mesh.Terminated{ID: id, Exit: o.End.Exit})
				return nil
			}
			return b.cascade.Receive(now, o.Up, mesh.Terminate{ID: id, At: at})
		}
		return nil
	}
	quote := quoteID(b.o.Carrier, it.Quoted)
	if it.Request.Standing != "" && b.soldSession(partner, it) {
		quote = id
	}
	if _, ours := b.supplies[quote]; !ours {
		return nil
	}
	enni := o.Up
	if !known {
		var ok bool
		if enni, ok = b.neighbour(partner, ""); !ok {
			return nil
		}
		rev = max(rev, 1)
	} else if rev == 0 {
		rev = o.Next.Number // placed by people: the one that is under way
		if it.Request.Action == order.Modify && it.State == order.ItemAcknowledged && o.Next.Quote != quote {
			rev++
		}
	}
	b.items[revision{id, rev}] = it.ID
	if known && o.Next.Number != rev {
		if it.State != order.ItemAcknowledged || rev < o.Next.Number {
			return nil // over
		}
	}
	switch it.State {
	case order.ItemAcknowledged:
		until := it.Deadline
		if h := b.supplies[quote].Sold.Quote.Until; until == 0 || h < until {
			until = h
		}
		return b.cascade.Receive(now, enni, mesh.Reserve{ID: id, Rev: rev, Quote: quote, Time: until - now})
	case order.ItemInProgress:
		if it.Delivery != nil {
			b.showed(revision{id, rev})
			return nil // the buyer looks at it
		}
		b.goBack(&o, it)
		return b.cascade.Receive(now, enni, mesh.Confirm{ID: id, Rev: rev})
	case order.ItemModifying:
		b.lookDate(&o)
	case order.ItemCompleted:
		return b.cascade.Receive(now, enni, mesh.Accept{ID: id, Rev: rev})
	case order.ItemCancelling, order.ItemCancelled, order.ItemFailed, order.ItemRejected:
		return b.cascade.Receive(now, enni, mesh.Release{ID: id, Rev: rev})
	}
	return nil
}

// carry does on the Bilateral, or at the Sonata interface, what a message of the
// cascade means. The lock is held.
func (b *Broker) carry(enni int, m mesh.Message) {
	n := &b.o.Neighbours[enni]
	x := b.open[n.Partner]
	if x == nil {
		return // the cascade says it again
	}
	switch m := m.(type) {
	case mesh.Reserve:
		b.reserved(enni, m)
	case mesh.Confirm:
		b.placeOrder(enni, x, m)
	case mesh.Accept:
		b.say(n.Partner, x, orderName(m.ID, m.Rev), "accept", func(it *order.Item) []trade.Command {
			if it.State != order.ItemInProgress || it.Delivery == nil {
				return nil
			}
			return commands(trade.KindOrderAccept, trade.OrderAnswer{ID: it.ID})
		})
	case mesh.Release:
		b.giveUp(enni, x, m)
	case mesh.Terminate:
		b.terminate(enni, x, m)
	case mesh.Standing:
		b.tellStanding(enni, x, m)
	case mesh.Terminated:
		b.terminated(enni, x, m)
	}
}

func commands(k trade.Kind, body any) []trade.Command {
	return []trade.Command{trade.NewCommand(k, body)}
}

// reserved answers for the seller: its firm quote has reserved.
func (b *Broker) reserved(enni int, m mesh.Reserve) {
	o, ok := b.cascade.Below(enni, m.ID)
	s := mesh.Standing{ID: m.ID, Rev: m.Rev, Stage: mesh.Released, Why: "the quote has expired"}
	if ok && o.Next != nil {
		if x, ok := b.supplies[o.Next.Quote]; ok && x.Bought != nil && x.Bought.Quote.Until > b.now() {
			s.Stage, s.Why = mesh.Reserved, ""
		}
	}
	b.inbox = append(b.inbox, func(now int64) []mesh.Effect { return b.cascade.Receive(now, enni, s) })
}

// say sends commands about an order as it stands, once at a time, and looks at it
// when they are executed. The lock is held.
func (b *Broker) say(partner party.Code, x *channel.Bilateral, id, what string, make func(*order.Item) []trade.Command) {
	it, ok := b.item(x, id)
	if !ok {
		return
	}
	if cmds := make(&it); len(cmds) > 0 {
		b.command(partner, x, id, what, cmds, func(err error) {
			if fault.CodeOf(err) == fault.NotYet { // a moment too early
				b.again(func() { b.lookAt(partner, x, id) })
			} else if err != nil {
				b.o.Log.Info("a step of an order was refused", "partner", partner, "order", id, "step", what, "err", err)
				b.again(func() { b.lookAt(partner, x, id) })
			}
		})
	}
}

// moment is how long a step that was refused waits before it is looked at again.
const moment = 500 * time.Millisecond

// again does something after a moment.
func (b *Broker) again(f func()) { b.pause(moment, f) }

// later does something at a time, ms since 1970.
func (b *Broker) later(at int64, f func()) { b.pause(time.Duration(at-b.now()+1)*time.Millisecond, f) }

func (b *Broker) pause(d time.Duration, f func()) {
	life := b.life
	b.work.Go(func() {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-life.Done():
		case <-t.C:
			f()
		}
	})
}

// command sends commands that are not on their way yet. The lock is held; then is
// called without it.
func (b *Broker) command(partner party.Code, x *channel.Bilateral, id, what string, cmds []trade.Command, then func(error)) {
	key := string(partner) + "/" + id + "/" + what
	if b.placing[key] {
		return
	}
	for i := range cmds {
		var err error
		if cmds[i], err = b.o.Authorize(x.ID(), cmds[i]); err != nil {
			b.o.Log.Warn("an order waits for people", "partner", partner, "order", id, "step", what, "err", err)
			return
		}
	}
	b.placing[key] = true
	ticket, life := x.Enqueue(cmds...), b.life
	b.work.Go(func() {
		out, err := ticket.Wait(life)
		if err == nil {
			err = channel.FirstErr(out)
		}
		b.mu.Lock()
		delete(b.placing, key)
		b.mu.Unlock()
		if life.Err() == nil {
			then(err)
		}
	})
}

// passes reports whether an error goes away by itself.
func passes(err error) bool {
	switch fault.CodeOf(err) {
	case fault.NotYet, fault.Busy, fault.Unavailable, fault.Unknown:
		return true
	}
	return false
}

// placeOrder puts an order on the Bilateral with its seller.
func (b *Broker) placeOrder(enni int, x *channel.Bilateral, m mesh.Confirm) {
	n := &b.o.Neighbours[enni]
	id := orderName(m.ID, m.Rev)
	if it, ok := b.item(x, id); ok {
		b.inbox = append(b.inbox, func(now int64) []mesh.Effect { return b.lookBought(now, n.Partner, &it) })
		return
	}
	o, ok := b.cascade.Below(enni, m.ID)
	if !ok || o.Next == nil || o.Next.Number != m.Rev {
		return
	}
	s := b.supplies[o.Next.Quote]
	refuse := func(err error) {
		b.mu.Lock()
		b.decline(&s)
		b.mu.Unlock()
		f := fault.Of(err)
		why := string(f.Code)
		if f.Field != "" {
			why += " (" + f.Field + ")"
		}
		b.do(func(now int64) []mesh.Effect {
			return b.cascade.Receive(now, enni, mesh.Standing{ID: m.ID, Rev: m.Rev, Stage: mesh.Released, Why: why + ": " + f.Detail})
		})
	}
	place, err := b.orderPlace(x, id, &s, m.ID)
	if err != nil {
		b.work.Go(func() { refuse(err) })
		return
	}
	b.command(n.Partner, x, id, "place", commands(trade.KindOrderPlace, place), func(err error) {
		switch {
		case err == nil:
			b.post(n, id, &s)
		case !passes(err) && fault.CodeOf(err) != fault.Conflict:
			refuse(err)
		}
	})
}

// orderPlace makes the order for what was bought with a quote.
func (b *Broker) orderPlace(x *channel.Bilateral, id string, s *mesh.Supply, below mesh.ID) (trade.OrderPlace, error) {
	if s.Bought == nil || s.Rest == nil {
		return trade.OrderPlace{}, fault.New(mesh.CodeBadOrder, "the quote is not kept any more", "ask for another")
	}
	if s.Standing != (mesh.ID{}) {
		return b.sessionPlace(x, id, s, below)
	}
	q, err := order.OpenQuote(s.Bought.Proof)
	if err != nil {
		return trade.OrderPlace{}, err
	}
	offer := q.Quote.Offer
	agreement, err := b.agreement(x, offer)
	if err != nil {
		return trade.OrderPlace{}, err
	}
	p := trade.OrderPlace{ID: id, Kind: order.Product, Agreement: agreement, Line: connectivity.Name, Payload: configuration(s.Rest),
		Request: &order.Request{Action: q.Quote.Action, Product: productName(below), Quote: s.Bought.Proof, Offer: offer, Until: s.Rest.Window.To,
			Test: true}} // it is charged once the whole chain is accepted, whatever the agreement says
	if q.Quote.Action == order.Modify {
		p.Request.Until = q.Quote.To // 0 but where it is prolonged
	}
	// Not before the quoted time, by the ledger's clock too, which may be behind.
	p.From = s.Rest.Window.From
	return p, nil
}

// agreement finds the one by which a product may be ordered.
func (b *Broker) agreement(x *channel.Bilateral, offer product.Offer) (id string, err error) {
	err = x.View(func(v channel.View) error {
		t := trade.View{Records: v}
		for a := range t.Agreements() {
			terms, ok := t.TermsAt(a.ID, v.Time)
			if !ok {
				continue
			}
			if _, err := terms.ClauseFor(string(offer.Line), offer.Type); err == nil && id == "" {
				id = a.ID
			}
		}
		return nil
	})
	if err == nil && id == "" {
		err = fault.Newf(trade.CodeNoAgreement, "agree on a clause about it", "no agreement with the seller covers products of the type %.200s", offer.Type)
	}
	return id, err
}

// giveUp ends an order that counts for nothing any more, or gives its quote back.
func (b *Broker) giveUp(enni int, x *channel.Bilateral, m mesh.Release) {
	n := &b.o.Neighbours[enni]
	id := orderName(m.ID, m.Rev)
	released := func() {
		b.do(func(now int64) []mesh.Effect {
			return b.cascade.Receive(now, enni, mesh.Standing{ID: m.ID, Rev: m.Rev, Stage: mesh.Released})
		})
	}
	// What cannot be read may be there: the cascade says it again.
	if err := x.View(func(channel.View) error { return nil }); err != nil {
		b.o.Log.Warn("an order cannot be given up now", "partner", n.Partner, "order", id, "err", err)
		return
	}
	it, there := b.item(x, id)
	switch {
	case !there && !b.placing[string(n.Partner)+"/"+id+"/place"]:
		if o, ok := b.cascade.Below(enni, m.ID); ok && o.Next != nil {
			if s, ok := b.supplies[o.Next.Quote]; ok {
				b.decline(&s)
			}
		}
		b.work.Go(released)
	case there && (it.State == order.ItemFailed || it.State == order.ItemRejected || it.State == order.ItemCancelled):
		b.work.Go(released)
	case there && it.State == order.ItemCancelling: // the seller's turn
	case there && it.State == order.ItemCompleted:
		// Its test record has stood by the time that has passed: it can only end.
		b.terminate(enni, x, mesh.Terminate{ID: m.ID, At: b.now()})
		b.work.Go(released)
	default:
		const why = "the chain is given up"
		var cmds []trade.Command
		if it.Delivery != nil || it.State == order.ItemHeld {
			cmds = commands(trade.KindOrderReject, trade.OrderAnswer{ID: id, Why: why})
		}
		// On its way the order comes before this in the same stream.
		cmds = append(cmds, trade.NewCommand(trade.KindOrderCancel, trade.OrderAnswer{ID: id, Why: why}))
		b.command(n.Partner, x, id, "cancel", cmds, func(err error) {
			switch {
			case fault.CodeOf(err) == fault.NotFound:
				released() // it had been refused
			case err != nil: // it has been delivered meanwhile
				b.again(func() {
					b.do(func(int64) []mesh.Effect {
						b.giveUp(enni, x, m)
						return nil
					})
				})
			}
		})
	}
}

// decline gives a quote back that nothing is ordered by. The lock is held.
func (b *Broker) decline(s *mesh.Supply) {
	if s.Bought == nil || s.Bought.Proof == nil {
		return
	}
	enni, err := b.enniAt(s.ENNI)
	if err != nil || enni < 0 || b.o.Neighbours[enni].Seller == nil {
		return
	}
	n, ctx := &b.o.Neighbours[enni], b.life
	q, err := order.OpenQuote(s.Bought.Proof)
	if err != nil {
		return
	}
	b.work.Go(func() {
		if err := n.Seller.DeclineQuote(ctx, wire.QuoteOperation{QuoteID: q.Quote.ID}); err != nil && ctx.Err() == nil {
			b.o.Log.Info("a quote could not be declined; it expires by itself", "partner", n.Partner, "quote", q.Quote.ID, "err", err)
		}
	})
}

// terminate ends what is bought for a service.
func (b *Broker) terminate(enni int, x *channel.Bilateral, m mesh.Terminate) {
	n := &b.o.Neighbours[enni]
	name := productName(m.ID)
	var p product.Instance
	ok := false
	err := x.View(func(v channel.View) error {
		p, ok = trade.View{Records: v}.Product(name)
		return nil
	})
	if err != nil {
		return
	}
	if !ok || p.State == product.Terminated || p.State == product.Cancelled || p.Ends != 0 && p.Ends <= m.At {
		b.inbox = append(b.inbox, func(now int64) []mesh.Effect { return b.cascade.Receive(now, enni, mesh.Terminated{ID: m.ID}) })
		return
	}
	id := name + endSuffix
	if it, ok := b.item(x, id); ok {
		b.inbox = append(b.inbox, func(now int64) []mesh.Effect { return b.lookBought(now, n.Partner, &it) })
		return
	}
	place := trade.OrderPlace{ID: id, Kind: order.Product, Agreement: p.Agreement, Line: connectivity.Name,
		Request: &order.Request{Action: order.Delete, Product: name}}
	if m.At > b.now() {
		place.From = m.At
	}
	b.command(n.Partner, x, id, "place", commands(trade.KindOrderPlace, place), func(err error) {
		if err != nil && !passes(err) {
			b.o.Log.Warn("what is bought for a service that has ended could not be ended", "partner", n.Partner, "product", name, "err", err)
		}
	})
}

// tellStanding tells the buyer how far an order is.
func (b *Broker) tellStanding(enni int, x *channel.Bilateral, m mesh.Standing) {
	n := &b.o.Neighbours[enni]
	id, ok := b.items[revision{m.ID, m.Rev}]
	if !ok {
		return
	}
	switch m.Stage {
	case mesh.Reserved:
		b.say(n.Partner, x, id, "accept", func(it *order.Item) []trade.Command {
			if it.State != order.ItemAcknowledged {
				return nil
			}
			return commands(trade.KindOrderAccept, trade.OrderAnswer{ID: id})
		})
		// The order itself is the buyer's word: what was accepted is confirmed.
		b.inbox = append(b.inbox, func(now int64) []mesh.Effect { return b.cascade.Receive(now, enni, mesh.Confirm{ID: m.ID, Rev: m.Rev}) })
	case mesh.Delivered:
		b.deliver(n.Partner, x, id, m.ID)
	case mesh.Released:
		why := m.Why
		if len(why) > maxWhy {
			why = why[:maxWhy]
		}
		b.say(n.Partner, x, id, "release", func(it *order.Item) []trade.Command {
			switch it.State {
			case order.ItemAcknowledged:
				if b.placing[string(n.Partner)+"/"+id+"/accept"] {
					return commands(trade.KindOrderFail, trade.OrderAnswer{ID: id, Why: why})
				}
				return commands(trade.KindOrderReject, trade.OrderAnswer{ID: id, Why: why})
			case order.ItemModifying:
				return append(commands(trade.KindOrderReject, trade.OrderAnswer{ID: id, Why: cmp.Or(why, "the chain is given up")}),
					trade.NewCommand(trade.KindOrderFail, trade.OrderAnswer{ID: id, Why: why}))
			case order.ItemInProgress, order.ItemHeld:
				return commands(trade.KindOrderFail, trade.OrderAnswer{ID: id, Why: why})
			case order.ItemCancelling:
				return commands(trade.KindOrderAccept, trade.OrderAnswer{ID: id})
			}
			return nil
		})
	}
}

// maxWhy bounds a reason, in bytes.
const maxWhy = 400

// deliver says with a test record that an order is delivered, once its time has
// come.
func (b *Broker) deliver(partner party.Code, x *channel.Bilateral, id string, of mesh.ID) {
	b.say(partner, x, id, "deliver", func(it *order.Item) []trade.Command {
		if it.State != order.ItemInProgress && it.State != order.ItemAcknowledged || it.Delivery != nil {
			return nil
		}
		at := max(it.Start, b.blockTime(x))
		if at > b.now() {
			b.later(at, func() { b.lookAt(partner, x, id) })
			return nil
		}
		if r := (revision{of, b.revision(of)}); b.retests(r, it) {
			b.builds[r] = true
			return nil
		}
		record, totals, err := b.tested(of, it, at)
		if err != nil {
			b.undelivered(partner, id, err, func() {
				b.do(func(int64) []mesh.Effect {
					b.deliver(partner, x, id, of)
					return nil
				})
			})
			return nil
		}
		return commands(trade.KindOrderDeliver, trade.OrderDeliver{ID: id, At: at, Record: record, Totals: totals})
	})
}

// undelivered has it said later that an order is delivered: soon where a Bilateral
// is about to open, as after a start.
func (b *Broker) undelivered(partner party.Code, id string, err error, again func()) {
	wait := moment
	if fault.CodeOf(err) != fault.NotYet {
		wait *= 20
		b.o.Log.Warn("an order cannot be said to be delivered", "partner", partner, "order", id, "err", err)
	}
	b.pause(wait, again)
}

// blockTime is the time of the last block of a Bilateral, ms since 1970.
func (b *Broker) blockTime(x *channel.Bilateral) (at int64) {
	_ = x.View(func(v channel.View) error { // a channel without a state has time 0
		at = v.Time
		return nil
	})
	return at
}

// testRecord is the acceptance test record of one hop: the own legs, and what the
// neighbour has said of the rest.
type testRecord struct {
	Order    string           `json:"order"`
	Product  string           `json:"product"`
	Quote    string           `json:"quote,omitempty"`
	Schedule string           `json:"schedule,omitempty"`
	Standing string           `json:"standing,omitempty"` // the product of which it is a session
	At       int64            `json:"at"`                 // ms since 1970
	Legs     []testedLeg      `json:"legs"`
	Totals   map[string]int64 `json:"totals"` // latency µs, availability millionths
}

type testedLeg struct {
	Own          bool     `json:"own"`
	AsQuoted     []string `json:"as_quoted,omitempty"` // figures that are those of the quote: nobody has measured them
	Latency      uint64   `json:"latency_us"`
	Availability uint64   `json:"availability_millionths"`
	Bandwidth    *uint64  `json:"bandwidth,omitempty"`       // bit/s; absent: not measured
	Loss         *uint64  `json:"loss_millionths,omitempty"` // likewise
}

// quotedOr gives a figure as it was measured, or else that of the quote, and says so.
func (l *testedLeg) quotedOr(name string, measured *uint64, quoted uint64) uint64 {
	if measured != nil {
		return *measured
	}
	l.AsQuoted = append(l.AsQuoted, name)
	return quoted
}

// tested makes and keeps the test record of an order, and gives its hash and
// totals.
func (b *Broker) tested(of mesh.ID, it *order.Item, at int64) (canon.Hash, []order.Total, error) {
	o, ok := b.cascade.Order(of)
	if !ok || o.Next == nil {
		return canon.Hash{}, nil, fault.New(fault.NotFound, "the order is not known here", "")
	}
	s := b.supplies[o.Next.Quote]
	k, _, err := b.built(revision{of, o.Next.Number})
	if err != nil {
		return canon.Hash{}, nil, err
	}
	r := testRecord{Order: it.ID, Product: it.Request.Product, At: at, Quote: it.Quoted, Standing: it.Request.Standing}
	for i := range s.Own {
		l := testedLeg{Own: true, Bandwidth: k.Measured.Bandwidth, Loss: k.Measured.Loss}
		l.Latency = l.quotedOr("latency", k.Measured.Latency, s.Own[i].Leg.Latency)
		l.Availability = l.quotedOr("availability", k.Measured.Availability, s.Own[i].Leg.Availability/perMillionth)
		r.Legs = append(r.Legs, l)
	}
	if o.Down >= 0 {
		l, err := b.deliveredBelow(&o)
		if err != nil {
			return canon.Hash{}, nil, err
		}
		r.Legs = append(r.Legs, l)
	}
	r.Totals = totalled(r.Legs)
	h, err := b.keepRecord(r)
	if err != nil {
		return h, nil, err
	}
	var totals []order.Total
	for _, metric := range slices.Sorted(maps.Keys(r.Totals)) {
		totals = append(totals, order.Total{Metric: metric, Value: uint64(r.Totals[metric])})
	}
	return h, totals, nil
}

// totalled gives what legs in a row come to. Bandwidth and loss are there where all
// of them have been measured.
func totalled(legs []testedLeg) map[string]int64 {
	latency, sure, kept, narrow := uint64(0), uint64(mesh.Whole), uint64(mesh.Whole), uint64(math.MaxInt64)
	wide, counted := len(legs) > 0, len(legs) > 0
	for _, l := range legs {
		latency += l.Latency
		sure = mesh.Both(sure, l.Availability*perMillionth)
		if wide = wide && l.Bandwidth != nil; wide {
			narrow = min(narrow, *l.Bandwidth)
		}
		if counted = counted && l.Loss != nil; counted {
			kept = mesh.Both(kept, mesh.Whole-*l.Loss*perMillionth)
		}
	}
	out := map[string]int64{"latency": int64(latency), "availability": int64(sure / perMillionth)}
	if wide {
		out["bandwidth"] = int64(narrow)
	}
	if counted { // rounded up: what is lost is not made less
		out["loss"] = int64((mesh.Whole - kept + perMillionth - 1) / perMillionth)
	}
	return out
}

// revision gives the one of an order that is under way. The lock is held.
func (b *Broker) revision(of mesh.ID) uint64 {
	o, ok := b.cascade.Order(of)
	if !ok || o.Next == nil {
		return 0
	}
	return o.Next.Number
}

// keepRecord keeps a test record and gives its hash.
func (b *Broker) keepRecord(r testRecord) (h canon.Hash, err error) {
	raw, err := json.Marshal(r)
	if err != nil {
		return h, err
	}
	h = canon.Sum("lateral/acceptance-test/1", raw)
	return h, b.o.Store.Commit(store.Batch{Writes: []merkle.Write{{Key: keyRecord + h.String(), Value: raw}}})
}

// deliveredBelow gives all that is bought as one leg, by the totals of the
// neighbour's test record.
func (b *Broker) deliveredBelow(o *mesh.Order) (l testedLeg, err error) {
	x := b.open[b.o.Neighbours[o.Down].Partner]
	if x == nil {
		return l, fault.New(fault.NotYet, "the Bilateral is not open yet", "wait")
	}
	it, ok := b.item(x, orderName(o.Below, o.Next.Number))
	if !ok || it.Delivery == nil {
		return l, fault.New(fault.NotYet, "the neighbour has not delivered yet", "wait")
	}
	for _, t := range it.Delivery.Totals {
		switch v := t.Value; t.Metric {
		case "latency":
			l.Latency = v
		case "availability":
			l.Availability = min(v, 1_000_000)
		case "bandwidth":
			l.Bandwidth = &v
		case "loss":
			v = min(v, 1_000_000)
			l.Loss = &v
		}
	}
	return l, nil
}

// terminated lets a product's end stand.
func (b *Broker) terminated(enni int, x *channel.Bilateral, m mesh.Terminated) {
	n := &b.o.Neighbours[enni]
	id, ok := b.items[revision{m.ID, 0}]
	if !ok {
		return
	}
	b.say(n.Partner, x, id, "end", func(it *order.Item) []trade.Command {
		if it.State != order.ItemAcknowledged && it.State != order.ItemInProgress || it.Delivery != nil {
			return nil
		}
		at := max(it.Start, b.blockTime(x))
		if at > b.now() {
			b.later(at, func() { b.lookAt(n.Partner, x, id) })
			return nil
		}
		var cmds []trade.Command
		if it.State == order.ItemAcknowledged {
			cmds = commands(trade.KindOrderAccept, trade.OrderAnswer{ID: id})
		}
		return append(cmds, trade.NewCommand(trade.KindOrderDeliver, trade.OrderDeliver{ID: id, At: at}))
	})
}

// Own legs.

// hold reserves the own legs of a revision for good.
func (b *Broker) hold(e mesh.Hold) {
	s, ok := b.supplies[e.Rev.Quote]
	held, legs := ok, s.Own
	if s.Standing != (mesh.ID{}) {
		legs = nil // held for what stands
	}
	for _, leg := range legs {
		err := b.reserve(&s.Sold.Quote, s.Changes, leg, &s.Asked, max(e.Rev.Until, b.now()+1000))
		if err == nil {
			_, err = b.o.Catalog.MoveHold(holdName(e.Rev.Quote), catalog.Confirm, e.Order.String(), b.now())
		}
		if err != nil {
			b.o.Log.Info("own legs of an order cannot be held", "order", e.Order, "err", err)
			held = false
		}
	}
	b.inbox = append(b.inbox, func(now int64) []mesh.Effect { return b.cascade.Held(now, e.Order, e.Rev.Number, held) })
}

// buildLegs has the own legs delivered: by nobody, at once, or by people.
func (b *Broker) buildLegs(e mesh.Build) {
	if s := b.supplies[e.Rev.Quote]; len(s.Own) > 0 && !b.o.Deliver && s.Standing == (mesh.ID{}) {
		b.builds[revision{e.Order, e.Rev.Number}] = true
		return
	}
	b.inbox = append(b.inbox, func(now int64) []mesh.Effect { return b.cascade.Built(now, e.Order, e.Rev.Number, true) })
}

// moveHold moves the reservation of a quote; one that is not there had no legs.
func (b *Broker) moveHold(quote mesh.ID, e catalog.HoldEvent, of mesh.ID) {
	_, err := b.o.Catalog.MoveHold(holdName(quote), e, of.String(), b.now())
	switch fault.CodeOf(err) {
	case "", fault.NotFound, catalog.CodeExpired, catalog.CodeNoMove:
	default:
		b.o.Log.Warn("a reservation cannot be moved", "order", of, "to", e, "err", err)
	}
}

func (b *Broker) free(e mesh.Free) {
	delete(b.builds, revision{e.Order, e.Rev})
	b.forgetBuilt(revision{e.Order, e.Rev})
	if o, ok := b.cascade.Order(e.Order); ok && o.Next != nil && o.Next.Number == e.Rev {
		b.moveHold(o.Next.Quote, catalog.Release, e.Order)
	}
}

func (b *Broker) start(e mesh.Start) {
	o, ok := b.cascade.Order(e.Order)
	if !ok || o.Current == nil {
		return
	}
	b.forgetBuilt(revision{e.Order, e.Rev})
	b.moveHold(o.Current.Quote, catalog.Use, e.Order)
	// What was quoted beside it is not needed any more.
	rivals := b.rivals[o.Current.Quote]
	for _, q := range rivals {
		delete(b.rivals, q)
	}
	for _, q := range rivals {
		b.letGo(q)
	}
	if old := b.supplies[o.Current.Quote].Changes; old != (mesh.ID{}) {
		b.moveHold(old, catalog.Release, e.Order)
	}
	if to := b.supplies[o.Current.Quote].Asked.Window.To; to != 0 {
		b.wake(to)
	}
}

func (b *Broker) stop(e mesh.Stop) {
	o, ok := b.cascade.Order(e.Order)
	if !ok || o.Current == nil {
		return
	}
	if e.At > b.now() {
		b.later(e.At, func() {
			b.do(func(int64) []mesh.Effect {
				b.stop(e)
				return nil
			})
		})
		return
	}
	// What stands has its capacity as long as a session is open, whoever ends it first.
	if of, ok := b.cascade.Order(b.supplies[o.Current.Quote].Standing); ok {
		if of.End == nil || of.End.At > b.now() {
			return
		}
		o = of
	}
	if len(b.running(o.ID)) == 0 {
		b.moveHold(o.Current.Quote, catalog.Release, o.ID)
	}
}

// ordered reports whether an order rests on a quote. The lock is held.
func (b *Broker) ordered(quote mesh.ID) bool {
	for _, o := range b.cascade.Orders() {
		for _, r := range []*mesh.Revision{o.Current, o.Next} {
			if r != nil && r.Quote == quote && r.Stage != mesh.Released {
				return true
			}
		}
	}
	return false
}

// overdue ends customers' services whose time is over, and forgets quotes that
// have expired.
func (b *Broker) overdue(now int64) (out []mesh.Effect) {
	if err := b.forget(now); err != nil {
		b.failed = err
		return nil
	}
	for _, o := range b.cascade.Orders() {
		if o.Up >= 0 || o.Current == nil || o.End != nil {
			continue
		}
		to := b.supplies[o.Current.Quote].Asked.Window.To
		switch {
		case to == 0:
		case to <= now:
			out = append(out, b.cascade.Finish(now, o.ID, to)...)
		default:
			b.wake(to)
		}
	}
	return out
}

// post puts an order that stands on the Bilateral on the seller's Sonata interface
// as well. The Bilateral is
// the truth; this is how systems that speak the standard see it.
func (b *Broker) post(n *Neighbour, id string, s *mesh.Supply) {
	q, err := order.OpenQuote(s.Bought.Proof)
	if n.Seller == nil || err != nil {
		return
	}
	p, err := b.productOf(n, s.Rest)
	if err != nil {
		return
	}
	if q.Quote.Action == order.Modify && q.Quote.To != 0 {
		return // the standard has no word for a later end
	}
	action := wire.Add
	if q.Quote.Action == order.Modify {
		action, p.ID, p.Offering, p.Place = wire.Modify, q.Quote.Item, nil, nil
	}
	account := n.Account
	if account == "" {
		account = string(b.o.Carrier)
	}
	now := b.o.Now()
	term, _ := termOf(s.Rest, now.UnixMilli())
	if term == nil {
		term = &wire.Term{Name: "open", Duration: wire.Duration{Amount: 1, Units: "months"}, End: wire.EndOfTermRoll, Roll: &wire.Duration{Amount: 1, Units: "months"}}
	}
	o := wire.Order{ExternalID: id, Contacts: b.contact("productOrderContact"), Items: []wire.OrderItem{{
		ID: "1", Action: action, Product: p, QuoteItem: &wire.QuoteItemRef{ID: "1", QuoteID: q.Quote.ID}, Requested: now.Add(b.o.DeliverFor),
		BillingAccount: &wire.Ref{ID: account}, RequestedTerm: term,
		Contacts: b.contact("buyerProductOrderItemContact", "buyerImplementationContact", "buyerTechnicalContact"),
	}}}
	if _, err := n.Seller.CreateOrder(b.life, o); err != nil && b.life.Err() == nil {
		b.o.Log.Warn("the seller's Sonata interface has not taken the order; it stands on the Bilateral", "partner", n.Partner, "order", id, "err", err)
	}
}
