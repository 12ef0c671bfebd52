package comet

import (
	"sync"
	"sync/atomic"

	"github.com/cometbft/cometbft/mempool"
	"github.com/cometbft/cometbft/p2p"
	protomem "github.com/cometbft/cometbft/proto/tendermint/mempool"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/ledger"
)

// gossip passes envelopes on. The validator to which an envelope was submitted
// sends it once to each other one, over a mesh of direct links; the others
// pass it on only when it stays undecided. The engine's own mempool would send
// each envelope over every link in both directions.
type gossip struct {
	p2p.BaseReactor
	pool    *pool
	waiting atomic.Bool // while this node catches up it hears nothing
	heard   chan [][]byte
	admit   func(raws [][]byte)
	done    sync.WaitGroup
}

// maxHeard is about how many envelopes are checked together.
const maxHeard = 256

func newGossip(p *pool, admit func([][]byte)) *gossip {
	g := &gossip{pool: p, heard: make(chan [][]byte, maxHeard), admit: admit}
	g.waiting.Store(true)
	g.BaseReactor = *p2p.NewBaseReactor("Mempool", g)
	return g
}

// EnableInOutTxs is the engine's word that it has caught up.
func (g *gossip) EnableInOutTxs() { g.waiting.Store(false) }

func (g *gossip) GetChannels() []*p2p.ChannelDescriptor {
	return []*p2p.ChannelDescriptor{{
		ID:                  mempool.MempoolChannel,
		Priority:            5,
		RecvMessageCapacity: ledger.MaxEnvelope + 1024,
		MessageType:         &protomem.Message{},
	}}
}

func (g *gossip) OnStart() error {
	g.done.Go(func() {
		for {
			select {
			case txs := <-g.heard:
				// What has come meanwhile is checked together: several
				// signatures cost less than one by one.
				for more := true; more && len(txs) < maxHeard; {
					select {
					case next := <-g.heard:
						txs = append(txs, next...)
					default:
						more = false
					}
				}
				g.admit(txs)
			case <-g.Quit():
				return
			}
		}
	})
	return nil
}

// Receive hands envelopes to the one goroutine that checks them, in order, so
// that votes on the same link do not wait for signatures. When that one is far
// behind, they are dropped: whoever spreads them does so again, and votes go on.
func (g *gossip) Receive(e p2p.Envelope) {
	m, ok := e.Message.(*protomem.Txs)
	if !ok {
		g.Switch.StopPeerForError(e.Src, fault.Newf(fault.Invalid, "", "unexpected message %T", e.Message))
		return
	}
	if g.waiting.Load() {
		return
	}
	select {
	case g.heard <- m.GetTxs():
	default:
		g.Logger.Debug("too much is heard at once: dropping envelopes", "number", len(m.GetTxs()))
	}
}

// AddPeer starts sending to a validator what this one has to spread, from the
// beginning: the link may be a new one after a break.
func (g *gossip) AddPeer(peer p2p.Peer) {
	go func() {
		var order uint64
		for peer.IsRunning() && g.IsRunning() {
			raws, at, grown := g.pool.after(order)
			if len(raws) == 0 {
				select {
				case <-grown:
				case <-peer.Quit():
				case <-g.Quit():
				}
				continue
			}
			if peer.Send(p2p.Envelope{ChannelID: mempool.MempoolChannel, Message: &protomem.Txs{Txs: raws}}) {
				order = at
			}
		}
	}()
}
