package native

import (
	"context"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/usage"
)

// bills registers bills for products, their items, and what is due.
func (s *server) bills() {
	const at = "/v1/bilaterals/{partner}/bills"
	get(s, at, "list-bills", tagBilling, "Bills for products, by account and time", s.listBills)
	get(s, "/v1/bilaterals/{partner}/bill", "get-bill", tagBilling, "The bill of an account for a period: as it was generated, or as it would be now", s.getBill)
	get(s, "/v1/bilaterals/{partner}/due-bills", "list-due-bills", tagBilling, "The next bill of each account whose period is over", s.listDueBills)
	post(s, at, "request-bill", tagBilling, "Have the bill of a period generated, where the Bilateral does that", func(ctx context.Context, in *struct {
		PartnerPath
		Body wire.RequestBill
	}) (*reply[wire.Done[wire.Bill]], error) {
		account := billedTo(in.Body)
		return s.changeBill(ctx, in.Partner, trade.KindBillRequest, trade.BillRequest{Account: account, Interval: in.Body.Interval}, account, in.Body.Interval)
	})
	post(s, at+"/submit", "submit-bill", tagBilling, "Submit this side's bill, where each side generates it; without figures it is what this node generates", s.submitBill)
	const items = "/v1/bilaterals/{partner}/invoices/{id}/items"
	get(s, items, "list-items", tagBilling, "The items of an invoice for products", s.listItems)
	post(s, items+"/dispute", "dispute-items", tagBilling, "Dispute items and accept the others", func(ctx context.Context, in *struct {
		IDPath
		Body wire.DisputeItems
	}) (*reply[wire.Done[wire.Invoice]], error) {
		b, err := s.with(in.Partner)
		if err != nil {
			return nil, err
		}
		doc := in.Body.Document
		if doc.IsZero() {
			i, err := record[invoice.Invoice](b, trade.InvoiceKey(in.ID), "invoice "+clipped(in.ID))
			if err != nil {
				return nil, err
			}
			doc = i.Document
		}
		body := trade.BillDispute{ID: in.ID, Document: doc, Why: in.Body.Why, Evidence: in.Body.Evidence}
		for _, o := range in.Body.Items {
			body.Items = append(body.Items, trade.ItemObjection(o))
		}
		return change(ctx, s, b, trade.KindBillDispute, body, trade.InvoiceKey(in.ID), "invoice "+clipped(in.ID), shownInvoice)
	})
	get(s, "/v1/bilaterals/{partner}/deadlines", "list-deadlines", tagBilling, "What waits, by record; the node has what was agreed applied when its time is over", s.listDeadlines)
}

func billedTo(w wire.RequestBill) invoice.Account {
	return invoice.Account{Agreement: w.Agreement, Seller: w.Seller, Name: w.Account}
}

// shownBill shows a bill with what has become of its period.
func shownBill(t trade.View, bill invoice.Bill, items bool) (wire.Bill, error) {
	a := bill.Account
	w := wire.Bill{Agreement: a.Agreement, Seller: a.Seller, Account: a.Name, Interval: bill.Interval, Order: a.Order(), Document: bill.Hash(), Rules: bill.Rules, From: bill.State,
		Invoices: []string{}}
	if p, there := t.Period(trade.PeriodRef{Order: a.Order(), Interval: bill.Interval}); there {
		w.State, w.Invoices = p.State, orEmpty(p.Invoices)
	}
	if items {
		w.Items = bill.Items
	}
	var err error
	w.Totals, err = bill.Totals()
	return w, err
}

// billNow reads the bill of a period, or computes what it would be.
func billNow(b Bilateral, a invoice.Account, i usage.Interval) (w wire.Bill, err error) {
	err = b.View(func(v channel.View) error {
		t := trade.View{Records: v}
		bill, err := t.Bill(a, i)
		if err != nil {
			return err
		}
		w, err = shownBill(t, bill, true)
		return err
	})
	return w, err
}

func (s *server) changeBill(ctx context.Context, partner party.Code, kind trade.Kind, body any, a invoice.Account, i usage.Interval) (*reply[wire.Done[wire.Bill]], error) {
	b, err := s.with(partner)
	if err != nil {
		return nil, err
	}
	o, err := s.submit(ctx, b, kind, body)
	if err != nil {
		return nil, err
	}
	w, err := billNow(b, a, i)
	return answer(wire.Done[wire.Bill]{Record: w, Receipt: receipt(o)}), err
}

func (s *server) submitBill(ctx context.Context, in *struct {
	PartnerPath
	Body wire.SubmitBill
}) (*reply[wire.Done[wire.Bill]], error) {
	b, err := s.with(in.Partner)
	if err != nil {
		return nil, err
	}
	w, account := in.Body, billedTo(in.Body.RequestBill)
	c := trade.BillSubmit{Account: account, Interval: w.Interval, Document: w.Document, Rules: w.Rules, State: w.State, Totals: w.Totals}
	if c.Document.IsZero() && c.Rules.IsZero() && c.State.IsZero() && len(c.Totals) == 0 {
		own, err := billNow(b, account, w.Interval)
		if err != nil {
			return nil, err
		}
		c.Document, c.Rules, c.State, c.Totals = own.Document, own.Rules, own.From, own.Totals
	}
	return s.changeBill(ctx, in.Partner, trade.KindBillSubmit, c, account, w.Interval)
}

func (s *server) listBills(_ context.Context, in *struct {
	PartnerPath
	PageQuery
	Span
	Seller party.Code `query:"seller" maxLength:"32" doc:"Of this side only."`
}) (*reply[api.Page[wire.Bill]], error) {
	b, err := s.with(in.Partner)
	if err != nil {
		return nil, err
	}
	within, err := in.Span.read()
	if err != nil {
		return nil, err
	}
	bills, err := list(b, trade.BillPrefix, in.PageQuery, func(_ string, x invoice.Bill) (invoice.Bill, bool) {
		return x, within(x.Interval.From) && (in.Seller == "" || in.Seller == x.Account.Seller)
	})
	if err != nil {
		return nil, err
	}
	out := api.Page[wire.Bill]{Items: make([]wire.Bill, len(bills.Body.Items)), Next: bills.Body.Next, Total: bills.Body.Total}
	err = b.View(func(v channel.View) error {
		for i, x := range bills.Body.Items {
			if out.Items[i], err = shownBill(trade.View{Records: v}, x, false); err != nil {
				return err
			}
		}
		return nil
	})
	return answer(out), err
}

func (s *server) getBill(_ context.Context, in *struct {
	PartnerPath
	Agreement string     `query:"agreement" required:"true" maxLength:"40"`
	Seller    party.Code `query:"seller" required:"true" maxLength:"32"`
	Account   string     `query:"account" maxLength:"24" doc:"Of the buyer. Absent: the usual one."`
	Interval  string     `query:"interval" required:"true" doc:"START/END, a period of the agreed cycle."`
}) (*reply[wire.Bill], error) {
	b, err := s.with(in.Partner)
	if err != nil {
		return nil, err
	}
	var i usage.Interval
	if err := i.UnmarshalText([]byte(in.Interval)); err != nil {
		return nil, fault.Of(err).In("interval")
	}
	w, err := billNow(b, invoice.Account{Agreement: in.Agreement, Seller: in.Seller, Name: in.Account}, i)
	return answer(w), err
}

func (s *server) listDueBills(_ context.Context, in *partnerPage) (*reply[api.Page[wire.RequestBill]], error) {
	b, err := s.with(in.Partner)
	if err != nil {
		return nil, err
	}
	var due []trade.BillRequest
	err = b.View(func(v channel.View) (err error) {
		due, err = trade.View{Records: v}.BillsDue(v.Time)
		return err
	})
	if err != nil {
		return nil, err
	}
	return cut(due, in.wanted(), func(r trade.BillRequest) wire.RequestBill {
		return wire.RequestBill{Agreement: r.Account.Agreement, Seller: r.Account.Seller, Account: r.Account.Name, Interval: r.Interval}
	})
}

func (s *server) listItems(_ context.Context, in *struct {
	IDPath
	PageQuery
}) (*reply[api.Page[wire.Item]], error) {
	b, err := s.with(in.Partner)
	if err != nil {
		return nil, err
	}
	inv, err := record[invoice.Invoice](b, trade.InvoiceKey(in.ID), "invoice "+clipped(in.ID))
	if err != nil {
		return nil, err
	}
	all := []wire.Item{}
	err = b.View(func(v channel.View) error {
		t := trade.View{Records: v}
		doc, _ := t.Document(inv.ID)
		for _, x := range doc.Items {
			c := x.Charge
			all = append(all, wire.Item{Number: x.Number, Product: x.Product, Price: c.Price, Kind: c.Kind, Interval: c.Interval, Quantity: c.Quantity, Amount: c.Amount, Why: c.Why,
				State: t.ItemState(inv, x), Dispute: x.Dispute})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	page, err := api.CutSlice(all, in.wanted())
	return answer(page), err
}

func (s *server) listDeadlines(_ context.Context, in *struct {
	PartnerPath
	PageQuery
	Before string `query:"before" doc:"RFC 3339: only what waits until then. Absent: all."`
}) (*reply[api.Page[wire.DueRecord]], error) {
	b, err := s.with(in.Partner)
	if err != nil {
		return nil, err
	}
	until := wire.Time(1<<63 - 1)
	if in.Before != "" {
		if err := until.UnmarshalText([]byte(in.Before)); err != nil {
			return nil, fault.Of(err).In("before")
		}
	}
	all := []wire.DueRecord{}
	err = b.View(func(v channel.View) error {
		for d := range (trade.View{Records: v}).Due(int64(until)) {
			all = append(all, wire.DueRecord{Subject: d.Subject, Deadline: wire.Time(d.Deadline)})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	page, err := api.CutSlice(all, in.wanted())
	return answer(page), err
}
