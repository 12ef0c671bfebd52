package node

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/selling"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
)

// onBilateral is a Bilateral as package selling reads it.
type onBilateral struct{ *channel.Bilateral }

// View implements selling.Bilateral.
func (r onBilateral) View(f func(trade.View) error) error {
	return r.Bilateral.View(func(v channel.View) error { return f(trade.View{Records: v}) })
}

// trading gives the Bilaterals on which there may be orders.
func (n *Node) trading() (out []*channel.Bilateral) {
	for _, b := range n.member.Bilaterals() {
		if s := b.State(); s == channel.StateOpen || s == channel.StateDiverged {
			out = append(out, b)
		}
	}
	return out
}

// bilateral gives the Bilateral with a partner on which there may be orders.
func (n *Node) bilateral(partner party.Code) (selling.Bilateral, bool) {
	for _, b := range n.trading() {
		if b.Partner() == string(partner) {
			return onBilateral{b}, true
		}
	}
	return nil, false
}

// sayFor is how long a command may take until it is executed. What is not known by
// then is said again, and refused if it had been executed.
const sayFor = 10 * time.Second

// say sends a command on the Bilateral with a partner and waits until it is
// executed.
func (n *Node) say(ctx context.Context, partner party.Code, c trade.Command) error {
	ctx, cancel := context.WithTimeout(ctx, sayFor)
	defer cancel()
	for _, b := range n.trading() {
		if b.Partner() != string(partner) {
			continue
		}
		c, err := n.sign(b.ID(), c)
		if err != nil {
			return err
		}
		out, err := b.Enqueue(c).Wait(ctx)
		return cmp.Or(err, channel.FirstErr(out))
	}
	return fault.Newf(fault.NotFound, "open a Bilateral: lateral bilateral open", "there is no open Bilateral with %s", partner)
}

// onBilaterals finds what buyers have where it stands.
type onBilaterals struct{ *Node }

// Product implements selling.Products.
func (n onBilaterals) Product(buyer, id string) (p product.Instance, terms agreement.Terms, ok bool) {
	b, open := n.bilateral(party.Code(buyer))
	if !open {
		return p, terms, false
	}
	if err := b.View(func(v trade.View) error {
		if p, ok = v.Product(id); ok {
			terms, ok = v.TermsAt(p.Agreement, time.Now().UnixMilli())
		}
		return nil
	}); err != nil {
		n.log.Warn("a product on the Bilateral cannot be read now", "partner", buyer, "product", id, "err", err)
		return p, terms, false
	}
	return p, terms, ok
}

// openDeals makes the deals of this node. Reservations are right by the
// Bilaterals, as far as this node knew them, before anybody can ask for capacity.
func (n *Node) openDeals() *selling.Deals {
	d := selling.NewDeals(selling.DealOptions{Shop: n.shop, Wait: n.config.Sonata.OrderWait, Bilateral: n.bilateral, Say: n.say})
	for _, b := range n.trading() {
		if err := d.Repair(party.Code(b.Partner())); err != nil {
			n.log.Warn("reservations cannot be compared with the Bilateral yet", "partner", b.Partner(), "err", err)
		}
	}
	return d
}

// keepDeals shows over Sonata what happens on the Bilaterals.
func (n *Node) keepDeals(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() { n.deals.Run(ctx, n.sonata) })
	followed := map[*channel.Bilateral]bool{}
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	for {
		for _, b := range n.trading() {
			if !followed[b] {
				followed[b] = true
				all.Go(func() { n.followDeals(ctx, b) })
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
		}
	}
}

// followDeals tells of every event of a Bilateral. Where the log cannot be read
// on, what stands is looked at as a whole.
func (n *Node) followDeals(ctx context.Context, b *channel.Bilateral) {
	partner := party.Code(b.Partner())
	for ctx.Err() == nil {
		err := n.tellDeals(ctx, b, partner)
		if ctx.Err() != nil {
			return
		}
		n.log.Warn("the orders on a Bilateral cannot be followed now", "partner", partner, "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

func (n *Node) tellDeals(ctx context.Context, b *channel.Bilateral, partner party.Code) error {
	var from channel.Cursor
	if err := b.View(func(v channel.View) error {
		from = v.Cursor
		return nil
	}); err != nil {
		return err
	}
	if err := n.deals.Repair(partner); err != nil {
		return err
	}
	for e, err := range b.Events(ctx, from) {
		if err != nil {
			return err
		}
		for _, o := range e.Outcomes {
			for _, x := range o.Events {
				n.deals.Told(partner, x.Subject)
			}
		}
	}
	return ctx.Err()
}
