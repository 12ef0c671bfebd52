package client

import (
	"context"
	"io"
	"iter"
	"net/http"

	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/trade/usage"
)

// ChargeOrder asks the buyer for a charge without which an order does not go on.
func (p *Partner) ChargeOrder(ctx context.Context, id string, a wire.AskCharge) (wire.Done[wire.Order], error) {
	return post[wire.Done[wire.Order]](ctx, p.c, p.at("orders", id, "charge"), a)
}

// RescheduleOrder asks the seller for another date of an order, or for haste.
func (p *Partner) RescheduleOrder(ctx context.Context, id string, r wire.RescheduleOrder) (wire.Done[wire.Order], error) {
	return post[wire.Done[wire.Order]](ctx, p.c, p.at("orders", id, "reschedule"), r)
}

// DeliverOrder says that what was ordered is delivered.
func (p *Partner) DeliverOrder(ctx context.Context, id string, d wire.DeliverOrder) (wire.Done[wire.Order], error) {
	return post[wire.Done[wire.Order]](ctx, p.c, p.at("orders", id, "deliver"), d)
}

// Products lists products that one side has of the other. Filter: state,
// direction, held.
func (p *Partner) Products(ctx context.Context, f Filter) iter.Seq2[wire.Product, error] {
	return list[wire.Product](ctx, p.c, p.at("products"), f)
}

// Product gives one product.
func (p *Partner) Product(ctx context.Context, id string) (wire.Product, error) {
	return get[wire.Product](ctx, p.c, p.at("products", id))
}

// MoveProduct moves a product: move is suspend or resume.
func (p *Partner) MoveProduct(ctx context.Context, id, move, why string) (wire.Done[wire.Product], error) {
	return post[wire.Done[wire.Product]](ctx, p.c, p.at("products", id, move), wire.Answer{Why: why})
}

// Measurements lists what both sides have measured. Filter: product, state,
// people, from, to.
func (p *Partner) Measurements(ctx context.Context, f Filter) iter.Seq2[wire.Measurement, error] {
	return list[wire.Measurement](ctx, p.c, p.at("measurements"), f)
}

func (p *Partner) measurementAt(product string, from wire.Time, more ...string) string {
	return p.at(append([]string{"measurements", product, usage.Stamp(int64(from))}, more...)...)
}

// Measurement gives what is measured of a product in the interval that begins at
// a moment.
func (p *Partner) Measurement(ctx context.Context, product string, from wire.Time) (wire.Measurement, error) {
	return get[wire.Measurement](ctx, p.c, p.measurementAt(product, from))
}

// ImportReadings imports readings of what this carrier's meters have shown of
// products: CSV.
func (p *Partner) ImportReadings(ctx context.Context, file io.Reader) (wire.ImportedReadings, error) {
	var out wire.ImportedReadings
	err := p.c.json(ctx, call{method: http.MethodPut, path: p.at("readings"), body: file, media: "text/csv"}, nil, &out)
	return out, err
}

// StateMeasurement states what this side has measured.
func (p *Partner) StateMeasurement(ctx context.Context, m wire.StateMeasurement) (wire.Done[wire.Measurement], error) {
	return post[wire.Done[wire.Measurement]](ctx, p.c, p.at("measurements"), m)
}

// ProposeMeasurement offers what counts of the figures that are open.
func (p *Partner) ProposeMeasurement(ctx context.Context, product string, from wire.Time, m wire.ProposeMeasurement) (wire.Done[wire.Measurement], error) {
	return post[wire.Done[wire.Measurement]](ctx, p.c, p.measurementAt(product, from, "propose"), m)
}

// AcceptMeasurement accepts the partner's offer; without figures as it is.
func (p *Partner) AcceptMeasurement(ctx context.Context, product string, from wire.Time, m wire.ProposeMeasurement) (wire.Done[wire.Measurement], error) {
	return post[wire.Done[wire.Measurement]](ctx, p.c, p.measurementAt(product, from, "accept"), m)
}

// RejectMeasurement rejects the partner's offer.
func (p *Partner) RejectMeasurement(ctx context.Context, product string, from wire.Time, why string) (wire.Done[wire.Measurement], error) {
	return post[wire.Done[wire.Measurement]](ctx, p.c, p.measurementAt(product, from, "reject"), wire.Answer{Why: why})
}

// Bills lists bills for products. Filter: seller, from, to.
func (p *Partner) Bills(ctx context.Context, f Filter) iter.Seq2[wire.Bill, error] {
	return list[wire.Bill](ctx, p.c, p.at("bills"), f)
}

// Bill gives the bill of a period: as it was generated, or as it would be now.
func (p *Partner) Bill(ctx context.Context, r wire.RequestBill) (wire.Bill, error) {
	f := Filter{"agreement": r.Agreement, "seller": string(r.Seller), "account": r.Account, "interval": r.Interval.String()}
	return get[wire.Bill](ctx, p.c, p.at("bill")+"?"+f.values().Encode())
}

// DueBills lists the next bill of each account whose period is over.
func (p *Partner) DueBills(ctx context.Context) iter.Seq2[wire.RequestBill, error] {
	return list[wire.RequestBill](ctx, p.c, p.at("due-bills"), nil)
}

// RequestBill has the bill of a period generated.
func (p *Partner) RequestBill(ctx context.Context, r wire.RequestBill) (wire.Done[wire.Bill], error) {
	return post[wire.Done[wire.Bill]](ctx, p.c, p.at("bills"), r)
}

// SubmitBill submits this side's bill; without figures what this node generates.
func (p *Partner) SubmitBill(ctx context.Context, b wire.SubmitBill) (wire.Done[wire.Bill], error) {
	return post[wire.Done[wire.Bill]](ctx, p.c, p.at("bills", "submit"), b)
}

// Items lists the items of an invoice for products.
func (p *Partner) Items(ctx context.Context, invoice string) iter.Seq2[wire.Item, error] {
	return list[wire.Item](ctx, p.c, p.at("invoices", invoice, "items"), nil)
}

// DisputeItems disputes items of an invoice and accepts the others.
func (p *Partner) DisputeItems(ctx context.Context, invoice string, d wire.DisputeItems) (wire.Done[wire.Invoice], error) {
	return post[wire.Done[wire.Invoice]](ctx, p.c, p.at("invoices", invoice, "items", "dispute"), d)
}

// Deadlines lists what waits. Filter: before.
func (p *Partner) Deadlines(ctx context.Context, f Filter) iter.Seq2[wire.DueRecord, error] {
	return list[wire.DueRecord](ctx, p.c, p.at("deadlines"), f)
}
