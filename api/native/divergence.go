package native

import (
	"context"

	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/party"
)

// The nodes find by themselves where their states differ. That they do no more
// is said by people, by one command of each side.

// divergence shows how far a difference between the two members has come; nil
// when there is none.
func (s *server) divergence(b Bilateral) (*wire.Divergence, error) {
	var w wire.Divergence
	search, searching := b.Divergence()
	evidence, parted, err := evidenceOf(b)
	if err != nil || !parted && !searching {
		return nil, err
	}
	if parted {
		w.Evidence, w.Size = evidence.Hash(), evidence.Ours.Head.Size
		m, err := record[trade.Mending](b, trade.MendingKey, "word on the divergence")
		switch {
		case err == nil && m.Evidence == w.Evidence:
			w.ClosedBy = m.By
		case err != nil && fault.CodeOf(err) != fault.NotFound:
			return nil, err
		}
	}
	return &w, s.found(b, &w, search, searching)
}

// found adds what the search has come to: the one that goes on, or the last.
func (s *server) found(b Bilateral, w *wire.Divergence, d channel.Divergence, searching bool) error {
	if w.Searching = searching; !searching {
		var ok bool
		if d, ok = b.Settled(); !ok {
			return nil
		}
	}
	if w.Size == 0 {
		w.Size = d.Head.Head.Size
	}
	if d.Silent != nil {
		w.Silent = party.Code(b.Partner())
		if _, mine := b.Keys(); int(*d.Silent) == mine {
			w.Silent = party.Code(s.Member.Code())
		}
	}
	if !d.Found {
		return nil
	}
	w.Height = d.Height
	o, err := b.Differing()
	if w.Kind = o.Kind; fault.CodeOf(err) == fault.NotFound {
		return nil // it is in no command
	}
	return err
}

// evidenceOf gives the evidence in the channel's state; ok is false when there
// is none, or both sides have closed it.
func evidenceOf(b Bilateral) (d trade.Divergence, ok bool, err error) {
	d, err = record[trade.Divergence](b, trade.DivergenceKey, "divergence")
	if fault.CodeOf(err) == fault.NotFound {
		return d, false, nil
	}
	return d, err == nil, err
}

// whole gives the evidence that this side may close by now: this node's own
// log is what both have signed since. Codes: not-found, not-yet, diverged,
// conflict when the caller has looked at another.
func whole(b Bilateral, seen canon.Hash) (trade.Divergence, error) {
	d, ok, err := evidenceOf(b)
	switch {
	case err != nil:
		return d, err
	case !ok:
		return d, fault.New(fault.NotFound, "there is no evidence of a divergence on this channel", "look at the channel: nothing has to be closed")
	case !seen.IsZero() && seen != d.Hash():
		return d, fault.New(fault.Conflict, "that is not the evidence of this channel's divergence", "look at the divergence, then close that one").In("evidence")
	}
	return d, b.Whole(d.Ours.Head, d.Theirs.Head)
}

func (s *server) closeDivergence(ctx context.Context, in *struct {
	PartnerPath
	Body wire.CloseDivergence
}) (*reply[wire.Done[wire.Divergence]], error) {
	b, err := s.with(in.Partner)
	if err != nil {
		return nil, err
	}
	evidence, err := whole(b, in.Body.Evidence)
	if fault.CodeOf(err) == fault.NotFound {
		if m, gone := record[trade.Mended](b, trade.MendedKey, "closed divergence"); gone == nil && in.Body.Evidence == m.Evidence.Hash() {
			return answer(wire.Done[wire.Divergence]{Record: closed(m), Repeated: true}), nil
		}
	}
	if err != nil {
		return nil, err
	}
	before, err := s.divergence(b)
	if err != nil {
		return nil, err
	}
	if before != nil && before.ClosedBy == party.Code(s.Member.Code()) {
		return answer(wire.Done[wire.Divergence]{Record: *before, Repeated: true}), nil
	}
	o, err := s.submit(ctx, b, trade.KindDivergenceEnd, trade.DivergenceClose{Evidence: evidence.Hash(), Why: in.Body.Why})
	if err != nil {
		return nil, err
	}
	after, err := s.divergence(b)
	if err != nil {
		return nil, err
	}
	if after != nil {
		return answer(wire.Done[wire.Divergence]{Record: *after, Receipt: receipt(o)}), nil
	}
	m, err := record[trade.Mended](b, trade.MendedKey, "closed divergence")
	return answer(wire.Done[wire.Divergence]{Record: closed(m), Receipt: receipt(o)}), err
}

// closed shows a divergence that both sides have closed.
func closed(m trade.Mended) wire.Divergence {
	return wire.Divergence{Evidence: m.Evidence.Hash(), Size: m.Evidence.Ours.Head.Size, Closed: m.Height}
}
