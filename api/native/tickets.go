package native

import (
	"context"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/party"
)

// Troubles are the tickets of partners and the incidents that they were told of,
// as the node's Sonata interface keeps them.
type Troubles interface {
	// Tickets gives tickets; of a partner and with a status where they are not "".
	Tickets(ctx context.Context, partner, status string) ([]wire.Ticket, error)
	// Ticket gives one. Code: not-found.
	Ticket(ctx context.Context, id string) (wire.Ticket, error)
	// AnswerTicket answers one; status "": its status stays. Codes: not-found,
	// refused when the status does not follow.
	AnswerTicket(ctx context.Context, author, id, status string, a wire.TicketAnswer) error
	Incidents(ctx context.Context, partner, status string) ([]wire.Incident, error)
	// PutIncident tells a partner of an incident, or of how it goes on. Codes:
	// invalid, not-found, refused.
	PutIncident(context.Context, wire.Incident) error
}

func (s *server) troubled() (Troubles, error) {
	if s.Troubles == nil {
		return nil, fault.New(fault.NotFound, "this node has no Sonata interface, where partners open tickets", "set sonata.listen in its configuration")
	}
	return s.Troubles, nil
}

// tickets registers partners' trouble tickets and what they are told of incidents.
func (s *server) tickets() {
	const at = "/v1/tickets"
	get(s, at, "list-tickets", tagOrders, "Trouble tickets of partners", func(ctx context.Context, in *struct {
		PageQuery
		Partner string `query:"partner" maxLength:"32"`
		Status  string `query:"status" enum:"acknowledged,inProgress,pending,resolved,reopened,closed,assessingCancellation,cancelled"`
	}) (*reply[api.Page[wire.Ticket]], error) {
		t, err := s.troubled()
		if err != nil {
			return nil, err
		}
		all, err := t.Tickets(ctx, in.Partner, in.Status)
		if err != nil {
			return nil, err
		}
		return cut(all, in.wanted(), func(t wire.Ticket) wire.Ticket { return t })
	})
	get(s, at+"/{id}", "get-ticket", tagOrders, "One ticket with its notes and history", func(ctx context.Context, in *ItemPath) (*reply[wire.Ticket], error) {
		t, err := s.troubled()
		if err != nil {
			return nil, err
		}
		x, err := t.Ticket(ctx, in.ID)
		return answer(x), err
	})
	for _, m := range []struct{ path, id, status, summary string }{
		{"acknowledge", "acknowledge-ticket", "", "Say how urgent this carrier finds a ticket, when it is to be resolved, or anything else; its status stays"},
		{"progress", "progress-ticket", "inProgress", "Begin with a ticket, or go on with it"},
		{"ask", "ask-ticket", "pending", "Ask the partner for what is missing"},
		{"resolve", "resolve-ticket", "resolved", "Say that the trouble is over; the partner closes the ticket, or opens it again"},
		{"close", "close-ticket", "closed", "Close a ticket that is resolved"},
	} {
		post(s, at+"/{id}/"+m.path, m.id, tagOrders, m.summary, func(ctx context.Context, in *struct {
			ItemPath
			Body wire.TicketAnswer
		}) (*reply[wire.Ticket], error) {
			t, err := s.troubled()
			if err != nil {
				return nil, err
			}
			if err := t.AnswerTicket(ctx, api.ActorOf(ctx).Name, in.ID, m.status, in.Body); err != nil {
				return nil, err
			}
			x, err := t.Ticket(ctx, in.ID)
			return answer(x), err
		})
	}
	get(s, "/v1/incidents", "list-incidents", tagOrders, "Incidents that partners were told of", func(ctx context.Context, in *struct {
		PageQuery
		Partner string `query:"partner" maxLength:"32"`
		Status  string `query:"status" enum:"created,inProgress,closed"`
	}) (*reply[api.Page[wire.Incident]], error) {
		t, err := s.troubled()
		if err != nil {
			return nil, err
		}
		all, err := t.Incidents(ctx, in.Partner, in.Status)
		if err != nil {
			return nil, err
		}
		return cut(all, in.wanted(), func(i wire.Incident) wire.Incident { return i })
	})
	post(s, "/v1/incidents", "put-incident", tagOrders, "Tell a partner of an incident, or under the same id of how it goes on", func(ctx context.Context, in *struct{ Body wire.Incident }) (*reply[wire.Incident], error) {
		t, err := s.troubled()
		if err != nil {
			return nil, err
		}
		return answer(in.Body), t.PutIncident(ctx, in.Body)
	})
}

// OwnTickets are the tickets that this carrier has opened with those of whom it buys;
// the seller keeps them, and is asked each time.
type OwnTickets interface {
	OwnTickets(ctx context.Context, partner party.Code, status string) ([]wire.Ticket, error)
	OwnTicket(ctx context.Context, partner party.Code, id string) (wire.Ticket, error)
	OpenTicket(context.Context, party.Code, wire.OpenTicket) (wire.Ticket, error)
	NoteTicket(ctx context.Context, partner party.Code, id, author, text string) (wire.Ticket, error)
	MoveTicket(ctx context.Context, partner party.Code, id, step, why string) (wire.Ticket, error)
}

// OwnTicketPath names an own ticket in a path.
type OwnTicketPath struct {
	PartnerPath
	ItemPath
}

// ownTickets registers them.
func (s *server) ownTickets() {
	const at = "/v1/bilaterals/{partner}/tickets"
	with := func(ctx context.Context, do func(context.Context, Market) (wire.Ticket, error)) (*reply[wire.Ticket], error) {
		m, err := s.market()
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, s.Wait)
		defer cancel()
		t, err := do(ctx, m)
		if err != nil {
			return nil, err
		}
		return answer(t), nil
	}
	get(s, at, "list-own-tickets", tagOrders, "Trouble tickets that this carrier has opened with the partner, in short, as the partner has them", func(ctx context.Context, in *struct {
		PartnerPath
		PageQuery
		Status string `query:"status" enum:"acknowledged,inProgress,pending,resolved,reopened,closed,assessingCancellation,cancelled"`
	}) (*reply[api.Page[wire.Ticket]], error) {
		m, err := s.market()
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, s.Wait)
		defer cancel()
		all, err := m.OwnTickets(ctx, in.Partner, in.Status)
		if err != nil {
			return nil, err
		}
		return cut(all, in.wanted(), func(t wire.Ticket) wire.Ticket { return t })
	})
	get(s, at+"/{id}", "get-own-ticket", tagOrders, "One of them with its notes and history", func(ctx context.Context, in *OwnTicketPath) (*reply[wire.Ticket], error) {
		return with(ctx, func(ctx context.Context, m Market) (wire.Ticket, error) { return m.OwnTicket(ctx, in.Partner, in.ID) })
	})
	post(s, at, "open-ticket", tagOrders, "Open a ticket with the partner about a product that it sells to this carrier", func(ctx context.Context, in *struct {
		PartnerPath
		Body wire.OpenTicket
	}) (*reply[wire.Ticket], error) {
		return with(ctx, func(ctx context.Context, m Market) (wire.Ticket, error) {
			return m.OpenTicket(ctx, in.Partner, in.Body)
		})
	})
	post(s, at+"/{id}/note", "note-own-ticket", tagOrders, "Say something to the partner about an own ticket", func(ctx context.Context, in *struct {
		OwnTicketPath
		Body wire.OwnTicketNote
	}) (*reply[wire.Ticket], error) {
		return with(ctx, func(ctx context.Context, m Market) (wire.Ticket, error) {
			return m.NoteTicket(ctx, in.Partner, in.ID, api.ActorOf(ctx).Name, in.Body.Note)
		})
	})
	for _, x := range []struct{ step, summary string }{
		{"close", "Confirm that an own ticket is resolved"},
		{"reopen", "Say that an own ticket is not resolved"},
		{"cancel", "Withdraw an own ticket"},
	} {
		post(s, at+"/{id}/"+x.step, x.step+"-own-ticket", tagOrders, x.summary, func(ctx context.Context, in *struct {
			OwnTicketPath
			Body wire.OwnTicketAnswer
		}) (*reply[wire.Ticket], error) {
			return with(ctx, func(ctx context.Context, m Market) (wire.Ticket, error) {
				return m.MoveTicket(ctx, in.Partner, in.ID, x.step, in.Body.Why)
			})
		})
	}
}
