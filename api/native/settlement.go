package native

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
)

// settlement registers nettings, debts and payments.
func (s *server) settlement() {
	const nettings = "/v1/bilaterals/{partner}/nettings"
	get(s, nettings, "list-nettings", tagSettlement, "Nettings", func(_ context.Context, in *struct {
		PartnerPath
		PageQuery
		State settlement.NettingState `query:"state" enum:"proposed,accepted,rejected"`
	}) (*reply[api.Page[wire.Netting]], error) {
		b, err := s.with(in.Partner)
		if err != nil {
			return nil, err
		}
		return list(b, trade.NettingPrefix, in.PageQuery, func(_ string, n settlement.Netting) (wire.Netting, bool) {
			return shownNetting(n), in.State == "" || in.State == n.State
		})
	})
	get(s, nettings+"/{id}", "get-netting", tagSettlement, "One netting", func(_ context.Context, in *IDPath) (*reply[wire.Netting], error) {
		b, err := s.with(in.Partner)
		if err != nil {
			return nil, err
		}
		n, err := record[settlement.Netting](b, trade.NettingKey(in.ID), "netting "+clipped(in.ID))
		return answer(shownNetting(n)), err
	})
	post(s, nettings, "propose-netting", tagSettlement, "Propose to offset final invoices of both sides", s.proposeNetting)
	for _, m := range []struct {
		path, id, summary string
		kind              trade.Kind
	}{
		{"accept", "accept-netting", "Accept a netting of the partner", trade.KindNettingAccept},
		{"reject", "reject-netting", "Reject a netting of the partner", trade.KindNettingReject},
	} {
		post(s, nettings+"/{id}/"+m.path, m.id, tagSettlement, m.summary, func(ctx context.Context, in *IDPath) (*reply[wire.Done[wire.Netting]], error) {
			b, err := s.with(in.Partner)
			if err != nil {
				return nil, err
			}
			return change(ctx, s, b, m.kind, trade.NettingAnswer{ID: in.ID}, trade.NettingKey(in.ID), "netting "+clipped(in.ID), shownNetting)
		})
	}
	s.obligations()
	s.compliance()
	s.statements()
	get(s, "/v1/bilaterals/{partner}/credit", "get-credit", tagSettlement, "How far the two trust each other: score, payment history, exposure and allocation", s.getCredit)
	get(s, "/v1/bilaterals/{partner}/journal", "list-journal", tagSettlement, "Postings, by command, the oldest first", func(_ context.Context, in *partnerPage) (*reply[api.Page[wire.Journal]], error) {
		b, err := s.with(in.Partner)
		if err != nil {
			return nil, err
		}
		return list(b, trade.JournalPrefix, in.PageQuery, func(_ string, j settlement.Journal) (wire.Journal, bool) { return shownJournal(j), true })
	})
	get(s, "/v1/bilaterals/{partner}/balances", "list-balances", tagSettlement, "What stands on each account", func(_ context.Context, in *partnerPage) (*reply[api.Page[wire.Balance]], error) {
		b, err := s.with(in.Partner)
		if err != nil {
			return nil, err
		}
		return list(b, trade.BalancePrefix, in.PageQuery, func(key string, x trade.Balance) (wire.Balance, bool) {
			return wire.Balance{Account: accountOf(key), Amount: x.Micro}, true
		})
	})
	const files = "/v1/bilaterals/{partner}/files"
	get(s, files, "list-files", tagLog, "Files that were acknowledged on the channel", func(_ context.Context, in *partnerPage) (*reply[api.Page[wire.File]], error) {
		b, err := s.with(in.Partner)
		if err != nil {
			return nil, err
		}
		return list(b, trade.FilePrefix, in.PageQuery, func(key string, f trade.File) (wire.File, bool) {
			h, err := canon.ParseHash(strings.TrimPrefix(key, trade.FilePrefix))
			return wire.File{Hash: h, Held: s.hasFile(h), File: f}, err == nil
		})
	})
	post(s, files, "record-file", tagLog, "Acknowledge a file that went from node to node", func(ctx context.Context, in *struct {
		PartnerPath
		Body wire.RecordFile
	}) (*reply[wire.Done[wire.File]], error) {
		b, err := s.with(in.Partner)
		if err != nil {
			return nil, err
		}
		h := in.Body.Hash
		return change(ctx, s, b, trade.KindDocumentRecord, trade.DocumentRecord(in.Body), trade.FileKey(h), "file "+h.String(),
			func(f trade.File) wire.File { return wire.File{Hash: h, Held: s.hasFile(h), File: f} })
	})
}

// getCredit shows what an order would be asked about credit now.
func (s *server) getCredit(_ context.Context, in *PartnerPath) (*reply[wire.CreditList], error) {
	b, err := s.with(in.Partner)
	if err != nil {
		return nil, err
	}
	_, now := s.Member.Height()
	out := wire.CreditList{At: wire.Time(now), Credit: []wire.Credit{}}
	err = s.Member.Omni().View(func(public channel.View) error {
		return b.View(func(v channel.View) error {
			all, err := (trade.View{Records: v}).Credit(public, now)
			for _, x := range all {
				c, err := shownCredit(x)
				if err != nil {
					return err
				}
				out.Credit = append(out.Credit, c)
			}
			return err
		})
	})
	return answer(out), err
}

// accountOf reads an account from the key of its balance.
func accountOf(key string) settlement.Account {
	parts := strings.SplitN(strings.TrimPrefix(key, trade.BalancePrefix), "/", 3)
	if len(parts) < 3 {
		return settlement.Account{}
	}
	return settlement.Account{Party: party.Code(parts[0]), Purpose: settlement.Purpose(parts[1]), Currency: money.Currency(parts[2])}
}

// proposeNetting answers with the netting that the command made: the one whose
// act is that command's.
func (s *server) proposeNetting(ctx context.Context, in *struct {
	PartnerPath
	Body wire.Invoices
}) (*reply[wire.Done[wire.Netting]], error) {
	b, err := s.with(in.Partner)
	if err != nil {
		return nil, err
	}
	ids := slices.Sorted(slices.Values(in.Body.Invoices))
	o, err := s.submit(ctx, b, trade.KindNettingPropose, trade.NettingPropose{Invoices: ids})
	if err != nil {
		return nil, err
	}
	for _, e := range o.Events {
		if e.Kind == trade.EventNettingProposed {
			n, err := record[settlement.Netting](b, e.Subject, "netting")
			return answer(wire.Done[wire.Netting]{Record: shownNetting(n), Receipt: receipt(o)}), err
		}
	}
	return nil, fault.New(fault.Internal, "the netting was proposed and is not to be found", "look it up in the list; report this")
}

// ages are the parts of ageing: what is not due, and by days since.
var ages = [...]string{"not_due", "days_1_30", "days_31_60", "days_61_90", "over_90"}

// obligations registers what one side owes the other, and its payment.
func (s *server) obligations() {
	const at = "/v1/bilaterals/{partner}/obligations"
	get(s, at, "list-obligations", tagSettlement, "Debts", func(_ context.Context, in *struct {
		PartnerPath
		PageQuery
		State    settlement.State `query:"state" enum:"owed,overdue,advised,held,settled"`
		Payer    party.Code       `query:"payer" maxLength:"32"`
		Currency money.Currency   `query:"currency" maxLength:"8"`
		Age      string           `query:"age" enum:"not_due,days_1_30,days_31_60,days_61_90,over_90" doc:"What is left of them is that old, as in ageing."`
	}) (*reply[api.Page[wire.Obligation]], error) {
		b, err := s.with(in.Partner)
		if err != nil {
			return nil, err
		}
		_, now := s.Member.Height()
		return list(b, trade.ObligationPrefix, in.PageQuery, func(_ string, o settlement.Obligation) (wire.Obligation, bool) {
			return shownObligation(o), (in.State == "" || in.State == o.State) && (in.Payer == "" || in.Payer == o.Payer) && (in.Currency == "" || in.Currency == o.Amount.Currency) &&
				(in.Age == "" || o.Left().Micro != 0 && in.Age == ages[1+trade.Late(o.Due, now)])
		})
	})
	get(s, at+"/{id}", "get-obligation", tagSettlement, "One debt", func(_ context.Context, in *IDPath) (*reply[wire.Obligation], error) {
		b, err := s.with(in.Partner)
		if err != nil {
			return nil, err
		}
		o, err := record[settlement.Obligation](b, trade.ObligationKey(in.ID), "obligation "+clipped(in.ID))
		if err != nil {
			return nil, err
		}
		shown := shownObligation(o)
		_, now := s.Member.Height()
		err = b.View(func(v channel.View) error {
			payable, err := trade.View{Records: v}.Payable(o.Method, now, o)
			shown.Payable = &payable
			return err
		})
		return answer(shown), err
	})
	get(s, "/v1/bilaterals/{partner}/payable", "get-payable", tagSettlement, "The least by which one payment discharges debts now", func(_ context.Context, in *struct {
		PartnerPath
		Obligations []string `query:"obligation,explode" required:"true" minItems:"1" maxItems:"2000" doc:"Debts in one currency. Can be repeated."`
		Method      string   `query:"method" maxLength:"64" doc:"Default: that of the first debt."`
	}) (*reply[wire.Payable], error) {
		b, err := s.with(in.Partner)
		if err != nil {
			return nil, err
		}
		ids := slices.Compact(slices.Sorted(slices.Values(in.Obligations)))
		var of []settlement.Obligation
		for _, id := range ids {
			o, err := record[settlement.Obligation](b, trade.ObligationKey(id), "obligation "+clipped(id))
			if err != nil {
				return nil, err
			}
			of = append(of, o)
		}
		out := wire.Payable{Obligations: ids, Method: cmp.Or(in.Method, of[0].Method)}
		_, now := s.Member.Height()
		err = b.View(func(v channel.View) error {
			out.Amount, err = trade.View{Records: v}.Payable(out.Method, now, of...)
			return err
		})
		return answer(out), err
	})
	post(s, at, "open-obligations", tagSettlement, "Make final invoices due one by one, without netting", func(ctx context.Context, in *struct {
		PartnerPath
		Body wire.Invoices
	}) (*reply[wire.Opened], error) {
		b, err := s.with(in.Partner)
		if err != nil {
			return nil, err
		}
		ids := slices.Sorted(slices.Values(in.Body.Invoices))
		o, err := s.submit(ctx, b, trade.KindObligationOpen, trade.ObligationOpen{Invoices: ids})
		if err != nil {
			return nil, err
		}
		var opened []string
		for _, id := range ids {
			i, err := record[invoice.Invoice](b, trade.InvoiceKey(id), "invoice "+clipped(id))
			if err != nil {
				return nil, err
			}
			if i.Obligation != "" {
				opened = append(opened, i.Obligation)
			}
		}
		out := wire.Opened{Receipt: receipt(o)}
		out.Obligations, err = theseObligations(b, opened)
		return answer(out), err
	})
	post(s, "/v1/bilaterals/{partner}/payments", "advise-payments", tagSettlement, "Say that this carrier has paid several debts together, whole", func(ctx context.Context, in *struct {
		PartnerPath
		Body wire.AdviseAll
	}) (*reply[wire.Advised], error) {
		b, err := s.with(in.Partner)
		if err != nil {
			return nil, err
		}
		ids := slices.Sorted(slices.Values(in.Body.Obligations))
		said := trade.PaymentAdvise{Obligations: ids, Amount: in.Body.Amount, Method: in.Body.Method, Reference: in.Body.Reference, PaidAt: int64(in.Body.PaidAt)}
		var out wire.Advised
		out.Waits, err = s.byHand(ctx, in.Partner, ids, trade.KindPaymentAdvise, adviceDigest(said), func() error {
			o, err := s.submit(ctx, b, trade.KindPaymentAdvise, said)
			if err == nil {
				out.Receipt = receipt(o)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		out.Obligations, err = theseObligations(b, ids)
		return answer(out), err
	})
	post(s, at+"/{id}/advise", "advise-payment", tagSettlement, "Say that this carrier has paid", func(ctx context.Context, in *struct {
		IDPath
		Body wire.Advise
	}) (*reply[wire.Done[wire.Obligation]], error) {
		said := trade.PaymentAdvise{Obligation: in.ID, Amount: in.Body.Amount, Method: in.Body.Method, Reference: in.Body.Reference, PaidAt: int64(in.Body.PaidAt)}
		return s.payByHand(ctx, in.IDPath, trade.KindPaymentAdvise, adviceDigest(said), said)
	})
	for _, m := range []struct {
		path, id, summary string
		kind              trade.Kind
	}{
		{"confirm", "confirm-payment", "Confirm that the money came", trade.KindPaymentReceipt},
		{"decline", "decline-payment", "Say that no such money came", trade.KindPaymentDecline},
	} {
		post(s, at+"/{id}/"+m.path, m.id, tagSettlement, m.summary, func(ctx context.Context, in *struct {
			IDPath
			Body wire.Confirm
		}) (*reply[wire.Done[wire.Obligation]], error) {
			said := trade.PaymentAnswer{Obligation: in.ID, Amount: in.Body.Amount, Why: in.Body.Why}
			return s.payByHand(ctx, in.IDPath, m.kind, commandDigest(m.kind, said), said)
		})
	}
}

// adviceDigest is what two persons say alike: they need not name the same minute.
func adviceDigest(said trade.PaymentAdvise) canon.Hash {
	said.PaidAt = 0
	return commandDigest(trade.KindPaymentAdvise, said)
}

func obligationRecord(b Bilateral, id string) (wire.Obligation, error) {
	o, err := record[settlement.Obligation](b, trade.ObligationKey(id), "obligation "+clipped(id))
	return shownObligation(o), err
}

// theseObligations shows debts by id.
func theseObligations(b Bilateral, ids []string) ([]wire.Obligation, error) {
	out := []wire.Obligation{}
	for _, id := range ids {
		o, err := obligationRecord(b, id)
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, nil
}

func (s *server) changeObligation(ctx context.Context, at IDPath, kind trade.Kind, body any) (*reply[wire.Done[wire.Obligation]], error) {
	b, err := s.with(at.Partner)
	if err != nil {
		return nil, err
	}
	return change(ctx, s, b, kind, body, trade.ObligationKey(at.ID), "obligation "+clipped(at.ID), shownObligation)
}
