package native

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/document"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/clearing"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/usage"
)

// billing registers periods, statements and invoices.
func (s *server) billing() {
	const at = "/v1/bilaterals/{partner}/periods"
	get(s, at, "list-periods", tagBilling, "Billing periods, by order and time", s.listPeriods)
	post(s, at, "request-rating", tagBilling, "Request rating of a period", func(ctx context.Context, in *struct {
		PartnerPath
		Body wire.RequestRating
	}) (*reply[wire.Done[wire.Period]], error) {
		b, err := s.with(in.Partner)
		if err != nil {
			return nil, err
		}
		ref := trade.PeriodRef{Order: in.Body.Order, Interval: in.Body.Interval}
		return change(ctx, s, b, trade.KindRatingRequest, trade.RatingRequest{Period: ref}, trade.PeriodKey(ref.Order, ref.Interval),
			"period "+ref.Interval.String(), func(p invoice.Period) wire.Period { return shownPeriod(p, s.self()) })
	})
	get(s, at+"/{order}/{from}", "get-period", tagBilling, "One period", func(_ context.Context, in *PeriodPath) (*reply[wire.Period], error) {
		_, p, err := s.period(in)
		return answer(shownPeriod(p, s.self())), err
	})
	get(s, at+"/{order}/{from}/lines", "list-lines", tagBilling, "The lines of a period as both sides state them", s.listLines)
	get(s, at+"/{order}/{from}/rated", "get-rated", tagBilling, "A version of a rated period: its lines, and all versions that there are", s.getRated)
	get(s, at+"/{order}/{from}/calls", "list-calls", tagBilling, "This carrier's own calls of a line that it has stated", s.listCalls)
	post(s, at+"/{order}/{from}/correct", "correct-period", tagBilling, "Rate a period again by the sheets in force now: what differs is a credit or a debit note", s.correctPeriod)
	get(s, "/v1/bilaterals/{partner}/differences", "list-differences", tagBilling, "Lines on which the two sides differ, with both figures", s.listDifferences)
	post(s, "/v1/bilaterals/{partner}/deadlines", "apply-deadline", tagBilling, "Apply the agreed outcome of a deadline that has passed", func(ctx context.Context, in *struct {
		PartnerPath
		Body wire.Tick
	}) (*reply[wire.Receipt], error) {
		b, err := s.with(in.Partner)
		if err != nil {
			return nil, err
		}
		o, err := s.submit(ctx, b, trade.KindTick, trade.Tick{Subject: in.Body.Subject})
		return answer(receipt(o)), err
	})
	s.invoices()
}

// PeriodPath names a period in a path.
type PeriodPath struct {
	PartnerPath
	Order string `path:"order" maxLength:"120" doc:"Id of the order; of an account for products, as its bill names it."`
	From  string `path:"from" doc:"RFC 3339: when the period begins." example:"2026-11-02T00:00:00Z"`
}

func (s *server) period(in *PeriodPath) (b Bilateral, p invoice.Period, err error) {
	if b, err = s.with(in.Partner); err != nil {
		return b, p, err
	}
	var from wire.Time
	if err := from.UnmarshalText([]byte(in.From)); err != nil {
		return b, p, fault.Of(err).In("from")
	}
	p, err = record[invoice.Period](b, trade.PeriodKey(in.Order, usage.Interval{From: int64(from)}), "period of order "+clipped(in.Order)+" from "+clipped(in.From))
	return b, p, err
}

// Span filters by time. Both ends are RFC 3339 and optional.
type Span struct {
	From string `query:"from" doc:"RFC 3339: periods that begin, or what happened, then or later."`
	To   string `query:"to" doc:"RFC 3339: periods that begin, or what happened, before."`
}

// times gives both ends; what is absent is zero.
func (f Span) times() (from, to wire.Time, err error) {
	for _, e := range []struct {
		field, text string
		to          *wire.Time
	}{{"from", f.From, &from}, {"to", f.To, &to}} {
		if e.text == "" {
			continue
		}
		if err := e.to.UnmarshalText([]byte(e.text)); err != nil {
			return 0, 0, fault.Of(err).In(e.field)
		}
	}
	return from, to, nil
}

// read gives a test for the beginning of a period.
func (f Span) read() (func(ms int64) bool, error) {
	from, to, err := f.times()
	if err != nil {
		return nil, err
	}
	return func(ms int64) bool { return (f.From == "" || ms >= int64(from)) && (f.To == "" || ms < int64(to)) }, nil
}

// PeriodFilter says which periods are wanted; zero: all.
type PeriodFilter struct {
	Span
	State     invoice.PeriodState `query:"state" enum:"requested,lapsed,stated,reconciling,agreed,closed"`
	Direction string              `query:"direction" doc:"FROM>TO."`
	Order     string              `query:"order" maxLength:"120"`
}

func (s *server) listPeriods(_ context.Context, in *struct {
	PartnerPath
	PageQuery
	PeriodFilter
}) (*reply[api.Page[wire.Period]], error) {
	b, err := s.with(in.Partner)
	if err != nil {
		return nil, err
	}
	within, err := in.Span.read()
	if err != nil {
		return nil, err
	}
	return listWhere(b, trade.PeriodPrefix, in.PageQuery, in.PeriodFilter, func(_ string, p invoice.Period) (wire.Period, bool) {
		return shownPeriod(p, s.self()), within(p.Interval.From) && (in.State == "" || in.State == p.State) &&
			(in.Direction == "" || in.Direction == p.Direction.String()) && (in.Order == "" || in.Order == p.Order)
	})
}

// statement yields the lines of one side's statement, part by part, so that a
// statement of any length is never in memory whole.
func statement(b Bilateral, p invoice.Period, side trade.Side, n uint32) iter.Seq2[usage.Line, error] {
	return func(yield func(usage.Line, error) bool) {
		for part := uint32(1); part <= n; part++ {
			st, err := record[trade.Statement](b, trade.StatementKey(p.Order, p.Interval, side, part), fmt.Sprintf("part %d of a statement", part))
			if err != nil {
				yield(usage.Line{}, err)
				return
			}
			for _, l := range st.Lines {
				if !yield(l, nil) {
					return
				}
			}
		}
	}
}

// lineCursor names a line in a page's cursor.
func lineCursor(l usage.Line) string {
	return fmt.Sprintf("%015d.%010d", l.Adjusts.From, l.Row)
}

func (s *server) listLines(_ context.Context, in *struct {
	PeriodPath
	OnwardQuery
	Differing bool `query:"differing" doc:"Only lines on which the two sides differ."`
}) (*reply[api.Page[wire.Compared]], error) {
	b, p, err := s.period(&in.PeriodPath)
	if err != nil {
		return nil, err
	}
	terms, err := record[agreement.Terms](b, trade.TermsKey(p.Terms), "terms of the period")
	if err != nil {
		return nil, err
	}
	var fail error
	pairs := func(yield func(string, wire.Compared) bool) {
		fail = merged(b, p, func(at usage.Line, seller, buyer *usage.Line) bool {
			return yield(lineCursor(at), compared(at, seller, buyer, terms.SecondsTolerance))
		})
	}
	page, err := api.Cut(pairs, in.wanted(), func(c wire.Compared, _ bool) (wire.Compared, bool, error) {
		return c, !in.Differing || !c.Agrees, nil
	})
	if err == nil {
		err = fail
	}
	if err != nil {
		return nil, err
	}
	for i := range page.Items {
		c := &page.Items[i]
		id := dispute.ID(p.Order, p.Interval, c.Row, c.Adjusts)
		d, err := record[dispute.Dispute](b, trade.DisputeKey(id), "dispute")
		switch fault.CodeOf(err) {
		case "":
			c.Dispute, c.Decision = id, shownDecision(d.Decision)
		case fault.NotFound:
		default:
			return nil, err
		}
	}
	return answer(page), nil
}

// merged walks both statements of a period side by side, in their order, until
// yield says no.
func merged(b Bilateral, p invoice.Period, yield func(at usage.Line, seller, buyer *usage.Line) bool) error {
	nextSeller, stop := iter.Pull2(statement(b, p, trade.SellerSide, p.Seller.Parts))
	defer stop()
	nextBuyer, stop := iter.Pull2(statement(b, p, trade.BuyerSide, p.Buyer.Parts))
	defer stop()
	seller, err, more := nextSeller()
	if err != nil {
		return err
	}
	buyer, err, also := nextBuyer()
	for err == nil && (more || also) {
		at, s, y := seller, &seller, &buyer
		switch {
		case !more || also && buyer.Order(seller) < 0:
			at, s = buyer, nil
		case !also || seller.Order(buyer) < 0:
			y = nil
		}
		if !yield(at, s, y) {
			return nil
		}
		if s != nil {
			seller, err, more = nextSeller()
		}
		if y != nil && err == nil {
			buyer, err, also = nextBuyer()
		}
	}
	return err
}

func compared(at usage.Line, seller, buyer *usage.Line, tolerance uint64) wire.Compared {
	c := wire.Compared{Row: at.Row, Adjusts: at.Adjusts, Reason: at.Reason, Seller: statedLine(seller), Buyer: statedLine(buyer)}
	if seller != nil && buyer != nil {
		gap := max(seller.BilledSeconds, buyer.BilledSeconds) - min(seller.BilledSeconds, buyer.BilledSeconds)
		c.Agrees = seller.Calls == buyer.Calls && gap <= tolerance
	}
	return c
}

func statedLine(l *usage.Line) *wire.Stated {
	if l == nil {
		return nil
	}
	return &wire.Stated{Calls: l.Calls, RawMillis: l.RawMillis, BilledSeconds: l.BilledSeconds, Root: l.Root}
}

func (s *server) listDifferences(_ context.Context, in *struct {
	PartnerPath
	PageQuery
	Span
	Direction string `query:"direction" doc:"FROM>TO."`
	Open      bool   `query:"open" doc:"Only those that are not decided."`
}) (*reply[api.Page[wire.Difference]], error) {
	b, err := s.with(in.Partner)
	if err != nil {
		return nil, err
	}
	within, err := in.Span.read()
	if err != nil {
		return nil, err
	}
	directions, err := directionsOf(b)
	if err != nil {
		return nil, err
	}
	var fail error
	page, err := list(b, trade.DisputePrefix, in.PageQuery, func(_ string, d dispute.Dispute) (wire.Difference, bool) {
		w := wire.Difference{Dispute: d.ID, Order: d.Order, Interval: d.Interval, Direction: directions[d.Order], Row: d.Row, Adjusts: d.Adjusts, Reason: d.Reason,
			Currency: d.Currency, Seller: d.Seller, Buyer: d.Buyer, State: d.State}
		var err error
		if w.Amount, err = d.Seller.Amount.Sub(d.Buyer.Amount); err != nil {
			fail = err
		}
		return w, within(d.Interval.From) && (in.Direction == "" || in.Direction == w.Direction.String()) && (!in.Open || d.State != dispute.Resolved)
	})
	if err == nil {
		err = fail
	}
	return page, err
}

// invoices registers invoices and what is claimed on them.
func (s *server) invoices() {
	const at = "/v1/bilaterals/{partner}/invoices"
	get(s, at, "list-invoices", tagBilling, "Invoices of both sides", s.listInvoices)
	get(s, "/v1/bilaterals/{partner}/totals", "get-totals", tagBilling, "What is invoiced, settled, disputed and due, by direction and currency", s.getTotals)
	get(s, "/v1/bilaterals/{partner}/volume", "get-volume", tagBilling, "Where the terms about volume stand in their windows", s.getVolume)
	get(s, at+"/{id}", "get-invoice", tagBilling, "One invoice with its document", func(_ context.Context, in *IDPath) (*reply[wire.Invoice], error) {
		b, err := s.with(in.Partner)
		if err != nil {
			return nil, err
		}
		i, err := record[invoice.Invoice](b, trade.InvoiceKey(in.ID), "invoice "+clipped(in.ID))
		if err != nil {
			return nil, err
		}
		d, err := record[invoice.Document](b, trade.DocumentKey(in.ID), "invoice "+clipped(in.ID))
		if err != nil {
			return nil, err
		}
		w := shownInvoice(i)
		says := document.Wire(d)
		w.Says = &says
		return answer(w), nil
	})
	get(s, at+"/{id}/waterfall", "get-waterfall", tagBilling, "From what an invoice claims to what the buyer's own figures come to, by cause", func(_ context.Context, in *IDPath) (*reply[wire.Waterfall], error) {
		d, err := s.desk(in.Partner)
		if err != nil {
			return nil, err
		}
		w, err := d.Waterfall(in.ID)
		return answer(shownWaterfall(w)), err
	})
	for _, f := range []struct {
		path, id, summary, media, ending string
		write                            func(ctx context.Context, b Bilateral, id string) ([]byte, error)
	}{
		{"document.json", "get-invoice-json", "The document as JSON to keep; lateral verify reads it", "application/json", ".json", written(document.JSON)},
		{"document.html", "get-invoice-html", "The document as a page for people; lateral verify reads it", "text/html", ".html", written(document.HTML)},
		{"document.cbor", "get-invoice-canonical", "The document's canonical bytes, as a proof shows them", "application/cbor", ".cbor", rawDocument},
		{"proof", "get-invoice-proof", "A proof of the document that anybody can check offline; an anchor is posted where none covers it yet", "application/octet-stream", ".proof", s.prove},
	} {
		s.raw(withPath(operation(http.MethodGet, at+"/{id}/"+f.path, f.id, tagBilling, f.summary), "partner", "id"), f.media, "The file.",
			func(w http.ResponseWriter, r *http.Request) {
				id := r.PathValue("id")
				b, err := s.with(party.Code(r.PathValue("partner")))
				var data []byte
				if err == nil {
					data, err = f.write(r.Context(), b, id)
				}
				if err == nil {
					w.Header().Set("Content-Disposition", `inline; filename="`+fileName(id)+f.ending+`"`)
					w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
				}
				media := f.media
				if media == "text/html" {
					media += "; charset=utf-8"
				}
				s.give(w, r, media, data, err)
			})
	}
	post(s, at+"/{id}/accept", "accept-invoice", tagBilling, "Accept all lines that are not open", func(ctx context.Context, in *struct {
		IDPath
		Body wire.AcceptInvoice
	}) (*reply[wire.Done[wire.Invoice]], error) {
		return s.answerInvoice(ctx, in.IDPath, in.Body.Document, trade.KindInvoiceAccept, func(doc canon.Hash) []any {
			return []any{trade.InvoiceAccept{ID: in.ID, Document: doc, Reserved: objections(in.Body.Reserved)}}
		})
	})
	post(s, at+"/{id}/reject", "reject-invoice", tagBilling, "Reject a credit or debit note: the version before it stands", func(ctx context.Context, in *struct {
		IDPath
		Body wire.RejectInvoice
	}) (*reply[wire.Done[wire.Invoice]], error) {
		return s.answerInvoice(ctx, in.IDPath, in.Body.Document, trade.KindInvoiceReject, func(doc canon.Hash) []any {
			return []any{trade.InvoiceReject{ID: in.ID, Document: doc, Why: in.Body.Why}}
		})
	})
	post(s, at+"/{id}/dispute", "dispute-invoice", tagBilling, "Dispute lines and accept the others", func(ctx context.Context, in *struct {
		IDPath
		Body wire.DisputeInvoice
	}) (*reply[wire.Done[wire.Invoice]], error) {
		return s.answerInvoice(ctx, in.IDPath, in.Body.Document, trade.KindInvoiceDispute, func(doc canon.Hash) []any {
			return inParts(trade.InvoiceDispute{ID: in.ID, Document: doc, Lines: objections(in.Body.Lines), Why: in.Body.Why, Evidence: in.Body.Evidence,
				Reserved: objections(in.Body.Reserved)})
		})
	})
}

// getRated shows a period as a version of it is rated.
func (s *server) getRated(_ context.Context, in *struct {
	PeriodPath
	Version uint32 `query:"version" doc:"Absent: what is in force."`
}) (*reply[wire.RatedPeriod], error) {
	b, p, err := s.period(&in.PeriodPath)
	if err != nil {
		return nil, err
	}
	if last := max(1, p.Version); in.Version > last {
		return nil, fault.Newf(fault.NotFound, "leave the version out for the one in force", "the period has %d versions", last).In("version")
	}
	out := wire.RatedPeriod{Version: in.Version, Versions: []wire.RatedVersion{{Version: 1}}, Lines: []wire.DocumentLine{}}
	err = b.View(func(v channel.View) error {
		t := trade.View{Records: v}
		force := uint32(1)
		for _, id := range p.Invoices {
			i, _ := t.Invoice(id)
			if i.Note == "" {
				continue
			}
			out.Versions = append(out.Versions, wire.RatedVersion{Version: i.Version, Note: id, Kind: i.Note, State: i.State, Total: i.Total, Currency: i.Currency})
			if i.Binding() {
				force = i.Version
			}
		}
		if out.Version == 0 {
			out.Version = force
		}
		for _, l := range t.Rated(p, out.Version) {
			out.Lines = append(out.Lines, document.WireLine(l))
		}
		return nil
	})
	return answer(out), err
}

func (s *server) correctPeriod(ctx context.Context, in *struct {
	PeriodPath
	Body wire.CorrectPeriod
}) (*reply[wire.Corrected], error) {
	b, p, err := s.period(&in.PeriodPath)
	if err != nil {
		return nil, err
	}
	d, err := s.desk(in.Partner)
	if err != nil {
		return nil, err
	}
	c, err := d.Correct(ctx, p.Order, p.Interval.From, in.Body.Why)
	if err != nil {
		return nil, err
	}
	out := wire.Corrected{Notes: []wire.Invoice{}}
	for _, l := range c.Decided {
		out.Decided = append(out.Decided, wire.LineRef(l))
	}
	for _, id := range c.Notes {
		i, err := record[invoice.Invoice](b, trade.InvoiceKey(id), "note "+id)
		if err != nil {
			return nil, err
		}
		out.Notes = append(out.Notes, shownInvoice(i))
	}
	return answer(out), nil
}

func (s *server) listCalls(_ context.Context, in *struct {
	PeriodPath
	PageQuery
	Row     uint32 `query:"row" doc:"Of the line."`
	Adjusts string `query:"adjusts" doc:"RFC 3339: when the earlier period begins that the line adjusts. Absent: it adjusts none."`
	Day     string `query:"day" format:"date" doc:"Only those that began on this day, UTC." example:"2026-11-02"`
}) (*reply[api.Page[wire.LineCall]], error) {
	_, p, err := s.period(&in.PeriodPath)
	if err != nil {
		return nil, err
	}
	var adjusts wire.Time
	if in.Adjusts != "" {
		if err := adjusts.UnmarshalText([]byte(in.Adjusts)); err != nil {
			return nil, fault.Of(err).In("adjusts")
		}
	}
	d, err := s.desk(in.Partner)
	if err != nil {
		return nil, err
	}
	calls, err := d.Calls(p.Order, p.Interval, in.Row, int64(adjusts))
	if err != nil {
		return nil, err
	}
	if in.Day != "" {
		day, err := time.Parse(time.DateOnly, in.Day)
		if err != nil {
			return nil, fault.New(fault.Invalid, "write it like 2026-11-02", "that is no day").In("day")
		}
		from, to := day.UnixMilli(), day.AddDate(0, 0, 1).UnixMilli()
		calls = slices.DeleteFunc(slices.Clone(calls), func(c clearing.LineCall) bool { return c.Start < from || c.Start >= to })
	}
	return cut(calls, in.wanted(), shownLineCall)
}

func objections(lines []wire.Objection) []trade.Objection {
	var out []trade.Objection
	for _, l := range lines {
		out = append(out, trade.Objection(l))
	}
	return out
}

// maxObjections is how many lines one command objects to, so that it fits an
// envelope.
const maxObjections = 4096

// inParts splits a dispute of many lines. What is reserved goes with the last
// part.
func inParts(d trade.InvoiceDispute) (out []any) {
	parts := slices.Collect(slices.Chunk(d.Lines, maxObjections))
	if len(parts) < 2 {
		return []any{d}
	}
	for i, lines := range parts {
		p := d
		p.Lines, p.Part, p.Of = lines, uint32(i+1), uint32(len(parts))
		if i+1 < len(parts) {
			p.Reserved = nil
		}
		out = append(out, p)
	}
	return out
}

// answerInvoice sends the buyer's answer. Only the last of its commands changes
// where the invoice stands.
func (s *server) answerInvoice(ctx context.Context, at IDPath, doc canon.Hash, kind trade.Kind, bodies func(canon.Hash) []any) (*reply[wire.Done[wire.Invoice]], error) {
	b, err := s.with(at.Partner)
	if err != nil {
		return nil, err
	}
	if doc.IsZero() {
		i, err := record[invoice.Invoice](b, trade.InvoiceKey(at.ID), "invoice "+clipped(at.ID))
		if err != nil {
			return nil, err
		}
		doc = i.Document
	}
	all := bodies(doc)
	last := len(all) - 1
	for _, body := range all[:last] {
		if _, err := s.submit(ctx, b, kind, body); err != nil {
			return nil, err
		}
	}
	return change(ctx, s, b, kind, all[last], trade.InvoiceKey(at.ID), "invoice "+clipped(at.ID), shownInvoice)
}

func written(f func(invoice.Document) ([]byte, error)) func(context.Context, Bilateral, string) ([]byte, error) {
	return func(_ context.Context, b Bilateral, id string) ([]byte, error) {
		d, err := record[invoice.Document](b, trade.DocumentKey(id), "invoice "+clipped(id))
		if err != nil {
			return nil, err
		}
		return f(d)
	}
}

func rawDocument(_ context.Context, b Bilateral, id string) (out []byte, err error) {
	err = b.View(func(v channel.View) error {
		raw, ok := v.Get(trade.DocumentKey(id))
		if !ok {
			return fault.New(fault.NotFound, "there is no invoice "+clipped(id), "look it up in the list")
		}
		out = append(out, raw...)
		return nil
	})
	return out, err
}

func (s *server) prove(ctx context.Context, b Bilateral, id string) ([]byte, error) {
	return s.proveRecord(ctx, b, trade.DocumentKey(id))
}

// InvoiceFilter says which invoices are wanted; zero: all.
type InvoiceFilter struct {
	Span
	State     invoice.State  `query:"state" enum:"issued,disputed,partial,final,settled,rejected"`
	Direction string         `query:"direction" doc:"FROM>TO: from the buyer to the seller."`
	Currency  money.Currency `query:"currency" maxLength:"3"`
	Payable   bool           `query:"payable" doc:"Only those that wait to be paid or netted."`
}

func (s *server) listInvoices(_ context.Context, in *struct {
	PartnerPath
	PageQuery
	InvoiceFilter
}) (*reply[api.Page[wire.Invoice]], error) {
	b, err := s.with(in.Partner)
	if err != nil {
		return nil, err
	}
	within, err := in.Span.read()
	if err != nil {
		return nil, err
	}
	return listWhere(b, trade.InvoicePrefix, in.PageQuery, in.InvoiceFilter, func(_ string, i invoice.Invoice) (wire.Invoice, bool) {
		d := usage.Direction{From: i.Buyer, To: i.Seller}
		return shownInvoice(i), within(i.Interval.From) && (in.State == "" || in.State == i.State) && (in.Currency == "" || in.Currency == i.Currency) &&
			(in.Direction == "" || in.Direction == d.String()) && (!in.Payable || i.Payable())
	})
}

// getVolume shows what the terms about volume have counted, and what comes next.
func (s *server) getVolume(_ context.Context, in *PartnerPath) (*reply[wire.VolumeWindows], error) {
	b, err := s.with(in.Partner)
	if err != nil {
		return nil, err
	}
	out := wire.VolumeWindows{Windows: []wire.VolumeWindow{}}
	err = b.View(func(v channel.View) error {
		windows, err := (trade.View{Records: v}).VolumeWindows()
		for _, x := range windows {
			w := wire.VolumeWindow{Agreement: x.Agreement, Direction: x.Direction, Window: x.Window, Seconds: x.Counted.Seconds, Charges: x.Counted.Charges, Billed: x.Billed, Over: x.Over}
			if c := x.Commitment; c != nil {
				w.Name, w.Currency = c.Name, c.Currency
				if x.Counted.Seconds < c.Seconds {
					w.NextSeconds = c.Seconds
				}
				if x.Counted.Charges < c.Charges {
					w.NextCharges = c.Charges
				}
			} else {
				n := x.Discount.Reached(x.Counted)
				w.Name, w.Currency, w.Tier = x.Discount.Name, x.Discount.Currency, uint32(n)
				if n < len(x.Discount.Tiers) {
					w.NextSeconds, w.NextCharges = x.Discount.Tiers[n].Seconds, x.Discount.Tiers[n].Charges
				}
			}
			out.Windows = append(out.Windows, w)
		}
		return err
	})
	return answer(out), err
}

// getTotals adds all invoices up. What is open on one moves to the invoice that
// follows it once it is decided, so nothing is counted twice.
func (s *server) getTotals(_ context.Context, in *PartnerPath) (*reply[wire.TotalsList], error) {
	b, err := s.with(in.Partner)
	if err != nil {
		return nil, err
	}
	out := wire.TotalsList{Totals: []wire.Totals{}}
	err = each(b, trade.InvoicePrefix, func(i invoice.Invoice) error {
		t := totalsOf(&out, usage.Direction{From: i.Buyer, To: i.Seller}, i.Currency)
		t.Invoices++
		part := &t.Due
		if i.Paid || i.State == invoice.Settled {
			part = &t.Settled
		}
		for _, a := range []struct {
			to     *money.Micro
			amount money.Micro
		}{{part, i.Total}, {&t.Disputed, i.Open}, {&t.Invoiced, i.Total}, {&t.Invoiced, i.Open}} {
			var err error
			if *a.to, err = a.to.Add(a.amount); err != nil {
				return err
			}
		}
		return nil
	})
	return answer(out), err
}

// totalsOf finds the sums of a direction and currency, which are kept in order.
func totalsOf(t *wire.TotalsList, d usage.Direction, c money.Currency) *wire.Totals {
	at := 0
	for at < len(t.Totals) && (t.Totals[at].Direction.String() < d.String() || t.Totals[at].Direction == d && t.Totals[at].Currency < c) {
		at++
	}
	if at == len(t.Totals) || t.Totals[at].Direction != d || t.Totals[at].Currency != c {
		t.Totals = append(t.Totals, wire.Totals{})
		copy(t.Totals[at+1:], t.Totals[at:])
		t.Totals[at] = wire.Totals{Direction: d, Currency: c}
	}
	return &t.Totals[at]
}

// directionsOf gives the direction of each order, and of each account for
// products.
func directionsOf(b Bilateral) (map[string]usage.Direction, error) {
	out := map[string]usage.Direction{}
	err := each(b, trade.OrderPrefix, func(o order.Order) error {
		out[o.ID] = usage.Direction{From: o.Buyer, To: o.Seller}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = each(b, trade.PeriodPrefix+invoice.AccountPrefix, func(p invoice.Period) error {
		out[p.Order] = p.Direction
		return nil
	})
	return out, err
}
