package node

import (
	"context"
	"crypto/rand"
	"math/big"
	"slices"
	"time"

	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/netting"
	"github.com/lateral-network/lateral/trade/party"
)

// What a member has for the board of a round of netting, others post: everybody sees
// whose node has sent an envelope. A node hands it to a partner by lot, which posts it
// or hands it on, by lot as well. So neither the board nor the partner that was asked
// shows whose it is (the way of M. Reiter and A. Rubin, "Crowds", 1998).

// callCarry is the call by which a node has another post something.
const callCarry = "carry"

// carry hands a command on to a partner. Code: unavailable when none has taken it.
func (n *Node) carry(ctx context.Context, c trade.Command) error {
	n.mu.Lock()
	partners := make([]party.Code, 0, len(n.desks))
	for code := range n.desks {
		partners = append(partners, code)
	}
	n.mu.Unlock()
	slices.Sort(partners)
	var last error
	for len(partners) > 0 {
		i := lot(len(partners))
		peer, err := n.peer(partners[i])
		if err == nil {
			if _, err = n.exchange.Call(ctx, peer, callCarry, canon.Must(c)); err == nil {
				return nil
			}
		}
		last = err
		partners = slices.Delete(partners, i, i+1)
	}
	return fault.New(fault.Unavailable, "no partner's node posts it for this one", "wait until one is there").Because(last)
}

// lot draws one of n.
func lot(n int) int {
	i, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil {
		panic(err) // the system has no randomness
	}
	return int(i.Int64())
}

// carried posts a partner's command, or hands it on. Codes: refused, and those of the
// command.
func (n *Node) carried(ctx context.Context, from sign.PublicKey, request []byte) ([]byte, error) {
	var c trade.Command
	if err := canon.Decode(request, &c); err != nil {
		return nil, err
	}
	var who string
	err := n.member.Omni().View(func(v channel.View) error {
		who, _ = carrierOf(v, from)
		// A ledger on which nothing happens makes no blocks; the next one's time is later.
		return postable(trade.View{Records: v}, max(v.Time, time.Now().Add(-postSlack).UnixMilli()), c)
	})
	if err != nil {
		return nil, err
	}
	if _, known := n.Desk(party.Code(who)); !known {
		return nil, fault.New(fault.Unauthorized, "there is no Bilateral between the two", "ask a partner")
	}
	if lot(2) == 0 && n.carry(ctx, c) == nil {
		return nil, nil
	}
	n.member.Omni().Enqueue(c)
	return nil, nil
}

// postable refuses what the board would refuse: a node spends its bytes on it.
func postable(v trade.View, now int64, c trade.Command) error {
	no := func(detail string) error {
		return fault.New(fault.Refused, detail, "have what is signed for a round that is open posted")
	}
	if c.Authorization != nil {
		return no("what is authorized by a member is posted by the member")
	}
	switch c.Kind {
	case trade.KindRoundOffer:
		var b trade.RoundOffer
		if err := canon.Decode(c.Body, &b); err != nil {
			return err
		}
		r, ok := v.Round(b.Round)
		if !ok || r.At(now) != netting.Joining || len(b.Offers)+len(b.Limits) > maxCarried {
			return no("there is no such round that takes offers, or there are too many")
		}
		for _, o := range b.Offers {
			if err := o.Check(); err != nil {
				return err
			}
		}
		for _, l := range b.Limits {
			if err := l.Check(); err != nil {
				return err
			}
		}
		return nil
	case trade.KindRoundSign:
		var b trade.RoundSign
		if err := canon.Decode(c.Body, &b); err != nil {
			return err
		}
		r, ok := v.Round(b.Round)
		if ok && r.At(now) == netting.Joining {
			return fault.New(fault.NotYet, "the time to join is not over here", "ask again")
		}
		if !ok || r.At(now) != netting.Signing {
			return no("there is no such round that takes signatures")
		}
		return nil
	}
	return no("only offers and signatures of rounds are posted for others")
}

// maxCarried is how many offers and limits a node posts for another at once: a pair
// has two of each.
const maxCarried = 4

// postSlack is how far this node's clock may be ahead of the ledger's.
const postSlack = 2 * time.Second
