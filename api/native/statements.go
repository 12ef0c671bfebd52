package native

import (
	"context"
	"math"
	"slices"

	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/party"
)

// compliance registers what is done before a payment is final.
func (s *server) compliance() {
	const at = "/v1/bilaterals/{partner}/obligations/{id}/"
	for _, m := range []struct {
		path, id, summary string
		kind              trade.Kind
	}{
		{"hold", "hold-payment", "Hold a payment that is advised: it is not final while it is held", trade.KindPaymentHold},
		{"release", "release-payment", "Let a payment go that this carrier holds", trade.KindPaymentRelease},
	} {
		post(s, at+m.path, m.id, tagSettlement, m.summary, func(ctx context.Context, in *struct {
			IDPath
			Body wire.Reason
		}) (*reply[wire.Done[wire.Obligation]], error) {
			return s.changeObligation(ctx, in.IDPath, m.kind, trade.PaymentHold{Obligation: in.ID, Why: in.Body.Why})
		})
	}
	const checks = "/v1/bilaterals/{partner}/verification"
	get(s, checks, "list-verified", tagSettlement, "Which side has checked who the other is", func(_ context.Context, in *PartnerPath) (*reply[wire.VerifiedList], error) {
		b, err := s.with(in.Partner)
		if err != nil {
			return nil, err
		}
		out := wire.VerifiedList{Verified: []wire.Verified{}}
		err = b.View(func(v channel.View) error {
			for _, who := range []party.Code{in.Partner, party.Code(s.Member.Code())} {
				if x, there := (trade.View{Records: v}).Verified(who); there {
					out.Verified = append(out.Verified, shownVerified(x))
				}
			}
			return nil
		})
		return answer(out), err
	})
	post(s, checks, "verify-partner", tagSettlement, "Put on record that this carrier has checked who the partner is", func(ctx context.Context, in *struct {
		PartnerPath
		Body wire.Verify
	}) (*reply[wire.Done[wire.Verified]], error) {
		b, err := s.with(in.Partner)
		if err != nil {
			return nil, err
		}
		return change(ctx, s, b, trade.KindVerify, trade.Verify{Document: in.Body.Document, Expires: int64(in.Body.Expires)}, trade.VerifiedKey(in.Partner), "check of "+string(in.Partner), shownVerified)
	})
}

func shownVerified(x trade.Verified) wire.Verified {
	return wire.Verified{Member: x.Member, Document: x.Document, Expires: wire.Time(x.Expires), Act: act(x.Act)}
}

// statements registers what finance reads.
func (s *server) statements() {
	get(s, "/v1/bilaterals/{partner}/statement", "get-statement", tagSettlement, "Statement of account: opening balance, invoices, notes, payments, closing balance", s.getStatement)
	get(s, "/v1/ageing", "get-ageing", tagSettlement, "How old debts are, by partner, payer and currency", s.getAgeing)
}

func (s *server) getStatement(_ context.Context, in *struct {
	PartnerPath
	From string `query:"from" doc:"RFC 3339: lines from then on. Absent: from the beginning."`
	To   string `query:"to" doc:"RFC 3339: lines before. Absent: until now."`
}) (*reply[wire.StatementList], error) {
	b, err := s.with(in.Partner)
	if err != nil {
		return nil, err
	}
	from, to, err := Span{From: in.From, To: in.To}.times()
	if err != nil {
		return nil, err
	}
	if _, now := s.Member.Height(); in.To == "" {
		to = wire.Time(now + 1)
	}
	out := wire.StatementList{Partner: in.Partner, From: from, To: to, Statements: []wire.Statement{}}
	err = b.View(func(v channel.View) error {
		begin := int64(from)
		if in.From == "" {
			begin = math.MinInt64
		}
		all, err := (trade.View{Records: v}).Statements(party.Code(s.Member.Code()), begin, int64(to))
		for _, x := range all {
			w := wire.Statement{Currency: x.Currency, Opening: x.Opening, Closing: x.Closing, Carried: x.Carried, Lines: make([]wire.StatementLine, len(x.Lines))}
			for i, l := range x.Lines {
				w.Lines[i] = wire.StatementLine{Time: wire.Time(l.Time), Kind: l.Kind, Subject: l.Subject, Reference: l.Reference, Amount: l.Amount, Balance: l.Balance}
			}
			out.Statements = append(out.Statements, w)
		}
		return err
	})
	return answer(out), err
}

// getAgeing reads all partners, in order.
func (s *server) getAgeing(context.Context, *struct{}) (*reply[wire.Ageing], error) {
	_, now := s.Member.Height()
	out := wire.Ageing{At: wire.Time(now), Aged: []wire.Aged{}}
	var partners []string
	for _, b := range s.Member.Bilaterals() {
		partners = append(partners, b.Partner())
	}
	slices.Sort(partners)
	for _, code := range slices.Compact(partners) {
		b, err := s.with(party.Code(code))
		if err != nil {
			return nil, err
		}
		err = b.View(func(v channel.View) error {
			all, err := (trade.View{Records: v}).Ageing(now)
			for _, x := range all {
				out.Aged = append(out.Aged, wire.Aged{Partner: party.Code(code), Payer: x.Payer, Currency: x.Currency, NotDue: x.NotDue, Days30: x.Late[0], Days60: x.Late[1],
					Days90: x.Late[2], Over: x.Late[3], Disputed: x.Disputed, Carried: x.Carried, Total: x.Total})
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return answer(out), nil
}
