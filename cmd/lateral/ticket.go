package main

import (
	"context"
	"iter"
	"time"

	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/trade/party"
)

// ticketCommand is "lateral ticket".
type ticketCommand struct {
	List        ticketList        `cmd:"" op:"list-tickets" help:"List trouble tickets of partners." eg:"" eg:"--status acknowledged --partner BRAVO"`
	Show        ticketShow        `cmd:"" op:"get-ticket" help:"Show a ticket with its notes and history." eg:"k3v7q2"`
	Acknowledge ticketAcknowledge `cmd:"" op:"acknowledge-ticket" role:"engineer" help:"Say how urgent it is found here and when it is to be resolved." eg:"k3v7q2 --own-priority high --within 4h" eg:"k3v7q2 --note 'we have seen it'"`
	Progress    ticketProgress    `cmd:"" op:"progress-ticket" role:"engineer" help:"Begin with a ticket, or go on with it." eg:"k3v7q2 --note 'a crew is on its way'"`
	Ask         ticketAsk         `cmd:"" op:"ask-ticket" role:"engineer" help:"Ask the partner for what is missing." eg:"k3v7q2 --note 'since when?'"`
	Resolve     ticketResolve     `cmd:"" op:"resolve-ticket" role:"engineer" help:"Say that the trouble is over." eg:"k3v7q2 --why 'card replaced'"`
	Close       ticketClose       `cmd:"" op:"close-ticket" role:"engineer" help:"Close a ticket that is resolved." eg:"k3v7q2"`
	Open        ticketOpen        `cmd:"" op:"open-ticket" role:"engineer,product-manager" help:"Open a ticket with a partner about a product that it sells to this carrier." eg:"BRAVO P-1 --description 'no light since noon' --impact down" eg:"BRAVO P-1 --description 'errors on some frames' --impact degraded --priority high --severity significant --external NOC-7"`
	Own         ownTicketCommand  `cmd:"" help:"Tickets that this carrier has opened with partners."`
}

// ownTicketCommand is "lateral ticket own".
type ownTicketCommand struct {
	List   ownTicketList   `cmd:"" op:"list-own-tickets" help:"List tickets that this carrier has opened with a partner, as the partner has them." eg:"BRAVO" eg:"BRAVO --status resolved"`
	Show   ownTicketShow   `cmd:"" op:"get-own-ticket" help:"Show one with its notes and history." eg:"BRAVO k3v7q2"`
	Note   ownTicketNote   `cmd:"" op:"note-own-ticket" role:"engineer,product-manager" help:"Say something to the partner." eg:"BRAVO k3v7q2 'since noon'"`
	Close  ownTicketClose  `cmd:"" op:"close-own-ticket" role:"engineer,product-manager" help:"Confirm that one is resolved." eg:"BRAVO k3v7q2"`
	Reopen ownTicketReopen `cmd:"" op:"reopen-own-ticket" role:"engineer,product-manager" help:"Say that one is not resolved." eg:"BRAVO k3v7q2 --why 'it is down again'"`
	Cancel ownTicketCancel `cmd:"" op:"cancel-own-ticket" role:"engineer,product-manager" help:"Withdraw one." eg:"BRAVO k3v7q2"`
}

type (
	ticketOpen struct {
		connection
		Partner     party.Code `arg:"" help:"Who sells the product."`
		Product     string     `arg:"" help:"Id of the product."`
		Description string     `required:"" placeholder:"TEXT" help:"What is wrong."`
		Type        string     `default:"assistance" placeholder:"TYPE" help:"assistance, information, installation or maintenance."`
		Impact      string     `default:"degraded" placeholder:"I" help:"degraded, intermittent or down."`
		Priority    string     `default:"medium" placeholder:"P" help:"low, medium, high or critical."`
		Severity    string     `default:"moderate" placeholder:"S" help:"minor, moderate, significant or extensive."`
		Began       wire.Time  `placeholder:"TIME" help:"When the trouble did."`
		External    string     `placeholder:"TEXT" help:"This carrier's own number; default: one is made."`
	}
	ownTicketList struct {
		connection
		paging
		Partner party.Code `arg:"" help:"Who has them."`
		Status  string     `placeholder:"STATUS" help:"acknowledged, inProgress, pending, resolved, reopened, closed, assessingCancellation or cancelled."`
	}
	ownTicketShow struct {
		connection
		Partner party.Code `arg:"" help:"Who has it."`
		ID      string     `arg:"" help:"Id of the ticket."`
	}
	ownTicketNote struct {
		ownTicketShow
		Text string `arg:"" help:"For the partner."`
	}
	ownTicketClose  struct{ ownTicketShow }
	ownTicketReopen struct {
		ownTicketShow
		Why string `required:"" placeholder:"TEXT" help:"For the partner."`
	}
	ownTicketCancel struct{ ownTicketShow }
)

func (c ticketOpen) Run(ctx context.Context, n *remote) error {
	t, err := n.api.OpenTicket(ctx, c.Partner, wire.OpenTicket{Product: c.Product, Description: c.Description, Type: c.Type, Impact: c.Impact, Priority: c.Priority, Severity: c.Severity,
		Began: c.Began, External: c.External})
	return shown(n, t, err)
}

func (c ownTicketList) Run(ctx context.Context, n *remote) error {
	return listed(n, c.paging, "id partner status priority severity about created expected description", func(api *client.Client) iter.Seq2[wire.Ticket, error] {
		return api.OwnTickets(ctx, c.Partner, client.Filter{"status": c.Status})
	})
}

func (c ownTicketShow) Run(ctx context.Context, n *remote) error {
	t, err := n.api.OwnTicket(ctx, c.Partner, c.ID)
	return shown(n, t, err)
}

func (c ownTicketNote) Run(ctx context.Context, n *remote) error {
	t, err := n.api.NoteOwnTicket(ctx, c.Partner, c.ID, c.Text)
	return shown(n, t, err)
}

func (c ownTicketShow) move(ctx context.Context, n *remote, step, why string) error {
	t, err := n.api.MoveOwnTicket(ctx, c.Partner, c.ID, step, why)
	return shown(n, t, err)
}

func (c ownTicketClose) Run(ctx context.Context, n *remote) error { return c.move(ctx, n, "close", "") }
func (c ownTicketReopen) Run(ctx context.Context, n *remote) error {
	return c.move(ctx, n, "reopen", c.Why)
}
func (c ownTicketCancel) Run(ctx context.Context, n *remote) error {
	return c.move(ctx, n, "cancel", "")
}

type ticketList struct {
	connection
	paging
	Partner string `placeholder:"CODE" help:"Of this partner."`
	Status  string `placeholder:"STATUS" help:"acknowledged, inProgress, pending, resolved, reopened, closed, assessingCancellation or cancelled."`
}

func (c ticketList) Run(ctx context.Context, n *remote) error {
	return listed(n, c.paging, "id partner status priority severity about created expected description", func(api *client.Client) iter.Seq2[wire.Ticket, error] {
		return api.Tickets(ctx, client.Filter{"partner": c.Partner, "status": c.Status})
	})
}

// ticketAnswer is what every answer to a ticket may say.
type ticketAnswer struct {
	item
	Why         string        `placeholder:"TEXT" help:"Reason of the change, for the partner."`
	Note        string        `placeholder:"TEXT" help:"Note for the partner."`
	OwnPriority string        `placeholder:"P" help:"As it is seen here: low, medium, high or critical."`
	OwnSeverity string        `placeholder:"S" help:"As it is seen here: minor, moderate, significant or extensive."`
	Within      time.Duration `placeholder:"TIME" help:"From now on, in which it is to be resolved."`
}

func (c ticketAnswer) answer(ctx context.Context, n *remote, step string) error {
	a := wire.TicketAnswer{Why: c.Why, Note: c.Note, Priority: c.OwnPriority, Severity: c.OwnSeverity}
	if c.Within > 0 {
		a.Expected = wire.Time(time.Now().Add(c.Within).UnixMilli())
	}
	t, err := n.api.AnswerTicket(ctx, c.ID, step, a)
	return shown(n, t, err)
}

type (
	ticketShow        struct{ item }
	ticketAcknowledge struct{ ticketAnswer }
	ticketProgress    struct{ ticketAnswer }
	ticketAsk         struct{ ticketAnswer }
	ticketResolve     struct{ ticketAnswer }
	ticketClose       struct{ ticketAnswer }
)

func (c ticketShow) Run(ctx context.Context, n *remote) error {
	t, err := n.api.Ticket(ctx, c.ID)
	return shown(n, t, err)
}

func (c ticketAcknowledge) Run(ctx context.Context, n *remote) error {
	return c.answer(ctx, n, "acknowledge")
}
func (c ticketProgress) Run(ctx context.Context, n *remote) error {
	return c.answer(ctx, n, "progress")
}
func (c ticketAsk) Run(ctx context.Context, n *remote) error     { return c.answer(ctx, n, "ask") }
func (c ticketResolve) Run(ctx context.Context, n *remote) error { return c.answer(ctx, n, "resolve") }
func (c ticketClose) Run(ctx context.Context, n *remote) error   { return c.answer(ctx, n, "close") }

// incidentCommand is "lateral incident".
type incidentCommand struct {
	List incidentList `cmd:"" op:"list-incidents" help:"List incidents that partners were told of." eg:"" eg:"--status inProgress"`
	Tell incidentTell `cmd:"" op:"put-incident" role:"engineer" help:"Tell a partner of an incident, or under the same id of how it goes on." eg:"I-7 BRAVO --product P-1 --description 'cable cut near Milan' --impact down --severity extensive --within 6h" eg:"I-7 BRAVO --product P-1 --description 'cable cut near Milan' --status closed"`
}

type incidentList struct {
	connection
	paging
	Partner string `placeholder:"CODE" help:"Told to this partner."`
	Status  string `placeholder:"STATUS" help:"created, inProgress or closed."`
}

func (c incidentList) Run(ctx context.Context, n *remote) error {
	return listed(n, c.paging, "id partner status type impact priority severity products began expected description", func(api *client.Client) iter.Seq2[wire.Incident, error] {
		return api.Incidents(ctx, client.Filter{"partner": c.Partner, "status": c.Status})
	})
}

type incidentTell struct {
	item
	Partner     string        `arg:"" help:"Member code of the partner."`
	Product     []string      `required:"" placeholder:"ID" help:"That it touches; may be given several times."`
	Description string        `required:"" placeholder:"TEXT" help:"What has happened, or will."`
	Status      string        `default:"created" placeholder:"STATUS" help:"created, inProgress or closed; default: ${default}."`
	Type        string        `default:"repair" placeholder:"TYPE" help:"maintenance, repair or installation; default: ${default}."`
	Impact      string        `default:"degraded" placeholder:"I" help:"degraded, intermittent or down; default: ${default}."`
	Priority    string        `default:"high" placeholder:"P" help:"low, medium, high or critical; default: ${default}."`
	Severity    string        `default:"significant" placeholder:"S" help:"minor, moderate, significant or extensive; default: ${default}."`
	Began       time.Time     `placeholder:"TIME" help:"RFC 3339: when it begins; absent: now."`
	Within      time.Duration `placeholder:"TIME" help:"From now on, in which it is expected to be over."`
}

func (c incidentTell) Run(ctx context.Context, n *remote) error {
	now := time.Now()
	if c.Began.IsZero() {
		c.Began = now
	}
	i := wire.Incident{ID: c.ID, Partner: c.Partner, Status: c.Status, Type: c.Type, Description: c.Description, Impact: c.Impact, Priority: c.Priority, Severity: c.Severity,
		Products: c.Product, Began: wire.Time(c.Began.UnixMilli())}
	if c.Within > 0 {
		i.Expected = wire.Time(now.Add(c.Within).UnixMilli())
	}
	told, err := n.api.PutIncident(ctx, i)
	return shown(n, told, err)
}
