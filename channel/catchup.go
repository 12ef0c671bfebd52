package channel

import (
	"context"
	"fmt"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
)

// A channel that stops on this node stays behind the Omnilateral, which goes
// on. Once its operator has put right what stopped it, the blocks in between
// are executed before anything is signed: going on behind the hole would give
// another state, and blame the partner for it.

// metaExecuted names the number of envelopes that a Bilateral has executed.
// The Omnilateral counts those that are final; the two differ when the channel
// has stopped here.
const metaExecuted = "executed"

// ordered gives how many envelopes of each channel are final.
func (m *Omni) ordered() map[canon.Hash]uint64 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	out := map[canon.Hash]uint64{}
	for l, last := range m.lanes {
		out[l.channel] += last
	}
	return out
}

// loadExecuted reads how many envelopes were executed. A store from before
// they were counted is taken as complete.
func (b *Bilateral) loadExecuted(began bool) error {
	data, ok, err := b.r.space.Meta(metaExecuted)
	switch {
	case err != nil:
		return err
	case ok:
		if err := canon.Decode(data, &b.executed); err != nil {
			return corruptStore("the number of executed envelopes of channel " + b.r.id.String() + " cannot be read").Because(err)
		}
	case began:
		b.executed = b.m.omni.ordered()[b.r.id]
	}
	return nil
}

// catching is one channel on its way to the Omnilateral's height.
type catching struct {
	b    *Bilateral // nil until its opening is met again
	seen uint64     // envelopes met
	over bool       // it is halted again
}

// behind gives the channels of which envelopes are final that were not
// executed here.
func (m *Member) behind() map[canon.Hash]*catching {
	out := map[canon.Hash]*catching{}
	ordered := m.omni.ordered()
	for _, b := range m.Bilaterals() {
		if b.executed < ordered[b.r.id] {
			out[b.r.id] = &catching{b: b}
		}
	}
	for id := range m.missed {
		out[id] = &catching{}
	}
	return out
}

// catchUp executes what was passed over in channels that had stopped. The
// Omnilateral is executed again in memory, because a Bilateral sees it as it
// was after the block before. Nothing may be signed yet.
func (m *Member) catchUp(ctx context.Context) error {
	todo := m.behind()
	if len(todo) == 0 {
		return nil
	}
	target, now := m.Height()
	m.log.Info("channels that had stopped are executed on", "channels", len(todo), "height", target)
	db, err := store.Open("catch-up", store.Options{Memory: true, MinFree: 1})
	if err != nil {
		return err
	}
	defer db.Close()
	public, err := NewOmni(db, MachineOptions{ChainID: m.chain, Genesis: m.genesis, Law: m.law, Logger: m.log})
	if err != nil {
		return err
	}
	wait := firstBackoff
	for public.mark.Height < target {
		for block, err := range m.ledger.Blocks(ctx, public.mark.Height+1) {
			if c := fault.CodeOf(err); c == fault.NotFound || c == fault.Corrupt || c == fault.Refused {
				m.giveUp(todo, err)
				return nil
			}
			if err != nil {
				m.log.Warn("the ledger does not give blocks", "err", err)
				break
			}
			wait = firstBackoff
			if err := m.again(public, block, todo); err != nil {
				return fmt.Errorf("executing block %d again: %w", block.Height, err)
			}
			if block.Height == target {
				break
			}
		}
		if public.mark.Height < target {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-m.clock.After(wait):
				wait = min(2*wait, lastBackoff)
			}
		}
	}
	for id, c := range todo {
		if c.b == nil || c.over {
			continue
		}
		if o, ok := m.law.Opening(m.omni.r.state, id); ok {
			c.b.mu.Lock()
			c.b.keys = o.Keys
			if h := c.b.p.Heads[c.b.mine]; h != nil {
				c.b.sent = max(c.b.sent, h.Signed.Head.Size)
			}
			c.b.mu.Unlock()
		}
		c.b.r.pass(target, now)
	}
	return nil
}

// giveUp halts the channels whose blocks the ledger does not have any more.
func (m *Member) giveUp(todo map[canon.Hash]*catching, cause error) {
	for id, c := range todo {
		err := fault.New(fault.CodeOf(cause), "the ledger does not give the blocks that this node has not executed in the channel",
			"restore the node from a backup, or connect it to a validator that holds all blocks").Because(cause)
		if c.b == nil {
			m.raise(Alarm{Channel: id, Code: err.Code, Detail: err.Detail, Remedy: err.Remedy})
			continue
		}
		c.b.mu.Lock()
		c.b.halt(err)
		c.b.mu.Unlock()
	}
}

// again executes one block on the Omnilateral in memory, and what it holds for
// the channels that are behind on their own replicas.
func (m *Member) again(public *Omni, block ledger.Block, todo map[canon.Hash]*catching) error {
	a, err := public.admit(block)
	if err != nil {
		return err
	}
	shares := map[canon.Hash][]verdict{}
	for _, v := range a.verdicts {
		if id := v.envelope.Header.Channel; v.err == nil && todo[id] != nil {
			shares[id] = append(shares[id], v)
		}
	}
	for id, envelopes := range shares {
		if err := todo[id].step(block, envelopes, public.r.state); err != nil {
			return fmt.Errorf("channel %s: %w", id, err)
		}
	}
	d, err := public.run(a)
	if err != nil {
		return err
	}
	if part, ok := d.part(); ok {
		if err := public.db.CommitAll(part); err != nil {
			return err
		}
	}
	public.adopt(a, d)
	for _, w := range d.batch.Writes {
		if w.Value == nil || !isChannelKey(w.Key) {
			continue
		}
		id, err := canon.ParseHash(w.Key[len(channelPrefix):])
		if err != nil || todo[id] == nil || todo[id].b != nil {
			continue
		}
		if err := m.discover(id, public.r.state); err != nil {
			return err
		}
		todo[id].b, _ = m.Bilateral(id)
	}
	return nil
}

// step executes a block's envelopes unless they were.
func (c *catching) step(block ledger.Block, envelopes []verdict, public trade.Records) error {
	c.seen += uint64(len(envelopes))
	if c.b == nil || c.over || c.seen <= c.b.executed {
		return nil
	}
	if c.seen != c.b.executed+uint64(len(envelopes)) {
		return corruptStore("the number of executed envelopes of channel " + c.b.r.id.String() + " is not that of the ledger")
	}
	d, err := c.b.run(block, envelopes, public)
	if stops(err) {
		c.over = true
		c.b.mu.Lock()
		defer c.b.mu.Unlock()
		c.b.halt(err)
		return nil
	}
	if err != nil {
		return err
	}
	if part, ok := d.part(); ok {
		if err := c.b.m.db.CommitAll(part); err != nil {
			return err
		}
	}
	d.adopt()
	c.over = c.b.Err() != nil
	return nil
}

// stops reports whether an error is one channel's trouble alone.
func stops(err error) bool {
	c := fault.CodeOf(err)
	return c == CodeKeyMissing || c == trade.CodeVersionUnknown
}
