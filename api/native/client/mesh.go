package client

import (
	"context"
	"iter"
	"net/url"

	"github.com/lateral-network/lateral/api/native/wire"
)

// Inquire asks the carrier's own legs and its neighbours for a service.
func (c *Client) Inquire(ctx context.Context, q wire.Inquire) (wire.Inquired, error) {
	return post[wire.Inquired](ctx, c, "/v1/inquiries", q)
}

// Inquiries lists inquiries that were made here, the newest first.
func (c *Client) Inquiries(ctx context.Context, f Filter) iter.Seq2[wire.Inquiry, error] {
	return list[wire.Inquiry](ctx, c, "/v1/inquiries", f)
}

// Inquiry gives one with what it has found.
func (c *Client) Inquiry(ctx context.Context, id string) (wire.Inquiry, error) {
	return get[wire.Inquiry](ctx, c, "/v1/inquiries/"+url.PathEscape(id))
}

// Services lists orders across the mesh. Filter: state.
func (c *Client) Services(ctx context.Context, f Filter) iter.Seq2[wire.Service, error] {
	return list[wire.Service](ctx, c, "/v1/services", f)
}

// Service gives one of them.
func (c *Client) Service(ctx context.Context, id string) (wire.Service, error) {
	return get[wire.Service](ctx, c, "/v1/services/"+id)
}

// OrderService orders what a quote offers.
func (c *Client) OrderService(ctx context.Context, o wire.OrderService) (wire.Service, error) {
	return post[wire.Service](ctx, c, "/v1/services", o)
}

// WithdrawService gives up an order that is not accepted yet.
func (c *Client) WithdrawService(ctx context.Context, id string) (wire.Service, error) {
	return post[wire.Service](ctx, c, "/v1/services/"+id+"/withdraw", nil)
}

// ChangeService gets a firm price for a change of a service.
func (c *Client) ChangeService(ctx context.Context, id string, x wire.ChangeService) (wire.Offer, error) {
	return post[wire.Offer](ctx, c, "/v1/services/"+id+"/change", x)
}

// RescheduleService asks for another date of a service, or for haste.
func (c *Client) RescheduleService(ctx context.Context, id string, r wire.RescheduleService) (wire.Service, error) {
	return post[wire.Service](ctx, c, "/v1/services/"+id+"/reschedule", r)
}

// EndService ends a service.
func (c *Client) EndService(ctx context.Context, id string, e wire.EndService) (wire.Service, error) {
	return post[wire.Service](ctx, c, "/v1/services/"+id+"/end", e)
}

// BuildService says what became of the own legs of a service.
func (c *Client) BuildService(ctx context.Context, id string, b wire.BuiltService) (wire.Service, error) {
	return post[wire.Service](ctx, c, "/v1/services/"+id+"/build", b)
}

// Sessions lists sessions of a service. Filter: state.
func (c *Client) Sessions(ctx context.Context, service string, f Filter) iter.Seq2[wire.Session, error] {
	return list[wire.Session](ctx, c, "/v1/services/"+service+"/sessions", f)
}

// Session gives one of them.
func (c *Client) Session(ctx context.Context, service, id string) (wire.Session, error) {
	return get[wire.Session](ctx, c, "/v1/services/"+service+"/sessions/"+id)
}

// OpenSession opens a session of a service that stands.
func (c *Client) OpenSession(ctx context.Context, service string, o wire.OpenSession) (wire.Session, error) {
	return post[wire.Session](ctx, c, "/v1/services/"+service+"/sessions", o)
}

// CloseSession closes one.
func (c *Client) CloseSession(ctx context.Context, service, id string) (wire.Session, error) {
	return post[wire.Session](ctx, c, "/v1/services/"+service+"/sessions/"+id+"/close", nil)
}
