package client

import (
	"context"
	"iter"
	"net/url"

	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/trade/party"
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

func ownTickets(partner party.Code, id ...string) string {
	at := "/v1/bilaterals/" + url.PathEscape(string(partner)) + "/tickets"
	for _, x := range id {
		at += "/" + url.PathEscape(x)
	}
	return at
}

// OwnTickets lists the tickets that this carrier has opened with a partner. Filter:
// status.
func (c *Client) OwnTickets(ctx context.Context, partner party.Code, f Filter) iter.Seq2[wire.Ticket, error] {
	return list[wire.Ticket](ctx, c, ownTickets(partner), f)
}

// OwnTicket gives one of them.
func (c *Client) OwnTicket(ctx context.Context, partner party.Code, id string) (wire.Ticket, error) {
	return get[wire.Ticket](ctx, c, ownTickets(partner, id))
}

// OpenTicket opens a ticket with a partner.
func (c *Client) OpenTicket(ctx context.Context, partner party.Code, o wire.OpenTicket) (wire.Ticket, error) {
	return post[wire.Ticket](ctx, c, ownTickets(partner), o)
}

// NoteOwnTicket says something to the partner about an own ticket.
func (c *Client) NoteOwnTicket(ctx context.Context, partner party.Code, id, note string) (wire.Ticket, error) {
	return post[wire.Ticket](ctx, c, ownTickets(partner, id, "note"), wire.OwnTicketNote{Note: note})
}

// MoveOwnTicket takes a step about an own ticket: close, reopen, cancel.
func (c *Client) MoveOwnTicket(ctx context.Context, partner party.Code, id, step, why string) (wire.Ticket, error) {
	return post[wire.Ticket](ctx, c, ownTickets(partner, id, step), wire.OwnTicketAnswer{Why: why})
}

// Incidents lists incidents that partners were told of. Filter: partner, status.
func (c *Client) Incidents(ctx context.Context, f Filter) iter.Seq2[wire.Incident, error] {
	return list[wire.Incident](ctx, c, "/v1/incidents", f)
}

// PutIncident tells a partner of an incident, or of how it goes on.
func (c *Client) PutIncident(ctx context.Context, i wire.Incident) (wire.Incident, error) {
	return post[wire.Incident](ctx, c, "/v1/incidents", i)
}
