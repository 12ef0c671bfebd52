package node

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/exchange"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade/party"
)

// Where old keys are destroyed, a node that has lost its store gets a channel's
// past from its partner: the partner's operator has the export sent, and this
// node takes it by itself, for all that counts in it is checked.

// kindExport names the file in the exchange.
const kindExport = "channel-export"

// ExportBilateral sends a partner the sealed export of the channel with it.
// Codes: not-found, and those of channel.Bilateral.Export and exchange.Send.
func (n *Node) ExportBilateral(ctx context.Context, partner party.Code) (out wire.Exported, err error) {
	all := n.member.Bilaterals()
	i := slices.IndexFunc(all, func(b *channel.Bilateral) bool {
		return b.Partner() == string(partner) && b.State() != channel.StateLapsed
	})
	if i < 0 {
		return out, fault.Newf(fault.NotFound, "list the channels", "there is no channel with %s", partner)
	}
	peer, err := n.peer(partner)
	if err != nil {
		return out, err
	}
	var said channel.Exported
	r, w := io.Pipe()
	written := make(chan error, 1)
	go func() {
		var err error
		said, err = all[i].Export(w)
		w.CloseWithError(err)
		written <- err
	}()
	file, err := n.blobs.Put(r)
	r.CloseWithError(err) // lets the writer go if the blob store has failed
	if e := <-written; e != nil {
		err = e
	}
	if err != nil {
		return out, fmt.Errorf("writing the export: %w", err)
	}
	_, err = n.exchange.Send(ctx, exchange.File{To: peer, Meta: exchange.Meta{
		// The moment makes each a transfer of its own: one that was refused may be
		// taken another time.
		Kind: kindExport, Channel: all[i].ID(), Subject: fmt.Sprintf("%d at %s", said.Position, time.Now().UTC().Format(time.RFC3339Nano)),
		Hash: file.Hash, Size: file.Size,
	}})
	return wire.Exported{Position: said.Position, Records: said.Records, File: file.Hash, Size: file.Size}, err
}

// exportSettled removes the content of an export that is no more under way.
func (n *Node) exportSettled(m exchange.Meta, refused error) error {
	if refused != nil {
		n.log.Warn("the partner does not take the channel's export", "channel", m.Channel, "err", refused)
	}
	return n.blobs.Erase(m.Hash)
}

// restoreChannel takes a partner's export and has the node start again.
func (n *Node) restoreChannel(from sign.PublicKey, m exchange.Meta, open func() (io.ReadCloser, error)) error {
	err := n.takeExport(from, m, open)
	switch fault.CodeOf(err) {
	case fault.NotYet, fault.Unavailable, fault.Busy, store.CodeDiskFull, store.CodeStoreFailed:
		return err // the same file may be taken later
	case "":
		n.restart()
		return n.blobs.Erase(m.Hash)
	case fault.Conflict: // taken before
	default: // its content stays: the partner may have sent what this node keeps for another reason
		n.metrics.alarms.Inc()
		n.log.Error("a partner's export is not taken", "channel", m.Channel, "code", fault.CodeOf(err), "err", err)
	}
	return nil
}

func (n *Node) takeExport(from sign.PublicKey, m exchange.Meta, open func() (io.ReadCloser, error)) error {
	b, err := n.channelOf(from, m)
	if err != nil {
		return err
	}
	if err := n.member.Restorable(b.ID()); err != nil {
		return err
	}
	r, err := open()
	if err != nil {
		return err
	}
	defer r.Close() // only read
	return n.member.Restore(b.ID(), r)
}
