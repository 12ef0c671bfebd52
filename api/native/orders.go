package native

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/usage"
)

// delegates registers who may authorise for a side.
func (s *server) delegates() {
	const at = "/v1/bilaterals/{partner}/delegates"
	get(s, at, "list-delegates", tagContracts, "Who may authorise for either side", func(_ context.Context, in *struct {
		PartnerPath
		PageQuery
		Member party.Code `query:"member" maxLength:"32" doc:"Of this side only."`
	}) (*reply[api.Page[wire.Delegate]], error) {
		b, err := s.with(in.Partner)
		if err != nil {
			return nil, err
		}
		return list(b, trade.DelegatePrefix, in.PageQuery, func(_ string, d party.Delegate) (wire.Delegate, bool) {
			return shownDelegate(d), in.Member == "" || in.Member == d.Member
		})
	})
	post(s, at, "add-delegate", tagContracts, "Register a delegate of this carrier, or change one; signed with the member key", func(ctx context.Context, in *struct {
		PartnerPath
		Body wire.AddDelegate
	}) (*reply[wire.Done[wire.Delegate]], error) {
		b, err := s.with(in.Partner)
		if err != nil {
			return nil, err
		}
		return s.addDelegate(ctx, b, in.Body)
	})
	post(s, at+"/{key}/revoke", "revoke-delegate", tagContracts, "End a delegate of this carrier; signed with the member key", func(ctx context.Context, in *struct {
		PartnerPath
		Key string `path:"key" doc:"The delegate's key, hex."`
	}) (*reply[wire.Done[wire.Delegate]], error) {
		b, err := s.with(in.Partner)
		if err != nil {
			return nil, err
		}
		return s.revokeDelegate(ctx, b, in.Key)
	})
}

// addDelegate registers a delegate on a Bilateral or on the Omnilateral.
func (s *server) addDelegate(ctx context.Context, c Channel, d wire.AddDelegate) (*reply[wire.Done[wire.Delegate]], error) {
	return change(ctx, s, c, trade.KindDelegateAdd, trade.DelegateAdd(d), trade.DelegateKey(d.Key), "delegate "+d.Key.Short(), shownDelegate)
}

func (s *server) revokeDelegate(ctx context.Context, c Channel, hex string) (*reply[wire.Done[wire.Delegate]], error) {
	var key sign.PublicKey
	if err := key.UnmarshalText([]byte(hex)); err != nil {
		return nil, fault.Of(err).In("key")
	}
	return change(ctx, s, c, trade.KindDelegateRevoke, trade.DelegateRevoke{Key: key}, trade.DelegateKey(key), "delegate "+key.Short(), shownDelegate)
}

// FileBody takes a body of any length as it comes.
type FileBody struct{ body *bodyReader }

// Resolve takes hold of the body; huma does not read it.
func (b *FileBody) Resolve(ctx huma.Context) []error {
	r, w := humago.Unwrap(ctx)
	b.body = &bodyReader{r.Body, http.NewResponseController(w)}
	return nil
}

var _ huma.Resolver = (*FileBody)(nil)

// CSVBody is such a body that belongs to a Bilateral.
type CSVBody struct {
	PartnerPath
	FileBody
}

// takesCSV says in the document that an operation takes a CSV file.
func takesCSV(op huma.Operation, what string) huma.Operation {
	text := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	op.RequestBody = &huma.RequestBody{Description: what, Required: true, Content: map[string]*huma.MediaType{"text/csv": text, "application/gzip": text}}
	return op
}

// takesRecords says in the document that an operation takes a file of call records.
func takesRecords(op huma.Operation, what string) huma.Operation {
	op = takesCSV(op, what)
	text := op.RequestBody.Content["text/csv"]
	op.RequestBody.Content["application/x-ndjson"], op.RequestBody.Content["application/vnd.apache.parquet"] = text, text
	return op
}

// sheets registers rate sheets.
func (s *server) sheets() {
	const at = "/v1/bilaterals/{partner}/sheets"
	get(s, at, "list-sheets", tagContracts, "Rate sheets with a partner", func(_ context.Context, in *struct {
		PartnerPath
		PageQuery
		State     trade.SheetState `query:"state" enum:"proposed,acknowledged,accepted,rejected,withdrawn"`
		Direction string           `query:"direction" doc:"FROM>TO."`
	}) (*reply[api.Page[wire.Sheet]], error) {
		b, err := s.with(in.Partner)
		if err != nil {
			return nil, err
		}
		return list(b, trade.SheetPrefix, in.PageQuery, func(_ string, x trade.Sheet) (wire.Sheet, bool) {
			return s.shownSheet(x), (in.State == "" || in.State == x.State) && (in.Direction == "" || in.Direction == x.Direction.String())
		})
	})
	get(s, at+"/{id}", "get-sheet", tagContracts, "One rate sheet, by its commitment", s.getSheet)
	add(s, takesCSV(operation(http.MethodPost, at, "propose-sheet", tagContracts, "Upload a rate sheet, send it to the partner, and propose it"),
		"The rate sheet, CSV or gzip of it."), func(ctx context.Context, in *struct {
		CSVBody
		Direction string `query:"direction" doc:"FROM>TO; absent: calls from the partner to this carrier."`
		From      string `query:"from" doc:"RFC 3339: when it begins to price calls. Absent: with its first row."`
	}) (*reply[wire.Done[wire.Sheet]], error) {
		d, err := s.desk(in.Partner)
		if err != nil {
			return nil, err
		}
		direction := usage.Direction{From: in.Partner, To: party.Code(s.Member.Code())}
		if in.Direction != "" {
			if err := direction.UnmarshalText([]byte(in.Direction)); err != nil {
				return nil, fault.Of(err).In("direction")
			}
		}
		var from wire.Time
		if in.From != "" {
			if err := from.UnmarshalText([]byte(in.From)); err != nil {
				return nil, fault.Of(err).In("from")
			}
		}
		p, err := d.ProposeSheet(ctx, direction, int64(from), in.body)
		if err != nil {
			return nil, err
		}
		return s.sheetNow(ctx, in.Partner, p.ID, trade.KindSheetPropose)
	})
	post(s, at+"/{id}/acknowledge", "acknowledge-sheet", tagContracts, "Tell the partner that the file of a sheet is here and is what was proposed; the node does it by itself as well", func(ctx context.Context, in *IDPath) (*reply[wire.Done[wire.Sheet]], error) {
		d, err := s.desk(in.Partner)
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, s.Wait)
		defer cancel()
		if err := d.AcknowledgeSheet(ctx, in.ID); err != nil {
			return nil, err
		}
		return s.sheetNow(ctx, in.Partner, in.ID, trade.KindSheetAcknowledge)
	})
	post(s, at+"/{id}/accept", "accept-sheet", tagContracts, "Accept a sheet that the partner proposed, once its file is here and checked", func(ctx context.Context, in *IDPath) (*reply[wire.Done[wire.Sheet]], error) {
		d, err := s.desk(in.Partner)
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, s.Wait)
		defer cancel()
		if err := d.AcceptSheet(ctx, in.ID); err != nil {
			return nil, err
		}
		return s.sheetNow(ctx, in.Partner, in.ID, trade.KindSheetAccept)
	})
	post(s, at+"/{id}/reject", "reject-sheet", tagContracts, "Reject a sheet that the partner proposed", s.dropSheet(trade.KindSheetReject, Desk.RejectSheet))
	post(s, at+"/{id}/withdraw", "withdraw-sheet", tagContracts, "Take back a sheet that the partner has not answered", s.dropSheet(trade.KindSheetWithdraw, Desk.WithdrawSheet))
	s.raw(withPath(operation(http.MethodGet, at+"/{id}/file", "get-sheet-file", tagContracts, "The rows of a sheet, as its seller sent them"), "partner", "id"),
		"text/csv", "The file.", func(w http.ResponseWriter, r *http.Request) {
			d, err := s.desk(party.Code(r.PathValue("partner")))
			if err != nil {
				s.problem(r.Context(), err).Write(w)
				return
			}
			f, err := d.OpenSheet(r.PathValue("id"))
			if err != nil {
				s.problem(r.Context(), err).Write(w)
				return
			}
			defer f.Close()
			s.stream(w, r, "text/csv; charset=utf-8", f)
		})
}

// dropSheetInput names a sheet, and why it comes to nothing.
type dropSheetInput struct {
	IDPath
	Body wire.Answer
}

// dropSheet has a proposed sheet come to nothing.
func (s *server) dropSheet(kind trade.Kind, drop func(Desk, context.Context, string, string) error) func(context.Context, *dropSheetInput) (*reply[wire.Done[wire.Sheet]], error) {
	return func(ctx context.Context, in *dropSheetInput) (*reply[wire.Done[wire.Sheet]], error) {
		d, err := s.desk(in.Partner)
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, s.Wait)
		defer cancel()
		if err := drop(d, ctx, in.ID, in.Body.Why); err != nil {
			return nil, err
		}
		return s.sheetNow(ctx, in.Partner, in.ID, kind)
	}
}

// withPath describes the path parameters of an operation that huma does not
// read.
func withPath(op huma.Operation, names ...string) huma.Operation {
	for _, n := range names {
		op.Parameters = append(op.Parameters, &huma.Param{Name: n, In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}})
	}
	return op
}

func (s *server) getSheet(_ context.Context, in *IDPath) (*reply[wire.Sheet], error) {
	b, err := s.with(in.Partner)
	if err != nil {
		return nil, err
	}
	x, err := record[trade.Sheet](b, trade.SheetKey(in.ID), "sheet "+clipped(in.ID))
	return answer(s.shownSheet(x)), err
}

// sheetNow answers with a sheet after the desk has changed it. The receipt is
// what the record keeps of the command.
func (s *server) sheetNow(ctx context.Context, partner party.Code, id string, kind trade.Kind) (*reply[wire.Done[wire.Sheet]], error) {
	r, err := s.getSheet(ctx, &IDPath{PartnerPath{partner}, id})
	if err != nil {
		return nil, err
	}
	out := wire.Done[wire.Sheet]{Record: r.Body, Receipt: wire.Receipt{Kind: kind}}
	a := &r.Body.Proposed
	switch kind {
	case trade.KindSheetAcknowledge:
		a = r.Body.Acknowledged
	case trade.KindSheetAccept:
		a = r.Body.Accepted
	case trade.KindSheetReject, trade.KindSheetWithdraw:
		a = nil
	}
	if a != nil {
		out.Receipt.Height, out.Receipt.By, out.Receipt.Limit = a.Height, a.Key, a.Limit
	}
	return answer(out), nil
}

// fileName gives a name that is safe in a header.
func fileName(id string) string {
	return strings.Map(func(r rune) rune {
		if party.Plain("a"+string(r), 8) {
			return r
		}
		return '_'
	}, id)
}
