package node

import (
	"cmp"
	"context"
	"crypto/rand"
	"time"

	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/api/sonata"
	lso "github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/trade/party"
)

// troubles gives the API the tickets and incidents of the Sonata interface.
type troubles struct {
	sonata *sonata.Server
	seller string
}

func shownTicket(t sonata.HeldTicket) wire.Ticket {
	w := wire.Ticket{ID: t.ID, Partner: t.Buyer, Status: t.Status, Type: t.Type, Description: t.Description, Impact: t.Impact, Priority: t.Priority, Severity: t.Severity,
		OwnPriority: t.SellerPriority, OwnSeverity: t.SellerSeverity, External: t.ExternalID, Created: stamp(t.Created), Began: stamp(t.Began), Expected: stamp(t.Expected), Resolved: stamp(t.Resolved), History: []wire.TicketMove{}}
	w.Allowed = sonata.TicketSteps(t.Status, true)
	for _, e := range t.Entity {
		w.About = e.Type + " " + e.ID
	}
	for _, n := range t.Notes {
		w.Notes = append(w.Notes, wire.TicketNote{By: n.Source, Author: n.Author, Time: stamp(n.Date), Text: n.Text})
	}
	for _, m := range t.StatusChange {
		w.History = append(w.History, wire.TicketMove{Status: m.Status, Time: stamp(m.Date), Why: m.Reason})
	}
	return w
}

func stamp(t time.Time) wire.Time {
	if t.IsZero() {
		return 0
	}
	return wire.Time(t.UnixMilli())
}

func moment(t wire.Time) time.Time {
	if t == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(t)).UTC()
}

func (t troubles) Tickets(ctx context.Context, partner, status string) (out []wire.Ticket, err error) {
	all, err := t.sonata.Tickets(ctx, partner, status)
	for _, x := range all {
		out = append(out, shownTicket(x))
	}
	return out, err
}

func (t troubles) Ticket(ctx context.Context, id string) (wire.Ticket, error) {
	x, err := t.sonata.Ticket(ctx, id)
	return shownTicket(x), err
}

func (t troubles) AnswerTicket(ctx context.Context, author, id, status string, a wire.TicketAnswer) error {
	x, err := t.sonata.Ticket(ctx, id)
	if err != nil {
		return err
	}
	u := sonata.TicketUpdate{Status: status, Reason: a.Why, TicketView: sonata.TicketView{Priority: a.Priority, Severity: a.Severity, Expected: moment(a.Expected)}}
	if a.Note != "" {
		u.Note = &lso.Note{ID: rand.Text()[:12], Author: author, Date: time.Now(), Text: a.Note}
	}
	return t.sonata.UpdateTicket(ctx, x.Buyer, x.Seller, id, u)
}

func (t troubles) Incidents(ctx context.Context, partner, status string) (out []wire.Incident, err error) {
	all, err := t.sonata.Incidents(ctx, partner, status)
	for _, x := range all {
		w := wire.Incident{ID: x.ID, Partner: x.Buyer, Status: x.Status, Type: x.Type, Description: x.Description, Impact: x.Impact, Priority: x.Priority, Severity: x.Severity,
			Began: stamp(x.Began), Expected: stamp(x.Expected), Closed: stamp(x.Closed), Allowed: sonata.IncidentStatuses(x.Status)}
		for _, e := range x.Entity {
			w.Products = append(w.Products, e.ID)
		}
		out = append(out, w)
	}
	return out, err
}

func (t troubles) PutIncident(ctx context.Context, w wire.Incident) error {
	in := lso.Incident{ID: w.ID, Description: w.Description, Impact: w.Impact, Type: w.Type, Priority: w.Priority, Severity: w.Severity, Status: w.Status,
		Began: moment(w.Began), Expected: moment(w.Expected), Closed: moment(w.Closed)}
	for _, id := range w.Products {
		in.Entity = append(in.Entity, lso.RelatedEntity{ID: id, Type: "Product", Role: "affected"})
	}
	return t.sonata.PutIncident(ctx, w.Partner, t.seller, in)
}

// ownTicket is a ticket that a seller has of this carrier.
func ownTicket(partner party.Code, t *lso.Ticket) wire.Ticket {
	w := shownTicket(sonata.HeldTicket{Buyer: string(partner), Ticket: *t})
	w.Own, w.Allowed = true, sonata.TicketSteps(t.Status, false)
	if len(t.StatusChange) == 0 { // in short it says when it is resolved though it is not
		w.Resolved = 0
	}
	return w
}

func (m market) OwnTickets(ctx context.Context, partner party.Code, status string) (out []wire.Ticket, err error) {
	if !m.b.Sells(partner) {
		return nil, nil
	}
	all, err := m.b.Tickets(ctx, partner, status)
	for i := range all {
		out = append(out, ownTicket(partner, &all[i]))
	}
	return out, err
}

func (m market) OwnTicket(ctx context.Context, partner party.Code, id string) (wire.Ticket, error) {
	t, err := m.b.Ticket(ctx, partner, id)
	return ownTicket(partner, &t), err
}

func (m market) OpenTicket(ctx context.Context, partner party.Code, o wire.OpenTicket) (wire.Ticket, error) {
	t := lso.Ticket{ExternalID: o.External, Description: o.Description, Impact: o.Impact, Priority: o.Priority, Severity: o.Severity, Type: cmp.Or(o.Type, "assistance"), Began: moment(o.Began),
		Entity: []lso.RelatedEntity{{ID: o.Product, Type: "Product", Role: "affected"}}}
	t, err := m.b.OpenTicket(ctx, partner, t)
	return ownTicket(partner, &t), err
}

func (m market) NoteTicket(ctx context.Context, partner party.Code, id, author, text string) (wire.Ticket, error) {
	t, err := m.b.NoteTicket(ctx, partner, id, lso.Note{ID: rand.Text()[:12], Author: author, Date: time.Now(), Source: "buyer", Text: text})
	return ownTicket(partner, &t), err
}

func (m market) MoveTicket(ctx context.Context, partner party.Code, id, step, why string) (wire.Ticket, error) {
	t, err := m.b.MoveTicket(ctx, partner, id, step, why)
	return ownTicket(partner, &t), err
}
