package native

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/party"
)

// DisputePath names a dispute in a path. Its id has slashes, written as ~ there
// (or escaped as %2F).
type DisputePath struct {
	PartnerPath
	ID string `path:"id" maxLength:"100" doc:"Id of the dispute, each slash written as ~." example:"O-1~001793577600000~000000000000000~0000000007"`
}

func (p DisputePath) id() string { return strings.ReplaceAll(p.ID, "~", "/") }

// DisputeFilter says which disputes are wanted; zero: all.
type DisputeFilter struct {
	Span
	State   dispute.State `query:"state" enum:"awaiting,manual,proposed,escalated,resolved"`
	Invoice string        `query:"invoice" doc:"Named on this invoice."`
	People  bool          `query:"people" doc:"Only those that wait for people: manual, proposed or escalated."`
	By      string        `query:"by" enum:"people,rules" doc:"people: only those that are in the hands of people, or that people decided; rules: only those that a rule or a deadline decided."`
	To      string        `query:"assigned" maxLength:"64" doc:"Only those that this person sees to."`
}

// disputes registers disputed lines and their decision.
func (s *server) disputes() {
	const at = "/v1/bilaterals/{partner}/disputes"
	get(s, at, "list-disputes", tagDisputes, "Disputed lines", func(_ context.Context, in *struct {
		PartnerPath
		PageQuery
		DisputeFilter
	}) (*reply[api.Page[wire.Dispute]], error) {
		b, err := s.with(in.Partner)
		if err != nil {
			return nil, err
		}
		within, err := in.Span.read()
		if err != nil {
			return nil, err
		}
		show := s.disputeShower(in.Partner)
		return listWhere(b, trade.DisputePrefix, in.PageQuery, in.DisputeFilter, func(_ string, d dispute.Dispute) (w wire.Dispute, ok bool) {
			if !within(d.Interval.From) || in.State != "" && in.State != d.State || in.Invoice != "" && in.Invoice != d.Invoice || in.People && !waitsForPeople(d.State) || in.By != "" && in.By != decidedBy(d) {
				return w, false
			}
			w = show(d)
			return w, in.To == "" || w.Assigned != nil && w.Assigned.To == in.To
		})
	})
	get(s, "/v1/bilaterals/{partner}/dispute-counts", "count-disputes", tagDisputes, "Disputes by what became of them", s.countDisputes)
	get(s, at+"/{id}", "get-dispute", tagDisputes, "One dispute", func(_ context.Context, in *DisputePath) (*reply[wire.Dispute], error) {
		_, d, err := s.disputed(in)
		return answer(s.disputeShower(in.Partner)(d)), err
	})
	post(s, at+"/{id}/assign", "assign-dispute", tagDisputes, "Hand a dispute to a colleague; the partner does not see it", func(ctx context.Context, in *struct {
		DisputePath
		Body wire.AssignDispute
	}) (*reply[wire.Dispute], error) {
		_, x, err := s.disputed(&in.DisputePath)
		if err != nil {
			return nil, err
		}
		d, err := s.desk(in.Partner)
		if err != nil {
			return nil, err
		}
		if _, err := d.Assign(x.ID, in.Body.To, api.ActorOf(ctx).Name, in.Body.Why); err != nil {
			return nil, err
		}
		return answer(s.disputeShower(in.Partner)(x)), nil
	})
	get(s, at+"/{id}/evidence", "get-evidence", tagDisputes, "The calls that people have to decide, as both sides recorded them", func(_ context.Context, in *DisputePath) (*reply[wire.Evidence], error) {
		d, err := s.desk(in.Partner)
		if err != nil {
			return nil, err
		}
		e, err := d.Evidence(in.id())
		if err != nil {
			return nil, err
		}
		return answer(shownEvidence(e)), nil
	})
	get(s, at+"/{id}/trial", "try-rule", tagDisputes, "What a rule would answer for the differing calls of a line; changes nothing", func(_ context.Context, in *struct {
		DisputePath
		Rule string `query:"rule" required:"true" maxLength:"8192" doc:"Text of the rule."`
	}) (*reply[wire.Trial], error) {
		d, err := s.desk(in.Partner)
		if err != nil {
			return nil, err
		}
		x, err := d.Try(in.id(), agreement.Source{Text: in.Rule})
		return answer(shownTrial(x)), err
	})
	get(s, "/v1/bilaterals/{partner}/rule-replay", "replay-rule", tagDisputes, "What a rule would have made of past disputed lines, in calls and money; changes nothing", s.replayRule)
	post(s, at+"/{id}/propose", "propose-decision", tagDisputes, "Offer how to decide a line", func(ctx context.Context, in *struct {
		DisputePath
		Body wire.ProposeDecision
	}) (*reply[wire.Done[wire.Dispute]], error) {
		return s.propose(ctx, &in.DisputePath, in.Body)
	})
	post(s, at+"/{id}/accept", "accept-decision", tagDisputes, "Accept the partner's offer", func(ctx context.Context, in *struct {
		DisputePath
		Body wire.AcceptDecision
	}) (*reply[wire.Done[wire.Dispute]], error) {
		done, err := s.deciding(&in.DisputePath)
		if err != nil {
			return nil, err
		}
		defer done()
		_, d, err := s.disputed(&in.DisputePath)
		if err != nil {
			return nil, err
		}
		v := trade.Verdict{Dispute: d.ID}
		switch {
		case in.Body.Offer != nil:
			v.Calls, v.BilledSeconds, v.Amount = in.Body.Offer.Calls, in.Body.Offer.BilledSeconds, in.Body.Offer.Amount
		case d.Proposal != nil:
			v.Calls, v.BilledSeconds = d.Proposal.Calls, d.Proposal.BilledSeconds
			if d.Product != "" {
				v.Amount = d.Proposal.Amount
			}
		default:
			return nil, fault.New(fault.NotYet, "nobody has offered a decision", "propose one").In("offer")
		}
		return s.changeDispute(ctx, &in.DisputePath, trade.KindDisputeAccept, trade.DisputeAccept{Verdicts: []trade.Verdict{v}})
	})
	post(s, at+"/{id}/reject", "reject-decision", tagDisputes, "Reject the partner's offer", func(ctx context.Context, in *struct {
		DisputePath
		Body wire.RejectDecision
	}) (*reply[wire.Done[wire.Dispute]], error) {
		done, err := s.deciding(&in.DisputePath)
		if err != nil {
			return nil, err
		}
		defer done()
		_, d, err := s.disputed(&in.DisputePath)
		if err == nil {
			err = asRead(d, in.Body.Seen)
		}
		if err != nil {
			return nil, err
		}
		return s.changeDispute(ctx, &in.DisputePath, trade.KindDisputeReject, trade.DisputeReject{Disputes: []string{in.id()}, Why: in.Body.Why})
	})
}

// replayRule asks a rule about past lines, and about cases that are written down.
func (s *server) replayRule(ctx context.Context, in *struct {
	PartnerPath
	Span
	Rule  string   `query:"rule" required:"true" maxLength:"8192" doc:"Text of the rule."`
	Cases []string `query:"case,explode" maxItems:"20" doc:"A differing call in the words of rules, as JSON; what is left out is 0, false or empty. Can be repeated."`
}) (*reply[wire.Replay], error) {
	rule := agreement.Source{Text: in.Rule}
	compiled, err := rule.Compile()
	if err != nil {
		return nil, fault.Of(err).In("rule")
	}
	tried := []wire.TriedCall{}
	for _, text := range in.Cases {
		var call wire.TriedCall
		d := json.NewDecoder(strings.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(&call.Facts); err != nil {
			return nil, fault.New(fault.Invalid, "the case cannot be understood", "name what a rule can know, as in the trial of a dispute").In("case").Because(err)
		}
		call.Answer = compiled.Answer(call.Facts)
		tried = append(tried, call)
	}
	within, err := in.Span.read()
	if err != nil {
		return nil, err
	}
	d, err := s.desk(in.Partner)
	if err != nil {
		return nil, err
	}
	x, err := d.Replay(ctx, rule, within)
	if err != nil {
		return nil, err
	}
	w := shownReplay(x)
	w.Cases = tried
	return answer(w), nil
}

func waitsForPeople(st dispute.State) bool {
	return st == dispute.Manual || st == dispute.Proposed || st == dispute.Escalated
}

func (s *server) disputed(in *DisputePath) (b Bilateral, d dispute.Dispute, err error) {
	if b, err = s.with(in.Partner); err != nil {
		return b, d, err
	}
	d, err = record[dispute.Dispute](b, trade.DisputeKey(in.id()), "dispute "+clipped(in.id()))
	return b, d, err
}

// propose offers a decision, in the place of the partner's offer where that is what was
// read: a counter-offer.
func (s *server) propose(ctx context.Context, in *DisputePath, p wire.ProposeDecision) (*reply[wire.Done[wire.Dispute]], error) {
	done, err := s.deciding(in)
	if err != nil {
		return nil, err
	}
	defer done()
	_, d, err := s.disputed(in)
	if err == nil {
		err = asRead(d, p.Seen)
	}
	if err != nil {
		return nil, err
	}
	v := trade.Verdict{Dispute: d.ID, Calls: p.Calls, BilledSeconds: p.BilledSeconds, Amount: p.Amount}
	offer := trade.DisputePropose{Verdicts: []trade.Verdict{v}, Why: p.Why, Evidence: p.Evidence}
	if p.Seen != nil && d.Proposal != nil && !s.own(d) {
		offer.Replaces = d.Proposal.Act.Command
	}
	return s.changeDispute(ctx, in, trade.KindDisputePropose, offer)
}

// own reports whether the offer about a dispute is this carrier's.
func (s *server) own(d dispute.Dispute) bool {
	return d.Proposal != nil && string(d.Proposal.Act.By) == s.Member.Code()
}

// asRead compares a dispute with what a person had on the screen: the command of the
// offer, empty for none. Code: conflict.
func asRead(d dispute.Dispute, seen *string) error {
	switch {
	case seen == nil:
		return nil
	case d.State == dispute.Resolved:
		return fault.New(fault.Conflict, "see what it came to", "the dispute has been decided meanwhile").In("seen")
	}
	now := ""
	if d.Proposal != nil {
		now = d.Proposal.Act.Command.String()
	}
	if now != *seen {
		return fault.New(fault.Conflict, "read the dispute as it stands now", "somebody has made or answered an offer meanwhile").In("seen")
	}
	return nil
}

// deciding lets one person at a time decide a dispute here: of two who do it at once the
// second is told. The partner's people are told by the ledger. Code: conflict.
func (s *server) deciding(in *DisputePath) (done func(), err error) {
	key := string(in.Partner) + "/" + in.id()
	if _, busy := s.decided.LoadOrStore(key, true); busy {
		return nil, fault.New(fault.Conflict, "read the dispute again, it takes a moment", "a colleague is deciding this dispute just now")
	}
	return func() { s.decided.Delete(key) }, nil
}

func (s *server) changeDispute(ctx context.Context, in *DisputePath, kind trade.Kind, body any) (*reply[wire.Done[wire.Dispute]], error) {
	b, err := s.with(in.Partner)
	if err != nil {
		return nil, err
	}
	return change(ctx, s, b, kind, body, trade.DisputeKey(in.id()), "dispute "+clipped(in.id()), s.disputeShower(in.Partner))
}

// disputeShower shows disputes with a partner, each with the person who sees to it and
// with what this side may do now.
func (s *server) disputeShower(partner party.Code) func(dispute.Dispute) wire.Dispute {
	desk, there := s.Desk(partner)
	return func(d dispute.Dispute) wire.Dispute {
		w := shownDispute(d)
		w.Allowed = []string{}
		theirs := d.Proposal != nil && !s.own(d)
		for _, e := range []dispute.Event{dispute.Propose, dispute.Accept, dispute.Reject} {
			_, can := d.State.Next(e)
			switch {
			case !can:
			case e == dispute.Propose && theirs:
				w.Allowed = append(w.Allowed, "counter") // ours takes the place of theirs
			case e == dispute.Propose || theirs:
				w.Allowed = append(w.Allowed, string(e))
			}
		}
		if !there {
			return w
		}
		a, err := desk.Assigned(d.ID)
		if err != nil {
			s.Log.Warn("who sees to a dispute cannot be read", "dispute", d.ID, "err", err)
		}
		if a.At != 0 {
			w.Assigned = &wire.Assigned{To: a.To, By: a.By, Why: a.Why, At: wire.Time(a.At)}
		}
		return w
	}
}

// Who decides a dispute, or decided it.
const (
	byPeople = "people"
	byRules  = "rules"
)

// decidedBy says whose a dispute is, empty while the rule has not been asked.
func decidedBy(d dispute.Dispute) string {
	switch {
	case waitsForPeople(d.State), d.Decision != nil && d.Decision.How == dispute.ByPeople:
		return byPeople
	case d.State == dispute.Resolved:
		return byRules
	}
	return ""
}

// countDisputes counts what the comparison and the buyer opened. A line that a
// deadline decided was decided by what was agreed, without people.
func (s *server) countDisputes(ctx context.Context, in *PartnerPath) (*reply[wire.DisputeCounts], error) {
	b, err := s.with(in.Partner)
	if err != nil {
		return nil, err
	}
	out := wire.DisputeCounts{States: map[string]uint64{}}
	err = s.waiting.look(ctx, b, func(o *open) {
		out.Manual, out.ResolvedAutomatically = o.decided[byPeople], o.decided[byRules]
		out.Opened = out.Manual + out.ResolvedAutomatically
		if out.Opened > 0 {
			out.States[string(dispute.Resolved)] = out.Opened
		}
		for _, d := range o.disputes {
			out.Opened++
			out.States[string(d.State)]++
			if waitsForPeople(d.State) {
				out.Manual++
			}
		}
	})
	return answer(out), err
}
