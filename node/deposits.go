package node

import (
	"context"

	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/exchange"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/party"
)

// callDeposit is the call by which a desk has the partner's sign a change of their
// locks.
const callDeposit = "deposit"

// depositCall is what one node says to the other about the locks of a channel.
type depositCall struct {
	Channel canon.Hash `cbor:"1,keyasint"`
	Request []byte     `cbor:"2,keyasint"` // for the desk
}

// askDeposit asks the partner's desk.
func (n *Node) askDeposit(ctx context.Context, b *channel.Bilateral, request []byte) ([]byte, error) {
	peer, err := n.peer(party.Code(b.Partner()))
	if err != nil {
		return nil, err
	}
	return n.exchange.Call(ctx, peer, callDeposit, canon.Must(depositCall{b.ID(), request}))
}

// answerDeposit has the desk answer that the caller is the partner of.
func (n *Node) answerDeposit(ctx context.Context, from sign.PublicKey, request []byte) ([]byte, error) {
	var c depositCall
	if err := canon.Decode(request, &c); err != nil {
		return nil, err
	}
	d, err := n.addressee(from, exchange.Meta{Channel: c.Channel})
	if err != nil {
		return nil, err
	}
	return d.Answer(ctx, c.Request)
}
