package sonata

import (
	"context"
	"slices"
	"strings"

	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/store/resource"
)

// What the carrier's own people see of tickets and incidents: those of all
// partners.

// HeldTicket is a ticket with whose it is.
type HeldTicket struct {
	Buyer, Seller string
	wire.Ticket
}

// HeldIncident is an incident with whom it was told.
type HeldIncident struct {
	Buyer, Seller string
	wire.Incident
}

// scopes gives where the resources of a kind are, of every partner that there is.
func (s *Server) scopes(k *kind) (all []resource.Scope) {
	partners, _ := s.partners.List() // what was read last stands
	for _, p := range partners {
		for _, buyer := range p.Buyers {
			for _, seller := range s.options.Sellers {
				scope := resource.Scope{Kind: string(p.Release) + "/" + k.name, Buyer: buyer, Seller: seller}
				if !slices.Contains(all, scope) {
					all = append(all, scope)
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b resource.Scope) int {
		return strings.Compare(a.Buyer+"\x00"+a.Seller+a.Kind, b.Buyer+"\x00"+b.Seller+b.Kind)
	})
	return all
}

// Tickets gives the tickets of all partners, or of a buyer, by buyer and in the
// order in which they were opened. A status keeps those that have it.
func (s *Server) Tickets(ctx context.Context, buyer, status string) (out []HeldTicket, err error) {
	err = s.eachHeld(ctx, ticketKind, buyer, status, func(scope resource.Scope, v wire.Value) error {
		t := HeldTicket{Buyer: scope.Buyer, Seller: scope.Seller}
		out = append(out, t)
		return v.Decode(&out[len(out)-1].Ticket)
	})
	return out, err
}

// Incidents gives the incidents that were told to all partners, or to a buyer.
func (s *Server) Incidents(ctx context.Context, buyer, status string) (out []HeldIncident, err error) {
	err = s.eachHeld(ctx, incidentKind, buyer, status, func(scope resource.Scope, v wire.Value) error {
		out = append(out, HeldIncident{Buyer: scope.Buyer, Seller: scope.Seller})
		return v.Decode(&out[len(out)-1].Incident)
	})
	return out, err
}

// eachHeld calls do with each resource of a kind.
func (s *Server) eachHeld(ctx context.Context, k *kind, buyer, status string, do func(resource.Scope, wire.Value) error) error {
	for _, scope := range s.scopes(k) {
		if buyer != "" && buyer != scope.Buyer {
			continue
		}
		for q := (resource.Query{Scope: scope, State: status, Limit: 500}); ; q.Offset += q.Limit {
			found, err := s.store.Find(ctx, q)
			if err != nil {
				return err
			}
			for _, summary := range found.Summaries {
				short, err := wire.Parse(summary)
				if err != nil {
					return err
				}
				v, err := s.held(ctx, scope, short.Get("id").Text())
				if err == nil {
					err = do(scope, v)
				}
				if err != nil {
					return err
				}
			}
			if len(found.Summaries) < q.Limit {
				break
			}
		}
	}
	return nil
}

// held reads a whole resource, in kylie's form.
func (s *Server) held(ctx context.Context, scope resource.Scope, id string) (wire.Value, error) {
	r, err := s.store.Get(ctx, scope, id)
	if err != nil {
		return wire.Value{}, err
	}
	return wire.Parse(r.Body)
}

// Ticket gives a ticket of any partner by its id. Code: not-found.
func (s *Server) Ticket(ctx context.Context, id string) (t HeldTicket, err error) {
	for _, scope := range s.scopes(ticketKind) {
		v, err := s.held(ctx, scope, id)
		if fault.CodeOf(err) == fault.NotFound {
			continue
		} else if err != nil {
			return t, err
		}
		t.Buyer, t.Seller = scope.Buyer, scope.Seller
		return t, v.Decode(&t.Ticket)
	}
	return t, fault.Newf(fault.NotFound, "list them", "there is no ticket %.64q", id)
}

// TicketSteps gives what may be done about a ticket with a status: by its seller
// acknowledge, progress, ask, resolve, close, by its buyer note, cancel, close,
// reopen.
func TicketSteps(status string, seller bool) []string {
	steps := []struct{ step, to string }{{"cancel", wire.AssessingCancellation}, {"close", wire.TicketClosed}, {"reopen", wire.TicketReopened}}
	saying := "note"
	if seller {
		steps = []struct{ step, to string }{{"progress", wire.InProgress}, {"ask", wire.Pending}, {"resolve", wire.TicketResolved}, {"close", wire.TicketClosed}}
		saying = "acknowledge"
	}
	out := []string{}
	switch status {
	case wire.Acknowledged, wire.TicketReopened, wire.InProgress, wire.Pending:
		out = append(out, saying)
	}
	for _, x := range steps {
		if slices.Contains(ticketMoves[status], x.to) {
			out = append(out, x.step)
		}
	}
	return out
}

// IncidentStatuses gives the statuses that an incident may come to next.
func IncidentStatuses(status string) []string { return append([]string{}, incidentMoves[status]...) }
