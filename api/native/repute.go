package native

import (
	"context"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/party"
)

// Pseudonyms gives the n-th pseudonym of the carrier, the first is 1, and what binds
// the carrier to it.
type Pseudonyms func(n int) (subject sign.PublicKey, commitment canon.Hash)

// reputation registers how members pay, as others say it of their pseudonyms.
func (s *server) reputation() {
	get(s, "/v1/reputation", "get-own-reputation", tagNetwork, "What others say of how this carrier pays", func(context.Context, *struct{}) (*reply[wire.OwnReputation], error) {
		w, err := s.ownReputation()
		return answer(w), err
	})
	post(s, "/v1/reputation/pseudonym", "commit-pseudonym", tagNetwork, "Bind this carrier to a pseudonym, which its node then shows to partners; signed with the member key", s.commitPseudonym)
	const at = "/v1/bilaterals/{partner}/reputation"
	get(s, at, "get-reputation", tagNetwork, "How a partner pays, as members say it whom this carrier trades with; before a first agreement too", func(_ context.Context, in *PartnerPath) (*reply[wire.Reputation], error) {
		w, err := s.reputationOf(in.Partner)
		return answer(w), err
	})
	post(s, at, "state-reputation", tagNetwork, "Say on the Omnilateral how a partner has paid, of the pseudonym that it has shown", func(ctx context.Context, in *PartnerPath) (*reply[wire.Said], error) {
		d, err := s.desk(in.Partner)
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, s.Wait)
		defer cancel()
		said, err := d.StateReputation(ctx)
		s.Log.Info("reputation stated", "trace", traceOf(ctx), "partner", in.Partner, "who", api.ActorOf(ctx).Name, "code", fault.CodeOf(err))
		return answer(wire.ShownSaid(said, false)), err
	})
}

// pseudonym gives the pseudonym to which this carrier is bound; n is how many it has
// had, and ours false when the last one does not follow from this node's secret.
func (s *server) pseudonym() (k sign.PublicKey, n int, ours bool, err error) {
	err = s.now(func(v trade.View, _ channel.View) error {
		p, _ := v.Pseudonym(s.me())
		if n = len(p.Commitments); n == 0 || s.Pseudonyms == nil {
			return nil
		}
		subject, commitment := s.Pseudonyms(n)
		if ours = commitment == p.Commitments[n-1].Hash; ours {
			k = subject
		}
		return nil
	})
	return k, n, ours, err
}

func (s *server) ownReputation() (wire.OwnReputation, error) {
	w := wire.OwnReputation{Shown: []party.Code{}, Said: []wire.Said{}}
	var ours bool
	var err error
	if w.Pseudonym, w.Pseudonyms, ours, err = s.pseudonym(); err != nil || !ours {
		return w, err
	}
	for _, b := range s.Member.Bilaterals() {
		err := b.View(func(v channel.View) error {
			if x, there := (trade.View{Records: v}).Shown(s.me()); there && x.Subject == w.Pseudonym {
				w.Shown = append(w.Shown, party.Code(b.Partner()))
			}
			return nil
		})
		if err != nil {
			return w, err
		}
	}
	return w, s.now(func(v trade.View, _ channel.View) error {
		for x := range v.Said(w.Pseudonym) {
			w.Said = append(w.Said, wire.ShownSaid(x, false))
		}
		return nil
	})
}

func (s *server) commitPseudonym(ctx context.Context, in *struct{ Body wire.CommitPseudonym }) (*reply[wire.Done[wire.OwnReputation]], error) {
	if s.Pseudonyms == nil {
		return nil, fault.New(fault.Refused, "this node has no carrier's secret", "use the carrier's node")
	}
	_, n, ours, err := s.pseudonym()
	switch {
	case err != nil:
		return nil, err
	case ours && !in.Body.Another:
		return nil, fault.New(fault.Conflict, "this carrier is bound to a pseudonym already", "keep it; to take another, which partners see, say so (another, --another)").In("another")
	}
	_, commitment := s.Pseudonyms(n + 1)
	o, err := s.submit(ctx, s.Member.Omni(), trade.KindReputeCommit, trade.ReputeCommit{Commitment: commitment})
	if err != nil {
		return nil, err
	}
	w, err := s.ownReputation()
	return answer(wire.Done[wire.OwnReputation]{Record: w, Receipt: receipt(o)}), err
}

// reputationOf gives what counts for this carrier of what is said of a partner.
func (s *server) reputationOf(partner party.Code) (wire.Reputation, error) {
	w := wire.Reputation{Said: []wire.Said{}}
	b, err := s.with(partner)
	if err != nil {
		return w, err
	}
	var shown trade.Shown
	err = b.View(func(v channel.View) error {
		here := trade.View{Records: v}
		shown, _ = here.Shown(partner)
		if says, ok := here.Payer(partner); ok {
			x := wire.ShownPayer(says)
			w.Ours = &x
		}
		return nil
	})
	if err != nil || shown.Pseudonyms == 0 {
		return w, err
	}
	trusted, err := s.trusted(partner)
	if err != nil {
		return w, err
	}
	return w, s.now(func(v trade.View, _ channel.View) error {
		counts := func(c party.Code) bool { return trusted[c] }
		r := v.Reputation(shown, counts)
		w.Pseudonym, w.Pseudonyms, w.Score, w.Days, w.Counted, w.Others, w.Unagreed = shown.Subject, r.Pseudonyms, r.Score, r.Days, r.Counted, r.Others, r.Unagreed
		for x := range v.Said(shown.Subject) {
			w.Said = append(w.Said, wire.ShownSaid(x, counts(x.By)))
		}
		return nil
	})
}

// trusted are those whose word about a member counts here: this carrier, and whoever
// it has an agreement with that stands, but for that member itself.
func (s *server) trusted(about party.Code) (map[party.Code]bool, error) {
	out := map[party.Code]bool{s.me(): true}
	for _, b := range s.Member.Bilaterals() {
		partner := party.Code(b.Partner())
		if partner == about {
			continue
		}
		err := b.View(func(v channel.View) error {
			for a := range (trade.View{Records: v}).Agreements() {
				if a.State == agreement.Active {
					out[partner] = true
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
