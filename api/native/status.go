package native

import (
	"context"
	"slices"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
)

// status registers what a node says of itself and of its channels.
func (s *server) status() {
	get(s, "/v1/status", "get-status", tagNode, "Where the node and its channels stand", s.getStatus)
	get(s, "/v1/problems", "list-problems", tagNode, "Steps of clearing that do not succeed by themselves", s.listProblems)
	get(s, "/v1/bilaterals", "list-bilaterals", tagNetwork, "Channels with partners", s.listBilaterals)
	post(s, "/v1/bilaterals", "open-bilateral", tagNetwork, "Open a channel with a partner; it is in use when its state is open", s.openBilateral)
	get(s, "/v1/bilaterals/{partner}", "get-bilateral", tagNetwork, "The channel with a partner", s.getBilateral)
	post(s, "/v1/bilaterals/{partner}/terminate", "end-bilateral", tagContracts, "End every agreement with a partner; what is owed stays owed", s.endBilateral)
	post(s, "/v1/bilaterals/{partner}/divergence/close", "close-divergence", tagContracts, "Say that the two members' states are one again; counts once both sides have", s.closeDivergence)
	get(s, "/v1/bilaterals/{partner}/anchors", "list-anchors", tagNetwork, "How far the channel is attested on the Omnilateral, the oldest first", s.listAnchors)
	post(s, "/v1/bilaterals/{partner}/anchors", "post-anchor", tagNetwork, "Have the channel attested as it is now; waits for the partner", s.postAnchor)
}

func (s *server) getMe(ctx context.Context, _ *struct{}) (*reply[wire.Me], error) {
	who := api.ActorOf(ctx)
	me := wire.Me{Name: who.Name, Role: string(who.Role), Expires: who.Expires, Operations: s.operations(who.Role)}
	if s.Member != nil {
		me.Carrier = s.Member.Code()
	}
	return answer(me), nil
}

func (s *server) getStatus(context.Context, *struct{}) (*reply[wire.Status], error) {
	st := wire.Status{Carrier: party.Code(s.Member.Code()), Version: s.Version, Bilaterals: []wire.Bilateral{}}
	st.Ready, st.Checks, st.Confirmed = s.checks()
	height, at := s.Member.Height()
	st.Height, st.Time = height, wire.Time(at)
	if s.Finality != nil {
		st.Finality = s.Finality()
	}
	err := s.Member.Omni().View(func(v channel.View) error {
		st.Omnilateral = wire.Place{Position: uint64(v.Position), Root: v.Root}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, b := range s.Member.Bilaterals() {
		w, err := s.shownBilateral(b)
		if err != nil {
			return nil, err
		}
		st.Bilaterals = append(st.Bilaterals, w)
		if d, ok := s.Desk(w.Partner); ok && d.Busy() || !ok && b.State() == channel.StateOpen {
			st.Busy = true
		}
	}
	return answer(st), nil
}

func (s *server) shownBilateral(b Bilateral) (wire.Bilateral, error) {
	w := wire.Bilateral{Partner: party.Code(b.Partner()), Channel: b.ID(), Opener: party.Code(b.Opener()), State: string(b.State()),
		Attested: b.Attested(), Epoch: b.Epoch(), Unanswered: wire.Time(b.Unattested())}
	for _, err := range []error{b.Err(), b.Overdue()} {
		if err != nil && w.Problem == "" {
			w.Problem = fault.Of(err).Detail
		}
	}
	var err error
	if w.Divergence, err = s.divergence(b); err != nil {
		return w, err
	}
	err = s.Member.Omni().View(func(v channel.View) error {
		_, mine := b.Keys()
		for e := range (trade.View{Records: v}).Equivocations(b.ID()) {
			by := w.Partner
			if int(e.One.By) == mine {
				by = party.Code(s.Member.Code())
			}
			w.Twice = append(w.Twice, wire.SignedTwice{Member: by, Key: e.Key, One: e.One, Two: e.Two})
		}
		return nil
	})
	if err != nil {
		return w, err
	}
	err = b.View(func(v channel.View) error {
		w.Position, w.Root = uint64(v.Position), v.Root
		m, err := stored[trade.Bilateral](v, trade.BilateralKey, "record of the Bilateral")
		switch fault.CodeOf(err) {
		case "":
			w.Members = &m
		case fault.NotFound: // not bound yet
		default:
			return err
		}
		return nil
	})
	return w, err
}

func (s *server) listBilaterals(_ context.Context, in *struct{ PageQuery }) (*reply[api.Page[wire.Bilateral]], error) {
	all := []wire.Bilateral{}
	for _, b := range s.Member.Bilaterals() {
		w, err := s.shownBilateral(b)
		if err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	p, err := api.CutSlice(all, in.wanted())
	return answer(p), err
}

func (s *server) getBilateral(_ context.Context, in *PartnerPath) (*reply[wire.Bilateral], error) {
	b, err := s.with(in.Partner)
	if err != nil {
		return nil, err
	}
	w, err := s.shownBilateral(b)
	if err != nil {
		return nil, err
	}
	r, err := s.reputationOf(in.Partner)
	w.Reputation = &r
	return answer(w), err
}

func (s *server) openBilateral(ctx context.Context, in *struct{ Body wire.OpenBilateral }) (*reply[wire.Bilateral], error) {
	if s.Open == nil {
		return nil, fault.New(fault.Refused, "this node opens no channels", "use the carrier's node")
	}
	if err := in.Body.Partner.Validate(); err != nil {
		return nil, fault.Of(err).In("partner")
	}
	if b, err := s.with(in.Body.Partner); err == nil && b.State() != channel.StateLapsed {
		w, err := s.shownBilateral(b) // once is enough
		return answer(w), err
	}
	ctx, cancel := context.WithTimeout(ctx, s.Wait)
	defer cancel()
	if err := s.Open(ctx, in.Body.Partner); err != nil {
		return nil, err
	}
	return s.getBilateral(ctx, &PartnerPath{in.Body.Partner})
}

func (s *server) endBilateral(ctx context.Context, in *struct {
	PartnerPath
	Body wire.EndBilateral
}) (*reply[wire.Ended], error) {
	b, err := s.with(in.Partner)
	if err != nil {
		return nil, err
	}
	var active []string
	err = each(b, trade.AgreementPrefix, func(a agreement.Agreement) error {
		if a.State == agreement.Active {
			active = append(active, a.ID)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	o, err := s.submit(ctx, b, trade.KindBilateralEnd, trade.BilateralEnd{Why: in.Body.Why})
	if err != nil {
		return nil, err
	}
	out := wire.Ended{Agreements: []wire.Done[wire.Agreement]{}}
	for _, id := range active {
		a, err := record[agreement.Agreement](b, trade.AgreementKey(id), "agreement "+id)
		if err != nil {
			return nil, err
		}
		out.Agreements = append(out.Agreements, wire.Done[wire.Agreement]{Record: s.shownAgreement(a), Receipt: receipt(o)})
	}
	return answer(out), nil
}

func (s *server) listAnchors(_ context.Context, in *struct {
	PartnerPath
	PageQuery
}) (*reply[api.Page[wire.Anchor]], error) {
	b, err := s.with(in.Partner)
	if err != nil {
		return nil, err
	}
	return list(s.Member.Omni(), trade.AnchorPrefix(b.ID()), in.PageQuery, func(_ string, a trade.Anchor) (wire.Anchor, bool) { return shownAnchor(a), true })
}

func (s *server) postAnchor(ctx context.Context, in *PartnerPath) (*reply[wire.Anchor], error) {
	b, err := s.with(in.Partner)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.Wait)
	defer cancel()
	a, err := b.Anchor(ctx)
	if err != nil {
		return nil, err
	}
	return answer(shownAnchor(a)), nil
}

// listProblems gathers the problems of all desks, or of one.
func (s *server) listProblems(_ context.Context, in *struct {
	PageQuery
	Partner party.Code `query:"partner" maxLength:"32"`
}) (*reply[api.Page[wire.PartnerProblem]], error) {
	all := []wire.PartnerProblem{}
	seen := map[party.Code]bool{}
	for _, b := range s.Member.Bilaterals() {
		p := party.Code(b.Partner())
		d, ok := s.Desk(p)
		if !ok || seen[p] || in.Partner != "" && in.Partner != p {
			continue
		}
		seen[p] = true
		for _, x := range d.Problems() {
			all = append(all, wire.PartnerProblem{Partner: p, Problem: wire.Problem{
				Subject: x.Subject, Code: x.Code, Detail: x.Detail, Remedy: x.Remedy, Tries: x.Tries, Needs: string(x.Needs)}})
		}
	}
	page, err := api.CutSlice(all, in.wanted())
	return answer(page), err
}

// members registers the Omnilateral: who is on the network.
func (s *server) members() {
	get(s, "/v1/network", "get-network", tagNetwork, "Parameters of the network", func(context.Context, *struct{}) (*reply[wire.Network], error) {
		n, err := record[trade.Network](s.Member.Omni(), trade.NetworkKey, "network record")
		if err != nil {
			return nil, err
		}
		err = s.Member.Omni().View(func(v channel.View) error {
			n = n.At(uint64(v.Height))
			return nil
		})
		return answer(n), err
	})
	get(s, "/v1/members", "list-members", tagNetwork, "Members of the network", func(_ context.Context, in *struct {
		PageQuery
		State party.State `query:"state" enum:"applied,active,suspended,left"`
	}) (*reply[api.Page[wire.Member]], error) {
		return list(s.Member.Omni(), trade.MemberPrefix, in.PageQuery, func(_ string, m party.Member) (wire.Member, bool) {
			return shownMember(m), in.State == "" || in.State == m.State
		})
	})
	get(s, "/v1/members/{code}", "get-member", tagNetwork, "One member", func(_ context.Context, in *memberPath) (*reply[wire.Member], error) {
		m, err := record[party.Member](s.Member.Omni(), trade.MemberKey(in.Code), "member "+clipped(string(in.Code)))
		return answer(shownMember(m)), err
	})
	post(s, "/v1/members", "propose-member", tagNetwork, "Sponsor an applicant whose application is signed with all its keys", func(ctx context.Context, in *struct{ Body wire.Apply }) (*reply[wire.Done[wire.Member]], error) {
		if err := in.Body.Application.Validate(); err != nil {
			return nil, fault.Of(err).In("application")
		}
		return s.changeMember(ctx, in.Body.Application.Application.Code, trade.KindMemberPropose, trade.MemberPropose{Application: in.Body.Application})
	})
	for _, vote := range []struct {
		path, id, summary string
		kind              trade.Kind
	}{
		{"vouch", "vouch-member", "Vouch for an applicant", trade.KindMemberVouch},
		{"suspend", "suspend-member", "Vote to suspend a member", trade.KindMemberSuspend},
		{"restore", "restore-member", "Vote to restore a suspended member", trade.KindMemberRestore},
	} {
		post(s, "/v1/members/{code}/"+vote.path, vote.id, tagNetwork, vote.summary, func(ctx context.Context, in *memberPath) (*reply[wire.Done[wire.Member]], error) {
			return s.changeMember(ctx, in.Code, vote.kind, trade.MemberVote{Member: in.Code, By: party.Code(s.Member.Code())})
		})
	}
	get(s, "/v1/network/proposals", "list-proposals", tagNetwork, "Changes of parameters that members vote on", func(_ context.Context, in *PageQuery) (*reply[api.Page[wire.ParameterProposal]], error) {
		return list(s.Member.Omni(), trade.ProposalPrefix, *in, func(_ string, p trade.Proposal) (wire.ParameterProposal, bool) { return p, true })
	})
	for _, vote := range []struct {
		path, id, summary string
		kind              trade.Kind
	}{
		{"propose", "propose-parameter", "Propose another value of a parameter, and vote for it", trade.KindNetworkPropose},
		{"vote", "vote-parameter", "Vote for a change of a parameter that is proposed", trade.KindNetworkVote},
	} {
		post(s, "/v1/network/"+vote.path, vote.id, tagNetwork, vote.summary, func(ctx context.Context, in *struct{ Body wire.ParameterChange }) (*reply[wire.Done[wire.Network]], error) {
			body := trade.ParameterBallot{Change: in.Body, By: party.Code(s.Member.Code())}
			return change(ctx, s, s.Member.Omni(), vote.kind, body, trade.NetworkKey, "network record", func(n trade.Network) wire.Network { return n })
		})
	}
	post(s, "/v1/network/leave", "leave-network", tagNetwork, "Leave the network, for ever", func(ctx context.Context, in *struct{ Body wire.Leave }) (*reply[wire.Done[wire.Member]], error) {
		me := party.Code(s.Member.Code())
		if in.Body.Carrier != me {
			return nil, fault.New(fault.Invalid, "the code is not this carrier's", "name this carrier, to confirm that you mean it").In("carrier")
		}
		return s.changeMember(ctx, me, trade.KindMemberLeave, trade.MemberLeave{Member: me})
	})
}

type memberPath struct {
	Code party.Code `path:"code" maxLength:"32" doc:"Member code."`
}

func (s *server) changeMember(ctx context.Context, code party.Code, kind trade.Kind, body any) (*reply[wire.Done[wire.Member]], error) {
	return change(ctx, s, s.Member.Omni(), kind, body, trade.MemberKey(code), "member "+clipped(string(code)), shownMember)
}

// contracts registers agreements, delegates and sheets.
func (s *server) contracts() {
	get(s, "/v1/terms", "get-default-terms", tagContracts, "Terms for voice to begin with", func(context.Context, *struct{}) (*reply[agreement.Terms], error) {
		return answer(agreement.Defaults()), nil
	})
	const at = "/v1/bilaterals/{partner}/agreements"
	get(s, at, "list-agreements", tagContracts, "Agreements with a partner", func(_ context.Context, in *struct {
		PartnerPath
		PageQuery
		State agreement.State `query:"state" enum:"proposed,active,rejected,terminated"`
	}) (*reply[api.Page[wire.Agreement]], error) {
		b, err := s.with(in.Partner)
		if err != nil {
			return nil, err
		}
		return list(b, trade.AgreementPrefix, in.PageQuery, func(_ string, a agreement.Agreement) (wire.Agreement, bool) {
			return s.shownAgreement(a), in.State == "" || in.State == a.State
		})
	})
	get(s, at+"/{id}", "get-agreement", tagContracts, "One agreement with its terms", s.getAgreement)
	post(s, at, "propose-agreement", tagContracts, "Propose an agreement", s.proposeAgreement)
	post(s, at+"/{id}/amend", "amend-agreement", tagContracts, "Propose other terms", func(ctx context.Context, in *struct {
		IDPath
		Body wire.AmendAgreement
	}) (*reply[wire.Done[wire.Agreement]], error) {
		return s.changeAgreement(ctx, in.IDPath, trade.KindAgreementAmend, trade.AgreementAmend{ID: in.ID, From: int64(in.Body.From), Terms: in.Body.Terms})
	})
	const suggested = "/v1/bilaterals/{partner}/suggestions"
	get(s, suggested, "list-suggestions", tagContracts, "Amendments that own records call for", func(_ context.Context, in *partnerPage) (*reply[api.Page[wire.Suggestion]], error) {
		d, err := s.desk(in.Partner)
		if err != nil {
			return nil, err
		}
		all, err := d.Suggestions()
		if err != nil {
			return nil, err
		}
		return cut(all, in.wanted(), shownSuggestion)
	})
	post(s, suggested+"/{id}/adopt", "adopt-suggestion", tagContracts, "Propose the amendment that is suggested", func(ctx context.Context, in *struct {
		IDPath
		Body wire.AdoptSuggestion
	}) (*reply[wire.Done[wire.Agreement]], error) {
		d, err := s.desk(in.Partner)
		if err != nil {
			return nil, err
		}
		x, err := d.Suggested(in.ID)
		if err != nil {
			return nil, err
		}
		from := int64(in.Body.From)
		if from == 0 {
			from = x.From
		}
		at := IDPath{in.PartnerPath, x.Agreement}
		return s.changeAgreement(ctx, at, trade.KindAgreementAmend, trade.AgreementAmend{ID: at.ID, From: from, Terms: x.Terms})
	})
	post(s, at+"/{id}/accept", "accept-agreement", tagContracts, "Accept what the partner proposed last", func(ctx context.Context, in *answerTerms) (*reply[wire.Done[wire.Agreement]], error) {
		return s.answerAgreement(ctx, in, trade.KindAgreementAccept)
	})
	post(s, at+"/{id}/reject", "reject-agreement", tagContracts, "Reject what the partner proposed last", func(ctx context.Context, in *answerTerms) (*reply[wire.Done[wire.Agreement]], error) {
		return s.answerAgreement(ctx, in, trade.KindAgreementReject)
	})
	post(s, at+"/{id}/terminate", "end-agreement", tagContracts, "Terminate an agreement; the partner cannot prevent it", func(ctx context.Context, in *struct {
		IDPath
		Body wire.Answer
	}) (*reply[wire.Done[wire.Agreement]], error) {
		return s.changeAgreement(ctx, in.IDPath, trade.KindAgreementEnd, trade.AgreementEnd{ID: in.ID, Why: in.Body.Why})
	})
	s.delegates()
	s.sheets()
}

// IDPath names a record of a Bilateral in a path.
type IDPath struct {
	PartnerPath
	ID string `path:"id" maxLength:"200"`
}

type answerTerms struct {
	IDPath
	Body wire.AnswerTerms
}

func (s *server) getAgreement(_ context.Context, in *IDPath) (*reply[wire.Agreement], error) {
	b, err := s.with(in.Partner)
	if err != nil {
		return nil, err
	}
	var w wire.Agreement
	err = b.View(func(v channel.View) error {
		a, err := stored[agreement.Agreement](v, trade.AgreementKey(in.ID), "agreement "+clipped(in.ID))
		if err != nil {
			return err
		}
		w = s.shownAgreement(a)
		versions := make([]*wire.Version, 0, len(w.Versions)+1)
		for i := range w.Versions {
			versions = append(versions, &w.Versions[i])
		}
		if w.Pending != nil {
			versions = append(versions, w.Pending)
		}
		for _, x := range versions {
			t, err := stored[agreement.Terms](v, trade.TermsKey(x.Hash), "terms "+x.Hash.String())
			if err != nil {
				return err
			}
			x.Terms = &t
		}
		return nil
	})
	return answer(w), err
}

func (s *server) proposeAgreement(ctx context.Context, in *struct {
	PartnerPath
	RetryHeader
	Body wire.ProposeAgreement
}) (*reply[wire.Done[wire.Agreement]], error) {
	b, err := s.with(in.Partner)
	if err != nil {
		return nil, err
	}
	p := in.Body
	id, err := chosen(p.ID, in.Key, "A-", 40)
	if err != nil {
		return nil, err
	}
	lines := slices.Clone(p.Lines)
	slices.Sort(lines)
	body := trade.AgreementPropose{ID: id, Type: p.Type, Legal: p.Legal, Lines: slices.Compact[[]product.Line](lines), From: int64(p.From), Until: int64(p.Until), Terms: p.Terms}
	return create(ctx, s, b, in.Key, trade.KindAgreementPropose, body, trade.AgreementKey(id), "agreement "+clipped(id), s.shownAgreement, func(a agreement.Agreement) party.Act {
		if len(a.Versions) > 0 {
			return a.Versions[0].Proposed
		}
		if a.Pending != nil {
			return a.Pending.Proposed
		}
		return party.Act{}
	})
}

func (s *server) changeAgreement(ctx context.Context, at IDPath, kind trade.Kind, body any) (*reply[wire.Done[wire.Agreement]], error) {
	b, err := s.with(at.Partner)
	if err != nil {
		return nil, err
	}
	return change(ctx, s, b, kind, body, trade.AgreementKey(at.ID), "agreement "+clipped(at.ID), s.shownAgreement)
}

func (s *server) answerAgreement(ctx context.Context, in *answerTerms, kind trade.Kind) (*reply[wire.Done[wire.Agreement]], error) {
	b, err := s.with(in.Partner)
	if err != nil {
		return nil, err
	}
	terms := in.Body.Hash
	if terms.IsZero() {
		a, err := record[agreement.Agreement](b, trade.AgreementKey(in.ID), "agreement "+clipped(in.ID))
		if err != nil {
			return nil, err
		}
		if a.Pending != nil {
			terms = a.Pending.Terms
		}
	}
	return s.changeAgreement(ctx, in.IDPath, kind, trade.AgreementAnswer{ID: in.ID, Terms: terms, Why: in.Body.Why})
}
