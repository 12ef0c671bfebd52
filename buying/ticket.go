package buying

import (
	"context"
	"slices"

	"github.com/lateral-network/lateral/api/sonata/client"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/party"
)

// Trouble tickets that this carrier opens with those of whom it buys. The seller keeps
// them: they are asked for each time.

// seller gives the Sonata interface of a neighbour. Code: not-found.
func (b *Broker) seller(partner party.Code) (*client.Client, error) {
	i := slices.IndexFunc(b.o.Neighbours, func(n Neighbour) bool { return n.Partner == partner && n.Seller != nil })
	if i < 0 {
		return nil, fault.Newf(fault.NotFound, "name its sonata under mesh.neighbours in the configuration", "nothing is bought of %s over Sonata", partner).In("partner")
	}
	return b.o.Neighbours[i].Seller, nil
}

// Sells reports whether something is bought of a partner over Sonata.
func (b *Broker) Sells(partner party.Code) bool {
	_, err := b.seller(partner)
	return err == nil
}

// maxTickets is how many tickets of a seller are looked at.
const maxTickets = 1000

// Tickets lists the carrier's tickets at a seller, in short; with a status, if it is
// not "". Codes: not-found, unavailable.
func (b *Broker) Tickets(ctx context.Context, partner party.Code, status string) (out []wire.Ticket, err error) {
	s, err := b.seller(partner)
	if err != nil {
		return nil, err
	}
	f := client.Filter{}
	if status != "" {
		f["status"] = status
	}
	for t, err := range client.All(func(offset int) (client.Page[wire.Ticket], error) { return s.Tickets(ctx, f.At(offset)) }) {
		if err != nil {
			return nil, err
		}
		if out = append(out, t); len(out) == maxTickets {
			break
		}
	}
	return out, nil
}

// Ticket gives one. Codes: not-found, unavailable.
func (b *Broker) Ticket(ctx context.Context, partner party.Code, id string) (t wire.Ticket, err error) {
	s, err := b.seller(partner)
	if err != nil {
		return t, err
	}
	a, err := s.Ticket(ctx, id)
	return a.Value, err
}

// OpenTicket opens one. Codes: not-found, unavailable, and what the seller refuses.
func (b *Broker) OpenTicket(ctx context.Context, partner party.Code, t wire.Ticket) (wire.Ticket, error) {
	s, err := b.seller(partner)
	if err != nil {
		return t, err
	}
	t.Contacts = b.contact("reporterContact", "ticketContact")
	a, err := s.CreateTicket(ctx, t)
	return a.Value, err
}

// NoteTicket says something to one.
func (b *Broker) NoteTicket(ctx context.Context, partner party.Code, id string, n wire.Note) (t wire.Ticket, err error) {
	s, err := b.seller(partner)
	if err != nil {
		return t, err
	}
	a, err := s.UpdateTicket(ctx, id, wire.TicketUpdate{Notes: []wire.Note{n}})
	return a.Value, err
}

// MoveTicket takes a step about one: close, reopen or cancel.
func (b *Broker) MoveTicket(ctx context.Context, partner party.Code, id, step, why string) (t wire.Ticket, err error) {
	s, err := b.seller(partner)
	if err != nil {
		return t, err
	}
	switch step {
	case "close":
		err = s.CloseTicket(ctx, id)
	case "reopen":
		err = s.ReopenTicket(ctx, id, why)
	default:
		err = s.CancelTicket(ctx, id)
	}
	if err != nil {
		return t, err
	}
	return b.Ticket(ctx, partner, id)
}
