package channel

import (
	"context"
	"fmt"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/proof"
)

// What a node does when a head of the partner is not of its own log: it says so,
// both search for the first leaf that differs, and the evidence goes on the log.

// Divergence tells how far the search for a difference between the two
// members has come; ok is false when none is known.
func (b *Bilateral) Divergence() (d Divergence, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.p.Dispute == nil {
		return d, false
	}
	return *b.p.Dispute, true
}

// Settled gives the last dispute that is over; ok is false when there was none.
func (b *Bilateral) Settled() (d Divergence, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.p.Settled == nil {
		return d, false
	}
	return *b.p.Settled, true
}

// Whole says whether the two members' logs are one again since they had signed
// two heads of one size: nil when they are, as far as this node can see. One
// of the two heads must be of this node's own log, and both members must have
// signed that log since, at that size or beyond. Codes: not-yet while they have
// not, diverged when this node's log has neither head.
func (b *Bilateral) Whole(one, other proof.Head) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.halted != nil {
		return b.halted
	}
	b.r.mu.RLock()
	defer b.r.mu.RUnlock()
	if size := one.Size; size <= b.r.size {
		own, err := b.r.headAt(size)
		switch {
		case err != nil:
			return err
		case own != one && own != other:
			return fault.Newf(CodeDiverged, "run lateral replay; the node that it blames is rebuilt from the ledger",
				"this node's log has neither of the two heads of size %d", size)
		}
	}
	ours, theirs := b.p.Heads[b.mine], b.theirs
	if b.p.Dispute != nil || ours == nil || theirs == nil || ours.Signed.Head.Size < one.Size || theirs.Signed.Head.Size < one.Size {
		return fault.New(fault.NotYet, "the two nodes have not signed one log since they differed",
			"run lateral replay, rebuild the node that it blames, and wait until both nodes run")
	}
	return nil
}

// Differing gives this node's outcome of the first command on which the two
// members differ, or did in the dispute that is over. Code: not-found when none
// is known by name.
func (b *Bilateral) Differing() (Outcome, error) {
	d, ok := b.Divergence()
	if !ok {
		d, ok = b.Settled()
	}
	if !ok || !d.Found || d.Line < 0 {
		return Outcome{}, fault.New(fault.NotFound, "no differing command is known", "run lateral replay")
	}
	b.r.mu.RLock()
	defer b.r.mu.RUnlock()
	from, err := b.r.firstAt(ledger.Height(d.Height))
	if err != nil {
		return Outcome{}, err
	}
	line := d.Line
	for raw, err := range b.r.space.Events(from) {
		if err != nil {
			return Outcome{}, err
		}
		e, err := readEntry(raw)
		if err != nil {
			return Outcome{}, err
		}
		n := len(e.lines())
		if first := n - len(e.Outcomes); line >= first && line < n {
			return e.Outcomes[line-first], nil
		}
		if line -= n; line < 0 {
			break // a message of the channel's own protocol
		}
	}
	return Outcome{}, fault.New(fault.NotFound, "the difference is not in a command", "run lateral replay")
}

// contradict opens the search for the first difference.
func (d *bilateralDraft) contradict(by int, at ledger.Position, c contradiction) fault.Code {
	h := c.Head
	if int(h.By) != 1-by || h.Head.Channel != d.b.r.id || h.Head.Size == 0 || h.Head.Root == c.Root || !d.signedBefore(h) ||
		d.p.Settled != nil && d.p.Settled.Head == h {
		return fault.Invalid
	}
	if d.p.Dispute == nil {
		d.p.Dispute, d.moved = &Divergence{Since: at, High: h.Head.Size, Head: h, Asked: d.block.Time}, true
	}
	return ""
}

// meetHead compares a head of the log with our own log. mu is held.
func (b *Bilateral) meetHead(h *headMark) {
	head := h.Signed.Head
	if int(h.Signed.By) == b.mine {
		return
	}
	b.r.mu.RLock()
	own, err := b.r.headAt(min(head.Size, b.r.size))
	b.r.mu.RUnlock()
	switch {
	case err != nil:
		b.halt(err)
	case own != head:
		if b.wrong == nil {
			b.wrong = &h.Signed
		}
	case b.theirs == nil || b.theirs.Signed.Head.Size <= head.Size:
		b.theirs = h
		b.wake()
	}
}

// settled forgets what was said in a dispute that is over. mu is held.
func (b *Bilateral) settled(over *Divergence) {
	b.said.start, b.said.claim, b.said.detail, b.said.evidence, b.said.again = false, 0, false, false, false
	b.wrong, b.again = nil, false
	if over.Blamed == nil {
		b.m.log.Info("the two members have signed one log again", "channel", b.r.id, "size", over.High)
		return
	}
	what := "has contradicted a head that both nodes' logs have"
	if *over.Blamed == over.Head.By {
		what = "has signed a head that neither node's log has"
	}
	b.m.raise(Alarm{Channel: b.r.id, Code: CodeDiverged, Height: b.height(),
		Detail: fmt.Sprintf("%s %s, at size %d; the channel goes on", b.member(int(*over.Blamed)), what, over.Head.Head.Size),
		Remedy: "the operator of that node looks for another process that signs with its keys, and runs lateral replay"})
}

// object tells the partner of a head that is not of our log. mu is held.
func (b *Bilateral) object() {
	if h := b.p.Heads[1-b.mine]; h != nil && b.theirs == nil && b.wrong == nil {
		b.meetHead(h) // met before a restart
	}
	if b.wrong == nil || b.p.Dispute != nil || b.said.start {
		return
	}
	b.r.mu.RLock()
	c, err := b.r.claimAt(b.wrong.Head.Size)
	b.r.mu.RUnlock()
	if err != nil {
		b.halt(err)
		return
	}
	b.said.start = true
	b.m.raise(Alarm{Channel: b.r.id, Code: CodeDiverged, Height: b.height(),
		Detail: fmt.Sprintf("the partner's head at size %d disagrees with this node's log", b.wrong.Head.Size),
		Remedy: "the nodes look for the first difference by themselves; run lateral replay to see who is wrong"})
	b.tell(noteContra, contradiction{*b.wrong, c.Root})
}

// search answers the other side's claims until the first differing leaf is
// found and its command named.
func (b *Bilateral) search(ctx context.Context) {
	d := b.p.Dispute
	if d == nil {
		return
	}
	b.r.mu.RLock()
	defer b.r.mu.RUnlock()
	if own := b.p.Heads[b.mine]; !b.said.again && (own == nil || !d.Since.Before(own.At)) {
		b.said.again, b.again, b.due = true, true, true // one head of both ends the dispute
	}
	if d.Silent == nil && d.hasAnswered(b.mine) && !d.hasAnswered(1-b.mine) {
		b.nudge(ctx, *d)
	}
	if probe := d.probe(); probe > 0 {
		if d.Claims[b.mine] == nil && b.said.claim != probe {
			c, err := b.r.claimAt(probe)
			if err != nil {
				b.halt(err)
				return
			}
			b.said.claim = probe
			b.tell(noteClaim, c)
		}
		return
	}
	if d.Details[b.mine] == nil && !b.said.detail {
		x, err := b.r.detailAt(d.Low)
		if err != nil {
			b.halt(err)
			return
		}
		b.said.detail = true
		b.tell(noteDetail, x)
	}
	if d.Found && !b.said.evidence {
		b.said.evidence = true
		b.m.raise(Alarm{Channel: b.r.id, Code: CodeDiverged, Height: ledger.Height(d.Height),
			Detail: fmt.Sprintf("the first difference is in block %d, leaf %d, receipt %d", d.Height, d.Low, d.Line),
			Remedy: "run lateral replay on both nodes; the one whose log it contradicts is to be rebuilt"})
		b.accuse(d)
	}
}

// nudge sees that the partner is named when it does not answer in time: time
// comes with blocks, so something has to be sent by then. mu is held.
func (b *Bilateral) nudge(ctx context.Context, d Divergence) {
	if b.nudging {
		return
	}
	b.nudging = true
	after := b.m.clock.After(time.Duration(searchWithin) * time.Millisecond)
	b.m.go_(func() {
		select {
		case <-ctx.Done():
		case <-after:
			b.mu.Lock()
			defer b.mu.Unlock()
			b.nudging = false
			if now := b.p.Dispute; now != nil && now.Asked == d.Asked && now.Silent == nil {
				b.tell(noteClaim, claim{}) // answers no question
			}
		}
	})
}

// accuse puts the two contradicting heads into the state, where they stay. mu
// and r.mu are held.
func (b *Bilateral) accuse(d *Divergence) {
	if int(d.Head.By) == b.mine || d.Head.Head.Size > b.r.size {
		return // the other side has the head that contradicts
	}
	own, err := b.r.headAt(d.Head.Head.Size)
	if err != nil {
		b.halt(err)
		return
	}
	leaves := canon.Must([2]proof.Leaf{d.Details[0].Leaf, d.Details[1].Leaf})
	b.s.Load().enqueue(one(b.m.law.Evidence(own.Sign(b.s.Load().key, uint8(b.mine)), d.Head, d.Low, leaves)))
}
