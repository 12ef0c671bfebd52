package selling

import (
	"context"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/wire"
)

// TakeTicket takes every ticket as its buyer sees it; the carrier's people answer
// it (lateral ticket).
func (d *Deals) TakeTicket(context.Context, sonata.Party, wire.Ticket) (sonata.TicketView, error) {
	return sonata.TicketView{}, nil
}

// TicketSaid tells the log that there is something to be looked at.
func (d *Deals) TicketSaid(_ context.Context, p sonata.Party, t wire.Ticket) error {
	d.shop.o.Log.Info("a partner has said something of a trouble ticket", "partner", p.Buyer, "ticket", t.ID, "status", t.Status, "priority", t.Priority)
	return nil
}
