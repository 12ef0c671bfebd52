package client

import (
	"context"
	"iter"
	"net/url"

	"github.com/lateral-network/lateral/api/native/wire"
)

const ticketsPath = "/v1/tickets"

// Tickets lists partners' trouble tickets. Filter: partner, status.
func (c *Client) Tickets(ctx context.Context, f Filter) iter.Seq2[wire.Ticket, error] {
	return list[wire.Ticket](ctx, c, ticketsPath, f)
}

// Ticket gives one ticket.
func (c *Client) Ticket(ctx context.Context, id string) (wire.Ticket, error) {
	return get[wire.Ticket](ctx, c, ticketsPath+"/"+url.PathEscape(id))
}

// AnswerTicket answers a ticket. Steps: acknowledge, progress, ask, resolve,
// close.
func (c *Client) AnswerTicket(ctx context.Context, id, step string, a wire.TicketAnswer) (wire.Ticket, error) {
	return post[wire.Ticket](ctx, c, ticketsPath+"/"+url.PathEscape(id)+"/"+step, a)
}

// Incidents lists incidents that partners were told of. Filter: partner, status.
func (c *Client) Incidents(ctx context.Context, f Filter) iter.Seq2[wire.Incident, error] {
	return list[wire.Incident](ctx, c, "/v1/incidents", f)
}

// PutIncident tells a partner of an incident, or of how it goes on.
func (c *Client) PutIncident(ctx context.Context, i wire.Incident) (wire.Incident, error) {
	return post[wire.Incident](ctx, c, "/v1/incidents", i)
}
